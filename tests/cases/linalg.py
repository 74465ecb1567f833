"""Cases of ``hodiff/ops/linalg.py`` and ``spectral.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.ops import linalg as ops
from hodiff.ops import spectral as spectral_ops

la = np.linalg

_EYE = np.eye(3, dtype=np.float32)
_A = array(3, 3) + 2 * np.eye(3)
_STACK = array(2, 3, 3) + 2 * np.eye(3)
_B = array(3, 2)
_V = array(3)
_TALL = array(4, 3)
_X = array(3, 4)
_Y = array(2, 3, 4)
# Well separated spectra, in no special basis.
_TURN = la.qr(array(3, 3, seed=4))[0]
_LEVELS = np.array([-1.3, 0.4, 2.1])
_SYMMETRIC = _TURN * _LEVELS @ _TURN.T


def _spd(x):
    """A positive definite matrix that depends on a square one."""
    return x @ x.mT + 0.5 * _EYE


def _hermitian(x):
    """A complex Hermitian matrix that depends on a square one."""
    z = _complex(x)
    return z @ np.conjugate(z.mT)


def _complex(x):
    return x + 1j * np.sin(x + 0.3)


def _parts(z):
    return np.real(z), np.imag(z)


def _projector(v, n):
    """The projector on the first ``n`` columns, which does not depend on their signs and phases."""
    return v[..., :, :n] @ np.conjugate(v[..., :, :n].mT)


def _eigen_outputs(x):
    w, v = la.eigh(x)
    return w, v * v[..., :1, :]


def _singular_outputs(x, hermitian=False):
    u, s, vh = la.svd(x, full_matrices=False, hermitian=hermitian)
    return u * vh.mT[..., :1, :], s, vh * vh[..., :, :1]


def _low_rank(x):
    """A matrix of rank 2 that depends on a tall one with two columns."""
    return x @ np.sin(x.mT[..., :3] + 0.5)


def _full_outputs(x):
    """Values, and projectors on the columns that full matrices add."""
    u, s, vh = la.svd(x, full_matrices=True)
    added, right = u[..., s.shape[-1] :], np.conjugate(vh.mT)[..., s.shape[-1] :]
    return s, *_parts(added @ np.conjugate(added.mT)), *_parts(right @ np.conjugate(right.mT))


_NORM_ORDERS = (None, 2, 1, np.inf, -np.inf, 0, 3, 2.5, 0.5, -1, -2, 4)
_MATRIX_ORDERS = (None, "fro", "nuc", 1, -1, np.inf, -np.inf, 2, -2)

CASES = [
    # --- solve
    case("solve-vector", la.solve, _A, _V, covers=(la.solve, ops.solution), scale=0.4),
    case("solve-matrix", la.solve, _A, _B, covers=ops.solution, scale=0.4),
    case("solve-stacks", la.solve, _STACK, array(2, 3, 4), covers=ops.solution, scale=0.4),
    case("solve-stack-of-matrices", la.solve, _STACK, _B, covers=ops.solution, scale=0.4),
    case("solve-stack-of-sides", la.solve, _A, array(4, 3, 2), covers=ops.solution, scale=0.4),
    case("solve-stack-vector", la.solve, _STACK, _V, covers=la.solve, scale=0.4),
    case("solve-plain-matrix", lambda b: la.solve(_A, b * b), _V, covers=la.solve, single=False),
    case("solve-plain-side", lambda a: la.solve(a, _V), _A, covers=la.solve, scale=0.4, single=False),
    case("solve-integers", lambda a: la.solve(a, np.array([1, 2, 3])), _A, covers=la.solve, scale=0.4, single=False),
    case("solve-list", lambda a: la.solve(a, [1.0, 2.0, 3.0]), _A, covers=la.solve, scale=0.4, single=False),
    case("solve-strided", lambda a, b: la.solve(a.T, b[::-1]), _A, _V, covers=la.solve, scale=0.4),
    case("solve-complex", lambda a, b: _parts(la.solve(_complex(a), _complex(b))), _A, _B, covers=la.solve, scale=0.4),
    # --- inv
    case("inv", la.inv, _A, covers=(la.inv, ops.inverse), scale=0.4),
    case("inv-stack", la.inv, _STACK, covers=la.inv, scale=0.4),
    case("inv-one", la.inv, np.array([[0.7]]), covers=la.inv, scale=0.3),
    case("inv-complex", lambda a: _parts(la.inv(_complex(a))), _A, covers=la.inv, scale=0.4),
    # --- det
    case("det", la.det, _A, covers=(la.det, ops.determinant, ops.adjugate)),
    case("det-stack", la.det, _STACK, covers=la.det),
    case("det-one", lambda a: la.det(a) ** 2, np.array([[0.0]]), covers=la.det),
    case("det-two", la.det, np.zeros((2, 2)), covers=la.det),
    case("det-corank-1", la.det, _TURN * [1.0, 2.0, 0.0] @ _A, covers=la.det),
    case("det-corank-2", la.det, _TURN * [0.0, 2.0, 0.0] @ _A, covers=la.det),
    case("det-corank-3", lambda a: la.det(a) + la.det(a @ a + a), np.zeros((4, 4)), covers=la.det),
    case("det-nearly-singular", la.det, _TURN * [1.0, 1e-6, 1e-9] @ _A, covers=la.det, single=False),
    case(
        "det-stack-mixed",
        la.det,
        np.stack([_A, np.zeros((3, 3)), np.diag([1.0, 0.0, 0.0])]) * np.float64(1),
        covers=ops.adjugate,
    ),
    case("det-complex", lambda a: _parts(la.det(_complex(a))), _A, covers=la.det),
    case(
        "det-complex-singular",
        lambda a: _parts(la.det((1 + 0.5j) * a)),
        np.diag([1.0, 0.0, 0.0]),
        covers=la.det,
    ),
    # --- slogdet
    case("slogdet", lambda a: la.slogdet(a)[1], _A, covers=(la.slogdet, ops.sign_logdet)),
    case("slogdet-stack", lambda a: la.slogdet(a).logabsdet * la.slogdet(a).sign, _STACK, covers=la.slogdet),
    case(
        "slogdet-complex",
        lambda a: (*_parts(la.slogdet(_complex(a))[0]), la.slogdet(_complex(a))[1]),
        _A,
        covers=la.slogdet,
    ),
    # --- cholesky
    case("cholesky", lambda x: la.cholesky(_spd(x)), _A, covers=(la.cholesky, ops.cholesky_factor), scale=0.3),
    case("cholesky-stack", lambda x: la.cholesky(_spd(x)), _STACK, covers=la.cholesky, scale=0.3),
    case("cholesky-upper", lambda x: la.cholesky(_spd(x), upper=True), _A, covers=la.cholesky, scale=0.3),
    case("cholesky-complex", lambda x: _parts(la.cholesky(_hermitian(x))), _A, covers=la.cholesky, scale=0.3),
    case(
        "cholesky-complex-upper",
        lambda x: _parts(la.cholesky(_hermitian(x), upper=True)),
        _A,
        covers=la.cholesky,
        scale=0.3,
    ),
    # --- eigh
    case(
        "eigh",
        lambda x: _eigen_outputs(x + x.T),
        _SYMMETRIC,
        covers=(la.eigh, spectral_ops.eigen, spectral_ops.coinciding),
        scale=0.3,
    ),
    case("eigh-upper", lambda x: la.eigh(x + x.T, "U")[0], _SYMMETRIC, covers=la.eigh, scale=0.3),
    case(
        "eigh-stack",
        lambda x: _eigen_outputs(x @ x.mT + np.diag([0, 2, 4]).astype(np.float32)),
        array(2, 3, 3),
        covers=la.eigh,
        scale=0.3,
    ),
    case(
        "eigh-function",
        lambda x: (lambda w, v: (v * np.exp(w)) @ v.T)(*la.eigh(x + x.T)),
        _SYMMETRIC,
        covers=la.eigh,
        scale=0.3,
    ),
    case("eigh-one", lambda x: la.eigh(x)[0] ** 2, np.array([[0.3]]), covers=la.eigh),
    case("eigvalsh", lambda x: la.eigvalsh(x + x.T), _SYMMETRIC, covers=la.eigvalsh, scale=0.3),
    case("eigvalsh-upper", lambda x: la.eigvalsh(x + x.T, UPLO="u"), _SYMMETRIC, covers=la.eigvalsh, scale=0.3),
    case(
        "eigh-complex",
        lambda x: (la.eigh(_hermitian(x))[0], *_parts(_projector(la.eigh(_hermitian(x))[1], 2))),
        _A,
        covers=la.eigh,
        scale=0.3,
    ),
    # --- svd
    case(
        "svd",
        _singular_outputs,
        _A,
        covers=(la.svd, spectral_ops.singular, spectral_ops.vanishing_sums),
        scale=0.04,
    ),
    case("svd-full", lambda x: la.svd(x).S * la.svd(x)[2][0] ** 2, _A, covers=la.svd, scale=0.04),
    case("svd-tall", _singular_outputs, _TALL, covers=(la.svd, spectral_ops.vanishing), scale=0.04),
    case("svd-wide", _singular_outputs, _TALL.T, covers=la.svd, scale=0.04),
    case("svd-stack", _singular_outputs, array(2, 4, 2), covers=la.svd, scale=0.04),
    case("svd-values", lambda x: la.svd(x, compute_uv=False), _TALL, covers=la.svd, scale=0.04),
    case("svdvals", la.svdvals, _TALL.T, covers=la.svdvals, scale=0.04),
    case(
        "svd-complex",
        lambda x: (
            la.svd(_complex(x), full_matrices=False)[1],
            *_parts(_projector(la.svd(_complex(x), full_matrices=False)[0], 2)),
            *_parts((lambda u, s, vh: u * np.sqrt(s) @ vh)(*la.svd(_complex(x), full_matrices=False))),
        ),
        _TALL,
        covers=la.svd,
        scale=0.04,
    ),
    *(
        case(
            f"svd-full-matrices-{name}",
            lambda x: _full_outputs(x),
            point,
            covers=la.svd,
            scale=0.04,
        )
        for name, point in (("tall", _TALL), ("wide", _TALL.T), ("taller", array(4, 2)), ("stack", array(2, 2, 4)))
    ),
    case("svd-full-matrices-complex", lambda x: _full_outputs(_complex(x)), _TALL, covers=la.svd, scale=0.04),
    case(
        "svd-hermitian",
        lambda x: _singular_outputs(x + x.T, hermitian=True),
        _SYMMETRIC,
        covers=(la.svd, spectral_ops.descending),
        scale=0.1,
    ),
    case(
        "svd-hermitian-stack",
        lambda x: la.svd(x + x.mT, hermitian=True)[1],
        np.stack([_SYMMETRIC, _A]),
        covers=la.svd,
        scale=0.1,
    ),
    case(
        "svd-hermitian-values",
        lambda x: la.svd(x + x.T, compute_uv=False, hermitian=True),
        _SYMMETRIC,
        covers=(la.svd, spectral_ops.hermitian_part),
        scale=0.1,
    ),
    case(
        "svd-hermitian-complex",
        lambda x: (
            la.svd(_hermitian(x), hermitian=True)[1],
            *_parts(_projector(la.svd(_hermitian(x), True, True, True)[0], 2)),
        ),
        _A,
        covers=la.svd,
        scale=0.1,
    ),
    # --- pinv
    case("pinv", la.pinv, array(4, 2), covers=(la.pinv, spectral_ops.pseudo_inverse), scale=0.1),
    case("pinv-wide", la.pinv, array(2, 4), covers=la.pinv, scale=0.1),
    case("pinv-square", la.pinv, _A, covers=la.pinv, scale=0.2),
    case("pinv-stack", la.pinv, array(2, 3, 2), covers=la.pinv, scale=0.05),
    case("pinv-rcond-stack", lambda a: la.pinv(a, np.array([1e-6, 1e-5])), array(2, 3, 2), covers=la.pinv, scale=0.05),
    case("pinv-rtol", lambda a: la.pinv(a, rtol=1e-5), array(4, 2), covers=la.pinv, scale=0.1),
    case("pinv-rtol-none", lambda a: la.pinv(a, rtol=None), array(4, 2), covers=la.pinv, scale=0.1),
    case("pinv-low-rank", lambda x: la.pinv(_low_rank(x), 1e-5), array(4, 2), covers=la.pinv, scale=0.1),
    case("pinv-complex", lambda a: _parts(la.pinv(_complex(a))), array(4, 2), covers=la.pinv, scale=0.1),
    case(
        "pinv-complex-low-rank",
        lambda a: _parts(la.pinv(_low_rank(_complex(a)), 1e-5)),
        array(4, 2),
        covers=la.pinv,
        scale=0.1,
    ),
    case(
        "pinv-hermitian",
        lambda a: la.pinv(a + a.T, hermitian=True),
        _A,
        covers=(la.pinv, spectral_ops.hermitian_part),
        scale=0.2,
    ),
    case(
        "pinv-hermitian-complex",
        lambda a: _parts(la.pinv(_complex(a) @ np.conjugate(_complex(a).T), 1e-9, True)),
        array(2, 2) + np.eye(2),
        covers=la.pinv,
        scale=0.1,
    ),
    refused("pinv-traced-rcond", TypeError, lambda a: la.pinv(a, a[0, 0]), _A),
    refused("pinv-both", ValueError, lambda a: la.pinv(a, 1e-3, rtol=1e-3), _A),
    refused("norm-list-of-axes", TypeError, lambda x: la.norm(x, axis=[0, 1]), _A),
    refused("norm-order", ValueError, lambda x: la.norm(x, 3), _A),
    refused("norm-traced-order", TypeError, lambda x: la.norm(x, x[0, 0]), _A),
    # --- norms of vectors
    *[
        case(
            f"norm-vector-{order}",
            lambda x, order=order: la.norm(x, order),
            np.array([0.9, -1.4, 0.5]),
            covers=(la.norm, *((spectral_ops.power_norm, spectral_ops.signed_power) if order == 3 else ())),
            scale=0.2,
        )
        for order in _NORM_ORDERS
    ],
    *[
        case(
            f"norm-axis-{order}",
            lambda x, order=order: la.norm(x, order, axis=1, keepdims=True),
            np.sign(_Y) * (0.5 + np.argsort(_Y, axis=1)),
            covers=la.norm,
            scale=0.3,
        )
        for order in _NORM_ORDERS
    ],
    case("norm-scalar", lambda x: la.norm(x) ** 3, -0.7, covers=la.norm, scale=0.5),
    case("norm-all", la.norm, _Y, covers=(la.norm, spectral_ops.euclidean), scale=0.3),
    case("norm-all-keepdims", lambda x: x / la.norm(x, keepdims=True), _Y, covers=la.norm, scale=0.3),
    case("norm-axis-negative", lambda x: la.norm(x, axis=-2), _X, covers=la.norm, scale=0.5),
    case("norm-strided", lambda x: la.norm(x[::2, ::-1].T, axis=0), _X, covers=la.norm, scale=0.5),
    case("norm-complex", lambda x: la.norm(_complex(x), axis=0), _X, covers=la.norm, scale=0.15),
    *[
        case(
            f"norm-complex-{order}",
            lambda x, order=order: la.norm(_complex(x), order, 0),
            np.sign(_X) * (0.5 + np.argsort(_X, axis=0)),
            covers=la.norm,
            scale=0.1,
        )
        for order in (1, 3, np.inf)
    ],
    # --- norms of matrices
    *[
        case(
            f"norm-matrix-{order}",
            lambda x, order=order: la.norm(x, order),
            _TALL,
            covers=(la.norm, spectral_ops.sharing),
            scale=0.1,
        )
        for order in _MATRIX_ORDERS
    ],
    *[
        case(
            f"norm-matrices-{order}",
            lambda x, order=order: la.norm(x, order, axis=(2, 0), keepdims=True),
            _Y,
            covers=la.norm,
            scale=0.05,
        )
        for order in _MATRIX_ORDERS
    ],
    case("norm-matrices-f", lambda x: la.norm(x, "f", (0, -1)), _Y, covers=la.norm, scale=0.3),
]

_I = np.eye(2)
_DEGENERATE = np.diag([1.0, 1.0, 3.0])
_C = array(3, 3, seed=7)


def _unit(i, j, n=3):
    answer = np.zeros((n, n))
    answer[i, j] = 1.0
    return answer


_DET_SECOND = np.zeros((2, 2, 2, 2))
_DET_SECOND[0, 0, 1, 1] = _DET_SECOND[1, 1, 0, 0] = 1.0
_DET_SECOND[0, 1, 1, 0] = _DET_SECOND[1, 0, 0, 1] = -1.0

SPECIALS = [
    special("det-corank-1-gradient", lambda a: la.det(a) + np.sum(a), np.diag([0.0, 2.0, 3.0]), 1 + 6 * _unit(0, 0)),
    special("det-corank-2-gradient", lambda a: la.det(a) + np.sum(a), np.diag([0.0, 2.0, 0.0]), np.ones((3, 3))),
    special("det-zero-second", la.det, np.zeros((2, 2)), np.zeros((2, 2)), second=_DET_SECOND),
    special("det-no-rows", la.det, np.zeros((0, 0)), np.zeros((0, 0))),
    special("slogdet-singular-unused", lambda a: la.slogdet(a)[0], np.zeros((2, 2)), np.zeros((2, 2))),
    special(
        "slogdet-singular-masked",
        lambda a: np.where(la.slogdet(a)[0] == 0, 0.0, la.slogdet(a)[1]),
        np.stack([np.zeros((2, 2)), 2 * _I]),
        np.stack([np.zeros((2, 2)), 0.5 * _I]),
    ),
    special(
        "slogdet-one-singular",
        lambda a: la.slogdet(a)[1][1],
        np.stack([np.zeros((2, 2)), np.diag([1e-20, 1.0])]),
        np.stack([np.zeros((2, 2)), np.diag([1e20, 1.0])]),
    ),
    special("det-graded", la.det, np.diag([1e8, 1.0, 1e-8]), np.diag([1e-8, 1.0, 1e8])),
    *(
        special(
            f"norm-empty-{order}-{len(shape)}",
            lambda x, order=order: la.norm(x, order),
            np.zeros(shape),
            np.zeros(shape),
        )
        for order, shape in ((np.inf, (0,)), (2, (0, 3)), (np.inf, (0, 3)), (1, (3, 0)))
    ),
    special("eigvalsh-tied-largest", lambda a: la.eigvalsh(a)[-1], _I, 0.5 * _I),
    special("svdvals-tied-largest", lambda a: la.svdvals(a)[0], 3 * _I, 0.5 * _I),
    special("svdvals-zero", lambda a: la.svdvals(a)[0], np.zeros((2, 2)), np.zeros((2, 2))),
    # Conventions of functions of symmetric matrices.
    special("cholesky-symmetric", lambda a: la.cholesky(a)[1, 0], _I, np.array([[0.0, 0.5], [0.5, 0.0]])),
    special("eigh-symmetric", lambda a: la.eigh(a)[0][1], np.array([[0.0, 1.0], [1.0, 0.0]]), np.full((2, 2), 0.5)),
    # Equal eigenvalues and singular values.
    special("eigvalsh-degenerate", lambda a: la.eigvalsh(a)[2], _DEGENERATE, _unit(2, 2)),
    special("eigh-degenerate-sum", lambda a: la.eigh(a)[0], _I, _I),
    special(
        "eigh-degenerate-projector",
        lambda a: _projector(la.eigh(a)[1], 2)[0, 2],
        _DEGENERATE,
        -0.25 * (_unit(0, 2) + _unit(2, 0)),
    ),
    special(
        "eigh-degenerate-rotated",
        lambda a: _projector(la.eigh(a)[1], 2) * _C,
        _TURN @ _DEGENERATE @ _TURN.T,
        _TURN @ (_TURN.T @ (_C + _C.T) @ _TURN * np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]]) / -4) @ _TURN.T,
    ),
    special("svd-identity-sum", lambda a: la.svd(a)[1], _I, _I),
    special("svd-identity-values", lambda a: la.svd(a, compute_uv=False), _I, _I),
    special(
        "svd-identity-polar",
        lambda a: (lambda u, s, vh: (u @ vh)[0, 1])(*la.svd(a)),
        _I,
        np.array([[0.0, 0.5], [-0.5, 0.0]]),
    ),
    special("svd-hermitian-identity", lambda a: la.svd(a, hermitian=True)[1], _I, _I),
    special(
        "svd-hermitian-symmetric",
        lambda a: la.svd(a, compute_uv=False, hermitian=True)[0],
        np.array([[1.0, 2.0], [2.0, 1.0]]),
        np.full((2, 2), 0.5),
    ),
    special("svd-full-values", lambda a: la.svd(a)[1], np.eye(3, 2), np.eye(3, 2)),
    special(
        "svd-full-projector",
        lambda a: la.svd(a)[0][0, 2] * la.svd(a)[0][2, 2],
        np.eye(3, 2),
        np.array([[0.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]),
    ),
    special("pinv-zero", la.pinv, np.zeros((2, 3)), np.zeros((2, 3))),
    special("pinv-identity", lambda a: la.pinv(a)[0, 0], _I, np.array([[-1.0, 0.0], [0.0, 0.0]])),
    special(
        "pinv-hermitian-symmetric", lambda a: la.pinv(a, hermitian=True)[0, 1], _I, np.array([[0.0, -0.5], [-0.5, 0.0]])
    ),
    special("pinv-empty", la.pinv, np.zeros((0, 3)), np.zeros((0, 3))),
    # Norms at their kinks.
    special("norm-zero", la.norm, np.zeros(3), np.zeros(3), second=np.zeros((3, 3))),
    special(
        "norm-zero-row",
        lambda x: la.norm(x, axis=1),
        np.array([[0.0, 0.0], [3.0, 4.0]]),
        np.array([[0.0, 0.0], [0.6, 0.8]]),
    ),
    special(
        "norm-zero-matrix",
        lambda x: la.norm(x, axis=(0, 1)),
        np.zeros((2, 2)),
        np.zeros((2, 2)),
        second=np.zeros((4, 4)),
    ),
    special("norm-zero-complex", la.norm, np.zeros(2, complex), np.zeros(2, complex)),
    special("norm-zero-3", lambda x: la.norm(x, 3), np.zeros(2), np.zeros(2), second=np.zeros((2, 2))),
    special("norm-zero-1", lambda x: la.norm(x, 1), np.zeros(2), np.zeros(2), second=np.zeros((2, 2))),
    special("norm-zero-inf", lambda x: la.norm(x, np.inf), np.zeros(2), np.zeros(2)),
    special(
        "norm-zero-element",
        lambda x: la.norm(x),
        np.array([0.0, -2.0]),
        np.array([0.0, -1.0]),
        second=np.diag([0.5, 0.0]),
    ),
    special(
        "norm-zero-element-3",
        lambda x: la.norm(x, 3),
        np.array([0.0, -2.0]),
        np.array([0.0, -1.0]),
        second=np.zeros((2, 2)),
    ),
    special("norm-inf-ties", lambda x: la.norm(x, np.inf), np.array([1.0, -2.0, 2.0]), np.array([0.0, -0.5, 0.5])),
    special("norm-inf", lambda x: la.norm(x, np.inf), np.array([1.0, 2.0]), np.array([0.0, 1.0])),
    special("norm-nuc-identity", lambda x: la.norm(x, "nuc"), _I, _I),
    special("norm-nuc-zero", lambda x: la.norm(x, "nuc"), np.zeros((2, 2)), np.zeros((2, 2))),
    special("norm-nuc-rank-1", lambda x: la.norm(x, "nuc"), np.diag([2.0, 0.0]), np.diag([1.0, 0.0])),
    special("norm-2-identity", lambda x: la.norm(x, 2), _I, 0.5 * _I),
    special("norm-2-zero", lambda x: la.norm(x, 2), np.zeros((2, 3)), np.zeros((2, 3))),
    special("norm-of-complex", la.norm, np.array([3.0 + 4j]), np.array([0.6 - 0.8j])),
]
# Hessian of the nuclear norm at the identity: (T - Tᵀ)/2 for every direction T.
_NUC = np.zeros((2, 2, 2, 2))
_NUC[0, 1, 0, 1] = _NUC[1, 0, 1, 0] = 0.5
_NUC[0, 1, 1, 0] = _NUC[1, 0, 0, 1] = -0.5
SPECIALS.append(special("norm-nuc-identity-second", lambda x: la.norm(x, "nuc"), _I, _I, second=_NUC))
