"""Loops that threads share: the same bits for any number of threads, errors and warnings as ever, and calls at once."""

import os
import threading
import warnings

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled import native
from hodiff.compiled.native.loading import threads
from hodiff.compiled.native.writing import parallel
from hodiff.compiled.native.writing.kernel import write_kernel
from hodiff.compiled.units import optimised
from hodiff.staging import stage

pytestmark = pytest.mark.skipif(native.reason() is not None, reason=str(native.reason()))

NUMBERS = (1, 2, 3, 8)


@pytest.fixture
def short_chunks(monkeypatch):
    """Chunks so short that small arrays have many; the names of the loops that are split."""
    monkeypatch.setattr(parallel, "WORTH", 0.0)
    monkeypatch.setattr(parallel, "SMALLEST", 100.0)
    names = []
    name = parallel.Shared.name

    def noted(self):
        names.append(name(self))
        return names[-1]

    monkeypatch.setattr(parallel.Shared, "name", noted)
    return names


@pytest.fixture(autouse=True)
def number_of_threads():
    before = threads.num_threads()
    yield
    threads.set_num_threads(before)


def flat(results):
    return [np.asarray(value) for value in (results if isinstance(results, tuple) else (results,))]


def with_each_number(function, *values):
    """The results with each number of threads, twice with each."""
    found = []
    for number in NUMBERS:
        threads.set_num_threads(number)
        found += [flat(function(*values)), flat(function(*values))]
    return found


def log_sum_exp(x):
    largest = np.max(x, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(x - largest), axis=1)) + largest[:, 0])


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def distances(x):
    return np.sum(np.log(np.sum(np.exp(-((x[:, None] - x[None, :]) ** 2)), axis=1)))


