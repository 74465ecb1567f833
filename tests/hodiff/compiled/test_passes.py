"""The passes: each program before and after, word for word; the values of both; the checker in between.

An independent judge is evaluation: `Program.evaluate` runs both programs by the operations themselves. What is exact
must agree in every bit, signs of zeros and NaN included; what regroups, to rounding.
"""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from program_writer import (
    ALL,
    SPECIAL,
    Writer,
    assert_close,
    assert_same_bits,
    expressions,
    less,
    random,
    text,
)

import hodiff as hd
from hodiff.compiled.passes import common, dead_code, folding, shaping, simplify, sinking
from hodiff.compiled.passes.rewriting import number_of, rewrite
from hodiff.core import Primitive
from hodiff.ops.comparison import stop_gradient
from hodiff.ops.elementwise import (
    add,
    divide,
    exp,
    log,
    multiply,
    negative,
    power,
    subtract,
)
from hodiff.ops.indexing import getitem
from hodiff.ops.linalg import cholesky_factor
from hodiff.ops.reductions import average, spread, total
from hodiff.ops.selection import cast
from hodiff.ops.shaping import broadcasted, permuted, reshaped
from hodiff.program import QUIET, Equation, Literal, Program, Var, check
from hodiff.staging import stage
from hodiff.tape import assemble

# --- dead code --------------------------------------------------------------------------------------------------------


def test_dead_code_drops_what_nobody_can_miss():
    w = Writer(random(3))
    (x,) = w.inputs
    y = w(exp, x)  # quiet: its warnings show nowhere
    w(add, y, y)
    w(reshaped, x, shape=(3, 1), quiet=False)  # cannot warn
    z = w(negative, x)
    before = w.program(z)
    after = dead_code.run(before)
    assert len(before.equations) == 4
    assert text(after) == ["b: float64[3] = negative(a) quietly", "return b"]
    check(after, *w.examples)


def test_dead_code_keeps_warnings_exceptions_and_guards():
    w = Writer(random(3), quiet=False)
    (x,) = w.inputs
    w(exp, x)  # may overflow, loudly
    matrix = w(multiply, np.eye(3), 2.0, quiet=True)
    w(cholesky_factor, matrix, quiet=True)  # may raise
    small = w(less, w(total, x, quiet=True, **ALL), 1.0, quiet=True)
    w.guard(small, bool(w.values[small]))
    before = w.program(x)
    assert dead_code.run(before) is before


def test_dead_code_keeps_powers_of_integers():
    # A negative exponent raises, however the floating-point errors are handled.
    w = Writer(np.arange(3))
    w(power, w.inputs[0], 2)
    before = w.program(w.inputs[0])
    assert dead_code.run(before) is before


# --- common subexpressions --------------------------------------------------------------------------------------------


def test_common_subexpressions():
    w = Writer(random(3), random(3, seed=1))
    x, y = w.inputs
    s, t = w(add, x, y), w(add, y, x)  # may change places
    u, v = w(subtract, x, y), w(subtract, y, x)  # may not
    i, j = w(getitem, x, index=(slice(1, None),)), w(getitem, x, index=(slice(1, None),))
    one, other = w(multiply, 1.0, x), w(multiply, 1, x)  # numbers of different types
    before = w.program(s, t, u, v, i, j, one, other)
    after = common.run(before)
    assert text(after) == [
        "c: float64[3] = add(a, b) quietly",
        "d: float64[3] = subtract(a, b) quietly",
        "e: float64[3] = subtract(b, a) quietly",
        "f: float64[2] = getitem(a, index=(1:,)) quietly",
        "g: float64[3] = multiply(1.0, a) quietly",
        "h: float64[3] = multiply(1, a) quietly",
        "return c, c, d, e, f, f, g, h",
    ]
    assert_same_bits(before, after, *w.examples)


def test_of_a_quiet_and_a_loud_equation_the_loud_one_survives():
    for first, second in ((True, False), (False, True)):
        w = Writer(random(3))
        y, z = w(exp, w.inputs[0], quiet=first), w(exp, w.inputs[0], quiet=second)
        after = common.run(w.program(y, z))
        assert text(after) == ["b: float64[3] = exp(a)", "return b, b"]
        with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
            after.evaluate(np.full(3, 1e3))


def test_a_warning_does_not_come_before_a_guard():
    w = Writer(np.float64(3.0))
    (x,) = w.inputs
    y = w(log, x, quiet=True)
    w.guard(w(less, 0.0, x), True)
    z = w(log, x, quiet=False)
    before = w.program(y, z)
    assert common.run(before) is before


