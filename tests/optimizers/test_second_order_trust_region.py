"""`TrustRegion` with each of its subproblems, by matrices and by products."""

import pickle

import numpy as np
import pytest
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import OptionError

NAMES = ["moresorensen", "dogleg", "gltr", "steihaug"]
subproblems = pytest.mark.parametrize("name", NAMES)


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@subproblems
@pytest.mark.parametrize(
    "problem", ["rosenbrock", "freudenstein_roth", "helical_valley", "bard", "wood", "brown_dennis"]
)
def test_minima_are_found(name, problem):
    problem = PROBLEMS[problem]
    result = opt.TrustRegion(name).run(problem.objective, problem.x0, jit=False)
    assert result.success
    assert any(abs(result.fun - least) <= 1e-7 * max(1e-2, abs(least)) for least in problem.minima)
    assert np.abs(opt.Problem(problem.objective).at(result.x).g).max() <= 1e-6


@subproblems
@pytest.mark.parametrize("start", [(1.0, 0.0), (0.0, 0.0), (1e-3, 1e-12)])
def test_saddles_are_left(name, start):
    result = opt.TrustRegion(name).run(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4, start, jit=False)
    assert result.success
    assert result.fun == pytest.approx(-1.0)


@subproblems
def test_stationary_start_takes_no_iteration(name):
    result = opt.TrustRegion(name).run(rosen, np.ones(3), jit=False)
    assert (result.nit, result.nfev, result.success) == (0, 1, True)


@subproblems
def test_linear_constant_and_singular_objectives(name):
    solver = opt.TrustRegion(name)
    assert solver.run(lambda x: 0.0 * x[0] + 3.0, [1.0], jit=False).success
    assert solver.run(lambda x: x[0] - 2.0 * x[1], [0.0, 0.0], jit=False).status == opt.Status.UNBOUNDED
    flat = solver.run(lambda x: (x[0] + x[1] - 1.0) ** 2 + (x[0] + x[1] - 1.0) ** 4, [3.0, -7.0], jit=False)
    assert flat.success
    assert flat.x.sum() == pytest.approx(1.0, abs=1e-5)


@subproblems
@pytest.mark.parametrize("outside", [np.nan, np.inf])
def test_regions_that_are_not_finite_are_not_entered(name, outside):
    def fun(x):
        return np.where(x[0] > 0.0, x[0] - np.log(np.maximum(x[0], 1e-300)), outside)

    result = opt.TrustRegion(name).run(fun, [30.0], callback=lambda xk: xk[0] <= 0.0, jit=False)
    assert result.success
    assert np.isfinite(result.history.to_dict()["f"]).all()


@subproblems
def test_a_pickled_state_goes_on_bit_for_bit(name):
    solver, start = opt.TrustRegion(name), np.array([-1.2, 1.0, -0.5])
    states = list(solver.iterate(opt.Problem(rosen, jit=False), start))
    copy = pickle.loads(pickle.dumps(states[7]))
    resumed = solver.resume(rosen, copy, jit=False)
    assert resumed.x.tobytes() == states[-1].x.tobytes()


def test_the_result_says_how_the_hessian_came():
    for name in NAMES:
        result = opt.TrustRegion(name).run(rosen, [-1.2, 1.0], jit=False)
        products = name in ("gltr", "steihaug")
        assert result.hessian == ("products" if products else "dense")
        assert (result.nhvp > 0, result.nhev > 0) == (products, not products)
        assert ("hess" in result) is not products
    given = opt.TrustRegion("gltr").run(lambda x: x @ x, [1.0], hess=lambda x: 2.0 * np.eye(1))
    assert (given.hessian, given.nhvp) == ("dense", 0)
    assert opt.Newton().run(lambda x: x @ x, [1.0], jit=False).hessian == "dense"


def test_auto_takes_products_for_many_unknowns():
    few, many = (opt.TrustRegion().run(lambda x: x @ x, np.ones(n), jit=False) for n in (300, 301))
    assert (few.hessian, few.nhev > 0, few.nhvp) == ("dense", True, 0)
    assert (many.hessian, many.nhev, many.nhvp > 0) == ("products", 0, True)
    matrix = opt.TrustRegion().run(lambda x: x @ x, np.ones(301), hess=lambda x: 2.0 * np.eye(301))
    assert matrix.hessian == "dense"


def test_large_problems_by_products():
    n = 3000
    weights = np.linspace(1.0, 100.0, n)

    def fun(x):
        return 0.5 * np.sum(weights * x**2) + 0.1 * np.sum(np.cos(3.0 * x)) + np.sum((x[1:] - x[:-1]) ** 4)

    start = np.linspace(-2.0, 2.0, n)
    result = opt.TrustRegion().run(fun, start)
    assert result.success
    assert np.abs(opt.Problem(fun).at(result.x).g).max() <= 1e-6
    assert result.fun <= opt.LBFGS().run(fun, start).fun * (1.0 + 1e-9)
    # Where the gradient is large, the subproblem need not be solved closely.
    products = np.diff(result.history.to_dict()["nhvp"])
    assert products[0] < 10 < products[-1]


def test_a_saddle_of_many_unknowns_is_left_by_products():
    def fun(x):
        return 0.5 * np.sum(x[1:] ** 2) - 0.5 * x[0] ** 2 + 0.25 * x[0] ** 4

    start = np.ones(400)
    start[0] = 0.0
    result = opt.TrustRegion().run(fun, start, jit=False)
    assert result.success
    assert result.fun == pytest.approx(-0.25)
    assert not opt.TrustRegion(maxiter=0).run(fun, np.zeros(400), jit=False).success


def test_products_that_are_not_finite_do_not_mislead():
    result = opt.TrustRegion("gltr", maxiter=60).run(
        lambda x: x @ x, np.ones(2), jac=lambda x: 2.0 * x, hessp=lambda x, v: np.full(2, np.nan)
    )
    assert result.success  # as steepest descent


def test_radius_and_scaling_change_the_run():
    runs = [opt.TrustRegion(radius=r).run(rosen, [-1.2, 1.0], jit=False) for r in (None, 1e-3)]
    assert runs[1].history[0].length == 1e-3
    assert runs[1].nit > runs[0].nit
    meyer = PROBLEMS["meyer"]
    plain, scaled = (opt.TrustRegion(scaling=s).run(meyer.objective, meyer.x0) for s in (False, True))
    assert plain.fun == pytest.approx(scaled.fun, rel=1e-9)
    assert scaled.nit < plain.nit


@pytest.mark.slow
def test_meyer_from_ten_times_the_start():
    """Along the way lies a pole, where steps that keep little of what was promised would lead."""
    problem = PROBLEMS["meyer"]
    result = opt.TrustRegion(maxiter=4000).run(problem.objective, 10.0 * np.array(problem.x0))
    assert result.fun == pytest.approx(problem.minima[0], rel=1e-9)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.TrustRegion("exact"), "TrustRegion: subproblem must be one of auto, moresorensen"),
        (lambda: opt.TrustRegion(radius=-1.0), "radius must be None or a finite number > 0"),
        (lambda: opt.TrustRegion("gltr", scaling=True).run(lambda x: x @ x, [1.0]), "scaling needs the Hessian"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()
