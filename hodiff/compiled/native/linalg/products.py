r"""Matrix products as loops over vectors: for products so small that a call of BLAS costs more, and for integers.

Two forms. Where rows of the right operand lie in one piece, a tile of the answer is a sum of outer products: lanes are
columns. Where rows of the left operand and columns of the right one do, its elements are inner products, and lanes are
what is summed over. Sums begin with 0, as NumPy's do, and have a fixed order. May import ``ir`` and ``matrices``.

>>> body = ir.Body()
>>> x = Matrix(ir.Value("%x", ir.POINTER), 1, 1, 1)
>>> write_sum_of_outer(body, x._replace(pointer=ir.Value("%c", ir.POINTER)), x, x, ir.DOUBLE, lanes=4)
>>> print("\n".join(body.lines()))
%v0 = load double, ptr %x, align 8
%v1 = load double, ptr %x, align 8
%v2 = call double @llvm.fmuladd.f64(double %v1, double %v0, double 0x0000000000000000)
store double %v2, ptr %c, align 8
"""

from collections.abc import Sequence

from hodiff.compiled.native import ir
from hodiff.compiled.native.linalg.matrices import (
    Index,
    Matrix,
    blocks,
    element,
    load,
    moved,
    nest,
    offset,
    store,
    turns,
)

#: Sums that are this long are written without a loop.
_UNROLLED = 8
#: Numbers that may be copied to the stack.
PACKED = 1 << 12
#: Numbers that are soon found, wherever they are.
_IN_CACHE = 1 << 15
#: Accumulators that keep the units for addition busy.
_BUSY = 8

#: Equal tiles along an axis: where the first begins, how many there are, and where in a tile its parts begin.
_Tiles = list[tuple[int, int, list[int]]]


