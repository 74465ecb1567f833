"""`ProjectedNewton`: bounds kept to, active sets found, faces searched, saddles left."""

import pickle

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.subproblems import Model, bounded_step

MODES = ["dense", "products"]
modes = pytest.mark.parametrize("mode", MODES)


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def quadratic(n, seed, least=0.5):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    H = Q @ np.diag(np.linspace(least, 20.0, n)) @ Q.T
    return 0.5 * (H + H.T), 10.0 * rng.normal(size=n)


def residual(x, g, low, high):
    """Of the first-order conditions."""
    return np.abs(x - np.clip(x - g, low, high)).max()


@modes
@pytest.mark.parametrize("n", [1, 3, 20])
@pytest.mark.parametrize("seed", range(4))
def test_convex_quadratics(mode, n, seed):
    """The minimum is the one that SciPy's bounded least squares finds; few iterations, active bounds met exactly."""
    H, b = quadratic(n, seed)
    low, high = -np.ones(n), np.ones(n)
    result = opt.ProjectedNewton(mode, gtol=1e-10).run(
        lambda x: 0.5 * (x @ (H @ x)) - b @ x, np.zeros(n), bounds=scipy.optimize.Bounds(low, high), jit=False
    )
    L = np.linalg.cholesky(H)
    expected = scipy.optimize.lsq_linear(L.T, np.linalg.solve(L, b), (low, high), method="bvls", tol=1e-14).x
    assert result.success
    assert result.nit <= 12
    np.testing.assert_allclose(result.x, expected, atol=1e-8)
    at_bounds = result.active_mask != 0
    np.testing.assert_array_equal(np.abs(result.x[at_bounds]), 1.0)
    assert residual(result.x, H @ result.x - b, low, high) <= 1e-10


@modes
@pytest.mark.parametrize("name", ["rosenbrock", "helical_valley", "beale", "wood", "brown_dennis", "bard"])
def test_without_bounds_it_is_a_minimiser_like_others(mode, name):
    problem = PROBLEMS[name]
    result = opt.ProjectedNewton(mode).run(problem.objective, problem.x0, jit=False)
    assert result.success
    assert any(abs(result.fun - least) <= 1e-7 * max(1e-2, abs(least)) for least in problem.minima)
    assert (result.active_mask == 0).all()


