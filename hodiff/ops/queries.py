"""Questions about arrays whose answers carry no derivative: tests, counts, places, text, and operations on bits.

The answers are plain, or under ``vmap`` batched. Those whose shape depends on values are refused for a batch.
May import ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``operands`` and ``shaped``.

>>> import hodiff as hd
>>> float(hd.grad(lambda x: x[0] * np.count_nonzero(x))(np.array([3.0, 0.0]))[0])
1.0
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Tracer, as_operand
from hodiff.errors import ConversionError, NotStagedError
from hodiff.kinds import composite, constant, reject
from hodiff.lowering import Composed, Reduced, reduced_axes
from hodiff.operands import as_array, value_of
from hodiff.shaped import negative_axes, negative_axis


def _blank(a: Any) -> Any:
    """A plain array of the same shape and dtype."""
    return np.broadcast_to(np.zeros((), a.dtype), a.shape)


# --- elementwise ------------------------------------------------------------------------------------------------------

bitwise_count = constant(np.bitwise_count)
is_real = constant(lambda x: np.isreal(x), name="is_real", core=0, numpy=np.isreal)
is_complex = constant(lambda x: np.iscomplex(x), name="is_complex", core=0, numpy=np.iscomplex)
negative_infinity = constant(
    lambda x: np.isneginf(x),
    name="negative_infinity",
    core=0,
    code=Code(shares=False, nest=Composed(lambda x: np.equal(x, -np.inf))),
)
positive_infinity = constant(
    lambda x: np.isposinf(x),
    name="positive_infinity",
    core=0,
    code=Code(shares=False, nest=Composed(lambda x: np.equal(x, np.inf))),
)


def _close(a: Any, b: Any, rtol: Any, atol: Any, equal_nan: bool) -> Any:
    """``numpy.isclose`` without differences of infinities."""
    if not (np.all(np.isfinite(atol)) and np.all(np.isfinite(rtol))):
        raise NotStagedError("NumPy warns that the tolerances are not valid")
    finite = np.isfinite(a) & np.isfinite(b)
    x, y = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    near = finite & np.less_equal(np.abs(x - y), atol + rtol * np.abs(y)) | np.equal(a, b)
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


close = constant(
    lambda a, b, rtol, atol, equal_nan: np.isclose(a, b, rtol, atol, equal_nan),
    name="close",
    core=0,
    code=Code(shares=False, nest=Composed(_close)),
)


@composite(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    """NumPy's ``isneginf``."""
    reject("numpy.isneginf", out=(out, None))
    return negative_infinity(x)


