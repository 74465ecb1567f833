"""Calls of emitted code: forms of results, whose memory they have, guards, warnings, threads, allocations."""

import re
import threading
import tracemalloc
import warnings

import numpy as np
import pytest
from program_builder import Build, assert_same

import hodiff as hd
from hodiff.code import Code
from hodiff.compiled.numpy_source import Miss, emit
from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.errors import ProgramError
from hodiff.ops.elementwise import add, divide, exp, log, multiply, negative, sqrt, square, subtract
from hodiff.ops.indexing import getitem
from hodiff.ops.reductions import spread, total
from hodiff.ops.shaping import broadcasted, reshaped
from hodiff.ops.spectral import eigen
from hodiff.program import QUIET, Equation, Errstate, GuardMiss, Program, Var
from hodiff.staging import stage

GREATER = NUMPY_UFUNCS[np.greater]


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def compiled(function, *values, fresh=None):
    """A function of values, staged and emitted, with its program."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        _, program = stage(function, list(values))
    return emit(program, fresh=fresh), program


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        3.0,
        3,
        True,
        2 + 1j,
        np.float64(3.0),
        np.float32(3.0),
        np.int64(3),
        np.int8(3),
        np.complex64(2 + 1j),
        np.array(3.0),
    ],
    ids=lambda v: f"{type(v).__name__}",
)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: [x + 1, 2.5 * x, x * x, x - x, -x, abs(x), x**2, x**0.5, x == 3, 1 / x],
        lambda x: [np.sin(x), np.square(x), np.add(x, 1), np.add(2.0, 3.0) * x, np.absolute(x)],
    ],
    ids=["operators", "functions"],
)
def test_scalars_and_numbers_have_the_forms_of_the_plain_function(value, function):
    executable, _ = compiled(function, value)
    with np.errstate(all="ignore"):
        assert_same(executable(value), function(value))


def test_large_integers_stay_those_of_python():
    executable, _ = compiled(lambda n: [n * n, n**2, n + 1], 3)
    assert executable(2**40) == (2**80, 2**80, 2**40 + 1)
    with pytest.raises(ZeroDivisionError):
        compiled(lambda x: [1.0 / x], 2.0)[0](0.0)


def test_arrays_without_axes_stay_arrays():
    build = Build(np.array([1.0, 2.0]))
    (x,) = build.inputs
    whole = build(reshaped, build(getitem, x, index=(slice(0, 1),)), shape=())
    added = build(add, whole, 1.0, form="array")
    called = build(Primitive("twice", lambda v: v + v, batch=None), whole, form="array")
    first, second = emit(build.program(added, called))(np.array([1.0, 2.0]))
    assert (type(first), type(second)) == (np.ndarray, np.ndarray)
    assert (first.shape, float(first), float(second)) == ((), 2.0, 2.0)


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "c8", "i2", "u1", "?", "g"])
def test_python_numbers_adapt_as_in_numpy(dtype):
    def function(x, weak):
        scaled = x + 2
        return [scaled * 0.3, x * weak, scaled + 1j, x == 1, scaled < 300, np.square(scaled) + x[0], scaled**weak]

    x = np.array([1, 0, 1]).astype(dtype)
    if np.dtype(dtype).kind == "c":
        function = lambda x, weak: [x * 0.3, x * weak, x + 1j, x**weak]  # noqa: E731
    for weak in (0.1, 3.0):
        assert_same(compiled(function, x, 0.1)[0](x, weak), function(x, weak))


@pytest.mark.parametrize("view", [lambda x: x[::-2], lambda x: np.asfortranarray(x), lambda x: x.astype(">f8")])
def test_inputs_of_any_layout(view):
    def function(x):
        return [np.exp(x.T) + 1, (x * x).sum(axis=0), np.reshape(x, (-1,)) * 2]

    x = view(np.linspace(-1.0, 1.0, 24).reshape(6, 4))
    executable, _ = compiled(function, np.ascontiguousarray(x, dtype=float))
    for found, wanted in zip(executable(x), function(x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_programs_without_steps_and_without_outputs():
    x = Var((2,), np.dtype(float))
    assert emit(Program((), (), ()))() == ()
    assert emit(Program((x,), (), ()))(np.ones(2)) == ()
    value = np.ones(2)
    assert emit(Program((x,), (), (x,)))(value)[0] is value


def test_several_answers():
    build = Build(np.diag([1.0, 2.0]))
    values, vectors = build(eigen, *build.inputs, vectors=True, undefined=None)
    scaled = build(multiply, values, 2.0)
    program = build.program(scaled, vectors)
    a = np.array([[2.0, 1.0], [1.0, 2.0]])
    assert_same(emit(program)(a), program.evaluate(a))


# --- memory -----------------------------------------------------------------------------------------------------------


def test_results_are_new_where_the_plain_function_makes_them_so():
    x = Var((3,), np.dtype(float))
    y, z = x.twin(), x.twin()
    steps = (Equation(getitem, (x,), {"index": (slice(None),)}, (y,)), Equation(exp, (y,), {}, (z,)))
    program = Program((x,), steps, (x, y, z, z))
    value = np.arange(3.0)
    same, view, new, again = emit(program)(value)
    assert same is value
    assert view.base is value
    assert not np.shares_memory(new, again)
    same, view, *_ = emit(program, fresh=(True,) * 4)(value)
    assert same is not value
    assert not np.shares_memory(view, value)


def test_a_literal_array_among_the_results_is_copied():
    constant = np.arange(3.0)
    build = Build()
    head = build(getitem, constant, index=(slice(0, 2),))
    executable = emit(build.program(constant, head))
    whole, part = executable()
    whole += 1
    part += 1
    assert_same(executable(), [np.arange(3.0), np.arange(2.0)])


@pytest.mark.parametrize(
    "step",
    [
        lambda build, x: build(broadcasted, x, shape=(2, 3)),
        lambda build, x: build(
            spread, build(total, x, axis=(-1,), keepdims=False), axis=(-1,), keepdims=False, shape=(4,)
        ),
    ],
)
def test_a_broadcast_result_can_be_written_to(step):
    build = Build(np.arange(3.0))
    answer = step(build, build(exp, *build.inputs))
    (found,) = emit(build.program(answer))(np.arange(3.0))
    found[0] = 7.0
    assert not np.all(found == 7.0)


def test_what_an_unknown_function_returns_may_be_its_operand():
    unknown = Primitive("unknown", lambda x: x[::-1], batch=None)
    itself = Primitive("itself", lambda x: x, batch=None)
    build = Build(np.arange(3.0))
    (x,) = build.inputs
    shown = build(unknown, build(exp, x))
    outputs = build(multiply, x, 2.0), shown, build(add, shown, 1.0), build(itself, x)
    executable = emit(build.program(*outputs), fresh=(True,) * 4)
    first = executable(np.zeros(3))
    second = executable(np.ones(3))
    assert_same(first, [np.zeros(3), np.ones(3), np.full(3, 2.0), np.zeros(3)])
    assert_same(second[1:3], [np.exp(np.ones(3)), np.exp(np.ones(3)) + 1.0])
    value = np.arange(3.0)
    assert executable(value)[3] is not value


def test_what_is_not_declared_may_keep_its_operands():
    kept = []
    keeps = Primitive("keeps", lambda x: (kept.append(x), x + 0.0)[1], batch=None)
    build = Build(np.arange(3.0))
    answer = build(keeps, build(exp, *build.inputs))
    executable = emit(build.program(answer))
    kept.clear()
    executable(np.zeros(3))
    executable(np.ones(3))
    assert_same(kept, [np.ones(3), np.exp(np.ones(3))])


def test_no_allocation_but_the_results():
    _, program = stage(lambda x: list(hd.value_and_grad(rosenbrock)(x)), [np.ones(10_000)])
    executable = emit(program)
    x = np.linspace(0.0, 1.0, 10_000)
    executable(x)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        _, gradient = executable(x)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert gradient.nbytes <= peak < gradient.nbytes + 4000


def test_large_arrays_that_are_in_no_buffer_are_given_back_early():
    def function(x):
        for k in range(10):
            x = np.where(x > k, x[::-1], x + 1.0)
        return [x]

    x = np.linspace(0.0, 10.0, 50_000)
    executable, _ = compiled(function, x)
    assert_same(executable(x), function(x))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        executable(x)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < 3 * x.nbytes


def test_results_of_one_program_use_few_buffers():
    def function(x):
        for _ in range(50):
            x = np.sin(x) + 0.5
        return [x]

    assert "(b0,) = buffers" in compiled(function, np.ones(5))[0].source


def test_an_answer_takes_the_place_of_an_operand_unless_a_view_of_that_is_read_too():
    def source(*chosen):
        build = Build(np.ones(3))
        y = build(exp, *build.inputs)
        operands = y, build(getitem, y, index=(slice(None, None, -1),))
        answer = build(total, build(add, *(operands[i] for i in chosen)), axis=(-1,), keepdims=False)
        return emit(build.program(answer)).source

    assert "\n    add(b0, b0, b0)\n" in source(0, 0)
    assert "\n    add(v0, v0, b1)\n" in source(1, 1)
    assert "\n    add(b0, v0, b1)\n" in source(0, 1)


# --- guards and errors ------------------------------------------------------------------------------------------------


def test_a_guard_that_fails_says_which_and_what_came():
    def function(x, n, y):
        z = np.exp(x)
        if z[0] > 2.0:
            z = z + 1.0
        for _ in range(n):
            z = z * 2.0
        return [z * float(y)]

    x = np.array([1.0, 2.0])
    executable, program = compiled(function, x, 2, np.float64(0.5))
    assert_same(executable(x, 2, np.float64(0.5)), function(x, 2, np.float64(0.5)))
    for inputs, index in (((x - 1.0, 2, 0.5), 0), ((x, 3, 0.5), 1), ((x, 2, -0.0), 2), ((x, 2, np.nan), 2)):
        inputs = (*inputs[:2], np.float64(inputs[2]))
        missed = executable(*inputs)
        assert missed.__class__ is Miss
        assert missed.index == index
        assert missed.outcome != program.guards[index].outcome_expected
        with pytest.raises(GuardMiss) as caught:
            program.evaluate(*inputs)
        assert (caught.value.index, caught.value.outcome) == (index, missed.outcome)


def test_an_exception_in_the_middle_leaves_the_executable_usable():
    asked = []

    def fails(x):
        asked.append(x)
        if len(asked) % 2 == 0:
            raise RuntimeError("again")
        return x + 1.0

    build = Build(np.ones(3))
    shifted = build(Primitive("fails", fails, batch=None), build(exp, *build.inputs))
    program = build.program(build(square, shifted))
    executable = emit(program)
    asked.clear()
    for _ in range(3):
        wanted = np.square(np.exp(np.arange(3.0)) + 1.0)
        assert_same(executable(np.arange(3.0)), [wanted])
        with pytest.raises(RuntimeError, match="again"):
            executable(np.arange(3.0))


def test_a_call_within_a_call_has_buffers_of_its_own():
    depth, executables = [], []

    def inner(x):
        if executables and len(depth) < 3:
            depth.append(x)
            executables[0](x + 1.0)
            depth.pop()
        return x + 0.0

    build = Build(np.ones(3))
    (x,) = build.inputs
    before = build(exp, x)
    answer = build(add, build(Primitive("inner", inner, batch=None), x), before)
    executables.append(emit(build.program(build(multiply, answer, 2.0))))
    assert_same(executables[0](np.arange(3.0)), [(np.arange(3.0) + np.exp(np.arange(3.0))) * 2.0])


def test_threads_have_buffers_of_their_own():
    _, program = stage(lambda x: list(hd.value_and_grad(rosenbrock)(x)), [np.ones(200)])
    executable = emit(program)
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(200):
            x = rng.normal(size=200)
            value, gradient = executable(x)
            with np.errstate(all="ignore"):
                wanted = program.evaluate(x)
            if value != wanted[0] or not np.array_equal(gradient, wanted[1]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- warnings ---------------------------------------------------------------------------------------------------------


def caught(function, *args):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function(*args)
    return [entry.category for entry in found]


def test_warnings_are_those_of_the_plain_function():
    def function(x, s):
        return [np.log(x), 1.0 / x, np.exp(1000.0 * x), s / (s - s), x.astype(np.float32), np.square(x) * 1e308 * 1e10]

    executable, _ = compiled(function, np.array([2.0, 3.0]), np.float64(1.0))
    bad = np.array([0.0, 1.0])
    assert caught(executable, bad, np.float64(1.0)) == caught(function, bad, np.float64(1.0)) != []
    with np.errstate(all="ignore"):
        assert caught(executable, bad, np.float64(1.0)) == []
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        executable(bad, np.float64(1.0))


def test_no_ufunc_is_called_in_a_way_that_is_deprecated():
    ufuncs = [f for f in NUMPY_UFUNCS if f.nin == 2 and f.nout == 1 and f.signature is None and "dd->d" in f.types]
    x = np.array([1.0, 2.0])
    for ufunc in ufuncs:
        executable, _ = compiled(lambda x, f=ufunc: [f(x, f(x, 1.0))], x)
        with np.errstate(all="ignore"):
            assert_same(executable(x), [ufunc(x, ufunc(x, 1.0))])
    assert len(ufuncs) > 15


def test_quiet_equations_warn_of_nothing_and_the_others_do():
    build = Build(np.array([1.0, 2.0]))
    (x,) = build.inputs
    quiet = build(divide, 1.0, build(log, x, errstate=QUIET), errstate=QUIET)
    loud = build(sqrt, x)
    executable = emit(build.program(quiet, loud))
    strict = build(log, x, errstate=Errstate("ignore", "ignore", "ignore", "raise"))
    assert caught(executable, np.array([0.0, 1.0])) == []
    assert caught(executable, np.array([-1.0, 1.0])) == [RuntimeWarning]
    assert np.geterr()["divide"] == "warn"
    with pytest.raises(FloatingPointError):
        emit(Program(build.inputs, (*build.steps[:2], build.steps[-1]), (strict,)))(np.array([-1.0, 0.5]))
    assert np.geterr()["invalid"] == "warn"


def test_equations_of_one_handling_come_together():
    build = Build(np.array([1.0, 2.0]))
    (x,) = build.inputs
    outputs = []
    for _ in range(5):
        outputs.append(build(exp, x))
        outputs.append(build(log, outputs[-1], errstate=QUIET))
    source = emit(build.program(*outputs)).source
    assert source.count("handling.set") == 1
    build = Build(np.array([1.0, 2.0]))
    y = build.inputs[0]
    for _ in range(3):
        y = build(exp, build(log, y), errstate=QUIET)
    assert emit(build.program(y)).source.count("handling.set") == 3


def test_nothing_moves_across_a_guard():
    build = Build(np.array([1.0, 2.0]))
    (x,) = build.inputs
    first = build(log, x, errstate=QUIET)
    build.guard(build(GREATER, build(total, x, axis=(-1,), keepdims=False), 0.0))
    second = build(log, build(exp, x), errstate=QUIET)
    source = emit(build.program(first, second)).source
    assert source.index(" log(a") < source.index("return Miss(0") < source.index(" exp(a")


# --- programs inside programs -----------------------------------------------------------------------------------------


def write_loop(writer, equation):
    """The state of a loop whose body is ``program(state, constant)``."""
    program, count = equation.parameters["body"], equation.parameters["count"]
    state, constant = (writer.operand(atom) for atom in equation.operands)
    name = writer.define(equation.answers[0])
    writer.line(f"{name} = {state}")
    with writer.block(f"for {writer.fresh('turn')} in range({count}):"):
        (value,) = writer.inline(program, [name, constant])
        writer.line(f"{name} = {value}")


def run_loop(state, constant, body, count):
    for _ in range(count):
        (state,) = body.evaluate(state, constant)
    return state


LOOP = Primitive("loop", run_loop, batch=None, code=Code(write=write_loop))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_program_in_a_loop(count):
    inner = Build(np.ones(3), np.ones(3))
    state, constant = inner.inputs
    scale = inner(total, constant, axis=(-1,), keepdims=False)
    moved = inner(multiply, scale, state)
    body = inner.program(inner(subtract, inner(multiply, moved, 0.1), inner(square, inner(negative, state))))
    nested = Build(np.ones(3), np.ones(3))
    twice = nested(LOOP, *nested.inputs, body=body, count=2)
    outer = Build(np.ones(3), np.float64(0.5))
    x, s = outer.inputs
    y = outer(multiply, s, outer(exp, x))
    looped = outer(LOOP, y, outer(add, x, 1.0), body=nested.program(twice), count=count)
    program = outer.program(outer(multiply, s, looped), looped, y)
    executable = emit(program)
    x = np.array([0.1, -0.2, 0.3])
    wanted = program.evaluate(x, np.float64(0.5))
    first = executable(x, np.float64(0.5))
    assert_same(first, wanted)
    executable(2.0 * x, np.float64(0.1))
    assert_same(first, wanted)


def test_a_loop_whose_body_is_quiet_is_quiet_once():
    inner = Build(np.ones(3), np.ones(3))
    new = inner(log, inner(add, *inner.inputs, errstate=QUIET), errstate=QUIET)
    outer = Build(np.ones(3), np.ones(3))
    answer = outer(LOOP, *outer.inputs, body=inner.program(new), count=3)
    source = emit(outer.program(outer(exp, answer, errstate=QUIET))).source
    assert source.count("handling.set") == 1
    assert source.index("handling.set") < source.index("for turn in range(3)")


def test_the_values_of_a_turn_outlive_the_buffers_of_the_next():
    inner = Build(np.ones(3), np.ones(3))
    state, constant = inner.inputs
    new = inner(multiply, inner(add, state, constant), 2.0)
    body = inner.program(inner(subtract, new, state))
    outer = Build(np.ones(3), np.ones(3))
    program = outer.program(outer(LOOP, *outer.inputs, body=body, count=4))
    values = np.arange(3.0), np.full(3, 0.25)
    assert_same(emit(program)(*values), program.evaluate(*values))


def test_a_guard_inside_a_loop_is_refused():
    inner = Build(np.ones(3), np.ones(3))
    inner.guard(inner(GREATER, inner(total, inner.inputs[0], axis=(-1,), keepdims=False), 0.0))
    outer = Build(np.ones(3), np.ones(3))
    answer = outer(LOOP, *outer.inputs, body=inner.program(inner.inputs[0]), count=0)
    with pytest.raises(ProgramError, match="inside another has a guard"):
        emit(outer.program(answer))


def test_single_elements_are_not_computed_in_place():
    """NumPy takes three times as long for one element in place, which looks like an overlap."""

    def f(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    compiled = hd.jit(hd.value_and_grad(f))
    buffers = []
    for n in (2, 3):
        x = np.linspace(0.5, 1.0, n)
        for point in (x, x + 1, x):
            value, gradient = compiled(point)
            expected, slope = hd.value_and_grad(f)(point)
            np.testing.assert_allclose(value, expected, rtol=1e-14)
            np.testing.assert_allclose(gradient, slope, rtol=1e-14)
        buffers.append(len(set(re.findall(r"\bb[0-9]+\b", compiled.lower(x)))))
    assert buffers[0] > buffers[1] > 0
