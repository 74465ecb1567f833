"""Cases of ``hodiff/ops/signal.py``."""

import numpy as np

import hodiff.ops.signal as ops
from cases.table import array, case, refused, special

_A = array(6, seed=1)
_V = array(3, seed=2)
_F = array(4, 3, 5, seed=3)
_NODES = np.array([-1.0, -0.2, 0.5, 1.1])
_VALUES = array(4, seed=4)
# Points away from the nodes; the last two are outside.
_POINTS = np.array([[-0.7, 0.1], [0.9, -0.4], [1.6, -1.3]])
_STEPS = np.array([0.0, 0.3, 0.5, 1.1, 1.4])

CASES = [
    # --- convolve and correlate
    *(
        case(
            f"{f.__name__}-{mode}-{a.size}-{v.size}",
            lambda a, v, f=f, mode=mode: f(a, v, mode),
            a,
            v,
            covers=(f, ops.full_convolution, ops.sliding_product),
        )
        for f in (np.convolve, np.correlate)
        for mode in ("full", "same", "valid")
        for a, v in ((_A, _V), (_V, _A), (_A, _A[:2]), (_A[:2], _A), (_V, _V))
    ),
    *(
        case(
            f"{f.__name__}-complex",
            lambda a, v, f=f: np.imag(f(a * (1 + 1j), v - 1j * v * v, "same") * (2 - 1j)),
            _A,
            _V,
            covers=f,
        )
        for f in (np.convolve, np.correlate)
    ),
    case("convolve-mode-default", lambda a: np.convolve(a, [1, -1]) ** 2, _A, covers=np.convolve),
    case("correlate-mode-default", lambda a: np.correlate([1.0, 2.0], a[:2]) ** 2, _A, covers=np.correlate),
    case("correlate-mode-number", lambda a: np.correlate(a, a[:2], 2) + a.sum(), _A, covers=np.correlate),
    case("convolve-scalar", lambda a, v: np.convolve(a, v), _A, 0.7, covers=np.convolve),
    case("convolve-strided", lambda a: np.convolve(a[::2], a[::-1]), _A, covers=np.convolve),
    case(
        "sliding-product",
        lambda x, y: ops.sliding_product(x, y) ** 2,
        _F[:, 0],
        _F[:, 1, :2],
        covers=ops.sliding_product,
    ),
    refused("convolve-empty", ValueError, lambda a: np.convolve(a, []), _A),
    refused("convolve-empty-first", ValueError, lambda a: np.convolve(a[:0], a), _A),
    refused("convolve-matrix", ValueError, lambda a: np.convolve(np.reshape(a, (2, 3)), a), _A),
    refused("convolve-mode", ValueError, lambda a: np.convolve(a, a, "most"), _A),
    # --- interp
    *(
        case(
            f"interp-{name}",
            lambda x, xp, fp, k=k: np.interp(x, xp, fp, **k),
            _POINTS,
            _NODES,
            _VALUES,
            covers=np.interp,
            scale=0.05,
        )
        for name, k in (
            ("plain", {}),
            ("left", {"left": 2.0}),
            ("right", {"right": 3.0}),
            ("period", {"period": 2.7}),
            ("period-negative", {"period": -2.7}),
        )
    ),
    case("interp-x", lambda x: np.interp(x, _NODES, _VALUES) ** 2, _POINTS, covers=np.interp, scale=0.05),
    case("interp-nodes", lambda xp: np.interp(_POINTS, xp, _VALUES) ** 2, _NODES, covers=np.interp, scale=0.05),
    case("interp-values", lambda fp: np.interp(_POINTS, _NODES, fp) ** 2, _VALUES, covers=np.interp),
    case("interp-scalar", lambda x: np.interp(x, [0.0, 1.0], [2.0, 5.0]) ** 2, 0.3, covers=np.interp, scale=0.1),
    case(
        "interp-one-node", lambda x, fp: np.interp(x, [0.1], fp) + x, _POINTS, np.ones(1), covers=np.interp, scale=0.05
    ),
    case("interp-empty", lambda x: np.interp(x[:0], _NODES, _VALUES), _POINTS, covers=np.interp),
    case(
        "interp-traced-ends",
        lambda x, e: np.interp(x + 0 * e, _NODES, _VALUES, left=e * e, right=np.sin(e)),
        _POINTS,
        0.6,
        covers=np.interp,
        scale=0.05,
        batch=False,
    ),
    case(
        "interp-complex",
        lambda x, fp: np.imag(np.interp(x, _NODES, fp * (1 + 2j), left=1j, right=None) * (1 - 1j)),
        _POINTS,
        _VALUES,
        covers=np.interp,
        scale=0.05,
    ),
    refused("interp-complex-points", TypeError, lambda x: np.interp(x + 1j, [0.0, 1.0], [1.0, 2.0]), 0.5),
    refused("interp-lengths", ValueError, lambda x: np.interp(x, [0.0, 1.0], [1.0]), 0.5),
    refused("interp-no-nodes", ValueError, lambda x: np.interp(x, [], []), 0.5),
    refused("interp-matrix", ValueError, lambda x: np.interp(x, np.eye(2), np.eye(2)), 0.5),
    refused("interp-period-zero", ValueError, lambda x: np.interp(x, [0.0, 1.0], [1.0, 2.0], period=0), 0.5),
    # --- diff, ediff1d, trapezoid
    *(
        case(f"diff-{n}-{axis}", lambda x, n=n, axis=axis: np.diff(x, n, axis) ** 2, _F, covers=np.diff)
        for n, axis in ((1, -1), (1, 0), (2, 1), (5, 0))
    ),
    case("diff-none", lambda x: np.diff(x, 0) ** 2, _F, covers=np.diff),
    case("diff-ends", lambda x, e: np.diff(x, 2, 1, prepend=e, append=x[:, :1]) ** 2, _F, 0.3, covers=np.diff),
    case("diff-end-list", lambda x: np.diff(x, append=[1.0, 2.0]) ** 2, _A, covers=np.diff),
    case("diff-boolean", lambda x: np.diff(x > 0) * x[1:], _A, covers=np.diff, scale=0.02),
    refused("diff-scalar", ValueError, np.diff, 0.5),
    refused("diff-negative", ValueError, lambda x: np.diff(x, -1), _A),
    case("ediff1d", lambda x: np.ediff1d(x) ** 2, _F[:2, 0], covers=np.ediff1d),
    case("ediff1d-ends", lambda x, e: np.ediff1d(x, to_end=e, to_begin=[1, 2]) ** 2, _A, _V, covers=np.ediff1d),
    case("ediff1d-scalar", lambda x: np.ediff1d(x, 1.0) * x, 0.5, covers=np.ediff1d),
    refused("ediff1d-dtype", TypeError, lambda x: np.ediff1d(x, to_end=1j), _A),
    *(
        case(f"trapezoid-{axis}", lambda x, axis=axis: np.trapezoid(x * x, dx=0.3, axis=axis), _F, covers=np.trapezoid)
        for axis in (0, 1, -1)
    ),
    case("trapezoid-x", lambda y, x: np.trapezoid(y, x), _F, _STEPS, covers=np.trapezoid),
    case("trapezoid-x-axis", lambda y, x: np.trapezoid(y, x, axis=0), _F, _STEPS[:4], covers=np.trapezoid),
    case("trapezoid-x-full", lambda y, x: np.trapezoid(y, x, axis=1), _F, _F**2, covers=np.trapezoid),
    case("trapezoid-x-alone", lambda x: np.trapezoid([1.0, 2.0, 4.0], x * x), _V, covers=np.trapezoid),
    case("trapezoid-dx", lambda d: np.trapezoid(_A * d, dx=d), 0.4, covers=np.trapezoid),
    # --- gradient
    *(
        case(
            f"gradient-{name}-{order}",
            lambda f, function=function, order=order: function(f, order),
            _F[:, :, :3],
            covers=np.gradient,
        )
        for order in (1, 2)
        for name, function in (
            ("plain", lambda f, n: np.gradient(f * f, edge_order=n)),
            ("axis", lambda f, n: np.gradient(f, axis=1, edge_order=n) ** 2),
            ("axes", lambda f, n: np.gradient(f, 0.5, [1, 2, 4], axis=(0, -1), edge_order=n)),
            ("scalar", lambda f, n: np.gradient(f, 0.5, edge_order=n)[2] ** 2),
            ("even", lambda f, n: np.gradient(f, np.arange(3), axis=1, edge_order=n) ** 2),
            ("traced-scalar", lambda f, n: np.gradient(f, f[0, 0, 0] + 2.0, axis=0, edge_order=n)),
        )
    ),
    *(
        case(
            f"gradient-traced-points-{order}",
            lambda f, x, order=order: np.gradient(f, x, axis=-1, edge_order=order),
            _F[0],
            _STEPS,
            covers=np.gradient,
            scale=0.2,
        )
        for order in (1, 2)
    ),
    refused("gradient-short", ValueError, lambda x: np.gradient(x[:1]), _A),
    refused("gradient-order", ValueError, lambda x: np.gradient(x, edge_order=3), _A),
    refused("gradient-spacings", TypeError, lambda x: np.gradient(x, 1.0, 2.0), _A),
    refused("gradient-points", ValueError, lambda x: np.gradient(x, [1.0, 2.0]), _A),
    refused("gradient-points-matrix", ValueError, lambda x: np.gradient(x, np.eye(6)), _A),
]

