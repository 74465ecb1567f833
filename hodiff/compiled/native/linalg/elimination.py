r"""Small matrices in registers: Cholesky factors, LU factors, and what follows from them, one matrix a lane.

Elements are values of any number of lanes; row swaps are selections, so lanes need not agree. The order of operations
is that of LAPACK's unblocked routines as OpenBLAS has them, column by column: inner products are summed before they are
subtracted, and columns are multiplied by the reciprocals of pivots. So pivots are the same to the last bit, and so is
whether a matrix is singular. May import ``ir``, ``matrices`` and ``products``.

>>> body = ir.Body()
>>> two = body.constant(ir.DOUBLE, 2.0)
>>> factors = lu(body, [[two]])
>>> print("\n".join(body.lines()))
%v0 = fdiv double 0x3FF0000000000000, 0x4000000000000000
%v1 = fcmp oeq double 0x4000000000000000, 0x0000000000000000
"""

from collections.abc import Sequence
from typing import NamedTuple

from hodiff.compiled.native import ir
from hodiff.compiled.native.linalg.matrices import Rows
from hodiff.compiled.native.linalg.products import multiply_add


class Factors(NamedTuple):
    """P A = L U.

    Attributes
    ----------
    rows : list of lists of Value
        U, and below its diagonal L without the diagonal of ones.
    reciprocals : list of Value
        Of the diagonal of U.
    swaps : list of lists of Value
        For each column, bits that tell which of the rows below its diagonal changes places with that of the diagonal.
    singular : Value
        A bit: an element of the diagonal of U is 0.
    """

    rows: Rows
    reciprocals: list[ir.Value]
    swaps: list[list[ir.Value]]
    singular: ir.Value


def cholesky(body: ir.Body, a: Rows) -> tuple[Rows, ir.Value]:
    """Lower factor of a matrix of which the lower triangle is read; a bit: it is not positive definite and finite."""
    n, kind = len(a), a[0][0].type
    zero, one = body.constant(kind, 0.0), body.constant(kind, 1.0)
    rows = [[zero] * n for _ in range(n)]
    failed = body.constant(ir.BIT.of(kind.lanes), 0)
    for j in range(n):
        rest = _less(body, a[j][j], [(rows[j][k], rows[j][k]) for k in range(j)])
        failed = body.operation("or", failed, body.compare("ole", rest, zero))
        rows[j][j] = square_root(body, rest)
        reciprocal = body.operation("fdiv", one, rows[j][j])
        for i in range(j + 1, n):
            rest = _less(body, a[i][j], [(rows[i][k], rows[j][k]) for k in range(j)])
            rows[i][j] = body.operation("fmul", rest, reciprocal)
    # What is not finite in a row leaves its mark on the diagonal.
    return rows, body.operation("or", failed, _not_finite(body, [rows[i][i] for i in range(n)]))


def lu(body: ir.Body, a: Rows) -> Factors:
    """Factors with partial pivoting: the first of the largest elements of a column is its pivot."""
    n, kind = len(a), a[0][0].type
    zero, one = body.constant(kind, 0.0), body.constant(kind, 1.0)
    rows, swaps, reciprocals, singular = [list(row) for row in a], [], [], None
    for c in range(n):
        for i in range(1, n):
            pairs = [(rows[i][k], rows[k][c]) for k in range(min(i, c))]
            rows[i][c] = _less(body, rows[i][c], pairs)
        bits = _pivot(body, [rows[r][c] for r in range(c, n)])
        swaps.append(bits)
        for j in range(n):
            column = swapped(body, [rows[r][j] for r in range(c, n)], bits)
            for r, value in enumerate(column, start=c):
                rows[r][j] = value
        reciprocals.append(body.operation("fdiv", one, rows[c][c]))
        is_zero = body.compare("oeq", rows[c][c], zero)
        singular = is_zero if singular is None else body.operation("or", singular, is_zero)
        for i in range(c + 1, n):
            rows[i][c] = body.operation("fmul", rows[i][c], reciprocals[c])
    assert singular is not None
    return Factors(rows, reciprocals, swaps, singular)


def solve(body: ir.Body, factors: Factors, b: Rows) -> tuple[Rows, ir.Value]:
    """Solution for the columns of ``b``, in its place; a bit: the matrix is singular, or the solution not finite."""
    rows, n = factors.rows, len(factors.rows)
    answer = [list(row) for row in b]
    for j in range(len(b[0])):
        x = [row[j] for row in answer]
        for c, bits in enumerate(factors.swaps):
            x[c:] = swapped(body, x[c:], bits)
        for i in range(n):
            x[i] = _less(body, x[i], [(rows[i][k], x[k]) for k in range(i)])
        for i in reversed(range(n)):
            rest = _less(body, x[i], [(rows[i][k], x[k]) for k in range(i + 1, n)])
            x[i] = body.operation("fmul", rest, factors.reciprocals[i])
        for row, value in zip(answer, x, strict=True):
            row[j] = value
    # The first row is made of all others: what is not finite, or is multiplied by what is not, comes to it.
    return answer, body.operation("or", factors.singular, _not_finite(body, answer[0]))


