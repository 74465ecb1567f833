"""Solves under `hodiff.vmap`, over starts and over data: each member as a loop would solve it, bit for bit."""

import inspect

import numpy as np
import pytest

import hodiff as hd
import optimizers as opt
from optimizers.errors import OptionError

RNG = np.random.default_rng(7)
STARTS, CENTRES = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2))
#: Every solver of objectives, with its defaults but for a limit that slow ones need here.
SOLVERS = [
    value(maxiter=30)
    for name in opt.__all__
    if inspect.isclass(value := getattr(opt, name))
    and issubclass(value, opt.Solver)
    and value is not opt.Solver
    and value.__module__.split(".")[1] not in ("fitting", "roots")
]
solvers = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: type(solver).__name__)


def well(x, centre):
    return np.sum((x - centre) ** 2 + 0.5 * x**4) + x[0] * x[1]


def assert_same(batch, members):
    for name in ("x", "fun", "jac", "nit", "nfev", "njev", "nhev", "nhvp", "status", "success"):
        np.testing.assert_array_equal(batch[name], np.stack([member[name] for member in members]), err_msg=name)


@solvers
def test_starts(solver):
    batch = hd.vmap(lambda x0: solver.run(well, x0, (CENTRES[0],)))(STARTS)
    assert_same(batch, [solver.run(well, x0, (CENTRES[0],)) for x0 in STARTS])


def test_a_member_that_has_converged_does_not_move():
    batch = hd.vmap(lambda x0: opt.GradientDescent().run(well, x0, (CENTRES[0],)))(
        np.stack([CENTRES[0] / 3.0, STARTS[0]])
    )
    assert batch.success.all()
    assert batch.nit[0] != batch.nit[1]
    assert batch.nfev[0] != batch.nfev[1]


@solvers
def test_data_by_arguments_and_by_closure(solver):
    members = [solver.run(well, np.zeros(2), (centre,)) for centre in CENTRES]
    assert_same(hd.vmap(lambda c: solver.run(well, np.zeros(2), (c,)))(CENTRES), members)
    assert_same(hd.vmap(lambda c: solver.run(lambda x: well(x, c), np.zeros(2)))(CENTRES), members)


@pytest.mark.parametrize("method", ["auto", "lbfgs", "BFGS", "trust-exact", "Nelder-Mead", opt.LBFGS()])
def test_minimize(method):
    batch = hd.vmap(lambda x0, c: opt.minimize(lambda x: well(x, c), x0, method=method))(STARTS, CENTRES)
    members = [opt.minimize(well, x0, (c,), method=method) for x0, c in zip(STARTS, CENTRES, strict=True)]
    np.testing.assert_allclose(batch.x, [member.x for member in members], rtol=1e-12)
    np.testing.assert_array_equal(batch.nit, [member.nit for member in members])
    assert batch.success.all()
    assert "batch" in batch.message


def test_derivatives_of_ones_own_that_read_data():
    def solve(centre):
        return opt.Newton().run(
            lambda x: np.sum((x - centre) ** 2),
            np.zeros(2),
            jac=lambda x: 2.0 * (x - centre),
            hess=lambda x: 2.0 * np.eye(2),
        )

    np.testing.assert_allclose(hd.vmap(solve)(CENTRES).x, CENTRES, rtol=1e-15)


def test_trees_and_lists_of_numbers():
    def fun(p):
        return (p["a"] - 1.0) ** 2 + np.sum(p["b"] ** 2)

    found = hd.vmap(lambda p: opt.TrustRegion().run(fun, p).x)({"a": np.zeros(3), "b": STARTS})
    np.testing.assert_allclose(found["a"], np.ones(3))
    np.testing.assert_allclose(found["b"], np.zeros((3, 2)), atol=1e-7)
    found = hd.vmap(lambda a: opt.TrustRegion().run(lambda x: (x[0] - 1.0) ** 2 + x[1] ** 2, [a, 2.0]).x)(
        np.arange(3.0)
    )
    np.testing.assert_allclose(found, [[1.0, 0.0]] * 3, atol=1e-12)


def test_batches_of_batches():
    inner = hd.vmap(lambda x0, c: opt.LBFGS().run(lambda x: well(x, c), x0).x, in_axes=(0, None))
    found = hd.vmap(inner, in_axes=(None, 0))(STARTS, CENTRES)
    for i, centre in enumerate(CENTRES):
        for j, start in enumerate(STARTS):
            np.testing.assert_array_equal(found[i, j], opt.LBFGS().run(well, start, (centre,)).x)


def test_bounds_and_options_that_are_data():
    def solve(low):
        return opt.minimize(
            lambda x: np.sum(x**2), np.full(2, 5.0), bounds=[(low, None), (None, None)], method="L-BFGS-B"
        ).x

    np.testing.assert_allclose(hd.vmap(solve)(np.array([1.0, 2.0])), [[1.0, 0.0], [2.0, 0.0]], atol=1e-6)


def test_what_a_batch_cannot_do_is_said():
    with pytest.raises(OptionError, match="callback: under hodiff"):
        hd.vmap(lambda x0: opt.LBFGS().run(lambda x: x @ x, x0, callback=print).x)(STARTS)
    with pytest.raises(OptionError, match="implicit function theorem"):
        hd.grad(lambda c: opt.LBFGS().run(well, np.zeros(2), (c,)).fun)(CENTRES[0])
    with pytest.raises(OptionError, match="batch without members"):
        hd.vmap(lambda x0: opt.LBFGS().run(lambda x: x @ x, x0).x)(np.zeros((0, 2)))
    with pytest.raises(OptionError, match="LBFGS: memory"):
        hd.vmap(lambda x0: opt.LBFGS(memory=0).run(lambda x: x @ x, x0).x)(STARTS)
