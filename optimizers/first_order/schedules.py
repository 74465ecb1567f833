"""Learning rates that change from step to step: frozen callables of the step number; imports ``checks``, ``errors``.

Any callable from the number of steps done to a number is a schedule. These compare by value and pickle.

>>> rate = warm_up(4, cosine(1.0, 10))
>>> [rate(k) for k in (0, 2, 4, 9, 14, 99)]
[0.0, 0.5, 1.0, 0.5, 0.0, 0.0]
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from optimizers.checks import is_number, is_whole
from optimizers.errors import OptionError

__all__ = ["Schedule", "constant", "cosine", "exponential", "piecewise", "warm_up"]


class Schedule(Protocol):
    """What a schedule is: a function from the number of steps done to a number.

    Examples
    --------
    >>> rate: Schedule = lambda k: 1.0 / (k + 1)     # one of your own
    """

    def __call__(self, k: int, /) -> float:
        """The value at the step after `k` steps."""
        ...


def constant(value: float) -> Schedule:
    """The same value at every step.

    Raises
    ------
    OptionError
        When `value` is not a number.

    Examples
    --------
    >>> constant(0.1)(1000)
    0.1
    """
    return _Constant(value)


def cosine(start: float, steps: int, end: float = 0.0) -> Schedule:
    """Half a cosine from `start` down to `end` in `steps` steps; then `end`.

    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation (5).

    Raises
    ------
    OptionError
        When `start` or `end` is not a number, or `steps` not a whole number >= 1.

    Examples
    --------
    >>> rate = cosine(0.2, 100, end=0.1)
    >>> rate(0), round(rate(50), 12), rate(100)
    (0.2, 0.15, 0.1)
    """
    return _Cosine(start, steps, end)


def warm_up(steps: int, then: Schedule | float, start: float = 0.0) -> Schedule:
    """A line from `start`, which reaches `then` after `steps` steps; from there on `then`, whose steps begin at 0.

    Raises
    ------
    OptionError
        When `steps` is not a whole number >= 1, `then` not a number or a schedule, or `start` not a number.

    Examples
    --------
    >>> rate = warm_up(2, exponential(1.0, 0.5))
    >>> [rate(k) for k in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    return _WarmUp(steps, constant(then) if is_number(then) else then, start)  # type: ignore[arg-type]


def piecewise(values: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """Constant between the `boundaries`: each is the first step with the next of the `values`.

    Raises
    ------
    OptionError
        When there is not one value more than boundaries, or the boundaries are not whole numbers that increase.

    Examples
    --------
    >>> rate = piecewise([1.0, 0.1, 0.01], [10, 20])
    >>> [rate(k) for k in (0, 9, 10, 19, 20)]
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """
    return _Piecewise(tuple(values), tuple(boundaries))


def exponential(start: float, rate: float, steps: int = 1, *, staircase: bool = False) -> Schedule:
    """`start`, times `rate` every `steps` steps: in between with fractional powers, or, in a `staircase`, not at all.

    Raises
    ------
    OptionError
        When `start` is not a number, `rate` not a number > 0, or `steps` not a whole number >= 1.

    Examples
    --------
    >>> smooth, stairs = exponential(1.0, 0.25, 10), exponential(1.0, 0.25, 10, staircase=True)
    >>> smooth(5), stairs(5), stairs(10)
    (0.5, 1.0, 0.25)
    """
    return _Exponential(start, rate, steps, staircase)


def number_at(schedule: Schedule, k: int, owner: str) -> float:
    """What a schedule, of the user's perhaps, gives at step `k`; `owner` is whose it is, for the message.

    Raises
    ------
    OptionError
        When that is no finite number.

    Examples
    --------
    >>> import numpy as np
    >>> number_at(lambda k: np.where(k < 10, 0.1, 0.01), 3, "Adam")
    0.1
    """
    value: Any = schedule(k)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"{owner}: the schedule gives {value!r} at step {k}, no finite number")
    return number


def _require(owner: str, name: str, holds: bool, wanted: str, value: Any) -> None:
    if not holds:
        raise OptionError(f"{owner}: {name} must be {wanted}, not {value!r}")


@dataclass(frozen=True)
class _Constant:
    value: float

    def __post_init__(self) -> None:
        _require("constant", "value", is_number(self.value), "a number", self.value)

    def __call__(self, k: int) -> float:
        return float(self.value)


@dataclass(frozen=True)
class _Cosine:
    start: float
    steps: int
    end: float

    def __post_init__(self) -> None:
        _require("cosine", "start", is_number(self.start), "a number", self.start)
        _require("cosine", "steps", is_whole(self.steps, 1), "a whole number >= 1", self.steps)
        _require("cosine", "end", is_number(self.end), "a number", self.end)

    def __call__(self, k: int) -> float:
        if k >= self.steps:
            return float(self.end)
        return float(self.end + 0.5 * (self.start - self.end) * (1.0 + math.cos(math.pi * k / self.steps)))


@dataclass(frozen=True)
class _WarmUp:
    steps: int
    then: Schedule
    start: float

    def __post_init__(self) -> None:
        _require("warm_up", "steps", is_whole(self.steps, 1), "a whole number >= 1", self.steps)
        _require("warm_up", "then", callable(self.then), "a number or a schedule", self.then)
        _require("warm_up", "start", is_number(self.start), "a number", self.start)

    def __call__(self, k: int) -> float:
        if k >= self.steps:
            return float(self.then(k - self.steps))
        return float(self.start + (self.then(0) - self.start) * (k / self.steps))


@dataclass(frozen=True)
class _Piecewise:
    values: tuple[float, ...]
    boundaries: tuple[int, ...]

    def __post_init__(self) -> None:
        values, bounds = self.values, self.boundaries
        whole = all(is_whole(bound, 1) for bound in bounds)
        rising = whole and all(a < b for a, b in pairwise(bounds))
        _require("piecewise", "boundaries", rising, "whole numbers >= 1 that increase", bounds)
        enough = len(values) == len(bounds) + 1 and all(map(is_number, values))
        _require("piecewise", "values", enough, "numbers, one more than boundaries", values)

    def __call__(self, k: int) -> float:
        return float(self.values[bisect_right(self.boundaries, k)])


@dataclass(frozen=True)
class _Exponential:
    start: float
    rate: float
    steps: int
    staircase: bool

    def __post_init__(self) -> None:
        _require("exponential", "start", is_number(self.start), "a number", self.start)
        _require("exponential", "rate", is_number(self.rate) and self.rate > 0.0, "a number > 0", self.rate)
        _require("exponential", "steps", is_whole(self.steps, 1), "a whole number >= 1", self.steps)
        _require("exponential", "staircase", isinstance(self.staircase, bool), "True or False", self.staircase)

    def __call__(self, k: int) -> float:
        power = k // self.steps if self.staircase else k / self.steps
        try:
            return float(self.start * self.rate**power)
        except OverflowError:  # which floats raise for powers only
            return self.start * math.inf
