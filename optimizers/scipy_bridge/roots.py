"""SciPy's methods for roots: exact derivatives in the forms they accept, and runs with our results.

Imports ``equations``, ``run`` and the layers below.

>>> import numpy as np, scipy.optimize
>>> def circle_and_line(x):
...     return np.stack([x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]])
>>> for method in ("hybr", "lm", "krylov"):
...     found = scipy.optimize.root(circle_and_line, [3.0, 1.0], method=method, **root_kwargs(circle_and_line, method))
...     print(method, found.x.round(4))
hybr [1. 1.]
lm [1. 1.]
krylov [1. 1.]
"""

import time
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from scipy.sparse.linalg import LinearOperator, lgmres

from optimizers.checks import check_callables, check_jit, quiet
from optimizers.equations import RootProblem
from optimizers.errors import OptionError
from optimizers.flatten import Array, Tree
from optimizers.linear import largest, norm
from optimizers.problem import Problem
from optimizers.residuals import ResidualPoint
from optimizers.result import History, Result, Row
from optimizers.run import Speaker
from optimizers.scipy_bridge.keywords import plain_name
from optimizers.status import Status

__all__ = ["ROOT_METHODS", "root_kwargs", "run_scipy_root"]

_DENSE = ("hybr", "lm")
ROOT_METHODS = (
    *_DENSE,
    "broyden1",
    "broyden2",
    "anderson",
    "linearmixing",
    "diagbroyden",
    "excitingmixing",
    "krylov",
    "df-sane",
)
# Methods of `scipy.optimize.root_scalar`, and the derivatives that they take.
_SCALAR = {
    "bisect": (),
    "brentq": (),
    "brenth": (),
    "ridder": (),
    "toms748": (),
    "secant": (),
    "newton": ("fprime",),
    "halley": ("fprime", "fprime2"),
}
# What max|F| may be where SciPy claims success and `tol` is not larger: SciPy's own default is 6e-6.
_FIRST_ORDER = 1e-5


def root_kwargs(
    fun: Callable[..., Any] | RootProblem, method: str, args: tuple[Any, ...] = (), *, jit: bool | str = "auto"
) -> dict[str, Any]:
    """The derivative keywords that SciPy's method for roots can use, ready to splat.

    For ``scipy.optimize.root(fun, x0, method=m, **root_kwargs(fun, m))`` and for ``root_scalar`` alike.

    Parameters
    ----------
    fun : callable or RootProblem
        ``fun(x, *args)`` of a vector x, or of a number for the methods of ``root_scalar``. A `RootProblem`, passed to
        SciPy's ``root`` too, evaluates F and its Jacobian together, and takes an x0 of any shape.
    method : str
        SciPy's name of the method, in any case, with or without separators.
    args : tuple
        Further arguments of `fun`: "krylov" has to know them here; the others get them from SciPy.
    jit : "auto", True or False
        See `Problem`.

    Returns
    -------
    dict
        ``jac`` for "hybr" and "lm", the dense (n, n) matrix; ``options`` for "krylov", whose products are then exact
        instead of differences of F; ``fprime`` for "newton", and ``fprime2`` besides for "halley"; empty for methods
        without derivatives. SciPy's "krylov" has no keyword for products, so it is given LGMRES as a ``method`` of ours
        that knows the point from ``inner_M``, as SciPy documents both. Add options of your own to that dict.

    Raises
    ------
    OptionError
        When SciPy has no such method.

    Examples
    --------
    >>> import scipy.optimize
    >>> def cubic(x): return x**3 - 2.0
    >>> found = scipy.optimize.root_scalar(cubic, x0=1.0, method="halley", **root_kwargs(cubic, "halley"))
    >>> round(float(found.root), 6), sorted(root_kwargs(cubic, "hybr")), root_kwargs(cubic, "broyden1")
    (1.259921, ['jac'], {})
    """
    if not isinstance(fun, RootProblem):
        check_callables(fun, None, None, None)
    check_jit(jit)
    names = {plain_name(name): name for name in (*ROOT_METHODS, *_SCALAR)}
    if not (isinstance(method, str) and plain_name(method) in names):
        raise OptionError(f"unknown method {method!r} of SciPy; its methods are {', '.join(names.values())}")
    name = names[plain_name(method)]
    if name in _SCALAR:
        slopes = _Slopes(fun, jit)
        return {keyword: getattr(slopes, keyword) for keyword in _SCALAR[name]}
    if name in _DENSE:
        return {"jac": _Jacobian(fun, jit)}
    if name == "krylov":
        return {"options": {"jac_options": exact_krylov(_root_problem(fun, args, jit))}}
    return {}


class _Slopes:
    """First and second derivative of a function of one number, from the last point asked about."""

    def __init__(self, fun: Callable[..., Any], jit: bool | str) -> None:
        self._fun, self._jit = fun, jit
        self._args: tuple[Any, ...] = ()
        self._problem = Problem(fun, like=0.0, jit=jit)

    def _at(self, x: Any, args: tuple[Any, ...]) -> Any:
        if not _same(args, self._args):
            self._args, self._problem = args, Problem(self._fun, args=args, like=0.0, jit=self._jit)
        return self._problem.at(float(x))

    def fprime(self, x: Any, *args: Any) -> float:
        """f'(x)."""
        return float(self._at(x, args).g[0])

    def fprime2(self, x: Any, *args: Any) -> float:
        """f''(x)."""
        return float(self._at(x, args).H[0, 0])


