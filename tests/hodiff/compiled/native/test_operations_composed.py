"""Operations that native code composes of others: statistics, extrema, searches, rearrangements."""

import numpy as np
import pytest
from native_programs import check

import hodiff as hd
from hodiff.compiled.native.loading.machine import reason
from hodiff.ops.spectral import coinciding, hermitian_part, sharing, signed_power, vanishing, vanishing_sums

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

SHAPES = [(1,), (5,), (40,), (3, 4), (2, 33), (33, 2), (2, 3, 4)]
FLOATS = ["f8", "f4"]


def numbers(shape, dtype="f8", seed=0):
    """Numbers with ties."""
    values = np.random.default_rng(seed).normal(size=shape)
    values = np.round(values * 4) / 4
    return (values * 4).astype(dtype) if np.dtype(dtype).kind in "iu" else values.astype(dtype)


def axes_of(shape):
    axes = [None, *range(len(shape))]
    return [*axes, (0, len(shape) - 1)] if len(shape) > 1 else axes


def every(functions, shape, *values, tuples=True, **keywords):
    """Check functions of an array, an axis and ``keepdims``."""
    axes = [axis for axis in axes_of(shape) if tuples or not isinstance(axis, tuple)]
    check(lambda x: [f(x, axis, k) for f in functions for axis in axes for k in (False, True)], *values, **keywords)


# --- truth, counts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "?"])
def test_any_all_and_counts(shape, dtype):
    for x in (numbers(shape, dtype), np.zeros(shape, dtype), np.ones(shape, dtype)):
        functions = [np.any, np.all, np.count_nonzero]
        every([lambda x, axis, k, f=f: f(x, axis, keepdims=k) for f in functions], shape, x)


def test_nan_is_true_and_zeros_of_both_signs_are_not():
    x = np.array([[np.nan, 0.0, -0.0], [-0.0, 0.0, 0.0], [1.0, np.inf, np.nan]])
    check(lambda x: [np.any(x, 1), np.all(x, 1), np.any(x, 0), np.count_nonzero(x, 1), np.all(x)], x)


# --- places of extrema ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "i2", "u1", "?"])
def test_the_first_of_extrema(shape, dtype):
    x = numbers(shape, dtype)
    functions = [np.argmax, np.argmin]
    every([lambda x, axis, k, f=f: f(x, axis, keepdims=k) for f in functions], shape, x, tuples=False)


@pytest.mark.parametrize("place", [0, 3, 8])
def test_nan_is_an_extremum(place):
    x = numbers((3, 9))
    x[1, place] = np.nan
    x[2, 5:] = np.nan
    check(lambda x: [np.argmax(x, 1), np.argmin(x, 0), np.argmax(x), np.argmin(x, 1)], x)


def test_infinite_extrema():
    x = np.array([-np.inf, -np.inf, -np.inf])
    check(lambda x: [np.argmax(x), np.argmin(x), np.argmax(-x)], x)


# --- missing elements -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_extrema_of_what_is_present(shape, dtype):
    x = numbers(shape, dtype)
    if x.size > 1:
        x.flat[1::3] = np.nan
    whole = [axis for axis in axes_of(shape) if not np.isnan(np.nanmax(np.where(np.isnan(x), -1, x), axis)).any()]
    for axis in whole:
        empty = np.isnan(x).all(axis).any()
        for f in (np.nanmax, np.nanmin):
            check(lambda x, f=f, axis=axis: [f(x, axis), f(x, axis, keepdims=True)], x, elsewhere=bool(empty))
        if not isinstance(axis, tuple) and not empty:
            check(lambda x, axis=axis: [np.nanargmax(x, axis), np.nanargmin(x, axis, keepdims=True)], x)


def test_slices_without_elements_warn_or_raise():
    x, empty = numbers((3, 4)), numbers((3, 4))
    empty[1] = np.nan
    check(lambda x: [np.nanmax(x, 1), np.nanmin(x, 1)], x, others=[(empty,)], elsewhere=True)
    check(lambda x: [np.nanargmax(x, 1)], x, others=[(empty,)], elsewhere=True)
    check(lambda x: [np.nanmean(x, 1)], x, others=[(empty,)], elsewhere=True, bits=False)
    check(lambda x: [np.nanvar(x, 1, ddof=1)], x, others=[(empty,)], elsewhere=True, bits=False)
    check(lambda x: [np.nanmax(x)], x, others=[(np.full((3, 4), np.nan),)], elsewhere=True)


@pytest.mark.parametrize("dtype", FLOATS)
def test_statistics_of_what_is_present(dtype):
    x = numbers((5, 6), dtype)
    x[2, 1] = x[3, 3] = np.nan
    for axis in (None, 0, 1):
        check(lambda x, axis=axis: [np.nansum(x, axis), np.nanmean(x, axis), np.nanprod(x, axis)], x, bits=False)
        check(lambda x, axis=axis: [np.nanvar(x, axis), np.nanstd(x, axis, ddof=1)], x, bits=False, ulps=8)
        std = lambda x, axis=axis: np.sum(np.nanstd(x, axis))  # noqa: E731
        check(lambda x, std=std: [hd.grad(std)(x)], x, bits=False, ulps=16)


# --- spread -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [*FLOATS, "i8", "?"])
def test_variance_and_standard_deviation(shape, dtype):
    x = numbers(shape, dtype)
    functions = [lambda x, a, k, f=f: f(x, a, keepdims=k) for f in (np.var, np.std)]
    if min(shape) > 1:
        functions += [
            lambda x, a, k: np.var(x, a, ddof=1, keepdims=k),
            lambda x, a, k: np.std(x, a, None, None, 1.5, k),
        ]
    every(functions, shape, x, bits=False, ulps=8)


