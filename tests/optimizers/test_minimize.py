"""The one door: method selection, SciPy's methods with our result, pytrees, constraints."""

import numpy as np
import pytest
import scipy.optimize
from every_solver import MINIMISERS, each, name_of
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError, ShapeError
from optimizers.scipy_bridge import METHODS, plain_name
from optimizers.scipy_bridge.conditions import Conditions

FIELDS = {"x", "fun", "jac", "nit", "nfev", "njev", "nhev", "status", "success", "message", "history"}
START = np.array([-1.2, 1.0])
SMOOTH = [method for method in METHODS if "jac" in METHODS[method] and method != "dogleg"]


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


OURS = ["gradient_descent", "lbfgs", "newton", "trust_region", "TrustRegion", "LBFGS", "Trust-Region", opt.Newton]


@pytest.mark.parametrize("method", [*OURS, opt.TrustRegion(), "auto", *SMOOTH])
def test_every_method_gives_the_same_fields(method):
    result = opt.minimize(rosen, START, method=method)
    assert set(result) >= FIELDS
    assert isinstance(result, opt.Result)
    assert isinstance(result.status, opt.Status)
    assert result.success or method == "gradient_descent"
    np.testing.assert_allclose(result.x, 1.0, atol=1e-3)
    assert result.fun == rosen(result.x)
    np.testing.assert_array_equal(result.jac, opt.Problem(rosen).at(result.x).g)
    assert result.history[0].f == rosen(START)
    assert result.nfev >= result.history[-1].nfev > 0
    assert len(result.history) > 2


@pytest.mark.parametrize("method", ["Nelder-Mead", "Powell", "COBYLA", "COBYQA"])
def test_methods_without_derivatives(method):
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        return (x[0] - 1.0) ** 2 + 0.5 * x[1] ** 2

    result = opt.minimize(fun, [3.0, 1.0], method=method)
    assert result.success
    assert (result.nfev, result.njev) == (calls, 1)  # the one gradient is that of the test at the end
    np.testing.assert_allclose(result.x, [1.0, 0.0], atol=1e-4)
    assert np.abs(result.jac).max() <= 1e-4
    assert result.history[0].f == 4.5


@pytest.mark.parametrize("method", ["Nelder-Mead", "Powell", "COBYLA", "COBYQA"])
def test_what_cannot_be_differentiated_is_not_verified(method):
    result = opt.minimize(lambda x: float(x[0]) ** 2 + float(x[1]) ** 2, [3.0, 1.0], method=method)
    assert result.scipy_result.success
    assert (result.status, result.success, result.jac) == (opt.Status.UNVERIFIED, False, None)
    assert "cannot be differentiated; SciPy says: " in result.message


def test_no_success_without_the_first_order_test():
    lifted = lambda x: 1e6 + rosen(x)  # noqa: E731
    inactive = {"type": "ineq", "fun": lambda x: 100.0 - x @ x}
    meyer = PROBLEMS["meyer"]
    for fun, start, keywords in [
        (lifted, START, {"method": "L-BFGS-B"}),
        (lifted, START, {"method": "L-BFGS-B", "bounds": [(-5.0, 5.0)] * 2}),
        (lifted, START, {"method": "L-BFGS-B", "options": {"ftol": 1e-6}}),
        (rosen, START, {"method": "SLSQP", "constraints": inactive, "options": {"ftol": 0.1}}),
        (meyer.objective, meyer.x0, {"method": "Powell"}),
        (meyer.objective, meyer.x0, {"method": "COBYLA"}),
        (meyer.objective, meyer.x0, {"method": "Nelder-Mead"}),
    ]:
        result = opt.minimize(fun, start, **keywords)
        assert result.success == (result.status == 0)
        assert not result.success or np.abs(result.jac).max() <= 1e-4
    assert opt.minimize(rosen, START, method="SLSQP", constraints=inactive, options={"ftol": 0.1}).status == 10
    assert opt.minimize(rosen, START, method="SLSQP", constraints=inactive).success
    assert opt.minimize(lifted, START, method="L-BFGS-B", options={"ftol": 1e-6}).status == 10
    assert opt.minimize(rosen, START, method="BFGS", tol=0.5).success


