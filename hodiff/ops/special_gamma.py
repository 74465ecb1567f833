"""Gamma, its reciprocal, logarithm and ratios, polygamma and zeta functions, for real and complex numbers.

Everything rests on Hurwitz's zeta function, ψ⁽ⁿ⁾(x) = (-1)ⁿ⁺¹ n! ζ(n + 1, x) (DLMF 25.11.12), whose derivatives are
here in both arguments, so that derivatives of any order exist. The reciprocal and the ratios have ordinary values at
the poles of the gamma function, and derivatives too. May import ``core``, ``errors`` and ``kinds``.

>>> import hodiff as hd
>>> from scipy import special
>>> [float(hd.grad(f)(-2.0)) for f in (special.rgamma, lambda x: special.poch(x, 2.0))]
[2.0, -3.0]
"""

from math import comb, factorial
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import Primitive, Tracer
from hodiff.errors import NoRuleError
from hodiff.kinds import constant, elementwise

_LOG_2_PI = float(np.log(2 * np.pi))
#: B₂ⱼ/(2j)!, the weights of Euler and Maclaurin's formula (DLMF 24.2.1, 2.10.1).
_EULER_MACLAURIN = tuple(float(special.bernoulli(2 * j)[-1]) / factorial(2 * j) for j in range(1, 13))


# --- Hurwitz's zeta function ------------------------------------------------------------------------------------------


def _product(x: list[Any], y: list[Any]) -> list[Any]:
    """Product of two truncated Taylor series."""
    return [sum(x[i] * y[k - i] for i in range(k + 1)) for k in range(len(x))]


def _summed_zeta(s: Any, q: Any, order: int) -> Any:
    """∂ⁿζ(s, q)/∂sⁿ for Re q > 0 by Euler and Maclaurin's formula (DLMF 25.11.5), on Taylor series in s."""

    def power(base: Any, lift: float) -> list[Any]:
        logs = np.log(base)
        return [np.exp((lift - s) * logs) * (-logs) ** k / factorial(k) for k in range(order + 1)]

    total: list[Any] = [0.0] * (order + 1)
    for k in range(20):
        total = [x + y for x, y in zip(total, power(q + k, 0.0), strict=True)]
    far = q + 20
    pole = [(-1) ** k / (s - 1) ** (k + 1) for k in range(order + 1)]
    terms = [_product(pole, power(far, 1.0)), [0.5 * x for x in power(far, 0.0)]]
    rising = [s, 1.0, *[0.0] * order][: order + 1]
    for j, weight in enumerate(_EULER_MACLAURIN, 1):
        terms.append([weight * x for x in _product(rising, power(far, 1.0 - 2 * j))])
        for shift in (2 * j - 1, 2 * j):
            rising = _product(rising, [s + shift, 1.0, *[0.0] * order][: order + 1])
    return factorial(order) * sum((term[order] for term in terms), total[order])


def _cotangent_derivative(z: Any, n: int) -> Any:
    """∂ⁿ cot(πz)/∂zⁿ, n ≥ 1, as csc² times a polynomial in cot, with both from exp(±2πiz), which does not overflow."""
    upper = np.where(z.imag >= 0, z, np.conjugate(z))
    turn = np.exp(2j * np.pi * upper)
    cot = 1j * (turn + 1) / (turn - 1)
    csc2 = -4 * turn / (turn - 1) ** 2
    polynomial = np.polynomial.Polynomial([-1.0])
    c = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n - 1):
        polynomial = -(2 * c * polynomial + (1 + c * c) * polynomial.deriv())
    value = np.pi**n * csc2 * polynomial(cot)
    return np.where(z.imag >= 0, value, np.conjugate(value))


