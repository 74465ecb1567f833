"""Shaping: of two shape operations in a row one remains, and of one that changes nothing none.

Reshaping, transposing, broadcasting and slicing move elements and never warn, so all rules are exact.
May import ``core``, ``program``, ``reducing``, ``rewriting``, ``shaped`` and of the operations ``indexing``,
``reductions``, ``selection`` and ``shaping``.

>>> import numpy as np
>>> from hodiff.program import Equation, Program, Var
>>> x = Var((2, 3), np.dtype(float))
>>> y, z = Var((3, 2), x.dtype), x.twin()
>>> there, back = (Equation(permuted, (a,), {"axes": (-1, -2)}, (b,)) for a, b in ((x, y), (y, z)))
>>> print(run(Program((x,), (there, back), (z,))))
program f(a: float64[2,3]) -> float64[2,3]
  b: float64[3,2] = permuted(a, axes=(-1, -2))
  return a
"""

from collections.abc import Sequence
from typing import Any

from hodiff.compiled.passes.rewriting import Rule, Sweep, fits, rewrite, with_equation
from hodiff.core import Primitive
from hodiff.ops.indexing import getitem
from hodiff.ops.reductions import average, spread, total
from hodiff.ops.selection import cast
from hodiff.ops.shaping import broadcasted, permuted, reshaped
from hodiff.program import Atom, Equation, Program
from hodiff.reducing import reduced_shape
from hodiff.shaped import Shape

Found = Atom | Equation | None
_BROADCASTS = frozenset((spread, broadcasted))


def run(program: Program) -> Program:
    """The program with fewer shape operations; the same object where there are no fewer."""
    return rewrite(program, rules)


def rules(primitive: Primitive, telling: bool) -> Sequence[Rule]:
    """The rules of one of the shape operations, whatever their operands."""
    del telling
    return _RULES.get(primitive, ())


def _same_type(sweep: Sweep, equation: Equation) -> Found:
    """What keeps shape and dtype keeps everything: reshape, broadcast, spread and cast."""
    del sweep
    x = equation.operands[0]
    return x if fits(x, equation.answers[0]) else None


def _no_axes(sweep: Sweep, equation: Equation) -> Found:
    """A sum or mean along no axis."""
    del sweep
    x = equation.operands[0]
    return x if equation.parameters["axis"] == () and fits(x, equation.answers[0]) else None


def _same_order(sweep: Sweep, equation: Equation) -> Found:
    del sweep
    x = equation.operands[0]
    axes = equation.parameters["axes"]
    return x if axes == tuple(range(-len(axes), 0)) and fits(x, equation.answers[0]) else None


def _whole(sweep: Sweep, equation: Equation) -> Found:
    """x[:]."""
    del sweep
    x = equation.operands[0]
    index = equation.parameters["index"]
    whole = all(part.__class__ is slice for part in index) and len(index) <= len(x.shape)
    if whole and all(range(n)[part] == range(n) for n, part in zip(x.shape, index, strict=False)):
        return x if fits(x, equation.answers[0]) else None
    return None


def _again(sweep: Sweep, equation: Equation) -> Found:
    """A reshape or broadcast of what is one already, on the way to a shape that alone counts."""
    found = sweep.behind(equation.operands[0], equation, (equation.primitive,))
    if found is None:
        return None
    return with_equation(equation, equation.primitive, found.operands, **equation.parameters)


def _reordered(sweep: Sweep, equation: Equation) -> Found:
    found = sweep.behind(equation.operands[0], equation, (permuted,))
    if found is None:
        return None
    first = found.parameters["axes"]
    axes = tuple(first[axis] for axis in equation.parameters["axes"])
    return with_equation(equation, permuted, found.operands, axes=axes)


def _one_number(sweep: Sweep, equation: Equation) -> Found:
    """Any part, order or shape of an array of one value is an array of that value."""
    if equation.answers[0].form != "array" or equation.answers[0] in sweep.outputs:
        return None
    found = sweep.behind(equation.operands[0], equation, _BROADCASTS)
    if found is None or found.operands[0].shape != ():
        return None
    if found.operands[0].form == "number":
        return None
    return with_equation(equation, broadcasted, found.operands, shape=equation.answers[0].shape)


def _part(sweep: Sweep, equation: Equation) -> Found:
    """x[i][j], for integers and slices."""
    found = sweep.behind(equation.operands[0], equation, (getitem,))
    if found is None:
        return None
    index = _composed(found.operands[0].shape, found.parameters["index"], equation.parameters["index"])
    return None if index is None else with_equation(equation, getitem, found.operands, index=index)


def _composed(shape: Shape, first: Any, second: Any) -> tuple[Any, ...] | None:
    """The index that does what two do one after the other; None where it is not made of integers and slices."""
    if any(part.__class__ not in (int, slice) for part in (*first, *second)) or len(first) > len(shape):
        return None
    parts: list[Any] = [range(n) for n in shape]
    for axis, part in enumerate(first):
        parts[axis] = parts[axis][part]
    left = [axis for axis, part in enumerate(parts) if part.__class__ is range]
    if len(second) > len(left):
        return None
    for axis, part in zip(left, second, strict=False):
        parts[axis] = parts[axis][part]
    return tuple(_index(part) for part in parts)


def _index(part: Any) -> Any:
    if part.__class__ is int:
        return part
    if not part:
        return slice(0, 0)
    stop = None if part.step < 0 and part.stop < 0 else part.stop
    return slice(part.start, stop, None if part.step == 1 else part.step)


def _of_total(sweep: Sweep, equation: Equation) -> Found:
    """A reshape that only takes away, or puts back, the axes that a sum has reduced."""
    x = equation.operands[0]
    found = sweep.behind(x, equation, (total,))
    if found is None or not sweep.once(x):
        return None
    axis, keepdims = found.parameters["axis"], not found.parameters["keepdims"]
    answer = equation.answers[0]
    if answer.form != "array" or not answer.shape:
        return None
    if reduced_shape(found.operands[0].shape, axis, keepdims) != answer.shape:
        return None
    return with_equation(equation, total, found.operands, axis=axis, keepdims=keepdims)


_RULES: dict[Primitive, tuple[Rule, ...]] = {
    reshaped: (_same_type, _again, _one_number, _of_total),
    broadcasted: (_same_type, _again, _one_number),
    permuted: (_same_order, _reordered, _one_number),
    getitem: (_whole, _part, _one_number),
    spread: (_same_type,),
    cast: (_same_type,),
    total: (_no_axes,),
    average: (_no_axes,),
}
