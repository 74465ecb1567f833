"""Cases of ``hodiff/ops/special_distributions.py``. The reference numbers are mpmath's."""

import numpy as np
from scipy import special as sp

import hodiff as hd
from cases.table import array, case, refused, special
from hodiff.errors import NoRuleError
from hodiff.ops import special_distributions as ops

_A = array(3, low=1.2, high=3.0)
_B = array(2, 1, low=1.3, high=2.5, seed=1)
_X = array(3, low=0.6, high=2.0, seed=2)
_P = array(3, low=0.25, high=0.75, seed=3)


def _of(function, *args, name="", scale=0.2, **options):
    covers = (function, getattr(ops, function.__name__))
    return case(f"distribution-{function.__name__}{name}", function, *args, covers=covers, scale=scale, **options)


def _counted(function, *args, name="", scale=0.1):
    """A function whose first arguments are counts, which are not differentiated."""
    counts, last = args[:-1], args[-1]
    covers = (function, getattr(ops, function.__name__))
    return case(
        f"distribution-{function.__name__}{name}", lambda x: function(*counts, x), last, covers=covers, scale=scale
    )


def _with(values, slot, x):
    return (*values[:slot], x, *values[slot + 1 :])


_K = np.array([0.0, 2.0, 3.0])
_NONCENTRAL = (
    (sp.nctdtr, 2.0, 1.0, 1.0),
    (sp.nctdtrit, 2.0, 1.0, 0.4),
    (sp.nctdtridf, 0.4, 1.0, 1.2),
    (sp.nctdtrinc, 2.0, 0.4, 1.5),
    (sp.ncfdtr, 2.0, 3.0, 1.0, 1.0),
    (sp.ncfdtri, 2.0, 3.0, 1.0, 0.4),
    (sp.ncfdtridfn, 0.6, 3.0, 1.0, 1.2),
    (sp.ncfdtridfd, 2.0, 0.4, 1.0, 1.2),
    (sp.ncfdtrinc, 2.0, 3.0, 0.4, 1.2),
)


def _batched(function, *at):
    """Functions that refuse to be differentiated: batched, they are themselves."""

    def product(x):
        several = hd.vmap(lambda first: function(first, *at[1:]))(np.array([at[0], at[0]]))
        np.testing.assert_array_equal(several, function(*at))
        return x * several

    covers = (function, getattr(ops, function.__name__))
    return case(f"distribution-{function.__name__}-batched", product, np.array([0.4, 0.7]), covers=covers)


CASES = [
    *[_of(f, _A, _B, _X) for f in (sp.gdtr, sp.gdtrc)],
    _of(sp.gdtria, _P, _B, _X, scale=0.1),
    _of(sp.gdtrib, _A, _P, _X, scale=0.1),
    _of(sp.gdtrix, _A, _B, _P, scale=0.1),
    *[_of(f, _A, _X) for f in (sp.chdtr, sp.chdtrc)],
    _of(sp.chdtri, _A, _P, scale=0.1),
    _of(sp.chdtriv, _P, _X, scale=0.1, rtol=1e-5),
    *[_counted(f, _K, _X, scale=0.2) for f in (sp.pdtr, sp.pdtrc)],
    _counted(sp.pdtri, np.array([0, 2, 3]), _P),
    _of(sp.pdtrik, _P, _X + 2.0, scale=0.1, rtol=1e-5),
    _of(sp.btdtria, _P, _B, _P[::-1], scale=0.1, rtol=1e-5),
    _of(sp.btdtrib, _A, _P, _P[::-1], scale=0.1, rtol=1e-5),
    *[_counted(f, _K, 5, _P) for f in (sp.bdtr, sp.bdtrc, sp.bdtri)],
    *[_counted(f, _K, 5, _P) for f in (sp.nbdtr, sp.nbdtrc)],
    _counted(sp.nbdtri, np.array([0, 2, 3]), 5, _P),
    case(
        "distribution-bdtr-counts", lambda k: sp.bdtr(k, 6, 0.3) * k, _K + 0.5, covers=sp.bdtr, scale=0.1, single=False
    ),
    _of(sp.bdtrik, _P, np.array([8.0, 9.5, 11.0]), _P[::-1], scale=0.1, rtol=1e-5, single=False),
    _of(sp.bdtrin, _A, _P, _P[::-1], scale=0.1, rtol=1e-4, single=False),
    _of(sp.nbdtrik, _P, _A + 3.0, _P[::-1], scale=0.1, rtol=1e-5, single=False),
    _of(sp.nbdtrin, _A + 3.0, _P, _P[::-1], scale=0.1, rtol=1e-4, single=False),
    *[_of(f, _A, _B, _X) for f in (sp.fdtr, sp.fdtrc)],
    _of(sp.fdtri, _A, _B, _P, scale=0.05, single=False),
    _of(
        sp.fdtridfd,
        np.array([2.0, 3.0]),
        np.array([0.27, 0.31]),
        np.array([0.4, 0.6]),
        scale=0.03,
        rtol=1e-4,
        single=False,
    ),
    case("distribution-chndtr", lambda x, nc: sp.chndtr(x, _A, nc), _X, _B, covers=(sp.chndtr, ops.chndtr), scale=0.2),
    case("distribution-chndtr-central", lambda x: sp.chndtr(x, _A, 0.0), _X, covers=sp.chndtr, scale=0.2),
    case("distribution-chndtr-far", lambda x, nc: sp.chndtr(x, 3.5, nc), 30.0, 25.0, covers=sp.chndtr, scale=2.0),
    case(
        "distribution-chndtr-many",
        lambda x, nc: sp.chndtr(x, 120.0, nc),
        np.array([130.0, 150.0]),
        np.array([5.0, 25.0]),
        covers=sp.chndtr,
        scale=3.0,
    ),
    case(
        "distribution-chndtr-density",
        lambda x, nc: ops.noncentral_density(x, 0.7, nc),
        _X,
        np.array([0.0, 0.5, 3.0]) + 0.3,
        covers=ops.noncentral_density,
        scale=0.1,
    ),
    case(
        "distribution-chndtrix",
        lambda p, nc: sp.chndtrix(p, _A, nc),
        _P,
        _B,
        covers=(sp.chndtrix, ops.chndtrix),
        scale=0.1,
        rtol=1e-5,
    ),
    case(
        "distribution-chndtrinc",
        lambda x, p: sp.chndtrinc(x, 2.0, p),
        _X + 3.0,
        _P - 0.1,
        covers=(sp.chndtrinc, ops.chndtrinc, ops.chndtridf),
        scale=0.1,
        rtol=1e-4,
        single=False,
    ),
    *[
        refused(
            f"{f.__name__}-{slot}",
            NoRuleError,
            lambda x, f=f, slot=slot, at=at: hd.grad(f, slot)(*_with(at, slot, x)),
            2.0,
        )
        for f, slot, at in (
            (sp.chndtr, 1, (3.0, 2.0, 1.0)),
            (sp.chndtrix, 1, (0.3, 2.0, 1.0)),
            (sp.chndtrinc, 1, (3.0, 2.0, 0.3)),
            (sp.chndtridf, 0, (3.0, 0.3, 1.0)),
        )
    ],
    *[
        refused(f"{f.__name__}-{slot}", NoRuleError, lambda x, f=f, slot=slot, at=at: hd.grad(f, slot)(*at) + x, 2.0)
        for f, *at in _NONCENTRAL
        for slot in (0, len(at) - 1)
    ],
    *[_batched(*row) for row in _NONCENTRAL],
    _of(sp.nrdtrimn, _P, _A, _X, scale=0.1),
    _of(sp.nrdtrisd, _A + 1.0, 0.5 * _P, _X, scale=0.05),
    _of(sp.tklmbda, np.array([-0.4, 0.2, 1.0]), np.array([0.5, -0.3, 0.1]), scale=0.1),
    _of(sp.tklmbda, np.array([-0.4, 0.7]), np.array([1e-12, 0.0]), name="-logistic", scale=0.1),
    _of(sp.kolmogorov, np.array([0.3, 0.7, 0.99, 1.01, 2.0]), scale=0.1),
    _of(sp.kolmogi, _P, scale=0.1),
    case(
        "distribution-kolmogorov-slope",
        lambda x: ops.kolmogorov_slope(x, order=2),
        _P + 0.2,
        covers=ops.kolmogorov_slope,
        scale=0.1,
    ),
    _counted(sp.smirnov, np.array([3, 10, 200]), np.array([0.5, 0.23, 0.04]), scale=0.01),
    _counted(sp.smirnovi, np.array([3, 10, 200]), _P, scale=0.03),
    case(
        "distribution-smirnov-slope",
        lambda d: ops.smirnov_slope(10, d, order=1),
        np.array([0.23, 0.31]),
        covers=ops.smirnov_slope,
        scale=0.01,
    ),
]

