"""Spectra of matrices and norms: eigh, eigvalsh, svd, svdvals, pinv, norm, on stacks of matrices.

``eigh`` is the function of the symmetric (Hermitian) part of its argument, as in JAX: NumPy reads one triangle only,
which for such a matrix says the same, and the gradient is symmetric: an entry off the diagonal gets half of what it
would get if it stood for both triangles.

Equal eigenvalues or singular values (equal to rounding) have vectors defined only up to a rotation, so a derivative
that rotates them into each other is undefined. It is taken to be 0 and nothing else is affected: a function that does
not depend on the choice, such as the projector on the whole eigenspace, has its exact derivative. *Second* derivatives
depend on what is lost there: through such vectors they are NaN, not wrong.

The columns that ``svd`` adds with ``full_matrices=True`` are any basis of the complement, and are taken not to move
within it: what does not depend on the choice, such as the projector on them, has its exact derivative.

Without vectors, equal eigenvalues or singular values share their derivatives equally, and singular values have the
derivative 0 at 0, as |x| has. With vectors they keep those of the vectors found, so that UsVᴴ has the derivative of A.

``pinv`` has the derivative of a matrix of the rank that NumPy finds with the given tolerance, kept constant.
Where a change of the matrix changes its rank, it is not continuous.

Norms have, at a kink, the minimum-norm element of the Clarke subdifferential: 0 at 0, and ties share.
Rules: Giles (2008), "An extended collection of matrix derivative results", 3.1; Townsend (2016), "Differentiating the
singular value decomposition"; Golub and Pereyra (1973), "The differentiation of pseudo-inverses and nonlinear least
squares problems whose variables separate". May import ``code``, ``core``, ``errors``, ``kinds``, ``lowering``,
``matrices`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda a: np.sum(np.linalg.eigh(a).eigenvalues[:2]))(np.diag([1.0, 1.0, 2.0]))
array([[1., 0., 0.],
       [0., 1., 0.],
       [0., 0., 0.]])
"""

from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, constant, elementwise, general
from hodiff.lowering import Composed, Factored
from hodiff.matrices import adjoint, conjugate, inexact, real
from hodiff.shaped import keepdims_shape, negative_axes

_EIGH = type(np.linalg.eigh(np.eye(1)))
_SVD = type(np.linalg.svd(np.eye(1)))

#: What undefined derivatives count as at first and at higher orders.
_UNDEFINED = (0.0, np.nan)


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
_COMPOSED = Code(shares=False, nest=Composed())
coinciding = constant(lambda w, size: _negligible(_gaps(w), w, size), name="coinciding", leading=True, code=_COMPOSED)
vanishing_sums = constant(
    lambda w, size: _negligible(_sums(w), w, size), name="vanishing_sums", leading=True, code=_COMPOSED
)
vanishing = constant(lambda w, size: _negligible(w, w, size), name="vanishing", leading=True, code=_COMPOSED)
#: Matrix that takes the mean over each run of coinciding values of an ordered spectrum; 1 where all are apart.
sharing = constant(lambda w, size: _sharing(w, size), name="sharing", leading=True, code=_COMPOSED)


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
    dw = real(np.sum(conjugate(v) * tv, axis=-2))
    if not vectors:
        return _matvec(sharing(w, size=a.shape[-1]), dw), None
    inner = adjoint(v) @ tv
    weights = _reciprocal(_gaps(w), coinciding(w, size=a.shape[-1]), _between(undefined[0], w))
    return dw, v @ ((inner + adjoint(inner)) * (0.5 * weights))


def _eigen(a: Any, vectors: bool, undefined: tuple[float, ...]) -> tuple[Any, Any]:
    w, v = np.linalg.eigh(a)
    if not vectors and not np.all(np.isfinite(w)):
        np.linalg.eigvalsh(a)  # another routine, which raises for some of these matrices
    return w, v


#: Eigenvalues and eigenvectors of the symmetric part of a matrix; ``vectors`` tells whether the latter are wanted.
eigen: Primitive = general(
    _eigen,
    _eigen_jvp,
    name="eigen",
    core=2,
    code=Code(nest=Factored("eigh")),
)


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
    return adjoint(inexact(a)) if triangle.upper() == "U" else inexact(a)


def _lower_hermitian(a: Any) -> Any:
    lower = np.tril(a, -1)
    return lower + adjoint(lower) + np.real(a) * np.eye(a.shape[-1], dtype=np.finfo(a.dtype).dtype)


