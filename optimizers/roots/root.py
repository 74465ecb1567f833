"""The doors to methods for equations, ours and SciPy's: F(x) = 0 and x = G(x); imports the methods, ``scipy_bridge``.

>>> import numpy as np
>>> def circle_and_line(x):
...     return np.stack([x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]])
>>> for method in ("auto", "broyden", "hybr", "krylov"):
...     result = root(circle_and_line, [3.0, 1.0], method=method)
...     print(method, bool(result.success), result.x.round(3))
auto True [1. 1.]
broyden True [1. 1.]
hybr True [1. 1.]
krylov True [1. 1.]
>>> fixed_point(np.cos, 1.0).x.round(6)
np.float64(0.739085)
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from optimizers.batch import solved_in_batch
from optimizers.equations import FixedPointProblem, RootProblem
from optimizers.errors import InputTypeError, OptionError
from optimizers.flatten import Layout, Tree
from optimizers.result import Result
from optimizers.roots.anderson import Anderson
from optimizers.roots.base import RootSolver, as_root_problem
from optimizers.roots.broyden import Broyden
from optimizers.roots.fixed_point import FixedPoint
from optimizers.roots.krylov import NewtonKrylov
from optimizers.roots.newton import NewtonRoot
from optimizers.scipy_bridge import ROOT_METHODS, plain_name, run_scipy_root

__all__ = ["fixed_point", "root"]

# SciPy has methods named anderson and krylov too: these names are SciPy's in `root`, as they are there.
_ROOTS: dict[str, RootSolver[Any]] = {
    "newton": NewtonRoot(),
    "newton_krylov": NewtonKrylov(),
    "broyden": Broyden(),
    "anderson_mixing": Anderson(),
    "picard": FixedPoint(),
}
_FIXED: dict[str, RootSolver[Any]] = {
    "picard": FixedPoint(),
    "anderson": Anderson(),
    "newton": NewtonRoot(),
    "newton_krylov": NewtonKrylov(),
    "broyden": Broyden(),
}
# Where a dense Jacobian and its factorisation begin to cost more than they save.
_DENSE = 500


def root(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...] = (),
    *,
    method: RootSolver[Any] | type[RootSolver[Any]] | str | None = "auto",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    jit: bool | str = "auto",
) -> Result:
    """Solve ``fun(x, *args) = 0`` from `x0`; SciPy's signature, with the exact Jacobian where none is given.

    Parameters
    ----------
    fun : callable
        As many equations as unknowns: it returns an array of any shape, a list, or a tree like `x0`.
    x0 : tree
        Start: an array of any shape, a number, a list of numbers, or a tree of arrays.
    args : tuple
        Further arguments of `fun` and `jac`.
    method : solver, str or None
        A solver object; a name of ours, "newton", "newton_krylov", "broyden", "anderson_mixing" or "picard"; or the
        name of a method of `scipy.optimize.root`; in any case, with or without separators. "auto", or None, takes
        `NewtonRoot` up to 500 unknowns and `NewtonKrylov` beyond.
    jac : callable, optional
        ``jac(x, *args)`` -> (n, n) for the flat vector; ours take sparse matrices and operators, too.
    tol : float, optional
        For our solvers, `gtol`, what the largest entry of F may be; for SciPy's, what SciPy makes of it.
    callback : callable, optional
        As of `Solver.run`, and, for all methods, SciPy's ``callback(x, f)``.
    options : dict, optional
        The options of the method.
    jit : "auto", True or False
        See `Problem`.

    Returns
    -------
    Result
        `fun` is F(x), shaped like `x0`, and `jac` its Jacobian where the method knows it, (n, n). A claim of success by
        a method of SciPy's is put to the test: max|F(x)| may be 1e-5, or `tol` or the option ``fatol`` where that is
        larger. Else the status is ``CONTRADICTED``: "lm" claims success at minima of ‖F‖ that are no roots.

    Raises
    ------
    OptionError
        When method or option is unknown, or an argument is of no use to the method.
    InputTypeError, ShapeError, NonFiniteError
        When `fun`, `x0` or `jac` is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> root(lambda p: {"a": p["a"] ** 2 - 4.0, "b": p["b"] - p["a"]}, {"a": 1.0, "b": np.zeros(2)}).x["b"]
    array([2., 2.])
    >>> root(lambda x: x**2 + 1.0, [1.0]).status.name, root(lambda x: x**2 + 1.0, [1.0], method="lm").status.name
    ('NOT_A_ROOT', 'CONTRADICTED')
    """

    def arguments(x0: Tree, args: tuple[Any, ...]) -> dict[str, Any]:
        functions = {"fun": fun, "jac": jac, "method": method}
        return {"x0": x0, "args": args, **functions, "tol": tol, "options": options, "jit": jit}

    given, callback = _options(options), _of_result(callback)
    batched = solved_in_batch(arguments, root, x0, args, callback=callback)
    if batched is not None:
        return batched
    chosen = _chosen(method, _ROOTS, x0)
    if isinstance(chosen, str):
        return run_scipy_root(fun, x0, args, chosen, jac=jac, tol=tol, callback=callback, options=given, jit=jit)
    return _run(RootProblem, chosen, fun, x0, args, jac, tol, callback, given, jit)


def fixed_point(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...] = (),
    *,
    method: RootSolver[Any] | type[RootSolver[Any]] | str | None = "auto",
    jac: Any = None,
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    jit: bool | str = "auto",
) -> Result:
    """Solve ``x = fun(x, *args)`` from `x0`: the root of F(x) = fun(x) - x.

    Parameters
    ----------
    fun : callable
        It returns what is shaped like `x0`.
    method : solver, str or None
        A solver object, or "picard", "anderson", "newton", "newton_krylov" or "broyden". "auto", or None, takes
        `Anderson`.
    jac : callable, optional
        ``jac(x, *args)`` -> the Jacobian of `fun`, (n, n).
    x0, args, tol, callback, options, jit
        As of `root`.

    Returns
    -------
    Result
        As of `root`: `fun` is fun(x) - x.

    Raises
    ------
    OptionError, InputTypeError, ShapeError, NonFiniteError
        As `root`.

    Examples
    --------
    >>> import numpy as np
    >>> result = fixed_point(lambda x: np.sqrt(1.0 + x), [1.0, 4.0], method="picard")
    >>> result.x.round(6), result.nit
    (array([1.618034, 1.618034]), 16)
    >>> fixed_point(lambda x: np.sqrt(1.0 + x), [1.0, 4.0]).nit
    6
    """

    def arguments(x0: Tree, args: tuple[Any, ...]) -> dict[str, Any]:
        functions = {"fun": fun, "jac": jac, "method": method}
        return {"x0": x0, "args": args, **functions, "tol": tol, "options": options, "jit": jit}

    given, callback = _options(options), _of_result(callback)
    batched = solved_in_batch(arguments, fixed_point, x0, args, callback=callback)
    if batched is not None:
        return batched
    chosen = _chosen(method, _FIXED, x0)
    if isinstance(chosen, str):
        raise OptionError(f"method: SciPy's {chosen!r} is for roots: call root with G(x) - x")
    return _run(FixedPointProblem, chosen, fun, x0, args, jac, tol, callback, given, jit)


def _run(
    kind: type[RootProblem],
    solver: RootSolver[Any],
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...],
    jac: Any,
    tol: float | None,
    callback: Callable[..., Any] | None,
    options: dict[str, Any],
    jit: bool | str,
) -> Result:
    chosen = solver.with_options(**({} if tol is None else {"tol": tol}), **options)
    assert isinstance(chosen, RootSolver)
    problem = as_root_problem(kind, fun, x0, args, jac=jac, jit=jit)
    return chosen.solve(problem, x0, callback)


def _of_result(callback: Any) -> Any:
    """SciPy's ``callback(x, f)`` as one of the result so far; any other as it is."""
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):  # no callable, or one that hides its signature
        return callback
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(needed) != 2:
        return callback

    def told(intermediate_result: Result) -> Any:
        return callback(intermediate_result.x, intermediate_result.fun)

    return told


def _options(options: Any) -> dict[str, Any]:
    if not (options is None or isinstance(options, Mapping)):
        raise InputTypeError(f"options must be a dict of names and values, not {type(options).__name__}")
    return dict(options or {})


def _chosen(method: Any, ours: dict[str, RootSolver[Any]], x0: Tree) -> RootSolver[Any] | str:
    """A solver of ours or the name of one of SciPy's."""
    method = "auto" if method is None else method
    if isinstance(method, RootSolver):
        return method
    if isinstance(method, type) and issubclass(method, RootSolver):
        return method()
    if not isinstance(method, str):
        raise InputTypeError(f"method must be a solver for roots or a name, not {type(method).__name__}")
    name = plain_name(method)
    if name == "auto":
        if ours is _FIXED:
            return Anderson()
        return NewtonRoot() if Layout.of(x0).size <= _DENSE else NewtonKrylov()
    for known, solver in ours.items():
        if name == plain_name(known):
            return solver
    for known in ROOT_METHODS:
        if name == plain_name(known):
            return known
    theirs = "" if ours is _FIXED else f"; SciPy's are {', '.join(ROOT_METHODS)}"
    raise OptionError(f"unknown method {method!r}; ours are auto, {', '.join(ours)}{theirs}")
