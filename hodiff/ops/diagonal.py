"""Diagonals and traces of matrices. May import ``code``, ``core``, ``kinds``, ``lowering`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.trace(x @ x))(np.array([[1.0, 2.0], [3.0, 4.0]]))
array([[2., 6.],
       [4., 8.]])
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive
from hodiff.kinds import composite, linear, reject
from hodiff.lowering import Index, Rearranged, Spot, Spots
from hodiff.shaped import Shape, Shaped, negative_axis


def _length(shape: Shape, offset: int) -> int:
    rows, columns = shape
    return max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)


def _places(length: int, offset: int) -> tuple[Any, ...]:
    index = np.arange(length)
    return (..., index + max(-offset, 0), index + max(offset, 0))


def _on_diagonal(x: Any, offset: int, shape: Shape) -> Any:
    answer = np.zeros((*x.shape[:-1], *shape), x.dtype)
    answer[_places(x.shape[-1], offset)] = x
    return answer


def _read_only(x: Any, value: Any, offset: int) -> Any:
    raise ValueError("assignment destination is read-only")


def _add_diagonal(buffer: Any, ct: Any, offset: int) -> None:
    buffer[_places(ct.shape[-1], offset)] += ct


def _read_diagonal(equation: Any, at: Index) -> Index:
    return _on(equation.parameters["offset"], at)


def _diagonal_spots(equation: Any) -> list[Spot]:
    return [Spot(0, equation.operands[0].shape, lambda at: at, partial(_on, equation.parameters["offset"]))]


def _on(offset: int, at: Index) -> Index:
    return (*at[:-1], at[-1] + max(-offset, 0), at[-1] + max(offset, 0))


#: The diagonal of the last two axes.
diagonal_of: Primitive = linear(
    lambda x, offset: np.diagonal(x, offset, -2, -1),
    lambda ct, x, offset: on_diagonal(ct, offset=offset, shape=x.shape[-2:]),
    name="diagonal_of",
    leading=True,
    accumulate=_add_diagonal,
    shape=lambda x, offset: Shaped((*x.shape[:-2], _length(x.shape[-2:], offset)), x.dtype),
    view=_read_only,
    code=Code(shares=True, nest=Rearranged(_read_diagonal)),
)
#: Zeros of shape (..., rows, columns) with a diagonal set to the last axis of ``x``.
on_diagonal: Primitive = linear(
    _on_diagonal,
    lambda ct, x, offset, shape: diagonal_of(ct, offset=offset),
    name="on_diagonal",
    leading=True,
    shape=lambda x, offset, shape: Shaped((*x.shape[:-1], *shape), x.dtype),
    code=Code(shares=False, nest=Spots(_diagonal_spots)),
)


@composite(np.diagonal, method="diagonal")
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """NumPy's ``diagonal``: of two axes, which are removed and put last."""
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    if negative_axis(axis1, a.ndim, "numpy.diagonal") == negative_axis(axis2, a.ndim, "numpy.diagonal"):
        raise ValueError("axis1 and axis2 cannot be the same")
    return diagonal_of(np.moveaxis(a, (axis1, axis2), (-2, -1)), offset=offset)


@composite(np.linalg.diagonal)
def diagonal_last(x: Any, /, *, offset: int = 0) -> Any:
    """NumPy's ``linalg.diagonal``: of the last two axes."""
    return diagonal(x, offset, -2, -1)


@composite(np.trace, method="trace")
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    """NumPy's ``trace``."""
    reject("numpy.trace", out=(out, None))
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@composite(np.linalg.trace)
def trace_last(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """NumPy's ``linalg.trace``."""
    return trace(x, offset, -2, -1, dtype)
