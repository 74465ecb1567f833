"""Loops written in Python, for the tests of rolled loops: models, their derivatives, and random ones."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import hodiff as hd
from hodiff.program import Program
from hodiff.staging import stage


def staged(function: Callable[..., Any], *values: Any) -> Program:
    def listed(*args: Any) -> list[Any]:
        found = function(*args)
        return list(found) if isinstance(found, (tuple, list)) else [found]

    return stage(listed, values)[1]


# --- models ---------------------------------------------------------------------------------------------------------


def recurrence(turns):
    def f(x):
        s = np.float64(1.0)
        for _ in range(turns):
            s = s + 0.01 * np.sin(s) * x
        return s

    return f, [np.float64(0.3)]


def network(turns):
    def f(x, w):
        s = np.zeros(3)
        for t in range(turns):
            s = np.tanh(w @ s + x[t])
        return np.sum(s**2)

    rng = np.random.default_rng(0)
    return f, [rng.normal(size=(turns, 3)), 0.5 * rng.normal(size=(3, 3))]


def pendulum(turns):
    def slope(y, g):
        return np.stack([y[1], -g * np.sin(y[0])])

    def f(y, g):
        h = 0.01
        for _ in range(turns):
            k1 = slope(y, g)
            k2 = slope(y + h / 2 * k1, g)
            k3 = slope(y + h / 2 * k2, g)
            k4 = slope(y + h * k3, g)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return np.sum(y**2)

    return f, [np.ones(2), np.float64(9.8)]


def filtered(turns):
    def f(a, x):
        y = np.zeros_like(x)
        for t in range(turns):
            y[t] = (a * y[t - 1] if t else 0.0) + x[t]
        return np.sum(y**2)

    return f, [np.float64(0.5), np.random.default_rng(1).normal(size=turns)]


def collected(turns):
    def f(a, x):
        found = []
        s = a
        for t in range(turns):
            s = s * a + x[t]
            found.append(s)
        return np.sum(np.stack(found) ** 2)

    return f, [np.float64(0.5), np.random.default_rng(2).normal(size=turns)]


def joined(turns):
    def f(a, x):
        found = []
        s = a
        for t in range(turns):
            s = np.cos(s) * a + x[t]
            found.append(s)
        return np.sum(np.concatenate(found) ** 2)

    return f, [np.full(2, 0.5), np.random.default_rng(2).normal(size=(turns, 2))]


def summed(turns):
    def f(a, x):
        found = []
        s = a
        for t in reversed(range(turns)):
            s = s * a + x[t]
            found.append(s)
        return sum(found)

    return f, [np.float64(0.5), np.random.default_rng(3).normal(size=turns)]


def markov(turns):
    def f(transition, emission, seen):
        forward = np.ones(3) / 3
        likelihood = 0.0
        for t in range(turns):
            forward = (forward @ transition) * np.exp(-((seen[t] - emission) ** 2))
            total = np.sum(forward)
            likelihood = likelihood + np.log(total)
            forward = forward / total
        return likelihood

    rng = np.random.default_rng(4)
    return f, [np.full((3, 3), 0.3) + 0.1 * np.eye(3), rng.normal(size=3), rng.normal(size=turns)]


def timed(turns):
    def f(x):
        s = x
        for t in range(turns):
            s = np.sin(s) + 0.1 * t * x
        return s

    return f, [np.float64(0.1)]


def second_order(turns):
    def f(a):
        previous, s = a, 2 * a
        for _ in range(turns):
            previous, s = s, 0.3 * s + 0.4 * previous * a
        return s + previous

    return f, [np.float64(0.4)]


def parameters(turns):
    def f(theta, x):
        s = np.float64(0.1)
        for t in range(turns):
            s = s + theta[0] * np.sin(s) + theta[1] * x[t]
        return s

    rng = np.random.default_rng(5)
    return f, [0.1 * rng.normal(size=2), rng.normal(size=turns)]


MODELS = [
    recurrence,
    network,
    pendulum,
    filtered,
    collected,
    joined,
    summed,
    markov,
    timed,
    second_order,
    parameters,
]


def derived(model, kind, turns):
    f, values = model(turns)
    slots = tuple(range(len(values)))
    if kind == "value":
        return f, values
    gradient = hd.value_and_grad(f, argnums=slots)
    if kind == "gradient":
        return lambda *args: (lambda value, slopes: [value, *slopes])(*gradient(*args)), values
    slope = hd.grad(f, argnums=slots)
    return lambda *args: hd.jvp(slope, args, tuple(np.ones_like(a) for a in values))[1], values


# --- any loop ---------------------------------------------------------------------------------------------------------

UNARY = [np.sin, np.tanh, np.negative, lambda v: v * 0.5, lambda v: 1.0 - v, lambda v: v**2 * 0.1]
BINARY = [np.add, np.multiply, np.subtract, lambda a, b: np.where(a > b, a, b * 0.5), np.hypot]


@st.composite
def bodies(draw):
    """Instructions of one turn: (operation, first operand, second operand), the results being numbered."""
    count = draw(st.integers(1, 6))
    found = []
    for at in range(count):
        kind = draw(st.sampled_from(["unary", "binary", "binary", "sequence", "literal", "previous"]))
        found.append(
            (
                kind,
                draw(st.integers(0, 5)),
                draw(st.integers(0, at + 2)),
                draw(st.integers(0, at + 2)),
                draw(st.sampled_from([1, -1, 2])),
            )
        )
    return found


def interpret(body, turns, first_differs, keep, x, w, state):
    """Run a loop with that body; a list of everything that is kept."""
    history = [state, state * 0.5]
    kept, picked = [], []
    for t in range(turns):
        known = [history[-1], history[-2], w]
        for kind, which, first, second, stride in body:
            a, b = known[first], known[second]
            if kind == "unary":
                value = UNARY[which](a)
            elif kind == "binary":
                value = BINARY[which % len(BINARY)](a, b)
            elif kind == "sequence":
                value = a + x[stride * t if stride > 0 else 80 - t]
            elif kind == "literal":
                value = a * (0.1 * t) if which % 2 else a + np.float64(t)
            else:
                value = a + (w if t == 0 and first_differs else history[-1])
            known.append(value)
        history.append(np.tanh(known[-1]))
        kept.append(known[3])
        if t in keep:
            picked.append(known[-1])
    return [history[-1], history[-2], *picked, *([np.stack(kept)] if kept else [])]