def test_calls_of_user_functions_are_never_merged():
    calls = []

    def noisy(x):
        calls.append(None)
        return np.sin(x)

    checkpointed = hd.checkpoint(noisy)
    _, program = stage(lambda x: [checkpointed(x), checkpointed(x)], [np.float64(1.0)])
    assert common.run(program) is program


def test_elementwise_operations_with_parameters_are_compared_by_these():
    shifted = hd.extend.elementwise(lambda x, by: x + by, lambda ans, x, by: 1.0, name="shifted")
    _, program = stage(lambda x: [shifted(x, by=1.0), shifted(x, by=1.0), shifted(x, by=2.0)], [np.ones(2)])
    after = common.run(program)
    assert [len(program.equations), len(after.equations)] == [3, 2]
    assert after.outputs[0] is after.outputs[1] is not after.outputs[2]
    assert_same_bits(program, after, random(2))


def test_arrays_among_parameters_and_operands_are_compared():
    small, large = np.arange(4), np.arange(1000.0)
    for array, merged in ((small, True), (large, False)):
        w = Writer(np.float64(2.0))
        y, z = w(multiply, w.inputs[0], array), w(multiply, w.inputs[0], array.copy())
        assert (len(common.run(w.program(y, z)).equations) == 1) == merged


# --- folding ----------------------------------------------------------------------------------------------------------


def test_folding():
    w = Writer(random(3))
    (x,) = w.inputs
    ones = w(spread, np.float64(1.0), axis=(-1,), keepdims=False, shape=(3,))
    weight = w(multiply, 100.0, ones)
    y = w(multiply, weight, x)
    z = w(add, np.arange(3.0), w(multiply, 2.0, np.arange(3.0)))
    before = w.program(y, z)
    after = folding.run(before)
    assert text(after) == ["b: float64[3] = multiply(100.0, a) quietly", "return b, float64[3]{...}"]
    assert after.outputs[1].value.tolist() == [0.0, 3.0, 6.0]
    assert_same_bits(before, after, *w.examples)
    assert_same_bits(before, after, SPECIAL[:3])


def test_what_warns_or_raises_is_not_folded():
    w = Writer(quiet=False)
    y = w(divide, np.float64(1.0), np.float64(0.0))
    with np.errstate(all="ignore"):
        z = w(cholesky_factor, np.eye(2))
    before = w.program(y, z)
    assert folding.run(before) is before
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        simplify(before).evaluate()


def test_a_literal_keeps_the_precision_that_it_gives():
    w = Writer(random(3).astype(np.float32), np.float64(2.0))
    x, y = w.inputs
    wide = w(multiply, np.full(3, 2.0), x)  # float64, which a Python number would not give
    narrow = w(multiply, np.full(3, 2.0, np.float32), x)
    long = w(multiply, np.full(3, 2.0), y)  # shape (3,), which a Python number would not give
    before = w.program(wide, narrow, long)
    after = folding.run(before)
    assert text(after)[1] == "d: float32[3] = multiply(2.0, a) quietly"
    assert_same_bits(before, after, *w.examples)


def test_zeros_of_both_signs_are_no_uniform_array():
    w = Writer(random(2))
    before = w.program(w(add, np.array([0.0, -0.0]), w.inputs[0]))
    assert folding.run(before) is before


def test_large_constants_are_not_made():
    w = Writer()
    before = w.program(w(stacked_rows, np.float64(1.0), size=5000))
    assert folding.run(before) is before


stacked_rows = Primitive("stacked_rows", lambda x, size: x * np.arange(size), batch=None, hazard="none")


# --- shaping ----------------------------------------------------------------------------------------------------------

