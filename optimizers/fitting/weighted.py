"""A residual problem seen through a robust loss: points whose cost, gradient and model are those of the loss.

Imports ``residuals`` and ``losses``. Where the loss is the square, the problem is its own view.

>>> problem = ResidualProblem(lambda x: 3.0 * x)
>>> point = Weighted(problem, loss_named("huber"), 1.0).at(np.ones(1))
>>> point.f, point.g, point.raw.r
(2.5, array([3.]), array([3.]))
"""

import math
from functools import cached_property
from typing import Protocol

import numpy as np

from optimizers.fitting.losses import Loss, cost_of, loss_named, weights
from optimizers.flatten import Array
from optimizers.residuals import ResidualPoint, ResidualProblem

__all__ = ["FitPoint", "View", "Weighted", "WeightedPoint", "raw_of", "view_of"]


class FitPoint(Protocol):
    """What methods need of a point: a `ResidualPoint`, or one seen through a loss."""

    @property
    def x(self) -> Array:
        """Parameters, shape (n,)."""
        ...

    @property
    def r(self) -> Array:
        """Residuals of the local model, shape (m,)."""
        ...

    @property
    def J(self) -> Array:
        """Jacobian of the local model, shape (m, n)."""
        ...

    @property
    def f(self) -> float:
        """Cost."""
        ...

    @property
    def g(self) -> Array:
        """Gradient of the cost, shape (n,)."""
        ...

    @property
    def finite(self) -> bool:
        """Whether all that is finite."""
        ...

    def second(self, v: Array) -> Array:
        """Second derivative of the residuals along `v`, in the units of the model."""
        ...


class View(Protocol):
    """What methods need of a problem: a `ResidualProblem`, or one seen through a loss."""

    def at(self, x: Array, *, r: Array | None = None, J: Array | None = None) -> FitPoint:
        """The point `x`."""
        ...

    def trial(self, x: Array) -> FitPoint | None:
        """The point `x`, or None where it has overflowed."""
        ...

    def left(self) -> float:
        """Evaluations that maxfun leaves."""
        ...


class WeightedPoint:
    """A point whose `r` and `J` are weighted, so that Jᵀr is the gradient of the robust cost `f`; `raw` is not.

    Examples
    --------
    >>> raw = ResidualProblem(lambda x: 3.0 * x).at(np.ones(1))
    >>> WeightedPoint(raw, loss_named("soft_l1"), 1.0).J.shape
    (1, 1)
    """

    def __init__(self, raw: ResidualPoint, loss: Loss, f_scale: float) -> None:
        self.raw, self.x = raw, raw.x
        self._loss, self._f_scale = loss, f_scale

    @cached_property
    def _weighing(self) -> tuple[float, Array, Array]:
        f, first, second = cost_of(self._loss, self.raw.r, self._f_scale)
        return (f, *weights(first, second, self.raw.r))

    @property
    def f(self) -> float:
        """Robust cost."""
        return self._weighing[0]

    @cached_property
    def r(self) -> Array:
        """Weighted residuals, shape (m,)."""
        return self._weighing[1] * self.raw.r

    @cached_property
    def J(self) -> Array:
        """Weighted Jacobian, shape (m, n)."""
        return self.raw.J * self._weighing[2][:, None]

    @cached_property
    def g(self) -> Array:
        """Gradient of the robust cost, shape (n,)."""
        return self.J.T @ self.r

    @property
    def finite(self) -> bool:
        """Whether all of it is finite."""
        return self.raw.finite and math.isfinite(self.f) and bool(np.isfinite(self.g).all())

    def second(self, v: Array) -> Array:
        """Second derivative of the residuals along `v`, weighted as rows of the Jacobian are.

        Examples
        --------
        >>> raw = ResidualProblem(lambda x: x**2).at(np.zeros(1))
        >>> WeightedPoint(raw, loss_named("cauchy"), 1.0).second(np.ones(1))
        array([2.])
        """
        return self.raw.second(v) * self._weighing[2]


class Weighted:
    """A `ResidualProblem` through a loss.

    Examples
    --------
    >>> Weighted(ResidualProblem(lambda x: x), loss_named("cauchy"), 1.0).trial(np.array([np.nan])) is None
    True
    """

    def __init__(self, problem: ResidualProblem, loss: Loss, f_scale: float) -> None:
        self.problem, self._loss, self._f_scale = problem, loss, f_scale

    def at(self, x: Array, *, r: Array | None = None, J: Array | None = None) -> WeightedPoint:
        """The point `x`; `r` and `J`, where known, are those without weights.

        Examples
        --------
        >>> Weighted(ResidualProblem(lambda x: x), loss_named("cauchy"), 1.0).at(np.zeros(1)).f
        0.0
        """
        return WeightedPoint(self.problem.at(x, r=r, J=J), self._loss, self._f_scale)

    def trial(self, x: Array) -> WeightedPoint | None:
        """The point `x`, or None where it has overflowed.

        Examples
        --------
        >>> Weighted(ResidualProblem(lambda x: x), loss_named("cauchy"), 1.0).trial(np.zeros(1)).f
        0.0
        """
        raw = self.problem.trial(x)
        return None if raw is None else WeightedPoint(raw, self._loss, self._f_scale)

    def left(self) -> float:
        """Evaluations that maxfun leaves.

        Examples
        --------
        >>> Weighted(ResidualProblem(lambda x: x), loss_named("cauchy"), 1.0).left()
        inf
        """
        return self.problem.left()


def view_of(problem: ResidualProblem, loss: str | Loss, f_scale: float) -> View:
    """The problem through a loss; itself where that is the square.

    Examples
    --------
    >>> problem = ResidualProblem(lambda x: x)
    >>> view_of(problem, "linear", 1.0) is problem
    True
    """
    found = loss_named(loss)
    return problem if found is None else Weighted(problem, found, f_scale)


def raw_of(point: FitPoint) -> ResidualPoint:
    """The point without weights.

    Examples
    --------
    >>> point = ResidualProblem(lambda x: x).at(np.ones(1))
    >>> raw_of(point) is point
    True
    """
    raw = getattr(point, "raw", point)
    assert isinstance(raw, ResidualPoint)
    return raw
