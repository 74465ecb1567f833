"""Order statistics: median, percentile, quantile, and those that leave NaN out.

All sort, and take one element or interpolate between two: the derivative in the data follows from that of ``np.sort``,
so elements that tie share it. The interpolating methods are differentiable in q too; where q meets an element, the
slope of least absolute value counts. A NaN in the data makes every derivative NaN.
Names of the methods and positions: Hyndman & Fan (1996), "Sample quantiles in statistical packages".
May import ``batch_rules``, ``code``, ``core``, ``kinds``, ``lowering``, ``operands``, ``reducing``, ``refusing`` and
``shaped``.

>>> import hodiff as hd
>>> hd.grad(np.median)(np.array([3.0, 1.0, 2.0, 5.0]))
array([0.5, 0. , 0.5, 0. ])
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.core import Tracer, as_operand
from hodiff.kinds import composite, constant, reject
from hodiff.lowering import Composed
from hodiff.operands import as_array
from hodiff.reducing import flag, merged_last
from hodiff.refusing import refused
from hodiff.shaped import keepdims_shape, negative_axes, negative_axis

# Continuous methods: the constants (alpha, beta) of the position n q + alpha + q (1 - alpha - beta) - 1.
_CONTINUOUS = {
    "linear": (1.0, 1.0),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}


def _halves(n: Any, q: Any) -> Any:
    """Position of ``averaged_inverted_cdf``: half way between two elements, or upon one."""
    position = n * q - 1
    return np.where(position % 1 == 0, position + 0.5, np.floor(position) + 1)


def _nearest_odd(n: Any, q: Any) -> Any:
    """Position of ``closest_observation``; half way between two, the one with an odd index."""
    position = n * q - 1.5
    below = np.floor(position)
    return below + ~((position == below) & (below % 2 == 1))


# Discrete methods: position, a multiple of ½, at which to find the value.
_DISCRETE = {
    "inverted_cdf": lambda n, q: np.ceil(n * q) - 1,
    "averaged_inverted_cdf": _halves,
    "closest_observation": _nearest_odd,
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "midpoint": lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
    "nearest": lambda n, q: np.around((n - 1) * q),
}


def _weighted_index(x: Any, weights: Any, q: Any) -> Any:
    """Index in sorted order of the first element at which the sum of the weights reaches q times the whole."""
    if np.any(weights < 0):
        raise ValueError("Weights must be non-negative.")
    x, weights = np.broadcast_arrays(x, weights)
    weights = np.where(np.all(np.isnan(x), axis=-1, keepdims=True), 1, weights)
    total = np.cumsum(np.take_along_axis(weights, np.argsort(x, axis=-1), axis=-1), axis=-1, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        total = total / total[..., -1:]
    if np.any(np.isnan(total[..., -1])):
        raise ValueError("Weights included NaN, inf or were all zero.")
    if q.dtype.kind == "f":
        total = total.astype(q.dtype)
    total = np.where(total == 0, -1, total)  # so that q = 0 finds an element with a weight
    return np.minimum(np.sum(total[..., None, :] < q[..., :, None], axis=-1), x.shape[-1] - 1)


def _check_range(q: Any, message: str) -> Any:
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError(message)
    return q


def _range_refused(q: Any, message: str) -> Any:
    refused(np.logical_not(np.all((q >= 0) & (q <= 1))))
    return q


weighted_index = constant(_weighted_index, name="weighted_index", batch=partial(batch_aligned, core=1))
#: q itself, plain or batched, after the check that it is between 0 and 1.
checked_range = constant(
    lambda q, message: _check_range(q, message), name="checked_range", core=0, code=Code(nest=Composed(_range_refused))
)


# --- along the last axis ----------------------------------------------------------------------------------------------


def _count(x: Any, ignore_nan: bool) -> Any:
    """Number of elements, of those that are not NaN for each row."""
    if not ignore_nan or x.dtype.kind not in "fc":
        return x.shape[-1]
    return np.sum(np.logical_not(np.isnan(x)), axis=-1, keepdims=True)


def _last(n: Any) -> Any:
    """Index of the last of n elements; 0 where there is none."""
    return n - 1 if isinstance(n, int) else np.maximum(n - 1, 0)


def _at(ordered: Any, index: Any) -> Any:
    """Elements of sorted rows, for indices that may differ from row to row or not."""
    index = np.full(1, index) if isinstance(index, int) else index
    missing = ordered.ndim - index.ndim
    return np.take_along_axis(ordered, np.reshape(index, (1,) * missing + index.shape), axis=-1)


def _between(ordered: Any, lower: Any, upper: Any, gamma: Any) -> Any:
    """Linear interpolation from the nearer end."""
    low, high = _at(ordered, lower), _at(ordered, upper)
    near_high = np.greater_equal(gamma, 0.5)
    return np.where(near_high, high, low) + (high - low) * np.where(near_high, gamma - 1, gamma)


def _interpolate(ordered: Any, position: Any, n: Any, closed: bool, smooth: bool) -> Any:
    """Value at a fractional position; beyond the ends it is constant, or with ``closed`` there is nothing beyond them.

    With ``smooth`` the derivative in the position is wanted too, and on an element the smaller slope is chosen.
    """
    last = _last(n)
    below = np.floor(position)
    lower = np.clip(below, 0, last).astype(np.intp)
    upper = np.clip(below + 1, 0, last).astype(np.intp)
    gamma = position - below
    if smooth:
        before = np.maximum(lower - 1, 0)
        rises = [_at(ordered, i) - _at(ordered, j) for i, j in ((lower, before), (upper, lower))]
        back = np.less(rises[0], rises[1]) | (closed & np.equal(position, last))
        back = back & np.equal(gamma, 0) & np.greater(lower, 0)
        if not closed:
            upper = np.where(np.equal(position, 0), lower, upper)
        lower, upper = np.where(back, before, lower), np.where(back, lower, upper)
        gamma = gamma + back
    return _between(ordered, lower, upper, gamma)


def _with_nan(values: Any, x: Any, ordered: Any) -> Any:
    """NaN for rows with a NaN, and in every derivative of them."""
    if x.dtype.kind not in "fc":
        return values
    poison = np.isnan(ordered[..., -1:])
    return np.where(poison, np.nan * np.sum(x, axis=-1, keepdims=True), values)


def _quantiles(x: Any, q: Any, method: str, weights: Any, ignore_nan: bool, weak: bool) -> Any:
    """Quantiles of rows: shape (…, n) and (m,) to (…, m)."""
    ordered = np.sort(x, axis=-1)
    if weights is not None:
        if ignore_nan and x.dtype.kind == "f":
            weights = np.where(np.isnan(x), 0, weights)
        values = _at(ordered, weighted_index(x, weights, q))
        return values if ignore_nan else _with_nan(values, x, ordered)
    n = _count(x, ignore_nan)
    if not isinstance(n, int) and q.dtype.kind == "f":
        n = n.astype(q.dtype)  # as weak as a Python integer
    if method in _CONTINUOUS:
        alpha, beta = _CONTINUOUS[method]
        # For `linear` the two are the same, and this is exact more often.
        position = (n - 1) * q if method == "linear" else n * q + (alpha + q * (1 - alpha - beta)) - 1
        values = _interpolate(ordered, position, n, method == "linear", isinstance(q, Tracer))
    else:
        position = np.clip(_DISCRETE[method](n, checked_range(q, message="")), 0, _last(n))
        below = np.floor(position)
        lower = below.astype(np.intp)
        values = _at(ordered, lower)
        if method in ("midpoint", "averaged_inverted_cdf"):
            values = _between(ordered, lower, np.ceil(position).astype(np.intp), position - below)
    if weak and x.dtype.kind == "f" and values.dtype != x.dtype:
        values = values.astype(x.dtype)
    return values if ignore_nan else _with_nan(values, x, ordered)


# --- NumPy's functions ------------------------------------------------------------------------------------------------


def _real(a: Any) -> Any:
    a = as_operand(a)
    a = as_array(a)
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    return a


def _broadcast_weights(a: Any, weights: Any, axis: Any) -> Any:
    """Weights in the shape of ``a``, from that shape or that of the axes alone."""
    weights = as_array(weights)
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = axis if isinstance(axis, tuple) else (axis,)
    numbers = [a.ndim + negative_axis(i, a.ndim, "numpy.quantile") for i in axes]
    if weights.shape != tuple(a.shape[i] for i in numbers):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = np.transpose(weights, tuple(int(i) for i in np.argsort(numbers)))
    return np.broadcast_to(np.reshape(weights, [n if i in numbers else 1 for i, n in enumerate(a.shape)]), a.shape)


def _quantile(
    name: str, a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any, weights: Any, weak: bool
) -> Any:
    reject(f"numpy.{name}", out=(out, None))
    if method not in _CONTINUOUS and method not in _DISCRETE:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {[*_CONTINUOUS, *_DISCRETE]}")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    a = _real(a)
    axes = negative_axes(axis, a.ndim, f"numpy.{name}")
    ignore_nan = name.startswith("nan")
    if ignore_nan and a.size == 0:
        return np.mean(a, axis=axes, keepdims=flag(keepdims))
    q = q if isinstance(q, Tracer) else np.asarray(q)  # one of Python's numbers keeps its lack of precision
    names, top = ("Percentiles", 100) if "percent" in name else ("Quantiles", 1)
    checked_range(q, message=f"{names} must be in the range [0, {top}]")
    x = merged_last(a, axes)
    if not x.shape[-1]:
        raise IndexError(f"numpy.{name}: no quantile of an empty array")
    merged = None if weights is None else merged_last(_broadcast_weights(a, weights, axis), axes)
    answer = _quantiles(x, np.reshape(q, (-1,)), method, merged, ignore_nan, weak)
    rest = keepdims_shape(a.shape, axes) if flag(keepdims) else x.shape[:-1]
    # The index makes a scalar of an array without axes, as NumPy does.
    return np.reshape(np.moveaxis(answer, -1, 0), (*np.shape(q), *rest))[()]


@composite(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """NumPy's ``quantile``; weights change it in jumps, so their derivative is 0."""
    del overwrite_input  # a permission, which is not used
    return _quantile("quantile", a, q, axis, out, method, keepdims, weights, type(q) in (int, float))


