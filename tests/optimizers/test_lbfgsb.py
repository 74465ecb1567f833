"""LBFGSB: Cauchy points by brute force, bounded quadratics beside SciPy, iterates within the bounds, edge cases."""

import pickle

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import Bounds, rosen, rosen_der

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.quasi_newton.compact import Compact, cauchy_point, target
from optimizers.quasi_newton.pairs import descent, remembered


def random_box(rng, n):
    """Bounds, some of them infinite and some equal, and a point within, often on them."""
    low = rng.normal(size=n) - 1.0
    high = low + rng.exponential(size=n) * (rng.random(n) > 0.1)
    low[rng.random(n) < 0.2] = -np.inf
    high[rng.random(n) < 0.2] = np.inf
    return low, high, np.clip(rng.normal(size=n), low, high)


def random_model(rng, n, m):
    A = rng.normal(size=(n, n))
    H, pairs = A @ A.T + np.eye(n), ()
    for s in rng.normal(size=(m, n)):
        pairs = remembered(pairs, s, H @ s, m)
    return pairs


def matrix_of(model):
    return model.theta * np.eye(model.W.shape[1]) - model.W.T @ model.M @ model.W


@pytest.mark.parametrize("seed", range(12))
def test_the_compact_form_is_the_inverse_of_the_two_loop_recursion(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    pairs = random_model(rng, n, min(n, 4))
    B = matrix_of(Compact.of(pairs, np.zeros(n), 1.0))
    np.testing.assert_allclose(B, B.T, atol=1e-9 * np.abs(B).max())
    for e in np.eye(n):
        np.testing.assert_allclose(B @ descent(pairs, e), -e, atol=1e-7)


@pytest.mark.parametrize("seed", range(40))
def test_the_cauchy_point_is_the_first_minimiser_along_the_projected_path(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    pairs = random_model(rng, n, min(n, int(rng.integers(0, 4))))
    low, high, x = random_box(rng, n)
    g, model = rng.normal(size=n), Compact.of(pairs, np.zeros(n), 0.7)
    B, found = matrix_of(model), cauchy_point(model, x, g, low, high)
    t = np.linspace(0.0, 20.0, 40001)
    steps = np.clip(x - t[:, None] * g, low, high) - x
    values = steps @ g + 0.5 * np.einsum("ti,ij,tj->t", steps, B, steps)
    rising = np.flatnonzero(np.diff(values) >= 0.0)
    first = int(rising[0]) if rising.size else len(t) - 1
    np.testing.assert_allclose(found - x, steps[first], atol=2e-3)
    assert (found >= low).all()
    assert (found <= high).all()
    s = target(model, x, g, low, high) - x
    assert s @ g + 0.5 * s @ B @ s <= values[first] + 1e-6 or s @ g < 0.0
    assert ((x + s >= low - 1e-15) & (x + s <= high + 1e-15)).all()


@pytest.mark.parametrize("seed", range(60))
def test_bounded_quadratics_beside_scipy(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    A, b = rng.normal(size=(n, n)), 5.0 * rng.normal(size=n)
    H = A @ A.T + 10.0 ** rng.uniform(-3.0, 0.0) * np.eye(n)
    low, high, start = random_box(rng, n)
    common = {"jac": lambda x: H @ x - b, "bounds": Bounds(low, high)}
    visited = []

    def fun(x):
        visited.append(x.copy())
        return 0.5 * x @ H @ x - b @ x

    result = opt.LBFGSB().run(fun, start, jit=False, **common)
    assert result.success
    assert all(((x >= low) & (x <= high)).all() for x in visited)
    options = {"gtol": 1e-6, "ftol": 0.0, "maxiter": 10000}
    peer = scipy.optimize.minimize(fun, start, method="L-BFGS-B", options=options, **common)
    np.testing.assert_allclose(result.x, peer.x, atol=1e-4)
    assert result.nfev <= 2 * peer.nfev + 10
    held = (np.abs(result.jac) > 1e-6) | (low == high)
    assert ((result.x == low) | (result.x == high))[held].all()


@pytest.mark.parametrize(
    "bounds",
    [
        [(None, 0.5), (None, None)],
        [(-2.0, 0.5), (0.0, 3.0)],
        [(-1.2, -1.2), (None, None)],
        [(-1.2, 2.0), (1.0, 1.0)],
        [(1.5, None), (1.0, 9.0)],
        None,
    ],
)
def test_rosenbrock_in_boxes(bounds):
    low, high = (-np.inf, np.inf) if bounds is None else np.array(bounds, dtype=float).T
    start = np.clip([-1.2, 1.0], np.nan_to_num(low, nan=-np.inf), np.nan_to_num(high, nan=np.inf))
    result = opt.LBFGSB().run(rosen, start, jac=rosen_der, bounds=bounds, jit=False)
    peer = scipy.optimize.minimize(
        rosen, start, jac=rosen_der, bounds=bounds, method="L-BFGS-B", options={"ftol": 0.0, "gtol": 1e-8}
    )
    assert result.success
    np.testing.assert_allclose(result.x, peer.x, atol=1e-5)


def test_a_corner_is_a_solution_and_a_start():
    fun, jac = lambda x: x @ x, lambda x: 2.0 * x
    result = opt.LBFGSB().run(fun, [3.0, 4.0], jac=jac, bounds=[(1.0, 5.0), (2.0, None)], jit=False)
    assert result.x.tolist() == [1.0, 2.0]
    again = opt.LBFGSB().run(fun, result.x, jac=jac, bounds=[(1.0, 5.0), (2.0, None)], jit=False)
    assert (again.nit, again.nfev, again.success) == (0, 1, True)
    everything_fixed = opt.LBFGSB().run(fun, [1.0, 2.0], jac=jac, bounds=[(1.0, 1.0), (2.0, 2.0)], jit=False)
    assert (everything_fixed.nit, everything_fixed.success) == (0, True)
    linear = opt.LBFGSB().run(
        lambda x: x[0] - x[1], [0.5, 0.5], jac=lambda x: np.array([1.0, -1.0]), bounds=[(0.0, 1.0)] * 2, jit=False
    )
    assert linear.x.tolist() == [0.0, 1.0]


def test_long_steps_reach_a_distant_bound_exactly():
    """Nothing but falling objective on the way: each search is made longer, up to the bound."""
    result = opt.LBFGSB().run(lambda x: -x[0], [0.0], jac=lambda x: -np.ones(1), bounds=[(0.0, 1e5 / 3.0)], jit=False)
    assert result.x[0] == 1e5 / 3.0
    assert result.nit < 4


def test_where_the_objective_is_defined_within_the_bounds_alone():
    def fun(x):
        assert (x >= 0.0).all()
        return np.sum(x - np.sqrt(x))

    result = opt.LBFGSB().run(
        fun, [4.0, 9.0], jac=lambda x: 1.0 - 0.5 / np.sqrt(x), bounds=[(1e-12, None)] * 2, jit=False
    )
    np.testing.assert_allclose(result.x, 0.25, atol=1e-5)
    assert result.success


def test_many_unknowns():
    n = 2000
    start, bounds = np.full(n, 3.0), Bounds(np.where(np.arange(n) % 2, 1.5, -np.inf), np.inf)
    result = opt.LBFGSB().run(rosen, start, jac=rosen_der, bounds=bounds, jit=False)
    peer = scipy.optimize.minimize(rosen, start, jac=rosen_der, bounds=bounds, method="L-BFGS-B")
    assert result.success
    assert result.fun <= peer.fun * (1.0 + 1e-6)


def test_memory_changes_the_run():
    weights = np.logspace(0, 3, 40)
    runs = [
        opt.LBFGSB(memory=m).run(lambda x: weights @ x**2, np.ones(40), jac=lambda x: 2.0 * weights * x, jit=False)
        for m in (2, 20)
    ]
    assert runs[0].success
    assert runs[1].nit < runs[0].nit
    states = opt.LBFGSB(memory=2).iterate(opt.Problem(rosen, rosen_der, jit=False, bounds=[(0, 3)] * 3), np.zeros(3))
    assert max(len(state.pairs) for state in states) == 2


def test_resumed_within_bounds_bit_for_bit():
    bounds, solver = [(-2.0, 0.7), (None, None), (0.2, None)], opt.LBFGSB()
    problem = opt.Problem(rosen, rosen_der, jit=False, bounds=bounds)
    whole = list(solver.iterate(problem, [-1.2, 1.0, 1.0]))
    state = pickle.loads(pickle.dumps(whole[3]))
    result = solver.resume(rosen, state, jac=rosen_der, bounds=bounds, jit=False)
    assert result.x.tobytes() == whole[-1].x.tobytes()
    assert result.nit == whole[-1].k - 3


def test_scipy_passes_bounds_on():
    result = scipy.optimize.minimize(rosen, [5.0, 5.0], jac=rosen_der, bounds=[(0.0, 0.5)] * 2, method=opt.LBFGSB())
    assert result.success
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-6)
    with pytest.raises(OptionError, match="x0"):
        opt.LBFGSB().run(rosen, [5.0, 5.0], jac=rosen_der, bounds=[(0.0, 0.5)] * 2)
    with pytest.raises(OptionError, match="LBFGSB cannot use hess"):
        opt.LBFGSB().run(rosen, [0.0, 0.0], hess=lambda x: np.eye(2))
