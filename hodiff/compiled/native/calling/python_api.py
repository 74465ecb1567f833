"""What machine code may know of Python's and NumPy's objects: where their fields are, and functions of their C APIs.

The fields lie where they do in CPython with the interpreter lock, on 64 bits; `reason` reads a few objects to be sure
of that before anything else does. Imports NumPy only.

>>> reason()
>>> sorted(symbols())[:2]
['PyArray_EquivTypes', 'PyArray_NewCopy']
"""

import ctypes
import sys
import sysconfig
from functools import lru_cache
from typing import Any

import numpy as np

#: Offsets of fields in bytes.
FIELDS = {
    "Object": {"type": 8, "value": 16},
    "Tuple": {"items": tuple.__basicsize__},  # 24, or 32 since Python 3.14 keeps the hash
    "Array": {"data": 16, "ndim": 24, "shape": 32, "descr": 56, "flags": 64},
}
#: Of ``flags``: contiguous in C's order, and aligned.
PLAIN = 0x0001 | 0x0100
#: Of the C API's of Python, what is called.
_PYTHON = (
    "PyBool_FromLong",
    "PyComplex_FromDoubles",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyErr_NoMemory",
    "PyFloat_FromDouble",
    "PyLong_AsLongLongAndOverflow",
    "PyLong_FromLongLong",
    "PyMem_RawFree",
    "PyMem_RawMalloc",
    "PyObject_CallOneArg",
    "PyObject_Vectorcall",
    "PyTuple_New",
    "Py_DecRef",
    "Py_IncRef",
)
#: Of NumPy's, by its place in the table of that, which stays the same for all NumPy 2 (``numpy/__multiarray_api.h``).
_NUMPY = {"PyArray_Scalar": 60, "PyArray_NewCopy": 85, "PyArray_NewFromDescr": 94, "PyArray_EquivTypes": 182}
_VERSION, _ARRAY_TYPE, _DTYPE_TYPE = 0, 2, 3


@lru_cache(maxsize=1)
def reason() -> str | None:
    """Why this interpreter's objects cannot be read from machine code, in one line; None where they can."""
    if sys.implementation.name != "cpython":
        return f"machine code reads CPython's objects, and this is {sys.implementation.name}"
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return "machine code is for 64 bits, and this Python has 32"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "machine code reads CPython's objects as they are in builds with the interpreter lock"
    if object.__basicsize__ != 16 or not _as_expected():
        return f"objects of Python {sys.version.split()[0]} and NumPy {np.__version__} lie otherwise than is known"
    return None


@lru_cache(maxsize=1)
def symbols() -> dict[str, int]:
    """Addresses of the functions that machine code calls, by name."""
    found = {name: _address(getattr(ctypes.pythonapi, name)) for name in _PYTHON}
    table = _table()
    return found | {name: int(table[i]) for name, i in _NUMPY.items()}


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _table() -> Any:
    """The pointers of NumPy's C API."""
    capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(_address(pointer))
    return ctypes.cast(get(capsule, None), ctypes.POINTER(ctypes.c_void_p))


def _as_expected() -> bool:
    """Whether objects lie as `FIELDS` says, and the table of NumPy is the one of NumPy 2."""
    try:
        table = _table()
    except AttributeError:
        return False
    if (table[_ARRAY_TYPE], table[_DTYPE_TYPE]) != (id(np.ndarray), id(np.dtype)):
        return False
    version = ctypes.CFUNCTYPE(ctypes.c_uint)(table[_VERSION])()
    return version >> 24 == 2 and _tuple_as_expected() and _array_as_expected() and _scalars_as_expected()


def _read(value: Any, offset: int, kind: Any = ctypes.c_void_p) -> Any:
    return kind.from_address(id(value) + offset).value


def _tuple_as_expected() -> bool:
    pair = (object(), object())
    items = FIELDS["Tuple"]["items"]
    types = all(_read(value, FIELDS["Object"]["type"]) == id(type(value)) for value in (pair, 1.0, np.float64(1.0)))
    return types and [_read(pair, items), _read(pair, items + 8)] == [id(value) for value in pair]


def _array_as_expected() -> bool:
    fields = FIELDS["Array"]
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.arange(12)[::2],
        np.zeros((), complex),
        np.zeros(9, np.uint8)[1:9].view(int),
    ]
    for array in arrays:
        shape = (ctypes.c_int64 * array.ndim).from_address(_read(array, fields["shape"]) or id(array))
        plain = _read(array, fields["flags"], ctypes.c_int) & PLAIN == PLAIN
        if (
            _read(array, fields["data"]) != array.__array_interface__["data"][0]
            or _read(array, fields["ndim"], ctypes.c_int) != array.ndim
            or tuple(shape) != array.shape
            or _read(array, fields["descr"]) != id(array.dtype)
            or plain != (array.flags.c_contiguous and array.flags.aligned)
        ):
            return False
    return True


def _scalars_as_expected() -> bool:
    numbers = [np.dtype(code).type(3) for code in "?bBhHiIlLqQefdFD"]
    plain = [(np.float64(1.5), 1.5), (np.complex128(1 - 2j), 1 - 2j)]
    return all(
        ctypes.string_at(id(value) + FIELDS["Object"]["value"], like.nbytes) == like.tobytes()
        for like, value in [*((number, number) for number in numbers), *plain]
    )
