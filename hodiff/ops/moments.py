"""Variance and standard deviation.

Where all elements are equal ``std`` has the derivative 0, the minimum-norm element of the Clarke subdifferential. Axes
are counted from the end, so that a batch axis may stand in front.
May import ``code``, ``errors``, ``kinds``, ``lowering``, ``operands``, ``reducing`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(np.var)(np.array([0.0, 1.0, 5.0]))
array([-1.33333333, -0.66666667,  2.        ])
"""

from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.errors import NotStagedError
from hodiff.kinds import composite, constant, general, reject
from hodiff.lowering import Composed
from hodiff.operands import as_array
from hodiff.reducing import ABSENT, Axes, check_averaging, converted, count, flag, kept, length, masked
from hodiff.shaped import negative_axes

# --- primitives -------------------------------------------------------------------------------------------------------


def _variance(x: Any, axis: Axes, ddof: Any, keepdims: bool) -> Any:
    count = length(x.shape, axis)
    if x.dtype.char not in "fd" or count <= ddof:
        return x.var(axis=axis, ddof=ddof, keepdims=keepdims)
    deviation = x - x.sum(axis=axis, keepdims=True) / count
    return (deviation * deviation).sum(axis=axis, keepdims=keepdims) / (count - ddof)


def _deviation_total(t: Any, x: Any, scale: Any, axis: Axes, keepdims: bool) -> Any:
    """Re Σ conj(x - mean) t / scale; the derivative of the mean contributes nothing, since the deviations sum to 0."""
    deviation = x - np.mean(x, axis=axis, keepdims=True)
    if deviation.dtype.kind != "c":
        return np.sum(np.divide(deviation, scale) * t, axis=axis, keepdims=keepdims)
    return np.real(np.sum(np.divide(np.conjugate(deviation), scale) * t, axis=axis, keepdims=keepdims))


def _variance_jvp(t: Any, ans: Any, x: Any, axis: Axes, ddof: Any, keepdims: bool) -> Any:
    return _deviation_total(t, x, max(length(x.shape, axis) - ddof, 0) / 2, axis, keepdims)


def _deviation_jvp(t: Any, ans: Any, x: Any, axis: Axes, ddof: Any, keepdims: bool) -> Any:
    flat = np.equal(ans, 0) | (is_flat(x, x, axis=axis, keepdims=keepdims) & np.isfinite(ans))
    # An infinite divisor makes the weights 0, and their derivatives too.
    scale = np.where(flat, np.inf, ans) * max(length(x.shape, axis) - ddof, 0)
    return _deviation_total(t, x, kept(scale, x.shape, axis, keepdims), axis, keepdims)


def _plain_variance(x: Any, axis: Axes, ddof: Any, keepdims: bool) -> Any:
    if length(x.shape, axis) <= ddof:
        raise NotStagedError("NumPy warns that there are too few elements")
    return _variance(x.astype(np.float64) if x.dtype.kind in "biu" else x, axis, ddof, keepdims)


variance = general(
    _variance, _variance_jvp, name="variance", leading=True, code=Code(shares=False, nest=Composed(_plain_variance))
)
standard_deviation = general(
    lambda x, axis, ddof, keepdims: np.sqrt(_variance(x, axis, ddof, keepdims)),
    _deviation_jvp,
    name="standard_deviation",
    leading=True,
    code=Code(
        shares=False,
        nest=Composed(lambda x, axis, ddof, keepdims: np.sqrt(_plain_variance(x, axis, ddof, keepdims))),
    ),
)
#: Whether all elements are equal: rounding of the mean may make their standard deviation a tiny number instead of 0.
is_flat = constant(
    lambda high, low, axis, keepdims: np.equal(
        high.max(axis=axis, keepdims=keepdims, initial=-np.inf), low.min(axis=axis, keepdims=keepdims, initial=np.inf)
    ),
    name="is_flat",
    leading=True,
    code=Code(
        shares=False,
        nest=Composed(
            lambda high, low, axis, keepdims: np.equal(
                np.max(high, axis=axis, keepdims=keepdims), np.min(low, axis=axis, keepdims=keepdims)
            )
        ),
    ),
)


# --- NumPy's functions ------------------------------------------------------------------------------------------------


@composite(np.var, method="var")
def var(
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
    """NumPy's ``var``."""
    reject("numpy.var", out=(out, None))
    ddof = _correction(ddof, correction)
    a = as_array(a)
    check_averaging(a, dtype, "f", "numpy.var")
    a = converted(a, dtype)
    axes = negative_axes(_tuple(axis), a.ndim, "numpy.var")
    if (where is ABSENT or where is True) and mean is ABSENT:
        return variance(a, axis=axes, ddof=ddof, keepdims=flag(keepdims))
    return _variance_about(a, axes, ddof, flag(keepdims), where, mean, "numpy.var")


@composite(np.std, method="std")
def std(
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
    """NumPy's ``std``; where all elements are equal its derivative is 0."""
    reject("numpy.std", out=(out, None))
    ddof = _correction(ddof, correction)
    a = as_array(a)
    check_averaging(a, dtype, "f", "numpy.std")
    a = converted(a, dtype)
    axes = negative_axes(_tuple(axis), a.ndim, "numpy.std")
    if (where is ABSENT or where is True) and mean is ABSENT:
        return standard_deviation(a, axis=axes, ddof=ddof, keepdims=flag(keepdims))
    answer = _variance_about(a, axes, ddof, flag(keepdims), where, mean, "numpy.std")
    flat = np.equal(answer, 0)
    if mean is ABSENT:
        high, low = (masked(a, where, end, "numpy.std") for end in (-np.inf, np.inf))
        flat = flat | (is_flat(high, low, axis=axes, keepdims=flag(keepdims)) & np.isfinite(answer))
    return np.sqrt(np.where(flat, 1.0, answer)) - flat


def _correction(ddof: Any, correction: Any) -> Any:
    if correction is not ABSENT:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    return ddof if isinstance(ddof, int) else float(ddof)


def _variance_about(a: Any, axis: Axes, ddof: Any, keepdims: bool, where: Any, mean: Any, name: str) -> Any:
    """Variance of the elements that ``where`` selects, about their mean or a given one."""
    if a.dtype.kind in "biu":
        a = a.astype(np.float64)
    if mean is ABSENT:
        part = np.sum(masked(a, where, 0, name), axis=axis, keepdims=True)
        mean = converted(part / count(a, where, axis, True), part.dtype)
    deviation = masked(a - mean, where, 0, name)
    square = np.real(deviation * np.conjugate(deviation)) if deviation.dtype.kind == "c" else deviation * deviation
    answer = np.sum(square, axis=axis, keepdims=keepdims)
    return converted(np.divide(answer, np.maximum(count(a, where, axis, keepdims) - ddof, 0)), answer.dtype)


# --- keywords ---------------------------------------------------------------------------------------------------------


def _tuple(axis: Any) -> Any:
    return axis if axis is None or isinstance(axis, tuple) else (axis,)