def _complex_zeta(s: Any, q: Any) -> Any:
    """ζ(s, q) of complex q for one integer s ≥ 2, by reflection where Re q < ½ (DLMF 5.15.6)."""
    orders = np.unique(s)
    if orders.size > 1 or np.any((orders < 2) | (orders != np.rint(orders))):
        raise NoRuleError.for_function("the Hurwitz zeta function of complex numbers and of other than one integer")
    if not orders.size:
        return np.zeros(np.broadcast_shapes(np.shape(s), np.shape(q)), complex)
    number = int(orders[0])
    q = np.asarray(q)
    with np.errstate(all="ignore"):
        reflect = q.real < 0.5
        right = _summed_zeta(float(number), np.where(reflect, 1 - q, q).astype(complex), 0)
        if reflect.any():
            left = -np.pi * _cotangent_derivative(q.astype(complex), number - 1) / factorial(number - 1) - right
            right = np.where(reflect, (-1) ** number * left, right)
    return np.broadcast_to(right, np.broadcast_shapes(np.shape(s), q.shape)).astype(q.dtype)[()]


def _zeta(s: Any, q: Any) -> Any:
    return _complex_zeta(s, q) if np.iscomplexobj(q) else special.zeta(s, q)


def _zeta_slope(s: Any, q: Any, order: int) -> Any:
    """∂ⁿζ(s, q)/∂sⁿ for real arguments, q > 0."""
    if np.iscomplexobj(q):
        raise NoRuleError.for_function("the Hurwitz zeta function of complex numbers (with respect to its order)")
    single = np.result_type(s, q).name in ("float32", "float16")
    with np.errstate(all="ignore"):
        answer = _summed_zeta(np.asarray(s, float), np.asarray(q, float), order)
    return np.asarray(np.where(np.greater(q, 0), answer, np.nan), np.float32 if single else float)[()]


#: ∂ⁿζ(s, q)/∂sⁿ, n = order.
zeta_slope: Primitive = elementwise(
    _zeta_slope,
    lambda ans, s, q, order: zeta_slope(s, q, order=order + 1),
    lambda ans, s, q, order: (
        -s * zeta_slope(s + 1.0, q, order=order) - (order * zeta_slope(s + 1.0, q, order=order - 1) if order else 0.0)
    ),
    name="zeta_slope",
)
zeta: Primitive = elementwise(
    _zeta, lambda ans, s, q: zeta_slope(s, q, order=1), lambda ans, s, q: -s * zeta(s + 1.0, q), name="zeta"
)


def riemann_zeta_slope(ans: Any, x: Any) -> Any:
    """ζ′(x) of real x: by the series, and left of -½ by the functional equation (DLMF 25.4.1)."""
    if np.iscomplexobj(x):
        raise NoRuleError.for_function("the zeta function of complex numbers")
    low = np.less(x, -0.5)
    right, left = np.where(low, 1.0, x), np.where(low, x, -1.0)
    mirror = 1 - left
    value, slope = zeta(mirror, 1.0), zeta_slope(mirror, 1.0, order=1)
    angle = left * (np.pi / 2)
    inner = np.sin(angle) * ((_LOG_2_PI - special.psi(mirror)) * value - slope) + (np.pi / 2) * np.cos(angle) * value
    return np.where(
        low, 2 * np.exp(special.gammaln(mirror) - mirror * _LOG_2_PI) * inner, zeta_slope(right, 1.0, order=1)
    )


zetac = elementwise(special.zetac, riemann_zeta_slope)


def polygamma(n: Any, x: Any) -> Any:
    """SciPy's ``polygamma``: the n-th derivative of the digamma function, differentiable in ``x``.

    >>> import hodiff as hd
    >>> float(hd.grad(lambda x: polygamma(0, x))(1.0).round(12))
    1.644934066848
    """
    if isinstance(n, Tracer):
        raise NoRuleError.for_function("scipy.special.polygamma (with respect to n)")
    n = np.asarray(n)
    if not n.ndim:
        return special.psi(x) if n == 0 else (-1.0) ** (n + 1) * special.gamma(n + 1.0) * zeta(n + 1.0, x)
    higher = np.where(n == 0, 1, n)
    value = (-1.0) ** (higher + 1) * special.gamma(higher + 1.0) * zeta(higher + 1.0, x)
    return np.where(n == 0, special.psi(x), value)


