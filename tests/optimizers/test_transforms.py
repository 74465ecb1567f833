"""Transforms of updates against loops as their papers write them, on trees, with every option."""

import pickle
import re
from dataclasses import dataclass

import numpy as np
import pytest

import optimizers as opt
from optimizers.errors import OptionError, ShapeError

t, s = opt.transforms, opt.schedules
RNG = np.random.default_rng(11)
GRADIENTS = RNG.normal(size=(20, 3)) * np.array([1e-3, 1.0, 50.0])
START = np.array([1.0, -2.0, 3.0])


def updates_of(transform, gradients=GRADIENTS, params=START):
    """The updates of a run in which the parameters stay where they are."""
    state, found = transform.init(params), []
    for g in gradients:
        update, state = transform.update(g, state, params)
        found.append(update)
    return np.array(found)


# -- loops, as printed --------------------------------------------------------------------------------------------


def momentum(decay, nesterov):
    v = 0.0
    for g in GRADIENTS:
        v = decay * v + g
        yield g + decay * v if nesterov else v


def adagrad(start, epsilon):
    total = start
    for g in GRADIENTS:
        total = total + g**2
        yield g / (np.sqrt(total) + epsilon)


def rmsprop(decay, epsilon, centered):
    mean = square = 0.0
    for g in GRADIENTS:
        mean = decay * mean + (1 - decay) * g
        square = decay * square + (1 - decay) * g**2
        yield g / (np.sqrt(square - mean**2 * centered) + epsilon)


