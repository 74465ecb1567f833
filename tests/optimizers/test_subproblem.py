"""The trust-region subproblem: optimality conditions checked on every kind of matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.subproblems import moresorensen


def symmetric(rng, spectrum):
    Q = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))[0]
    H = Q @ np.diag(spectrum) @ Q.T
    return 0.5 * (H + H.T), Q


def check(g, H, radius, rtol=1e-9):
    """The conditions that characterise a global minimiser (Conn, Gould and Toint, corollary 7.2.2)."""
    step = moresorensen(g, H, radius)
    norm, size = np.linalg.norm(step.s), np.linalg.norm(H, 2) + step.multiplier
    scale = size * radius + np.linalg.norm(g)
    assert step.multiplier >= 0.0
    assert norm <= radius * (1 + rtol)
    assert np.linalg.norm(H @ step.s + step.multiplier * step.s + g) <= rtol * scale
    assert np.linalg.eigvalsh(H)[0] + step.multiplier >= -1e-12 * size
    if step.boundary:
        assert abs(norm - radius) <= rtol * radius
    else:
        assert step.multiplier == 0.0
    model = -(g @ step.s + 0.5 * step.s @ H @ step.s)
    assert step.predicted == pytest.approx(model, rel=1e-6, abs=1e-12 * scale * radius)
    assert step.predicted >= 0.0
    return step


@pytest.mark.parametrize("n", [1, 2, 5, 30])
@pytest.mark.parametrize("radius", [1e-4, 0.1, 1.0, 1e3])
@pytest.mark.parametrize("kind", ["definite", "indefinite", "negative", "singular", "clustered", "badly scaled"])
def test_random(n, radius, kind):
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
    check(rng.normal(size=n), H, radius)


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("multiplicity", [1, 2])
@pytest.mark.parametrize("share", [0.0, 1e-300, 1e-17, 1e-14, 1e-10, 1e-6])
def test_hard_and_nearly_hard_case(n, multiplicity, share):
    """The gradient is (almost) orthogonal to the eigenvectors of the least eigenvalue."""
    rng = np.random.default_rng(n)
    spectrum = np.sort(rng.uniform(-0.5, 2.0, n))
    spectrum[:multiplicity] = -1.0
    H, Q = symmetric(rng, spectrum)
    a = rng.normal(size=n)
    a[:multiplicity] = share
    step = check(Q @ a, H, 50.0)
    assert step.boundary
    assert step.multiplier == pytest.approx(1.0, rel=1e-4)


def test_hard_case_in_closed_form():
    step = check(np.array([0.0, 1.0]), np.diag([-2.0, 2.0]), 2.0)
    assert step.multiplier == 2.0
    assert step.s[1] == -0.25
    assert abs(step.s[0]) == pytest.approx(np.sqrt(4.0 - 0.0625), rel=1e-15)


def test_zero_gradient_at_a_saddle_goes_along_the_lowest_eigenvector():
    step = check(np.zeros(3), np.diag([1.0, -3.0, -1.0]), 0.5)
    np.testing.assert_allclose(np.abs(step.s), [0.0, 0.5, 0.0], atol=1e-15)
    assert step.predicted == pytest.approx(0.5 * 3.0 * 0.25)


def test_zero_hessian():
    step = check(np.array([3.0, 4.0]), np.zeros((2, 2)), 2.0)
    np.testing.assert_allclose(step.s, [-1.2, -1.6])
    step = check(np.zeros(2), np.zeros((2, 2)), 2.0)
    assert (step.s == 0.0).all()
    assert step.predicted == 0.0


def test_newton_step_inside_and_on_the_boundary():
    H = np.diag([1.0, 4.0])
    assert not check(np.array([1.0, 4.0]), H, 10.0).boundary
    on = check(np.array([3.0, 16.0]), H, 5.0)
    np.testing.assert_allclose(on.s, [-3.0, -4.0])


def test_singular_but_consistent_gives_the_least_norm():
    rng = np.random.default_rng(0)
    H, Q = symmetric(rng, np.array([0.0, 1.0, 2.0]))
    step = check(Q @ np.array([0.0, 1.0, 2.0]), H, 100.0)
    assert np.linalg.norm(step.s) == pytest.approx(np.sqrt(2.0), rel=1e-6)


def test_agrees_with_brute_force_in_two_dimensions():
    rng = np.random.default_rng(1)
    angle = np.linspace(0.0, 2 * np.pi, 20001)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for _ in range(20):
        H, _ = symmetric(rng, np.array([-1.0, rng.uniform(-0.5, 1.0)]))
        g = rng.normal(size=2)
        least = (g @ circle + 0.5 * np.sum(circle * (H @ circle), axis=0)).min()
        assert -moresorensen(g, H, 1.0).predicted == pytest.approx(least, abs=1e-6)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 6), st.integers(0, 10**6), st.floats(-8, 8), st.floats(-8, 8), st.floats(-8, 8))
def test_any_scale(n, seed, a, b, c):
    rng = np.random.default_rng(seed)
    H, _ = symmetric(rng, rng.normal(size=n) * 10.0**a)
    check(rng.normal(size=n) * 10.0**b, H, 10.0**c)


@pytest.mark.parametrize("bad", [(np.nan, 1.0, 1.0), (1.0, np.inf, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, np.nan)])
def test_refuses_what_it_cannot_solve(bad):
    g, h, radius = bad
    with pytest.raises(ValueError, match="needs finite g and H and a positive radius"):
        moresorensen(np.array([g]), np.array([[h]]), radius)
    if np.isfinite(radius) and radius > 0.0:
        H = np.eye(2)
        H[0, 1] = H[1, 0] = np.nan
        with pytest.raises(ValueError, match="needs finite g and H and a positive radius"):
            moresorensen(np.ones(2), H, radius)


@pytest.mark.parametrize(
    "h, g", [(1e150, 1.0), (1e-80, 1e80), (1e-60, 1.0), (1e300, 1e-300), (-1e150, 1.0), (-1e-200, 1e-200)]
)
@pytest.mark.parametrize("radius", [1e-3, 1.0, 1e3])
def test_no_scale_over_or_underflows(h, g, radius):
    step = moresorensen(np.array([g, g]), np.diag([h, abs(h) / 3.0]), radius)
    size = np.linalg.norm(step.s / radius)
    assert size <= 1.0 + 1e-9
    assert step.boundary == bool(abs(size - 1.0) < 1e-9)
    assert np.isfinite(step.predicted)
    assert step.predicted >= 0.0
