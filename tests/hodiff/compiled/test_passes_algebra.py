"""Algebra: each rule with what it makes of an expression, and with the values of both, special ones included."""

import numpy as np
import pytest
from program_writer import SPECIAL, Writer, assert_close, assert_same_bits, expressions, less, messages, random, text

from hodiff.compiled.passes import algebra, dead_code, simplify
from hodiff.ops.elementwise import (
    add,
    divide,
    multiply,
    negative,
    positive,
    power,
    square,
    subtract,
)
from hodiff.ops.selection import select
from hodiff.program import check

EXACT = {
    "x * 1": (lambda w, x, y: w(multiply, x, 1.0), []),
    "1 * x": (lambda w, x, y: w(multiply, 1, x), []),
    "x / 1": (lambda w, x, y: w(divide, x, 1), []),
    "x - 0": (lambda w, x, y: w(subtract, x, 0.0), []),
    "x + -0.0": (lambda w, x, y: w(add, x, -0.0), []),
    "x ** 1": (lambda w, x, y: w(power, x, 1.0), []),
    "--x": (lambda w, x, y: w(negative, w(negative, x)), []),
    "+x": (lambda w, x, y: w(positive, x), []),
    "where(c, x, x)": (lambda w, x, y: w(select, w(less, x, y), x, x), []),
    "-1 * x": (lambda w, x, y: w(multiply, -1.0, x), ["negative(a)"]),
    "(-x) * y": (lambda w, x, y: w(multiply, w(negative, x), y), ["multiply(a, b)", "negative(c)"]),
    "(-x) * (-y)": (lambda w, x, y: w(multiply, w(negative, x), w(negative, y)), ["multiply(a, b)"]),
    "3 * (-x)": (lambda w, x, y: w(multiply, 3.0, w(negative, x)), ["multiply(-3.0, a)"]),
    "(-x) / y": (lambda w, x, y: w(divide, w(negative, x), y), ["divide(a, b)", "negative(c)"]),
    "3 / (-x)": (lambda w, x, y: w(divide, 3.0, w(negative, x)), ["divide(-3.0, a)"]),
    "(-x) ** 2": (lambda w, x, y: w(square, w(negative, x)), ["square(a)"]),
}

REGROUPED = {
    "x + x": (lambda w, x, y: w(add, x, x), ["multiply(2.0, a)"]),
    "x + (-y)": (lambda w, x, y: w(add, x, w(negative, y)), ["subtract(a, b)"]),
    "(-x) + y": (lambda w, x, y: w(add, w(negative, x), y), ["subtract(b, a)"]),
    "x - (-y)": (lambda w, x, y: w(subtract, x, w(negative, y)), ["add(a, b)"]),
    "-(x - y)": (lambda w, x, y: w(negative, w(subtract, x, y)), ["subtract(b, a)"]),
    "-(3 * x)": (lambda w, x, y: w(negative, w(multiply, 3.0, x)), ["multiply(-3.0, a)"]),
    "2 * (3 * x)": (lambda w, x, y: w(multiply, 2.0, w(multiply, x, 3.0)), ["multiply(6.0, a)"]),
    "100 * (x + x)": (lambda w, x, y: w(multiply, 100.0, w(add, x, x)), ["multiply(200.0, a)"]),
    "(2 * x) * (3 * y)": (
        lambda w, x, y: w(multiply, w(multiply, 2.0, x), w(multiply, 3.0, y)),
        ["multiply(a, b)", "multiply(6.0, c)"],
    ),
    "3 * x + 4 * x": (lambda w, x, y: w(add, w(multiply, 3.0, x), w(multiply, 4.0, x)), ["multiply(7.0, a)"]),
    "x * 3 + x": (lambda w, x, y: w(add, w(multiply, x, 3.0), x), ["multiply(4.0, a)"]),
    "3 * x + 3 * y": (
        lambda w, x, y: w(add, w(multiply, 3.0, x), w(multiply, 3.0, y)),
        ["add(a, b)", "multiply(3.0, c)"],
    ),
    "(-x) + (-y)": (lambda w, x, y: w(add, w(negative, x), w(negative, y)), ["add(a, b)", "negative(c)"]),
    "x * (1 / y)": (lambda w, x, y: w(multiply, x, w(divide, 1.0, y)), ["divide(a, b)"]),
    "x / 4": (lambda w, x, y: w(divide, x, 4.0), ["multiply(0.25, a)"]),
    "x * x": (lambda w, x, y: w(multiply, x, x), ["square(a)"]),
    "x ** 2": (lambda w, x, y: w(power, x, 2), ["square(a)"]),
    "x ** 3": (lambda w, x, y: w(power, x, 3), ["square(a)", "multiply(a, c)"]),
    "x ** -1": (lambda w, x, y: w(power, x, -1.0), ["divide(1.0, a)"]),
}