@composite(np.percentile)
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
) -> Any:
    """NumPy's ``percentile``."""
    del overwrite_input  # a permission, which is not used
    return _quantile(
        "percentile", a, np.true_divide(q, 100), axis, out, method, keepdims, weights, type(q) in (int, float)
    )


@composite(np.nanquantile)
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = np._NoValue,
    *,
    weights: Any = None,
) -> Any:
    """NumPy's ``nanquantile``."""
    del overwrite_input  # a permission, which is not used
    return _quantile("nanquantile", a, q, axis, out, method, keepdims, weights, type(q) in (int, float))


@composite(np.nanpercentile)
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = np._NoValue,
    *,
    weights: Any = None,
) -> Any:
    """NumPy's ``nanpercentile``."""
    del overwrite_input  # a permission, which is not used
    return _quantile(
        "nanpercentile", a, np.true_divide(q, 100), axis, out, method, keepdims, weights, type(q) in (int, float)
    )


def _median(name: str, a: Any, axis: Any, out: Any, keepdims: Any) -> Any:
    reject(f"numpy.{name}", out=(out, None))
    axes = negative_axes(axis, a.ndim, f"numpy.{name}")
    if a.size == 0:
        return np.mean(a, axis=axes, keepdims=flag(keepdims))
    ignore_nan = name == "nanmedian"
    x = merged_last(a, axes)
    ordered = np.sort(x, axis=-1)
    n = _count(x, ignore_nan)
    middle = _at(ordered, _last(n) // 2)
    if not isinstance(n, int) or n % 2 == 0:
        mean = (middle + _at(ordered, n // 2)) / 2
        middle = mean if isinstance(n, int) else np.where(np.equal(n % 2, 1), middle, mean)
    elif x.dtype.kind not in "fc":
        middle = middle.astype(np.float64)
    answer = middle if ignore_nan else _with_nan(middle, x, ordered)
    return np.reshape(answer, keepdims_shape(a.shape, axes) if flag(keepdims) else x.shape[:-1])[()]


@composite(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """NumPy's ``median``; elements that tie share the derivative."""
    del overwrite_input  # a permission, which is not used
    return _median("median", a, axis, out, keepdims)


@composite(np.nanmedian)
def nanmedian(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = np._NoValue
) -> Any:
    """NumPy's ``nanmedian``."""
    del overwrite_input  # a permission, which is not used
    return _median("nanmedian", a, axis, out, keepdims)