SHAPING = {
    "reshape twice": (
        lambda w, x: w(reshaped, w(reshaped, x, shape=(24,)), shape=(4, 6)),
        ["reshaped(a, shape=(4, 6))"],
    ),
    "reshape there and back": (lambda w, x: w(reshaped, w(reshaped, x, shape=(24,)), shape=(2, 3, 4)), []),
    "transpose twice": (
        lambda w, x: w(permuted, w(permuted, x, axes=(-1, -3, -2)), axes=(-1, -3, -2)),
        ["permuted(a, axes=(-2, -1, -3))"],
    ),
    "transpose there and back": (lambda w, x: w(permuted, w(permuted, x, axes=(-1, -3, -2)), axes=(-2, -1, -3)), []),
    "broadcast twice": (
        lambda w, x: w(broadcasted, w(broadcasted, x, shape=(5, 2, 3, 4)), shape=(6, 5, 2, 3, 4)),
        ["broadcasted(a, shape=(6, 5, 2, 3, 4))"],
    ),
    "broadcast to its own shape": (lambda w, x: w(broadcasted, x, shape=(2, 3, 4)), []),
    "cast to its own type": (lambda w, x: w(cast, x, dtype=np.dtype(float)), []),
    "all of it": (lambda w, x: w(getitem, x, index=(slice(None), slice(0, 3))), []),
    "a part of a part": (
        lambda w, x: w(getitem, w(getitem, x, index=(slice(None), slice(1, None))), index=(1, slice(None, None, -1))),
        ["getitem(a, index=(1, 2:0:-1, 0:4))"],
    ),
    "an element of a row": (
        lambda w, x: w(getitem, w(getitem, x, index=(1, 2)), index=(-1,)),
        ["getitem(a, index=(1, 2, 3))"],
    ),
    "sum without the axes that a reshape takes away": (
        lambda w, x: w(reshaped, w(total, x, axis=(-2,), keepdims=True), shape=(2, 4)),
        ["total(a, axis=(-2,), keepdims=False)"],
    ),
    "sum with the axes that a reshape puts back": (
        lambda w, x: w(reshaped, w(total, x, axis=(-2,), keepdims=False), shape=(2, 1, 4)),
        ["total(a, axis=(-2,), keepdims=True)"],
    ),
}


@pytest.mark.parametrize("name", SHAPING)
def test_shaping(name):
    build, expected = SHAPING[name]
    w = Writer(random(2, 3, 4))
    before = w.program(build(w, *w.inputs))
    after = dead_code.run(shaping.run(before))
    if expected is not None:
        assert expressions(text(after)) == expected
    check(after, *w.examples)
    assert_same_bits(before, after, *w.examples)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_parts_of_parts_are_parts(data):
    """Against NumPy's own indexing, on an array of different numbers."""
    x = np.arange(60.0).reshape(3, 4, 5)
    bound = st.one_of(st.none(), st.integers(-6, 6))
    step = st.sampled_from([None, 1, 2, -1, -2, 3])
    first = tuple(data.draw(st.lists(st.builds(slice, bound, bound, step), max_size=3)))
    if data.draw(st.booleans()) and len(first) < 3:
        first = (*first, data.draw(st.integers(-3, 2)))
    y = x[first]
    second = tuple(data.draw(st.lists(st.builds(slice, bound, bound, step), max_size=y.ndim)))
    w = Writer(x)
    before = w.program(w(getitem, w(getitem, w.inputs[0], index=first), index=second))
    after = simplify(before, check=True)
    assert len(after.equations) <= 1
    assert_same_bits(before, after, x)


def test_parts_of_one_number():
    w = Writer(np.float64(2.0))
    rows = w(spread, w.inputs[0], axis=(-2, -1), keepdims=False, shape=(3, 4))
    part = w(getitem, w(permuted, rows, axes=(-1, -2)), index=(slice(1, None), 0))
    before = w.program(w(exp, part))
    after = dead_code.run(shaping.run(before))
    assert expressions(text(after)) == ["broadcasted(a, shape=(3,))", "exp(b)"]
    assert_same_bits(before, after, *w.examples)


# --- sinking ----------------------------------------------------------------------------------------------------------

SINKING = {
    "the sum of -x": (
        lambda w, x, c: w(total, w(negative, x), **ALL),
        ["total(a, axis=(-1,), keepdims=False)", "negative(c)"],
    ),
    "the mean of 3 x": (
        lambda w, x, c: w(average, w(multiply, 3.0, x), **ALL),
        ["average(a, axis=(-1,), keepdims=False)", "multiply(3.0, c)"],
    ),
    "a part of 3 x": (
        lambda w, x, c: w(getitem, w(multiply, 3.0, x), index=(slice(1, None),)),
        ["getitem(a, index=(1:,))", "multiply(3.0, c)"],
    ),
    "the sum of a number spread": (
        lambda w, x, c: w(total, w(spread, c, axis=(-1,), keepdims=False, shape=(8,)), **ALL),
        ["multiply(8.0, b)"],
    ),
    "a function of a number spread": (
        lambda w, x, c: w(multiply, x, w(exp, w(multiply, 2.0, w(spread, c, axis=(-1,), keepdims=False, shape=(8,))))),
        ["multiply(2.0, b)", "exp(c)", "multiply(a, d)"],
    ),
    "a product with a number spread": (
        lambda w, x, c: w(multiply, x, w(spread, c, axis=(-1,), keepdims=False, shape=(8,))),
        ["multiply(a, b)"],
    ),
}


