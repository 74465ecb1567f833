"""Rearranging and repeating elements: flip, roll, rot90, tile, repeat, resize, windows, functions along an axis.

Most of them are an index or a transposition; ``rolled``, ``tiled`` and ``repeated`` are operations of their own because
their transposes are cheaper than those of an index array. May import ``code``, ``core``, ``kinds``,
``lowering``, ``mutation``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.tile(x, 2) @ np.arange(4.0))(np.ones(2))
array([2., 4.])
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from math import prod
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.kinds import composite, linear, reject
from hodiff.lowering import Composed, Index, Piece, Pieces
from hodiff.mutation import pinned
from hodiff.operands import as_array
from hodiff.shaped import negative_axes, negative_axis

_ALL = slice(None)
#: Copies that are joined as they are.
_FEW = 8
_BACKWARDS = slice(None, None, -1)


# --- the three operations ---------------------------------------------------------------------------------------------


def _untiled(ct: Any, x: Any, reps: tuple[int, ...]) -> Any:
    """Sum over the repetitions of a tile, which has one repetition an axis."""
    shape = [n for pair in zip(reps, x.shape, strict=True) for n in pair]
    return np.sum(np.reshape(ct, shape), axis=tuple(range(0, len(shape), 2)))


def _unrepeated(ct: Any, x: Any, repeats: int, axis: int) -> Any:
    before = x.ndim + axis + 1
    return np.sum(np.reshape(ct, (*x.shape[:before], repeats, *x.shape[before:])), axis=axis)


def _rolled_pieces(equation: Any) -> list[Piece]:
    """The parts of an array that stay together, the last ones of each axis in front."""
    shape, parameters = equation.operands[0].shape, equation.parameters
    shifts = [0] * len(shape)
    for shift, axis in zip(parameters["shift"], parameters["axes"], strict=True):
        shifts[axis] += shift
    pairs = [_halves(n, shift % max(n, 1)) for n, shift in zip(shape, shifts, strict=True)]
    return [
        Piece(0, tuple(places for places, _ in halves), partial(_moved, [start for _, start in halves]))
        for halves in product(*pairs)
    ]


def _halves(length: int, shift: int) -> list[tuple[range, int]]:
    """Places on an axis, and what place of the operand the first of them shows."""
    rest = (range(shift, length), 0)
    return [(range(shift), length - shift), rest] if shift else [rest]


def _moved(starts: list[int], at: Index) -> Index:
    return tuple([place + start for place, start in zip(at, starts, strict=True)])


def _tiled(x: Any, reps: tuple[int, ...]) -> Any:
    if prod(reps) <= _FEW:
        for axis, count in enumerate(reps, -x.ndim):
            x = np.concatenate([x] * count, axis=axis) if count > 1 else x
        return x
    shape = [n for pair in zip(reps, x.shape, strict=True) for n in pair]
    x = np.reshape(x, [n for length in x.shape for n in (1, length)])
    return np.reshape(np.broadcast_to(x, shape), [n * m for n, m in zip(shape[::2], shape[1::2], strict=True)])


def _repeated(x: Any, repeats: int, axis: int) -> Any:
    before, behind = x.shape[: x.ndim + axis + 1], x.shape[x.ndim + axis + 1 :]
    x = np.broadcast_to(np.reshape(x, (*before, 1, *behind)), (*before, repeats, *behind))
    return np.reshape(x, (*before[:-1], before[-1] * repeats, *behind))


rolled: Primitive = linear(
    lambda x, shift, axes: np.roll(x, shift, axes),
    lambda ct, x, shift, axes: rolled(ct, shift=tuple(-n for n in shift), axes=axes),
    name="rolled",
    leading=True,
    code=Code(shares=False, nest=Pieces(_rolled_pieces)),
)
tiled = linear(
    lambda x, reps: np.tile(x, reps),
    _untiled,
    name="tiled",
    leading=lambda size, reps: {"reps": (1, *reps)},
    code=Code(shares=False, nest=Composed(_tiled)),
)
repeated = linear(
    lambda x, repeats, axis: np.repeat(x, repeats, axis),
    lambda ct, x, repeats, axis: _unrepeated(ct, x, repeats, axis),
    name="repeated",
    leading=True,
    code=Code(shares=False, nest=Composed(_repeated)),
)


# --- turning ----------------------------------------------------------------------------------------------------------


@composite(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """NumPy's ``flip``."""
    axes = negative_axes(axis, m.ndim, "numpy.flip")
    return m[tuple(_BACKWARDS if i in axes else _ALL for i in range(-m.ndim, 0))]


