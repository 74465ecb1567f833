"""Inverse circular functions on vectors. May import ``vecmath``.

arcsin: a polynomial up to ½, beyond by arcsin x = π/2 − 2 arcsin √((1 − x) / 2). arctan: the quotient of the smaller
and the larger leg is turned by π/4 where it is above tan(π/8), which takes one division in all; a polynomial gives the
rest. Polynomials are minimax for the relative error, found by Remez' exchange in 50 digits.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "hd.arctan2.4" in definitions("arctan2", 4, 2)
True
"""

import math

from hodiff.compiled.native.functions.vecmath import Lanes, Mended, bits_of, formula, polynomial

#: (arcsin a − a) / a³ in a², for a ≤ ½.
_ARCSINE = (
    0.16666666666665383,
    0.0750000000034304,
    0.04464285682348952,
    0.030381959330854445,
    0.022371753534688177,
    0.01735977091723274,
    0.013884600435676698,
    0.012173266271802926,
    0.006510909034037195,
    0.01957375758711492,
    -0.01629384812905753,
    0.031958816937297976,
)

#: (arctan t − t) / t³ in t², for t ≤ tan(π/8).
_ARCTANGENT = (
    -0.333333333333332,
    0.1999999999995324,
    -0.14285714280159245,
    0.11111110781475846,
    -0.09090897697292244,
    0.0769205907992705,
    -0.06663090466908513,
    0.05847785542248274,
    -0.05038815235261468,
    0.03805158046474686,
    -0.017892415618767595,
)

#: π/4 in two parts, of which the first has 50 bits, so that small multiples are exact.
_QUARTER_PI = (0.7853981633974483, 3.061616997868383e-17)

#: Where legs are longer, their sum may overflow; where they are shorter, their product with a constant is no normal.
_LONG, _SHORT = 2.0**1000, 2.0**-1000


def _half_angle(x: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """Bits: whether |x| is below ½; the number whose arcsine, or half of it, is taken; and that less the number."""
    a = x.absolute()
    small = x.magnitude < bits_of(0.5)
    square = small.choose(a * a, 0.5 - a * 0.5)
    sine = small.choose(a, square.function("sqrt"))
    return small, sine, sine * square * polynomial(square, _ARCSINE)


@formula("arcsin")
def _arcsin(x: Lanes) -> Lanes:
    small, sine, more = _half_angle(x)
    large = math.pi / 2 - ((sine + more) * 2.0 - 2 * _QUARTER_PI[1])
    return small.choose(sine + more, large).with_sign_of(x)


@formula("arccos")
def _arccos(x: Lanes) -> Lanes:
    small, sine, more = _half_angle(x)
    negative = x.bits < 0
    middle = math.pi / 2 - (x + (more.with_sign_of(x) - 2 * _QUARTER_PI[1]))
    double = (sine + more) * 2.0
    return small.choose(middle, negative.choose(math.pi - (double - 4 * _QUARTER_PI[1]), double))


def _angle(shorter: Lanes, longer: Lanes, swapped: Lanes, opposite: Lanes | None) -> Lanes:
    """The angle from the first axis of a point with legs of these lengths.

    ``swapped`` are bits: where the shorter leg is along the first axis; ``opposite``, where that points away.
    """
    turned = shorter > longer * (math.sqrt(2) - 1)
    t = turned.choose(shorter - longer, shorter) / turned.choose(shorter + longer, longer)
    z = t * t
    rest = (t * z).fused(polynomial(z, _ARCTANGENT), t)
    quarters = turned.choose(t.constant(1.0), 0.0)
    quarters, rest = swapped.choose(2.0 - quarters, quarters), swapped.choose(-rest, rest)
    if opposite is not None:
        quarters, rest = opposite.choose(4.0 - quarters, quarters), opposite.choose(-rest, rest)
    return quarters * _QUARTER_PI[0] + quarters.fused(_QUARTER_PI[1], rest)


@formula("arctan")
def _arctan(x: Lanes) -> Lanes:
    a, one = x.absolute(), x.constant(1.0)
    large = x.magnitude > bits_of(1.0)
    return _angle(large.choose(one, a), large.choose(a, one), large, None).with_sign_of(x)


@formula("arctan2")
def _arctan2(y: Lanes, x: Lanes) -> Mended:
    vertical, horizontal = y.magnitude, x.magnitude
    steep = vertical > horizontal
    longer = steep.choose(vertical, horizontal)
    shorter = steep.choose(horizontal, vertical)
    least = bits_of(_SHORT)
    far = (longer - least).exceeds(bits_of(_LONG) - least)
    angle = _angle(shorter.double.zero_where(far), far.choose(2.0, longer.double), steep, x.bits < 0)
    return Mended(angle.with_sign_of(y), far, "atan2", (y, x))