FUNCTIONS = {
    "elements and their sum": (lambda x: (np.exp(-(x**2)) * np.sin(3 * x), np.sum(np.cos(x))), (10_003,)),
    "a mean that elements need": (lambda x: np.mean(x * x) * np.exp(x), (10_003,)),
    "the largest": (lambda x: np.max(np.cos(x)), (10_003,)),
    "the smallest of columns": (lambda x: np.min(np.cos(x), axis=0), (203, 31)),
    "sums of rows": (lambda x: np.sum(np.cos(x), axis=1), (203, 31)),
    "means of columns": (lambda x: np.mean(np.cos(x), axis=0), (203, 31)),
    "sums along all axes": (lambda x: tuple(np.sum(np.cos(x), axis=a) for a in (0, 1, None)), (203, 31)),
    "sums along two of three axes": (
        lambda x: tuple(np.sum(np.cos(x), axis=a) for a in ((0, 2), (0, 1), (1, 2), 1, None)),
        (20, 31, 17),
    ),
    "products": (lambda x: np.prod(1 + np.sin(x) / 1000, axis=0), (203, 31)),
    "a batch": (lambda x: (np.sum(np.cos(x), axis=0), np.sum(np.cos(x), axis=1)), (2031, 3)),
    "two long rows": (lambda x: (np.sum(np.cos(x), axis=0), np.sum(np.cos(x), axis=1)), (2, 5031)),
    "log-sum-exp": (hd.value_and_grad(log_sum_exp), (301, 33)),
    "its second derivative": (lambda x: hd.hvp(log_sum_exp)(x, np.sin(x)), (301, 33)),
    "Rosenbrock": (hd.value_and_grad(rosenbrock), (5001,)),
    "truths": (lambda x: (np.any(x > 3.5), np.all(x > -9, axis=0), np.count_nonzero(x > 0)), (301, 33)),
    "parts": (lambda x: np.concatenate([np.exp(x), x[3:] * 2, np.sin(x)]), (5001,)),
    "float32": (lambda x: np.sum(np.exp(x.astype(np.float32)), axis=0), (301, 33)),
    "pairs": (hd.value_and_grad(distances), (301,)),
    "a loop around": (lambda x: hd.fori_loop(0, 5, lambda i, c: np.sin(c) + np.mean(c), x), (2001,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bits_are_the_same_for_any_number_of_threads(name, short_chunks):
    function, shape = FUNCTIONS[name]
    x = np.random.default_rng(11).normal(size=shape)
    compiled = hd.jit(function, backend="native")
    first, *others = with_each_number(compiled, x)
    assert short_chunks
    for found in others:
        assert [value.tobytes() for value in found] == [value.tobytes() for value in first]
    tolerance = 1e-5 if name == "float32" else 1e-11
    for value, expected in zip(first, flat(function(x)), strict=True):
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=1e-11)


def test_short_loops_are_not_split_and_long_ones_are():
    for length, splits in ((1000, 0), (1_000_000, 1)):
        kernel = written(lambda x: [np.sum(np.exp(x))], np.zeros(length))
        assert kernel.splits == bool(splits)
        assert kernel.text.count("call void @hd.run_chunks") == splits


def written(function, *values):
    program = optimised(stage(function, values, name="f")[1])
    return write_kernel(program, (True,) * len(program.outputs), width=4)


def test_chunks_depend_on_the_loop_alone():
    x = np.zeros(1_000_000)
    texts = []
    for number in NUMBERS:
        threads.set_num_threads(number)
        texts.append(written(lambda x: [np.sum(np.exp(x))], x).text)
    assert len(set(texts)) == 1


@pytest.mark.usefixtures("short_chunks")
def test_positions_out_of_range_raise_as_ever():
    take = hd.jit(lambda x, i: np.sum(np.sin(x[i])), backend="native")
    x, positions = np.arange(3.0), np.tile([0, 1, 2, -3], 2500)
    expected = np.sum(np.sin(x[positions]))
    for number in NUMBERS:
        threads.set_num_threads(number)
        np.testing.assert_allclose(take(x, positions), expected, rtol=1e-12)
        for place in (0, 5000, 9_999):
            wrong = positions.copy()
            wrong[place] = 3
            with pytest.raises(IndexError, match="index 3 is out of bounds"):
                take(x, wrong)
    np.testing.assert_allclose(take(x, positions), expected, rtol=1e-12)


@pytest.mark.usefixtures("short_chunks")
@pytest.mark.parametrize("place", [0, 5_000, 9_999])
def test_floating_point_errors_of_all_threads_are_told(place):
    inverse = hd.jit(lambda x: 1 / x, backend="native")
    x = np.ones(10_000)
    y = x.copy()
    y[place] = 0
    for number in NUMBERS:
        threads.set_num_threads(number)
        for _ in range(3):
            assert inverse(x).sum() == 10_000
            with pytest.warns(RuntimeWarning, match="divide by zero"):
                assert inverse(y)[place] == np.inf
            with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
                inverse(y)
            with np.errstate(divide="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error")
                assert inverse(y)[place] == np.inf


@pytest.mark.usefixtures("short_chunks")
def test_calls_of_several_threads_at_once():
    threads.set_num_threads(3)
    compiled = hd.jit(hd.value_and_grad(log_sum_exp), backend="native")
    generator = np.random.default_rng(5)
    arrays = [generator.normal(size=(301, 33)) for _ in range(4)]
    expected = [compiled(x) for x in arrays]
    wrong = []

    def call(x, value, gradient):
        for _ in range(50):
            found = compiled(x)
            if found[0] != value or found[1].tobytes() != gradient.tobytes():
                wrong.append(found)

    workers = [threading.Thread(target=call, args=(x, *e)) for x, e in zip(arrays, expected, strict=True)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.usefixtures("short_chunks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    threads.set_num_threads(3)
    compiled = hd.jit(hd.value_and_grad(log_sum_exp), backend="native")
    x = np.random.default_rng(6).normal(size=(301, 33))
    value, gradient = compiled(x)
    child = os.fork()
    if not child:
        found = compiled(x)
        os._exit(0 if found[0] == value and found[1].tobytes() == gradient.tobytes() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert compiled(x)[0] == value


def test_results_in_memory_are_small_or_of_one_row():
    # Of 250 000 sums, no chunk has a result of its own: each row is split.
    kernel = written(lambda x: [np.sum(np.exp(x), axis=0)], np.zeros((40, 250_000)))
    assert kernel.splits
    assert kernel.arena < 1000
