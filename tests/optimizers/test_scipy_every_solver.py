"""SciPy's protocol, asked of every solver: `scipy.optimize.minimize(method=solver)`, basinhopping, dual_annealing."""

import numpy as np
import pytest
import scipy.optimize
from every_solver import MINIMISERS, RESIDUAL_SOLVERS, each, is_slow, name_of, unused_values

import optimizers as opt
from optimizers.errors import InputTypeError, OptionError

minimize = scipy.optimize.minimize
solvers = each(MINIMISERS)


def using(name):
    return each([solver for solver in MINIMISERS if name in solver.uses])


def without(name):
    return each([solver for solver in MINIMISERS if name not in solver.uses])


def bowl(x, a=1.0, b=0.0):
    return a * np.sum((x - 0.3) ** 2) + np.sum((x - 0.3) ** 4) + b


def bowl_grad(x, a=1.0, b=0.0):
    return 2 * a * (x - 0.3) + 4 * (x - 0.3) ** 3


def bowl_hess(x, a=1.0, b=0.0):
    return np.diag(2 * a + 12 * (x - 0.3) ** 2)


def wells(x):
    return np.sum(x**4 - 16 * x**2 + 5 * x) / 2


def check(result, x0, value=0.0):
    """A result as all are: ours, of float64, honest, below the start; of all but the slowest, the minimiser."""
    assert isinstance(result, opt.Result)
    assert result.x.dtype == np.float64
    assert result.x.shape == np.shape(np.atleast_1d(x0))
    assert result.success == (result.status == 0) == (np.abs(result.jac).max() <= 1e-6)
    assert result.fun < bowl(np.atleast_1d(np.asarray(x0, dtype=float))) + value
    assert len(result.history) == result.nit + 1
    if result.success:
        np.testing.assert_allclose(result.x, 0.3, atol=1e-5)
        assert result.fun == pytest.approx(value, abs=1e-9)


def test_there_are_solvers():
    names = [name_of(solver) for solver in MINIMISERS]
    assert {"GradientDescent", "LBFGS", "Newton", "TrustRegion"} <= set(names)
    assert len(set(names)) == len(names)


def test_every_value_of_an_option_that_is_to_be_tried_is_one_of_some_solver():
    """Else a value whose name has changed would be tried no more, and nobody would notice."""
    assert not unused_values()


@solvers
@pytest.mark.parametrize(
    "x0", [[0.0, 1], (1, 2), np.array([1, 0]), 0.5, np.float32([1.0, 0.0])], ids=["list", "tuple", "int", "0-d", "f32"]
)
def test_starts(solver, x0):
    result = minimize(bowl, x0, method=solver)
    check(result, x0)
    assert result.success or is_slow(solver)


@solvers
def test_args_reach_objective_and_derivatives(solver):
    for args in ((2.0, 7.0), 2.0):
        check(minimize(bowl, [0.9], args=args, method=solver), [0.9], value=7.0 if args == (2.0, 7.0) else 0.0)
    check(minimize(bowl, [0.9], args=(2.0, 7.0), jac=bowl_grad, method=solver), [0.9], value=7.0)


@solvers
def test_evaluations_of_hodiffs_derivatives_are_those_that_the_objective_counts(solver):
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        return bowl(x)

    result = minimize(fun, [0.9, 0.1], method=solver)
    assert result.history.eager_reason is not None  # a function that counts cannot be compiled
    assert 0 < result.nfev <= calls <= result.nfev + result.nhev + result.nhvp
    if result.nhev == result.nhvp == 0:
        assert calls == result.nfev == result.njev


@solvers
@pytest.mark.parametrize("how", ["callable", "True"])
def test_evaluations_of_ones_own_derivatives_are_those_counted(solver, how):
    calls = {"fun": 0, "jac": 0, "hess": 0, "hessp": 0}

    def noting(name, function):
        def noted(*arguments):
            calls[name] += 1
            return function(*arguments)

        return noted

    given = {"jac": noting("jac", bowl_grad)}
    fun = noting("fun", bowl)
    if how == "True":
        fun, given = noting("fun", lambda x: (bowl(x), bowl_grad(x))), {"jac": True}
    if "hess" in solver.uses:
        given["hess"] = noting("hess", bowl_hess)
    elif "hessp" in solver.uses:
        given["hessp"] = noting("hessp", lambda x, p: bowl_hess(x) @ p)
    result = minimize(fun, [0.9, 0.1], method=solver, **given)
    check(result, [0.9, 0.1])
    assert calls["fun"] == result.nfev > 0
    assert (calls["jac"] if how == "callable" else calls["fun"]) == result.njev
    assert (calls["hess"], calls["hessp"]) == (result.nhev, result.nhvp if "hessp" in given else 0)
    assert (result.nfev, result.njev, result.nhev, result.nhvp) == result.history[-1][6:10]


