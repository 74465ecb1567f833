"""Cases of ``hodiff/ops/special_elementary.py``."""

import numpy as np
from scipy import special as sp

from cases.table import array, case, special
from hodiff.ops import special_elementary as ops

_X = array(4, low=0.5, high=3.0)
_L = np.array([-0.7, 0.0, 0.4, 1e-9])
_Y = array(4, low=-0.6, high=0.9, seed=1)
_WIDE = np.array([-90.0, -31.0, -4.0, -1e-9, 0.0, 0.3, 20.0, 31.0])


def _of(function, *args, name="", scale=0.2, **options):
    covers = (function, getattr(ops, function.__name__, function))
    return case(f"elementary-{function.__name__}{name}", function, *args, covers=covers, scale=scale, **options)


CASES = [
    _of(sp.exprel, _WIDE[:7], scale=0.3),
    case("elementary-exprel-right", lambda x: sp.exprel(x) * np.exp(-x), _WIDE[5:], covers=sp.exprel, scale=0.3),
    case("elementary-exprel-slope", lambda x: ops.exprel_slope(x, order=2), _WIDE[:6], covers=ops.exprel_slope),
    case(
        "elementary-log1p-ratio",
        lambda x: ops.log1p_ratio(x, order=1),
        np.array([-0.8, -0.3, 0.0, 0.7, 2.0, 50.0]),
        covers=ops.log1p_ratio,
        scale=0.1,
    ),
    *[_of(f, _X, _L) for f in (sp.boxcox, sp.boxcox1p)],
    *[_of(f, _Y, _L, scale=0.1) for f in (sp.inv_boxcox, sp.inv_boxcox1p)],
    _of(sp.powm1, _X, _L),
    *[_of(f, np.array([-200.0, 31.0, 75.0]), scale=10.0) for f in (sp.sindg, sp.cosdg)],
    *[_of(f, np.array([-200.0, 31.0, 75.0]), scale=3.0) for f in (sp.tandg, sp.cotdg)],
    _of(sp.radian, np.array([30.0, -5.0]), np.array([12.0, 3.0]), np.array([7.0, 40.0])),
    case(
        "elementary-round", lambda x: sp.round(x) * x, np.array([0.3, 1.6]), covers=(sp.round, ops.rounded), scale=0.1
    ),
    _of(sp.huber, np.array([0.8, 1.0, 1.2]), np.array([0.3, -2.0, 2.5]), scale=0.1),
    _of(sp.pseudo_huber, np.array([0.8, 1.0, 1.2]), np.array([0.3, -2.0, 0.0])),
    _of(sp.agm, np.array([1.0, 3.0, 2.0]), np.array([1.0, 0.4, 20.0])),
    _of(sp.agm, np.array([-1.0, -0.3]), np.array([-1.5, -2.0]), name="-negative", scale=0.1),
]

SPECIALS = [
    special("boxcox1p-end", lambda x: sp.boxcox1p(x, 1.0), -1.0, 1.0),
    special("exprel-zero", sp.exprel, 0.0, 0.5, second=1 / 3),
    special(
        "boxcox-limit", sp.boxcox, (np.e, 0.0), (1 / np.e, 0.5), second=[[-np.exp(-2), 1 / np.e], [1 / np.e, 1 / 3]]
    ),
    special("boxcox-zero", lambda lmbda: sp.boxcox(0.0, lmbda), 2.0, 0.25, second=-0.25),
    special("inv-boxcox-limit", sp.inv_boxcox, (1.0, 0.0), (np.e, -0.5 * np.e)),
    special("inv-boxcox1p-limit", sp.inv_boxcox1p, (1.0, 0.0), (np.e, -0.5 * np.e)),
    special("powm1-zero", sp.powm1, (0.0, 2.0), (0.0, 0.0)),
    special("powm1-zeros", lambda x: sp.powm1(x, 0.0), 0.0, 0.0),
    special("cosdg-exact", sp.cosdg, np.array([0.0, 180.0]), np.zeros(2)),
    special("huber-bound", sp.huber, (1.0, np.array([1.0, -3.0])), (2.0, np.array([1.0, -1.0]))),
    special("huber-negative", sp.huber, (-1.0, 2.0), (np.nan, np.nan)),
    special("pseudo-huber-zero", sp.pseudo_huber, (0.0, 0.0), (0.0, 0.0)),
    special("pseudo-huber-large", sp.pseudo_huber, (1.0, 1e200), (1e200, 1.0)),
    special("agm-equal", sp.agm, (2.0, 2.0), (0.5, 0.5), second=np.array([[-1.0, 1.0], [1.0, -1.0]]) / 16),
]
