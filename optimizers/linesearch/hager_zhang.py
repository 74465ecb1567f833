"""The search of Hager and Zhang, of approximate Wolfe conditions; imports ``interpolation``, ``searching`` and below.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
>>> start = problem.at([3.0])
>>> HagerZhang().search(problem, start, -start.g).point.x
array([1.])
"""

import math
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from optimizers.checks import is_whole
from optimizers.flatten import Array
from optimizers.linesearch.interpolation import Trial, secant
from optimizers.linesearch.searching import (
    FAILED,
    RETREAT,
    Lengths,
    Searched,
    explore,
    require,
    require_numbers,
    round_off,
)
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["HagerZhang"]

Bracket: TypeAlias = Generator[float, Trial, tuple[Trial, Trial]]


@dataclass(frozen=True)
class HagerZhang:
    """Wolfe conditions, or approximate ones that still make sense where the decrease drowns in round-off.

    W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line
    search", SIAM J. Optim. 16 (2005) 170-192, with the parameters of their "Algorithm 851: CG_DESCENT", ACM
    Trans. Math. Software 32 (2006) 113-137: a bracket with a slope of either sign at its ends is made narrower by
    two secant steps at a time.

    Parameters
    ----------
    delta, sigma : float
        Shares of the initial slope for decrease and for slope, 0 < delta < 1/2 and delta <= sigma < 1.
    epsilon : float
        The approximate conditions allow f to rise by `epsilon` times its magnitude, and by round-off in any case.
        With 1e-6, which is theirs, runs are no longer monotone.
    theta, gamma : float
        Where brackets are cut, and the share of its width that a bracket may keep after a double secant step; both
        in (0, 1).
    rho : float
        Factor by which lengths grow until there is a bracket, above 1.
    maxtrials : int
        Trials before the best point with sufficient decrease is taken, or, without one, giving up.

    Examples
    --------
    >>> import numpy as np, optimizers as opt
    >>> problem = opt.Problem(lambda x: (x[0] - 10.0) ** 2)
    >>> start = problem.at([0.0])
    >>> point = HagerZhang(sigma=0.1).search(problem, start, np.array([1.0])).point
    >>> bool(point.g[0] >= 0.1 * start.g[0])
    True
    """

    delta: float = 0.1
    sigma: float = 0.9
    epsilon: float = 0.0
    theta: float = 0.5
    gamma: float = 0.66
    rho: float = 5.0
    maxtrials: int = 50

    def __post_init__(self) -> None:
        require_numbers(self, "delta", "sigma", "epsilon", "theta", "gamma", "rho")
        require("HagerZhang", "delta", 0.0 < self.delta < 0.5, "in (0, 1/2)", self.delta)
        require("HagerZhang", "sigma", self.delta <= self.sigma < 1.0, "in [delta, 1)", self.sigma)
        require("HagerZhang", "epsilon", 0.0 <= self.epsilon < math.inf, ">= 0 and finite", self.epsilon)
        require("HagerZhang", "theta", 0.0 < self.theta < 1.0, "in (0, 1)", self.theta)
        require("HagerZhang", "gamma", 0.0 < self.gamma < 1.0, "in (0, 1)", self.gamma)
        require("HagerZhang", "rho", 1.0 < self.rho < math.inf, "> 1 and finite", self.rho)
        require("HagerZhang", "maxtrials", is_whole(self.maxtrials, 1), "a whole number >= 1", self.maxtrials)

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """A point with slope >= sigma slope0 and f <= f0 + delta length slope0, or (2 delta - 1) slope0 >= slope.

        The second, approximate, holds with f no more than `epsilon` and round-off above f0.

        Examples
        --------
        >>> import numpy as np, optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> HagerZhang().search(problem, problem.at([1.0]), np.array([-2.0])).length
        0.5
        """
        start = Trial(0.0, point.f, float(point.g @ direction), None)
        if not start.slope < 0.0:
            return FAILED
        highest = point.f + max(round_off(point.f), self.epsilon * abs(point.f))
        lengths = self._lengths(start, first, highest)
        accepted = partial(self._accepts, start, highest)
        return explore(problem, point, direction, start, lengths, accepted, self.delta, self.maxtrials)

    def _accepts(self, start: Trial, highest: float, trial: Trial) -> bool:
        """The conditions T1 and T2."""
        if not trial.slope >= self.sigma * start.slope:
            return False
        if trial.f <= start.f + self.delta * trial.length * start.slope:
            return True
        return trial.f <= highest and trial.slope <= (2.0 * self.delta - 1.0) * start.slope

    def _lengths(self, start: Trial, first: float, highest: float) -> Lengths:
        """The steps L0 to L3."""
        a, b = yield from self._bracketed(start, first, highest)
        while True:
            width = b.length - a.length
            a, b = yield from self._secant_twice(a, b, highest)
            if not b.length - a.length <= self.gamma * width:
                a, b = yield from self._updated(a, b, 0.5 * (a.length + b.length), highest)

    def _bracketed(self, start: Trial, first: float, highest: float) -> Bracket:
        """The steps B0 to B3: slopes below 0 at a, where f is low, and not below 0 at b."""
        low, length = start, first
        while True:
            trial = yield length
            if trial.slope >= 0.0:
                return low, trial
            if not trial.f <= highest:
                return (yield from self._bisected(low, trial, highest))
            low, length = trial, self.rho * length

    def _secant_twice(self, a: Trial, b: Trial, highest: float) -> Bracket:
        """The steps S1 to S4."""
        length = secant(a, b)
        low, high = yield from self._updated(a, b, length, highest)
        if length == high.length:
            return (yield from self._updated(low, high, secant(b, high), highest))
        if length == low.length:
            return (yield from self._updated(low, high, secant(a, low), highest))
        return low, high

    def _updated(self, a: Trial, b: Trial, length: float, highest: float) -> Bracket:
        """The steps U0 to U3: the bracket with `length` as an end, where that is inside."""
        if not a.length < length < b.length:
            return a, b
        trial = yield length
        if trial.slope >= 0.0:
            return a, trial
        if trial.f <= highest:
            return trial, b
        return (yield from self._bisected(a, trial, highest))

    def _bisected(self, a: Trial, b: Trial, highest: float) -> Bracket:
        """The step U3: f is high at b although it still falls there, or is not finite."""
        while True:
            share = self.theta if b.point is not None else RETREAT
            trial = yield (1.0 - share) * a.length + share * b.length
            if trial.slope >= 0.0:
                return a, trial
            if trial.f <= highest:
                a = trial
            else:
                b = trial
