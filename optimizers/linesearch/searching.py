"""What all line searches share: the protocol, the outcome, tests of acceptance; imports ``problem`` and ``point``.

The accepted `Point` is returned, so nothing is evaluated twice. A trial whose value or gradient is not
finite is shortened, never accepted; every test is written so that NaN means "no".

Close to a minimiser the decrease of f drowns in round-off long before its gradient does. There the decrease
may be read off the slopes instead: W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed
descent and an efficient line search", SIAM J. Optim. 16 (2005) 170-192, equation (T2), the approximate Wolfe test.

>>> round_off(1.0) < 3e-15
True
"""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from scipy.linalg.blas import daxpy, ddot

from optimizers.checks import is_number, is_whole
from optimizers.errors import OptionError
from optimizers.flatten import Array
from optimizers.linesearch.interpolation import Trial
from optimizers.point import Point
from optimizers.problem import Problem

__all__ = [
    "FAILED",
    "RETREAT",
    "LineSearch",
    "Searched",
    "WolfeSearch",
    "accepts",
    "along",
    "evaluate",
    "explore",
    "require",
    "require_numbers",
    "round_off",
    "same",
    "stalled",
    "sufficient",
]

# How much of the way to the far end of a bracket is tried where that is not finite, which says little.
RETREAT = 0.1
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


FAILED = Searched(0.0, None)


class LineSearch(Protocol):
    """What a method needs of a line search.

    Examples
    --------
    >>> import optimizers as opt
    >>> search: LineSearch = opt.StrongWolfe()
    """

    def search(self, problem: Problem, point: Point, direction: Array, first: float = 1.0) -> Searched:
        """An acceptable point along `direction`; `first` is the length to try first."""
        ...


def accepts(
    c1: float, point: Point, trial: Point, direction: Array, promised: float, slope: float, above: float = 0.0
) -> bool:
    """Sufficient decrease, by values or, where those differ by round-off only, by slopes; and finite."""
    if trial.f <= point.f + above + c1 * promised:
        return trial.finite
    if abs(trial.f - point.f) <= round_off(point.f) and trial.finite:
        return 0.9 * slope <= float(trial.g @ direction) <= (2.0 * c1 - 1.0) * slope
    return False


Lengths: TypeAlias = Generator[float, Trial, None]
"""A search as a coroutine: it yields the length to try, and is sent the trial there."""


def sufficient(c1: float, start: Trial, trial: Trial) -> bool:
    """The test of `accepts` for a trial of known slope, which is finite; `start` is the trial of length 0."""
    if trial.f <= start.f + c1 * trial.length * start.slope:
        return True
    if not abs(trial.f - start.f) <= round_off(start.f):
        return False
    return 0.9 * start.slope <= trial.slope <= (2.0 * c1 - 1.0) * start.slope


def explore(
    problem: Problem,
    point: Point,
    direction: Array,
    start: Trial,
    lengths: Lengths,
    accepted: Callable[[Trial], bool],
    c1: float,
    maxtrials: int,
    first: Trial | None = None,
) -> Searched:
    """Try the `lengths` one by one, until a trial is accepted: the loop that searches with slopes share.

    Trials that are not finite are told to the search, and never accepted; so are those that do not move x, without
    another evaluation. The loop ends after `maxtrials`, and where `maxfun` leaves no evaluation, with the lowest of the
    trials of sufficient decrease. `first` is the trial of the first length where that is known already.
    """
    best, last, trial, length = None, point.x, start, next(lengths)
    if first is not None:
        if first.point is not None and first.point is not point:
            if accepted(first):
                return Searched(length, first.point)
            best, last = first if sufficient(c1, start, first) else None, first.point.x
        trial, length, maxtrials = first, lengths.send(first), maxtrials - 1
    for _ in range(maxtrials):
        x = along(point, direction, length)
        if same(point.x, x):
            trial = Trial(length, start.f, start.slope, point)
        elif last is not point.x and same(last, x):
            trial = trial._replace(length=length)
        elif not problem.left() > 0:
            break
        else:
            last, trial = x, evaluate(problem, x, length, direction)
            if trial.point is not None:
                if accepted(trial):
                    return Searched(length, trial.point)
                if (best is None or trial.f < best.f) and sufficient(c1, start, trial):
                    best = trial
        length = lengths.send(trial)
    return FAILED if best is None else Searched(best.length, best.point)


def evaluate(problem: Problem, x: Array, length: float, direction: Array) -> Trial:
    """The trial at `x`, which lies `length` along `direction`; of infinite value where it is not finite."""
    trial = problem.trial(x)
    if trial is None or not trial.finite:
        return Trial(length, math.inf, math.nan, None)
    return Trial(length, trial.f, ddot(trial.g, direction), trial)


def along(point: Point, direction: Array, length: float) -> Array:
    """The vector `length` along `direction`, read-only; it may overflow, which `Problem.trial` refuses."""
    # By BLAS, which does not warn of it, in a quarter of the time.
    x: Array = daxpy(direction, point.x.copy(), point.x.size, length)
    x.setflags(write=False)  # and so `Problem.trial` need not copy it
    return x


def same(x: Array, y: Array) -> bool:
    """Whether two vectors are equal."""
    return bool(x.item(0) == y.item(0)) and bool((x == y).all())


def require(owner: str, name: str, holds: bool, wanted: str, value: object) -> None:
    """Raise `OptionError` unless an option of a search is in its range."""
    if not holds:
        raise OptionError(f"{owner}: {name} must be {wanted}, not {value!r}")


def require_numbers(search: object, *names: str) -> None:
    """Raise `OptionError` unless these options of a search are numbers, which can be compared with their ranges."""
    for name in names:
        value = getattr(search, name)
        require(type(search).__name__, name, is_number(value), "a number", value)


@dataclass(frozen=True)
class WolfeSearch:
    """The options of searches for the strong conditions of Wolfe.

    Parameters
    ----------
    c1, c2 : float
        Shares of the initial slope, 0 < c1 < c2 < 1 and c1 < 1/2: small c2 means an accurate search.
    maxtrials : int
        Trials before the best point with sufficient decrease is taken, or, without one, giving up.

    Examples
    --------
    >>> WolfeSearch(c2=0.1).c1
    0.0001
    """

    c1: float = 1e-4
    c2: float = 0.9
    maxtrials: int = 40

    def __post_init__(self) -> None:
        name = type(self).__name__
        require_numbers(self, "c1", "c2")
        require(name, "c1", 0.0 < self.c1 < 0.5, "in (0, 1/2)", self.c1)
        require(name, "c2", self.c1 < self.c2 < 1.0, "in (c1, 1)", self.c2)
        require(name, "maxtrials", is_whole(self.maxtrials, 1), "a whole number >= 1", self.maxtrials)
