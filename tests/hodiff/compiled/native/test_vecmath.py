"""Functions on vectors against long doubles: accuracy, special values, errors, and the same bits at any width."""

import math

import numpy as np
import pytest
from native_kernels import WIDTHS, Case, compiled, raised, ulps
from scipy import special

from hodiff.compiled.native.machine import machine, reason
from hodiff.compiled.native.ufuncs import lowered

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

LONG = np.longdouble
DOUBLE, SINGLE = np.dtype("f8"), np.dtype("f4")
#: Where a long double is no longer than a double, its own error counts as well.
SLACK = 0.0 if np.finfo(LONG).nmant > 60 else 1.0

EVERYWHERE, POSITIVE = "everywhere", "positive"

#: By name: the ufunc, what computes it independently, ranges of its operands, and the greatest error in units in the
#: last place.
TABLE = {
    "exp": (np.exp, None, [(-745, 709.78), (-1, 1), EVERYWHERE], 1.0),
    "expm1": (np.expm1, None, [(-40, 709.78), (-1, 1), (-1e-3, 1e-3), EVERYWHERE], 2.5),
    "log": (np.log, None, [(0.5, 2), (0.99, 1.01), (0, 1e4), POSITIVE], 1.0),
    "log1p": (np.log1p, None, [(-1, 10), (-1e-3, 1e-3), (-0.5, 1), EVERYWHERE], 1.0),
    "tanh": (np.tanh, None, [(-25, 25), (-1, 1), (-1e-2, 1e-2), EVERYWHERE], 2.5),
    "expit": (special.expit, lambda x: 1 / (1 + np.exp(-x)), [(-709, 800), (-1, 1), EVERYWHERE], 2.0),
    "logaddexp": (np.logaddexp, None, [(0, 50), (-1, 800), EVERYWHERE], 1.5),
    "sin": (np.sin, None, [(-4, 4), (-0.8, 0.8), (-5e4, 5e4), (-1e9, 1e9), EVERYWHERE], 1.0),
    "cos": (np.cos, None, [(-4, 4), (-0.8, 0.8), (-5e4, 5e4), (-1e9, 1e9), EVERYWHERE], 1.0),
    "tan": (np.tan, None, [(-4, 4), (-0.8, 0.8), (-5e4, 5e4), (-1e9, 1e9), EVERYWHERE], 2.0),
}

SPECIAL = np.array(
    [0.0, 1.0, 0.5, 2.0, 800.0, 5e-324, 1e-310, np.finfo(float).tiny, np.finfo(float).max, np.inf, np.nan]
)
SPECIAL = np.concatenate([SPECIAL, -SPECIAL])


@pytest.fixture(scope="module")
def kernels():
    cases = {
        (name, dtype.name): Case(lowered(entry[0], (dtype,) * entry[0].nin).write, (dtype,) * entry[0].nin, (dtype,))
        for name, entry in TABLE.items()
        for dtype in (DOUBLE, SINGLE)
    }
    return compiled(cases)


def sample(where, rng, length, dtype=DOUBLE):
    info = np.finfo(dtype)
    if where in (EVERYWHERE, POSITIVE):
        x = np.ldexp(rng.uniform(0.5, 1, length), rng.integers(info.minexp - info.nmant, info.maxexp, length))
        x = x if where == POSITIVE else x * rng.choice([-1, 1], length)
    else:
        x = rng.uniform(*where, length)
    return np.clip(x, info.min, info.max).astype(dtype)


def samples(name, dtype=DOUBLE, length=3000):
    rng = np.random.default_rng(0)
    function, _, ranges, _ = TABLE[name]
    for where in ranges:
        yield where, [sample(where, rng, length, dtype) for _ in range(function.nin)]


def special_values(function, dtype=DOUBLE):
    x = SPECIAL[np.abs(np.nan_to_num(SPECIAL)) <= np.finfo(dtype).max].astype(dtype)
    return [x] if function.nin == 1 else [a.ravel() for a in np.meshgrid(x, x)]


