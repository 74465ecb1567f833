r"""Determinants of stacks of matrices, their logarithms, and adjugates.

Determinants are products of pivots, where NumPy takes the exponential of a sum of logarithms: they are more accurate.
All is computed in double precision, as in NumPy. A task returns a bit: whether it failed; then NumPy is to be asked.
May import ``blas``, ``elimination``, ``errors``, ``ir``, ``matrices``, ``solving``, ``stacks`` and
``ufuncs``.

>>> body, double = ir.Body(), np.dtype(float)
>>> site = Site(body, double, 4, lambda size: ir.Value("%scratch", ir.POINTER))
>>> failed = write_determinant(
...     site, Stack(ir.Value("%d", ir.POINTER), (), double), Stack(ir.Value("%a", ir.POINTER), (2, 2), double)
... )
>>> sum("fmul" in line for line in body.lines())  # by the reciprocal of a pivot, to subtract, by both pivots
4
"""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import numpy as np

from hodiff.compiled.native import ir
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions.ufuncs import lowered
from hodiff.compiled.native.linalg import elimination
from hodiff.compiled.native.linalg.blas import write_matmul
from hodiff.compiled.native.linalg.matrices import Matrix, Rows, load, moved, offset, store
from hodiff.compiled.native.linalg.solving import write_factors, write_inverse
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


class _Pivots(NamedTuple):
    """What comes of the pivots of a matrix, or of one in each lane.

    Attributes
    ----------
    product, sign : ir.Value
        Their product with the sign of the permutation, and its sign.
    logarithm : ir.Value or None
        The sum of the logarithms of their absolute values.
    normal, singular : ir.Value
        Bits: all products on the way are finite and not small; a pivot is 0.
    """

    product: ir.Value
    sign: ir.Value
    logarithm: ir.Value | None
    normal: ir.Value
    singular: ir.Value


@double_precision(answers=1)
def write_determinant(site: Site, answer: Stack, a: Stack) -> ir.Value:
    """Determinants, as products of pivots; a task whose products leave the range of normal numbers fails."""
    body = site.body
    failures = Failures(body)

    def finish(pivots: _Pivots) -> list[ir.Value]:
        failures.note(_neither(body, pivots.normal, pivots.singular))
        return [_zero_where(body, pivots.singular, pivots.product)]

    _from_pivots(site, [answer], a, finish, failures, logarithm=False)
    return failures.bit()


@double_precision(answers=2)
def write_sign_logdet(site: Site, sign: Stack, logdet: Stack, a: Stack) -> ir.Value:
    """Signs of determinants, and logarithms of their absolute values: 0 and -inf where a pivot is 0."""
    body = site.body
    failures = Failures(body)

    def finish(pivots: _Pivots) -> list[ir.Value]:
        assert pivots.logarithm is not None
        infinity = body.constant(pivots.logarithm.type, np.inf)
        finite = body.compare("olt", elimination.absolute(body, pivots.logarithm), infinity)
        failures.note(_neither(body, finite, pivots.singular))
        logarithm = body.select(pivots.singular, body.operation("fneg", infinity), pivots.logarithm)
        return [_zero_where(body, pivots.singular, pivots.sign), logarithm]

    _from_pivots(site, [sign, logdet], a, finish, failures, logarithm=True)
    return failures.bit()


def _neither(body: ir.Body, x: ir.Value, y: ir.Value) -> ir.Value:
    return body.operation("xor", body.operation("or", x, y), body.constant(x.type, 1))


def _zero_where(body: ir.Body, bits: ir.Value, x: ir.Value) -> ir.Value:
    return body.select(bits, body.constant(x.type, 0), x)


def _from_pivots(
    site: Site,
    answers: list[Stack],
    a: Stack,
    finish: Callable[[_Pivots], list[ir.Value]],
    failures: Failures,
    logarithm: bool,
) -> None:
    """Numbers that ``finish`` makes of the pivots of each matrix."""
    body, n = site.body, a.shape[-1]
    if site.dtype.kind == "c":
        raise Unsupported("determinants of complex matrices")
    if not n:
        raise Unsupported("determinants of matrices without rows")
    if not prod(answers[0].shape):
        return
    cores = [2] + [0] * len(answers)
    if is_inline(site, n, prod(a.shape[:-2])):

        def formula(operands: list[Rows]) -> list[Rows]:
            return [[[value]] for value in finish(_pivots_of(body, operands[0], logarithm))]

        with quiet(body):
            lanewise(site, [a], answers, cores, formula)
        return
    factors, swaps = site.array(n, n), site.array(n, dtype=np.dtype(np.int32))
    with quiet(body), each(site, [a, *answers], cores) as (source, *targets):
        write_factors(site, a.matrix(source), factors, swaps, failures)
        pivots = _run_over_pivots(site, factors, swaps, n, logarithm)
        info = load(body, failures.info, ir.I32)
        singular = body.compare("ne", info, body.constant(ir.I32, 0))
        for target, value in zip(targets, finish(pivots._replace(singular=singular)), strict=True):
            store(body, target, value)


