"""The incomplete gamma and beta functions and their inverses, in every argument, and the densities they integrate.

The derivatives in the argument are densities; those in the parameters have no elementary closed form. With
u = log t (gamma) and u = logit t (beta) each is the integral of exp(log-density) times a polynomial in logarithms, over
one side of the argument. The two sides differ by the sign, since the whole integral is the derivative of 1; taken is
the side on which the integrand has one sign, so nothing cancels and both tails keep their digits. Small arguments with
small parameters have an integrand that hardly decays there; with E = x^a Γ(a + b)/(Γ(a + 1) Γ(b)) the
function is E·T(a, b), and T is a smooth integral (DLMF 8.2.1, 8.17.1, by parts). All of them are primitives of their
own with the orders of differentiation as parameters, and derivatives of such primitives are such primitives.
May import ``core`` and ``kinds``.

>>> import hodiff as hd
>>> from scipy import special
>>> float(hd.grad(special.gammainc)(1.0, 2.0).round(12))
-0.220825426212
"""

from collections.abc import Callable
from functools import cache
from math import comb
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.kinds import elementwise

Array = Any
Cumulant = Callable[[int, int], Array]

#: Where an integrand is cut off: exp(-CUTOFF) is nothing beside 1, polynomial factors included.
_CUTOFF = 50.0


@cache
def _rule() -> tuple[Array, Array]:
    """Nodes and weights on [0, 1]: the double exponential rule t = exp(τ - exp(-τ)), cut off at exp(-CUTOFF).

    Takahasi and Mori (1974); in log t it resolves every scale between the ends, so exponentials, Gaussians and
    mixtures of scales are all integrated to rounding.
    """
    top = float(np.log(_CUTOFF)) + 0.1
    tau = np.arange(top, -3.75, -1 / 14)
    node = np.exp(tau - np.exp(-tau))
    weight = node * (1 + np.exp(-tau)) / 14
    return node / _CUTOFF, weight / _CUTOFF


def _bell(m: int, n: int, cumulant: Cumulant) -> Array:
    """∂ᵐ∂ⁿ exp(κ)/exp(κ) from the derivatives κᵢⱼ: the complete Bell polynomial, in two variables."""
    if m < n:
        return _bell(n, m, lambda i, j: cumulant(j, i))
    if m == 0:
        return 1.0
    return sum(
        comb(m - 1, i) * comb(n, j) * cumulant(i + 1, j) * _bell(m - 1 - i, n - j, cumulant)
        for i in range(m)
        for j in range(n + 1)
    )


def _polygamma(n: int, x: Array) -> Array:
    return special.psi(x) if n == 0 else special.polygamma(n, x)


def _polygamma_gap(n: int, x: Array, step: Array) -> Array:
    """ψ⁽ⁿ⁾(x + step) - ψ⁽ⁿ⁾(x); that of ψ itself is what the partial of ``betaln`` computes without cancellation."""
    if n:
        return special.polygamma(n, x + step) - special.polygamma(n, x)
    rule: Any = NUMPY_UFUNCS[special.betaln]
    return -rule.partials[0](None, x, step)


# --- densities, from their logarithm ----------------------------------------------------------------------------------


def _excess(ratio: Array, x: Array) -> Array:
    """log(ratio) - x, ratio = 1 + x, without cancellation: 2 artanh(r) - x, r = x/(2 + x), whose first terms cancel."""
    near = np.abs(x) < 0.5
    small = np.where(near, x, 0.0)
    r = small / (2 + small)
    square, series = r * r, 0.0
    for k in range(17, 0, -1):
        series = square * (1 / (2 * k + 1) + series)
    return np.where(near, 2 * r * series - r * small, np.log(np.where(near, 1.0, ratio)) - x)


