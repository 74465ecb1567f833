"""Assignment: ``y[key] = v`` with any key, and NumPy's functions that write into an array.

An assignment makes a new value with the operations ``put`` (a basic key) or ``put_at`` (positions in the flattened
array, to which any other key comes down), both linear in array and values together, and lets the array, what it is a
view of and all its views stand for it (see ``mutation``). May import ``code``, ``core``, ``kinds``,
``lowering``, ``mutation``, ``progressions``, ``shaped`` and ``errors``.

>>> import hodiff as hd
>>> def f(x):
...     y = np.zeros_like(x)
...     y[1:] = x[:-1] ** 2
...     y[x > 2.5] += x[x > 2.5]
...     return np.sum(y)
>>> hd.grad(f)(np.array([1.0, 2.0, 3.0]))
array([2., 4., 1.])
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer, as_operand
from hodiff.errors import InPlaceError
from hodiff.kinds import composite, constant, linear
from hodiff.lowering import ZERO, Index, Lookup, Piece, Pieces, Spot, Spots, aligned, basic_piece
from hodiff.mutation import Buffer, refresh, root, update
from hodiff.progressions import Part
from hodiff.shaped import Shape, Shaped, negative_axis

# --- the operations ---------------------------------------------------------------------------------------------------


def _put(x: Any, values: Any, index: tuple[Any, ...]) -> Any:
    answer = np.array(x)  # with its order in memory
    answer[index] = values
    return answer


def _flat(x: Any, ndim: int) -> Any:
    """``x`` with its last ``ndim`` axes merged."""
    return np.reshape(x, (*x.shape[: x.ndim - ndim], prod(x.shape[x.ndim - ndim :])))


def _put_at(x: Any, values: Any, positions: Any, ndim: int) -> Any:
    answer = np.array(x)  # with its order in memory
    lengths = x.shape[x.ndim - ndim :]
    answer[(..., *np.unravel_index(np.asarray(positions) % max(prod(lengths), 1), lengths))] = values
    return answer


def _put_at_values(ct: Any, x: Any, values: Any, positions: Any, ndim: int) -> Any:
    """Cotangent of the values: of several for one place the last one counts."""
    picked = np.take(_flat(ct, ndim), positions, axis=-1)
    if prod(np.shape(positions)) == 1:
        return picked
    last = is_last(positions, size=prod(ct.shape[ct.ndim - ndim :]))
    return picked if not isinstance(last, Tracer) and last.all() else np.where(last, picked, 0.0)


def _batch_put_at(primitive: Primitive, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    x, values, positions = operands
    ndim = parameters["ndim"]
    if not batched[0]:
        x = np.broadcast_to(x, (size, *np.shape(x)))
    if not batched[1]:
        values = np.broadcast_to(values, (size, *np.shape(values)))
    if not batched[2]:
        return primitive(x, values, positions, ndim=ndim)
    # The whole batch as one array, each member with its own part of the positions.
    if x.ndim == ndim + 1 and values.ndim == positions.ndim:
        offset = np.reshape(np.arange(size) * prod(x.shape[1:]), (size, *(1,) * (positions.ndim - 1)))
        return primitive(x, values, positions + offset, ndim=ndim + 1)
    return np.stack([primitive(x[i], values[i], positions[i], ndim=ndim) for i in range(size)])


def _is_last(positions: Any, size: int) -> Any:
    """Whether no later one of the positions is the same."""
    order = np.arange(positions.size).reshape(positions.shape)
    last = np.zeros(size, dtype=np.intp)
    last[positions] = order
    return last[positions] == order


def _put_pieces(equation: Any) -> list[Piece]:
    return _covering(equation, (equation.parameters["index"],))


def _put_each_pieces(equation: Any) -> list[Piece]:
    return _covering(equation, equation.parameters["keys"])


def _put_at_spots(equation: Any) -> list[Spot]:
    """The array, and the values at positions."""
    x, values, positions = equation.operands
    ndim = equation.parameters["ndim"]
    first = len(x.shape) - ndim

    def place(at: Index) -> Index:
        return (*at[:first], *(ZERO,) * ndim)

    def placed(at: Index) -> Index:
        return aligned(at[first:], positions.shape)

    lookup = Lookup(2, placed, first, ndim, "wrap")
    space = (*x.shape[:first], *positions.shape)
    return [
        Spot(0, x.shape, lambda at: at, lambda at: at),
        Spot(1, space, lambda at: aligned(at, values.shape), place, (lookup,)),
    ]


def _covering(equation: Any, keys: Sequence[tuple[Any, ...]]) -> list[Piece]:
    """The array, and the values that cover parts of it."""
    shape = equation.answers[0].shape
    keys = ((...,), *keys)
    return [
        basic_piece(i, key, shape, operand.shape)
        for i, (key, operand) in enumerate(zip(keys, equation.operands, strict=True))
    ]


put: Primitive = linear(
    _put,
    lambda ct, x, values, index: put(ct, np.zeros(values.shape, ct.dtype), index=index),
    lambda ct, x, values, index: ct[index],
    name="put",
    code=Code(into="np.copyto({out}, {0})\n{out}[{index}] = {1}", shares=False, nest=Pieces(_put_pieces)),
    leading=lambda size, index: {"index": (slice(None), *index)},
    shape=lambda x, values, index: Shaped(x.shape, x.dtype),
)
#: ``values`` in the places ``positions`` of the last ``ndim`` axes, flattened.
put_at: Primitive = linear(
    _put_at,
    lambda ct, x, values, positions, ndim: put_at(ct, np.zeros((1,) * np.ndim(values), ct.dtype), positions, ndim=ndim),
    _put_at_values,
    None,
    name="put_at",
    code=Code(shares=False, nest=Spots(_put_at_spots)),
    batch=_batch_put_at,
    shape=lambda x, values, positions, ndim: Shaped(x.shape, x.dtype),
)
is_last = constant(_is_last, name="is_last")


def _put_each(x: Any, *values: Any, keys: tuple[tuple[Any, ...], ...]) -> Any:
    answer = np.array(x)  # with its order in memory
    for key, value in zip(keys, values, strict=True):
        answer[key] = value
    return answer


def _put_each_transpose(slot: int, ct: Any, operands: Any, *, keys: tuple[tuple[Any, ...], ...]) -> Any:
    if slot:
        return ct[keys[slot - 1]]
    return put_each(ct, *[np.zeros(values.shape, ct.dtype) for values in operands[1:]], keys=keys)


def _put_each_leading(size: int, *, keys: tuple[tuple[Any, ...], ...]) -> dict[str, Any]:
    return {"keys": tuple((slice(None), *key) for key in keys)}


def _put_bundles(parts: Sequence[Part], *, keys: tuple[tuple[Any, ...], ...]) -> Any:
    x, *values = parts
    if x.together:
        return NotImplemented
    placed = [Part(range(p.slots.start - 1, p.slots.stop - 1, p.slots.step), p.value) for p in values]
    found = [part.placed(keys, x.value.ndim) for part in placed]
    if None in found:
        return NotImplemented
    return put_each(x.value, *[pair[1] for pair in found if pair], keys=tuple(pair[0] for pair in found if pair))


def _write_put_each(writer: Any, equation: Any) -> None:
    x, *values = (writer.operand(atom) for atom in equation.operands)
    out = writer.array(equation.answers[0])
    writer.line(writer.filled(f"np.copyto({out}, {x})", [], {}))
    for key, value in zip(equation.parameters["keys"], values, strict=True):
        writer.line(f"{out}[{writer.constant(key)}] = {value}")


#: Several values, each in its own place: no two keys, which are of integers and slices, select the same element.
put_each: Primitive = linear(
    _put_each,
    _put_each_transpose,
    name="put_each",
    code=Code(write=_write_put_each, shares=False, nest=Pieces(_put_each_pieces)),
    variadic=True,
    leading=_put_each_leading,
    shape=lambda x, *values, keys: Shaped(x.shape, x.dtype),
)
put_each.bundled = _put_bundles


# --- y[key] = v -------------------------------------------------------------------------------------------------------


@composite(method="__setitem__")
def set_item(x: Any, key: Any, value: Any) -> None:
    """``x[key] = value`` with NumPy's meaning, views included."""
    x.alive()
    if _is_view_at(x, key, value):
        return  # the last step of ``x[1:] += 1``, which has been done already
    values = _as_values(value, x)
    if x.__class__ is Buffer:
        if not isinstance(values, Tracer) and _set_plain(x, key, values):
            return
        place = x.place_of(key) if isinstance(values, Tracer) else None
        if place is not None and x.wait(place, values):
            return
    update(x, written(x, key, values))


