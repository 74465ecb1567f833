"""Functions of single precision on vectors, twice as fast as those of doubles. May import ``ir`` and ``vecmath``.

The formulas of double precision with shorter polynomials, which are minimax as well, and the same names with
``.single`` behind. What they cannot do is done by the functions of doubles.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "hd.exp.single.8" in definitions("exp.single", 8, 1)
True
"""

import math
from typing import NamedTuple

from hodiff.compiled.native.functions.vecmath import Lanes, Mended, formula, polynomial
from hodiff.compiled.native.ir import DOUBLE, FLOAT

#: log 2 in two parts, of which the first has 15 bits.
_LOG_2 = (0.693145751953125, 1.4286068203094173e-06)

#: As for doubles: added, it leaves an integer in the last bits; the bits of it and of other numbers.
_SHIFT = 1.5 * 2.0**23
_BITS_OF_ONE, _BITS_OF_SHIFT, _BITS_OF_ROOT = 0x3F800000, 0x4B000000, 0x3F3504F3

#: From here to there, exponentials are normal numbers; below the last they are 0.
_LARGEST, _SMALLEST, _LEAST = 88.0, -87.0, -105.0

#: Beyond it, exponentials are infinite.
_INFINITE = 88.72283172607422

#: By so many powers of two, subnormal numbers are made normal.
_STEP = 100

_EXPONENTIAL = (0.5000000062328759, 0.16666542545501245, 0.041666280472624904, 0.008366643979984227, 0.001394656)
_LOGARITHM = (0.6666677705317485, 0.3997744953269364, 0.29874419134970603)
_SINE = (0.1666665487343931, -0.008332173540699381, 0.00019516655488527462)
_COSINE = (0.041666646747934286, -0.001388736145741821, 2.4437730842734625e-05)


class _Reduced(NamedTuple):
    """An argument of exp as ``n log 2 + r``: exp(r) − 1, and n in the upper bits of an integer."""

    less_one: Lanes
    power_bits: Lanes

    @property
    def power(self) -> Lanes:
        return (self.power_bits + _BITS_OF_ONE).single

    def exponential_less_one(self) -> Lanes:
        return self.power.fused(self.less_one, self.power - 1.0)

    def exponential(self, small: Lanes) -> Lanes:
        """The exponential, in two steps where it may be subnormal."""
        more = small.mask(self.power_bits) & (_STEP << 23)
        near = ((self.less_one + 1.0).bits + (self.power_bits + more)).single
        return near * small.choose(near.constant(2.0**-_STEP), 1.0)


def _reduced(x: Lanes) -> _Reduced:
    shifted = x.fused(1 / math.log(2), _SHIFT)
    n = shifted - _SHIFT
    r = n.fused(-_LOG_2[1], n.fused(-_LOG_2[0], x))
    return _Reduced((r * r).fused(polynomial(r, _EXPONENTIAL), r), shifted.bits << 23)


@formula("exp.single", FLOAT)
def _exp(x: Lanes) -> Mended:
    large = x.compared("ugt", _LARGEST)
    inside = x.zero_where(large)
    return Mended(_reduced(inside.at_least(_LEAST)).exponential(inside < _SMALLEST), large, "exp", (x,))


@formula("tanh.single", FLOAT)
def _tanh(x: Lanes) -> Lanes:
    # From 10 on it is 1 to all digits.
    a = (x.magnitude > 0x41200000).choose(x.constant(10.0), x.absolute())
    less_one = _reduced(a * 2.0).exponential_less_one()
    return x.is_nan.choose(x, (less_one / (less_one + 2.0)).with_sign_of(x))


@formula("expit.single", FLOAT)
def _expit(x: Lanes) -> Lanes:
    a = (x.magnitude > 0x42D20000).choose(x.constant(-_LEAST), x.absolute())
    # SciPy has the inverse of an exponential, which is infinite there.
    exponential = _reduced(-a).exponential(-a < _SMALLEST).zero_where(a > _INFINITE)
    value = (x.bits < 0).choose(exponential, 1.0) / (exponential + 1.0)
    return x.is_nan.choose(x, value)


