"""More functions that are timed, each written once for any module that has NumPy's names.

Where a function needs what NumPy does not have (derivatives inside, ``scan``, a solver), it takes that as an argument.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


def curvature(differentiation: Any, f: Function) -> Function:
    """Hessian-vector product: the directional derivative of the gradient."""

    def product(x: Any, v: Any) -> Any:
        return differentiation.jvp(differentiation.grad(f), (x,), (v,))[1]

    return product


def with_diagonal(differentiation: Any, f: Function) -> Function:
    """Value, gradient and diagonal of the Hessian, for functions whose Hessian is diagonal."""

    def all_three(x: Any) -> Any:
        (value, gradient), (_, diagonal) = differentiation.jvp(
            differentiation.value_and_grad(f), (x,), (np.ones(x.shape),)
        )
        return value, gradient, diagonal

    return all_three


def k_means(np: Any, points: Any) -> Function:
    """Sum of the squared distances of points from the nearest of some centres."""
    norms = (points**2).sum(axis=1)

    def f(centres: Any) -> Any:
        distances = np.sum(centres**2, axis=1) - 2.0 * (points @ centres.T)
        return np.sum(norms + np.min(distances, axis=1))

    return f


def k_means_data(count: int = 10_000, clusters: int = 100, dimension: int = 8) -> tuple[Any, Any]:
    """Points and centres, the same every time."""
    rng = np.random.default_rng(4)
    return rng.normal(size=(count, dimension)), rng.normal(size=(clusters, dimension))


def mixture(m: Any, points: Any) -> Function:
    """Negative log-posterior of a Gaussian mixture, up to a constant: the parameters and prior of ADBench.

    The parameters are logarithms of weights (k), means (k, d), and factors of the inverse covariances (k, d(d+1)/2):
    logarithms of the diagonal, then what is below it.
    """
    count, dimension = points.shape
    #: Where in a row of factors, with a zero in front, the entries of the triangle are.
    entries = np.zeros((dimension, dimension), int)
    entries[np.tril_indices(dimension, -1)] = 1 + np.arange(dimension * (dimension - 1) // 2)
    identity = np.eye(dimension)

    def log_sum_exp(x: Any) -> Any:
        top = m.max(x, axis=-1, keepdims=True)
        return top[..., 0] + m.log(m.sum(m.exp(x - top), axis=-1))

    def f(parameters: Any) -> Any:
        weights, means, factors = parameters
        logarithms, below = factors[:, :dimension], factors[:, dimension:]
        diagonal = m.exp(logarithms)
        padded = m.concatenate([m.zeros((len(means), 1)), below], axis=1)
        triangles = padded[:, entries] + diagonal[:, :, None] * identity
        scaled = m.einsum("kij,nkj->nki", triangles, points[:, None, :] - means)
        inner = weights + m.sum(logarithms, axis=1) - 0.5 * m.sum(scaled**2, axis=2)
        likelihood = m.sum(log_sum_exp(inner)) - count * log_sum_exp(weights)
        return -likelihood + 0.5 * (m.sum(diagonal**2) + m.sum(below**2))

    return f


def mixture_data(count: int = 1_000, clusters: int = 25, dimension: int = 10) -> tuple[Any, list[Any]]:
    """Points and parameters, the same every time."""
    rng = np.random.default_rng(5)
    triangle = dimension * (dimension + 1) // 2
    parameters = [
        rng.normal(size=clusters),
        rng.normal(size=(clusters, dimension)),
        0.3 * rng.normal(size=(clusters, triangle)),
    ]
    return rng.normal(size=(count, dimension)), parameters


def marginal_likelihood(m: Any, solve: Function, squared_distances: Any, observed: Any) -> Function:
    """Negative logarithm of the marginal likelihood of a Gaussian process, by Cholesky.

    ``solve(triangle, y)`` solves with the lower triangle.
    """
    identity = np.eye(len(observed))

    def f(logarithms: Any) -> Any:
        length, height, noise = m.exp(logarithms[0]), m.exp(logarithms[1]), m.exp(logarithms[2])
        covariance = height * m.exp(-0.5 * squared_distances / length**2) + noise * identity
        triangle = m.linalg.cholesky(covariance)
        whitened = solve(triangle, observed)
        return 0.5 * m.sum(whitened**2) + m.sum(m.log(m.diagonal(triangle)))

    return f


def predator_and_prey(np: Any, scan: Function, steps: int = 1_000, size: float = 0.01) -> Function:
    """Mean square along a path of the Lotka-Volterra equations, by Runge and Kutta's rule of order four.

    The parameters are the four rates and the start.
    """

    def f(parameters: Any) -> Any:
        a, b, c, d = parameters[0], parameters[1], parameters[2], parameters[3]

        def slope(x: Any, y: Any) -> Any:
            return a * x - b * x * y, c * x * y - d * y

        def step(state: Any, _: Any) -> Any:
            x, y = state
            k1, l1 = slope(x, y)
            k2, l2 = slope(x + 0.5 * size * k1, y + 0.5 * size * l1)
            k3, l3 = slope(x + 0.5 * size * k2, y + 0.5 * size * l2)
            k4, l4 = slope(x + size * k3, y + size * l3)
            x = x + size / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            y = y + size / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
            return (x, y), x * x + y * y

        squares = scan(step, (parameters[4], parameters[5]), None, length=steps)[1]
        return np.mean(squares)

    return f


def projection(np: Any) -> Function:
    """Residual of one observation in bundle adjustment (2 of 15), with the camera, point and weight of ADBench.

    The 15 are rotation (3), centre (3), focal length, principal point (2), radial distortion (2), point (3), weight.
    """

    def f(p: Any, feature: Any) -> Any:
        rotation, offset = p[0:3], p[11:14] - p[3:6]
        angle = np.sqrt(np.sum(rotation * rotation))
        axis = rotation / angle
        cosine = np.cos(angle)
        turned = (
            offset * cosine + np.cross(axis, offset) * np.sin(angle) + axis * (np.sum(axis * offset) * (1.0 - cosine))
        )
        flat = turned[0:2] / turned[2]
        square = np.sum(flat * flat)
        bent = flat * (1.0 + p[9] * square + p[10] * square * square)
        return p[14] * (p[6] * bent + p[7:9] - feature)

    return f


def projection_data(count: int = 5_000) -> tuple[Any, Any]:
    """Parameters and features of the observations, the same every time."""
    rng = np.random.default_rng(6)
    parameters = rng.normal(size=(count, 15))
    parameters[:, 13] += 8.0
    parameters[:, 9:11] *= 0.01
    return parameters, rng.normal(size=(count, 2))


def branches(select: Function, sine: Function) -> Function:
    """`problems.branches` without Python's ``if``: ``select(condition, then, otherwise, *operands)`` stands for it."""

    def f(x: Any, y: Any) -> Any:
        total = 0.0 * x
        for _ in range(10):
            x, y = select(x > y, lambda x, y: (x * sine(y), y), lambda x, y: (y + 0.5, x * y), x, y)
            (total,) = select(total < 1.0, lambda total, x: (total + x * x,), lambda total, x: (total,), total, x)
            total = total + 0.1 * x * y
        return total

    return f


def mean_square(np: Any) -> Function:
    """A function of one small vector, for what a call costs."""

    def f(x: Any) -> Any:
        return np.sum(x * x) / 10.0

    return f


def tangle_data(operations: int) -> tuple[Any, Any]:
    """Which operation each is, and how far back its second operand is, the same every time."""
    rng = np.random.default_rng(7)
    return rng.integers(0, 6, operations), rng.integers(1, 9, operations)


def tangle(np: Any, operations: int) -> Function:
    """A long program without repetition, for the time that compiling takes: each result is used by one or two more."""
    kinds, distances = tangle_data(operations)
    functions: tuple[Function, ...] = (
        lambda a, b: 0.5 * (a + b),
        lambda a, b: a * np.cos(b),
        lambda a, b: a - 0.1 * b,
        lambda a, b: np.sin(a) + b,
        lambda a, b: a / (1.0 + b * b),
        lambda a, b: np.sqrt(1.0 + a * a) - 0.5 * b,
    )

    def f(x: Any) -> Any:
        values = [x + 0.1 * i for i in range(8)]
        for kind, distance in zip(kinds, distances, strict=True):
            values.append(functions[kind](values[-1], values[-distance]))
        return np.sum(values[-1])

    return f
