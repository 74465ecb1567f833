"""vmap: axes and trees of axes, results that do not depend on the batch, agreement with a loop, errors."""

from collections import namedtuple

import numpy as np
import pytest

import hodiff as hd
from hodiff.errors import BatchAxisError, ControlFlowError, ConversionError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
Y = RNG.normal(size=(5, 3))
Pair = namedtuple("Pair", "left right")


def close(actual, expected):
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(actual, expected, rtol=1e-13, atol=1e-15)


# --- in_axes and out_axes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3, np.int64(1)], ids=str)
def test_any_axis_may_be_the_batch(axis):
    x = RNG.normal(size=(2, 3, 4))
    expected = np.stack([np.cumsum(part.T) for part in np.moveaxis(x, axis, 0)])
    close(hd.vmap(lambda a: np.cumsum(a.T), in_axes=axis)(x), expected)
    close(hd.vmap(lambda a: np.cumsum(a.T), in_axes=(axis,))(x), expected)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_any_axis_of_the_result_may_be_the_batch(axis):
    result = hd.vmap(np.outer, out_axes=axis)(X, Y)
    close(result, np.moveaxis(np.stack([np.outer(x, y) for x, y in zip(X, Y, strict=True)]), 0, axis))


def test_arguments_that_are_not_batched():
    a = RNG.normal(size=(4, 3))
    close(hd.vmap(lambda a, x: a @ x, in_axes=(None, 0))(a, X), X @ a.T)
    close(hd.vmap(lambda x, text: x * len(text), in_axes=(0, None))(X, "ab"), 2 * X)
    close(hd.vmap(lambda x, n: x**n, in_axes=(0, None))(X, 3), X**3)


def test_in_axes_may_be_a_list():
    close(hd.vmap(np.multiply, in_axes=[0, None])(X, 2.0), 2 * X)


def test_trees_of_in_axes():
    tree = {"a": X, "b": (Y.T, np.float64(2.0))}

    def f(t, s):
        return t["a"] @ t["b"][0] * t["b"][1] * s

    expected = np.einsum("ij,ij->i", X, Y) * 2 * 3
    close(hd.vmap(f, in_axes=({"a": 0, "b": (1, None)}, None))(tree, 3.0), expected)
    close(hd.vmap(f, in_axes=({"a": 0, "b": (-1, None)}, 0))(tree, np.full(5, 3.0)), expected)


def test_a_prefix_of_the_tree_serves_all_below_it():
    tree = {"a": [X, Y], "b": Pair(np.float64(2.0), np.ones(3))}

    def f(t):
        return (t["a"][0] + t["a"][1]) * t["b"].left + t["b"].right

    close(hd.vmap(f, in_axes=({"a": 0, "b": None},))(tree), 2 * (X + Y) + 1)


def test_none_in_an_argument():
    close(hd.vmap(lambda t: t[0] * 2)((X, None)), 2 * X)


def test_trees_of_out_axes():
    result = hd.vmap(lambda x: {"p": x, "q": (x[0], np.sum(x))}, out_axes={"p": 1, "q": 0})(X)
    close(result["p"], X.T)
    close(result["q"][0], X[:, 0])
    close(result["q"][1], X.sum(1))


def test_results_that_do_not_depend_on_the_batch():
    row = np.array([1.0, 2.0])
    result = hd.vmap(lambda x: (row, 3.0, x))(X)
    close(result[0], np.tile(row, (5, 1)))
    close(result[1], np.full(5, 3.0))
    result[0][0, 0] = 9.0
    close(row, np.array([1.0, 2.0]))
    first, second = hd.vmap(lambda x: (x, row), out_axes=(0, None))(X)
    close(first, X)
    assert second is row


def test_keyword_arguments_are_batched_along_axis_0():
    close(hd.vmap(lambda x, *, y: x * y)(X, y=Y), X * Y)
    close(hd.vmap(lambda *, y: y["k"] * 2)(y={"k": Y}), 2 * Y)


def test_python_scalars_and_lists_of_results():
    close(hd.vmap(lambda x: [x[0], 2 * x[1]])(X)[1], 2 * X[:, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex64, np.int64, np.bool_])
def test_dtypes_are_those_of_a_loop(dtype):
    x = (X > 0).astype(dtype) if dtype in (np.bool_, np.int64) else X.astype(dtype)
    expected = np.stack([np.where(part == 1, part, part * part) for part in x])
    result = hd.vmap(lambda a: np.where(a == 1, a, a * a))(x)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_an_empty_batch():
    close(hd.vmap(lambda x: np.sum(np.sin(x)))(np.ones((0, 3))), np.zeros(0))
    close(hd.vmap(hd.grad(lambda x: np.sum(np.sin(x))))(np.ones((0, 3))), np.zeros((0, 3)))


