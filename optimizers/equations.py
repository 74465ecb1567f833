"""Problems of as many equations as unknowns: F(x) = 0 and x = G(x); imports ``residuals`` and the layers below.

A root problem is a problem of residuals whose r is F. Methods for roots keep F where others keep a gradient, so that
what the driver tests against `gtol`, and writes to the history as `gnorm`, is the largest absolute entry of F.

>>> problem = RootProblem(lambda x: np.stack([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0]))
>>> point = problem.at([1.0, 5.0])
>>> point.r, point.J, problem.measured
(array([3., 3.]), array([[1., 1.],
       [5., 1.]]), 'max |F|')
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from optimizers.checks import check_callables, quiet
from optimizers.errors import NonFiniteError, ShapeError
from optimizers.flatten import Array, Layout, Tree, joined
from optimizers.problem import UNTRACEABLE
from optimizers.residuals import ResidualPoint, ResidualProblem

__all__ = ["FixedPointProblem", "RootProblem"]


class RootProblem(ResidualProblem):
    """The equations F(x) = 0.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` -> F(x): as many numbers as x has, in an array of any shape, a list or a tree.
    jac : callable, optional
        ``jac(x, *args)`` -> (n, n); see `ResidualProblem`.
    args, like, jit
        As of `Problem`.

    Raises
    ------
    OptionError, InputTypeError
        When an argument is not one of the above.

    Examples
    --------
    >>> RootProblem(lambda x: x[0]).at([1.0, 2.0]).r
    Traceback (most recent call last):
        ...
    optimizers.errors.ShapeError: fun <lambda> returned 1 values for 2 unknowns: a system needs as many equations as \
unknowns; least_squares takes any number
    """

    test, measured = "the test of F", "max |F|"

    def __init__(
        self,
        fun: Callable[..., Any],
        jac: Callable[..., Any] | None = None,
        *,
        args: tuple[Any, ...] = (),
        like: Tree = None,
        jit: bool | str = "auto",
    ) -> None:
        check_callables(fun, None, None, None)
        is_tree = like is not None and Layout.of(like).spec is not None
        super().__init__(_Joined(fun) if is_tree else fun, jac, args=args, like=like, jit=jit)

    def __call__(self, x: Tree) -> Any:
        """F(x), shaped like x, from the evaluation that derivatives come from: for ``scipy.optimize.root``.

        Examples
        --------
        >>> import optimizers as opt, scipy.optimize
        >>> problem = RootProblem(lambda x: x**2 - 2.0)
        >>> found = scipy.optimize.root(problem, [1.0], method="hybr", **opt.root_kwargs(problem, "hybr"))
        >>> found.x.round(6), problem.counts.nfev <= found.nfev
        (array([1.414214]), True)
        """
        return self.unravel(self.at(x).r)

    def start(self, x0: Tree, *, jacobian: bool = False) -> ResidualPoint:
        """The point `x0`, where F, and its `jacobian` if wanted, is known to be finite.

        Raises
        ------
        NonFiniteError
            When it is not, or the square of F overflows.

        Examples
        --------
        >>> RootProblem(lambda x: np.log(x)).start([0.0])
        Traceback (most recent call last):
            ...
        optimizers.errors.NonFiniteError: fun <lambda> is not finite at the start, where x = [0.]: start from an x0 \
where it is not so
        """
        point = self.at(x0, name="x0")
        J = self._jacobian_first(point) if jacobian else None
        with quiet():
            square_is_finite = np.isfinite(point.f)
        faults = {
            f"{self.names['f']} is not finite": not np.isfinite(point.r).all(),
            f"the square of {self.names['f']} overflows": not square_is_finite,
            f"the {self.names['J']} is not finite": J is not None and not np.isfinite(J).all(),
        }
        for fault, holds in faults.items():
            if holds:
                x = np.array2string(point.x, threshold=6, edgeitems=2, precision=4)
                raise NonFiniteError(f"{fault} at the start, where x = {x}: start from an x0 where it is not so")
        return point

    @staticmethod
    def _jacobian_first(point: ResidualPoint) -> Array:
        """The Jacobian, asked before F, which then comes with it; what is wrong with F itself is said of F."""
        try:
            return point.J
        except UNTRACEABLE:
            _ = point.r
            raise

    def _residuals(self, out: Any, x: Array) -> Array:
        r = super()._residuals(out, x)
        if r.size != x.size:
            raise ShapeError(
                f"{self.names['f']} returned {r.size} values for {x.size} unknowns: a system needs as many equations "
                "as unknowns; least_squares takes any number"
            )
        return r


class FixedPointProblem(RootProblem):
    """The equations x = G(x), as the root problem F(x) = G(x) - x.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` -> G(x), shaped like x.
    jac : callable, optional
        ``jac(x, *args)`` -> the Jacobian of G, (n, n).
    args, like, jit
        As of `Problem`.

    Examples
    --------
    >>> point = FixedPointProblem(lambda x: 0.5 * x + 1.0).at([4.0])
    >>> point.r, point.J, point.jvp([2.0])
    (array([-1.]), array([[-0.5]]), array([-1.]))
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        jac: Callable[..., Any] | None = None,
        *,
        args: tuple[Any, ...] = (),
        like: Tree = None,
        jit: bool | str = "auto",
    ) -> None:
        super().__init__(_Displacement(fun) if callable(fun) else fun, jac, args=args, like=like, jit=jit)
        # The derivatives are those of G itself, which keeps what is compiled for it.
        self._residual = _Joined(fun) if self.layout is not None and self.layout.spec is not None else fun

    def residual(self, x: Array) -> Array:
        """G(x) - x, shape (n,).

        Examples
        --------
        >>> FixedPointProblem(lambda x: 3.0 * x).residual(np.ones(1))
        array([2.])
        """
        return _read_only(super().residual(x) - x)

    def residual_and_jacobian(self, x: Array) -> tuple[Array, Array]:
        """G(x) - x and its Jacobian, from one evaluation of G.

        Examples
        --------
        >>> FixedPointProblem(lambda x: 3.0 * x).residual_and_jacobian(np.ones(1))
        (array([2.]), array([[2.]]))
        """
        if self._jac is not None:
            return super().residual_and_jacobian(x)
        values, J = super().residual_and_jacobian(x)
        return _read_only(values - x), _read_only(J - np.eye(x.size))

    def jacobian(self, x: Array, m: int) -> Array:
        """The Jacobian of G(x) - x, shape (n, n).

        Examples
        --------
        >>> FixedPointProblem(lambda x: 3.0 * x).jacobian(np.ones(1), 1)
        array([[2.]])
        """
        return _read_only(super().jacobian(x, m) - np.eye(x.size))

    def linearized(self, x: Array) -> Callable[[Array], Array]:
        """The map v -> J v, prepared once for all v.

        Examples
        --------
        >>> FixedPointProblem(lambda x: 3.0 * x).linearized(np.ones(1))(np.ones(1))
        array([2.])
        """
        product = super().linearized(x)
        return lambda v: _read_only(product(v) - v)

    def transposed(self, x: Array) -> Callable[[Array], Array]:
        """The map w -> Jᵀ w, prepared once for all w.

        Examples
        --------
        >>> FixedPointProblem(lambda x: 3.0 * x).transposed(np.ones(1))(np.ones(1))
        array([2.])
        """
        product = super().transposed(x)
        return lambda w: _read_only(product(w) - w)


class _Joined:
    """A function of a tree whose values, a tree too, are one vector."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun
        self.__name__ = getattr(fun, "__name__", type(fun).__name__)

    def __call__(self, x: Any, *args: Any) -> Any:
        return joined(self.fun(x, *args))


class _Displacement(_Joined):
    """x -> G(x) - x as one vector."""

    def __call__(self, x: Any, *args: Any) -> Any:
        return joined(self.fun(x, *args)) - joined(x)


def _read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array
