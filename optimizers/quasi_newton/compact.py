"""The quadratic model of limited memory within bounds: its Cauchy point and minimiser; imports ``pairs``.

R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, "A limited memory algorithm for bound constrained optimization", SIAM J.
Sci. Comput. 16 (1995) 1190-1208. The model's Hessian is B = θ I - Wᵀ M W: compact, with the 2m rows of W made of the
pairs. Its Cauchy point is found for all breakpoints at once, by cumulative sums, rather than one after another.

>>> model = Compact.of((), np.array([4.0, 1.0]), 1.0)
>>> low, high = np.zeros(2), np.full(2, 3.0)
>>> target(model, np.array([1.0, 1.0]), np.array([4.0, -1.0]), low, high)
array([0., 2.])
"""

from typing import NamedTuple

import numpy as np

from optimizers.flatten import Array
from optimizers.quasi_newton.pairs import Pairs

__all__ = ["Compact", "cauchy_point", "target"]


class Compact(NamedTuple):
    """The Hessian B = θ I - Wᵀ M W of limited-memory BFGS.

    Attributes
    ----------
    theta : float
        θ > 0.
    W : ndarray, shape (2m, n)
        The changes of the gradient, and θ times those of x.
    M : ndarray, shape (2m, 2m)
        Symmetric.

    Examples
    --------
    >>> s, y = np.array([1.0, 0.0]), np.array([3.0, 0.0])
    >>> theta, W, M = Compact.of(((s, y, 1.0 / 3.0),), np.zeros(2), 1.0)
    >>> theta * np.eye(2) - W.T @ M @ W
    array([[3., 0.],
           [0., 3.]])
    """

    theta: float
    W: Array
    M: Array

    @classmethod
    def of(cls, pairs: Pairs, g: Array, theta: float) -> "Compact":
        """The model of `pairs`; without any it is `theta` times the identity. `g` says the size alone.

        Examples
        --------
        >>> Compact.of((), np.ones(3), 2.0).W.shape
        (0, 3)
        """
        if not pairs:
            return cls(theta, np.zeros((0, g.size)), np.zeros((0, 0)))
        S, Y = np.array([s for s, _, _ in pairs]), np.array([y for _, y, _ in pairs])
        theta = pairs[-1][2] * float(Y[-1].dot(Y[-1]))
        inner = S.dot(Y.T)
        below = np.tril(inner, -1)
        middle = np.block([[-np.diag(np.diag(inner)), below.T], [below, theta * S.dot(S.T)]])
        return cls(theta, np.concatenate((Y, theta * S)), np.linalg.inv(middle))


def target(model: Compact, x: Array, g: Array, low: Array, high: Array) -> Array:
    """A point within the bounds where the model is low: its minimiser over what is free at the Cauchy point.

    The minimiser is projected onto the bounds, as in J. L. Morales and J. Nocedal, "Remark on Algorithm 778", ACM
    Trans. Math. Software 38 (2011) 7; where that leads uphill, the way to it is cut at the first bound.

    Raises
    ------
    numpy.linalg.LinAlgError
        When rounding has made the model singular.

    Examples
    --------
    >>> model = Compact.of((), np.ones(1), 2.0)
    >>> target(model, np.array([3.0]), np.array([4.0]), np.array([0.0]), np.array([9.0]))
    array([1.])
    """
    cauchy = cauchy_point(model, x, g, low, high)
    free = (cauchy > low) & (cauchy < high)
    if not model.W.size or not free.any():
        return cauchy
    theta, W, M = model
    slope = (g + theta * (cauchy - x) - W.T.dot(M.dot(W.dot(cauchy - x))))[free]
    inside = W[:, free]
    coefficients = M.dot(inside.dot(slope))
    coefficients = np.linalg.solve(np.eye(len(M)) - M.dot(inside.dot(inside.T)) / theta, coefficients)
    step = -(slope + inside.T.dot(coefficients) / theta) / theta
    full = cauchy.copy()
    full[free] += step
    projected: Array = np.clip(full, low, high)
    if g.dot(projected - x) < 0.0:
        return projected
    start, lowest, highest = cauchy[free], low[free], high[free]
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step < 0.0, (lowest - start) / step, np.where(step > 0.0, (highest - start) / step, np.inf))
    cauchy[free] = np.clip(start + min(1.0, float(room.min())) * step, lowest, highest)
    return cauchy


def cauchy_point(model: Compact, x: Array, g: Array, low: Array, high: Array) -> Array:
    """The first local minimiser of the model along the projected path of steepest descent, clip(x - t g), t > 0.

    Examples
    --------
    >>> model = Compact.of((), np.ones(2), 1.0)
    >>> cauchy_point(model, np.array([1.0, 1.0]), np.array([4.0, -1.0]), np.zeros(2), np.full(2, 3.0))
    array([0., 2.])
    """
    theta, W, M = model
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ends = np.where(g > 0.0, (x - low) / g, np.where(g < 0.0, (x - high) / g, np.inf))
    moving = np.where(ends > 0.0, g, 0.0)
    met = np.flatnonzero((ends > 0.0) & np.isfinite(ends))
    met = met[np.argsort(ends[met], kind="stable")]
    t = np.concatenate(([0.0], ends[met]))
    # With the unknowns met so far at rest: g·g of those that move, and W d at the start of each stretch.
    stopped = moving[met]
    rest = float(moving[np.isinf(ends)].dot(moving[np.isinf(ends)]))
    squares = rest + np.concatenate((np.cumsum((stopped * stopped)[::-1])[::-1], [0.0]))
    P = np.cumsum(np.vstack((-W.dot(moving), stopped[:, None] * W[:, met].T)), axis=0)
    lengths = np.diff(t)
    C = np.vstack((np.zeros(len(W)), np.cumsum(P[:-1] * lengths[:, None], axis=0)))
    PM = P.dot(M)
    slopes = (theta * t - 1.0) * squares - (PM * C).sum(axis=1)
    curvatures = theta * squares - (PM * P).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        least = np.where(slopes < 0.0, t - slopes / curvatures, t)
    following = np.concatenate((t[1:], [np.inf]))
    # Unknowns that come to rest at once make stretches of no length, on which there is nothing to minimise.
    convex = (curvatures > 0.0) | (slopes >= 0.0)
    found = np.flatnonzero((least <= following) & np.isfinite(least) & convex & (following > t))
    best = float(least[found[0]]) if found.size else float(t[-1])
    at_rest = ends <= best
    point: Array = np.clip(x - best * moving, low, high)
    return np.where(at_rest & (moving > 0.0), low, np.where(at_rest & (moving < 0.0), high, point))
