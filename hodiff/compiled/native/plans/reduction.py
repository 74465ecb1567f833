"""Sums, products and extrema along axes, and sums of products.

May import ``errors``, ``ir``, ``lowering``, ``nodes``, ``program`` and ``ufuncs``.

>>> from hodiff.ops.reductions import total
>>> from hodiff.program import Var
>>> x, y = Var((2, 3), np.dtype(float)), Var((2,), np.dtype(float))
>>> node = Reduction(Equation(total, (x,), {"axis": (-1,), "keepdims": False}, (y,)), total.code.nest)
>>> node.axes, node.count, len(node.reads((Affine(1),)))
((1,), 3, 3)
"""

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.ir import Body, Value
from hodiff.compiled.native.plans.nodes import Node, Read, asked, convert, same_lanes
from hodiff.lowering import Affine, Index, Reduced, aligned
from hodiff.program import Equation

#: Length of the sums of a product of matrices that is written out.
INNER = 16
_JOINING: dict[str, np.ufunc] = {
    "add": np.add,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "or": np.logical_or,
    "and": np.logical_and,
}


class Reduction(Node):
    """Elements along some axes joined; of a few elements it is read at any place, else it has a loop."""

    def __init__(self, equation: Equation, nest: Reduced) -> None:
        super().__init__(equation)
        self.nest = nest
        self.space = np.broadcast_shapes(*[atom.shape for atom in equation.operands])
        self.axes = tuple(sorted(nest.axes(equation)))
        self.kept = tuple([i for i in range(len(self.space)) if i not in self.axes])
        self.count = prod([self.space[i] for i in self.axes])
        if not self.count:
            raise Unsupported("a reduction of no elements")
        dtype = self.answer.dtype
        found = ufuncs.lowered(_JOINING[nest.operator], (dtype, dtype))
        if found is None:
            raise Unsupported(f"{nest.operator} of {dtype}")
        self.join = found.write
        self.exact = nest.operator not in ("add", "multiply") or dtype.kind != "f"
        self._factors = len(equation.operands)
        self.cost = float(self.count)

    @property
    def keeps(self) -> bool:
        """Whether the reduced axes stay in the answer, with length 1."""
        return len(self.answer.shape) == len(self.space)

    def at(self, index: Index, reduced: Sequence[Affine]) -> Index:
        """Index in the space for an index in the answer and places on the reduced axes."""
        found = [Affine(0)] * len(self.space)
        kept = [index[i] for i in self.kept] if self.keeps else index
        for axis, place in zip(self.kept, kept, strict=True):
            found[axis] = place
        for axis, place in zip(self.axes, reduced, strict=True):
            found[axis] = place
        return tuple(found)

    def reads_at(self, index: Index) -> list[Read]:
        """The elements of the operands at an index in the space."""
        return [(atom, aligned(index, atom.shape)) for atom in self.equation.operands]

    def element(self, body: Body, values: Sequence[Value]) -> Value:
        """What is joined, made of the elements of the operands."""
        dtype = self.answer.dtype
        if self.nest.test:
            bits = asked(body, self.nest.test, values[0], self.equation.operands[0])
            return convert(body, bits, np.dtype(bool), dtype)
        atoms = self.equation.operands
        kinds = [convert(body, v, atom.dtype, dtype) for v, atom in zip(values, atoms, strict=True)]
        if len(kinds) == 1:
            return kinds[0]
        multiply = ufuncs.lowered(np.multiply, (dtype, dtype))
        assert multiply is not None
        return multiply.write(body, same_lanes(body, kinds))

    def finish(self, body: Body, value: Value) -> Value:
        """The answer from what all elements were joined to."""
        if not self.nest.mean:
            return value
        return body.operation("fdiv", value, body.constant(value.type, self.count))

    def identity(self) -> Any:
        """What changes nothing when it is joined."""
        dtype, operator = self.answer.dtype, self.nest.operator
        if operator in ("maximum", "minimum"):
            if dtype.kind == "f":
                return -inf if operator == "maximum" else inf
            if dtype.kind == "b":
                return operator == "minimum"
            return np.iinfo(dtype).min if operator == "maximum" else np.iinfo(dtype).max
        # NumPy's sum of -0.0 alone is 0.0.
        return {"add": 0, "multiply": 1, "or": False, "and": True}[operator]

    # Of a few elements, in their order:

    def reads(self, index: Index) -> list[Read]:
        return [read for at in self._all(index) for read in self.reads_at(at)]

    def _all(self, index: Index) -> list[Index]:
        places: list[list[Affine]] = [[]]
        for axis in self.axes:
            places = [[*place, Affine(i)] for place in places for i in range(self.space[axis])]
        return [self.at(index, place) for place in places]

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        n = self._factors
        elements = same_lanes(body, [self.element(body, values[i : i + n]) for i in range(0, len(values), n)])
        joined = elements[0]
        for element in elements[1:]:
            joined = self.join(body, (joined, element))
        return self.finish(body, no_negative_zero(body, joined) if self.nest.operator == "add" else joined)


