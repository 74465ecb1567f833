"""Cases of ``hodiff/ops/statistics.py``."""

import numpy as np

from cases.table import array, case, refused, special
from hodiff.errors import UnsupportedKeywordError
from hodiff.ops import statistics as ops

_X = array(3, 4)
_Y = array(2, 3, 2)
_W = array(3, 4, seed=1) + 2
_W32 = _W.astype(np.float32)
_ROW = np.array([1.0, 2.0, 0.5, 1.5], np.float32)
# Distinct values, well apart, so that finite differences do not change the order or the bin.
_APART = np.array([[0.3, -1.2, 2.1, 0.9], [1.5, -0.4, -2.0, 0.6], [-0.9, 1.1, 2.6, -1.6]])
_POINTS = np.array([0.33, -1.2, 2.1, 0.87, -0.41, 1.52])
_OTHERS = np.array([1.5, 0.37, -0.7, 0.9, -1.1, 0.4])
_INDEX = np.array([0, 2, 2, 4, 1, 0])
_EDGES = np.array([-1.5, -0.1, 0.6, 2.6])
_HEIGHTS = np.array([1.0, 3.0, 2.0], np.float32)
_S = {"scale": 0.05}


def _z(x):
    return x + 1j * x[::-1] ** 2


CASES = [
    # --- average
    case("average", lambda x: np.average(x) ** 2, _X, covers=np.average),
    case("average-axis", lambda x: np.average(x, axis=0) ** 2, _X, covers=np.average),
    case("average-keepdims", lambda x: x * np.average(x, axis=(0, -1), keepdims=True), _Y, covers=np.average),
    case("average-weights", lambda x, w: np.average(x, weights=w), _X, _W, covers=(np.average, ops.forbidden)),
    case("average-weights-axis", lambda x, w: np.average(x, 1, w) ** 2, _X, _W[0], covers=np.average),
    case("average-weights-axes", lambda x, w: np.average(x, (2, 0), w), _Y, array(2, 2) + 2, covers=np.average),
    case("average-weights-keepdims", lambda x, w: x * np.average(x, 0, w, keepdims=True), _X, _W, covers=np.average),
    case("average-returned", lambda x, w: np.average(x, 1, w, returned=True), _X, _W[0], covers=np.average),
    case("average-returned-plain", lambda x: x[0] * np.average(x, 0, returned=True)[1], _X, covers=np.average),
    case(
        "average-returned-keepdims",
        lambda x: np.average(x, -1, _ROW, returned=True, keepdims=True)[0] ** 2,
        _X,
        covers=np.average,
    ),
    case("average-weights-alone", lambda w: np.average(np.arange(12).reshape(3, 4), weights=w), _W, covers=np.average),
    case("average-weights-list", lambda w: np.average([[1, 2], [3, 5]], 0, w), _W[:2, :2], covers=np.average),
    case("average-scalar", lambda x: np.average(x * x), 0.7, covers=np.average),
    case("average-complex", lambda x, w: np.imag(np.average(_z(x), 0, w) ** 2), _X, _W, covers=np.average),
    refused("average-zero-weights", ZeroDivisionError, lambda x: np.average(x, weights=x - x), _X),
    refused("average-no-axis", TypeError, lambda x: np.average(x, weights=_ROW), _X),
    refused("average-weights-shape", ValueError, lambda x: np.average(x, axis=0, weights=_ROW), _X),
    # --- ptp
    case("ptp", lambda x: np.ptp(x**3), _APART, covers=np.ptp, **_S),
    case("ptp-axis", lambda x: np.ptp(x**3, axis=0), _APART, covers=np.ptp, **_S),
    case("ptp-axes", lambda x: x * np.ptp(x, axis=(0, 1), keepdims=True), _APART, covers=np.ptp, **_S),
    # --- cov
    case("cov", np.cov, _X, covers=(np.cov, ops.doubtful)),
    case("cov-square", lambda x: np.cov(x) ** 2, _X[:2], covers=np.cov),
    case("cov-1d", lambda x: np.cov(x) ** 2, array(5), covers=np.cov),
    case("cov-y", np.cov, _X, array(2, 4), covers=np.cov),
    case("cov-y-1d", lambda y: np.cov([1.0, 2.0, 4.0, 3.0], y) ** 2, array(4), covers=np.cov),
    case("cov-columns", lambda x, y: np.cov(x, y, rowvar=False), _X, array(3, 2), covers=np.cov),
    case("cov-bias", lambda x: np.cov(x, bias=True), _X, covers=np.cov),
    case("cov-ddof", lambda x: np.cov(x, ddof=2, bias=True), _X, covers=np.cov),
    case("cov-fweights", lambda x: np.cov(x, fweights=[1, 2, 3, 1]), _X, covers=np.cov),
    case("cov-aweights", lambda x, w: np.cov(x, aweights=w), _X, _W[0], covers=(np.cov, ops.forbidden)),
    case("cov-aweights-alone", lambda w: np.cov(np.arange(12).reshape(3, 4) ** 2, aweights=w), _W[0], covers=np.cov),
    case("cov-aweights-ddof", lambda x, w: np.cov(x, ddof=0, aweights=w), _X, _W[0], covers=np.cov),
    case("cov-weights", lambda x, w: np.cov(x, fweights=[1, 2, 3, 1], aweights=w), _X, _W[0], covers=np.cov),
    case("cov-dtype", lambda x: np.cov(x * x, dtype=np.float64), _X, covers=np.cov, single=False),
    case("cov-complex", lambda x: (np.real(np.cov(_z(x))), np.imag(np.cov(_z(x)))), _X, covers=np.cov),
    refused("cov-3d", ValueError, np.cov, _Y),
    refused("cov-fweights-traced", UnsupportedKeywordError, lambda x: np.cov(_X, fweights=x), np.array([1.0, 2, 3, 1])),
    refused("cov-fweights-broken", TypeError, lambda x: np.cov(x, fweights=[1, 2, 3, 1.5]), _X),
    refused("cov-aweights-negative", ValueError, lambda x: np.cov(_X, aweights=x), -_W[0]),
    refused("cov-aweights-length", RuntimeError, lambda x: np.cov(_X, aweights=x), _W[0, :3]),
    refused("cov-dtype-integer", UnsupportedKeywordError, lambda x: np.cov(x, dtype=int), _X),
    refused("cov-ddof-broken", ValueError, lambda x: np.cov(x, ddof=0.5), _X),
    # --- corrcoef
    case("corrcoef", np.corrcoef, _X, covers=(np.corrcoef, ops.within_one), scale=0.1),
    case("corrcoef-y", np.corrcoef, array(5), array(5, seed=1), covers=np.corrcoef, scale=0.1),
    case("corrcoef-columns", lambda x: np.corrcoef(x, rowvar=False) ** 2, array(5, 2), covers=np.corrcoef, scale=0.1),
    case("corrcoef-dtype", lambda x: np.corrcoef(x, dtype=float), _X, covers=np.corrcoef, single=False, scale=0.1),
    case("corrcoef-one", np.corrcoef, array(4), covers=np.corrcoef),
    case(
        "corrcoef-complex",
        lambda x: (np.real(np.corrcoef(_z(x))), np.imag(np.corrcoef(_z(x)))),
        _X,
        covers=ops.within_one,
        scale=0.1,
        rtol=1e-5,
    ),
    # --- bincount
    case("bincount", lambda w: np.bincount(_INDEX, w) ** 2, array(6), covers=(np.bincount, ops.binned)),
    case(
        "bincount-minlength",
        lambda w: np.bincount([0, 1, 1], weights=w, minlength=4) ** 2,
        array(3),
        covers=np.bincount,
    ),
    refused("bincount-floats", TypeError, np.bincount, _POINTS),
    refused("bincount-complex", TypeError, lambda w: np.bincount(_INDEX, w * 1j), _POINTS),
    refused("bincount-length", ValueError, lambda w: np.bincount([0, 1], w), _POINTS),
    # --- digitize
    case("digitize", lambda x: x * np.digitize(x, _EDGES), _POINTS, covers=(np.digitize, ops.digits), **_S),
    case("digitize-right", lambda x: x * np.digitize(x, _EDGES[::-1], right=True), _POINTS, covers=np.digitize, **_S),
    case(
        "digitize-bins", lambda b: b * np.digitize([[0.3, 1.1], [2.0, -9.0]], b)[0, 1], _EDGES, covers=np.digitize, **_S
    ),
    case("digitize-both", lambda x, b: x * np.digitize(x, b), _POINTS, _EDGES, covers=ops.digits, **_S),
    # --- histogram
    case(
        "histogram-weights",
        lambda w: np.histogram(_POINTS, bins=3, weights=w)[0] ** 2,
        array(6),
        covers=(np.histogram, ops.binned, ops.bin_index),
    ),
    case(
        "histogram-weights-edges",
        lambda w: np.histogram(_POINTS, _EDGES, weights=w)[0] ** 2,
        array(6),
        covers=np.histogram,
    ),
    case(
        "histogram-weights-range",
        lambda w: np.histogram(_POINTS.reshape(2, 3), 3, (-1, 1), weights=w)[0] ** 2,
        array(2, 3),
        covers=np.histogram,
    ),
    case(
        "histogram-weights-density",
        lambda w: np.histogram(_POINTS, 3, weights=w, density=True)[0],
        array(6) + 2,
        covers=np.histogram,
    ),
    case(
        "histogram-weights-complex",
        lambda w: np.real(np.histogram(_POINTS, 3, weights=_z(w))[0] ** 2),
        array(6),
        covers=(np.histogram, ops.binned),
    ),
    case("histogram", lambda x: _HEIGHTS * np.sum(x) * np.histogram(x, bins=3)[0], _POINTS, covers=np.histogram, **_S),
    case("histogram-edges", lambda x: np.histogram(x, bins=3)[1] ** 2, _POINTS, covers=np.histogram, **_S),
    case("histogram-density", lambda x: np.histogram(x, bins=3, density=True)[0], _POINTS, covers=np.histogram, **_S),
    case(
        "histogram-density-edges",
        lambda x, e: np.histogram(x, e, density=True)[0] * np.sum(x),
        _POINTS,
        _EDGES,
        covers=(np.histogram, ops.bin_index),
        **_S,
    ),
    case(
        "histogram-edges-alone", lambda e: np.histogram(_POINTS, e, density=True)[0], _EDGES, covers=np.histogram, **_S
    ),
    case(
        "histogram-both",
        lambda x, w: np.histogram(x, 3, density=True, weights=w)[0],
        _POINTS,
        array(6) + 2,
        covers=np.histogram,
        **_S,
    ),
    case(
        "histogram-range-traced",
        lambda x: np.histogram(x, 3, (x[1] - 0.3, 2.6))[1] ** 2,
        _POINTS,
        covers=np.histogram,
        **_S,
    ),
    case(
        "histogram-rule",
        lambda x: np.histogram(x, "sturges", density=True)[0],
        _POINTS,
        covers=ops.bin_total,
        batch=False,
        **_S,
    ),
    case("histogram-same", lambda x: np.histogram(np.stack([x, x]), 3)[1] ** 2, 0.3, covers=np.histogram),
    case(
        "histogram-bin-edges", lambda x: np.histogram_bin_edges(x, 3) ** 2, _APART, covers=np.histogram_bin_edges, **_S
    ),
    case(
        "histogram-bin-edges-rule",
        lambda x: np.histogram_bin_edges(x, "fd", range=(-1.0, 2.0)) * np.sum(x),
        _APART,
        covers=(np.histogram_bin_edges, ops.bin_total),
        batch=False,
        **_S,
    ),
    case(
        "histogram-bin-edges-given",
        lambda e: np.histogram_bin_edges(_POINTS, e) ** 2,
        _EDGES,
        covers=np.histogram_bin_edges,
        **_S,
    ),
    refused("histogram-rule-weights", TypeError, lambda x: np.histogram(x, "auto", weights=x), _POINTS),
    refused("histogram-bins-zero", ValueError, lambda x: np.histogram(x, 0), _POINTS),
    refused("histogram-bins-float", TypeError, lambda x: np.histogram(x, 2.5), _POINTS),
    refused("histogram-bins-falling", ValueError, lambda x: np.histogram(x, [1, 0]), _POINTS),
    refused("histogram-range-falling", ValueError, lambda x: np.histogram(x, range=(1, 0)), _POINTS),
    refused("histogram-not-finite", ValueError, lambda x: np.histogram(x + np.inf), _POINTS),
    refused("histogram-weights-shape", ValueError, lambda x: np.histogram(_POINTS, weights=x[:2]), _POINTS),
    # --- histogram2d, histogramdd
    case(
        "histogram2d-weights",
        lambda w: np.histogram2d(_POINTS, _OTHERS, bins=(2, 3), weights=w)[0] ** 2,
        array(6),
        covers=np.histogram2d,
    ),
    case(
        "histogram2d-density",
        lambda x, y: np.histogram2d(x, y, bins=2, density=True),
        _POINTS,
        _OTHERS,
        covers=np.histogram2d,
        **_S,
    ),
    case(
        "histogram2d-edges",
        lambda e: np.histogram2d(_POINTS, _OTHERS, e, density=True)[0],
        _EDGES,
        covers=np.histogram2d,
        **_S,
    ),
    case(
        "histogram2d-range",
        lambda x: np.histogram2d(x, _OTHERS, [2, _EDGES], [(-1, 1), None], True)[0] * np.sum(x),
        _POINTS,
        covers=np.histogram2d,
        **_S,
    ),
    case(
        "histogramdd-weights",
        lambda w: np.histogramdd(_APART, bins=3, weights=w)[0] ** 2,
        array(3),
        covers=np.histogramdd,
    ),
    case("histogramdd", lambda x: np.histogramdd(x[:, ::3], 3, density=True)[0], _APART, covers=np.histogramdd, **_S),
    case(
        "histogramdd-bins",
        lambda x: np.histogramdd(x[:, :2], [_EDGES, 2])[1][1] ** 2,
        _APART,
        covers=np.histogramdd,
        **_S,
    ),
    case("histogramdd-1d", lambda x: np.histogramdd(x, (3,), density=True)[0], _POINTS, covers=np.histogramdd, **_S),
    refused("histogramdd-bins", ValueError, lambda x: np.histogramdd(x, (3, 3)), _APART),
    refused("histogram2d-lengths", ValueError, lambda x: np.histogram2d(x, x[1:]), _POINTS),
]

