"""What is asked of stacks is asked of their parts; stacks of columns are made in the loop that makes the columns."""

import numpy as np
import pytest
from backends import native_only

import hodiff as hd
from hodiff.annihilate import some_nan
from hodiff.compiled import native
from hodiff.compiled.native.plans.distributing import distributed
from hodiff.compiled.native.plans.planning import Plan
from hodiff.compiled.numpy_source import emit
from hodiff.compiled.passes import simplify
from hodiff.staging import stage

X = np.linspace(0.1, 1.0, 250)
COUNT = 8


def names(program):
    return [equation.primitive.name for equation in program.equations]


def asked(*, axis=0, literal=None):
    """A function that stacks rows, and asks whether one of them has a NaN."""

    def function(p):
        rows = [p[i] * X for i in range(COUNT)]
        both = np.stack(rows if literal is None else [*rows, literal], axis=axis)
        return [both, some_nan(both)]

    return simplify(stage(function, [np.ones(COUNT)])[1])


def test_parts_are_asked_together():
    before = asked()
    after = distributed(before)
    assert "some_nan" in names(before)
    assert names(after)[-2 * COUNT :] == [*["isnan"], *["isnan", "logical_or"] * (COUNT - 1), "some"]
    assert distributed(after) is after


def test_of_other_arrays_the_whole_is_asked():
    for function in (
        lambda p: [some_nan(p)],
        lambda p: [some_nan(np.stack([p, p]).sum(axis=0))],
        lambda p: [some_nan(np.concatenate([p, p[1:]]))],
        lambda p: [np.any(np.stack([p, p]))],
    ):
        program = stage(function, [np.ones(COUNT)])[1]
        assert distributed(program) is program


@native_only
@pytest.mark.parametrize("literal", [None, X, np.where(X > 0.5, np.nan, X)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_nan_is_found_wherever_it_is(axis, literal):
    program = asked(axis=axis, literal=literal)
    compiled, plain = native.compile(program, fresh=(True, True)).function, emit(program).function
    for place in range(COUNT + 1):
        point = np.where(np.arange(COUNT) == place, np.nan, 1.0)
        for found, expected in zip(compiled(point), plain(point), strict=True):
            np.testing.assert_array_equal(found, expected)


@native_only
def test_columns_are_made_in_one_loop():
    program = simplify(stage(lambda p: [np.stack([np.sin(p[i] * X) for i in range(COUNT)]).T], [np.ones(COUNT)])[1])
    plan = Plan(program.inputs, program.equations, program.outputs, blocks=True)
    (nest,) = plan.nests
    assert [axis.length for axis in nest.axes] == [len(X)]
    assert program.outputs[0] in plan.turned
    point = np.linspace(0.5, 2.0, COUNT)
    (found,) = native.compile(program, fresh=(True,)).function(point)
    np.testing.assert_allclose(found, np.sin(np.outer(X, point)), rtol=1e-14)
    assert found.flags.c_contiguous


@native_only
@pytest.mark.parametrize("length", [16, 17, 31, 250, 1000])
@pytest.mark.parametrize("columns", [2, 5, 8, 11])
def test_columns_of_any_number(length, columns):
    t = np.linspace(0.0, 1.0, length)

    def function(p):
        return np.stack([np.exp(p[i % 3] * t) if i % 4 else np.full(length, p[0]) for i in range(columns)], axis=-1)

    compiled = hd.jit(function, backend="native")
    for point in (np.ones(3), np.array([0.5, -1.0, 2.0])):
        np.testing.assert_allclose(compiled(point), function(point), rtol=1e-14)
