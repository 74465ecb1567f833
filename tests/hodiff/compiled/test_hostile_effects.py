"""Hostile programs: they leave traces, draw random numbers, look at the clock, or compute constants of their own."""

import copy
import functools
import itertools
import random
import time
import types

import numpy as np
import pytest
from hostile import check

import hodiff as hd

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, -1.0, 2.0])

# What some of the programs below change; they start by setting it.
scalar = 1.0

PROGRAMS = []


def hostile(program):
    PROGRAMS.append(program)
    return program


@hostile
def numpys_global_generator(jit, call):
    np.random.seed(0)  # noqa: NPY002
    f = jit(lambda x: x + np.random.normal(size=3))  # noqa: NPY002
    for _ in range(5):
        call(f, X)


@hostile
def integers_written_through_an_array_that_is_the_same(jit, call):
    def write(as_plain, x):
        y = as_plain(x)
        y[..., -1] = 7
        return x

    for as_plain in (np.asarray, np.ascontiguousarray, np.asfortranarray, np.require, np.array, np.copy):
        f, of_sum = jit(lambda x, a=as_plain: write(a, x)), jit(lambda x, a=as_plain: write(a, x + 1))
        for n in (1, 1, 2, 3):
            call(f, np.arange(3) + n)
            call(of_sum, np.arange(3) + n)


@hostile
def pythons_random_numbers(jit, call):
    random.seed(0)
    f = jit(lambda x: x * random.random())
    for _ in range(5):
        call(f, X)


@hostile
def generators_of_random_numbers(jit, call):
    class Noise:
        generator = np.random.default_rng(2)

    captured, attribute = np.random.default_rng(1), Noise()
    by_closure = jit(lambda x: x + captured.normal(size=3))
    by_attribute = jit(lambda x: x + attribute.generator.uniform())
    by_argument = jit(lambda x, rng: x + rng.normal())
    by_method = jit(lambda x: captured.permutation(3) * x)
    made = jit(lambda x: x + np.random.default_rng(3).normal())
    for _ in range(4):
        call(by_closure, X)
        call(by_attribute, X)
        call(by_argument, X, captured)
        call(by_method, X)
        call(made, X)


@hostile
def random_numbers_in_one_branch_only(jit, call):
    rng = np.random.default_rng(0)
    f = jit(lambda x: x + rng.normal() if x[0] > 0 else x)
    for x in (-X, -X, X, X, X, -X, X):
        call(f, -x)


@hostile
def counters(jit, call):
    counter = itertools.count()
    calls = [0]
    state = {"n": 0}

    class Counted:
        total = 0

        def __call__(self, x):
            self.total += 1
            return x * self.total

    def with_list(x):
        calls[0] += 1
        return x * calls[0]

    def with_dict(x):
        state["n"] = state["n"] + 1
        return x + state["n"]

    for f in (jit(lambda x: x * next(counter)), jit(with_list), jit(with_dict), jit(Counted())):
        for _ in range(4):
            call(f, X)
    call.note([calls, state])


@hostile
def a_global_that_is_counted(jit, call):
    global scalar
    scalar = 0

    def f(x):
        global scalar
        scalar += 1
        return x

    f = jit(f)
    for _ in range(4):
        call(f, X)
        call.note(scalar)


@hostile
def a_history_that_is_appended(jit, call):
    history, seen = [], {}

    def f(x):
        history.append(float(np.sum(x)))
        seen.setdefault(len(history), "x")
        return x * 2

    f = jit(f)
    for i in range(4):
        call(f, X + i)
    call.note([history, seen])


@hostile
def printing(jit, call):
    def f(x):
        print("called with", x.shape)
        return x * 2

    def g(x):
        print(x)
        return x * 2

    for h in (jit(f), jit(g)):
        for i in range(3):
            call(h, X + i)


@hostile
def a_memo(jit, call):
    @functools.lru_cache(None)
    def constant(n):
        return float(n)

    memo = {}

    def remembered(x):
        if "y" not in memo:
            memo["y"] = np.sum(x) + 0.0
        return memo["y"] * 1.0

    f = jit(lambda x: x * constant(3))
    g = jit(lambda x: remembered(x))
    for i in range(4):
        call(f, X + i)
        call(g, X + i)


@hostile
def an_array_outside_is_written(jit, call):
    buffer = np.zeros(3)

    def f(x):
        buffer[:] = x * 2
        return np.sum(buffer)

    f = jit(f)
    for i in range(4):
        call(f, X + i)
        call.note(buffer)


@hostile
def an_attribute_is_assigned(jit, call):
    box = types.SimpleNamespace(last=None)

    def f(x):
        box.last = x.shape
        return x * 2

    f = jit(f)
    for shape in (2, 3, 2, 3):
        call(f, np.ones(shape))
        call.note(box.last)


# --- constants computed inside ----------------------------------------------------------------------------------------


@hostile
def constants_computed_from_a_global_array(jit, call):
    data = np.array([1.0, 2.0, 3.0])
    functions = [
        jit(lambda x: x * data.mean()),
        jit(lambda x: x * int(data.sum())),
        jit(lambda x: x * 2 if data[0] > 2 else x * 3),
        jit(lambda x: x * float(data.max()) * len(data)),
        jit(lambda x: sum(x * d for d in data)),
        jit(lambda x: x[: int(data[0])]),
        jit(lambda x: np.dot(np.diag(data), x)),
        jit(lambda x: x * np.asarray(data).tolist()[1]),
        jit(lambda x: np.linalg.norm(data) * x),
        jit(lambda x: x * data.copy() * data.sum(axis=0) + np.array(list(data))),
        jit(lambda x: x * data.astype(np.float32).view(np.int32)[0]),
        jit(lambda x: x * sorted(data)[0] + max(data) + (5.0 in data)),
    ]
    for change in (lambda: None, lambda: None, lambda: data.__setitem__(0, 3.0), lambda: data.fill(5.0)):
        change()
        for f in functions:
            call(f, X)


@hostile
def a_view_of_a_global_array(jit, call):
    base = np.zeros((2, 3))
    view = base[1]
    f = jit(lambda x: x * view + view.sum())
    for i in range(3):
        call(f, X)
        base[1, i] = 4.0
    base.shape = (3, 2)
    call(f, X)


@hostile
def the_shape_of_a_global_array_is_changed_in_place(jit, call):
    data = np.arange(6.0)
    f = jit(lambda x: x * data.ndim + data.shape[0])
    call(f, X)
    call(f, X)
    data.shape = (2, 3)
    call(f, X)


@hostile
def time_and_dates(jit, call):
    f = jit(lambda x: x * 0 + (time.perf_counter() > start))
    start = float("inf")
    call(f, X)
    call(f, X)
    start = 0.0
    call(f, X)


@hostile
def a_deep_copy_and_an_array_of_a_captured_list(jit, call):
    numbers = [1.0, 2.0, 3.0]
    f = jit(lambda x: x * np.array(numbers) + np.sum(copy.deepcopy(numbers)))
    for i in range(3):
        call(f, X)
        numbers[i] = 10.0
    numbers.append(1.0)
    call(f, X)


@pytest.mark.parametrize("way", ["value", "grad", "grad of jit", "jit of jit"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_state(program, way):
    check(program, way)


def test_a_clock():
    now = hd.jit(lambda: time.perf_counter_ns())
    assert now() < now() < now()
