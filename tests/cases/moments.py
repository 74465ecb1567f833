"""Cases of ``hodiff/ops/moments.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.errors import UnsupportedKeywordError
from hodiff.ops import moments as ops

_X = array(3, 4)
_Y = array(2, 3, 4)
_MASK = np.array([[True, False, True, True], [True, True, False, True], [False, True, True, False]])
_ROW = np.array([True, False, True, True])
_NAN_OUTSIDE = np.where(_MASK, 0.0, np.nan).astype(np.float32)
# Distinct values, well apart, so that finite differences do not change the order.
_APART = np.array([[0.3, -1.2, 2.1, 0.9], [1.5, -0.4, -2.0, 0.6], [-0.9, 1.1, 2.6, -1.6]])


def _z(x):
    return x + 1j * x[::-1] ** 2


CASES = [
    case("var", np.var, _X, covers=(ops.variance, np.var)),
    case("var-cube", lambda x: np.var(x**3, axis=0), _X, covers=ops.variance),
    case("var-ddof", lambda x: x.var(axis=(0, 2), ddof=1) ** 2, _Y, covers=ops.variance),
    case("var-ddof-float", lambda x: x.var(1, ddof=0.5, keepdims=True) * x, _Y, covers=ops.variance),
    case("var-correction", lambda x: np.var(x**2, axis=-1, correction=2), _X, covers=np.var),
    case("var-mean", lambda x: np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True)), _X, covers=np.var),
    case("var-mean-other", lambda x, m: np.var(x, axis=1, mean=m, ddof=1), _X, array(3, 1), covers=np.var),
    case("var-mean-alone", lambda m: np.var(np.arange(4.0), mean=m), array(1), covers=np.var, single=False),
    case("var-where", lambda x: np.var(x**2 + _NAN_OUTSIDE, axis=1, where=_MASK, ddof=1), _X, covers=np.var),
    case("var-where-row", lambda x: np.var(x**2, where=_ROW, keepdims=True), _X, covers=np.var),
    case("var-dtype", lambda x: np.var(x, dtype=np.float64), _X, covers=np.var, single=False),
    case("std", np.std, _X, covers=(ops.standard_deviation, ops.is_flat, np.std)),
    case("std-axis", lambda x: np.std(x**2, axis=-1), _Y, covers=ops.standard_deviation, scale=0.1),
    case(
        "std-keepdims", lambda x: (x - 1) / x.std(axis=1, ddof=1, keepdims=True), _APART, covers=ops.standard_deviation
    ),
    case("std-correction", lambda x: np.std(x, axis=(0, 1), correction=1), _Y, covers=np.std, scale=0.2),
    case("std-where", lambda x: np.std(x + _NAN_OUTSIDE, axis=1, where=_MASK), _X, covers=np.std, scale=0.1),
    case("std-where-all", lambda x: np.std(x**2, where=_MASK, keepdims=True, ddof=1), _X, covers=np.std, scale=0.1),
    case("std-mean", lambda x, m: np.std(x, axis=1, mean=m), _X, array(3, 1), covers=np.std),
    case("std-dtype", lambda x: np.std(x, dtype=np.float64), _X, covers=np.std, single=False),
    case(
        "var-integers-where",
        lambda x: x[0] * (np.var(np.argsort(x), where=_MASK) + np.std(np.argsort(x), where=_MASK)),
        _APART,
        covers=(np.var, np.std),
        scale=0.1,
    ),
    refused("var-dtype-integer", UnsupportedKeywordError, lambda x: np.var(x, dtype=int), _X),
    refused("std-dtype-complex", UnsupportedKeywordError, lambda x: np.std(x, dtype=complex), _X),
    case("var-complex", lambda x: np.var(_z(x), axis=0, ddof=1), _X, covers=ops.variance),
    case("var-complex-where", lambda x: np.var(_z(x), axis=1, where=_MASK, keepdims=True), _X, covers=np.var),
    case(
        "var-complex-mean", lambda x: np.var(_z(x), axis=1, mean=np.full((3, 1), 0.5j)), _X, covers=np.var, single=False
    ),
    case("std-complex", lambda x: np.std(_z(x), axis=1), _X, covers=ops.standard_deviation, scale=0.3),
    case("std-complex-where", lambda x: np.std(_z(x), where=_ROW), _X, covers=np.std, scale=0.3),
    refused("var-scalar-axis", np.exceptions.AxisError, lambda x: np.var(x[0, 0], axis=0), _X),
    refused("std-scalar-axis", np.exceptions.AxisError, lambda x: np.std(x[0, 0], axis=-1), _X),
    refused("var-complex-dtype", UnsupportedKeywordError, lambda x: np.var(_z(x), dtype=float), _X),
]

_THIRD = 1.0 / 3.0

SPECIALS = [
    special("std-other-axis-empty", lambda x: np.std(x, axis=-1), np.zeros((0, 3)), np.zeros((0, 3))),
    # --- no spread
    special("std-constants", np.std, np.full(3, 2.0), np.zeros(3), second=(np.zeros((3, 3)),)),
    # Here rounding makes the standard deviation 1.4e-17.
    special("std-constants-rounded", np.std, np.full(3, 0.1), np.zeros(3), second=(np.zeros((3, 3)),)),
    special("std-one", np.std, np.array([0.3]), np.zeros(1), second=(np.zeros((1, 1)),)),
    special("std-scalar", np.std, 0.3, 0.0),
    special(
        "std-constants-axis",
        lambda x: np.std(x, axis=1, ddof=1),
        np.array([[0.1, 0.1, 0.1], [0.0, 3.0, 0.0]]),
        np.array([[0.0, 0.0, 0.0], [-0.5, 1.0, -0.5]]) / np.sqrt(3.0),
    ),
    special(
        "std-constants-where",
        lambda x: np.std(x, where=[True, True, True, False]),
        np.array([0.1, 0.1, 0.1, 5.0]),
        np.zeros(4),
    ),
    special("std-mean-exact", lambda x: np.std(x, mean=np.full(1, 2.0)), np.full(3, 2.0), np.zeros(3)),
    special("var-constants", np.var, np.full(2, 2.0), np.zeros(2), second=(np.array([[0.5, -0.5], [-0.5, 0.5]]),)),
    special("var-one", np.var, np.array([0.3]), np.zeros(1)),
    # Large mean, small spread: 1e8 + (0, 1, 2).
    special("var-stable", np.var, 1e8 + np.arange(3.0), np.array([-2.0, 0.0, 2.0]) * _THIRD),
]
