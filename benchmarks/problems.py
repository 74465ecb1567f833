"""The functions that are timed, each written once for any module that has NumPy's names, and once for torch."""

from typing import Any

import numpy as np


def rosenbrock(np: Any) -> Any:
    """Rosenbrock's function in ``n`` variables."""

    def f(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    return f


def network(np: Any, inputs: Any, labels: Any) -> Any:
    """Cross-entropy of a network 784-128-10 on one batch; the parameters are a list of arrays."""

    def f(parameters: Any) -> Any:
        w1, b1, w2, b2 = parameters
        hidden = np.tanh(inputs @ w1 + b1)
        scores = hidden @ w2 + b2
        top = np.max(scores, 1, keepdims=True) if np.__name__ != "torch" else np.max(scores, 1, keepdim=True)[0]
        shifted = scores - top
        total = np.log(np.sum(np.exp(shifted), 1))
        return np.mean(total - np.sum(labels * shifted, 1))

    return f


def scalar_loop(np: Any, steps: int) -> Any:
    """A recurrence on one number, as long as ``steps``."""

    def f(x: Any) -> Any:
        state = x
        for _ in range(steps):
            state = state + 0.01 * np.sin(state) * x
        return state

    return f


def network_data(batch: int = 128) -> tuple[Any, Any, list[Any]]:
    """Inputs, one-hot labels and parameters, the same every time."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(batch, 784))
    labels = np.eye(10)[rng.integers(0, 10, batch)]
    parameters = [
        rng.normal(size=(784, 128)) / 28,
        np.zeros(128),
        rng.normal(size=(128, 10)) / 11,
        np.zeros(10),
    ]
    return inputs, labels, parameters
