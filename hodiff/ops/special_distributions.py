"""Distribution functions of ``scipy.special`` and their inverses, in every argument in which they vary smoothly.

Most are incomplete gamma and beta functions, so their partials are those of these, found where NumPy's hooks find them;
inverses follow by the implicit function theorem. An argument that SciPy cuts to an integer has derivative zero, since
the function is constant between integers. The noncentral t and F distributions have no closed
forms in the functions here and refuse to be differentiated.
May import ``core``, ``errors`` and ``kinds``.

>>> import hodiff as hd
>>> from scipy import special
>>> float(hd.grad(special.chdtr, 1)(2.0, 0.0)), float(hd.grad(special.pdtr, 1)(0.0, 0.0))
(0.5, -1.0)
"""

from collections.abc import Callable
from math import comb, factorial
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.errors import NoRuleError
from hodiff.kinds import elementwise

_ROOT_2_PI = float(np.sqrt(2.0 * np.pi))


def _partial(ufunc: Any, slot: int, *operands: Any) -> Any:
    """Partial derivative of another ufunc, one whose rule does not use the answer."""
    rule: Any = NUMPY_UFUNCS[ufunc]
    return rule.partials[slot](None, *operands)


def _ratio(x: Any, y: Any) -> Any:
    """x/y, and 0 where x is 0, at the ends of an inverse."""
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, np.divide(x, np.where(zero, 1.0, y)))


def _implicit(forward: tuple[Callable[..., Any], ...], solved: int, given: int) -> tuple[Callable[..., Any], ...]:
    """Partials of the inverse of F(z) = p in argument ``solved``, with p in the place ``given`` of its operands.

    Each of ``forward`` is a partial of F, a function of its arguments.
    """
    names = [slot for slot in range(len(forward)) if slot != solved]
    names.insert(given, solved)

    def rule(place: int) -> Callable[..., Any]:
        def partial(ans: Any, *operands: Any) -> Any:
            arguments: list[Any] = [None] * len(forward)
            for slot, value in zip(names, operands, strict=True):
                arguments[slot] = ans if slot == solved else value
            slope = forward[solved](*arguments)
            return 1 / slope if place == given else -_ratio(forward[names[place]](*arguments), slope)

        return partial

    return tuple(rule(place) for place in range(len(forward)))


def _direct(forward: tuple[Callable[..., Any], ...], sign: int = 1) -> tuple[Callable[..., Any], ...]:
    """Partials of F itself, or of 1 - F for the sign -1."""

    def rule(partial: Callable[..., Any]) -> Callable[..., Any]:
        return lambda ans, *arguments: sign * partial(*arguments)

    return tuple(rule(partial) for partial in forward)


