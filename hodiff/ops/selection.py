"""Selection: maximum, minimum, where, clip, and conversion between dtypes.

Two equal operands of ``maximum`` or ``minimum`` share the derivative equally, the minimum-norm element of the Clarke
subdifferential, so ``clip`` at a bound has the derivative 1/2. ``where`` selects cotangents instead of
multiplying them, so nothing that was not selected can poison the result. May import ``core``, ``kinds``, ``shaped``.

>>> import hodiff as hd
>>> float(hd.grad(np.maximum)(1.0, 1.0))
0.5
"""

from typing import Any

import numpy as np

from hodiff.core import as_operand
from hodiff.kinds import batch_aligned, composite, constant, elementwise, linear, reject
from hodiff.shaped import is_inexact


def _share(x: Any, y: Any) -> Any:
    """1 where x > y, 1/2 where they are equal, 0 where x < y, NaN where either is NaN."""
    return np.where(np.equal(x, y), 0.5, 0.5 + 0.5 * np.sign(np.subtract(x, y)))


def _share_number(x: Any, y: Any) -> Any:
    """As `_share`, where a NaN loses to a number: the rule of ``fmax`` and ``fmin``."""
    return np.where(np.isnan(y), np.where(np.isnan(x), 0.5, 1.0), np.where(np.isnan(x), 0.0, _share(x, y)))


maximum = elementwise(np.maximum, lambda ans, x, y: _share(x, y), lambda ans, x, y: _share(y, x))
minimum = elementwise(np.minimum, lambda ans, x, y: _share(y, x), lambda ans, x, y: _share(x, y))
fmax = elementwise(np.fmax, lambda ans, x, y: _share_number(x, y), lambda ans, x, y: _share_number(y, x))
fmin = elementwise(
    np.fmin,
    lambda ans, x, y: _share_number(np.negative(x), np.negative(y)),
    lambda ans, x, y: _share_number(np.negative(y), np.negative(x)),
)

heaviside = elementwise(np.heaviside, None, lambda ans, x, y: np.equal(x, 0) * 1.0, smooth=True)

select = linear(
    np.where,
    None,
    lambda ct, c, x, y: np.where(c, ct, 0),
    lambda ct, c, x, y: np.where(c, 0, ct),
    name="select",
    batch=batch_aligned,
)
truncate = constant(lambda x, dtype: x.astype(dtype), name="truncate", leading=True)
cast = linear(lambda x, dtype: x.astype(dtype), lambda ct, x, dtype: ct, name="cast", leading=True)


@composite(np.where)
def where(condition: Any, *choices: Any) -> Any:
    """NumPy's ``where``; with the condition alone, its indices."""
    if not choices:
        return np.nonzero(condition)
    if len(choices) != 2:
        raise ValueError("either both or neither of x and y should be given")
    return select(condition, *(as_operand(c) for c in choices))


@composite(np.clip, method="clip")
def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """NumPy's ``clip``: the maximum with the lower bound, then the minimum with the upper one."""
    reject("numpy.clip", out=(out, None))
    lower = a_min if min is None else min
    upper = a_max if max is None else max
    if lower is not None:
        a = np.maximum(a, lower)
    return a if upper is None else np.minimum(a, upper)


@composite(method="astype")
def astype(x: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Any:
    """Conversion to another dtype; to integers or booleans it is constant."""
    reject("ndarray.astype", order=(order, "K"), casting=(casting, "unsafe"), subok=(subok, True), copy=(copy, True))
    target = np.dtype(dtype)
    if not is_inexact(target):
        return truncate(x, dtype=target)
    if x.dtype.kind == "c" and target.kind != "c":
        x = np.real(x)
    return cast(x, dtype=target)
