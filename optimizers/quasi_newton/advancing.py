"""One iteration of a line-search method that has learnt something; imports ``linesearch`` and the layers below.

Where no acceptable point is found, or none that is visibly better, what was learnt is dropped, and the search repeated
once without it.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: x @ x)
>>> downhill = lambda problem, point, memory: (opt.StrongWolfe().search(problem, point, -point.g), -point.g)
>>> advance(problem, opt.LBFGS().init(problem, [3.0]), (), (), downhill)[0].x
array([0.])
"""

from collections.abc import Callable
from typing import TypeVar

from scipy.linalg.blas import ddot

from optimizers.flatten import Array
from optimizers.linear import norm
from optimizers.linesearch import Searched, round_off
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.state import State
from optimizers.status import Status

__all__ = ["advance", "unit"]

M = TypeVar("M")


def advance(
    problem: Problem, state: State, memory: M, nothing: M, search: Callable[[Problem, Point, M], tuple[Searched, Array]]
) -> tuple[Point | None, float, M, Status | None]:
    """Search from `state` with `memory`, and once more with `nothing` where that fails.

    Parameters
    ----------
    search : callable
        (problem, point, memory) -> what was found, and the direction, made of the memory, that it was looked for in.

    Returns
    -------
    new : Point or None
        The next iterate; None where there is none.
    length : float
        Length of the step that leads to it.
    memory : object
        What the direction was made of: `nothing`, where that had to be dropped.
    ending : Status or None
        Why there is no next iterate.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> uphill = lambda problem, point, memory: (opt.Armijo().search(problem, point, point.g), point.g)
    >>> advance(problem, opt.LBFGS().init(problem, [3.0]), (), (), uphill)[0] is None
    True
    """
    point = problem.at(state.x, f=state.f, g=state.g)
    found, direction = search(problem, point, memory)
    drowned = found.point is not None  # if it gains nothing
    if memory is not nothing and _futile(problem, point, found.point):
        memory = nothing
        found, direction = search(problem, point, memory)
    new = found.point
    if not _futile(problem, point, new):
        return new, found.length, memory, None
    hidden = drowned or new is not None or -ddot(point.g, direction) <= round_off(point.f)
    return None, 0.0, memory, Status.ROUND_OFF if hidden else Status.LINE_SEARCH


def unit(g: Array) -> Array:
    """The direction of steepest descent, of length one: for where nothing is known of the scale but that of x.

    Zero where the gradient is.

    Examples
    --------
    >>> import numpy as np
    >>> unit(np.array([0.0, 2.0]))
    array([-0., -1.])
    """
    size = norm(g)
    return g / -size if size > 0.0 else -g


def _futile(problem: Problem, old: Point, new: Point | None) -> bool:
    """Whether f changed by no more than round-off, not downwards, and the first-order test came no nearer."""
    if new is None:
        return True
    if not 0.0 <= new.f - old.f <= round_off(old.f):
        return False
    return not problem.optimality(new.x, new.g) < problem.optimality(old.x, old.g)
