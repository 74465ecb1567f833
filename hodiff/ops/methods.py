"""The methods and attributes of ndarray that no NumPy function stands for, and those that are refused.

Whatever shows the memory of an array is refused: a traced value has none, and bytes carry no derivatives.
May import ``core``, ``errors``, ``kinds``, ``mutation`` and ``operators``.

>>> import hodiff as hd
>>> float(hd.grad(lambda x: x.flat[2] * x[0, 0].item())(np.array([[1.0, 2.0], [3.0, 4.0]]))[0, 0])
3.0
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hodiff.core import Tracer
from hodiff.errors import ConversionError, InPlaceError
from hodiff.kinds import composite
from hodiff.mutation import root
from hodiff.operators import attribute, infix

# --- elements ---------------------------------------------------------------------------------------------------------


@composite(method="item")
def item(x: Any, *args: Any) -> Any:
    """``x.item()``: a traced scalar, since a Python number would carry no derivative."""
    if len(args) == 1 and isinstance(args[0], tuple):
        (args,) = args
    if args and len(args) not in (1, x.ndim):
        raise ValueError("incorrect number of indices for array")
    if not args and x.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    value = x[args] if len(args) == x.ndim else np.ravel(x)[args[0] if args else 0]
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value


@composite(method="tolist")
def tolist(x: Any) -> Any:
    """``x.tolist()``: nested lists of traced scalars."""
    return [tolist(part) if isinstance(part, Tracer) else part.tolist() for part in x] if x.ndim else item(x)


@composite(method="__contains__")
def contains(x: Any, value: Any) -> bool:
    """``value in x``."""
    return bool(np.any(np.equal(x, value)))


class Flat:
    """What ``x.flat`` is: the elements one after the other, to read, to assign to and to iterate over."""

    __slots__ = ("_next", "base")

    def __init__(self, base: Any) -> None:
        self.base = base
        self._next = 0

    def __len__(self) -> int:
        return int(self.base.size)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._next >= self.base.size:
            raise StopIteration
        self._next += 1
        return np.ravel(self.base)[self._next - 1]

    @property
    def index(self) -> int:
        """Number of the element that comes next."""
        return self._next

    @property
    def coords(self) -> tuple[int, ...]:
        """Indices of the element that comes next."""
        return tuple(int(i) for i in np.unravel_index(self._next, self.base.shape))

    def __getitem__(self, key: Any) -> Any:
        if key is None:
            raise IndexError("x.flat has one axis, and no axis can be added to it; use np.ravel(x)")
        found = np.ravel(self.base)[key]
        return np.copy(found) if np.ndim(found) else found

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, Tracer) and value.ndim and root(value) is root(self.base):
            raise InPlaceError("x.flat[...] = v: v is of the array itself, and changes while it is read; copy it")
        elements = np.copy(np.ravel(self.base))
        shape = np.shape(elements[key])
        if not shape and np.ndim(value):
            raise ValueError("Error setting single item of array.")
        if np.iscomplexobj(value) and elements.dtype.kind != "c":
            raise TypeError("x.flat[...]: a complex value does not fit into a real array")
        if not np.size(value):
            return
        # As for NumPy, what is left over is ignored and what is missing begins anew.
        elements[key] = np.resize(value, shape)
        self.base[...] = np.reshape(elements, self.base.shape)

    def copy(self) -> Any:
        """The elements as a vector."""
        return np.copy(np.ravel(self.base))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise ConversionError(
            "x.flat of a traced array cannot become a plain NumPy array; use np.ravel(x) instead of it"
        )


def _assign_flat(x: Any, value: Any) -> None:
    Flat(x)[:] = value


Tracer.flat = property(Flat, _assign_flat, doc="The elements one after the other.")  # type: ignore[attr-defined]


# --- operators --------------------------------------------------------------------------------------------------------


infix(np.left_shift, "lshift", "<<")
infix(np.right_shift, "rshift", ">>")


# --- devices and views ------------------------------------------------------------------------------------------------


def _device(x: Any) -> str:
    """Where the array is: NumPy knows no other place."""
    return "cpu"


attribute(_device, "device")


@composite(method="to_device")
def to_device(x: Any, device: Any, /, *, stream: Any = None) -> Any:
    """``x.to_device("cpu")``: the array itself."""
    if stream is not None:
        raise ValueError("The stream argument in to_device() is not supported")
    if device != "cpu":
        raise ValueError(f"Unsupported device: {device}. Only 'cpu' is accepted.")
    return x


@composite(method="view")
def view(x: Any, dtype: Any = None, type: Any = None) -> Any:
    """``x.view()``; another dtype, which would read the bytes anew, is refused."""
    same_type = type is None or type is np.ndarray
    if not same_type or not (dtype is None or dtype is np.ndarray or np.dtype(dtype) == x.dtype):
        raise ConversionError(
            f"x.view({dtype if same_type else type}) of a traced value would read its bytes anew, which drops the "
            f"derivative; use x.astype(dtype) to convert, np.real(x) and np.imag(x) for the parts of complex numbers"
        )
    return x[...]


# --- what is refused --------------------------------------------------------------------------------------------------

_BYTES = "a traced value has no bytes of its own; use hodiff.stop_gradient(x) if no derivative is wanted"
_LAYOUT = "a traced value has no place in memory; x.shape, x.dtype, x.size and x.nbytes are known"

#: Methods of ndarray that a traced value refuses, with what to do instead.
REFUSED_METHODS = {
    "tobytes": _BYTES,
    "tofile": _BYTES,
    "dump": _BYTES,
    "dumps": _BYTES,
    "byteswap": _BYTES,
    "getfield": f"{_BYTES}, np.real(x) and np.imag(x) for the parts of complex numbers",
    "setfield": "a traced value has no bytes of its own; assign to elements, x[i] = value",
    "setflags": "a traced value has no flags; use x.copy() for an array to assign to",
    "resize": "a traced value keeps its shape; use np.resize(x, shape), np.pad(x, width) or x.reshape(shape)",
    "__dlpack__": _BYTES,
    "__dlpack_device__": _BYTES,
}
#: Attributes of ndarray that a traced value refuses, with what to do instead.
REFUSED_ATTRIBUTES = {
    "base": "a traced value has no place in memory; use x.copy() where x must not be a view",
    "ctypes": _BYTES,
    "data": _BYTES,
    "flags": _LAYOUT,
    "strides": _LAYOUT,
}


def _refuse(name: str, advice: str) -> Any:
    def refused(x: Any, *args: Any, **keywords: Any) -> Any:
        raise ConversionError(f"x.{name} is not supported on traced values: {advice}")

    return refused


for _name, _advice in REFUSED_METHODS.items():
    composite(method=_name)(_refuse(_name, _advice))
for _name, _advice in REFUSED_ATTRIBUTES.items():
    attribute(_refuse(_name, _advice), _name)
