"""Sorting: sort, partition and their indices, and the search in sorted arrays.

Sorting permutes, so its derivative is that permutation. Elements that tie may stand in any order: the derivative is the
average over these orders, so that those that tie share equally. For one order statistic, and so for medians and
quantiles, this is the minimum-norm element of the Clarke subdifferential.
May import ``batch_rules``, ``code``, ``core``, ``errors``, ``kinds``, ``lowering`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.sort(x)[0])(np.array([1.0, 1.0, 2.0]))
array([0.5, 0.5, 0. ])
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned, batch_loop
from hodiff.code import Code
from hodiff.core import Primitive, Tracer, as_operand
from hodiff.errors import NotStagedError
from hodiff.kinds import composite, constant, general, linear, reject
from hodiff.lowering import Composed, Searched
from hodiff.shaped import Shaped, negative_axis

#: Elements in a row that are few.
_FEW = 32

# --- ties -------------------------------------------------------------------------------------------------------------
# Elements that tie have equal labels, and labels do not decrease along the last axis.


def _label(ordered: Any) -> Any:
    """Number of the group of equal elements that each element of a sorted array is in."""
    fresh = ordered[..., 1:] != ordered[..., :-1]
    return np.concatenate([np.zeros_like(ordered[..., :1], np.intp), np.cumsum(fresh, -1, dtype=np.intp)], axis=-1)


def _average(x: Any, labels: Any) -> Any:
    """Mean over each group in the place of each element."""
    n = x.shape[-1]
    x, labels = np.broadcast_arrays(x, labels)
    if not n or np.all(labels[..., -1] == n - 1):
        return x.copy()
    rows = np.reshape(np.arange(x.size // n) * n, (*x.shape[:-1], 1))
    groups = rows + labels
    sums, counts = np.zeros(x.size, x.dtype), np.zeros(x.size, x.real.dtype)
    np.add.at(sums, groups, x)
    np.add.at(counts, groups, 1)
    return sums[groups] / counts[groups]


def _average_of_few(x: Any, labels: Any) -> Any:
    """The same for so few elements that each can be compared with each."""
    if x.shape[-1] > _FEW:
        raise NotStagedError("groups of many elements are left to NumPy")
    same = np.equal(labels[..., :, None], labels[..., None, :])
    return np.sum(np.where(same, x[..., None, :], 0), axis=-1) / np.sum(same, axis=-1).astype(x.real.dtype)


tie_labels = constant(_label, name="tie_labels", leading=True, code=Code(shares=False, nest=Composed()))
tie_average: Primitive = linear(
    _average,
    lambda ct, x, labels: tie_average(ct, labels),
    None,
    name="tie_average",
    code=Code(shares=False, nest=Composed(_average_of_few)),
    batch=partial(batch_aligned, core=1),
    shape=lambda x, labels: Shaped(np.broadcast_shapes(x.shape, labels.shape), x.dtype),
)
#: The elements as they are; the derivatives of those that tie are shared.
tied: Primitive = general(
    lambda x, labels: x.copy(),
    lambda t, ans, x, labels: tie_average(t, labels),
    None,
    name="tied",
    leading=True,
    code=Code(shares=False, nest=Composed(lambda x, labels: x)),
)


def _sorted_last(x: Any, kind: Any) -> Any:
    """``x`` sorted along its last axis."""
    ordered = np.take_along_axis(x, np.argsort(x, axis=-1, kind=kind), axis=-1)
    return tied(ordered, tie_labels(ordered))


def _partitioned_last(x: Any, kth: Any, kind: str) -> Any:
    """``x`` partitioned along its last axis in the way that NumPy does, which an ``argpartition`` need not follow."""
    place = np.argsort(np.argsort(partition_values(x, kth=kth, kind=kind), axis=-1, kind="stable"), axis=-1)
    return np.take_along_axis(_sorted_last(x, "stable"), place, axis=-1)


def _along(operation: Any, a: Any, axis: Any, name: str) -> Any:
    """Apply ``operation``, which works along the last axis, along ``axis``; None flattens."""
    if axis is None:
        return operation(np.reshape(a, (-1,)))
    axis = negative_axis(axis, a.ndim, name)
    return operation(a) if axis == -1 else np.moveaxis(operation(np.moveaxis(a, axis, -1)), -1, axis)


# --- NumPy's functions ------------------------------------------------------------------------------------------------


partition_values = constant(
    lambda x, kth, kind: np.partition(x, kth, axis=-1, kind=kind), name="partition_values", leading=True
)
arg_partition = constant(
    lambda x, kth, axis, kind: np.argpartition(x, kth, axis=axis, kind=kind), name="arg_partition", leading=True
)
#: Order by several keys, which are the last axis.
lex_order = constant(lambda keys, axis: np.lexsort(np.moveaxis(keys, -1, 0), axis=axis), name="lex_order", leading=True)


def _batch_search(primitive: Primitive, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    """Values of any shape are looked up in one array at once; several arrays need a loop."""
    if batched[0] or any(batched[2:]):
        return batch_loop(primitive, size, operands, batched, parameters)
    return primitive(*operands, **parameters)


search_sorted = constant(
    lambda a, v, *sorter, side: np.searchsorted(a, v, side, *sorter),
    name="search_sorted",
    code=Code(shares=False, nest=Searched()),
    batch=_batch_search,
)


@composite(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """NumPy's ``sort``; elements that tie share their derivatives."""
    reject("numpy.sort", order=(order, None))
    if kind is not None and stable is not None:
        raise ValueError("`kind` and `stable` parameters can't be provided at the same time. Use only one of them.")
    return _along(lambda x: _sorted_last(x, "stable" if stable else kind), a, axis, "numpy.sort")


@composite(np.sort_complex)
def sort_complex(a: Any) -> Any:
    """NumPy's ``sort_complex``: sorted along the last axis, as complex numbers."""
    ordered = np.sort(a)
    if ordered.dtype.kind == "c":
        return ordered
    return ordered.astype({**dict.fromkeys("bhBH", "F"), "g": "G"}.get(ordered.dtype.char, "D"))


@composite(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """NumPy's ``partition``; elements that tie share their derivatives."""
    reject("numpy.partition", order=(order, None))
    return _along(lambda x: _partitioned_last(x, kth, kind), a, axis, "numpy.partition")


@composite(np.argpartition, method="argpartition")
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """NumPy's ``argpartition``."""
    reject("numpy.argpartition", order=(order, None))
    if axis is None:
        return arg_partition(np.reshape(a, (-1,)), kth=kth, axis=-1, kind=kind)
    if a.ndim == 0:
        negative_axis(axis, 1, "numpy.argpartition")  # as for NumPy, a scalar has one axis here
        return arg_partition(np.reshape(a, (1,)), kth=kth, axis=-1, kind=kind)
    return arg_partition(a, kth=kth, axis=negative_axis(axis, a.ndim, "numpy.argpartition"), kind=kind)


@composite(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> Any:
    """NumPy's ``lexsort``: the last key comes first."""
    rows: Any = keys if isinstance(keys, Tracer) else np.stack(list(keys))
    if rows.ndim == 1:
        return np.zeros((), np.intp)  # each key is a scalar, as NumPy has it
    axis = negative_axis(axis, rows.ndim - 1, "numpy.lexsort")
    return lex_order(np.moveaxis(rows, 0, -1), axis=axis)


@composite(np.searchsorted, method="searchsorted")
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """NumPy's ``searchsorted``: constant, since it counts."""
    extra = () if sorter is None else (as_operand(sorter),)
    return search_sorted(as_operand(a), as_operand(v), *extra, side=side)
