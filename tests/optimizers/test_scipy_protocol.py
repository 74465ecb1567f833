"""Our solvers as SciPy's ``method=``."""

import numpy as np
import pytest
import scipy.optimize

import optimizers as opt
from optimizers.errors import InputTypeError, OptionError

SOLVERS = [opt.GradientDescent(), opt.LBFGS(), opt.Newton(), opt.TrustRegion()]
solvers = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)


def bowl(x, a=1.0, b=0.0):
    return a * np.sum((x - 3.0) ** 2) + np.sum((x - 3.0) ** 4) + b


def bowl_grad(x, a=1.0, b=0.0):
    return 2 * a * (x - 3.0) + 4 * (x - 3.0) ** 3


def wells(x):
    return np.sum(x**4 - 16 * x**2 + 5 * x) / 2


@solvers
@pytest.mark.parametrize("x0", [[0.0, 1], (5, 6), np.array([1, 2]), 0.5, np.float32([1.0, 0.0])])
def test_minimize(solver, x0):
    result = scipy.optimize.minimize(bowl, x0, method=solver)
    assert isinstance(result, opt.Result)
    assert result.success
    np.testing.assert_allclose(result.x, 3.0, atol=1e-5)


@solvers
def test_args_and_derivatives(solver):
    minimize = scipy.optimize.minimize
    assert minimize(bowl, [0.0], args=(2.0, 7.0), method=solver).fun == pytest.approx(7.0)
    assert minimize(bowl, [0.0], args=2.0, method=solver).success
    assert minimize(bowl, [0.0], args=(2.0,), jac=bowl_grad, method=solver).success


@solvers
@pytest.mark.parametrize("n", [1, 3])
def test_jac_true_shares_one_call(solver, n):
    calls = 0

    def pair(x, a):
        nonlocal calls
        calls += 1
        return bowl(x, a), bowl_grad(x, a)

    result = scipy.optimize.minimize(pair, np.zeros(n), args=(2.0,), jac=True, method=solver)
    assert result.success
    assert calls == result.nfev + result.nhev
    assert result.nfev == result.njev


@pytest.mark.parametrize("solver", SOLVERS[2:], ids=lambda solver: type(solver).__name__)
def test_second_derivatives_of_ones_own(solver):
    minimize = scipy.optimize.minimize
    hess = lambda x: np.diag(2.0 + 12.0 * (x - 3.0) ** 2)  # noqa: E731
    assert minimize(bowl, [0.0, 1.0], jac=bowl_grad, hess=hess, method=solver).nhev > 0
    result = minimize(bowl, [0.0, 1.0], jac=bowl_grad, hessp=lambda x, p: hess(x) @ p, method=solver)
    assert result.success
    assert result.nhvp == 2 * (result.nit + 1)


@solvers
def test_options_and_tol(solver):
    minimize = scipy.optimize.minimize
    assert minimize(bowl, [9.0], method=solver, options={"maxiter": 1, "gtol": 0.0}).status == opt.Status.MAXITER
    assert np.abs(minimize(bowl, [9.0], method=solver, tol=0.5).jac).max() <= 0.5
    assert np.abs(minimize(bowl, [9.0], method=solver, tol=0.5, options={"gtol": 1e-9}).jac).max() <= 1e-9


@solvers
def test_callbacks(solver):
    xs, results = [], []

    def stop(intermediate_result):
        results.append(intermediate_result)
        raise StopIteration

    scipy.optimize.minimize(bowl, [9.0, 1.0], method=solver, callback=lambda xk: xs.append(xk))
    assert xs[0].shape == (2,)
    result = scipy.optimize.minimize(bowl, [9.0, 1.0], method=solver, callback=stop)
    assert (result.status, result.success, len(results)) == (99, False, 1)
    assert results[0].fun == bowl(results[0].x)


@pytest.mark.parametrize(
    "keywords, error, text",
    [
        ({"bounds": [(0, 1)]}, OptionError, "LBFGS cannot use bounds"),
        ({"bounds": scipy.optimize.Bounds(0, 1)}, OptionError, "LBFGS cannot use bounds"),
        ({"constraints": {"type": "eq", "fun": bowl}}, OptionError, "cannot use constraints"),
        ({"constraints": [{"type": "eq", "fun": bowl}]}, OptionError, "cannot use constraints"),
        ({"hess": lambda x: np.eye(1)}, OptionError, "LBFGS cannot use hess"),
        ({"hess": "cs"}, OptionError, "LBFGS cannot use hess"),
        ({"hessp": lambda x, p: p}, OptionError, "LBFGS cannot use hessp"),
        ({"options": {"gtoll": 1}}, OptionError, "LBFGS has no option 'gtoll'; it has ftol, gtol, linesearch"),
        ({"options": {"disp": True}}, OptionError, "no option 'disp'"),
        ({"options": {"gtol": -1}}, OptionError, "gtol must be a number >= 0"),
    ],
)
def test_what_cannot_be_used_is_refused(keywords, error, text):
    with pytest.raises(error, match=text):
        scipy.optimize.minimize(bowl, [0.0], method=opt.LBFGS(), **keywords)


def test_approximations_are_refused_and_false_means_none():
    with pytest.raises(OptionError, match="hess='cs': finite differences"):
        scipy.optimize.minimize(bowl, [0.0], method=opt.Newton(), hess="cs")
    with pytest.raises(OptionError, match=r"hess=.*BFGS"):
        scipy.optimize.minimize(bowl, [0.0], method=opt.Newton(), hess=scipy.optimize.BFGS())
    with pytest.raises(OptionError, match="jac='2-point'"):
        opt.Newton()(bowl, [0.0], jac="2-point")
    assert opt.Newton()(bowl, [0.0], jac=False).success


def test_empty_constraints_are_none():
    assert opt.Newton()(bowl, [0.0], constraints=[]).success


def test_complex_start():
    with pytest.raises(InputTypeError, match="x0 is complex"):
        scipy.optimize.minimize(bowl, [1j], method=opt.Newton())


@solvers
def test_basinhopping(solver):
    result = scipy.optimize.basinhopping(
        wells, [2.0], niter=20, minimizer_kwargs={"method": solver}, rng=1, stepsize=4.0
    )
    assert result.x[0] == pytest.approx(-2.903534, abs=1e-4)
    assert result.lowest_optimization_result.success


@solvers
def test_dual_annealing(solver):
    result = scipy.optimize.dual_annealing(wells, [(-5.0, 5.0)], maxiter=30, minimizer_kwargs={"method": solver}, rng=1)
    assert result.x[0] == pytest.approx(-2.903534, abs=1e-4)
