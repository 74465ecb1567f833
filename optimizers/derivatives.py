"""Value and derivatives of an objective of one flat vector, compiled or eager; imports ``hodiff`` and the layers below.

``Derivatives`` makes one function a quantity, each of ``(x, *args)``, so that what is compiled depends on the user's
function and the layout of x alone: arrays in `args` are inputs of the compiled code. A plain Python function keeps its
compiled derivatives, and the next run with it compiles nothing.

>>> found = derivatives_of(lambda x, a: a * x[0] ** 3, None)
>>> found.value_and_grad(np.array([2.0]), 1.0), found.value(np.array([2.0]), 5.0), found.eager_reason
((np.float64(8.0), array([12.])), np.float64(40.0), None)
"""

from collections.abc import Callable
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np

import hodiff as hd
from hodiff import extend
from optimizers.checks import label, pair, real_numbers, scalar
from optimizers.errors import OptionError
from optimizers.flatten import Array, Layout, unravel

__all__ = ["REFUSED", "Derivatives", "VectorDerivatives", "compiled", "derivatives_of", "vector_derivatives_of"]

# The attribute of a plain function that keeps its compiled derivatives, which live as long as it does; and how many
# programs and layouts of trees it keeps them for.
_KEPT = "_optimizers_derivatives"
_PROGRAMS, _LAYOUTS = 12, 8
# Up to so many unknowns, products of columns are written out one by one.
_UNROLLED = 8
_Function = Callable[..., Any]
# What `hodiff` raises for what has no gradient.
REFUSED = hd.errors.NonScalarOutputError, hd.errors.NonDifferentiableOutputError, hd.errors.ComplexOutputError


class _Made:
    """Functions that are compiled unless the user said otherwise, and what became of that.

    Parameters
    ----------
    fun : callable
        What the user gave.
    jit : "auto", True or False
        See `Problem`.
    """

    def __init__(self, fun: _Function, jit: bool | str) -> None:
        self._name = label("fun", fun)
        self._jit = jit
        self._compiled: list[Any] = []

    def _made(self, function: _Function) -> _Function:
        """The function, compiled if it is to be; where one of its kin could not be compiled, it is not tried again."""
        if self._jit is False or self.eager_reason is not None:
            return function
        compiled = hd.jit(function, quiet=True)
        self._compiled.append(compiled)
        return _Required(compiled, self._name) if self._jit is True else compiled

    @property
    def eager_reason(self) -> str | None:
        """Why something that was to be compiled ran eagerly, if it did."""
        return next((reason for f in self._compiled if (reason := f.eager_reason) is not None), None)

    @property
    def all_compiled(self) -> bool:
        """Whether nothing that was to be compiled ran eagerly so far."""
        return all(f.cache_info().eager_calls == 0 for f in self._compiled) and self.eager_reason is None

    @property
    def programs(self) -> int:
        """How many programs have been compiled so far, for the one quantity that has most."""
        return max((f.cache_info().specialisations for f in self._compiled), default=0)


