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

from typing import Any, cast

import numpy as np

from optimizers.batch import Members
from optimizers.checks import quiet
from optimizers.derivatives import VectorDerivatives, vector_derivatives_of
from optimizers.fitting.base import covariance_of, variance_of
from optimizers.fitting.batched import Evaluate, batched_levenberg_marquardt, cholesky
from optimizers.fitting.region import RegionSolver
from optimizers.flatten import Array, Layout
from optimizers.residuals import ResidualProblem
from optimizers.status import Status

__all__ = ["fitted_together"]


def fitted_together(solver: RegionSolver, members: Members) -> dict[str, Any] | None:
    """The fields of the results of many fits, stacked; None where a Jacobian, bounds or a loss come in.

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
    evaluate = _evaluation(members, layout, first["jit"])
    fits = batched_levenberg_marquardt(
        solver, evaluate, members.starts(), lambda i: cast(ResidualProblem, solver.problem_of(**members.given(i)))
    )
    R, J = evaluate(fits.x, np.arange(members.size))
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
        "njev": fits.nfev,
        "nhev": none,
        "nhvp": none,
        "status": fits.status,
        "success": fits.status == Status.CONVERGED,
    }


def _evaluation(members: Members, layout: Layout, jit: bool | str) -> Evaluate:
    """Residuals and Jacobians of some members at once: compiled where the members have one function."""
    if not members.shared:
        both = members.vectorised(lambda x, given: _both(given["fun"], layout)(x, *given["args"]))
        return lambda X, rows: _plain(both(X, rows))
    leaves, axes, structure = members.arguments()
    together = vector_derivatives_of(members.given(0)["fun"], layout, jit=jit).of_many(tuple(axes), structure)

    def evaluate(X: Array, rows: Any) -> tuple[Array, Array]:
        chosen = [leaf if axis is None else leaf[rows] for leaf, axis in zip(leaves, axes, strict=True)]
        with quiet():
            return _plain(together(X, *chosen))

    return evaluate


def _both(fun: Any, layout: Layout) -> Any:
    return VectorDerivatives(fun, layout, jit=False).values_and_jac


def _plain(pair: Any) -> tuple[Array, Array]:
    R, J = (np.asarray(part, dtype=np.float64) for part in pair)
    return R, J


def _covariances(J: Array, cost: Array) -> Array:
    """`covariance_of` for each member, shape (B, n, n).

    By Cholesky's method applied twice, which gives as good a triangular factor as Householder's while the first one
    keeps half of the digits: Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa and T. Fukaya, "Roundoff error analysis of the
    CholeskyQR2 algorithm", Electronic Transactions on Numerical Analysis 44 (2015) 306-326. The others are done one by
    one.
    """
    size, m, n = J.shape
    variances = np.array([variance_of(c, m, n) for c in cost.tolist()])
    if m <= n:
        return np.full((size, n, n), np.inf)
    columns = np.sqrt(np.einsum("bmn,bmn->bn", J, J))
    columns[columns == 0.0] = 1.0
    with quiet(), np.errstate(all="ignore"):
        scaled = J / columns[:, None, :]
        first, sound = cholesky((scaled.transpose(0, 2, 1) @ scaled).transpose(1, 2, 0), np.zeros(size))
        first = first.transpose(2, 0, 1)
        first[~sound] = np.eye(n)
        Q = scaled @ np.linalg.inv(first).transpose(0, 2, 1)
        second, _ = cholesky((Q.transpose(0, 2, 1) @ Q).transpose(1, 2, 0), np.zeros(size))
        inverse = np.linalg.inv(first @ second.transpose(2, 0, 1)) / columns[:, None, :]
        found: Array = inverse.transpose(0, 2, 1) @ inverse * variances[:, None, None]
    for i in np.flatnonzero(~sound):
        found[i] = covariance_of(J[i], variances[i])[0]
    return found
