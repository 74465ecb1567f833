"""Programs in which several rules of the planner meet, against plain NumPy."""

import numpy as np
import pytest
from backends import native_only

from tests.hodiff.compiled.native.native_programs import check

pytestmark = native_only

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("reduce", [np.mean, np.sum, np.max])
@pytest.mark.parametrize("returned", [True, False])
def test_rows_that_read_what_is_joined_in_memory(reduce, returned):
    # The last axis is not reduced, so nothing is known of a mean before the loop through all rows has ended.
    def f(x):
        joined = reduce(np.exp(x), axis=1, keepdims=True)
        return [np.exp(x - joined), *[joined][:returned]]

    check(f, RANDOM.normal(size=(32, 10, 12)), bits=False, ulps=100)


@pytest.mark.parametrize("position", [0, 3, -1])
def test_rows_at_a_position_that_is_data_are_read_backwards(position):
    x, more = RANDOM.normal(size=(5, 33)), RANDOM.normal(size=(5, 33, 3))
    check(lambda x, more, i: [x[i][::-1] * 2, x[i][::-2] * 2, more[i].T[:, ::-1] * 2], x, more, np.array(position))