def test_nested():
    close(
        hd.vmap(hd.vmap(lambda a, b: a * b, in_axes=(None, 0)), in_axes=(0, None))(X[:, 0], Y[:, 0]),
        np.outer(X[:, 0], Y[:, 0]),
    )
    x = RNG.normal(size=(2, 3, 4))
    close(hd.vmap(hd.vmap(np.sum))(x), x.sum(-1))
    close(hd.vmap(hd.vmap(hd.vmap(np.exp)))(x), np.exp(x))
    close(hd.vmap(hd.vmap(np.dot, in_axes=1, out_axes=0), in_axes=0)(x, x), np.einsum("bij,bij->bj", x, x))


# --- agreement with a loop -------------------------------------------------------------------------------------------

M = RNG.normal(size=(3, 3))
PROGRAMS = {
    "broadcast-against-constant": lambda x, y: x[:, None] * M + y,
    "constant-first": lambda x, y: M - x,
    "higher-constant": lambda x, y: np.ones((2, 3, 3)) * x + y[:, None],
    "reductions": lambda x, y: np.sum(x) * np.max(y) + np.mean(x * y) - np.std(x),
    "matmul": lambda x, y: M @ x + y @ M,
    "outer": lambda x, y: np.outer(x, y) @ M,
    "where": lambda x, y: np.where(x > y, x, y * 2),
    "where-constant-condition": lambda x, y: np.where(M > 0, x, y[:, None]),
    "index-by-batch": lambda x, y: (
        np.take_along_axis(x, np.argsort(y), axis=0) * np.take_along_axis(M[0], np.argsort(x), axis=0)
    ),
    "index": lambda x, y: x[[2, 0]] * y[1:] + x[None, 0],
    "concatenate": lambda x, y: np.concatenate([x, np.ones(2), y]),
    "stack": lambda x, y: np.stack([x, y, np.ones(3)], axis=1),
    "reshape": lambda x, y: np.reshape(np.outer(x, y), (9,))[::2],
    "clip": lambda x, y: np.clip(x, -0.5, y),
    "scalars": lambda x, y: x[0] * y[1] ** 2 + 3,
    "comparison": lambda x, y: (x > y) * 1.0,
    "list-operand": lambda x, y: x * [1.0, 2.0, 3.0],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_vmap_is_a_loop(name):
    f = PROGRAMS[name]
    close(hd.vmap(f)(X, Y), np.stack([f(x, y) for x, y in zip(X, Y, strict=True)]))
    close(hd.vmap(f, in_axes=(0, None))(X, Y[0]), np.stack([f(x, Y[0]) for x in X]))
    close(hd.vmap(f, in_axes=(None, 0))(X[0], Y), np.stack([f(X[0], y) for y in Y]))


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "comparison"])
def test_vmap_of_a_gradient_is_a_loop(name):
    gradient = hd.grad(lambda x, y: np.sum(np.sin(PROGRAMS[name](x, y))), (0, 1))
    result = hd.vmap(gradient)(X, Y)
    expected = [gradient(x, y) for x, y in zip(X, Y, strict=True)]
    for i in range(2):
        close(result[i], np.stack([e[i] for e in expected]))


@pytest.mark.parametrize("name", [n for n in PROGRAMS if n != "comparison"])
def test_gradient_of_vmap_is_the_sum_of_gradients(name):
    f = PROGRAMS[name]
    result = hd.grad(lambda x, y: np.sum(np.sin(hd.vmap(f, in_axes=(0, None))(x, y))), (0, 1))(X, Y[0])
    gradient = hd.grad(lambda x, y: np.sum(np.sin(f(x, y))), (0, 1))
    expected = [gradient(x, Y[0]) for x in X]
    np.testing.assert_allclose(result[0], np.stack([e[0] for e in expected]), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(result[1], sum(e[1] for e in expected), rtol=1e-12, atol=1e-13)


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_axes", "message"),
    [
        ((0, 0, 0), r"in_axes has 3 entries, but the function was called with 2 positional"),
        (2, r"has no axis 2 to batch over; use in_axes=None"),
        ((0, -3), r"has no axis -3 to batch over"),
        ((None, None), r"at least one argument must be batched"),
        (None, r"at least one argument must be batched"),
        (({"a": 0}, 0), r"in_axes=.* is not a prefix of the tree it belongs to"),
        (((0, 0), 0), r"in_axes=.* is not a prefix of the tree it belongs to"),
        ((0, 1), r"the batch axes have different lengths"),
    ],
)
def test_in_axes_that_do_not_fit(in_axes, message):
    with pytest.raises(BatchAxisError, match=message):
        hd.vmap(np.add, in_axes=in_axes)(X, Y)


