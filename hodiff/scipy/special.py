"""The Python functions of ``scipy.special``: they take traced values, which SciPy's own cannot, and plain ones.

The ufuncs of ``scipy.special`` need no wrapper, and can be imported from here too. May import ``core``, ``errors``,
``kinds``, ``special_gamma``, ``special_integrals``, ``_bessel`` and ``_exponentials``.

>>> import hodiff as hd
>>> hd.grad(logsumexp)(np.array([0.0, 0.0]))
array([0.5, 0.5])
"""

from operator import index
from typing import Any

import numpy as np
from scipy import special as _scipy

from hodiff.core import Tracer, as_operand
from hodiff.errors import NoRuleError
from hodiff.kinds import elementwise, reject
from hodiff.ops import special_gamma, special_integrals
from hodiff.scipy._bessel import (
    h1vp,
    h2vp,
    ivp,
    jvp,
    kvp,
    spherical_in,
    spherical_jn,
    spherical_kn,
    spherical_yn,
    yvp,
)
from hodiff.scipy._exponentials import log_softmax, logsumexp, softmax, softplus

__all__ = [
    "assoc_legendre_p",
    "comb",
    "diric",
    "factorial",
    "h1vp",
    "h2vp",
    "ivp",
    "jvp",
    "kvp",
    "lambertw",
    "legendre_p",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "perm",
    "polygamma",
    "sinc",
    "softmax",
    "softplus",
    "sph_harm_y",
    "sph_legendre_p",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "yvp",
    "zeta",
]


def __getattr__(name: str) -> Any:
    found = getattr(_scipy, name, None)
    if isinstance(found, np.ufunc):
        return found
    what = "is no function of scipy.special" if found is None else "has no version for traced values yet"
    raise AttributeError(f"hodiff.scipy.special: {name} {what}")


def _refused(function: str, argument: str) -> Any:
    def refuse(*operands: Any, **parameters: Any) -> Any:
        raise NoRuleError.for_function(f"scipy.special.{function} (with respect to its argument {argument})")

    return refuse


# --- gamma and its kin ------------------------------------------------------------------------------------------------

_polygamma: Any = elementwise(
    lambda n, x: _scipy.polygamma(n, x),
    _refused("polygamma", "n"),
    lambda ans, n, x: _polygamma(n + 1, x),
    name="_polygamma",
)
_riemann_zeta = elementwise(lambda x: _scipy.zeta(x), special_gamma.riemann_zeta_slope, name="_riemann_zeta")
_multigammaln = elementwise(
    lambda a, d: _scipy.multigammaln(a, d),
    lambda ans, a, d: sum(_scipy.psi(a - 0.5 * j) for j in range(d)),
    name="_multigammaln",
)


def polygamma(n: Any, x: Any) -> Any:
    """Derivatives of the digamma function, as ``scipy.special.polygamma``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda x: polygamma(0, x))(1.0)) == float(polygamma(1, 1.0))
    True
    """
    return _polygamma(as_operand(n), as_operand(x))


def zeta(x: Any, q: Any = None) -> Any:
    """Riemann's or Hurwitz's zeta function, as ``scipy.special.zeta``; differentiable in both.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda q: zeta(2.0, q))(1.0)).__round__(6)
    -2.404114
    """
    x = as_operand(x)
    if q is None:
        return _riemann_zeta(x) if isinstance(x, Tracer) else _scipy.zeta(x)
    q = as_operand(q)
    return special_gamma.zeta(x, q) if isinstance(x, Tracer) or isinstance(q, Tracer) else _scipy.zeta(x, q)


def multigammaln(a: Any, d: int) -> Any:
    """Logarithm of the multivariate gamma function, as ``scipy.special.multigammaln``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda a: multigammaln(a, 1))(1.0)).__round__(6)
    -0.577216
    """
    return _multigammaln(as_operand(a), d=index(d))


def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """Γ(n + 1), and 0 for negative n, as ``scipy.special.factorial``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(factorial)(0.0)).__round__(6)
    -0.577216
    """
    n = as_operand(n)
    if not isinstance(n, Tracer):
        return _scipy.factorial(n, exact=exact, extend=extend)
    reject("scipy.special.factorial", exact=(exact, False), extend=(extend, "zero"))
    below = np.less(n, 0)
    return np.where(below, 0.0, _scipy.gamma(np.where(below, 0.0, n) + 1))


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """Binomial coefficients, as ``scipy.special.comb``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.jvp(lambda n: comb(n, 2), (4.0,), (0.0,))[0])
    6.0
    """
    N, k = as_operand(N), as_operand(k)
    if not isinstance(N, Tracer) and not isinstance(k, Tracer):
        return _scipy.comb(N, k, exact=exact, repetition=repetition)
    reject("scipy.special.comb", exact=(exact, False))
    if repetition:
        return comb(N + k - 1, k)
    return np.where(np.less_equal(k, N) & np.greater_equal(N, 0) & np.greater_equal(k, 0), _scipy.binom(N, k), 0.0)


def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """Number of ordered selections, as ``scipy.special.perm``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.jvp(lambda n: perm(n, 2), (4.0,), (0.0,))[0])
    12.0
    """
    N, k = as_operand(N), as_operand(k)
    if not isinstance(N, Tracer) and not isinstance(k, Tracer):
        return _scipy.perm(N, k, exact=exact)
    reject("scipy.special.perm", exact=(exact, False))
    return np.where(
        np.less_equal(k, N) & np.greater_equal(N, 0) & np.greater_equal(k, 0), _scipy.poch(N - k + 1, k), 0.0
    )