class SmallProduct(Node):
    """A product of matrices, element by element."""

    exact = False

    def __init__(self, equation: Equation) -> None:
        super().__init__(equation)
        x, y = equation.operands
        dtype = self.answer.dtype
        found = [ufuncs.lowered(function, (dtype, dtype)) for function in (np.multiply, np.add)]
        if found[0] is None or found[1] is None or not x.dtype == y.dtype == dtype:
            raise Unsupported(f"matmul of {x.dtype} and {y.dtype}")
        self._multiply, self._add = found[0].write, found[1].write
        self._length = x.shape[-1]
        self.cost = 2.0 * self._length

    def reads(self, index: Index) -> list[Read]:
        x, y = self.equation.operands
        rest = list(index)
        column = [rest.pop()] if len(y.shape) > 1 else []
        row = [rest.pop()] if len(x.shape) > 1 else []
        found: list[Read] = []
        for k in map(Affine, range(self._length)):
            found.append((x, (*aligned(tuple(rest), x.shape[:-2]), *row, k)))
            found.append((y, (*aligned(tuple(rest), y.shape[:-2]), k, *column)))
        return found

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        total = None
        for x, y in zip(values[::2], values[1::2], strict=True):
            product = self._multiply(body, same_lanes(body, (x, y)))
            total = product if total is None else self._add(body, same_lanes(body, (total, product)))
        assert total is not None
        return no_negative_zero(body, total)


def no_negative_zero(body: Body, total: Value) -> Value:
    """A sum that begins with 0.0, as NumPy's do: it is never -0.0."""
    return body.operation("fadd", total, body.constant(total.type, 0.0)) if total.type.is_float else total


class ProductSum(Reduction):
    """A product of matrices with long sums and a small answer, to which each row of the operands adds its part."""

    def __init__(self, equation: Equation) -> None:
        Node.__init__(self, equation)
        x, y = equation.operands
        if len(x.shape) != 2 or len(y.shape) != 2:
            raise Unsupported("a product of vectors")
        dtype = self.answer.dtype
        joined, multiplied = (ufuncs.lowered(function, (dtype, dtype)) for function in (np.add, np.multiply))
        if joined is None or multiplied is None or not x.dtype == y.dtype == dtype:
            raise Unsupported(f"matmul of {x.dtype} and {y.dtype}")
        self.nest = Reduced("add", lambda equation: (0,))
        self.space = (x.shape[1], *self.answer.shape)
        self.axes, self.kept = (0,), (1, 2)
        self.count = x.shape[1]
        self.join, self._multiply = joined.write, multiplied.write
        self.exact = False
        self.cost = float(self.count)

    def reads_at(self, index: Index) -> list[Read]:
        x, y = self.equation.operands
        return [(x, (index[1], index[0])), (y, (index[0], index[2]))]

    def element(self, body: Body, values: Sequence[Value]) -> Value:
        return self._multiply(body, same_lanes(body, values))
