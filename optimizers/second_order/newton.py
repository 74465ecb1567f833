"""Newton's method with a line search; imports ``solver``, ``linear``, ``linesearch``.

Where the gradient vanishes it looks at the Hessian: a point with a direction of negative curvature is a saddle
or a maximum, and it moves on.

>>> def saddle(x):
...     return x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4
>>> abs(Newton().run(saddle, [1.0, 0.0]).x).round(6)
array([0.      , 1.414214])
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from optimizers.flatten import Array, Tree
from optimizers.linear import cholesky, cholesky_solve, has_negative_curvature, modified_cholesky, norm
from optimizers.linesearch import Armijo, LineSearch, Searched, round_off, stalled
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status

__all__ = ["Newton"]


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

    linesearch: LineSearch = field(default_factory=Armijo)
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
            # Backtracking, which never lengthens the step, whatever search the user chose.
            found = Armijo().search(problem, point, direction, 0.1 * found.length, curvature)
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

    def fields(self, problem: Problem, state: State) -> dict[str, Any]:
        """The field `hessian`, which is always "dense".

        Examples
        --------
        >>> import optimizers as opt
        >>> Newton().run(lambda x: x @ x, [1.0]).hessian
        'dense'
        """
        return {"hessian": "dense"}

    def _search(self, problem: Problem, point: Point, direction: Array, curvature: float, first: float) -> Searched:
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
    down = factor.negative_curvature / norm(factor.negative_curvature)
    curvature = float(down @ point.H @ down)
    length = norm(newton)
    if length > 0.0 and not point.g @ newton / length > -abs(point.g @ down) + 0.5 * curvature:
        return newton, 0.0
    size = max(1.0, norm(point.x))
    down = size * down
    return (-down if point.g @ down > 0.0 else down), size * size * curvature