def inverse(body: ir.Body, factors: Factors) -> tuple[Rows, ir.Value]:
    """Solution for the identity, and whether it failed, as of `solve`."""
    kind, n = factors.rows[0][0].type, len(factors.rows)
    identity = [[body.constant(kind, float(i == j)) for j in range(n)] for i in range(n)]
    return solve(body, factors, identity)


def triangular_solve(body: ir.Body, a: Rows, b: Rows, lower: bool) -> tuple[Rows, ir.Value]:
    """Solution where one triangle of ``a`` is all there is; a bit: it is singular, or the solution not finite."""
    n, kind = len(a), a[0][0].type
    zero, one = body.constant(kind, 0.0), body.constant(kind, 1.0)
    reciprocals = [body.operation("fdiv", one, a[i][i]) for i in range(n)]
    singular = body.constant(ir.BIT.of(kind.lanes), 0)
    for i in range(n):
        singular = body.operation("or", singular, body.compare("oeq", a[i][i], zero))
    answer = [list(row) for row in b]
    order = range(n) if lower else range(n - 1, -1, -1)
    for j in range(len(b[0])):
        for i in order:
            known = range(i) if lower else range(i + 1, n)
            rest = _less(body, answer[i][j], [(a[i][k], answer[k][j]) for k in known])
            answer[i][j] = body.operation("fmul", rest, reciprocals[i])
    return answer, body.operation("or", singular, _not_finite(body, answer[order[-1]]))


def sign_of_swaps(body: ir.Body, factors: Factors) -> ir.Value:
    """1 or -1, as the permutation is even or odd."""
    kind = factors.rows[0][0].type
    sign = body.constant(kind, 1.0)
    for bits in factors.swaps:
        for bit in bits:
            sign = body.select(bit, body.operation("fneg", sign), sign)
    return sign


def square_root(body: ir.Body, x: ir.Value) -> ir.Value:
    """Square root, rounded correctly."""
    return body.call(f"llvm.sqrt.{suffix(x.type)}", x.type, x)


def absolute(body: ir.Body, x: ir.Value) -> ir.Value:
    """Absolute value."""
    return body.call(f"llvm.fabs.{suffix(x.type)}", x.type, x)


def with_sign_of(body: ir.Body, x: ir.Value, y: ir.Value) -> ir.Value:
    """``x`` with the sign of ``y``."""
    return body.call(f"llvm.copysign.{suffix(x.type)}", x.type, x, y)


def suffix(kind: ir.Type) -> str:
    """A type as it is part of the names of LLVM's functions."""
    scalar = "f64" if kind.scalar == "double" else "f32"
    return scalar if kind.lanes == 1 else f"v{kind.lanes}{scalar}"


def swapped(body: ir.Body, column: Sequence[ir.Value], bits: Sequence[ir.Value]) -> list[ir.Value]:
    """A column with its first element in the place of the one whose bit is set, and that in its place."""
    first, *rest = column
    head = first
    for value, bit in zip(rest, bits, strict=True):
        head = body.select(bit, value, head)
    return [head, *(body.select(bit, first, value) for value, bit in zip(rest, bits, strict=True))]


def _pivot(body: ir.Body, column: Sequence[ir.Value]) -> list[ir.Value]:
    """For each element but the first, whether it is the first of those that are largest."""
    if len(column) == 1:
        return []
    sizes = [absolute(body, value) for value in column]
    largest, larger = sizes[0], []
    for size in sizes[1:]:
        larger.append(body.compare("ogt", size, largest))
        largest = body.select(larger[-1], size, largest)
    # The last one that was larger than all before it.
    bits: list[ir.Value] = []
    later: ir.Value | None = None
    for bit in reversed(larger):
        if later is None:
            bits.append(bit)
            later = bit
            continue
        ones = body.constant(bit.type, 1)
        bits.append(body.operation("and", bit, body.operation("xor", later, ones)))
        later = body.operation("or", later, bit)
    return bits[::-1]


def _not_finite(body: ir.Body, values: Sequence[ir.Value]) -> ir.Value:
    """A bit: one of the values is NaN or infinite. Then LAPACKs differ in what else is, and NumPy is to be asked."""
    total = body.constant(values[0].type, 0.0)
    for value in values:
        total = body.operation("fadd", total, body.operation("fsub", value, value))
    return body.compare("uno", total, total)


def _less(body: ir.Body, x: ir.Value, pairs: Sequence[tuple[ir.Value, ir.Value]]) -> ir.Value:
    """``x`` less the sum of products."""
    if not pairs:
        return x
    total = body.constant(x.type, 0.0)
    for y, z in pairs:
        total = multiply_add(body, y, z, total)
    return body.operation("fsub", x, total)
