"""The driver: stop rules, callbacks, history, progress, checkpoints."""

import builtins
import itertools
import pickle

import numpy as np
import pytest
from every_solver import MINIMISERS, each, is_slow

import optimizers as opt
from optimizers.errors import InputTypeError, MissingExtraError, NonFiniteError, OptionError

SOLVERS = MINIMISERS
solvers = each(SOLVERS)


def rosen(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


START = np.array([-1.2, 1.0])


@solvers
@pytest.mark.parametrize("at", [1, 7])
def test_a_pickled_state_resumes_bit_for_bit(solver, at):
    whole = list(solver.with_options(maxiter=20).iterate(opt.Problem(rosen), START))
    state = pickle.loads(pickle.dumps(whole[at]))
    problem = opt.Problem(rosen)
    for expected in whole[at + 1 :]:
        state = pickle.loads(pickle.dumps(solver.step(problem, state)))
        assert state.x.tobytes() == expected.x.tobytes()
        assert (state.f, state.k, state.length) == (expected.f, expected.k, expected.length)
        assert state.g.tobytes() == expected.g.tobytes()


@solvers
def test_resume_ends_where_the_run_would(solver):
    solver = solver.with_options(maxiter=40)
    short = list(solver.with_options(maxiter=5).iterate(opt.Problem(rosen), START))[-1]
    result = solver.with_options(maxiter=35).resume(rosen, short)
    whole = solver.run(rosen, START)
    assert result.x.tobytes() == whole.x.tobytes()
    assert result.nit == whole.nit - 5
    assert result.history[0].k == 5


def test_resume_of_a_tree():
    start = {"a": 3.0, "b": np.ones(2)}
    fun = lambda p: (p["a"] - 1.0) ** 4 + np.sum(p["b"] ** 4)  # noqa: E731
    solver = opt.Newton()
    state = list(solver.with_options(maxiter=3).iterate(opt.Problem(fun, like=start), start))[-1]
    result = solver.resume(fun, state, like=start)
    np.testing.assert_array_equal(result.x["b"], solver.run(fun, start).x["b"])


@solvers
def test_history_has_the_same_columns_and_true_numbers(solver):
    result = solver.with_options(maxiter=15).run(rosen, START)
    columns = result.history.to_dict()
    assert list(columns) == [
        "k", "f", "gnorm", "step", "xnorm", "length", "nfev", "njev", "nhev", "nhvp", "time",
    ]  # fmt: skip
    assert {len(column) for column in columns.values()} == {result.nit + 1} == {len(result.history)}
    assert columns["k"].tolist() == list(range(result.nit + 1))
    assert columns["f"][0] == rosen(START)
    assert columns["nfev"][-1] == result.nfev
    at = columns["f"].argmin() if is_slow(solver) else -1  # those are not monotone, and the best point is returned
    assert columns["f"][at] == result.fun
    assert columns["gnorm"][at] == np.abs(result.jac).max()
    assert (np.diff(columns["time"]) >= 0).all()
    columns["f"][0] = np.nan  # a copy
    assert result.history[0].f == rosen(START)
    assert [row.k for row in result.history] == columns["k"].tolist()
    assert "History(" in repr(result.history)
    assert repr(opt.History()) == "History(empty)"


def test_steps_in_the_history_are_those_of_the_iterates():
    problem = opt.Problem(rosen)
    states = list(opt.TrustRegion().iterate(problem, START))
    steps = [np.linalg.norm(b.x - a.x) for a, b in itertools.pairwise(states)]
    history = opt.TrustRegion().run(rosen, START).history
    np.testing.assert_allclose([row.step for row in history][1:], steps, rtol=1e-14)
    assert min(steps) == 0.0  # a rejected trial


def test_callback_gets_a_copy_of_x():
    seen = []

    def callback(xk):
        seen.append(xk.copy())
        xk[:] = np.nan

    result = opt.Newton().run(rosen, START, callback=callback)
    assert len(seen) == result.nit
    np.testing.assert_array_equal(seen[-1], result.x)
    assert result.success


def test_callback_gets_the_result_so_far():
    seen = []
    result = opt.Newton().run(rosen, START, callback=lambda intermediate_result: seen.append(intermediate_result))
    assert [r.nit for r in seen] == list(range(1, result.nit + 1))
    assert [len(r.history) for r in seen] == list(range(2, result.nit + 2))
    for r in seen:
        assert set(r) >= {"x", "fun", "jac", "nit", "nfev", "njev", "nhev", "status", "success", "message", "history"}
        assert r.fun == pytest.approx(rosen(r.x), rel=1e-13)


@pytest.mark.parametrize("how", ["StopIteration", "True"])
def test_callback_stops_the_run(how):
    count = 0

    def callback(xk):
        nonlocal count
        count += 1
        if count == 3:
            if how == "True":
                return True
            raise StopIteration
        return None

    result = opt.LBFGS().run(rosen, START, callback=callback)
    assert (result.status, result.success, result.nit) == (99, False, 3)
    assert result.message == ("`callback` returned True" if how == "True" else "`callback` raised `StopIteration`.")


def test_errors_in_a_callback_and_in_fun_reach_the_caller():
    with pytest.raises(ZeroDivisionError):
        opt.LBFGS().run(rosen, START, callback=lambda xk: 1 / 0)
    with pytest.raises(KeyError):
        opt.LBFGS().run(lambda x: {}["missing"], START)


@pytest.mark.parametrize(
    "options, status",
    [
        ({"maxiter": 4}, opt.Status.MAXITER),
        ({"maxiter": 0}, opt.Status.MAXITER),
        ({"maxfun": 5}, opt.Status.MAXFUN),
        ({"maxtime": 0.0}, opt.Status.MAXTIME),
        ({"xtol": 0.1}, opt.Status.XTOL),
        ({"ftol": 0.1}, opt.Status.FTOL),
        ({"stop": opt.MaxIter(3)}, opt.Status.MAXITER),
        ({"stop": opt.all_(opt.MaxIter(3), opt.MaxEval(2))}, opt.Status.MAXITER),
        ({"stop": lambda row, before: opt.Status.FTOL if row.f < 1.0 else None}, opt.Status.FTOL),
        ({"stop": opt.GradNorm(1e3)}, opt.Status.STOPPED),
        ({"stop": opt.any_(opt.StepSize(1e3), opt.GradNorm(1e3))}, opt.Status.STOPPED),
    ],
)
@solvers
def test_stop_rules(solver, options, status):
    result = solver.with_options(**options).run(rosen, START)
    assert result.status is status
    assert result.success == (status == 0)
    assert result.message.startswith(status.message)
    if "maxiter" in options:
        assert result.nit == options["maxiter"]
    if "maxfun" in options:
        assert result.nfev == 5


def test_convergence_takes_precedence_over_limits():
    for options in ({"maxiter": 1}, {"maxfun": 2}, {"xtol": 1e9}, {"ftol": 1e9}):
        assert opt.Newton(**options).run(lambda x: x @ x, [1.0, 2.0]).status == 0


def test_rules_read_nan_as_go_on():
    row = opt.Row(1, *[np.nan] * 5, 1, 1, 0, 0, np.nan)
    for rule in (opt.GradNorm(1.0), opt.StepSize(1.0), opt.FDecrease(1.0), opt.MaxTime(1.0)):
        assert rule(row, row) is None


def test_rejected_trials_are_no_small_steps():
    result = opt.TrustRegion(xtol=1e-3).run(rosen, START)
    assert result.history[-1].step > 0.0
    assert min(row.step for row in result.history) == 0.0


@solvers
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_start(solver, value):
    with pytest.raises(NonFiniteError, match="x0 has a NaN or infinite entry at position 1"):
        solver.run(rosen, [1.0, value])
    with pytest.raises(NonFiniteError, match="fun <lambda> is not finite at the start, where x = "):
        solver.run(lambda x: value * x[0] ** 2 + x[1], START)
    with pytest.raises(NonFiniteError, match="jac <lambda> is not finite"):
        solver.run(rosen, START, jac=lambda x: np.full(2, value))
    if solver.init(opt.Problem(rosen), START).H is not None:
        with pytest.raises(NonFiniteError, match="hess <lambda> is not finite"):
            solver.run(rosen, START, hess=lambda x: np.full((2, 2), value))


def test_progress_bar(capsys):
    result = opt.Newton(progress=True).run(rosen, START)
    assert result.success
    assert "Newton" in capsys.readouterr().err


def test_the_bar_of_a_resumed_run_begins_at_nought(monkeypatch):
    import tqdm

    updates = []
    monkeypatch.setattr(tqdm.tqdm, "update", lambda bar, n: updates.append(n) or setattr(bar, "n", bar.n + n))
    states = list(opt.Newton(maxiter=5).iterate(opt.Problem(rosen), START))
    result = opt.Newton(progress=True, maxiter=4).resume(rosen, states[-1])
    assert sum(updates) == result.nit == 4
    assert updates[0] == 0


def test_progress_without_tqdm(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "tqdm":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'hodiff\[progress\]'"):
        opt.Newton(progress=True).run(rosen, START)


def test_iterate_may_be_broken_off():
    for state in opt.TrustRegion().iterate(opt.Problem(rosen), START):
        if state.f < 1.0:
            break
    assert state.k > 0
    assert rosen(state.x) == state.f


def test_results_are_picklable_and_print():
    result = opt.TrustRegion().run(rosen, START)
    copy = pickle.loads(pickle.dumps(result))
    assert copy.status is opt.Status.CONVERGED
    np.testing.assert_array_equal(copy.x, result.x)
    assert len(copy.history) == len(result.history)
    assert "message" in repr(result)


def test_every_status_has_its_own_number_and_sentence():
    assert len({int(status) for status in opt.Status}) == len({status.message for status in opt.Status})
    assert opt.Status(0).name == "CONVERGED"
    assert opt.Status(99).name == "CALLBACK"
    assert pickle.loads(pickle.dumps(opt.Status.MAXTIME)) is opt.Status.MAXTIME


def test_the_stop_option_makes_no_success_but_hides_none():
    quartic = lambda x: np.sum(x**4)  # noqa: E731
    result = opt.TrustRegion(stop=opt.GradNorm(1e3)).run(quartic, [3.0, 3.0])
    assert (result.status, result.success, result.nit) == (opt.Status.STOPPED, False, 0)
    assert "but the gradient test does not hold: |gradient| = 108" in result.message
    assert opt.TrustRegion(stop=opt.GradNorm(1e-9)).run(quartic, [1.0, 1.0]).success


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.GradNorm("small"), "GradNorm: tol must be a number >= 0, not 'small'"),
        (lambda: opt.StepSize(np.nan), "StepSize: tol must be"),
        (lambda: opt.FDecrease(-1.0), "FDecrease: tol must be"),
        (lambda: opt.MaxIter(2.5), "MaxIter: limit must be a whole number >= 0, not 2.5"),
        (lambda: opt.MaxEval(-1), "MaxEval: limit must be"),
        (lambda: opt.MaxTime(None), "MaxTime: seconds must be a number >= 0"),
        (lambda: opt.any_(3), r"AnyRule: rules must be stop rules, not \(3,\)"),
        (lambda: opt.all_(opt.MaxIter), "AllRule: rules must be stop rules"),
        (lambda: opt.Newton(stop=opt.MaxIter), "Newton: stop must be an object, not a class: call it"),
    ],
)
def test_rules_out_of_range_are_refused_when_they_are_made(make, text):
    with pytest.raises(OptionError, match=text):
        make()


