"""The methods of ufuncs: reduce, accumulate, outer, reduceat, at.

Those of the common ufuncs are the reductions that NumPy names (``np.add.reduce`` is a sum); of any other ufunc they are
loops of the ufunc itself. May import ``core``, ``dispatch``, ``errors``, ``mutation`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.sum(np.multiply.reduceat(x, [0, 2])))(np.array([2.0, 3.0, 4.0]))
array([3., 2., 1.])
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hodiff.core import NUMPY_FUNCTIONS, Tracer, as_operand
from hodiff.dispatch import UFUNC_METHODS, ufunc_name
from hodiff.errors import InPlaceError, UnsupportedKeywordError
from hodiff.shaped import keepdims_shape, negative_axes, negative_axis

_ABSENT: Any = np._NoValue

_REDUCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
_ACCUMULATIONS: dict[Any, Callable[..., Any]] = {np.add: np.cumsum, np.multiply: np.cumprod}


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    UFUNC_METHODS[function.__name__] = function
    return function


def _along(array: Any, axis: int, key: Any) -> Any:
    return array[(..., key, *(slice(None),) * (-axis - 1))]


def _array(array: Any, dtype: Any) -> Any:
    array = array if isinstance(array, Tracer) else np.asarray(array)
    return array if dtype is None or array.dtype == dtype else array.astype(dtype)


def _one_axis(ufunc: Any, method: str, array: Any, axis: Any) -> int:
    if ufunc.nin != 2 or ufunc.nout != 1:
        raise ValueError(f"{method} only supported for binary functions returning a single value")
    if not array.ndim:
        raise TypeError(f"cannot {method} on a scalar")
    return negative_axis(axis, array.ndim, f"{ufunc_name(ufunc)}.{method}")


@_method
def reduce(
    ufunc: Any,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = _ABSENT,
    where: Any = True,
) -> Any:
    """``ufunc.reduce``: the ufunc between all elements along an axis."""
    del out  # written into by the caller
    array = _array(array, dtype)
    function = _REDUCTIONS.get(ufunc)
    if function is not None:
        keywords: dict[str, Any] = {"keepdims": keepdims}
        if where is not True:
            keywords["where"] = where
        if ufunc not in (np.logical_and, np.logical_or):
            keywords |= {} if initial is _ABSENT else {"initial": initial}
        elif initial is not _ABSENT:
            raise UnsupportedKeywordError.for_keyword(f"{ufunc_name(ufunc)}.reduce", "initial")
        # Not through NumPy, which would come back here for a plain array with a traced `where`.
        return NUMPY_FUNCTIONS[function](array, axis=axis, **keywords)
    if isinstance(axis, tuple) or axis is None:
        axes = negative_axes(axis, array.ndim, f"{ufunc_name(ufunc)}.reduce")
        if len(axes) > 1:
            raise ValueError(f"reduction operation '{ufunc.__name__}' is not reorderable, so give at most one axis")
    else:
        axes = (_one_axis(ufunc, "reduce", array, axis),)
    axis = _one_axis(ufunc, "reduce", array, axes[0] if axes else 0)
    # NumPy begins with the identity, which shows: np.hypot.reduce([-1.0]) is 1.
    if initial is _ABSENT and ufunc.identity is not None:
        initial = ufunc.identity
    answers = _folded(ufunc, array, axis, initial, where)
    answer = np.copy(answers[0]) if len(answers) == 1 and array.ndim > 1 else answers[-1]
    return np.reshape(answer, keepdims_shape(array.shape, axes)) if keepdims else answer


def _folded(ufunc: Any, array: Any, axis: int, initial: Any, where: Any = True) -> list[Any]:
    """All partial answers, from left to right; elements that ``where`` leaves out change nothing."""
    parts = [_along(array, axis, i) for i in range(array.shape[axis])]
    selected = [True] * len(parts)
    if where is not True:
        where = np.broadcast_to(where if isinstance(where, Tracer) else np.asarray(where), array.shape)
        selected = [_along(where, axis, i) for i in range(array.shape[axis])]
    if initial is _ABSENT and (not parts or where is not True):
        initial = ufunc.identity
        if initial is None and where is not True:
            raise ValueError(
                f"reduction operation '{ufunc.__name__}' does not have an identity, so to use a where mask one has to "
                f"specify 'initial'"
            )
    if initial is not _ABSENT and initial is not None:
        shape = tuple(n for i, n in enumerate(array.shape, -array.ndim) if i != axis)
        first = initial if isinstance(initial, Tracer) else np.asarray(initial)
        parts.insert(0, np.broadcast_to(first.astype(array.dtype), shape))  # type: ignore[union-attr]
        selected.insert(0, True)
    if not parts:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    answers = [parts[0]]
    for part, mask in zip(parts[1:], selected[1:], strict=True):
        answer = ufunc(answers[-1], part)
        answers.append(answer if mask is True else np.where(mask, answer, answers[-1]))
    return answers


@_method
def accumulate(ufunc: Any, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    """``ufunc.accumulate``: all partial answers of ``reduce``."""
    del out  # written into by the caller
    array = _array(array, dtype)
    axis = _one_axis(ufunc, "accumulate", array, axis)
    function = _ACCUMULATIONS.get(ufunc)
    if function is not None:
        return function(array, axis=axis)
    if not array.shape[axis]:
        return np.positive(array)
    return np.stack(_folded(ufunc, array, axis, _ABSENT), axis=axis)


@_method
def reduceat(ufunc: Any, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    """``ufunc.reduceat``: ``reduce`` between each index and the next; an index that is no smaller gives one element."""
    del out  # written into by the caller
    array = _array(array, dtype)
    axis = _one_axis(ufunc, "reduceat", array, axis)
    length = array.shape[axis]
    starts = [int(i) for i in indices]
    for start in starts:
        if not 0 <= start < length:
            raise IndexError(f"index {start} out-of-bounds in {ufunc.__name__}.reduceat [0, {length})")
    parts = []
    for start, end in zip(starts, [*starts[1:], length], strict=True):
        segment = _along(array, axis, slice(start, max(end, start + 1)))
        # Of the first element on: other than `reduce`, this does not begin with the identity.
        parts.append(
            _folded(ufunc, segment, axis, None)[-1] if ufunc not in _REDUCTIONS else reduce(ufunc, segment, axis)
        )
    return np.stack(parts, axis=axis)


@_method
def outer(ufunc: Any, a: Any, b: Any, /, **keywords: Any) -> Any:
    """``ufunc.outer``: the ufunc between all pairs of elements."""
    if ufunc.nin != 2:
        raise ValueError("outer product only supported for binary functions")
    a, b = (v if hasattr(v, "ndim") else np.asarray(v) for v in (as_operand(a), as_operand(b)))
    return ufunc(np.reshape(a, (*a.shape, *(1,) * b.ndim)), b, **keywords)


@_method
def at(ufunc: Any, array: Any, indices: Any, *b: Any) -> None:
    """``ufunc.at``: in place, an index that occurs twice counts twice."""
    name = f"{ufunc_name(ufunc)}.at"
    if not isinstance(array, Tracer):
        raise InPlaceError(
            f"{name}: writing a value that carries derivatives into a plain array would drop them; make the array with "
            f"np.zeros(n, like=x) or hodiff.numpy.zeros(n)"
        )
    a: Any = array
    if _distinct(a.shape, indices):
        a[indices] = ufunc(a[indices], *b)
        return
    positions = np.reshape(np.arange(a.size), a.shape)[indices]
    values = [np.broadcast_to(as_operand(v), positions.shape) for v in b]
    flat = np.ravel(a)
    # Round by round: in each, every place occurs once.
    rounds = _occurrence(positions)
    for k in range(int(rounds.max()) + 1):
        now = rounds == k
        places = positions[now]
        updated = flat.copy()
        updated[places] = ufunc(flat[places], *(v[now] for v in values))
        flat = updated
    a[...] = np.reshape(flat, a.shape)


def _distinct(shape: tuple[int, ...], indices: Any) -> bool:
    if isinstance(indices, Tracer) or (isinstance(indices, tuple) and any(isinstance(i, Tracer) for i in indices)):
        raise UnsupportedKeywordError("ufunc.at with traced indices is not supported; use a loop, or np.bincount")
    positions = np.broadcast_to(False, shape)
    count = np.reshape(np.arange(positions.size), shape)[indices]
    return bool(np.unique(count).size == np.size(count))


def _occurrence(positions: Any) -> Any:
    """How often each position has occurred before."""
    flat = positions.ravel()
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    first = np.searchsorted(ordered, ordered)
    rank = np.empty(flat.size, dtype=np.intp)
    rank[order] = np.arange(flat.size) - first
    return rank.reshape(positions.shape)
