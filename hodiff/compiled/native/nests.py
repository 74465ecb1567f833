"""Nests of loops as LLVM text.

The last loop of a nest runs over blocks of several elements, which are computed together in the lanes of vectors. What
is left over at its end is one more block, which overlaps the one before: every lane always has an element of its own,
no floating-point error shows that plain NumPy has not, and the bits of an element do not depend on where it is. Sums
have a running value for each lane, so they are in a fixed order that does not depend on the machine's threads.

May import ``elements``, ``errors``, ``ir``, ``lowering``, ``nodes``, ``reduction``,
``statements`` and ``steps``.

>>> [tuple(block) for block in blocks_of(3, 14, 4)]
[(3, 4, 2, 4), (10, 4, 1, 3)]
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, product
from math import prod
from typing import NamedTuple

from hodiff.compiled.native.elements import Elements, Memory
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BIT, I64, Body, Value
from hodiff.compiled.native.nodes import Undecided, register_type
from hodiff.compiled.native.reduction import Reduction
from hodiff.compiled.native.statements import Statement
from hodiff.compiled.native.steps import Nest, Rows
from hodiff.lowering import Affine, Axis, Index

#: Blocks whose sum is a running value of its own, so that rounding errors do not pile up.
CHUNK = 256
#: Additions for one place that are so few that two vectors at once keep the processor busier.
LIGHT = 60.0


class Block(NamedTuple):
    """A part of a loop: ``turns`` blocks of ``lanes`` elements from ``start`` on, of which the last are new."""

    start: int
    lanes: int
    turns: int
    new: int


#: A running value of a reduction: which one, for which place of the short axes, and for how many lanes.
Key = tuple[Statement, Index, int]
Running = dict[Key, Value]


def blocks_of(start: int, stop: int, width: int) -> Iterator[Block]:
    """The blocks of a loop with vectors of up to ``width`` elements."""
    length = stop - start
    lanes = width
    while lanes > length:
        lanes //= 2
    count, rest = divmod(length, lanes)
    yield Block(start, lanes, count, lanes)
    if rest:
        yield Block(stop - lanes, lanes, 1, rest)


class NestWriter:
    """Writes the loops of a nest.

    Parameters
    ----------
    body : Body
    elements : Elements
    nest : Nest
    width : int
        Numbers in a vector register.
    flat : bool
        Whether axes may be made one.
    """

    def __init__(self, body: Body, elements: Elements, nest: Nest, width: int, *, flat: bool = True) -> None:
        self.body = body
        self.elements = elements
        self.nest = nest
        self._axes = nest.axes
        self._lengths = [axis.length for axis in nest.axes]
        self._flat = flat and nest.flat
        if self._flat:
            self._lengths = [1] * (len(nest.axes) - 1) + [prod(self._lengths)]
        last = self._lengths[-1] if self._lengths else 1
        wide = last >= 8 * width and nest.length <= LIGHT
        self._width = 2 * width if wide else width
        self._sums = any(s.reduces and s.node.nest.operator == "add" for s in nest.statements)  # type: ignore[attr-defined]

    def write(self) -> None:
        """Write it, with what comes before and after."""
        self.elements.by_columns = len(self._axes) == 1
        for statement in self.nest.statements:
            if statement.reduces and self._in_memory(statement):
                self._fill(statement)
        self._axis(0, {})
        for axis in self._axes:
            axis.start, axis.stop = 0, axis.length
        for statement in self.nest.statements:
            if statement.reduces and self._in_memory(statement):
                self._finish_in_memory(statement)
        self.elements.by_columns = None

    # --- rows ---------------------------------------------------------------------------------------------------------

    def begin(self) -> Running:
        """What comes before the loop through the rows; the running values of what it reduces."""
        for statement in self.nest.statements:
            if statement.reduces and self._in_memory(statement):
                self._fill(statement)
        return self._started(0)

    def row(self, counter: Value, running: Running) -> Running:
        """Write what is done in a row."""
        self.elements.by_columns = len(self._axes) == 1
        self._new = 1
        self.elements.go_to(self._axes[0], counter)
        mine = {key: value for key, value in running.items() if key[0] in self.nest.statements}
        mine = self._axis(1, mine) if len(self._axes) > 1 else self._place(mine)
        self.elements.by_columns = None
        return {**running, **mine}

    def end(self, running: Running) -> None:
        """What comes after the loop."""
        for statement in self.nest.statements:
            if statement.reduces and self._first_loop(statement) == 0:
                self._finish(statement, running)
            elif statement.reduces and self._in_memory(statement):
                self._finish_in_memory(statement)

    # --- loops --------------------------------------------------------------------------------------------------------

    def _axis(self, depth: int, running: Running) -> Running:
        """Write the loops from one on; the running values after them."""
        if depth == len(self._axes):
            return self._place(running)
        running = {**running, **self._started(depth)}
        starting = [s for s in self.nest.statements if s.reduces and self._first_loop(s) == depth]
        axis = self._axes[depth]
        for start, stop in self._segments(depth):
            axis.start, axis.stop = start, stop
            if depth == len(self._axes) - 1:
                for block in blocks_of(start, stop, self._width):
                    running = self._blocks(axis, block, running)
            elif stop - start == 1:
                self.elements.go_to(axis, self.body.constant(I64, start))
                running = self._axis(depth + 1, running)
            else:
                running = self._loop(axis, start, stop - start, depth, running)
        axis.start, axis.stop = 0, axis.length
        for statement in starting:
            self._finish(statement, running)
        return {key: value for key, value in running.items() if key[0] not in starting}

    def _started(self, depth: int) -> Running:
        """The running values of reductions that begin with a loop."""
        return {
            key: self._identity(key[0], key[2])
            for statement in self.nest.statements
            if statement.reduces and self._first_loop(statement) == depth
            for key in self._keys(statement)
        }

    def _segments(self, depth: int) -> list[tuple[int, int]]:
        length = self._lengths[depth]
        ends = [0, *self.nest.cuts(self._axes[depth]), length]
        return list(pairwise(ends))

    def _loop(self, axis: Axis, start: int, turns: int, depth: int, running: Running) -> Running:
        def turn(counter: Value, inner: Running) -> Running:
            self.elements.go_to(axis, self._shifted(counter, start))
            return self._axis(depth + 1, inner)

        return carried(self.body, turns, running, turn)

    def _blocks(self, axis: Axis, block: Block, running: Running) -> Running:
        """All blocks of a part of the last loop."""
        self._new = block.new

        def turn(counter: Value, inner: Running) -> Running:
            place = counter
            if block.lanes > 1:
                place = self.body.operation("mul nsw", counter, self.body.constant(I64, block.lanes))
            self.elements.go_to(axis, self._shifted(place, block.start), block.lanes)
            return self._place(inner)

        if block.turns == 1:
            self.elements.go_to(axis, self.body.constant(I64, block.start), block.lanes)
            return self._place(running)
        if not running or not self._sums or block.turns < 2 * CHUNK:
            return carried(self.body, block.turns, running, turn)
        chunks, rest = divmod(block.turns, CHUNK)

        def chunk(counter: Value, inner: Running) -> Running:
            first = self.body.operation("mul nsw", counter, self.body.constant(I64, CHUNK))

            def within(second: Value, innermost: Running) -> Running:
                return turn(self.body.operation("add nsw", first, second), innermost)

            fresh = {key: self._identity(key[0], key[2]) for key in inner}
            part = carried(self.body, CHUNK, fresh, within)
            return {key: self._joined(key[0], inner[key], part[key]) for key in inner}

        running = carried(self.body, chunks, running, chunk)
        if rest:
            running = carried(self.body, rest, running, lambda c, inner: turn(self._shifted(c, chunks * CHUNK), inner))
        return running

    def _shifted(self, counter: Value, start: int) -> Value:
        return self.body.operation("add nsw", counter, self.body.constant(I64, start)) if start else counter

    # --- what is done at a place --------------------------------------------------------------------------------------

    def _place(self, running: Running) -> Running:
        try:
            for statement in self.nest.statements:
                if statement.reduces:
                    running = self._join(statement, running)
                else:
                    self._store(statement)
        except Undecided as error:
            raise Unsupported("parts at places that differ within a loop") from error
        return running

    def _store(self, statement: Statement) -> None:
        answer = statement.answer
        memory = self.elements.memory_of(answer, next(statement.indices()))
        for index in statement.indices():
            value = self.elements.computed(statement.node, index)
            self.elements.let(answer, index, value)
            self.elements.store(memory, index, value)

    def _join(self, statement: Statement, running: Running) -> Running:
        node = statement.node
        assert isinstance(node, Reduction)
        body = self.body
        for index in statement.indices():
            values = [self.elements.element(*read) for read in node.reads_at(index)]
            value = node.element(body, values)
            kept = self._kept(node, index)
            if self._first_loop(statement) is None:
                self._join_in_memory(statement, kept, value)
                continue
            lanes = self._lanes_here()
            value = self._only_new(statement, body.splat(value, lanes))
            key = statement, self._short(statement, kept), lanes
            running[key] = self._joined(statement, running[key], value)
        return running

    def _only_new(self, statement: Statement, value: Value) -> Value:
        """Without the elements that the block before had too."""
        lanes = value.type.lanes
        if self._new >= lanes:
            return value
        bits = ", ".join(f"i1 {'true' if lane >= lanes - self._new else 'false'}" for lane in range(lanes))
        return self.body.select(Value(f"<{bits}>", BIT.of(lanes)), value, self._identity(statement, lanes))

    def _lanes_here(self) -> int:
        return self.elements.lanes_at(self._axes[-1]) if self._axes else 1

    # --- running values -----------------------------------------------------------------------------------------------

    def _first_loop(self, statement: Statement) -> int | None:
        """The loop in front of which a reduction starts: all from there on are reduced. None where the last is not."""
        node = statement.node
        assert isinstance(node, Reduction)
        first = None
        for depth in reversed(range(len(self._axes))):
            if self._flat or depth in node.axes:
                first = depth
            else:
                break
        return first

    def _in_memory(self, statement: Statement) -> bool:
        """Whether a loop outside of those is reduced too, so that the answer is joined in memory."""
        node = statement.node
        assert isinstance(node, Reduction)
        first = self._first_loop(statement)
        outside = range(len(self._axes) if first is None else first)
        return any(depth in node.axes and self._lengths[depth] > 1 for depth in outside)

    def _keys(self, statement: Statement) -> list[Key]:
        node = statement.node
        assert isinstance(node, Reduction)
        depth = len(self._axes) - 1
        lanes = {b.lanes for start, stop in self._segments(depth) for b in blocks_of(start, stop, self._width)}
        shorts = dict.fromkeys(self._short(statement, self._kept(node, index)) for index in statement.indices())
        return [(statement, short, n) for short in shorts for n in sorted(lanes, reverse=True)]

    @staticmethod
    def _kept(node: Reduction, index: Index) -> Index:
        """Index in the answer for one in the space."""
        if node.keeps:
            return tuple([Affine(0) if i in node.axes else entry for i, entry in enumerate(index)])
        return tuple([index[i] for i in node.kept])

    def _short(self, statement: Statement, kept: Index) -> Index:
        """The places on axes that are no loops, which have running values of their own."""
        loops = set(self._axes)
        return tuple([Affine(0) if any(a in loops for a, _ in entry.terms) else entry for entry in kept])

    def _identity(self, statement: Statement, lanes: int) -> Value:
        node = statement.node
        assert isinstance(node, Reduction)
        return self.body.constant(register_type(node.answer.dtype).of(lanes), node.identity())

    def _joined(self, statement: Statement, x: Value, y: Value) -> Value:
        node = statement.node
        assert isinstance(node, Reduction)
        return node.join(self.body, (x, y))

    def _finish(self, statement: Statement, running: Running) -> None:
        """What the loops have joined goes where it belongs."""
        node = statement.node
        assert isinstance(node, Reduction)
        found: dict[Index, list[Value]] = {}
        for (owner, short, _), value in running.items():
            if owner is statement:
                found.setdefault(short, []).append(value)
        for short, parts in found.items():
            total = self._across(statement, parts)
            kept = self._filled(statement, short)
            if self._in_memory(statement):
                self._join_in_memory(statement, kept, total)
            elif node.answer.size == 1:
                self.elements.registers[node.answer] = node.finish(self.body, total)
            else:
                self.elements.store(self.elements.memory[node.answer], kept, node.finish(self.body, total))

    def _filled(self, statement: Statement, short: Index) -> Index:
        """Index in the answer: places of loops again, where `_short` has left them out."""
        node = statement.node
        assert isinstance(node, Reduction)
        index = next(iter(statement.indices()))
        loops = [entry if entry.terms else None for entry in self._kept(node, index)]
        return tuple([entry if loop is None else loop for loop, entry in zip(loops, short, strict=True)])

    def _across(self, statement: Statement, parts: Sequence[Value]) -> Value:
        """The lanes of all running values joined."""
        total = None
        for value in parts:
            while value.type.lanes > 1:
                half = value.type.lanes // 2
                value = self._joined(statement, self.body.part(value, 0, half), self.body.part(value, half, half))
            total = value if total is None else self._joined(statement, total, value)
        assert total is not None
        return total

    # --- reductions in memory -----------------------------------------------------------------------------------------

    def _join_in_memory(self, statement: Statement, kept: Index, value: Value) -> None:
        memory = self.elements.memory[statement.answer]
        lanes = self.elements.lanes_of(memory, kept)
        value = self.body.splat(value, lanes)
        if lanes > 1:
            value = self._only_new(statement, value)
        before = self.elements.present(memory, kept)
        self.elements.store(memory, kept, self._joined(statement, before, value))

    def _fill(self, statement: Statement) -> None:
        """Begin with what changes nothing."""
        self._everywhere(statement, lambda memory, index: self._identity(statement, 1))

    def _finish_in_memory(self, statement: Statement) -> None:
        node = statement.node
        assert isinstance(node, Reduction)
        if node.nest.mean:
            self._everywhere(
                statement, lambda memory, index: node.finish(self.body, self.elements.present(memory, index))
            )

    def _everywhere(self, statement: Statement, value: Callable[[Memory, Index], Value]) -> None:
        """Store something in each element of an answer."""
        memory = self.elements.memory[statement.answer]
        flat = memory._replace(shape=(prod(memory.shape),))
        axis = Axis(flat.shape[0])
        index = (Affine.of(axis),)
        for block in blocks_of(0, axis.length, self._width):

            def turn(counter: Value, inner: Running, block: Block = block) -> Running:
                place = self.body.operation("mul nsw", counter, self.body.constant(I64, block.lanes))
                self.elements.go_to(axis, self._shifted(place, block.start), block.lanes)
                self.elements.store(flat, index, value(flat, index))
                return inner

            carried(self.body, block.turns, {}, turn)


def write_rows(body: Body, elements: Elements, rows: Rows, width: int) -> None:
    """Write nests that run through rows together."""
    writers = [NestWriter(body, elements, nest, width, flat=False) for nest in rows.nests]
    running: Running = {}
    for writer in writers:
        running.update(writer.begin())

    def turn(counter: Value, inner: Running) -> Running:
        for writer in writers:
            inner = writer.row(counter, inner)
        return inner

    running = carried(body, rows.length, running, turn)
    for writer in writers:
        writer.end(running)


def carried(body: Body, turns: int, running: Running, turn: Callable[[Value, Running], Running]) -> Running:
    """A loop that hands running values from turn to turn."""
    with body.loop(turns) as counter:
        carries = {key: body.carry(value) for key, value in running.items()}
        following = turn(counter, {key: carry.value for key, carry in carries.items()})
        after = {key: body.update(carry, following[key]) for key, carry in carries.items()}
    return after


def write_copy(body: Body, elements: Elements, source: Memory, target: Memory) -> None:
    """Copy a batch, place by place, from rows to columns or back."""
    axis = Axis(source.shape[0])
    with body.loop(axis.length) as counter:
        elements.go_to(axis, counter)
        for places in product(*map(range, source.shape[1:])):
            index = (Affine.of(axis), *map(Affine, places))
            elements.store(target, index, elements.load(source, index))
