"""What nobody needs of a loop or a branch is left out, and nothing else."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled.passes import dead_code
from hodiff.control.branches import branch
from hodiff.control.loops import loop
from hodiff.program import Literal, check
from hodiff.staging import stage

X, XS = np.linspace(0.1, 0.7, 3), np.arange(12.0).reshape(4, 3) / 7


def pruned(f, *args):
    """The program without dead code, which gives the same."""
    _, program = stage(lambda *values: [f(*values)], args)
    small = dead_code.run(program)
    check(small, *args)
    np.testing.assert_array_equal(small.evaluate(*args)[0], program.evaluate(*args)[0])
    return small


def only(program, primitive):
    (found,) = (e for e in program.equations if e.primitive is primitive)
    return found


def test_answers_sequences_carries_and_constants():
    def f(a, b, x, xs):
        def step(c, v):
            x, n, unused = c
            return (x + a * v[0], n + 1, -(unused + b)), (-x, v[0] - v[1])

        return hd.scan(step, (x, 0, x), (xs, xs[::-1]))[1][1]

    # Of what is stacked, the second part depends on the sequences alone.
    with np.errstate(all="ignore"):
        small = pruned(f, X, X, X, XS)
    assert len(only(small, loop).answers) == 1 + 3  # sums may warn, so they stay, and what they need

    def quiet(x, xs):
        (_a, _b), (_p, q) = hd.scan(lambda c, v: ((-c[1], -c[0]), (v[0], -v[1])), (x, -x), (xs, -xs))
        return q

    equation = only(pruned(quiet, X, XS), loop)
    assert (equation.parameters["carries"], len(equation.operands), len(equation.answers)) == (0, 1, 1)

    def carried(x, xs):
        (a, _b), _ys = hd.scan(lambda c, v: ((-c[1], -c[0]), v), (x, -x), xs)
        return a

    equation = only(pruned(carried, X, XS), loop)
    assert (equation.parameters["carries"], len(equation.operands), len(equation.answers)) == (2, 2, 2)


def test_whole_loops_that_cannot_warn():
    def f(x):
        hd.fori_loop(0, 5, lambda i, c: -c, x)
        return -x

    assert not any(e.primitive is loop for e in pruned(f, X).equations)

    def loud(x):
        hd.fori_loop(0, 5, lambda i, c: np.exp(-c), x)
        return -x

    assert any(e.primitive is loop for e in pruned(loud, X).equations)


def test_branches():
    def f(x, y):
        a, _b = hd.cond(x[0] > 0, lambda: (-x, -y), lambda: (y, x))
        return a

    equation = only(pruned(f, X, -X), branch)
    assert len(equation.answers) == 1
    assert len(equation.operands) == 3

    def g(x, y):
        hd.cond(x[0] > 0, lambda: -x, lambda: y)
        return y

    assert not any(e.primitive is branch for e in pruned(g, X, -X).equations)


@pytest.mark.parametrize("point", [X, -X])
def test_gradients_leave_values_out(point):
    """What is stacked and not used has a cotangent of zero, of which no trace is left."""

    def f(x):
        last, _rows = hd.scan(lambda c, v: (np.sin(c) * v, np.exp(c)), x, XS)
        return np.sum(last)

    small = pruned(hd.grad(f), point)
    np.testing.assert_allclose(small.evaluate(point)[0], hd.grad(f)(point), rtol=1e-14)
    _, back = (e for e in small.equations if e.primitive is loop)
    for equation in back.parameters["body"].equations:
        assert not any(isinstance(atom, Literal) and not np.any(atom.value) for atom in equation.operands)
