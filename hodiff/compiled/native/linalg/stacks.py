r"""Stacks of matrices: loops over them, one by one or one a lane; what failed in any of them; scratch memory.

May import ``ir``, ``machine``, ``matrices`` and ``products``.

>>> body, double = ir.Body(), np.dtype(float)
>>> site = Site(body, double, 4, lambda size: ir.Value("%scratch", ir.POINTER))
>>> stacks = [Stack(ir.Value(name, ir.POINTER), shape, double) for name, shape in [("%a", (9, 3, 3)), ("%b", (3, 1))]]
>>> with each(site, stacks, [2, 2]) as pointers:
...     print(*pointers)
ptr %v1 ptr %b
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.native import ir
from hodiff.compiled.native.linalg.matrices import (
    Matrix,
    Rows,
    any_lane,
    blocks,
    copied_type,
    load,
    merged,
    moved,
    nest,
    offset,
    scalar_type,
    store,
    turns,
)
from hodiff.compiled.native.linalg.products import transposed, write_copy
from hodiff.compiled.native.loading.machine import machine

#: How many matrices there have to be to be computed in registers, by the number of their rows: the code grows with the
#: third power, and compiling it takes some hundred thousand times what it saves for one matrix.
INLINE = {1: 1, 2: 1, 3: 1, 4: 16, 5: 200, 6: 500}
#: The most right-hand sides that are solved for in registers.
_COLUMNS = 4
#: Matrices that are computed at once: more would not leave registers for their elements.
_AT_ONCE = 8


class Stack(NamedTuple):
    """Matrices, vectors or numbers in one contiguous array.

    Attributes
    ----------
    pointer : ir.Value
    shape : tuple of int
    dtype : dtype
    transposed : bool
        The last two axes are in memory the other way round.
    """

    pointer: ir.Value
    shape: tuple[int, ...]
    dtype: np.dtype
    transposed: bool = False

    def matrix(self, pointer: ir.Value) -> Matrix:
        """The matrix of the stack that is there."""
        rows, columns = self.shape[-2:]
        return Matrix(pointer, rows, columns, rows if self.transposed else columns, self.transposed)


class Site(NamedTuple):
    """Where code is written, and for what.

    Attributes
    ----------
    body : ir.Body
    dtype : dtype
        Of the matrices: float64 or complex128; tasks in `double_precision` take float32 and complex64 too.
    lanes : int
        Numbers in a vector.
    allocate : callable
        ``allocate(size)``: a pointer to so many bytes, which nobody else uses until the task is done.
    """

    body: ir.Body
    dtype: np.dtype
    lanes: int
    allocate: Callable[[int], ir.Value]

    @property
    def kind(self) -> ir.Type:
        """LLVM's type of the numbers, or of the parts of complex ones."""
        return scalar_type(self.dtype)

    def array(self, *lengths: int, dtype: np.dtype | None = None) -> ir.Value:
        """Scratch memory for an array."""
        return self.allocate(max(1, prod(lengths)) * np.dtype(dtype or self.dtype).itemsize)

    def copy(self, answer: Matrix, a: Matrix) -> None:
        """Copy a matrix of these numbers."""
        if answer.rows and answer.columns:
            kind = copied_type(self.dtype)
            write_copy(self.body, answer, a, kind, 1 if self.dtype.itemsize > 8 else self.lanes)


def is_inline(site: Site, n: int, count: int, columns: int = 1) -> bool:
    """Whether a task on so many square matrices, with so many right-hand sides, is done in registers."""
    return site.dtype.kind == "f" and count >= INLINE.get(n, count + 1) and columns <= _COLUMNS


#: What writes the code for stacks, answers first, and returns a bit: whether it failed.
Task = Callable[..., ir.Value]


class Failures:
    """A number that is not 0 once anything has failed, in memory since loops set it; 0 from here on."""

    def __init__(self, body: ir.Body) -> None:
        self._body = body
        self._place = body.scratch(ir.I32, 1, key="failures")
        #: Where LAPACK says how it went.
        self.info = body.scratch(ir.I32, 1, key="info")
        store(body, self._place, body.constant(ir.I32, 0))

    def note_info(self) -> None:
        """Take what LAPACK said for a failure unless it is 0."""
        self._note(load(self._body, self.info, ir.I32))

    def note(self, bits: ir.Value) -> None:
        """A failure where a bit is set in any lane."""
        self._note(self._body.convert("zext", any_lane(self._body, bits), ir.I32))

    def _note(self, number: ir.Value) -> None:
        before = load(self._body, self._place, ir.I32)
        store(self._body, self._place, self._body.operation("or", before, number))

    def bit(self) -> ir.Value:
        """Whether anything failed, at the innermost level."""
        number = load(self._body, self._place, ir.I32)
        return self._body.compare("ne", number, self._body.constant(ir.I32, 0))


