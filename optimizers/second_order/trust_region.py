"""Newton's method in a trust region; imports ``solver``, ``linear``, ``subproblems``.

Where the gradient vanishes it looks at the Hessian: a point with a direction of negative curvature is a saddle
or a maximum, and it moves on.

>>> def saddle(x):
...     return x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4
>>> abs(TrustRegion().run(saddle, [1.0, 0.0]).x).round(6)
array([0.      , 1.414214])
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from optimizers.checks import is_number
from optimizers.flatten import Array, Tree
from optimizers.linear import has_negative_curvature, norm
from optimizers.linesearch import round_off
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status
from optimizers.subproblems import TrustStep, moresorensen

__all__ = ["TrustRegion", "TrustRegionState"]

_EPS = float(np.finfo(np.float64).eps)
# The share of the predicted decrease that a trial must keep to be accepted.
_ACCEPT = 1e-4


@dataclass(frozen=True, eq=False)
class TrustRegionState(State):
    """`State` of `TrustRegion`; `length` is the radius, in the scaled variables.

    Attributes
    ----------
    scale : ndarray, shape (n,)
        The region is ‖scale * s‖ <= radius.

    Examples
    --------
    >>> import optimizers as opt
    >>> TrustRegion(scaling=True).init(opt.Problem(lambda x: 8.0 * x @ x), [1.0]).scale
    array([4.])
    """

    scale: Array = field(kw_only=True)


@dataclass(frozen=True)
class TrustRegion(Solver[TrustRegionState]):
    """Newton's method in a trust region, the model minimised exactly: the default for small problems.

    The subproblem is solved by `moresorensen`, hard case included, so saddles are left along negative
    curvature. One iteration is one trial, accepted or not. There is no largest radius, which is what lets
    badly scaled problems reach solutions a million units away.

    Where the model promises a decrease that round-off would hide, 10 eps max(1, abs(f)), a trial is also
    accepted when it lowers the gradient and does not visibly raise the objective, so that the last digits of x
    are gained; when neither can be seen any more, the run ends with ``Status.ROUND_OFF``. A. R. Conn, N. I. M.
    Gould and Ph. L. Toint, "Trust-Region Methods" (2000), algorithm 6.1.1 and section 17.4.2.

    Parameters
    ----------
    radius : float, optional
        Radius at the start; by default the norm of (scaled) x0, and at least 1.
    scaling : bool
        Measure each unknown against the largest square root of its second derivative so far, as MINPACK does.
        Fits of models whose parameters differ by orders of magnitude gain by it.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> def brown(x): return (x[0] - 1e6) ** 2 + (x[1] - 2e-6) ** 2 + (x[0] * x[1] - 2.0) ** 2
    >>> result = TrustRegion().run(brown, [1.0, 1.0])
    >>> bool(result.success), result.x
    (True, array([1.e+06, 2.e-06]))
    """

    radius: float | None = None
    scaling: bool = False
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "hess", "hessp"})

    def __post_init__(self) -> None:
        super().__post_init__()
        positive = self.radius is None or (is_number(self.radius) and self.radius > 0.0)
        self._check("radius", positive, "None or a number > 0")
        self._check("scaling", isinstance(self.scaling, bool), "True or False")

    def init(self, problem: Problem, x0: Tree) -> TrustRegionState:
        """The state at `x0`, with Hessian, scale and radius.

        Examples
        --------
        >>> import optimizers as opt
        >>> TrustRegion(radius=3.0).init(opt.Problem(lambda x: x @ x), [1.0]).length
        3.0
        """
        start = self.begin(problem, x0)
        H = problem.at(start.x).require_finite_hessian().H
        scale = self._scale(H, None)
        radius = max(1.0, norm(scale * start.x)) if self.radius is None else float(self.radius)
        return TrustRegionState(start.x, start.f, start.g, H, length=radius, scale=scale)

    def step(self, problem: Problem, state: TrustRegionState) -> TrustRegionState:
        """One trial: accepted where it keeps a share of what the model promised; the radius follows.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> TrustRegion().step(problem, TrustRegion().init(problem, [1.0])).x
        array([0.])
        """
        point, d = problem.at(state.x, f=state.f, g=state.g, H=state.H), state.scale
        model = moresorensen(point.g / d, point.H / np.outer(d, d), state.length)
        x = point.x + model.s / d
        trial, k = problem.trial(x), state.k + 1
        ratio = _ratio(point, trial, model.predicted, d)
        if trial is None or not ratio > _ACCEPT or not np.isfinite(trial.H).all():
            return replace(state, k=k, **self._rejected(point, x, model, d))
        radius = state.length
        if ratio < 0.25:
            radius = 0.25 * norm(model.s)
        elif ratio > 0.75 and model.boundary:
            radius = 2.0 * radius
        return TrustRegionState(trial.x, trial.f, trial.g, trial.H, k=k, length=radius, scale=self._scale(trial.H, d))

    def is_saddle(self, state: TrustRegionState) -> bool:
        """Whether the Hessian of `state` has negative curvature.

        Examples
        --------
        >>> import optimizers as opt
        >>> solver = TrustRegion()
        >>> solver.is_saddle(solver.init(opt.Problem(lambda x: x @ x), [0.0]))
        False
        """
        return state.H is not None and has_negative_curvature(state.H)

    def _rejected(self, point: Point, x: Array, model: TrustStep, scale: Array) -> dict[str, Any]:
        """Radius and ending after the trial `x` was rejected."""
        radius = 0.25 * norm(model.s)
        first = max(1.0, norm(scale * point.x)) if self.radius is None else float(self.radius)
        unmoved = bool((x == point.x).all())
        hidden = model.predicted <= 10.0 * _EPS * abs(point.f) or (unmoved and model.predicted <= round_off(point.f))
        # A region that has shrunk this far makes any promise small: that says nothing of the objective.
        if hidden and not (model.boundary and radius <= np.sqrt(_EPS) * first):
            return {"ending": Status.ROUND_OFF}
        spent = hidden or unmoved or radius <= _EPS**2 * first
        return {"length": radius, "ending": Status.RADIUS if spent else None}

    def _scale(self, H: Array, old: Array | None) -> Array:
        if not self.scaling:
            return np.ones(len(H)) if old is None else old
        new = np.sqrt(np.abs(np.diag(H)))
        largest = float(new.max())
        new = np.maximum(new, 1e-8 * largest) if largest > 0.0 else np.ones(len(H))
        return new if old is None else np.maximum(new, old)


def _ratio(point: Point, trial: Point | None, predicted: float, scale: Array) -> float:
    """Actual over predicted decrease; 1 where round-off hides them and the gradient tells of progress; -inf: reject."""
    if trial is None or not trial.finite:
        return -np.inf
    ratio = (point.f - trial.f) / predicted if predicted > 0.0 else 0.0
    noise = round_off(point.f)
    if not ratio > _ACCEPT and predicted <= noise and trial.f <= point.f + noise:
        return float(norm(trial.g / scale) < norm(point.g / scale))
    return ratio
