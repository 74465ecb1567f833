"""Searches, bins and convolutions in native code."""

import numpy as np
import pytest
from native_programs import check

import hodiff as hd
from hodiff.compiled.native.loading.machine import reason
from hodiff.ops.signal import full_convolution, sliding_product
from hodiff.ops.statistics import binned

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))


def numbers(shape, dtype="f8", seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return (values * 5).astype(dtype) if np.dtype(dtype).kind in "iu" else values.astype(dtype)


# --- searches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", ["dd", "ff", "ll", "ii", "BB", "fd", "ld", "dl", "bl", "Ll", "lf"])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 100])
def test_searches(kinds, length):
    a = np.sort(np.abs(numbers(length, "d") * 5)).astype(kinds[0])
    v = np.concatenate([a, a, np.abs(numbers(20, "d", 1)) * 15]).astype(kinds[1])
    check(lambda a, v: [np.searchsorted(a, v, side) for side in ("left", "right")], a, v)
    check(lambda a, v: [np.searchsorted(a, v[0]), np.searchsorted(a, v[:2].reshape(1, 1, 2), "right")], a, v)


def test_nan_and_infinities():
    a = np.array([-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf, np.nan, np.nan])
    v = np.array([np.nan, -np.inf, np.inf, 0.0, -0.0, 2.0, 1e308])
    check(lambda a, v: [np.searchsorted(a, v, side) for side in ("left", "right")], a, v)
    check(lambda a, v: [np.searchsorted(a[:-2], v, side) for side in ("left", "right")], a, v)


def test_operands_that_are_views():
    a, v = np.arange(12.0), numbers((4, 5)) * 4
    check(lambda a, v: [np.searchsorted(a[1::2], v.T[::-1]), np.searchsorted(a[::-1][::-3], v[:, 1])], a, v)


def test_bins():
    x, bins = numbers((5, 6)), np.array([-1.0, 0.0, 0.0, 0.5])
    for right in (False, True):
        check(lambda x, b, right=right: [np.digitize(x, b, right)], x, bins)
        check(lambda x, right=right: [np.digitize(x, bins, right)], x)
        check(lambda x, b, r=right: [np.digitize(x, b, r)], x, bins, others=[(x, bins[::-1].copy())], elsewhere=True)
    check(lambda x, b: [np.digitize(x, b)], x, bins, others=[(x, np.array([0.0, 1.0, 0.5, 2]))], elsewhere=True)


def test_sums_in_bins():
    w, at = numbers((3, 40)), np.random.default_rng(2).integers(0, 7, (3, 40))
    check(lambda w, i: [binned(w, i, length=7)], w, at)
    check(lambda w: [binned(w, at, length=7)], w)
    check(lambda w: [np.bincount(at[0], w[0], 9)], w)
    edges = np.linspace(-1, 1, 6)
    check(lambda w, x: [np.histogram(x, edges, weights=w)[0]], w[0], w[1], bits=False)
    negative = at.copy()
    negative[1, 1] = -1
    check(lambda w, i: [binned(w, i, length=7)], w, at, others=[(w, negative)], elsewhere=True)


def test_interpolation():
    x, nodes, values = numbers(50) * 2, np.sort(numbers(9, seed=1)), numbers(9, seed=2)
    x[:4] = nodes[[0, 3, -1, 4]]
    check(lambda x, xp, fp: [np.interp(x, xp, fp)], x, nodes, values, bits=False, ulps=8)
    gradient = hd.grad(lambda x, xp, fp: np.sum(np.interp(x, xp, fp) ** 2), argnums=(0, 1, 2))
    check(lambda x, xp, fp: [*gradient(x, xp, fp)], x, nodes, values, bits=False, ulps=64)


# --- convolutions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("lengths", [(1, 1), (1, 5), (5, 5), (9, 2), (3, 40), (100, 17), (64, 64)], ids=str)
def test_convolutions(lengths, dtype):
    x, y = numbers(lengths[0], dtype), numbers(lengths[1], dtype, 1)
    for mode in ("full", "same", "valid"):
        both = lambda x, y, mode=mode: [np.convolve(x, y, mode), np.correlate(x, y, mode)]  # noqa: E731
        check(both, x, y, bits=False, ulps=16)
    gradient = hd.grad(lambda x, y: np.sum(np.convolve(x, y) ** 2), argnums=(0, 1))
    check(lambda x, y: [*gradient(x, y)], x, y, bits=False, ulps=64)


@pytest.mark.parametrize("shapes", [((3, 20), (3, 5)), ((20,), (2, 3, 5)), ((4, 1, 6), (3, 6))], ids=str)
def test_stacks_of_convolutions(shapes):
    x, y = numbers(shapes[0]), numbers(shapes[1], seed=1)
    check(lambda x, y: [full_convolution(x, y), sliding_product(x, y)], x, y, bits=False, ulps=16)
    check(lambda x, y: [full_convolution(y, x), sliding_product(x[..., ::-1], y)], x, y, bits=False, ulps=16)


def test_infinities_meet_no_padding():
    x = np.array([np.inf, 1.0, 2.0, np.inf])
    check(lambda x: [np.convolve(x, np.array([1.0, 2.0, 4.0]))], x)
    check(lambda x: [np.convolve(x[1:3], np.array([-0.0])), np.convolve(x[1:3], np.array([-0.0, 0.0]))], x)


# --- orders -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i2", "u4"])
@pytest.mark.parametrize("shape", [(2,), (32,), (2, 3), (3, 5), (9, 2), (4, 3, 6)], ids=str)
def test_orders(shape, dtype):
    x = np.random.default_rng(5).permutation(int(np.prod(shape))).reshape(shape).astype(dtype)
    axes = [*range(len(shape)), None]
    check(lambda x: [f(x, axis) for f in (np.sort, np.argsort) for axis in axes if x.size <= 32 or axis is not None], x)
    check(lambda x: [np.argsort(x.T[::-1], 0)], x)


def test_equals_have_the_order_that_they_have_or_are_left_to_numpy():
    x = np.array([[2.0, -0.0, 0.0, 2.0, 1.0], [np.nan, 1.0, np.nan, np.inf, -np.inf]])
    check(lambda x: [np.argsort(x, 1, kind="stable"), np.argsort(x, 0, "stable")], x)
    check(lambda x: [np.sort(x, 1)], np.arange(10.0).reshape(2, 5), others=[(x,)], elsewhere=True)


def test_order_statistics():
    x = numbers((6, 7))
    check(lambda x: [np.median(x[:, :4]), np.median(x, 0), np.percentile(x, 30, 1)], x, bits=False)
    check(lambda x: [np.quantile(x, q, 0) for q in (0.1, 0.5, 1.0)], x, bits=False)
    check(lambda x: [hd.grad(lambda x: np.sum(np.sort(x, 0) ** 2 * np.arange(7.0)))(x)], x, bits=False)
    check(lambda x: [hd.grad(lambda x: np.sum(np.median(x, axis=1) ** 2))(x)], x, bits=False)


# --- grids, tolerances, conversions -----------------------------------------------------------------------------------


def test_grids():
    a, c = np.array([0.0, 1.0, -3.0]), np.array([0.5, 1.0, 1e300])
    for endpoint in (True, False):
        check(lambda a, c, e=endpoint: [np.linspace(a, c, 7, e), np.linspace(a[0], c[0], 5, e)], a, c, bits=False)
    check(lambda a, c: [np.linspace(a, c, 4)], np.float64(1.0), np.float64(1.0), bits=False)
    check(lambda a: [hd.grad(lambda a: np.sum(np.linspace(0.0, a, 5) ** 2))(a)], np.float64(2.0), bits=False)


def test_tolerances():
    x = np.array([np.inf, np.nan, 1.0, -np.inf, 1.0, np.inf, 0.0])
    y = np.array([np.inf, np.nan, 1.0 + 1e-9, np.inf, 1.1, 2.0, 1e-9])
    check(lambda x, y: [np.isclose(x, y), np.isclose(x, y, equal_nan=True), np.isclose(x, y, 0.2, 0.0)], x, y)
    check(lambda x, y: [np.isclose(x, y)], np.arange(5), np.arange(5.0) * (1 + 1e-6))


@pytest.mark.parametrize("dtype", ["i8", "i4", "?"])
def test_numbers_as_integers(dtype):
    x = np.array([0.0, -0.0, 0.9, -0.9, 2.5, -3.5, 1e9, -1e9, 5e-324])
    check(lambda x: [x.astype(dtype), x[:5].astype(np.float32).astype(dtype)], x)
    if dtype != "?":
        for wrong in (np.nan, np.inf, 1e30):
            bad = np.where(np.arange(9) == 8, wrong, x)
            check(lambda x: [x.astype(dtype)], x, others=[(bad,)], elsewhere=True)


def test_other_functions():
    x = np.array([0.0, -0.5, 2.0, -3.0, 1e-9])
    check(lambda x: [np.sinc(x), np.angle(x), np.i0(x)], x, bits=False)
    check(lambda x: [np.corrcoef(x)], numbers((3, 9)), bits=False, ulps=8)
    gradient = hd.grad(lambda x: np.sum(np.where(x > 0, np.log(np.abs(x)), 0.0)))
    check(lambda x: [gradient(x)], x, bits=False, elsewhere=True)