def multiply_add(body: ir.Body, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
    """``x * y + z``, rounded once where the machine can; integers wrap."""
    if not x.type.is_float:
        return body.operation("add", body.operation("mul", x, y), z)
    size = "f64" if x.type.scalar == "double" else "f32"
    lanes = "" if x.type.lanes == 1 else f"v{x.type.lanes}"
    return body.call(f"llvm.fmuladd.{lanes}{size}", x.type, x, y, z)


# --- sums of outer products -------------------------------------------------------------------------------------------


def write_sum_of_outer(
    body: ir.Body, answer: Matrix, x: Matrix, y: Matrix, kind: ir.Type, lanes: int, add: bool = False
) -> None:
    """The product where rows of ``y``, unless there is one lane only, and of the answer lie in one piece."""
    rows, columns = answer.rows, answer.columns
    height, width = {1: (1, 8), 2: (2, 4), 3: (3, 3)}.get(rows, (4, 3))
    lanes, column_tiles = _vectors(columns, lanes, width)
    for first_row, row_turns, height_of in _parts(rows, [height, rows % height]):
        for first_column, column_turns, starts in column_tiles:
            with turns(body, row_turns) as i, turns(body, column_turns) as j:
                row = offset(body, (first_row, 1), (i, height))
                column = offset(body, (first_column, 1), (j, width * lanes))
                sums = _outer_tile(body, x, y, kind.of(lanes), (row, column), height_of, starts)
                _store_tile(body, answer, kind, (row, column), sums, starts, add)


def _vectors(count: int, lanes: int, width: int) -> tuple[int, _Tiles]:
    """Columns as tiles of vectors; a vector that overlaps another one is in its tile, which is stored as a whole."""
    half = lanes // 2
    if lanes > 4 and count < 4 * lanes and -(-count // half) * half < -(-count // lanes) * lanes:
        lanes = half
    whole = count // lanes // width
    lanes, starts = blocks(count, lanes)
    if whole and len(starts) - whole * width == 1:
        whole -= 1
    tiles: _Tiles = [(0, whole, starts[:width])] if whole else []
    rest = starts[whole * width :]
    if rest:
        tiles.append((rest[0], 1, [start - rest[0] for start in rest]))
    return lanes, tiles


def _parts(count: int, sizes: Sequence[int]) -> list[tuple[int, int, int]]:
    """An axis in parts of given sizes, as many of the first as there are, and so on: begin, number, size."""
    parts, first = [], 0
    for size in sizes:
        number = (count - first) // size if size else 0
        if number:
            parts.append((first, number, size))
            first += number * size
    return parts


def _outer_tile(
    body: ir.Body, x: Matrix, y: Matrix, kind: ir.Type, place: tuple[Index, Index], height: int, starts: list[int]
) -> list[list[ir.Value]]:
    """Sums of the products of ``height`` rows by vectors of columns."""
    row, column = place
    scalar = kind.of(1)
    left = [element(body, x, scalar, offset(body, (row, 1), (r, 1)), 0) for r in range(height)]
    right = element(body, y, scalar, 0, column)

    def step(p: Index, sums: Sequence[ir.Value]) -> list[ir.Value]:
        line = moved(body, right, scalar, offset(body, (p, y.steps[0])))
        # Single numbers need not be next to each other.
        vectors = [load(body, moved(body, line, scalar, start * y.steps[1]), kind) for start in starts]
        answer = []
        for r, pointer in enumerate(left):
            factor = load(body, moved(body, pointer, scalar, offset(body, (p, x.steps[1]))), scalar)
            factor = body.splat(factor, kind.lanes)
            for vector, total in zip(vectors, sums[r * len(starts) :], strict=False):
                answer.append(multiply_add(body, factor, vector, total))
        return answer

    sums = [body.constant(kind, 0)] * (height * len(starts))
    first, count = _span(body, x, y, place, height, starts[-1] + kind.lanes)
    if isinstance(first, int) and isinstance(count, int) and count <= _UNROLLED:
        for turn in range(count):
            sums = step(first + turn, sums)
    else:
        with body.loop(count) as p:
            carries = [body.carry(total) for total in sums]
            following = step(offset(body, (first, 1), (p, 1)), [carry.value for carry in carries])
            sums = [body.update(carry, value) for carry, value in zip(carries, following, strict=True)]
    return [sums[r * len(starts) : (r + 1) * len(starts)] for r in range(height)]


def _span(
    body: ir.Body, x: Matrix, y: Matrix, place: tuple[Index, Index], height: int, width: int
) -> tuple[Index, Index]:
    """What a tile sums over: the first, and how many; no more than what one triangular operand has."""
    row, column = place
    if x.columns > _UNROLLED and x.rows == x.columns and x.triangle:
        if x.triangle == "lower":
            return 0, offset(body, (row, 1), (height, 1))
        return row, offset(body, (x.columns, 1), (row, -1))
    if x.columns > _UNROLLED and y.rows == y.columns and y.triangle:
        if y.triangle == "upper":
            return 0, offset(body, (column, 1), (width, 1))
        return column, offset(body, (x.columns, 1), (column, -1))
    return 0, x.columns


def _store_tile(
    body: ir.Body,
    answer: Matrix,
    kind: ir.Type,
    place: tuple[Index, Index],
    sums: list[list[ir.Value]],
    starts: list[int],
    add: bool,
) -> None:
    """Write, or add, vectors of columns, all at once."""
    row, column = place
    pairs = []
    for r, line in enumerate(sums):
        pointer = element(body, answer, kind, offset(body, (row, 1), (r, 1)), column)
        for start, value in zip(starts, line, strict=True):
            pairs.append((moved(body, pointer, kind, start), value))
    if add:
        pairs = [(pointer, _plus(body, load(body, pointer, value.type), value)) for pointer, value in pairs]
    for pointer, value in pairs:
        store(body, pointer, value)


def _plus(body: ir.Body, x: ir.Value, y: ir.Value) -> ir.Value:
    return body.operation("fadd" if x.type.is_float else "add", x, y)


# --- inner products ---------------------------------------------------------------------------------------------------


def write_inner(
    body: ir.Body, answer: Matrix, x: Matrix, y: Matrix, kind: ir.Type, lanes: int, add: bool = False
) -> None:
    """The product where rows of ``x`` and columns of ``y`` lie in one piece."""
    if answer.columns == 1:
        answer, x, y = answer.T, y.T, x.T
    rows, columns = answer.rows, answer.columns
    height, width = (1, 8) if rows == 1 else (2, 4)
    chains = max(1, min(_BUSY // (min(rows, height) * min(columns, width)), x.columns // lanes // 2))
    chains = 1 << (chains.bit_length() - 1)
    for first_row, row_turns, height_of in _parts(rows, [height, 1]):
        for first_column, column_turns, width_of in _parts(columns, [width, 4, 2, 1]):
            with turns(body, row_turns) as i, turns(body, column_turns) as j:
                row = offset(body, (first_row, 1), (i, height_of))
                column = offset(body, (first_column, 1), (j, width_of))
                left = [element(body, x, kind, offset(body, (row, 1), (r, 1)), 0) for r in range(height_of)]
                right = [element(body, y, kind, 0, offset(body, (column, 1), (c, 1))) for c in range(width_of)]
                sums = _inner_tile(body, left, right, kind, x.columns, lanes, chains)
                for r in range(height_of):
                    line = sum_lanes(body, sums[r * width_of : (r + 1) * width_of])
                    _store_line(body, answer, kind, offset(body, (row, 1), (r, 1)), column, line, add)


def _store_line(
    body: ir.Body, answer: Matrix, kind: ir.Type, row: Index, column: Index, line: ir.Value, add: bool
) -> None:
    """Write, or add, numbers along a row."""
    size = line.type.lanes
    whole = answer.steps[1] == 1
    for c in [0] if whole else range(size):
        pointer = element(body, answer, kind, row, offset(body, (column, 1), (c, 1)))
        value = line if whole else body.part(line, c, 1)
        store(body, pointer, _plus(body, load(body, pointer, value.type), value) if add else value)


def _inner_tile(
    body: ir.Body,
    left: list[ir.Value],
    right: list[ir.Value],
    kind: ir.Type,
    count: int,
    lanes: int,
    chains: int,
) -> list[ir.Value]:
    """Sums, lane by lane, of the products of each vector on the left by each on the right."""
    lanes, starts = blocks(count, lanes)
    vector = kind.of(lanes)
    whole = count // lanes // chains

    def step(first: Index, sums: Sequence[ir.Value], kept: int = 0) -> list[ir.Value]:
        sides = []
        for side in (left, right):
            loaded = [load(body, moved(body, pointer, kind, first), vector) for pointer in side]
            sides.append([_last_lanes(body, value, kept) for value in loaded] if kept else loaded)
        pairs = [(x, y) for x in sides[0] for y in sides[1]]
        return [multiply_add(body, x, y, total) for (x, y), total in zip(pairs, sums, strict=True)]

    def turn(p: Index, sums: Sequence[ir.Value]) -> list[ir.Value]:
        answer: list[ir.Value] = []
        for chain in range(chains):
            part = sums[chain * size : (chain + 1) * size]
            answer += step(offset(body, (p, chains * lanes), (chain, lanes)), part)
        return answer

    size = len(left) * len(right)
    sums = [body.constant(vector, 0)] * (size * chains)
    if whole <= 2:
        for number in range(whole):
            sums = turn(number, sums)
    else:
        with body.loop(whole) as p:
            carries = [body.carry(total) for total in sums]
            following = turn(p, [carry.value for carry in carries])
            sums = [body.update(carry, value) for carry, value in zip(carries, following, strict=True)]
    while len(sums) > size:
        half = len(sums) // 2
        sums = [_plus(body, x, y) for x, y in zip(sums[:half], sums[half:], strict=True)]
    for first in starts[whole * chains :]:
        sums = step(first, sums, 0 if first % lanes == 0 else count % lanes)
    return sums


def _last_lanes(body: ir.Body, value: ir.Value, kept: int) -> ir.Value:
    """The last lanes; 0 in the others, which have been counted."""
    lanes = value.type.lanes
    bits = ", ".join(f"i1 {'true' if i >= lanes - kept else 'false'}" for i in range(lanes))
    return body.select(ir.Value(f"<{bits}>", ir.BIT.of(lanes)), value, body.constant(value.type, 0))


def sum_lanes(body: ir.Body, vectors: Sequence[ir.Value]) -> ir.Value:
    """The sum of the lanes of each of 1, 2, 4 … vectors, by halves, whatever their number."""
    parts, size = list(vectors), vectors[0].type.lanes
    while size > len(parts):
        size //= 2
        parts = [_plus(body, body.part(v, 0, size), body.part(v, size, size)) for v in parts]
    while len(parts) > 1 and size > 1:
        lanes = parts[0].type.lanes
        low = [block + i for block in range(0, 2 * lanes, size) for i in range(size // 2)]
        high = [i + size // 2 for i in low]
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [_plus(body, body.shuffle(x, y, low), body.shuffle(x, y, high)) for x, y in pairs]
        size //= 2
    return body.join(parts)


# --- copies -----------------------------------------------------------------------------------------------------------


def write_copy(body: ir.Body, answer: Matrix, x: Matrix, kind: ir.Type, lanes: int) -> None:
    """A copy; of a transpose by squares of vectors that are transposed in registers."""
    if answer.transposed:
        answer, x = answer.T, x.T
    if not x.transposed:
        lanes, starts = blocks(x.columns, lanes)
        with turns(body, x.rows) as i:
            for first, number, size in _parts(x.columns, [lanes]):
                with turns(body, number) as j:
                    column = offset(body, (first, 1), (j, size))
                    value = load(body, element(body, x, kind, i, column), kind.of(size))
                    store(body, element(body, answer, kind, i, column), value)
            if starts[-1] % lanes:
                value = load(body, element(body, x, kind, i, starts[-1]), kind.of(lanes))
                store(body, element(body, answer, kind, i, starts[-1]), value)
        return
    # Larger squares write whole lines of the cache, and are more code.
    lanes = lanes if x.rows * x.columns > _IN_CACHE else min(lanes, 4)
    lanes = min(blocks(size, lanes)[0] for size in (x.rows, x.columns))
    sides = [blocks(size, lanes)[1] for size in (x.rows, x.columns)]
    wholes = [(0, size // lanes) for size in (x.rows, x.columns)]
    ends = [[(starts[-1], 1)] if starts[-1] % lanes else [] for starts in sides]
    for first_row, row_turns in [wholes[0], *ends[0]]:
        for first_column, column_turns in [wholes[1], *ends[1]]:
            with nest(body, [row_turns, column_turns]) as (i, j):
                row, column = offset(body, (first_row, 1), (i, lanes)), offset(body, (first_column, 1), (j, lanes))
                _transpose_square(body, answer, x, kind.of(lanes), row, column)


def _transpose_square(body: ir.Body, answer: Matrix, x: Matrix, kind: ir.Type, row: Index, column: Index) -> None:
    lanes, scalar = kind.lanes, kind.of(1)
    vectors = [load(body, element(body, x, scalar, row, offset(body, (column, 1), (c, 1))), kind) for c in range(lanes)]
    for r, vector in enumerate(transposed(body, vectors)):
        store(body, element(body, answer, scalar, offset(body, (row, 1), (r, 1)), column), vector)


def transposed(body: ir.Body, vectors: Sequence[ir.Value]) -> list[ir.Value]:
    """As many vectors as they have lanes, with lanes for vectors."""
    answer, lanes = list(vectors), len(vectors)
    for _ in range(lanes.bit_length() - 1):
        half = lanes // 2
        low = [k for i in range(half) for k in (i, lanes + i)]
        pairs = list(zip(answer[:half], answer[half:], strict=True))
        answer = [body.shuffle(x, y, order) for x, y in pairs for order in (low, [k + half for k in low])]
    return answer


def packed(body: ir.Body, x: Matrix, kind: ir.Type, lanes: int, place: str) -> Matrix:
    """A copy of a small matrix on the stack, with rows in one piece, until the next one in the same place."""
    pointer = body.scratch(kind, PACKED, key=("packed", place, kind))
    answer = x._replace(pointer=pointer, stride=x.columns, transposed=False)
    write_copy(body, answer, x, kind, lanes)
    return answer
