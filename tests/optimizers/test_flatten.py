"""Trees to vectors and back."""

from dataclasses import dataclass, field

import numpy as np
import optree
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import optimizers as opt
from optimizers.errors import ShapeError
from optimizers.flatten import Layout

leaves = hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3), elements=st.floats(-9, 9))
trees = st.recursive(
    leaves, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.sampled_from("abc"), t), max_leaves=6
)


@given(trees)
def test_round_trip(tree):
    flat = optree.tree_leaves(tree)
    if sum(leaf.size for leaf in flat) == 0:
        return
    layout = Layout.of(tree)
    vector = layout.ravel(tree)
    assert vector.shape == (layout.size,)
    back = layout.unravel(vector)
    assert optree.tree_structure(back) == optree.tree_structure(tree)
    for a, b in zip(optree.tree_leaves(back), flat, strict=True):
        assert np.shape(a) == b.shape
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(layout.ravel(back), vector)


@dataclass(frozen=True)
class Line:
    slope: float
    offset: np.ndarray
    power: int = field(default=2, metadata={"static": True})


def test_dataclasses_are_trees_as_in_hodiff():
    def fun(line):
        return (line.slope - 3.0) ** line.power + np.sum((line.offset - np.array([1.0, 2.0])) ** 2)

    start = Line(0.0, np.zeros(2))
    for method in (None, opt.LBFGS(), opt.TrustRegion(), "BFGS"):
        found = opt.minimize(fun, start, method=method).x
        assert type(found) is Line
        np.testing.assert_allclose([found.slope, *found.offset], [3.0, 1.0, 2.0], atol=1e-5)
    given = opt.minimize(
        fun,
        start,
        jac=lambda p: Line(2.0 * (p.slope - 3.0), 2.0 * (p.offset - np.array([1.0, 2.0]))),
        method=opt.LBFGS(),
    ).x
    np.testing.assert_allclose(given.offset, [1.0, 2.0], atol=1e-5)
    with pytest.raises(ShapeError, match="must be that of x"):
        Layout.of(start).ravel(Line(0.0, np.zeros(2), 3))
