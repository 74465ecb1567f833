"""Choosing elements: choose, select, compress, extract, piecewise, nan_to_num.

Each is an index or a ``where``, so what was not chosen has the derivative zero, whatever its value.
May import ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``mutation``, ``operands``, ``refusing`` and
``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.sum(np.select([x < 1, x < 3], [x**2, 5 * x])))(np.array([0.5, 2.0, 4.0]))
array([1., 5., 0.])
"""

from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Tracer, as_operand
from hodiff.errors import UnsupportedKeywordError
from hodiff.kinds import composite, constant, reject
from hodiff.lowering import Composed
from hodiff.mutation import is_array
from hodiff.operands import as_array
from hodiff.refusing import refused
from hodiff.shaped import is_inexact

# --- by number --------------------------------------------------------------------------------------------------------


def _selector(a: Any, count: int, mode: str) -> Any:
    """Numbers of choices from 0 to count - 1."""
    numbers = np.asarray(a).astype(np.intp, casting="safe")
    if mode == "wrap":
        return numbers % count
    if mode == "clip":
        return np.clip(numbers, 0, count - 1)
    if np.any((numbers < 0) | (numbers >= count)):
        raise ValueError("numpy.choose: invalid entry in choice array")
    return numbers


def _selected(a: Any, count: int, mode: str) -> Any:
    numbers = a.astype(np.intp)
    if mode == "wrap":
        return np.remainder(numbers, count)
    if mode == "clip":
        return np.minimum(np.maximum(numbers, 0), count - 1)
    refused((numbers < 0) | (numbers >= count))
    return np.positive(numbers)


selector = constant(_selector, name="selector", core=0, code=Code(nest=Composed(_selected)))


@composite(np.choose, method="choose")
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """NumPy's ``choose``."""
    reject("numpy.choose", out=(out, None))
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"numpy.choose: mode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    if not len(choices):
        raise ValueError("numpy.choose: need at least one array to choose from")
    parts = _of_one_dtype(choices)
    number, *parts = np.broadcast_arrays(selector(as_operand(a), count=len(parts), mode=mode), *parts)
    return np.take_along_axis(np.stack(parts), number[None], axis=0)[0]


# --- by conditions ----------------------------------------------------------------------------------------------------


@composite(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """NumPy's ``select``: for each element the first choice whose condition holds."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    *choices, answer = _of_one_dtype((*choicelist, default))
    for i in range(len(condlist) - 1, -1, -1):
        condition = as_array(condlist[i])
        if condition.dtype.kind != "b":
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
        answer = np.where(condition, choices[i], answer)
    return answer


def _of_one_dtype(values: Any) -> list[Any]:
    """Arrays of their common dtype, to which, as for NumPy, Python's numbers adapt."""
    # A staged number of Python's has the value as its example.
    examples = [v.example() if isinstance(v, Tracer) else v for v in values]
    dtype = np.result_type(*(v if type(v) in (int, float, complex) else as_array(v).dtype for v in examples))
    return [_cast(v, dtype) for v in values]


def _cast(value: Any, dtype: Any) -> Any:
    value = as_array(value)
    return value if value.dtype == dtype else value.astype(dtype)


@composite(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """NumPy's ``compress``. Refused for a batch of conditions, whose members differ in length."""
    reject("numpy.compress", out=(out, None))
    condition = as_array(condition)
    if condition.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return np.take(a, np.nonzero(condition)[0], axis=axis)


@composite(method="compress")
def compress_method(x: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    """``x.compress(condition)``."""
    return np.compress(condition, x, axis, out)


@composite(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """NumPy's ``extract``. Refused for a batch of conditions, whose members differ in length."""
    return np.take(np.ravel(as_operand(arr)), np.nonzero(np.ravel(as_operand(condition)))[0])


@composite(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """NumPy's ``piecewise``: each function gets the elements where its condition holds, and the last one wins.

    Refused for a batch of conditions, since a function may depend on which elements it gets.
    """
    x = as_array(x)
    conditions = _conditions(x, condlist, len(funclist))
    shape = x.shape
    if not shape:
        x, conditions = np.reshape(x, (1,)), conditions[:, None]
    # A pool of values, zero first, and for each element of the answer its place in the pool.
    pool: list[Any] = [np.zeros(1, x.dtype)]
    places = np.zeros(x.shape, np.intp)
    size = 1
    for condition, function in zip(conditions, funclist, strict=True):
        chosen = places[condition]
        if not chosen.size:
            continue
        values = as_array(function(x[condition], *args, **kw) if callable(function) else function)
        if values.dtype.kind == "c" and x.dtype.kind != "c":
            raise TypeError("numpy.piecewise: a complex value does not fit into the answer, which has the dtype of x")
        pool.append(np.ravel(np.broadcast_to(_cast(values, x.dtype), chosen.shape)))
        places[condition] = np.arange(size, size + chosen.size).reshape(chosen.shape)
        size += chosen.size
    return np.take(np.concatenate(pool), places.reshape(shape))


def _conditions(x: Any, condlist: Any, count: int) -> Any:
    """The conditions of ``piecewise`` as one boolean array, with that for the default function where there is one."""
    single = np.isscalar(condlist) or (isinstance(condlist, Tracer) and not condlist.shape)
    if single or (x.ndim != 0 and not _is_condition(condlist[0])):
        condlist = [condlist]
    conditions = np.asarray(condlist, dtype=bool)
    found = len(conditions)
    if found == count - 1:
        return np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)], axis=0)
    if found != count:
        raise ValueError(f"with {found} condition(s), either {found} or {found + 1} functions are expected")
    return conditions


def _is_condition(value: Any) -> bool:
    """Whether this is a condition for all elements, not one of its elements."""
    return isinstance(value, (list, np.ndarray)) or (isinstance(value, Tracer) and bool(value.shape))


# --- by value ---------------------------------------------------------------------------------------------------------


@composite(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """NumPy's ``nan_to_num``: of a complex number, each part by itself."""
    if not is_inexact(x.dtype):
        return np.copy(x) if copy else x
    if x.dtype.kind == "c":
        for keyword, value in (("nan", nan), ("posinf", posinf), ("neginf", neginf)):
            if value is not None and not np.all(np.isfinite(value)):
                # Times the imaginary unit, an infinite part would become NaN.
                raise UnsupportedKeywordError.for_keyword("numpy.nan_to_num", f"{keyword}={value!r}")
        answer = _finite(np.real(x), nan, posinf, neginf) + x.dtype.type(1j) * _finite(np.imag(x), nan, posinf, neginf)
    else:
        answer = _finite(x, nan, posinf, neginf)
    if copy or not (x.shape or is_array(x)):
        return answer
    x[...] = answer
    return x[()]


def _finite(x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    """A real array with its non-finite values replaced."""
    largest = np.finfo(x.dtype).max
    answer = np.where(np.isnan(x), _cast(nan, x.dtype), x)
    answer = np.where(np.equal(x, np.inf), _cast(largest if posinf is None else posinf, x.dtype), answer)
    answer = np.where(np.equal(x, -np.inf), _cast(-largest if neginf is None else neginf, x.dtype), answer)
    return answer[()]
