r"""Factors of stacks of matrices, as ``numpy.linalg`` has them: Cholesky, QR, eigenvectors of symmetric ones, and SVD.

LAPACK gets the very matrices that NumPy gives it, in Fortran's order, so that signs are the same; only for Cholesky
factors, where nothing depends on it, it gets the transpose, which saves copies. Every task returns a bit: whether it
failed, as where a matrix is not positive definite and finite, or an iteration does not converge; then its answers mean
nothing and NumPy is to be asked, which raises. Flags of floating-point errors stay as they were, as NumPy's do. All is
computed in double precision, as in NumPy.
May import ``elimination``, ``errors``, ``ir``, ``lapack``, ``matrices`` and ``stacks``.

>>> body, double = ir.Body(), np.dtype(float)
>>> site = Site(body, double, 4, lambda size: ir.Value("%scratch", ir.POINTER))
>>> a, answer = [Stack(ir.Value(name, ir.POINTER), (9, 9), double) for name in ("%a", "%answer")]
>>> failed = write_cholesky(site, answer, a)
>>> [line.split("(")[0] for line in body.lines() if "lapack" in line]
['call void @lapack_dpotrf']
"""

from math import prod

import numpy as np

from hodiff.compiled.native import ir
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.linalg import elimination
from hodiff.compiled.native.linalg.lapack import call_routine, needed, routine
from hodiff.compiled.native.linalg.matrices import (
    Matrix,
    Rows,
    blocks,
    copied_type,
    count_up,
    element,
    fortran,
    load,
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

# --- Cholesky ---------------------------------------------------------------------------------------------------------


@double_precision(answers=1)
def write_cholesky(site: Site, answer: Stack, a: Stack) -> ir.Value:
    """Lower Cholesky factors; only the lower triangles are read."""
    body, n = site.body, a.shape[-1]
    failures = Failures(body)
    if not prod(a.shape):
        return failures.bit()
    if is_inline(site, n, prod(a.shape[:-2])):

        def formula(operands: list[Rows]) -> list[Rows]:
            rows, failed = elimination.cholesky(body, operands[0])
            failures.note(failed)
            return [rows]

        with quiet(body):
            lanewise(site, [a], [answer], [2, 2], formula)
        return failures.bit()
    with quiet(body), each(site, [answer, a], [2, 2]) as (target, source):
        _copy_triangle(site, answer.matrix(target), a.matrix(source), upper=False)
        # What is lower for us is upper in Fortran's order: the factor lands where it belongs.
        call_routine(body, routine(site.dtype, "potrf"), "U", n, target, n, failures.info)
        failures.note_info()
        _note_diagonal(site, answer.matrix(target), failures)
    return failures.bit()


def _note_diagonal(site: Site, factor: Matrix, failures: Failures) -> None:
    """A failure where an element of the diagonal is not finite, as it is where anything else in its row is not."""
    body, kind = site.body, site.kind
    with body.loop(factor.rows) as i:
        value = load(body, element(body, factor, kind, i, i, 2 if site.dtype.kind == "c" else 1), kind)
        failures.note(body.compare("une", body.operation("fsub", value, value), body.constant(kind, 0)))


def _copy_triangle(site: Site, answer: Matrix, a: Matrix, upper: bool) -> None:
    """A copy with zeros in the other triangle; also from a matrix to itself."""
    body, kind = site.body, copied_type(site.dtype)
    if a.transposed:
        site.copy(answer, a)
        a = answer
    lanes, starts = blocks(a.columns, 1 if site.dtype.itemsize > 8 else site.lanes)
    with turns(body, a.rows) as i:
        row = body.splat(i, lanes)

        def write(column: ir.Value) -> None:
            places = body.operation("add", body.splat(column, lanes), count_up(body, lanes))
            value = load(body, element(body, a, kind, i, column), kind.of(lanes))
            kept = body.compare("sge" if upper else "sle", places, row)
            value = body.select(kept, value, body.constant(kind.of(lanes), 0))
            store(body, element(body, answer, kind, i, column), value)

        with turns(body, a.columns // lanes) as j:
            write(body.operation("mul", j, body.constant(ir.I64, lanes)))
        if starts[-1] % lanes:
            write(body.constant(ir.I64, starts[-1]))


# --- QR ---------------------------------------------------------------------------------------------------------------


@double_precision(answers=2)
def write_qr(site: Site, q: Stack | None, r: Stack, a: Stack) -> ir.Value:
    """Orthonormal columns and triangles: as many columns as ``q`` has, none where there is no ``q``."""
    body, dtype = site.body, site.dtype
    rows, columns = a.shape[-2:]
    count = min(rows, columns)
    failures = Failures(body)
    if not prod(a.shape):
        raise Unsupported("QR factors of empty matrices")
    width = q.shape[-1] if q is not None else count
    factors, scales = site.array(rows, max(columns, width)), site.array(count)
    name = routine(dtype, "geqrf")
    size = int(needed(name, rows, columns, dtype.name, rows, dtype.name, dtype.name, -1, "int32")[2])
    second = routine(dtype, "ungqr" if dtype.kind == "c" else "orgqr")
    if q is not None:
        asked = needed(second, rows, width, count, dtype.name, rows, dtype.name, dtype.name, -1, "int32")
        size = max(size, int(asked[2]))
    work = site.array(size)
    stacks = [r, a] if q is None else [r, a, q]
    with quiet(body), each(site, stacks, [2] * len(stacks)) as (target, source, *columns_of):
        site.copy(fortran(factors, rows, columns), a.matrix(source))
        call_routine(body, name, rows, columns, factors, rows, scales, work, size, failures.info)
        failures.note_info()
        triangle = fortran(factors, rows, columns)._replace(rows=r.shape[-2])
        _copy_triangle(site, r.matrix(target), triangle, upper=True)
        if q is not None:
            arguments = (rows, width, count, factors, rows, scales, work, size, failures.info)
            call_routine(body, second, *arguments)
            failures.note_info()
            site.copy(q.matrix(columns_of[0]), fortran(factors, rows, width))
    return failures.bit()


# --- eigenvalues and singular values ----------------------------------------------------------------------------------


@double_precision(answers=2)
def write_eigh(site: Site, values: Stack, vectors: Stack | None, a: Stack) -> ir.Value:
    """Eigenvalues in ascending order, and eigenvectors where they are wanted; only the lower triangles are read."""
    body, dtype, n = site.body, site.dtype, a.shape[-1]
    failures = Failures(body)
    if not prod(a.shape):
        raise Unsupported("eigenvalues of empty matrices")
    job, real = "N" if vectors is None else "V", values.dtype
    rooms = [dtype, real, np.dtype(np.int32)] if dtype.kind == "c" else [dtype, np.dtype(np.int32)]
    name = routine(dtype, "heevd" if dtype.kind == "c" else "syevd")
    wishes = [part for room in rooms for part in (room.name, -1)]
    sizes = [int(size) for size in needed(name, job, "L", n, dtype.name, n, real.name, *wishes, "int32")[2:-1]]
    work = [part for room, size in zip(rooms, sizes, strict=True) for part in (site.array(size, dtype=room), size)]
    square = site.array(n, n)
    stacks = [a, values] if vectors is None else [a, values, vectors]
    with quiet(body), each(site, stacks, [2, 1, 2][: len(stacks)]) as (source, target, *columns):
        site.copy(fortran(square, n, n), a.matrix(source))
        call_routine(body, name, job, "L", n, square, n, target, *work, failures.info)
        failures.note_info()
        _note_undefined(body, failures, target, values)
        if vectors is not None:
            site.copy(vectors.matrix(columns[0]), fortran(square, n, n))
    return failures.bit()


@double_precision(answers=3)
def write_svd(site: Site, u: Stack | None, values: Stack, vh: Stack | None, a: Stack) -> ir.Value:
    """Singular values in descending order, and both kinds of vectors or none: as many as there is room for."""
    body, dtype = site.body, site.dtype
    rows, columns = a.shape[-2:]
    failures = Failures(body)
    if not prod(a.shape):
        raise Unsupported("singular values of empty matrices")
    count = min(rows, columns)
    width = height = 1
    job = "N"
    if u is not None and vh is not None:
        width, height = u.shape[-1], vh.shape[-2]
        job = "S" if width == height == count else "A"
    arrays = [site.array(rows, columns), site.array(rows, width), site.array(height, columns)]
    name, whole = routine(dtype, "gesdd"), np.dtype(np.int32)
    shapes = (job, rows, columns, dtype.name, rows, values.dtype.name, dtype.name, rows, dtype.name, height)
    extra = [site.array(_real_work(job, count, max(rows, columns)), dtype=values.dtype)] if dtype.kind == "c" else []
    asked = needed(name, *shapes, dtype.name, -1, *[values.dtype.name] * len(extra), "int32", "int32")
    size = int(asked[4])
    work: list[ir.Value | int] = [site.array(size), size, *extra, site.array(8 * count, dtype=whole)]
    stacks = [a, values, *(stack for stack in (u, vh) if stack is not None)]
    with quiet(body), each(site, stacks, [2, 1, 2, 2][: len(stacks)]) as (source, target, *vectors):
        site.copy(fortran(arrays[0], rows, columns), a.matrix(source))
        places = (arrays[0], rows, target, arrays[1], rows, arrays[2], height)
        call_routine(body, name, job, rows, columns, *places, *work, failures.info)
        failures.note_info()
        _note_undefined(body, failures, target, values)
        if u is not None and vh is not None:
            site.copy(u.matrix(vectors[0]), fortran(arrays[1], rows, width))
            site.copy(vh.matrix(vectors[1]), fortran(arrays[2], height, columns))
    return failures.bit()


def _note_undefined(body: ir.Body, failures: Failures, place: ir.Value, values: Stack) -> None:
    """A failure where ordered values are not finite: some LAPACKs say so of such matrices, NumPy's perhaps."""
    kind = copied_type(values.dtype)
    row = Matrix(place, 1, values.shape[-1], values.shape[-1])
    ends = [load(body, element(body, row, kind, 0, column), kind) for column in (0, values.shape[-1] - 1)]
    span = body.operation("fsub", *ends)
    failures.note(body.compare("une", body.operation("fsub", span, span), body.constant(kind, 0)))


def _real_work(job: str, small: int, large: int) -> int:
    """Real numbers that the complex routine has to have, by its documentation; it cannot be asked."""
    if job == "N":
        return 7 * small
    return max(5 * small * small + 5 * small, 2 * large * small + 2 * small * small + small)
