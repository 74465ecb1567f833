"""Values and gradients as loops, which numba compiles: as one would write them in C.

Each is compiled with and without numba's ``fastmath``, and what is timed is the faster of the two.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np


def _rosenbrock(x: Any) -> Any:
    gradient = np.empty_like(x)
    total, carried = 0.0, 0.0
    for i in range(len(x) - 1):
        valley, slope = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        total += 100.0 * valley * valley + slope * slope
        gradient[i] = carried - 400.0 * valley * x[i] - 2.0 * slope
        carried = 200.0 * valley
    gradient[-1] = carried
    return total, gradient


def _rosenbrock_in_place(x: Any) -> Any:
    """Without a value that is carried from turn to turn, which keeps loops from being vectorised."""
    n = len(x)
    gradient = np.empty_like(x)
    total = 0.0
    for i in range(n - 1):
        valley, slope = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        total += 100.0 * valley * valley + slope * slope
    gradient[0] = -400.0 * (x[1] - x[0] * x[0]) * x[0] - 2.0 * (1.0 - x[0])
    for i in range(1, n - 1):
        before, after = x[i] - x[i - 1] * x[i - 1], x[i + 1] - x[i] * x[i]
        gradient[i] = 200.0 * before - 400.0 * after * x[i] - 2.0 * (1.0 - x[i])
    gradient[n - 1] = 200.0 * (x[n - 1] - x[n - 2] * x[n - 2])
    return total, gradient


def _chain(x: Any) -> Any:
    gradient = np.empty_like(x)
    total = 0.0
    for i in range(len(x)):
        t = x[i]
        square = t * t
        bell, sine, logarithm, tangent = np.exp(-square), np.sin(3.0 * t), np.log1p(square), np.tanh(t)
        total += bell * sine + logarithm * tangent
        gradient[i] = (
            bell * (3.0 * np.cos(3.0 * t) - 2.0 * t * sine)
            + 2.0 * t / (1.0 + square) * tangent
            + logarithm * (1.0 - tangent * tangent)
        )
    return total, gradient


def _log_sum_exp(x: Any) -> Any:
    gradient = np.empty_like(x)
    top = x[0]
    for i in range(len(x)):
        top = max(top, x[i])
    total = 0.0
    for i in range(len(x)):
        power = np.exp(x[i] - top)
        gradient[i] = power
        total += power
    factor = 1.0 / total
    for i in range(len(x)):
        gradient[i] *= factor
    return top + np.log(total), gradient


def _recurrence(inputs: Any, from_state: Any, from_input: Any, bias: Any) -> Any:
    steps, features = inputs.shape
    width = len(bias)
    states = np.zeros((steps + 1, width))
    loss = 0.0
    for t in range(steps):
        for i in range(width):
            total = bias[i]
            for j in range(width):
                total += from_state[i, j] * states[t, j]
            for j in range(features):
                total += from_input[i, j] * inputs[t, j]
            states[t + 1, i] = np.tanh(total)
            loss += states[t + 1, i] ** 2
    by_state, by_input, by_bias = np.zeros((width, width)), np.zeros((width, features)), np.zeros(width)
    pulled, behind = np.zeros(width), np.zeros(width)
    for t in range(steps - 1, -1, -1):
        behind[:] = 0.0
        for i in range(width):
            state = states[t + 1, i]
            slope = (pulled[i] + 2.0 * state) * (1.0 - state * state)
            by_bias[i] += slope
            for j in range(width):
                by_state[i, j] += slope * states[t, j]
                behind[j] += slope * from_state[i, j]
            for j in range(features):
                by_input[i, j] += slope * inputs[t, j]
        pulled, behind = behind, pulled
    return loss, by_state, by_input, by_bias


def _mean_square(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += x[i] * x[i]
    return total / 10.0


def _versions(*functions: Callable[..., Any]) -> list[Callable[..., Any]]:
    return [numba.njit(function, fastmath=fast) for function in functions for fast in (False, True)]


#: Ways to write each function; the fastest stands for them.
LOOPS = {
    "rosenbrock": _versions(_rosenbrock, _rosenbrock_in_place),
    "chain": _versions(_chain),
    "log_sum_exp": _versions(_log_sum_exp),
    "recurrence": _versions(_recurrence),
    "mean_square": _versions(_mean_square),
}