def test_first_order_conditions_of_active_constraints():
    """A point where the multiplier has the wrong sign, or that is not feasible, is no solution."""
    circle = {"type": "eq", "fun": lambda x: x @ x - 1.0, "jac": lambda x: 2.0 * x}
    line = scipy.optimize.LinearConstraint([[1.0, 1.0]], -np.inf, 1.0)
    curve = scipy.optimize.NonlinearConstraint(lambda x: x[0] * x[1], 0.25, 9.0)
    limits = np.zeros(2), np.full(2, 2.0)
    for constraint, x, g, holds in [
        (circle, [1.0, 0.0], [-3.0, 0.0], True),
        (circle, [1.0, 0.0], [3.0, 0.0], True),
        (circle, [1.0, 0.0], [3.0, 1.0], True),  # the bound on x[1] holds it
        (circle, [1.0, 0.0], [3.0, -1.0], False),
        (circle, [1.1, 0.0], [3.0, 0.0], False),
        (line, [0.5, 0.5], [-2.0, -2.0], True),
        (line, [0.5, 0.5], [2.0, 2.0], False),
        (line, [0.2, 0.2], [0.0, 0.0], True),
        (curve, [0.5, 0.5], [1.0, 1.0], True),
        (curve, [0.5, 0.5], [-1.0, -1.0], False),
    ]:
        residual = Conditions(limits, [constraint], 2, 1e-4).residual(np.array(x), np.array(g))
        assert (residual <= 1e-9) == holds


@pytest.mark.parametrize("method", SMOOTH)
def test_value_and_gradient_come_from_one_evaluation(method):
    plain = traced = 0

    def fun(x):
        nonlocal plain, traced
        plain, traced = plain + isinstance(x, np.ndarray), traced + (not isinstance(x, np.ndarray))
        return rosen(x)

    result = opt.minimize(fun, START, method=method)
    assert plain == 0
    assert result.nfev == result.njev
    assert traced >= result.nfev + result.nhev
    if METHODS[method] == ("jac",):
        assert traced == result.nfev


@pytest.mark.parametrize("method", ["trust_region", "lbfgs", "BFGS", "L-BFGS-B", "trust-exact", "Nelder-Mead", "SLSQP"])
def test_pytrees(method):
    start = {"a": 2.0, "b": [np.array([[1.0, -1.0]])]}
    result = opt.minimize(
        lambda p, c: (p["a"] - c) ** 2 + np.sum((p["b"][0] - 0.5) ** 2), start, args=(1.5,), method=method
    )
    assert result.x["a"] == pytest.approx(1.5, abs=1e-3)
    np.testing.assert_allclose(result.x["b"][0], [[0.5, 0.5]], atol=1e-3)


@pytest.mark.parametrize("shape", [(), (1,), (2, 3)])
def test_x_keeps_its_shape(shape):
    for method in ("auto", "lbfgs", "BFGS"):
        result = opt.minimize(lambda x: np.sum((x - 1.0) ** 2), np.zeros(shape), method=method)
        assert np.shape(result.x) == np.shape(result.jac) == shape
        np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


@each([solver for solver in MINIMISERS if name_of(solver) != "Chain"])  # which is made of a rule, and has no defaults
def test_every_solver_has_its_name(solver):
    """That of its class, in any case, with or without separators; an unknown name lists them all."""
    if plain_name(name_of(solver)) in map(plain_name, METHODS):  # SciPy's is meant, by the same name
        assert opt.minimize(lambda x: x @ x, [0.0], method=name_of(solver)).scipy_result.success
        assert "scipy_result" not in opt.minimize(lambda x: x @ x, [0.0], method=type(solver))
        return
    result = opt.minimize(lambda x: x @ x, [1.0, 2.0], method=name_of(solver).lower(), options={"maxiter": 0})
    assert result.status == opt.Status.MAXITER
    assert "scipy_result" not in result
    with pytest.raises(OptionError, match="unknown method 'foo'") as error:
        opt.minimize(rosen, START, method="foo")
    listed = str(error.value).split("SciPy's are")[0].replace("_", "").lower()
    assert name_of(solver).lower() in listed
    assert all(method in str(error.value) for method in METHODS)


