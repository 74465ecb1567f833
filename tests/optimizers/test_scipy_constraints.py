"""SciPy's methods with exact derivatives, bounds and constraints: solutions, exactness, and who evaluates how often."""

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

import optimizers as opt
from optimizers.errors import InputTypeError, OptionError
from optimizers.scipy_bridge import METHODS

BOUNDED = ["L-BFGS-B", "TNC", "SLSQP", "trust-constr"]
WITHOUT = ["Nelder-Mead", "COBYLA", "COBYQA"]
START = np.array([0.4, 0.2])
# Rosenbrock's function on the unit disk: SciPy's tutorial and its tests have this point.
ON_DISK = np.array([0.78641515, 0.61769831])


def rosen(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


def solve(method, x0=START, fun=rosen, **keywords):
    options = {"trust-constr": {"gtol": 1e-8, "xtol": 1e-12, "maxiter": 3000}, "SLSQP": {"ftol": 1e-12}}
    return scipy.optimize.minimize(
        fun, x0, method=method, options=options.get(method), **opt.scipy_kwargs(fun, method), **keywords
    )


class Counted:
    """A function that counts the calls with numbers, those with traced values, and the points of the former."""

    def __init__(self, fun):
        self.fun, self.plain, self.traced, self.points = fun, 0, 0, set()

    def __call__(self, x, *args):
        if isinstance(x, np.ndarray):
            self.plain += 1
            self.points.add(x.tobytes())
        else:
            self.traced += 1
        return self.fun(x, *args)


# -- scipy_kwargs with bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*BOUNDED, *WITHOUT])
@pytest.mark.parametrize("bounds", [[(-2.0, 0.5), (None, None)], Bounds([-2.0, -np.inf], [0.5, np.inf])])
def test_bounds(method, bounds):
    result = solve(method, bounds=bounds)
    assert result.x[0] <= 0.5
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-3)


@pytest.mark.parametrize("method", BOUNDED)
def test_with_bounds_too_a_problem_is_evaluated_once_a_point(method):
    fun = Counted(rosen)
    problem = opt.Problem(fun)
    keywords = opt.scipy_kwargs(problem, method)
    result = scipy.optimize.minimize(problem, START, method=method, bounds=[(-2.0, 0.5), (-3.0, 3.0)], **keywords)
    assert fun.plain == 0
    assert fun.traced == problem.counts.nfev + problem.counts.nhev
    assert problem.counts.nfev == problem.counts.njev <= result.nfev + 1


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name]])
def test_the_counts_of_scipy_are_those_of_the_functions(method):
    """What SciPy reports as nfev, njev, nhev is what objective and derivatives were asked for."""
    calls = dict.fromkeys(("fun", "jac", "hess", "hessp"), 0)

    def noting(name, function):
        def noted(*arguments):
            calls[name] += 1
            return function(*arguments)

        return noted

    keywords = {name: noting(name, f) for name, f in opt.scipy_kwargs(rosen, method, jit=False).items()}
    start = [1.05, 1.1] if method == "dogleg" else START
    result = scipy.optimize.minimize(noting("fun", rosen), start, method=method, **keywords)
    assert calls["fun"] == result.nfev
    assert calls["jac"] == result.get("njev", calls["jac"])  # TNC counts none
    if len(keywords) == 2:  # the last Hessian, or the first product, SciPy may or may not count
        assert abs(calls["hess"] + calls["hessp"] - result.nhev) <= 1


# -- scipy_kwargs with constraints ---------------------------------------------------------------------------------


def disk_as(kind, method):
    """The unit disk as each of the objects that SciPy takes."""
    inside = lambda x: 1.0 - x @ x  # noqa: E731
    if kind == "dict":
        return {"type": "ineq", "fun": inside, "jac": lambda x: -2.0 * x}
    if kind == "opt":
        return opt.nonlinear_constraint(lambda x: x @ x, -np.inf, 1.0, method=method)
    hess = {"hess": lambda x, v: 2 * v[0] * np.eye(2)} if method == "trust-constr" else {}
    return NonlinearConstraint(lambda x: x @ x, -np.inf, 1.0, jac=lambda x: 2 * x, **hess)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr", "COBYLA", "COBYQA"])
