"""Cases of ``hodiff/ops/assignment.py``; programs with views are in ``tests/hodiff/test_assignment.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.errors import InPlaceError
from hodiff.ops import assignment as ops

_X = array(4)
_Y = array(3, 4)
_MASK = np.array([True, False, True, False])


def _set(key, target=None):
    """Assign the square of ``v`` to a key of a copy of ``x``."""

    def run(x, v):
        y = x + 0 * np.sum(v)  # an array that can hold what is traced, of the two
        y[key] = v * v
        return y * np.arange(1, y.size + 1).reshape(y.shape).astype(y.dtype)

    return run


def _changed(action):
    """An array made from ``x``, changed by ``action(y, x)``."""

    def run(x):
        y = np.sin(x)
        action(y, x)
        return y * y

    return run


def _each(x):
    y = np.zeros_like(x)
    y[0] = x[1]
    for i in range(1, 4):
        y[i] = x[i] * y[i - 1]
    return y


def _each_traced(x):
    y = x * x
    z = y.copy()
    z[1] = x[0]
    z[2] = x[1]
    return z


def _each_row(x):
    h = np.zeros((3, 4), dtype=x.dtype, like=x)
    h[0] = x
    h[2] = h[0] * x
    return h


_KEYS = {
    "integer": (_Y, 1, array(4)),
    "negative": (_Y, -1, array(4)),
    "integers": (_Y, (1, 2), array(1)[0]),
    "slice": (_X, slice(1, 3), array(2)),
    "slice-scalar": (_Y, slice(1, 3), 0.7),
    "slice-row": (_Y, slice(None, None, 2), array(4)),
    "step": (_X, slice(None, None, -2), array(2)),
    "ellipsis": (_Y, (..., 1), array(3)),
    "everything": (_Y, ..., array(3, 1)),
    "newaxis": (_Y, (slice(None), None, 2), array(3, 1)),
    "longer-value": (_X, slice(1, 3), array(1, 2)),
    "array": (_X, np.array([2, 0]), array(2)),
    "array-twice": (_X, np.array([2, 0, 2, 2]), array(4, seed=3)),
    "array-scalar": (_Y, np.array([2, 0]), 0.3),
    "arrays": (_Y, (np.array([[0], [2]]), np.array([1, 1, 3])), array(2, 3)),
    "separated": (array(2, 3, 4), (np.array([0, 1]), slice(None), np.array([3, 1])), array(2, 3)),
    "mask": (_X, _MASK, array(2)),
    "mask-rows": (_Y, np.array([True, False, True]), array(2, 4)),
    "mask-2d": (_Y, np.arange(12).reshape(3, 4) % 3 == 0, 0.5),
    "mask-and-slice": (_Y, (slice(1, 3), _MASK), array(2, 2)),
    "list": (_X, [0, 3], array(2)),
    "numpy-integer": (_X, np.int64(2), 0.4),
    "empty": (_X, slice(2, 2), array(1)),
}

CASES = [
    *(
        case(f"setitem-{name}", _set(key), x, v, covers=(ops.put, ops.put_at, ops.is_last))
        for name, (x, key, v) in _KEYS.items()
    ),
    case("setitem-plain-value", _changed(lambda y, x: y.__setitem__(slice(1, 3), [1.0, 2.0])), _X, covers=ops.put),
    case("setitem-list-of-values", _changed(lambda y, x: y.__setitem__(slice(1, 3), [x[0], 2.0])), _X, covers=ops.put),
    case("setitem-plain-positions", _changed(lambda y, x: y.__setitem__([1, 1], [1.0, 2.0])), _X, covers=ops.put_at),
    case("setitem-each", _each, _X, covers=ops.put_each),
    case("setitem-each-traced", _each_traced, _X, covers=ops.put_each),
    case("setitem-each-row", _each_row, _X, covers=ops.put_each),
    case("copyto", _changed(lambda y, x: np.copyto(y, x[::-1])), _X, covers=np.copyto),
    case("copyto-broadcast", _changed(lambda y, x: np.copyto(y, x[0])), _Y, covers=np.copyto),
    case("copyto-where", _changed(lambda y, x: np.copyto(y, 3 * x, where=_MASK)), _Y, covers=np.copyto),
    case("copyto-plain", _changed(lambda y, x: np.copyto(y, 2.0, casting="unsafe", where=_MASK)), _X, covers=np.copyto),
    case("put-values", _changed(lambda y, x: np.put(y, [0, 5, -1], x[0, :3])), _Y, covers=np.put),
    case("put-repeated", _changed(lambda y, x: np.put(y, [[0, 5], [7, 2]], x[0, :2])), _Y, covers=np.put),
    case("put-wrap", _changed(lambda y, x: np.put(y, [13, -14], x[0, :2], mode="wrap")), _Y, covers=np.put),
    case("put-clip", _changed(lambda y, x: np.put(y, [13, -14], x[0, :2], mode="clip")), _Y, covers=np.put),
    case(
        "place", _changed(lambda y, x: np.place(y, np.arange(12).reshape(3, 4) % 2 == 0, x[0, :4])), _Y, covers=np.place
    ),
    case(
        "putmask",
        _changed(lambda y, x: np.putmask(y, np.arange(12).reshape(3, 4) % 2 == 0, x[0])),
        _Y,
        covers=np.putmask,
    ),
    case(
        "put-along-axis",
        _changed(lambda y, x: np.put_along_axis(y, np.array([[1], [0], [3]]), x[:, :1] ** 2, axis=-1)),
        _Y,
        covers=np.put_along_axis,
    ),
    case(
        "put-along-no-axis",
        _changed(lambda y, x: np.put_along_axis(y, np.array([1, 7]), x[0, 0], axis=None)),
        _Y,
        covers=np.put_along_axis,
    ),
    case("fill-diagonal", _changed(lambda y, x: np.fill_diagonal(y, x[0, 0])), _Y, covers=np.fill_diagonal),
    case("fill-diagonal-values", _changed(lambda y, x: np.fill_diagonal(y, x[0, :3])), _Y, covers=np.fill_diagonal),
    case(
        "fill-diagonal-wrap",
        _changed(lambda y, x: np.fill_diagonal(y, x[0, 0], wrap=True)),
        array(5, 2),
        covers=np.fill_diagonal,
    ),
    case(
        "fill-diagonal-cube",
        _changed(lambda y, x: np.fill_diagonal(y, x[0, 0])),
        array(2, 2, 2),
        covers=np.fill_diagonal,
    ),
    case("fill", _changed(lambda y, x: y.fill(x[0] ** 2)), _X, covers=()),
    case("put-method", _changed(lambda y, x: y.put([1, 2], x[:2] ** 2)), _X, covers=()),
    refused("setitem-plain", ValueError, lambda x: np.zeros(3).__setitem__(0, x[0]), _X),
    refused("copyto-plain-target", InPlaceError, lambda x: np.copyto(np.zeros(4), x), _X),
    refused("put-plain-target", InPlaceError, lambda x: np.put(np.zeros(4), [0], x[0]), _X),
    refused("put-out-of-bounds", IndexError, lambda x: np.put(x.copy(), [9], x[0]), _X),
    refused("setitem-out-of-bounds", IndexError, lambda x: x.copy().__setitem__(9, 1.0), _X),
    refused("setitem-shape", ValueError, lambda x: x.copy().__setitem__(slice(2), x), _X),
    refused("fill-diagonal-vector", ValueError, lambda x: np.fill_diagonal(x.copy(), 1.0), _X),
]


def _overwritten(x):
    y = np.log(x)
    y[x <= 0] = 0.0
    return y


SPECIALS = [
    special("setitem-no-elements", lambda x: _set(slice(None))(x, x), np.zeros(0), np.zeros(0)),
    special("setitem-over-infinity", _overwritten, np.array([0.0, 2.0]), np.array([0.0, 0.5])),
    special(
        "put-at-last-counts",
        _changed(lambda y, x: y.__setitem__([0, 0], x)),
        np.array([2.0, 3.0]),
        np.array([0.0, 6.0 + np.sin(6.0)]),
    ),
]
