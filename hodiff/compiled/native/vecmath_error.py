"""The error function and its complement on vectors. May import ``vecmath`` and ``vecmath_exponential``.

Up to ½, erf x is a polynomial. Beyond, erfc x = exp(−x²) G(t) / (x + K) with t = (x − K) / (x + K), in which G is
almost constant (Shepherd and Laframboise, 1981), and x² has two parts. Both polynomials are minimax for the relative
error, found by Remez' exchange in 50 digits.

>>> from hodiff.compiled.native.vecmath import definitions
>>> "hd.erfc.4" in definitions("erfc", 4, 1)
True
"""

import math

from hodiff.compiled.native.vecmath import Lanes, Mended, Pair, bits_of, exact_product, formula, polynomial
from hodiff.compiled.native.vecmath_exponential import limited, reduced

#: erf(x) / x − 1 in x², for |x| ≤ ½.
_SMALL = (
    0.12837916709551256,
    -0.3761263890318347,
    0.1128379167092515,
    -0.026866170632809893,
    0.0052239773715896266,
    -0.0008548297613987044,
    0.00012053327695174358,
    -1.484564610342608e-05,
    1.4723631490750005e-06,
)

#: K, and exp(x²) erfc(x) (x + K) in t, for ½ ≤ x ≤ 26.7.
_K = 3.5
_LARGE = (
    1.08705558926226,
    -0.9377997245671121,
    0.6941136466346426,
    -0.43525602671686514,
    0.2257386216475163,
    -0.09231870663947087,
    0.026518619879346117,
    -0.003177050324561189,
    -0.0013053546658271756,
    0.0007145315069106426,
    -4.2062332902500113e-05,
    -7.477604050942894e-05,
    1.8647856418910096e-05,
    7.2403212362964364e-06,
    -3.393669712344176e-06,
    -7.875205584802048e-07,
    5.52993965399483e-07,
    1.0365006565754535e-07,
    -8.557162060619639e-08,
    -1.1939464179308748e-08,
    9.778034616414868e-09,
)

#: From here on, erfc may be no normal number.
_FAR = 26.5


def _small(x: Lanes) -> Lanes:
    """The error function up to ½."""
    return x.fused(polynomial(x * x, _SMALL), x)


def _complement(a: Lanes, square: Pair) -> Lanes:
    """The complement of the error function from ½ on."""
    inverse = 1.0 / (a + _K)
    g = polynomial((a - _K) * inverse, _LARGE) * inverse
    return reduced(-square.high).exponential() * (g - g * square.low)


@formula("erf")
def _erf(x: Lanes) -> Lanes:
    small = x.magnitude < bits_of(0.5)
    # From 6 on it is 1 to all digits.
    a = limited(small.choose(0.5, x), 6.0).absolute()
    large = (1.0 - _complement(a, exact_product(a, a))).with_sign_of(x)
    return x.is_nan.choose(x, small.choose(_small(limited(x, 1.0)), large))


@formula("erfc")
def _erfc(x: Lanes) -> Mended:
    small = x.magnitude < bits_of(0.5)
    a = limited(small.choose(0.5, x), _FAR).absolute()
    return _both_sides(x, small, _complement(a, exact_product(a, a)))


def _both_sides(x: Lanes, small: Lanes, complement: Lanes) -> Mended:
    """The complement of the error function anywhere, from that of the absolute value."""
    large = (x.bits < 0).choose(2.0 - complement, complement)
    far = (x.bits > bits_of(_FAR)) | x.is_nan
    return Mended(small.choose(1.0 - _small(limited(x, 1.0)), large), far, "erfc", (x,))


@formula("tails")
def _tails(x: Lanes) -> Mended:
    # erfc(x / √2): its relative error is that of the square, which is taken before the root is.
    scaled = x * math.sqrt(0.5)
    small = scaled.magnitude < bits_of(0.5)
    a = limited(small.choose(0.75, x), _FAR * math.sqrt(2)).absolute()
    square = exact_product(a, a)
    complement = _complement(a * math.sqrt(0.5), Pair(square.high * 0.5, square.low * 0.5))
    return _both_sides(scaled, small, complement)


@formula("ndtr")
def _ndtr(x: Lanes) -> Lanes:
    return (-x).applied("tails") * 0.5
