"""Line searches: what they accept, what they count, what they refuse."""

import numpy as np
import pytest

import optimizers as opt
from optimizers.errors import OptionError

SLOPED = [opt.StrongWolfe(), opt.StrongWolfe(c2=0.1), opt.MoreThuente(), opt.HagerZhang()]
DESCENTS = [opt.Armijo(), *SLOPED]
SEARCHES = [*DESCENTS, opt.FixedStep(0.01)]


def rosen(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


PROFILES = {
    "parabola": lambda t: (t[0] - 3.0) ** 2,
    "far": lambda t: (t[0] - 1e4) ** 2,
    "near": lambda t: (1e4 * t[0] - 1.0) ** 2,
    "quartic": lambda t: (t[0] - 2.0) ** 4,
    "wavy": lambda t: (t[0] - 5.0) ** 2 + 2.0 * np.sin(4.0 * t[0]),
    "kink-like": lambda t: np.sqrt(1e-6 + (t[0] - 0.3) ** 2),
    "Moré-Thuente 1": lambda t: -t[0] / (t[0] ** 2 + 2.0),
    "wall": lambda t: -np.log(1.0 - t[0]) - 3.0 * t[0],
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("first", [1e-3, 1.0, 1e3])
def test_conditions_hold(profile, first):
    for search in (opt.Armijo(), opt.StrongWolfe(), opt.StrongWolfe(c2=0.1), opt.MoreThuente()):
        problem = opt.Problem(PROFILES[profile])
        start = problem.at([0.0])
        length, point = search.search(problem, start, np.array([1.0]), first)
        assert point is not None
        assert point.x[0] == length > 0.0
        slope = start.g[0]
        assert point.f <= start.f + 1e-4 * length * slope
        if not isinstance(search, opt.Armijo):
            assert abs(point.g[0]) <= search.c2 * abs(slope)


@pytest.mark.parametrize("search", SEARCHES)
def test_nothing_is_evaluated_twice(search):
    seen = []

    def fun(x):
        if isinstance(x, np.ndarray):
            seen.append(x.tobytes())
        return rosen(x)

    def grad(x):
        seen.append(b"g" + x.tobytes())
        return np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])

    problem = opt.Problem(fun, grad)
    start = problem.at([-1.2, 1.0])
    found = search.search(problem, start, -start.g)
    assert np.isfinite(found.point.f)
    assert np.isfinite(found.point.g).all()
    assert len(seen) == len(set(seen)) == problem.counts.nfev + problem.counts.njev


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("outside", [np.nan, np.inf, -np.inf])
def test_non_finite_trials_are_rejected(search, outside):
    def fun(x):
        return np.where(x[0] < 0.5, (x[0] - 0.4) ** 2, outside * np.ones(()))

    problem = opt.Problem(fun, lambda x: 2 * (x - 0.4))
    start = problem.at([0.0])
    point = search.search(problem, start, np.array([1000.0])).point
    assert point.finite
    assert 0.0 < point.x[0] < 0.5


@pytest.mark.parametrize("search", DESCENTS)
def test_a_non_finite_gradient_is_rejected(search):
    problem = opt.Problem(lambda x: (x[0] - 3.0) ** 2, lambda x: np.where(x < 2.0, 2 * (x - 3.0), np.nan))
    point = search.search(problem, problem.at([0.0]), np.array([6.0])).point
    assert 0.0 < point.x[0] < 2.0


@pytest.mark.parametrize("search", SEARCHES)
def test_an_overflowing_trial_is_rejected(search):
    problem = opt.Problem(lambda x: np.exp(x[0]) - 2.0 * x[0])
    point = search.search(problem, problem.at([0.0]), np.array([1e300]), 1e10).point
    assert point is None or point.finite
    point = search.search(problem, problem.at([0.0]), np.array([1e3])).point
    assert point.finite
    assert point.f < 1.0 or isinstance(search, opt.FixedStep)


@pytest.mark.parametrize("search", DESCENTS)
@pytest.mark.parametrize("direction", [0.0, 1.0, np.nan])
def test_no_descent_no_step(search, direction):
    problem = opt.Problem(lambda x: x[0] ** 2)
    assert search.search(problem, problem.at([1.0]), np.array([direction])) == (0.0, None)
    assert problem.counts.nfev <= 1


@pytest.mark.parametrize("search", DESCENTS)
def test_failure_is_told(search):
    """A gradient that lies: there is no descent to be found."""
    problem = opt.Problem(lambda x: x[0] ** 2 + 1.0, lambda x: -np.ones(1))
    assert search.search(problem, problem.at([1.0]), np.array([1.0])).point is None


@pytest.mark.parametrize("search", DESCENTS)
def test_round_off_does_not_stop_progress(search):
    """The decrease, 1e-18, is invisible in f; the slope tells that the trial is better."""
    problem = opt.Problem(lambda x: 1.0 + x[0] ** 2)
    point = search.search(problem, problem.at([1e-9]), np.array([-1e-9])).point
    assert abs(point.g[0]) < 2e-9


def test_fewer_trials_than_needed_give_the_best_sufficient_point():
    problem = opt.Problem(lambda x: (x[0] - 1e6) ** 2)
    found = opt.StrongWolfe(c2=0.01, maxtrials=3).search(problem, problem.at([0.0]), np.array([1.0]))
    assert found.length == 16.0


def test_armijo_uses_curvature_at_a_saddle():
    problem = opt.Problem(lambda x: x[0] ** 4 - x[0] ** 2)
    start = problem.at([0.0])
    assert opt.Armijo().search(problem, start, np.ones(1)).point is None
    assert opt.Armijo().search(problem, start, np.ones(1), curvature=-2.0).point.f < 0.0


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.Armijo(c1=0.5), "Armijo: c1 must be in"),
        (lambda: opt.Armijo(maxtrials=0), "maxtrials must be a whole number >= 1, not 0"),
        (lambda: opt.StrongWolfe(maxtrials=2.5), "StrongWolfe: maxtrials must be a whole number >= 1, not 2.5"),
        (lambda: opt.MoreThuente(maxtrials=True), "maxtrials must be a whole number"),
        (lambda: opt.Armijo(c1="a"), "Armijo: c1 must be a number, not 'a'"),
        (lambda: opt.MoreThuente(c2=None), "MoreThuente: c2 must be a number, not None"),
        (lambda: opt.HagerZhang(epsilon=np.inf), "HagerZhang: epsilon must be >= 0 and finite"),
        (lambda: opt.HagerZhang(rho=np.nan), "HagerZhang: rho must be > 1 and finite"),
        (lambda: opt.FixedStep("long"), "FixedStep: length must be a number, not 'long'"),
        (lambda: opt.StrongWolfe(c1=0.3, c2=0.2), r"StrongWolfe: c2 must be in \(c1, 1\)"),
        (lambda: opt.StrongWolfe(c1=0.0), "c1 must be in"),
        (lambda: opt.FixedStep(0.0), "FixedStep: length must be > 0"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()
