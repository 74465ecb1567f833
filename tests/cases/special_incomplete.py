"""Cases of ``hodiff/ops/special_incomplete.py``. The reference numbers are mpmath's, with 60 digits."""

import numpy as np
from scipy import special as sp

from cases.table import array, case, special
from hodiff.ops import special_incomplete as ops

# a, x, ∂P/∂a, ∂P/∂x, ∂²P/∂a²
_GAMMA = (
    (0.001, 1e-200, -290.37075342317917, 6.313211290858288e196, 133552.50743333166),
    (0.001, 0.25, -1.0444054749649414, 0.0031126811483086197, -0.12088793711438947),
    (0.001, 30.0, -3.0458488566425612e-15, 3.1316392961171807e-18, -2.4362455949660942e-14),
    (0.5, 1e-12, -3.1219443119225355e-05, 564189.5835471922, 0.0008627094773934574),
    (0.5, 1.5, -0.23019434201736078, 0.10278688653584618, -0.23360119529336282),
    (1.0, 2.0, -0.2208254262118595, 0.1353352832366127, -0.14856186245701777),
    (3.0, 0.01, -9.696874267677485e-07, 4.95024916874584e-05, 5.637325148918962e-06),
    (3.0, 2.5, -0.24711735748326824, 0.25651562069968376, 0.04867245966282408),
    (3.0, 80.0, -2.0559578946419243e-31, 5.775524441105329e-32, -6.904292841620434e-31),
    (200.0, 100.0, -6.544474856424403e-19, 9.433941205585235e-19, 4.53817387394902e-19),
    (200.0, 200.0, -0.02822123750774761, 0.028197727685920822, 5.8842855367106584e-08),
    (200.0, 400.0, -4.3500938289493097e-29, 3.1353560664747666e-29, -3.0164937026618864e-29),
    (10000.0, 9500.0, -9.892319012214694e-09, 1.0150248655865325e-08, 5.074138677959324e-10),
    (10000.0, 9975.0, -0.0038713528360742834, 0.003876137528580111, 9.690584250393244e-06),
    (10000.0, 10600.0, -1.1753381136776377e-10, 1.1417317732087202e-10, -6.848623827046474e-12),
)
# a, b, x, ∂I/∂a, ∂I/∂b, ∂I/∂x
_BETA = (
    (0.001, 2.0, 1e-100, -182.28940782253835, 0.000512641033596945, 7.951225629590058e96),
    (0.001, 0.001, 0.3, -250.21153453977456, 249.78910661399016, 0.002377243355720999),
    (0.001, 1000.0, 0.01, -3.979770730667082e-06, 4.353533238102055e-11, 4.3733024208973704e-06),
    (0.5, 0.5, 0.125, -0.6128566754296447, 0.30877374888010656, 0.9624786270806683),
    (0.5, 0.5, 0.99, -0.08818850772358071, 0.3326579607401765, 3.199134725855653),
    (2.0, 3.0, 1e-09, -1.2083959486189235e-16, 3.4999999913333336e-18, 1.1999999976000001e-08),
    (2.0, 3.0, 0.375, -0.24675645939602353, 0.15228459769218458, 1.7578125),
    (2.0, 3.0, 0.9999847412109375, -1.5394753795949222e-14, 1.5404895897030687e-13, 2.79392509128229e-09),
    (1000.0, 1000.0, 0.5, -0.008922479336000141, 0.008922479336000141, 35.67802229170864),
    (1000.0, 1000.0, 0.375, -9.610133928037358e-31, 7.4543582201760505e-31, 3.562098265072815e-27),
    (10000.0, 2.0, 0.9990234375, -5.450102524917854e-07, 0.0012038091162521335, 5.583911378574136),
    (10000.0, 10000.0, 0.53125, -2.749947934207783e-20, 2.9274818544388814e-20, 1.138415071033981e-15),
    (30.0, 0.1, 0.25, -7.747191731863657e-21, 7.405250120400631e-20, 6.62860652786994e-19),
    (0.1, 5000.0, 0.00390625, -2.957458175815458e-10, 8.98923437656202e-14, 1.1527729626538438e-07),
)

_A = array(4, low=0.8, high=3.0)
_B = array(2, 1, low=0.9, high=2.0, seed=1)
_X = array(4, low=0.5, high=4.0, seed=2)
_P = array(4, low=0.2, high=0.8, seed=3)


def _of(function, *args, name="", scale=0.2, **options):
    return case(
        f"incomplete-{function.__name__}{name}",
        function,
        *args,
        covers=(function, getattr(ops, function.__name__)),
        scale=scale,
        **options,
    )


