"""Newton's method by Hessian-vector products; imports ``solver``, ``linesearch``, ``subproblems``, ``acceptance``.

>>> import numpy as np
>>> def chain(x):
...     return np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = NewtonCG().run(chain, np.zeros(50))
>>> bool(result.success), bool(np.abs(result.x - 1.0).max() < 1e-6), result.nhev
(True, True, 0)
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from optimizers.checks import is_number, is_whole
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.linesearch import Armijo, LineSearch, Searched, round_off, stalled
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.second_order.acceptance import downhill, product_of
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status
from optimizers.subproblems import truncated_cg

__all__ = ["NewtonCG", "NewtonCGState"]

# Eisenstat's and Walker's second choice: the residual falls as a power of the fall of the gradient, times a share.
_POWER, _SHARE = 0.5 * (1.0 + 5.0**0.5), 0.9
# Where the gradient fell by less than half, the next equations are solved so much more closely, down to a limit.
_TIGHTER, _CLOSEST = 0.3, 1e-10
# Share of `gtol` to which the last equations are solved: closer would be of no use.
_ENOUGH = 0.3


@dataclass(frozen=True, eq=False)
class NewtonCGState(State):
    """`State` of `NewtonCG`.

    Attributes
    ----------
    forcing : float
        How closely Newton's equations are to be solved next, relative to the gradient.
    downhill : ndarray, shape (n,), or None
        Direction of negative curvature where the gradient is small, if there is one.

    Examples
    --------
    >>> import optimizers as opt
    >>> NewtonCG(forcing=0.1).init(opt.Problem(lambda x: x @ x), [1.0]).forcing
    0.1
    """

    forcing: float = 0.5
    downhill: Array | None = None


@dataclass(frozen=True)
class NewtonCG(Solver[NewtonCGState]):
    """Truncated Newton: conjugate gradients by Hessian-vector products, and a line search. Many unknowns.

    Newton's equations are solved no more closely than pays, nor than `gtol` asks: S. C. Eisenstat and H. F. Walker,
    "Choosing the forcing terms in an inexact Newton method", SIAM J. Sci. Comput. 17 (1996) 16-32, choice 2. Where
    conjugate gradients meet a direction of negative curvature, the search goes along it, if it promises more for a
    step of unit length than what they had reached: N. I. M. Gould, S. Lucidi, M. Roma and Ph. L. Toint, "Exploiting
    negative curvature directions in linesearch methods for unconstrained optimization", Optimization Methods and
    Software 14 (2000) 75-98. Where the gradient test holds, Lanczos' process looks for negative curvature from a
    random start (at most 40 products, fewer once it is ruled out), so saddles are left.

    Parameters
    ----------
    linesearch : LineSearch
        `Armijo()` by default; along negative curvature it is always Armijo's, with the curvature term.
    forcing : float
        Tolerance of the first solution, and the largest, in (0, 1).
    maxcg : int, optional
        Limit on products an iteration; 2n by default.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> def saddle(x): return x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4
    >>> abs(NewtonCG().run(saddle, [1.0, 0.0]).x).round(6)
    array([0.      , 1.414214])
    """

    linesearch: LineSearch = field(default_factory=Armijo)
    forcing: float = 0.5
    maxcg: int | None = None
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "hess", "hessp"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("linesearch", hasattr(self.linesearch, "search"), "a line search")
        self._check("forcing", is_number(self.forcing) and 0.0 < self.forcing < 1.0, "a number in (0, 1)")
        self._check("maxcg", self.maxcg is None or is_whole(self.maxcg, 1), "None or a whole number >= 1")

    def init(self, problem: Problem, x0: Tree) -> NewtonCGState:
        """The state at `x0`.

        Examples
        --------
        >>> import optimizers as opt
        >>> NewtonCG().init(opt.Problem(lambda x: x @ x), [1.0]).f
        1.0
        """
        start = self.begin(problem, x0)
        down = downhill(problem, problem.at(start.x), self.gtol)
        return NewtonCGState(start.x, start.f, start.g, forcing=float(self.forcing), downhill=down)

    def step(self, problem: Problem, state: NewtonCGState) -> NewtonCGState:
        """One line search along a truncated Newton direction, or along negative curvature.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> NewtonCG().step(problem, NewtonCG().init(problem, [1.0])).x
        array([0.])
        """
        point = problem.at(state.x, f=state.f, g=state.g)
        direction, curvature = self._direction(problem, point, state)
        found = self._search(problem, point, direction, curvature)
        new, promised = found.point, -float(point.g @ direction) - 0.5 * curvature
        if new is None or stalled(point, new):
            hidden = new is not None or promised <= round_off(point.f)
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF if hidden else Status.LINE_SEARCH)
        down = downhill(problem, new, self.gtol)
        forcing = self._next_forcing(state, norm(new.g))
        return NewtonCGState(new.x, new.f, new.g, None, state.k + 1, found.length, None, forcing, down)

    def is_saddle(self, state: NewtonCGState) -> bool:
        """Whether negative curvature was found where the gradient is small.

        Examples
        --------
        >>> import optimizers as opt
        >>> NewtonCG().is_saddle(NewtonCG().init(opt.Problem(lambda x: -x @ x), [0.0]))
        True
        """
        return state.downhill is not None

    def fields(self, problem: Problem, state: NewtonCGState) -> dict[str, Any]:
        """The field `hessian`: "products", or "dense" where the Hessian was given as a matrix.

        Examples
        --------
        >>> import optimizers as opt
        >>> NewtonCG().run(lambda x: x @ x, [1.0]).hessian
        'products'
        """
        return {"hessian": "dense" if problem.dense else "products"}

    def _direction(self, problem: Problem, point: Point, state: NewtonCGState) -> tuple[Array, float]:
        """A descent direction d and, where it owes its descent to negative curvature, d·Hd; else 0."""
        product = product_of(problem, point)
        size = max(1.0, norm(point.x))
        if state.downhill is not None:
            down = size * state.downhill
            return down, float(down @ product(down))
        slope = norm(point.g)
        forcing = max(state.forcing, min(0.5, _ENOUGH * self.gtol / slope) if slope > 0.0 else 0.0)
        step = truncated_cg(product, point.g, forcing, self.maxcg)
        length = norm(step.s)
        if step.down is not None:
            unit = step.down / norm(step.down)
            curvature = step.curvature / norm(step.down) ** 2
            rate = -float(point.g @ step.s) / length if length > 0.0 else 0.0
            if -float(point.g @ unit) - 0.5 * curvature >= rate:
                return size * unit, size * size * curvature
        if length == 0.0 and slope > 0.0:  # neither curvature nor a finite product
            return (-size / slope) * point.g, 0.0
        return step.s, 0.0

    def _search(self, problem: Problem, point: Point, direction: Array, curvature: float) -> Searched:
        if curvature < 0.0:
            return Armijo().search(problem, point, direction, 1.0, curvature)
        return self.linesearch.search(problem, point, direction, 1.0)

    def _next_forcing(self, state: NewtonCGState, slope: float) -> float:
        before = norm(state.g)
        if not slope < 0.5 * before:
            # Few conjugate gradients are steepest descent, which a valley holds up: solve more closely.
            return max(_CLOSEST, _TIGHTER * state.forcing)
        kept = _SHARE * state.forcing**_POWER
        forcing = max(_SHARE * (slope / before) ** _POWER, kept if kept > 0.1 else 0.0, _CLOSEST)
        return float(min(self.forcing, forcing))