def adam(beta1, beta2, epsilon, nesterov=False, amsgrad=False):
    m = v = largest = 0.0
    for k, g in enumerate(GRADIENTS, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        largest = np.maximum(largest, v)
        mean = m / (1 - beta1**k)
        if nesterov:
            mean = beta1 * m / (1 - beta1 ** (k + 1)) + (1 - beta1) * g / (1 - beta1**k)
        yield mean / (np.sqrt((largest if amsgrad else v) / (1 - beta2**k)) + epsilon)


def lion(beta1, beta2):
    m = 0.0
    for g in GRADIENTS:
        yield np.sign(beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g


LOOPS = [
    (t.scale_by_momentum(), momentum(0.9, False)),
    (t.scale_by_momentum(0.5, nesterov=True), momentum(0.5, True)),
    (t.scale_by_adagrad(), adagrad(0.1, 1e-10)),
    (t.scale_by_adagrad(2.0, 0.5), adagrad(2.0, 0.5)),
    (t.scale_by_rmsprop(), rmsprop(0.9, 1e-8, False)),
    (t.scale_by_rmsprop(0.5, 0.1, centered=True), rmsprop(0.5, 0.1, True)),
    (t.scale_by_adam(), adam(0.9, 0.999, 1e-8)),
    (t.scale_by_adam(0.5, 0.75, 0.1), adam(0.5, 0.75, 0.1)),
    (t.scale_by_adam(0.5, 0.75, nesterov=True), adam(0.5, 0.75, 1e-8, nesterov=True)),
    (t.scale_by_adam(0.5, 0.75, amsgrad=True), adam(0.5, 0.75, 1e-8, amsgrad=True)),
    (t.scale_by_lion(), lion(0.9, 0.99)),
    (t.scale_by_lion(0.2, 0.5), lion(0.2, 0.5)),
    (t.scale(-3), (-3 * g for g in GRADIENTS)),
    (t.scale_by_schedule(s.exponential(2.0, 0.5)), (2.0 * 0.5**k * g for k, g in enumerate(GRADIENTS))),
    (t.scale_by_learning_rate(0.25), (-0.25 * g for g in GRADIENTS)),
    (t.scale_by_learning_rate(lambda k: k), (-k * g for k, g in enumerate(GRADIENTS))),
    (t.add_weight_decay(0.5), (g + 0.5 * START for g in GRADIENTS)),
    (t.clip_by_value(0.7), (np.clip(g, -0.7, 0.7) for g in GRADIENTS)),
    (t.clip_by_norm(0.7), (g * min(1.0, 0.7 / np.linalg.norm(g)) for g in GRADIENTS)),
    (t.chain(), iter(GRADIENTS)),
    (t.chain(t.scale_by_momentum(0.5), t.scale(2.0)), (2.0 * v for v in momentum(0.5, False))),
]
EVERY = [transform for transform, _ in LOOPS] + [t.scale_by_nesterov()]


def name_of(transform):
    """What it is, without addresses of functions, which differ between processes."""
    return re.sub(r" at 0x\w+", "", repr(transform))


every = pytest.mark.parametrize("transform", EVERY, ids=name_of)


@pytest.mark.parametrize("transform, loop", LOOPS, ids=[name_of(transform) for transform, _ in LOOPS])
def test_twenty_steps_are_those_of_the_loop(transform, loop):
    np.testing.assert_allclose(updates_of(transform), list(loop), rtol=2e-15, atol=1e-15)


@pytest.mark.parametrize("decay", [None, 0.7])
def test_nesterov_is_its_recursion_in_two_sequences(decay):
    """x_k = y_k - a f'(y_k), y_{k+1} = x_k + b_k (x_k - x_{k-1}); the parameters of the transform are the y."""
    H, rate = np.diag([1.0, 10.0, 0.1]), 0.05
    transform = t.chain(t.scale_by_nesterov(decay, restart=False), t.scale_by_learning_rate(rate))
    y = before = params = START
    state, number = transform.init(params), 1.0
    for _ in range(30):
        x = y - rate * (H @ y)
        following = (1.0 + np.sqrt(1.0 + 4.0 * number**2)) / 2.0
        y, before = x + ((number - 1.0) / following if decay is None else decay) * (x - before), x
        number = following
        update, state = transform.update(H @ params, state, params)
        params = t.apply_updates(params, update)
        np.testing.assert_allclose(params, y, rtol=1e-11)


def test_nesterov_restarts_where_momentum_leads_uphill():
    restarting, plain = t.scale_by_nesterov(), t.scale_by_nesterov(restart=False)
    path = [np.array([1.0])] * 5 + [np.array([-0.5])]
    with_restart, without = updates_of(restarting, path, START[:1]), updates_of(plain, path, START[:1])
    np.testing.assert_array_equal(with_restart[:5], without[:5])
    assert with_restart[5] == -0.5  # the gradient alone
    assert without[5] > with_restart[5]


def test_first_steps_in_closed_form():
    """Whatever the gradients are, the first update of these is their sign."""
    for transform in (t.scale_by_adam(epsilon=0.0), t.scale_by_adagrad(0.0, 0.0), t.scale_by_lion()):
        np.testing.assert_allclose(updates_of(transform)[0], np.sign(GRADIENTS[0]), rtol=1e-15)
    np.testing.assert_allclose(updates_of(t.scale_by_rmsprop(0.75, 0.0))[0], 2.0 * np.sign(GRADIENTS[0]), rtol=1e-15)
    np.testing.assert_array_equal(updates_of(t.scale_by_momentum())[0], GRADIENTS[0])


def test_zero_over_zero_is_zero():
    for transform in (t.scale_by_adam(epsilon=0.0), t.scale_by_adagrad(0.0, 0.0), t.scale_by_rmsprop(epsilon=0.0)):
        np.testing.assert_array_equal(updates_of(transform, np.zeros((2, 3))), 0.0)


def test_the_norm_that_is_clipped_is_that_of_the_whole_tree_and_no_square_overflows():
    update, _ = t.clip_by_norm(5.0).update({"a": 30.0, "b": [np.array([40.0])]}, ())
    assert update["a"] == pytest.approx(3.0)
    assert update["b"][0] == pytest.approx([4.0])
    huge = t.clip_by_norm(1.0).update(np.array([3e200, 4e200]), ())[0]
    np.testing.assert_allclose(huge, [0.6, 0.8])
    inside = np.array([0.1])
    assert t.clip_by_norm(1.0).update(inside, ())[0] is inside
    assert np.isinf(t.clip_by_norm(1.0).update(np.array([np.inf]), ())[0]).all()  # for the caller to see


def test_decoupled_weight_decay_is_not_an_l2_penalty():
    """Adam divides a penalty's gradient by its own size; a decay that comes after is proportional to the parameters."""
    penalty = t.chain(t.add_weight_decay(0.1), t.scale_by_adam())
    decay = t.chain(t.scale_by_adam(), t.add_weight_decay(0.1))
    calm = np.zeros((1, 3))
    np.testing.assert_allclose(updates_of(penalty, calm)[0], np.sign(START), rtol=1e-6)
    np.testing.assert_allclose(updates_of(decay, calm)[0], 0.1 * START, rtol=1e-15)


@dataclass
class Model:
    weights: np.ndarray
    bias: tuple


@every
def test_trees_are_transformed_leaf_by_leaf(transform):
    """A tree and its concatenation give the same, in the dtype of each leaf."""
    single, number = np.float32([3.0, -4.0]), 2.5
    params = Model(np.array([[1.0, -2.0]]), (number, {"x": single}))
    gradient = Model(np.array([[0.5, -20.0]]), (0.25, {"x": single / 3}))
    flat = np.array([0.5, -20.0, 0.25, 1.0, -4.0 / 3.0])
    flat_params = np.array([1.0, -2.0, 2.5, 3.0, -4.0])
    state, flat_state = transform.init(params), transform.init(flat_params)
    for _ in range(3):
        update, state = transform.update(gradient, state, params)
        whole, flat_state = transform.update(flat, flat_state, flat_params)
    assert isinstance(update, Model)
    assert update.weights.shape == (1, 2)
    assert update.bias[1]["x"].dtype == np.float32
    np.testing.assert_allclose(update.weights[0], whole[:2], rtol=1e-6)
    np.testing.assert_allclose([update.bias[0], *update.bias[1]["x"]], whole[2:], rtol=1e-5)
    moved = t.apply_updates(params, update)
    assert moved.bias[1]["x"].dtype == np.float32
    np.testing.assert_allclose(moved.weights, params.weights + update.weights)


@every
def test_transforms_are_pure_values_and_states_pickle(transform):
    assert transform in {transform}
    with pytest.raises(AttributeError):
        transform.anything = 1
    params = START.copy()
    params.setflags(write=False)
    state = transform.init(params)
    for g in GRADIENTS[:5]:
        g = g.copy()
        g.setflags(write=False)
        kept = pickle.dumps(state)
        update, following = transform.update(g, state, params)
        again, _ = transform.update(g, pickle.loads(kept), params)
        np.testing.assert_array_equal(update, again)
        assert pickle.dumps(state) == kept
        state = following


def test_a_loop_of_ones_own():
    """Regression with a network's worth of options, hodiff's gradient and a tree of parameters."""
    import hodiff as hd

    x = np.linspace(-1.0, 1.0, 30)
    y = 3.0 * x - 0.5

    def loss(p):
        return np.mean((p["slope"] * x + p["shift"] - y) ** 2)

    optimiser = t.chain(
        t.clip_by_norm(10.0), t.scale_by_adam(), t.scale_by_learning_rate(s.warm_up(5, s.cosine(0.2, 200)))
    )
    params = {"slope": 0.0, "shift": np.zeros(())}
    state = optimiser.init(params)
    for _ in range(200):
        update, state = optimiser.update(hd.grad(loss)(params), state, params)
        params = t.apply_updates(params, update)
    assert params["slope"] == pytest.approx(3.0, abs=1e-3)
    assert params["shift"] == pytest.approx(-0.5, abs=1e-3)


def test_transforms_of_ones_own():
    class Halving:
        def init(self, params):
            return 1.0

        def update(self, gradient, state, params=None):
            return state * gradient, state / 2

    np.testing.assert_allclose(
        updates_of(t.chain(Halving(), t.scale(-1.0))), [-(0.5**k) * g for k, g in enumerate(GRADIENTS)]
    )
    with pytest.raises(NotImplementedError):
        t.PerLeaf().update(1.0, ())


def test_trees_of_another_structure_are_refused():
    with pytest.raises(ShapeError, match="must be that of the parameters"):
        t.apply_updates({"a": 1.0}, {"b": 1.0})
    with pytest.raises(ShapeError, match="must be that of the gradient"):
        t.add_weight_decay(0.1).update({"a": 1.0}, (), {"b": 1.0})


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: t.clip_by_norm(0.0), "ClipByNorm: limit must be a number > 0, not 0.0"),
        (lambda: t.clip_by_value(-1.0), "ClipByValue: limit must be a number > 0"),
        (lambda: t.add_weight_decay(-0.1), "AddWeightDecay: rate must be a number >= 0"),
        (lambda: t.add_weight_decay(0.1).update(1.0, ()), "update needs the parameters"),
        (lambda: t.scale("2"), "Scale: factor must be a number"),
        (lambda: t.scale_by_schedule(0.1), "ScaleBySchedule: schedule must be a schedule"),
        (lambda: t.scale_by_learning_rate("fast"), "schedule must be a schedule"),
        (lambda: t.scale_by_momentum(1.0), r"ScaleByMomentum: decay must be a number in \[0, 1\)"),
        (lambda: t.scale_by_momentum(nesterov=1), "nesterov must be True or False"),
        (lambda: t.scale_by_nesterov(1.5), r"ScaleByNesterov: decay must be None or a number in \[0, 1\)"),
        (lambda: t.scale_by_nesterov(restart=None), "restart must be True or False"),
        (lambda: t.scale_by_adagrad(-1.0), "ScaleByAdagrad: start must be a number >= 0"),
        (lambda: t.scale_by_adagrad(epsilon=-1.0), "epsilon must be a number >= 0"),
        (lambda: t.scale_by_rmsprop(-0.1), "ScaleByRMSProp: decay must be"),
        (lambda: t.scale_by_rmsprop(epsilon=np.nan), "epsilon must be a number >= 0"),
        (lambda: t.scale_by_rmsprop(centered=0), "centered must be True or False"),
        (lambda: t.scale_by_adam(1.0), "ScaleByAdam: beta1 must be"),
        (lambda: t.scale_by_adam(0.9, 1.0), "beta2 must be"),
        (lambda: t.scale_by_adam(epsilon=-1e-8), "epsilon must be a number >= 0"),
        (lambda: t.scale_by_adam(nesterov=None), "nesterov must be True or False"),
        (lambda: t.scale_by_adam(amsgrad=None), "amsgrad must be True or False"),
        (lambda: t.scale_by_lion(2.0), "ScaleByLion: beta1 must be"),
        (lambda: t.scale_by_lion(0.9, -0.1), "beta2 must be"),
        (lambda: t.chain(0.1), "chain: 0.1 is no transform"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()
