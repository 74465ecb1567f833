"""Operations whose derivative is zero wherever it exists: comparisons, logic, rounding, predicates, argmax, queries.

Under a derivative they see the primals alone and their answers are plain values, so ``if x > 0:`` works; under ``vmap``
they are batched.
May import ``code``, ``core``, ``errors``, ``kinds``, ``lowering``, ``operators``, ``reducing`` and ``shaped``.

>>> import hodiff as hd
>>> float(hd.grad(lambda x: np.floor(x) * x)(2.5))
2.0
"""

from functools import partial
from typing import Any

import numpy as np

from hodiff.code import Code
from hodiff.core import Tracer
from hodiff.errors import NotStagedError
from hodiff.kinds import composite, constant, reject
from hodiff.lowering import Composed, Mapped, Ordered, Reduced, reduced_axes
from hodiff.operators import infix, prefix
from hodiff.reducing import masked
from hodiff.shaped import negative_axes, negative_axis

_ufunc: Any
for _ufunc in (np.equal, np.not_equal, np.logical_and, np.logical_or, np.bitwise_and, np.bitwise_or, np.bitwise_xor):
    globals()[_ufunc.__name__] = constant(_ufunc, hazard="none", commutative=True)
for _ufunc in (
    *(np.less, np.less_equal, np.greater, np.greater_equal, np.logical_xor, np.logical_not, np.invert),
    *(np.isfinite, np.isinf, np.isnan, np.signbit),
):
    globals()[_ufunc.__name__] = constant(_ufunc, hazard="none")
for _ufunc in (
    *(np.left_shift, np.right_shift, np.floor, np.ceil, np.trunc, np.rint, np.floor_divide, np.gcd, np.lcm),
    *(np.spacing,),
):
    globals()[_ufunc.__name__] = constant(_ufunc)

infix(np.less, "lt", None, reflected=False)
infix(np.less_equal, "le", None, reflected=False)
infix(np.greater, "gt", None, reflected=False)
infix(np.greater_equal, "ge", None, reflected=False)
infix(np.equal, "eq", None, reflected=False)
infix(np.not_equal, "ne", None, reflected=False)
infix(np.floor_divide, "floordiv", "//")
infix(np.bitwise_and, "and", "&")
infix(np.bitwise_or, "or", "|")
infix(np.bitwise_xor, "xor", "^")
prefix(np.invert, "invert")

#: The largest power of ten that is a float.
_EXACT_POWERS = 22


def _rounded(x: Any, decimals: int) -> Any:
    """Rounded as NumPy does it: where the decimals are before the point."""
    if x.dtype.kind != "f" or abs(decimals) > _EXACT_POWERS:
        raise NotStagedError("rounding of integers, and to very many decimals, is left to NumPy")
    if decimals == 0:
        return np.rint(x)
    power = x.dtype.type(10.0 ** abs(decimals))
    return np.rint(x * power) / power if decimals > 0 else np.rint(x / power) * power


def _first_extremum(x: Any, axis: int, keepdims: bool, extremum: Any) -> Any:
    """Where the extremum is first, or NaN."""
    here = np.equal(x, extremum(x, axis=axis, keepdims=True))
    if x.dtype.kind == "f":
        here = here | np.isnan(x)
    count = x.shape[axis]
    places = np.reshape(np.arange(count), (count, *(1,) * (-axis - 1)))
    return np.min(np.where(here, places, count), axis=axis, keepdims=keepdims)


round_to = constant(
    lambda x, decimals: np.round(x, decimals), name="round_to", leading=True, code=Code(nest=Composed(_rounded))
)
arg_maximum = constant(
    lambda x, axis, keepdims: np.argmax(x, axis, keepdims=keepdims),
    name="arg_maximum",
    leading=True,
    code=Code(shares=False, nest=Composed(partial(_first_extremum, extremum=np.max))),
)
arg_minimum = constant(
    lambda x, axis, keepdims: np.argmin(x, axis, keepdims=keepdims),
    name="arg_minimum",
    leading=True,
    code=Code(shares=False, nest=Composed(partial(_first_extremum, extremum=np.min))),
)
arg_sort = constant(
    lambda x, axis, kind: np.argsort(x, axis, kind=kind),
    name="arg_sort",
    leading=True,
    code=Code(shares=False, nest=Ordered()),
)
stop_gradient = constant(
    lambda x: x, name="stop_gradient", core=0, hazard="none", code=Code(shares=True, nest=Mapped("same"))
)


