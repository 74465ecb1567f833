"""Entries of ``hodiff/ops/indexing.py``, ``choosing.py``, ``selection.py`` and ``sorting.py``."""

import numpy as np

from matrix.table import ARRAY, OUT, THREE, Also, around, entry

_REAL = ("float64", "float32")
_TIES = (np.zeros(3), np.array([1.0, 1.0, 0.0]), np.array([[2.0, 2.0], [2.0, 1.0]]), np.array([np.nan, 1.0, 0.0, 1.0]))
_FLAT = {"1-d": ((4,),), "2-d": ((2, 3),), "0-d": ((),), "3-d": ((2, 3, 2),)}


def _mask(x):
    return np.arange(x.size).reshape(x.shape) % 3 != 1


ENTRIES = [
    entry(
        np.take,
        call=lambda x, indices=(0, 1, 0), **kw: np.take(x, indices, **kw),
        shapes=ARRAY,
        keywords={
            "indices": (1, [[0, -1], [1, 1]], []),
            "axis": (0, -1, None),
            "mode": (Also("wrap", {"indices": [5, -7]}), Also("clip", {"indices": [5, -7]}), "raise"),
            "out": (OUT,),
        },
    ),
    entry(
        np.take_along_axis,
        call=lambda x, indices=0, **kw: np.take_along_axis(
            x, np.full((1,) * (x.ndim if kw.get("axis", 0) is not None else 1), indices), **kw
        ),
        shapes=_FLAT,
        keywords={"axis": (0, -1, None), "indices": (1, -1)},
    ),
    entry(
        np.choose,
        call=lambda x, y, a=(0, 1, 1), **kw: np.choose(a, [x, y], **kw),
        shapes={"1-d": ((3,), (3,)), "broadcast": ((2, 1), (3,)), "0-d": ((), ())},
        keywords={"mode": (Also("wrap", {"a": [3, -1, 0]}), Also("clip", {"a": [3, -1, 0]}), "raise"), "out": (OUT,)},
        unlisted=("choices",),
    ),
    entry(
        np.select,
        call=lambda x, y, z: np.select([np.array([True, False, False]), np.array([True, True, False])], [x, y], z),
        shapes={"1-d": ((3,), (3,), ()), "broadcast": ((2, 1), (3,), ())},
        unlisted=("default",),
    ),
    entry(
        np.compress,
        call=lambda x, condition=(True, False, True), **kw: np.compress(condition, x, **kw),
        shapes=ARRAY,
        keywords={"axis": (0, -1, None), "condition": ((False, True),), "out": (OUT,)},
        refused={"axis empty-3-d": "NumPy takes any index of an array without elements"},
    ),
    entry(np.extract, call=lambda x: np.extract(_mask(x), x), shapes=ARRAY),
    entry(
        np.piecewise,
        call=lambda x: np.piecewise(x, [x < 0, x >= 0], [lambda t: t**2, lambda t: 3 * t]),
        shapes=ARRAY,
        low=0.2,
        high=1.0,
        dtypes=_REAL,
        deviations={"0-d": "a number where NumPy gives an array without axes"},
        batch="the functions are called with the elements chosen, whose number depends on the values",
        unlisted=("condlist", "funclist", "args", "kw"),
    ),
    entry(
        np.nan_to_num,
        shapes=ARRAY,
        keywords={"copy": (True,), "nan": (2.0,), "posinf": (5.0,), "neginf": (-5.0,)},
        specials=(np.array([np.nan, np.inf, -np.inf, 1.0]),),
    ),
    entry(
        np.where,
        call=lambda x, y: np.where(np.array([True, False, True]), x, y),
        unlisted=("x", "y"),
        shapes={"1-d": ((3,), (3,)), "broadcast": ((2, 1), (3,)), "0-d": ((), ())},
    ),
    entry(
        np.clip,
        call=lambda x, a, b, **kw: np.clip(x, a, b, **kw),
        shapes=THREE,
        low=(-1.0, -0.55, 0.75),
        high=(0.5, -0.5, 0.8),
        scale=0.1,
        dtypes=_REAL,
        prepare=lambda x, a, b: (np.where(x < -0.3, x - 0.5, x), a, b),
        keywords={"out": (OUT,), "casting": ("same_kind",)},
        refused={"casting": "it decides about integers only"},
        unlisted=("min", "max", "kwargs"),
        specials=((np.array([0.0, 1.0, 2.0, np.nan, np.inf]), np.array(0.0), np.array(1.0)),),
    ),
    entry(
        np.clip,
        name="clip by keyword",
        shapes=ARRAY,
        dtypes=_REAL,
        prepare=around(0.3, 1.0, -1.0),
        keywords={"min": (0.0,), "max": (Also(0.5, {"min": None}),)},
        unlisted=("a_min", "a_max", "kwargs", "out"),
        call=lambda x, min=-0.5, max=0.6: np.clip(x, min=min, max=max),
    ),
    entry(
        np.sort,
        shapes=ARRAY,
        specials=_TIES,
        slopes=False,
        keywords={"axis": (0, -1, None), "kind": ("stable", "quicksort", "heapsort"), "stable": (True, False)},
        unlisted=("order",),
    ),
    entry(np.sort_complex, shapes={"1-d": ((4,),), "empty": ((0,),)}),
    entry(
        np.partition,
        call=lambda x, kth=1, **kw: np.partition(x, kth, **kw),
        shapes=ARRAY,
        keywords={"kth": ((0, 1), -1), "axis": (0, -1, None), "kind": ("introselect",)},
        unlisted=("order",),
    ),
    *(
        entry(
            f,
            shapes=ARRAY,
            dtypes=_REAL,
            order=1,
            keywords={"axis": (0, -1, None)},
            call=call,
            unlisted=("order", "kind", "stable", "kth"),
        )
        for f, call in ((np.argsort, np.argsort), (np.argpartition, lambda x, **kw: np.argpartition(x, 1, **kw)))
    ),
]
