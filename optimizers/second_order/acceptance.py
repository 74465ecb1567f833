"""What methods that try a step share: the ratio of decreases, scales, curvature of products; imports ``problem``.

Close to a minimiser the decrease of f drowns in round-off long before the gradient does: there a trial counts as good
where it lowers the gradient and does not visibly raise f. A. R. Conn, N. I. M. Gould and Ph. L. Toint, "Trust-Region
Methods" (2000), section 17.4.2.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: x @ x)
>>> ratio(problem.at([2.0]), problem.at([1.0]), 4.0, None)
0.75
"""

import math
from collections.abc import Callable

import numpy as np

from optimizers.flatten import Array
from optimizers.linear import norm
from optimizers.linesearch import round_off
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.status import Status
from optimizers.subproblems import lowest_curvature

__all__ = [
    "ACCEPT",
    "closeness",
    "dense_up_to",
    "downhill",
    "drowned",
    "ending_of",
    "product_of",
    "ratio",
    "scale_of",
    "scaled",
    "usual",
]

_EPS = float(np.finfo(np.float64).eps)

ACCEPT = 0.1
"""The share of the predicted decrease that a trial must keep to be accepted: less is often the far side of a valley."""

# Unknowns up to which "auto" takes the whole Hessian, and up to which it does where the user gives it.
_DENSE, _DENSE_GIVEN = 300, 2000
# How closely a subproblem is solved by products, relative to the gradient, while that is large.
_LOOSE = 0.1
# Unknowns up to which products with one Hessian are remembered, so that a smaller region costs none.
_REMEMBERED = 10_000
# A unit is at least this share of the largest.
_LEAST_SCALE = 1e-8


def ratio(point: Point, trial: Point | None, predicted: float, scale: Array | None) -> float:
    """Actual over predicted decrease; 1 where round-off hides both and the gradient tells of progress; -inf: reject.

    Examples
    --------
    >>> import optimizers as opt
    >>> ratio(opt.Problem(lambda x: x @ x).at([2.0]), None, 4.0, None)
    -inf
    """
    if trial is None or not trial.finite:
        return -math.inf
    kept = (point.f - trial.f) / predicted if predicted > 0.0 else 0.0
    if not kept > ACCEPT and drowned(point, trial, predicted):
        return float(norm(scaled(trial.g, scale)) < norm(scaled(point.g, scale)))
    return kept


def drowned(point: Point, trial: Point, predicted: float) -> bool:
    """Whether round-off hides the decrease that was predicted, and the trial is not visibly worse.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: 1.0 + x @ x)
    >>> drowned(problem.at([1e-9]), problem.at([0.0]), 1e-18)
    True
    """
    noise = round_off(point.f)
    return predicted <= noise and trial.f <= point.f + noise


def ending_of(point: Point, x: Array, predicted: float, size: float, first: float, *, held: bool) -> Status | None:
    """Why a run ends with the rejection of `x`, if it does: round-off, or a region shrunk to nothing.

    `size` is that of the next step, `first` that of a usual step (`usual`), and `held` says whether the region or a
    weight made the step short: one that has shrunk far makes any promise small, which says nothing of the objective.

    Examples
    --------
    >>> import optimizers as opt
    >>> point = opt.Problem(lambda x: x @ x).at([1.0])
    >>> ending_of(point, point.x + 0.1, 1e-20, 0.1, 1.0, held=False).name
    'ROUND_OFF'
    >>> ending_of(point, point.x + 0.1, 0.1, 0.1, 1.0, held=True) is None
    True
    """
    unmoved = bool((x == point.x).all())
    hidden = predicted <= 10.0 * _EPS * abs(point.f) or (unmoved and predicted <= round_off(point.f))
    if hidden and not (held and size <= math.sqrt(_EPS) * first):
        return Status.ROUND_OFF
    return Status.RADIUS if hidden or unmoved or size <= _EPS**2 * first else None


def usual(x: Array, scale: Array | None, radius: float | None) -> float:
    """The length of a usual step from `x`: the norm of (scaled) x, at least 1, and no more than the first radius given.

    Examples
    --------
    >>> usual(np.array([3.0, 4.0]), None, None), usual(np.array([3.0, 4.0]), None, 0.5)
    (5.0, 0.5)
    """
    size = max(1.0, norm(x if scale is None else scale * x))
    return size if radius is None else min(size, float(radius))


def scaled(g: Array, scale: Array | None) -> Array:
    """The gradient in scaled unknowns ``scale * x``; the same where there is no scale.

    Examples
    --------
    >>> scaled(np.array([6.0]), np.array([2.0])), scaled(np.array([6.0]), None)
    (array([3.]), array([6.]))
    """
    return g if scale is None else g / scale


def scale_of(H: Array, old: Array | None) -> Array:
    """Square roots of the largest second derivatives so far, as MINPACK takes the norms of columns.

    J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture Notes in Mathematics 630
    (1978) 105-116.

    Examples
    --------
    >>> scale_of(np.diag([4.0, 9.0]), np.array([1.0, 5.0]))
    array([2., 5.])
    """
    new = np.sqrt(np.abs(np.diag(H)))
    largest = float(new.max())
    new = np.maximum(new, _LEAST_SCALE * largest) if largest > 0.0 else np.ones(len(H))
    return new if old is None else np.maximum(new, old)


def dense_up_to(problem: Problem) -> int:
    """How many unknowns there may be for the option "auto" to take the whole Hessian.

    Examples
    --------
    >>> import optimizers as opt
    >>> dense_up_to(opt.Problem(lambda x: x @ x))
    300
    """
    return _DENSE_GIVEN if problem.dense else _DENSE


def closeness(slope: float, steepest: float) -> float:
    """How closely a subproblem is solved by products, relative to the gradient: closer as that falls from the start.

    Examples
    --------
    >>> closeness(1.0, 1.0), closeness(1e-4, 1.0)
    (0.1, 0.01)
    """
    return min(_LOOSE, math.sqrt(slope / steepest)) if steepest > 0.0 else _LOOSE


def product_of(problem: Problem, point: Point) -> Callable[[Array], Array]:
    """The map v -> Hv at a point; answers are remembered where that takes little memory.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> product_of(problem, problem.at([1.0]))(np.ones(1))
    array([2.])
    """
    if problem.dense or point.x.size <= _REMEMBERED:
        return point.hvp
    return problem.pushforward(point.x)


def downhill(problem: Problem, point: Point, gtol: float) -> Array | None:
    """A direction of negative curvature where the first-order test holds, if Lanczos' process finds one.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x[0] ** 2 - x[1] ** 2)
    >>> np.abs(downhill(problem, problem.at([0.0, 0.0]), 1e-6))
    array([0., 1.])
    >>> downhill(problem, problem.at([1.0, 0.0]), 1e-6) is None
    True
    """
    if not problem.optimality(point.x, point.g) <= gtol:
        return None
    least, direction = lowest_curvature(product_of(problem, point), point.x.size)
    if not least < 0.0:
        return None
    return -direction if point.g @ direction > 0.0 else direction
