"""Loop rolling: a program before and after gives the same in every bit, and its size does not depend on the turns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hodiff as hd
from hodiff.compiled.rolling import roll
from hodiff.core import Primitive
from hodiff.loops import loop
from hodiff.program import Program, check
from hodiff.staging import stage


def staged(function: Callable[..., Any], *values: Any) -> Program:
    def listed(*args: Any) -> list[Any]:
        found = function(*args)
        return list(found) if isinstance(found, (tuple, list)) else [found]

    return stage(listed, values)[1]


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


def recurrence(turns):
    def f(x):
        s = np.float64(1.0)
        for _ in range(turns):
            s = s + 0.01 * np.sin(s) * x
        return s

    return f, [np.float64(0.3)]


def network(turns):
    def f(x, w):
        s = np.zeros(3)
        for t in range(turns):
            s = np.tanh(w @ s + x[t])
        return np.sum(s**2)

    rng = np.random.default_rng(0)
    return f, [rng.normal(size=(turns, 3)), 0.5 * rng.normal(size=(3, 3))]


def pendulum(turns):
    def slope(y, g):
        return np.stack([y[1], -g * np.sin(y[0])])

    def f(y, g):
        h = 0.01
        for _ in range(turns):
            k1 = slope(y, g)
            k2 = slope(y + h / 2 * k1, g)
            k3 = slope(y + h / 2 * k2, g)
            k4 = slope(y + h * k3, g)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return np.sum(y**2)

    return f, [np.ones(2), np.float64(9.8)]


def filtered(turns):
    def f(a, x):
        y = np.zeros_like(x)
        for t in range(turns):
            y[t] = (a * y[t - 1] if t else 0.0) + x[t]
        return np.sum(y**2)

    return f, [np.float64(0.5), np.random.default_rng(1).normal(size=turns)]


def collected(turns):
    def f(a, x):
        found = []
        s = a
        for t in range(turns):
            s = s * a + x[t]
            found.append(s)
        return np.sum(np.stack(found) ** 2)

    return f, [np.float64(0.5), np.random.default_rng(2).normal(size=turns)]


def joined(turns):
    def f(a, x):
        found = []
        s = a
        for t in range(turns):
            s = np.cos(s) * a + x[t]
            found.append(s)
        return np.sum(np.concatenate(found) ** 2)

    return f, [np.full(2, 0.5), np.random.default_rng(2).normal(size=(turns, 2))]


def summed(turns):
    def f(a, x):
        found = []
        s = a
        for t in reversed(range(turns)):
            s = s * a + x[t]
            found.append(s)
        return sum(found)

    return f, [np.float64(0.5), np.random.default_rng(3).normal(size=turns)]


def markov(turns):
    def f(transition, emission, seen):
        forward = np.ones(3) / 3
        likelihood = 0.0
        for t in range(turns):
            forward = (forward @ transition) * np.exp(-((seen[t] - emission) ** 2))
            total = np.sum(forward)
            likelihood = likelihood + np.log(total)
            forward = forward / total
        return likelihood

    rng = np.random.default_rng(4)
    return f, [np.full((3, 3), 0.3) + 0.1 * np.eye(3), rng.normal(size=3), rng.normal(size=turns)]


def timed(turns):
    def f(x):
        s = x
        for t in range(turns):
            s = np.sin(s) + 0.1 * t * x
        return s

    return f, [np.float64(0.1)]


def second_order(turns):
    def f(a):
        previous, s = a, 2 * a
        for _ in range(turns):
            previous, s = s, 0.3 * s + 0.4 * previous * a
        return s + previous

    return f, [np.float64(0.4)]


def parameters(turns):
    def f(theta, x):
        s = np.float64(0.1)
        for t in range(turns):
            s = s + theta[0] * np.sin(s) + theta[1] * x[t]
        return s

    rng = np.random.default_rng(5)
    return f, [0.1 * rng.normal(size=2), rng.normal(size=turns)]


MODELS = [
    recurrence,
    network,
    pendulum,
    filtered,
    collected,
    joined,
    summed,
    markov,
    timed,
    second_order,
    parameters,
]


def derived(model, kind, turns):
    f, values = model(turns)
    slots = tuple(range(len(values)))
    if kind == "value":
        return f, values
    gradient = hd.value_and_grad(f, argnums=slots)
    if kind == "gradient":
        return lambda *args: (lambda value, slopes: [value, *slopes])(*gradient(*args)), values
    slope = hd.grad(f, argnums=slots)
    return lambda *args: hd.jvp(slope, args, tuple(np.ones_like(a) for a in values))[1], values


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

UNARY = [np.sin, np.tanh, np.negative, lambda v: v * 0.5, lambda v: 1.0 - v, lambda v: v**2 * 0.1]
BINARY = [np.add, np.multiply, np.subtract, lambda a, b: np.where(a > b, a, b * 0.5), np.hypot]


@st.composite
def bodies(draw):
    """Instructions of one turn: (operation, first operand, second operand), the results being numbered."""
    count = draw(st.integers(1, 6))
    found = []
    for at in range(count):
        kind = draw(st.sampled_from(["unary", "binary", "binary", "sequence", "literal", "previous"]))
        found.append(
            (
                kind,
                draw(st.integers(0, 5)),
                draw(st.integers(0, at + 2)),
                draw(st.integers(0, at + 2)),
                draw(st.sampled_from([1, -1, 2])),
            )
        )
    return found


def interpret(body, turns, first_differs, keep, x, w, state):
    """Run a loop with that body; a list of everything that is kept."""
    history = [state, state * 0.5]
    kept, picked = [], []
    for t in range(turns):
        known = [history[-1], history[-2], w]
        for kind, which, first, second, stride in body:
            a, b = known[first], known[second]
            if kind == "unary":
                value = UNARY[which](a)
            elif kind == "binary":
                value = BINARY[which % len(BINARY)](a, b)
            elif kind == "sequence":
                value = a + x[stride * t if stride > 0 else 80 - t]
            elif kind == "literal":
                value = a * (0.1 * t) if which % 2 else a + np.float64(t)
            else:
                value = a + (w if t == 0 and first_differs else history[-1])
            known.append(value)
        history.append(np.tanh(known[-1]))
        kept.append(known[3])
        if t in keep:
            picked.append(known[-1])
    return [history[-1], history[-2], *picked, *([np.stack(kept)] if kept else [])]


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