@pytest.mark.parametrize("kind", ["dict", "opt", "scipy"])
def test_nonlinear_constraints(method, kind):
    result = solve(method, constraints=disk_as(kind, method))
    np.testing.assert_allclose(result.x, ON_DISK, atol=2e-3 if method.startswith("COBY") else 1e-5)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_linear_and_nonlinear_constraints_and_bounds_together(method):
    """On the line the function is least at its crossing with the bound, which the ellipse leaves free."""
    line = LinearConstraint([[1.0, 1.0]], 0.5, 0.5)
    both = lambda x: [x[0] ** 2 + 2.0 * x[1] ** 2, x[0] * x[1]]  # noqa: E731
    ellipse = opt.nonlinear_constraint(both, [-np.inf, -1.0], [1.0, 1.0], method=method)
    result = solve(method, constraints=[line, ellipse], bounds=[(-1.0, 0.25), (None, None)])
    np.testing.assert_allclose(result.x, [0.25, 0.25], atol=2e-4)
    free = solve(method, constraints=[line, ellipse])
    assert free.x.sum() == pytest.approx(0.5)
    least = scipy.optimize.minimize_scalar(lambda t: rosen([t, 0.5 - t]), bracket=(0.0, 0.5))
    np.testing.assert_allclose(free.x[0], least.x, atol=1e-5)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_equations(method):
    circle = opt.nonlinear_constraint(lambda x: x @ x, 2.0, 2.0, method=method)
    result = solve(method, fun=lambda x: x[0] + x[1], x0=[-1.0, 0.5], constraints=circle)
    np.testing.assert_allclose(result.x, [-1.0, -1.0], atol=1e-5)


def test_one_inequality_of_a_dict_with_args_and_exact_derivatives_by_our_door():
    """The same by `opt.minimize`, whose constraints are supplied with derivatives."""
    for method in ("SLSQP", "trust-constr"):
        disk = {"type": "ineq", "fun": lambda x, r: r**2 - x @ x, "args": (1.0,)}
        result = opt.minimize(rosen, START, method=method, constraints=disk, tol=1e-8)
        assert result.success
        np.testing.assert_allclose(result.x, ON_DISK, atol=1e-4)


# -- nonlinear_constraint itself -----------------------------------------------------------------------------------


def curves(x):
    return np.stack([x[0] ** 2 * x[1], np.sin(x[0] * x[1]), np.exp(x[1])])


