"""Newton's method with adaptive cubic regularisation; imports ``solver``, ``linear``, ``subproblems``, ``acceptance``.

The model is bounded from below by its cubic term, so it needs no region; where the gradient vanishes it still leads
along negative curvature, and a saddle or a maximum is left.

>>> def saddle(x):
...     return x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4
>>> abs(ARC().run(saddle, [1.0, 0.0]).x).round(6)
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
from optimizers.subproblems import CubicStep, cubic, cubic_krylov, moresorensen

__all__ = ["ARC", "ArcState"]

# After an accepted trial the weight follows this share of ‖g(x + s) - g - Hs‖/‖s‖², by a factor within these limits:
# above a share of the promise it falls, else it may rise.
_SHARE, _VERY_GOOD, _FALL, _CHANGE = 0.7, 0.75, (0.1, 0.5), (0.3, 3.0)
# After a rejection it follows the cubic through the trial, but so that the next step has a share of the length.
_SHRINK = (0.25, 0.5)
# How closely the secular equation is solved: the weight itself is no more than an estimate.
_CLOSENESS = 0.01
# Beyond these a weight would soon be zero or infinite.
_LEAST, _MOST = 1e-300, 1e300


@dataclass(frozen=True, eq=False)
class ArcState(State):
    """`State` of `ARC`; `length` is the length of the last trial step, in the scaled variables.

    Attributes
    ----------
    sigma : float
        Weight of the cubic term σ/3 ‖scale * s‖³.
    scale : ndarray, shape (n,), or None
        Units; None for units of one.
    downhill : ndarray, shape (n,), or None
        Direction of negative curvature where the gradient is small, if the Hessian is known by products only.
    steepest : float
        Norm of the gradient at the start, against which subproblems are solved more closely as it falls.

    Examples
    --------
    >>> import optimizers as opt
    >>> ARC(sigma=3.0).init(opt.Problem(lambda x: x @ x), [1.0]).sigma
    3.0
    """

    sigma: float = 1.0
    scale: Array | None = None
    downhill: Array | None = None
    steepest: float = 0.0


@dataclass(frozen=True)
class ARC(Solver[ArcState]):
    """Adaptive regularisation by cubics: each step minimises g·s + ½ s·Hs + σ/3 ‖s‖³ globally.

    C. Cartis, N. I. M. Gould and Ph. L. Toint, "Adaptive cubic regularisation methods for unconstrained optimization",
    Mathematical Programming 127 (2011) 245-295 and 130 (2011) 295-319: O(ε^-1.5) iterations to a gradient of norm ε,
    the best order for second-order methods. σ is updated by interpolation, as proposed in N. I. M. Gould, M. Porcelli
    and Ph. L. Toint, "Updating the regularization parameter in the adaptive cubic regularization algorithm",
    Computational Optimization and Applications 53 (2012) 1-22: after an accepted step it follows what the gradient
    says of the change of the Hessian, ‖g(x + s) - g - Hs‖/‖s‖², falling to between a half and a tenth if the step kept
    three quarters of its promise; after a rejection it grows as the cubic through the trial says, but so that the next
    step has between a quarter and a half of the length.

    Acceptance where round-off hides the decrease, and endings, are those of `TrustRegion`.

    Parameters
    ----------
    subproblem : str
        "factor" factorises the Hessian, hard case included; "krylov" needs Hessian-vector products only. "auto":
        "factor" up to 300 unknowns (2000 where the Hessian is given). The field `hessian` of the result says which it
        was, "dense" or "products".
    sigma : float, optional
        Weight of the cubic term at the start; by default such that the first step is no longer than the norm of
        (scaled) x0, or than 1.
    scaling : bool
        Measure each unknown against the largest square root of its second derivative so far. It needs the matrix.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> def rosen(x): return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    >>> result = ARC().run(rosen, [-1.2, 1.0])
    >>> bool(result.success), result.x.round(8), result.nit < 40
    (True, array([1., 1.]), True)
    """

    subproblem: str = "auto"
    sigma: float | None = None
    scaling: bool = False
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "hess", "hessp"})

    def __post_init__(self) -> None:
        super().__post_init__()
        names = ("auto", "factor", "krylov")
        self._check("subproblem", self.subproblem in names, f"one of {', '.join(names)}")
        positive = self.sigma is None or (is_number(self.sigma) and 0.0 < self.sigma < math.inf)
        self._check("sigma", positive, "None or a finite number > 0")
        self._check("scaling", isinstance(self.scaling, bool), "True or False")

    def init(self, problem: Problem, x0: Tree) -> ArcState:
        """The state at `x0`, with Hessian, scale and weight.

        Examples
        --------
        >>> import optimizers as opt
        >>> ARC().init(opt.Problem(lambda x: x @ x), [1.0]).H
        array([[2.]])
        """
        start = self.begin(problem, x0)
        point, n = problem.at(start.x), start.x.size
        H = scale = down = None
        if self.subproblem == "factor" or (self.subproblem == "auto" and n <= dense_up_to(problem)):
            H = point.require_finite_hessian().H
            scale = scale_of(H, None) if self.scaling else None
        elif self.scaling:
            raise OptionError("ARC: scaling needs the Hessian as a matrix, which is too large, or not asked for")
        else:
            down = downhill(problem, point, self.gtol)
        state = ArcState(start.x, start.f, start.g, H, scale=scale, downhill=down, steepest=norm(start.g))
        return replace(state, sigma=self._first_sigma(state))

    def step(self, problem: Problem, state: ArcState) -> ArcState:
        """One trial: accepted where it keeps a share of what the model promised; the weight follows.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> bool(ARC().step(problem, ARC().init(problem, [1.0])).f < 0.1)
        True
        """
        point, scale, k = problem.at(state.x, f=state.f, g=state.g, H=state.H), state.scale, state.k + 1
        model = self._model(problem, point, state)
        x = point.x + (model.s if scale is None else model.s / scale)
        trial = problem.trial(x)
        kept, size = ratio(point, trial, model.predicted, scale), norm(model.s)
        if trial is None or not kept > ACCEPT or not (state.H is None or np.isfinite(trial.H).all()):
            return replace(state, k=k, length=size, **self._rejected(point, trial, x, model, state))
        sigma = _followed(state.sigma, norm(scaled(trial.g, scale) + model.multiplier * model.s), size, kept)
        H = down = None
        if state.H is None:
            down = downhill(problem, trial, self.gtol)
        else:
            H = trial.H
            scale = None if scale is None else scale_of(H, scale)
        return ArcState(trial.x, trial.f, trial.g, H, k, size, None, sigma, scale, down, state.steepest)

    def is_saddle(self, state: ArcState) -> bool:
        """Whether negative curvature is known at `state`: by the Hessian, or by products where the gradient is small.

        Examples
        --------
        >>> import optimizers as opt
        >>> ARC().is_saddle(ARC().init(opt.Problem(lambda x: -x @ x), [0.0]))
        True
        """
        return state.downhill is not None if state.H is None else has_negative_curvature(state.H)

    def fields(self, problem: Problem, state: ArcState) -> dict[str, Any]:
        """The fields `hessian`, "dense" or "products", and `sigma`.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.ARC("krylov").run(lambda x: x @ x, [1.0]).hessian
        'products'
        """
        by_products = state.H is None and not problem.dense
        return {"hessian": "products" if by_products else "dense", "sigma": state.sigma}

    def _first_sigma(self, state: ArcState) -> float:
        if self.sigma is not None:
            return float(self.sigma)
        radius = usual(state.x, state.scale, None)
        if state.H is None:
            return max(_LEAST, state.steepest / radius**2) if state.steepest > 0.0 else 1.0
        return _sigma_for(*_scaled_model(state), radius)

    def _model(self, problem: Problem, point: Point, state: ArcState) -> CubicStep:
        """The step in scaled unknowns."""
        if state.H is not None:
            return cubic(*_scaled_model(state), state.sigma, _CLOSENESS)
        product = product_of(problem, point)
        if state.downhill is not None:
            d = state.downhill
            slope, curvature = float(point.g @ d), float(d @ product(d))
            along = cubic(np.array([slope]), np.array([[curvature]]), state.sigma)
            return along._replace(s=along.s[0] * d)
        slope = norm(point.g)
        step = cubic_krylov(product, point.g, state.sigma, closeness(slope, state.steepest))
        if slope > 0.0 and not step.predicted > 0.0:  # no product was finite
            along = cubic(np.array([slope]), np.zeros((1, 1)), state.sigma)
            return along._replace(s=along.s[0] / slope * point.g)
        return step

    def _rejected(
        self, point: Point, trial: Point | None, x: Array, model: CubicStep, state: ArcState
    ) -> dict[str, Any]:
        """Weight and ending after the trial `x` was rejected."""
        size, scale = norm(model.s), state.scale
        first = usual(point.x, scale, None)
        held = model.quadratic < 0.75 * model.multiplier * size * size
        ending = ending_of(point, x, model.predicted, size, first, held=held)
        if ending is None and state.sigma >= _MOST:
            ending = Status.RADIUS
        if ending is not None:
            return {"ending": ending}
        fitted = math.inf
        if trial is not None and math.isfinite(trial.f):
            # The weight for which the model has the value of the objective at the trial.
            fitted = 3.0 * ((trial.f - point.f + model.quadratic) / size) / size / size
        return {"sigma": _larger(state, size, fitted)}


def _followed(sigma: float, error: float, size: float, kept: float) -> float:
    """The weight after an accepted step of that size, `error` being how far the model's gradient was off there.

    That is g(x + s) - g - Hs, which is g(x + s) + λs since s solves the subproblem.
    """
    if not size > 0.0:
        return sigma
    least, most = _FALL if kept > _VERY_GOOD else _CHANGE
    return max(_LEAST, min(_MOST, most * sigma, max(_SHARE * (error / size) / size, least * sigma)))


def _larger(state: ArcState, size: float, fitted: float) -> float:
    """The weight after a rejected step of that size."""
    if state.H is None:
        return min(_MOST, max(2.0 * state.sigma, min(fitted, 100.0 * state.sigma)))
    least, most = (_sigma_for(*_scaled_model(state), share * size) for share in _SHRINK[::-1])
    return min(_MOST, max(2.0 * state.sigma, least, min(fitted, most)))


def _scaled_model(state: ArcState) -> tuple[Array, Array]:
    assert state.H is not None
    H = state.H if state.scale is None else state.H / np.outer(state.scale, state.scale)
    return scaled(state.g, state.scale), H


def _sigma_for(g: Array, H: Array, radius: float) -> float:
    """The weight whose step has the length `radius`; one that shortens Newton's step little, where that is shorter."""
    step = moresorensen(g, H, radius, _CLOSENESS)
    if step.multiplier > 0.0:
        return max(_LEAST, min(_MOST, step.multiplier / radius))
    size = norm(step.s)
    return max(_LEAST, min(_MOST, 0.1 * (2.0 * step.predicted / size / size) / size)) if size > 0.0 else 1.0
