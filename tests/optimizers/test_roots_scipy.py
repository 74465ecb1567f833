"""SciPy's side of roots: its methods with exact derivatives, from `opt.root` and from `root_kwargs`."""

import numpy as np
import pytest
import scipy.optimize
from mgh import PROBLEMS
from root_systems import chandrasekhar, cubic_system, rosenbrock, size

import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError, ShapeError
from optimizers.scipy_bridge import ROOT_METHODS

START = [0.6, 0.4, 1.5]
methods = pytest.mark.parametrize("method", ROOT_METHODS)


def gentle(x):
    """What methods without derivatives solve too; in the sign that SciPy's mixing methods ask for."""
    return 0.5 - x - 0.1 * np.cos(x[::-1])


# -- opt.root with SciPy's methods ----------------------------------------------------------------------------------


@methods
def test_every_method_of_scipys(method):
    result = opt.root(gentle, np.zeros(3), method=method, jit=False)
    assert (result.success, result.status) == (True, 0), result.message
    assert size(gentle, result.x) <= 1e-5
    np.testing.assert_array_equal(result.fun, gentle(result.x))
    assert len(result.history) == result.nit + 1
    assert result.history[-1].gnorm == pytest.approx(size(gentle, result.x))
    assert result.scipy_result.x.shape == (3,)
    assert (result.njev > 0) == (method in ("hybr", "lm"))
    assert (result.njvp > 0) == (method == "krylov")


@methods
def test_one_evaluation_a_point(method):
    """However often SciPy asks, and the final test of its claim included."""
    seen = []

    def fun(x):
        if isinstance(x, np.ndarray):  # not when it is traced
            seen.append(x.tobytes())
        return gentle(x)

    result = opt.root(fun, np.zeros(3), method=method, jit=False)
    assert len(seen) == result.nfev == result.history[-1].nfev
    assert len(set(seen)) == len(seen)
    direct = []
    scipy.optimize.root(lambda x: direct.append(1) or gentle(x), np.zeros(3), method=method)
    assert result.nfev <= len(direct)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_the_exact_jacobian_is_used(method):
    problem = PROBLEMS["helical_valley"]
    exact = opt.root(problem.residual, problem.x0, method=method, jit=False)
    differences = scipy.optimize.root(problem.residual, problem.x0, method=method)
    assert exact.success
    assert exact.nfev < differences.nfev
    mine = []
    given = opt.root(gentle, np.zeros(3), method=method, jac=lambda x: mine.append(1) or np.eye(3), jit=False)
    assert given.njev == len(mine) > 0


def test_a_claim_of_success_at_a_minimum_that_is_no_root_is_contradicted():
    """SciPy's lm: success is True at x = 0 of x² + 1."""
    assert scipy.optimize.root(lambda x: x**2 + 1.0, [0.5], method="lm").success
    result = opt.root(lambda x: x**2 + 1.0, [0.5], method="lm", jit=False)
    assert (result.status.name, result.success) == ("CONTRADICTED", False)
    assert "max |F| = 1, at most 1e-05 is asked for; SciPy says: " in result.message


@methods
def test_no_false_success_where_there_is_no_root(method):
    options = {} if method in ("hybr", "lm") else {"maxfev" if method == "df-sane" else "maxiter": 30}
    result = opt.root(lambda x: x**2 + 1.0, [0.5, 2.0], method=method, options=options, jit=False)
    assert not result.success
    assert np.isfinite(result.fun).all()
    assert np.sum(result.fun**2) <= np.sum((np.array([0.5, 2.0]) ** 2 + 1.0) ** 2)


@methods
def test_functions_that_become_nan_end_without_success(method):
    options = {} if method in ("hybr", "lm") else {"maxfev" if method == "df-sane" else "maxiter": 20}
    result = opt.root(lambda x: np.where(x == 2.0, x, np.nan), [2.0], method=method, options=options, jit=False)
    assert not result.success
    assert result.x == [2.0]
    assert result.fun == [2.0]


