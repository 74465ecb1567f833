"""Cases of ``hodiff/ops/special_orthogonal.py``."""

from dataclasses import replace

import numpy as np
from scipy import special as sp

from cases.table import array, case, refused, special
from hodiff.errors import NoRuleError
from hodiff.ops import special_orthogonal as ops

_X = np.array([[-0.7, 0.1], [0.45, 0.8]])
_UNIT = array(3, low=0.2, high=0.8)


def _of(function, *parameters, x=_X, scale=0.1, name="", **options):
    return case(
        f"special-{function.__name__}-{parameters}{name}",
        lambda x: function(*parameters, x),
        x,
        covers=function,
        scale=scale,
        **options,
    )


def _complex(function, *parameters):
    def parts(x, y):
        out = function(*parameters, x + 1j * y)
        return np.real(out), np.imag(out)

    return case(f"special-{function.__name__}-complex", parts, _UNIT, -_UNIT, covers=function, scale=0.2)


def _refused(function, *operands, slots):
    """The derivative with respect to each of some operands is refused."""
    return [
        replace(
            refused(
                f"{function.__name__}-{slot}",
                NoRuleError,
                lambda v, slot=slot: function(*operands[:slot], v, *operands[slot + 1 :]),
                float(operands[slot]),
            ),
            batch=False,
        )
        for slot in slots
    ]


_ONE = (sp.eval_chebyt, sp.eval_chebyu, sp.eval_chebyc, sp.eval_chebys, sp.eval_legendre, sp.eval_laguerre)
_SHIFTED = (sp.eval_sh_chebyt, sp.eval_sh_chebyu, sp.eval_sh_legendre)
_WITH_CV = (
    (sp.pro_ang1_cv, sp.pro_cv, _UNIT),
    (sp.pro_rad1_cv, sp.pro_cv, _UNIT + 1.2),
    (sp.obl_ang1_cv, sp.obl_cv, _UNIT),
    (sp.obl_rad1_cv, sp.obl_cv, _UNIT + 0.5),
)
_PARAMETERS = (
    (sp.eval_gegenbauer, (0.6,)),
    (sp.eval_genlaguerre, (0.6,)),
    (sp.eval_jacobi, (0.5, 1.5)),
    (sp.eval_sh_jacobi, (2.5, 1.5)),
)

