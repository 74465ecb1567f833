"""Conjugate gradients for Newton's equations, without a region; imports ``linear`` and ``steps``.

>>> H = np.diag([1.0, 4.0])
>>> truncated_cg(H.__matmul__, np.array([1.0, 4.0]), 1e-8).s
array([-1., -1.])
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import norm
from optimizers.subproblems.steps import MODERATE

__all__ = ["NewtonStep", "truncated_cg"]

_Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)


class NewtonStep(NamedTuple):
    """What conjugate gradients found.

    Attributes
    ----------
    s : ndarray, shape (n,)
        Descent direction: a solution of Hs = -g up to the tolerance, or what was reached before curvature ended it;
        where it was negative, with a step along `down` that fits its absolute value.
    down : ndarray, shape (n,), or None
        The direction of negative curvature that ended it, downhill.
    curvature : float
        down·H down, or 0.

    Examples
    --------
    >>> truncated_cg(np.diag([1.0, -1.0]).__matmul__, np.array([1.0, 2.0]), 1e-8).curvature < 0.0
    True
    """

    s: _Array
    down: _Array | None
    curvature: float


def truncated_cg(product: Callable[[_Array], _Array], g: _Array, rtol: float, maxiter: int | None = None) -> NewtonStep:
    """Conjugate gradients for Hs = -g until ‖Hs + g‖ <= rtol ‖g‖, negative curvature or none.

    R. S. Dembo and T. Steihaug, "Truncated-Newton algorithms for large-scale unconstrained optimization", Mathematical
    Programming 26 (1983) 190-212. Curvature within round-off of zero, relative to the largest met, also ends it: the
    direction is then what was reached, or zero.

    Parameters
    ----------
    product : callable
        v -> Hv.
    g : ndarray, shape (n,)
    rtol : float
        Of the residual, relative to the gradient.
    maxiter : int, optional
        Limit on products; by default 2n.

    Examples
    --------
    >>> truncated_cg(np.zeros((2, 2)).__matmul__, np.ones(2), 1e-8).s
    array([0., 0.])
    """
    size = norm(g)
    if not size > 0.0:
        return NewtonStep(np.zeros_like(g), None, 0.0)
    exponent = math.frexp(size)[1]
    if abs(exponent) > MODERATE:  # in units of the gradient, in which no square over- or underflows
        step = truncated_cg(product, np.ldexp(g, -exponent), rtol, maxiter)
        return step._replace(s=np.ldexp(step.s, exponent))
    s, d, residual = np.zeros_like(g), -g, g
    squared, goal, widest = size * size, rtol * size, 0.0
    for _ in range(2 * g.size if maxiter is None else maxiter):
        bent = product(d)
        curvature, wide = float(d @ bent), norm(d)
        widest = max(widest, norm(bent) / wide)
        flat = 10.0 * _EPS * widest * wide * wide
        if not curvature > flat:
            if not curvature < -flat:
                return NewtonStep(s, None, 0.0)
            return NewtonStep(s - (squared / curvature) * d, d, curvature)
        length = squared / curvature
        s = s + length * d
        residual = residual + length * bent
        before, squared = squared, float(residual @ residual)
        if not squared > goal * goal:
            break
        d = (squared / before) * d - residual
    return NewtonStep(s, None, 0.0)
