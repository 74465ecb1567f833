"""Elementwise operations: NumPy's arithmetic, powers, exponentials, logarithms, trigonometric and hyperbolic ufuncs.

One line an operation: the ufunc and its partials, with the answer in scope. At kinks the partials are those of the
minimum-norm element of the Clarke subdifferential: ``abs'(0) = 0``, ``hypot'(0, 0) = (0, 0)``.
May import ``batch_rules``, ``code``, ``core``, ``kinds``, ``lowering``, ``mutation`` and ``operators``.

>>> import hodiff as hd
>>> float(hd.grad(np.abs)(0.0))
0.0
"""

from typing import Any

import numpy as np
from scipy.special import expit

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.core import OPERANDS, Primitive, Tracer, as_operand
from hodiff.kinds import composite, constant, elementwise, general, linear
from hodiff.lowering import Mapped
from hodiff.mutation import is_array
from hodiff.operators import attribute, infix, prefix

_LN2, _LN10, _DEGREE = np.log(np.longdouble(2)), np.log(np.longdouble(10)), np.deg2rad(np.longdouble(1))
_DOUBLE = np.dtype(float)


def _like(constant: np.longdouble, x: Any) -> Any:
    """A constant to multiply ``x`` by: in extended precision for such ``x``, else a number without precision."""
    return constant if getattr(x, "dtype", _DOUBLE).char in "gG" else float(constant)


def _inverse(y: Any) -> Any:
    """1/y; a Python zero gives inf, as a NumPy zero does, instead of raising."""
    return np.divide(1.0, y) if isinstance(y, (int, float)) else 1 / y


def _ratio(x: Any, y: Any) -> Any:
    """x/y, and 0 where both are 0: the coefficient of functions with a kink at the origin."""
    return np.where(np.equal(y, 0), 0.0, np.divide(x, np.where(np.equal(y, 0), 1.0, y)))


def _direction(size: Any, x: Any) -> Any:
    """Conjugate of x/|x|, and 0 at 0; constant for real x."""
    return _ratio(np.conjugate(x), size) if np.iscomplexobj(x) else real_sign(x)


def _power_base(ans: Any, x: Any, y: Any) -> Any:
    """∂(x**y)/∂x. An exponent of 0 makes it 0 everywhere, x = 0 included."""
    if isinstance(y, (int, float)):
        return y * x ** (y - 1) if y != 0 else np.zeros(x.shape, x.dtype)
    zero = np.equal(y, 0)
    if isinstance(y, Tracer):
        # Where the exponent may change, y x**(y - 1) has the derivative 1/x in it.
        zero = zero & (np.equal(x, 0) | np.logical_not(np.isfinite(x)))
    return np.where(zero, 0.0, y * np.power(x, np.where(zero, 1.0, y - 1)))


def _power_exponent(ans: Any, x: Any, y: Any) -> Any:
    """∂(x**y)/∂y. At x = 0 it is 0 for a positive exponent, though log(x) is infinite."""
    flat = np.equal(x, 0) & np.greater(np.real(y), 0)
    return np.where(flat, 0.0, ans * np.log(np.where(flat, 1.0, x)))


def _gap(x: Any, y: Any) -> Any:
    """x - y, and 0 for two equal infinities."""
    same = np.equal(x, y) & np.isinf(x)
    return np.subtract(np.where(same, 0.0, x), np.where(same, 0.0, y))


def _cosine(x: Any, size: Any) -> Any:
    """x/size for the size of a vector with x among its components, one infinite component included."""
    return np.where(np.isinf(x), real_sign(x), _ratio(x, size))


def _over_square(x: Any, size: Any) -> Any:
    """x/size² without overflow or underflow of the square, and 0 where the size is infinite."""
    return np.divide(np.where(np.isinf(x), 0.0, x), size) / size


def _length(x: Any) -> Any:
    """√(1 + x²) without overflow for real x."""
    return np.sqrt(1 + x * x) if np.iscomplexobj(x) else np.hypot(1.0, x)


def _complex_of(re: Any, im: Any) -> Any:
    answer = np.empty(np.broadcast_shapes(np.shape(re), np.shape(im)), np.result_type(re, im, np.complex64))
    answer.real, answer.imag = re, im
    return answer[()]


def _with_parts(z: Any, re: Any, im: Any) -> Any:
    """``z`` with its real or imaginary part replaced."""
    if z.dtype.kind != "c":
        return re
    return complex_of(np.real(z) if re is None else re, np.imag(z) if im is None else im).astype(z.dtype)


def _set_real(z: Any, value: Any) -> None:
    if z.dtype.kind == "c":
        real(z)[...] = value
    else:
        z[...] = value


def _set_imag(z: Any, value: Any) -> None:
    if z.dtype.kind != "c":
        raise TypeError("array does not have imaginary part to set")
    imaginary(z)[...] = value


# --- arithmetic -------------------------------------------------------------------------------------------------------