_COUNTED = np.array([0.5, 1.0, 2.0, 3.0])

SPECIALS = [
    special(
        "average-empty-other-axis",
        lambda x: np.average(x, axis=1, weights=np.ones((0, 3))),
        np.zeros((0, 3)),
        np.zeros((0, 3)),
    ),
    special("ptp-tie", np.ptp, np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, -1.0])),
    special("ptp-constants", np.ptp, np.full(3, 2.0), np.zeros(3)),
    special("cov-empty", np.cov, np.zeros((0, 3)), np.zeros((0, 3))),
    # r = 1 is its maximum, so its derivative is 0, up to rounding: d²r/dy² is not.
    special(
        "corrcoef-perfect",
        lambda y: np.corrcoef(np.array([-1.0, 0.0, 1.0]), y)[0, 1],
        np.array([-1.0, 0.0, 1.0]),
        np.zeros(3),
        second=(np.array([[-1.0, 2.0, -1.0], [2.0, -4.0, 2.0], [-1.0, 2.0, -1.0]]) / 12.0,),
    ),
    special("bincount-empty", lambda w: np.bincount(np.zeros(0, int), w), np.zeros(0), np.zeros(0)),
    special(
        "histogram-weights-bounds",
        lambda w: np.histogram([0.0, 1.0, 2.0, 2.5], [0, 1, 2], weights=w)[0] * np.array([1.0, 10.0]),
        np.ones(4),
        np.array([1.0, 10.0, 10.0, 0.0]),
    ),
    special("histogram-counts", lambda x: np.histogram(x, [0, 1, 2, 3])[0] * 1.0, _COUNTED, np.zeros(4)),
    special("histogram-empty", lambda x: np.histogram(x, 3)[1], np.zeros(0), np.zeros(0)),
    # The density of both elements in one bin of width max - min.
    special(
        "histogram-density-one",
        lambda x: np.histogram(x, 1, density=True)[0],
        np.array([1.0, 3.0]),
        np.array([0.25, -0.25]),
    ),
    special("digitize-constant", lambda x: np.digitize(x, [0.0, 1.0]) * 1.0, np.array([0.0, 0.5]), np.zeros(2)),
]
