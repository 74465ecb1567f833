"""Cases of ``hodiff/ops/sets.py``."""

import numpy as np

import hodiff as hd
import hodiff.ops.sets as ops
from cases.table import case, refused, special
from hodiff.errors import ControlFlowError

_X = np.array([[0.3, -1.2, 2.1], [1.5, -0.4, -2.0]])
_ROWS = np.array([[0.5, 1.0], [-0.5, 2.0], [0.0, 3.0]])
_SOME = np.array([0.3, 2.1, 7.0])


def _common(x):
    # Elements that are equal by construction stay so under finite differences.
    return np.intersect1d(x, np.concatenate((x[:2], 9.0 * np.ones(1)))) ** 2


def _options(**keywords):
    return {"scale": 0.02, "batch": False, **keywords}


CASES = [
    case(
        "unique",
        lambda x: np.unique(x) ** 2,
        _X,
        covers=(np.unique, ops.representatives, ops.group_means),
        **_options(),
    ),
    case(
        "unique-equal",
        lambda x: np.unique(np.concatenate((x, x), axis=None)) ** 2,
        _X,
        covers=np.unique,
        **_options(),
    ),
    case(
        "unique-everything",
        lambda x: sum(np.sum(v) for v in np.unique(x, True, True, True, equal_nan=False)) * x,
        _X,
        covers=np.unique,
        **_options(),
    ),
    *(
        case(
            f"unique-{axis}",
            lambda x, axis=axis: np.unique(x, axis=axis, return_counts=True)[0] ** 2,
            _ROWS,
            covers=np.unique,
            **_options(),
        )
        for axis in (0, -1)
    ),
    case("unique-unsorted", lambda x: np.unique(x, sorted=False) ** 2, _X, covers=np.unique, **_options()),
    case("unique-empty", lambda x: np.unique(x) ** 2, np.zeros(0), covers=np.unique, **_options()),
    case("unique-scalar", lambda x: np.unique(x) ** 2, 0.5, covers=np.unique, **_options()),
    case("unique-all", lambda x: np.unique_all(x).values ** 2, _X, covers=np.unique_all, **_options()),
    case("unique-counts", lambda x: np.unique_counts(x)[0] ** 2, _X, covers=np.unique_counts, **_options()),
    case(
        "unique-inverse",
        lambda x: np.unique_inverse(x).values[np.unique_inverse(x).inverse_indices] ** 2,
        _X,
        covers=np.unique_inverse,
        **_options(),
    ),
    case("unique-values", lambda x: np.unique_values(x) ** 2, _X, covers=np.unique_values, **_options()),
    case("union1d", lambda x: np.union1d(x, [0.0, 1.0]) ** 2, _X, covers=np.union1d, **_options()),
    case("union1d-two", lambda x: np.union1d([0.0], x[0]) ** 2, _X, covers=np.union1d, **_options()),
    case("intersect1d", _common, _X[0], covers=np.intersect1d, **_options()),
    case(
        "intersect1d-indices",
        lambda x: np.intersect1d(x, x[0, 1:], assume_unique=True, return_indices=True)[0] ** 2,
        _X,
        covers=np.intersect1d,
        **_options(),
    ),
    case("setdiff1d", lambda x: np.setdiff1d(x, x[0]) ** 2, _X, covers=np.setdiff1d, **_options()),
    case(
        "setdiff1d-assume-unique",
        lambda x: np.setdiff1d(x, [5.0], assume_unique=True) ** 2,
        _X,
        covers=np.setdiff1d,
        **_options(),
    ),
    case("setxor1d", lambda x: np.setxor1d(x, x[0]) ** 2, _X, covers=np.setxor1d, **_options()),
    case(
        "setxor1d-assume-unique",
        lambda x: np.setxor1d(x[1], x[1, :1], assume_unique=True) ** 2,
        _X,
        covers=np.setxor1d,
        **_options(),
    ),
    *(
        refused(f"{f.__name__}-batch", ControlFlowError, lambda x, f=f: hd.vmap(f)(x), _X)
        for f in (np.unique, np.unique_values, lambda x: np.setxor1d(x, 1.0))
    ),
    case("isin", lambda x: np.isin(x, x[0]) * x, _X, covers=(np.isin, ops.membership), scale=0.02),
    case(
        "isin-keywords",
        lambda x: np.isin(x, _SOME, assume_unique=True, invert=True, kind="sort") * x,
        _X + 0.001,
        covers=np.isin,
        scale=0.01,
    ),
]

_TIE = np.array([1.0, 1.0, 2.0])

SPECIALS = [
    special(
        "unique-tie", lambda x: np.unique(x) * np.array([1.0, 3.0]), _TIE, np.array([0.5, 0.5, 3.0]), forward=False
    ),
    special(
        "unique-rows-tie",
        lambda x: np.unique(x, axis=0)[1],
        np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]]),
        np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]),
        forward=False,
    ),
    special(
        "intersect1d-shares",
        lambda x, y: np.intersect1d(x, y),
        (np.array([1.0, 2.0]), np.array([3.0, 1.0, 1.0])),
        (np.array([1 / 3, 0.0]), np.array([0.0, 1 / 3, 1 / 3])),
        forward=False,
    ),
]
