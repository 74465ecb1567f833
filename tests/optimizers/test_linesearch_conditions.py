"""The searches that use slopes, against their own conditions, the paper's functions and SciPy's search."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import line_search

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.linesearch import round_off
from optimizers.linesearch.interpolation import Trial, cubic, quadratic, secant

SEARCHES = [
    opt.StrongWolfe(),
    opt.StrongWolfe(c2=0.1),
    opt.MoreThuente(),
    opt.MoreThuente(c2=0.1),
    opt.HagerZhang(),
    opt.HagerZhang(sigma=0.2),
]
searches = pytest.mark.parametrize("search", SEARCHES, ids=repr)


def problem_of(fun, slope):
    """The function of one number as a problem of one unknown, at 0, with its counts at 0."""
    problem = opt.Problem(lambda x: fun(x[0]), lambda x: np.array([slope(x[0])]), jit=False)
    start = problem.at([0.0])
    assert start.finite
    problem.counts.nfev = problem.counts.njev = 0
    return problem, start


def holds(search, start, found, direction):
    """The conditions that the class promises, from scratch."""
    slope, length, point = start.g @ direction, found.length, found.point
    new = point.g @ direction
    if isinstance(search, opt.HagerZhang):
        wolfe = point.f <= start.f + search.delta * length * slope
        rise = max(round_off(start.f), search.epsilon * abs(start.f))
        approximate = (2 * search.delta - 1) * slope >= new and point.f <= start.f + rise
        return new >= search.sigma * slope and (wolfe or approximate)
    hidden = abs(point.f - start.f) <= round_off(start.f)
    return abs(new) <= -search.c2 * slope and (point.f <= start.f + search.c1 * length * slope or hidden)


@searches
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), first=st.sampled_from([1e-3, 0.1, 1.0, 30.0, 1e3]), n=st.integers(1, 4))
def test_conditions_hold_on_random_smooth_functions(search, seed, first, n):
    """A bowl with waves of random lengths on it: along any descent direction there are Wolfe points."""
    rng = np.random.default_rng(seed)
    waves, phases = rng.normal(size=(3, n)) * 10.0 ** rng.uniform(-1, 1), rng.uniform(0.0, 6.0, 3)
    bowl, height = 10.0 ** rng.uniform(-2, 1), 10.0 ** rng.uniform(-2, 1)

    def fun(x):
        return 0.5 * bowl * (x @ x) + height * np.sum(np.sin(waves @ x + phases))

    def grad(x):
        return bowl * x + height * (np.cos(waves @ x + phases) @ waves)

    problem = opt.Problem(fun, grad, jit=False)
    start = problem.at(rng.normal(size=n))
    direction = -start.g / np.linalg.norm(start.g)
    found = search.search(problem, start, direction, first)
    assert found.length > 0.0
    np.testing.assert_allclose(found.point.x, start.x + found.length * direction, rtol=1e-14, atol=1e-14)
    assert holds(search, start, found, direction)
    assert problem.counts.nfev <= 40


@searches
def test_conditions_hold_where_those_of_scipy_do(search):
    """SciPy's search finds Wolfe points of these; ours do too, of no higher value than its own conditions allow."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        A = rng.normal(size=(4, 4))
        H = A @ A.T + 0.1 * np.eye(4)
        problem = opt.Problem(lambda x, H=H: x @ H @ x + np.sum(np.cos(x)), jit=False)
        start = problem.at(rng.normal(size=4))
        direction = -start.g
        peer = line_search(problem, lambda x, problem=problem: problem.at(x).g, start.x, direction)[0]
        assert peer is not None
        assert holds(search, start, search.search(problem, start, direction), direction)


def _weight(b):
    return math.sqrt(1.0 + b * b) - b


def _yanai(b1, b2):
    def fun(t):
        return _weight(b1) * math.hypot(1.0 - t, b2) + _weight(b2) * math.hypot(t, b1)

    def slope(t):
        return _weight(b2) * t / math.hypot(t, b1) - _weight(b1) * (1.0 - t) / math.hypot(1.0 - t, b2)

    return fun, slope


def _kinked(t, b=0.01, waves=39.0):
    kink = (t - 1.0) ** 2 / (2.0 * b) + b / 2.0 if abs(t - 1.0) < b else abs(t - 1.0)
    return kink + 2.0 * (1.0 - b) / (waves * math.pi) * math.sin(0.5 * waves * math.pi * t)


def _kinked_slope(t, b=0.01, waves=39.0):
    kink = (t - 1.0) / b if abs(t - 1.0) < b else math.copysign(1.0, t - 1.0)
    return kink + (1.0 - b) * math.cos(0.5 * waves * math.pi * t)


