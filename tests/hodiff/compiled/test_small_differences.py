"""What random programs have found: compiled functions that differed from plain ones in a type or an error."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled import native

pytestmark = pytest.mark.usefixtures("backend")

BACKENDS = [
    "numpy",
    pytest.param("native", marks=pytest.mark.skipif(native.reason() is not None, reason=str(native.reason()))),
]
X = np.array([0.5, -1.0, 2.0])
INTEGERS = (np.arange(3), np.arange(3, dtype=np.int8), np.array([True, False]), np.int64(3), np.True_)


def assert_alike(function, *args):
    """Plain and compiled, first and second call: types, shapes, dtypes, numbers."""
    plain, compiled = function(*args), hd.jit(function)
    for _ in range(3):
        found = compiled(*args)
        assert type(found) is type(plain)
        assert np.asarray(found).dtype == np.asarray(plain).dtype
        np.testing.assert_allclose(found, plain, rtol=1e-15)


@pytest.mark.parametrize("value", INTEGERS, ids=repr)
@pytest.mark.parametrize("exponent", [2, 2.0, 0.5])
def test_powers_of_integers_have_the_dtype_of_numpy(value, exponent):
    assert_alike(lambda x: x**exponent, value)
    batched = hd.vmap(lambda x: x**exponent)(np.stack([value, value]))
    if not (np.ndim(value) == 0 and value.dtype == bool and exponent == 2):  # what NumPy does for a scalar alone
        assert batched.dtype == (value**exponent).dtype


def test_select_takes_no_precision_from_numbers_of_python():
    assert_alike(lambda x, a: np.select([a > 0.5, x > 0], [x, a * 2], 0.25), X.astype(np.float32), 2.0)
    assert_alike(lambda x, a: np.select([x > 0], [x], a), X.astype(np.float32), 2.0)


def test_an_array_that_is_not_differentiated_may_be_changed():
    def f(x, work):
        np.tanh(x, out=work)
        return np.sum(np.cos(x))

    def g(x, work):
        work[0] = 5.0
        return np.sum(np.cos(x))

    # The first writes traced values into a plain array, which is refused plainly too.
    with pytest.raises(hd.errors.InPlaceError):
        hd.grad(f)(X, np.zeros(3))
    with pytest.raises(hd.errors.InPlaceError):
        hd.grad(hd.jit(f))(X, np.zeros(3))
    for function in (hd.grad(hd.jit(g)), hd.vmap(hd.jit(g), in_axes=(0, None))):
        work = np.zeros(3)
        function(X, work)
        assert work[0] == 5.0


def test_an_array_of_no_axes_is_told_from_a_scalar_in_doubt():
    def f(x):
        return np.ones_like(x) if not isinstance(x, float) else np.float64(1.0)

    assert_alike(f, 0.3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_nobody_reads_warns_as_in_the_plain_function(backend):
    def f(x):
        np.log(x - x)
        np.sin(x) / np.rint(x * 0.1)
        return np.cos(x) * x

    compiled = hd.jit(f, backend=backend)
    for _ in range(3):
        with pytest.warns(RuntimeWarning) as caught:
            np.testing.assert_allclose(compiled(X), f(X), rtol=1e-14)
        messages = [str(warning.message).split(" encountered")[0] for warning in caught]
        assert messages.count("divide by zero") == 4


def test_why_a_batch_runs_eagerly_is_told():
    compiled = hd.jit(lambda x, y: np.ascontiguousarray(y))
    hd.vmap(compiled, in_axes=(0, None))(X, np.ones((2, 2)))
    assert compiled.cache_info().eager_calls
    assert "not traced" in compiled.eager_reason


# --- rows at places that are traced -----------------------------------------------------------------------------------

TABLE = np.arange(12.0).reshape(3, 4)


def _row_sees_the_array(a, t):
    v = a * 2
    row = v[t]
    v[2, 1] = -1.0
    return row, v


def _array_sees_the_row(a, t):
    v = a * 2
    row, part = v[t], v[t, 1:3]
    row[1] = -2.0
    row += 1
    part *= 3.0
    return row, part, v


def _rows_of_rows(a, t):
    v = a * 2
    row = v[t]
    end = row[1:]
    v[1] = 0.0
    end += 1
    return v, row, end


def _columns(a, t):
    v = a * 2
    column, copy = v[:, t], v[:, np.array([2, 0])]
    v[1] = 0.0
    column[0] = 7.0
    copy[0] = 5.0
    return v, column, copy


def _added_in_place(a, t):
    v = a * 2
    v[t] += 1.0
    v[t] *= a[t - 1]
    v[t, ::2] -= a[t, 1::2]
    return (v,)


@pytest.mark.parametrize(
    "function", [_row_sees_the_array, _array_sees_the_row, _rows_of_rows, _columns, _added_in_place]
)
def test_a_row_at_a_traced_place_is_a_view(function):
    compiled = hd.jit(function, backend="numpy")
    derivative = hd.jacfwd(lambda a, t: function(a, t)[0])
    for t in (2, 1, 2, 0):
        for found, plain in zip(compiled(TABLE, np.int64(t)), function(TABLE, np.int64(t)), strict=True):
            np.testing.assert_array_equal(found, plain)
        np.testing.assert_allclose(hd.jit(derivative)(TABLE, np.int64(t)), derivative(TABLE, t), rtol=1e-14)
    assert compiled.eager_reason is None
    assert compiled.cache_info().specialisations == 1
    places = np.array([2, 0])
    batched = hd.vmap(function)(np.stack([TABLE, TABLE + 1]), places)
    for found, *members in zip(batched, *map(function, (TABLE, TABLE + 1), places), strict=True):
        np.testing.assert_array_equal(found, np.stack(members))


def test_a_row_of_an_argument_is_not_changed_behind_the_callers_back():
    def f(a, t):
        row = a[t]
        row += 1.0
        return row * 2

    compiled, table, other = hd.jit(f), TABLE.copy(), TABLE.copy()
    for _ in range(2):
        np.testing.assert_array_equal(compiled(table, np.int64(1)), f(other, np.int64(1)))
        np.testing.assert_array_equal(table, other)


@pytest.mark.parametrize("number", [0.5, 3, np.float64(0.5), np.array(0.5), np.array([1, 2])], ids=repr)
def test_the_imaginary_part_of_what_is_real_has_its_type(number):
    compiled = hd.jit(lambda x: (np.imag(x), np.cos(x)))
    for _ in range(2):
        assert type(compiled(number)[0]) is type(np.imag(number))


def test_an_array_is_asked_for_beside_a_hessian():
    def f(x):
        return np.nonzero(x > 0.1)[0], hd.hessian(lambda x: np.sum(x / (1.0 + x * x)))(x)

    compiled = hd.jit(f)
    for x in (X, X, -X, X):
        for found, plain in zip(compiled(x), f(x), strict=True):
            np.testing.assert_allclose(found, plain, rtol=1e-12)
    assert compiled.eager_reason is None


@pytest.mark.parametrize("number", [1.5, 1.5 + 2j, 2, True, np.float64(2.0), np.complex128(1 + 2j)], ids=repr)
@pytest.mark.parametrize("part", [np.real, np.imag, lambda x: x.real, lambda x: x.imag])
def test_parts_of_numbers_are_numbers(part, number):
    assert_alike(part, number)
    assert_alike(lambda x: part(x) * 2.0, number)
    assert_alike(lambda x: part(x) * X.astype(np.float32), number)
    compiled = hd.jit(part)
    compiled(number)
    assert compiled.eager_reason is None


@pytest.mark.parametrize("value", [np.True_, np.array(True), np.int8(100), np.uint8(200), 2.5, 3], ids=repr)
def test_squares_have_the_dtype_of_numpy(value):
    assert_alike(np.square, value)  # and warn of no overflow


@pytest.mark.parametrize("shape", [(), (3,), (40,)])
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_division_of_integers_by_zero_warns_whatever_the_shape(shape, dtype, backend):
    divisions = (lambda a, b: a // b, lambda a, b: a % b, np.fmod)
    zeros, least = np.zeros(shape, dtype), np.full(shape, np.iinfo(dtype).min, dtype)
    for function in divisions:
        compiled = hd.jit(function)
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match="divide by zero"):
                np.testing.assert_array_equal(compiled(zeros + 1, zeros), np.zeros(shape))
    if np.iinfo(dtype).min:
        compiled = hd.jit(divisions[0])
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match="overflow"):
                np.testing.assert_array_equal(compiled(least, np.full(shape, -1, dtype)), least)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_second_derivatives_of_determinants_are_compiled(n, backend):
    def f(a):
        return np.linalg.det(a @ a.T + np.eye(n))

    a = np.random.default_rng(n).normal(size=(n, n))
    compiled = hd.jit(hd.hessian(f))
    for _ in range(2):
        np.testing.assert_allclose(compiled(a), hd.hessian(f)(a), rtol=1e-9, atol=1e-9)
    assert compiled.eager_reason is None
