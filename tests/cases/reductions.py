"""Cases of ``hodiff/ops/reductions.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.errors import UnsupportedKeywordError
from hodiff.ops import reductions as ops

_X = array(3, 4)
_Y = array(2, 3, 4)
_MASK = np.array([[True, False, True, True], [True, True, False, True], [False, True, True, False]])
_ROW = np.array([True, False, True, True])
_NAN_OUTSIDE = np.where(_MASK, 0.0, np.nan).astype(np.float32)
# Distinct values, well apart, so that finite differences do not change the order.
_APART = np.array([[0.3, -1.2, 2.1, 0.9], [1.5, -0.4, -2.0, 0.6], [-0.9, 1.1, 2.6, -1.6]])
_ZEROS = np.array([[0.0, 1.2, -0.7, 0.5], [0.0, 0.0, 0.8, -1.1], [1.3, 0.9, -0.6, 2.0]])

CASES = [
    # --- sum
    case("sum", np.sum, _X, covers=(ops.total, ops.spread, np.sum)),
    case("sum-square", lambda x: np.sum(x * x) ** 2, _X, covers=(ops.total, np.sum)),
    case("sum-scalar", lambda x: np.sum(x * x), 0.7, covers=np.sum),
    case("sum-axis", lambda x: np.sin(np.sum(x, axis=0)), _X, covers=(ops.total, ops.spread)),
    case("sum-axis-negative", lambda x: np.sin(np.sum(x, -1)), _Y, covers=np.sum),
    case("sum-axes", lambda x: np.sin(np.sum(x, axis=(0, -1))), _Y, covers=np.sum),
    case("sum-axes-none", lambda x: np.sin(np.sum(x, axis=())), _Y, covers=np.sum),
    case("sum-keepdims", lambda x: x * np.sum(x, axis=1, keepdims=True), _Y, covers=(ops.total, ops.spread)),
    case("sum-keepdims-all", lambda x: x * np.sum(x, keepdims=True), _X, covers=np.sum),
    case("sum-method", lambda x: x.sum(0) * x.sum(axis=0), _X, covers=np.sum),
    case("sum-initial", lambda x: np.sum(x * x, axis=0, initial=2.5) ** 2, _X, covers=np.sum),
    case("sum-initial-traced", lambda x: np.sum(x * x, initial=x[0, 0]) ** 2, _X, covers=np.sum),
    case("sum-where", lambda x: np.sum(x * x, axis=0, where=_MASK), _X, covers=np.sum),
    case("sum-where-row", lambda x: np.sum(x**3, where=_ROW, initial=1.0, keepdims=True), _X, covers=np.sum),
    case("sum-where-nan", lambda x: np.sum(x * x + _NAN_OUTSIDE, axis=1, where=_MASK), _X, covers=np.sum),
    case("sum-where-traced", lambda x: np.sum(x * x, where=x > 0.1, axis=0), _APART, covers=np.sum, scale=0.1),
    case("sum-dtype", lambda x: np.sum(x * x, dtype=np.float64), _X, covers=np.sum, single=False),
    case("sum-strided", lambda x: np.sum(x[::-1, ::2] * x.T[:2].T, axis=0), _X, covers=np.sum),
    case("sum-transposed", lambda x: np.sum(x.transpose(2, 0, 1) ** 2, axis=1), _Y, covers=np.sum),
    case("sum-initial-none", lambda x: np.sum(x * x, axis=0, initial=None), _X, covers=np.sum),
    case("sum-numpy-axis", lambda x: np.sum(x, axis=np.int64(0)) ** 2, _X, covers=np.sum),
    case("sum-scalar-axis", lambda x: np.sum(x, axis=np.int64(-1)) ** 2, 0.4, covers=np.sum),
    refused("sum-empty-none", ValueError, lambda x: np.sum(x[:0], initial=None), _X),
    refused("prod-where-none", ValueError, lambda x: np.prod(x, initial=None, where=_MASK), _X),
    refused("sum-axis-list", TypeError, lambda x: np.sum(x, axis=[0]), _X),
    refused("max-axis-true", TypeError, lambda x: np.max(x, axis=True), _X),
    refused("mean-dtype-integer", UnsupportedKeywordError, lambda x: np.mean(x, dtype=int), _X),
    refused("sum-initial-complex", TypeError, lambda x: np.sum(x, initial=1j), _X),
    refused("sum-initial-complex-traced", TypeError, lambda x: np.sum(x, initial=x[0, 0] * np.complex128(1j)), _X),
    refused("sum-initial-array", ValueError, lambda x: np.sum(x, initial=x[0]), _X),
    refused("mean-scalar-axis", np.exceptions.AxisError, lambda x: np.mean(x[0, 0], axis=0), _X),
    # --- mean
    case("mean", lambda x: np.mean(x) ** 2, _X, covers=(ops.average, np.mean)),
    case("mean-axis", lambda x: np.exp(np.mean(x, axis=-2)), _Y, covers=ops.average),
    case("mean-axes", lambda x: x - x.mean(axis=(0, 2), keepdims=True) ** 2, _Y, covers=ops.average),
    case("mean-keepdims", lambda x: x * x.mean(0, keepdims=True), _X, covers=np.mean),
    case("mean-where", lambda x: np.mean(x * x, axis=0, where=_MASK), _X, covers=np.mean),
    case("mean-where-row", lambda x: np.mean(x * x + _NAN_OUTSIDE, where=_MASK, keepdims=True), _X, covers=np.mean),
    case("mean-dtype", lambda x: np.mean(x * x, dtype=np.float64), _X, covers=np.mean, single=False),
    # --- prod
    case("prod", np.prod, array(4), covers=(ops.product, ops.weighted_total, np.prod)),
    case("prod-odd", np.prod, array(7) + 0.5, covers=ops.product),
    case("prod-one", lambda x: np.prod(x) ** 2, array(1), covers=ops.product),
    case("prod-scalar", lambda x: np.prod(x) ** 2, 0.6, covers=ops.product),
    case("prod-two-axes", lambda x: np.prod(x, axis=(0, -1)), _Y, covers=ops.product),
    case("prod-axis", lambda x: np.prod(x, axis=0), _X, covers=ops.product),
    case("prod-axis-keepdims", lambda x: x * x.prod(axis=1, keepdims=True), _Y, covers=ops.product),
    case("prod-zeros", lambda x: np.prod(x, axis=1), _ZEROS, covers=ops.product),
    case("prod-zeros-square", lambda x: np.prod(x * x + x, axis=0), _ZEROS, covers=ops.product),
    case("prod-zeros-all", np.prod, np.array([0.0, 0.0, 0.0, 2.0, 3.0]), covers=ops.product),
    case("prod-initial", lambda x: np.prod(x, axis=0, initial=2.0), _X, covers=np.prod),
    case("prod-initial-none", lambda x: np.prod(x, axis=0, initial=None), _X, covers=np.prod),
    case("max-initial-none", lambda x: np.max(x, initial=None) * np.min(x, initial=None), _APART, covers=np.max),
    case("prod-initial-traced", lambda x: np.prod(x, initial=x[0]), array(3), covers=np.prod),
    case("prod-where", lambda x: np.prod(x, axis=0, where=_MASK, keepdims=True), _X, covers=np.prod),
    case("prod-where-nan", lambda x: np.prod(x + _NAN_OUTSIDE, axis=-1, where=_MASK), _X, covers=np.prod),
    case("prod-dtype", lambda x: np.prod(x, dtype=np.float64), array(3), covers=np.prod, single=False),
    case(
        "prod-complex",
        lambda x: (np.real(np.prod(x + 1j * x[::-1], axis=0)), np.imag(np.prod(x + 2j, axis=1))),
        _ZEROS,
        covers=(ops.product, ops.weighted_total),
    ),
    case("mean-complex", lambda x: np.imag(np.mean(x + 1j * x**2, axis=0, where=_MASK) ** 2), _X, covers=np.mean),
    # --- max, min
    case("max", lambda x: np.max(x**3), _APART, covers=(ops.highest, ops.weighted_total, np.max), scale=0.1),
    case("max-scalar", lambda x: np.max(x**3), 0.6, covers=np.max),
    case("max-axis", lambda x: np.max(np.sin(x), axis=0), _APART, covers=ops.highest, scale=0.1),
    case("max-axes", lambda x: x**2 * x.max(axis=(0, 1), keepdims=True), _APART, covers=ops.highest, scale=0.1),
    case("max-keepdims", lambda x: x * x.max(axis=-1, keepdims=True), _APART, covers=ops.highest, scale=0.1),
    case("max-initial-low", lambda x: np.max(x**3, initial=-9.0), _APART, covers=np.max, scale=0.1),
    case("max-initial", lambda x: np.max(x**3, axis=1, initial=3.0), _APART, covers=np.max, scale=0.1),
    case("max-initial-high", lambda x: np.max(x, axis=0, initial=9.0, keepdims=True), _APART, covers=np.max, scale=0.1),
    case(
        "max-initial-traced", lambda x: np.max(x[1:], axis=0, initial=x[0, 0] ** 2), _APART, covers=np.max, scale=0.01
    ),
    case("max-where", lambda x: np.max(x**2, axis=0, where=_MASK, initial=-9), _APART, covers=np.max, scale=0.01),
    case(
        "max-where-nan",
        lambda x: (x + _NAN_OUTSIDE).max(where=_MASK, initial=-9) ** 2,
        _APART,
        covers=np.max,
        scale=0.1,
    ),
    case("amax", lambda x: np.amax(x**3, 1), _APART, covers=np.amax, scale=0.1),
    case("min", lambda x: np.min(x**3), _APART, covers=(ops.lowest, np.min), scale=0.1),
    case("min-axis", lambda x: np.min(np.sin(x), axis=1), _APART, covers=ops.lowest, scale=0.1),
    case("min-keepdims", lambda x: x * x.min(axis=0, keepdims=True), _APART, covers=ops.lowest, scale=0.1),
    case("min-where", lambda x: np.min(x**3, axis=0, where=_MASK, initial=99), _APART, covers=np.min, scale=0.1),
    case("min-initial", lambda x: np.min(x**3, axis=(0, 1), initial=-2.0), _APART, covers=np.min, scale=0.1),
    case("amin", lambda x: np.amin(x**3, 0), _APART, covers=np.amin, scale=0.1),
    # --- cumsum
    case("cumsum", lambda x: np.cumsum(x) ** 2, array(4), covers=(ops.running_total, np.cumsum)),
    case("cumsum-flat", lambda x: np.cumsum(x) ** 2, _X, covers=np.cumsum),
    case("cumsum-axis", lambda x: np.sin(np.cumsum(x, axis=0)), _X, covers=ops.running_total),
    case("cumsum-method", lambda x: x * x.cumsum(1), _Y, covers=ops.running_total),
    case("cumsum-scalar", lambda x: np.cumsum(x * x), 0.3, covers=np.cumsum),
    case("cumsum-dtype", lambda x: np.cumsum(x * x, axis=-1, dtype=np.float64), _X, covers=np.cumsum, single=False),
]

_THIRD = 1.0 / 3.0
_NAN = np.nan

SPECIALS = [
    # --- empty arrays
    special("sum-empty", np.sum, np.zeros(0), np.zeros(0)),
    special("sum-empty-axis", lambda x: np.sum(x, axis=0), np.zeros((0, 3)), np.zeros((0, 3))),
    special("mean-other-axis-empty", lambda x: np.mean(x, axis=1), np.zeros((0, 3)), np.zeros((0, 3))),
    special("prod-empty", np.prod, np.zeros(0), np.zeros(0)),
    special("max-other-axis-empty", lambda x: np.max(x, axis=1), np.zeros((0, 3)), np.zeros((0, 3))),
    special("max-empty-initial", lambda x: np.max(x, initial=0.0), np.zeros(0), np.zeros(0)),
    special("cumsum-empty", np.cumsum, np.zeros(0), np.zeros(0)),
    # --- ties
    special("max-tie", np.max, np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.0]), second=(np.zeros((3, 3)),)),
    special(
        "max-tie-axis",
        lambda x: np.max(x, axis=1),
        np.array([[1.0, 1.0, 1.0], [2.0, 0.0, 2.0]]),
        np.array([[_THIRD, _THIRD, _THIRD], [0.5, 0.0, 0.5]]),
    ),
    special(
        "max-tie-initial", lambda x: np.max(x, initial=1.0), np.array([1.0, 1.0, 0.0]), np.array([_THIRD, _THIRD, 0.0])
    ),
    special(
        "max-where-initial-dominates",
        lambda x: np.max(x, where=[True, False, True], initial=2.0),
        np.array([1.0, 5.0, 0.0]),
        np.zeros(3),
    ),
    special(
        "min-tie", np.min, np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.5, 0.5]), second=(np.zeros((4, 4)),)
    ),
    special("max-infinite", np.max, np.array([np.inf, 0.0, np.inf]), np.array([0.5, 0.0, 0.5])),
    special("max-nan", np.max, np.array([1.0, _NAN, 0.0]), np.array([_NAN, _NAN, _NAN])),
    special(
        "max-nan-elsewhere",
        lambda x: np.max(x, axis=1),
        np.array([[1.0, _NAN], [0.0, 1.0]]),
        np.array([[_NAN, _NAN], [0.0, 1.0]]),
    ),
    # --- zeros in a product
    special(
        "prod-one-zero",
        np.prod,
        np.array([0.0, 2.0, 3.0]),
        np.array([6.0, 0.0, 0.0]),
        second=(np.array([[0.0, 3.0, 2.0], [3.0, 0.0, 0.0], [2.0, 0.0, 0.0]]),),
    ),
    special(
        "prod-two-zeros",
        np.prod,
        np.array([0.0, 0.0, 3.0]),
        np.zeros(3),
        second=(np.array([[0.0, 3.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),),
    ),
    special("prod-three-zeros", np.prod, np.zeros(3), np.zeros(3), second=(np.zeros((3, 3)),)),
    # --- what where= leaves out may be anything
    special(
        "sum-where-infinite",
        lambda x: np.sum(np.sqrt(x), where=[False, True]),
        np.array([0.0, 4.0]),
        np.array([0.0, 0.25]),
    ),
]
