"""Running products and sums along an axis: cumprod, cumulative_sum, cumulative_prod, and those that skip NaN.

The running product p satisfies pₖ = xₖ pₖ₋₁, so its differential satisfies tₖ = xₖ tₖ₋₁ + pₖ₋₁ dxₖ. That is one
operation, ``recurrence``, which divides by nothing: zeros are no exception, at any order.
May import ``code``, ``core``, ``kinds``, ``lowering``, ``reducing`` and ``shaped``.

>>> import hodiff as hd
>>> hd.jacfwd(np.cumprod)(np.array([2.0, 0.0, 3.0]))
array([[1., 0., 0.],
       [0., 2., 0.],
       [0., 6., 0.]])
"""

from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive
from hodiff.kinds import composite, general, reject
from hodiff.lowering import Running
from hodiff.reducing import converted
from hodiff.shaped import Shaped, negative_axis

# --- the recurrence ---------------------------------------------------------------------------------------------------


def _recurrence(a: Any, b: Any, axis: int) -> Any:
    """h with hₖ = aₖ hₖ₋₁ + bₖ and h₀ = b₀, along ``axis``."""
    answer = np.array(np.broadcast_to(b, np.broadcast_shapes(a.shape, b.shape)), np.result_type(a, b))
    steps, factors = np.moveaxis(answer, axis, 0), np.moveaxis(a, axis, 0)
    # A product of several factors may overflow where one after the other does not, so there is no scan by halves.
    for k in range(1, len(steps)):
        steps[k] += factors[k] * steps[k - 1]
    return answer


def _slice(axis: int, start: int | None, stop: int | None) -> tuple[Any, ...]:
    return (..., slice(start, stop), *(slice(None),) * (-axis - 1))


def _delayed(x: Any, first: float, axis: int) -> Any:
    """``first`` in front of all elements but the last."""
    head = np.full((*x.shape[:axis], min(x.shape[axis], 1), *x.shape[x.ndim + axis + 1 :]), first, x.dtype)
    return np.concatenate([head, x[_slice(axis, None, -1)]], axis=axis)


def _recurrence_transpose(ct: Any, a: Any, b: Any, axis: int) -> Any:
    """The recurrence from the end: cₖ = ctₖ + aₖ₊₁ cₖ₊₁."""
    return np.flip(recurrence(_delayed(np.flip(a, axis), 0.0, axis), np.flip(ct, axis), axis=axis), axis)


recurrence: Primitive = general(
    _recurrence,
    lambda t, ans, a, b, axis: recurrence(a, _delayed(ans, 0.0, axis) * t, axis=axis),
    None,
    name="recurrence",
    transposes=(None, _recurrence_transpose),
    leading=True,
    code=Code(shares=False, nest=Running("recurrence")),
)
running_product = general(
    lambda x, axis: np.cumprod(x, axis),
    lambda t, ans, x, axis: recurrence(x, _delayed(ans, 1.0, axis) * t, axis=axis),
    name="running_product",
    leading=True,
    code=Code(shares=False, nest=Running("multiply")),
    shape=lambda x, axis: Shaped(x.shape, np.result_type(x.dtype, np.int_) if x.dtype.kind in "biu" else x.dtype),
)


# --- NumPy's functions ------------------------------------------------------------------------------------------------


@composite(np.cumprod, method="cumprod")
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """NumPy's ``cumprod``; exact derivatives where elements are zero."""
    reject("numpy.cumprod", out=(out, None))
    a = converted(a, dtype)
    if axis is None or a.ndim == 0:
        a = np.reshape(a, (-1,))
    return running_product(a, axis=negative_axis(-1 if axis is None else axis, a.ndim, "numpy.cumprod"))


@composite(np.cumulative_sum)
def cumulative_sum(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    """NumPy's ``cumulative_sum``."""
    reject("numpy.cumulative_sum", out=(out, None))
    axis = _only_axis(x, axis, "numpy.cumulative_sum")
    answer = np.cumsum(x, axis=axis, dtype=dtype)
    return _with_initial(answer, 0, axis) if include_initial else answer


@composite(np.cumulative_prod)
def cumulative_prod(
    x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    """NumPy's ``cumulative_prod``; exact derivatives where elements are zero."""
    reject("numpy.cumulative_prod", out=(out, None))
    axis = _only_axis(x, axis, "numpy.cumulative_prod")
    answer = np.cumprod(x, axis=axis, dtype=dtype)
    return _with_initial(answer, 1, axis) if include_initial else answer


@composite(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """NumPy's ``nancumsum``: missing elements count as 0, and have the derivative 0."""
    reject("numpy.nancumsum", out=(out, None))
    return np.cumsum(np.where(np.isnan(a), 0, a), axis=axis, dtype=dtype)


@composite(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """NumPy's ``nancumprod``: missing elements count as 1, and have the derivative 0."""
    reject("numpy.nancumprod", out=(out, None))
    return np.cumprod(np.where(np.isnan(a), 1, a), axis=axis, dtype=dtype)


def _only_axis(x: Any, axis: Any, name: str) -> int:
    """The axis, which may be left out where there is one alone; a scalar has one."""
    if axis is None:
        if x.ndim >= 2:
            raise ValueError(f"{name}: for arrays which have more than one dimension the axis argument is required")
        return -1
    return negative_axis(axis, max(x.ndim, 1), name)


def _with_initial(answer: Any, identity: int, axis: int) -> Any:
    shape = [*answer.shape]
    shape[axis] = 1
    return np.concatenate([np.full(shape, identity, answer.dtype), answer], axis=axis)
