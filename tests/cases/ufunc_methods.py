"""Cases of ``hodiff/ops/ufunc_methods.py``, and of the keywords of ufuncs (``hodiff/dispatch.py``)."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.errors import InPlaceError, UnsupportedKeywordError

_X = array(4, low=0.2, high=1.5)
_Y = array(3, 4, low=0.2, high=1.5)
_MASK = np.array([True, False, True, True])


def _at(ufunc, indices, *others):
    def run(x):
        y = np.exp(x)
        ufunc.at(y, indices, *(other(x) for other in others))
        return y * y

    return run


def _out(function):
    """What ``function`` writes into an array made for it, and what it returns: the same array."""

    def run(x):
        y = np.zeros_like(x)
        answer = function(x, y)
        assert answer is y or not isinstance(y, np.ndarray)
        return y * answer

    return run


CASES = [
    case("reduce-add", lambda x: np.add.reduce(x) ** 2, _Y, covers=()),
    case(
        "reduce-add-keywords",
        lambda x: np.add.reduce(x, axis=1, keepdims=True, initial=2.0, where=_MASK) ** 2,
        _Y,
        covers=(),
    ),
    case("reduce-add-dtype", lambda x: np.add.reduce(x, axis=None, dtype=np.float64) ** 2, _Y, covers=(), single=False),
    case("reduce-multiply", lambda x: np.multiply.reduce(x, axis=(0, 1)), _Y, covers=()),
    case("reduce-maximum", lambda x: np.maximum.reduce(x, axis=-1) ** 2, _Y, covers=(), scale=0.01),
    case("reduce-minimum", lambda x: np.minimum.reduce(x, initial=0.7) ** 2, _Y, covers=(), scale=0.01),
    case(
        "reduce-logical",
        lambda x: np.logical_and.reduce(x > 0) * x + np.logical_or.reduce(x > 9),
        _Y,
        covers=(),
        scale=0.1,
    ),
    case("reduce-logaddexp", lambda x: np.logaddexp.reduce(x, axis=1), _Y, covers=(), scale=0.3),
    case("reduce-hypot", lambda x: np.hypot.reduce(x, initial=1.0, keepdims=True), _X, covers=(), scale=0.2),
    case("reduce-subtract", lambda x: np.subtract.reduce(x) ** 2, _Y, covers=()),
    case("reduce-where", lambda x: np.hypot.reduce(x, where=_MASK, initial=0.5), _X, covers=(), scale=0.2),
    case(
        "reduce-where-traced",
        lambda x: np.add.reduce(np.ones(4, x.dtype), where=x > 0.9) * x,
        _X,
        covers=(),
        scale=0.01,
    ),
    case("accumulate-add", lambda x: np.add.accumulate(x, axis=1) ** 2, _Y, covers=()),
    case("accumulate-multiply", lambda x: np.multiply.accumulate(x), _Y, covers=()),
    case("accumulate-logaddexp", lambda x: np.logaddexp.accumulate(x, axis=-1), _Y, covers=(), scale=0.3),
    case("accumulate-dtype", lambda x: np.subtract.accumulate(x, dtype=np.float64) ** 2, _X, covers=(), single=False),
    case("outer-multiply", lambda x: np.multiply.outer(x, x[0]), _Y, covers=()),
    case("outer-subtract", lambda x: np.subtract.outer(x[0], 0.5) ** 3, _Y, covers=()),
    case("outer-power", lambda x: np.power.outer([1.5, 2.0], x), _X, covers=(), scale=0.3, single=False),
    case("reduceat-add", lambda x: np.add.reduceat(x, [0, 2, 1]) ** 2, _X, covers=()),
    case("reduceat-axis", lambda x: np.multiply.reduceat(x, [0, 3], axis=1), _Y, covers=()),
    case(
        "reduceat-hypot",
        lambda x: np.hypot.reduceat(x, [1, 0], dtype=np.float64),
        _X,
        covers=(),
        scale=0.2,
        single=False,
    ),
    case("at-add", _at(np.add, [0, 0, 2], lambda x: x[1:] ** 2), _X, covers=()),
    case("at-multiply", _at(np.multiply, [0, 0, 2, 0], lambda x: x), _X, covers=()),
    case("at-once", _at(np.divide, [3, 1], lambda x: x[:2]), _X, covers=(), scale=0.2),
    case("at-scalar", _at(np.subtract, [3, 3], lambda x: 0.5), _X, covers=()),
    case("at-rows", _at(np.add, ([0, 0], slice(None)), lambda x: x[:2]), _Y, covers=()),
    case("at-unary", _at(np.negative, [1, 2]), _X, covers=()),
    case("ufunc-out", _out(lambda x, y: np.sin(x, out=y)), _X, covers=()),
    case("ufunc-out-positional", _out(lambda x, y: np.multiply(x, x, y)), _X, covers=()),
    case("ufunc-out-tuple", _out(lambda x, y: np.multiply(x, x, out=(y,))), _X, covers=()),
    case("ufunc-out-where", _out(lambda x, y: np.sin(x, out=y, where=_MASK)), _Y, covers=()),
    case(
        "ufunc-out-where-traced",
        _out(lambda x, y: np.log(x, out=y, where=x > 0.6)),
        _X,
        covers=(),
        scale=0.01,
        batch=False,
    ),
    case(
        "ufunc-out-where-scalar",
        lambda x: np.sin(x[0], out=np.zeros((), x.dtype, like=x), where=np.True_),
        _X,
        covers=(),
    ),
    case("ufunc-out-where-not", lambda x: np.sin(x[0], out=np.full((), x[1], like=x), where=np.False_), _X, covers=()),
    case("ufunc-two-outs", lambda x: np.modf(x * 3, out=(np.zeros_like(x), None))[0], _X, covers=(), scale=0.01),
    case("ufunc-dtype", lambda x: np.multiply(x, x, dtype=np.float64), _X, covers=(), single=False),
    case("ufunc-casting", lambda x: np.multiply(x, x, casting="same_kind", order="K", subok=True), _X, covers=()),
    case("reduction-out", _out(lambda x, y: np.cumsum(x, out=y)), _X, covers=()),
    case("sum-out", lambda x: np.sum(x * x, axis=0, out=np.zeros_like(x[0])), _Y, covers=()),
    case("clip-out", _out(lambda x, y: np.clip(x, 0.4, 1.2, out=y)), _X, covers=(), scale=0.01),
    case("reduce-out", lambda x: np.add.reduce(x, out=np.zeros_like(x[0])) ** 2, _Y, covers=()),
    case("accumulate-out", _out(lambda x, y: np.add.accumulate(x, out=y)), _X, covers=()),
    case("in-place-operators", lambda x: _operators(x), _X, covers=(), scale=0.2),
    refused("out-plain", InPlaceError, lambda x: np.sin(x, out=np.zeros(4)), _X),
    refused("out-plain-function", InPlaceError, lambda x: np.sum(x, out=np.zeros(())), _X),
    refused("out-shape", ValueError, lambda x: np.sin(x, out=np.zeros_like(x)[:2]), _X),
    refused("out-dtype", TypeError, lambda x: np.multiply(x, 1j, out=np.zeros_like(x)), _X),
    refused("where-without-out", UnsupportedKeywordError, lambda x: np.sin(x, where=_MASK), _X),
    refused("ufunc-integer-dtype", UnsupportedKeywordError, lambda x: np.sin(x, dtype=int), _X),
    refused("matmul-axes", UnsupportedKeywordError, lambda x: np.matmul(x, x, axes=[(0,), (0,), ()]), _X),
    refused("reduce-where", ValueError, lambda x: np.fmax.reduce(x, where=_MASK), _X),
    refused("reduce-scalar", TypeError, lambda x: np.hypot.reduce(x[0]), _X),
    refused("reduce-unary", ValueError, lambda x: np.sin.reduce(x), _X),
    refused("reduceat-bounds", IndexError, lambda x: np.add.reduceat(x, [4]), _X),
    refused("at-plain", InPlaceError, lambda x: np.add.at(np.zeros(4), [0], x[0]), _X),
]


def _operators(x):
    y = x * 1
    y += x
    y -= 0.25
    y *= x
    y /= x + 1
    y **= 2
    y %= 7
    return y


SPECIALS = [
    special(
        "where-outside-the-domain",
        lambda x: np.divide(1.0, x, out=np.zeros_like(x), where=x != 0),
        np.array([0.0, 2.0]),
        np.array([0.0, -0.25]),
    ),
    special("reduce-add-empty", np.add.reduce, np.zeros(0), np.zeros(0)),
    special("accumulate-empty", lambda x: np.hypot.accumulate(x), np.zeros(0), np.zeros(0)),
]
