r"""Matrices in memory, and how code finds, loads and stores their elements.

Everything that reads or writes memory stands where it is written, so it is in the order in which it is written. May
import ``ir``.

>>> body = ir.Body()
>>> a = Matrix(ir.Value("%a", ir.POINTER), rows=2, columns=3, stride=3)
>>> x = load(body, element(body, a, ir.DOUBLE, 1, 0), ir.DOUBLE.of(2))
>>> print("\n".join(body.lines()))
%v0 = getelementptr inbounds double, ptr %a, i64 3
%v1 = load <2 x double>, ptr %v0, align 8
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from hodiff.compiled.native import ir

#: LLVM's types of the numbers that matrices hold, by NumPy's names; complex ones are pairs.
SCALARS = {
    "float64": ir.DOUBLE,
    "float32": ir.FLOAT,
    "complex128": ir.DOUBLE,
    "complex64": ir.FLOAT,
    **dict.fromkeys(("int8", "uint8"), ir.I8),
    **dict.fromkeys(("int16", "uint16"), ir.I16),
    **dict.fromkeys(("int32", "uint32"), ir.I32),
    **dict.fromkeys(("int64", "uint64"), ir.I64),
}
#: What addresses are multiples of, also those of complex numbers that are moved as integers of 64 or 128 bits.
_ALIGNMENTS = {"double": 8, "float": 4, "i128": 8, "i64": 4, "i32": 4, "i16": 2, "i8": 1}
ZERO = ir.Value("0", ir.I64)

#: A whole number, known now or when the code runs.
Index = int | ir.Value
#: The elements of a matrix.
Rows = list[list[ir.Value]]


class Matrix(NamedTuple):
    """A matrix in memory.

    Attributes
    ----------
    pointer : ir.Value
        To its first element.
    rows, columns : int
        Of the matrix as it is used.
    stride : int
        Elements from one row to the next in memory, or where ``transposed`` from one column to the next; the elements
        within are next to each other.
    transposed : bool
    triangle : str
        "lower" or "upper" where all other elements are known to be 0.
    """

    pointer: ir.Value
    rows: int
    columns: int
    stride: int
    transposed: bool = False
    triangle: str = ""

    @property
    def T(self) -> "Matrix":
        """The transpose, in the same memory."""
        other = {"": "", "lower": "upper", "upper": "lower"}[self.triangle]
        return self._replace(rows=self.columns, columns=self.rows, transposed=not self.transposed, triangle=other)

    @property
    def steps(self) -> tuple[int, int]:
        """Elements from one row to the next, and from one column to the next."""
        return (1, self.stride) if self.transposed else (self.stride, 1)


def fortran(pointer: ir.Value, rows: int, columns: int) -> Matrix:
    """A matrix whose columns are next to each other, without gaps."""
    return Matrix(pointer, rows, columns, max(1, rows), True)


def scalar_type(dtype: np.dtype) -> ir.Type:
    """LLVM's type of the numbers of a dtype; of the parts of complex ones."""
    return SCALARS[np.dtype(dtype).name]


def copied_type(dtype: np.dtype) -> ir.Type:
    """A type for whole numbers of a dtype, complex ones too, that are only moved."""
    return ir.Type(f"i{8 * dtype.itemsize}") if dtype.kind == "c" else scalar_type(dtype)


def offset(body: ir.Body, *terms: tuple[Index, int]) -> Index:
    """The sum of the products of an index and a number each."""
    known, unknown = 0, None
    for index, step in terms:
        if isinstance(index, ir.Value) and index.text[0] != "%":
            index = int(index.text)
        if not isinstance(index, ir.Value):
            known += index * step
        elif step:
            term = index if step == 1 else body.operation("mul nsw", index, body.constant(ir.I64, step))
            unknown = term if unknown is None else body.operation("add nsw", unknown, term)
    if unknown is None or known == 0:
        return known if unknown is None else unknown
    return body.operation("add nsw", unknown, body.constant(ir.I64, known))


def moved(body: ir.Body, pointer: ir.Value, kind: ir.Type, index: Index) -> ir.Value:
    """A pointer so many scalars of a type further on."""
    if isinstance(index, int):
        if index == 0:
            return pointer
        index = body.constant(ir.I64, index)
    text = f"getelementptr inbounds {kind.scalar}, {pointer}, {index}"
    return body.pure(text, ir.POINTER, pointer, index)


def element(body: ir.Body, a: Matrix, kind: ir.Type, row: Index, column: Index, size: int = 1) -> ir.Value:
    """A pointer to an element, of so many scalars, of a matrix."""
    steps = a.steps
    return moved(body, a.pointer, kind, offset(body, (row, size * steps[0]), (column, size * steps[1])))


def load(body: ir.Body, pointer: ir.Value, kind: ir.Type) -> ir.Value:
    """What is there now."""
    return body.fresh(f"load {kind}, {pointer}, align {_ALIGNMENTS[kind.scalar]}", kind)


def store(body: ir.Body, pointer: ir.Value, value: ir.Value) -> None:
    """Write to memory."""
    body.effect(f"store {value}, {pointer}, align {_ALIGNMENTS[value.type.scalar]}")


@contextmanager
def turns(body: ir.Body, count: int) -> Iterator[ir.Value]:
    """The counter of a loop; there is none where there is one turn only."""
    if count == 1:
        yield ZERO
    else:
        with body.loop(count) as counter:
            yield counter


@contextmanager
def nest(body: ir.Body, counts: Sequence[int]) -> Iterator[list[ir.Value]]:
    """The counters of loops within each other."""
    if counts:
        with turns(body, counts[0]) as counter, nest(body, counts[1:]) as counters:
            yield [counter, *counters]
    else:
        yield []


def blocks(count: int, lanes: int) -> tuple[int, list[int]]:
    """Vectors that cover so many elements: lanes, and where each begins; the last one may overlap that before it."""
    lanes = min(lanes, 1 << (count.bit_length() - 1))
    return lanes, sorted({*range(0, count - lanes + 1, lanes), count - lanes})


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


def count_up(body: ir.Body, lanes: int) -> ir.Value:
    """The numbers of the lanes."""
    if lanes == 1:
        return body.constant(ir.I64, 0)
    return ir.Value(f"<{', '.join(f'i64 {i}' for i in range(lanes))}>", ir.I64.of(lanes))


def any_lane(body: ir.Body, bits: ir.Value) -> ir.Value:
    """Whether a bit is set in any lane."""
    if bits.type.lanes == 1:
        return bits
    whole = ir.Type(f"i{bits.type.lanes}")
    number = body.pure(f"bitcast {bits} to {whole}", whole, bits)
    return body.compare("ne", number, body.constant(whole, 0))