class _Jacobian:
    """The Jacobian of a function of a vector, a new array at each call, as MINPACK wants it."""

    def __init__(self, fun: Callable[..., Any] | RootProblem, jit: bool | str) -> None:
        self._fun, self._jit = fun, jit
        self._args: tuple[Any, ...] = ()
        self._problem = _root_problem(fun, (), jit)

    def __call__(self, x: Array, *args: Any) -> Array:
        if not _same(args, self._args):
            self._args, self._problem = args, _root_problem(self._fun, args, self._jit)
        return np.array(self._problem.at(x).J, order="C")


def _root_problem(fun: Callable[..., Any] | RootProblem, args: tuple[Any, ...], jit: bool | str) -> RootProblem:
    if not isinstance(fun, RootProblem):
        return RootProblem(fun, args=args, jit=jit)
    if args:
        raise OptionError("args: a RootProblem has its own, RootProblem(fun, args=...); leave SciPy's out")
    return fun


def _same(args: tuple[Any, ...], known: tuple[Any, ...]) -> bool:
    return len(args) == len(known) and all(a is b for a, b in zip(args, known, strict=True))


class _Tracker(LinearOperator):  # type: ignore[misc]  # SciPy ships no types
    """The identity as a preconditioner: SciPy tells preconditioners the point."""

    def __init__(self, problem: RootProblem) -> None:
        self.problem = problem
        self.product: Callable[[Array], Array] | None = None
        self.size = 0

    def setup(self, x: Array, f: Array, func: Any) -> None:
        """SciPy's call at the start."""
        size = np.size(x)
        super().__init__(np.float64, (size, size))
        self.update(x, f)

    def update(self, x: Array, f: Array) -> None:
        """SciPy's call after each step."""
        self.product = self.problem.linearized(np.array(x, dtype=np.float64).reshape(-1))

    def _matvec(self, v: Array) -> Array:
        return v


def exact_krylov(problem: RootProblem) -> dict[str, Any]:
    """Options for SciPy's ``KrylovJacobian`` with which its products are exact: LGMRES on products of `problem`.

    Examples
    --------
    >>> sorted(exact_krylov(RootProblem(lambda x: x)))
    ['inner_M', 'method']
    """
    tracker = _Tracker(problem)
    kept: list[tuple[Array, Any]] = []

    def solve(_: Any, rhs: Array, *, rtol: float, maxiter: int = 20, M: Any = None) -> tuple[Array, int]:
        assert tracker.product is not None
        operator = LinearOperator(tracker.shape, matvec=tracker.product, dtype=np.float64)
        # One cycle a step, and the last steps' directions kept, as SciPy does with LGMRES.
        x, info = lgmres(
            operator,
            rhs,
            rtol=rtol,
            atol=0.0,
            maxiter=1,
            inner_m=maxiter,
            outer_k=10,
            outer_v=kept,
            prepend_outer_v=True,
            store_outer_Av=False,
        )
        return x, int(info)

    return {"method": solve, "inner_M": tracker}


def run_scipy_root(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...],
    method: str,
    *,
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    jit: bool | str = "auto",
) -> Result:
    """Find a root with SciPy's `method`, F evaluated once a point; "hybr" and "lm" get the exact Jacobian.

    The parameters are those of `root`; "krylov" gets exact products. The result has, besides the usual fields, SciPy's
    own in ``scipy_result``. "hybr" and "lm" tell nobody where they are: for them, each point where ‖F‖ is less than
    before is an iteration.

    Raises
    ------
    OptionError
        When an argument or option is of no use to the method.

    Examples
    --------
    >>> result = run_scipy_root(lambda x: x**2 - 2.0, [1.0], (), "hybr")
    >>> result.x.round(6), result.njev > 0, len(result.history) == result.nit + 1
    (array([1.414214]), True, True)
    """
    if jac is not None and jac is not False and method not in _DENSE:
        raise OptionError(f"{method} cannot use jac: leave it out, or choose a method that can")
    problem = RootProblem(fun, None if jac is False else jac, args=args, like=x0, jit=jit)
    start = problem.start(x0)
    run = _RootRun(problem, method, start, callback)
    options = dict(options or {})
    bound = max([_FIRST_ORDER, *(float(t) for t in (tol, options.get("fatol")) if t is not None)])
    keywords: dict[str, Any] = {"jac": run.jac} if method in _DENSE else {"callback": run.note}
    if method == "krylov":
        options["jac_options"] = {**exact_krylov(problem), **options.get("jac_options", {})}
    with warnings.catch_warnings(), quiet():
        warnings.filterwarnings("error", "Unknown solver options", scipy.optimize.OptimizeWarning)
        try:
            found = scipy.optimize.root(run.fun, np.array(start.x), method=method, tol=tol, options=options, **keywords)
        except scipy.optimize.OptimizeWarning as unknown:
            raise OptionError(f"{method}: {unknown}") from None
        except StopIteration:
            found = run.interrupted("stopped by callback")
        except (ValueError, ArithmeticError) as breakdown:
            if run.evaluating:
                raise
            found = run.interrupted(str(breakdown))
    return run.result(found, bound)


