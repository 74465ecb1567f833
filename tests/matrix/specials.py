"""Entries of the ufuncs of ``scipy.special``: ``hodiff/ops/special*.py``."""

import numpy as np
from scipy import special as sp

from matrix.table import OUT, entry

_REAL = ("float64", "float32")
_SHAPES = {
    1: {"0-d": ((),), "empty": ((0,),), "1-d": ((3,),), "3-d": ((2, 1, 2),)},
    2: {"0-d": ((), ()), "empty": ((0,), (1,)), "broadcast": ((2, 1), (2,))},
    3: {"0-d": ((), (), ()), "empty": ((0,), (1,), ()), "broadcast": ((2, 1), (2,), ())},
    4: {"0-d": ((), (), (), ()), "broadcast": ((2, 1), (2,), (), (1, 1))},
}


#: Those that take a series or continued fraction an element: one shape is enough.
_SLOW = ("btdtria", "btdtrib", "bdtrik", "bdtrin", "nbdtrik", "nbdtrin", "fdtr", "fdtrc", "fdtri", "fdtridfd")


def special(name, *ranges, fixed=(), text="", **options):
    """Entry of a ufunc: ``fixed`` are its first arguments, ``ranges`` those of the others."""
    function = getattr(sp, name)
    ranges = ranges or ((0.3, 0.9),)
    shapes = _SHAPES[len(ranges)]
    if name in _SLOW:
        shapes = {"0-d": shapes["0-d"]}
    options.setdefault("scale", 0.1)
    options.setdefault("dtypes", _REAL)
    options.setdefault("rtol", 1e-7)
    options.setdefault("single", 1e-2)
    options.setdefault("keywords", {"out": (OUT,)})
    return entry(
        function,
        name=f"special.{name}{text}",
        call=lambda *xs, **keywords: function(*fixed, *xs, **keywords),
        shapes=shapes,
        low=tuple(low for low, _ in ranges),
        high=tuple(high for _, high in ranges),
        **options,
    )


_ALL = ("float64", "float32", "complex128")
_POINTS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 3.0, np.inf, -np.inf, np.nan])
_UNIT = (0.2, 0.8)
_ONE = (0.6, 1.5)
_TWO = (1.6, 2.4)

