"""The trust-region subproblem by Hessian-vector products; imports ``lanczos``, ``secular``, ``steps``.

>>> H = np.diag([-1.0, 4.0, 9.0])
>>> step = gltr(H.__matmul__, np.array([0.1, 1.0, 1.0]), 2.0)
>>> bool(step.boundary), round(step.multiplier, 6)
(True, 1.05031)
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import norm
from optimizers.subproblems.lanczos import krylov_limit, solved_in_krylov
from optimizers.subproblems.secular import in_ball
from optimizers.subproblems.steps import TrustStep, check_finite, vector_of

__all__ = ["gltr"]

_Array = NDArray[np.float64]


def gltr(
    product: Callable[[_Array], _Array], g: _Array, radius: float, rtol: float = 1e-8, maxiter: int | None = None
) -> TrustStep:
    """Minimiser of g·s + ½ s·Hs over ‖s‖ <= radius in the Krylov space of g and H, which grows until it will do.

    N. I. M. Gould, S. Lucidi, M. Roma and Ph. L. Toint, "Solving the trust-region subproblem using the Lanczos
    method", SIAM J. Optim. 9 (1999) 504-525. Inside the ball the steps are those of conjugate gradients; on its
    boundary the model is minimised over the whole space, where `steihaug` stops at the first point. The basis is
    kept, so no product is computed twice.

    In the hard case, where g has no share of the least eigenvectors, neither has the space: the step is then the
    best within the space, and for g = 0 it is zero. Solvers look there for negative curvature by another start.

    Parameters
    ----------
    product : callable
        v -> Hv.
    g : ndarray, shape (n,)
    radius : float
        Positive.
    rtol : float
        ‖(H + λI) s + g‖ <= rtol ‖g‖.
    maxiter : int, optional
        Limit on products; by default n, or fewer where the vectors would take up more than 160 MB.

    Raises
    ------
    ValueError
        When `radius` is not positive or g not finite.
    ShapeError
        When an array has not the shape that is said.

    Examples
    --------
    >>> gltr(np.diag([1.0, 4.0]).__matmul__, np.array([1.0, 4.0]), 10.0).s
    array([-1., -1.])
    """
    g = vector_of("gltr", g)
    size = check_finite("gltr", g, radius, "radius")
    inside = True

    def solve(w: _Array, a: _Array) -> tuple[_Array, float]:
        nonlocal inside
        y, multiplier, inside = in_ball(w, a, radius, min(1e-10, rtol))
        return y, multiplier

    limit = krylov_limit(g.size)
    limit = limit if maxiter is None else min(limit, maxiter)
    found = solved_in_krylov(product, g, solve, rtol, limit) if size > 0.0 else None
    if found is None:
        return TrustStep(np.zeros_like(g), 0.0, 0.0, False)
    s, y, multiplier = found
    bent = multiplier * norm(y) * norm(y)  # infinite where it is too large; a power would raise
    return TrustStep(s, multiplier, 0.5 * (bent - size * float(y[0])), not inside)
