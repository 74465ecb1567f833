"""The NumPy back end: what it writes, that it computes what the program says, and whose memory the results have."""

import gc
import linecache
import traceback
import warnings

import numpy as np
import pytest
from cases import collect
from hypothesis import given, settings
from hypothesis import strategies as st
from program_builder import Build, assert_same, key

import hodiff as hd
from hodiff.compiled.numpy_source import Miss, emit
from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.ops.comparison import stop_gradient
from hodiff.ops.contraction import matmul
from hodiff.ops.elementwise import (
    absolute,
    add,
    divide,
    exp,
    log,
    multiply,
    negative,
    real,
    sin,
    sqrt,
    square,
    subtract,
)
from hodiff.ops.indexing import getitem, place
from hodiff.ops.joining import concatenated, padded, stacked
from hodiff.ops.reductions import average, running_total, spread, total, weighted_total
from hodiff.ops.selection import cast, clamp, select
from hodiff.ops.shaping import broadcasted, permuted, reshaped
from hodiff.program import QUIET, Equation, Source
from hodiff.staging import stage

F8 = np.dtype(float)


# --- text -------------------------------------------------------------------------------------------------------------


def test_the_source_of_a_small_program():
    build = Build(np.ones(4), np.float64(2.0), name="small")
    x, s = build.inputs
    line = Source("/somewhere/model.py", 12)
    tail = build(getitem, x, index=(slice(1, None),), source=line)
    scaled = build(multiply, tail, s, source=line)
    power = build(square, scaled, source=Source("model.py", 13))
    quiet = build(log, power, errstate=QUIET)
    shifted = build(add, quiet, 3.0, errstate=QUIET)
    halves = build(divide, s, -2.0)
    big = build(total, power, axis=(-1,), keepdims=False)
    flag = build(NUMPY_UFUNCS[np.greater], big, 0)
    build.guard(flag)
    assert emit(build.program(shifted, halves)).source == (
        "# s0 = (1:,)\n"
        "# k0 = float64 3.0\n"
        "# b0 = float64[]\n"
        "# b1 = float64[3]\n"
        "def small(a, b):\n"
        "    try:\n"
        "        buffers = pool.pop()\n"
        "    except IndexError:\n"
        "        buffers = make_buffers()\n"
        "    (b0, b1) = buffers\n"
        "    c = a[s0]  # model.py:12\n"
        "    b0[()] = b  # model.py:12\n"
        "    multiply(c, b0, b1)  # model.py:12\n"
        "    square(b1, b1)  # model.py:13\n"
        "    d = b / (-2.0)\n"
        "    e = add_reduce(b1)\n"
        "    f = e > 0\n"
        "    before = handling.set(ignore)\n"
        "    try:\n"
        "        log(b1, b1)\n"
        "        g = add(b1, k0)\n"
        "        if not f:\n"
        "            pool.append(buffers)\n"
        "            return Miss(0, False)\n"
        "    finally:\n"
        "        handling.reset(before)\n"
        "    pool.append(buffers)\n"
        "    return (g, d)\n"
    )


def test_constants_are_exact():
    values = [0.1, -0.0, 1e-320, np.inf, -np.inf, np.nan, 1 + 2j, np.float32(0.1), True, 2**70, -3, np.int8(-3)]
    build = Build()
    outputs = emit(build.program(*values, np.array([1.0, 2.0]), np.array(5.0)))()
    assert_same(outputs, [*values, np.array([1.0, 2.0]), np.array(5.0)])


def test_names_that_python_has_taken_and_names_of_functions():
    build = Build(*(np.float64(k) for k in range(45)), name="<lambda>")
    (*_, last) = build.inputs
    executable = emit(build.program(build(add, last, 1.0)))
    assert executable.source.startswith("def _lambda_(a, b, c,")
    assert ", ar, as_):" in executable.source.replace("\n", "") or "as_" in executable.source
    assert executable(*range(44), np.float64(44.0)) == (45.0,)


