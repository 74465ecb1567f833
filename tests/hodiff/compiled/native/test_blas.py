"""Products in native code: exact for integers, as accurate as sums can be for the rest, wherever matrices lie."""

import re
import threading
from itertools import pairwise, product

import numpy as np
import pytest
from native_slots import INVALID, OVERFLOW, UNDERFLOW, X86, Kernel, slot

from hodiff.compiled.native.ir import I32, POINTER, Body, Value
from hodiff.compiled.native.linalg.blas import write_is_finite, write_matmul, write_matmuls
from hodiff.compiled.native.linalg.lapack import LETTERS, symbols
from hodiff.compiled.native.linalg.matrices import Matrix, blocks, merged, scalar_type
from hodiff.compiled.native.linalg.products import sum_lanes, write_copy
from hodiff.compiled.native.loading.machine import reason

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

FLOATS = ("float64", "float32", "complex128", "complex64")
LAYOUTS = list(product((False, True), repeat=3))


def numbers(rng, shape, dtype):
    """Random numbers; of integers all bits, so that products overflow."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    real = rng.standard_normal(shape)
    return (real + 1j * rng.standard_normal(shape) if dtype.kind == "c" else real).astype(dtype)


def laid_out(a, transposed):
    """The same matrices, with rows in one piece, or columns."""
    return np.ascontiguousarray(a.mT).mT if transposed else np.ascontiguousarray(a)


def matrix(body, index, a, transposed):
    rows, columns = a.shape[-2:]
    return Matrix(slot(body, index), rows, columns, max(1, rows if transposed else columns), transposed)


def multiply(x, y, layout, lanes, old=None):
    """The product by native code, or ``old`` plus it, and the kernel."""
    answer = np.full((x.shape[0], y.shape[1]), 77, x.dtype) if old is None else old.copy()
    arrays = [laid_out(a, t) for a, t in zip((answer, x, y), layout, strict=True)]

    def write(body):
        matrices = [matrix(body, i, a, t) for i, (a, t) in enumerate(zip(arrays, layout, strict=True))]
        write_matmul(body, *matrices, x.dtype, lanes=lanes, add=old is not None)

    kernel = Kernel(write, 3, symbols())
    assert kernel(*arrays) == 0
    return arrays[0], kernel


def assert_product(found, x, y, old=0):
    """Within the error of any order of summation, with or without fused operations (Higham 2002, section 3.1)."""
    if x.dtype.kind in "iu":
        np.testing.assert_array_equal(found, np.add(x @ y, old, dtype=x.dtype))
        return
    wide = np.clongdouble if x.dtype.kind == "c" else np.longdouble
    exact = x.astype(wide) @ y.astype(wide) + old
    size = np.abs(x).astype(np.longdouble) @ np.abs(y).astype(np.longdouble) + np.abs(old)
    bound = (x.shape[1] + 4) * np.finfo(x.dtype).eps * size
    assert (np.abs(found - exact) <= bound).all()


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_products_of_all_shapes_and_layouts(layout, lanes):
    rng = np.random.default_rng([lanes, *layout])
    for dtype in (*FLOATS, "int64", "int32", "uint8", "int16"):
        for _ in range(2 if dtype == "float64" else 1):
            rows, length, columns = (int(n) for n in rng.choice([1, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 33], 3))
            x, y = numbers(rng, (rows, length), dtype), numbers(rng, (length, columns), dtype)
            old = numbers(rng, (rows, columns), dtype) if rng.integers(2) else None
            found, _ = multiply(x, y, layout, lanes, old)
            assert_product(found, x, y, 0 if old is None else old)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "shape", [(70, 71, 72), (1, 600, 600), (600, 600, 1), (1, 300_000, 1), (9, 5000, 9), (5, 9000, 2), (2, 9000, 5)]
)
def test_large_products(shape, layout):
    rows, length, columns = shape
    rng = np.random.default_rng(length)
    for dtype, add in zip(("float64", "float32", "complex128", "int64"), (False, True, True, False), strict=True):
        x, y = numbers(rng, (rows, length), dtype), numbers(rng, (length, columns), dtype)
        old = numbers(rng, (rows, columns), dtype) if add else None
        found, kernel = multiply(x, y, layout, 4, old)
        assert_product(found, x, y, 0 if old is None else old)
        calls_blas = "blas_" in kernel.text
        if rows * length * columns > 1 << 18:
            assert calls_blas == (dtype != "int64" and (dtype == "complex128" or (rows, columns) != (1, 1)))
        assert sum(map(int, re.findall(r"alloca \[(\d+) x", kernel.text))) <= 3 << 12


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 3, 0), (2, 0, 3), (1, 0, 1), (0, 0, 0)])
@pytest.mark.parametrize("dtype", ["float64", "complex64", "int32"])
def test_empty_products(shape, dtype):
    rows, length, columns = shape
    x, y = np.ones((rows, length), dtype), np.ones((length, columns), dtype)
    found, _ = multiply(x, y, (False, False, False), 4)
    np.testing.assert_array_equal(found, x @ y)
    old = np.full((rows, columns), 3, dtype)
    found, _ = multiply(x, y, (False, True, False), 4, old)
    np.testing.assert_array_equal(found, old + x @ y)


@pytest.mark.parametrize("triangle", ["lower", "upper"])
@pytest.mark.parametrize("n", [1, 3, 8, 9, 20, 37, 80])
def test_triangular_operands(n, triangle):
    rng = np.random.default_rng(n)
    cut = np.tril if triangle == "lower" else np.triu
    for side, transposed in product((0, 1), (False, True)):
        operands = [rng.standard_normal((n, n)), rng.standard_normal((n, n))]
        operands[side] = cut(operands[side])
        arrays = [np.zeros((n, n)), *operands]
        if transposed:
            arrays[1 + side] = np.ascontiguousarray(operands[side].T)

        def write(body, side=side, transposed=transposed):
            matrices = [Matrix(slot(body, i), n, n, n) for i in range(3)]
            matrices[1 + side] = matrices[1 + side]._replace(transposed=transposed, triangle=triangle)
            write_matmul(body, *matrices, "float64", add=True)

        kernel = Kernel(write, 3, symbols())
        assert kernel(*arrays) == 0
        assert_product(arrays[0], *operands)
        # What is known to be 0 is not looked at, but for tiles across the diagonal.
        if n > 30 and "blas_dgemm" not in kernel.text and not (side and transposed):
            far = arrays[1 + side].T if transposed else arrays[1 + side]
            far[(-1, 0) if triangle == "upper" else (0, -1)] = np.nan
            kernel(*arrays)
            assert not np.isnan(arrays[0]).any()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_finite(dtype):
    rng = np.random.default_rng(6)
    for rows, columns in product((1, 2, 5, 12), (1, 3, 8, 13)):
        a = numbers(rng, (rows, columns), dtype)

        def write(body, a=a):
            return body.convert("zext", write_is_finite(body, matrix(body, 0, a, False), a.dtype), I32)

        kernel = Kernel(write, 1, {})
        a[0, 0] = np.finfo(dtype).max
        assert kernel(a) == 1
        for value in (np.nan, np.inf, -np.inf):
            spoiled = a.copy()
            spoiled[rng.integers(rows), rng.integers(columns)] = value
            assert kernel(spoiled) == 0
            assert kernel.flags == 0
        assert kernel(a) == 1


def test_rows_and_columns_with_gaps():
    rng = np.random.default_rng(5)
    for shape in ((3, 4, 5), (6, 6, 1), (1, 6, 6), (1, 9, 1), (80, 80, 80), (600, 600, 1), (1, 600, 600)):
        wholes = [rng.standard_normal((rows, columns + 3)) for rows, columns in pairwise(shape)]
        out = np.full((shape[0], shape[2] + 2), 7.0)
        x, y = (whole[:, 1 : columns + 1] for whole, columns in zip(wholes, shape[1:], strict=True))

        def write(body, x=x, y=y, shape=shape):
            pairs = zip((0, 1), (x, y), strict=True)
            left, right = (Matrix(slot(body, i), *a.shape, a.shape[1] + 3) for i, a in pairs)
            write_matmul(body, Matrix(slot(body, 2), shape[0], shape[2], shape[2] + 2), left, right, x.dtype)

        Kernel(write, 3, symbols())(x, y, out)
        assert_product(out[:, :-2], x, y)
        assert (out[:, -2:] == 7.0).all()


# --- floating-point numbers that are special --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(1, 7, 1), (3, 3, 3), (5, 9, 6), (80, 80, 80), (1, 600, 600)])
def test_infinities_and_nans_are_where_numpy_has_them(shape, dtype):
    rng = np.random.default_rng(shape)
    rows, length, columns = shape
    x, y = numbers(rng, (rows, length), dtype), numbers(rng, (length, columns), dtype)
    for a in (x, y):
        a.flat[rng.choice(a.size, 2)] = [np.inf, np.nan]
    x[-1, -1], y[0, 0] = -np.inf, 0.0
    with np.errstate(invalid="ignore"):
        expected = x @ y
    for layout in LAYOUTS[::3]:
        found, _ = multiply(x, y, layout, 4)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))


def test_sums_of_negative_zeros_are_positive():
    for layout in LAYOUTS:
        for shape in ((1, 3), (2, 9)):
            x, y = np.full(shape, -0.0), np.ones((shape[1], 3))
            np.testing.assert_array_equal(np.signbit(multiply(x, y, layout, 4)[0]), np.signbit(x @ y))


@pytest.mark.skipif(not X86, reason="no register of flags that the test can read")
@pytest.mark.parametrize("dtype", FLOATS)
def test_flags_are_raised_for_a_reason(dtype):
    rng = np.random.default_rng(11)
    tiny, huge = np.finfo(dtype).smallest_normal, np.finfo(dtype).max
    for rows, length, columns in ((1, 5, 1), (3, 3, 3), (4, 30, 1), (9, 31, 10), (67, 66, 65), (1, 700, 700)):
        x, y = numbers(rng, (rows, length), dtype), numbers(rng, (length, columns), dtype)
        for layout in LAYOUTS[::2]:
            assert multiply(x, y, layout, 4)[1].flags == 0
        if rows * columns > 1000:
            continue  # other threads of BLAS take part, and nobody sees their flags, nor in NumPy
        for value, other, flag in ((np.inf, 0.0, INVALID), (huge, 4.0, OVERFLOW), (tiny, tiny, UNDERFLOW)):
            spoiled, factor = x.copy(), y.copy()
            spoiled[-1], factor[:, -1] = value, other
            assert multiply(spoiled, factor, LAYOUTS[0], 4)[1].flags & flag


# --- stacks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "complex64", "int64"])
@pytest.mark.parametrize(
    "left, right",
    [
        ((5, 2, 3), (5, 3, 4)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((4, 1, 2, 3), (5, 3, 4)),
        ((4, 5, 2, 3), (4, 1, 3, 2)),
        ((2, 4, 5, 2, 3), (4, 1, 3, 2)),
        ((3, 1, 6), (3, 6, 1)),
        ((0, 2, 3), (3, 4)),
        ((50, 30, 8), (8, 40)),
    ],
)
def test_stacks_are_broadcast(left, right, dtype):
    rng = np.random.default_rng([len(left), len(right)])
    for transposed in (False, True):
        x, y = laid_out(numbers(rng, left, dtype), transposed), laid_out(numbers(rng, right, dtype), transposed)
        expected = x @ y
        answer = np.zeros(expected.shape, dtype)
        counts = expected.shape[:-2]
        steps = []
        for a in (answer, x, y):
            along = np.broadcast_to(a, counts + a.shape[-2:]).strides[:-2]
            steps.append([step // a.itemsize for step in along])

        def write(body, arrays=(answer, x, y), counts=counts, steps=steps, flags=(False, transposed, transposed)):
            matrices = [matrix(body, i, a, t) for i, (a, t) in enumerate(zip(arrays, flags, strict=True))]
            write_matmuls(body, counts, matrices, steps, dtype)

        Kernel(write, 3, symbols())(answer, x, y)
        if dtype == "int64":
            np.testing.assert_array_equal(answer, expected)
        else:
            np.testing.assert_allclose(answer, expected, rtol=0, atol=100 * np.finfo(dtype).eps)


def test_a_stack_by_one_matrix_is_one_product():
    body = Body()
    pointer = Value("%slots", POINTER)
    matrices = [Matrix(pointer, 2, 4, 4), Matrix(pointer, 2, 3, 3), Matrix(pointer, 3, 4, 4)]
    write_matmuls(body, (6, 50), matrices, ([400, 8], [300, 6], [0, 0]), "float64")
    assert sum(" = phi i64 " in line for line in body.lines()) == 1  # over rows of 600
    assert merged((6, 1, 50), ([400, 5, 8], [300, 0, 6])) == ([300], [[8], [6]])
    assert merged((6, 50), ([400, 8], [0, 6])) == ([6, 50], [[400, 8], [0, 6]])


# --- parts ------------------------------------------------------------------------------------------------------------


def test_vectors_cover_every_element():
    for count, lanes in product(range(1, 40), (1, 2, 4, 8)):
        size, starts = blocks(count, lanes)
        assert size <= lanes
        covered = sorted({start + i for start in starts for i in range(size)})
        assert covered == list(range(count))


def test_sums_of_lanes_do_not_depend_on_how_many_there_are():
    rng = np.random.default_rng(2)
    for lanes in (2, 4, 8):
        a = rng.standard_normal((16, lanes))
        sums = []
        for together in (1, 2, 4, 8, 16):
            answer = np.zeros(16)

            def write(body, together=together, answer=answer, lanes=lanes):
                kind = scalar_type(answer.dtype)
                for first in range(0, 16, together):
                    vectors = []
                    for i in range(first, first + together):
                        source = body.pure(f"getelementptr double, {slot(body, 0)}, i64 {i * lanes}", POINTER)
                        vectors.append(body.fresh(f"load {kind.of(lanes)}, {source}, align 8", kind.of(lanes)))
                    target = body.pure(f"getelementptr double, {slot(body, 1)}, i64 {first}", POINTER)
                    body.effect(f"store {sum_lanes(body, vectors)}, {target}, align 8")

            Kernel(write, 2, {})(a, answer)
            sums.append(answer.tolist())
        assert all(each == sums[0] for each in sums)
        np.testing.assert_allclose(sums[0], a.sum(axis=1), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("layout", list(product((False, True), repeat=2)))
def test_copies(layout):
    rng = np.random.default_rng(3)
    for rows, columns in product((1, 2, 5, 8, 19), repeat=2):
        x = laid_out(rng.standard_normal((rows, columns)), layout[0])
        answer = laid_out(np.zeros((rows, columns)), layout[1])

        def write(body, x=x, answer=answer):
            write_copy(body, matrix(body, 1, answer, layout[1]), matrix(body, 0, x, layout[0]), scalar_type(x.dtype), 4)

        Kernel(write, 2, {})(x, answer)
        np.testing.assert_array_equal(answer, x)


def test_a_kernel_is_called_by_many_threads():
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((100, 100)), rng.standard_normal((100, 100))
    answers = [np.zeros((100, 100)) for _ in range(4)]

    def write(body):
        write_matmul(body, *(matrix(body, i, x, False) for i in range(3)), x.dtype)

    kernel = Kernel(write, 3, symbols())
    threads = [threading.Thread(target=lambda a=a: [kernel(a, x, y) for _ in range(20)]) for a in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        assert_product(answer, x, y)


def test_addresses_are_those_of_scipy():
    names = symbols()
    assert {f"blas_{letter}{routine}" for letter in "sdcz" for routine in ("gemm", "gemv")} <= set(names)
    assert all(address > 0 for address in names.values())
    assert names is symbols()
    assert LETTERS["complex64"] == "c"
