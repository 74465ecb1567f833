"""The algebra of many small least-squares steps, members last: (n, b) and (n, n, b); imports ``compiling``.

Everything is written number by number, (b,) at a time, so that for few parameters compiled code does it in one pass
over the members; for more of them it is NumPy's, and for many not worth it (see ``together``).

>>> A, g = np.array([[[4.0, 1.0]]]), np.array([[8.0, 2.0]])
>>> full_step(A, g, np.ones((1, 2)))[0]
array([[2., 2.]])
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizers.compiling import compiled
from optimizers.fitting.factors import NEAR
from optimizers.fitting.region import ACCEPT
from optimizers.flatten import Array

__all__ = ["damped_round", "full_step", "inverse", "stationary_stacks", "verdicts"]

_EPS = float(np.finfo(np.float64).eps)
_UNITS, _SHORT = 10.0 * _EPS, _EPS**0.5
# The least pivot, of a matrix with a unit diagonal, that Cholesky's method may meet: half of the digits are left.
_PIVOT = 1e-8
# Up to so many parameters, code is compiled.
_FEW = 6

Bools = NDArray[np.bool_]
_Columns = list[Any]


def _factor(A: Any, scale: Any, damping: Any, least: float) -> tuple[list[_Columns], Any]:
    """Lower Cholesky factors of the scaled A + damping; whose pivots all exceed the share `least` of the diagonal."""
    n, sound = len(A), True
    L: list[_Columns] = [[None] * n for _ in range(n)]
    for j in range(n):
        for i in range(j, n):
            entry = A[i, j] / (scale[i] * scale[j])
            if i == j:
                entry = entry + damping
                bound = least * entry
            for k in range(j):
                entry = entry - L[i][k] * L[j][k]
            if i == j:
                sound = (entry > bound) & np.isfinite(entry) & sound
                L[j][j] = np.sqrt(entry)
            else:
                L[i][j] = entry / L[j][j]
    return L, sound


def _solved(L: list[_Columns], b: _Columns) -> _Columns:
    """(L Lᵀ)⁻¹ b."""
    n, y = len(L), list(b)
    for i in range(n):
        for k in range(i):
            y[i] = y[i] - L[i][k] * y[k]
        y[i] = y[i] / L[i][i]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            y[i] = y[i] - L[k][i] * y[k]
        y[i] = y[i] / L[i][i]
    return y


def _dot(v: _Columns, w: _Columns) -> Any:
    total = v[0] * w[0]
    for a, b in zip(v[1:], w[1:], strict=True):
        total = total + a * b
    return total


def _full_step(A: Any, g: Any, scale: Any) -> tuple[Any, ...]:
    L, sound = _factor(A, scale, 0.0, _PIVOT)
    b = [g[i] / scale[i] for i in range(len(A))]
    q = _solved(L, b)
    product = _dot(b, q)
    return np.stack(q), np.sqrt(_dot(q, q)), 0.5 * product, np.sqrt(np.maximum(product, 0.0)), sound


def _damped_round(
    A: Any, g: Any, scale: Any, radius: Any, damping: Any, low: Any, high: Any, q: Any, length: Any, off: Any
) -> tuple[Any, ...]:
    n = len(A)
    L, _ = _factor(A, scale, damping, 0.0)
    w = _solved(L, [g[i] / scale[i] for i in range(n)])
    reached = np.sqrt(_dot(w, w))
    q, length = np.where(off, np.stack(w), q), np.where(off, reached, length)
    gap = reached - radius
    off = off & (np.abs(gap) > NEAR * radius)
    slope = _dot(w, _solved(L, w)) / reached
    low = np.where(off & (gap > 0.0), damping, low)
    high = np.where(off & ~(gap > 0.0), damping, high)
    new = damping + np.where(slope > 0.0, gap / slope * (reached / radius), 0.0)
    new = np.where((low < new) & (new < high), new, np.maximum(1e-3 * high, np.sqrt(low * high)))
    return np.where(off, new, damping), low, high, q, length, off


def _inverse(A: Any, scale: Any, least: Any) -> tuple[Any, Any]:
    n = len(A)
    L, sound = _factor(A, scale, 0.0, least)
    ones = np.ones_like(scale[0])
    rows = [_solved(L, [ones if i == j else 0.0 * ones for i in range(n)]) for j in range(n)]
    return np.stack([np.stack([rows[i][j] / (scale[i] * scale[j]) for j in range(n)]) for i in range(n)]), sound


def _for_few(plain: Callable[..., Any]) -> Callable[..., Any]:
    quick = compiled(plain)

    def chosen(A: Array, *rest: Any) -> Any:
        return (quick if len(A) <= _FEW else plain)(A, *rest)

    return chosen


_steps, _rounds, _inverses = _for_few(_full_step), _for_few(_damped_round), _for_few(_inverse)


def full_step(A: Array, g: Array, scale: Array) -> tuple[Array, Array, Array, Array, Bools]:
    """Gauss-Newton steps in scaled parameters, negative, by the normal equations; what they promise.

    Parameters
    ----------
    A, g, scale : ndarray, shapes (n, n, b), (n, b), (n, b)
        JᵀJ, Jᵀr and the scales.

    Returns
    -------
    q : ndarray, shape (n, b)
    length, promised, reach : ndarray, shape (b,)
        ‖q‖, the decrease of the model, and the length of the projection of r on the columns of J.
    sound : ndarray of bool, shape (b,)
        Whether the pivots of the factorisation leave half of the digits.

    Examples
    --------
    >>> full_step(np.array([[[4.0]]]), np.array([[8.0]]), np.array([[2.0]]))[:2]
    (array([[4.]]), array([4.]))
    """
    return _steps(A, g, scale)  # type: ignore[no-any-return]


def damped_round(
    A: Array, g: Array, scale: Array, radius: Array, damping: Array, low: Array, high: Array,
    q: Array, length: Array, off: Bools,
) -> tuple[Array, ...]:  # fmt: skip
    """One round of Newton's method on the secular equations ‖q(λ)‖ = radius, for the members that are `off`.

    Parameters
    ----------
    A, g, scale
        As of `full_step`.
    radius, damping, low, high : ndarray, shape (b,)
        Radius, the damping λ to try, and the ends of the interval in which it lies.
    q, length, off : ndarray, shapes (n, b), (b,), (b,)
        Steps so far, their lengths, and whose are not near the radius yet.

    Returns
    -------
    damping, low, high, q, length, off
        After this round.

    Examples
    --------
    >>> one = np.ones(1)
    >>> damped_round(np.ones((1, 1, 1)), 4.0 * one[None], one[None], one, 3.0 * one, 0.0 * one, 9.0 * one,
    ...              0.0 * one[None], 0.0 * one, one > 0.0)[3:]
    (array([[1.]]), array([1.]), array([False]))
    """
    return _rounds(A, g, scale, radius, damping, low, high, q, length, off)  # type: ignore[no-any-return]


def inverse(A: Array, scale: Array, least: float) -> tuple[Array, Bools]:
    """Inverses of A, shape (n, n, b), and whose pivots all exceed `least` in the scaled matrix.

    Examples
    --------
    >>> inverse(np.array([[[4.0]]]), np.array([[2.0]]), 1e-8)
    (array([[[0.25]]]), array([ True]))
    """
    return _inverses(A, scale, least)  # type: ignore[no-any-return]


@compiled
def _verdicts(
    f: Any, trial_f: Any, finite: Any, promised: Any, sound: Any, following: Any, live: Any, x: Any, new: Any,
    columns: Any, length: Any, damping: Any, radius: Any, first: Any,
) -> tuple[Any, ...]:  # fmt: skip
    size = np.sqrt(2.0 * f)
    noise = size * _UNITS * np.sqrt(np.sum((columns * x) ** 2, axis=0)) + _UNITS * f
    ratio = np.where(finite & (promised > 0.0), (f - trial_f) / promised, -np.inf)
    good = live & (ratio > ACCEPT)
    hidden = live & ~good & finite & (promised <= noise) & (trial_f <= f + noise)
    taken = hidden & sound & (following < promised)
    ratio = np.where(taken, 1.0, ratio)
    moved = good | taken
    grown = np.where((ratio >= 0.75) | (damping == 0.0), 2.0 * length, radius)
    kept = np.where(ratio <= 0.25, 0.5 * np.minimum(radius, 10.0 * length), grown)
    after = np.where(moved, kept, 0.25 * np.minimum(radius, length))
    spent = np.all(new == x, axis=0) | (promised <= _EPS**2 * f) | ~(after > _EPS**2 * first)
    return moved, np.where(live, after, radius), spent, hidden


def verdicts(*parts: Any) -> tuple[Bools, Array, Bools, Bools]:
    """What becomes of trials: the rules of `RegionSolver.step` for every member.

    Parameters
    ----------
    *parts : ndarray
        In order: costs and trial costs, whether trials are finite, what the steps promised, whether the factorisations
        at the trials are sound and what the next steps promise there, who is live; points and trial points, shape
        (n, b); norms of columns, shape (n, b); lengths and dampings of the steps, radii, first radii.

    Returns
    -------
    moved : ndarray of bool, shape (b,)
        Whose trial is accepted.
    radius : ndarray, shape (b,)
        The next radii.
    spent : ndarray of bool, shape (b,)
        Who has nothing left to try if the trial is not accepted.
    hidden : ndarray of bool, shape (b,)
        Where rounding hides whether the cost falls, so that the next promise decides.

    Examples
    --------
    >>> one = np.ones(1)
    >>> verdicts(one, 0.5 * one, one > 0, 0.5 * one, one > 0, one, one > 0, one[None], 2 * one[None],
    ...          one[None], one, 0 * one, one, one)[:2]
    (array([ True]), array([2.]))
    """
    return _verdicts(*parts)  # type: ignore[no-any-return]


@compiled
def _stationary(f: Any, g: Any, columns: Any, x: Any, scale: Any, q: Any, reach: Any, ctol: Any) -> tuple[Any, Any]:
    size, at = np.sqrt(2.0 * f), np.sqrt(np.sum((columns * x) ** 2, axis=0))
    right = reach <= np.maximum(ctol * size, _UNITS * at)
    short = np.sqrt(np.sum((columns * q / scale) ** 2, axis=0)) <= _SHORT * (at + size)
    return np.max(np.abs(g), axis=0), right & short


def stationary_stacks(
    f: Array, g: Array, columns: Array, x: Array, scale: Array, q: Array, reach: Array, ctol: float
) -> tuple[Array, Bools]:
    """The largest entry of each gradient, and whether the test without units holds: see ``base``.

    Examples
    --------
    >>> one = np.ones(1)
    >>> stationary_stacks(one, one[None], one[None], one[None], one[None], 0 * one[None], 0 * one, 1e-10)
    (array([1.]), array([ True]))
    """
    return _stationary(f, g, columns, x, scale, q, reach, ctol)  # type: ignore[no-any-return]
