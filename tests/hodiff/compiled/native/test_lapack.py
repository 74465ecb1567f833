"""Linear algebra in native code: what NumPy computes, as accurately as matrices allow; it fails where NumPy does."""

from functools import partial

import numpy as np
import pytest
from native_slots import X86, Kernel, slot

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions.library import addresses
from hodiff.compiled.native.ir import I8, I32, POINTER, Body, Value
from hodiff.compiled.native.linalg.determinants import write_adjugate, write_determinant, write_sign_logdet
from hodiff.compiled.native.linalg.factorising import write_cholesky, write_eigh, write_qr, write_svd
from hodiff.compiled.native.linalg.lapack import symbols
from hodiff.compiled.native.linalg.solving import write_inverse, write_solve
from hodiff.compiled.native.linalg.stacks import INLINE, Site, Stack
from hodiff.compiled.native.loading.machine import reason
from hodiff.ops.linalg import adjugate

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

FLOATS = ("float64", "float32", "complex128", "complex64")
#: Inline, by LAPACK, and by its blocked routines.
SIZES = (1, 2, 3, 4, 5, 8, 33, 70)


def stacks(n):
    """Numbers of matrices: few, and so many that they are computed in registers."""
    least = INLINE.get(n, 1)
    return (
        [(), (3,), (2, least), (least + 1,)]
        if least > 1
        else [(), (1,), (2,), (7,), (2, 3), (16,)][: 6 if n < 4 else 3]
    )


def numbers(rng, shape, dtype):
    real = rng.standard_normal(shape)
    return (real + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else real).astype(dtype)


def definite(rng, shape, dtype):
    """Positive definite, with junk above the diagonal."""
    a = numbers(rng, shape, dtype)
    a = (a @ a.conj().mT + shape[-1] * np.eye(shape[-1])).astype(dtype)
    return a + np.triu(numbers(rng, shape, dtype), 1)


def diagonal(n, dtype):
    """What makes a random matrix regular when it is added."""
    return np.asarray(2 * np.sqrt(n) * np.eye(n), dtype)


class Run:
    """A task as a kernel: ``task(site, *stacks)`` on answers of these shapes and dtypes, and operands."""

    def __init__(self, task, answers, operands, lanes=4, transposed=(), repeats=1):
        dtype = operands[0].dtype
        assert all(a.dtype == dtype for a in operands)
        self.answers = [np.full(shape, 77, kind) for shape, kind in answers]
        turned = [np.ascontiguousarray(a.mT) if i in transposed else a for i, a in enumerate(operands)]
        self.arrays = [np.ascontiguousarray(a) for a in (*self.answers, *turned)]
        self.answers = self.arrays[: len(answers)]
        self.size = 0

        def write(body):
            arena = slot(body, len(self.arrays))

            def allocate(size):
                start, self.size = self.size, self.size + (size + 63) // 64 * 64
                return body.pure(f"getelementptr {I8}, {arena}, i64 {start}", POINTER, arena)

            shapes = [a.shape for a in (*self.answers, *operands)]
            flags = [False] * len(answers) + [i in transposed for i in range(len(operands))]
            stacks = [
                Stack(slot(body, i), shape, array.dtype, flag)
                for i, (shape, array, flag) in enumerate(zip(shapes, self.arrays, flags, strict=True))
            ]
            failed = task(Site(body, dtype, lanes, allocate), *stacks)
            return body.convert("zext", failed, I32)

        self.kernel = Kernel(write, len(self.arrays) + 1, {**symbols(), **addresses()})
        # What is behind the scratch memory stays as it is.
        arena = np.full(self.size + 64, 0xAA, np.uint8)
        for _ in range(repeats):
            self.failed = bool(self.kernel(*self.arrays, arena))
        assert (arena[self.size :] == 0xAA).all()
        assert self.kernel.flags == 0
        for array, before in zip(self.arrays[len(answers) :], turned, strict=True):
            np.testing.assert_array_equal(array, before)


def assert_near(found, expected, size=1.0, digits=1.0):
    """Within some units in the last place of the size of the result."""
    assert found.dtype == expected.dtype
    scale = np.max(np.abs(expected), initial=0.0) * size
    np.testing.assert_allclose(found, expected, rtol=0, atol=digits * 100 * np.finfo(found.dtype).eps * scale)


# --- factors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_cholesky(n, dtype):
    rng = np.random.default_rng(n)
    for leading in stacks(n):
        a = definite(rng, (*leading, n, n), dtype)
        run = Run(write_cholesky, [(a.shape, dtype)], [a])
        assert not run.failed
        assert_near(run.answers[0], np.linalg.cholesky(a))
        assert (np.triu(run.answers[0], 1) == 0).all()


