"""grad, value_and_grad, jvp, vjp, linearize, linear_transpose, stop_gradient: keywords, trees, dtypes, ownership."""

from collections import namedtuple

import numpy as np
import pytest

import hodiff as hd
from hodiff.errors import NotLinearError

Pair = namedtuple("Pair", "left right")

X = np.array([0.5, 1.0, 2.0])
FLOATS = [np.float32, np.float64, np.longdouble]
COMPLEX = [np.complex64, np.complex128, np.clongdouble]


def same(actual, expected, rtol=1e-12):
    """Trees of equal structure, with equal values."""
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        for key in expected:
            same(actual[key], expected[key], rtol)
    elif isinstance(expected, (tuple, list)):
        assert type(actual) is type(expected)
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            same(a, e, rtol)
    elif expected is None:
        assert actual is None
    else:
        assert np.shape(actual) == np.shape(expected)
        np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-300)


def two(x, y, *, scale=1.0):
    return scale * np.sum(x * y**2)


# --- argnums and argnames --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argnums", "expected"),
    [
        (0, X**2),
        (1, 2 * X * X),
        (-1, 2 * X * X),
        (-2, X**2),
        ((0,), (X**2,)),
        ((0, 1), (X**2, 2 * X * X)),
        ((1, 0), (2 * X * X, X**2)),
        ((-1,), (2 * X * X,)),
        ([0, -1], (X**2, 2 * X * X)),
        (np.int64(1), 2 * X * X),
    ],
    ids=repr,
)
def test_argnums(argnums, expected):
    same(hd.grad(two, argnums)(X, X), expected)
    value, gradient = hd.value_and_grad(two, argnums)(X, X)
    same(value, np.sum(X**3))
    same(gradient, expected)


@pytest.mark.parametrize(
    ("argnames", "expected"),
    [
        ("x", X**2),
        ("y", 2 * X * X),
        (("x",), {"x": X**2}),
        (("y", "x"), {"y": 2 * X * X, "x": X**2}),
        (["x", "y"], {"x": X**2, "y": 2 * X * X}),
        ("scale", np.sum(X**3)),
    ],
    ids=repr,
)
def test_argnames(argnames, expected):
    same(hd.grad(two, argnames=argnames)(x=X, y=X, scale=1.0), expected)
    value, gradient = hd.value_and_grad(two, argnames=argnames)(x=X, y=X, scale=1.0)
    same(value, np.sum(X**3))
    same(gradient, expected)


def test_argnames_beside_positional_arguments():
    same(hd.grad(two, argnames="scale")(X, X, scale=3.0), np.sum(X**3))


def test_keyword_arguments_pass_through():
    same(hd.grad(two)(X, y=X, scale=2.0), 2 * X**2)
    same(hd.value_and_grad(two)(X, X, scale=2.0)[0], 2 * np.sum(X**3))


def test_arguments_that_are_not_differentiated_may_be_anything():
    def f(x, table, name, *, key):
        return x * table[name][key]

    same(hd.grad(f)(2.0, {"a": {1: 3.0}}, "a", key=1), 3.0)


def test_default_arguments_of_the_function_apply():
    same(hd.grad(lambda x, n=3: x**n)(2.0), 12.0)


# --- has_aux ---------------------------------------------------------------------------------------------------------


def with_aux(x):
    return np.sum(x**2), {"twice": 2 * x, "note": "text", "none": None, "count": 3}


AUX = {"twice": 2 * X, "note": "text", "none": None, "count": 3}


def check_aux(aux):
    assert list(aux) == list(AUX)
    assert aux["note"] == "text"
    assert aux["none"] is None
    assert aux["count"] == 3
    assert type(aux["twice"]) is np.ndarray
    np.testing.assert_array_equal(aux["twice"], 2 * X)


def test_has_aux_of_grad():
    gradient, aux = hd.grad(with_aux, has_aux=True)(X)
    same(gradient, 2 * X)
    check_aux(aux)


def test_has_aux_of_value_and_grad():
    (value, aux), gradient = hd.value_and_grad(with_aux, has_aux=True)(X)
    same(value, np.sum(X**2))
    same(gradient, 2 * X)
    check_aux(aux)


