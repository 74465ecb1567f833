"""SciPy's minimisers run on a ``Problem``, with our result and history; imports ``scipy_bridge`` and below.

>>> import numpy as np
>>> result = run_scipy(lambda x: (x[0] - 1.0) ** 2, [3.0], (), "BFGS")
>>> result.x.round(6), result.nfev == result.njev, len(result.history) == result.nit + 1
(array([1.]), True, True)
"""

import time
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import scipy.optimize

from optimizers.arguments import as_problem
from optimizers.bounds import limits_of
from optimizers.errors import OptionError
from optimizers.flatten import Array, Tree
from optimizers.linear import largest, norm
from optimizers.point import Point, all_finite
from optimizers.problem import Problem
from optimizers.result import History, Result, Row
from optimizers.run import Speaker
from optimizers.scipy_bridge.conditions import Conditions
from optimizers.scipy_bridge.constraints import CONSTRAINED, exact_constraints
from optimizers.scipy_bridge.keywords import METHODS
from optimizers.status import Status

__all__ = ["run_scipy"]

T = TypeVar("T")

_BOUNDED = frozenset({"Nelder-Mead", "Powell", "L-BFGS-B", "TNC", "SLSQP", "COBYLA", "COBYQA", "trust-constr"})
# SciPy's status numbers for limits; each method has its own.
_LIMITS = {
    "Nelder-Mead": {1: Status.MAXFUN, 2: Status.MAXITER},
    "Powell": {1: Status.MAXFUN, 2: Status.MAXITER},
    "TNC": {3: Status.MAXFUN},
    "SLSQP": {9: Status.MAXITER},
    "COBYLA": {2: Status.MAXFUN, 3: Status.MAXFUN},
    "COBYQA": {5: Status.MAXFUN, 6: Status.MAXITER},
    "trust-constr": {0: Status.MAXITER},
}
# What the largest entry of the residual of the first-order conditions may be, where `tol` is not larger.
_FIRST_ORDER = 1e-4
# What SciPy's linear algebra says of arrays that are not finite.
_BREAKDOWN = "infs or NaNs"
# SciPy's own defaults leave gradients that no first-order test passes: tests of f relative to |f|, or of x alone.
_TIGHT: dict[str, dict[str, float]] = {
    "L-BFGS-B": {"ftol": 10.0 * float(np.finfo(np.float64).eps)},
    "SLSQP": {"ftol": 1e-12},
    "Nelder-Mead": {"xatol": 1e-8, "fatol": 1e-12},
    "Powell": {"xtol": 1e-8, "ftol": 1e-14},
    "COBYLA": {"tol": 1e-8},
    "COBYQA": {"final_tr_radius": 1e-8},
}


def run_scipy(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...],
    method: str,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    jit: bool | str = "auto",
) -> Result:
    """Minimise with SciPy's `method`, value and gradient coming from one evaluation a point.

    The parameters are those of `minimize`; `method` is spelled as in `scipy_bridge.METHODS`. The result has,
    besides the usual fields, SciPy's own in ``scipy_result``. Where SciPy ends or breaks down over what is not
    finite, the result is no success, and its x the last iterate where objective and gradient were finite.

    Raises
    ------
    OptionError
        When an argument or option is of no use to the method.

    Examples
    --------
    >>> run_scipy(lambda x: (x[0] - 1.0) ** 2, [3.0], (), "trust-exact", options={"maxiter": 50}).nhev > 0
    True
    """
    given = {"jac": jac, "hess": hess, "hessp": hessp}
    _refuse(method, {**given, "bounds": bounds, "constraints": constraints})
    problem = as_problem(fun, x0, args, jit=jit, **given)
    start = np.array(problem.at(x0).x)
    run = _Run(problem, method, start, callback)
    keywords: dict[str, Any] = {name: True if name == "jac" else getattr(run, name) for name in METHODS[method]}
    limits = None if bounds is None else limits_of(bounds, start.size)
    if limits is not None:
        keywords["bounds"] = scipy.optimize.Bounds(*limits)
    if method in CONSTRAINED:
        keywords["constraints"] = exact_constraints(constraints, method, problem.layout, jit)
    options = dict(options or {})
    bound = max([_FIRST_ORDER, *(float(t) for t in (tol, options.get("gtol")) if t is not None)])
    if tol is None:
        options = {**_TIGHT.get(method, {}), **options}
    found = _minimized(run, start, tol=tol, options=options, **keywords)
    return run.result(found, Conditions(limits, keywords.get("constraints") or [], start.size, bound))


