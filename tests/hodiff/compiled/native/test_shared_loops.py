"""Loops of nearly the same length are one loop, with the same results as ever."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled import native
from hodiff.compiled.native.plans.planning import Plan
from hodiff.compiled.units import optimised
from hodiff.staging import stage

pytestmark = pytest.mark.skipif(native.reason() is not None, reason=str(native.reason()))


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def curvature(x):
    """Second differences, their largest, and the sum of what they are made of."""
    bends = x[2:] - 2 * x[1:-1] + x[:-2]
    return np.exp(-(bends**2)), np.max(np.abs(bends)), np.sum(np.sin(x)), np.prod(1 + 0.01 * x[1:])


def chained(x):
    """What reads a sum, and what reads elements next to its own."""
    total = np.sum(x[1:] * x[:-1])
    steps = np.diff(np.cos(x) * total)
    return steps, np.sum(steps * x[1:]), np.concatenate([steps, x[:1]]) * total


FUNCTIONS = {
    "Rosenbrock": hd.value_and_grad(rosenbrock),
    "its second derivative": lambda x: hd.hvp(rosenbrock)(x, np.cos(x)),
    "curvature": curvature,
    "chained": chained,
    "lengths that are far apart": lambda x: (np.sum(np.exp(x)), np.exp(x[: len(x) // 2])),
    "truths": lambda x: (np.any(x[1:] > 2.5), np.all(x[:-1] > -3), x > 0),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_those_of_numpy(name):
    function = FUNCTIONS[name]
    generator = np.random.default_rng(8)
    for length in (9, 10, 11, 16, 17, 18, 33, 50, 1000):
        x = generator.normal(size=length)
        found = hd.jit(function, backend="native")(x)
        expected = function(x)
        pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
        for ours, theirs in pairs:
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


def lengths(function, x):
    program = optimised(stage(lambda x: list(function(x)), (x,), name="f")[1])
    plan = Plan(program.inputs, program.equations, [*program.outputs, *(guard.operand for guard in program.guards)])
    return [sorted({statement.axes[0].length for statement in nest.statements}) for nest in plan.nests]


def test_value_and_gradient_have_one_loop():
    assert lengths(FUNCTIONS["Rosenbrock"], np.zeros(1000)) == [[999, 1000]]


def test_loops_of_other_lengths_are_their_own():
    assert lengths(FUNCTIONS["lengths that are far apart"], np.zeros(1000)) == [[1000], [500]]


def test_numbers_cost_nothing_where_they_are_read():
    # The softmax is scaled twice, by a number that is a quotient, and stored once.
    def log_sum_exp(x):
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    program = optimised(stage(lambda x: list(hd.value_and_grad(log_sum_exp)(x)), (np.ones(1000),), name="f")[1])
    plan = Plan(program.inputs, program.equations, [*program.outputs, *(guard.operand for guard in program.guards)])
    stored = [s.answer.shape for nest in plan.nests for s in nest.statements if not s.reduces]
    assert stored == [(1000,), (1000,)]
