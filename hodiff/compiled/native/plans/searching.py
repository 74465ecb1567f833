"""Searches in sorted arrays: each by halves, in as many steps for every number.

NaN comes after all numbers, as in NumPy. May import ``elements``, ``errors``, ``ir``, ``lowering``, ``matrices``,
``nodes``, ``program``, ``regions`` and ``tasks``.

>>> from hodiff.ops.sorting import search_sorted
>>> from hodiff.program import Var
>>> a, v, places = Var((9,), np.dtype(float)), Var((5,), np.dtype(float)), Var((5,), np.dtype(np.int64))
>>> Search(Equation(search_sorted, (a, v), {"side": "left"}, (places,)), {}).steps
[8, 4, 2, 1]
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import I64, Body, Value
from hodiff.compiled.native.linalg.matrices import load, moved, nest, store
from hodiff.compiled.native.plans.nodes import Node, convert, register_type
from hodiff.compiled.native.plans.tasks import TASKS, View, view_of
from hodiff.compiled.native.writing.elements import memory_type
from hodiff.compiled.native.writing.regions import Nested, Region
from hodiff.lowering import Searched
from hodiff.program import Atom, Equation


class Search(Nested):
    """Where numbers belong in a sorted array.

    Attributes
    ----------
    steps : list of int
        How far each comparison goes.
    """

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        if len(equation.operands) != 2:
            raise Unsupported("a search in an array that is sorted by another one")
        a, v = equation.operands
        self.dtype = np.result_type(a.dtype, v.dtype)
        if self.dtype.kind not in "iuf":
            raise Unsupported(f"a search among {self.dtype}")
        for dtype in (a.dtype, v.dtype, self.dtype):
            register_type(dtype)
        self.length = a.shape[0]
        self.steps = [1 << k for k in reversed(range(self.length.bit_length()))]
        self.left = equation.parameters["side"] == "left"
        self.number = prod(v.shape) == 1
        self.table = view_of(a, nodes)
        self.wanted = None if self.number else view_of(v, nodes)
        buffers = [self.table.base] if self.wanted is None else [self.table.base, self.wanted.base]
        super().__init__(equation, buffers, [v] if self.number else [])
        self.cost = equation.answers[0].size * 4.0 * len(self.steps)

    def write_within(self, region: Region, base: int) -> None:
        del base
        body, (answer,) = region.body, self.equation.answers
        table = _beginning(region, self.table)
        if self.wanted is None:
            value = region.number(self.equation.operands[1], self.dtype)
            region.put(answer, self._found(body, table, value))
            return
        wanted, target = _beginning(region, self.wanted), region.memory_of(answer).pointer
        dtype = self.wanted.base.dtype
        with nest(body, answer.shape) as counters:
            for axis, counter in enumerate(counters):
                wanted = _further(body, wanted, dtype, counter, self.wanted.steps[axis])
                target = _further(body, target, answer.dtype, counter, prod(answer.shape[axis + 1 :]))
            value = convert(body, load(body, wanted, memory_type(dtype)), dtype, self.dtype)
            store(body, target, self._found(body, table, value))

    def _found(self, body: Body, table: Value, value: Value) -> Value:
        """How many elements come before a number."""
        count = body.constant(I64, 0)
        for step in self.steps:
            tried = body.operation("add nsw", count, body.constant(I64, step))
            end = body.constant(I64, self.length)
            inside = body.compare("sle", tried, end)
            # Beyond the end the last element is looked at in vain.
            place = body.operation("sub nsw", body.select(inside, tried, end), body.constant(I64, 1))
            pointer = _further(body, table, self.table.base.dtype, place, self.table.steps[0])
            element = load(body, pointer, memory_type(self.table.base.dtype))
            before = self._before(body, convert(body, element, self.table.base.dtype, self.dtype), value)
            count = body.select(body.operation("and", inside, before), tried, count)
        return count

    def _before(self, body: Body, element: Value, value: Value) -> Value:
        """Whether an element comes before a number."""
        if not element.type.is_float:
            unsigned = "u" if self.dtype.kind == "u" else "s"
            return body.compare(f"{unsigned}{'lt' if self.left else 'le'}", element, value)
        if self.left:  # less, or a number before NaN
            missing = body.operation("and", body.compare("uno", value, value), body.compare("ord", element, element))
            return body.operation("or", body.compare("olt", element, value), missing)
        # Not greater: neither is the number less, nor is it one before NaN.
        return body.operation("or", body.compare("ole", element, value), body.compare("uno", value, value))


def _beginning(region: Region, view: View) -> Value:
    memory = region.memory_of(view.base)
    return moved(region.body, memory.pointer, memory_type(view.base.dtype), view.offset)


def _further(body: Body, pointer: Value, dtype: Any, place: Value, step: int) -> Value:
    if not step:
        return pointer
    return moved(body, pointer, memory_type(dtype), body.operation("mul nsw", place, body.constant(I64, step)))


TASKS[Searched] = Search
