"""Newton's method in a trust region; imports ``solver``, ``linear``, ``subproblems``, ``acceptance``.

Where the gradient vanishes it looks at the curvature: a point with a direction of negative curvature is a saddle
or a maximum, and it moves on.

>>> def saddle(x):
...     return x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4
>>> abs(TrustRegion().run(saddle, [1.0, 0.0]).x).round(6)
array([0.      , 1.414214])
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from optimizers.checks import is_number
from optimizers.errors import OptionError
from optimizers.flatten import Array, Tree
from optimizers.linear import has_negative_curvature, norm
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.second_order.acceptance import (
    ACCEPT,
    closeness,
    dense_up_to,
    downhill,
    ending_of,
    product_of,
    ratio,
    scale_of,
    scaled,
    usual,
)
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status
from optimizers.subproblems import TrustStep, dogleg, gltr, moresorensen, steihaug

__all__ = ["TrustRegion", "TrustRegionState"]

_BY_MATRIX, _BY_PRODUCTS = ("moresorensen", "dogleg"), ("gltr", "steihaug")
# How closely a step to the boundary of the region has to end there: the radius itself is no more than an estimate.
_BOUNDARY = 0.01


@dataclass(frozen=True, eq=False)
class TrustRegionState(State):
    """`State` of `TrustRegion`; `length` is the radius, in the scaled variables.

    Attributes
    ----------
    scale : ndarray, shape (n,), or None
        The region is ‖scale * s‖ <= radius; None for units of one.
    downhill : ndarray, shape (n,), or None
        Direction of negative curvature where the gradient is small, if the Hessian is known by products only.
    steepest : float
        Norm of the gradient at the start, against which subproblems are solved more closely as it falls.

    Examples
    --------
    >>> import optimizers as opt
    >>> TrustRegion(scaling=True).init(opt.Problem(lambda x: 8.0 * x @ x), [1.0]).scale
    array([4.])
    """

    scale: Array | None = None
    downhill: Array | None = None
    steepest: float = 0.0


@dataclass(frozen=True)
class TrustRegion(Solver[TrustRegionState]):
    """Newton's method in a trust region: the default for small problems, and by products one for large ones.

    Saddles are left along negative curvature. One iteration is one trial, accepted or not. There is no largest
    radius, which is what lets badly scaled problems reach solutions a million units away.

    Where the model promises a decrease that round-off would hide, 10 eps max(1, abs(f)), a trial is also
    accepted when it lowers the gradient and does not visibly raise the objective, so that the last digits of x
    are gained; when neither can be seen any more, the run ends with ``Status.ROUND_OFF``. A. R. Conn, N. I. M.
    Gould and Ph. L. Toint, "Trust-Region Methods" (2000), algorithm 6.1.1 and section 17.4.2.

    Parameters
    ----------
    subproblem : str
        "moresorensen" minimises the model over the region exactly, hard case included; "dogleg" follows a path of two
        legs for one factorisation; "gltr" and "steihaug" need no matrix but Hessian-vector products, fewer of them
        where the gradient is large. "auto": "moresorensen" up to 300 unknowns (2000 where the Hessian is given), "gltr"
        beyond. The field `hessian` of the result says which it was, "dense" or "products".
    radius : float, optional
        Radius at the start; by default the norm of (scaled) x0, and at least 1.
    scaling : bool
        Measure each unknown against the largest square root of its second derivative so far, as MINPACK does.
        Fits of models whose parameters differ by orders of magnitude gain by it. It needs the matrix.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> def brown(x): return (x[0] - 1e6) ** 2 + (x[1] - 2e-6) ** 2 + (x[0] * x[1] - 2.0) ** 2
    >>> result = TrustRegion().run(brown, [1.0, 1.0])
    >>> bool(result.success), result.x, result.hessian
    (True, array([1.e+06, 2.e-06]), 'dense')
    """

    subproblem: str = "auto"
    radius: float | None = None
    scaling: bool = False
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "hess", "hessp"})

    def __post_init__(self) -> None:
        super().__post_init__()
        names = ("auto", *_BY_MATRIX, *_BY_PRODUCTS)
        self._check("subproblem", self.subproblem in names, f"one of {', '.join(names)}")
        positive = self.radius is None or (is_number(self.radius) and 0.0 < self.radius < math.inf)
        self._check("radius", positive, "None or a finite number > 0")
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
        point = problem.at(start.x)
        H = scale = down = None
        if self._by_matrix(problem, start.x.size):
            H = point.require_finite_hessian().H
            scale = scale_of(H, None) if self.scaling else None
        elif self.scaling:
            raise OptionError(
                "TrustRegion: scaling needs the Hessian as a matrix, which is too large, or not asked for"
            )
        else:
            down = downhill(problem, point, self.gtol)
        return TrustRegionState(
            start.x,
            start.f,
            start.g,
            H,
            length=self._first_radius(start.x, scale),
            scale=scale,
            downhill=down,
            steepest=norm(start.g),
        )

    def step(self, problem: Problem, state: TrustRegionState) -> TrustRegionState:
        """One trial: accepted where it keeps a share of what the model promised; the radius follows.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> TrustRegion().step(problem, TrustRegion().init(problem, [1.0])).x
        array([0.])
        """
        point, scale, k = problem.at(state.x, f=state.f, g=state.g, H=state.H), state.scale, state.k + 1
        model = self._model(problem, point, state)
        x = point.x + (model.s if scale is None else model.s / scale)
        trial = problem.trial(x)
        kept = ratio(point, trial, model.predicted, scale)
        if trial is None or not kept > ACCEPT or not (state.H is None or np.isfinite(trial.H).all()):
            return replace(state, k=k, **self._rejected(point, x, model, scale))
        radius = state.length
        if kept < 0.25:
            radius = 0.25 * norm(model.s)
        elif kept > 0.75 and model.boundary:
            radius = 2.0 * radius
        H = down = None
        if state.H is None:
            down = downhill(problem, trial, self.gtol)
        else:
            H = trial.H
            scale = None if scale is None else scale_of(H, scale)
        return TrustRegionState(
            trial.x, trial.f, trial.g, H, k, radius, scale=scale, downhill=down, steepest=state.steepest
        )

    def is_saddle(self, state: TrustRegionState) -> bool:
        """Whether negative curvature is known at `state`: by the Hessian, or by products where the gradient is small.

        Examples
        --------
        >>> import optimizers as opt
        >>> solver = TrustRegion()
        >>> solver.is_saddle(solver.init(opt.Problem(lambda x: x @ x), [0.0]))
        False
        """
        return state.downhill is not None if state.H is None else has_negative_curvature(state.H)

    def fields(self, problem: Problem, state: TrustRegionState) -> dict[str, Any]:
        """The field `hessian`: "dense" or "products".

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.TrustRegion("steihaug").run(lambda x: x @ x, [1.0]).hessian
        'products'
        """
        return {"hessian": "products" if state.H is None and not problem.dense else "dense"}

    def _by_matrix(self, problem: Problem, n: int) -> bool:
        if self.subproblem == "auto":
            return n <= dense_up_to(problem)
        return self.subproblem in _BY_MATRIX

    def _first_radius(self, x: Array, scale: Array | None) -> float:
        return usual(x, scale, None) if self.radius is None else float(self.radius)

    def _model(self, problem: Problem, point: Point, state: TrustRegionState) -> TrustStep:
        """The step in scaled unknowns."""
        radius, H = state.length, state.H
        if H is not None:
            g = scaled(point.g, state.scale)
            if state.scale is not None:
                H = H / np.outer(state.scale, state.scale)
            return dogleg(g, H, radius) if self.subproblem == "dogleg" else moresorensen(g, H, radius, _BOUNDARY)
        product = product_of(problem, point)
        if state.downhill is not None:
            s = radius * state.downhill
            return TrustStep(s, math.nan, -float(point.g @ s) - 0.5 * float(s @ product(s)), True)
        slope = norm(point.g)
        rtol = closeness(slope, state.steepest)
        step = (steihaug if self.subproblem == "steihaug" else gltr)(product, point.g, radius, rtol)
        if slope > 0.0 and not step.predicted > 0.0:  # no product was finite
            return TrustStep((-radius / slope) * point.g, math.nan, radius * slope, True)
        return step

    def _rejected(self, point: Point, x: Array, model: TrustStep, scale: Array | None) -> dict[str, Any]:
        """Radius and ending after the trial `x` was rejected."""
        radius = 0.25 * norm(model.s)
        first = usual(point.x, scale, self.radius)
        ending = ending_of(point, x, model.predicted, radius, first, held=model.boundary)
        return {"ending": ending} if ending is Status.ROUND_OFF else {"length": radius, "ending": ending}
