"""Natural cubic splines through a tridiagonal system solved in place (Press et al., Numerical Recipes, §3.3)."""

import numpy as np

KNOTS = np.array([0.0, 0.7, 1.2, 2.0, 2.6, 3.5])
WANTED = np.array([0.1, 0.4, 0.95, 1.5, 1.9, 2.2, 3.0, 3.4])


def thomas(lower, diagonal, upper, right):
    """Solve a tridiagonal system by elimination without pivoting."""
    d, b = diagonal.copy(), right.copy()
    n = len(b)
    for i in range(1, n):
        w = lower[i - 1] / d[i - 1]
        d[i] -= w * upper[i - 1]
        b[i] -= w * b[i - 1]
    x = np.zeros_like(b)
    x[-1] = b[-1] / d[-1]
    for i in range(n - 2, -1, -1):
        x[i] = (b[i] - upper[i] * x[i + 1]) / d[i]
    return x


def second_derivatives(t, y):
    h = np.diff(t)
    slopes = np.diff(y) / h
    curvature = np.zeros_like(y)
    curvature[1:-1] = thomas(h[1:-1], 2 * (h[:-1] + h[1:]), h[1:-1], 6 * np.diff(slopes))
    return curvature


def evaluate(t, y, x):
    m = second_derivatives(t, y)
    i = np.clip(np.searchsorted(t, x) - 1, 0, len(t) - 2)
    h = t[i + 1] - t[i]
    a, b = (t[i + 1] - x) / h, (x - t[i]) / h
    return a * y[i] + b * y[i + 1] + ((a**3 - a) * m[i] + (b**3 - b) * m[i + 1]) * h**2 / 6


def misfit(y):
    """Least squares between the spline and a sine, with a penalty on bending."""
    residuals = evaluate(KNOTS, y, WANTED) - np.sin(WANTED)
    m = second_derivatives(KNOTS, y)
    bending = np.sum(np.diff(KNOTS) * (m[1:] ** 2 + m[1:] * m[:-1] + m[:-1] ** 2)) / 3
    return residuals @ residuals + 1e-2 * bending


def misfit_of_knots(table):
    """The same, where the knots move too."""
    t, y = table
    return np.sum((evaluate(t, y, WANTED) - np.sin(WANTED)) ** 2)


HEIGHTS = np.array([0.0, 0.6, 0.9, 1.0, 0.4, -0.3])
TABLE = np.stack([KNOTS, HEIGHTS])