def written(x: Any, key: Any, values: Any) -> Any:
    """A copy of ``x`` with ``values`` in the places that ``key`` selects."""
    entries = key if isinstance(key, tuple) else (key,)
    entries = tuple(int(e) if isinstance(e, np.integer) else e for e in entries)
    if all(e is None or e is Ellipsis or isinstance(e, slice) or e.__class__ is int for e in entries):
        target = np.broadcast_to(False, x.shape)[entries]
        return put(x, _fitted(values, target.shape), index=entries)
    if len(entries) == 1 and isinstance(entries[0], Tracer) and entries[0].dtype.kind == "b":
        mask = entries[0]
        if mask.shape == x.shape and values.shape == ():
            # Also for a batch of masks, whose members select different numbers of elements.
            return np.where(mask, values.astype(x.dtype), x)
    count = np.reshape(np.arange(x.size), x.shape)
    if any(isinstance(e, Tracer) for e in entries):
        positions = Buffer(count)[key]  # type: ignore[index]
    else:
        positions = count[entries]
    return put_at(x, _fitted(values, positions.shape), positions, ndim=x.ndim)


def _as_values(value: Any, x: Any) -> Any:
    """What is assigned, as an array; a traced value that the dtype of ``x`` cannot hold is an error."""
    if isinstance(value, (list, tuple)):
        value = np.array(value, like=x)
    if not isinstance(value, Tracer):
        return np.asarray(value)
    value = value.alive().content()
    if isinstance(value, Tracer) and value.dtype.kind in "fc" and not np.can_cast(value.dtype, x.dtype, "same_kind"):
        raise InPlaceError(
            f"x[i] = v: a {value.dtype} that carries derivatives was assigned to an array of {x.dtype}, which would "
            f"drop them; make the array with dtype={value.dtype}"
        )
    return value


