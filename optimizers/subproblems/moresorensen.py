"""Trust-region subproblems: pure functions of g, H and the radius; imports ``linear``.

>>> step = moresorensen(np.array([0.0, 1.0]), np.diag([-2.0, 2.0]), 2.0)     # the hard case
>>> np.abs(step.s).round(6), step.multiplier, bool(step.boundary)
(array([1.984313, 0.25    ]), 2.0, True)
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import cholesky, cholesky_solve, lower_solve, norm

__all__ = ["TrustStep", "moresorensen"]

_Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
_ROUNDS = 60


class TrustStep(NamedTuple):
    """A minimiser of the model g·s + ½ s·Hs over the ball of a trust region.

    Attributes
    ----------
    s : ndarray, shape (n,)
        The step.
    multiplier : float
        λ >= 0 with (H + λI) s = -g, H + λI positive semidefinite and λ(‖s‖ - radius) = 0.
    predicted : float
        Decrease of the model, -g·s - ½ s·Hs >= 0, as ½(λ‖s‖² - g·s), two terms of the same sign.
    boundary : bool
        Whether ‖s‖ equals the radius.

    Examples
    --------
    >>> moresorensen(np.array([1.0]), np.array([[2.0]]), 9.0)
    TrustStep(s=array([-0.5]), multiplier=0.0, predicted=0.25, boundary=False)
    """

    s: _Array
    multiplier: float
    predicted: float
    boundary: bool


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

    Examples
    --------
    >>> moresorensen(np.array([3.0, 4.0]), np.zeros((2, 2)), 1.0).s
    array([-0.6, -0.8])
    """
    if not (radius > 0.0 and np.isfinite(g).all() and np.isfinite(H).all()):
        raise ValueError(f"moresorensen: needs finite g and H and a positive radius, not radius={radius}")
    # In units in which the radius and the larger of |g| and |H| radius are about 1, nothing over- or underflows;
    # units that are powers of two leave every digit as it was.
    length = int(np.frexp(radius)[1])
    largest = [np.frexp(np.abs(a).max())[1] + e for a, e in ((g, 0), (H, length)) if a.any()]
    slope = int(max(largest, default=0))
    slope += (length - slope) % 2  # so that H is scaled by an even power, and its roots by a power of two
    g, H, radius = np.ldexp(g, -slope), np.ldexp(H, length - slope), float(np.ldexp(radius, -length))
    L = cholesky(H)
    step = None if L is None else _definite(g, H, L, radius, rtol)
    s, multiplier, predicted, boundary = _indefinite(g, H, radius, rtol) if step is None else step
    multiplier, predicted = float(np.ldexp(multiplier, slope - length)), float(np.ldexp(predicted, slope + length))
    return TrustStep(np.ldexp(s, length), multiplier, predicted, boundary)


def _definite(g: _Array, H: _Array, L: _Array, radius: float, rtol: float) -> TrustStep | None:
    """Newton on the secular equation from the left, where it is monotone; None where round-off stops it."""
    multiplier = 0.0
    for _ in range(_ROUNDS):
        s = -cholesky_solve(L, g)
        size = norm(s)
        if not np.isfinite(size):
            return None
        if abs(size - radius) <= rtol * radius or (multiplier == 0.0 and size < radius):
            return _step(g, s, multiplier, size)
        q = lower_solve(L, s)
        correction = (size / norm(q)) ** 2 * ((size - radius) / radius)
        if not multiplier + correction > max(multiplier, 0.0):
            return None
        multiplier += correction
        shifted = cholesky(H + multiplier * np.eye(g.size))
        if shifted is None:
            return None
        L = shifted
    return None


def _indefinite(g: _Array, H: _Array, radius: float, rtol: float) -> TrustStep:
    """The same in the basis of eigenvectors; `shift` is the distance of λ from its least admissible value."""
    w, Q = np.linalg.eigh(H)
    a = Q.T @ g
    noise = g.size * _EPS
    flat = noise * float(np.abs(w).max())
    least = float(w[0]) if w[0] < -flat else 0.0
    gaps = np.maximum(w - least, 0.0)
    # Components along the least eigenvalue that are round-off of g would otherwise decide the step.
    bottom = gaps <= flat
    a[bottom & (np.abs(a) <= noise * norm(g))] = 0.0
    shift = max(0.0, float((np.abs(a) / radius - gaps).max()))
    for _ in range(_ROUNDS):
        y, size = _coefficients(a, gaps, shift)
        if size <= radius * (1.0 + rtol):
            break
        unit = y / size
        shift += ((size - radius) / radius) / float(unit @ (unit / (gaps + shift + (y == 0.0))))
    if shift == 0.0 and least < 0.0 and size < radius:
        y[0] = np.copysign(np.sqrt(radius - size) * np.sqrt(radius + size), -a[0])
        size = radius
    return _step(g, Q @ y, shift - least, size, interior=shift == 0.0 and least == 0.0)


def _coefficients(a: _Array, gaps: _Array, shift: float) -> tuple[_Array, float]:
    """Solution of (gaps + shift) y = -a, of least size where it is singular, and its size."""
    y = np.zeros_like(a)
    np.divide(-a, gaps + shift, out=y, where=a != 0.0)
    return y, norm(y)


def _step(g: _Array, s: _Array, multiplier: float, size: float, interior: bool | None = None) -> TrustStep:
    inside = multiplier == 0.0 if interior is None else interior
    return TrustStep(s, multiplier, 0.5 * (multiplier * size * size - float(g @ s)), not inside)
