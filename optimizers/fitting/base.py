"""What methods of least squares share: options, problem, stationarity without units, what results have besides.

Imports ``solver``, ``residuals``, ``factors``, ``weighted``.

Two tests of the first order make a success. The one is that of every solver: no entry of the gradient Jᵀr exceeds
`gtol`. It is in the units of the problem, and so says nothing where parameters differ by orders of magnitude. The
other has no units, and holds where both of these are true.

- The cosine of the angle between the residuals and the space that the columns of J span is at most `ctol`. That is
  the relative offset of D. M. Bates and D. G. Watts, "A relative offset orthogonality convergence criterion for
  nonlinear least squares", Technometrics 23 (1981) 179-183. It is the largest cosine with any combination of the
  columns, so that columns which are nearly parallel cannot hide a residual in their plane, as they can from MINPACK's
  `gtol`, the largest cosine with one of them. It means that no parameter is further from the minimiser than about
  `ctol` times sqrt(m - n) of its standard deviations. Where the fit is exact there is no such angle; residuals that a
  change of x by ten units of its last place would explain count as none.
- The step to the minimiser is short beside x, sqrt(eps) of it, each parameter measured by its column. A run that
  follows a valley to infinity has residuals at right angles to columns that grow, and is told by its long steps. Along
  directions that the columns hardly have, a Gauss-Newton step means nothing; there it is Newton's step that has to
  be short, with the exact curvature of the cost, which has to be positive.

>>> cosine(factorise(np.array([[1.0], [1.0]]), np.array([1.0, -1.0]), np.ones(1)), 2.0**0.5) < 1e-15
True
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from optimizers.bounds import check_inside
from optimizers.checks import is_number, quiet
from optimizers.errors import InputTypeError, OptionError
from optimizers.fitting.factors import Factors, column_norms, factorise
from optimizers.fitting.losses import Loss, loss_named
from optimizers.fitting.weighted import FitPoint, View, raw_of, view_of
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.problem import UNTRACEABLE, Problem
from optimizers.residuals import ResidualProblem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status

__all__ = [
    "FitState",
    "LeastSquaresSolver",
    "active_mask",
    "cosine",
    "cosine_at",
    "covariance_of",
    "free_unknowns",
    "rounding_of",
    "stationary",
    "variance_of",
]

_EPS = float(np.finfo(np.float64).eps)
# Up to so many unknowns, a trial's Jacobian is evaluated with its residuals, though the trial may be rejected.
_JOINT = 64
# What counts as rounding, in units of the last place.
_UNITS = 10.0
# How long a step that is left to do may be, beside x.
_SHORT = _EPS**0.5


@dataclass(frozen=True, eq=False)
class FitState(State):
    """`State` of methods of least squares; `f` is the cost.

    Attributes
    ----------
    r : ndarray, shape (m,)
        Residuals, without weights.
    J : ndarray, shape (m, n)
        Their Jacobian.
    cosine : float
        Of the angle between the residuals and the columns of J: 0 where x is stationary.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.GaussNewton().init(opt.ResidualProblem(lambda x: x - 3.0), [1.0]).r
    array([-2.])
    """

    r: Array = field(kw_only=True)
    J: Array = field(kw_only=True)
    cosine: float = field(kw_only=True, default=float("nan"))


S = TypeVar("S", bound=FitState)


@dataclass(frozen=True, kw_only=True)
class LeastSquaresSolver(Solver[S]):
    """A minimiser of ½ Σ r(x)², or of a robust loss of the residuals r.

    Parameters
    ----------
    gtol : float
        Success: no entry of the gradient exceeds it.
    ctol : float
        Success: the cosine of the angle between the residuals and the columns of the Jacobian is at most `ctol`;
        see the module. 0 leaves the test out.
    loss : str or callable
        "linear" (the square), "soft_l1", "huber", "cauchy", "arctan", or a function z -> (3, m) of
        z = (r / f_scale)² that returns ρ, ρ' and ρ'', as SciPy's.
    f_scale : float
        The size of residuals beyond which a loss takes them for outliers.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.LevenbergMarquardt(loss="huber").run(lambda x: x - np.array([1.0, 1.0, 7.0]), [0.0]).x.round(6)
    array([1.5])
    """

    gtol: float = 1e-12
    ctol: float = 1e-10
    loss: str | Loss = "linear"
    f_scale: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("ctol", is_number(self.ctol) and 0.0 <= self.ctol < 1.0, "a number in [0, 1)")
        self._check("f_scale", is_number(self.f_scale) and self.f_scale > 0.0, "a number > 0")
        try:
            loss_named(self.loss)
        except OptionError as wrong:
            raise OptionError(f"{type(self).__name__}: {wrong}") from None

    uses: ClassVar[frozenset[str]] = frozenset({"jac"})

    def problem_of(
        self,
        fun: Callable[..., Any],
        x0: Tree,
        args: tuple[Any, ...] = (),
        *,
        jac: Any = None,
        bounds: Any = None,
        jit: bool | str = "auto",
        **given: Any,
    ) -> Problem:
        """The `ResidualProblem` of the arguments; ``fun(x, *args)`` returns residuals.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.GaussNewton().problem_of(lambda x: x**2, [1.0, 2.0]).at([1.0, 2.0]).r
        array([1., 4.])
        """
        self.refuse(**given)
        problem = ResidualProblem(fun, jac, args=args, like=x0, jit=jit, bounds=bounds)
        problem.at(x0, name="x0")
        return problem

    def fields(self, problem: Problem, state: S) -> dict[str, Any]:
        """What SciPy's `least_squares` returns, with the covariance of the parameters and their standard deviations.

        `fun` is the residuals; `cost`, `grad` and `optimality` belong to the loss; `jac` is the Jacobian, weighted
        by a robust loss as SciPy's, so that JᵀJ is its Gauss-Newton matrix. `covariance`, shape (n, n), is
        2 cost / (m - n) (JᵀJ)⁻¹, and `std`, shaped like x, the roots of its diagonal; `note` says where that is the
        pseudo-inverse because JᵀJ is singular, or infinite because there are no more residuals than parameters.

        Examples
        --------
        >>> import optimizers as opt
        >>> result = opt.LevenbergMarquardt().run(lambda x: x[0] - np.array([1.0, 2.0, 3.0]), [0.0])
        >>> result.fun, result.cost, bool(np.isclose(result.std[0], 3**-0.5))
        (array([ 1.,  0., -1.]), 1.0, True)
        """
        point = self._view(problem).at(state.x, r=state.r, J=state.J)
        covariance, note = covariance_of(point.J, variance_of(state.f, *point.J.shape))
        limits = problem.limits(state.x.size)
        return {
            "fun": np.array(state.r),
            "jac": np.array(point.J),
            "cost": state.f,
            "grad": problem.unravel(state.g),
            "optimality": problem.optimality(state.x, state.g),
            "cosine": state.cosine,
            "active_mask": active_mask(state.x, limits),
            "covariance": covariance,
            "std": problem.unravel(np.sqrt(np.diag(covariance))),
            "note": note,
        }

    def evidence(self, problem: Problem, state: S) -> str:
        """What a success by the method's own test rests on, for the message.

        Examples
        --------
        >>> import optimizers as opt
        >>> result = opt.GaussNewton().run(lambda x: np.exp(x[0]) - np.array([1e6, 3e6]), [14.0])
        >>> result.message  # doctest: +ELLIPSIS
        'the gradient test holds: cosine of residuals and Jacobian = ... <= ctol'
        """
        if problem.optimality(state.x, state.g) <= self.gtol:
            return super().evidence(problem, state)
        return f"cosine of residuals and Jacobian = {state.cosine:.3g} <= ctol"

    # -- what the methods share ---------------------------------------------------------------------------

    def _view(self, problem: Problem) -> View:
        if not isinstance(problem, ResidualProblem):
            raise InputTypeError(f"{type(self).__name__} needs a ResidualProblem, not a {type(problem).__name__}")
        return view_of(problem, self.loss, self.f_scale)

    def _start(self, problem: Problem, x0: Tree) -> FitPoint:
        """The point `x0`, checked: finite, inside the bounds."""
        view = self._view(problem)
        self.begin(problem, x0)
        point = view.at(cast(Any, x0))
        raw_of(point).require_finite()
        return point

    def _evaluated(self, view: View, x: Array) -> FitPoint | None:
        """The point `x` with its residuals, and its Jacobian where that costs little; None where f is not finite."""
        trial = view.trial(x)
        if trial is None:
            return None
        if x.size <= _JOINT:
            raw = raw_of(trial)
            assert raw.J is not None  # which evaluates residuals and Jacobian together
        return trial if np.isfinite(trial.f) else None

    def _continued(self, problem: Problem, state: S) -> S:
        view, limits = self._view(problem), problem.limits(state.x.size)
        if limits is not None:
            check_inside(state.x, limits)
        point = view.at(state.x)
        raw = raw_of(point)
        same = isinstance(state, FitState) and np.array_equal(raw.J, state.J) and np.array_equal(raw.r, state.r)
        found = self._resumed(point, state, limits) if same and point.f == state.f else None
        return replace(self.init(problem, problem.unravel(state.x)), k=state.k) if found is None else found

    def _resumed(self, point: FitPoint, state: S, limits: tuple[Array, Array] | None) -> S | None:
        """The state, known to be of this problem but for bounds; None where it is another method's."""
        return replace(state, ending=self._ending(point, 0.0, column_norms(point.J)))

    def _noise(self, point: FitPoint) -> float:
        """By how much rounding of the residuals changes the cost."""
        return norm(point.r) * rounding_of(point, column_norms(point.J)) + _UNITS * _EPS * abs(point.f)

    def _ending(
        self, point: FitPoint, reach: float, columns: Array, free: NDArray[np.bool_] | None = None
    ) -> Status | None:
        return Status.CONVERGED if stationary(point, reach, columns, self.ctol, free) else None


