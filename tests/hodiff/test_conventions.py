"""Derivatives at kinks, poles and ties: minimum-norm elements of the Clarke subdifferential; zeros that annihilate."""

import numpy as np
import pytest
import scipy.special

import hodiff as hd

INF, NAN = np.inf, np.nan


def forward(f):
    """Gradient from one jvp a coordinate."""

    def gradient(x):
        x = np.asarray(x, float)
        basis = np.eye(x.size).reshape(x.size, *x.shape)
        return np.reshape(np.stack([hd.jvp(f, (x,), (v,))[1] for v in basis]), x.shape)

    return gradient


def linearised(f):
    def gradient(x):
        x = np.asarray(x, float)
        _, pushforward = hd.linearize(f, x)
        return np.reshape(np.stack([pushforward(v) for v in np.eye(x.size).reshape(x.size, *x.shape)]), x.shape)

    return gradient


def batched(f):
    return lambda x: hd.vmap(hd.grad(f))(np.stack([np.asarray(x, float)] * 2))[1]


WAYS = {
    "grad": hd.grad,
    "jvp": forward,
    "linearize": linearised,
    "jacfwd": hd.jacfwd,
    "jacrev": hd.jacrev,
    "vmap-grad": batched,
}

# Name: function of an array of shape (n,), the point, and the gradient.
POINTS = {
    # --- kinks
    "abs": (lambda x: np.sum(np.abs(x)), [-2.0, 0.0, 3.0], [-1.0, 0.0, 1.0]),
    "abs-negative-zero": (lambda x: np.sum(np.abs(x)), [-0.0], [0.0]),
    "fabs": (lambda x: np.sum(np.fabs(x)), [-2.0, 0.0], [-1.0, 0.0]),
    "sign": (lambda x: np.sum(np.sign(x)), [-2.0, 0.0], [0.0, 0.0]),
    "maximum-tie": (lambda x: np.maximum(x[0], x[1]), [2.0, 2.0], [0.5, 0.5]),
    "minimum-tie": (lambda x: np.minimum(x[0], x[1]), [2.0, 2.0], [0.5, 0.5]),
    "maximum-of-constant-tie": (lambda x: np.sum(np.maximum(x, 0.0)), [-1.0, 0.0, 1.0], [0.0, 0.5, 1.0]),
    "minimum-of-constant-tie": (lambda x: np.sum(np.minimum(0.0, x)), [-1.0, 0.0, 1.0], [1.0, 0.5, 0.0]),
    "fmax-tie": (lambda x: np.fmax(x[0], x[1]), [2.0, 2.0], [0.5, 0.5]),
    "fmin-ignores-nan": (lambda x: np.fmin(x[0], NAN), [2.0], [1.0]),
    "clip-at-the-lower-bound": (lambda x: np.sum(np.clip(x, 1.0, 2.0)), [0.5, 1.0, 1.5, 3.0], [0.0, 0.5, 1.0, 0.0]),
    "clip-at-the-upper-bound": (lambda x: np.sum(np.clip(x, 1.0, 2.0)), [2.0, 2.5], [0.5, 0.0]),
    "clip-one-sided": (lambda x: np.sum(np.clip(x, None, 2.0)), [2.0, 1.0], [0.5, 1.0]),
    "hypot-origin": (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0], [0.0, 0.0]),
    "hypot-axis": (lambda x: np.hypot(x[0], x[1]), [0.0, 2.0], [0.0, 1.0]),
    "hypot-tiny": (lambda x: np.hypot(x[0], x[1]), [3e-200, 4e-200], [0.6, 0.8]),
    "norm-origin": (lambda x: np.linalg.norm(x), [0.0, 0.0], [0.0, 0.0]),
    "norm": (lambda x: np.linalg.norm(x), [3.0, 4.0], [0.6, 0.8]),
    "std-of-constants": (lambda x: np.std(x), [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]),
    "std-of-one": (lambda x: np.std(x), [2.0], [0.0]),
    "max-ties": (lambda x: np.max(x), [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),
    "min-ties": (lambda x: np.min(x), [0.0, 0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3, 0.0]),
    "relu-of-product": (lambda x: np.maximum(x[0] * x[1], 0.0), [0.0, 3.0], [1.5, 0.0]),
    # --- powers
    "power-0.0-at-0": (lambda x: np.sum(x**0.0), [0.0, 2.0], [0.0, 0.0]),
    "power-0-at-0": (lambda x: np.sum(x**0), [0.0, 2.0], [0.0, 0.0]),
    "power-1.0-at-0": (lambda x: np.sum(x**1.0), [0.0], [1.0]),
    "power-2.0-at-0": (lambda x: np.sum(x**2.0), [0.0], [0.0]),
    "power-3-at-0": (lambda x: np.sum(x**3), [0.0], [0.0]),
    "power-array-exponent": (lambda x: np.sum(x ** np.array([0.0, 1.0, 2.0])), [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]),
    "negative-base": (lambda x: np.sum(x**3.0), [-2.0], [12.0]),
    "exponent-base-0": (lambda x: 0.0 ** x[0], [2.0], [0.0]),
    "exponent-base-0-array": (lambda x: np.sum(np.array([0.0, 2.0]) ** x), [2.0, 1.0], [0.0, 2 * np.log(2)]),
    "exponent-base-1": (lambda x: 1.0 ** x[0], [2.0], [0.0]),
    # --- products and sums of special elements
    "prod-one-zero": (lambda x: np.prod(x), [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    "prod-two-zeros": (lambda x: np.prod(x), [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    "logaddexp-both-minus-infinity": (lambda x: np.logaddexp(x[0], x[1]), [-INF, -INF], [0.5, 0.5]),
    "logaddexp-one-minus-infinity": (lambda x: np.logaddexp(x[0], x[1]), [-INF, 1.0], [0.0, 1.0]),
    "logaddexp-infinity": (lambda x: np.logaddexp(x[0], x[1]), [INF, INF], [0.5, 0.5]),
    "logaddexp-huge": (lambda x: np.logaddexp(0.0, x[0]), [1000.0], [1.0]),
    "tanh-huge": (lambda x: np.sum(np.tanh(x)), [1000.0, -1000.0], [0.0, 0.0]),
    "arctan-huge": (lambda x: np.sum(np.arctan(x)), [1e200], [0.0]),
    # --- selection does not multiply
    "where-log": (lambda x: np.sum(np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0)), [0.0, 2.0], [0.0, 0.5]),
    "where-log-unguarded": (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), [0.0, 2.0], [0.0, 0.5]),
    "where-sqrt-unguarded": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), [0.0, 4.0], [0.0, 0.25]),
    "where-quotient": (lambda x: np.sum(np.where(x != 0, np.sin(x) / x, 1.0)), [0.0, np.pi / 2], [0.0, -4 / np.pi**2]),
    "where-power": (lambda x: np.sum(np.where(x > 0, x**-1.5, 0.0)), [0.0, 4.0], [0.0, -1.5 * 4**-2.5]),
    "where-arccos": (lambda x: np.sum(np.where(np.abs(x) < 1, np.arccos(x), 0.0)), [1.0, 0.0], [0.0, -1.0]),
    "where-both": (lambda x: np.sum(np.where(x > 0, 1 / x, np.log(-x))), [-2.0, 2.0], [-0.5, -0.25]),
    "times-zero": (lambda x: np.sum(np.sqrt(x) * np.array([0.0, 1.0])), [0.0, 4.0], [0.0, 0.25]),
    "square-of-sqrt": (lambda x: np.sum(np.log(x)[1:]), [0.0, 2.0], [0.0, 0.5]),
    "unused-element": (lambda x: 1 / x[1], [0.0, 2.0], [0.0, -0.25]),
    "zero-times-matrix": (
        lambda x: (np.sqrt(x) * np.array([0.0, 1.0])) @ np.array([5.0, 2.0]),
        [0.0, 4.0],
        [0.0, 0.5],
    ),
    # --- matrices
    "det-singular": (np.linalg.det, [[1.0, 2.0], [2.0, 4.0]], [[4.0, -2.0], [-2.0, 1.0]]),
    "det-corank-two": (np.linalg.det, np.zeros((3, 3)), np.zeros((3, 3))),
    "slogdet": (lambda a: np.linalg.slogdet(a)[1], [[-2.0, 0.0], [0.0, 4.0]], [[-0.5, 0.0], [0.0, 0.25]]),
    "singular-values-of-identity": (lambda a: np.sum(np.linalg.svd(a)[1]), np.eye(3), np.eye(3)),
    "singular-values-alone": (lambda a: np.sum(np.linalg.svd(a, compute_uv=False)), np.eye(2), np.eye(2)),
    "degenerate-eigenvalues": (lambda a: np.sum(np.linalg.eigh(a)[0] ** 2), np.eye(2), 2 * np.eye(2)),
    "norm-inf": (lambda x: np.linalg.norm(x, ord=np.inf), [1.0, 2.0], [0.0, 1.0]),
    "norm-keepdims": (
        lambda x: np.sum(np.linalg.norm(x, axis=1, keepdims=True)),
        [[3.0, 4.0], [0.0, 0.0]],
        [[0.6, 0.8], [0.0, 0.0]],
    ),
    "sqrt-of-sum-of-squares": (lambda x: np.sqrt(np.sum(x**2)), [3.0, 4.0], [0.6, 0.8]),
}

