"""Linear systems, determinants and Cholesky factors: solve, inv, det, slogdet, cholesky, on stacks of matrices.

Rules: Giles (2008), "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation", section 2. The derivative of a determinant is written with the adjugate, which unlike the inverse
exists for singular matrices too, so it is exact there, at every order. ``cholesky`` is the function of the symmetric
(Hermitian) part of its argument, as in JAX: NumPy reads one triangle only, which for such a matrix says the same, and
the gradient is symmetric: an entry off the diagonal gets half of what it would get if it stood for both triangles.
May import ``code``, ``core``, ``kinds``, ``lowering``, ``matrices`` and ``shaped``.

>>> import hodiff as hd
>>> float(hd.grad(np.linalg.det)(np.diag([0.0, 2.0, 3.0]))[0, 0])
6.0
"""

from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg.lapack import dgetrf, dgetri

from hodiff.code import Code
from hodiff.core import Primitive
from hodiff.kinds import composite, general
from hodiff.lowering import Factored
from hodiff.matrices import adjoint, inexact
from hodiff.shaped import Shaped

#: Columns that LAPACK treats together.
_BLOCK = 64
_SLOGDET = type(np.linalg.slogdet(np.eye(1)))


def _stack_shape(*operands: Any) -> Shaped:
    """Shape of square matrices that broadcast as a stack."""
    return Shaped(np.broadcast_shapes(*(v.shape for v in operands)), np.result_type(*(v.dtype for v in operands)))


# --- solve and inv ----------------------------------------------------------------------------------------------------


def _solution_shape(a: Any, b: Any) -> Shaped:
    return Shaped((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), np.result_type(a.dtype, b.dtype))


def _inverse(a: Any, strict: bool) -> Any:
    if not strict and a.ndim == 2 and a.dtype == np.float64 and a.size:
        return _inverse_by_factors(a)
    try:
        return np.linalg.inv(a)
    except np.linalg.LinAlgError:
        if strict:
            raise
    answer = np.full_like(a, np.nan)
    for i in np.ndindex(a.shape[:-2]):
        with suppress(np.linalg.LinAlgError):
            answer[i] = np.linalg.inv(a[i])
    return answer


def _inverse_by_factors(a: Any) -> Any:
    """The inverse from triangular factors: NumPy solves for the identity, which takes half as long again."""
    # Fortran's order of the transpose is that of the matrix.
    factors, pivots, singular = dgetrf(a.T)
    if singular:
        return np.full_like(a, np.nan)
    return dgetri(factors, pivots, lwork=_BLOCK * len(a), overwrite_lu=True)[0].T


#: ``solve`` for right-hand sides that are matrices.
solution: Primitive = general(
    np.linalg.solve,
    lambda t, ans, a, b: -solution(a, t @ ans),
    None,
    name="solution",
    transposes=(None, lambda ct, a, b: solution(a.mT, ct)),
    core=2,
    shape=_solution_shape,
    code=Code(nest=Factored("solve")),
)
#: The inverse; for singular matrices NaN, or with ``strict`` an error.
inverse = general(
    _inverse,
    lambda t, ans, a, strict: -(ans @ t @ ans),
    name="inverse",
    core=2,
    code=Code(nest=Factored("inverse", triangle="same")),
)


