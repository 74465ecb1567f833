"""The problems of Moré, Garbow and Hillstrom as least squares: what is solved, and that no success is false."""

import numpy as np
import pytest
from mgh import PROBLEMS

import hodiff as hd
import optimizers as opt

NAMES = list(PROBLEMS)


def is_solved(problem, result):
    value = 2.0 * result.cost
    return any(abs(value - least) <= 1e-6 * max(least, 1e-3) for least in problem.minima)


def is_stationary(problem, x):
    """The gradient is zero beside the curvature: Newton's step, the pseudo-inverse's, is short; or it is just zero.

    Both by derivatives of the objective itself: nothing of what the solver knows.
    """
    g, H = hd.grad(problem.objective)(x), hd.hessian(problem.objective)(x)
    if np.abs(g).max() <= 1e-8:
        return True
    size = np.sqrt(np.abs(np.diag(H)))
    size[size == 0.0] = 1.0
    step = np.linalg.lstsq(H / np.outer(size, size), g / size, rcond=1e-14)[0]
    return np.linalg.norm(step) <= 1e-5 * np.linalg.norm(size * x)


def assert_honest(problem, result):
    assert np.isfinite(result.x).all()
    if result.success:
        assert is_stationary(problem, result.x)


@pytest.mark.parametrize("name", NAMES)
def test_levenberg_marquardt_solves_each_from_the_standard_start(name):
    problem = PROBLEMS[name]
    result = opt.LevenbergMarquardt().run(problem.residual, problem.x0)
    assert result.success
    assert is_solved(problem, result)
    assert_honest(problem, result)


@pytest.mark.parametrize(
    "solver", [opt.GaussNewton(maxiter=300), opt.Dogleg(maxiter=300)], ids=["GaussNewton", "Dogleg"]
)
@pytest.mark.parametrize("name", NAMES)
def test_the_other_methods_are_honest_from_the_standard_start(name, solver):
    problem = PROBLEMS[name]
    assert_honest(problem, solver.run(problem.residual, problem.x0))


def can_start(name, factor):
    return not (name == "jennrich_sampson" and factor == 100)  # exp(300)**2 is infinite there


@pytest.mark.parametrize(("name", "factor"), [(n, f) for n in NAMES for f in (10, 100) if can_start(n, f)])
def test_levenberg_marquardt_is_honest_from_far_starts(name, factor):
    problem = PROBLEMS[name]
    result = opt.LevenbergMarquardt(maxiter=1000).run(problem.residual, factor * problem.x0)
    assert_honest(problem, result)


@pytest.mark.slow
@pytest.mark.parametrize(
    "solver",
    [opt.GaussNewton(), opt.Dogleg(), opt.LevenbergMarquardt(geodesic=True)],
    ids=["GaussNewton", "Dogleg", "geodesic"],
)
@pytest.mark.parametrize(("name", "factor"), [(n, f) for n in NAMES for f in (10, 100) if can_start(n, f)])
def test_the_other_methods_are_honest_from_far_starts(name, factor, solver):
    problem = PROBLEMS[name]
    assert_honest(problem, solver.with_options(maxiter=1000).run(problem.residual, factor * problem.x0))


@pytest.mark.parametrize("factor", [1, 10, 100])
def test_badly_scaled_problems_are_solved(factor):
    for name in ("brown_badly_scaled", "meyer"):
        problem = PROBLEMS[name]
        result = opt.LevenbergMarquardt().run(problem.residual, factor * problem.x0)
        assert result.success
        assert is_solved(problem, result)
