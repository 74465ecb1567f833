"""Steepest descent; imports ``solver``, ``linesearch``, ``schedules``.

>>> result = GradientDescent().run(lambda x: (x[0] - 1.0) ** 2 + 4.0 * x[1] ** 2, [3.0, 1.0])
>>> bool(result.success), abs(result.x).round(5)
(True, array([1., 0.]))
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.linalg.blas import ddot

from optimizers.checks import is_number
from optimizers.errors import OptionError
from optimizers.first_order.schedules import Schedule, number_at
from optimizers.flatten import Array, Tree
from optimizers.linear import largest, norm
from optimizers.linesearch import Armijo, FixedStep, LineSearch, round_off, stalled
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status

__all__ = ["GradientDescent", "GradientState"]

_EPS = float(np.finfo(np.float64).eps)
_RULES = ("bb", "bb1", "bb2")
# Of Zhang and Hager's average of objectives: the share of the past in it (eta there).
_MEMORY = 0.85
# Steps without visible progress that the rules of Barzilai and Borwein, which are not monotone, are given.
_PATIENCE = 20


@dataclass(frozen=True, eq=False)
class GradientState(State):
    """`State` with what the rules of Barzilai and Borwein remember.

    Attributes
    ----------
    following : float
        Length of the next step, in units of the gradient: what the last would have needed, or, where curvature along it
        was not positive, twice its own. NaN at the start.
    reference, weight : float
        Weighted average of the objectives so far, and the sum of the weights.
    least : float
        Largest absolute entry of the gradient where that was least.
    idle : int
        Steps since there was progress.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.GradientDescent("bb1").init(opt.Problem(lambda x: x @ x), [1.0]).reference
    1.0
    """

    following: float = math.nan
    reference: float = math.nan
    weight: float = 1.0
    least: float = math.inf
    idle: int = 0


@dataclass(frozen=True)
class GradientDescent(Solver[GradientState]):
    """Steepest descent. Slow, and the yardstick: it needs nothing but the gradient.

    With a line search, the first trial of the first iteration moves x by a unit length; later ones start from twice the
    length last accepted, so that the step can grow again.

    The rules of J. Barzilai and J. M. Borwein, "Two-point step size gradient methods", IMA J. Numer. Anal. 8 (1988)
    141-148, take the length that the last step would have needed. Objectives rise and fall on the way, and steps are
    only shortened where they are above a weighted average of the earlier ones: M. Raydan, SIAM J. Optim. 7 (1997)
    26-33, with the average of H. Zhang and W. W. Hager, SIAM J. Optim. 14 (2004) 1043-1056.

    Parameters
    ----------
    linesearch : LineSearch, float, Schedule or str
        `Armijo()` or another line search; a number, the length of every step in units of the gradient; a schedule, its
        length as a function of the number of steps done; or a rule of Barzilai and Borwein, with s the last step and y
        what it changed of the gradient: ``"bb1"``, s·s / s·y; ``"bb2"``, s·y / y·y; ``"bb"``, one after the other.
    **options
        Those of `Solver`; ``maxiter`` is 10 000 by default.

    Examples
    --------
    >>> import optimizers as opt
    >>> for search in (opt.Armijo(), opt.StrongWolfe(), 0.1, opt.schedules.cosine(0.5, 100), "bb"):
    ...     print(opt.GradientDescent(search).run(lambda x: x @ x, [1.0, -2.0]).success)
    True
    True
    True
    True
    True
    """

    linesearch: LineSearch | Schedule | float | str = field(default_factory=Armijo)
    maxiter: int = field(default=10_000, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        rule = self.linesearch
        usable = (is_number(rule) and 0.0 < rule < math.inf) or rule in _RULES  # type: ignore[operator]
        usable = usable or hasattr(rule, "search") or callable(rule)
        self._check("linesearch", usable, "a line search or a number > 0, a schedule, or one of 'bb', 'bb1', 'bb2'")

    def init(self, problem: Problem, x0: Tree) -> GradientState:
        """The state at `x0`.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.GradientDescent().init(opt.Problem(lambda x: x @ x), [1.0]).g
        array([2.])
        """
        start = self.begin(problem, x0)
        return GradientState(start.x, start.f, start.g, reference=start.f, least=largest(start.g))

    def step(self, problem: Problem, state: GradientState) -> GradientState:
        """One step along the negative gradient.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem, solver = opt.Problem(lambda x: x @ x), opt.GradientDescent(0.25)
        >>> solver.step(problem, solver.init(problem, [1.0])).x
        array([0.5])
        """
        point, rule = problem.at(state.x, f=state.f, g=state.g), self.linesearch
        size = norm(point.g)
        if isinstance(rule, str):
            return _two_point(problem, state, point, size, rule)
        first = _distance(point, size, 2.0 * state.length)
        if hasattr(rule, "search"):
            # Along the unit vector, whose slope stays in range however large or small the gradient is.
            distance, new = rule.search(problem, point, point.g / -size if size > 0.0 else point.g, first)
            length = distance / size if size > 0.0 else 0.0
        else:
            length = self._given(rule, state.k)
            if length == 0.0:
                return replace(state, k=state.k + 1, length=0.0)
            length, new = FixedStep(length).search(problem, point, -point.g)
        if new is None:
            return _ended(state, first * size <= round_off(point.f))
        if stalled(point, new):
            return _ended(state, True)
        return GradientState(new.x, new.f, new.g, k=state.k + 1, length=length)

    def _given(self, rule: Any, k: int) -> float:
        """The length that a number or a schedule says."""
        if not callable(rule):
            return float(rule)
        length = number_at(rule, k, "GradientDescent")
        if not length >= 0.0:
            raise OptionError(f"GradientDescent: the schedule gives {length!r} at step {k}: lengths are numbers >= 0")
        return length


def _two_point(problem: Problem, state: GradientState, point: Point, size: float, rule: str) -> GradientState:
    """One step of the rules of Barzilai and Borwein."""
    first = _distance(point, size, state.following)
    above = max(0.0, state.reference - point.f)
    distance, new = Armijo().search(problem, point, point.g / -size if size > 0.0 else point.g, first, above=above)
    if new is None:
        return _ended(state, first * size <= round_off(point.f))
    gradient = largest(new.g)
    progress = gradient < state.least or new.f < state.reference - round_off(state.reference)
    idle = 0 if progress else state.idle + 1
    if idle == _PATIENCE:
        return _ended(state, True)
    weight, length = _MEMORY * state.weight + 1.0, distance / size
    longer = rule == "bb1" or (rule == "bb" and state.k % 2 == 0)
    needed = _needed(new.x - point.x, new.g - point.g, longer)
    return GradientState(
        new.x,
        new.f,
        new.g,
        k=state.k + 1,
        length=length,
        following=needed if math.isfinite(needed) else 2.0 * length,
        reference=state.reference + (new.f - state.reference) / weight,
        weight=weight,
        least=min(gradient, state.least),
        idle=idle,
    )


def _distance(point: Point, size: float, length: float) -> float:
    """How far a step of `length` times the gradient, of norm `size`, goes; a unit where `length` is not known yet.

    Where the gradient has collapsed, the old length would no longer move x at all.
    """
    return max(length * size, 100.0 * _EPS * norm(point.x)) if length > 0.0 else 1.0


def _needed(s: Array, y: Array, longer: bool) -> float:
    """The length that a step `s` would have needed, which changed the gradient by `y`; the longer or the shorter one.

    NaN where the curvature along `s` is not positive. In units of the norms nothing overflows.
    """
    step, change = norm(s), norm(y)
    cosine = ddot(s / step, y / change) if change > 0.0 else 0.0
    if not cosine > 0.0:
        return math.nan
    ratio = step / change
    return float(ratio / cosine if longer else ratio * cosine)


def _ended(state: GradientState, hidden: bool) -> GradientState:
    return replace(state, k=state.k + 1, ending=Status.ROUND_OFF if hidden else Status.LINE_SEARCH)
