"""Indexing: integers, slices, newaxis, ellipsis, integer arrays and boolean masks, alone and mixed.

A key is taken apart into a basic index (``getitem``) and index arrays for adjacent axes (``gather``). Their transposes
add into one accumulator (see ``tape``), so a loop over ``x[i]`` takes linear time.
May import ``code``, ``core``, ``kinds``, ``lowering``, ``mutation`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.sum(x[np.array([0, 0, 2])]))(np.ones(3))
array([2., 0., 1.])
"""

from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import SEALED, Primitive, Tracer
from hodiff.kinds import composite, linear, reject
from hodiff.lowering import (
    Index,
    Picked,
    Piece,
    Pieces,
    Rearranged,
    Spot,
    Spots,
    basic_piece,
    basic_read,
    picked_spot,
)
from hodiff.mutation import Buffer, Placed, is_array, link
from hodiff.shaped import Shape, negative_axis

_ALL = slice(None)


# --- basic indices ----------------------------------------------------------------------------------------------------


def _add_basic(buffer: Any, ct: Any, index: tuple[Any, ...]) -> None:
    view = buffer[index]
    if view.__class__ is np.ndarray:
        view += ct
    else:
        buffer[index] = view + ct


def _place(ct: Any, index: tuple[Any, ...], shape: Shape) -> Any:
    answer = np.zeros(shape, ct.dtype)
    answer[index] = ct
    return answer


def _replaced(x: Any, value: Any, index: tuple[Any, ...]) -> Any:
    answer = np.copy(x)
    answer[index] = value
    return answer


def _placed_pieces(equation: Any) -> list[Piece]:
    parameters = equation.parameters
    return [basic_piece(0, parameters["index"], parameters["shape"], equation.operands[0].shape)]


def _scattered_spots(equation: Any) -> list[Spot]:
    ct, *arrays = equation.operands
    positions = [(slot, array.shape) for slot, array in enumerate(arrays, 1)]
    return [picked_spot(0, ct.shape, positions, equation.parameters["axis"], equation.parameters["shape"])]


def _read_basic(equation: Any, at: Index) -> Index:
    return basic_read(equation.parameters["index"], equation.operands[0].shape, at)


place = linear(
    _place,
    lambda ct, x, index, shape: ct[index],
    name="place",
    leading=lambda size, index, shape: {"index": (_ALL, *index), "shape": (size, *shape)},
    code=Code(into="{zeros}[{index}] = {0}", shares=False, nest=Pieces(_placed_pieces)),
    hazard="none",
)
getitem = linear(
    lambda x, index: x[index],
    lambda ct, x, index: place(ct, index=index, shape=x.shape),
    name="getitem",
    leading=lambda size, index: {"index": (_ALL, *index)},
    accumulate=_add_basic,
    view=_replaced,
    code=Code(value="{0}[{index}]", nest=Rearranged(_read_basic)),
    hazard="none",
)
getitem.index = "index"


# --- index arrays -----------------------------------------------------------------------------------------------------
# `axis` is the first of the adjacent axes that the arrays index, counted from the end.


def _gather_index(arrays: tuple[Any, ...], axis: int) -> tuple[Any, ...]:
    return (..., *arrays, *(_ALL,) * (-axis - len(arrays)))


def _add_gathered(buffer: Any, ct: Any, *arrays: Any, axis: int) -> None:
    np.add.at(buffer, _gather_index(arrays, axis), ct)


def _scatter(ct: Any, *arrays: Any, axis: int, shape: Shape) -> Any:
    answer = np.zeros(shape, ct.dtype)
    _add_gathered(answer, ct, *arrays, axis=axis)
    return answer


def _write_scatter(writer: Any, equation: Any) -> None:
    ct, *arrays = (writer.operand(atom) for atom in equation.operands)
    out, index = writer.array(equation.answers[0], zeros=True), _gather_text(arrays, equation.parameters["axis"])
    writer.line(writer.filled(f"np.add.at({out}, ({index}), {ct})", [], {}))


