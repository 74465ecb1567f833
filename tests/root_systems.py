"""Systems of equations for tests of methods for roots, and how they are run."""

import numpy as np


def run(solver, fun, x0, **keywords):
    return solver.run(fun, x0, **{"jit": False, **keywords})


def size(fun, x):
    return np.abs(fun(x)).max()


def chandrasekhar(n, c):
    """The discrete H-equation; the mean of its solution is known in closed form."""
    mu = (np.arange(n) + 0.5) / n
    matrix = 0.5 * c / n * mu[:, None] / (mu[:, None] + mu)
    return lambda x: x - 1.0 / (1.0 - matrix @ x)


def rosenbrock(x):
    return np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def cubic_system(x):
    return np.stack([x[0] ** 3 + x[1] - 1.2, x[1] ** 3 - x[0] + 0.7, np.exp(x[2]) * (1.0 + x[0]) - 3.0])
