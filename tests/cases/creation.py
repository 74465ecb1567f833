"""Cases of ``hodiff/ops/creation.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.errors import InPlaceError, UnsupportedKeywordError

_X = array(4)
_Y = array(3, 4)


def _filled(make):
    """An array made by ``make(x)``, with ``x`` assigned to its first elements."""

    def run(x):
        y = make(x)
        y[..., 0] = x[..., 0] ** 2
        return y * np.sum(x)

    return run


CASES = [
    case("zeros-like", _filled(np.zeros_like), _X, covers=np.zeros_like),
    case("zeros-like-shape", _filled(lambda x: np.zeros_like(x, shape=(2,))), _X, covers=np.zeros_like),
    case("zeros-like-dtype", lambda x: x * np.zeros_like(x, dtype=int) + x, _X, covers=np.zeros_like),
    case(
        "zeros-like-keywords",
        _filled(lambda x: np.zeros_like(x, order="C", subok=True, device="cpu")),
        _X,
        covers=np.zeros_like,
    ),
    case("ones-like", _filled(np.ones_like), _X, covers=np.ones_like),
    case("ones-like-keywords", _filled(lambda x: np.ones_like(x, shape=4, dtype=x.dtype)), _X, covers=np.ones_like),
    case("empty-like", lambda x: _filled(lambda v: np.empty_like(v[:1]))(x), _X, covers=np.empty_like),
    case("full-like", _filled(lambda x: np.full_like(x, 2.5)), _X, covers=np.full_like),
    case("full-like-traced", _filled(lambda x: np.full_like(x, x[2])), _X, covers=np.full_like),
    case("zeros", _filled(lambda x: np.zeros(3, x.dtype, like=x)), _X, covers=np.zeros),
    case("ones", _filled(lambda x: np.ones((2, 3), x.dtype, like=x)[0]), _X, covers=np.ones),
    case("empty", lambda x: _filled(lambda v: np.empty(1, v.dtype, like=v))(x), _X, covers=np.empty),
    case("full", _filled(lambda x: np.full(3, 0.3, x.dtype, like=x)), _X, covers=np.full),
    case("full-traced", _filled(lambda x: np.full((3,), x[3] ** 2, like=x)), _X, covers=np.full),
    case("eye", lambda x: np.eye(3, 4, k=1, dtype=x.dtype, like=x) @ x, _X, covers=np.eye),
    case("identity", lambda x: np.identity(4, dtype=x.dtype, like=x) @ x, _X, covers=np.identity),
    case("tri", lambda x: np.tri(4, 4, -1, dtype=x.dtype, like=x) @ x, _X, covers=np.tri),
    case(
        "fromfunction",
        lambda x: np.fromfunction(lambda i: i, (4,), dtype=x.dtype, like=x) * x,
        _X,
        covers=np.fromfunction,
    ),
    case("fromiter", lambda x: np.fromiter(range(4), dtype=x.dtype, like=x) * x, _X, covers=np.fromiter),
    case("frombuffer", lambda x: np.frombuffer(b"\0" * 16, dtype=np.float32, like=x) + x, _X, covers=np.frombuffer),
    case(
        "fromstring", lambda x: np.fromstring("1 2 3 4", dtype=x.dtype, sep=" ", like=x) * x, _X, covers=np.fromstring
    ),
    case("loadtxt", lambda x: np.loadtxt(["1 2 3 4"], dtype=x.dtype, like=x) * x, _X, covers=np.loadtxt),
    case("genfromtxt", lambda x: np.genfromtxt(["1 2 3 4"], dtype=x.dtype, like=x) * x, _X, covers=np.genfromtxt),
    case("fromfile", lambda x: np.fromfile("/dev/null", dtype=x.dtype, like=x).sum() + x, _X, covers=np.fromfile),
    case("arange", lambda x: np.arange(4.0, dtype=x.dtype, like=x) * x, _X, covers=np.arange),
    case(
        "arange-traced",
        lambda x: np.arange(x[0], x[0] + 2.5, like=x) ** 2,
        _X,
        covers=np.arange,
        batch=False,
        scale=0.1,
    ),
    case(
        "arange-step",
        lambda x: np.arange(0.0, 2.0, x[2] ** 2 + 0.5, like=x) ** 2,
        _X,
        covers=np.arange,
        batch=False,
        scale=0.1,
        single=False,
    ),
    case("array", lambda x: np.array(x, like=x) ** 2, _X, covers=np.array),
    case("array-nested", lambda x: np.array([[x[0], x[1] * x[2]], [x[3], 0]], like=x) ** 2, _X, covers=np.array),
    case(
        "array-dtype", lambda x: np.array([x[0], 1], dtype=np.float64, like=x) ** 2, _X, covers=np.array, single=False
    ),
    case("array-ndmin", lambda x: np.array(x, ndmin=3, copy=True, order="C", like=x) ** 2, _X, covers=np.array),
    case("asarray", lambda x: np.asarray(x, like=x) ** 2 + np.asarray([x[0]], like=x), _X, covers=np.asarray),
    case("asarray-copy", lambda x: _filled(lambda v: np.asarray(v, copy=True, like=v))(x), _X, covers=np.asarray),
    case("asanyarray", lambda x: np.asanyarray(x, like=x) ** 2, _X, covers=np.asanyarray),
    case("ascontiguousarray", lambda x: np.ascontiguousarray(x[::-1], like=x) ** 2, _X, covers=np.ascontiguousarray),
    case("asfortranarray", lambda x: np.asfortranarray(x, like=x) ** 2, _Y, covers=np.asfortranarray),
    case("require", lambda x: np.require(x, requirements="CW", like=x) ** 2, _Y, covers=np.require),
    case("copy", lambda x: _filled(np.copy)(x), _Y, covers=np.copy),
    case("copy-method", lambda x: _filled(lambda v: v.copy("F"))(x), _Y, covers=()),
    case("flatten", lambda x: x.flatten() ** 2 * x.flatten("F"), _Y, covers=()),
    refused("full-like-of-a-plain-array", InPlaceError, lambda x: np.full_like(np.zeros((2, 4)), x), _X),
    refused("zeros-like-subok", UnsupportedKeywordError, lambda x: np.zeros_like(x, subok=False), _X),
    refused("zeros-like-order", ValueError, lambda x: np.zeros_like(x, order="Q"), _X),
    refused("zeros-like-device", ValueError, lambda x: np.zeros_like(x, device="gpu"), _X),
    refused("copy-subok", UnsupportedKeywordError, lambda x: np.copy(x, subok=True), _X),
    refused("array-subok", UnsupportedKeywordError, lambda x: np.array(x, subok=True, like=x), _X),
    refused("array-no-copy", ValueError, lambda x: np.array([x[0], 1.0], copy=False, like=x), _X),
]

SPECIALS = [
    special("zeros-like-empty", lambda x: np.zeros_like(x) + x, np.zeros((0, 2)), np.ones((0, 2))),
    special("zeros-like-scalar", lambda x: np.zeros_like(x) + x, 0.5, 1.0),
]
