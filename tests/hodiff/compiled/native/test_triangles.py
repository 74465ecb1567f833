"""Products with factors of Cholesky: their zeros are left out, where that makes no difference."""

import numpy as np
import pytest
from backends import native_only

import hodiff as hd

pytestmark = native_only

PRODUCTS = {
    "L @ x": lambda t, x: t @ x,
    "L.T @ x": lambda t, x: t.T @ x,
    "x @ L": lambda t, x: x @ t,
    "x @ L.T": lambda t, x: x @ t.T,
    "L @ L.T": lambda t, x: t @ t.T,
    "L.T @ L": lambda t, x: t.T @ t,
    "inverse": lambda t, x: np.linalg.inv(t) @ x,
    "inverse of the transpose": lambda t, x: x @ np.linalg.inv(t.T),
    "rows of it": lambda t, x: t[1:] @ x,
    "backwards": lambda t, x: t[::-1, ::-1] @ x,
    "a vector": lambda t, x: t @ x[0],
    "of a product": lambda t, x: (t + x) @ x,
}


def positive(n, dtype=float):
    m = np.random.default_rng(n).normal(size=(n, n))
    return (m @ m.T / n + np.eye(n)).astype(dtype)


@pytest.mark.parametrize("n, dtype", [(3, float), (16, float), (17, np.float32), (40, float), (150, float)])
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name, n, dtype):
    f = lambda a, x: PRODUCTS[name](np.linalg.cholesky(a), x)  # noqa: E731
    a, x = positive(n, dtype), np.random.default_rng(1).normal(size=(n, n)).astype(dtype)
    compiled, wanted = hd.jit(f, backend="native"), f(a, x)
    for _ in range(2):
        found = compiled(a, x)
        scale = np.max(np.abs(wanted))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=scale * n * np.finfo(dtype).eps)
        assert found.dtype == wanted.dtype
    assert compiled.eager_reason is None
    assert "no native code" not in compiled.lower(a, x)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [name for name in PRODUCTS if "L @ L" not in name and "L.T @ L" not in name])
def test_zeros_of_a_triangle_times_what_is_not_finite(name, special):
    """0·inf is NaN, and so is the product."""
    f = lambda a, x: PRODUCTS[name](np.linalg.cholesky(a), x)  # noqa: E731
    a, x = positive(40), np.random.default_rng(1).normal(size=(40, 40))
    compiled = hd.jit(f, backend="native")
    with np.errstate(invalid="ignore"):
        for place in [(0, 0), (39, 39), (0, 39), (39, 0), (20, 21)]:
            x[place] = special
            for _ in range(2):
                np.testing.assert_allclose(compiled(a, x), f(a, x), rtol=0, atol=1e-11)
            x[place] = 1.0
            np.testing.assert_allclose(compiled(a, x), f(a, x), rtol=0, atol=1e-11)


def test_they_need_no_blas():
    a, x = positive(64), np.ones((64, 64))
    plain = hd.jit(lambda a, x: (a + x) @ x, backend="native").lower(a, x)
    halved = hd.jit(lambda a, x: np.linalg.cholesky(a) @ x, backend="native").lower(a, x)
    assert "llvm.vector.reduce.or" not in plain
    assert "llvm.vector.reduce.or" in halved


def test_gradient_of_a_marginal_likelihood():
    y = np.sin(np.arange(60.0))
    squared = (np.arange(60.0)[:, None] - np.arange(60.0)) ** 2 / 100.0

    def f(p):
        t = np.linalg.cholesky(np.exp(p[0] - squared * np.exp(p[1])) + np.exp(p[2]) * np.eye(60))
        return 0.5 * np.sum(np.linalg.solve(t, y) ** 2) + np.sum(np.log(np.diagonal(t)))

    p = np.array([0.1, 0.2, -1.0])
    gradient, hessian = (hd.jit(g, backend="native") for g in (hd.grad(f), hd.hessian(f)))
    for _ in range(2):
        np.testing.assert_allclose(gradient(p), hd.grad(f)(p), rtol=1e-9)
        np.testing.assert_allclose(hessian(p), hd.hessian(f)(p), rtol=1e-8)
