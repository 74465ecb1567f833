"""Arrays built from others: block, append, insert, delete, meshgrid, linspace and its kin, vander, diag, triangles.

``linspace`` is linear in its two ends together, so it is an operation of its own; ``geomspace`` is not, and follows
from yᵢ = start^(1−wᵢ)·stop^wᵢ. The rest is written with other functions.
May import ``batch_rules``, ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda stop: np.linspace(0.0, stop, 3)[1])(2.0)
np.float64(0.5)
"""

from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.core import Primitive, Tracer, as_operand
from hodiff.errors import NotStagedError
from hodiff.kinds import composite, general, linear, reject
from hodiff.lowering import Composed
from hodiff.operands import as_array
from hodiff.shaped import negative_axis

# --- grids between two ends -------------------------------------------------------------------------------------------
# The grid is the last axis, so that a batch of ends is nothing special.


def _weights(num: int, endpoint: bool, dtype: Any) -> Any:
    """Share of the second end in each number of a grid, in the precision of ``dtype``."""
    steps = num - 1 if endpoint else num
    return (np.arange(num) / max(steps, 1)).astype(np.finfo(dtype).dtype)


def _geometric(start: Any, stop: Any, num: int, endpoint: bool) -> Any:
    return np.geomspace(start, stop, num, endpoint, axis=-1)


def _share_of_start(t: Any, ans: Any, start: Any, num: int, endpoint: bool) -> Any:
    return np.expand_dims(t, -1) * ((1 - _weights(num, endpoint, ans.dtype)) * ans / np.expand_dims(start, -1))


def _share_of_stop(t: Any, ans: Any, stop: Any, num: int, endpoint: bool) -> Any:
    return np.expand_dims(t, -1) * (_weights(num, endpoint, ans.dtype) * ans / np.expand_dims(stop, -1))


def _evenly_spaced(start: Any, stop: Any, num: int, endpoint: bool) -> Any:
    """``numpy.linspace``, which multiplies by steps where these are no zeros."""
    steps = num - 1 if endpoint else num
    if steps < 1 or np.result_type(start.dtype, stop.dtype).char not in "fdFD":
        raise NotStagedError("a grid without steps, or of integers, is left to NumPy")
    delta = np.expand_dims(stop - start, -1)
    numbers = np.arange(num).astype(delta.dtype)
    step = delta / steps
    grid = np.where(np.any(np.equal(step, 0)), numbers / steps * delta, numbers * step) + np.expand_dims(start, -1)
    return np.where(np.arange(num) == num - 1, np.expand_dims(stop, -1), grid) if endpoint else grid


spaced: Primitive = linear(
    lambda start, stop, num, endpoint: np.linspace(start, stop, num, endpoint, axis=-1),
    lambda ct, start, stop, num, endpoint: np.sum(ct * (1 - _weights(num, endpoint, ct.dtype)), axis=-1),
    lambda ct, start, stop, num, endpoint: np.sum(ct * _weights(num, endpoint, ct.dtype), axis=-1),
    name="spaced",
    batch=batch_aligned,
    code=Code(shares=False, nest=Composed(_evenly_spaced)),
)
geometric: Primitive = general(
    _geometric,
    lambda t, ans, start, stop, num, endpoint: _share_of_start(t, ans, start, num, endpoint),
    lambda t, ans, start, stop, num, endpoint: _share_of_stop(t, ans, stop, num, endpoint),
    name="geometric",
    core=0,
)


