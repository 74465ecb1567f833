"""BFGS, DFP, SR1 and LBFGS: what theory says of them, SciPy as peer, options, failures."""

import pickle

import numpy as np
import pytest
import scipy.optimize
from mgh import PROBLEMS
from scipy.optimize import rosen, rosen_der

import optimizers as opt
from optimizers.errors import NonFiniteError, OptionError
from optimizers.quasi_newton.pairs import descent, remembered
from optimizers.quasi_newton.updates import bfgs_inverse

SOLVERS = [opt.BFGS(), opt.DFP(), opt.SR1(), opt.LBFGS(), opt.LBFGSB()]
solvers = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
EXACT = opt.StrongWolfe(c1=1e-6, c2=1e-5)


def quadratic(n, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    H, solution = A @ A.T + 0.1 * np.eye(n), rng.normal(size=n)
    return H, solution, lambda x: 0.5 * (x - solution) @ H @ (x - solution), lambda x: H @ (x - solution)


# --- theory --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [opt.BFGS(EXACT), opt.DFP(EXACT)], ids=["BFGS", "DFP"])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_a_quadratic_takes_n_exact_searches_and_gives_its_inverse_hessian(solver, n):
    """One search more where the matrix begins as a multiple of the identity learnt from the first."""
    H, solution, fun, jac = quadratic(n)
    result = solver.with_options(gtol=1e-8).run(fun, np.zeros(n), jac=jac, jit=False)
    assert result.success
    assert result.nit <= n + 1
    np.testing.assert_allclose(result.x, solution, atol=1e-6)
    np.testing.assert_allclose(result.hess_inv @ H, np.eye(n), atol=1e-3)


def test_sr1_learns_the_hessian_of_a_quadratic():
    H, _, fun, jac = quadratic(5)
    *_, last = opt.SR1(gtol=1e-9).iterate(opt.Problem(fun, jac, jit=False), np.zeros(5))
    np.testing.assert_allclose(last.model, H, rtol=1e-4, atol=1e-4)
    assert last.k <= 2 * 5 + 4


def test_searches_that_are_exact_make_bfgs_and_dfp_one_method():
    """Dixon's theorem: all of Broyden's class take the same steps, from the same matrix."""
    exact = opt.StrongWolfe(c1=1e-8, c2=1e-7, maxtrials=100)
    ways = [
        [state.x for state in solver.iterate(opt.Problem(rosen, rosen_der, jit=False), [-1.2, 1.0])]
        for solver in (opt.BFGS(exact, np.eye(2), maxiter=8), opt.DFP(exact, np.eye(2), maxiter=8))
    ]
    np.testing.assert_allclose(ways[0], ways[1], atol=1e-4)


def test_limited_memory_that_holds_all_pairs_is_the_dense_method():
    rng = np.random.default_rng(3)
    H, _, _, _ = quadratic(6)
    pairs, steps = (), rng.normal(size=(5, 6))
    for s in steps:
        pairs = remembered(pairs, s, H @ s, 10)
    s, y, rho = pairs[-1]
    matrix = np.eye(6) / (rho * (y @ y))
    for s, y, _ in pairs:
        matrix = bfgs_inverse(matrix, s, y)
    g = rng.normal(size=6)
    np.testing.assert_allclose(descent(pairs, g), -matrix @ g, rtol=1e-10)


def test_dense_and_limited_memory_agree_for_two_steps():
    """Then they part: limited memory scales by the newest pair, the dense method by the first."""
    problem = opt.Problem(rosen, rosen_der, jit=False)
    dense, limited = (
        [state.x for state in solver.with_options(maxiter=2).iterate(problem, [-1.2, 1.0, 0.5])]
        for solver in (opt.BFGS(), opt.LBFGS())
    )
    np.testing.assert_allclose(dense, limited, rtol=1e-12)


def test_local_convergence_is_superlinear():
    norms = opt.BFGS(gtol=1e-12).run(rosen, [1.2, 1.3], jac=rosen_der, jit=False).history.to_dict()["gnorm"]
    ratios = norms[1:] / norms[:-1]
    assert ratios[-1] < 0.05


# --- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [opt.BFGS(), opt.DFP()], ids=["BFGS", "DFP"])
def test_the_initial_inverse_hessian_makes_the_first_step_newtons(solver):
    H, solution, fun, jac = quadratic(4)
    result = solver.with_options(hess_inv0=np.linalg.inv(H) * 0.5 + np.linalg.inv(H).T * 0.5).run(
        fun, np.zeros(4), jac=jac, jit=False
    )
    assert (result.nit, result.nfev) == (1, 2)
    np.testing.assert_allclose(result.x, solution, atol=1e-6)
    assert solver.run(fun, np.zeros(4), jac=jac, jit=False).nit > 2


def test_the_initial_inverse_hessian_is_scipys():
    guess = np.array([[0.5, 0.9], [0.9, 2.0]])
    ours = opt.BFGS(hess_inv0=guess, maxiter=1).run(rosen, [0.5, 0.5], jac=rosen_der, jit=False)
    theirs = scipy.optimize.minimize(
        rosen, [0.5, 0.5], jac=rosen_der, method="BFGS", options={"hess_inv0": guess, "maxiter": 1}
    )
    direction = -guess @ rosen_der(np.array([0.5, 0.5]))
    for step in (ours.x - 0.5, theirs.x - 0.5):
        assert abs(step @ direction) == pytest.approx(np.linalg.norm(step) * np.linalg.norm(direction))


def test_without_a_step_the_inverse_hessian_is_what_it_began_as():
    assert opt.BFGS().run(lambda x: x @ x, np.zeros(2)).hess_inv.tolist() == np.eye(2).tolist()
    given = opt.BFGS(hess_inv0=np.diag([1.0, 2.0])).run(lambda x: x @ x, np.zeros(2)).hess_inv
    assert given.tolist() == [[1.0, 0.0], [0.0, 2.0]]
    given[:] = 0.0  # a copy


@pytest.mark.parametrize("kind", [opt.BFGS, opt.DFP, opt.LBFGS])
def test_the_line_search_is_an_option(kind):
    careful, loose = (
        kind(search).run(rosen, [-1.2, 1.0], jac=rosen_der, jit=False)
        for search in (opt.StrongWolfe(c2=1e-3), opt.Armijo())
    )
    assert careful.success
    assert careful.nfev / careful.nit > loose.nfev / loose.nit
    assert kind is opt.DFP or loose.success


def test_the_radius_of_sr1_is_the_length_of_its_first_step():
    for radius in (1e-3, 0.5):
        history = opt.SR1(radius=radius, maxiter=1).run(rosen, [-1.2, 1.0], jac=rosen_der, jit=False).history
        assert history[0].length == radius
        assert history[1].step in (0.0, pytest.approx(radius))


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.BFGS("armijo"), "BFGS: linesearch must be a line search"),
        (lambda: opt.DFP(hess_inv0=np.array([[1.0, 2.0], [0.0, 1.0]])), "DFP: hess_inv0 must be a symmetric matrix"),
        (lambda: opt.BFGS(hess_inv0=-np.eye(2)), "BFGS: hess_inv0 must be positive definite"),
        (
            lambda: opt.BFGS(hess_inv0=np.eye(3)).run(rosen, [1.0, 2.0], jac=rosen_der),
            r"BFGS: hess_inv0 must be None or of shape \(2",
        ),
        (lambda: opt.SR1(radius=0.0), "SR1: radius must be a finite number > 0"),
        (lambda: opt.LBFGSB(memory=0), "LBFGSB: memory must be a whole number >= 1"),
        (lambda: opt.BFGS().run(rosen, [1.0, 2.0], bounds=[(0, 1)] * 2), "BFGS cannot use bounds"),
        (lambda: opt.SR1().run(rosen, [1.0, 2.0], hess=lambda x: np.eye(2)), "SR1 cannot use hess"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()


# --- every solver --------------------------------------------------------------------------------------------------


@solvers
@pytest.mark.parametrize("at", [0, 1, 6])
def test_a_pickled_state_resumes_bit_for_bit(solver, at):
    whole = list(solver.with_options(maxiter=15).iterate(opt.Problem(rosen, rosen_der, jit=False), [-1.2, 1.0, 0.3]))
    state, problem = pickle.loads(pickle.dumps(whole[at])), opt.Problem(rosen, rosen_der, jit=False)
    for expected in whole[at + 1 :]:
        state = pickle.loads(pickle.dumps(solver.step(problem, state)))
        assert (state.x.tobytes(), state.g.tobytes()) == (expected.x.tobytes(), expected.g.tobytes())
        assert (state.f, state.k, state.length) == (expected.f, expected.k, expected.length)


@solvers
def test_steps_are_pure(solver):
    problem = opt.Problem(rosen, rosen_der, jit=False)
    states = list(solver.with_options(maxiter=6).iterate(problem, [-1.2, 1.0]))
    before = pickle.dumps(states)
    again = [solver.step(problem, state) for state in states[:-1]]
    assert pickle.dumps(states) == before
    assert [state.x.tobytes() for state in again] == [state.x.tobytes() for state in states[1:]]


@solvers
def test_scipy_runs_it_and_counts_are_true(solver):
    calls = []
    result = scipy.optimize.minimize(
        lambda x: calls.append(x) or rosen(x), [-1.2, 1.0], jac=rosen_der, method=solver, options={"gtol": 1e-8}
    )
    assert result.success
    assert result.nfev == len(calls)
    np.testing.assert_allclose(result.x, 1.0, atol=1e-6)


@solvers
def test_awkward_objectives(solver):
    solver = solver.with_options(maxiter=200)
    assert solver.run(rosen, np.ones(3), jac=rosen_der, jit=False).nit == 0
    assert solver.run(lambda x: 0.0 * x[0] + 3.0, [1.0], jac=np.zeros_like, jit=False).success
    falling = solver.run(lambda x: x[0] - 2.0 * x[1], [0.0, 0.0], jac=lambda x: np.array([1.0, -2.0]), jit=False)
    assert falling.status in (opt.Status.UNBOUNDED, opt.Status.MAXITER)
    wrong = solver.run(lambda x: x[0] ** 2 + 1.0, [1.0], jac=lambda x: -np.ones(1), jit=False)
    assert wrong.status in (opt.Status.LINE_SEARCH, opt.Status.ROUND_OFF, opt.Status.RADIUS)
    singular = solver.run(lambda x: (x[0] + x[1] - 1.0) ** 2 + (x[0] + x[1] - 1.0) ** 4, [3.0, -7.0], jit=False)
    assert singular.success


@solvers
@pytest.mark.parametrize("outside", [np.nan, np.inf])
def test_a_region_without_values_is_never_entered(solver, outside):
    def fun(x):
        return x[0] - np.log(x[0]) if x[0] > 0.0 else outside

    result = solver.run(fun, [30.0], jac=lambda x: 1.0 - 1.0 / x, jit=False, callback=lambda xk: xk[0] <= 0.0)
    assert result.success
    assert result.x[0] == pytest.approx(1.0, abs=1e-5)


@solvers
def test_maxfun_is_kept(solver):
    result = solver.with_options(maxfun=7).run(rosen, [-1.2, 1.0], jac=rosen_der, jit=False)
    assert (result.nfev <= 7, result.status) == (True, opt.Status.MAXFUN)


@solvers
def test_the_last_digits(solver):
    """Beyond f's round-off the gradient still tells the way; nothing moves once it does not."""
    goal = np.array([3.0, 7.0])
    result = solver.with_options(gtol=0.0, maxiter=300).run(
        lambda x: 1e5 + np.sum((x - goal) ** 4 + (x - goal) ** 2),
        [2.0, 2.0],
        jac=lambda x: 4.0 * (x - goal) ** 3 + 2.0 * (x - goal),
        jit=False,
    )
    assert result.status in (opt.Status.ROUND_OFF, opt.Status.LINE_SEARCH, opt.Status.CONVERGED)
    assert np.abs(result.jac).max() < 1e-7


def test_sr1_is_not_stopped_by_a_saddle_on_the_way():
    result = opt.SR1().run(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4, [1.0, 1e-3], jit=False)
    assert result.fun == pytest.approx(-1.0)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)
def test_never_a_false_success(solver, name):
    """The eighteen problems from three starts; from the usual one BFGS and its limited memories find a minimum."""
    problem = PROBLEMS[name]
    gradient = opt.Problem(problem.objective)
    limited = solver.with_options(maxiter=500 if type(solver) in (opt.BFGS, opt.LBFGS, opt.LBFGSB) else 120)
    for scale in (1.0, 10.0, 100.0):
        try:
            result = limited.run(problem.objective, scale * problem.x0)
        except NonFiniteError:
            continue  # the start itself overflows
        assert result.success == (np.abs(gradient.at(result.x).g).max() <= 1e-6)
        if scale == 1.0 and limited.maxiter == 500:
            assert any(abs(result.fun - least) <= 1e-7 * max(1e-2, abs(least)) for least in problem.minima)
