"""Exact Jacobians for SciPy's ``least_squares`` and ``curve_fit``; imports ``residuals`` and the layers below.

>>> import numpy as np, scipy.optimize
>>> def valley(x):
...     return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
>>> scipy.optimize.least_squares(valley, [-1.2, 1.0], **least_squares_kwargs(valley)).x.round(6)
array([1., 1.])
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from optimizers.checks import check_callables, check_jit
from optimizers.errors import InputTypeError
from optimizers.flatten import Array, real_array
from optimizers.vector_derivatives import vector_derivatives_of

__all__ = ["curve_fit_kwargs", "least_squares_kwargs"]


def least_squares_kwargs(fun: Callable[..., Any], *, jit: bool | str = "auto") -> dict[str, Callable[..., Any]]:
    """The keyword ``jac`` for `scipy.optimize.least_squares`, ready to splat.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)`` -> residuals, shape (m,), of a vector x.
    jit : "auto", True or False
        See `Problem`; it is for the Jacobian: `fun` itself SciPy calls as it is.

    Returns
    -------
    dict
        ``jac(x, *args)`` -> ndarray, shape (m, n), new, float64: what each of trf, dogbox and lm takes.

    Raises
    ------
    InputTypeError, OptionError
        When `fun` is no callable, or `jit` none of these.

    Examples
    --------
    >>> import numpy as np
    >>> least_squares_kwargs(lambda x, a: a * x**2)["jac"](np.array([1.0, 3.0]), 2.0)
    array([[ 4.,  0.],
           [ 0., 12.]])
    """
    check_callables(fun, None, None, None)
    check_jit(jit)
    found = vector_derivatives_of(fun, jit=jit)

    def jac(x: Array, *args: Any) -> Array:
        return np.array(found.values_and_jac(real_array(x, "x"), *args)[1])

    return {"jac": jac}


def curve_fit_kwargs(f: Callable[..., Any], *, jit: bool | str = "auto") -> dict[str, Callable[..., Any]]:
    """The keyword ``jac`` for `scipy.optimize.curve_fit`, ready to splat.

    Parameters
    ----------
    f : callable
        The model, ``f(xdata, *params)`` -> shape (m,).
    jit : "auto", True or False
        See `Problem`.

    Returns
    -------
    dict
        ``jac(xdata, *params)`` -> ndarray, shape (m, n).

    Raises
    ------
    InputTypeError, OptionError
        When `f` is no callable, or `jit` none of these.

    Examples
    --------
    >>> import numpy as np, scipy.optimize
    >>> line = lambda t, a, b: a + b * t
    >>> curve_fit_kwargs(line)["jac"](np.array([0.0, 2.0]), 1.0, 1.0)
    array([[1., 0.],
           [1., 2.]])
    """
    if not callable(f):
        raise InputTypeError(f"f must be callable, not {type(f).__name__}")
    check_jit(jit)

    def of_vector(p: Any, x: Any) -> Any:
        return f(x, *[p[i] for i in range(p.shape[0])])

    found = vector_derivatives_of(of_vector, jit=jit)

    def jac(x: Any, *params: Any) -> Array:
        return np.array(found.values_and_jac(np.array(params, dtype=np.float64), x)[1])

    return {"jac": jac}
