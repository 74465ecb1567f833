"""Methods of least squares: against closed forms and SciPy, at the edges where such methods fail."""

import numpy as np
import pytest
import scipy.optimize
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import InputTypeError, OptionError, ShapeError

SOLVERS = [
    opt.GaussNewton(),
    opt.GaussNewton(linesearch=opt.StrongWolfe()),
    opt.LevenbergMarquardt(),
    opt.LevenbergMarquardt(geodesic=True),
    opt.Dogleg(),
]
IDS = ["GaussNewton", "GaussNewton-StrongWolfe", "LevenbergMarquardt", "geodesic", "Dogleg"]
solvers = pytest.mark.parametrize("solver", SOLVERS, ids=IDS)
RNG = np.random.default_rng(3)
T = np.linspace(0.0, 4.0, 25)
Y = 2.5 * np.exp(-1.3 * T) + 0.5 + 0.02 * RNG.normal(size=T.size)
OUTLYING = np.where(np.arange(T.size) % 6 == 3, Y + 3.0, Y)
START = np.array([1.0, 1.0, 0.0])


def decay(p, y=Y):
    return p[0] * np.exp(-p[1] * T) + p[2] - y


def rosenbrock(x):
    return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


# -- linear problems have closed forms -------------------------------------------------------------------------------


@solvers
def test_one_step_solves_a_linear_problem(solver):
    A, b = RNG.normal(size=(9, 3)), RNG.normal(size=9)
    result = solver.with_options(**({"radius": 1e3} if hasattr(solver, "radius") else {})).run(
        lambda x: A @ x - b, np.ones(3), jit=False
    )
    expected, rss = np.linalg.lstsq(A, b)[:2]
    np.testing.assert_allclose(result.x, expected, rtol=1e-10)
    assert result.success
    assert result.nit <= 2
    np.testing.assert_allclose(result.covariance, rss / 6 * np.linalg.inv(A.T @ A), rtol=1e-9)
    np.testing.assert_allclose(result.std, np.sqrt(np.diag(result.covariance)))


@solvers
def test_the_least_of_many_solutions_has_minimum_norm(solver):
    """J of rank 1, by the second and the third column; the step has no part in the null space."""
    A = np.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]])
    result = solver.run(lambda x: A @ x - np.array([2.0, 5.0]), np.zeros(3), jit=False)
    assert result.success
    np.testing.assert_allclose(result.x, [1.2, 1.2, 0.0], atol=1e-12)
    assert "no more residuals than parameters" in result.note
    assert np.isinf(result.covariance).all()


def test_a_singular_covariance_is_that_of_the_pseudo_inverse_and_says_so():
    A = np.array([[1.0, 1.0], [2.0, 2.0], [0.0, 0.0], [1.0, 1.0]])
    result = opt.LevenbergMarquardt().run(lambda x: A @ x - np.array([2.0, 5.0, 1.0, 0.0]), np.zeros(2), jit=False)
    assert result.note == "JᵀJ has rank 1 of 2: the covariance is of its pseudo-inverse"
    np.testing.assert_allclose(result.covariance, result.cost * np.linalg.pinv(A.T @ A), rtol=1e-10)


@solvers
def test_more_unknowns_than_residuals(solver):
    result = solver.run(lambda x: np.stack([x[0] * x[1] - 2.0, x[2] ** 2 - x[0]]), [1.0, 1.0, 1.0], jit=False)
    assert result.success
    np.testing.assert_allclose(result.fun, 0.0, atol=1e-10)


# -- curves, beside SciPy ---------------------------------------------------------------------------------------------


