"""Dense factorisations that second-order methods share: pure functions; imports NumPy and SciPy only.

>>> factor = modified_cholesky(np.diag([4.0, -2.0]))
>>> factor.solve(np.array([4.0, 2.0])), factor.negative_curvature
(array([1., 1.]), array([0., 1.]))
"""

import math
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg.blas import dnrm2, idamax
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs

__all__ = [
    "ModifiedCholesky",
    "cholesky",
    "cholesky_solve",
    "has_negative_curvature",
    "largest",
    "lower_solve",
    "modified_cholesky",
    "norm",
    "shifted_cholesky",
]

_Array = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)


def norm(x: _Array) -> float:
    """Euclidean norm of a vector; unlike the root of x·x it neither overflows nor underflows on the way.

    Examples
    --------
    >>> norm(np.array([3e200, 4e200])), norm(np.array([3e-200, 4e-200]))
    (5e+200, 5e-200)
    """
    return float(dnrm2(x))


def largest(x: _Array) -> float:
    """Largest absolute entry of a vector, NaN where it has one; in a third of the time of ``np.abs(x).max()``.

    Examples
    --------
    >>> largest(np.array([1.0, -3.0])), largest(np.array([1.0, np.nan]))
    (3.0, nan)
    """
    if not math.isfinite(dnrm2(x)):
        return float(np.abs(x).max())
    return abs(float(x.item(idamax(x))))


def cholesky(H: _Array) -> _Array | None:
    """Lower Cholesky factor of `H`, or None where `H` is not numerically positive definite.

    Examples
    --------
    >>> cholesky(np.array([[4.0]])), cholesky(np.array([[-1.0]]))
    (array([[2.]]), None)
    """
    L, info = dpotrf(H, lower=1)
    return L if info == 0 and not math.isnan(L.item(-1)) else None  # a NaN anywhere ends up in the last pivot


def cholesky_solve(L: _Array, b: _Array) -> _Array:
    """Solution of ``L @ L.T @ x = b``.

    Examples
    --------
    >>> cholesky_solve(np.array([[2.0]]), np.array([8.0]))
    array([2.])
    """
    x: _Array = dpotrs(L, b, lower=1)[0]
    return x


def lower_solve(L: _Array, b: _Array) -> _Array:
    """Solution of ``L @ x = b`` for a lower triangular `L`.

    Examples
    --------
    >>> lower_solve(np.array([[2.0]]), np.array([8.0]))
    array([4.])
    """
    x: _Array = dtrtrs(L, b, lower=1)[0]
    return x


def shifted_cholesky(H: _Array, shift: float) -> _Array | None:
    """Cholesky factor of ``H + shift * I`` in the lower triangle of a new matrix, or None; what is above means nothing.

    Examples
    --------
    >>> L = shifted_cholesky(np.diag([1.0, -1.0]), 3.0)
    >>> cholesky_solve(L, np.array([4.0, 4.0]))
    array([1., 2.])
    """
    A = H.copy(order="C")
    A.reshape(-1)[:: len(A) + 1] += shift
    # Transposed, which changes nothing, it is in LAPACK's order, and no second copy is made.
    L, info = dpotrf(A.T, lower=1, clean=0, overwrite_a=1)
    return L if info == 0 and not math.isnan(L.item(-1)) else None


def has_negative_curvature(H: _Array) -> bool:
    """Whether some direction curves downwards by more than round-off can explain.

    Rows and columns are scaled by the square roots of their largest entries first, so that one large second
    derivative does not hide a negative one elsewhere. The margin is sqrt(eps) in that scale.

    Examples
    --------
    >>> has_negative_curvature(np.diag([1e8, -1.0])), has_negative_curvature(np.zeros((2, 2)))
    (True, False)
    """
    d = np.sqrt(np.abs(H).max(axis=0))
    d[d == 0.0] = 1.0
    scaled = H / np.outer(d, d)
    margin = np.sqrt(_EPS) * max(1.0, np.abs(scaled).max())
    return cholesky(scaled + margin * np.eye(d.size)) is None


