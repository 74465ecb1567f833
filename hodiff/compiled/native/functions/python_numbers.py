"""Operations of Python's own on its numbers, as instructions.

Python's integers have no bounds, and what it cannot do raises: code gives up where 64 bits do not hold an answer, where
a divisor is zero, and where an integer is no float exactly but has to be compared with one. Between NumPy's integers
that are no arrays, operators warn where an answer does not fit. May import ``errors``, ``ir``, ``program`` and
``ufuncs``.

>>> from hodiff.program import Equation
>>> from hodiff.staging import stage
>>> _, program = stage(lambda n: [n + 1], [3], name="f")
>>> lowering, kinds = lowered_number(program.equations[0])
>>> kinds
(dtype('int64'), dtype('int64'))
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.ir import BAIL, BIT, DOUBLE, I64, Body, Value
from hodiff.program import Equation, Literal

#: NumPy's operations of those that give the same bits on float64.
_OF_FLOATS: dict[tuple[str, int], np.ufunc] = {
    ("+", 2): np.add,
    ("-", 2): np.subtract,
    ("*", 2): np.multiply,
    ("/", 2): np.divide,
    ("-", 1): np.negative,
    ("+", 1): np.positive,
    ("abs ", 1): np.absolute,
}
#: Comparisons of floats and of integers.
_COMPARISONS = {
    "<": ("olt", "slt"),
    "<=": ("ole", "sle"),
    ">": ("ogt", "sgt"),
    ">=": ("oge", "sge"),
    "==": ("oeq", "eq"),
    "!=": ("une", "ne"),
}
_OVERFLOWING = {"+": "sadd", "-": "ssub", "*": "smul"}
_BITWISE = {"&": "and", "|": "or", "^": "xor"}
#: The largest integer up to which every one is a float.
_EXACT = 1 << 53

Kinds = tuple[Any, ...]
Write = Callable[[Body, Sequence[Value]], Value]


def lowered_number(equation: Equation) -> tuple[ufuncs.Lowering, Kinds]:
    """How an operation is computed, and what its operands are converted to first.

    Raises
    ------
    Unsupported
        Saying what has no native form.
    """
    symbol, operands = equation.primitive.symbol or "", equation.operands
    dtypes = [atom.dtype for atom in operands]
    if any(dtype.char not in "?lqd" or dtype.itemsize not in (1, 8) for dtype in dtypes):
        return _other(equation)
    integer = np.dtype(np.int64)
    if any(dtype == np.float64 for dtype in dtypes):
        write = _of_floats(symbol, len(operands))
        exact = [atom.dtype.kind == "b" or _is_small(atom) for atom in operands]
        if write is not None and symbol in _COMPARISONS:
            # Python compares a float with an integer as they are.
            kinds = tuple(np.dtype(float) if e or d.kind == "f" else d for e, d in zip(exact, dtypes, strict=True))
            return ufuncs.Lowering(write, True, 1.0), kinds
        kinds = (np.dtype(float),) * len(operands)
    else:
        write = _of_integers(symbol, len(operands))
        kinds = (integer,) * len(operands)
        if write is not None and symbol in _BITWISE and equation.answers[0].dtype.kind == "b":
            kinds = (np.dtype(bool),) * len(operands)
    if write is None:
        return _other(equation)
    return ufuncs.Lowering(write, True, 10.0 if symbol == "/" else 1.0), kinds


def _other(equation: Equation) -> tuple[ufuncs.Lowering, Kinds]:
    """What changes the type only."""
    (answer,), operands = equation.answers, equation.operands
    if equation.primitive.name in ("python_number", "strong_number") and operands[0].dtype.kind in "biuf":
        return ufuncs.Lowering(lambda body, values: values[0], True, 0.0), (answer.dtype,)
    what = equation.primitive.symbol or equation.primitive.name
    raise Unsupported(f"{what} of Python's {', '.join(str(atom.dtype) for atom in operands)}")


def _is_small(atom: Any) -> bool:
    """Whether a number is an integer that a float holds exactly."""
    return isinstance(atom, Literal) and isinstance(atom.value, int) and abs(atom.value) <= _EXACT


# --- floats -----------------------------------------------------------------------------------------------------------


def _of_floats(symbol: str, count: int) -> Write | None:
    if count == 2 and symbol in _COMPARISONS:
        predicate = _COMPARISONS[symbol][0]
        return lambda body, values: body.compare(predicate, *[_as_float(body, value) for value in values])
    function = _OF_FLOATS.get((symbol, count))
    lowering = None if function is None else ufuncs.lowered(function, (np.dtype(float),) * count)
    if lowering is None:
        return None
    written = lowering.write

    def write(body: Body, values: Sequence[Value]) -> Value:
        if symbol == "/":
            body.leave_if(body.compare("oeq", values[1], body.constant(DOUBLE, 0.0)), BAIL)
        return written(body, values)

    return write


def _as_float(body: Body, value: Value) -> Value:
    """A number as a float, where it is one exactly."""
    if value.type.is_float:
        return value
    shifted = body.operation("add", value, body.constant(I64, _EXACT))
    body.leave_if(body.compare("ugt", shifted, body.constant(I64, 2 * _EXACT)), BAIL)
    return body.convert("sitofp", value, DOUBLE)


# --- integers ---------------------------------------------------------------------------------------------------------


def _of_integers(symbol: str, count: int) -> Write | None:
    if count == 1:
        return {"-": _negative, "+": lambda body, values: values[0], "abs ": _absolute, "~": _inverted}.get(symbol)
    if symbol in _COMPARISONS:
        predicate = _COMPARISONS[symbol][1]
        return lambda body, values: body.compare(predicate, *values)
    if symbol in _OVERFLOWING:
        name = _OVERFLOWING[symbol]
        return lambda body, values: _bounded(body, name, *values)
    if symbol in _BITWISE:
        opcode = _BITWISE[symbol]
        return lambda body, values: body.operation(opcode, *values)
    return {"/": _quotient, "//": _floor_quotient, "%": _remainder}.get(symbol)


def checked(symbol: str | None, count: int, dtype: Any) -> Write | None:
    """An operation on NumPy's integers that gives up where the answer does not fit; None where there is no such case.

    Between scalars, operators warn of it.
    """
    if count == 1:
        signed: dict[str, Write] = {"-": _negative, "abs ": _absolute}
        return (signed if dtype.kind == "i" else {"-": _negative_unsigned}).get(symbol or "")
    name = _OVERFLOWING.get(symbol or "")
    if name is None:
        return None
    name = name if dtype.kind == "i" else f"u{name[1:]}"
    return lambda body, values: _bounded(body, name, *values)


def _bounded(body: Body, name: str, x: Value, y: Value) -> Value:
    """An operation whose answer has to fit."""
    kind = x.type
    pair = f"{{ {kind}, {BIT} }}"
    name = f"llvm.{name}.with.overflow.{kind}"
    body.declarations.setdefault(name, f"declare {pair} @{name}({kind}, {kind})")
    both = body.pure(f"call {pair} @{name}({x}, {y})", kind, x, y)
    body.leave_if(body.pure(f"extractvalue {pair} {both.text}, 1", BIT, both), BAIL)
    return body.pure(f"extractvalue {pair} {both.text}, 0", kind, both)


def _negative(body: Body, values: Sequence[Value]) -> Value:
    return _bounded(body, "ssub", body.constant(values[0].type, 0), values[0])


def _negative_unsigned(body: Body, values: Sequence[Value]) -> Value:
    return _bounded(body, "usub", body.constant(values[0].type, 0), values[0])


def _absolute(body: Body, values: Sequence[Value]) -> Value:
    (x,) = values
    return body.select(body.compare("slt", x, body.constant(x.type, 0)), _negative(body, values), x)


def _inverted(body: Body, values: Sequence[Value]) -> Value:
    return body.operation("xor", values[0], body.constant(I64, -1))


def _quotient(body: Body, values: Sequence[Value]) -> Value:
    """True division: of integers that are floats, rounded once."""
    x, y = (_as_float(body, value) for value in values)
    body.leave_if(body.compare("oeq", y, body.constant(DOUBLE, 0.0)), BAIL)
    return body.operation("fdiv", x, y)


def _divided(body: Body, opcode: str, x: Value, y: Value) -> Value:
    """A division that rounds to zero, by a divisor that the processor can do."""
    # Divisors of 0 raise, and -1 has a quotient that may not fit.
    shifted = body.operation("add", y, body.constant(I64, 1))
    body.leave_if(body.compare("ule", shifted, body.constant(I64, 1)), BAIL)
    # The instruction must not be moved in front of the question.
    return body.fresh(f"{opcode} {x}, {y.text}", I64)


def _remainder(body: Body, values: Sequence[Value]) -> Value:
    """The remainder, with the sign of the divisor."""
    x, y = values
    rest = _divided(body, "srem", x, y)
    zero = body.constant(I64, 0)
    differs = body.compare("slt", body.operation("xor", rest, y), zero)
    wrong = body.operation("and", differs, body.compare("ne", rest, zero))
    return body.select(wrong, body.operation("add", rest, y), rest)


def _floor_quotient(body: Body, values: Sequence[Value]) -> Value:
    """The quotient, rounded down."""
    x, y = values
    quotient, rest = _divided(body, "sdiv", x, y), _divided(body, "srem", x, y)
    zero = body.constant(I64, 0)
    differs = body.compare("slt", body.operation("xor", rest, y), zero)
    wrong = body.operation("and", differs, body.compare("ne", rest, zero))
    return body.select(wrong, body.operation("add", quotient, body.constant(I64, -1)), quotient)
