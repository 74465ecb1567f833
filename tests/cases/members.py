"""Cases for batching alone: operations without a derivative whose members differ, see ``test_members.py``."""

import numpy as np
from scipy import special as sp

import hodiff as hd
import hodiff.ops.indexing as ops
from cases.table import case, special
from hodiff.ops.elementwise import complex_of

_X = np.array([0.3, 0.55, 0.45])


def _value(name, *before, low=0.0, by=1.0, after=()):
    """The batch of f(x) x with f held fixed, whose derivative is f(x)."""
    function = getattr(sp, name)

    def fixed(x):
        out = function(*before, low + by * hd.stop_gradient(x), *after)
        return out[0] if isinstance(out, tuple) else out

    return special(f"members-{name}", lambda x: hd.vmap(lambda row: fixed(row) * row)(x), _X, fixed(_X))


CASES = [
    # Under vmap indices are traced, so the transpose of a gathering is an operation, which is differentiated here.
    case(
        "members-scatter",
        hd.vmap(hd.grad(lambda row: np.sum(np.take(row, np.argsort(row)[:2]) ** 3))),
        np.array([[0.3, 0.9, 0.6], [0.8, 0.1, 0.5]]),
        covers=ops.scatter,
        scale=0.1,
    ),
    case("members-complex", lambda x, y: np.real(complex_of(x, y) ** 3), _X, _X[::-1] + 0.2, covers=complex_of),
]

SPECIALS = [
    # The slopes are too small for a comparison that is absolute.
    special(
        "radian-slopes",
        lambda d, m, s: sp.radian(d, m, s),
        (np.array(10.0), np.array(20.0), np.array(30.0)),
        (np.array(np.pi / 180), np.array(np.pi / 10800), np.array(np.pi / 648000)),
    ),
    *(_value(name, 4.0, 0.5) for name in ("nctdtr", "nctdtrit")),
    _value("nctdtridf", 0.6, 0.4, low=0.8),
    _value("nctdtrinc", 4.0, 0.4),
    *(_value(name, 3.0, 4.0, 0.5) for name in ("ncfdtr", "ncfdtri")),
    _value("ncfdtridfn", low=3.0, after=(0.55, 0.5, 1.5)),
    _value("ncfdtridfd", 3.0, low=0.2, after=(0.5, 1.5)),
    _value("ncfdtrinc", 3.0, 4.0, 0.2, low=1.0),
    *(_value(name, 2, low=0.5) for name in ("mathieu_a", "mathieu_b")),
    *(_value(name, 1, 2, low=1.5, by=0.1) for name in ("pro_cv", "obl_cv")),
    *(_value(name, 1, 2, 1.5, low=1.2) for name in ("pro_rad2", "obl_rad2")),
    *(
        _value(name, 1, 2, 1.5, getattr(sp, f"{name[:3]}_cv")(1, 2, 1.5), low=1.2)
        for name in ("pro_rad2_cv", "obl_rad2_cv")
    ),
]
