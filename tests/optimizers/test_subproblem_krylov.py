"""Trust-region subproblems by products, and the dogleg, against the exact solution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optimizers as opt
from optimizers.errors import ShapeError
from optimizers.subproblems import dogleg, gltr, lowest_curvature, moresorensen, steihaug
from optimizers.subproblems.lanczos import krylov_limit, lanczos


def symmetric(rng, spectrum):
    Q = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))[0]
    H = Q @ np.diag(spectrum) @ Q.T
    return 0.5 * (H + H.T), Q


def check(step, g, H, radius):
    """Within the ball, and the predicted decrease is that of the model."""
    scale = (np.linalg.norm(H, 2) * radius + np.linalg.norm(g)) * radius
    model = -(g @ step.s + 0.5 * step.s @ H @ step.s)
    assert np.linalg.norm(step.s) <= radius * (1.0 + 1e-9)
    assert step.predicted == pytest.approx(model, rel=1e-6, abs=1e-11 * scale)
    assert step.predicted >= 0.0
    if step.boundary:
        assert np.linalg.norm(step.s) == pytest.approx(radius, rel=1e-9)


def cauchy_decrease(g, H, radius):
    slope, curvature = np.linalg.norm(g), g @ H @ g / (g @ g)
    t = radius if curvature * radius <= slope else slope / curvature
    return t * slope - 0.5 * t * t * curvature


SOLVERS = {
    "gltr": lambda g, H, radius: gltr(H.__matmul__, g, radius, rtol=1e-10),
    "steihaug": lambda g, H, radius: steihaug(H.__matmul__, g, radius, rtol=1e-10),
    "dogleg": dogleg,
}


@pytest.mark.parametrize("name", SOLVERS)
@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 8), st.integers(0, 8), st.integers(0, 10**6), st.floats(-6, 6), st.floats(-6, 6), st.floats(-6, 6)
)
def test_any_inertia_and_scale(name, n, negative, seed, a, b, c):
    """No worse than the Cauchy point, no better than the minimiser, which `gltr` reaches; Newton's step if inside."""
    rng = np.random.default_rng(seed)
    spectrum = rng.uniform(0.1, 1.0, n) * np.where(np.arange(n) < negative, -1.0, 1.0) * 10.0**a
    H, Q = symmetric(rng, spectrum)
    g, radius = Q @ (rng.uniform(0.5, 1.0, n) * rng.choice([-1.0, 1.0], n)) * 10.0**b, 10.0**c
    step, best = SOLVERS[name](g, H, radius), moresorensen(g, H, radius)
    check(step, g, H, radius)
    assert cauchy_decrease(g, H, radius) * (1.0 - 1e-8) <= step.predicted <= best.predicted * (1.0 + 1e-8)
    if name == "gltr":
        assert step.predicted == pytest.approx(best.predicted, rel=1e-8)
        assert step.multiplier == pytest.approx(best.multiplier, rel=1e-4, abs=1e-6 * 10.0**a)
    if not best.boundary:
        np.testing.assert_allclose(step.s, best.s, rtol=1e-6, atol=1e-9 * radius)


@pytest.mark.parametrize("name", SOLVERS)
def test_zero_gradient_and_zero_hessian(name):
    solve = SOLVERS[name]
    np.testing.assert_allclose(solve(np.array([3.0, 4.0]), np.zeros((2, 2)), 2.0).s, [-1.2, -1.6])
    step = solve(np.zeros(2), np.eye(2), 2.0)
    assert (step.s == 0.0).all()
    assert step.predicted == 0.0
    assert solve(np.zeros(2), np.zeros((2, 2)), 2.0).predicted == 0.0


def test_dogleg_is_the_path_of_powell():
    g, H = np.array([1.0, 10.0]), np.diag([1.0, 10.0])
    cauchy = -g * (g @ g) / (g @ H @ g)
    newton = -np.array([1.0, 1.0])
    for radius in (0.5, 1.05, 1.2, 1.4):
        s = dogleg(g, H, radius).s
        assert np.linalg.norm(s) == pytest.approx(radius)
        if radius <= np.linalg.norm(cauchy):
            np.testing.assert_allclose(s, cauchy * radius / np.linalg.norm(cauchy))
        else:
            across = (newton - cauchy)[::-1] * [1.0, -1.0]
            assert (s - cauchy) @ across == pytest.approx(0.0, abs=1e-12)


def test_dogleg_leaves_saddles():
    step = dogleg(np.zeros(3), np.diag([1.0, 2.0, -4.0]), 3.0)
    np.testing.assert_allclose(np.abs(step.s), [0.0, 0.0, 3.0])
    assert step.predicted == pytest.approx(18.0)


def test_gltr_is_better_than_steihaug_at_the_boundary():
    rng = np.random.default_rng(2)
    H, _ = symmetric(rng, np.linspace(-1.0, 3.0, 40))
    g = rng.normal(size=40)
    exact = moresorensen(g, H, 5.0).predicted
    assert gltr(H.__matmul__, g, 5.0).predicted == pytest.approx(exact, rel=1e-10)
    assert steihaug(H.__matmul__, g, 5.0).predicted < 0.95 * exact


