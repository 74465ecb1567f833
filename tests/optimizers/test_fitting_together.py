"""Fits under `hodiff.vmap`, done on stacks: what a loop over the members gives, but for rounding."""

import numpy as np
import pytest

import hodiff as hd
import optimizers as opt
from optimizers.errors import NonFiniteError

T = np.linspace(0.0, 4.0, 25)
RNG = np.random.default_rng(3)
TRUTH = np.stack([RNG.uniform(1.0, 3.0, 40), RNG.uniform(0.3, 1.0, 40), RNG.uniform(1.5, 2.5, 40)], axis=1)
START = np.array([1.5, 0.5, 2.0])
FIELDS = ("x", "fun", "jac", "cost", "grad", "optimality", "active_mask", "covariance", "std")


def wave(p, t):
    return p[0] * np.exp(-p[1] * t) * np.cos(p[2] * t)


def residuals(p, t, y):
    return wave(p, t) - y


DATA = np.stack([wave(p, T) for p in TRUTH]) + 0.05 * RNG.normal(size=(40, 25))


def assert_same(batch, loop):
    for name in FIELDS:
        expected = np.stack([member[name] for member in loop])
        atol = 1e-12 * np.abs(expected).max() + (1e-11 if name in ("grad", "optimality") else 0.0)
        np.testing.assert_allclose(batch[name], expected, rtol=1e-10, atol=atol, err_msg=name)
    for name in ("nit", "nfev", "njev", "nhev", "status", "success"):
        np.testing.assert_array_equal(batch[name], [member[name] for member in loop], err_msg=name)
    assert set(loop[0]) - set(batch) == {"note"}


@pytest.mark.parametrize("options", [{}, {"scaling": False}, {"radius": 0.1}, {"maxiter": 4}, {"maxfun": 3}], ids=str)
def test_batch_and_loop_agree(options):
    solver = opt.LevenbergMarquardt(**options)
    batch = hd.vmap(lambda y: solver.run(residuals, START, (T, y)))(DATA)
    assert_same(batch, [solver.run(residuals, START, (T, y)) for y in DATA])


@pytest.mark.parametrize(
    "options", [{"geodesic": True}, {"loss": "huber", "f_scale": 0.05}, {"xtol": 1e-3}], ids=lambda o: next(iter(o))
)
def test_what_stacks_do_not_serve_is_done_one_by_one(options):
    solver = opt.LevenbergMarquardt(**options)
    batch = hd.vmap(lambda y: solver.run(residuals, START, (T, y)))(DATA[:5])
    assert_same(batch, [solver.run(residuals, START, (T, y)) for y in DATA[:5]])


def test_bounds_and_a_jacobian_of_ones_own():
    solver = opt.LevenbergMarquardt()
    bounds = [(0.0, 5.0), (0.0, 0.6), (0.0, 3.0)]
    batch = hd.vmap(lambda y: solver.run(residuals, START, (T, y), bounds=bounds))(DATA[:5])
    assert_same(batch, [solver.run(residuals, START, (T, y), bounds=bounds) for y in DATA[:5]])
    jac = hd.jacobian(residuals)
    batch = hd.vmap(lambda y: solver.run(residuals, START, (T, y), jac=jac))(DATA[:5])
    assert_same(batch, [solver.run(residuals, START, (T, y), jac=jac) for y in DATA[:5]])


