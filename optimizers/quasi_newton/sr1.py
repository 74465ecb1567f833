"""The symmetric rank-one method in a trust region; imports ``solver``, ``subproblems``, ``updates``.

>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = SR1().run(rosen, [-1.2, 1.0])
>>> bool(result.success), result.x.round(6), result.nhev
(True, array([1., 1.]), 0)
"""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from optimizers.checks import is_number
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.linesearch import round_off
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.quasi_newton.updates import scale_of, sr1
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status
from optimizers.subproblems import TrustStep, moresorensen

__all__ = ["SR1", "SR1State"]

_EPS = float(np.finfo(np.float64).eps)
# The share of the predicted decrease that a trial must keep to be accepted.
_ACCEPT = 1e-4


@dataclass(frozen=True, eq=False)
class SR1State(State):
    """`State` of `SR1`; `length` is the radius.

    Attributes
    ----------
    model : ndarray, shape (n, n), or None
        The Hessian of the model, symmetric and perhaps indefinite; None while nothing is known.
    anchor : float
        Objective when the model was last dropped.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.SR1().init(opt.Problem(lambda x: x @ x), [1.0]).model is None
    True
    """

    model: Array | None = None
    anchor: float = math.inf


@dataclass(frozen=True)
class SR1(Solver[SR1State]):
    """Symmetric rank-one updates in a trust region: a Hessian model that may be indefinite, from gradients only.

    The model learns from rejected trials too, and is minimised exactly by `moresorensen`. Where it promises less than
    round-off it is dropped and learnt anew; where that has happened since the objective last fell, the run ends. J.
    Nocedal and S. J. Wright, "Numerical Optimization" (2nd ed. 2006), algorithm 6.2; R. H. Byrd, H. F. Khalfan and
    R. B. Schnabel, "Analysis of a symmetric rank-one trust region method", SIAM J. Optim. 6 (1996) 1025-1039.

    Parameters
    ----------
    radius : float
        Radius at the start, which is the length of the first step.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> result = SR1().run(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4, [1.0, 0.1])
    >>> bool(result.success), abs(result.x).round(5)
    (True, array([0.     , 1.41421]))
    """

    radius: float = 1.0

    carries: ClassVar[frozenset[str]] = frozenset({"model"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("radius", is_number(self.radius) and 0.0 < self.radius < math.inf, "a finite number > 0")

    def init(self, problem: Problem, x0: Tree) -> SR1State:
        """The state at `x0`, without a model.

        Examples
        --------
        >>> import optimizers as opt
        >>> SR1(radius=3.0).init(opt.Problem(lambda x: x @ x), [1.0]).length
        3.0
        """
        start = self.begin(problem, x0)
        return SR1State(start.x, start.f, start.g, length=float(self.radius))

    def step(self, problem: Problem, state: SR1State) -> SR1State:
        """One trial, from which the model learns, accepted or not; the radius follows.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> SR1().step(problem, SR1().init(problem, [1.0])).model
        array([[2.]])
        """
        point, k = problem.at(state.x, f=state.f, g=state.g), state.k + 1
        flat = np.zeros((point.x.size, point.x.size)) if state.model is None else state.model
        model = moresorensen(point.g, flat, state.length)
        x = point.x + model.s
        trial = problem.trial(x)
        if trial is None or not trial.finite:
            return self._rejected(replace(state, k=k), model, moved=True)
        learnt = _learnt(state.model, x - point.x, trial.g - point.g)
        ratio = _ratio(point, trial, model.predicted)
        if not ratio > _ACCEPT:
            moved = not bool((x == point.x).all())
            return self._rejected(replace(state, k=k, model=learnt), model, moved=moved)
        radius = state.length
        if ratio < 0.25:
            radius = 0.25 * norm(model.s)
        elif ratio > 0.75 and model.boundary:
            radius = 2.0 * radius
        return SR1State(trial.x, trial.f, trial.g, k=k, length=radius, model=learnt, anchor=state.anchor)

    def _rejected(self, state: SR1State, model: TrustStep, *, moved: bool) -> SR1State:
        """The state after a trial that was rejected: a smaller radius, a new model, or the end."""
        radius = 0.25 * norm(model.s)
        usual = min(float(self.radius), max(1.0, norm(state.x)))
        if moved and model.predicted > round_off(state.f) and radius > _EPS**2 * usual:
            return replace(state, length=radius)
        if state.anchor - state.f > round_off(state.f):
            return replace(state, model=None, length=usual, anchor=state.f)
        # A region that has shrunk this far makes any promise small: that says nothing of the objective.
        shrunk = model.boundary and radius <= math.sqrt(_EPS) * usual
        return replace(state, length=radius, ending=Status.RADIUS if shrunk else Status.ROUND_OFF)


def _learnt(model: Array | None, s: Array, y: Array) -> Array | None:
    """The model with one more pair; as it was where the update would overflow."""
    known = np.eye(s.size) * scale_of(s, y) if model is None else model
    new = sr1(known, s, y)
    return new if math.isfinite(float(new.sum())) else model


def _ratio(point: Point, trial: Point, predicted: float) -> float:
    """Actual over predicted decrease; 1 where round-off hides both and the gradient tells of progress."""
    ratio = (point.f - trial.f) / predicted if predicted > 0.0 else 0.0
    noise = round_off(point.f)
    if not ratio > _ACCEPT and predicted <= noise and trial.f <= point.f + noise:
        return float(norm(trial.g) < norm(point.g))
    return ratio
