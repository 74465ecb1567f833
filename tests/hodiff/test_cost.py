"""Time and memory linear in the length of a computation, by counting rows, allocations and calls: nothing is timed."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest

import hodiff as hd
from hodiff.reverse import ReverseTrace


def squares(x):
    """A loop over elements: n operations of each kind."""
    total = 0.0
    for i in range(x.shape[0]):
        total = total + x[i] * x[i]
    return total


def running(x):
    """A loop that reads two elements and keeps a state."""
    state = x[0]
    for i in range(1, x.shape[0]):
        state = np.tanh(state) + x[i] * x[i - 1]
    return state


def slices(x):
    """A loop over overlapping views."""
    total = 0.0
    for i in range(x.shape[0] - 2):
        total = total + np.sum(x[i : i + 3] ** 2)
    return total


def gathers(x):
    """A loop over integer-array indices."""
    total = 0.0
    for i in range(x.shape[0] - 1):
        total = total + np.prod(x[[i, i + 1, i]])
    return total


LOOPS = {"squares": squares, "running": running, "slices": slices, "gathers": gathers}


def rows_of(f, x):
    with ReverseTrace() as trace:
        f(trace.input(x))
        return len(trace.rows)


@pytest.mark.parametrize("name", LOOPS)
def test_rows_of_the_tape_are_linear(name):
    counts = [rows_of(LOOPS[name], np.linspace(0.1, 0.2, n)) for n in (50, 100, 200)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])
    assert counts[0] < 50 * 8


class Allocations:
    """Count the elements that NumPy's zeros hands out while gradients are assembled."""

    def __init__(self, monkeypatch):
        self.elements = 0
        self.calls = 0
        original = np.zeros

        def zeros(shape, *args, **keywords):
            array = original(shape, *args, **keywords)
            self.elements += array.size
            self.calls += 1
            return array

        monkeypatch.setattr(np, "zeros", zeros)


DERIVATIVES = {
    "grad": lambda f, x: hd.grad(f)(x),
    "hvp": lambda f, x: hd.hvp(f)(x, x),
    "jvp-of-grad": lambda f, x: hd.jvp(hd.grad(f), (x,), (x,)),
    "grad-of-jvp": lambda f, x: hd.grad(lambda x: hd.jvp(f, (x,), (np.ones(x.shape),))[1])(x),
    "grad-of-grad": lambda f, x: hd.grad(lambda x: np.sum(hd.grad(f)(x) ** 2))(x),
    "vmap-of-grad": lambda f, x: hd.vmap(hd.grad(f))(np.stack([x, x])),
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("name", LOOPS)
def test_elements_allocated_for_zeros_are_linear(name, derivative, monkeypatch):
    # One full array for each x[i] would make this quadratic: 4 times as many elements for twice the length.
    elements = []
    for n in (40, 80):
        with monkeypatch.context() as patch:
            count = Allocations(patch)
            DERIVATIVES[derivative](LOOPS[name], np.linspace(0.1, 0.2, n))
            elements.append(count.elements)
    assert elements[0] > 0
    assert elements[1] < 2.5 * elements[0]


def peak_memory(run):
    """Bytes at the highest point of a run, after one that fills caches and free lists."""
    run()
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def calls_of(run):
    """Number of Python and C functions called."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(previous)
    return count


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("name", ["squares", "running"])
def test_memory_is_linear(name, derivative):
    points = [np.linspace(0.1, 0.2, n) for n in (150, 300)]
    peaks = [peak_memory(lambda x=x: DERIVATIVES[derivative](LOOPS[name], x)) for x in points]
    assert peaks[1] < 2.5 * peaks[0]


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("name", LOOPS)
def test_function_calls_are_linear(name, derivative):
    points = [np.linspace(0.1, 0.2, n) for n in (40, 80)]
    counts = [calls_of(lambda x=x: DERIVATIVES[derivative](LOOPS[name], x)) for x in points]
    assert counts[1] < 2.1 * counts[0]


def test_forward_mode_keeps_nothing():
    def loop(n):
        def f(x):
            for _ in range(n):
                x = np.sin(x) * 1.01
            return np.sum(x)

        return f

    x = np.ones(1000)
    peaks = [peak_memory(lambda n=n: hd.jvp(loop(n), (x,), (x,))) for n in (10, 100)]
    assert peaks[1] < 1.5 * peaks[0]


def test_the_tape_keeps_coefficients_not_primals():
    # Sums and differences need no values at all.
    def f(x):
        y = x
        for _ in range(100):
            y = y + x - 1.0
        return np.sum(y)

    x = np.ones(10_000)
    gc.collect()
    tracemalloc.start()
    _, pullback = hd.vjp(f, x)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 3 * x.nbytes
    np.testing.assert_array_equal(pullback(1.0)[0], np.full(10_000, 101.0))


def test_long_loops_do_not_recurse():
    # 20 000 dependent operations: neither the tape nor its release may recurse.
    def f(x):
        for _ in range(10_000):
            x = x * 0.9999 + 1e-5
        return x

    np.testing.assert_allclose(hd.grad(f)(1.0), 0.9999**10_000, rtol=1e-10)
    np.testing.assert_allclose(hd.linearize(f, 1.0)[1](1.0), 0.9999**10_000, rtol=1e-10)
    np.testing.assert_allclose(hd.jvp(f, (1.0,), (1.0,))[1], 0.9999**10_000, rtol=1e-10)


def test_a_jacobian_is_one_run_of_the_function():
    calls = []

    def f(x):
        calls.append(1)
        return np.sin(x) * x[0]

    for transform in (hd.jacfwd, hd.jacrev, hd.jacobian):
        calls.clear()
        transform(f)(np.ones(30))
        assert len(calls) == 1
    calls.clear()
    hd.hessian(lambda x: np.sum(f(x)))(np.ones(30))
    assert len(calls) == 1


def test_what_does_not_depend_on_the_input_is_not_recorded():
    constant = np.ones(3)

    def f(x):
        y = constant
        for _ in range(100):
            y = np.sin(y) + constant
        return np.sum(y) * x

    assert rows_of(f, np.float64(1.0)) <= 3
    assert rows_of(lambda x: hd.stop_gradient(np.floor(x)) + 1.0, np.float64(1.0)) == 1
