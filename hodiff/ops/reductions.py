"""Reductions over axes: sum, mean, prod, max, min, and the running sum.

Axes are counted from the end, so that a batch axis may stand in front. Elements that tie for a maximum or minimum share
its derivative equally: the minimum-norm element of the Clarke subdifferential. Every nonlinear reduction has a
differential of the form Σ wᵢ dxᵢ, which is one operation, ``weighted_total``; what differs are the weights.
May import ``code``, ``core``, ``kinds``, ``lowering``, ``reducing`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(np.prod)(np.array([0.0, 2.0, 3.0]))
array([6., 0., 0.])
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.kinds import composite, general, linear, multilinear, reject
from hodiff.lowering import Index, Rearranged, Reduced, Running, aligned
from hodiff.lowering import reduced_axes as joined_axes
from hodiff.reducing import (
    ABSENT,
    Axes,
    check_averaging,
    converted,
    count,
    flag,
    kept,
    length,
    masked,
    merged_last,
    reduced_axes,
    reduced_shape,
)
from hodiff.shaped import Shape, Shaped, keepdims_shape, negative_axes, negative_axis

# --- shapes -----------------------------------------------------------------------------------------------------------


def _joint_shape(w: Any, x: Any) -> Shape:
    """Shape of a product; under nested batches one factor may have more axes in front than the other."""
    return w.shape if w.shape == x.shape else np.broadcast_shapes(w.shape, x.shape)


# --- how compiled mode writes them ------------------------------------------------------------------------------------


def _read_spread(equation: Any, at: Index) -> Index:
    shape, axis = equation.parameters["shape"], equation.parameters["axis"]
    if equation.parameters["keepdims"]:
        return aligned(at, equation.operands[0].shape)
    kept = tuple([at[i] for i in range(len(shape)) if i - len(shape) not in axis])
    return aligned(kept, equation.operands[0].shape)


def _along(equation: Any) -> str | int:
    """The axes as NumPy takes them fastest."""
    axis: Axes = equation.parameters["axis"]
    if len(equation.operands[0].shape) == len(axis) > 1:
        return "None"
    return axis[0] if len(axis) == 1 else str(axis)


def _reducing(ufunc: str) -> Code:
    """Code of a reduction by a ufunc."""

    def value(equation: Any) -> str:
        keepdims = equation.parameters["keepdims"]
        if len(equation.operands[0].shape) == 1 and not keepdims:
            return f"{ufunc}.reduce({{0}})"
        return f"{ufunc}.reduce({{0}}, {_along(equation)}, None, None, {keepdims})"

    def into(equation: Any) -> str:
        return f"{ufunc}.reduce({{0}}, {_along(equation)}, None, {{out}}, {equation.parameters['keepdims']})"

    return Code(value=value, into=into, shares=False, nest=Reduced(ufunc.rsplit(".", 1)[-1], joined_axes))


_TOTAL = _reducing("np.add")


def _average_source(template: Any, equation: Any) -> str | None:
    operand = equation.operands[0]
    count = length(operand.shape, equation.parameters["axis"])
    if operand.dtype.char not in "fdFD" or not count:
        return None
    text = template(equation)
    return f"{text} / {count}" if template is _TOTAL.value else f"{text}\nnp.divide({{out}}, {count}, {{out}})"


def _spread_source(equation: Any) -> str:
    operand, shape, axis = equation.operands[0], equation.answers[0].shape, equation.parameters["axis"]
    if not operand.shape:
        return f"np.ndarray({{shape}}, {{dtype}}, {{0}}, 0, {(0,) * len(shape)})"
    kept = operand.shape if equation.parameters["keepdims"] else keepdims_shape(shape, axis)
    reshaped = "" if operand.shape == kept else f".reshape({kept})"
    return f"np.broadcast_to({{0}}{reshaped}, {{shape}})"


def _running_source(equation: Any) -> str:
    axis = equation.parameters["axis"]
    way = f"[..., ::-1{', :' * (-axis - 1)}]" if equation.parameters["reverse"] else ""
    return f"np.add.accumulate({{0}}{way}, {axis}, None, {{out}}{way})"


def _write_weighted_total(writer: Any, equation: Any) -> None:
    w, x = equation.operands
    (answer,) = equation.answers
    if w.form != "array" or x.form != "array":
        writer.assign(answer, writer.call(equation))
        return
    shape = _joint_shape(w, x)
    product = writer.temporary(shape, np.result_type(w.dtype, x.dtype))
    parameters = {"axis": None if len(equation.parameters["axis"]) == len(shape) else equation.parameters["axis"]}
    writer.line(writer.filled(f"np.multiply({{0}}, {{1}}, {product})", [writer.operand(w), writer.operand(x)], {}))
    keepdims = equation.parameters["keepdims"]
    out = writer.array(answer) if answer.form == "array" else None
    start = "" if out else f"{writer.define(answer)} = "
    writer.line(start + writer.filled(f"np.add.reduce({product}, {{axis}}, None, {out}, {keepdims})", [], parameters))


# --- linear reductions ------------------------------------------------------------------------------------------------


def _spread(x: Any, axis: Axes, keepdims: bool, shape: Shape) -> Any:
    if x.ndim == 0:
        # What np.broadcast_to returns, at a tenth of its price.
        return np.ndarray(shape, x.dtype, x[()], 0, (0,) * len(shape))
    return np.broadcast_to(kept(x, shape, axis, keepdims), shape)


def _average(x: Any, axis: Axes, keepdims: bool) -> Any:
    count = length(x.shape, axis)
    if x.dtype.char in "fdFD" and count:
        return x.sum(axis=axis, keepdims=keepdims) / count
    return x.mean(axis=axis, keepdims=keepdims)


def _running_total(x: Any, axis: int, reverse: bool) -> Any:
    if not reverse:
        return x.cumsum(axis)
    backwards = (..., slice(None, None, -1), *(slice(None),) * (-axis - 1))
    return x[backwards].cumsum(axis)[backwards]


def _total_shape(x: Any, axis: Axes, keepdims: bool) -> Shaped:
    return Shaped(reduced_shape(x.shape, axis, keepdims), x.dtype)


_reduce: Any = np.add.reduce
total: Primitive = linear(
    # What ndarray.sum calls, at half its price; one axis as an integer is cheaper than as a tuple.
    lambda x, axis, keepdims: _reduce(x, axis[0] if len(axis) == 1 else axis, None, None, keepdims),
    lambda ct, x, axis, keepdims: spread(ct, axis=axis, keepdims=keepdims, shape=x.shape),
    name="total",
    leading=True,
    shape=_total_shape,
    hazard="warning",
    code=_TOTAL,
)
spread: Primitive = linear(
    _spread,
    lambda ct, x, axis, keepdims, shape: total(ct, axis=axis, keepdims=keepdims),
    name="spread",
    leading=lambda size, axis, keepdims, shape: {"axis": axis, "keepdims": keepdims, "shape": (size, *shape)},
    shape=lambda x, axis, keepdims, shape: Shaped(shape, x.dtype),
    code=Code(value=_spread_source, shares=True, nest=Rearranged(_read_spread)),
    hazard="none",
)
average = linear(
    _average,
    lambda ct, x, axis, keepdims: spread(
        ct / max(length(x.shape, axis), 1), axis=axis, keepdims=keepdims, shape=x.shape
    ),
    name="average",
    leading=True,
    shape=_total_shape,
    hazard="warning",
    code=Code(
        value=partial(_average_source, _TOTAL.value),
        into=partial(_average_source, _TOTAL.into),
        shares=False,
        nest=Reduced("add", joined_axes, mean=True),
    ),
)
running_total: Primitive = linear(
    _running_total,
    lambda ct, x, axis, reverse: running_total(ct, axis=axis, reverse=not reverse),
    name="running_total",
    leading=True,
    shape=lambda x, axis, reverse: Shaped(x.shape, x.dtype),
    code=Code(into=_running_source, shares=False, nest=Running()),
)
weighted_total = multilinear(
    lambda w, x, axis, keepdims: np.multiply(w, x).sum(axis=axis, keepdims=keepdims),
    lambda ct, w, x, axis, keepdims: kept(ct, _joint_shape(w, x), axis, keepdims) * x,
    lambda ct, w, x, axis, keepdims: kept(ct, _joint_shape(w, x), axis, keepdims) * w,
    name="weighted_total",
    core=0,
    shape=lambda w, x, axis, keepdims: Shaped(
        reduced_shape(_joint_shape(w, x), axis, keepdims),
        x.dtype if w.dtype == x.dtype else np.result_type(w.dtype, x.dtype),
    ),
    code=Code(write=_write_weighted_total, shares=False, nest=Reduced("add", joined_axes)),
    hazard="warning",
)


# --- products ---------------------------------------------------------------------------------------------------------


def _exclusive_products(x: Any) -> Any:
    """For each element the product of all others along the last axis, without division: zeros are no exception.

    On traced values by a tree: the others of one element of a pair are its partner and the others of the pair. Each
    step is a product again, so derivatives of any order are exact.
    """
    n = x.shape[-1]
    if n <= 1:
        return np.ones_like(x)
    traced = isinstance(x, Tracer)
    if not traced:
        ones = np.ones_like(x[..., :1])
        before = np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)
        after = np.cumprod(np.concatenate([ones, x[..., :0:-1]], axis=-1), axis=-1)
        return before * after[..., ::-1]
    if n % 2:
        x = np.concatenate([x, np.ones_like(x[..., :1])], axis=-1)
    left, right = x[..., ::2], x[..., 1::2]
    others = _exclusive_products(left * right)
    pairs = np.stack([others * right, others * left], axis=-1)
    return np.reshape(pairs, x.shape)[..., :n]


def _product_jvp(t: Any, ans: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    weights = _exclusive_products(merged_last(x, axis))
    if axis != (-1,):
        order = tuple(i for i in range(-x.ndim, 0) if i not in axis) + axis
        weights = np.reshape(weights, tuple(x.shape[i] for i in order))
        weights = np.transpose(weights, tuple(order.index(i) for i in range(-x.ndim, 0)))
    return weighted_total(weights, t, axis=axis, keepdims=keepdims)


product = general(
    lambda x, axis, keepdims: x.prod(axis=axis, keepdims=keepdims),
    _product_jvp,
    name="product",
    leading=True,
    code=_reducing("np.multiply"),
)


# --- extrema ----------------------------------------------------------------------------------------------------------


def _extremum_jvp(t: Any, ans: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    """Mean of the tangents of the elements that tie; NaN where NaN is the extremum, since nothing equals it."""
    ties = np.equal(x, kept(ans, x.shape, axis, keepdims)).astype(x.dtype)
    return weighted_total(ties / total(ties, axis=axis, keepdims=True), t, axis=axis, keepdims=keepdims)


highest = general(
    lambda x, axis, keepdims: x.max(axis=axis, keepdims=keepdims),
    _extremum_jvp,
    name="highest",
    leading=True,
    code=_reducing("np.maximum"),
)
lowest = general(
    lambda x, axis, keepdims: x.min(axis=axis, keepdims=keepdims),
    _extremum_jvp,
    name="lowest",
    leading=True,
    code=_reducing("np.minimum"),
)


# --- the keywords dtype, where and initial ----------------------------------------------------------------------------


def _start(initial: Any, a: Any, axis: Axes, where: Any, name: str) -> Any:
    """The value to begin with; None means that there is none, not even the identity, so nothing must be left out."""
    if initial is not None:
        return initial
    if where is not ABSENT and where is not True:
        raise ValueError(f"{name} with initial=None has no identity, so to use where= one has to specify initial=")
    if not length(a.shape, axis) and 0 not in reduced_shape(a.shape, axis, False):
        raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
    return ABSENT


def _initial(value: Any, dtype: Any, name: str) -> Any:
    if np.ndim(value):
        raise ValueError(f"{name}: initial must be a scalar, not an array of shape {np.shape(value)}")
    if not isinstance(value, Tracer):
        # As NumPy converts it, so that what does not fit is an error.
        answer = np.empty((), dtype)
        answer[()] = value
        return answer
    if value.dtype.kind == "c" and dtype.kind != "c":
        raise TypeError(f"{name}: a complex initial does not fit an answer of dtype {dtype}")
    return converted(value, dtype)


# --- NumPy's functions ------------------------------------------------------------------------------------------------


@composite(np.sum, method="sum")
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = ABSENT,
    initial: Any = ABSENT,
    where: Any = ABSENT,
) -> Any:
    """NumPy's ``sum``."""
    if dtype is None and out is None and initial is ABSENT and where is ABSENT:
        axes = reduced_axes(axis, len(a.shape), "numpy.sum")
        return a.owner.linear(total, a, {"axis": axes, "keepdims": keepdims is not ABSENT and bool(keepdims)})
    reject("numpy.sum", out=(out, None))
    axes = reduced_axes(axis, a.ndim, "numpy.sum")
    initial = _start(initial, a, axes, where, "numpy.sum")
    a = masked(converted(a, dtype), where, 0, "numpy.sum")
    answer = total(a, axis=axes, keepdims=flag(keepdims))
    return answer if initial is ABSENT else answer + _initial(initial, answer.dtype, "numpy.sum")


