"""SciPy's constraints with exact derivatives; imports ``scipy_bridge.keywords`` and the layers below.

>>> import numpy as np
>>> (circle,) = exact_constraints({"type": "ineq", "fun": lambda x: 1.0 - x @ x})
>>> circle["jac"](np.array([1.0, 0.0]))
array([[-2.,  0.]])
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import BFGS, LinearConstraint, NonlinearConstraint

from optimizers.checks import check_jit
from optimizers.errors import InputTypeError, OptionError
from optimizers.flatten import Array, Layout
from optimizers.scipy_bridge.keywords import method_named
from optimizers.vector_derivatives import vector_derivatives_of

__all__ = ["CONSTRAINED", "exact_constraints", "nonlinear_constraint"]


# Which derivatives of constraints SciPy's methods use; SLSQP warns of a Hessian.
CONSTRAINED: dict[str, tuple[str, ...]] = {
    "SLSQP": ("jac",),
    "COBYLA": (),
    "COBYQA": (),
    "trust-constr": ("jac", "hess"),
}


def nonlinear_constraint(
    fun: Callable[..., Any],
    lb: Any,
    ub: Any,
    keep_feasible: Any = False,
    *,
    method: str = "trust-constr",
    jit: bool | str = "auto",
) -> NonlinearConstraint:
    """SciPy's `NonlinearConstraint`, ``lb <= fun(x) <= ub``, with exact Jacobian and Hessian, for SciPy's own methods.

    `opt.minimize` supplies constraints with derivatives by itself; this is for ``scipy.optimize.minimize``. SciPy's
    defaults are finite differences and a BFGS approximation of ``hess(x, v)``, the Hessian of v·fun.

    Parameters
    ----------
    fun : callable
        ``fun(x)`` -> number or array, of x of shape (n,), written with NumPy. From the first question for the Jacobian
        on, value and Jacobian are computed together, once a point.
    lb, ub : array_like
        Limits, a number or as many as `fun` gives; equal for an equation, ±inf for none.
    keep_feasible : bool or array_like of bool
        Whether all iterates have to satisfy it; of SciPy's methods, trust-constr heeds it.
    method : "trust-constr", "SLSQP", "COBYLA" or "COBYQA"
        SciPy's method that it is for. It gets what it uses: SLSQP no ``hess``, of which it would warn, the last two
        neither.
    jit : "auto", True or False
        See `Problem`.

    Returns
    -------
    scipy.optimize.NonlinearConstraint
        ``jac`` gives (m, n), ``hess`` (n, n) dense.

    Raises
    ------
    InputTypeError, OptionError
        When `fun` is no callable, or `method` or `jit` is not one of the above.

    Examples
    --------
    >>> import numpy as np, scipy.optimize, optimizers as opt
    >>> def rosen(x): return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    >>> disk = nonlinear_constraint(lambda x: x @ x, -np.inf, 1.0)
    >>> disk.jac(np.array([1.0, 2.0])), disk.hess(np.zeros(2), np.array([3.0]))
    (array([[2., 4.]]), array([[6., 0.],
           [0., 6.]]))
    >>> keywords = opt.scipy_kwargs(rosen, "trust-constr")
    >>> scipy.optimize.minimize(rosen, [0, 0], method="trust-constr", constraints=disk, **keywords).x.round(3)
    array([0.786, 0.618])
    """
    if not callable(fun):
        raise InputTypeError(f"fun must be callable, not {type(fun).__name__}")
    check_jit(jit)
    known = method_named(method)
    if known not in CONSTRAINED:
        raise OptionError(f"{known} cannot use constraints; SciPy's methods that can are {', '.join(CONSTRAINED)}")
    return _exact(NonlinearConstraint(fun, lb, ub, keep_feasible=keep_feasible), CONSTRAINED[known], None, jit)


def exact_constraints(
    constraints: Any, method: str = "trust-constr", layout: Layout | None = None, jit: bool | str = "auto"
) -> Any:
    """SciPy's constraints, with exact derivatives where none were given, as functions of the flat vector.

    Dicts without ``jac`` gain one. A `NonlinearConstraint` gains ``jac`` and ``hess`` where they are SciPy's
    defaults, ``"2-point"`` and `BFGS`, and where `method`, one of `CONSTRAINED`, uses them. Linear constraints are
    left as they are. `layout` is that of the trees that the constraints are functions of; `jit` that of `Problem`.

    Raises
    ------
    InputTypeError, OptionError
        When one of `constraints` is not one of SciPy's, or a dict without what it needs.

    Examples
    --------
    >>> import numpy as np
    >>> (circle,) = exact_constraints({"type": "ineq", "fun": lambda x: 1.0 - x @ x})
    >>> circle["jac"](np.array([1.0, 0.0]))
    array([[-2.,  0.]])
    """
    several = isinstance(constraints, (list, tuple))
    listed = list(constraints) if several else [constraints]
    for i, constraint in enumerate(listed):
        _check(constraint, f"constraints[{i}]" if several else "constraints")
    return [_exact(constraint, CONSTRAINED[method], layout, jit) for constraint in listed]


def _check(constraint: Any, name: str) -> None:
    """Raise for what SciPy would fail on from deep inside."""
    if isinstance(constraint, (LinearConstraint, NonlinearConstraint)):
        return
    if not isinstance(constraint, dict):
        raise InputTypeError(
            f"{name} is of type {type(constraint).__name__}: constraints are dicts, LinearConstraint, "
            "NonlinearConstraint, or a list of those; bounds have an argument of their own"
        )
    kind, jac = constraint.get("type"), constraint.get("jac")
    if not (isinstance(kind, str) and kind.lower() in ("eq", "ineq")):
        raise OptionError(f"{name}: its 'type' must be 'eq' or 'ineq', not {kind!r}")
    if not callable(constraint.get("fun")):
        raise InputTypeError(f"{name}: its 'fun' must be callable, not {type(constraint.get('fun')).__name__}")
    if not (jac is None or callable(jac)):
        raise OptionError(f"{name}: its 'jac' must be a callable, not {jac!r}; leave it out, and it will be exact")


def _exact(constraint: Any, wanted: tuple[str, ...], layout: Layout | None, jit: bool | str) -> Any:
    if isinstance(constraint, dict):
        shared = _Shared(constraint["fun"], layout, jit)
        jac = constraint.get("jac")
        exact = {
            "fun": shared.fun,
            "jac": shared.jac if jac is None else jac,
            "args": tuple(constraint.get("args", ())),
        }
        return {**constraint, **exact}
    if not isinstance(constraint, NonlinearConstraint):
        return constraint
    shared = _Shared(constraint.fun, layout, jit)
    jac, hess = constraint.jac, constraint.hess
    return NonlinearConstraint(
        shared.fun,
        constraint.lb,
        constraint.ub,
        jac=shared.jac if "jac" in wanted and isinstance(jac, str) and jac == "2-point" else jac,
        hess=shared.hess if "hess" in wanted and isinstance(hess, BFGS) else hess,
        keep_feasible=constraint.keep_feasible,
        finite_diff_rel_step=constraint.finite_diff_rel_step,
        finite_diff_jac_sparsity=constraint.finite_diff_jac_sparsity,
    )


class _Shared:
    """A constraint's value and derivatives, the last points remembered: SciPy asks for each apart."""

    def __init__(self, fun: Callable[..., Any], layout: Layout | None, jit: bool | str) -> None:
        self._found = vector_derivatives_of(fun, layout, jit=jit)
        self._known: deque[tuple[bytes, tuple[Any, ...], Array, Array]] = deque(maxlen=2)
        # Methods without derivatives never ask for the Jacobian, nor need `fun` have one.
        self._both = False

    def fun(self, x: Array, *args: Any) -> Any:
        """Value, shape (m,); from the function as it is until a Jacobian is asked for."""
        if not isinstance(x, np.ndarray):  # a traced point, from whoever differentiates this
            return self._found.fun(x, *args)
        if not self._both:
            return self._found.fun(np.array(x, dtype=np.float64), *args)
        return np.array(self._at(x, args)[0])

    def jac(self, x: Array, *args: Any) -> Array:
        """Jacobian, shape (m, n)."""
        self._both = True
        return np.array(self._at(x, args)[1])

    def hess(self, x: Array, v: Array, *args: Any) -> Array:
        """Hessian of v·fun, shape (n, n)."""
        return self._found.hess(x, v, *args)

    def _at(self, x: Array, args: tuple[Any, ...]) -> tuple[Array, Array]:
        x = np.array(x, dtype=np.float64)
        asked = x.tobytes()
        for at, with_args, value, slopes in self._known:
            if (
                at == asked
                and len(args) == len(with_args)
                and all(a is b for a, b in zip(args, with_args, strict=True))
            ):
                return value, slopes
        value, slopes = self._found.values_and_jac(x, *args)
        self._known.append((asked, args, value, slopes))
        return value, slopes
