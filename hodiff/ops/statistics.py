"""Statistics: average, ptp, cov, corrcoef, bincount, digitize, and histograms.

How many elements are in a bin changes by jumps, so counts have the derivative 0 wherever they have one; sums of weights
are linear in the weights. Edges that are not given are differentiable functions of the least and the greatest element,
and so is a density, which is divided by the widths of the bins.
May import ``batch_rules``, ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``operands``, ``reducing``,
``refusing`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda w: np.histogram([0.1, 0.2, 0.9], bins=2, weights=w)[0][0])(np.ones(3))
array([1., 1., 0.])
"""

from math import prod as product_of
from operator import index as as_index
from typing import Any
from warnings import warn

import numpy as np

from hodiff.batch_rules import batch_loop
from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.errors import ConversionError, UnsupportedKeywordError
from hodiff.kinds import composite, constant, elementwise, linear, reject
from hodiff.lowering import ZERO, Checked, Composed, Index, Lookup, Spot, Spots, aligned
from hodiff.operands import as_array
from hodiff.reducing import ABSENT, converted
from hodiff.refusing import refused
from hodiff.shaped import negative_axes

# --- primitives -------------------------------------------------------------------------------------------------------


def _forbidden(bad: Any, error: type[Exception], message: str) -> Any:
    if np.any(bad):
        raise error(message)
    return bad


def _doubtful(bad: Any, message: str) -> Any:
    if np.any(bad):
        warn(message, RuntimeWarning, stacklevel=2)
    return bad


def _within_one(r: Any) -> Any:
    return np.clip(r.real, -1, 1) + 1j * np.clip(r.imag, -1, 1) if np.iscomplexobj(r) else np.clip(r, -1, 1)


def _binned(w: Any, index: Any, length: int) -> Any:
    """Sums of the weights with the same index, along the last axis."""
    rows = w.shape[:-1]
    flat = np.ravel(index + length * np.reshape(np.arange(product_of(rows)), (*rows, 1)))
    parts = (w.real, w.imag) if w.dtype.kind == "c" else (w,)
    sums = [np.bincount(flat, np.ravel(part), product_of(rows) * length) for part in parts]
    return np.reshape(sums[0] if len(sums) == 1 else sums[0] + 1j * sums[1], (*rows, length)).astype(w.dtype)


def _bin_index(x: Any, edges: Any) -> Any:
    """The bin of each element, the last one with its right edge; the number of bins for an element outside of all."""
    count = len(edges) - 1
    index = np.searchsorted(edges, x, side="right") - 1
    return np.where(np.equal(x, edges[-1:]), max(count - 1, 0), np.where(index < 0, count, index))


def _digits(x: Any, bins: Any, right: bool) -> Any:
    """The same for bins that do not decrease."""
    refused(np.logical_not(np.all(np.less_equal(bins[:-1], bins[1:]))))
    return np.searchsorted(bins, x, side="left" if right else "right")


def _binned_spots(equation: Any) -> list[Spot] | None:
    """Where the weights go; NumPy adds them in double precision."""
    w, index = equation.operands
    if w.dtype.char != "d":
        return None
    last = len(w.shape) - 1

    def place(at: Index) -> Index:
        return (*at[:last], ZERO)

    lookup = Lookup(1, lambda at: aligned(at, index.shape), last, way="count")
    return [Spot(0, w.shape, lambda at: at, place, (lookup,))]