@solvers
def test_a_curve_as_scipy_fits_it(solver):
    theirs = scipy.optimize.least_squares(decay, START, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    result = solver.run(decay, START)
    assert result.success
    np.testing.assert_allclose(result.x, theirs.x, rtol=1e-8)
    for name in ("cost", "fun", "jac"):
        np.testing.assert_allclose(result[name], theirs[name], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(result.grad, result.jac.T @ result.fun, atol=1e-14)
    assert result.optimality == np.abs(result.grad).max()
    np.testing.assert_array_equal(result.active_mask, np.zeros(3))
    assert (result.nfev, result.njev) == (result.history[-1].nfev, result.history[-1].njev)
    assert len(result.history) == result.nit + 1


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan", lambda z: np.stack([z, 1 + 0 * z, 0 * z])])
@solvers
def test_robust_losses_as_scipys(solver, loss):
    given = {"loss": loss, "f_scale": 0.3}
    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    theirs = scipy.optimize.least_squares(decay, START, args=(OUTLYING,), max_nfev=5000, **given, **tight)
    result = solver.with_options(**given).run(decay, START, (OUTLYING,))
    assert result.success
    np.testing.assert_allclose(result.x, theirs.x, rtol=2e-5)
    assert result.cost <= theirs.cost * (1.0 + 1e-10)
    np.testing.assert_allclose(result.fun, decay(result.x, OUTLYING), rtol=1e-12)
    np.testing.assert_allclose(result.jac.T @ result.jac, theirs.jac.T @ theirs.jac, rtol=0.1)


def test_a_loss_resists_outliers_and_its_size_matters():
    truth, plain = np.array([2.5, 1.3, 0.5]), opt.LevenbergMarquardt().run(decay, START, (OUTLYING,)).x
    robust = opt.LevenbergMarquardt(loss="cauchy", f_scale=0.05).run(decay, START, (OUTLYING,)).x
    wide = opt.LevenbergMarquardt(loss="cauchy", f_scale=1e6).run(decay, START, (OUTLYING,)).x
    assert np.abs(robust - truth).max() < 0.1 < np.abs(plain - truth).max()
    np.testing.assert_allclose(wide, plain, rtol=1e-8)


def test_losses_that_are_none():
    with pytest.raises(OptionError, match="GaussNewton: loss must be one of linear"):
        opt.GaussNewton(loss="square")
    with pytest.raises(ShapeError, match=r"loss <lambda> returned shape \(25,\): it must be \(3, 25\)"):
        opt.Dogleg(loss=lambda z: z).run(decay, START)


# -- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", range(12))
def test_bounds_as_scipys_and_exactly_feasible(trial):
    rng = np.random.default_rng(trial)
    centre = np.array([2.5, 1.3, 0.5])
    low, high = centre - rng.uniform(-0.5, 1.0, 3), centre + rng.uniform(0.0, 1.0, 3)
    low, high = np.minimum(low, high - 0.05), high
    start = low + rng.uniform(0.0, 1.0, 3) * (high - low)
    result = opt.LevenbergMarquardt().run(decay, start, bounds=list(zip(low, high, strict=True)))
    theirs = scipy.optimize.least_squares(decay, start, bounds=(low, high), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert result.success
    assert ((low <= result.x) & (result.x <= high)).all()
    assert result.cost <= theirs.cost * (1.0 + 1e-9)
    np.testing.assert_allclose(result.x, theirs.x, atol=1e-5)
    np.testing.assert_array_equal(result.active_mask, np.where(result.x == low, -1, np.where(result.x == high, 1, 0)))


def test_every_iterate_is_within_the_bounds():
    low, high = np.array([-2.0, -0.5]), np.array([0.5, 2.0])
    seen = []
    bounds = scipy.optimize.Bounds(low, high)
    result = opt.LevenbergMarquardt().run(rosenbrock, [-1.2, 1.0], bounds=bounds, callback=seen.append)
    assert result.success
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-10)
    assert result.x[0] == 0.5
    assert all(((low <= x) & (x <= high)).all() for x in seen)


def test_a_corner_and_unknowns_that_are_fixed():
    result = opt.LevenbergMarquardt().run(lambda x: x - 5.0, [0.5, 1.0], bounds=[(0.0, 1.0), (1.0, 1.0)])
    assert (result.success, result.x.tolist(), result.active_mask.tolist()) == (True, [1.0, 1.0], [1, -1])
    start = opt.LevenbergMarquardt().run(lambda x: x - 5.0, [1.0], bounds=[(0.0, 1.0)])
    assert (start.success, start.nit) == (True, 0)


def test_only_levenberg_marquardt_takes_bounds():
    for solver in (opt.GaussNewton(), opt.Dogleg()):
        with pytest.raises(OptionError, match="cannot use bounds"):
            solver.run(decay, START, bounds=[(0.0, 1.0)] * 3)


# -- where such methods go wrong ---------------------------------------------------------------------------------------


@solvers
def test_started_at_the_minimiser_nothing_moves(solver):
    for fun, x in ((rosenbrock, np.ones(2)), (lambda x: x - np.ones(3), np.ones(3)), (lambda x: 0.0 * x, np.zeros(2))):
        result = solver.run(fun, x, jit=False)
        assert (result.nit, result.nfev, result.success) == (0, 1, True)
    *_, last = solver.iterate(opt.ResidualProblem(decay), START)
    assert solver.run(decay, last.x).nit == 0


@solvers
def test_a_column_of_zeros_moves_nothing_and_harms_nothing(solver):
    result = solver.run(lambda x: np.stack([x[0] - 3.0, 2.0 * x[0] - 1.0]), [1.0, 7.0], jit=False)
    assert result.success
    np.testing.assert_allclose(result.x, [1.0, 7.0], atol=1e-12)


@solvers
def test_a_wall_of_nan_is_never_entered(solver):
    fun = lambda x: np.stack([np.log(x[0]) + 3.0, 0.1 * (x[0] - 1.0), np.sqrt(x[1]) - 2.0])  # noqa: E731
    result = solver.run(fun, [5.0, 1.0])
    assert result.success
    assert np.isfinite(result.fun).all()
    assert result.x.min() > 0.0
    assert np.isfinite(result.history.to_dict()["f"]).all()


def test_gradients_that_vanish_beside_a_valley_to_infinity_are_no_success():
    """Beale's function from 10 x0: residuals at right angles, to 12 digits, to columns that grow without bound."""
    problem = PROBLEMS["beale"]
    result = opt.LevenbergMarquardt().run(problem.residual, 10.0 * problem.x0)
    assert not result.success
    assert result.cosine < 1e-9
    assert result["status"] == opt.Status.ROUND_OFF


@pytest.mark.parametrize("name", ["freudenstein_roth", "jennrich_sampson"])
def test_a_minimum_where_the_jacobian_is_singular_is_found_and_known(name):
    """The columns become parallel at the minimiser, residuals do not vanish: only the exact curvature tells."""
    problem = PROBLEMS[name]
    result = opt.LevenbergMarquardt().run(problem.residual, problem.x0)
    assert result.success
    assert min(abs(2.0 * result.cost - least) for least in problem.minima) < 1e-9
    assert np.linalg.cond(result.jac) > 1e7


def test_the_last_digits_are_gained_where_the_cost_shows_none():
    """Brown and Dennis: a large residual, so that the cost is flat to round-off while the gradient is not."""
    problem = PROBLEMS["brown_dennis"]
    result = opt.LevenbergMarquardt(maxiter=600).run(problem.residual, problem.x0)
    assert result.success
    assert result.cosine <= 1e-10
    f = result.history.to_dict()["f"]
    # Of the many steps at the end no one lowers the cost by more than its rounding.
    assert (np.abs(np.diff(f[-50:])) <= 1e-13 * f[-1]).all()


def test_tests_that_hold_are_named_in_the_message():
    assert "|gradient| = 0 <= gtol" in opt.LevenbergMarquardt().run(rosenbrock, [1.0, 1.0]).message
    message = opt.LevenbergMarquardt(gtol=0.0).run(decay, START).message
    assert message.startswith("the gradient test holds: cosine of residuals and Jacobian = ")


# -- options change what they say -------------------------------------------------------------------------------------


def test_ctol_sets_the_last_angle_and_zero_leaves_gtol_alone():
    loose, tight = (opt.LevenbergMarquardt(ctol=ctol).run(decay, START) for ctol in (1e-3, 1e-12))
    assert loose.nit < tight.nit
    assert 1e-12 < loose.cosine <= 1e-3
    assert tight.cosine <= 1e-12
    alone = opt.LevenbergMarquardt(ctol=0.0, gtol=1e-3).run(decay, START)
    assert 1e-12 < alone.optimality <= 1e-3


def test_radius_is_that_of_the_first_step():
    state = opt.LevenbergMarquardt(radius=0.1).init(problem := opt.ResidualProblem(rosenbrock), [-1.2, 1.0])
    after = opt.LevenbergMarquardt(radius=0.1).step(problem, state)
    assert np.linalg.norm(state.scale * (after.x - state.x)) == pytest.approx(0.1, rel=0.11)


def test_scaling_makes_units_irrelevant():
    unit = np.array([1e6, 1.0])
    far = [
        opt.LevenbergMarquardt(scaling=on).run(lambda u: rosenbrock(u * unit), [-1.2e-6, 1.0]) for on in (True, False)
    ]
    same = opt.LevenbergMarquardt().run(rosenbrock, [-1.2, 1.0])
    assert far[0].nit == same.nit
    np.testing.assert_allclose(far[0].x * unit, same.x, rtol=1e-9)
    assert far[1].nit != same.nit
    assert (opt.LevenbergMarquardt(scaling=False).init(opt.ResidualProblem(rosenbrock), [2.0, 1.0]).scale == 1.0).all()


def test_geodesic_acceleration_saves_steps_in_a_curved_valley():
    plain, bent = (opt.LevenbergMarquardt(geodesic=on).run(rosenbrock, [-1.2, 1.0]) for on in (False, True))
    never = opt.LevenbergMarquardt(geodesic=True, avmax=1e-12).run(rosenbrock, [-1.2, 1.0])
    assert bent.nit < plain.nit / 2
    assert never.nit == plain.nit


def test_geodesic_step_is_the_one_of_the_formula():
    """δ = v + ½ a, with v and a by dense algebra."""
    solver = opt.LevenbergMarquardt(geodesic=True, radius=1e6, avmax=1e6)
    problem = opt.ResidualProblem(lambda x: np.stack([np.exp(x[0]) + x[1] - 3.0, x[0] - x[1] ** 2]), jit=False)
    x = np.array([0.5, 1.2])
    r = np.array([np.exp(x[0]) + x[1] - 3.0, x[0] - x[1] ** 2])
    J = np.array([[np.exp(x[0]), 1.0], [1.0, -2.0 * x[1]]])
    v = -np.linalg.solve(J, r)
    a = -np.linalg.solve(J, [np.exp(x[0]) * v[0] ** 2, -2.0 * v[1] ** 2])
    np.testing.assert_allclose(solver.step(problem, solver.init(problem, x)).x, x + v + 0.5 * a, rtol=1e-12)


def test_the_damped_step_solves_the_damped_equations():
    """J'J + λ D² at the λ whose step has the length of the radius, to a tenth."""
    solver = opt.LevenbergMarquardt(radius=0.4)
    problem = opt.ResidualProblem(decay, jit=False)
    state = solver.init(problem, START)
    J, r, D = state.J, state.r, state.scale
    s = solver.step(problem, state).x - START
    assert 0.36 <= np.linalg.norm(D * s) <= 0.44
    damping = -(J.T @ (r + J @ s)) / (D**2 * s)
    np.testing.assert_allclose(damping, damping[0], rtol=1e-8)


def test_dogleg_stays_on_its_broken_line():
    solver = opt.Dogleg(radius=0.4)
    problem = opt.ResidualProblem(decay, jit=False)
    state = solver.init(problem, START)
    J, r, D = state.J, state.r, state.scale
    q = D * (solver.step(problem, state).x - START)
    assert np.linalg.norm(q) == pytest.approx(0.4, rel=1e-10)
    g = (J / D).T @ r
    cauchy = -g * (g @ g) / np.sum((J / D @ g) ** 2)
    newton = -np.linalg.lstsq(J / D, r)[0]
    leg = newton - cauchy
    share = (q - cauchy) @ leg / (leg @ leg)
    on_leg = np.allclose(q, cauchy + share * leg) and 0.0 <= share <= 1.0
    assert on_leg or np.allclose(q / 0.4, cauchy / np.linalg.norm(cauchy))


def test_bad_options_are_named():
    for kind, options in (
        (opt.LevenbergMarquardt, {"geodesic": 1}),
        (opt.LevenbergMarquardt, {"avmax": 0.0}),
        (opt.Dogleg, {"radius": -1.0}),
        (opt.Dogleg, {"scaling": None}),
        (opt.GaussNewton, {"ctol": 1.0}),
        (opt.GaussNewton, {"f_scale": 0.0}),
        (opt.GaussNewton, {"linesearch": None}),
    ):
        with pytest.raises(OptionError, match=f"{kind.__name__}: {next(iter(options))} must be"):
            kind(**options)
    with pytest.raises(InputTypeError, match="Dogleg needs a ResidualProblem, not a Problem"):
        opt.Dogleg().init(opt.Problem(lambda x: x @ x), [1.0])


@solvers
def test_trees_and_their_deviations(solver):
    fun = lambda p: p["a"] * np.exp(-p["k"] * T) + p["c"] - Y  # noqa: E731
    result = solver.run(fun, {"a": 1.0, "k": 1.0, "c": 0.0})
    flat = solver.run(decay, START)
    assert float(result.x["k"]) == pytest.approx(flat.x[1], rel=1e-9)
    assert float(result.std["a"]) == pytest.approx(flat.std[0], rel=1e-7)
    assert set(result.grad) == {"a", "k", "c"}


@solvers
def test_counts_are_those_of_the_function_itself(solver):
    calls = []

    def counted(p):
        calls.append(1)
        return decay(p)

    plain = solver.with_options(geodesic=False) if hasattr(solver, "geodesic") else solver
    result = plain.run(counted, START, jit=False)
    assert result.success
    assert len(calls) == result.nfev


@pytest.mark.parametrize("search", [opt.Armijo(), opt.StrongWolfe(), opt.HagerZhang(), opt.MoreThuente()], ids=repr)
def test_every_line_search_serves_gauss_newton(search):
    for loss in ("linear", "cauchy"):
        result = opt.GaussNewton(linesearch=search, loss=loss, f_scale=0.3).run(decay, START, jit=False)
        assert result.success
    assert opt.GaussNewton(linesearch=opt.FixedStep(0.5)).run(decay, START).nit > result.nit


@solvers
def test_maxfun_is_kept(solver):
    result = solver.with_options(maxfun=4).run(PROBLEMS["meyer"].residual, PROBLEMS["meyer"].x0, jit=False)
    assert result["status"] in (opt.Status.MAXFUN, opt.Status.LINE_SEARCH)
    assert result.nfev <= 4


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "arctan"])
def test_narrow_bounds_and_starts_anywhere_between_them(loss):
    """Steps that bounds cut may promise nothing, or worse; a shorter one then does."""
    rng = np.random.default_rng(0)
    t = np.linspace(0.0, 3.0, 25)
    for _ in range(40):
        p = rng.uniform(0.3, 2.0, 3)
        y = p[0] * np.exp(-p[1] * t) + p[2] + 0.05 * rng.normal(size=t.size)
        y[rng.integers(t.size)] += 2.0
        low = p * rng.uniform(0.5, 1.05, 3)
        high = low + rng.uniform(0.05, 1.0, 3)
        start = low + (high - low) * rng.uniform(size=3)

        def gap(x, y=y):
            return x[0] * np.exp(-x[1] * t) + x[2] - y

        options = {"bounds": (low, high), "loss": loss, "f_scale": 0.1}
        theirs = scipy.optimize.least_squares(gap, start, xtol=1e-15, ftol=1e-15, gtol=1e-12, **options)
        result = opt.least_squares(gap, start, jit=False, **options)
        assert result.success
        assert result.cost <= theirs.cost * (1.0 + 1e-6)


