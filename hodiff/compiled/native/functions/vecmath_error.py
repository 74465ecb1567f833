"""The error function and its complement on vectors.

Up to ½, erf x is a polynomial. Beyond, erfc x = exp(−x²) G(t) / (x + ½) with t = (x − K) / (x + K), in which G is
almost constant (Shepherd and Laframboise, 1981), and x² has two parts. Both polynomials are minimax for the relative
error, found by Remez' exchange in 50 digits. May import ``vecmath`` and ``vecmath_exponential``.

>>> from hodiff.compiled.native.functions.vecmath import definitions
>>> "hd.erfc.4" in definitions("erfc", 4, 1)
True
"""

import math

from hodiff.compiled.native.functions.vecmath import Lanes, Pair, bits_of, exact_product, formula, polynomial
from hodiff.compiled.native.functions.vecmath_exponential import limited, reduced

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

#: K, and exp(x²) erfc(x) (x + ½) in t, for ½ ≤ x ≤ 26.7.
_K = 3.75
_LARGE = (
    0.6187563154189137,
    -0.07012029929277341,
    0.0017927077427331481,
    0.04113836924506321,
    -0.05440196507093971,
    0.04615216058057908,
    -0.029346699293045734,
    0.01418113870220307,
    -0.004873289803632808,
    0.0008778129998841281,
    0.00014685703204217734,
    -0.00014507748157804214,
    2.582354326348105e-05,
    1.1193772930887789e-05,
    -5.7187997477017255e-06,
    -4.906883794246172e-07,
    8.68933606153951e-07,
    -2.2908185901117078e-08,
    -1.2022484642676302e-07,
    6.868605019086685e-09,
    1.2320339492974928e-08,
)

#: The same for ½ ≤ x ≤ 6, with an absolute error of erfc x that is small against 1.
_K_OF_ERF = 3.0
_LARGE_OF_ERF = (
    0.6265040291347644,
    -0.0678105530653159,
    -0.023781147155018983,
    0.06482258115251212,
    -0.05963680149326947,
    0.03415428843693759,
    -0.011883651431969218,
    0.0012711617795404403,
    0.0009628721533013269,
    -0.00035166953626172853,
    4.038576493525176e-06,
    0.00012114181800231118,
    4.221639933787853e-05,
    4.605347813196261e-06,
)

#: From here on, erfc may be subnormal, and then is 0.
_FAR, _LAST = 26.5, 27.3


def _small(x: Lanes) -> Lanes:
    """The error function up to ½."""
    return x.fused(polynomial(x * x, _SMALL), x)


def _complement(a: Lanes, square: Pair, unit: float = 1.0) -> Lanes:
    """The complement of the error function from ½ on, of a number in such units and its square in units of 1."""
    coefficients = [unit * coefficient for coefficient in _LARGE]
    g = polynomial((a - _K * unit) / (a + _K * unit), coefficients) / (a + 0.5 * unit)
    exponential = reduced(-square.high)
    less_one = exponential.less_one - square.low.fused(exponential.less_one, square.low)
    return exponential.scaled(g.fused(less_one, g), a > _FAR * unit)


@formula("erf")
def _erf(x: Lanes) -> Lanes:
    small = x.magnitude < bits_of(0.5)
    # From 6 on it is 1 to all digits.
    a = limited(small.choose(0.5, x), 6.0).absolute()
    far, near = a + _K_OF_ERF, a + 0.5
    inverse = 1.0 / (far * near)
    g = polynomial((a - _K_OF_ERF) * (near * inverse), _LARGE_OF_ERF) * (far * inverse)
    exponential = reduced(-(a * a))
    large = 1.0 - g.fused(exponential.less_one, g) * exponential.power()
    return x.is_nan.choose(x, small.choose(_small(limited(x, 1.0)), large.with_sign_of(x)))


@formula("erfc")
def _erfc(x: Lanes) -> Lanes:
    small = x.magnitude < bits_of(0.5)
    a = limited(small.choose(0.5, x), _LAST).absolute()
    return _both_sides(x, small, _complement(a, exact_product(a, a)))


def _both_sides(x: Lanes, small: Lanes, complement: Lanes) -> Lanes:
    """The complement of the error function anywhere, from that of the absolute value."""
    large = (x.bits < 0).choose(2.0 - complement, complement)
    return x.is_nan.choose(x, small.choose(1.0 - _small(limited(x, 1.0)), large))


@formula("tails")
def _tails(x: Lanes) -> Lanes:
    # erfc(x / √2): its relative error is that of the square, which is taken before the root is.
    scaled = x * math.sqrt(0.5)
    small = scaled.magnitude < bits_of(0.5)
    a = limited(small.choose(0.75, x), _LAST * math.sqrt(2)).absolute()
    square = exact_product(a, a)
    complement = _complement(a, Pair(square.high * 0.5, square.low * 0.5), math.sqrt(2))
    return _both_sides(scaled, small, complement)


@formula("ndtr")
def _ndtr(x: Lanes) -> Lanes:
    return (-x).applied("tails") * 0.5