def _batch_first(primitive: Primitive, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    """Batch a function that acts on each element of its first operand."""
    if any(batched[1:]):
        return batch_loop(primitive, size, operands, batched, parameters)
    return primitive(*operands, **parameters)


#: Its operand, which must hold nowhere: a check that batches can make too.
forbidden = constant(_forbidden, name="forbidden", leading=True, code=Code(nest=Checked()))
#: Its operand, with a warning where that holds anywhere.
doubtful = constant(_doubtful, name="doubtful", leading=True, code=Code(nest=Checked()))
#: Correlations beyond 1 are so by rounding alone, so cutting that off does not change the derivative.
within_one = elementwise(
    _within_one, 1, name="within_one", smooth=True, code=Code(shares=False, nest=Composed(lambda r: np.clip(r, -1, 1)))
)
binned = linear(
    _binned,
    lambda ct, w, index, length: np.take_along_axis(ct, index, axis=-1),
    None,
    name="binned",
    leading=True,
    code=Code(shares=False, nest=Spots(_binned_spots, adds=True)),
)
bin_index = constant(_bin_index, name="bin_index", batch=_batch_first, code=Code(shares=False, nest=Composed()))
bin_total = constant(
    lambda a, *range, rule: np.intp(len(np.histogram_bin_edges(a, rule, range or None)) - 1), name="bin_total"
)
digits = constant(
    lambda x, bins, right: np.digitize(x, bins, right),
    name="digits",
    batch=_batch_first,
    code=Code(shares=False, nest=Composed(_digits)),
)


# --- averages and spread ----------------------------------------------------------------------------------------------


@composite(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = ABSENT) -> Any:
    """NumPy's ``average``; of the data and of the weights."""
    a = as_array(a)
    axes = None if axis is None else negative_axes(axis, a.ndim, "numpy.average")
    keep = keepdims is not ABSENT and bool(keepdims)
    if weights is None:
        answer = np.mean(a, axis=axes, keepdims=keep)
        total = answer.dtype.type(a.size / product_of(answer.shape))
    else:
        weights = _fitted(as_array(weights), a, axes)
        dtype = np.result_type(a.dtype, weights.dtype, *(("f8",) if a.dtype.kind in "biu" else ()))
        a, weights = converted(a, dtype), converted(weights, dtype)
        total = np.sum(weights, axis=axes, keepdims=keep)
        forbidden(np.equal(total, 0), error=ZeroDivisionError, message="Weights sum to zero, can't be normalized")
        answer = np.sum(a * weights, axis=axes, keepdims=keep) / total
    if not returned:
        return answer
    return answer, total if total.shape == answer.shape else np.positive(np.broadcast_to(total, answer.shape))


def _fitted(weights: Any, a: Any, axes: Any) -> Any:
    """Weights in a form that broadcasts against the data."""
    if weights.shape == a.shape:
        return weights
    if axes is None:
        raise TypeError("numpy.average: axis must be specified when shapes of a and weights differ.")
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError("numpy.average: shape of weights must be consistent with shape of a along specified axis.")
    weights = np.transpose(weights, tuple(int(i) for i in np.argsort(axes)))
    return np.reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(a.shape, -a.ndim)))


@composite(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = ABSENT) -> Any:
    """NumPy's ``ptp``; elements that tie share the derivative equally."""
    reject("numpy.ptp", out=(out, None))
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# --- covariance -------------------------------------------------------------------------------------------------------


