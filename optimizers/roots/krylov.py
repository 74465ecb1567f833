"""Newton-Krylov: Newton's method for many equations, by products with the exact Jacobian; imports ``base``, ``gmres``.

>>> def laplace(u):                                       # u'' = exp(u) - 1 on a grid, u = 1 at both ends
...     padded = np.concatenate([np.ones(1), u, np.ones(1)])
...     return 2.0 * u - padded[:-2] - padded[2:] + 1e-2 * (np.exp(u) - 1.0)
>>> result = NewtonKrylov().run(laplace, np.zeros(20))
>>> bool(result.success), result.njev, result.njvp > result.nit
(True, 0, True)
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from scipy.linalg.blas import ddot
from scipy.sparse.linalg import LinearOperator, lsmr

from optimizers.checks import is_whole
from optimizers.equations import RootProblem
from optimizers.errors import InputTypeError, ShapeError
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.problem import Problem
from optimizers.residuals import ResidualPoint
from optimizers.roots.base import RootSolver, RootState, point_of, root_problem
from optimizers.roots.gmres import gmres
from optimizers.roots.steps import FLAT, Solve, backtrack, damped, failure, is_stationary

__all__ = ["NewtonKrylov", "NewtonKrylovState"]

_EPS = float(np.finfo(np.float64).eps)
_FIRST, _LAST = 0.5, 0.9


@dataclass(frozen=True, eq=False)
class NewtonKrylovState(RootState):
    """State of `NewtonKrylov`.

    Attributes
    ----------
    forcing : float
        How much of ‖F‖ the next linear system may leave.
    damping : float
        Of the next step; 0 where that is Newton's.
    scale : float
        Largest growth ‖J v‖/‖v‖ seen so far.

    Examples
    --------
    >>> import optimizers as opt
    >>> NewtonKrylov().init(opt.RootProblem(lambda x: 2.0 * x), [1.0]).forcing
    0.5
    """

    forcing: float = _FIRST
    damping: float = 0.0
    scale: float = 0.0


@dataclass(frozen=True)
class NewtonKrylov(RootSolver[NewtonKrylovState]):
    """Inexact Newton's method: linear systems by GMRES with exact products J v, no matrix; thousands of equations.

    Each linear system is solved as far as the forcing term asks, which follows the progress made (choice 2 of
    Eisenstat and Walker) and goes no further than the last step needs. A step has to lower ‖F‖, with backtracking;
    where GMRES finds no such direction, damped least-squares steps (by LSMR, with products Jᵀ w besides) go down to a
    root, or to a minimum of ‖F‖ that is none, ``Status.NOT_A_ROOT``. `jac`, where given, may return a `LinearOperator`.

    S. C. Eisenstat and H. F. Walker, "Choosing the forcing terms in an inexact Newton method", SIAM J. Sci. Comput. 17
    (1996) 16-32; D. A. Knoll and D. E. Keyes, J. Comput. Phys. 193 (2004) 357-397.

    Parameters
    ----------
    memory : int
        Vectors that GMRES keeps before it starts again.
    products : int
        Limit on products in one linear system.
    precondition : callable, optional
        ``precondition(x)``, x the flat vector, -> an approximation of the inverse of the Jacobian there: a matrix, a
        `LinearOperator`, or a function of v. Called once a step.
    **options
        `gtol`, which max|F| has to reach, and the limits and stop rules of `Solver`.

    Examples
    --------
    >>> d = np.linspace(1.0, 1e4, 200)
    >>> def stiff(x): return d * x + x**3 - 1.0
    >>> plain = NewtonKrylov().run(stiff, np.zeros(200))
    >>> helped = NewtonKrylov(precondition=lambda x: lambda v: v / d).run(stiff, np.zeros(200))
    >>> bool(helped.success), helped.njvp < plain.njvp
    (True, True)
    """

    memory: int = 40
    products: int = 400
    precondition: Callable[[Array], Any] | None = None
    states: ClassVar[type[RootState]] = NewtonKrylovState

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("memory", "products"):
            self._check(name, is_whole(getattr(self, name), 1), "a whole number >= 1")
        self._check("precondition", self.precondition is None or callable(self.precondition), "None or a callable")

    def init(self, problem: Problem, x0: Tree) -> NewtonKrylovState:
        """The state at `x0`.

        Examples
        --------
        >>> import optimizers as opt
        >>> NewtonKrylov().init(opt.RootProblem(lambda x: x - 1.0), [3.0]).g
        array([2.])
        """
        point = root_problem(problem).start(x0)
        return NewtonKrylovState(point.x, point.f, point.r)

    def step(self, problem: Problem, state: NewtonKrylovState) -> NewtonKrylovState:
        """One inexact Newton step with backtracking, or one damped step.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.RootProblem(lambda x: 2.0 * x - 2.0)
        >>> NewtonKrylov().step(problem, NewtonKrylov().init(problem, [3.0])).x
        array([1.])
        """
        found = root_problem(problem)
        point, size = point_of(found, state), norm(state.g)
        multiply = found.linearized(point.x)
        if not state.damping > 0.0:
            # Solving the last system further than `gtol` asks would gain nothing.
            forcing = min(_LAST, max(state.forcing, 0.5 * self.gtol / size)) if size > 0.0 else _LAST
            linear = gmres(
                multiply,
                -state.g,
                rtol=forcing,
                memory=self.memory,
                limit=self.products,
                precondition=self._preconditioner(point.x),
            )
            state = replace(state, scale=max(state.scale, _growth(linear.image, linear.x)))
            searched = backtrack(found, point, linear.x, slope=ddot(state.g, linear.image), trials=6)
            if searched.point is not None:
                following = _next_forcing(state.forcing, norm(searched.point.r) / size)
                return self._at(searched.point, state, length=searched.length, forcing=following)
        return self._damped(found, point, state, multiply)

    def _damped(
        self,
        problem: RootProblem,
        point: ResidualPoint,
        state: NewtonKrylovState,
        multiply: Callable[[Array], Array],
    ) -> NewtonKrylovState:
        transposed = problem.transposed(point.x)
        gradient = transposed(point.r)
        scale = max(state.scale, _growth(multiply(gradient), gradient)) or 1.0
        noise = _EPS * scale * norm(point.x)
        if is_stationary(point, gradient, scale, FLAT):
            return replace(state, k=state.k + 1, ending=failure(problem, point, gradient, scale, noise))
        solve = _least_squares_steps(point, multiply, transposed, scale, self.products)
        new, damping, linear = damped(problem, point, solve, state.damping or 1e-3)
        if new is None:
            return replace(state, k=state.k + 1, ending=failure(problem, point, gradient, scale, noise))
        damping = 0.0 if linear else damping
        return self._at(new, replace(state, scale=scale), length=float("nan"), forcing=_FIRST, damping=damping)

    @staticmethod
    def _at(
        point: ResidualPoint, state: NewtonKrylovState, *, length: float, forcing: float, damping: float = 0.0
    ) -> NewtonKrylovState:
        return NewtonKrylovState(
            point.x,
            point.f,
            point.r,
            k=state.k + 1,
            length=length,
            forcing=forcing,
            damping=damping,
            scale=state.scale,
        )

    def _preconditioner(self, x: Array) -> Callable[[Array], Array] | None:
        if self.precondition is None:
            return None
        made = self.precondition(np.array(x))
        apply = made if callable(made) and not isinstance(made, LinearOperator) else getattr(made, "__matmul__", None)
        if apply is None:
            raise InputTypeError(
                f"NewtonKrylov: precondition returned a {type(made).__name__}: it must return a matrix, a "
                "LinearOperator or a function of v"
            )

        def applied(v: Array) -> Array:
            out = np.asarray(apply(np.array(v)), dtype=np.float64)
            if out.shape != v.shape:
                raise ShapeError(f"NewtonKrylov: precondition makes vectors of shape {out.shape}, not {v.shape}")
            return out

        return applied


def _growth(image: Array, v: Array) -> float:
    size = norm(v)
    return norm(image) / size if size > 0.0 and np.isfinite(norm(image)) else 0.0


def _next_forcing(forcing: float, shrinkage: float) -> float:
    """Choice 2 of Eisenstat and Walker, with their safeguard against falling too fast."""
    following, held = 0.9 * shrinkage**2, 0.9 * forcing**2
    return min(_LAST, max(following, held) if held > 0.1 else following)


def _least_squares_steps(
    point: ResidualPoint,
    multiply: Callable[[Array], Array],
    transposed: Callable[[Array], Array],
    scale: float,
    limit: int,
) -> Solve:
    """The damped steps at a point, by products alone."""
    n = point.x.size
    operator = LinearOperator((n, n), matvec=multiply, rmatvec=transposed, dtype=np.float64)

    def solve(damping: float) -> tuple[Array, float]:
        step = lsmr(operator, -point.r, damp=scale * damping**0.5, atol=1e-6, btol=1e-6, maxiter=limit)[0]
        left = point.r + multiply(step)
        return step, point.f - 0.5 * float(ddot(left, left))

    return solve
