"""Cases of ``hodiff/ops/indexing.py``: every form of key on arrays of one to four axes."""

import numpy as np

import hodiff.ops.indexing as ops
from cases.table import array, case, refused, special

_X = array(3, 4, 2, 3, seed=1)
_I = np.array([0, 2, 2])
_J = np.array([[1], [2]])

_KEYS = {
    "int": 1,
    "negative": -1,
    "slice": slice(1, None),
    "step": slice(None, None, -2),
    "empty": slice(5, 9),
    "ellipsis": (..., 0),
    "newaxis": (None, 1, ..., None),
    "mixed-basic": (slice(None), 2, slice(0, 1)),
    "array": _I,
    "list": [0, 1],
    "array-2d": _J,
    "two-arrays": (_I, _I),
    "broadcast-arrays": (_I, _J),
    "array-middle": (slice(None), _I),
    "arrays-middle": (slice(None), _I, np.array([1, 0, 1])),
    "array-last": (..., _I),
    "separated": (_I, slice(None), np.array([1, 0, 1])),
    "separated-by-int": (0, slice(None), np.array([1, 0, 1])),
    "int-and-array": (1, _I),
    "array-newaxis": (_I, None, np.array([1, 2, 3])),
    "array-and-newaxis-first": (None, _I),
    "empty-array": np.array([], dtype=int),
    "mask": np.array([True, False, True]),
    "mask-2d": array(3, 4, seed=2) > 0,
    "mask-middle": (slice(None), np.array([True, False, True, True])),
    "mask-and-array": (np.array([True, False, True]), np.array([1, 2])),
    "full-mask": array(3, 4, 2, 3, seed=3) > 0.2,
    "ellipsis-between": (_I, ..., np.array([0, 1, 2])),
}

CASES = [
    *(
        case(
            f"key-{name}", lambda x, key=key: x[key] ** 2, _X, covers=(ops.getitem, ops.gather, ops.place, ops.scatter)
        )
        for name, key in _KEYS.items()
    ),
    case("element", lambda x: x[1] * x[-1] * x[1], array(4), covers=ops.getitem),
    case("loop", lambda x: sum(x[i] * x[i + 1] for i in range(4)), array(5), covers=ops.getitem),
    case("iteration", lambda x: sum(v * v for row in x for v in row), array(2, 2), covers=ops.getitem),
    case("non-contiguous", lambda x: x[::2, 1] * 2, array(4, 6)[:, ::2], covers=ops.getitem),
    case("computed-index", lambda x: x[np.argsort(x)] * np.arange(5.0), array(5), covers=ops.gather, scale=0.02),
    case(
        "computed-index-middle",
        lambda x, y: np.take_along_axis(x, np.reshape(np.argsort(y), (1, 3, 1)), 1) * x[:, np.argmax(x[0, 0])][:, None],
        array(2, 3, 3, seed=5),
        array(3, seed=6),
        covers=(ops.gather, np.take_along_axis),
        scale=0.02,
    ),
    case(
        "take-along-axis",
        lambda x: np.take_along_axis(x, np.array([[0, 1], [2, 2]]), 1) ** 2,
        array(2, 3),
        covers=np.take_along_axis,
    ),
    case(
        "take-along-rows",
        lambda x: np.take_along_axis(x, np.array([[0, 1, 1]]), 0) ** 2,
        array(2, 3),
        covers=np.take_along_axis,
    ),
    case(
        "take-along-flat",
        lambda x: np.take_along_axis(x, np.array([3, 0]), None),
        array(2, 3),
        covers=np.take_along_axis,
    ),
    case("numpy-integer", lambda x: x[np.int64(1)] * x[np.array(2)] * x[(np.int32(0),)], array(4), covers=ops.getitem),
    case("computed-integer", lambda x: x[np.argmax(x)] * x, array(4), covers=ops.getitem, scale=0.02),
    case("take-integer", lambda x: np.take(x, 1) * np.take(x, np.int64(-1), axis=0), array(2, 3), covers=np.take),
    *(
        refused(f"key-{name}", IndexError, lambda x, key=key: x[key], array(3, 4))
        for name, key in {
            "true": True,
            "false": False,
            "true-in-tuple": (True, 0),
            "ellipsis-true": (..., True),
            "numpy-true": np.True_,
            "short-mask": np.array([True, False]),
            "long-mask": np.ones(4, bool),
            "mask-after-ellipsis": (..., np.ones(3, bool)),
            "too-large": 3,
        }.items()
    ),
    case("take-booleans", lambda x: np.take(x, [True, False, True], axis=1) ** 2, array(2, 3), covers=np.take),
    case("take-nothing", lambda x: np.take(x, [], axis=1) ** 2, array(2, 3), covers=np.take),
    case("take-of-scalar", lambda x: np.take(x, [0, -1], axis=0) ** 2, 0.4, covers=np.take),
    *(
        case(
            f"take-{mode}",
            lambda x, mode=mode: np.take(x, [-4, -1, 0, 2, 7], axis=1, mode=mode) ** 2,
            array(2, 3),
            covers=np.take,
        )
        for mode in ("wrap", "clip")
    ),
    *(
        case(
            f"take-{mode}-integer",
            lambda x, mode=mode: np.take(x, 8, mode=mode) * np.take(x, -9, 0, mode=mode),
            array(2, 3),
            covers=np.take,
        )
        for mode in ("wrap", "clip")
    ),
    refused("take-mode", ValueError, lambda x: np.take(x, 0, mode="any"), array(3)),
    refused("take-float", TypeError, lambda x: np.take(x, [0.0]), array(3)),
    refused("take-out-of-bounds", IndexError, lambda x: np.take(x, [3]), array(3)),
    refused("take-from-nothing", IndexError, lambda x: np.take(x[:0], [0], mode="clip"), array(3)),
    refused("take-along-mask", IndexError, lambda x: np.take_along_axis(x, x > 0, 0), array(3)),
    case("take-flat", lambda x: np.take(x, [[0, 5], [2, 2]]) ** 2, array(2, 3), covers=np.take),
    case("take-method", lambda x: x.take(np.array([1, 1]), axis=0) ** 2, array(2, 3), covers=np.take),
    case(
        "computed-mask", lambda x: x[x > 0] ** 3, np.array([0.5, -0.4, 1.0]), covers=ops.gather, scale=0.02, batch=False
    ),
]

SPECIALS = [
    special("repeated", lambda x: x[[0, 0, 1]], np.array([3.0, 4.0]), np.array([2.0, 1.0])),
    special("zero-length", lambda x: x[:0], np.ones(3), np.zeros(3)),
]
