"""Broyden's methods: Newton's with one Jacobian, updated by what each step shows; imports ``base`` and ``dense``.

>>> def circle_and_line(x):
...     return np.stack([x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]])
>>> result = Broyden().run(circle_and_line, [3.0, 1.0])
>>> result.x.round(8), result.njev
(array([1., 1.]), 1)
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from scipy.linalg.blas import ddot, dger

from optimizers.equations import RootProblem
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.problem import Problem
from optimizers.residuals import ResidualPoint
from optimizers.roots.base import RootSolver, RootState, point_of, root_problem
from optimizers.roots.dense import Outcome, dense_step
from optimizers.roots.steps import Found, backtrack, newton_direction
from optimizers.status import Status

__all__ = ["Broyden", "BroydenState"]

# Lengths that a step without derivatives is tried at.
_TRIALS = 12


@dataclass(frozen=True, eq=False)
class BroydenState(RootState):
    """State of `Broyden`.

    Attributes
    ----------
    inverse : ndarray, shape (n, n), or None
        Approximation of J⁻¹; None where the next step takes the exact Jacobian.
    age : int
        Updates since it was made anew.
    damping, scale : float and ndarray, shape (n,), or None
        As of `NewtonRootState`, for steps with the exact Jacobian.

    Examples
    --------
    >>> import optimizers as opt
    >>> Broyden().init(opt.RootProblem(lambda x: 2.0 * x), [1.0]).inverse is None
    True
    """

    inverse: Array | None = None
    age: int = 0
    damping: float = 0.0
    scale: Array | None = None


@dataclass(frozen=True)
class Broyden(RootSolver[BroydenState]):
    """Broyden's quasi-Newton method on a dense inverse: systems whose Jacobian costs much more than F.

    The exact Jacobian is evaluated at the start, and again only where the updated one yields no step that lowers ‖F‖;
    such steps are those of `NewtonRoot`, damped ones included. Between them a step costs one or two evaluations of F
    and n² operations.

    C. G. Broyden, "A class of methods for solving nonlinear simultaneous equations", Math. Comp. 19 (1965) 577-593;
    updates that would make the matrix singular are damped as in J. J. Moré and J. A. Trangenstein, Math. Comp. 30
    (1976) 523-540.

    Parameters
    ----------
    update : "good" or "bad"
        Broyden's first update, the least change of J, or his second, the least change of J⁻¹.
    jacobian : "exact" or "identity"
        What it starts from, and begins anew from. With "identity", which is scaled to a first step of half the length
        of x, no derivative is asked for; ‖F‖ may then rise, ever less as the run goes on, and a run may end with
        ``Status.LINE_SEARCH`` where the other goes on.
    **options
        `gtol`, which max|F| has to reach, and the limits and stop rules of `Solver`.

    Examples
    --------
    >>> def rosen(x): return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
    >>> for solver in Broyden(), Broyden(update="bad"), Broyden(jacobian="identity"):
    ...     print(solver.run(rosen, [0.9, 0.9]).x.round(6))
    [1. 1.]
    [1. 1.]
    [1. 1.]
    """

    update: str = "good"
    jacobian: str = "exact"
    states: ClassVar[type[RootState]] = BroydenState

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("update", self.update in ("good", "bad"), '"good" or "bad"')
        self._check("jacobian", self.jacobian in ("exact", "identity"), '"exact" or "identity"')

    def init(self, problem: Problem, x0: Tree) -> BroydenState:
        """The state at `x0`, with the exact Jacobian where that is wanted.

        Examples
        --------
        >>> import optimizers as opt
        >>> Broyden(jacobian="identity").init(opt.RootProblem(lambda x: 2.0 * x), [1.0]).inverse
        array([[0.25]])
        """
        exact = self.jacobian == "exact"
        point = root_problem(problem).start(x0, jacobian=exact)
        if exact:
            return BroydenState(point.x, point.f, point.r, J=point.J)
        return BroydenState(point.x, point.f, point.r, inverse=_identity(point))

    def step(self, problem: Problem, state: BroydenState) -> BroydenState:
        """One step with the updated inverse, or with the exact Jacobian where that leads nowhere.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.RootProblem(lambda x: 2.0 * x - 2.0)
        >>> Broyden().step(problem, Broyden().init(problem, [3.0])).x
        array([1.])
        """
        found = root_problem(problem)
        point = point_of(found, state)
        if self.jacobian == "identity":
            return self._derivative_free(found, point, state)
        if state.inverse is not None:
            searched = backtrack(found, point, -(state.inverse @ point.r), slope=-2.0 * point.f, trials=6)
            if searched.point is not None:
                return self._updated(point, searched.point, state, state.inverse, searched.length)
        return self._exact(found, point, state)

    def _derivative_free(self, problem: RootProblem, point: ResidualPoint, state: BroydenState) -> BroydenState:
        """A step with the updated inverse, or else with the identity; of a system of unknown sign, either is tried."""
        fresh = _identity(point)
        for inverse, age in ((state.inverse, state.age), (fresh, 0), (-fresh, 0)):
            if inverse is None:
                continue
            searched = _relaxed(problem, point, -(inverse @ point.r), 1.0 / (state.k + 1) ** 2)
            if searched.point is not None:
                return self._updated(point, searched.point, replace(state, age=age), inverse, searched.length)
        return replace(state, k=state.k + 1, ending=Status.LINE_SEARCH)

    def _exact(self, problem: RootProblem, point: ResidualPoint, state: BroydenState) -> BroydenState:
        """A step with the Jacobian at `point`, whose inverse then takes the place of the old one."""
        if not np.isfinite(point.J).all():
            return replace(state, k=state.k + 1, ending=Status.LINE_SEARCH)
        outcome: Outcome = dense_step(problem, point, state.damping, state.scale)
        if outcome.point is None:
            return replace(state, k=state.k + 1, ending=outcome.ending)
        solved = newton_direction(point.J, point.r)
        fresh = replace(state, age=0, damping=outcome.damping, scale=outcome.scale)
        if outcome.damping > 0.0 or solved is None:
            new = outcome.point
            return replace(fresh, x=new.x, f=new.f, g=new.r, J=None, k=state.k + 1, length=outcome.length, inverse=None)
        inverse = solved[1](np.eye(point.x.size))
        return self._updated(point, outcome.point, fresh, inverse, outcome.length)

    def _updated(
        self, old: ResidualPoint, new: ResidualPoint, state: BroydenState, inverse: Array, length: float
    ) -> BroydenState:
        inverse = updated_inverse(inverse, new.x - old.x, new.r - old.r, good=self.update == "good")
        return BroydenState(
            new.x,
            new.f,
            new.r,
            k=state.k + 1,
            length=length,
            inverse=inverse,
            age=state.age + 1,
            scale=state.scale,
        )


def _identity(point: ResidualPoint) -> Array:
    """The identity, scaled so that the first step has half the length of x, and no less than one half."""
    size = norm(point.r)
    scale = 0.5 * max(norm(point.x), 1.0) / size if size > 0.0 else 1.0
    return (scale if np.isfinite(scale) else 1.0) * np.eye(point.x.size)


def updated_inverse(inverse: Array, s: Array, y: Array, *, good: bool) -> Array:
    """The inverse with which J⁻¹y = s, by a change of rank one, or nearly so where that would be singular.

    Examples
    --------
    >>> updated_inverse(np.eye(2), np.array([1.0, 0.0]), np.array([2.0, 0.0]), good=True)
    array([[0.5, 0. ],
           [0. , 1. ]])
    """
    image = inverse @ y
    if good:
        size = ddot(s, s)
        share = ddot(s, image) / size if size > 0.0 else 0.0
        if abs(share) < 0.1:
            theta = (1.0 - (0.1 if share >= 0.0 else -0.1)) / (1.0 - share)
            image = theta * image + (1.0 - theta) * s
        row = s @ inverse
        scale = ddot(s, image)
    else:
        row, scale = y, norm(y) ** 2
    if not abs(scale) > 0.0:
        return inverse
    new: Array = dger(1.0 / scale, row, s - image, a=inverse.T.copy(order="F"), overwrite_a=1).T
    return new if np.isfinite(new).all() else inverse


def _relaxed(problem: RootProblem, point: ResidualPoint, direction: Array, rise: float) -> Found:
    """A point along `direction` where ‖F‖ has fallen a little, or risen by no more than the share `rise` of it.

    Without derivatives nobody knows which way ‖F‖ falls. Rises whose sum is bounded leave room to learn it: D.-H. Li
    and M. Fukushima, "A derivative-free line search and global convergence of Broyden-like method for nonlinear
    equations", Optim. Methods Softw. 13 (2000) 181-201.
    """
    size, length = norm(point.r), 1.0
    for _ in range(_TRIALS):
        x = point.x + length * direction
        if not problem.left() > 0 or bool((x == point.x).all()):
            break
        trial = problem.trial(x)
        finite = trial is not None and bool(np.isfinite(trial.f))
        if trial is not None and finite and norm(trial.r) <= (1.0 + rise - 1e-4 * length) * size:
            return Found(length, trial)
        length *= 0.5 if finite else 0.1
    return Found(0.0, None)
