"""Nests that go together, row by row or block by block, as LLVM text.

May import ``elements``, ``ir``, ``matrices``, ``nests``, ``parallel``, ``products``, ``program`` and ``steps``.

>>> from hodiff.compiled.native.ir import DOUBLE
>>> by_columns(Memory(Value("%x", POINTER), (90, 3), None), 16).steps
(1, 16)
"""

from collections.abc import Callable, Sequence
from math import prod

from hodiff.compiled.native.ir import I8, I64, POINTER, Body, Value
from hodiff.compiled.native.linalg.matrices import Matrix
from hodiff.compiled.native.linalg.products import write_copy
from hodiff.compiled.native.plans.steps import Blocks, Copy, Nest, Rows
from hodiff.compiled.native.writing.elements import Elements, Memory, memory_type
from hodiff.compiled.native.writing.nests import NestWriter
from hodiff.compiled.native.writing.parallel import Rule, Running, Shared, Turn, carried, in_chunks, moved
from hodiff.program import Atom

#: Bytes of rows that a thread keeps on its stack.
_STACK = 1 << 16


class Group:
    """What groups of nests are written with.

    Parameters
    ----------
    body : Body
    elements : Elements
    memory_of : callable
        Where an array is.
    width : int
        Numbers in a vector register.
    shared : Shared, optional
        What loops need that are split among threads; without it, none is.
    """

    def __init__(
        self,
        body: Body,
        elements: Elements,
        memory_of: Callable[[Atom], Memory],
        width: int,
        shared: Shared | None,
    ) -> None:
        self.body = body
        self.elements = elements
        self.memory_of = memory_of
        self.width = width
        self.shared = shared

    def write_rows(self, rows: Rows) -> None:
        """Write nests that run through rows together."""
        body, elements = self.body, self.elements
        writers = [NestWriter(body, elements, nest, self.width, flat=False) for nest in rows.nests]
        private = {var: elements.memory[var] for var in rows.made() if var in elements.plan.private}

        def turn(counter: Value, inner: Running) -> Running:
            if not body.is_together:
                elements.memory.update((var, _own_row(body, memory)) for var, memory in private.items())
            for writer in writers:
                inner = writer.row(counter, inner)
            return inner

        shares = sum(_row_size(memory) for memory in private.values()) <= _STACK
        self._loop(writers, rows.length, rows.cost, turn, shares=shares)
        elements.memory.update(private.items())

    def write_blocks(self, blocks: Blocks) -> None:
        """Write nests and copies that go block by block."""
        body = self.body
        writers = {step: NestWriter(body, self.elements, step, self.width, flat=False) for step in blocks.nests}

        def turn(counter: Value, inner: Running) -> Running:
            start = first = body.operation("mul nsw", counter, body.constant(I64, blocks.size))
            if blocks.length % blocks.size:
                last = body.constant(I64, blocks.length - blocks.size)
                start = body.select(body.compare("slt", first, last), first, last)
            self._give_places(blocks, start)
            for step in blocks.steps:
                if isinstance(step, Nest):
                    inner = writers[step].block(start, blocks.size, None if start is first else first, inner)
                else:
                    self._copy(blocks, step, start)
            return inner

        self._loop(list(writers.values()), -(-blocks.length // blocks.size), blocks.cost, turn, shares=True)

    def _loop(self, writers: Sequence[NestWriter], turns: int, cost: float, turn: Turn, *, shares: bool) -> None:
        """The loop of a group."""
        running: Running = {}
        for writer in writers:
            running.update(writer.begin())
        owners = {statement: writer for writer in writers for statement in writer.nest.statements}
        rule = Rule(
            lambda key: owners[key[0]].rule.identity(key), lambda key, x, y: owners[key[0]].rule.join(key, x, y), False
        )
        held = [each for writer in writers for each in writer.held(0)]
        after = None
        if shares:
            after = in_chunks(self.body, self.shared, turns, cost / turns, running, turn, rule, held)
        if after is None:
            after = carried(self.body, turns, running, turn)
        self.elements.leave()
        for writer in writers:
            writer.end(after)

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _give_places(self, blocks: Blocks, start: Value) -> None:
        """Let what is needed in a block only be in memory for a block, on the stack of a thread."""
        body = self.body
        stack = body.scratch(I8, blocks.memory, key=("block", blocks))
        # It is written again for each block, so that nothing may be read further outside.
        stack = stack._replace(level=body.level)
        for var, place in blocks.places.items():
            pointer = moved(body, stack, place)
            text = f"getelementptr i8, {pointer}, i64"
            back = body.operation("mul nsw", start, body.constant(I64, -var.dtype.itemsize))
            pointer = body.pure(f"{text} {back.text}", POINTER, pointer, back)
            memory = Memory(pointer, var.shape, var.dtype, var, body.level)
            self.elements.memory[var] = by_columns(memory, blocks.size)

    def _copy(self, blocks: Blocks, step: Copy, start: Value) -> None:
        """A block from rows to columns, or back."""
        source, target = self.memory_of(step.source), self.elements.memory[step.target]
        to, of = self._block(target, start, blocks.size), self._block(source, start, blocks.size)
        write_copy(self.body, to, of, memory_type(target.dtype), self.width)

    def _block(self, memory: Memory, start: Value, size: int) -> Matrix:
        body, matrix = self.body, as_matrix(memory)
        step = 1 if matrix.transposed else matrix.columns
        place = start if step == 1 else body.operation("mul nsw", start, body.constant(I64, step))
        text = f"getelementptr {memory_type(memory.dtype)}, {matrix.pointer}, {place}"
        return matrix._replace(pointer=body.pure(text, POINTER, matrix.pointer, place), rows=size)


def by_columns(memory: Memory, length: int) -> Memory:
    """A batch of which so many places are in memory, column by column."""
    steps: list[int] = []
    for count in reversed(memory.shape[1:]):
        steps.insert(0, length)
        length *= count
    return memory._replace(steps=(1, *steps))


def as_matrix(memory: Memory) -> Matrix:
    """A batch as a matrix: its first axis, and all others."""
    rows, columns = memory.shape[0], prod(memory.shape[1:])
    if memory.steps is None:
        return Matrix(memory.pointer, rows, columns, columns)
    stride = memory.steps[-1] if len(memory.steps) > 1 else rows
    return Matrix(memory.pointer, rows, columns, stride, transposed=True)


def _own_row(body: Body, memory: Memory) -> Memory:
    """Memory for a row on the stack of a thread."""
    kind = memory_type(memory.dtype)
    pointer = body.scratch(kind, prod(memory.shape[1:]), key=("row", memory.owner))
    return memory._replace(pointer=pointer, level=body.level)


def _row_size(memory: Memory) -> int:
    """Bytes of a row."""
    return prod(memory.shape[1:]) * int(memory.dtype.itemsize)