QUIET = "ignore:(divide by zero|invalid value)"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", POINTS)
@pytest.mark.filterwarnings(QUIET)
def test_gradient_at_a_special_point(name, way):
    f, point, expected = POINTS[name]
    np.testing.assert_allclose(WAYS[way](f)(np.array(point)), expected, rtol=1e-12, atol=1e-15)


# --- poles: what is infinite stays infinite --------------------------------------------------------------------------

POLES = {
    "sqrt": (np.sqrt, 0.0, INF),
    "power-half": (lambda x: x**0.5, 0.0, INF),
    "power-half-array": (lambda x: np.power(x, np.float64(0.5)), 0.0, INF),
    "cbrt": (np.cbrt, 0.0, INF),
    "log": (np.log, 0.0, INF),
    "reciprocal": (lambda x: 1 / x, 0.0, -INF),
    "arcsin": (np.arcsin, 1.0, INF),
    "arctanh": (np.arctanh, 1.0, INF),
    "negative-base-exponent": (lambda y: (-2.0) ** y, 2.0, NAN),
}


@pytest.mark.parametrize("way", ["grad", "jvp", "jacfwd", "jacrev"])
@pytest.mark.parametrize("name", POLES)
@pytest.mark.filterwarnings(QUIET)
def test_derivative_at_a_pole(name, way):
    f, point, expected = POLES[name]
    np.testing.assert_array_equal(WAYS[way](f)(point), expected)


