"""Cases of ``hodiff/ops/special_student.py``. The reference numbers are mpmath's, with 60 digits."""

import numpy as np
from scipy import special as sp

from cases.table import array, case, special
from hodiff.ops import special_student as ops

# ν, t, ∂F/∂ν, ∂F/∂t
_STUDENT = (
    (0.3, -40.0, -0.49680901129642646, 0.0008666393816826323),
    (1.0, -0.5, -0.033228965082101984, 0.25464790894703254),
    (5.0, 6.0, 0.0006388250275174585, 0.0006884815401374299),
    (5.0, 0.0001, 3.725402077974148e-07, 0.3796066875448543),
    (50.0, -3.0, -1.6720407135640352e-05, 0.00583106055835652),
    (1000.0, 1.0, 1.209248544598979e-07, 0.24184978955233824),
    (100000.0, -0.125, -1.2563176089368483e-12, 0.39583666666863027),
    (100000.0, 6.0, 3.382054597716692e-17, 6.0944837498303215e-09),
)

_DEGREES = np.array([0.7, 2.0, 40.0])
_P = array(3, low=0.25, high=0.75, seed=3)


def _of(function, *args, name="", scale=0.2, **options):
    covers = (function, getattr(ops, function.__name__))
    return case(f"student-{function.__name__}{name}", function, *args, covers=covers, scale=scale, **options)


CASES = [
    _of(sp.stdtr, _DEGREES, np.array([-1.3, 0.0, 2.0])),
    _of(sp.stdtr, _DEGREES[:, None], np.array([0.4, -6.0]), name="-broadcast"),
    _of(sp.stdtr, 3.0, 0.4, name="-0d"),
    _of(sp.stdtrit, _DEGREES, _P, scale=0.1, single=False),
    _of(sp.stdtridf, np.array([0.2, 0.78]), np.array([-1.0, 0.9]), scale=0.01, rtol=1e-4, single=False),
    case(
        "student-orders",
        lambda df, t: ops.student_slope(df, t, order=2) + ops.student_density(df, t, order=1),
        _DEGREES,
        np.array([-1.3, 0.0, 2.0]),
        covers=(ops.student_slope, ops.student_density),
        scale=0.2,
    ),
]

# Cauchy's law has one degree of freedom.
_MIXED = (2 * np.log(2.0) - 1) / (2 * np.pi)

SPECIALS = [
    *[special(f"stdtr-mpmath-{df}-{t}", sp.stdtr, (df, t), (slope, density)) for df, t, slope, density in _STUDENT],
    special(
        "stdtr-cauchy", lambda t: sp.stdtr(1.0, t), np.array([0.0, 1.0, -1e8]), np.array([1.0, 0.5, 1e-16]) / np.pi
    ),
    special("stdtr-zero", sp.stdtr, (1.0, 0.0), (0.0, 1 / np.pi), second=[[0.0, _MIXED], [_MIXED, 0.0]]),
    special("stdtr-infinite", sp.stdtr, (2.0, np.inf), (0.0, 0.0)),
]
