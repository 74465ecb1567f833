"""Entries of ``hodiff/ops/signal.py`` and ``polynomials.py``."""

import numpy as np

from matrix.table import ARRAY, entry

_REAL = ("float64", "float32")
_SCALAR = {"scalar": "the number itself where NumPy gives an array without axes"}
_TWO = {"1-d": ((4,), (3,)), "equal": ((3,), (3,)), "0-d": ((), ()), "short": ((2,), (4,)), "empty": ((0,), (2,))}
_POLYNOMIALS = {"1-d": ((3,), (2,)), "equal": ((3,), (3,)), "0-d": ((), ())}

ENTRIES = [
    *(
        entry(
            f,
            shapes=_TWO,
            keywords={"mode": ("same", "valid", "full")},
            ulps=4,
            lax={"0-d": "a number is taken as one element, as by np.convolve"},
        )
        for f in (np.convolve, np.correlate)
    ),
    entry(
        np.interp,
        call=lambda x, xp, fp, **kw: np.interp(x, xp, fp, **kw),
        shapes={
            "1-d": ((3,), (4,), (4,)),
            "0-d": ((), (4,), (4,)),
            "2-d": ((2, 2), (4,), (4,)),
            "empty": ((0,), (4,), (4,)),
        },
        prepare=lambda x, xp, fp: (0.9 * x + 0.02, np.linspace(-1.0, 1.0, 4), fp),
        dtypes=_REAL,
        scale=0.05,
        ulps=4,
        keywords={"left": (0.5,), "right": (-0.5,), "period": (2.6,)},
    ),
    entry(
        np.diff,
        shapes=ARRAY,
        keywords={"n": (2, 0, 1), "axis": (0, -1), "prepend": (0.5,), "append": (-0.5,)},
    ),
    entry(np.ediff1d, shapes=ARRAY, keywords={"to_end": (0.5, [1.0, 2.0]), "to_begin": (-0.5, [1.0, 2.0])}),
    entry(np.trapezoid, shapes=ARRAY, keywords={"dx": (0.5,), "axis": (0, -1)}, ulps=4, unlisted=("x",)),
    entry(np.trapezoid, name="trapezoid of two", shapes={"1-d": ((4,), (4,)), "2-d": ((2, 3), (3,))}, ulps=4),
    entry(
        np.gradient,
        shapes=ARRAY,
        keywords={"axis": (0, -1, (0, 1), None), "edge_order": (2, 1)},
        unlisted=("varargs",),
        ulps=4,
    ),
    entry(
        np.gradient,
        name="gradient of two",
        call=lambda f, x, **kw: np.gradient(f, x, **kw),
        shapes={"1-d": ((4,), (4,)), "0-d": ((4,), ())},
        prepare=lambda f, x: (f, np.linspace(0.0, 3.0, 4) + 0.2 * x if x.ndim else x + 2.0),
        keywords={"edge_order": (2, 1), "axis": (0,)},
        scale=0.1,
        ulps=8,
    ),
    entry(
        np.polyval,
        shapes={"1-d": ((3,), (4,)), "0-d": ((3,), ()), "2-d": ((3,), (2, 2)), "empty": ((0,), (2,))},
        ulps=4,
    ),
    *(entry(f, shapes=_POLYNOMIALS, ulps=4) for f in (np.polyadd, np.polysub, np.polymul)),
    entry(
        np.polydiv,
        shapes={"1-d": ((4,), (2,)), "equal": ((3,), (3,))},
        low=(-1.0, 0.5),
        high=(1.0, 1.5),
        scale=0.3,
        ulps=8,
        deviations={"float32": "NumPy keeps the zeros that rounding has spoilt in the remainder"},
    ),
    entry(
        np.polyder,
        shapes={"1-d": ((4,),), "0-d": ((),), "empty": ((0,),)},
        keywords={"m": (2, 0, 5)},
        lax={"m=0": "NumPy asks for the length of a number"},
    ),
    entry(
        np.polyint,
        shapes={"1-d": ((4,),), "0-d": ((),)},
        keywords={"m": (2, 0), "k": (0.5, 1.5)},
        ulps=2,
        deviations=_SCALAR,
    ),
    entry(
        np.roots,
        shapes={"1-d": ((4,),)},
        low=0.5,
        high=3.0,
        scale=0.1,
        ulps=64,
        dtypes=("float64", "float32", "complex128"),
    ),
    entry(np.poly, shapes={"1-d": ((3,),), "2-d": ((2, 2),), "empty": ((0,),)}, dtypes=_REAL, ulps=16),
    entry(
        np.polyfit,
        call=lambda x, y, deg=2, **kw: np.polyfit(x, y, deg, **kw),
        shapes={"1-d": ((6,), (6,)), "2-d": ((6,), (6, 2))},
        dtypes=_REAL,
        ulps=256,
        scale=0.1,
        single=5e-2,
        keywords={
            "deg": (1, 0),
            "rcond": (1e-12,),
            "full": (True,),
            "w": (np.array([1.0, 2.0, 1.0, 0.5, 1.0, 1.0]),),
            "cov": ("unscaled", True),
        },
        deviations={"full": "the rank is an array without axes, not a number"},
    ),
]