@using("hessp")
def test_hessian_vector_products_of_ones_own(solver):
    calls = 0

    def hessp(x, p):
        nonlocal calls
        calls += 1
        return bowl_hess(x) @ p

    result = minimize(bowl, [0.9, 0.1], jac=bowl_grad, hessp=hessp, method=solver)
    check(result, [0.9, 0.1])
    assert (calls, result.nhev) == (result.nhvp, 0)
    assert calls > 0


@pytest.mark.parametrize("name", ["hess", "hessp", "bounds", "constraints"])
def test_what_a_solver_does_not_use_it_refuses_by_name(name):
    given = {
        "hess": bowl_hess,
        "hessp": lambda x, p: p,
        "bounds": [(0.0, 1.0)],
        "constraints": {"type": "ineq", "fun": lambda x: 1.0 - x[0]},
    }[name]
    refusing = [solver for solver in MINIMISERS if name not in solver.uses]
    assert refusing
    for solver in refusing:
        with pytest.raises(OptionError, match=f"{name_of(solver)} cannot use {name}"):
            minimize(bowl, [0.9], method=solver, **{name: given})
        assert minimize(bowl, [0.3], method=solver, constraints=[]).nit == 0  # which are none


@using("bounds")
@pytest.mark.parametrize("bounds", [[(0.5, 2.0), (None, None)], scipy.optimize.Bounds([0.5, -np.inf], [2.0, np.inf])])
def test_bounds_are_kept_to_exactly(solver, bounds):
    seen = []

    def fun(x):
        seen.append(np.array(x, dtype=float) if isinstance(x, np.ndarray) else None)
        return bowl(x)

    result = minimize(fun, [0.9, 0.1], method=solver, bounds=bounds, jac=bowl_grad, callback=lambda xk: None)
    assert result.success
    assert result.x[0] == 0.5
    assert result.x[1] == pytest.approx(0.3, abs=1e-5)
    assert all(x is None or 0.5 <= x[0] <= 2.0 for x in seen)
    # SciPy's protocol clips the start, since basinhopping and others may leave the bounds.
    assert minimize(bowl, [-3.0, 0.1], method=solver, bounds=bounds).x[0] == 0.5


@using("bounds")
@pytest.mark.parametrize(
    "bounds, text",
    [
        ([(2.0, 1.0)] * 2, "a lower bound exceeds its upper bound"),
        ([(0.0, 1.0)], r"2 pairs \(low, high\) are needed"),
        (scipy.optimize.Bounds([0.0] * 3, 1.0), "the limits have shapes"),
    ],
)
def test_malformed_bounds_are_refused(solver, bounds, text):
    with pytest.raises(OptionError, match=text):
        minimize(bowl, [0.9, 0.1], method=solver, bounds=bounds)


@solvers
def test_callbacks_of_both_signatures(solver):
    xs, results = [], []
    run = minimize(bowl, [0.9, 0.1], method=solver, options={"maxiter": 5}, callback=lambda xk: xs.append(xk))
    assert len(xs) == run.nit > 0
    assert all(isinstance(x, np.ndarray) and x.shape == (2,) for x in xs)
    assert len({id(x) for x in xs}) == len(xs)

    def note(intermediate_result):
        results.append(intermediate_result)

    minimize(bowl, [0.9, 0.1], method=solver, options={"maxiter": 5}, callback=note)
    assert len(results) == len(xs)
    for x, result in zip(xs, results, strict=True):
        assert {"x", "fun", "jac", "nit", "nfev", "status", "history"} <= set(result)
        np.testing.assert_allclose(x, result.x)
        assert result.fun == pytest.approx(bowl(result.x), rel=1e-12)


@solvers
def test_stop_iteration_is_status_99(solver):
    def stop(xk):
        raise StopIteration

    result = minimize(bowl, [0.9, 0.1], method=solver, callback=stop)
    assert (result.status, result.success, result.nit) == (99, False, 1)
    assert result.message == "`callback` raised `StopIteration`."


