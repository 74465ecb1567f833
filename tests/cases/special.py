"""Cases of ``hodiff/ops/special.py``."""

import numpy as np
from scipy import special as sp

from cases.table import array, case, special
from hodiff.ops import special as ops

_X = array(3, 2) + 0.1
_P = array(4, low=0.15, high=0.85)
_POSITIVE = array(4, low=0.8, high=3.0)
_OTHER = array(2, 1, low=0.9, high=2.0, seed=1)
_WIDE = np.array([-30.0, -4.0, -0.5, 0.7, 5.0, 30.0])


def _unary(function, x, scale=0.5, name="", **options):
    return case(
        f"special-{function.__name__}{name}",
        function,
        x,
        covers=(function, getattr(ops, function.__name__)),
        scale=scale,
        **options,
    )


def _binary(function, x, y, scale=0.3, name=""):
    return case(
        f"special-{function.__name__}{name}",
        function,
        x,
        y,
        covers=(function, getattr(ops, function.__name__)),
        scale=scale,
    )


def _log_sum_exp(x):
    top = np.max(x)
    return np.log(np.sum(np.exp(x - top))) + top


CASES = [
    # --- error functions
    *[_unary(f, _X) for f in (sp.erf, sp.erfc, sp.erfcx, sp.erfi, sp.ndtr, sp.log_ndtr)],
    _unary(sp.log_ndtr, np.array([-3.0, 0.0, 2.0]), name="-tails"),
    _unary(sp.erfcx, np.array([-1.5, 1.2, 1.9, 2.1, 4.0]), 0.3, "-wide"),
    *(
        case(
            f"special-repeated-erfcx-{n}",
            lambda x, n=n: ops.repeated_erfcx(x, order=n),
            np.array([-1.0, 0.3, 1.9, 2.2, 9.0]),
            covers=ops.repeated_erfcx,
            scale=0.3,
        )
        for n in (1, 2)
    ),
    _unary(sp.erfinv, 2 * _P - 1, 0.05),
    _unary(sp.erfcinv, 2 * _P, 0.05),
    _unary(sp.ndtri, _P, 0.05),
    case("special-erf-0d", sp.erf, 0.3, covers=sp.erf),
    case("special-erf-strided", lambda x: sp.erf(x[::2].T), _X, covers=sp.erf),
    case(
        "special-log-ndtr-slope",
        lambda x: ops.log_ndtr_slope(x, order=2),
        np.array([-40.0, -12.0, -5.0, -1.0, 0.0, 3.0]),
        covers=ops.log_ndtr_slope,
        scale=0.3,
    ),
    case(
        "special-log-ndtr-complex",
        lambda x, y: (np.real(sp.log_ndtr(x + 1j * y)), np.imag(sp.log_ndtr(x + 1j * y))),
        np.array([0.4, -0.5]),
        np.array([0.3, 1.1]),
        covers=sp.log_ndtr,
        scale=0.2,
    ),
    _unary(sp.ndtri_exp, np.array([-20.0, -3.0, -0.4]), 0.1),
    _binary(sp.owens_t, array(4), _OTHER),
    case("special-softplus", sp.softplus, _WIDE, covers=np.logaddexp, scale=0.5),
    case(
        "special-erfcx-complex",
        lambda x, y: (np.real(sp.erfcx(x + 1j * y)), np.imag(sp.erfcx(x + 1j * y))),
        np.array([0.4, -0.5, 1.3, 6.0, 0.2]),
        np.array([0.3, 1.1, -2.0, 7.0, 9.0]),
        covers=sp.erfcx,
        scale=0.3,
    ),
    case(
        "special-voigt",
        sp.voigt_profile,
        np.array([-0.4, 0.0, 3.0]),
        np.array([1.2, 0.7, 2.0]),
        np.array([[0.6], [1.9]]),
        covers=(sp.voigt_profile, ops.voigt_profile),
        scale=0.2,
    ),
    case(
        "special-voigt-far",
        sp.voigt_profile,
        np.array([20.0, -30.0]),
        np.array([1.0, 0.8]),
        np.array([0.3, 0.5]),
        covers=sp.voigt_profile,
    ),
    # --- logistic
    _unary(sp.expit, _X),
    _unary(sp.log_expit, _X),
    _unary(sp.expit, _WIDE, name="-wide"),
    _unary(sp.log_expit, _WIDE, name="-wide"),
    _unary(sp.logit, _P, 0.1),
    case("special-log-sum-exp", _log_sum_exp, np.array([0.3, -1.2, 2.0]), covers=np.max, scale=0.3),
    case(
        "special-log-sum-exp-large",
        _log_sum_exp,
        np.array([0.3, 1000.5, 1002.0]),
        covers=np.max,
        scale=0.3,
        single=False,
    ),
    # --- entropy
    _binary(sp.xlogy, array(4), _OTHER),
    _binary(sp.xlog1py, array(4), _OTHER - 0.8, 0.05),
    _unary(sp.entr, _POSITIVE, 0.2),
    _binary(sp.rel_entr, _POSITIVE, _OTHER, 0.2),
    _binary(sp.kl_div, _POSITIVE, _OTHER, 0.2),
    case("special-xlogy-plain", lambda x: sp.xlogy(2.0, x), _POSITIVE, covers=sp.xlogy, scale=0.3),
    # --- exponentials and their kin
    *[_unary(f, _X) for f in (sp.exp2, sp.exp10, sp.expm1, sp.cosm1)],
    _unary(sp.log1p, _X, 0.1),
    _unary(sp.cbrt, _POSITIVE, 0.2),
]

