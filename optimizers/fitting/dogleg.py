"""Powell's dogleg for least squares; imports ``region``.

>>> result = Dogleg().run(lambda x: np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]), [-1.2, 1.0])
>>> bool(result.success), result.x
(True, array([1., 1.]))
"""

from dataclasses import dataclass

import numpy as np

from optimizers.fitting.region import Limits, Proposal, RegionSolver, RegionState
from optimizers.fitting.weighted import FitPoint
from optimizers.linear import norm

__all__ = ["Dogleg"]


@dataclass(frozen=True, kw_only=True)
class Dogleg(RegionSolver):
    """Steps along the broken line from steepest descent to the Gauss-Newton point, as far as a trust region allows.

    M. J. D. Powell, "A hybrid method for nonlinear equations", in "Numerical Methods for Nonlinear Algebraic
    Equations" (1970) 87-114. A step costs no more than a few products; `LevenbergMarquardt` minimises over the whole
    region, and copes better with Jacobians that are nearly singular.

    Parameters
    ----------
    **options
        `radius` and `scaling` of the region; `gtol`, `ctol`, `loss` and `f_scale`, which all methods of least squares
        have; the limits and stop rules of `Solver`. docs/optimizers.md explains them.

    Examples
    --------
    >>> Dogleg().run(lambda x: x - np.array([1.0, 2.0]), [0.0, 0.0]).x
    array([1., 2.])
    """

    def _propose(self, point: FitPoint, state: RegionState, limits: Limits) -> Proposal:
        factors, radius = state.factors, state.length
        # In the basis of the right singular vectors, all of it negative: the step to the minimiser, and the gradient.
        newton = factors.along(0.0)
        far = norm(newton)
        if far <= radius:
            return Proposal(point.x - (newton @ factors.Vt) / state.scale, far, factors.promised(0.0), True)
        g = factors.s * factors.c
        bent = factors.s * g
        steep = g * (float(g @ g) / float(bent @ bent))
        near = norm(steep)
        if near >= radius:
            w = steep * (radius / near)
        else:
            leg = newton - steep
            a, b, c = float(leg @ leg), float(steep @ leg), near * near - radius * radius
            w = steep + (-c / (b + np.sqrt(b * b - a * c))) * leg
        moved = factors.s * w
        promised = float(moved @ (factors.c - 0.5 * moved))
        return Proposal(point.x - (w @ factors.Vt) / state.scale, norm(w), promised, False)
