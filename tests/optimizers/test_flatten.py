"""Trees to vectors and back."""

import numpy as np
import optree
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

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