@methods
def test_errors_of_the_function_reach_the_caller(method):
    def fun(x):
        if np.abs(x).max() > 0.1:
            raise ValueError("no such place")
        return gentle(x)

    with pytest.raises(ValueError, match="no such place"):
        opt.root(fun, np.zeros(3), method=method, jit=False)


@methods
def test_limits_have_their_status(method):
    limit = {"hybr": "maxfev", "lm": "maxiter", "df-sane": "maxfev"}.get(method, "maxiter")
    result = opt.root(cubic_system, [3.0, -3.0, 2.0], method=method, options={limit: 2}, jit=False)
    assert not result.success
    assert result.status in (opt.Status.MAXFUN, opt.Status.MAXITER)


@methods
def test_callbacks_of_every_method(method):
    rows = []
    result = opt.root(gentle, np.zeros(3), method=method, callback=lambda x, f: rows.append((x, f)), jit=False)
    assert len(rows) == result.nit
    for x, f in rows:
        np.testing.assert_array_equal(gentle(x), f)
    stopped = opt.root(gentle, np.zeros(3), method=method, callback=lambda x: True, jit=False)
    assert (stopped.status, stopped.nit, stopped.success) == (99, 1, False)


@pytest.mark.parametrize("method", ["hybr", "krylov", "broyden1", "df-sane"])
def test_trees_arguments_and_shapes(method):
    def fun(p, a):
        return {"u": p["u"] + 0.1 * np.cos(p["v"]) - a, "v": p["v"] - 0.2 * np.sum(p["u"])}

    result = opt.root(fun, {"u": np.zeros((1, 2)), "v": 0.0}, (0.3,), method=method, jit=False)
    assert result.success
    assert result.x["u"].shape == result.fun["u"].shape == (1, 2)


@methods
def test_arguments_that_are_of_no_use_are_refused(method):
    with pytest.raises(OptionError, match=f"{method}: Unknown solver options: foo"):
        opt.root(gentle, np.zeros(3), method=method, options={"foo": 1}, jit=False)
    if method not in ("hybr", "lm"):
        with pytest.raises(OptionError, match=f"{method} cannot use jac"):
            opt.root(gentle, np.zeros(3), method=method, jac=lambda x: np.eye(3), jit=False)
    else:
        with pytest.raises(ShapeError, match=r"jac <lambda> has shape \(2, 2\): it must be \(3, 3\)"):
            opt.root(gentle, np.zeros(3), method=method, jac=lambda x: np.eye(2), jit=False)


@methods
@pytest.mark.parametrize(
    "fun, x0, error, text",
    [
        (gentle, [np.nan, 0.0], NonFiniteError, "x0 has a NaN"),
        (gentle, [1j, 0.0], InputTypeError, "x0 is complex"),
        (lambda x: np.log(x), [0.0, 1.0], NonFiniteError, "fun <lambda> is not finite at the start"),
        (lambda x: x[:1], [0.0, 1.0], ShapeError, "fun <lambda> returned 1 values for 2 unknowns"),
        (lambda x: 1e200 * (x + 1.0), [0.0, 1.0], NonFiniteError, "the square of fun <lambda> overflows"),
    ],
    ids=["NaN", "complex", "log", "one equation", "overflow"],
)
def test_bad_input_is_named(method, fun, x0, error, text):
    with pytest.raises(error, match=text):
        opt.root(fun, x0, method=method, jit=False)


def test_tolerances_reach_scipy():
    loose, tight = (opt.root(gentle, np.zeros(3), method="broyden1", tol=tol, jit=False) for tol in (1e-1, 1e-11))
    assert loose.nit < tight.nit
    assert loose.success
    assert size(gentle, loose.x) > 1e-5  # `tol` is what the claim is held to
    d = np.linspace(1.0, 50.0, 40)
    few, many = (
        opt.root(lambda x: d * x + x**3 - 1.0, np.ones(40), method="krylov", jit=False, options=options)
        for options in ({"jac_options": {"inner_maxiter": 1}}, None)
    )
    assert few.nit > many.nit