UNTOUCHED = {
    "x + 0 turns -0.0 into 0.0": lambda w, x, y: w(add, x, 0.0),
    "x - (-0.0) does too": lambda w, x, y: w(subtract, x, -0.0),
    "0 * x may be NaN": lambda w, x, y: w(multiply, 0.0, x),
    "x - x may be NaN": lambda w, x, y: w(subtract, x, x),
    "3 * x - 2 * x may be NaN": lambda w, x, y: w(subtract, w(multiply, 3.0, x), w(multiply, 2.0, x)),
    "x / 3 is not x * (1/3)": lambda w, x, y: w(divide, x, 3.0),
    "(1e-200 x) * 1e200 may overflow elsewhere": lambda w, x, y: w(multiply, 1e200, w(multiply, 1e-200, x)),
    "x ** 0.5 of -inf is inf": lambda w, x, y: w(power, x, 0.5),
}


@pytest.mark.parametrize("quiet", [True, False], ids=["quiet", "loud"])
@pytest.mark.parametrize("name", EXACT)
def test_exact_algebra(name, quiet):
    build, expected = EXACT[name]
    w = Writer(random(8), random(8, seed=1), quiet=quiet)
    before = w.program(build(w, *w.inputs))
    after = dead_code.run(algebra.run(before))
    # What cannot warn and is no longer needed is gone.
    found = [line for line in expressions(text(after)) if not line.startswith("less")]
    assert found == expected
    check(after, *w.examples)
    assert_same_bits(before, after, *w.examples)
    for shift in range(8):
        assert_same_bits(before, after, SPECIAL, np.roll(SPECIAL, shift))


@pytest.mark.parametrize("name", REGROUPED)
def test_regrouping_algebra(name):
    build, expected = REGROUPED[name]
    w = Writer(random(8), random(8, seed=1))
    before = w.program(build(w, *w.inputs))
    after = simplify(before, check=True)
    assert expressions(text(after)) == expected
    assert_close(before, after, *w.examples)
    special = np.where(np.abs(SPECIAL) == 1e308, 1e100, SPECIAL)  # not where only one of both overflows
    for shift in range(8):
        assert_close(before, after, special, np.roll(special, shift))


@pytest.mark.parametrize("name", REGROUPED)
def test_loud_equations_are_not_regrouped(name):
    build, _ = REGROUPED[name]
    w = Writer(random(8), random(8, seed=1), quiet=False)
    before = w.program(build(w, *w.inputs))
    after = simplify(before)
    # A sign may be elsewhere, but each operation that can warn is what it was, with the operands that it had.
    loud = [[e.primitive for e in p.equations if e.primitive is not negative] for p in (before, after)]
    assert loud[0] == loud[1]
    for shift in range(8):
        assert_same_bits(before, after, SPECIAL, np.roll(SPECIAL, shift))
        assert messages(before, SPECIAL, np.roll(SPECIAL, shift)) == messages(after, SPECIAL, np.roll(SPECIAL, shift))


@pytest.mark.parametrize("name", UNTOUCHED)
def test_algebra_that_is_not_done(name):
    w = Writer(random(8), random(8, seed=1))
    before = w.program(UNTOUCHED[name](w, *w.inputs))
    assert simplify(before) is before


def test_complex_numbers_are_not_multiplied_less():
    # (1 + 0j) * (inf + 0j) is inf + nan j.
    w = Writer(np.array([1 + 2j]))
    before = w.program(w(multiply, 1.0, w.inputs[0]))
    assert simplify(before) is before


def test_integers():
    w = Writer(np.arange(3))
    (x,) = w.inputs
    before = w.program(w(multiply, 1, w(add, w(negative, w(negative, x)), 0)))
    after = simplify(before, check=True)
    assert text(after) == ["return a"]


def test_types_never_change():
    w = Writer(np.ones(2, np.float32), np.array(2.0), np.arange(2))
    x, y, n = w.inputs
    wide = w(multiply, np.float64(1.0), x)  # makes it float64
    scalar = w(multiply, 1.0, y)  # makes a scalar of the array
    real = w(divide, n, 1)  # makes floats of integers
    long = w(multiply, np.ones((2, 2), np.float32), x)  # broadcasts
    before = w.program(wide, scalar, real, long)
    after = simplify(before, check=True)
    assert len(after.equations) == 4
    assert_same_bits(before, after, *w.examples)


def test_products_of_small_and_large_arrays_keep_factors_where_they_are_small():
    w = Writer(random(3), random(2, 3))
    x, y = w.inputs
    before = w.program(w(multiply, w(multiply, 3.0, x), y))
    assert simplify(before) is before


def test_factors_with_other_uses_stay():
    w = Writer(random(3), random(3, seed=1))
    x, y = w.inputs
    scaled = w(multiply, 3.0, x)
    before = w.program(w(multiply, scaled, y), scaled)
    assert simplify(before) is before
