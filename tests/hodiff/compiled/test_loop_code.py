"""Loops as Python source against the same loops in Python."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled.numpy_source import emit
from hodiff.compiled.rolling import roll
from hodiff.control.loops import loop
from hodiff.program import Equation, Literal, Program, Var
from hodiff.staging import stage


def run(function, *values):
    """What emitted code gives, twice, the second time with memory of the first."""
    program = roll(stage(lambda *args: list(function(*args)), values)[1])
    assert any(step.primitive is loop for step in program.equations)
    code = emit(program).function
    first = [np.copy(part) for part in code(*values)]
    second = code(*values)
    for once, again, expected in zip(first, second, program.evaluate(*values), strict=True):
        np.testing.assert_array_equal(once, again)
        np.testing.assert_array_equal(again, expected)
        assert type(again) is type(expected)
    return second


X = np.random.default_rng(0).normal(size=(40, 3))
W = np.random.default_rng(1).normal(size=(3, 3))


def network(x, w):
    s = np.zeros(3)
    kept = []
    for t in range(x.shape[0]):
        s = np.tanh(w @ s + x[t])
        kept.append(s)
    return s, np.stack(kept), np.sum(s)


def test_carries_sequences_and_stacks():
    for found, expected in zip(run(network, X, W), network(X, W), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_pass_back_through_a_loop():
    gradient = hd.grad(lambda x, w: network(x, w)[2], argnums=(0, 1))
    for found, expected in zip(run(gradient, X, W), gradient(X, W), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_carries_that_change_places_are_assigned_together():
    def f(a, b):
        for _ in range(30):
            a, b = b, a
            a = a + 0.0 * b
        return a, b

    run(f, np.ones(3), np.zeros(3))


def test_arrays_that_are_carried_on_stay_as_they_are():
    def f(x):
        previous, s = x, 2.0 * x
        for t in range(30):
            previous, s = s, np.sin(s) - previous * t
        return previous, s

    np.testing.assert_array_equal(run(f, X[0])[0], f(X[0])[0])


def test_loops_in_loops():
    def f(x, w):
        s = np.zeros(3)
        for _ in range(10):
            for t in range(x.shape[0]):
                s = np.tanh(w @ s + x[t])
            s = s * 0.5
        return (s,)

    np.testing.assert_array_equal(run(f, X, W)[0], f(X, W)[0])


@pytest.mark.parametrize("length", [0, 1, 3])
@pytest.mark.parametrize("reverse", [False, True])
def test_any_number_of_turns(length, reverse):
    _, body = stage(lambda c, s, x: [c * s + x, s], [2.0, np.float64(0.0), np.float64(0.0)])
    c, s, x = Literal(2.0), Var((), np.dtype(float), "scalar"), Var((length,), np.dtype(float))
    answers = s.twin(), x.twin()
    parameters = {"body": body, "constants": 1, "carries": 1, "length": length, "reverse": reverse}
    program = Program((s, x), (Equation(loop, (c, s, x), parameters, answers, True),), answers)
    values = np.float64(0.5), np.arange(length) + 1.0
    for found, expected in zip(emit(program).function(*values), program.evaluate(*values), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_initial_values_take_the_form_that_the_body_has():
    _, body = stage(lambda s: [s * 2.0], [np.float64(0.0)])
    answer = Var((), np.dtype(float), "scalar")
    parameters = {"body": body, "constants": 0, "carries": 1, "length": 3, "reverse": False}
    program = Program((), (Equation(loop, (Literal(1),), parameters, (answer,), True),), (answer,))
    (found,) = emit(program).function()
    assert type(found) is np.float64
    assert found == 8.0


def test_a_body_that_gives_back_what_it_gets():
    x, y = Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
    parameters = {"body": Program((x,), (), (x,)), "constants": 0, "carries": 1, "length": 3, "reverse": False}
    program = Program((y,), (Equation(loop, (y,), parameters, (x,), True),), (x,))
    np.testing.assert_array_equal(emit(program).function(X[0])[0], X[0])


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    "carried",
    [
        lambda previous, s, new: (s, new),  # of two turns before: a row of the stack
        lambda previous, s, new: (new[::-1], new),  # a view of a row
        lambda previous, s, new: (previous, new),
    ],
)
def test_final_values_have_memory_of_their_own(carried, fresh):
    def turn(previous, s, x):
        new = np.sin(s) + x
        return [*carried(previous, s, new), new]

    length = 6
    body = stage(turn, [np.ones(3)] * 3)[1]
    inputs = [Var((3,), np.dtype(float)), Var((3,), np.dtype(float)), Var((length, 3), np.dtype(float))]
    answers = tuple(var.twin() for var in inputs)
    parameters = {"body": body, "constants": 0, "carries": 2, "length": length, "reverse": False}
    program = Program(tuple(inputs), (Equation(loop, tuple(inputs), parameters, answers, True),), answers)
    values = [X[0], X[1], X[:length]]
    code = emit(program, fresh=[fresh] * 3).function
    expected = program.evaluate(*values)
    found = [np.copy(part) if not fresh else part for part in code(*values)]
    if fresh:
        found[2][:] = 0.0  # nothing else may change
        expected[2] = np.zeros_like(expected[2])
        code(*[value + 1.0 for value in values])
    for part, whole in zip(found, expected, strict=True):
        np.testing.assert_array_equal(part, whole)


def test_a_body_in_two_places_is_written_for_each():
    _, body = stage(lambda s, x: [np.tanh(s + x), np.tanh(s + x) * 2.0], [np.ones(3), np.ones(3)])
    s, x = Var((3,), np.dtype(float)), Var((5, 3), np.dtype(float))
    parameters = {"body": body, "constants": 0, "carries": 1, "length": 5, "reverse": False}
    first, second = (s.twin(), x.twin()), (s.twin(), x.twin())
    steps = (
        Equation(loop, (s, x), parameters, first, True),
        Equation(loop, first, {**parameters, "reverse": True}, second, True),
    )
    program = Program((s, x), steps, (*first, *second))
    values = X[0], X[:5]
    for found, expected in zip(emit(program).function(*values), program.evaluate(*values), strict=True):
        np.testing.assert_array_equal(found, expected)