def test_has_aux_of_jvp():
    value, tangent, aux = hd.jvp(with_aux, (X,), (np.ones(3),), has_aux=True)
    same(value, np.sum(X**2))
    same(tangent, np.sum(2 * X))
    check_aux(aux)


def test_has_aux_of_vjp():
    value, pullback, aux = hd.vjp(with_aux, X, has_aux=True)
    same(value, np.sum(X**2))
    same(pullback(1.0), (2 * X,))
    check_aux(aux)


@pytest.mark.parametrize("jacobian", [hd.jacfwd, hd.jacrev, hd.jacobian])
def test_has_aux_of_jacobians(jacobian):
    matrix, aux = jacobian(lambda x: (x**2, 3 * x), has_aux=True)(X)
    same(matrix, np.diag(2 * X))
    same(aux, 3 * X)


def test_has_aux_of_hessian():
    matrix, aux = hd.hessian(with_aux, has_aux=True)(X)
    same(matrix, 2 * np.eye(3))
    check_aux(aux)


def test_aux_of_an_inner_transformation_carries_derivatives_of_the_outer_one():
    def f(x):
        gradient, aux = hd.grad(lambda y: (y**2 * x, y * x), has_aux=True)(2.0)
        return gradient * aux  # 4x · 2x

    same(hd.grad(f)(3.0), 48.0)


# --- holomorphic -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("z", [0.3 + 0.4j, np.complex64(1 - 2j)], ids=repr)
def test_holomorphic_gradients_are_complex_derivatives(z):
    rtol = 1e-6 if isinstance(z, np.complex64) else 1e-12
    same(hd.grad(lambda z: z**3, holomorphic=True)(z), 3 * z**2, rtol)
    same(hd.grad(np.exp, holomorphic=True)(z), np.exp(z), rtol)
    value, gradient = hd.value_and_grad(np.sin, holomorphic=True)(z)
    same(value, np.sin(z), rtol)
    same(gradient, np.cos(z), rtol)
    second = hd.grad(hd.grad(np.sin, holomorphic=True), holomorphic=True)(z)
    same(second, -np.sin(z), rtol)


@pytest.mark.parametrize("jacobian", [hd.jacfwd, hd.jacrev, hd.jacobian])
def test_holomorphic_jacobians(jacobian):
    z = np.array([1 + 2j, 0.5 - 1j])
    same(jacobian(lambda z: z**2 * 1j, holomorphic=True)(z), np.diag(2j * z))


def test_holomorphic_hessian():
    z = np.array([1 + 2j, 0.5 - 1j])
    same(hd.hessian(lambda z: np.sum(z**3), holomorphic=True)(z), np.diag(6 * z))


# --- complex arguments of a real function ----------------------------------------------------------------------------

Z = 1.0 + 2.0j


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda z: np.abs(z) ** 2, 2 - 4j),  # ∂u/∂x − i ∂u/∂y with u = x² + y²
        (np.abs, (1 - 2j) / np.sqrt(5)),
        (np.real, 1),
        (np.imag, -1j),
        (lambda z: np.real(z**2), 2 * Z),
        (lambda z: np.imag(z**2), -2j * Z),
        (lambda z: np.real(np.conjugate(z) * z), 2 - 4j),
        (lambda z: np.real(1j * np.exp(z)), 1j * np.exp(Z)),
        (lambda z: z.real * z.imag, 2 - 1j),
    ],
)
def test_gradient_of_a_real_function_of_a_complex_number(f, expected):
    gradient = hd.grad(f)(Z)
    assert gradient.dtype == np.complex128
    same(gradient, np.complex128(expected))


def test_jvp_of_complex_functions():
    value, tangent = hd.jvp(lambda z: z**2, (Z,), (1j,))
    same(value, Z**2)
    same(tangent, 2j * Z)
    value, tangent = hd.jvp(np.abs, (Z,), (1j,))
    same(tangent, 2 / np.sqrt(5))
    assert tangent.dtype == np.float64


def test_pullback_of_a_complex_function_is_the_transpose():
    _, pullback = hd.vjp(lambda z: 3j * z, Z)
    same(pullback(1.0), (np.complex128(3j),))
    _, pullback = hd.vjp(np.conjugate, Z)
    same(pullback(2j), (np.complex128(-2j),))