add = elementwise(np.add, 1, 1, smooth=True, commutative=True)
subtract = elementwise(np.subtract, 1, -1, smooth=True)
multiply = elementwise(np.multiply, lambda ans, x, y: y, lambda ans, x, y: x, smooth=True, commutative=True)
divide = elementwise(np.divide, lambda ans, x, y: _inverse(y), lambda ans, x, y: -ans / y)
negative = elementwise(np.negative, -1, smooth=True, hazard="none")
positive = elementwise(np.positive, 1, smooth=True, hazard="none")
reciprocal = elementwise(np.reciprocal, lambda ans, x: -ans * ans)
square = elementwise(
    np.square,
    lambda ans, x: x + x,
    smooth=True,
    # A product of booleans is one, and a product of integers may warn.
    code=Code(value=lambda equation: "{0} * {0}" if equation.operands[0].dtype.kind in "fc" else None),
)
power = elementwise(np.power, _power_base, _power_exponent)
float_power = elementwise(np.float_power, _power_base, _power_exponent)
remainder = elementwise(np.remainder, 1, lambda ans, x, y: -np.floor_divide(x, y))
fmod = elementwise(np.fmod, 1, lambda ans, x, y: -np.rint(np.divide(x - ans, y)))
absolute = elementwise(np.absolute, lambda ans, x: _direction(ans, x))
fabs = elementwise(np.fabs, lambda ans, x: real_sign(x), smooth=True)
real_sign: Primitive = constant(
    lambda x: np.sign(x), name="real_sign", core=0, hazard="none", code=Code(shares=False, nest=Mapped("sign"))
)
copysign = elementwise(np.copysign, lambda ans, x, y: real_sign(x) * np.copysign(1.0, y), None, smooth=True)
nextafter = elementwise(np.nextafter, 1, None, smooth=True)
ldexp = elementwise(np.ldexp, lambda ans, x, n: np.ldexp(1.0, n), None)

# --- powers, exponentials, logarithms ---------------------------------------------------------------------------------

exp = elementwise(np.exp, lambda ans, x: ans, smooth=True)
exp2 = elementwise(np.exp2, lambda ans, x: ans * _like(_LN2, ans))
expm1 = elementwise(np.expm1, lambda ans, x: np.exp(x))
log = elementwise(np.log, lambda ans, x: 1 / x)
log2 = elementwise(np.log2, lambda ans, x: 1 / (x * _like(_LN2, x)))
log10 = elementwise(np.log10, lambda ans, x: 1 / (x * _like(_LN10, x)))
log1p = elementwise(np.log1p, lambda ans, x: 1 / (1 + x))
sqrt = elementwise(np.sqrt, lambda ans, x: 0.5 / ans)
cbrt = elementwise(np.cbrt, lambda ans, x: 1 / (3 * ans * ans))
logaddexp = elementwise(np.logaddexp, lambda ans, x, y: expit(_gap(x, y)), lambda ans, x, y: expit(_gap(y, x)))
logaddexp2 = elementwise(
    np.logaddexp2,
    lambda ans, x, y: expit(_like(_LN2, ans) * _gap(x, y)),
    lambda ans, x, y: expit(_like(_LN2, ans) * _gap(y, x)),
)
hypot = elementwise(np.hypot, lambda ans, x, y: _cosine(x, ans), lambda ans, x, y: _cosine(y, ans))

# --- trigonometric and hyperbolic -------------------------------------------------------------------------------------

sin = elementwise(np.sin, lambda ans, x: np.cos(x), smooth=True)
cos = elementwise(np.cos, lambda ans, x: -np.sin(x))
tan = elementwise(np.tan, lambda ans, x: 1 + ans * ans)
arcsin = elementwise(np.arcsin, lambda ans, x: 1 / (np.sqrt(1 - x) * np.sqrt(1 + x)))
arccos = elementwise(np.arccos, lambda ans, x: -1 / (np.sqrt(1 - x) * np.sqrt(1 + x)))
arctan = elementwise(np.arctan, lambda ans, x: 1 / (1 + x * x))
sinh = elementwise(np.sinh, lambda ans, x: np.cosh(x), smooth=True)
cosh = elementwise(np.cosh, lambda ans, x: np.sinh(x), smooth=True)
tanh = elementwise(np.tanh, lambda ans, x: 1 / np.square(np.cosh(x)))
arcsinh = elementwise(np.arcsinh, lambda ans, x: 1 / _length(x))
arccosh = elementwise(np.arccosh, lambda ans, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)))
arctanh = elementwise(np.arctanh, lambda ans, x: 1 / ((1 - x) * (1 + x)))
arctan2 = elementwise(
    np.arctan2,
    lambda ans, y, x: _over_square(x, np.hypot(y, x)),
    lambda ans, y, x: -_over_square(y, np.hypot(y, x)),
)
deg2rad = elementwise(np.deg2rad, lambda ans, x: _like(_DEGREE, x), smooth=True)
radians = elementwise(np.radians, lambda ans, x: _like(_DEGREE, x), smooth=True)
rad2deg = elementwise(np.rad2deg, lambda ans, x: 1 / _like(_DEGREE, x), smooth=True)
degrees = elementwise(np.degrees, lambda ans, x: 1 / _like(_DEGREE, x), smooth=True)