def _fitted(values: Any, shape: Shape) -> Any:
    """Values broadcast to the part of the array that they fill, as NumPy does in an assignment."""
    if values.shape == shape:
        return values
    extra = len(values.shape) - len(shape)
    if extra > 0 and all(n == 1 for n in values.shape[:extra]):
        values = np.reshape(values, values.shape[extra:])
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(f"could not broadcast input array from shape {values.shape} into shape {shape}") from None


def _is_view_at(x: Any, key: Any, value: Any) -> bool:
    """Whether ``value`` is the view ``x[key]`` itself."""
    alias = getattr(value, "alias", None) if isinstance(value, Tracer) else None
    if alias is None or alias[0] is not x or "index" not in alias[2]:
        return False
    index = alias[2]["index"]
    entries = key if isinstance(key, tuple) else (key,)
    return len(index) == len(entries) and all(
        a is b or (a.__class__ is b.__class__ and a.__class__ in (int, slice) and a == b)
        for a, b in zip(index, entries, strict=True)
    )


def _set_plain(x: Buffer, key: Any, values: Any) -> bool:
    """Write plain values into a plain buffer, in memory."""
    content = x.content()
    if isinstance(content, Tracer) or isinstance(key, Tracer) or _holds_tracer(key):
        return False
    content[key] = values
    refresh(root(x))
    return True


def _holds_tracer(key: Any) -> bool:
    return isinstance(key, tuple) and any(isinstance(e, Tracer) for e in key)


def _merge(x: Any, waiting: dict[tuple[int, ...], Any]) -> Any:
    return put_each(x, *waiting.values(), keys=tuple(waiting))


Buffer.merge = staticmethod(_merge)


# --- functions that write ---------------------------------------------------------------------------------------------


def target(array: Any, name: str) -> Any:
    """The array to write into, which must be able to hold values that carry derivatives."""
    if not isinstance(array, Tracer):
        raise InPlaceError(
            f"{name}: writing a value that carries derivatives into a plain array would drop them; make the array with "
            f"np.zeros(n, like=x) or hodiff.numpy.zeros(n)"
        )
    return array


