"""Limited-memory BFGS within bounds; imports ``solver``, ``advancing``, ``compact``, ``pairs`` and ``within``.

>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = LBFGSB().run(rosen, [-1.2, 1.0], bounds=[(None, 0.5), (None, None)])
>>> bool(result.success), result.x.round(6)
(True, array([0.5 , 0.25]))
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import numpy as np

from optimizers.checks import is_whole
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.linesearch import Searched
from optimizers.linesearch.searching import FAILED, along
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.quasi_newton.advancing import advance, unit
from optimizers.quasi_newton.compact import Compact, target
from optimizers.quasi_newton.pairs import LBFGSState, Pairs, descent, remembered
from optimizers.quasi_newton.within import search_within
from optimizers.solver import Solver

__all__ = ["LBFGSB"]


@dataclass(frozen=True)
class LBFGSB(Solver[LBFGSState]):
    """Limited-memory BFGS for bounds on the unknowns: large problems, gradients only; without bounds it works too.

    Each iteration minimises the model along the projected path of steepest descent, then over the unknowns that this
    leaves free, and searches the way there. Every iterate lies exactly within the bounds, and unknowns that are held by
    one lie exactly on it. The gradient test is made of the projected gradient, ``x - clip(x - g)``.

    R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound constrained optimization", SIAM J.
    Sci. Comput. 16 (1995) 1190-1208.

    Parameters
    ----------
    memory : int
        Pairs kept.
    **options
        Those of `Solver`; ``maxiter`` is 10 000 by default.

    Examples
    --------
    >>> box = [(0.0, 1.0), (0.0, 0.0), (None, 5.0)]
    >>> result = LBFGSB().run(lambda x: np.sum((x - 2.0) ** 2), np.zeros(3), bounds=box)
    >>> bool(result.success), result.x
    (True, array([1., 0., 2.]))
    """

    memory: int = 10
    maxiter: int = field(default=10_000, kw_only=True)
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "bounds"})
    carries: ClassVar[frozenset[str]] = frozenset({"pairs"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("memory", is_whole(self.memory, 1), "a whole number >= 1")

    def init(self, problem: Problem, x0: Tree) -> LBFGSState:
        """The state at `x0`, without memory.

        Examples
        --------
        >>> import optimizers as opt
        >>> LBFGSB().init(opt.Problem(lambda x: x @ x, bounds=[(0.0, 1.0)]), [1.0]).k
        0
        """
        start = self.begin(problem, x0)
        return LBFGSState(start.x, start.f, start.g)

    def step(self, problem: Problem, state: LBFGSState) -> LBFGSState:
        """One search on the way to the model's minimiser within the bounds, and one more pair.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x, bounds=[(0.5, 2.0)])
        >>> LBFGSB().step(problem, LBFGSB().init(problem, [1.5])).x
        array([0.5])
        """
        new, length, pairs, ending = advance(problem, state, state.pairs, (), self._search)
        if new is None:
            return replace(state, k=state.k + 1, ending=ending)
        pairs = remembered(pairs, new.x - state.x, new.g - state.g, self.memory)
        return LBFGSState(new.x, new.f, new.g, k=state.k + 1, length=length, pairs=pairs)

    def _search(self, problem: Problem, point: Point, pairs: Pairs) -> tuple[Searched, Array]:
        limits = problem.limits(point.x.size)
        if limits is None:
            direction = descent(pairs, point.g) if pairs else unit(point.g)
            return search_within(problem, point, partial(along, point, direction), direction, np.inf), direction
        try:
            goal = _goal(point, pairs, limits)
        except np.linalg.LinAlgError:
            return FAILED, -point.g
        direction = goal - point.x
        way = _Way(point.x, goal, direction, *limits)
        return search_within(problem, point, way.at, direction, way.longest), direction


def _goal(point: Point, pairs: Pairs, limits: tuple[Array, Array]) -> Array:
    """Where the model is least; without memory, a step no longer than one."""
    return target(Compact.of(pairs, point.g, norm(point.g)), point.x, point.g, *limits)


class _Way:
    """The line from x through `goal`, exactly within the bounds as far as that goes."""

    def __init__(self, x: Array, goal: Array, direction: Array, low: Array, high: Array) -> None:
        self.x, self.goal, self.direction, self.low, self.high = x, goal, direction, low, high
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            room = np.where(direction > 0.0, (high - x) / direction, np.inf)
            room = np.where(direction < 0.0, (low - x) / direction, room)
        self._first = int(room.argmin())
        self.longest = max(1.0, float(room[self._first]))

    def at(self, length: float) -> Array:
        """The point `length` along."""
        if length == 1.0:
            return self.goal
        point = np.clip(self.x + length * self.direction, self.low, self.high)
        if length >= self.longest:  # the bound that stops it is met exactly
            i = self._first
            point[i] = self.high[i] if self.direction[i] > 0.0 else self.low[i]
        return point
