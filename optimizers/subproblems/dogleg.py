"""The dogleg step; imports ``linear``, ``secular``, ``steps``.

>>> dogleg(np.array([1.0, 4.0]), np.diag([1.0, 4.0]), 10.0).s          # Newton's step, which lies inside
array([-1., -1.])
"""

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import cholesky, cholesky_solve, largest, modified_cholesky, norm
from optimizers.subproblems.secular import in_ball
from optimizers.subproblems.steps import TrustStep, check_finite, matrix_of, to_boundary, vector_of

__all__ = ["dogleg"]

_Array = NDArray[np.float64]


def dogleg(g: _Array, H: _Array, radius: float) -> TrustStep:
    """Point within ‖s‖ <= radius on the path from 0 by the Cauchy point to Newton's step: one factorisation.

    M. J. D. Powell, "A hybrid method for nonlinear equations", in Numerical Methods for Nonlinear Algebraic
    Equations (1970) 87-114. The path needs a positive definite H. Elsewhere the model is minimised exactly over
    the part of the ball in the space of the gradient, the step of `modified_cholesky` and the direction of negative
    curvature that it finds, so that saddles are left: R. H. Byrd, R. B. Schnabel and G. A. Shultz, "Approximate
    solution of the trust region problem by minimization over two-dimensional subspaces", Mathematical Programming
    40 (1988) 247-263.

    Parameters
    ----------
    g : ndarray, shape (n,)
    H : ndarray, shape (n, n)
        Symmetric.
    radius : float
        Positive.

    Raises
    ------
    ValueError
        When `radius` is not positive, or g or H is not finite.
    ShapeError
        When an array has not the shape that is said.

    Examples
    --------
    >>> dogleg(np.array([3.0, 4.0]), np.eye(2), 1.0).s
    array([-0.6, -0.8])
    >>> dogleg(np.zeros(2), np.diag([1.0, -2.0]), 1.0).predicted     # a saddle is left
    1.0
    """
    g = vector_of("dogleg", g)
    H = matrix_of("dogleg", H, g.size)
    slope = check_finite("dogleg", g, radius, "radius")
    if not np.isfinite(largest(H.ravel())):
        raise ValueError("dogleg: needs a finite H")
    L = cholesky(H)
    newton = None if L is None else -cholesky_solve(L, g)
    if newton is None or not np.isfinite(newton).all():
        return _in_subspace(g, H, radius)
    if norm(newton) <= radius:
        return TrustStep(newton, 0.0, -0.5 * float(g @ newton), False)
    unit = g / slope
    curvature = float(unit @ (H @ unit))
    length = slope / curvature
    if not length < radius:
        return TrustStep(-radius * unit, float("nan"), radius * (slope - 0.5 * radius * curvature), True)
    cauchy = -length * unit
    leg = newton - cauchy
    t = min(1.0, to_boundary(cauchy, leg, radius))
    # The gradient of the model falls linearly to zero along the second leg, from leg·H leg at its start.
    predicted = 0.5 * slope * length + float(leg @ (H @ leg)) * t * (1.0 - 0.5 * t)
    return TrustStep(cauchy + t * leg, float("nan"), predicted, True)


def _in_subspace(g: _Array, H: _Array, radius: float) -> TrustStep:
    factor = modified_cholesky(H)
    directions = [g, factor.solve(g), factor.negative_curvature]
    kept = [d / norm(d) for d in directions if d is not None and np.isfinite(d).all() and norm(d) > 0.0]
    if not kept:
        return TrustStep(np.zeros_like(g), 0.0, 0.0, False)
    basis = np.linalg.qr(np.stack(kept, axis=1))[0]
    small = basis.T @ (H @ basis)
    w, Q = np.linalg.eigh(0.5 * (small + small.T))
    a = Q.T @ (basis.T @ g)
    y, multiplier, inside = in_ball(w, a, radius)
    predicted = 0.5 * (multiplier * norm(y) * norm(y) - float(a @ y))
    return TrustStep(basis @ (Q @ y), multiplier, predicted, not inside)
