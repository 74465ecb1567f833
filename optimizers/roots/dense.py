"""One step with a dense Jacobian: Newton's, or a damped one where Newton's leads nowhere; imports ``steps``.

>>> problem = RootProblem(lambda x: x**2 + 1.0)               # it has no root
>>> outcome = dense_step(problem, problem.at([1e-3]), 0.0, None)
>>> outcome.damping > 0.0, bool(outcome.point.f < problem.at([1e-3]).f)
(True, True)
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import ddot

from optimizers.equations import RootProblem
from optimizers.flatten import Array
from optimizers.residuals import ResidualPoint
from optimizers.roots.steps import (
    FLAT,
    Found,
    backtrack,
    column_scale,
    damped,
    dense_steps,
    failure,
    is_stationary,
    newton_direction,
)
from optimizers.status import Status

__all__ = ["Outcome", "dense_step"]

_EPS = float(np.finfo(np.float64).eps)


class Outcome(NamedTuple):
    """What a step led to.

    Attributes
    ----------
    point : ResidualPoint or None
        None where there was none; `ending` then says why.
    length : float
        Of a Newton step; NaN of a damped one.
    damping : float
        0 where the next step is to be Newton's.
    scale : ndarray, shape (n,)
        Units of the unknowns.
    ending : Status or None

    Examples
    --------
    >>> Outcome(None, 0.0, 0.0, np.ones(1), Status.ROUND_OFF).ending.name
    'ROUND_OFF'
    """

    point: ResidualPoint | None
    length: float
    damping: float
    scale: Array
    ending: Status | None = None


def dense_step(
    problem: RootProblem,
    point: ResidualPoint,
    damping: float,
    scale: Array | None,
    *,
    natural: bool = False,
    suits: Callable[[ResidualPoint], bool] | None = None,
) -> Outcome:
    """Newton's step with backtracking where `damping` is 0 and that works; else a damped step.

    Newton's direction leads nowhere where the Jacobian is singular or nearly so: M. J. D. Powell, "A hybrid method for
    nonlinear equations", in P. Rabinowitz (ed.), Numerical Methods for Nonlinear Algebraic Equations (1970). Damped
    steps then go down to a root, or to a minimum of ‖F‖ that is none.

    Parameters
    ----------
    natural : bool
        Whether Newton steps are judged by ‖J⁻¹F‖ with the J of `point`, which the units of F do not change.
    suits : callable, optional
        A further condition on the point.

    Examples
    --------
    >>> problem = RootProblem(lambda x: x - 1.0)
    >>> dense_step(problem, problem.at([3.0]), 0.0, None).point.x
    array([1.])
    """
    scale = column_scale(point.J, scale)
    newton = newton_direction(point.J, point.r) if damping == 0.0 else None
    if newton is not None:
        found = _search(problem, point, *newton, natural=natural, suits=suits)
        if found.point is not None:
            return Outcome(found.point, found.length, 0.0, scale)
    noise = _EPS * float((np.abs(point.J) @ np.abs(point.x)).max())
    if is_stationary(point, point.g, scale, FLAT):
        return Outcome(None, 0.0, damping, scale, failure(problem, point, point.g, scale, noise))
    first = damping if damping > 0.0 else 1e-10 if newton is None else 1e-3
    new, following, linear = damped(problem, point, dense_steps(point, scale), first, suits)
    if new is None:
        return Outcome(None, 0.0, damping, scale, failure(problem, point, point.g, scale, noise))
    return Outcome(new, float("nan"), 0.0 if linear else following, scale)


def _search(
    problem: RootProblem,
    point: ResidualPoint,
    direction: Array,
    solve: Callable[[Array], Array],
    *,
    natural: bool,
    suits: Callable[[ResidualPoint], bool] | None,
) -> Found:
    if not natural:
        return backtrack(problem, point, direction, slope=-2.0 * point.f, trials=6, suits=suits)

    def measure(at: ResidualPoint) -> float:
        step = solve(at.r)
        return 0.5 * float(ddot(step, step))

    # The restricted monotonicity test of P. Deuflhard, "Newton Methods for Nonlinear Problems" (2004), section 3.3.
    slope = -2.0 * measure(point)
    return backtrack(problem, point, direction, slope=slope, trials=6, share=0.25, measure=measure, suits=suits)