def test_real_argument_of_a_complex_intermediate():
    # |exp(ix) + x| = hypot(u, v)
    u, v = np.cos(0.5) + 0.5, np.sin(0.5)
    expected = (u * (1 - np.sin(0.5)) + v * np.cos(0.5)) / np.hypot(u, v)
    same(hd.grad(lambda x: np.abs(np.exp(1j * x) + x))(0.5), expected)


# --- jvp, vjp, linearize, linear_transpose ---------------------------------------------------------------------------

TREE = {"a": (X, 2.0), "b": [None, Pair(np.ones((2, 2)), 0.5)]}
DIRECTION = {"a": (np.ones(3), -1.0), "b": [None, Pair(np.eye(2), 2.0)]}


def of_tree(t):
    x, s = t["a"]
    m, r = t["b"][1]
    return {"product": x * s, "rest": (np.sum(m @ m) * r, None, [r**2])}


# Σ (m m)ᵢⱼ = 8 for a matrix of ones, and its derivative Σ (dm m + m dm)ᵢⱼ = 8 for dm = I.
OUT = {"product": 2 * X, "rest": (8.0 * 0.5, None, [0.25])}
TANGENT = {"product": 2 * np.ones(3) - X, "rest": (8.0 * 0.5 + 8.0 * 2.0, None, [2.0])}


def test_jvp_of_trees():
    out, tangent = hd.jvp(of_tree, (TREE,), (DIRECTION,))
    same(out, OUT)
    same(tangent, TANGENT)


def test_vjp_of_trees_returns_a_tuple_with_the_tree_of_each_primal():
    out, pullback = hd.vjp(of_tree, TREE)
    same(out, OUT)
    cotangents = pullback({"product": np.ones(3), "rest": (1.0, None, [0.0])})
    same(
        cotangents,
        ({"a": (2 * np.ones(3), np.sum(X)), "b": [None, Pair(np.full((2, 2), 2.0), 8.0)]},),
    )
    assert type(cotangents[0]["b"][1]) is Pair


def test_linearize_of_trees():
    out, pushforward = hd.linearize(of_tree, TREE)
    same(out, OUT)
    same(pushforward(DIRECTION), TANGENT)


def test_several_primals():
    out, tangent = hd.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    same((out, tangent), (6.0, 23.0))
    out, pullback = hd.vjp(lambda x, y: (x * y, x), 2.0, 3.0)
    same(out, (6.0, 2.0))
    same(pullback((1.0, 5.0)), (8.0, 2.0))
    out, pushforward = hd.linearize(lambda x, y: (x * y, x), 2.0, 3.0)
    same(pushforward(1.0, 10.0), (23.0, 1.0))


def test_a_pullback_may_be_called_many_times():
    _, pullback = hd.vjp(lambda x: np.stack([np.sum(x[1:] ** 2), x[0] * x[1]]), X)
    rows = [pullback(row)[0] for row in np.eye(2)]
    same(np.stack(rows), np.array([[0, 2.0, 4.0], [1.0, 0.5, 0]]))
    same(pullback(np.eye(2)[0])[0], rows[0])
    same(pullback(np.array([2.0, 3.0]))[0], 2 * rows[0] + 3 * rows[1])


def test_linearize_and_vjp_run_the_function_once():
    calls = []

    def f(x):
        calls.append(x)
        return np.sin(x) * x

    _, pushforward = hd.linearize(f, 0.5)
    slope = np.sin(0.5) + 0.5 * np.cos(0.5)
    same([pushforward(v) for v in (1.0, 2.0)], [slope, 2 * slope])
    _, pullback = hd.vjp(f, 0.5)
    same(pullback(1.0), pullback(1.0))
    assert len(calls) == 2
    hd.value_and_grad(f)(0.5)
    assert len(calls) == 3


def test_pushforward_and_pullback_are_adjoint():
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 4))
    w = rng.normal(size=(3,))
    a = rng.normal(size=(3, 4))

    def f(x):
        return np.tanh(a @ x) * x[1]

    _, pushforward = hd.linearize(f, x)
    _, pullback = hd.vjp(f, x)
    same(w @ pushforward(v), pullback(w)[0] @ v)
    same(pushforward(v), hd.jvp(f, (x,), (v,))[1])


