"""Compiled objectives: the same runs as eager ones, whatever the objective is, and a word in the result where not."""

import functools
import gc
import itertools
import math
import pickle
import random
import threading
import time
import unittest.mock
import warnings
import weakref
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.optimize

import hodiff as hd
import optimizers as opt
from optimizers.derivatives import derivatives_of
from optimizers.errors import OptionError, ShapeError
from optimizers.scipy_bridge import METHODS, SharedDerivatives

START = np.array([-1.2, 1.0, 0.5, -0.3])
OURS = [opt.GradientDescent(maxiter=60), opt.LBFGS(), opt.Newton(), opt.TrustRegion(), opt.TrustRegion(scaling=True)]


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def bowl(x):
    return 0.5 * x @ x + np.log(np.cosh(x)).sum() - np.sin(x[0] * x[-1])


def branching(x):
    return np.sum((x - 1.0) ** 2) if x[0] > 0.0 else np.sum((x - 1.0) ** 2) + x[0] ** 4


def narrow(x):
    """Not a number on one side."""
    return np.sum(x - np.log(x + 1.5)) + np.sqrt(x[0] + 1.3)


def same_run(a, b, rtol=1e-10):
    """Two results with the same iterates, counts and ending."""
    for name in ("nit", "nfev", "njev", "nhev", "nhvp", "status"):
        assert a[name] == b[name], name
    ours, theirs = a.history.to_dict(), b.history.to_dict()
    for name in ("k", "f", "step", "xnorm", "nfev"):
        scale = np.abs(theirs[name]).max(initial=1.0)
        np.testing.assert_allclose(ours[name], theirs[name], rtol=rtol, atol=rtol * scale, err_msg=name)
    np.testing.assert_allclose(a.x, b.x, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize("objective", [rosen, bowl, branching, narrow], ids=lambda f: f.__name__)
@pytest.mark.parametrize("solver", OURS, ids=lambda solver: type(solver).__name__)
def test_our_solvers_take_the_same_steps(solver, objective):
    # Ten steps, since rounding grows along a curved valley.
    solver = solver.with_options(maxiter=10)
    eager = solver.run(objective, START, jit=False)
    for jit in ("auto", True):
        compiled = solver.run(objective, START, jit=jit)
        same_run(compiled, eager)
        assert compiled.history.eager_reason is None
        assert compiled.message.split("|")[0] == eager.message.split("|")[0]


@pytest.mark.parametrize("objective", [rosen, bowl], ids=lambda f: f.__name__)
@pytest.mark.parametrize("method", METHODS)
def test_scipys_methods_take_the_same_steps(method, objective):
    start = np.array([1.02, 1.04, 1.08])  # where the Hessian is positive definite, as dogleg needs
    options = {"maxfun": 20} if method == "TNC" else {"maxiter": 5}
    eager = opt.minimize(objective, start, method=method, options=options, jit=False)
    compiled = opt.minimize(objective, start, method=method, options=options, jit=True)
    np.testing.assert_allclose(compiled.x, eager.x, rtol=1e-8, atol=1e-8)
    assert (compiled.njev, compiled.nit) == (eager.njev, eager.nit)
    # Line searches without derivatives go on until values differ in nothing but their last bits.
    assert compiled.nfev == eager.nfev or method == "Powell"


@pytest.mark.parametrize("objective", [rosen, bowl, branching, narrow], ids=lambda f: f.__name__)
def test_points_know_the_same(objective):
    eager, compiled = (opt.Problem(objective, jit=jit) for jit in (False, True))
    v, w = np.array([1.0, -0.5, 0.25, 2.0]), np.array([0.0, 1.0, -1.0, 0.5])
    for x in (START, START + 0.7, START * 0.5):
        a, b = eager.at(x), compiled.at(x)
        for ask in (
            lambda p: p.f,
            lambda p: p.g,
            lambda p: p.hvp(v),
            lambda p: p.hvp(w),
            lambda p: p.H,
            lambda p: p.d3(v, w),
            lambda p: p.taylor(v, 3),
        ):
            np.testing.assert_allclose(ask(b), ask(a), rtol=1e-11, atol=1e-11)
    assert compiled.counts == eager.counts
    assert compiled.plain_value(START) == pytest.approx(eager.plain_value(START), rel=1e-13)


def test_trees():
    def loss(p, data):
        return np.sum((data["x"] @ p["w"] + p["b"] - data["y"]) ** 2) + 0.1 * np.sum(p["w"] ** 2)

    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=(20, 3)), "y": rng.normal(size=20)}
    start = {"w": np.zeros(3), "b": 0.0}
    for method in ("newton", "lbfgs", "trust_region", "L-BFGS-B", "Newton-CG"):
        found = [opt.minimize(loss, start, (data,), method=method, jit=jit, tol=1e-6) for jit in (True, False)]
        np.testing.assert_allclose(found[0].x["w"], found[1].x["w"], rtol=1e-6, atol=1e-7)
        assert found[0].history.eager_reason is None
    matrix = opt.minimize(lambda m: np.sum((m @ m.T - np.eye(2)) ** 2), np.full((2, 2), 0.3), jit=True)
    assert matrix.x.shape == (2, 2)


