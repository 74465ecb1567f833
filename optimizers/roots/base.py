"""The base of methods for roots: what success is, the states, the results; imports ``solver`` and ``equations``.

>>> import optimizers as opt
>>> result = opt.NewtonRoot().run(lambda x: x**2 - 2.0, [1.0])
>>> result.x.round(6), result.message.split(" =")[0]
(array([1.414214]), 'the test of F holds: max |F|')
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from optimizers.equations import RootProblem
from optimizers.errors import InputTypeError, OptionError
from optimizers.flatten import Array, Tree
from optimizers.problem import Problem
from optimizers.residuals import ResidualPoint
from optimizers.result import Result
from optimizers.solver import Callback, Solver
from optimizers.state import State

__all__ = ["RootSolver", "RootState", "as_root_problem", "point_of", "root_problem"]


@dataclass(frozen=True, eq=False)
class RootState(State):
    """What every method for roots knows after `k` iterations.

    F stands where other methods keep a gradient: it is what has to vanish.

    Attributes
    ----------
    g : ndarray, shape (n,)
        F(x).
    f : float
        ½‖F(x)‖².
    J : ndarray, shape (n, n), or None
        Jacobian at x, where the method has it.

    Examples
    --------
    >>> import optimizers as opt
    >>> state = opt.FixedPoint().init(opt.FixedPointProblem(lambda x: 0.5 * x), [2.0])
    >>> state.g, state.f, state.J
    (array([-1.]), 0.5, None)
    """

    J: Array | None = None


S = TypeVar("S", bound=RootState)


@dataclass(frozen=True, kw_only=True)
class RootSolver(Solver[S]):
    """A method for systems of as many equations as unknowns, F(x) = 0.

    Success means that max|F(x)| is at most `gtol`, in absolute terms, and nothing else does. Where ‖F‖ has a minimum
    that is no root, methods with derivatives end with ``Status.NOT_A_ROOT``. In the history, `f` is ½‖F‖² and `gnorm`
    is max|F|. `xtol`, `ftol` and the other limits end a run as in `Solver`.

    Parameters
    ----------
    gtol : float
        What the largest absolute entry of F may be.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.NewtonRoot(gtol=1e-12).run(lambda x: x**3 - 8.0, [3.0]).x
    array([2.])
    """

    gtol: float = 1e-8
    uses: ClassVar[frozenset[str]] = frozenset({"jac"})
    states: ClassVar[type[RootState]] = RootState
    """What the method goes on from; the state of another method is a start at its x."""

    def problem_of(self, fun: Callable[..., Any], x0: Tree, args: tuple[Any, ...] = (), **given: Any) -> RootProblem:
        """The equations ``fun(x, *args) = 0``.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.NewtonRoot().problem_of(lambda x: 2.0 * x, [1.0]).at([1.0]).r
        array([2.])
        """
        return as_root_problem(RootProblem, fun, x0, args, jac=given.get("jac"), jit=given.get("jit", "auto"))

    def solve(self, problem: RootProblem, x0: Tree | S, callback: Callback | None = None) -> Result:
        """Run on a problem that is there already, a `FixedPointProblem` for instance; `run` otherwise.

        Where a state stands in place of `x0`, go on from it, as `resume` does on the equations fun(x) = 0.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.FixedPointProblem(lambda x: 0.5 * x + 1.0)
        >>> whole = opt.FixedPoint().solve(problem, [0.0])
        >>> state = opt.FixedPoint().step(problem, opt.FixedPoint().init(problem, [0.0]))
        >>> rest = opt.FixedPoint().solve(problem, state)
        >>> bool((rest.x == whole.x).all()), rest.nit == whole.nit - 1
        (True, True)
        """
        start = self._continued(problem, cast(S, x0)) if isinstance(x0, RootState) else self.init(problem, x0)
        return self._drive(problem, start, callback)

    def __call__(
        self,
        fun: Callable[..., Any],
        x0: Tree,
        args: tuple[Any, ...] = (),
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        constraints: Any = (),
        callback: Callback | None = None,
        **options: Any,
    ) -> Result:
        """Refuse to be a method of ``scipy.optimize.minimize``; SciPy's ``root`` takes no solvers.

        Raises
        ------
        OptionError
            Always.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.NewtonRoot()(lambda x: x @ x, [1.0])
        Traceback (most recent call last):
            ...
        optimizers.errors.OptionError: NewtonRoot solves F(x) = 0 and minimises nothing: use root, or another method
        """
        self.with_options(**options).refuse(hess=hess, hessp=hessp, bounds=bounds, constraints=constraints)
        raise OptionError(f"{type(self).__name__} solves F(x) = 0 and minimises nothing: use root, or another method")

    def fields(self, problem: Problem, state: S) -> dict[str, Any]:
        """F at x as `fun`, its Jacobian as `jac` where the method has it, and the products with Jacobians.

        Examples
        --------
        >>> import optimizers as opt
        >>> result = opt.NewtonRoot().run(lambda x: x**2 - 4.0, [3.0])
        >>> result.fun.round(8), result.jac.round(4), result.njvp
        (array([0.]), array([[4.]]), 0)
        """
        found = root_problem(problem)
        jac = None if state.J is None else state.J.copy()
        return {"fun": found.unravel(state.g), "jac": jac, "njvp": found.counts.njvp, "nvjp": found.counts.nvjp}

    def _continued(self, problem: Problem, state: S) -> S:
        """`state` where it is one of the method and of `problem`; else a start at its x."""
        found = root_problem(problem)
        point = found.at(state.x)
        if isinstance(state, self.states) and np.array_equal(point.r, state.g):
            if state.J is not None:
                point.J = state.J  # the problem remembers the point, and need not evaluate it again
            return replace(state, ending=None)
        return replace(self.init(found, found.unravel(state.x)), k=state.k)


def root_problem(problem: Problem) -> RootProblem:
    """The problem, known to be one of roots.

    Raises
    ------
    InputTypeError
        When it is another: its objective is no system of equations.

    Examples
    --------
    >>> root_problem(RootProblem(lambda x: x)).measured
    'max |F|'
    """
    if not isinstance(problem, RootProblem):
        raise InputTypeError(
            f"a method for roots needs a RootProblem or a FixedPointProblem, not a {type(problem).__name__}"
        )
    return problem


def as_root_problem(
    kind: type[RootProblem], fun: Callable[..., Any], x0: Tree, args: tuple[Any, ...], *, jac: Any, jit: bool | str
) -> RootProblem:
    """A problem of this kind with `x0` checked.

    Examples
    --------
    >>> as_root_problem(RootProblem, lambda x: x, [float("nan")], (), jac=None, jit=False)
    Traceback (most recent call last):
        ...
    optimizers.errors.NonFiniteError: x0 has a NaN or infinite entry at position 0: pass finite numbers
    """
    problem = kind(fun, None if jac is False else jac, args=args, like=x0, jit=jit)
    problem.at(x0, name="x0")
    return problem


def point_of(problem: RootProblem, state: RootState) -> ResidualPoint:
    """The point of a state, what the state knows of it included.

    Examples
    --------
    >>> import numpy as np
    >>> problem = RootProblem(lambda x: x)
    >>> point_of(problem, RootState(np.ones(1), 0.5, np.ones(1))).r, problem.counts.nfev
    (array([1.]), 0)
    """
    return problem.at(state.x, r=state.g, J=state.J)