def test_linear_transpose():
    a = np.arange(6.0).reshape(2, 3)
    transpose = hd.linear_transpose(lambda x: a @ x, np.zeros(3))
    same(transpose(np.array([1.0, 2.0])), (a.T @ np.array([1.0, 2.0]),))
    transpose = hd.linear_transpose(lambda x, y: {"s": x[::2] - 2 * y, "t": np.sum(x)}, np.zeros(3), np.zeros(2))
    same(transpose({"s": np.array([1.0, 2.0]), "t": 10.0}), (np.array([11.0, 10.0, 12.0]), np.array([-2.0, -4.0])))


def test_linear_transpose_is_differentiable_in_the_coefficients():
    def f(c):
        return hd.linear_transpose(lambda x: c**2 * x, 0.0)(1.0)[0]

    same(hd.grad(f)(3.0), 6.0)


@pytest.mark.parametrize("f", [lambda x: x * x, np.exp, lambda x: x[0] * x, lambda x: 1 / x, lambda x: x @ x])
def test_linear_transpose_of_what_is_not_linear(f):
    with pytest.raises(NotLinearError, match=r"not linear"):
        hd.linear_transpose(f, np.ones(2))


def test_linear_transpose_ignores_the_values_of_its_examples():
    transpose = hd.linear_transpose(lambda x: 2 * x, np.array([np.nan, np.inf]))
    same(transpose(np.ones(2)), (np.full(2, 2.0),))


def test_stop_gradient():
    same(hd.grad(lambda x: x * hd.stop_gradient(x))(3.0), 3.0)
    same(hd.jvp(lambda x: hd.stop_gradient(x), (3.0,), (1.0,)), (3.0, 0.0))
    tree = hd.grad(lambda t: np.sum(hd.stop_gradient(t)["a"] * t["a"]))({"a": X})
    same(tree, {"a": X})
    same(hd.stop_gradient({"a": X, "b": None}), {"a": X, "b": None})


def test_stop_gradient_stops_all_orders_and_modes():
    def f(x):
        return hd.stop_gradient(x**3) * x

    same(hd.grad(hd.grad(f))(2.0), 0.0)
    same(hd.hessian(f)(2.0), 0.0)
    same(hd.vmap(hd.grad(f))(X), X**3)


# --- trees of arguments ----------------------------------------------------------------------------------------------

TREES = {
    "tuple": ((X, 2.0), lambda t: np.sum(t[0]) * t[1], (np.full(3, 2.0), np.sum(X))),
    "list": ([X, 2.0], lambda t: np.sum(t[0]) * t[1], [np.full(3, 2.0), np.sum(X)]),
    "dict": ({"a": X, "b": 2.0}, lambda t: np.sum(t["a"]) * t["b"], {"a": np.full(3, 2.0), "b": np.sum(X)}),
    "namedtuple": (Pair(X, 2.0), lambda t: np.sum(t.left) * t.right, Pair(np.full(3, 2.0), np.sum(X))),
    "none": ((X, None), lambda t: np.sum(t[0]), (np.ones(3), None)),
    "nested": (
        {"a": [X, (1.0, {"c": 2.0})]},
        lambda t: np.sum(t["a"][0]) * t["a"][1][1]["c"],
        {"a": [np.full(3, 2.0), (0.0, {"c": np.sum(X)})]},
    ),
    "empty": ((), lambda t: np.float64(1.0), ()),
}


@pytest.mark.parametrize("name", TREES)
def test_the_gradient_is_a_tree_like_the_argument(name):
    tree, f, expected = TREES[name]
    gradient = hd.grad(f)(tree)
    assert type(gradient) is type(tree)
    same(gradient, expected)


@pytest.mark.parametrize("name", [n for n in TREES if n != "empty"])
def test_jvp_agrees_with_grad_on_trees(name):
    tree, f, expected = TREES[name]
    _, pullback = hd.vjp(f, tree)
    same(pullback(1.0), (expected,))


# --- dtypes and shapes -----------------------------------------------------------------------------------------------


