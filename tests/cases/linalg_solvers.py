"""Cases of ``hodiff/ops/linalg_solvers.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.ops import linalg_solvers as ops

la = np.linalg

_A = array(3, 3) + 2 * np.eye(3)
_GRADED = _A + np.diag([0.0, 0.5, 1.2])
_TALL = array(4, 2)
_WIDE = array(2, 4)
_STACK = array(2, 3, 2)
_V = array(4)
_B = array(4, 3)
_Y = array(2, 3, 4)
# All sizes apart.
_SPREAD = np.sign(_Y) * (0.5 + 0.2 * np.random.default_rng(3).permutation(_Y.size).reshape(_Y.shape))


def _complex(x):
    return x + 1j * np.sin(x + 0.3)


def _parts(z):
    return np.real(z), np.imag(z)


def _low_rank(x):
    """A matrix of rank 2 that depends on a tall one with two columns."""
    return x @ np.sin(x.mT[..., :3] + 0.5)


def _results(a, b, rcond=None):
    x, residuals, _, s = la.lstsq(a, b, rcond)
    return x, residuals, s


_VECTOR_ORDERS = (2, 1, np.inf, -np.inf, 0, 3, 0.5, -1, -2)
_MATRIX_ORDERS = (None, "fro", "f", "nuc", 1, -1, np.inf, -np.inf, 2, -2)
_CONDITIONS = (None, 2, -2, "fro", "nuc", 1, -1, np.inf, -np.inf)

CASES = [
    # --- lstsq
    case("lstsq", _results, _TALL, _V, covers=(la.lstsq, ops.least_squares), scale=0.1),
    case("lstsq-matrix", _results, _TALL, _B, covers=la.lstsq, scale=0.1),
    case("lstsq-square", _results, _A, array(3), covers=la.lstsq, scale=0.1),
    case("lstsq-wide", _results, _WIDE, array(2), covers=la.lstsq, scale=0.1),
    case("lstsq-wide-matrix", _results, _WIDE, array(2, 2), covers=la.lstsq, scale=0.1),
    case("lstsq-rcond", lambda a, b: _results(a, b, 1e-3), _TALL, _V, covers=la.lstsq, scale=0.1),
    case("lstsq-rcond-negative", lambda a, b: _results(a, b, -1), _TALL, _V, covers=la.lstsq, scale=0.1),
    case("lstsq-low-rank", lambda x, b: la.lstsq(_low_rank(x), b, 1e-5)[0], _TALL, _V, covers=la.lstsq, scale=0.1),
    case(
        "lstsq-complex",
        lambda a, b: tuple(np.concatenate([*map(np.ravel, _parts(r))]) for r in _results(_complex(a), _complex(b))[:2]),
        _TALL,
        _B,
        covers=la.lstsq,
        scale=0.1,
    ),
    case("lstsq-plain-matrix", lambda b: _results(_TALL, b)[:2], _V, covers=la.lstsq, single=False),
    case("lstsq-plain-side", lambda a: _results(a, [1, 2, 3, 4])[:2], _TALL, covers=la.lstsq, scale=0.1, single=False),
    case("lstsq-real-complex", lambda a, b: _parts(la.lstsq(a, _complex(b))[0]), _TALL, _V, covers=la.lstsq, scale=0.1),
    case("lstsq-rank", lambda a: la.lstsq(a, a[:, 0])[2] * a, _TALL, covers=la.lstsq, scale=0.1),
    refused("lstsq-traced-rcond", TypeError, lambda a: la.lstsq(a, np.ones(3), a[0, 0]), _A),
    refused("lstsq-stack", la.LinAlgError, lambda a: la.lstsq(a, np.ones(3)), _STACK),
    refused("lstsq-lengths", la.LinAlgError, lambda a: la.lstsq(a, np.ones(2)), _A),
    # --- cond and rank
    *(case(f"cond-{p}", lambda a, p=p: la.cond(a, p), _GRADED, covers=la.cond, scale=0.02) for p in _CONDITIONS),
    case("cond-primitive", lambda a: la.cond(a, 1), _A, covers=(ops.singular_to_lapack, ops.undefined), scale=0.05),
    *(
        case(f"cond-stack-{p}", lambda a, p=p: la.cond(a, p), np.stack([_A, _A.T + 1]), covers=la.cond, scale=0.02)
        for p in (None, "fro", 1)
    ),
    case("cond-tall", la.cond, _TALL, covers=la.cond, scale=0.02),
    case("cond-complex", lambda a: la.cond(_complex(a), "fro"), _A, covers=la.cond, scale=0.05),
    refused("cond-empty", la.LinAlgError, lambda a: la.cond(a[:0]), _A),
    case("rank", lambda a: la.matrix_rank(a) * a, _A, covers=(la.matrix_rank, ops.rank_of)),
    case(
        "rank-stack",
        lambda a: la.matrix_rank(a, np.array([1e-3, 0.7]))[:, None, None] * a,
        _STACK,
        covers=la.matrix_rank,
    ),
    case("rank-tol", lambda a: la.matrix_rank(a, 0.5) * a, _A, covers=la.matrix_rank),
    case("rank-rtol", lambda a: la.matrix_rank(a @ a.T, None, True, rtol=0.01) * a, _A, covers=la.matrix_rank),
    case("rank-vector", lambda a: la.matrix_rank(a) * a, _V, covers=la.matrix_rank, single=False),
    case("rank-scalar", lambda a: la.matrix_rank(a) * a, 0.3, covers=la.matrix_rank, single=False),
    refused("rank-traced-tol", TypeError, lambda a: la.matrix_rank(a, a[0, 0]), _A),
    # --- powers and chains
    *(
        case(f"matrix-power-{n}", lambda a, n=n: la.matrix_power(a, n), _A / 2, covers=la.matrix_power, scale=0.3)
        for n in (-3, -1, 1, 2, 3, 4, 5, 6)
    ),
    case("matrix-power-0", lambda a: la.matrix_power(a, 0) * a, _A, covers=la.matrix_power),
    case("matrix-power-stack", lambda a: la.matrix_power(a, 5), array(2, 2, 2), covers=la.matrix_power),
    case(
        "matrix-power-inverse-stack",
        lambda a: la.matrix_power(a, -2),
        array(2, 2, 2) + 2 * np.eye(2),
        covers=la.matrix_power,
        scale=0.3,
    ),
    case("matrix-power-complex", lambda a: _parts(la.matrix_power(_complex(a), 3)), _A, covers=la.matrix_power),
    refused("matrix-power-tall", la.LinAlgError, lambda a: la.matrix_power(a, 2), _TALL),
    refused("matrix-power-float", TypeError, lambda a: la.matrix_power(a, 2.0), _A),
    case("multi-dot-2", lambda a, b: la.multi_dot([a, b]), _WIDE, _B, covers=la.multi_dot),
    case("multi-dot-3", lambda a, b, c: la.multi_dot([a, b, c]), _WIDE, _B, array(3, 2), covers=la.multi_dot),
    case("multi-dot-row", lambda v, b, c: la.multi_dot((v, b, c)), _V, _B, array(3, 2), covers=la.multi_dot),
    case("multi-dot-column", lambda a, b, v: la.multi_dot([a, b, v]), _WIDE, _B, array(3), covers=la.multi_dot),
    case("multi-dot-ends", lambda v, b, w: la.multi_dot([v, b, w * w]), _V, _B, array(3), covers=la.multi_dot),
    case("multi-dot-5", lambda a, b: la.multi_dot([a, b, _A, b.T, a.T]), _WIDE, _B, covers=la.multi_dot, single=False),
    refused("multi-dot-one", ValueError, lambda a: la.multi_dot([a]), _A),
    refused("multi-dot-stack", la.LinAlgError, lambda a: la.multi_dot([a, a, a]), _STACK),
    # --- tensor equations
    case(
        "tensorsolve",
        la.tensorsolve,
        array(2, 3, 6) + 2 * np.eye(6).reshape(2, 3, 6),
        array(2, 3),
        covers=la.tensorsolve,
        scale=0.2,
    ),
    case(
        "tensorsolve-axes",
        lambda a, b: la.tensorsolve(a, b, axes=(0, 2)),
        array(2, 6, 3),
        array(6),
        covers=la.tensorsolve,
        scale=0.02,
    ),
    case(
        "tensorsolve-list",
        lambda a: la.tensorsolve(a, [1.0, 2.0, 3.0]),
        _A,
        covers=la.tensorsolve,
        scale=0.2,
        single=False,
    ),
    refused("tensorsolve-shape", la.LinAlgError, lambda a: la.tensorsolve(a, np.ones(2)), _STACK),
    case("tensorinv", la.tensorinv, array(2, 2, 4) + 2 * np.eye(4).reshape(2, 2, 4), covers=la.tensorinv, scale=0.2),
    case(
        "tensorinv-ind",
        lambda a: la.tensorinv(a, ind=1),
        array(4, 2, 2) + 2 * np.eye(4).reshape(4, 2, 2),
        covers=la.tensorinv,
        scale=0.2,
    ),
    refused("tensorinv-ind", ValueError, lambda a: la.tensorinv(a, 0), _A),
    # --- norms of the array API
    *(
        case(
            f"matrix-norm-{o}",
            lambda a, o=o: la.matrix_norm(a, ord=o, keepdims=True),
            _SPREAD,
            covers=la.matrix_norm,
            scale=0.05,
        )
        for o in _MATRIX_ORDERS
    ),
    case("matrix-norm", la.matrix_norm, _Y, covers=la.matrix_norm, scale=0.2),
    *(
        case(
            f"vector-norm-{o}-{axis}",
            lambda a, o=o, axis=axis: la.vector_norm(a, axis=axis, ord=o),
            _SPREAD,
            covers=la.vector_norm,
            scale=0.05,
        )
        for o in _VECTOR_ORDERS
        for axis in (None, -1, (2, 0))
    ),
    case("vector-norm", la.vector_norm, _Y, covers=la.vector_norm, scale=0.3),
    *(
        case(
            f"vector-norm-keepdims-{axis}",
            lambda a, axis=axis: a / la.vector_norm(a, axis=axis, keepdims=True),
            _Y,
            covers=la.vector_norm,
            scale=0.2,
        )
        for axis in (None, 1, (-1, 0), (0, 1, 2), ())
    ),
    case("vector-norm-scalar", lambda a: la.vector_norm(a) ** 2, -0.6, covers=la.vector_norm, scale=0.3),
]

_I = np.eye(2)

SPECIALS = [
    *(
        special(f"cond-singular-{p}", lambda a, p=p: la.cond(a, p), np.zeros((2, 2)), np.full((2, 2), np.nan))
        for p in (None, 1, "fro", -2)
    ),
    special("cond-identity", la.cond, _I, np.zeros((2, 2))),
    special("lstsq-mean", lambda b: la.lstsq(np.ones((4, 1)), b)[0][0], np.arange(4.0), np.full(4, 0.25)),
    special(
        "lstsq-residuals",
        lambda b: la.lstsq(np.ones((3, 1)), b)[1][0],
        np.array([1.0, 2.0, 6.0]),
        np.array([-4.0, -2.0, 6.0]),
    ),
    special("lstsq-residuals-unused", lambda a: la.lstsq(a, np.ones(2))[3], 3 * _I, _I),
    special("matrix-power-of-0", lambda a: la.matrix_power(a, 2), np.zeros((2, 2)), np.zeros((2, 2))),
    special("vector-norm-zero", la.vector_norm, np.zeros((2, 2)), np.zeros((2, 2))),
    special("matrix-norm-zero", la.matrix_norm, np.zeros((2, 2)), np.zeros((2, 2))),
    special(
        "vector-norm-ties", lambda a: la.vector_norm(a, ord=np.inf), np.array([[1.0, -1.0]]), np.array([[0.5, -0.5]])
    ),
]