# Moré and Thuente, section 5: function, slope, mu, eta.
PAPER = [
    (lambda t: -t / (t * t + 2.0), lambda t: (t * t - 2.0) / (t * t + 2.0) ** 2, 1e-3, 0.1),
    (
        lambda t: (t + 0.004) ** 5 - 2.0 * (t + 0.004) ** 4,
        lambda t: 5.0 * (t + 0.004) ** 4 - 8.0 * (t + 0.004) ** 3,
        0.1,
        0.1001,
    ),
    (_kinked, _kinked_slope, 0.1, 0.1001),
    (*_yanai(0.001, 0.001), 1e-3, 1.001e-3),
    (*_yanai(0.01, 0.001), 1e-3, 1.001e-3),
    (*_yanai(0.001, 0.01), 1e-3, 1.001e-3),
]
# Evaluations that are enough from 1e-3, 1e-1, 1e1 and 1e3.
ENOUGH = [(6, 3, 1, 4), (12, 8, 8, 11), (12, 12, 10, 13), (4, 1, 3, 4), (6, 3, 7, 8), (13, 11, 8, 11)]


@pytest.mark.parametrize("number", range(6))
def test_more_thuente_ends_soon_on_the_functions_of_its_paper(number):
    fun, slope, mu, eta = PAPER[number]
    for first, enough in zip((1e-3, 1e-1, 1e1, 1e3), ENOUGH[number], strict=True):
        problem, start = problem_of(fun, slope)
        search = opt.MoreThuente(c1=mu, c2=eta)
        found = search.search(problem, start, np.ones(1), first)
        assert holds(search, start, found, np.ones(1))
        assert problem.counts.nfev <= enough


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("first", [1e-3, 1e-1, 1e1, 1e3])
def test_the_other_searches_end_soon_on_the_functions_of_that_paper(number, first):
    fun, slope, mu, eta = PAPER[number]
    for search in (opt.StrongWolfe(c1=mu, c2=eta), opt.HagerZhang(delta=mu, sigma=eta)):
        problem, start = problem_of(fun, slope)
        assert holds(search, start, search.search(problem, start, np.ones(1), first), np.ones(1))
        assert problem.counts.nfev <= 20