@pytest.mark.parametrize("name", ["exp", "Miss", "a", "1st", "for", "pool"])
def test_any_name_of_a_program(name):
    build = Build(np.zeros(2), name=name)
    assert_same(emit(build.program(build(exp, build(exp, *build.inputs))))(np.zeros(2)), [np.exp(np.ones(2))])


def test_emission_is_deterministic():
    _, program = stage(lambda x: list(hd.value_and_grad(rosenbrock)(x)), [np.ones(7)])
    assert emit(program).source == emit(program).source


def test_a_traceback_shows_the_emitted_line_and_the_users():
    def fails(x):
        raise ValueError("no")

    build = Build(np.ones(3), name="shown")
    bad = Primitive("bad", lambda x: x + 0.0, batch=None)
    answer = build(bad, *build.inputs, source=Source("model.py", 7))
    bad.function = fails
    executable = emit(build.program(answer))
    with pytest.raises(ValueError, match="no") as caught:
        executable(np.ones(3))
    assert "b = bad(a)  # model.py:7" in "".join(traceback.format_exception(caught.value))


def test_a_file_of_any_name_stays_in_its_comment():
    build = Build(np.ones(3))
    executable = emit(build.program(build(exp, *build.inputs, source=Source("a\nraise SystemExit\r.py", 7))))
    assert "b = exp(a)  # a?raise SystemExit?.py:7\n" in executable.source


def test_the_source_is_forgotten_with_the_function():
    build = Build(np.ones(3), name="forgotten")
    executable = emit(build.program(build(exp, *build.inputs)))
    filename = executable.function.__code__.co_filename
    assert filename.startswith("<hodiff program forgotten #")
    linecache.checkcache()
    assert linecache.getline(filename, 1) == "def forgotten(a):\n"
    del executable
    gc.collect()
    assert filename not in linecache.cache


# --- values -----------------------------------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -2.5, 1e-310, 1e300, -1e300, np.inf, -np.inf, np.nan]
LESS, EQUAL, AND = (NUMPY_UFUNCS[f] for f in (np.less, np.equal, np.bitwise_and))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def unary(draw, build, x):
    """One operation on an array of two axes."""
    shape = x.shape
    choice = draw(st.integers(0, 17))
    elementwise_ones = [exp, sin, negative, square, absolute, sqrt, real]
    if choice < len(elementwise_ones):
        return build(elementwise_ones[choice], x)
    if choice == 7:
        return build(permuted, x, axes=(-1, -2))
    if choice == 8:
        return build(reshaped, x, shape=shape[::-1])
    if choice == 9:
        return build(getitem, x, index=(slice(None, None, -1),))
    if choice == 10:
        return build(place, x, index=(slice(0, shape[0]),), shape=(shape[0] + 1, shape[1]))
    if choice == 11:
        s = build(total, x, axis=(-2, -1), keepdims=False)
        return build(spread, s, axis=(-2, -1), keepdims=False, shape=shape)
    if choice == 12 and x.size:
        s = build(average, x, axis=(-1,), keepdims=True)
        return build(broadcasted, s, shape=shape)
    if choice == 13:
        return build(running_total, x, axis=-1, reverse=draw(st.booleans()))
    if choice == 14:
        return build(clamp, x, -1.0, 2)
    if choice == 15 and x.size:
        s = build(getitem, x, index=(0, 0))
        s = build(multiply, build(add, s, s), draw(st.sampled_from([2.0, -0.0, 3])))
        return build(multiply, s, x)
    if choice == 16:
        return build(padded, x, widths=((1, 0), (0, 0)))
    return build(stop_gradient, x)


