"""The order of few elements along an axis, by insertion; longer rows are left to NumPy, which has vectors for them.

Of equal elements a stable order keeps that which they have. How any other has them is up to NumPy, so where there are
some the kernel gives up. NaN comes last. May import ``elements``, ``errors``, ``ir``, ``lowering``, ``matrices``,
``nodes``, ``program``, ``regions`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.ops.comparison import arg_sort
>>> from hodiff.program import Var
>>> x, y = Var((2, 9), np.dtype(float)), Var((2, 9), np.dtype(np.int64))
>>> Order(Equation(arg_sort, (x,), {"axis": -1, "kind": None}, (y,)), {}).scratch
72
"""

from collections.abc import Mapping
from math import prod

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BAIL, I64, Body, Value
from hodiff.compiled.native.linalg.matrices import load, moved, nest, store
from hodiff.compiled.native.plans.nodes import Node, register_type
from hodiff.compiled.native.plans.tasks import TASKS, view_of
from hodiff.compiled.native.writing.elements import memory_type
from hodiff.compiled.native.writing.regions import Nested, Region, in_arena
from hodiff.lowering import Ordered
from hodiff.program import Atom, Equation

#: Elements in a row that are few.
_FEW = 32


class Order(Nested):
    """Where the elements of rows are in their order."""

    in_registers = False

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        (x,), parameters = equation.operands, equation.parameters
        register_type(x.dtype)
        self.axis = len(x.shape) + parameters["axis"]
        self.length = x.shape[self.axis]
        if self.length > _FEW or x.dtype.kind == "b":
            raise Unsupported(f"the order of {self.length} elements of {x.dtype}")
        self.stable = parameters["kind"] in ("stable", "mergesort")
        self.view = view_of(x, nodes)
        super().__init__(equation, [self.view.base])
        self.scratch = self.length * x.dtype.itemsize
        self.cost = equation.answers[0].size * self.length / 2

    def write_within(self, region: Region, base: int) -> None:
        body, shape, axis = region.body, self.view.shape, self.axis
        dtype = self.view.base.dtype
        kind = memory_type(dtype)
        source = moved(body, region.memory_of(self.view.base).pointer, kind, self.view.offset)
        target = region.memory_of(self.equation.answers[0]).pointer
        rows = [i for i in range(len(shape)) if i != axis]
        with nest(body, [shape[i] for i in rows]) as counters:
            for i, counter in zip(rows, counters, strict=True):
                source = _further(body, source, dtype, counter, self.view.steps[i])
                target = moved(body, target, I64, _times(body, counter, prod(shape[i + 1 :])))
            _Row(self, body, source, target, in_arena(body, region.surroundings, base)).write()


class _Row:
    """Writes the sorting of one row: the elements in scratch memory, their places in the answer."""

    def __init__(self, task: Order, body: Body, source: Value, target: Value, keys: Value) -> None:
        self.task = task
        self.body = body
        self.source = source
        self.target = target
        self.keys = keys
        self.dtype = task.view.base.dtype
        self.kind = memory_type(self.dtype)
        self.step = prod(task.view.shape[task.axis + 1 :])

    def write(self) -> None:
        body = self.body
        store(body, self.keys, load(body, self.source, self.kind))
        store(body, self.target, body.constant(I64, 0))
        if self.task.length == 1:
            return
        with body.loop(self.task.length - 1) as counter:
            number = body.operation("add nsw", counter, body.constant(I64, 1))
            self._insert(number)

    def _insert(self, number: Value) -> None:
        """Put one more element where it belongs among those before."""
        body = self.body
        steps = self.task.view.steps[self.task.axis]
        key = load(body, _further(body, self.source, self.dtype, number, steps), self.kind)
        with body.repeat() as moves:
            place = body.operation("sub nsw", number, moves)
            before = body.operation("sub nsw", place, body.constant(I64, 1))
            # In front of the first there is none; it is looked at itself, in vain.
            inside = body.compare("sgt", place, body.constant(I64, 0))
            looked = body.select(inside, before, body.constant(I64, 0))
            other = load(body, self._key(looked), self.kind)
            body.go_on_if(body.operation("and", inside, self._less(key, other)))
            store(body, self._key(place), other)
            store(body, self._place(place), load(body, self._place(before), I64))
        moved_by = Value(moves.text, I64, body.level)
        place = body.operation("sub nsw", number, moved_by)
        store(body, self._key(place), key)
        store(body, self._place(place), number)
        if not self.task.stable:
            self._refuse_equals(key, place)

    def _refuse_equals(self, key: Value, place: Value) -> None:
        """Give up where the element before is equal, if there is one."""
        body = self.body
        first = body.compare("eq", place, body.constant(I64, 0))
        before = body.operation("sub nsw", place, body.constant(I64, 1))
        other = load(body, self._key(body.select(first, place, before)), self.kind)
        equal = body.select(first, first, self._less(other, key))
        body.leave_if(body.operation("xor", equal, body.constant(equal.type, 1)), BAIL)

    def _key(self, place: Value) -> Value:
        return moved(self.body, self.keys, self.kind, place)

    def _place(self, place: Value) -> Value:
        return moved(self.body, self.target, I64, _times(self.body, place, self.step))

    def _less(self, x: Value, y: Value) -> Value:
        """Whether one element comes before another."""
        body = self.body
        if not x.type.is_float:
            return body.compare("ult" if self.dtype.kind == "u" else "slt", x, y)
        missing = body.operation("and", body.compare("uno", y, y), body.compare("ord", x, x))
        return body.operation("or", body.compare("olt", x, y), missing)


def _times(body: Body, place: Value, step: int) -> Value:
    return place if step == 1 else body.operation("mul nsw", place, body.constant(I64, step))


def _further(body: Body, pointer: Value, dtype: object, place: Value, step: int) -> Value:
    return moved(body, pointer, memory_type(dtype), _times(body, place, step)) if step else pointer


TASKS[Ordered] = Order
