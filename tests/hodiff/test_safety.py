"""Nothing goes stale and nothing slips past: captured arrays, aliases, parameters, odd arrays, declarations."""

import copy
import pickle

import numpy as np
import pytest

import hodiff as hd
from hodiff import errors
from hodiff.extend import composite, elementwise, general, linear


def reused_buffer(x):
    w, total = np.zeros(3), 0.0
    for i in range(3):
        w[:] = 0
        w[i] = i + 1
        total = total + np.sum(x * w)
    return total


def reused_mask(x):
    mask, total = np.zeros(3, bool), 0.0
    for i in range(3):
        mask[:] = False
        mask[i] = True
        total = total + (i + 1) * np.sum(np.where(mask, x, 0.0))
    return total


def reused_index(x):
    index, total = np.zeros(1, int), 0.0
    for i in range(3):
        index[0] = i
        total = total + (i + 1) * np.sum(x[index])
    return total


def reused_matrix(x):
    w, y = np.eye(3), x
    for _ in range(2):
        w *= 2
        y = w @ y
    return np.sum(y * np.array([1.0, 2.0, 3.0])) / 8


@pytest.mark.parametrize("f", [reused_buffer, reused_mask, reused_index, reused_matrix])
def test_an_array_that_f_changes_later_does_not_change_the_gradient(f):
    x = np.ones(3)
    np.testing.assert_array_equal(hd.grad(f)(x), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(hd.jvp(f, (x,), (x,))[1], 6.0)
    np.testing.assert_array_equal(hd.vmap(hd.grad(f))(x[None])[0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("record", [lambda f, x: hd.vjp(f, x)[1], lambda f, x: hd.linearize(f, x)[1]])
def test_the_recorded_map_survives_changes_of_input_and_output(record):
    x = np.ones(2)
    apply = record(lambda x: x * x, x)
    x[:] = 100.0
    np.testing.assert_array_equal(np.ravel(apply(np.ones(2))), [2.0, 2.0])
    y = np.zeros(2)
    out, pullback = hd.vjp(np.exp, y)
    out *= 0
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [1.0, 1.0])


def test_results_of_vmap_share_no_memory():
    x = np.arange(4.0).reshape(2, 2)
    y = hd.vmap(lambda x: x[::-1])(x)
    y[0] = 99.0
    np.testing.assert_array_equal(x, [[0.0, 1.0], [2.0, 3.0]])
    a, b = hd.vmap(lambda x: (x * 1,) * 2)(x)
    a[:] = 7.0
    np.testing.assert_array_equal(b, x)
    assert hd.vmap(lambda x: np.broadcast_to(x, (2,)))(np.ones(3)).flags.writeable


leaky = elementwise(
    lambda x, slope=0.1: np.where(x > 0, x, slope * x),
    lambda ans, x, slope=0.1: np.where(x > 0, 1.0, slope),
    name="leaky",
)


def test_parameters_of_an_elementwise_primitive_reach_its_partials():
    for slope in (0.1, 0.5):
        assert hd.grad(lambda x: leaky(x, slope=slope))(-1.0) == slope  # noqa: B023
        assert hd.jvp(lambda x: leaky(x, slope=slope), (-1.0,), (1.0,))[1] == slope  # noqa: B023
    np.testing.assert_allclose(hd.hessian(lambda x: leaky(x, slope=0.5) ** 2)(-1.0), 0.5)
    np.testing.assert_allclose(hd.vmap(hd.grad(lambda x: leaky(x, slope=0.5)))(np.array([-1.0, 1.0])), [0.5, 1.0])


scale = linear(lambda x, s: x * s, lambda ct, x, s: ct * s, name="scale", leading=True)


@pytest.mark.parametrize(
    "run",
    [
        lambda: hd.grad(lambda s: scale(2.0 * s, s=s))(2.0),
        lambda: hd.jvp(lambda s: scale(2.0 * s, s=s), (2.0,), (1.0,)),
        lambda: hd.vmap(lambda x, s: scale(x, s=s))(np.ones((3, 3)), np.arange(3.0)),
    ],
)
def test_a_traced_parameter_is_refused(run):
    with pytest.raises(errors.RuleError, match=r"scale: the parameter 's' is a traced value"):
        run()


def test_a_function_that_captures_a_traced_value_is_refused():
    def f(a):
        return np.sum(elementwise(lambda x: x * a, lambda ans, x: 2.0, name="sly")(3.0 * a))

    with pytest.raises(errors.RuleError, match=r"sly: its function uses a traced value that is not among its operands"):
        hd.value_and_grad(f)(2.0)


def test_lists_are_operands_like_arrays():
    x = np.arange(3.0)
    mask = [True, False, True]
    np.testing.assert_array_equal(hd.vmap(lambda x: np.where(mask, x, 0.0))(x), np.where(mask, x[:, None], 0.0))
    twice = elementwise(lambda x, y: x * y, lambda ans, x, y: y, lambda ans, x, y: x, name="twice")
    np.testing.assert_array_equal(hd.vmap(lambda x: twice(x, [1.0, 2.0]))(x), x[:, None] * np.array([1.0, 2.0]))


def objects(x):
    values = np.empty(2, object)
    values[0], values[1] = x, x * x
    return np.sum(x * values)


@pytest.mark.parametrize(
    "run",
    [
        lambda: hd.grad(objects)(2.0),
        lambda: hd.jvp(objects, (2.0,), (1.0,)),
        lambda: hd.vmap(objects)(np.ones(2)),
        lambda: hd.grad(lambda x: np.sum(x * np.array([1, 2, 3], object)))(np.ones(3)),
        lambda: hd.grad(lambda x: np.sum((x - np.ma.array([1.0, 2.0], mask=[0, 1])) ** 2))(np.ones(2)),
    ],
)
def test_object_and_masked_arrays_are_refused(run):
    with pytest.raises(errors.ConversionError, match=r"np\.stack"):
        run()


def test_an_array_of_shape_nothing_is_not_rebound_in_place():
    def f(x):
        y = x
        y += 1.0
        return x * 1.0

    with pytest.raises(errors.InPlaceError, match="argument of the function"):
        hd.grad(f)(np.array(1.0))
    assert hd.value_and_grad(f)(1.0) == (1.0, 1.0)  # a number is rebound, as NumPy scalars are


@pytest.mark.parametrize("f", [lambda x: np.remainder(x, 2.0), lambda x: np.ones(2), lambda x: x + 1.0, np.linalg.inv])
def test_linear_transpose_refuses_what_is_not_linear(f):
    with pytest.raises(errors.NotLinearError):
        hd.linear_transpose(f, np.eye(2))(np.eye(2))


def test_forward_mode_is_silent_where_the_function_is():
    assert hd.jvp(lambda x: x * np.sqrt(x), (0.0,), (1.0,)) == (0.0, 0.0)


def test_a_batching_rule_without_the_batch_is_named():
    wrong = elementwise(np.cumsum, lambda ans, x: 1.0, name="wrong")
    with pytest.raises(errors.RuleError, match=r"wrong: its batching rule returned shape \(6,\) for a batch of 2"):
        hd.vmap(wrong)(np.ones((2, 3)))


@pytest.mark.parametrize(
    "declare",
    [
        lambda: elementwise(3, 1),
        lambda: elementwise(lambda x: x, 2),
        lambda: elementwise(lambda x: x, 2.0),
        lambda: linear(lambda x: x, variadic=True),
        lambda: general(lambda x: x, leading=True, core=1),
        lambda: composite(np.isscalar)(lambda x: x),
        lambda: composite(np.array)(lambda x: x),
    ],
)
def test_a_wrong_declaration_fails_at_once(declare):
    with pytest.raises(errors.RuleError):
        declare()


@hd.grad
def decorated(x):
    return x**3


def test_primitives_copy_and_decorated_functions_pickle():
    assert copy.deepcopy(leaky) is leaky
    assert pickle.loads(pickle.dumps(decorated))(2.0) == 12.0
    assert pickle.loads(pickle.dumps(leaky)) is leaky