def mixture(x):
    """Float64 constants of every kind that NumPy treats as weak, or that rules may bring in."""
    y = np.sin(2.0 * x) + x**2 / 3 + np.mean(x) + np.log2(x + 3) + np.where(x > 0, x, 1.0) + np.maximum(x, 0.5)
    return y * np.float32(1.5) + np.exp(-x) * np.std(x) + np.sqrt(x + 1) * np.linalg.norm(x)


@pytest.mark.parametrize("dtype", FLOATS)
def test_real_dtypes_are_kept(dtype):
    x = np.array([0.5, 1.25, 2.0], dtype)
    gradient = hd.grad(lambda x: np.sum(mixture(x)))(x)
    assert gradient.dtype == dtype
    value, tangent = hd.jvp(mixture, (x,), (np.ones(3, dtype),))
    assert value.dtype == tangent.dtype == dtype
    for transformed in (hd.jacfwd(mixture), hd.jacrev(mixture), hd.hessian(lambda x: np.sum(mixture(x)))):
        assert transformed(x).dtype == dtype
    assert hd.vmap(hd.grad(lambda x: np.sum(mixture(x))))(np.stack([x, x])).dtype == dtype
    reference = hd.grad(lambda x: np.sum(mixture(x)))(x.astype(np.float64))
    np.testing.assert_allclose(gradient, reference, rtol=2e-5 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", COMPLEX)
def test_complex_dtypes_are_kept(dtype):
    z = np.array([0.5 + 1j, 1.25 - 0.5j], dtype)

    def f(z):
        return np.sum(np.abs(z * np.exp(z)) ** 2 + np.real(z**2) * 0.5)

    gradient = hd.grad(f)(z)
    assert gradient.dtype == dtype
    value, tangent = hd.jvp(f, (z,), (np.ones(2, dtype),))
    assert value.dtype == tangent.dtype == z.real.dtype
    reference = hd.grad(f)(z.astype(np.complex128))
    np.testing.assert_allclose(gradient, reference, rtol=2e-5 if dtype is np.complex64 else 1e-12)


def test_longdouble_keeps_its_precision():
    x = np.longdouble(1) / 3
    gradient = hd.grad(lambda x: np.exp(x) * x)(x)
    assert abs(gradient - np.exp(x) * (1 + x)) <= 4 * np.finfo(np.longdouble).eps * gradient


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.log2, lambda x: 1 / (x * np.log(np.longdouble(2)))),
        (np.log10, lambda x: 1 / (x * np.log(np.longdouble(10)))),
        (np.exp2, lambda x: np.exp2(x) * np.log(np.longdouble(2))),
        (np.deg2rad, lambda x: np.deg2rad(np.longdouble(1))),
        (np.rad2deg, lambda x: np.rad2deg(np.longdouble(1))),
    ],
)
def test_constants_of_partials_have_the_precision_of_longdouble(function, slope):
    x = np.longdouble(7) / 3
    assert abs(hd.grad(function)(x) - slope(x)) <= 4 * np.finfo(np.longdouble).eps * abs(slope(x))


def test_tangents_and_cotangents_are_cast_to_the_dtype_of_what_they_belong_to():
    x = np.ones(2, np.float32)
    assert hd.jvp(lambda x: x * 2, (x,), (np.ones(2),))[1].dtype == np.float32
    assert hd.jvp(lambda x: x * 2, (x,), (np.array([1, 2]),))[1].dtype == np.float32
    _, pullback = hd.vjp(lambda x: x.astype(np.float64) * 2, x)
    (gradient,) = pullback(np.ones(2))
    assert gradient.dtype == np.float32


def test_mixed_precision_gives_each_argument_its_own_dtype():
    x, y = np.ones(2, np.float32), np.ones(2)
    gx, gy = hd.grad(lambda x, y: np.sum(x * y), (0, 1))(x, y)
    assert gx.dtype == np.float32
    assert gy.dtype == np.float64


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (2.0, np.float64),
        (np.float64(2.0), np.float64),
        (np.float32(2.0), np.float32),
        (np.longdouble(2), np.longdouble),
    ],
)
def test_scalars_give_numpy_scalars(x, kind):
    f = lambda x: np.sin(x) * x  # noqa: E731
    for result in (
        hd.grad(f)(x),
        hd.grad(hd.grad(f))(x),
        hd.value_and_grad(f)(x)[0],
        hd.jvp(f, (x,), (kind(1),))[0],
        hd.jvp(f, (x,), (kind(1),))[1],
        hd.vjp(f, x)[0],
        hd.vjp(f, x)[1](kind(1))[0],
    ):
        assert type(result) is kind


