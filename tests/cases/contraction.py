"""Cases of ``hodiff/ops/contraction.py``, ``einsum.py`` and ``diagonal.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.ops import contraction as ops
from hodiff.ops import diagonal as diagonal_ops
from hodiff.ops import einsum as einsum_ops

_V = array(3)
_W = array(3, seed=1)
_A = array(2, 3)
_B = array(3, 4)
_C = array(4)
_S = array(3, 3)
_STACK = array(2, 3, 4)
_TALL = array(5, 1, 2, 3)
_PLAIN = array(3, 4, seed=9)
_INTEGERS = np.arange(12).reshape(3, 4) - 5


def _complex(x):
    """A complex array with the shape of ``x`` that depends on it."""
    return x + 1j * np.sin(x + 0.3)


def _parts(z):
    return np.real(z), np.imag(z)


def _both(function):
    """A function of two arguments at complex ones, as real and imaginary part."""
    return lambda x, y: _parts(function(_complex(x), _complex(y)))


def _einsum(subscripts, *args, covers=(np.einsum, einsum_ops.contract), name=None, **keywords):
    return case(
        f"einsum-{name or subscripts}", lambda *xs: np.einsum(subscripts, *xs, **keywords), *args, covers=covers
    )


_MATMUL_SHAPES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (2, 3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (2, 3, 4)),
    ((1, 2, 3), (5, 3, 1)),
    ((1, 1), (1, 1)),
]
_DOT_SHAPES = [
    ((), ()),
    ((), (3,)),
    ((2, 3), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 2, 3), (3,)),
    ((3,), (2, 3, 2)),
    ((2, 3), (3, 2)),
    ((2, 2, 3), (3, 2)),
    ((2, 3), (2, 3, 2)),
    ((2, 2, 3), (1, 3, 2)),
]
_INNER_SHAPES = [
    ((), (3,)),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 3), (4, 3)),
    ((2, 3), (2, 2, 3)),
    ((2, 2, 3), (4, 3)),
]
_VECDOT_SHAPES = [((3,), (3,)), ((3,), (2, 3)), ((2, 3), (3,)), ((2, 3), (2, 3)), ((2, 1, 3), (4, 3))]
_MATVEC_SHAPES = [((2, 3), (3,)), ((5, 2, 3), (3,)), ((2, 3), (5, 3)), ((4, 1, 2, 3), (5, 3))]


def _pairs(name, function, shapes, covers):
    return [
        case(f"{name}-{left}-{right}".replace(" ", ""), function, array(*left), array(*right, seed=1), covers=covers)
        for left, right in shapes
    ]


def _complex_pairs(name, function, shapes, covers):
    return [
        case(
            f"{name}-complex-{left}-{right}".replace(" ", ""),
            _both(function),
            array(*left),
            array(*right, seed=1),
            covers=covers,
        )
        for left, right in shapes
    ]


CASES = [
    # --- matmul
    *_pairs("matmul", np.matmul, _MATMUL_SHAPES, (ops.matmul, np.matmul)),
    *_complex_pairs("matmul", np.matmul, _MATMUL_SHAPES[3:8], ops.matmul),
    case("matmul-infix", lambda x, y: x @ y, _A, _B, covers=ops.matmul),
    case("matmul-plain-right", lambda x: np.tanh(x @ _PLAIN), _A, covers=ops.matmul),
    case("matmul-plain-left", lambda x: np.tanh(_PLAIN @ x), _C, covers=ops.matmul),
    case("matmul-integers", lambda x: np.tanh(x @ _INTEGERS), _A, covers=ops.matmul, scale=0.1, single=False),
    case("matmul-list", lambda x: [1.0, 2.0, 3.0] @ x, _B, covers=ops.matmul, single=False),
    case("matmul-itself", lambda x: x @ x @ x, _S, covers=ops.matmul),
    case("matmul-quadratic", lambda x: x @ _S @ x, _V, covers=ops.matmul, single=False),
    case("matmul-strided", lambda x: x[::2, ::-1] @ x[::2].T, array(5, 3), covers=ops.matmul),
    case("matmul-empty", lambda x: x[:, :0] @ x[:0] + x @ x, _S, covers=ops.matmul),
    case("linalg-matmul", np.linalg.matmul, _TALL, _STACK[:, :3], covers=np.linalg.matmul),
    # --- dot, inner, outer, vdot
    *_pairs("dot", np.dot, _DOT_SHAPES, np.dot),
    case("dot-number", lambda x: np.dot(x, 2) * np.inner(0.3, x), _PLAIN, covers=(np.dot, np.inner), single=False),
    case("dot-method", lambda x: x.dot(x.T) * x.dot(x[0]), _A[:, :2], covers=np.dot),
    case("dot-plain", lambda x: np.dot(_PLAIN, np.dot(x, x)), _C, covers=np.dot, single=False),
    *_pairs("inner", np.inner, _INNER_SHAPES, np.inner),
    *_complex_pairs("inner", np.inner, _INNER_SHAPES[1:3], np.inner),
    *_pairs("outer", np.outer, [((3,), (4,)), ((2, 2), (3,)), ((), (2, 1, 3)), ((0,), (3,))], np.outer),
    case("outer-plain", lambda x: np.outer(x, [1.0, 2.0]) ** 2, _V, covers=np.outer, single=False),
    case("outer-itself", lambda x: np.outer(x, x), _V, covers=np.outer),
    case("linalg-outer", np.linalg.outer, _V, _C, covers=np.linalg.outer),
    *_pairs("vdot", np.vdot, [((3,), (3,)), ((2, 3), (2, 3)), ((), ())], np.vdot),
    *_complex_pairs("vdot", np.vdot, [((3,), (3,)), ((2, 3), (2, 3))], np.vdot),
    # --- vecdot, matvec, vecmat
    *_pairs("vecdot", np.vecdot, _VECDOT_SHAPES, np.vecdot),
    *_complex_pairs("vecdot", np.vecdot, _VECDOT_SHAPES, np.vecdot),
    case("linalg-vecdot", lambda x, y: np.linalg.vecdot(x, y, axis=0), _B, _PLAIN, covers=np.linalg.vecdot),
    # --- tensordot
    *_pairs("tensordot-2", np.tensordot, [((2, 3, 4), (3, 4, 2)), ((3, 4), (3, 4))], np.tensordot),
    case("tensordot-0", lambda x, y: np.tensordot(x, y, 0), _V, _A, covers=np.tensordot),
    case("tensordot-1", lambda x, y: np.tensordot(x, y, axes=1), _STACK, array(4, 2), covers=np.tensordot),
    case("tensordot-pair", lambda x, y: np.tensordot(x, y, (1, 0)), _STACK, _B, covers=np.tensordot),
    case("tensordot-negative", lambda x, y: np.tensordot(x, y, (-2, 0)), _STACK, _B, covers=np.tensordot),
    case(
        "tensordot-axes",
        lambda x, y: np.tensordot(x, y, axes=([2, 0], [0, -1])),
        _STACK,
        array(4, 3, 2),
        covers=np.tensordot,
    ),
    case("tensordot-plain", lambda x: np.tensordot(_PLAIN, x * x, ([0], [1])), _A, covers=np.tensordot, single=False),
    case("tensordot-itself", lambda x: np.tensordot(x, x), _A, covers=np.tensordot),
    case("linalg-tensordot", lambda x, y: np.linalg.tensordot(x, y, axes=1), _A, _B, covers=np.linalg.tensordot),
    # --- einsum
    _einsum("ij,jk->ik", _A, _B),
    _einsum("ij,jk", _A, _B),
    _einsum("ba", _B),
    _einsum("ij->", _B),
    _einsum("ij->j", _B),
    _einsum("i,i", _V, _W),
    _einsum("i,j->ij", _V, _C),
    _einsum(" i j , j -> i ", _B, _C),
    _einsum("ij,kl->k", _A, _B),
    _einsum("ii", _S),
    _einsum("ii->", _S),
    _einsum("ii->i", _S),
    _einsum("iij->ij", array(3, 3, 2)),
    _einsum("iij->ji", array(3, 3, 2)),
    _einsum("iii->i", array(2, 2, 2)),
    _einsum("ijij->ij", array(2, 3, 2, 3)),
    _einsum("ii,ij->j", _S, array(3, 2)),
    _einsum("ij,ij,ij->i", _B, _PLAIN, array(3, 4, seed=2)),
    _einsum("ij,jk,kl->il", _A, _B, array(4, 2)),
    _einsum("ij,jk,kl->il", _A, _B, array(4, 2), name="optimized", optimize=True),
    _einsum("ij,jk,kl->il", _A, _B, array(4, 2), name="path", optimize=["einsum_path", (1, 2), (0, 1)]),
    _einsum("ij,jk->ik", _A, _B, name="greedy", optimize="greedy"),
    _einsum("a,b,c,abc->", array(2), array(3), array(2, seed=1), array(2, 3, 2)),
    _einsum("...", _B),
    _einsum("...i,...i->...", _STACK, _C),
    _einsum("...ij,...jk->...ik", array(2, 1, 2, 3), array(4, 3, 2)),
    _einsum("i...,ij->j...", _STACK[0], array(3, 2)),
    _einsum("...ii->...i", array(2, 3, 3)),
    _einsum("...ij,...jk", array(2, 2, 3), array(3, 2)),
    _einsum("ij,ij->ij", array(3, 1), _B, name="stretched"),
    _einsum("ij,ij->", array(3, 1), array(1, 4), name="stretched-sum"),
    _einsum("i,i->", array(1), _V, name="stretched-dot"),
    _einsum("ij,j->i", array(2, 1), _V, name="stretched-alone"),
    _einsum(",ij->ij", np.float64(0.7), _B, name="scalar"),
    _einsum("ij,j->i", _B.T[::2].T, array(2), name="strided"),
    _einsum("ij,jk->ik", array(0, 3), _B, name="empty"),
    *(
        refused(
            f"einsum-{name}", TypeError, lambda x, name=name, value=value: np.einsum("ij->j", x, **{name: value}), _B
        )
        for name, value in (("dtype", np.float64), ("order", "C"), ("casting", "unsafe"), ("out", np.zeros(4)))
    ),
    refused("einsum-square", ValueError, lambda x: np.einsum("ii->i", x), _B),
    refused("einsum-axes", ValueError, lambda x: np.einsum("ijk->i", x), _B),
    case(
        "einsum-by-a-path",
        lambda x, y: np.einsum("ij,jk,k", x, y, _C, optimize=np.einsum_path("ij,jk,k", x, y, _C, optimize=True)[0]),
        _A,
        _B,
        covers=np.einsum_path,
        single=False,
    ),
    case(
        "einsum-path-sublists",
        lambda x: x * len(np.einsum_path(x, [0, 1], x, [2, 1])[0]),
        _A,
        covers=np.einsum_path,
    ),
    *(
        refused(f"{name}-keyword", TypeError, function, _S)
        for name, function in (
            ("matmul-axes", lambda x: np.matmul(x, x, axes=[(0, 1), (0, 1), (0, 1)])),
            ("vecdot-axis", lambda x: np.vecdot(x, x, axis=0)),
            ("vecdot-keepdims", lambda x: np.vecdot(x, x, keepdims=True)),
        )
    ),
    refused("diagonal-same-axes", ValueError, lambda x: np.diagonal(x, 0, 1, -1), _S),
    refused("diagonal-vector", ValueError, lambda x: np.diagonal(x[0]), _S),
    case("einsum-plain", lambda x: np.einsum("ij,jk,k->i", _A, _PLAIN, x * x), _C, covers=np.einsum, single=False),
    case("einsum-itself", lambda x: np.einsum("ij,jk,ki->", x, x, x), _S, covers=np.einsum),
    case("einsum-sublists", lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [2, 0]), _A, _B, covers=np.einsum),
    case("einsum-sublists-implicit", lambda x, y: np.einsum(x, [30, 1], y, [1, 2]), _A, _B, covers=np.einsum),
    case("einsum-sublists-dots", lambda x: np.einsum(x, [..., 0, 0], [..., 0]), array(2, 3, 3), covers=np.einsum),
    *[
        case(
            f"einsum-complex-{subscripts}",
            _both(lambda x, y, subscripts=subscripts: np.einsum(subscripts, x, y)),
            _A,
            _B,
            covers=np.einsum,
        )
        for subscripts in ("ij,jk->ik", "ij,jk->", "ij,kl->kj")
    ],
    # --- diagonal and trace
    case("diagonal", lambda x: np.diagonal(x) ** 2, _S, covers=(np.diagonal, diagonal_ops.diagonal_of)),
    case("diagonal-offset", lambda x: np.diagonal(x, 1)[:2] * np.diagonal(x, -1), _B, covers=diagonal_ops.on_diagonal),
    case("diagonal-beyond", lambda x: np.sum(x * x) + np.sum(np.diagonal(x, 7)), _B, covers=np.diagonal),
    case("diagonal-axes", lambda x: x.diagonal(axis1=2, axis2=0, offset=1) ** 2, _STACK, covers=np.diagonal),
    case("linalg-diagonal", lambda x: np.linalg.diagonal(x, offset=-1) ** 2, _STACK, covers=np.linalg.diagonal),
    case("trace", lambda x: np.trace(x @ x) * x.trace(), _S, covers=np.trace),
    case("trace-axes", lambda x: np.trace(x, 1, axis1=1, axis2=-1) ** 2, _STACK, covers=np.trace),
    case("trace-dtype", lambda x: np.trace(x, dtype=np.float64), _S, covers=np.trace, single=False),
    case("linalg-trace", lambda x: np.linalg.trace(x, offset=1) ** 2, _STACK, covers=np.linalg.trace),
]
if hasattr(np, "matvec"):
    CASES += _pairs("matvec", np.matvec, _MATVEC_SHAPES, np.matvec)
    CASES += _pairs("vecmat", lambda x, y: np.vecmat(y, x.mT), _MATVEC_SHAPES, np.vecmat)
    CASES += _complex_pairs("vecmat", lambda x, y: np.vecmat(y, x.mT), _MATVEC_SHAPES, np.vecmat)

_INFINITE = np.array([[1.0, np.inf], [np.nan, 2.0], [3.0, 4.0]])
_LAST = np.arange(3) == 2

SPECIALS = [
    # A zero cotangent annihilates what is not finite.
    special("matmul-masked", lambda x: np.where(_LAST, _INFINITE @ x, 0.0), np.ones(2), np.array([3.0, 4.0])),
    special(
        "matmul-columns-masked",
        lambda x: np.where(_LAST[:, None], _INFINITE @ x, 0.0),
        np.ones((2, 2)),
        np.array([[3.0, 3.0], [4.0, 4.0]]),
    ),
    special(
        "einsum-masked",
        lambda x: np.where(_LAST, np.einsum("ij,j->i", _INFINITE, x), 0.0),
        np.ones(2),
        np.array([3.0, 4.0]),
    ),
    special("matmul-infinite", lambda x: np.array([np.inf, 1.0]) @ x, np.ones(2), np.array([np.inf, 1.0])),
    special("vdot-complex", lambda z: np.real(np.vdot(z, z)), np.array([1 + 2j, 3.0]), np.array([2 - 4j, 6.0])),
    special("einsum-no-columns", lambda x: np.einsum("ij->i", x), np.ones((2, 0)), np.ones((2, 0))),
    special("matmul-no-columns", lambda x: x @ np.ones((0, 3)), np.ones((2, 0)), np.zeros((2, 0))),
    special("trace-of-rectangle", np.trace, np.ones((2, 3)), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])),
    # Zeros of the other operand are no exception either.
    special(
        "matmul-of-zeros",
        lambda x, y: x @ y,
        (np.zeros(2), np.zeros(2)),
        (np.zeros(2), np.zeros(2)),
        second=np.eye(4)[[2, 3, 0, 1]],
    ),
]
