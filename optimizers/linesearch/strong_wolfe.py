"""The search of Nocedal and Wright; imports ``interpolation``, ``searching`` and the layers below.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
>>> start = problem.at([3.0])
>>> StrongWolfe().search(problem, start, -start.g).point.x
array([1.])
"""

import math
from dataclasses import dataclass
from functools import partial

from scipy.linalg.blas import ddot

from optimizers.flatten import Array
from optimizers.linesearch.interpolation import Trial, cubic
from optimizers.linesearch.searching import (
    FAILED,
    RETREAT,
    Lengths,
    Searched,
    WolfeSearch,
    along,
    explore,
    round_off,
    sufficient,
)
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["StrongWolfe"]


@dataclass(frozen=True)
class StrongWolfe(WolfeSearch):
    """Sufficient decrease and small slope, by bracketing and safeguarded cubic interpolation.

    J. Nocedal and S. J. Wright, "Numerical Optimization" (2nd ed. 2006), algorithms 3.5 and 3.6, here as one
    loop in which the upper end of the bracket starts at infinity.

    The options are those of `WolfeSearch`.

    Examples
    --------
    >>> import numpy as np, optimizers as opt
    >>> problem = opt.Problem(lambda x: (x[0] - 10.0) ** 2)
    >>> start = problem.at([0.0])
    >>> point = StrongWolfe(c2=0.1).search(problem, start, np.array([1.0])).point
    >>> bool(abs(point.g[0]) <= 0.1 * abs(start.g[0]))
    True
    """

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """A point with f <= f0 + c1 length slope0 and abs(slope) <= c2 abs(slope0).

        Examples
        --------
        >>> import numpy as np, optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> StrongWolfe().search(problem, problem.at([1.0]), np.array([-2.0])).length
        0.5
        """
        slope = ddot(point.g, direction)
        if not slope < 0.0:
            return FAILED
        # Quasi-Newton methods mostly take the first step: for them the machinery costs more than it does.
        trial = None
        if problem.maxfun is None or problem.left() > 0:
            new = problem.trial(along(point, direction, first))
            if new is None or not new.finite:
                trial = Trial(first, math.inf, math.nan, None)
            else:
                there = ddot(new.g, direction)
                if abs(there) <= -self.c2 * slope and new.f <= point.f + self.c1 * first * slope:
                    return Searched(first, new)
                trial = Trial(first, new.f, there, new)
        start = Trial(0.0, point.f, slope, None)
        lengths, accepted = self._lengths(start, first), partial(self._accepts, start)
        return explore(problem, point, direction, start, lengths, accepted, self.c1, self.maxtrials, trial)

    def _accepts(self, start: Trial, trial: Trial) -> bool:
        return abs(trial.slope) <= -self.c2 * start.slope and sufficient(self.c1, start, trial)

    def _lengths(self, start: Trial, first: float) -> Lengths:
        noise = round_off(start.f)
        low, high, length = start, None, first
        while True:
            trial = yield length
            higher = not trial.f <= low.f + noise
            if higher or not sufficient(self.c1, start, trial):
                high = trial
            else:
                if trial.slope * ((math.inf if high is None else high.length) - low.length) >= 0.0:
                    high = low
                low = trial
            length = 4.0 * length if high is None else _between(low, high)


def _between(low: Trial, high: Trial) -> float:
    """Minimiser of the cubic (else the midpoint), kept a tenth of the bracket away from its ends."""
    width = high.length - low.length
    if high.f == math.inf:
        return low.length + RETREAT * width
    inner = cubic(low, high)
    if not math.isfinite(inner):
        inner = low.length + 0.5 * width
    ends = sorted((low.length + 0.1 * width, high.length - 0.1 * width))
    return min(max(inner, ends[0]), ends[1])
