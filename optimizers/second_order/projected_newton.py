"""Newton's method within bounds; imports ``solver``, ``linear``, ``subproblems``, ``acceptance``.

>>> def rosen(x): return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
>>> result = ProjectedNewton().run(rosen, [-1.2, 0.5], bounds=[(None, None), (None, 0.5)])
>>> bool(result.success), result.x.round(6), result.active_mask
(True, array([0.70856, 0.5    ]), array([0, 1]))
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from optimizers.bounds import projected_gradient
from optimizers.checks import is_number
from optimizers.flatten import Array, Tree
from optimizers.linear import has_negative_curvature, norm
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.second_order.acceptance import (
    ACCEPT,
    closeness,
    dense_up_to,
    drowned,
    ending_of,
    product_of,
    ratio,
    usual,
)
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status
from optimizers.subproblems import BoundedStep, Model, bounded_step, lowest_curvature

__all__ = ["ProjectedNewton", "ProjectedNewtonState"]

# Curvature within this share of |Hd| of a unit vector d may be round-off.
_FLAT = 1e-8


@dataclass(frozen=True, eq=False)
class ProjectedNewtonState(State):
    """`State` of `ProjectedNewton`; `length` is the radius.

    Attributes
    ----------
    cauchy : float or None
        Length of the last projected step along -g, where the next search begins.
    downhill : ndarray, shape (n,), or None
        Where the first-order test holds: a direction of negative curvature that the bounds leave free.
    steepest : float
        Norm of the projected gradient at the start.

    Examples
    --------
    >>> import optimizers as opt
    >>> ProjectedNewton(radius=2.0).init(opt.Problem(lambda x: x @ x), [1.0]).length
    2.0
    """

    cauchy: float | None = None
    downhill: Array | None = None
    steepest: float = 0.0


@dataclass(frozen=True)
class ProjectedNewton(Solver[ProjectedNewtonState]):
    """Newton's method in a trust region, with bounds on the unknowns; every iterate keeps to them.

    Each step first follows the projected path of steepest descent, which finds the bounds that matter, and then
    minimises the model over the unknowns that are off their bounds, face by face, with negative curvature used: C.-J.
    Lin and J. J. Moré, "Newton's method for large bound-constrained optimization problems", SIAM J. Optim. 9 (1999)
    1100-1127. Near a solution the active bounds are met exactly and the rest converges as Newton's method does. Where
    the first-order test on ``x - clip(x - g)`` holds, negative curvature along what the bounds leave free is followed,
    away from a bound too at which the slope vanishes. Acceptance and endings are those of `TrustRegion`; without bounds
    it is a trust-region method like that.

    The result has the field `active_mask`, -1 for unknowns at their lower bound, 1 at their upper, 0 between, as
    ``scipy.optimize.least_squares`` has it, and `hessian`, "dense" or "products".

    Parameters
    ----------
    hessian : str
        "dense", "products", or "auto": dense up to 300 unknowns (2000 where the Hessian is given).
    radius : float, optional
        Radius at the start; by default the norm of x0, and at least 1.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> result = ProjectedNewton().run(lambda x: (x[0] - 2.0) ** 2 + x[1] ** 2, [0.5, 0.5], bounds=[(0, 1), (-1, 1)])
    >>> bool(result.success), result.x, result.active_mask
    (True, array([1., 0.]), array([1, 0]))
    """

    hessian: str = "auto"
    radius: float | None = None
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "hess", "hessp", "bounds"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("hessian", self.hessian in ("auto", "dense", "products"), "one of auto, dense, products")
        positive = self.radius is None or (is_number(self.radius) and 0.0 < self.radius < math.inf)
        self._check("radius", positive, "None or a finite number > 0")

    def init(self, problem: Problem, x0: Tree) -> ProjectedNewtonState:
        """The state at `x0`, which has to lie within the bounds.

        Examples
        --------
        >>> import optimizers as opt
        >>> ProjectedNewton().init(opt.Problem(lambda x: x @ x), [1.0]).H
        array([[2.]])
        """
        start = self.begin(problem, x0)
        point, n = problem.at(start.x), start.x.size
        dense = self.hessian == "dense" or (self.hessian == "auto" and n <= dense_up_to(problem))
        H = point.require_finite_hessian().H if dense else None
        radius = usual(start.x, None, None) if self.radius is None else float(self.radius)
        slope = norm(projected_gradient(start.x, start.g, _limits(problem, n)))
        down = self._downhill(problem, point, H)
        return ProjectedNewtonState(start.x, start.f, start.g, H, length=radius, downhill=down, steepest=slope)

    def step(self, problem: Problem, state: ProjectedNewtonState) -> ProjectedNewtonState:
        """One trial: accepted where it keeps a share of what the model promised; the radius follows.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x, bounds=[(0.5, None)])
        >>> ProjectedNewton().step(problem, ProjectedNewton().init(problem, [1.0])).x
        array([0.5])
        """
        point, k = problem.at(state.x, f=state.f, g=state.g, H=state.H), state.k + 1
        limits = _limits(problem, point.x.size)
        model = self._model(problem, point, state, limits)
        x = np.clip(point.x + model.s, *limits)
        trial = problem.trial(x)
        kept, radius, size = ratio(point, trial, model.predicted, None), state.length, norm(model.s)
        if trial is not None and trial.finite and not kept > ACCEPT and drowned(point, trial, model.predicted):
            kept = float(problem.optimality(trial.x, trial.g) < problem.optimality(point.x, point.g))
        if trial is None or not kept > ACCEPT or not (state.H is None or np.isfinite(trial.H).all()):
            shorter = 0.25 * min(size, radius)
            first = usual(point.x, None, self.radius)
            ending = ending_of(point, x, model.predicted, shorter, first, held=model.boundary)
            return replace(
                state, k=k, ending=ending, length=radius if ending is Status.ROUND_OFF else shorter, cauchy=None
            )
        if kept < 0.25:
            radius = 0.25 * min(size, radius)
        elif kept > 0.75 and model.boundary:
            radius = 2.0 * radius
        H = None if state.H is None else trial.H
        down = self._downhill(problem, trial, H)
        return ProjectedNewtonState(trial.x, trial.f, trial.g, H, k, radius, None, model.length, down, state.steepest)

    def is_saddle(self, state: ProjectedNewtonState) -> bool:
        """Whether the first-order test holds and there is negative curvature along what the bounds leave free.

        Examples
        --------
        >>> import optimizers as opt
        >>> solver = ProjectedNewton()
        >>> solver.is_saddle(solver.init(opt.Problem(lambda x: -x @ x, bounds=[(-1.0, 1.0)]), [0.0]))
        True
        """
        return state.downhill is not None

    def fields(self, problem: Problem, state: ProjectedNewtonState) -> dict[str, Any]:
        """The fields `active_mask` and `hessian`.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.ProjectedNewton().run(lambda x: x[0], [2.0], bounds=[(1.0, None)]).active_mask
        array([-1])
        """
        low, high = _limits(problem, state.x.size)
        mask = (state.x >= high).astype(int) - ((state.x <= low) & (low < high)).astype(int)
        by_products = state.H is None and not problem.dense
        return {"active_mask": mask, "hessian": "products" if by_products else "dense"}

    def _model(
        self, problem: Problem, point: Point, state: ProjectedNewtonState, limits: tuple[Array, Array]
    ) -> BoundedStep:
        product = product_of(problem, point) if state.H is None else state.H.__matmul__
        rtol = 1e-10
        if state.H is None:
            slope = norm(projected_gradient(point.x, point.g, limits))
            rtol = closeness(slope, state.steepest)
        model = Model(point.g, product, state.H)
        return bounded_step(model, point.x, limits, state.length, state.cauchy, state.downhill, rtol)

    def _downhill(self, problem: Problem, point: Point, H: Array | None) -> Array | None:
        """Negative curvature of what the bounds leave free, where the first-order test holds: a unit vector, or None.

        An unknown that rests on a bound without being pressed against it is free to leave: what counts of a direction
        is then the part that leads into the region.
        """
        x, g = point.x, point.g
        if not problem.optimality(x, g) <= self.gtol:
            return None
        low, high = _limits(problem, x.size)
        free = (x > low) & (x < high)
        product = product_of(problem, point) if H is None else H.__matmul__
        down = _lowest(product, H, free)
        if down is not None:
            return -down if g @ down > 0.0 else down
        inward = np.where(x <= low, 1.0, -1.0)
        loose = ~free & (low < high) & (inward * g <= 0.0)
        down = _lowest(product, H, free | loose) if loose.any() else None
        for way in () if down is None else (down, -down):
            inside = np.where(loose & (inward * way < 0.0), 0.0, way)
            bent = product(inside)
            if g @ inside <= 0.0 and inside @ bent < -_FLAT * norm(inside) * norm(bent):
                unit: Array = inside / norm(inside)
                return unit
        return None


def _lowest(product: Callable[[Array], Array], H: Array | None, free: NDArray[np.bool_]) -> Array | None:
    """A unit vector of negative curvature among the free unknowns, of those of least curvature."""
    if not free.any():
        return None
    full = np.zeros(free.size)
    if H is not None:
        inner = H[np.ix_(free, free)]
        if not has_negative_curvature(inner):
            return None
        full[free] = np.linalg.eigh(inner)[1][:, 0]
        return full

    def on_face(v: Array) -> Array:
        wide = np.zeros(free.size)
        wide[free] = v
        return product(wide)[free]

    least, direction = lowest_curvature(on_face, int(free.sum()))
    full[free] = direction
    return full if least < 0.0 else None


def _limits(problem: Problem, n: int) -> tuple[Array, Array]:
    limits = problem.limits(n)
    return (np.full(n, -np.inf), np.full(n, np.inf)) if limits is None else limits
