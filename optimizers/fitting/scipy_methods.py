"""SciPy's methods of least squares on a ``ResidualProblem``, with our result and history; imports ``base``.

>>> result = run_scipy_least_squares(lambda x: x - 1.0, [3.0], (), "trf")
>>> result.x, result.nfev == result.njev, len(result.history) == result.nit + 1
(array([1.]), True, True)
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from optimizers.bounds import check_inside
from optimizers.checks import is_number
from optimizers.errors import OptionError
from optimizers.fitting.base import active_mask, cosine_at, covariance_of, variance_of
from optimizers.fitting.losses import Loss
from optimizers.fitting.weighted import FitPoint, View, raw_of, view_of
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.residuals import ResidualProblem
from optimizers.result import History, Result, Row
from optimizers.run import Speaker
from optimizers.status import Status

__all__ = ["run_scipy_least_squares"]

# SciPy's defaults, 1e-8 relative to cost or x, leave parameters good to a few digits.
_TIGHT = 1e-12
# A claim of success holds where the gradient is at most this, or the cosine of residuals and Jacobian.
_GRADIENT, _COSINE = 1e-4, 1e-4
# SciPy's interior method ends beside bounds, not on them: how near counts, relative to x.
_NEAR = 1e-8
# SciPy's keywords that are options of the method; the others are arguments, or say how differences are taken.
_KEYWORDS = frozenset({"ftol", "xtol", "gtol", "x_scale", "max_nfev", "tr_solver", "tr_options", "verbose"})
_ENDINGS = {-2: Status.CALLBACK, -1: Status.SCIPY, 0: Status.MAXFUN}


def run_scipy_least_squares(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...],
    method: str,
    *,
    bounds: Any = None,
    loss: str | Loss = "linear",
    f_scale: float = 1.0,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    jac: Any = None,
    jit: bool | str = "auto",
) -> Result:
    """Least squares by SciPy's `method`, residuals and exact Jacobian coming from one evaluation a point.

    The parameters are those of `least_squares`. The result has, besides the usual fields, SciPy's own in
    ``scipy_result``.

    Raises
    ------
    OptionError
        When an argument or option is of no use to the method.

    Examples
    --------
    >>> run_scipy_least_squares(lambda x: x - 1.0, [3.0], (), "dogbox", bounds=[(2.0, 4.0)]).x
    array([2.])
    """
    options, loss, f_scale = _options(method, options, loss, f_scale, tol)
    problem = ResidualProblem(fun, jac, args=args, like=x0, jit=jit, bounds=bounds)
    start = np.array(problem.at(x0, name="x0").x)
    if method == "lm":
        for name, value in (("bounds", bounds), ("callback", callback)):
            if value is not None:
                raise OptionError(f"lm cannot use {name}: leave it out, or choose a method that can")
        if loss != "linear":
            raise OptionError("lm cannot use loss: leave it out, or choose a method that can")
    limits = problem.limits(start.size)
    if limits is not None:
        check_inside(start, limits)
    run = _Run(problem, view_of(problem, loss, f_scale), start, callback, silent=method == "lm")
    tolerance = _TIGHT if tol is None else tol
    keywords: dict[str, Any] = {"ftol": tolerance, "xtol": tolerance, "gtol": tolerance, **options}
    if limits is not None:
        keywords["bounds"] = limits
    if method != "lm":
        keywords.update(loss=loss, f_scale=f_scale, callback=run.note)
    found = scipy.optimize.least_squares(run.fun, start, jac=run.jac, method=method, **keywords)
    return run.result(found)


def _options(
    method: str, options: dict[str, Any] | None, loss: Any, f_scale: Any, tol: Any
) -> tuple[dict[str, Any], Any, Any]:
    """SciPy's keywords, the loss and its size, either of which may be among the options, as it may be for ours."""
    options = dict(options or {})
    loss, f_scale = options.pop("loss", loss), options.pop("f_scale", f_scale)
    for name in options:
        if name not in _KEYWORDS:
            raise OptionError(f"{method} has no option {name!r}; it has {', '.join(sorted(_KEYWORDS))}, loss, f_scale")
    if not (is_number(f_scale) and f_scale > 0.0):
        raise OptionError(f"{method}: f_scale must be a number > 0, not {f_scale!r}")
    if not (tol is None or (is_number(tol) and tol >= 0.0)):
        raise OptionError(f"{method}: tol must be a number >= 0, not {tol!r}")
    return options, loss, f_scale


