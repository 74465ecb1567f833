"""Reductions that skip missing elements, which are NaN: nansum, nanprod, nanmean, nanvar, nanstd, nanmax, nanmin.

Missing elements are not selected, so their derivative is exactly 0, and a derivative that is NaN before them ends
there. Where all elements of a slice are missing, NumPy's warning is given and every derivative is 0. Where some are
present, but not enough for ``ddof``, the variance is NaN and so are the derivatives of those.
May import ``code``, ``core``, ``kinds``, ``lowering``, ``operands``, ``reducing``, ``refusing`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.nansum((x - np.array([1.0, np.nan, 0.0])) ** 2))(np.ones(3))
array([0., 0., 2.])
"""

from functools import partial
from typing import Any
from warnings import warn

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive
from hodiff.kinds import composite, constant, general, reject
from hodiff.lowering import Checked, Composed
from hodiff.operands import as_array
from hodiff.reducing import ABSENT, check_averaging, converted, flag, mask_of, merged_last, reduced_axes
from hodiff.refusing import refused
from hodiff.shaped import keepdims_shape, negative_axis

# --- primitives -------------------------------------------------------------------------------------------------------


def _warned(bad: Any, message: str) -> Any:
    if np.any(bad):
        warn(message, RuntimeWarning, stacklevel=2)
    return bad


def _extremum(x: Any, axis: tuple[int, ...], keepdims: bool, ufunc: Any) -> Any:
    answer = ufunc.reduce(x, axis=axis, keepdims=keepdims)
    _warned(np.isnan(answer), "All-NaN slice encountered")
    return answer


def _extremum_jvp(t: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Mean of the tangents of the elements that tie; 0 where there are none, since all are missing."""
    ties = np.equal(x, np.reshape(ans, keepdims_shape(x.shape, axis)))
    count = np.maximum(np.sum(ties, axis=axis, keepdims=keepdims), 1)
    return np.sum(np.where(ties, t, 0), axis=axis, keepdims=keepdims) / count.astype(ans.dtype)


def _is_flat(x: Any, present: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    ends: Any = ((np.fmax, -np.inf), (np.fmin, np.inf))
    high, low = (f.reduce(x, axis=axis, keepdims=keepdims, initial=end, where=present) for f, end in ends)
    return np.equal(high, low)


# The same of operations of which some elements are present in each slice.


def _filled(x: Any, axis: Any, end: float) -> Any:
    """``x`` with something else in the place of what is missing."""
    missing = np.isnan(x)
    refused(np.all(missing, axis=axis))
    return np.where(missing, x.dtype.type(end), x)


def _extremum_present(x: Any, axis: tuple[int, ...], keepdims: bool, extremum: Any, end: float) -> Any:
    return extremum(_filled(x, axis, end), axis=axis, keepdims=keepdims)


def _first_present(x: Any, axis: int, keepdims: bool, extremum: Any, end: float) -> Any:
    return extremum(_filled(x, axis, end), axis=axis, keepdims=keepdims)


def _is_flat_present(x: Any, present: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    high = np.max(np.where(present, x, x.dtype.type(-np.inf)), axis=axis, keepdims=keepdims)
    return np.equal(high, np.min(np.where(present, x, x.dtype.type(np.inf)), axis=axis, keepdims=keepdims))


nan_highest = general(
    partial(_extremum, ufunc=np.fmax),
    _extremum_jvp,
    name="nan_highest",
    leading=True,
    code=Code(shares=False, nest=Composed(partial(_extremum_present, extremum=np.max, end=-np.inf))),
)
nan_lowest = general(
    partial(_extremum, ufunc=np.fmin),
    _extremum_jvp,
    name="nan_lowest",
    leading=True,
    code=Code(shares=False, nest=Composed(partial(_extremum_present, extremum=np.min, end=np.inf))),
)
#: Whether all elements that are present are equal: rounding of the mean may make their variance a tiny number.
is_flat_where_present = constant(
    _is_flat, name="is_flat_where_present", leading=True, code=Code(shares=False, nest=Composed(_is_flat_present))
)
#: Its operand, with NumPy's warning where that holds anywhere.
warned = constant(_warned, name="warned", leading=True, code=Code(nest=Checked()))
nan_arg_maximum = constant(
    lambda x, axis, keepdims: np.nanargmax(x, axis, keepdims=keepdims),
    name="nan_arg_maximum",
    leading=True,
    code=Code(shares=False, nest=Composed(partial(_first_present, extremum=np.argmax, end=-np.inf))),
)
nan_arg_minimum = constant(
    lambda x, axis, keepdims: np.nanargmin(x, axis, keepdims=keepdims),
    name="nan_arg_minimum",
    leading=True,
    code=Code(shares=False, nest=Composed(partial(_first_present, extremum=np.argmin, end=np.inf))),
)


# --- sums, products and means -----------------------------------------------------------------------------------------


@composite(np.nansum)
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = ABSENT,
    initial: Any = ABSENT,
    where: Any = ABSENT,
) -> Any:
    """NumPy's ``nansum``."""
    reject("numpy.nansum", out=(out, None))
    a = np.where(np.isnan(a), 0, a)
    return np.sum(a, axis=axis, dtype=dtype, keepdims=flag(keepdims), initial=initial, where=where)


@composite(np.nanprod)
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = ABSENT,
    initial: Any = ABSENT,
    where: Any = ABSENT,
) -> Any:
    """NumPy's ``nanprod``."""
    reject("numpy.nanprod", out=(out, None))
    a = np.where(np.isnan(a), 1, a)
    return np.prod(a, axis=axis, dtype=dtype, keepdims=flag(keepdims), initial=initial, where=where)


