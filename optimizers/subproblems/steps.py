"""What the subproblems of trust regions return, and the way to the boundary; imports ``errors`` and ``linear``.

>>> to_boundary(np.array([0.6]), np.array([1.0]), 1.0)
0.4
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizers.errors import ShapeError
from optimizers.linear import norm

__all__ = ["MODERATE", "CubicStep", "TrustStep", "check_finite", "matrix_of", "to_boundary", "vector_of"]

_Array = NDArray[np.float64]

MODERATE = 150
"""Exponents of two up to which no product of three quantities, two of them squared, over- or underflows."""


class TrustStep(NamedTuple):
    """A step within the ball of a trust region that lowers the model g·s + ½ s·Hs.

    Attributes
    ----------
    s : ndarray, shape (n,)
        The step.
    multiplier : float
        λ >= 0 with (H + λI) s = -g and λ(‖s‖ - radius) = 0, where the step is a minimiser; H + λI is then positive
        semidefinite on the space that was searched. NaN for steps to the boundary of methods that do not compute it.
    predicted : float
        Decrease of the model, -g·s - ½ s·Hs >= 0, as a sum of terms of the same sign.
    boundary : bool
        Whether ‖s‖ equals the radius.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.moresorensen(np.array([1.0]), np.array([[2.0]]), 9.0)
    TrustStep(s=array([-0.5]), multiplier=0.0, predicted=0.25, boundary=False)
    """

    s: _Array
    multiplier: float
    predicted: float
    boundary: bool


class CubicStep(NamedTuple):
    """A minimiser of the cubic model g·s + ½ s·Hs + σ/3 ‖s‖³.

    Attributes
    ----------
    s : ndarray, shape (n,)
        The step.
    multiplier : float
        λ = σ‖s‖, with (H + λI) s = -g and H + λI positive semidefinite on the space that was searched.
    predicted : float
        Decrease of the cubic model, as λ‖s‖²/6 - ½ g·s, two terms of the same sign.
    quadratic : float
        Decrease of its quadratic part, -g·s - ½ s·Hs, as ½(λ‖s‖² - g·s).

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.cubic(np.array([2.0]), np.array([[1.0]]), 1.0).s
    array([-1.])
    """

    s: _Array
    multiplier: float
    predicted: float
    quadratic: float


def to_boundary(s: _Array, d: _Array, radius: float) -> float:
    """The larger root t of ‖s + t d‖ = radius, for ‖s‖ <= radius and d other than zero; without cancellation.

    Examples
    --------
    >>> to_boundary(np.zeros(2), np.array([0.0, 2.0]), 3.0)
    1.5
    """
    length, size = norm(d), norm(s)
    slope = float(s @ d) / length
    gap = max(0.0, (radius - size) * (radius + size))
    root = math.hypot(slope, math.sqrt(gap))
    return (gap / (root + slope) if slope > 0.0 else root - slope) / length


def vector_of(name: str, g: Any) -> _Array:
    """The gradient as a vector of float64; `ShapeError` of the function `name` where it is none.

    Examples
    --------
    >>> vector_of("gltr", [1, 2])
    array([1., 2.])
    """
    vector: _Array = np.asarray(g, dtype=np.float64)
    if vector.ndim != 1 or not vector.size:
        raise ShapeError(f"{name}: g must be a vector of one or more entries, not of shape {vector.shape}")
    return vector


def matrix_of(name: str, H: Any, n: int) -> _Array:
    """The Hessian as a matrix of float64; `ShapeError` of the function `name` unless its shape is (n, n).

    Examples
    --------
    >>> matrix_of("cubic", [[2]], 1)
    array([[2.]])
    """
    matrix: _Array = np.asarray(H, dtype=np.float64)
    if matrix.shape != (n, n):
        raise ShapeError(f"{name}: H must have shape {(n, n)}, as g has {n} entries, not {matrix.shape}")
    return matrix


def check_finite(name: str, g: _Array, weight: float, what: str) -> float:
    """The norm of `g`; `ValueError` unless it is finite and `weight`, called `what`, is positive and finite."""
    size = norm(g)
    if not (math.isfinite(size) and 0.0 < weight < math.inf):
        raise ValueError(f"{name}: needs a finite g and a positive {what}, not {what}={weight}")
    return size