@composite(np.fliplr)
def fliplr(m: Any) -> Any:
    """NumPy's ``fliplr``: the second axis backwards."""
    if m.ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return m[:, _BACKWARDS]


@composite(np.flipud)
def flipud(m: Any) -> Any:
    """NumPy's ``flipud``: the first axis backwards."""
    if m.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return m[_BACKWARDS]


@composite(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """NumPy's ``rot90``: turns from the first of two axes towards the second."""
    axes = tuple(axes)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    first, second = (negative_axis(a, m.ndim, "numpy.rot90") for a in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    turns = as_index(k) % 4
    if turns == 0:
        return m[...]
    if turns == 2:
        return np.flip(m, (first, second))
    if turns == 1:
        return np.swapaxes(np.flip(m, second), first, second)
    return np.flip(np.swapaxes(m, first, second), second)


@composite(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """NumPy's ``roll``; shifts and axes may be tuples."""
    if axis is None:
        return np.reshape(roll(np.reshape(a, (-1,)), shift, 0), a.shape)
    if isinstance(shift, Tracer) and np.ndim(axis) == 0 and not shift.shape:
        # A shift that differs from member to member of a batch.
        return np.take(a, np.remainder(np.arange(a.shape[axis]) - shift, a.shape[axis]), axis=axis)
    pairs = np.broadcast(shift, axis)
    if pairs.ndim > 1:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    shifts, axes = zip(*pairs, strict=True) if pairs.size else ((), ())
    return rolled(
        a, shift=tuple(int(n) for n in shifts), axes=tuple(negative_axis(i, a.ndim, "numpy.roll") for i in axes)
    )


@composite(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """NumPy's ``rollaxis``: an axis to the place before another."""
    source = negative_axis(axis, a.ndim, "numpy.rollaxis") + a.ndim
    target = start + a.ndim if start < 0 else start
    if not 0 <= target <= a.ndim:
        raise np.exceptions.AxisError(
            f"'start' arg requires {-a.ndim} <= start < {a.ndim + 1}, but {start} was passed in"
        )
    return np.moveaxis(a, source, target - 1 if source < target else target)[...]


@composite(np.unstack)
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """NumPy's ``unstack``: the parts along an axis."""
    if x.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(np.moveaxis(x, axis, 0))


# --- repeating --------------------------------------------------------------------------------------------------------


@composite(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """NumPy's ``tile``; of repetitions and axes, the fewer are filled up with ones in front."""
    reps = tuple(as_index(n) for n in (reps if np.ndim(reps) else (reps,)))
    missing = len(reps) - A.ndim
    if missing > 0:
        A = np.reshape(A, (*(1,) * missing, *A.shape))
    return tiled(A, reps=(*(1,) * -missing, *reps))


@composite(np.repeat, method="repeat")
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    """NumPy's ``repeat``: each element as often as is said for it."""
    if axis is None or a.ndim == 0:
        # As for NumPy, a scalar has one axis.
        axis = -1 if axis is None else negative_axis(axis, 1, "numpy.repeat")
        a = np.reshape(a, (-1,))
    axis = negative_axis(axis, a.ndim, "numpy.repeat")
    repeats = np.asarray(repeats)
    if repeats.size == 1 and repeats.ndim < 2 and np.can_cast(repeats.dtype, np.intp, "safe"):
        return repeated(a, repeats=int(repeats.reshape(())), axis=axis)
    return np.take(a, np.repeat(np.arange(a.shape[axis]), repeats), axis=axis)


@composite(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """NumPy's ``resize``: the elements in order, again and again until the new shape is full."""
    shape = tuple(as_index(n) for n in (new_shape if np.ndim(new_shape) else (new_shape,)))
    if any(n < 0 for n in shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    if a.size == 0 or prod(shape) == 0:
        return np.zeros_like(a, shape=shape)
    return np.take(np.reshape(a, (-1,)), np.resize(np.arange(a.size), shape))


@composite(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """NumPy's ``trim_zeros``; a view. Refused for a batch, whose members differ in length."""
    sides = trim.lower()
    if sides not in {"fb", "bf", "f", "b"}:
        raise ValueError(f"unexpected character(s) in `trim`: {sides!r}")
    axes = negative_axes(axis, filt.ndim, "numpy.trim_zeros")
    if not axes:
        return filt
    key = []
    for i, places in enumerate(np.nonzero(filt), -filt.ndim):
        if i not in axes:
            key.append(_ALL)
        elif not places.size:
            key.append(slice(0, 0))
        else:
            start = int(places.min()) if "f" in sides else None
            key.append(slice(start, int(places.max()) + 1 if "b" in sides else None))
    return filt[tuple(key)]


@composite(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """NumPy's ``sliding_window_view``, read-only; the array must not change while it exists."""
    reject("numpy.lib.stride_tricks.sliding_window_view", subok=(subok, False), writeable=(writeable, False))
    base = x
    lengths = tuple(window_shape) if np.ndim(window_shape) else (window_shape,)
    if any(n < 0 for n in lengths):
        raise ValueError("`window_shape` cannot contain negative values")
    places = range(x.ndim) if axis is None else axis if np.ndim(axis) else (axis,)
    axes = [negative_axis(i, x.ndim, "numpy.lib.stride_tricks.sliding_window_view") + x.ndim for i in places]
    if len(axes) != len(lengths):
        raise ValueError(
            f"numpy.lib.stride_tricks.sliding_window_view: window_shape has {len(lengths)} lengths for {len(axes)} axes"
        )
    for at, length in zip(axes, lengths, strict=True):
        starts = x.shape[at] - length + 1
        if starts < 1:
            raise ValueError("window shape cannot be larger than input array shape")
        windows = np.arange(starts)[:, None] + np.arange(length)
        x = np.moveaxis(np.take(x, windows, axis=at), at + 1, -1)
    return pinned(np.copy(x), base, "np.lib.stride_tricks.sliding_window_view")


# --- functions along axes ---------------------------------------------------------------------------------------------


@composite(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """NumPy's ``apply_along_axis``: the axes of the results stand where the axis was."""
    at = negative_axis(axis, arr.ndim, "numpy.apply_along_axis") + arr.ndim
    rows = np.moveaxis(arr, at, -1)
    outer = rows.shape[:-1]
    if prod(outer) == 0:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [func1d(rows[place], *args, **kwargs) for place in np.ndindex(outer)]
    results = [as_array(r) for r in results]
    # As for NumPy, the first result says what the others are cast to.
    flat = np.stack(results, dtype=results[0].dtype, casting="unsafe")
    answer = np.reshape(flat, (*outer, *results[0].shape))
    inner = tuple(range(len(outer), answer.ndim))
    return np.transpose(answer, (*range(at), *inner, *range(at, len(outer))))


@composite(np.apply_over_axes)
def apply_over_axes(func: Callable[[Any, int], Any], a: Any, axes: Any) -> Any:
    """NumPy's ``apply_over_axes``: one after the other, each keeping its axis with length 1."""
    for axis in np.atleast_1d(axes).tolist():
        place = axis + a.ndim if axis < 0 else axis
        result = func(a, place)
        if result.ndim != a.ndim:
            result = np.expand_dims(result, place)
            if result.ndim != a.ndim:
                raise ValueError("function is not returning an array of the correct shape")
        a = result
    return a


@composite(np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """NumPy's ``astype``."""
    reject("numpy.astype", device=(None if device == "cpu" else device, None))
    return x.astype(dtype, copy=copy)