class ModifiedCholesky(NamedTuple):
    """A factorisation ``P.T @ L @ Q @ diag(w) @ Q.T @ L.T @ P`` of a positive definite matrix near H.

    Attributes
    ----------
    lower : ndarray, shape (n, n)
        Unit lower triangular L, rows permuted.
    basis : ndarray, shape (n, n)
        Q, block diagonal and orthogonal.
    values : ndarray, shape (n,)
        w, all positive.
    order : ndarray of int, shape (n,)
        The permutation.
    modified : bool
        Whether the matrix differs from H.
    negative_curvature : ndarray, shape (n,), or None
        A direction d with d @ H @ d < 0 where there is one.

    Examples
    --------
    >>> modified_cholesky(np.eye(2)).modified
    False
    """

    lower: _Array
    basis: _Array
    values: _Array
    order: NDArray[np.intp]
    modified: bool
    negative_curvature: _Array | None

    def solve(self, b: _Array) -> _Array:
        """Solution x, shape (n,), of (modified H) x = b.

        Examples
        --------
        >>> modified_cholesky(np.diag([2.0, -4.0])).solve(np.ones(2))
        array([0.5 , 0.25])
        """
        y = self.basis @ ((self.basis.T @ lower_solve(self.lower, b[self.order])) / self.values)
        return _back_permuted(self.lower, y, self.order)


def modified_cholesky(H: _Array) -> ModifiedCholesky:
    """Factorise a positive definite matrix near the symmetric `H`, equal to it where `H` is safely definite.

    The pivoted factorisation P H P.T = L D L.T of Bunch and Kaufman leaves blocks of order one and two in D,
    whose eigenvalues carry the signs of those of H. They are replaced by their absolute values, and by no
    less than sqrt(eps) times the largest, so that a direction of negative curvature is followed over a
    distance that fits its curvature.

    S. H. Cheng and N. J. Higham, "A modified Cholesky algorithm based on a symmetric indefinite
    factorization", SIAM J. Matrix Anal. Appl. 19 (1998) 1097-1110; absolute values as in P. E. Gill,
    W. Murray and M. H. Wright, "Practical Optimization" (1981), section 4.4.

    Examples
    --------
    >>> H = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> d = modified_cholesky(H).negative_curvature
    >>> bool(d @ H @ d < 0)
    True
    """
    # A power of two, so that scaling is exact: the blocks of order two are formed by squaring.
    exponent = int(np.frexp(np.abs(H).max())[1])
    scaled = np.ldexp(H, -exponent)
    factor, D, order = scipy.linalg.ldl(scaled, lower=True, check_finite=False)
    L = factor[order]
    Q, w = _block_eigen(D)
    widest = float(np.abs(w).max())
    values = np.maximum(np.abs(w), np.sqrt(_EPS) * widest if widest > 0.0 else 1.0)
    lowest = int(np.argmin(w))
    downhill = _back_permuted(L, Q[:, lowest], order) if w[lowest] < 0.0 else None
    # An eigenvalue that is round-off may have either sign; what counts is the curvature along the direction.
    if downhill is not None and not (np.isfinite(downhill).all() and downhill @ scaled @ downhill < 0.0):
        downhill = None
    modified = not np.array_equal(values, w)
    return ModifiedCholesky(L, Q, np.ldexp(values, exponent), order, modified, downhill)


def _block_eigen(D: _Array) -> tuple[_Array, _Array]:
    """Eigenvectors, block diagonal, and eigenvalues of a matrix of diagonal blocks of order one and two."""
    w, Q = np.diag(D).copy(), np.eye(len(D))
    (first,) = np.nonzero(np.diag(D, -1))
    if first.size:
        pair = np.stack([first, first + 1], axis=1)
        rows, columns = pair[:, :, None], pair[:, None, :]
        w[pair], Q[rows, columns] = np.linalg.eigh(D[rows, columns])
    return Q, w


def _back_permuted(L: _Array, y: _Array, order: NDArray[np.intp]) -> _Array:
    """Solution x of L.T @ P @ x = y."""
    x = np.empty_like(y)
    x[order] = dtrtrs(L, y, lower=1, trans=1, unitdiag=1)[0]
    return x
