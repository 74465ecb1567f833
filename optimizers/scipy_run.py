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
from typing import Any

import numpy as np
import scipy.optimize

from optimizers.errors import OptionError
from optimizers.flatten import Array, Tree
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.result import History, Result, Row
from optimizers.run import speaker
from optimizers.scipy_bridge import METHODS, exact_constraints
from optimizers.solver import as_problem
from optimizers.status import Status

__all__ = ["run_scipy"]

_BOUNDED = frozenset({"Nelder-Mead", "Powell", "L-BFGS-B", "TNC", "SLSQP", "COBYLA", "COBYQA", "trust-constr"})
_CONSTRAINED = frozenset({"SLSQP", "COBYLA", "COBYQA", "trust-constr"})
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
_PLAUSIBLE = 1e-3


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
    besides the usual fields, SciPy's own in ``scipy_result``.

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
    limits = None if bounds is None else _limits(bounds, start.size)
    if limits is not None:
        keywords["bounds"] = scipy.optimize.Bounds(*limits)
    if method in _CONSTRAINED:
        keywords["constraints"] = exact_constraints(constraints, problem.tree_of)
    options = dict(options or {})
    if method == "SLSQP" and tol is None:
        options.setdefault("ftol", 1e-12)  # SciPy's own 1e-6 leaves gradients that no first-order test passes
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Unknown solver options", scipy.optimize.OptimizeWarning)
        try:
            found = scipy.optimize.minimize(
                run.fun, start, method=method, tol=tol, options=options, callback=run.note, **keywords
            )
        except scipy.optimize.OptimizeWarning as unknown:
            raise OptionError(f"{method}: {unknown}") from None
        except StopIteration:  # TNC lets it through
            found = scipy.optimize.OptimizeResult(x=run.last, fun=run.history[-1].f, success=False, status=99)
    return run.result(found, limits, constrained=bool(keywords.get("constraints")))