@pytest.mark.parametrize("jit", ["auto", True, False])
def test_jacobian_and_hessian_are_exact(jit):
    constraint = opt.nonlinear_constraint(curves, 0.0, 1.0, jit=jit)
    x, v = np.array([0.7, -1.3]), np.array([2.0, -0.5, 3.0])
    a, b = x
    np.testing.assert_allclose(constraint.fun(x), curves(x), rtol=1e-15)
    jac = [[2 * a * b, a**2], [b * np.cos(a * b), a * np.cos(a * b)], [0.0, np.exp(b)]]
    np.testing.assert_allclose(constraint.jac(x), jac, rtol=1e-14)
    sine = np.array(
        [[-(b**2) * np.sin(a * b), np.cos(a * b) - a * b * np.sin(a * b)],
         [np.cos(a * b) - a * b * np.sin(a * b), -(a**2) * np.sin(a * b)]]
    )  # fmt: skip
    hess = v[0] * np.array([[2 * b, 2 * a], [2 * a, 0.0]]) + v[1] * sine + v[2] * np.diag([0.0, np.exp(b)])
    np.testing.assert_allclose(constraint.hess(x, v), hess, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("fun", [lambda x: x[0] * x[1], lambda x: [x[0], x[1] ** 2], lambda x: np.outer(x, x)])
def test_numbers_lists_and_arrays_of_any_shape(fun):
    constraint = opt.nonlinear_constraint(fun, -np.inf, 1.0, jit=False)
    x = np.array([0.5, 2.0])
    m = np.size(fun(x))
    assert constraint.jac(x).shape == (m, 2)
    assert constraint.hess(x, np.ones(m)).shape == (2, 2)
    np.testing.assert_allclose(np.ravel(constraint.fun(x)), np.ravel(fun(x)))


def test_limits_and_keep_feasible_are_handed_on():
    constraint = opt.nonlinear_constraint(curves, [0.0, -1.0, 0.0], np.inf, keep_feasible=True)
    assert isinstance(constraint, NonlinearConstraint)
    assert constraint.lb == [0.0, -1.0, 0.0]
    assert constraint.ub == np.inf
    assert constraint.keep_feasible is True
    seen = []
    inside = opt.nonlinear_constraint(lambda x: x @ x, -np.inf, 1.0, keep_feasible=True)
    solve("trust-constr", constraints=inside, callback=lambda x, state: seen.append(x.copy()))
    assert max(x @ x for x in seen) <= 1.0


@pytest.mark.parametrize(
    "method, jac, hess", [("trust-constr", True, True), ("slsqp", True, False), ("COBYLA", False, False)]
)
def test_a_method_gets_what_it_uses(method, jac, hess):
    constraint = opt.nonlinear_constraint(curves, 0.0, 1.0, method=method)
    assert (callable(constraint.jac), callable(constraint.hess)) == (jac, hess)
    with pytest.raises(OptionError, match="BFGS cannot use constraints; SciPy's methods that can are SLSQP, COBYLA"):
        opt.nonlinear_constraint(curves, 0.0, 1.0, method="BFGS")


@pytest.mark.parametrize("method", ["SLSQP", "COBYLA", "COBYQA"])
def test_our_door_makes_no_method_warn_of_a_hessian(method):
    disk = NonlinearConstraint(lambda x: x @ x, -np.inf, 1.0)
    result = opt.minimize(rosen, START, method=method, constraints=disk)
    np.testing.assert_allclose(result.x, ON_DISK, atol=2e-3)


def test_value_and_jacobian_are_evaluated_together_once_a_point():
    fun = Counted(lambda x: np.stack([x @ x, x[0]]))
    constraint = opt.nonlinear_constraint(fun, -np.inf, 1.0, jit=False)
    constraint.fun(START)
    assert (fun.plain, fun.traced) == (1, 0)
    constraint.jac(START)
    for _ in range(3):
        constraint.fun(START)
        constraint.jac(START)
    assert (fun.plain, fun.traced) == (1, 1)
    constraint.fun(START + 1.0)
    constraint.jac(START + 1.0)
    constraint.fun(START)  # the last two points are remembered
    assert (fun.plain, fun.traced) == (1, 2)
    constraint.fun(START)[:] = np.nan
    constraint.jac(START)[:] = np.nan  # copies
    assert np.isfinite(constraint.fun(START)).all()
    assert np.isfinite(constraint.jac(START)).all()


@pytest.mark.parametrize("method", ["COBYLA", "COBYQA"])
def test_methods_without_derivatives_need_none(method):
    fun = lambda x: float(x[0]) ** 2 + float(x[1]) ** 2  # noqa: E731
    constraint = opt.nonlinear_constraint(fun, -np.inf, 1.0, method=method)
    result = solve(method, constraints=constraint)
    np.testing.assert_allclose(result.x, ON_DISK, atol=2e-3)


def test_what_is_no_constraint_is_refused():
    with pytest.raises(InputTypeError, match="fun must be callable, not int"):
        opt.nonlinear_constraint(3, 0.0, 1.0)
    with pytest.raises(OptionError, match="jit must be"):
        opt.nonlinear_constraint(curves, 0.0, 1.0, jit="on")