# --- functions that are more than a formula ------------------------------------------------------------------------


def effects():
    """Objectives with effects or memory of their own: each with a function that says what it has left behind."""
    log = []

    def logging(x):
        log.append(float(np.sum(x.value)) if hasattr(x, "value") else 0.0)
        return rosen(x)

    count = itertools.count()

    def counting(x):
        next(count)
        return rosen(x)

    number = 0

    def nonlocally(x):
        nonlocal number
        number += 1
        return rosen(x)

    class Model:
        def __init__(self):
            self.calls, self.seen = 0, []

        def __call__(self, x):
            self.calls += 1
            self.seen.append(self.calls)
            return rosen(x)

        def method(self, x):
            self.calls += 1
            return rosen(x)

    array = np.zeros(1)

    def in_array(x):
        array[0] += 1.0
        return rosen(x)

    mock = unittest.mock.Mock(side_effect=rosen)
    model, other = Model(), Model()
    return {
        "logging": (logging, lambda: len(log)),
        "counting": (counting, lambda: repr(count)),
        "nonlocal": (nonlocally, lambda: number),
        "instance": (model, lambda: (model.calls, model.seen)),
        "method": (other.method, lambda: other.calls),
        "array": (in_array, lambda: array[0]),
        "mock": (mock, lambda: mock.call_count),
    }


@pytest.mark.parametrize("method", ["newton", "lbfgs", "trust_region", "L-BFGS-B", "Newton-CG"])
@pytest.mark.parametrize("name", effects())
def test_effects_happen_as_often_as_eagerly(name, method):
    left = []
    for jit in (False, "auto"):
        fun, after = effects()[name]
        options = {"maxiter": 12}
        result = opt.minimize(fun, START, method=method, jit=jit, options=options)
        left.append((after(), result.nfev, result.njev))
        assert (result.history.eager_reason is None) == (jit is False)
    assert left[0] == left[1]
    assert f"(the objective ran eagerly: {result.history.eager_reason})" in result.message
    assert result.history.remark in result.message


def test_random_numbers_are_drawn_anew():
    generator = np.random.default_rng(7)
    for draw in (lambda: generator.normal(), lambda: np.random.standard_normal(), random.random):  # noqa: NPY002
        noisy = lambda x: x @ x + 1e-9 * draw()  # noqa: B023, E731
        problem = opt.Problem(noisy)
        values = [problem.value(np.ones(2))[0] for _ in range(6)]
        assert len(set(values)) == 6
        assert problem.eager_reason is not None
    result = opt.minimize(lambda x: x @ x + 0.0 * generator.normal(), np.ones(2), method="lbfgs")
    assert result.success
    assert "ran eagerly" in result.message


