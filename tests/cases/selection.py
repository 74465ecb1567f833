"""Cases of ``hodiff/ops/selection.py``."""

import numpy as np

import hodiff.ops.selection as ops
from cases.table import array, case, refused, special
from hodiff.errors import UnsupportedKeywordError

_X = array(2, 3, seed=1)
_Y = array(3, seed=2)
_MASK = np.array([[True, False, True], [False, True, True]])

CASES = [
    *(case(u.__name__, u, _X, _Y, covers=u, scale=0.02) for u in (np.maximum, np.minimum, np.fmax, np.fmin)),
    *(case(f"{u.__name__}-scalar", lambda x, u=u: u(x, 0.1), _X, covers=u, scale=0.02) for u in (np.maximum, np.fmin)),
    case("heaviside", lambda y: np.heaviside(np.array([-1.0, 0.0, 2.0]), y), _Y, covers=np.heaviside),
    case("where", lambda x, y: np.where(_MASK, x * x, y**3), _X, _Y, covers=(np.where, ops.select)),
    case("where-scalar", lambda x: np.where(x > 0.1, np.sin(x), 2.0), _X, covers=np.where, scale=0.02),
    case("where-scalar-branch", lambda y: np.where(_MASK, 1.0, y * y), 0.7, covers=np.where),
    case("clip", lambda x: np.clip(x, -0.5, 0.5) ** 2, _X, covers=np.clip, scale=0.02),
    case("clip-lower", lambda x: x.clip(min=0.0), _X, covers=np.clip, scale=0.02),
    case("clip-traced-bounds", lambda x, y: np.clip(x, y, 2.0), _X, _Y, covers=np.clip, scale=0.02),
    case("astype", lambda x: x.astype(np.float64) ** 2, _X, covers=ops.cast, single=False),
    case("where-list", lambda x: np.where([True, False, True], x * x, x), _X, covers=np.where),
    case("minimum-boolean", lambda x: np.fmin(x, np.array([True, False, True])) ** 2, _X, covers=np.fmin, scale=0.02),
    *(
        case(
            f"{u.__name__}-complex",
            lambda x, y, u=u: np.real(u(x + 1j * np.sin(x), y - 1j) * (1 + 2j)),
            _X,
            _Y,
            covers=u,
            scale=0.02,
        )
        for u in (np.maximum, np.minimum, np.fmax, np.fmin)
    ),
    case("clip-list-bounds", lambda x: x.clip([-0.5, 0.0, 0.1], 0.4), _X, covers=(np.clip, ops.clamp), scale=0.02),
    case("clip-none", lambda x: np.clip(x, None, 0.4) * x.clip(-0.2, None), _X, covers=np.clip, scale=0.02),
    case("clip-new-names", lambda x: np.clip(x, min=-0.3, max=0.3) ** 2, _X, covers=np.clip, scale=0.02),
    refused("clip-both-names", ValueError, lambda x: np.clip(x, a_min=0.0, min=0.0), _X),
    refused("clip-where", UnsupportedKeywordError, lambda x: np.clip(x, 0.0, 1.0, where=_MASK), _X),
    refused("clip-dtype", UnsupportedKeywordError, lambda x: np.clip(x, 0.0, 1.0, dtype=np.float32), _X),
    case("clip-nothing", lambda x: np.clip(x, None, None) * x.clip(min=None), _X, covers=np.clip),
    case("clip-plain-array", lambda y: np.clip(_X, y, None) * np.clip(_X, None, y), _Y, covers=np.clip, scale=0.02),
    case("clip-plain-method", lambda y: _X.clip(-0.4, y) * _X.clip(y, 0.9), _Y, covers=ops.clamp, scale=0.02),
    case("clip-list", lambda y: np.clip([-1.0, 0.0, 1.0], y, 0.9), _Y, covers=np.clip, scale=0.02),
    case("clip-of-scalar", lambda x, y: np.clip(x, -1, y) * np.clip(x, y, None), 0.4, 0.7, covers=np.clip, scale=0.02),
    case(
        "clip-complex",
        lambda x, y: np.real(np.clip(x + 1j * np.sin(x), y - 1j, 2.0) * (1 + 2j)),
        _X,
        _Y,
        covers=np.clip,
        scale=0.02,
    ),
    case("heaviside-traced", lambda x, y: np.heaviside(x, y) * x + y, _X, _Y, covers=np.heaviside, scale=0.02),
    case(
        "astype-keywords",
        lambda x: x.astype("f8", order="F", casting="same_kind", subok=False) ** 2,
        _X,
        covers=ops.cast,
        single=False,
    ),
    refused("astype-casting", TypeError, lambda x: x.astype(int, casting="same_kind"), _X),
    refused("astype-order", ValueError, lambda x: x.astype(float, order="X"), _X),
    case("astype-no-copy", lambda x: x.astype(float, copy=False) ** 2, _X, covers=ops.cast, single=False),
    case("astype-complex", lambda x: np.abs(x.astype(complex) + 1j) ** 2, _X, covers=ops.cast, single=False),
    case("astype-integer", lambda x: x.astype(int) * x, _X * 5, covers=ops.truncate, scale=0.02),
]

