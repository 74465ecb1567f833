"""Every solver on problems with known answers, and on those that trip solvers up."""

import numpy as np
import pytest
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import NonFiniteError, OptionError

SECOND = [opt.Newton(), opt.Newton(opt.StrongWolfe()), opt.TrustRegion(), opt.TrustRegion(scaling=True)]
SOLVERS = [opt.GradientDescent(), opt.GradientDescent(opt.StrongWolfe()), opt.LBFGS(), *SECOND]
IDS = [repr(solver).split("(")[0] + str(i) for i, solver in enumerate(SOLVERS)]
solvers = pytest.mark.parametrize("solver", SOLVERS, ids=IDS)
second_order = pytest.mark.parametrize("solver", SECOND, ids=IDS[3:])


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def gradient_norm(fun, x):
    return np.abs(opt.Problem(fun).at(x).g).max()


def is_minimum(problem, f):
    return any(abs(f - least) <= 1e-7 * max(1e-2, abs(least)) for least in problem.minima)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("solver", [*SECOND, opt.LBFGS()], ids=[*IDS[3:], "LBFGS"])
def test_more_garbow_hillstrom(solver, name):
    """A known minimum is found, and success is never claimed where the gradient test fails."""
    problem = PROBLEMS[name]
    result = solver.run(problem.objective, problem.x0)
    assert result.success == (result.status == 0) == (gradient_norm(problem.objective, result.x) <= 1e-6)
    if name == "biggs_exp6" and getattr(solver, "scaling", False):
        return  # scaled, it wanders off along a valley to infinity
    assert is_minimum(problem, result.fun)
    if name != "meyer":  # there the gradient itself is uncertain by more than 1e-6
        assert result.success


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("scale", [10.0, 100.0])
def test_no_false_success_from_far_starts(name, scale):
    problem = PROBLEMS[name]
    for solver in (opt.TrustRegion(maxiter=150), opt.Newton(maxiter=150), opt.LBFGS(maxiter=150)):
        try:
            result = solver.run(problem.objective, scale * problem.x0)
        except NonFiniteError:
            continue  # the start itself overflows
        assert result.success == (gradient_norm(problem.objective, result.x) <= 1e-6)
        assert np.isfinite(result.fun)


@second_order
@pytest.mark.parametrize("start", [(1.0, 0.0), (0.0, 0.0), (1e-3, 1e-12)])
def test_saddles_are_left(solver, start):
    result = solver.run(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4, start)
    assert result.success
    assert result.fun == pytest.approx(-1.0)
    np.testing.assert_allclose(np.abs(result.x), [0.0, np.sqrt(2.0)], atol=1e-6)


@second_order
def test_maxima_and_degenerate_saddles_are_left(solver):
    assert solver.run(lambda x: np.cos(x[0]), [0.0]).fun == pytest.approx(-1.0)
    result = solver.run(lambda x: x[0] * x[1] + (x[0] ** 4 + x[1] ** 4) / 4, [0.0, 0.0])
    assert result.fun == pytest.approx(-0.5)
    assert result.success


@solvers
def test_stationary_start_takes_no_iteration(solver):
    result = solver.run(rosen, np.ones(3))
    assert (result.nit, result.nfev, result.status, len(result.history)) == (0, 1, 0, 1)
    assert result.success


@solvers
@pytest.mark.parametrize("n", [1, 2, 5])
def test_quadratics(solver, n):
    rng = np.random.default_rng(n)
    A = rng.normal(size=(n, n))
    H, solution = A @ A.T + np.eye(n), rng.normal(size=n)
    result = solver.run(lambda x: 0.5 * (x - solution) @ H @ (x - solution), np.zeros(n))
    assert result.success
    np.testing.assert_allclose(result.x, solution, atol=1e-5)
    assert result.x.shape == (n,)


@solvers
def test_linear_and_constant_objectives(solver):
    """H = 0. A constant is stationary; a linear function has no minimum, and no solver may claim one."""
    assert solver.run(lambda x: 0.0 * x[0] + 3.0, [1.0]).success
    result = solver.with_options(maxiter=50).run(lambda x: x[0] - 2.0 * x[1], [0.0, 0.0])
    assert not result.success
    assert result.fun < -1.0


@solvers
def test_singular_hessian(solver):
    result = solver.run(lambda x: (x[0] + x[1] - 1.0) ** 2 + (x[0] + x[1] - 1.0) ** 4, [3.0, -7.0])
    assert result.success
    assert result.x.sum() == pytest.approx(1.0, abs=1e-5)


