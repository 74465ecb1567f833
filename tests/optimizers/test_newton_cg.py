"""`NewtonCG`: truncated conjugate gradients, forcing terms, negative curvature."""

import pickle

import numpy as np
import pytest
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.subproblems import truncated_cg


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def chain(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@pytest.mark.parametrize("scale", [1.0, 10.0, 100.0])
@pytest.mark.parametrize("name", ["rosenbrock", "beale", "helical_valley", "bard", "wood", "brown_dennis"])
def test_minima_are_found(name, scale):
    problem = PROBLEMS[name]
    result = opt.NewtonCG().run(problem.objective, scale * problem.x0)
    assert result.success
    assert np.abs(opt.Problem(problem.objective).at(result.x).g).max() <= 1e-6
    assert any(abs(result.fun - least) <= 1e-7 * max(1e-2, abs(least)) for least in problem.minima)
    assert (result.hessian, result.nhev) == ("products", 0)


@pytest.mark.parametrize("start", [(1.0, 0.0), (0.0, 0.0), (1e-3, 1e-12)])
def test_saddles_are_left(start):
    result = opt.NewtonCG().run(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4 / 4, start, jit=False)
    assert result.success
    assert result.fun == pytest.approx(-1.0)


def test_maxima_and_degenerate_saddles_are_left():
    assert opt.NewtonCG().run(lambda x: np.cos(x[0]), [0.0], jit=False).fun == pytest.approx(-1.0)
    result = opt.NewtonCG().run(lambda x: x[0] * x[1] + (x[0] ** 4 + x[1] ** 4) / 4, [0.0, 0.0], jit=False)
    assert result.fun == pytest.approx(-0.5)
    stuck = opt.NewtonCG(maxiter=0).run(lambda x: -x @ x, np.zeros(2), jit=False)
    assert (stuck.success, stuck.status) == (False, opt.Status.MAXITER)


def test_negative_curvature_is_followed():
    """A step of Newton's equations would go uphill, to the maximum at 0."""
    states = list(opt.NewtonCG().iterate(opt.Problem(lambda x: np.sum(x**4 / 4 - x**2 / 2), jit=False), [0.1, -0.2]))
    assert np.abs(states[1].x).min() > 0.1
    np.testing.assert_allclose(np.abs(states[-1].x), 1.0, atol=1e-6)


def test_stationary_start_takes_no_iteration():
    result = opt.NewtonCG().run(rosen, np.ones(3), jit=False)
    assert (result.nit, result.nfev, result.success) == (0, 1, True)


def test_linear_constant_and_singular_objectives():
    solver = opt.NewtonCG()
    assert solver.run(lambda x: 0.0 * x[0] + 3.0, [1.0], jit=False).success
    result = solver.run(lambda x: x[0] - 2.0 * x[1], [0.0, 0.0], jit=False)
    assert (result.status, result.nit < 100) == (opt.Status.UNBOUNDED, True)
    flat = solver.run(lambda x: (x[0] + x[1] - 1.0) ** 2 + (x[0] + x[1] - 1.0) ** 4, [3.0, -7.0], jit=False)
    assert flat.success
    assert flat.x.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("outside", [np.nan, np.inf])
def test_regions_that_are_not_finite_are_not_entered(outside):
    def fun(x):
        return np.where(x[0] > 0.0, x[0] - np.log(np.maximum(x[0], 1e-300)), outside)

    result = opt.NewtonCG().run(fun, [30.0], callback=lambda xk: xk[0] <= 0.0, jit=False)
    assert result.success
    assert np.isfinite(result.history.to_dict()["f"]).all()


def test_products_that_are_not_finite_do_not_mislead():
    result = opt.NewtonCG().run(
        lambda x: x @ x, np.ones(2), jac=lambda x: 2.0 * x, hessp=lambda x, v: np.full(2, np.nan)
    )
    assert result.success  # as steepest descent


def test_a_given_hessian_is_multiplied_by():
    result = opt.NewtonCG().run(lambda x: x @ x, np.ones(2), hess=lambda x: 2.0 * np.eye(2))
    assert (result.success, result.hessian, result.nhvp) == (True, "dense", 0)
    assert result.nhev > 0


def test_a_pickled_state_goes_on_bit_for_bit():
    solver, start = opt.NewtonCG(), np.array([-1.2, 1.0, -0.5])
    states = list(solver.iterate(opt.Problem(rosen, jit=False), start))
    resumed = solver.resume(rosen, pickle.loads(pickle.dumps(states[7])), jit=False)
    assert resumed.x.tobytes() == states[-1].x.tobytes()


def test_many_unknowns():
    result = opt.NewtonCG().run(chain, np.zeros(2000))
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)
    assert result.nfev < 40


def test_the_forcing_term_saves_products_far_away_and_is_quadratic_near():
    loose, close = (opt.NewtonCG(forcing=f).run(chain, np.zeros(200), jit=False) for f in (0.5, 1e-8))
    assert loose.success
    assert close.success
    assert loose.nhvp < close.nhvp
    assert close.nit <= loose.nit
    assert np.sum(loose.history.to_dict()["gnorm"] < 1e-2) <= 4
    # No more closely than gtol asks for: a loose gtol ends with fewer products.
    assert opt.NewtonCG(gtol=1e-2).run(chain, np.zeros(200), jit=False).nhvp < loose.nhvp


def test_options_change_the_run():
    one, all_ = (opt.NewtonCG(maxcg=m).run(chain, np.zeros(50), jit=False) for m in (1, None))
    assert one.nit > 2 * all_.nit
    wolfe = opt.NewtonCG(opt.StrongWolfe()).run(rosen, [-1.2, 1.0], jit=False)
    armijo = opt.NewtonCG().run(rosen, [-1.2, 1.0], jit=False)
    assert wolfe.success
    assert wolfe.nfev != armijo.nfev


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.NewtonCG("armijo"), "NewtonCG: linesearch must be a line search"),
        (lambda: opt.NewtonCG(forcing=1.0), r"forcing must be a number in \(0, 1\)"),
        (lambda: opt.NewtonCG(maxcg=0), "maxcg must be None or a whole number >= 1"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()


def test_truncated_conjugate_gradients():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    H, g = Q @ np.diag(np.linspace(1.0, 50.0, 30)) @ Q.T, rng.normal(size=30)
    for rtol in (1e-1, 1e-4, 1e-8):
        step = truncated_cg(H.__matmul__, g, rtol)
        assert np.linalg.norm(H @ step.s + g) <= 1.01 * rtol * np.linalg.norm(g)
        assert step.down is None
    indefinite = Q @ np.diag(np.linspace(-1.0, 50.0, 30)) @ Q.T
    step = truncated_cg(indefinite.__matmul__, g, 1e-8)
    assert step.down @ indefinite @ step.down == pytest.approx(step.curvature)
    assert step.curvature < 0.0
    assert g @ step.down < 0.0
    assert g @ step.s < 0.0
