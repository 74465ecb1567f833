"""Slope tests: right derivatives pass, each kind of wrong one is caught and named."""

import numpy as np
import pytest
import scipy.optimize
from mgh import PROBLEMS

import hodiff as hd
import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, OptionError

START = np.array([-1.2, 1.0, 0.7])
NAMES = ["gradient", "Hessian", "Hessian-vector product", "third derivative"]


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def check(fun=rosen, x=START, *args, **keywords):
    return opt.check_derivatives(fun, x, *args, **{"jit": False, **keywords})


@pytest.mark.parametrize("name", PROBLEMS)
def test_exact_derivatives_pass_with_the_slopes_of_the_theory(name):
    report = check(PROBLEMS[name].objective, PROBLEMS[name].x0, directions=1)
    assert report.ok, str(report)
    assert list(report.slopes) == NAMES
    if name != "brown_badly_scaled":  # f is 1e12 there: only long steps are seen above round-off
        assert list(report.slopes.values()) == pytest.approx([2.0, 2.0, 2.0, 3.0], abs=0.05)


def test_hand_written_and_compiled_derivatives_pass():
    derivatives = {"jac": scipy.optimize.rosen_der, "hess": scipy.optimize.rosen_hess}
    assert check(**derivatives).ok
    assert check(jac=scipy.optimize.rosen_der, hessp=scipy.optimize.rosen_hess_prod).ok
    assert check(**derivatives, hessp=scipy.optimize.rosen_hess_prod).ok
    assert check(lambda x: (np.sum(x**4), 4.0 * x**3), jac=True).ok
    assert not check(lambda x: (np.sum(x**4), 4.1 * x**3), jac=True, order=1).ok
    assert check(jit="auto").ok
    problem = opt.Problem(lambda x, a: a * rosen(x), args=(3.0,))
    assert check(problem).ok
    assert problem.counts.nd3 > 0


def times(factor, i=None):
    """The gradient, wrong by a factor: in every entry, or in entry `i`."""

    def jac(x):
        g = scipy.optimize.rosen_der(x)
        if i is None:
            return factor * g
        g[i] *= factor
        return g

    return jac


@pytest.mark.parametrize("factor", [-1.0, 1.001, 0.0, 1.0 + 1e-5])
@pytest.mark.parametrize("i", [None, 0, 2])
def test_wrong_gradients_are_caught(factor, i):
    report = check(jac=times(factor, i), order=1)
    assert not report.ok
    assert report.slopes["gradient"] == pytest.approx(1.0, abs=0.3)
    if i is not None and abs(factor - 1.0) > 1e-4:
        assert f"entry {i} is " in report.messages["gradient"]


def test_the_wrong_entry_is_named_with_both_numbers():
    message = check(lambda x: x[0] ** 2 + x[1] ** 3, [1.0, 2.0], 1, jac=lambda x: np.array([2 * x[0], x[1] ** 2]))
    assert message.tests[0].message == ("slope 1.00, expected 2: entry 1 is 4 where differences of fun give 12")
    long = check(lambda x: x @ x, np.ones(300), 1, jac=lambda x: x)
    assert long.tests[0].message.endswith("the gradient is not that of fun")


@pytest.mark.parametrize("wrong", [lambda H: -H, lambda H: 1.001 * H, np.diag, lambda H: H + np.diag([0.0, 0.0, 0.1])])
@pytest.mark.parametrize("which", ["hess", "hessp"])
def test_wrong_hessians_are_caught(wrong, which):
    hess = lambda x: wrong(scipy.optimize.rosen_hess(x))  # noqa: E731
    if wrong is np.diag:
        hess = lambda x: np.diag(np.diag(scipy.optimize.rosen_hess(x)))  # noqa: E731
    given = {"hess": hess} if which == "hess" else {"hessp": lambda x, p: hess(x) @ p}
    report = check(**given)
    assert not report.ok
    assert [test.ok for test in report.tests] == [True, False, False, False]
    assert report.slopes["Hessian"] == pytest.approx(1.0, abs=0.2)
    assert "entry" in report.messages["Hessian"]
    assert report.messages["third derivative"] == "not tested: one of lower order is wrong"


