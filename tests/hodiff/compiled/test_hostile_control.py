"""Hostile programs: control flow that depends on values takes another way at each call."""

import contextlib
import functools
import itertools
import math

import numpy as np
import pytest
from backends import alternating
from hostile import WAYS, check

import hodiff as hd

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.3, -1.2, 2.0, 0.7, -0.4])
POINTS = [X, X, -X, X + 1, X * 0, X, np.sort(X), -X, X + 1]
NUMBERS = [2.5, -1.5, 0.0, -0.0, 2.5, 7.25, -3.0, 2.5, 0.5, float("nan"), float("inf"), -1.5]


# Functions of an array and functions of a number, by name.
ARRAYS: dict = {}
SCALARS: dict = {}


def of_arrays(f):
    ARRAYS[f.__name__] = f
    return f


def of_numbers(f):
    SCALARS[f.__name__] = f
    return f


@of_numbers
def branch(x):
    if x > 0:
        return x * 2
    return x**3


@of_numbers
def branch_with_results_of_another_kind(x):
    if x > 2:
        return x * 2
    if x > 0:
        return np.array([x, x])
    return {"x": x} if x < -2 else (x, None, "low")


@of_numbers
def truth_of_the_number_itself(x):
    return x * 2 if x else x + 1


@of_numbers
def and_or_not(x):
    both = x > 1 and x < 3
    either = (x < -2 or x > 5) or x
    return (x if both else -x) + (1 if not x else 2) * either


@of_numbers
def chained_comparison(x):
    return x**2 if -1 < x <= 2.5 <= abs(x) + 1 else np.sin(x)


@of_numbers
def conditional_expression_and_walrus(x):
    return (y := x * 2) + (3 * y if y > 1 else -y)


@of_numbers
def a_while_loop(x):
    n = 0
    while x > 0.1 and n < 50:
        x = x / 2
        n += 1
    return x * n


@of_numbers
def newton_until_it_converges(x):
    y = 1.0 + abs(x)
    for _ in range(10):
        previous, y = y, 0.5 * (y + x / y)
        if abs(y - previous) < 1e-12:
            break
    else:
        y = y + 1
    return y


@of_numbers
def int_of_it(x):
    return x * int(x)


@of_numbers
def float_of_it(x):
    return math.floor(float(x)) + x


@of_numbers
def functions_of_math(x):
    return math.sqrt(x) + math.sin(x) * x


@of_numbers
def round_of_it(x):
    return x * round(x)


@of_numbers
def round_to_digits(x):
    return round(x, 1) + x


@of_numbers
def floor_and_ceil(x):
    return x + math.floor(x) * math.ceil(x)


@of_numbers
def range_of_it(x):
    total = x
    for i in range(min(int(abs(x)), 20)):
        total = total * (i + x)
    return total


@of_numbers
def divmod_of_it(x):
    whole, rest = divmod(x, 2)
    return whole * 10 + rest


@of_numbers
def formatted(x):
    return f"{x:.2f}", str(x), repr(x), x * 2


@of_numbers
def key_of_a_dict(x):
    table = {2.5: 10.0, 0.0: 20.0}
    return table.get(float(x), 30.0) * x


@of_numbers
def is_a_member(x):
    return x * 2 if x in (2.5, -3.0) else x


@of_numbers
def equal_to_a_constant(x):
    return x * 2 if x == 0 else x * 3 if x != x else x


@of_numbers
def min_and_max_of_python(x):
    return min(x, 1.0) * max(x, -1.0, x * 2) + sum([x, 1, x])


@of_numbers
def is_none_and_isinstance(x):
    return x * 2 if x is not None and not isinstance(x, str) else 0.0


@of_numbers
def recursion_on_the_value(x):
    return x if abs(x) < 1 or not abs(x) < 100 else 1 + recursion_on_the_value(x / 2)


def _power(x, n):
    return 1.0 if n == 0 else x * _power(x, n - 1)


@of_numbers
def recursion_on_an_int(x):
    return _power(x, 3) + _power(x, 5)


@of_numbers
def an_exception_raised_and_caught(x):
    try:
        if x < 0:
            raise ValueError("negative")
        return x * 2
    except ValueError:
        return -x


@of_numbers
def an_exception_that_escapes(x):
    if x < 0:
        raise ValueError(f"negative: {x:.3f}")
    return x * 2


@of_numbers
def an_exception_of_its_own_class(x):
    class TooLarge(ArithmeticError):
        pass

    try:
        if x > 5:
            raise TooLarge
    except ArithmeticError:
        return x / 2
    return x


@of_numbers
def an_assertion(x):
    assert x > 0, "must be positive"
    return x


@of_numbers
def division_by_zero_caught(x):
    try:
        return 1 / float(x)
    except ZeroDivisionError:
        return 0.5 * x


@of_numbers
def division_by_zero(x):
    return 1 / x


@of_numbers
def try_finally(x):
    done = []
    try:
        if x > 2:
            return x * len(done)
        done.append(1)
    finally:
        done.append(2)
    return x * len(done)


@of_numbers
def finally_that_returns(x):
    with contextlib.suppress(ZeroDivisionError):
        if x > 2:
            raise ZeroDivisionError
        return x * 2
    return x * 3


@of_numbers
def chained_exception(x):
    try:
        return {}[x > 0] * x
    except KeyError as error:
        raise RuntimeError("wrapped") from error


@of_numbers
def a_generator_inside(x):
    def powers(y):
        while abs(y) > 0.1 and abs(y) < 100:
            yield y
            y = y / 2

    return sum(powers(x))


@of_numbers
def a_generator(x):
    while x > 0.2 and x < 100:
        yield x
        x = x / 2