_INF = np.inf

SPECIALS = [
    # Exponential laws.
    special(
        "chdtr-two",
        lambda x: sp.chdtr(2.0, x),
        np.array([0.0, 2.0]),
        np.array([0.5, 0.5 / np.e]),
        second=np.diag([-0.25, -0.25 / np.e]),
    ),
    special("kolmogorov-tiny", sp.kolmogorov, 1e-200, 0.0, second=0.0),
    special("pdtr-zero", lambda m: sp.pdtr(0.0, m), 1.5, -np.exp(-1.5), second=np.exp(-1.5)),
    special("pdtr-integer-part", sp.pdtr, (0.7, 1.5), (0.0, -np.exp(-1.5))),
    special("bdtr-ends", lambda p: sp.bdtr(np.array([0.0, 1.0, 2.0]), 2, p), 0.5, -2.0, second=0.0),
    special("bdtrc-negative", lambda p: sp.bdtrc(-1.0, 3, p), 0.4, 0.0),
    special("nbdtr-zero", lambda p: sp.nbdtr(0, 2, p), 0.5, 1.0, second=2.0),
    # F(2, 2) is x/(1 + x).
    special(
        "fdtr-two",
        lambda x: sp.fdtr(2.0, 2.0, x),
        np.array([0.5, 1.0, 1e9]),
        np.array([1 / 2.25, 0.25, 1e-18 / (1 + 1e-9) ** 2]),
    ),
    special("chndtr-zero-nc", lambda nc: sp.chndtr(2.0, 2.0, nc), 0.0, -0.5 / np.e, second=0.125 / np.e),
    special("tklmbda-uniform", lambda x: sp.tklmbda(x, 1.0), np.array([0.3, 2.0, -2.0]), np.array([0.5, 0.0, 0.0])),
    special("kolmogorov-ends", sp.kolmogorov, np.array([-1.0, 0.0, 40.0]), np.zeros(3)),
    special(
        "smirnov-one", lambda d: sp.smirnov(1, d), np.array([0.3, 0.9]), np.array([-1.0, -1.0]), second=np.zeros((2, 2))
    ),
    special("gdtr-zero", lambda a: sp.gdtr(a, 0.5, 0.0), 2.0, 0.0),
    special("fdtr-zero", lambda a, b: sp.fdtr(a, b, 0.0), (1.0, 2.0), (0.0, 0.0)),
    special("gdtr-infinite", lambda x: sp.gdtr(1.0, 2.0, x), _INF, 0.0),
]
