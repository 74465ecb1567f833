"""Problems of a vector of residuals, for fits and roots; imports ``problem``, ``vector_derivatives`` and below.

``ResidualProblem`` is a `Problem` whose objective is ½ r·r, and whose points know r and its Jacobian besides.

>>> problem = ResidualProblem(lambda x: np.stack([x[0] ** 2 - 2.0, x[0] * x[1]]))
>>> point = problem.at([1.0, 3.0])
>>> point.r, point.J, point.f, point.g
(array([-1.,  3.]), array([[2., 0.],
       [3., 1.]]), 5.0, array([7., 3.]))
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from scipy.linalg.blas import ddot
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from optimizers.checks import label, quiet
from optimizers.errors import InputTypeError, ShapeError
from optimizers.flatten import Array, Tree, check_finite, real_array
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.vector_derivatives import VectorDerivatives, vector_derivatives_of

__all__ = ["ResidualPoint", "ResidualProblem"]

_Product = Callable[[Array], Array]


class ResidualPoint(Point):
    """A point of a `ResidualProblem`, everything evaluated when first asked for, and remembered.

    Attributes
    ----------
    r : ndarray, shape (m,)
        Residuals, read-only; asked first, they are evaluated alone.
    J : ndarray, shape (m, n)
        Jacobian, dense and read-only; asked first, and from `hodiff`, it brings the residuals with it.
    f, g : float and ndarray, shape (n,)
        ½ r·r and its gradient Jᵀ r. `H` and the higher derivatives of `Point` are those of ½ r·r, too.
    finite : bool
        Whether `r`, `J`, `f` and `g` are.

    Examples
    --------
    >>> point = ResidualProblem(lambda x: x**2).at([1.0, 2.0])
    >>> point.jvp([1.0, 1.0]), point.vjp([1.0, 1.0]), point.second([0.0, 1.0])
    (array([2., 4.]), array([2., 4.]), array([0., 2.]))
    """

    __slots__ = ("J", "_problem", "_pull", "_pushed", "r")

    r: Array
    J: Array

    def __init__(self, problem: "ResidualProblem", x: Array, r: Array | None = None, J: Array | None = None) -> None:
        super().__init__(problem, x)
        self._problem = problem
        if r is not None:
            self.r = r
        if J is not None:
            self.J = J
        self._pushed: _Product | None = None
        self._pull: _Product | None = None

    def __getattr__(self, name: str) -> Any:
        # Called for slots that are still empty.
        if name == "r":
            self.r = self._problem.residual(self.x)
        elif name == "J":
            if self._problem.joint and not self._knows("r"):
                self.r, self.J = self._problem.residual_and_jacobian(self.x)
            else:
                self.J = self._problem.jacobian(self.x, self.r.size)
        elif name == "f":
            self.f = 0.5 * ddot(self.r, self.r)
        elif name == "g":
            with quiet():
                g = self.J.T @ self.r
            g.setflags(write=False)
            self.g = g
        else:
            return super().__getattr__(name)
        return object.__getattribute__(self, name)

    @property
    def finite(self) -> bool:
        if not (math.isfinite(self.f) and np.isfinite(self.g).all()):
            return False
        return bool(np.isfinite(self.J).all())

    def jvp(self, v: Tree) -> Array:
        """J v, shape (m,): by the Jacobian where it is known, else without it.

        Examples
        --------
        >>> problem = ResidualProblem(lambda x: x**2)
        >>> problem.at([3.0]).jvp([1.0]), problem.counts.njvp, problem.counts.njev
        (array([6.]), 1, 0)
        """
        v = self._direction(v, "v")
        if self._knows("J"):
            return np.asarray(self.J @ v)
        if self._pushed is None:
            self._pushed = self._problem.linearized(self.x)
        push = self._pushed
        return self._once("jvp", (v,), lambda: push(v))

    def vjp(self, w: Any) -> Array:
        """Jᵀ w, shape (n,): by the Jacobian where it is known, else without it.

        Examples
        --------
        >>> problem = ResidualProblem(lambda x: x**2)
        >>> problem.at([3.0]).vjp([1.0]), problem.counts.nvjp
        (array([6.]), 1)
        """
        w = real_array(w, "w")
        if w.shape != self.r.shape:
            raise ShapeError(f"w has shape {w.shape}: it must be that of the residuals, {self.r.shape}")
        if self._knows("J"):
            return np.asarray(self.J.T @ w)
        if self._pull is None:
            self._pull = self._problem.transposed(self.x)
        pull = self._pull
        return self._once("vjp", (w,), lambda: pull(w))

    def second(self, v: Tree) -> Array:
        """d²/dt² r(x + t v) at t = 0, shape (m,), exact.

        Examples
        --------
        >>> ResidualProblem(lambda x: x[0] * x**2).at([1.0, 2.0]).second([1.0, 0.0])
        array([6., 0.])
        """
        v = self._direction(v, "v")
        return self._once("second", (v,), lambda: self._problem.second(self.x, v))

    def require_finite(self) -> "ResidualPoint":
        """This point, once residuals and Jacobian are known to be finite.

        Raises
        ------
        NonFiniteError
            Naming the callable whose value is not finite.

        Examples
        --------
        >>> ResidualProblem(lambda x: np.log(x)).at([0.0]).require_finite()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        optimizers.errors.NonFiniteError: fun <lambda> is not finite at the start, where x = [0.]: ...
        """
        J = self.J
        for letter, value in (("f", self.r), ("J", J), ("f", self.f), ("g", self.g)):
            self._require(letter, value)
        return self


class ResidualProblem(Problem):
    """A vector of residuals, its arguments and its derivatives.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` -> residuals: an array of any shape, a number, or a list of such; r is all of them, flat.
    jac : callable, optional
        ``jac(x, *args)`` -> (m, n): dense, sparse or a `LinearOperator`. By default the Jacobian, and the products
        with it, are `hodiff`'s.
    args, like, jit, bounds
        As of `Problem`.

    Attributes
    ----------
    joint : bool
        Whether a Jacobian brings the residuals with it: not where `jac` is given.

    Raises
    ------
    OptionError, InputTypeError
        When an argument is not one of the above.

    Examples
    --------
    >>> problem = ResidualProblem(lambda x, y: x * y - 1.0, args=(np.array([1.0, 2.0]),))
    >>> point = problem.at([3.0, 1.0])
    >>> point.J, point.r, problem.counts.nfev, problem.counts.njev
    (array([[1., 0.],
           [0., 2.]]), array([2., 1.]), 1, 1)
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        jac: Callable[..., Any] | None = None,
        *,
        args: tuple[Any, ...] = (),
        like: Tree = None,
        jit: bool | str = "auto",
        bounds: Any = None,
    ) -> None:
        if not (jac is None or callable(jac)):
            raise InputTypeError(
                f"jac must be a callable or None, not {jac!r}: leave it out and hodiff supplies the exact Jacobian, "
                "from the same evaluation"
            )
        super().__init__(_HalfSquare(fun) if callable(fun) else fun, args=args, like=like, jit=jit, bounds=bounds)
        self._residual, self._jac = fun, jac
        self._vectors: VectorDerivatives | None = None
        self._sizes: tuple[int, int] | None = None
        self.joint = jac is None
        self.names.update(
            f=label("fun", fun),
            g=f"gradient of half the square of {label('fun', fun)}",
            H=f"Hessian of half the square of {label('fun', fun)}",
            J=label("Jacobian of fun", fun) if jac is None else label("jac", jac),
        )

    def at(
        self,
        x: Tree,
        *,
        f: float | None = None,
        g: Array | None = None,
        H: Array | None = None,
        name: str = "x",
        r: Array | None = None,
        J: Array | None = None,
    ) -> ResidualPoint:
        """The point `x`, a vector or a tree like `like`. The last two are remembered: asked again, given again.

        `r` and `J` are values already known there, from a stored state; they count as no evaluation. `f` and `g`
        follow from them, `H` is not used.

        Raises
        ------
        ShapeError, NonFiniteError, InputTypeError
            When `x` is not a finite real vector, or not of the structure of `like`.

        Examples
        --------
        >>> problem = ResidualProblem(lambda x: x)
        >>> problem.at([1.0, 2.0]) is problem.at([1.0, 2.0])
        True
        """
        points: Any = self._recent
        for point in points:
            if x is point.x:
                return point  # type: ignore[no-any-return]
        vector = self._vector(x, name)
        asked = vector.tobytes()
        for point in points:
            if point.x.tobytes() == asked:
                return point  # type: ignore[no-any-return]
        check_finite(vector, name)
        vector.setflags(write=False)
        found = ResidualPoint(self, vector, r, J)
        self._recent = (*self._recent[-1:], found)
        return found

    def trial(self, x: Array) -> ResidualPoint | None:
        """The point `x`, shape (n,), or None where `x` itself has overflowed.

        Examples
        --------
        >>> ResidualProblem(lambda x: x).trial(np.array([np.inf])) is None
        True
        """
        return self.at(x) if np.isfinite(x).all() else None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_vectors": None, "_recent": ()}  # made again where they are needed

    @property
    def eager_reason(self) -> str | None:
        """Why `fun` or a derivative of it ran eagerly though it was to be compiled; None where none did so far."""
        own = None if self._vectors is None else self._vectors.eager_reason
        return super().eager_reason if own is None else own

    # -- the oracle: every evaluation of a user's function happens below ---------------------------------

    def value(self, x: Array) -> tuple[float, Array | None]:
        """Half the square of the residuals; no gradient.

        Examples
        --------
        >>> ResidualProblem(lambda x: 2.0 * x).value(np.ones(1))
        (2.0, None)
        """
        r = self.residual(x)
        return 0.5 * float(ddot(r, r)), None

    def gradient(self, x: Array) -> Array:
        """Jᵀ r.

        Examples
        --------
        >>> ResidualProblem(lambda x: 2.0 * x).gradient(np.ones(1))
        array([4.])
        """
        return self.at(x).g

    def residual(self, x: Array) -> Array:
        """Residuals alone, shape (m,).

        Examples
        --------
        >>> ResidualProblem(lambda x: [x[0], [x[0] ** 2]]).residual(np.full(1, 3.0))
        array([3., 9.])
        """
        self.counts.nfev += 1
        with quiet():
            r = self._vector_derivatives().values(np.array(x), *self._args)
            return self._residuals(np.array(r) if type(r) is np.ndarray else r, x)  # users may reuse the array

    def residual_and_jacobian(self, x: Array) -> tuple[Array, Array]:
        """Residuals and Jacobian from one evaluation, where `hodiff` makes it.

        Examples
        --------
        >>> ResidualProblem(lambda x: x**2).residual_and_jacobian(np.full(1, 3.0))
        (array([9.]), array([[6.]]))
        """
        if self._jac is not None:
            r = self.residual(x)
            return r, self.jacobian(x, r.size)
        self.counts.nfev += 1
        self.counts.njev += 1
        with quiet():
            r, J = self._vector_derivatives().values_and_jac(np.array(x), *self._args)
        r = self._residuals(r, x)
        return r, self._matrix(J, r.size, x.size)

    def jacobian(self, x: Array, m: int) -> Array:
        """Jacobian alone, shape (m, n); `hodiff` computes the residuals on the way.

        Examples
        --------
        >>> ResidualProblem(lambda x: x**2, jac=lambda x: np.diag(2 * x)).jacobian(np.full(1, 3.0), 1)
        array([[6.]])
        """
        self.counts.njev += 1
        with quiet():
            if self._jac is not None:
                J = self._jac(self.unravel(x), *self._args)
            else:
                J = self._vector_derivatives().values_and_jac(np.array(x), *self._args)[1]
            if isinstance(J, LinearOperator):
                J = J @ np.eye(x.size)
        return self._matrix(J.toarray() if scipy.sparse.issparse(J) else J, m, x.size)

    def linearized(self, x: Array) -> _Product:
        """The map v -> J(x) v, prepared once for all v.

        Examples
        --------
        >>> ResidualProblem(lambda x: x**2).linearized(np.full(1, 3.0))(np.ones(1))
        array([6.])
        """
        product = self._products(x, transposed=False)

        def counted(v: Array) -> Array:
            self.counts.njvp += 1
            with quiet():
                return self._product(product(v), None if self._sizes is None else self._sizes[0])

        return counted

    def transposed(self, x: Array) -> _Product:
        """The map w -> J(x)ᵀ w, prepared once for all w.

        Examples
        --------
        >>> ResidualProblem(lambda x: x**2).transposed(np.full(1, 3.0))(np.ones(1))
        array([6.])
        """
        product = self._products(x, transposed=True)

        def counted(w: Array) -> Array:
            self.counts.nvjp += 1
            with quiet():
                return self._product(product(w), x.size)

        return counted

    def second(self, x: Array, v: Array) -> Array:
        """d²/dt² r(x + t v) at 0, shape (m,).

        Examples
        --------
        >>> ResidualProblem(lambda x: x**2).second(np.full(1, 3.0), np.ones(1))
        array([2.])
        """
        self.counts.nd2 += 1
        with quiet():
            out = self._vector_derivatives().second(np.array(x), np.array(v), *self._args)
            return self._product(out, None if self._sizes is None else self._sizes[0])

    # -- helpers ------------------------------------------------------------------------------------------

    def _vector_derivatives(self) -> VectorDerivatives:
        """What `hodiff` makes of the residuals; the layout is known once there is a point."""
        if self._vectors is None:
            self._vectors = vector_derivatives_of(self._residual, self.layout, jit=self.jit)
        return self._vectors

    def _products(self, x: Array, *, transposed: bool) -> Callable[[Array], Any]:
        with quiet():
            if self._jac is not None:
                J = self._jac(self.unravel(x), *self._args)
                ready = isinstance(J, LinearOperator) or scipy.sparse.issparse(J)
                operator = aslinearoperator(J if ready else np.atleast_2d(J))
                return operator.rmatvec if transposed else operator.matvec  # type: ignore[no-any-return]
            found = self._vector_derivatives()
            return found.transposed(x, self._args) if transposed else found.linearized(x, self._args)

    def _residuals(self, out: Any, x: Array) -> Array:
        name = self.names["f"]
        r = out if type(out) is np.ndarray and out.dtype == np.float64 else real_array(out, f"what {name} returns")
        sizes = r.size, x.size
        if self._sizes is None and r.size == 0:
            raise ShapeError(f"{name} returned no residuals: it must return at least one")
        if self._sizes not in (None, sizes):
            raise ShapeError(
                f"{name} returned {r.size} residuals, and {self._sizes[0]} before: let it always be as many"
            )
        self._sizes = sizes
        r.setflags(write=False)
        return r

    def _matrix(self, out: Any, m: int, n: int) -> Array:
        name = f"the {self.names['J']}"
        J = out if type(out) is np.ndarray and out.dtype == np.float64 else real_array(out, name)
        if self._jac is not None:
            J = np.array(J, ndmin=2)  # users may reuse the array they return
        if J.shape != (m, n):
            raise ShapeError(f"{name} has shape {J.shape}: it must be {(m, n)}, residuals by unknowns")
        J.setflags(write=False)
        return J

    def _product(self, out: Any, size: int | None) -> Array:
        vector = real_array(out, f"a product with the {self.names['J']}").reshape(-1)
        if size is not None and vector.size != size:
            raise ShapeError(f"the {self.names['J']} makes products of size {vector.size}, not {size}")
        vector.setflags(write=False)
        return vector


class _HalfSquare:
    """½ r·r of a function of residuals: the objective that a residual problem has as any other."""

    def __init__(self, fun: Callable[..., Any]) -> None:
        self.fun = fun
        self.__name__ = getattr(fun, "__name__", type(fun).__name__)

    def __call__(self, x: Any, *args: Any) -> Any:
        out = self.fun(x, *args)
        parts = out if isinstance(out, (list, tuple)) else (out,)
        return sum(0.5 * np.sum(np.square(part)) for part in parts)