class _RootRun:
    """One run: SciPy's callables, the last few points, and the history."""

    def __init__(
        self, problem: RootProblem, method: str, start: ResidualPoint, callback: Callable[..., Any] | None
    ) -> None:
        self.problem, self.method = problem, method
        self.tell = None if callback is None else Speaker(callback)
        self.history = History()
        self.stopped = self.evaluating = False
        self.last = self.best = start
        self._differentiated: ResidualPoint | None = None
        self._points: deque[ResidualPoint] = deque([start], maxlen=8)
        self._begin = time.perf_counter()
        self._record(start)

    def fun(self, x: Array) -> Array:
        """F at x, a new array; of "hybr" and "lm" an iteration where it is the least so far."""
        point = self._point(np.array(x, dtype=np.float64).reshape(-1))
        if self.method in _DENSE and point.f < self.last.f:
            self._iteration(point)
        return np.array(point.r)

    def jac(self, x: Array) -> Array:
        """The dense Jacobian at x, a new array."""
        point = self._point(np.array(x))
        self.evaluating = True
        J = np.array(point.J, order="C")
        self.evaluating, self._differentiated = False, point
        return J

    def note(self, x: Array, f: Array) -> None:
        """SciPy's callback, of the methods that have one."""
        self._iteration(self._point(np.array(x, dtype=np.float64).reshape(-1)))

    def _iteration(self, point: ResidualPoint) -> None:
        self._record(point)
        if self.tell is None:
            return

        def so_far() -> Result:
            fields = self._fields(point, self.history.copy())
            return Result({**fields, "status": None, "success": False, "message": "running"})

        if self.tell(so_far):
            self.stopped = True
            raise StopIteration

    def interrupted(self, message: str) -> Any:
        """What SciPy would have returned, had it not been left by an exception."""
        return scipy.optimize.OptimizeResult(x=self.last.x, success=False, status=-1, message=message)

    def result(self, found: Any, bound: float) -> Result:
        """Our result of SciPy's, whose claim of success is put to the test."""
        x = np.array(found.x, dtype=np.float64).reshape(-1)
        point = self._point(x) if np.isfinite(x).all() else self.best
        status, message = self._ending(found), str(found.get("message", ""))
        size = largest(point.r)
        if status is Status.CONVERGED and not size <= bound:
            status = Status.CONTRADICTED
            message = f"{status.message}: max |F| = {size:.3g}, at most {bound:.3g} is asked for; SciPy says: {message}"
        elif status is Status.CALLBACK:
            assert self.tell is not None
            message = self.tell.reason
        if status is not Status.CONVERGED and self.best.f < point.f:
            point = self.best
        self.history.eager_reason = self.problem.eager_reason
        if status is not Status.CALLBACK:
            message += self.history.remark
        fields = self._fields(point, self.history)
        fields.update(status=status, success=status is Status.CONVERGED, message=message, scipy_result=found)
        return Result(fields)

    def _ending(self, found: Any) -> Status:
        if self.stopped:
            return Status.CALLBACK
        if found.success:
            return Status.CONVERGED
        if self.method == "df-sane":  # which has no status
            return Status.MAXFUN if str(found.message).startswith("too many") else Status.SCIPY
        limits = {"hybr": {2: Status.MAXFUN}, "lm": {5: Status.MAXFUN}}
        return limits.get(self.method, {2: Status.MAXITER}).get(int(found.status), Status.SCIPY)

    def _fields(self, point: ResidualPoint, history: History) -> dict[str, Any]:
        counts, tree = self.problem.counts, self.problem.unravel
        jac = np.array(point.J) if point is self._differentiated else None
        fields: dict[str, Any] = {"x": tree(point.x), "fun": tree(point.r), "jac": jac, "nit": len(history) - 1}
        return {**fields, **counts.main(), "njvp": counts.njvp, "nvjp": counts.nvjp, "history": history}

    def _record(self, point: ResidualPoint) -> None:
        step = 0.0 if len(self.history) == 0 else norm(point.x - self.last.x)
        elapsed, n = time.perf_counter() - self._begin, self.problem.counts
        size, length = largest(point.r), norm(point.x)
        row = Row(len(self.history), point.f, size, step, length, np.nan, n.nfev, n.njev, n.nhev, n.nhvp, elapsed)
        self.history.append(row)
        self.last = point
        if point.f < self.best.f:
            self.best = point

    def _point(self, x: Array) -> ResidualPoint:
        asked = x.tobytes()
        for point in reversed(self._points):
            if point.x.tobytes() == asked:
                return point
        if not np.isfinite(x).all():
            raise FloatingPointError("SciPy's method left for a point that is not finite")
        self.evaluating = True
        point = self.problem.at(x)
        _ = point.r
        self.evaluating = False
        self._points.append(point)
        return point