# --- complex numbers --------------------------------------------------------------------------------------------------

conjugate = linear(np.conjugate, lambda ct, x: np.conjugate(ct), leading=True, hazard="none", numpy=np.conjugate)
real = elementwise(
    np.real,
    1,
    smooth=True,
    view=lambda z, value: _with_parts(z, value, None),
    hazard="none",
    code=Code(value="{0}.real", nest=Mapped("real")),
    numpy=np.real,
)
imaginary = elementwise(
    np.imag,
    lambda ans, x: -1j,
    name="imaginary",
    smooth=True,
    view=lambda z, value: _with_parts(z, None, value),
    hazard="none",
    code=Code(value="{0}.imag", nest=Mapped("imaginary")),
)
#: A complex number from its parts, infinite ones included: re + 1j * im would be NaN.
complex_of = linear(
    _complex_of,
    lambda ct, re, im: np.real(ct),
    lambda ct, re, im: np.real(1j * ct),
    name="complex_of",
    batch=batch_aligned,
    code=Code(shares=False, nest=Mapped("complex")),
)


@composite(np.imag)
def imag(val: Any) -> Any:
    """NumPy's ``imag``: constant for real numbers."""
    if np.iscomplexobj(val):
        return imaginary(val)
    if isinstance(val, Tracer) and isinstance(val.example(), (int, float)):
        return val.example().imag  # of one of Python's numbers
    zeros = np.zeros(val.shape, val.dtype)
    return zeros if is_array(val) else zeros[()]


def _complex_sign_jvp(t: Any, ans: Any, x: Any) -> Any:
    """The part of the tangent across x, over the length of x; an infinite length makes it 0 at 0."""
    length = np.where(np.equal(x, 0), np.inf, np.absolute(x))
    return (t - ans * np.real(np.conjugate(ans) * t)) / length


complex_sign = general(lambda x: np.sign(x), _complex_sign_jvp, name="complex_sign", core=0)


@composite(np.sign)
def sign(x: Any) -> Any:
    """NumPy's ``sign``: constant for real x, x/|x| for complex x."""
    return complex_sign(x) if np.iscomplexobj(x) else real_sign(x)


# --- two answers ------------------------------------------------------------------------------------------------------


#: Part behind the point; x - trunc(x) would be NaN at infinity and lose the sign of zero.
fraction = elementwise(lambda x: np.modf(x)[0], 1, name="fraction", smooth=True)
binary_exponent = constant(lambda x: np.frexp(x)[1], name="binary_exponent", core=0)


@composite(np.divmod)
def divmod_(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient and remainder."""
    return np.floor_divide(x, y), np.remainder(x, y)


@composite(np.modf)
def modf(x: Any) -> tuple[Any, Any]:
    """Fractional and integral parts."""
    return fraction(x), np.trunc(x)


@composite(np.frexp)
def frexp(x: Any) -> tuple[Any, Any]:
    """Mantissa and exponent; the exponent is constant almost everywhere."""
    exponent = binary_exponent(x)
    return np.ldexp(x, -exponent), exponent


# --- infix operators --------------------------------------------------------------------------------------------------


infix(add, "add", "+")
infix(subtract, "sub", "-")
infix(multiply, "mul", "*")
infix(divide, "truediv", "/")
infix(remainder, "mod", "%")
infix(power, "pow", "**")
infix(divmod_, "divmod", None)


@composite(method="__pow__")
def power_infix(x: Any, y: Any) -> Any:
    """``x**y``, with NumPy's shortcuts for the exponents 2 and, of arrays, ½."""
    if y.__class__ is int or y.__class__ is float:
        array = x.shape or is_array(x)
        # Integers and booleans to a power that is a float are floats, whose precision may not be that of a square root.
        if y == 2 and (x.dtype.kind in "fc" or (array and y.__class__ is int)):
            return x.owner.unary(square, x)
        if y == 0.5 and array and x.dtype.kind in "fc":
            return x.owner.unary(sqrt, x)
    return power(x, as_operand(y)) if isinstance(y, OPERANDS) else NotImplemented


prefix(negative, "neg")
prefix(positive, "pos")
prefix(absolute, "abs")
attribute(real, "real", _set_real)
attribute(imag, "imag", _set_imag)


@composite(method="conjugate")
def conjugate_method(x: Any) -> Any:
    """The complex conjugate; of a real array the array itself, as NumPy has it."""
    return conjugate(x) if x.dtype.kind == "c" else x


composite(method="conj")(conjugate_method)