# -- keywords for scipy.optimize.root and root_scalar ----------------------------------------------------------------


@methods
def test_root_kwargs_are_accepted_as_they_are(method):
    found = scipy.optimize.root(gentle, np.zeros(3), method=method, **opt.root_kwargs(gentle, method, jit=False))
    assert found.success
    np.testing.assert_allclose(found.x, opt.root(gentle, np.zeros(3), jit=False).x, atol=1e-5)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_jacobians_follow_the_arguments(method):
    def fun(x, a):
        return x**3 - a

    keywords = opt.root_kwargs(fun, method, jit=False)
    for a in (8.0, 27.0):
        found = scipy.optimize.root(fun, [1.5, 2.5], args=(a,), method=method, **keywords)
        np.testing.assert_allclose(found.x, np.cbrt(a), rtol=1e-6)
    assert found.njev > 0


def test_krylov_gets_exact_products():
    """SciPy has no keyword for them: its F is then evaluated at trial points alone."""
    fun, calls = chandrasekhar(40, 0.95), []

    def counted(x):
        calls.append(isinstance(x, np.ndarray))
        return fun(x)

    plain = scipy.optimize.root(counted, np.ones(40), method="krylov", options={"fatol": 1e-10})
    by_differences = len(calls)
    calls.clear()
    keywords = opt.root_kwargs(counted, "krylov", jit=False)
    keywords["options"]["fatol"] = 1e-10
    exact = scipy.optimize.root(counted, np.ones(40), method="krylov", **keywords)
    assert exact.success
    assert sum(calls) < 0.6 * by_differences
    np.testing.assert_allclose(exact.x, plain.x, atol=1e-8)


def test_a_problem_in_place_of_the_function_evaluates_once_a_point():
    for method in ("hybr", "lm", "krylov"):
        seen = []

        def fun(x, seen=seen):
            if isinstance(x, np.ndarray):
                seen.append(x.tobytes())
            return x + 0.1 * np.cos(x.T) - 0.5

        start = np.zeros((2, 2)) if method == "krylov" else np.zeros(4)
        problem = opt.RootProblem(fun if method == "krylov" else gentle, like=start, jit=False)
        found = scipy.optimize.root(problem, start, method=method, **opt.root_kwargs(problem, method))
        assert found.success
        assert found.x.shape == start.shape
        assert len(set(seen)) == len(seen)
    with pytest.raises(OptionError, match="args: a RootProblem has its own"):
        opt.root_kwargs(problem, "hybr")["jac"](np.zeros(4), 3.0)


@pytest.mark.parametrize("method", ["newton", "halley", "secant", "brentq", "bisect", "toms748"])
def test_root_scalar(method):
    def fun(x, a):
        return np.exp(x) - a * x**2

    keywords = opt.root_kwargs(fun, method, jit=False)
    assert sorted(keywords) == {"newton": ["fprime"], "halley": ["fprime", "fprime2"]}.get(method, [])
    for a in (4.0, 5.0):
        x0 = {"x0": 0.9} if method in ("newton", "halley", "secant") else {"bracket": (0.3, 1.9)}
        found = scipy.optimize.root_scalar(fun, args=(a,), method=method, **x0, **keywords)
        assert fun(found.root, a) == pytest.approx(0.0, abs=1e-9)
    if keywords:
        assert keywords["fprime"](0.5, 4.0) == pytest.approx(np.exp(0.5) - 4.0)
    if method == "halley":
        assert keywords["fprime2"](0.5, 4.0) == pytest.approx(np.exp(0.5) - 8.0)


def test_unknown_methods_are_named():
    with pytest.raises(OptionError, match=r"unknown method 'foo' of SciPy; its methods are hybr, lm, .*halley"):
        opt.root_kwargs(rosenbrock, "foo")
    assert sorted(opt.root_kwargs(rosenbrock, "HYBR")) == ["jac"]
