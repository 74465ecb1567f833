"""Anderson's acceleration and the plain iteration: GMRES on linear problems, windows, mixing, domains."""

import pickle

import numpy as np
import pytest
import scipy.linalg
from root_systems import chandrasekhar, run

import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError, ShapeError
from optimizers.roots.gmres import gmres

RNG = np.random.default_rng(2)
N = 12
MATRIX = 0.9 * scipy.linalg.orth(RNG.normal(size=(N, N))) @ np.diag(np.linspace(0.1, 1.0, N))
SHIFT = RNG.normal(size=N)


def affine(x):
    return MATRIX @ x + SHIFT


def test_anderson_is_gmres_on_linear_problems():
    """Walker and Ni (2011), theorem 2.2: x of step k + 1 is G of the k-th iterate of GMRES, started at the same x0."""
    x0 = RNG.normal(size=N)
    problem = opt.FixedPointProblem(affine, jit=False)
    states = list(opt.Anderson(memory=N, gtol=1e-12).iterate(problem, x0))
    A = np.eye(N) - MATRIX
    for k in range(1, 7):
        inner = x0 + gmres(lambda v: A @ v, SHIFT - A @ x0, rtol=0.0, limit=k, memory=N).x
        np.testing.assert_allclose(states[k + 1].x, affine(inner), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(states[-1].x, np.linalg.solve(A, SHIFT), rtol=1e-9)
    assert states[-1].k <= N + 1


def test_memory_changes_the_run_and_none_is_the_plain_iteration():
    nits = [opt.fixed_point(affine, np.zeros(N), method=opt.Anderson(memory=m), jit=False).nit for m in (0, 1, 3, 12)]
    assert nits == sorted(nits, reverse=True)
    assert nits[0] > 2 * nits[3]
    assert nits[0] == opt.fixed_point(affine, np.zeros(N), method="picard", jit=False).nit
    problem = opt.FixedPointProblem(affine, jit=False)
    for state in opt.Anderson(memory=3).iterate(problem, np.zeros(N)):
        assert len(state.steps) == len(state.changes) == min(3, state.k)


def test_mixing_by_default_is_one_for_fixed_points_and_exact_for_roots():
    point = opt.RootProblem(chandrasekhar(20, 0.5), jit=False).at(np.full(20, 0.2))
    state = opt.Anderson().init(opt.RootProblem(chandrasekhar(20, 0.5), jit=False), np.full(20, 0.2))
    image = point.J @ point.r
    assert state.mixing == pytest.approx(-(point.r @ image) / (image @ image))
    assert opt.Anderson().init(opt.FixedPointProblem(affine, jit=False), np.zeros(N)).mixing == 1.0
    assert opt.Anderson(mixing=-0.3).init(opt.RootProblem(affine, jit=False), np.zeros(N)).mixing == -0.3
    by_hand, automatic = (run(opt.Anderson(mixing=m), chandrasekhar(50, 0.9), np.ones(50)) for m in (-1.0, None))
    assert by_hand.success
    assert automatic.success
    assert (by_hand.njvp, automatic.njvp) == (0, 1)
    assert by_hand.history[1].f != automatic.history[1].f


def test_acceleration_where_the_plain_iteration_diverges():
    def steep(x):
        return 4.0 - 2.0 * x

    assert not opt.fixed_point(steep, [1.0], method=opt.FixedPoint(maxiter=60), jit=False).success
    for solver in (opt.Anderson(), opt.FixedPoint(mixing=0.3), opt.NewtonRoot(), opt.NewtonKrylov(), opt.Broyden()):
        result = opt.fixed_point(steep, [1.0], method=solver, jit=False)
        assert result.success
        assert result.x == pytest.approx([4.0 / 3.0])


def test_the_plain_iteration_is_the_plain_iteration():
    problem = opt.FixedPointProblem(np.cos, jit=False)
    x = np.array([0.3, 1.2])
    for state in opt.FixedPoint(maxiter=12).iterate(problem, x):
        np.testing.assert_allclose(state.x, x, rtol=1e-12)
        x = np.cos(x)
    half = list(opt.FixedPoint(mixing=0.5, maxiter=1).iterate(problem, [0.0, 0.0]))[-1]
    assert half.x.tolist() == [0.5, 0.5]


def test_differences_that_are_dependent_are_left_out():
    """One of four directions is moved along again and again: columns of rounding only must not be divided by."""
    result = opt.fixed_point(
        lambda x: np.stack([0.5 * x[0], 0.0 * x[1], 0.0 * x[2], 0.0 * x[3]]),
        np.array([1.0, 1e-3, 1.0, 1.0]),
        method=opt.Anderson(memory=10, gtol=1e-14),
        jit=False,
    )
    assert result.success
    np.testing.assert_allclose(result.x, 0.0, atol=1e-14)


@pytest.mark.parametrize("solver", [opt.Anderson(), opt.FixedPoint()], ids=["anderson", "picard"])
def test_points_outside_of_the_domain_are_never_accepted(solver):
    """sqrt(2 x - 1) from the edge of its domain, where the plain step leads out of it."""
    problem = opt.FixedPointProblem(lambda x: np.log(x) + 0.5, jit=False)
    for state in solver.with_options(maxiter=30).iterate(problem, [0.1]):
        assert np.isfinite(state.g).all()
    assert state.ending in (None, opt.Status.LINE_SEARCH)


def test_the_best_point_is_returned_where_the_iteration_diverges():
    result = opt.fixed_point(lambda x: 1.0 + 3.0 * x, [-0.4], method=opt.FixedPoint(maxiter=20), jit=False)
    assert not result.success
    assert result.x == [-0.4]
    assert abs(result.history[-1].xnorm) > 1e6


def test_derivatives_of_the_displacement():
    """G(x) - x: Jacobian, products and gradient of its half square, eager and compiled, and of trees."""

    def G(x):
        return np.stack([np.sin(x[1]), x[0] * x[1]])

    x, v = np.array([0.4, 1.1]), np.array([1.0, -2.0])
    J = np.array([[-1.0, np.cos(1.1)], [1.1, 0.4 - 1.0]])
    for jit in (False, True):
        point = opt.FixedPointProblem(G, jit=jit).at(x)
        np.testing.assert_allclose(point.J, J)
        np.testing.assert_allclose(point.r, G(x) - x)
        np.testing.assert_allclose(point.g, J.T @ (G(x) - x))
        fresh = opt.FixedPointProblem(G, jit=jit).at(x)
        np.testing.assert_allclose(fresh.jvp(v), J @ v)
        np.testing.assert_allclose(fresh.vjp(v), J.T @ v)
        second = np.stack([np.array([0.0, -np.sin(1.1)]), np.zeros(2)])
        np.testing.assert_allclose(
            fresh.H, J.T @ J + np.diag((G(x) - x)[0] * second[0]) + (G(x) - x)[1] * (1 - np.eye(2))
        )
    given = opt.FixedPointProblem(G, jac=lambda x: J + np.eye(2), jit=False).at(x)
    np.testing.assert_allclose(given.J, J)
    np.testing.assert_allclose(opt.FixedPointProblem(G, jac=lambda x: J + np.eye(2), jit=False).at(x).jvp(v), J @ v)
    result = opt.fixed_point(lambda p: {"a": np.cos(p["a"]), "b": 0.5 * p["b"] + p["a"]}, {"a": 0.5, "b": np.ones(2)})
    np.testing.assert_allclose(result.x["b"], 2.0 * 0.7390851332, rtol=1e-7)
    assert result.fun["b"].shape == (2,)


def test_the_door_names_what_is_wrong():
    with pytest.raises(OptionError, match="unknown method 'foo'; ours are auto, picard, anderson"):
        opt.fixed_point(np.cos, [1.0], method="foo")
    with pytest.raises(OptionError, match="SciPy's 'hybr' is for roots: call root with G"):
        opt.fixed_point(np.cos, [1.0], method="hybr")
    with pytest.raises(OptionError, match="Anderson has no option 'foo'"):
        opt.fixed_point(np.cos, [1.0], options={"foo": 1})
    with pytest.raises(InputTypeError, match="method must be a solver for roots"):
        opt.fixed_point(np.cos, [1.0], method=opt.LBFGS())
    with pytest.raises(ShapeError, match="returned 1 values for 2 unknowns"):
        opt.fixed_point(lambda x: x[0], [1.0, 2.0])
    with pytest.raises(NonFiniteError, match="fun log is not finite at the start"):
        opt.fixed_point(np.log, [0.0])
    assert opt.fixed_point(np.cos, [1.0], tol=1e-3).nit < opt.fixed_point(np.cos, [1.0], tol=1e-12).nit
    seen = []
    opt.fixed_point(np.cos, 1.0, callback=lambda x, f: seen.append(float(f)), method="picard", jit=False)
    assert abs(seen[-1]) <= 1e-8


@pytest.mark.parametrize(
    "solver", [opt.FixedPoint(), opt.Anderson(), opt.NewtonRoot(), opt.Broyden(), opt.NewtonKrylov()]
)
def test_a_pickled_state_goes_on_bit_for_bit(solver):
    def maps(x):
        return np.cos(np.stack([x[1], 0.5 * x[0]]))

    problem = opt.FixedPointProblem(maps, jit=False)
    states = list(solver.iterate(problem, [1.0, 2.0]))
    at = len(states) // 2
    rest = solver.solve(opt.FixedPointProblem(maps, jit=False), pickle.loads(pickle.dumps(states[at])))
    assert rest.success
    np.testing.assert_array_equal(rest.x, states[-1].x)
    assert rest.nit == len(states) - 1 - at


def test_rounding_ends_a_run_whose_f_cannot_be_smaller():
    def large(x):
        return 1e12 * np.cos(1e-12 * x)

    plain = opt.FixedPoint().solve(opt.FixedPointProblem(large, jit=False), [1e12])
    mixed = run(opt.Anderson(), lambda x: 1e12 * (x**3 - 3.0), [1.0])
    for result, exact in ((plain, 0.7390851332151607e12), (mixed, 3.0 ** (1.0 / 3.0))):
        assert result["status"] == opt.Status.ROUND_OFF
        assert result.nit < 200
        np.testing.assert_allclose(result.x, exact, rtol=1e-14)


def test_a_state_of_another_method_is_a_start():
    def pair(x):
        return np.stack([x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]])

    solvers = [opt.NewtonRoot(), opt.Broyden(), opt.NewtonKrylov(), opt.Anderson()]
    problem = opt.RootProblem(pair, jit=False)
    for other in (*solvers, opt.FixedPoint(mixing=-0.1)):
        state = other.init(problem, [3.0, 1.0])
        for solver in solvers:
            np.testing.assert_allclose(solver.resume(pair, state, jit=False).x, 1.0, rtol=1e-6)