@pytest.mark.parametrize("n", [1, 2, 4, 5, 40])
def test_what_is_not_positive_definite_fails(n):
    a = definite(np.random.default_rng(n), (6, n, n), "float64")
    for bad in (0.0, -1.0):
        for place in range(6):
            spoiled = a.copy()
            spoiled[place, n - 1, n - 1] = bad
            assert Run(write_cholesky, [(a.shape, "float64")], [spoiled]).failed
    spoiled[0, 0, 0] = np.nan
    spoiled[-1] = a[-1]
    run = Run(write_cholesky, [(a.shape, "float64")], [spoiled])
    assert run.failed or np.isnan(run.answers[0][0]).any()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 2), (2, 5), (40, 7), (7, 40), (70, 70)])
def test_qr(shape, dtype):
    rng = np.random.default_rng(shape)
    rows, columns = shape
    for leading in ((), (3,)):
        a = numbers(rng, (*leading, *shape), dtype)
        for mode, width in (("reduced", min(shape)), ("complete", rows)):
            shapes = [(*leading, rows, width), (*leading, width, columns)]
            run = Run(write_qr, [(shape, dtype) for shape in shapes], [a])
            assert not run.failed
            for found, expected in zip(run.answers, np.linalg.qr(a, mode), strict=True):
                assert_near(found, expected, digits=max(shape))
            assert (np.tril(run.answers[1], -1) == 0).all()
        run = Run(lambda site, r, a: write_qr(site, None, r, a), [(shapes[1], dtype)], [a])
        assert_near(run.answers[0][..., : min(shape), :], np.linalg.qr(a, "r"), digits=max(shape))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [1, 2, 3, 9, 40])
def test_eigh(n, dtype):
    rng = np.random.default_rng(n)
    real = np.zeros(1, dtype).real.dtype
    for leading in ((), (3,), (2, 2)):
        a = definite(rng, (*leading, n, n), dtype)
        a = (a + np.diag(np.arange(n) * 10)).astype(dtype)  # eigenvalues apart
        run = Run(write_eigh, [(a.shape[:-1], real), (a.shape, dtype)], [a])
        assert not run.failed
        for found, expected in zip(run.answers, np.linalg.eigh(a), strict=True):
            assert_near(found, expected, digits=10 * n)
        run = Run(lambda site, w, a: write_eigh(site, w, None, a), [(a.shape[:-1], real)], [a])
        assert_near(run.answers[0], np.linalg.eigvalsh(a), digits=n)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 2), (2, 5), (40, 7), (7, 40), (30, 30)])
def test_svd(shape, dtype):
    rng = np.random.default_rng(shape)
    real = np.zeros(1, dtype).real.dtype
    for leading in ((), (3,)):
        a = numbers(rng, (*leading, *shape), dtype)
        for full in (False, True):
            expected = np.linalg.svd(a, full_matrices=full)
            answers = [(part.shape, part.dtype) for part in expected]
            run = Run(write_svd, answers, [a])
            assert not run.failed
            u, s, vh = run.answers
            assert_near(s, expected[1], digits=max(shape))
            count = min(shape)
            product = (u[..., :count] * s[..., None, :]) @ vh[..., :count, :]
            assert_near(product, a, digits=max(shape))
            for found, reference in zip((u, vh.mT), (expected[0], expected[2].mT), strict=True):
                # LAPACK's signs; what full matrices add is any basis.
                phases = np.sum(found.conj() * reference, axis=-2)[..., :count]
                np.testing.assert_allclose(phases, 1, atol=1e3 * max(shape) * np.finfo(dtype).eps)
                gram = found.conj().mT @ found
                assert_near(gram, np.broadcast_to(np.eye(gram.shape[-1], dtype=dtype), gram.shape), digits=max(shape))
        values = (*leading, min(shape))
        run = Run(lambda site, s, a: write_svd(site, None, s, None, a), [(values, real)], [a])
        assert_near(run.answers[0], np.linalg.svd(a, compute_uv=False), digits=max(shape))


def test_iterations_that_do_not_converge_fail():
    a = np.full((6, 6), np.nan)
    assert Run(write_eigh, [((6,), "float64"), ((6, 6), "float64")], [a]).failed
    assert Run(write_svd, [((6, 6), "float64"), ((6,), "float64"), ((6, 6), "float64")], [a]).failed


# --- systems of equations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_solve(n, dtype):
    rng = np.random.default_rng(n)
    many = (INLINE.get(n, 2),)
    shapes = [((), ()), (many, many), ((), (5,)), ((5,), ()), ((3, 1), (4,)), ((2, 9), (2, 9))]
    for columns in (1, 2, 3, 9) if dtype == "float64" else (2, 3):
        for left, right in shapes[columns % 2 :: 2]:
            a, b = numbers(rng, (*left, n, n), dtype), numbers(rng, (*right, n, columns), dtype)
            a += diagonal(n, dtype)
            expected = np.linalg.solve(a, b)
            transposed = (0,) if columns == 3 else ()
            run = Run(write_solve, [(expected.shape, dtype)], [a, b], transposed=transposed)
            assert not run.failed
            assert_near(run.answers[0], expected)


