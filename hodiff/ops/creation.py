"""Arrays made for assignment, and copies: zeros_like and its kin, ``like=``, copy.

What carries a derivative later must be a `Buffer` from the start (see ``mutation``); arrays of integers and booleans
cannot, and are plain. May import ``core``, ``kinds``, ``mutation``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> def f(x):
...     y = np.zeros(3, like=x)
...     y[::2] = x
...     return np.sum(y * np.arange(3.0))
>>> hd.grad(f)(np.ones(2))
array([0., 2.])
"""

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from hodiff.core import Tracer
from hodiff.kinds import composite, reject
from hodiff.mutation import Buffer, is_array
from hodiff.operands import as_array, value_of
from hodiff.shaped import is_inexact

_plain_array: Any = np.array


def assignable(value: Any) -> Any:
    """A fresh plain array as a buffer; integers, booleans and other objects as they are."""
    return Buffer(value) if isinstance(value, np.ndarray) and is_inexact(value.dtype) else value


def _like(function: Callable[..., Any], a: Any, dtype: Any, shape: Any, *fill: Any, order: str = "K") -> Any:
    dtype = a.dtype if dtype is None else dtype
    if shape is None and a.ndim > 1 and order in ("K", "A"):
        # With its axes in the same order in memory, of which it depends what is a view.
        value = a
        while isinstance(value, Tracer):
            value = (*value.components(), None)[0]
        strides = range(a.ndim, 0, -1) if value is None else value.strides[value.ndim - a.ndim :]
        axes = np.argsort([-abs(stride) for stride in strides], kind="stable")
        answer = function([a.shape[i] for i in axes], *fill, dtype=dtype)
        return assignable(answer.transpose(np.argsort(axes)))
    return assignable(
        function(a.shape if shape is None else shape, *fill, dtype=dtype, order="F" if order == "F" else "C")
    )


def _check(name: str, order: str, subok: bool, device: Any) -> None:
    if order not in ("C", "F", "A", "K"):
        raise ValueError(f"{name}: order must be one of 'C', 'F', 'A', or 'K' (got '{order}')")
    reject(name, subok=(bool(subok), True))
    if device not in (None, "cpu"):
        raise ValueError(f'{name}: Device not understood. Only "cpu" is allowed, but received: {device}')


@composite(np.zeros_like)
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    """NumPy's ``zeros_like``: an array to assign into."""
    _check("numpy.zeros_like", order, subok, device)
    return _like(np.zeros, a, dtype, shape, order=order)


@composite(np.ones_like)
def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    """NumPy's ``ones_like``: an array to assign into."""
    _check("numpy.ones_like", order, subok, device)
    return _like(np.ones, a, dtype, shape, order=order)


@composite(np.empty_like)
def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    """NumPy's ``empty_like``: an array to assign into, whose elements are zero until then."""
    _check("numpy.empty_like", order, subok, device)
    return _like(np.zeros, prototype, dtype, shape, order=order)


@composite(np.full_like)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """NumPy's ``full_like``: an array to assign into; the value to fill it with may carry a derivative."""
    _check("numpy.full_like", order, subok, device)
    a = a if isinstance(a, Tracer) else np.asarray(a)
    if not isinstance(fill_value, Tracer):
        return _like(np.full, a, dtype, shape, fill_value, order=order)
    answer = _like(np.zeros, a, dtype, shape, order=order)
    if not isinstance(answer, Tracer):
        answer = np.asarray(answer)
    return _filled(answer, fill_value)


def _filled(array: Any, value: Any) -> Any:
    answer: Any = array
    if not isinstance(array, Tracer):
        return np.broadcast_to(value, answer.shape).astype(answer.dtype)
    answer[...] = value
    return answer


# --- like= ------------------------------------------------------------------------------------------------------------
# Called as np.zeros(n, like=x), these come here without `like`; what is traced stays so.


def _is_traced(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_is_traced(v) for v in value)
    return isinstance(value, Tracer)


def _from_nested(value: Any) -> Any:
    """Nested lists of traced values and numbers as one traced array."""
    if not isinstance(value, (list, tuple)):
        return value
    return np.stack([_from_nested(v) for v in value]) if _is_traced(value) else np.asarray(value)


