"""Bessel functions, scaled, of all kinds, and their relatives.

May import ``errors`` and ``kinds``.

>>> import hodiff as hd
>>> float(hd.grad(special.i1)(0.0))
0.5
"""

from typing import Any

from scipy import special

from hodiff.errors import NoRuleError
from hodiff.kinds import elementwise


def _no_partial(name: str) -> Any:
    """Partial with respect to the order, which is no function of SciPy's."""

    def refuse(ans: Any, *operands: Any) -> Any:
        raise NoRuleError.for_function(f"scipy.special.{name} (with respect to its first argument, the order v)")

    return refuse


# --- Bessel functions (DLMF 10.6.1, 10.29.1) --------------------------------------------------------------------------

jv = elementwise(
    special.jv, _no_partial("jv"), lambda ans, v, x: 0.5 * (special.jv(v - 1.0, x) - special.jv(v + 1.0, x))
)
yv = elementwise(
    special.yv, _no_partial("yv"), lambda ans, v, x: 0.5 * (special.yv(v - 1.0, x) - special.yv(v + 1.0, x))
)
iv = elementwise(
    special.iv, _no_partial("iv"), lambda ans, v, x: 0.5 * (special.iv(v - 1.0, x) + special.iv(v + 1.0, x))
)
kv = elementwise(
    special.kv, _no_partial("kv"), lambda ans, v, x: -0.5 * (special.kv(v - 1.0, x) + special.kv(v + 1.0, x))
)
j0 = elementwise(special.j0, lambda ans, x: -special.j1(x))
j1 = elementwise(special.j1, lambda ans, x: 0.5 * (special.j0(x) - special.jv(2.0, x)))
y0 = elementwise(special.y0, lambda ans, x: -special.y1(x))
y1 = elementwise(special.y1, lambda ans, x: 0.5 * (special.y0(x) - special.yv(2.0, x)))
i0 = elementwise(special.i0, lambda ans, x: special.i1(x))
i1 = elementwise(special.i1, lambda ans, x: 0.5 * (special.i0(x) + special.iv(2.0, x)))
k0 = elementwise(special.k0, lambda ans, x: -special.k1(x))
k1 = elementwise(special.k1, lambda ans, x: -0.5 * (special.k0(x) + special.kv(2.0, x)))
