"""The ufuncs of ``scipy.special`` whose derivatives are other such functions: error functions, logistic, entropy.

Each partial is written in the form that stays accurate where the function does, and in functions whose own
derivative is here, so that derivatives of any order exist. Formulas: NIST Digital Library of Mathematical Functions,
§§ 4, 7. May import ``core`` and ``kinds``.

>>> import hodiff as hd
>>> from scipy import special
>>> float(hd.grad(special.erf)(0.0))
1.1283791670955126
"""

from math import comb, factorial
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import Primitive
from hodiff.kinds import elementwise

_ROOT_PI = float(np.sqrt(np.pi))
_ROOT_2 = float(np.sqrt(2.0))
_ROOT_2_PI = float(np.sqrt(2.0 * np.pi))
_LN2 = float(np.log(2.0))
_LN10 = float(np.log(10.0))


def _repeated(x: Any, order: int) -> Any:
    """exp(x²) times the repeated integral of erfc: the recurrence upwards near 0, the continued fraction on the right.

    Upwards, the recurrence (DLMF 7.18.7) cancels for large x; the fraction for the ratio of two neighbours
    (DLMF 7.18.7, downwards) converges there. On the imaginary axis the fraction lacks the real Gaussian, of which the
    recurrence loses nothing.
    """
    x = np.asarray(x)
    far = (x.real >= 0) & (np.abs(x) >= 6) if np.iscomplexobj(x) else ~(x < 2)
    answer = _repeated_up(np.where(far, 0, x).astype(x.dtype), order)
    if far.any():
        high = x[far]
        tail, ratio = special.erfcx(high), np.zeros_like(high)
        for k in range(order + 60, 0, -1):
            ratio = 0.5 / (high + (k + 1) * ratio)
            if k <= order:
                tail = tail * ratio
        if np.iscomplexobj(x):
            up = _repeated_up(high, order)
            exact = tail.real + 1j * up.imag if order % 2 else up.real + 1j * tail.imag
            tail = np.where(high.real == 0, exact, tail)
        answer = np.where(far, 0.0, answer).astype(x.dtype)
        answer[far] = tail
    return answer[()]


def _repeated_up(x: Any, order: int) -> Any:
    before, answer = np.full_like(x, 2 / _ROOT_PI), special.erfcx(x)
    for k in range(1, order + 1):
        before, answer = answer, (before - 2 * x * answer) / (2 * k)
    return answer


def _log_tail(count: int) -> list[float]:
    """Coefficients of yᵏ, y = 1/x², in the logarithm of Σ (-1)ᵏ (2k - 1)!! yᵏ (DLMF 7.12.1); exact until the end."""
    series = [1]
    for k in range(1, count):
        series.append(-series[-1] * (2 * k - 1))
    scaled = [0]
    for k in range(1, count):
        scaled.append(k * series[k] - sum(scaled[j] * series[k - j] for j in range(1, k)))
    return [0.0, *(scaled[k] / k for k in range(1, count))]


_LOG_TAIL = _log_tail(24)


def _hazard(x: Any) -> Any:
    """The normal density over its distribution function; below 0, erfcx keeps the ratio where both underflow."""
    above = np.greater(x, 0)
    up, down = np.where(above, x, 0.0), np.where(above, 0.0, x)
    upper = np.exp(-0.5 * up * up - special.log_ndtr(up)) / _ROOT_2_PI
    return np.where(above, upper, 2 / (_ROOT_2_PI * special.erfcx(down / -_ROOT_2)))


def _log_ndtr_slope(x: Any, order: int) -> Any:
    """Derivatives of log Φ: H = φ/Φ, H′ = -H (x + H); left of -10, where that cancels, the asymptotic series."""
    x = np.asarray(x)
    wide = x.astype(float)
    with np.errstate(all="ignore"):
        far = (wide < -10) & (order > 1)
        near = np.where(far, 0.0, wide)
        slopes = [_hazard(near)]
        for k in range(order - 1):
            sums = [near + slopes[0], 1 + slopes[1] if k else 0.0, *slopes[2:]]
            slopes.append(-sum(comb(k, i) * slopes[i] * sums[k - i] for i in range(k + 1)))
        left = np.where(far, wide, -20.0)
        tail = -((-1) ** (order - 1)) * factorial(order - 1) * left**-order - (1.0 if order == 2 else 0.0)
        for k, number in enumerate(_LOG_TAIL):
            tail = tail + number * float(special.poch(-2 * k - order + 1, order)) * left ** (-2.0 * k - order)
        answer = np.where(far, tail, slopes[-1])
    return answer.astype(x.dtype if x.dtype == np.float32 else float)[()]


def _quotient(x: Any, y: Any) -> Any:
    """x/y, and 0 where both are 0: there ``xlogy`` and its kin are constant along y."""
    both = np.equal(x, 0) & np.equal(y, 0)
    return np.divide(np.where(both, 0.0, x), np.where(both, 1.0, y))


# --- error functions --------------------------------------------------------------------------------------------------