CASES = [
    *[_of(f, n) for f in _ONE for n in (-2, 0, 1, 4, 2.5)],
    *[_of(f, n, x=_UNIT) for f in _SHIFTED for n in (-2, 0, 1, 4, 2.5)],
    *[_of(f, n) for f in (sp.eval_hermite, sp.eval_hermitenorm) for n in (0, 1, 4)],
    *[_of(f, n, *p, x=_UNIT) for f, p in _PARAMETERS for n in (0, 1, 4, 2.5)],
    case(
        "special-eval_legendre-degrees",
        lambda x: sp.eval_legendre(np.arange(3)[:, None, None], x),
        _X,
        covers=sp.eval_legendre,
        scale=0.1,
    ),
    *[_complex(f, 3) for f in _ONE],
    _of(sp.hyp0f1, 1.3),
    _of(sp.hyp1f1, 0.7, 1.3),
    _of(sp.hyp2f1, 0.7, 1.3, 2.1),
    _of(sp.hyperu, 0.7, 1.3, x=_UNIT + 0.5),
    _complex(sp.hyp0f1, 1.3),
    _complex(sp.hyp1f1, 0.7, 1.3),
    _complex(sp.hyp2f1, 0.7, 1.3, 2.1),
    *[_of(sp.lpmv, m, v) for m, v in ((0, 3), (1, 3), (3, 2), (-1, 3), (2, 2.5), (-1, 1.5), (1, -3), (0, 0))],
    case("special-ferrers", lambda x: ops.ferrers(1, 2, 3.0, x), _X, covers=ops.ferrers, scale=0.1),
    # --- with their derivative
    *[_of(f, 1.3, rtol=1e-5) for f in (sp.pbdv, sp.pbvv, sp.pbwa)],
    *[_of(f, 2, 1.3, x=50.0 * _UNIT, scale=5.0, rtol=1e-5, single=False) for f in (sp.mathieu_cem, sp.mathieu_sem)],
    *[
        _of(f, 2, 1.3, x=_UNIT, rtol=1e-5, single=False)
        for f in (sp.mathieu_modcem1, sp.mathieu_modcem2, sp.mathieu_modsem1, sp.mathieu_modsem2)
    ],
    *[_of(f, 1, 2, 1.3, cv(1, 2, 1.3), x=x, rtol=1e-5, single=False) for f, cv, x in _WITH_CV],
    *[_of(getattr(sp, f.__name__[:-3]), 1, 2, 1.3, x=x, rtol=1e-5, single=False) for f, cv, x in _WITH_CV],
    case("special-mathieu_a", lambda x: sp.mathieu_a(2, 1.3) * x, 0.5, covers=(ops.mathieu_a, ops.mathieu_b)),
    case("special-pro_cv", lambda x: sp.pro_cv(1, 2, 1.3) * x, 0.5, covers=(ops.pro_cv, ops.obl_cv)),
    # --- refused
    *[row for f in (*_ONE, *_SHIFTED) for row in _refused(f, 2.5, 0.3, slots=(0,))],
    *[row for f, p in _PARAMETERS for row in _refused(f, 2.5, *p, 0.3, slots=range(1 + len(p)))],
    *_refused(sp.hyp0f1, 0.7, 0.3, slots=(0,)),
    *_refused(sp.hyp1f1, 0.7, 1.3, 0.3, slots=(0, 1)),
    *_refused(sp.hyp2f1, 0.7, 1.3, 2.1, 0.3, slots=(0, 1, 2)),
    *_refused(sp.hyperu, 0.7, 1.3, 0.3, slots=(0, 1)),
    *_refused(sp.lpmv, 1, 2.5, 0.3, slots=(0, 1)),
    *[row for f in (sp.pbdv, sp.pbvv, sp.pbwa) for row in _refused(f, 0.7, 0.3, slots=(0,))],
    *[row for f in (sp.mathieu_a, sp.mathieu_b) for row in _refused(f, 2, 1.3, slots=(0, 1))],
    *_refused(sp.mathieu_cem, 2, 1.3, 20.0, slots=(0, 1)),
    *[row for f in (sp.pro_cv, sp.obl_cv) for row in _refused(f, 1, 2, 1.3, slots=(0, 1, 2))],
    *[
        row
        for f, p in ((sp.pro_rad2, ()), (sp.obl_rad2, ()), (sp.pro_rad2_cv, (6.7,)), (sp.obl_rad2_cv, (5.3,)))
        for row in _refused(f, 1, 2, 1.3, *p, 1.5, slots=range(3, 4 + len(p)))
    ],
    case(
        "special-spheroidal-second-kind",
        lambda x: sp.pro_rad2(1, 2, 1.3, 1.5)[0] * x,
        0.5,
        covers=(sp.pro_rad2, sp.obl_rad2, sp.pro_rad2_cv, sp.obl_rad2_cv),
    ),
    *_refused(sp.pro_ang1, 1, 2, 1.3, 0.3, slots=(0, 1, 2)),
    *_refused(sp.obl_rad1_cv, 1, 2, 1.3, 4.0, 0.3, slots=(0, 1, 2, 3)),
]

SPECIALS = [
    # At the ends Pₙ' = n(n + 1)/2, Uₙ' = n(n + 1)(n + 2)/3, Tₙ' = n².
    special(
        "special-legendre-end", lambda x: sp.eval_legendre(3, x), np.array([1.0]), np.array([6.0]), second=[[15.0]]
    ),
    special("special-chebyt-end", lambda x: sp.eval_chebyt(3, x), np.array([-1.0]), np.array([9.0]), second=[[-24.0]]),
    special("special-chebyu-end", lambda x: sp.eval_chebyu(3, x), np.array([1.0]), np.array([20.0]), second=[[48.0]]),
    special("special-lpmv-end", lambda x: sp.lpmv(0, 3, x), np.array([1.0]), np.array([6.0]), second=[[15.0]]),
    special("special-lpmv-end-two", lambda x: sp.lpmv(2, 2, x), np.array([-1.0]), np.array([6.0]), second=[[-6.0]]),
    special("special-lpmv-end-one", lambda x: sp.lpmv(1, 1, x), 1.0, np.inf),
    special("special-lpmv-end-real", lambda x: sp.lpmv(0, 2.5, x), 1.0, 4.375),
    special("special-legendre-high", lambda x: sp.eval_legendre(700.0, x), 1.0, 245350.0, second=30098188575.0),
    special("special-chebyt-constant", lambda x: sp.eval_chebyt(0.0, x), -1.0, 0.0, second=0.0),
    special("special-hermite-zero", lambda x: sp.eval_hermite(3, x), 0.0, -12.0, second=0.0),
    special("special-hyp2f1-zero", lambda x: sp.hyp2f1(2.0, 3.0, 4.0, x), 0.0, 1.5, second=3.6),
]