SPECIALS = [
    special("heaviside-second-operand", np.heaviside, (np.array([0.0, 1.0]), 0.5), (np.zeros(2), 1.0)),
    special("clip-empty", lambda x: np.clip(x, 0.0, 1.0), np.zeros(0), np.zeros(0)),
    special("clip-joint-tie", lambda x, a, b: np.clip(x, a, b), (1.0, 1.0, 1.0), (1 / 3, 1 / 3, 1 / 3)),
    special("clip-bounds-tie", lambda x, a, b: np.clip(x, a, b), (0.0, 1.0, 1.0), (0.0, 0.5, 0.5)),
    special("clip-crossed-bounds", lambda x, a, b: np.clip(x, a, b), (1.0, 2.0, 1.0), (0.0, 0.0, 1.0)),
    special("clip-nan", lambda x: np.clip(x, 0.0, 1.0), np.array([np.nan, 0.0, 2.0]), np.array([np.nan, 0.5, 0.0])),
    # Bounds are compared in the precision of the answer.
    special(
        "clip-mixed-precision",
        lambda x: np.clip(x.astype(np.float32), 0.1, np.array([2.0, 5.0])),
        np.array([0.0, 1.0]),
        np.array([0.0, 1.0]),
    ),
    special(
        "clip-number-mixed-precision",
        lambda y: np.clip(0.3, y.astype(np.float32), np.array([2.0, 5.0])),
        np.array([0.0, 1.0]),
        np.array([0.0, 1.0]),
    ),
    special("fmin-one-nan", np.fmin, (np.nan, 1.0), (0.0, 1.0)),
    special("maximum-nan", np.maximum, (np.nan, 1.0), (np.nan, np.nan)),
    special("maximum-tie", np.maximum, (1.0, 1.0), (0.5, 0.5), second=np.zeros((2, 2))),
    special("maximum-constant-tie", lambda x: np.maximum(x, 0), np.zeros(2), np.array([0.5, 0.5])),
    special("minimum-tie", np.minimum, (1.0, 1.0), (0.5, 0.5)),
    special("maximum-equal-infinities", np.maximum, (np.inf, np.inf), (0.5, 0.5)),
    special(
        "fmax-nan",
        np.fmax,
        (np.array([np.nan, 1.0]), np.array([2.0, np.nan])),
        (np.array([0.0, 1.0]), np.array([1.0, 0.0])),
    ),
    special(
        "fmin-nan",
        np.fmin,
        (np.array([np.nan, 1.0]), np.array([2.0, np.nan])),
        (np.array([0.0, 1.0]), np.array([1.0, 0.0])),
    ),
    special(
        "clip-at-bounds", lambda x: np.clip(x, 0.0, 1.0), np.array([0.0, 1.0, 0.5, 2.0]), np.array([0.5, 0.5, 1.0, 0.0])
    ),
    special("where-log", lambda x: np.where(x > 0, np.log(x), 0.0), np.array([0.0, 2.0]), np.array([0.0, 0.5])),
    special(
        "missing-data",
        lambda x: np.where(np.isnan(np.array([np.nan, 1.0])), 0.0, (x * 3 - np.array([np.nan, 1.0])) ** 2),
        np.array([1.0, 2.0]),
        np.array([0.0, 30.0]),
    ),
]
