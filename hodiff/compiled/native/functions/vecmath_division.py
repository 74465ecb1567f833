"""Remainders of doubles on vectors, with NumPy's bits.

While the quotient is below 2⁵², it is off by one at most, and what is left of the product is exact. May import
``machine``, ``vecmath`` and ``vecmath_exponential``.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "hd.remainder.4" in definitions("remainder", 4, 2)
True
"""

import math

from hodiff.compiled.native.functions.vecmath import Lanes, Mended, bits_of, exact_product, formula
from hodiff.compiled.native.functions.vecmath_exponential import is_no_normal
from hodiff.compiled.native.loading.machine import machine


@formula("fmod")
def _fmod(x: Lanes, y: Lanes) -> Mended:
    magnitude, divisor = x.magnitude, y.absolute()
    far = is_no_normal(divisor) | (magnitude - divisor.bits > 51 << 52) | (magnitude > bits_of(math.inf) - 1)
    a, b = x.zero_where(far).absolute(), far.choose(2.0, divisor)
    q = (a / b).function("trunc")
    if machine().has_fma:
        rest = (-q).fused_exactly(b, a)
    else:
        product = exact_product(q, b)
        rest = (a - product.high) - product.low
    rest = (rest.bits < 0).choose(rest + b, rest)
    return Mended(rest.with_sign_of(x), far, "fmod", (x, y))


@formula("remainder")
def _remainder(x: Lanes, y: Lanes) -> Lanes:
    rest = x.applied("fmod", y)
    none = rest.equals(0.0)
    other_side = ((rest.bits ^ y.bits) < 0) & ~none
    return none.choose(rest.with_sign_of(y), rest + y.zero_where(~other_side))


@formula("floor_divide")
def _floor_divide(x: Lanes, y: Lanes) -> Lanes:
    by_zero = y.equals(0.0)
    rest = by_zero.choose(0.0, x).applied("fmod", by_zero.choose(2.0, y))
    other_side = ((rest.bits ^ y.bits) < 0) & ~rest.equals(0.0)
    quotient = x / y
    whole = (x - rest) / by_zero.choose(2.0, y)
    whole = other_side.choose(whole - 1.0, whole)
    floor = whole.function("floor")
    floor = (whole - floor > 0.5).choose(floor + 1.0, floor)
    floor = whole.equals(0.0).choose(whole.constant(0.0).with_sign_of(quotient), floor)
    return by_zero.choose(quotient, floor)
