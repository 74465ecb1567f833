"""Methods for F(x) = 0 with a dense Jacobian: known systems, rates of convergence, honesty, what options change."""

import pickle

import numpy as np
import pytest
import scipy.optimize
from mgh import PROBLEMS
from root_systems import chandrasekhar, cubic_system, rosenbrock, run, size

import optimizers as opt

SQUARE = {name: p for name, p in PROBLEMS.items() if p.m == p.n and min(p.minima) == 0.0}
DENSE = [
    opt.NewtonRoot(),
    opt.NewtonRoot(monotone="natural"),
    opt.Broyden(),
    opt.Broyden(update="bad"),
    opt.Broyden(jacobian="identity"),
]
IDS = ["newton", "natural", "good", "bad", "identity"]
EVERY = [*DENSE, opt.NewtonKrylov(), opt.Anderson(), opt.FixedPoint(mixing=-0.1)]
every = pytest.mark.parametrize("solver", EVERY, ids=[*IDS, "krylov", "anderson", "picard"])


# -- known systems --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SQUARE)
@pytest.mark.parametrize("solver", [*DENSE[:4], opt.NewtonKrylov()], ids=[*IDS[:4], "krylov"])
def test_more_garbow_hillstrom(solver, name):
    """A root is found from the standard start, but for the problem that has a minimum of the norm on the way."""
    problem = SQUARE[name]
    result = run(solver, problem.residual, problem.x0)
    assert result.success == (size(problem.residual, result.x) <= solver.gtol)
    if name == "freudenstein_roth":
        assert result.status == opt.Status.NOT_A_ROOT
        assert result.history[-1].f == pytest.approx(0.5 * 48.98425367924, rel=1e-9)
    else:
        assert result.success, result.message


@pytest.mark.parametrize("name", SQUARE)
@pytest.mark.parametrize("scale", [10.0, 100.0])
@pytest.mark.parametrize("solver", [*EVERY[:-1]], ids=[*IDS, "krylov", "anderson"])
def test_no_false_success_from_far_starts(solver, name, scale):
    problem = SQUARE[name]
    result = run(solver.with_options(maxiter=120), problem.residual, scale * problem.x0)
    assert result.success == (result.status == 0) == (size(problem.residual, result.x) <= solver.gtol)
    assert np.isfinite(result.fun).all()


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0])
def test_newton_solves_what_has_roots_within_reach(scale):
    """Each of the eight systems but two: a local minimum, and a valley that falls towards infinity."""
    failed = {
        name for name, p in SQUARE.items() if not run(opt.NewtonRoot(maxiter=200), p.residual, scale * p.x0).success
    }
    assert failed <= {"freudenstein_roth", "powell_badly_scaled"}
    assert ("powell_badly_scaled" in failed) == (scale == 100.0)


@pytest.mark.parametrize("solver", [*DENSE, opt.NewtonKrylov(), opt.Anderson()], ids=[*IDS, "krylov", "anderson"])
@pytest.mark.parametrize("c", [0.5, 0.99])
def test_chandrasekhar(solver, c):
    result = run(solver, chandrasekhar(100, c), np.ones(100))
    assert result.success
    assert result.x.mean() == pytest.approx(2.0 * (1.0 - np.sqrt(1.0 - c)) / c, rel=1e-7)


def test_a_singular_root_is_reached_at_the_linear_rate_of_newtons_method():
    """Powell's singular function: each step halves the error, so that F falls to a quarter."""
    problem = PROBLEMS["powell_singular"]
    result = run(opt.NewtonRoot(gtol=1e-14), problem.residual, problem.x0)
    sizes = result.history.to_dict()["gnorm"][3:]
    np.testing.assert_allclose(sizes[1:] / sizes[:-1], 0.25, rtol=1e-6)
    assert result.success


def test_a_system_of_one_unknown_that_is_a_number():
    result = opt.root(lambda x: np.exp(x) - 2.0, 0.0)
    assert result.x.shape == result.fun.shape == ()
    assert result.x == pytest.approx(np.log(2.0))


# -- rates of convergence -------------------------------------------------------------------------------------------


def order(sizes):
    """Of convergence: from three sizes in a row above rounding."""
    return np.log(sizes[2] / sizes[1]) / np.log(sizes[1] / sizes[0])


def test_newton_converges_quadratically():
    sizes = run(opt.NewtonRoot(gtol=1e-14), cubic_system, [0.6, 0.4, 1.5]).history.to_dict()["gnorm"]
    sizes = sizes[sizes > 1e-13]
    assert order(sizes[-3:]) == pytest.approx(2.0, abs=0.25)


