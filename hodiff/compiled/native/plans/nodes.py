"""Equations as index functions: which elements of the operands an element of an answer is made of, and how.

A node stands for one equation. ``reads(index)`` are the elements that it needs, ``write(body, index, values)`` the
instructions. Here is what nodes have in common, and those that compute nothing. May import ``errors``, ``ir``,
``lowering``, ``program`` and ``ufuncs``.

>>> from hodiff.ops.shaping import reshaped
>>> from hodiff.program import Var
>>> x, y = Var((3,), np.dtype(float)), Var((1, 3), np.dtype(float))
>>> axis = Axis(3)
>>> InOrder(Equation(reshaped, (x,), {}, (y,))).reads((Affine(0), Affine.of(axis))) == [(x, (Affine.of(axis),))]
True
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.ir import BAIL, BIT, Body, Type, Value
from hodiff.lowering import Affine, Axis, Index, Rearranged, aligned
from hodiff.program import Atom, Equation

Read = tuple[Atom, Index]


class Undecided(Exception):  # noqa: N818 - control flow, no error
    """What an element is made of differs within the ranges of the axes: ``axis`` is to be cut at ``places``."""

    def __init__(self, axis: Axis, places: Sequence[int]) -> None:
        super().__init__(axis, places)
        self.axis = axis
        self.places = places


class Node:
    """One equation.

    Attributes
    ----------
    equation : Equation
    answer : Var
    opaque : bool
        The answer needs a buffer, and is made by code of its own.
    exact : bool
        The bits of an element do not depend on how it is computed.
    cost : float
        Of an element, in additions; operands not included.
    """

    opaque = False
    exact = True
    cost = 0.0

    def __init__(self, equation: Equation) -> None:
        self.equation = equation
        (self.answer,) = equation.answers

    def reads(self, index: Index) -> list[Read]:
        """The elements that the one at ``index`` is made of.

        Raises
        ------
        Undecided
            Where that differs within the ranges of the axes.
        """
        raise NotImplementedError

    def explore(self, index: Index, cuts: set[tuple[Axis, int]]) -> list[Read]:
        """All elements that are read within the ranges, and where axes must be cut."""
        del cuts
        return self.reads(index)

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        """The element at ``index`` made of those that `reads` names."""
        raise NotImplementedError


class Moved(Node):
    """Each element is an element of the operand."""

    def __init__(self, equation: Equation, nest: Rearranged) -> None:
        super().__init__(equation)
        self._nest = nest

    def reads(self, index: Index) -> list[Read]:
        return [(self.equation.operands[0], self._nest.read(self.equation, index))]

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        return values[0]


class InMemory(tuple[Affine, ...]):
    """An index that is a place in memory: the last entry counts elements in their order, the others are zero."""

    __slots__ = ()


class InOrder(Node):
    """The same elements in another shape.

    Where that only adds and leaves out axes of length 1, it is read anywhere; elsewhere the operand must have a buffer,
    which `flat` says, and is read at the same place in memory.
    """

    def __init__(self, equation: Equation) -> None:
        super().__init__(equation)
        before, after = equation.operands[0].shape, self.answer.shape
        kept = [n for n in before if n != 1]
        self.flat = kept != [n for n in after if n != 1]
        self._after = [i for i, n in enumerate(after) if n != 1]
        self._before = [i for i, n in enumerate(before) if n != 1]

    def reads(self, index: Index) -> list[Read]:
        operand = self.equation.operands[0]
        found = [Affine(0)] * len(operand.shape)
        if self.flat:
            # As if all axes but the last had length 1: the place in memory is the same.
            place = Affine(0)
            for entry, length in zip(index, self.answer.shape, strict=True):
                place = place * length + entry
            found[-1:] = [place]
            return [(operand, InMemory(found))]
        else:
            for i, j in zip(self._before, self._after, strict=True):
                found[i] = index[j]
        return [(operand, tuple(found))]

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        return values[0]


class Looked(Node):
    """Elements of operand 0, which has a buffer, at positions that the other operands hold (see `Elements`)."""

    cost = 4.0

    def __init__(self, equation: Equation) -> None:
        super().__init__(equation)
        self.source, *arrays = equation.operands
        if prod(self.source.shape) == 1 or any(array.dtype.kind not in "iu" for array in arrays):
            raise Unsupported("positions in an array of one element, or that are no integers")
        #: Along which axes of the source the positions are, and where the answer has the axes of the arrays.
        self.first = len(self.source.shape) + equation.parameters["axis"]
        self.places = np.broadcast_shapes(*[array.shape for array in arrays])

    def reads(self, index: Index) -> list[Read]:
        within = index[self.first : self.first + len(self.places)]
        return [(array, aligned(within, array.shape)) for array in self.equation.operands[1:]]

    def explore(self, index: Index, cuts: set[tuple[Axis, int]]) -> list[Read]:
        return [*self.reads(index), (self.source, InMemory((Affine(0),) * len(self.source.shape)))]

    def around(self, index: Index) -> tuple[Index, Index]:
        """The entries of an index in the source before and behind those that are looked up."""
        return index[: self.first], index[self.first + len(self.places) :]


# --- helpers ----------------------------------------------------------------------------------------------------------


def register_type(dtype: Any) -> Type:
    """The type of an element in a register."""
    kind = ufuncs.ir_type(dtype)
    if kind is None:
        raise Unsupported(f"dtype {dtype}")
    return kind


def convert(body: Body, value: Value, source: Any, target: Any) -> Value:
    """An element in another dtype."""
    found = ufuncs.converted(body, value, source, target)
    if found is None:
        raise Unsupported(f"conversion of {source} to {target}")
    return found


def adapted(body: Body, value: Value, atom: Atom, target: Any) -> Value:
    """An element of an operand in another dtype; of Python's integers, only one that fits, as NumPy takes no other."""
    found = convert(body, value, atom.dtype, target)
    if adapts(atom, target):
        back = convert(body, found, target, atom.dtype)
        fits = body.compare("eq", back, value)
        if target.kind == "u" and target.itemsize == atom.dtype.itemsize:
            fits = body.compare("sge", value, body.constant(value.type, 0))
        body.leave_if(body.operation("xor", fits, body.constant(fits.type, 1)), BAIL)
    return found


def adapts(atom: Atom, target: Any) -> bool:
    """Whether an operand is one of Python's integers, and may not fit where it is taken for a number of a dtype."""
    return atom.form == "number" and atom.dtype.kind == "i" and target.kind in "iu" and target != atom.dtype


def same_lanes(body: Body, values: Sequence[Value]) -> list[Value]:
    """The values, all with as many lanes as the widest."""
    lanes = max([value.type.lanes for value in values])
    return [body.splat(value, lanes) for value in values]


def asked(body: Body, test: str, value: Value, atom: Atom) -> Value:
    """Bits that say whether an element is as asked."""
    if atom.dtype.kind == "b":
        return value if test == "nonzero" else body.constant(BIT.of(value.type.lanes), False)
    if test == "isnan":
        return body.compare("uno", value, value) if value.type.is_float else body.constant(BIT.of(value.type.lanes), 0)
    return body.compare("une" if value.type.is_float else "ne", value, body.constant(value.type, 0))
