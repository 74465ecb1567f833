"""Pytrees: flattening, structure, paths of leaves, prefixes."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from hodiff.tree import LEAF, broadcast_prefix, flatten, leaf_names, tree_map, unflatten

Pair = namedtuple("Pair", "left right")

TREES = [
    1.0,
    (),
    [],
    {},
    None,
    (1.0, 2.0),
    [1.0, (2.0, [3.0])],
    {"b": 1.0, "a": {"c": 2.0}},
    OrderedDict(b=1.0, a=2.0),
    Pair(1.0, [2.0, None]),
    (None, 1.0, {"a": None}),
]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_unflatten_is_the_inverse_of_flatten(tree):
    leaves, structure = flatten(tree)
    again = unflatten(structure, leaves)
    assert again == tree
    assert type(again) is type(tree)
    assert all(isinstance(leaf, float) for leaf in leaves)


def test_leaves_are_not_looked_into():
    array, text = np.ones(3), "text"
    leaves, _ = flatten({"a": array, "b": text})
    assert leaves[0] is array
    assert leaves[1] is text


def test_none_is_an_empty_node():
    assert flatten((None, 1.0))[0] == [1.0]
    assert flatten(None)[0] == []


def test_a_single_leaf_has_the_structure_leaf():
    assert flatten(3.0)[1] == LEAF
    assert flatten(np.ones(2))[1] == LEAF
    assert flatten((3.0,))[1] != LEAF


def test_structures_tell_containers_apart():
    structures = [flatten(t)[1] for t in ((1.0,), [1.0], {"a": 1.0}, {"b": 1.0}, 1.0, ((1.0,),), Pair(1.0, None))]
    for i, a in enumerate(structures):
        for j, b in enumerate(structures):
            assert (a == b) is (i == j)


def test_dicts_are_ordered_by_key():
    assert flatten({"b": 1.0, "a": 2.0})[0] == [2.0, 1.0]
    assert flatten({"b": 1.0, "a": 2.0})[1] == flatten({"a": 0.0, "b": 0.0})[1]


def test_leaf_names():
    tree = {"a": [1.0, (2.0, None)], "b": Pair(3.0, 4.0)}
    assert leaf_names(tree) == ["['a'][0]", "['a'][1][0]", "['b'][0]", "['b'][1]"]
    assert leaf_names(1.0) == [""]


def test_tree_map():
    assert tree_map(lambda x: 2 * x, {"a": (1.0, None)}) == {"a": (2.0, None)}
    assert tree_map(lambda x, y: x - y, [3.0], [1.0]) == [2.0]


@pytest.mark.parametrize(
    ("prefix", "tree", "expected"),
    [
        (0, 1.0, [0]),
        (0, (1.0, {"a": 2.0}), [0, 0]),
        (None, (1.0, {"a": 2.0}), [None, None]),
        ((0, None), (1.0, [2.0, 3.0]), [0, None, None]),
        ((0, {"a": 1}), (1.0, {"a": [2.0, 3.0]}), [0, 1, 1]),
        ((0, 1), (None, 2.0), [1]),
        (Pair(0, None), Pair(1.0, (2.0, 3.0)), [0, None, None]),
    ],
)
def test_a_prefix_has_one_entry_for_each_leaf_below_it(prefix, tree, expected):
    assert broadcast_prefix(prefix, tree) == expected


@pytest.mark.parametrize(
    ("prefix", "tree"),
    [((0, 0), 1.0), ((0,), (1.0, 2.0)), ({"a": 0}, {"b": 1.0}), ([0, 0], (1.0, 2.0)), ((0, (0, 0)), (1.0, (2.0,)))],
)
def test_what_is_not_a_prefix(prefix, tree):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are optree's
        broadcast_prefix(prefix, tree)
