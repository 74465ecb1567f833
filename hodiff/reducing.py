"""What reductions share: their axes and shapes, and NumPy's keywords ``keepdims``, ``dtype`` and ``where``.

May import ``core``, ``errors`` and ``shaped``.

>>> reduced_axes(0, 3, "sum"), reduced_shape((2, 3, 4), (-3,), keepdims=False)
((-3,), (3, 4))
"""

from math import prod
from typing import Any

import numpy as np

from hodiff.core import Tracer
from hodiff.errors import UnsupportedKeywordError
from hodiff.shaped import Shape, keepdims_shape, negative_axes, negative_axis

#: NumPy's own default of keywords that were left out: 0 and None mean something else to `initial`.
ABSENT: Any = np._NoValue
_ALL_AXES = tuple(tuple(range(-ndim, 0)) for ndim in range(65))

Axes = tuple[int, ...]


def reduced_axes(axis: Any, ndim: int, name: str) -> Axes:
    """Axes to reduce, counted from the end; a scalar has one, as for NumPy."""
    if axis is None:
        return _ALL_AXES[ndim]
    if axis.__class__ is int and -ndim <= axis < ndim:
        return (axis - ndim if axis >= 0 else axis,)
    if isinstance(axis, tuple):
        return negative_axes(axis, ndim, name)
    if isinstance(axis, bool):
        raise TypeError(f"{name}: an integer is required for the axis")
    last = negative_axis(axis, max(ndim, 1), name)
    return (last,) if ndim else ()


def length(shape: Shape, axis: Axes) -> int:
    """Number of elements that are reduced to one."""
    return prod(shape[i] for i in axis)


def reduced_shape(shape: Shape, axis: Axes, keepdims: bool) -> Shape:
    """Shape of the answer."""
    if keepdims:
        return keepdims_shape(shape, axis)
    return () if len(axis) == len(shape) else tuple(n for i, n in enumerate(shape, -len(shape)) if i not in axis)


def kept(value: Any, shape: Shape, axis: Axes, keepdims: bool) -> Any:
    """Reduced ``value`` in a form that broadcasts against the ``shape`` it was reduced from."""
    return value if keepdims or len(axis) == len(shape) else np.reshape(value, keepdims_shape(shape, axis))


def merged_last(x: Any, axis: Axes) -> Any:
    """``x`` with the axes ``axis`` merged into one, the last."""
    rest = tuple(i for i in range(-x.ndim, 0) if i not in axis)
    if rest + axis != tuple(range(-x.ndim, 0)):
        x = np.transpose(x, rest + axis)
    return x if len(axis) == 1 else np.reshape(x, (*x.shape[: len(rest)], prod(x.shape[len(rest) :])))


def check_averaging(a: Any, dtype: Any, kinds: str, name: str) -> None:
    """Refuse a precision to average in that is none of ``kinds`` or loses imaginary parts."""
    if dtype is not None and np.dtype(dtype).kind not in (kinds.replace("f", "") if a.dtype.kind == "c" else kinds):
        raise UnsupportedKeywordError.for_keyword(name, "dtype")


def flag(keepdims: Any) -> bool:
    """The keyword ``keepdims``, which NumPy may leave out."""
    return keepdims is not ABSENT and bool(keepdims)


def converted(a: Any, dtype: Any) -> Any:
    """``a`` in the precision asked for; None asks for none."""
    return a if dtype is None or a.dtype == dtype else a.astype(dtype)


def mask_of(a: Any, where: Any, name: str) -> Any:
    """The keyword ``where`` as an array that broadcasts to ``a``; None where it leaves nothing out."""
    if where is ABSENT or where is True:
        return None
    where = where if isinstance(where, Tracer) else np.asarray(where)
    if where.dtype.kind != "b":
        raise TypeError(f"{name}: where must be boolean, not {where.dtype}")
    if np.broadcast_shapes(a.shape, where.shape) != a.shape:
        raise ValueError(f"{name}: where of shape {where.shape} does not broadcast to the operand's shape {a.shape}")
    return where


def masked(a: Any, where: Any, identity: Any, name: str) -> Any:
    """``a`` with ``identity`` in the places that ``where`` leaves out."""
    mask = mask_of(a, where, name)
    return a if mask is None else np.where(mask, a, identity)


def count(a: Any, where: Any, axis: Axes, keepdims: bool) -> Any:
    """Number of elements that take part."""
    if where is ABSENT or where is True:
        return length(a.shape, axis)
    return np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=keepdims)
