"""One door to every method, ours and SciPy's; imports the families and ``scipy_bridge``.

>>> import numpy as np
>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> for method in ("auto", "lbfgs", "Newton", "SLSQP"):
...     result = minimize(rosen, [-1.2, 1.0], method=method)
...     print(method, bool(result.success), result.x.round(3))
auto True [1. 1.]
lbfgs True [1. 1.]
Newton True [1. 1.]
SLSQP True [1. 1.]
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optimizers.batch import solved_in_batch
from optimizers.bounds import limits_of
from optimizers.conjugate_gradient import NonlinearCG
from optimizers.errors import InputTypeError, OptionError
from optimizers.first_order import AdaGrad, Adam, AdamW, GradientDescent, Lion, Momentum, Nesterov, RMSProp
from optimizers.flatten import Layout, Tree
from optimizers.quasi_newton import DFP, LBFGS, LBFGSB, SR1
from optimizers.result import Result
from optimizers.scipy_bridge import METHODS, plain_name, run_scipy
from optimizers.second_order import ARC, Newton, ProjectedNewton, TrustRegion
from optimizers.solver import Solver

__all__ = ["minimize"]

# None that SciPy has too, case and separators aside: BFGS, L-BFGS-B and Newton-CG are SciPy's by name.
_OURS: dict[str, Solver[Any]] = {
    "adagrad": AdaGrad(),
    "adam": Adam(),
    "adamw": AdamW(),
    "arc": ARC(),
    "dfp": DFP(),
    "gradient_descent": GradientDescent(),
    "lbfgs": LBFGS(),
    "lion": Lion(),
    "momentum": Momentum(),
    "nesterov": Nesterov(),
    "newton": Newton(),
    "nonlinear_cg": NonlinearCG(),
    "projected_newton": ProjectedNewton(),
    "rmsprop": RMSProp(),
    "sr1": SR1(),
    "trust_region": TrustRegion(),
}
# Where a dense Hessian and its factorisation begin to cost more than they save.
_DENSE = 200


def minimize(
    fun: Callable[..., Any],
    x0: Tree,
    args: tuple[Any, ...] = (),
    *,
    method: Solver[Any] | type[Solver[Any]] | str | None = "auto",
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
    """Minimise ``fun(x, *args)`` from `x0`; SciPy's signature, with exact derivatives where none are given.

    Parameters
    ----------
    fun : callable
        Real scalar function of a tree shaped like `x0`, written with NumPy.
    x0 : tree
        Start: an array of any shape, a number, a list of numbers, or a tree of arrays.
    args : tuple
        Further arguments of `fun` and of the derivatives.
    method : solver, str or None
        A solver object or class; the name of such a class, "trust_region" for instance; or the name of a method of
        `scipy.optimize.minimize`; in any case, with or without separators. Names that SciPy has too, BFGS for
        instance, mean SciPy's: write ``BFGS()`` for ours. "auto", or None, takes `TrustRegion` up to 200 unknowns and
        `LBFGS` beyond; with bounds `ProjectedNewton` and `LBFGSB`; with constraints SciPy's SLSQP and trust-constr.
    bounds, constraints
        As SciPy's, for methods that can use them; bounds are on the flat vector, and a start outside of them is
        moved to the nearest point within. Constraints get exact derivatives where they bring none.
    tol : float, optional
        For our solvers, `gtol`; for SciPy's methods, what SciPy makes of it.
    callback : callable, optional
        See `Solver.run`; both of SciPy's signatures serve with every method.
    options : dict, optional
        The options of the method.
    jac, hess, hessp : callable, optional
        Derivatives of one's own, in SciPy's forms.
    jit : "auto", True or False
        See `Problem`.

    Returns
    -------
    Result
        With the same fields and a history for every method. A claim of success by a method of SciPy's is put to
        the test once, at the end, whatever the method: no entry of the gradient (with bounds, of the projected
        gradient; with constraints, of the gradient less its best combination of the gradients of the active
        ones) may exceed 1e-4, or `tol` or the option ``gtol`` where that is larger. Else the status is
        ``CONTRADICTED``, or ``UNVERIFIED`` where `fun` cannot be differentiated, and success is False.

        Some of SciPy's defaults would seldom pass. Where neither `tol` nor `options` says otherwise, L-BFGS-B
        runs with ``ftol`` 2e-15, SLSQP with ``ftol`` 1e-12, Nelder-Mead with ``xatol`` 1e-8 and ``fatol`` 1e-12,
        Powell with ``xtol`` 1e-8 and ``ftol`` 1e-14, COBYLA with ``tol`` 1e-8, COBYQA with ``final_tr_radius`` 1e-8.

    Raises
    ------
    OptionError
        When method or option is unknown, or an argument is of no use to the method.
    InputTypeError, ShapeError, NonFiniteError
        When `fun`, `x0` or a derivative is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> minimize(lambda p: (p["a"] - 1.0) ** 2 + p["b"] @ p["b"], {"a": 0.0, "b": np.ones(2)}).x["b"]
    array([0., 0.])
    >>> minimize(lambda x: (x[0] - 1.0) ** 2, [0.0], bounds=[(2.0, None)]).x
    array([2.])
    """
    if not (options is None or isinstance(options, Mapping)):
        raise InputTypeError(f"options must be a dict of names and values, not {type(options).__name__}")

    def arguments(x0: Tree, args: tuple[Any, ...]) -> dict[str, Any]:
        functions = {"fun": fun, "jac": jac, "hess": hess, "hessp": hessp, "bounds": bounds, "constraints": constraints}
        return {"x0": x0, "args": args, **functions, "method": method, "tol": tol, "options": options, "jit": jit}

    # A solver sees for itself whether there is a batch.
    batched = None if isinstance(method, Solver) else solved_in_batch(arguments, minimize, x0, args, callback=callback)
    if batched is not None:
        return batched
    given = dict(options or {})
    constrained = not (constraints is None or (isinstance(constraints, (list, tuple)) and not constraints))
    chosen = _chosen(method, x0, bounded=bounds is not None, constrained=constrained)
    if isinstance(chosen, str):
        return run_scipy(
            fun,
            x0,
            args,
            chosen,
            bounds=bounds,
            constraints=constraints or (),
            tol=tol,
            callback=callback,
            options=given,
            jac=jac,
            hess=hess,
            hessp=hessp,
            jit=jit,
        )
    solver = chosen.with_options(**({} if tol is None else {"tol": tol}), **given)
    if type(solver).problem_of is not Solver.problem_of:
        raise OptionError(f"{type(solver).__name__} minimises no objective: use root, fixed_point or least_squares")
    solver.refuse(bounds=bounds, constraints=constraints)
    if bounds is not None:
        layout = Layout.of(x0)
        x0 = layout.unravel(np.clip(layout.ravel(x0), *limits_of(bounds, layout.size)))
    return solver.run(fun, x0, args, jac=jac, hess=hess, hessp=hessp, bounds=bounds, callback=callback, jit=jit)


def _chosen(method: Any, x0: Tree, *, bounded: bool, constrained: bool) -> Solver[Any] | str:
    """A solver of ours or the name of one of SciPy's."""
    method = "auto" if method is None else method
    if isinstance(method, Solver):
        return method
    if isinstance(method, type) and issubclass(method, Solver):
        return method()
    if not isinstance(method, str):
        raise InputTypeError(f"method must be a solver object or a name, not {type(method).__name__}")
    name = plain_name(method)
    if name == "auto":
        small = Layout.of(x0).size <= _DENSE
        if constrained:
            return "SLSQP" if small else "trust-constr"
        if bounded:
            return ProjectedNewton() if small else LBFGSB()
        return _OURS["trust_region" if small else "lbfgs"]
    for known, solver in _OURS.items():
        if name == plain_name(known):
            return solver
    if name in map(plain_name, METHODS):
        return next(known for known in METHODS if plain_name(known) == name)
    raise OptionError(f"unknown method {method!r}; ours are auto, {', '.join(_OURS)}; SciPy's are {', '.join(METHODS)}")
