"""Entries of ``hodiff/ops/elementwise.py`` and the elementwise functions of ``selection.py`` and ``waves.py``."""

import numpy as np

from matrix.table import ONE, OUT, TWO, Also, Per, entry

_REAL = ("float64", "float32")
_POINTS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, np.inf, -np.inf, np.nan, 1e-300, 3.0])
_PAIRS = tuple(np.meshgrid([0.0, -0.0, 1.0, -1.0, 2.0, np.inf, np.nan], [0.0, 1.0, -1.0, 3.0, -np.inf, np.nan]))

# At infinite bases and exponents the derivative is 0·∞, NaN, where the slope is 0.
_POWERS = tuple(np.meshgrid([0.0, -0.0, 1.0, -1.0, 2.0, np.nan], [0.0, 1.0, -1.0, 3.0, np.nan]))


def _mask(*operands):
    shape = np.broadcast_shapes(*(np.shape(x) for x in operands))
    if not shape:
        return True
    return np.arange(int(np.prod(shape))).reshape(shape) % 2 == 0


#: What every ufunc takes; with ``where`` alone elements of the answer are undefined.
KEYWORDS = {
    "dtype": (np.float64, np.complex128),
    "out": (OUT,),
    "where": (Also(Per(_mask), {"out": OUT}), Also(True, {"out": OUT})),
    "casting": ("same_kind",),
    "order": ("K", "C"),
    "subok": (True,),
}


def ufunc(function, *, shapes=ONE, low=-1.0, high=1.0, specials=None, real=False, more=None, **options):
    """Entry of a ufunc."""
    keywords = KEYWORDS | (more or {})
    if real:
        options.setdefault("dtypes", _REAL)
        keywords["dtype"] = (np.float64,)
    unary = function.nin == 1
    if specials is None:
        specials = (_POINTS,) if unary else (_PAIRS,)
    return entry(
        function, shapes=shapes if unary else TWO, low=low, high=high, specials=specials, keywords=keywords, **options
    )


ENTRIES = [
    *(ufunc(f) for f in (np.negative, np.positive, np.square, np.conjugate, np.exp, np.exp2, np.expm1, np.sin, np.cos)),
    *(ufunc(f) for f in (np.sinh, np.cosh, np.tanh, np.arcsinh)),
    *(ufunc(f, low=-0.7, high=0.7, scale=0.3) for f in (np.tan, np.arctan, np.arcsin, np.arccos, np.arctanh)),
    *(ufunc(f, low=0.5, high=2.0, scale=0.3) for f in (np.reciprocal, np.sqrt, np.log, np.log2, np.log10, np.log1p)),
    ufunc(np.arccosh, low=1.5, high=3.0, scale=0.3),
    ufunc(np.cbrt, low=0.5, high=2.0, scale=0.3, real=True),
    *(ufunc(f, real=True) for f in (np.deg2rad, np.radians, np.rad2deg, np.degrees)),
    *(ufunc(f, low=0.2, high=2.0, scale=0.3, real=f is np.fabs) for f in (np.fabs, np.sign)),
    ufunc(np.absolute, low=0.2, high=2.0, scale=0.3, more={"dtype": ()}),
    *(ufunc(f) for f in (np.add, np.subtract, np.multiply)),
    ufunc(np.divide, low=(-1.0, 0.5), high=(1.0, 2.0), scale=0.3),
    *(
        ufunc(
            f,
            low=(0.5, -2.0),
            high=(2.0, 2.0),
            scale=0.3,
            specials=(_POWERS,),
        )
        for f in (np.power, np.float_power)
    ),
    *(ufunc(f, low=(2.2, 1.4), high=(2.7, 1.9), scale=0.1, real=True) for f in (np.remainder, np.fmod)),
    ufunc(np.divmod, low=(2.2, 1.4), high=(2.7, 1.9), scale=0.1, real=True),
    *(ufunc(f, low=(0.2, 0.3), high=(1.0, 2.0), scale=0.3, real=True) for f in (np.copysign, np.hypot, np.arctan2)),
    *(ufunc(f, real=True) for f in (np.logaddexp, np.logaddexp2)),
    *(ufunc(f, low=(-1.0, 1.2), high=(1.0, 2.0), real=True) for f in (np.maximum, np.minimum, np.fmax, np.fmin)),
    ufunc(np.heaviside, low=0.2, high=1.0, scale=0.3, real=True),
    ufunc(np.modf, low=0.2, high=0.8, scale=0.3, real=True),
    ufunc(
        np.frexp,
        low=0.55,
        high=0.9,
        scale=0.3,
        real=True,
        refused={"out": "integers cannot be written into a plain array"},
    ),
    entry(
        np.ldexp,
        call=lambda x, **kw: np.ldexp(x, 3, **kw),
        keywords={"out": (OUT,), "where": (Also(Per(_mask), {"out": OUT}),), "casting": ("same_kind",)},
        dtypes=_REAL,
        specials=(_POINTS,),
    ),
    entry(np.nextafter, shapes=TWO, dtypes=_REAL, specials=(), rtol=1e-6),
    entry(np.real, specials=(_POINTS,)),
    entry(np.imag, specials=(_POINTS,)),
    entry(np.sinc, low=0.1, high=0.9, specials=(np.array([0.0, -0.0, 1.0, 2.5, 1e-9]),)),
    entry(
        np.i0,
        low=0.1,
        high=0.9,
        specials=(np.array([0.0, 1.0, -8.0, 1e-9]),),
        ulps=4,
        deviations={"0-d": "a number where NumPy gives an array without axes"},
    ),
    entry(np.angle, low=0.2, high=1.0, scale=0.3, keywords={"deg": (True, False)}),
    entry(
        np.real_if_close,
        keywords={"tol": (100, 1000)},
        batch="the dtype of the answer depends on the values",
        deviations={"scalar": "the value of a number is a number, not an array without axes"},
    ),
]