def test_products_are_told_from_the_matrix():
    report = check(hess=scipy.optimize.rosen_hess, hessp=lambda x, p: 1.01 * scipy.optimize.rosen_hess_prod(x, p))
    assert [test.ok for test in report.tests] == [True, True, False, False]


def test_asymmetric_hessians_are_caught():
    def hess(x, amount):
        H = scipy.optimize.rosen_hess(x)
        H[0, 1] += amount
        return H

    report = check(hess=lambda x: hess(x, 1.0))
    assert "ShapeError: the hess <lambda> is not symmetric" in report.messages["Hessian"]
    assert np.isnan(report.slopes["Hessian"])
    report = check(hessp=lambda x, p: hess(x, 1.0) @ p)
    assert not report.ok
    assert report.slopes["Hessian-vector product"] == pytest.approx(1.0, abs=0.1)


def test_a_stale_hessian_is_caught_though_it_is_right_at_the_first_point():
    kept = []

    def hess(x):
        if not kept:
            kept.append(scipy.optimize.rosen_hess(x))
        return kept[0]

    report = check(hess=hess, order=2)
    assert [test.ok for test in report.tests] == [True, False, False]
    assert check(order=2, hess=scipy.optimize.rosen_hess).ok


def test_problems_of_residuals():
    curve = lambda x: np.stack([x[0] ** 2 - 2.0, x[0] * np.exp(x[1]), np.sin(x[1])])  # noqa: E731
    assert check(opt.ResidualProblem(curve, jit=False), [1.0, 0.5]).ok
    slopes = lambda x: np.array([[2.0 * x[0], 0.0], [np.exp(x[1]), x[0] * np.exp(x[1])], [0.0, 1.0]])  # noqa: E731
    report = check(opt.ResidualProblem(curve, slopes, jit=False), [1.0, 0.5], 1)
    assert not report.ok
    assert "entry 1 is" in report.messages["gradient"]


def test_a_stale_gradient_is_caught():
    kept = []

    def jac(x):
        kept.append(x.copy())
        return scipy.optimize.rosen_der(kept[max(0, len(kept) - 2)])

    assert not check(jac=jac, order=1).ok


def test_a_wrong_third_derivative_is_caught():
    """hodiff supplies it; a rule of one's own may be wrong."""

    @hd.custom_jvp
    def slope(x):
        return np.exp(x)

    slope.defjvp(lambda primals, tangents: (np.exp(primals[0]), 1.5 * np.exp(primals[0]) * tangents[0]))

    @hd.custom_jvp
    def curve(x):
        return np.exp(x)

    curve.defjvp(lambda primals, tangents: (np.exp(primals[0]), slope(primals[0]) * tangents[0]))

    @hd.custom_jvp
    def value(x):
        return np.exp(x)

    value.defjvp(lambda primals, tangents: (np.exp(primals[0]), curve(primals[0]) * tangents[0]))
    report = check(lambda x: np.sum(value(x)), [0.3, 0.5])
    assert [test.ok for test in report.tests] == [True, True, True, False]
    assert report.slopes["third derivative"] == pytest.approx(2.0, abs=0.1)
    assert "D³f[d, d]" in report.messages["third derivative"]


@pytest.mark.parametrize("fun", [lambda x: 3.0 * x[0] - x[1], lambda x: x @ x, lambda x: 0.0 * x[0] + 4.0])
def test_what_is_exact_has_no_slope_but_passes(fun):
    report = check(fun, [1.0, 2.0])
    assert report.ok
    assert report.slopes["third derivative"] == np.inf
    assert report.messages["third derivative"] == "exact: no error above round-off"


def test_wrong_derivatives_of_quadratics_do_not_pass_for_exact():
    assert not check(lambda x: x @ x, [1.0, 2.0], 2, hess=lambda x: 2.002 * np.eye(2)).ok
    assert not check(lambda x: 3.0 * x[0], [1.0], 1, jac=lambda x: np.array([3.001])).ok