#: Hermitian part, with the value that NumPy reads off the lower triangle.
hermitian_part = general(
    _lower_hermitian, lambda t, ans, a: 0.5 * (t + adjoint(t)), name="hermitian_part", core=2, code=_COMPOSED
)
#: Places of eigenvalues in descending order of their absolute values.
descending = constant(lambda w: np.argsort(np.abs(w), axis=-1)[..., ::-1], name="descending", leading=True)


# --- svd --------------------------------------------------------------------------------------------------------------


def _singular_jvp(t: Any, ans: Any, a: Any, vectors: bool, undefined: tuple[float, ...], full: bool) -> Any:
    """With T = Uᴴ Ȧ V, rotations UᴴU̇ = P/(sⱼ-sᵢ) + Q/(sⱼ+sᵢ) and VᴴV̇ = P/(sⱼ-sᵢ) - Q/(sⱼ+sᵢ).

    P and Q are the Hermitian and skew-Hermitian parts of T. This is Townsend's (2016) rule by partial fractions, in
    which only the first term is undefined for equal singular values. The phases of complex vectors are arbitrary: u and
    v turn by opposite halves.
    """
    u, s, vh = ans
    if isinstance(a, Tracer):
        u, s, vh = singular(a, vectors=True, undefined=undefined[1:] or undefined, full=full)
    count, size = min(a.shape[-2:]), max(a.shape[-2:])
    all_u, all_v = u, adjoint(vh)
    u, v = all_u[..., :count], all_v[..., :count]
    tv = t @ v
    ds = real(np.sum(conjugate(u) * tv, axis=-2))
    if not vectors:
        shared = _matvec(sharing(s, size=size), ds)
        return None, np.where(vanishing(s, size=size), 0.0, shared), None
    inner = adjoint(u) @ tv
    outer = adjoint(inner)
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
            dv = dv + (adjoint(t) @ u - v @ outer) * scale
    return _completed(du, u, all_u), ds, adjoint(_completed(dv, v, all_v))


def _completed(change: Any, u: Any, all_u: Any) -> Any:
    """Tangent of all columns: the added ones leave the complement as they must, and do not move within it."""
    added = all_u[..., u.shape[-1] :]
    if added.shape[-1] == 0:
        return change
    return np.concatenate([change, -(u @ (adjoint(change) @ added))], axis=-1)


#: Singular value decomposition, thin or ``full``; ``vectors`` tells whether the vectors are wanted.
singular: Primitive = general(
    lambda a, vectors, undefined, full: tuple(np.linalg.svd(a, full_matrices=full)),
    _singular_jvp,
    name="singular",
    core=2,
    code=Code(nest=Factored("svd")),
)