def test_auto_chooses_by_size_bounds_and_constraints():
    def kind(n, **keywords):
        result = opt.minimize(lambda x: np.sum((x - 1.0) ** 2), np.zeros(n), **keywords)
        assert result.success
        return "hess" in result, result.get("scipy_result") is not None

    assert kind(5) == (True, False)
    assert kind(500) == (False, False)
    assert kind(5, bounds=[(0, 2)] * 5)[1] is False
    assert kind(500, bounds=[(0, 2)] * 500) == (False, False)
    assert kind(5, constraints={"type": "ineq", "fun": lambda x: 3.0 - x @ x}) == (False, True)


def test_bounds():
    for bounds in ([(2.0, None)] * 2, scipy.optimize.Bounds(2.0, np.inf)):
        for method in ("auto", "L-BFGS-B", "TNC", "SLSQP", "trust-constr"):
            result = opt.minimize(lambda x: x @ x, [5.0, 3.0], bounds=bounds, method=method)
            assert result.success
            np.testing.assert_allclose(result.x, 2.0, atol=1e-3)


@pytest.mark.parametrize("method", ["auto", "SLSQP", "trust-constr", "COBYLA"])
@pytest.mark.parametrize("tree", [False, True])
def test_constraints_get_exact_derivatives(method, tree):
    traced = []

    def circle(x, r):
        x = x["x"] if tree else x
        traced.append(not isinstance(x, np.ndarray))
        return r**2 - np.sum(x**2)

    constraint = {"type": "ineq", "fun": circle, "args": (2.0,)}
    start = {"x": np.array([1.0, 0.5])} if tree else [1.0, 0.5]
    fun = lambda x: -np.sum(x["x"] if tree else x)  # noqa: E731
    result = opt.minimize(fun, start, constraints=constraint, method=method)
    x = result.x["x"] if tree else result.x
    np.testing.assert_allclose(x, np.sqrt(2.0), atol=1e-3)
    assert result.success
    assert any(traced)


def test_nonlinear_constraint_objects():
    kinds = []

    def product(x):
        kinds.append(type(x))
        return np.stack([x[0] * x[1], x[0]])

    constraint = scipy.optimize.NonlinearConstraint(product, [1.0, -np.inf], [np.inf, 3.0])
    linear = scipy.optimize.LinearConstraint([[1.0, 1.0]], -10.0, 10.0)
    result = opt.minimize(lambda x: x @ x, [2.0, 2.0], constraints=[constraint, linear], method="trust-constr")
    np.testing.assert_allclose(result.x, 1.0, atol=1e-3)
    assert len(set(kinds)) > 1
    own = scipy.optimize.NonlinearConstraint(
        lambda x: x @ x, 1.0, 1.0, jac=lambda x: 2 * x, hess=lambda x, v: 2 * v[0] * np.eye(2)
    )
    result = opt.minimize(lambda x: x[0], [0.5, 0.5], constraints=own, method="trust-constr")
    assert result.x[0] == pytest.approx(-1.0, abs=1e-4)


@pytest.mark.parametrize(
    "method", ["BFGS", "L-BFGS-B", "TNC", "trust-constr", "SLSQP", "Nelder-Mead", "COBYQA", "newton"]
)
def test_stop_iteration_everywhere(method):
    count = 0

    def callback(xk):
        nonlocal count
        count += 1
        if count == 2:
            raise StopIteration

    result = opt.minimize(rosen, START, method=method, callback=callback)
    assert (result.status, result.success, count) == (99, False, 2)
    assert np.isfinite(result.fun)


