"""Trust regions for least squares: one trial a step, accepted by what it keeps of the promise; imports ``base``.

Methods say how the trial is found; scales, radius, acceptance and the endings are here. The radius follows J. J. Moré,
"The Levenberg-Marquardt algorithm: implementation and theory", in Lecture Notes in Mathematics 630 (1978) 105-116.

Close to a minimiser the decrease of the cost drowns in the rounding of the residuals while the parameters are good to
half of the digits only. There a trial is accepted when the model has less to gain from it on, within the same radius,
and the cost is not visibly raised, so that the other half is gained.

>>> import optimizers as opt
>>> result = opt.LevenbergMarquardt().run(lambda x: np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]), [-1.2, 1.0])
>>> bool(result.success), result.x
(True, array([1., 1.]))
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

from optimizers.checks import is_number
from optimizers.fitting.base import (
    FitState,
    LeastSquaresSolver,
    cosine,
    free_unknowns,
)
from optimizers.fitting.factors import Factors, column_norms, factorise
from optimizers.fitting.weighted import FitPoint, raw_of
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.problem import Problem
from optimizers.status import Status

__all__ = ["ACCEPT", "Proposal", "RegionSolver", "RegionState"]

_EPS = float(np.finfo(np.float64).eps)
# The share of the promised decrease that a trial must keep to be accepted.
ACCEPT = 1e-4
Limits = tuple[Array, Array] | None


@dataclass(frozen=True, eq=False)
class RegionState(FitState):
    """`FitState` of methods with a trust region; `length` is its radius, in the scaled parameters.

    Attributes
    ----------
    scale : ndarray, shape (n,)
        The region is ‖scale * s‖ <= radius.
    factors : Factors
        Of the Jacobian of the free parameters, scaled.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.LevenbergMarquardt().init(opt.ResidualProblem(lambda x: 2.0 * x), [1.0]).scale
    array([2.])
    """

    scale: Array = field(kw_only=True)
    factors: Factors = field(kw_only=True)


class Proposal(NamedTuple):
    """A trial: the point, its distance in scaled parameters, the decrease that the model promises.

    `whole` says whether it is the model's minimiser, which no radius holds back; `cut`, whether bounds were in the way.
    """

    x: Array
    length: float
    promised: float
    whole: bool
    cut: bool = False


S = TypeVar("S", bound=RegionState)


@dataclass(frozen=True, kw_only=True)
class RegionSolver(LeastSquaresSolver[RegionState]):
    """A least-squares method with a trust region.

    Parameters
    ----------
    radius : float, optional
        Radius at the start; by default the norm of the scaled x0, or of the residuals where x0 is 0.
    scaling : bool
        Measure each parameter by the largest norm so far of its column of the Jacobian, as MINPACK does, so that
        units do not matter. False: as it is.
    **options
        Those of `LeastSquaresSolver`.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.Dogleg(radius=0.5).init(opt.ResidualProblem(lambda x: x), [1.0]).length
    0.5
    """

    radius: float | None = None
    scaling: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = self.radius is None or (is_number(self.radius) and self.radius > 0.0)
        self._check("radius", positive, "None or a number > 0")
        self._check("scaling", isinstance(self.scaling, bool), "True or False")

    def init(self, problem: Problem, x0: Tree) -> RegionState:
        """The state at `x0`, with residuals, Jacobian, scale and radius.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Dogleg().init(opt.ResidualProblem(lambda x: 2.0 * x), [1.0]).length
        2.0
        """
        point = self._start(problem, x0)
        columns = column_norms(point.J)
        scale = np.where(columns > 0.0, columns, 1.0) if self.scaling else np.ones(columns.size)
        radius = self._first_radius(point, scale)
        return self._state(point, columns, scale, problem.limits(point.x.size), radius, 0)

    def step(self, problem: Problem, state: RegionState) -> RegionState:
        """One trial: accepted where it keeps a share of what the model promised; the radius follows.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.ResidualProblem(lambda x: x - 3.0)
        >>> opt.Dogleg().step(problem, opt.Dogleg().init(problem, [1.0])).x
        array([3.])
        """
        view = self._view(problem)
        point = view.at(state.x, r=state.r, J=state.J)
        limits = problem.limits(state.x.size)
        proposal = self._propose(point, state, limits)
        unmoved = bool((proposal.x == point.x).all())
        trial = None if unmoved else self._evaluated(view, proposal.x)
        ratio = _ratio(point, trial, proposal.promised)
        noise = 0.0 if ratio > ACCEPT else self._noise(point)
        if trial is not None and (ratio > ACCEPT or _hidden(point, trial, proposal.promised, noise)) and trial.finite:
            radius = _radius(state.length, proposal, ratio if ratio > ACCEPT else 1.0)
            columns = column_norms(trial.J)
            scale = np.maximum(state.scale, columns) if self.scaling else state.scale
            new = self._state(trial, columns, scale, limits, radius, state.k + 1)
            if ratio > ACCEPT or _promises_less(new.factors, state.length, proposal.promised):
                return new
        return replace(state, k=state.k + 1, **self._rejected(point, state, proposal, noise, unmoved=unmoved))

    def _propose(self, point: FitPoint, state: RegionState, limits: Limits) -> Proposal:
        raise NotImplementedError

    def _resumed(self, point: FitPoint, state: RegionState, limits: Limits) -> RegionState | None:
        if not isinstance(state, RegionState):
            return None
        # Bounds may be others now, and with them the parameters that the factors are about.
        columns = column_norms(point.J)
        scale = state.scale if self.scaling else np.ones(columns.size)
        return self._state(point, columns, scale, limits, state.length, state.k)

    def _state(
        self, point: FitPoint, columns: Array, scale: Array, limits: Limits, radius: float, k: int
    ) -> RegionState:
        free = free_unknowns(point.x, point.g, limits)
        J = point.J if free is None else point.J[:, free]
        factors = factorise(J, point.r, scale if free is None else scale[free])
        raw = raw_of(point)
        return RegionState(
            point.x,
            point.f,
            point.g,
            k=k,
            length=radius,
            ending=self._ending(point, factors.reach, columns, free),
            r=raw.r,
            J=raw.J,
            cosine=cosine(factors, norm(point.r)),
            scale=scale,
            factors=factors,
        )

    def _first_radius(self, point: FitPoint, scale: Array) -> float:
        if self.radius is not None:
            return float(self.radius)
        return norm(scale * point.x) or norm(point.r) or 1.0

    def _rejected(
        self, point: FitPoint, state: RegionState, proposal: Proposal, noise: float, *, unmoved: bool
    ) -> dict[str, Any]:
        """Radius and ending after a trial was rejected."""
        radius = 0.25 * min(state.length, proposal.length)
        first = self._first_radius(point, state.scale)
        least = 0.5 * (_EPS * norm(point.r)) ** 2
        # A step that bounds have cut may lead up even in the model; a shorter one, which crosses fewer, leads down.
        hopeless = proposal.promised <= least and not (proposal.cut and radius > _EPS * first)
        spent = unmoved or hopeless or not radius > _EPS**2 * first
        if not spent:
            return {"length": radius}
        # A region that has shrunk this far makes any promise small: that says nothing of the cost.
        hidden = proposal.promised <= noise and (proposal.whole or radius > np.sqrt(_EPS) * first)
        return {"length": radius, "ending": Status.ROUND_OFF if hidden else Status.RADIUS}


def _ratio(point: FitPoint, trial: FitPoint | None, promised: float) -> float:
    """Actual over promised decrease; -inf where the trial is not finite."""
    if trial is None or not promised > 0.0:
        return -np.inf
    return (point.f - trial.f) / promised


def _hidden(point: FitPoint, trial: FitPoint, promised: float, noise: float) -> bool:
    """Whether rounding hides the promised decrease, and does not show the contrary."""
    return promised <= noise and trial.f <= point.f + noise


def _promises_less(factors: Factors, radius: float, promised: float) -> bool:
    """Whether the model at the trial has less to gain within the radius than the one before promised."""
    return factors.within(radius)[1] < promised


def _radius(radius: float, proposal: Proposal, ratio: float) -> float:
    """The radius after an accepted trial."""
    if ratio <= 0.25:
        return 0.5 * min(radius, 10.0 * proposal.length)
    if ratio >= 0.75 or proposal.whole:
        return 2.0 * proposal.length
    return radius
