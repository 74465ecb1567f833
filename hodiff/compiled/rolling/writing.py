"""Runs of turns written as loops, and the rest of the program with what it reads of them.

May import ``bodies``, ``indexing``, ``keys``, ``loops``, ``program``, ``progressions`` and ``staging``. See
``rolling`` for an example.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hodiff.compiled.rolling.bodies import Body, Pick, Place, Stream
from hodiff.compiled.rolling.keys import WIDTH, Table
from hodiff.control.loops import loop
from hodiff.ops.indexing import getitem
from hodiff.program import Atom, Equation, Guard, Literal, Program, Source, Var
from hodiff.progressions import Part, Progression, advance, moving
from hodiff.staging import stage_part

#: Operands of one equation that are turns of a loop are bundled from this number on.
_BUNDLE = 4


class Needs:
    """What of each run is read outside of it: places in all turns (stacked), and in the last turn alone."""

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.stacked: dict[Body, dict[Place, None]] = {body: {} for body in bodies}
        self.last: dict[Body, dict[Place, None]] = {body: {} for body in bodies}
        #: Python's numbers cannot be stacked, so these are no loops.
        self.refused: set[Body] = set()

    def one(self, body: Body, place: Place, turn: int) -> None:
        """Note that one value is read."""
        if place[0] in body.picks or body.carried(place, turn) is not None:
            return
        if turn == body.run.turns - 1:
            self.last[body][place] = None
        else:
            self.all(body, place)

    def all(self, body: Body, place: Place) -> None:
        """Note that the values of many turns are read."""
        if place[0] in body.picks:
            return
        if body.answer(place).form == "number":
            self.refused.add(body)
        self.stacked[body][place] = None


class Writer:
    """One rewriting of a program.

    Parameters
    ----------
    program : Program
    table : Table
        Of the program.
    bodies : sequence of Body
        In order.
    """

    def __init__(self, program: Program, table: Table, bodies: Sequence[Body]) -> None:
        self.program = program
        self.steps = program.steps
        self.table = table
        self.bodies = bodies
        self.body_of = {body.run: body for body in bodies}
        self.written: list[Equation | Guard] = []
        #: Variables of the old program, for those that are others in the new one.
        self.known: dict[Var, Atom] = {}
        self.stacks: dict[tuple[Body, Place], Var] = {}
        self.finals: dict[tuple[Body, int | Place], Var] = {}
        self.memo: dict[Any, Atom] = {}
        #: The user's line that is being written.
        self.source: Source | None = None
        self.owners: list[Body | None] = [None] * len(self.steps)
        for body in bodies:
            self.owners[body.run.start : body.run.stop] = [body] * (body.run.stop - body.run.start)
        self.bundles: dict[int, list[tuple[range, Body, Place, range]]] = {}
        self.needs = self._needs()

    # --- what is read -------------------------------------------------------------------------------------------------

    def _needs(self) -> Needs:
        needs = Needs(self.bodies)
        position = 0
        for body in self.bodies:
            for at in range(position, body.run.start):
                self._note(needs, at, self.steps[at])
            position = body.run.stop
            for atom in body.atoms():
                self._note_atom(needs, atom)
            for stream in body.streams():
                needs.all(self.body_of[stream.source], stream.place)
        for at in range(position, len(self.steps)):
            self._note(needs, at, self.steps[at])
        for atom in self.program.outputs:
            self._note_atom(needs, atom)
        return needs

    def _note(self, needs: Needs, position: int, step: Equation | Guard) -> None:
        if isinstance(step, Guard):
            self._note_atom(needs, step.operand)
            return
        covered: set[int] = set()
        if step.primitive.bundled is not None and len(step.operands) >= _BUNDLE:
            self.bundles[position] = found = list(self._bundles(step))
            for slots, body, place, _ in found:
                needs.all(body, place)
                covered.update(slots)
        for slot, atom in enumerate(step.operands):
            if slot not in covered:
                self._note_atom(needs, atom)

    def _note_atom(self, needs: Needs, atom: Atom) -> None:
        found = self._defined(atom)
        if found is not None:
            needs.one(*found)

    def _defined(self, atom: Atom) -> tuple[Body, Place, int] | None:
        """Which turn of which run defines a variable."""
        if atom.__class__ is not Var:
            return None
        number = self.table.places[atom]
        body = self.owners[number // WIDTH] if number >= 0 else None
        if body is None:
            return None
        place, turn = body.run.place(number)
        return body, place, turn

    def _bundles(self, step: Equation) -> Any:
        """Operands that are turns of one run, in steps: slots, run, place and turns."""
        groups: dict[tuple[Body, Place], list[tuple[int, int]]] = {}
        for slot, atom in enumerate(step.operands):
            found = self._defined(atom)
            if found is not None:
                groups.setdefault(found[:2], []).append((slot, found[2]))
        for (body, place), pairs in groups.items():
            slots, turns = _even([slot for slot, _ in pairs]), _even([turn for _, turn in pairs])
            if len(pairs) >= _BUNDLE and slots is not None and turns is not None and turns.step:
                yield slots, body, place, turns

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, atom: Atom) -> Atom:
        """What stands for an operand in the new program."""
        if not isinstance(atom, Var):
            return atom
        known = self.known.get(atom)
        if known is None:
            found = self._defined(atom)
            known = self.known[atom] = atom if found is None else self._turn(*found)
        return known

    def _turn(self, body: Body, place: Place, turn: int) -> Atom:
        level = body.carried(place, turn)
        if level is not None:
            return self.finals[body, level]
        if place[0] in body.picks:
            original = self.steps[body.run.start + turn * body.run.period + place[0]]
            assert isinstance(original, Equation)
            self.equation(original)
            return original.answers[0]
        if turn == body.run.turns - 1 and (body, place) in self.finals:
            return self.finals[body, place]
        stack, answer = self.stacks[body, place], body.answer(place)
        at = body.position(turn)
        index: tuple[Any, ...] = (at, Ellipsis) if answer.form == "array" and not answer.shape else (at,)
        return self._emit_getitem(stack, index, answer.twin())

    def _emit_getitem(self, array: Atom, index: tuple[Any, ...], answer: Var) -> Var:
        self.written.append(Equation(getitem, (array,), {"index": index}, (answer,), source=self.source))
        return answer

    def staged(self, function: Callable[..., Any], *atoms: Atom) -> Atom:
        """Write what a function of arrays does."""
        program, _ = stage_part(lambda *values: [function(*values)], [_example(atom) for atom in atoms])
        names: dict[Atom, Atom] = dict(zip(program.inputs, atoms, strict=True))
        for step in program.equations:
            operands = tuple(names.get(atom, atom) for atom in step.operands)
            self.written.append(
                Equation(step.primitive, operands, step.parameters, step.answers, step.several, None, self.source)
            )
        return names.get(program.outputs[0], program.outputs[0])

    def _span(self, body: Body, place: Place, first: int, stride: int, count: int) -> Atom:
        """Values of a place in ``count`` turns of a run, along axis 0."""
        if place[0] in body.picks:
            pick = body.picks[place[0]].moved(first, stride)
            return self._pick(pick.base, pick.key, pick.steps, count)
        stack = self.stacks[body, place]
        start = body.position(first)
        step = -stride if body.reverse else stride
        return self._slice(stack, start, step, count)

    def _slice(self, stack: Var, start: int, step: int, count: int) -> Atom:
        if start == 0 and step == 1 and count == stack.shape[0]:
            return stack
        key = (stack, start, step, count)
        if key not in self.memo:
            found = advance((start,), 0, step, count, stack.ndim)
            assert found is not None
            answer = Var((count, *stack.shape[1:]), stack.dtype)
            self.memo[key] = self._emit_getitem(stack, found.key, answer)
        return self.memo[key]

    def _pick(self, base: Atom, index: tuple[Any, ...], steps: tuple[int, ...], count: int) -> Atom:
        """What basic indices select that advance in steps, along axis 0."""
        base = self.value(base)
        key = (
            (base, index, steps, count)
            if base.__class__ is Var and not any(isinstance(entry, slice) for entry in index)
            else None
        )
        if key is not None and key in self.memo:
            return self.memo[key]
        places = [at for at, step in enumerate(steps) if step]
        single = advance(index, places[0], steps[places[0]], count, len(base.shape)) if len(places) == 1 else None
        if single is None:
            answer = self.staged(lambda x: _fancy(x, index, steps, count), base)
        elif single == Progression((slice(0, count, None),), 0) and base.shape[0] == count and base.__class__ is Var:
            answer = base
        else:
            answer = self.staged(lambda x: single.gathered(x[single.key]), base)
        if key is not None:
            self.memo[key] = answer
        return answer

    # --- equations ----------------------------------------------------------------------------------------------------

    def equation(self, step: Equation | Guard, position: int = -1) -> None:
        """Write a step that is no part of a loop."""
        self.source = step.source
        if isinstance(step, Guard):
            self.written.append(replace(step, operand=self.value(step.operand)))
            return
        if self.bundles.get(position) and self._bundled(step, self.bundles[position]):
            return
        operands = tuple([self.value(atom) for atom in step.operands])
        if any(a is not b for a, b in zip(operands, step.operands, strict=True)):
            step = Equation(
                step.primitive, operands, step.parameters, step.answers, step.several, step.errstate, step.source
            )
        self.written.append(step)

    def _bundled(self, step: Equation, bundles: list[tuple[range, Body, Place, range]]) -> bool:
        """Write an operation on many turns as one on the stacked turns; False where its rule cannot."""
        rule = step.primitive.bundled
        assert rule is not None
        covered = {slot for slots, _, _, _ in bundles for slot in slots}
        parts = [(range(slot, slot + 1), atom) for slot, atom in enumerate(step.operands) if slot not in covered]
        atoms = [(slots, self.value(atom)) for slots, atom in parts]
        for slots, body, place, turns in bundles:
            atoms.append((slots, self._span(body, place, turns.start, turns.step, len(turns))))
        atoms.sort(key=lambda pair: pair[0].start)
        length = len(self.written)
        refused = False

        def function(*values: Any) -> Any:
            nonlocal refused
            given = [Part(slots, value) for (slots, _), value in zip(atoms, values, strict=True)]
            answer = rule(given, **step.parameters)
            refused = answer is NotImplemented
            return values[0] if refused else answer

        answer = self.staged(function, *(atom for _, atom in atoms))
        declared = step.answers[0]
        if refused or answer.shape != declared.shape or answer.dtype != declared.dtype or answer.form != declared.form:
            del self.written[length:]
            return False
        self.written[length:] = [
            Equation(s.primitive, s.operands, s.parameters, s.answers, s.several, step.errstate, step.source)
            for s in self.written[length:]
            if isinstance(s, Equation)
        ]
        self.known[declared] = answer
        return True

    def loop(self, body: Body) -> None:
        """Write a run as a loop."""
        run = body.run
        self.source = self.steps[run.start].source
        body.reverse = self._descending(body)
        last, stacked = list(self.needs.last[body]), list(self.needs.stacked[body])
        last = [place for place in last if place not in self.needs.stacked[body]]
        if not body.carries and not last and not stacked:
            last = body.places()[-1:]  # it runs for its warnings, and every equation has an answer
        constants = [self.value(var) for var in body.constants]
        initial = [self.value(carry.initial) for carry in body.carries]
        ignored = [Literal(_zero(body.answer(place))) for place in last]
        sequences = [self._sequence(body, sequence) for sequence in body.sequences]
        program = body.program(last, stacked)
        finals = [body.answer(carry.place).twin() for carry in body.carries]
        self.finals.update({(body, i): var for i, var in enumerate(finals)})
        for place in last:
            finals.append(body.answer(place).twin())
            self.finals[body, place] = finals[-1]
        if not finals and not stacked:
            return  # parts of arrays that others pick for themselves
        stacks = []
        for place in stacked:
            var = body.answer(place)
            stacks.append(Var((run.turns, *var.shape), var.dtype))
            self.stacks[body, place] = stacks[-1]
        parameters = {
            "body": program,
            "constants": len(constants),
            "carries": len(finals),
            "length": run.turns,
            "reverse": body.reverse,
        }
        operands = (*constants, *initial, *ignored, *sequences)
        self.written.append(Equation(loop, operands, parameters, (*finals, *stacks), True, None, self.source))

    def _sequence(self, body: Body, sequence: Pick | Stream | Literal) -> Atom:
        turns = body.run.turns
        first, stride = (turns - 1, -1) if body.reverse else (0, 1)
        if isinstance(sequence, Literal):
            return Literal(np.ascontiguousarray(sequence.value[::stride]))
        if isinstance(sequence, Pick):
            pick = sequence.moved(first, stride)
            return self._pick(pick.base, pick.key, pick.steps, turns)
        source = self.body_of[sequence.source]
        return self._span(
            source, sequence.place, sequence.first + sequence.stride * first, sequence.stride * stride, turns
        )

    def _descending(self, body: Body) -> bool:
        """Whether more sequences go from last to first than from first to last."""
        balance = 0
        for sequence in body.sequences:
            if isinstance(sequence, Pick):
                balance += 1 if next(step for step in sequence.steps if step) > 0 else -1
            elif isinstance(sequence, Stream):
                source = self.body_of[sequence.source]
                balance += 1 if (sequence.stride > 0) != source.reverse else -1
        return balance < 0

    def rewrite(self) -> Program:
        """The program with its loops."""
        position = 0
        for body in self.bodies:
            for at in range(position, body.run.start):
                self.equation(self.steps[at], at)
            self.loop(body)
            position = body.run.stop
        for at in range(position, len(self.steps)):
            self.equation(self.steps[at], at)
        outputs = [self.value(atom) for atom in self.program.outputs]
        return self.program.replace(steps=self.written, outputs=outputs)


def _even(numbers: list[int]) -> range | None:
    """Numbers as a range, where they are one."""
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    found = range(numbers[0], numbers[0] + step * len(numbers), step) if step else range(0)
    return found if list(found) == numbers else None


def _example(atom: Atom) -> Any:
    if isinstance(atom, Literal):
        return atom.value
    return np.broadcast_to(np.zeros((), atom.dtype), atom.shape) if atom.form == "array" else _zero(atom)


def _zero(var: Var) -> Any:
    if var.form == "array":
        return np.zeros(var.shape, var.dtype) if not var.shape else np.broadcast_to(np.zeros((), var.dtype), var.shape)
    return var.dtype.type(0) if var.form == "scalar" else var.dtype.type(0).item()


def _fancy(x: Any, index: tuple[Any, ...], steps: tuple[int, ...], count: int) -> Any:
    """What several basic indices select, along axis 0, where no single one does."""
    used = sum(1 for entry in index if entry is not None and entry is not Ellipsis)
    full: list[Any] = []
    for entry, step in zip(index, steps, strict=True):
        if entry is Ellipsis:
            full += [slice(None)] * (x.ndim - used)
            continue
        start = moving(entry)
        full.append(entry if start is None or not step else start + step * np.arange(count))
        if entry.__class__ is slice and step:
            window = entry.stop - entry.start
            axis = sum(1 for e in full[:-1] if e is None or isinstance(e, slice))
            rows = full[-1][:, None] + np.arange(window)
            whole = tuple(slice(None) if e is entry else e for e in index)
            return np.moveaxis(x[whole][(*(slice(None),) * axis, rows)], axis, 0)
    picking = [at for at, entry in enumerate(full) if not (entry is None or isinstance(entry, slice))]
    picked = x[tuple(full)]
    # The axis of index arrays that are apart is the first of the answer.
    return np.moveaxis(picked, picking[0], 0) if picking[-1] - picking[0] < len(picking) else picked