# --- gamma, its logarithm and its reciprocal --------------------------------------------------------------------------


def _bell(orders: list[Any], n: int) -> Any:
    """Complete Bell polynomial: the n-th derivative of exp(κ) over exp(κ), from those of κ."""
    if n == 0:
        return 1.0
    return sum(comb(n - 1, k) * orders[k] * _bell(orders, n - 1 - k) for k in range(n))


def _reciprocal(x: Any, order: int) -> Any:
    """The derivatives of 1/Γ, by 1/Γ(x) = Γ(1 - x) sin(πx)/π near the poles (DLMF 5.5.3)."""
    x = np.asarray(x)
    wide = complex if np.iscomplexobj(x) else float
    z = x.astype(wide)
    with np.errstate(all="ignore"):
        mirror = (z.real < 0.5) & (np.abs(z.imag) < 1)
        plain = np.where(mirror, 1.0, z)
        polygammas = [-polygamma(k, plain) for k in range(order)]
        answer = special.rgamma(plain) * _bell(polygammas, order)
        if mirror.any():
            left = np.where(mirror, z, 0.0)
            turns = np.rint(left.real)
            angle, sign = np.pi * (left - turns), 1 - 2 * np.abs(np.fmod(turns, 2))
            ahead = 1 - left
            logs = [polygamma(k, ahead) for k in range(order)]
            total = sum(
                comb(order, k) * (-1) ** (order - k) * _bell(logs, order - k) * np.pi**k * _sine(angle, k)
                for k in range(order + 1)
            )
            answer = np.where(mirror, special.gamma(ahead) * sign * total / np.pi, answer)
    return answer.astype(np.float32 if x.dtype == np.float16 else x.dtype if x.dtype.kind in "fc" else float)[()]


def _sine(x: Any, k: int) -> Any:
    """The k-th derivative of the sine."""
    return (np.sin(x), np.cos(x), -np.sin(x), -np.cos(x))[k % 4]


def _at_pole(x: Any) -> Any:
    """Whether x is an integer not above 0."""
    return np.less_equal(x, 0) & np.equal(x, np.rint(x))


def _digamma_gap(x: Any, step: Any) -> Any:
    """ψ(x + step) - ψ(x); right of the poles without cancellation for small steps (DLMF 5.5.2, 5.11.2)."""
    single = np.result_type(x, step).name in ("float32", "float16")
    x, step = np.asarray(x, float), np.asarray(step, float)
    with np.errstate(all="ignore"):
        right = (x > 0) & (x + step > 0)
        start, size = np.where(right, x, 1.0), np.where(right, step, 0.0)
        gap = sum(size / ((start + k) * (start + k + size)) for k in range(12))
        far = start + 12
        rise = np.log1p(size / far)
        gap = gap + rise - np.expm1(-rise) / (2 * far)
        for k, number in enumerate((1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760), 1):
            gap = gap - number * far ** (-2.0 * k) * np.expm1(-2 * k * rise)
        answer = np.where(right, gap, special.psi(x + step) - special.psi(x))
    return np.asarray(answer, np.float32 if single else float)[()]


#: ψ(x + step) - ψ(x).
digamma_gap: Primitive = elementwise(
    _digamma_gap,
    lambda ans, x, step: zeta(2.0, x + step) - zeta(2.0, x),
    lambda ans, x, step: zeta(2.0, x + step),
    name="digamma_gap",
)


def _poch_first(ans: Any, z: Any, m: Any) -> Any:
    pole, both = _at_pole(z), _at_pole(z) & _at_pole(z + m)
    zero = pole & ~both
    # Between two poles by reflection (DLMF 5.5.4).
    start, step = np.where(pole, 1 - z, z), np.where(both, -m, m)
    slope = ans * digamma_gap(start, step)
    return np.where(zero, special.gamma(z + m) * reciprocal_gamma(z, order=1), slope)