@searches
@pytest.mark.parametrize("outside", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("wall", [1e-4, 0.3, 7.0])
def test_minimum_before_a_wall(search, outside, wall):
    """Least at 0.9 of the way to where the function ends; the first trial is far beyond."""
    best = 0.9 * wall
    problem, start = problem_of(
        lambda t: (t / best - 1.0) ** 2 if t < wall else outside, lambda t: 2.0 * (t / best - 1.0) / best
    )
    found = search.search(problem, start, np.ones(1), 100.0)
    assert 0.0 < found.point.x[0] < wall
    assert holds(search, start, found, np.ones(1))


@searches
def test_maxfun_is_kept(search):
    problem, start = problem_of(lambda t: (t - 1e4) ** 2, lambda t: 2.0 * (t - 1e4))
    for left in range(4):
        problem.counts.nfev, problem.maxfun = 0, left
        found = search.search(problem, start, np.ones(1), 1e-3)
        assert problem.counts.nfev <= left
        assert (found.point is None) == (left == 0)


@searches
def test_a_function_without_a_minimum_is_followed_down(search):
    problem, start = problem_of(lambda t: -t, lambda t: -1.0)
    found = search.search(problem, start, np.ones(1))
    assert found.point.f < -1e3
    assert problem.counts.nfev <= search.maxtrials
    assert search.search(problem, start, np.ones(1), 1e307).point.finite


def trials(search, fun, slope, first):
    problem, start = problem_of(fun, slope)
    search.search(problem, start, np.ones(1), first)
    return problem.counts.nfev


def test_options_change_the_search():
    far = (lambda t: (t - 1e4) ** 2, lambda t: 2.0 * (t - 1e4), 1.0)
    flat = (lambda t: (t - 1.0) ** 4, lambda t: 4.0 * (t - 1.0) ** 3, 3.0)
    assert trials(opt.HagerZhang(rho=100.0), *far) < trials(opt.HagerZhang(rho=2.0), *far)
    assert trials(opt.HagerZhang(sigma=0.101), *flat) > trials(opt.HagerZhang(sigma=0.99), *flat)
    assert trials(opt.MoreThuente(c2=1e-3), *PAPER[0][:2], 1e-3) > trials(opt.MoreThuente(), *PAPER[0][:2], 1e-3)
    for search in (opt.HagerZhang(maxtrials=3), opt.MoreThuente(maxtrials=3)):
        assert trials(search, *far) == 3
    # Of the bracket [0, 1], where f is high at 1 and still falls, the cut is at a share of theta.
    wavy = (lambda t: t * (t - 0.3) + 2.0 * t * t * math.sin(6.0 * t) ** 2, None)
    lengths = []
    for theta in (0.2, 0.7):
        seen = []
        problem, start = problem_of(lambda t, seen=seen: seen.append(t) or wavy[0](t), lambda t: -1.0)
        opt.HagerZhang(theta=theta).search(problem, start, np.ones(1))
        lengths.append(seen[2])
    assert lengths == pytest.approx([0.2, 0.7])


def test_delta_and_c1_say_how_much_decrease_is_enough():
    """The first trial gives a twentieth of the promised decrease, at a small slope."""
    fun, slope = (lambda t: -t + 0.95 * t * t), (lambda t: -1.0 + 1.9 * t)
    for mild, strict in (
        (opt.HagerZhang(delta=0.04, sigma=0.95), opt.HagerZhang(delta=0.2, sigma=0.95)),
        (opt.MoreThuente(c1=0.04, c2=0.95), opt.MoreThuente(c1=0.2, c2=0.95)),
    ):
        assert trials(mild, fun, slope, 1.0) == 1
        assert trials(strict, fun, slope, 1.0) > 1


def test_gamma_asks_for_brackets_to_shrink():
    """A function on which secant steps creep: halving is what makes the bracket small."""
    fun, slope = (lambda t: t**20 / 20.0 - 1e-3 * t), (lambda t: t**19 - 1e-3)
    few, many = (trials(opt.HagerZhang(0.01, 0.02, gamma=g, maxtrials=500), fun, slope, 9.0) for g in (0.66, 0.999))
    assert few < many


def test_epsilon_lets_the_value_rise():
    """The trial has a value higher by 1e-7, and a slope that says that it is better."""
    problem, start = problem_of(lambda t: 1.0 + 1e-7 * (t > 0.5) + 1e-9 * (t - 1.0) ** 2, lambda t: 2e-9 * (t - 1.0))
    assert opt.HagerZhang(epsilon=1e-6).search(problem, start, np.ones(1)).length == 1.0
    assert opt.HagerZhang().search(problem, start, np.ones(1)).length < 0.6


@settings(max_examples=200, deadline=None)
@given(*[st.floats(-3.0, 3.0) for _ in range(6)])
def test_interpolation_finds_the_stationary_points_of_polynomials(a, b, c3, c2, c1, shift):
    """The formulas against the derivative of the very polynomial that they are given."""

    def trial(t):
        value = ((c3 * t + c2) * t + c1) * t + shift
        return Trial(t, value, (3.0 * c3 * t + 2.0 * c2) * t + c1, None)

    if abs(a - b) < 0.1 or abs(c3) < 0.01:
        return
    found = cubic(trial(a), trial(b))
    square = c2 * c2 - 3.0 * c3 * c1
    if abs(square) > 1e-3:
        assert math.isnan(found) == (square < 0.0)
    if not math.isnan(found):
        scale = 1.0 + abs(found) ** 2 * abs(c3)
        assert abs(trial(found).slope) < 1e-6 * scale
        assert 6.0 * c3 * found + 2.0 * c2 > -1e-3 * scale  # a minimum
    c3 = 0.0
    if abs(c2) > 0.01:
        best = -c1 / (2.0 * c2)
        assert quadratic(trial(a), trial(b)) == pytest.approx(best, rel=1e-6, abs=1e-6)
        assert secant(trial(a), trial(b)) == pytest.approx(best, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.HagerZhang(delta=0.5), r"HagerZhang: delta must be in \(0, 1/2\), not 0.5"),
        (lambda: opt.HagerZhang(sigma=0.05), "sigma must be in"),
        (lambda: opt.HagerZhang(epsilon=-1.0), "epsilon must be >= 0"),
        (lambda: opt.HagerZhang(epsilon=math.nan), "epsilon must be >= 0"),
        (lambda: opt.HagerZhang(theta=1.0), "theta must be in"),
        (lambda: opt.HagerZhang(gamma=0.0), "gamma must be in"),
        (lambda: opt.HagerZhang(rho=1.0), "rho must be > 1"),
        (lambda: opt.HagerZhang(maxtrials=0), "maxtrials must be a whole number >= 1"),
        (lambda: opt.MoreThuente(c1=0.0), "MoreThuente: c1 must be in"),
        (lambda: opt.MoreThuente(c1=0.3, c2=0.2), "c2 must be in"),
        (lambda: opt.MoreThuente(maxtrials=0), "maxtrials must be a whole number >= 1"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()


@searches
def test_a_trial_that_does_not_move_x_is_no_end(search):
    """The first trial is so high that interpolation points at 0; the minimiser is far from there."""
    problem, start = problem_of(
        lambda t: math.exp(200.0 * t) - 400.0 * t, lambda t: 200.0 * math.exp(200.0 * t) - 400.0
    )
    found = search.search(problem, start, np.ones(1))
    assert found.point is not None
    assert holds(search, start, found, np.ones(1))