@composite(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """NumPy's ``linalg.solve``: a right-hand side with one axis is a vector, any other a stack of matrices."""
    a, b = inexact(a), inexact(b)
    return solution(a, b[:, None])[..., 0] if b.ndim == 1 else solution(a, b)


@composite(np.linalg.inv)
def inv(a: Any) -> Any:
    """NumPy's ``linalg.inv``."""
    return inverse(inexact(a), strict=True)


# --- det --------------------------------------------------------------------------------------------------------------
# With directions T₁ … Tₖ the adjugate stands for its k-th directional derivative, symmetric and linear in them, which
# is the coefficient of e₁⋯eₖ in adj(A + Σ eᵢTᵢ) where eᵢ² = 0. So one operation serves every order, and as both
# are derivatives of det, Σ C ∘ adj(A; T₁ … Tₖ) = Σ Tᵢ ∘ adj(Aᵀ; … Cᵀ in the place of Tᵢ …)ᵀ is its own transpose.


def _series_adjugate(a: Any, inverse_of_a: Any, directions: tuple[Any, ...]) -> Any:
    """adj(A; T₁ … Tₖ) for regular A, from the series of det and inverse; subsets of the directions are bit masks."""
    full = (1 << len(directions)) - 1
    det, inv = [np.linalg.det(a)[..., None, None]], [inverse_of_a]
    for subset in range(1, full + 1):
        # (A + Σ eᵢTᵢ)⁻¹ from (A + Σ eᵢTᵢ) X = 1.
        parts = [t @ inv[subset ^ (1 << i)] for i, t in enumerate(directions) if subset >> i & 1]
        inv.append(-(inverse_of_a @ sum(parts)))
        # det from ∂det/∂eᵢ = det · tr(X Tᵢ) for the last direction of the subset.
        last = subset.bit_length() - 1
        rest = subset ^ (1 << last)
        traces = [(r, np.einsum("...ij,...ji->...", inv[rest ^ r], directions[last])) for r in _subsets(rest)]
        det.append(sum(det[r] * trace[..., None, None] for r, trace in traces))
    return sum(det[r] * inv[full ^ r] for r in _subsets(full))


def _singular_adjugate(a: Any, *direction: Any) -> Any:
    """adj(A) or adj(A; T) from the singular values, which need not differ from 0: products of all but one or two.

    With A = U diag(s) Vᴴ both are det(U) det(Vᴴ) V E Uᴴ. For adj(A), E holds the products of all other values; for
    adj(A; T), with M = UᴴTV and Pᵢⱼ the product of all but sᵢ and sⱼ, Eᵢⱼ = -Pᵢⱼ Mᵢⱼ and Eᵢᵢ = Σⱼ Pᵢⱼ Mⱼⱼ.
    """
    u, s, vh = np.linalg.svd(a)
    v, adjoint_u = adjoint(vh), adjoint(u)
    scale = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    if not direction:
        return scale * ((v * _others(s)[..., None, :]) @ adjoint_u)
    m = adjoint_u @ direction[0] @ v
    same = np.eye(s.shape[-1], dtype=bool)
    products = np.where(same, 0.0, _others(np.where(same, 1.0, s[..., None, :])))
    diagonal = products @ np.diagonal(m, axis1=-2, axis2=-1)[..., None]
    return scale * (v @ np.where(same, diagonal, -products * m) @ adjoint_u)


def _others(s: Any) -> Any:
    """For each element the product of all others along the last axis."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)
    return before * after[..., ::-1]


def _subsets(mask: int) -> list[int]:
    return [r for r in range(mask + 1) if r & mask == r]


def _adjugate(a: Any, *directions: Any) -> Any:
    """Series for regular matrices; else closed forms up to one direction; else the mean over a circle of regular ones.

    adj(A + zW; …) is a polynomial in z, so its mean over enough roots of unity (times a radius) is its value at z = 0,
    which involves no regular neighbour's error: W takes the small singular values, and nothing else, off zero.
    """
    n = a.shape[-1]
    with np.errstate(all="ignore"):
        try:
            inv = np.linalg.inv(a)
        except np.linalg.LinAlgError:
            pass
        else:
            condition = np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(inv, axis=(-2, -1))
            # Written so that NaN counts as regular: NaN in, NaN out.
            if not (condition > 1e4 * n).any():
                return _series_adjugate(a, inv, directions)
        if len(directions) <= 1:
            return _like(_singular_adjugate(a, *directions), np.result_type(a, *directions))
        u, s, vh = np.linalg.svd(a.astype(complex))
        tiny = 1e-4 * s[..., :1]
        small = s <= tiny
        radius = np.maximum(np.min(s, axis=-1, keepdims=True, where=~small, initial=np.inf), 2 * tiny)
        radius = np.where(np.isfinite(radius), radius, 1.0)
        shift = u * (small * radius)[..., None, :] @ vh
        count = int(small.sum(axis=-1).max()) + 1
        total = 0.0
        for z in np.exp(2j * np.pi * np.arange(count) / count):
            total = total + _series_adjugate(a + z * shift, np.linalg.inv(a + z * shift), directions)
    return _like(total / count, np.result_type(a, *directions))


def _like(value: Any, dtype: Any) -> Any:
    return (value if dtype.kind == "c" else value.real).astype(dtype)


def _adjugate_transpose(slot: int, ct: Any, a: Any, *directions: Any) -> Any:
    others = [t for i, t in enumerate(directions, start=1) if i != slot]
    return adjugate(a, *others, ct.mT).mT


#: Transpose of the matrix of cofactors; with more operands, its derivative in those directions.
adjugate: Primitive = general(
    _adjugate,
    lambda t, ans, a, *directions: adjugate(a, *directions, t),
    name="adjugate",
    transposes=(None, *(partial(_adjugate_transpose, slot) for slot in range(1, 16))),
    core=2,
    shape=_stack_shape,
    code=Code(nest=Factored("adjugate")),
)
determinant = general(
    np.linalg.det,
    lambda t, ans, a: np.einsum("...ij,...ji->...", adjugate(a), t),
    name="determinant",
    core=2,
    code=Code(nest=Factored("determinant")),
)


@composite(np.linalg.det)
def det(a: Any) -> Any:
    """NumPy's ``linalg.det``; exact derivatives of every order, of singular matrices too."""
    return determinant(inexact(a))


# --- slogdet ----------------------------------------------------------------------------------------------------------


def _sign_logdet_jvp(t: Any, ans: Any, a: Any) -> Any:
    trace = np.einsum("...ij,...ji->...", inverse(a, strict=False), t)
    if a.dtype.kind != "c":
        return None, trace
    return 1j * ans[0] * np.real(-1j * trace), np.real(trace)


#: Sign and logarithm of the absolute value of the determinant.
sign_logdet = general(
    lambda a: tuple(np.linalg.slogdet(a)),
    _sign_logdet_jvp,
    name="sign_logdet",
    core=2,
    code=Code(nest=Factored("sign_logdet")),
)


@composite(np.linalg.slogdet)
def slogdet(a: Any) -> Any:
    """NumPy's ``linalg.slogdet``; the sign of a real matrix is constant, and singular matrices have derivative NaN."""
    return _SLOGDET(*sign_logdet(inexact(a)))


# --- cholesky ---------------------------------------------------------------------------------------------------------


def _cholesky_jvp(t: Any, ans: Any, a: Any) -> Any:
    # L̇ = L Φ(L⁻¹ Ȧ L⁻ᴴ), where Φ takes the lower triangle and half of the diagonal (Murray 2016, equation 7).
    inverse = np.linalg.inv(ans)
    n = a.shape[-1]
    phi = (np.tri(n) - 0.5 * np.eye(n)).astype(np.finfo(a.dtype).dtype)
    inner = inverse @ t @ adjoint(inverse)
    return ans @ ((inner + adjoint(inner)) * (0.5 * phi))


#: Lower Cholesky factor of the symmetric part of a matrix.
cholesky_factor = general(
    np.linalg.cholesky,
    _cholesky_jvp,
    name="cholesky_factor",
    core=2,
    code=Code(nest=Factored("cholesky", triangle="lower")),
)


@composite(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """NumPy's ``linalg.cholesky`` of the symmetric (Hermitian) part of ``a``; its gradient is symmetric."""
    a = inexact(a)
    return adjoint(cholesky_factor(adjoint(a))) if upper else cholesky_factor(a)
