"""`ARC`: cubic regularisation by factorisations and in Krylov spaces."""

import pickle

import numpy as np
import pytest
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import OptionError

NAMES = ["factor", "krylov"]
subproblems = pytest.mark.parametrize("name", NAMES)


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def is_minimum(problem, f):
    return any(abs(f - least) <= 1e-7 * max(1e-2, abs(least)) for least in problem.minima)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_more_garbow_hillstrom(problem):
    result = opt.ARC().run(problem.objective, problem.x0)
    assert is_minimum(problem, result.fun)
    assert result.success == (np.abs(opt.Problem(problem.objective).at(result.x).g).max() <= 1e-6)
    assert result.success or problem.name == "meyer"  # whose gradient is uncertain by more than 1e-6


@pytest.mark.parametrize(
    "problem", ["rosenbrock", "freudenstein_roth", "helical_valley", "bard", "wood", "brown_dennis"]
)
def test_minima_are_found_by_products(problem):
    problem = PROBLEMS[problem]
    result = opt.ARC("krylov").run(problem.objective, problem.x0, jit=False)
    assert result.success
    assert is_minimum(problem, result.fun)
    assert (result.hessian, result.nhev) == ("products", 0)


@subproblems
@pytest.mark.parametrize("start", [(1.0, 0.0), (0.0, 0.0), (1e-3, 1e-12)])
def test_saddles_are_left(name, start):
    result = opt.ARC(name).run(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4, start, jit=False)
    assert result.success
    assert result.fun == pytest.approx(-1.0)


@subproblems
def test_maxima_and_degenerate_saddles_are_left(name):
    assert opt.ARC(name).run(lambda x: np.cos(x[0]), [0.0], jit=False).fun == pytest.approx(-1.0)
    result = opt.ARC(name).run(lambda x: x[0] * x[1] + (x[0] ** 4 + x[1] ** 4) / 4, [0.0, 0.0], jit=False)
    assert result.fun == pytest.approx(-0.5)


@subproblems
def test_stationary_start_takes_no_iteration(name):
    result = opt.ARC(name).run(rosen, np.ones(3), jit=False)
    assert (result.nit, result.nfev, result.success) == (0, 1, True)


@subproblems
def test_linear_constant_and_singular_objectives(name):
    solver = opt.ARC(name)
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

    result = opt.ARC(name).run(fun, [30.0], callback=lambda xk: xk[0] <= 0.0, jit=False)
    assert result.success
    assert np.isfinite(result.history.to_dict()["f"]).all()


def test_hessians_and_products_that_are_not_finite():
    def hess(x):
        return np.array([[2.0]]) if x[0] > 0.5 else np.array([[np.nan]])

    result = opt.ARC(maxiter=30).run(lambda x: x[0] ** 2, [3.0], hess=hess)
    assert result.x[0] > 0.5
    assert not result.success
    result = opt.ARC("krylov").run(
        lambda x: x @ x, np.ones(2), jac=lambda x: 2.0 * x, hessp=lambda x, v: np.full(2, np.nan)
    )
    assert result.success  # as steepest descent


def test_quadratic_convergence():
    """The weight falls with the gradient, so that the last steps are Newton's."""
    result = opt.ARC(gtol=1e-12).run(rosen, [-1.2, 1.0], jit=False)
    gnorm = result.history.to_dict()["gnorm"]
    assert np.sum(gnorm < 1e-2) <= 4
    assert result.success
    assert result.sigma < opt.ARC().init(opt.Problem(rosen), [-1.2, 1.0]).sigma


def test_progress_to_the_last_digit():
    """Beyond f's round-off the gradient still tells the way; nothing moves once it does not."""
    result = opt.ARC(gtol=0.0).run(
        lambda x: 1e5 + np.sum((x - np.array([3.0, 7.0])) ** 4 + (x - 3.0) ** 2), [2.0, 2.0], jit=False
    )
    assert result.status == opt.Status.ROUND_OFF
    assert np.abs(result.jac).max() < 1e-11
    assert result.nit < 60


@subproblems
def test_a_pickled_state_goes_on_bit_for_bit(name):
    solver, start = opt.ARC(name), np.array([-1.2, 1.0, -0.5])
    states = list(solver.iterate(opt.Problem(rosen, jit=False), start))
    resumed = solver.resume(rosen, pickle.loads(pickle.dumps(states[7])), jit=False)
    assert resumed.x.tobytes() == states[-1].x.tobytes()


def test_auto_takes_products_for_many_unknowns():
    few, many = (opt.ARC().run(lambda x: x @ x, np.ones(n), jit=False) for n in (20, 301))
    assert (few.hessian, many.hessian) == ("dense", "products")
    assert few.success
    assert many.success


def test_sigma_and_scaling_change_the_run():
    small, large = (opt.ARC(sigma=s).run(rosen, [-1.2, 1.0], jit=False) for s in (1.0, 1e8))
    assert large.history[1].length < 1e-2 * small.history[1].length
    assert large.nit > small.nit
    assert large.success
    state = opt.ARC(scaling=True).init(opt.Problem(lambda x: 8 * x[0] ** 2 + 2 * x[1] ** 2), [1.0, 1.0])
    assert state.scale.tolist() == [4.0, 2.0]
    meyer = PROBLEMS["meyer"]
    assert is_minimum(meyer, opt.ARC(scaling=True).run(meyer.objective, meyer.x0).fun)


def test_a_weight_that_grows_without_bound_ends_soon():
    edge = opt.ARC().run(lambda x: np.sqrt(x[0]) + x[0], [1.0])
    wrong = opt.ARC().run(lambda x: x @ x, [0.0], jac=lambda x: np.ones(1))
    nowhere = opt.ARC().run(lambda x: np.where(x[0] == 1.0, x[0], np.nan), [1.0], jac=lambda x: x, hess=np.diag)
    for result in (edge, wrong, nowhere):
        assert result.status in (opt.Status.RADIUS, opt.Status.ROUND_OFF)
        assert not result.success
        assert result.nit < 300


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.ARC("exact"), "ARC: subproblem must be one of auto, factor, krylov"),
        (lambda: opt.ARC(sigma=0.0), "sigma must be None or a finite number > 0"),
        (lambda: opt.ARC(scaling=1), "scaling must be True or False"),
        (lambda: opt.ARC("krylov", scaling=True).run(lambda x: x @ x, [1.0]), "scaling needs the Hessian"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()