def test_bounds_may_be_others_when_a_run_is_resumed():
    """The factors in a state are about the parameters that were free; those that are free now are others."""

    def valley(x):
        return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])

    solver = opt.LevenbergMarquardt()
    held = solver.init(opt.ResidualProblem(valley, bounds=[(-1.2, -1.2), (None, None)]), [-1.2, 2.0])
    assert held.factors.Vt.shape == (1, 1)
    free, whole = solver.resume(valley, held, jit=False), solver.run(valley, [-1.2, 2.0], jit=False)
    assert free.success
    assert free.nit == whole.nit
    state = solver.init(opt.ResidualProblem(valley), [-1.2, 2.0])
    kept = solver.resume(valley, state, bounds=[(None, 0.5), (None, None)], jit=False)
    np.testing.assert_allclose(kept.x, [0.5, 0.25])
    with pytest.raises(OptionError, match=r"x0\[1\] = 2.0 is not within its bounds"):
        solver.resume(valley, state, bounds=[(None, None), (0.0, 1.0)], jit=False)


def test_a_state_of_another_method_is_a_start():
    start, problem = [3.0], opt.ResidualProblem(lambda x: x - 5.0)
    states = [opt.GaussNewton().init(problem, start), opt.Dogleg().init(problem, start)]
    states.append(opt.NewtonRoot().init(opt.RootProblem(lambda x: x - 5.0), start))
    for solver in (opt.LevenbergMarquardt(), opt.GaussNewton(), opt.Dogleg()):
        for state in states:
            assert solver.resume(lambda x: x - 5.0, state, jit=False).x == pytest.approx(5.0)
    scaled = opt.LevenbergMarquardt().init(opt.ResidualProblem(lambda x: 3.0 * x), [1.0])
    plain = opt.LevenbergMarquardt(scaling=False, maxiter=0)
    assert plain._continued(opt.ResidualProblem(lambda x: 3.0 * x), scaled).scale.tolist() == [1.0]