@modes
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_first_order_conditions_for_indefinite_objectives(mode, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    H, b = quadratic(n, seed, least=-5.0)
    low = np.where(rng.random(n) < 0.8, -rng.random(n), -3.0)
    high = np.where(rng.random(n) < 0.8, rng.random(n), 3.0)
    seen = []
    result = opt.ProjectedNewton(mode).run(
        lambda x: 0.5 * (x @ (H @ x)) - 0.1 * (b @ x),
        np.clip(rng.normal(size=n), low, high),
        bounds=list(zip(low, high, strict=True)),
        callback=lambda xk: seen.append(xk),
        jit=False,
    )
    assert result.success
    assert residual(result.x, H @ result.x - 0.1 * b, low, high) <= 1e-6
    assert all(((low <= x) & (x <= high)).all() for x in seen)
    free = result.active_mask == 0
    if free.any():  # a minimum within its face
        assert np.linalg.eigvalsh(H[np.ix_(free, free)])[0] >= -1e-6


@modes
def test_bounds_that_cut_off_the_valley(mode):
    for bound in (0.5, -0.3):
        result = opt.ProjectedNewton(mode).run(rosen, [-1.2, bound], bounds=[(None, None), (None, bound)], jit=False)
        peer = scipy.optimize.minimize(
            rosen, [-1.2, bound], method="L-BFGS-B", bounds=[(None, None), (None, bound)], options={"ftol": 1e-15}
        )
        assert result.success
        assert result.x[1] == bound
        assert result.fun <= peer.fun + 1e-9


@modes
def test_saddles_of_a_face_are_left(mode):
    """In x and y there is a saddle at 0; z is held at its bound."""
    result = opt.ProjectedNewton(mode).run(
        lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4 + x[2],
        [0.0, 0.0, 1.0],
        bounds=[(-9, 9), (-9, 9), (1.0, 2.0)],
        jit=False,
    )
    assert result.success
    np.testing.assert_allclose(np.abs(result.x), [0.0, np.sqrt(2.0), 1.0], atol=1e-6)
    cut = opt.ProjectedNewton(mode).run(lambda x: -(x @ x), np.zeros(2), bounds=[(-1, 1), (-2, 2)], jit=False)
    assert cut.success
    np.testing.assert_array_equal(np.abs(cut.x), [1.0, 2.0])


@modes
def test_a_bound_without_force_does_not_hold_at_a_maximum(mode):
    """At 0 the gradient vanishes, so the first-order test holds, but the way into the region leads down."""
    solver = opt.ProjectedNewton(mode)
    for bounds, end in (([(0.0, 1.0)], 1.0), ([(-1.0, 0.0)], -1.0), ([(0.0, 0.0)], 0.0)):
        result = solver.run(lambda x: -(x[0] ** 2) + x[1] ** 2, [0.0, 1.0], bounds=[*bounds, (-1.0, 1.0)], jit=False)
        assert result.success
        np.testing.assert_allclose(result.x, [end, 0.0], atol=1e-9)
    # x·y within the first quadrant is least on its edges: no direction into it has negative curvature.
    quadrant = solver.run(lambda x: x[0] * x[1], [0.0, 0.0], bounds=[(0.0, 1.0)] * 2, jit=False)
    assert (quadrant.success, quadrant.nit) == (True, 0)
    cut = solver.run(lambda x: x[0] * x[1], [0.0, 0.0], bounds=[(0.0, 1.0), (-1.0, 1.0)], jit=False)
    assert cut.success
    assert cut.x.tolist() == [1.0, -1.0]
    # Pressed against its bound by the slope, it stays.
    pressed = solver.run(lambda x: 2.0 * x[0] - x[0] ** 2, [0.0], bounds=[(0.0, 1.0)], jit=False)
    assert (pressed.success, pressed.nit) == (True, 0)


@modes
def test_stationary_and_fixed_starts_take_no_iteration(mode):
    at_bound = opt.ProjectedNewton(mode).run(lambda x: x[0], [1.0], bounds=[(1.0, 2.0)], jit=False)
    fixed = opt.ProjectedNewton(mode).run(rosen, [3.0, 4.0], bounds=[(3.0, 3.0), (4.0, 4.0)], jit=False)
    for result in (at_bound, fixed):
        assert (result.nit, result.nfev, result.success) == (0, 1, True)
    half = opt.ProjectedNewton(mode).run(rosen, [3.0, 4.0], bounds=[(3.0, 3.0), (None, None)], jit=False)
    np.testing.assert_allclose(half.x, [3.0, 9.0])


@modes
def test_linear_constant_and_unbounded_objectives(mode):
    solver = opt.ProjectedNewton(mode)
    assert solver.run(lambda x: 0.0 * x[0] + 3.0, [1.0], bounds=[(0, 2)], jit=False).success
    corner = solver.run(lambda x: x[0] - 2.0 * x[1], [0.0, 0.0], bounds=[(-1, 1), (-1, 1)], jit=False)
    np.testing.assert_array_equal(corner.x, [-1.0, 1.0])
    assert corner.success
    open_ = solver.run(lambda x: x[0] - 2.0 * x[1], [0.0, 0.0], bounds=[(-1, 1), (-1, None)], jit=False)
    assert open_.status == opt.Status.UNBOUNDED


@modes
def test_domains_that_end_at_a_bound(mode):
    """Infinite at the bound itself, where no iterate may go; NaN beyond, where none can."""

    def fun(x):
        return np.sum(x) - np.sum(np.log(x))

    result = opt.ProjectedNewton(mode).run(fun, [5.0, 1e-3], bounds=[(0, None), (0, None)], jit=False)
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


@modes
def test_a_pickled_state_goes_on_bit_for_bit(mode):
    solver, start, bounds = opt.ProjectedNewton(mode), np.array([-1.2, 0.4, 0.5]), [(-2, 2), (-2, 0.5), (None, 3)]
    states = list(solver.iterate(opt.Problem(rosen, bounds=bounds, jit=False), start))
    resumed = solver.resume(rosen, pickle.loads(pickle.dumps(states[4])), bounds=bounds, jit=False)
    assert resumed.x.tobytes() == states[-1].x.tobytes()


def test_many_unknowns_by_products():
    n = 2000
    target = np.sin(np.arange(n) / 30.0) * 2.0

    def fun(x):
        return np.sum((x - target) ** 2) + 5.0 * np.sum((x[1:] - x[:-1]) ** 2) + 0.1 * np.sum(x**4)

    result = opt.ProjectedNewton().run(fun, np.zeros(n), bounds=[(-1.0, 1.0)] * n)
    assert (result.success, result.hessian, result.nhev) == (True, "products", 0)
    assert residual(result.x, opt.Problem(fun).at(result.x).g, -1.0, 1.0) <= 1e-6
    assert 0 < (result.active_mask != 0).sum() < n
    assert result.nit < 30


def test_through_scipy_and_minimize():
    bounds = [(None, None), (None, 0.5)]
    ours = opt.minimize(rosen, [-1.2, 0.5], method="projected_newton", bounds=bounds)
    theirs = scipy.optimize.minimize(rosen, [-1.2, 7.0], method=opt.ProjectedNewton(), bounds=bounds)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-6)


def test_the_radius_changes_the_run():
    near, far = (opt.ProjectedNewton(radius=r).run(rosen, [-1.2, 1.0], jit=False) for r in (1e-3, None))
    assert near.history[0].length == 1e-3
    assert near.nit > far.nit


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.ProjectedNewton("sparse"), "ProjectedNewton: hessian must be one of auto, dense, products"),
        (lambda: opt.ProjectedNewton(radius=0.0), "radius must be None or a finite number > 0"),
        (lambda: opt.ProjectedNewton().run(rosen, [3.0, 0.0], bounds=[(0, 1), (0, 1)]), "not within its bounds"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.floats(-3, 3), st.booleans())
def test_the_bounded_step_beats_the_cauchy_point(seed, exponent, by_matrix):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    H, g = quadratic(n, seed, least=float(rng.choice([-5.0, 0.0, 1.0])))
    low, high = -rng.random(n), rng.random(n)
    x, radius = np.clip(rng.normal(size=n), low, high), 10.0**exponent
    step = bounded_step(Model(g, H.__matmul__, H if by_matrix else None), x, (low, high), radius)
    assert ((low <= x + step.s) & (x + step.s <= high)).all() or np.allclose(np.clip(x + step.s, low, high), x + step.s)
    assert step.predicted == pytest.approx(-(g @ step.s + 0.5 * step.s @ H @ step.s), rel=1e-9, abs=1e-12)
    lengths = np.logspace(-6, 3, 200)
    path = np.clip(x - lengths[:, None] * g, low, high) - x
    inside = np.linalg.norm(path, axis=1) <= radius
    best = -np.min(path[inside] @ g + 0.5 * np.sum((path[inside] @ H) * path[inside], axis=1), initial=0.0)
    assert step.predicted >= 0.01 * best
