"""Shapes and axes as tuples."""

import numpy as np
import pytest

from hodiff.shaped import (
    Shaped,
    broadcast_axes,
    is_inexact,
    keepdims_shape,
    negative_axes,
    negative_axis,
    shaped,
)


def test_shaped_has_the_attributes_of_an_array():
    value = Shaped((2, 3), np.dtype(float))
    assert (value.shape, value.ndim, value.size, value.dtype) == ((2, 3), 2, 6, np.float64)
    assert Shaped((), np.dtype(int)).size == 1
    assert Shaped((2, 0), np.dtype(int)).size == 0


@pytest.mark.parametrize(
    ("value", "shape", "dtype"),
    [
        (1, (), np.int64),
        (1.0, (), np.float64),
        (1j, (), np.complex128),
        (True, (), np.bool_),
        (np.float32(1), (), np.float32),
        (np.zeros((2, 3), np.float32), (2, 3), np.float32),
        ([1.0, 2.0], (2,), np.float64),
        (Shaped((4,), np.dtype(int)), (4,), np.int64),
    ],
)
def test_shaped_of_anything(value, shape, dtype):
    assert shaped(value) == Shaped(shape, np.dtype(dtype))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("f2", True), ("f4", True), ("g", True), ("c8", True), ("i8", False), ("u1", False), ("?", False), ("O", False)],
)
def test_floats_and_complex_numbers_carry_derivatives(dtype, expected):
    assert is_inexact(np.dtype(dtype)) is expected


@pytest.mark.parametrize(
    ("axis", "ndim", "expected"), [(0, 3, -3), (2, 3, -1), (-1, 3, -1), (-3, 3, -3), (np.int64(1), 2, -1)]
)
def test_negative_axis(axis, ndim, expected):
    assert negative_axis(axis, ndim, "f") == expected


@pytest.mark.parametrize(("axis", "ndim"), [(3, 3), (-4, 3), (0, 0)])
def test_an_axis_out_of_bounds_names_the_function(axis, ndim):
    with pytest.raises(
        np.exceptions.AxisError, match=rf"numpy\.f: axis {axis} is out of bounds for array of dimension {ndim}"
    ):
        negative_axis(axis, ndim, "numpy.f")


@pytest.mark.parametrize("axis", [1.0, "0", None])
def test_an_axis_that_is_no_integer(axis):
    with pytest.raises(TypeError):
        negative_axis(axis, 2, "f")


@pytest.mark.parametrize(
    ("axis", "expected"),
    [(None, (-3, -2, -1)), (1, (-2,)), ((0, -1), (-3, -1)), ([2, 0], (-1, -3)), ((), ())],
)
def test_negative_axes(axis, expected):
    assert negative_axes(axis, 3, "f") == expected


@pytest.mark.parametrize("axis", [(0, 0), (0, -3), (1, 1, 2)])
def test_an_axis_twice(axis):
    with pytest.raises(ValueError, match="f: duplicate value in 'axis'"):
        negative_axes(axis, 3, "f")


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((), None), ((3,), 0), ((2, 3), None), ((2, 3), -1), ((2, 3, 4), (0, -1)), ((2, 3, 4), ()), ((1, 2, 1), 1)],
)
def test_keepdims_shape_is_numpys(shape, axis):
    expected = np.ones(shape).sum(axis=axis, keepdims=True).shape
    assert keepdims_shape(shape, negative_axes(axis, len(shape), "f")) == expected


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((), (2, 3)),
        ((3,), (2, 3)),
        ((3, 1), (2, 3, 4)),
        ((1,), (4,)),
        ((1, 1), (1, 5)),
        ((2, 3), (2, 3)),
        ((1,), (1, 1)),
    ],
)
def test_broadcast_axes_undo_broadcasting(source, target):
    leading, stretched = broadcast_axes(source, target)
    assert all(axis < 0 for axis in leading + stretched)
    ones = np.ones(target)
    summed = ones.sum(axis=stretched, keepdims=True).sum(axis=leading)
    assert summed.shape == source
    assert summed.sum() == ones.sum()