@composite(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: Any = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """NumPy's ``linspace``."""
    reject("numpy.linspace", device=(None if device == "cpu" else device, None))
    start, stop = as_operand(start), as_operand(stop)
    num = as_index(num)
    answer = spaced(start, stop, num=num, endpoint=bool(endpoint))
    if dtype is not None:
        whole = np.dtype(dtype).kind in "iu"
        answer = (np.floor(answer) if whole else answer).astype(dtype)
    answer = _placed(answer, axis, "numpy.linspace")
    if not retstep:
        return answer
    steps = num - 1 if endpoint else num
    return answer, np.subtract(stop, start) / steps if steps > 0 else np.nan


@composite(np.logspace)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: Any = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    """NumPy's ``logspace``; the base may be an array, which is broadcast with the ends."""
    start, stop, base = as_operand(start), as_operand(stop), as_operand(base)
    if np.ndim(base):
        ndim = max(np.ndim(value) for value in (start, stop, base))
        start, stop, base = (_with_axes(value, ndim) for value in (start, stop, base))
        base = np.expand_dims(base, axis)
    exponents = np.linspace(start, stop, num, endpoint, axis=axis)
    answer = np.power(base, exponents)
    return answer if dtype is None else answer.astype(dtype)


@composite(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: Any = True, dtype: Any = None, axis: int = 0) -> Any:
    """NumPy's ``geomspace``; in the complex plane along the spiral that NumPy takes."""
    start, stop = (as_array(v) for v in (start, stop))
    num = as_index(num)
    common = np.result_type(start.dtype, stop.dtype, float(num), np.zeros((), dtype))
    ends = (v if v.dtype == common else v.astype(common) for v in (start, stop))
    answer = _placed(geometric(*ends, num=num, endpoint=bool(endpoint)), axis, "numpy.geomspace")
    return answer if dtype is None else answer.astype(dtype)


def _placed(answer: Any, axis: int, name: str) -> Any:
    """The grid moved from the last axis to ``axis``."""
    axis = negative_axis(axis, answer.ndim, name)
    return answer if axis == -1 else np.moveaxis(answer, -1, axis)


def _with_axes(value: Any, ndim: int) -> Any:
    """``value`` with axes of length 1 put in front until it has ``ndim`` axes."""
    shape = np.shape(value)
    return value if len(shape) >= ndim else np.reshape(value, (*(1,) * (ndim - len(shape)), *shape))


@composite(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """NumPy's ``meshgrid``."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    ndim = len(xi)
    places = list(range(ndim))
    if indexing == "xy" and ndim > 1:
        places[:2] = [1, 0]
    grids: Any = [
        np.reshape(as_operand(x), tuple(-1 if i == place else 1 for i in range(ndim)))
        for x, place in zip(xi, places, strict=True)
    ]
    if not sparse:
        grids = np.broadcast_arrays(*grids)
    return tuple(np.copy(g) for g in grids) if copy else tuple(grids)


@composite(np.ix_)
def ix_(*args: Any) -> tuple[Any, ...]:
    """NumPy's ``ix_``."""
    sequences: list[Any] = [as_array(a) for a in args]
    result = []
    for i, sequence in enumerate(sequences):
        if sequence.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if sequence.size == 0:
            sequence = sequence.astype(np.intp)
        if sequence.dtype.kind == "b":
            (sequence,) = np.nonzero(sequence)
        result.append(np.reshape(sequence, tuple(-1 if i == k else 1 for k in range(len(args)))))
    return tuple(result)


# --- putting together and taking apart --------------------------------------------------------------------------------


@composite(np.block)
def block(arrays: Any) -> Any:
    """NumPy's ``block``: nested lists of blocks, the innermost joined along the last axis."""
    leaves: list[tuple[int, int]] = []
    _survey(arrays, 0, leaves)
    depths = {depth for depth, _ in leaves}
    if len(depths) > 1:
        raise ValueError(f"List depths are mismatched: numpy.block found blocks at the depths {sorted(depths)}")
    depth = depths.pop()
    ndim = max(depth, *(n for _, n in leaves))
    answer = _joined(arrays, ndim, depth)
    return np.copy(answer) if depth == 0 else answer


def _survey(arrays: Any, depth: int, leaves: list[tuple[int, int]]) -> None:
    """Collect the depth and the number of axes of every block."""
    if isinstance(arrays, tuple):
        raise TypeError("numpy.block: found a tuple; only lists can be used to arrange blocks")
    if not isinstance(arrays, list):
        leaves.append((depth, np.ndim(arrays)))
        return
    if not arrays:
        raise ValueError("List at arrays cannot be empty")
    for part in arrays:
        _survey(part, depth + 1, leaves)


def _joined(arrays: Any, ndim: int, depth: int) -> Any:
    if depth == 0:
        return _with_axes(arrays, ndim)
    return np.concatenate([_joined(part, ndim, depth - 1) for part in arrays], axis=-depth)


@composite(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """NumPy's ``append``."""
    arr, values = as_operand(arr), as_operand(values)
    if axis is None:
        arr, values, axis = np.ravel(arr), np.ravel(values), 0
    return np.concatenate((arr, values), axis=axis)


def _plain(obj: Any) -> Any:
    """Positions as NumPy wants them; those of a batch, which differ from member to member, are refused."""
    return np.asarray(obj) if isinstance(obj, Tracer) else obj


@composite(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """NumPy's ``insert``: NumPy itself says where in the answer each element of the array and of the values goes."""
    arr, values, obj = as_operand(arr), as_operand(values), _plain(obj)
    if axis is None:
        arr, axis = np.ravel(arr), -1
    axis = negative_axis(axis, np.ndim(arr), "numpy.insert")
    if not hasattr(values, "dtype"):
        values = np.asarray(values)
    if values.dtype != arr.dtype:
        if arr.dtype.kind in "fiu" and isinstance(values, Tracer) and values.example().__class__ is complex:
            raise TypeError("numpy.insert: a complex number of Python's is no element of an array of real numbers")
        values = values.astype(arr.dtype)
    values = _with_axes(values, arr.ndim)
    if not isinstance(obj, slice) and np.ndim(obj) == 0:
        values = np.moveaxis(values, 0, axis)
    length = arr.shape[axis]
    if values.ndim > arr.ndim:
        raise ValueError(
            f"numpy.insert: could not broadcast values of shape {values.shape} into an array of shape {arr.shape}"
        )
    # One position takes as many values as there are, several positions take one each.
    count = values.shape[axis]
    where = np.insert(np.zeros(length, bool), obj, np.ones(count, bool))
    count = where.size - length
    order = np.insert(np.arange(length), obj, np.arange(length, length + count))
    target = list(arr.shape)
    target[axis] = count
    joined = np.concatenate((arr, np.broadcast_to(values, target)), axis=axis)
    return np.take(joined, order, axis=axis)


@composite(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """NumPy's ``delete``."""
    arr, obj = as_operand(arr), _plain(obj)
    if axis is None:
        arr, axis = np.ravel(arr), -1
    axis = negative_axis(axis, np.ndim(arr), "numpy.delete")
    return np.take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis=axis)


# --- matrices ---------------------------------------------------------------------------------------------------------


@composite(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """NumPy's ``vander``: powers, as columns."""
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    count = x.shape[0] if N is None else as_index(N)
    if count < 0:
        raise ValueError("numpy.vander: negative dimensions are not allowed")
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    return x.astype(np.promote_types(x.dtype, int))[:, None] ** powers


@composite(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """NumPy's ``diag``: the diagonal of a matrix, or a matrix with that diagonal."""
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    # Every row is filled with the one element of it that the diagonal keeps.
    rows = np.pad(v, (max(-k, 0), max(k, 0)))
    return np.where(np.eye(rows.shape[0], k=k, dtype=bool), rows[:, None], v.dtype.type(0))


@composite(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    """NumPy's ``diagflat``."""
    return np.diag(np.ravel(v), k)


@composite(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """NumPy's ``tril``: zeros above a diagonal."""
    return np.where(_triangle(m, k), m, m.dtype.type(0))


@composite(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """NumPy's ``triu``: zeros below a diagonal."""
    return np.where(_triangle(m, k - 1), m.dtype.type(0), m)


def _triangle(m: Any, k: int) -> Any:
    if m.ndim == 0:
        raise TypeError("numpy.tril and numpy.triu need an array of at least one axis")
    return np.tri(m.shape[-2:][0], m.shape[-1], k, dtype=bool)
