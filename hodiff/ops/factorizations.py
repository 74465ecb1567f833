"""Matrix factorizations: cholesky, eigh, eigvalsh, svd, svdvals, on stacks of matrices.

Functions of symmetric (Hermitian) matrices are those of the symmetric part of their argument, as in JAX: NumPy reads one
triangle only, which for such a matrix says the same, and the gradient is symmetric. So an entry off the diagonal gets half of
what it would get if it stood for both triangles.

Eigenvectors and singular vectors. Where two eigenvalues coincide (to rounding), their vectors are defined only up to
a rotation, so a derivative that rotates them into each other is undefined. It is taken to be 0, and nothing else is affected: a
function that does not depend on the choice, such as a projector on the whole eigenspace, has its exact derivative. The
*second* derivatives of such a function do depend on terms that are lost there; those are NaN instead of wrong.

Rules: Murray (2016), "Differentiation of the Cholesky decomposition"; Giles (2008), "An extended collection of matrix
derivative results", 3.1; Townsend (2016), "Differentiating the singular value decomposition". May import ``core``,
``kinds`` and ``errors``.

>>> import hodiff as hd
>>> hd.grad(lambda a: np.sum(np.linalg.eigh(a).eigenvalues[:2]))(np.diag([1.0, 1.0, 2.0]))
array([[1., 0., 0.],
       [0., 1., 0.],
       [0., 0., 0.]])
"""

from typing import Any

import numpy as np

from hodiff.core import Tracer, as_operand
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, constant, general, reject
from hodiff.shaped import is_inexact

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


# --- cholesky ---------------------------------------------------------------------------------------------------------


def _cholesky_jvp(t: Any, ans: Any, a: Any) -> Any:
    # L̇ = L Φ(L⁻¹ Ȧ L⁻ᴴ), where Φ takes the lower triangle and half of the diagonal (Murray 2016, equation 7).
    inverse = np.linalg.inv(ans)
    n = a.shape[-1]
    phi = (np.tri(n) - 0.5 * np.eye(n)).astype(ans.real.dtype)
    inner = inverse @ t @ _adjoint(inverse)
    return ans @ ((inner + _adjoint(inner)) * (0.5 * phi))


#: Lower Cholesky factor of the symmetric part of a matrix.
cholesky_factor = general(np.linalg.cholesky, _cholesky_jvp, name="cholesky_factor", core=2)


@composite(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """NumPy's ``linalg.cholesky``, as a function of the symmetric (Hermitian) part of ``a``; its gradient is symmetric."""
    a = _inexact(a)
    return _adjoint(cholesky_factor(_adjoint(a))) if upper else cholesky_factor(a)


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


#: Where two values of a spectrum coincide, where two of them are zero together, where one is zero.
coinciding = constant(lambda w, size: _negligible(_gaps(w), w, size), name="coinciding", leading=True)
vanishing_sums = constant(lambda w, size: _negligible(_sums(w), w, size), name="vanishing_sums", leading=True)
vanishing = constant(lambda w, size: _negligible(w, w, size), name="vanishing", leading=True)


def _reciprocal(x: Any, zero: Any, undefined: float) -> Any:
    """1/x, and ``undefined`` where x is zero; on the diagonal of a matrix 0 in that case."""
    fill: Any = undefined
    if x.ndim > zero.ndim - 1 and x.shape[-1:] == x.shape[-2:-1]:
        fill = np.where(np.eye(x.shape[-1], dtype=bool), 0.0, undefined).astype(x.dtype)
    return np.where(zero, fill, 1 / np.where(zero, 1.0, x))


# --- eigh -------------------------------------------------------------------------------------------------------------


def _eigen_jvp(t: Any, ans: Any, a: Any, vectors: bool, undefined: tuple[float, ...]) -> Any:
    w, v = ans
    if isinstance(a, Tracer):
        # The vectors have derivatives of their own here, which are those of higher order.
        w, v = eigen(a, vectors=True, undefined=undefined[1:] or undefined)
    tv = t @ v
    dw = _real(np.sum(_conjugate(v) * tv, axis=-2))
    if not vectors:
        return dw, None
    inner = _adjoint(v) @ tv
    weights = _reciprocal(_gaps(w), coinciding(w, size=a.shape[-1]), undefined[0])
    return dw, v @ ((inner + _adjoint(inner)) * (0.5 * weights))


#: Eigenvalues and eigenvectors of the symmetric part of a matrix; ``vectors`` tells whether the latter are wanted.
eigen = general(lambda a, vectors, undefined: tuple(np.linalg.eigh(a)), _eigen_jvp, name="eigen", core=2)


@composite(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    """NumPy's ``linalg.eigh``, as a function of the symmetric (Hermitian) part of ``a``; its gradient is symmetric."""
    return _EIGH(*eigen(_triangle(a, UPLO), vectors=True, undefined=_UNDEFINED))


@composite(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    """NumPy's ``linalg.eigvalsh``, as a function of the symmetric (Hermitian) part of ``a``; its gradient is symmetric."""
    return eigen(_triangle(a, UPLO), vectors=False, undefined=_UNDEFINED)[0]


def _triangle(a: Any, triangle: str) -> Any:
    """A matrix with the triangle that is to be read as the lower one."""
    if triangle.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return _adjoint(_inexact(a)) if triangle.upper() == "U" else _inexact(a)


# --- svd --------------------------------------------------------------------------------------------------------------


def _singular_jvp(t: Any, ans: Any, a: Any, vectors: bool, undefined: tuple[float, ...]) -> Any:
    """With T = Uᴴ Ȧ V, rotations UᴴU̇ = P/(sⱼ-sᵢ) + Q/(sⱼ+sᵢ) and VᴴV̇ = P/(sⱼ-sᵢ) - Q/(sⱼ+sᵢ).

    P and Q are the Hermitian and skew-Hermitian parts of T. This is Townsend's (2016) rule by partial fractions, in which
    only the first term is undefined for equal singular values. Phases of complex vectors, which are arbitrary, share alike.
    """
    u, s, vh = ans
    if isinstance(a, Tracer):
        u, s, vh = singular(a, vectors=True, undefined=undefined[1:] or undefined)
    v, size = _adjoint(vh), max(a.shape[-2:])
    tv = t @ v
    ds = _real(np.sum(_conjugate(u) * tv, axis=-2))
    if not vectors:
        return None, ds, None
    inner = _adjoint(u) @ tv
    outer = _adjoint(inner)
    p = (inner + outer) * (0.5 * _reciprocal(_gaps(s), coinciding(s, size=size), undefined[0]))
    q = (inner - outer) * (0.5 * _reciprocal(_sums(s), vanishing_sums(s, size=size), undefined[0]))
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
singular = general(
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
        raise UnsupportedKeywordError.for_keyword(
            "numpy.linalg.svd (of a matrix that is not square)", f"full_matrices={full_matrices}"
        )
    return _SVD(*singular(a, vectors=True, undefined=_UNDEFINED))


@composite(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    """NumPy's ``linalg.svdvals``."""
    return svd(x, compute_uv=False)
