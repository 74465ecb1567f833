"""Cases of ``hodiff/ops/polynomials.py``."""

import numpy as np

import hodiff.ops.polynomials as ops
from cases.table import array, case, refused, special
from hodiff.errors import ConversionError

_P = array(5, seed=1)
_Q = array(3, seed=2, low=0.3)
_X = array(2, 3, seed=3)
_MATRIX = array(3, 3, seed=4)
_TIMES = np.linspace(-1.0, 1.0, 6) + 0.05 * array(6, seed=5)
_DATA = array(6, seed=6)
_WEIGHTS = array(6, seed=7, low=0.5)
# Roots 1, 2.5, -1.3.
_CUBIC = np.array([1.0, -2.2, -2.05, 3.25])
_SUMS = (np.polyadd, np.polysub, np.polymul)


def _fit(name, function, *args, **options):
    return case(f"polyfit-{name}", function, *args, covers=np.polyfit, scale=0.2, **options)


CASES = [
    # --- polyval
    case("polyval", np.polyval, _P, _X, covers=np.polyval),
    case("polyval-scalar", lambda p, x: np.polyval(p, x) ** 2, _P, 0.3, covers=np.polyval, scale=0.3),
    case("polyval-list", lambda x: np.polyval([1, -2, 3], x), _X, covers=np.polyval),
    case("polyval-at-list", lambda p: np.polyval(p, [1.0, -2.0]) ** 2, _P, covers=np.polyval),
    case("polyval-columns", lambda p: np.polyval(p, 0.5) ** 2, _X, covers=np.polyval),
    case("polyval-poly1d", lambda x: np.polyval(np.poly1d([1.0, 2.0, 0.5]), x), _X, covers=np.polyval),
    case("polyval-complex", lambda p: np.imag(np.polyval(p, _X + 1j)), _P, covers=np.polyval),
    case("polyval-empty", lambda p: np.polyval(p[:0], _X) + p[0], _P, covers=np.polyval),
    case("poly1d", lambda p, x: np.poly1d(p)(x) ** 2, _P, _X, covers=np.polyval, batch=False),
    refused("polyval-at-poly1d", ConversionError, lambda p: np.polyval(p, np.poly1d([1.0, 2.0])), _P),
    # --- sums and products
    *(
        case(f"{f.__name__}-{u.size}-{v.size}", lambda u, v, f=f: f(u, v) ** 2, u, v, covers=f)
        for f in _SUMS
        for u, v in ((_P, _Q), (_Q, _P), (_Q, _Q))
    ),
    *(case(f"{f.__name__}-scalar", lambda p, s, f=f: f(p, s) ** 2, _P, 0.7, covers=f) for f in _SUMS),
    *(case(f"{f.__name__}-list", lambda p, f=f: f([0, 1, 2], p) ** 2, _Q[:2], covers=f) for f in _SUMS),
    *(
        refused(f"{f.__name__}-poly1d", ConversionError, lambda p, f=f: f(np.poly1d([1.0, 2.0]), p), _P)
        for f in (*_SUMS, np.polydiv)
    ),
    case("polymul-empty", lambda p: np.polymul(p[:0], p) + p, _P, covers=np.polymul),
    refused("polydiv-empty", IndexError, lambda p: np.polydiv(p[:0], p), _P),
    case("polydiv", np.polydiv, _P, _Q, covers=np.polydiv),
    case("polydiv-short", lambda u, v: np.polydiv(u, v)[1] ** 2 + np.polydiv(u, v)[0], _Q, _P, covers=np.polydiv),
    case(
        "polydiv-scalar",
        lambda u, v: np.polydiv(u, v)[0] ** 2 + np.polydiv(u, v)[1],
        _P,
        0.7,
        covers=np.polydiv,
        scale=0.1,
    ),
    case("polydiv-list", lambda v: np.polydiv([1, 2, 3], v), _Q[:2], covers=np.polydiv, scale=0.1),
    case("polydiv-exact", lambda v: np.polydiv(np.polymul(v, [1.0, 2.0]), v)[0], _Q, covers=np.polydiv),
    # --- derivatives and integrals
    *(case(f"polyder-{m}", lambda p, m=m: np.polyder(p, m) ** 2, _P, covers=np.polyder) for m in (1, 2, 4)),
    *(case(f"polyint-{m}", lambda p, m=m: np.polyint(p, m) ** 2, _P, covers=np.polyint) for m in (1, 2)),
    case("polyder-none", lambda p: np.polyder(p, 0) ** 2, _P, covers=np.polyder),
    case("polyint-none", lambda p: np.polyint(p, 0) ** 2, _P, covers=np.polyint),
    case("polyint-constant", lambda p: np.polyint(p, 2, k=0.5) ** 2, _P, covers=np.polyint),
    case("polyint-constants", lambda p: np.polyint(p, 2, k=p[:2] ** 2), _P, covers=np.polyint),
    refused("polyder-negative", ValueError, lambda p: np.polyder(p, -1), _P),
    refused("polyint-negative", ValueError, lambda p: np.polyint(p, -1), _P),
    refused("polyint-few-constants", ValueError, lambda p: np.polyint(p, 3, k=[1.0, 2.0]), _P),
    # --- roots and poly
    case("roots", lambda p: np.sort(np.roots(p)), _CUBIC, covers=(np.roots, ops.polynomial_roots), scale=0.2),
    case(
        "roots-complex",
        lambda p: np.real(np.roots(p) * (1 - 2j)),
        np.array([1.0, 0.2, 3.0]),
        covers=np.roots,
        scale=0.2,
    ),
    case(
        "roots-of-complex",
        lambda p: np.imag(np.roots(p * (1 + 1j) - 1j)),
        np.array([1.0, 0.3, 2.0]),
        covers=np.roots,
        scale=0.2,
        rtol=1e-5,
    ),
    refused("roots-matrix", ValueError, np.roots, _X),
    case("poly", lambda z: np.poly(z) ** 2, _P, covers=np.poly),
    case("poly-list", lambda z: np.poly([z[0], z[1] ** 2]), _P, covers=np.poly),
    case("poly-complex", lambda z: np.imag(np.poly(z * (1 + 1j))), _Q, covers=np.poly, batch=False),
    case(
        "poly-conjugates",
        lambda z: np.poly(np.concatenate((z + 1j, z - 1j))),
        _Q[:2],
        covers=np.poly,
        batch=False,
    ),
    case("poly-none", lambda z: np.poly(z[:0]) * z, _Q, covers=np.poly),
    case("poly-matrix", np.poly, _MATRIX, covers=(np.poly, ops.characteristic), rtol=1e-5),
    refused("poly-shape", ValueError, np.poly, _X),
    # --- polyfit
    case(
        "polyfit-all",
        lambda x, y, w: np.polyfit(x, y, 2, w=w),
        *(_TIMES, _DATA, _WEIGHTS),
        covers=(np.polyfit, ops.rank_checked),
        scale=0.2,
    ),
    _fit("values", lambda y: np.polyfit(_TIMES, y, 2) ** 2, _DATA),
    _fit("points", lambda x: np.polyfit(x, _DATA, 1) ** 2, _TIMES),
    _fit("weights", lambda w: np.polyfit(list(_TIMES), list(_DATA), 1, w=w) ** 2, _WEIGHTS),
    _fit("constant", lambda x, y: np.polyfit(x, y, 0, rcond=1e-12) ** 2, _TIMES, _DATA),
    _fit("columns", lambda y: np.polyfit(_TIMES, np.stack((y, y * y), axis=1), 1, w=_WEIGHTS), _DATA),
    _fit("covariance", lambda x, y, w: np.polyfit(x, y, 1, w=w, cov=True), _TIMES, _DATA, _WEIGHTS, rtol=1e-5),
    _fit("covariance-unscaled", lambda x: np.polyfit(x, _DATA, 1, cov="unscaled")[1], _TIMES, rtol=1e-5),
    _fit("covariance-columns", lambda y: np.polyfit(_TIMES, np.stack((y, y * y), axis=1), 1, cov=True)[1], _DATA),
    _fit("full", lambda y: np.polyfit(_TIMES, y, 1, full=True)[:2], _DATA),
    refused("polyfit-degree", ValueError, lambda y: np.polyfit(_TIMES, y, -1), _DATA),
    refused("polyfit-points-axes", TypeError, lambda y: np.polyfit(np.eye(6), y, 1), _DATA),
    refused("polyfit-empty", TypeError, lambda y: np.polyfit([], y[:0], 1), _DATA),
    refused("polyfit-values-axes", TypeError, lambda y: np.polyfit(_TIMES, np.reshape(y, (6, 1, 1)), 1), _DATA),
    refused("polyfit-lengths", TypeError, lambda y: np.polyfit(_TIMES[:5], y, 1), _DATA),
    refused("polyfit-weight-axes", TypeError, lambda y: np.polyfit(_TIMES, y, 1, w=np.eye(6)), _DATA),
    refused("polyfit-weight-length", TypeError, lambda y: np.polyfit(_TIMES, y, 1, w=np.ones(5)), _DATA),
    refused("polyfit-few-points", ValueError, lambda y: np.polyfit(_TIMES[:2], y[:2], 1, cov=True), _DATA),
]