@pytest.mark.parametrize("answer", [True, 0, "enough"])
def test_a_rule_that_returns_no_status_is_refused(answer):
    with pytest.raises(OptionError, match=r"stop: the rule returned .*: it must return a Status, or None to go on"):
        opt.LBFGS(stop=lambda row, before: answer).run(rosen, START)


@pytest.mark.parametrize("method", ["lbfgs", "BFGS", "Nelder-Mead"])
@pytest.mark.parametrize("callback", [3, lambda: None, lambda x, y: None])
def test_a_callback_that_cannot_be_called_is_refused_up_front(method, callback):
    with pytest.raises(InputTypeError, match=r"callback.*(callable|one argument)"):
        opt.minimize(rosen, START, method=method, callback=callback)


def test_snapshots_of_a_history_share_rows_and_go_their_own_ways():
    history, row = opt.History(), opt.Row(0, *[1.0] * 5, 1, 1, 0, 0, 0.0)
    history.append(row)
    snapshot = history.copy()
    history.append(row._replace(k=1))
    snapshot.append(row._replace(k=9))
    assert [row.k for row in history] == [0, 1]
    assert [row.k for row in snapshot] == [0, 9] == snapshot.to_dict()["k"].tolist()
    assert (len(snapshot), snapshot[-1].k) == (2, 9)


@solvers
def test_no_line_search_exceeds_maxfun(solver):
    result = solver.with_options(maxfun=3).run(lambda x: x[0] ** 2 + 1e8 * np.abs(x[0]) ** 3, [1e3])
    assert result.nfev <= 3
    assert result.status in (opt.Status.MAXFUN, opt.Status.CONVERGED)


def test_limits_are_about_one_run():
    problem, solver = opt.Problem(lambda x: np.sum(x**4)), opt.Newton(maxfun=10, gtol=0.0)
    first, second = ([state.k for state in solver.iterate(problem, [1.0, 2.0])] for _ in range(2))
    assert len(first) > 5
    assert abs(len(first) - len(second)) <= 1  # the last points are remembered, and cost no evaluation


def test_messages_count_the_iterations_of_their_run():
    states = list(opt.GradientDescent(0.1, maxiter=20).iterate(opt.Problem(lambda x: x @ x), [1.0]))
    result = opt.GradientDescent(0.1, maxiter=5).resume(lambda x: x @ x, states[-1])
    assert result.nit == 5
    assert "after 5 iterations" in result.message
