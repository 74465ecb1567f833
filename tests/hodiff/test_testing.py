"""check_grads: passes right derivatives, and names argument, order and mode of wrong ones of every kind."""

import re
from collections import namedtuple

import numpy as np
import pytest

import hodiff as hd
from hodiff.extend import elementwise, general, linear, multilinear
from hodiff.testing import check_grads

ALL = ("fwd", "rev", "batch")
Pair = namedtuple("Pair", "left right")


def rows(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


# --- right derivatives pass ------------------------------------------------------------------------------------------

RIGHT = {
    "scalar": (lambda x: np.sin(x) * x, (0.7,)),
    "python-float-result": (lambda x: 2.0, (0.7,)),
    "two-arguments": (lambda x, y: np.sum(x * np.exp(y)), (rows(3), 0.5)),
    "tree": (
        lambda p: {"a": np.sin(p["w"][0]) * p["w"][1], "b": (p["w"][1] @ p["w"][1], 1)},
        ({"w": [np.float64(0.3), rows(3)], "none": None},),
    ),
    "namedtuple": (lambda p: Pair(p.left * p.right, p.left), (Pair(rows(2), rows(2, seed=1)),)),
    "integers-held-fixed": (lambda x, n, flag: x**n if flag else x, (rows(2), 3, True)),
    "integer-result-left-out": (lambda x: (np.argmax(x), x * x), (rows(3),)),
    "large": (lambda x: x * x, (1e8,)),
    "large-oscillating": (np.sin, (1e8,)),
    "small": (np.log, (np.array([1e-3, 1e-6]),)),
    "zero": (np.cos, (np.zeros(2),)),
    "fast": (lambda x: np.sin(300 * x), (0.77,)),
    "offset": (lambda x: x + 1e10, (1.0,)),
    "near-the-edge-of-the-domain": (np.arcsin, (0.9999,)),
    "empty": (lambda x: x * 2, (np.zeros((0, 3)),)),
    "matrix": (lambda a, b: np.tanh(a @ b), (rows(2, 3), rows(3, 2))),
    "complex-to-real": (lambda z: np.real(z * z * np.conjugate(z)), (rows(2) + 1j * rows(2, seed=1),)),
    "holomorphic": (lambda z: z**3 * np.exp(z), (rows(2) - 0.5j,)),
    "complex-and-real": (lambda z, x: z * x, (rows(2) + 1j, rows(2))),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass(name):
    function, args = RIGHT[name]
    check_grads(function, args, modes=ALL)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128])
def test_every_precision_passes_with_its_default_tolerance(dtype):
    check_grads(lambda x: np.exp(x) / (1 + x * x), (rows(3).astype(dtype),), modes=ALL)


