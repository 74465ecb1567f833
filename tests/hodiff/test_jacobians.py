"""jacfwd, jacrev, jacobian, hessian, hvp: directions, chunks, trees, shapes, dtypes, errors."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.errors import ArgumentError, ComplexOutputError, NonDifferentiableInputError, NonDifferentiableOutputError

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
X = RNG.normal(size=3)
JACOBIANS = [hd.jacfwd, hd.jacrev, hd.jacobian]
KINDS = {"jacfwd": hd.jacfwd, "jacrev": hd.jacrev, "jacobian": hd.jacobian, "hessian": hd.hessian}


def close(actual, expected):
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)


def tall(x):
    return np.sin(A @ x)


TALL = np.cos(A @ X)[:, None] * A


# --- shapes and directions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jacobian", JACOBIANS)
@pytest.mark.parametrize("in_shape", [(), (1,), (3,), (2, 3), (0,)], ids=str)
@pytest.mark.parametrize("out_shape", [(), (1,), (4,), (2, 2), (0,)], ids=str)
def test_shape_is_that_of_the_result_then_that_of_the_argument(jacobian, in_shape, out_shape):
    n, m = int(np.prod(in_shape)), int(np.prod(out_shape))
    matrix = np.arange(1.0, m * n + 1).reshape(m, n)
    x = np.linspace(0.5, 1.5, n).reshape(in_shape)

    def f(x):
        return np.reshape(matrix @ np.reshape(x, (n,)) ** 2, out_shape)

    expected = (matrix * 2 * x.reshape(n)).reshape(out_shape + in_shape)
    close(jacobian(f)(x), expected)


@pytest.mark.parametrize("jacobian", JACOBIANS)
@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.array(2.0)], ids=repr)
def test_derivative_of_a_number_by_a_number_has_no_axes(jacobian, x):
    close(jacobian(lambda x: x**3)(x), np.float64(12.0))
    close(jacobian(lambda x: 3.0)(x), np.float64(0.0))
    close(hd.hessian(lambda x: x**3)(x), np.float64(12.0))
    close(hd.hessian(lambda x: x)(x), np.float64(0.0))


@pytest.mark.parametrize("mode", ["auto", "fwd", "rev"])
def test_modes_agree(mode):
    close(hd.jacobian(tall, mode=mode)(X), TALL)


def direction_taken(f, x, **options):
    """The direction that `hd.jacobian` takes, from what a rule sees: a stack of tangents or of cotangents."""
    seen = set()

    def jvp_rule(t, ans, x):
        return watched(t)

    def forward(x):
        seen.add(("fwd", x.shape))
        return x

    def transpose(ct, x):
        seen.add(("rev", ct.shape))
        return ct

    watched = hd.extend.linear(forward, transpose, name="watched", leading=True)
    hd.jacobian(lambda x: f(watched(x)), **options)(x)
    # One evaluation of the function itself is not a direction.
    return {kind for kind, shape in seen if shape != x.shape or kind == "rev"}


def test_auto_goes_forward_for_many_results_and_backward_for_many_arguments():
    assert direction_taken(lambda x: A @ x, X) == {"fwd"}
    assert direction_taken(lambda x: A[:2] @ x, X) == {"rev"}
    assert direction_taken(lambda x: A[:3] @ x, X) == {"fwd"}
    assert direction_taken(lambda x: A @ x, X, mode="rev") == {"rev"}
    assert direction_taken(lambda x: A[:2] @ x, X, mode="fwd") == {"fwd"}


def test_jacobians_are_batched_not_looped():
    calls = []

    def forward(x):
        calls.append(x.shape)
        return x * 2

    double = hd.extend.linear(forward, lambda ct, x: double(ct), name="double", leading=True)
    hd.jacfwd(lambda x: double(x))(np.ones(50))
    assert calls == [(50,), (50, 50)]
    calls.clear()
    hd.jacrev(lambda x: double(x))(np.ones(50))
    assert calls == [(50,), (50, 50)]
    calls.clear()
    hd.jacfwd(lambda x: double(x), chunk_size=20)(np.ones(50))
    assert calls == [(50,), (20, 50), (20, 50), (10, 50)]


# --- chunk_size ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_size", [None, 1, 2, 3, 5, 100, np.int64(2)], ids=repr)
@pytest.mark.parametrize("name", KINDS)
def test_chunks_do_not_change_the_result(name, chunk_size):
    f = (lambda x: np.sum(np.sin(A @ x) ** 2)) if name == "hessian" else tall
    expected = KINDS[name](f)(X)
    result = KINDS[name](f, chunk_size=chunk_size)(X)
    close(result, expected)
    assert result.flags.writeable


def test_chunks_across_leaves():
    tree = {"a": X, "b": (np.float64(2.0), np.ones((2, 2)))}

    def f(t):
        return {"p": np.sin(t["a"]) * t["b"][0], "q": np.sum(t["b"][1] ** 2) * t["a"][0]}

    for transform in (hd.jacfwd, hd.jacrev):
        expected, result = transform(f)(tree), transform(f, chunk_size=2)(tree)
        for out in ("p", "q"):
            close(result[out]["a"], expected[out]["a"])
            close(result[out]["b"][0], expected[out]["b"][0])
            close(result[out]["b"][1], expected[out]["b"][1])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("chunk_size", [0, -1, 1.5, "2"])
def test_a_bad_chunk_size_is_named(name, chunk_size):
    with pytest.raises(
        ArgumentError, match=f"{name}: chunk_size must be a positive integer or None, got {chunk_size!r}"
    ):
        KINDS[name](tall, chunk_size=chunk_size)


def test_a_bad_mode_is_named():
    with pytest.raises(ArgumentError, match="mode must be 'auto', 'fwd' or 'rev', got 'forward'"):
        hd.jacobian(tall, mode="forward")


# --- argnums, argnames, trees ----------------------------------------------------------------------------------------


def two(x, y, *, scale=1.0):
    return scale * np.outer(x, y**2)


Y = np.array([1.0, 2.0])
BY_X = np.einsum("ik,j->ijk", np.eye(3), Y**2)
BY_Y = np.einsum("i,jk,k->ijk", X, np.eye(2), 2 * Y)


@pytest.mark.parametrize("jacobian", JACOBIANS)
def test_argnums_and_argnames(jacobian):
    close(jacobian(two)(X, Y), BY_X)
    close(jacobian(two, 1)(X, Y), BY_Y)
    close(jacobian(two, -1)(X, Y), BY_Y)
    both = jacobian(two, (1, 0))(X, Y, scale=2.0)
    assert isinstance(both, tuple)
    close(both[0], 2 * BY_Y)
    close(both[1], 2 * BY_X)
    close(jacobian(two, argnames="scale")(X, Y, scale=2.0), np.outer(X, Y**2))
    named = jacobian(two, argnames=("y", "x"))(x=X, y=Y)
    assert list(named) == ["y", "x"]
    close(named["y"], BY_Y)
    close(named["x"], BY_X)


@pytest.mark.parametrize("jacobian", JACOBIANS)
def test_trees_in_trees_out(jacobian):
    result = jacobian(lambda t: [t["a"] * t["b"], (t["a"][0], None)])({"a": X, "b": 2.0})
    assert isinstance(result, list)
    assert result[1][1] is None
    close(result[0]["a"], 2.0 * np.eye(3))
    close(result[0]["b"], X)
    close(result[1][0]["a"], np.eye(3)[0])
    close(result[1][0]["b"], np.float64(0.0))


def test_hessian_of_a_tree_is_a_tree_of_trees():
    def f(t):
        return np.sum(t["a"] ** 2) * t["b"]

    result = hd.hessian(f)({"a": X, "b": 3.0})
    close(result["a"]["a"], 6.0 * np.eye(3))
    close(result["a"]["b"], 2 * X)
    close(result["b"]["a"], 2 * X)
    close(result["b"]["b"], np.float64(0.0))


def test_hessian_of_several_arguments_is_a_tuple_of_tuples():
    result = hd.hessian(lambda x, y: np.sum(x) * np.sum(y**2), (0, 1))(X, Y)
    close(result[0][0], np.zeros((3, 3)))
    close(result[0][1], np.tile(2 * Y, (3, 1)))
    close(result[1][0], np.tile(2 * Y, (3, 1)).T)
    close(result[1][1], 2 * np.sum(X) * np.eye(2))


def test_hessian_of_keywords():
    result = hd.hessian(lambda *, x, y: x**2 * y, argnames=("x", "y"))(x=2.0, y=3.0)
    close(result["x"]["x"], np.float64(6.0))
    close(result["x"]["y"], np.float64(4.0))
    close(result["y"]["y"], np.float64(0.0))


def test_hessian_of_an_array_has_one_a_element():
    result = hd.hessian(lambda x: np.stack([np.sum(x**2), x[0] * x[1]]))(X)
    cross = np.zeros((3, 3))
    cross[0, 1] = cross[1, 0] = 1.0
    close(result, np.stack([2 * np.eye(3), cross]))


def test_hessian_of_a_matrix_argument():
    m = RNG.normal(size=(2, 3))
    close(hd.hessian(lambda m: np.sum(m**3))(m), (np.diag(6 * m.ravel())).reshape(2, 3, 2, 3))


def test_hessian_is_symmetric_and_agrees_with_every_mixture():
    def f(x):
        return np.sum(np.tanh(A @ x) ** 2) * np.exp(x[0])

    expected = hd.hessian(f)(X)
    np.testing.assert_allclose(expected, expected.T, rtol=1e-13)
    for outer in JACOBIANS:
        for inner in (hd.grad, *JACOBIANS):
            close(outer(inner(f))(X), expected)


def test_integer_and_constant_results():
    close(hd.jacfwd(lambda x: np.ones(2))(X), np.zeros((2, 3)))
    close(hd.jacrev(lambda x: np.ones(2))(X), np.zeros((2, 3)))
    for jacobian in JACOBIANS:
        with pytest.raises(NonDifferentiableOutputError, match=r"the result is of dtype int.*must return floats"):
            jacobian(lambda x: np.argmax(x))(X)


@pytest.mark.parametrize("jacobian", [*JACOBIANS, hd.hessian])
def test_integer_arguments(jacobian):
    with pytest.raises(
        NonDifferentiableInputError, match=r"cannot differentiate with respect to a int64 value.*pass a float"
    ):
        jacobian(lambda x: np.sum(x * 2.0))(np.arange(3))


def test_third_derivative():
    third = hd.jacfwd(hd.hessian(lambda x: np.sum(x**4)))(X)
    expected = np.zeros((3, 3, 3))
    expected[range(3), range(3), range(3)] = 24 * X
    close(third, expected)


# --- complex ---------------------------------------------------------------------------------------------------------


def test_complex_result_of_real_arguments_goes_forward():
    expected = np.diag(1j * np.exp(1j * X))
    close(hd.jacfwd(lambda x: np.exp(1j * x))(X), expected)
    close(hd.jacobian(lambda x: np.exp(1j * x))(X), expected)
    close(hd.jacobian(lambda x: np.sum(np.exp(1j * x)))(X), 1j * np.exp(1j * X))
    with pytest.raises(ComplexOutputError, match=r"jacrev: the result is complex.*real part"):
        hd.jacrev(lambda x: np.exp(1j * x))(X)


def test_real_result_of_complex_arguments_goes_backward():
    z = np.array([1 + 2j, 3 - 1j])
    expected = np.diag(2 * np.conj(z))
    close(hd.jacrev(lambda z: np.abs(z) ** 2)(z), expected)
    close(hd.jacobian(lambda z: np.abs(z) ** 2)(z), expected)
    with pytest.raises(ArgumentError, match=r"jacfwd: .*reverse mode only; use mode='rev'"):
        hd.jacfwd(lambda z: np.abs(z) ** 2)(z)


@pytest.mark.parametrize("jacobian", JACOBIANS)
def test_complex_to_complex_needs_holomorphic(jacobian):
    with pytest.raises(ComplexOutputError, match="holomorphic=True"):
        jacobian(lambda z: z**2)(np.array([1 + 2j]))


# --- hvp -------------------------------------------------------------------------------------------------------------


def cost(x, scale=1.0):
    return scale * np.sum(np.tanh(A @ x) ** 2)


def test_hvp_is_the_product_with_the_hessian():
    v = RNG.normal(size=3)
    close(hd.hvp(cost)(X, v), hd.hessian(cost)(X) @ v)
    close(hd.hvp(cost)(X, v, 2.0), 2 * hd.hessian(cost)(X) @ v)
    close(hd.hvp(cost)(X, v, scale=3.0), 3 * hd.hessian(cost)(X) @ v)


def test_hvp_of_another_argument():
    v = RNG.normal(size=3)
    expected = hd.hessian(cost)(X) @ v
    close(hd.hvp(lambda s, x: cost(x, s), 1)(X, v, 1.0), expected)
    close(hd.hvp(lambda s, x: cost(x, s), -1)(X, v, 1.0), expected)


def test_hvp_of_several_arguments():
    def f(x, s, y):
        return np.sum(x**2) * y * s

    hx, hy = hd.hvp(f, (0, 2))((X, 2.0), (np.ones(3), 1.0), 3.0)
    close(hx, 3.0 * (2 * 2.0 * np.ones(3) + 2 * X))
    close(hy, np.float64(3.0 * 2 * np.sum(X)))


def test_hvp_of_a_tree():
    def f(t):
        return np.sum(t["a"] ** 2) * t["b"]

    result = hd.hvp(f)({"a": X, "b": 3.0}, {"a": np.ones(3), "b": 1.0})
    close(result["a"], 6.0 * np.ones(3) + 2 * X)
    close(result["b"], np.float64(2 * np.sum(X)))


def test_hvp_has_the_signature_of_scipys_hessp():
    from scipy.optimize import minimize

    result = minimize(
        lambda x, a: np.sum((x - a) ** 2 + (x - a) ** 4),
        np.zeros(2),
        args=(np.array([1.0, 2.0]),),
        method="trust-ncg",
        jac=hd.grad(lambda x, a: np.sum((x - a) ** 2 + (x - a) ** 4)),
        hessp=hd.hvp(lambda x, a: np.sum((x - a) ** 2 + (x - a) ** 4)),
    )
    np.testing.assert_allclose(result.x, [1.0, 2.0], atol=1e-6)


@pytest.mark.parametrize("argnums", [2, -3, (0, 5)])
def test_hvp_with_bad_argnums(argnums):
    with pytest.raises(ArgumentError, match=r"hvp: argnums=.* does not fit a call with x, v and 1 further"):
        hd.hvp(lambda *a: np.float64(0.0), argnums)((X, X), (X, X), 1.0)


def test_hvp_owns_its_memory():
    v = np.ones(3)
    product = hd.hvp(lambda x: 0.5 * np.sum(x**2))(X, v)
    close(product, v)
    assert not np.shares_memory(product, v)
    product[0] = 5.0
    close(v, np.ones(3))