class _Run:
    """One run: SciPy's callables, the last few points, and the history that the callback writes."""

    def __init__(
        self,
        problem: ResidualProblem,
        view: View,
        start: Array,
        callback: Callable[..., Any] | None,
        *,
        silent: bool,
    ) -> None:
        self.problem, self.view, self._silent = problem, view, silent
        self.tell = None if callback is None else Speaker(callback)
        self.history = History()
        self.last = start
        self._points: deque[FitPoint] = deque(maxlen=8)
        self._begin = time.perf_counter()
        raw_of(self._point(start)).require_finite()
        self._record(start)

    def fun(self, x: Array) -> Array:
        """Residuals."""
        return np.array(raw_of(self._point(x)).r)

    def jac(self, x: Array) -> Array:
        """Jacobian; one an iteration, which is how those of lm, which calls no callback, are known."""
        if self._silent and not np.array_equal(x, self.last):
            self._record(np.array(x))
        return np.array(raw_of(self._point(x)).J)

    def note(self, intermediate_result: Any) -> None:
        """SciPy's callback."""
        x = np.array(intermediate_result.x)
        self._record(x)
        if self.tell is not None and self.tell(lambda: self._so_far(x)):
            raise StopIteration

    def result(self, found: Any) -> Result:
        """Our result of SciPy's, whose claim of success is put to the test."""
        x = np.array(found.x)
        if not np.array_equal(x, self.last):
            self._record(x)
        self.history.eager_reason = self.problem.eager_reason
        fields = self._fields(x, self.history)
        status = Status.CONVERGED if found.success else _ENDINGS.get(int(found.status), Status.SCIPY)
        message = f"{found.message}{self.history.remark}"
        if status is Status.CALLBACK and self.tell is not None:
            message = self.tell.reason
        elif status is Status.CONVERGED:
            holds = fields["optimality"] <= _GRADIENT or fields["cosine"] <= _COSINE
            figures = (
                f"|gradient| = {fields['optimality']:.3g}, cosine of residuals and Jacobian = {fields['cosine']:.3g}"
            )
            status = Status.CONVERGED if holds else Status.CONTRADICTED
            message = f"{status.message}: {figures}{self.history.remark}"
        ending = {"status": status, "success": status is Status.CONVERGED, "message": message, "scipy_result": found}
        return Result({**fields, **ending})

    def _so_far(self, x: Array) -> Result:
        fields = self._fields(x, self.history.copy())
        return Result({**fields, "status": None, "success": False, "message": "running"})

    def _fields(self, x: Array, history: History) -> dict[str, Any]:
        point, tree, limits = self._point(x), self.problem.unravel, self.problem.limits(x.size)
        covariance, note = covariance_of(point.J, variance_of(point.f, *point.J.shape))
        return {
            "x": tree(x),
            "fun": np.array(raw_of(point).r),
            "jac": np.array(point.J),
            "cost": point.f,
            "grad": tree(point.g),
            "optimality": self.problem.optimality(x, point.g),
            "cosine": cosine_at(point, limits),
            "active_mask": active_mask(x, limits, _NEAR),
            "covariance": covariance,
            "std": tree(np.sqrt(np.diag(covariance))),
            "note": note,
            "nit": len(history) - 1,
            **self.problem.counts.main(),
            "history": history,
        }

    def _record(self, x: Array) -> None:
        point, n = self._point(x), self.problem.counts
        step = norm(x - self.last) if len(self.history) else 0.0
        gnorm = self.problem.optimality(x, point.g)
        elapsed = time.perf_counter() - self._begin
        counts = n.nfev, n.njev, n.nhev, n.nhvp
        self.history.append(Row(len(self.history), point.f, gnorm, step, norm(x), np.nan, *counts, elapsed))
        self.last = x

    def _point(self, x: Array) -> FitPoint:
        for point in reversed(self._points):
            if np.array_equal(point.x, x):
                return point
        point = self.view.at(x)
        assert raw_of(point).J is not None  # which evaluates residuals and Jacobian together
        self._points.append(point)
        return point
