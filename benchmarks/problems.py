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


# --- compiled mode ----------------------------------------------------------------------------------------------------


def chain(np: Any) -> Any:
    """A sum over a chain of transcendental functions."""

    def f(x: Any) -> Any:
        return np.sum(np.exp(-(x**2)) * np.sin(3.0 * x) + np.log1p(x**2) * np.tanh(x))

    return f


def logistic(np: Any, inputs: Any, signs: Any) -> Any:
    """Loss of a logistic regression, with a penalty."""

    def f(weights: Any) -> Any:
        return np.mean(np.logaddexp(0.0, -signs * (inputs @ weights))) + 0.01 * np.sum(weights**2)

    return f


def logistic_data(count: int = 1_000, features: int = 50) -> tuple[Any, Any, Any]:
    """Inputs, signs and weights, the same every time."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(count, features))
    return inputs, np.sign(rng.normal(size=count)), rng.normal(size=features) / 8


def log_sum_exp(np: Any) -> Any:
    """Logarithm of a sum of exponentials, without overflow."""

    def f(x: Any) -> Any:
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    return f


def branches(np: Any) -> Any:
    """Scalar code that goes through Python branches."""

    def f(x: Any, y: Any) -> Any:
        total = 0.0
        for _ in range(10):
            if x > y:
                x = x * np.sin(y)
            else:
                x, y = y + 0.5, x * y
            if total < 1.0:
                total = total + x * x
            total = total + 0.1 * x * y
        return total

    return f


def recurrence(np: Any, inputs: Any) -> Any:
    """A recurrent network in a plain Python loop; the parameters are a list of arrays."""

    def f(parameters: Any) -> Any:
        from_state, from_input, bias = parameters
        state = np.zeros(from_state.shape[0])
        loss = 0.0
        for x in inputs:
            state = np.tanh(from_state @ state + from_input @ x + bias)
            loss = loss + np.sum(state**2)
        return loss

    return f


def recurrence_by_scan(library: Any, inputs: Any) -> Any:
    """`recurrence` as JAX wants it, and as hodiff knows it too."""
    np, scan = library.numpy, getattr(library, "lax", library).scan

    def f(parameters: Any) -> Any:
        from_state, from_input, bias = parameters

        def step(carry: Any, x: Any) -> Any:
            state, loss = carry
            state = np.tanh(from_state @ state + from_input @ x + bias)
            return (state, loss + np.sum(state**2)), None

        start = np.zeros(from_state.shape[0]), 0.0
        return scan(step, start, inputs)[0][1]

    return f


def recurrence_data(steps: int, width: int = 16, features: int = 4) -> tuple[Any, list[Any]]:
    """Inputs and parameters, the same every time."""
    rng = np.random.default_rng(2)
    parameters = [rng.normal(size=(width, width)) / 8, rng.normal(size=(width, features)) / 4, np.zeros(width)]
    return rng.normal(size=(steps, features)), parameters


def gaussian_process(np: Any, squared_distances: Any, observed: Any) -> Any:
    """Negative logarithm of the marginal likelihood, of logarithms of length, height and noise."""
    identity = np.eye(len(observed))

    def f(logarithms: Any) -> Any:
        length, height, noise = np.exp(logarithms[0]), np.exp(logarithms[1]), np.exp(logarithms[2])
        covariance = height * np.exp(-0.5 * squared_distances / length**2) + noise * identity
        return 0.5 * observed @ np.linalg.solve(covariance, observed) + 0.5 * np.linalg.slogdet(covariance)[1]

    return f


def gaussian_process_data(count: int = 200) -> tuple[Any, Any, Any]:
    """Squared distances, observations and parameters, the same every time."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-2, 2, size=(count, 2))
    squared = np.sum((points[:, None] - points[None, :]) ** 2, axis=-1)
    observed = np.sin(points[:, 0]) + 0.1 * rng.normal(size=count)
    return squared, observed, np.array([0.1, 0.2, -2.0])


def peaks(np: Any, t: Any) -> Any:
    """Two peaks on a line, at the times ``t``, of eight parameters."""

    def f(p: Any) -> Any:
        first = p[0] * np.exp(-(((t - p[1]) / p[2]) ** 2))
        second = p[3] * np.exp(-(((t - p[4]) / p[5]) ** 2))
        return first + second + p[6] + p[7] * t

    return f
