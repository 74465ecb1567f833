"""Rules that end a run: small frozen objects from two rows of history to a status; imports ``result`` and below.

A rule is called with the newest `Row` and the one before (None at the start) and returns a `Status`, or
None to go on. Comparisons are written so that NaN means "go on". Any callable of that kind is a rule. Arguments that
are out of range raise `OptionError`.

>>> rule = any_(GradNorm(1e-8), all_(MaxIter(100), MaxTime(60.0)))
>>> rule
AnyRule(rules=(GradNorm(tol=1e-08), AllRule(rules=(MaxIter(limit=100), MaxTime(seconds=60.0)))))
"""

from dataclasses import dataclass
from typing import Protocol

from optimizers.checks import is_number, is_whole
from optimizers.errors import OptionError
from optimizers.result import Row
from optimizers.status import Status

__all__ = [
    "AllRule",
    "AnyRule",
    "FDecrease",
    "GradNorm",
    "MaxEval",
    "MaxIter",
    "MaxTime",
    "Rule",
    "StepSize",
    "UsersRule",
    "all_",
    "any_",
]


class Rule(Protocol):
    """What a stop rule is.

    Examples
    --------
    >>> def stagnant(row, before):                  # a rule of one's own
    ...     return Status.FTOL if before is not None and row.f == before.f else None
    >>> rule: Rule = stagnant
    """

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        """The status to end with, or None."""
        ...


@dataclass(frozen=True)
class GradNorm:
    """Converged: the largest absolute entry of the gradient is at most `tol`.

    Examples
    --------
    >>> GradNorm(1e-3)(Row(0, 1.0, 1e-4, 0.0, 1.0, 1.0, 1, 1, 0, 0, 0.0), None)
    <Status.CONVERGED: 0>
    """

    tol: float

    def __post_init__(self) -> None:
        _check(self, "tol", is_number(self.tol) and self.tol >= 0.0, "a number >= 0")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        return Status.CONVERGED if row.gnorm <= self.tol else None


@dataclass(frozen=True)
class StepSize:
    """The last accepted step is at most ``tol * (tol + ‖x‖)``.

    Examples
    --------
    >>> start, row = (Row(k, 1.0, 1.0, 1e-9, 1.0, 1.0, 1, 1, 0, 0, 0.0) for k in (0, 1))
    >>> StepSize(1e-6)(row, start)
    <Status.XTOL: 4>
    """

    tol: float

    def __post_init__(self) -> None:
        _check(self, "tol", is_number(self.tol) and self.tol >= 0.0, "a number >= 0")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        small = before is not None and 0.0 < row.step <= self.tol * (self.tol + row.xnorm)
        return Status.XTOL if small else None


@dataclass(frozen=True)
class FDecrease:
    """The last accepted step lowered the objective by at most ``tol * max(1, |f|)``.

    Examples
    --------
    >>> start, row = (Row(k, f, 1.0, 0.1, 1.0, 1.0, 1, 1, 0, 0, 0.0) for k, f in enumerate((2.0, 1.999)))
    >>> FDecrease(1e-2)(row, start)
    <Status.FTOL: 5>
    """

    tol: float

    def __post_init__(self) -> None:
        _check(self, "tol", is_number(self.tol) and self.tol >= 0.0, "a number >= 0")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        if before is None or not row.step > 0.0:
            return None
        return Status.FTOL if before.f - row.f <= self.tol * max(1.0, abs(row.f)) else None


@dataclass(frozen=True)
class MaxIter:
    """At least `limit` iterations are done.

    Examples
    --------
    >>> MaxIter(0)(Row(0, 1.0, 1.0, 0.0, 1.0, 1.0, 1, 1, 0, 0, 0.0), None)
    <Status.MAXITER: 1>
    """

    limit: int

    def __post_init__(self) -> None:
        _check(self, "limit", is_whole(self.limit, 0), "a whole number >= 0")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        return Status.MAXITER if row.k >= self.limit else None


