"""The order of the equations of a program: with as few changes of the handling of floating-point errors as can be.

May import ``program``.

>>> import numpy as np
>>> from hodiff.ops.elementwise import exp, negative
>>> from hodiff.program import QUIET, Var
>>> x, a, b, c = (Var((3,), np.dtype(float)) for _ in range(4))
>>> steps = [
...     Equation(exp, (x,), {}, (a,)),
...     Equation(exp, (a,), {}, (b,), errstate=QUIET),
...     Equation(exp, (x,), {}, (c,)),
... ]
>>> [(state == QUIET, len(run)) for state, run in scheduled(steps, None)]
[(False, 2), (True, 1)]
"""

from collections.abc import Sequence

from hodiff.program import Atom, Equation, Errstate, Guard, Program

Step = Equation | Guard
#: An equation and how errors are handled in it, None as around the steps.
Waiting = tuple[Equation, Errstate | None]
Run = tuple[Errstate | None, list[Step]]


def handling_of(equation: Equation) -> Errstate | None:
    """The error handling of an equation; for a loop, that of its body, where it is one and the same."""
    if equation.errstate is not None or not equation.parameters:
        return equation.errstate
    bodies = [
        value
        for parameter in equation.parameters.values()
        for value in (parameter if isinstance(parameter, tuple) else (parameter,))
        if isinstance(value, Program)
    ]
    found = {handling_of(e) for body in bodies for e in body.equations if e.primitive.hazard != "none"}
    return found.pop() if len(found) == 1 else None


def scheduled(steps: Sequence[Step], ambient: Errstate | None) -> list[Run]:
    """Runs of steps under one error handling each.

    Equations move within what guards separate, and never so that two of one handling change places without need.

    Parameters
    ----------
    steps : sequence of Equation or Guard
    ambient : Errstate or None
        The handling around the steps; equations that ask for it need no change.
    """
    same = True
    runs: list[Run] = [(None, [])]
    segment: list[Waiting] = []
    for step in (*steps, None):
        if isinstance(step, Equation):
            state = handling_of(step) if step.parameters else step.errstate
            if state is not None:
                state = None if state == ambient else state
                same = same and state is None
            segment.append((step, state))
            continue
        while segment:
            state, run = runs[-1]
            segment = _take(segment, state, run)
            if segment:
                runs.append((next(state for step, state in segment if step.primitive.hazard != "none"), []))
        if step is not None:
            runs[-1][1].append(step)
    return [(None, list(steps))] if same else [run for run in runs if run[1]]


def _take(segment: list[Waiting], state: Errstate | None, run: list[Step]) -> list[Waiting]:
    """Move what can be computed now under ``state`` to ``run``; the rest."""
    late: set[Atom] = set()
    rest = []
    for waiting in segment:
        equation, wanted = waiting
        fits = wanted is state or equation.primitive.hazard == "none" or wanted == state
        if fits and (not late or late.isdisjoint(equation.operands)):
            run.append(equation)
        else:
            late.update(equation.answers)
            rest.append(waiting)
    return rest