@pytest.mark.parametrize("triangle", ["lower", "upper"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_triangles(dtype, triangle):
    cut = np.tril if triangle == "lower" else np.triu
    for n in (1, 3, 5, 33, 150) if dtype == "float64" else (2, 7):
        rng = np.random.default_rng(n)
        a = cut(numbers(rng, (4, n, n), dtype)) + diagonal(n, dtype)
        for columns in (1, 3, 9) if n < 100 else (1,):
            b = numbers(rng, (4, n, columns), dtype)
            for transposed in ((), (0,)):
                run = Run(partial(write_solve, triangle=triangle), [(b.shape, dtype)], [a, b], transposed=transposed)
                assert not run.failed
                assert_near(run.answers[0], np.linalg.solve(a, b))
        for transposed in ((), (0,)):
            run = Run(partial(write_inverse, triangle=triangle), [(a.shape, dtype)], [a], transposed=transposed)
            assert not run.failed
            assert_near(run.answers[0], np.linalg.inv(a))
        a[2, n - 1, n - 1] = 0
        assert Run(partial(write_solve, triangle=triangle), [(b.shape, dtype)], [a, b]).failed
        assert Run(partial(write_inverse, triangle=triangle), [(a.shape, dtype)], [a]).failed


@pytest.mark.parametrize("n", [24, 33, 150])
def test_triangles_are_found(n):
    rng = np.random.default_rng(n)
    for cut in (np.tril, np.triu, lambda a: np.tril(np.triu(a))):
        a = cut(rng.standard_normal((2, n, n))) + diagonal(n, "float64")
        b = rng.standard_normal((2, n, 2))
        for transposed in ((), (0,)):
            for place in ((0, -1), (-1, 0), (0, 1), (1, 0), (n // 2, n // 2 - 1), (n // 2 - 1, n // 2), (0, 0)):
                spoiled = a.copy()
                spoiled[(-1, *place)] = 3.0
                if n < 100:
                    run = Run(write_solve, [(b.shape, "float64")], [spoiled, b], transposed=transposed)
                    assert_near(run.answers[0], np.linalg.solve(spoiled, b))
                run = Run(write_inverse, [(a.shape, "float64")], [spoiled], transposed=transposed)
                assert not run.failed
                assert_near(run.answers[0], np.linalg.inv(spoiled))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", SIZES)
def test_inverse(n, dtype):
    rng = np.random.default_rng(n)
    for leading in stacks(n):
        a = numbers(rng, (*leading, n, n), dtype) + diagonal(n, dtype)
        for transposed in ((), (0,)):
            run = Run(write_inverse, [(a.shape, dtype)], [a], transposed=transposed)
            assert not run.failed
            assert_near(run.answers[0], np.linalg.inv(a))


def singular_matrices(rng, n, count):
    """Whole numbers: a row is a sum of others, so rounding alone decides whether elimination meets a 0."""
    a = rng.integers(-9, 10, (count, n, n)).astype(float)
    a[:, -1] = a[:, 0] + (a[:, 1] if n > 2 else 0)
    return np.stack([m[rng.permutation(n)] for m in a])


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_matrices_are_singular_for_both(n):
    rng = np.random.default_rng(n)
    seen = set()
    for a in singular_matrices(rng, n, 25):
        try:
            np.linalg.inv(a)
            expected = False
        except np.linalg.LinAlgError:
            expected = True
        seen.add(expected)
        assert Run(write_inverse, [(a.shape, "float64")], [a]).failed == expected
        assert Run(write_solve, [((n, 1), "float64")], [a, np.ones((n, 1))]).failed == expected
    assert True in seen


def test_pivots_are_those_of_numpy():
    # With ties, and with pivots that have to be looked for: rows of very different size.
    rng = np.random.default_rng(1)
    for n in (2, 3, 4):
        a = rng.choice([-1.0, 1.0, 0.5, 1e-8], (64, n, n)) + np.eye(n) * 1e-3
        run = Run(write_inverse, [(a.shape, "float64")], [a], lanes=8)
        error = np.abs(run.answers[0] @ a - np.eye(n)).max(axis=(1, 2))
        reference = np.abs(np.linalg.inv(a) @ a - np.eye(n)).max(axis=(1, 2))
        assert not run.failed
        assert (error <= 4 * reference + 1e-14).all()


# --- determinants -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", SIZES[:-1])
def test_determinants(n, dtype):
    rng = np.random.default_rng(n)
    for leading in stacks(n):
        a = numbers(rng, (*leading, n, n), dtype)
        run = Run(write_determinant, [(leading, dtype)], [a])
        assert not run.failed
        exact = np.linalg.det(a.astype(np.longdouble).astype(float))
        np.testing.assert_allclose(run.answers[0], exact, rtol=1e3 * n * np.finfo(dtype).eps)
        run = Run(write_sign_logdet, [(leading, dtype), (leading, dtype)], [a])
        assert not run.failed
        sign, logdet = np.linalg.slogdet(a)
        np.testing.assert_array_equal(run.answers[0], sign)
        np.testing.assert_allclose(run.answers[1], logdet, rtol=0, atol=1e3 * n * np.finfo(dtype).eps)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_determinants_of_singular_matrices(n):
    rng = np.random.default_rng(n)
    a = singular_matrices(rng, n, 40)
    expected = np.linalg.slogdet(a)
    run = Run(write_sign_logdet, [((40,), "float64"), ((40,), "float64")], [a])
    assert not run.failed
    np.testing.assert_array_equal(run.answers[0], expected[0])
    np.testing.assert_allclose(run.answers[1], expected[1], rtol=1e-10)
    run = Run(write_determinant, [((40,), "float64")], [a])
    assert not run.failed
    np.testing.assert_array_equal(run.answers[0] == 0, expected[0] == 0)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(run.answers[0], np.linalg.det(a), rtol=1e-10)


@pytest.mark.parametrize("n", [2, 4, 6])
def test_determinants_out_of_range_fail(n):
    rng = np.random.default_rng(n)
    for diagonal in ([1e200, 1e200], [1e-200, 1e-200], [np.inf, 1.0], [np.nan, 1.0], [1e200, 1e200, 1e-300]):
        if len(diagonal) > n:
            continue
        a = np.stack([np.eye(n), np.diag([*diagonal, *np.ones(n - len(diagonal))]), rng.standard_normal((n, n))])
        assert Run(write_determinant, [((3,), "float64")], [a]).failed
        run = Run(write_sign_logdet, [((3,), "float64"), ((3,), "float64")], [a])
        if not run.failed:
            assert np.isfinite(diagonal).all()
            for found, expected in zip(run.answers, np.linalg.slogdet(a), strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 20])
def test_adjugates(n):
    rng = np.random.default_rng(n)
    for leading in ((), (5,)):
        a = numbers(rng, (*leading, n, n), "float64") + diagonal(n, "float64")
        run = Run(write_adjugate, [(a.shape, "float64")], [a])
        assert not run.failed
        assert_near(run.answers[0], np.asarray(adjugate(a)))
    nearly = np.eye(n)
    nearly[-1, -1] = 1e-9
    assert Run(write_adjugate, [((n, n), "float64")], [nearly]).failed == (n > 1)


# --- everything -------------------------------------------------------------------------------------------------------


def test_lanes_do_not_matter():
    rng = np.random.default_rng(8)
    for n in INLINE:
        a = numbers(rng, (INLINE[n] + 13, n, n), "float64") + 3 * np.eye(n)
        results = [Run(write_inverse, [(a.shape, "float64")], [a], lanes=lanes).answers[0] for lanes in (1, 2, 4, 8)]
        assert all((each == results[0]).all() for each in results)
        if n == 3:
            alone = [Run(write_inverse, [((n, n), "float64")], [m]).answers[0] for m in a]
            assert (np.stack(alone) == results[0]).all()


def test_a_task_can_be_run_again():
    a = definite(np.random.default_rng(9), (3, 6, 6), "float64")
    spoiled = a.copy()
    spoiled[1, 2, 2] = -1.0
    run = Run(write_cholesky, [(a.shape, "float64")], [a], repeats=3)
    assert not run.failed
    # A failure is forgotten by the next call.
    arena = np.zeros(run.size + 64, np.uint8)
    assert run.kernel(np.zeros_like(a), spoiled, arena) == 1
    assert run.kernel(np.zeros_like(a), a, arena) == 0


def test_what_has_no_native_form_says_so():
    pointer = Value("%p", POINTER)
    for dtype, shape in (("complex128", (3, 3)), ("float64", (0, 0))):
        site = Site(Body(), np.dtype(dtype), 4, lambda size: pointer)
        with pytest.raises(Unsupported):
            write_determinant(site, Stack(pointer, (), site.dtype), Stack(pointer, shape, site.dtype))


@pytest.mark.skipif(not X86, reason="no register of flags that the test can read")
def test_flags_stay_as_they_were():
    a = np.diag([1e-300, 1e300, 1e300, 1.0, 1e-300, 1e300])
    for n in (2, 3, 6):
        run = Run(write_inverse, [((n, n), "float64")], [np.ascontiguousarray(a[:n, :n])])
        assert run.kernel.flags == 0
