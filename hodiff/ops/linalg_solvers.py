"""Least squares, condition numbers, powers and chains of matrices, and NumPy's tensor equations.

``lstsq`` has the derivative of a matrix of the rank that NumPy finds with the given tolerance, kept constant: Golub and
Pereyra (1973), "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables separate".
Where a change of the matrix changes its rank, the solution is not continuous.
May import ``core``, ``errors``, ``kinds``, ``matrices``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda b: np.linalg.lstsq(np.array([[1.0], [1.0]]), b)[0][0])(np.array([1.0, 2.0]))
array([0.5, 0.5])
"""

from functools import lru_cache
from math import prod
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.core import Tracer, as_operand
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, constant, elementwise, general, reject
from hodiff.matrices import adjoint, conjugate, inexact
from hodiff.operands import as_array
from hodiff.shaped import Shape, negative_axes


def _plain(function: str, **keywords: Any) -> None:
    """Refuse tolerances and orders that carry derivatives."""
    for keyword, value in keywords.items():
        if isinstance(value, Tracer):
            raise UnsupportedKeywordError.for_keyword(function, keyword)


def _epsilon(dtype: Any) -> float:
    return float(np.finfo(dtype).eps)


# --- lstsq ------------------------------------------------------------------------------------------------------------


def _least_squares(a: Any, b: Any, rcond: float) -> Any:
    x, residuals, rank, _ = np.linalg.lstsq(a, b, rcond)
    return x, residuals, np.asarray(rank)


def _residual_change(ans: Any, residual: Any, change: Any) -> Any:
    """Tangent of the sums of squares: by the normal equations, the solution moves at no cost."""
    if ans[1].shape[0] == 0:
        return None
    return np.sum(2.0 * np.real(conjugate(residual) * change), axis=0)


def _least_squares_matrix_jvp(t: Any, ans: Any, a: Any, b: Any, rcond: float) -> Any:
    # x = A⁺b with the derivative of A⁺ multiplied out: no product larger than needed.
    x = ans[0]
    inverse, change = np.linalg.pinv(a, rcond), adjoint(t)
    residual, moved = b - a @ x, t @ x
    inside = change @ (adjoint(inverse) @ x)
    dx = inverse @ (adjoint(inverse) @ (change @ residual) - moved) + inside - inverse @ (a @ inside)
    return dx, _residual_change(ans, residual, -moved), None


def _least_squares_side_jvp(t: Any, ans: Any, a: Any, b: Any, rcond: float) -> Any:
    return np.linalg.pinv(a, rcond) @ t, _residual_change(ans, b - a @ ans[0], t), None


#: Solution, sums of squared residuals (if NumPy gives any) and rank, for right-hand sides that are matrices.
least_squares = general(_least_squares, _least_squares_matrix_jvp, _least_squares_side_jvp, name="least_squares")


