"""Equations as index functions: which elements of the operands an element of an answer is made of, and how.

A node stands for one equation. ``reads(index)`` are the elements that it needs, ``write(body, index, values)`` the
instructions. What cannot be read at any place without a buffer is ``opaque`` (see ``planning``). May import ``errors``,
``ir``, ``lowering``, ``program`` and ``ufuncs``.

>>> from hodiff.ops.elementwise import exp
>>> from hodiff.program import Var
>>> x, y = Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
>>> node = node_of(Equation(exp, (x,), {}, (y,)))
>>> axis = Axis(3)
>>> node.reads((Affine.of(axis),)) == [(x, (Affine.of(axis),))]
True
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from itertools import product
from math import inf, prod
from typing import Any

import numpy as np

from hodiff.compiled.native import ufuncs
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BIT, Body, Type, Value
from hodiff.lowering import Affine, Axis, Index, Mapped, Piece, Pieces, Product, Rearranged, Reduced, Reshaped, aligned
from hodiff.program import Atom, Equation, Literal

Read = tuple[Atom, Index]
_WEAK = {"i": int, "f": float, "c": complex}
#: Python's operators on its floats, which are those of NumPy on float64 but for errors; these show as flags.
_SYMBOLS: dict[tuple[str, int], np.ufunc] = {
    ("+", 2): np.add,
    ("-", 2): np.subtract,
    ("*", 2): np.multiply,
    ("/", 2): np.divide,
    ("<", 2): np.less,
    ("<=", 2): np.less_equal,
    (">", 2): np.greater,
    (">=", 2): np.greater_equal,
    ("==", 2): np.equal,
    ("!=", 2): np.not_equal,
    ("-", 1): np.negative,
    ("+", 1): np.positive,
    ("abs ", 1): np.absolute,
}


class Undecided(Exception):  # noqa: N818 - control flow, no error
    """What an element is made of differs within the ranges of the axes: ``axis`` is to be cut at ``places``."""

    def __init__(self, axis: Axis, places: Sequence[int]) -> None:
        super().__init__(axis, places)
        self.axis = axis
        self.places = places


class Node:
    """One equation.

    Attributes
    ----------
    equation : Equation
    answer : Var
    opaque : bool
        The answer needs a buffer, and is made by code of its own.
    exact : bool
        The bits of an element do not depend on how it is computed.
    cost : float
        Of an element, in additions; operands not included.
    """

    opaque = False
    exact = True
    cost = 0.0

    def __init__(self, equation: Equation) -> None:
        self.equation = equation
        (self.answer,) = equation.answers

    def reads(self, index: Index) -> list[Read]:
        """The elements that the one at ``index`` is made of.

        Raises
        ------
        Undecided
            Where that differs within the ranges of the axes.
        """
        raise NotImplementedError

    def explore(self, index: Index, cuts: set[tuple[Axis, int]]) -> list[Read]:
        """All elements that are read within the ranges, and where axes must be cut."""
        del cuts
        return self.reads(index)

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        """The element at ``index`` made of those that `reads` names."""
        raise NotImplementedError


class Elementwise(Node):
    """An operation element by element; the operands are broadcast, and converted first."""

    def __init__(self, equation: Equation, lowering: ufuncs.Lowering, kinds: Sequence[Any]) -> None:
        super().__init__(equation)
        self._write = lowering.write
        self._kinds = kinds
        self.exact = lowering.exact
        self.cost = lowering.cost

    def reads(self, index: Index) -> list[Read]:
        return [(atom, aligned(index, atom.shape)) for atom in self.equation.operands]

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        converted = [
            convert(body, value, atom.dtype, kind)
            for value, atom, kind in zip(values, self.equation.operands, self._kinds, strict=False)
        ]
        return self._write(body, same_lanes(body, converted))


class Moved(Node):
    """Each element is an element of the operand."""

    def __init__(self, equation: Equation, nest: Rearranged) -> None:
        super().__init__(equation)
        self._nest = nest

    def reads(self, index: Index) -> list[Read]:
        return [(self.equation.operands[0], self._nest.read(self.equation, index))]

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        return values[0]


class InMemory(tuple[Affine, ...]):
    """An index that is a place in memory: the last entry counts elements in their order, the others are zero."""

    __slots__ = ()


class InOrder(Node):
    """The same elements in another shape.

    Where that only adds and leaves out axes of length 1, it is read anywhere; elsewhere the operand must have a buffer,
    which `flat` says, and is read at the same place in memory.
    """

    def __init__(self, equation: Equation) -> None:
        super().__init__(equation)
        before, after = equation.operands[0].shape, self.answer.shape
        kept = [n for n in before if n != 1]
        self.flat = kept != [n for n in after if n != 1]
        self._after = [i for i, n in enumerate(after) if n != 1]
        self._before = [i for i, n in enumerate(before) if n != 1]

    def reads(self, index: Index) -> list[Read]:
        operand = self.equation.operands[0]
        found = [Affine(0)] * len(operand.shape)
        if self.flat:
            # As if all axes but the last had length 1: the place in memory is the same.
            place = Affine(0)
            for entry, length in zip(index, self.answer.shape, strict=True):
                place = place * length + entry
            found[-1:] = [place]
            return [(operand, InMemory(found))]
        else:
            for i, j in zip(self._before, self._after, strict=True):
                found[i] = index[j]
        return [(operand, tuple(found))]

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        return values[0]


class Parted(Node):
    """Parts of the answer are operands, the rest is zero."""

    def __init__(self, equation: Equation, pieces: Sequence[Piece], *, adds: bool) -> None:
        super().__init__(equation)
        self._pieces = pieces
        self._adds = adds
        self.cost = float(len(pieces) - 1) if adds else 0.0

    def reads(self, index: Index) -> list[Read]:
        found = [self._read(piece, index) for piece in self._pieces if _contains(piece, index)]
        return found if self._adds else found[-1:]

    def explore(self, index: Index, cuts: set[tuple[Axis, int]]) -> list[Read]:
        found = []
        for piece in self._pieces:
            if all(_cut(place, at, cuts) for place, at in zip(piece.places, index, strict=True)):
                found += self._explored(piece, index)
        return found

    def _explored(self, piece: Piece, index: Index) -> list[Read]:
        """What is read of a piece; of one with gaps, at each place that an axis with many can be cut to."""
        gaps = [(place, at) for place, at in zip(piece.places, index, strict=True) if abs(place.step) != 1]
        axes = {axis for _, at in gaps for axis, _ in at.terms}
        found: list[Read] = []
        for places in product(*(range(axis.start, axis.stop) for axis in axes)):
            at = dict(zip(axes, places, strict=True))
            fixed = tuple([_fixed(entry, at) for entry in index])
            if all(_holds(place, entry) for place, entry in zip(piece.places, fixed, strict=True)):
                found.append(self._read(piece, fixed))
        return found

    def _read(self, piece: Piece, index: Index) -> Read:
        within = []
        for place, at in zip(piece.places, index, strict=True):
            away = at + -place.start
            low, high = away.span()
            if place.step == -1:
                away = away * -1
            elif place.step != 1:
                if low != high:
                    raise Undecided(*_places(place, at))
                away = Affine(low // place.step)
            within.append(away)
        return self.equation.operands[piece.slot], piece.read(tuple(within))

    def write(self, body: Body, index: Index, values: Sequence[Value]) -> Value:
        kind = register_type(self.answer.dtype)
        if not values:
            return body.constant(kind, 0)
        operands = {id(read[0]): read[0] for read in self.reads(index)}
        dtypes = [operands[id(atom)].dtype for atom, _ in self.reads(index)]
        parts = [convert(body, v, d, self.answer.dtype) for v, d in zip(values, dtypes, strict=True)]
        if not self._adds:
            return parts[-1]
        opcode = "fadd" if kind.is_float else "add"
        total = body.constant(kind.of(parts[0].type.lanes), 0)
        for part in parts:  # 0 + -0 is 0, as in an array of zeros
            total, part = same_lanes(body, (total, part))
            total = body.operation(opcode, total, part)
        return total


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
            return asked(body, self.nest.test, values[0], self.equation.operands[0])
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
        # The sum of -0.0 alone is -0.0.
        return {"add": -0.0 if dtype.kind == "f" else 0, "multiply": 1, "or": False, "and": True}[operator]

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
        return self.finish(body, joined)


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
        return total


_JOINING: dict[str, np.ufunc] = {
    "add": np.add,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "or": np.logical_or,
    "and": np.logical_and,
}


def node_of(equation: Equation) -> Node:
    """The node for an equation.

    Raises
    ------
    Unsupported
        Saying why there is none.
    """
    primitive = equation.primitive
    if equation.several or len(equation.answers) != 1:
        raise Unsupported(f"{primitive.name} has several answers")
    (answer,) = equation.answers
    for atom in (*equation.operands, answer):
        if ufuncs.ir_type(atom.dtype) is None:
            raise Unsupported(f"{primitive.name} of dtype {atom.dtype}")
    function: Any = primitive.function
    if primitive.python:
        return _of_numbers(equation)
    if function.__class__ is np.ufunc and function.signature is None and not equation.parameters:
        return _of_ufunc(equation, function)
    nest = None if primitive.code is None else primitive.code.nest
    if isinstance(nest, Mapped):
        return _of_mapped(equation, nest)
    if isinstance(nest, Rearranged):
        return Moved(equation, nest)
    if isinstance(nest, Reshaped):
        return InOrder(equation)
    if isinstance(nest, Reduced):
        return Reduction(equation, nest)
    if isinstance(nest, Pieces):
        pieces = nest.pieces(equation)
        if pieces is not None:
            return Parted(equation, pieces, adds=nest.adds)
    if isinstance(nest, Product):
        return SmallProduct(equation)
    raise Unsupported(f"{primitive.name} has no native form")


def _of_ufunc(equation: Equation, function: np.ufunc) -> Node:
    (answer,) = equation.answers
    if all(atom.form == "number" for atom in equation.operands) and answer.form == "number":
        raise Unsupported(f"{function.__name__} of Python's numbers")
    kinds = _loop_dtypes(function, tuple([_kind(atom) for atom in equation.operands]))
    if kinds is None or kinds[-1] != answer.dtype:
        raise Unsupported(f"{function.__name__} of {', '.join(str(atom.dtype) for atom in equation.operands)}")
    lowering = ufuncs.lowered(function, kinds[: len(equation.operands)])
    if lowering is None:
        raise Unsupported(f"{function.__name__} of {kinds[0]}")
    return Elementwise(equation, lowering, kinds)


def _of_numbers(equation: Equation) -> Node:
    """An operation of Python's own, between floats."""
    primitive, (answer,), operands = equation.primitive, equation.answers, equation.operands
    function = _SYMBOLS.get((primitive.symbol or "", len(operands)))
    floats = all(atom.dtype == np.float64 or _is_small(atom) for atom in operands)
    if function is None or not floats or not any(atom.dtype == np.float64 for atom in operands):
        raise Unsupported(f"{primitive.symbol} of Python's {', '.join(str(atom.dtype) for atom in operands)}")
    kinds = (np.dtype(float),) * len(operands)
    lowering = ufuncs.lowered(function, kinds)
    if lowering is None or answer.dtype not in (np.float64, np.bool_):
        raise Unsupported(f"{primitive.symbol} of Python's numbers")
    return Elementwise(equation, lowering, kinds)


