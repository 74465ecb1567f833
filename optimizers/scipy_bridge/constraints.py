"""SciPy's constraints with exact derivatives; imports ``derivatives`` and the layers below.

>>> import numpy as np
>>> (circle,) = exact_constraints({"type": "ineq", "fun": lambda x: 1.0 - x @ x})
>>> circle["jac"](np.array([1.0, 0.0]))
array([[-2.,  0.]])
"""

from typing import Any

from scipy.optimize import BFGS, NonlinearConstraint

from optimizers.derivatives import vector_derivatives_of
from optimizers.flatten import Layout

__all__ = ["exact_constraints"]


def exact_constraints(constraints: Any, layout: Layout | None = None, jit: bool | str = "auto") -> Any:
    """SciPy's constraints, with exact derivatives where none were given, as functions of the flat vector.

    Dicts without ``jac`` gain one. A `NonlinearConstraint` gains ``jac`` and ``hess`` where they are SciPy's
    defaults, ``"2-point"`` and `BFGS`. Linear constraints and bounds are left as they are. `layout` is that of the
    trees that the constraints are functions of; `jit` that of `Problem`.

    Examples
    --------
    >>> import numpy as np
    >>> (circle,) = exact_constraints({"type": "ineq", "fun": lambda x: 1.0 - x @ x})
    >>> circle["jac"](np.array([1.0, 0.0]))
    array([[-2.,  0.]])
    """
    if isinstance(constraints, (list, tuple)):
        return [_exact(constraint, layout, jit) for constraint in constraints]
    return [_exact(constraints, layout, jit)]


def _exact(constraint: Any, layout: Layout | None, jit: bool | str) -> Any:
    if isinstance(constraint, dict):
        found = vector_derivatives_of(constraint["fun"], layout, jit=jit)
        jac = constraint.get("jac")
        exact = {"fun": found.fun, "jac": found.jac if jac is None else jac, "args": tuple(constraint.get("args", ()))}
        return {**constraint, **exact}
    if not isinstance(constraint, NonlinearConstraint):
        return constraint
    found = vector_derivatives_of(constraint.fun, layout, jit=jit)
    jac, hess = constraint.jac, constraint.hess
    return NonlinearConstraint(
        found.fun,
        constraint.lb,
        constraint.ub,
        jac=found.jac if isinstance(jac, str) and jac == "2-point" else jac,
        hess=found.hess if isinstance(hess, BFGS) else hess,
        keep_feasible=constraint.keep_feasible,
        finite_diff_rel_step=constraint.finite_diff_rel_step,
        finite_diff_jac_sparsity=constraint.finite_diff_jac_sparsity,
    )