def test_zero_gradients_of_scalars_are_numpy_scalars():
    assert type(hd.grad(lambda x: 3.0)(2.0)) is np.float64
    assert type(hd.grad(lambda x, y: y)(2.0, 1.0)) is np.float64


def test_a_zero_dimensional_array_has_a_gradient_of_shape_nothing():
    for f in (np.sin, lambda x: x * x, lambda x: 3.0):
        gradient = hd.grad(f)(np.array(0.5))
        assert np.shape(gradient) == ()
        assert gradient.dtype == np.float64


def test_the_value_is_what_numpy_returns():
    assert type(hd.value_and_grad(lambda x: np.sum(x))(X)[0]) is np.float64
    assert type(hd.vjp(lambda x: x[0], X)[0]) is np.float64
    assert hd.vjp(lambda x: 2 * x, X)[0].shape == (3,)


def test_integer_results_have_zero_derivatives():
    value, tangent = hd.jvp(lambda x: (np.argmax(x), x > 1, x), (X,), (np.ones(3),))
    assert value[0] == 2
    same(value[1], X > 1)
    same(tangent, (0.0, np.zeros(3), np.ones(3)))
    value, pullback = hd.vjp(lambda x: (np.argmax(x), x), X)
    same(pullback((1.0, np.ones(3))), (np.ones(3),))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,), (2, 0)])
def test_empty_and_single_element_arrays(shape):
    x = np.ones(shape)
    gradient = hd.grad(lambda x: np.sum(np.sin(x) * x))(x)
    same(gradient, np.full(shape, np.sin(1.0) + np.cos(1.0)))


@pytest.mark.parametrize(
    "x",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.arange(12.0)[::2],
        np.arange(6.0)[::-1],
        np.broadcast_to(2.0, (3,)),
        np.ones((2, 3), order="F"),
    ],
    ids=["transposed", "strided", "reversed", "broadcast", "fortran"],
)
def test_arrays_of_any_layout(x):
    gradient = hd.grad(lambda x: np.sum(x**3))(x)
    same(gradient, 3 * x**2)
    assert gradient.flags.writeable


def test_read_only_input():
    x = np.ones(3)
    x.flags.writeable = False
    gradient = hd.grad(lambda x: np.sum(x * x))(x)
    gradient[0] = 7.0
    same(x, np.ones(3))


# --- results own their memory ----------------------------------------------------------------------------------------

CONSTANT = np.array([3.0, 4.0, 5.0])

ALIASING = {
    "identity": lambda x, y: np.sum(x),
    "constant": lambda x, y: np.sum(CONSTANT * x),
    "dot": lambda x, y: CONSTANT @ x,
    "other": lambda x, y: np.sum(x * y),
    "sum-of-both": lambda x, y: np.sum(x + y),
    "difference": lambda x, y: np.sum(x - y),
    "reshape": lambda x, y: np.sum(np.reshape(x, (3, 1)) * CONSTANT[:, None]) + np.sum(y[::-1] * CONSTANT),
    "broadcast": lambda x, y: np.sum(np.broadcast_to(x, (4, 3))) + np.sum(y),
    "one-element": lambda x, y: x[0] + y[1],
    "concatenate": lambda x, y: np.sum(np.concatenate([x, y])),
    "stack": lambda x, y: np.sum(np.stack([x, y]) * CONSTANT),
    "not-used": lambda x, y: np.sum(x),
}


@pytest.mark.parametrize("name", ALIASING)
def test_gradients_own_their_memory(name):
    x, y, constant = X.copy(), X + 1, CONSTANT.copy()
    transformed = hd.grad(ALIASING[name], (0, 1))
    before = transformed(x, y)
    expected = [g.copy() for g in before]
    for g, other in ((before[0], before[1]), (before[1], before[0])):
        assert type(g) is np.ndarray
        assert g.flags.owndata
        assert g.flags.writeable
        for foreign in (x, y, CONSTANT, other):
            assert not np.shares_memory(g, foreign)
        g[...] = -1.0
    np.testing.assert_array_equal(CONSTANT, constant)
    same(list(transformed(x, y)), expected)


