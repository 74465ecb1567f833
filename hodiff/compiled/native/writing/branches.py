"""Branches as tasks: one of two programs is run, and its answers go where those of the other would.

May import ``carries``, ``elements``, ``errors``, ``ir``, ``lowering``, ``nodes``, ``program``, ``regions`` and
``tasks``.

>>> import numpy as np
>>> from hodiff.compiled.native.plans.tasks import task_of
>>> from hodiff.control.branches import branch
>>> from hodiff.staging import stage
>>> _, double = stage(lambda x: [x * 2.0], [np.float64(1.0)], name="double")
>>> _, root = stage(lambda x: [np.sqrt(x)], [np.float64(1.0)], name="root")
>>> asked_of, x, y = Var((), np.dtype(bool)), Var((), np.dtype(float)), Var((), np.dtype(float))
>>> task = task_of(Equation(branch, (asked_of, x), {"true": double, "false": root}, (y,), several=True), {})
>>> task.numbers == [asked_of, x]
True
"""

from collections.abc import Mapping

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import Value
from hodiff.compiled.native.plans.nodes import Node, asked
from hodiff.compiled.native.plans.tasks import TASKS
from hodiff.compiled.native.writing.carries import buffers_in, given, operand_of
from hodiff.compiled.native.writing.elements import Memory
from hodiff.compiled.native.writing.regions import Inner, Nested, Region, copy
from hodiff.lowering import Chosen
from hodiff.program import Atom, Equation, Var


class Branch(Nested):
    """A choice between two programs."""

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        chosen, *operands = equation.operands
        self.sides = Inner(equation.parameters["true"]), Inner(equation.parameters["false"])
        for side in self.sides:
            for output, answer in zip(side.program.outputs, equation.answers, strict=True):
                if output.shape != answer.shape or (answer.size != 1 and output.dtype != answer.dtype):
                    raise Unsupported(f"a branch that gives {output.dtype} as {answer}")
        inputs = self.sides[0].program.inputs
        self.given = [operand_of(atom, var, nodes) for atom, var in zip(operands, inputs, strict=True)]
        buffers, numbers = buffers_in(self.given)
        super().__init__(equation, buffers, [chosen, *numbers])
        self.chosen = chosen
        self.scratch = max(side.layout.size for side in self.sides)
        self.cost = max(side.cost for side in self.sides)

    def write_within(self, region: Region, base: int) -> None:
        body = region.body
        inputs = self.sides[0].program.inputs
        values = [given(region, operand, var) for operand, var in zip(self.given, inputs, strict=True)]
        condition = asked(body, "nonzero", region.number(self.chosen), self.chosen)

        def write(side: Inner) -> list[Value]:
            known = dict(zip(side.program.inputs, values, strict=True))
            return self._side(region, side, side.write(region, base, known, self._targets(region, side)))

        numbers = body.branch(condition, lambda: write(self.sides[0]), lambda: write(self.sides[1]))
        answers = [answer for answer in self.equation.answers if answer.size == 1]
        for answer, number in zip(answers, numbers, strict=True):
            region.put(answer, number)

    def _targets(self, region: Region, side: Inner) -> dict[Var, Memory]:
        """Where the outputs of a side are written: of one that is given twice, in the first place."""
        found: dict[Var, Memory] = {}
        for output, answer in zip(side.program.outputs, self.equation.answers, strict=True):
            if output in side.made and isinstance(output, Var):
                found.setdefault(output, region.elements.memory[answer])
        return found

    def _side(self, region: Region, side: Inner, inner: Region) -> list[Value]:
        """Put arrays where they belong that are not there; the numbers."""
        numbers = []
        for output, answer in zip(side.program.outputs, self.equation.answers, strict=True):
            if answer.size == 1:
                numbers.append(inner.number(output, answer.dtype))
            else:
                copy(region.body, inner.memory_of(output), region.elements.memory[answer])
        return numbers


TASKS[Chosen] = Branch