@composite(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = ABSENT, *, where: Any = ABSENT
) -> Any:
    """NumPy's ``nanmean``."""
    reject("numpy.nanmean", out=(out, None))
    if a.dtype.kind not in "fc":
        return np.mean(a, axis=axis, dtype=dtype, keepdims=flag(keepdims), where=where)
    check_averaging(a, dtype, "fc", "numpy.nanmean")
    answer, empty = _mean(a, _present(a, where), axis, dtype, flag(keepdims))
    warned(empty, message="Mean of empty slice")
    return answer


def _mean(a: Any, present: Any, axis: Any, dtype: Any, keepdims: bool) -> tuple[Any, Any]:
    """Mean of the elements that are present, and where there are none."""
    count = np.sum(present, axis=axis, keepdims=keepdims)
    total = np.sum(_selected(a, present), axis=axis, dtype=dtype, keepdims=keepdims)
    empty = np.equal(count, 0)
    # Adding NaN instead of dividing by 0 leaves a derivative of 0; -0.0 is the number that changes no other.
    void = np.where(empty, np.nan, -0.0).astype(total.dtype)
    return converted(total / np.maximum(count, 1), total.dtype) + void, empty


# --- variance ---------------------------------------------------------------------------------------------------------


@composite(np.nanvar)
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = ABSENT,
    *,
    where: Any = ABSENT,
    mean: Any = ABSENT,
    correction: Any = ABSENT,
) -> Any:
    """NumPy's ``nanvar``."""
    reject("numpy.nanvar", out=(out, None))
    a = as_array(a)
    if a.dtype.kind not in "fc":
        keywords = {"keepdims": flag(keepdims), "where": where, "mean": mean, "correction": correction}
        return np.var(a, axis=axis, dtype=dtype, ddof=ddof, **keywords)
    check_averaging(a, dtype, "f", "numpy.nanvar")
    if correction is not ABSENT:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    present = _present(a, where)
    if mean is ABSENT:
        mean = _mean(a, present, axis, dtype, True)[0]
    deviation = _selected(converted(a - mean, a.dtype), present)
    square = np.real(deviation * np.conjugate(deviation)) if deviation.dtype.kind == "c" else deviation * deviation
    total = np.sum(square, axis=axis, dtype=dtype, keepdims=flag(keepdims))
    freedom = np.sum(present, axis=axis, keepdims=flag(keepdims)) - ddof
    bad = warned(np.less_equal(freedom, 0), message="Degrees of freedom <= 0 for slice.")
    return converted(total / np.where(bad, np.nan, freedom), total.dtype)


