"""The body of a loop, from the turns of a run: which operands are constants, carries and elements of sequences.

May import ``keys``, ``program``, ``progressions`` and ``turns``. See ``rolling`` for an example.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.rolling.keys import WIDTH, Table
from hodiff.compiled.rolling.turns import DEEPEST, Run
from hodiff.program import Atom, Equation, Guard, Literal, Program, Var
from hodiff.progressions import moved, moving

#: Parts of an array may have twice as many elements as the array together, or up to this number.
_PICKED = 2**20
#: Offset of an equation in a turn, and number of the answer.
Place = tuple[int, int]


class Unrollable(Exception):  # noqa: N818 - control flow, no error
    """A run is no loop after all."""


class Pick(NamedTuple):
    """A part of a constant array that moves with the turns.

    Attributes
    ----------
    base : Var or Literal
    key : tuple
        Basic index of the first turn.
    steps : tuple of int
        By how much each entry of it changes.
    """

    base: Atom
    key: tuple[Any, ...]
    steps: tuple[int, ...]

    def moved(self, first: int, stride: int) -> "Pick":
        """From another turn on, and by several turns at once."""
        key = tuple(moved(e, s * first) for e, s in zip(self.key, self.steps, strict=True))
        return Pick(self.base, key, tuple(s * stride for s in self.steps))


class Stream(NamedTuple):
    """Values of a place in the turns of an earlier run."""

    source: Run
    place: Place
    first: int
    stride: int


class Carry(NamedTuple):
    """A value from ``level`` turns before.

    Attributes
    ----------
    place : (int, int)
    level : int
    initial : Var or Literal
    before : int
        Number of the carry of one level less; -1 for level 1.
    """

    place: Place
    level: int
    initial: Atom
    before: int


class Body:
    """The equations of one turn, with their operands told apart.

    Attributes
    ----------
    run : Run
    constants : list of Var
    carries : list of Carry
    sequences : list of Pick, Stream or Literal
    picks : dict
        For offsets of equations that the sequences stand for.
    reverse : bool
        The loop goes through its sequences from the last element on; set by the writer.

    Raises
    ------
    Unrollable
    """

    def __init__(self, run: Run, table: Table, steps: Sequence[Equation | Guard]) -> None:
        self.run = run
        self.reverse = False
        self.constants: list[Var] = []
        self.carries: list[Carry] = []
        self.sequences: list[Pick | Stream | Literal] = []
        self.picks: dict[int, Pick] = {}
        self._table = table
        self._steps = steps
        self._levels: dict[Place | tuple[Place, int], int] = {}
        self._numbers: dict[Any, int] = {}
        #: For each equation what its operands are: ("constant" | "carry" | "sequence", number), a place, or a literal.
        self._operands: list[list[Any]] = []
        self._element_of: dict[int, int] = {}
        column = integer = 0
        for offset in range(run.period):
            step = self._equation(run.turns - 1, offset)
            columns = range(column, column + len(step.operands))
            column = columns.stop
            name = step.primitive.index
            if name is not None:
                index = step.parameters[name]
                moves = []
                for entry in index:
                    moves.append(0)
                    if moving(entry) is not None:
                        moves[-1] = int(run.integer_steps[integer])
                        integer += 1
                if any(moves):
                    self._pick(offset, step, columns[0], tuple(moves))
                    continue
            self._operands.append([self._operand(offset, slot, step, c) for slot, c in enumerate(columns)])
        self._check_elements()

    def _equation(self, turn: int, offset: int) -> Equation:
        step = self._steps[self.run.start + turn * self.run.period + offset]
        assert isinstance(step, Equation)
        return step

    # --- telling operands apart ---------------------------------------------------------------------------------------

    def _pick(self, offset: int, step: Equation, column: int, moves: tuple[int, ...]) -> None:
        assert step.primitive.index is not None
        base = step.operands[0]
        if self.run.steps[column] or len(step.operands) != 1 or not self._windows_full(step, moves):
            raise Unrollable
        if isinstance(base, Literal) and len(set(self.run.literals[:, column].tolist())) > 1:
            raise Unrollable
        if step.answers[0].size * self.run.turns > max(_PICKED, 2 * int(np.prod(base.shape))):
            raise Unrollable  # long windows that overlap, which the plain function has one by one
        pick = Pick(base, self._equation(0, offset).parameters[step.primitive.index], moves)
        self.picks[offset] = pick
        self._element_of[offset] = self._sequence(("pick", base, _key(pick.key), moves), pick)
        self._operands.append([])

    @staticmethod
    def _windows_full(step: Equation, moves: tuple[int, ...]) -> bool:
        """Whether windows that move do so alone, and end before the array does."""
        assert step.primitive.index is not None
        index = step.parameters[step.primitive.index]
        lengths = step.answers[0].shape
        changing = [entry for entry, move in zip(index, moves, strict=True) if move]
        windows = [entry for entry in changing if entry.__class__ is slice]
        return all(len(changing) == 1 and entry.stop - entry.start in lengths for entry in windows)

    def _check_elements(self) -> None:
        """Refuse elements that loops cannot hand over.

        An element of a sequence of numbers is a scalar. It may stand for an array of shape () where only elementwise
        operations read it, which make scalars of both.
        """
        strict = {number for number in range(len(self.sequences)) if not _elements_fit(self._answer_of(number))}
        if not strict:
            return
        picked = {(offset, 0) for offset, number in self._element_of.items() if number in strict}
        if any(carry.place in picked for carry in self.carries):
            raise Unrollable
        for offset, operands in enumerate(self._operands):
            elementwise = self._equation(0, offset).primitive.partials is not None
            for operand in operands:
                found = operand in picked or (
                    isinstance(operand, tuple) and operand[0] == "sequence" and operand[1] in strict
                )
                if found and not elementwise:
                    raise Unrollable

    def _answer_of(self, number: int) -> Var:
        """A variable of the program that a sequence stands for."""
        sequence = self.sequences[number]
        if isinstance(sequence, Literal):
            shape = sequence.shape[1:]
            return Var(shape, sequence.dtype, "array" if shape else "scalar")
        if isinstance(sequence, Stream):
            step = self._steps[sequence.source.start + sequence.place[0]]
            assert isinstance(step, Equation)
            return step.answers[sequence.place[1]]
        return self.answer((next(offset for offset, n in self._element_of.items() if n == number), 0))

    def _operand(self, offset: int, slot: int, step: Equation, column: int) -> Any:
        run = self.run
        if column in run.sources:
            stream = Stream(*run.sources[column])
            return ("sequence", self._sequence(("stream", id(stream.source), *stream[1:]), stream))
        atom = step.operands[slot]
        if run.steps[column] == 0:
            if isinstance(atom, Var):
                return ("constant", self._constant(atom))
            if len(set(run.literals[:, column].tolist())) == 1:
                return atom
            literal = self._literals(offset, slot, step, column)
            return ("sequence", self._sequence(("literal", offset, slot), literal))
        place, turn = run.place(int(run.operands[-1, column]))
        back = run.turns - 1 - turn
        if back == 0:
            return place
        if back > DEEPEST or back >= run.turns:
            raise Unrollable
        return ("carry", self._carry(place, [self._initial(row, offset, slot, column) for row in range(back)]))

    def _constant(self, atom: Var) -> int:
        if atom not in self._numbers:
            self._numbers[atom] = len(self.constants)
            self.constants.append(atom)
        return self._numbers[atom]

    def _sequence(self, key: Any, sequence: Pick | Stream | Literal) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.sequences)
            self.sequences.append(sequence)
        return self._numbers[key]

    def _initial(self, row: int, offset: int, slot: int, column: int) -> tuple[Any, Atom]:
        atom = self._equation(row, offset).operands[slot]
        if isinstance(atom, Var) and int(self.run.operands[row, column]) >= self.run.start * WIDTH:
            raise Unrollable
        return (atom if isinstance(atom, Var) else int(self.run.literals[row, column])), atom

    def _carry(self, place: Place, initials: list[tuple[Any, Atom]]) -> int:
        """Number of the carry that the operand is, which starts with these values in the first turns."""
        before = -1
        key: Any = None
        for level, (name, atom) in enumerate(reversed(initials), 1):
            key = (place, name, key)
            if key not in self._numbers:
                self._numbers[key] = len(self.carries)
                self._levels.setdefault((place, level), len(self.carries))
                self.carries.append(Carry(place, level, atom, before))
            before = self._numbers[key]
        return before

    def _literals(self, offset: int, slot: int, step: Equation, column: int) -> Literal:
        """A literal that differs from turn to turn, as a sequence."""
        run = self.run
        values = []
        for turn in range(run.turns):
            atom = self._equation(turn, offset).operands[slot]
            assert isinstance(atom, Literal)
            values.append(atom.value)
        if isinstance(values[0], np.ndarray):
            if not values[0].ndim:
                raise Unrollable
            return Literal(np.stack(values))
        if isinstance(values[0], np.generic):
            return Literal(np.array(values, values[0].dtype))
        first = column - slot
        varying = {
            s
            for s, atom in enumerate(step.operands)
            if isinstance(atom, Literal)
            and atom.form == "number"
            and run.steps[first + s] == 0
            and len(set(run.literals[:, first + s].tolist())) > 1
        }
        dtype = _number_dtype(step, slot, varying)
        if dtype is None:
            raise Unrollable
        array = _converted(values, dtype)
        if array is None:
            raise Unrollable
        return Literal(array)

    # --- what others ask ----------------------------------------------------------------------------------------------

    def answer(self, place: Place) -> Var:
        """The variable of a place, in the last turn."""
        return self._equation(self.run.turns - 1, place[0]).answers[place[1]]

    def places(self) -> list[Place]:
        """The first answer of each equation that the body has."""
        return [(offset, 0) for offset in range(self.run.period) if offset not in self.picks]

    def carried(self, place: Place, turn: int) -> int | None:
        """Number of the carry whose final value is that of a place in a turn."""
        return self._levels.get((place, self.run.turns - turn))

    def position(self, turn: int) -> int:
        """Where a turn stands in sequences and stacked answers."""
        return self.run.turns - 1 - turn if self.reverse else turn

    def streams(self) -> Iterator[Stream]:
        """Sequences that are values of earlier runs."""
        return (sequence for sequence in self.sequences if isinstance(sequence, Stream))

    def atoms(self) -> Iterator[Atom]:
        """What is read once from outside: constants, initial values, and arrays of which parts are picked."""
        yield from self.constants
        yield from (carry.initial for carry in self.carries)
        yield from (sequence.base for sequence in self.sequences if isinstance(sequence, Pick))

    # --- the program --------------------------------------------------------------------------------------------------

    def program(self, last: Iterable[Place], stacked: Iterable[Place]) -> Program:
        """One turn as a program: new carries, the values of ``last`` (also carries), elements of ``stacked``.

        The inputs are constants, carries, one ignored value for each place in ``last``, elements of sequences.
        """
        last = list(last)
        inputs = {
            "constant": [var.twin() for var in self.constants],
            "carry": [self.answer(carry.place).twin() for carry in self.carries],
            "last": [self.answer(place).twin() for place in last],
            "sequence": [self._element(number) for number in range(len(self.sequences))],
        }
        known: dict[Place, Var] = {}
        steps: list[Equation] = []
        for offset, operands in enumerate(self._operands):
            if offset in self.picks:
                known[offset, 0] = inputs["sequence"][self._element_of[offset]]
                continue
            step = self._equation(self.run.turns - 1, offset)
            answers = tuple(var.twin() for var in step.answers)
            known.update({(offset, i): var for i, var in enumerate(answers)})
            read: list[Atom] = []
            for operand in operands:
                if isinstance(operand, Literal):
                    read.append(operand)
                else:
                    read.append(inputs[operand[0]][operand[1]] if operand[0].__class__ is str else known[operand])
            steps.append(
                Equation(
                    step.primitive, tuple(read), step.parameters, answers, step.several, step.errstate, step.source
                )
            )
        carries = [known[carry.place] if carry.before < 0 else inputs["carry"][carry.before] for carry in self.carries]
        outputs = [*carries, *[known[place] for place in last], *[known[place] for place in stacked]]
        return Program(tuple(var for part in inputs.values() for var in part), tuple(steps), tuple(outputs), "turn")

    def _element(self, number: int) -> Var:
        var = self._answer_of(number)
        return Var(var.shape, var.dtype, "array" if var.shape else "scalar")


def _elements_fit(var: Var) -> bool:
    """Whether an element of an array of such values is such a value."""
    return var.form == ("array" if var.shape else "scalar")


def _key(index: tuple[Any, ...]) -> Any:
    return tuple((e.start, e.stop, e.step) if isinstance(e, slice) else e for e in index)


_PYTHON = {"i": int, "f": float, "c": complex}


def _number_dtype(step: Equation, slot: int, varying: set[int]) -> Any:
    """The dtype that a ufunc gives a Python number, where with NumPy scalars of it nothing else changes; or None."""
    ufunc = step.primitive.function
    if not isinstance(ufunc, np.ufunc) or ufunc.signature is not None or len(step.operands) != ufunc.nin:
        return None
    types: list[Any] = []
    for atom in step.operands:
        number = atom.form == "number"
        if number and atom.dtype.kind not in _PYTHON:
            return None
        types.append(_PYTHON[atom.dtype.kind] if number else atom.dtype)
    blank = (None,) * ufunc.nout
    try:
        resolved = ufunc.resolve_dtypes((*types, *blank))
        for at in varying:
            types[at] = resolved[at]
        again = ufunc.resolve_dtypes((*types, *blank))
    except TypeError:
        return None
    if again != resolved or [var.dtype for var in step.answers] != list(resolved[ufunc.nin :]):
        return None
    return resolved[slot]


def _converted(values: list[Any], dtype: Any) -> Any:
    """Python numbers as an array, where that is what an operation would do with each; else None."""
    if any(isinstance(value, int) and abs(value) > 2**31 for value in values):
        return None
    with np.errstate(all="ignore"):
        array = np.array(values).astype(dtype)
    if dtype.kind in "fc" and not np.isfinite(array).all():
        return None
    return array if dtype.kind in "fc" or array.tolist() == values else None