@pytest.mark.filterwarnings(QUIET)
def test_a_nan_that_matters_is_not_hidden():
    assert np.isnan(hd.grad(lambda x: np.sum(x * NAN))(1.0))
    assert np.isnan(hd.grad(lambda x: np.sqrt(x - 2))(1.0))
    assert np.isnan(hd.grad(lambda x: np.sum(np.maximum(x, NAN)))(1.0))
    gradient = hd.grad(lambda x: np.sum(x**2 * np.array([NAN, 1.0, INF])))(np.ones(3))
    np.testing.assert_array_equal(gradient, [NAN, 2.0, INF])


# --- zeros annihilate at every order ---------------------------------------------------------------------------------


def guarded_log(x):
    return np.sum(np.where(x > 0, np.log(x), 0.0))


def forward_over_reverse(f):
    return lambda x: np.stack([hd.jvp(hd.grad(f), (x,), (v,))[1] for v in np.eye(x.size)])


def reverse_over_reverse(f):
    return hd.jacrev(hd.grad(f))


def reverse_over_forward(f):
    return lambda x: np.stack([hd.grad(lambda x: hd.jvp(f, (x,), (v,))[1])(x) for v in np.eye(x.size)])  # noqa: B023


def forward_over_forward(f):
    return hd.jacfwd(hd.jacfwd(f))