def test_the_clock_is_read_anew():
    problem = opt.Problem(lambda x: x @ x + 0.0 * time.perf_counter() + time.perf_counter_ns() * 1e-3)
    values = [problem.value(np.ones(2))[0] for _ in range(4)]
    assert len(set(values)) == 4


def test_functions_of_plain_numbers():
    """What leaves NumPy for Python's floats cannot be differentiated, but it can be evaluated."""
    plain = lambda x: math.cosh(float(x[0]) - 1.0) + float(x[1]) ** 2  # noqa: E731
    for method in ("Nelder-Mead", "Powell"):
        found = [opt.minimize(plain, [0.3, 0.4], method=method, jit=jit) for jit in ("auto", False)]
        np.testing.assert_allclose(found[0].x, found[1].x, rtol=0.0, atol=0.0)
        assert found[0].nfev == found[1].nfev
        assert (found[0].status, found[1].status) == (found[1].status, found[1].status)


def test_branches_and_loops_on_values():
    def newton_root(x):
        """Of y³ + y = x·x, by as many steps as it takes."""
        target, y = x @ x, 1.0 + 0.0 * x[0]
        while abs(y**3 + y - target) > 1e-12:
            y = y - (y**3 + y - target) / (3.0 * y**2 + 1.0)
        return (y - 1.0) ** 2 + np.sum((x - 0.7) ** 2)

    for solver in (opt.LBFGS(maxiter=8), opt.TrustRegion(maxiter=8)):
        same_run(solver.run(newton_root, START), solver.run(newton_root, START, jit=False))


@dataclass
class Settings:
    scale: float
    power: int


def test_what_is_read_from_outside_is_never_stale():
    settings = Settings(1.0, 2)
    target, factor = np.zeros(4), [1.0]
    fun = lambda x: settings.scale * np.sum((x - target) ** settings.power) * factor[0]  # noqa: E731
    problem = opt.Problem(fun)
    for step in range(4):
        settings.scale, factor[0] = 1.0 + step, 2.0 + step
        target[:] = step
        x = START + 0.125 * step
        assert problem.at(x).f == pytest.approx(fun(x), rel=1e-14)
        np.testing.assert_allclose(problem.at(x).g, 2.0 * settings.scale * factor[0] * (x - step), rtol=1e-13)
    for step in range(4):
        settings.power = 2 + step % 2
        target[:] = -3.0 - step
        result = opt.minimize(fun, START, method=opt.LBFGS(maxiter=5))
        assert result.fun == pytest.approx(fun(result.x), rel=1e-12)


def test_settings_that_change_at_every_call():
    settings = Settings(1.0, 2)
    problem = opt.Problem(lambda x: settings.scale * np.sum(x**settings.power))
    for step in range(40):
        settings.scale = 1.0 + step
        assert problem.at(START + step).f == pytest.approx(settings.scale * np.sum((START + step) ** 2), rel=1e-14)
    assert "differ at nearly every call" in problem.eager_reason


def test_settings_that_change_at_every_run():
    rate = 0.0
    fun = lambda x: np.sum((x - rate) ** 2)  # noqa: E731
    for step in range(50):
        rate = 0.1 * step
        result = opt.minimize(fun, START, method="newton")
        np.testing.assert_allclose(result.x, rate, atol=1e-12)
        assert result.history.eager_reason is None


