"""Spectra of matrices and norms: eigh, eigvalsh, svd, svdvals, norm, on stacks of matrices.

``eigh`` is the function of the symmetric (Hermitian) part of its argument, as in JAX: NumPy reads one triangle only,
which for such a matrix says the same, and the gradient is symmetric: an entry off the diagonal gets half of what it
would get if it stood for both triangles.

Equal eigenvalues or singular values (equal to rounding) have vectors defined only up to a rotation, so a derivative
that rotates them into each other is undefined. It is taken to be 0 and nothing else is affected: a function that does
not depend on the choice, such as the projector on the whole eigenspace, has its exact derivative. *Second* derivatives
depend on what is lost there: through such vectors they are NaN, not wrong.

Without vectors, equal eigenvalues or singular values share their derivatives equally, and singular values have the
derivative 0 at 0, as |x| has. With vectors they keep those of the vectors found, so that UsVᴴ has the derivative of A.

Norms have, at a kink, the minimum-norm element of the Clarke subdifferential: 0 at 0, and ties share.
Rules: Giles (2008), "An extended collection of matrix derivative results", 3.1; Townsend (2016), "Differentiating the
singular value decomposition". May import ``core``, ``kinds``, ``shaped`` and ``errors``.

>>> import hodiff as hd
>>> hd.grad(lambda a: np.sum(np.linalg.eigh(a).eigenvalues[:2]))(np.diag([1.0, 1.0, 2.0]))
array([[1., 0., 0.],
       [0., 1., 0.],
       [0., 0., 0.]])
"""

from typing import Any

import numpy as np

from hodiff.core import Primitive, Tracer, as_operand
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, constant, elementwise, general, reject
from hodiff.shaped import is_inexact, keepdims_shape, negative_axes

_EIGH = type(np.linalg.eigh(np.eye(1)))
_SVD = type(np.linalg.svd(np.eye(1)))

#: What undefined derivatives count as at first and at higher orders.
_UNDEFINED = (0.0, np.nan)


def _inexact(x: Any) -> Any:
    """Integers as floats, which is what NumPy's linalg works with."""
    x = as_operand(x)
    return x if is_inexact(x.dtype) else x.astype(np.float64)


def _conjugate(x: Any) -> Any:
    return np.conjugate(x) if x.dtype.kind == "c" else x


def _real(x: Any) -> Any:
    return np.real(x) if x.dtype.kind == "c" else x


def _adjoint(x: Any) -> Any:
    return _conjugate(x.mT)


# --- reciprocals of differences ---------------------------------------------------------------------------------------


def _negligible(x: Any, w: Any, size: int) -> Any:
    """Whether numbers ``x`` are zero to the accuracy with which the spectrum ``w`` of a matrix is computed."""
    scale = np.max(np.abs(w), axis=-1, initial=0.0)
    return np.abs(x) <= 10 * size * np.finfo(w.dtype).eps * scale[(..., *(None,) * (x.ndim - scale.ndim))]


def _gaps(w: Any) -> Any:
    """wⱼ - wᵢ at (i, j)."""
    return w[..., None, :] - w[..., :, None]


def _sums(w: Any) -> Any:
    return w[..., None, :] + w[..., :, None]


#: Where two values of a spectrum coincide, where both are zero, where one is zero; a spectrum held fixed.
coinciding = constant(lambda w, size: _negligible(_gaps(w), w, size), name="coinciding", leading=True)
vanishing_sums = constant(lambda w, size: _negligible(_sums(w), w, size), name="vanishing_sums", leading=True)
vanishing = constant(lambda w, size: _negligible(w, w, size), name="vanishing", leading=True)
#: Matrix that takes the mean over each run of coinciding values of an ordered spectrum; 1 where all are apart.
sharing = constant(lambda w, size: _sharing(w, size), name="sharing", leading=True)


def _sharing(w: Any, size: int) -> Any:
    # By runs, so that coinciding is transitive and the sum of all values keeps its derivative. NaN is a run of its own.
    apart = ~_negligible(w[..., 1:] - w[..., :-1], w, size)
    run = np.concatenate([np.zeros_like(w[..., :1], int), np.cumsum(apart, axis=-1)], axis=-1)
    same = np.equal(run[..., :, None], run[..., None, :]).astype(w.dtype)
    return same / np.sum(same, axis=-1, keepdims=True)


def _matvec(a: Any, x: Any) -> Any:
    return (a @ x[..., None])[..., 0]


def _reciprocal(x: Any, zero: Any, undefined: Any) -> Any:
    """1/x, and ``undefined`` where x is zero."""
    return np.where(zero, undefined, 1 / np.where(zero, 1.0, x))


def _between(undefined: float, w: Any) -> Any:
    """``undefined`` for pairs of different vectors; a vector has no part along itself, so 0 on the diagonal."""
    return np.where(np.eye(w.shape[-1], dtype=bool), 0.0, undefined).astype(w.dtype)


