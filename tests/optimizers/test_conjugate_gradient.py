"""Nonlinear conjugate gradients against linear ones, against the formulas as printed, and on what trips them up."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.optimize

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.linesearch import Searched

FORMULAS = ["PR+", "FR", "HS", "DY", "HZ"]
formulas = pytest.mark.parametrize("beta", FORMULAS)


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@dataclass(frozen=True)
class Exact:
    """The minimiser along the line of a quadratic function of Hessian H."""

    H: np.ndarray

    def search(self, problem, point, direction, first=1.0):
        length = -(point.g @ direction) / (direction @ self.H @ direction)
        return Searched(length, problem.at(point.x + length * direction))


@formulas
def test_linear_conjugate_gradients(beta):
    """On a quadratic function, with exact searches, all formulas are one: the end is reached in n steps."""
    rng = np.random.default_rng(3)
    A = rng.normal(size=(6, 6))
    H, b = A @ A.T + np.eye(6), rng.normal(size=6)
    solver = opt.NonlinearCG(beta, Exact(H), gtol=1e-9)
    problem = opt.Problem(lambda x: 0.5 * x @ H @ x - b @ x, lambda x: H @ x - b, jit=False)
    states = list(solver.iterate(problem, np.zeros(6)))
    assert len(states) <= 7
    np.testing.assert_allclose(states[-1].x, np.linalg.solve(H, b), rtol=1e-8)
    x, r = np.zeros(6), b.copy()
    d = r.copy()
    for state in states[1:]:
        alpha = (r @ r) / (d @ H @ d)
        x, new = x + alpha * d, r - alpha * (H @ d)
        d, r = new + (new @ new) / (r @ r) * d, new
        np.testing.assert_allclose(state.x, x, rtol=1e-6, atol=1e-9)


def printed(beta, g, old, d):
    y = g - old
    if beta == "FR":
        return g @ g / (old @ old)
    if beta == "PR+":
        return max(0.0, g @ y / (old @ old))
    if beta == "HS":
        return g @ y / (d @ y)
    if beta == "DY":
        return g @ g / (d @ y)
    return max((y - 2.0 * d * (y @ y) / (d @ y)) @ g / (d @ y), 0.4 * (d @ old) / (d @ d))


@formulas
@pytest.mark.parametrize("unit", [1.0, 1e-200, 1e180])
def test_directions_are_those_of_the_formulas(beta, unit):
    """In any unit of the objective, be the squares of gradients numbers or not; d is the direction before scaling."""
    problem = opt.Problem(lambda x: unit * rosen(x), jit=False)
    solver = opt.NonlinearCG(beta, restart=np.inf, gtol=0.0)
    state = solver.init(problem, [-1.2, 1.0, 0.5])
    d = -state.g / unit
    used = 0
    for _ in range(25):
        old, state = state, solver.step(problem, state)
        g, before = state.g / unit, old.g / unit
        if state.steepest:
            d = -g
        else:
            used += 1
            d = -g + printed(beta, g, before, d) * d
        np.testing.assert_allclose(state.direction * np.linalg.norm(g), d, rtol=1e-7)
        assert state.direction @ state.g < 0.0
    assert used > 10


@formulas
def test_extended_rosenbrock(beta):
    start = np.tile([-1.2, 1.0], 25)
    result = opt.NonlinearCG(beta).run(rosen, start)
    peer = scipy.optimize.minimize(
        scipy.optimize.rosen, start, jac=scipy.optimize.rosen_der, method="CG", options={"gtol": 1e-6}
    )
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)
    assert result.nfev < 2 * peer.nfev


def test_many_unknowns():
    n = 9_000
    weights = 1.0 + np.arange(n) / n * 100.0
    result = opt.NonlinearCG().run(lambda x: np.sum(weights * (x - 1.0) ** 2 + (x - 1.0) ** 4), np.zeros(n))
    assert result.success
    assert result.nit < 100
    np.testing.assert_allclose(result.x, 1.0, atol=1e-6)


@formulas
def test_a_pickled_state_goes_on_bit_for_bit(beta):
    solver = opt.NonlinearCG(beta)
    states = list(solver.iterate(opt.Problem(rosen, jit=False), [-1.2, 1.0, 0.3]))
    result = solver.resume(rosen, pickle.loads(pickle.dumps(states[7])), jit=False)
    np.testing.assert_array_equal(result.x, states[-1].x)
    assert result.nit == len(states) - 1 - 7


def test_powells_test_restarts():
    def restarts(threshold):
        states = opt.NonlinearCG("FR", restart=threshold, maxiter=60).iterate(
            opt.Problem(rosen, jit=False), [-1.2, 1.0, 2.0]
        )
        return sum(state.steepest for state in states) - 1

    assert restarts(1e-3) > restarts(0.2) > restarts(np.inf) == 0


def test_defaults_of_restart():
    runs = {}
    for beta in ("PR+", "HZ"):
        for restart in (None, 0.2, np.inf):
            result = opt.NonlinearCG(beta, restart=restart).run(rosen, [-1.2, 1.0, 2.0], jit=False)
            runs[beta, restart] = result.nit, tuple(result.x)
    assert runs["PR+", None] == runs["PR+", 0.2] != runs["PR+", np.inf]
    assert runs["HZ", None] == runs["HZ", np.inf] != runs["HZ", 0.2]


def test_the_search_is_of_ones_choice_or_suits_the_formula():
    def run(beta, search=None):
        result = opt.NonlinearCG(beta, search, maxiter=20).run(rosen, [-1.2, 1.0, 2.0], jit=False)
        return result.nfev, tuple(result.x)

    assert run("PR+") == run("PR+", opt.StrongWolfe(c2=0.1)) != run("PR+", opt.MoreThuente(c2=0.1))
    assert run("HZ") == run("HZ", opt.HagerZhang()) != run("HZ", opt.StrongWolfe(c2=0.1))


@formulas
def test_a_direction_that_does_not_descend_is_replaced(beta):
    """Steps of a fixed length make directions of ascent; each is left for that of steepest descent."""
    solver = opt.NonlinearCG(beta, opt.FixedStep(0.3), maxiter=50, restart=np.inf)
    for state in solver.iterate(opt.Problem(rosen, jit=False), [-1.2, 1.0]):
        assert np.isfinite(state.f)
        assert state.direction @ state.g < 0.0


def test_the_first_trial_of_a_search_comes_from_the_last_step():
    """Near the minimiser of a quadratic function a search takes one trial or two."""
    weights = np.linspace(1.0, 20.0, 30) * 1e6
    result = opt.NonlinearCG(gtol=1e-3).run(lambda x: np.sum(weights * x**2), np.ones(30))
    assert result.success
    assert result.nfev <= 2 * result.nit + 5


def test_after_a_failed_search_there_is_a_restart():
    """The search fails along the second direction only."""

    class Failing:
        def __init__(self):
            self.directions = []

        def search(self, problem, point, direction, first=1.0):
            self.directions.append(direction)
            if len(self.directions) == 2:
                return Searched(0.0, None)
            return opt.StrongWolfe(c2=0.1).search(problem, point, direction, first)

    search = Failing()
    result = opt.NonlinearCG("FR", search, restart=np.inf).run(rosen, [-1.2, 1.0])
    assert result.success
    g = opt.Problem(rosen).at(result.x).g
    assert np.abs(g).max() <= 1e-6
    assert np.linalg.norm(search.directions[2]) == pytest.approx(1.0)


@formulas
def test_endings(beta):
    solver = opt.NonlinearCG(beta)
    assert solver.run(lambda x: x[0], [0.0]).status == opt.Status.UNBOUNDED
    wrong = solver.run(lambda x: x[0] ** 2 + 1.0, [1.0], jac=lambda x: -np.ones(1))
    assert wrong.status == opt.Status.LINE_SEARCH
    start = solver.run(rosen, np.ones(3))
    assert (start.nit, start.nfev, start.status) == (0, 1, opt.Status.CONVERGED)
    assert solver.run(lambda x: 0.0 * x[0] + 3.0, [1.0]).success
    digits = solver.with_options(gtol=0.0).run(lambda x: 1e5 + np.sum((x - 3.0) ** 2 + (x - 3.0) ** 4), [2.0, 2.5])
    assert digits.status in (opt.Status.ROUND_OFF, opt.Status.CONVERGED)
    assert np.abs(digits.jac).max() < 1e-7
    few = solver.with_options(maxfun=7).run(rosen, [-1.2, 1.0])
    assert few.status == opt.Status.MAXFUN
    assert few.nfev <= 7


@formulas
@pytest.mark.parametrize("outside", [np.nan, np.inf])
def test_the_domain_is_not_left(beta, outside):
    def fun(x):
        return np.where((x > 0.0).all(), np.sum(x - np.log(np.maximum(x, 1e-300))), outside)

    result = opt.NonlinearCG(beta).run(fun, [30.0, 0.1], callback=lambda x: bool((x <= 0.0).any()))
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


def test_gradients_whose_square_is_no_number():
    solver = opt.NonlinearCG(gtol=0.0, maxiter=300)
    assert solver.run(lambda x: np.sum(x**4), [1.0, 2.0]).fun < 1e-40
    assert opt.NonlinearCG().run(lambda x: np.exp(x[0] ** 2) + np.exp(-x[0]), [26.0]).success


def test_names():
    result = scipy.optimize.minimize(rosen, [-1.2, 1.0], method=opt.NonlinearCG("DY"), tol=1e-8)
    assert np.abs(result.jac).max() <= 1e-8
    assert opt.minimize(rosen, [-1.2, 1.0], method="nonlinear_cg").success


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.NonlinearCG("PR"), "NonlinearCG: beta must be one of 'PR\\+', 'FR', 'HS', 'DY', 'HZ', not 'PR'"),
        (lambda: opt.NonlinearCG(linesearch=0.1), "linesearch must be a line search"),
        (lambda: opt.NonlinearCG(restart=0.0), "restart must be None or a number > 0"),
        (lambda: opt.NonlinearCG(restart=np.nan), "restart must be None or a number > 0"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()
