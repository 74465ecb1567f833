"""Arrays that are put together of parts: padded, stacked, concatenated, written into.

Where a loop goes through several parts it is cut, so that at each place one of them, or none, is read. May import
``errors``, ``ir``, ``lowering``, ``nodes`` and ``program``.

>>> import numpy as np
>>> from hodiff.ops.joining import stacked
>>> from hodiff.program import Var
>>> x, y, z = Var((3,), np.dtype(float)), Var((3,), np.dtype(float)), Var((2, 3), np.dtype(float))
>>> equation = Equation(stacked, (x, y), {"axis": -2}, (z,))
>>> axis = Axis(3)
>>> Parted(equation, stacked.code.nest.pieces(equation), adds=False).reads((Affine(1), Affine.of(axis)))[0][0] is y
True
"""

from collections.abc import Mapping, Sequence
from itertools import product

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import Body, Value
from hodiff.compiled.native.plans.nodes import Node, Read, Undecided, adapted, register_type, same_lanes
from hodiff.lowering import Affine, Axis, Index, Piece
from hodiff.program import Equation


class Parted(Node):
    """Parts of the answer are operands, the rest is zero."""

    def __init__(self, equation: Equation, pieces: Sequence[Piece], *, adds: bool) -> None:
        super().__init__(equation)
        self._pieces = pieces
        self._adds = adds
        self.cost = float(len(pieces) - 1) if adds else 0.0

    def reads(self, index: Index) -> list[Read]:
        found = [self._read(piece, index) for piece in self._pieces if _contains(piece, index)]
        return found if self._adds else found[-1:]

    def explore(self, index: Index, cuts: set[tuple[Axis, int]]) -> list[Read]:
        found = []
        for piece in self._pieces:
            if all(_cut(place, at, cuts) for place, at in zip(piece.places, index, strict=True)):
                found += self._explored(piece, index)
        return found

    def _explored(self, piece: Piece, index: Index) -> list[Read]:
        """What is read of a piece; of one with gaps, at each place that an axis with many can be cut to."""
        gaps = [(place, at) for place, at in zip(piece.places, index, strict=True) if abs(place.step) != 1]
        axes = {axis for _, at in gaps for axis, _ in at.terms}
        found: list[Read] = []
        for places in product(*(range(axis.start, axis.stop) for axis in axes)):
            at = dict(zip(axes, places, strict=True))
            fixed = tuple([_fixed(entry, at) for entry in index])
            if all(_holds(place, entry) for place, entry in zip(piece.places, fixed, strict=True)):
                found.append(self._read(piece, fixed))
        return found

    def _read(self, piece: Piece, index: Index) -> Read:
        within = []
        for place, at in zip(piece.places, index, strict=True):
            away = at + -place.start
            low, high = away.span()
            if place.step == -1:
                away = away * -1
            elif place.step != 1:
                if low != high:
                    raise Undecided(*_places(place, at))
                away = Affine(low // place.step)
            within.append(away)
        return self.equation.operands[piece.slot], piece.read(tuple(within))

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        kind = register_type(self.answer.dtype)
        if not values:
            return body.constant(kind, 0)
        atoms = [atom for atom, _ in self.reads(index)]
        parts = [adapted(body, v, atom, self.answer.dtype) for v, atom in zip(values, atoms, strict=True)]
        if not self._adds:
            return parts[-1]
        opcode = "fadd" if kind.is_float else "add"
        total = body.constant(kind.of(parts[0].type.lanes), 0)
        for part in parts:  # 0 + -0 is 0, as in an array of zeros
            total, part = same_lanes(body, (total, part))
            total = body.operation(opcode, total, part)
        return total


def _fixed(entry: Affine, at: Mapping[Axis, int]) -> Affine:
    """An index at a place of some axes."""
    fixed = Affine(entry.constant)
    for axis, factor in entry.terms:
        fixed = fixed + (Affine(at[axis]) if axis in at else Affine.of(axis)) * factor
    return fixed


def _holds(place: range, entry: Affine) -> bool:
    """Whether an index without a range of its own is within a range with gaps; of others nothing is said."""
    return entry.span()[0] in place if abs(place.step) != 1 else True


def _contains(piece: Piece, index: Index) -> bool:
    """Whether all elements at ``index`` are in a piece, or none of them."""
    for place, at in zip(piece.places, index, strict=True):
        low, high = at.span()
        if not place:
            return False
        first, last = sorted((place[0], place[-1]))
        if high < first or low > last or (low == high and low not in place):
            return False
    for place, at in zip(piece.places, index, strict=True):
        low, high = at.span()
        first, last = sorted((place[0], place[-1]))
        if low < first or high > last or (low != high and abs(place.step) != 1):
            raise Undecided(*_places(place, at))
    return True


def _cut(place: range, at: Affine, cuts: set[tuple[Axis, int]]) -> bool:
    """Note where an axis must be cut for a range; whether anything at all is within."""
    low, high = at.span()
    if not place:
        return False
    first, last = sorted((place[0], place[-1]))
    if high < first or low > last:
        return False
    if low == high:
        return low in place
    if low < first or high > last or abs(place.step) != 1:
        axis, ends = _places(place, at)
        cuts.update((axis, end) for end in ends if axis.start < end < axis.stop)
    return True


def _places(place: range, at: Affine) -> tuple[Axis, list[int]]:
    """The axis, and where it is to be cut, so that ``at`` is either within a range or not."""
    if len(at.terms) != 1:
        raise Unsupported("parts at places that depend on several axes")
    ((axis, factor),) = at.terms
    if abs(place.step) != 1 or abs(factor) != 1:
        return axis, list(range(axis.start + 1, axis.stop))
    first, last = sorted((place[0], place[-1]))
    if factor == 1:
        return axis, [first - at.constant, last + 1 - at.constant]
    return axis, [at.constant - last, at.constant - first + 1]
