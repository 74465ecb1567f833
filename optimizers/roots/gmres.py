"""Linear systems by products alone: flexible GMRES, preconditioned from the right; imports ``linear``.

Preconditioning from the right leaves the residual that is minimised the true one, which is what a forcing term bounds,
and A x comes for free, from the basis.

>>> A = np.array([[4.0, 1.0], [0.0, 2.0]])
>>> found = gmres(lambda v: A @ v, np.array([6.0, 4.0]), rtol=1e-12)
>>> found.x.round(12), found.products, bool(found.residual < 1e-11)
(array([1., 2.]), 2, True)
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizers.linear import norm

__all__ = ["LinearSolution", "gmres"]

_Array = NDArray[np.float64]
_Map = Callable[[_Array], _Array]
_EPS = float(np.finfo(np.float64).eps)


class LinearSolution(NamedTuple):
    """What became of A x = b.

    Attributes
    ----------
    x, image : ndarray, shape (n,)
        The solution and A x.
    residual : float
        Norm of b - A x.
    products : int
        Products with A so far.

    Examples
    --------
    >>> gmres(lambda v: v, np.ones(1), rtol=0.5).products
    1
    """

    x: _Array
    image: _Array
    residual: float
    products: int


def gmres(
    multiply: _Map, b: _Array, *, rtol: float, memory: int = 30, limit: int = 1000, precondition: _Map | None = None
) -> LinearSolution:
    """x of least residual ‖b - A x‖ in a Krylov space, until it is at most ``rtol * ‖b‖``; from 0.

    Y. Saad and M. H. Schultz, SIAM J. Sci. Stat. Comput. 7 (1986) 856-869; Y. Saad, "A flexible inner-outer
    preconditioned GMRES algorithm", SIAM J. Sci. Comput. 14 (1993) 461-469. Each new vector is orthogonalised twice.

    Parameters
    ----------
    multiply : callable
        v -> A v.
    b : ndarray, shape (n,)
    rtol : float
        Where to stop.
    memory : int
        Vectors kept, twice as many with a preconditioner; then it starts again from where it is.
    limit : int
        Limit on products.
    precondition : callable, optional
        v -> an approximation of A⁻¹ v; it may change from call to call.

    Examples
    --------
    >>> d = np.arange(1.0, 51.0)
    >>> plain = gmres(lambda v: d * v, np.ones(50), rtol=1e-6)
    >>> gmres(lambda v: d * v, np.ones(50), rtol=1e-6, precondition=lambda v: v / d).products < plain.products
    True
    """
    x, image, products = np.zeros_like(b), np.zeros_like(b), 0
    left, wanted = norm(b), rtol * norm(b)
    while left > wanted and products < limit:
        size = min(memory, limit - products, b.size)
        step, moved, used = _cycle(multiply, b - image, wanted, size, precondition)
        products += used
        after = norm(b - image - moved)
        if not after < left:  # a singular A, or one whose products are not finite
            break
        stagnant = after > (1.0 - 1e-3) * left
        x, image, left = x + step, image + moved, after
        if stagnant:
            break
    return LinearSolution(x, image, left, products)


def _cycle(
    multiply: _Map, r: _Array, wanted: float, size: int, precondition: _Map | None
) -> tuple[_Array, _Array, int]:
    """Step, its image under A, and products, of one cycle of at most `size` vectors."""
    first = estimate = norm(r)
    basis = np.zeros((size + 1, r.size))
    searched = basis if precondition is None else np.empty((size, r.size))
    H, rotations = np.zeros((size + 1, size)), np.zeros((size, 2))
    basis[0] = r / first
    used = done = 0
    while done < size and estimate > wanted:
        if precondition is not None:
            searched[done] = precondition(basis[done])
        w = np.array(multiply(searched[done]))
        used += 1
        length = norm(w)
        if not np.isfinite(length):
            break
        for _ in range(2):
            h = basis[: done + 1] @ w
            w -= h @ basis[: done + 1]
            H[: done + 1, done] += h
        rest = norm(w)
        done += 1
        if not rest > 10.0 * _EPS * length:  # nothing new: the space is exhausted
            break
        H[done, done - 1] = rest
        basis[done] = w / rest
        estimate *= _rotate(H[: done + 1, done - 1].copy(), rotations)
    H = H[: done + 1, :done]
    target = np.zeros(done + 1)
    target[0] = first
    y = np.linalg.lstsq(H, target, rcond=None)[0]
    return y @ searched[:done], (H @ y) @ basis[: done + 1], used


def _rotate(column: _Array, rotations: _Array) -> float:
    """Make the next column triangular by Givens rotations: the factor by which the residual shrinks."""
    j = column.size - 2
    for i in range(j):
        c, s = rotations[i]
        column[i], column[i + 1] = c * column[i] + s * column[i + 1], c * column[i + 1] - s * column[i]
    rotations[j] = column[j:] / norm(column[j:])
    return abs(float(rotations[j, 1]))
