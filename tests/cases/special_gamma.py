"""Cases of ``hodiff/ops/special_gamma.py``. The reference numbers are mpmath's."""

import numpy as np
from scipy import special as sp

import hodiff as hd
from cases.table import array, case, refused, special
from hodiff.errors import NoRuleError
from hodiff.ops import special_gamma as ops

_POSITIVE = array(4, low=0.8, high=3.0)
_OTHER = array(2, 1, low=0.9, high=2.0, seed=1)
_RE = np.array([1.3, -2.6, 0.4, -0.7])
_IM = np.array([0.7, 1.2, -0.6, -3.0])


def _of(function, *args, name="", scale=0.3, **options):
    covers = (function, getattr(ops, function.__name__))
    return case(f"gamma-{function.__name__}{name}", function, *args, covers=covers, scale=scale, **options)


def _complex(function):
    def parts(x, y):
        z = function(x + 1j * y)
        return np.real(z), np.imag(z)

    return case(f"gamma-{function.__name__}-complex", parts, _RE, _IM, covers=function, scale=0.15)


CASES = [
    _of(sp.gammaln, _POSITIVE),
    _of(sp.gammaln, np.array([-0.5, -1.6, -2.4]), scale=0.1, name="-negative"),
    _of(sp.loggamma, _POSITIVE),
    _of(sp.gamma, _POSITIVE),
    _of(sp.gamma, np.array([-0.5, -1.6, 0.6]), scale=0.1, name="-negative"),
    _of(sp.psi, _POSITIVE),
    _of(sp.psi, np.array([-0.5, -1.6]), scale=0.1, name="-negative"),
    *[_complex(f) for f in (sp.gamma, sp.loggamma, sp.psi, sp.rgamma)],
    _of(sp.rgamma, np.array([-2.0, -1.3, 0.0, 0.4, 2.5])),
    case("gamma-sign", lambda x: sp.gammasgn(x) * x, np.array([-1.5, -0.5, 2.0]), covers=ops.gammasgn, scale=0.1),
    case("gamma-reciprocal", lambda x: ops.reciprocal_gamma(x, order=2), _POSITIVE, covers=ops.reciprocal_gamma),
    case("gamma-zeta", lambda x: sp.psi(x) * ops.zeta(3.0, x), _POSITIVE, covers=ops.zeta, scale=0.3),
    case("gamma-zeta-both", ops.zeta, _POSITIVE + 0.7, _OTHER, covers=(ops.zeta, ops.zeta_slope), scale=0.1),
    case(
        "gamma-zeta-slope",
        lambda s, q: ops.zeta_slope(s, q, order=2),
        _POSITIVE + 0.7,
        _OTHER,
        covers=ops.zeta_slope,
        scale=0.1,
    ),
    _of(sp.zetac, np.array([-6.3, -2.0, -0.7, -0.2, 0.4, 1.8, 7.0]), scale=0.2),
    case("gamma-polygamma-0", lambda x: ops.polygamma(0, x), _POSITIVE, covers=ops.psi),
    case("gamma-polygamma", lambda x: ops.polygamma(np.array([0, 1, 2, 3]), x), _POSITIVE, covers=ops.zeta, scale=0.3),
    case(
        "gamma-multigammaln",
        lambda a: ops.multigammaln(a, 3),
        _POSITIVE + 0.6,
        covers=(ops.gammaln, ops.multigammaln_domain),
        scale=0.3,
    ),
    refused("polygamma-n", NoRuleError, lambda n: ops.polygamma(n, 2.0), 1.0),
    refused("multigammaln-domain", ValueError, lambda a: ops.multigammaln(a, 3), np.array([0.9, 4.0])),
    refused("multigammaln-d", NoRuleError, lambda d: ops.multigammaln(4.0, d), 2.0),
    refused("zeta-complex-order", NoRuleError, lambda s: hd.grad(lambda s: np.real(ops.zeta(s, 1j)))(s), 2.0),
    _of(sp.beta, _POSITIVE, _OTHER),
    _of(sp.betaln, _POSITIVE, _OTHER),
    _of(sp.poch, _POSITIVE, _OTHER),
    case("gamma-digamma-gap", ops.digamma_gap, _POSITIVE, _OTHER - 1.6, covers=ops.digamma_gap, scale=0.1),
    _of(sp.poch, np.array([-1.5, -0.3]), np.array([0.7, 2.0]), name="-negative", scale=0.1),
    _of(sp.binom, _POSITIVE + 1.0, _OTHER, scale=0.2),
    _of(sp.binom, np.array([4.3, 3.0]), np.array([6.1, 5.0]), name="-beyond", scale=0.2),
]

SPECIALS = [
    special("gammaln-half", sp.gammaln, np.array([0.5]), np.array([-1.9635100260214235])),
    special("gammaln-second", sp.gammaln, np.array([1.0]), np.array([-0.5772156649015329]), second=[[np.pi**2 / 6]]),
    special(
        "gammaln-negative-second",
        sp.gammaln,
        np.array([-0.5]),
        np.array([0.03648997397857652]),
        second=[[np.pi**2 / 2 + 4]],
    ),
    # (1/Γ)′(-n) = (-1)ⁿ n!, and (1/Γ)″(0) = 2γ.
    special("rgamma-poles", sp.rgamma, np.array([0.0, -1.0, -2.0, -5.0]), np.array([1.0, -1.0, 2.0, -120.0])),
    special("rgamma-pole-second", sp.rgamma, 0.0, 1.0, second=1.1544313298030657),
    special("zeta-two", lambda s: ops.zeta(s, 1.0), 2.0, -0.9375482543158437, second=1.98928023429890102),
    special(
        "zetac-known",
        sp.zetac,
        np.array([0.0, -1.0, -2.0, 2.0]),
        np.array([-0.9189385332046727, -0.1654211437004509, -0.030448457058393271, -0.9375482543158437]),
    ),
    # ∂B/∂b of a large b: ψ(b) - ψ(b + 1) = -1/b.
    special("betaln-large", sp.betaln, (1.0, 1e12), (-(np.log(1e12) + np.euler_gamma), -1e-12)),
    special("poch-integers", sp.poch, (-2.0, 2.0), (-3.0, np.nan), forward=False),
    special("binom-negative", lambda n: sp.binom(n, 2.0), -2.5, -3.0, second=1.0),
    special("binom-zero", lambda n: sp.binom(n, 3.0), np.array([0.0, 1.0, 2.0]), np.array([1 / 3, -1 / 6, 1 / 3])),
    special("binom-beyond", lambda k: sp.binom(2.0, k), np.array([-1.0, 3.0]), np.array([1 / 3, -1 / 3])),
]