def test_args():
    fun = lambda x, a, b: a["s"] * np.sum((x - b) ** 2)  # noqa: E731
    shared = SharedDerivatives(fun)
    for step in range(5):
        arguments = ({"s": 1.0 + step}, np.full(4, float(step)))
        np.testing.assert_allclose(shared.jac(START, *arguments), 2.0 * (1.0 + step) * (START - step), rtol=1e-14)
        np.testing.assert_allclose(shared.hessp(START, START, *arguments), 2.0 * (1.0 + step) * START, rtol=1e-14)
        result = opt.minimize(fun, START, arguments, method="newton", jit=True)
        np.testing.assert_allclose(result.x, step, atol=1e-12)
    text = lambda x, kind, n: np.sum(x**n) if kind == "power" else np.sum(np.cosh(x) ** n)  # noqa: E731
    for arguments in (("power", 2), ("cosh", 2), ("power", 4), ("cosh", 1)):
        problem = opt.Problem(text, args=arguments)
        assert problem.at(START).f == pytest.approx(float(text(START, *arguments)), rel=1e-14)
        same_run(
            opt.minimize(text, START, arguments, method="newton", options={"maxiter": 5}),
            opt.minimize(text, START, arguments, method="newton", options={"maxiter": 5}, jit=False),
        )


def test_an_argument_that_is_a_log():
    fun = lambda x, log: log.append(1.0) or rosen(x)  # noqa: E731
    logs = [], []
    for log, jit in zip(logs, ("auto", False), strict=True):
        result = opt.minimize(fun, START, (log,), method="lbfgs", options={"maxiter": 5}, jit=jit)
        assert len(log) == result.nfev
    assert logs[0] == logs[1]


def test_a_function_that_keeps_its_own_answers():
    calls = []

    @functools.cache
    def weight(n):
        calls.append(n)
        return float(n)

    fun = lambda x: weight(3) * np.sum(x**2)  # noqa: E731
    for jit in ("auto", False):
        weight.cache_clear()
        calls.clear()
        assert opt.minimize(fun, START, method="newton", jit=jit).success
        assert calls == [3]


def test_another_branch_at_every_call_runs_eagerly_in_silence():
    restless = lambda x: np.sum(x**2) + 0.0 * int(1e6 * hd.stop_gradient(x[0]))  # noqa: E731
    problem = opt.Problem(restless)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(30):
            x = START + 0.01 * step
            assert problem.at(x).f == pytest.approx(np.sum(x**2), rel=1e-14)
    assert not caught
    assert "takes another way at nearly every call" in problem.eager_reason


@pytest.mark.parametrize("jit", ["auto", False])
def test_answers_are_arrays_of_their_own(jit):
    c = np.arange(1.0, 4.0)
    for fun, args in (
        (lambda x: c @ x, ()),
        (lambda x, a: np.sum(a * x), (c,)),
        (lambda x, d: d["c"] @ x + 0.5 * x @ x, ({"c": c},)),
        (np.sum, ()),
    ):
        problem = opt.Problem(fun, args=args, jit=jit)
        kept = []
        for step in range(4):
            point = problem.at(np.full(3, float(step)))
            kept += [point.g, point.H, point.hvp(c)]
            for answer in kept[-3:]:
                assert not np.may_share_memory(answer, c)
                assert not np.may_share_memory(answer, point.x)
        assert len({answer.ctypes.data for answer in kept}) >= 8  # a Hessian that is known makes the products
        assert c.flags.writeable
        np.testing.assert_array_equal(c, [1.0, 2.0, 3.0])


# --- exceptions, NaN, wrong results --------------------------------------------------------------------------------


class OutsideError(Exception):
    pass


@pytest.mark.parametrize("jit", ["auto", True, False])
def test_exceptions_of_the_objective_come_through(jit):
    def fenced(x):
        if x[0] > -0.5:
            raise OutsideError("x[0] is too large")
        return np.sum((x - 1.0) ** 2)

    with pytest.raises(OutsideError, match="too large"):
        opt.minimize(fenced, START, method="newton", jit=jit)
    problem = opt.Problem(fenced, jit=jit)
    assert problem.at(START).f == pytest.approx(fenced(START))
    for _ in range(3):
        with pytest.raises(OutsideError):
            _ = problem.at(START + 2.0).f
    assert problem.at(START - 0.25).f == pytest.approx(fenced(START - 0.25))