@composite(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """NumPy's ``cov``; of the observations and of their weights ``aweights``."""
    if ddof is not None and ddof != int(ddof):
        raise ValueError("numpy.cov: ddof must be integer")
    x = _observations(as_array(m), None if y is None else as_array(y), rowvar, dtype)
    if x.shape[0] == 0:
        return np.zeros((0, 0))
    if ddof is None:
        ddof = 1 if bias == 0 else 0
    weights = _weights_of(fweights, aweights, x.shape[1])
    mean, total = np.average(x, axis=1, weights=weights, returned=True)
    total = np.real(total[0])
    if weights is None:
        freedom = x.shape[1] - ddof
    elif ddof == 0:
        freedom = total
    elif aweights is None:
        freedom = total - ddof
    else:
        freedom = total - ddof * np.sum(weights * as_array(aweights)) / total
    none = doubtful(np.less_equal(freedom, 0), message="Degrees of freedom <= 0 for slice")
    deviation = converted(x - mean[:, None], x.dtype)
    other = np.transpose(deviation if weights is None else deviation * weights)
    answer = np.dot(deviation, np.conjugate(other) if other.dtype.kind == "c" else other)
    return np.squeeze(converted(answer * np.true_divide(1, np.where(none, 0.0, freedom)), answer.dtype))


def _observations(m: Any, y: Any, rowvar: bool, dtype: Any) -> Any:
    """A row a variable, a column an observation."""
    for name, array in (("m", m), ("y", y)):
        if array is not None and array.ndim > 2:
            raise ValueError(f"numpy.cov: {name} has more than 2 dimensions")
    found = np.result_type(m.dtype, *(() if y is None else (y.dtype,)), np.float64)
    dtype = found if dtype is None else np.dtype(dtype)
    if dtype.kind not in ("c" if found.kind == "c" else "fc"):
        raise UnsupportedKeywordError.for_keyword("numpy.cov", "dtype")
    x = np.reshape(m, (1, -1)) if m.ndim < 2 else m
    if not rowvar and m.ndim != 1:
        x = np.transpose(x)
    if y is None or x.shape[0] == 0:
        return converted(x, dtype)
    y = np.reshape(y, (1, -1)) if y.ndim < 2 else y
    if not rowvar and y.shape[0] != 1:
        y = np.transpose(y)
    return np.concatenate([converted(x, dtype), converted(y, dtype)], axis=0)


def _weights_of(fweights: Any, aweights: Any, count: int) -> Any:
    """Product of frequencies and weights, after NumPy's checks; None where there are none."""
    if isinstance(fweights, Tracer) and fweights.dtype.kind in "fc":
        # They must be whole numbers, so no derivative with respect to them exists.
        raise UnsupportedKeywordError.for_keyword("numpy.cov", "fweights")
    product = None
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        # As NumPy has it, in double precision whatever they come in.
        weights = converted(as_array(weights), np.dtype(float))
        if name == "fweights":
            forbidden(np.not_equal(weights, np.round(weights)), error=TypeError, message="fweights must be integer")
        if weights.ndim > 1:
            raise RuntimeError(f"numpy.cov: cannot handle multidimensional {name}")
        if weights.shape[0] != count:
            raise RuntimeError(f"numpy.cov: incompatible numbers of samples and {name}")
        forbidden(np.less(weights, 0), error=ValueError, message=f"{name} cannot be negative")
        product = weights if product is None else product * weights
    return product


@composite(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """NumPy's ``corrcoef``."""
    c = np.cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    return within_one(c / deviation[:, None] / deviation[None, :])


# --- counts and histograms --------------------------------------------------------------------------------------------


@composite(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """NumPy's ``bincount``; linear in the weights."""
    if isinstance(x, Tracer):
        if x.dtype.kind in "biu":
            raise ConversionError(
                "numpy.bincount: of batched integers the length of the answer would depend on their values; use "
                "np.histogram with the edges np.arange(n + 1)"
            )
        raise TypeError(f"numpy.bincount: x must be of integers, not of {x.dtype}")
    # NumPy itself checks the integers and gives the length of the answer.
    length = len(np.bincount(x, minlength=minlength))
    if weights.dtype.kind == "c":
        raise TypeError(f"numpy.bincount: weights must be real, not of {weights.dtype}")
    if weights.shape != np.shape(x):
        raise ValueError("numpy.bincount: the weights and list don't have the same length.")
    return binned(converted(weights, np.dtype(float)), np.asarray(x, np.intp), length=length)


@composite(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """NumPy's ``digitize``."""
    return digits(as_array(x), as_array(bins), right=right)


@composite(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """NumPy's ``histogram``; counts are constant, edges that are not given and densities are not."""
    a, weights = _raveled(a, weights)
    edges = _edges(a, bins, range, weights)
    length = edges.shape[0] - 1
    if weights is None:
        weights = np.ones(a.shape, np.intp)
    counts = binned(weights, bin_index(a, edges), length=length + 1)[:length]
    if not density:
        return counts, edges
    return counts / (edges[1:] - edges[:-1]).astype(float) / np.sum(counts), edges


@composite(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """NumPy's ``histogram_bin_edges``: functions of the least and the greatest element unless they are given."""
    a, weights = _raveled(a, weights)
    return _edges(a, bins, range, weights)


@composite(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, Any, Any]:
    """NumPy's ``histogram2d``."""
    if len(x) != len(y):
        raise ValueError("numpy.histogram2d: x and y must have the same length.")
    if _has_length(bins) and len(bins) not in (1, 2):
        bins = [as_array(bins)] * 2
    answer, (first, second) = np.histogramdd([x, y], bins, range, density, weights)
    return answer, first, second


@composite(np.histogramdd)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, list[Any]]:
    """NumPy's ``histogramdd``."""
    columns = _columns(sample)
    if not _has_length(bins):
        bins = [bins] * len(columns)
    if len(bins) != len(columns):
        raise ValueError("numpy.histogramdd: bins must have one entry a dimension of the sample.")
    ranges = [None] * len(columns) if range is None else list(range)
    if len(ranges) != len(columns):
        raise ValueError("numpy.histogramdd: range must have one entry a dimension of the sample.")
    edges = [_edges_along(x, b, r) for x, b, r in zip(columns, bins, ranges, strict=True)]
    shape = tuple(e.shape[0] - 1 for e in edges)
    flat, outside = 0, False
    for x, e, length in zip(columns, edges, shape, strict=True):
        index = bin_index(x, e)
        flat, outside = flat * length + index, np.logical_or(outside, np.equal(index, length))
    size = product_of(shape)
    weights = np.ones(columns[0].shape) if weights is None else converted(as_array(weights), np.dtype(float))
    if weights.shape != columns[0].shape:
        raise ValueError("numpy.histogramdd: the weights and the sample don't have the same length.")
    answer = np.reshape(binned(weights, np.where(outside, size, flat), length=size + 1)[:size], shape)
    if density:
        total = np.sum(answer)
        for i, e in enumerate(edges):
            answer = answer / np.reshape(e[1:] - e[:-1], (-1, *(1,) * (len(edges) - 1 - i)))
        answer = answer / total
    return answer, edges


def _has_length(bins: Any) -> bool:
    return hasattr(bins, "__len__") and getattr(bins, "shape", True) != ()


def _columns(sample: Any) -> list[Any]:
    """The coordinates of a sample, which is a matrix with a row a point, or a sequence of coordinates."""
    if not hasattr(sample, "shape"):
        sample = np.stack([as_array(x) for x in sample], axis=-1)
    elif sample.ndim < 2:
        sample = np.reshape(sample, (-1, 1))
    if sample.ndim != 2:
        raise ValueError(f"numpy.histogramdd: sample must be a matrix, not an array of shape {sample.shape}")
    return [sample[:, i] for i in np.arange(sample.shape[1])]


def _raveled(a: Any, weights: Any) -> tuple[Any, Any]:
    a = as_array(a)
    if a.dtype.kind == "b":
        warn("Converting input from bool to uint8 for compatibility.", RuntimeWarning, stacklevel=3)
        a = a.astype(np.uint8)
    if weights is not None:
        weights = as_array(weights)
        if weights.shape != a.shape:
            raise ValueError("numpy.histogram: weights should have the same shape as a.")
        weights = np.reshape(weights, (-1,))
    return np.reshape(a, (-1,)), weights


def _edges(a: Any, bins: Any, range: Any, weights: Any) -> Any:
    """The edges of the bins, given or made of equal width."""
    if isinstance(bins, str):
        if weights is not None:
            raise TypeError("numpy.histogram: automated estimation of bins is not supported for weighted data")
        count = int(bin_total(a, *(() if range is None else range), rule=bins))
    elif np.ndim(bins):
        return _given_edges(bins)
    else:
        count = _bin_count(bins)
    first, last, dtype = _outer_edges(a, range)
    edges = np.linspace(first, last, count + 1, dtype=dtype)
    message = f"Too many bins for data range. Cannot create {count} finite-sized bins."
    forbidden(np.greater_equal(edges[:-1], edges[1:]), error=ValueError, message=message)
    return edges


def _edges_along(x: Any, bins: Any, range: Any) -> Any:
    """The edges for one coordinate of a sample."""
    if np.ndim(bins):
        return _given_edges(bins)
    first, last, _ = _outer_edges(x, range)
    return np.linspace(first, last, _bin_count(bins) + 1)


def _bin_count(bins: Any) -> int:
    try:
        count = as_index(bins)
    except TypeError as error:
        raise TypeError("numpy.histogram: `bins` must be an integer, a string, or an array") from error
    if count < 1:
        raise ValueError("numpy.histogram: `bins` must be positive, when an integer")
    return count


def _given_edges(bins: Any) -> Any:
    edges = as_array(bins)
    if edges.ndim != 1:
        raise ValueError("numpy.histogram: `bins` must be 1d, when an array")
    message = "`bins` must increase monotonically, when an array"
    forbidden(np.greater(edges[:-1], edges[1:]), error=ValueError, message=message)
    return edges


def _outer_edges(a: Any, range: Any) -> tuple[Any, Any, Any]:
    """The first and the last edge, half a unit to either side where they would be the same, and the dtype of all."""
    first, last = (0, 1) if range is None else range
    if range is not None:
        message = "max must be larger than min in range parameter."
        forbidden(np.greater(first, last), error=ValueError, message=message)
    elif a.size:
        first, last = np.min(a), np.max(a)
    finite = np.logical_and(np.isfinite(first), np.isfinite(last))
    forbidden(np.logical_not(finite), error=ValueError, message="the range of the histogram is not finite")
    dtype = np.result_type(*(getattr(end, "dtype", end) for end in (first, last)), a.dtype)
    same = np.equal(first, last)
    first, last = np.where(same, first - 0.5, first), np.where(same, last + 0.5, last)
    return first, last, np.result_type(dtype, float) if dtype.kind in "iu" else dtype
