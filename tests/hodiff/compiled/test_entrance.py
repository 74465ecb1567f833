"""Entrances: arguments like some before are known, all others go elsewhere, and results are what they would be."""

import threading
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled.entrance import ELSEWHERE, make_builder
from hodiff.compiled.jit import jit
from hodiff.forms import Form

pytestmark = pytest.mark.usefixtures("backend")

x = np.linspace(0.5, 2.0, 4)
Pair = namedtuple("Pair", "a b")


def opened(function, *args, **keywords):
    """A compiled function that has met such arguments, with its entrance."""
    compiled = jit(function)
    for _ in range(3):
        compiled(*args, **keywords)
    assert compiled.eager_reason is None
    (entrance,) = compiled._entrances
    return compiled, entrance


TREES = [
    (x,),
    (x, 2.0, np.float32(3), True, 1j, 4),
    ([x, (x, {"b": x, "a": [2.0]})], None),
    ({}, (), [], x),
    ({"mode": "fast", "x": x},),
]


@pytest.mark.parametrize("args", TREES, ids=str)
def test_arguments_that_are_known(args):
    _, entrance = opened(lambda *a: hd.tree.tree_map(lambda v: v if isinstance(v, str) else v * 2, a), *args)
    result = entrance(args, {})
    assert result is not ELSEWHERE
    leaves, structure = hd.tree.flatten(result)
    given, expected = hd.tree.flatten(args)
    assert structure == expected
    for leaf, value in zip(leaves, given, strict=True):
        wanted = value if isinstance(value, str) else value * 2
        assert np.array_equal(leaf, wanted)
        assert type(leaf) is type(wanted)


def test_keywords_are_known():
    _, entrance = opened(lambda v, *, scale, shift: v * scale + shift, x, scale=2.0, shift=x)
    assert np.array_equal(entrance((x,), {"scale": 3.0, "shift": x}), x * 3 + x)
    assert entrance((x,), {"scale": 3.0}) is ELSEWHERE
    assert entrance((x,), {}) is ELSEWHERE


class Subclass(np.ndarray):
    pass


OTHERS = [
    np.linspace(0, 1, 5),
    np.linspace(0, 1, 8)[::2],
    x.astype(np.float32),
    x.astype(">f8"),
    x[:, None],
    x.view(Subclass),
    1.0,
    None,
    [x],
    {"a": x},
    "x",
]


@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_arguments_that_are_not_known(other):
    _, entrance = opened(lambda v: v * 2, x)
    assert entrance((other,), {}) is ELSEWHERE
    assert entrance((x, other), {}) is ELSEWHERE
    assert entrance((x,), {"v": other}) is ELSEWHERE


@pytest.mark.parametrize(
    ("known", "other"),
    [
        (1.0, 1),
        (1, True),
        (1.0, np.float64(1.0)),
        (np.float64(1), np.float32(1)),
        ((x, x), [x, x]),
        ([x], [x, x]),
        ({"a": x, "b": x}, {"b": x, "a": x}),
        ({"a": x}, {"b": x}),
        ({"a": x}, OrderedDict(a=x)),
        ((x, 1.0), Pair(x, 1.0)),
    ],
    ids=str,
)
def test_trees_that_are_alike_but_not_the_same(known, other):
    _, entrance = opened(lambda tree: hd.tree.tree_map(lambda v: v * 2, tree), known)
    assert entrance((known,), {}) is not ELSEWHERE
    assert entrance((other,), {}) is ELSEWHERE


@dataclass
class Point:
    a: object
    b: object


def test_trees_of_other_kinds_have_no_entrance():
    compiled = jit(lambda point: point.a * point.b)
    for _ in range(3):
        assert np.array_equal(compiled(Point(x, 2.0)), 2 * x)
    assert not compiled._entrances
    assert compiled.cache_info().hits == 2


def test_named_tuples_are_known():
    _, entrance = opened(lambda pair: Pair(pair.b, pair.a * 2), Pair(x, 2.0))
    result = entrance((Pair(x + 1, 3.0),), {})
    assert result.__class__ is Pair
    assert result.a == 3.0
    assert np.array_equal(result.b, 2 * x + 2)
    assert entrance(((x, 2.0),), {}) is ELSEWHERE


