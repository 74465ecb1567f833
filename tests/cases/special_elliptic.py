"""Cases of ``hodiff/ops/special_elliptic.py``."""

from dataclasses import replace

import numpy as np
from scipy import special as sp

from cases.table import array, case, refused, special
from hodiff.errors import NoRuleError
from hodiff.ops import special_elliptic as ops

_M = np.array([-3.0, 0.0, 0.4, 0.9])
_PHI = np.array([-2.0, 0.3, 1.2, 4.0])
_X, _Y, _Z, _P = (array(3, seed=i, low=0.5, high=2.0) for i in range(4))


def _of(function, *args, scale=0.1, name="", **options):
    return case(f"special-{function.__name__}{name}", function, *args, covers=function, scale=scale, **options)


CASES = [
    *[_of(f, _M, scale=0.05) for f in (sp.ellipk, sp.ellipe)],
    _of(sp.ellipkm1, np.array([0.1, 0.5, 2.0]), scale=0.05),
    *[_of(f, _PHI, _M, scale=0.05) for f in (sp.ellipkinc, sp.ellipeinc)],
    *[
        case(
            f"special-incomplete-{n}-{k}",
            lambda p, m, n=n, k=k: ops.incomplete(p, m, n=n, k=k),
            _PHI,
            _M,
            covers=ops.incomplete,
            scale=0.05,
        )
        for n, k in ((1, 1), (1, 2), (2, 3))
    ],
    _of(sp.ellipj, np.array([-1.0, 0.4, 1.9]), np.array([0.2, 0.4, 0.8]), scale=0.05),
    _of(sp.elliprc, _X, _Y),
    _of(sp.elliprc, _X, -_Y, name="-principal"),
    *[_of(f, _X, _Y, _Z) for f in (sp.elliprf, sp.elliprd, sp.elliprg)],
    _of(sp.elliprj, _X, _Y, _Z, _P),
    _of(sp.elliprd, _X, _X, _X, name="-equal"),
    case("special-degenerate", ops.degenerate, _X, _Y, covers=(ops.degenerate, ops.symmetric), scale=0.1),
    case("special-checked-parameter", lambda p: ops.checked_parameter(p), _P, covers=ops.checked_parameter),
    case(
        "special-elliprf-complex",
        lambda x, y: (np.real(sp.elliprf(x + 1j * y, 1.0, 2.0)), np.imag(sp.elliprf(x + 1j * y, 1.0, 2.0))),
        _X,
        _Y,
        covers=sp.elliprf,
        scale=0.1,
    ),
    replace(refused("elliprj-negative", NoRuleError, lambda x: sp.elliprj(x, 1.0, 2.0, -1.0), 0.5), batch=False),
]

_PI = np.pi

SPECIALS = [
    special("special-ellipk-zero", sp.ellipk, 0.0, _PI / 8, second=9 * _PI / 64),
    special("special-ellipe-zero", sp.ellipe, 0.0, -_PI / 8, second=-3 * _PI / 64),
    special("special-ellipe-one", sp.ellipe, 1.0, -np.inf),
    special("special-ellipkm1-tail", sp.ellipkm1, 1e-100, -5e99),
    # ∂F/∂m at m = 0 is (2φ - sin 2φ)/8.
    special(
        "special-ellipkinc-zero", sp.ellipkinc, (_PI / 2, 0.0), (1.0, _PI / 8), second=[[0, 0.5], [0.5, 9 * _PI / 64]]
    ),
    special("special-elliprf-equal", sp.elliprf, (1.0, 1.0, 1.0), (-1 / 6, -1 / 6, -1 / 6)),
]
