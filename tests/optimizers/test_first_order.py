"""Methods that follow the gradient alone: gradient descent by every rule, and chains in the driver."""

import pickle

import numpy as np
import pytest
from mgh import PROBLEMS

import optimizers as opt
from optimizers.errors import NonFiniteError, OptionError, ShapeError

t, s = opt.transforms, opt.schedules
CHAINS = [
    opt.Momentum(),
    opt.Nesterov(),
    opt.AdaGrad(),
    opt.RMSProp(),
    opt.Adam(),
    opt.AdamW(),
    opt.Lion(),
    opt.Chain(),
]
RULES = [opt.GradientDescent(rule) for rule in ("bb", "bb1", "bb2", 1e-3, s.exponential(1e-3, 0.99), opt.HagerZhang())]
CONJUGATE = [opt.NonlinearCG(beta) for beta in ("PR+", "FR", "HS", "DY", "HZ")]
chains = pytest.mark.parametrize("solver", CHAINS, ids=lambda solver: type(solver).__name__)
two_point = pytest.mark.parametrize("rule", ["bb", "bb1", "bb2"])


def rosen(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def trajectory(solver, fun, x0, steps):
    states = solver.with_options(maxiter=steps, gtol=0.0).iterate(opt.Problem(fun, jit=False), x0)
    return np.array([state.x for state in states])


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_false_success(name):
    """Of the whole family, from each start: success is the gradient test, as computed from outside."""
    residual = PROBLEMS[name].residual

    def objective(x):  # a function of its own, which keeps what is compiled of it for all runs
        return np.sum(residual(x) ** 2)

    gradient_of = opt.Problem(objective, jit=False)
    for scale in (1.0, 10.0, 100.0):
        x0 = scale * PROBLEMS[name].x0
        for solver in (*CHAINS, *RULES, *CONJUGATE):
            try:
                result = solver.with_options(maxiter=40, maxfun=150).run(objective, x0)
            except NonFiniteError:
                continue  # the start itself overflows
            gradient = np.abs(gradient_of.at(result.x).g).max()
            assert result.success == (result.status == 0)
            assert gradient <= 1.01e-6 if result.success else not gradient <= 0.99e-6
            assert np.isfinite(result.fun)
            assert result.fun <= objective(x0) * (1.0 + 1e-12)


# -- chains as solvers --------------------------------------------------------------------------------------------


def heavy_ball(x, g, v, rate, decay):
    v = decay * v + g
    return x - rate * v, v


def test_momentum_is_the_heavy_ball():
    H = np.diag([1.0, 5.0])
    x, v = np.array([1.0, -1.0]), np.zeros(2)
    path = trajectory(opt.Momentum(0.05, decay=0.8), lambda x: 0.5 * x @ H @ x, x, 20)
    for found in path[1:]:
        x, v = heavy_ball(x, H @ x, v, 0.05, 0.8)
        np.testing.assert_allclose(found, x, rtol=1e-12, atol=1e-15)


def test_adam_and_the_others_are_loops_of_their_transforms():
    """Twenty steps of each solver are those of its chain in a loop of one's own, bit for bit."""
    rate = s.cosine(0.02, 30)
    pairs = [
        (opt.Momentum(rate, 0.7), [t.scale_by_momentum(0.7)]),
        (opt.Nesterov(rate), [t.scale_by_nesterov()]),
        (opt.Nesterov(rate, 0.6, None), [t.scale_by_nesterov(0.6, restart=False)]),
        (opt.AdaGrad(rate, 0.2, 1e-3), [t.scale_by_adagrad(0.2, 1e-3)]),
        (opt.RMSProp(rate, 0.8, 1e-3, True), [t.scale_by_rmsprop(0.8, 1e-3, centered=True)]),
        (opt.Adam(rate, 0.8, 0.9, 1e-3), [t.scale_by_adam(0.8, 0.9, 1e-3)]),
        (opt.Adam(rate, nesterov=True, amsgrad=True), [t.scale_by_adam(nesterov=True, amsgrad=True)]),
        (opt.AdamW(rate, 0.8, weight_decay=0.3), [t.scale_by_adam(0.8), t.add_weight_decay(0.3)]),
        (opt.Lion(rate, 0.8, 0.9, weight_decay=0.3), [t.scale_by_lion(0.8, 0.9), t.add_weight_decay(0.3)]),
    ]
    fun = lambda x: np.sum(np.cosh(x)) + x[0] * x[1]  # noqa: E731
    paths = []
    for solver, parts in pairs:
        x, rule = np.array([1.0, -2.0, 3.0]), t.chain(*parts, t.scale_by_learning_rate(rate))
        path, state = [x], rule.init(x)
        for _ in range(20):
            update, state = rule.update(opt.Problem(fun, jit=False).at(x).g, state, x)
            x = t.apply_updates(x, update)
            path.append(x)
        np.testing.assert_allclose(trajectory(solver, fun, path[0], 20), path, rtol=1e-14)
        paths.append(path[-1])
        np.testing.assert_allclose(trajectory(opt.Chain(rule), fun, path[0], 20), path, rtol=1e-14)
    assert len({tuple(x) for x in paths}) == len(pairs)  # every option changes the run


@pytest.mark.parametrize(
    "solver",
    [
        opt.Momentum(0.05),
        opt.Nesterov(0.05),
        opt.Nesterov(0.05, restart="function"),
        opt.Nesterov(0.05, 0.5),
        opt.AdaGrad(1.0),
        opt.RMSProp(s.exponential(0.1, 0.98)),
        opt.Adam(0.1),
        opt.Adam(0.1, nesterov=True),
        opt.Lion(s.exponential(0.1, 0.95)),
        opt.Chain(t.chain(t.clip_by_norm(1.0), t.scale_by_learning_rate(0.1))),
    ],
    ids=repr,
)
def test_quadratics(solver):
    H, solution = np.array([[5.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0])
    result = solver.run(lambda x: 0.5 * (x - solution) @ H @ (x - solution), np.zeros(2), jit=False)
    assert result.success
    np.testing.assert_allclose(result.x, solution, atol=1e-5)


@chains
def test_trees(solver):
    start = {"a": np.ones((2, 2)), "b": 0.5}
    fun = lambda p: np.sum((p["a"] - 0.5) ** 2) + p["b"] ** 2  # noqa: E731
    result = solver.with_options(maxiter=300).run(fun, start, jit=False)
    assert result.x["a"].shape == (2, 2)
    assert result.fun < 0.5


@chains
def test_a_pickled_state_goes_on_bit_for_bit(solver):
    solver = solver.with_options(maxiter=30)
    states = list(solver.iterate(opt.Problem(rosen, jit=False), [-1.2, 1.0, 0.5]))
    problem, state = opt.Problem(rosen, jit=False), pickle.loads(pickle.dumps(states[11]))
    for expected in states[12:]:
        state = solver.step(problem, state)
        np.testing.assert_array_equal(state.x, expected.x)


def test_restart_beats_momentum_that_never_ends():
    """An ill-conditioned quadratic function: without restarts the accelerated method ripples."""
    weights = np.logspace(0.0, 3.0, 20)
    nit = {}
    for restart in ("gradient", "function", None):
        solver = opt.Nesterov(1.0 / weights[-1], restart=restart, maxiter=20_000)
        result = solver.run(lambda x: 0.5 * np.sum(weights * x**2), np.ones(20))
        assert result.success
        nit[restart] = result.nit
    assert nit["gradient"] < 0.5 * nit[None]
    assert nit["function"] < 0.5 * nit[None]
    assert len(set(nit.values())) == 3
    plain = opt.GradientDescent(1.0 / weights[-1], maxiter=20_000).run(
        lambda x: 0.5 * np.sum(weights * x**2), np.ones(20)
    )
    assert plain.nit > 5 * nit["gradient"]


def test_weight_decay_pulls_towards_zero_and_is_no_penalty():
    fun = lambda x: (x[0] - 1.0) ** 2  # noqa: E731
    path = {decay: trajectory(opt.AdamW(0.01, weight_decay=decay), fun, [3.0], 40)[:, 0] for decay in (0.0, 0.5)}
    np.testing.assert_array_equal(path[0.0], trajectory(opt.Adam(0.01), fun, [3.0], 40)[:, 0])
    assert (path[0.5][1:] < path[0.0][1:]).all()
    penalised = t.chain(t.add_weight_decay(0.5), t.scale_by_adam(), t.scale_by_learning_rate(0.01))
    # Adam does not see the size of a gradient, so at the first step a penalty changes next to nothing.
    assert trajectory(opt.Chain(penalised), fun, [3.0], 1)[1, 0] == pytest.approx(path[0.0][1], rel=1e-8)
    assert path[0.5][1] == pytest.approx(path[0.0][1] - 0.01 * 0.5 * 3.0, rel=1e-12)


def test_a_diverging_step_is_refused_and_halved():
    """The rate is 40 times too large."""
    result = opt.Momentum(10.0, decay=0.0).run(lambda x: 4.0 * x[0] ** 2, [1.0], jit=False)
    lengths = result.history.to_dict()["length"]
    assert result.success
    assert lengths[0] == 1.0
    assert 0.005 < lengths[-1] < 0.025
    assert (np.diff(lengths) <= 0.0).all()
    assert result.history.to_dict()["f"].max() == result.history[0].f
    for solver in (opt.Momentum(10.0), opt.Nesterov(10.0)):
        assert solver.run(lambda x: 4.0 * x[0] ** 2 + x[1] ** 2, [1.0, 1.0], jit=False).success


@chains
@pytest.mark.parametrize("outside", [np.nan, np.inf, -np.inf])
def test_steps_out_of_the_domain_are_refused(solver, outside):
    """A wall close by, and a rate that leads far behind it: the run stays inside and goes on."""
    fun = lambda x: np.where(x[0] > 0.0, x[0] - np.log(np.maximum(x[0], 1e-300)), outside)  # noqa: E731
    name = {"Chain": {"rule": t.scale_by_learning_rate(50.0)}}.get(type(solver).__name__, {"learning_rate": 50.0})
    result = solver.with_options(maxiter=300, **name).run(fun, [4.0], jit=False, callback=lambda x: x[0] <= 0.0)
    assert result.status in (opt.Status.CONVERGED, opt.Status.MAXITER)
    assert result.fun < 1.5
    assert np.isfinite(result.history.to_dict()["f"]).all()


@chains
def test_where_no_step_is_accepted_the_run_ends(solver):
    wrong = solver.run(lambda x: x[0] ** 2 + 1.0, [1.0], jac=lambda x: -np.ones(1))
    assert wrong.status == opt.Status.LINE_SEARCH
    assert wrong.nit < 100
    alone = solver.run(lambda x: np.where(x[0] == 1.0, x[0], np.nan), [1.0], jac=lambda x: x)
    assert alone.status == opt.Status.LINE_SEARCH
    assert alone.nfev < 200


def test_maxfun_is_kept_while_steps_are_halved():
    result = opt.Adam(maxfun=7).run(lambda x: np.where(x[0] == 1.0, x[0], np.nan), [1.0], jac=lambda x: x)
    assert result.status == opt.Status.MAXFUN
    assert result.nfev <= 7


def test_a_rate_of_zero_moves_nothing_and_ends_nothing():
    for solver in (opt.Adam(s.warm_up(3, 0.1)), opt.GradientDescent(s.warm_up(3, 0.1))):
        result = solver.run(lambda x: x[0] ** 2, [1.0], jit=False)
        assert result.history[1].step == 0.0 < result.history[2].step
        assert result.history[1].nfev == 1
        assert result.success


def test_an_update_of_another_shape_is_an_error():
    class Summing(t.PerLeaf):
        def change(self, gradients, state, params):
            return [np.sum(g) for g in gradients], state

    with pytest.raises(ShapeError, match=r"Chain: an update of shape \(\), not \(2,\)"):
        opt.Chain(Summing()).run(rosen, [-1.2, 1.0], jit=False)


@pytest.mark.parametrize("solver", [*CHAINS, *RULES, *CONJUGATE], ids=lambda solver: type(solver).__name__)
def test_a_step_from_a_stationary_point_goes_nowhere(solver):
    problem = opt.Problem(lambda x: np.sum(x**2), jit=False)
    state = solver.step(problem, solver.init(problem, [0.0, 0.0]))
    assert state.x.tolist() == [0.0, 0.0]
    assert state.k == 1


def test_names():
    for name in ("momentum", "nesterov", "adagrad", "rms_prop", "adam", "AdamW", "lion"):
        result = opt.minimize(lambda x: (x[0] - 1.0) ** 2, [0.5], method=name, options={"maxiter": 5}, jit=False)
        assert result.fun < 0.25


# -- gradient descent ---------------------------------------------------------------------------------------------


@two_point
def test_lengths_of_barzilai_and_borwein(rule):
    """Every length is what the last step would have needed, by the formulas as printed."""
    H = np.diag([1.0, 3.0, 10.0])
    problem = opt.Problem(lambda x: 0.5 * x @ H @ x, lambda x: H @ x, jit=False)
    states = list(opt.GradientDescent(rule, gtol=1e-4).iterate(problem, [1.0, 1.0, 1.0]))
    assert len(states) > 6
    unshortened = 0
    for k, (old, new, after) in enumerate(zip(states, states[1:], states[2:], strict=False)):
        change, gradients = new.x - old.x, new.g - old.g
        long, short = change @ change / (change @ gradients), change @ gradients / (gradients @ gradients)
        assert new.following == pytest.approx(long if rule == "bb1" or (rule == "bb" and k % 2 == 0) else short)
        unshortened += after.length == pytest.approx(new.following)
    assert unshortened > len(states) // 2


@two_point
def test_barzilai_and_borwein_are_fast_and_not_monotone(rule):
    weights = np.logspace(0.0, 3.0, 50)
    fun = lambda x: 0.5 * np.sum(weights * (x - 1.0) ** 2)  # noqa: E731
    result, plain = opt.GradientDescent(rule).run(fun, np.zeros(50)), opt.GradientDescent().run(fun, np.zeros(50))
    assert result.success
    assert result.nit < 0.2 * plain.nit
    assert result.nfev < 1.5 * result.nit
    assert (np.diff(result.history.to_dict()["f"]) > 0.0).any()


@two_point
def test_steps_of_barzilai_and_borwein_stay_below_the_average(rule):
    """Of the objectives so far, weighted by 0.85 to the power of their age."""
    values = []
    solver = opt.GradientDescent(rule, maxiter=200)
    for state in solver.iterate(opt.Problem(rosen, jit=False), [-1.2, 1.0]):
        if values:
            ages = 0.85 ** np.arange(len(values))[::-1]
            assert state.f <= ages @ values / ages.sum() * (1.0 + 1e-12)
        values.append(state.f)
    assert values[-1] < 1e-8


@two_point
def test_barzilai_and_borwein_end_honestly(rule):
    solver = opt.GradientDescent(rule)
    assert solver.run(lambda x: x[0], [0.0]).status == opt.Status.UNBOUNDED
    assert solver.run(lambda x: x[0] ** 2 + 1.0, [1.0], jac=lambda x: -np.ones(1)).status == opt.Status.LINE_SEARCH
    digits = solver.with_options(gtol=0.0).run(
        lambda x: 1e5 + np.sum(np.array([1.0, 9.0]) * (x - 3.0) ** 2), [2.0, 2.5]
    )
    assert digits.status in (opt.Status.ROUND_OFF, opt.Status.CONVERGED)
    assert np.abs(digits.jac).max() < 1e-8
    assert solver.run(lambda x: np.exp(x[0] ** 2) + np.exp(-x[0]), [26.0]).success
    concave = solver.run(lambda x: np.cos(x[0]) + x[1] ** 2, [0.1, 1.0])
    assert concave.success
    assert concave.fun == pytest.approx(-1.0)


def test_a_schedule_is_asked_for_every_step():
    asked = []
    rule = lambda k: asked.append(k) or 0.1 / (k + 1)  # noqa: E731
    result = opt.GradientDescent(rule, maxiter=4, gtol=0.0).run(lambda x: x @ x, [1.0], jit=False)
    assert asked == [0, 1, 2, 3]
    np.testing.assert_allclose(result.history.to_dict()["length"][1:], [0.1, 0.05, 0.1 / 3, 0.025])
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(OptionError, match=r"GradientDescent: the schedule gives .* at step 0"):
            opt.GradientDescent(lambda k, wrong=wrong: wrong).run(lambda x: x @ x, [1.0], jit=False)


def test_a_fixed_step_that_leaves_for_infinity_ends():
    result = opt.GradientDescent(1.0).run(lambda x: np.sum(x**4), [10.0], jit=False)
    assert result.status == opt.Status.LINE_SEARCH
    assert result.nfev < 200
    assert result.x[0] == 10.0  # the best


@pytest.mark.parametrize("rule", ["bb", 0.1, s.constant(0.1), opt.Armijo()], ids=repr)
def test_gradient_descent_goes_on_from_a_pickle(rule):
    solver = opt.GradientDescent(rule, maxiter=25)
    states = list(solver.iterate(opt.Problem(lambda x: np.sum(np.cosh(x)), jit=False), [1.0, 2.0]))
    problem, state = opt.Problem(lambda x: np.sum(np.cosh(x)), jit=False), pickle.loads(pickle.dumps(states[3]))
    for expected in states[4:]:
        state = solver.step(problem, state)
        np.testing.assert_array_equal(state.x, expected.x)


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda: opt.GradientDescent("bb3"),
            "GradientDescent: linesearch must be a line search or a number > 0, a sche",
        ),
        (lambda: opt.GradientDescent(np.inf), "a line search or a number > 0"),
        (lambda: opt.GradientDescent(0), "a line search or a number > 0"),
        (lambda: opt.Chain(0.1), "Chain: rule must be a transform, not 0.1"),
        (lambda: opt.Momentum(np.inf), "Momentum: learning_rate must be a number > 0 or a schedule, not inf"),
        (lambda: opt.transforms.scale(np.nan), "factor must be a number that is finite"),
        (lambda: opt.Adam(lambda k: None).run(np.sum, [1.0]), "learning_rate: the schedule gives None at step 0"),
        (
            lambda: opt.GradientDescent(lambda k: None).run(np.sum, [1.0]),
            "GradientDescent: the schedule gives None at step 0",
        ),
        (
            lambda: opt.GradientDescent(lambda k: -1.0).run(np.sum, [1.0]),
            "gives -1.0 at step 0: lengths are numbers >= 0",
        ),
        (lambda: opt.Adam(lambda k: np.nan).run(np.sum, [1.0]), "learning_rate: the schedule gives nan at step 0"),
        (lambda: opt.Momentum(0.0), "Momentum: learning_rate must be a number > 0 or a schedule, not 0.0"),
        (lambda: opt.Momentum(decay=1.0), r"Momentum: decay must be a number in \[0, 1\), not 1.0"),
        (lambda: opt.Nesterov(restart="always"), "Nesterov: restart must be 'gradient', 'function' or None"),
        (lambda: opt.Nesterov(decay=-1.0), "Nesterov: decay must be None or a number in"),
        (lambda: opt.AdaGrad(start=-1.0), "AdaGrad: start must be a number >= 0"),
        (lambda: opt.RMSProp(centered=1), "RMSProp: centered must be True or False"),
        (lambda: opt.Adam("fast"), "Adam: learning_rate must be"),
        (lambda: opt.Adam(beta1=1.0), "Adam: beta1 must be"),
        (lambda: opt.AdamW(weight_decay=-1.0), "AdamW: weight_decay must be a number >= 0"),
        (lambda: opt.Lion(beta2=1.0), "Lion: beta2 must be"),
        (lambda: opt.Lion(weight_decay="no"), "Lion: weight_decay must be"),
        (lambda: opt.FixedStep(np.inf), "FixedStep: length must be > 0 and finite"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()
