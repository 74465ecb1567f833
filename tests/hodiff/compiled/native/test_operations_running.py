"""Running sums, products and recurrences in native code, which have NumPy's bits."""

import numpy as np
import pytest
from native_programs import check

import hodiff as hd
from hodiff.compiled.native.loading.machine import reason
from hodiff.ops.cumulative import recurrence
from hodiff.ops.reductions import running_total

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

SHAPES = [(1,), (9,), (100,), (5, 1), (1, 5), (4, 37), (37, 4), (3, 5, 8), (3, 1, 2, 7)]
SPECIAL = np.array([-0.0, 0.0, -0.0, 1.0, 5e-324, np.inf, 2.0, np.nan, -np.inf])


def numbers(shape, dtype, seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return (values * 10).astype(dtype) if np.dtype(dtype).kind in "iu" else values.astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i4", "i1", "u2", "?"])
def test_along_every_axis(shape, dtype):
    x = numbers(shape, dtype)
    axes = [None, *range(len(shape))]
    check(lambda x: [f(x, axis) for axis in axes for f in (np.cumsum, np.cumprod)], x)
    check(lambda x: [np.cumsum(x, axis, np.float64) for axis in axes], x)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_from_both_ends(shape, reverse):
    x = numbers(shape, "f8")
    check(lambda x: [running_total(x, axis=axis, reverse=reverse) for axis in range(-len(shape), 0)], x)


@pytest.mark.parametrize("reverse", [False, True])
def test_special_values(reverse):
    with np.errstate(all="ignore"):
        for x in (SPECIAL[:5], SPECIAL[5:7], SPECIAL[6:8]):
            check(lambda x: [running_total(x, axis=-1, reverse=reverse), np.cumprod(x)], x)
            check(lambda x: [running_total(x, axis=-2, reverse=reverse)], np.stack([x, x, x]).T.copy())


def test_errors_are_heard_of():
    check(lambda x: [np.cumsum(x)], np.ones(3), others=[(np.array([np.inf, 1.0, -np.inf]),)], elsewhere=True)
    check(lambda x: [np.cumprod(x, 0)], np.ones((3, 9)), others=[(np.full((3, 9), 1e200),)], elsewhere=True)


def test_operands_that_are_views_or_broadcast():
    x = numbers((6, 8), "f8")
    check(lambda x: [np.cumsum(x.T[::-1, 1:], 0), np.cumprod(x[::2, ::-3], 1), np.cumsum(x[3])], x)
    check(lambda x: [np.cumsum(np.broadcast_to(x[0], (5, 8)), 0), np.cumsum(np.broadcast_to(x[0, 0], (5,)))], x)
    check(lambda x: [np.cumsum(np.exp(x) - 1, 1) * 2], x, bits=False)


def test_of_numbers():
    check(lambda x: [np.cumsum(x), np.cumprod(x)], np.float64(-0.0))
    check(lambda x: [np.cumsum(x), np.cumprod(x)], np.array(3))


def test_with_initial_values_and_without_missing_ones():
    x = numbers((4, 5), "f8")
    x[1, 2] = x[3] = np.nan
    check(lambda x: [np.nancumsum(x, 0), np.nancumprod(x, 1), np.nancumsum(x)], x)
    check(lambda x: [np.cumulative_sum(x, axis=1, include_initial=True), np.cumulative_prod(x, axis=0)], x)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_recurrences(dtype):
    a, b = numbers((3, 7, 9), dtype), numbers((3, 7, 9), dtype, seed=1)
    for axis in (-1, -2, -3):
        check(lambda a, b, axis=axis: [recurrence(a, b, axis=axis)], a, b)
        check(lambda a, b, axis=axis: [recurrence(a, b[:1, :1, :1] + 0 * b, axis=axis)], a, b)
    check(lambda a, b: [recurrence(a, b, axis=-1)], a[0], b)


def test_derivatives():
    x = numbers((5, 6), "f8")
    x[2, 2] = 0.0
    for axis in (0, 1):
        for f in (np.cumsum, np.cumprod):
            cost = lambda x, f=f, axis=axis: np.sum(np.sin(f(x, axis)))  # noqa: E731
            check(lambda x, cost=cost: [*hd.value_and_grad(cost)(x)], x, bits=False)
            check(lambda x, cost=cost: [*hd.jvp(hd.grad(cost), (x,), (x,))], x, bits=False, ulps=16)


def test_inside_of_loops():
    def f(x):
        carry, rows = hd.scan(lambda c, row: (np.cumsum(c) * 0.1 + row, np.cumprod(row)), x[0], x)
        return [carry, rows]

    check(f, numbers((6, 7), "f8"), bits=False)
