"""Methods that learn curvature from gradients; imports ``solver``, ``linesearch``.

>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = LBFGS().run(rosen, np.zeros(50))
>>> bool(result.success), bool(abs(result.x - 1.0).max() < 1e-5)
(True, True)
"""

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from scipy.linalg.blas import daxpy, ddot

from optimizers.checks import is_whole
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.linesearch import LineSearch, Searched, StrongWolfe, round_off, stalled
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status

__all__ = ["LBFGS", "LBFGSState"]

_EPS = float(np.finfo(np.float64).eps)
Pairs = tuple[tuple[Array, Array, float], ...]


@dataclass(frozen=True, eq=False)
class LBFGSState(State):
    """`State` with the memory of `LBFGS`.

    Attributes
    ----------
    pairs : tuple of (ndarray, ndarray, float)
        Changes s of x, changes y of the gradient and 1/(s·y), oldest first.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.LBFGS().init(opt.Problem(lambda x: x @ x), [1.0]).pairs
    ()
    """

    pairs: Pairs = ()


@dataclass(frozen=True)
class LBFGS(Solver[LBFGSState]):
    """Limited-memory BFGS with a strong Wolfe line search: large problems, gradients only.

    D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
    Programming 45 (1989) 503-528. Where the search fails, the memory is dropped and the search repeated once
    along the negative gradient.

    Parameters
    ----------
    linesearch : LineSearch
        `StrongWolfe()` by default, which keeps every update positive definite.
    memory : int
        Pairs kept.
    **options
        Those of `Solver`; ``maxiter`` is 10 000 by default.

    Examples
    --------
    >>> result = LBFGS(memory=5).run(lambda x: np.sum(np.arange(1, 101) * x ** 2), np.ones(100))
    >>> bool(result.success), result.nhev
    (True, 0)
    """

    linesearch: LineSearch = field(default_factory=StrongWolfe)
    memory: int = 10
    maxiter: int = field(default=10_000, kw_only=True)

    carries: ClassVar[frozenset[str]] = frozenset({"pairs"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("linesearch", hasattr(self.linesearch, "search"), "a line search")
        self._check("memory", is_whole(self.memory, 1), "a whole number >= 1")

    def init(self, problem: Problem, x0: Tree) -> LBFGSState:
        """The state at `x0`, without memory.

        Examples
        --------
        >>> import optimizers as opt
        >>> LBFGS().init(opt.Problem(lambda x: x @ x), [1.0]).k
        0
        """
        start = self.begin(problem, x0)
        return LBFGSState(start.x, start.f, start.g)

    def step(self, problem: Problem, state: LBFGSState) -> LBFGSState:
        """One line search along the quasi-Newton direction, and one more pair.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> len(LBFGS().step(problem, LBFGS().init(problem, [1.0])).pairs)
        1
        """
        point = problem.at(state.x, f=state.f, g=state.g)
        pairs = state.pairs
        found, promised = self._search(problem, point, pairs)
        if found.point is None and pairs:
            pairs = ()
            found, promised = self._search(problem, point, pairs)
        new = found.point
        if new is None:
            ending = Status.ROUND_OFF if promised <= round_off(point.f) else Status.LINE_SEARCH
            return replace(state, k=state.k + 1, ending=ending)
        if stalled(point, new):
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF)
        pairs = _remembered(pairs, new.x - point.x, new.g - point.g, self.memory)
        return LBFGSState(new.x, new.f, new.g, k=state.k + 1, length=found.length, pairs=pairs)

    def _search(self, problem: Problem, point: Point, pairs: Pairs) -> tuple[Searched, float]:
        """The search, and the decrease that the slope promises for its first trial."""
        # Without memory nothing is known of the scale but that of x; a unit direction keeps the slope in range.
        direction = _inverse_times(pairs, -point.g) if pairs else -point.g / norm(point.g)
        return self.linesearch.search(problem, point, direction), -ddot(point.g, direction)


def _inverse_times(pairs: Pairs, g: Array) -> Array:
    """The two-loop recursion: the inverse Hessian approximation times `g`."""
    # By BLAS, in place: forty operations with NumPy would cost more than the evaluation of a small objective.
    q, n, weights = g.copy(), g.size, []
    for s, y, rho in reversed(pairs):
        weight = rho * ddot(s, q)
        q = daxpy(y, q, n, -weight)
        weights.append(weight)
    if pairs:
        _, y, rho = pairs[-1]
        q *= 1.0 / (rho * ddot(y, y))
    for s, y, rho in pairs:
        q = daxpy(s, q, n, weights.pop() - rho * ddot(y, q))
    return q


def _remembered(pairs: Pairs, s: Array, y: Array, memory: int) -> Pairs:
    """The newest pairs; one whose curvature is not positive beyond round-off would spoil definiteness."""
    curvature, squared = ddot(s, y), ddot(y, y)
    if not (curvature > _EPS * squared > 0.0 and math.isfinite(squared / curvature)):
        return pairs
    return (*pairs, (s, y, 1.0 / curvature))[-memory:]
