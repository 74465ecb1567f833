"""Reshaping and rearranging: reshape, ravel, transpose, moveaxis, squeeze, expand_dims, broadcast_to and their kin.

All of them are one of three operations: ``reshaped``, ``permuted`` and ``broadcasted``, whose answers are views.
May import ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``mutation``, ``operands``, ``operators``
and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.reshape(x, (2, 2)).T[0, 1])(np.arange(4.0))
array([0., 0., 1., 0.])
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Primitive, Tracer
from hodiff.errors import InPlaceError, UnsupportedKeywordError
from hodiff.kinds import composite, linear, reject
from hodiff.lowering import Index, Rearranged, Reshaped, aligned
from hodiff.mutation import pinned, view_of
from hodiff.operands import as_array
from hodiff.operators import attribute
from hodiff.shaped import Shape, Shaped, negative_axes, negative_axis

# --- the three operations ---------------------------------------------------------------------------------------------


def _batch_broadcast(primitive: Any, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    (x,), shape = operands, parameters["shape"]
    x = np.reshape(x, (size, *(1,) * (len(shape) + 1 - x.ndim), *x.shape[1:]))
    return primitive(x, shape=(size, *shape))


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes ``axes``, both counted from the end."""
    ndim = len(axes)
    result = [0] * ndim
    for i, axis in enumerate(axes):
        result[axis] = i - ndim
    return tuple(result)


def _read_only(x: Any, value: Any, shape: Shape) -> Any:
    raise ValueError("assignment destination is read-only")


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value,)


def _read_permuted(equation: Any, at: Index) -> Index:
    axes = equation.parameters["axes"]
    return tuple([at[axes.index(axis)] for axis in range(-len(axes), 0)])


def _read_broadcasted(equation: Any, at: Index) -> Index:
    return aligned(at, equation.operands[0].shape)


reshaped: Primitive = linear(
    lambda x, shape: x.reshape(shape),
    lambda ct, x, shape: reshaped(ct, shape=x.shape),
    name="reshaped",
    leading=lambda size, shape: {"shape": (size, *shape)},
    shape=lambda x, shape: Shaped(shape, x.dtype),
    view=lambda x, value, shape: reshaped(value, shape=x.shape),
    code=Code(value="{0}.reshape({shape})", nest=Reshaped()),
    hazard="none",
)
permuted: Primitive = linear(
    lambda x, axes: x.transpose(axes),
    lambda ct, x, axes: permuted(ct, axes=_inverse(axes)),
    name="permuted",
    leading=lambda size, axes: {"axes": (-len(axes) - 1, *axes)},
    shape=lambda x, axes: Shaped(tuple(x.shape[i] for i in axes), x.dtype),
    view=lambda x, value, axes: permuted(value, axes=_inverse(axes)),
    code=Code(value="{0}.transpose({axes})", nest=Rearranged(_read_permuted)),
    hazard="none",
)
broadcasted = linear(
    lambda x, shape: np.broadcast_to(x, shape),
    lambda ct, x, shape: ct,  # the tape undoes broadcasting
    name="broadcasted",
    batch=_batch_broadcast,
    leading=lambda size, shape: {"shape": (size, *shape)},  # of operands with as many axes as the answer
    shape=lambda x, shape: Shaped(shape, x.dtype),
    view=_read_only,
    code=Code(value="np.broadcast_to({0}, {shape})", nest=Rearranged(_read_broadcasted)),
    hazard="none",
)


# --- reshape ----------------------------------------------------------------------------------------------------------


