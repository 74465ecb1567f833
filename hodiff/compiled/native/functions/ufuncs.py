"""NumPy's ufuncs as instructions: what is written for operands of given dtypes.

Arithmetic has the bits that NumPy gives, mathematical functions agree within 4 units in the last place. Many
of float32 are computed in double precision and rounded. What has no lowering here is a call of NumPy. May
import the modules of vectors below, ``ir`` and ``library``.

>>> double = np.dtype(float)
>>> lowered(np.add, (double, double)).exact, lowered(np.exp, (double,)).exact, lowered(np.gcd, (double, double))
(True, False, None)
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from hodiff.compiled.native.functions import (  # noqa: F401 - they define formulas
    vecmath_derived,
    vecmath_division,
    vecmath_error,
    vecmath_exponential,
    vecmath_inverse,
    vecmath_roots,
    vecmath_single,
    vecmath_trigonometric,
)
from hodiff.compiled.native.functions.library import addresses
from hodiff.compiled.native.functions.lowering import (
    COMMON,
    Formula,
    Lowering,
    Table,
    Write,
    comparison,
    intrinsic,
    written,
)
from hodiff.compiled.native.functions.ufuncs_complex import complex_lowering
from hodiff.compiled.native.functions.ufuncs_integers import BITS, INTEGERS, UNSIGNED
from hodiff.compiled.native.functions.vecmath import Lanes, call, has_formula, one_by_one
from hodiff.compiled.native.functions.vecmath_power import power
from hodiff.compiled.native.ir import BIT, DOUBLE, FLOAT, I8, I16, I32, I64, Body, Type, Value

_TYPES: dict[str, Type] = {
    "?": BIT,
    **dict.fromkeys("f", FLOAT),
    **dict.fromkeys("d", DOUBLE),
    **{np.dtype(name).char: kind for name, kind in (("int8", I8), ("int16", I16), ("int32", I32), ("int64", I64))},
    **{np.dtype(name).char: kind for name, kind in (("uint8", I8), ("uint16", I16), ("uint32", I32), ("uint64", I64))},
    "q": I64,
    "Q": I64,
}

#: Cycles for 8 doubles that a kernel of SciPy takes, roughly.
_KERNEL_COST = 500


def ir_type(dtype: "np.dtype[Any]") -> Type | None:
    """The type of an element in a register, or None; a bool is one bit, and a byte in memory."""
    return _TYPES.get(dtype.char) if dtype.isnative else None


@lru_cache(maxsize=4096)
def lowered(function: np.ufunc, dtypes: "tuple[np.dtype[Any], ...]") -> Lowering | None:
    """How a ufunc is computed for operands of the dtypes of one of its loops, or None.

    Examples
    --------
    >>> body = Body()
    >>> product = lowered(np.multiply, (np.dtype(float),) * 2)
    >>> product.write(body, [Value("%x", DOUBLE), Value("%y", DOUBLE)]), body.lines()
    (Value(text='%v0', type=Type(scalar='double', lanes=1), level=0), ['%v0 = fmul double %x, %y'])
    """
    dtype = dtypes[0]
    if len(set(dtypes)) > 1 or not dtype.isnative:
        return None
    if dtype.char in "FD":
        return complex_lowering(function)
    if ir_type(dtype) is None:
        return None
    entry = {"b": BITS, "i": INTEGERS, "u": UNSIGNED, "f": _EXACT}[dtype.kind].get(function)
    if entry is not None:
        return Lowering(written(entry[0]), True, entry[1])
    if dtype.kind != "f":
        return None
    if function in _FUNCTIONS:
        writer, exact, cost = _FUNCTIONS[function]
        return Lowering(writer, exact and dtype.itemsize == 8, cost)
    kernel = f"special.{function.__name__}.{function.nin}"
    if kernel in addresses() and getattr(special, function.__name__, None) is function:
        return Lowering(_called(_kernel(kernel)), False, _KERNEL_COST)
    return None


def _called(function: Callable[..., Value]) -> Write:
    """Write the call of a function of doubles: numbers of single precision are widened, and the answer is rounded."""

    def write(body: Body, operands: Sequence[Value]) -> Value:
        if operands[0].type.scalar == "double":
            return function(body, *operands)
        return body.convert("fptrunc", function(body, *[_widened(body, operand) for operand in operands]), FLOAT)

    return write


def _widened(body: Body, value: Value) -> Value:
    if "%" in value.text:
        return body.convert("fpext", value, DOUBLE)
    # A constant stays one; LLVM writes it as a double.
    return Value(value.text.replace("float", "double"), DOUBLE.of(value.type.lanes))


def _kernel(name: str) -> Callable[..., Value]:
    return lambda body, *operands: one_by_one(body, name, *operands)


def _named(name: str) -> Write:
    """Write the call of a function that a formula defines."""
    widened = _called(lambda body, *operands: call(body, name, *operands))
    single = f"{name}.single"

    def write(body: Body, operands: Sequence[Value]) -> Value:
        if operands[0].type.scalar == "float" and has_formula(single):
            return call(body, single, *operands)
        return widened(body, operands)

    return write


def converted(body: Body, value: Value, source: "np.dtype[Any]", target: "np.dtype[Any]") -> Value | None:
    """The value in another dtype, as ``astype`` has it, or None.

    Where a floating-point number does not fit an integer, ``invalid`` is raised, as NumPy does.
    """
    kind = ir_type(target)
    if kind is None or ir_type(source) is None:
        return None
    if source == target or (source.kind in "iu" and target.kind in "iu" and source.itemsize == target.itemsize):
        return value
    if target.kind == "b":
        return Lanes(body, value).compared("une" if source.kind == "f" else "ne", 0).value
    if source.kind == "b" and target.kind in "fiu":
        kind = kind.of(value.type.lanes)  # a choice is one instruction, a conversion of bits several
        return body.select(value, body.constant(kind, 1), body.constant(kind, 0))
    if target.kind == "f":
        if source.kind == "f":
            return body.convert("fpext" if target.itemsize > source.itemsize else "fptrunc", value, kind)
        # Of an integer that was a bit, LLVM knows both numbers.
        return body.opaque(body.convert("sitofp" if source.kind == "i" else "uitofp", value, kind))
    if source.kind == "f":
        # Narrow integers and those without a sign go through wider ones in NumPy, in ways that differ by machine.
        narrow = target.kind != "i" or target.itemsize < 4
        return None if narrow else Lanes(body, value).raising_integer(kind).value
    if target.itemsize < source.itemsize:
        return body.convert("trunc", value, kind)
    return body.convert("sext" if source.kind == "i" else "zext", value, kind)


# --- exact functions of floating-point numbers ------------------------------------------------------------------------


def _extreme(predicate: str) -> Formula:
    # As the instructions of x86: the second of two zeros. NaN before numbers, the first before the second.
    def extreme(x: Lanes, y: Lanes) -> Lanes:
        return (x.compared(predicate, y) | x.is_nan).choose(x, y)

    return extreme


def _extreme_number(predicate: str) -> Formula:
    def extreme(x: Lanes, y: Lanes) -> Lanes:
        return (x.compared(predicate, y) | y.is_nan).choose(x, y)

    return extreme


def _sign(x: Lanes) -> Lanes:
    unit = x.constant(1.0).with_sign_of(x)
    return x.is_nan.choose(x, x.equals(0.0).choose(0.0, unit))


def _heaviside(x: Lanes, at_zero: Lanes) -> Lanes:
    step = (x.bits < 0).choose(x.constant(0.0), x.constant(1.0))
    return x.is_nan.choose(x, x.equals(0.0).choose(at_zero, step))


def _is_finite(x: Lanes) -> Lanes:
    return x.absolute().compared("one", math.inf)


def _scaled(dividend: float, divisor: float) -> Formula:
    """A product with a quotient, which is taken in the precision of the number."""

    def scaled(x: Lanes) -> Lanes:
        precision = np.float32 if x.value.type.scalar == "float" else np.float64
        return x * float(precision(dividend) / precision(divisor))

    return scaled


_EXACT: Table = {
    **COMMON,
    np.add: (lambda x, y: x + y, 1),
    np.subtract: (lambda x, y: x - y, 1),
    np.multiply: (lambda x, y: x * y, 1),
    np.divide: (lambda x, y: x / y, 10),
    np.reciprocal: (lambda x: 1.0 / x, 10),
    np.square: (lambda x: x * x, 1),
    np.negative: (lambda x: -x, 1),
    np.positive: (lambda x: x, 0),
    np.conjugate: (lambda x: x, 0),
    np.absolute: (intrinsic("fabs"), 1),
    np.fabs: (intrinsic("fabs"), 1),
    np.copysign: (intrinsic("copysign"), 1),
    np.sqrt: (intrinsic("sqrt"), 16),
    np.floor: (intrinsic("floor"), 1),
    np.ceil: (intrinsic("ceil"), 1),
    np.trunc: (intrinsic("trunc"), 1),
    np.rint: (intrinsic("rint"), 1),
    np.maximum: (_extreme("ogt"), 2),
    np.minimum: (_extreme("olt"), 2),
    np.fmax: (_extreme_number("ogt"), 2),
    np.fmin: (_extreme_number("olt"), 2),
    np.sign: (_sign, 3),
    np.heaviside: (_heaviside, 3),
    np.signbit: (lambda x: x.bits < 0, 1),
    np.isnan: (lambda x: x.is_nan, 1),
    np.isinf: (lambda x: x.absolute().equals(math.inf), 1),
    np.isfinite: (_is_finite, 1),
    np.equal: (comparison("oeq"), 1),
    np.not_equal: (comparison("une"), 1),
    np.less: (comparison("olt"), 1),
    np.less_equal: (comparison("ole"), 1),
    np.greater: (comparison("ogt"), 1),
    np.greater_equal: (comparison("oge"), 1),
    np.deg2rad: (_scaled(math.pi, 180.0), 1),
    np.radians: (_scaled(math.pi, 180.0), 1),
    np.rad2deg: (_scaled(180.0, math.pi), 1),
    np.degrees: (_scaled(180.0, math.pi), 1),
}

# --- mathematical functions -------------------------------------------------------------------------------------------

#: What writes them, whether they have NumPy's bits, and their costs.
_FUNCTIONS: dict[np.ufunc, tuple[Write, bool, float]] = {
    np.power: (_called(power), False, 115),
    np.float_power: (_called(power), False, 115),
    **{
        function: (_named(name), name in ("fmod", "remainder", "floor_divide", "huber"), cost)
        for name, cost, *functions in (
            ("exp", 30, np.exp),
            ("exp2", 30, np.exp2, special.exp2),
            ("expm1", 30, np.expm1, special.expm1),
            ("log", 40, np.log),
            ("log2", 50, np.log2),
            ("log10", 50, np.log10),
            ("log1p", 46, np.log1p, special.log1p),
            ("sinh", 44, np.sinh),
            ("cosh", 42, np.cosh),
            ("tanh", 40, np.tanh),
            ("arcsinh", 80, np.arcsinh),
            ("arccosh", 70, np.arccosh),
            ("arctanh", 60, np.arctanh),
            ("sin", 55, np.sin),
            ("cos", 55, np.cos),
            ("tan", 70, np.tan),
            ("arcsin", 45, np.arcsin),
            ("arccos", 50, np.arccos),
            ("arctan", 50, np.arctan),
            ("arctan2", 60, np.arctan2),
            ("cbrt", 60, np.cbrt, special.cbrt),
            ("hypot", 24, np.hypot),
            ("logaddexp", 100, np.logaddexp),
            ("logaddexp2", 100, np.logaddexp2),
            ("fmod", 24, np.fmod),
            ("remainder", 28, np.remainder),
            ("floor_divide", 60, np.floor_divide),
            ("expit", 40, special.expit),
            ("log_expit", 90, special.log_expit),
            ("logit", 70, special.logit),
            ("xlogy", 46, special.xlogy),
            ("xlog1py", 50, special.xlog1py),
            ("entr", 46, special.entr),
            ("huber", 4, special.huber),
            ("erf", 90, special.erf),
            ("erfc", 110, special.erfc),
            ("ndtr", 112, special.ndtr),
        )
        for function in functions
    },
}
