"""Fits of a curve, by the signature of SciPy's ``curve_fit``; imports ``least_squares``.

>>> t = np.linspace(0.0, 4.0, 9)
>>> popt, pcov = curve_fit(lambda t, a, k: a * np.exp(-k * t), t, 2.5 * np.exp(-1.3 * t) + 0.01 * np.cos(9.0 * t))
>>> popt.round(2), pcov.shape
(array([2.51, 1.31]), (2, 2))
"""

import inspect
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize

from optimizers.batch import is_batched
from optimizers.bounds import limits_of
from optimizers.errors import InputTypeError, NonFiniteError, OptionError, ShapeError
from optimizers.fitting.base import covariance_of
from optimizers.fitting.least_squares import least_squares, limits_as_bounds
from optimizers.fitting.levenberg_marquardt import LevenbergMarquardt
from optimizers.flatten import Array
from optimizers.solver import Solver
from optimizers.status import Status

__all__ = ["curve_fit"]

# The attribute of a plain function that keeps the residuals made of it, so that they are compiled once.
_KEPT = "_optimizers_curve_residuals"
# Endings with parameters that are as good as can be, or as the caller asked for.
_GOOD = frozenset({Status.CONVERGED, Status.ROUND_OFF, Status.XTOL, Status.FTOL})


def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: Any = None,
    jac: Callable[..., Any] | None = None,
    *,
    full_output: bool = False,
    nan_policy: str | None = None,
    **kwargs: Any,
) -> Any:
    """Fit the parameters of ``f(xdata, *params)`` to `ydata`: SciPy's `curve_fit` with exact derivatives.

    Parameters
    ----------
    f : callable
        The model, of the data and each parameter apart, written with NumPy.
    xdata : array_like or object
        Where the data are measured, handed to `f`.
    ydata : array_like, shape (m,)
        The data.
    p0 : array_like, shape (n,), optional
        Start; by default ones, as many as `f` has parameters, or points within the bounds.
    sigma : float, or array_like, shape (m,) or (m, m), optional
        Standard deviations of the data, or their covariance matrix.
    absolute_sigma : bool
        Whether `sigma` is absolute. If not, only its proportions count, and the covariance is scaled by the residuals.
    check_finite : bool
        Whether NaN and infinity in the data are an error; by default where `nan_policy` is not given.
    bounds : Bounds or tuple
        As of `least_squares`.
    method : solver or str, optional
        As of `least_squares`: by default `LevenbergMarquardt`, with bounds too.
    jac : callable, optional
        ``jac(xdata, *params)`` -> (m, n); by default `hodiff`'s.
    full_output : bool
        Whether to return ``infodict, mesg, ier`` too: evaluations and residuals, how the run ended, and 1.
    nan_policy : None, "raise" or "omit"
        What to do where the data have NaN.
    **kwargs
        ``loss, f_scale, callback, jit`` and options of the method. ``maxfev`` and ``max_nfev`` are the limit on
        evaluations. Where no ``gtol`` is given, and no solver object, it is smaller where the data are small numbers.

    Returns
    -------
    popt : ndarray, shape (n,)
    pcov : ndarray, shape (n, n)
        Covariance of the parameters; infinite, with SciPy's warning, where it cannot be estimated.

    Raises
    ------
    RuntimeError
        When no minimum was found.
    ShapeError, NonFiniteError, OptionError
        When an argument is malformed.

    Examples
    --------
    >>> t = np.arange(5.0)
    >>> popt, pcov = curve_fit(lambda t, a, b: a + b * t, t, [1.0, 3.1, 4.9, 7.0, 9.0], sigma=0.1, absolute_sigma=True)
    >>> popt.round(2), np.sqrt(np.diag(pcov)).round(4)
    (array([1.02, 1.99]), array([0.0775, 0.0316]))
    """
    if is_batched(ydata, p0, sigma):
        raise OptionError(
            "curve_fit takes numbers: for many fits, or derivatives, give residuals to LevenbergMarquardt().run, which "
            "hodiff.vmap takes"
        )
    if not (jac is None or callable(jac)):
        raise InputTypeError(
            f"jac must be a callable or None, not {jac!r}: leave it out and hodiff supplies it, exactly"
        )
    xdata, y, sigma = _data(xdata, ydata, sigma, check_finite, nan_policy)
    limits = limits_as_bounds(bounds)
    start = _start(f, p0, limits)
    weight = _weight(sigma, y.size)
    given = {name: kwargs.pop(name) for name in ("loss", "f_scale", "callback", "jit", "tol") if name in kwargs}
    options = _options(kwargs, method)
    if not _is_theirs(method) and not isinstance(method, (Solver, type)) and "tol" not in given:
        # In the units of the data, that is: a test in others would hold at once where these are small.
        size = float(np.linalg.norm(weight @ y if np.ndim(weight) == 2 else weight * y))
        options.setdefault("gtol", LevenbergMarquardt.gtol * min(1.0, size * size))
    found = least_squares(
        _residuals(f, np.ndim(weight)),
        start,
        (xdata, y, weight),
        method=method,
        bounds=limits,
        jac=None if jac is None else _weighted_jacobian(jac),
        options=options,
        **given,
    )
    if not (found.success or found["status"] in _GOOD):
        raise RuntimeError(f"Optimal parameters not found: {found.message}")
    covariance = _covariance(found, absolute=absolute_sigma)
    if not full_output:
        return found.x, covariance
    information = {"nfev": found.nfev, "njev": found.njev, "fvec": found.fun, "nit": found.nit}
    return found.x, covariance, information, found.message, 1


