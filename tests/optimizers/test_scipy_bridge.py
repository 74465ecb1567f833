"""Exact derivatives for SciPy's methods: the forms, the counts, the equality with hand-written ones."""

import numpy as np
import pytest
import scipy.optimize

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.scipy_bridge import METHODS, SharedDerivatives

START = np.array([-1.2, 1.0, 0.5])
NEAR = np.array([1.02, 1.04, 1.08])  # where the Hessian is positive definite, as dogleg needs
GRADIENT = [method for method in METHODS if "jac" in METHODS[method]]
SECOND = [method for method in METHODS if len(METHODS[method]) == 2]


def shifted(x, a=1.0):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2) + np.sum((x - a) ** 2)


class Counted:
    """`shifted`, counting plain calls and traced calls apart."""

    def __init__(self):
        self.plain, self.traced, self.points = 0, 0, []

    def __call__(self, x, *args):
        if isinstance(x, np.ndarray):
            self.plain += 1
            self.points.append(x.tobytes())
        else:
            self.traced += 1
        return shifted(x, *args)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_runs_without_warnings(method):
    keywords = opt.scipy_kwargs(shifted, method)
    assert set(keywords) == set(METHODS[method])
    result = scipy.optimize.minimize(shifted, NEAR, method=method, **keywords)
    assert result.success
    if keywords:
        np.testing.assert_allclose(result.x, 1.0, atol=1e-3)


@pytest.mark.parametrize("method", GRADIENT)
def test_args_reach_the_derivatives(method):
    start = np.full(3, 1.9)
    result = scipy.optimize.minimize(
        shifted, start, args=(2.0,), method=method, tol=1e-8, **opt.scipy_kwargs(shifted, method)
    )
    assert np.linalg.norm(SharedDerivatives(shifted).jac(result.x, 2.0)) < 1e-2


@pytest.mark.parametrize("method", SECOND)
@pytest.mark.parametrize("bounded", [False, True])
def test_trust_constr_bounds_and_second_order(method, bounded):
    if bounded and method != "trust-constr":
        return
    keywords = opt.scipy_kwargs(shifted, method)
    bounds = {"bounds": [(-2.0, 0.5)] * 3} if bounded else {}
    start = np.full(3, 0.4)
    result = scipy.optimize.minimize(shifted, start, method=method, **bounds, **keywords)
    if bounded:
        assert (result.x <= 0.5 + 1e-9).all()


def test_names_are_found_in_any_case():
    for name in ("l-bfgs-b", "LBFGSB", "L_BFGS_B"):
        assert set(opt.scipy_kwargs(shifted, name)) == {"jac"}


@pytest.mark.parametrize("method", ["newton", "", None])
def test_unknown_method(method):
    with pytest.raises(OptionError, match=r"unknown method .* of SciPy; its methods are Nelder-Mead, Powell"):
        opt.scipy_kwargs(shifted, method)


def test_arrays_are_new_contiguous_and_writable():
    shared = SharedDerivatives(shifted)
    for ask in (lambda: shared.jac(START), lambda: shared.hess(START), lambda: shared.hessp(START, START)):
        first = ask()
        assert first.dtype == np.float64
        assert first.flags.c_contiguous
        assert first.flags.writeable
        first[...] = np.nan
        assert np.isfinite(ask()).all()


@pytest.mark.parametrize("method", GRADIENT)
def test_one_plain_and_one_traced_evaluation_a_point(method):
    fun, asked = Counted(), {"jac": set(), "hess": set(), "hessp": set()}

    def noting(name, derivative):
        return lambda x, *rest: asked[name].add(x.tobytes()) or derivative(x, *rest)

    keywords = {name: noting(name, derivative) for name, derivative in opt.scipy_kwargs(fun, method).items()}
    start = NEAR if method == "dogleg" else START
    result = scipy.optimize.minimize(fun, start, method=method, **keywords)
    assert fun.plain == len(fun.points) == result.nfev
    assert fun.traced == sum(len(points) for points in asked.values())


def test_many_products_cost_one_linearisation():
    fun = Counted()
    shared = SharedDerivatives(fun)
    for p in np.eye(3):
        shared.hessp(START, p)
    traced = fun.traced
    shared.hessp(START, np.ones(3))
    assert fun.traced == traced
    shared.hessp(START + 1.0, np.ones(3))
    assert fun.traced > traced


def test_value_and_grad_makes_one_evaluation_a_point():
    fun = Counted()
    problem = opt.Problem(fun)
    result = scipy.optimize.minimize(problem.value_and_grad, START, jac=True, method="BFGS")
    assert result.success
    assert (fun.plain, fun.traced) == (0, result.nfev) == (0, problem.counts.nfev)


def test_new_args_are_not_the_old_ones():
    shared = SharedDerivatives(lambda x, a: a * x[0] ** 2)
    x = np.ones(1)
    assert [shared.jac(x, a)[0] for a in (1.0, 2.0, 1.0)] == [2.0, 4.0, 2.0]


@pytest.mark.parametrize("method", ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"])
def test_a_problem_is_evaluated_once_a_point(method):
    fun = Counted()
    problem = opt.Problem(fun)
    result = scipy.optimize.minimize(problem, START, method=method, **opt.scipy_kwargs(problem, method))
    assert result.success
    assert (fun.plain, fun.traced) == (0, problem.counts.nfev)
    assert problem.counts.nfev == problem.counts.njev <= result.nfev + 1


def test_a_users_class_that_looks_like_scipys_memo_is_called_as_it_is():
    class Model:
        fun = staticmethod(lambda x: 1 / 0)

        def derivative(self, x):
            return 2.0 * x

        def __call__(self, x):
            return x @ x

    model = Model()
    assert opt.LBFGS()(model, [1.0, 2.0], jac=model.derivative).success
