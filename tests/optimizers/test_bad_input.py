"""Bad input, bad functions and hard points, asked of every solver: where others warn, loop, alias or claim success.

The cases are those that SciPy's methods were found to fail, each test naming one; with them the policy for numbers
that are not finite: a start where they occur is an error that names the function, a trial point where they occur is
never accepted.
"""

import dataclasses

import numpy as np
import pytest
import scipy.optimize
from every_solver import MINIMISERS, RESIDUAL_SOLVERS, each, each_variant, is_of_objectives, is_slow, name_of
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError, ShapeError

solvers = each(MINIMISERS)
SECOND_ORDER = [solver for solver in MINIMISERS if {"hess", "hessp"} & solver.uses]
second_order = each(SECOND_ORDER)
vector_solvers = each(RESIDUAL_SOLVERS)
START = np.array([-1.2, 1.0])


def rosen(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


def run(solver, fun, x0, maxiter=200, **keywords):
    return solver.with_options(maxiter=maxiter).run(fun, x0, **{"jit": False, **keywords})


def gradient(fun, x):
    return opt.Problem(fun, jit=False).at(x).g


def assert_honest(result, fun=None):
    """Success is the first-order test at x, as computed from outside, and nothing else."""
    assert result.success == (result.status == 0)
    assert np.isfinite(result.fun)
    assert np.isfinite(result.x).all()
    if fun is not None:
        g = gradient(fun, result.x)
        np.testing.assert_allclose(result.jac, g, rtol=1e-12, atol=1e-300)
        assert not result.success or np.abs(g).max() <= 1e-6


# -- options, names, arguments -------------------------------------------------------------------------------------


@each([*MINIMISERS, *RESIDUAL_SOLVERS])
def test_unknown_options_are_errors_that_list_those_there_are(solver):
    """SciPy warns, and only trust-constr raises."""
    with pytest.raises(OptionError, match=f"{name_of(solver)} has no option 'foo'; it has .*gtol.*maxiter"):
        solver.with_options(foo=1)
    with pytest.raises(TypeError, match="foo"):
        type(solver)(foo=1)


@each([*MINIMISERS, *RESIDUAL_SOLVERS])
def test_options_out_of_range_are_errors_that_name_class_and_option(solver):
    for option, value in [
        ("gtol", -1.0), ("gtol", np.nan), ("gtol", "small"), ("maxiter", 1.5), ("maxiter", -1), ("maxfun", -1),
        ("xtol", -1.0), ("ftol", True), ("maxtime", -1.0), ("stop", 3), ("progress", 1),
    ]:  # fmt: skip
        with pytest.raises(OptionError, match=f"{name_of(solver)}: {option} must be "):
            solver.with_options(**{option: value})


@solvers
def test_objectives_that_return_no_number(solver):
    """SciPy: a TypeError on `<` for None, ComplexWarning and perhaps success for complex values."""
    for fun, error, text in [
        (lambda x: x, ShapeError, r"fun <lambda> returned an array of shape \(2,\): it must return one real number"),
        (lambda x: x[:1], ShapeError, r"returned an array of shape \(1,\)"),
        (lambda x: None, InputTypeError, "fun <lambda> returned a NoneType"),
        (lambda x: "low", InputTypeError, "returned a str"),
        (lambda x: 1j * x[0], InputTypeError, "returned a complex number"),
        (3, InputTypeError, "fun must be callable, not int"),
    ]:
        with pytest.raises(error, match=text):
            run(solver, fun, START)


@each([*MINIMISERS, *RESIDUAL_SOLVERS])
def test_starts_that_are_no_points(solver):
    for x0, error, text in [
        ([1j, 1.0], InputTypeError, "x0 is complex"),
        (["a", "b"], InputTypeError, "x0 must hold real numbers"),
        ([], ShapeError, "x0 is empty"),
        ([1.0, np.nan], NonFiniteError, "x0 has a NaN or infinite entry at position 1"),
        ([np.inf, 1.0], NonFiniteError, "x0 has a NaN or infinite entry at position 0"),
    ]:
        with pytest.raises(error, match=text):
            run(solver, rosen, x0)


@solvers
def test_gradients_of_a_wrong_shape(solver):
    """SciPy: "shapes (2,2) and (3,) not aligned", or acceptance."""
    for shape in [(3,), (2, 1), (1, 2), (), (2, 2)]:
        with pytest.raises(ShapeError, match=r"the jac <lambda> has shape .*: it must be that of x, \(2,\)"):
            run(solver, rosen, START, jac=lambda x, shape=shape: np.ones(shape))


@each([solver for solver in MINIMISERS if "hess" in solver.uses])
def test_hessians_that_are_none(solver):
    """SciPy's trust-exact says of ``hess=True`` that a Hessian is required; custom methods receive it."""
    for hess in (True, "2-point", "cs", scipy.optimize.BFGS()):
        with pytest.raises(OptionError, match=r"hess=.*: finite differences and approximations are not used here"):
            run(solver, rosen, START, hess=hess)


@each([solver for solver in MINIMISERS if "hess" in solver.uses])
def test_hessians_of_a_wrong_shape_or_without_symmetry(solver):
    with pytest.raises(ShapeError, match=r"the hess <lambda> has shape \(3, 3\): it must be \(2, 2\)"):
        run(solver, rosen, START, hess=lambda x: np.eye(3))
    with pytest.raises(ShapeError, match="the hess <lambda> is not symmetric"):
        run(solver, rosen, START, hess=lambda x: np.array([[1.0, 2.0], [0.0, 1.0]]))


@each([*MINIMISERS, *RESIDUAL_SOLVERS])
def test_a_class_in_place_of_an_object_is_refused_by_name(solver):
    """An easy slip, and one that would end deep inside: opt.Armijo for opt.Armijo()."""
    options = {field.name for field in dataclasses.fields(solver)}
    for name, kind in {"stop": opt.MaxIter, "linesearch": opt.Armijo, "rule": opt.Chain}.items():
        if name in options:
            with pytest.raises(OptionError, match=f"{name_of(solver)}: {name} must be an object, not a class"):
                dataclasses.replace(solver, **{name: kind})


@solvers
def test_bounds_of_a_problem_are_kept_to_or_refused(solver):
    """Where a problem is made by hand, `iterate` sees its bounds only there."""
    problem = opt.Problem(lambda x: np.sum(x**2), bounds=[(0.5, 2.0)], jit=False)
    if "bounds" in solver.uses:
        assert list(solver.iterate(problem, [1.0]))[-1].x == 0.5
    else:
        with pytest.raises(OptionError, match=f"{name_of(solver)} cannot use bounds"):
            solver.init(problem, [1.0])


@each([*MINIMISERS, *RESIDUAL_SOLVERS])
def test_bounds_and_constraints_are_used_or_refused(solver):
    """SciPy warns and ignores them; and takes one pair of bounds for two unknowns."""
    if "bounds" not in solver.uses:
        with pytest.raises(OptionError, match=f"{name_of(solver)} cannot use bounds"):
            run(solver, rosen, START, bounds=[(0.0, 1.0)] * 2)
    else:
        with pytest.raises(OptionError, match="bounds: 2 pairs"):
            run(solver, rosen, START, bounds=[(-9.0, 9.0)])
        with pytest.raises(OptionError, match="a lower bound exceeds its upper bound, or is NaN"):
            run(solver, rosen, START, bounds=[(1.0, 0.0)] * 2)
        with pytest.raises(OptionError, match=r"x0\[0\] = -1.2 is not within its bounds"):
            run(solver, rosen, START, bounds=[(0.0, 9.0)] * 2)
    if "constraints" not in solver.uses:
        with pytest.raises(OptionError, match=f"{name_of(solver)} cannot use constraints"):
            solver(rosen, START, constraints={"type": "eq", "fun": rosen})


# -- numbers that are not finite -----------------------------------------------------------------------------------


@solvers
def test_a_start_without_finite_values_is_an_error_that_names_the_function(solver):
    """SciPy: ValueErrors without a name, "ABNORMAL" after 21 evaluations, or a run to maxiter."""
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(NonFiniteError, match="fun <lambda> is not finite at the start, where x = "):
            run(solver, lambda x, value=value: value * x[0] ** 2 + x[1], START)
        with pytest.raises(NonFiniteError, match="jac <lambda> is not finite at the start"):
            run(solver, rosen, START, jac=lambda x, value=value: np.full(2, value))


@each([solver for solver in MINIMISERS if "hess" in solver.uses])
def test_a_start_without_a_finite_hessian_is_an_error_that_names_the_function(solver):
    nowhere = lambda x: np.full((2, 2), np.nan)  # noqa: E731
    if solver.init(opt.Problem(rosen, jit=False), START).H is None:  # one that asks for no Hessian at the start
        result = run(solver, rosen, START, hess=nowhere)
        assert not result.success
        assert_honest(result, rosen)
        return
    with pytest.raises(NonFiniteError, match="hess <lambda> is not finite at the start"):
        run(solver, rosen, START, hess=nowhere)


@solvers
@pytest.mark.parametrize("outside", [np.nan, np.inf, -np.inf])
def test_an_objective_that_is_finite_at_the_start_only(solver, outside):
    """SciPy: trust-ncg and trust-exact loop to maxiter, Newton-CG moves x into NaN."""
    fun = lambda x: np.where(x[0] == 1.0, x[0], outside)  # noqa: E731
    given = {"hess": lambda x: np.eye(1)} if "hess" in solver.uses else {}
    result = run(solver, fun, [1.0], jac=lambda x: x, **given)
    assert not result.success
    assert result.x[0] == 1.0
    assert result.nfev < 1500
    assert result.status not in (opt.Status.CONVERGED, opt.Status.UNBOUNDED)


@solvers
@pytest.mark.parametrize("outside", [np.nan, np.inf, -np.inf])
def test_the_outside_of_a_domain_is_never_entered(solver, outside):
    fun = lambda x: np.where(x[0] > 0.0, x[0] - np.log(np.maximum(x[0], 1e-300)), outside)  # noqa: E731
    seen = []
    result = run(solver, fun, [30.0], callback=lambda xk: seen.append(xk[0]))
    assert min(seen) > 0.0
    assert np.isfinite(result.history.to_dict()["f"]).all()
    assert_honest(result, fun)
    assert result.success or is_slow(solver)


@each_variant(is_of_objectives)
def test_variants_stay_inside_of_the_domain_and_end(solver):
    test_the_outside_of_a_domain_is_never_entered(solver, np.nan)
    test_an_objective_that_is_finite_at_the_start_only(solver, np.nan)


@solvers
def test_a_gradient_that_is_not_finite_on_the_way_is_not_accepted(solver):
    jac = lambda x: np.where(x > 0.5, 2.0 * x, np.nan)  # noqa: E731
    given = {"hess": lambda x: 2.0 * np.eye(1)} if "hess" in solver.uses else {}
    result = run(solver, lambda x: x[0] ** 2, [3.0], jac=jac, **given)
    assert result.x[0] > 0.5
    assert np.isfinite(result.jac).all()
    assert not result.success


@second_order
def test_a_hessian_that_is_not_finite_on_the_way_is_not_used(solver):
    if "hess" not in solver.uses:
        pytest.skip("takes products only")
    hess = lambda x: np.array([[2.0]]) if x[0] > 0.5 else np.array([[np.nan]])  # noqa: E731
    result = run(solver, lambda x: x[0] ** 2, [3.0], maxiter=30, hess=hess)
    assert np.isfinite(result.x).all()
    assert np.isfinite(result.fun)


# -- points where solvers stumble ----------------------------------------------------------------------------------


@solvers
def test_a_stationary_start_takes_no_iteration(solver):
    """SciPy's Newton-CG reports one."""
    result = run(solver, rosen, np.ones(2))
    assert (result.nit, result.nfev, result.status, len(result.history)) == (0, 1, 0, 1)
    assert result.success


@solvers
@pytest.mark.parametrize("start", [(1.0, 0.0), (0.0, 0.0)])
def test_saddle_points(solver, start):
    """SciPy's BFGS, Newton-CG, trust-ncg, trust-krylov and trust-constr report the saddle as a minimum."""
    fun = lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4  # noqa: E731
    result = run(solver, fun, start)
    assert_honest(result, fun)
    if solver in SECOND_ORDER:
        assert result.success
        assert result.fun == pytest.approx(-1.0)
    else:  # without second derivatives, the gradient is all there is: success says that, and no more
        assert not result.success or result.message.startswith("the gradient test holds")


@solvers
def test_no_hessian_and_no_minimum(solver):
    assert run(solver, lambda x: 0.0 * x[0] + 3.0, [1.0]).nit == 0
    result = run(solver, lambda x: x[0] - 2.0 * x[1], [0.0, 0.0], maxiter=50)
    assert not result.success
    assert result.fun < 0.0
    assert result.status in (opt.Status.UNBOUNDED, opt.Status.MAXITER)


@solvers
def test_singular_hessians(solver):
    fun = lambda x: (x[0] + x[1] - 1.0) ** 2 + (x[0] + x[1] - 1.0) ** 4  # noqa: E731
    result = run(solver, fun, [1.5, -1.0], maxiter=500)
    assert_honest(result, fun)
    assert result.success or is_slow(solver)


@solvers
@pytest.mark.parametrize("name", ["powell_badly_scaled", "meyer", "brown_badly_scaled"])
def test_no_false_success_where_problems_are_badly_scaled(solver, name):
    """SciPy's Newton-CG claims success at Powell's with f = 2e-3, at Meyer's with |g| = 3e3."""
    problem = PROBLEMS[name]
    result = run(solver, problem.objective, problem.x0, maxiter=50)
    assert_honest(result, problem.objective)
    assert result.fun <= problem.objective(np.asarray(problem.x0))


@each_variant(is_of_objectives)
def test_no_variant_claims_success_falsely(solver):
    test_no_false_success_where_problems_are_badly_scaled(solver, "powell_badly_scaled")


@solvers
@pytest.mark.parametrize("name", ["jennrich_sampson", "brown_dennis"])
def test_round_off_at_the_end_is_no_failure_to_arrive(solver, name):
    """SciPy's trust-exact stops before with status 2, since the decrease of f drowns in round-off."""
    problem = PROBLEMS[name]
    result = run(solver, problem.objective, problem.x0, maxiter=300)
    assert_honest(result, problem.objective)
    if solver in SECOND_ORDER:
        assert result.success
        assert result.fun == pytest.approx(problem.minima[0], rel=1e-7)


@solvers
def test_progress_below_the_round_off_of_the_objective(solver):
    fun = lambda x: 1e6 + np.sum((x - 3.0) ** 2) + np.sum((x - 3.0) ** 4)  # noqa: E731
    result = run(solver, fun, [2.0, 2.5])
    assert_honest(result, fun)
    if not is_slow(solver):
        assert result.success or result.status in (opt.Status.ROUND_OFF, opt.Status.LINE_SEARCH)
        np.testing.assert_allclose(result.x, 3.0, atol=1e-4)


@solvers
def test_iterates_are_not_aliased_and_the_gradient_is_that_of_x(solver):
    """SciPy's Newton-CG: every entry of allvecs is one array, and ``res.jac`` is that of the iterate before."""
    seen = []
    states = list(solver.with_options(maxiter=6).iterate(opt.Problem(rosen, jit=False), START))
    result = run(solver, rosen, START, maxiter=6, callback=seen.append)
    assert [x.tobytes() for x in seen] == [state.x.tobytes() for state in states[1:]]
    for state, f in zip(states, [rosen(np.array(state.x)) for state in states], strict=True):
        assert state.f == pytest.approx(f, rel=1e-14)
        np.testing.assert_allclose(state.g, gradient(rosen, state.x), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(result.jac, gradient(rosen, result.x))
    assert START.tolist() == [-1.2, 1.0]
    result.x[:] = np.nan
    result.jac[:] = np.nan  # the caller's own
    assert np.isfinite(np.concatenate(seen)).all()


@solvers
def test_a_function_that_writes_into_its_argument_hurts_nobody(solver):
    """SciPy hands out copies, and so do we."""

    def fun(x):
        value = float(rosen(x))
        x[:] = np.nan
        return value

    def jac(x):
        g = scipy.optimize.rosen_der(x)
        x[:] = np.nan
        return g

    given = {"hess": scipy.optimize.rosen_hess} if "hess" in solver.uses else {}
    if not given and "hessp" in solver.uses:
        given = {"hessp": scipy.optimize.rosen_hess_prod}
    result = run(solver, fun, START, maxiter=10, jac=jac, **given)
    plain = run(solver, rosen, START, maxiter=10, jac=scipy.optimize.rosen_der, **given)
    np.testing.assert_array_equal(result.x, plain.x)


@solvers
def test_a_wrong_gradient_ends_in_failure(solver):
    given = {"hess": lambda x: np.eye(1)} if "hess" in solver.uses else {}
    result = run(solver, lambda x: x[0] ** 2 + 1.0, [1.0], jac=lambda x: -np.ones(1), **given)
    assert not result.success
    assert result.fun <= 2.0 + 1e-12


# -- residuals and roots -------------------------------------------------------------------------------------------


@vector_solvers
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_residuals_that_are_not_finite_at_the_start(solver, value):
    """SciPy's least_squares: a ValueError without a name."""
    with pytest.raises(NonFiniteError, match="<lambda> is not finite at the start, where x = "):
        run(solver, lambda x: value * x, START)


@vector_solvers
def test_residuals_that_are_finite_at_the_start_only(solver):
    """SciPy's least_squares shrinks its radius until max_nfev."""
    result = run(solver, lambda x: np.where(x == 1.0, x, np.nan), [1.0], jac=lambda x: np.eye(1))
    assert not result.success
    assert result.x[0] == 1.0
    assert result.nfev < 1500


@vector_solvers
def test_a_start_that_solves_takes_no_iteration(solver):
    result = run(solver, lambda x: x - np.array([1.0, 2.0]), [1.0, 2.0])
    assert (result.nit, result.success, result.status) == (0, True, 0)


@vector_solvers
def test_residuals_that_are_no_real_arrays(solver):
    with pytest.raises(InputTypeError, match="complex"):
        run(solver, lambda x: 1j * x, START)
    with pytest.raises((InputTypeError, ShapeError), match="<lambda>"):
        run(solver, lambda x: None, START)
