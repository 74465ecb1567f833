r"""Elements of operands that go to places of an answer: written over it, or added.

Places may be looked up in arrays of integers while the code runs; where one is out of range the kernel gives up. What
is written is in the order in which NumPy does it, so of several elements for one place the last one counts, and sums
have NumPy's bits. May import ``elements``, ``errors``, ``ir``, ``lowering``, ``matrices``, ``nodes``, ``program``,
``regions`` and ``tasks``.

>>> from hodiff.ops.indexing import scatter
>>> from hodiff.program import Var
>>> x, at, y = Var((3,), np.dtype(float)), Literal(np.array([0, 2, -1])), Var((4,), np.dtype(float))
>>> task = Scattering(Equation(scatter, (x, at), {"axis": -1, "shape": (4,)}, (y,)), {}, scatter.code.nest)
>>> task.landings[0].lookups[0].literal.value
array([0, 2, 3])
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BAIL, BIT, I64, Body, Value
from hodiff.compiled.native.linalg.matrices import load, merged, moved, store
from hodiff.compiled.native.plans.nodes import Node, convert, register_type
from hodiff.compiled.native.plans.tasks import TASKS, View, own, view_of
from hodiff.compiled.native.writing.elements import in_range, memory_type
from hodiff.compiled.native.writing.regions import Nested, Region, bytes_of
from hodiff.lowering import ZERO, Affine, Axis, Index, Lookup, Pieces, Spot, Spots, piece_spot
from hodiff.program import Atom, Equation, Literal

#: Places with gaps that loops are not cut for.
_GAPS = 16


class Looked(NamedTuple):
    """Positions of one axis of the answer.

    Attributes
    ----------
    literal : Literal or None
        The positions where they are known: in range, and not negative.
    view : View
        How they lie in memory.
    steps : tuple of int
        From one to the next along the axes of the space.
    length : int
        Of the axis.
    stride : int
        Elements of the answer from one place on the axis to the next.
    way : str
    """

    literal: Literal | None
    view: View
    steps: tuple[int, ...]
    length: int
    stride: int
    way: str


class Landing(NamedTuple):
    """Where the elements of an operand go.

    Attributes
    ----------
    atom : Var or Literal
        The operand.
    view : View or None
        How it lies in memory; None of a number.
    shape : tuple of int
        The space.
    offset, steps : int and tuple of int
        The first element that is read, and how far it is to the next along each axis of the space.
    target, strides : int and tuple of int
        The same of what is written.
    lookups : list of Looked
    """

    atom: Atom
    view: View | None
    shape: tuple[int, ...]
    offset: int
    steps: tuple[int, ...]
    target: int
    strides: tuple[int, ...]
    lookups: list[Looked]


class Scattering(Nested):
    """An answer that is filled part by part."""

    in_registers = False

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node], nest: Spots | Pieces) -> None:
        (answer,) = equation.answers
        register_type(answer.dtype)
        self.adds = nest.adds
        self.onto = isinstance(nest, Spots) and nest.onto
        if self.adds and answer.dtype.kind == "b":
            raise Unsupported(f"sums of {answer.dtype}")
        given = nest.spots(equation) if nest.spots is not None else None
        if given is None and isinstance(nest, Pieces):
            pieces = nest.pieces(equation)
            given = None if pieces is None else [piece_spot(piece) for piece in pieces]
        if given is None:
            raise Unsupported(f"{equation.primitive.name} has no native form")
        self.landings = [_landing(equation, spot, nodes) for spot in given]
        buffers: list[Atom] = []
        numbers: list[Atom] = []
        for landing in self.landings:
            if landing.view is None:
                numbers.append(landing.atom)
            else:
                buffers.append(landing.view.base)
            buffers += [looked.view.base for looked in landing.lookups if looked.literal is None]
        super().__init__(equation, buffers, numbers)
        first = self.landings[0] if self.landings else None
        if first is not None and self._begins_with(first) and first.view == own(first.atom):
            same = buffers.count(first.atom) == 1 and first.atom.dtype == answer.dtype
            self.replaces = {answer: first.atom} if same else {}
        self.cost = answer.size / 4 + sum(prod(landing.shape) for landing in self.landings)

    def write_within(self, region: Region, base: int) -> None:
        (answer,) = self.equation.answers
        pointer = region.memory_of(answer).pointer
        landings = list(self.landings)
        begins = bool(landings) and self._begins_with(landings[0])
        if begins:
            first = landings.pop(0)
            source = self.replaces.get(answer)
            if source is None or region.memory_of(source).pointer != pointer:
                _Writer(region, first, answer.dtype, pointer, False).write()
        else:
            name = "llvm.memset.p0.i64"
            region.body.declarations[name] = f"declare void @{name}(ptr, i8, i64, i1)"
            region.body.effect(f"call void @{name}({pointer}, i8 0, i64 {bytes_of(answer)}, i1 false)")
        for landing in landings:
            _Writer(region, landing, answer.dtype, pointer, self.adds).write()

    def _begins_with(self, landing: Landing) -> bool:
        """Whether the answer begins as what is at the first places."""
        return self.onto or (not self.adds and _covers(landing, self.equation.answers[0].size))


def _covers(landing: Landing, size: int) -> bool:
    """Whether every element of the answer is written."""
    return not landing.lookups and prod(landing.shape) == size


class _Writer:
    """Writes the loops for one operand."""

    def __init__(self, region: Region, landing: Landing, dtype: Any, target: Value, adds: bool) -> None:
        self.region = region
        self.body: Body = region.body
        self.landing = landing
        self.dtype = dtype
        self.adds = adds
        self.kind = memory_type(dtype)
        lookups = landing.lookups
        streams = [landing.strides, landing.steps, *(looked.steps for looked in lookups)]
        self.lengths, steps = merged(landing.shape, streams)
        self.strides, self.steps, *self.looked_steps = steps
        self.target = moved(self.body, target, self.kind, landing.target)
        self.number: Value | None = None
        if landing.view is None:
            self.number = region.number(landing.atom, dtype)
            self.steps = [0] * len(self.lengths)
        else:
            self.source_dtype = landing.view.base.dtype
            memory = region.memory_of(landing.view.base)
            self.source = moved(self.body, memory.pointer, memory_type(self.source_dtype), landing.offset)
        self.tables: list[Value] = []
        for looked in lookups:
            base = looked.literal or looked.view.base
            pointer = region.memory_of(base).pointer
            self.tables.append(moved(self.body, pointer, memory_type(base.dtype), looked.view.offset))

    def write(self) -> None:
        source = None if self.number is not None else self.source
        if 0 not in self.landing.shape:
            self._axis(0, self.target, source, list(self.tables))

    def _axis(self, depth: int, target: Value, source: Value | None, tables: Sequence[Value | None]) -> None:
        """Write the loops from one on, with pointers to where they begin; None for what has been looked up."""
        target, tables = self._look_up(depth, target, tables)
        rest = self.lengths[depth:]
        if not rest:
            self._element(target, source, 1)
            return
        if len(rest) == 1 and self.strides[depth] == 1 and self.steps[depth] in (0, 1) and not any(tables):
            self._run(rest[0], target, source, self.steps[depth])
            return
        with self.body.loop(rest[0]) as counter:
            inside = [
                None if table is None else self._at(table, looked.view.base.dtype, counter, steps[depth])
                for table, looked, steps in zip(tables, self.landing.lookups, self.looked_steps, strict=True)
            ]
            further = self._at(target, self.dtype, counter, self.strides[depth])
            read = None if source is None else self._at(source, self.source_dtype, counter, self.steps[depth])
            self._axis(depth + 1, further, read, inside)

    def _at(self, pointer: Value, dtype: Any, counter: Value, step: int) -> Value:
        if not step:
            return pointer
        body = self.body
        place = counter if step == 1 else body.operation("mul nsw", counter, body.constant(I64, step))
        return moved(body, pointer, memory_type(dtype), place)

    def _look_up(
        self, depth: int, target: Value, tables: Sequence[Value | None]
    ) -> tuple[Value, Sequence[Value | None]]:
        """Move to the positions that are known from here on."""
        body = self.body
        left: list[Value | None] = []
        for table, looked, steps in zip(tables, self.landing.lookups, self.looked_steps, strict=True):
            if table is None or any(steps[depth:]):
                left.append(table)
                continue
            dtype = (looked.literal or looked.view.base).dtype
            value = load(body, table, memory_type(dtype))
            if looked.literal is None:
                value = _IN_RANGE[looked.way](body, value, dtype, looked.length)
            place = body.operation("mul nsw", value, body.constant(I64, looked.stride))
            target = moved(body, target, self.kind, place)
            left.append(None)
        return target, left

    # --- elements -----------------------------------------------------------------------------------------------------

    def _run(self, length: int, target: Value, source: Value | None, step: int) -> None:
        """Elements next to each other, as many at once as vectors hold."""
        done, lanes = 0, self.region.surroundings.width
        while lanes:
            turns = (length - done) // lanes
            if turns > 2:
                with self.body.loop(turns) as counter:
                    place = self.body.operation("mul nsw", counter, self.body.constant(I64, lanes))
                    self._moved_element(target, source, place, step, lanes, done)
            else:
                for turn in range(turns):
                    self._moved_element(target, source, self.body.constant(I64, turn * lanes), step, lanes, done)
            done += turns * lanes
            lanes //= 2

    def _moved_element(
        self, target: Value, source: Value | None, place: Value, step: int, lanes: int, done: int
    ) -> None:
        target = moved(self.body, moved(self.body, target, self.kind, done), self.kind, place)
        if source is not None and step:
            kind = memory_type(self.source_dtype)
            source = moved(self.body, moved(self.body, source, kind, done), kind, place)
        self._element(target, source, lanes, step)

    def _element(self, target: Value, source: Value | None, lanes: int, step: int = 1) -> None:
        body, bits = self.body, self.dtype.kind == "b"
        if source is None:
            assert self.number is not None
            value = self.number
        else:
            read = load(body, source, memory_type(self.source_dtype).of(lanes if step else 1))
            if self.source_dtype.kind == "b":
                read = body.compare("ne", read, body.constant(read.type, 0))
            value = convert(body, read, self.source_dtype, self.dtype)
        value = body.splat(value, lanes)
        if self.adds:
            before = load(body, target, self.kind.of(lanes))
            value = body.operation("fadd" if self.kind.is_float else "add", before, value)
        if bits and value.type.scalar == BIT.scalar:
            value = body.convert("zext", value, self.kind)
        store(body, target, value)


def _wide(body: Body, value: Value, dtype: Any) -> Value:
    return value if value.type.scalar == "i64" else body.convert("sext" if dtype.kind == "i" else "zext", value, I64)


def _counted(body: Body, value: Value, dtype: Any, length: int) -> Value:
    """A position from 0 on; the kernel gives up where it is out of range."""
    wide = _wide(body, value, dtype)
    body.leave_if(body.compare("uge", wide, body.constant(wide.type, length)), BAIL)
    return wide


def _wrapped(body: Body, value: Value, dtype: Any, length: int) -> Value:
    """A position that begins again where it is out of range."""
    wide = _wide(body, value, dtype)
    end = body.constant(wide.type, length)
    if dtype.kind == "u":
        return body.operation("urem", wide, end)
    rest = body.operation("srem", wide, end)
    negative = body.compare("slt", rest, body.constant(wide.type, 0))
    return body.select(negative, body.operation("add", rest, end), rest)


#: The ways of positions that are out of range.
_IN_RANGE = {"error": in_range, "count": _counted, "wrap": _wrapped}


# --- where things go --------------------------------------------------------------------------------------------------


def _landing(equation: Equation, spot: Spot, nodes: Mapping[Atom, Node]) -> Landing:
    (answer,) = equation.answers
    atom = equation.operands[spot.slot]
    register_type(atom.dtype)
    axes = [Axis(length) for length in spot.shape]
    index = tuple(map(Affine.of, axes))
    view = None if prod(atom.shape) == 1 else view_of(atom, nodes)
    offset, steps = 0, (0,) * len(axes)
    if view is not None:
        offset, steps = _linear(spot.read(index), view.steps, axes)
        offset += view.offset
    target, strides = _linear(spot.place(index), _contiguous(answer.shape), axes)
    lookups = [_looked(equation, lookup, index, axes, nodes) for lookup in spot.lookups]
    return Landing(atom, view, spot.shape, offset, steps, target, strides, lookups)


def _linear(index: Index, steps: Sequence[int], axes: Sequence[Axis]) -> tuple[int, tuple[int, ...]]:
    """Where an index begins in memory, and how far it moves along axes."""
    place = ZERO
    for entry, step in zip(index, steps, strict=True):
        place = place + entry * step
    factors = dict(place.terms)
    return place.constant, tuple([factors.get(axis, 0) for axis in axes])


def _contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple([prod(shape[i + 1 :]) for i in range(len(shape))])


def _looked(
    equation: Equation, lookup: Lookup, index: Index, axes: Sequence[Axis], nodes: Mapping[Atom, Node]
) -> Looked:
    (answer,) = equation.answers
    length = prod(answer.shape[lookup.axis : lookup.axis + lookup.axes])
    count = prod(answer.shape[lookup.axis + lookup.axes :])
    atom = equation.operands[lookup.positions] if isinstance(lookup.positions, int) else Literal(lookup.positions)
    if atom.dtype.kind not in "iu":
        raise Unsupported("positions that are no integers")
    literal = _checked(np.asarray(atom.value), length, lookup.way) if isinstance(atom, Literal) else None
    shown = literal or atom
    view = view_of(shown, nodes)
    offset, steps = _linear(lookup.read(index), view.steps, axes)
    view = view._replace(offset=view.offset + offset)
    return Looked(literal, view, steps, length, count, lookup.way)


def _checked(positions: Any, length: int, way: str) -> Literal:
    """Positions that are known, from 0 on."""
    places = np.array(positions, np.int64, order="C")
    if way == "wrap":
        return Literal(np.asarray(places % max(length, 1)))
    if ((places < (0 if way == "count" else -length)) | (places >= length)).any():
        raise Unsupported("positions out of range")
    return Literal(np.asarray(np.where(places < 0, places + length, places)))


def _of_pieces(equation: Equation, nodes: Mapping[Atom, Node]) -> Scattering | None:
    """A task for parts with long gaps, or at positions; None where loops can be cut."""
    nest: Pieces = equation.primitive.code.nest  # type: ignore[union-attr]
    pieces = nest.pieces(equation)
    if pieces is None:
        return Scattering(equation, nodes, nest) if nest.spots is not None else None
    if any(abs(r.step) != 1 and len(r) > _GAPS for piece in pieces for r in piece.places):
        return Scattering(equation, nodes, Pieces(nest.pieces, nest.adds))
    return None


TASKS[Pieces] = _of_pieces
TASKS[Spots] = lambda equation, nodes: Scattering(equation, nodes, equation.primitive.code.nest)  # type: ignore[union-attr]