# --- Legendre functions, spherical harmonics --------------------------------------------------------------------------


def _by_order(name: str, function: Any, count: int) -> Any:
    """SciPy gives derivatives up to the second along its keyword ``diff_n``; here each is an elementwise operation."""

    def partial(ans: Any, *operands: Any, order: int, **options: Any) -> Any:
        if order >= 2:
            raise NoRuleError.for_function(f"the third derivative of scipy.special.{name}")
        return primitive(*operands, order=order + 1, **options)

    def value(*operands: Any, order: int, **options: Any) -> Any:
        return function(*operands, diff_n=order, **options)[order]

    refusals = [_refused(name, "n"), _refused(name, "m")][: count - 1]
    primitive: Any = elementwise(value, *refusals, partial, name=f"_{name}")
    return primitive


_legendre_p = _by_order("legendre_p", _scipy.legendre_p, 2)
_assoc_legendre_p = _by_order("assoc_legendre_p", _scipy.assoc_legendre_p, 3)
_sph_legendre_p = _by_order("sph_legendre_p", _scipy.sph_legendre_p, 3)


def legendre_p(n: Any, z: Any, *, diff_n: int = 0) -> Any:
    """Legendre polynomials and their derivatives up to ``diff_n``, as ``scipy.special.legendre_p``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda z: legendre_p(2, z)[0])(1.0))
    3.0
    """
    z = as_operand(z)
    if not isinstance(z, Tracer):
        return _scipy.legendre_p(n, z, diff_n=diff_n)
    return np.stack([_legendre_p(n, z, order=k) for k in range(index(diff_n) + 1)])


def assoc_legendre_p(n: Any, m: Any, z: Any, *, branch_cut: int = 2, norm: bool = False, diff_n: int = 0) -> Any:
    """Associated Legendre functions and their derivatives, as ``scipy.special.assoc_legendre_p``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda z: assoc_legendre_p(2, 0, z)[0])(0.5))
    1.5
    """
    z = as_operand(z)
    if not isinstance(z, Tracer):
        return _scipy.assoc_legendre_p(n, m, z, branch_cut=branch_cut, norm=norm, diff_n=diff_n)
    orders = range(index(diff_n) + 1)
    return np.stack([_assoc_legendre_p(n, m, z, order=k, branch_cut=branch_cut, norm=norm) for k in orders])


def sph_legendre_p(n: Any, m: Any, theta: Any, *, diff_n: int = 0) -> Any:
    """Spherical Legendre functions and their derivatives, as ``scipy.special.sph_legendre_p``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda t: sph_legendre_p(1, 0, t)[0])(0.0)) == 0.0
    True
    """
    theta = as_operand(theta)
    if not isinstance(theta, Tracer):
        return _scipy.sph_legendre_p(n, m, theta, diff_n=diff_n)
    return np.stack([_sph_legendre_p(n, m, theta, order=k) for k in range(index(diff_n) + 1)])


def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, *, diff_n: int = 0) -> Any:
    """Spherical harmonics, as ``scipy.special.sph_harm_y``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda phi: np.real(sph_harm_y(1, 1, np.pi / 2, phi)))(0.0)) == 0.0
    True
    """
    theta, phi = as_operand(theta), as_operand(phi)
    if not isinstance(theta, Tracer) and not isinstance(phi, Tracer):
        return _scipy.sph_harm_y(n, m, theta, phi, diff_n=diff_n)
    reject("scipy.special.sph_harm_y", diff_n=(diff_n, 0))
    return _sph_legendre_p(n, m, theta, order=0) * np.exp(1j * (m * phi))


# --- others -----------------------------------------------------------------------------------------------------------


def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    """Lambert's W, as ``scipy.special.lambertw``: complex, on branch ``k``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(lambda z: np.real(lambertw(z)))(0.0))
    1.0
    """
    return special_integrals.lambertw(as_operand(z), as_operand(k), tol)


def sinc(x: Any) -> Any:
    """sin(πx)/(πx), as ``numpy.sinc``.

    Examples
    --------
    >>> float(sinc(0.0))
    1.0
    """
    return np.sinc(as_operand(x))


def _periodic(x: Any, n: int, order: int) -> Any:
    """Derivative of some order of the sum of cosines that `diric` is."""
    if order == 0:
        return _scipy.diric(x, n)
    waves = np.arange(n) - 0.5 * (n - 1)
    angles = np.asarray(x)[..., None] * waves + 0.5 * np.pi * order
    return np.sum(waves**order * np.cos(angles), axis=-1) / n


_diric: Any = elementwise(_periodic, lambda ans, x, n, order: _diric(x, n=n, order=order + 1), name="_diric")


def diric(x: Any, n: Any) -> Any:
    """Periodic sinc function, as ``scipy.special.diric``.

    Examples
    --------
    >>> import hodiff as hd
    >>> float(hd.grad(hd.grad(lambda x: diric(x, 3)))(0.0)).__round__(6)
    -0.666667
    """
    x = as_operand(x)
    return _diric(x, n=index(n), order=0) if isinstance(x, Tracer) else _scipy.diric(x, n)
