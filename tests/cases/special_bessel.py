"""Cases of ``hodiff/ops/special_bessel.py``."""

from dataclasses import replace

import numpy as np
from scipy import special as sp

import hodiff as hd
from cases.table import array, case, refused, special
from hodiff.errors import NoRuleError
from hodiff.ops import special_bessel as ops

_POSITIVE = array(4, low=0.8, high=3.0)
_WIDE = np.array([-4.0, -0.5, 0.7, 5.0])
_Z = 0.6 + 0.8j


def _unary(function, x=_POSITIVE, scale=0.3, name="", **options):
    return case(f"special-{function.__name__}{name}", function, x, covers=function, scale=scale, **options)


def _order(function, v, x=_POSITIVE, scale=0.2, name="", **options):
    return case(
        f"special-{function.__name__}-{v}{name}", lambda x: function(v, x), x, covers=function, scale=scale, **options
    )


def _parts(f):
    """Real and imaginary parts along the real and the imaginary direction."""

    def parts(x, y):
        out = f(x + 1j * y)
        outs = out if isinstance(out, tuple) else (out,)
        return tuple(part(o) for o in outs for part in (np.real, np.imag))

    return parts


def _complex(function, *orders, x=0.9, y=0.8, scale=0.2, name=""):
    return case(
        f"special-{function.__name__}-complex{name}",
        _parts(lambda z: function(*orders, z)),
        np.array([x, 1.3]),
        np.array([y, -1.2]),
        covers=function,
        scale=scale,
    )


def _real(f):
    """Parts of the complex answers at real points."""
    return lambda x: tuple(
        part(o) for out in [f(x)] for o in (out if isinstance(out, tuple) else (out,)) for part in (np.real, np.imag)
    )


def _order_refused(f, v):
    return replace(refused(f"order-{f.__name__}", NoRuleError, lambda v: f(v, 1.5), v), batch=False)


def _parameter_refused(f, slot):
    def function(v):
        return f(*(v if j == slot else 1.5 for j in range(3)))

    return replace(refused(f"{f.__name__}-{slot}", NoRuleError, function, 0.5), batch=False)


_PLAIN = (sp.jv, sp.yv, sp.iv, sp.kv)
_SCALED = (sp.jve, sp.yve, sp.ive, sp.kve)
_HANKEL = (sp.hankel1, sp.hankel2, sp.hankel1e, sp.hankel2e)