def test_hard_case_of_gltr_is_that_of_its_space():
    """Where g is orthogonal to the least eigenvector, so is the step: it solves the problem without that direction."""
    H, g = np.diag([-2.0, 1.0, 3.0]), np.array([0.0, 1.0, 1.0])
    step = gltr(H.__matmul__, g, 5.0)
    np.testing.assert_allclose(step.s, [0.0, -1.0, -1.0 / 3.0])
    assert not step.boundary
    assert lowest_curvature(H.__matmul__, 3)[0] == pytest.approx(-2.0)


@pytest.mark.parametrize("solve", [gltr, steihaug])
def test_tolerance_and_limit_save_products(solve):
    rng = np.random.default_rng(4)
    H, _ = symmetric(rng, np.logspace(0.0, 3.0, 80))
    g, counts = rng.normal(size=80), []
    for options in ({"rtol": 1e-8}, {"rtol": 1e-2}, {"maxiter": 3}):
        asked = []
        step = solve(lambda v, asked=asked: asked.append(1) or H @ v, g, 1e3, **options)
        counts.append(len(asked))
        if "rtol" in options:
            assert np.linalg.norm(H @ step.s + g) <= 1.001 * options["rtol"] * np.linalg.norm(g)
    assert counts[0] > counts[1] > counts[2] == 3


def test_as_many_products_as_conjugate_gradients_inside():
    rng = np.random.default_rng(6)
    H, _ = symmetric(rng, np.logspace(0.0, 2.0, 60))
    g, counts = rng.normal(size=60), []
    for solve in (gltr, steihaug):
        asked = []
        solve(lambda v, asked=asked: asked.append(1) or H @ v, g, 1e3, rtol=1e-4)
        counts.append(len(asked))
    assert abs(counts[0] - counts[1]) <= 1


def test_products_that_are_not_finite_end_the_search():
    g = np.ones(2)
    assert (gltr(lambda v: np.full(2, np.nan), g, 1.0).s == 0.0).all()
    assert (steihaug(lambda v: np.full(2, np.inf), g, 1.0).s == 0.0).all()


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
def test_refuses_what_it_cannot_solve(solve):
    for g, radius in ((np.nan, 1.0), (1.0, 0.0), (1.0, np.nan), (np.inf, 1.0)):
        with pytest.raises(ValueError, match="needs a finite g and a positive radius"):
            solve(np.array([g]), np.eye(1), radius)
    with pytest.raises(ValueError, match="needs a finite H"):
        dogleg(np.ones(1), np.array([[np.nan]]), 1.0)


@pytest.mark.parametrize("least", [-3.0, -0.5, 0.0, 2.0])
def test_lowest_curvature(least):
    rng = np.random.default_rng(7)
    H, _ = symmetric(rng, np.concatenate([[least], np.linspace(2.5, 3.0, 39)]))
    value, direction = lowest_curvature(H.__matmul__, 40)
    assert value == pytest.approx(least, abs=0.1)
    assert direction @ H @ direction == pytest.approx(value, abs=1e-6)
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    assert lowest_curvature(lambda v: np.zeros(4), 4)[0] == 0.0


def test_lanczos_is_a_similarity():
    rng = np.random.default_rng(8)
    H, _ = symmetric(rng, np.logspace(-8.0, 3.0, 30))
    *_, space = lanczos(H.__matmul__, rng.normal(size=30), 30)
    T = np.diag(space.diagonal) + np.diag(space.beside, 1) + np.diag(space.beside, -1)
    np.testing.assert_allclose(space.basis @ space.basis.T, np.eye(len(space.basis)), atol=1e-13)
    np.testing.assert_allclose(space.basis @ H @ space.basis.T, T, atol=1e-10)
    assert krylov_limit(10**9) == 20


WITH_MATRIX, WITH_PRODUCT = [opt.moresorensen, opt.dogleg, opt.cubic], [opt.gltr, opt.steihaug, opt.cubic_krylov]


@pytest.mark.parametrize("solve", WITH_MATRIX, ids=lambda f: f.__name__)
def test_lists_and_whole_numbers_are_taken_and_wrong_shapes_named(solve):
    expected = solve(np.array([1.0, 2.0]), np.diag([3.0, 4.0]), 1.0).s
    assert solve([1, 2], [[3, 0], [0, 4]], 1).s.tolist() == expected.tolist()
    with pytest.raises(ShapeError, match=rf"{solve.__name__}: H must have shape \(3, 3\)"):
        solve(np.ones(3), np.eye(2), 1.0)
    with pytest.raises(ShapeError, match=rf"{solve.__name__}: g must be a vector"):
        solve(np.ones((2, 1)), np.eye(2), 1.0)


@pytest.mark.parametrize("solve", WITH_PRODUCT, ids=lambda f: f.__name__)
def test_lists_and_whole_numbers_are_taken_by_products(solve):
    product = np.diag([3.0, 4.0]).__matmul__
    assert solve(product, [1, 2], 1).s.tolist() == solve(product, np.array([1.0, 2.0]), 1.0).s.tolist()
    with pytest.raises(ShapeError, match=rf"{solve.__name__}: g must be a vector"):
        solve(product, 1.0, 1.0)
