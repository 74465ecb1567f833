"""Entries of ``hodiff/ops/statistics.py`` and ``quantiles.py``."""

import numpy as np

from matrix.table import ARRAY, OUT, Per, entry

_REAL = ("float64", "float32")
_TIES = (np.zeros(3), np.array([1.0, 1.0, 0.0]), np.array([[2.0, 2.0], [2.0, 1.0]]))
_MATRIX = {"1-d": ((4,),), "2-d": ((3, 4),), "empty": ((2, 0),), "0-d": ((),)}
_METHODS = (
    *("linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf"),
    *("closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased"),
)
_KEPT = {"keepdims 0-d": "a number where NumPy gives an array without axes"}
_LAX = {
    "axis empty-3-d": "NumPy cannot reshape an empty array by -1",
}
_Q = (0.3, 0.0, 1.0, np.array([0.1, 0.55]), np.array([[0.2], [0.9]]))


def _weights(x):
    return np.linspace(1.0, 2.0, x.size).reshape(x.shape)


_SINGLE = {"float32": "the density is computed in single precision, NumPy's in double"}


def _own(x):
    """Something that may be overwritten."""
    return x.copy() if isinstance(x, np.ndarray) else x


def _quantile(function, factor):
    def call(x, q=0.35, **keywords):
        return function(_own(x), np.multiply(q, factor), **keywords)

    return entry(
        function,
        call=call,
        shapes=ARRAY,
        dtypes=_REAL,
        specials=_TIES,
        slopes=False,
        keywords={
            "q": _Q,
            "axis": (-1, 0, (0, 2), None),
            "keepdims": (True, False),
            "method": _METHODS,
            "overwrite_input": (False, True),
            "out": (OUT,),
            "weights": (Per(_weights),),
        },
        lax=_LAX,
        deviations=_KEPT,
    )


def _median(function):
    keywords = {
        "axis": (-1, 0, (0, 2), None),
        "keepdims": (True, False),
        "overwrite_input": (False, True),
        "out": (OUT,),
    }
    return entry(
        function,
        call=lambda x, **keywords: function(_own(x), **keywords),
        shapes=ARRAY,
        dtypes=_REAL,
        specials=_TIES,
        slopes=False,
        keywords=keywords,
        lax=_LAX,
        deviations=_KEPT,
    )


ENTRIES = [
    _quantile(np.quantile, 1.0),
    _quantile(np.percentile, 100.0),
    _quantile(np.nanquantile, 1.0),
    _quantile(np.nanpercentile, 100.0),
    _median(np.median),
    _median(np.nanmedian),
    entry(
        np.average,
        shapes=ARRAY,
        specials=_TIES,
        ulps=4,
        keywords={
            "axis": (-1, 0, (0, 2), None),
            "weights": (Per(_weights),),
            "returned": (True,),
            "keepdims": (True, False),
        },
    ),
    entry(
        np.average,
        name="average of two",
        call=lambda x, w, **kw: np.average(x, weights=w, **kw),
        shapes={"1-d": ((3,), (3,)), "2-d": ((2, 3), (2, 3))},
        low=(-1.0, 1.0),
        high=(1.0, 2.0),
        ulps=4,
        scale=0.3,
        keywords={"axis": (0, -1), "returned": (True,), "keepdims": (True,)},
    ),
    entry(
        np.ptp,
        shapes=ARRAY,
        dtypes=_REAL,
        specials=_TIES,
        keywords={"axis": (-1, 0, (0, 2), None), "keepdims": (True, False), "out": (OUT,)},
    ),
    entry(
        np.cov,
        shapes=_MATRIX,
        ulps=8,
        scale=0.3,
        keywords={
            "rowvar": (False, True),
            "bias": (True,),
            "ddof": (0, 1),
            "fweights": (np.array([1, 2, 1, 1]),),
            "aweights": (np.array([1.0, 0.5, 2.0, 1.0]),),
            "dtype": (np.complex128, np.float64),
        },
        refused={"dtype": "the answer would be complex"},
        unlisted=("y",),
    ),
    entry(
        np.cov,
        name="cov of two",
        shapes={"1-d": ((4,), (4,)), "2-d": ((2, 4), (1, 4))},
        ulps=8,
        scale=0.3,
        keywords={"rowvar": (True,), "bias": (True,), "ddof": (0,)},
    ),
    entry(
        np.corrcoef,
        shapes=_MATRIX,
        ulps=8,
        scale=0.3,
        keywords={"rowvar": (False,), "dtype": (np.float64,)},
        refused={"dtype complex128": "imaginary parts would be dropped"},
        unlisted=("y",),
    ),
    entry(np.corrcoef, name="corrcoef of two", shapes={"1-d": ((4,), (4,))}, ulps=8, scale=0.3),
    entry(
        np.bincount,
        call=lambda w, **kw: np.bincount(np.array([0, 2, 2, 1]), w, **kw),
        shapes={"1-d": ((4,),)},
        dtypes=_REAL,
        keywords={"minlength": (6,)},
        unlisted=("x", "weights"),
    ),
    *(
        entry(
            np.histogram,
            name=f"histogram {name}",
            call=lambda x, w, **kw: np.histogram(x, weights=w, **kw),
            shapes={"1-d": ((4,), (4,))},
            low=(-0.9, 0.5),
            high=(0.9, 1.0),
            dtypes=_REAL,
            ulps=4,
            scale=0.1,
            keywords=keywords,
            unlisted=("weights",),
            deviations=_SINGLE if name == "edges" else {},
        )
        for name, keywords in (
            ("edges", {"bins": (np.array([-1.0, 0.01, 0.6, 1.0]),), "density": (True, False)}),
            ("range", {"bins": (3,), "range": ((-1.0, 1.4),), "density": (True,)}),
        )
    ),
]