CASES = [
    *[_unary(f, _WIDE, 0.5) for f in (sp.j0, sp.j1, sp.i0, sp.i1)],
    *[_unary(f, scale=0.2) for f in (sp.y0, sp.y1, sp.k0, sp.k1, sp.k0e, sp.k1e)],
    *[_unary(f, _WIDE) for f in (sp.i0e, sp.i1e)],
    *[_order(f, v) for f in (*_PLAIN, *_SCALED) for v in (2.0, 0.5)],
    *[_order(f, 3.0, np.array([45.0, 39.0, 300.0]), 1.0, "-far") for f in (sp.ive, sp.kve)],
    _unary(sp.i1e, np.array([-300.0, -41.0, 50.0]), 1.0, "-far"),
    *[_complex(f, 1.5) for f in (*_PLAIN, *_SCALED, *_HANKEL)],
    *[_complex(f, 1.5, x=60.0, scale=1.0, name="-far") for f in (sp.kve, sp.hankel1e, sp.hankel2e)],
    *[
        case(f"special-{f.__name__}-real", _real(lambda x, f=f: f(0.5, x)), _POSITIVE, covers=f, scale=0.2)
        for f in _HANKEL
    ],
    case(
        "special-hankel-sum",
        lambda x: ops.hankel_sum(1.5, x, order=0, turn=-1.0),
        np.array([50.0, 90.0]),
        covers=ops.hankel_sum,
    ),
    *[_order(f, n) for f in (sp.yn, sp.kn) for n in (0, 1, 3)],
    case("special-jv-orders", lambda x: sp.jv(np.array([[0.0], [1.0]]), x), _POSITIVE, covers=sp.jv, scale=0.3),
    # --- Airy functions
    _unary(sp.airy, _WIDE),
    _complex(sp.airy),
    _unary(sp.airye),
    case("special-airye-second-kind", lambda x: sp.airye(x)[2:], _WIDE, covers=sp.airye, scale=0.2),
    _unary(sp.airye, np.array([9.8, 10.3, 40.0]), name="-far"),
    _complex(sp.airye),
    # SciPy computes it to seven digits.
    _unary(sp.itairy, np.array([-1.5, -0.5, 0.7, 2.0]), rtol=1e-3),
    # --- Kelvin functions
    *[_unary(f, _WIDE) for f in (sp.ber, sp.bei, sp.berp, sp.beip)],
    *[_unary(f, scale=0.2) for f in (sp.ker, sp.kei, sp.kerp, sp.keip)],
    case("special-kelvin", _real(sp.kelvin), _POSITIVE, covers=sp.kelvin, scale=0.2),
    # --- Struve functions and integrals
    *[_order(f, v, scale=0.3) for f in (sp.struve, sp.modstruve) for v in (0.0, 1.5)],
    *[_order(f, 1.0, np.array([0.1, 0.4]), 0.05, "-small") for f in (sp.struve, sp.modstruve)],
    _order(sp.struve, 1.0, np.array([7.5, 9.0, 30.0]), 0.5, "-far"),
    *[_unary(f, scale=0.3) for f in (sp.itstruve0, sp.itmodstruve0, sp.iti0k0, sp.itj0y0)],
    # --- Wright's functions
    case("special-wright_bessel", lambda x: sp.wright_bessel(0.5, 1.2, x), _POSITIVE, covers=sp.wright_bessel),
    case(
        "special-log_wright_bessel", lambda x: sp.log_wright_bessel(0.5, 1.2, x), _POSITIVE, covers=sp.log_wright_bessel
    ),
    _unary(sp.wrightomega, _WIDE),
    _complex(sp.wrightomega),
    *[
        case(
            f"special-besselpoly-{nu}",
            lambda a, nu=nu: sp.besselpoly(a, 0.5, nu),
            np.array([0.3, 0.5, 1.5]),
            covers=sp.besselpoly,
            scale=0.2,
        )
        for nu in (0.0, 1.0, 2.5)
    ],
    *[
        _order_refused(f, v)
        for f in (*_PLAIN, *_SCALED, *_HANKEL, sp.struve, sp.modstruve, sp.yn, sp.kn)
        for v in [2.0 if f in (sp.yn, sp.kn) else 0.5]
    ],
    *[
        _parameter_refused(f, slot)
        for f, slots in ((sp.wright_bessel, (0, 1)), (sp.log_wright_bessel, (0, 1)), (sp.besselpoly, (1, 2)))
        for slot in slots
    ],
]

SPECIALS = [
    special("special-i1-zero", sp.i1, np.array([0.0]), np.array([0.5]), second=[[0.0]]),
    special("special-jv-zero", lambda x: sp.jv(1.0, x), np.array([0.0]), np.array([0.5]), second=[[0.0]]),
    special("special-i0e-kink", sp.i0e, 0.0, 0.0),
    # e^x K₀(x) = √(π/2x) (1 - 1/8x + …)
    special("special-k0e-tail", sp.k0e, 1e12, -6.266570686577501e-19, second=9.39985602986625e-31),
    special("special-i0e-tail", sp.i0e, -1e12, 1.9947114020071637e-19, second=2.9920671030107455e-31),
    special("special-bei-zero", sp.bei, np.array([0.0]), np.array([0.0]), second=[[0.5]]),
    special("special-ber-zero", sp.ber, np.array([0.0]), np.array([0.0]), second=[[0.0]]),
    special("special-struve-zero", lambda x: sp.struve(0.0, x), np.array([0.0]), np.array([2 / np.pi]), second=[[0.0]]),
    special("special-wrightomega-tail", sp.wrightomega, np.array([-50.0]), np.exp([-50.0])),
    special("special-jv-float-order", lambda x: hd.grad(lambda y: sp.jv(0.0, y))(x), 0.0, -0.5),
]
