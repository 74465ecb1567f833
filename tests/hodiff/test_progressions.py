"""Indices in steps against the single ones, one after the other."""

import numpy as np
import pytest

from hodiff.progressions import Part, moved, moving, progression

SHAPE = (12, 13, 14)
STEPS = [
    [(i,) for i in range(3, 9)],
    [(i,) for i in range(9, -1, -3)],
    [(i,) for i in range(-1, -6, -1)],
    [(i,) for i in range(-6, 0)],
    [(2, i, slice(1, 5)) for i in range(0, 12, 2)],
    [(slice(None), i) for i in range(4)],
    [(Ellipsis, i) for i in range(13, 0, -1)],
    [(Ellipsis, i, slice(None)) for i in range(3)],
    [(None, i, None, 4) for i in range(5)],
    [(slice(0, 8), None, i) for i in range(5)],
    [(slice(2 * i, 2 * i + 2),) for i in range(5)],
    [(slice(2 * i, 2 * i + 2),) for i in range(5, -1, -1)],
    [(3, slice(3 * i, 3 * i + 3), slice(1, 3)) for i in range(4)],
    [(None, slice(None), slice(3 * i, 3 * i + 3)) for i in range(4)],
]
OVERLAPPING = [
    [(slice(i, i + 3),) for i in range(8)],
    [(slice(i, i + 3), 2) for i in range(8, -1, -1)],
    [(Ellipsis, slice(4 * i, 4 * i + 2), slice(3, 5)) for i in range(3)],
    [(slice(None), None, slice(2 * i, 2 * i + 3)) for i in range(5)],
]
OTHER = [
    [(-1,), (0,), (1,)],
    [(0,), (1,), (3,)],
    [(0, 0), (1, 1), (2, 2)],
    [(0,), (0, 1)],
    [(slice(0, 2),), (slice(1, 4),), (slice(2, 6),)],
    [(slice(0, None),), (slice(1, None),)],
]


@pytest.mark.parametrize("indices", STEPS)
def test_one_index_selects_what_several_do(indices):
    x = np.random.default_rng(0).normal(size=SHAPE)
    found = progression(indices, x.ndim)
    np.testing.assert_array_equal(found.gathered(x[found.key]), [x[index] for index in indices])


@pytest.mark.parametrize("indices", STEPS)
def test_one_index_takes_what_several_do(indices):
    values = np.random.default_rng(0).normal(size=(len(indices), *np.zeros(SHAPE)[indices[0]].shape))
    x, y = np.zeros(SHAPE), np.zeros(SHAPE)
    for index, value in zip(indices, values, strict=True):
        x[index] = value
    key, value = Part(range(len(indices)), values).placed(indices, y.ndim)
    y[key] = value
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("indices", [*STEPS, *OVERLAPPING, [(3, slice(2))] * 4])
def test_what_is_added(indices):
    values = np.random.default_rng(0).normal(size=(len(indices), *np.zeros(SHAPE)[indices[0]].shape))
    x, y = np.zeros(SHAPE), np.zeros(SHAPE)
    for index, value in zip(indices, values, strict=True):
        x[index] += value
    for key, value in Part(range(len(indices)), values).added(indices, y.ndim):
        y[key] += value
    np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("indices", OTHER)
def test_what_is_no_progression(indices):
    assert progression(indices, 3) is None
    part = Part(range(len(indices)), np.zeros(len(indices)))
    assert part.placed(indices, 3) is None
    assert part.added(indices, 3) is None


def test_some_operands_of_many():
    indices = [(9,), (0,), (5,), (1,), (6,), (2,)]
    values = np.arange(3.0)
    assert Part(range(2, 3), values).placed(indices, 1) == ((5,), values)
    key, _ = Part(range(1, 6, 2), values).placed(indices, 1)
    assert key == (slice(0, 3),)


def test_entries_that_move():
    assert [moving(e) for e in (3, -1, slice(2, 5), slice(2, 5, 1))] == [3, -1, 2, 2]
    assert {moving(e) for e in (None, Ellipsis, slice(None), slice(2, None), slice(-3, -1), slice(0, 9, 3), True)} == {
        None
    }
    assert moved(3, -2) == 1
    assert moved(slice(2, 5), 3) == slice(5, 8)
    assert moved(None, 0) is None
