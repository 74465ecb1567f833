"""Student's t distribution and its inverses, in the number and in the degrees of freedom.

The derivatives in the degrees of freedom ν are integrals of the density times a polynomial in its logarithmic
derivatives, over [0, t] near the centre and over the tail elsewhere, so that tails and large ν keep their digits.
May import ``core`` and ``kinds``.

>>> import hodiff as hd
>>> from scipy import special
>>> float(hd.grad(special.stdtr, 1)(1.0, 0.0) * np.pi)
1.0
"""

from math import comb, factorial
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import Primitive
from hodiff.kinds import elementwise

#: Gauss and Legendre's rule on [0, 1], and the double exponential one on [0, 50] (Takahasi and Mori 1974).
_CENTER = tuple(part[:, None] for part in np.polynomial.legendre.leggauss(40))
_TAU = np.arange(np.log(50.0) + 0.1, -3.75, -1 / 28)[:, None]
_TAIL = (np.exp(_TAU - np.exp(-_TAU)), np.exp(_TAU - np.exp(-_TAU)) * (1 + np.exp(-_TAU)) / 28)


def _bell(orders: list[Any], n: int) -> Any:
    """Complete Bell polynomial: the n-th derivative of exp(κ) over exp(κ), from those of κ."""
    if n == 0:
        return 1.0
    return sum(comb(n - 1, k) * orders[k] * _bell(orders, n - 1 - k) for k in range(n))


def _gap_rest(b: Any) -> Any:
    """ψ(b + ½) - ψ(b) - 1/(2b), by its asymptotic series for large b (DLMF 5.11.2)."""
    inverse = 1 / np.square(np.maximum(b, 15.0))
    series = 0.0
    for number in (-691 / 8192, 31 / 2048, -17 / 2048, 1 / 128, -1 / 64, 1 / 8):
        series = number + inverse * series
    return np.where(b < 15, special.psi(b + 0.5) - special.psi(b) - 0.5 / b, inverse * series)


def _share_rest(w: Any, rest: Any) -> Any:
    """log(rest) + w, rest = 1 - w, by its series for small w."""
    small = np.minimum(w, 0.05)
    series = 0.0
    for k in range(14, 1, -1):
        series = small * series - 1 / k
    return np.where(w < 0.05, small * small * series, np.log(rest) + w)


def _logarithmic(df: Any, square: Any, order: int) -> list[Any]:
    """The first derivatives in ν of the logarithm of the density at t² = square."""
    b, w = 0.5 * df, square / (df + square)
    answer = [0.5 * _gap_rest(b) + 0.5 * _share_rest(w, df / (df + square)) + 0.5 * w / df]
    for k in range(2, order + 1):
        gap = special.polygamma(k - 1, b + 0.5) - special.polygamma(k - 1, b)
        sign = (-1) ** (k - 1)
        below = -sign * factorial(k - 2) * _powers(df, square, k - 1)
        above = sign * factorial(k - 1) * _powers(df, square, k)
        pole = sign * factorial(k - 1) / df**k
        answer.append(gap / 2.0**k - 0.5 * pole - 0.5 * (df + 1) * above - 0.5 * k * below)
    return answer


def _powers(df: Any, square: Any, k: int) -> Any:
    return (df + square) ** -float(k) - df ** -float(k)


def _density(df: Any, t: Any, order: int) -> Any:
    """∂ⁿf/∂νⁿ, f = (1 + t²/ν)^(-(ν + 1)/2)/(√ν B(½, ν/2))."""
    square = t * t
    # B(½, b) √b → √π: the ratio of gamma functions without cancellation (DLMF 5.11.13), for large b.
    b = 0.5 * df
    inverse = 1 / np.square(np.maximum(b, 30.0))
    series = -1 / 8 + inverse * (1 / 192 + inverse * (-1 / 640 + inverse * (17 / 14336 - inverse * 31 / 18432)))
    large = np.exp(series / np.maximum(b, 30.0)) / np.sqrt(np.pi)
    scale = np.where(b < 30, np.exp(-special.betaln(0.5, b)) / np.sqrt(b), large) / np.sqrt(2.0)
    value = scale * np.exp(-0.5 * (df + 1) * np.log1p(square / df))
    return value * _bell(_logarithmic(df, square, order), order) if order else value