@formula("expm1.single", FLOAT)
def _expm1(x: Lanes) -> Mended:
    # Below −30 it is −1 to all digits.
    large = x.compared("ugt", _LARGEST)
    less_one = _reduced(x.zero_where(large).at_least(-30.0)).exponential_less_one()
    return Mended(less_one.with_sign_of(x), large, "expm1", (x,))


def _exponent(x: Lanes) -> tuple[Lanes, Lanes]:
    """k and the bits that hold it, where a positive normal number is m 2ᵏ with m in [√½, √2]."""
    above = x.bits - _BITS_OF_ROOT
    k = (((above + (127 << 23)) >> 23) | _BITS_OF_SHIFT).single - (2.0**23 + 127.0)
    return k, above & -(1 << 23)


def _log_of_sum(f: Lanes, k: Lanes) -> Lanes:
    """log((1 + f) 2ᵏ)."""
    s = f / (f + 2.0)
    z = s * s
    half_square = f * f * 0.5
    tail = s * z.fused(polynomial(z, _LOGARITHM), half_square)
    return k.fused(_LOG_2[0], f - (half_square - k.fused(_LOG_2[1], tail)))


def _outside(x: Lanes, least: int, most: int) -> Lanes:
    """Bits: where a number is not positive and with bits between these."""
    return (x.bits - least).exceeds(most - least)


@formula("log.single", FLOAT)
def _log(x: Lanes) -> Mended:
    k, power_bits = _exponent(x)
    value = _log_of_sum((x.bits - power_bits).single - 1.0, k)
    return Mended(value, _outside(x, 0x00800000, 0x7F7FFFFF), "log", (x,))


@formula("log1p.single", FLOAT)
def _log1p(x: Lanes) -> Mended:
    # Where 1 + x is between 2⁻³⁰ and 2¹⁰⁰.
    far = _outside(x + 1.0, 0x30800000, 0x71800000)
    inside = x.zero_where(far)
    k, power_bits = _exponent(inside + 1.0)
    power = (_BITS_OF_ONE - power_bits).single
    value = _log_of_sum(inside.fused(power, power - 1.0), k)
    return Mended(value.with_sign_of(x), far, "log1p", (x,))


class _Turned(NamedTuple):
    """Sine and cosine of an argument less multiples of π/2, and the multiple in the last bits of an integer."""

    sine: Lanes
    cosine: Lanes
    quadrant: Lanes

    @property
    def is_odd(self) -> Lanes:
        return (self.quadrant & 1).compared("ne", 0)


def _turned(x: Lanes) -> _Turned:
    # In double precision, where products with the parts of π/2 are exact enough.
    wide = x.converted("fpext", DOUBLE)
    shifted = wide.fused(2 / math.pi, 1.5 * 2.0**52)
    n = shifted - 1.5 * 2.0**52
    r = n.fused(-6.077100506506192e-11, n.fused(-1.5707963267341256, wide)).converted("fptrunc", FLOAT)
    quadrant = shifted.bits.converted("trunc", x.bits.value.type)
    z = r * r
    half = z * 0.5
    # What is taken away is +0 for zeros, so they keep their sign.
    sine = r - (z * r).fused(polynomial(z, _SINE), 0.0)
    less = 1.0 - half
    cosine = less + (((1.0 - less) - half) + (z * z) * polynomial(z, _COSINE))
    return _Turned(sine, cosine, quadrant)


def _is_far(x: Lanes) -> Lanes:
    return x.magnitude > 0x47C35000  # 100 000


def _signed(x: Lanes, quadrant: Lanes) -> Lanes:
    return (x.bits ^ ((quadrant & 2) << 30)).single


@formula("sin.single", FLOAT)
def _sin(x: Lanes) -> Mended:
    far = _is_far(x)
    turn = _turned(x.zero_where(far))
    return Mended(_signed(turn.is_odd.choose(turn.cosine, turn.sine), turn.quadrant), far, "sin", (x,))


@formula("cos.single", FLOAT)
def _cos(x: Lanes) -> Mended:
    far = _is_far(x)
    turn = _turned(x.zero_where(far))
    return Mended(_signed(turn.is_odd.choose(turn.sine, turn.cosine), turn.quadrant + 1), far, "cos", (x,))
