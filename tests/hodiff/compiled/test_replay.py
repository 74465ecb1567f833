"""Programs that are run as they stand. Judges: the plain function, and the memory that it takes."""

import tracemalloc

import numpy as np

import hodiff as hd
from hodiff.compiled.replay import replay

STEPS = [np.sin, np.cos, np.tanh, np.arctan, np.square, np.cbrt, np.exp2, np.arcsinh] * 3


def chain(x):
    for step in STEPS:
        x = step(x * 0.5)
    return x


def test_values_that_nobody_reads_any_more_are_let_go():
    x = np.linspace(0.1, 0.9, 50_000)
    program = hd.make_program(chain)(x)
    assert len(program.equations) == 2 * len(STEPS)
    tracemalloc.start()
    try:
        (found,) = replay(program, [x])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found, chain(x))
    assert most < 5 * x.nbytes


def test_outputs_inputs_and_what_nobody_reads_are_there_to_the_end():
    def function(x, unread, twice):
        both = twice * twice
        np.exp(both)
        return both, x, 2.0, np.sum(both), both

    arguments = [np.ones(3), np.zeros(2), np.arange(3.0)]
    found = replay(hd.make_program(function)(*arguments), arguments)
    for value, expected in zip(found, function(*arguments), strict=False):
        np.testing.assert_array_equal(value, expected)
    assert found[1] is arguments[0]
