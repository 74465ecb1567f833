"""Exponentials, logarithms and what is made of them, on vectors. May import ``vecmath``.

Exponentials: the argument is reduced by multiples of log 2 in two parts (Cody and Waite, 1980), and a polynomial gives
the rest. Logarithms: with the significand 1 + f in [√½, √2] and s = f / (2 + f), log(1 + f) = 2 artanh(s), which is
summed as f − f²/2 + s (f²/2 + R(s²)), the scheme of fdlibm. The coefficients are minimax, found by Remez' exchange in
50 digits; the errors of the polynomials are below 2⁻⁵⁵ of the answer.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "llvm.fmuladd.v4f64" in definitions("exp", 4, 1)
True
"""

import math
from typing import NamedTuple

from hodiff.compiled.native.functions.vecmath import Lanes, Mended, bits_of, formula, polynomial

#: log 2 in two parts, of which the first has 42 bits, so that its product with an exponent is exact.
LOG_2 = (0.6931471805598903, 5.497923018708371e-14)

#: 1 / log 2 and 1 / log 10 in two parts, of which the first has 30 bits, and the decimal logarithm of 2.
_PER_LOG_2 = (1.442695040255785, 6.331784189566044e-10)
_PER_LOG_10 = (0.43429448176175356, 1.414982685385801e-10)
_LOG10_2 = (0.30102999566395283, 2.8363394551044964e-14)

#: Added to a number, this leaves its integer in the last bits of the significand.
SHIFT = 1.5 * 2.0**52

#: Beyond it, in absolute value, exponentials may be no normal numbers.
WIDE = 708.0

#: Beyond it, exponentials are infinite.
_LARGEST = 709.782712893384

#: Below it, exponentials are 0.
LEAST = -746.0

#: By so many powers of two, subnormal numbers are made normal.
_STEP = 1000

#: (exp(r) − 1 − r) / r² for |r| ≤ log(2) / 2, minimax for the relative error of exp(r) − 1.
_EXPONENTIAL = (
    0.5000000000000006,
    0.16666666666666685,
    0.04166666666657294,
    0.008333333333314472,
    0.0013888888932616545,
    0.0001984126990332892,
    2.4801504144831616e-05,
    2.755722765790482e-06,
    2.7626451703251726e-07,
    2.5114574618784058e-08,
)

#: (2 artanh(s) − 2 s) / s³ in s², for |s| ≤ (√2 − 1) / (√2 + 1), minimax for the error relative to s.
_LOGARITHM = (
    0.6666666666666735,
    0.399999999994075,
    0.28571428744140237,
    0.22222198378509833,
    0.18183575167034005,
    0.15313755658261155,
    0.14799067597985538,
)


class Reduced(NamedTuple):
    """An argument of exp as ``n log 2 + r``: exp(r) − 1, and n in the last bits of a number."""

    less_one: Lanes
    shifted: Lanes

    def power(self) -> Lanes:
        """2 to the n, where it is a normal number."""
        return ((self.shifted.bits << 52) + bits_of(1.0)).double

    def exponential_less_one(self) -> Lanes:
        """The exponential less one, but for the sign of zero."""
        power = self.power()
        return power.fused(self.less_one, power - 1.0)

    def exponential(self) -> Lanes:
        """The exponential, where it is a normal number."""
        return ((self.less_one + 1.0).bits + (self.shifted.bits << 52)).double

    def scaled(self, x: Lanes, small: Lanes) -> Lanes:
        """A number times 2 to the n, which may be subnormal or 0 where ``small``; it is taken in two steps there."""
        near = (x.bits + ((self.shifted.bits << 52) + (small.mask(self.shifted.bits) & (_STEP << 52)))).double
        return near * small.choose(2.0**-_STEP, 1.0)


def reduced(x: Lanes) -> Reduced:
    """The argument of an exponential, less the nearest multiple of log 2."""
    shifted = x.fused(1 / math.log(2), SHIFT)
    n = shifted - SHIFT
    r = n.fused(-LOG_2[1], n.fused(-LOG_2[0], x))
    return Reduced((r * r).fused(polynomial(r, _EXPONENTIAL), r), shifted)


def is_wide(x: Lanes) -> Lanes:
    """Bits: where an exponential may be no normal number, or the argument is infinite or NaN."""
    return x.magnitude > bits_of(WIDE)


def limited(x: Lanes, limit: float) -> Lanes:
    """The number, but no more than a limit in absolute value; the limit for NaN."""
    return (x.magnitude > bits_of(limit)).choose(x.constant(limit).with_sign_of(x), x)


@formula("exp")
def _exp(x: Lanes) -> Mended:
    large = x.compared("ugt", WIDE)
    inside = x.zero_where(large)
    parts = reduced(inside.at_least(LEAST))
    return Mended(parts.scaled(parts.less_one + 1.0, inside < -WIDE), large, "exp", (x,))


@formula("expm1")
def _expm1(x: Lanes) -> Mended:
    # Below −100 it is −1 to all digits.
    large = x.compared("ugt", WIDE)
    less_one = reduced(x.zero_where(large).at_least(-100.0)).exponential_less_one()
    return Mended(less_one.with_sign_of(x), large, "expm1", (x,))


