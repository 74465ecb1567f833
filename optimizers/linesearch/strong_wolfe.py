"""The search of Nocedal and Wright; imports ``searching`` and the layers below.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
>>> start = problem.at([3.0])
>>> StrongWolfe().search(problem, start, -start.g).point.x
array([1.])
"""

from dataclasses import dataclass

import numpy as np

from optimizers.checks import quiet
from optimizers.flatten import Array
from optimizers.linesearch.searching import FAILED, Searched, Trial, accepts, along, evaluate, require, round_off, same
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["StrongWolfe"]


@dataclass(frozen=True)
class StrongWolfe:
    """Sufficient decrease and small slope, by bracketing and safeguarded cubic interpolation.

    J. Nocedal and S. J. Wright, "Numerical Optimization" (2nd ed. 2006), algorithms 3.5 and 3.6, here as one
    loop in which the upper end of the bracket starts at infinity.

    Parameters
    ----------
    c1, c2 : float
        Shares of the initial slope, 0 < c1 < c2 < 1 and c1 < 1/2: small c2 means an accurate search.
    maxtrials : int
        Trials before the best point with sufficient decrease is taken, or, without one, giving up.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: (x[0] - 10.0) ** 2)
    >>> start = problem.at([0.0])
    >>> point = StrongWolfe(c2=0.1).search(problem, start, np.array([1.0])).point
    >>> bool(abs(point.g[0]) <= 0.1 * abs(start.g[0]))
    True
    """

    c1: float = 1e-4
    c2: float = 0.9
    maxtrials: int = 40

    def __post_init__(self) -> None:
        require("StrongWolfe", "c1", 0.0 < self.c1 < 0.5, "in (0, 1/2)", self.c1)
        require("StrongWolfe", "c2", self.c1 < self.c2 < 1.0, "in (c1, 1)", self.c2)
        require("StrongWolfe", "maxtrials", self.maxtrials >= 1, ">= 1", self.maxtrials)

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """A point with f <= f0 + c1 length slope0 and abs(slope) <= c2 abs(slope0).

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> StrongWolfe().search(problem, problem.at([1.0]), np.array([-2.0])).length
        0.5
        """
        slope = float(point.g @ direction)
        if not slope < 0.0:
            return FAILED
        low, high, length = Trial(0.0, point.f, slope, None), None, first
        for _ in range(self.maxtrials):
            x = along(point, direction, length)
            if same(point.x if low.point is None else low.point.x, x) or not problem.left() > 0:
                break
            trial = evaluate(problem, x, length, direction)
            higher = not trial.f <= low.f + round_off(point.f)
            if trial.point is None or higher or not self._lower(point, trial, slope, direction):
                high = trial
            elif abs(trial.slope) <= -self.c2 * slope:
                return Searched(length, trial.point)
            else:
                if trial.slope * ((np.inf if high is None else high.length) - low.length) >= 0.0:
                    high = low
                low = trial
            length = 4.0 * length if high is None else between(low, high)
        return Searched(low.length, low.point) if low.point is not None else FAILED

    def _lower(self, point: Point, trial: Trial, slope: float, direction: Array) -> bool:
        assert trial.point is not None
        return accepts(self.c1, point, trial.point, direction, trial.length * slope, slope)


def between(low: Trial, high: Trial) -> float:
    """Minimiser of the cubic (else the midpoint), kept a tenth of the bracket away from its ends."""
    width = high.length - low.length
    with quiet():
        # Nocedal and Wright (3.59), with the ends named low and high; NaN where there is no minimiser.
        d1 = low.slope + high.slope - 3.0 * (high.f - low.f) / np.float64(width)
        d2 = np.copysign(np.sqrt(d1 * d1 - low.slope * high.slope), width)
        inner = float(high.length - width * (high.slope + d2 - d1) / (high.slope - low.slope + 2.0 * d2))
    if not np.isfinite(inner):
        inner = low.length + 0.5 * width
    ends = sorted((low.length + 0.1 * width, high.length - 0.1 * width))
    return min(max(inner, ends[0]), ends[1])
