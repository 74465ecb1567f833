"""Pytrees: flattening, structure, paths of leaves, prefixes, dataclasses and registered classes."""

import time
from collections import OrderedDict, defaultdict, deque, namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import InitVar, dataclass, field, make_dataclass
from enum import Enum
from typing import Any

import numpy as np
import optree
import pytest

import hodiff as hd
from hodiff import errors
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


# --- classes ----------------------------------------------------------------------------------------------------------


class Activation(Enum):
    TANH = 1


@dataclass
class Layer:
    weights: Any
    bias: Any
    name: str = "layer"
    activation: Any = np.tanh
    kind: Activation = Activation.TANH
    size: int = field(default=3, metadata={"static": True})

    def __call__(self, x):
        return self.activation(self.weights @ x + self.bias)


@dataclass(frozen=True, slots=True)
class Model:
    layers: list
    scale: float
    note: Any = None


@dataclass
class Checked:
    x: Any
    double: Any = field(init=False)

    def __post_init__(self):
        self.double = 2.0 * self.x


@dataclass
class Strict:
    x: float

    def __post_init__(self):
        if not isinstance(self.x, float):
            raise TypeError("x must be a float")


def model():
    return Model([Layer(np.ones((2, 3)), np.zeros(2)), Layer(np.full((1, 2), 0.5), np.ones(1), "last")], 2.0)


def test_dataclasses_are_trees_by_themselves():
    leaves, structure = flatten(model())
    assert [np.shape(leaf) for leaf in leaves] == [(2, 3), (2,), (1, 2), (1,), ()]
    again = unflatten(structure, leaves)
    assert type(again) is Model
    assert [layer.name for layer in again.layers] == ["layer", "last"]
    assert again.layers[0].activation is np.tanh
    assert again.note is None
    assert leaf_names(model())[0] == "['layers'][0]['weights']"
    assert flatten(Layer(1.0, 2.0))[1] != flatten(Layer(1.0, 2.0, "other"))[1]
    assert tree_map(lambda x, y: x - y, Layer(3.0, 2.0), Layer(1.0, 1.0)) == Layer(2.0, 1.0)


def test_gradients_of_dataclasses():
    x = np.array([0.1, 0.2, 0.3])

    def loss(m, x):
        for layer in m.layers:
            x = layer(x)
        return m.scale * np.sum(x)

    gradient = hd.grad(loss)(model(), x)
    assert isinstance(gradient, Model)
    assert gradient.layers[1].name == "last"
    first, second = model().layers
    hidden = first(x)
    np.testing.assert_allclose(gradient.layers[1].weights, 2.0 * (1 - second(hidden) ** 2)[:, None] * hidden)
    np.testing.assert_allclose(gradient.scale, second(hidden)[0])
    tangent = hd.jvp(loss, (model(), x), (gradient, np.zeros(3)))[1]
    np.testing.assert_allclose(tangent, sum(np.sum(leaf**2) for leaf in flatten(gradient)[0]))
    batched = hd.vmap(lambda layer, x: layer(x), in_axes=(Layer(0, None), None))(
        Layer(np.ones((4, 2, 3)), np.zeros(2)), x
    )
    assert batched.shape == (4, 2)
    assert hd.hessian(lambda p: p.x**3)(Strict(2.0)).x.x == 12.0


def test_computed_fields_are_computed_anew():
    assert hd.grad(lambda c: c.x * c.double)(Checked(3.0)).x == 12.0


def test_computed_fields_are_no_children():
    assert leaf_names(Checked(3.0)) == ["['x']"]
    assert hd.jvp(lambda c: c.double, (Checked(3.0),), (Checked(1.0),))[1] == 2.0

    @dataclass
    class State:
        x: float
        count: float = field(init=False, default=0.0)

    state = State(3.0)
    state.count = 7.0
    assert hd.grad(lambda s: s.x * s.count)(state).x == 7.0


def test_computed_fields_that_cannot_be_computed_anew_are_refused():
    changed = Checked(3.0)
    changed.double = 7.0
    with pytest.raises(errors.StructureError, match=r"double is computed by __post_init__, which gives 6.0 now .* 7.0"):
        hd.grad(lambda c: c.double)(changed)

    @dataclass
    class Scaled:
        x: float
        scale: InitVar[float] = 2.0
        product: float = field(init=False)

        def __post_init__(self, scale):
            self.product = scale * self.x

    with pytest.raises(errors.StructureError, match="Scaled: __post_init__ computes fields from an InitVar"):
        hd.grad(lambda s: s.product)(Scaled(3.0, 5.0))


