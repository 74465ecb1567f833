"""Entries of ``hodiff/ops/joining.py`` and ``building.py``."""

import numpy as np

from matrix.table import ARRAY, OUT, Also, entry

_TWO = {
    "1-d": ((3,), (2,)),
    "2-d": ((2, 3), (2, 3)),
    "0-d": ((), ()),
    "3-d": ((2, 1, 2), (2, 1, 2)),
    "empty": ((0,), (2,)),
}
_SAME = {
    "1-d": ((3,), (3,)),
    "2-d": ((2, 3), (2, 3)),
    "0-d": ((), ()),
    "3-d": ((2, 1, 2), (2, 1, 2)),
    "empty": ((0,), (0,)),
}
_DTYPE = {"dtype": (np.complex128, np.float64), "casting": (Also("unsafe", {"dtype": np.complex128}), "same_kind")}

_EITHER = {"all": "NumPy takes out= or dtype=, not both"}

_EMPTY = "hodiff pads nothing with the NaN that is the mean of nothing"


def _of_list(function):
    return lambda *xs, **keywords: function(list(xs), **keywords)


def _sections(function):
    return lambda x, at=2, **keywords: function(x, at, **keywords)


ENTRIES = [
    entry(
        np.concatenate,
        call=_of_list(np.concatenate),
        shapes=_TWO,
        keywords={"axis": (-1, 1, None), "out": (OUT,), **_DTYPE},
        lax=_EITHER,
    ),
    entry(
        np.stack,
        call=_of_list(np.stack),
        shapes=_SAME,
        keywords={"axis": (-1, 1), "out": (OUT,), **_DTYPE},
        lax=_EITHER,
    ),
    *(entry(f, call=_of_list(f), shapes=_TWO, keywords=_DTYPE) for f in (np.vstack, np.hstack)),
    *(entry(f, call=_of_list(f), shapes=_SAME) for f in (np.dstack, np.column_stack)),
    *(
        entry(f, call=_sections(f), shapes=ARRAY, keywords={"at": ([1], [1, 3], 1), "axis": (-1, 1)})
        for f in (np.split, np.array_split)
    ),
    *(
        entry(f, call=_sections(f), shapes=ARRAY, keywords={"at": ([1], [1, 3], 1)})
        for f in (np.vsplit, np.hsplit, np.dsplit)
    ),
    entry(
        np.pad,
        call=lambda x, pad_width=1, **kw: np.pad(x, pad_width, **kw),
        shapes=ARRAY,
        dtypes=("float64", "float32"),
        keywords={
            "pad_width": ((1, 2), 0, {0: (1, 0)}),
            "mode": (
                *("edge", "constant", "linear_ramp", "maximum", "mean", "median", "minimum"),
                *("reflect", "symmetric", "wrap", "empty"),
            ),
            "constant_values": (0.5, (1.0, 2.0)),
            "end_values": (Also(0.5, {"mode": "linear_ramp"}),),
            "stat_length": (Also(2, {"mode": "mean"}), Also(2, {"mode": "maximum"})),
            "reflect_type": (Also("odd", {"mode": "reflect"}), Also("odd", {"mode": "symmetric"})),
        },
        refused={"mode='empty'": "what memory holds is no answer"},
        lax={
            "mode empty": _EMPTY,
            "mode empty-3-d": _EMPTY,
            "stat_length empty": _EMPTY,
            "stat_length empty-3-d": _EMPTY,
        },
        deviations={"scalar": "the number itself where NumPy gives an array without axes"},
        unlisted=("kwargs",),
        ulps=2,
    ),
    entry(
        np.linspace,
        call=lambda a, b, num=4, **kw: np.linspace(a, b, num, **kw),
        shapes={"0-d": ((), ()), "1-d": ((2,), (2,)), "broadcast": ((2, 1), (3,)), "empty": ((0,), (0,))},
        keywords={
            "num": (1, 0, 3),
            "endpoint": (False, True),
            "retstep": (True,),
            "dtype": (np.complex128, np.float64),
            "axis": (-1, 0),
            "device": (None, "cpu"),
        },
        ulps=2,
    ),
    *(
        entry(
            f,
            call=lambda a, b, f=f, num=4, **kw: f(a, b, num, **kw),
            shapes={"0-d": ((), ()), "1-d": ((2,), (2,)), "broadcast": ((2, 1), (3,))},
            low=(0.5, 1.2),
            high=(1.0, 2.0),
            scale=0.3,
            ulps=8,
            keywords={
                "num": (1, 3),
                "endpoint": (False, True),
                **({"base": (2.5,)} if f is np.logspace else {}),
                "dtype": (np.complex128, np.float64),
                "axis": (-1, 0),
            },
        )
        for f in (np.logspace, np.geomspace)
    ),
    entry(
        np.meshgrid,
        call=lambda x, y, **kw: np.meshgrid(x, y, **kw),
        shapes={"1-d": ((3,), (2,)), "0-d": ((), ()), "empty": ((0,), (2,))},
        keywords={"copy": (True, False), "sparse": (True,), "indexing": ("ij", "xy")},
        unlisted=("xi",),
    ),
    entry(np.ix_, call=np.ix_, shapes={"1-d": ((3,), (2,))}, unlisted=("args",)),
    entry(
        np.block,
        call=lambda x, y: np.block([[x, y], [y, x]]),
        shapes={
            "2-d": ((2, 2), (2, 2)),
            "0-d": ((), ()),
            "1-d": ((2,), (2,)),
            "empty": ((2, 0), (2, 0)),
            "3-d": ((2, 1, 2), (2, 1, 2)),
        },
    ),
    entry(np.append, shapes=_TWO, keywords={"axis": (0, -1)}),
    entry(
        np.insert,
        call=lambda x, y, obj=1, **kw: np.insert(x, obj, y, **kw),
        shapes={"1-d": ((3,), ()), "2-d": ((2, 3), ()), "3-d": ((2, 2, 2), ()), "empty": ((0,), ())},
        keywords={"obj": ([0, 2], slice(0, 2), -1, 0), "axis": (0, -1)},
    ),
    entry(
        np.delete,
        call=lambda x, obj=1, **kw: np.delete(x, obj, **kw),
        shapes=ARRAY,
        keywords={"obj": ([0, 1], slice(0, 2), -1), "axis": (0, -1)},
    ),
    entry(
        np.vander,
        shapes={"1-d": ((3,),), "empty": ((0,),), "2-d": ((2, 2),)},
        keywords={"N": (2, 4, 0), "increasing": (True,)},
    ),
    *(
        entry(f, shapes={**ARRAY, "2-d": ((2, 3),)}, keywords={"k": (1, -1, 2)})
        for f in (np.diag, np.diagflat, np.tril, np.triu)
    ),
]
