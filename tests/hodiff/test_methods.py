"""Traced values have what ``numpy.ndarray`` has, or refuse it by name."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.core import Tracer
from hodiff.errors import ConversionError, InPlaceError
from hodiff.ops.methods import REFUSED_ATTRIBUTES, REFUSED_METHODS

PUBLIC = [name for name in dir(np.ndarray) if not name.startswith("_")]
OPERATORS = [
    name
    for name in dir(np.ndarray)
    if name.startswith("__") and callable(getattr(int, name, None) or getattr(list, name, None))
]

#: Special methods of ndarray that traced values need not have, and why.
NOT_NEEDED = {
    "__delitem__": "ndarray has it only to refuse",
    "__class_getitem__": "typing",
    "__getstate__": "pickling is refused in __reduce__",
    "__imatmul__": "assigned by Python from __matmul__",
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_exists_or_is_refused(name):
    # A name that fails here is new in NumPy: give it a method in hodiff/ops, or a line in one of the two tables.
    assert hasattr(Tracer, name)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_exists(name):
    assert name in NOT_NEEDED or hasattr(Tracer, name)


def test_the_tables_name_what_exists():
    assert set(REFUSED_METHODS) <= set(dir(np.ndarray))
    assert set(REFUSED_ATTRIBUTES) <= set(PUBLIC)
    assert all(callable(getattr(np.ndarray, name)) for name in REFUSED_METHODS)
    assert not any(callable(getattr(np.ndarray, name)) for name in REFUSED_ATTRIBUTES)


@pytest.mark.parametrize("name", [*REFUSED_METHODS, *REFUSED_ATTRIBUTES])
def test_what_is_refused_is_named_with_advice(name):
    def use(x):
        value = getattr(x, name)
        return value() if name in REFUSED_METHODS else value

    for transform in (hd.grad(use), hd.vmap(use), lambda x: hd.jvp(use, (x,), (x,))):
        with pytest.raises(
            ConversionError, match=rf"x\.{name} is not supported on traced values: .*(use|assign|known)"
        ):
            transform(np.ones(3))


def test_tolist_has_the_structure_of_the_array():
    shapes = []

    def f(x):
        nested = x.tolist()
        shapes.append((len(nested), len(nested[0]), nested[0][0].shape))
        return nested[1][2]

    assert np.array_equal(hd.grad(f)(np.ones((2, 3))), [[0, 0, 0], [0, 0, 1]])
    assert shapes == [(2, 3, ())]


def test_items_of_plain_values_are_python_numbers():
    def f(x):
        zeros = np.zeros_like(x)
        assert type(zeros.item(0)) is float
        assert zeros.tolist() == [0.0, 0.0]
        return np.sum(x)

    hd.grad(f)(np.ones(2))


def test_what_flat_reads_is_a_copy():
    def f(x):
        y = x.copy()
        part = y.flat[:2]
        part[0] = 5.0
        return np.sum(y) + np.sum(part)

    assert np.array_equal(hd.grad(f)(np.ones((2, 2))), [[1, 2], [1, 1]])


def test_a_view_follows_its_array():
    def f(x):
        y = x.copy()
        view = y.view()
        y[0] = 3.0 * x[1]
        return np.sum(view)

    assert np.array_equal(hd.grad(f)(np.ones(2)), [0, 4])


def test_an_argument_is_not_written_through_flat():
    def f(x):
        x.flat[0] = 2.0
        return np.sum(x)

    with pytest.raises(InPlaceError):
        hd.grad(f)(np.ones(2))


@pytest.mark.parametrize(
    "copy",
    [
        lambda x: np.tile(x, 1),
        lambda x: np.repeat(x, 1),
        lambda x: np.roll(x, 0),
        lambda x: np.resize(x, x.shape),
        lambda x: np.clip(x, None, None),
        lambda x: np.insert(x, [], []),
        lambda x: np.delete(x, []),
        lambda x: np.append(x, []),
        lambda x: np.block(x),
        lambda x: np.block([x]),
        lambda x: np.meshgrid(x)[0],
        lambda x: np.take(x, np.arange(2)),
        lambda x: np.choose(0, [x]),
        lambda x: np.select([np.True_], [x]),
        lambda x: np.compress([True, True], x),
        lambda x: np.extract([True, True], x),
        lambda x: np.nan_to_num(x),
        lambda x: x.astype(float),
        lambda x: np.triu(x[None])[0],
        lambda x: np.vander(x, 2, increasing=True)[:, 1],
    ],
)
def test_what_numpy_copies_is_a_copy(copy):
    def f(x):
        y = x.copy()
        z = copy(y)
        y[:] = 0.0
        return np.sum(z)

    assert f(np.ones(2)) == 2.0
    assert np.array_equal(hd.grad(f)(np.ones(2)), np.ones(2))