SECOND = {
    "hessian": hd.hessian,
    "fwd-of-rev": forward_over_reverse,
    "rev-of-rev": reverse_over_reverse,
    "rev-of-fwd": reverse_over_forward,
    "fwd-of-fwd": forward_over_forward,
    "vmap-hessian": lambda f: lambda x: hd.vmap(hd.hessian(f))(np.stack([x, x]))[0],
}

SECOND_POINTS = {
    "where-log": (guarded_log, [0.0, 2.0], [[0.0, 0.0], [0.0, -0.25]]),
    "where-sqrt": (
        lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)),
        [0.0, 4.0],
        [[0.0, 0.0], [0.0, -0.25 * 4**-1.5]],
    ),
    "where-quotient": (lambda x: np.sum(np.where(x > 0, x[1] / x, 0.0)), [0.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]),
    "abs": (lambda x: np.sum(np.abs(x) * x), [0.0, 2.0], [[0.0, 0.0], [0.0, 2.0]]),
    "power-2.0": (lambda x: np.sum(x**2.0), [0.0, 0.0], [[2.0, 0.0], [0.0, 2.0]]),
    "power-1.0": (lambda x: np.sum(x**1.0), [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]),
    "power-0.0": (lambda x: np.sum(x**0.0), [0.0, 1.0], [[0.0, 0.0], [0.0, 0.0]]),
    "power-array": (lambda x: np.sum(x ** np.array([2.0, 3.0])), [0.0, 0.0], [[2.0, 0.0], [0.0, 0.0]]),
    "product-of-zeros": (lambda x: np.prod(x), [0.0, 0.0], [[0.0, 1.0], [1.0, 0.0]]),
    "std-of-constants": (lambda x: np.std(x), [2.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]),
    "maximum": (lambda x: np.sum(np.maximum(x, 0.0) ** 2), [-1.0, 2.0], [[0.0, 0.0], [0.0, 2.0]]),
    "nansum": (
        lambda x: np.sum(np.where(np.isnan(MISSING), 0.0, x * MISSING) ** 2),
        [1.0, 2.0],
        [[0.0, 0.0], [0.0, 18.0]],
    ),
}
MISSING = np.array([NAN, 3.0])