@composite(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    """NumPy's ``isposinf``."""
    reject("numpy.isposinf", out=(out, None))
    return positive_infinity(x)


@composite(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    """NumPy's ``fix``: towards zero."""
    reject("numpy.fix", out=(out, None))
    return np.trunc(x)


@composite(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """NumPy's ``isclose``."""
    a, b = as_operand(a), as_operand(b)
    return close(a, b, rtol=value_of(rtol), atol=value_of(atol), equal_nan=bool(equal_nan))


# --- one answer for all elements --------------------------------------------------------------------------------------


@composite(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    """NumPy's ``allclose``; under ``vmap`` an answer a member."""
    return _truth(np.all(isclose(a, b, rtol, atol, equal_nan)))


@composite(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """NumPy's ``array_equal``; under ``vmap`` an answer a member."""
    a1, a2 = as_array(a1), as_array(a2)
    if a1.shape != a2.shape:
        return False
    same = np.equal(a1, a2)
    if equal_nan:
        same = same | (np.not_equal(a1, a1) & np.not_equal(a2, a2))
    return _truth(np.all(same))


@composite(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    """NumPy's ``array_equiv``; under ``vmap`` an answer a member."""
    a1, a2 = as_array(a1), as_array(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return _truth(np.all(np.equal(a1, a2)))


def _truth(answer: Any) -> Any:
    return answer if isinstance(answer, Tracer) else bool(answer)


# --- counts and places ------------------------------------------------------------------------------------------------

nonzero_count = constant(
    lambda a, axis, keepdims: np.sum(np.not_equal(a, 0), axis=axis, dtype=np.intp, keepdims=keepdims),
    name="nonzero_count",
    leading=True,
    code=Code(shares=False, nest=Reduced("add", reduced_axes, test="nonzero")),
)


@composite(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """NumPy's ``count_nonzero``."""
    if a.ndim == 0 and axis is not None and not isinstance(axis, tuple):
        negative_axis(axis, 1, "numpy.count_nonzero")  # as for NumPy, a scalar has one axis to reduce
        axis = None
    axes = negative_axes(axis, a.ndim, "numpy.count_nonzero")
    return nonzero_count(a, axis=axes, keepdims=bool(keepdims))


@composite(np.argwhere)
def argwhere(a: Any) -> Any:
    """NumPy's ``argwhere``: plain indices."""
    return np.argwhere(value_of(a))


@composite(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    """NumPy's ``flatnonzero``: plain indices."""
    return np.flatnonzero(value_of(a))


@composite(np.tril_indices_from)
def tril_indices_from(arr: Any, k: int = 0) -> Any:
    """NumPy's ``tril_indices_from``."""
    return np.tril_indices_from(_blank(arr), k)


@composite(np.triu_indices_from)
def triu_indices_from(arr: Any, k: int = 0) -> Any:
    """NumPy's ``triu_indices_from``."""
    return np.triu_indices_from(_blank(arr), k)


@composite(np.diag_indices_from)
def diag_indices_from(arr: Any) -> Any:
    """NumPy's ``diag_indices_from``."""
    return np.diag_indices_from(_blank(arr))


unraveled = constant(
    lambda indices, shape, order: np.stack(np.unravel_index(indices, shape, order), axis=-1), name="unraveled", core=0
)
raveled = constant(
    lambda *indices, dims, mode, order: np.ravel_multi_index(indices, dims, mode, order),
    name="raveled",
    core=0,
)


@composite(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> Any:
    """NumPy's ``unravel_index``."""
    places = unraveled(indices, shape=shape, order=order)
    return tuple(places[..., i] for i in range(places.shape[-1]))


@composite(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    """NumPy's ``ravel_multi_index``."""
    return raveled(*(as_operand(i) for i in multi_index), dims=dims, mode=mode, order=order)


# --- bits -------------------------------------------------------------------------------------------------------------

packed_bits = constant(
    lambda a, axis, bitorder: np.packbits(a, axis=axis, bitorder=bitorder), name="packed_bits", leading=True
)
unpacked_bits = constant(
    lambda a, axis, count, bitorder: np.unpackbits(a, axis=axis, count=count, bitorder=bitorder),
    name="unpacked_bits",
    leading=True,
)


@composite(np.packbits)
def packbits(a: Any, /, axis: Any = None, bitorder: str = "big") -> Any:
    """NumPy's ``packbits``."""
    a, axis = _flattened(a, axis, "numpy.packbits")
    return packed_bits(a, axis=axis, bitorder=bitorder)


@composite(np.unpackbits)
def unpackbits(a: Any, /, axis: Any = None, count: Any = None, bitorder: str = "big") -> Any:
    """NumPy's ``unpackbits``."""
    a, axis = _flattened(a, axis, "numpy.unpackbits")
    return unpacked_bits(a, axis=axis, count=count, bitorder=bitorder)


def _flattened(a: Any, axis: Any, name: str) -> tuple[Any, int]:
    if axis is None:
        return np.reshape(a, (-1,)), -1
    return a, negative_axis(axis, a.ndim, name)


# --- dtypes and memory ------------------------------------------------------------------------------------------------


@composite(np.can_cast)
def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """NumPy's ``can_cast``."""
    from_, to = (v.dtype if isinstance(v, Tracer) else v for v in (from_, to))
    return np.can_cast(from_, to, casting)  # type: ignore[arg-type]


@composite(np.min_scalar_type)
def min_scalar_type(a: Any, /) -> Any:
    """NumPy's ``min_scalar_type``: of an array its dtype, of a scalar the smallest that holds it."""
    return a.dtype if a.ndim else np.min_scalar_type(value_of(a))


@composite(np.common_type)
def common_type(*arrays: Any) -> Any:
    """NumPy's ``common_type``."""
    return np.common_type(*(np.zeros(0, a.dtype) if isinstance(a, Tracer) else a for a in arrays))


@composite(np.shares_memory)
def shares_memory(a: Any, b: Any, /, max_work: int = -1) -> Any:
    """Refused: a traced value has no memory of its own."""
    raise _no_memory("shares_memory")


@composite(np.may_share_memory)
def may_share_memory(a: Any, b: Any, /, max_work: int = 0) -> Any:
    """Refused as ``shares_memory``."""
    raise _no_memory("may_share_memory")


def _no_memory(name: str) -> ConversionError:
    return ConversionError(
        f"numpy.{name}: a traced value has no memory of its own; ask about hodiff.stop_gradient(x) if that of its "
        f"value is meant"
    )


# --- text and files ---------------------------------------------------------------------------------------------------


def _text(function: Any, a: Any, *arguments: Any, **keywords: Any) -> str:
    return str(function(value_of(a), *arguments, **keywords))


composite(np.array_repr)(partial(_text, np.array_repr))
composite(np.array_str)(partial(_text, np.array_str))
composite(np.array2string)(partial(_text, np.array2string))


def _refuse_file(name: str, *arguments: Any, **keywords: Any) -> None:
    raise ConversionError(
        f"numpy.{name}: a traced value would be stored without its derivative; save hodiff.stop_gradient(x), or return "
        f"the array from the function being transformed (has_aux=True) and save it outside"
    )


for _function in (np.save, np.savez, np.savez_compressed, np.savetxt):
    composite(_function)(partial(_refuse_file, _function.__name__))