def _stirling_error(z: Array) -> Array:
    """log Γ(z) less Stirling's (z - ½) log z - z + ½ log 2π (DLMF 5.11.1)."""
    big = np.maximum(z, 10.0)
    square, series = 1 / (big * big), 0.0
    for number in (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = number + square * series
    exact = special.gammaln(z) - (z - 0.5) * np.log(z) + z - 0.5 * np.log(2 * np.pi)
    return np.where(z < 10, exact, series / big)


def _gamma_bulk(a: Array, x: Array) -> Array:
    """xᵃ exp(-x)/Γ(a) for positive a, without the cancellation of a log x against log Γ(a) (Loader 2000)."""
    return np.sqrt(a / (2 * np.pi)) * np.exp(a * _excess(x / a, (x - a) / a) - _stirling_error(a))


def _beta_bulk(a: Array, b: Array, x: Array) -> Array:
    """xᵃ (1 - x)ᵇ/B(a, b) for positive a and b, as `_gamma_bulk`."""
    error = _stirling_error(a) + _stirling_error(b) - _stirling_error(a + b)
    gap = b * x - a * (1 - x)
    exponent = a * _excess((a + b) * x / a, gap / a) + b * _excess((a + b) * (1 - x) / b, -gap / b)
    return np.sqrt(a * (b / (2 * np.pi * (a + b)))) * np.exp(exponent - error)


def _at_zero(power: Array, order: int, finite: Array) -> Array:
    """Value at x = 0 of (log x)ⁿ times xᵖ times a factor that is ``finite`` there."""
    pole = np.inf if order % 2 == 0 else -np.inf
    return np.where(power > 0, 0.0, np.where((power < 0) | (order > 0), pole, finite))


def _gamma_density(a: Array, x: Array, order: int, power: int) -> Array:
    """∂ⁿ/∂aⁿ of xᵃ⁻¹⁻ᵖ exp(-x)/Γ(a)."""
    inside = (x > 0) & (x < np.inf)
    safe = np.where(inside, x, 1.0)
    logs = np.log(safe)
    answer = _gamma_bulk(a, safe) * safe ** (-1.0 - power)
    answer = answer * _bell(order, 0, lambda i, j: (logs if i == 1 else 0.0) - _polygamma(i - 1, a))
    edge = np.where(x == 0, _at_zero(a - 1 - power, order, special.rgamma(a)), np.where(x == np.inf, 0.0, np.nan))
    return np.where(inside, answer, edge)


def _beta_logarithm(a: Array, b: Array, log_x: Array, log_y: Array) -> Cumulant:
    """Derivatives in a and b of the logarithm of xᵃ (1 - x)ᵇ/B(a, b)."""

    def cumulant(i: int, j: int) -> Array:
        if j == 0:
            return _polygamma_gap(i - 1, a, b) + (log_x if i == 1 else 0.0)
        if i == 0:
            return _polygamma_gap(j - 1, b, a) + (log_y if j == 1 else 0.0)
        return _polygamma(i + j - 1, a + b)

    return cumulant


def _beta_density(a: Array, b: Array, x: Array, orders: tuple[int, int], powers: tuple[int, int]) -> Array:
    """∂ᵐ∂ⁿ/∂aᵐ∂bⁿ of xᵃ⁻¹⁻ᵖ (1 - x)ᵇ⁻¹⁻q/B(a, b)."""
    (m, n), (p, q) = orders, powers
    inside = (x > 0) & (x < 1)
    safe = np.where(inside, x, 0.5)
    answer = _beta_bulk(a, b, safe) * safe ** (-1.0 - p) * (1 - safe) ** (-1.0 - q)
    answer = answer * _bell(m, n, _beta_logarithm(a, b, np.log(safe), np.log1p(-safe)))
    if inside.all():
        return answer
    scale = np.exp(-special.betaln(a, b))
    left = _at_zero(a - 1 - p, m, scale * _bell(0, n, _beta_logarithm(a, b, 0.0, 0.0)))
    right = _at_zero(b - 1 - q, n, scale * _bell(m, 0, _beta_logarithm(a, b, 0.0, 0.0)))
    return np.where(inside, answer, np.where(x == 0, left, np.where(x == 1, right, np.nan)))


# --- derivatives in the parameters ------------------------------------------------------------------------------------


def _cutoff(exponent: Callable[[Array], tuple[Array, Array]], start: Array) -> Array:
    """Where a concave falling exponent reaches -CUTOFF: Newton's method from the right, which cannot overshoot."""
    s = start
    for _ in range(24):
        value, slope = exponent(s)
        s = np.maximum(s - (value + _CUTOFF) / slope, 0.2 * s)
    return s


def _gamma_side(a: Array, x: Array, n: int) -> Array:
    """∂ⁿP/∂aⁿ for x ≥ 1, by the side of x on which the first derivative of the integrand has one sign."""
    sign = np.where(np.log(x) < special.psi(a), -1.0, 1.0)

    def exponent(s: Array) -> tuple[Array, Array]:
        growth = np.expm1(sign * s)
        return sign * a * s - x * growth, sign * (a - x * (1 + growth))

    gap = sign * (a - x)
    root = np.sqrt(gap * gap + 2 * _CUTOFF * x)
    right = np.where(gap > 0, (gap + root) / x, 2 * _CUTOFF / (root - gap))
    length = _cutoff(exponent, np.where(sign > 0, right, (x + _CUTOFF) / a))
    node, weight = (part[:, None] for part in _rule())
    s = length * node
    logs, digamma = np.log(x) + sign * s, special.psi(a + 1)

    def cumulant(i: int, j: int) -> Array:
        return logs - digamma if i == 1 else -_polygamma(i - 1, a + 1)

    polynomial = a * _bell(n, 0, cumulant) + n * _bell(n - 1, 0, cumulant)
    total = np.sum(weight * np.exp(exponent(s)[0]) * polynomial, axis=0) * length
    return -sign * total * _gamma_bulk(a, x) / a


def _gamma_small(a: Array, x: Array, n: int) -> Array:
    """∂ⁿP/∂aⁿ for x < 1: P = E T with E = xᵃ/Γ(a + 1) and T = 1 + a ∫₀^∞ exp(-as) (exp(-x exp(-s)) - 1) ds."""
    node, weight = (part[:, None] for part in _rule())
    length = _CUTOFF / (1 + a)
    s = length * node
    kernel = weight * length * np.exp(-a * s) * np.expm1(-x * np.exp(-s))
    logs, digamma = np.log(x), special.psi(a + 1)

    def factor(i: int) -> Array:
        return _bell(i, 0, lambda k, _: logs - digamma if k == 1 else -_polygamma(k - 1, a + 1))

    def smooth(i: int) -> Array:
        moments = (-s) ** i * a + (i * (-s) ** (i - 1) if i else 0.0)
        return (1.0 if i == 0 else 0.0) + np.sum(kernel * moments, axis=0)

    total = sum(comb(n, i) * factor(i) * smooth(n - i) for i in range(n + 1))
    return total * np.exp(a * logs - special.gammaln(a + 1))


def _gamma_orders(a: Array, x: Array, order: int) -> Array:
    valid = (a > 0) & (a < np.inf) & (x > 0) & (x < np.inf)
    first, second = np.where(valid, a, 1.0), np.where(valid, x, 0.5)
    small = second < 1
    answer = np.where(
        small,
        _gamma_small(first, np.where(small, second, 0.5), order),
        _gamma_side(first, np.where(small, 1.0, second), order),
    )
    return np.where(valid, answer, np.where((a > 0) & ((x == 0) | (x == np.inf)), 0.0, np.nan))


def _beta_side(a: Array, b: Array, x: Array, m: int, n: int) -> Array:
    """∂ᵐ∂ⁿI/∂aᵐ∂bⁿ by one side of x, as `_gamma_side`; the variable is the change s of logit t."""
    log_x, log_y, y, whole = np.log(x), np.log1p(-x), 1 - x, a + b
    left = log_x < -_polygamma_gap(0, a, b) if m else log_y > -_polygamma_gap(0, b, a)
    sign = np.where(left, -1.0, 1.0)

    def spread(s: Array) -> Array:
        """log((1 - x)/(1 - t))."""
        growth = x * np.expm1(sign * s)
        falls = growth < -0.5
        return np.where(falls, np.log(y + x * np.exp(sign * s)), np.log1p(np.where(falls, 0.0, growth)))

    def exponent(s: Array) -> tuple[Array, Array]:
        shift = spread(s)
        return sign * a * s - whole * shift, sign * (a - whole * np.exp(log_x + sign * s - shift))

    start = np.where(left, (_CUTOFF - whole * log_y) / a, (_CUTOFF - whole * log_x) / b)
    length = _cutoff(exponent, start)
    node, weight = (part[:, None] for part in _rule())
    s = length * node
    shift = spread(s)
    polynomial = _bell(m, n, _beta_logarithm(a, b, log_x + sign * s - shift, log_y - shift))
    total = np.sum(weight * np.exp(sign * a * s - whole * shift) * polynomial, axis=0) * length
    return -sign * total * _beta_bulk(a, b, x)


def _beta_small(a: Array, b: Array, x: Array, m: int, n: int) -> Array:
    """∂ᵐ∂ⁿI/∂aᵐ∂bⁿ where x and bx are small, by I = E T, T = 1 + a ∫₀^∞ exp(-as) ((1 - x exp(-s))ᵇ⁻¹ - 1) ds."""
    node, weight = (part[:, None] for part in _rule())
    length = _CUTOFF / (1 + a)
    s = length * node
    rise = np.log1p(-x * np.exp(-s))
    kernel = weight * length * np.exp(-a * s)
    log_x = np.log(x)

    def cumulant(i: int, j: int) -> Array:
        if i == 0:
            return _polygamma_gap(j - 1, b, a)
        answer = _polygamma(i + j - 1, a + b)
        if j == 0:
            answer = answer - _polygamma(i - 1, a + 1)
        return answer + log_x if (i, j) == (1, 0) else answer

    def smooth(i: int, j: int) -> Array:
        moments = (-s) ** i * a + (i * (-s) ** (i - 1) if i else 0.0)
        power = rise**j * np.exp((b - 1) * rise) if j else np.expm1((b - 1) * rise)
        return (1.0 if i == j == 0 else 0.0) + np.sum(kernel * moments * power, axis=0)

    total = sum(
        comb(m, i) * comb(n, j) * _bell(i, j, cumulant) * smooth(m - i, n - j)
        for i in range(m + 1)
        for j in range(n + 1)
    )
    return total * _beta_bulk(a, b, x) * np.exp(-b * np.log1p(-x)) / a


def _beta_orders(a: Array, b: Array, x: Array, orders: tuple[int, int]) -> Array:
    m, n = orders
    y = 1 - x
    valid = (a > 0) & (a < np.inf) & (b > 0) & (b < np.inf) & (x > 0) & (x < 1)
    low = valid & (x * np.maximum(b, 1.0) <= 0.5)
    high = valid & ~low & (y * np.maximum(a, 1.0) <= 0.5)
    middle = valid & ~low & ~high
    edge = (a > 0) & (b > 0) & ((x == 0) | (x == 1))
    answer = np.where(edge, 0.0, np.full(x.shape, np.nan))
    answer[low] = _beta_small(a[low], b[low], x[low], m, n)
    answer[high] = -_beta_small(b[high], a[high], y[high], n, m)
    answer[middle] = _beta_side(a[middle], b[middle], x[middle], m, n)
    return answer


# --- primitives -------------------------------------------------------------------------------------------------------


def _on_vectors(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """Lift a function of double precision vectors to arrays of any shape, a block at a time."""

    def function(*operands: Any, **parameters: Any) -> Any:
        single = np.result_type(*operands).name in ("float32", "float16")
        arrays = np.broadcast_arrays(*operands)
        vectors = [np.ravel(array).astype(float) for array in arrays]
        answer = np.empty(vectors[0].size, np.float32 if single else float)
        with np.errstate(all="ignore"):
            for start in range(0, answer.size, 4096):
                block = slice(start, start + 4096)
                answer[block] = kernel(*(vector[block] for vector in vectors), **parameters)
        return answer.reshape(arrays[0].shape)[()]

    return function


def _weighted(factor: Any, density: Any) -> Any:
    """The product; 0 where a factor of 0 meets an infinite density, at the ends."""
    lost = np.equal(factor, 0) & np.isinf(density)
    return np.where(lost, 0.0, factor * np.where(lost, 0.0, density))


def _ratio(x: Any, y: Any) -> Any:
    """x/y, and 0 where x is 0, at the ends of an inverse."""
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, x / np.where(zero, 1.0, y))


def _gamma_density_slope(ans: Any, a: Any, x: Any, order: int, power: int) -> Any:
    slope = _weighted(a - (1 + power), gamma_density(a, x, order=order, power=power + 1)) - ans
    return slope + order * gamma_density(a, x, order=order - 1, power=power + 1) if order else slope


def _beta_density_slope(ans: Any, a: Any, b: Any, x: Any, orders: tuple[int, int], powers: tuple[int, int]) -> Any:
    (m, n), (p, q) = orders, powers
    left, right = (p + 1, q), (p, q + 1)
    slope = _weighted(a - (1 + p), beta_density(a, b, x, orders=orders, powers=left)) - _weighted(
        b - (1 + q), beta_density(a, b, x, orders=orders, powers=right)
    )
    if m:
        slope = slope + m * beta_density(a, b, x, orders=(m - 1, n), powers=left)
    if n:
        slope = slope - n * beta_density(a, b, x, orders=(m, n - 1), powers=right)
    return slope


#: ∂ⁿ/∂aⁿ of xᵃ⁻¹⁻ᵖ exp(-x)/Γ(a), n = order, p = power.
gamma_density: Primitive = elementwise(
    _on_vectors(_gamma_density),
    lambda ans, a, x, order, power: gamma_density(a, x, order=order + 1, power=power),
    _gamma_density_slope,
    name="gamma_density",
)
#: ∂ⁿP(a, x)/∂aⁿ, n = order ≥ 1.
incomplete_gamma: Primitive = elementwise(
    _on_vectors(_gamma_orders),
    lambda ans, a, x, order: incomplete_gamma(a, x, order=order + 1),
    lambda ans, a, x, order: gamma_density(a, x, order=order, power=0),
    name="incomplete_gamma",
)
#: ∂ᵐ∂ⁿ/∂aᵐ∂bⁿ of xᵃ⁻¹⁻ᵖ (1 - x)ᵇ⁻¹⁻q/B(a, b), (m, n) = orders, (p, q) = powers.
beta_density: Primitive = elementwise(
    _on_vectors(_beta_density),
    lambda ans, a, b, x, orders, powers: beta_density(a, b, x, orders=(orders[0] + 1, orders[1]), powers=powers),
    lambda ans, a, b, x, orders, powers: beta_density(a, b, x, orders=(orders[0], orders[1] + 1), powers=powers),
    _beta_density_slope,
    name="beta_density",
)
#: ∂ᵐ∂ⁿI(a, b, x)/∂aᵐ∂bⁿ, (m, n) = orders, not (0, 0).
incomplete_beta: Primitive = elementwise(
    _on_vectors(_beta_orders),
    lambda ans, a, b, x, orders: incomplete_beta(a, b, x, orders=(orders[0] + 1, orders[1])),
    lambda ans, a, b, x, orders: incomplete_beta(a, b, x, orders=(orders[0], orders[1] + 1)),
    lambda ans, a, b, x, orders: beta_density(a, b, x, orders=orders, powers=(0, 0)),
    name="incomplete_beta",
)


def _gamma_at(a: Any, x: Any) -> Any:
    return gamma_density(a, x, order=0, power=0)


def _beta_at(a: Any, b: Any, x: Any) -> Any:
    return beta_density(a, b, x, orders=(0, 0), powers=(0, 0))


def _inverse_gamma(ans: Any, a: Any, y: Any) -> Any:
    return -_ratio(incomplete_gamma(a, ans, order=1), _gamma_at(a, ans))


def _inverse_beta(m: int, n: int) -> Callable[..., Any]:
    return lambda ans, a, b, y: -_ratio(incomplete_beta(a, b, ans, orders=(m, n)), _beta_at(a, b, ans))


gammainc = elementwise(
    special.gammainc, lambda ans, a, x: incomplete_gamma(a, x, order=1), lambda ans, a, x: _gamma_at(a, x)
)
gammaincc = elementwise(
    special.gammaincc, lambda ans, a, x: -incomplete_gamma(a, x, order=1), lambda ans, a, x: -_gamma_at(a, x)
)
gammaincinv = elementwise(special.gammaincinv, _inverse_gamma, lambda ans, a, y: 1 / _gamma_at(a, ans))
gammainccinv = elementwise(special.gammainccinv, _inverse_gamma, lambda ans, a, y: -1 / _gamma_at(a, ans))
betainc = elementwise(
    special.betainc,
    lambda ans, a, b, x: incomplete_beta(a, b, x, orders=(1, 0)),
    lambda ans, a, b, x: incomplete_beta(a, b, x, orders=(0, 1)),
    lambda ans, a, b, x: _beta_at(a, b, x),
)
betaincc = elementwise(
    special.betaincc,
    lambda ans, a, b, x: -incomplete_beta(a, b, x, orders=(1, 0)),
    lambda ans, a, b, x: -incomplete_beta(a, b, x, orders=(0, 1)),
    lambda ans, a, b, x: -_beta_at(a, b, x),
)
betaincinv = elementwise(
    special.betaincinv, _inverse_beta(1, 0), _inverse_beta(0, 1), lambda ans, a, b, y: 1 / _beta_at(a, b, ans)
)
betainccinv = elementwise(
    special.betainccinv, _inverse_beta(1, 0), _inverse_beta(0, 1), lambda ans, a, b, y: -1 / _beta_at(a, b, ans)
)