def test_static_arrays_are_compared_by_their_entries():
    @dataclass
    class Weighted:
        x: Any
        weights: Any = field(metadata={"static": True})

    tangent = Weighted(np.ones(2), np.array([1.0, np.nan]))
    assert hd.jvp(lambda w: w.x[0] * w.weights[0], (Weighted(np.ones(2), np.array([1.0, np.nan])),), (tangent,))[1] == 1
    with pytest.raises(errors.StructureError, match="must have the tree structure of primals"):
        hd.jvp(lambda w: w.x[0], (Weighted(np.ones(2), np.ones(2)),), (tangent,))


@pytest.mark.parametrize("leaf", [float, np.float64, np.ndarray, str, bool])
def test_numbers_and_arrays_stay_leaves(leaf):
    with pytest.raises(errors.StructureError, match="is a number, an array or text"):
        hd.register_pytree_node(leaf, lambda x: ((), x), lambda x, parts: x)


def test_post_init_does_not_see_traced_values():
    assert hd.grad(lambda s: s.x**2)(Strict(3.0)).x == 6.0


def test_integer_fields_are_numbers_unless_static():
    @dataclass
    class Power:
        x: float
        n: int

    with pytest.raises(errors.NonDifferentiableInputError, match=r"int64 value \(leaf \['n'\]\)"):
        hd.grad(lambda p: p.x**p.n)(Power(2.0, 3))


class Box:
    def __init__(self, content, label):
        self.content, self.label = content, label


def test_an_unregistered_class_says_how_to_register_it():
    advice = "if Box is a container, register it with hodiff.register_pytree_node"
    with pytest.raises(errors.NonDifferentiableInputError, match=advice):
        hd.grad(lambda b: b.content)(Box(1.0, "a"))
    with pytest.raises(errors.NonDifferentiableOutputError, match=advice):
        hd.grad(lambda x: Box(x, "a"))(1.0)


def test_registered_classes():
    class Pairs:
        def __init__(self, content, label):
            self.content, self.label = content, label

    hd.register_pytree_node(Pairs, lambda b: ((b.content,), b.label), lambda label, parts: Pairs(*parts, label))
    gradient = hd.grad(lambda b: b.content["x"] ** 2)(Pairs({"x": 3.0}, "a"))
    assert gradient.content == {"x": 6.0}
    assert gradient.label == "a"
    with pytest.raises(errors.StructureError, match=r"Pairs is a tree already"):
        hd.register_pytree_node(Pairs, lambda b: ((), None), lambda m, c: None)
    with pytest.raises(errors.StructureError, match="give a class and two functions"):
        hd.register_pytree_node(3, len, len)
    # Nobody else's trees change.
    assert len(optree.tree_leaves(Pairs({"x": 3.0}, "a"))) == 1
    assert isinstance(optree.tree_leaves(Layer(1.0, 2.0))[0], Layer)


def test_classes_that_optree_knows():
    @optree.register_pytree_node_class(namespace=optree.registry.__GLOBAL_NAMESPACE)
    class Known:
        def __init__(self, x):
            self.x = x

        def tree_flatten(self):
            return (self.x,), None, None

        @classmethod
        def tree_unflatten(cls, metadata, children):
            return cls(*children)

    assert hd.grad(lambda k: k.x**2)(Known(3.0)).x == 6.0
    times = time.struct_time([1.0] * 9)
    assert type(tree_map(lambda x: 2 * x, times)) is time.struct_time


def test_every_kind_of_container_is_differentiated():
    tree = {
        "list": [1.0, (2.0, None)],
        "ordered": OrderedDict(b=3.0, a=4.0),
        "default": defaultdict(list, a=5.0),
        "pair": Pair(6.0, deque([7.0])),
        "class": Layer(8.0, 9.0),
    }
    gradient = hd.grad(lambda t: sum(leaf**2 for leaf in flatten(t)[0]))(tree)
    assert flatten(gradient)[1] == flatten(tree)[1]
    assert flatten(gradient)[0] == [2.0 * leaf for leaf in flatten(tree)[0]]
    assert type(gradient["default"]) is defaultdict
    assert gradient["default"].default_factory is list


def test_threads_may_meet_a_class_for_the_first_time():
    for _ in range(20):
        new = make_dataclass("New", [("x", float)])
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda n, new=new: hd.grad(lambda v: v.x**2)(new(float(n))).x, range(16)))
        assert found == [2.0 * n for n in range(16)]