@composite(np.mean, method="mean")
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = ABSENT, *, where: Any = ABSENT
) -> Any:
    """NumPy's ``mean``."""
    reject("numpy.mean", out=(out, None))
    axes = negative_axes(axis if axis is None or isinstance(axis, tuple) else (axis,), a.ndim, "numpy.mean")
    check_averaging(a, dtype, "fc", "numpy.mean")
    a = converted(a, dtype)
    if where is ABSENT or where is True:
        return average(a, axis=axes, keepdims=flag(keepdims))
    # As NumPy does, half precision is summed in single precision.
    wide = converted(a, np.float32) if a.dtype.char == "e" and dtype is None else a
    answer = total(masked(wide, where, 0, "numpy.mean"), axis=axes, keepdims=flag(keepdims))
    return converted(answer / count(a, where, axes, flag(keepdims)), a.dtype if a.dtype.kind in "fc" else None)


@composite(np.prod, method="prod")
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = ABSENT,
    initial: Any = ABSENT,
    where: Any = ABSENT,
) -> Any:
    """NumPy's ``prod``; exact derivatives where elements are zero."""
    reject("numpy.prod", out=(out, None))
    axes = reduced_axes(axis, a.ndim, "numpy.prod")
    initial = _start(initial, a, axes, where, "numpy.prod")
    a = masked(converted(a, dtype), where, 1, "numpy.prod")
    answer = product(a, axis=axes, keepdims=flag(keepdims))
    return answer if initial is ABSENT else answer * _initial(initial, answer.dtype, "numpy.prod")


