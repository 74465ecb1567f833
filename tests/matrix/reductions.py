"""Entries of ``hodiff/ops/reductions.py``, ``nan_reductions.py``, ``cumulative.py`` and ``moments.py``."""

import numpy as np

from matrix.table import ARRAY, OUT, Also, Per, around, entry

_REAL = ("float64", "float32")
_TIES = (np.zeros(3), np.ones((2, 2)), np.array([1.0, 1.0, 0.0]), np.array([0.0, 2.0, 0.0]), np.array([np.inf, 1.0]))
_NANS = (*_TIES, np.array([np.nan, 1.0, 1.0]), np.array([[np.nan, 2.0], [np.nan, 0.0]]), np.array([-np.inf, np.inf]))
_AXES = (-1, 0, (0, 2), (), None)


def _mask(x):
    return np.arange(x.size).reshape(x.shape) % 3 != 1


WHERE = Per(_mask)


def _centre(x):
    return np.mean(x, keepdims=True) + 0.3


def reduction(function, *, where=WHERE, initial=(), dtype=(np.complex128, np.float64), specials=_NANS, **options):
    """Entry of a reduction with the keywords that NumPy's have."""
    keywords = {"axis": _AXES, "keepdims": (True, False)}
    if dtype:
        keywords["dtype"] = dtype
    if initial:
        keywords["initial"] = initial
    if where is not None:
        keywords["where"] = (where, True)
    keywords["out"] = (OUT,)
    keywords |= options.pop("more", {})
    if "dtype" in keywords and function not in (np.sum, np.prod, np.nansum, np.nanprod):
        options["refused"] = {"dtype complex128": "an average cannot drop imaginary parts"}
        options["refused"] = options.pop("beyond", options["refused"])
    return entry(function, shapes=ARRAY, keywords=keywords, specials=specials, **options)


def running(function, **options):
    """Entry of a running sum or product."""
    keywords = {"axis": (-1, 0, None), "dtype": (np.complex128, np.float64), "out": (OUT,)}
    keywords |= options.pop("more", {})
    return entry(function, shapes=ARRAY, keywords=keywords, specials=_TIES, **options)


ENTRIES = [
    reduction(np.sum, initial=(0.5, 2)),
    reduction(np.prod, initial=(0.5, 2), specials=_NANS[:-1]),
    reduction(
        np.mean,
        beyond={
            "dtype complex128": "an average cannot drop imaginary parts",
            "all": "NumPy takes axis=-1 of a number with where=, and not without",
        },
    ),
    *(reduction(f, initial=(-0.3,), where=Also(WHERE, {"initial": -0.3}), dtype=()) for f in (np.max, np.min)),
    *(
        reduction(f, initial=(-0.3,), where=Also(WHERE, {"initial": -0.3}), dtype=(), dtypes=_REAL)
        for f in (np.amax, np.amin)
    ),
    *(reduction(f, initial=(0.5, 2)) for f in (np.nansum, np.nanprod)),
    reduction(np.nanmean),
    *(reduction(f, initial=(-0.3,), where=Also(WHERE, {"initial": -0.3}), dtype=()) for f in (np.nanmax, np.nanmin)),
    *(
        reduction(
            f,
            ulps=4,
            scale=0.3,
            beyond={"dtype": "the answer is real whatever the dtype"},
            more={"ddof": (1, 0), "correction": (1,), "mean": (Per(_centre),)},
        )
        for f in (np.var, np.std, np.nanvar, np.nanstd)
    ),
    running(np.cumsum),
    running(np.cumprod),
    running(np.nancumsum),
    running(np.nancumprod),
    running(np.cumulative_sum, more={"include_initial": (True, False)}),
    running(np.cumulative_prod, more={"include_initial": (True, False)}),
    *(
        entry(
            f,
            shapes=ARRAY,
            keywords={"axis": (0, -1, None), "keepdims": (True,)},
            dtypes=_REAL,
            order=1,
            unlisted=("out",),
        )
        for f in (np.argmax, np.argmin, np.nanargmax, np.nanargmin)
    ),
    *(
        entry(
            f,
            shapes=ARRAY,
            prepare=around(0.3, 1.1, -2.2),
            scale=0.1,
            keywords={"decimals": (1, 0, -1), "out": (OUT,)},
        )
        for f in (np.round, np.around)
    ),
]