@composite(np.reshape)
def reshape(a: Any, /, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    """NumPy's ``reshape``; one length may be -1."""
    if copy is False:
        raise UnsupportedKeywordError.for_keyword("numpy.reshape", "copy=False")
    target = _lengths(shape, a.shape)
    if copy:
        a = np.copy(a)
    if order == "C":
        return _reshaped(a, target, "np.reshape")
    _check_order("numpy.reshape", order)
    return _reversed(_reshaped(_reversed(a), target[::-1], "np.reshape"))


@composite(method="reshape")
def reshape_method(a: Any, /, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    """``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
    return reshape(a, shape[0] if len(shape) == 1 else shape, order, copy=copy)


@composite(np.ravel, method="ravel")
def ravel(a: Any, order: str = "C") -> Any:
    """NumPy's ``ravel``."""
    _check_order("numpy.ravel", order)
    return _reshaped(a if order == "C" else _reversed(a), (a.size,), "np.ravel", contiguous=True)


def _reshaped(a: Any, shape: Shape, name: str, *, contiguous: bool = False) -> Any:
    """A view, or where the layout in memory may not allow that, what must not change any more."""
    value = a
    while isinstance(value, Tracer):
        parts = value.components()
        if not parts:
            break
        value = parts[0]
    if value.__class__ is np.ndarray and not value.flags.c_contiguous and not _is_view(a, shape, contiguous):
        return pinned(reshaped(np.copy(a), shape=shape).fork(), a, name)
    return view_of(reshaped, a, {"shape": shape})


def _is_view(a: Any, shape: Shape, contiguous: bool) -> bool:
    """Whether NumPy would not copy: found with another array, on which the views that led to ``a`` are repeated."""
    views = []
    while (alias := getattr(a, "alias", None)) is not None:
        a, primitive, parameters = alias
        views.append((primitive, parameters))
    value = a
    while isinstance(value, Tracer):
        value = value.components()[0]
    # What is no view is dense, whatever the distances in a batch are.
    order = sorted(range(-a.ndim, 0), key=lambda i: -abs(value.strides[i]))
    twin = np.transpose(np.empty([a.shape[i] for i in order], a.dtype), np.argsort([i + a.ndim for i in order]))
    try:
        for primitive, parameters in reversed(views):
            twin = primitive.function(twin, **parameters)
    except InPlaceError:
        return False
    if twin.flags.c_contiguous:
        return True
    return not contiguous and bool(np.may_share_memory(twin.reshape(shape), twin))


@composite(np.squeeze, method="squeeze")
def squeeze(a: Any, axis: Any = None) -> Any:
    """NumPy's ``squeeze``."""
    if axis is None:
        return reshaped(a, shape=tuple(n for n in a.shape if n != 1))
    if a.ndim == 0 and axis in (0, -1):
        return a  # as NumPy, whose scalars have one axis to squeeze
    axes = negative_axes(axis, a.ndim, "numpy.squeeze")
    if any(a.shape[i] != 1 for i in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshaped(a, shape=tuple(n for i, n in enumerate(a.shape, -a.ndim) if i not in axes))


@composite(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """NumPy's ``expand_dims``."""
    axis = _tuple(axis)
    ndim = a.ndim + len(axis)
    axes = negative_axes(axis, ndim, "numpy.expand_dims")
    lengths = iter(a.shape)
    return reshaped(a, shape=tuple(1 if i in axes else next(lengths) for i in range(-ndim, 0)))


@composite(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """NumPy's ``atleast_1d``."""
    return _each(arys, np.atleast_1d, lambda shape: shape or (1,))


@composite(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """NumPy's ``atleast_2d``."""
    return _each(arys, np.atleast_2d, lambda shape: (1,) * (2 - len(shape)) + shape)


@composite(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """NumPy's ``atleast_3d``: a vector becomes the middle axis, a matrix the first two."""
    return _each(arys, np.atleast_3d, lambda shape: ((1,) * (2 - len(shape)) + shape + (1,) * 3)[:3] + shape[3:])


def _each(arrays: tuple[Any, ...], function: Callable[..., Any], target: Callable[[Shape], Shape]) -> Any:
    answers = []
    for array in arrays:
        if isinstance(array, Tracer):
            shape = target(array.shape)
            answers.append(array if shape == array.shape else reshaped(array, shape=shape))
        else:
            answers.append(function(array))
    return answers[0] if len(answers) == 1 else tuple(answers)


def _lengths(shape: Any, source: Shape) -> Shape:
    """The lengths asked for, an unknown one (-1) filled in."""
    shape = _tuple(shape)
    size = prod(source)
    known = prod(shape)
    if known < 0 and shape.count(-1) == 1 and size % known == 0:
        return tuple(size // -known if n == -1 else n for n in shape)
    if known == size and (not shape or min(shape) >= 0):
        return shape
    # What remains is an error, which NumPy words best.
    return np.broadcast_to(np.zeros(()), source).reshape(shape).shape


def _check_order(name: str, order: str) -> None:
    if order not in ("C", "F"):
        # "A" and "K" depend on the layout in memory.
        raise UnsupportedKeywordError.for_keyword(name, f"order={order!r}")


# --- transpose --------------------------------------------------------------------------------------------------------


def _reversed(a: Any) -> Any:
    return a if a.ndim < 2 else view_of(permuted, a, {"axes": tuple(range(-1, -a.ndim - 1, -1))})


def _permute(a: Any, axes: tuple[int, ...]) -> Any:
    return a if axes == tuple(range(-a.ndim, 0)) else permuted(a, axes=axes)


@composite(np.transpose)
def transpose(a: Any, axes: Any = None) -> Any:
    """NumPy's ``transpose``."""
    a = as_array(a)
    if axes is None:
        return _reversed(a)
    axes = _tuple(axes)
    if len(axes) != a.ndim:
        raise ValueError("axes don't match array")
    return _permute(a, negative_axes(axes, a.ndim, "numpy.transpose"))


@composite(method="transpose")
def transpose_method(a: Any, *axes: Any) -> Any:
    """``x.transpose()``, ``x.transpose(1, 0)`` or ``x.transpose((1, 0))``."""
    return transpose(a, axes[0] if len(axes) == 1 else axes or None)


@composite(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """NumPy's ``matrix_transpose``: of the last two axes."""
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return permuted(x, axes=(*range(-x.ndim, -2), -1, -2))


attribute(_reversed, "T")
attribute(matrix_transpose, "mT")


@composite(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """NumPy's ``moveaxis``."""
    start = negative_axes(_tuple(source), a.ndim, "numpy.moveaxis")
    end = negative_axes(_tuple(destination), a.ndim, "numpy.moveaxis")
    if len(start) != len(end):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    rest = iter([i for i in range(-a.ndim, 0) if i not in start])
    placed = dict(zip(end, start, strict=True))
    return _permute(a, tuple(placed[i] if i in placed else next(rest) for i in range(-a.ndim, 0)))


@composite(np.swapaxes, method="swapaxes")
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    """NumPy's ``swapaxes``."""
    axes = list(range(-a.ndim, 0))
    i = negative_axis(axis1, a.ndim, "numpy.swapaxes")
    j = negative_axis(axis2, a.ndim, "numpy.swapaxes")
    axes[i], axes[j] = j, i
    return _permute(a, tuple(axes))


# --- broadcasting and copies ------------------------------------------------------------------------------------------


@composite(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """NumPy's ``broadcast_to``."""
    reject("numpy.broadcast_to", subok=(subok, False))
    return broadcasted(array, shape=_tuple(shape))


@composite(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """NumPy's ``broadcast_arrays``."""
    reject("numpy.broadcast_arrays", subok=(subok, False))
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    if all(isinstance(a, Tracer) and a.shape == shape for a in args):
        return args  # and can be written to
    return tuple(np.broadcast_to(a, shape) for a in args)
