r"""BLAS and LAPACK by address: those that SciPy is built with, and exports for Cython.

They know matrices in Fortran's order, and are given everything by address. May import ``ir`` and ``matrices``.

>>> sorted(name for name in symbols() if name.endswith("gemv"))
['blas_cgemv', 'blas_dgemv', 'blas_sgemv', 'blas_zgemv']
>>> needed("lapack_dgeqrf", 30, 20, "float64", 30, "float64", "float64", -1, "int32")[2] >= 20
True
"""

import ctypes
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.linalg import cython_blas, cython_lapack

from hodiff.compiled.native import ir
from hodiff.compiled.native.linalg.matrices import scalar_type

#: First letter of the routines for a dtype.
LETTERS = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}

_BLAS = ("gemm", "gemv", "trsv", "trsm")
_LAPACK = ("potrf", "getrf", "getrs", "getri", "trtri", "geqrf", "gesdd", "orgqr", "ungqr", "syevd", "heevd")


@lru_cache(maxsize=1)
def symbols() -> MappingProxyType[str, int]:
    """Addresses of the routines of BLAS and LAPACK that this package calls, by the names by which it does."""
    addresses = {}
    for prefix, module, routines in (("blas", cython_blas, _BLAS), ("lapack", cython_lapack, _LAPACK)):
        for letter in LETTERS.values():
            for routine in routines:
                capsule = module.__pyx_capi__.get(letter + routine)
                if capsule is not None:  # some routines are for real numbers, and some for complex ones
                    addresses[f"{prefix}_{letter}{routine}"] = _address(capsule)
    return MappingProxyType(addresses)


def _address(capsule: Any) -> int:
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))


def call_routine(body: ir.Body, name: str, *arguments: ir.Value | int | str) -> None:
    """Call a routine: whole numbers and letters are passed by address, as Fortran does."""
    pointers = [a if isinstance(a, ir.Value) else _constant(body, a) for a in arguments]
    types = ", ".join(["ptr"] * len(pointers))
    body.declarations.setdefault(name, f"declare void @{name}({types}) nounwind")
    body.effect(f"call void @{name}({', '.join(map(str, pointers))})")


def _constant(body: ir.Body, value: int | str) -> ir.Value:
    name = f"blas_{value}" if isinstance(value, str) else f"blas_{value}".replace("-", "minus")
    text = f"i8 {ord(value)}" if isinstance(value, str) else f"i32 {value}"
    body.declarations.setdefault(name, f"@{name} = private unnamed_addr constant {text}")
    return ir.Value(f"@{name}", ir.POINTER)


def number(body: ir.Body, dtype: np.dtype, value: float) -> ir.Value:
    """A real number of a dtype, by address."""
    kind, name = scalar_type(dtype), f"blas_{dtype}_{value:.0f}"
    text = f"{kind} {ir.written(kind.scalar, value)}"
    if dtype.kind == "c":
        text = f"{{ {kind}, {kind} }} {{ {text}, {kind} {ir.written(kind.scalar, 0)} }}"
    body.declarations.setdefault(name, f"@{name} = private unnamed_addr constant {text}")
    return ir.Value(f"@{name}", ir.POINTER)


def routine(dtype: np.dtype, name: str) -> str:
    """The routine of LAPACK for numbers of a dtype."""
    return f"lapack_{LETTERS[dtype.name]}{name}"


@lru_cache(maxsize=1024)
def needed(name: str, *arguments: int | str) -> tuple[float, ...]:
    """What a routine answers when it is asked for sizes: the first numbers of its arrays, in their order.

    Parameters
    ----------
    name : str
    *arguments
        Whole numbers, letters, and for arrays their dtypes.
    """
    values = [
        np.array(a, np.int32) if isinstance(a, int) else np.array(a, "S1") if len(a) == 1 else np.zeros(4, a)
        for a in arguments
    ]
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(values))(symbols()[name])
    function(*(value.ctypes.data for value in values))
    return tuple(float(value[0].real) for value in values if value.ndim)