def _poch_second(ans: Any, z: Any, m: Any) -> Any:
    """From pole to pole the function is an isolated point of m, without derivative."""
    isolated = _at_pole(z) & _at_pole(z + m)
    return np.where(isolated, np.nan, ans * special.psi(np.where(isolated, 1.0, z + m)))


def _binom_first(ans: Any, n: Any, k: Any) -> Any:
    rest = n - k + 1
    zero = _at_pole(rest) & ~_at_pole(n + 1)
    slope = ans * digamma_gap(np.where(zero, 1.0, rest), k)
    first = special.gamma(n + 1) * special.rgamma(k + 1)
    return np.where(zero, first * (special.psi(n + 1) * special.rgamma(rest) + reciprocal_gamma(rest, order=1)), slope)


def _binom_second(ans: Any, n: Any, k: Any) -> Any:
    low, rest = k + 1, n - k + 1
    zero = _at_pole(low) | _at_pole(rest)
    slope = ans * (special.psi(np.where(zero, 1.0, rest)) - special.psi(np.where(zero, 1.0, low)))
    at_zero = reciprocal_gamma(low, order=1) * special.rgamma(rest) - special.rgamma(low) * reciprocal_gamma(
        rest, order=1
    )
    return np.where(zero, special.gamma(n + 1) * at_zero, slope)


psi = elementwise(special.psi, lambda ans, x: zeta(2.0, x))
gammaln = elementwise(special.gammaln, lambda ans, x: special.psi(x))
loggamma = elementwise(special.loggamma, lambda ans, x: special.psi(x))
gamma = elementwise(special.gamma, lambda ans, x: ans * special.psi(x))
gammasgn = constant(special.gammasgn)
#: The derivative of 1/Γ of that order.
reciprocal_gamma: Primitive = elementwise(
    _reciprocal, lambda ans, x, order: reciprocal_gamma(x, order=order + 1), name="reciprocal_gamma"
)
rgamma = elementwise(special.rgamma, lambda ans, x: reciprocal_gamma(x, order=1))
beta = elementwise(
    special.beta,
    lambda ans, a, b: -ans * digamma_gap(a, b),
    lambda ans, a, b: -ans * digamma_gap(b, a),
)
betaln = elementwise(
    special.betaln,
    lambda ans, a, b: -digamma_gap(a, b),
    lambda ans, a, b: -digamma_gap(b, a),
)
poch = elementwise(special.poch, _poch_first, _poch_second)
binom = elementwise(special.binom, _binom_first, _binom_second)


def _check_domain(a: Any, d: Any) -> Any:
    if np.any(np.less_equal(a, 0.5 * (d - 1))):
        raise ValueError(f"multigammaln: a must be greater than (d - 1)/2, which is {0.5 * (d - 1)}")
    return np.ones(np.shape(a), bool)


#: A primitive, so that it sees the values of traced numbers, batches included.
multigammaln_domain = constant(_check_domain, name="multigammaln_domain", core=0)


def multigammaln(a: Any, d: int) -> Any:
    """SciPy's ``multigammaln``: the logarithm of the multivariate gamma function of dimension ``d``.

    >>> float(multigammaln(2.5, 1) - special.gammaln(2.5))
    0.0
    """
    if isinstance(d, Tracer):
        raise NoRuleError.for_function("scipy.special.multigammaln (with respect to d)")
    if not np.isscalar(d) or np.floor(d) != d:
        raise ValueError("multigammaln: d must be a positive integer, the dimension")
    multigammaln_domain(a, d=d)
    shifts = np.arange(int(d)) * -0.5
    start = (d * (d - 1) * 0.25) * float(np.log(np.pi))
    return sum((special.gammaln(a + float(shift)) for shift in shifts), start)