@solvers
def test_tol_and_options(solver):
    one = minimize(bowl, [0.9, 0.1], method=solver, options={"maxiter": 1, "gtol": 0.0})
    assert (one.status, one.nit) == (opt.Status.MAXITER, 1)
    loose = minimize(bowl, [0.9, 0.1], method=solver, tol=0.5)
    assert loose.success
    assert np.abs(loose.jac).max() <= 0.5
    tight = minimize(bowl, [0.9, 0.1], method=solver, tol=0.5, options={"gtol": 1e-9, "maxiter": 3})
    assert not tight.success or np.abs(tight.jac).max() <= 1e-9
    with pytest.raises(OptionError, match=f"{name_of(solver)} has no option 'gtoll'; it has .*gtol, "):
        minimize(bowl, [0.9], method=solver, options={"gtoll": 1.0})
    with pytest.raises(OptionError, match=f"{name_of(solver)}: gtol must be a number >= 0"):
        minimize(bowl, [0.9], method=solver, options={"gtol": -1.0})


@solvers
def test_approximations_and_complex_numbers_are_refused(solver):
    if "hess" in solver.uses:
        with pytest.raises(OptionError, match="hess='cs': finite differences"):
            minimize(bowl, [0.9], method=solver, hess="cs")
    with pytest.raises(InputTypeError, match="x0 is complex"):
        minimize(bowl, [1j], method=solver)


@solvers
def test_basinhopping(solver):
    options = {"maxiter": 100} if is_slow(solver) else {}
    result = scipy.optimize.basinhopping(
        wells, [2.0], niter=6, stepsize=4.0, rng=1, minimizer_kwargs={"method": solver, "options": options}
    )
    assert result.fun < wells(np.array([2.0]))
    if not is_slow(solver):
        assert result.lowest_optimization_result.success
        assert result.x[0] == pytest.approx(-2.903534, abs=1e-4)


@solvers
def test_dual_annealing(solver):
    options = {"maxiter": 100} if is_slow(solver) else {}
    keywords = {"method": solver, "options": options}
    result = scipy.optimize.dual_annealing(wells, [(-5.0, 5.0)], maxiter=15, rng=1, minimizer_kwargs=keywords)
    assert result.x[0] == pytest.approx(-2.903534, abs=0.5 if is_slow(solver) else 1e-4)


@solvers
def test_compiled_and_eager_runs_count_alike(solver):
    """What is compiled cannot count its calls; the fields are those of a run that can."""
    plain = lambda x: np.sum((x - 0.3) ** 2)  # noqa: E731
    eager, compiled = (solver.with_options(maxiter=30).run(plain, [0.9, 0.1], jit=jit) for jit in (False, True))
    if eager.nit == compiled.nit:
        for name in ("nfev", "njev", "nhev", "nhvp"):
            assert eager[name] == compiled[name]
    np.testing.assert_allclose(eager.x, compiled.x, atol=1e-6)


@each(RESIDUAL_SOLVERS)
def test_solvers_of_vectors_are_no_methods_for_an_objective(solver):
    """Least squares of one number would be a root of the objective, and no minimum."""
    with pytest.raises(OptionError, match=f"{name_of(solver)} .*minimises no"):
        minimize(lambda x: x @ x - 3.0, [0.9, 0.1], method=solver)
    with pytest.raises(OptionError, match=f"{name_of(solver)} minimises no objective"):
        opt.minimize(lambda x: x @ x - 3.0, [0.9, 0.1], method=solver)


@each(RESIDUAL_SOLVERS)
def test_solvers_of_vectors_name_what_they_cannot_use(solver):
    for name in {"hess", "hessp"} - solver.uses:
        with pytest.raises(OptionError, match=f"{name_of(solver)} cannot use {name}"):
            solver.run(lambda x: x, [0.9], **{name: lambda x: x})


@solvers
def test_whether_to_compile_is_an_option(solver):
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        return bowl(x)

    result = minimize(fun, [0.9], method=solver, options={"jit": False, "maxiter": 3})
    assert result.history.eager_reason is None
    assert calls >= result.nfev
    with pytest.raises(OptionError, match="jit must be"):
        minimize(bowl, [0.9], method=solver, options={"jit": "on"})