@solvers
@pytest.mark.parametrize("outside", [np.nan, np.inf])
def test_non_finite_region_is_never_entered(solver, outside):
    """log(x) - like domain: beyond x = 0 the objective is NaN or infinite."""

    def fun(x):
        return np.where(x[0] > 0.0, x[0] - np.log(np.maximum(x[0], 1e-300)), outside)

    result = solver.run(fun, [30.0], callback=lambda xk: xk[0] <= 0.0)
    assert result.success
    assert result.x[0] == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(result.history.to_dict()["f"]).all()


@second_order
def test_non_finite_hessian_is_rejected(solver):
    def hess(x):
        return np.array([[2.0]]) if x[0] > 0.5 else np.array([[np.nan]])

    result = solver.with_options(maxiter=30).run(lambda x: x[0] ** 2, [3.0], hess=hess)
    assert result.x[0] > 0.5
    assert not result.success


@second_order
def test_progress_to_the_last_digit(solver):
    """Beyond f's round-off the gradient still tells the way; nothing moves once it does not."""
    result = solver.with_options(gtol=0.0).run(
        lambda x: 1e5 + np.sum((x - np.array([3.0, 7.0])) ** 4 + (x - 3.0) ** 2), [2.0, 2.0]
    )
    assert result.status == opt.Status.ROUND_OFF
    assert np.abs(result.jac).max() < 1e-13
    assert result.nit < 40


@solvers
def test_iterates_are_not_aliased(solver):
    problem = opt.Problem(rosen)
    states = list(solver.with_options(maxiter=5).iterate(problem, [-1.2, 1.0]))
    copies = [state.x.copy() for state in states]
    for state, f in zip(states, [rosen(x) for x in copies], strict=True):
        assert state.f == f
        np.testing.assert_allclose(state.g, opt.Problem(rosen).at(state.x).g)


@solvers
def test_result_is_consistent_and_owned(solver):
    start = np.array([-1.2, 1.0])
    result = solver.run(rosen, start)
    assert start.tolist() == [-1.2, 1.0]
    assert result.fun == rosen(result.x)
    np.testing.assert_array_equal(result.jac, opt.Problem(rosen).at(result.x).g)
    if "hess" in result:
        np.testing.assert_array_equal(result.hess, opt.Problem(rosen).at(result.x).H)
    result.x[0] = result.jac[0] = 9.0  # writable, and nobody else's


@solvers
def test_pytrees(solver):
    start = {"u": np.full((2, 2), 3.0), "v": (1.0, [np.zeros(2)])}

    def fun(p):
        return np.sum((p["u"] - 1.0) ** 2) + (p["v"][0] - 2.0) ** 2 + np.sum((p["v"][1][0] + 1.0) ** 2)

    result = solver.run(fun, start)
    assert result.success
    np.testing.assert_allclose(result.x["u"], np.ones((2, 2)), atol=1e-6)
    assert result.x["v"][0] == pytest.approx(2.0)
    assert result.jac["u"].shape == (2, 2)


@solvers
def test_counts_are_true(solver):
    calls = 0

    def fun(x):
        nonlocal calls
        calls += 1
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    result = solver.with_options(maxiter=20).run(fun, [-1.2, 1.0])
    assert result.nfev == result.njev
    assert calls == result.nfev + result.nhev  # hodiff traces fun once for each
    assert result.nhev == 0 or result.nhev <= result.nit + 1


def test_derivatives_of_ones_own_are_used():
    calls = []
    result = opt.Newton().run(
        lambda x, a: a * x[0] ** 2,
        [3.0],
        (2.0,),
        jac=lambda x, a: calls.append("jac") or 2 * a * x,
        hessp=lambda x, p, a: calls.append("hessp") or 2 * a * p,
    )
    assert result.success
    assert (calls.count("jac"), calls.count("hessp")) == (result.njev, result.nhvp) == (2, 2)
    assert result.nhev == 0


def test_lbfgs_memory_and_restart():
    n = 200
    fun = lambda x: np.sum(np.arange(1.0, n + 1) * x**2) + np.sum(x**4)  # noqa: E731
    short, long = (opt.LBFGS(memory=m).run(fun, np.ones(n)) for m in (1, 20))
    assert short.success
    assert long.success
    assert long.nit < short.nit
    problem = opt.Problem(fun)
    states = list(opt.LBFGS(memory=3).iterate(problem, np.ones(n)))
    assert max(len(state.pairs) for state in states) == 3
    assert all(rho > 0 for state in states for _, _, rho in state.pairs)


def test_gradient_descent_with_a_fixed_step():
    result = opt.GradientDescent(0.25).run(lambda x: x @ x, [1.0, -1.0])
    assert result.history[1].length == 0.25
    np.testing.assert_allclose(result.history.to_dict()["f"][:4], 2.0 * 0.25 ** np.arange(4))
    assert not opt.GradientDescent(1.01, maxiter=20).run(lambda x: x @ x, [1.0]).success


