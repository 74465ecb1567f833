"""The hooks of NumPy and Python: what a ufunc or an array function called on traced values leads to, and conversions.

``__array_ufunc__`` and ``__array_function__`` look the operation up in tables that are filled where each operation is
defined. ``out=`` and ``where=`` are handled here, once, for all of them: the answer is computed, and written into the
array given. May import ``core``, ``mutation`` and ``errors``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.sum(np.log(x, out=np.zeros_like(x), where=x > 0)))(np.array([0.0, 4.0]))
array([0.  , 0.25])
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS, OPERANDS, Tracer, as_operand
from hodiff.errors import ConversionError, InPlaceError, NoRuleError, UnsupportedKeywordError
from hodiff.mutation import Buffer, update

#: What the methods of ufuncs (``np.add.reduce``) lead to: name -> ``(ufunc, *inputs, **keywords)``.
UFUNC_METHODS: dict[str, Callable[..., Any]] = {}

# Keywords of ufuncs and the values of them that change nothing.
_HARMLESS: dict[str, tuple[Any, ...]] = {"casting": ("same_kind", "unsafe"), "order": ("K", "C", "A"), "subok": (True,)}


def array_ufunc(self: Tracer, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
    """What NumPy calls for a ufunc with a traced value among its operands."""
    if method == "__call__":
        for value in inputs:
            if not isinstance(value, OPERANDS):
                return NotImplemented
        if keywords:
            return _with_keywords(ufunc, inputs, **keywords)
        operation = NUMPY_UFUNCS.get(ufunc)
        if operation is None:
            raise NoRuleError.for_function(ufunc_name(ufunc))
        return operation(*[as_operand(v) for v in inputs])
    handler = UFUNC_METHODS.get(method)
    if handler is None:
        raise NoRuleError.for_function(f"{ufunc_name(ufunc)}.{method}")
    out = keywords.pop("out", None)
    if out is not None and not any(isinstance(v, Tracer) for v in (*inputs, *keywords.values())):
        handler = getattr(np.ufunc, method)
    answer = handler(ufunc, *inputs, **keywords)
    return (
        answer if out is None else write_out(out[0], answer, f"{ufunc_name(ufunc)}.{method}", stretch=method == "outer")
    )


def array_function(self: Tracer, function: Any, types: Any, args: Any, keywords: Any) -> Any:
    """What NumPy calls for any other function with a traced value among its arguments."""
    for kind in types:
        if kind is not np.ndarray and not issubclass(kind, (Tracer, np.ndarray)):
            return NotImplemented
    operation = NUMPY_FUNCTIONS.get(function)
    if operation is None:
        raise NoRuleError.for_function(f"{function.__module__}.{function.__name__}")
    if "out" in keywords and keywords["out"] is not None:
        out = keywords["out"]
        rest = {name: value for name, value in keywords.items() if name != "out"}
        # Again through NumPy: without `out`, nothing may be traced.
        answer = function(*args, **rest)
        return write_out(out, answer, f"numpy.{function.__name__}", stretch=function is np.clip)
    return operation(*args, **keywords)


Tracer.__array_ufunc__ = array_ufunc  # type: ignore[attr-defined]
Tracer.__array_function__ = array_function  # type: ignore[attr-defined]


def ufunc_name(ufunc: Any) -> str:
    """Name with the module that the user knows it by, if there is one."""
    name: str = ufunc.__name__
    for home, module in (("numpy", np), ("scipy.special", special)):
        if getattr(module, name, None) is ufunc:
            return f"{home}.{name}"
    return name


def write_out(out: Any, answer: Any, name: str, where: Any = True, *, stretch: bool = False) -> Any:
    """Write ``answer`` into the array that was given as ``out``; ufuncs ``stretch`` it to the shape of that.

    Raises
    ------
    InPlaceError
        When ``out`` is a plain array, which would lose the derivative.
    """
    if isinstance(out, tuple):
        (out,) = out
    if not isinstance(out, Tracer):
        if not isinstance(answer, Tracer) and isinstance(out, np.ndarray):
            np.copyto(out, answer, casting="same_kind", where=where)
            return out
        raise InPlaceError(
            f"{name}: writing a value that carries derivatives into a plain array (out=, or `array += x`) would drop "
            f"them; use the returned value (y = {name.replace('numpy', 'np')}(...), array = array + x), or make the "
            f"array with np.zeros(n, like=x) or hodiff.numpy.zeros(n)"
        )
    shape, dtype = np.shape(answer), answer.dtype
    if shape != out.shape:
        if not stretch or not _stretches(shape, out.shape):
            raise ValueError(f"{name}: the answer has shape {shape}, and out= has shape {out.shape}")
        answer = np.broadcast_to(answer, out.shape)
    if dtype != out.dtype:
        if not np.can_cast(dtype, out.dtype, "same_kind"):
            raise TypeError(f"{name}: Cannot cast the answer from {dtype} to out= of {out.dtype} ('same_kind')")
        answer = answer.astype(out.dtype)
    if where is not True:
        answer = np.where(where, answer, out)
    # A plain answer is copied, since it may be somebody's array.
    update(out, answer if isinstance(answer, Tracer) else np.array(answer), f"{name} with out=")
    return out


def _stretches(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def _with_keywords(ufunc: Any, inputs: tuple[Any, ...], out: Any = None, where: Any = True, **keywords: Any) -> Any:
    """A ufunc with keywords: out, where and dtype; every other must have a value that changes nothing."""
    name = ufunc_name(ufunc)
    dtype = keywords.pop("dtype", None)
    for keyword, value in keywords.items():
        if not any(value == harmless for harmless in _HARMLESS.get(keyword, ())):
            raise UnsupportedKeywordError.for_keyword(name, keyword)
    values = [as_operand(v) for v in inputs]
    if dtype is not None:
        values = [_of_dtype(ufunc, v, np.dtype(dtype), name) for v in values]
    outs = tuple(out) if out is not None else (None,) * ufunc.nout
    if where is True:
        return _written(outs, ufunc(*values), name)
    if any(o is None for o in outs):
        raise UnsupportedKeywordError(
            f"{name}: with where= the elements left out are undefined unless out= is given, too; pass "
            f"out=np.zeros_like(x)"
        )
    if ufunc.signature is not None:
        raise UnsupportedKeywordError.for_keyword(name, "where")
    return _where_selected(ufunc, values, outs, where, name)


def _of_dtype(ufunc: Any, value: Any, dtype: Any, name: str) -> Any:
    """An operand converted to the dtype in which the ufunc is to compute."""
    homogeneous = f"{dtype.char * ufunc.nin}->{dtype.char * ufunc.nout}"
    if homogeneous not in ufunc.types or dtype.kind not in "fc":
        raise UnsupportedKeywordError.for_keyword(name, "dtype")
    value = value if isinstance(value, Tracer) else np.asarray(value)
    if not np.can_cast(value.dtype, dtype, "same_kind"):
        raise TypeError(f"Cannot cast ufunc '{ufunc.__name__}' input from {value.dtype!r} to {dtype!r} ('same_kind')")
    return value if value.dtype == dtype else value.astype(dtype)


def _where_selected(ufunc: Any, values: list[Any], outs: tuple[Any, ...], where: Any, name: str) -> Any:
    """Compute the selected elements only, as NumPy does: what is left out may be outside the domain."""
    where = where if isinstance(where, Tracer) else np.asarray(where)
    if where.dtype.kind != "b":
        raise TypeError(f"{name}: where must be boolean, not {where.dtype}")
    shape = np.broadcast_shapes(where.shape, *(np.shape(v) for v in values))
    if isinstance(where, Tracer):
        # Members of a batch select different numbers of elements: compute all, of harmless operands elsewhere.
        answers = ufunc(*(np.where(where, v, 1) for v in values))
        return _written(outs, answers, name, where)
    mask = np.broadcast_to(where, shape)
    if not shape:
        return _written(outs, ufunc(*values), name) if mask else outs if ufunc.nout > 1 else outs[0]
    answers = ufunc(*(np.broadcast_to(v, shape)[mask] for v in values))
    results = []
    for out, part in zip(outs, answers if ufunc.nout > 1 else (answers,), strict=True):
        full: Any = Buffer(np.zeros(shape, part.dtype)) if isinstance(part, Tracer) else np.zeros(shape, part.dtype)
        full[mask] = part
        results.append(write_out(out, full, name, mask, stretch=True))
    return tuple(results) if ufunc.nout > 1 else results[0]


def _written(outs: tuple[Any, ...], answers: Any, name: str, where: Any = True) -> Any:
    if not isinstance(answers, tuple):
        return answers if outs[0] is None else write_out(outs[0], answers, name, where, stretch=True)
    return tuple(
        answer if out is None else write_out(out, answer, name, where, stretch=True)
        for out, answer in zip(outs, answers, strict=True)
    )


# --- what Python asks for ---------------------------------------------------------------------------------------------


def _bool(self: Tracer) -> bool:
    return bool(self.alive().truth())


def _int(self: Tracer) -> int:
    return int(self.alive().truth())


def _index(self: Tracer) -> int:
    if self.dtype.kind not in "iub":
        raise TypeError("only integer scalar arrays can be converted to a scalar index")
    return int(self.alive().truth())


def _float(self: Tracer) -> float:
    if self.dtype.kind in "iub":
        return float(self.alive().truth())
    raise ConversionError.to_number()


def _complex(self: Tracer) -> complex:
    return complex(float(self))  # type: ignore[arg-type]


def _format(self: Tracer, specification: str) -> str:
    # Text carries no derivative: show the value.
    return format(self.alive().truth(), specification) if specification else repr(self)


def _copy(self: Tracer) -> Tracer:
    return self.fork()


def _deepcopy(self: Tracer, memo: Any) -> Tracer:
    return self.fork()


for _method in (_bool, _int, _index, _float, _complex, _format, _copy, _deepcopy):
    setattr(Tracer, f"_{_method.__name__}__", _method)