class Derivatives(_Made):
    """Value and derivatives of ``fun(x, *args)``, functions of the flat vector x, each made when first asked for.

    Parameters
    ----------
    fun : callable
        The user's objective, of a tree.
    layout : Layout or None
        Of that tree; None where it is a vector.
    paired : bool
        Whether `fun` returns value and gradient, of which the value is meant here.
    jit : "auto", True or False
        See `Problem`.

    Attributes
    ----------
    flat : callable
        (x, *args) -> f, never compiled.

    Examples
    --------
    >>> found = Derivatives(lambda x: x @ x, None, paired=False, jit=False)
    >>> found.value(np.ones(2)), found.hessian(np.ones(2))
    (np.float64(2.0), array([[2., 0.],
           [0., 2.]]))
    """

    def __init__(self, fun: _Function, layout: Layout | None, *, paired: bool, jit: bool | str) -> None:
        super().__init__(fun, jit)
        self.flat = _flat(fun, layout, self._name, paired=paired)
        # A gradient is refused for what is no scalar anyway, and a compiled call that need not watch our own tests of
        # that takes two thirds of the time.
        self._scalar = self.flat if paired else _of_vector(fun, layout)

    @cached_property
    def value(self) -> _Function:
        """(x, *args) -> f."""
        return self._made(self.flat)

    @cached_property
    def value_and_grad(self) -> _Function:
        """(x, *args) -> (f, g), from one evaluation; where `fun` returns no real scalar, one of REFUSED."""
        return self._made(hd.value_and_grad(self._scalar))

    def pushforward(self, x: Array, args: tuple[Any, ...] = ()) -> Callable[[Array], Any]:
        """The map v -> H(x) v, for many v.

        Compiled code computes each product from the start, in less time than the eager map needs that has linearised
        the gradient at x once. What is not known to compile is linearised, so that `fun` runs once for all v.

        Examples
        --------
        >>> derivatives_of(lambda x: x[0] * x[1], None).pushforward(np.ones(2))(np.array([1.0, 0.0]))
        array([0., 1.])
        """
        if self.programs and self.all_compiled:
            product = self._product
            return lambda v: product(x, v, *args)
        gradient = self._gradient
        linear: Callable[[Array], Any] = hd.linearize(lambda y: gradient(y, *args), x)[1]
        return linear

    @cached_property
    def _gradient(self) -> _Function:
        return self._made(hd.grad(self.flat))

    @cached_property
    def _product(self) -> _Function:
        return self._made(hd.hvp(self.flat))

    @cached_property
    def hessian(self) -> _Function:
        """(x, *args) -> H, shape (n, n)."""
        return self._made(hd.hessian(self.flat))

    @cached_property
    def third(self) -> _Function:
        """(x, v, w, *args) -> third derivative contracted with v and w."""
        gradient = hd.grad(self.flat)

        def third(x: Any, v: Any, w: Any, *args: Any) -> Any:
            def along_v(y: Any) -> Any:
                return hd.jvp(lambda z: gradient(z, *args), (y,), (v,))[1]

            return hd.jvp(along_v, (x,), (w,))[1]

        return self._made(third)

    def series(self, order: int) -> _Function:
        """(x, d, *args) -> tuple of the derivatives 0 to `order` of t -> f(x + t d) at 0, by nested forward mode.

        Examples
        --------
        >>> Derivatives(lambda x: x[0] ** 3, None, paired=False, jit=False).series(1)(np.ones(1), np.ones(1))
        (np.float64(1.0), np.float64(3.0))
        """
        if order not in self._series:
            self._series[order] = self._made(_expansion(self.flat, order))
        return self._series[order]

    @cached_property
    def _series(self) -> dict[int, _Function]:
        return {}


class VectorDerivatives(_Made):
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

    def __init__(self, fun: _Function, layout: Layout | None, *, jit: bool | str) -> None:
        super().__init__(fun, jit)
        self.fun = _of_vector(fun, layout)
        self.flat = _flat_vector(self.fun, self._name)

    @cached_property
    def values(self) -> _Function:
        """(x, *args) -> r, shape (m,)."""
        return self._made(self.flat)

    @cached_property
    def values_and_jac(self) -> _Function:
        """(x, *args) -> (r, J) of shapes (m,) and (m, n), from one evaluation."""
        return self._made(self._both)

    def of_many(self, axes: tuple[int | None, ...], structure: Any, *, normal: bool = False) -> _Function:
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

            self._many[key] = self._made(hd.vmap(one, in_axes=(0, *axes)))
        return self._many[key]

    @cached_property
    def _many(self) -> dict[Any, _Function]:
        return {}

    @cached_property
    def _both(self) -> _Function:
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
    def jvp(self) -> _Function:
        """(x, v, *args) -> J(x) v, shape (m,)."""
        flat = self.flat
        return self._made(lambda x, v, *args: hd.jvp(lambda y: flat(y, *args), (x,), (v,))[1])

    @cached_property
    def vjp(self) -> _Function:
        """(x, w, *args) -> J(x)ᵀ w, shape (n,)."""
        flat = self.flat
        return self._made(lambda x, w, *args: hd.vjp(lambda y: flat(y, *args), x)[1](w)[0])

    @cached_property
    def second(self) -> _Function:
        """(x, v, *args) -> d²/dt² r(x + t v) at 0, shape (m,), exactly."""
        flat = self.flat

        def second(x: Any, v: Any, *args: Any) -> Any:
            def along(y: Any) -> Any:
                return hd.jvp(lambda z: flat(z, *args), (y,), (v,))[1]

            return hd.jvp(along, (x,), (v,))[1]

        return self._made(second)

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
    def _jacobian(self) -> _Function:
        return self._made(hd.jacobian(self.flat))

    @cached_property
    def _hessian(self) -> _Function:
        flat = self.flat
        return self._made(hd.hessian(lambda x, v, *args: np.sum(v * flat(x, *args))))


def compiled(function: _Function) -> _Function:
    """A function of arrays of ours, compiled where it can be: for algebra that is done very often.

    Examples
    --------
    >>> compiled(lambda x: x + 1.0)(np.ones(2))
    array([2., 2.])
    """
    found: _Function = hd.jit(function, quiet=True)
    return found


