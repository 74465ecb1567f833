"""SciPy's methods where numbers end, and where their claims are hollow: an honest result, no error from deep inside."""

import numpy as np
import pytest
import scipy.optimize

import optimizers as opt
from optimizers.scipy_bridge import METHODS
from optimizers.scipy_bridge.conditions import Conditions

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore:delta_grad:UserWarning")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fun", [lambda x: -np.exp(x[0]), lambda x: np.log(x[0])], ids=["exp", "log"])
def test_a_run_that_leaves_the_finite_numbers_ends_where_they_are_finite(method, fun):
    options = {"maxiter": 30} if method == "trust-constr" else {}
    result = opt.minimize(fun, [1.0], method=method, options=options, jit=False)
    assert not result.success
    assert np.isfinite(result.x).all()
    assert result.fun == fun(result.x)
    assert np.isfinite(result.fun)
    assert result.jac is None or np.isfinite(result.jac).all()


def test_a_matrix_that_is_not_finite_is_a_breakdown_and_no_error():
    root = {"type": "ineq", "fun": lambda x: np.sqrt(x[0])}  # of infinite slope at the minimiser, 0
    result = opt.minimize(lambda x: x[0] + x[1] ** 2, [1.0, 2.0], method="trust-constr", constraints=root, jit=False)
    assert not result.success
    assert np.isfinite(result.x).all()


@pytest.mark.parametrize("method", ["BFGS", "SLSQP", "trust-exact", "TNC", "Nelder-Mead"])
@pytest.mark.parametrize("error", [ValueError("array must not contain infs or NaNs"), StopIteration, TypeError("foo")])
def test_errors_of_the_users_functions_are_not_taken_for_breakdowns(method, error):
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        if calls > 2:
            raise error
        return np.sum(x**4)

    kind = error if isinstance(error, type) else type(error)
    if kind is StopIteration and method != "TNC":
        return  # which SciPy itself takes for an answer of the callback
    with pytest.raises(kind):
        opt.minimize(fun, [1.0, 2.0], method=method, jit=False)

    def callback(xk):
        raise ValueError("infs or NaNs, says the user")

    with pytest.raises(ValueError, match="says the user"):
        opt.minimize(lambda x: np.sum(x**4), [1.0, 2.0], method=method, callback=callback, jit=False)


def test_a_gradient_that_is_small_beside_x_is_no_success():
    """x - g is x there, so that the projection of x - g tells nothing."""
    result = opt.minimize(lambda x: np.abs(x[0] - 3e19), [1e20], method="Newton-CG", jit=False)
    assert result.scipy_result.success
    assert (result.status, result.success) == (opt.Status.CONTRADICTED, False)
    assert "residual 1," in result.message
    limits = np.array([0.0]), np.array([1e20])
    assert Conditions(limits, [], 1, 1e-4).residual(np.array([1e20]), np.array([1.0])) == 1.0
    assert Conditions(limits, [], 1, 1e-4).residual(np.array([1e20]), np.array([-1.0])) == 0.0


@pytest.mark.parametrize("method", ["COBYLA", "COBYQA"])
@pytest.mark.parametrize("jac", ["2-point", "3-point"])
def test_success_under_a_constraint_object_is_verified_for_methods_without_derivatives(method, jac):
    disk = scipy.optimize.NonlinearConstraint(lambda x: x @ x, -np.inf, 1.0, jac=jac)
    fun = lambda x: (x[0] - 2.0) ** 2 + x[1] ** 2  # noqa: E731
    result = opt.minimize(fun, [0.0, 0.5], method=method, constraints=disk)
    assert result.status is opt.Status.CONVERGED
    np.testing.assert_allclose(result.x, [1.0, 0.0], atol=1e-4)


def test_a_warm_start_with_other_data_is_no_stale_success():
    """The same keywords, and a start where the last run was solved: the gradient is that of the new data."""
    data = np.array([1.0])
    fun = lambda x, data: np.sum((x - data) ** 2)  # noqa: E731
    keywords = opt.scipy_kwargs(fun, "BFGS")
    solved = scipy.optimize.minimize(fun, [0.0], args=(data,), method="BFGS", **keywords)
    data[:] = 2.0
    again = scipy.optimize.minimize(fun, solved.x, args=(data,), method="BFGS", **keywords)
    assert again.x == pytest.approx([2.0], abs=1e-6)


@pytest.mark.parametrize(
    "make",
    [opt.least_squares_kwargs, opt.curve_fit_kwargs, lambda f, jit="auto": opt.root_kwargs(f, "broyden1", jit=jit)],
)
def test_what_is_no_function_is_refused_before_scipy_has_it(make):
    with pytest.raises(opt.errors.InputTypeError, match="must be callable, not int"):
        make(3)
    with pytest.raises(opt.errors.OptionError, match="jit must be"):
        make(lambda x: x, jit="on")