CASES = [
    *[_of(f, _A, _X) for f in (sp.gammainc, sp.gammaincc)],
    _of(sp.gammainc, _A, _B, name="-broadcast"),
    _of(sp.gammainc, 1.5, 0.3, name="-0d", scale=0.1),
    _of(sp.gammainc, np.ones((0, 2)), np.ones(2), name="-empty"),
    _of(sp.gammaincc, _A.reshape(2, 2).T, _X.reshape(2, 2)[::-1], name="-strided"),
    _of(sp.gammainc, np.array([0.05, 0.6]), np.array([0.3, 1.6]), name="-small", scale=0.03),
    _of(sp.gammainc, np.array([60.0, 900.0]), np.array([70.0, 880.0]), name="-large", scale=3.0),
    *[_of(f, _A, _P, scale=0.1) for f in (sp.gammaincinv, sp.gammainccinv)],
    *[_of(f, _A, _B, _P, scale=0.1) for f in (sp.betainc, sp.betaincc)],
    _of(sp.betainc, 2.0, 0.7, 0.4, name="-0d", scale=0.1),
    _of(
        sp.betainc,
        np.array([0.2, 0.3, 2.0]),
        np.array([0.3, 40.0, 0.1]),
        np.array([0.6, 0.1, 0.9]),
        name="-small",
        scale=0.03,
    ),
    _of(
        sp.betainc,
        np.array([80.0, 500.0]),
        np.array([60.0, 90.0]),
        np.array([0.6, 0.84]),
        name="-large",
        scale=0.05,
        single=False,
    ),
    *[_of(f, _A, _B, _P, scale=0.1) for f in (sp.betaincinv, sp.betainccinv)],
    case(
        "incomplete-gamma-orders",
        lambda a, x: ops.incomplete_gamma(a, x, order=2) + ops.gamma_density(a, x, order=1, power=1),
        _A,
        _X,
        covers=(ops.incomplete_gamma, ops.gamma_density),
        scale=0.1,
    ),
    case(
        "incomplete-beta-orders",
        lambda a, b, x: (
            ops.incomplete_beta(a, b, x, orders=(1, 1)) + ops.beta_density(a, b, x, orders=(0, 1), powers=(1, 0))
        ),
        _A,
        _B,
        _P,
        covers=(ops.incomplete_beta, ops.beta_density),
        scale=0.1,
    ),
]

_INF = np.inf


def _second(a, x):
    """∂²P/∂a² as a gradient."""
    return ops.incomplete_gamma(a, x, order=1)


SPECIALS = [
    *[special(f"gammainc-mpmath-{a}-{x}", sp.gammainc, (a, x), (da, dx)) for a, x, da, dx, _ in _GAMMA],
    *[special(f"gammaincc-mpmath-{a}-{x}", sp.gammaincc, (a, x), (-da, -dx)) for a, x, da, dx, _ in _GAMMA],
    *[
        special(f"gammainc-second-{a}-{x}", lambda a, x=x: _second(a, x), a, daa)
        for a, x, _, _, daa in _GAMMA
        if abs(a - x) * a != 0
    ],
    *[special(f"betainc-mpmath-{a}-{b}-{x}", sp.betainc, (a, b, x), (da, db, dx)) for a, b, x, da, db, dx in _BETA],
    # P(1, x) = 1 - exp(-x), I(1, b, x) = 1 - (1 - x)ᵇ, I(a, 1, x) = xᵃ: closed forms at the ends.
    special(
        "gammainc-zero",
        lambda x: sp.gammainc(np.array([1.0, 2.0, 3.0]), x),
        np.zeros(3),
        np.array([1.0, 0.0, 0.0]),
        second=np.diag([-1.0, 1.0, 0.0]),
    ),
    special(
        "gammainc-zero-a", lambda a: sp.gammainc(a, 0.0), np.array([0.5, 2.0]), np.zeros(2), second=np.zeros((2, 2))
    ),
    special("gammainc-infinite", sp.gammainc, (2.0, _INF), (0.0, 0.0), second=np.zeros((2, 2))),
    special("gammainc-pole", sp.gammainc, (0.5, 0.0), (0.0, _INF)),
    special("gammaincinv-zero", lambda a: sp.gammaincinv(a, 0.0), 2.0, 0.0),
    special("gammaincinv-one", lambda p: sp.gammaincinv(1.0, p), 0.75, 4.0, second=16.0),
    special(
        "betainc-ends",
        lambda x: sp.betainc(1.0, 3.0, x),
        np.array([0.0, 0.5, 1.0]),
        np.array([3.0, 0.75, 0.0]),
        second=np.diag([-6.0, -3.0, 0.0]),
    ),
    special(
        "betainc-ends-a",
        lambda x: sp.betainc(3.0, 1.0, x),
        np.array([0.0, 0.5, 1.0]),
        np.array([0.0, 0.75, 3.0]),
        second=np.diag([0.0, 3.0, 6.0]),
    ),
    special(
        "betainc-ends-parameters",
        lambda a, b: sp.betainc(a, b, np.array([0.0, 1.0])),
        (2.0, 3.0),
        (0.0, 0.0),
        second=np.zeros((2, 2)),
    ),
    special("betainc-power", lambda a: sp.betainc(a, 1.0, 0.25), 2.0, np.log(0.25) / 16, second=np.log(0.25) ** 2 / 16),
    special("betaincinv-power", sp.betaincinv, (2.0, 1.0, 0.25), (0.5 * np.log(2.0) / 2, -0.269860385419959, 1.0)),
]