def derivatives_of(
    fun: _Function, layout: Layout | None, *, paired: bool = False, jit: bool | str = "auto"
) -> Derivatives:
    """The `Derivatives` of a function; those that an earlier run compiled, where nothing stood in its way.

    Examples
    --------
    >>> def f(x): return x @ x
    >>> derivatives_of(f, None) is derivatives_of(f, None)
    True
    """
    key = ("scalar", _of_tree(layout), paired, jit)
    return _kept(fun, key, lambda: Derivatives(fun, layout, paired=paired, jit=jit))  # type: ignore[no-any-return]


def vector_derivatives_of(
    fun: _Function, layout: Layout | None = None, *, jit: bool | str = "auto"
) -> VectorDerivatives:
    """The `VectorDerivatives` of a function; those that an earlier run compiled, where nothing stood in its way.

    Examples
    --------
    >>> vector_derivatives_of(lambda x: 2.0 * x).jac(np.ones(2))
    array([[2., 0.],
           [0., 2.]])
    """
    key = ("vector", _of_tree(layout), jit)
    return _kept(fun, key, lambda: VectorDerivatives(fun, layout, jit=jit))  # type: ignore[no-any-return]


class _Kept:
    """What a plain function keeps, in an attribute: it knows whose, since wrappers copy attributes."""

    def __init__(self, owner: _Function | None = None) -> None:
        self.owner = owner
        self.made: dict[Any, Any] = {}

    def __reduce__(self) -> Any:
        return _Kept, ()  # programs are made again where they are needed


def _kept(fun: _Function, key: Any, make: Callable[[], Any]) -> Any:
    """What was made for this function before and is compiled in all its parts; else made now."""
    if fun.__class__ is not FunctionType or key[-1] is False:
        return make()
    kept = fun.__dict__.get(_KEPT)
    if kept is None or kept.owner is not fun:
        kept = fun.__dict__[_KEPT] = _Kept(fun)
    found = kept.made.get(key)
    # What ran eagerly gets another chance: it may have read names that have changed since. So does what needs another
    # program at every run, before it needs more than `hodiff.jit` makes.
    if found is None or not found.all_compiled or found.programs > _PROGRAMS:
        found = kept.made[key] = make()
        for old in list(kept.made)[:-_LAYOUTS]:
            kept.made.pop(old, None)
    return found


def _of_tree(layout: Layout | None) -> Layout | None:
    """The layout where it matters: a vector of any length is one case."""
    return None if layout is None or layout.is_vector else layout


class _Required:
    """A compiled function that has to be compiled: what runs eagerly is an error that says why."""

    def __init__(self, function: Any, name: str) -> None:
        self.function, self.name = function, name

    def _by_programs(self) -> int:
        """How many calls a program has answered."""
        info = self.function.cache_info()
        return int(info.hits + info.specialisations)

    def __call__(self, *values: Any) -> Any:
        before = self._by_programs()
        result = self.function(*values)
        if self._by_programs() == before and self.function.eager_reason is not None:
            raise OptionError(
                f'jit=True: {self.name} cannot be compiled: {self.function.eager_reason}; use jit="auto", which then '
                f"runs it eagerly"
            )
        return result


def _of_vector(fun: _Function, layout: Layout | None) -> _Function:
    """The user's function as one of the flat vector."""
    layout = _of_tree(layout)
    if layout is None:
        return fun
    shapes, spec = layout.shapes, layout.spec
    return lambda x, *args: fun(unravel(x, shapes, spec), *args)


def _normal(both: _Function) -> _Function:
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


def _flat_vector(fun: _Function, name: str) -> _Function:
    """The same function with its values in one vector, shape (m,)."""

    def flat(x: Any, *args: Any) -> Any:
        out = fun(x, *args)
        if isinstance(out, (list, tuple)):
            return np.concatenate([np.reshape(real_numbers(part, name), (-1,)) for part in out])
        return np.reshape(real_numbers(out, name), (-1,))

    return flat


def _flat(fun: _Function, layout: Layout | None, name: str, *, paired: bool) -> _Function:
    """The objective of a possibly traced vector: what hodiff differentiates."""
    fun = _of_vector(fun, layout)
    if paired:
        return lambda x, *args: scalar(pair(fun(x, *args), name)[0], name)
    return lambda x, *args: scalar(fun(x, *args), name)


def _expansion(flat: _Function, order: int) -> _Function:
    if order == 0:
        return lambda x, d, *args: (flat(x, *args),)
    lower = _expansion(flat, order - 1)

    def terms(x: Any, d: Any, *args: Any) -> tuple[Any, ...]:
        values, slopes = hd.jvp(lambda y: lower(y, d, *args), (x,), (d,))
        return (values[0], *slopes)

    return terms
