"""Entries of ``hodiff/ops/contraction.py``, ``einsum.py``, ``diagonal.py`` and ``waves.py``."""

import numpy as np

from matrix.table import ARRAY, OUT, entry

_MATRICES = {
    "2-d": ((2, 3), (3, 2)),
    "1-d": ((3,), (3,)),
    "0-d": ((), ()),
    "vector": ((2, 3), (3,)),
    "row": ((3,), (3, 2)),
    "broadcast": ((2, 1, 2, 2), (3, 2, 1)),
    "3-d": ((2, 2, 3), (2, 3, 2)),
    "empty": ((2, 0), (0, 3)),
}
_ANY = {
    "1-d": ((3,), (3,)),
    "0-d": ((), ()),
    "2-d": ((2, 3), (2, 3)),
    "3-d": ((2, 1, 3), (2, 3)),
    "empty": ((0,), (0,)),
}
_UFUNC = {
    "dtype": (np.complex128, np.float64),
    "out": (OUT,),
    "casting": ("same_kind",),
    "order": ("K",),
    "subok": (True,),
}
_MOVE = "np.moveaxis and np.expand_dims say the same"
_AXES = [(-2, -1), (-2, -1), (-2, -1)]


def _einsum(name, subscripts, shapes, **options):
    keywords = {
        "optimize": (True, "greedy"),
        "out": (OUT,),
        "dtype": (np.complex128,),
        "order": ("K",),
        "casting": ("safe",),
    }
    return entry(
        np.einsum,
        name=f"einsum {name}",
        call=lambda *xs, **kw: np.einsum(subscripts, *xs, **kw),
        shapes=shapes,
        keywords=keywords,
        ulps=4,
        refused={"dtype": "operands of that dtype give the same"},
        unlisted=("operands", "kwargs"),
        **options,
    )


ENTRIES = [
    entry(
        np.matmul,
        shapes=_MATRICES,
        ulps=2,
        keywords={**_UFUNC, "axes": (_AXES,), "axis": (-1,), "keepdims": (False,)},
        refused={"axes": _MOVE},
    ),
    *(
        entry(f, shapes=shapes, ulps=2, keywords={**_UFUNC, **more}, refused=refused)
        for f, shapes, more, refused in (
            (np.vecdot, _ANY, {"axis": (0,), "keepdims": (True,)}, {"axis": _MOVE, "keepdims": _MOVE}),
            (np.matvec, {"2-d": ((2, 3), (3,)), "broadcast": ((2, 1, 2, 2), (3, 2)), "empty": ((2, 0), (0,))}, {}, {}),
            (np.vecmat, {"2-d": ((2,), (2, 3)), "broadcast": ((2, 1, 2), (3, 2, 2)), "empty": ((0,), (0, 2))}, {}, {}),
        )
    ),
    entry(np.linalg.matmul, name="linalg.matmul", shapes=_MATRICES, ulps=2),
    entry(np.linalg.vecdot, name="linalg.vecdot", shapes=_ANY, ulps=2, keywords={"axis": (0, -1)}),
    entry(
        np.dot,
        shapes={**_MATRICES, "scalar": ((), (3,)), "nd": ((2, 2, 3), (2, 3, 2))},
        ulps=2,
        keywords={"out": (OUT,)},
    ),
    entry(np.inner, shapes=_ANY, ulps=2),
    entry(np.outer, shapes=_ANY, keywords={"out": (OUT,)}),
    entry(np.linalg.outer, name="linalg.outer", shapes=_ANY),
    entry(
        np.vdot, shapes={"1-d": ((3,), (3,)), "0-d": ((), ()), "2-d": ((2, 3), (3, 2)), "empty": ((0,), (0,))}, ulps=2
    ),
    *(
        entry(
            f,
            name=name,
            call=lambda a, b, f=f, axes=1: f(a, b, axes=axes),
            shapes={
                "2-d": ((2, 3), (3, 2)),
                "3-d": ((2, 3, 2), (3, 2, 2)),
                "1-d": ((3,), (3,)),
                "empty": ((2, 0), (0, 3)),
            },
            keywords={"axes": (2, 0, ([1, 2], [0, 1]), (1, 0), (-1, 1))},
            ulps=2,
        )
        for f, name in ((np.tensordot, "tensordot"), (np.linalg.tensordot, "linalg.tensordot"))
    ),
    _einsum("product", "ij,jk->ik", {"2-d": ((2, 3), (3, 2)), "empty": ((2, 0), (0, 3))}),
    _einsum("trace", "ii", {"2-d": ((2, 2),)}),
    _einsum("diagonal", "...ii->...i", {"2-d": ((2, 2),), "3-d": ((2, 2, 2),)}),
    _einsum("three", "ab,bc,cd->da", {"2-d": ((2, 2), (2, 3), (3, 2))}),
    _einsum("broadcast", "...i,...i", {"1-d": ((3,), (3,)), "broadcast": ((2, 1, 3), (2, 3))}),
    entry(np.diagonal, shapes=ARRAY, keywords={"offset": (1, -1), "axis1": (1, -1), "axis2": (2, 0)}),
    entry(np.linalg.diagonal, name="linalg.diagonal", shapes=ARRAY, keywords={"offset": (1, -1)}),
    entry(
        np.trace,
        shapes=ARRAY,
        keywords={
            "offset": (1, -1),
            "axis1": (1, -1),
            "axis2": (2, 0),
            "dtype": (np.complex128, np.float64),
            "out": (OUT,),
        },
    ),
    entry(
        np.linalg.trace,
        name="linalg.trace",
        shapes=ARRAY,
        keywords={"offset": (1, -1), "dtype": (np.complex128, np.float64)},
    ),
    entry(
        np.unwrap,
        shapes=ARRAY,
        low=-4.0,
        high=4.0,
        dtypes=("float64", "float32"),
        keywords={"discont": (3.5,), "axis": (0, -1), "period": (5.0, 2 * np.pi)},
        ulps=2,
    ),
    entry(
        np.cross,
        shapes={
            "1-d": ((3,), (3,)),
            "2-d": ((2, 3), (2, 3)),
            "broadcast": ((2, 1, 3), (2, 3)),
            "first": ((3, 2), (3, 2)),
            "empty": ((0, 3), (0, 3)),
        },
        keywords={"axisa": (0, -1), "axisb": (0, -1), "axisc": (0, -1), "axis": (0, -1)},
        ulps=2,
    ),
    entry(
        np.linalg.cross,
        name="linalg.cross",
        shapes={"1-d": ((3,), (3,)), "2-d": ((2, 3), (2, 3)), "first": ((3, 2), (3, 2)), "empty": ((0, 3), (0, 3))},
        keywords={"axis": (0, -1)},
        ulps=2,
    ),
    entry(
        np.kron,
        shapes={
            "1-d": ((3,), (2,)),
            "0-d": ((), ()),
            "2-d": ((2, 2), (2, 1)),
            "3-d": ((2, 1, 2), (2, 2)),
            "empty": ((0,), (2,)),
        },
    ),
]
