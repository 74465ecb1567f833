"""Entries of ``hodiff/ops/comparison.py``, ``queries.py``, ``sets.py`` and ``assignment.py``."""

import numpy as np

from matrix.table import ARRAY, OUT, TWO, Per, around, entry

_REAL = ("float64", "float32")
_LISTS = {"1-d": ((4,), (3,)), "2-d": ((2, 2), (2, 1)), "empty": ((0,), (2,)), "0-d": ((), ())}
_PLAIN = "an array of truth values made by np.zeros carries nothing, so it is plain and takes no member of a batch"
_VALUES = "the shape of the answer depends on the values"


def _mask(x):
    return np.arange(x.size).reshape(x.shape) % 3 != 1


def _changed(function):
    """A function that changes its first operand, on a copy of it."""

    def call(x, *operands, **keywords):
        y = np.positive(x)
        y = y.copy() if hasattr(y, "copy") else y
        function(y, *operands, **keywords)
        return y

    return call


def _set(f, **options):
    return entry(f, shapes=_LISTS, batch=_VALUES, scale=0.05, **options)


_INDEX = {"return_index": (True,), "return_inverse": (True,), "return_counts": (True,), "equal_nan": (False,)}

ENTRIES = [
    *(
        entry(
            f,
            shapes=ARRAY,
            keywords={"axis": (-1, (0, 2), None), "keepdims": (True,), "where": (Per(_mask),), "out": (OUT,)},
            refused={"out": _PLAIN},
        )
        for f in (np.any, np.all)
    ),
    entry(np.count_nonzero, shapes=ARRAY, keywords={"axis": (-1, (0, 2), None), "keepdims": (True,)}),
    *(entry(f, shapes=ARRAY, dtypes=_REAL, unlisted=("out",)) for f in (np.isneginf, np.isposinf)),
    entry(np.fix, shapes=ARRAY, dtypes=_REAL, prepare=around(0.3, 1.4, -2.2), keywords={"out": (OUT,)}),
    *(
        entry(
            f,
            shapes=TWO,
            batch=True if f is np.isclose else _VALUES,
            keywords={"rtol": (0.5,), "atol": (0.1,), "equal_nan": (True,)},
        )
        for f in (np.isclose, np.allclose)
    ),
    entry(np.array_equal, shapes=TWO, batch=_VALUES, keywords={"equal_nan": (True,)}),
    entry(np.array_equiv, shapes=TWO, batch=_VALUES),
    *(entry(f, shapes=ARRAY, batch=_VALUES) for f in (np.argwhere, np.flatnonzero, np.nonzero)),
    entry(
        np.digitize,
        call=lambda x, **kw: np.digitize(x, [-0.5, 0.0, 0.5], **kw),
        shapes=ARRAY,
        dtypes=_REAL,
        keywords={"right": (True,)},
    ),
    entry(
        np.searchsorted,
        call=lambda x, **kw: np.searchsorted(np.array([-0.5, 0.0, 0.5]), x, **kw),
        shapes=ARRAY,
        dtypes=_REAL,
        keywords={"side": ("right", "left"), "sorter": (np.array([0, 1, 2]),)},
    ),
    entry(
        np.lexsort,
        call=lambda x, y, **kw: np.lexsort((x, y), **kw),
        shapes={"1-d": ((4,), (4,))},
        dtypes=_REAL,
        keywords={"axis": (0,)},
    ),
    entry(
        np.isin, shapes=_LISTS, dtypes=_REAL, keywords={"assume_unique": (True,), "invert": (True,), "kind": ("sort",)}
    ),
    entry(np.unique, shapes=ARRAY, batch=_VALUES, keywords={**_INDEX, "axis": (0, -1), "sorted": (True,)}),
    *(
        entry(f, shapes=ARRAY, dtypes=_REAL, batch=_VALUES)
        for f in (np.unique_all, np.unique_counts, np.unique_inverse, np.unique_values)
    ),
    _set(np.union1d),
    _set(np.intersect1d, keywords={"assume_unique": (True,), "return_indices": (True,)}),
    *(_set(f, keywords={"assume_unique": (True,)}) for f in (np.setdiff1d, np.setxor1d)),
    *(
        entry(
            f,
            call=lambda x, y, w, f=f, **kw: f(*((x, y) if f is np.histogram2d else ((x, y),)), weights=w, **kw),
            shapes={"1-d": ((4,), (4,), (4,))},
            low=(-0.9, -0.9, 0.5),
            high=(0.9, 0.9, 1.0),
            dtypes=_REAL,
            ulps=8,
            scale=0.02,
            keywords={"bins": (3, [2, 3]), "range": (((-1.0, 1.3), (-1.0, 1.4)),), "density": (True,)},
            unlisted=("weights",),
        )
        for f in (np.histogram2d, np.histogramdd)
    ),
    entry(
        np.histogram_bin_edges,
        shapes={"1-d": ((4,),)},
        dtypes=_REAL,
        keywords={"bins": (3, "sqrt"), "range": ((-1.0, 1.5),)},
        ulps=4,
        batch=_VALUES,
        unlisted=("weights",),
    ),
    entry(
        np.copyto,
        call=_changed(np.copyto),
        shapes={"1-d": ((3,), (3,)), "broadcast": ((2, 3), (3,)), "0-d": ((3,), ())},
        keywords={"casting": ("same_kind", "unsafe"), "where": (np.array([True, False, True]),)},
    ),
    entry(
        np.put,
        call=_changed(lambda x, v, ind=(0, 1), **kw: np.put(x, ind, v, **kw)),
        shapes={"1-d": ((4,), (2,)), "2-d": ((2, 2), ()), "0-d": ((2,), ())},
        keywords={"mode": ("clip", "wrap", "raise"), "ind": ([1, 0],)},
    ),
    entry(
        np.place,
        call=_changed(lambda x, v: np.place(x, _mask(x), v)),
        shapes={"1-d": ((4,), (2,)), "2-d": ((2, 2), (1,))},
    ),
    entry(
        np.putmask,
        call=_changed(lambda x, v: np.putmask(x, _mask(x), v)),
        shapes={"1-d": ((4,), (4,)), "2-d": ((2, 2), ())},
    ),
    entry(
        np.put_along_axis,
        call=_changed(lambda x, v, axis=0: np.put_along_axis(x, np.zeros((1,) * x.ndim, int), v, axis)),
        shapes={"1-d": ((4,), (1,)), "2-d": ((1, 3), ())},
        keywords={"axis": (-1,)},
    ),
    entry(
        np.fill_diagonal,
        call=_changed(np.fill_diagonal),
        shapes={"2-d": ((3, 3), ()), "row": ((2, 2), (2,)), "tall": ((5, 2), ())},
        keywords={"wrap": (True,)},
    ),
    *(
        entry(
            f,
            call=lambda x, f=f, **kw: x * f(x, **kw),
            shapes=ARRAY,
            keywords={"dtype": (np.complex128, np.float64), "order": ("C",), "subok": (True,), "device": (None, "cpu")},
            unlisted=("shape",),
        )
        for f in (np.zeros_like, np.ones_like)
    ),
    entry(
        np.full_like,
        call=lambda x, y, **kw: x * np.full_like(x, y, **kw),
        shapes={"1-d": ((3,), ()), "0-d": ((), ()), "2-d": ((2, 3), (3,)), "empty": ((0,), ())},
        keywords={"dtype": (np.complex128, np.float64), "order": ("C",), "subok": (True,), "device": (None, "cpu")},
        refused={"dtype complex128": "imaginary parts would be dropped"},
        unlisted=("shape",),
    ),
    entry(
        np.copy,
        shapes=ARRAY,
        keywords={"order": ("C", "F"), "subok": (True,)},
        refused={"subok": "no subclass of an array is traced"},
        deviations={"scalar": "the copy of a number is a number, not an array without axes"},
    ),
]