# --- eigh -------------------------------------------------------------------------------------------------------------


def _eigen_jvp(t: Any, ans: Any, a: Any, vectors: bool, undefined: tuple[float, ...]) -> Any:
    w, v = ans
    if isinstance(a, Tracer):
        # The vectors have derivatives of their own here, which are those of higher order.
        w, v = eigen(a, vectors=True, undefined=undefined[1:] or undefined)
    tv = t @ v
    dw = _real(np.sum(_conjugate(v) * tv, axis=-2))
    if not vectors:
        return _matvec(sharing(w, size=a.shape[-1]), dw), None
    inner = _adjoint(v) @ tv
    weights = _reciprocal(_gaps(w), coinciding(w, size=a.shape[-1]), _between(undefined[0], w))
    return dw, v @ ((inner + _adjoint(inner)) * (0.5 * weights))


#: Eigenvalues and eigenvectors of the symmetric part of a matrix; ``vectors`` tells whether the latter are wanted.
eigen: Primitive = general(lambda a, vectors, undefined: tuple(np.linalg.eigh(a)), _eigen_jvp, name="eigen", core=2)


@composite(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """NumPy's ``linalg.eigh`` of the symmetric (Hermitian) part of ``a``; its gradient is symmetric."""
    return _EIGH(*eigen(_triangle(a, UPLO), vectors=True, undefined=_UNDEFINED))


@composite(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """NumPy's ``linalg.eigvalsh`` of the symmetric (Hermitian) part of ``a``; its gradient is symmetric."""
    return eigen(_triangle(a, UPLO), vectors=False, undefined=_UNDEFINED)[0]


def _triangle(a: Any, triangle: str) -> Any:
    """A matrix with the triangle that is to be read as the lower one."""
    if triangle.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return _adjoint(_inexact(a)) if triangle.upper() == "U" else _inexact(a)


# --- svd --------------------------------------------------------------------------------------------------------------


def _singular_jvp(t: Any, ans: Any, a: Any, vectors: bool, undefined: tuple[float, ...]) -> Any:
    """With T = Uᴴ Ȧ V, rotations UᴴU̇ = P/(sⱼ-sᵢ) + Q/(sⱼ+sᵢ) and VᴴV̇ = P/(sⱼ-sᵢ) - Q/(sⱼ+sᵢ).

    P and Q are the Hermitian and skew-Hermitian parts of T. This is Townsend's (2016) rule by partial fractions, in
    which only the first term is undefined for equal singular values. The phases of complex vectors are arbitrary: u and
    v turn by opposite halves.
    """
    u, s, vh = ans
    if isinstance(a, Tracer):
        u, s, vh = singular(a, vectors=True, undefined=undefined[1:] or undefined)
    v, size = _adjoint(vh), max(a.shape[-2:])
    tv = t @ v
    ds = _real(np.sum(_conjugate(u) * tv, axis=-2))
    if not vectors:
        shared = _matvec(sharing(s, size=size), ds)
        return None, np.where(vanishing(s, size=size), 0.0, shared), None
    inner = _adjoint(u) @ tv
    outer = _adjoint(inner)
    unknown = _between(undefined[0], s)
    p = (inner + outer) * (0.5 * _reciprocal(_gaps(s), coinciding(s, size=size), unknown))
    q = (inner - outer) * (0.5 * _reciprocal(_sums(s), vanishing_sums(s, size=size), unknown))
    du, dv = u @ (p + q), v @ (p - q)
    rows, columns = a.shape[-2:]
    if rows != columns:
        # The part of the change that leaves the space that the vectors span.
        scale = _reciprocal(s, vanishing(s, size=size), undefined[0])[..., None, :]
        if rows > columns:
            du = du + (tv - u @ inner) * scale
        else:
            dv = dv + (_adjoint(t) @ u - v @ outer) * scale
    return du, ds, _adjoint(dv)


#: Thin singular value decomposition; ``vectors`` tells whether the vectors are wanted.
singular: Primitive = general(
    lambda a, vectors, undefined: tuple(np.linalg.svd(a, full_matrices=False)), _singular_jvp, name="singular", core=2
)


@composite(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """NumPy's ``linalg.svd``; for matrices that are not square the vectors need ``full_matrices=False``."""
    reject("numpy.linalg.svd", hermitian=(bool(hermitian), False))
    a = _inexact(a)
    if not compute_uv:
        return singular(a, vectors=False, undefined=_UNDEFINED)[1]
    if full_matrices and a.shape[-1] != a.shape[-2]:
        raise UnsupportedKeywordError(
            "numpy.linalg.svd: full_matrices=True is not supported on values that carry derivatives when the matrix "
            "is not square; pass full_matrices=False, or compute_uv=False for the singular values alone"
        )
    return _SVD(*singular(a, vectors=True, undefined=_UNDEFINED))


@composite(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """NumPy's ``linalg.svdvals``."""
    return svd(x, compute_uv=False)


# --- norms ------------------------------------------------------------------------------------------------------------

Axes = tuple[int, ...]


def _euclidean(x: Any, axes: Axes, keepdims: bool) -> Any:
    if len(axes) == x.ndim:
        return np.linalg.norm(x, None, None, keepdims)
    if 1 <= len(axes) <= 2:
        return np.linalg.norm(x, axis=axes if len(axes) == 2 else axes[0], keepdims=keepdims)
    return np.sqrt(np.sum(np.square(np.abs(x)), axis=axes, keepdims=keepdims))


def _directional(direction: Any, t: Any, axes: Axes, keepdims: bool) -> Any:
    return _real(np.sum(_conjugate(direction) * t, axis=axes, keepdims=keepdims))


def _euclidean_jvp(t: Any, ans: Any, x: Any, axes: Axes, keepdims: bool) -> Any:
    length = np.reshape(ans, keepdims_shape(x.shape, axes))
    # An infinite length makes the direction 0, and its derivatives too.
    return _directional(x / np.where(np.equal(length, 0), np.inf, length), t, axes, keepdims)


def _power_norm_jvp(t: Any, ans: Any, x: Any, p: float, axes: Axes, keepdims: bool) -> Any:
    length = np.reshape(ans, keepdims_shape(x.shape, axes))
    zero = np.equal(length, 0)
    direction = signed_power(x / np.where(zero, 1.0, length), p - 1.0)
    return _directional(np.where(zero, 0.0, direction), t, axes, keepdims)


#: Root of the sum of squares.
euclidean = general(_euclidean, _euclidean_jvp, name="euclidean", leading=True)
#: Vector norms of other orders, of real vectors.
power_norm = general(
    lambda x, p, axes, keepdims: np.linalg.norm(x, ord=p, axis=axes[0], keepdims=keepdims),
    _power_norm_jvp,
    name="power_norm",
    leading=True,
)
#: sign(x) |x|^q for a fixed exponent.
signed_power = elementwise(
    lambda x, q: np.copysign(np.power(np.abs(x), q), x),
    lambda ans, x, q: q * np.power(np.abs(x), q - 1.0),
    None,
    name="signed_power",
)


@composite(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """NumPy's ``linalg.norm``; every ``ord`` of vectors and matrices. Its derivative at 0 is 0."""
    if isinstance(ord, Tracer):
        raise UnsupportedKeywordError.for_keyword("numpy.linalg.norm", "ord")
    x, keepdims = _inexact(x), bool(keepdims)
    if axis is None and ord is None:
        return euclidean(x, axes=tuple(range(-x.ndim, 0)), keepdims=keepdims)
    axes = negative_axes(axis, x.ndim, "numpy.linalg.norm")
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if ord is None or ord in ("f", "fro"):
        return euclidean(x, axes=axes, keepdims=keepdims)
    answer = _matrix_norm(np.moveaxis(x, axes, (-2, -1)), ord)
    return np.reshape(answer, keepdims_shape(x.shape, axes)) if keepdims else answer


def _vector_norm(x: Any, order: Any, axes: Axes, keepdims: bool) -> Any:
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    if order is None or order == 2:
        return euclidean(x, axes=axes, keepdims=keepdims)
    size = np.abs(x)
    if abs(order) == np.inf:
        return _largest(size, axes, keepdims) if order > 0 else np.min(size, axis=axes, keepdims=keepdims)
    if order == 0:
        return np.sum(np.not_equal(x, 0).astype(size.dtype), axis=axes, keepdims=keepdims)
    if order == 1:
        return np.sum(size, axis=axes, keepdims=keepdims)
    return power_norm(x if x.dtype.kind != "c" else size, p=float(order), axes=axes, keepdims=keepdims)


def _largest(x: Any, axes: Axes, keepdims: bool) -> Any:
    """Maximum of numbers that are not negative; 0 where there are none, as in NumPy's norms."""
    if all(x.shape[i] for i in axes):
        return np.max(x, axis=axes, keepdims=keepdims)
    return np.max(x, axis=axes, keepdims=keepdims, initial=0.0)


def _matrix_norm(x: Any, order: Any) -> Any:
    """Norm of the last two axes."""
    if order in (1, -1, np.inf, -np.inf):
        sums = np.sum(np.abs(x), axis=-2 if abs(order) == 1 else -1)
        return _largest(sums, (-1,), False) if order > 0 else np.min(sums, axis=-1)
    reductions: dict[Any, Any] = {"nuc": np.sum, 2: lambda s, axis: _largest(s, (axis,), False), -2: np.min}
    reduction = reductions.get(order)
    if reduction is None:
        raise ValueError("Invalid norm order for matrices.")
    s = singular(x, vectors=False, undefined=(0.0,))[1]
    return reduction(s, axis=-1)