@composite(np.nanstd)
def nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = ABSENT,
    *,
    where: Any = ABSENT,
    mean: Any = ABSENT,
    correction: Any = ABSENT,
) -> Any:
    """NumPy's ``nanstd``; where all elements that are present are equal its derivative is 0."""
    reject("numpy.nanstd", out=(out, None))
    a = as_array(a)
    keywords = {"keepdims": flag(keepdims), "where": where, "mean": mean, "correction": correction}
    if a.dtype.kind not in "fc":
        return np.std(a, axis=axis, dtype=dtype, ddof=ddof, **keywords)
    answer = np.nanvar(a, axis=axis, dtype=dtype, ddof=ddof, **keywords)
    flat = np.equal(answer, 0)
    if mean is ABSENT:
        axes = reduced_axes(axis, a.ndim, "numpy.nanstd")
        alike = is_flat_where_present(a, _present(a, where), axis=axes, keepdims=flag(keepdims))
        flat = flat | (alike & np.isfinite(answer))
    return np.sqrt(np.where(flat, 1.0, answer)) - flat


# --- extrema ----------------------------------------------------------------------------------------------------------


@composite(np.nanmax)
def nanmax(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = ABSENT, initial: Any = ABSENT, where: Any = ABSENT
) -> Any:
    """NumPy's ``nanmax``; elements that tie share the derivative equally."""
    reject("numpy.nanmax", out=(out, None))
    if a.dtype.kind not in "fc":
        return np.max(a, axis=axis, keepdims=flag(keepdims), initial=initial, where=where)
    return _present_extremum(nan_highest, "numpy.nanmax", a, axis, flag(keepdims), initial, where)


@composite(np.nanmin)
def nanmin(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = ABSENT, initial: Any = ABSENT, where: Any = ABSENT
) -> Any:
    """NumPy's ``nanmin``; elements that tie share the derivative equally."""
    reject("numpy.nanmin", out=(out, None))
    if a.dtype.kind not in "fc":
        return np.min(a, axis=axis, keepdims=flag(keepdims), initial=initial, where=where)
    return _present_extremum(nan_lowest, "numpy.nanmin", a, axis, flag(keepdims), initial, where)


def _present_extremum(
    primitive: Primitive, name: str, a: Any, axis: Any, keepdims: bool, initial: Any, where: Any
) -> Any:
    axes = reduced_axes(axis, a.ndim, name)
    if where is not ABSENT and where is not True:
        if initial is ABSENT or initial is None:
            raise ValueError(f"{name} has no identity, so to use where= one has to specify initial=")
        a = np.where(_present(a, where), a, np.nan)
    if initial is ABSENT or initial is None:
        return primitive(a, axis=axes, keepdims=keepdims)
    initial = as_array(initial)
    if initial.ndim:
        raise ValueError(f"{name}: initial must be a scalar, not an array of shape {initial.shape}")
    # `initial` takes part in ties, as one more element.
    merged = merged_last(a, axes)
    more = np.broadcast_to(converted(initial, a.dtype), (*merged.shape[:-1], 1))
    answer = primitive(np.concatenate([merged, more], axis=-1), axis=(-1,), keepdims=False)
    return np.reshape(answer, keepdims_shape(a.shape, axes)) if keepdims else answer


@composite(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = ABSENT) -> Any:
    """NumPy's ``nanargmax``; a slice of which all elements are missing is an error."""
    reject("numpy.nanargmax", out=(out, None))
    return _position(nan_arg_maximum, "numpy.nanargmax", a, axis, flag(keepdims))


@composite(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = ABSENT) -> Any:
    """NumPy's ``nanargmin``; a slice of which all elements are missing is an error."""
    reject("numpy.nanargmin", out=(out, None))
    return _position(nan_arg_minimum, "numpy.nanargmin", a, axis, flag(keepdims))


def _position(primitive: Primitive, name: str, a: Any, axis: Any, keepdims: bool) -> Any:
    if axis is not None and a.ndim:
        return primitive(a, axis=negative_axis(axis, a.ndim, name), keepdims=keepdims)
    if axis is not None:
        negative_axis(axis, 1, name)
    answer = primitive(np.reshape(a, (-1,)), axis=-1, keepdims=False)
    return np.reshape(answer, (1,) * a.ndim) if keepdims else answer


# --- keywords ---------------------------------------------------------------------------------------------------------


def _present(a: Any, where: Any) -> Any:
    """Which elements take part: those that are not missing and that ``where`` selects."""
    present = np.logical_not(np.isnan(a))
    mask = mask_of(a, where, "numpy.nan…")
    return present if mask is None else np.logical_and(present, mask)


def _selected(a: Any, present: Any) -> Any:
    return np.where(present, a, 0)