@pytest.mark.parametrize("value", [3, True, "s", 2.0, (3, 4), None, np.sin], ids=repr)
@pytest.mark.parametrize("by_name", [False, True])
def test_declared_static_arguments_are_known_by_value(value, by_name):
    def f(v, mode):
        return (v * 2, str(mode))

    compiled = jit(f, static_argnames="mode") if by_name else jit(f, static_argnums=1)
    call = (lambda m: compiled(x, mode=m)) if by_name else (lambda m: compiled(x, m))
    for _ in range(3):
        assert call(value)[1] == str(value)
    assert len(compiled._entrances) == 1
    for other in (4, 1, 3.0, 2, "t", -2.0, (3, 5), np.cos, None):
        for _ in range(3):
            assert call(other)[1] == str(other)
    assert call(value)[1] == str(value)


def test_zeros_that_are_declared_static_have_signs():
    compiled = jit(lambda v, zero: v / zero, static_argnums=1)
    with np.errstate(divide="ignore"):
        for zero in (0.0, -0.0) * 3:
            assert np.array_equal(compiled(x, zero), x / np.float64(zero))


def test_objects_are_known_by_identity():
    _, entrance = opened(lambda function, v: function(v), np.sin, x)
    np.testing.assert_array_max_ulp(entrance((np.sin, x + 1), {}), np.sin(x + 1), 4)
    assert entrance((np.cos, x), {}) is ELSEWHERE


def test_arrays_that_are_no_numbers_are_known_by_identity():
    labels = np.array(["a", "b"])
    compiled = jit(lambda names, v: v * 2 if names[0] == "a" else v)
    for _ in range(3):
        assert np.array_equal(compiled(labels, x), 2 * x)
    assert np.array_equal(compiled(np.array(["c", "b"]), x), x)
    labels[0] = "c"
    assert np.array_equal(compiled(labels, x), x)


class Scaled:
    def __init__(self, scale):
        self.scale = scale

    @jit
    def apply(self, v):
        return self.scale * v


def test_methods_see_their_object():
    one, two = Scaled(2.0), Scaled(3.0)
    for _ in range(3):
        assert np.array_equal(one.apply(x), 2 * x)
        assert np.array_equal(two.apply(x), 3 * x)
    assert Scaled.apply._entrances
    one.scale = 5.0
    assert np.array_equal(one.apply(x), 5 * x)
    assert np.array_equal(two.apply(x), 3 * x)


def test_one_array_at_two_places_is_told_from_two_arrays():
    def f(a, b, c):
        return a + b + c + (10.0 if a is b else 0.0) + (100.0 if c is b else 0.0)

    y, z = x + 1, x + 2
    compiled = jit(f)
    calls = [(x, x, y), (x, y, z), (x, y, x), (x, y, y), (x, x, x), (y, y, x)]
    for _ in range(3):
        for args in calls:
            assert np.array_equal(compiled(*args), f(*args))
    assert len(compiled._entrances) == 5
    _, entrance = opened(f, x, x, y)
    assert entrance((x, y, y), {}) is ELSEWHERE
    assert entrance((x, y, z), {}) is ELSEWHERE
    assert entrance((x, x, x), {}) is ELSEWHERE
    assert np.array_equal(entrance((y, y, x), {}), f(y, y, x))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("order", ["C", "F", "strided", "reversed", "one row", "unaligned"])
def test_arrays_in_another_order_are_told_apart(order):
    """Code of programs may look at arrays itself; whatever comes, the result is the function's own."""
    plain = np.arange(12.0).reshape(4, 3) / 7.0
    unaligned = np.zeros(8 * 12 + 1, np.uint8)[1:].view(float).reshape(4, 3)
    unaligned[...] = plain
    forms = {
        "C": plain,
        "F": np.asfortranarray(plain),
        "strided": np.repeat(plain, 2, axis=1)[:, ::2],
        "reversed": plain[::-1].copy()[::-1],
        "one row": plain[:1],
        "unaligned": unaligned,
    }
    others = [
        *forms.values(),
        plain.astype(np.float32),
        plain.astype(">f8"),
        plain[:3],
        plain[0],
        plain[0, 0],
        2.0,
        [1.0],
    ]
    made = jit(lambda x: np.sin(x) * 2.0 if np.ndim(x) else x * 2.0)
    for other in others:
        for x in (forms[order], forms[order], other, forms[order], other):
            found = made(x)
            wanted = np.sin(x) * 2.0 if np.ndim(x) else x * 2.0
            np.testing.assert_allclose(
                found, wanted, rtol=1e-6 if np.shape(x) and np.asarray(x).itemsize == 4 else 1e-15
            )
            assert np.asarray(found).dtype == np.asarray(wanted).dtype


