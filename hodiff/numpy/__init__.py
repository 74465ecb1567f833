"""NumPy's namespace, with the functions that plain NumPy does not hand to traced values.

``import hodiff.numpy as hnp`` has every name of ``numpy``. Nearly all are NumPy's own, which find the derivative rules
by themselves; those that make arrays do not, so here they are ours: what they make can be assigned into, and takes
traced values among its data. This module is also what ``x.__array_namespace__()`` returns, so code written to the array
API standard differentiates. May import ``core``, ``creation``, ``kinds`` and ``polynomial``.

>>> import hodiff as hd
>>> import hodiff.numpy as hnp
>>> def f(x):
...     y = hnp.zeros(3)
...     y[1:] = x**2
...     return hnp.sum(y * hnp.array([x[0], 1.0, x[1]]))
>>> hd.grad(f)(np.array([1.0, 2.0]))
array([ 2., 12.])
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hodiff.core import NUMPY_FUNCTIONS, Tracer
from hodiff.kinds import composite
from hodiff.numpy import polynomial  # noqa: F401
from hodiff.ops.creation import assignable

__all__ = list(np.__all__)

_MAKERS = (
    *("zeros", "ones", "empty", "full", "array", "eye", "identity", "tri", "arange", "fromfunction", "fromiter"),
    *("frombuffer", "fromfile", "fromstring", "loadtxt", "genfromtxt", "copy"),
    *("zeros_like", "ones_like", "empty_like", "full_like"),
)
_CONVERTERS = ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "require", "asarray_chkfinite")


def _maker(name: str) -> Callable[..., Any]:
    """NumPy's function of this name; its result can be assigned into."""
    operation = NUMPY_FUNCTIONS[getattr(np, name)]

    def make(*args: Any, **keywords: Any) -> Any:
        keywords.pop("like", None)
        if name.endswith("_like") and args and not isinstance(args[0], Tracer):
            args = (np.asarray(args[0]), *args[1:])
        return assignable(operation(*args, **keywords))

    return _described(make, name, "its result can be assigned into")


def _converter(name: str) -> Callable[..., Any]:
    """NumPy's function of this name for anything that holds a traced value; plain data become plain arrays."""
    plain = getattr(np, name)

    def convert(a: Any, *args: Any, **keywords: Any) -> Any:
        keywords.pop("like", None)
        if not holds_traced(a):
            return plain(a, *args, **keywords)
        if name == "asarray_chkfinite":
            answer = NUMPY_FUNCTIONS[np.asarray](a, *args, **keywords)
            if not np.all(np.isfinite(answer)):
                raise ValueError("array must not contain infs or NaNs")
            return answer
        return NUMPY_FUNCTIONS[plain](a, *args, **keywords)

    return _described(convert, name, "traced values may be among its data")


def _described(function: Callable[..., Any], name: str, difference: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"NumPy's ``{name}``; {difference}."
    return function


def holds_traced(value: Any) -> bool:
    """Whether a value, or anything in nested lists and tuples, is traced."""
    if isinstance(value, (list, tuple)):
        return any(holds_traced(v) for v in value)
    return isinstance(value, Tracer)


class _Joiner:
    """``r_`` and ``c_`` with traced values among the entries."""

    def __init__(self, name: str) -> None:
        self._plain = getattr(np, name)
        self._columns = name == "c_"

    def __getitem__(self, key: Any) -> Any:
        entries = key if isinstance(key, tuple) else (key,)
        if not holds_traced(entries):
            return self._plain[key]
        if any(isinstance(e, str) for e in entries):
            raise TypeError("a directive such as '0,2' is not supported with traced values; use concatenate or stack")
        parts = [_entry(e) for e in entries]
        return np.column_stack(parts) if self._columns else np.concatenate(parts)


def _entry(entry: Any) -> Any:
    """One entry of ``r_`` as an array: a slice is a range, a scalar one element."""
    if isinstance(entry, slice):
        return np.r_[entry]
    return np.atleast_1d(entry if isinstance(entry, Tracer) else np.asarray(entry))


r_, c_ = _Joiner("r_"), _Joiner("c_")

for _name in _MAKERS:
    globals()[_name] = _maker(_name)
for _name in _CONVERTERS:
    globals()[_name] = _converter(_name)


def __getattr__(name: str) -> Any:
    """Every other name is NumPy's."""
    if name.startswith("__") and name not in __all__:
        raise AttributeError(name)
    try:
        return getattr(np, name)
    except AttributeError:
        raise AttributeError(f"hodiff.numpy has no attribute {name!r}, since numpy has none") from None


def __dir__() -> list[str]:
    return sorted({*dir(np), *globals()})


@composite(method="__array_namespace__")
def array_namespace(x: Any, *, api_version: Any = None) -> Any:
    """The namespace for the array API standard: this module."""
    np.empty(0).__array_namespace__(api_version=api_version)  # NumPy's error for a version that it does not know
    return sys.modules[__name__]
