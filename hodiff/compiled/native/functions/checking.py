"""Checks: code gives up where something is true, of which an operation would warn, or for which it would raise.

May import ``errors``, ``ir``, ``lowering``, ``matrices``, ``nodes``, ``program``, ``regions`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.program import Var
>>> from hodiff.ops.nan_reductions import warned
>>> bad, same = (Var((3,), np.dtype(bool)) for _ in range(2))
>>> Check(Equation(warned, (bad,), {"message": "no numbers"}, (same,)), {}).buffers == [bad]
True
"""

from collections.abc import Mapping

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BAIL, BIT, I8, I64, Body, Value
from hodiff.compiled.native.linalg.matrices import load, moved
from hodiff.compiled.native.plans.nodes import Node
from hodiff.compiled.native.plans.tasks import TASKS
from hodiff.compiled.native.writing.regions import Nested, Region, copy
from hodiff.lowering import Checked
from hodiff.program import Atom, Equation

#: Bytes that are looked at together.
_LANES = 16


class Check(Nested):
    """Bits of which none may be set."""

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        del nodes
        operand, *_ = equation.operands
        if operand.dtype.kind != "b":
            raise Unsupported(f"{equation.primitive.name} of {operand.dtype}")
        self.size = equation.answers[0].size
        super().__init__(equation, [] if self.size == 1 else [operand], [operand] if self.size == 1 else [])
        self.cost = self.size / _LANES

    def write_within(self, region: Region, base: int) -> None:
        del base
        (answer,), operand = self.equation.answers, self.equation.operands[0]
        if self.size == 1:
            value = region.number(operand)
            region.body.leave_if(value, BAIL)
            region.put(answer, value)
            return
        memory = region.memory_of(operand)
        region.body.leave_if(_some(region.body, memory.pointer, self.size), BAIL)
        copy(region.body, memory, region.memory_of(answer))


def _some(body: Body, pointer: Value, size: int) -> Value:
    """Whether one of so many bytes is not zero."""
    lanes = _LANES
    while lanes > size:
        lanes //= 2
    last = load(body, moved(body, pointer, I8, size - lanes), I8.of(lanes))
    if size > lanes:
        with body.loop(size // lanes) as counter:
            carry = body.carry(last)
            place = body.operation("mul nsw", counter, body.constant(I64, lanes))
            found = load(body, moved(body, pointer, I8, place), I8.of(lanes))
            last = body.update(carry, body.operation("or", carry.value, found))
    bits = body.compare("ne", last, body.constant(last.type, 0))
    if lanes == 1:
        return bits
    name = f"llvm.vector.reduce.or.v{lanes}i1"
    return body.call(name, BIT, bits, declared=f"declare i1 @{name}({bits.type})")


TASKS[Checked] = Check
