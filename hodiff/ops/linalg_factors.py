"""Factors of general matrices: qr, eig, eigvals, on stacks of matrices.

``qr`` has the signs (phases) of LAPACK: the diagonal of R is real, so QᴴQ̇ is skew-Hermitian with the diagonal that
keeps it real. The columns that ``mode="complete"`` adds to the Q of a tall matrix are any basis of the complement; they
are taken to move within it as little as possible: Q₂ᴴQ̇₂ = 0. What does not depend on the choice, such as Q₂Q₂ᴴ, has
its exact derivative, of every order. Matrices without full rank have derivative NaN.

``eig`` has the vectors of LAPACK: of length 1, with the largest component real; both are kept by the derivative. Equal
eigenvalues are treated as in ``eigh``: their vectors are defined up to a change of basis, and the part of a derivative
that takes them into each other counts as 0 at first order and NaN at second. Without vectors, equal eigenvalues share
their derivatives equally. Of defective matrices, which have no basis of eigenvectors, all derivatives are NaN.
Results are real where those of NumPy are, and then carry derivatives along which they stay real.

Rules: Walter and Lehmann (2010), "Algorithmic differentiation of linear algebra functions with application in optimum
experimental design", for QR, and Roberts and Roberts (2020), "QR and LQ decomposition matrix backpropagation
algorithms for square, wide, and deep matrices"; Giles (2008), "An extended collection of matrix derivative
results", 3.1. May import ``code``, ``core``, ``errors``, ``kinds``, ``lowering`` and
``matrices``.

>>> import hodiff as hd
>>> hd.grad(lambda a: np.abs(np.prod(np.diag(np.linalg.qr(a).R))))(np.diag([2.0, 3.0]))
array([[3., 0.],
       [0., 2.]])
"""

from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, constant, general
from hodiff.lowering import Factored
from hodiff.matrices import adjoint, conjugate, inexact, real

_QR = type(np.linalg.qr(np.eye(1)))
_EIG = type(np.linalg.eig(np.eye(1)))


# --- qr ---------------------------------------------------------------------------------------------------------------


def _inverse_of_triangle(r: Any) -> Any:
    """Inverse of a square triangular matrix; NaN where it is singular."""
    diagonal = np.eye(r.shape[-1], dtype=bool)
    return np.linalg.inv(np.where(diagonal & np.equal(r, 0), np.nan, r).astype(r.dtype))


def _triangular_jvp(t: Any, ans: Any, a: Any, complete: bool) -> Any:
    """Ω = QᴴQ̇ from the strictly lower triangle of QᴴȦR₁⁻¹, then Ṙ = QᴴȦ - ΩR and Q̇ = ȦR₁⁻¹ - QQᴴȦR₁⁻¹ + QΩ."""
    q, r = ans
    count = min(a.shape[-2:])
    q, added, r = q[..., :count], q[..., count:], r[..., :count, :]
    precision = np.finfo(a.dtype).dtype
    lower, diagonal = np.tri(count, k=-1, dtype=precision), np.eye(count, dtype=precision)
    c = t[..., :count] @ _inverse_of_triangle(r[..., :count])
    m = adjoint(q) @ c
    omega = m * lower - adjoint(m * lower)
    if a.dtype.kind == "c":
        omega = omega + 1j * np.imag(m) * diagonal
    dq = c - q @ (m - omega)
    dr = (adjoint(q) @ t - omega @ r) * np.tri(*r.shape[-1:-3:-1], dtype=precision).T
    if added.shape[-1]:
        dq = np.concatenate([dq, -(q @ (adjoint(dq) @ added))], axis=-1)
        dr = np.concatenate([dr, np.zeros((*dr.shape[:-2], added.shape[-1], dr.shape[-1]), precision)], axis=-2)
    return dq, dr


#: Orthonormal columns and a triangle; ``complete`` tells whether the columns are completed to a basis.
orthogonal: Primitive = general(
    lambda a, complete: tuple(np.linalg.qr(a, "complete" if complete else "reduced")),
    _triangular_jvp,
    name="orthogonal",
    core=2,
    code=Code(nest=Factored("qr")),
)


