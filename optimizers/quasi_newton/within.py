"""A line search that keeps to a longest step: for methods with bounds; imports ``linesearch`` and the layers below.

>>> import numpy as np, optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 9.0) ** 2)
>>> start = problem.at([0.0])
>>> search_within(problem, start, lambda length: np.array([length]), np.ones(1), longest=5.0)[0]
1.0
"""

import math
from collections.abc import Callable

from scipy.linalg.blas import ddot

from optimizers.flatten import Array
from optimizers.linesearch import Searched
from optimizers.linesearch.searching import FAILED, accepts, same
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["search_within"]

_DECREASE, _CURVATURE = 1e-4, 0.9
_TRIALS = 60


def search_within(
    problem: Problem, point: Point, at: Callable[[float], Array], direction: Array, longest: float
) -> Searched:
    """A step of sufficient decrease, made longer while the objective still falls steeply, up to `longest` >= 1.

    A step that is not as long as it may be thus satisfies the Wolfe conditions (with the slope's value, not its
    absolute value), so that it keeps an update of BFGS positive definite.

    Parameters
    ----------
    at : callable
        length -> x, exactly within the bounds up to `longest`.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> start = problem.at([1.0])
    >>> search_within(problem, start, lambda length: 1.0 - 2.0 * length * start.x, -2.0 * start.x, 3.0)[0]
    0.5
    """
    slope = ddot(point.g, direction)
    if not slope < 0.0:
        return FAILED
    best, last, length, above = FAILED, point.x, 1.0, math.inf
    for _ in range(_TRIALS):
        x = at(length)
        if same(last, x) or not problem.left() > 0:
            break
        trial, last = problem.trial(x), x
        if trial is not None and accepts(_DECREASE, point, trial, direction, length * slope, slope):
            best = Searched(length, trial)
            if ddot(trial.g, direction) >= _CURVATURE * slope or length >= longest:
                break
        else:
            above = length
        if above == math.inf:
            length = min(4.0 * length, longest)
        elif best.point is not None:
            length = 0.5 * (best.length + above)
        else:
            length = _shorter(length, slope, math.inf if trial is None else trial.f - point.f)
    return best


def _shorter(length: float, slope: float, change: float) -> float:
    """Minimiser of the parabola through value, slope and the failed trial, within a tenth and a half."""
    if not math.isfinite(change):
        return 0.1 * length
    excess = change - length * slope
    return length * min(0.5, max(0.1, -0.5 * length * slope / excess)) if excess > 0.0 else 0.5 * length
