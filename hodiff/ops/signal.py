"""Signals on a grid: convolve, correlate, interp, unwrap, and differences and integrals of samples.

Convolution and correlation are each other's transposes. ``interp`` is differentiable in the points, the nodes and the
values; at a node the slope of least absolute value of the two that meet there is its derivative, and 0 where they
differ in sign: the minimum-norm element of the Clarke subdifferential in all three together.
May import ``code``, ``core``, ``kinds``, ``lowering``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> float(hd.grad(np.interp)(0.5, [0.0, 1.0, 2.0], [0.0, 3.0, 4.0]))
3.0
"""

from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.kinds import composite, multilinear
from hodiff.lowering import Convolved
from hodiff.operands import as_array
from hodiff.shaped import Shaped, is_inexact, negative_axes, negative_axis

_ALL = slice(None)


# --- convolution ------------------------------------------------------------------------------------------------------


def _convolution(x: Any, y: Any) -> Any:
    """All n + m - 1 terms, along the last axis."""
    if x.ndim == y.ndim == 1:
        return np.convolve(x, y)
    x, y = (x, y) if x.shape[-1] >= y.shape[-1] else (y, x)
    n, m = x.shape[-1], y.shape[-1]
    answer = np.zeros((*np.broadcast_shapes(x.shape[:-1], y.shape[:-1]), n + m - 1), np.result_type(x, y))
    for j in range(m):
        answer[..., j : j + n] += x * y[..., j : j + 1]
    return answer


def _sliding_product(x: Any, y: Any) -> Any:
    """Products of y with the pieces of x that are as long, along the last axis; without conjugation."""
    if x.ndim == y.ndim == 1:
        return np.convolve(x, y[::-1], "valid")
    m = y.shape[-1]
    terms = x.shape[-1] - m + 1
    if terms < m:
        return np.stack([np.sum(x[..., i : i + m] * y, axis=-1) for i in range(terms)], axis=-1)
    answer = np.zeros((*np.broadcast_shapes(x.shape[:-1], y.shape[:-1]), terms), np.result_type(x, y))
    for j in range(m):
        answer += x[..., j : j + terms] * y[..., j : j + 1]
    return answer


def _joint(x: Any, y: Any, length: int) -> Shaped:
    return Shaped((*np.broadcast_shapes(x.shape[:-1], y.shape[:-1]), length), np.result_type(x.dtype, y.dtype))


full_convolution: Primitive = multilinear(
    _convolution,
    lambda ct, x, y: sliding_product(ct, y),
    lambda ct, x, y: sliding_product(ct, x),
    name="full_convolution",
    core=1,
    code=Code(shares=False, nest=Convolved(full=True)),
    shape=lambda x, y: _joint(x, y, x.shape[-1] + y.shape[-1] - 1),
)
sliding_product: Primitive = multilinear(
    _sliding_product,
    lambda ct, x, y: full_convolution(ct, y),
    lambda ct, x, y: sliding_product(x, ct),
    name="sliding_product",
    core=1,
    code=Code(shares=False, nest=Convolved(full=False)),
    shape=lambda x, y: _joint(x, y, x.shape[-1] - y.shape[-1] + 1),
)


def _signals(a: Any, v: Any) -> tuple[Any, Any]:
    """Two vectors; as for NumPy a scalar is one of length 1."""
    a, v = (x if x.ndim else np.reshape(x, (1,)) for x in (as_array(a), as_array(v)))
    if a.ndim > 1 or v.ndim > 1:
        raise ValueError("object too deep for desired array")
    for name, x in (("a", a), ("v", v)):
        if not x.size:
            raise ValueError(f"{name} cannot be empty")
    return a, v


def _mode(mode: Any) -> str:
    names = ("valid", "same", "full")
    if mode in names:
        return str(mode)
    if isinstance(mode, int) and 0 <= mode <= 2:
        return names[mode]
    raise ValueError(f"mode must be one of 'valid', 'same', or 'full', got {mode!r}")


def _part(full: Any, n: int, m: int, mode: str, swapped: bool) -> Any:
    """What ``mode`` leaves of the terms of a convolution of n and m ≤ n elements."""
    if mode == "full":
        return full
    if mode == "valid":
        return full[m - 1 : n]
    start = m // 2 if swapped else (m - 1) // 2
    return full[start : start + n]


