"""Methods that use the exact Hessian; imports ``solver``, ``linear``, ``linesearch``, ``subproblem``.

Both look at the Hessian where the gradient vanishes: a point with a direction of negative curvature is a
saddle or a maximum, and they move on.

>>> def saddle(x):
...     return x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4
>>> for solver in (Newton(), TrustRegion()):
...     print(abs(solver.run(saddle, [1.0, 0.0]).x).round(6))
[0.       1.414214]
[0.       1.414214]
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from optimizers.flatten import Array, Tree
from optimizers.linear import cholesky, cholesky_solve, has_negative_curvature, modified_cholesky
from optimizers.linesearch import Armijo, LineSearch, Searched, round_off, stalled
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status
from optimizers.subproblem import moresorensen

__all__ = ["Newton", "TrustRegion", "TrustRegionState"]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Newton(Solver[State]):
    """Newton's method with modified Cholesky factorisation and a line search: small smooth problems.

    Where the Hessian is not positive definite, the direction comes from `modified_cholesky`, or is one of
    negative curvature where that promises more for a step of unit length: N. I. M. Gould, S. Lucidi, M. Roma
    and Ph. L. Toint, "Exploiting negative curvature directions in linesearch methods for unconstrained
    optimization", Optimization Methods and Software 14 (2000) 75-98.

    Parameters
    ----------
    linesearch : LineSearch
        `Armijo()` by default; along negative curvature it is always Armijo's, with the curvature term.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> def rosen(x): return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    >>> result = Newton().run(rosen, [-1.2, 1.0])
    >>> bool(result.success), result.x.round(8), result.nit < 30
    (True, array([1., 1.]), True)
    """

    linesearch: LineSearch = Armijo()
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "hess", "hessp"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("linesearch", hasattr(self.linesearch, "search"), "a line search")

    def init(self, problem: Problem, x0: Tree) -> State:
        """The state at `x0`, Hessian included.

        Examples
        --------
        >>> import optimizers as opt
        >>> Newton().init(opt.Problem(lambda x: x @ x), [1.0]).H
        array([[2.]])
        """
        return replace(self.begin(problem, x0), H=problem.at(x0).require_finite_hessian().H)

    def step(self, problem: Problem, state: State) -> State:
        """One line search along the Newton direction, or along negative curvature.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> Newton().step(problem, Newton().init(problem, [1.0])).x
        array([0.])
        """
        point = problem.at(state.x, f=state.f, g=state.g, H=state.H)
        direction, curvature = _direction(point)
        found = self._search(problem, point, direction, curvature, 1.0)
        while found.point is not None and not np.isfinite(found.point.H).all():
            found = self._search(problem, point, direction, curvature, 0.1 * found.length)
        new = found.point
        promised = -float(point.g @ direction) - 0.5 * curvature
        if new is None or stalled(point, new):
            hidden = new is not None or promised <= round_off(point.f)
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF if hidden else Status.LINE_SEARCH)
        return State(new.x, new.f, new.g, new.H, k=state.k + 1, length=found.length)

    def is_saddle(self, state: State) -> bool:
        """Whether the Hessian of `state` has negative curvature.

        Examples
        --------
        >>> import optimizers as opt
        >>> Newton().is_saddle(Newton().init(opt.Problem(lambda x: -x @ x), [0.0]))
        True
        """
        return state.H is not None and has_negative_curvature(state.H)

    def _search(
        self, problem: Problem, point: Point, direction: Array, curvature: float, first: float
    ) -> Searched:
        if curvature < 0.0:
            return Armijo().search(problem, point, direction, first, curvature)
        return self.linesearch.search(problem, point, direction, first)


def _direction(point: Point) -> tuple[Array, float]:
    """A descent direction d and, where it owes its descent to negative curvature, d·Hd; else 0."""
    L = cholesky(point.H)
    if L is not None:
        return -cholesky_solve(L, point.g), 0.0
    factor = modified_cholesky(point.H)
    newton = -factor.solve(point.g)
    if factor.negative_curvature is None:
        return newton, 0.0
    down = factor.negative_curvature / np.linalg.norm(factor.negative_curvature)
    down = -down if point.g @ down > 0.0 else down
    curvature = float(down @ point.H @ down)
    length = float(np.linalg.norm(newton))
    if length > 0.0 and not point.g @ newton / length > point.g @ down + 0.5 * curvature:
        return newton, 0.0
    # The model sets no length along negative curvature; that of x is the scale at hand.
    size = max(1.0, float(np.linalg.norm(point.x)))
    return size * down, size**2 * curvature


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
    >>> TrustRegion().init(opt.Problem(lambda x: 8.0 * x @ x), [1.0]).scale
    array([4.])
    """

    scale: Array = field(kw_only=True)


@dataclass(frozen=True)
class TrustRegion(Solver[TrustRegionState]):
    scaling: str = "none"
    radius: float | None = None
    growth: float = 2.0
    eta: float = 1e-4
    decay: float = 0.0
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "hess", "hessp"})

    def init(self, problem: Problem, x0: Tree) -> TrustRegionState:
        start = self.begin(problem, x0)
        H = problem.at(start.x).require_finite_hessian().H
        scale = self._scale(H)
        size = float(np.linalg.norm(scale * start.x))
        if self.radius is None:
            radius = max(1.0,size)
        else: radius=self.radius*(size or 1.0)
        return TrustRegionState(start.x, start.f, start.g, H, length=radius, scale=scale)

    def _scale(self,H,old=None):
        n=len(H)
        if self.scaling=="none": return np.ones(n)
        d=np.sqrt(np.abs(np.diag(H)))
        if self.scaling=="row": d=np.sqrt(np.abs(H).max(axis=0))
        d=np.maximum(d,1e-8*d.max()) if d.max()>0 else np.ones(n)
        if old is not None: d=np.maximum(d,self.decay*old)
        return d

    def step(self, problem: Problem, state: TrustRegionState) -> TrustRegionState:
        point = problem.at(state.x, f=state.f, g=state.g, H=state.H)
        d = state.scale
        g = point.g / d
        sub = moresorensen(g, point.H / np.outer(d, d), state.length)
        trial = problem.trial(point.x + sub.s / d)
        usable = trial is not None and trial.finite
        ratio = (point.f - trial.f) / sub.predicted if usable else -np.inf
        if sub.predicted <= round_off(point.f) and usable and ratio<=self.eta and trial.f <= point.f + round_off(point.f) and np.linalg.norm(trial.g / d) < np.linalg.norm(g):
            ratio = 1.0
        if not ratio>self.eta and (sub.predicted<=10*_EPS*abs(point.f) or (point.x+sub.s/d==point.x).all()):
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF)
        size = float(np.linalg.norm(sub.s))
        if not (ratio > self.eta and np.isfinite(trial.H).all()):
            return replace(state, k=state.k + 1, length=0.25 * size)
        radius = state.length
        if ratio < 0.25:
            radius = 0.25 * size
        elif ratio > 0.75 and sub.boundary:
            radius = self.growth * size
        new=self._scale(trial.H,d)
        return TrustRegionState(trial.x, trial.f, trial.g, trial.H, k=state.k + 1, length=radius, scale=new)

    def is_saddle(self, state):
        return state.H is not None and has_negative_curvature(state.H)
