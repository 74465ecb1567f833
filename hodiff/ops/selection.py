"""Selection: maximum, minimum, where, clip, and conversion between dtypes.

Two equal operands of ``maximum`` or ``minimum`` share the derivative equally, the minimum-norm element of the Clarke
subdifferential, so ``clip`` at a bound has the derivative 1/2. ``where`` selects cotangents instead of
multiplying them, so nothing that was not selected can poison the result.
May import ``batch_rules``, ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> float(hd.grad(np.maximum)(1.0, 1.0))
0.5
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.core import as_operand
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, constant, elementwise, linear, reject
from hodiff.lowering import Mapped
from hodiff.operands import as_array
from hodiff.shaped import is_inexact


def _share(ans: Any, x: Any, y: Any) -> Any:
    """1 where x alone is the answer, 1/2 where both are, 0 where y is, NaN where neither is, since one is NaN.

    Comparison with the answer, not of x with y, leaves the order to NumPy, that of complex numbers and of NaN included.
    """
    mine = _indicator(ans, x)
    return mine / (mine + np.equal(y, ans))


def _indicator(ans: Any, x: Any) -> Any:
    """Whether x is the answer, as a number of its precision."""
    return np.equal(x, ans).astype(ans.dtype if ans.dtype.kind == "f" else np.finfo(ans.dtype).dtype)


def _clamp_share(slot: int, ans: Any, x: Any, low: Any, high: Any) -> Any:
    """Share of one of three operands; x cannot be the answer where the lower bound is above the upper one."""
    shares = [_indicator(ans, x) * np.less_equal(low, high), _indicator(ans, low), _indicator(ans, high)]
    return shares[slot] / (shares[0] + shares[1] + shares[2])


# Given by position, their third argument would look like an operand, which NumPy deprecates.
maximum = elementwise(
    np.maximum, _share, lambda ans, x, y: _share(ans, y, x), code=Code(into="np.maximum({0}, {1}, out={out})")
)
minimum = elementwise(
    np.minimum, _share, lambda ans, x, y: _share(ans, y, x), code=Code(into="np.minimum({0}, {1}, out={out})")
)
fmax = elementwise(np.fmax, _share, lambda ans, x, y: _share(ans, y, x))
fmin = elementwise(np.fmin, _share, lambda ans, x, y: _share(ans, y, x))
clamp = elementwise(
    lambda x, low, high: np.clip(x, low, high),
    *(partial(_clamp_share, slot) for slot in range(3)),
    name="clamp",
    # What the method of plain arrays calls: array.clip(low, x).
    numpy=np._core.umath.clip,  # type: ignore[attr-defined]
    code=Code(
        value="np._core.umath.clip({0}, {1}, {2})",
        into="np._core.umath.clip({0}, {1}, {2}, {out})",
        shares=False,
        nest=Mapped("clamp"),
    ),
)

heaviside = elementwise(np.heaviside, None, lambda ans, x, y: np.equal(x, 0) * 1.0, smooth=True)

select = linear(
    np.where,
    None,
    lambda ct, c, x, y: np.where(c, ct, 0),
    lambda ct, c, x, y: np.where(c, 0, ct),
    name="select",
    code=Code(value="np.where({0}, {1}, {2})", shares=False, nest=Mapped("select")),
    batch=batch_aligned,
    hazard="none",
)
_CONVERTED = Code(
    value="{0}.astype({dtype})", into="np.copyto({out}, {0}, 'unsafe')", shares=False, nest=Mapped("convert")
)
truncate = constant(lambda x, dtype: x.astype(dtype), name="truncate", leading=True, code=_CONVERTED)
cast = linear(
    lambda x, dtype: x.astype(dtype),
    lambda ct, x, dtype: ct,
    name="cast",
    leading=True,
    hazard="warning",
    code=_CONVERTED,
)


@composite(np.where)
def where(condition: Any, *choices: Any) -> Any:
    """NumPy's ``where``; with the condition alone, its indices."""
    if not choices:
        return np.nonzero(as_operand(condition))
    if len(choices) != 2:
        raise ValueError("either both or neither of x and y should be given")
    return select(as_operand(condition), *(as_operand(c) for c in choices))


@composite(np.clip, method="clip")
def clip(
    a: Any,
    a_min: Any = np._NoValue,
    a_max: Any = np._NoValue,
    out: Any = None,
    *,
    min: Any = np._NoValue,
    max: Any = np._NoValue,
    **ufunc_keywords: Any,
) -> Any:
    """NumPy's ``clip``: the maximum with the lower bound, then the minimum with the upper one."""
    reject("numpy.clip", out=(out, None))
    for keyword in ufunc_keywords:
        raise UnsupportedKeywordError.for_keyword("numpy.clip", keyword)
    lower, upper = _bound(a_min, min), _bound(a_max, max)
    # As for NumPy, what is clipped is an array, and only the bounds may be numbers without a precision of their own.
    a = as_array(a)
    if lower is None:
        return np.copy(a) if upper is None else np.minimum(a, upper)
    return np.maximum(a, lower) if upper is None else clamp(a, as_operand(lower), as_operand(upper))


def _bound(old: Any, new: Any) -> Any:
    """A bound by either of its two names; None for no bound."""
    if new is np._NoValue:
        return None if old is np._NoValue else old
    if old is not np._NoValue:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    return new


@composite(method="astype")
def astype(x: Any, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True) -> Any:
    """Conversion to another dtype; to integers or booleans it is constant.

    Neither the order in memory nor subclasses mean anything to traced values.
    """
    if order not in ("K", "A", "C", "F"):
        raise ValueError(f"ndarray.astype: order must be one of 'C', 'F', 'A', or 'K' (got {order!r})")
    target = np.dtype(dtype)
    if not np.can_cast(x.dtype, target, casting):
        raise TypeError(f"ndarray.astype: cannot cast from {x.dtype} to {target} according to the rule {casting!r}")
    if target == x.dtype and not copy:
        return x
    if not is_inexact(target):
        return truncate(x, dtype=target)
    if x.dtype.kind == "c" and target.kind != "c":
        x = np.real(x)
    return cast(x, dtype=target)