@contextmanager
def quiet(body: ir.Body) -> Iterator[None]:
    """Code that leaves the flags of floating-point errors as they were, where they are looked at, which is on x86."""
    if not machine().x86:
        yield
        return
    place = body.scratch(ir.I32, 1, key="flags")
    for name in ("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr"):
        body.declarations.setdefault(name, f"declare void @{name}(ptr)")
    body.effect(f"call void @llvm.x86.sse.stmxcsr({place})")
    yield
    body.effect(f"call void @llvm.x86.sse.ldmxcsr({place})")


def double_precision(answers: int) -> Callable[[Task], Task]:
    """Tasks that compute in double precision whatever the precision of the matrices, as ``numpy.linalg`` does.

    Parameters
    ----------
    answers : int
        How many of the stacks that a task takes, in front of the operands, are answers.
    """

    def decorate(task: Task) -> Task:
        @wraps(task)
        def write(site: Site, *stacks: Stack | None, **options: Any) -> ir.Value:
            wide = np.result_type(site.dtype, np.float64)
            if wide == site.dtype:
                return task(site, *stacks, **options)
            copies: list[Stack | None] = []
            for i, stack in enumerate(stacks):
                if stack is None:
                    copies.append(None)
                    continue
                dtype = np.result_type(stack.dtype, np.float64)
                copies.append(stack._replace(pointer=site.array(*stack.shape, dtype=dtype), dtype=dtype))
                if i >= answers:
                    _convert(site, copies[-1], stack)
            failed = task(site._replace(dtype=wide), *copies, **options)
            for stack, copy in zip(stacks[:answers], copies, strict=False):
                _convert(site, stack, copy)
            return failed

        return write

    return decorate


