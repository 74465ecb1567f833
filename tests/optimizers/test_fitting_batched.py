"""Many fits at once: each as the loop would make it."""

import numpy as np
import pytest

import hodiff as hd
import optimizers as opt
from optimizers.errors import NonFiniteError
from optimizers.fitting import batched_levenberg_marquardt
from optimizers.fitting.batched import normal_equations

RNG = np.random.default_rng(11)
T = np.linspace(0.0, 4.0, 20)
TRUTH = RNG.uniform([1.0, 0.5, 0.5], [3.0, 2.0, 1.5], size=(40, 3))


def model(p, t):
    return p[0] * np.exp(-p[1] * t) + p[2] * np.cos(t)


Y = np.stack([model(p, T) for p in TRUTH]) + 0.05 * RNG.normal(size=(40, 20))
STARTS = TRUTH * RNG.uniform(0.5, 2.0, size=TRUTH.shape)


def residual(p, y):
    return model(p, T) - y


def both(p, y):
    return residual(p, y), hd.jacobian(residual)(p, y)


class Batch:
    """What the function asks for, of residuals and data of one's own; it notes how often and for how many."""

    def __init__(self, fun, data, jac=None, bounds=None):
        self.fun, self.data, self.bounds, self.sizes = fun, data, bounds, []
        self.evaluate_all = hd.vmap(lambda x, d: (fun(x, d), hd.jacobian(fun)(x, d)))

    def evaluate(self, X, members):
        self.sizes.append(len(X))
        return normal_equations(*self.evaluate_all(X, self.data[members]))

    def member(self, i):
        return opt.ResidualProblem(self.fun, args=(self.data[i],), jit=False, bounds=self.bounds)


def assert_as_the_loop(solver, batch, starts, rtol=1e-10):
    found = batched_levenberg_marquardt(solver, batch.evaluate, starts, batch.member)
    for i, x0 in enumerate(starts):
        problem = batch.member(i)
        result = solver.run(batch.fun, x0, (batch.data[i],), jit=False, bounds=problem._bounds)
        np.testing.assert_allclose(found.x[i], result.x, rtol=rtol, atol=1e-14)
        assert found.status[i] == result["status"]
        assert found.nit[i] == result.nit
        assert found.nfev[i] == result.nfev
        assert found.cost[i] == pytest.approx(result.cost, rel=1e-10, abs=1e-25)
    return found


@pytest.mark.parametrize(
    "options",
    [{}, {"radius": 0.05}, {"scaling": False}, {"maxiter": 3}, {"maxfun": 4}, {"ctol": 1e-4}, {"gtol": 1.0}],
    ids=str,
)
def test_every_member_is_as_the_loop_makes_it(options):
    batch = Batch(residual, Y)
    found = assert_as_the_loop(opt.LevenbergMarquardt(**options), batch, STARTS)
    assert len(set(found.nit)) > 1 or "maxiter" in options or "maxfun" in options
    assert len(batch.sizes) == found.nit.max() + 1  # nobody had to be solved alone


@pytest.mark.parametrize("options", [{"loss": "soft_l1"}, {"geodesic": True}, {"xtol": 1e-3}], ids=str)
def test_what_stacks_do_not_serve_is_solved_one_by_one(options):
    batch = Batch(residual, Y[:4])
    assert_as_the_loop(opt.LevenbergMarquardt(**options), batch, STARTS[:4])
    assert batch.sizes == []


def test_bounds():
    batch = Batch(residual, Y[:4], bounds=[(0.0, 1.2), (0.0, 9.0), (-9.0, 9.0)])
    found = assert_as_the_loop(opt.LevenbergMarquardt(), batch, np.clip(STARTS[:4], 0.1, 1.1))
    assert (found.x[:, 0] <= 1.2).all()


def test_those_that_have_converged_do_not_move_and_batches_shrink_with_few_sizes():
    data = np.array([1.0] * 62 + [30.0, 100.0])
    fun = lambda x, d: np.stack([d * (x[1] - x[0] ** 2), 1.0 - x[0]])  # noqa: E731
    starts = np.tile([1.0, 1.0], (64, 1))
    starts[62:] = [-1.2, 1.0]
    batch = Batch(fun, data)
    found = assert_as_the_loop(opt.LevenbergMarquardt(), batch, starts)
    assert (found.nit[:62] == 0).all()
    assert found.nit[63] > 10
    assert sorted(set(batch.sizes)) == [16, 64]
    assert (found.nfev[:62] == 1).all()


def test_members_in_trouble():
    """Walls of NaN, rank 1, exact fits, a saddle's ridge: what a loop gives, whatever way."""
    fun = lambda x, d: np.stack(  # noqa: E731
        [np.log(x[0]) * d[0] + d[1] * x[1], d[2] * (x[0] + x[1] - 3.0), d[3] * (x[0] - x[1]), 0.1 * x[1] * d[0]]
    )
    data = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0], [3.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1e-5]])
    batch = Batch(fun, data)
    found = assert_as_the_loop(opt.LevenbergMarquardt(), batch, np.tile([4.0, 0.5], (4, 1)), rtol=1e-7)
    assert (found.status == 0).all()


def test_a_start_that_is_not_finite_is_the_error_of_the_loop():
    batch = Batch(lambda x, d: np.log(x - d), np.array([0.0, 2.0]))
    with pytest.raises(NonFiniteError, match="is not finite at the start"):
        batched_levenberg_marquardt(opt.LevenbergMarquardt(), batch.evaluate, np.ones((2, 1)), batch.member)


def test_badly_scaled_members():
    unit = np.array([1e6, 1e-3, 1.0])
    batch = Batch(lambda p, y: residual(p * unit, y), Y)
    assert_as_the_loop(opt.LevenbergMarquardt(), batch, STARTS / unit)


def test_no_members():
    batch = Batch(residual, Y)
    found = batched_levenberg_marquardt(opt.LevenbergMarquardt(), batch.evaluate, np.empty((0, 3)), batch.member)
    assert found.x.shape == (0, 3)