def test_dtypes_that_are_equal_but_other_objects_are_known():
    _, entrance = opened(lambda v: v * 2, x)
    twin = np.dtype(np.float64).newbyteorder("=")
    assert np.array_equal(entrance((x.view(twin),), {}), 2 * x)


scale = 2.0
table = np.ones(4)


def test_captured_values_are_looked_at(monkeypatch):
    compiled, entrance = opened(lambda v: v * scale + table, x)
    table[0] = 5.0
    assert np.array_equal(entrance((x,), {}), x * 2 + table)
    table[0] = 1.0
    monkeypatch.setitem(globals(), "scale", 3.0)
    assert entrance((x,), {}) is ELSEWHERE
    assert np.array_equal(compiled(x), x * 3 + 1)
    monkeypatch.setitem(globals(), "scale", 2.0)
    monkeypatch.setitem(globals(), "table", np.ones(1))
    assert entrance((x,), {}) is ELSEWHERE
    assert np.array_equal(compiled(x), x * 2 + 1)
    monkeypatch.setitem(globals(), "table", np.ones((4, 4)))
    assert np.array_equal(compiled(x), x * 2 + np.ones((4, 4)))


def test_branches_are_followed_from_where_they_part():
    def f(v):
        if v[0] > 0:
            return v + 1
        return {"negative": v} if v[1] > 0 else (v, v * 2)

    compiled = jit(f)
    points = [np.array([a, b]) for a in (1.0, -1.0) for b in (1.0, -1.0)]
    for _ in range(3):
        for point in points:
            leaves, structure = hd.tree.flatten(compiled(point))
            expected, like = hd.tree.flatten(f(point))
            assert structure == like
            assert all(map(np.array_equal, leaves, expected))
    info = compiled.cache_info()
    assert (info.specialisations, info.eager_calls) == (3, 0)
    assert info.hits == 9
    assert info.guard_misses <= 2 * info.hits


def test_an_error_is_the_functions_own():
    def f(v):
        if v[0] < 0:
            raise ValueError("negative")
        return np.linalg.inv(v * np.ones((1, 1)))

    compiled, _ = opened(f, np.ones(1))
    with pytest.raises(np.linalg.LinAlgError) as raised:
        compiled(np.zeros(1))
    assert raised.value.__context__ is None
    with pytest.raises(ValueError, match="negative") as raised:
        compiled(-np.ones(1))
    assert raised.value.__context__ is None
    assert compiled(np.full(1, 2.0)) == 0.5


def test_debugging_goes_elsewhere():
    _, entrance = opened(lambda v: np.log(v), x)
    with hd.debug_nans():
        assert entrance((x,), {}) is ELSEWHERE


def test_calls_are_counted():
    compiled, _ = opened(lambda v: v * 2, x)
    before = compiled.cache_info()
    compiled(x)
    after = compiled.cache_info()
    assert (after.hits, after.specialisations) == (before.hits + 1, before.specialisations)


def test_entrances_are_bounded():
    compiled = jit(lambda v: v * 2)
    for n in range(100):
        for _ in range(2):
            assert compiled(np.ones(n)).shape == (n,)
    assert len(compiled._entrances) <= 8


def test_threads_share_an_entrance():
    compiled, _ = opened(lambda v: (np.exp(v), {"sum": np.sum(v * v)}), x)
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            v = rng.normal(size=4)
            first, rest = compiled(v)
            if not np.allclose(first, np.exp(v), rtol=1e-15) or abs(rest["sum"] / np.sum(v * v) - 1) > 1e-15:
                wrong.append(v)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "tree",
    [
        1.0,
        (1.0, 2.0),
        (1.0,),
        (),
        [1.0, (2.0, None)],
        {"b": 1.0, "a": 2.0},
        {"b'\"": [1.0]},
        {1: 2.0},
        (1.0, "x"),
        None,
    ],
    ids=repr,
)
def test_results_are_built_as_before(tree):
    form, numbers = Form.of(tree)
    new = tuple(v + 1 for v in numbers)
    build = make_builder(form)
    result, expected = new if build is None else build(new), form.fill(new)
    assert result == expected
    assert type(result) is type(expected)
    if isinstance(expected, dict):
        assert list(result) == list(expected)


def test_an_argument_may_be_called_self():
    compiled = jit(lambda self, args=1.0: self * args)
    for _ in range(3):
        assert compiled(self=2.0, args=3.0) == 6.0