def cosine(factors: Factors, size: float) -> float:
    """Cosine of the angle between residuals of norm `size` and the columns of the Jacobian; 0 where there are none.

    Examples
    --------
    >>> cosine(factorise(np.eye(1), np.ones(1), np.ones(1)), 1.0)
    1.0
    """
    return factors.reach / size if size > 0.0 else 0.0


def cosine_at(point: FitPoint, limits: tuple[Array, Array] | None) -> float:
    """The `cosine` at a point, for the columns of the parameters that bounds leave free.

    Examples
    --------
    >>> import optimizers as opt
    >>> cosine_at(opt.ResidualProblem(lambda x: x).at([1.0]), None)
    1.0
    """
    free = free_unknowns(point.x, point.g, limits)
    J = point.J if free is None else point.J[:, free]
    if J.shape[1] == 0:
        return 0.0
    columns = column_norms(J)
    return cosine(factorise(J, point.r, np.where(columns > 0.0, columns, 1.0)), norm(point.r))


def rounding_of(point: FitPoint, columns: Array) -> float:
    """By how much a change of x in its last places changes the residuals, in norm: what they may be in error by.

    `columns` are the norms of the columns of J, shape (n,). Residuals are differences of data and a model, whose
    size is not known here; that of J x is of its order.

    Examples
    --------
    >>> import optimizers as opt
    >>> rounding_of(opt.ResidualProblem(lambda x: x).at([1.0]), np.ones(1)) < 3e-15
    True
    """
    return _UNITS * _EPS * norm(columns * point.x)