@pytest.mark.parametrize("name", TABLE)
def test_doubles_are_as_good_as_they_should_be(kernels, name):
    function, independent, _, most = TABLE[name]
    for where, operands in samples(name):
        with np.errstate(all="ignore"):
            expected = (independent or function)(*[operand.astype(LONG) for operand in operands])
        error = ulps(kernels[name, "float64"][8](*operands), expected)
        worst = int(np.argmax(error))
        assert error[worst] <= most + SLACK, (where, [operand[worst] for operand in operands], error[worst])


@pytest.mark.parametrize("name", TABLE)
def test_singles_are_rounded_doubles(kernels, name):
    function, independent, _, _ = TABLE[name]
    for where, operands in samples(name, SINGLE):
        with np.errstate(all="ignore"):
            expected = (independent or function)(*[operand.astype(LONG) for operand in operands])
        error = ulps(kernels[name, "float32"][8](*operands), expected)
        assert error.max() <= 0.51, where


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
@pytest.mark.parametrize("name", TABLE)
def test_special_values_are_those_of_numpy(kernels, name, dtype):
    function = TABLE[name][0]
    operands = special_values(function, dtype)
    with np.errstate(all="ignore"):
        expected = function(*operands)
    found = kernels[name, dtype.name][4](*operands)
    exact = ~np.isfinite(expected) | (expected == 0)
    assert np.array_equal(found[exact], expected[exact], equal_nan=True)
    assert np.array_equal(
        np.signbit(found[exact & ~np.isnan(expected)]), np.signbit(expected[exact & ~np.isnan(expected)])
    )
    assert ulps(found, expected).max() <= 4


@pytest.mark.parametrize("dtype", [DOUBLE, SINGLE], ids=str)
@pytest.mark.parametrize("name", TABLE)
def test_the_bits_of_an_element_do_not_depend_on_where_it_is(kernels, name, dtype):
    function = TABLE[name][0]
    operands = [
        np.concatenate(parts)
        for parts in zip(special_values(function, dtype), *(xs for _, xs in samples(name, dtype, 101)), strict=True)
    ]
    first = kernels[name, dtype.name][WIDTHS[0]](*operands)
    for lanes in WIDTHS[1:]:
        found = np.roll(kernels[name, dtype.name][lanes](*[np.roll(x, lanes // 2) for x in operands]), -(lanes // 2))
        integer = f"i{dtype.itemsize}"
        assert np.all((found.view(integer) == first.view(integer)) | (np.isnan(found) & np.isnan(first)))


@pytest.mark.skipif(reason() is None and not machine().x86, reason="flags are read on x86 only")
@pytest.mark.parametrize("name", TABLE)
def test_errors_are_those_of_numpy(kernels, name):
    function = TABLE[name][0]
    operands = special_values(function)
    few = [operand[::17] for operand in next(iter(samples(name)))[1]]
    for element in zip(*(np.concatenate(parts) for parts in zip(operands, few, strict=True)), strict=True):
        expected = set()
        with np.errstate(all="call", call=lambda kind, _, expected=expected: expected.add(kind)):
            function(*[np.array([x]) for x in element])
        words = {"divide by zero": "divide", "overflow": "over", "underflow": "under", "invalid value": "invalid"}
        expected = {words[kind] for kind in expected}
        for lanes in (1, 8):
            with raised() as errors:
                kernels[name, "float64"][lanes](*[np.array([x]) for x in element])
            # Of some functions NumPy compares NaN in a way that signals it.
            quiet = {"invalid"} if np.isnan(element).any() else set()
            assert expected - {"under"} - quiet <= errors <= expected | {"under"}, (element, lanes)


def test_infinities_do_not_meet_in_logaddexp(kernels):
    infinity = np.array([math.inf, -math.inf])
    with raised() as errors:
        assert np.array_equal(kernels["logaddexp", "float64"][2](infinity, infinity), infinity)
    assert not errors
