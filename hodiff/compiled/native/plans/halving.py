"""Complex arrays taken apart into real ones, and put together of them.

May import ``elements``, ``errors``, ``ir``, ``lowering``, ``matrices``, ``nodes``, ``program``, ``regions`` and
``tasks``.

>>> from hodiff.compiled.native.plans.complexes import PARTS
>>> from hodiff.program import Var
>>> z, x, y = Var((3,), np.dtype(complex)), Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
>>> Apart(Equation(PARTS, (z,), {}, (x, y), several=True)).buffers == [z]
True
"""

from collections.abc import Callable

import numpy as np

from hodiff.compiled.native.ir import I64, Body, Value
from hodiff.compiled.native.linalg.matrices import load, moved, scalar_type, store
from hodiff.compiled.native.plans.tasks import TASKS
from hodiff.compiled.native.writing.regions import Nested, Region
from hodiff.lowering import Joined, Split
from hodiff.program import Equation


class Apart(Nested):
    """The parts of complex numbers."""

    def __init__(self, equation: Equation) -> None:
        super().__init__(equation, equation.operands)
        self.cost = float(equation.answers[0].size)

    def write_within(self, region: Region, base: int) -> None:
        del base
        body, (whole,), parts = region.body, self.equation.operands, self.equation.answers
        kind = scalar_type(parts[0].dtype)
        pointer = region.memory_of(whole).pointer
        if parts[0].size == 1:
            for which, part in enumerate(parts):
                region.put(part, load(body, moved(body, pointer, kind, which), kind))
            return
        targets = [region.memory_of(part).pointer for part in parts]

        def block(place: Value, lanes: int) -> None:
            pairs = load(body, moved(body, pointer, kind, _doubled(body, place)), kind.of(2 * lanes))
            for which, target in enumerate(targets):
                part = (
                    body.shuffle(pairs, pairs, range(which, 2 * lanes, 2)) if lanes > 1 else body.part(pairs, which, 1)
                )
                store(body, moved(body, target, kind, place), part)

        _blocks(body, parts[0].size, region.surroundings.width, block)


class Together(Nested):
    """Complex numbers of their parts."""

    in_registers = False

    def __init__(self, equation: Equation) -> None:
        (answer,), parts = equation.answers, equation.operands
        arrays = answer.size > 1
        super().__init__(equation, parts if arrays else [], [] if arrays else parts)
        self.cost = float(answer.size)

    def write_within(self, region: Region, base: int) -> None:
        del base
        body, (answer,), parts = region.body, self.equation.answers, self.equation.operands
        pointer = region.memory_of(answer).pointer
        kind = scalar_type(answer.dtype)
        if answer.size == 1:
            for which, part in enumerate(parts):
                dtype = np.zeros((), answer.dtype).real.dtype
                store(body, moved(body, pointer, kind, which), region.number(part, dtype))
            return
        sources = [region.memory_of(part).pointer for part in parts]

        def block(place: Value, lanes: int) -> None:
            values = [load(body, moved(body, source, kind, place), kind.of(lanes)) for source in sources]
            pairs = (
                body.join(values)
                if lanes == 1
                else body.shuffle(values[0], values[1], [i for lane in range(lanes) for i in (lane, lanes + lane)])
            )
            store(body, moved(body, pointer, kind, _doubled(body, place)), pairs)

        _blocks(body, answer.size, region.surroundings.width, block)


def _doubled(body: Body, place: Value) -> Value:
    return body.operation("mul nsw", place, body.constant(I64, 2))


def _blocks(body: Body, size: int, width: int, block: Callable[[Value, int], None]) -> None:
    """Do something with vectors of elements; the last one may overlap that before."""
    lanes = width
    while lanes > size:
        lanes //= 2
    turns, rest = divmod(size, lanes)
    with body.loop(turns) as counter:
        block(body.operation("mul nsw", counter, body.constant(I64, lanes)), lanes)
    if rest:
        block(body.constant(I64, size - lanes), lanes)


TASKS[Split] = lambda equation, nodes: Apart(equation)
TASKS[Joined] = lambda equation, nodes: Together(equation)