def _is_small(atom: Atom) -> bool:
    """Whether a number is an integer that a float holds exactly."""
    return isinstance(atom, Literal) and isinstance(atom.value, int) and abs(atom.value) <= 1 << 53


def _of_mapped(equation: Equation, nest: Mapped) -> Node:
    (answer,), operands = equation.answers, equation.operands
    kinds = [answer.dtype] * len(operands)
    if nest.name == "select":
        kinds[0] = np.dtype(bool)
    elif nest.name != "clamp":
        kinds[0] = operands[0].dtype
    for atom, kind in zip(operands, kinds, strict=True):
        _check_conversion(atom.dtype, kind)
    if nest.name == "convert":
        _check_conversion(operands[0].dtype, answer.dtype)
    writes: dict[str, ufuncs.Write] = {
        "select": lambda body, values: body.select(*values),
        "convert": lambda body, values: convert(body, values[0], operands[0].dtype, answer.dtype),
        "same": lambda body, values: values[0],
        "real": lambda body, values: values[0],
        "imaginary": lambda body, values: body.constant(values[0].type, 0),
        "clamp": partial(_clamp, answer.dtype),
    }
    if "c" in (answer.dtype.kind, operands[0].dtype.kind):
        raise Unsupported(f"{equation.primitive.name} of complex numbers")
    return Elementwise(equation, ufuncs.Lowering(writes[nest.name], True, 1.0), kinds)


