"""Promises of compiled functions that were once broken, each found by comparing with the plain function."""

import gc
import weakref
from collections import namedtuple
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pytest

import hodiff as hd

pytestmark = pytest.mark.usefixtures("backend")

First = namedtuple("First", "a b")
Second = namedtuple("Second", "b a")


@dataclass(frozen=True)
class Settings:
    scale: float
    shift: float = field(default=0.0, compare=False)


# --- static arguments -------------------------------------------------------------------------------------------------


def test_static_named_tuples_of_two_classes_are_two():
    f = hd.jit(lambda x, p: x * p.a, static_argnums=1)
    assert [f(1.0, p) for p in (First(1.0, 2.0), Second(1.0, 2.0)) * 2] == [1.0, 2.0] * 2


def test_static_dataclasses_differ_in_types_and_in_fields_that_are_not_compared():
    f = hd.jit(lambda x, s: x * s.scale + s.shift, static_argnums=1)
    x = np.arange(3, dtype=np.float32)
    for settings in (Settings(2), Settings(np.float64(2.0)), Settings(2, 5.0), Settings(0.0), Settings(-0.0)) * 2:
        got, wanted = f(x, settings), x * settings.scale + settings.shift
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(np.copysign(1.0, got), np.copysign(1.0, wanted))
        np.testing.assert_array_equal(got, wanted)


def test_functions_as_arguments_are_not_kept_when_there_are_many():
    f = hd.jit(lambda g, x: g(x), quiet=True)
    kept = []
    for i in range(200):

        def g(x, i=i):
            return x + i

        assert f(g, 1.0) == 1.0 + i
        kept.append(weakref.ref(g))
    del g
    gc.collect()
    assert sum(reference() is not None for reference in kept) < 64


def test_lists_of_many_lengths_are_compiled_each():
    f = hd.jit(lambda numbers: sum(numbers))
    for length in [*range(1, 101)] * 2:
        assert f([0.5] * length) == 0.5 * length
    assert f.eager_reason is None
    assert f.cache_info().eager_calls == 0


def test_trees_of_ever_new_forms_run_eagerly_in_the_end():
    f = hd.jit(lambda tree: sum(tree.values()), quiet=True)
    for i in range(300):
        assert f({f"key {i}": 2.0}) == 2.0
    assert f.cache_info().specialisations < 300
    assert "trees of another form" in f.eager_reason


def test_what_a_first_call_computes_and_keeps_is_no_reason_to_run_eagerly():
    class Model:
        def __init__(self):
            self.weights = np.arange(3.0)

        @cached_property
        def norm(self):
            return np.sum(self.weights**2)

        def loss(self, x):
            return self.norm * np.sum(x)

    model = Model()
    f = hd.jit(model.loss)
    assert [f(np.ones(3)) for _ in range(3)] == [15.0] * 3
    assert f.cache_info().hits == 1
    assert f.eager_reason is None


# --- elements ---------------------------------------------------------------------------------------------------------


def changed_after_taken(x, i):
    s = x[i]
    before = s
    s += 1.0
    return s, before


@pytest.mark.parametrize("index", [1, np.int64(1), np.array(1)])
def test_an_element_at_a_computed_place_is_a_scalar(index):
    x = np.arange(3.0)
    f = hd.jit(changed_after_taken)
    for _ in range(2):
        got = f(x, index)
        assert got == (2.0, 1.0)
        assert list(map(type, got)) == [np.float64, np.float64]
    assert type(hd.jit(lambda x, i: np.take(x, i))(x, index)) is np.float64


@pytest.mark.parametrize("point", [0.5, np.float64(0.5), np.array(0.5)])
def test_an_interpolated_number_is_a_scalar(point):
    nodes = np.array([0.0, 1.0, 3.0])

    def changed_after_interpolation(x):
        s = np.interp(x, nodes, nodes**2)
        before = s
        s += 1.0
        return s * before

    f = hd.jit(changed_after_interpolation)
    for _ in range(2):
        assert type(f(point)) is np.float64
        assert f(point) == changed_after_interpolation(point) == 0.75
    for gradient in (hd.grad(changed_after_interpolation), hd.grad(f), hd.jit(hd.grad(f))):
        assert gradient(point) == 2.0


def test_an_ellipsis_makes_an_array_of_an_element():
    f = hd.jit(lambda x, i: x[..., i])
    assert type(f(np.arange(3.0), 1)) is np.ndarray


def test_gradient_at_the_largest_element():
    def largest(x):
        s = x[np.argmax(x)]
        before = s
        s += 1.0
        return s * before

    x = np.arange(3.0)
    for gradient in (hd.grad(largest), hd.jit(hd.grad(largest)), hd.grad(hd.jit(largest))):
        np.testing.assert_allclose(gradient(x), [0.0, 0.0, 5.0])


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_integers_that_no_type_of_numpy_has_leave_nothing_behind():
    np.testing.assert_array_equal(hd.jit(lambda x: x + 2**70)(np.ones(2)), np.full(2, 2.0**70), strict=True)
    f = hd.jit(lambda n, x: x + n)
    for n in (2**70, 5, 2**63, -(2**63) - 1, 7):
        got = f(n, np.ones(2))
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, np.ones(2) + n)


# --- results ----------------------------------------------------------------------------------------------------------


def test_names_of_types_are_those_of_plain_values():
    f = hd.jit(lambda x: type(x).__name__)
    assert [f(x) for x in (1.5, 2.5, 3.5, np.float64(1.0))] == ["float", "float", "float", "float64"]
