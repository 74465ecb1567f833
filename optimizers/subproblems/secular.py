"""Secular equations of diagonal models: the last step of every exact subproblem; imports ``linear``.

In the basis of eigenvectors of H the step is y = -a / (w + λ), and one equation in λ is left. Both are solved
for the *distance* of λ from its least admissible value, which is resolved however small it is; so the nearly hard
case needs no care of its own, and in the hard case the least eigenvector completes the step.

>>> y, multiplier, inside = in_ball(np.array([-2.0, 2.0]), np.array([0.0, 1.0]), 2.0)
>>> np.abs(y).round(6), multiplier, inside
(array([1.984313, 0.25    ]), 2.0, False)
"""

import math

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import norm

__all__ = ["in_ball", "with_cubic"]

_Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
_ROUNDS = 60


def in_ball(w: _Array, a: _Array, radius: float, rtol: float = 1e-10) -> tuple[_Array, float, bool]:
    """Minimiser of a·y + ½ Σ w y² over ‖y‖ <= radius, its multiplier, and whether it lies inside.

    Newton's method on 1/‖y‖ = 1/radius, from the left, where it is monotone. On the boundary
    ``‖y‖ <= (1 + rtol) radius``. `w` is ascending.

    Examples
    --------
    >>> in_ball(np.array([2.0]), np.array([1.0]), 9.0)
    (array([-0.5]), 0.0, True)
    """
    a, gaps, least = _gaps(w, a)
    shift = max(0.0, float((np.abs(a) / radius - gaps).max()))
    for _ in range(_ROUNDS):
        y, size = _coefficients(a, gaps, shift)
        if size <= radius * (1.0 + rtol):
            break
        shift += ((size - radius) / radius) / _steepness(y, size, gaps, shift)
    if shift == 0.0 and least < 0.0 and size < radius:
        y[0] = np.copysign(math.sqrt(radius - size) * math.sqrt(radius + size), -a[0])
    return y, shift - least, shift == 0.0 and least == 0.0


def with_cubic(w: _Array, a: _Array, sigma: float, rtol: float = 1e-10) -> tuple[_Array, float]:
    """Minimiser of a·y + ½ Σ w y² + σ/3 ‖y‖³, and λ = σ‖y‖.

    Newton's method on 1/‖y‖ = σ/λ, a concave function of λ, from a lower bound. `w` is ascending.
    ``|σ‖y‖ - λ| <= rtol λ``.

    Examples
    --------
    >>> with_cubic(np.array([1.0]), np.array([2.0]), 1.0)
    (array([-1.]), 1.0)
    """
    a, gaps, least = _gaps(w, a)
    if not a.any() and least == 0.0:
        return np.zeros_like(a), 0.0
    # No coefficient exceeds the norm of y: (shift + gap)(shift - least) >= σ|a|, a quadratic for each.
    weight = sigma * np.abs(a)
    root = np.hypot(gaps + least, 2.0 * np.sqrt(weight))
    bounds = 2.0 * (weight + gaps * least) / np.maximum((gaps - least) + root, np.finfo(np.float64).tiny)
    shift = max(0.0, float(bounds.max()))
    for _ in range(_ROUNDS):
        y, size = _coefficients(a, gaps, shift)
        multiplier = shift - least
        if sigma * size <= multiplier * (1.0 + rtol):
            break
        # Divided by σ/λ, so that neither large nor small sizes matter.
        rise = _steepness(y, size, gaps, shift) * (multiplier / (sigma * size))
        shift += (1.0 - multiplier / (sigma * size)) / (rise + 1.0 / multiplier)
    if shift == 0.0 and sigma * size < multiplier:
        wanted = multiplier / sigma
        y[0] = np.copysign(math.sqrt(wanted - size) * math.sqrt(wanted + size), -a[0])
    return y, multiplier


def _gaps(w: _Array, a: _Array) -> tuple[_Array, _Array, float]:
    """Coefficients without what is round-off, gaps w - least, and the least eigenvalue, or 0 if none is negative."""
    noise = w.size * _EPS
    flat = noise * max(abs(float(w[0])), abs(float(w[-1])))
    least = float(w[0]) if w[0] < -flat else 0.0
    gaps = np.maximum(w - least, 0.0)
    # Components along the least eigenvalue that are round-off of the gradient would otherwise decide the step.
    return np.where((gaps <= flat) & (np.abs(a) <= noise * norm(a)), 0.0, a), gaps, least


def _coefficients(a: _Array, gaps: _Array, shift: float) -> tuple[_Array, float]:
    """Solution of (gaps + shift) y = -a, of least size where it is singular, and its size."""
    y = np.zeros_like(a)
    np.divide(-a, gaps + shift, out=y, where=a != 0.0)
    return y, norm(y)


def _steepness(y: _Array, size: float, gaps: _Array, shift: float) -> float:
    """-d log‖y‖ / d shift."""
    unit = y / size
    return float(unit @ (unit / (gaps + shift + (y == 0.0))))