@pytest.mark.parametrize("name", SINKING)
def test_sinking(name):
    build, expected = SINKING[name]
    w = Writer(random(8), np.float64(0.7))
    before = w.program(build(w, *w.inputs))
    after = dead_code.run(sinking.run(before))
    assert expressions(text(after)) == expected
    check(after, *w.examples)
    assert_close(before, after, *w.examples)
    for value in (np.nan, np.inf, -0.0):
        assert_close(before, after, SPECIAL, np.float64(value))


def test_cotangents_of_the_same_part_are_added_first():
    first, rest = (getitem, (), {"index": (slice(0, 1),)}), (getitem, (), {"index": (slice(1, None),)})
    w = Writer(random(1), random(2), random(2, seed=1))
    x, y, z = w.inputs
    parameters = {"shape": (3,), "dtype": np.dtype(float)}
    before = w.program(w(assemble, x, y, z, pieces=(first, rest, rest), **parameters))
    constant = w.program(w(assemble, x, np.arange(2.0), z, pieces=(first, rest, rest), **parameters))
    for program in (before, Program(constant.inputs, constant.steps[1:], constant.outputs)):
        after = sinking.run(program)
        check(after, *w.examples)
        assert [e.primitive.name for e in after.equations] == ["add", "assemble"]
        assert_close(program, after, *w.examples)


def test_operations_with_several_answers_are_left_alone():
    parts = Primitive("parts", np.modf, batch=None)
    w = Writer(np.float64(2.5))
    wide = w(broadcasted, w.inputs[0], shape=(3,))
    answers = Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
    steps = (*w.steps, Equation(parts, (wide,), {}, answers, True, QUIET))
    before = Program(tuple(w.inputs), steps, (answers[1],))
    assert simplify(before, check=True) is before


def test_an_answer_stays_an_array_of_its_own():
    # An operation on a broadcast returns an array that can be written to, which a broadcast is not.
    w = Writer(np.float64(2.0))
    wide = w(broadcasted, w.inputs[0], shape=(3,))
    before = w.program(w(exp, wide))
    assert sinking.run(before) is before


def test_nothing_is_computed_where_there_were_no_elements():
    w = Writer(np.float64(1e3), quiet=False)
    empty = w(exp, w(broadcasted, w.inputs[0], shape=(0,)))
    before = w.program(w(total, empty, **ALL))
    assert simplify(before) is before


def test_a_number_is_not_taken_for_a_scalar():
    # A Python number has no precision: the product would be float32.
    number = Var((), np.dtype(float), "number")
    x, wide, y = Var((3,), np.dtype("f4")), Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
    steps = (
        Equation(broadcasted, (number,), {"shape": (3,)}, (wide,), False, QUIET),
        Equation(multiply, (wide, x), {}, (y,), False, QUIET),
    )
    before = Program((number, x), steps, (y,))
    check(before, 0.1, np.ones(3, "f4"))
    assert simplify(before) is before


# --- all together -----------------------------------------------------------------------------------------------------


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_a_pullback_is_as_lean_as_written_by_hand():
    x = random(5)
    _, before = stage(lambda x: hd.value_and_grad(rosenbrock)(x), [x])
    after = simplify(before)
    assert text(after) == [
        "b: float64[4] = getitem(a, index=(1:,))",
        "c: float64[4] = getitem(a, index=(:-1,))",
        "d: float64[4] = square(c)",
        "e: float64[4] = subtract(b, d)",
        "f: float64[4] = square(e)",
        "g: float64[4] = multiply(100.0, f)",
        "h: float64[4] = subtract(1, c)",
        "i: float64[4] = square(h)",
        "j: float64[4] = add(g, i)",
        "k: float64 = total(j, axis=(-1,), keepdims=False)",
        "l: float64[4] = multiply(200.0, e) quietly",
        "m: float64[4] = multiply(l, c) quietly",
        "n: float64[4] = add(h, m) quietly",
        "o: float64[4] = multiply(-2.0, n) quietly",
        text(after)[14],  # assemble, with a piece for each of both slices
        "q: bool = some_nan(p) quietly",  # zeros that win over NaN are another program
        "guard q is False",
        "return k, p",
    ]
    a, b = x[:-1], x[1:]
    gradient = np.zeros(5)
    gradient[1:] += 200 * (b - a**2)
    gradient[:-1] -= 400 * (b - a**2) * a + 2 * (1 - a)
    value, found = after.evaluate(x)
    np.testing.assert_allclose([value], [rosenbrock(x)], rtol=1e-14)
    np.testing.assert_allclose(found, gradient, rtol=1e-13)