def test_higher_orders():
    check_grads(lambda x: np.exp(np.sin(x)), (0.5,), order=4)
    check_grads(lambda x, y: np.prod(x) * y, (rows(3), 0.5), order=3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_error_is_caught_at_the_default_tolerance(dtype):
    error = 1e-2 if dtype is np.float32 else 1e-5
    slightly = elementwise(lambda x: np.sin(x), lambda ans, x: np.cos(x) * (1 + error), name="slightly")
    with pytest.raises(AssertionError, match="order 1, mode fwd, argument 0"):
        check_grads(slightly, (rows(3).astype(dtype),))


# --- wrong rules of each kind ----------------------------------------------------------------------------------------


def two_operands(partial):
    return elementwise(lambda x, y: x**2 * y, lambda ans, x, y: 2 * x * y, partial, name="two_operands")


reverse_wrongly = linear(
    lambda x: np.roll(x, 1, axis=-1), lambda ct, x: np.roll(ct, 1, axis=-1), name="reverse_wrongly", leading=True
)
second_transpose = multilinear(
    lambda x, y: x * y[..., ::-1],
    lambda ct, x, y: ct * y[..., ::-1],
    lambda ct, x, y: ct * x,
    name="second_transpose",
    core=1,
)
first_axis = linear(
    lambda x: np.cumsum(x, axis=0),
    lambda ct, x: np.cumsum(ct[::-1], axis=0)[::-1],
    name="first_axis",
    leading=True,
)
wrong_jvp = general(lambda x: x**3, lambda t, ans, x: 3 * x * t, name="wrong_jvp", core=0)
second_jvp = general(
    lambda x, y: x * np.exp(y), lambda t, ans, x, y: t * np.exp(y), lambda t, ans, x, y: t, name="second_jvp", core=0
)
wrong_second_order = elementwise(
    lambda x: np.sin(x), lambda ans, x: np.cos(hd.stop_gradient(x)), name="wrong_second_order"
)
wrong_second_jvp = general(
    lambda x: x**3, lambda t, ans, x: 3 * hd.stop_gradient(x) ** 2 * t, name="wrong_second_jvp", core=0
)
infinite = elementwise(lambda x: x**2, lambda ans, x: 2 * x / (x * 0), name="infinite")
missing = elementwise(lambda x, y: x * y, lambda ans, x, y: y, None, name="missing")

WRONG = {
    "elementwise-partial": (
        two_operands(lambda ans, x, y: x),
        (rows(3), rows(3)),
        "order 1, mode fwd, argument 1: the derivative along a random direction",
    ),
    "elementwise-zero-partial": (missing, (rows(3), rows(3)), "order 1, mode fwd, argument 1: "),
    "elementwise-infinite": (infinite, (0.5,), "order 1, mode fwd, argument 0: the derivative"),
    "linear-transpose": (reverse_wrongly, (rows(3),), "order 1, mode rev, argument 0: the derivative"),
    "multilinear-transpose": (second_transpose, (rows(3), rows(3)), "order 1, mode rev, argument 1: the derivative"),
    "general-jvp": (wrong_jvp, (rows(2),), "order 1, mode fwd, argument 0: the derivative"),
    "general-jvp-of-second": (second_jvp, (0.5, 0.5), "order 1, mode fwd, argument 1: the derivative"),
    "constant-partial": (wrong_second_order, (rows(2),), "order 2, mode fwd of fwd, argument 0: the derivative"),
    "constant-jvp": (wrong_second_jvp, (rows(2),), "order 2, mode fwd of fwd, argument 0: the derivative"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_caught(name):
    function, args, message = WRONG[name]
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_grads(function, args)


@pytest.mark.parametrize("name", ["elementwise-partial", "general-jvp", "linear-transpose", "multilinear-transpose"])
def test_a_wrong_rule_is_caught_in_reverse_mode(name):
    function, args, _ = WRONG[name]
    with pytest.raises(AssertionError, match="order 1, mode rev, argument"):
        check_grads(function, args, modes=("rev",))


@pytest.mark.parametrize(
    ("modes", "mixture"), [(("fwd",), "fwd of fwd"), (("rev",), "rev of rev"), (("rev", "fwd"), "fwd of rev")]
)
def test_a_wrong_second_derivative_names_the_mixture(modes, mixture):
    with pytest.raises(AssertionError, match=f"order 2, mode {mixture}, argument 0: "):
        check_grads(wrong_second_order, (rows(2),), modes=modes)


def test_the_first_order_of_a_wrong_second_derivative_passes():
    check_grads(wrong_second_order, (rows(2),), order=1)
    check_grads(wrong_second_jvp, (rows(2),), order=1)


def test_a_wrong_leading_is_caught_by_the_mode_batch():
    check_grads(first_axis, (rows(4),))
    with pytest.raises(AssertionError, match="order 1, mode batch, argument 0: the batched value"):
        check_grads(first_axis, (rows(4),), modes=("batch",))


def test_a_wrong_leading_of_a_derivative_is_caught_by_the_mode_batch():
    # The function is batched rightly; its derivative applies an operation that is not.
    outer = general(
        lambda x: np.cumsum(x, axis=0) ** 2, lambda t, ans, x: 2 * first_axis(x) * first_axis(t), name="outer"
    )
    check_grads(outer, (rows(4),))
    check_grads(outer, (rows(4),), order=1, modes=ALL)
    with pytest.raises(AssertionError, match=r"order 2, mode batch of (fwd|rev), argument 0: the batched value"):
        check_grads(outer, (rows(4),), modes=ALL)


def test_a_transpose_that_forgets_that_one_operand_may_be_batched_is_caught_by_the_mode_batch():
    # With x alone batched, w keeps its shape, and the cotangent has an axis that w does not have.
    total = multilinear(
        lambda w, x: (w * x).sum(axis=-1),
        lambda ct, w, x: (ct if len(w.shape) == 1 else ct[..., None]) * x,
        lambda ct, w, x: (ct if len(x.shape) == 1 else ct[..., None]) * w,
        name="total",
        core=0,
    )
    check_grads(total, (rows(3), rows(3)))
    with pytest.raises(AssertionError, match=r"order 2, mode rev of batch, argument \d: the derivative"):
        check_grads(total, (rows(3), rows(3)), modes=ALL)


# --- what the message says -------------------------------------------------------------------------------------------


def test_the_message_names_position_and_leaf():
    args = (1.0, {"a": [rows(2), rows(2)], "b": rows(2)})
    with pytest.raises(AssertionError, match=re.escape("argument 1, leaf ['a'][1]: the derivative")):
        check_grads(lambda x, t: x * t["a"][0] + wrong_jvp(t["a"][1]) + t["b"], args)


def test_the_message_names_result_element_and_both_values():
    with pytest.raises(AssertionError) as caught:
        check_grads(lambda x: (x, wrong_jvp(x)), (np.array([1.0, 2.0]),))
    text = str(caught.value)
    assert "result leaf 1: the derivative along a random direction[1] is " in text
    # Right is 12 t, the wrong rule gives 6 t.
    found, expected = (float(v) for v in re.search(r" is (\S+) where a numerical one is (\S+) ", text).groups())
    np.testing.assert_allclose(expected / found, 2, rtol=1e-6)


def test_together_is_named_when_only_the_mixture_is_wrong():
    def f(x, y):
        both = not isinstance(x, np.generic) and not isinstance(y, np.generic)
        return x * y * (2.0 if both else 1.0)

    with pytest.raises(AssertionError, match="all of argument 0, argument 1 together"):
        check_grads(f, (0.5, 0.7))


def test_a_value_that_differs_under_a_derivative_is_caught():
    def f(x):
        return x if isinstance(x, np.ndarray) else x + hd.stop_gradient(x)

    with pytest.raises(AssertionError, match="order 1, mode fwd, argument 0: the value"):
        check_grads(f, (rows(2),))


def test_shapes_and_dtypes_are_compared():
    def f(x):
        return x if isinstance(x, np.ndarray) else x.astype(np.float64)

    with pytest.raises(AssertionError, match=r"has shape .* and dtype float64, but must have .* float32"):
        check_grads(f, (rows(2).astype(np.float32),))


def test_tolerances_are_what_they_say():
    slightly = elementwise(lambda x: np.sin(x), lambda ans, x: np.cos(x) * 1.001, name="slightly")
    check_grads(slightly, (0.5,), order=1, rtol=1e-2)
    check_grads(slightly, (0.5,), order=1, atol=1e-2)
    with pytest.raises(AssertionError, match="order 1"):
        check_grads(slightly, (0.5,), order=1, rtol=1e-4, atol=1e-5)


def test_the_check_is_reproducible():
    texts = []
    for _ in range(2):
        with pytest.raises(AssertionError) as caught:
            check_grads(wrong_jvp, (rows(2),))
        texts.append(str(caught.value))
    assert texts[0] == texts[1]


# --- bad calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modes", [("fwd", "reverse"), "reverse", ("jvp",)])
def test_an_unknown_mode_is_named(modes):
    wrong = modes if isinstance(modes, str) else modes[-1]
    with pytest.raises(ValueError, match=f"unknown mode '{wrong}'.*'fwd', 'rev' and 'batch'"):
        check_grads(np.sin, (0.5,), modes=modes)


def test_one_mode_may_be_a_string():
    with pytest.raises(AssertionError, match="mode rev,"):
        check_grads(reverse_wrongly, (rows(3),), modes="rev")


@pytest.mark.parametrize("order", [0, -1, 1.5, "2", True, None])
def test_an_order_below_one_is_named(order):
    with pytest.raises(ValueError, match=f"order must be a positive integer, got {order!r}"):
        check_grads(np.sin, (0.5,), order=order)


def test_no_modes():
    with pytest.raises(ValueError, match="modes is empty"):
        check_grads(np.sin, (0.5,), modes=())


@pytest.mark.parametrize("args", [(), (3,), (np.arange(3), True)])
def test_nothing_to_differentiate(args):
    with pytest.raises(ValueError, match="args holds no float"):
        check_grads(lambda *a: 1.0, args)


def test_args_that_are_no_tuple():
    with pytest.raises(TypeError, match=r"args must be a tuple of arguments, such as \(x,\), got float"):
        check_grads(np.sin, 0.5)
