"""The cubic subproblem, by factorisations or by products; imports ``linear``, ``lanczos``, ``secular``, ``steps``.

>>> step = cubic(np.zeros(2), np.diag([1.0, -2.0]), 0.5)     # a saddle: along the least eigenvector, to -w/σ
>>> np.abs(step.s), step.multiplier, round(step.predicted, 6)
(array([0., 4.]), 2.0, 5.333333)
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import cholesky, cholesky_solve, largest, lower_solve, norm, shifted_cholesky
from optimizers.subproblems.lanczos import krylov_limit, solved_in_krylov
from optimizers.subproblems.secular import with_cubic
from optimizers.subproblems.steps import MODERATE, CubicStep, check_finite, matrix_of, vector_of

__all__ = ["cubic", "cubic_krylov"]

_Array = NDArray[np.float64]
_ROUNDS = 60
# Exponent of two of the largest curvature, in units in which the gradient is about 1.
_LARGEST = 2 * MODERATE


def cubic(g: _Array, H: _Array, sigma: float, rtol: float = 1e-10) -> CubicStep:
    """Global minimiser of g·s + ½ s·Hs + σ/3 ‖s‖³, the hard case included.

    It is characterised by (H + λI) s = -g with λ = σ‖s‖ and H + λI positive semidefinite. Where H is positive
    definite, Newton's method on 1/‖s(λ)‖ = σ/λ, a concave function, needs one Cholesky factorisation a round;
    elsewhere one eigendecomposition turns it into a scalar equation for the distance of λ from its least value.

    C. Cartis, N. I. M. Gould and Ph. L. Toint, "Adaptive cubic regularisation methods for unconstrained optimization.
    Part I", Mathematical Programming 127 (2011) 245-295, section 6.

    Parameters
    ----------
    g : ndarray, shape (n,)
    H : ndarray, shape (n, n)
        Symmetric, of any inertia.
    sigma : float
        Positive.
    rtol : float
        |σ‖s‖ - λ| <= rtol λ.

    Raises
    ------
    ValueError
        When `sigma` is not positive, or g or H is not finite.
    ShapeError
        When an array has not the shape that is said.

    Examples
    --------
    >>> step = cubic(np.array([2.0]), np.array([[1.0]]), 1.0)
    >>> step.s, round(step.multiplier, 9), round(step.predicted, 9)
    (array([-1.]), 1.0, 1.166666667)
    """
    g = vector_of("cubic", g)
    H = matrix_of("cubic", H, g.size)
    check_finite("cubic", g, sigma, "sigma")
    steep, bent = largest(g), largest(H.ravel())
    if not math.isfinite(bent):
        raise ValueError("cubic: needs a finite H")
    L = cholesky(H)
    if _moderate(steep, bent, sigma):
        return _solved(g, H, L, sigma, rtol)
    length, slope = _units(steep, bent, sigma, convex=L is not None)
    g, H = np.ldexp(g, -slope), np.ldexp(H, length - slope)
    step = _solved(g, H, cholesky(H), float(np.ldexp(sigma, 2 * length - slope)), rtol)
    multiplier = float(np.ldexp(step.multiplier, slope - length))
    predicted, quadratic = (float(np.ldexp(v, slope + length)) for v in (step.predicted, step.quadratic))
    return CubicStep(np.ldexp(step.s, length), multiplier, predicted, quadratic)


def cubic_krylov(
    product: Callable[[_Array], _Array], g: _Array, sigma: float, rtol: float = 1e-8, maxiter: int | None = None
) -> CubicStep:
    """Minimiser of g·s + ½ s·Hs + σ/3 ‖s‖³ in the Krylov space of g and H, by Hessian-vector products.

    As `gltr`, with the same remarks on the hard case; for g = 0 the step is zero.

    Parameters
    ----------
    product : callable
        v -> Hv.
    g : ndarray, shape (n,)
    sigma : float
        Positive.
    rtol : float
        ‖(H + λI) s + g‖ <= rtol ‖g‖.
    maxiter : int, optional
        Limit on products; by default n, or fewer where the vectors would take up more than 160 MB.

    Raises
    ------
    ValueError
        When `sigma` is not positive or g not finite.
    ShapeError
        When an array has not the shape that is said.

    Examples
    --------
    >>> H = np.diag([-1.0, 4.0])
    >>> g = np.array([0.1, 1.0])
    >>> np.allclose(cubic_krylov(H.__matmul__, g, 2.0).s, cubic(g, H, 2.0).s)
    True
    """
    g = vector_of("cubic_krylov", g)
    size = check_finite("cubic_krylov", g, sigma, "sigma")
    limit = krylov_limit(g.size)
    limit = limit if maxiter is None else min(limit, maxiter)

    def solve(w: _Array, a: _Array) -> tuple[_Array, float]:
        steep, bent = largest(a), largest(w)
        if _moderate(steep, bent, sigma):
            return with_cubic(w, a, sigma, min(1e-10, rtol))
        length, slope = _units(steep, bent, sigma, convex=bool(w[0] >= 0.0))
        weight = float(np.ldexp(sigma, 2 * length - slope))
        y, multiplier = with_cubic(np.ldexp(w, length - slope), np.ldexp(a, -slope), weight, min(1e-10, rtol))
        return np.ldexp(y, length), float(np.ldexp(multiplier, slope - length))

    found = solved_in_krylov(product, g, solve, rtol, limit) if size > 0.0 else None
    if found is None:
        return CubicStep(np.zeros_like(g), 0.0, 0.0, 0.0)
    s, y, multiplier = found
    return _step(size * float(y[0]), s, multiplier, norm(y))


def _solved(g: _Array, H: _Array, L: _Array | None, sigma: float, rtol: float) -> CubicStep:
    step = None if L is None else _definite(g, H, L, sigma, rtol)
    if step is not None:
        return step
    w, Q = np.linalg.eigh(H)
    y, multiplier = with_cubic(w, Q.T @ g, sigma, rtol)
    s = Q @ y
    return _step(float(g @ s), s, multiplier, norm(y))


def _definite(g: _Array, H: _Array, L: _Array, sigma: float, rtol: float) -> CubicStep | None:
    """Newton on the secular equation from the right, where one step leads to the left; None if round-off stops it."""
    s = -cholesky_solve(L, g)
    size = norm(s)
    if size == 0.0:
        return CubicStep(s, 0.0, 0.0, 0.0)
    multiplier = sigma * size  # since ‖s(λ)‖ <= ‖s(0)‖, no less than the solution
    # ... and ‖s(λ)‖ >= ‖g‖ / (‖H‖ + λ) bounds it from below.
    widest = norm(H.ravel())
    least = 2.0 * sigma * norm(g) / (widest + math.sqrt(widest * widest + 4.0 * sigma * norm(g)))
    for _ in range(_ROUNDS):
        factor = shifted_cholesky(H, multiplier)
        if factor is None or not math.isfinite(size):
            return None
        s = -cholesky_solve(factor, g)
        size = norm(s)
        if abs(sigma * size - multiplier) <= rtol * multiplier:
            return _step(float(g @ s), s, multiplier, size)
        ratio = multiplier / (sigma * size)
        rise = (norm(lower_solve(factor, s)) / size) ** 2 * ratio
        change = (1.0 - ratio) / (rise + 1.0 / multiplier)
        multiplier = max(multiplier + change, least)
    return None


def _step(slope: float, s: _Array, multiplier: float, size: float) -> CubicStep:
    bent = multiplier * size * size
    return CubicStep(s, multiplier, bent / 6.0 - 0.5 * slope, 0.5 * (bent - slope))


def _moderate(*sizes: float) -> bool:
    return all(abs(math.frexp(size)[1]) <= MODERATE for size in sizes)


def _units(steep: float, bent: float, sigma: float, *, convex: bool) -> tuple[int, int]:
    """Exponents of units of length and slope for the largest entries of g and H.

    The step, unless H shortens it, and the largest of |g|, σ|s|² and, unless it is convex, |H||s| are then about 1.
    """
    leading = 0.0 if convex else bent
    length = _exponent_of_length(steep, leading, sigma)
    terms = ((steep, 0), (leading, length), (sigma, 2 * length))
    slope = max((math.frexp(v)[1] + e for v, e in terms if v > 0.0), default=0)
    # A convex H that shortens the step by far is to stay finite.
    return length - max(0, math.frexp(bent)[1] + length - slope - _LARGEST), slope


def _exponent_of_length(steep: float, bent: float, sigma: float) -> int:
    """Of an upper bound of the size of the step, from the largest entries of g and H, without overflow."""
    by_curvature = math.frexp(bent)[1] - math.frexp(sigma)[1] if bent > 0.0 else -4000
    by_slope = (math.frexp(steep)[1] - math.frexp(sigma)[1]) // 2 if steep > 0.0 else -4000
    longest = max(by_curvature, by_slope)
    return longest if longest > -4000 else 0
