"""Checkpoints and warm starts of every solver: a pickled state goes on bit for bit, and states keep no stale values."""

import dataclasses
import pickle

import numpy as np
import pytest
from every_solver import MINIMISERS, RESIDUAL_SOLVERS, each, each_variant, is_slow

import optimizers as opt
from optimizers.errors import InputTypeError, OptionError

EVERY = each([*MINIMISERS, *RESIDUAL_SOLVERS])
solvers = each(MINIMISERS)
START = np.array([-1.2, 1.0, 0.5])


def residual(x, a=1.0):
    """Three equations, and the step of a contraction: for solvers of every kind."""
    return 0.5 * np.cos(x[::-1] + np.array([0.0, a, 2.0])) - x


def rosen(x, a=1.0):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2)


def problem_of(solver, jit):
    """The function that suits the solver, and a new problem of it."""
    fun = residual if type(solver) in map(type, RESIDUAL_SOLVERS) else rosen
    return fun, solver.problem_of(fun, START, jit=jit)


def leaves(value):
    """The numbers of a state, as bytes, however they are nested."""
    if dataclasses.is_dataclass(value):
        return [leaf for field in dataclasses.fields(value) for leaf in leaves(getattr(value, field.name))]
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in leaves(part)]
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in leaves(value[key])]
    if isinstance(value, np.ndarray):
        return [(value.shape, str(value.dtype), value.tobytes())]
    return [np.float64(value).tobytes() if isinstance(value, float) else value]