class _Run:
    """One run: SciPy's callables, the last few points, and the history that the callback writes."""

    def __init__(self, problem: Problem, method: str, start: Array, callback: Callable[..., Any] | None) -> None:
        self.problem, self.method = problem, method
        self.tell = None if callback is None else speaker(callback)
        self.history = History()
        self.stopped = False
        self.last = start
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
        return point.f, np.array(point.g)

    def hess(self, x: Array) -> Array:
        """Dense Hessian."""
        return np.array(self._point(x).H, order="C")

    def hessp(self, x: Array, p: Array) -> Array:
        """Hessian times `p`."""
        return np.array(self._point(x).hvp(p))

    def note(self, xk: Array, state: Any = None) -> None:
        """SciPy's callback, in the signature that all its methods call alike; `state` is trust-constr's."""
        x = np.array(xk)
        self._record(x)
        if self.tell is None:
            return
        point, row = self._find(x), self.history[-1]
        fields = self._fields(x, row.f, None if point is None else point.g, row.k, self.history.copy())
        fields.update(status=None, success=False, message="running")
        if self.tell(Result(fields)):
            self.stopped = True
            raise StopIteration

    def result(self, found: Any, limits: tuple[Array, Array] | None, *, constrained: bool) -> Result:
        """Our result of SciPy's."""
        x = np.array(found.x, dtype=np.float64)
        point = self._point(x) if self._exact else None
        f, g = (float(found.fun), None) if point is None else (point.f, point.g)
        status = self._status(found, x, f, None if constrained else g, limits)
        message = str(found.get("message", ""))
        if status in (Status.CALLBACK, Status.CONTRADICTED):
            message = status.message
        fields = self._fields(x, f, g, int(found.get("nit", len(self.history) - 1)), self.history)
        fields.update(status=status, success=status is Status.CONVERGED, message=message, scipy_result=found)
        if isinstance(found.get("hess"), np.ndarray):
            fields["hess"] = np.array(found.hess)
        return Result(fields)

    def _status(self, found: Any, x: Array, f: float, g: Array | None, limits: tuple[Array, Array] | None) -> Status:
        if self.stopped:
            return Status.CALLBACK
        if not found.success:
            other = {1: Status.MAXITER} if self._exact else {}
            return _LIMITS.get(self.method, other).get(int(found.status), Status.SCIPY)
        if not np.isfinite(f):
            return Status.CONTRADICTED
        if g is not None:
            moved = x - g if limits is None else np.clip(x - g, *limits)
            if not np.abs(moved - x).max() <= _PLAUSIBLE * max(1.0, abs(f)):
                return Status.CONTRADICTED
        return Status.CONVERGED

    def _fields(self, x: Array, f: float, g: Array | None, nit: int, history: History) -> dict[str, Any]:
        counts, tree = self.problem.counts, self.problem.unravel
        jac = None if g is None else tree(g)
        fields: dict[str, Any] = {"x": tree(x), "fun": f, "jac": jac, "nit": nit}
        return {**fields, **counts.main(), "history": history}

    def _record(self, x: Array) -> None:
        point, start = self._find(x), len(self.history) == 0
        if point is not None:
            f, gnorm = point.f, float(np.abs(point.g).max())
        else:
            f, gnorm = next((v for y, v in reversed(self._values) if np.array_equal(x, y)), np.nan), np.nan
        step = 0.0 if start else float(np.linalg.norm(x - self.last))
        elapsed = time.perf_counter() - self._begin
        n, xnorm = self.problem.counts, float(np.linalg.norm(x))
        row = Row(len(self.history), f, gnorm, step, xnorm, np.nan, n.nfev, n.njev, n.nhev, n.nhvp, elapsed)
        self.history.append(row)
        self.last = x

    def _find(self, x: Array) -> Point | None:
        return next((point for point in reversed(self._points) if np.array_equal(point.x, x)), None)

    def _point(self, x: Array) -> Point:
        point = self._find(x)
        if point is None:
            point = self.problem.at(x)
            self._points.append(point)
        return point

    def _value(self, x: Array) -> float:
        for y, known in reversed(self._values):
            if np.array_equal(x, y):
                return known
        value = self.problem.plain_value(x)
        self._values.append((np.array(x), value))
        return value


def _refuse(method: str, arguments: dict[str, Any]) -> None:
    """Raise for arguments that the method would ignore."""
    takes = METHODS[method]
    usable = {
        "jac": "jac" in takes,
        "hess": "hess" in takes or "hessp" in takes,
        "hessp": "hess" in takes or "hessp" in takes,
        "bounds": method in _BOUNDED,
        "constraints": method in _CONSTRAINED,
    }
    for name, value in arguments.items():
        given = value is not None and value is not False and not (isinstance(value, (list, tuple)) and not value)
        if given and not usable[name]:
            raise OptionError(f"{method} cannot use {name}: leave it out, or choose a method that can")


def _limits(bounds: Any, n: int) -> tuple[Array, Array]:
    """Lower and upper bounds, shape (n,) each, of SciPy's `Bounds` or of n pairs."""
    if isinstance(bounds, scipy.optimize.Bounds):
        low, high = np.asarray(bounds.lb, dtype=np.float64), np.asarray(bounds.ub, dtype=np.float64)
        if low.shape not in ((), (1,), (n,)) or high.shape not in ((), (1,), (n,)):
            raise OptionError(f"bounds: the limits have shapes {low.shape} and {high.shape}, not {(n,)}")
        low, high = np.broadcast_to(low, (n,)), np.broadcast_to(high, (n,))
    else:
        pairs = list(bounds)
        if len(pairs) != n or any(len(pair) != 2 for pair in pairs):
            raise OptionError(f"bounds: {n} pairs (low, high) are needed, one an unknown, not {len(pairs)}")
        low = np.array([-np.inf if a is None else a for a, _ in pairs], dtype=np.float64)
        high = np.array([np.inf if b is None else b for _, b in pairs], dtype=np.float64)
    if not (low <= high).all():
        raise OptionError("bounds: a lower bound exceeds its upper bound, or is NaN")
    return low, high
