"""The Gauss-Newton method with a line search; imports ``base`` and ``linesearch``.

>>> result = GaussNewton().run(lambda x: np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]), [-1.2, 1.0])
>>> bool(result.success), result.x
(True, array([1., 1.]))
"""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from optimizers.fitting.base import FitState, LeastSquaresSolver, cosine
from optimizers.fitting.factors import column_norms, factorise
from optimizers.fitting.weighted import FitPoint, View, raw_of
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.linesearch import Armijo, LineSearch
from optimizers.problem import Problem
from optimizers.status import Status

__all__ = ["GaussNewton"]


@dataclass(frozen=True, kw_only=True)
class GaussNewton(LeastSquaresSolver[FitState]):
    """Steps to the minimiser of ½‖r + J s‖², of minimum norm where there are many, with a line search.

    For problems with small residuals from good starts, where it converges in few steps; `LevenbergMarquardt` is the
    safer choice. Å. Björck, "Numerical Methods for Least Squares Problems" (1996), section 9.2. The norm is that of
    the parameters, each measured by its column of the Jacobian.

    Parameters
    ----------
    linesearch : LineSearch
        `Armijo()` by default.
    **options
        `gtol`, `ctol`, `loss` and `f_scale`, which all methods of least squares have; the limits and stop rules of
        `Solver`. docs/optimizers.md explains them.

    Examples
    --------
    >>> GaussNewton().run(lambda x: x[0] + x[1] - np.array([2.0, 2.0]), [0.0, 0.0]).x
    array([1., 1.])
    """

    linesearch: LineSearch = field(default_factory=Armijo)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("linesearch", hasattr(self.linesearch, "search"), "a line search")

    def init(self, problem: Problem, x0: Tree) -> FitState:
        """The state at `x0`, with residuals and Jacobian.

        Examples
        --------
        >>> import optimizers as opt
        >>> GaussNewton().init(opt.ResidualProblem(lambda x: 2.0 * x), [1.0]).J
        array([[2.]])
        """
        return self._state(self._start(problem, x0), float("nan"), 0)

    def step(self, problem: Problem, state: FitState) -> FitState:
        """One line search along the Gauss-Newton direction.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.ResidualProblem(lambda x: x - 3.0)
        >>> GaussNewton().step(problem, GaussNewton().init(problem, [1.0])).x
        array([3.])
        """
        view = self._view(problem)
        point = view.at(state.x, r=state.r, J=state.J)
        columns = column_norms(point.J)
        scale = np.where(columns > 0.0, columns, 1.0)
        factors = factorise(point.J, point.r, scale)
        direction = factors.step(0.0) / scale
        noise = self._noise(point)
        hidden = factors.promised(0.0) <= noise
        if hidden:
            # What the search could compare is rounding: the whole step, if it brings the residuals to a right angle.
            whole = self._evaluated(view, point.x + direction)
            if whole is not None and whole.finite and whole.f <= point.f + noise:
                new = self._state(whole, 1.0, state.k + 1)
                if new.cosine < state.cosine:
                    return new
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF)
        found = self.linesearch.search(cast(Any, _Searched(self, view, problem)), cast(Any, point), direction, 1.0)
        if found.point is None or bool((found.point.x == point.x).all()):
            return replace(state, k=state.k + 1, ending=Status.LINE_SEARCH)
        return self._state(cast(FitPoint, found.point), found.length, state.k + 1)

    def _state(self, point: FitPoint, length: float, k: int) -> FitState:
        columns = column_norms(point.J)
        scale = np.where(columns > 0.0, columns, 1.0)
        factors = factorise(point.J, point.r, scale)
        raw = raw_of(point)
        return FitState(
            point.x,
            point.f,
            point.g,
            k=k,
            length=length,
            ending=self._ending(point, factors.reach, columns),
            r=raw.r,
            J=raw.J,
            cosine=cosine(factors, norm(point.r)),
        )


class _Searched:
    """The problem as line searches see it: through the loss, a trial's residuals and Jacobian from one evaluation."""

    def __init__(self, solver: GaussNewton, view: View, problem: Problem) -> None:
        self._solver, self._view, self._problem = solver, view, problem

    def trial(self, x: Array) -> FitPoint | None:
        return self._solver._evaluated(self._view, x)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._problem, name)
