"""One iteration of a line-search method that has learnt something; imports ``linesearch`` and the layers below.

Where no acceptable point is found, what was learnt is dropped, and the search repeated once without it.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: x @ x)
>>> state = opt.LBFGS().init(problem, [3.0])
>>> advance(problem, state, (), (), lambda point, memory: along(opt.StrongWolfe(), problem, point, -point.g)).new.x
array([0.])
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from scipy.linalg.blas import ddot

from optimizers.flatten import Array
from optimizers.linear import norm
from optimizers.linesearch import LineSearch, Searched, round_off
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.state import State
from optimizers.status import Status

__all__ = ["Advance", "advance", "along", "unit"]

M = TypeVar("M")


class Advance(NamedTuple, Generic[M]):
    """What came of an iteration.

    Attributes
    ----------
    new : Point or None
        The next iterate; None where there is none.
    length : float
        Length of the step that leads to it.
    memory : object
        What the direction was made of: nothing, where that had to be dropped.
    ending : Status or None
        Why there is no next iterate.

    Examples
    --------
    >>> Advance(None, 0.0, (), Status.LINE_SEARCH).ending.name
    'LINE_SEARCH'
    """

    new: Point | None
    length: float
    memory: M
    ending: Status | None


def advance(
    problem: Problem, state: State, memory: M, nothing: M, search: Callable[[Point, M], tuple[Searched, float]]
) -> Advance[M]:
    """Search from `state` with `memory`, and once more with `nothing` where that fails.

    `search` goes along the direction that it makes of a memory, and says too what decrease the slope promises.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> state = opt.LBFGS().init(problem, [3.0])
    >>> advance(problem, state, (), (), lambda point, memory: along(opt.Armijo(), problem, point, point.g)).new is None
    True
    """
    point = problem.at(state.x, f=state.f, g=state.g)
    found, promised = search(point, memory)
    if found.point is None and memory is not nothing:
        memory = nothing
        found, promised = search(point, memory)
    if found.point is None:
        ending = Status.ROUND_OFF if promised <= round_off(point.f) else Status.LINE_SEARCH
        return Advance(None, 0.0, memory, ending)
    if _stalled(problem, point, found.point):
        return Advance(None, 0.0, memory, Status.ROUND_OFF)
    return Advance(found.point, found.length, memory, None)


def along(linesearch: LineSearch, problem: Problem, point: Point, direction: Array) -> tuple[Searched, float]:
    """The search along `direction`, with the decrease that the slope promises for a step of length one.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> point = problem.at([1.0])
    >>> along(opt.Armijo(), problem, point, -point.g)[1]
    4.0
    """
    return linesearch.search(problem, point, direction), -ddot(point.g, direction)


def unit(g: Array) -> Array:
    """The direction of steepest descent, of length one: for where nothing is known of the scale but that of x.

    Examples
    --------
    >>> import numpy as np
    >>> unit(np.array([0.0, 2.0]))
    array([-0., -1.])
    """
    return g / -norm(g)


def _stalled(problem: Problem, old: Point, new: Point) -> bool:
    """Whether f changed by no more than round-off, not downwards, and the first-order test came no nearer."""
    if not 0.0 <= new.f - old.f <= round_off(old.f):
        return False
    return not problem.optimality(new.x, new.g) < problem.optimality(old.x, old.g)
