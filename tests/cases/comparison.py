"""Cases of ``hodiff/ops/comparison.py``: constants times something that is differentiated."""

import numpy as np

import hodiff as hd
import hodiff.ops.comparison as ops
from cases.table import array, case, refused
from hodiff.errors import LeakedTracerError

_X = array(2, 3, seed=1) * 3
_PAIRWISE = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.floor_divide)
_LOGICAL = (np.logical_and, np.logical_or, np.logical_xor)
_BITWISE = (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.gcd, np.lcm)
_UNARY = (np.floor, np.ceil, np.trunc, np.rint, np.isfinite, np.isinf, np.isnan, np.signbit, np.logical_not)


def _leaked():
    kept = []
    hd.grad(lambda y: (kept.append(y), y * y)[1])(1.0)
    return kept[0]


CASES = [
    *(case(u.__name__, lambda x, u=u: u(x, 0.3) * x, _X, covers=u, scale=0.01) for u in _PAIRWISE),
    *(case(u.__name__, lambda x, u=u: u(x > 0, x < 1) * x, _X, covers=u, scale=0.01) for u in _LOGICAL),
    *(case(u.__name__, lambda x, u=u: u(np.argsort(x), 2) * x, _X, covers=u, scale=0.01) for u in _BITWISE),
    *(case(u.__name__, lambda x, u=u: u(x) * x, _X, covers=u, scale=0.01) for u in _UNARY),
    case("invert", lambda x: ~(x > 0) * x, _X, covers=np.invert, scale=0.01),
    case("spacing", lambda x: np.spacing(x) * 0 + x, _X, covers=np.spacing, scale=0.01),
    case(
        "infix-comparisons",
        lambda x: ((x > 0) & (x <= 2) | (x < -1) ^ (x >= 1)) * x + (x == 0) + (x != 1),
        _X,
        covers=(),
        scale=0.01,
    ),
    case("floor-divide-infix", lambda x: (x // 0.4) * x, _X, covers=np.floor_divide, scale=0.01),
    case("round", lambda x: np.round(x, 1) * x, _X, covers=(np.round, np.around, ops.round_to), scale=0.002),
    *(
        case(f"{f.__name__}-{axis}", lambda x, f=f, axis=axis: f(x, axis) * np.sum(x), _X, covers=f, scale=0.01)
        for f in (np.argmax, np.argmin)
        for axis in (None, 0, -1)
    ),
    case("argmax-method", lambda x: x.argmax(0) * x, _X, covers=(np.argmax, ops.arg_maximum), scale=0.01),
    case(
        "argmin-keepdims",
        lambda x: np.argmin(x, 1, keepdims=True) * x,
        _X,
        covers=(np.argmin, ops.arg_minimum),
        scale=0.01,
    ),
    *(
        case(
            f"argsort-{axis}",
            lambda x, axis=axis: np.argsort(x, axis).reshape(2, 3) * x,
            _X,
            covers=(np.argsort, ops.arg_sort),
            scale=0.01,
        )
        for axis in (None, 0, 1)
    ),
    *(
        case(f"{f.__name__}-{axis}", lambda x, f=f, axis=axis: x * f(x > -1, axis), _X, covers=f, scale=0.01)
        for f in (np.any, np.all)
        for axis in (None, 0, (0, 1))
    ),
    case("any-keepdims", lambda x: x * np.any(x > 1, 1, keepdims=True), _X, covers=(np.any, ops.any_of), scale=0.01),
    case("all-method", lambda x: x * (x < 9).all() * x.all(), _X, covers=(np.all, ops.all_of), scale=0.01),
    case(
        "any-all-flags",
        lambda x: (
            x
            * np.any(x > 1, 1, keepdims=1, where=True)
            * np.all(x < 9, keepdims=1)
            * np.any(x[0, 0], 0)
            * x[0, 0].all(-1)
        ),
        _X,
        covers=(np.any, np.all),
        scale=0.01,
    ),
    case(
        "any-all-where",
        lambda x: (
            x
            * (np.any(x < 9, 1, keepdims=True, where=_X > 0) + 2 * np.all(x > 0, 0, where=_X > 0) + x.all(where=x > 0))
        ),
        _X,
        covers=(np.any, np.all),
        scale=0.01,
    ),
    refused("nonzero-leaked", LeakedTracerError, lambda x: np.nonzero(_leaked()), 0.5),
    refused("where-leaked", LeakedTracerError, lambda x: np.where(_leaked()), 0.5),
    refused("any-axis-list", TypeError, lambda x: np.any(x, axis=[0]), _X),
    case("argsort-scalar", lambda x: x * np.argsort(x, axis=0) + x * np.argsort(x), 0.3, covers=np.argsort),
    case("argmax-scalar", lambda x: x * (np.argmax(x, 0) + np.argmin(x, axis=-1) + 1), 0.3, covers=np.argmax),
    case("argmax-keepdims-all", lambda x: x * np.argmax(x, keepdims=True), _X, covers=np.argmax, scale=0.01),
    case("nonzero", lambda x: x[np.nonzero(x)] ** 2, _X, covers=np.nonzero, batch=False),
    case(
        "queries",
        lambda x: (
            x
            * (
                np.shape(x)[0]
                + np.ndim(x)
                + np.size(x)
                + np.size(x, 0)
                + len(x)
                + x.ndim
                + x.size
                + x.itemsize
                + x.nbytes
            )
        ),
        _X,
        covers=(np.shape, np.ndim, np.size),
        single=False,
    ),
    case(
        "likes",
        lambda x: (
            x
            * (np.ones_like(x) + np.zeros_like(x))
            * (np.iscomplexobj(x) + np.isrealobj(x))
            * np.ones(1, np.result_type(x, 1.0))
        ),
        _X,
        covers=(np.ones_like, np.zeros_like, np.iscomplexobj, np.isrealobj, np.result_type),
    ),
    case("stop-gradient", lambda x: ops.stop_gradient(np.floor(x)) * x, _X, covers=ops.stop_gradient, scale=0.01),
]
SPECIALS: list = []
