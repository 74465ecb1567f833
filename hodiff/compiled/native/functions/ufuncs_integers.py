"""Ufuncs of integers and bools as instructions. May import ``ir``, ``lowering`` and ``vecmath``.

Integers wrap around. What NumPy warns of in divisions raises ``divide`` here, so that NumPy is asked.

>>> sorted(function.__name__ for function in BITS if function.__name__.startswith("bitwise"))
['bitwise_and', 'bitwise_or', 'bitwise_xor']
"""

import math

import numpy as np

from hodiff.compiled.native.functions.lowering import COMMON, Formula, Table, comparison, intrinsic, is_true
from hodiff.compiled.native.functions.vecmath import Lanes
from hodiff.compiled.native.ir import DOUBLE


def _shift(opcode: str) -> Formula:
    """A shift; one by more bits than there are, or by less than none, leaves zeros, or signs."""

    def shift(x: Lanes, by: Lanes) -> Lanes:
        bits = int(x.value.type.scalar[1:])
        far = by.compared("ugt", bits - 1)
        if opcode == "ashr":
            near = far.choose(bits - 1, by)
            return Lanes(x.text, x.text.operation(opcode, x.value, near.value))
        near = far.choose(0, by)
        return far.choose(0, Lanes(x.text, x.text.operation(opcode, x.value, near.value)))

    return shift


def _divided(opcode: str, signed: bool) -> Formula:
    """A quotient or remainder; 0 where the divisor is, and what the numerator is negated to where the divisor is −1.

    Machines end the process where there is no quotient, so they get divisors that have one.
    """

    def divided(x: Lanes, y: Lanes) -> Lanes:
        none = y.equals(0)
        plain = Lanes(x.text, x.text.operation(opcode, x.value, none.choose(1, y).value))
        tested = y
        if signed:
            negated = y.equals(-1)
            safe = (none | negated).choose(1, y)
            plain = Lanes(x.text, x.text.operation(opcode, x.value, safe.value))
            if opcode == "sdiv":
                least = x.equals(-(1 << (int(x.value.type.scalar[1:]) - 1)))
                plain = negated.choose(0 - x, plain)
                tested = y ^ (negated & least).mask(y)
        # The quotient of floating-point numbers raises the flag.
        ones = Lanes(x.text, x.text.constant(DOUBLE.of(x.value.type.lanes), 1.0))
        divisor = Lanes(x.text, x.text.convert("sitofp" if signed else "uitofp", tested.value, DOUBLE))
        refused = ones.raising_quotient(divisor).equals(math.inf)
        return (refused & none).choose(0, refused.choose(x, plain) if opcode == "sdiv" else plain)

    return divided


def _remainder(signed: bool) -> Formula:
    """The remainder that has the sign of the divisor."""
    if not signed:
        return _divided("urem", signed)
    rest_of = _divided("srem", signed)

    def remainder(x: Lanes, y: Lanes) -> Lanes:
        rest = rest_of(x, y)
        other_side = ((rest ^ y) < 0) & rest.compared("ne", 0)
        return other_side.choose(rest + y, rest)

    return remainder


def _floor_divide(signed: bool) -> Formula:
    """The quotient rounded down."""
    if not signed:
        return _divided("udiv", signed)
    quotient_of = _divided("sdiv", signed)

    def floor_divide(x: Lanes, y: Lanes) -> Lanes:
        quotient = quotient_of(x, y)
        rest = x - quotient * y
        other_side = ((rest ^ y) < 0) & rest.compared("ne", 0) & y.compared("ne", 0)
        return other_side.choose(quotient - 1, quotient)

    return floor_divide


def _integers(signed: bool) -> Table:
    """Formulas of integers, with a sign or without: they wrap around."""
    s = "s" if signed else "u"
    return {
        **COMMON,
        np.add: (lambda x, y: x + y, 1),
        np.subtract: (lambda x, y: x - y, 1),
        np.multiply: (lambda x, y: x * y, 3),
        np.square: (lambda x: x * x, 3),
        np.negative: (lambda x: 0 - x, 1),
        np.positive: (lambda x: x, 0),
        np.conjugate: (lambda x: x, 0),
        np.absolute: ((lambda x: (x < 0).choose(0 - x, x)) if signed else (lambda x: x), 2),
        np.sign: (_sign_of_integer if signed else (lambda x: _from_bit(is_true(x), x)), 2),
        np.maximum: (intrinsic(f"{s}max"), 1),
        np.minimum: (intrinsic(f"{s}min"), 1),
        np.fmax: (intrinsic(f"{s}max"), 1),
        np.fmin: (intrinsic(f"{s}min"), 1),
        np.floor: (lambda x: x, 0),
        np.ceil: (lambda x: x, 0),
        np.trunc: (lambda x: x, 0),
        np.equal: (comparison("eq"), 1),
        np.not_equal: (comparison("ne"), 1),
        np.less: (comparison(f"{s}lt"), 1),
        np.less_equal: (comparison(f"{s}le"), 1),
        np.greater: (comparison(f"{s}gt"), 1),
        np.greater_equal: (comparison(f"{s}ge"), 1),
        np.bitwise_and: (lambda x, y: x & y, 1),
        np.bitwise_or: (lambda x, y: x | y, 1),
        np.bitwise_xor: (lambda x, y: x ^ y, 1),
        np.invert: (lambda x: ~x, 1),
        np.left_shift: (_shift("shl"), 3),
        np.right_shift: (_shift("ashr" if signed else "lshr"), 3),
        np.floor_divide: (_floor_divide(signed), 80),
        np.remainder: (_remainder(signed), 80),
        np.fmod: (_divided("srem" if signed else "urem", signed), 80),
        np.isnan: (lambda x: x.compared("ne", x), 0),
        np.isinf: (lambda x: x.compared("ne", x), 0),
        np.isfinite: (lambda x: x.compared("eq", x), 0),
    }


def _sign_of_integer(x: Lanes) -> Lanes:
    return _from_bit(x > 0, x) - _from_bit(x < 0, x)


def _from_bit(bit: Lanes, like: Lanes) -> Lanes:
    return Lanes(bit.text, bit.text.convert("zext", bit.value, like.value.type))


INTEGERS, UNSIGNED = _integers(True), _integers(False)

BITS: Table = {
    **COMMON,
    np.add: (lambda x, y: x | y, 1),
    np.multiply: (lambda x, y: x & y, 1),
    np.absolute: (lambda x: x, 0),
    np.maximum: (lambda x, y: x | y, 1),
    np.minimum: (lambda x, y: x & y, 1),
    np.fmax: (lambda x, y: x | y, 1),
    np.fmin: (lambda x, y: x & y, 1),
    np.equal: (lambda x, y: ~(x ^ y), 1),
    np.not_equal: (lambda x, y: x ^ y, 1),
    np.less: (lambda x, y: ~x & y, 1),
    np.less_equal: (lambda x, y: ~x | y, 1),
    np.greater: (lambda x, y: x & ~y, 1),
    np.greater_equal: (lambda x, y: x | ~y, 1),
    np.bitwise_and: (lambda x, y: x & y, 1),
    np.bitwise_or: (lambda x, y: x | y, 1),
    np.bitwise_xor: (lambda x, y: x ^ y, 1),
    np.invert: (lambda x: ~x, 1),
    np.floor: (lambda x: x, 0),
    np.ceil: (lambda x: x, 0),
    np.trunc: (lambda x: x, 0),
    np.isnan: (lambda x: x ^ x, 0),
    np.isinf: (lambda x: x ^ x, 0),
    np.isfinite: (lambda x: ~(x ^ x), 0),
}
