"""Powers on vectors. May import ``ir``, ``vecmath`` and ``vecmath_exponential``.

xʸ = exp(y log x), where log x has two parts: with s = (m − 1) / (m + 1), log m = 2 (s + s³/3 + s⁵ T(s²)), of which all
but T is computed with the rounding errors, by the exact products and sums of Dekker (1971). T is minimax, found by
Remez' exchange in 50 digits, its error below 2⁻⁶⁶ of the logarithm.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "hd.power.4" in definitions("power", 4, 2)
True
"""

import math
from collections.abc import Callable

from hodiff.compiled.native.functions.vecmath import (
    Lanes,
    Mended,
    Pair,
    bits_of,
    call,
    exact_product,
    formula,
    polynomial,
)
from hodiff.compiled.native.functions.vecmath_exponential import (
    LOG_2,
    Reduced,
    is_no_normal,
    is_wide,
    reduced,
    significand,
)
from hodiff.compiled.native.ir import Body, Value

#: (artanh(s) / s − 1 − s²/3) / s⁴ in s², for |s| ≤ (√2 − 1) / (√2 + 1).
_TAIL = (
    0.20000000000001145,
    0.14285714285041862,
    0.11111111261441256,
    0.09090892048821722,
    0.07693385096398382,
    0.06628254281745558,
    0.06599641103284722,
)

_THIRD = (1 / 3, 1.850371707708594e-17)

#: Exponents beyond it in absolute value are left to the C library.
_HUGE = 2.0**64


def product_of_pairs(x: Pair, y: Pair) -> Pair:
    """A product of sums, rounded to a sum."""
    product = exact_product(x.high, y.high)
    return Pair(product.high, product.low + (x.high * y.low + x.low * y.high))


def ordered_sum(x: Lanes, y: Lanes, low: Lanes) -> Pair:
    """A sum where the first number is the greater one or zero, its rounding error added to what is small anyway."""
    total = x + y
    return Pair(total, ((x - total) + y) + low)


def logarithm(x: Lanes) -> Pair:
    """The logarithm of positive normal numbers."""
    m, k, _ = significand(x)
    numerator, denominator = m - 1.0, m + 1.0
    inverse = 1.0 / denominator
    high = numerator * inverse
    product = exact_product(high, denominator)
    rest = ((numerator - product.high) - product.low) - high * (m - (denominator - 1.0))
    s = Pair(high, rest * inverse)
    square = product_of_pairs(s, s)
    third = x.constant(_THIRD[0])
    series = ordered_sum(third, square.high * polynomial(square.high, _TAIL), x.constant(_THIRD[1]))
    tail = product_of_pairs(s, product_of_pairs(square, series))
    total = ordered_sum(s.high, tail.high, s.low + tail.low)
    return ordered_sum(k * LOG_2[0], total.high * 2.0, total.low.fused(2.0, k * LOG_2[1]))


@formula("power")
def _power(x: Lanes, y: Lanes) -> Mended:
    far = is_no_normal(x) | (y.magnitude > bits_of(_HUGE))
    log = logarithm(x)
    exponent = exact_product(y.zero_where(far), log.high)
    low = y.zero_where(far).fused(log.low, exponent.low)
    parts = reduced(exponent.high)
    parts = Reduced(parts.less_one.fused(low, low) + parts.less_one, parts.shifted)
    return Mended(parts.exponential(), far | is_wide(exponent.high), "pow", (x, y))


def _root(x: Lanes) -> Lanes:
    return _unsigned(x).function("sqrt")


def _unsigned(x: Lanes) -> Lanes:
    """The number, but without the sign of negative infinity and negative zero, whose broken powers have none."""
    return x.equals(-math.inf).choose(-x, x) + 0.0


#: Exponents for which a few products do, with an error of 3 units in the last place at most.
_SHORT: dict[float, Callable[[Lanes], Lanes]] = {
    1.0: lambda x: x,
    2.0: lambda x: x * x,
    3.0: lambda x: x * x * x,
    4.0: lambda x: (x * x) * (x * x),
    -1.0: lambda x: 1.0 / x,
    -2.0: lambda x: (1.0 / x) * (1.0 / x),
    -3.0: lambda x: (1.0 / x) * (1.0 / x) * (1.0 / x),
    0.5: _root,
    1.5: lambda x: _unsigned(x) * _root(x),
    -0.5: lambda x: 1.0 / _root(x),
}


def power(text: Body, x: Value, y: Value) -> Value:
    """Powers, in a shorter way for some exponents that are the same in all lanes."""
    for exponent, short in _SHORT.items():
        if y == text.constant(y.type, exponent):
            return short(Lanes(text, x)).value
    return call(text, "power", x, y)