def _minimized(run: "_Run", start: Array, **keywords: Any) -> Any:
    """What SciPy returns, or would have, had it not been left by an exception that is none of the user's."""
    method = run.method
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Unknown solver options", scipy.optimize.OptimizeWarning)
        try:
            return scipy.optimize.minimize(run.fun, start, method=method, callback=run.note, **keywords)
        except scipy.optimize.OptimizeWarning as unknown:
            raise OptionError(f"{method}: {unknown}") from None
        except TypeError as wrong:  # trust-constr hands its options on as they are
            options = keywords["options"]
            names = [name for name in options if f"unexpected keyword argument {name!r}" in str(wrong)]
            if run.evaluating or not names:
                raise
            raise OptionError(f"{method}: Unknown solver options: {', '.join(names)}") from None
        except StopIteration:  # TNC lets it through
            if not run.stopped:
                raise
            return run.interrupted("stopped by callback")
        except _EscapedError:
            return run.interrupted("its iterates left the finite numbers")
        except ValueError as breakdown:  # LinAlgError is one
            if run.evaluating or not (isinstance(breakdown, np.linalg.LinAlgError) or _BREAKDOWN in str(breakdown)):
                raise
            return run.interrupted(str(breakdown))


class _EscapedError(Exception):
    """SciPy asks about a point that is not finite: it will not come back."""


