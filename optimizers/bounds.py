"""Bounds on the unknowns: reading them, projecting, and the gradient as bounds leave it; imports ``flatten``.

>>> limits = limits_of([(0.0, None)], 1)
>>> np.clip(np.array([-1.0]), *limits)
array([0.])
"""

from typing import Any

import numpy as np
import scipy.optimize

from optimizers.errors import InputTypeError, OptionError
from optimizers.flatten import Array

__all__ = ["check_inside", "limits_of", "projected_gradient"]


def limits_of(bounds: Any, n: int) -> tuple[Array, Array]:
    """Lower and upper bounds, shape (n,) each, of SciPy's `Bounds` or of n pairs.

    Raises
    ------
    OptionError, InputTypeError
        When there are not n of them, one is no number, or no number is within.

    Examples
    --------
    >>> limits_of([(0.0, 1.0), (None, 5.0)], 2)
    (array([  0., -inf]), array([1., 5.]))
    """
    if isinstance(bounds, scipy.optimize.Bounds):
        low, high = np.asarray(bounds.lb, dtype=np.float64), np.asarray(bounds.ub, dtype=np.float64)
        if low.shape not in ((), (1,), (n,)) or high.shape not in ((), (1,), (n,)):
            raise OptionError(f"bounds: the limits have shapes {low.shape} and {high.shape}, not {(n,)}")
        low, high = np.broadcast_to(low, (n,)), np.broadcast_to(high, (n,))
    else:
        low, high = _of_pairs(bounds, n)
    if not (low <= high).all():
        raise OptionError("bounds: a lower bound exceeds its upper bound, or is NaN")
    if not ((low < np.inf) & (high > -np.inf)).all():
        raise OptionError("bounds: no number is above a lower bound of inf, or below an upper bound of -inf")
    return low, high


def _of_pairs(bounds: Any, n: int) -> tuple[Array, Array]:
    try:
        pairs = [tuple(pair) for pair in bounds]
    except TypeError:
        raise InputTypeError(
            f"bounds must be a scipy.optimize.Bounds or a sequence of pairs (low, high), not {bounds!r:.80}"
        ) from None
    if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
        raise OptionError(f"bounds: {n} pairs (low, high) are needed, one an unknown, not {len(pairs)}")
    try:
        low = np.array([-np.inf if a is None else a for a, _ in pairs], dtype=np.float64)
        high = np.array([np.inf if b is None else b for _, b in pairs], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputTypeError(f"bounds must be numbers or None, not those of {pairs!r:.80}") from None
    return low, high


def projected_gradient(x: Array, g: Array, limits: tuple[Array, Array]) -> Array:
    """The step to the projection of ``x - g``, backwards: ``x - clip(x - g)``; zero where x is stationary.

    It is computed as the gradient clipped to what the bounds leave, which is the same but for round-off: where x is
    large, ``x - g`` may be x.

    Examples
    --------
    >>> projected_gradient(np.array([0.0, 0.5]), np.array([3.0, -0.25]), (np.zeros(2), np.ones(2)))
    array([ 0.  , -0.25])
    """
    low, high = limits
    return np.clip(g, x - high, x - low)


def check_inside(x: Array, limits: tuple[Array, Array]) -> None:
    """Raise `OptionError` where `x` violates the bounds, naming the first entry that does.

    Examples
    --------
    >>> check_inside(np.array([2.0]), (np.zeros(1), np.ones(1)))
    Traceback (most recent call last):
        ...
    optimizers.errors.OptionError: x0[0] = 2.0 is not within its bounds [0.0, 1.0]: start inside, np.clip(x0, low, high)
    """
    low, high = limits
    outside = (x < low) | (x > high)
    if outside.any():
        i = int(outside.argmax())
        raise OptionError(
            f"x0[{i}] = {x[i]} is not within its bounds [{low[i]}, {high[i]}]: start inside, np.clip(x0, low, high)"
        )
