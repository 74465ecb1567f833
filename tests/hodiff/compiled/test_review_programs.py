"""Programs between staging and running: what a review found, and where nothing may be lost on the way."""

import tracemalloc
import warnings

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled.units import Unit
from hodiff.control.loops import loop
from hodiff.ops.indexing import getitem
from hodiff.progressions import Part
from hodiff.staging import stage
from hodiff.tape import assemble

TURNS, SIZE = 24, 60_000


def peak(function, *values):
    """The most memory that a call has at once, in vectors of ``SIZE``."""
    tracemalloc.start()
    try:
        function(*values)
        return tracemalloc.get_traced_memory()[1] / (8 * SIZE)
    finally:
        tracemalloc.stop()


def unit_of(function, *values):
    return Unit(stage(lambda *args: [function(*args)], values)[1])


def largest_answer(program):
    sizes = [0]
    for step in program.equations:
        sizes += [var.size for var in step.answers]
        if step.primitive is loop:
            sizes.append(largest_answer(step.parameters["body"]))
    return max(sizes)


# --- memory ---------------------------------------------------------------------------------------------------------


def summed(x, w):
    s = 0.0
    for t in range(TURNS):
        x = np.sin(x) * w[t]
        s = s + np.sum(x)
    return s


def projected(x, w):
    s = 0.0
    for t in range(TURNS):
        s = s + np.sum(x * np.exp(x * w[t]))
    return s


def overlapping(x, w):
    s = 0.0
    for t in range(TURNS):
        s = s + np.sum(x[t : t + SIZE - TURNS] ** 2) * w[t]
    return s


@pytest.mark.parametrize("f", [summed, projected, overlapping])
@pytest.mark.parametrize("mode", ["value", "jvp"])
def test_what_the_plain_program_lets_go_of_is_not_kept_for_all_turns(f, mode):
    def tangent(x, w):
        return hd.jvp(f, (x, w), (np.ones_like(x), np.ones_like(w)))[1]

    values = [np.linspace(0.0, 1.0, SIZE), np.linspace(0.5, 1.0, TURNS)]
    unit = unit_of(f if mode == "value" else tangent, *values)
    assert largest_answer(unit.program) <= SIZE
    assert peak(unit.function, *values) < 10
    np.testing.assert_allclose(unit.function(*values)[0], unit.program.evaluate(*values)[0], rtol=1e-12)


# --- time -----------------------------------------------------------------------------------------------------------


def test_bundles_are_asked_for_their_own_pieces_only():
    asked = []

    class Counted(tuple):
        def __getitem__(self, slot):
            asked.append(slot)
            return super().__getitem__(slot)

        def __iter__(self):
            raise AssertionError("all pieces are looked at for each bundle")

    pieces = Counted((getitem, (), {"index": (slot,)}) for slot in range(40))
    parts = [Part(range(first, first + 20), np.ones(20)) for first in (0, 20)]
    answer = assemble.bundled(parts, pieces=pieces, shape=(40,), dtype=np.dtype(float))
    np.testing.assert_array_equal(answer, np.ones(40))
    assert len(asked) <= 3 * 40


# --- warnings -------------------------------------------------------------------------------------------------------


def test_looking_for_nan_warns_of_nothing():
    def slopes(x, direction):
        return list(hd.jvp(hd.grad(lambda v: np.sum(v * v * 1e200)), (x,), (direction,)))

    values = [np.array([1.0, -1.0, 0.5]), np.ones(3)]
    unit = Unit(stage(slopes, values)[1])
    for found, expected in zip(unit.function(*values), slopes(*values), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("turns", [0, 1, 5])
def test_what_a_loop_computes_of_constants_warns_with_the_turns_only(turns):
    def f(c):
        return hd.fori_loop(0, turns, lambda i, s: s * np.sqrt(c) + np.log(c) * i, np.float64(1.0))

    def warned(function):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            function(np.float64(-1.0))
        return {str(warning.message) for warning in caught}

    gradient = hd.grad(f)
    unit = unit_of(gradient, np.float64(2.0))
    assert warned(unit.function) == warned(gradient) == warned(f)
    assert bool(warned(f)) == (turns > 0)


def test_loops_without_turns_compute_nothing_of_constants():
    def f(w):
        step = lambda i, s: s + np.sum(np.linalg.inv(w)) * i  # noqa: E731
        return hd.fori_loop(0, 0, step, np.float64(1.0))

    unit = unit_of(hd.grad(f), np.eye(2))
    np.testing.assert_array_equal(unit.function(np.zeros((2, 2)))[0], np.zeros((2, 2)))
