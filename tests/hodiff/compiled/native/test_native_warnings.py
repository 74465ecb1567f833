"""Floating-point errors are heard whatever LLVM knows of the numbers: also those of values that nobody reads."""

import warnings

import numpy as np
import pytest
from backends import native_only
from scipy import special

import hodiff as hd
from hodiff.compiled import native
from hodiff.ops.elementwise import divide, multiply
from hodiff.program import Equation, Literal, Program, Var
from tests.hodiff.compiled.native.native_programs import check, quietly

pytestmark = native_only

SHAPES = [(), (1,), (2,), (3,), (8,), (21,)]


def test_all_numbers_that_nobody_reads_are_computed():
    def f(x):
        np.arcsin(x[0] * 2.0)  # outside of [-1, 1]
        np.sum(x)
        np.count_nonzero(x)
        return [x * 2.0]

    check(f, np.zeros(5), others=[(np.ones(5),)], elsewhere=True)


#: Of numbers that are 1 or 0: what is an error for the latter, and LLVM could do in advance for both.
KNOWN = {
    "of a choice": lambda x: 1.0 / np.where(x > 0, 1.0, 0.0),
    "of bits": lambda x: 1.0 / (x > 0),
    "of bits and a bit": lambda x: np.False_ / (x > 0),
    "of an extremum": lambda x: 1.0 / np.maximum(x, 0.0),
    "of a sign": lambda x: 1.0 / np.sign(x),
    "of a difference": lambda x: 2 / (x.astype(int) - x.astype(int)),
    "too large": lambda x: 1e200 * np.where(x > 0, 1.0, 1e200),
    "not a number": lambda x: np.inf - np.where(x > 0, 1.0, np.inf),
    "of two choices": lambda x: np.where(x > 0, 1.0, 0.0) / np.where(x > 0, 1.0, 0.0),
    "too large for half of the bits": lambda x: np.where(x > 0, 1.0, 1e300).astype(np.float32),
    "of integers": lambda x: np.int64(7) // np.where(x > 0, 1, 0),
    "of nothing": lambda x: np.int64(0) % x.astype(int),
    "of a count": lambda x: np.floor_divide(np.count_nonzero(x), np.count_nonzero(x)),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_errors_of_numbers_that_llvm_knows_are_heard(name, shape):
    f = KNOWN[name]
    check(lambda x: [f(x)], np.ones(shape), others=[(np.zeros(shape),)], elsewhere=True)


def assigned(y):
    y[0] = 3.0
    return y * 2.0


#: Of quotients, of which the first is infinite, what does not read it.
PARTS = {
    "slice": lambda y: y[1:],
    "element": lambda y: y[1],
    "last element, which is a number": lambda y: y[-1] * 2.0,
    "slice of slice": lambda y: y[:, None][1:-1],
    "reversed": lambda y: y[::-1][:-1] * 2.0,
    "sum of a part": lambda y: np.sum(y[1:]),
    "choice": lambda y: np.where(np.isinf(y), 0.0, y),
    "assigned": assigned,
    "another shape": lambda y: y.reshape(2, -1)[1],
    "diagonal": lambda y: np.diag(np.stack([y[1:3], y[:2]])),
    "lower triangle": lambda y: np.tril(np.stack([y[1:3], y[2:0:-1]]), 0),
    "nothing": lambda y: np.ones(2),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("n", [4, 10, 24, 1000])
def test_errors_of_elements_that_nobody_reads_are_heard(name, n):
    f, x = PARTS[name], np.arange(float(n))
    check(lambda x: [f(1.0 / x)], x + 1.0, others=[(x,)], elsewhere=True, bits=False)


def test_what_several_slices_read_together_has_no_buffer():
    def f(x):
        y = x * x
        return [y[1:] - y[:-1]]

    compiled = check(f, np.arange(50.0), others=[(np.append(np.ones(49), 1e200),)], elsewhere=True)
    assert "alloca" not in compiled.executable.llvm
    assert compiled.executable.llvm.count("fmul <16 x double>") == 2 * compiled.executable.llvm.count("fsub <16 x d")


def number_of_turn(x):
    def turn(total, v):
        np.log(v)
        return total + v, total * 2.0

    return hd.scan(turn, x[1] * 0.0, x)[1]


def array_of_turn(x):
    def turn(total, v):
        quotients = 1.0 / (total + v)
        return total + quotients[1], total * 2.0

    return hd.scan(turn, x * 0.0, np.stack([x, x]))[1]


def array_of_branch(x):
    return hd.cond(x[1] > 0, lambda: (np.log(x), x * 2.0)[1], lambda: x)


@pytest.mark.parametrize("f", [number_of_turn, array_of_turn, array_of_branch])
def test_errors_of_what_nobody_reads_in_a_loop_or_a_branch_are_heard(f):
    check(lambda x: [f(x)], np.arange(1.0, 5.0), others=[(np.arange(4.0),)], elsewhere=True, bits=False)


def quietly_looked_up(x, i):
    with np.errstate(all="ignore"):
        return x[i][1:] * 2


def looked_up_by_turns(x, i):
    return hd.scan(lambda total, j: (x[j], (total + 1, total))[1], 0, i)[1]


#: Of positions of which the first is out of range, what does not read it.
POSITIONS = {
    "of numbers": lambda x, i: x[i][1:] * 2,
    "of numbers whose errors are ignored": quietly_looked_up,
    "of rows": lambda x, i: x[:, None][i][1:, 0] * 2,
    "of two axes": lambda x, i: np.outer(x, x)[i, i][1:] * 2,
    "of turns": looked_up_by_turns,
    # Where what is composed of others is taken apart.
    "of what nobody reads": lambda x, i: (x[i], np.sort(x))[1],
}


@pytest.mark.parametrize("dtype", [int, float, complex])
@pytest.mark.parametrize("name", POSITIONS)
def test_positions_that_nobody_reads_are_looked_at(name, dtype):
    f, x = POSITIONS[name], np.arange(7).astype(dtype)
    compiled = hd.jit(f, backend="native")
    np.testing.assert_array_equal(compiled(x, np.arange(4)), f(x, np.arange(4)))
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        compiled(x, np.array([7, 1, 2, 3]))


def test_one_column_of_what_is_looked_up_has_no_buffer():
    compiled = hd.jit(lambda x, i: x[i][:, 0] * 2.0, backend="native")
    x, i = np.ones((50, 2)), np.arange(40)
    compiled(x, i)
    assert str(compiled.lower(x, i)).count("store <") == 1


def test_errors_of_literals_are_heard():
    x, y, z = Var((3,), np.dtype(float)), Var((), np.dtype(float), "scalar"), Var((3,), np.dtype(float))
    steps = (
        Equation(divide, (Literal(np.float64(1.0)), Literal(np.float64(0.0))), {}, (y,)),
        Equation(multiply, (x, y), {}, (z,)),
    )
    executable = native.compile(Program((x,), steps, (z,)), fresh=(True,))
    result, heard = quietly(executable, np.ones(3))
    assert np.array_equal(result[0], np.full(3, np.inf))
    assert [message for _, message in heard] == ["divide by zero"]


@pytest.mark.parametrize("n", [1, 2, 3, 8, 21])
def test_quotients_of_bits_are_those_of_their_numbers(n):
    x = np.arange(n) % 2 == 0
    check(lambda x: [False / x, True / x, np.where(x, 3.0, 0.0) / x], np.ones(n, bool))
    check(lambda x: [False / x], x, elsewhere=n > 1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("target", [np.int64, np.int32])
@pytest.mark.parametrize("shape", [(18,), (9, 2), (18, 1)], ids=str)
def test_integers_that_do_not_fit_are_what_the_machine_makes_of_them(dtype, target, shape):
    # Were they anything, the way from floats to integers and back could be left out.
    numbers = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 9.3e18, -9.3e18, 3e9, -3e9, 2.5, -2.5, 1.0, 7.0, 9.0]
    with np.errstate(all="ignore"):
        x = np.array([*numbers, 1e16, -1.0]).astype(dtype).reshape(shape)
    f = hd.jit(lambda x: [np.rint(x).astype(target) != x, np.trunc(x).astype(target) + x], backend="native")
    with np.errstate(all="ignore"):
        for _ in range(3):
            for found, wanted in zip(f(x), f.__wrapped__(x), strict=True):
                np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
@pytest.mark.parametrize("function", [lambda x, y: x / y, lambda x, y: np.reciprocal(y)], ids=["divide", "reciprocal"])
@pytest.mark.parametrize("number", [complex(np.nan, 0.0), complex(1.0, np.nan), complex(np.inf, np.nan)])
def test_complex_divisors_that_are_nan_are_heard(dtype, function, number):
    # The parts of the divisor are compared.
    x = np.full(5, 1 + 2j, dtype)
    check(lambda x, y: [function(x, y)], x, x, others=[(x, np.full(5, number, dtype))], bits=False, elsewhere=True)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_logistic_functions_end_where_those_of_scipy_do(dtype):
    ends = np.array([709.782712893384, 745.2, 88.72283172607422, 103.98, 1e30], dtype)
    ends = np.concatenate([ends, np.nextafter(ends, dtype(0)), np.nextafter(ends, dtype(np.inf))])
    x = np.concatenate([np.linspace(-760, 40, 5001, dtype=dtype), -ends, ends])
    found, wanted = hd.jit(special.expit, backend="native")(x), special.expit(x)
    assert np.array_equal(found == 0, wanted == 0)
    info = np.finfo(dtype)
    np.testing.assert_allclose(found, wanted, rtol=4 * info.eps, atol=4 * info.smallest_subnormal)


@pytest.mark.parametrize("f", [np.linalg.eigvalsh, lambda a: np.linalg.eigh(a)[0], lambda a: np.linalg.svd(a)[1]])
def test_spectra_of_what_is_not_finite_are_those_of_numpy(f):
    rng = np.random.default_rng(0)
    square = rng.normal(size=(4, 4))
    square += square.T
    broken = []
    for number in (np.nan, np.inf) if f is np.linalg.eigvalsh else (np.nan,):
        for place in ((0, 0), (2, 2), (3, 1)):
            a = square.copy()
            a[place] = number
            broken.append((a,))
    check(lambda a: [f(a)], square, others=broken, bits=False, elsewhere=True, ulps=100)
    for back_end in ("numpy", "native"):
        compiled = hd.jit(f, backend=back_end)
        compiled(square)
        for (a,) in broken:
            assert outcome_of(compiled, a) == outcome_of(f, a)


def test_what_comes_after_a_guard_is_not_heard_where_it_does_not_hold():
    # Of a part that is NumPy code, and stretches in front of the guard and behind it that are native.
    def f(a, b):
        chosen = sorted(a)[0]
        spaced = np.geomspace(1.0, 2.0 + np.abs(b), 4)
        np.divide(b, chosen)
        return spaced

    compiled = hd.jit(f, backend="native")
    points = [[3, 2, 1], [1, 2, 3], [3, 2, 1], [-1, 1, 0], [2, 1, 0], [3, 2, 1]]
    heard = []
    for point in points:
        arguments = np.array(point)[:, None], np.float64(1.0)
        (found, found_warnings), (wanted, wanted_warnings) = quietly(compiled, *arguments), quietly(f, *arguments)
        np.testing.assert_allclose(found, wanted, rtol=1e-15)
        assert found_warnings == wanted_warnings
        heard.append(len(found_warnings))
    assert heard == [0, 0, 0, 0, 1, 0]
    assert compiled.eager_reason is None


def outcome_of(f, a):
    try:
        return bool(np.any(np.isnan(f(a))))
    except np.linalg.LinAlgError as error:
        return str(error)


def test_a_stretch_behind_a_guard_is_not_computed_before_it():
    """What has no elements is left to NumPy, so the program is native in parts."""

    def f(a, b, c):
        positive = a[a > 0]
        ratio = -1 // positive
        again = positive[positive > 0]
        below = a < c
        first = a[:1].mean(axis=0)
        np.fmin(b, below)
        return np.sin(ratio), again, first

    b, c = np.zeros((0, 5), complex), np.array(3)
    points = [np.array([1, 0, 2, 3, -2]), np.array([3, 2, 2, 0, -2])]
    compiled = hd.jit(f, backend="native", quiet=True)
    for point in (0, 0, 1, 0):
        # Recorded, since where a warning is an error the plain function answers instead.
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            answers = compiled(points[point], b, c)
        assert not heard
        for found, plain in zip(answers, f(points[point], b, c), strict=True):
            np.testing.assert_allclose(found, plain, rtol=1e-15)
