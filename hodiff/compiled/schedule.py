"""The order of the equations of a program: with as few changes of the handling of floating-point errors as can be.

May import ``program``.

>>> import numpy as np
>>> from hodiff.ops.elementwise import exp, negative
>>> from hodiff.program import QUIET
>>> x, a, b, c = (Var((3,), np.dtype(float)) for _ in range(4))
>>> steps = [
...     Equation(exp, (x,), {}, (a,)),
...     Equation(exp, (a,), {}, (b,), errstate=QUIET),
...     Equation(exp, (x,), {}, (c,)),
... ]
>>> [(state == QUIET, len(run)) for state, run in scheduled(steps, None)]
[(False, 2), (True, 1)]
"""

from collections.abc import Callable, Sequence

from hodiff.program import Equation, Errstate, Guard, Program, Var

Step = Equation | Guard
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

    def state_of(equation: Equation) -> Errstate | None:
        state = handling_of(equation)
        return None if state == ambient else state

    if all(isinstance(step, Guard) or state_of(step) is None for step in steps):
        return [(None, list(steps))]
    runs: list[Run] = [(None, [])]
    segment: list[Equation] = []
    for step in (*steps, None):
        if isinstance(step, Equation):
            segment.append(step)
            continue
        while segment:
            state, run = runs[-1]
            segment = _take(segment, state, state_of, run)
            if segment:
                waiting = (equation for equation in segment if equation.primitive.hazard != "none")
                runs.append((state_of(next(waiting)), []))
        if step is not None:
            runs[-1][1].append(step)
    return [run for run in runs if run[1]]


def _take(
    segment: list[Equation], state: Errstate | None, state_of: Callable[[Equation], Errstate | None], run: list[Step]
) -> list[Equation]:
    """Move what can be computed now under ``state`` to ``run``; the rest."""
    late: set[Var] = set()
    rest = []
    for equation in segment:
        fits = state_of(equation) == state or equation.primitive.hazard == "none"
        if fits and not any(atom in late for atom in equation.operands):
            run.append(equation)
        else:
            late.update(equation.answers)
            rest.append(equation)
    return rest