def layers(w, b, v, x):
    z = np.tanh(x @ w + b) @ v
    highest = np.max(z, axis=1, keepdims=True)
    return np.mean(highest[:, 0] + np.log(np.sum(np.exp(z - highest), axis=1)))


def logistic(w, b, x, y):
    z = x @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.0005 * np.sum(w * w)


def mixed(x):
    return np.sum(np.exp(-(x**2)) * np.sin(3 * x) + np.log1p(x**2) * np.tanh(x))


PROGRAMS = {
    "layers": (layers, (random(5, 4), random(4), random(4, 3), random(20, 5)), (0, 1, 2), 37),
    "logistic": (logistic, (random(5), np.float64(0.1), random(20, 5), random(20)), (0, 1), 23),
    "mixed": (mixed, (random(30),), (0,), 26),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_become_smaller_and_stay_what_they_are(name):
    function, values, argnums, most = PROGRAMS[name]

    def flat(*values):
        value, gradients = hd.value_and_grad(function, argnums=argnums)(*values)
        return [value, *gradients]

    _, before = stage(flat, list(values))
    after = simplify(before)
    assert len(after.equations) <= most < len(before.equations)
    check(after, *values)
    assert_close(before, after, *values)
    assert_close(before, simplify(before, check=True), *values)


def test_a_hessian():
    x = random(6)
    _, before = stage(lambda x: [hd.hessian(rosenbrock)(x)], [x])
    after = simplify(before, check=True)
    assert len(after.equations) < 0.7 * len(before.equations)
    assert_close(before, after, x)


def test_guards_stay_in_their_order():
    def f(x):
        y = 1.0 * x
        if y[0] > 0:
            y = y + y
        if y[0] > 0:
            y = y * 3.0
        return [y]

    _, before = stage(f, [np.ones(2)])
    after = simplify(before, check=True)
    assert [g.expected for g in before.guards] == [g.expected for g in after.guards]
    assert len(after.guards) == len(before.guards) == 2
    assert_same_bits(before, after, np.array([2.0, np.nan]))


def test_bodies_of_loops_and_branches():
    def f(x):
        x = hd.fori_loop(0, 3, lambda i, s: 1.0 * s + x, x)
        return [hd.cond(np.sum(x) > 0.0, lambda x: -(1.0 * -x), lambda x: x * x, x)]

    x = random(3)
    _, before = stage(f, [x])
    for after in (simplify(before), simplify(before, check=True)):
        found = [line for line in text(after) if re.match(r"[a-z]+: \S+ = (add|multiply|negative)", line)]
        assert found == ["c: float64[3] = add(b, a)", "b: float64[3] = multiply(a, a)"]
        check(after, x)
        assert_same_bits(before, after, x)
        assert_same_bits(before, after, -x)


def test_what_is_simple_is_not_looked_at_again():
    w = Writer(random(3))
    after = simplify(w.program(w(exp, w(multiply, 1.0, w.inputs[0]))))
    assert simplify(after) is after


def test_stop_gradient_stays():
    # A program may be differentiated after it was simplified.
    w = Writer(random(3))
    before = w.program(w(multiply, w(stop_gradient, w.inputs[0]), w.inputs[0]))
    assert simplify(before) is before


def test_rules_that_undo_each_other_end():
    def swap(sweep, equation):
        x, y = equation.operands
        return Equation(equation.primitive, (y, x), {}, equation.answers)

    w = Writer(random(2), random(2))
    before = w.program(w(add, *w.inputs))
    check(rewrite(before, lambda primitive, telling: (swap,)), *w.examples)


def test_numbers_of_literals():
    found = [number_of(Literal(v)) for v in (2.0, np.float32(2.0), np.full(3, 2.0), np.broadcast_to(2.0, 3), True)]
    assert found == [2.0, 2.0, None, 2.0, None]
    assert number_of(Literal(np.longdouble(2.0))) is None
