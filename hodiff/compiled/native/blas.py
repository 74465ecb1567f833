"""Matrix products: loops where matrices are small or hold integers, BLAS by address where they are large.

BLAS and LAPACK are those that SciPy is built with, at the addresses that ``scipy.linalg.cython_blas`` and
``cython_lapack`` export. They know matrices in Fortran's order, in which a matrix of ours is its transpose, so the
product that they are asked for is Cᵀ = Yᵀ Xᵀ. May import ``ir``, ``matrices`` and ``products``.

>>> sorted(name for name in symbols() if name.endswith("gemv"))
['blas_cgemv', 'blas_dgemv', 'blas_sgemv', 'blas_zgemv']
"""

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.linalg import cython_blas, cython_lapack

from hodiff.compiled.native import ir
from hodiff.compiled.native.matrices import Matrix, element, moved, nest, offset, scalar_type, scratch, store
from hodiff.compiled.native.products import packed, write_copy, write_inner, write_sum_of_outer

#: First letter of the routines for a dtype.
LETTERS = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}

_BLAS = ("gemm", "gemv")
_LAPACK = ("potrf", "getrf", "getrs", "getri", "trtrs", "geqrf", "gesdd", "orgqr", "ungqr", "syevd", "heevd")


@lru_cache(maxsize=1)
def symbols() -> MappingProxyType[str, int]:
    """Addresses of the routines of BLAS and LAPACK that this package calls, by the names by which it does."""
    addresses = {}
    for prefix, module, routines in (("blas", cython_blas, _BLAS), ("lapack", cython_lapack, _LAPACK)):
        for letter in LETTERS.values():
            for routine in routines:
                capsule = module.__pyx_capi__.get(letter + routine)
                if capsule is not None:
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


# --- products ---------------------------------------------------------------------------------------------------------

#: Loops take as many multiplications as BLAS does with one thread, in no more time than it does. Measured with OpenBLAS
#: on processors with AVX2 and AVX-512: loops are faster up to 100 x 100, by a factor of 3 at 10 x 10.
_LOOPED = 1 << 18
#: Numbers that may be copied to the stack.
_PACKED = 1 << 12


def write_matmul(
    body: ir.Body, answer: Matrix, x: Matrix, y: Matrix, dtype: Any, *, lanes: int = 4, add: bool = False
) -> None:
    """The product of two matrices, written to a third one or added to it, at the innermost level of the body.

    Parameters
    ----------
    body : ir.Body
    answer, x, y : Matrix
        The answer shares no memory with the operands.
    dtype : numpy.dtype
        Of all three: float32, float64, complex64, complex128, or integers.
    lanes : int, optional
        Numbers in a vector.
    add : bool, optional
        Keep what is in the answer, and add to it.
    """
    dtype = np.dtype(dtype)
    if 0 in (answer.rows, answer.columns):
        return
    if x.columns == 0:
        if not add:
            _write_zeros(body, answer, dtype)
        return
    answer, x, y = _oriented(answer, x, y)
    small = answer.columns * answer.rows * x.columns <= _LOOPED or answer.rows == answer.columns == 1
    if dtype.kind in "iu" or (dtype.kind == "f" and small):
        _write_loops(body, answer, x, y, dtype, lanes, add)
    else:
        _call_blas(body, answer, x, y, dtype, add)


def write_matmuls(
    body: ir.Body,
    counts: Sequence[int],
    matrices: Sequence[Matrix],
    steps: Sequence[Sequence[int]],
    dtype: Any,
    *,
    lanes: int = 4,
    add: bool = False,
) -> None:
    """Products of stacks of matrices.

    Parameters
    ----------
    body : ir.Body
    counts : sequence of int
        Lengths of the leading axes, over which the operands are broadcast.
    matrices : sequence of Matrix
        The first of each stack: answer, left and right operand.
    steps : sequence of sequences of int
        Of each stack, elements from one matrix to the next along each axis; 0 where it is broadcast.
    dtype, lanes, add
        As of `write_matmul`.
    """
    dtype = np.dtype(dtype)
    if 0 in counts:
        return
    answer, x, y = matrices
    counts, steps = merged(counts, steps)
    # Matrices below each other that have the right operand in common are one matrix.
    while counts and steps[2][-1] == 0 and all(_is_stacked(a, s[-1]) for a, s in ((answer, steps[0]), (x, steps[1]))):
        answer, x = (a._replace(rows=a.rows * counts[-1]) for a in (answer, x))
        counts, steps = counts[:-1], [s[:-1] for s in steps]
    parts = 2 if dtype.kind == "c" else 1
    with nest(body, counts) as counters:
        places = []
        for a, along in zip((answer, x, y), steps, strict=True):
            place = offset(body, *((i, step * parts) for i, step in zip(counters, along, strict=True)))
            places.append(a._replace(pointer=moved(body, a.pointer, scalar_type(dtype), place)))
        write_matmul(body, places[0], places[1], places[2], dtype, lanes=lanes, add=add)