@pytest.mark.parametrize("update", ["good", "bad"])
def test_broyden_converges_superlinearly_with_one_jacobian(update):
    result = run(opt.Broyden(update=update, gtol=1e-14), cubic_system, [0.6, 0.4, 1.5])
    ratios = np.divide(*(result.history.to_dict()["gnorm"][part] for part in (slice(1, None), slice(None, -1))))
    assert result.njev == 1
    assert ratios[-3:].max() < 0.2
    assert result.nit > run(opt.NewtonRoot(gtol=1e-14), cubic_system, [0.6, 0.4, 1.5]).nit


def test_linear_systems_take_one_step():
    rng = np.random.default_rng(3)
    A, b = rng.normal(size=(6, 6)), rng.normal(size=6)
    for solver in (opt.NewtonRoot(), opt.Broyden()):
        result = run(solver, lambda x: A @ x - b, np.zeros(6))
        assert result.nit == 1
        np.testing.assert_allclose(result.x, np.linalg.solve(A, b), rtol=1e-10)


def test_newtons_step_does_not_depend_on_units():
    """Rows and columns scaled by powers of two scale the iterates, bit for bit."""
    rows, columns = np.array([2.0**20, 2.0**-15, 1.0]), np.array([2.0**-25, 2.0**10, 4.0])
    plain = run(opt.NewtonRoot(maxiter=3, gtol=0.0), cubic_system, [0.6, 0.4, 1.5])
    scaled = run(
        opt.NewtonRoot(maxiter=3, gtol=0.0, monotone="natural"),
        lambda x: rows * cubic_system(columns * x),
        np.array([0.6, 0.4, 1.5]) / columns,
    )
    np.testing.assert_allclose(columns * scaled.x, plain.x, rtol=1e-13)


# -- where there is no root, or no way -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fun, x0",
    [
        (lambda x: x**2 + 1.0, [3.0]),
        (lambda x: np.stack([x[0] ** 2 + x[1] ** 2 + 1.0, x[0] - x[1]]), [1.0, 2.0]),
        (lambda x: np.stack([np.cosh(x[0]), x[0] + x[1]]), [2.0, 1.0]),
        (lambda x: np.stack([x[0] + x[1] - 1.0, x[0] + x[1] - 2.0]), [5.0, 1.0]),
    ],
    ids=["parabola", "circle", "cosh", "parallel lines"],
)
@pytest.mark.parametrize("solver", [*DENSE[:4], opt.NewtonKrylov()], ids=[*IDS[:4], "krylov"])
def test_a_minimum_of_the_norm_is_no_root(solver, fun, x0):
    result = run(solver, fun, x0)
    assert (result.status, result.success) == (opt.Status.NOT_A_ROOT, False)
    assert result.message.startswith("the norm of F has a minimum here that is no root: max |F| = ")
    least = scipy.optimize.minimize(lambda x: np.sum(fun(x) ** 2), x0, tol=1e-12).fun
    assert np.sum(result.fun**2) == pytest.approx(least, rel=1e-8)


@every
def test_no_method_claims_a_root_where_there_is_none(solver):
    for fun in (lambda x: x**2 + 1.0, lambda x: np.exp(x) + 0.1, lambda x: np.where(x > 0.0, 1.0, -1.0) + 0.0 * x):
        for x0 in ([1.0], [-2.0], [0.5, -0.5]):
            result = run(solver.with_options(maxiter=60), fun, x0)
            assert not result.success
            assert result.status not in (0, 99)


@pytest.mark.parametrize("x0", [[0.0], [0.0, 0.0, 0.0]])
def test_a_jacobian_of_zeros(x0):
    """Stationary and no root at the start; and a root with J = 0 there."""
    assert run(opt.NewtonRoot(), lambda x: x**2 + 1.0, x0).status == opt.Status.NOT_A_ROOT
    assert run(opt.NewtonRoot(), lambda x: x**3, x0).nit == 0


def test_consistent_systems_with_a_singular_jacobian_are_solved():
    A = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    for solver in (opt.NewtonRoot(), opt.Broyden(), opt.NewtonKrylov()):
        result = run(solver, lambda x: A @ x - np.array([2.0, 2.0, 6.0]), [5.0, 1.0, 0.0])
        assert result.success, result.message
        assert A @ result.x == pytest.approx([2.0, 2.0, 6.0])


def test_powells_trap_for_newton_with_a_line_search():
    """M. J. D. Powell (1970): from here a line search along Newton's directions alone ends at a singular point."""

    def fun(x):
        return np.stack([x[0], 10.0 * x[0] / (x[0] + 0.1) + 2.0 * x[1] ** 2])

    result = run(opt.NewtonRoot(), fun, [3.0, 1.0])
    assert result.success
    np.testing.assert_allclose(result.x, 0.0, atol=1e-4)


def test_round_off_is_not_success():
    """Where rounding of x moves F by more than gtol, no point need satisfy the test."""
    result = run(opt.NewtonRoot(gtol=1e-20), lambda x: 1e12 * (x**2 - 2.0), [1.0])
    assert result.status == opt.Status.ROUND_OFF
    assert result.x == pytest.approx([np.sqrt(2.0)], rel=1e-15)


