"""The linear algebra of least-squares steps: one factorisation a Jacobian serves every damping; imports ``linear``.

>>> J, r = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), np.array([1.0, 2.0, 4.0])
>>> found = factorise(J, r, np.ones(2))
>>> bool(np.allclose(found.step(0.0), np.linalg.lstsq(J, -r)[0]))
True
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import ddot
from scipy.linalg.lapack import dgeqrf, dgesdd

from optimizers.flatten import Array
from optimizers.linear import norm

__all__ = ["NEAR", "TRIES", "Factors", "column_norms", "factorise"]

_EPS = float(np.finfo(np.float64).eps)
# How far from the radius a damped step may end, as MINPACK has it, and how many dampings are tried for that.
NEAR, TRIES = 0.1, 50
# Singular values of so small a share of the largest belong to directions that the columns of J hardly have.
_WEAK = 1e-6
# Sums of squares above this have lost nothing to underflow.
_TINY = 1e-280


class Factors(NamedTuple):
    """The singular value decomposition of a Jacobian in scaled variables, and the residuals in its basis.

    Attributes
    ----------
    s : ndarray, shape (k,)
        Singular values of J / scale, k of them, descending, those that are round-off set to 0.
    Vt : ndarray, shape (k, n)
        Right singular vectors, as rows.
    c : ndarray, shape (k,)
        Components of the residuals along the left singular vectors; 0 where `s` is.

    Examples
    --------
    >>> factorise(np.eye(2), np.array([3.0, 4.0]), np.ones(2)).reach
    5.0
    """

    s: Array
    Vt: Array
    c: Array

    @property
    def strong(self) -> NDArray[np.bool_]:
        """Which directions J has beyond doubt: singular values above a millionth of the largest, shape (k,)."""
        return np.greater(self.s, _WEAK * self.s[:1])

    @property
    def reach(self) -> float:
        """Length of the projection of the residuals on the strong directions: 0 where x is stationary."""
        if self.c.size == 0 or self.s.item(0) == 0.0:
            return 0.0
        return norm(self.c if self.s.item(-1) > _WEAK * self.s.item(0) else self.c[self.strong])

    @property
    def strong_step(self) -> float:
        """Length of the undamped step along the strong directions, in scaled parameters."""
        strong = self.strong
        return norm(self.c[strong] / self.s[strong]) if strong.any() else 0.0

    def along(self, damping: float) -> Array:
        """The step in the basis of the right singular vectors, negative, shape (k,).

        Examples
        --------
        >>> factorise(np.eye(1), np.ones(1), np.ones(1)).along(1.0)
        array([0.5])
        """
        if damping > 0.0:
            return self.s / (self.s * self.s + damping) * self.c
        if self.s.item(-1) > 0.0:
            return self.c / self.s
        return np.divide(self.c, self.s, out=np.zeros_like(self.c), where=self.s > 0.0)

    def step(self, damping: float) -> Array:
        """Minimiser q, shape (n,), of ½‖r + (J/scale) q‖² + ½ damping ‖q‖², of minimum norm where there are many.

        Examples
        --------
        >>> factorise(np.ones((1, 2)), np.ones(1), np.ones(2)).step(0.0)
        array([-0.5, -0.5])
        """
        return -(self.along(damping) @ self.Vt)

    def promised(self, damping: float) -> float:
        """By how much ½‖r + (J/scale) q‖² is lower at the step.

        Examples
        --------
        >>> factorise(np.eye(1), np.array([2.0]), np.ones(1)).promised(0.0)
        2.0
        """
        w = self.along(damping)
        moved = self.s * w
        return 0.5 * float(moved @ moved) + damping * float(w @ w)

    def solve(self, b: Array, damping: float) -> Array:
        """(JᵀJ/scale² + damping)⁻¹ b, shape (n,), in scaled variables.

        Examples
        --------
        >>> factorise(np.eye(1), np.ones(1), np.ones(1)).solve(np.array([4.0]), 1.0)
        array([2.])
        """
        square = self.s * self.s + damping
        inner = np.divide(self.Vt @ b, square, out=np.zeros_like(self.c), where=square > 0.0)
        return inner @ self.Vt

    def within(self, radius: float) -> tuple[Array, float, float]:
        """The step of `damping`, what it promises, and that damping; all from the same sums.

        Examples
        --------
        >>> q, promised, damping = factorise(np.eye(1), np.array([2.0]), np.ones(1)).within(3.0)
        >>> q, promised, damping
        (array([-2.]), 2.0, 0.0)
        """
        damping = self.damping(radius)
        w = self.along(damping)
        moved = self.s * w
        promised = 0.5 * ddot(moved, moved) + damping * ddot(w, w)
        return -(w @ self.Vt), promised, damping

    def damping(self, radius: float) -> float:
        """The damping whose step is as long as `radius`, to a tenth; 0 where the undamped one is no longer.

        Newton's method on the secular equation, safeguarded by the bounds of J. J. Moré, "The Levenberg-Marquardt
        algorithm: implementation and theory", in Lecture Notes in Mathematics 630 (1978) 105-116, section 5.

        Examples
        --------
        >>> found = factorise(np.eye(1), np.array([2.0]), np.ones(1))
        >>> found.damping(3.0), abs(abs(found.step(found.damping(0.5)))[0] - 0.5) <= 0.05
        (0.0, np.True_)
        """
        if not norm(self.along(0.0)) > (1.0 + NEAR) * radius:
            return 0.0
        low, high = 0.0, norm(self.s * self.c) / radius
        found = 1e-3 * high
        for _ in range(TRIES):
            w = self.along(found)
            length = norm(w)
            gap = length - radius
            if abs(gap) <= NEAR * radius:
                break
            low, high = (found, high) if gap > 0.0 else (low, found)
            slope = float((w * w / (self.s * self.s + found)).sum()) / length
            found += gap / slope * (length / radius) if slope > 0.0 else 0.0
            if not low < found < high:
                found = max(1e-3 * high, (low * high) ** 0.5)
        return found


def column_norms(J: Array) -> Array:
    """Euclidean norms of the columns, shape (n,); large and small entries neither overflow nor vanish.

    Examples
    --------
    >>> column_norms(np.array([[3.0, 0.0], [4.0, 0.0]]))
    array([5., 0.])
    """
    squares = np.einsum("ij,ij->j", J, J)
    if squares.min() > _TINY and squares.max() < np.inf:
        return np.sqrt(squares)  # type: ignore[no-any-return]
    largest = np.abs(J).max(axis=0)
    unit = np.where(largest > 0.0, largest, 1.0)
    scaled = J / unit
    found: Array = unit * np.sqrt(np.einsum("ij,ij->j", scaled, scaled))
    return found


@lru_cache(maxsize=64)
def _upper(k: int, n: int) -> Array:
    """Ones in the upper triangle: `numpy.triu` makes them anew each time, which takes longer than all the rest."""
    ones = np.triu(np.ones((k, n)))
    ones.setflags(write=False)
    return ones


def factorise(J: Array, r: Array, scale: Array) -> Factors:
    """The `Factors` of J / scale, shape (m, n), and r, shape (m,).

    Residuals and Jacobian are reduced together by Householder reflections to n rows, of which the singular value
    decomposition is taken: J itself is never squared.

    Examples
    --------
    >>> factorise(np.diag([2.0, 1e-20]), np.ones(2), np.ones(2)).s
    array([2., 0.])
    """
    m, n = J.shape
    if n == 0:
        return Factors(np.empty(0), np.empty((0, 0)), np.empty(0))
    stacked = np.empty((m, n + 1), order="F")
    np.divide(J, scale, out=stacked[:, :n])
    stacked[:, n] = r
    R = dgeqrf(stacked, overwrite_a=1)[0] if m > 1 else stacked
    k = min(m, n)
    upper = R[:k, :n] * _upper(k, n)
    U, s, Vt, info = dgesdd(upper, full_matrices=0)
    if info != 0:
        U, s, Vt = np.linalg.svd(upper, full_matrices=False)
    c = R[:k, n] @ U
    least = max(m, n) * _EPS * s.item(0)
    if not s.item(-1) > least:
        negligible = ~(s > least)
        s, c = np.where(negligible, 0.0, s), np.where(negligible, 0.0, c)
    return Factors(s, Vt, c)