erf = elementwise(special.erf, lambda ans, x: (2 / _ROOT_PI) * np.exp(-x * x))
erfc = elementwise(special.erfc, lambda ans, x: (-2 / _ROOT_PI) * np.exp(-x * x))
#: exp(x²) iⁿerfc(x), n = order (DLMF 7.18.ii): the derivatives of erfcx without the cancellation of
#: 2x erfcx(x) - 2/√π, which loses every digit in the tail.
repeated_erfcx: Primitive = elementwise(
    _repeated, lambda ans, x, order: -2 * (order + 1) * repeated_erfcx(x, order=order + 1), name="repeated_erfcx"
)
erfcx = elementwise(special.erfcx, lambda ans, x: -2 * repeated_erfcx(x, order=1))
erfi = elementwise(special.erfi, lambda ans, x: (2 / _ROOT_PI) * np.exp(x * x))
erfinv = elementwise(special.erfinv, lambda ans, x: (_ROOT_PI / 2) * np.exp(ans * ans))
erfcinv = elementwise(special.erfcinv, lambda ans, x: (-_ROOT_PI / 2) * np.exp(ans * ans))
ndtr = elementwise(special.ndtr, lambda ans, x: np.exp(-0.5 * x * x) / _ROOT_2_PI)
ndtri = elementwise(special.ndtri, lambda ans, p: _ROOT_2_PI * np.exp(0.5 * ans * ans))
#: The derivative of log_ndtr of that order, of real numbers.
log_ndtr_slope: Primitive = elementwise(
    _log_ndtr_slope, lambda ans, x, order: log_ndtr_slope(x, order=order + 1), name="log_ndtr_slope"
)
log_ndtr = elementwise(
    special.log_ndtr, lambda ans, x: _hazard(x) if np.iscomplexobj(x) else log_ndtr_slope(x, order=1)
)

# Owen's T (Owen 1956): T(h, a) = 1/2π ∫₀ᵃ exp(-h²(1 + t²)/2)/(1 + t²) dt.
owens_t = elementwise(
    special.owens_t,
    lambda ans, h, a: (-0.5 / _ROOT_2_PI) * np.exp(-0.5 * h * h) * special.erf(a * h / _ROOT_2),
    lambda ans, h, a: np.exp(-0.5 * np.square(h) * (1 + np.square(a))) / (2 * np.pi * (1 + np.square(a))),
)
ndtri_exp = elementwise(special.ndtri_exp, lambda ans, y: 1 / log_ndtr_slope(ans, order=1))


def _voigt(order: int, ans: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    """exp(u²) iⁿerfc(u)/(√π σ²), u = w/(√2 σ), w = γ - ix: the profile is the real part of erfcx(u)/(√2π σ).

    For small σ, where u is large or infinite, by the first term of DLMF 7.18.14.
    """
    w = gamma - 1j * x
    far = np.greater(np.abs(w), 1e8 * np.abs(sigma))
    near = np.where(far, 1.0, sigma)
    value = repeated_erfcx(np.where(far, 1.0, w) / (_ROOT_2 * near), order=order) / (_ROOT_PI * np.square(near))
    tail = (2 / np.pi) * _ROOT_2 ** -(order + 1) * sigma ** (order - 1) / np.where(far, w, 1.0) ** (order + 1)
    return np.where(far, tail, value)


# The profile obeys the heat equation ∂V/∂σ = σ ∂²V/∂x².
voigt_profile = elementwise(
    special.voigt_profile,
    lambda *operands: -np.imag(_voigt(1, *operands)),
    lambda *operands: -2 * _ROOT_2 * np.real(_voigt(2, *operands)),
    lambda *operands: -np.real(_voigt(1, *operands)),
)

# --- logistic functions -----------------------------------------------------------------------------------------------

# Not ans (1 - ans), which is 0 for large x.
expit = elementwise(special.expit, lambda ans, x: ans * special.expit(-x), smooth=True)
log_expit = elementwise(special.log_expit, lambda ans, x: special.expit(-x), smooth=True)
logit = elementwise(special.logit, lambda ans, x: 1 / (x * (1 - x)))

# --- entropy ----------------------------------------------------------------------------------------------------------

xlogy = elementwise(special.xlogy, lambda ans, x, y: np.log(y), lambda ans, x, y: _quotient(x, y))
xlog1py = elementwise(special.xlog1py, lambda ans, x, y: np.log1p(y), lambda ans, x, y: _quotient(x, 1 + y))
entr = elementwise(special.entr, lambda ans, x: -1 - np.log(x))
rel_entr = elementwise(special.rel_entr, lambda ans, x, y: 1 + np.log(x / y), lambda ans, x, y: -_quotient(x, y))
kl_div = elementwise(special.kl_div, lambda ans, x, y: np.log(x / y), lambda ans, x, y: 1 - _quotient(x, y))

# --- exponentials, logarithms, powers ---------------------------------------------------------------------------------

exp2 = elementwise(special.exp2, lambda ans, x: ans * _LN2, smooth=True)
exp10 = elementwise(special.exp10, lambda ans, x: ans * _LN10)
expm1 = elementwise(special.expm1, lambda ans, x: np.exp(x))
log1p = elementwise(special.log1p, lambda ans, x: 1 / (1 + x))
cosm1 = elementwise(special.cosm1, lambda ans, x: -np.sin(x))
cbrt = elementwise(special.cbrt, lambda ans, x: 1 / (3 * ans * ans))