_JORDAN = np.array([[1.0, 1.0], [0.0, 1.0]])

SPECIALS = [
    # λ² - tr(A) λ + det(A), smooth at equal eigenvalues too.
    special(
        "poly-double-eigenvalue",
        lambda a: np.poly(a)[2],
        _JORDAN,
        np.array([[1.0, 0.0], [-1.0, 1.0]]),
        second=np.array([[0.0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]),
    ),
    special("poly-double-root", lambda z: np.poly(z)[2], np.zeros(2), np.zeros(2), second=np.array([[0.0, 1], [1, 0]])),
    # Leading zeros that are traced stay.
    special(
        "polymul-leading-zero",
        lambda p: np.polyval(np.polymul(p, [1.0, 1.0]), 2.0),
        np.array([0.0, 1.0]),
        np.array([6.0, 3.0]),
    ),
    special(
        "polydiv-no-remainder",
        lambda u: np.polyval(np.polydiv(u, [1.0, 0.0, 1.0])[1], 2.0),
        np.array([1.0, 0.0, 1.0]),
        np.array([-1.0, 2.0, 1.0]),
    ),
    special(
        "roots-leading-zero", lambda p: np.sum(np.roots(p)), np.array([0.0, 1.0, -2.0]), np.array([-4.0, -2.0, -1.0])
    ),
    special(
        "roots-zero",
        lambda p: np.sum(np.roots(p)),
        np.array([1.0, -2.0, 0.0]),
        np.array([-2.0, -1.0, 0.0]),
    ),
]