@pytest.mark.parametrize("axes", [0.5, "0", (0, "x")])
def test_axes_that_are_no_integers(axes):
    with pytest.raises(BatchAxisError, match="in_axes must be integers, None, or trees of them"):
        hd.vmap(np.add, in_axes=axes)
    with pytest.raises(BatchAxisError, match="out_axes must be integers, None, or trees of them"):
        hd.vmap(np.add, out_axes=axes)


@pytest.mark.parametrize(
    ("out_axes", "message"),
    [
        (2, r"out_axes=2 is out of bounds for a batched result of 2 axes"),
        (-3, r"out_axes=-3 is out of bounds"),
        (None, r"out_axes=None was given for a result that depends on the batch"),
        ((0, 0), r"out_axes=\(0, 0\) is not a prefix of the tree"),
    ],
)
def test_out_axes_that_do_not_fit(out_axes, message):
    with pytest.raises(BatchAxisError, match=message):
        hd.vmap(lambda x: x * 2, out_axes=out_axes)(X)


def test_different_lengths_name_both():
    with pytest.raises(BatchAxisError, match=r"different lengths.*5.*shape \(5, 3\).*4.*shape \(4,\)"):
        hd.vmap(lambda x, y: x * y)(X, np.ones(4))


def test_scalars_cannot_be_batched():
    with pytest.raises(BatchAxisError, match=r"leaf 1 of shape \(\) has no axis 0 to batch over"):
        hd.vmap(lambda x, y: x * y)(X, 2.0)
    with pytest.raises(BatchAxisError, match=r"leaf 0 of type str has no axis 0"):
        hd.vmap(lambda x, y: y)("text", X)


def test_results_that_are_no_arrays():
    with pytest.raises(BatchAxisError, match=r"must return numbers, arrays or trees of them, got str"):
        hd.vmap(lambda x: "text")(X)


BRANCHES = {
    "if": lambda x: x if x[0] > 0 else -x,
    "and": lambda x: x * ((x[0] > 0) and (x[1] > 0)),
    "while": lambda x: _halve(x),
    "int": lambda x: x * int(x[0]),
    "range": lambda x: sum(x[0] for _ in range(np.argmax(x))),
    "python-index": lambda x: [1.0, 2.0, 3.0][np.argmax(x)],
    "mask": lambda x: np.sum(x[x > 0]),
}


def _halve(x):
    while np.sum(x) > 1:
        x = x / 2
    return x


@pytest.mark.parametrize("name", BRANCHES)
def test_python_control_flow_on_a_batch_is_refused(name):
    with pytest.raises(ControlFlowError, match=r"hodiff\.vmap.*no single truth value.*np\.where\(condition, a, b\)"):
        hd.vmap(BRANCHES[name])(X)


def test_a_plain_array_indexed_by_a_batch_says_what_to_do():
    with pytest.raises(ConversionError, match=r"batched integer.*use np\.take_along_axis"):
        hd.vmap(lambda x: M[np.argmax(x)])(X)


def test_a_batched_array_indexed_by_a_batch():
    close(
        hd.vmap(lambda x, y: x[np.argmax(y)] * x[np.argsort(y)])(X, Y),
        np.stack([x[np.argmax(y)] * x[np.argsort(y)] for x, y in zip(X, Y, strict=True)]),
    )


def test_control_flow_on_what_is_not_batched_is_allowed():
    close(hd.vmap(lambda x, s: x if s > 0 else -x, in_axes=(0, None))(X, -1.0), -X)
    close(hd.vmap(lambda x: x if x.shape[0] == 3 else None)(X), X)


def test_control_flow_under_a_batched_jacobian_sees_the_primal():
    # Tangents are batched there, the point is not.
    close(hd.jacfwd(lambda x: x**2 if x[0] > 0 else -x)(np.abs(X[0])), np.diag(2 * np.abs(X[0])))
    close(hd.hessian(lambda x: np.sum(x**2 if x[0] > 0 else -x))(np.abs(X[0])), 2 * np.eye(3))
