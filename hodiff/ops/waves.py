"""Phases, sinc, and products that are no contractions: angle, unwrap, sinc, i0, cross, kron.

The derivatives of sinc are those of the spherical Bessel function j₀, by the recurrence without a division (DLMF
10.51.2), so they are accurate at 0 and near it, at every order.
May import ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> round(float(hd.grad(hd.grad(np.sinc))(0.0)), 12) == round(-np.pi**2 / 3, 12)
True
"""

import warnings
from typing import Any

import numpy as np
from scipy import special

from hodiff.code import Code
from hodiff.core import Primitive
from hodiff.errors import NotStagedError
from hodiff.kinds import composite, constant, elementwise
from hodiff.lowering import Composed
from hodiff.operands import as_array, value_of
from hodiff.shaped import is_inexact, negative_axis

# --- sinc and i0 ------------------------------------------------------------------------------------------------------


def _spherical(x: Any, n: int) -> Any:
    """jₙ(πx) in the precision of x."""
    if n == 0:
        return np.sinc(x)
    # SciPy knows no other precisions.
    working = np.result_type(x.dtype, np.float32).char
    z = np.pi * x.astype({"g": "d", "G": "D"}.get(working, working))
    return special.spherical_jn(n, z).astype(x.dtype)


def _spherical_slope(ans: Any, x: Any, n: int) -> Any:
    """(2n + 1) jₙ′ = n jₙ₋₁ - (n + 1) jₙ₊₁, DLMF 10.51.2."""
    if n == 0:
        return -np.pi * spherical_wave(x, n=1)
    return (n * spherical_wave(x, n=n - 1) - (n + 1) * spherical_wave(x, n=n + 1)) * (np.pi / (2 * n + 1))


def _sinc(x: Any, n: int) -> Any:
    if n or x.dtype.char not in "fd":
        raise NotStagedError("Bessel functions are those of SciPy")
    x = np.pi * x
    y = np.where(np.not_equal(x, 0), x, np.finfo(x.dtype).eps)
    return np.sin(y) / y


#: Spherical Bessel function jₙ(πx).
spherical_wave: Primitive = elementwise(
    _spherical, _spherical_slope, name="spherical_wave", smooth=True, code=Code(shares=False, nest=Composed(_sinc))
)


@composite(np.sinc)
def sinc(x: Any) -> Any:
    """NumPy's ``sinc``: sin(πx)/(πx)."""
    return spherical_wave(x if is_inexact(x.dtype) else x.astype(np.float64), n=0)


@composite(np.i0)
def i0(x: Any) -> Any:
    """NumPy's ``i0``: the modified Bessel function of order 0."""
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    if x.dtype.char in "fd":
        return special.i0(x)
    answer = special.i0(x.astype(np.float64))
    return answer.astype(x.dtype) if x.dtype.kind == "f" else answer


# --- phases -----------------------------------------------------------------------------------------------------------


@composite(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """NumPy's ``angle``; constant for real numbers."""
    if z.dtype.kind == "c":
        answer = np.arctan2(np.imag(z), np.real(z))
    else:
        answer = real_angle(z)
    return answer * (180 / np.pi) if deg else answer


def _turns(p: Any, discont: Any, axis: int, period: Any) -> Any:
    """Number of periods that unwrapping adds to each element."""
    return np.rint((np.unwrap(p, discont, axis, period=period) - p) / period)


real_angle = constant(
    lambda x: np.arctan2(0, x),
    name="real_angle",
    core=0,
    code=Code(shares=False, nest=Composed(lambda x: np.arctan2(0, x))),
)
unwrap_turns = constant(_turns, name="unwrap_turns", leading=True)


@composite(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    """NumPy's ``unwrap``: adds multiples of the period, which may be traced."""
    axis = negative_axis(axis, p.ndim, "numpy.unwrap")
    turns = unwrap_turns(p, discont=value_of(discont), axis=axis, period=value_of(period))
    answer = np.result_type(p.dtype, value_of(period))
    return p + turns.astype(answer) * period


@composite(np.real_if_close)
def real_if_close(a: Any, tol: Any = 100) -> Any:
    """NumPy's ``real_if_close``."""
    if a.dtype.kind != "c":
        return a
    if tol > 1:
        tol = np.finfo(a.dtype).eps * tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < tol) else a


# --- products ---------------------------------------------------------------------------------------------------------


def _cross(a: Any, b: Any) -> Any:
    """Vector product along the last axes, of length 2 or 3; a missing component is 0."""
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    last = a0 * b1 - a1 * b0
    if a.shape[-1] == b.shape[-1] == 2:
        return last
    if a.shape[-1] == 2:
        parts = (a1 * b[..., 2], -(a0 * b[..., 2]), last)
    elif b.shape[-1] == 2:
        parts = (-(a[..., 2] * b1), a[..., 2] * b0, last)
    else:
        a2, b2 = a[..., 2], b[..., 2]
        parts = (a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, last)
    return np.stack(parts, axis=-1)


@composite(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """NumPy's ``cross``; vectors with two components are deprecated as in NumPy."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = as_array(a), as_array(b)
    if a.ndim < 1 or b.ndim < 1:
        raise ValueError("At least one array has zero dimension")
    a = np.moveaxis(a, negative_axis(axisa, a.ndim, "numpy.cross: axisa"), -1)
    b = np.moveaxis(b, negative_axis(axisb, b.ndim, "numpy.cross: axisb"), -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    if 2 in (a.shape[-1], b.shape[-1]):
        warnings.warn(
            "Arrays of 2-dimensional vectors are deprecated. Use arrays of 3-dimensional vectors instead. "
            "(deprecated in NumPy 2.0)",
            DeprecationWarning,
            stacklevel=4,
        )
    answer = _cross(a, b)
    if a.shape[-1] == b.shape[-1] == 2:
        return answer
    return np.moveaxis(answer, -1, negative_axis(axisc, answer.ndim, "numpy.cross: axisc"))


@composite(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """NumPy's ``linalg.cross``: of vectors with three components."""
    x1, x2 = as_array(x1), as_array(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
            f"{x1.shape[axis]} and {x2.shape[axis]} dimensional instead."
        )
    return cross(x1, x2, axis=axis)


@composite(np.kron)
def kron(a: Any, b: Any) -> Any:
    """NumPy's ``kron``: each element of ``a`` times all of ``b``."""
    a, b = as_array(a), as_array(b)
    ndim = max(a.ndim, b.ndim)
    outer, inner = ((1,) * (ndim - v.ndim) + v.shape for v in (a, b))
    product = np.reshape(a, [n for m in outer for n in (m, 1)]) * np.reshape(b, [n for m in inner for n in (1, m)])
    return np.reshape(product, [m * n for m, n in zip(outer, inner, strict=True)])
