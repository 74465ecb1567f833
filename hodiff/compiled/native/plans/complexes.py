"""Complex numbers as two real numbers each: equations between complex arrays become equations between their parts.

Arrays of complex numbers are taken apart where they come in, and put together where they go out. May import
``batch_rules``, ``code``, ``core``, ``lowering``, ``program``, ``recognising``, ``ufuncs`` and ``ufuncs_complex``.

>>> from hodiff.ops.elementwise import multiply
>>> x, y = (Var((3,), np.dtype(complex)) for _ in range(2))
>>> print(*[part.primitive.name for part in taken_apart(Equation(multiply, (x, x), {}, (y,)))], sep=", ")
parts, real part of multiply, imaginary part of multiply, complex
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.compiled.native.functions.ufuncs_complex import complex_lowering
from hodiff.compiled.native.plans.recognising import loop_dtypes
from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.lowering import (
    Contracted,
    Convolved,
    Halved,
    Joined,
    Mapped,
    Picked,
    Pieces,
    Product,
    Rearranged,
    Reduced,
    Reshaped,
    Running,
    Split,
    Spots,
)
from hodiff.program import Atom, Equation, Guard, Literal, Var

Pair = tuple[Atom, Atom]


def _unused(*operands: Any, **parameters: Any) -> Any:
    raise NotImplementedError("this is native code only")


def _glue(name: str, nest: Any) -> Primitive:
    return Primitive(name, _unused, batch=batch_aligned, code=Code(shares=False, nest=nest))


#: The real and the imaginary part of an array, and an array of both.
PARTS, COMPLEX = _glue("parts", Split()), _glue("complex", Joined())
_SAME, _CONVERT = _glue("same", Mapped("same")), _glue("convert", Mapped("convert"))
_ADD: Primitive = NUMPY_UFUNCS[np.add]  # type: ignore[assignment]
_SUBTRACT: Primitive = NUMPY_UFUNCS[np.subtract]  # type: ignore[assignment]


@lru_cache(maxsize=256)
def _half(function: np.ufunc, dtype: "np.dtype[Any]", which: int | None) -> Primitive:
    """What gives a part of the answer of a ufunc for the parts of its operands."""
    prefix = {0: "real part of ", 1: "imaginary part of ", None: ""}[which]
    return _glue(f"{prefix}{function.__name__}", Halved(function, dtype, which))


def taken_apart(equation: Equation) -> list[Equation] | None:
    """The equations between parts in the place of one of complex numbers; None where there are none."""
    if equation.several or equation.primitive.python:
        return None
    writer = _Writer(equation)
    function: Any = equation.primitive.function
    if isinstance(function, np.ufunc) and function.signature is None:
        done = writer.ufunc(function)
    else:
        nest = None if equation.primitive.code is None else equation.primitive.code.nest
        rule = _RULES.get(type(nest))
        done = rule is not None and rule(writer, nest)
    return writer.made if done else None


def part_of(dtype: "np.dtype[Any]") -> "np.dtype[Any]":
    """The dtype of the parts of complex numbers; of real numbers their own."""
    return np.zeros((), dtype).real.dtype


class _Writer:
    """Writes equations between parts in the place of one equation."""

    def __init__(self, equation: Equation) -> None:
        self.equation = equation
        self.answer = equation.answers[0]
        self.made: list[Equation] = []
        self._parts: dict[Atom, Pair] = {}

    # --- parts --------------------------------------------------------------------------------------------------------

    def parts(self, atom: Atom) -> Pair:
        """Both parts of an operand; those of a real number are itself and zero."""
        found = self._parts.get(atom)
        if found is None:
            found = self._parts[atom] = self._parts_of(atom)
        return found

    def _parts_of(self, atom: Atom) -> Pair:
        part = part_of(atom.dtype)
        if isinstance(atom, Literal) and atom.dtype.kind == "c":
            value = atom.value
            return (Literal(value.real), Literal(value.imag))
        if atom.dtype.kind != "c":
            zero = part.type(0) if part.kind == "f" else np.float64(0)
            return atom, Literal(np.broadcast_to(np.asarray(zero), atom.shape) if atom.shape else zero)
        pair = tuple([Var(atom.shape, part, atom.form if atom.shape else "scalar") for _ in range(2)])
        self.made.append(self.equation_of(PARTS, (atom,), {}, pair, several=True))
        return pair[0], pair[1]

    def equation_of(
        self,
        primitive: Primitive,
        operands: Sequence[Atom],
        parameters: dict[str, Any],
        answers: Sequence[Var],
        *,
        several: bool = False,
    ) -> Equation:
        """An equation with the source of the one that is taken apart."""
        errstate, source = self.equation.errstate, self.equation.source
        return Equation(primitive, tuple(operands), parameters, tuple(answers), several, errstate, source)

    def write(self, primitive: Primitive, *operands: Atom, like: Var | None = None) -> Var:
        """A real array like the answer, or like another variable, made by an equation with the same parameters."""
        like = like or self.answer
        var = Var(like.shape, part_of(like.dtype), "array" if like.shape else "scalar")
        parameters = self.equation.parameters if primitive is self.equation.primitive else {}
        self.made.append(self.equation_of(primitive, operands, parameters, (var,)))
        return var

    def join(self, real: Atom, imaginary: Atom) -> bool:
        """Let the answer be made of its parts."""
        self.made.append(self.equation_of(COMPLEX, (real, imaginary), {}, (self.answer,)))
        return True

    # --- rules --------------------------------------------------------------------------------------------------------

    def ufunc(self, function: np.ufunc) -> bool:
        """Write a ufunc of NumPy."""
        operands = self.equation.operands
        kinds = loop_dtypes(function, operands)
        if kinds is None or kinds[-1] != self.answer.dtype or complex_lowering(function) is None:
            return False
        dtype = part_of(kinds[0])
        flat = [part for atom in operands for part in self.parts(atom)]
        if self.answer.dtype.kind != "c":
            self.made.append(self.equation_of(_half(function, dtype, None), flat, {}, (self.answer,)))
            return True
        real, imaginary = (self.write(_half(function, dtype, which), *flat) for which in (0, 1))
        return self.join(real, imaginary)

    def each(self, fixed: Callable[[int], bool]) -> bool:
        """Do the same to both parts; operands that are ``fixed`` are indices or conditions."""
        if self.answer.dtype.kind != "c":
            return False
        operands = list(enumerate(self.equation.operands))
        halves = [
            self.write(
                self.equation.primitive, *[atom if fixed(slot) else self.parts(atom)[which] for slot, atom in operands]
            )
            for which in (0, 1)
        ]
        return self.join(halves[0], halves[1])

    def bilinear(self) -> bool:
        """A product of two operands."""
        primitive, operands = self.equation.primitive, self.equation.operands
        if len(operands) != 2 or self.answer.dtype.kind != "c":
            return False
        if any(part_of(atom.dtype) != part_of(self.answer.dtype) for atom in operands):
            return False
        x, y = operands
        if x.dtype.kind != "c" or y.dtype.kind != "c":
            halves = [
                self.write(primitive, *[self.parts(v)[which] if v.dtype.kind == "c" else v for v in operands])
                for which in (0, 1)
            ]
            return self.join(halves[0], halves[1])
        (a, b), (c, d) = self.parts(x), self.parts(y)
        real = self.write(_SUBTRACT, self.write(primitive, a, c), self.write(primitive, b, d))
        return self.join(real, self.write(_ADD, self.write(primitive, a, d), self.write(primitive, b, c)))


def _mapped(writer: _Writer, nest: Mapped) -> bool:
    equation = writer.equation
    if nest.name in ("real", "imaginary"):
        part = writer.parts(equation.operands[0])[nest.name == "imaginary"]
        writer.made.append(writer.equation_of(_SAME, (part,), {}, (writer.answer,)))
        return True
    if nest.name == "complex":
        if any(atom.dtype.kind == "c" for atom in equation.operands):
            return False
        parts = [writer.write(_CONVERT, atom) for atom in equation.operands]
        return writer.join(parts[0], parts[1])
    if nest.name in ("select", "convert", "same"):
        return writer.each(lambda slot: nest.name == "select" and slot == 0)
    return False


def _spots(writer: _Writer, nest: Spots) -> bool:
    spots = nest.spots(writer.equation)
    positions = {
        lookup.positions for spot in spots or () for lookup in spot.lookups if isinstance(lookup.positions, int)
    }
    return spots is not None and writer.each(lambda slot: slot in positions)


def _asked(writer: _Writer, nest: Reduced) -> bool:
    """Where something is asked of each element, for which both parts are looked at."""
    equation = writer.equation
    (z,) = equation.operands
    flat: list[Atom] = [*writer.parts(z)]
    dtype = part_of(z.dtype)
    if nest.test != "isnan":
        zero = Literal(dtype.type(0))
        flat += [zero, zero]
    bits = Var(z.shape, np.dtype(bool), "array" if z.shape else "scalar")
    question = _half(np.isnan if nest.test == "isnan" else np.not_equal, dtype, None)
    writer.made.append(writer.equation_of(question, flat, {}, (bits,)))
    reduce = _glue(equation.primitive.name, Reduced(nest.operator, nest.axes, test="nonzero"))
    writer.made.append(writer.equation_of(reduce, (bits,), equation.parameters, (writer.answer,)))
    return True


def _mean(writer: _Writer, nest: Reduced) -> bool:
    """A sum divided by a complex number, as NumPy does: its imaginary part of 0 makes NaN of infinities."""
    equation, answer = writer.equation, writer.answer
    (z,) = equation.operands
    dtype, add = part_of(answer.dtype), _glue("total", Reduced(nest.operator, nest.axes))
    flat: list[Atom] = []
    for part in writer.parts(z):
        var = Var(answer.shape, dtype, "array" if answer.shape else "scalar")
        writer.made.append(writer.equation_of(add, (part,), equation.parameters, (var,)))
        flat.append(var)
    flat += [Literal(dtype.type(prod(z.shape) // prod(answer.shape))), Literal(dtype.type(0))]
    real, imaginary = (writer.write(_half(np.divide, dtype, which), *flat) for which in (0, 1))
    return writer.join(real, imaginary)


def _reduced(writer: _Writer, nest: Reduced) -> bool:
    equation = writer.equation
    if nest.test:
        return _asked(writer, nest)
    if nest.operator != "add":
        return False
    if nest.mean:
        return _mean(writer, nest)
    if len(equation.operands) == 1:
        return writer.each(lambda slot: False)
    shape = np.broadcast_shapes(*[atom.shape for atom in equation.operands])
    product = Var(tuple(shape), writer.answer.dtype)
    flat = [part for atom in equation.operands for part in writer.parts(atom)]
    dtype = part_of(product.dtype)
    halves = []
    for which in (0, 1):
        terms = writer.write(_half(np.multiply, dtype, which), *flat, like=product)
        halves.append(writer.write(equation.primitive, terms))
    return writer.join(halves[0], halves[1])


#: By the declarations of operations, what writes them.
_RULES: dict[type, Callable[[_Writer, Any], bool]] = {
    Rearranged: lambda writer, nest: writer.each(lambda slot: False),
    Reshaped: lambda writer, nest: writer.each(lambda slot: False),
    Pieces: lambda writer, nest: writer.each(lambda slot: False),
    Running: lambda writer, nest: nest.operator == "add" and writer.each(lambda slot: False),
    Picked: lambda writer, nest: writer.each(lambda slot: slot > 0),
    Spots: _spots,
    Mapped: _mapped,
    Reduced: _reduced,
    Product: lambda writer, nest: writer.bilinear(),
    Contracted: lambda writer, nest: writer.bilinear(),
    Convolved: lambda writer, nest: writer.bilinear(),
}

#: What has no errors that anyone could hear of, so that nobody misses it; positions that are data may be out of range.
_SILENT = (Rearranged, Reshaped, Pieces, Split, Joined)


def without_detours(steps: Sequence[Equation | Guard], outputs: Sequence[Atom]) -> list[Equation | Guard]:
    """The steps of a program without arrays that are put together only to be taken apart again."""
    pairs: dict[Atom, Pair] = {}
    names: dict[Atom, Atom] = {}
    kept: list[Equation | Guard] = []
    for equation in steps:
        if isinstance(equation, Guard):
            kept.append(equation)
            continue
        operands = tuple([names.get(atom, atom) for atom in equation.operands])
        if equation.primitive is PARTS:
            known = pairs.setdefault(operands[0], (equation.answers[0], equation.answers[1]))
            if known[0] is not equation.answers[0]:
                names.update(zip(equation.answers, known, strict=True))
                continue
        elif equation.primitive is COMPLEX:
            pairs[equation.answers[0]] = operands[0], operands[1]
        kept.append(equation if operands == equation.operands else _with_operands(equation, operands))
    read: set[Atom] = {*outputs, *(step.operand for step in kept if isinstance(step, Guard))}
    found: list[Equation | Guard] = []
    for equation in reversed(kept):
        if isinstance(equation, Guard):
            found.append(equation)
            continue
        nest = None if equation.primitive.code is None else equation.primitive.code.nest
        if isinstance(nest, _SILENT) and read.isdisjoint(equation.answers) and _is_made(equation):
            continue
        read.update(equation.operands)
        found.append(equation)
    return found[::-1]


def _is_made(equation: Equation) -> bool:
    """Whether an equation was not there before: of others, unread ones are there for a reason."""
    return equation.primitive in (PARTS, COMPLEX) or equation.answers[0].dtype.kind == "f"


def _with_operands(equation: Equation, operands: tuple[Atom, ...]) -> Equation:
    return Equation(
        equation.primitive,
        operands,
        equation.parameters,
        equation.answers,
        equation.several,
        equation.errstate,
        equation.source,
    )