@pytest.mark.parametrize("method", ["CG", "TNC", "trust-krylov", "SLSQP", "lbfgs"])
def test_callback_with_the_result(method):
    seen = []
    opt.minimize(rosen, START, method=method, callback=lambda intermediate_result: seen.append(intermediate_result))
    assert all(set(result) >= FIELDS for result in seen)
    assert [result.nit for result in seen[:3]] == [1, 2, 3]


def test_limits_of_scipys_methods_have_our_numbers():
    for method in ("BFGS", "Newton-CG", "L-BFGS-B", "SLSQP", "trust-exact", "trust-constr", "Nelder-Mead"):
        result = opt.minimize(rosen, START, method=method, options={"maxiter": 2})
        assert result.status == opt.Status.MAXITER, method
        assert not result.success


def test_scipys_false_success_is_taken_back():
    """Newton-CG stops on a small mean step and calls it success on Powell's badly scaled problem."""
    fun = lambda x: (1e4 * x[0] * x[1] - 1.0) ** 2 + (np.exp(-x[0]) + np.exp(-x[1]) - 1.0001) ** 2  # noqa: E731
    result = opt.minimize(fun, [0.0, 1.0], method="Newton-CG")
    assert result.scipy_result.success
    assert result.status == opt.Status.CONTRADICTED
    assert not result.success


def test_own_derivatives_reach_scipy():
    calls = []
    result = opt.minimize(
        lambda x: x @ x,
        [1.0, 2.0],
        method="trust-exact",
        jac=lambda x: calls.append("g") or 2 * x,
        hess=lambda x: calls.append("H") or 2 * np.eye(2),
    )
    assert result.success
    assert set(calls) == {"g", "H"}
    result = opt.minimize(lambda x: (x @ x, 2 * x), [1.0, 2.0], method="BFGS", jac=True)
    assert result.success


def test_tol_and_options():
    assert np.abs(opt.minimize(rosen, START, tol=1e-10).jac).max() <= 1e-10
    assert opt.minimize(rosen, START, options={"maxiter": 2}).nit == 2
    assert np.abs(opt.minimize(rosen, START, method="BFGS", tol=1e-9).jac).max() <= 1e-9


