"""Shapes and axes as plain tuples.

Imports NumPy only. ``Shaped`` stands for an array of which only shape and dtype are known.

>>> Shaped((2, 3), np.dtype(float)).ndim
2
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from operator import index as as_index
from typing import Any, SupportsIndex

import numpy as np

Shape = tuple[int, ...]


@dataclass(slots=True)
class Shaped:
    """An array known by its shape and dtype alone."""

    shape: Shape
    dtype: "np.dtype[Any]"

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


def shaped(value: Any) -> Shaped:
    """Shape and dtype of an array, a NumPy scalar or a Python number.

    >>> shaped(1.0)
    Shaped(shape=(), dtype=dtype('float64'))
    """
    if isinstance(value, Shaped):
        return value
    if hasattr(value, "dtype"):
        return Shaped(value.shape, value.dtype)
    array = np.asarray(value)
    return Shaped(array.shape, array.dtype)


def is_inexact(dtype: "np.dtype[Any]") -> bool:
    """Whether values of ``dtype`` carry derivatives: floats and complex numbers do."""
    return bool(dtype.kind in "fc")


def negative_axis(axis: SupportsIndex, ndim: int, name: str) -> int:
    """``axis`` counted from the end, so that it stays right when axes are added in front.

    Raises
    ------
    numpy.exceptions.AxisError
        When ``axis`` is out of bounds for ``ndim`` axes; ``name`` is the function to name.
    """
    number = as_index(axis)
    if not -ndim <= number < ndim:
        raise np.exceptions.AxisError(f"{name}: axis {number} is out of bounds for array of dimension {ndim}")
    return number - ndim if number >= 0 else number


def negative_axes(axis: Any, ndim: int, name: str) -> tuple[int, ...]:
    """Axes as a tuple counted from the end; ``None`` means all of them.

    >>> negative_axes((0, -1), 3, "sum")
    (-3, -1)
    """
    if axis is None:
        return tuple(range(-ndim, 0))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    result = tuple(negative_axis(a, ndim, name) for a in axes)
    if len(set(result)) != len(result):
        raise ValueError(f"{name}: duplicate value in 'axis'")
    return result


def keepdims_shape(shape: Sequence[int], axes: Sequence[int]) -> Shape:
    """``shape`` with length 1 along ``axes`` (which count from the end).

    >>> keepdims_shape((2, 3), (-1,))
    (2, 1)
    """
    ndim = len(shape)
    reduced = {a + ndim for a in axes}
    return tuple(1 if i in reduced else n for i, n in enumerate(shape))


def broadcast_axes(source: Shape, target: Shape) -> tuple[Shape, Shape]:
    """How an array of shape ``source`` was broadcast to ``target``.

    Returns the axes of ``target`` to sum away entirely, and those to sum with ``keepdims``; both count
    from the end.

    >>> broadcast_axes((3, 1), (2, 3, 4))
    ((-3,), (-1,))
    """
    extra = len(target) - len(source)
    leading = tuple(range(-len(target), -len(source)))
    stretched = tuple(i - len(source) for i, n in enumerate(source) if n == 1 and target[i + extra] != 1)
    return leading, stretched
