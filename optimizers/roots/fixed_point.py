"""Picard's iteration x <- G(x); imports ``base``.

>>> import numpy as np
>>> FixedPoint().run(np.cos, [1.0]).x.round(6)
array([0.739085])
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from optimizers.checks import is_number
from optimizers.equations import FixedPointProblem, RootProblem
from optimizers.flatten import Tree
from optimizers.problem import Problem
from optimizers.roots.base import RootSolver, RootState, as_root_problem, root_problem
from optimizers.roots.steps import shortened
from optimizers.status import Status

__all__ = ["FixedPoint"]


@dataclass(frozen=True)
class FixedPoint(RootSolver[RootState]):
    """Damped fixed-point iteration x <- x + mixing (G(x) - x): contractions, and as a yardstick.

    `run` takes G, not F, and the test is max|G(x) - x| <= `gtol`. It converges where the derivative of the damped map
    has spectral radius below 1. Steps into points where G is not finite are shortened. Nothing else guards them: ‖F‖
    may rise, and where the iteration ends without success the result is the best point that it met.

    Parameters
    ----------
    mixing : float
        Share of the way to G(x), in (0, 1]; below 1 it tames oscillations.
    **options
        Those of `RootSolver`.

    Examples
    --------
    >>> FixedPoint(maxiter=50).run(lambda x: 4.0 - 2.0 * x, [1.0]).success
    False
    >>> FixedPoint(mixing=0.3).run(lambda x: 4.0 - 2.0 * x, [1.0]).x.round(6)
    array([1.333333])
    """

    mixing: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("mixing", is_number(self.mixing) and 0.0 < self.mixing <= 1.0, "a number in (0, 1]")

    def problem_of(self, fun: Callable[..., Any], x0: Tree, args: tuple[Any, ...] = (), **given: Any) -> RootProblem:
        """The equations ``x = fun(x, *args)``.

        Examples
        --------
        >>> FixedPoint().problem_of(lambda x: 3.0 * x, [1.0]).at([1.0]).r
        array([2.])
        """
        return as_root_problem(FixedPointProblem, fun, x0, args, jac=given.get("jac"), jit=given.get("jit", "auto"))

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
        return RootState(new.x, new.f, new.r, k=state.k + 1, length=length)
