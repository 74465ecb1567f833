"""Value and derivatives of an objective of one flat vector, compiled or eager; imports ``compiling`` and ``hodiff``.

``Derivatives`` makes one function a quantity, each of ``(x, *args)``, so that what is compiled depends on the user's
function and the layout of x alone: arrays in `args` are inputs of the compiled code.

>>> import numpy as np
>>> found = derivatives_of(lambda x, a: a * x[0] ** 3, None)
>>> found.value_and_grad(np.array([2.0]), 1.0), found.value(np.array([2.0]), 5.0), found.eager_reason
((np.float64(8.0), array([12.])), np.float64(40.0), None)
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import hodiff as hd
from optimizers.checks import pair, scalar
from optimizers.compiling import Function, Made, kept, of_tree, of_vector
from optimizers.flatten import Array, Layout

__all__ = ["REFUSED", "Derivatives", "derivatives_of"]

# What `hodiff` raises for what has no gradient.
REFUSED = hd.errors.NonScalarOutputError, hd.errors.NonDifferentiableOutputError, hd.errors.ComplexOutputError


class Derivatives(Made):
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
    >>> import numpy as np
    >>> found = Derivatives(lambda x: x @ x, None, paired=False, jit=False)
    >>> found.value(np.ones(2)), found.hessian(np.ones(2))
    (np.float64(2.0), array([[2., 0.],
           [0., 2.]]))
    """

    def __init__(self, fun: Function, layout: Layout | None, *, paired: bool, jit: bool | str) -> None:
        super().__init__(fun, jit)
        self.flat = _flat(fun, layout, self._name, paired=paired)
        # A gradient is refused for what is no scalar anyway, and a compiled call that need not watch our own tests of
        # that takes two thirds of the time.
        self._scalar = self.flat if paired else of_vector(fun, layout)

    @cached_property
    def value(self) -> Function:
        """(x, *args) -> f."""
        return self.made(self.flat)

    @cached_property
    def value_and_grad(self) -> Function:
        """(x, *args) -> (f, g), from one evaluation; where `fun` returns no real scalar, one of REFUSED."""
        return self.made(hd.value_and_grad(self._scalar))

    def pushforward(self, x: Array, args: tuple[Any, ...] = ()) -> Callable[[Array], Any]:
        """The map v -> H(x) v, for many v.

        Compiled code computes each product from the start, in less time than the eager map needs that has linearised
        the gradient at x once. What is not known to compile is linearised, so that `fun` runs once for all v.

        Examples
        --------
        >>> import numpy as np
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
    def _gradient(self) -> Function:
        return self.made(hd.grad(self.flat))

    @cached_property
    def _product(self) -> Function:
        return self.made(hd.hvp(self.flat))

    @cached_property
    def hessian(self) -> Function:
        """(x, *args) -> H, shape (n, n)."""
        return self.made(hd.hessian(self.flat))

    @cached_property
    def third(self) -> Function:
        """(x, v, w, *args) -> third derivative contracted with v and w."""
        gradient = hd.grad(self.flat)

        def third(x: Any, v: Any, w: Any, *args: Any) -> Any:
            def along_v(y: Any) -> Any:
                return hd.jvp(lambda z: gradient(z, *args), (y,), (v,))[1]

            return hd.jvp(along_v, (x,), (w,))[1]

        return self.made(third)

    def series(self, order: int) -> Function:
        """(x, d, *args) -> tuple of the derivatives 0 to `order` of t -> f(x + t d) at 0, by nested forward mode.

        Examples
        --------
        >>> import numpy as np
        >>> Derivatives(lambda x: x[0] ** 3, None, paired=False, jit=False).series(1)(np.ones(1), np.ones(1))
        (np.float64(1.0), np.float64(3.0))
        """
        if order not in self._series:
            self._series[order] = self.made(_expansion(self.flat, order))
        return self._series[order]

    @cached_property
    def _series(self) -> dict[int, Function]:
        return {}


def derivatives_of(
    fun: Function, layout: Layout | None, *, paired: bool = False, jit: bool | str = "auto"
) -> Derivatives:
    """The `Derivatives` of a function; those that an earlier run compiled, where nothing stood in its way.

    Examples
    --------
    >>> def f(x): return x @ x
    >>> derivatives_of(f, None) is derivatives_of(f, None)
    True
    """
    key = ("scalar", of_tree(layout), paired, jit)
    return kept(fun, key, lambda: Derivatives(fun, layout, paired=paired, jit=jit))  # type: ignore[no-any-return]


def _flat(fun: Function, layout: Layout | None, name: str, *, paired: bool) -> Function:
    """The objective of a possibly traced vector: what hodiff differentiates."""
    fun = of_vector(fun, layout)
    if paired:
        return lambda x, *args: scalar(pair(fun(x, *args), name)[0], name)
    return lambda x, *args: scalar(fun(x, *args), name)


def _expansion(flat: Function, order: int) -> Function:
    if order == 0:
        return lambda x, d, *args: (flat(x, *args),)
    lower = _expansion(flat, order - 1)

    def terms(x: Any, d: Any, *args: Any) -> tuple[Any, ...]:
        values, slopes = hd.jvp(lambda y: lower(y, d, *args), (x,), (d,))
        return (values[0], *slopes)

    return terms
