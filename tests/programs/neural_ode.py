"""A neural ordinary differential equation (Chen et al. 2018), by the classical Runge–Kutta method."""

import itertools

import numpy as np

TIMES = np.linspace(0.0, 1.5, 5)
SPIRAL = np.array([[2.0, 0.0], [1.6, 0.7], [1.0, 1.2], [0.3, 1.4], [-0.4, 1.3]])


def network(layers, y):
    *hidden, (W, b) = layers
    for weights, bias in hidden:
        y = np.tanh(weights @ y + bias)
    return W @ y + b


def rk4(f, y, times):
    path = [y]
    for t0, t1 in itertools.pairwise(times):
        h = t1 - t0
        k1 = f(y)
        k2 = f(y + h * k1 / 2)
        k3 = f(y + h * k2 / 2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        path.append(y)
    return np.stack(path)


def loss(layers):
    path = rk4(lambda y: network(layers, y), SPIRAL[0], TIMES)
    return np.mean((path - SPIRAL) ** 2) + 1e-3 * sum(np.sum(W**2) for W, _ in layers)


LAYERS = [
    (np.array([[0.4, -0.3], [0.2, 0.5], [-0.6, 0.1]]), np.array([0.1, 0.0, -0.2])),
    (np.array([[0.3, 0.5, -0.4], [-0.5, 0.2, 0.6]]), np.array([0.05, -0.1])),
]
