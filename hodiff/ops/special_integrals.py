"""Exponential, sine, Fresnel, Dawson and Bessel integrals, the Faddeeva function, the dilogarithm, Lambert's W.

Derivatives are the integrands; where an integrand has a removable singularity, a power series serves near it, and
where the recurrence for a derivative cancels far out, the asymptotic expansion does. Formulas: NIST Digital Library of
Mathematical Functions, §§ 4.13, 6, 7, 8.19, 10.43, 25.12. May import ``errors`` and ``kinds``.

>>> import hodiff as hd
>>> [float(g) for g in hd.jacfwd(special.sici)(0.0)][:1]
[1.0]
"""

from collections.abc import Callable, Sequence
from math import factorial, prod
from typing import Any

import numpy as np
from scipy import special

from hodiff.errors import NoRuleError
from hodiff.kinds import elementwise, general

_ROOT_PI = float(np.sqrt(np.pi))
_TURN = complex(np.sqrt(0.5), np.sqrt(0.5))  # e^(πi/4)


def _refused(name: str, argument: str) -> Callable[..., Any]:
    def refuse(*operands: Any) -> Any:
        raise NoRuleError.for_function(f"scipy.special.{name} (with respect to its argument {argument})")

    return refuse


def _near_zero(x: Any, limit: float, series: Sequence[float], of: Callable[[Any], Any], beyond: Any) -> Any:
    """A power series of ``of(x)`` where abs(x) is below the limit, ``beyond(x)`` elsewhere."""
    small = np.less(np.abs(x), limit)
    s = of(np.where(small, x, 0.0))
    total: Any = 0.0
    for coefficient in reversed(series):
        total = total * s + coefficient
    return np.where(small, total, beyond(np.where(small, 2 * limit, x)))


def _two(function: Any, first: Callable[..., Any], second: Callable[..., Any]) -> Any:
    """A function with two answers, and the derivative of each."""
    name = function.__name__
    return general(function, lambda t, ans, x: (t * first(x), t * second(x)), name=name, core=0, numpy=function)


# --- exponential, sine and cosine integrals ---------------------------------------------------------------------------

_SINC = [(-1) ** k / factorial(2 * k + 1) for k in range(12)]
_SINHC = [1 / factorial(2 * k + 1) for k in range(12)]


def _exponential_integral(n: Any, x: Any) -> Any:
    """Eₙ(x) for every whole n; for n ≤ 0 it is Γ(1 - n, x) x^(n - 1)."""
    n = np.asarray(n)
    k = np.where(n > 0, 0, -n)
    elementary = special.gammaincc(k + 1.0, x) * special.gamma(k + 1.0) / np.power(np.asarray(x, float), k + 1.0)
    return np.where(n > 0, special.expn(np.where(n > 0, n, 1), x), elementary)[()]


exponential_integral: Any = elementwise(
    _exponential_integral, None, lambda ans, n, x: -exponential_integral(n - 1, x), name="exponential_integral"
)
exp1 = elementwise(special.exp1, lambda ans, x: -np.exp(-x) / x)
expi = elementwise(special.expi, lambda ans, x: np.exp(x) / x)
expn = elementwise(special.expn, _refused("expn", "n"), lambda ans, n, x: -exponential_integral(n - 1, x))
sici = _two(
    special.sici,
    lambda x: _near_zero(x, 1.0, _SINC, np.square, lambda z: np.sin(z) / z),
    lambda x: np.cos(x) / x,
)
shichi = _two(
    special.shichi,
    lambda x: _near_zero(x, 1.0, _SINHC, np.square, lambda z: np.sinh(z) / z),
    lambda x: np.cosh(x) / x,
)

# --- Faddeeva, Dawson, Fresnel ----------------------------------------------------------------------------------------


def _algebraic(z: Any, order: int) -> Any:
    """Derivative of some order of Σ (½)ₖ z^(-2k - 1) (DLMF 7.12.1), for abs(z) > 7."""
    z = np.asarray(z)
    z = z.astype(np.result_type(z, np.float64))
    term = (-1.0) ** order * factorial(order) * z ** (-1.0 - order)
    total = term
    for k in range(1, 24):
        raised = (2 * k + order) * (2 * k - 1 + order) / ((2 * k) * (2 * k - 1))
        term = term * ((k - 0.5) * raised) / (z * z)
        total = total + term
    return total


