"""Convolutions along the last axis, as sums of products: vectors of terms at once.

May import ``elements``, ``errors``, ``ir``, ``lowering``, ``matrices``, ``nodes``, ``program``, ``regions`` and
``tasks``.

>>> import numpy as np
>>> from hodiff.ops.signal import full_convolution
>>> from hodiff.program import Var
>>> x, y, z = (Var((n,), np.dtype(float)) for n in (3, 9, 11))
>>> task = Convolution(Equation(full_convolution, (x, y), {}, (z,)), {}, full=True)
>>> [view.base is atom for view, atom in zip(task.views, (y, x))]  # the longer one first
[True, True]
"""

from collections.abc import Mapping, Sequence
from math import prod

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import I64, Body, Value
from hodiff.compiled.native.linalg.matrices import load, moved, nest, store
from hodiff.compiled.native.plans.nodes import Node
from hodiff.compiled.native.plans.tasks import TASKS, View, own, view_of
from hodiff.compiled.native.writing.elements import memory_type
from hodiff.compiled.native.writing.regions import Nested, Region
from hodiff.lowering import Convolved
from hodiff.program import Atom, Equation


class Convolution(Nested):
    """Sums of products of one array with pieces of another one.

    Attributes
    ----------
    full : bool
    views : list of View
        Of the array with pieces, and of the one that all of them are multiplied with.
    """

    in_registers = False

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node], *, full: bool) -> None:
        (answer,), operands = equation.answers, list(equation.operands)
        if any(atom.dtype != answer.dtype for atom in operands) or answer.dtype.char not in "fd":
            raise Unsupported(f"{equation.primitive.name} of {operands[0].dtype} and {operands[1].dtype}")
        if full and operands[0].shape[-1] < operands[1].shape[-1]:
            operands.reverse()
        self.full = full
        self.views = [_in_one_piece(atom, nodes) for atom in operands]
        super().__init__(equation, [view.base for view in self.views])
        self.cost = 0.5 * answer.size * operands[1].shape[-1]

    def write_within(self, region: Region, base: int) -> None:
        del base
        _Writer(region, self).write()


def _in_one_piece(atom: Atom, nodes: Mapping[Atom, Node]) -> View:
    """The operand where it lies, if its last axis is without gaps; else with a buffer of its own."""
    view = view_of(atom, nodes)
    return view if view.steps[-1] == 1 or view.shape[-1] == 1 else own(atom)


class _Writer:
    def __init__(self, region: Region, task: Convolution) -> None:
        (answer,) = task.equation.answers
        self.body: Body = region.body
        self.task = task
        self.kind = memory_type(answer.dtype)
        self.width = region.surroundings.width
        self.shape = answer.shape
        self.answer = region.memory_of(answer).pointer
        self.sources = [
            moved(self.body, region.memory_of(view.base).pointer, self.kind, view.offset) for view in task.views
        ]
        self.n, self.m = (view.shape[-1] for view in task.views)

    def write(self) -> None:
        """Write the loops over all that is in front of the last axis, and what is done there."""
        stack = self.shape[:-1]
        with nest(self.body, stack) as counters:
            target, sources = self.answer, list(self.sources)
            for axis, counter in enumerate(counters):
                target = self._further(target, counter, prod(self.shape[axis + 1 :]))
                for i, view in enumerate(self.task.views):
                    place = axis - len(stack) + len(view.shape) - 1
                    if place >= 0 and view.shape[place] != 1:
                        sources[i] = self._further(sources[i], counter, view.steps[place])
            self._row(target, *sources)

    def _row(self, target: Value, x: Value, y: Value) -> None:
        body, n, m = self.body, self.n, self.m
        if not self.task.full:
            self._pieces(target, x, y, n - m + 1, 1)
            return
        # Terms with all elements of the shorter array, and those at both ends.
        self._pieces(moved(body, target, self.kind, m - 1), moved(body, x, self.kind, m - 1), y, n - m + 1, -1)
        if m == 1:
            return
        with body.loop(m - 1) as counter:
            count = body.operation("add nsw", counter, body.constant(I64, 1))
            store(body, self._further(target, counter, 1), self._sum(self._further(x, counter, 1), y, count, -1, 1))
            ending = moved(body, target, self.kind, n)
            first = self._further(y, count, 1)
            rest = body.operation("sub nsw", body.constant(I64, m - 1), counter)
            last = moved(body, x, self.kind, n - 1)
            store(body, self._further(ending, counter, 1), self._sum(last, first, rest, -1, 1))

    def _further(self, pointer: Value, place: Value, step: int) -> Value:
        if not step:
            return pointer
        far = place if step == 1 else self.body.operation("mul nsw", place, self.body.constant(I64, step))
        return moved(self.body, pointer, self.kind, far)

    def _pieces(self, target: Value, x: Value, y: Value, count: int, step: int) -> None:
        """So many terms next to each other, with vectors; the last block overlaps that before."""
        body = self.body
        lanes = 2 * self.width
        while lanes > count:
            lanes //= 2
        turns, rest = divmod(count, lanes)
        with body.loop(turns) as counter:
            self._block(target, x, y, body.operation("mul nsw", counter, body.constant(I64, lanes)), lanes, step)
        if rest:
            self._block(target, x, y, body.constant(I64, count - lanes), lanes, step)

    def _block(self, target: Value, x: Value, y: Value, place: Value, lanes: int, step: int) -> None:
        total = self._sum(self._further(x, place, 1), y, self.m, step, lanes)
        store(self.body, self._further(target, place, 1), total)

    def _sum(self, x: Value, y: Value, count: int | Value, step: int, lanes: int) -> Value:
        """The sum of so many products: the elements of ``x`` in steps, those of ``y`` in order."""
        body = self.body
        with body.loop(count) as counter:
            carry = body.carry(body.constant(self.kind.of(lanes), 0.0))
            factors = self._further(x, counter, step), self._further(y, counter, 1)
            total = body.operation("fadd", carry.value, self._product(*factors, lanes))
            after = body.update(carry, total)
        return after

    def _product(self, x: Value, y: Value, lanes: int) -> Value:
        values: Sequence[Value] = [load(self.body, x, self.kind.of(lanes)), load(self.body, y, self.kind)]
        return self.body.operation("fmul", values[0], self.body.splat(values[1], lanes))


def _of_convolved(equation: Equation, nodes: Mapping[Atom, Node]) -> Convolution:
    nest: Convolved = equation.primitive.code.nest  # type: ignore[union-attr]
    return Convolution(equation, nodes, full=nest.full)


TASKS[Convolved] = _of_convolved
