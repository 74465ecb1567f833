"""Cube roots and lengths of vectors of two numbers. May import ``vecmath`` and ``vecmath_exponential``.

The cube root begins with a third of the bits, which a minimax polynomial (Remez' exchange) makes good to 23 bits, and
ends with one step of Halley's, as in Kahan's and fdlibm's.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "hd.hypot.4" in definitions("hypot", 4, 2)
True
"""

from hodiff.compiled.native.functions.vecmath import Lanes, Mended, bits_of, formula, horner
from hodiff.compiled.native.functions.vecmath_exponential import is_no_normal

#: r^(−1/3) for the cubes of first guesses divided by the number.
_CORRECTION = (
    1.8701500437853662,
    -1.8614748325190893,
    1.5857753294167032,
    -0.7343983288018581,
    0.13994774140876912,
)

#: The upper half of the bits of a number, divided by 3, and this: the upper half of those of its cube root, about.
_GUESS = 715_094_000.0

#: Squares of numbers in between are normal and finite.
_LONG, _SHORT = 2.0**511, 2.0**-480


@formula("cbrt")
def _cbrt(x: Lanes) -> Mended:
    far = is_no_normal(x.absolute())
    a = far.choose(8.0, x.absolute())
    upper = ((a.bits >> 32) | bits_of(2.0**52)).double - 2.0**52
    guess = (upper.fused(1 / 3, 2.0**52 + _GUESS).bits << 32).double
    t = guess * horner((guess * guess) * (guess / a), _CORRECTION)
    t = ((t.bits + (1 << 31)) & -(1 << 30)).double
    r = a / (t * t)
    root = t + t * ((r - t) / (t + t + r))
    return Mended(root.with_sign_of(x), far, "cbrt", (x,))


@formula("hypot")
def _hypot(x: Lanes, y: Lanes) -> Mended:
    steep = y.magnitude > x.magnitude
    longer = steep.choose(y.magnitude, x.magnitude)
    far = (longer - bits_of(_SHORT)).exceeds(bits_of(_LONG) - bits_of(_SHORT)) & ~longer.equals(0)
    a, b = x.zero_where(far), y.zero_where(far)
    return Mended((a * a + b * b).function("sqrt"), far, "hypot", (x, y))
