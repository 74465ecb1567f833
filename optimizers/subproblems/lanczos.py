"""Lanczos' process and what is minimised in its space; imports ``linear`` and ``steps``.

>>> lowest_curvature(np.diag([3.0, -1.0, 2.0]).__matmul__, 3)[0]
-1.0
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from optimizers.linear import norm

__all__ = ["Krylov", "krylov_limit", "lanczos", "lowest_curvature", "solved_in_krylov"]

_Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
# Numbers that the vectors of one process may take up in all: 160 MB.
_NUMBERS = 20_000_000
# By how much the space grows between two solutions of the small problem, where nothing cheaper tells of convergence.
_GROWTH = 1.25
# How closely a positive least eigenvalue is worth knowing, and in how large a space no other hides.
_CLOSE, _ENOUGH = 0.1, 8


class Krylov(NamedTuple):
    """An orthonormal basis of a Krylov space in which H is tridiagonal.

    Attributes
    ----------
    basis : ndarray, shape (m, n)
        Orthonormal rows, the first along the start.
    diagonal : ndarray, shape (m,)
    beside : ndarray, shape (m - 1,)
        The tridiagonal matrix.
    residual : float
        What couples the last row to the space beyond; zero where the space is invariant under H.

    Examples
    --------
    >>> next(lanczos(np.eye(2).__matmul__, np.array([2.0, 0.0]), 2)).residual
    0.0
    """

    basis: _Array
    diagonal: _Array
    beside: _Array
    residual: float

    def eigen(self) -> tuple[_Array, _Array]:
        """Eigenvalues, ascending, and eigenvectors of the tridiagonal matrix.

        Examples
        --------
        >>> next(lanczos(np.diag([2.0, 3.0]).__matmul__, np.array([1.0, 0.0]), 2)).eigen()
        (array([2.]), array([[1.]]))
        """
        if self.diagonal.size == 1:
            return self.diagonal.copy(), np.ones((1, 1))
        w, Q = scipy.linalg.eigh_tridiagonal(self.diagonal, self.beside, check_finite=False)
        return w, Q


def krylov_limit(n: int) -> int:
    """How many vectors of length `n` a process may keep.

    Examples
    --------
    >>> krylov_limit(10), krylov_limit(10**6)
    (10, 20)
    """
    return min(n, max(20, _NUMBERS // n))


def lanczos(product: Callable[[_Array], _Array], start: _Array, limit: int) -> Iterator[Krylov]:
    """Krylov spaces of H from `start`, of dimensions 1, 2, …, `limit`; ends where a space is invariant.

    Each new vector is orthogonalised twice against all before, so that no eigenvalue appears more than once:
    B. N. Parlett, "The Symmetric Eigenvalue Problem" (1980), section 6.9 and chapter 13. A product that is not
    finite ends the process.

    Examples
    --------
    >>> [len(space.basis) for space in lanczos(np.diag([1.0, 2.0, 3.0]).__matmul__, np.ones(3), 9)]
    [1, 2, 3]
    """
    n = start.size
    limit = min(limit, n)
    basis = np.empty((min(limit, 8), n))
    diagonal, beside = np.empty(limit), np.empty(limit)
    vector, scale = start / norm(start), 0.0
    for m in range(limit):
        if m == len(basis):
            basis = np.concatenate([basis, np.empty((min(m, limit - m), n))])
        basis[m] = vector
        bent = product(vector)
        if not np.isfinite(size := norm(bent)):
            return
        scale = max(scale, size)
        diagonal[m] = vector @ bent
        known = basis[: m + 1]
        vector = bent - known.T @ (known @ bent)
        vector -= known.T @ (known @ vector)
        residual = norm(vector)
        if residual <= 10.0 * _EPS * scale:
            residual = 0.0
        beside[m] = residual
        yield Krylov(known, diagonal[: m + 1], beside[:m], residual)
        if residual == 0.0:
            return
        vector = vector / residual


def solved_in_krylov(
    product: Callable[[_Array], _Array],
    g: _Array,
    solve: Callable[[_Array, _Array], tuple[_Array, float]],
    rtol: float,
    limit: int,
) -> tuple[_Array, _Array, float] | None:
    """The step s, its coefficients y in the Krylov space, and the multiplier λ with (H + λI) s = -g up to `rtol` ‖g‖.

    `solve` gives y and λ of a diagonal model of eigenvalues w and slopes a. The residual is what couples the space
    to the rest, times the last coefficient, so it costs nothing; how far conjugate gradients are, which solve the
    same equations with λ = 0, tells when it is worthwhile to look. None where no product was finite.

    Examples
    --------
    >>> s, y, multiplier = solved_in_krylov(
    ...     np.diag([2.0, 4.0]).__matmul__, np.array([2.0, 4.0]), lambda w, a: (-a / w, 0.0), 1e-8, 2
    ... )
    >>> s, multiplier
    (array([-1., -1.]), 0.0)
    """
    size = norm(g)
    goal, found, looked, pivot, left = rtol * size, None, 0, 1.0, size
    space = None
    for space in lanczos(product, g, limit):
        m, before = len(space.basis), pivot
        # Pivots of the tridiagonal matrix: all positive as long as conjugate gradients meet positive curvature.
        pivot = (
            space.diagonal[-1] - (space.beside[-1] / before * space.beside[-1] if m > 1 else 0.0)
            if before > 0.0
            else -1.0
        )
        left = left * (space.residual / pivot) if pivot > 0.0 else np.inf
        if not (left <= goal or space.residual == 0.0 or m <= 2 or m >= _GROWTH * looked):
            continue
        looked, found = m, _coefficients(space, size, solve)
        if space.residual * abs(found[0][-1]) <= goal:
            break
    if space is None:
        return None
    if found is None or found[0].size != len(space.basis):
        found = _coefficients(space, size, solve)
    y, multiplier = found
    return space.basis.T @ y, y, multiplier


def lowest_curvature(product: Callable[[_Array], _Array], n: int, limit: int = 40) -> tuple[float, _Array]:
    """An estimate from above of the least eigenvalue of H, and a unit vector of that curvature.

    Lanczos' process from a fixed random vector, which has a share of every eigenvector. It ends early once the
    curvature is certainly negative, by a hundredth of the largest found, and no longer falls by much, or once it is
    positive and known to a tenth; at most `limit` products. What is within round-off of zero, sqrt(eps) times the
    largest eigenvalue, is returned as 0.

    Examples
    --------
    >>> lowest_curvature(np.eye(3).__matmul__, 3)[0]
    1.0
    """
    start = np.random.default_rng(n).normal(size=n)
    least, widest, vector, looked = np.inf, 0.0, start / norm(start), 0
    for space in lanczos(product, start, min(limit, n)):
        m = len(space.basis)
        if m < limit and m < _GROWTH * looked and space.residual > 0.0:
            continue
        before, looked = least, m
        w, Q = space.eigen()
        widest = max(abs(float(w[0])), abs(float(w[-1])))
        least, vector = float(w[0]), space.basis.T @ Q[:, 0]
        if least < -0.01 * widest and least > 1.1 * before:
            break
        if m >= _ENOUGH and least > 0.0 and space.residual * abs(float(Q[-1, 0])) < _CLOSE * least:
            break  # an eigenvalue lies that close, and random starts meet the least one first
    return (0.0 if abs(least) <= np.sqrt(_EPS) * widest else least), vector


def _coefficients(
    space: Krylov, size: float, solve: Callable[[_Array, _Array], tuple[_Array, float]]
) -> tuple[_Array, float]:
    """The solution in a space whose first vector is g of that size, in the basis of the space."""
    w, Q = space.eigen()
    y, multiplier = solve(w, size * Q[0])
    return Q @ y, multiplier
