"""Joining and splitting: concatenate, stack and their kin, split and its kin, pad.

``concatenated``, ``stacked`` and ``padded`` are linear in all operands together. Padding with copies of elements is
indexing: NumPy's own ``pad``, applied to the indices of an axis, says which element goes where. May import ``code``,
``core``, ``errors``, ``kinds``, ``lowering``, ``operands``, ``progressions`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.sum(np.concatenate([x, 2 * x])[1:]))(np.ones(2))
array([2., 3.])
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Tracer
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, linear, reject
from hodiff.lowering import Piece, Pieces, basic_piece
from hodiff.operands import as_array
from hodiff.progressions import Part
from hodiff.shaped import Shape, Shaped, negative_axis

_ALL = slice(None)

Pairs = tuple[tuple[int, int], ...]


def _along(axis: int, key: Any) -> tuple[Any, ...]:
    """Index that applies ``key`` to one axis, counted from the end."""
    return (..., key, *(_ALL,) * (-axis - 1))


# --- the three operations ---------------------------------------------------------------------------------------------


def _stack(*arrays: Any, axis: int) -> Any:
    if all(a.ndim == 0 for a in arrays):
        return np.array(arrays)
    return np.stack(arrays, axis=axis)


def _inner(widths: Pairs, shape: Shape) -> tuple[slice, ...]:
    """Where an array of ``shape`` lies after padding."""
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))


def _padded_shape(x: Any, widths: Pairs) -> Shaped:
    return Shaped(tuple(before + n + after for (before, after), n in zip(widths, x.shape, strict=True)), x.dtype)


def _pad_with_zeros(x: Any, widths: Pairs) -> Any:
    answer = np.zeros(_padded_shape(x, widths).shape, x.dtype)
    answer[_inner(widths, x.shape)] = x
    return answer


def _bundles_in_order(parts: Sequence[Part]) -> bool:
    following = all(a.slots.stop == b.slots.start for a, b in pairwise(parts))
    return following and all(part.slots.step == 1 for part in parts)


def _concatenate_bundles(parts: Sequence[Part], *, axis: int, bounds: tuple[int, ...]) -> Any:
    del bounds
    if not _bundles_in_order(parts):
        return NotImplemented
    joined = []
    for part in parts:
        value = part.value
        if part.together:
            value = np.moveaxis(value, 0, axis - 1)
            length = value.shape[axis - 1] * value.shape[axis]
            value = np.reshape(value, (*value.shape[: axis - 1], length, *value.shape[value.ndim + axis + 1 :]))
        joined.append(value)
    return joined[0] if len(joined) == 1 else np.concatenate(joined, axis=axis)


def _stack_bundles(parts: Sequence[Part], *, axis: int) -> Any:
    if not _bundles_in_order(parts):
        return NotImplemented
    joined = [np.moveaxis(p.value, 0, axis) if p.together else np.expand_dims(p.value, axis) for p in parts]
    return joined[0] if len(joined) == 1 else np.concatenate(joined, axis=axis)


def _stacking_source(equation: Any) -> str:
    after = ", :" * (-equation.parameters["axis"] - 1)
    before = "..., " if equation.answers[0].ndim > 1 else ""
    return "\n".join(f"{{out}}[{before}{k}{after}] = {{{k}}}" for k in range(len(equation.operands)))


def _padding_source(equation: Any) -> str:
    inner = _inner(equation.parameters["widths"], equation.operands[0].shape)
    return f"{{zeros}}[{', '.join(f'{s.start}:{s.stop}' for s in inner) or '...'}] = {{0}}"


def _concatenated_pieces(equation: Any) -> list[Piece]:
    (answer,), axis = equation.answers, equation.parameters["axis"]
    before, after = [slice(None)] * (answer.ndim + axis), [slice(None)] * (-axis - 1)
    return [
        basic_piece(slot, (*before, slice(start, stop), *after), answer.shape, operand.shape)
        for slot, (operand, (start, stop)) in enumerate(
            zip(equation.operands, pairwise(equation.parameters["bounds"]), strict=True)
        )
    ]


def _stacked_pieces(equation: Any) -> list[Piece]:
    (answer,), axis = equation.answers, equation.parameters["axis"]
    before, after = [slice(None)] * (answer.ndim + axis), [slice(None)] * (-axis - 1)
    return [
        basic_piece(slot, (*before, slot, *after), answer.shape, operand.shape)
        for slot, operand in enumerate(equation.operands)
    ]


def _padded_pieces(equation: Any) -> list[Piece]:
    (x,) = equation.operands
    return [basic_piece(0, _inner(equation.parameters["widths"], x.shape), equation.answers[0].shape, x.shape)]


#: ``bounds`` says where along the axis each operand starts, and the last one ends.
concatenated = linear(
    lambda *arrays, axis, bounds: np.concatenate(arrays, axis=axis),
    lambda slot, ct, arrays, *, axis, bounds: ct[_along(axis, slice(bounds[slot], bounds[slot + 1]))],
    name="concatenated",
    code=Code(into="np.concatenate(({operands},), {axis}, {out})", shares=False, nest=Pieces(_concatenated_pieces)),
    variadic=True,
    leading=True,
    hazard="none",
)
stacked = linear(
    _stack,
    lambda slot, ct, arrays, *, axis: ct[_along(axis, slot)],
    name="stacked",
    code=Code(into=_stacking_source, shares=False, nest=Pieces(_stacked_pieces)),
    variadic=True,
    leading=True,
    hazard="none",
)
concatenated.bundled, stacked.bundled = _concatenate_bundles, _stack_bundles
padded = linear(
    _pad_with_zeros,
    lambda ct, x, widths: ct[_inner(widths, x.shape)],
    name="padded",
    code=Code(into=_padding_source, shares=False, nest=Pieces(_padded_pieces)),
    leading=lambda size, widths: {"widths": ((0, 0), *widths)},
    shape=_padded_shape,
)


# --- joining ----------------------------------------------------------------------------------------------------------


@composite(np.concatenate)
def concatenate(
    arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    """NumPy's ``concatenate``."""
    reject("numpy.concatenate", out=(out, None))
    arrays = _arrays(arrays, dtype, casting, "numpy.concatenate")
    if axis is None:
        return _concatenate([np.reshape(a, (-1,)) for a in arrays], -1)
    return _concatenate(arrays, negative_axis(axis, arrays[0].ndim, "numpy.concatenate"))


