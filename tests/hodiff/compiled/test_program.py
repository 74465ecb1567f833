"""Programs: the printer, the checker, evaluation on plain and traced values, comparison."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.comparing import same_program
from hodiff.core import Primitive
from hodiff.errors import ProgramError
from hodiff.ops.elementwise import add, multiply, sin
from hodiff.program import Equation, Guard, GuardMiss, Literal, Program, Var, check, exact, letters
from hodiff.staging import stage

X = np.linspace(-1.0, 2.0, 4)


def small():
    """A program of two equations: sin(x) * x, doubled."""
    x, y, z = Var.of(X), Var.of(X), Var.of(X)
    steps = (Equation(sin, (x,), {}, (y,)), Equation(multiply, (y, Literal(2.0)), {}, (z,)))
    return Program((x,), steps, (z, x), name="small")


def test_printed():
    assert str(small()).splitlines() == [
        "program small(a: float64[4]) -> float64[4], float64[4]",
        "  b: float64[4] = sin(a)",
        "  c: float64[4] = multiply(b, 2.0)",
        "  return c, a",
    ]


def test_names_of_many_variables():
    names = letters()
    first = [next(names) for _ in range(26 + 26 * 26 + 1)]
    assert first[:2] == ["a", "b"]
    assert first[26] == "aa"
    assert first[-1] == "aaa"
    assert len(set(first)) == len(first)


def test_values_plain_and_traced():
    program = small()
    np.testing.assert_array_equal(program.evaluate(X)[0], 2.0 * np.sin(X))
    np.testing.assert_allclose(hd.jacfwd(lambda x: program.evaluate(x)[0])(X), np.diag(2.0 * np.cos(X)))
    batch = np.stack([X, X + 1.0])
    np.testing.assert_array_equal(hd.vmap(lambda x: program.evaluate(x)[0])(batch), 2.0 * np.sin(batch))
    with pytest.raises(ProgramError, match="takes 1 values, got 2"):
        program.evaluate(X, X)


def test_a_well_formed_program_passes():
    check(small())
    check(small(), X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.replace(steps=p.steps[::-1]), "used before it is defined"),
        (lambda p: p.replace(steps=(*p.steps, p.steps[0])), "defined twice"),
        (lambda p: p.replace(outputs=(Var.of(X),)), "is not defined"),
        (lambda p: p.replace(inputs=(p.inputs[0], p.inputs[0])), "same variable"),
    ],
)
def test_malformed_programs_are_named(change, message):
    with pytest.raises(ProgramError, match=message):
        check(change(small()))


def test_a_wrong_type_is_named():
    x, y = Var.of(X), Var((5,), X.dtype)
    program = Program((x,), (Equation(sin, (x,), {}, (y,)),), (y,))
    check(program)
    with pytest.raises(ProgramError, match=r"the value is float64\[4\], declared was float64\[5\]"):
        check(program, X)
    with pytest.raises(ProgramError, match="input a"):
        check(small(), X.astype(np.float32))


def test_guards_by_truth_and_by_value():
    x, y = Var.of(np.float64(1.0)), Var.of(np.bool_(True))
    truth = Program(
        (x,), (Equation(Primitive("positive", lambda v: v > 0, batch=None), (x,), {}, (y,)), Guard(y, True, True)), (x,)
    )
    assert truth.evaluate(np.float64(2.0)) == [2.0]
    with pytest.raises(GuardMiss) as miss:
        truth.evaluate(np.float64(-2.0))
    assert (miss.value.index, miss.value.outcome) == (0, False)
    value = Program((x,), (Guard(x, np.float64(0.0), False),), (x,))
    assert value.evaluate(np.float64(0.0)) == [0.0]
    with pytest.raises(GuardMiss):
        value.evaluate(np.float64(-0.0))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (0.0, -0.0, False),
        (1, 1.0, False),
        (1, True, False),
        (np.nan, np.nan, True),
        (np.float64(1.0), 1.0, False),
        (np.array([0.0, np.nan]), np.array([0.0, np.nan]), True),
        (np.array([0.0]), np.array([-0.0]), False),
        (np.ones(2), np.ones((2, 1)), False),
        (np.ones(2), np.ones(2, np.float32), False),
        (complex(1.0, 0.0), complex(1.0, -0.0), False),
    ],
)
def test_exact_keys(a, b, same):
    assert (exact(a) == exact(b)) is same


def test_comparison_of_programs():
    def f(x):
        return [np.sin(x) * np.clip(x, 0.0, 1.0)]

    one, two = (stage(f, [X])[1] for _ in range(2))
    assert same_program(one, two)
    assert not same_program(one, stage(f, [X[:3]])[1])
    assert not same_program(one, stage(lambda x: [np.sin(x) * np.clip(x, 0.0, 2.0)], [X])[1])
    assert not same_program(one, stage(lambda x: [np.cos(x) * np.clip(x, 0.0, 1.0)], [X])[1])
    x, y = Var.of(X), Var.of(X)
    z = Var.of(X)
    forward = Program((x, y), (Equation(add, (x, y), {}, (z,)),), (z,))
    backward = Program((x, y), (Equation(add, (y, x), {}, (z,)),), (z,))
    assert not same_program(forward, backward)