def test_the_range_of_steps_is_found():
    """Tiny and huge scales, a domain that long steps leave, values full of noise."""
    for scale in (1e-12, 1e12):
        assert check(lambda x, s=scale: np.sum(np.exp(x / s)), scale * np.ones(2)).ok
        assert check(lambda x, s=scale: s * rosen(x)).ok
        assert not check(lambda x, s=scale: s * rosen(x), jac=lambda x, s=scale: s * times(1.01)(x), order=1).ok
    assert check(lambda x: np.sum(np.log(x)), [1e-3, 2e-3]).ok
    # The noise is that of 1 + x², and not to be seen where x differs in its last digits.
    assert check(lambda x: np.sum(np.log(x**2 + 1.0)), [0.00051163, 0.00114251, 0.00022853], 1).ok
    noisy = lambda x: (1e8 + rosen(x)) - 1e8  # noqa: E731  # the noise is 1e8 times what eps |f| would be
    assert check(noisy, jac=scipy.optimize.rosen_der, hess=scipy.optimize.rosen_hess).ok
    assert not check(noisy, jac=times(1.1), order=1).ok


def test_a_kink_on_the_way_is_no_smooth_function():
    assert not check(lambda x: np.abs(x[0]), [0.0], 1, jac=lambda x: np.zeros(1)).ok


def test_trees():
    start = {"a": 2.0, "b": np.ones(2)}
    fun = lambda p: p["a"] ** 3 * np.sum(np.exp(p["b"]))  # noqa: E731
    assert check(fun, start).ok
    wrong = lambda p: {"a": 3 * p["a"] ** 2 * np.sum(np.exp(p["b"])), "b": p["a"] ** 2 * np.exp(p["b"])}  # noqa: E731
    assert not check(fun, start, jac=wrong).ok


def test_order_directions_and_seed_change_what_is_tested():
    assert [len(check(order=k).tests) for k in (1, 2, 3)] == [1, 3, 4]
    problems = [opt.Problem(rosen, jit=False) for _ in range(2)]
    for problem, directions in zip(problems, (1, 4), strict=True):
        check(problem, order=1, directions=directions)
    assert problems[1].counts.nfev > 3 * problems[0].counts.nfev
    assert check(seed=0, order=1).slopes == check(seed=0, order=1).slopes != check(seed=1, order=1).slopes


def test_nothing_is_raised_for_derivatives_that_cannot_be_had():
    report = check(lambda x: float(x[0]) ** 2, [1.0])
    assert not report.ok
    assert report.messages["gradient"].startswith("not to be had: ")
    assert not check(lambda x: np.log(x[0]), [-1.0]).ok
    assert "ShapeError: the jac <lambda> has shape (1,)" in check(jac=lambda x: x[:1]).messages["gradient"]
    assert "must be (3, 3)" in check(hess=lambda x: np.eye(2)).messages["Hessian"]
    nan = check(hess=lambda x: np.full((3, 3), np.nan), order=2)
    assert nan.messages["Hessian"] == "not to be had: NonFiniteError: the Hessian is not finite"


def test_reports_print():
    lines = str(check(jac=times(2.0), order=2)).splitlines()
    assert lines[0] == "Derivatives of rosen:"
    assert lines[1].startswith("  gradient                WRONG  slope 1.0")
    assert lines[2].startswith("  Hessian                 ")


@pytest.mark.parametrize(
    "arguments, error, text",
    [
        ({"order": 0}, OptionError, "order must be 1, 2 or 3, not 0"),
        ({"order": 4}, OptionError, "order must be 1, 2 or 3"),
        ({"directions": 0}, OptionError, "directions must be a whole number >= 1"),
        ({"seed": -1}, OptionError, "seed must be a whole number >= 0"),
        ({"x": [1.0, np.nan]}, NonFiniteError, "x has a NaN"),
        ({"fun": 3}, InputTypeError, "fun must be callable"),
        ({"fun": opt.Problem(rosen), "jac": rosen}, OptionError, "a Problem has its own"),
    ],
)
def test_malformed_arguments_raise(arguments, error, text):
    with pytest.raises(error, match=text):
        check(**arguments)