def _convert(site: Site, answer: Stack | None, a: Stack | None) -> None:
    """The same numbers in the other precision."""
    if answer is None or a is None or not prod(a.shape):
        return
    body, kinds = site.body, [scalar_type(answer.dtype), scalar_type(a.dtype)]
    count = prod(a.shape) * (2 if a.dtype.kind == "c" else 1)
    lanes, starts = blocks(count, site.lanes)
    opcode = "fpext" if kinds[0] == ir.DOUBLE else "fptrunc"
    for turns_of, first in [(count // lanes, 0), (1, starts[-1])]:
        with turns(body, turns_of) as i:
            place = offset(body, (first, 1), (i, lanes))
            value = load(body, moved(body, a.pointer, kinds[1], place), kinds[1].of(lanes))
            store(body, moved(body, answer.pointer, kinds[0], place), body.convert(opcode, value, kinds[0]))


# --- one by one -------------------------------------------------------------------------------------------------------


def _loops(stacks: Sequence[Stack], cores: Sequence[int]) -> tuple[list[int], list[list[int]]]:
    """Lengths of the axes over which stacks are broadcast, as few as possible, and the steps of each stack."""
    leading = [stack.shape[: len(stack.shape) - core] for stack, core in zip(stacks, cores, strict=True)]
    counts = np.broadcast_shapes(*leading)
    steps = []
    for stack, before in zip(stacks, leading, strict=True):
        along, step = [], prod(stack.shape[len(before) :])
        for length in reversed(before):
            along.append(0 if length == 1 else step)
            step *= length
        steps.append([0] * (len(counts) - len(before)) + along[::-1])
    return merged(counts, steps)


@contextmanager
def each(site: Site, stacks: Sequence[Stack], cores: Sequence[int]) -> Iterator[list[ir.Value]]:
    """Loops over the matrices of stacks that are broadcast, none of them empty: pointers to one of each.

    Parameters
    ----------
    site : Site
    stacks : sequence of Stack
    cores : sequence of int
        How many of the last axes of each are not looped over: 2 of matrices, 1 of vectors, 0 of numbers.
    """
    counts, steps = _loops(stacks, cores)
    with nest(site.body, counts) as counters:
        yield [
            moved(
                site.body,
                stack.pointer,
                copied_type(stack.dtype),
                offset(site.body, *zip(counters, along, strict=True)),
            )
            for stack, along in zip(stacks, steps, strict=True)
        ]


# --- one a lane -------------------------------------------------------------------------------------------------------

#: From the elements of one matrix of each operand, those of each answer.
Formula = Callable[[list[Rows]], list[Rows]]


def lanewise(
    site: Site, operands: Sequence[Stack], answers: Sequence[Stack], cores: Sequence[int], formula: Formula
) -> None:
    """Stacks of small matrices of real numbers by a formula for one, with the elements of one in each lane.

    Parameters
    ----------
    site : Site
    operands, answers : sequence of Stack
        Not empty.
    cores : sequence of int
        How many of the last axes of operands and answers belong to one matrix; vectors are rows, numbers are 1 x 1.
    formula : callable
        ``formula(operands)`` writes the code, for any number of lanes.
    """
    body, stacks = site.body, [*operands, *answers]
    counts, steps = _loops(stacks, cores)
    count = prod(counts)
    # Where the steps are not those of one axis, every matrix is looked up for itself.
    lanes, starts = blocks(count, min(site.lanes, _AT_ONCE)) if len(counts) < 2 else (1, [])
    whole = count // lanes
    parts = [([whole], 0)] if len(counts) < 2 else [(counts, 0)]
    if starts and starts[-1] % lanes:
        parts.append(([1], starts[-1]))
    for loops, first in parts:
        with nest(body, loops) as counters:
            values: list[Rows] = []
            places = []
            for stack, along, core in zip(stacks, steps, cores, strict=True):
                along = along or [0]
                terms = zip(counters, [lanes * step if lanes > 1 else step for step in along], strict=True)
                place = offset(body, (first, along[0]), *terms)
                pointer = moved(body, stack.pointer, site.kind, place)
                places.append([moved(body, pointer, site.kind, lane * along[0]) for lane in range(lanes)])
                if len(values) < len(operands):
                    values.append(_load_rows(site, stack, core, places[-1], along[0]))
            answer = formula(values)
            for stack, core, where, rows in zip(
                answers, cores[len(operands) :], places[len(operands) :], answer, strict=True
            ):
                assert (len(rows), len(rows[0])) == _core_shape(stack, core)
                _store(site, [value for row in rows for value in row], where)


def _core_shape(stack: Stack, core: int) -> tuple[int, int]:
    rows, columns = (1, 1, *stack.shape)[-2:] if core else (1, 1)
    return (rows if core == 2 else 1), columns


def _load_rows(site: Site, stack: Stack, core: int, places: list[ir.Value], step: int) -> Rows:
    """The elements of one matrix a lane."""
    rows, columns = _core_shape(stack, core)
    if step:
        numbers = _load(site, rows * columns, places)
    else:
        loaded = [load(site.body, moved(site.body, places[0], site.kind, i), site.kind) for i in range(rows * columns)]
        numbers = [site.body.splat(number, len(places)) for number in loaded]
    if stack.transposed:
        return [numbers[i::rows] for i in range(rows)]
    return [numbers[i * columns : (i + 1) * columns] for i in range(rows)]


def _load(site: Site, count: int, places: list[ir.Value]) -> list[ir.Value]:
    """So many numbers from each place, one place a lane: vectors along the numbers, transposed."""
    body, lanes = site.body, len(places)
    if count == 1 and lanes > 1:
        return [load(body, places[0], site.kind.of(lanes))]
    size, starts = blocks(count, lanes)
    numbers: dict[int, ir.Value] = {}
    for start in starts:
        groups = []
        for first in range(0, lanes, size):
            vectors = [
                load(body, moved(body, place, site.kind, start), site.kind.of(size))
                for place in places[first : first + size]
            ]
            groups.append(transposed(body, vectors))
        for i in range(size):
            numbers[start + i] = body.join([group[i] for group in groups])
    return [numbers[i] for i in range(count)]


def _store(site: Site, numbers: list[ir.Value], places: list[ir.Value]) -> None:
    """The other way round."""
    body, lanes = site.body, len(places)
    numbers = [body.splat(number, lanes) for number in numbers]
    if len(numbers) == 1 and lanes > 1:
        store(body, places[0], numbers[0])
        return
    size, starts = blocks(len(numbers), lanes)
    for start in starts:
        for first in range(0, lanes, size):
            vectors = [body.part(number, first, size) for number in numbers[start : start + size]]
            for place, vector in zip(places[first : first + size], transposed(body, vectors), strict=True):
                store(body, moved(body, place, site.kind, start), vector)