@EVERY
@pytest.mark.parametrize("jit", [False, True])
def test_a_pickled_state_goes_on_bit_for_bit(solver, jit):
    """From several iterations of one run, and with a pickle at each step; eager and compiled."""
    solver = solver.with_options(maxiter=12)
    _, problem = problem_of(solver, jit)
    whole = list(solver.iterate(problem, START))
    assert len(whole) > 2
    for at in {0, 1, len(whole) // 2}:
        state, (_, fresh) = whole[at], problem_of(solver, jit)
        for expected in whole[at + 1 :]:
            state = solver.step(fresh, pickle.loads(pickle.dumps(state)))
            assert leaves(state) == leaves(expected)


@each_variant()
def test_so_does_one_of_every_variant(solver):
    test_a_pickled_state_goes_on_bit_for_bit(solver, False)


@EVERY
def test_states_are_plain_data_that_a_step_does_not_change(solver):
    _, problem = problem_of(solver, False)
    solver = solver.with_options(maxiter=5)
    state = solver.init(problem, START)
    for _ in range(4):
        before = leaves(state)
        after = solver.step(problem, state)
        assert leaves(state) == before
        assert dataclasses.is_dataclass(after)
        assert type(after) is type(state)
        state = after
        assert isinstance(state, opt.State)
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.k = 0


@EVERY
@pytest.mark.parametrize("jit", [False, "auto"])
def test_resume_ends_where_the_run_would(solver, jit):
    fun, problem = problem_of(solver, jit)
    whole = solver.with_options(maxiter=14).run(fun, START, jit=jit)
    at = min(4, whole.nit - 1)
    state = list(solver.with_options(maxiter=at).iterate(problem, START))[-1]
    result = solver.with_options(maxiter=14 - at).resume(fun, pickle.loads(pickle.dumps(state)), jit=jit)
    # The result is the best point so far, which for methods that are not monotone may be one before the checkpoint.
    if np.argmin([row.f for row in whole.history]) >= at:
        assert result.x.tobytes() == whole.x.tobytes()
    np.testing.assert_array_equal(result.history[-1][:6], whole.history[-1][:6])
    assert result.nit == whole.nit - at
    assert result.history[0].k == at
    assert result.status == whole.status


@solvers
def test_a_warm_start_takes_nothing_of_the_old_problem_for_granted(solver):
    """A state where the old problem was solved is no success of the new one, and not a point of its values."""
    fun = lambda x, a: np.sum((x - a) ** 2) + np.sum((x - a) ** 4)  # noqa: E731
    solved = list(solver.iterate(opt.Problem(fun, args=(1.0,), jit=False), [0.5, 0.7]))[-1]
    result = solver.resume(fun, solved, (2.0,), jit=False)
    assert result.history[0].f == pytest.approx(fun(solved.x, 2.0), rel=1e-12)
    assert result.history[0].gnorm > 1.0
    assert result.nit > 0
    np.testing.assert_allclose(result.jac, opt.Problem(fun, args=(2.0,)).at(result.x).g, atol=1e-12)
    if not is_slow(solver):
        np.testing.assert_allclose(result.x, 2.0, atol=1e-4)


@each(RESIDUAL_SOLVERS)
def test_a_warm_start_of_equations_takes_nothing_for_granted(solver):
    solved = list(solver.iterate(solver.problem_of(residual, START, (1.0,), jit=False), START))[-1]
    result = solver.resume(residual, solved, (2.0,), jit=False)
    assert result.history[0].gnorm > 1e-3
    assert result.nit > 0
    assert np.abs(residual(result.x, 2.0)).max() < 1e-4
    np.testing.assert_allclose(result.x, solver.run(residual, START, (2.0,), jit=False).x, atol=1e-4)


@each([solver for solver in MINIMISERS if not is_slow(solver)])
def test_a_warm_start_saves_iterations(solver):
    fun = lambda x, a: np.sum(np.cosh(x - a)) + (x[0] - x[1]) ** 2  # noqa: E731
    solved = list(solver.iterate(opt.Problem(fun, args=(1.0,), jit=False), [4.0, -2.0]))[-1]
    warm = solver.resume(fun, solved, (1.001,), jit=False)
    cold = solver.run(fun, [4.0, -2.0], (1.001,), jit=False)
    assert warm.nit <= cold.nit
    assert warm.history[0].k == solved.k


def test_the_curvature_that_is_known_is_of_use_to_a_warm_start():
    scales = np.logspace(0, 3, 30)
    fun = lambda x, a: np.sum(scales * np.log(np.cosh(x - a)))  # noqa: E731
    solver = opt.LBFGS(memory=30)
    solved = list(solver.iterate(opt.Problem(fun, args=(0.0,), jit=False), np.linspace(-1, 1, 30)))[-1]
    warm = solver.resume(fun, solved, (0.01,), jit=False)
    bare = solver.run(fun, solved.x, (0.01,), jit=False)
    assert warm.success
    assert warm.nit < bare.nit


@EVERY
def test_resuming_costs_one_evaluation(solver):
    """The values in the state are compared with those of the problem: that is how another problem is noticed."""
    fun, problem = problem_of(solver, False)
    state = solver.step(problem, solver.init(problem, START))
    result = solver.with_options(maxiter=0).resume(fun, state, jit=False)
    assert result.nfev == 1
    assert result.history[0].k == 1


@solvers
@pytest.mark.parametrize(
    "first", [opt.Adam(0.1), opt.LBFGS(), opt.TrustRegion()], ids=lambda first: type(first).__name__
)
def test_a_state_of_another_method_is_a_start_at_its_x(solver, first):
    """Adam first, then a method that arrives: what the one remembers is nothing to the other."""
    fun = lambda x: np.sum(np.cosh(x - 1.0)) + (x[0] - x[1]) ** 2  # noqa: E731
    state = list(first.with_options(maxiter=3).iterate(opt.Problem(fun, jit=False), [4.0, -2.0]))[-1]
    solver = solver.with_options(maxiter=20)
    result, cold = solver.resume(fun, state, jit=False), solver.run(fun, state.x, jit=False)
    assert result.history[0].k == 3
    own = solver.init(opt.Problem(fun, jit=False), state.x)
    if type(state) is not type(own) or getattr(state, "kinds", None) != getattr(own, "kinds", None):
        np.testing.assert_array_equal(result.x, cold.x)
    np.testing.assert_allclose(result.jac, opt.Problem(fun, jit=False).at(result.x).g, rtol=1e-12, atol=1e-15)


@solvers
def test_what_is_no_state_or_no_problem_is_refused(solver):
    with pytest.raises(InputTypeError, match="state must be one of a solver, not ndarray"):
        solver.resume(rosen, START)
    with pytest.raises(InputTypeError, match=r"problem must be a Problem, as .* makes, not function"):
        solver.iterate(rosen, START)


def test_a_state_outside_of_new_bounds_is_refused():
    fun = lambda x: np.sum(x**4)  # noqa: E731
    for solver in (opt.LBFGSB(), opt.ProjectedNewton()):
        state = list(solver.with_options(maxiter=2).iterate(opt.Problem(fun, jit=False), [4.0]))[-1]
        with pytest.raises(OptionError, match=r"is not within its bounds \[5.0, 6.0\]"):
            solver.resume(fun, state, bounds=[(5.0, 6.0)], jit=False)


def test_the_memory_of_a_chain_is_that_of_its_transforms_with_whatever_rates():
    fun = lambda x: np.sum(np.cosh(x - 1.0))  # noqa: E731
    state = list(opt.Adam(0.1, maxiter=3).iterate(opt.Problem(fun, jit=False), [4.0, -2.0]))[-1]
    for rate in (0.1, 0.01):
        result = opt.Adam(rate, maxiter=1).resume(fun, state, jit=False)
        update, _ = opt.Adam(rate).transform.update(state.g, state.memory, state.x)
        np.testing.assert_allclose(result.x, state.x + update, rtol=1e-14)
    for other in (opt.Adam(0.1, amsgrad=True), opt.Adam(opt.schedules.constant(0.1)), opt.RMSProp(0.1)):
        one = other.with_options(maxiter=1)
        np.testing.assert_array_equal(one.resume(fun, state, jit=False).x, one.run(fun, state.x, jit=False).x)