@every
def test_trials_outside_of_the_domain_are_refused(solver):
    """log and sqrt: every point that is accepted is finite, and the root is found all the same."""
    problem = solver.problem_of(lambda x: np.log(x) + 0.0 * np.sqrt(x), [3.0], jit=False)
    for state in solver.with_options(maxiter=300).iterate(problem, [3.0]):
        assert np.isfinite(state.g).all()
        assert state.x > 0.0
    if not isinstance(solver, opt.Broyden) or solver.jacobian == "exact":
        assert state.x == pytest.approx([1.0], abs=1e-7)


def test_points_whose_jacobian_is_not_finite_are_refused():
    """Newton's first step leads where F is finite and lower, and its Jacobian is not."""
    problem = opt.RootProblem(
        lambda x: x - 1.0, jac=lambda x: np.where(np.abs(x - 1.0) < 0.5, np.nan, np.eye(1)), jit=False
    )
    states = list(opt.NewtonRoot(maxiter=3).iterate(problem, [3.0]))
    assert states[1].length == 0.5
    assert all(np.isfinite(state.J).all() for state in states)


@every
def test_where_f_becomes_nan_the_run_ends(solver):
    result = run(solver.with_options(maxiter=50), lambda x: np.where(x == 2.0, x, np.nan), [2.0])
    assert not result.success
    assert result.nit <= 1
    assert result.fun == [2.0]


# -- counts, limits, results ----------------------------------------------------------------------------------------


@every
def test_counts_are_those_of_the_function_itself(solver):
    calls = []

    def fun(x):
        calls.append(x.shape)
        return chandrasekhar(5, 0.5)(x)

    def jac(x):
        J = np.eye(5)
        calls.append("J")
        return J

    result = run(solver.with_options(maxiter=4, gtol=0.0), fun, np.ones(5), jac=jac)
    assert calls.count((5,)) == result.nfev
    if isinstance(solver, (opt.NewtonRoot, opt.Broyden)):
        assert calls.count("J") == result.njev
    assert result.history[-1].nfev == result.nfev
    assert len(result.history) == result.nit + 1


def test_one_evaluation_a_point():
    seen = []

    def fun(x):
        seen.append(x.tobytes())
        return rosenbrock(x)

    result = run(opt.NewtonRoot(), fun, [-1.2, 1.0], jac=lambda x: np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]]))
    assert len(set(seen)) == len(seen) == result.nfev
    assert result.njev == result.nit + 1


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
@every
def test_maxfun_is_kept(solver, limit):
    result = run(solver.with_options(maxfun=limit, gtol=0.0), cubic_system, [5.0, -3.0, 2.0])
    assert result.nfev <= limit
    assert result.status in (opt.Status.MAXFUN, opt.Status.LINE_SEARCH)


def test_results_have_the_fields_of_scipys_and_of_every_method():
    result = run(opt.NewtonRoot(), rosenbrock, [-1.2, 1.0])
    theirs = scipy.optimize.root(rosenbrock, [-1.2, 1.0])
    assert result.fun.shape == theirs.fun.shape
    np.testing.assert_allclose(result.jac, [[-20.0, 10.0], [-1.0, 0.0]])
    assert {"x", "fun", "jac", "nit", "nfev", "njev", "status", "success", "message", "history"} <= set(result)
    row = result.history[-1]
    assert (row.gnorm, row.f) == (np.abs(result.fun).max(), 0.5 * result.fun @ result.fun)
    assert result.message == f"the test of F holds: max |F| = {row.gnorm:.3g} <= gtol"


@every
def test_a_start_at_a_root_takes_no_iteration(solver):
    result = run(solver, lambda x: x - np.array([1.0, 2.0]), [1.0, 2.0])
    assert (result.nit, result.success, result.nfev) == (0, True, 1)


@pytest.mark.parametrize("solver", EVERY[:-1], ids=[*IDS, "krylov", "anderson"])
def test_a_pickled_state_goes_on_bit_for_bit(solver):
    fun = chandrasekhar(12, 0.9)
    whole = list(solver.iterate(opt.RootProblem(fun, jit=False), np.ones(12)))
    for at in (0, 1, 2):
        result = solver.resume(fun, pickle.loads(pickle.dumps(whole[at])), jit=False)
        assert result.x.tobytes() == whole[-1].x.tobytes()
        assert result.nit == len(whole) - 1 - at


def test_a_state_of_other_equations_is_a_start():
    state = list(opt.NewtonRoot().iterate(opt.RootProblem(lambda x: x**2 - 2.0, jit=False), [1.0]))[-1]
    result = opt.NewtonRoot().resume(lambda x, a: x**2 - a, state, (3.0,), jit=False)
    assert result.x == pytest.approx([np.sqrt(3.0)])
