"""Derivatives of a vector function of one flat vector: residuals, constraints; imports ``compiling`` and ``hodiff``.

>>> found = vector_derivatives_of(lambda x: np.stack([x[0] * x[1], x[1] ** 2]), None)
>>> found.jac(np.array([1.0, 2.0]))
array([[2., 1.],
       [0., 4.]])
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import hodiff as hd
from hodiff import extend
from optimizers.checks import real_numbers
from optimizers.compiling import Function, Made, kept, of_tree, of_vector
from optimizers.flatten import Array, Layout

__all__ = ["VectorDerivatives", "vector_derivatives_of"]

# Up to so many unknowns, products of columns are written out one by one.
_UNROLLED = 8


class VectorDerivatives(Made):
    """Derivatives of a vector function of a flat vector: what constraints, fits and roots need.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` -> numbers or an array of them, of any shape, or a list of such, of a tree.
    layout : Layout or None
        Of that tree; None where it is a vector.
    jit : "auto", True or False
        See `Problem`.

    Examples
    --------
    >>> found = VectorDerivatives(lambda x: np.stack([x[0] * x[1], x[1] ** 2]), None, jit=False)
    >>> found.jac(np.array([1.0, 2.0])), found.hess(np.ones(2), np.array([0.0, 1.0]))
    (array([[2., 1.],
           [0., 4.]]), array([[0., 0.],
           [0., 2.]]))
    """

    def __init__(self, fun: Function, layout: Layout | None, *, jit: bool | str) -> None:
        super().__init__(fun, jit)
        self.fun = of_vector(fun, layout)
        self.flat = _flat_vector(self.fun, self._name)

    @cached_property
    def values(self) -> Function:
        """(x, *args) -> r, shape (m,)."""
        return self.made(self.flat)

    @cached_property
    def values_and_jac(self) -> Function:
        """(x, *args) -> (r, J) of shapes (m,) and (m, n), from one evaluation."""
        return self.made(self._both)

    def of_many(self, axes: tuple[int | None, ...], structure: Any, *, normal: bool = False) -> Function:
        """(X, *leaves) -> (R, J) of shapes (b, m) and (b, m, n), for many x and many arguments at once.

        With `normal`, what the normal equations are made of instead: ½ r·r, Jᵀr and JᵀJ, of shapes (b,), (b, n) and
        (b, n, n). Where n is small, no Jacobian is written to memory, and of JᵀJ the upper triangle comes alone, row
        by row, of shape (b, n (n + 1) / 2).

        Parameters
        ----------
        axes : tuple of int or None
            Which axis of each leaf the many are; None for a leaf that is the same for all.
        structure : object
            Of the tree of arguments that the leaves are of.

        Examples
        --------
        >>> found = VectorDerivatives(lambda x, a: a * x, None, jit=False)
        >>> found.of_many((0,), extend.tree_flatten((1.0,))[1])(np.ones((2, 1)), np.array([3.0, 4.0]))[0]
        array([[3.],
               [4.]])
        """
        key = axes, structure, normal
        if key not in self._many:
            quantity = _normal(self._both) if normal else self._both

            def one(x: Any, *leaves: Any) -> Any:
                return quantity(x, *extend.tree_unflatten(structure, leaves))

            self._many[key] = self.made(hd.vmap(one, in_axes=(0, *axes)))
        return self._many[key]

    @cached_property
    def _many(self) -> dict[Any, Function]:
        return {}

    @cached_property
    def _both(self) -> Function:
        flat = self.flat

        def kept(x: Any, *args: Any) -> tuple[Any, Any]:
            r = flat(x, *args)
            return r, r

        jacobian = hd.jacobian(kept, has_aux=True)

        def both(x: Any, *args: Any) -> tuple[Any, Any]:
            J, r = jacobian(x, *args)
            return r, J

        return both

    @cached_property
    def jvp(self) -> Function:
        """(x, v, *args) -> J(x) v, shape (m,)."""
        flat = self.flat
        return self.made(lambda x, v, *args: hd.jvp(lambda y: flat(y, *args), (x,), (v,))[1])

    @cached_property
    def vjp(self) -> Function:
        """(x, w, *args) -> J(x)ᵀ w, shape (n,)."""
        flat = self.flat
        return self.made(lambda x, w, *args: hd.vjp(lambda y: flat(y, *args), x)[1](w)[0])

    @cached_property
    def second(self) -> Function:
        """(x, v, *args) -> d²/dt² r(x + t v) at 0, shape (m,), exactly."""
        flat = self.flat

        def second(x: Any, v: Any, *args: Any) -> Any:
            def along(y: Any) -> Any:
                return hd.jvp(lambda z: flat(z, *args), (y,), (v,))[1]

            return hd.jvp(along, (x,), (v,))[1]

        return self.made(second)

    def linearized(self, x: Array, args: tuple[Any, ...] = ()) -> Callable[[Array], Any]:
        """The map v -> J(x) v, for many v; eagerly, `fun` runs once for all of them.

        Examples
        --------
        >>> found = VectorDerivatives(lambda x: x**2, None, jit=False)
        >>> found.linearized(np.array([1.0, 2.0]))(np.ones(2))
        array([2., 4.])
        """
        if self.programs and self.all_compiled:
            product = self.jvp
            return lambda v: product(x, v, *args)
        flat = self.flat
        linear: Callable[[Array], Any] = hd.linearize(lambda y: flat(y, *args), x)[1]
        return linear

    def transposed(self, x: Array, args: tuple[Any, ...] = ()) -> Callable[[Array], Any]:
        """The map w -> J(x)ᵀ w, for many w; eagerly, `fun` runs once for all of them.

        Examples
        --------
        >>> found = VectorDerivatives(lambda x: x**2, None, jit=False)
        >>> found.transposed(np.array([1.0, 2.0]))(np.ones(2))
        array([2., 4.])
        """
        if self.programs and self.all_compiled:
            product = self.vjp
            return lambda w: product(x, w, *args)
        flat = self.flat
        pullback = hd.vjp(lambda y: flat(y, *args), x)[1]
        return lambda w: pullback(w)[0]

    def jac(self, x: Array, *args: Any) -> Array:
        """Jacobian, shape (m, n)."""
        return np.array(self._jacobian(np.array(x, dtype=np.float64), *args))

    def hess(self, x: Array, v: Array, *args: Any) -> Array:
        """Hessian of v·fun, shape (n, n)."""
        weights = np.array(v, dtype=np.float64).reshape(-1)
        return np.array(self._hessian(np.array(x, dtype=np.float64), weights, *args))

    @cached_property
    def _jacobian(self) -> Function:
        return self.made(hd.jacobian(self.flat))

    @cached_property
    def _hessian(self) -> Function:
        flat = self.flat
        return self.made(hd.hessian(lambda x, v, *args: np.sum(v * flat(x, *args))))


def vector_derivatives_of(
    fun: Function, layout: Layout | None = None, *, jit: bool | str = "auto"
) -> VectorDerivatives:
    """The `VectorDerivatives` of a function; those that an earlier run compiled, where nothing stood in its way.

    Examples
    --------
    >>> vector_derivatives_of(lambda x: 2.0 * x).jac(np.ones(2))
    array([[2., 0.],
           [0., 2.]])
    """
    key = ("vector", of_tree(layout), jit)
    return kept(fun, key, lambda: VectorDerivatives(fun, layout, jit=jit))  # type: ignore[no-any-return]


def _normal(both: Function) -> Function:
    """½ r·r, Jᵀr and JᵀJ of a function that gives r and J."""

    def normal(x: Any, *args: Any) -> tuple[Any, Any, Any]:
        r, J = both(x, *args)
        n = J.shape[1]
        if n > _UNROLLED:
            return 0.5 * np.sum(r * r), J.T @ r, J.T @ J
        columns = [J[:, i] for i in range(n)]
        products = [np.sum(columns[i] * columns[j]) for i in range(n) for j in range(i, n)]
        return 0.5 * np.sum(r * r), np.stack([np.sum(column * r) for column in columns]), np.stack(products)

    return normal


def _flat_vector(fun: Function, name: str) -> Function:
    """The same function with its values in one vector, shape (m,)."""

    def flat(x: Any, *args: Any) -> Any:
        out = fun(x, *args)
        if isinstance(out, (list, tuple)):
            return np.concatenate([np.reshape(real_numbers(part, name), (-1,)) for part in out])
        return np.reshape(real_numbers(out, name), (-1,))

    return flat
