"""Programs in which several rules of the planner meet, against plain NumPy."""

import numpy as np
import pytest
from backends import native_only

import hodiff as hd
from tests.hodiff.compiled.native.native_programs import check

pytestmark = native_only

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("reduce", [np.mean, np.sum, np.max])
@pytest.mark.parametrize("returned", [True, False])
def test_rows_that_read_what_is_joined_in_memory(reduce, returned):
    # The last axis is not reduced, so nothing is known of a mean before the loop through all rows has ended.
    def f(x):
        joined = reduce(np.exp(x), axis=1, keepdims=True)
        return [np.exp(x - joined), *[joined][:returned]]

    check(f, RANDOM.normal(size=(32, 10, 12)), bits=False, ulps=100)


@pytest.mark.parametrize("position", [0, 3, -1])
def test_rows_at_a_position_that_is_data_are_read_backwards(position):
    x, more = RANDOM.normal(size=(5, 33)), RANDOM.normal(size=(5, 33, 3))
    check(lambda x, more, i: [x[i][::-1] * 2, x[i][::-2] * 2, more[i].T[:, ::-1] * 2], x, more, np.array(position))


ROWS, COLUMNS = np.arange(17) % 15, np.array([0, 1, 0, 1])
#: Numbers of elements at places in memory of what batches compute column by column.
NUMBERS = {
    "at positions": lambda x: np.trace((x * x)[ROWS][:, COLUMNS]),
    "in order": lambda x: np.repeat(x * x, 2, axis=None)[-50],
    "in another shape": lambda x: (x * x)[ROWS].reshape(-1)[7],
}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("more", [False, True])
def test_numbers_of_what_lies_column_by_column(name, more):
    f, x = NUMBERS[name], RANDOM.normal(size=(15, 2))
    check(lambda x: [f(x), *[(x * x)[ROWS] * 2.0][:more]], x, bits=False)
    check(lambda x: [f(x), np.sqrt(x * x)][1:], x)  # which nobody reads


@pytest.mark.parametrize("name", NUMBERS)
def test_guards_on_what_lies_column_by_column(name):
    f = NUMBERS[name]

    def chosen(x):
        y = (x * x)[ROWS]
        return x * y[:1] if f(x) > 1.0 else y

    compiled = hd.jit(chosen, backend="native")
    for factor in (1.0, 1.0, 100.0, 1.0, 100.0):
        x = factor * np.linspace(0.1, 0.2, 30).reshape(15, 2)
        np.testing.assert_array_equal(compiled(x), chosen(x))
    assert compiled.cache_info().specialisations == 2


def _put(x, number):
    x = x.copy()
    x[1] = number
    return x


#: What takes one of Python's integers for one of NumPy's.
ADAPTING = {
    "sum": lambda x, number: x + number,
    "of numbers": lambda x, number: x[1] * number,
    "comparison": lambda x, number: x < number,
    "equality": lambda x, number: number == x,
    "choice": lambda x, number: np.where(x > 2, x, number),
    "limits": lambda x, number: np.clip(x, 0, number),
    "assignment": _put,
}


@pytest.mark.parametrize("name", ADAPTING)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize("number", [-200, -1, 300, 2**40])
def test_integers_of_python_that_do_not_fit(name, dtype, number):
    f, x = ADAPTING[name], np.arange(40).astype(dtype)
    compiled = hd.jit(f, backend="native")
    for each in (3, number, 3, number):
        try:
            expected = f(x, each)
        except OverflowError:
            with pytest.raises(OverflowError):
                compiled(x, each)
            continue
        found = compiled(x, each)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    assert compiled.eager_reason is None


@pytest.mark.parametrize("number", [-200, 5, 300])
def test_integers_of_the_program_that_do_not_fit(number):
    x = np.arange(40).astype(np.int8)
    compiled = hd.jit(lambda x: (x < number, number != x), backend="native")
    for _ in range(3):
        for found, expected in zip(compiled(x), (x < number, number != x), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_numbers_behind_a_loop_that_computed_them_within():
    """A number that may give up is computed in the loop that reads it, and again behind that."""

    def f(n, x, low):
        y = np.copysign(x, n % n)
        return np.clip(y, low, None), y.mean(axis=0)

    arguments = 3, np.ones(3, np.float32), np.zeros((3, 1))
    compiled = hd.jit(f, backend="native")
    for _ in range(3):
        for found, wanted in zip(compiled(*arguments), f(*arguments), strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert "cannot be compiled" not in compiled.lower(*arguments)
