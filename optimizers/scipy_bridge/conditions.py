"""The first-order conditions of a problem with bounds and constraints; imports ``vector_derivatives`` and below.

>>> nowhere = Conditions((np.zeros(1), np.ones(1)), [], 1, 1e-4)
>>> nowhere.residual(np.zeros(1), np.ones(1)), nowhere.residual(np.ones(1), np.ones(1))
(0.0, 1.0)
"""

from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse

from optimizers.bounds import projected_gradient
from optimizers.flatten import Array
from optimizers.problem import UNTRACEABLE
from optimizers.vector_derivatives import vector_derivatives_of

__all__ = ["Conditions"]


class Conditions:
    """The first-order conditions of a problem with bounds and constraints, which make or unmake a success.

    Parameters
    ----------
    limits : (ndarray, ndarray) or None
        Lower and upper bounds, shape (n,) each.
    constraints : list
        SciPy's, as `exact_constraints` gives them.
    n : int
        Number of unknowns.
    bound : float
        What the residual may be.

    Examples
    --------
    >>> nowhere = Conditions((np.zeros(1), np.ones(1)), [], 1, 1e-4)
    >>> nowhere.residual(np.zeros(1), np.ones(1)), nowhere.residual(np.ones(1), np.ones(1))
    (0.0, 1.0)
    """

    def __init__(self, limits: tuple[Array, Array] | None, constraints: list[Any], n: int, bound: float) -> None:
        endless = np.full(n, np.inf)
        self.limits: tuple[Array, Array] = (-endless, endless) if limits is None else limits
        self.constraints, self.bound = constraints, bound

    def residual(self, x: Array, g: Array | None) -> float:
        """Largest entry of what is left of the first-order conditions at `x`, where the gradient is `g`.

        Without constraints, of the gradient projected on the bounds. With constraints, of the gradient less its
        best approximation by the gradients of those that are active, inequalities with a multiplier of the right
        sign; or the largest violation, where that is larger. NaN where a gradient is not to be had.

        Examples
        --------
        >>> disk = {"type": "ineq", "fun": lambda x: 1.0 - x @ x, "jac": lambda x: -2.0 * x}
        >>> conditions = Conditions(None, [disk], 2, 1e-4)
        >>> conditions.residual(np.array([-1.0, 0.0]), np.array([3.0, 0.0]))
        0.0
        >>> conditions.residual(np.array([0.5, 0.0]), np.array([3.0, 0.0]))
        3.0
        """
        if g is None or not np.isfinite(g).all():
            return np.nan
        if not self.constraints:
            return float(np.abs(projected_gradient(x, g, self.limits)).max())
        sides = [(x, np.eye(x.size), *self.limits)]
        try:
            sides += [_sides(constraint, x) for constraint in self.constraints]
        except UNTRACEABLE:
            return np.nan
        value, slopes, low, high = (np.concatenate(part) for part in zip(*sides, strict=True))
        near = self.bound * np.maximum(1.0, np.abs(value))
        violation = float(np.maximum(low - value, value - high).max())
        equal = low == high
        active = np.concatenate(
            [slopes[equal], slopes[~equal & (value - low <= near)], -slopes[~equal & (high - value <= near)]]
        )
        if active.size == 0:
            return max(violation, float(np.abs(g).max()))
        least = np.where(np.arange(len(active)) < equal.sum(), -np.inf, 0.0)
        multipliers = scipy.optimize.lsq_linear(active.T, g, (least, np.inf), method="bvls").x
        return max(violation, float(np.abs(g - active.T @ multipliers).max()))


def _sides(constraint: Any, x: Array) -> tuple[Array, Array, Array, Array]:
    """Value, Jacobian, lower and upper limit of one of SciPy's constraints at `x`."""
    low: Any
    high: Any
    if isinstance(constraint, dict):
        args, fun, jac = constraint.get("args", ()), constraint["fun"], constraint["jac"]
        low, high = 0.0, 0.0 if constraint["type"].lower() == "eq" else np.inf
    else:
        args, low, high = (), constraint.lb, constraint.ub
        linear = isinstance(constraint, scipy.optimize.LinearConstraint)
        matrix = np.atleast_2d(_dense(constraint.A)) if linear else None
        fun = constraint.fun if matrix is None else matrix.__matmul__
        jac = constraint.jac if matrix is None else lambda _: matrix
    value = np.atleast_1d(np.asarray(fun(x, *args), dtype=np.float64)).reshape(-1)
    slopes = jac(x, *args) if callable(jac) else vector_derivatives_of(fun, jit=False).jac(x, *args)
    low, high = (np.broadcast_to(np.asarray(side, dtype=np.float64), value.shape) for side in (low, high))
    return value, np.asarray(_dense(slopes), dtype=np.float64).reshape(value.size, x.size), low, high


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if scipy.sparse.issparse(matrix) else matrix
