"""Cases of ``hodiff/ops/waves.py``."""

import numpy as np

import hodiff.ops.waves as ops
from cases.table import array, case, refused, special

_X = array(2, 3, seed=1)
_Y = array(3, 3, seed=2)
_PHASES = np.array([[0.2, 3.5, 6.1, 0.4], [1.0, 5.9, 0.1, 3.3], [6.0, 0.3, 2.9, 5.5]])


def _quiet_cross(a, b, **keywords):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.cross(a, b, **keywords)


CASES = [
    # --- sinc and i0
    case("sinc", lambda x: np.sinc(x), 3 * _X, covers=(np.sinc, ops.spherical_wave), scale=0.3),
    case("sinc-scalar", lambda x: np.sinc(x) ** 2, 0.3, covers=np.sinc, scale=0.3),
    case("sinc-near-zero", np.sinc, np.array([0.0, 1e-9, -1e-5, 1e-160]), covers=np.sinc, scale=0.3),
    case("sinc-complex", lambda x: np.imag(np.sinc(x * (1 + 1j))), _X, covers=np.sinc, scale=0.3),
    case("sinc-third", lambda x: ops.spherical_wave(x, n=2), _X, covers=ops.spherical_wave, scale=0.3),
    case("i0", lambda x: np.i0(x) ** 2, 3 * _X, covers=np.i0),
    refused("i0-complex", TypeError, lambda x: np.i0(x + 1j), 0.5),
    # --- angle, unwrap, real_if_close
    case("angle", lambda x: np.angle(x + 2 + 1j * x * x), _X, covers=np.angle, scale=0.1),
    case("angle-deg", lambda x: np.angle(np.exp(1j * x) + 0.5, deg=True), _X, covers=np.angle, scale=0.3),
    case("angle-real", lambda x: np.angle(x) * x, _X, covers=(np.angle, ops.real_angle), scale=0.02),
    *(
        case(
            f"unwrap-{axis}",
            lambda p, axis=axis: np.unwrap(p, axis=axis) ** 2,
            _PHASES,
            covers=(np.unwrap, ops.unwrap_turns),
            scale=0.02,
        )
        for axis in (0, 1, -1)
    ),
    case("unwrap-discont", lambda p: np.unwrap(p, 4.0) ** 2, _PHASES, covers=np.unwrap, scale=0.02),
    case("unwrap-period", lambda p: np.unwrap(p, period=4) ** 2, _PHASES, covers=np.unwrap, scale=0.02),
    case(
        "unwrap-traced-period",
        lambda p, t: np.unwrap(p + 0 * t, period=t) ** 2,
        _PHASES,
        4.1,
        covers=np.unwrap,
        scale=0.02,
        batch=False,
    ),
    case("unwrap-empty", lambda p: np.unwrap(p) ** 2, np.zeros((2, 0)), covers=np.unwrap),
    case(
        "real-if-close",
        lambda x: np.real_if_close(x * (1 + 1e-15j)) ** 2 * np.real_if_close(x),
        _X,
        covers=np.real_if_close,
        batch=False,
        single=False,
    ),
    case(
        "real-if-close-not",
        lambda x: np.imag(np.real_if_close(x * (1 + 1e-3j), tol=1e-6)) ** 2,
        _X,
        covers=np.real_if_close,
        batch=False,
    ),
    # --- cross and kron
    *(
        case(f"cross-{m}-{n}", _quiet_cross, _Y[:, :m], _X[:1, :n], covers=np.cross)
        for m, n in ((3, 3), (2, 3), (3, 2), (2, 2))
    ),
    case("cross-vectors", lambda a: np.cross(a, [1.0, 2.0, 3.0]) ** 2, _Y[0], covers=np.cross),
    case("cross-axes", lambda a, b: np.cross(a, b, 0, 1, 0) ** 2, _Y[:, :2], _X, covers=np.cross),
    case("cross-axis", lambda a, b: np.cross(a, b, axis=0) ** 2, _Y, 2 * _Y, covers=np.cross),
    case("cross-complex", lambda a, b: np.imag(np.cross(a * 1j, b + 1j)), _Y, _Y[0], covers=np.cross),
    refused("cross-scalar", ValueError, lambda a: np.cross(a[0, 0], a), _Y),
    refused("cross-length", ValueError, lambda a: np.cross(a[:, :1], a), _Y),
    case("linalg-cross", lambda a, b: np.linalg.cross(a, b) ** 2, _Y, _X[0], covers=np.linalg.cross),
    case("linalg-cross-axis", lambda a: np.linalg.cross(a, a**2, axis=0), _Y, covers=np.linalg.cross),
    refused("linalg-cross-length", ValueError, lambda a: np.linalg.cross(a[:, :2], a[:, :2]), _Y),
    case("kron", np.kron, _X, _Y[:2], covers=np.kron),
    case("kron-different-axes", lambda a, b: np.kron(a[None], b) ** 2, _X, _Y[0], covers=np.kron),
    case("kron-more-axes", lambda a, b: np.kron(a, b[None, :, None]), _X, _Y[0], covers=np.kron),
    case("kron-scalar", lambda a, b: np.kron(a, b), 0.3, _X, covers=np.kron),
    case("kron-scalars", lambda a, b: np.kron(a, b), 0.3, 0.7, covers=np.kron),
    case("kron-list", lambda a: np.kron([[1, 2], [3, 4]], a) ** 2, _X, covers=np.kron),
]

_PI2 = np.pi**2

SPECIALS = [
    special("sinc-zero", np.sinc, 0.0, 0.0, second=-_PI2 / 3),
    special("sinc-tiny", np.sinc, 1e-9, -_PI2 / 3 * 1e-9, second=-_PI2 / 3),
    # (cos πx - sinc x) / x at 1/2, and the series to x³ near 0.
    special("sinc-half", np.sinc, 0.5, -4 / np.pi),
    special("sinc-small", np.sinc, -1e-3, _PI2 / 3 * 1e-3 - np.pi**4 / 30 * 1e-9 + np.pi**6 / 840 * 1e-15),
    special("i0-zero", np.i0, 0.0, 0.0, second=0.5),
    special("angle-negative", lambda x: np.angle(x), np.array([-1.0, 2.0, 0.0]), np.zeros(3)),
    special("unwrap-nan", lambda p: np.unwrap(p)[:1], np.array([1.0, np.nan]), np.array([1.0, 0.0])),
    special("kron-infinite", lambda a: np.kron(a, [1.0, 0.0])[::2], np.array([np.inf, 1.0]), np.ones(2)),
]