def _data(xdata: Any, ydata: Any, sigma: Any, check_finite: bool | None, nan_policy: str | None) -> tuple[Any, ...]:
    """The data as arrays, without NaN."""
    if nan_policy not in (None, "raise", "omit"):
        raise OptionError(f"nan_policy must be None, 'raise' or 'omit', not {nan_policy!r}")
    check = nan_policy is None if check_finite is None else check_finite
    y = np.asarray(ydata, dtype=np.float64)
    if y.size == 0:
        raise ShapeError("ydata is empty: there is nothing to fit")
    if isinstance(xdata, (list, tuple, np.ndarray)):
        xdata = np.asarray(xdata, dtype=np.float64)
        if check or nan_policy == "raise":
            _require_finite(xdata, "xdata")
    if check or nan_policy == "raise":
        _require_finite(y, "ydata")
    sigma = None if sigma is None else np.asarray(sigma, dtype=np.float64)
    if nan_policy == "omit":
        missing = np.isnan(y)
        if isinstance(xdata, np.ndarray):
            missing |= np.isnan(xdata).any(axis=tuple(range(xdata.ndim - 1)))
            xdata = xdata[..., ~missing]
        if sigma is not None and sigma.ndim:
            sigma = sigma[~missing] if sigma.ndim == 1 else sigma[np.ix_(~missing, ~missing)]
        y = y[~missing]
    return xdata, y.reshape(-1), sigma


def _require_finite(values: Array, name: str) -> None:
    if not np.isfinite(values).all():
        raise NonFiniteError(f"{name} has NaN or infinite entries: leave them out, or say nan_policy='omit' for NaN")


def _start(f: Callable[..., Any], p0: Any, bounds: Any) -> Array:
    """The start given, or ones, or points within the bounds."""
    if p0 is not None:
        return np.atleast_1d(np.asarray(p0, dtype=np.float64))
    parameters = list(inspect.signature(f).parameters.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters) or len(parameters) < 2:
        raise OptionError("p0: the number of parameters cannot be read off the signature of f; give a start")
    n = len(parameters) - 1
    if bounds is None:
        return np.ones(n)
    low, high = limits_of(bounds, n)
    finite_low, finite_high = np.isfinite(low), np.isfinite(high)
    start = np.ones(n)
    start[finite_low] = low[finite_low] + 1.0
    start[finite_high & ~finite_low] = high[finite_high & ~finite_low] - 1.0
    both = finite_low & finite_high
    start[both] = 0.5 * (low[both] + high[both])
    return start


