"""One door to every method of least squares, ours and SciPy's; imports the methods and ``scipy_methods``.

>>> def valley(x):
...     return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
>>> for method in ("auto", "Gauss-Newton", "dogleg", "trf", "lm"):
...     result = least_squares(valley, [-1.2, 1.0], method=method)
...     print(method, bool(result.success), result.x.round(6))
auto True [1. 1.]
Gauss-Newton True [1. 1.]
dogleg True [1. 1.]
trf True [1. 1.]
lm True [1. 1.]
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.optimize

from optimizers.batch import solved_in_batch
from optimizers.errors import InputTypeError, OptionError
from optimizers.fitting.base import LeastSquaresSolver
from optimizers.fitting.dogleg import Dogleg
from optimizers.fitting.gauss_newton import GaussNewton
from optimizers.fitting.levenberg_marquardt import LevenbergMarquardt
from optimizers.fitting.losses import Loss
from optimizers.fitting.scipy_methods import run_scipy_least_squares
from optimizers.flatten import Tree
from optimizers.result import Result

__all__ = ["least_squares", "limits_as_bounds"]

_OURS: dict[str, LeastSquaresSolver[Any]] = {
    "levenberg_marquardt": LevenbergMarquardt(),
    "gauss_newton": GaussNewton(),
    "dogleg": Dogleg(),
}
_SCIPY = ("trf", "dogbox", "lm")


def least_squares(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...] = (),
    *,
    method: LeastSquaresSolver[Any] | type[LeastSquaresSolver[Any]] | str | None = "auto",
    bounds: Any = None,
    loss: str | Loss = "linear",
    f_scale: float = 1.0,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    jac: Callable[..., Any] | None = None,
    jit: bool | str = "auto",
) -> Result:
    """Minimise ½ Σ r², or a robust loss, of the residuals r = ``fun(x, *args)``, from `x0`, by exact Jacobians.

    Parameters
    ----------
    fun : callable
        Residuals, an array of any shape, of a tree shaped like `x0`; written with NumPy.
    x0 : tree
        Start: an array of any shape, a number, a list of numbers, or a tree of arrays.
    args : tuple
        Further arguments of `fun` and `jac`.
    method : solver, str or None
        A solver object; a name of ours, "levenberg_marquardt", "gauss_newton" or "dogleg"; or one of SciPy's, "trf",
        "dogbox" or "lm"; in any case, with or without separators. "auto", or None, is `LevenbergMarquardt`.
    bounds : scipy.optimize.Bounds, tuple or list, optional
        For `LevenbergMarquardt`, trf and dogbox. A tuple of two is SciPy's ``(low, high)``; a list is of pairs, one
        an unknown.
    loss, f_scale
        See `LeastSquaresSolver`: "linear", "soft_l1", "huber", "cauchy", "arctan" or a callable, and the size of
        residuals beyond which they count as outliers. Given here, they take the place of the solver's own.
    tol : float, optional
        For our solvers `gtol`; for SciPy's methods `ftol`, `xtol` and `gtol`, which are 1e-12 by default here.
    callback : callable, optional
        See `Solver.run`. SciPy's lm cannot call one.
    options : dict, optional
        The options of the method; for SciPy's ``ftol, xtol, gtol, x_scale, max_nfev, tr_solver, tr_options, verbose``.
    jac : callable, optional
        Jacobian of one's own, ``jac(x, *args)`` -> (m, n): dense, sparse or a `LinearOperator`.
    jit : "auto", True or False
        See `Problem`.

    Returns
    -------
    Result
        With the fields of `scipy.optimize.least_squares`, ``x, fun`` (the residuals), ``cost, jac`` (the Jacobian),
        ``grad, optimality, active_mask, nfev, njev, status, success, message``; besides, ``nit`` and ``history``;
        ``covariance`` and ``std``, of the parameters, with a ``note`` where JᵀJ is singular; and ``cosine``, see
        `LeastSquaresSolver`. A claim of success by a method of SciPy's is put to the test at the end.

    Raises
    ------
    OptionError
        When method or option is unknown, or an argument is of no use to the method.
    InputTypeError, ShapeError, NonFiniteError
        When `fun`, `x0` or `jac` is not what it should be.

    Examples
    --------
    >>> t = np.linspace(0.0, 1.0, 6)
    >>> y = 3.0 * np.exp(-2.0 * t)
    >>> result = least_squares(lambda p: p["a"] * np.exp(-p["k"] * t) - y, {"a": 1.0, "k": 1.0})
    >>> {name: float(value.round(6)) for name, value in result.x.items()}
    {'a': 3.0, 'k': 2.0}
    >>> least_squares(lambda x: x - 5.0, [1.0], bounds=(0.0, 2.0)).x
    array([2.])
    """
    if not (options is None or isinstance(options, Mapping)):
        raise InputTypeError(f"options must be a dict of names and values, not {type(options).__name__}")

    def arguments(x0: Tree, args: tuple[Any, ...]) -> dict[str, Any]:
        problem = {"fun": fun, "x0": x0, "args": args, "jac": jac, "bounds": bounds, "loss": loss, "f_scale": f_scale}
        return {**problem, "method": method, "tol": tol, "options": options, "jit": jit}

    given = dict(options or {})
    chosen = _chosen(method)
    # A solver sees for itself whether there is a batch.
    batched = (
        solved_in_batch(arguments, least_squares, x0, args, callback=callback) if isinstance(chosen, str) else None
    )
    if batched is not None:
        return batched
    limits = limits_as_bounds(bounds)
    if isinstance(chosen, str):
        return run_scipy_least_squares(
            fun,
            x0,
            args,
            chosen,
            bounds=limits,
            loss=loss,
            f_scale=f_scale,
            tol=tol,
            callback=callback,
            options=given,
            jac=jac,
            jit=jit,
        )
    if loss != "linear":
        given = {"loss": loss, **given}
    if f_scale != 1.0:
        given = {"f_scale": f_scale, **given}
    solver = chosen.with_options(**({} if tol is None else {"tol": tol}), **given)
    return solver.run(fun, x0, args, jac=jac, bounds=limits, callback=callback, jit=jit)


def limits_as_bounds(bounds: Any) -> Any:
    """SciPy's ``(low, high)`` as `Bounds`; what is something else as it is, and None where nothing is bounded.

    Examples
    --------
    >>> limits_as_bounds((0.0, [1.0, 2.0]))
    Bounds(array([0., 0.]), array([1., 2.]))
    """
    if isinstance(bounds, tuple) and len(bounds) == 2:
        low, high = (np.asarray(limit, dtype=np.float64) for limit in bounds)
        bounds = scipy.optimize.Bounds(low, high)
    if isinstance(bounds, scipy.optimize.Bounds) and np.all(bounds.lb == -np.inf) and np.all(bounds.ub == np.inf):
        return None
    return bounds


def _chosen(method: Any) -> LeastSquaresSolver[Any] | str:
    """A solver of ours or the name of one of SciPy's."""
    method = "auto" if method is None else method
    if isinstance(method, LeastSquaresSolver):
        return method
    if isinstance(method, type) and issubclass(method, LeastSquaresSolver):
        return method()
    if not isinstance(method, str):
        raise InputTypeError(f"method must be a solver of least squares or a name, not {type(method).__name__}")
    name = method.lower().replace("-", "").replace("_", "").replace(" ", "")
    if name == "auto":
        return _OURS["levenberg_marquardt"]
    for known, solver in _OURS.items():
        if name == known.replace("_", ""):
            return solver
    if name in _SCIPY:
        return name
    raise OptionError(f"unknown method {method!r}; ours are auto, {', '.join(_OURS)}; SciPy's are {', '.join(_SCIPY)}")
