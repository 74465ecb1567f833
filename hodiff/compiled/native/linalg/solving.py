r"""Solutions of systems of equations, and inverses, of stacks of matrices, as ``numpy.linalg`` finds them.

Small matrices are computed in registers, one a lane, the others one by one by LAPACK. It gets the very matrices that
NumPy gives it, in Fortran's order, so that pivots and what counts as singular are the same.
Every task returns a bit: whether it failed, as where a matrix is singular, or a solution is not finite. Then its
answers mean nothing, and NumPy is to be asked, which raises, or makes NaN of other elements. Flags of floating-point
errors stay as they were, as NumPy's do. All is computed in double precision, as in NumPy.
May import ``blas``, ``elimination``, ``ir``, ``lapack``, ``matrices`` and ``stacks``.

>>> body, double = ir.Body(), np.dtype(float)
>>> site = Site(body, double, 4, lambda size: ir.Value("%scratch", ir.POINTER))
>>> a, b, x = [Stack(ir.Value(name, ir.POINTER), (9, n), double) for name, n in [("%a", 9), ("%b", 1), ("%x", 1)]]
>>> failed = write_solve(site, x, a, b)
>>> [line.split("(")[0] for line in body.lines() if "lapack" in line]
['call void @lapack_dgetrf', 'call void @lapack_dgetrs']
"""

from collections.abc import Callable, Mapping
from functools import partial
from math import prod

import numpy as np

from hodiff.compiled.native import ir
from hodiff.compiled.native.linalg import elimination
from hodiff.compiled.native.linalg.blas import write_is_finite, write_matmul
from hodiff.compiled.native.linalg.lapack import LETTERS, call_routine, needed, number, routine
from hodiff.compiled.native.linalg.matrices import (
    Matrix,
    Rows,
    any_lane,
    blocks,
    count_up,
    element,
    fortran,
    load,
    moved,
    offset,
    store,
    turns,
)
from hodiff.compiled.native.linalg.stacks import (
    Failures,
    Site,
    Stack,
    double_precision,
    each,
    is_inline,
    lanewise,
    quiet,
)

#: Rows of the largest triangles that LAPACK inverts.
_BLOCK = 128
#: Rows of the smallest matrices that are looked at: to find that one is a triangle saves nearly all of the time.
_LOOKED_AT = 24


@double_precision(answers=1)
def write_solve(site: Site, answer: Stack, a: Stack, b: Stack, triangle: str | None = None) -> ir.Value:
    """Solutions of A X = B, with stacks that are broadcast.

    Parameters
    ----------
    site : Site
    answer, a, b : Stack
        Of matrices.
    triangle : str, optional
        "lower" or "upper" where all other elements of ``a`` are known to be 0. Where nothing is known, larger matrices
        are looked at.
    """
    body, n, columns = site.body, a.shape[-1], b.shape[-1]
    failures = Failures(body)
    if not prod(answer.shape):
        # NumPy looks at the matrices nevertheless.
        return failures.bit() if not prod(a.shape) else body.constant(ir.BIT, 1)
    if is_inline(site, n, prod(answer.shape[:-2]), columns):

        def formula(operands: list[Rows]) -> list[Rows]:
            left, right = operands
            if triangle is not None:
                x, failed = elimination.triangular_solve(body, left, right, triangle == "lower")
            else:
                x, failed = elimination.solve(body, elimination.lu(body, left), right)
            failures.note(failed)
            return [x]

        with quiet(body):
            lanewise(site, [a, b], [answer], [2, 2, 2], formula)
    else:
        ways = {way: partial(_solve_triangles, site, answer, a, b, way, failures) for way in ("lower", "upper")}
        with quiet(body):
            _by_triangle(site, a, triangle, ways, partial(_solve_by_factors, site, answer, a, b, failures))
    return failures.bit()


def _solve_triangles(site: Site, answer: Stack, a: Stack, b: Stack, triangle: str, failures: Failures) -> None:
    with each(site, [answer, a, b], [2, 2, 2]) as (target, left, right):
        site.copy(answer.matrix(target), b.matrix(right))
        _solve_triangle(site, answer.matrix(target), a.matrix(left), triangle, failures)
        _note_undefined(site, answer.matrix(target), failures)


def _solve_by_factors(site: Site, answer: Stack, a: Stack, b: Stack, failures: Failures) -> None:
    body, n, columns = site.body, a.shape[-1], b.shape[-1]
    factors, pivots = site.array(n, n), site.array(n, dtype=np.dtype(np.int32))
    turned = site.array(n, columns) if columns > 1 else None

    def factor(source: ir.Value) -> None:
        write_factors(site, a.matrix(source), factors, pivots, failures)
        failures.note_info()

    # One matrix for all right-hand sides is factored once.
    shared = prod(a.shape[:-2]) == 1
    if shared:
        factor(a.pointer)
    with each(site, [answer, a, b], [2, 2, 2]) as (target, left, right):
        if not shared:
            factor(left)
        x = target if turned is None else turned
        site.copy(fortran(x, n, columns), b.matrix(right))
        arguments = ("N", n, columns, factors, n, pivots, x, n, failures.info)
        call_routine(body, routine(site.dtype, "getrs"), *arguments)
        if turned is not None:
            site.copy(answer.matrix(target), fortran(x, n, columns))