def _clamp(dtype: Any, body: Body, values: Sequence[Value]) -> Value:
    highest, lowest = ufuncs.lowered(np.maximum, (dtype, dtype)), ufuncs.lowered(np.minimum, (dtype, dtype))
    if highest is None or lowest is None:
        raise Unsupported(f"clip of {dtype}")
    x, low, high = values
    return lowest.write(body, (highest.write(body, (x, low)), high))


def _check_conversion(before: Any, after: Any) -> None:
    if (before.kind in "fc" and after.kind not in "fc") or (before.kind == "c" and after.kind != "c"):
        raise Unsupported(f"conversion of {before} to {after}")


def _kind(atom: Atom) -> Any:
    """Dtype of an operand; for Python's numbers, which adapt, their type."""
    dtype = atom.dtype
    return _WEAK.get(dtype.kind, dtype) if atom.form == "number" else dtype


@lru_cache(maxsize=4096)
def _loop_dtypes(function: np.ufunc, kinds: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """What a ufunc converts operands to, and the dtype of its answer."""
    try:
        return function.resolve_dtypes((*kinds, *(None,) * function.nout))
    except (TypeError, OverflowError):
        return None


# --- helpers ----------------------------------------------------------------------------------------------------------


def register_type(dtype: Any) -> Type:
    """The type of an element in a register."""
    kind = ufuncs.ir_type(dtype)
    if kind is None:
        raise Unsupported(f"dtype {dtype}")
    return kind


def convert(body: Body, value: Value, source: Any, target: Any) -> Value:
    """An element in another dtype."""
    found = ufuncs.converted(body, value, source, target)
    if found is None:
        raise Unsupported(f"conversion of {source} to {target}")
    return found


def same_lanes(body: Body, values: Sequence[Value]) -> list[Value]:
    """The values, all with as many lanes as the widest."""
    lanes = max([value.type.lanes for value in values])
    return [body.splat(value, lanes) for value in values]


def asked(body: Body, test: str, value: Value, atom: Atom) -> Value:
    """Bits that say whether an element is as asked."""
    if atom.dtype.kind == "b":
        return value if test == "nonzero" else body.constant(BIT.of(value.type.lanes), False)
    if test == "isnan":
        return body.compare("uno", value, value) if value.type.is_float else body.constant(BIT.of(value.type.lanes), 0)
    return body.compare("une" if value.type.is_float else "ne", value, body.constant(value.type, 0))


def _fixed(entry: Affine, at: Mapping[Axis, int]) -> Affine:
    """An index at a place of some axes."""
    fixed = Affine(entry.constant)
    for axis, factor in entry.terms:
        fixed = fixed + (Affine(at[axis]) if axis in at else Affine.of(axis)) * factor
    return fixed


def _holds(place: range, entry: Affine) -> bool:
    """Whether an index without a range of its own is within a range with gaps; of others nothing is said."""
    return entry.span()[0] in place if abs(place.step) != 1 else True


def _contains(piece: Piece, index: Index) -> bool:
    """Whether all elements at ``index`` are in a piece, or none of them."""
    for place, at in zip(piece.places, index, strict=True):
        low, high = at.span()
        first, last = (place[0], place[-1]) if place.step > 0 else (place[-1], place[0]) if place else (0, -1)
        if not place or high < first or low > last:
            return False
        if low == high and low not in place:
            return False
    for place, at in zip(piece.places, index, strict=True):
        low, high = at.span()
        first, last = sorted((place[0], place[-1]))
        if low < first or high > last or (low != high and abs(place.step) != 1):
            axis, places = _places(place, at)
            raise Undecided(axis, places)
    return True


def _cut(place: range, at: Affine, cuts: set[tuple[Axis, int]]) -> bool:
    """Note where an axis must be cut for a range; whether anything at all is within."""
    low, high = at.span()
    if not place:
        return False
    first, last = sorted((place[0], place[-1]))
    if high < first or low > last:
        return False
    if low == high:
        return low in place
    if low < first or high > last or abs(place.step) != 1:
        axis, places = _places(place, at)
        cuts.update((axis, at) for at in places if axis.start < at < axis.stop)
    return True


def _places(place: range, at: Affine) -> tuple[Axis, list[int]]:
    """The axis, and where it is to be cut, so that ``at`` is either within a range or not."""
    if len(at.terms) != 1:
        raise Unsupported("parts at places that depend on several axes")
    ((axis, factor),) = at.terms
    if abs(place.step) != 1 or abs(factor) != 1:
        return axis, list(range(axis.start + 1, axis.stop))
    first, last = sorted((place[0], place[-1]))
    if factor == 1:
        return axis, [first - at.constant, last + 1 - at.constant]
    return axis, [at.constant - last, at.constant - first + 1]