@composite(np.max, np.amax, method="max")
def max_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = ABSENT, initial: Any = ABSENT, where: Any = ABSENT
) -> Any:
    """NumPy's ``max``; elements that tie share the derivative equally."""
    return _extremum(highest, "numpy.max", a, axis, out, flag(keepdims), initial, where)


@composite(np.min, np.amin, method="min")
def min_(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = ABSENT, initial: Any = ABSENT, where: Any = ABSENT
) -> Any:
    """NumPy's ``min``; elements that tie share the derivative equally."""
    return _extremum(lowest, "numpy.min", a, axis, out, flag(keepdims), initial, where)


def _extremum(
    primitive: Primitive, name: str, a: Any, axis: Any, out: Any, keepdims: bool, initial: Any, where: Any
) -> Any:
    reject(name, out=(out, None))
    axes = reduced_axes(axis, a.ndim, name)
    if initial is ABSENT or initial is None:
        if where is not ABSENT and where is not True:
            raise ValueError(f"{name} has no identity, so to use where= one has to specify initial=")
        return primitive(a, axis=axes, keepdims=keepdims)
    # `initial` takes part in ties, as one more element.
    last: Any = -np.inf if primitive is highest else np.inf
    if a.dtype.kind in "iu":
        last = np.iinfo(a.dtype).min if primitive is highest else np.iinfo(a.dtype).max
    merged = merged_last(masked(a, where, last, name), axes)
    more = np.broadcast_to(_initial(initial, a.dtype, name), (*merged.shape[:-1], 1))
    answer = primitive(np.concatenate([merged, more], axis=-1), axis=(-1,), keepdims=False)
    return np.reshape(answer, keepdims_shape(a.shape, axes)) if keepdims else answer


@composite(np.cumsum, method="cumsum")
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """NumPy's ``cumsum``."""
    reject("numpy.cumsum", out=(out, None))
    a = converted(a, dtype)
    if axis is None or a.ndim == 0:
        a = np.reshape(a, (-1,))
    return running_total(a, axis=negative_axis(-1 if axis is None else axis, a.ndim, "numpy.cumsum"), reverse=False)