@composite(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """NumPy's ``linalg.lstsq``: solution, sums of squares, rank, singular values; the derivative keeps the rank."""
    _plain("numpy.linalg.lstsq", rcond=rcond)
    a, b = inexact(a), inexact(b)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise np.linalg.LinAlgError(
            f"numpy.linalg.lstsq: got arrays with {a.ndim} and {b.ndim} axes; give a matrix and a vector or matrix"
        )
    if a.shape[0] != b.shape[0]:
        raise np.linalg.LinAlgError("Incompatible dimensions")
    # LAPACK works in double precision, and takes any negative tolerance for its own.
    precision = _epsilon(np.float64)
    tolerance = precision * max(a.shape) if rcond is None else precision if rcond < 0 else float(rcond)
    x, residuals, rank = least_squares(a, b[:, None] if b.ndim == 1 else b, rcond=tolerance)
    return x[:, 0] if b.ndim == 1 else x, residuals, rank, np.linalg.svd(a, compute_uv=False)


# --- rank and condition -----------------------------------------------------------------------------------------------


def _rank(a: Any, ndim: int, tol: Any, hermitian: bool, rtol: Any) -> Any:
    if ndim < 2:
        return np.any(np.reshape(a, (*a.shape[: a.ndim - ndim], -1)) != 0, axis=-1).astype(int)
    return np.linalg.matrix_rank(a, tol, hermitian, rtol=rtol)


rank_of = constant(_rank, name="rank_of", leading=True)
#: Whether a matrix has no inverse, on an axis each for rows and columns.
singular_to_lapack = constant(lambda x: _singular(x), name="singular_to_lapack", leading=True)


def _singular(x: Any) -> Any:
    """Exactly singular, as the elimination finds it: then the determinant is 0, and has logarithm -inf if it is."""
    return np.equal(np.linalg.slogdet(x)[0], 0)[..., None, None]


#: 0, with the derivative NaN where ``lost``.
undefined = elementwise(
    lambda x, lost: np.zeros_like(x), lambda ans, x, lost: np.where(lost, np.nan, 0.0), None, name="undefined"
)


@composite(np.linalg.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """NumPy's ``linalg.matrix_rank``."""
    _plain("numpy.linalg.matrix_rank", tol=tol, rtol=rtol)
    if rtol is not None and tol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    A = as_operand(A)
    return rank_of(A, ndim=A.ndim, tol=tol, hermitian=bool(hermitian), rtol=rtol)


@composite(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    """NumPy's ``linalg.cond``, of every order; infinite for singular matrices, which have no derivative."""
    _plain("numpy.linalg.cond", p=p)
    x = inexact(x)
    if 0 in x.shape[-2:]:
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    with np.errstate(all="ignore"):
        if p is None or p in (2, -2):
            s = np.linalg.svd(x, compute_uv=False)
            ratio = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        else:
            singular = singular_to_lapack(x)
            inverse = np.where(singular, np.inf, np.linalg.inv(np.where(singular, np.nan, x))).astype(x.dtype)
            ratio = np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(inverse, p, axis=(-2, -1))
    lost = np.isnan(ratio) & ~np.any(np.isnan(x), axis=(-2, -1))
    infinite = np.inf + np.sum(np.real(undefined(x, lost[..., None, None])), axis=(-2, -1))
    return np.where(lost, infinite, ratio).astype(ratio.dtype)[()]


# --- powers and chains ------------------------------------------------------------------------------------------------


@composite(np.linalg.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    """NumPy's ``linalg.matrix_power``, by repeated squaring."""
    a = as_operand(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    try:
        n = as_index(n)
    except TypeError:
        raise TypeError("exponent must be an integer") from None
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 3:
        return a @ a @ a
    square, result = a, a if n % 2 else None
    while n := n // 2:
        square = square @ square
        if n % 2:
            result = square if result is None else result @ square
    return result


@lru_cache(maxsize=256)
def _cheapest(lengths: Shape) -> tuple[int, Any]:
    """Number of multiplications, and the place of the last product, for a chain of matrices of these lengths."""
    if len(lengths) == 2:
        return 0, None
    return min(
        (_cheapest(lengths[: i + 1])[0] + _cheapest(lengths[i:])[0] + lengths[0] * lengths[i] * lengths[-1], i)
        for i in range(1, len(lengths) - 1)
    )


def _chain(arrays: list[Any], lengths: Shape) -> Any:
    place = _cheapest(lengths)[1]
    if place is None:
        return arrays[0]
    return np.dot(_chain(arrays[:place], lengths[: place + 1]), _chain(arrays[place:], lengths[place:]))


@composite(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """NumPy's ``linalg.multi_dot``, in the cheapest order."""
    reject("numpy.linalg.multi_dot", out=(out, None))
    arrays = [as_array(x) for x in arrays]
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(arrays) == 2:
        return np.dot(arrays[0], arrays[1])
    first, last = arrays[0].ndim == 1, arrays[-1].ndim == 1
    arrays[0] = arrays[0][None, :] if first else arrays[0]
    arrays[-1] = arrays[-1][:, None] if last else arrays[-1]
    if any(x.ndim != 2 for x in arrays):
        raise np.linalg.LinAlgError("numpy.linalg.multi_dot: give matrices; only the first and the last may be vectors")
    answer = _chain(arrays, (*(x.shape[0] for x in arrays), arrays[-1].shape[1]))
    return answer[0, 0] if first and last else np.ravel(answer) if first or last else answer


# --- tensor equations -------------------------------------------------------------------------------------------------


@composite(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """NumPy's ``linalg.tensorsolve``."""
    a, b = as_operand(a), as_operand(b)
    b = as_array(b)
    if axes is not None:
        order = list(range(a.ndim))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = np.transpose(a, order)
    shape = a.shape[-(a.ndim - b.ndim) :]
    if a.size != prod(shape) ** 2:
        raise np.linalg.LinAlgError(
            "Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    return np.reshape(np.linalg.solve(np.reshape(a, (prod(shape), prod(shape))), np.ravel(b)), shape)


@composite(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """NumPy's ``linalg.tensorinv``."""
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = a.shape
    rows = prod(shape[ind:])
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, -1))), shape[ind:] + shape[:ind])


# --- norms of the array API -------------------------------------------------------------------------------------------


@composite(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """NumPy's ``linalg.matrix_norm``, of the last two axes."""
    return np.linalg.norm(x, ord, (-2, -1), keepdims)


@composite(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """NumPy's ``linalg.vector_norm``, over any number of axes."""
    if axis is not None and not isinstance(axis, tuple):
        return np.linalg.norm(x, ord, axis, keepdims)
    x = as_operand(x)
    axes = negative_axes(axis, x.ndim, "numpy.linalg.vector_norm")
    rest = tuple(i for i in range(-x.ndim, 0) if i not in axes)
    lengths = tuple(x.shape[i] for i in rest)
    flat = np.reshape(np.transpose(x, axes + rest), (prod(x.shape[i] for i in axes), *lengths))
    answer = np.linalg.norm(flat, ord, 0)
    return np.reshape(answer, tuple(1 if i in axes else x.shape[i] for i in range(-x.ndim, 0))) if keepdims else answer
