"""Directions: rows of zeros of Jacobians are left out, and nothing else.

Judges: the programs before and after, evaluated by the operations themselves; and the plain function, which computes
all rows. What the user multiplies with zeros himself must stay NaN where it was, and warn where it did.
"""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from backends import BACKENDS
from hypothesis import given, settings
from hypothesis import strategies as st

import hodiff as hd
from hodiff.compiled.passes import directions, simplify
from hodiff.compiled.units import optimised
from hodiff.directions import LARGEST, is_linear_in
from hodiff.ops import elementwise, selection
from hodiff.program import LINEAR, QUIET, check
from hodiff.staging import stage

T = np.linspace(0.5, 2.0, 300)
POINT = np.array([1.5, 0.7, 2.0, 0.3])


def names(program):
    return [equation.primitive.name for equation in program.equations]


def sizes(program):
    """Elements of what is computed where zeros win."""
    return sum(equation.answers[0].size for equation in program.equations if equation.errstate is LINEAR)


def staged(function, *args):
    return simplify(hd.make_program(function)(*args))


@contextmanager
def always():
    """Take apart whatever can be."""
    before = directions._Choice.paying
    directions._Choice.paying = lambda self: self.steps
    try:
        yield
    finally:
        directions._Choice.paying = before


def bump(p):
    return p[0] * np.exp(-p[1] * T) + p[2] * T + p[3]


def assert_agrees(function, *points, backend, **tolerances):
    """The compiled function is the plain one at all points, in any order."""
    compiled = hd.jit(function, backend=backend)
    with np.errstate(all="ignore"):
        for point in (*points, *points[::-1]):
            found, expected = compiled(*point), function(*point)
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, **{"rtol": 1e-12, "atol": 1e-14, **tolerances})


# --- programs ---------------------------------------------------------------------------------------------------------