def binary(draw, build, x, y):
    if x.shape != y.shape or x.dtype != F8:
        return build(total, y, axis=(-1,), keepdims=True)
    choice = draw(st.integers(0, 9))
    if choice < 4:
        return build((add, subtract, multiply, divide)[choice], x, y)
    if choice == 4:
        return build(select, build(LESS, x, y), x, y)
    if choice == 5:
        return build(concatenated, x, y, axis=-2, bounds=(0, x.shape[0], 2 * x.shape[0]))
    if choice == 6:
        return build(getitem, build(stacked, x, y, axis=-1), index=(..., draw(st.integers(0, 1))))
    if choice == 7:
        return build(weighted_total, x, y, axis=(-1,), keepdims=True)
    if choice == 8:
        return build(matmul, x, build(permuted, y, axes=(-1, -2)))
    flags = build(AND, build(EQUAL, x, y), build(LESS, x, 1.0))
    return build(cast, flags, dtype=F8)


@st.composite
def random_programs(draw):
    shape = draw(st.sampled_from([(2, 3), (1, 2), (3, 1), (0, 2)]))
    values = st.lists(st.sampled_from(SPECIAL), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1])
    inputs = [np.reshape(np.array(draw(values), float), shape) for _ in range(2)]
    build = Build(*inputs)
    known = list(build.inputs)
    for _ in range(draw(st.integers(1, 10))):
        x, y = draw(st.sampled_from(known)), draw(st.sampled_from(known[-3:]))
        before = len(build.steps)
        known.append(unary(draw, build, x) if draw(st.booleans()) else binary(draw, build, x, y))
        if draw(st.booleans()):
            for i in range(before, len(build.steps)):
                step = build.steps[i]
                build.steps[i] = Equation(step.primitive, step.operands, step.parameters, step.answers, errstate=QUIET)
    outputs = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4))
    return build.program(*outputs), inputs


@given(random_programs())
@settings(max_examples=400, deadline=None)
def test_random_programs_compute_what_evaluation_does(drawn):
    program, inputs = drawn
    given_before = [key(value) for value in inputs]
    with np.errstate(all="ignore"):
        wanted = program.evaluate(*inputs)
        assert_same(emit(program)(*inputs), wanted)
        executable = emit(program, fresh=(True,) * len(wanted))
        first = executable(*inputs)
        assert_same(first, wanted)
        kept = [key(value) for value in first]
        second = executable(*[value[::-1].copy() for value in inputs])
        assert_same(executable(*inputs), wanted)
    assert [key(value) for value in first] == kept, "a result changed with a later call"
    assert [key(value) for value in inputs] == given_before
    arrays = [*inputs, *(value for value in (*first, *second) if isinstance(value, np.ndarray))]
    for i, value in enumerate(arrays):
        assert not any(np.shares_memory(value, other) for other in arrays[:i])


CASES = [case for case in collect()[0] if case.name]


def value_and_pullback(function):
    def both(*args):
        answer, pullback = hd.vjp(function, *args)
        parts = answer if isinstance(answer, tuple) else (answer,)
        ones = tuple(np.ones(part.shape, part.dtype)[()] for part in parts)
        pulled = pullback(ones if isinstance(answer, tuple) else ones[0])
        return [*parts, *(pulled if isinstance(pulled, tuple) else (pulled,))]

    return both


@pytest.mark.parametrize("part", range(12))
def test_every_operation_with_its_derivative(part):
    """What stays out can only be run eagerly, or is a case of an error."""
    compared = 0
    for case in CASES[part::12]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                _, program = stage(value_and_pullback(case.function), list(case.args), name=case.name)
            except (Exception, pytest.fail.Exception):  # noqa: BLE001 - the cases of errors raise any
                continue
            wanted = program.evaluate(*case.args)
            found = emit(program)(*case.args)
        assert not isinstance(found, Miss), case.name
        for a, b in zip(found, wanted, strict=True):
            assert key(a)[:1] == key(b)[:1], case.name
            assert (np.shape(a), np.asarray(a).dtype) == (np.shape(b), np.asarray(b).dtype), case.name
            # The order of memory, and so that of a sum, may be another.
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15, err_msg=case.name)
        compared += 1
    assert compared > 150