_INF = np.inf

SPECIALS = [
    # Closed forms in the tail: erfcx(x) = 1/(√π x) (1 + O(x⁻²)), and log_ndtr is a parabola.
    special("erfcx-tail", sp.erfcx, 1e8, -5.641895835477563e-17, second=1.1283791670955126e-24),
    special("log_ndtr-tail", sp.log_ndtr, -1e8, 1e8, second=-1.0),
    # log Φ is -x²/2 - log(-x) there, so the third derivative is -2/x³.
    special("log_ndtr-third", lambda x: ops.log_ndtr_slope(x, order=2), -1e8, 2e-24, second=6e-32),
    special("log_ndtr-far-right", sp.log_ndtr, 60.0, 0.0, second=0.0),
    special("special-expm1-overflow", sp.expm1, 800.0, np.inf),
    special("special-expit-tails", sp.expit, np.array([40.0, -40.0]), np.full(2, 4.248354255291589e-18)),
    special("special-expit-infinite", sp.expit, np.array([_INF, -_INF]), np.zeros(2)),
    special("special-log-expit-tails", sp.log_expit, np.array([1000.0, -1000.0]), np.array([0.0, 1.0])),
    special("special-logit-ends", sp.logit, np.array([0.0, 1.0]), np.array([_INF, _INF])),
    special("special-erf-huge", sp.erf, np.array([1e200, -_INF]), np.zeros(2)),
    special("special-log-ndtr-tail", sp.log_ndtr, np.array([-1e8, 1e8]), np.array([1e8, 0.0])),
    special("special-ndtri-exp-tail", sp.ndtri_exp, -1e20, 7.0710678118654752e-11),
    special(
        "special-owens-t-zero",
        sp.owens_t,
        (0.0, 1.0),
        (0.0, 0.25 / np.pi),
        second=[[-0.5 / np.pi, 0.0], [0.0, -0.25 / np.pi]],
    ),
    special(
        "special-erfcx-imaginary",
        lambda y: np.real(sp.erfcx(1j * y)),
        8.0,
        -16 * np.exp(-64.0),
        second=254 * np.exp(-64.0),
    ),
    special(
        "voigt-gauss",
        lambda x: sp.voigt_profile(x, 1.0, 0.0),
        10.0,
        -10 * np.exp(-50.0) / np.sqrt(2 * np.pi),
        second=99 * np.exp(-50.0) / np.sqrt(2 * np.pi),
    ),
    # Far from the centre the profile is Lorentz's, γ/πx², and its derivative in σ is 6σγ/πx⁴.
    special("voigt-lorentz", lambda g: sp.voigt_profile(0.5, 0.0, g), 1.0, -0.6 / (1.25 * np.pi), second=0.256 / np.pi),
    special("voigt-no-width", lambda s: sp.voigt_profile(0.0, s, 1.0), 0.0, 0.0, second=-2 / np.pi),
    special("voigt-far", lambda s: sp.voigt_profile(1e9, s, 1.0), 1.0, 6e-36 / np.pi),
    special("special-xlogy-zero-x", sp.xlogy, (0.0, 3.0), (np.log(3.0), 0.0)),
    special("special-xlogy-zeros", sp.xlogy, (0.0, 0.0), (-_INF, 0.0)),
    special("special-xlogy-zero-y", sp.xlogy, (2.0, 0.0), (-_INF, _INF)),
    special("special-xlogy-nan", sp.xlogy, (0.0, np.nan), (np.nan, np.nan)),
    special("special-xlog1py-zeros", sp.xlog1py, (0.0, -1.0), (-_INF, 0.0)),
    special("special-entr-zero", sp.entr, np.array([0.0]), np.array([_INF])),
    special("special-rel-entr-zero-x", sp.rel_entr, (0.0, 2.0), (-_INF, 0.0)),
    special("special-rel-entr-zeros-y", lambda y: sp.rel_entr(0.0, y), 0.0, 0.0),
    special("special-kl-div-equal", sp.kl_div, (2.0, 2.0), (0.0, 0.0), second=[[0.5, -0.5], [-0.5, 0.5]]),
    special("special-log-sum-exp-ties", _log_sum_exp, np.array([700.0, 700.0]), np.array([0.5, 0.5])),
]
