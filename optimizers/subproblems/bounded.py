"""The trust-region subproblem with bounds; imports ``linear``, ``steps``, ``lanczos``, ``secular``.

>>> H, none = np.diag([1.0, 4.0]), np.full(2, np.inf)
>>> model = Model(np.array([-1.0, -8.0]), H.__matmul__, H)
>>> bounded_step(model, np.zeros(2), (-none, np.array([np.inf, 1.0])), 10.0).s      # the second runs into its bound
array([1., 1.])
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import norm
from optimizers.subproblems.lanczos import krylov_limit, solved_in_krylov
from optimizers.subproblems.secular import in_ball

__all__ = ["BoundedStep", "Model", "bounded_step"]

_Array = NDArray[np.float64]
# Share of the decrease that its slope promises which a point on a projected path has to keep.
_KEEP = 0.01
# Trials along one path, and faces that are searched one after the other.
_TRIALS, _FACES = 60, 20
# Shares of a step along -g below which it is shortened at once, and to no less than.
_FAR, _SHORTEST = 1e-4, 1e-30
# How closely the model is minimised over a face whose boundary is not met, relative to the gradient at the start.
_CLOSE = 1e-2


@dataclass(frozen=True)
class Model:
    """The quadratic g·s + ½ s·Hs.

    Parameters
    ----------
    g : ndarray, shape (n,)
    product : callable
        v -> Hv.
    matrix : ndarray, shape (n, n), or None
        H where it is known; faces are then searched by an eigendecomposition, else in Krylov spaces.

    Examples
    --------
    >>> Model(np.ones(1), np.eye(1).__matmul__).value(np.ones(1))
    (1.5, array([2.]))
    """

    g: _Array
    product: Callable[[_Array], _Array]
    matrix: _Array | None = None

    def value(self, s: _Array) -> tuple[float, _Array]:
        """The model and its gradient at `s`; a product that is not finite counts as none.

        Examples
        --------
        >>> Model(np.ones(1), lambda v: v * np.nan).value(np.ones(1))
        (1.0, array([1.]))
        """
        bent = self.product(s)
        if not np.isfinite(bent).all():
            bent = np.zeros_like(s)
        return float(self.g @ s + 0.5 * (s @ bent)), self.g + bent


@dataclass(frozen=True)
class BoundedStep:
    """A step within bounds that lowers the model at least as much as the Cauchy point.

    Attributes
    ----------
    s : ndarray, shape (n,)
        ``x + s`` lies within the bounds, and exactly on those that it meets.
    predicted : float
        Decrease of the model.
    boundary : bool
        Whether the trust region held it up.
    length : float
        Of the projected step along -g that led to the Cauchy point: a good start for the next.

    Examples
    --------
    >>> BoundedStep(np.ones(1), 1.0, False, 0.5).boundary
    False
    """

    s: _Array
    predicted: float
    boundary: bool
    length: float


def bounded_step(
    model: Model,
    x: _Array,
    limits: tuple[_Array, _Array],
    radius: float,
    length: float | None = None,
    down: _Array | None = None,
    rtol: float = _CLOSE,
) -> BoundedStep:
    """Lower the model within bounds on x + s: the Cauchy point, then Newton's steps on the faces that it leads to.

    From the Cauchy point on the projected path of steepest descent, the model is minimised over the unknowns that
    are not at a bound, in a ball; a projected search along that step may meet further bounds, and the next face is
    searched, until none is met. C.-J. Lin and J. J. Moré, "Newton's method for large bound-constrained optimization
    problems", SIAM J. Optim. 9 (1999) 1100-1127, sections 3 to 5.

    Parameters
    ----------
    model : Model
    x : ndarray, shape (n,)
        Within the bounds.
    limits : pair of ndarray, shape (n,) each
        Lower and upper bounds, infinite where there are none.
    radius : float
        Positive; the Cauchy point and each step on a face are no longer.
    length : float, optional
        Where to begin the search for the Cauchy point.
    down : ndarray, shape (n,), optional
        A direction of negative curvature of unknowns not at a bound, to be followed from x if the gradient is small.
    rtol : float
        A face is done once its gradient has fallen to this share of that at x.

    Examples
    --------
    >>> saddle = np.diag([1.0, -1.0])
    >>> step = bounded_step(Model(np.zeros(2), saddle.__matmul__, saddle), np.zeros(2), (-np.ones(2), np.ones(2)), 5.0,
    ...                     down=np.array([0.0, 1.0]))
    >>> step.s, step.predicted
    (array([0., 1.]), 0.5)
    """
    low, high = limits
    s, slope, length = _cauchy(model, x, limits, radius, length)
    value = model.value(s)[0]
    boundary = norm(s) >= 0.9 * radius
    if down is not None:
        s, value, slope, _ = _projected_search(model, x, limits, s, value, slope, radius * down)
    goal = rtol * norm(_free_part(model.g, x, low, high))
    for _ in range(_FACES):
        free = (x + s > low) & (x + s < high)
        if not free.any() or norm(slope[free]) <= goal:
            break
        along, boundary = _on_face(model, slope, free, radius, rtol)
        moved, lower, slope_there, met = _projected_search(model, x, limits, s, value, slope, along)
        if not lower < value:
            break
        s, value, slope = moved, lower, slope_there
        if boundary or not met:
            break
    return BoundedStep(s, -value, boundary, length)


def _cauchy(
    model: Model, x: _Array, limits: tuple[_Array, _Array], radius: float, length: float | None
) -> tuple[_Array, _Array, float]:
    """A point on the projected path of steepest descent with sufficient decrease, not needlessly short."""
    size = norm(model.g)
    t = radius / size if length is None and size > 0.0 else (length or 1.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        room = np.where(model.g > 0.0, x - limits[0], x - limits[1]) / model.g
    last = float(room[model.g != 0.0].max(initial=0.0))
    t = min(t, 2.0 * last) if last > 0.0 else t  # twice as far as the last bound, the path is certainly at its end

    def at(t: float) -> tuple[_Array, _Array, bool, float]:
        s = np.clip(x - t * model.g, *limits) - x
        value, slope = model.value(s)
        fall = float(model.g @ s)
        least = 0.5 * fall / (fall - value) if fall - value < 0.0 else 1.0
        return s, slope, value <= _KEEP * fall and norm(s) <= radius, least

    s, slope, good, least = at(t)
    longer = good
    for _ in range(_TRIALS):
        # Where the model is least at a small share of a step that is too long, the way there by tenths would be long.
        shorter = max(least, _SHORTEST) if least < _FAR else 0.1
        following = t * (10.0 if longer else shorter)
        other, slope_there, fine, least = at(following)
        if longer and (not fine or (other == s).all()):
            break
        s, slope, t = other, slope_there, following
        if not longer and fine:
            break
    return s, slope, t


def _on_face(model: Model, slope: _Array, free: NDArray[np.bool_], radius: float, rtol: float) -> tuple[_Array, bool]:
    """Minimiser of the model over the free unknowns within the ball around the point where it has this slope."""
    g = slope[free]
    along = np.zeros_like(slope)
    if model.matrix is not None:
        w, Q = np.linalg.eigh(model.matrix[np.ix_(free, free)])
        y, _, inside = in_ball(w, Q.T @ g, radius, _CLOSE)
        along[free] = Q @ y
        return along, not inside

    def product(v: _Array) -> _Array:
        full = np.zeros_like(slope)
        full[free] = v
        inner: _Array = model.product(full)[free]
        return inner

    inside = True

    def solve(w: _Array, a: _Array) -> tuple[_Array, float]:
        nonlocal inside
        y, multiplier, inside = in_ball(w, a, radius, _CLOSE)
        return y, multiplier

    found = solved_in_krylov(product, g, solve, rtol, krylov_limit(g.size))
    along[free] = -(radius / norm(g)) * g if found is None else found[0]
    return along, not inside


def _projected_search(
    model: Model, x: _Array, limits: tuple[_Array, _Array], s: _Array, value: float, slope: _Array, along: _Array
) -> tuple[_Array, float, _Array, bool]:
    """The first point of sufficient decrease on the projected path from s, halving; whether it met a bound."""
    start, t = x + s, 1.0
    for _ in range(_TRIALS):
        end = np.clip(start + t * along, *limits)
        moved = end - x
        lower, slope_there = model.value(moved)
        if lower <= value + _KEEP * min(0.0, float(slope @ (moved - s))) and lower < value:
            return moved, lower, slope_there, bool((end != start + t * along).any())
        t *= 0.5
    return s, value, slope, False


def _free_part(g: _Array, x: _Array, low: _Array, high: _Array) -> _Array:
    """The gradient as bounds leave it at x."""
    return np.where(((x <= low) & (g > 0.0)) | ((x >= high) & (g < 0.0)), 0.0, g)
