"""Cases of ``hodiff/ops/quantiles.py``."""

import numpy as np

import hodiff.ops.quantiles as ops
from cases.table import array, case, refused, special

# Distinct values, well apart, so that finite differences do not change the order.
_CUBE = np.random.default_rng(5).permutation(24).reshape(2, 3, 4) / 4.0
_X = _CUBE[0]
_NAN = np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, 0.0)
_Q = np.array([0.13, 0.48, 0.81])
_WEIGHTS = array(3, 4, seed=2, low=0.1)
_CONTINUOUS = tuple(ops._CONTINUOUS)
_DISCRETE = tuple(ops._DISCRETE)
_BOTH = (np.quantile, np.nanquantile)
_PERCENTILES = (np.percentile, np.nanpercentile)
_MEDIANS = (np.median, np.nanmedian)


def _square(f, *args, **keywords):
    return lambda x: f(x, *args, **keywords) ** 2


def _row(name, function, *args, covers, **options):
    return case(name, function, *args, covers=covers, scale=0.05, **options)


CASES = [
    # --- median
    *(
        _row(f"{f.__name__}-{axis}", _square(f, axis=axis), _CUBE, covers=f)
        for f in _MEDIANS
        for axis in (None, 0, 1, (0, -1))
    ),
    *(_row(f"{f.__name__}-odd", _square(f, axis=1), _X[:, :3], covers=f) for f in _MEDIANS),
    *(
        _row(f"{f.__name__}-keepdims", lambda x, f=f: f(x * x, 1, overwrite_input=True, keepdims=True), _X, covers=f)
        for f in _MEDIANS
    ),
    *(_row(f"{f.__name__}-scalar", _square(f), 0.3, covers=f) for f in _MEDIANS),
    _row("median-complex", lambda x: np.imag(np.median(x * (1 + 2j), 0)) ** 2, _X, covers=np.median),
    _row("nanmedian-missing", lambda x: np.nanmedian(x + _NAN, axis=1) ** 2, _X, covers=np.nanmedian, single=False),
    _row(
        "nanmedian-missing-all", lambda x: np.nanmedian(x + _NAN, keepdims=True), _X, covers=np.nanmedian, single=False
    ),
    # --- quantile
    *(
        _row(f"{f.__name__}-{m}", _square(f, _Q, axis=-1, method=m), _X, covers=(f, ops.checked_range))
        for f in _BOTH
        for m in (*_CONTINUOUS, *_DISCRETE)
    ),
    *(
        _row(f"{f.__name__}-{axis}", _square(f, 0.3, axis=axis), _CUBE, covers=f)
        for f in _BOTH
        for axis in (None, 0, 1, (0, -1), (1, 0))
    ),
    *(
        _row(
            f"{f.__name__}-keepdims",
            lambda x, f=f: f(x * x, 0.3, axis=1, overwrite_input=True, keepdims=True),
            _X,
            covers=f,
        )
        for f in (*_BOTH, *_PERCENTILES)
    ),
    *(_row(f"{f.__name__}-array", _square(f, [20.0, 50.0], axis=0), _X, covers=f) for f in _PERCENTILES),
    *(_row(f"{f.__name__}-scalar", _square(f, 35.0), 0.7, covers=f) for f in _PERCENTILES),
    _row("quantile-square-q", _square(np.quantile, np.reshape(_Q[:2], (1, 2)), 1), _X, covers=np.quantile),
    _row(
        "nanquantile-missing",
        lambda x: np.nanquantile(x + _NAN, _Q, axis=1) ** 2,
        _X,
        covers=np.nanquantile,
        single=False,
    ),
    _row(
        "nanpercentile-missing",
        lambda x: np.nanpercentile(x + _NAN, 30.0, axis=0, method="hazen") ** 2,
        _X,
        covers=np.nanpercentile,
        single=False,
    ),
    # --- traced q
    *(
        case(
            f"quantile-traced-q-{m}",
            lambda x, q, m=m: np.quantile(x, q, method=m),
            _X,
            _Q,
            covers=np.quantile,
            scale=0.01,
            rtol=1e-5,
        )
        for m in (*_CONTINUOUS, "nearest", "averaged_inverted_cdf")
    ),
    _row("quantile-traced-q-alone", lambda q: np.quantile(_X, q, axis=0), 0.37, covers=np.quantile, single=False),
    _row(
        "nanquantile-traced-q",
        lambda x, q: np.nanquantile(x + _NAN, q, axis=1),
        _X,
        _Q,
        covers=np.nanquantile,
        single=False,
    ),
    case("percentile-traced-q", lambda q: np.percentile(_X, q), 31.0, covers=np.percentile, scale=2.0, single=False),
    # --- weights
    *(
        _row(
            f"{f.__name__}-weights",
            lambda x, w, f=f: f(x, _Q, axis=1, method="inverted_cdf", weights=w),
            _X,
            _WEIGHTS,
            covers=(f, ops.weighted_index),
        )
        for f in _BOTH
    ),
    _row(
        "nanquantile-weights-missing",
        lambda x: np.nanquantile(x + _NAN, _Q, method="inverted_cdf", weights=_WEIGHTS),
        _X,
        covers=np.nanquantile,
        single=False,
    ),
    _row(
        "percentile-weights-axis",
        lambda x: np.percentile(x, 40.0, axis=0, method="inverted_cdf", weights=[0.0, 1.0, 2.0]),
        _X,
        covers=np.percentile,
    ),
    _row(
        "percentile-weights-axes",
        lambda x: np.percentile(x, 40.0, axis=(2, 0), method="inverted_cdf", weights=np.ones((4, 2))),
        _CUBE,
        covers=np.percentile,
    ),
    # --- refused
    refused("quantile-range", ValueError, lambda x: np.quantile(x, 1.5), _X),
    refused("percentile-range", ValueError, lambda x: np.percentile(x, [-1.0, 3.0]), _X),
    refused("quantile-method", ValueError, lambda x: np.quantile(x, 0.5, method="best"), _X),
    refused("quantile-complex", TypeError, lambda x: np.quantile(x + 1j, 0.5), _X),
    refused("quantile-empty", IndexError, lambda x: np.quantile(x[:0], 0.5), _X),
    refused("quantile-weights-method", ValueError, lambda x: np.quantile(x, 0.5, weights=_WEIGHTS), _X),
    refused(
        "quantile-weights-shape",
        ValueError,
        lambda x: np.quantile(x, 0.5, axis=1, method="inverted_cdf", weights=np.ones(3)),
        _X,
    ),
    refused(
        "quantile-weights-axis",
        TypeError,
        lambda x: np.quantile(x, 0.5, method="inverted_cdf", weights=np.ones(3)),
        _X,
    ),
    refused(
        "quantile-weights-negative",
        ValueError,
        lambda x: np.quantile(x, 0.5, method="inverted_cdf", weights=-_WEIGHTS),
        _X,
    ),
    refused(
        "quantile-weights-zero",
        ValueError,
        lambda x: np.quantile(x, 0.5, method="inverted_cdf", weights=0 * _WEIGHTS),
        _X,
    ),
]

