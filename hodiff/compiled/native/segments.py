"""Programs that are native in parts: stretches of them become one equation each, the rest stays NumPy code.

A stretch is compiled as a program of its own and is called from the emitted NumPy code, as a primitive that has several
answers. May import ``code``, ``composing``, ``core``, ``errors``, ``nodes``, ``program``, ``recognising`` and
``tasks``.

>>> from hodiff.ops.elementwise import exp, multiply
>>> x, y, z = (Var((999,), np.dtype(float)) for _ in range(3))
>>> steps = (Equation(exp, (x,), {}, (y,)), Equation(multiply, (y, y), {}, (z,)))
>>> parts = divided(Program((x,), steps, (z,)), lambda e: None if e.primitive is exp else "no")
>>> [[equation.primitive.name for equation in part.equations] for part in parts]
[['exp']]
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hodiff.code import Code, is_unheard
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.plans.composing import parts_of
from hodiff.compiled.native.plans.nodes import InOrder, Moved, Node
from hodiff.compiled.native.plans.recognising import node_of
from hodiff.compiled.native.plans.tasks import task_of
from hodiff.core import Primitive
from hodiff.program import Atom, Equation, Guard, Program, Var

#: A call of native code takes as long as NumPy takes for an operation on as many elements.
_WORTH = 500


class Segment(NamedTuple):
    """A stretch of a program.

    Attributes
    ----------
    equations : tuple of Equation
    inputs : tuple of Var
        What it reads that others define.
    outputs : tuple of Var
        What others read, or the program returns.
    """

    equations: tuple[Equation, ...]
    inputs: tuple[Var, ...]
    outputs: tuple[Var, ...]

    def program(self, name: str) -> Program:
        """The stretch as a program."""
        return Program(self.inputs, self.equations, self.outputs, name)


def why_not(program: Program, fresh: Sequence[bool]) -> dict[Equation, str]:
    """The equations without a native form, with the reason."""
    nodes: dict[Atom, Node] = {}
    found: dict[Equation, str] = {}
    views = _returned_views(program, fresh)
    for equation in program.equations:
        try:
            if equation in views:
                raise Unsupported("it is returned as a view")
            if equation.errstate is not None and not is_unheard(equation) and equation.primitive.hazard != "none":
                raise Unsupported("floating-point errors are handled in a way of its own")
            if any(not prod(atom.shape) for atom in (*equation.operands, *equation.answers)):
                raise Unsupported("arrays without elements")
            if parts_of(equation) == [equation] and task_of(equation, nodes) is None:
                node = node_of(equation)
                nodes[node.answer] = node
        except Unsupported as unsupported:
            found[equation] = str(unsupported)
    return found


def divided(program: Program, refused: Callable[[Equation], str | None]) -> list[Segment]:
    """The stretches that are worth a call, in an order in which they can be computed."""
    level: dict[Atom, int] = {}
    members: dict[int, list[Equation]] = {}
    host: dict[Atom, bool] = {}
    after = 0
    for equation in program.steps:
        if isinstance(equation, Guard):
            after = max(members, default=-1) + 1
            continue
        here = refused(equation) is not None
        # A stretch ends where something is computed elsewhere that the rest needs.
        place = max([level.get(a, 0) + (host.get(a, False) and not here) for a in equation.operands], default=0)
        if _may_warn(equation):
            # Where the guard does not hold, nobody must hear of it.
            place = max(place, after - here)
        for var in equation.answers:
            level[var], host[var] = place, here
        if not here:
            members.setdefault(place, []).append(equation)
    segments = [_segment(program, equations) for _, equations in sorted(members.items())]
    return [segment for segment in segments if _is_worth_it(segment)]


def joined(program: Program, segments: Sequence[Segment], functions: Sequence[Callable[..., Any]]) -> Program:
    """The program with an equation in the place of each stretch."""
    owner = {equation: number for number, segment in enumerate(segments) for equation in segment.equations}
    waiting: list[Equation | Guard] = []
    for step in program.steps:
        if not isinstance(step, Equation) or step not in owner:
            waiting.append(step)
            continue
        number = owner[step]
        segment = segments[number]
        if step is segment.equations[-1]:
            waiting.append(_call(segment, functions[number], number))
    return program.replace(steps=_sorted(waiting, program.inputs))


def _call(segment: Segment, function: Callable[..., Any], number: int) -> Equation:
    primitive = Primitive(f"native{number}", function, batch=_unused, code=Code(shares=False), hazard="exception")
    source = next((equation.source for equation in segment.equations if equation.source), None)
    return Equation(primitive, segment.inputs, {}, segment.outputs, several=True, source=source)


def _unused(*arguments: Any) -> Any:
    raise NotImplementedError("programs are batched before they are compiled")


def _segment(program: Program, equations: Sequence[Equation]) -> Segment:
    inside = set(equations)
    made = {var for equation in equations for var in equation.answers}
    inputs = dict.fromkeys(atom for e in equations for atom in e.operands if isinstance(atom, Var) and atom not in made)
    read: set[Atom] = {a for a in program.outputs if isinstance(a, Var)}
    read |= {guard.operand for guard in program.guards}
    read |= {atom for e in program.equations if e not in inside for atom in e.operands}
    outputs = [var for equation in equations for var in equation.answers if var in read]
    return Segment(tuple(equations), tuple(inputs), tuple(outputs))


def _may_warn(equation: Equation) -> bool:
    """Whether it shows, or may never end, where an equation is computed in vain."""
    return equation.primitive.hazard == "inside" or (equation.primitive.hazard != "none" and not is_unheard(equation))


def _is_worth_it(segment: Segment) -> bool:
    """Whether a call saves more than it costs: not for views, nor for one operation on a few elements."""
    if not segment.outputs:
        return False  # it is there for its warnings
    computing = [e for e in segment.equations if not _is_view(e)]
    return len(computing) > 1 or any(prod(var.shape) > _WORTH for e in computing for var in e.answers)


def _is_view(equation: Equation) -> bool:
    try:
        return isinstance(node_of(equation), (Moved, InOrder))
    except Unsupported:
        return False


def _returned_views(program: Program, fresh: Sequence[bool]) -> set[Equation]:
    """The equations whose answers the program returns as views of arguments."""
    makers = {var: equation for equation in program.equations for var in equation.answers}
    found: set[Equation] = set()
    for atom, new in zip(program.outputs, fresh, strict=True):
        chain = []
        while not new and atom in makers and _shares(makers[atom]):
            chain.append(makers[atom])
            atom = makers[atom].operands[0]
        if atom in program.inputs and atom.form == "array":
            found.update(chain)
    return found


def _shares(equation: Equation) -> bool:
    primitive = equation.primitive
    if isinstance(primitive.function, np.ufunc):
        return False
    return primitive.view is not None or (primitive.code is not None and bool(primitive.code.shares))


def _sorted(steps: Sequence[Equation | Guard], inputs: Sequence[Var]) -> list[Equation | Guard]:
    """The steps in an order in which each reads what was made before; guards keep their order."""
    known: set[Atom] = set(inputs)
    made = {var for step in steps if isinstance(step, Equation) for var in step.answers}
    done: list[Equation | Guard] = []
    rest = list(steps)
    #: What may be done before a guard in front of it, since the guard waits for it.
    free: set[Equation] = set()
    while rest:
        late: list[Equation | Guard] = []
        guarded = False
        for step in rest:
            reads = step.operands if isinstance(step, Equation) else (step.operand,)
            # What a guard rules out may warn, or never come to an end.
            barred = guarded and (isinstance(step, Guard) or _may_warn(step))
            unknown = any(atom in made and atom not in known for atom in reads)
            if unknown or (barred and step not in free):
                late.append(step)
                guarded = guarded or isinstance(step, Guard)
                continue
            done.append(step)
            if isinstance(step, Equation):
                known.update(step.answers)
        stuck = len(late) == len(rest)
        if stuck and free:
            raise Unsupported("stretches that need each other")
        free = _awaited(late) if stuck else set()
        rest = late
    return done


def _awaited(steps: Sequence[Equation | Guard]) -> set[Equation]:
    """The equations that the first guard waits for."""
    makers = {var: step for step in steps if isinstance(step, Equation) for var in step.answers}
    waiting = [next((step.operand for step in steps if isinstance(step, Guard)), None)]
    found: set[Equation] = set()
    while waiting:
        maker = makers.get(waiting.pop())  # type: ignore[arg-type]
        if maker is not None and maker not in found:
            found.add(maker)
            waiting.extend(maker.operands)
    return found
