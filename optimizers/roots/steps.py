"""What methods for roots share: backtracking on ‖F‖, and damped steps where Newton's fail; imports ``equations``.

Tests are relative to ‖F‖, since the value that is sought is known: 0. A trial where F is not finite is shortened,
never accepted; comparisons are written so that NaN means "no".

>>> problem = RootProblem(lambda x: np.arctan(x))
>>> start = problem.at([3.0])
>>> found = backtrack(problem, start, -start.r / start.J[0], slope=-2.0 * start.f)
>>> found.length < 1.0, bool(abs(found.point.r[0]) < abs(start.r[0]))
(True, True)
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy.linalg.blas import ddot
from scipy.linalg.lapack import dgecon, dgetrf, dgetrs

from optimizers.checks import quiet
from optimizers.equations import RootProblem
from optimizers.flatten import Array
from optimizers.linear import largest, norm
from optimizers.residuals import ResidualPoint
from optimizers.status import Status

__all__ = [
    "FLAT",
    "Damped",
    "Found",
    "backtrack",
    "column_scale",
    "damped",
    "dense_steps",
    "failure",
    "is_stationary",
    "newton_direction",
    "shortened",
    "within_rounding",
]

_EPS = float(np.finfo(np.float64).eps)
# Reciprocal condition, rows and columns scaled, below which a Jacobian is taken to be singular.
_SINGULAR = 1e-14
# Bounds of `is_stationary`: where a minimum of ‖F‖ is taken to be reached although damped steps might go on, and where
# no step has lowered ‖F‖ any more.
FLAT, _STATIONARY = 1e-9, 1e-5
Solve = Callable[[float], tuple[Array, float]]


class Found(NamedTuple):
    """Length of a step and the point it leads to; None where no length was acceptable.

    Examples
    --------
    >>> Found(0.0, None).point is None
    True
    """

    length: float
    point: ResidualPoint | None


def backtrack(
    problem: RootProblem,
    point: ResidualPoint,
    direction: Array,
    *,
    slope: float,
    trials: int = 10,
    share: float = 1e-4,
    measure: Callable[[ResidualPoint], float] | None = None,
    suits: Callable[[ResidualPoint], bool] | None = None,
) -> Found:
    """A point along `direction` where ½‖F‖² has fallen by ``share * length * slope`` at least.

    After a failed trial the length is the minimiser of the parabola through value, slope and that trial, within a
    tenth and a half of it: J. E. Dennis and R. B. Schnabel, "Numerical Methods for Unconstrained Optimization and
    Nonlinear Equations" (1983), section 6.3.2.

    Parameters
    ----------
    slope : float
        Derivative of the measure along `direction`, negative: -‖F‖² for an exact Newton step.
    measure : callable, optional
        What is to fall in place of ½‖F‖².
    suits : callable, optional
        A further condition on the point.

    Examples
    --------
    >>> problem = RootProblem(lambda x: x)
    >>> backtrack(problem, problem.at([1.0]), np.array([1.0]), slope=-1.0).point is None
    True
    """
    start = point.f if measure is None else measure(point)
    length = 1.0
    if not slope < 0.0 or not np.isfinite(slope):
        return Found(0.0, None)
    for _ in range(trials):
        with quiet():
            x = point.x + length * direction
        if not problem.left() > 0 or bool((x == point.x).all()):
            break
        trial = problem.trial(x)
        value = math.inf
        if trial is not None and math.isfinite(trial.f):
            value = trial.f if measure is None else measure(trial)
            if value <= start + share * length * slope and (suits is None or suits(trial)):
                return Found(length, trial)
        length *= _shortening(value - start, length * slope)
    return Found(0.0, None)


def _shortening(change: float, promised: float) -> float:
    if not math.isfinite(change):
        return 0.1
    bend = change - promised
    return min(0.5, max(0.1, -promised / (2.0 * bend))) if bend > 0.0 else 0.5


def newton_direction(J: Array, F: Array) -> tuple[Array, Callable[[Array], Array]] | None:
    """-J⁻¹F and the map b -> J⁻¹b; None where `J` is singular to working precision.

    Rows and columns are scaled first, by their largest entries, so that units do not look like singularity.

    Examples
    --------
    >>> J = np.array([[2.0, 0.0], [0.0, 4e-20]])
    >>> newton_direction(J, np.array([2.0, 4e-20]))[0]
    array([-1., -1.])
    >>> newton_direction(np.ones((2, 2)), np.ones(2)) is None
    True
    """
    size = np.abs(J)
    rows = size.max(axis=1)
    if not rows.min() > 0.0:
        return None
    columns = _floored((size / rows[:, None]).max(axis=0))
    scaled = J / rows[:, None] / columns
    lu, pivots, info = dgetrf(scaled)
    if info != 0 or not dgecon(lu, np.abs(scaled).sum(axis=0).max())[0] > _SINGULAR:
        return None

    def solve(b: Array) -> Array:
        x: Array = dgetrs(lu, pivots, b / rows)[0]
        return x / columns

    with quiet():
        direction = -solve(F)
    return (direction, solve) if np.isfinite(direction).all() else None


class Damped(NamedTuple):
    """What damped steps led to.

    Attributes
    ----------
    point : ResidualPoint or None
        None where no damping led to less.
    damping : float
        What to begin with next time.
    linear : bool
        Whether the linear model held, and promised to lower ½‖F‖² by half at least: Newton's step may work again.

    Examples
    --------
    >>> Damped(None, 1.0, False).point is None
    True
    """

    point: ResidualPoint | None
    damping: float
    linear: bool


def damped(
    problem: RootProblem,
    point: ResidualPoint,
    solve: Solve,
    damping: float,
    suits: Callable[[ResidualPoint], bool] | None = None,
) -> Damped:
    """A point of smaller ‖F‖ among x + s(μ), where s(μ) minimises ‖F + J s‖² + μ σ² ‖s‖², μ from `damping` up.

    σ is the largest singular value of J, or about that.

    How μ goes up and down is that of H. B. Nielsen, "Damping parameter in Marquardt's method", report IMM-REP-1999-05,
    Technical University of Denmark.

    Parameters
    ----------
    solve : callable
        μ -> s(μ) and the decrease of ½‖F‖² that the linear model promises of it.

    Examples
    --------
    >>> problem = RootProblem(lambda x: x**2)
    >>> point = problem.at([1.0])
    >>> damped(problem, point, dense_steps(point, np.ones(1)), 1e-3).point.r < 0.3
    array([ True])
    """
    growth = 2.0
    while damping < 1.0 / _EPS**2:
        step, promised = solve(damping)
        x = point.x + step
        if not problem.left() > 0 or bool((x == point.x).all()) or not promised > 0.0:
            break
        trial = problem.trial(x)
        ratio = -math.inf
        if trial is not None and math.isfinite(trial.f):
            ratio = (point.f - trial.f) / promised
        if ratio > 1e-4 and trial is not None and (suits is None or suits(trial)):
            linear = ratio > 0.75 and promised > 0.5 * point.f
            return Damped(trial, damping * max(1.0 / 3.0, 1.0 - (2.0 * ratio - 1.0) ** 3), linear)
        damping, growth = damping * growth, 2.0 * growth
    return Damped(None, damping, False)


def column_scale(J: Array, before: Array | None = None) -> Array:
    """Largest norm of each column so far: the units of the unknowns, as in MINPACK.

    Examples
    --------
    >>> column_scale(np.array([[3.0, 0.0], [4.0, 0.0]]), np.array([2.0, 1.0]))
    array([5., 1.])
    """
    sizes: Array = np.sqrt(np.einsum("ij,ij->j", J, J))
    return _floored(sizes if before is None else np.maximum(sizes, before))


def _floored(sizes: Array) -> Array:
    """No size is less than rounding of the largest: what hardly matters is not to be moved by millions for it."""
    largest_size = float(sizes.max())
    return np.maximum(sizes, _EPS * largest_size) if largest_size > 0.0 else np.ones(sizes.size)


def dense_steps(point: ResidualPoint, scale: Array) -> Solve:
    """The damped steps at a point whose Jacobian is known, unknowns measured in `scale`, from one decomposition.

    Examples
    --------
    >>> point = RootProblem(lambda x: x).at([1.0])
    >>> dense_steps(point, np.ones(1))(1.0)
    (array([-0.5]), 0.375)
    """
    U, s, Vt = scipy.linalg.svd(point.J / scale, check_finite=False, lapack_driver="gesdd")
    b = U.T @ point.r
    largest_squared = s[0] * s[0] if s[0] > 0.0 else 1.0

    def solve(damping: float) -> tuple[Array, float]:
        added = damping * largest_squared
        kept = added / (s * s + added)  # the share of each component of F that remains
        step = -((s * b / (s * s + added)) @ Vt) / scale
        return step, 0.5 * float(ddot(b, b * (1.0 - kept * kept)))

    return solve


def is_stationary(point: ResidualPoint, gradient: Array, scale: Array | float, bound: float) -> bool:
    """Whether ‖F‖ is stationary to first order, by two tests that no choice of units can fool alone.

    No cosine between F and a column of J, in `scale`, exceeds `bound`, nor does the relative change of ½‖F‖² for a
    relative change of an unknown: J. E. Dennis and R. B. Schnabel, "Numerical Methods for Unconstrained Optimization
    and Nonlinear Equations" (1983), section 7.2.

    Examples
    --------
    >>> point = RootProblem(lambda x: x**2 + 1.0).at([1e-8])
    >>> is_stationary(point, point.g, 1.0, 1e-5), is_stationary(point, point.g, 1.0, 1e-9)
    (True, False)
    """
    if not point.f > 0.0:
        return True
    cosine = largest(gradient / scale) / norm(point.r)
    relative = largest(gradient * np.maximum(np.abs(point.x), 1.0)) / point.f
    return max(cosine, relative) <= bound


def failure(problem: RootProblem, point: ResidualPoint, gradient: Array, scale: Array | float, noise: float) -> Status:
    """The ending where no step lowers ‖F‖: its minimum, or rounding in F, or the search's failure.

    `noise` is what rounding of x alone does to F.

    Examples
    --------
    >>> problem = RootProblem(lambda x: x**2 + 1.0)
    >>> failure(problem, problem.at([0.0]), np.zeros(1), 1.0, 0.0).name
    'NOT_A_ROOT'
    """
    if not problem.left() > 0:
        return Status.LINE_SEARCH  # which the driver takes for what it is, the limit on evaluations
    if largest(point.r) <= 10.0 * noise:
        return Status.ROUND_OFF
    return Status.NOT_A_ROOT if is_stationary(point, gradient, scale, _STATIONARY) else Status.LINE_SEARCH


def shortened(problem: RootProblem, x: Array, step: Array, trials: int = 10) -> tuple[float, ResidualPoint | None]:
    """The first point along `step` where F is finite, from its end back by tenths, with its length; or None.

    Examples
    --------
    >>> problem = RootProblem(np.log)
    >>> shortened(problem, np.ones(1), np.array([-2.0]))[0]
    0.1
    """
    length = 1.0
    for _ in range(trials):
        at = x + length * step
        if not problem.left() > 0 or bool((at == x).all()):
            break
        trial = problem.trial(at)
        if trial is not None and np.isfinite(trial.f):
            return length, trial
        length *= 0.1
    return 0.0, None


def within_rounding(x: Array, new: ResidualPoint, f: float) -> bool:
    """Whether a step moved only the last digits of x, shape (n,), and did not lower ½‖F‖², which was `f`.

    Examples
    --------
    >>> new = RootProblem(lambda x: x).at([1.0])
    >>> within_rounding(np.full(1, 1.0 - 1e-16), new, 0.5), within_rounding(np.full(1, 1.1), new, 0.5)
    (True, False)
    """
    return not new.f < f and norm(new.x - x) <= 4.0 * _EPS * norm(x)
