"""Sets of values: unique and what rests on it.

Which elements are chosen depends on values, so the shapes of the answers do, and there are none for a batch. An element
that stands for several equal ones shares its derivative among them equally.
May import ``batch_rules``, ``core``, ``kinds``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.unique(x)[0])(np.array([1.0, 1.0, 2.0]))
array([0.5, 0.5, 0. ])
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.core import Primitive, as_operand
from hodiff.kinds import composite, constant, general, linear
from hodiff.operands import value_of
from hodiff.shaped import negative_axis

_ALL_FIELDS, _COUNT_FIELDS, _INVERSE_FIELDS = (
    type(f(np.zeros(1))) for f in (np.unique_all, np.unique_counts, np.unique_inverse)
)


def _group_means(x: Any, groups: Any, count: int) -> Any:
    """Mean over the elements of each group, along the last axis."""
    sums = np.zeros((*x.shape[:-1], count), x.dtype)
    index: Any = (..., groups)
    np.add.at(sums, index, x)
    return sums / np.bincount(groups, minlength=count).astype(x.real.dtype)


group_means: Primitive = linear(
    _group_means,
    lambda ct, x, groups, count: np.take(ct / np.bincount(groups, minlength=count), groups, axis=-1),
    None,
    name="group_means",
    batch=partial(batch_aligned, core=1),
)
#: One element of each group of equal ones, along the last axis.
representatives: Primitive = general(
    lambda x, groups, first: x[..., first],
    lambda t, ans, x, groups, first: group_means(t, groups, count=len(first)),
    None,
    None,
    name="representatives",
    batch=partial(batch_aligned, core=1),
)
membership = constant(
    lambda element, tests, invert, kind: np.isin(element, tests, invert=invert, kind=kind), name="membership"
)


def _chosen(x: Any, first: Any, inverse: Any) -> Any:
    """``x`` at ``first``, along the last axis; what has equal entries in ``inverse`` shares the derivative."""
    return representatives(x, np.reshape(inverse, (-1,)), first)


@composite(np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """NumPy's ``unique``; the indices and counts are plain arrays."""
    value = value_of(ar)
    _, first, inverse, counts = np.unique(value, True, True, True, axis, equal_nan=equal_nan, sorted=sorted)
    if axis is None:
        values = _chosen(np.reshape(ar, (-1,)), first, inverse)
    else:
        axis = negative_axis(axis, ar.ndim, "numpy.unique")
        values = np.moveaxis(_chosen(np.moveaxis(ar, axis, -1), first, inverse), -1, axis)
    wanted = ((return_index, first), (return_inverse, inverse), (return_counts, counts))
    more = tuple(array for flag, array in wanted if flag)
    return (values, *more) if more else values


@composite(np.unique_all)
def unique_all(x: Any) -> Any:
    """NumPy's ``unique_all``."""
    return _ALL_FIELDS(*unique(x, True, True, True, equal_nan=False))


@composite(np.unique_counts)
def unique_counts(x: Any) -> Any:
    """NumPy's ``unique_counts``."""
    return _COUNT_FIELDS(*unique(x, return_counts=True, equal_nan=False))


@composite(np.unique_inverse)
def unique_inverse(x: Any) -> Any:
    """NumPy's ``unique_inverse``."""
    return _INVERSE_FIELDS(*unique(x, return_inverse=True, equal_nan=False))


@composite(np.unique_values)
def unique_values(x: Any) -> Any:
    """NumPy's ``unique_values``, in the order in which NumPy returns them."""
    values = unique(x, equal_nan=False)
    order = np.argsort(np.argsort(np.unique_values(value_of(x)), kind="stable"))
    return values[order]


@composite(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    """NumPy's ``union1d``."""
    return np.unique(np.concatenate((ar1, ar2), axis=None))


@composite(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """NumPy's ``intersect1d``: a common value shares its derivative among the elements of both arrays that have it."""
    first, second = (np.reshape(as_operand(a), (-1,)) for a in (ar1, ar2))
    _, *indices = np.intersect1d(value_of(first), value_of(second), assume_unique, return_indices=True)
    everything = np.concatenate((first, second))
    groups = np.unique(value_of(everything), return_inverse=True)[1]
    values = _chosen(everything, np.unique(groups, return_index=True)[1], groups)[groups[indices[0]]]
    return (values, *indices) if return_indices else values


@composite(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """NumPy's ``setdiff1d``."""
    ar1 = np.reshape(as_operand(ar1), (-1,)) if assume_unique else np.unique(ar1)
    return ar1[np.isin(value_of(ar1), value_of(ar2), assume_unique=True, invert=True)]


@composite(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """NumPy's ``setxor1d``."""
    if not assume_unique:
        ar1, ar2 = np.unique(ar1), np.unique(ar2)
    merged = np.sort(np.concatenate((ar1, ar2), axis=None))
    plain = value_of(merged)
    fresh = np.concatenate(([True], plain[1:] != plain[:-1], [True]))
    return merged[np.nonzero(fresh[1:] & fresh[:-1])[0]]


@composite(np.isin)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    """NumPy's ``isin``: a plain answer."""
    del assume_unique  # a hint for speed, which changes no answer
    return membership(as_operand(element), as_operand(test_elements), invert=bool(invert), kind=kind)