@composite(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    """NumPy's ``convolve``."""
    a, v = _signals(a, v)
    n, m = sorted((a.size, v.size), reverse=True)
    return _part(full_convolution(a, v), n, m, _mode(mode), swapped=False)


@composite(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    """NumPy's ``correlate``, which conjugates its second argument."""
    a, v = _signals(a, v)
    n, m = sorted((a.size, v.size), reverse=True)
    kernel = (np.conjugate(v) if v.dtype.kind == "c" else v)[::-1]
    return _part(full_convolution(a, kernel), n, m, _mode(mode), swapped=v.size > a.size)


# --- interpolation ----------------------------------------------------------------------------------------------------


def _slopes_at(x: Any, index: Any, xp: Any, fp: Any) -> tuple[Any, Any]:
    """Slope of each piece that begins at ``index``, and whether it has a width."""
    index = np.clip(index, 0, xp.shape[-1] - 2)
    width = _pick(xp, index + 1) - _pick(xp, index)
    wide = np.greater(width, 0)
    return (_pick(fp, index + 1) - _pick(fp, index)) / np.where(wide, width, 1.0), wide


def _pick(values: Any, index: Any) -> Any:
    """Elements of a vector, plain or traced, at indices that may be batched."""
    return np.take_along_axis(values, index, axis=-1)


def _inside(x: Any, xp: Any, fp: Any, clamped: tuple[bool, bool]) -> Any:
    """Interpolated values for a vector x within the nodes; ``clamped`` says at which ends the value stays constant."""
    n = xp.shape[-1]
    index = np.searchsorted(xp, x, side="right") - 1
    node = np.clip(index, 0, n - 1)
    (right, right_wide), (left, left_wide) = (_slopes_at(x, node - back, xp, fp) for back in (0, 1))
    first, last = np.equal(node, 0), np.equal(node, n - 1)
    right_wide = right_wide & np.logical_not(last)
    left_wide = left_wide & np.logical_not(first) & np.equal(x, _pick(xp, node))
    # Which of the two counts: the smaller one, both halves where they are equal, none where they differ in sign.
    smaller = np.abs(left) - np.abs(right)
    weight = np.where(np.less(smaller, 0), 1.0, np.where(np.equal(smaller, 0), 0.5, 0.0))
    weight = np.where(right_wide, np.where(left_wide, weight, 0.0), 1.0)
    flat = left_wide & right_wide & np.less(np.sign(left) * np.sign(right), 0)
    on_node = np.equal(x, _pick(xp, node))
    flat = flat | (on_node & ((clamped[0] & first) | (clamped[1] & last)))
    slope = np.where(
        flat, 0.0, np.where(np.equal(weight, 0), right, np.where(np.equal(weight, 1), left, 0.5 * (left + right)))
    )
    return slope * (x - _pick(xp, node)) + _pick(fp, node)


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    """Points and nodes within one period, the nodes sorted, with one more at each end."""
    period = np.abs(period)
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = np.argsort(xp)
    xp, fp = _pick(xp, order), _pick(fp, order)
    xp = np.concatenate((xp[-1:] - period, xp, xp[:1] + period))
    return x, xp, np.concatenate((fp[-1:], fp, fp[:1]))


@composite(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """NumPy's ``interp``, in double precision as NumPy's."""
    x, xp, fp = as_array(x), as_array(xp), as_array(fp)
    if fp.dtype.kind == "c":
        ends = [(None, None) if e is None else (np.real(e), np.imag(e)) for e in (left, right)]
        real, imaginary = (
            interp(x, xp, part, ends[0][i], ends[1][i], period) for i, part in enumerate((np.real(fp), np.imag(fp)))
        )
        return real + 1j * imaginary
    if period is not None and not isinstance(period, Tracer) and period == 0:
        raise ValueError("period must be a non-zero value")
    if xp.ndim != 1 or fp.ndim != 1:
        raise ValueError("Data points must be 1-D sequences")
    if xp.shape != fp.shape:
        raise ValueError("fp and xp are not of the same length.")
    if not xp.size:
        raise ValueError("array of sample points is empty")
    for name, v in (("x", x), ("xp", xp), ("fp", fp)):
        if not np.can_cast(v.dtype, np.float64):
            raise TypeError(f"numpy.interp: cannot cast {name} from {v.dtype} to float64 safely")
    shape = x.shape
    x, xp, fp = (v if v.dtype == np.float64 else v.astype(np.float64) for v in (np.reshape(x, (-1,)), xp, fp))
    if period is not None:
        (x, xp, fp), left, right = _periodic(x, xp, fp, period), None, None
    low, high = (fp[0] if left is None else left), (fp[-1] if right is None else right)
    if xp.size == 1:
        middle = np.broadcast_to(fp, x.shape)
    else:
        middle = _inside(x, xp, fp, (left is None, right is None))
    answer = np.where(np.less(x, xp[0]), low, np.where(np.greater(x, xp[-1]), high, middle))
    return np.reshape(answer, shape) if shape else answer[0]  # a scalar, not a view of shape ()


# --- differences and integrals ----------------------------------------------------------------------------------------


def _cut(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """``x[start:stop]`` along an axis that is counted from the end."""
    return x[(..., slice(start, stop), *(_ALL,) * (-axis - 1))]


@composite(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    """NumPy's ``diff``."""
    if n == 0:
        return a
    if n < 0:
        raise ValueError("order must be non-negative but got " + repr(n))
    a = as_array(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = negative_axis(axis, a.ndim, "numpy.diff")
    edge = tuple(1 if i == axis else m for i, m in enumerate(a.shape, -a.ndim))
    parts = [v if v is a else as_array(v) for v in (prepend, a, append) if v is not np._NoValue]
    if len(parts) > 1:
        a = np.concatenate([v if v.ndim else np.broadcast_to(v, edge) for v in parts], axis=axis)
    step = np.not_equal if a.dtype.kind == "b" else np.subtract
    for _ in range(n):
        a = step(_cut(a, axis, 1, None), _cut(a, axis, None, -1))
    return a


@composite(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """NumPy's ``ediff1d``; what is put at the ends may be traced too."""
    ary = np.reshape(as_array(ary), (-1,))
    parts = [ary[1:] - ary[:-1]]
    for name, value in (("to_begin", to_begin), ("to_end", to_end)):
        if value is None:
            continue
        value = np.reshape(as_array(value), (-1,))
        if not np.can_cast(value.dtype, ary.dtype, casting="same_kind"):
            raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule.")
        value = value if value.dtype == ary.dtype else value.astype(ary.dtype)
        parts = [value, *parts] if name == "to_begin" else [*parts, value]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@composite(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """NumPy's ``trapezoid``; the points may be traced too."""
    y = as_array(y)
    axis = negative_axis(axis, y.ndim, "numpy.trapezoid")
    width = dx
    if x is not None:
        x = as_array(x)
        if x.ndim == 1:
            width = np.reshape(np.diff(x), (-1, *(1,) * (-axis - 1)))
        else:
            width = np.diff(x, axis=axis)
    return np.sum(width * (_cut(y, axis, 1, None) + _cut(y, axis, None, -1)) / 2.0, axis=axis)


# --- gradient ---------------------------------------------------------------------------------------------------------


def _spacings(f: Any, varargs: tuple[Any, ...], axes: tuple[int, ...]) -> list[Any]:
    """For each axis a scalar, or the widths of the intervals."""
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        return [varargs[0]] * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    result = []
    for value, axis in zip(varargs, axes, strict=True):
        value = as_array(value)
        if value.ndim > 1:
            raise ValueError("distances must be either scalars or 1d")
        if value.ndim and value.shape[0] != f.shape[axis]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        if value.ndim:
            value = np.diff(value if is_inexact(value.dtype) else value.astype(np.float64))
            # NumPy takes equal widths for one number, which rounds differently.
            if not isinstance(value, Tracer) and np.all(value == value[0]):
                value = value[0]
        result.append(value)
    return result


def _edge(h: Any, at: int) -> list[Any]:
    """Weights of the three samples from the edge ``at`` (0 or -1) inwards for the derivative there."""
    if not np.ndim(h):
        return [-1.5 / h, 2.0 / h, -0.5 / h] if at == 0 else [1.5 / h, -2.0 / h, 0.5 / h]
    near, far = (h[0], h[1]) if at == 0 else (h[-1], h[-2])
    both = near + far
    weights = [-(2.0 * near + far) / (near * both), both / (near * far), -near / (far * both)]
    return weights if at == 0 else [-w for w in weights]


def _slope_along(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    """Central differences inside, and at the edges differences of order ``edge_order``."""
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
            "required."
        )
    before, middle, after = _cut(f, axis, None, -2), _cut(f, axis, 1, -1), _cut(f, axis, 2, None)
    if np.ndim(h):
        left, right = (np.reshape(v, (-1, *(1,) * (-axis - 1))) for v in (h[:-1], h[1:]))
        both = left + right
        inner = (
            -right / (left * both) * before + (right - left) / (left * right) * middle + left / (right * both) * after
        )
    else:
        inner = (after - before) / (2.0 * h)
    if edge_order == 1:
        first, last = (h[0], h[-1]) if np.ndim(h) else (h, h)
        start = (_cut(f, axis, 1, 2) - _cut(f, axis, 0, 1)) / first
        end = (_cut(f, axis, n - 1, n) - _cut(f, axis, n - 2, n - 1)) / last
    else:
        start, end = (
            sum(w * _cut(f, axis, i, i + 1) for w, i in zip(_edge(h, at), samples, strict=True))
            for at, samples in ((0, (0, 1, 2)), (-1, (n - 1, n - 2, n - 3)))
        )
    answer = np.concatenate((start, inner, end), axis=axis)
    return answer if answer.dtype == f.dtype else answer.astype(f.dtype)


@composite(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """NumPy's ``gradient``; the spacings may be traced too."""
    f = as_array(f)
    axes = negative_axes(axis, f.ndim, "numpy.gradient")
    spacings = _spacings(f, varargs, axes)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    if not is_inexact(f.dtype):
        f = f.astype(np.float64)
    answers = tuple(_slope_along(f, h, i, edge_order) for i, h in zip(axes, spacings, strict=True))
    return answers[0] if len(answers) == 1 else answers
