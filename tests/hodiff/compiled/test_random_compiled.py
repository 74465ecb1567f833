"""Random programs do compiled what they do plainly: results, types, warnings, errors, arguments afterwards."""

from dataclasses import replace

import numpy as np
import pytest
from random_programs.checking import (
    Report,
    asks_for_signs_of_nan,
    call,
    check,
    difference,
    heard_once,
    is_sensitive,
    order_decides,
    orders_zeros,
    outcome,
)
from random_programs.command import explanation
from random_programs.families import random_program
from random_programs.inputs import Fixed
from random_programs.program import Parameter, RandomProgram, Statement
from random_programs.shrinking import shrink
from random_programs.transforms import TRANSFORMS

from hodiff.compiled import native

BACKENDS = [
    "numpy",
    pytest.param("native", marks=pytest.mark.skipif(native.reason() is not None, reason=str(native.reason()))),
]
#: Programs a test.
MANY = 15


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch):
    monkeypatch.setenv("HODIFF_CACHE_DIR", "")  # no program comes again


def check_seeds(seeds, backend):
    report = Report()
    for seed in seeds:
        program = random_program(seed)
        wrong = check(program, backend, report)
        assert wrong is None, explanation(program, backend, wrong)
    assert report.counts["compiled"] > report.counts["eager"]


@pytest.mark.parametrize("part", range(6))
@pytest.mark.parametrize("backend", BACKENDS)
def test_random_programs_do_the_same_compiled(backend, part):
    check_seeds(range(MANY * part, MANY * (part + 1)), backend)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(100))
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hundred_thousand_random_programs_do_the_same_compiled(backend, part):
    check_seeds(range(1000 * part, 1000 * (part + 1)), backend)


# --- the check itself -------------------------------------------------------------------------------------------------


def test_a_seed_stands_for_one_program():
    for seed in range(20):
        first, second = random_program(seed), random_program(seed)
        assert first.listing() == second.listing()
        for point in (0, 1):
            assert repr(first.values(point)) == repr(second.values(point))


@pytest.mark.parametrize(
    ("plain", "found"),
    [
        (1.0, 1.0 + 1e-13),
        (np.float64(1.0), 1.0),
        (np.ones(3), np.ones(3, np.float32)),
        (np.ones(3), np.ones((3, 1))),
        ((1.0, 2.0), [1.0, 2.0]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.array([1, 2]), np.array([1, 3])),
        (np.nan, 0.0),
        (0.0, np.inf),
        (None, 0),
    ],
)
def test_what_differs_is_noticed(plain, found):
    a, b = outcome(lambda: plain, ()), outcome(lambda: found, ())
    assert difference(a, b) is not None
    assert difference(a, a) is None


def test_errors_and_warnings_are_compared():
    def raising():
        raise ValueError("no")

    quiet, loud = outcome(lambda: 1.0, ()), outcome(lambda: (np.log(np.zeros(1)), 1.0)[1], ())
    assert difference(quiet, outcome(raising, ())) is not None
    assert difference(outcome(raising, ()), quiet) is not None
    assert difference(quiet, loud) == "warned ['divide by zero'], plainly []"
    assert difference(loud, quiet) is not None
    assert difference(loud, quiet, derived=True) is None


@pytest.mark.parametrize(
    ("numbers", "text", "left_open"),
    [
        ([np.inf, np.nan, -np.inf], "v1 = np.sum(a0)", True),  # from the left nothing is heard, pairs from outside meet
        ([np.inf, 1.0, -np.inf], "v1 = np.sum(a0)", False),  # in any order they meet
        ([np.inf, np.nan, 1.0], "v1 = np.sum(a0)", False),
        ([np.inf, np.nan, -np.inf], "v1 = np.sqrt(a0)", False),
    ],
)
def test_where_infinities_meet_is_left_open(numbers, text, left_open):
    program = of_one_statement(text, np.array(numbers), np.ones(3))
    found = [order_decides(program, TRANSFORMS["jit"], program.values(point), {"invalid value"}) for point in (0, 1)]
    assert found == [left_open, False]
    assert not order_decides(program, TRANSFORMS["jit"], program.values(0), {"invalid value", "overflow"})


@pytest.mark.parametrize(
    ("numbers", "text", "left_open"),
    [
        ([1e200, 1e200, 0.0], "v1 = np.prod(a0)", True),  # NaN, or 0 from the other end
        ([1e200, 1e-200, 0.0], "v1 = np.prod(a0)", False),
        ([1e200, 1e200, 0.0], "v1 = np.exp(a0)", False),
    ],
)
@pytest.mark.parametrize("differing", [set(), {"overflow"}, {"overflow", "invalid value"}, {"divide by zero"}])
def test_where_large_factors_meet_is_left_open(numbers, text, left_open, differing):
    program = of_one_statement(text, np.array(numbers), np.ones(3))
    found = [order_decides(program, TRANSFORMS["jit"], program.values(point), differing) for point in (0, 1)]
    assert found == [left_open and "divide by zero" not in differing, False]


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("v1 = np.log10(k10)", {"invalid value"}),
        ("v0 = k10 + 1.0\nv1 = 1.0 / np.float64(v0)", {"divide by zero"}),
        ("v1 = np.log10(k10 * a0)", set()),
        ("v1 = np.log10(k11)", set()),
    ],
)
def test_errors_of_captured_numbers_are_heard_once(text, heard):
    numbers, array = Fixed((-1.0, -1.0)), Fixed((-np.ones(3), -np.ones(3)))
    program = of_one_statement(text, np.ones(3), np.ones(3))
    program = program.changed(inputs={**program.inputs, "k10": numbers, "k11": array}, captured=("k10", "k11"))
    statements = tuple(Statement(line, line.partition(" ")[0], True) for line in text.splitlines())
    program = program.changed(statements=statements)
    assert heard_once(program, program.values(0)) == heard


