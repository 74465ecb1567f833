"""Cases of ``hodiff/ops/special_bessel.py``."""

import numpy as np
from scipy import special as sp

from cases.table import array, case, special

_POSITIVE = array(4, low=0.8, high=3.0)
_WIDE = np.array([-4.0, -0.5, 0.7, 5.0])


def _unary(function, x, scale=0.5, name="", **options):
    return case(f"special-{function.__name__}{name}", function, x, covers=function, scale=scale, **options)


def _order(function, v, x, scale=0.3):
    return case(f"special-{function.__name__}-{v}", lambda x: function(v, x), x, covers=function, scale=scale)


CASES = [
    *[_unary(f, _WIDE) for f in (sp.j0, sp.j1, sp.i0, sp.i1)],
    *[_unary(f, _POSITIVE, 0.2) for f in (sp.y0, sp.y1, sp.k0, sp.k1)],
    *[_order(f, v, _POSITIVE) for f in (sp.jv, sp.iv) for v in (2.0, 0.5)],
    *[_order(f, v, _POSITIVE, 0.2) for f in (sp.yv, sp.kv) for v in (2.0, 0.5)],
]

SPECIALS = [
    special("special-i1-zero", sp.i1, np.array([0.0]), np.array([0.5]), second=[[0.0]]),
]
