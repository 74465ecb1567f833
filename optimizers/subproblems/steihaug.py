"""Conjugate gradients within a ball; imports ``linear`` and ``steps``.

>>> H = np.diag([1.0, 4.0])
>>> steihaug(H.__matmul__, np.array([1.0, 4.0]), 10.0).s
array([-1., -1.])
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import norm
from optimizers.subproblems.steps import MODERATE, TrustStep, check_finite, to_boundary, vector_of

__all__ = ["steihaug"]

_Array = NDArray[np.float64]


def steihaug(
    product: Callable[[_Array], _Array], g: _Array, radius: float, rtol: float = 1e-8, maxiter: int | None = None
) -> TrustStep:
    """Conjugate gradients for Hs = -g, cut off where they leave the ball or meet negative curvature.

    T. Steihaug, "The conjugate gradient method and trust regions in large scale optimization", SIAM J. Numer. Anal.
    20 (1983) 626-637. The decrease is at least half of the best where H is positive definite; it may be far from it
    elsewhere, where `gltr` does better for the same products.

    Parameters
    ----------
    product : callable
        v -> Hv.
    g : ndarray, shape (n,)
    radius : float
        Positive.
    rtol : float
        Inside, ‖Hs + g‖ <= rtol ‖g‖.
    maxiter : int, optional
        Limit on products; by default 2n, since round-off delays conjugate gradients.

    Raises
    ------
    ValueError
        When `radius` is not positive or g not finite.
    ShapeError
        When an array has not the shape that is said.

    Examples
    --------
    >>> steihaug(np.diag([-1.0, 4.0]).__matmul__, np.array([1.0, 0.0]), 2.0).s
    array([-2., -0.])
    """
    g = vector_of("steihaug", g)
    size = check_finite("steihaug", g, radius, "radius")
    unit, slope = math.frexp(radius)[1], math.frexp(size)[1]
    if size > 0.0 and max(abs(unit), abs(slope)) > MODERATE:
        # In units of the radius and of the gradient no square over- or underflows.
        units = np.ldexp(g, -slope), float(np.ldexp(radius, -unit))
        step = steihaug(lambda v: np.ldexp(product(v), unit - slope), *units, rtol, maxiter)
        predicted = float(np.ldexp(step.predicted, slope + unit))
        return step._replace(s=np.ldexp(step.s, unit), predicted=predicted)
    s, predicted = np.zeros_like(g), 0.0
    residual, squared = g, size * size
    d = -g
    for _ in range(2 * g.size if maxiter is None else maxiter):
        if not size > 0.0 or norm(residual) <= rtol * size:
            break
        bent = product(d)
        curvature = float(d @ bent)
        length = squared / curvature if curvature > 0.0 else np.inf
        if not np.isfinite(curvature):
            break  # a product that is not finite says nothing
        reach = to_boundary(s, d, radius)
        if not length < reach:
            s = s + reach * d
            return TrustStep(s, float("nan"), predicted + reach * (squared - 0.5 * reach * curvature), True)
        s = s + length * d
        predicted += 0.5 * length * squared
        residual = residual + length * bent
        before, squared = squared, float(residual @ residual)
        d = (squared / before) * d - residual
    return TrustStep(s, 0.0, predicted, False)
