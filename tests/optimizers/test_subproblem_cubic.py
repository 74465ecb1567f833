"""The cubic subproblem: conditions that characterise its global minimiser, for every kind of matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.subproblems import cubic, cubic_krylov


def symmetric(rng, spectrum):
    Q = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))[0]
    H = Q @ np.diag(spectrum) @ Q.T
    return 0.5 * (H + H.T), Q


def check(g, H, sigma, step=None, rtol=1e-8, is_global=True):
    """C. Cartis, N. I. M. Gould and Ph. L. Toint (2011), theorem 3.1."""
    step = cubic(g, H, sigma) if step is None else step
    s, size = step.s, np.linalg.norm(step.s)
    widest = np.linalg.norm(H, 2) + step.multiplier
    scale = widest * size + np.linalg.norm(g)
    assert step.multiplier == pytest.approx(sigma * size, rel=1e-8, abs=1e-300)
    assert np.linalg.norm(H @ s + step.multiplier * s + g) <= rtol * scale
    if is_global:
        assert np.linalg.eigvalsh(H)[0] + step.multiplier >= -1e-11 * widest
    quadratic = -(g @ s + 0.5 * s @ H @ s)
    assert step.quadratic == pytest.approx(quadratic, rel=1e-6, abs=1e-11 * scale * size)
    assert step.predicted == pytest.approx(quadratic - sigma * size**3 / 3.0, rel=1e-6, abs=1e-11 * scale * size)
    assert step.predicted >= 0.0
    return step


@pytest.mark.parametrize("n", [1, 2, 5, 30])
@pytest.mark.parametrize("sigma", [1e-8, 0.1, 1.0, 1e4])
@pytest.mark.parametrize("kind", ["definite", "indefinite", "negative", "singular", "clustered", "badly scaled"])
def test_random(n, sigma, kind):
    rng = np.random.default_rng([n, len(kind)])
    spectrum = {
        "definite": rng.uniform(0.1, 10.0, n),
        "indefinite": rng.normal(size=n),
        "negative": -rng.uniform(0.1, 10.0, n),
        "singular": np.where(np.arange(n) < (n + 1) // 2, 0.0, 2.0),
        "clustered": -1.0 + 1e-10 * rng.normal(size=n),
        "badly scaled": 10.0 ** rng.uniform(-6, 6, n) * rng.choice([-1.0, 1.0], n),
    }[kind]
    H, _ = symmetric(rng, spectrum)
    g = rng.normal(size=n)
    check(g, H, sigma)
    # Where the whole space is a Krylov space, products do as well.
    by_products = cubic_krylov(H.__matmul__, g, sigma, rtol=1e-10)
    check(g, H, sigma, by_products, is_global=kind not in ("singular", "clustered"))


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("multiplicity", [1, 2])
@pytest.mark.parametrize("share", [0.0, 1e-300, 1e-17, 1e-14, 1e-10, 1e-6])
def test_hard_and_nearly_hard_case(n, multiplicity, share):
    rng = np.random.default_rng(n)
    spectrum = rng.uniform(1.0, 3.0, n)
    spectrum[:multiplicity] = -1.0
    H, Q = symmetric(rng, spectrum)
    a = rng.normal(size=n)
    a[:multiplicity] = share
    step = check(Q @ a, H, 0.01)
    assert step.multiplier == pytest.approx(1.0, rel=1e-3)


def test_zero_gradient_and_zero_hessian():
    step = check(np.zeros(3), np.diag([1.0, -3.0, -1.0]), 0.5)
    np.testing.assert_allclose(np.abs(step.s), [0.0, 6.0, 0.0], atol=1e-14)
    step = check(np.array([3.0, 4.0]), np.zeros((2, 2)), 5.0)
    np.testing.assert_allclose(step.s, [-0.6, -0.8])
    for step in (cubic(np.zeros(2), np.eye(2), 1.0), cubic(np.zeros(2), np.zeros((2, 2)), 1.0)):
        assert (step.s == 0.0).all()
        assert step.predicted == 0.0


@pytest.mark.parametrize("h, sigma, g", [(2.0, 3.0, 1.0), (-2.0, 0.5, 1.0), (1e-9, 1e-3, 4.0), (5.0, 1e-9, 1e-3)])
def test_closed_form_in_one_dimension(h, sigma, g):
    """σs² + hs = g for s > 0, the step being -s."""
    expected = np.roots([sigma, h, -g]).max()
    assert cubic(np.array([g]), np.array([[h]]), sigma).s[0] == pytest.approx(-expected, rel=1e-6)


def test_larger_sigma_shorter_steps():
    H, _ = symmetric(np.random.default_rng(3), np.array([-1.0, 2.0, 5.0]))
    sizes = [np.linalg.norm(cubic(np.ones(3), H, sigma).s) for sigma in (0.01, 0.1, 1.0, 10.0)]
    assert (np.diff(sizes) < 0.0).all()


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 6), st.integers(0, 10**6), st.floats(-8, 8), st.floats(-8, 8), st.floats(-8, 8))
def test_any_scale(n, seed, a, b, c):
    rng = np.random.default_rng(seed)
    H, _ = symmetric(rng, rng.normal(size=n) * 10.0**a)
    check(rng.normal(size=n) * 10.0**b, H, 10.0**c)


@pytest.mark.parametrize(
    "h, g", [(1e150, 1.0), (1e-80, 1e80), (1e-60, 1.0), (1e100, 1e-100), (-1e80, 1.0), (1e90, 1e90)]
)
@pytest.mark.parametrize("sigma", [1e-30, 1.0, 1e30])
def test_no_scale_over_or_underflows(h, g, sigma):
    step = cubic(np.array([g, g]), np.diag([h, abs(h) / 3.0]), sigma)
    assert step.multiplier == pytest.approx(sigma * np.hypot(*step.s), rel=1e-9)
    assert step.predicted > 0.0
    assert np.isfinite(step.s).all()


@pytest.mark.parametrize("bad", [(np.nan, 1.0, 1.0), (1.0, np.inf, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, np.nan)])
def test_refuses_what_it_cannot_solve(bad):
    g, h, sigma = bad
    with pytest.raises(ValueError, match="needs a finite"):
        cubic(np.array([g]), np.array([[h]]), sigma)


def test_products_are_few_where_eigenvalues_are():
    """A Hessian of four distinct eigenvalues is known after four products."""
    rng = np.random.default_rng(5)
    H, _ = symmetric(rng, rng.choice([-1.0, 1.0, 2.0, 7.0], 60))
    asked = []
    g = rng.normal(size=60)
    step = cubic_krylov(lambda v: asked.append(1) or H @ v, g, 0.1)
    check(g, H, 0.1, step)
    assert len(asked) == 4
    loose = cubic_krylov(H.__matmul__, g, 0.1, maxiter=2)
    assert 0.0 < loose.predicted < step.predicted
