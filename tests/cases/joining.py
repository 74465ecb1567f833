"""Cases of ``hodiff/ops/joining.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.errors import UnsupportedKeywordError
from hodiff.ops import joining as ops

_V = array(3)
_X = array(2, 3)
_Y = array(4, 3, seed=1)
_Z = array(2, 3, 4)
# In single precision, which leaves the precision of the operation under test alone.
_ONES = np.ones((2, 3, 4), np.float32)


def _power(parts):
    """Something nonlinear of each part, different for each."""
    return tuple(part ** (i + 2) for i, part in enumerate(parts))


def _weigh(x):
    return x * x * np.arange(1, 1 + x.size, dtype=np.float32).reshape(x.shape)


def _padded_and_changed(x):
    x, total = x * 1, 0.0
    for mode, options in (("edge", {}), ("constant", {"constant_values": 2.0}), ("mean", {})):
        padded = np.pad(x, 0, mode, **options)
        padded[0] *= 2.0
        total = total + padded * x
    return total


CASES = [
    # --- concatenate
    case(
        "concatenate",
        lambda x, y: _weigh(np.concatenate([x, y])),
        *(_X, _Y),
        covers=(ops.concatenated, np.concatenate),
    ),
    case(
        "concatenate-axis",
        lambda x: _weigh(np.concatenate([x, x**2, 2 * _ONES[:, 0]], axis=-1)),
        _X,
        covers=ops.concatenated,
    ),
    case(
        "concatenate-middle", lambda x: _weigh(np.concatenate([x, _ONES[:, :1]], axis=1)), _Z, covers=ops.concatenated
    ),
    case("concatenate-flat", lambda x, y: _weigh(np.concatenate([x, y], axis=None)), _X, 0.4, covers=np.concatenate),
    case("concatenate-one", lambda x: np.concatenate([x]) ** 2, _X, covers=np.concatenate),
    case("concatenate-list", lambda x: np.concatenate([x, [1.0, 2.0]]) ** 2, _V, covers=np.concatenate, single=False),
    case("concatenate-int", lambda x: np.concatenate([np.arange(2), x]) ** 2, _V, covers=np.concatenate, single=False),
    case("concatenate-rows", lambda x: np.concatenate(x) ** 2, _X, covers=np.concatenate),
    case(
        "concatenate-dtype",
        lambda x: np.concatenate([x * x, np.arange(2)], dtype=np.float64),
        _V,
        covers=np.concatenate,
        single=False,
    ),
    case(
        "concatenate-strided",
        lambda x: _weigh(np.concatenate([x.T[::-1], x[:, ::2].T], axis=0)),
        _X,
        covers=np.concatenate,
    ),
    # --- stack
    case("stack", lambda x, y: _weigh(np.stack([x, y * x])), _V, array(3, seed=2), covers=(ops.stacked, np.stack)),
    case("stack-axis", lambda x: _weigh(np.stack([x, _ONES[:, :, 0], x * x], axis=1)), _X, covers=ops.stacked),
    case("stack-axis-negative", lambda x: _weigh(np.stack([x, x * x], axis=-1)), _X, covers=ops.stacked),
    case("stack-scalars", lambda x, y: np.stack([x * y, y, x**3]) ** 2, 0.4, 0.7, covers=ops.stacked),
    case("stack-elements", lambda x: np.stack([x[0] * x[1], 2.0, x[2] ** 2, 1]), _V, covers=ops.stacked, single=False),
    case("stack-dtype", lambda x: np.stack([x, x], dtype=np.float64) ** 2, _V, covers=np.stack, single=False),
    case("vstack", lambda x, y: _weigh(np.vstack([x, y])), _V, _X, covers=np.vstack),
    case("vstack-vectors", lambda x: _weigh(np.vstack((x, x * x))), _V, covers=np.vstack),
    case("vstack-scalars", lambda x: np.vstack([x * x, x]), 0.4, covers=np.vstack),
    case("hstack", lambda x, y: _weigh(np.hstack([x, y])), _X, array(2, 1), covers=np.hstack),
    case("hstack-vectors", lambda x, y: np.hstack([x, y, 1.0]) ** 2, _V, 0.4, covers=np.hstack, single=False),
    case("hstack-scalars", lambda x, y: np.hstack([x * y, y]) ** 2, 0.3, 0.4, covers=np.hstack),
    case("dstack", lambda x, y: _weigh(np.dstack([x, y])), _X, _Z, covers=np.dstack),
    case("dstack-vectors", lambda x: _weigh(np.dstack([x, x * x])), _V, covers=np.dstack),
    case("column-stack", lambda x, y: _weigh(np.column_stack([x, y])), _V, array(3, 2), covers=np.column_stack),
    case("column-stack-vectors", lambda x: _weigh(np.column_stack([x, x * x])), _V, covers=np.column_stack),
    # --- split
    case("split", lambda x: _power(np.split(x, 2)), _Y, covers=np.split),
    case("split-indices", lambda x: _power(np.split(x, [1, 3], axis=-1)), _Z, covers=np.split),
    case("split-indices-outside", lambda x: _power(np.split(x, np.array([-1, 2, 9]))), _V, covers=np.split),
    case("array-split", lambda x: _power(np.array_split(x, 2, axis=1)), _Z, covers=np.array_split),
    case("hsplit", lambda x: _power(np.hsplit(x, 3)), _X, covers=np.hsplit),
    case("hsplit-vector", lambda x: _power(np.hsplit(x, [1])), _V, covers=np.hsplit),
    case("vsplit", lambda x: _power(np.vsplit(x, 2)), _X, covers=np.vsplit),
    case("dsplit", lambda x: _power(np.dsplit(x, 2)), _Z, covers=np.dsplit),
    # --- pad
    case("pad", lambda x: _weigh(np.pad(x, 1)), _X, covers=(ops.padded, np.pad)),
    case("pad-pair", lambda x: _weigh(np.pad(x, (1, 2))), _X, covers=ops.padded),
    case("pad-pairs", lambda x: _weigh(np.pad(x, ((1, 0), (0, 2), (3, 1)))), _Z, covers=ops.padded),
    case("pad-columns", lambda x: _weigh(np.pad(x, ((1,), (2,)))), _X, covers=ops.padded),
    case("pad-constant", lambda x: _weigh(np.pad(x, 1, constant_values=2.5)), _X, covers=np.pad),
    case(
        "pad-constants",
        lambda x: _weigh(np.pad(x, ((1, 2), (0, 1)), "constant", constant_values=((1.0, 2.0), (3.0, 4.0)))),
        _X,
        covers=np.pad,
    ),
    case("pad-constant-traced", lambda x: _weigh(np.pad(x, (2, 1), constant_values=x[0, 0] ** 2)), _X, covers=np.pad),
    case("pad-edge", lambda x: _weigh(np.pad(x, ((1, 2), (0, 1)), mode="edge")), _X, covers=np.pad),
    case("pad-reflect", lambda x: _weigh(np.pad(x, ((1, 2), (2, 5)), "reflect")), _X, covers=np.pad),
    case("pad-symmetric", lambda x: _weigh(np.pad(x, 4, "symmetric", reflect_type="even")), _X, covers=np.pad),
    case("pad-wrap", lambda x: _weigh(np.pad(x, ((0, 0), (1, 7)), "wrap")), _X, covers=np.pad),
    case("pad-wrap-vector", lambda x: _weigh(np.pad(x, 2, "wrap")), _V, covers=np.pad),
    case("pad-scalar", lambda x: np.pad(x, 0) ** 2, 0.4, covers=np.pad),
    *(
        case(
            f"pad-{mode}-odd",
            lambda x, mode=mode: _weigh(np.pad(x, ((1, 5), (7, 0)), mode, reflect_type="odd")),
            _X,
            covers=np.pad,
        )
        for mode in ("reflect", "symmetric")
    ),
    case("pad-odd-single", lambda x: _weigh(np.pad(x, 2, "reflect", reflect_type="odd")), _X[:1, :1], covers=np.pad),
    case("pad-ramp", lambda x: _weigh(np.pad(x, ((1, 2), (3, 0)), "linear_ramp")), _X, covers=np.pad),
    case(
        "pad-ramp-traced",
        lambda x: _weigh(np.pad(x, ((1, 2), (3, 0)), "linear_ramp", end_values=x[0, 0] ** 2)),
        _X,
        covers=np.pad,
    ),
    *(
        case(
            f"pad-{mode}-{n}",
            lambda x, mode=mode, n=n: _weigh(np.pad(x, ((1, 2), (3, 0)), mode, stat_length=n)),
            _X,
            covers=np.pad,
            scale=0.05,
        )
        for mode in ("maximum", "mean", "median", "minimum")
        for n in (None, 2, (1, 7))
    ),
    refused("pad-empty-mode", UnsupportedKeywordError, lambda x: np.pad(x, 1, "empty"), _X),
    refused("pad-function", UnsupportedKeywordError, lambda x: np.pad(x, 1, lambda *_: None), _X),
    case("pad-nothing-is-a-copy", _padded_and_changed, _X, covers=np.pad),
]

SPECIALS = [
    special("concatenate-empty", lambda x: np.concatenate([x, np.ones(2)]), np.zeros(0), np.zeros(0)),
    special("concatenate-with-empty", lambda x: np.concatenate([np.ones((0, 2)), x]), np.ones((1, 2)), np.ones((1, 2))),
    special("split-empty", lambda x: np.array_split(x, 2)[0], np.zeros(0), np.zeros(0)),
    special("pad-empty", lambda x: np.pad(x, 1), np.zeros(0), np.zeros(0)),
    # A cotangent of 0 is not multiplied with anything.
    special("pad-infinite", lambda x: np.pad(x, 1)[:2], np.array([1.0, np.inf]), np.array([1.0, 0.0])),
]
