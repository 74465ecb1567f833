"""Backtracking; imports ``searching`` and the layers below.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
>>> start = problem.at([3.0])
>>> length, point = Armijo().search(problem, start, -start.g)
>>> length, point.x, problem.counts.nfev
(0.5, array([1.]), 3)
"""

from dataclasses import dataclass

import numpy as np

from optimizers.checks import is_whole
from optimizers.flatten import Array
from optimizers.linesearch.searching import FAILED, Searched, accepts, along, require, require_numbers, same
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["Armijo"]


@dataclass(frozen=True)
class Armijo:
    """Backtracking by safeguarded quadratic interpolation to sufficient decrease.

    L. Armijo, Pacific J. Math. 16 (1966) 1-3; interpolation as in J. E. Dennis and R. B. Schnabel, "Numerical
    Methods for Unconstrained Optimization and Nonlinear Equations" (1983), section 6.3.2.

    Parameters
    ----------
    c1 : float
        Share of the decrease promised by the slope that is asked for, in (0, 1/2).
    maxtrials : int
        Trials before giving up.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x[0] ** 4)
    >>> start = problem.at([1.0])
    >>> Armijo().search(problem, start, -start.g).point.f < start.f
    True
    """

    c1: float = 1e-4
    maxtrials: int = 60

    def __post_init__(self) -> None:
        require_numbers(self, "c1")
        require("Armijo", "c1", 0.0 < self.c1 < 0.5, "in (0, 1/2)", self.c1)
        require("Armijo", "maxtrials", is_whole(self.maxtrials, 1), "a whole number >= 1", self.maxtrials)

    def search(
        self,
        problem: Problem,
        point: Point,
        direction: Array,
        first: float = 1.0,
        curvature: float = 0.0,
        *,
        above: float = 0.0,
    ) -> Searched:
        """A point with f <= f0 + above + c1 (length slope + ½ length² curvature).

        `curvature` is d·Hd where the direction owes its descent to it (negative), else 0; `above`, not negative, what
        methods that are not monotone allow f to rise by.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x[0] ** 4 - x[0] ** 2)      # at 0 there is no slope, only curvature
        >>> Armijo().search(problem, problem.at([0.0]), np.array([1.0]), curvature=-2.0).length
        0.5
        """
        slope = float(point.g @ direction)
        if not (slope < 0.0 or (slope <= 0.0 and curvature < 0.0)):
            return FAILED
        length = first
        for _ in range(self.maxtrials):
            x = along(point, direction, length)
            if same(point.x, x) or not problem.left() > 0:
                break
            trial = problem.trial(x)
            promised = length * slope + 0.5 * length * length * curvature
            if trial is not None and accepts(self.c1, point, trial, direction, promised, slope, above):
                return Searched(length, trial)
            length = self._shorter(length, promised, np.inf if trial is None else trial.f - point.f)
        return FAILED

    @staticmethod
    def _shorter(length: float, promised: float, change: float) -> float:
        """Minimiser of the parabola through value, slope and the failed trial, within a tenth and a half."""
        if not np.isfinite(change) or not change > promised:
            return 0.1 * length if not np.isfinite(change) else 0.5 * length
        return length * min(0.5, max(0.1, -promised / (2.0 * (change - promised))))
