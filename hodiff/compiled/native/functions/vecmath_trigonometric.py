"""Sine, cosine and tangent on vectors. May import ``vecmath``.

The argument is reduced by multiples of π/2 in three parts (Cody and Waite, 1980) with the rounding error kept, and
minimax polynomials, found by Remez' exchange in 50 digits, give sine and cosine of the rest, of which one is chosen
by the quadrant. Both are computed, in the same way, so that a program that needs both computes them once. Far from
zero, the C library reduces.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> sorted(name for name in definitions("sin", 2, 1) if name.startswith("hd"))
['hd.lanes.1.2', 'hd.sin.2']
"""

import math
from typing import NamedTuple

from hodiff.compiled.native.functions.vecmath import Lanes, Mended, bits_of, formula, polynomial

#: π/2 in three parts, of which two have 38 bits.
HALF_PI = (1.5707963267923333, 2.5633441515839558e-12, 1.0562999066987428e-23)

#: Multiples of π/2 within have 15 bits, and their products with the parts are exact.
FAR = 50_000.0

_SHIFT = 1.5 * 2.0**52

#: (r − sin r) / r³ in r², for |r| ≤ π / 4, minimax for the error relative to r.
_SINE = (
    0.16666666666666632,
    -0.00833333333332237,
    0.00019841269829771086,
    -2.7557313678643845e-06,
    2.505075595863526e-08,
    -1.5896666370939634e-10,
)

#: (cos r − 1 + r²/2) / r⁴ in r², for |r| ≤ π / 4, minimax for the error of cos r.
_COSINE = (
    0.0416666666666666,
    -0.0013888888888874064,
    2.480158728944353e-05,
    -2.755731434067416e-07,
    2.0875721625702183e-09,
    -1.1359559428690583e-11,
)


class Turned(NamedTuple):
    """Sine and cosine of an argument less multiples of π/2, and the multiple in the last bits of an integer."""

    sine: Lanes
    cosine: Lanes
    quadrant: Lanes

    @property
    def is_odd(self) -> Lanes:
        """Bits: where sine and cosine change places."""
        return (self.quadrant & 1).compared("ne", 0)


def turned(x: Lanes) -> Turned:
    """Sine and cosine of the argument in its quadrant."""
    shifted = x.fused(2 / math.pi, _SHIFT)
    n = shifted - _SHIFT
    first = n.fused(-HALF_PI[0], x)
    r = n.fused(-HALF_PI[1], first)
    low = n.fused(-HALF_PI[2], n.fused(-HALF_PI[1], first - r))
    z = r * r
    cube = z * r
    half = z * 0.5
    # What is taken away is +0 for zeros, so they keep their sign.
    sine = r - cube.fused(polynomial(z, _SINE), half * low - low)
    less = 1.0 - half
    cosine = less + (((1.0 - less) - half) + (z * z).fused(polynomial(z, _COSINE), -(r * low)))
    return Turned(sine, cosine, shifted.bits)


def is_far(x: Lanes) -> Lanes:
    """Bits: where the reduction is not exact, or the argument is infinite or NaN."""
    return x.magnitude > bits_of(FAR)


def _signed(x: Lanes, quadrant: Lanes) -> Lanes:
    """A number, negated where the integer has the bit of 2."""
    return (x.bits ^ ((quadrant & 2) << 62)).double


@formula("sin")
def _sin(x: Lanes) -> Mended:
    far = is_far(x)
    turn = turned(x.zero_where(far))
    sine = _signed(turn.is_odd.choose(turn.cosine, turn.sine), turn.quadrant)
    return Mended(sine, far, "sin", (x,))


@formula("cos")
def _cos(x: Lanes) -> Mended:
    far = is_far(x)
    turn = turned(x.zero_where(far))
    cosine = _signed(turn.is_odd.choose(turn.sine, turn.cosine), turn.quadrant + 1)
    return Mended(cosine, far, "cos", (x,))


@formula("tan")
def _tan(x: Lanes) -> Mended:
    far = is_far(x)
    turn = turned(x.zero_where(far))
    odd = turn.is_odd
    tangent = odd.choose(-turn.cosine, turn.sine) / odd.choose(turn.sine, turn.cosine)
    return Mended(tangent, far, "tan", (x,))
