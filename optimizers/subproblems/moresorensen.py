"""The trust-region subproblem, solved exactly by factorisations; imports ``linear``, ``steps``, ``secular``.

>>> step = moresorensen(np.array([0.0, 1.0]), np.diag([-2.0, 2.0]), 2.0)     # the hard case
>>> np.abs(step.s).round(6), step.multiplier, bool(step.boundary)
(array([1.984313, 0.25    ]), 2.0, True)
"""

import math

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import cholesky, cholesky_solve, largest, lower_solve, norm, shifted_cholesky
from optimizers.subproblems.secular import in_ball
from optimizers.subproblems.steps import TrustStep, matrix_of, vector_of

__all__ = ["moresorensen"]

_Array = NDArray[np.float64]
_ROUNDS = 60
# Exponents of two up to which products of three quantities neither over- nor underflow.
_MODERATE = 200


def moresorensen(g: _Array, H: _Array, radius: float, rtol: float = 1e-10) -> TrustStep:
    """Global minimiser of g·s + ½ s·Hs over ‖s‖ <= radius, the hard case included.

    Where H is positive definite, Newton's method on the secular equation 1/‖s(λ)‖ = 1/radius from λ = 0
    needs one Cholesky factorisation a round and converges monotonically. Elsewhere one eigendecomposition
    turns the equation into a scalar one in the *distance* of λ from the least eigenvalue, which is resolved
    however small it is; so the nearly hard case needs no care of its own, and in the hard case the
    eigenvector of the least eigenvalue completes the step to the boundary.

    J. J. Moré and D. C. Sorensen, "Computing a trust region step", SIAM J. Sci. Stat. Comput. 4 (1983)
    553-572; A. R. Conn, N. I. M. Gould and Ph. L. Toint, "Trust-Region Methods" (2000), chapter 7.

    Parameters
    ----------
    g : ndarray, shape (n,)
    H : ndarray, shape (n, n)
        Symmetric, of any inertia.
    radius : float
        Positive.
    rtol : float
        On the boundary, |‖s‖ - radius| <= rtol * radius.

    Raises
    ------
    ValueError
        When `radius` is not positive, or g or H is not finite.
    ShapeError
        When an array has not the shape that is said.

    Examples
    --------
    >>> moresorensen(np.array([3.0, 4.0]), np.zeros((2, 2)), 1.0).s
    array([-0.6, -0.8])
    """
    g = vector_of("moresorensen", g)
    H = matrix_of("moresorensen", H, g.size)
    L = shifted_cholesky(H, 0.0)
    # No entry of a definite matrix exceeds the largest on its diagonal; a factorisation succeeds where that is finite.
    steep, bent = largest(g), largest(H.ravel() if L is None else H.diagonal())
    if not (radius > 0.0 and math.isfinite(steep) and math.isfinite(bent)):
        raise ValueError(f"moresorensen: needs finite g and H and a positive radius, not radius={radius}")
    length, *others = (math.frexp(value)[1] for value in (radius, steep, bent) if value > 0.0)
    if all(abs(exponent) <= _MODERATE for exponent in (length, *others)):
        return _solved(g, H, L, radius, rtol)
    if L is not None and (size := norm(s := -cholesky_solve(L, g))) < radius:
        return _step(g, s, 0.0, size, inside=True)
    # In units in which the radius and the larger of |g| and |H| radius are about 1, nothing over- or underflows;
    # units that are powers of two leave every digit as it was.
    sizes = [math.frexp(a)[1] + e for a, e in ((steep, 0), (bent, length)) if a > 0.0]
    slope = max(sizes, default=0)
    slope += (length - slope) % 2  # so that H is scaled by an even power, and its roots by a power of two
    g, H = np.ldexp(g, -slope), np.ldexp(H, length - slope)
    step = _solved(g, H, cholesky(H), float(np.ldexp(radius, -length)), rtol)
    multiplier, predicted = np.ldexp(step.multiplier, slope - length), np.ldexp(step.predicted, slope + length)
    return TrustStep(np.ldexp(step.s, length), float(multiplier), float(predicted), step.boundary)


def _solved(g: _Array, H: _Array, L: _Array | None, radius: float, rtol: float) -> TrustStep:
    step = None if L is None else _definite(g, H, L, radius, rtol)
    if step is not None:
        return step
    w, Q = np.linalg.eigh(H)
    y, multiplier, inside = in_ball(w, Q.T @ g, radius, rtol)
    return _step(g, Q @ y, multiplier, norm(y), inside=inside)


def _definite(g: _Array, H: _Array, L: _Array, radius: float, rtol: float) -> TrustStep | None:
    """Newton on the secular equation from the left, where it is monotone; None where round-off stops it."""
    multiplier = 0.0
    for _ in range(_ROUNDS):
        s = -cholesky_solve(L, g)
        size = norm(s)
        if not math.isfinite(size):
            return None
        if abs(size - radius) <= rtol * radius or (multiplier == 0.0 and size < radius):
            return _step(g, s, multiplier, size, inside=multiplier == 0.0)
        q = lower_solve(L, s)
        correction = (size / norm(q)) ** 2 * ((size - radius) / radius)
        if not multiplier + correction > max(multiplier, 0.0):
            return None
        multiplier += correction
        factor = shifted_cholesky(H, multiplier)
        if factor is None:
            return None
        L = factor
    return None


def _step(g: _Array, s: _Array, multiplier: float, size: float, *, inside: bool) -> TrustStep:
    return TrustStep(s, multiplier, 0.5 * (multiplier * size * size - float(g @ s)), not inside)
