"""The tape: a linear map recorded as rows, to be pushed forward or pulled back.

May import ``casting``, ``code``, ``core``, ``kinds``, ``lowering``, ``progressions`` and ``shaped``. Reverse mode
appends one row an operation (see ``reverse``). A row keeps coefficients and shapes, not primals, and has one term an
operand that depends on the inputs:

* an elementwise row is a tuple of terms ``(source row, coefficient, cast)``; the coefficients ±1 are `Sign`;
* a linear primitive of one operand is a list ``[primitive, parameters, source row, shape, dtype]``, of the operand;
* a `LinearRow` applies a primitive that is linear in some operands, or its transpose;
* a `FunctionRow` is a map of several tangents to several, known by two functions, and a `PartRow` one of its answers;
* None is an input.

``cast`` is None where operand and answer have the same shape and dtype; otherwise a `Cast` undoes broadcasting and
conversion.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from hodiff.casting import convert, fit_tangent, unbroadcast
from hodiff.code import Code
from hodiff.core import MINUS, PLUS, Primitive, Tracer, bind
from hodiff.kinds import linear
from hodiff.lowering import Index, Picked, Piece, Pieces, Rearranged, Spot, basic_piece, picked_spot, piece_spot
from hodiff.progressions import Part
from hodiff.shaped import Shape, Shaped, shaped


class Cast(NamedTuple):
    """Shapes and dtypes on both sides of a term."""

    shape: Shape
    dtype: "np.dtype[Any]"
    answer_shape: Shape
    answer_dtype: "np.dtype[Any]"


class Term(NamedTuple):
    """One operand of a `LinearRow`."""

    source: int
    slot: int
    shape: Shape
    dtype: "np.dtype[Any]"


class LinearRow:
    """Apply a primitive that is linear in the operands listed in ``terms``; the others are coefficients."""

    __slots__ = ("dtype", "operands", "others", "parameters", "primitive", "terms")

    def __init__(
        self,
        primitive: Primitive,
        operands: list[Any],
        parameters: dict[str, Any],
        terms: list[Term],
        dtype: "np.dtype[Any]",
    ) -> None:
        # Operands in which the map is linear are needed by shape alone; a constant one contributes nothing.
        if primitive.jointly:
            operands = [shaped(v) if primitive.linear_in(slot) else v for slot, v in enumerate(operands)]
        if primitive.jointly or len(terms) == 1:
            for term in terms:
                operands[term.slot] = Shaped(term.shape, term.dtype)
        traced = {term.slot for term in terms}
        operands = [v if slot in traced else frozen(v) for slot, v in enumerate(operands)]
        self.primitive = primitive
        self.operands = operands
        self.parameters = parameters
        self.terms = terms
        self.dtype = dtype
        # Operands behind the first, where the transpose may be accumulated in place; None where it may not.
        self.others: tuple[Any, ...] | None = None
        if primitive.accumulate is not None and not any(isinstance(v, Tracer) for v in operands[1:]):
            self.others = tuple(operands[1:])

    def push(self, tangents: Any) -> Any:
        """Tangent of the answer from those of the source rows, None where all of them are zero."""
        present = [term for term in self.terms if tangents[term.source] is not None]
        if not present:
            return None
        if self.primitive.jointly:
            operands = [_zeros(v) if isinstance(v, Shaped) else v for v in self.operands]
            for term in present:
                operands[term.slot] = tangents[term.source]
            return convert(bind(self.primitive, *operands, **self.parameters), self.dtype)
        total = None
        for term in present:
            operands = list(self.operands)
            operands[term.slot] = tangents[term.source]
            value = bind(self.primitive, *operands, **self.parameters)
            total = value if total is None else total + value
        return total

    def pull(self, cotangent: Any, cotangents: Any) -> None:
        """Add the cotangents of the source rows."""
        primitive = self.primitive
        for source, slot, shape, dtype in self.terms:
            entry = cotangents[source]
            if self.others is not None:
                if entry.__class__ is not Accumulator:
                    entry = cotangents[source] = Accumulator(shape, dtype, entry)
                entry.scatter(primitive, cotangent, self.others, self.parameters)
                continue
            operands = self.operands
            if len(self.terms) > 1 and not primitive.jointly:
                operands = list(operands)
                operands[slot] = Shaped(shape, dtype)
            value = primitive.transpose(slot, cotangent, operands, self.parameters)
            if not hasattr(value, "shape") or value.shape != shape or value.dtype != dtype:
                value = unbroadcast(value, shape, dtype, primitive.name)
            cotangents[source] = value if entry is None else entry + value


class FunctionRow:
    """A linear map of several tangents to several answers, known by a function for each direction.

    Its tangent is a list with one entry an answer, and so is its cotangent; each answer has a `PartRow`. ``terms`` has
    one entry an operand, None where the operand does not depend on the inputs.
    """

    __slots__ = ("count", "pull_function", "push_function", "terms")

    def __init__(
        self,
        push_function: Callable[[list[Any]], list[Any]],
        pull_function: Callable[[list[Any]], list[Any]],
        terms: list[Term | None],
        count: int,
    ) -> None:
        self.push_function = push_function
        self.pull_function = pull_function
        self.terms = terms
        self.count = count

    def push(self, tangents: Any) -> Any:
        """Tangents of the answers from those of the source rows, None where all of them are zero."""
        given = [None if term is None else tangents[term.source] for term in self.terms]
        return None if all(tangent is None for tangent in given) else self.push_function(given)

    def pull(self, cotangent: list[Any], cotangents: Any) -> None:
        """Add the cotangents of the source rows."""
        for term, value in zip(self.terms, self.pull_function(cotangent), strict=True):
            if term is not None and value is not None:
                entry = cotangents[term.source]
                value = unbroadcast(value, term.shape, term.dtype)
                cotangents[term.source] = value if entry is None else entry + value


class PartRow:
    """One answer of the `FunctionRow` at ``source``."""

    __slots__ = ("count", "index", "source")

    def __init__(self, source: int, index: int, count: int) -> None:
        self.source = source
        self.index = index
        self.count = count

    def push(self, tangents: Any) -> Any:
        """Tangent of this answer."""
        parts = tangents[self.source]
        return None if parts is None else parts[self.index]

    def pull(self, cotangent: Any, cotangents: Any) -> None:
        """Enter the cotangent of this answer into the list of all of them."""
        parts = cotangents[self.source]
        if parts is None:
            parts = cotangents[self.source] = [None] * self.count
        parts[self.index] = cotangent


def frozen(value: Any) -> Any:
    """A coefficient that the user's code cannot change later: a copy, where it is an array of the user's."""
    if isinstance(value, Tracer):
        return value.fork()
    return value.copy() if isinstance(value, np.ndarray) and value.flags.writeable else value


class Accumulator:
    """Sum of cotangents of one array, to which parts such as the one of ``x[i]`` are added in place.

    Adding each as an array of full size would make a loop over ``x[i]`` quadratic. Plain cotangents go straight into
    one owned buffer; traced ones wait, and are assembled by one operation.
    """

    __slots__ = ("buffer", "dense", "dtype", "pieces", "shape")

    def __init__(self, shape: Shape, dtype: "np.dtype[Any]", dense: Any) -> None:
        self.shape = shape
        self.dtype = dtype
        self.dense = dense
        self.buffer: Any = None
        self.pieces: list[tuple[Primitive, Any, tuple[Any, ...], dict[str, Any]]] = []

    def scatter(
        self, primitive: Primitive, cotangent: Any, operands: tuple[Any, ...], parameters: dict[str, Any]
    ) -> None:
        """Add the transpose of ``primitive`` applied to ``cotangent``."""
        assert primitive.accumulate is not None
        if cotangent.__class__ is not np.ndarray and isinstance(cotangent, Tracer):
            self.pieces.append((primitive, cotangent, operands, parameters))
            return
        if self.buffer is None:
            self.buffer = np.zeros(self.shape, self.dtype)
        if cotangent.dtype is not self.dtype and cotangent.dtype.kind == "c" and self.dtype.kind != "c":
            cotangent = cotangent.real
        primitive.accumulate(self.buffer, cotangent, *operands, **parameters)

    def __add__(self, cotangent: Any) -> "Accumulator":
        self.dense = cotangent if self.dense is None else self.dense + cotangent
        return self

    def total(self) -> Any:
        """Everything added so far."""
        result = self.dense
        if self.buffer is not None:
            result = self.buffer if result is None else result + self.buffer
        if self.pieces:
            primitives, cotangents, operands, parameters = zip(*self.pieces, strict=True)
            pieces = tuple(zip(primitives, operands, parameters, strict=True))
            value = assemble(*cotangents, pieces=pieces, shape=self.shape, dtype=self.dtype)
            result = value if result is None else result + value
        return result


def _assemble(*cotangents: Any, pieces: Any, shape: Shape, dtype: Any) -> Any:
    total = np.zeros(shape, np.result_type(dtype, *cotangents))
    for cotangent, (primitive, operands, parameters) in zip(cotangents, pieces, strict=True):
        primitive.accumulate(total, cotangent, *operands, **parameters)
    return total


def _assemble_transpose(slot: int, ct: Any, operands: Any, *, pieces: Any, shape: Shape, dtype: Any) -> Any:
    del shape, dtype, operands
    primitive, others, parameters = pieces[slot]
    return bind(primitive, ct, *others, **parameters)


def _assemble_leading(size: int, *, pieces: Any, shape: Shape, dtype: Any) -> dict[str, Any]:
    shifted = tuple((p, others, p.leading(size, **parameters)) for p, others, parameters in pieces)
    return {"pieces": shifted, "shape": (size, *shape), "dtype": dtype}


def _assemble_bundles(parts: Sequence[Part], *, pieces: Any, shape: Shape, dtype: Any) -> Any:
    values, merged = [], []
    for part in parts:
        primitive, others, parameters = pieces[part.slots[0]]
        if part.together:
            name = primitive.index
            chosen = [pieces[slot] for slot in part.slots]
            if name is None or any(p is not primitive or o or q.keys() != parameters.keys() for p, o, q in chosen):
                return NotImplemented
            indices = {slot: pieces[slot][2][name] for slot in part.slots}
            added = part.added(indices, len(shape))
            if added is None:
                return NotImplemented
            for index, value in added:
                values.append(value)
                merged.append((primitive, others, {**parameters, name: index}))
        else:
            values.append(part.value)
            merged.append((primitive, others, parameters))
    return assemble(*values, pieces=tuple(merged), shape=shape, dtype=dtype)


def _write_assemble(writer: Any, equation: Any) -> None:
    out = writer.array(equation.answers[0], zeros=True)
    add = writer.bind(np.add, "add")
    for atom, (primitive, operands, parameters) in zip(equation.operands, equation.parameters["pieces"], strict=True):
        cotangent = writer.operand(atom)
        if primitive.index is None:
            accumulate = writer.bind(partial(primitive.accumulate, **parameters), f"add_to_{primitive.name}")
            others = "".join(f", {writer.constant(value)}" for value in operands)
            writer.line(f"{accumulate}({out}, {cotangent}{others})")
        elif atom.shape and set(atom.shape) == {1}:
            part = f"{out}[{writer.constant(parameters[primitive.index])}]"
            writer.line(f"{part} = {add}({part}, {cotangent})")  # in place, it would take twice as long
        elif atom.shape:
            part = writer.fresh("part")
            writer.line(f"{part} = {out}[{writer.constant(parameters[primitive.index])}]")
            writer.line(f"{add}({part}, {cotangent}, {part})")
        else:
            writer.line(f"{out}[{writer.constant(parameters[primitive.index])}] += {cotangent}")


def _assembled_pieces(equation: Any) -> list[Piece] | None:
    shape, found = equation.parameters["shape"], []
    for slot, (primitive, _, parameters) in enumerate(equation.parameters["pieces"]):
        if primitive.index is None:
            return None
        index, operand = parameters[primitive.index], equation.operands[slot]
        found.append(basic_piece(slot, index, shape, operand.shape))
    return found


def _assembled_spots(equation: Any) -> list[Spot] | None:
    """Where the cotangents are added of what picks or moves elements."""
    shape, found = equation.parameters["shape"], []
    for slot, (primitive, operands, parameters) in enumerate(equation.parameters["pieces"]):
        operand = equation.operands[slot]
        nest = None if primitive.code is None else primitive.code.nest
        if primitive.index is not None:
            found.append(piece_spot(basic_piece(slot, parameters[primitive.index], shape, operand.shape)))
        elif isinstance(nest, Picked):
            arrays = [(array, array.shape) for array in operands]
            found.append(picked_spot(slot, operand.shape, arrays, parameters["axis"], shape))
        elif isinstance(nest, Rearranged) and not operands:
            picking = _Picking((Shaped(shape, operand.dtype),), parameters)
            found.append(Spot(slot, operand.shape, _same, partial(nest.read, picking)))
        else:
            return None
    return found


def _same(index: Index) -> Index:
    return index


class _Picking(NamedTuple):
    """What a `Rearranged` is asked of."""

    operands: tuple[Shaped]
    parameters: dict[str, Any]


#: Sum of the transposes of several accumulating primitives, each applied to its own cotangent.
assemble = linear(
    _assemble,
    _assemble_transpose,
    name="assemble",
    variadic=True,
    leading=_assemble_leading,
    code=Code(write=_write_assemble, shares=False, nest=Pieces(_assembled_pieces, True, _assembled_spots)),
    hazard="warning",
)
assemble.bundled = _assemble_bundles


def push(rows: list[Any], inputs: list[tuple[int, Any]], outputs: list[int | None]) -> list[Any]:
    """Tangents of the output rows from tangents of the input rows; None where they are zero."""
    tangents: list[Any] = [None] * len(rows)
    for row, tangent in inputs:
        tangents[row] = tangent
    for i, row in enumerate(rows):
        if row is None:
            continue
        if row.__class__ is list:
            primitive, parameters, source, _, _ = row
            tangent = tangents[source]
            tangents[i] = None if tangent is None else bind(primitive, tangent, **parameters)
            continue
        if row.__class__ is not tuple:
            tangents[i] = row.push(tangents)
            continue
        total = None
        cast = None
        for source, coefficient, term_cast in row:
            tangent = tangents[source]
            if tangent is None:
                continue
            cast = term_cast or cast
            value = tangent if coefficient is PLUS else -tangent if coefficient is MINUS else tangent * coefficient
            total = value if total is None else total + value
        if cast is not None and total is not None:
            total = fit_tangent(total, cast.answer_shape, cast.answer_dtype)
        tangents[i] = total
    return [None if row is None else tangents[row] for row in outputs]


def pull(rows: list[Any], outputs: list[tuple[int, Any]], inputs: list[int]) -> list[Any]:
    """Cotangents of the input rows from cotangents of the output rows; None where they are zero."""
    if not outputs:
        return [None] * len(inputs)
    cotangents: list[Any] = [None] * len(rows)
    last = 0
    for i, cotangent in outputs:
        entry = cotangents[i]
        cotangents[i] = cotangent if entry is None else entry + cotangent
        last = max(last, i)
    for i in range(last, -1, -1):
        cotangent = cotangents[i]
        row = rows[i]
        if cotangent is None or row is None:
            continue
        cotangents[i] = None
        if cotangent.__class__ is Accumulator:
            cotangent = cotangent.total()
        if row.__class__ is list:
            pull_unary(row, cotangent, cotangents)
        elif row.__class__ is not tuple:
            row.pull(cotangent, cotangents)
        else:
            for source, coefficient, cast in row:
                if coefficient is PLUS:
                    value = cotangent
                elif coefficient is MINUS:
                    value = -cotangent
                else:
                    value = cotangent * coefficient
                if cast is not None:
                    value = unbroadcast(value, cast.shape, cast.dtype)
                entry = cotangents[source]
                cotangents[source] = value if entry is None else entry + value
    found = []
    for i in inputs:
        entry = cotangents[i]
        found.append(entry.total() if entry.__class__ is Accumulator else entry)
    return found


def pull_unary(row: list[Any], cotangent: Any, cotangents: Any) -> None:
    """Add the cotangent of the source of a row that is a list."""
    primitive, parameters, source, shape, dtype = row
    entry = cotangents[source]
    if primitive.accumulate is not None:
        if entry.__class__ is not Accumulator:
            entry = cotangents[source] = Accumulator(shape, dtype, entry)
        if entry.buffer is not None and cotangent.__class__ is np.ndarray and cotangent.dtype is dtype:
            primitive.accumulate(entry.buffer, cotangent, **parameters)
        else:
            entry.scatter(primitive, cotangent, (), parameters)
        return
    rules = primitive.transposes
    if rules.__class__ is tuple:
        value = rules[0](cotangent, Shaped(shape, dtype), **parameters)
    else:
        value = rules(0, cotangent, (Shaped(shape, dtype),), **parameters)
    if getattr(value, "shape", None) != shape or value.dtype is not dtype:
        value = unbroadcast(value, shape, dtype, primitive.name)
    cotangents[source] = value if entry is None else entry + value


def _zeros(value: Shaped) -> Any:
    return np.broadcast_to(np.zeros((), value.dtype), value.shape)