def _pivots_of(body: ir.Body, a: Rows, logarithm: bool) -> _Pivots:
    """Of small matrices in registers."""
    one = body.constant(a[0][0].type, 1)
    factors = elimination.lu(body, a)
    product = elimination.sign_of_swaps(body, factors)
    normal = body.constant(ir.BIT.of(one.type.lanes), 1)
    for i in range(len(a)):
        product = body.operation("fmul", product, factors.rows[i][i])
        normal = body.operation("and", normal, _is_normal(body, product))
    # Where the product is no number as it should be, the task fails.
    size = _zero_where(body, _neither(body, normal, factors.singular), elimination.absolute(body, product))
    value = _logarithm(body, body.select(factors.singular, one, size)) if logarithm else None
    sign = elimination.with_sign_of(body, one, product)
    return _Pivots(product, sign, value, normal, factors.singular)


def _run_over_pivots(site: Site, factors: ir.Value, swaps: ir.Value, n: int, logarithm: bool) -> _Pivots:
    """Of a matrix that LAPACK has factored."""
    body, kind = site.body, site.kind
    one = body.constant(kind, 1)
    with body.loop(n) as i:
        product, sign = body.carry(one), body.carry(one)
        normal, total = body.carry(body.constant(ir.BIT, 1)), body.carry(body.constant(kind, 0))
        pivot = load(body, moved(body, factors, kind, offset(body, (i, n + 1))), kind)
        swap = load(body, moved(body, swaps, ir.I32, i), ir.I32)
        place = body.convert("trunc", body.operation("add", i, body.constant(ir.I64, 1)), ir.I32)
        pivot_with_sign = body.select(body.compare("eq", swap, place), pivot, body.operation("fneg", pivot))
        multiplied = body.operation("fmul", product.value, pivot_with_sign)
        size = elimination.absolute(body, pivot)
        minus = body.compare("olt", pivot_with_sign, body.constant(kind, 0))
        answer = _Pivots(
            body.update(product, multiplied),
            body.update(sign, body.select(minus, body.operation("fneg", sign.value), sign.value)),
            body.update(total, body.operation("fadd", total.value, _logarithm(body, size))) if logarithm else None,
            body.update(normal, body.operation("and", normal.value, _is_normal(body, multiplied))),
            body.constant(ir.BIT, 0),
        )
    return answer


def _is_normal(body: ir.Body, x: ir.Value) -> ir.Value:
    """Whether a number is neither NaN, nor infinite, nor 0, nor subnormal."""
    limits = np.finfo(np.float64)
    size = elimination.absolute(body, x)
    small = body.compare("oge", size, body.constant(x.type, limits.smallest_normal))
    return body.operation("and", small, body.compare("ole", size, body.constant(x.type, limits.max)))


def _logarithm(body: ir.Body, x: ir.Value) -> ir.Value:
    lowering = lowered(np.log, (np.dtype(np.float64),))
    assert lowering is not None
    return lowering.write(body, [x])


# --- adjugates --------------------------------------------------------------------------------------------------------


@double_precision(answers=1)
def write_adjugate(site: Site, answer: Stack, a: Stack) -> ir.Value:
    """Transposed matrices of cofactors, as determinant times inverse; where that is not accurate, the task fails."""
    body, n = site.body, a.shape[-1]
    failures = Failures(body)
    if site.dtype.kind == "c":
        raise Unsupported("adjugates of complex matrices")
    if not prod(a.shape):
        return failures.bit()
    leading = a.shape[:-2]
    determinants = Stack(site.array(*leading), leading, site.dtype)
    failures_before = [write_determinant(site, determinants, a), write_inverse(site, answer, a)]
    failures = Failures(body)
    for bit in failures_before:
        failures.note(bit)
    limit = body.constant(site.kind, (1e4 * n) ** 2)
    with quiet(body), each(site, [answer, a, determinants], [2, 2, 0]) as (target, source, scale):
        sizes = [_sum_of_squares(site, pointer, n * n) for pointer in (target, source)]
        close = body.compare("ole", body.operation("fmul", *sizes), limit)
        failures.note(body.operation("xor", close, body.constant(ir.BIT, 1)))
        _scale(site, target, n * n, load(body, scale, site.kind))
    return failures.bit()


def _sum_of_squares(site: Site, pointer: ir.Value, count: int) -> ir.Value:
    row = Matrix(pointer, 1, count, count)
    total = site.body.scratch(site.kind, 1, key=("sum of squares", pointer))
    write_matmul(site.body, Matrix(total, 1, 1, 1), row, row.T, site.dtype, lanes=site.lanes)
    return load(site.body, total, site.kind)


def _scale(site: Site, pointer: ir.Value, count: int, factor: ir.Value) -> None:
    with site.body.loop(count) as i:
        place = moved(site.body, pointer, site.kind, i)
        store(site.body, place, site.body.operation("fmul", load(site.body, place, site.kind), factor))