@pytest.mark.parametrize("jit", ["auto", True, False])
def test_points_outside_the_domain_are_rejected_in_silence(jit):
    cliff = lambda x: np.sum(x - np.log(x))  # noqa: E731
    for method in ("newton", "lbfgs", "trust_region", "L-BFGS-B"):
        result = opt.minimize(cliff, np.full(3, 0.05), method=method, jit=jit)
        np.testing.assert_allclose(result.x, 1.0, atol=1e-4)
    assert np.isnan(opt.Problem(cliff, jit=jit).at(-np.ones(3)).f)


@pytest.mark.parametrize("jit", ["auto", True, False])
def test_floating_point_errors_are_raised_where_that_was_asked_for(jit):
    problem = opt.Problem(lambda x: np.sum(np.log(x)), jit=jit)
    _ = problem.at(np.ones(2)).f
    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        _ = problem.at(-np.ones(2)).f


@pytest.mark.parametrize("jit", ["auto", True, False])
@pytest.mark.parametrize(
    "fun, error, text",
    [
        (lambda x: x, ShapeError, "it must return one real number, a scalar"),
        (lambda x: x[0] * 1j, TypeError, "returned a complex number"),
        (lambda x: None, TypeError, "returned a NoneType"),
        (lambda x: "no", TypeError, "returned a str"),
    ],
)
def test_wrong_results_are_named(fun, error, text, jit):
    for method in ("newton", "L-BFGS-B", "Nelder-Mead"):
        with pytest.raises(error, match=text):
            opt.minimize(fun, START, method=method, jit=jit)


# --- jit=True, messages, warnings ----------------------------------------------------------------------------------


def test_true_says_why_not():
    log = []
    with pytest.raises(OptionError, match=r"jit=True: fun <lambda> cannot be compiled: .*; use jit=\"auto\""):
        opt.minimize(lambda x: log.append(1) or x @ x, START, jit=True)
    assert len(log) == 1  # said at the first evaluation
    generator = np.random.default_rng(0)
    for method in ("newton", "BFGS", "Nelder-Mead"):
        with pytest.raises(OptionError, match="jit=True: fun noisy cannot be compiled: draws random numbers"):
            opt.minimize(make_noisy(generator), START, method=method, jit=True)
    with pytest.raises(OptionError, match="jit=True"):
        opt.scipy_kwargs(make_noisy(generator), "BFGS", jit=True)["jac"](START)
    with pytest.raises(OptionError, match="jit must be"):
        opt.scipy_kwargs(rosen, "BFGS", jit=2)


def make_noisy(generator):
    def noisy(x):
        return x @ x + generator.normal()

    return noisy


def test_a_callback_has_the_last_word():
    log = []

    def stop(x):
        return True

    result = opt.minimize(lambda x: log.append(1) or rosen(x), START, method="lbfgs", callback=stop)
    assert result.message == "`callback` returned True"
    assert result.history.eager_reason is not None


def test_snapshots_have_the_reason():
    log, seen = [], []
    opt.minimize(
        lambda x: log.append(1) or rosen(x),
        START,
        method="newton",
        callback=lambda intermediate_result: seen.append(intermediate_result.history.eager_reason),
    )
    assert seen[0] is not None


def test_derivatives_that_are_given_run_as_they_are():
    calls = []

    def slope(x):
        calls.append(type(x) is np.ndarray and x.flags.writeable)
        return 2.0 * x

    result = opt.minimize(lambda x: x @ x, START, jac=slope, method="lbfgs", jit=True)
    assert result.success
    assert len(calls) == result.njev
    assert all(calls)
    pair = lambda x: (x @ x, 2.0 * x)  # noqa: E731
    assert opt.minimize(pair, START, jac=True, method="newton").success


