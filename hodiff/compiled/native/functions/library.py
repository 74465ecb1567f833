"""Functions of scalars that native code calls: the C library's, and the kernels of ``scipy.special``; by address.

Imports SciPy.

>>> kernels = addresses()
>>> "c.sin" in kernels, "special.gammaln.1" in kernels
(True, True)
"""

import ctypes
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from scipy.special import cython_special

#: Functions of the C library that are called for doubles.
_C_LIBRARY = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sinh", "cosh", "asinh", "acosh", "atanh", "atan2"),
    *("sin", "cos", "tan", "pow", "fmod", "hypot", "nextafter", "erf", "erfc", "cbrt"),
)

#: What Cython says of a function from doubles to a double; the last argument stands for no more than Python's.
_KERNEL = re.compile(r"double \((double, )+int __pyx_skip_dispatch\)")
#: What Cython writes before the name of a version for one of several types.
_FUSED = re.compile(r"^__pyx_fuse_(\d+_?)*")


@lru_cache(maxsize=1)
def addresses() -> Mapping[str, int]:
    """Addresses by name: ``c.sin`` of the C library, ``special.gammaln.1`` of SciPy for a function of one double."""
    return MappingProxyType({**_of_c_library(), **_of_scipy()})


def _of_c_library() -> dict[str, int]:
    library = _c_library()
    return {f"c.{name}": _address(getattr(library, name)) for name in _C_LIBRARY if hasattr(library, name)}


def _c_library() -> Any:
    if sys.platform == "win32":
        return ctypes.CDLL("ucrtbase")
    try:
        return ctypes.CDLL("libm.so.6")
    except OSError:  # where mathematics is in the library of the process
        return ctypes.CDLL(None)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _of_scipy() -> dict[str, int]:
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found = {}
    for name, capsule in cython_special.__pyx_capi__.items():
        signature = name_of(capsule)
        if _KERNEL.fullmatch(signature.decode()):
            found[f"special.{_FUSED.sub('', name)}.{signature.count(b'double') - 1}"] = pointer_of(capsule, signature)
    return found
