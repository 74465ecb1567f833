"""Loop rolling: a program before and after gives the same in every bit, and its size does not depend on the turns."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_models import MODELS, bodies, derived, filtered, interpret, network, recurrence, staged

import hodiff as hd
from hodiff.compiled.rolling import roll
from hodiff.control.loops import loop
from hodiff.core import Primitive
from hodiff.program import Program, check


def loops(program: Program) -> list[Any]:
    return [step for step in program.equations if step.primitive is loop]


def assert_same(program: Program, rolled: Program, values: Any, *, rtol: float = 0.0) -> None:
    check(rolled, *values)
    for before, after in zip(program.evaluate(*values), rolled.evaluate(*values), strict=True):
        assert type(before) is type(after)
        assert np.asarray(before).dtype == np.asarray(after).dtype
        if rtol:
            np.testing.assert_allclose(after, before, rtol=rtol, atol=rtol)
        else:
            np.testing.assert_array_equal(after, before)


# --- size does not depend on the number of turns --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["value", "gradient", "hvp"])
@pytest.mark.parametrize("model", MODELS)
def test_sizes_do_not_depend_on_the_number_of_turns(model, kind):
    sizes = []
    for turns in (30, 75):
        function, values = derived(model, kind, turns)
        program = staged(function, *values)
        rolled = roll(program)
        assert loops(rolled)
        assert_same(program, rolled, [0.9 * v for v in values], rtol=1e-9)
        sizes.append((len(rolled.steps), [len(step.parameters["body"].steps) for step in loops(rolled)]))
    assert sizes[0] == sizes[1]


def test_two_thousand_turns():
    sizes = []
    for turns in (50, 2000):
        function, values = derived(network, "gradient", turns)
        rolled = roll(staged(function, *values))
        sizes.append(len(rolled.steps))
    assert sizes[0] == sizes[1] < 40


# --- before and after -----------------------------------------------------------------------------------------------


def text(program: Program) -> str:
    return "\n".join(line.split("  #")[0].rstrip() for line in str(program).splitlines())


def test_the_program_of_a_loop_and_of_its_gradient():
    f, values = recurrence(100)
    assert text(roll(staged(f, *values))) == (
        "program f(a: float64) -> float64\n"
        "  b: float64 = multiply(0.008414709848078966, a)\n"
        "  c: float64 = add(1.0, b)\n"
        "  d: float64 = loop(a, c, body=turn, constants=1, carries=1, length=99, reverse=False)\n"
        "    program turn(a: float64, b: float64) -> float64\n"
        "      c: float64 = sin(b)\n"
        "      d: float64 = multiply(0.01, c)\n"
        "      e: float64 = multiply(d, a)\n"
        "      f: float64 = add(b, e)\n"
        "      return f\n"
        "  return d"
    )
    forward, backward = loops(roll(staged(derived(network, "gradient", 100)[0], *network(100)[1])))
    assert (forward.parameters["reverse"], backward.parameters["reverse"]) == (False, True)


def test_elements_that_are_collected_are_stacked_answers():
    f, values = filtered(100)
    rolled = roll(staged(f, *values))
    assert "put_each(" in str(rolled)
    (equation,) = (step for step in rolled.equations if step.primitive.name == "put_each")
    assert len(equation.operands) <= 3


@pytest.mark.parametrize(
    "pick",
    [
        lambda x, t: x[t, 1],
        lambda x, t: x[29 - t, 0],
        lambda x, t: x[3 + 2 * t, 0],
        lambda x, t: x[-1 - t, 0],
        lambda x, t: x[0, t],
        lambda x, t: np.sum(x[:, t]),
        lambda x, t: np.sum(x[..., t]),
        lambda x, t: np.sum(x[t]),
        lambda x, t: x[t, t],
        lambda x, t: x[t, 40 - t],
        lambda x, t: np.sum(x[3, t : t + 3]),
        lambda x, t: np.sum(x[t : t + 2, 5:7] * 2.0),
        lambda x, t: np.sum(x[2 * t : 2 * t + 2]),
        lambda x, t: np.sum(x[60 - 2 * t : 62 - 2 * t, 1]),
        lambda x, t: np.sum(x[None, t, :, None]),
        lambda x, t: x[np.array([t, 2]), 1].sum(),
    ],
)
def test_elements_at_places_that_move_evenly(pick):
    def f(x):
        s = np.float64(0.0)
        for t in range(30):
            s = np.sin(s) + pick(x, t)
        return s

    x = np.random.default_rng(6).normal(size=(70, 70))
    program = staged(f, x)
    rolled = roll(program)
    assert len(loops(rolled)) == 1
    assert len(rolled.steps) < 10
    assert_same(program, rolled, [x])
    gradient = staged(hd.grad(f), x)
    assert_same(gradient, roll(gradient), [x + 0.1], rtol=1e-12)


@pytest.mark.parametrize("step", [1, 2, 3, -1])
def test_windows_have_gradients_of_one_size(step):
    def f(x, kernel, turns):
        first = 0 if step > 0 else turns - 1
        return sum(np.sum(kernel * x[first + step * i : first + step * i + 3]) ** 2 for i in range(turns))

    sizes = []
    for turns in (20, 35):
        rng = np.random.default_rng(11)
        values = rng.normal(size=3 * turns), rng.normal(size=3)
        program = staged(hd.grad(lambda x, kernel, n=turns: f(x, kernel, n), argnums=(0, 1)), *values)
        rolled = roll(program)
        assert_same(program, rolled, values, rtol=1e-12)
        sizes.append(len(rolled.steps))
    assert sizes[0] == sizes[1]


def test_places_that_jump_split_the_loop():
    order = [*range(12), *range(40, 12, -1)]

    def f(x):
        s = np.float64(0.0)
        for t in order:
            s = np.sin(s) + x[t]
        return s

    x = np.random.default_rng(7).normal(size=41)
    program = staged(f, x)
    rolled = roll(program)
    assert [step.parameters["reverse"] for step in loops(rolled)] == [False, True]
    assert_same(program, rolled, [x])


# --- what cannot be rolled stays ------------------------------------------------------------------------------------


def test_guards_are_not_rolled_over():
    def f(x):
        s = x
        for _ in range(30):
            s = s * 0.9 if s > 0.0 else s * 1.1
        return s

    program = staged(f, np.float64(1.0))
    assert roll(program) is program


def test_short_loops_stay():
    f, values = recurrence(5)
    program = staged(f, *values)
    assert roll(program) is program


def test_numbers_of_different_types_are_not_one_literal():
    def f(x):
        s = x
        for t in range(20):
            s = s * (1 if t % 2 else 1.0) + x
        return s

    x = np.arange(3)
    program = staged(f, x)
    assert_same(program, roll(program), [x])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.complex128])
@pytest.mark.parametrize("literal", [lambda t: 0.1 * t, lambda t: t, lambda t: np.float32(t), lambda t: np.float64(t)])
def test_literals_that_change_keep_the_dtype(dtype, literal):
    def f(x):
        s = x
        for t in range(20):
            s = np.cos(s * 0.1) + literal(t) * x
        return s, s * 2

    for x in (np.arange(3).astype(dtype), dtype(2)):
        program = staged(f, x)
        rolled = roll(program)
        assert_same(program, rolled, [x])
        assert len(loops(rolled)) == 1


def test_literals_of_signed_zeros_differ():
    def f(x):
        s = x
        for t in range(20):
            s = np.copysign(np.abs(s), 0.0 if t < 10 else -0.0) + 1.0
        return s

    program = staged(f, np.float64(3.0))
    assert_same(program, roll(program), [np.float64(3.0)])


def test_python_numbers_are_carried_and_not_stacked():
    def f(n, x):
        found = []
        for _ in range(20):
            n = n * 2.0 + 1.0
            found.append(n)
        return n, found[10] * x

    values = [0.5, np.arange(3, dtype=np.float32)]
    program = staged(f, *values)
    assert_same(program, roll(program), values)


def test_inputs_one_a_turn_stay_unrolled():
    def f(*xs):
        s = xs[0]
        for x in xs:
            s = np.sin(s) + x * s
        return s

    values = list(np.random.default_rng(8).normal(size=30))
    program = staged(f, *values)
    assert_same(program, roll(program), values)


def test_what_the_first_turn_computes_for_all_is_no_carry():
    def f(x):
        s, kept = x, None
        for _ in range(30):
            s = np.sin(s)
            if kept is None:
                kept = s
            s = s * kept
        return s

    program = staged(f, np.float64(0.7))
    rolled = roll(program)
    assert len(rolled.steps) < 10
    assert_same(program, rolled, [np.float64(0.9)])


# --- loops in loops ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradient", [False, True])
def test_loops_in_loops(gradient):
    def f(x, w):
        s = np.zeros(3)
        total = 0.0
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                s = np.tanh(w @ s + x[i, j])
            total = total + np.sum(s**2)
        return total

    sizes = []
    for outer in (20, 30):
        rng = np.random.default_rng(9)
        values = [rng.normal(size=(outer, 15, 3)), 0.5 * rng.normal(size=(3, 3))]
        program = staged(hd.grad(f, argnums=(0, 1)) if gradient else f, *values)
        rolled = roll(program)
        assert_same(program, rolled, values, rtol=1e-12)
        sizes.append(len(rolled.steps))
    assert sizes[0] == sizes[1]


# --- any loop ---------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    body=bodies(),
    turns=st.integers(0, 40),
    first_differs=st.booleans(),
    keep=st.lists(st.integers(0, 40), max_size=3),
    vector=st.booleans(),
    seed=st.integers(0, 100),
)
def test_any_loop_gives_the_same_bits(body, turns, first_differs, keep, vector, seed):
    rng = np.random.default_rng(seed)
    shape = (3,) if vector else ()
    values = [rng.normal(size=(81, *shape)), rng.normal(size=shape)[()], rng.normal(size=shape)[()]]

    def f(x, w, state):
        return interpret(body, turns, first_differs, keep, x, w, state)

    program = staged(f, *values)
    rolled = roll(program)
    assert_same(program, rolled, values)
    if turns >= 20 and len(body) >= 2 and not first_differs:
        assert loops(rolled)

    def total(*args):
        return sum(np.sum(part) for part in f(*args))

    gradient = staged(hd.grad(total, argnums=(0, 1, 2)), *values)
    assert_same(gradient, roll(gradient), values, rtol=1e-9)


def test_primitives_are_told_apart_by_what_they_fix():
    half = Primitive("half", lambda x: x * 0.5, batch=lambda *a: None)
    quarter = Primitive("half", lambda x: x * 0.25, batch=lambda *a: None)

    def f(x):
        for t in range(40):
            x = (half if t < 20 else quarter)(x) + 1.0
        return x

    program = staged(f, np.float64(1.0))
    rolled = roll(program)
    assert len(loops(rolled)) == 2
    assert_same(program, rolled, [np.float64(3.0)])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (np.int64(0), np.float64(0.0)),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2), np.zeros(2, int)),
        ((1, 2), [1, 2]),
        ({"a": 1}, {"b": 1}),
        (slice(0, 1), slice(0, 1, 1)),
        (np.dtype("f4"), np.dtype("f8")),
        (len, sum),
    ],
)
def test_parameters_that_differ_in_type_or_bits_are_told_apart(first, second):
    tagged = Primitive("tagged", lambda x, tag: x + 1.0, batch=lambda *a: None)

    def f(x, one, other):
        for t in range(40):
            x = tagged(x, tag=one if t < 20 else other)
        return x

    program = staged(lambda x: f(x, first, second), np.float64(1.0))
    assert len(loops(roll(program))) == 2 or len(roll(program).steps) == 40
    rolled = roll(staged(lambda x: f(x, first, first), np.float64(1.0)))
    assert len(loops(rolled)) == 1
