"""Casting: broadcasting undone, tangents and cotangents to the dtype of what they belong to."""

import numpy as np
import pytest

from hodiff.casting import convert, fit_tangent, unbroadcast
from hodiff.errors import RuleError

F4, F8, C8, C16 = (np.dtype(c) for c in ("f4", "f8", "c8", "c16"))


@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((), (2, 3)),
        ((), ()),
        ((3,), (3,)),
        ((3,), (2, 3)),
        ((1,), (3,)),
        ((2, 1), (2, 3)),
        ((1, 3), (2, 3)),
        ((1, 1), (2, 3)),
        ((3, 1), (2, 3, 4)),
        ((1, 3, 1), (2, 3, 4)),
        ((0,), (2, 0)),
        ((1,), (0,)),
        ((1,), (1, 1)),
    ],
)
def test_unbroadcast_is_the_transpose_of_broadcasting(shape, target):
    rng = np.random.default_rng(0)
    x, ct = rng.normal(size=shape), rng.normal(size=target)
    result = unbroadcast(ct, shape, F8)
    assert np.shape(result) == shape
    np.testing.assert_allclose(np.sum(result * x), np.sum(ct * np.broadcast_to(x, target)), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("shape", "value_shape"), [((2, 3), ()), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), (1, 1)), ((3,), (1,))]
)
def test_a_cotangent_smaller_than_its_operand_is_spread(shape, value_shape):
    # As a rule such as `ct * 2` of a scalar cotangent for a sum returns it.
    value = np.random.default_rng(0).normal(size=value_shape)
    np.testing.assert_array_equal(unbroadcast(value, shape, F8), np.broadcast_to(value, shape))


def test_a_cotangent_both_smaller_and_larger():
    value = np.arange(6.0).reshape(2, 3, 1)
    # The operand (3, 4) was broadcast to (2, 3, 4).
    result = unbroadcast(value, (3, 4), F8)
    np.testing.assert_array_equal(result, np.broadcast_to(value.sum(0), (3, 4)))


@pytest.mark.parametrize(("value_shape", "shape"), [((2,), (3,)), ((3, 2), (3, 4)), ((2, 3), (3, 2)), ((4,), (2, 3))])
def test_shapes_that_do_not_fit_name_the_rule(value_shape, shape):
    with pytest.raises(
        RuleError, match=r"my_rule: .*cotangent of shape \(.*\) for an operand of shape \(.*\); a transpose"
    ):
        unbroadcast(np.ones(value_shape), shape, F8, "my_rule")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (F8, F8, F8),
        (F8, F4, F4),
        (F4, F8, F8),
        (C16, F8, F8),
        (C16, F4, F4),
        (F8, C16, C16),
        (C8, C16, C16),
        (C16, C8, C8),
    ],
)
def test_convert(source, target, expected):
    value = (np.array([1.5, 2.0]) * (1 + 2j if source.kind == "c" else 1)).astype(source)
    result = convert(value, target)
    assert result.dtype == expected
    np.testing.assert_array_equal(result, value if target.kind == "c" else value.real)


def test_convert_returns_what_fits_as_it_is():
    value = np.ones(2)
    assert convert(value, F8) is value


def test_complex_to_real_raises_no_warning():
    assert convert(np.complex128(1 + 2j), F8) == 1.0
    assert isinstance(convert(np.complex128(1 + 2j), F8), np.float64)


@pytest.mark.parametrize(("tangent", "shape"), [((), (2, 3)), ((3,), (2, 3)), ((2, 1), (2, 3)), ((2, 3), (2, 3))])
def test_fit_tangent(tangent, shape):
    value = np.ones(tangent)
    result = fit_tangent(value, shape, F4)
    assert result.shape == shape
    assert result.dtype == F4
    assert fit_tangent(np.ones((2, 3)), (2, 3), F8).dtype == F8