any_of = constant(
    lambda x, axis, keepdims: np.any(x, axis, keepdims=keepdims),
    name="any_of",
    leading=True,
    code=Code(shares=False, nest=Reduced("or", reduced_axes, test="nonzero")),
)
all_of = constant(
    lambda x, axis, keepdims: np.all(x, axis, keepdims=keepdims),
    name="all_of",
    leading=True,
    code=Code(shares=False, nest=Reduced("and", reduced_axes, test="nonzero")),
)


@composite(np.any, method="any")
def any(a: Any, axis: Any = None, out: Any = None, keepdims: Any = np._NoValue, *, where: Any = True) -> Any:
    """NumPy's ``any``."""
    reject("numpy.any", out=(out, None))
    a = masked(a, where, False, "numpy.any")
    return any_of(a, axis=_axes(axis, a.ndim, "numpy.any"), keepdims=keepdims is not np._NoValue and bool(keepdims))


@composite(np.all, method="all")
def all(a: Any, axis: Any = None, out: Any = None, keepdims: Any = np._NoValue, *, where: Any = True) -> Any:
    """NumPy's ``all``."""
    reject("numpy.all", out=(out, None))
    a = masked(a, where, True, "numpy.all")
    return all_of(a, axis=_axes(axis, a.ndim, "numpy.all"), keepdims=keepdims is not np._NoValue and bool(keepdims))


def _axes(axis: Any, ndim: int, name: str) -> tuple[int, ...]:
    """Axes counted from the end; as for NumPy, a scalar has one axis to reduce."""
    if axis is None or isinstance(axis, tuple):
        return negative_axes(axis, ndim, name)
    last = negative_axis(axis, max(ndim, 1), name)
    return (last,) if ndim else ()


@composite(np.nonzero, method="nonzero")
def nonzero(a: Any) -> Any:
    """NumPy's ``nonzero``: plain indices. Refused for a batch, whose members differ in their number."""
    return np.nonzero(a.alive().truth())


@composite(np.shape)
def shape(a: Any) -> Any:
    """NumPy's ``shape``."""
    return a.shape


@composite(np.ndim)
def ndim(a: Any) -> int:
    """NumPy's ``ndim``."""
    return a.ndim


@composite(np.size)
def size(a: Any, axis: Any = None) -> int:
    """NumPy's ``size``."""
    return a.size if axis is None else a.shape[axis]


@composite(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """NumPy's ``iscomplexobj``."""
    return bool(x.dtype.kind == "c")


@composite(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """NumPy's ``isrealobj``."""
    return bool(x.dtype.kind != "c")


@composite(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> Any:
    """NumPy's ``result_type``."""
    return np.result_type(*(a.dtype if isinstance(a, Tracer) else a for a in arrays_and_dtypes))


@composite(np.argmax, method="argmax")
def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Any:
    """NumPy's ``argmax``."""
    reject("numpy.argmax", out=(out, None))
    return _arg_extremum(arg_maximum, "numpy.argmax", a, axis, keepdims)


@composite(np.argmin, method="argmin")
def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Any:
    """NumPy's ``argmin``."""
    reject("numpy.argmin", out=(out, None))
    return _arg_extremum(arg_minimum, "numpy.argmin", a, axis, keepdims)


def _arg_extremum(primitive: Any, name: str, a: Any, axis: Any, keepdims: bool) -> Any:
    if axis is not None and a.ndim:
        return primitive(a, axis=negative_axis(axis, a.ndim, name), keepdims=bool(keepdims))
    if axis is not None:
        negative_axis(axis, 1, name)  # as for NumPy, a scalar has one axis to reduce
    answer = primitive(np.reshape(a, (-1,)), axis=-1, keepdims=False)
    return np.reshape(answer, (1,) * a.ndim) if keepdims else answer


@composite(np.argsort, method="argsort")
def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """NumPy's ``argsort``."""
    reject("numpy.argsort", order=(order, None))
    kind = "stable" if stable else kind
    if axis is None or a.ndim == 0:
        if axis is not None:
            negative_axis(axis, 1, "numpy.argsort")  # as for NumPy, a scalar has one axis to sort
        return arg_sort(np.reshape(a, (-1,)), axis=-1, kind=kind)
    return arg_sort(a, axis=negative_axis(axis, a.ndim, "numpy.argsort"), kind=kind)


@composite(np.round, np.around, method="round")
def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """NumPy's ``round``: constant almost everywhere."""
    reject("numpy.round", out=(out, None))
    return round_to(a, decimals=decimals)