def write_factors(site: Site, a: Matrix, factors: ir.Value, swaps: ir.Value, failures: Failures) -> None:
    """LU factors of a square matrix, in Fortran's order; what LAPACK says of it is in ``failures.info``."""
    n = a.rows
    site.copy(fortran(factors, n, n), a)
    call_routine(site.body, routine(site.dtype, "getrf"), n, n, factors, n, swaps, failures.info)


def _solve_triangle(site: Site, x: Matrix, a: Matrix, triangle: str, failures: Failures) -> None:
    """Solve A X = B in the place of B, which in Fortran's order is Xᵀ Aᵀ = Bᵀ."""
    body, n = site.body, a.rows
    _note_zeros(site, a, failures)
    in_memory = (triangle == "lower") != a.transposed
    shape, way = "U" if in_memory else "L", "T" if a.transposed else "N"
    name = f"blas_{LETTERS[site.dtype.name]}"
    if x.columns == 1:
        way = "N" if a.transposed else "T"
        call_routine(body, f"{name}trsv", shape, way, "N", n, a.pointer, n, x.pointer, 1)
        return
    one = number(body, site.dtype, 1)
    call_routine(body, f"{name}trsm", "R", shape, way, "N", x.columns, n, one, a.pointer, n, x.pointer, x.columns)


def _note_zeros(site: Site, a: Matrix, failures: Failures) -> None:
    """An element of the diagonal that is 0 is a failure."""
    body, kind = site.body, site.kind
    parts = 2 if site.dtype.kind == "c" else 1
    zero = body.constant(kind, 0)
    with body.loop(a.rows) as i:
        pointer = element(body, a, kind, i, i, parts)
        bits = [body.compare("oeq", load(body, moved(body, pointer, kind, p), kind), zero) for p in range(parts)]
        failures.note(bits[0] if parts == 1 else body.operation("and", *bits))


def _note_undefined(site: Site, x: Matrix, failures: Failures) -> None:
    """A failure where a solution is not finite: other routines than NumPy's make NaN of other elements."""
    parts = 2 if site.dtype.kind == "c" else 1
    in_one = Matrix(x.pointer, 1, x.rows * x.columns * parts, x.rows * x.columns * parts)
    finite = write_is_finite(site.body, in_one, np.float64, lanes=site.lanes)
    failures.note(site.body.operation("xor", finite, site.body.constant(ir.BIT, 1)))


@double_precision(answers=1)
def write_inverse(site: Site, answer: Stack, a: Stack, triangle: str | None = None) -> ir.Value:
    """Inverses; ``triangle`` as of `write_solve`."""
    body, n = site.body, a.shape[-1]
    failures = Failures(body)
    if not prod(a.shape):
        return failures.bit()
    if is_inline(site, n, prod(a.shape[:-2])):

        def formula(operands: list[Rows]) -> list[Rows]:
            if triangle is not None:
                ones = [[body.constant(operands[0][0][0].type, x) for x in row] for row in _identity(n)]
                x, failed = elimination.triangular_solve(body, operands[0], ones, triangle == "lower")
            else:
                x, failed = elimination.inverse(body, elimination.lu(body, operands[0]))
            failures.note(failed)
            return [x]

        with quiet(body):
            lanewise(site, [a], [answer], [2, 2], formula)
    else:
        # In quarters, which takes more code, where it is known that it is needed, or likely.
        split = {way: way == (triangle or "lower") and n > _BLOCK for way in ("lower", "upper")}
        ways = {way: partial(_invert_triangles, site, answer, a, way, failures, split[way]) for way in split}
        with quiet(body):
            _by_triangle(site, a, triangle, ways, partial(_invert_by_factors, site, answer, a, failures))
    return failures.bit()


def _invert_by_factors(site: Site, answer: Stack, a: Stack, failures: Failures) -> None:
    body, n = site.body, a.shape[-1]
    factors, pivots = site.array(n, n), site.array(n, dtype=np.dtype(np.int32))
    name = routine(site.dtype, "getri")
    size = int(needed(name, n, site.dtype.name, n, "int32", site.dtype.name, -1, "int32")[2])
    work = site.array(size)
    with each(site, [answer, a], [2, 2]) as (target, source):
        write_factors(site, a.matrix(source), factors, pivots, failures)
        failures.note_info()
        # NumPy solves for the identity instead: where infinities are divided by, one may be NaN and the other finite.
        _note_undefined(site, fortran(factors, n, n), failures)
        call_routine(body, name, n, factors, n, pivots, work, size, failures.info)
        site.copy(answer.matrix(target), fortran(factors, n, n))
        _note_undefined(site, answer.matrix(target), failures)