def test_rows_that_are_not_zero_are_computed_alone():
    before = staged(hd.jacfwd(bump), POINT)
    after = simplify(directions.run(before))
    assert sizes(before) > 8 * 300
    # The rows of p[0], p[2] and p[3] are there; that of p[1] is two products. All are put together.
    wanted = [e.primitive.name for e in after.equations if e.errstate is LINEAR]
    assert sorted(wanted) == ["multiply", "multiply", "stacked"]
    check(after, POINT)
    for found, expected in zip(after.evaluate(POINT), before.evaluate(POINT), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_programs_without_directions_are_left_as_they_are():
    for function in (bump, hd.grad(lambda p: np.sum(bump(p))), lambda p: np.eye(4)[:, :1] * np.exp(p[0] * T)):
        program = staged(function, POINT)
        assert directions.run(program) is program


def test_what_does_not_pay_is_left_as_it_is():
    # Of numbers, an array of all directions is cheaper than numbers one by one.
    program = staged(hd.hessian(lambda p: np.exp(p[0] * p[1]) * p[2] + p[3] ** 3), POINT)
    assert directions.run(program) is program
    # All rows are needed from the start.
    program = staged(hd.jacfwd(lambda p: np.outer(T, p)), POINT)
    assert directions.run(program) is program


def test_more_directions_are_not_looked_at():
    wide = np.ones(LARGEST + 1)
    program = staged(hd.jacfwd(lambda p: np.exp(p[0] * T)), wide)
    assert LINEAR not in [e.errstate for e in program.equations if e.errstate is LINEAR]
    assert directions.run(program) is program


def test_the_mark_is_that_of_quiet_equations():
    assert LINEAR == QUIET
    assert LINEAR is not QUIET
    assert str(staged(hd.jacfwd(bump), POINT)).count("quietly") > 5


@pytest.mark.parametrize(
    ("primitive", "slots"),
    [
        (elementwise.multiply, (True, True)),
        (elementwise.divide, (True, False)),
        (elementwise.power, (False, False)),
        (elementwise.exp, (False,)),
        (selection.maximum, (False, False)),
        (elementwise.arctan2, (False, False)),
    ],
)
def test_what_is_linear_is_found_in_the_declaration(primitive, slots):
    assert tuple(is_linear_in(primitive, slot, len(slots)) for slot in range(len(slots))) == slots


# --- values -----------------------------------------------------------------------------------------------------------

FUNCTIONS = {
    "peaks": bump,
    "where": lambda p: np.where(T > 1.0, p[0] * T, p[1] * np.sin(T * p[2])),
    "sums": lambda p: np.stack([np.sum(np.exp(p[0] * T)), np.mean(T * p[1]) * p[3]]),
    "shapes": lambda p: np.reshape(np.sin(p[0] * T), (30, 10)).T[::2] * p[1],
    "columns": lambda p: np.stack([p[0] * T, np.cos(p[1] * T), p[2] + T], axis=-1),
    "parts": lambda p: np.concatenate([(p[0] * T)[:100], (T / p[1])[100:]]),
    "broadcast": lambda p: np.broadcast_to(p[0] * T, (3, 300)) * np.exp(p[1]) + p[2],
    "cast": lambda p: (p[0] * T).astype(np.float32) * np.float32(2.0) + (p[1] * T).astype(np.float32),
    "complex": lambda p: np.abs(p[0] * np.exp(1j * p[1] * T)) + np.real(p[2] * T),
    "running": lambda p: np.cumsum(p[0] * T) * p[1],
    "product": lambda p: (p[0] * T).reshape(20, 15) @ (p[1] * T).reshape(15, 20),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobians_are_those_of_the_plain_function(name, backend):
    function = FUNCTIONS[name]
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if name == "cast" else {"rtol": 1e-11, "atol": 1e-11}
    with always():
        assert_agrees(hd.jacfwd(function), (POINT,), (POINT[::-1].copy(),), backend=backend, **tolerance)
        if name == "sums":
            assert_agrees(hd.jacrev(function), (POINT,), backend=backend, **tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("transform", "args"),
    [
        (lambda f: hd.hessian(lambda p: np.sum(f(p) ** 2)), (POINT,)),
        (lambda f: hd.jacfwd(hd.jacfwd(f)), (POINT,)),
        (lambda f: hd.jacrev(hd.jacfwd(lambda p: f(p)[:5])), (POINT,)),
        (lambda f: hd.vmap(hd.jacfwd(f)), (np.stack([POINT, POINT[::-1]]),)),
        (lambda f: hd.jacfwd(lambda a, b: f([a, b[0], b[1], a]), argnums=1), (1.5, np.array([0.3, 0.4]))),
    ],
)
def test_derivatives_of_any_order_and_batches(transform, args, backend):
    with always():
        assert_agrees(transform(bump), args, backend=backend, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_cotangents_of_picked_elements(backend):
    first, second = np.array([3, 1, 3, 0]), np.arange(100)[::-1].copy()

    def function(x):
        return np.stack([np.sum(x[first]), np.sum(np.exp(x[second])), x[0] * x[5], np.sum(x[2:9] * x[3])])

    with always():
        assert_agrees(hd.jacrev(function), (T,), (T[::-1].copy(),), backend=backend)
        assert_agrees(hd.jacfwd(lambda p: p[first] * p[0] + np.take(p * p[1], first)), (POINT,), backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("combine", [np.add, np.subtract])
def test_terms_of_two_dtypes(combine, backend):
    single = T.astype(np.float32)

    def function(p, q):
        total = combine(p[0] * single, q[0] * T)
        return total * (q[1] * T) + p[1] * single * total

    points = (POINT[:2].astype(np.float32), POINT[2:])
    both = hd.jacfwd(function, argnums=(0, 1))
    compiled = hd.jit(both, backend=backend)
    with always():
        for _ in range(2):
            for found, expected in zip(compiled(*points), both(*points), strict=True):
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(found, expected, rtol=1e-6)


# --- what is not to be left out ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_zeros_of_the_user_make_nan_and_warn(backend):
    zeros = np.eye(4)[:, :1]

    def loud(p):
        return zeros * np.exp(p[0] * T)

    compiled = hd.jit(loud, backend=backend)
    compiled(POINT)
    for function in (loud, compiled):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            answer = function(np.array([1e4, 0.0, 0.0, 0.0]))
        assert {str(w.message) for w in found} == {
            "overflow encountered in exp",
            "invalid value encountered in multiply",
        }
        assert np.isnan(answer[1:]).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("first", [True, False])
def test_a_product_of_the_user_stays_apart_from_that_of_a_derivative(first, backend):
    """They have the same operands, and nobody hears of either; but zeros win in one of them only."""

    def both(p):
        with np.errstate(all="ignore"):
            growth = np.exp(p[1] * T)
            mine = np.eye(4)[:, :1] * growth if first else None
            jacobian = hd.jacfwd(lambda q: q[0] * growth)(p)
            return np.stack([np.eye(4)[:, :1] * growth if mine is None else mine, jacobian.T])

    with always():
        assert_agrees(both, (POINT,), (np.array([1.0, 1e4, 0.0, 0.0]),), backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_zeros_of_a_jacobian_are_numbers_to_the_user(backend):
    def scaled(x, y, s):
        with np.errstate(all="ignore"):
            first, second = hd.jacrev(lambda x, y: np.stack([np.sum(np.exp(x)), np.sum(y)]), argnums=(0, 1))(x, y)
            return first * (x / s) + second

    with always():
        assert_agrees(scaled, (T, T, np.float64(2.0)), (T, T, np.float64(0.0)), backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_zeros_of_coefficients_do_not_win(backend):
    zeros = np.eye(4)[:, :1]

    def inner(p):
        return np.sum(np.square(zeros * np.exp(p[0] * T)) * p[1], axis=0)

    with always():
        assert_agrees(hd.jacfwd(inner), (POINT,), (np.array([1e4, 1.0, 1.0, 1.0]),), backend=backend)
        assert_agrees(hd.jacrev(lambda p: inner(p)[:3]), (POINT,), (np.array([1e4, 1, 1, 1]),), backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("order", [1, -1])
def test_nan_is_found_whatever_came_first(order, backend):
    def root(p):
        return p[1] * np.sqrt(p[0] * T) + p[2] * T * p[3]

    factors = [1.0, [0, 1, 1, 1], np.nan, [0, 0, 1, 1], [1, 1, np.inf, 1]]
    with always():
        assert_agrees(hd.jacfwd(root), *[(POINT * factor,) for factor in factors[::order]], backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_for_nan_goes_on_to_be_one_for_nan(backend):
    with always(), np.errstate(all="ignore"):
        compiled = hd.jit(hd.jacfwd(lambda p: p[1] * np.sqrt(p[0] * T) + p[2] * T), backend=backend)
        for _ in range(4):
            compiled(POINT * [0, 1, 1, 1])
    assert compiled.cache_info().guard_misses == 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("place", range(4))
def test_nan_in_one_row_is_found(place, backend):
    """It is by the guard that a derivative with a NaN is computed again, where zeros win."""

    def function(p):
        return np.stack([np.sqrt(p[i] * (T - 0.5)) for i in range(4)]) * T

    point = np.where(np.arange(4) == place, 0.0, POINT)  # 0 · inf, of a tangent that is zero where T is 0.5
    with always():
        assert_agrees(hd.jacfwd(function), (POINT,), (point,), backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_function_warns_as_before(backend):
    def logarithm(p):
        return np.log(p[0] * T) + p[1] * T

    for function in (hd.jacfwd(logarithm), hd.jit(hd.jacfwd(logarithm), backend=backend)):
        function(POINT)
        with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
            function(POINT * 0.0)


# --- at random --------------------------------------------------------------------------------------------------------

UNARY = [
    np.sin,
    np.negative,
    np.square,
    lambda x: x[::-1],
    lambda x: x / 3.0,
    np.cumsum,
    lambda x: x.reshape(3, 2).T.ravel(),
]
BINARY = [
    np.add,
    np.subtract,
    np.multiply,
    lambda x, y: x / (2.0 + np.square(y)),
    lambda x, y: np.where(np.arange(6) % 2 == 0, x, y),
    lambda x, y: np.concatenate([x[:2], y[2:]]),
    lambda x, y: x * np.sum(y),
]
RUN = np.linspace(0.3, 1.3, 6)


@st.composite
def functions(draw):
    """A function of some numbers, made of steps that are drawn."""
    count = draw(st.integers(2, 6))
    number = st.integers(0, 99)
    steps = draw(st.lists(st.tuples(st.booleans(), number, number, number), min_size=1, max_size=10))

    def function(p):
        values = [p[i] * RUN for i in range(count)]
        for unary, which, left, right in steps:
            x, y = values[left % len(values)], values[right % len(values)]
            values.append(UNARY[which % len(UNARY)](x) if unary else BINARY[which % len(BINARY)](x, y))
        return values[-1] + values[-2] if len(values) % 2 else values[-1]

    return function, np.linspace(0.4, 1.1, count)


@settings(max_examples=60)
@given(functions(), st.sampled_from([hd.jacfwd, hd.jacrev, lambda f: hd.jacfwd(hd.jacfwd(f))]))
def test_any_function_has_the_same_jacobian(drawn, transform):
    function, point = drawn
    _, program = stage(lambda p: [transform(function)(p)], [point])
    before = simplify(program)
    with always():
        after = directions.run(before)
    check(after, point)
    (found,), (expected,) = simplify(after).evaluate(point), before.evaluate(point)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert type(found) is type(expected)


def test_it_is_a_part_of_what_is_compiled():
    assert "stacked" in names(optimised(hd.make_program(hd.jacfwd(bump))(POINT)))