@composite(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """NumPy's ``linalg.svd``; with ``hermitian`` of the Hermitian part of ``a``, as `eigh`."""
    a = inexact(a)
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    if not compute_uv:
        return singular(a, vectors=False, undefined=_UNDEFINED, full=False)[1]
    full = bool(full_matrices) and a.shape[-2:][0] != a.shape[-1]
    return _SVD(*singular(a, vectors=True, undefined=_UNDEFINED, full=full))


def _hermitian_svd(a: Any, compute_uv: bool) -> Any:
    """A = V diag(w) Vᴴ as U diag(|w|) (V sign(w))ᴴ, in descending order of the absolute values."""
    if not compute_uv:
        return singular(hermitian_part(a), vectors=False, undefined=_UNDEFINED, full=False)[1]
    w, v = eigh(a)
    order = descending(w)
    sign = np.copysign(1.0, np.take_along_axis(w, order, axis=-1)).astype(w.dtype)
    s = np.abs(np.take_along_axis(w, order, axis=-1))
    u = np.take_along_axis(v, order[..., None, :], axis=-1)
    return _SVD(u, s, adjoint(u * sign[..., None, :]))


@composite(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """NumPy's ``linalg.svdvals``."""
    return svd(x, compute_uv=False)


# --- pinv -------------------------------------------------------------------------------------------------------------


def _pseudo_inverse_jvp(t: Any, ans: Any, a: Any, rcond: Any, hermitian: bool) -> Any:
    # Golub and Pereyra (1973), equation 4.12.
    other, change = adjoint(ans), adjoint(t)
    outside = change - (change @ a) @ ans
    inside = change @ other
    return -(ans @ t @ ans) + ans @ (other @ outside) + (inside - ans @ (a @ inside)) @ ans


#: The pseudo-inverse, with singular values up to ``rcond`` times the largest one taken for 0.
pseudo_inverse: Primitive = general(
    lambda a, rcond, hermitian: np.linalg.pinv(a, rcond, hermitian), _pseudo_inverse_jvp, name="pseudo_inverse", core=2
)


@composite(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """NumPy's ``linalg.pinv``; its derivative keeps the rank."""
    for keyword, value in (("rcond", rcond), ("rtol", rtol)):
        if isinstance(value, Tracer):
            raise UnsupportedKeywordError.for_keyword("numpy.linalg.pinv", keyword)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    a = inexact(a)
    if rcond is None and rtol is None:
        rcond = max(a.shape[-2:]) * np.finfo(a.dtype).eps
    elif rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else rtol
    return pseudo_inverse(hermitian_part(a) if hermitian else a, rcond=rcond, hermitian=bool(hermitian))


# --- norms ------------------------------------------------------------------------------------------------------------

Axes = tuple[int, ...]


def _euclidean(x: Any, axes: Axes, keepdims: bool) -> Any:
    if len(axes) == x.ndim:
        return np.linalg.norm(x, None, None, keepdims)
    if 1 <= len(axes) <= 2:
        return np.linalg.norm(x, axis=axes if len(axes) == 2 else axes[0], keepdims=keepdims)
    return np.sqrt(np.sum(np.square(np.abs(x)), axis=axes, keepdims=keepdims))


def _directional(direction: Any, t: Any, axes: Axes, keepdims: bool) -> Any:
    return real(np.sum(conjugate(direction) * t, axis=axes, keepdims=keepdims))


def _euclidean_jvp(t: Any, ans: Any, x: Any, axes: Axes, keepdims: bool) -> Any:
    length = np.reshape(ans, keepdims_shape(x.shape, axes))
    # An infinite length makes the direction 0, and its derivatives too.
    return _directional(x / np.where(np.equal(length, 0), np.inf, length), t, axes, keepdims)


def _power_norm_jvp(t: Any, ans: Any, x: Any, p: float, axes: Axes, keepdims: bool) -> Any:
    length = np.reshape(ans, keepdims_shape(x.shape, axes))
    zero = np.equal(length, 0)
    direction = signed_power(x / np.where(zero, 1.0, length), p - 1.0)
    return _directional(np.where(zero, 0.0, direction), t, axes, keepdims)


def _squares(x: Any) -> Any:
    return np.square(x.real) + np.square(x.imag) if x.dtype.kind == "c" else np.square(x)


def _power_norm(x: Any, p: float, axes: Axes, keepdims: bool) -> Any:
    total = np.sum(np.power(np.abs(x), x.dtype.type(p)), axis=axes, keepdims=keepdims)
    return np.power(total, np.reciprocal(x.dtype.type(p)))


#: Root of the sum of squares.
euclidean = general(
    _euclidean,
    _euclidean_jvp,
    name="euclidean",
    leading=True,
    code=Code(
        shares=False,
        nest=Composed(lambda x, axes, keepdims: np.sqrt(np.sum(_squares(x), axis=axes, keepdims=keepdims))),
    ),
)
#: Vector norms of other orders, of real vectors.
power_norm = general(
    lambda x, p, axes, keepdims: np.linalg.norm(x, ord=p, axis=axes[0], keepdims=keepdims),
    _power_norm_jvp,
    name="power_norm",
    leading=True,
    code=Code(shares=False, nest=Composed(_power_norm)),
)
#: sign(x) |x|^q for a fixed exponent.
signed_power = elementwise(
    lambda x, q: np.copysign(np.power(np.abs(x), q), x),
    lambda ans, x, q: q * np.power(np.abs(x), q - 1.0),
    None,
    name="signed_power",
    code=_COMPOSED,
)


@composite(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """NumPy's ``linalg.norm``; every ``ord`` of vectors and matrices. Its derivative at 0 is 0."""
    if isinstance(ord, Tracer):
        raise UnsupportedKeywordError.for_keyword("numpy.linalg.norm", "ord")
    x, keepdims = inexact(x), bool(keepdims)
    if axis is None and ord is None:
        return euclidean(x, axes=tuple(range(-x.ndim, 0)), keepdims=keepdims)
    if isinstance(axis, list):
        raise TypeError("'axis' must be None, an integer or a tuple of integers")
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
    s = singular(x, vectors=False, undefined=(0.0,), full=False)[1]
    return reduction(s, axis=-1)