@composite(np.copyto)
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    """NumPy's ``copyto``."""
    dst, src = target(dst, "numpy.copyto"), _as_values(src, dst)
    if not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast from {src.dtype!r} to {dst.dtype!r} according to the rule '{casting}'")
    src = _fitted(src, dst.shape)
    if where is not True:
        src = np.where(as_operand(where), src, dst)
    set_item(dst, Ellipsis, src)


@composite(np.put)
def put_flat(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """NumPy's ``put``: values, repeated where there are too few, in places of the flattened array."""
    a = target(a, "numpy.put")
    ind = np.ravel(ind if isinstance(ind, Tracer) else np.asarray(ind, dtype=np.intp))
    if mode == "wrap":
        ind = ind % a.size
    elif mode == "clip":
        ind = np.clip(ind, 0, a.size - 1)
    elif mode != "raise":
        raise ValueError("mode must be one of 'clip', 'raise', or 'wrap'")
    if not isinstance(ind, Tracer) and ((ind < -a.size) | (ind >= a.size)).any():
        raise IndexError(f"numpy.put: an index is out of bounds for an array of {a.size} elements")
    values = np.ravel(_as_values(v, a))
    if ind.size and values.size:
        update(a, put_at(a, values[np.arange(ind.size) % values.size], ind, ndim=a.ndim), "numpy.put")


@composite(np.place)
def place_values(arr: Any, mask: Any, vals: Any) -> None:
    """NumPy's ``place``: the first values, repeated where there are too few, where the mask holds."""
    arr = target(arr, "numpy.place")
    positions = np.flatnonzero(np.asarray(mask))
    if isinstance(vals, Tracer) and vals.ndim and root(vals) is root(arr):
        raise InPlaceError("numpy.place: the values are of the array itself, and change while they are read; copy them")
    values = np.ravel(_as_values(vals, arr))
    if positions.size and not values.size:
        raise ValueError("Cannot insert from an empty array!")
    put_flat(arr, positions, values)


@composite(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """NumPy's ``putmask``: where the mask holds, the values of the same places, repeated where there are too few."""
    a = target(a, "numpy.putmask")
    values = np.ravel(_as_values(values, a))
    if values.size:
        repeated = np.reshape(values[np.arange(a.size) % values.size], a.shape)
        update(a, np.where(as_operand(mask), repeated.astype(a.dtype), a), "numpy.putmask")


@composite(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any) -> None:
    """NumPy's ``put_along_axis``."""
    arr = target(arr, "numpy.put_along_axis")
    if axis is None:
        put_flat(arr, indices, np.broadcast_to(_as_values(values, arr), np.shape(indices)))
        return
    axis = negative_axis(axis, arr.ndim, "numpy.put_along_axis")
    if np.ndim(indices) != arr.ndim:
        raise ValueError("numpy.put_along_axis: `indices` and `arr` must have the same number of dimensions")
    grid: list[Any] = [np.reshape(np.arange(n), (n, *(1,) * (arr.ndim - 1 - i))) for i, n in enumerate(arr.shape)]
    grid[axis] = indices
    set_item(arr, tuple(grid), values)


@composite(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """NumPy's ``fill_diagonal``."""
    a = target(a, "numpy.fill_diagonal")
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    step = a.shape[1] + 1 if a.ndim == 2 else 1 + sum(prod(a.shape[:i]) for i in range(1, a.ndim))
    end = a.shape[1] * a.shape[1] if a.ndim == 2 and not wrap else a.size
    put_flat(a, np.arange(a.size)[:end:step], val)


# --- methods ----------------------------------------------------------------------------------------------------------


@composite(method="fill")
def fill(x: Any, value: Any) -> None:
    """``x.fill(value)``."""
    set_item(x, Ellipsis, value)


@composite(method="sort")
def sort_in_place(x: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    """``x.sort()``, in place."""
    update(x, np.sort(x, axis, kind, order, stable=stable), "x.sort()")


@composite(method="partition")
def partition_in_place(x: Any, kth: Any, axis: int = -1, kind: Any = "introselect", order: Any = None) -> None:
    """``x.partition(kth)``, in place."""
    update(x, np.partition(x, kth, axis, kind, order), "x.partition()")


@composite(method="put")
def put_method(x: Any, indices: Any, values: Any, mode: str = "raise") -> None:
    """``x.put(indices, values)``."""
    put_flat(x, indices, values, mode)
