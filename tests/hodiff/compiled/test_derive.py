"""Derivatives and batches of programs against those of the function."""

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled.derive import batch, linearise, push, split
from hodiff.errors import NotStagedError
from hodiff.program import GuardMiss, check
from hodiff.staging import stage

X = np.linspace(0.5, 2.0, 4)
W = np.arange(16.0).reshape(4, 4) / 10


def f(x, w):
    y = np.tanh(w @ x)
    return np.sum(y**2) * x[0], y


def program():
    return stage(lambda x, w: list(f(x, w)), [X, W], name="f")[1]


def test_forward_and_backward_pass():
    forward, backward, residuals = linearise(program(), (0, 1), [X, W])
    check(forward, X, W)
    value, vector, *kept = forward.evaluate(X + 1, W)
    assert len(kept) == residuals
    np.testing.assert_array_equal(value, f(X + 1, W)[0])
    cotangents = np.float64(2.0), np.arange(4.0)
    expected = hd.vjp(f, X + 1, W)[1]((cotangents[0], cotangents[1]))
    check(backward, *kept, *cotangents)
    for found, gradient in zip(backward.evaluate(*kept, *cotangents), expected, strict=True):
        np.testing.assert_allclose(found, gradient, rtol=1e-14)
    assert vector.shape == (4,)


def test_passes_of_passes():
    forward = linearise(program(), (0,), [X, W]).forward
    again = linearise(forward, (0,), [X, W])
    outputs = again.forward.evaluate(X, W)
    cotangents = [np.ones(v.shape) for v in forward.outputs]
    found = again.backward.evaluate(*outputs[len(forward.outputs) :], *cotangents)[0]
    expected = hd.vjp(lambda x: forward.evaluate(x, W), X)[1](cotangents)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_what_does_not_depend_on_an_input_has_zeros():
    _, constant = stage(lambda x, w: [np.sum(w)], [X, W])
    backward = linearise(constant, (0,), [X, W]).backward
    np.testing.assert_array_equal(backward.evaluate(np.float64(3.0))[0], np.zeros(4))
    tangents = push(constant, (0,), [X, W]).evaluate(X, W, np.ones(4))
    assert tangents[1] == 0.0


def test_integers_have_no_cotangent():
    _, mixed = stage(lambda x: [np.argmax(x), x[np.argmax(x)]], [X])
    forward, backward, residuals = linearise(mixed, (0,), [X])
    outputs = forward.evaluate(X[::-1])
    assert outputs[0] == 0
    np.testing.assert_array_equal(backward.evaluate(*outputs[2:], np.float64(1.0))[0], [1.0, 0.0, 0.0, 0.0])
    assert len(backward.inputs) == residuals + 1


def test_tangents():
    program_of_tangents = push(program(), (0, 1), [X, W])
    directions = np.ones(4), W[::-1]
    found = program_of_tangents.evaluate(X + 1, W, *directions)
    expected, tangents = hd.jvp(f, (X + 1, W), directions)
    for a, b in zip(found, (*expected, *tangents), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("flags", [(True, False), (False, True), (True, True)])
def test_batches(flags):
    xs = np.stack([X, X + 1, X + 2]) if flags[0] else X
    ws = np.stack([W, -W, 2 * W]) if flags[1] else W
    batched, marked = batch(program(), 3, flags, [xs, ws])
    found = batched.evaluate(xs, ws)
    expected = hd.vmap(f, in_axes=tuple(0 if flag else None for flag in flags))(xs, ws)
    for a, b, mark in zip(found, expected, marked, strict=True):
        np.testing.assert_allclose(a if mark else np.broadcast_to(a, np.shape(b)), b, rtol=1e-14)


def test_guards_go_into_the_forward_pass():
    _, guarded = stage(lambda x: [x[0] * np.sum(x) if x[0] > 0 else np.sum(x)], [X])
    forward, backward, _ = linearise(guarded, (0,), [X])
    assert len(forward.guards) == 1
    assert not backward.guards
    with pytest.raises(GuardMiss):
        forward.evaluate(-X)


def test_control_flow_on_a_cotangent_is_refused():
    _, joint = stage(lambda x, ct: [x, ct * 2 if ct > 0 else ct], [np.float64(1.0), np.float64(1.0)])
    with pytest.raises(NotStagedError, match="depends on a cotangent"):
        split(joint, 1, 1)


def test_a_program_keeps_what_was_derived_from_it():
    p = program()
    assert linearise(p, (0,), [X, W]) is linearise(p, (0,), [X, W])
    assert push(p, (0,), [X, W]) is push(p, (0,), [X, W])
    assert linearise(p, (0,), [X, W]) is not linearise(p, (1,), [X, W])
