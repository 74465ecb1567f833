"""Complex numbers in native code, where each is two real ones."""

import itertools

import numpy as np
import pytest
from native_programs import check

import hodiff as hd
from hodiff.compiled.native.loading.machine import reason
from hodiff.ops.elementwise import complex_of

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

DTYPES = ["c16", "c8"]


def numbers(shape, dtype="c16", seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


def special():
    """All pairs of numbers with special parts."""
    parts = [0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan]
    values = [complex(a, b) for a, b in itertools.product(parts, parts)]
    return (x.ravel() for x in np.meshgrid(values, values))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 33), (33, 2)], ids=str)
def test_arithmetic(shape, dtype):
    z, w = numbers(shape, dtype), numbers(shape, dtype, 1)
    check(lambda z, w: [z + w, z - w, -z, +z, np.conj(z), z.real, z.imag, np.isfinite(z), z == w], z, w)
    check(lambda z, w: [z * w, z / w, z * z, np.square(z), np.reciprocal(w), abs(z), z**2], z, w, bits=False)
    check(lambda z, w: [np.abs(z * w + 1j) ** 2, 2 * z, z / 3.0, 1j - z, 1 / z], z, w, bits=False)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "equal", "not_equal"])
def test_special_values_of_two(name):
    function = getattr(np, name)
    z, w = special()
    with np.errstate(all="ignore"):
        expected = function(z, w)
        found = hd.jit(function, backend="native")(z, w)
    if expected.dtype.kind != "c":
        np.testing.assert_array_equal(found, expected)
        return
    for part in ("real", "imag"):
        one, other = getattr(found, part), getattr(expected, part)
        np.testing.assert_allclose(one, other, rtol=1e-15)
        exact = ~np.isnan(other)
        np.testing.assert_array_equal(np.signbit(one)[exact], np.signbit(other)[exact])


@pytest.mark.parametrize("name", ["negative", "conjugate", "isnan", "isinf", "isfinite", "absolute", "square"])
def test_special_values_of_one(name):
    function = getattr(np, name)
    z, _ = special()
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(hd.jit(function, backend="native")(z), function(z), rtol=1e-15)


def test_with_real_numbers():
    z, x = numbers((4, 5)), np.random.default_rng(3).normal(size=(4, 5))
    check(lambda z, x: [z + x, x - z, np.concatenate([z, x]), np.where(x > 0, z, x), z.astype("c8")], z, x)
    check(lambda z, x: [x * z, z / x, x / z, z @ x.T, x @ z.T, np.vdot(x[0], z[0])], z, x, bits=False, ulps=8)
    check(lambda z, x: [x.astype(complex), x + 0j, complex_of(x, x[0]), x * np.complex64(1j)], z, x)
    check(lambda z, x: [z.astype("c8") * x, z.astype("c8") * 2.0, z * np.arange(5)], z, x, bits=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rearranged(dtype):
    z, at = numbers((6, 7), dtype), np.array([[0, 3], [-1, 3]])
    check(lambda z: [z[1:, ::2], z.T, z.reshape(7, 6), z[::-1], z[:, None], np.broadcast_to(z[0], (3, 7))], z)
    check(lambda z: [np.concatenate([z, 2 * z]), np.stack([z, z], 1), np.pad(z, 1), np.roll(z, 2), np.tile(z, 2)], z)
    check(lambda z, i: [z[i], z[:, i], np.take_along_axis(z, i[:, :1] * 0, 0), np.diag(z), np.diag(z[0])], z, at)

    def assigned(z):
        y = np.zeros_like(z)
        y[1:, ::2] = z[:-1, ::2]
        y[0] += 1j
        y[at[0]] = z[0, 0]
        y.real[3] = 7.0
        return [y]

    check(assigned, z)


@pytest.mark.parametrize("dtype", DTYPES)
def test_reduced_and_multiplied(dtype):
    z, w = numbers((6, 7), dtype), numbers((6, 7), dtype, 1)
    check(lambda z: [f(z, a) for f in (np.sum, np.mean, np.cumsum) for a in (None, 0, 1)], z, bits=False, ulps=8)
    check(lambda z: [np.any(z), np.all(z, 0), np.count_nonzero(z, 1), np.any(np.isnan(z))], z)
    check(lambda z, w: [z @ w.T, z @ w[0], z[0] @ w[0], np.einsum("ij,ij->i", z, w)], z, w, bits=False, ulps=16)
    check(lambda z, w: [np.vdot(z, w), np.outer(z[0], w[1]), np.convolve(z[0], w[0, :3])], z, w, bits=False, ulps=16)


def test_derivatives():
    z, w = numbers((6, 7)), numbers((7,), seed=1)
    costs = [
        lambda z: np.sum(np.abs(z * z + 1) ** 2),
        lambda z: np.sum((np.conj(z) @ w).real) + np.sum(z[::2].imag ** 2) + np.abs(z[1, 1] / z[0, 0]),
        lambda z: np.sum(np.abs(z[np.array([0, 0, 3])] * w)),
    ]
    for cost in costs:
        check(lambda z, cost=cost: [hd.grad(cost)(z)], z, bits=False, ulps=32)
    real = hd.grad(lambda x: np.sum(np.abs(np.cumsum(x * (1 + 2j))) ** 2))
    check(lambda x: [real(x)], np.arange(5.0), bits=False, ulps=32)


def test_what_is_not_read_is_not_put_together():
    z = numbers(50)
    compiled = check(lambda z: [np.sum((z * z + z).real)], z, bits=False)
    assert compiled.executable.llvm.count("shufflevector <8 x double>") <= 2


def test_parts_of_programs_that_are_left_to_numpy():
    z = numbers(600)
    f = hd.jit(lambda z: np.abs(np.fft.ifft(np.fft.fft(z) * z + 1) * z), backend="native")
    np.testing.assert_allclose(f(z), np.abs(np.fft.ifft(np.fft.fft(z) * z + 1) * z), rtol=1e-13)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_means_of_infinities_are_divided_by_complex_counts(axis):
    z = np.array([[np.inf, 1.0, complex(1, np.inf)], [2.0, -np.inf, 3.0], [1.0, 2.0, 3.0]])[:, :: 1 if axis else 2]
    with np.errstate(invalid="ignore"):
        expected, found = [
            f(z) for f in (lambda z: np.mean(z, axis), hd.jit(lambda z: np.mean(z, axis), backend="native"))
        ]
    for part in ("real", "imag"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
