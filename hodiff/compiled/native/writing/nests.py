"""Nests of loops as LLVM text.

The last loop of a nest runs over blocks of several elements, which are computed together in the lanes of vectors. What
is left over at its end is one more block, which overlaps the one before: every lane always has an element of its own,
no floating-point error shows that plain NumPy has not, and the bits of an element do not depend on where it is. Sums
have a running value for each lane, so they are in a fixed order that does not depend on the machine's threads.

May import ``elements``, ``errors``, ``ir``, ``lowering``, ``nodes``, ``parallel``, ``reduction``, ``statements`` and
``steps``.

>>> _from_place(Body(), Value("%i", I64), Value("%j", I64), 2).type
Type(scalar='i1', lanes=2)
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BIT, I64, Body, Value
from hodiff.compiled.native.plans.nodes import Undecided, register_type
from hodiff.compiled.native.plans.reduction import Reduction
from hodiff.compiled.native.plans.statements import Statement
from hodiff.compiled.native.plans.steps import Nest
from hodiff.compiled.native.writing.elements import Elements, Memory
from hodiff.compiled.native.writing.parallel import (
    STRETCH,
    Block,
    Held,
    Rule,
    Running,
    Shared,
    Turn,
    blocks_of,
    carried,
    in_chunks,
    in_stretches,
)
from hodiff.lowering import Affine, Axis, Index

#: Additions for one place that are so few that two vectors at once keep the processor busier.
LIGHT = 60.0

#: A running value of a reduction: which one, for which place of the short axes, and for how many lanes.
Key = tuple[Statement, Index, int]


class NestWriter:
    """Writes the loops of a nest.

    Parameters
    ----------
    body : Body
    elements : Elements
    nest : Nest
    width : int
        Numbers in a vector register.
    shared : Shared, optional
        What loops need that are split among threads; without it, none is.
    flat : bool
        Whether axes may be made one.
    """

    def __init__(
        self,
        body: Body,
        elements: Elements,
        nest: Nest,
        width: int,
        shared: Shared | None = None,
        *,
        flat: bool = True,
    ) -> None:
        self.body = body
        self._shared = shared
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
        self._new, self._stop = 1, 0
        self._mask: Value | None = None
        self._sums = any(s.reduces and s.node.nest.operator == "add" for s in nest.statements)  # type: ignore[attr-defined]

    def write(self) -> None:
        """Write it, with what comes before and after."""
        self.elements.by_columns = len(self._axes) == 1
        for statement in self.nest.statements:
            if statement.reduces and self._in_memory(statement):
                self._fill(statement)
        self._axis(0, {})
        for depth in range(len(self._axes)):
            self._within(depth, 0, self._axes[depth].length)
        for statement in self.nest.statements:
            if statement.reduces and self._in_memory(statement):
                self._finish_in_memory(statement)
        if self._axes:
            self.elements.leave()  # what was computed within is not at hand behind it
        self.elements.by_columns = None

    @property
    def rule(self) -> Rule:
        """How running values are joined."""
        return Rule(
            lambda key: self._identity(key[0], key[2]), lambda key, x, y: self._joined(key[0], x, y), self._sums
        )

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

    def block(self, start: Value, size: int, new: Value | None, running: Running) -> Running:
        """Write what is done in a block of places: the running values after it.

        Parameters
        ----------
        start : Value
            The first place.
        size : int
        new : Value, optional
            Of blocks that overlap, the first place that the one before has not.
        running : dict
        """
        body, lanes = self.body, min(self._width, size)
        self.elements.by_columns = True
        self._new = lanes

        def turn(counter: Value, inner: Running) -> Running:
            step = body.operation("mul nsw", counter, body.constant(I64, lanes))
            place = body.operation("add nsw", start, step)
            self._mask = None if new is None else _from_place(body, place, new, lanes)
            self._go_to(self._axes[0], place, lanes)
            return self._place(inner)

        mine = {key: value for key, value in running.items() if key[0] in self.nest.statements}
        mine = carried(body, size // lanes, mine, turn)
        self._mask = self.elements.by_columns = None
        return {**running, **mine}

    # --- loops --------------------------------------------------------------------------------------------------------

    def _axis(self, depth: int, running: Running) -> Running:
        """Write the loops from one on; the running values after them."""
        if depth == len(self._axes):
            return self._place(running)
        running = {**running, **self._started(depth)}
        starting = [s for s in self.nest.statements if s.reduces and self._first_loop(s) == depth]
        axis = self._axes[depth]
        for start, stop in self._segments(depth):
            self._within(depth, start, stop)
            if depth == len(self._axes) - 1:
                for block in blocks_of(start, stop, self._width):
                    running = self._blocks(axis, block, running)
            elif stop - start == 1:
                self._go_to(axis, self.body.constant(I64, start))
                running = self._axis(depth + 1, running)
            else:
                running = self._loop(axis, start, stop - start, depth, running)
        self._within(depth, 0, axis.length)
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
            self._go_to(axis, self._shifted(counter, start))
            return self._axis(depth + 1, inner)

        inside = prod(self._lengths[depth + 1 :])
        return self._split(turns, inside, depth, running, turn, stretches=self._sums)

    def _blocks(self, axis: Axis, block: Block, running: Running) -> Running:
        """All blocks of a part of the last loop."""
        self._new = block.new

        def turn(counter: Value, inner: Running) -> Running:
            place = counter
            if block.lanes > 1:
                place = self.body.operation("mul nsw", counter, self.body.constant(I64, block.lanes))
            self._go_to(axis, self._shifted(place, block.start), block.lanes)
            return self._place(inner)

        if block.turns == 1:
            self._go_to(axis, self.body.constant(I64, block.start), block.lanes)
            return self._place(running)
        mine = {key: value for key, value in running.items() if key[2] == block.lanes}
        after = self._split(block.turns, block.lanes, len(self._axes) - 1, mine, turn, stretches=self._sums)
        return {**running, **after}

    def _split(
        self, turns: int, places: int, depth: int, running: Running, turn: Turn, *, stretches: bool = False
    ) -> Running:
        """A loop with so many places in each turn, in chunks if it is long."""
        rule = self.rule._replace(stretches=stretches and bool(running))
        cost = places * self.nest.length
        after = in_chunks(self.body, self._shared, turns, cost, running, turn, rule, self.held(depth))
        if after is not None:
            self.elements.leave()
            return after
        if rule.stretches and turns >= 2 * STRETCH:
            return in_stretches(self.body, turns, running, turn, rule)
        return carried(self.body, turns, running, turn)

    def _shifted(self, counter: Value, start: int) -> Value:
        return self.body.operation("add nsw", counter, self.body.constant(I64, start)) if start else counter

    def _within(self, depth: int, start: int, stop: int) -> None:
        """Be in a part of a loop."""
        for axis in self.nest.together(self._axes[depth]):
            axis.start, axis.stop = start, min(stop, axis.length)
        self._stop = stop

    def _go_to(self, axis: Axis, place: Value, lanes: int = 1) -> None:
        """Be at a place, or at that and those that follow."""
        for each in self.nest.together(axis):
            self.elements.go_to(each, place, lanes)

    # --- what is done at a place --------------------------------------------------------------------------------------

    def _place(self, running: Running) -> Running:
        try:
            for statement in self.nest.statements:
                if len(self._axes) == 1 and statement.axes[0].length < self._stop:
                    continue
                if statement.reduces:
                    running = self._join(statement, running)
                else:
                    self._store(statement)
        except Undecided as error:
            raise Unsupported("parts at places that differ within a loop") from error
        return running

    def _store(self, statement: Statement) -> None:
        answer = statement.answer
        passing = answer in self.elements.plan.passing
        memory = None if passing else self.elements.memory_of(answer, next(statement.indices()))
        for index in statement.indices():
            value = self.elements.computed(statement.node, index)
            self.elements.let(answer, index, value)
            if memory is not None:
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
        if self._mask is not None and not self._is_idempotent(statement):
            return self.body.select(self._mask, value, self._identity(statement, lanes))
        if self._new >= lanes:
            return value
        bits = ", ".join(f"i1 {'true' if lane >= lanes - self._new else 'false'}" for lane in range(lanes))
        return self.body.select(Value(f"<{bits}>", BIT.of(lanes)), value, self._identity(statement, lanes))

    @staticmethod
    def _is_idempotent(statement: Statement) -> bool:
        """Whether an element may be joined twice."""
        node = statement.node
        assert isinstance(node, Reduction)
        return node.nest.operator not in ("add", "multiply")

    def _lanes_here(self) -> int:
        return self.elements.lanes_at(self._axes[-1]) if self._axes else 1

    # --- running values -----------------------------------------------------------------------------------------------

    def _first_loop(self, statement: Statement) -> int | None:
        """The loop in front of which a reduction starts: all from there on are reduced. None where the last is not."""
        node = statement.node
        assert isinstance(node, Reduction)
        first = None
        for depth in reversed(range(len(self._axes))):
            if self._flat or depth in node.axes or self._lengths[depth] == 1:
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
        loops = {*self._axes, *statement.axes}
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

    def held(self, depth: int) -> list[Held]:
        """What the turns of a loop join in memory."""
        reductions = [s for s in self.nest.statements if s.reduces and self._in_memory(s)]
        return [self._held(s) for s in reductions if depth in s.node.axes]  # type: ignore[attr-defined]

    def _held(self, statement: Statement) -> Held:
        answer, elements = statement.answer, self.elements
        memory = elements.memory[answer]

        def begin(pointer: Value) -> None:
            elements.memory[answer] = memory._replace(pointer=pointer, level=self.body.level)
            self._fill(statement)

        def join(pointer: Value) -> None:
            elements.memory[answer] = memory
            part = memory._replace(pointer=pointer, shape=(answer.size,))
            self._everywhere(
                statement,
                lambda whole, index: self._joined(
                    statement, elements.present(whole, index), elements.present(part, index)
                ),
            )

        return Held(answer.size, answer.dtype.itemsize, begin, join)

    def _everywhere(self, statement: Statement, value: Callable[[Memory, Index], Value]) -> None:
        """Store something in each element of an answer, once."""
        memory = self.elements.memory[statement.answer]
        flat = memory._replace(shape=(prod(memory.shape),))
        axis = Axis(flat.shape[0])
        index = (Affine.of(axis),)
        lanes = next(blocks_of(0, axis.length, self._width)).lanes
        turns, rest = divmod(axis.length, lanes)
        # What is there already is read, so no block may overlap another.
        for block in (Block(0, lanes, turns, lanes), Block(turns * lanes, 1, rest, 1)):
            if not block.turns:
                continue

            def turn(counter: Value, inner: Running, block: Block = block) -> Running:
                place = self.body.operation("mul nsw", counter, self.body.constant(I64, block.lanes))
                self.elements.go_to(axis, self._shifted(place, block.start), block.lanes)
                self.elements.store(flat, index, value(flat, index))
                return inner

            carried(self.body, block.turns, {}, turn)


def _from_place(body: Body, place: Value, first: Value, lanes: int) -> Value:
    """Bits: which of the places from one on are not before another."""
    along = Value(f"<{', '.join(f'i64 {lane}' for lane in range(lanes))}>", I64.of(lanes))
    places = body.operation("add nsw", body.splat(place, lanes), along)
    return body.compare("sge", places, body.splat(first, lanes))