class _Run:
    """One run: SciPy's callables, the last few points, and the history that the callback writes."""

    def __init__(self, problem: Problem, method: str, start: Array, callback: Callable[..., Any] | None) -> None:
        self.problem, self.method = problem, method
        self.tell = None if callback is None else Speaker(callback)
        self.history = History()
        # Whether the callback stopped the run, and whether it or the objective is at work.
        self.stopped = self.evaluating = False
        self.last = self._finite = start
        self._exact = "jac" in METHODS[method]
        self._points: deque[Point] = deque(maxlen=8)
        self._values: deque[tuple[Array, float]] = deque(maxlen=64)
        self._begin = time.perf_counter()
        if self._exact:
            self._point(start).require_finite()
        else:
            self._value(start)
        self._record(start)

    def fun(self, x: Array) -> Any:
        """Value and gradient, or the value alone for a method without derivatives."""
        if not self._exact:
            return self._value(x)
        point = self._point(x)
        return self._evaluated(lambda: (point.f, np.array(point.g)))

    def hess(self, x: Array) -> Array:
        """Dense Hessian."""
        point = self._point(x)
        return self._evaluated(lambda: np.array(point.H, order="C"))

    def hessp(self, x: Array, p: Array) -> Array:
        """Hessian times `p`."""
        point = self._point(x)
        return self._evaluated(lambda: np.array(point.hvp(p)))

    def interrupted(self, message: str) -> Any:
        """What SciPy would have returned, had it not been left by an exception."""
        f = self.history[-1].f
        return scipy.optimize.OptimizeResult(x=self.last, fun=f, success=False, status=-1, message=message)

    def note(self, xk: Array, state: Any = None) -> None:
        """SciPy's callback, in the signature that all its methods call alike; `state` is trust-constr's."""
        x = np.array(xk)
        self._record(x)
        if self.tell is None:
            return
        point, row = self._find(x), self.history[-1]

        def so_far() -> Result:
            fields = self._fields(x, row.f, None if point is None else point.g, row.k, self.history.copy())
            return Result({**fields, "status": None, "success": False, "message": "running"})

        tell = self.tell
        if self._evaluated(lambda: tell(so_far)):
            self.stopped = True
            raise StopIteration

    def result(self, found: Any, conditions: Conditions) -> Result:
        """Our result of SciPy's, whose claim of success is put to the test."""
        x = np.array(found.x, dtype=np.float64)
        status, message = self._ending(found), str(found.get("message", ""))
        f, g = self._values_at(x, float(found.fun))
        if not (np.isfinite(f) and (g is None or np.isfinite(g).all())):
            if status is Status.CONVERGED:
                status, message = Status.CONTRADICTED, f"{Status.CONTRADICTED.message}; SciPy says: {message}"
            x, message = self._finite, f"{message}; x is the last iterate with finite values"
            f, g = self._values_at(x, np.nan)
        self.history.eager_reason = self.problem.eager_reason
        if status is Status.CALLBACK:
            assert self.tell is not None
            message = self.tell.reason
        elif status is Status.CONVERGED:
            g = self.problem.slope_if_any(x) if g is None else g
            residual = conditions.residual(x, g)
            figures = f"residual {residual:.3g}, at most {conditions.bound:.3g} is asked for"
            if np.isnan(residual) and (g is None or np.isfinite(g).all()):
                status, figures = Status.UNVERIFIED, "a function involved cannot be differentiated"
            elif not residual <= conditions.bound:
                status = Status.CONTRADICTED
            if status is not Status.CONVERGED:
                message = f"{status.message}: {figures}; SciPy says: {message}"
        if status is not Status.CALLBACK:
            message += self.history.remark
        fields = self._fields(x, f, g, int(found.get("nit", len(self.history) - 1)), self.history)
        fields.update(status=status, success=status is Status.CONVERGED, message=message, scipy_result=found)
        if isinstance(found.get("hess"), np.ndarray) and x is not self._finite:
            fields["hess"] = np.array(found.hess)
        return Result(fields)

    def _ending(self, found: Any) -> Status:
        """What SciPy says, as a status of ours."""
        if self.stopped:
            return Status.CALLBACK
        if found.success:
            return Status.CONVERGED
        other = {1: Status.MAXITER} if self._exact else {}
        return _LIMITS.get(self.method, other).get(int(found.status), Status.SCIPY)

    def _fields(self, x: Array, f: float, g: Array | None, nit: int, history: History) -> dict[str, Any]:
        counts, tree = self.problem.counts, self.problem.unravel
        jac = None if g is None else tree(g)
        fields: dict[str, Any] = {"x": tree(x), "fun": f, "jac": jac, "nit": nit}
        return {**fields, **counts.main(), "history": history}

    def _record(self, x: Array) -> None:
        point, start = self._find(x), len(self.history) == 0
        if point is not None:
            f, gnorm = point.f, largest(point.g)
        else:
            f, gnorm = self._known(x, np.nan), np.nan
        step = 0.0 if start else norm(x - self.last)
        elapsed = time.perf_counter() - self._begin
        n = self.problem.counts
        row = Row(len(self.history), f, gnorm, step, norm(x), np.nan, n.nfev, n.njev, n.nhev, n.nhvp, elapsed)
        self.history.append(row)
        self.last = x
        if np.isfinite(f) and (point is None or np.isfinite(gnorm)):
            self._finite = x

    def _find(self, x: Array) -> Point | None:
        first = x.item(0)  # in which most points differ
        for point in reversed(self._points):
            if point.x.item(0) == first and (point.x.tobytes() == x.tobytes() or np.array_equal(point.x, x)):
                return point
        return None

    def _point(self, x: Array) -> Point:
        point = self._find(x)
        if point is None:
            if not all_finite(x):
                raise _EscapedError
            point = self.problem.at(x)
            self._points.append(point)
        return point

    def _value(self, x: Array) -> float:
        known: float | None = self._known(x, None)
        if known is not None:
            return known
        if not all_finite(x):
            raise _EscapedError
        value = self._evaluated(lambda: self.problem.plain_value(x))
        self._values.append((np.array(x), value))
        return value

    def _known(self, x: Array, otherwise: Any) -> Any:
        """The value at `x` of a method without derivatives, if it is one of the last."""
        first = x.item(0)
        for y, known in reversed(self._values):
            if y.item(0) == first and np.array_equal(x, y):
                return known
        return otherwise

    def _values_at(self, x: Array, said: float) -> tuple[float, Array | None]:
        """Objective and, of a method with derivatives, gradient at `x`; NaN where that is not finite.

        `said` is the objective as SciPy says, which bounds infinite ones; NaN where it does not.
        """
        if not all_finite(x):
            return np.nan, None
        if self._exact:
            point = self._point(x)
            return point.f, point.g
        f: float = self._value(x) if np.isnan(said) else self._known(x, said)
        return f, None

    def _evaluated(self, ask: Callable[[], T]) -> T:
        """What a function of the user's gives; after an error in it, `evaluating` stays set."""
        self.evaluating = True
        answer = ask()
        self.evaluating = False
        return answer


def _refuse(method: str, arguments: dict[str, Any]) -> None:
    """Raise for arguments that the method would ignore."""
    takes = METHODS[method]
    usable = {
        "jac": "jac" in takes,
        "hess": "hess" in takes or "hessp" in takes,
        "hessp": "hess" in takes or "hessp" in takes,
        "bounds": method in _BOUNDED,
        "constraints": method in CONSTRAINED,
    }
    for name, value in arguments.items():
        given = value is not None and value is not False and not (isinstance(value, (list, tuple)) and not value)
        if given and not usable[name]:
            raise OptionError(f"{method} cannot use {name}: leave it out, or choose a method that can")