def _negated(forward: tuple[Callable[..., Any], ...]) -> tuple[Callable[..., Any], ...]:
    """Partials of 1 - F, for the inverse of the complement."""

    def rule(partial: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: -partial(*arguments)

    return tuple(rule(partial) for partial in forward)


def _p(slot: int, a: Any, x: Any) -> Any:
    """Partial of P(a, x)."""
    return _partial(special.gammainc, slot, a, x)


def _i(slot: int, a: Any, b: Any, x: Any) -> Any:
    """Partial of I(a, b, x)."""
    return _partial(special.betainc, slot, a, b, x)


def _vanishing(x: Any, density: Any) -> Any:
    """The product; at x = 0 it is 0 where the density is infinite, and rises as steeply as the root."""
    lost = np.equal(x, 0) & np.isinf(density)
    return np.where(lost, np.sqrt(np.where(lost, x, 1.0)), x * np.where(lost, 1.0, density))


# --- gamma, chi squared, Poisson --------------------------------------------------------------------------------------

_GAMMA = (
    lambda a, b, x: _vanishing(x, _p(1, b, a * x)),
    lambda a, b, x: _p(0, b, a * x),
    lambda a, b, x: a * _p(1, b, a * x),
)
gdtr = elementwise(special.gdtr, *_direct(_GAMMA))
gdtrc = elementwise(special.gdtrc, *_direct(_GAMMA, -1))
gdtria = elementwise(special.gdtria, *_implicit(_GAMMA, 0, 0))
gdtrib = elementwise(special.gdtrib, *_implicit(_GAMMA, 1, 1))
gdtrix = elementwise(special.gdtrix, *_implicit(_GAMMA, 2, 2))

_CHI = (lambda v, x: 0.5 * _p(0, 0.5 * v, 0.5 * x), lambda v, x: 0.5 * _p(1, 0.5 * v, 0.5 * x))
chdtr = elementwise(special.chdtr, *_direct(_CHI))
chdtrc = elementwise(special.chdtrc, *_direct(_CHI, -1))
chdtri = elementwise(special.chdtri, *_implicit(_negated(_CHI), 1, 1))
chdtriv = elementwise(special.chdtriv, *_implicit(_CHI, 0, 0))

_POISSON = (lambda k, m: -_p(0, k + 1.0, m), lambda k, m: -_p(1, k + 1.0, m))


def _poisson_mean(k: Any, m: Any) -> Any:
    """∂/∂m of the distribution function at the integer part of k."""
    return _POISSON[1](np.floor(k), m)


pdtr = elementwise(special.pdtr, None, lambda ans, k, m: _poisson_mean(k, m))
pdtrc = elementwise(special.pdtrc, None, lambda ans, k, m: -_poisson_mean(k, m))
pdtri = elementwise(special.pdtri, None, lambda ans, k, y: 1 / _poisson_mean(k, ans))
pdtrik = elementwise(special.pdtrik, *_implicit(_POISSON, 0, 0))

# --- beta, binomial, negative binomial --------------------------------------------------------------------------------

_BETA = (lambda a, b, x: _i(0, a, b, x), lambda a, b, x: _i(1, a, b, x), lambda a, b, x: _i(2, a, b, x))
btdtria = elementwise(special.btdtria, *_implicit(_BETA, 0, 0))
btdtrib = elementwise(special.btdtrib, *_implicit(_BETA, 1, 1))

_BINOMIAL = (
    lambda k, n, p: _i(1, k + 1.0, n - k, p) - _i(0, k + 1.0, n - k, p),
    lambda k, n, p: -_i(1, k + 1.0, n - k, p),
    lambda k, n, p: -_i(2, k + 1.0, n - k, p),
)


def _binomial_slope(k: Any, n: Any, p: Any) -> Any:
    """∂/∂p of the distribution function at the integer parts of k and n; 0 where it is constant, k < 0 and k = n."""
    k, n = np.floor(k), np.trunc(n)
    constant = np.less(k, 0) | np.equal(k, n)
    return np.where(constant, 0.0, _BINOMIAL[2](np.where(constant, 0.0, k), np.where(constant, 1.0, n), p))


bdtr = elementwise(special.bdtr, None, None, lambda ans, k, n, p: _binomial_slope(k, n, p))
bdtrc = elementwise(special.bdtrc, None, None, lambda ans, k, n, p: -_binomial_slope(k, n, p))
bdtri = elementwise(special.bdtri, None, None, lambda ans, k, n, y: 1 / _binomial_slope(k, n, ans))
bdtrik = elementwise(special.bdtrik, *_implicit(_BINOMIAL, 0, 0))
bdtrin = elementwise(special.bdtrin, *_implicit(_BINOMIAL, 1, 1))

_NEGATIVE = (
    lambda k, n, p: _i(1, n, k + 1.0, p),
    lambda k, n, p: _i(0, n, k + 1.0, p),
    lambda k, n, p: _i(2, n, k + 1.0, p),
)


def _negative_slope(k: Any, n: Any, p: Any) -> Any:
    """∂/∂p of the distribution function at the integer parts of k and n."""
    return _NEGATIVE[2](np.trunc(k), np.trunc(n), p)


nbdtr = elementwise(special.nbdtr, None, None, lambda ans, k, n, p: _negative_slope(k, n, p))
nbdtrc = elementwise(special.nbdtrc, None, None, lambda ans, k, n, p: -_negative_slope(k, n, p))
nbdtri = elementwise(special.nbdtri, None, None, lambda ans, k, n, y: 1 / _negative_slope(k, n, ans))
nbdtrik = elementwise(special.nbdtrik, *_implicit(_NEGATIVE, 0, 0))
nbdtrin = elementwise(special.nbdtrin, *_implicit(_NEGATIVE, 1, 1))

# --- F ------------------------------------------------------------------------------------------------


def _f_partial(slot: int, dfn: Any, dfd: Any, x: Any) -> Any:
    """Partial of I(dfn/2, dfd/2, w), w = dfn x/(dfd + dfn x), from the side on which w or 1 - w is small."""
    total = dfd + dfn * x
    upper = np.greater(dfn * x, dfd)
    near = np.where(upper, dfd, dfn * x) / total
    a, b = 0.5 * np.where(upper, dfd, dfn), 0.5 * np.where(upper, dfn, dfd)
    density = _i(2, a, b, near)
    if slot == 2:
        return density * (dfn / total) * (dfd / total)
    sign = np.where(upper, -1.0, 1.0)
    swapped = np.where(upper, _i(1 - slot, a, b, near), _i(slot, a, b, near))
    move = _vanishing(x, density) / total * ((dfd if slot == 0 else -dfn) / total)
    return 0.5 * sign * swapped + move


_F = (
    lambda dfn, dfd, x: _f_partial(0, dfn, dfd, x),
    lambda dfn, dfd, x: _f_partial(1, dfn, dfd, x),
    lambda dfn, dfd, x: _f_partial(2, dfn, dfd, x),
)
fdtr = elementwise(special.fdtr, *_direct(_F))
fdtrc = elementwise(special.fdtrc, *_direct(_F, -1))
fdtri = elementwise(special.fdtri, *_implicit(_F, 2, 2))
fdtridfd = elementwise(special.fdtridfd, *_implicit(_F, 1, 1))


# --- noncentral chi squared -------------------------------------------------------------------------------------------


def _debye(count: int) -> list[Any]:
    """The polynomials of Debye's expansion (DLMF 10.41.9)."""
    p = np.polynomial.Polynomial([0.0, 1.0])
    answer = [np.polynomial.Polynomial([1.0])]
    for _ in range(count):
        last = answer[-1]
        answer.append(0.5 * p * p * (1 - p * p) * last.deriv() + ((1 - 5 * p * p) * last).integ() / 8)
    return answer


_DEBYE = _debye(9)


def _many_degrees(x: Any, order: Any, nc: Any) -> Any:
    """The density for a large order k/2 - 1, by the uniform expansion of the Bessel function (DLMF 10.41.3)."""
    root = np.sqrt(1 + nc * x / np.square(order))
    exponent = special.xlogy(order, x / order) + order * (root - np.log1p(root)) - (x + nc) / 2
    series = sum(polynomial(1 / root) / order**k for k, polynomial in enumerate(_DEBYE))
    return 0.5 * np.exp(exponent) * series / np.sqrt(2 * np.pi * order * root)


def _chi_density(x: Any, df: Any, nc: Any) -> Any:
    """½ exp(-(x + λ)/2) (x/2)^(k/2 - 1) F(k/2, λx/4), F = Σ zʲ/(j! Γ(k/2 + j)) (DLMF 10.25.2), any real k."""
    single = np.result_type(x, df, nc).name in ("float32", "float16")
    x, df, nc = (np.asarray(value, float) for value in np.broadcast_arrays(x, df, nc))
    with np.errstate(all="ignore"):
        many, z = df >= 80, nc * x / 4
        large, df = np.where(many, df / 2 - 1, 39.0), np.where(many, 1.0, df)
        order = df / 2 - 1
        small, big = np.where(z < 1, z, 0.0), np.where(z < 1, 1.0, z)
        series = sum(small**j / factorial(j) * special.rgamma(df / 2 + j) for j in range(22))
        power = np.exp(special.xlogy(order, x / 2) - (x + nc) / 2)
        gap = np.sqrt(x) - np.sqrt(nc)
        far = np.exp(special.xlogy(order, x / np.where(nc > 0, nc, 1.0)) / 2 - gap * gap / 2)
        few = 0.5 * np.where(z < 1, power * series, far * special.ive(order, 2 * np.sqrt(big)))
        answer = np.where(many, _many_degrees(x, large, nc), few)
    return np.asarray(np.where(x < 0, np.nan, answer), np.float32 if single else float)[()]


def _refusal(what: str) -> Callable[..., Any]:
    """Partial that has no closed form."""

    def refuse(*operands: Any) -> Any:
        raise NoRuleError.for_function(f"scipy.special.{what}")

    return refuse


_no_degrees = _refusal("chndtr or an inverse of it, with respect to (or solved for) the degrees of freedom,")


#: The density of the noncentral chi squared distribution, continued to degrees of freedom that are not positive.
noncentral_density: Primitive = elementwise(
    _chi_density,
    lambda ans, x, df, nc: 0.5 * (noncentral_density(x, df - 2.0, nc) - ans),
    _no_degrees,
    lambda ans, x, df, nc: 0.5 * (noncentral_density(x, df + 2.0, nc) - ans),
    name="noncentral_density",
)
_NONCENTRAL = (
    lambda x, df, nc: noncentral_density(x, df, nc),
    _no_degrees,
    lambda x, df, nc: -noncentral_density(x, df + 2.0, nc),
)
chndtr = elementwise(special.chndtr, *_direct(_NONCENTRAL))
chndtrix = elementwise(special.chndtrix, *_implicit(_NONCENTRAL, 0, 0))
chndtrinc = elementwise(special.chndtrinc, *_implicit(_NONCENTRAL, 2, 2))
chndtridf = elementwise(special.chndtridf, _no_degrees, _no_degrees, _no_degrees)

# Batched they can be, differentiated they cannot.
_no_t, _no_f = _refusal("nctdtr or an inverse of it"), _refusal("ncfdtr or an inverse of it")
nctdtr = elementwise(special.nctdtr, *[_no_t] * 3)
nctdtrit = elementwise(special.nctdtrit, *[_no_t] * 3)
nctdtridf = elementwise(special.nctdtridf, *[_no_t] * 3)
nctdtrinc = elementwise(special.nctdtrinc, *[_no_t] * 3)
ncfdtr = elementwise(special.ncfdtr, *[_no_f] * 4)
ncfdtri = elementwise(special.ncfdtri, *[_no_f] * 4)
ncfdtridfn = elementwise(special.ncfdtridfn, *[_no_f] * 4)
ncfdtridfd = elementwise(special.ncfdtridfd, *[_no_f] * 4)
ncfdtrinc = elementwise(special.ncfdtrinc, *[_no_f] * 4)

# --- normal, Tukey ---------------------------------------------------------------------------------------------


def _inverse_density(p: Any) -> Any:
    """∂ ndtri/∂p."""
    return _ROOT_2_PI * np.exp(0.5 * np.square(special.ndtri(p)))


nrdtrimn = elementwise(
    special.nrdtrimn,
    lambda ans, p, std, x: -std * _inverse_density(p),
    lambda ans, p, std, x: -special.ndtri(p),
    1,
)
nrdtrisd = elementwise(
    special.nrdtrisd,
    lambda ans, mn, p, x: -1 / special.ndtri(p),
    lambda ans, mn, p, x: (mn - x) / np.square(special.ndtri(p)) * _inverse_density(p),
    lambda ans, mn, p, x: 1 / special.ndtri(p),
)


def _tukey_density(ans: Any, x: Any, lmbda: Any) -> Any:
    """1/(p^(λ - 1) + (1 - p)^(λ - 1)), and 0 outside the support."""
    other = special.tklmbda(-x, lmbda)
    outside = np.equal(ans, 0) | np.equal(other, 0)
    p, q = np.where(outside, 0.5, ans), np.where(outside, 0.5, other)
    return np.where(outside, 0.0, 1 / (np.power(p, lmbda - 1.0) + np.power(q, lmbda - 1.0)))


def _tukey_shape(ans: Any, x: Any, lmbda: Any) -> Any:
    """By the quantile function x = boxcox(p, λ) - boxcox(1 - p, λ)."""
    other = special.tklmbda(-x, lmbda)
    outside = np.equal(ans, 0) | np.equal(other, 0)
    p, q = np.where(outside, 0.5, ans), np.where(outside, 0.5, other)
    moved = _partial(special.boxcox, 1, p, lmbda) - _partial(special.boxcox, 1, q, lmbda)
    return -moved * _tukey_density(ans, x, lmbda)


tklmbda = elementwise(special.tklmbda, _tukey_density, _tukey_shape)

# --- Kolmogorov and Smirnov -------------------------------------------------------------------------------------------


def _kolmogorov_slope(x: Any, order: int) -> Any:
    """Derivatives of 2 Σ (-1)ᵏ⁻¹ exp(-2k²x²), and for small x of 1 - √(2π)/x Σ exp(-(2k - 1)²π²/8x²)."""
    x = np.asarray(x)
    wide = x.astype(float)
    low = wide < 1
    inverse, high = 1 / np.where(low & (wide > 0.01), wide, 1.0), np.where(low, 1.0, wide)
    right, left = np.zeros_like(wide), np.zeros_like(wide)
    v, square = np.polynomial.Polynomial([0.0, 1.0]), np.polynomial.Polynomial([0.0, 0.0, 1.0])
    for k in range(1, 8):
        falls, rises = np.polynomial.Polynomial([2.0 * (-1) ** (k - 1)]), -_ROOT_2_PI * v
        rate = (2 * k - 1) ** 2 * np.pi**2 / 8
        for _ in range(order):
            falls = falls.deriv() - 4 * k * k * v * falls
            rises = -square * (rises.deriv() - 2 * rate * v * rises)
        right = right + falls(high) * np.exp(-2 * k * k * high * high)
        left = left + rises(inverse) * np.exp(-rate * inverse * inverse)
    # Left of 0.01 exp(-π²/8x²) is 0.
    answer = np.where(low, np.where(wide > 0.01, left, 0.0), right)
    return answer.astype(x.dtype if x.dtype == np.float32 else float)[()]


#: The derivative of the complementary distribution function of that order.
kolmogorov_slope: Primitive = elementwise(
    _kolmogorov_slope, lambda ans, x, order: kolmogorov_slope(x, order=order + 1), name="kolmogorov_slope"
)
kolmogorov = elementwise(special.kolmogorov, lambda ans, x: kolmogorov_slope(x, order=1))
kolmogi = elementwise(special.kolmogi, lambda ans, p: 1 / kolmogorov_slope(ans, order=1))


def _bell(orders: list[Any], n: int) -> Any:
    """Complete Bell polynomial: the n-th derivative of exp(κ) over exp(κ), from those of κ."""
    if n == 0:
        return 1.0
    return sum(comb(n - 1, k) * orders[k] * _bell(orders, n - 1 - k) for k in range(n))


def _smirnov_element(n: float, d: float, order: int) -> float:
    """Derivative of d Σ binom(n, j) (d + j/n)ʲ⁻¹ (1 - d - j/n)ⁿ⁻ʲ over j ≤ n(1 - d), whose terms are positive."""
    if not (0 < d < 1 and n >= 1):
        return 0.0 if d in (0.0, 1.0) and n >= 1 else np.nan
    n = float(int(n))
    j = np.arange(int(np.floor(n * (1 - d))) + 1.0)
    up, down = d + j / n, (1 - d) - j / n
    down = np.where(down > 0, down, 0.0)
    size = special.gammaln(n + 1) - special.gammaln(j + 1) - special.gammaln(n - j + 1)
    size = size + special.xlogy(j - 1, up) + special.xlogy(n - j, down) + np.log(d)
    orders = [
        factorial(k) * (-1) ** k * (d ** -(k + 1.0) + (j - 1) * up ** -(k + 1.0))
        - factorial(k) * (n - j) * np.where(down > 0, down, np.inf) ** -(k + 1.0)
        for k in range(order)
    ]
    return float(np.sum(np.exp(size) * _bell(orders, order)))


def _smirnov_slope(n: Any, d: Any, order: int) -> Any:
    single = np.result_type(d).name in ("float32", "float16")
    n, d = np.broadcast_arrays(n, d)
    pairs = zip(n.ravel().tolist(), d.ravel().astype(float).tolist(), strict=True)
    with np.errstate(all="ignore"):
        answer = [_smirnov_element(size, gap, order) for size, gap in pairs]
    return np.array(answer, np.float32 if single else float).reshape(d.shape)[()]


#: The derivative of the complementary distribution function of that order.
smirnov_slope: Primitive = elementwise(
    _smirnov_slope, None, lambda ans, n, d, order: smirnov_slope(n, d, order=order + 1), name="smirnov_slope"
)
smirnov = elementwise(special.smirnov, None, lambda ans, n, d: smirnov_slope(n, d, order=1))
smirnovi = elementwise(special.smirnovi, None, lambda ans, n, p: 1 / smirnov_slope(n, ans, order=1))
