"""The fits of a batch under ``hodiff.vmap``, on stacks; imports ``batched``, ``batch`` and the layers below.

>>> import numpy as np, hodiff as hd, optimizers as opt
>>> t = np.linspace(0.0, 2.0, 9)
>>> def decay(x, y):
...     return np.exp(-x[0] * t) - y
>>> data = np.exp(-np.outer([1.0, 2.0], t))
>>> hd.vmap(lambda y: opt.LevenbergMarquardt().run(decay, [1.5], (y,)).x)(data).round(9)
array([[1.],
       [2.]])
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from optimizers.batch import Members
from optimizers.checks import quiet
from optimizers.fitting.base import covariance_of, variance_of
from optimizers.fitting.batched import Evaluate, batched_levenberg_marquardt, normal_equations
from optimizers.fitting.region import RegionSolver
from optimizers.fitting.stacks import inverse
from optimizers.flatten import Array, Layout
from optimizers.residuals import ResidualProblem
from optimizers.status import Status
from optimizers.vector_derivatives import VectorDerivatives, vector_derivatives_of

__all__ = ["fitted_together"]

# The least pivot of a matrix with a unit diagonal at which its inverse has lost a few digits at most.
_KEPT = 1e-4
# Beyond so many parameters a batch is not done on stacks.
_MANY = 16


def fitted_together(solver: RegionSolver, members: Members) -> dict[str, Any] | None:
    """The fields of the results of many fits, stacked; None where jac, bounds, a loss or many parameters come in.

    Parameters
    ----------
    solver : RegionSolver
        A `LevenbergMarquardt` without geodesic acceleration.
    members : Members

    Examples
    --------
    >>> import hodiff as hd, optimizers as opt
    >>> fit = lambda y: opt.LevenbergMarquardt().run(lambda x: x[0] - y, [0.0])
    >>> hd.vmap(fit)(np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])).std.round(6)
    array([[0.57735],
           [0.     ]])
    """
    first = members.given(0)
    if first["jac"] is not None or first["bounds"] is not None or solver.loss != "linear":
        return None
    layout = Layout.of(first["x0"])
    # The operations of a factorisation grow as n³, however few the members: measured, against one after another.
    if layout.size > _MANY or 10 * members.size < layout.size**2:
        return None
    evaluate, finish = _evaluations(members, layout, first["jit"])
    fits = batched_levenberg_marquardt(
        solver, evaluate, members.starts(), lambda i: cast(ResidualProblem, solver.problem_of(**members.given(i)))
    )
    R, J = finish(fits.x)
    covariance = _covariances(J, fits.cost)
    with np.errstate(invalid="ignore"):
        deviations = np.sqrt(np.einsum("bii->bi", covariance))
    none = np.zeros(members.size, dtype=int)
    return {
        "x": members.unravelled(layout, fits.x),
        "fun": R,
        "jac": J,
        "cost": fits.cost,
        "grad": members.unravelled(layout, fits.grad),
        "optimality": np.abs(fits.grad).max(axis=1),
        "cosine": fits.cosine,
        "active_mask": np.zeros(fits.x.shape, dtype=int),
        "covariance": covariance,
        "std": members.unravelled(layout, deviations),
        "nit": fits.nit,
        "nfev": fits.nfev,
        "njev": fits.njev,
        "nhev": none,
        "nhvp": none,
        "status": fits.status,
        "success": fits.status == Status.CONVERGED,
    }


def _evaluations(members: Members, layout: Layout, jit: bool | str) -> tuple[Evaluate, Callable[[Array], Any]]:
    """Normal equations of some members, and residuals and Jacobians of all: compiled where they have one function."""
    everyone = np.arange(members.size)
    if not members.shared:
        both = members.vectorised(lambda x, given: _both(given["fun"], layout)(x, *given["args"]))
        return lambda X, rows: normal_equations(*_plain(both(X, rows))), lambda X: _plain(both(X, everyone))
    leaves, axes, structure = members.arguments()
    found = vector_derivatives_of(members.given(0)["fun"], layout, jit=jit)
    normal, both = (found.of_many(tuple(axes), structure, normal=normal) for normal in (True, False))

    triangle = _of_triangle(layout.size)

    def evaluate(X: Array, rows: Any) -> Any:
        # Batches only ever shrink, so one of full size has its members in order.
        whole = len(rows) == members.size
        chosen = [leaf if axis is None or whole else leaf[rows] for leaf, axis in zip(leaves, axes, strict=True)]
        with quiet():
            f, g, A = _plain(normal(X, *chosen))
        # Members last in memory, as the batch wants it.
        return f, g, A if A.ndim == 3 else A.T[triangle].transpose(2, 0, 1)

    def finish(X: Array) -> Any:
        with quiet():
            return _plain(both(X, *leaves))

    return evaluate, finish


def _of_triangle(n: int) -> NDArray[np.intp]:
    """Where the entries of a symmetric matrix (n, n) are in its upper triangle, row by row."""
    index = np.zeros((n, n), dtype=np.intp)
    index[np.triu_indices(n)] = np.arange(n * (n + 1) // 2)
    return np.maximum(index, index.T)


def _both(fun: Any, layout: Layout) -> Any:
    return VectorDerivatives(fun, layout, jit=False).values_and_jac


def _plain(parts: Any) -> Any:
    return tuple(np.asarray(part, dtype=np.float64) for part in parts)


def _covariances(J: Array, cost: Array) -> Array:
    """`covariance_of` for each member, shape (B, n, n).

    By the inverse of JᵀJ, its columns scaled to unit length, where that keeps nearly all digits; the others one by one.
    """
    size, m, n = J.shape
    if m <= n:
        return np.full((size, n, n), np.inf)
    with quiet(), np.errstate(all="ignore"):
        A = np.ascontiguousarray((J.transpose(0, 2, 1) @ J).transpose(1, 2, 0))
        columns = np.sqrt(np.einsum("iib->ib", A))
        inverses, sound = inverse(A, columns, _KEPT)
        found: Array = np.ascontiguousarray((inverses * (2.0 * cost / (m - n))).transpose(2, 0, 1))
    for i in np.flatnonzero(~sound):
        found[i] = covariance_of(J[i], variance_of(float(cost[i]), m, n))[0]
    return found