@formula("tanh")
def _tanh(x: Lanes) -> Lanes:
    # From |x| = 22 on it is 1 to all digits. The quotient grows with expm1(2 |x|), but more slowly, and so do errors.
    less_one = reduced(limited(x, 22.0).absolute() * 2.0).exponential_less_one()
    return x.is_nan.choose(x, (less_one / (less_one + 2.0)).with_sign_of(x))


@formula("expit")
def _expit(x: Lanes) -> Lanes:
    parts = reduced(-limited(x, -LEAST).absolute())
    exponential = parts.scaled(parts.less_one + 1.0, x.magnitude > bits_of(WIDE))
    # SciPy has the inverse of an exponential, which is infinite there.
    exponential = exponential.zero_where(x.magnitude > bits_of(_LARGEST))
    value = (x.bits < 0).choose(exponential, 1.0) / (exponential + 1.0)
    return x.is_nan.choose(x, value)


class Significand(NamedTuple):
    """A positive normal number as ``m 2ᵏ`` with m in [√½, √2]."""

    m: Lanes
    k: Lanes
    power_bits: Lanes


def significand(x: Lanes) -> Significand:
    """The significand and the exponent of a positive normal number."""
    bits = x.bits
    above = bits - bits_of(math.sqrt(0.5))
    power_bits = above & -(1 << 52)
    exponent = (above + (1023 << 52)) >> 52
    k = (exponent | bits_of(2.0**52)).double - (2.0**52 + 1023.0)
    return Significand((bits - power_bits).double, k, power_bits)


def _tail(f: Lanes) -> tuple[Lanes, Lanes]:
    """f²/2, and what makes log(1 + f) of f − f²/2."""
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    return half_square, s * z.fused(polynomial(z, _LOGARITHM), half_square)


def log_of_sum(f: Lanes, k: Lanes) -> Lanes:
    """log((1 + f) 2ᵏ) for 1 + f in [√½, √2]."""
    half_square, tail = _tail(f)
    return k.fused(LOG_2[0], f - (half_square - k.fused(LOG_2[1], tail)))


def is_no_normal(x: Lanes) -> Lanes:
    """Bits: where a number is not positive, finite and normal."""
    least = bits_of(2.0**-1022)
    return (x.bits - least).exceeds(bits_of(math.inf) - least - 1)


@formula("log")
def _log(x: Lanes) -> Mended:
    m, k, _ = significand(x)
    return Mended(log_of_sum(m - 1.0, k), is_no_normal(x), "log", (x,))


def log_of_one_plus(x: Lanes) -> Lanes:
    """log(1 + x), but for the sign of zero, where `is_far` of x is false."""
    # With 1 + x = m 2ᵏ, m − 1 = x 2⁻ᵏ + (2⁻ᵏ − 1), in which only the sum is rounded.
    _, k, power_bits = significand(x + 1.0)
    power = (bits_of(1.0) - power_bits).double
    return log_of_sum(x.fused(power, power - 1.0), k)


def is_far(x: Lanes) -> Lanes:
    """Bits: where 1 + x is not positive, or x is huge, infinite or NaN."""
    least = bits_of(2.0**-60)
    return ((x + 1.0).bits - least).exceeds(bits_of(2.0**1000) - least)


@formula("log1p")
def _log1p(x: Lanes) -> Mended:
    far = is_far(x)
    return Mended(log_of_one_plus(x.zero_where(far)).with_sign_of(x), far, "log1p", (x,))


@formula("exp2")
def _exp2(x: Lanes) -> Mended:
    wide = x.magnitude > bits_of(1021.0)
    inside = x.zero_where(wide)
    shifted = inside + SHIFT
    r = (inside - (shifted - SHIFT)) * math.log(2)
    parts = Reduced((r * r).fused(polynomial(r, _EXPONENTIAL), r), shifted)
    return Mended(parts.exponential(), wide, "exp2", (x,))


def _logarithm(x: Lanes, factor: tuple[float, float], of_two: tuple[float, float]) -> Lanes:
    """The logarithm to another base, which is exact for its powers: what is large is a product without rounding."""
    m, k, _ = significand(x)
    f = m - 1.0
    half_square, tail = _tail(f)
    high = ((f - half_square).bits & -(1 << 32)).double
    low = ((f - high) - half_square) + tail
    small = low.fused(factor[0], (high + low).fused(factor[1], k * of_two[1]))
    whole, part = k * of_two[0], high * factor[0]
    total = whole + part
    return total + (((whole - total) + part) + small)


@formula("log2")
def _log2(x: Lanes) -> Mended:
    return Mended(_logarithm(x, _PER_LOG_2, (1.0, 0.0)), is_no_normal(x), "log2", (x,))


@formula("log10")
def _log10(x: Lanes) -> Mended:
    return Mended(_logarithm(x, _PER_LOG_10, _LOG10_2), is_no_normal(x), "log10", (x,))