def test_starts_and_data_by_closure_in_trees_and_through_the_door():
    starts = START + 0.1 * RNG.normal(size=(5, 3))
    solver = opt.LevenbergMarquardt()
    loop = [solver.run(residuals, x0, (T, y)) for x0, y in zip(starts, DATA[:5], strict=True)]
    assert_same(hd.vmap(lambda x0, y: solver.run(residuals, x0, (T, y)))(starts, DATA[:5]), loop)
    assert_same(hd.vmap(lambda x0, y: solver.run(lambda p: residuals(p, T, y), x0))(starts, DATA[:5]), loop)
    assert_same(hd.vmap(lambda x0, y: opt.least_squares(residuals, x0, (T, y)))(starts, DATA[:5]), loop)

    def of_tree(p, t, data):
        return p["a"] * np.exp(-p["k"][0] * t) * np.cos(p["k"][1] * t) - data["y"]

    def solve(a, y):
        return solver.run(of_tree, {"a": a, "k": [0.5, 2.0]}, (T, {"y": y, "unit": "V"}))

    found = hd.vmap(solve)(np.full(5, 1.5), DATA[:5])
    expected = [solver.run(residuals, START, (T, y)).x for y in DATA[:5]]
    np.testing.assert_allclose(found.x["a"], [x[0] for x in expected], rtol=1e-9)
    np.testing.assert_allclose(found.x["k"][1], [x[2] for x in expected], rtol=1e-9)
    assert found.std["a"].shape == (5,)


def test_batches_of_batches():
    fit = hd.vmap(hd.vmap(lambda y: opt.LevenbergMarquardt().run(residuals, START, (T, y)).x))
    flat = hd.vmap(lambda y: opt.LevenbergMarquardt().run(residuals, START, (T, y)).x)(DATA[:6])
    np.testing.assert_allclose(fit(DATA[:6].reshape(2, 3, 25)).reshape(6, 3), flat, rtol=1e-10)


def test_members_that_are_hard_do_not_disturb_the_others():
    def sums(p, t, y):  # where both rates are the same, J has no full rank
        return np.exp(-p[0] * t) + np.exp(-p[1] * t) - y

    data = np.stack([np.exp(-a * T) + np.exp(-b * T) for a, b in ((1.0, 1.0), (0.5, 2.0), (0.2, 0.9))])
    solver = opt.LevenbergMarquardt(maxiter=60)
    batch = hd.vmap(lambda y: solver.run(sums, [0.4, 1.5], (T, y)))(data)
    loop = [solver.run(sums, [0.4, 1.5], (T, y)) for y in data]
    np.testing.assert_array_equal(batch.status, [member["status"] for member in loop])
    np.testing.assert_allclose(batch.x[1:], [[0.5, 2.0], [0.2, 0.9]], rtol=1e-8)
    np.testing.assert_allclose(batch.x[0], loop[0].x, rtol=1e-6)
    trees = hd.vmap(lambda y: solver.run(lambda p: sums([p["a"], p["b"]], T, y), {"a": 0.4, "b": 1.5}))(data)
    np.testing.assert_array_equal(np.stack([trees.x["a"], trees.x["b"]], axis=1)[0], loop[0].x)
    np.testing.assert_array_equal(batch.njev, [member.njev for member in loop])


def test_members_of_many_parameters_are_solved_alone():
    def residual(p, y):
        return np.concatenate([np.sinh(p) - y, 0.1 * p])

    data = np.linspace(-3.0, 3.0, 140).reshape(2, 70)
    solver = opt.LevenbergMarquardt(radius=0.1)
    batch = hd.vmap(lambda y: solver.run(residual, np.zeros(70), (y,)))(data)
    loop = [solver.run(residual, np.zeros(70), (y,)) for y in data]
    for name in ("nit", "nfev", "njev", "status"):
        np.testing.assert_array_equal(batch[name], [member[name] for member in loop])


def test_a_start_that_is_not_finite_is_an_error():
    with pytest.raises(NonFiniteError, match="not finite at the start"):
        hd.vmap(lambda a: opt.LevenbergMarquardt().run(lambda x: np.log(x - a), [1.0]).x)(np.array([0.0, 2.0]))


def test_fits_of_as_many_parameters_as_data():
    batch = hd.vmap(lambda a: opt.LevenbergMarquardt().run(lambda x: x**2 - a, [1.0]))(np.array([4.0, 9.0]))
    np.testing.assert_allclose(batch.x, [[2.0], [3.0]])
    assert np.isinf(batch.covariance).all()
