"""Loops that are taken apart: what stays in them, and that they give the same."""

from dataclasses import replace

import numpy as np
import pytest
from backends import alternating
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_models import MODELS, derived, interpret, network, staged
from loop_models import bodies as instructions

import hodiff as hd
from hodiff.compiled import fission
from hodiff.compiled.numpy_source import emit
from hodiff.compiled.passes import simplify
from hodiff.compiled.rolling import roll
from hodiff.control.loops import loop
from hodiff.program import QUIET, Equation, Literal, Program, Var, check
from hodiff.staging import stage


def bodies(program):
    return [step.parameters["body"] for step in program.equations if step.primitive is loop]


def names(body):
    return [step.primitive.name for step in body.equations]


def looped(function, examples, *, constants, carries, length, reverse=False, quiet=True):
    """A program that is one loop, its operands inputs, over the body that a function is."""
    body = stage(lambda *args: list(function(*args)), examples)[1]
    if quiet:
        body = body.replace(steps=[replace(step, errstate=QUIET) for step in body.equations])
    inputs = [var.twin() for var in body.inputs[: constants + carries]]
    inputs += [Var((length, *var.shape), var.dtype) for var in body.inputs[constants + carries :]]
    answers = [var.twin() for var in body.inputs[constants : constants + carries]]
    answers += [Var((length, *atom.shape), atom.dtype) for atom in body.outputs[carries:]]
    parameters = {"body": body, "constants": constants, "carries": carries, "length": length, "reverse": reverse}
    return Program(tuple(inputs), (Equation(loop, tuple(inputs), parameters, tuple(answers), True),), tuple(answers))


def values_of(program, seed=0):
    rng = np.random.default_rng(seed)
    return [
        np.asarray(rng.normal(size=var.shape), var.dtype)[() if var.form == "scalar" else ...] for var in program.inputs
    ]


def assert_same(program, parted, values, rtol=1e-12):
    check(parted, *values)
    for found, expected in zip(parted.evaluate(*values), program.evaluate(*values), strict=True):
        assert type(found) is type(expected)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


VECTOR, SCALAR = np.ones(3), np.float64(1.0)


