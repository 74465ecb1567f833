"""Compiled functions whose captures change: at every call they give what the plain function gives."""

import threading

import numpy as np
import pytest
from test_captures_changes import SCENARIOS

import hodiff as hd
from hodiff.compiled.captures import Captures

pytestmark = pytest.mark.usefixtures("backend")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_compiled_function_never_goes_stale(name):
    function = compiled = None
    for step, current in enumerate(SCENARIOS[name]()):
        if current is not function:
            function, compiled = current, hd.jit(current, quiet=True)
        for call in range(3):
            with np.errstate(all="ignore"):
                expected, found = np.asarray(function(1.5)), np.asarray(compiled(1.5))
            assert found.dtype == expected.dtype
            assert found.tobytes() == expected.tobytes(), f"step {step}, call {call}"


def test_a_function_that_looks_at_types_gives_the_plain_result_from_the_first_call():
    for check in (float, np.floating, np.ndarray):

        def f(x, check=check):
            return x if isinstance(x, check) else 2 * x

        for value in (1.5, np.float64(1.5), np.ones(2)):
            compiled = hd.jit(f, quiet=True)
            for _ in range(4):
                np.testing.assert_array_equal(compiled(value), f(value))


def test_effects_that_the_code_does_not_show_happen_once_a_call_and_leave_no_traced_values():
    history, counts, last = [], {"n": 0}, {}

    def push(items, x):
        items.append(x)

    def count(table):
        table["n"] += 1

    def keep(table, x):
        table["x"] = [x, (x,)]

    def f(x):
        push(history, x)
        count(counts)
        keep(last, 2 * x)
        return x * x

    compiled = hd.jit(f, quiet=True)
    for n in range(1, 5):
        assert compiled(float(n)) == n * n
        assert history == [float(k) for k in range(1, n + 1)]
        assert all(type(v) is float for v in history)
        assert counts == {"n": n}
        assert last == {"x": [2.0 * n, (2.0 * n,)]}


def test_an_effect_before_a_failing_staging_happens_once():
    history = []

    def push(items):
        items.append(0)

    def f(x):
        push(history)
        return float(np.array([x]).astype(object)[0] + 1)

    compiled = hd.jit(f, quiet=True)
    for n in range(1, 4):
        assert compiled(1.0) == 2.0
        assert len(history) == n


def test_random_numbers_and_clocks_are_drawn_at_every_call():
    rng = np.random.default_rng(0)

    def draw(generator):
        return generator.normal()

    def f(x):
        return x + draw(rng)

    def g(x):
        return x + np.random.default_rng().normal()

    for function in (f, g):
        assert Captures.of(function).reason
        compiled = hd.jit(function, quiet=True)
        assert len({float(compiled(1.0)) for _ in range(5)}) == 5


def test_threads_and_a_scalar_that_another_one_rebinds():
    module = {"rate": 1.0}
    exec("def f(x):\n    r = rate\n    return x * r, r", module)
    compiled = hd.jit(module["f"], quiet=True)
    wrong, stop = [], threading.Event()

    def rebind():
        n = 0
        while not stop.is_set():
            n += 1
            module["rate"] = float(n % 3 + 1)

    def call():
        for _ in range(300):
            y, r = compiled(2.0)
            if y != 2.0 * r:
                wrong.append((y, r))

    threads = [threading.Thread(target=call) for _ in range(3)]
    rebinder = threading.Thread(target=rebind)
    rebinder.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    rebinder.join()
    assert not wrong
