"""Elements that go to places, in native code: sums at positions, assignments at positions, parts with gaps."""

import numpy as np
import pytest
from native_programs import check

import hodiff as hd
from hodiff.compiled.native.loading.machine import reason
from hodiff.ops.assignment import put_at
from hodiff.ops.indexing import scatter

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

DTYPES = [np.dtype(name) for name in ("f8", "f4", "i8", "i4", "u2", "i1")]


def numbers(shape, dtype, seed=0):
    """Numbers of all signs, with zeros of both."""
    rng = np.random.default_rng(seed)
    values = np.asarray(rng.normal(size=shape) * 10)
    if np.dtype(dtype).kind == "f":
        values.flat[::3] = -0.0
    elif np.dtype(dtype).kind == "u":
        values = np.abs(values)
    return values.astype(dtype)


# --- sums at positions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("whole, axis", [((7,), -1), ((7, 3), -2), ((7, 8), -2), ((2, 7), -1), ((2, 7, 37), -2)])
@pytest.mark.parametrize("places", [(5,), (2, 3), (1,), ()], ids=str)
def test_sums_at_positions(dtype, whole, axis, places):
    rng = np.random.default_rng(1)
    first = len(whole) + axis
    at = np.asarray(rng.integers(-whole[axis], whole[axis], places))
    ct = numbers((*whole[:first], *places, *whole[first + 1 :]), dtype)
    check(lambda c, i: [scatter(c, i, axis=axis, shape=whole)], ct, at)
    check(lambda c: [scatter(c, at, axis=axis, shape=whole)], ct)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u4", "i8", "u8"])
def test_positions_of_all_integer_dtypes(kind):
    at = np.array([3, 0, 3, 3, 1], kind)
    check(lambda c, i: [scatter(c, i, axis=-1, shape=(4,))], numbers(5, "f8"), at)


def test_positions_of_several_axes_that_are_broadcast():
    rows, columns = np.array([[0], [2], [-1]]), np.array([1, 1, 4, 0])
    ct = numbers((2, 3, 4, 5), "f8")
    check(lambda c, i, j: [scatter(c, i, j, axis=-3, shape=(2, 3, 5, 5))], ct, rows, columns)
    check(lambda c, j: [scatter(c, rows, j, axis=-3, shape=(2, 3, 5, 5))], ct, columns)


def test_operands_that_are_views_or_broadcast():
    at = np.array([4, 4, 0])
    ct = numbers((3, 4), "f8")
    check(lambda c, i: [scatter(c.T[:, ::-1][1:], i, axis=-1, shape=(3, 5))], ct, at)
    check(lambda c, i: [scatter(np.broadcast_to(c[0], (6, 4)), np.concatenate([i, i]), axis=-2, shape=(5, 4))], ct, at)
    check(lambda c, i: [scatter(c[0, 0] + np.zeros(3), i[::-1], axis=-1, shape=(5,))], ct, at)
    check(lambda c, i: [scatter(c * 2 + 1, i * 1, axis=-2, shape=(5, 4))[1:] * 3], ct, at)


@pytest.mark.parametrize("bad", [5, -6, 2**40])
def test_positions_out_of_range_are_errors(bad):
    at = np.array([0, 1, 2])
    wrong = np.array([0, bad, 2])
    f = lambda c, i: [scatter(c, i, axis=-1, shape=(5,))]  # noqa: E731
    check(f, np.ones(3), at, others=[(np.ones(3), wrong)], elsewhere=True)


def test_sums_have_the_order_of_numpy():
    rng = np.random.default_rng(2)
    ct, at = rng.normal(size=1000) * 10.0 ** rng.integers(-12, 12, 1000), rng.integers(0, 3, 1000)
    check(lambda c, i: [scatter(c, i, axis=-1, shape=(3,))], ct, at)
    check(lambda c, i: [scatter(c, i, axis=-2, shape=(3, 9))], rng.normal(size=(1000, 9)) * 1e9, at)


def test_gradients_of_picked_elements():
    rng = np.random.default_rng(3)
    at, x = rng.integers(0, 9, 20), rng.normal(size=9)
    gradient = hd.grad(lambda x, i: np.sum(np.sin(x[i]) * x[i]))
    check(lambda x, i: [gradient(x, i)], x, at, bits=False)
    check(lambda x: [gradient(x, at)], x, bits=False)
    blocks = hd.grad(lambda p, i: np.sum(np.sin(p[i]) @ np.arange(3.0)) + np.sum(p[2:5] ** 2))
    check(lambda p, i: [blocks(p, i)], rng.normal(size=(9, 3)), at, bits=False)
    several = hd.grad(lambda p: np.sum(p[at] ** 2) + p[0, 1] + np.sum(p[::2]))
    check(lambda p: [several(p)], rng.normal(size=(9, 9)), bits=False)


# --- assignments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES, np.dtype(bool)], ids=str)
@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("places", [(4,), (2, 3), ()], ids=str)
def test_assignments_at_positions(dtype, ndim, places):
    rng = np.random.default_rng(4)
    x = numbers((5, 6), dtype)
    positions = np.asarray(rng.integers(-40, 40, places))
    shape = (*x.shape[: 2 - ndim], *places)
    values = numbers(shape, dtype, seed=5)
    check(lambda x, v, p: [put_at(x, v, p, ndim=ndim)], x, values, positions)
    check(lambda x, v: [put_at(x, v, positions, ndim=ndim)], x, values)
    check(lambda x, v, p: [put_at(x, v, p, ndim=ndim)], x, numbers((1,) * len(shape), dtype), positions)


def test_the_last_of_several_values_for_one_place_counts():
    check(lambda x, v, p: [put_at(x, v, p, ndim=1)], np.zeros(4), np.arange(1.0, 6.0), np.array([1, 3, 1, 1, 3]))


def test_values_of_another_dtype_are_converted():
    check(lambda x, v, p: [put_at(x, v, p, ndim=1)], np.zeros(4), np.array([3, 4]), np.array([1, 3], np.uint8))
    check(lambda x, v, p: [put_at(x, v, p, ndim=1)], np.zeros(4, "f4"), np.array([0.1, np.inf]), np.array([1, 3]))


def test_assignments_by_keys():
    def f(x, i):
        y = np.zeros_like(x)
        y[i] = x[i] * 2
        y[i, 1] += x[0, 0]
        return [y]

    check(f, numbers((6, 4), "f8"), np.array([1, 5, 2]))


# --- gaps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [2, 3, -2, -5])
@pytest.mark.parametrize("shape", [(100,), (100, 3), (3, 100), (50, 4, 50)], ids=str)
def test_parts_with_gaps(step, shape):
    x = numbers(shape, "f8")
    gap = (..., slice(None, None, step)) if shape[0] == 3 else (slice(None, None, step),)
    check(lambda x: [hd.grad(lambda x: np.sum(np.sin(x[gap])))(x)], x, bits=False)

    def f(x):
        y = 2.0 * x
        y[gap] = x[gap] ** 2
        y[gap] += 1.0
        return [y]

    check(f, x)


def test_gradients_with_gaps_that_overlap():
    f = hd.grad(lambda x: np.sum(x[::2] ** 2) + np.sum(np.exp(x[1::3])) + np.sum(x[::-4] * x[0]) + np.sum(x[5:60]))
    check(lambda x: [f(x)], numbers(90, "f8") / 10, bits=False)
