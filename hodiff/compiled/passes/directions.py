"""Directions: of tangents that are zero in all but few directions, the rows that are not are computed alone.

A Jacobian is a batch of directions, and a function that reads its parameters one by one makes tangents of most of which
nothing but zeros is known. Such a value is held as rows, from the literal on through what is linear in it, and put
together where something else reads it. Exact zeros of tangents win, infinite coefficients included, so nobody misses
what is left out; equations of that kind are marked `LINEAR` when they are staged. What is followed:

* element by element, what is linear in one operand that is held as rows, or a sum of such operands;
* functions that take one more axis in front, by the parameters that they would have without it.

That is done where it pays, counted in elements and equations; where nothing is marked, nothing is looked at. A program
that was made for NaN is left alone: whether there is one must not change. May import ``annihilate``, ``batch_rules``,
``common``, ``core``, ``directions``, ``program`` and of the operations ``indexing`` and ``joining``.

>>> from hodiff.ops.elementwise import multiply
>>> x, y = Var((500,), np.dtype(float)), Var((4, 500), np.dtype(float))
>>> basis = Literal(np.eye(4)[:, :1], tangent=True)
>>> z = y.twin()
>>> steps = [Equation(multiply, (a, x), {}, (b,), errstate=LINEAR) for a, b in ((basis, y), (y, z))]
>>> print(run(Program((x,), tuple(steps), (z,))))
program f(a: float64[500]) -> float64[4,500]
  b: float64[500] = multiply(float64[1]{...}, a) quietly
  c: float64[500] = multiply(b, a) quietly
  d: float64[4,500] = stacked(c, float64[500]{0.0}, float64[500]{0.0}, float64[500]{0.0}, axis=-2) quietly
  return d
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from hodiff.annihilate import some_nan
from hodiff.batch_rules import batch_aligned
from hodiff.compiled.passes.common import frozen
from hodiff.core import MINUS, NUMPY_UFUNCS, PLUS, Primitive, Sign
from hodiff.directions import LARGEST, is_linear_in, is_sum
from hodiff.ops.indexing import getitem
from hodiff.ops.joining import stacked
from hodiff.program import LINEAR, Atom, Equation, Guard, Literal, Program, Var

_NEGATIVE: Any = NUMPY_UFUNCS[np.negative]
#: What an equation costs apart from its elements, in elements.
_EQUATION = 200
#: How much more an array costs that is put together for equations like those that made it: they would have needed none.
_BETWEEN = 3


class Rows(NamedTuple):
    """What is known of a value.

    Attributes
    ----------
    axis : int
        That of the directions, counted from the end.
    length : int
        How many there are.
    places : frozenset of int
        Where it is not zero.
    """

    axis: int
    length: int
    places: frozenset[int]


class Step(NamedTuple):
    """An equation that can be done row by row.

    Attributes
    ----------
    equation : Equation
    axes : tuple of int
        That of the directions, for each operand.
    rows : Rows
        Of the answer.
    parameters : dict
        Of the operation on a row.
    computed : frozenset of int
        The rows for which there is something to compute; others are those of an operand.
    """

    equation: Equation
    axes: tuple[int, ...]
    rows: Rows
    parameters: dict[str, Any]
    computed: frozenset[int]

    @property
    def answer(self) -> Var:
        """The one answer."""
        return self.equation.answers[0]

    def whole(self) -> int:
        """The cost of the equation as it is."""
        return self.answer.size + _EQUATION

    def apart(self) -> int:
        """The cost of its rows."""
        return len(self.computed) * (self.answer.size // self.rows.length + _EQUATION)


def run(program: Program) -> Program:
    """The program without rows of zeros; the same object where leaving them out does not pay."""
    marked = [step for step in program.steps if step.__class__ is Equation and step.errstate is LINEAR]
    if not marked or _expects_nan(program):
        return program
    known: dict[Atom, Rows] = {}
    steps = [step for equation in marked if (step := _followed(equation, known)) is not None]
    if not steps:
        return program
    chosen = _Choice(program, steps).paying()
    return _Writer(program, chosen).run() if chosen else program


def _expects_nan(program: Program) -> bool:
    """Whether a guard says that there was a NaN, which may have been zero times infinity."""
    asked = {step.answers[0] for step in program.equations if step.primitive is some_nan}
    return any(guard.operand in asked and guard.expected for guard in program.guards)


# --- what can be followed ---------------------------------------------------------------------------------------------


def _followed(equation: Equation, known: dict[Atom, Rows]) -> Step | None:
    """How to do an equation row by row; what is known of its answer is entered."""
    given: dict[int, Rows] = {}
    for slot, atom in enumerate(equation.operands):
        if atom not in known and atom.__class__ is Literal and atom.tangent:
            known[atom] = _rows_of_literal(atom.value)
        rows = known.get(atom)
        if rows is not None and len(rows.places) < rows.length:
            given[slot] = rows
    if not given or equation.several:
        return None
    first = next(iter(given.values()))
    if any(rows[:2] != first[:2] for rows in given.values()):
        return None
    answer, axis, length = equation.answers[0], first.axis, first.length
    if answer.ndim < -axis or answer.shape[axis] != length:
        return None
    operands = equation.operands
    axes = (axis,) * len(operands)
    parameters: dict[str, Any] | None = equation.parameters
    if not _is_elementwise(equation, given):
        axes = tuple([-len(atom.shape) for atom in operands])
        axis = -answer.ndim
        parameters = _without_axis(equation, length) if _is_stack(equation, given, length) else None
    if parameters is None:
        return None
    places = frozenset[int]().union(*[rows.places for rows in given.values()])
    step = Step(equation, axes, Rows(axis, length, places), parameters, _computed(equation, given, places))
    if 2 * len(step.computed) > length and step.apart() > step.whole():
        return None
    known[answer] = step.rows
    return step


def _rows_of_literal(value: Any) -> Rows:
    """Where a tangent is not zero along its first axis."""
    if not value.ndim or not 1 < len(value) <= LARGEST or value.dtype.kind not in "fc":
        return Rows(0, 0, frozenset())
    nonzero = value.any(axis=tuple(range(1, value.ndim)))
    return Rows(-value.ndim, len(value), frozenset(np.flatnonzero(nonzero).tolist()))


def _is_elementwise(equation: Equation, given: dict[int, Rows]) -> bool:
    """Whether the answer has, element by element, what the operation makes of rows that are not zero."""
    primitive = equation.primitive
    if primitive.partials is not None:
        if is_sum(primitive):
            return len(given) == len(equation.operands)  # another term may be anything
        return len(given) == 1 and is_linear_in(primitive, *given, len(equation.operands))
    return primitive.batch is batch_aligned and _is_linear(equation, given)


def _is_linear(equation: Equation, given: dict[int, Rows]) -> bool:
    """Whether the operation is linear in these operands, with zeros for all others that it is linear in with them."""
    primitive = equation.primitive
    if primitive.transposes is None or primitive.jvps is not None:
        return False
    if not all(primitive.linear_in(slot) for slot in given):
        return False
    if not primitive.jointly:
        return len(given) == 1
    others = [slot for slot in range(len(equation.operands)) if slot not in given and primitive.linear_in(slot)]
    return all(_is_zero(equation.operands[slot]) for slot in others)


def _is_stack(equation: Equation, given: dict[int, Rows], length: int) -> bool:
    """Whether the first axis of answer and operands is that of the directions, as of functions called on a stack."""
    values = (*equation.answers, *equation.operands)
    first = all(rows.axis == -len(equation.operands[slot].shape) for slot, rows in given.items())
    stack = all(atom.shape[:1] == (length,) for atom in values)
    inside = all(equation.primitive.linear_in(slot) for slot in range(len(equation.operands)))
    return first and stack and inside and _is_linear(equation, given)


def _is_zero(atom: Atom) -> bool:
    return atom.__class__ is Literal and not np.any(atom.value)


def _without_axis(equation: Equation, length: int) -> dict[str, Any] | None:
    """The parameters that the operation has without an axis of ``length`` in front, found by putting it there again."""
    primitive, parameters = equation.primitive, equation.parameters
    if primitive.leading is None:
        return None
    wanted = frozen(parameters)
    tuples = [name for name, value in parameters.items() if value.__class__ is tuple and value]
    for number in range(len(tuples) + 1):
        for names in combinations(tuples, number):
            fewer = {name: value[1:] if name in names else value for name, value in parameters.items()}
            if frozen(primitive.leading(length, **fewer)) == wanted:
                return fewer
    return None


def _computed(equation: Equation, given: dict[int, Rows], places: frozenset[int]) -> frozenset[int]:
    """The rows that are not just those of one term of a sum."""
    if not is_sum(equation.primitive) or len(given) == 1:
        return places
    ready: set[int] = set()
    for slot, rows in given.items():
        others = [other.places for number, other in given.items() if number != slot]
        if _is_term(equation, slot):
            ready |= rows.places.difference(*others)
    return places - ready


def _is_term(equation: Equation, slot: int, sign: Sign = PLUS) -> bool:
    """Whether the sum is this operand, with this sign, where the others are zero."""
    atom, answer, partials = equation.operands[slot], equation.answers[0], equation.primitive.partials
    assert partials is not None
    return partials[slot] is sign and atom.shape == answer.shape and bool(atom.dtype == answer.dtype)


# --- what pays --------------------------------------------------------------------------------------------------------


class _Choice:
    """Which of the equations to do row by row.

    Parameters
    ----------
    program : Program
    steps : list of Step
    """

    def __init__(self, program: Program, steps: list[Step]) -> None:
        self.steps = {id(step.equation): step for step in steps}
        self.made: dict[Atom, Step] = {step.answer: step for step in steps}
        #: How many of the steps read a value, and which values others read.
        self.readers: dict[Atom, int] = {}
        self.whole: set[Atom] = {atom for atom in program.outputs if atom in self.made}
        #: Of those, what linear operations on all rows read.
        self.between: set[Atom] = set()
        for step in program.steps:
            followed = id(step) in self.steps
            for atom in step.operands if isinstance(step, Equation) else (step.operand,):
                if atom in self.made:
                    if followed:
                        self.readers[atom] = self.readers.get(atom, 0) + 1
                    else:
                        self.whole.add(atom)
                        if _is_like_those(step):
                            self.between.add(atom)

    def paying(self) -> dict[int, Step]:
        """The steps that are cheaper row by row, by the identity of their equations."""
        for step in reversed(list(self.steps.values())):
            if not self.readers.get(step.answer) and self._ends_better_before(step):
                self._leave(step)
        return {key: step for part in self._parts() for key, step in part.items() if self._pays(part)}

    def _ends_better_before(self, step: Step) -> bool:
        """Whether to put the operands together costs less than to put the answer together."""
        before = sum(_BETWEEN * self.made[atom].whole() for atom in self._read(step) if atom not in self.between)
        return step.whole() + before < step.apart() + self._joined(step)

    def _joined(self, step: Step) -> int:
        """What it costs to put the answer together, where that has to be done."""
        if step.answer not in self.whole:
            return 0
        return step.whole() * (_BETWEEN if step.answer in self.between else 1)

    def _leave(self, step: Step) -> None:
        del self.steps[id(step.equation)], self.made[step.answer]
        self.whole.discard(step.answer)
        self.between.discard(step.answer)
        for atom in self._read(step):
            self.whole.add(atom)
            self.between.add(atom)
            self.readers[atom] -= 1

    def _read(self, step: Step) -> Iterator[Atom]:
        return (atom for atom in step.equation.operands if atom in self.made)

    def _parts(self) -> list[dict[int, Step]]:
        """The steps in parts that have no value in common."""
        parts: dict[Atom, dict[int, Step]] = {}
        for key, step in self.steps.items():
            part = {key: step}
            for atom in self._read(step):
                other = parts[atom]
                if other is not part:
                    part, other = (other, part) if len(other) > len(part) else (part, other)
                    part.update(other)
                    parts.update((moved.answer, part) for moved in other.values())
            parts[step.answer] = part
        return list({id(part): part for part in parts.values()}.values())

    def _pays(self, part: dict[int, Step]) -> bool:
        apart = sum(step.apart() + self._joined(step) for step in part.values())
        return apart < sum(step.whole() for step in part.values())


def _is_like_those(step: Equation | Guard) -> bool:
    """Whether a step is an operation on elements that would be in one loop with those before it."""
    return isinstance(step, Equation) and step.errstate is LINEAR and step.primitive.partials is not None


# --- writing ----------------------------------------------------------------------------------------------------------


class _Writer:
    """The program, some equations of which are done row by row."""

    def __init__(self, program: Program, chosen: dict[int, Step]) -> None:
        self.program = program
        self.chosen = chosen
        self.written: list[Equation | Guard] = []
        #: What is not put together yet; the rows of all that has been taken apart, and along which axis.
        self.waiting: dict[Atom, Step] = {}
        self.rows: dict[Atom, dict[int, Atom]] = {}
        self.axes: dict[Atom, int] = {}
        self._parts: dict[tuple[Atom, int, int], Var] = {}

    def run(self) -> Program:
        """Write it."""
        for step in self.program.steps:
            if id(step) in self.chosen:
                self._apart(self.chosen[id(step)])
                continue
            for atom in step.operands if isinstance(step, Equation) else (step.operand,):
                self._together(atom)
            self.written.append(step)
        for atom in self.program.outputs:
            self._together(atom)
        return self.program.replace(steps=self.written)

    def _apart(self, step: Step) -> None:
        """Write the rows of an equation."""
        self.waiting[step.answer] = step
        self.axes[step.answer] = step.rows.axis
        rows = self.rows[step.answer] = {}
        for place in sorted(step.rows.places):
            rows[place] = self._row(step, place)

    def _row(self, step: Step, place: int) -> Atom:
        equation = step.equation
        primitive, operands = equation.primitive, equation.operands
        parts = [self._part(atom, place, axis) for atom, axis in zip(operands, step.axes, strict=True)]
        if primitive.partials is not None and is_sum(primitive):
            terms = [slot for slot, atom in enumerate(operands) if self._is_there(atom, place)]
            if place not in step.computed:
                return parts[terms[0]]
            # Of another dtype, a term becomes one of the answer's where zeros are added.
            if len(terms) == 1 and len(operands) == 2 and _is_term(equation, terms[0], MINUS):
                return self._write(_NEGATIVE, [parts[terms[0]]], {}, step)
        return self._write(primitive, parts, step.parameters, step)

    def _is_there(self, atom: Atom, place: int) -> bool:
        """Whether a value has this row; others are zero."""
        return place in self.rows[atom] if atom in self.rows else bool(np.any(atom.value[place]))  # type: ignore[union-attr]

    def _part(self, atom: Atom, place: int, axis: int) -> Atom:
        """The row of an operand; all of one that has none."""
        if atom in self.rows and self.axes[atom] == axis:
            return self.rows[atom].get(place) or _zeros(atom, axis)
        self._together(atom)
        if len(atom.shape) < -axis:
            return atom
        index = (*(slice(None),) * (len(atom.shape) + axis), place if atom.shape[axis] > 1 else 0)
        if isinstance(atom, Literal):
            return Literal(atom.value[index])
        key = atom, axis, place
        if key not in self._parts:
            shape = _row_shape(atom.shape, axis)
            part = self._parts[key] = Var(shape, atom.dtype, "array" if shape else "scalar")
            self.written.append(Equation(getitem, (atom,), {"index": index}, (part,)))
        return self._parts[key]

    def _write(self, primitive: Primitive, operands: list[Atom], parameters: dict[str, Any], step: Step) -> Var:
        source = step.equation.source
        shape = _row_shape(step.answer.shape, step.rows.axis)
        form = "array" if shape else _form(primitive, operands, parameters)
        var = Var(shape, step.answer.dtype, form)
        self.written.append(Equation(primitive, tuple(operands), parameters, (var,), False, LINEAR, source))
        return var

    def _together(self, atom: Atom) -> None:
        """Write what puts a value together, where that has not been done."""
        step = self.waiting.pop(atom, None)
        if step is not None:
            axis, length, _ = step.rows
            rows, zeros = self.rows[atom], _zeros(step.answer, axis)
            parts = tuple([rows.get(place, zeros) for place in range(length)])
            source = step.equation.source
            self.written.append(Equation(stacked, parts, {"axis": axis}, (step.answer,), False, LINEAR, source))


def _row_shape(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[: len(shape) + axis], *shape[len(shape) + axis + 1 :])


def _zeros(atom: Atom, axis: int) -> Literal:
    """A row of zeros of a value."""
    shape, zero = _row_shape(atom.shape, axis), np.zeros((), atom.dtype)
    return Literal(np.broadcast_to(zero, shape) if shape else zero[()])


def _form(primitive: Primitive, operands: list[Atom], parameters: dict[str, Any]) -> str:
    """Whether an answer of shape () is an array or a scalar."""
    ones = [a.value if isinstance(a, Literal) else _one(a) for a in operands]
    with np.errstate(all="ignore"):
        return Var.of(primitive.function(*ones, **parameters)).form


def _one(var: Var) -> Any:
    one = np.ones((), var.dtype)
    return np.broadcast_to(one, var.shape) if var.form == "array" else one[()] if var.form == "scalar" else one.item()