@composite(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    """NumPy's ``linalg.qr`` with the modes ``reduced``, ``complete`` and ``r``."""
    if mode in ("raw", "f", "full", "e", "economic"):
        raise UnsupportedKeywordError(
            f"numpy.linalg.qr: mode={mode!r} is not supported on values that carry derivatives; use 'reduced', "
            f"'complete' or 'r'"
        )
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    factors = orthogonal(inexact(a), complete=mode == "complete")
    return factors[1] if mode == "r" else _QR(*factors)


# --- eig --------------------------------------------------------------------------------------------------------------


def _coinciding(w: Any, scale: Any) -> Any:
    gaps = np.abs(w[..., None, :] - w[..., :, None])
    return gaps <= 10 * w.shape[-1] * np.finfo(w.dtype).eps * scale[..., None, None]


def _size(a: Any) -> Any:
    return np.linalg.norm(a, axis=(-2, -1))


def _mean(same: Any, dtype: Any) -> Any:
    weights = same.astype(np.finfo(dtype).dtype)
    return weights / np.sum(weights, axis=-1, keepdims=True)


def _pivots(v: Any) -> Any:
    """One in the place of the largest component that is real, in each column."""
    if v.shape[-1] == 0:
        return np.zeros(v.shape, dtype=bool)
    size = np.where(np.equal(v.imag, 0), np.abs(v), 0.0)
    size = np.where(np.any(size > 0, axis=-2, keepdims=True), size, np.abs(v))
    return np.arange(v.shape[-2])[:, None] == np.argmax(size, axis=-2)[..., None, :]


def _usable(v: Any) -> Any:
    """NaN for matrices whose inverse has no correct digit, else 1."""
    if v.shape[-1] == 0:
        return np.ones((*v.shape[:-2], 1, 1), np.finfo(v.dtype).dtype)
    s = np.linalg.svd(v, compute_uv=False)
    bad = s[..., -1] <= 100 * v.shape[-1] * np.finfo(v.dtype).eps * s[..., 0]
    return np.where(bad, np.nan, 1.0)[..., None, None].astype(s.dtype)


#: Which eigenvalues coincide; the means over those that do; places of the components that are kept real.
eigenvalues_coinciding = constant(lambda w, a: _coinciding(w, _size(a)), name="eigenvalues_coinciding", leading=True)
eigenvalues_mean = constant(
    lambda w, a: _mean(_coinciding(w, _size(a)), w.dtype), name="eigenvalues_mean", leading=True
)
pivots = constant(_pivots, name="pivots", leading=True)
usable = constant(_usable, name="usable", leading=True)


def _general_eigen_jvp(t: Any, ans: Any, a: Any, vectors: bool, undefined: tuple[float, ...]) -> Any:
    w, v = ans
    if isinstance(a, Tracer):
        # The vectors have derivatives of their own here, which are those of higher order.
        w, v = general_eigen(a, vectors=True, undefined=undefined[1:] or undefined)
    inner = np.linalg.inv(v * usable(v)) @ (t @ v)
    dw = np.sum(inner * np.eye(a.shape[-1], dtype=np.finfo(v.dtype).dtype), axis=-1)
    if not vectors:
        return (eigenvalues_mean(w, a) @ dw[..., None])[..., 0], None
    same = eigenvalues_coinciding(w, a)
    other = np.where(np.eye(a.shape[-1], dtype=bool), 0.0, undefined[0]).astype(np.finfo(v.dtype).dtype)
    weights = np.where(same, other, 1 / np.where(same, 1.0, w[..., None, :] - w[..., :, None]))
    change = v @ (inner * weights)
    # Lengths stay 1, and the pivots real.
    change = change - v * real(np.sum(conjugate(v) * change, axis=-2, keepdims=True))
    if v.dtype.kind == "c":
        places = pivots(v)
        pivot = np.sum(np.where(places, v, 0.0), axis=-2, keepdims=True)
        turn = np.imag(np.sum(np.where(places, change, 0.0), axis=-2, keepdims=True) / pivot)
        change = change - 1j * v * turn
    return dw, change


#: Eigenvalues and eigenvectors of a general matrix; ``vectors`` tells whether the latter are wanted.
general_eigen: Primitive = general(
    lambda a, vectors, undefined: tuple(np.linalg.eig(a)), _general_eigen_jvp, name="general_eigen", core=2
)


@composite(np.linalg.eig)
def eig(a: Any) -> Any:
    """NumPy's ``linalg.eig``; complex results from real matrices where NumPy's are."""
    return _EIG(*general_eigen(inexact(a), vectors=True, undefined=(0.0, np.nan)))


@composite(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    """NumPy's ``linalg.eigvals``; complex results from real matrices where NumPy's are."""
    return general_eigen(inexact(a), vectors=False, undefined=(0.0, np.nan))[0]
