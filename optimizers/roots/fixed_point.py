"""Picard's iteration x <- G(x); imports ``base``.

>>> import numpy as np
>>> import optimizers as opt
>>> opt.fixed_point(np.cos, [1.0], method=FixedPoint()).x.round(6)
array([0.739085])
"""

import math
from dataclasses import dataclass, replace

from optimizers.checks import is_number
from optimizers.flatten import Tree
from optimizers.problem import Problem
from optimizers.roots.base import RootSolver, RootState, root_problem
from optimizers.roots.steps import shortened, within_rounding
from optimizers.status import Status

__all__ = ["FixedPoint"]


@dataclass(frozen=True)
class FixedPoint(RootSolver[RootState]):
    """The plain iteration x <- x + mixing F(x), with F(x) = G(x) - x for a fixed point: contractions, and a yardstick.

    It converges where the derivative of the map has spectral radius below 1. Steps into points where F is not finite
    are shortened. Nothing else guards them: ‖F‖ may rise, and where the iteration ends without success the result is
    the best point that it met.

    Parameters
    ----------
    mixing : float
        How much of F a step takes: 1 goes all the way to G(x), less tames oscillations, and for roots the sign counts.
    **options
        `gtol`, which max|F| has to reach, and the limits and stop rules of `Solver`.

    Examples
    --------
    >>> import optimizers as opt
    >>> def steep(x): return 4.0 - 2.0 * x
    >>> opt.fixed_point(steep, [1.0], method=FixedPoint(maxiter=50)).success
    False
    >>> opt.fixed_point(steep, [1.0], method=FixedPoint(mixing=0.3)).x.round(6)
    array([1.333333])
    >>> FixedPoint(mixing=-0.5).run(lambda x: x - 2.0, [1.0]).x.round(6)
    array([2.])
    """

    mixing: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        sound = is_number(self.mixing) and math.isfinite(self.mixing) and self.mixing != 0.0
        self._check("mixing", sound, "a number other than 0")

    def init(self, problem: Problem, x0: Tree) -> RootState:
        """The state at `x0`.

        Examples
        --------
        >>> import optimizers as opt
        >>> FixedPoint().init(opt.FixedPointProblem(lambda x: 3.0 * x), [1.0]).g
        array([2.])
        """
        point = root_problem(problem).start(x0)
        return RootState(point.x, point.f, point.r)

    def step(self, problem: Problem, state: RootState) -> RootState:
        """One application of G.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.FixedPointProblem(lambda x: 0.5 * x)
        >>> FixedPoint().step(problem, FixedPoint().init(problem, [8.0])).x
        array([4.])
        """
        length, new = shortened(root_problem(problem), state.x, self.mixing * state.g)
        if new is None:
            return replace(state, k=state.k + 1, ending=Status.LINE_SEARCH)
        if within_rounding(state.x, new, state.f):
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF)
        return RootState(new.x, new.f, new.r, k=state.k + 1, length=length)