def test_best_point_is_returned_when_the_last_is_worse():
    result = opt.GradientDescent(1.2, maxiter=5).run(lambda x: x @ x, [1.0])
    assert result.history[-1].f > result.history[0].f == result.fun
    assert result.x[0] == 1.0


def test_trust_region_options_change_the_run():
    runs = [solver.run(rosen, [-1.2, 1.0]) for solver in (opt.TrustRegion(), opt.TrustRegion(radius=1e-3))]
    assert runs[1].history[0].length == 1e-3
    assert runs[1].nit > runs[0].nit
    state = opt.TrustRegion(scaling=True).init(opt.Problem(lambda x: 8 * x[0] ** 2 + 2 * x[1] ** 2), [1.0, 1.0])
    assert state.scale.tolist() == [4.0, 2.0]


def test_trust_region_gives_up_where_no_trial_is_finite():
    result = opt.TrustRegion().run(lambda x: np.where(x[0] == 1.0, x[0], np.nan), [1.0], jac=lambda x: x, hess=np.diag)
    assert result.status in (opt.Status.RADIUS, opt.Status.ROUND_OFF)
    assert not result.success
    assert result.x[0] == 1.0


def test_a_wrong_gradient_ends_in_failure():
    for solver in SOLVERS[:5]:
        result = solver.run(lambda x: x[0] ** 2 + 1.0, [1.0], jac=lambda x: -np.ones(1))
        assert result.status in (opt.Status.LINE_SEARCH, opt.Status.ROUND_OFF)
        assert not result.success
    assert not opt.TrustRegion().run(lambda x: x[0] ** 2 + 1.0, [1.0], jac=lambda x: -np.ones(1)).success


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.Newton(gtol=-1.0), "Newton: gtol must be a number >= 0"),
        (lambda: opt.Newton(gtol=float("nan")), "gtol"),
        (lambda: opt.Newton(xtol="small"), "xtol must be a number"),
        (lambda: opt.LBFGS(maxiter=1.5), "LBFGS: maxiter must be a whole number"),
        (lambda: opt.LBFGS(maxiter=None), "maxiter must be a whole number"),
        (lambda: opt.LBFGS(memory=0), "memory must be a whole number >= 1"),
        (lambda: opt.LBFGS(maxfun=-1), "maxfun"),
        (lambda: opt.Newton(maxtime=-1), "maxtime must be None or seconds >= 0"),
        (lambda: opt.Newton(stop=3), "stop must be None or a stop rule"),
        (lambda: opt.Newton(progress=1), "progress must be True or False"),
        (lambda: opt.Newton("armijo"), "linesearch must be a line search"),
        (lambda: opt.GradientDescent(-0.1), "a line search or a number > 0"),
        (lambda: opt.GradientDescent(True), "a line search or a number > 0"),
        (lambda: opt.TrustRegion(radius=0), "radius must be None or a finite number > 0"),
        (lambda: opt.TrustRegion(scaling="yes"), "scaling must be True or False"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()


@pytest.mark.parametrize("solver", [opt.GradientDescent(), opt.LBFGS(), opt.TrustRegion()], ids=IDS[:3])
def test_objectives_without_a_minimum_are_called_unbounded(solver):
    result = solver.run(lambda x: x[0], [0.0])
    assert (result.status, result.success) == (opt.Status.UNBOUNDED, False)
    assert result.nit < 100


def test_a_region_that_shrinks_to_nothing_ends_soon():
    edge = opt.TrustRegion().run(lambda x: np.sqrt(x[0]) + x[0], [1.0])
    wrong = opt.TrustRegion().run(lambda x: x @ x, [0.0], jac=lambda x: np.ones(1))
    for result in (edge, wrong):
        assert result.status == opt.Status.RADIUS
        assert result.nit < 300


def test_gradients_whose_square_is_no_number():
    for solver in (opt.LBFGS(gtol=0.0, maxiter=2000), opt.GradientDescent(gtol=0.0, maxiter=300)):
        assert solver.run(lambda x: np.sum(x**4), [1.0, 2.0]).fun < 1e-40
    steep = lambda x: np.exp(x[0] ** 2) + np.exp(-x[0])  # noqa: E731
    for solver in (opt.LBFGS(), opt.GradientDescent()):
        assert solver.run(steep, [26.0]).success


def test_newton_leaves_a_point_of_huge_negative_curvature():
    result = opt.Newton(maxiter=50).run(lambda x: -1e200 * x[0] ** 2 + 1e200 * x[0] ** 4 + x[1] ** 2, [1e-3, 1.0])
    assert abs(result.x[0]) == pytest.approx(np.sqrt(0.5))