ENTRIES = [
    # --- of one argument
    *(
        special(name, specials=(_POINTS,))
        for name in ("erfcinv", "ndtri", "erfinv", "expit", "log_expit", "logit", "entr", "cbrt", "cosm1")
    ),
    *(
        special(name, dtypes=_ALL)
        for name in ("erf", "erfc", "erfcx", "erfi", "ndtr", "expm1", "log1p", "wofz", "dawsn")
    ),
    *(
        special(name, (-0.9, 0.9), specials=(_POINTS,))
        for name in ("log_ndtr", "exp2", "exp10", "exprel", "itstruve0", "itmodstruve0", "it2struve0")
    ),
    special("ndtri_exp", (-2.0, -0.4)),
    *(special(name, _ONE) for name in ("j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1", "i0e", "i1e", "k0e", "k1e")),
    *(
        special(name, _ONE)
        for name in ("ber", "bei", "ker", "kei", "berp", "beip", "kerp", "keip", "kolmogorov", "wrightomega")
    ),
    special("kolmogi", _UNIT),
    special("itairy", _ONE, rtol=1e-4),
    *(special(name, (10.0, 70.0), scale=3.0) for name in ("sindg", "cosdg", "tandg", "cotdg")),
    *(special(name, _UNIT) for name in ("ellipk", "ellipkm1", "ellipe")),
    *(special(name, _TWO) for name in ("zetac", "gammaln")),
    *(special(name, _TWO, dtypes=_ALL) for name in ("psi", "loggamma", "gamma", "rgamma", "exp1", "expi", "spence")),
    *(special(name, _ONE) for name in ("airy", "airye", "kelvin", "iti0k0", "itj0y0", "sici", "shichi", "fresnel")),
    *(special(name, _ONE) for name in ("modfresnelp", "modfresnelm", "it2i0k0", "it2j0y0")),
    # --- of two
    *(special(name, _UNIT, _ONE, dtypes=_ALL) for name in ("xlogy", "xlog1py")),
    *(
        special(name, _UNIT, _ONE)
        for name in (
            "owens_t",
            "rel_entr",
            "kl_div",
            "boxcox",
            "boxcox1p",
            "inv_boxcox",
            "inv_boxcox1p",
            "powm1",
        )
    ),
    *(special(name, (0.5, 0.6), (1.0, 2.0)) for name in ("huber", "pseudo_huber")),
    *(
        special(name, _ONE, fixed=(1,))
        for name in (
            "jv",
            "yv",
            "iv",
            "kv",
            "yn",
            "kn",
            "hankel1",
            "hankel2",
            "jve",
            "yve",
            "ive",
            "kve",
            "hankel1e",
            "hankel2e",
            "struve",
            "modstruve",
            "expn",
        )
    ),
    special("agm", _ONE, (1.7, 2.9)),
    special("elliprc", _ONE, (1.7, 2.9), dtypes=_ALL),
    *(special(name, _UNIT, (0.3, 0.7)) for name in ("ellipkinc", "ellipeinc")),
    *(special(name, _ONE, _TWO) for name in ("beta", "betaln", "poch", "gammainc", "gammaincc")),
    special("binom", (3.2, 4.1), (1.2, 2.1)),
    *(special(name, _TWO, _UNIT) for name in ("gammaincinv", "gammainccinv")),
    *(special(name, _TWO, _ONE) for name in ("chdtr", "chdtrc")),
    special("chdtri", _TWO, _UNIT),
    special("chdtriv", _UNIT, _TWO),
    *(special(name, _TWO, fixed=(2,)) for name in ("pdtr", "pdtrc")),
    special("pdtri", _UNIT, fixed=(2,)),
    special("pdtrik", (0.3, 0.7), (3.0, 5.0)),
    special("tklmbda", _UNIT, (0.2, 0.4)),
    special("smirnov", (0.3, 0.4), fixed=(4,)),
    special("smirnovi", _UNIT, fixed=(4,)),
    *(
        special(f"eval_{name}", _UNIT, fixed=(3,), dtypes=_ALL)
        for name in (
            "chebyt",
            "chebyu",
            "chebyc",
            "chebys",
            "legendre",
            "laguerre",
            "hermite",
            "hermitenorm",
            "sh_chebyt",
            "sh_chebyu",
            "sh_legendre",
        )
    ),
    special("stdtr", (3.0, 5.0), _ONE),
    special("stdtrit", (3.0, 5.0), (0.6, 0.8)),
    special("stdtridf", (0.8, 0.84), (1.1, 1.3)),
    # --- of three
    special("voigt_profile", _UNIT, _ONE, _ONE),
    *(special(name, _ONE, fixed=(0.5, 1.2)) for name in ("wright_bessel", "log_wright_bessel")),
    *(special(name, _ONE, _TWO, _ONE) for name in ("gdtr", "gdtrc")),
    special("gdtria", _UNIT, _TWO, _ONE),
    special("gdtrib", _ONE, _UNIT, _ONE),
    special("gdtrix", _ONE, _TWO, _UNIT),
    special("btdtria", (0.3, 0.6), _TWO, (0.4, 0.6)),
    special("btdtrib", _TWO, (0.3, 0.6), (0.4, 0.6)),
    *(special(name, _UNIT, fixed=(2, 5)) for name in ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri")),
    special("bdtrik", (0.3, 0.6), (6.2, 7.4), (0.4, 0.6)),
    special("bdtrin", (2.2, 3.0), (0.4, 0.6), (0.4, 0.6)),
    special("nbdtrik", (0.3, 0.6), (3.2, 4.4), (0.4, 0.6)),
    special("nbdtrin", (2.2, 3.0), (0.4, 0.6), (0.4, 0.6)),
    *(special(name, (3.0, 5.0), (4.0, 6.0), _ONE) for name in ("fdtr", "fdtrc")),
    special("fdtri", (3.0, 5.0), (4.0, 6.0), _UNIT),
    special("fdtridfd", (3.0, 4.0), (0.55, 0.6), (1.1, 1.2)),
    special("nrdtrimn", _UNIT, _ONE, _ONE),
    special("nrdtrisd", (0.6, 0.9), (0.6, 0.8), (1.6, 1.9)),
    special("radian", (10.0, 20.0), (5.0, 20.0), (5.0, 20.0)),
    *(special(name, _ONE, _TWO, (2.6, 3.3), dtypes=_ALL) for name in ("elliprf", "elliprd", "elliprg")),
    *(special(name, _ONE, _TWO, _UNIT) for name in ("betainc", "betaincc", "betaincinv", "betainccinv")),
    special("eval_gegenbauer", _UNIT, fixed=(3, 0.7), dtypes=_ALL),
    special("eval_genlaguerre", _UNIT, fixed=(3, 0.7), dtypes=_ALL),
    special("hyp0f1", _UNIT, fixed=(1.3,), dtypes=_ALL),
    special("hyp1f1", _UNIT, fixed=(1.3, 2.2), dtypes=_ALL),
    special("hyperu", _ONE, fixed=(1.3, 2.2)),
    special("lpmv", _UNIT, fixed=(1, 3)),
    # --- of more
    special("elliprj", _ONE, _TWO, (2.6, 3.3), (3.5, 4.0)),
    special("eval_jacobi", _UNIT, fixed=(3, 0.7, 1.2), dtypes=_ALL),
    special("eval_sh_jacobi", _UNIT, fixed=(3, 2.2, 1.2), dtypes=_ALL),
    special("hyp2f1", (0.2, 0.5), fixed=(1.2, 0.7, 2.1), dtypes=_ALL),
    special("ellipj", _UNIT, (0.3, 0.7)),
    # In single precision SciPy's Mathieu functions are NaN, and its spheroidal ones do not return.
    *(special(name, _ONE, fixed=(1.5,), dtypes=("float64",)) for name in ("pbdv", "pbvv", "pbwa")),
    *(
        special(name, (20.0, 50.0), fixed=(2, 1.5), scale=3.0, dtypes=("float64",))
        for name in ("mathieu_cem", "mathieu_sem")
    ),
    *(
        special(name, _ONE, fixed=(2, 1.5), dtypes=("float64",))
        for name in ("mathieu_modcem1", "mathieu_modcem2", "mathieu_modsem1", "mathieu_modsem2")
    ),
    *(
        special(name, x, fixed=(1, 2, 1.5), dtypes=("float64",))
        for name, x in (
            ("pro_ang1", _UNIT),
            ("pro_rad1", _TWO),
            ("obl_ang1", _UNIT),
            ("obl_rad1", _ONE),
        )
    ),
    *(
        special(name, x, fixed=(1, 2, 1.5, cv), dtypes=("float64",))
        for name, x, cv in (
            ("pro_ang1_cv", _UNIT, sp.pro_cv(1, 2, 1.5)),
            ("pro_rad1_cv", _TWO, sp.pro_cv(1, 2, 1.5)),
            ("obl_ang1_cv", _UNIT, sp.obl_cv(1, 2, 1.5)),
            ("obl_rad1_cv", _ONE, sp.obl_cv(1, 2, 1.5)),
        )
    ),
]