_KNOTS = np.array([0.0, 1.0, 3.0, 4.0])
_ENDS = np.array([0.0, 1.0, 3.0])

SPECIALS = [
    special("median-tie", np.median, np.array([1.0, 1.0, 1.0, 5.0]), np.array([1 / 3, 1 / 3, 1 / 3, 0.0])),
    special("median-tie-odd", np.median, np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.0]), second=np.zeros((3, 3))),
    special("median-nan", np.median, np.array([1.0, np.nan, 0.0]), np.full(3, np.nan)),
    special(
        "median-nan-elsewhere",
        lambda x: np.median(x, axis=1),
        np.array([[1.0, np.nan, 0.0], [1.0, 3.0, 2.0]]),
        np.array([[np.nan, np.nan, np.nan], [0.0, 0.0, 1.0]]),
    ),
    special("nanmedian-nan", np.nanmedian, np.array([1.0, np.nan, 0.0]), np.array([0.5, 0.0, 0.5])),
    special("median-infinite", np.median, np.array([np.inf, 1.0, np.inf]), np.array([0.5, 0.0, 0.5])),
    special("median-empty-batch", lambda x: np.median(x, axis=1), np.zeros((0, 3)), np.zeros((0, 3))),
    special("quantile-tie", lambda x: np.quantile(x, 0.75), np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.0])),
    special("quantile-nan", lambda x: np.quantile(x, 0.3), np.array([1.0, np.nan, 0.0]), np.full(3, np.nan)),
    # On an element the smaller of two slopes, at the ends of [0, 1] the only one.
    special("quantile-knot", lambda q: np.quantile(_ENDS, q), 0.5, 2.0),
    special("quantile-knot-other", lambda q: np.quantile(-_ENDS, q), 0.5, 2.0),
    special("quantile-first", lambda q: np.quantile(_ENDS, q), 0.0, 2.0),
    special("quantile-last", lambda q: np.quantile(_ENDS, q), 1.0, 4.0),
    special("quantile-constant-end", lambda q: np.quantile(_KNOTS, q, method="hazen"), 0.125, 0.0),
    special("quantile-beyond-end", lambda q: np.quantile(_KNOTS, q, method="weibull"), 0.95, 0.0),
]