algebraic: Any = elementwise(_algebraic, lambda ans, z, order: algebraic(z, order=order + 1), name="algebraic")


def _wofz_slope(ans: Any, z: Any) -> Any:
    """w' = -2zw + 2i/√π, whose terms cancel far out; w(z) = 2 exp(-z²) - w(-z) in the lower half-plane."""
    far = np.greater(np.abs(z), 7.0)
    below = np.less(np.imag(z), 0)
    s = np.where(far, np.where(below, -z, z), 8.0)
    low = np.where(far & below, z, 0.0)
    tail = (1j / _ROOT_PI) * algebraic(s, order=1) - 4 * low * np.exp(-low * low)
    return np.where(far, tail, -2 * z * ans + 2j / _ROOT_PI)


def _dawsn_slope(ans: Any, z: Any) -> Any:
    """D' = 1 - 2zD, whose terms cancel far out."""
    near = 1 - 2 * z * ans
    if np.iscomplexobj(z):
        return near
    far = np.greater(np.abs(z), 7.0)
    return np.where(far, 0.5 * algebraic(np.where(far, z, 8.0), order=1), near)


wofz = elementwise(special.wofz, _wofz_slope)
dawsn = elementwise(special.dawsn, _dawsn_slope)
fresnel = _two(special.fresnel, lambda x: np.sin((np.pi / 2) * (x * x)), lambda x: np.cos((np.pi / 2) * (x * x)))


def _scaled_fresnel_slope(x: Any) -> Any:
    """Derivative of K₊(x) = w(x e^(πi/4)) / 2."""
    z = _TURN * x
    return 0.5 * _TURN * _wofz_slope(special.wofz(z), z)


modfresnelp = _two(special.modfresnelp, lambda x: -np.exp(1j * (x * x)), _scaled_fresnel_slope)
modfresnelm = _two(
    special.modfresnelm, lambda x: -np.exp(-1j * (x * x)), lambda x: np.conjugate(_scaled_fresnel_slope(x))
)

# --- integrals of Bessel and Struve functions over their argument -----------------------------------------------------

_I0_SERIES = [0.25**k / factorial(k) ** 2 for k in range(1, 14)]
_J0_SERIES = [-((-0.25) ** k) / factorial(k) ** 2 for k in range(1, 14)]
_H0_SERIES = [(2 / np.pi) * (-1) ** k / prod(range(1, 2 * k + 2, 2)) ** 2 for k in range(12)]

it2i0k0 = _two(
    special.it2i0k0,
    lambda x: x * _near_zero(x, 1.0, _I0_SERIES, np.square, lambda z: (special.i0(z) - 1) / (z * z)),
    lambda x: -special.k0(x) / x,
)
it2j0y0 = _two(
    special.it2j0y0,
    lambda x: x * _near_zero(x, 1.0, _J0_SERIES, np.square, lambda z: (1 - special.j0(z)) / (z * z)),
    lambda x: -special.y0(x) / x,
)
it2struve0 = elementwise(
    special.it2struve0,
    lambda ans, x: -_near_zero(x, 1.0, _H0_SERIES, np.square, lambda z: special.struve(0.0, z) / z),
)

# --- dilogarithm, Lambert's W -----------------------------------------------------------------------------------------

_LOG_SERIES = [-((-1.0) ** k) / (k + 1) for k in range(30)]

spence = elementwise(
    special.spence,
    lambda ans, z: _near_zero(z - 1, 0.25, _LOG_SERIES, lambda w: w, lambda w: -np.log(1 + w) / w),
)
#: Lambert's W of argument, branch and tolerance.
lambertw = elementwise(
    lambda z, k, tol: special.lambertw(z, k, tol), lambda ans, z, k, tol: np.exp(-ans) / (1 + ans), name="lambertw"
)
