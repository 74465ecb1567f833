"""Line searches: frozen objects from a point and a direction to an evaluated point; imports ``problem``, ``point``.

The accepted `Point` is returned, so nothing is evaluated twice. A trial whose value or gradient is not
finite is shortened, never accepted; every test is written so that NaN means "no".

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
>>> start = problem.at([3.0])
>>> length, point = Armijo().search(problem, start, -start.g)
>>> length, point.x, problem.counts.nfev
(0.5, array([1.]), 3)

Close to a minimiser the decrease of f drowns in round-off long before its gradient does. There the decrease
may be read off the slopes instead: W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed
descent and an efficient line search", SIAM J. Optim. 16 (2005) 170-192, equation (T2), the approximate Wolfe test.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from optimizers.checks import quiet
from optimizers.errors import OptionError
from optimizers.flatten import Array
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = ["Armijo", "FixedStep", "LineSearch", "Searched", "StrongWolfe", "round_off", "stalled"]

_EPS = float(np.finfo(np.float64).eps)


def round_off(f: float) -> float:
    """The change of an objective of value `f` that is no more than rounding: 10 eps max(1, |f|).

    Examples
    --------
    >>> round_off(0.0) == round_off(1.0) < 3e-15
    True
    """
    return 10.0 * _EPS * max(1.0, abs(f))


def stalled(old: Point, new: Point) -> bool:
    """Whether a step changed the objective by no more than round-off, not downwards, and did not lower the gradient.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> stalled(problem.at([1.0]), problem.at([0.5]))
    False
    """
    return 0.0 <= new.f - old.f <= round_off(old.f) and not np.abs(new.g).max() < np.abs(old.g).max()


class Searched(NamedTuple):
    """Length of the step and the evaluated point it leads to; None where no length was acceptable.

    Examples
    --------
    >>> Searched(0.0, None).point is None
    True
    """

    length: float
    point: Point | None


_FAILED = Searched(0.0, None)


class LineSearch(Protocol):
    """What a method needs of a line search.

    Examples
    --------
    >>> search: LineSearch = StrongWolfe()
    """

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """An acceptable point along `direction`; `first` is the length to try first."""
        ...


@dataclass(frozen=True)
class FixedStep:
    """The same length at every step, whatever the objective does; halved only while the trial is not finite.

    Parameters
    ----------
    length : float
        Positive; what methods propose as first length is no concern of this one.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> FixedStep(0.25).search(problem, problem.at([1.0]), np.array([-2.0])).point.x
    array([0.5])
    """

    length: float

    def __post_init__(self) -> None:
        _require("FixedStep", "length", self.length > 0.0, "> 0", self.length)

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """The point at the fixed length.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> FixedStep(0.5).search(problem, problem.at([1.0]), np.array([-2.0])).length
        0.5
        """
        length = self.length
        while problem.left() > 0 and not _same(point.x, x := _along(point, direction, length)):
            trial = problem.trial(x)
            if trial is not None and trial.finite:
                return Searched(length, trial)
            length *= 0.5
        return _FAILED


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
        _require("Armijo", "c1", 0.0 < self.c1 < 0.5, "in (0, 1/2)", self.c1)
        _require("Armijo", "maxtrials", self.maxtrials >= 1, ">= 1", self.maxtrials)

    def search(
        self, problem: Problem, point: Point, direction: Array, first: float = 1.0, curvature: float = 0.0
    ) -> Searched:
        """A point with f <= f0 + c1 (length slope + ½ length² curvature).

        `curvature` is d·Hd where the direction owes its descent to it (negative), else 0.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x[0] ** 4 - x[0] ** 2)      # at 0 there is no slope, only curvature
        >>> Armijo().search(problem, problem.at([0.0]), np.array([1.0]), curvature=-2.0).length
        0.5
        """
        slope = float(point.g @ direction)
        if not (slope < 0.0 or (slope <= 0.0 and curvature < 0.0)):
            return _FAILED
        length = first
        for _ in range(self.maxtrials):
            x = _along(point, direction, length)
            if _same(point.x, x) or not problem.left() > 0:
                break
            trial = problem.trial(x)
            promised = length * slope + 0.5 * length * length * curvature
            if trial is not None and _accepts(self.c1, point, trial, direction, promised, slope):
                return Searched(length, trial)
            length = self._shorter(length, promised, np.inf if trial is None else trial.f - point.f)
        return _FAILED

    @staticmethod
    def _shorter(length: float, promised: float, change: float) -> float:
        """Minimiser of the parabola through value, slope and the failed trial, within a tenth and a half."""
        if not np.isfinite(change) or not change > promised:
            return 0.1 * length if not np.isfinite(change) else 0.5 * length
        return length * min(0.5, max(0.1, -promised / (2.0 * (change - promised))))


def _accepts(c1: float, point: Point, trial: Point, direction: Array, promised: float, slope: float) -> bool:
    """Sufficient decrease, by values or, where those differ by round-off only, by slopes; and finite."""
    if trial.f <= point.f + c1 * promised:
        return trial.finite
    if abs(trial.f - point.f) <= round_off(point.f) and trial.finite:
        return 0.9 * slope <= float(trial.g @ direction) <= (2.0 * c1 - 1.0) * slope
    return False


class _Trial(NamedTuple):
    """A length with what is known there; `point` is None at the start and where the trial was not finite."""

    length: float
    f: float
    slope: float
    point: Point | None


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
        _require("StrongWolfe", "c1", 0.0 < self.c1 < 0.5, "in (0, 1/2)", self.c1)
        _require("StrongWolfe", "c2", self.c1 < self.c2 < 1.0, "in (c1, 1)", self.c2)
        _require("StrongWolfe", "maxtrials", self.maxtrials >= 1, ">= 1", self.maxtrials)

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
            return _FAILED
        low, high, length = _Trial(0.0, point.f, slope, None), None, first
        for _ in range(self.maxtrials):
            x = _along(point, direction, length)
            if _same(point.x if low.point is None else low.point.x, x) or not problem.left() > 0:
                break
            trial = _evaluate(problem, x, length, direction)
            higher = not trial.f <= low.f + round_off(point.f)
            if trial.point is None or higher or not self._lower(point, trial, slope, direction):
                high = trial
            elif abs(trial.slope) <= -self.c2 * slope:
                return Searched(length, trial.point)
            else:
                if trial.slope * ((np.inf if high is None else high.length) - low.length) >= 0.0:
                    high = low
                low = trial
            length = 4.0 * length if high is None else _between(low, high)
        return Searched(low.length, low.point) if low.point is not None else _FAILED

    def _lower(self, point: Point, trial: _Trial, slope: float, direction: Array) -> bool:
        assert trial.point is not None
        return _accepts(self.c1, point, trial.point, direction, trial.length * slope, slope)


def _evaluate(problem: Problem, x: Array, length: float, direction: Array) -> _Trial:
    trial = problem.trial(x)
    if trial is None or not np.isfinite(trial.f) or not trial.finite:
        return _Trial(length, np.inf, np.nan, None)
    return _Trial(length, trial.f, float(trial.g @ direction), trial)


def _between(low: _Trial, high: _Trial) -> float:
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


def _along(point: Point, direction: Array, length: float) -> Array:
    with quiet():
        return point.x + length * direction


def _same(x: Array, y: Array) -> bool:
    return bool((x == y).all())


def _require(owner: str, name: str, holds: bool, wanted: str, value: object) -> None:
    if not holds:
        raise OptionError(f"{owner}: {name} must be {wanted}, not {value}")
