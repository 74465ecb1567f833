"""Entries of ``hodiff/ops/shaping.py`` and ``rearranging.py``."""

import numpy as np

from matrix.table import ARRAY, entry

_NOT_EMPTY = {name: shapes for name, shapes in ARRAY.items() if "empty" not in name}
_CUBE = {"3-d": ((2, 3, 2),), "2-d": ((2, 3),), "empty-3-d": ((2, 0, 2),), "1-d": ((4,),)}
_ORDER = ("C", "F")
_LAYOUT = {f"order='{order}'": "a traced value has no layout in memory" for order in "AK"}

ENTRIES = [
    entry(
        np.reshape,
        call=lambda x, shape=(-1, 2), **kw: np.reshape(x, shape, **kw),
        shapes=_CUBE,
        keywords={"shape": ((2, -1), -1, (1, -1)), "order": (*_ORDER, "A"), "copy": (True, None)},
        refused={"order='A'": _LAYOUT["order='A'"]},
    ),
    entry(np.ravel, shapes=ARRAY, keywords={"order": (*_ORDER, "A", "K")}, refused=_LAYOUT),
    entry(
        np.squeeze,
        shapes={"3-d": ((1, 3, 1),), "0-d": ((),), "1-d": ((1,),), "empty": ((1, 0),)},
        keywords={"axis": (0, -1, (0, 2))},
    ),
    entry(
        np.expand_dims,
        call=lambda x, axis=0: np.expand_dims(x, axis),
        shapes=ARRAY,
        keywords={"axis": (-1, (0, -1), 1)},
    ),
    *(entry(f, shapes=ARRAY) for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)),
    entry(
        np.atleast_2d,
        name="atleast_2d of two",
        shapes={"0-d": ((), ()), "1-d": ((2,), (1, 2))},
        call=lambda *x: np.atleast_2d(*x),
    ),
    entry(np.transpose, shapes=ARRAY, keywords={"axes": ((2, 0, 1), (-1, 0, 1), (1, 0), None)}),
    entry((np.matrix_transpose, np.linalg.matrix_transpose), shapes=ARRAY),
    entry(
        np.moveaxis,
        call=lambda x, source=0, destination=-1: np.moveaxis(x, source, destination),
        shapes=ARRAY,
        keywords={"source": (1, (0,)), "destination": (0, (1,))},
    ),
    entry(
        np.swapaxes,
        call=lambda x, axis1=0, axis2=-1: np.swapaxes(x, axis1, axis2),
        shapes=ARRAY,
        keywords={"axis1": (1, -2), "axis2": (0, 2)},
    ),
    entry(
        np.rollaxis,
        call=lambda x, axis=0, **kw: np.rollaxis(x, axis, **kw),
        shapes=ARRAY,
        keywords={"axis": (1, -1), "start": (1, 2)},
    ),
    entry(
        np.broadcast_to,
        call=lambda x, shape=(2, 2, 3, 2), **kw: np.broadcast_to(x, shape, **kw),
        shapes={"0-d": ((),), "1-d": ((2,),), "3-d": ((2, 1, 2),), "empty": ((0, 1),)},
        keywords={"shape": ((2, 3, 2), (3, 0, 2)), "subok": (False,)},
    ),
    entry(
        np.broadcast_arrays,
        call=lambda x, y, **kw: np.broadcast_arrays(x, y, **kw),
        shapes={"0-d": ((), ()), "1-d": ((3,), (1,)), "broadcast": ((2, 1), (3,)), "empty": ((0,), (2, 1))},
        keywords={"subok": (False,)},
        deviations={"scalar": "numbers where NumPy gives arrays without axes"},
    ),
    entry(np.flip, shapes=ARRAY, keywords={"axis": (0, -1, (0, 2), None)}),
    *(entry(f, shapes=ARRAY) for f in (np.fliplr, np.flipud)),
    entry(np.rot90, shapes=ARRAY, keywords={"k": (2, 3, -1, 0), "axes": ((1, 0), (0, 2))}),
    entry(
        np.roll,
        call=lambda x, shift=1, **kw: np.roll(x, shift, **kw),
        shapes=ARRAY,
        keywords={"shift": (-1, 0, 7), "axis": (0, -1, (0, 1), None)},
    ),
    entry(np.unstack, shapes=ARRAY, keywords={"axis": (-1, 1)}),
    entry(
        np.tile, call=lambda x, reps=2: np.tile(x, reps), shapes=ARRAY, keywords={"reps": ((2, 1), 1, 0, (2, 1, 1, 2))}
    ),
    entry(
        np.repeat,
        call=lambda x, repeats=2, **kw: np.repeat(x, repeats, **kw),
        shapes=ARRAY,
        keywords={"repeats": (3, [1, 2], 1, 0), "axis": (0, -1, None)},
    ),
    entry(
        np.resize,
        call=lambda x, new_shape=(2, 4): np.resize(x, new_shape),
        shapes=ARRAY,
        keywords={"new_shape": (3, (5, 3), ())},
        deviations={"new_shape=()": "a number where NumPy gives an array without axes"},
    ),
    entry(
        np.trim_zeros,
        shapes={"1-d": ((4,),), "2-d": ((2, 2),)},
        keywords={"trim": ("f", "b", "fb"), "axis": (0, None)},
        batch="the shape of the answer depends on the values",
    ),
    entry(
        np.lib.stride_tricks.sliding_window_view,
        call=lambda x, window_shape=2, **kw: np.lib.stride_tricks.sliding_window_view(x, window_shape, **kw),
        shapes={"1-d": ((4,),), "2-d": ((2, 3),), "3-d": ((2, 3, 2),)},
        keywords={"window_shape": ((2, 1), 1), "axis": (0, -1, (0, 1)), "subok": (False,), "writeable": (False,)},
    ),
    entry(
        np.apply_along_axis,
        call=lambda x, axis=0: np.apply_along_axis(lambda row: row * np.sum(row), axis, x),
        shapes=_NOT_EMPTY,
        keywords={"axis": (-1, 1)},
        unlisted=("func1d", "arr", "args", "kwargs"),
        ulps=2,
    ),
    entry(
        np.apply_over_axes,
        call=lambda x, axes=(0,): np.apply_over_axes(np.sum, x, axes),
        shapes=ARRAY,
        keywords={"axes": ((0, 2), (-1,))},
        unlisted=("func", "a"),
    ),
    entry(
        np.astype,
        call=lambda x, dtype=np.complex128, **kw: np.astype(x, dtype, **kw),
        shapes=ARRAY,
        keywords={"dtype": (np.complex128, np.float64, np.float32), "copy": (True, False), "device": (None, "cpu")},
    ),
]