def stationary(
    point: FitPoint, reach: float, columns: Array, ctol: float, free: NDArray[np.bool_] | None = None
) -> bool:
    """The test without units, in the columns of the `free` unknowns; `reach` is known from the step.

    `columns` are the norms of the columns of J, shape (n,).

    Examples
    --------
    >>> import optimizers as opt
    >>> point = opt.ResidualProblem(lambda x: x[0] * np.ones(2) - np.array([1.0, 3.0])).at([2.0])
    >>> stationary(point, 0.0, np.full(1, 2.0**0.5), 1e-10)
    True
    """
    size = norm(point.r)
    enough = max(ctol * size, rounding_of(point, columns))
    if not (ctol > 0.0 and reach <= enough):
        return False
    # Scales that remember where the run came from say nothing of what is long here.
    scale = np.where(columns > 0.0, columns, 1.0)
    J, unit = (point.J, scale) if free is None else (point.J[:, free], scale[free])
    if unit.size == 0:
        return True
    factors = factorise(J, point.r, unit)
    short = _SHORT * (norm(columns * point.x) + size)
    if not (factors.reach <= enough and factors.strong_step <= short):
        return False
    weak = np.flatnonzero(~factors.strong & (factors.s > 0.0))
    return all(_short_newton(point, factors, unit, int(i), short, free) for i in weak)