def _weight(sigma: Array | None, m: int) -> Any:
    """What residuals are multiplied by: 1, numbers, or a matrix that makes errors independent, of unit variance."""
    if sigma is None:
        return 1.0
    # Data whose standard deviation is infinite have no weight, which is one way to leave them out.
    if np.isnan(sigma).any() or (sigma.ndim == 2 and not np.isfinite(sigma).all()):
        raise NonFiniteError("sigma has NaN, or infinite covariances: leave out the data that say nothing")
    if sigma.ndim < 2 and not (sigma != 0.0).all():
        raise OptionError(
            "sigma has zeros: data without error would outweigh all others; give each a standard deviation"
        )
    if sigma.shape in ((), (1,), (m,)):
        return 1.0 / np.broadcast_to(sigma, (m,))
    if sigma.shape == (m, m):
        try:
            L = scipy.linalg.cholesky(sigma, lower=True)
        except scipy.linalg.LinAlgError:
            raise OptionError("sigma must be positive definite where it is a matrix") from None
        return scipy.linalg.solve_triangular(L, np.eye(m), lower=True)
    raise ShapeError(f"sigma has shape {sigma.shape}: it must be (), {(m,)} or {(m, m)}")


def _options(kwargs: dict[str, Any], method: Any) -> dict[str, Any]:
    """The further keywords as options of the method: limits on evaluations have three names."""
    limit = kwargs.pop("maxfev", None)
    limit = kwargs.pop("max_nfev", limit)
    if limit:
        kwargs["max_nfev" if _is_theirs(method) else "maxfun"] = (
            int(limit) if isinstance(limit, float) and limit.is_integer() else limit
        )
    return kwargs


def _is_theirs(method: Any) -> bool:
    return isinstance(method, str) and method.lower() in ("trf", "dogbox", "lm")


def _residuals(f: Callable[..., Any], ndim: int) -> Callable[..., Any]:
    """(p, x, y, weight) -> residuals; the same function for the same plain `f`, which keeps its derivatives."""
    if f.__class__ is not FunctionType:
        return _made_residuals(f, ndim)
    owner, made = f.__dict__.get(_KEPT, (None, {}))
    if owner is not f:
        made = {}
        f.__dict__[_KEPT] = f, made
    if ndim not in made:
        made[ndim] = _made_residuals(f, ndim)
    return made[ndim]  # type: ignore[no-any-return]


def _made_residuals(f: Callable[..., Any], ndim: int) -> Callable[..., Any]:
    name = getattr(f, "__name__", "f")

    def residuals(p: Any, x: Any, y: Any, weight: Any) -> Any:
        curve = np.reshape(f(x, *[p[i] for i in range(p.shape[0])]), (-1,))
        if curve.shape[0] not in (1, y.shape[0]):
            raise ShapeError(f"{name} returned {curve.shape[0]} values for {y.shape[0]} data: they must be as many")
        gap = curve - y
        return weight @ gap if ndim == 2 else weight * gap

    residuals.__name__ = name
    return residuals


def _weighted_jacobian(jac: Callable[..., Any]) -> Callable[..., Any]:
    def weighted(p: Array, x: Any, y: Array, weight: Any) -> Any:
        J = np.asarray(jac(x, *p))
        return weight @ J if np.ndim(weight) == 2 else np.reshape(weight, (-1, 1)) * J

    weighted.__name__ = getattr(jac, "__name__", "jac")
    return weighted


def _covariance(found: Any, *, absolute: bool) -> Array:
    covariance, note = found.covariance, found.note
    if absolute:
        # The variance of residuals whose standard deviations are known is one.
        covariance, note = covariance_of(found.jac, 1.0)
    if not note:
        return np.asarray(covariance)
    text = f"Covariance of the parameters could not be estimated: {note}"
    warnings.warn(text, scipy.optimize.OptimizeWarning, stacklevel=3)
    return np.full(covariance.shape, np.inf)
