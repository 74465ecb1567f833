"""What exponentials and logarithms make up: hyperbolic functions and their inverses, and some of ``scipy.special``.

May import ``vecmath`` and ``vecmath_exponential``.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "hd.sinh.4" in definitions("sinh", 4, 1)
True
"""

import math

from hodiff.compiled.native.functions.vecmath import Lanes, Mended, bits_of, formula
from hodiff.compiled.native.functions.vecmath_exponential import (
    is_wide,
    log_of_one_plus,
    log_of_sum,
    reduced,
    significand,
)

#: From here on, a number is its own square and one, to all digits.
_LARGE = 2.0**500


@formula("sinh")
def _sinh(x: Lanes) -> Mended:
    wide = is_wide(x)
    less_one = reduced(x.zero_where(wide).absolute()).exponential_less_one()
    half = (less_one + less_one / (less_one + 1.0)) * 0.5
    return Mended(half.with_sign_of(x), wide, "sinh", (x,))


@formula("cosh")
def _cosh(x: Lanes) -> Mended:
    wide = is_wide(x)
    half = reduced(x.zero_where(wide).absolute()).exponential() * 0.5
    return Mended(half + 0.25 / half, wide, "cosh", (x,))


@formula("arcsinh")
def _arcsinh(x: Lanes) -> Mended:
    far = x.magnitude > bits_of(_LARGE)
    a = x.zero_where(far).absolute()
    square = a * a
    more = a + square / ((square + 1.0).function("sqrt") + 1.0)
    return Mended(log_of_one_plus(more).with_sign_of(x), far, "asinh", (x,))


@formula("arccosh")
def _arccosh(x: Lanes) -> Mended:
    far = (x.bits - bits_of(1.0)).exceeds(bits_of(_LARGE) - bits_of(1.0))
    more = far.choose(1.0, x) - 1.0
    return Mended(log_of_one_plus(more + (more * (more + 2.0)).function("sqrt")), far, "acosh", (x,))


@formula("arctanh")
def _arctanh(x: Lanes) -> Mended:
    far = x.magnitude > bits_of(1.0) - 1
    a = x.zero_where(far).absolute()
    return Mended((log_of_one_plus(a * 2.0 / (1.0 - a)) * 0.5).with_sign_of(x), far, "atanh", (x,))


def _difference(x: Lanes, y: Lanes) -> tuple[Lanes, Lanes, Lanes]:
    """Bits: where two are equal; the greater one, and the difference, negative."""
    # Infinities of one sign are equal, and their difference is not taken. (One, not zero: LLVM would simplify it away.)
    equal = x.equals(y)
    difference = x - equal.choose(1.0, y)
    return equal, (difference.bits < 0).choose(y, x), -difference.absolute()


@formula("logaddexp")
def _logaddexp(x: Lanes, y: Lanes) -> Lanes:
    equal, larger, difference = _difference(x, y)
    return larger + equal.choose(math.log(2), log_of_one_plus(difference.applied("exp")))


@formula("logaddexp2")
def _logaddexp2(x: Lanes, y: Lanes) -> Lanes:
    equal, larger, difference = _difference(x, y)
    return larger + equal.choose(1.0, log_of_one_plus(difference.applied("exp2")) * (1 / math.log(2)))


@formula("log_expit")
def _log_expit(x: Lanes) -> Lanes:
    return -(log_of_one_plus((-x.absolute()).applied("exp")) - (x > 0.0).choose(0.0, x))


@formula("logit")
def _logit(x: Lanes) -> Mended:
    # Between 1/√2 and √2, odds less one are computed without them.
    far = (x.bits - bits_of(2.0**-1000)).exceeds(bits_of(1.0) - 1 - bits_of(2.0**-1000))
    p = far.choose(0.5, x)
    odds = significand(p / (1.0 - p))
    near = odds.k.equals(0.0)
    value = log_of_sum(near.choose((p * 2.0 - 1.0) / (1.0 - p), odds.m - 1.0), odds.k)
    return Mended(value, far, "log", (x / (1.0 - x),))


@formula("xlogy")
def _xlogy(x: Lanes, y: Lanes) -> Lanes:
    zero = x.equals(0.0) & ~y.is_nan
    return zero.choose(0.0, x * zero.choose(1.0, y).applied("log"))


@formula("xlog1py")
def _xlog1py(x: Lanes, y: Lanes) -> Lanes:
    zero = x.equals(0.0) & ~y.is_nan
    return zero.choose(0.0, x * y.zero_where(zero).applied("log1p"))


@formula("entr")
def _entr(x: Lanes) -> Lanes:
    positive = (x > 0.0).choose(x, 1.0)
    value = x.is_nan.choose(x, -(positive * positive.applied("log")))
    return (x < 0.0).choose(-math.inf, x.equals(0.0).choose(0.0, value))


@formula("huber")
def _huber(delta: Lanes, r: Lanes) -> Lanes:
    a = r.absolute()
    loss = a.compared("ole", delta).choose(r * 0.5 * r, delta * (a - delta * 0.5))
    return (delta < 0.0).choose(math.inf, loss)