@pytest.mark.parametrize("way", SECOND)
@pytest.mark.parametrize("name", SECOND_POINTS)
@pytest.mark.filterwarnings(QUIET)
def test_second_derivatives_at_a_special_point(name, way):
    f, point, expected = SECOND_POINTS[name]
    np.testing.assert_allclose(SECOND[way](f)(np.array(point)), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("d", [hd.grad, lambda f: lambda x: hd.jvp(f, (x,), (1.0,))[1]], ids=["rev", "fwd"])
@pytest.mark.filterwarnings(QUIET)
def test_zeros_annihilate_at_every_order(d, order):
    f = guarded_log
    for _ in range(order):
        f = d(f)
    assert f(0.0) == 0.0


@pytest.mark.parametrize(
    ("exponent", "order", "expected"), [(2.0, 3, 0.0), (2.0, 2, 2.0), (3.0, 3, 6.0), (1.0, 2, 0.0), (0.0, 3, 0.0)]
)
@pytest.mark.parametrize("d", [hd.grad, lambda f: lambda x: hd.jvp(f, (x,), (1.0,))[1]], ids=["rev", "fwd"])
def test_float_powers_at_zero_of_higher_order(d, exponent, order, expected):
    f = lambda x: x**exponent  # noqa: E731
    g = lambda x: np.power(x, np.float64(exponent))  # noqa: E731
    for _ in range(order):
        f, g = d(f), d(g)
    assert f(0.0) == expected
    assert g(0.0) == expected


@pytest.mark.parametrize("x", [0.0, 1e-9, 1e-4])
def test_power_zero_to_the_y(x):
    # 0**y with respect to y: 0 for y > 0.
    gradient = hd.grad(lambda x, y: x**y, (0, 1))(x, 2.0)
    np.testing.assert_allclose(gradient, (2 * x, 0.0 if x == 0 else x**2 * np.log(x)), rtol=1e-12)


# --- missing data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["grad", "jvp", "linearize", "jacfwd", "jacrev", "vmap-grad"])
def test_missing_data_leave_a_finite_gradient(way):
    t = np.linspace(0.0, 1.0, 5)
    data = np.array([1.0, NAN, 0.5, NAN, 0.2])
    there = ~np.isnan(data)

    def loss(p):
        residual = p[0] * np.exp(-p[1] * t) - data
        return np.sum(np.where(np.isnan(residual), 0.0, residual) ** 2)

    p = np.array([1.0, 2.0])
    e = np.exp(-p[1] * t[there])
    r = p[0] * e - data[there]
    np.testing.assert_allclose(
        WAYS[way](loss)(p), [np.sum(2 * r * e), np.sum(-2 * r * p[0] * t[there] * e)], rtol=1e-12
    )


# --- no warnings from derivatives ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "point"),
    [
        (np.sqrt, 0.0),
        (np.cbrt, 0.0),
        (lambda x: x**0.5, 0.0),
        (np.tanh, 1e3),
        (lambda x: np.hypot(x, 0.0), 0.0),
        (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0),
        (lambda x: np.std(x * np.ones(3)), 1.0),
        (lambda x: np.arcsin(x), 1.0),
    ],
)
def test_derivatives_raise_no_warning_that_the_function_does_not(f, point):
    # Warnings are errors here.
    f(point)
    for way in (hd.grad, hd.jacfwd, hd.jacrev, hd.hessian):
        way(f)(point)
    hd.jvp(f, (point,), (1.0,))


# --- functions of scipy.special ---------------------------------------------------------------------------


def test_xlogy_at_zero():
    gradient = hd.grad(lambda x, y: scipy.special.xlogy(x, y), (0, 1))(0.0, 3.0)
    np.testing.assert_allclose(gradient, (np.log(3.0), 0.0), rtol=1e-15)


def test_expit_in_the_tail():
    np.testing.assert_allclose(hd.grad(scipy.special.expit)(40.0), np.exp(-40.0), rtol=1e-12)
    np.testing.assert_allclose(hd.grad(scipy.special.expit)(-40.0), np.exp(-40.0), rtol=1e-12)
    np.testing.assert_allclose(hd.grad(hd.grad(scipy.special.expit))(40.0), -np.exp(-40.0), rtol=1e-12)


# --- dtypes and duplicates -------------------------------------------------------------------------------------------


def test_duplicate_indices_add_up():
    np.testing.assert_array_equal(hd.grad(lambda x: np.sum(x[[0, 0, 1]]))(np.ones(3)), [2.0, 1.0, 0.0])
    np.testing.assert_array_equal(hd.grad(lambda x: np.sum(x[[0, 0, 1]] ** 2))(np.full(3, 3.0)), [12.0, 6.0, 0.0])


def test_broadcasting_is_summed_over():
    x, y = np.ones((3, 1)), np.arange(4.0)
    gx, gy = hd.grad(lambda x, y: np.sum(x * y), (0, 1))(x, y)
    np.testing.assert_array_equal(gx, np.full((3, 1), 6.0))
    np.testing.assert_array_equal(gy, np.full(4, 3.0))


def test_where_with_a_scalar_branch():
    gradient = hd.grad(lambda x, s: np.sum(np.where(x > 1, x, s)), (0, 1))(np.array([0.5, 2.0, 0.0]), 7.0)
    np.testing.assert_array_equal(gradient[0], [0.0, 1.0, 0.0])
    assert gradient[1] == 2.0


def test_abs_of_complex_zero():
    assert hd.grad(np.abs)(0j) == 0


def test_abs_squared_of_a_complex_number():
    assert hd.grad(lambda z: np.abs(z) ** 2)(1 + 2j) == 2 - 4j
