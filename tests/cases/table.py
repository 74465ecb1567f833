"""The form of a test case. Every operation of hodiff has cases, one file a topic, as in ``hodiff/ops``.

A case is a function of float arrays and the point at which to differentiate it. ``test_modes.py`` runs each case
through every mode and every pair of modes and compares with finite differences of high order, which know nothing of
hodiff.
A special value is a point where the derivative is known in closed form: kinks, poles, ties, empty arrays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from hodiff.core import Tracer


@dataclass(frozen=True, eq=False)
class Case:
    """A smooth point of an operation.

    Attributes
    ----------
    name : str
        Unique, such as ``sum-axis-keepdims``.
    function : callable
        Function of ``args`` alone, written with NumPy, returning an array or a tuple of arrays.
    args : tuple
        Floats or arrays to differentiate with respect to.
    covers : tuple
        The primitives (``hodiff.core.Primitive``) and NumPy functions that the case exercises.
    scale : float
        Length over which the function changes: finite differences step by a fraction of it.
    rtol : float
        Agreement demanded of second derivatives, relative to the largest entry; first ones get a hundredth.
    single : bool
        Whether to run it in float32 too.
    batch : bool
        Whether it may be run under ``vmap``; false only where the shape of the result depends on values.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    covers: tuple[Any, ...]
    scale: float = 1.0
    rtol: float = 1e-6
    single: bool = True
    batch: bool = True


@dataclass(frozen=True, eq=False)
class Special:
    """A point with a derivative known in closed form.

    ``gradients`` has one entry an argument: the gradient of the sum of ``function(*args)``. ``second`` is the Hessian
    of that sum as a matrix over all elements of all arguments. ``forward`` says whether forward mode gives the same.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    gradients: tuple[Any, ...]
    forward: bool = True
    second: Any = None


def case(name: str, function: Callable[..., Any], *args: Any, covers: Any, **options: Any) -> Case:
    """Make a case; ``covers`` is one operation or a tuple of them."""
    return Case(name, function, args, covers if isinstance(covers, tuple) else (covers,), **options)


def refused(name: str, error: type[Exception], function: Callable[..., Any], *args: Any) -> Case:
    """Case of a use that must be an error on traced values instead of a wrong number."""

    def checked(x: Any) -> Any:
        if isinstance(x, Tracer):
            with pytest.raises(error):
                function(x)
        return x * 1.0

    return Case(f"refused-{name}", checked, args, (), single=False)


def special(name: str, function: Callable[..., Any], args: Any, gradients: Any, **options: Any) -> Special:
    """Make a special value; single arguments and gradients need no tuple."""
    args = args if isinstance(args, tuple) else (args,)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return Special(name, function, args, gradients, **options)


def array(*shape: int, seed: int = 0, low: float = -1.0, high: float = 1.0) -> Any:
    """Uniform random array, the same for the same arguments."""
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape)
