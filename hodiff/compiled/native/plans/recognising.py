"""Which node an equation is, or why it has none.

May import ``code``, ``errors``, ``ir``, ``lowering``, ``nodes``, ``parts``, ``program``, ``python_numbers``,
``reduction``, ``ufuncs`` and ``ufuncs_complex``.

>>> from hodiff.ops.elementwise import exp
>>> from hodiff.program import Var
>>> x, y = Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
>>> node_of(Equation(exp, (x,), {}, (y,))).exact
False
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from hodiff.code import is_unheard
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.functions.python_numbers import checked, lowered_number
from hodiff.compiled.native.functions.ufuncs_complex import complex_lowering
from hodiff.compiled.native.ir import Body, Value
from hodiff.compiled.native.plans.nodes import InOrder, Looked, Moved, Node, Read, adapted, adapts, convert, same_lanes
from hodiff.compiled.native.plans.parts import Parted
from hodiff.compiled.native.plans.reduction import INNER, ProductSum, Reduction, SmallProduct
from hodiff.lowering import Halved, Index, Mapped, Picked, Pieces, Product, Rearranged, Reduced, Reshaped, aligned
from hodiff.program import Atom, Equation, Literal

_WEAK = {"i": int, "f": float, "c": complex}


class Elementwise(Node):
    """An operation element by element; the operands are broadcast, and converted first."""

    def __init__(self, equation: Equation, lowering: ufuncs.Lowering, kinds: Sequence[Any]) -> None:
        super().__init__(equation)
        self._write = lowering.write
        self._kinds = kinds
        self.exact = lowering.exact
        self.cost = lowering.cost

    def reads(self, index: Index) -> list[Read]:
        return [(atom, aligned(index, atom.shape)) for atom in self.equation.operands]

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        converted = [
            adapted(body, value, atom, kind)
            for value, atom, kind in zip(values, self.equation.operands, self._kinds, strict=False)
        ]
        if not any("%" in value.text for value in converted):
            converted = [body.opaque(value) for value in converted]  # of numbers LLVM would know the answer
        return self._write(body, same_lanes(body, converted))


def node_of(equation: Equation) -> Node:
    """The node for an equation.

    Raises
    ------
    Unsupported
        Saying why there is none.
    """
    primitive = equation.primitive
    if equation.several or len(equation.answers) != 1:
        raise Unsupported(f"{primitive.name} has several answers")
    (answer,) = equation.answers
    for atom in (*equation.operands, answer):
        if ufuncs.ir_type(atom.dtype) is None:
            raise Unsupported(f"{primitive.name} of dtype {atom.dtype}")
    function: Any = primitive.function
    if primitive.python:
        return Elementwise(equation, *lowered_number(equation))
    if function.__class__ is np.ufunc and function.signature is None and not equation.parameters:
        return _of_ufunc(equation, function)
    nest = None if primitive.code is None else primitive.code.nest
    if isinstance(nest, Mapped):
        return _of_mapped(equation, nest)
    if isinstance(nest, Halved):
        return _of_halved(equation, nest)
    if isinstance(nest, Rearranged):
        return Moved(equation, nest)
    if isinstance(nest, Reshaped):
        return InOrder(equation)
    if isinstance(nest, Reduced):
        return Reduction(equation, nest)
    if isinstance(nest, Pieces):
        pieces = nest.pieces(equation)
        if pieces is not None:
            return Parted(equation, pieces, adds=nest.adds)
    if isinstance(nest, Product):
        return (ProductSum if equation.operands[0].shape[-1] > INNER else SmallProduct)(equation)
    if isinstance(nest, Picked):
        return Looked(equation)
    raise Unsupported(f"{primitive.name} has no native form")


def _of_ufunc(equation: Equation, function: np.ufunc) -> Node:
    (answer,) = equation.answers
    if all(atom.form == "number" for atom in equation.operands) and answer.form == "number":
        raise Unsupported(f"{function.__name__} of Python's numbers")
    kinds = loop_dtypes(function, equation.operands)
    if kinds is None or kinds[-1] != answer.dtype:
        raise Unsupported(f"{function.__name__} of {', '.join(str(atom.dtype) for atom in equation.operands)}")
    for atom, kind in zip(equation.operands, kinds, strict=False):
        if isinstance(atom, Literal) and adapts(atom, kind) and not _holds(kind, atom.value):
            raise Unsupported(f"{function.__name__} of {atom.value} and integers of {8 * kind.itemsize} bits")
    lowering = ufuncs.lowered(function, kinds[: len(equation.operands)])
    if lowering is None:
        raise Unsupported(f"{function.__name__} of {kinds[0]}")
    if answer.dtype.kind in "iu" and answer.form == "scalar" and not is_unheard(equation):
        careful = checked(equation.primitive.symbol, len(equation.operands), answer.dtype)
        if careful is not None and not any(atom.form == "array" for atom in equation.operands):
            lowering = lowering._replace(write=careful)
    return Elementwise(equation, lowering, kinds)


def _holds(kind: Any, value: int) -> bool:
    limits = np.iinfo(kind)
    return bool(limits.min <= value <= limits.max)


def _of_halved(equation: Equation, nest: Halved) -> Node:
    lowering = complex_lowering(nest.function)
    if lowering is None:
        raise Unsupported(f"{nest.function.__name__} of complex numbers")

    def write(body: Body, values: Sequence[Value]) -> Value:
        answer = lowering.write(body, list(zip(values[::2], values[1::2], strict=True)))
        found: Value = answer if nest.which is None else answer[nest.which]
        return found

    kinds = [nest.dtype] * len(equation.operands)
    return Elementwise(equation, ufuncs.Lowering(write, lowering.exact, lowering.cost), kinds)


def _of_mapped(equation: Equation, nest: Mapped) -> Node:
    (answer,), operands = equation.answers, equation.operands
    kinds = [answer.dtype] * len(operands)
    if nest.name == "select":
        kinds[0] = np.dtype(bool)
    elif nest.name != "clamp":
        kinds[0] = operands[0].dtype
    for atom, kind in zip(operands, kinds, strict=True):
        _check_conversion(atom.dtype, kind)
    if nest.name == "convert":
        _check_conversion(operands[0].dtype, answer.dtype)
    writes: dict[str, ufuncs.Write] = {
        # Else what is not chosen would not be computed, and nobody would hear of errors in it.
        "select": lambda body, values: body.select(values[0], body.opaque(values[1]), body.opaque(values[2])),
        "convert": lambda body, values: convert(body, values[0], operands[0].dtype, answer.dtype),
        "same": lambda body, values: values[0],
        "real": lambda body, values: convert(body, values[0], operands[0].dtype, answer.dtype),  # of True it is 1
        "imaginary": lambda body, values: body.constant(values[0].type, 0),
        "sign": partial(_sign, answer.dtype),
        "clamp": partial(_clamp, answer.dtype),
    }
    if "c" in (answer.dtype.kind, operands[0].dtype.kind):
        raise Unsupported(f"{equation.primitive.name} of complex numbers")
    return Elementwise(equation, ufuncs.Lowering(writes[nest.name], True, 1.0), kinds)


def _clamp(dtype: Any, body: Body, values: Sequence[Value]) -> Value:
    highest, lowest = ufuncs.lowered(np.maximum, (dtype, dtype)), ufuncs.lowered(np.minimum, (dtype, dtype))
    if highest is None or lowest is None:
        raise Unsupported(f"clip of {dtype}")
    x, low, high = values
    return lowest.write(body, (highest.write(body, (x, low)), high))


def _sign(dtype: Any, body: Body, values: Sequence[Value]) -> Value:
    sign = ufuncs.lowered(np.sign, (dtype,))
    if sign is None:
        raise Unsupported(f"sign of {dtype}")
    return sign.write(body, values)


def _check_conversion(before: Any, after: Any) -> None:
    narrow = before.kind == "f" and (after.kind == "u" or (after.kind == "i" and after.itemsize < 4))
    if narrow or (before.kind == "c" and after.kind != "c"):
        raise Unsupported(f"conversion of {before} to {after}")


def _kind(atom: Atom) -> Any:
    """Dtype of an operand; for Python's numbers, which adapt, their type."""
    dtype = atom.dtype
    return _WEAK.get(dtype.kind, dtype) if atom.form == "number" else dtype


def loop_dtypes(function: np.ufunc, operands: Sequence[Atom]) -> tuple[Any, ...] | None:
    """What a ufunc converts operands to, and the dtype of its answer; None where it does not take them."""
    return _loop_dtypes(function, tuple([_kind(atom) for atom in operands]))


@lru_cache(maxsize=4096)
def _loop_dtypes(function: np.ufunc, kinds: tuple[Any, ...]) -> tuple[Any, ...] | None:
    try:
        return function.resolve_dtypes((*kinds, *(None,) * function.nout))
    except (TypeError, OverflowError):
        return None