@composite(np.stack)
def stack(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """NumPy's ``stack``."""
    reject("numpy.stack", out=(out, None))
    arrays = _arrays(arrays, dtype, casting, "numpy.stack")
    return stacked(*arrays, axis=negative_axis(axis, arrays[0].ndim + 1, "numpy.stack"))


@composite(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """NumPy's ``vstack``."""
    arrays = _arrays(tup, dtype, casting, "numpy.vstack")
    if all(a.ndim == 1 for a in arrays):
        return stacked(*arrays, axis=-2)
    return _concatenate([np.atleast_2d(a) for a in arrays], 0)


@composite(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    """NumPy's ``hstack``."""
    arrays = _arrays(tup, dtype, casting, "numpy.hstack")
    if all(a.ndim == 0 for a in arrays):
        return stacked(*arrays, axis=-1)
    arrays = [np.atleast_1d(a) for a in arrays]
    return _concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)


@composite(np.dstack)
def dstack(tup: Any) -> Any:
    """NumPy's ``dstack``."""
    return _concatenate([np.atleast_3d(a) for a in _arrays(tup, None, "same_kind", "numpy.dstack")], 2)


@composite(np.column_stack)
def column_stack(tup: Any) -> Any:
    """NumPy's ``column_stack``."""
    arrays = _arrays(tup, None, "same_kind", "numpy.column_stack")
    if all(a.ndim == 1 for a in arrays):
        return stacked(*arrays, axis=-1)
    return _concatenate([a if a.ndim > 1 else np.reshape(a, (-1, 1)) for a in arrays], 1)


def _concatenate(arrays: Sequence[Any], axis: int) -> Any:
    axis = axis - arrays[0].ndim if axis >= 0 else axis
    if any(a.ndim < -axis for a in arrays):
        raise ValueError("all the input arrays must have same number of dimensions")
    return concatenated(*arrays, axis=axis, bounds=tuple(accumulate((a.shape[axis] for a in arrays), initial=0)))


def _arrays(arrays: Any, dtype: Any, casting: Any, name: str) -> list[Any]:
    """The arrays to join, of ``dtype`` where one is given."""
    arrays = [a if isinstance(a, (Tracer, np.ndarray)) else np.asarray(a) for a in arrays]
    if not arrays:
        raise ValueError(f"{name}: need at least one array to join")
    if dtype is None and casting == "same_kind":
        return arrays
    target = np.result_type(*(a.dtype for a in arrays)) if dtype is None else np.dtype(dtype)
    for a in arrays:
        if not np.can_cast(a.dtype, target, casting):
            raise TypeError(f"{name}: cannot cast {a.dtype} to {target} according to the rule {casting!r}")
    return [a if a.dtype == target else a.astype(target) for a in arrays]


# --- splitting --------------------------------------------------------------------------------------------------------


@composite(np.split)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """NumPy's ``split``."""
    axis = negative_axis(axis, ary.ndim, "numpy.split")
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return _split(ary, indices_or_sections, axis)


@composite(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> list[Any]:
    """NumPy's ``array_split``."""
    return _split(ary, indices_or_sections, negative_axis(axis, ary.ndim, "numpy.array_split"))


@composite(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """NumPy's ``vsplit``."""
    if ary.ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@composite(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """NumPy's ``hsplit``."""
    if ary.ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@composite(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """NumPy's ``dsplit``."""
    if ary.ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


def _split(ary: Any, indices_or_sections: Any, axis: int) -> list[Any]:
    length = ary.shape[axis]
    if np.ndim(indices_or_sections) == 0:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extras = divmod(length, sections)
        ends = list(accumulate([each + 1] * extras + [each] * (sections - extras), initial=0))
    else:
        ends = [0, *(int(i) for i in indices_or_sections), length]
    return [ary[_along(axis, slice(start, end))] for start, end in pairwise(ends)]


# --- padding ----------------------------------------------------------------------------------------------------------

# The modes that are supported, with the keywords that each takes.
_PAD_MODES = {
    "constant": {"constant_values"},
    "edge": set(),
    "linear_ramp": {"end_values"},
    "maximum": {"stat_length"},
    "mean": {"stat_length"},
    "median": {"stat_length"},
    "minimum": {"stat_length"},
    "reflect": {"reflect_type"},
    "symmetric": {"reflect_type"},
    "wrap": set(),
}
_STATISTICS: dict[str, Any] = {"maximum": np.max, "mean": np.mean, "median": np.median, "minimum": np.min}


@composite(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """NumPy's ``pad``, in all modes but ``empty`` and functions of one's own."""
    if not isinstance(mode, str) or mode not in _PAD_MODES:
        raise UnsupportedKeywordError.for_keyword("numpy.pad", f"mode={mode!r}")
    unknown = set(kwargs) - _PAD_MODES[mode]
    if unknown:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unknown}")
    widths = _widths(pad_width, array.ndim)
    for axis, (n, width) in enumerate(zip(array.shape, widths, strict=True)):
        if mode != "constant" and n == 0 and width != (0, 0):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if mode == "constant":
        answer = _pad_constant(array, widths, kwargs.get("constant_values", 0))
    elif mode == "linear_ramp":
        answer = _pad_ramps(array, widths, kwargs.get("end_values", 0))
    elif mode in _STATISTICS:
        answer = _pad_statistics(array, widths, mode, kwargs.get("stat_length"))
    else:
        answer = _pad_copies(array, widths, mode, kwargs.get("reflect_type", "even") == "odd")
    return np.copy(answer) if answer is array else answer


def _pad_copies(array: Any, widths: Pairs, mode: str, odd: bool) -> Any:
    """Elements again in another order; if ``odd``, what they differ from the edge by is turned round."""
    for axis, width in enumerate(widths, -array.ndim):
        if width == (0, 0):
            continue
        if odd and array.shape[axis] > 1:
            array = _odd_reflections(array, axis, *width, include_edge=mode == "symmetric")
        else:
            source = np.pad(np.arange(array.shape[axis]), width, mode)  # type: ignore[call-overload]
            array = array[_along(axis, source)]
    return array


def _odd_reflections(x: Any, axis: int, before: int, after: int, include_edge: bool) -> Any:
    """Reflections in the edges until the widths are filled; each takes whole periods of the original elements."""
    period, skip = (x.shape[axis], 0) if include_edge else (x.shape[axis] - 1, 1)
    while before or after:
        n = x.shape[axis]
        whole = (n - skip) // period * period
        left, right = min(whole, before), min(whole, after)
        parts = [
            2 * x[_along(axis, slice(0, 1))] - np.flip(x[_along(axis, slice(skip, skip + left))], axis),
            x,
            2 * x[_along(axis, slice(n - 1, n))] - np.flip(x[_along(axis, slice(n - skip - right, n - skip))], axis),
        ]
        x = _concatenate(parts, axis)
        before, after = before - left, after - right
    return x


def _pad_ramps(array: Any, widths: Pairs, values: Any) -> Any:
    """On each side numbers at equal distances, from the value at the end to the element at the edge."""
    values = np.broadcast_to(as_array(values), (array.ndim, 2))
    for axis, (before, after) in enumerate(widths, -array.ndim):
        n, parts = array.shape[axis], [array]
        for side, (width, edge) in enumerate(((before, 0), (after, n - 1))):
            if width:
                ramp = np.linspace(
                    values[axis, side], array[_along(axis, edge)], width, endpoint=False, dtype=array.dtype, axis=axis
                )
                parts = [*parts, np.flip(ramp, axis)] if side else [ramp, *parts]
        array = _concatenate(parts, axis) if len(parts) > 1 else array
    return array


def _pad_statistics(array: Any, widths: Pairs, mode: str, lengths: Any) -> Any:
    """On each side one statistic of the ``lengths`` elements next to it, of all of them by default."""
    lengths = np.broadcast_to(np.asarray(lengths, object), (array.ndim, 2)).tolist()
    for axis, (before, after) in enumerate(widths, -array.ndim):
        n, parts = array.shape[axis], [array]
        for side, width in enumerate((before, after)):
            length = n if lengths[axis][side] is None else min(as_index(lengths[axis][side]), n)
            if length < 0:
                raise ValueError("index can't contain negative values")
            if not length and mode in ("maximum", "minimum") and (before or after):
                raise ValueError("stat_length of 0 yields no value for padding")
            if width:
                near = slice(n - length, n) if side else slice(0, length)
                value = _STATISTICS[mode](array[_along(axis, near)], axis=axis, keepdims=True)
                value = (np.round(value) if array.dtype.kind in "iu" else value).astype(array.dtype)
                shape = tuple(width if i == axis else m for i, m in enumerate(array.shape, -array.ndim))
                fill = np.broadcast_to(value, shape)
                parts = [*parts, fill] if side else [fill, *parts]
        array = _concatenate(parts, axis) if len(parts) > 1 else array
    return array


def _widths(pad_width: Any, ndim: int) -> Pairs:
    """Number of elements before and after, one pair an axis."""
    if isinstance(pad_width, dict):
        pairs: list[Any] = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            pairs[negative_axis(axis, ndim, "numpy.pad")] = (width, width) if np.ndim(width) == 0 else width
        pad_width = pairs
    widths = np.asarray(pad_width)
    if widths.size and widths.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    if (widths < 0).any():
        raise ValueError("index can't contain negative values")
    return tuple((before, after) for before, after in np.broadcast_to(widths, (ndim, 2)).tolist())


def _pad_constant(array: Any, widths: Pairs, values: Any) -> Any:
    values = as_array(values)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"numpy.pad: constant_values must be numbers, not {values.dtype}")
    if not isinstance(values, Tracer) and not values.any():
        return padded(array, widths=widths)
    values = np.broadcast_to(values, (array.ndim, 2))
    for axis, width in enumerate(widths, -array.ndim):
        parts = [array]
        for side, n in enumerate(width):
            if n:
                fill = values[axis, side].astype(array.dtype)
                shape = tuple(n if i == axis else m for i, m in enumerate(array.shape, -array.ndim))
                parts.insert(0 if side == 0 else len(parts), np.broadcast_to(fill, shape))
        array = _concatenate(parts, axis) if len(parts) > 1 else array
    return array
