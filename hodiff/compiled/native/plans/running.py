"""Running sums, products and recurrences along an axis, in the order of the axis, so with NumPy's bits.

Along the last axis what is running is a number in a register; along others rows are joined with the row before, as
vectors. May import ``elements``, ``errors``, ``ir``, ``lowering``, ``matrices``, ``nodes``, ``program``, ``regions``,
``tasks`` and ``ufuncs``.

>>> from hodiff.ops.reductions import running_total
>>> from hodiff.program import Var
>>> x, y = Var((3, 4), np.dtype(float)), Var((3, 4), np.dtype(float))
>>> task = Run(Equation(running_total, (x,), {"axis": -1, "reverse": False}, (y,)), {}, "add")
>>> task.lengths, task.buffers == [x]
((3, 4, 1), True)
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from math import prod
from typing import Any

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.ir import BIT, I64, Body, Value
from hodiff.compiled.native.linalg.matrices import load, moved, nest, store
from hodiff.compiled.native.plans.nodes import Node, convert
from hodiff.compiled.native.plans.tasks import TASKS, View, view_of
from hodiff.compiled.native.writing.elements import memory_type
from hodiff.compiled.native.writing.regions import Nested, Region
from hodiff.lowering import Running
from hodiff.program import Atom, Equation

_UFUNCS: dict[str, list[np.ufunc]] = {"add": [np.add], "multiply": [np.multiply], "recurrence": [np.multiply, np.add]}


class Run(Nested):
    """Running values along an axis.

    Attributes
    ----------
    lengths : tuple of int
        Places in front of the axis, on it, and behind it.
    """

    in_registers = False

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node], operator: str) -> None:
        (answer,), parameters = equation.answers, equation.parameters
        dtype = answer.dtype
        found = [ufuncs.lowered(function, (dtype, dtype)) for function in _UFUNCS[operator]]
        if None in found or dtype.kind == "b" or any(ufuncs.ir_type(atom.dtype) is None for atom in equation.operands):
            raise Unsupported(f"{equation.primitive.name} of {dtype}")
        self._joins = [lowering.write for lowering in found if lowering is not None]
        axis = len(answer.shape) + parameters["axis"]
        self.axis = axis
        self.lengths = prod(answer.shape[:axis]), answer.shape[axis], prod(answer.shape[axis + 1 :])
        self.reverse = bool(parameters.get("reverse", False))
        self.views = [_expanded(view_of(atom, nodes), answer.shape) for atom in equation.operands]
        super().__init__(equation, [view.base for view in self.views])
        self.cost = answer.size * (4.0 if self.lengths[2] == 1 else 1.0)

    def write_within(self, region: Region, base: int) -> None:
        del base
        _Writer(region, self).write()

    def joined(self, body: Body, before: Value, values: Sequence[Value]) -> Value:
        """What comes after a running value."""
        if len(self._joins) == 1:
            return self._joins[0](body, (before, values[0]))
        multiply, add = self._joins
        return add(body, (multiply(body, (values[0], before)), values[1]))


def _expanded(view: View, shape: Sequence[int]) -> View:
    """A view that is broadcast."""
    missing = len(shape) - len(view.shape)
    steps = [0 if n == 1 else step for n, step in zip(view.shape, view.steps, strict=True)]
    return view._replace(steps=(*(0,) * missing, *steps), shape=tuple(shape))


class _Writer:
    def __init__(self, region: Region, task: Run) -> None:
        self.body = region.body
        self.task = task
        self.width = region.surroundings.width
        (answer,) = task.equation.answers
        self.shape = answer.shape
        self.dtype = answer.dtype
        self.kind = memory_type(self.dtype)
        self.answer = region.memory_of(answer).pointer
        self.sources = []
        for view in task.views:
            pointer = region.memory_of(view.base).pointer
            self.sources.append(moved(self.body, pointer, memory_type(view.base.dtype), view.offset))
        self.steps = [tuple(prod(self.shape[i + 1 :]) for i in range(len(self.shape))), *(v.steps for v in task.views)]

    def write(self) -> None:
        """Write it; in front of the axis are loops, behind it loops but for the last axis, which is vectors."""
        axis, shape = self.task.axis, self.shape
        behind = list(range(axis + 1, len(shape)))
        row = behind.pop() if behind else None
        outer = [*range(axis), *behind]
        with nest(self.body, [shape[i] for i in outer]) as counters:
            pointers = [self.answer, *self.sources]
            for place, counter in zip(outer, counters, strict=True):
                pointers = self._further(pointers, place, counter)
            if self.task.reverse:
                pointers = self._further(pointers, axis, self.body.constant(I64, shape[axis] - 1))
            self._along(pointers, row)

    def _further(self, pointers: Sequence[Value], axis: int, counter: Value, sign: int = 1) -> list[Value]:
        """Pointers so many places further on an axis."""
        found = []
        for pointer, steps, dtype in zip(pointers, self.steps, self._dtypes(), strict=True):
            step = sign * steps[axis]
            if step:
                place = self.body.operation("mul nsw", counter, self.body.constant(I64, step))
                pointer = moved(self.body, pointer, memory_type(dtype), place)
            found.append(pointer)
        return found

    def _dtypes(self) -> list[Any]:
        return [self.dtype, *(view.base.dtype for view in self.task.views)]

    def _along(self, pointers: Sequence[Value], row: int | None) -> None:
        """Write what runs along the axis: for all that is behind it in a row, by blocks."""
        body = self.body
        size = 1 if row is None else self.shape[row]
        done, lanes = 0, self.width
        while lanes:
            turns = (size - done) // lanes
            with body.loop(turns) if turns > 1 else nullcontext(body.constant(I64, 0)) as counter:
                if turns:
                    places = pointers
                    if row is not None:
                        place = body.operation("mul nsw", counter, body.constant(I64, lanes))
                        place = body.operation("add nsw", place, body.constant(I64, done))
                        places = self._further(pointers, row, place)
                    self._column(places, row, lanes)
            done += turns * lanes
            lanes //= 2

    def _column(self, pointers: Sequence[Value], row: int | None, lanes: int) -> None:
        """Write the loop along the axis for so many places next to each other."""
        body, axis, task = self.body, self.task.axis, self.task
        sign = -1 if task.reverse else 1
        values = self._values(pointers[1:], row, lanes)
        first = values[-1]
        store(body, pointers[0], self._stored(first))
        if self.shape[axis] == 1:
            return
        with body.loop(self.shape[axis] - 1) as counter:
            carry = body.carry(first)
            place = body.operation("add nsw", counter, body.constant(I64, 1))
            places = self._further(pointers, axis, place, sign)
            following = task.joined(body, carry.value, self._values(places[1:], row, lanes))
            store(body, places[0], self._stored(following))
            body.update(carry, following)

    def _values(self, pointers: Sequence[Value], row: int | None, lanes: int) -> list[Value]:
        """Elements of the operands, in the dtype of the answer."""
        body, found = self.body, []
        for pointer, view, steps in zip(pointers, self.task.views, self.steps[1:], strict=True):
            dtype = view.base.dtype
            kind, step = memory_type(dtype), 0 if row is None else steps[row]
            if step in (0, 1):
                value = load(body, pointer, kind.of(lanes if step else 1))
            else:
                value = body.join([load(body, moved(body, pointer, kind, step * lane), kind) for lane in range(lanes)])
            if dtype.kind == "b":
                value = body.compare("ne", value, body.constant(value.type, 0))
            found.append(body.splat(convert(body, value, dtype, self.dtype), lanes))
        return found

    def _stored(self, value: Value) -> Value:
        return self.body.convert("zext", value, self.kind) if value.type.scalar == BIT.scalar else value


def _of_running(equation: Equation, nodes: Mapping[Atom, Node]) -> Run:
    nest: Running = equation.primitive.code.nest  # type: ignore[union-attr]
    return Run(equation, nodes, nest.operator)


TASKS[Running] = _of_running