def merged(counts: Sequence[int], steps: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The same places with as few axes as possible."""
    lengths: list[int] = []
    kept: list[list[int]] = [[] for _ in steps]
    for axis, count in enumerate(counts):
        along = [s[axis] for s in steps]
        if count == 1:
            continue
        if lengths and all(k[-1] == count * step for k, step in zip(kept, along, strict=True)):
            lengths[-1] *= count
            for k, step in zip(kept, along, strict=True):
                k[-1] = step
            continue
        lengths.append(count)
        for k, step in zip(kept, along, strict=True):
            k.append(step)
    return lengths, kept


def _is_stacked(a: Matrix, step: int) -> bool:
    return not a.transposed and step == a.rows * a.stride


def _oriented(answer: Matrix, x: Matrix, y: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """The product, or that of the transposes, as an answer with rows in one piece; a vector as a row."""
    answer, x, y = (_as_rows(a) for a in (answer, x, y))
    if answer.transposed or (answer.columns == 1 and answer.stride == 1):
        return _as_rows(answer.T), _as_rows(y.T), _as_rows(x.T)
    return answer, x, y


def _as_rows(a: Matrix) -> Matrix:
    """The same matrix without ``transposed`` where it is a vector that can do without."""
    if a.transposed and a.columns == 1:
        return a._replace(stride=1, transposed=False)
    if a.transposed and a.rows == 1 and a.stride == 1:
        return a._replace(stride=a.columns, transposed=False)
    return a


def _write_loops(body: ir.Body, answer: Matrix, x: Matrix, y: Matrix, dtype: np.dtype, lanes: int, add: bool) -> None:
    """The form of the loops, by where which operand lies in one piece, and copies where it has to be another."""
    kind = scalar_type(dtype)
    rows, columns, length = answer.rows, answer.columns, x.columns
    if columns == 1 and y.stride == 1 and not y.transposed:
        y = y._replace(stride=length, transposed=True)
    narrow = columns < 4 <= rows
    if narrow and x.transposed and not add and rows * columns <= _PACKED:
        turned = Matrix(scratch(body, kind, rows * columns, (answer, body.level)), columns, rows, rows)
        write_matmul(body, turned, y.T, x.T, dtype, lanes=lanes)
        write_copy(body, answer, turned.T, kind, lanes)
        return
    # A long sum is no shorter for few columns: so it is what the lanes are for.
    inner = y.transposed if rows < 4 or columns < 4 else False
    inner = inner or (narrow and not x.transposed and length >= 4 * lanes)
    if y.transposed and length * columns > _PACKED:
        inner = True
    if not inner:
        write_sum_of_outer(body, answer, x, packed(body, y, kind, lanes) if y.transposed else y, kind, lanes, add)
        return
    if not y.transposed:
        y = packed(body, y.T, kind, lanes).T
    if x.transposed:
        x = packed(body, x, kind, lanes)
    write_inner(body, answer, x, y, kind, lanes, add)


def _call_blas(body: ir.Body, answer: Matrix, x: Matrix, y: Matrix, dtype: np.dtype, add: bool) -> None:
    name = f"blas_{LETTERS[dtype.name]}"
    one, old = number(body, dtype, 1), number(body, dtype, 1 if add else 0)
    if answer.columns == 1:
        answer, x, y = answer.T, y.T, x.T
    ways = ["T" if a.transposed else "N" for a in (y, x)]
    leading = [max(a.stride, a.rows if a.transposed else a.columns) for a in (y, x)]
    if answer.rows == 1:
        seen = y.T if y.transposed else y
        operands = (one, y.pointer, leading[0], x.pointer, x.steps[1])
        call_routine(
            body, f"{name}gemv", ways[0], seen.columns, seen.rows, *operands, old, answer.pointer, answer.steps[1]
        )
        return
    sizes = (answer.columns, answer.rows, x.columns)
    operands = (one, y.pointer, leading[0], x.pointer, leading[1])
    call_routine(body, f"{name}gemm", *ways, *sizes, *operands, old, answer.pointer, answer.stride)


def _write_zeros(body: ir.Body, answer: Matrix, dtype: np.dtype) -> None:
    kind, parts = scalar_type(dtype), 2 if dtype.kind == "c" else 1
    with nest(body, [answer.rows, answer.columns]) as (i, j):
        pointer = element(body, answer, kind, i, j, parts)
        for part in range(parts):
            store(body, moved(body, pointer, kind, part), body.constant(kind, 0))