@pytest.mark.parametrize("f", [lambda x: x, lambda x: (x, x), lambda x: (x, -x), lambda x: (x[::-1], x.T)])
def test_cotangents_of_a_pullback_own_their_memory(f):
    out, pullback = hd.vjp(lambda x, y: f(x + 0 * y), X, X)
    single = not isinstance(out, tuple)
    cotangent = np.ones(3) if single else (np.ones(3), np.full(3, 2.0))
    given = (cotangent,) if single else cotangent
    first = pullback(cotangent)
    kept = [g.copy() for g in first]
    for g in first:
        for c in given:
            assert not np.shares_memory(g, c)
        g[...] = np.nan
    assert np.isfinite(given[0]).all()
    same(list(pullback(cotangent)), kept)


def test_a_pullback_of_the_identity_does_not_return_the_cotangent_itself():
    cotangent = np.ones(3)
    _, pullback = hd.vjp(lambda x: x, X)
    assert not np.shares_memory(pullback(cotangent)[0], cotangent)


@pytest.mark.parametrize("f", [lambda x: x, lambda x: (x, x), lambda x: x.T, lambda x: np.broadcast_to(x, (2, 3))])
def test_tangents_own_their_memory(f):
    tangent = np.ones(3)
    out = hd.jvp(f, (X,), (tangent,))[1]
    pushed = hd.linearize(f, X)[1](tangent)
    leaves = [*(out if isinstance(out, tuple) else (out,)), *(pushed if isinstance(pushed, tuple) else (pushed,))]
    for i, leaf in enumerate(leaves):
        assert not np.shares_memory(leaf, tangent)
        assert not any(np.shares_memory(leaf, other) for other in leaves[:i])
        leaf[...] = 5.0
    np.testing.assert_array_equal(tangent, np.ones(3))


@pytest.mark.parametrize("jacobian", [hd.jacfwd, hd.jacrev, hd.jacobian])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x,
        lambda x: CONSTANT * x,
        lambda x: np.sum(x),
        lambda x: 2.0 * np.ones(3),
        lambda x: np.outer(x, CONSTANT),
    ],
)
def test_jacobians_own_their_memory(jacobian, f):
    constant = CONSTANT.copy()
    matrix = jacobian(f)(X)
    assert matrix.flags.writeable
    assert not np.shares_memory(matrix, CONSTANT)
    matrix[...] = np.nan
    np.testing.assert_array_equal(CONSTANT, constant)
    assert np.isfinite(jacobian(f)(X)).all()


def test_gradients_of_a_shared_leaf_do_not_share_memory():
    shared = X.copy()
    gradient = hd.grad(lambda t: np.sum(t["a"]) + np.sum(t["b"]))({"a": shared, "b": shared})
    gradient["a"][...] = 9.0
    same(gradient["b"], np.ones(3))


def test_inputs_are_never_modified():
    x = X.copy()
    hd.grad(lambda x: np.sum(x[[0, 0, 1]] ** 2))(x)
    hd.jacrev(lambda x: x**2)(x)
    hd.jacfwd(lambda x: x**2)(x)
    hd.jvp(lambda x: x * 2, (x,), (x,))
    same(x, X)


# --- the form of transformed functions -------------------------------------------------------------------------------


def test_transformed_functions_have_name_docstring_and_a_readable_form():
    def named(x):
        """Say what it does."""
        return x

    for transform in (hd.grad, hd.value_and_grad, hd.jacfwd, hd.jacrev, hd.jacobian, hd.hessian, hd.hvp, hd.vmap):
        transformed = transform(named)
        assert transformed.__name__ == "named"
        assert transformed.__doc__ == "Say what it does."
        assert "named" in repr(transformed)


@pytest.mark.parametrize("transform", [hd.grad, hd.value_and_grad, hd.jacfwd, hd.hessian, hd.vmap, hd.hvp])
def test_what_is_not_callable_is_refused(transform):
    with pytest.raises(TypeError, match=r"first argument must be a function, got 3\.0"):
        transform(3.0)