_GRID = [0.0, 1.0, 2.0]

SPECIALS = [
    # At a node: the smaller slope, 0 between slopes of two signs, both where they are equal.
    special("interp-kink", lambda x: np.interp(x, _GRID, [0.0, 3.0, 4.0]), 1.0, 1.0),
    special("interp-kink-other", lambda x: np.interp(x, _GRID, [0.0, -1.0, 2.0][::-1]), 1.0, 0.0),
    special("interp-kink-peak", lambda x: np.interp(x, _GRID, [0.0, 3.0, 2.0]), 1.0, 0.0),
    special("interp-straight", lambda x: np.interp(x, _GRID, [0.0, 3.0, 6.0]), 1.0, 3.0),
    special(
        "interp-kink-joint",
        lambda x, xp, fp: np.interp(x, xp, fp),
        (1.0, np.array(_GRID), np.array([0.0, 3.0, 4.0])),
        (1.0, np.array([0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0])),
    ),
    # The value continues as a constant beyond the ends, unless it jumps there.
    special("interp-first", lambda x: np.interp(x, _GRID, [0.0, 3.0, 4.0]), 0.0, 0.0),
    special("interp-last", lambda x: np.interp(x, _GRID, [0.0, 3.0, 4.0]), 2.0, 0.0),
    special("interp-first-left", lambda x: np.interp(x, _GRID, [0.0, 3.0, 4.0], left=-1.0), 0.0, 3.0),
    special("interp-last-right", lambda x: np.interp(x, _GRID, [0.0, 3.0, 4.0], right=-1.0), 2.0, 1.0),
    special("interp-period-end", lambda x: np.interp(x, _GRID, [0.0, 3.0, 4.0], period=3.0), 3.0, 0.0),
    special("interp-jump", lambda x: np.interp(x, [0.0, 1.0, 1.0, 2.0], [0.0, 3.0, 2.0, 7.0]), 1.0, 5.0),
    special("interp-nan", lambda x: np.interp(x, _GRID, [0.0, 3.0, 4.0]) * 0, np.array([0.5]), np.zeros(1)),
    special("diff-infinite", lambda x: np.diff(x)[:1], np.array([1.0, 2.0, np.inf]), np.array([-1.0, 1.0, 0.0])),
    special("trapezoid-one", np.trapezoid, np.array([2.0]), np.zeros(1)),
]
