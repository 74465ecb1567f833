"""The method of Levenberg and Marquardt, with bounds, robust losses and geodesic acceleration; imports ``region``.

>>> t, y = np.linspace(0.0, 4.0, 9), 2.5 * np.exp(-1.3 * np.linspace(0.0, 4.0, 9))
>>> result = LevenbergMarquardt().run(lambda p: p[0] * np.exp(-p[1] * t) - y, [1.0, 1.0])
>>> bool(result.success), result.x.round(8)
(True, array([2.5, 1.3]))
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from optimizers.batch import Members
from optimizers.checks import is_number
from optimizers.fitting.base import free_unknowns
from optimizers.fitting.factors import factorise
from optimizers.fitting.region import Limits, Proposal, RegionSolver, RegionState
from optimizers.fitting.together import fitted_together
from optimizers.fitting.weighted import FitPoint
from optimizers.flatten import Array
from optimizers.linear import norm

__all__ = ["LevenbergMarquardt"]


@dataclass(frozen=True, kw_only=True)
class LevenbergMarquardt(RegionSolver):
    """Damped Gauss-Newton steps, the damping set by a trust region: the default for least squares.

    J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", in Lecture Notes in Mathematics 630
    (1978) 105-116. The Jacobian is exact and is never squared; one factorisation a Jacobian serves every damping.

    With bounds, parameters at a bound that the gradient pushes against are held there; those that a step would carry
    across a bound end on it, exactly, and the step of the others is computed anew, by the same damping.

    Parameters
    ----------
    geodesic : bool
        Follow the curvature of the model: to the step v is added ½ a, where a solves the same damped equations for
        the exact second derivative of the residuals along v, unless a is longer than `avmax` times v. M. K.
        Transtrum and J. P. Sethna, "Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares
        minimization", arXiv:1201.5885 (2012). It saves steps in curved valleys, and costs one evaluation a step of
        about twice the residuals; it is left out where a bound is in the way.
    avmax : float
        See `geodesic`.
    **options
        `radius` and `scaling` of the region; `gtol`, `ctol`, `loss` and `f_scale`, which all methods of least squares
        have; the limits and stop rules of `Solver`. docs/optimizers.md explains them.

    Examples
    --------
    >>> def valley(x): return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
    >>> [LevenbergMarquardt(geodesic=geodesic).run(valley, [-1.2, 1.0]).nit for geodesic in (False, True)]
    [18, 5]
    """

    geodesic: bool = False
    avmax: float = 0.75
    uses: ClassVar[frozenset[str]] = frozenset({"jac", "bounds"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("geodesic", isinstance(self.geodesic, bool), "True or False")
        self._check("avmax", is_number(self.avmax) and self.avmax > 0.0, "a number > 0")

    def together(self, members: Members) -> dict[str, Any] | None:
        """The fits of a batch under `hodiff.vmap`, on stacks of members, without geodesic acceleration.

        Examples
        --------
        >>> import hodiff as hd
        >>> hd.vmap(lambda y: LevenbergMarquardt().run(lambda x: x - y, [0.0]).nit)(np.array([[0.0], [2.0]]))
        array([0, 1])
        """
        return None if self.geodesic else fitted_together(self, members)

    def _propose(self, point: FitPoint, state: RegionState, limits: Limits) -> Proposal:
        factors, free = state.factors, _free(state, limits)
        q, promised, damping = factors.within(state.length)
        scale = state.scale[free]
        s = np.zeros(point.x.size)
        s[free] = q / scale
        x = point.x + s
        if limits is not None and not bool(((limits[0] <= x) & (x <= limits[1])).all()):
            return _cut(point, state, limits, damping, s)
        if self.geodesic and promised > 0.0:
            bend = -0.5 * factors.solve((point.J[:, free] / scale).T @ point.second(s), damping)
            if 2.0 * norm(bend) <= self.avmax * norm(q):
                bent = np.array(x)
                bent[free] += bend / scale
                if limits is None or bool(((limits[0] <= bent) & (bent <= limits[1])).all()):
                    x = bent
        return Proposal(x, norm(q), promised, damping == 0.0)


def _free(state: RegionState, limits: Limits) -> NDArray[np.bool_] | slice:
    """Which parameters `state.factors` are about."""
    if limits is None or state.factors.Vt.shape[1] == state.x.size:
        return slice(None)
    free = free_unknowns(state.x, state.g, limits)
    return slice(None) if free is None else free


def _cut(point: FitPoint, state: RegionState, limits: tuple[Array, Array], damping: float, s: Array) -> Proposal:
    """The damped step, where it leaves the bounds: parameters are put on the bounds they cross, until none does."""
    low, high = limits
    x, moving = point.x + s, np.ones(s.size, dtype=bool)
    free = _free(state, limits)
    moving[:] = True if isinstance(free, slice) else free
    for _ in range(s.size):
        crossing = moving & ((x < low) | (x > high))
        if not crossing.any():
            break
        x[crossing] = np.clip(x, low, high)[crossing]
        moving &= ~crossing
        s = x - point.x
        if not moving.any():
            break
        rest = point.r + point.J[:, ~moving] @ s[~moving]
        x[moving] = (
            point.x[moving]
            + factorise(point.J[:, moving], rest, state.scale[moving]).step(damping) / state.scale[moving]
        )
    x = np.clip(x, low, high)
    s = x - point.x
    change = point.J @ s
    promised = -float(change @ (point.r + 0.5 * change))
    return Proposal(x, norm(state.scale * s), promised, damping == 0.0 and promised > 0.0, cut=True)