@pytest.mark.parametrize(
    "keywords, error, text",
    [
        ({"method": "foo"}, OptionError, "unknown method 'foo'; ours are auto, .*gradient_descent, lbfgs"),
        ({"options": [1]}, InputTypeError, "options must be a dict of names and values, not list"),
        ({"method": "newton", "jac": lambda x: 1.0}, ShapeError, "the jac <lambda> has shape"),
        ({"method": "newton", "hessp": lambda x, v: 1.0}, ShapeError, "the hessp <lambda> has shape"),
        (
            {"method": "newton", "hess": lambda x: np.array([[1.0, 2.0], [0.0, 1.0]])},
            ShapeError,
            "hess <lambda> is not sym",
        ),
        ({"method": rosen}, InputTypeError, "method must be a solver object or a name, not function"),
        ({"method": 3}, InputTypeError, "method must be a solver object or a name, not int"),
        ({"method": "newton", "bounds": [(0, 1)] * 2}, OptionError, "Newton cannot use bounds"),
        ({"method": "BFGS", "bounds": [(0, 1)] * 2}, OptionError, "BFGS cannot use bounds"),
        ({"method": "L-BFGS-B", "constraints": {"type": "eq", "fun": rosen}}, OptionError, "cannot use constraints"),
        ({"method": "BFGS", "hess": lambda x: np.eye(2)}, OptionError, "BFGS cannot use hess"),
        ({"method": "Nelder-Mead", "jac": lambda x: x}, OptionError, "Nelder-Mead cannot use jac"),
        ({"method": "BFGS", "jac": "3-point"}, OptionError, "jac='3-point': finite differences"),
        ({"method": "BFGS", "options": {"foo": 1}}, OptionError, "BFGS: Unknown solver options: foo"),
        ({"method": "trust-constr", "options": {"foo": 1}}, OptionError, "trust-constr: Unknown solver options: foo"),
        ({"method": "newton", "options": {"foo": 1}}, OptionError, "Newton has no option 'foo'"),
        ({"method": "L-BFGS-B", "bounds": [(0, 1)]}, OptionError, r"bounds: 2 pairs \(low, high\) are needed"),
        ({"method": "L-BFGS-B", "bounds": [(2, 1)] * 2}, OptionError, "a lower bound exceeds its upper bound"),
        ({"method": "SLSQP", "bounds": scipy.optimize.Bounds([0, 0, 0], 1)}, OptionError, "the limits have shapes"),
        ({"bounds": 3}, InputTypeError, "bounds must be a scipy.optimize.Bounds or a sequence of pairs"),
        ({"bounds": [3, 4]}, InputTypeError, r"sequence of pairs \(low, high\), not \[3, 4\]"),
        ({"bounds": [("a", 1)] * 2}, InputTypeError, "bounds must be numbers or None"),
        ({"bounds": [(np.inf, np.inf)] * 2}, OptionError, "bounds: no number is above a lower bound of inf"),
        ({"constraints": 3}, InputTypeError, "constraints is of type int: constraints are dicts"),
        ({"constraints": [scipy.optimize.Bounds(0, 1)]}, InputTypeError, r"constraints\[0\] is of type Bounds"),
        ({"constraints": [{"type": "eq"}]}, InputTypeError, r"constraints\[0\]: its 'fun' must be callable"),
        ({"constraints": {"fun": rosen}}, OptionError, "constraints: its 'type' must be 'eq' or 'ineq', not None"),
        (
            {"constraints": {"type": "eq", "fun": rosen, "jac": "2-point"}},
            OptionError,
            "constraints: its 'jac' must be a callable, not '2-point'",
        ),
        ({"jit": 0}, OptionError, "jit must be"),
        ({"method": "BFGS", "jit": "on"}, OptionError, "jit must be"),
        ({"x0": [1.0, np.nan]}, NonFiniteError, "x0 has a NaN or infinite entry at position 1"),
        ({"x0": [1.0, np.nan], "method": "BFGS"}, NonFiniteError, "x0 has a NaN"),
        ({"x0": [1j, 1.0]}, InputTypeError, "x0 is complex"),
        ({"x0": [1j, 1.0], "method": "BFGS"}, InputTypeError, "x0 is complex"),
        ({"x0": ["a", "b"]}, InputTypeError, "x0 must hold real numbers"),
        ({"x0": []}, ShapeError, "x0 is empty"),
        ({"fun": None}, InputTypeError, "fun must be callable"),
        ({"fun": lambda x: x}, ShapeError, "one real number, a scalar"),
        ({"fun": lambda x: x, "method": "BFGS"}, ShapeError, "one real number, a scalar"),
        ({"fun": lambda x: x, "method": "Nelder-Mead"}, ShapeError, "one real number, a scalar"),
        ({"fun": lambda x: None}, InputTypeError, "returned a NoneType"),
        ({"fun": lambda x: x[0] * np.nan, "method": "BFGS"}, NonFiniteError, "fun <lambda> is not finite at the start"),
        ({"jac": lambda x: np.ones(3)}, ShapeError, r"the jac <lambda> has shape \(3,\)"),
        ({"jac": lambda x: np.ones((2, 1)), "method": "L-BFGS-B"}, ShapeError, r"has shape \(2, 1\)"),
    ],
)
def test_bad_input(keywords, error, text):
    with pytest.raises(error, match=text):
        opt.minimize(**{"fun": rosen, "x0": START, **keywords})


def test_a_problem_is_no_objective():
    problem = opt.Problem(rosen)
    for method in (opt.BFGS(), "BFGS"):
        with pytest.raises(InputTypeError, match="fun is a Problem"):
            opt.minimize(problem, START, method=method)