def test_derivatives_of_the_spread():
    x = numbers((6, 5))
    x[:, 2] = 0.1  # all alike
    for axis in (0, 1, None):
        check(lambda x, axis=axis: [hd.grad(lambda x: np.sum(np.std(x, axis)))(x)], x, bits=False, ulps=16)
        check(lambda x, axis=axis: [hd.grad(lambda x: np.sum(np.var(x, axis) ** 2))(x)], x, bits=False, ulps=16)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("order", [None, 1, 2, 3, 2.5, -1, np.inf, -np.inf, 0])
def test_norms(dtype, order):
    x = numbers((5, 6), dtype) + np.array(0.125, dtype)
    for axis in (0, 1):
        norm = lambda x, axis=axis: np.linalg.norm(x, order, axis)  # noqa: E731
        check(lambda x, norm=norm: [norm(x)], x, bits=False, ulps=8)
        check(lambda x, norm=norm: [hd.grad(lambda x: np.sum(norm(x)))(x)], x, bits=False, ulps=16)
    check(lambda x: [np.linalg.norm(x), np.linalg.norm(x, axis=(0, 1), keepdims=True)], x, bits=False)


def test_norms_at_kinks():
    x = np.zeros((3, 4))
    x[1] = [3.0, 0.0, -4.0, 0.0]
    for order in (None, 1, np.inf):
        check(lambda x, n=order: [hd.grad(lambda x: np.sum(np.linalg.norm(x, n, axis=1)))(x)], x, bits=False)


def test_weighted_means():
    x, w = numbers((4, 5)), np.arange(1.0, 5.0)
    check(lambda x, w: [np.average(x, 0, w)], x, w, others=[(x, np.array([1.0, -1, 0, 0]))], bits=False, elsewhere=True)


# --- rearrangements ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f8", "i4", "?"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rolled(shape, dtype):
    x = numbers(shape, dtype)
    rolled = lambda x, n: [np.roll(x, n), np.roll(x, n, 0), np.roll(x, (n, 1), (0, -1))]  # noqa: E731
    check(lambda x: [y for n in (0, 1, -2, 7) for y in rolled(x, n)], x)
    check(lambda x: [np.roll(x, (1, 2), (0, 0)), np.roll(np.sin(x * 1.0), 1)], x, bits=False)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_tiled_and_repeated(shape):
    x = numbers(shape)
    counts = [1, 2, 9, (2, 3), (3, 1, 5)]
    axes = [None, *range(len(shape))]
    check(lambda x: [np.tile(x, reps) for reps in counts], x)
    check(lambda x: [np.repeat(x, n, axis) for axis in axes for n in (1, 3)], x)
    check(lambda x: [hd.grad(lambda x, r=r: np.sum(np.tile(x, r) ** 2))(x) for r in counts], x, bits=False)
    check(lambda x: [hd.grad(lambda x, a=a: np.sum(np.repeat(x, 2, a) ** 2))(x) for a in axes], x, bits=False)
    check(lambda x: [np.tile(np.exp(x), 12) + 1.0], x, bits=False)


@pytest.mark.parametrize("offset", [0, 1, -1, 2])
def test_diagonals(offset):
    x = numbers((4, 4, 5))
    check(lambda x: [np.diagonal(x, offset), np.trace(x, offset, 1, 2), np.diag(x[0], offset) * 2], x, bits=False)
    check(lambda x: [np.diag(x[0, 0], offset), np.diagflat(x[0, 1] + 1, offset)], x)
    check(lambda x: [hd.grad(lambda x: np.sum(np.diagonal(x, offset, 0, 2) ** 2))(x)], x, bits=False)
    check(lambda x: [np.diag(x[0], offset) @ np.diag(x[1], offset), np.diag(np.diag(x[0])) @ x[1]], x, bits=False)


def test_rounded():
    x = np.array([0.5, 1.5, -2.5, 0.125, 2.675, -0.004, np.inf, 1e300, -0.0])
    for decimals in (0, 1, 2, -1, -3, 10):
        check(lambda x, d=decimals: [np.round(x, d), np.round(x.astype(np.float32) / 2, d)], x[:-3])
    check(lambda x: [np.round(x)], x)


def test_chosen():
    x, at = numbers((4, 5)), np.random.default_rng(1).integers(0, 3, (4, 5))
    for mode, shift in (("raise", 0), ("wrap", -5), ("clip", 1)):
        check(lambda x, i, m=mode: [np.choose(i, [x, 2 * x, x + 1], mode=m)], x, at + shift)
    for wrong in (3, -1):
        bad = at.copy()
        bad[1, 1] = wrong
        check(lambda x, i: [np.choose(i, [x, 2 * x, x + 1])], x, at, others=[(x, bad)], elsewhere=True)


def test_infinities():
    x = np.array([np.inf, -np.inf, 0.0, np.nan, 1e308])
    check(lambda x: [np.isposinf(x), np.isneginf(x), np.sign(x), hd.stop_gradient(x) / 2], x)


def test_what_rules_of_spectra_ask():
    w, x = np.array([[1.0, 1.0, 2.0, 3.0], [0.0, 1e-20, 1e-20, np.nan]]), numbers((2, 4, 4))
    check(lambda w: [f(w, size=4) for f in (coinciding, vanishing, vanishing_sums, sharing)], w)
    check(lambda x: [hermitian_part(x), signed_power(x, q=2.5)], x, bits=False)


def test_inside_of_loops_and_branches():
    def f(x):
        def turn(c, row):
            far = hd.cond(np.any(row > 1.0), lambda r: np.roll(r, 1), lambda r: np.repeat(r[:1], 7), row)
            return c + np.std(row) + np.argmax(row), far

        return [*hd.scan(turn, 0.0, x)]

    check(f, numbers((6, 7)), bits=False)