@of_numbers
def match_statement(x):
    match (x > 0, x > 2):
        case (True, True):
            return x
        case (True, _):
            return 2 * x
        case _:
            return 3 * x


@of_arrays
def any_and_all(x):
    if np.any(x > 2) and not np.all(x > 0):
        return np.sum(x)
    return np.prod(x) if any(v > 1 for v in x) else np.sum(x**2)


@of_arrays
def truth_of_an_array(x):
    return np.sum(x) if x else x


@of_arrays
def boolean_mask(x):
    return np.sum(x[x > 0] ** 2)


@of_arrays
def boolean_mask_of_another_length(x):
    return x[x > np.mean(x)]


@of_arrays
def assignment_to_a_mask(x):
    y = x.copy()
    y[y < 0] = 0.0
    y[y > 1] *= 2
    return np.sum(y * x)


@of_arrays
def nonzero(x):
    (i,) = np.nonzero(x > 0)
    return np.sum(x[i] * i)


@of_arrays
def where_with_one_argument(x):
    return np.sum(x[np.where(x < 0)]) + len(np.where(x < 0)[0])


@of_arrays
def argmax_as_an_index(x):
    return x[np.argmax(x)] * np.argmin(x) + x[int(np.argmax(x)) - 1]


@of_arrays
def unique(x):
    return np.sum(np.unique(np.round(x)) * 2)


@of_arrays
def sorting_network(x):
    v = list(x)
    for i, j in ((0, 1), (3, 4), (2, 4), (2, 3), (0, 3), (0, 2), (1, 4), (1, 3), (1, 2)):
        if v[j] < v[i]:
            v[i], v[j] = v[j], v[i]
    return sum((i + 1) * w for i, w in enumerate(v))


@of_arrays
def sorted_by_python(x):
    return sum((i + 1) * w for i, w in enumerate(sorted(x)))


@of_arrays
def bubble_sort_in_place(x):
    v = x.copy()
    for n in range(len(v) - 1, 0, -1):
        for i in range(n):
            if v[i] > v[i + 1]:
                v[i], v[i + 1] = v[i + 1], v[i].copy()
    return np.sum(v * np.arange(5.0))


@of_arrays
def bisection(x):
    low, high = -10.0, 10.0
    while high - low > 0.5:
        middle = (low + high) / 2
        if np.sum(x) > middle:
            low = middle
        else:
            high = middle
    return low * x[0]


@of_arrays
def python_loops_and_zip(x):
    total = 0.0
    for i, (a, b) in enumerate(itertools.pairwise(x)):
        if a < b:
            continue
        if i == 3:
            break
        total = total + a * b
    return total


@of_arrays
def reduce_and_accumulate(x):
    running = list(itertools.accumulate(x, lambda a, b: a * 0.5 + b))
    return functools.reduce(lambda a, b: a + b if b > 0 else a - b, running)


@of_arrays
def comprehension_with_a_condition(x):
    return sum([v * v for v in x if v > 0])


@of_arrays
def length_of_what_is_selected(x):
    return x[0] * len(x[x > 0.5]) + x[x > 0.5].size


@of_arrays
def an_index_out_of_bounds(x):
    return x[int(np.sum(x > 0)) + 2]


@of_arrays
def a_division_that_warns(x):
    return np.sum(1.0 / x)


@of_arrays
def errstate_inside(x):
    with np.errstate(all="ignore"):
        a = np.sum(np.log(x[0]) / 0)
    return a + np.sqrt(x[1])


@of_arrays
def errstate_that_raises_inside(x):
    try:
        with np.errstate(all="raise"):
            return np.sum(np.log(x))
    except FloatingPointError as error:
        return np.sum(x), str(error)


@of_arrays
def tolist(x):
    return x.tolist(), x.sum().item()


@of_arrays
def shape_of_a_computed_array(x):
    return np.zeros(int(np.sum(x > 0))) + 1


@of_arrays
def bytes_of_the_array(x):
    return len(x.tobytes()) * x[0], hash(x.tobytes()) % 2


@of_arrays
def asarray_of_it(x):
    return np.asarray(x) * 2, np.array(x), np.array([x[0], 1.0])


@of_arrays
def isfinite_guard(x):
    if not np.isfinite(x).all():
        raise FloatingPointError("not finite")
    return np.sum(x)


@pytest.mark.parametrize("name, way, backend", alternating(SCALARS, WAYS), indirect=["backend"])
def test_numbers(name, way):
    f = SCALARS[name]

    def program(jit, call):
        g = jit(f)
        for kind in (float, np.float64, np.float32, np.asarray):
            for x in NUMBERS:
                call(g, np.full(2, x) if "vmap" in way else kind(x))
        for n in (3, -2, 3, 0, True, 2, 10**20):
            call(g, n)

    check(program, way)


@pytest.mark.parametrize("name, way, backend", alternating(ARRAYS, WAYS), indirect=["backend"])
def test_arrays(name, way):
    f = ARRAYS[name]

    def program(jit, call):
        g = jit(f)
        for x in POINTS:
            call(g, np.stack([x, x]) if "vmap" in way else x)
        call(g, np.array([0.3, np.nan, 1.0, np.inf, -0.0]))
        call(g, X.astype(np.float32))
        call(g, X[:3])
        call(g, X)

    check(program, way)


@pytest.mark.parametrize("name, backend", alternating([*SCALARS, *ARRAYS]), indirect=["backend"])
def test_second_order(name):
    f = {**SCALARS, **ARRAYS}[name]

    def program(jit, call):
        g = jit(hd.grad(lambda x: hd.grad(f)(x).sum()))
        for x in NUMBERS if name in SCALARS else POINTS:
            call(g, x)

    check(program, derivatives=True)
