"""Polynomial chaos (Xiu & Karniadakis 2002) and other series: Legendre recurrences, Horner, Clenshaw, Padé."""

import numpy as np

# Gauss's nodes and weights for a uniform variable on [-1, 1], after Golub and Welsch (1969).
OFF_DIAGONAL = np.arange(1, 6) / np.sqrt(4.0 * np.arange(1, 6) ** 2 - 1)
NODES, VECTORS = np.linalg.eigh(np.diag(OFF_DIAGONAL, 1) + np.diag(OFF_DIAGONAL, -1))
WEIGHTS = VECTORS[0] ** 2


def legendre(order, x):
    """Legendre polynomials up to an order by Bonnet's recursion, one a row."""
    table = np.ones((order + 1, *np.shape(x)), like=x)
    if order > 0:
        table[1] = x
    for n in range(1, order):
        table[n + 1] = ((2 * n + 1) * x * table[n] - n * table[n - 1]) / (n + 1)
    return table


def sobol_indices(model):
    """Share of the variance that the first of two uncertain inputs explains."""
    basis = legendre(3, NODES)
    z1, z2 = np.meshgrid(NODES, NODES, indexing="ij")
    response = np.exp(model[0] * z1) * (1 + model[1] * z2**2) + model[2] * z1 * z2
    scale = 2 * np.arange(4) + 1
    coefficients = np.einsum("ai,bj,i,j,ij->ab", basis, basis, WEIGHTS, WEIGHTS, response) * np.outer(scale, scale)
    energy = coefficients**2 / np.outer(scale, scale)
    return np.sum(energy[1:, 0]) / (np.sum(energy) - energy[0, 0])


def chebyshev(coefficients):
    """Clenshaw's recursion, integrated against a Gaussian on the nodes."""
    b1, b2 = np.zeros_like(NODES), np.zeros_like(NODES)
    for c in coefficients[:0:-1]:
        b1, b2 = 2 * NODES * b1 - b2 + c, b1
    values = NODES * b1 - b2 + coefficients[0]
    return np.sum(WEIGHTS * np.exp(-(values**2)))


def roots(coefficients):
    """How far the roots of a polynomial are from the unit circle, with NumPy's companion matrix."""
    r = np.roots(coefficients)
    return np.sum((np.abs(r) - 1) ** 2)


def pade(x):
    """A matrix exponential by scaling and squaring with a Padé approximant; its trace."""
    A = np.stack([np.stack([0.1 * x[0], x[1]]), np.stack([-x[1], x[2]])])
    norm, squarings = np.abs(A).sum(axis=0).max(), 0
    while norm > 0.5:
        norm, squarings = norm / 2, squarings + 1
    A = A / 2**squarings
    numerator = denominator = power = np.eye(2)
    c = 1.0
    for k in range(1, 7):
        c = c * (7 - k) / (k * (13 - k))
        power = power @ A
        numerator = numerator + c * power
        denominator = denominator + (-1) ** k * c * power
    E = np.linalg.solve(denominator, numerator)
    for _ in range(squarings):
        E = E @ E
    return np.trace(E) + E[0, 1]


CHAOS = np.array([0.6, 0.4, -0.3])
COEFFICIENTS = np.array([0.3, -0.5, 0.2, 0.1])
POLYNOMIAL = np.array([1.0, -0.4, 0.8, 0.3])
GENERATOR = np.array([0.5, 1.7, -0.4])