@pytest.mark.parametrize(
    ("function", "examples", "constants", "carries", "left"),
    [
        # what constants determine, and what the elements do, comes first
        (lambda a, s, x: [np.sin(s) * np.exp(a) + np.cos(x)], [SCALAR] * 3, 1, 1, [["sin", "multiply", "add"]]),
        # what no carry needs comes last, from what is stacked
        (lambda s, x: [np.sin(s) + x, np.cos(s) * 2.0, np.exp(np.sin(s))], [VECTOR] * 2, 0, 1, [["sin", "add"]]),
        # sums are sums
        (lambda s, x: [s + x * x], [SCALAR] * 2, 0, 1, []),
        (lambda s, x: [x + s], [VECTOR] * 2, 0, 1, []),
        (lambda a, s, x: [s + a * x], [VECTOR] * 3, 1, 1, []),
        (lambda s, x: [(np.cos(x) + (x * x + s)) + x], [VECTOR] * 2, 0, 1, []),
        (lambda s, x: [(s + x) + x], [VECTOR] * 2, 0, 1, [["add", "add"]]),
        (lambda s, t, x: [s + x, np.sin(t) * x], [SCALAR] * 3, 0, 2, [["sin", "multiply"]]),
        (
            lambda s, t, x: [s + t, np.sin(t) * x],
            [SCALAR] * 3,
            0,
            2,
            [["add", "sin", "multiply"]],
        ),  # instead of a stack
        # of products they are contractions
        (lambda s, x, y: [s + x[:, None] * y], [np.ones((3, 2)), VECTOR, np.ones(2)], 0, 1, []),
        (lambda s, x, y: [s + y * x[:, None]], [np.ones((3, 2)), VECTOR, np.ones(2)], 0, 1, []),
        (lambda s, x, y: [s + x * y], [np.ones((2, 3)), np.ones((2, 3)), VECTOR], 0, 1, []),
        (lambda s, x, y: [s + x * y], [VECTOR, VECTOR, SCALAR], 0, 1, []),
        # a constant that is added is no sequence
        (lambda a, s, x: [s + a * a, np.sin(s) * x], [SCALAR] * 3, 1, 1, [["add"]]),
        (lambda a, s, x: [s + a, x * a], [SCALAR] * 3, 1, 1, [["add"]]),
        # a sum beside a recurrence
        (lambda s, t, x: [np.sin(s) * x, t + s * x], [SCALAR] * 3, 0, 2, [["sin", "multiply"]]),
        # a carry that is read is no mere sum
        (lambda s, x: [s + x, np.sin(s)], [SCALAR] * 2, 0, 1, [["add"]]),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_what_stays_in_a_loop(function, examples, constants, carries, left, reverse):
    program = looped(function, examples, constants=constants, carries=carries, length=7, reverse=reverse)
    parted = fission.run(program)
    assert [names(body) for body in bodies(parted)] == left
    assert_same(program, parted, values_of(program))
    code = emit(simplify(parted)).function
    for found, expected in zip(code(*values_of(program)), program.evaluate(*values_of(program)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_can_warn_stays():
    program = looped(lambda s, x: [np.sin(s) + np.log(x)], [SCALAR] * 2, constants=0, carries=1, length=7, quiet=False)
    assert [names(body) for body in bodies(fission.run(program))] == [["sin", "log", "add"]]


def test_answers_that_nobody_reads_are_left_out():
    program = looped(
        lambda s, t, x: [np.sin(s), t * s, np.cos(s) * x, x + t], [SCALAR] * 3, constants=0, carries=2, length=7
    )
    short = program.replace(outputs=program.outputs[:1])
    (body,) = bodies(fission.run(short))
    assert (names(body), len(body.inputs)) == (["sin"], 1)
    assert_same(short, fission.run(short), values_of(short))


def test_what_nobody_reads_and_can_warn_runs():
    def f(x):
        s = x
        for t in range(20):
            s = np.sin(s) + t
            np.log(s)
        return x

    program = staged(f, np.float64(1.0))
    parted = simplify(fission.run(roll(program)))
    (body,) = bodies(parted)
    assert "log" in names(body)
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        emit(parted).function(np.float64(-3.0))
    check(parted, np.float64(1.0))
    quiet = looped(lambda s, x: [np.sin(s) * x], [SCALAR] * 2, constants=0, carries=1, length=9, quiet=False)
    unread = fission.run(quiet.replace(outputs=quiet.inputs))
    assert_same(quiet.replace(outputs=quiet.inputs), simplify(unread), values_of(quiet))


def test_large_values_stay_in_the_loop():
    example = np.ones((600, 600))
    program = looped(lambda s, x: [s + np.cos(s * x)], [example, SCALAR], constants=0, carries=1, length=10)
    assert [names(body) for body in bodies(fission.run(program))] == [["multiply", "cos", "add"]]


def test_turns_that_never_come():
    for length in (0, 1):
        program = looped(lambda s, x: [s + x * x, x * s], [SCALAR] * 2, constants=0, carries=1, length=length)
        assert_same(program, fission.run(program), values_of(program))


def test_python_numbers_stay_python_numbers():
    body = stage(lambda n, s: [n * 2.0, s * n], [0.5, np.ones(3, np.float32)])[1]
    body = body.replace(steps=[replace(step, errstate=QUIET) for step in body.equations])
    s, n, after = Var((3,), np.dtype("f4")), Var((), np.dtype(float), "number"), Var((3,), np.dtype("f4"))
    parameters = {"body": body, "constants": 0, "carries": 2, "length": 5, "reverse": False}
    program = Program((s,), (Equation(loop, (Literal(0.5), s), parameters, (n, after), True),), (after,))
    parted = fission.run(program)
    assert parted.evaluate(np.ones(3, np.float32))[0].dtype == np.float32


def test_a_stack_of_elements_is_the_sequence():
    program = looped(lambda s, x: [s * x, x], [SCALAR] * 2, constants=0, carries=1, length=7)
    assert fission.run(program).outputs[1] is program.inputs[1]


@pytest.mark.parametrize("kind", ["value", "gradient", "hvp"])
@pytest.mark.parametrize("model", MODELS)
def test_models(model, kind):
    sizes = []
    for turns in (30, 75):
        function, values = derived(model, kind, turns)
        program = staged(function, *values)
        parted = simplify(fission.run(roll(program)))
        assert_same(program, parted, [0.9 * v for v in values], rtol=1e-9)
        sizes.append((len(parted.steps), [len(body.steps) for body in bodies(parted)]))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("model, kind, backend", alternating(MODELS, ["gradient", "hvp"]), indirect=["backend"])
def test_compiled_models(backend, model, kind):
    """All passes and emitted code, within a compiled function: right, and of one length."""
    lengths = []
    for turns in (30, 75):
        function, values = derived(model, kind, turns)
        compiled = hd.jit(function)
        expected = function(*values)
        for _ in range(2):
            for part, plain in zip(compiled(*values), expected, strict=True):
                np.testing.assert_allclose(part, plain, rtol=1e-9, atol=1e-9)
        assert compiled.cache_info().eager_calls == 0
        lengths.append(str(compiled.lower(*values)).count("\n"))
    # Native code of loops takes short ones and the rests of long ones apart.
    assert lengths[0] == lengths[1] if backend == "numpy" else lengths[1] < 1.5 * lengths[0]


def test_a_network_goes_back_by_three_operations_a_turn():
    function, values = derived(network, "gradient", 100)
    forward, backward = bodies(simplify(fission.run(roll(staged(function, *values)))))
    assert names(forward) == ["matmul", "add", "tanh"]
    assert len(backward.steps) <= 3


@settings(max_examples=40, deadline=None, derandomize=True)
@given(body=instructions(), turns=st.integers(9, 30), vector=st.booleans(), seed=st.integers(0, 100))
def test_any_gradient(body, turns, vector, seed):
    rng = np.random.default_rng(seed)
    shape = (3,) if vector else ()
    values = [rng.normal(size=(81, *shape)), rng.normal(size=shape)[()], rng.normal(size=shape)[()]]

    def total(*args):
        return sum(np.sum(part) for part in interpret(body, turns, False, [3], *args))

    program = staged(hd.grad(total, argnums=(0, 1, 2)), *values)
    parted = simplify(fission.run(roll(simplify(program))))
    assert_same(program, parted, values, rtol=1e-9)
    for found, expected in zip(emit(parted).function(*values), program.evaluate(*values), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_choice_that_differs_from_turn_to_turn_stays_in_the_loop():
    def f(xs):
        def turn(carry, x):
            y = hd.cond(x > 0.0, lambda: np.sin(x), lambda: x**3)
            return carry * 0.5 + y, y

        return np.sum(hd.scan(turn, 1.0, xs)[1] ** 2)

    xs = np.linspace(-1.0, 2.0, 7)
    compiled = hd.jit(hd.grad(f))
    for _ in range(2):
        np.testing.assert_allclose(compiled(xs), hd.grad(f)(xs), rtol=1e-14)
    assert compiled.cache_info().eager_calls == 0
