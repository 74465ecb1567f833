"""Cases of ``hodiff/ops/special_integrals.py``."""

from dataclasses import replace

import numpy as np
from scipy import special as sp

from cases.table import array, case, refused, special
from hodiff.errors import NoRuleError
from hodiff.ops import special_integrals as ops

_POSITIVE = array(4, low=0.4, high=3.0)
_WIDE = np.array([-4.0, -0.5, 0.7, 5.0])


def _of(function, x=_POSITIVE, scale=0.1, name="", **options):
    return case(f"special-{function.__name__}{name}", function, x, covers=function, scale=scale, **options)


def _parts(f):
    def parts(*args):
        out = f(args[0] + 1j * args[1]) if len(args) == 2 else f(args[0])
        return tuple(g(o) for o in (out if isinstance(out, tuple) else (out,)) for g in (np.real, np.imag))

    return parts


def _complex(function, x=0.9, y=0.8, name=""):
    args = (np.array([x, 1.3]), np.array([y, -1.2]))
    name = f"special-{function.__name__}-complex{name}"
    return case(name, _parts(function), *args, covers=function, scale=0.2, single=not name.endswith("far"))


def _lambertw(x, k=0):
    return ops.lambertw(x, k, 1e-8)


CASES = [
    *[_of(f) for f in (sp.exp1, sp.expi, sp.sici, sp.shichi, sp.dawsn, sp.spence, sp.fresnel)],
    _of(sp.expi, np.array([-2.0, -0.5]), name="-negative"),
    *[_of(f, np.array([-2.0, 0.7, 3.0]), name="-wide") for f in (sp.dawsn, sp.fresnel)],
    *[_complex(f) for f in (sp.exp1, sp.expi, sp.sici, sp.shichi, sp.dawsn, sp.spence, sp.fresnel, sp.wofz)],
    *[_complex(sp.wofz, x, y, name=f"-{i}-far") for i, (x, y) in enumerate(((8.0, 0.5), (3.0, 9.0)))],
    *[
        case(f"special-expn-{n}", lambda x, n=n: sp.expn(n, x), _POSITIVE, covers=sp.expn, scale=0.1)
        for n in (0, 1, 2, 5)
    ],
    case(
        "special-exponential-integral",
        lambda x: ops.exponential_integral(np.array([[-1], [2]]), x),
        _POSITIVE,
        covers=ops.exponential_integral,
        scale=0.1,
    ),
    _of(sp.dawsn, np.array([6.8, 7.3, -30.0]), name="-far"),
    case("special-algebraic", lambda x: ops.algebraic(x, order=0), np.array([8.0, -20.0]), covers=ops.algebraic),
    *[
        case(f"special-{f.__name__}", _parts(f), np.array([0.2, 0.6, 1.7]), covers=f, scale=0.2)
        for f in (sp.modfresnelp, sp.modfresnelm)
    ],
    # SciPy computes these to about eight digits.
    *[_of(f, name="-two", rtol=1e-3) for f in (sp.it2i0k0, sp.it2j0y0, sp.it2struve0)],
    case(
        "special-lambertw",
        lambda x: np.real(_lambertw(x)),
        np.array([-0.2, 0.5, 3.0]),
        covers=ops.lambertw,
        scale=0.05,
    ),
    case(
        "special-lambertw-complex",
        _parts(lambda z: _lambertw(z, np.array([1, -1]))),
        _POSITIVE[:2],
        -_POSITIVE[:2],
        covers=ops.lambertw,
        scale=0.1,
    ),
    replace(refused("order-expn", NoRuleError, lambda n: sp.expn(n, 1.5), 2.0), batch=False),
]

SPECIALS = [
    special("special-sici-zero", lambda x: sp.sici(x)[0], 0.0, 1.0, second=0.0),
    special("special-shichi-zero", lambda x: sp.shichi(x)[0], 0.0, 1.0, second=0.0),
    special("special-spence-one", sp.spence, 1.0, -1.0, second=0.5),
    special("special-dawsn-tail", sp.dawsn, 1e8, -5e-17, second=1e-24),
    special("special-it2struve0-zero", sp.it2struve0, 0.0, -2 / np.pi, second=0.0),
    special("special-it2i0k0-zero", lambda x: sp.it2i0k0(x)[0], 0.0, 0.0, second=0.25),
    special("special-lambertw-zero", lambda x: np.real(_lambertw(x)), 0.0, 1.0, second=-2.0),
    special("special-expi-tail", sp.exp1, 800.0, 0.0),
]
