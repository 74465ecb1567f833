"""Derivatives of Bessel functions, and the spherical Bessel functions.

May import ``core``, ``errors`` and ``kinds``.

>>> float(jvp(0, 0.0))
0.0
"""

from math import comb as _binomial
from operator import index
from typing import Any

import numpy as np
from scipy import special as _scipy

from hodiff.core import Tracer, as_operand
from hodiff.errors import NoRuleError
from hodiff.kinds import elementwise


def _refused(function: str, argument: str) -> Any:
    def refuse(*operands: Any, **parameters: Any) -> Any:
        raise NoRuleError.for_function(f"scipy.special.{function} (with respect to its argument {argument})")

    return refuse


# --- derivatives of Bessel functions (DLMF 10.6.7, 10.29.5) -----------------------------------------------------------


def _bessel_derivative(function: Any, v: Any, z: Any, n: int, phase: float) -> Any:
    n = index(n)
    if n < 0:
        raise ValueError(f"n must be a non-negative integer, got {n}")
    v, z = as_operand(v), as_operand(z)
    total = function(v - n, z) if n else function(v, z)
    for k in range(1, n + 1):
        total = total + phase**k * _binomial(n, k) * function(v - n + 2 * k, z)
    return total / 2.0**n


def jvp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of Jᵥ(z), as ``scipy.special.jvp``.

    Examples
    --------
    >>> bool(np.isclose(jvp(1, 2.0), _scipy.jvp(1, 2.0)))
    True
    """
    return _bessel_derivative(_scipy.jv, v, z, n, -1.0)


def yvp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of Yᵥ(z), as ``scipy.special.yvp``.

    Examples
    --------
    >>> bool(np.isclose(yvp(1, 2.0), _scipy.yvp(1, 2.0)))
    True
    """
    return _bessel_derivative(_scipy.yv, v, z, n, -1.0)


def ivp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of Iᵥ(z), as ``scipy.special.ivp``.

    Examples
    --------
    >>> bool(np.isclose(ivp(1, 2.0), _scipy.ivp(1, 2.0)))
    True
    """
    return _bessel_derivative(_scipy.iv, v, z, n, 1.0)


def kvp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of Kᵥ(z), as ``scipy.special.kvp``.

    Examples
    --------
    >>> bool(np.isclose(kvp(1, 2.0), _scipy.kvp(1, 2.0)))
    True
    """
    return (-1) ** index(n) * _bessel_derivative(_scipy.kv, v, z, n, 1.0)


def h1vp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of H⁽¹⁾ᵥ(z), as ``scipy.special.h1vp``.

    Examples
    --------
    >>> bool(np.isclose(h1vp(1, 2.0), _scipy.h1vp(1, 2.0)))
    True
    """
    return _bessel_derivative(_scipy.hankel1, v, z, n, -1.0)


def h2vp(v: Any, z: Any, n: int = 1) -> Any:
    """The n-th derivative of H⁽²⁾ᵥ(z), as ``scipy.special.h2vp``.

    Examples
    --------
    >>> bool(np.isclose(h2vp(1, 2.0), _scipy.h2vp(1, 2.0)))
    True
    """
    return _bessel_derivative(_scipy.hankel2, v, z, n, -1.0)


# --- spherical Bessel functions (DLMF 10.51) --------------------------------------------------------------------------


def _spherical(name: str, lower: float, upper: float) -> Any:
    """The function f with (2n + 1) fₙ' = lower · n fₙ₋₁ + upper · (n + 1) fₙ₊₁."""
    function = getattr(_scipy, name)

    def slope(ans: Any, n: Any, z: Any) -> Any:
        below = np.where(np.equal(n, 0), 0.0, lower * n * primitive(np.maximum(n - 1, 0), z))
        return (below + upper * (n + 1) * primitive(n + 1, z)) / (2 * n + 1)

    primitive: Any = elementwise(lambda n, z: function(n, z), _refused(name, "n"), slope, name=f"_{name}")
    return primitive, slope


_spherical_jn, _jn_slope = _spherical("spherical_jn", 1.0, -1.0)
_spherical_yn, _yn_slope = _spherical("spherical_yn", 1.0, -1.0)
_spherical_in, _in_slope = _spherical("spherical_in", 1.0, 1.0)
_spherical_kn, _kn_slope = _spherical("spherical_kn", -1.0, -1.0)


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function or its derivative, as ``scipy.special.spherical_jn``.

    Examples
    --------
    >>> import hodiff as hd
    >>> bool(np.isclose(hd.grad(lambda z: spherical_jn(1, z))(2.0), spherical_jn(1, 2.0, derivative=True)))
    True
    """
    n, z = as_operand(n), as_operand(z)
    if not isinstance(z, Tracer) and not isinstance(n, Tracer):
        return _scipy.spherical_jn(n, z, derivative)
    return _jn_slope(None, n, z) if derivative else _spherical_jn(n, z)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function or its derivative, as ``scipy.special.spherical_yn``.

    Examples
    --------
    >>> import hodiff as hd
    >>> bool(np.isclose(hd.grad(lambda z: spherical_yn(1, z))(2.0), spherical_yn(1, 2.0, derivative=True)))
    True
    """
    n, z = as_operand(n), as_operand(z)
    if not isinstance(z, Tracer) and not isinstance(n, Tracer):
        return _scipy.spherical_yn(n, z, derivative)
    return _yn_slope(None, n, z) if derivative else _spherical_yn(n, z)


def spherical_in(n: Any, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function or its derivative, as ``scipy.special.spherical_in``.

    Examples
    --------
    >>> import hodiff as hd
    >>> bool(np.isclose(hd.grad(lambda z: spherical_in(1, z))(2.0), spherical_in(1, 2.0, derivative=True)))
    True
    """
    n, z = as_operand(n), as_operand(z)
    if not isinstance(z, Tracer) and not isinstance(n, Tracer):
        return _scipy.spherical_in(n, z, derivative)
    return _in_slope(None, n, z) if derivative else _spherical_in(n, z)


def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Any:
    """Spherical Bessel function or its derivative, as ``scipy.special.spherical_kn``.

    Examples
    --------
    >>> import hodiff as hd
    >>> bool(np.isclose(hd.grad(lambda z: spherical_kn(1, z))(2.0), spherical_kn(1, 2.0, derivative=True)))
    True
    """
    n, z = as_operand(n), as_operand(z)
    if not isinstance(z, Tracer) and not isinstance(n, Tracer):
        return _scipy.spherical_kn(n, z, derivative)
    return _kn_slope(None, n, z) if derivative else _spherical_kn(n, z)