def _slope(df: Any, t: Any, order: int) -> Any:
    """∂ⁿF/∂νⁿ for t > 0."""
    center = t <= np.minimum(np.sqrt(df), 1.5)
    node, weight = _CENTER
    near = np.where(center, t, 0.0) * (0.5 * node + 0.5)
    inner = 0.5 * np.sum(weight * _density(df, near, order), axis=0) * t
    far = np.where(center, 2.0, t)
    log_share = np.log(far * far / (df + far * far))
    node, weight = _TAIL
    length = (50 - 0.5 * (df + 1) * log_share) / (50 * df)
    s = length * node
    beyond = np.minimum(far * np.exp(s), 1e150)
    outer = np.sum(weight * _density(df, beyond, order) * beyond, axis=0) * length
    return np.where(center, inner, -outer)


def _in_double(kernel: Any) -> Any:
    """Lift a function of double precision vectors to arrays of any shape, a block at a time."""

    def function(df: Any, t: Any, order: int) -> Any:
        single = np.result_type(df, t).name in ("float32", "float16")
        df, t = np.broadcast_arrays(df, t)
        flat_df, flat_t = np.ravel(df).astype(float), np.ravel(t).astype(float)
        answer = np.empty(flat_t.size, np.float32 if single else float)
        with np.errstate(all="ignore"):
            for start in range(0, answer.size, 4096):
                block = slice(start, start + 4096)
                answer[block] = kernel(flat_df[block], flat_t[block], order)
        return answer.reshape(t.shape)[()]

    return function


def _student_slope(df: Any, t: Any, order: int) -> Any:
    inside = (df > 0) & (df < np.inf) & (t != 0) & np.isfinite(t)
    answer = np.sign(t) * _slope(np.where(inside, df, 1.0), np.where(inside, np.abs(t), 1.0), order)
    return np.where(inside, answer, np.where((df > 0) & (np.isinf(t) | (t == 0) | np.isinf(df)), 0.0, np.nan))


def _student_density(df: Any, t: Any, order: int) -> Any:
    inside = (df > 0) & (df < np.inf)
    answer = _density(np.where(inside, df, 1.0), t, order)
    normal = np.exp(-0.5 * t * t) / np.sqrt(2 * np.pi) if order == 0 else 0.0
    answer = np.where(np.isinf(t), 0.0, answer)
    return np.where(inside, answer, np.where(df == np.inf, normal, np.nan))


def _density_partial(ans: Any, df: Any, t: Any, order: int) -> Any:
    """∂/∂t of ∂ⁿf/∂νⁿ: from (ν + t²) f′ = -(ν + 1) t f and Leibniz."""
    total = df + t * t
    slope = -(df + 1) * t * ans
    if order:
        lower = student_density(df, t, order=order - 1)
        slope = slope - order * (t * lower + _density_partial(lower, df, t, order - 1))
    return slope / total


#: ∂ⁿf/∂νⁿ of the density, n = order.
student_density: Primitive = elementwise(
    _in_double(_student_density),
    lambda ans, df, t, order: student_density(df, t, order=order + 1),
    _density_partial,
    name="student_density",
)
#: ∂ⁿF/∂νⁿ of the distribution function, n = order ≥ 1.
student_slope: Primitive = elementwise(
    _in_double(_student_slope),
    lambda ans, df, t, order: student_slope(df, t, order=order + 1),
    lambda ans, df, t, order: student_density(df, t, order=order),
    name="student_slope",
)


def _ratio(x: Any, y: Any) -> Any:
    """x/y, and 0 where x is 0, at the ends of an inverse."""
    zero = np.equal(x, 0)
    return np.where(zero, 0.0, np.divide(x, np.where(zero, 1.0, y)))


stdtr = elementwise(
    special.stdtr,
    lambda ans, df, t: student_slope(df, t, order=1),
    lambda ans, df, t: student_density(df, t, order=0),
)
stdtrit = elementwise(
    special.stdtrit,
    lambda ans, df, p: -_ratio(student_slope(df, ans, order=1), student_density(df, ans, order=0)),
    lambda ans, df, p: 1 / student_density(df, ans, order=0),
)
stdtridf = elementwise(
    special.stdtridf,
    lambda ans, p, t: 1 / student_slope(ans, t, order=1),
    lambda ans, p, t: -student_density(ans, t, order=0) / student_slope(ans, t, order=1),
)
