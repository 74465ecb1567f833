"""Newton's method for systems of equations, dense; imports ``base`` and ``dense``.

>>> def circle_and_line(x):
...     return np.stack([x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]])
>>> NewtonRoot().run(circle_and_line, [3.0, 1.0]).x.round(12)
array([1., 1.])
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from optimizers.flatten import Array, Tree
from optimizers.problem import Problem
from optimizers.residuals import ResidualPoint
from optimizers.roots.base import RootSolver, RootState, point_of, root_problem
from optimizers.roots.dense import dense_step

__all__ = ["NewtonRoot", "NewtonRootState"]


@dataclass(frozen=True, eq=False)
class NewtonRootState(RootState):
    """State of `NewtonRoot`.

    Attributes
    ----------
    damping : float
        Of the next step; 0 where that is Newton's.
    scale : ndarray, shape (n,), or None
        Units of the unknowns: the largest norm of each column of J so far.

    Examples
    --------
    >>> import optimizers as opt
    >>> NewtonRoot().init(opt.RootProblem(lambda x: 2.0 * x), [1.0]).J
    array([[2.]])
    """

    damping: float = 0.0
    scale: Array | None = None


@dataclass(frozen=True)
class NewtonRoot(RootSolver[NewtonRootState]):
    """Newton's method with the exact Jacobian and a line search: systems of up to some hundreds of equations.

    Where the Jacobian is singular, or the line search finds no point at a sensible length, damped (Levenberg-Marquardt)
    steps take over until Newton's work again. They lead to a root, or to a minimum of ‖F‖ that is no root; there the
    run ends with ``Status.NOT_A_ROOT``. Near a root whose Jacobian is not singular convergence is quadratic.

    J. E. Dennis and R. B. Schnabel, "Numerical Methods for Unconstrained Optimization and Nonlinear Equations" (1983),
    chapter 6; P. Deuflhard, "Newton Methods for Nonlinear Problems" (2004), chapter 3.

    Parameters
    ----------
    monotone : "residual" or "natural"
        What Newton steps have to lower: ‖F‖, or ‖J⁻¹F‖ with the Jacobian before the step, which is the same in
        whatever units the equations are written. "natural" follows narrow curved valleys in longer steps.
    **options
        `gtol`, which max|F| has to reach, and the limits and stop rules of `Solver`.

    Examples
    --------
    >>> def rosen(x): return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
    >>> result = NewtonRoot(monotone="natural").run(rosen, [-1.2, 1.0])
    >>> result.x, result.nit, NewtonRoot().run(rosen, [-1.2, 1.0]).nit
    (array([1., 1.]), 4, 14)
    """

    monotone: str = "residual"
    states: ClassVar[type[RootState]] = NewtonRootState

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("monotone", self.monotone in ("residual", "natural"), '"residual" or "natural"')

    def init(self, problem: Problem, x0: Tree) -> NewtonRootState:
        """The state at `x0`, Jacobian included.

        Raises
        ------
        NonFiniteError
            When F or its Jacobian is not finite at `x0`.

        Examples
        --------
        >>> import optimizers as opt
        >>> NewtonRoot().init(opt.RootProblem(lambda x: x - 1.0), [3.0]).g
        array([2.])
        """
        point = root_problem(problem).start(x0, jacobian=True)
        return NewtonRootState(point.x, point.f, point.r, J=point.J)

    def step(self, problem: Problem, state: NewtonRootState) -> NewtonRootState:
        """One Newton step with backtracking, or one damped step.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.RootProblem(lambda x: x - 1.0)
        >>> NewtonRoot().step(problem, NewtonRoot().init(problem, [3.0])).x
        array([1.])
        """
        found = root_problem(problem)
        outcome = dense_step(
            found,
            point_of(found, state),
            state.damping,
            state.scale,
            natural=self.monotone == "natural",
            suits=_finite_jacobian,
        )
        new, k = outcome.point, state.k + 1
        if new is None:
            return replace(state, k=k, ending=outcome.ending)
        return NewtonRootState(
            new.x, new.f, new.r, J=new.J, k=k, length=outcome.length, damping=outcome.damping, scale=outcome.scale
        )


def _finite_jacobian(point: ResidualPoint) -> bool:
    return bool(np.isfinite(point.J).all())
