"""Cases of ``hodiff/ops/linalg_factors.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.ops import linalg_factors as ops

la = np.linalg

_A = array(3, 3) + 2 * np.eye(3)
_TALL = array(4, 2)
_WIDE = array(2, 4)
_STACK = array(2, 3, 2)
# Real and well separated, in no special basis; and one with a pair of complex ones.
_BASIS = array(3, 3, seed=4) + 1.5 * np.eye(3)
_REAL = _BASIS * [-1.3, 0.4, 2.1] @ la.inv(_BASIS)
_PAIR = _BASIS @ np.array([[0.5, 1.1, 0.0], [-1.1, 0.5, 0.0], [0.0, 0.0, -0.9]]) @ la.inv(_BASIS)


def _complex(x):
    return x + 1j * np.sin(x + 0.3)


def _parts(z):
    return np.real(z), np.imag(z)


def _added(x, count=2):
    """The projector on the columns that completion adds."""
    q = la.qr(x, "complete").Q[..., count:]
    return q @ np.conjugate(q.mT)


def _eigen_outputs(x, row=1):
    """LAPACK's signs jump; its lengths and phases do not."""
    w, v = la.eig(x)
    v = v * np.sign(np.real(v[..., row, None, :]))
    return (*_parts(w), *_parts(v))


def _all_parts(pair):
    return (*_parts(pair[0]), *_parts(pair[1]))


CASES = [
    # --- qr
    case("qr", lambda a: tuple(la.qr(a)), _A, covers=(la.qr, ops.orthogonal), scale=0.3),
    case("qr-tall", lambda a: tuple(la.qr(a)), _TALL, covers=la.qr, scale=0.2),
    case("qr-wide", lambda a: tuple(la.qr(a)), _WIDE, covers=la.qr, scale=0.2),
    case("qr-one", lambda a: la.qr(a).R ** 2, np.array([[-0.4]]), covers=la.qr, scale=0.2),
    case("qr-stack", lambda a: tuple(la.qr(a, mode="reduced")), _STACK, covers=la.qr, scale=0.1),
    case(
        "qr-strided", lambda a: tuple(la.qr(a.T[::-1] + np.eye(4, 2, dtype=np.float32))), _WIDE, covers=la.qr, scale=0.2
    ),
    case("qr-r", lambda a: la.qr(a, "r"), _TALL, covers=la.qr, scale=0.2),
    case("qr-r-wide", lambda a: la.qr(a, mode="r"), _WIDE, covers=la.qr, scale=0.2),
    case("qr-complete-square", lambda a: tuple(la.qr(a, "complete")), _A, covers=la.qr, scale=0.3),
    case("qr-complete-wide", lambda a: tuple(la.qr(a, "complete")), _WIDE, covers=la.qr, scale=0.2),
    case("qr-complete-one-more", lambda a: tuple(la.qr(a, "complete")), array(3, 2), covers=la.qr, scale=0.1),
    case("qr-complete-stack", lambda a: tuple(la.qr(a, "complete")), _STACK, covers=la.qr, scale=0.1),
    case("qr-complete-added", lambda a: (_added(a), la.qr(a, "complete").R), _TALL, covers=la.qr, scale=0.2),
    case("qr-complex", lambda a: _all_parts(la.qr(_complex(a))), _A, covers=la.qr, scale=0.3),
    case("qr-complex-tall", lambda a: _all_parts(la.qr(_complex(a))), _TALL, covers=la.qr, scale=0.2),
    case("qr-complex-wide", lambda a: _all_parts(la.qr(_complex(a))), _WIDE, covers=la.qr, scale=0.2),
    case("qr-complex-complete", lambda a: _parts(_added(_complex(a))), _TALL, covers=la.qr, scale=0.2),
    refused("qr-raw", TypeError, lambda a: la.qr(a, "raw"), _A),
    refused("qr-economic", TypeError, lambda a: la.qr(a, mode="economic"), _A),
    refused("qr-unknown", ValueError, lambda a: la.qr(a, mode="thin"), _A),
    # --- eig
    case(
        "eig-real",
        _eigen_outputs,
        _REAL,
        covers=(la.eig, ops.general_eigen, ops.eigenvalues_coinciding, ops.usable),
        scale=0.05,
    ),
    case("eig-pair", _eigen_outputs, _PAIR, covers=(la.eig, ops.pivots), scale=0.05),
    case("eig-stack", _eigen_outputs, np.stack([_PAIR, _REAL]), covers=la.eig, scale=0.05),
    case("eig-complex", lambda a: _eigen_outputs(_complex(a.T)), _REAL, covers=la.eig, scale=0.02),
    case("eig-one", lambda a: la.eig(a)[0] ** 2, np.array([[0.7]]), covers=la.eig),
    case("eigvals", la.eigvals, _REAL, covers=(la.eigvals, ops.eigenvalues_mean), scale=0.05),
    case("eigvals-pair", lambda a: _parts(la.eigvals(a)), _PAIR, covers=la.eigvals, scale=0.05),
    case("eigvals-stack", lambda a: _parts(la.eigvals(a)), np.stack([_PAIR, _REAL]), covers=la.eigvals, scale=0.05),
    case("eigvals-complex", lambda a: _parts(la.eigvals(_complex(a))), _REAL, covers=la.eigvals, scale=0.05),
    case(
        "eig-function",
        lambda a: np.real((lambda w, v: (v * np.exp(w)) @ la.inv(v))(*la.eig(a))),
        _PAIR,
        covers=la.eig,
        scale=0.05,
    ),
]

_I = np.eye(2)
_DEFECTIVE = np.array([[1.0, 1.0], [0.0, 1.0]])
_NAN = np.full((2, 2), np.nan)

SPECIALS = [
    special("qr-triangle-of-identity", lambda a: la.qr(a, "r")[0, 1], np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])),
    special(
        "qr-singular",
        lambda a: la.qr(a)[0][1, 0] + np.sum(a),
        np.zeros((2, 2)),
        np.array([[1.0, 1.0], [np.nan, np.nan]]),
    ),
    special("qr-singular-unused", lambda a: la.qr(a)[0][1, 0] * 0.0 + np.sum(a), np.zeros((2, 2)), np.ones((2, 2))),
    special("eigvals-identity", la.eigvals, _I, _I),
    special("eigvals-identity-first", lambda a: la.eigvals(a)[0], _I, 0.5 * _I),
    special("eig-identity-values", lambda a: la.eig(a)[0], _I, _I),
    special("eig-degenerate-other", lambda a: la.eig(a)[0][2], np.diag([1.0, 1.0, 3.0]), np.diag([0.0, 0.0, 1.0])),
    special(
        "eigvals-rotation",
        lambda a: np.imag(la.eigvals(a))[0],
        np.array([[0.0, -1.0], [1.0, 0.0]]),
        np.array([[0.0, -0.5], [0.5, 0.0]]),
    ),
    special("eigvals-defective", lambda a: la.eigvals(a)[0], _DEFECTIVE, _NAN),
    special("eigvals-empty", lambda a: np.real(la.eigvals(a)), np.zeros((0, 0)), np.zeros((0, 0))),
]