def _gather_source(equation: Any) -> str:
    count = len(equation.operands) - 1
    places = [f"{{{i}}}" for i in range(1, count + 1)]
    if len(equation.operands[0].shape) == count:
        return f"{{0}}[{', '.join(places)}]"
    return f"{{0}}[{_gather_text(places, equation.parameters['axis'])}]"


def _gather_text(arrays: list[str], axis: int) -> str:
    return ", ".join(("...", *arrays, *("slice(None)",) * (-axis - len(arrays))))


def _batch_arrays(size: int, arrays: Any, batched: Any) -> list[Any]:
    """Index arrays with the batch in front, and in front of them the index of the batch axis itself."""
    ndim = max(array.ndim - flag for array, flag in zip(arrays, batched, strict=True))
    full = [
        np.reshape(array, (size, *(1,) * (ndim + 1 - array.ndim), *array.shape[1:])) if flag else array
        for array, flag in zip(arrays, batched, strict=True)
    ]
    return [np.reshape(np.arange(size), (size, *(1,) * ndim)), *full]


def _batch_gather(primitive: Primitive, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    x, *arrays = operands
    axis = parameters["axis"]
    if not any(batched[1:]):
        return primitive(x, *arrays, axis=axis)
    rows, *full = _batch_arrays(size, arrays, batched[1:])
    before = x.ndim + axis - batched[0]
    if batched[0]:
        answer = primitive(np.moveaxis(x, 0, before), rows, *full, axis=axis - 1)
    else:
        answer = primitive(x, *full, axis=axis)
    return np.moveaxis(answer, before, 0)


def _batch_scatter(primitive: Primitive, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    ct, *arrays = operands
    axis, shape = parameters["axis"], parameters["shape"]
    if not any(batched[1:]):
        return primitive(ct, *arrays, axis=axis, shape=(size, *shape))
    before = len(shape) + axis
    if not batched[0]:
        ct = np.broadcast_to(ct, (size, *ct.shape))
    answer = primitive(
        np.moveaxis(ct, 0, before),
        *_batch_arrays(size, arrays, batched[1:]),
        axis=axis - 1,
        shape=(*shape[:before], size, *shape[before:]),
    )
    return np.moveaxis(answer, before, 0)


scatter: Primitive = linear(
    _scatter,
    lambda ct, x, *arrays, axis, shape: gather(ct, *arrays, axis=axis),
    name="scatter",
    code=Code(write=_write_scatter, shares=False, nest=Spots(_scattered_spots, adds=True)),
    batch=_batch_scatter,
)
gather: Primitive = linear(
    lambda x, *arrays, axis: x[_gather_index(arrays, axis)][()],  # an element is a scalar, not an array of shape ()
    lambda ct, x, *arrays, axis: scatter(ct, *arrays, axis=axis, shape=x.shape),
    name="gather",
    code=Code(value=_gather_source, nest=Picked()),
    leading=True,  # where the indices are not batched, as in the accumulation of cotangents
    batch=_batch_gather,
    accumulate=_add_gathered,
)


# --- NumPy's keys -----------------------------------------------------------------------------------------------------


@composite(method="__getitem__")
def take_key(x: Any, key: Any) -> Any:
    """``x[key]`` with NumPy's meaning."""
    if x.__class__ is Buffer and x.waiting:
        place = x.place_of(key)
        if place is not None:
            value = x.at(place)
            return link(Buffer(value), x, getitem, {"index": place}) if value.shape else value
    if key.__class__ is int or key.__class__ is slice:
        parameters = {"index": (key,)}
        answer = x.owner.linear(getitem, x, parameters)
        if key.__class__ is int and len(x.shape) == 1:
            return answer
        if getattr(x, "views", None) is SEALED and isinstance(answer, Tracer):
            answer.views = SEALED  # what `link` comes to for an argument, without the call
            return answer
        return link(answer, x, getitem, parameters)
    entries = tuple(_plain_integer(e) for e in key) if isinstance(key, tuple) else (_plain_integer(key),)
    if len(entries) == len(x.shape) and all(e.__class__ is int for e in entries):
        return _element(x, entries)
    if all(e.__class__ is int or not _is_array(e) for e in entries):
        return getitem(x, index=entries)
    answer = _taken(x, entries)
    if answer.__class__ is np.ndarray:
        # ``y[key] += v`` adds to this copy, which must be able to hold what is traced.
        return Buffer(answer) if x.__class__ is Buffer else answer
    if answer.shape and all(not _is_array(e) or e.__class__ is int or _is_traced_integer(e) for e in entries):
        return link(answer, x, _PLACED, {"index": entries})
    return answer


def _is_traced_integer(entry: Any) -> bool:
    """Whether this is a scalar, which makes views as Python's integers do, where an array of shape () makes copies."""
    return isinstance(entry, Tracer) and not entry.shape and entry.dtype.kind in "iu" and not is_array(entry)


def _taken(x: Any, entries: tuple[Any, ...]) -> Any:
    """What a key with arrays in it selects."""
    entries = _without_masks(entries, x.shape)
    used = sum(e is not None and e is not Ellipsis for e in entries)
    if used > x.ndim:
        raise IndexError(f"too many indices for array: array is {x.ndim}-dimensional, but {used} were indexed")
    separated = _separated(entries)
    basic, arrays, places = _split(_without_ellipsis(entries, x.ndim - used))
    x = getitem(x, index=basic) if any(e != _ALL for e in basic) else x
    if separated:
        rest = [i for i in range(x.ndim) if i not in places]
        x = np.transpose(x, (*places, *rest))
        places = list(range(len(places)))
    answer = gather(x, *arrays, axis=places[0] - x.ndim)
    if not answer.shape and any(e is Ellipsis for e in entries):
        answer = getitem(answer, index=(Ellipsis,))  # NumPy's answer to a key with an ellipsis is always an array
    return answer


def _with_row(x: Any, value: Any, index: tuple[Any, ...]) -> Any:
    """The array with other values at a place."""
    twin = x.fork()
    twin[index] = value
    return twin


_PLACED = Placed(lambda x, index: _taken(x, index), _with_row)


def _element(x: Any, index: tuple[int, ...]) -> Any:
    """A scalar, which unlike a view does not change with the array."""
    return x.owner.linear(getitem, x, {"index": index})


@composite(np.take, method="take")
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """NumPy's ``take``."""
    reject("numpy.take", out=(out, None))
    if axis is None or np.ndim(a) == 0:
        # As for NumPy, a scalar has one axis.
        axis = -1 if axis is None else negative_axis(axis, 1, "numpy.take")
        a = np.reshape(a, (-1,))
    axis = negative_axis(axis, np.ndim(a), "numpy.take")
    indices = _plain_integer(_in_mode(indices, np.shape(a)[axis], mode))
    if indices.__class__ is int and np.ndim(a) == 1:
        return _element(a, (indices,))
    return gather(a, np.asarray(indices) if indices.__class__ is int else indices, axis=axis)  # a copy, no view


def _in_mode(indices: Any, length: int, mode: str) -> Any:
    """Integer indices of ``numpy.take``, put into range where the mode does so."""
    indices = indices if isinstance(indices, Tracer) else np.asarray(indices)
    if indices.dtype.kind == "b" or (indices.size == 0 and not isinstance(indices, Tracer)):
        indices = indices.astype(np.intp)  # NumPy takes booleans for numbers here, not for a mask
    if not np.can_cast(indices.dtype, np.intp, "safe"):
        raise TypeError(
            f"numpy.take: cannot cast indices from {indices.dtype} to integers according to the rule 'safe'"
        )
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"numpy.take: mode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    if indices.size and not length:
        raise IndexError("numpy.take: cannot do a non-empty take from an empty axes.")
    if mode == "raise" or not indices.size:
        return indices
    return np.remainder(indices, length) if mode == "wrap" else np.minimum(np.maximum(indices, 0), length - 1)


@composite(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """NumPy's ``take_along_axis``; the way to index a plain array with batched indices."""
    if axis is None:
        arr, axis = np.reshape(arr, (-1,)), -1
    axis = negative_axis(axis, arr.ndim, "numpy.take_along_axis")
    if indices.dtype.kind not in "iu":
        raise IndexError("numpy.take_along_axis: `indices` must be an integer array")
    if indices.ndim != arr.ndim:
        raise ValueError("numpy.take_along_axis: `indices` and `arr` must have the same number of dimensions")
    grid: list[Any] = [np.reshape(np.arange(n), (n, *(1,) * (arr.ndim - 1 - i))) for i, n in enumerate(arr.shape)]
    grid[axis] = indices
    return gather(arr, *grid, axis=-arr.ndim)


def _is_array(entry: Any) -> bool:
    return not (isinstance(entry, slice) or entry is None or entry is Ellipsis)


def _plain_integer(entry: Any) -> Any:
    """NumPy integers, arrays of shape () included, as Python's; everything else, booleans above all, as it is."""
    scalar = isinstance(entry, np.generic) or (isinstance(entry, np.ndarray) and not entry.shape)
    return int(entry) if scalar and entry.dtype.kind in "iu" else entry


def _without_masks(entries: tuple[Any, ...], shape: Shape) -> tuple[Any, ...]:
    """Replace boolean masks by the indices where they hold, and everything array-like by an array."""
    entries = tuple(e if isinstance(e, Tracer) or not _is_array(e) else np.asarray(e) for e in entries)
    used = sum(_width(e) for e in entries)
    axis = 0
    result: list[Any] = []
    for entry in entries:
        if not _is_array(entry):
            result.append(entry)
        elif entry.dtype.kind == "b":
            _check_mask(entry, shape, axis)
            result.extend(np.nonzero(entry))
        elif entry.dtype.kind in "iu" or entry.size == 0:
            result.append(entry if entry.dtype.kind in "iu" else entry.astype(np.intp))
        else:
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        axis += len(shape) - used if entry is Ellipsis else _width(entry)
    return tuple(result)


def _width(entry: Any) -> int:
    """Number of axes that an entry of a key indexes; the ellipsis takes what the others leave."""
    if entry is None or entry is Ellipsis:
        return 0
    return int(entry.ndim) if _is_array(entry) and entry.dtype.kind == "b" else 1


def _check_mask(mask: Any, shape: Shape, axis: int) -> None:
    if mask.ndim == 0:
        raise IndexError("a boolean scalar is not supported as an index of a traced array; use an if statement")
    for i, length in enumerate(mask.shape, axis):
        if i >= len(shape):
            raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional")
        if length != shape[i]:
            raise IndexError(
                f"boolean index did not match indexed array along axis {i}; size of axis is {shape[i]} but size of "
                f"corresponding boolean axis is {length}"
            )


def _separated(entries: tuple[Any, ...]) -> bool:
    """Whether something stands between two index arrays, in which case NumPy puts their axes first."""
    positions = [i for i, e in enumerate(entries) if _is_array(e)]
    return positions[-1] - positions[0] + 1 != len(positions)


def _without_ellipsis(entries: tuple[Any, ...], missing: int) -> tuple[Any, ...]:
    at = next((i for i, e in enumerate(entries) if e is Ellipsis), len(entries))
    if any(e is Ellipsis for e in entries[at + 1 :]):
        raise IndexError("an index can only have a single ellipsis ('...')")
    return (*entries[:at], *(_ALL,) * missing, *entries[at + 1 :])


def _split(entries: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Any], list[int]]:
    """Basic index with full slices in the places of the arrays, the arrays, and the axes they then index."""
    arrays = [e for e in entries if _is_array(e)]
    places = [i for i, e in enumerate(entries) if _is_array(e)]
    return tuple(_ALL if _is_array(e) else e for e in entries), arrays, places
