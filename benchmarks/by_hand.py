"""Values and derivatives as one would write them for NumPy, with some care for speed."""

from typing import Any

import numpy as np


def rosenbrock(x: Any) -> Any:
    """Value and gradient."""
    head = x[:-1]
    valley = x[1:] - head * head
    slope = 1.0 - head
    gradient = np.zeros_like(x)
    gradient[1:] = 200.0 * valley
    gradient[:-1] -= 400.0 * valley * head + 2.0 * slope
    return 100.0 * (valley @ valley) + slope @ slope, gradient


def rosenbrock_hessian(x: Any) -> Any:
    """Hessian, which has three diagonals."""
    n = len(x)
    head = x[:-1]
    hessian = np.zeros((n, n))
    flat = hessian.reshape(-1)
    flat[: n * (n - 1) : n + 1] = 1200.0 * head * head - 400.0 * x[1:] + 2.0
    flat[n + 1 :: n + 1] += 200.0
    flat[1 : n * (n - 1) : n + 1] = flat[n :: n + 1] = -400.0 * head
    return hessian


def chain(x: Any) -> Any:
    """Value and gradient."""
    square = x * x
    bell, sine, logarithm, tangent = np.exp(-square), np.sin(3.0 * x), np.log1p(square), np.tanh(x)
    gradient = bell * (3.0 * np.cos(3.0 * x) - 2.0 * x * sine)
    gradient += 2.0 * x / (1.0 + square) * tangent + logarithm * (1.0 - tangent * tangent)
    return bell @ sine + logarithm @ tangent, gradient


def log_sum_exp(x: Any) -> Any:
    """Value and gradient."""
    top = x.max()
    powers = np.exp(x - top)
    total = powers.sum()
    powers /= total
    return top + np.log(total), powers


def logistic(weights: Any, inputs: Any, signs: Any) -> Any:
    """Value and gradient."""
    margins = signs * (inputs @ weights)
    loss = np.logaddexp(0.0, -margins)
    factors = signs * -np.exp(-margins - loss) / len(signs)
    value = loss.mean() + 0.01 * (weights @ weights)
    return value, factors @ inputs + 0.02 * weights
