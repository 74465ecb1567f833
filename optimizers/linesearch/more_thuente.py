"""The search of Moré and Thuente; imports ``interpolation``, ``searching`` and the layers below.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
>>> start = problem.at([3.0])
>>> MoreThuente().search(problem, start, -start.g).point.x
array([1.])
"""

import math
import sys
from dataclasses import dataclass
from functools import partial

from optimizers.flatten import Array
from optimizers.linesearch.interpolation import Trial, cubic, quadratic, secant
from optimizers.linesearch.searching import (
    FAILED,
    RETREAT,
    Lengths,
    Searched,
    WolfeSearch,
    explore,
    round_off,
    sufficient,
)
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["MoreThuente"]

# What is taken of the way to the far end of the bracket at most, and what two trials have to leave of its width.
_SHARE = 0.66
# How much further than the last trial the next may be while there is no bracket: in steps of that trial.
_NEAREST, _FARTHEST = 1.1, 4.0


@dataclass(frozen=True)
class MoreThuente(WolfeSearch):
    """Sufficient decrease and small slope, in an interval that is sure to contain such points.

    J. J. Moré and D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease", ACM Trans. Math.
    Software 20 (1994) 286-307. Until a trial has sufficient decrease and a slope not below 0 the search is that for
    a minimum of f(t) - f0 - c1 t slope0, then that of f itself.

    The options are those of `WolfeSearch`.

    Examples
    --------
    >>> import numpy as np, optimizers as opt
    >>> problem = opt.Problem(lambda x: (x[0] - 10.0) ** 2)
    >>> start = problem.at([0.0])
    >>> point = MoreThuente(c2=0.1).search(problem, start, np.array([1.0])).point
    >>> bool(abs(point.g[0]) <= 0.1 * abs(start.g[0]))
    True
    """

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """A point with f <= f0 + c1 length slope0 and abs(slope) <= c2 abs(slope0).

        Examples
        --------
        >>> import numpy as np, optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> MoreThuente().search(problem, problem.at([1.0]), np.array([-2.0])).length
        0.5
        """
        start = Trial(0.0, point.f, float(point.g @ direction), None)
        if not start.slope < 0.0:
            return FAILED
        accepted = partial(self._accepts, start)
        return explore(problem, point, direction, start, self._lengths(start, first), accepted, self.c1, self.maxtrials)

    def _accepts(self, start: Trial, trial: Trial) -> bool:
        return abs(trial.slope) <= -self.c2 * start.slope and sufficient(self.c1, start, trial)

    def _lengths(self, start: Trial, first: float) -> Lengths:
        noise, asked = round_off(start.f), self.c1 * start.slope
        low, high, length = start, None, first
        widths = (math.inf, math.inf)
        tilted = True
        while True:
            trial = yield length
            if trial.point is None:
                high, length = trial, low.length + RETREAT * (length - low.length)
                continue
            if tilted and trial.slope >= 0.0 and trial.f <= start.f + length * asked:
                tilted = False
            tilt = asked if tilted else 0.0
            a, b, t = _tilted(low, tilt), None if high is None else _tilted(high, tilt), _tilted(trial, tilt)
            higher = t.f > a.f + noise
            length = _proposed(a, b, t, higher)
            if higher:
                high = trial
            else:
                if t.slope * (a.length - t.length) < 0.0:
                    high = low
                low = trial
            if high is not None:
                length = _inside(low, high, length, widths[0])
                widths = (widths[1], abs(high.length - low.length))


def _tilted(trial: Trial, slope: float) -> Trial:
    """The trial as one of the function less a line of `slope`."""
    return Trial(trial.length, trial.f - slope * trial.length, trial.slope - slope, trial.point)


def _proposed(low: Trial, high: Trial | None, trial: Trial, higher: bool) -> float:
    """The next trial of the four cases of section 4; `low` and `high` are the interval before the last one.

    NaN where a formula has no answer.
    """
    if higher:
        by_cubic, by_parabola = cubic(low, trial), quadratic(low, trial)
        nearer = abs(by_cubic - low.length) < abs(by_parabola - low.length)
        return by_cubic if nearer else by_parabola + 0.5 * (by_cubic - by_parabola)
    if trial.slope * low.slope < 0.0:
        by_cubic, by_secant = cubic(low, trial), secant(low, trial)
        farther = abs(by_cubic - trial.length) >= abs(by_secant - trial.length)
        return by_cubic if farther else by_secant
    if abs(trial.slope) <= abs(low.slope):
        return _farther(low, high, trial)
    if high is not None:
        return cubic(trial, high)
    return min(trial.length + _FARTHEST * (trial.length - low.length), sys.float_info.max)


def _farther(low: Trial, high: Trial | None, trial: Trial) -> float:
    """Third case: the function falls from `low` over `trial`, ever slower."""
    onward = trial.length - low.length
    limit = trial.length + _FARTHEST * onward if high is None else high.length
    by_cubic, by_secant = cubic(low, trial), secant(low, trial)
    if not (by_cubic - trial.length) * onward > 0.0:
        by_cubic = limit
    if not (by_secant - trial.length) * onward > 0.0:
        by_secant = limit
    near, far = sorted((by_cubic, by_secant), key=lambda length: abs(length - trial.length))
    if high is None:
        return min(max(far, trial.length + _NEAREST * onward), limit, sys.float_info.max)
    least, most = sorted((trial.length, trial.length + _SHARE * (high.length - trial.length)))
    return min(max(near, least), most)


def _inside(low: Trial, high: Trial, length: float, width: float) -> float:
    """`length`, or the midpoint where it lies outside or two trials left most of `width`, what it was before them."""
    least, most = sorted((low.length, high.length))
    if least < length < most and abs(high.length - low.length) < _SHARE * width:
        return length
    return low.length + 0.5 * (high.length - low.length)