def test_constraints_have_compiled_derivatives():
    limit = 1.0
    for method, constraint in (
        ("SLSQP", {"type": "ineq", "fun": lambda x, r: r - x @ x, "args": (limit,)}),
        ("trust-constr", scipy.optimize.NonlinearConstraint(lambda x: x @ x, -np.inf, limit)),
    ):
        found = [
            opt.minimize(lambda x: np.sum((x - 2.0) ** 2), START, method=method, constraints=constraint, jit=jit)
            for jit in (True, "auto", False)
        ]
        for result in found:
            np.testing.assert_allclose(result.x, 0.5, atol=1e-3)
        # The last iterations of SLSQP are about rounding, which compiled code does otherwise.
        assert abs(found[0].nit - found[2].nit) <= 5


# --- pickling, threads, what a function keeps ----------------------------------------------------------------------


def test_problems_and_states_can_be_pickled():
    problem = opt.Problem(rosen, like=START)
    solver = opt.LBFGS()
    state = solver.step(problem, solver.init(problem, START))
    again, restored = pickle.loads(pickle.dumps((problem, state)))
    ours, theirs = solver.step(problem, state), solver.step(again, restored)
    assert ours.x.tobytes() == theirs.x.tobytes()
    assert (ours.f, ours.length) == (theirs.f, theirs.length)
    assert again.counts == problem.counts
    assert pickle.loads(pickle.dumps(rosen)) is rosen
    result = pickle.loads(pickle.dumps(solver.run(rosen, START)))
    assert result.history.eager_reason is None


def test_a_second_run_compiles_nothing():
    fun = lambda x: rosen(x)  # noqa: E731
    opt.minimize(fun, START, method="newton")
    kept = derivatives_of(fun, opt.Problem(fun, like=START).layout)
    seconds = [f.cache_info().compile_seconds for f in kept._compiled]
    assert len(seconds) == 2  # value and gradient; Hessian
    assert all(s > 0.0 for s in seconds)
    for method in ("newton", "lbfgs"):
        opt.minimize(fun, START * 0.5, method=method)
    assert [f.cache_info().compile_seconds for f in kept._compiled] == seconds


def test_what_is_kept_is_bounded():
    fun = lambda p: sum(np.sum(part**2) for part in p)  # noqa: E731
    for n in range(1, 20):
        start = tuple(np.ones(k) for k in range(1, n + 1))
        assert opt.minimize(fun, start, method="newton").success
    plain = lambda x: x @ x  # noqa: E731
    for n in range(1, 40):
        assert opt.minimize(plain, np.ones(n), method="newton").success
    for kept in (vars(fun)["_optimizers_derivatives"], vars(plain)["_optimizers_derivatives"]):
        assert len(kept.made) <= 8
        assert all(found.programs <= 14 for found in kept.made.values())


def test_wrappers_do_not_inherit_what_is_kept():
    def inner(x):
        return np.sum((x - 1.0) ** 2)

    opt.minimize(inner, START, method="newton")

    @functools.wraps(inner)
    def outer(x):
        return inner(x + 1.0)

    np.testing.assert_allclose(opt.minimize(outer, START, method="newton").x, 0.0, atol=1e-12)


def test_functions_do_not_live_on():
    def run():
        data = np.ones(4)
        fun = lambda x: np.sum((x - data) ** 2)  # noqa: E731
        opt.minimize(fun, START, method="newton")
        return weakref.ref(fun)

    reference = run()
    gc.collect()
    assert reference() is None


def test_threads_share_one_function():
    fun = lambda x, a: np.sum((x - a) ** 4) + rosen(x)  # noqa: E731
    solver = opt.TrustRegion(maxiter=15)
    expected = [solver.run(fun, START, (0.1 * i,), jit=False).x for i in range(8)]
    found, errors = [None] * 8, []

    def work(i):
        try:
            for _ in range(3):
                found[i] = solver.run(fun, START, (0.1 * i,)).x
        except Exception as error:  # noqa: BLE001 - the test asserts that there is none
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)
