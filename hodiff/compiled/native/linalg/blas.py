"""Matrix products: loops where matrices are small or hold integers, BLAS by address where they are large.

BLAS knows matrices in Fortran's order, in which a matrix of ours is its transpose, so the product that it is asked for
is Cᵀ = Yᵀ Xᵀ. May import ``ir``, ``lapack``, ``matrices`` and ``products``.

>>> body = ir.Body()
>>> matrices = [Matrix(ir.Value(name, ir.POINTER), 99, 99, 99) for name in ("%c", "%a", "%b")]
>>> write_matmul(body, *matrices, "float64")
>>> [line.split("(")[0] for line in body.lines()]
['call void @blas_dgemm']
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.compiled.native import ir
from hodiff.compiled.native.linalg.lapack import LETTERS, call_routine, number
from hodiff.compiled.native.linalg.matrices import (
    Matrix,
    blocks,
    element,
    load,
    merged,
    moved,
    nest,
    offset,
    scalar_type,
    store,
)
from hodiff.compiled.native.linalg.products import PACKED, packed, write_copy, write_inner, write_sum_of_outer

#: Loops take as many multiplications as BLAS does with one thread, in no more time than it does. Measured with OpenBLAS
#: on processors with AVX2 and AVX-512: loops are faster up to 100 x 100, by a factor of 3 at 10 x 10.
_LOOPED = 1 << 18
#: Rows of the smallest triangles whose zeros are worth to be left out.
_HALVED = 16
#: Where half of an operand is 0, they take more than half of the time of BLAS for longer.
_LOOPED_HALF = 1 << 24


def write_matmul(
    body: ir.Body, answer: Matrix, x: Matrix, y: Matrix, dtype: Any, *, lanes: int = 4, add: bool = False
) -> None:
    """The product of two matrices, written to a third one or added to it, at the innermost level of the body.

    Parameters
    ----------
    body : ir.Body
    answer, x, y : Matrix
        The answer shares no memory with the operands. Where one of these is triangular, its zeros are left out, also
        those that are multiplied by what is not finite: see `write_is_finite`.
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
    half = bool(x.triangle or (y.triangle and not y.transposed))
    small = answer.rows * x.columns * answer.columns <= (_LOOPED_HALF if half else _LOOPED)
    small = small or answer.rows == answer.columns == 1
    if (dtype.kind in "iu" or (dtype.kind == "f" and small)) and _write_loops(body, answer, x, y, dtype, lanes, add):
        return
    if dtype.kind in "iu":
        write_sum_of_outer(body, answer, x, y, scalar_type(dtype), 1, add)
    else:
        _call_blas(body, answer, x, y, dtype, add)


def halves(rows: int, length: int, columns: int) -> bool:
    """Whether it saves time to know that an operand is a triangle, and that the other one is finite.

    The lengths are those of the answer, and of the sums.
    """
    return length >= _HALVED and rows * length * columns <= _LOOPED_HALF


def write_is_finite(body: ir.Body, a: Matrix, dtype: Any, *, lanes: int = 4) -> ir.Value:
    """A bit: no element of a matrix of float32 or float64 is NaN or infinite; no flag is raised."""
    kind = scalar_type(np.dtype(dtype))
    whole, exponent = (ir.I64, 0x7FF << 52) if kind == ir.DOUBLE else (ir.I32, 0xFF << 23)
    rows = a.T if a.transposed else a
    lanes, starts = blocks(rows.columns, lanes)
    place = body.scratch(whole, lanes, key=("is finite", whole, lanes))
    ones, none = body.constant(whole.of(lanes), exponent), body.constant(whole.of(lanes), 0)
    store(body, place, none)
    for first, number_of in ((0, rows.columns // lanes), (starts[-1], 1)):
        with nest(body, [rows.rows, number_of]) as (i, j):
            bits = load(body, element(body, rows, whole, i, offset(body, (first, 1), (j, lanes))), whole.of(lanes))
            special = body.compare("eq", body.operation("and", bits, ones), ones)
            found = body.operation("or", load(body, place, whole.of(lanes)), body.select(special, ones, none))
            store(body, place, found)
    found = load(body, place, whole.of(lanes))
    any_bit = body.call(f"llvm.vector.reduce.or.v{lanes}{whole}", whole, found) if lanes > 1 else found
    return body.compare("eq", any_bit, body.constant(whole, 0))


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


def _write_loops(body: ir.Body, answer: Matrix, x: Matrix, y: Matrix, dtype: np.dtype, lanes: int, add: bool) -> bool:
    """Write loops, in the form that fits where operands lie, with copies of small ones; False where there is none."""
    kind = scalar_type(dtype)
    rows, columns, length = answer.rows, answer.columns, x.columns
    if columns == 1 and y.stride == 1 and not y.transposed:
        y = y._replace(stride=length, transposed=True)
    narrow = columns < 4 <= rows
    if narrow and x.transposed and not add and rows * columns <= PACKED:
        turned = Matrix(body.scratch(kind, PACKED, ("turned", kind)), columns, rows, rows)
        write_matmul(body, turned, y.T, x.T, dtype, lanes=lanes)
        write_copy(body, answer, turned.T, kind, lanes)
        return True
    by_columns, small_x, small_y = y.transposed, *(a.rows * a.columns <= PACKED for a in (x, y))
    inner = by_columns and (rows < 4 or columns < 4 or not small_y)
    # A long sum is no shorter for few columns: so it is what the lanes are for.
    inner = inner or (narrow and not x.transposed and length >= 4 * lanes)
    if inner and (by_columns or small_y) and (small_x or not x.transposed):
        y = y if by_columns else packed(body, y.T, kind, lanes, "right").T
        write_inner(body, answer, packed(body, x, kind, lanes, "left") if x.transposed else x, y, kind, lanes, add)
        return True
    if by_columns and not small_y:
        return False
    y = packed(body, y, kind, lanes, "right") if by_columns else y
    write_sum_of_outer(body, answer, x, y, kind, lanes, add)
    return True


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