@composite(np.array)
def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    ndmax: int = 0,
) -> Any:
    """NumPy's ``array`` with ``like=``: of nested lists too."""
    reject("numpy.array", subok=(bool(subok), False), ndmax=(ndmax, 0))
    if not _is_traced(object):
        plain = _plain_array(object, dtype, copy=copy, order=order, ndmin=ndmin)
        answer = assignable(plain)
        if (
            not copy
            and isinstance(answer, Buffer)
            and isinstance(object, np.ndarray)
            and np.may_share_memory(plain, object)
        ):
            answer.shared = ref(object)
        return answer
    answer = _from_nested(object)
    if dtype is not None and answer.dtype != dtype:
        answer = answer.astype(dtype)
    elif (copy or not answer.shape) and answer is object and not (not copy and is_array(answer)):
        answer = copy_of(answer)
    if copy is False and answer is not object:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return np.reshape(answer, (1,) * (ndmin - answer.ndim) + answer.shape) if answer.ndim < ndmin else answer


def _as_array(a: Any, dtype: Any = None, order: Any = None, *, device: Any = None, copy: Any = None) -> Any:
    """NumPy's ``asarray`` with ``like=``; memory order means nothing to a traced value."""
    _check("numpy.asarray", order or "K", True, device)
    return array(a, dtype, copy=copy)


def _as_vector(a: Any, dtype: Any = None) -> Any:
    """NumPy's ``ascontiguousarray`` with ``like=``: as ``asarray``, with one axis at least."""
    return array(a, dtype, copy=None, ndmin=1)


composite(np.asarray, np.asanyarray)(_as_array)
composite(np.ascontiguousarray, np.asfortranarray)(_as_vector)


@composite(np.require)
def require(a: Any, dtype: Any = None, requirements: Any = None) -> Any:
    """NumPy's ``require`` with ``like=``; requirements on memory are met by every traced value."""
    return array(a, dtype, copy=None)


@composite(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None) -> Any:
    """NumPy's ``full`` with ``like=``: the value may carry a derivative."""
    _check("numpy.full", order, True, device)
    if not isinstance(fill_value, Tracer):
        return assignable(np.full(shape, fill_value, dtype, "F" if order == "F" else "C"))
    empty = np.zeros(shape, fill_value.dtype if dtype is None else dtype, "F" if order == "F" else "C")
    return _filled(assignable(empty), fill_value)


def _empty(shape: Any, dtype: Any = float, order: str = "C", *, device: Any = None) -> Any:
    """NumPy's ``empty`` with ``like=``; zeros, so that nothing undefined can get into a derivative."""
    _check("numpy.empty", order, True, device)
    return assignable(np.zeros(shape, dtype, "F" if order == "F" else "C"))


composite(np.empty)(_empty)


def _plain_creation(function: Any) -> Callable[..., Any]:
    def create(*args: Any, **keywords: Any) -> Any:
        return assignable(function(*args, **keywords))

    create.__name__, create.__doc__ = function.__name__, f"NumPy's ``{function.__name__}`` with ``like=``."
    return create


_PLAIN: tuple[Any, ...] = (np.zeros, np.ones, np.eye, np.identity, np.tri, np.fromfunction, np.fromiter, np.frombuffer)
for _function in (*_PLAIN, np.fromfile, np.fromstring, np.loadtxt, np.genfromtxt):
    composite(_function)(_plain_creation(_function))


@composite(np.arange)
def arange(*args: Any, dtype: Any = None, device: Any = None, **keywords: Any) -> Any:
    """NumPy's ``arange`` with ``like=``; start and step may carry derivatives."""
    start = keywords.pop("start", args[0] if len(args) > 1 else 0)
    stop = keywords.pop("stop", args[1] if len(args) > 1 else args[0])
    step = keywords.pop("step", args[2] if len(args) > 2 else 1)
    plain = [value_of(v) for v in (start, stop, step)]
    numbers = np.arange(*plain, dtype=dtype)
    if not _is_traced((start, step)):
        return assignable(numbers)
    answer = start + np.arange(len(numbers)) * step
    return answer if answer.dtype == numbers.dtype else answer.astype(numbers.dtype)


# --- copies -----------------------------------------------------------------------------------------------------------


def copy_of(a: Any) -> Any:
    """A copy of a traced array, or of a scalar as an array, which can be assigned into."""
    if not isinstance(a, Tracer):
        return np.array(a)
    value = a.alive().fork()
    return value if isinstance(value, Buffer) or not is_inexact(value.dtype) else Buffer(value)


@composite(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """NumPy's ``copy``; the order in memory means nothing to a traced value."""
    reject("numpy.copy", subok=(bool(subok), False))
    return copy_of(as_array(a))


@composite(method="copy")
def copy_method(a: Any, order: str = "C") -> Any:
    """``x.copy()``; of a scalar a scalar."""
    return copy_of(a) if a.shape or is_array(a) else a.alive().fork()


@composite(method="flatten")
def flatten(a: Any, order: str = "C") -> Any:
    """``x.flatten()``: unlike ``x.ravel()`` a copy."""
    return copy_of(np.ravel(a, order))  # type: ignore[call-overload]