@dataclass(frozen=True)
class MaxEval:
    """The objective was evaluated at least `limit` times. Line searches keep to the option `maxfun`, which is this.

    Examples
    --------
    >>> MaxEval(5)(Row(0, 1.0, 1.0, 0.0, 1.0, 1.0, 7, 1, 0, 0, 0.0), None)
    <Status.MAXFUN: 2>
    """

    limit: int

    def __post_init__(self) -> None:
        _check(self, "limit", is_whole(self.limit, 0), "a whole number >= 0")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        return Status.MAXFUN if row.nfev >= self.limit else None


@dataclass(frozen=True)
class MaxTime:
    """At least `seconds` have passed since the start, tested between iterations.

    Examples
    --------
    >>> MaxTime(1.0)(Row(0, 1.0, 1.0, 0.0, 1.0, 1.0, 7, 1, 0, 0, 0.5), None)
    """

    seconds: float

    def __post_init__(self) -> None:
        _check(self, "seconds", is_number(self.seconds) and self.seconds >= 0.0, "a number >= 0")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        return Status.MAXTIME if row.time >= self.seconds else None


@dataclass(frozen=True)
class UsersRule:
    """A rule given as the option `stop`: it may end a run, but only the test against `gtol` makes it a success.

    Examples
    --------
    >>> UsersRule(GradNorm(1e3))(Row(0, 1.0, 1e-4, 0.0, 1.0, 1.0, 1, 1, 0, 0, 0.0), None)
    <Status.STOPPED: 12>
    """

    rule: Rule

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        answer = self.rule(row, before)
        if answer is not None and not isinstance(answer, Status):
            raise OptionError(f"stop: the rule returned {answer!r}: it must return a Status, or None to go on")
        return Status.STOPPED if answer is Status.CONVERGED else answer


@dataclass(frozen=True)
class AnyRule:
    """See `any_`.

    Examples
    --------
    >>> AnyRule((MaxIter(3),)) == any_(MaxIter(3))
    True
    """

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        callables = all(callable(rule) and not isinstance(rule, type) for rule in self.rules)
        _check(self, "rules", callables, "stop rules")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        found = [status for rule in self.rules if (status := rule(row, before)) is not None]
        return _best(found)


@dataclass(frozen=True)
class AllRule:
    """See `all_`.

    Examples
    --------
    >>> AllRule((MaxIter(3),)) == all_(MaxIter(3))
    True
    """

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        callables = all(callable(rule) and not isinstance(rule, type) for rule in self.rules)
        _check(self, "rules", callables, "stop rules")

    def __call__(self, row: Row, before: Row | None) -> Status | None:
        found = [rule(row, before) for rule in self.rules]
        return None if None in found else _best([status for status in found if status is not None])


def any_(*rules: Rule) -> AnyRule:
    """End as soon as one of `rules` says so; convergence takes precedence over the other reasons.

    Examples
    --------
    >>> any_(GradNorm(1e-6), MaxIter(10)).rules[1]
    MaxIter(limit=10)
    """
    return AnyRule(rules)


def all_(*rules: Rule) -> AllRule:
    """End when all of `rules` say so at once; converged if one of them is a test of convergence.

    Examples
    --------
    >>> row = Row(3, 1.0, 1e-9, 0.0, 1.0, 1.0, 1, 1, 0, 0, 0.0)
    >>> all_(MaxIter(3), GradNorm(1e-6))(row, None)
    <Status.CONVERGED: 0>
    """
    return AllRule(rules)


def _best(found: list[Status]) -> Status | None:
    if Status.CONVERGED in found:
        return Status.CONVERGED
    return found[0] if found else None


def _check(rule: object, name: str, holds: bool, wanted: str) -> None:
    if not holds:
        raise OptionError(f"{type(rule).__name__}: {name} must be {wanted}, not {getattr(rule, name)!r}")
