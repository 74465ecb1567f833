"""Arrays that loops change in place: carried ones of which a turn replaces, or adds to, a few elements.

A carried array can stay where it is if a task takes over the memory of its operand (``Task.replaces``), and whatever
else reads the array of that turn does so before. What a derivative adds to an array of zeros, and that to a carried
array, is added to the carried array. May import ``code``, ``core``, ``lowering``, ``planning``, ``program``, ``steps``
and ``tasks``.

>>> from hodiff.ops.elementwise import add
>>> from hodiff.ops.indexing import scatter
>>> ct, at, x, y, z = Var((), np.dtype(float)), Var((), np.dtype(int)), *(Var((9,), np.dtype(float)) for _ in range(3))
>>> steps = (Equation(scatter, (ct, at), {"axis": -1, "shape": (9,)}, (y,)), Equation(add, (x, y), {}, (z,)))
>>> gathered = adding_in_place(Program((ct, at, x), steps, (z,)))
>>> [equation.primitive.name for equation in gathered.equations]
['add_at']
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from hodiff.code import Code
from hodiff.compiled.native.plans.planning import Plan
from hodiff.compiled.native.plans.steps import Nest, Step, Work
from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.lowering import Index, Looped, Repeated, Spot, Spots
from hodiff.program import Atom, Equation, Program, Var

_ADD: Any = NUMPY_UFUNCS[np.add]


def _unused(*arguments: Any, **parameters: Any) -> Any:
    raise NotImplementedError("it is made when a program is compiled")


def _added_spots(equation: Any) -> list[Spot]:
    """The array, and behind it what is added to it."""

    def same(at: Index) -> Index:
        return at

    scattered = equation.parameters["scattered"]
    found = [Spot(0, equation.answers[0].shape, same, same)]
    for spot in scattered.primitive.code.nest.spots(scattered):
        lookups = [
            at._replace(positions=at.positions + 1) if isinstance(at.positions, int) else at for at in spot.lookups
        ]
        found.append(spot._replace(slot=spot.slot + 1, lookups=tuple(lookups)))
    return found


#: An array to which elements of others are added; ``scattered`` is the equation that would have made an array of them.
add_at = Primitive("add_at", _unused, batch=_unused, code=Code(nest=Spots(_added_spots, adds=True, onto=True)))


class _Part(NamedTuple):
    """Elements that are added to zeros: the equations that add them, and all that make the array."""

    adding: list[Equation]
    making: list[Equation]


def adding_in_place(program: Program) -> Program:
    """The program with sums of an array and a few elements in the place of sums of two arrays."""
    if not any(_adds(step) for step in program.equations):
        return program
    uses: dict[Atom, int] = {}
    for atom in (*program.outputs, *(atom for step in program.equations for atom in step.operands)):
        uses[atom] = uses.get(atom, 0) + 1
    steps: list[Equation] = []
    #: Arrays that are read once, and have not been made yet.
    parts: dict[Atom, _Part] = {}
    for step in program.equations:
        answer, once = step.answers[0], uses.get(step.answers[0], 0) == 1
        if once and _adds(step):
            parts[answer] = _Part([step], [step])
            continue
        summands = [atom for atom in step.operands if atom in parts] if _is_sum(step) else []
        if once and len(summands) == 2:
            x, y = (parts.pop(atom) for atom in summands)
            parts[answer] = _Part(x.adding + y.adding, [*x.making, *y.making, step])
            continue
        if summands:
            part = parts.pop(summands[-1])
            (rest,) = [atom for atom in step.operands if atom is not summands[-1]]
            if rest in parts:
                steps += parts.pop(rest).making
            steps += _added(rest, part.adding, step)
            continue
        for atom in step.operands:
            if atom in parts:
                steps += parts.pop(atom).making
        steps.append(step)
    for part in parts.values():
        steps += part.making
    return program.replace(steps=steps)


def _added(onto: Atom, adding: Sequence[Equation], step: Equation) -> list[Equation]:
    """Equations that add elements to an array, one after another."""
    found = []
    for number, scattered in enumerate(adding, 1):
        answer = step.answers[0] if number == len(adding) else step.answers[0].twin()
        operands, parameters = (onto, *scattered.operands), {"scattered": scattered}
        found.append(replace(step, primitive=add_at, operands=operands, parameters=parameters, answers=(answer,)))
        onto = answer
    return found


def _is_sum(step: Equation) -> bool:
    """Whether a step adds two arrays that are like the answer."""
    (answer, *_) = step.answers
    return step.primitive is _ADD and all(a.shape == answer.shape and a.dtype == answer.dtype for a in step.operands)


def _adds(equation: Equation) -> bool:
    nest = None if equation.primitive.code is None else equation.primitive.code.nest
    return isinstance(nest, Spots) and nest.adds and not nest.onto and equation.answers[0].dtype.kind in "fiu"


def writing_late(program: Program, pairs: Collection[tuple[Var, Atom]]) -> Program:
    """The program with whatever reads an array before what changes it, where that is possible.

    ``pairs`` are arrays, and what becomes of them.
    """
    steps = list(program.equations)
    makers: dict[Atom, Equation] = {var: step for step in steps for var in step.answers}
    for var, output in pairs:
        chain: list[Atom] = []
        atom = output
        while atom is not var and (source := _changed(makers.get(atom), atom)) is not None:
            chain.append(atom)
            atom = source
        for changed in reversed(chain if atom is var else []):
            late: set[Atom] = {changed}
            first, last = [], []
            for step in steps:
                if late.isdisjoint((*step.operands, *step.answers)):
                    first.append(step)
                else:
                    late.update(step.answers)
                    last.append(step)
            steps = first + last
    return program.replace(steps=steps)


def _changed(equation: Equation | None, answer: Atom) -> Atom | None:
    """The operand whose memory an answer may have."""
    nest = None if equation is None or equation.primitive.code is None else equation.primitive.code.nest
    if equation is None or not isinstance(nest, (Spots, Looped, Repeated)):
        return None
    if isinstance(nest, Spots):
        return equation.operands[0]
    number = next(i for i, var in enumerate(equation.answers) if var is answer)
    carries = equation.parameters["carries"]
    return equation.operands[equation.parameters["constants"] + number] if number < carries else None


class InPlace(NamedTuple):
    """How an array is changed in place.

    Attributes
    ----------
    places : list of Var
        What is in its memory in the course of a turn, at last what becomes of it.
    early : dict
        Numbers to compute before a step, by the number of the step.
    """

    places: list[Var]
    early: dict[int, list[Var]]


def changed_in_place(plan: Plan, var: Var, output: Atom) -> InPlace | None:
    """How an array may be changed in place; None where it may not."""
    chain: list[Atom] = [output]
    while chain[0] is not var:
        task = plan.tasks.get(chain[0])
        source = None if task is None else task.replaces.get(chain[0])
        if source is None:
            return None
        chain.insert(0, source)
    early: dict[int, list[Var]] = {}
    numbers = [node.answer for node in plan.nodes.values() if node.answer.size == 1 and node.answer not in plan.stored]
    for before, after in pairwise(chain):
        task = plan.tasks[after]
        place = next(i for i, step in enumerate(plan.steps) if isinstance(step, Work) and step.task is task)
        known: dict[Atom, bool] = {before: True}
        early[place] = [number for number in numbers if _is_made_of(plan, number, known)]
        known = {before: True, **dict.fromkeys(early[place], False)}
        if any(_is_made_of(plan, atom, known) for step in plan.steps[place + 1 :] for atom in _read_by(step)):
            return None
        late: dict[Atom, bool] = {made: True for step in plan.steps[place:] for made in step.made()}
        if any(_is_made_of(plan, number, late) for number in early[place]):
            return None
    return InPlace([atom for atom in chain[1:] if isinstance(atom, Var)], early)


def _is_made_of(plan: Plan, atom: Atom, known: dict[Atom, bool]) -> bool:
    """Whether a value is computed, where it is read, from one that is known to be so."""
    waiting = [atom]
    while waiting:
        found = waiting[-1]
        node = None if found in plan.stored else plan.nodes.get(found)
        operands = () if node is None else node.equation.operands
        missing = [] if found in known else [operand for operand in operands if operand not in known]
        if missing:
            waiting += missing
            continue
        if found not in known:
            known[found] = any(known[operand] for operand in operands)
        waiting.pop()
    return known[atom]


def _read_by(step: Step) -> Sequence[Atom]:
    """What a step reads, or computes in order to read it."""
    if isinstance(step, Work):
        return step.task.equation.operands
    nests: Sequence[Nest] = [step] if isinstance(step, Nest) else getattr(step, "nests", [])
    inside = [a for nest in nests for statement in nest.statements for a in statement.node.equation.operands]
    return [*step.needs(), *inside]