@pytest.mark.parametrize(
    ("value", "heard"), [(-1.0, {"divide by zero"}), (np.float64(-1.0), set()), (np.array(-1.0), set())], ids=type
)
def test_errors_of_numbers_whose_values_are_asked_for_are_heard_once(value, heard):
    lines = ["v0 = np.float64(a0)", "v1 = v0 + 1.0", "v2 = 1.0 / v1"]
    program = of_one_statement(lines[0], value, value)
    program = program.changed(statements=tuple(Statement(line, line[:2], True) for line in lines))
    assert heard_once(program, program.values(0)) == heard


def test_errors_of_places_that_are_asked_for_are_heard_once():
    lines = ["v0 = 1.0 / (a0 + 1.0)", "v1 = np.nonzero(a0 > 0.1)[0]", "v2 = v1 // v1", "v3 = np.log(a0 * v1)"]
    values = np.array([1.0, -1.0])
    program = of_one_statement(lines[0], values, values)
    for count, heard in [(2, set()), (3, {"divide by zero"}), (4, {"divide by zero"})]:
        program = program.changed(statements=tuple(Statement(line, line[:2], True) for line in lines[:count]))
        assert heard_once(program, program.values(0)) == heard


@pytest.mark.parametrize(("text", "left_open"), [("np.sort(a0)", True), ("np.cos(a0)", False)])
def test_the_order_of_zeros_is_left_open(text, left_open):
    program = of_one_statement(f"v1 = {text}", np.array([1.0, -0.0, 0.0]), np.array([-1.0, 0.0, 0.0]))
    found = [orders_zeros(program, TRANSFORMS["jit"], program.values(point)) for point in (0, 1)]
    assert found == [left_open, False]


@pytest.mark.parametrize(("text", "left_open"), [("np.signbit(a0)", True), ("np.sign(a0)", False)])
def test_signs_of_nan_are_left_open(text, left_open):
    program = of_one_statement(f"v1 = {text}", np.array([1.0, np.nan]), np.ones(2))
    found = [asks_for_signs_of_nan(program, TRANSFORMS["jit"], program.values(point)) for point in (0, 1)]
    assert found == [left_open, False]


@pytest.mark.parametrize(("dtype", "left_open"), [(np.float32, True), (np.float64, False)])
def test_what_single_precision_takes_part_in_is_rounded_so(dtype, left_open):
    x = np.array([0.6, 0.8], dtype)
    program = of_one_statement("v1 = np.float64(np.sum(a0 * a0))", x, x)
    plain = call(program, TRANSFORMS["jit"], program.values(0))
    found = replace(plain, value=plain.value * (1 + 2e-7))
    assert is_sensitive(program, TRANSFORMS["jit"], program.values(0), plain, found, derived=False) == left_open


@pytest.mark.parametrize(("dtype", "left_open"), [(np.float32, True), (np.float64, False)])
def test_what_single_precision_takes_part_in_within_a_batch_is_rounded_so(dtype, left_open):
    x = np.array([0.6, 0.8], dtype)
    program = of_one_statement("v1 = np.eye(1) * np.tanh(8 * a0[0])", x, x)
    program = program.changed(transform="vmap of jit")
    plain = call(program, TRANSFORMS["vmap of jit"], program.values(0))
    found = replace(plain, value=plain.value * (1 + 2e-7))
    assert is_sensitive(program, TRANSFORMS["vmap of jit"], program.values(0), plain, found, derived=True) == left_open


def of_one_statement(text, *values):
    """A program of one input, which has these values."""
    return RandomProgram(
        seed=1,
        inputs={"a0": Fixed(values)},
        captured=(),
        parameters=(Parameter("a0", "single", ("a0",)),),
        statements=(Statement(text, "v1", True),),
        result="v1",
        transform="jit",
        argnum=0,
    )


def test_a_failing_program_shrinks_to_the_statement_that_fails(monkeypatch):
    # A back end that is wrong in the hyperbolic sine.
    statements = [
        ("v1 = np.cos(a0)", "v1"),
        ("v2 = np.sinh(v1)", "v2"),
        ("v3 = v2 * a1", "v3"),
        ("v4 = v1 + 1.0", "v4"),
    ]
    program = RandomProgram(
        seed=1,
        inputs={name: Fixed((np.ones(2), np.zeros(2))) for name in ("a0", "a1")},
        captured=(),
        parameters=tuple(Parameter(name, "single", (name,)) for name in ("a0", "a1")),
        statements=tuple(Statement(text, name, True) for text, name in statements),
        result="(v3, v4)",
        transform="jit",
        argnum=0,
    )
    assert check(program, "numpy") is None

    def wrong(program, backend, report=None):
        return "call 1: result is wrong" if "sinh" in program.source() and "return v4" not in program.source() else None

    monkeypatch.setattr("random_programs.shrinking.check", wrong)
    small = shrink(program, "numpy")
    assert [s.text for s in small.statements] == ["v2 = np.sinh(a0)"]
    assert small.transform == "jit"