def _short_newton(
    point: FitPoint, factors: Factors, unit: Array, i: int, short: float, free: NDArray[np.bool_] | None
) -> bool:
    """Whether Newton's step along the singular direction `i` leads to a minimum that is near."""
    v = np.zeros(point.x.size)
    v[slice(None) if free is None else free] = factors.Vt[i] / unit
    try:
        curvature = float(factors.s[i] ** 2 + point.r @ point.second(v))
    except UNTRACEABLE:
        return False
    return curvature > 0.0 and bool(factors.s[i] * abs(factors.c[i]) <= short * curvature)


def free_unknowns(x: Array, g: Array, limits: tuple[Array, Array] | None) -> NDArray[np.bool_] | None:
    """Which unknowns can move downhill, shape (n,) of bool; None where all can, without bounds that matter.

    Examples
    --------
    >>> free_unknowns(np.zeros(2), np.array([1.0, -1.0]), (np.zeros(2), np.ones(2)))
    array([False,  True])
    """
    if limits is None:
        return None
    low, high = limits
    free: NDArray[np.bool_] = ~(((x <= low) & (g >= 0.0)) | ((x >= high) & (g <= 0.0)))
    return None if free.all() else free


def variance_of(cost: float, m: int, n: int) -> float:
    """Variance of the residuals, 2 cost / (m - n); infinite where there are no more residuals than parameters.

    Examples
    --------
    >>> variance_of(0.5, 3, 1), variance_of(0.5, 2, 2)
    (0.5, inf)
    """
    return 2.0 * cost / (m - n) if m > n else np.inf


def covariance_of(J: Array, variance: float) -> tuple[Array, str]:
    """variance (JᵀJ)⁻¹, shape (n, n), and what is to be said of it: why it is infinite, or of a pseudo-inverse.

    By the singular value decomposition of J, its columns scaled to unit length first; JᵀJ is not formed.

    Examples
    --------
    >>> covariance_of(np.array([[1.0], [1.0]]), 1.0)
    (array([[0.5]]), '')
    """
    m, n = J.shape
    if variance == np.inf:
        return np.full((n, n), np.inf), "no more residuals than parameters: the covariance is infinite"
    columns = column_norms(J)
    scale = np.where(columns > 0.0, columns, 1.0)
    found = factorise(J, np.zeros(m), scale)
    basis = np.divide(found.Vt.T, found.s, out=np.zeros_like(found.Vt.T), where=found.s > 0.0)
    rank = int((found.s > 0.0).sum())
    note = "" if rank == n else f"JᵀJ has rank {rank} of {n}: the covariance is of its pseudo-inverse"
    with quiet():  # a column that has all but vanished has a variance that may overflow
        spread = (basis / scale[:, None]) * np.sqrt(variance)
        return spread @ spread.T, note


def active_mask(x: Array, limits: tuple[Array, Array] | None, slack: float = 0.0) -> NDArray[np.int_]:
    """-1, 0 or 1 per unknown, as SciPy's: at the lower bound, at none, at the upper.

    Examples
    --------
    >>> active_mask(np.array([0.0, 0.5, 1.0]), (np.zeros(3), np.ones(3)))
    array([-1,  0,  1])
    """
    if limits is None:
        return np.zeros(x.size, dtype=int)
    low, high = limits
    near = slack * np.maximum(1.0, np.abs(x))
    return np.where(x - low <= near, -1, np.where(high - x <= near, 1, 0))