def _invert_triangles(site: Site, answer: Stack, a: Stack, triangle: str, failures: Failures, split: bool) -> None:
    n = a.shape[-1]
    room = site.array(n // 2 + 8, n // 2 + 8) if split and site.dtype.kind == "f" else None
    with each(site, [answer, a], [2, 2]) as (target, source):
        matrix = answer.matrix(target)
        site.copy(matrix, a.matrix(source))
        _invert_triangle(site, matrix._replace(triangle=triangle), room, failures)
        _note_undefined(site, matrix, failures)


def _invert_triangle(site: Site, a: Matrix, room: ir.Value | None, failures: Failures) -> None:
    """Invert a triangular matrix in its place; a large one by its quarters, as products are faster than LAPACK."""
    body, n, kind = site.body, a.rows, site.kind
    if n <= _BLOCK or room is None:
        # What is lower for us is upper in Fortran's order.
        shape = "U" if a.triangle == "lower" else "L"
        call_routine(body, routine(site.dtype, "trtri"), shape, "N", n, a.pointer, a.stride, failures.info)
        failures.note_info()
        return
    middle = (n // 2 + 7) // 8 * 8
    sizes, places = [middle, n - middle], [0, middle]
    quarters = [
        a._replace(pointer=element(body, a, kind, place, place), rows=size, columns=size)
        for place, size in zip(places, sizes, strict=True)
    ]
    for quarter in quarters:
        _invert_triangle(site, quarter, room, failures)
    lower = a.triangle == "lower"
    before, after = (quarters[1], quarters[0]) if lower else (quarters[0], quarters[1])
    corner = Matrix(element(body, a, kind, *places[:: -1 if lower else 1]), before.rows, after.columns, a.stride)
    between = Matrix(room, corner.rows, corner.columns, corner.columns)
    write_matmul(body, between, before, corner, site.dtype, lanes=site.lanes)
    write_matmul(body, corner, between, after, site.dtype, lanes=site.lanes)
    with body.loop(corner.rows) as i, body.loop(corner.columns) as j:
        place = element(body, corner, kind, i, j)
        store(body, place, body.operation("fneg", load(body, place, kind)))


# --- triangles that nobody knows of -----------------------------------------------------------------------------------


def _by_triangle(
    site: Site, a: Stack, triangle: str | None, ways: Mapping[str, Callable[[], None]], general: Callable[[], None]
) -> None:
    """The way for a triangle, known now or found when the code runs, or else the general one."""
    body = site.body
    if triangle is not None:
        ways[triangle]()
        return
    if a.shape[-1] < _LOOKED_AT or site.dtype.kind == "c":
        general()
        return

    def otherwise() -> None:
        body.branch(upper, _run(ways["upper"]), _run(general))

    lower, upper = _are_triangular(site, a)
    body.branch(lower, _run(ways["lower"]), _run(otherwise))


def _run(way: Callable[[], None]) -> Callable[[], list[ir.Value]]:
    """The side of a branch that has no answer."""

    def write() -> list[ir.Value]:
        way()
        return []

    return write


def _are_triangular(site: Site, a: Stack) -> list[ir.Value]:
    """Bits: all matrices are lower triangles; all are upper ones. Mostly, a look at two corners is enough."""
    body, n = site.body, a.shape[-1]
    zero, no = body.constant(site.kind, 0), body.constant(ir.BIT, 0)
    first = a.matrix(a.pointer)
    corners = [load(body, element(body, first, site.kind, *place), site.kind) for place in ((0, n - 1), (n - 1, 0))]
    bits = [body.compare("oeq", corner, zero) for corner in corners]
    return body.branch(body.operation("or", *bits), lambda: _look(site, a), lambda: [no, no])


def _look(site: Site, a: Stack) -> list[ir.Value]:
    body, kind = site.body, site.kind
    none = body.constant(ir.BIT, 0)
    places = [body.scratch(ir.I8, 1, key=("not triangular", side)) for side in ("above", "below")]
    for place in places:
        store(body, place, body.convert("zext", none, ir.I8))
    with each(site, [a], [2]) as (source,):
        matrix = a.matrix(source)
        rows = matrix.T if a.transposed else matrix
        lanes, starts = blocks(rows.columns, site.lanes)
        zero = body.constant(kind.of(lanes), 0)
        for first, count in ((0, rows.columns // lanes), (starts[-1], 1)):
            with body.loop(rows.rows) as i, turns(body, count) as j:
                column = offset(body, (first, 1), (j, lanes))
                values = load(body, element(body, rows, kind, i, column), kind.of(lanes))
                found = body.compare("une", values, zero)
                index = column if isinstance(column, ir.Value) else body.constant(ir.I64, column)
                across = body.operation("add", body.splat(index, lanes), count_up(body, lanes))
                for place, predicate in zip(places, ("sgt", "slt"), strict=True):
                    beyond = body.operation("and", found, body.compare(predicate, across, body.splat(i, lanes)))
                    bit = body.convert("zext", any_lane(body, beyond), ir.I8)
                    store(body, place, body.operation("or", load(body, place, ir.I8), bit))
    sides = [body.compare("eq", load(body, place, ir.I8), body.constant(ir.I8, 0)) for place in places]
    return sides[::-1] if a.transposed else sides


def _identity(n: int) -> list[list[float]]:
    return [[float(i == j) for j in range(n)] for i in range(n)]
