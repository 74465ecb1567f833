"""Finite elements: a truss assembled with index arrays, the frequencies of a chain, a beam on supports."""

import numpy as np

NODES = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.5, 0.8], [1.5, 0.8]])
BARS = [(0, 1), (1, 2), (0, 3), (1, 3), (1, 4), (2, 4), (3, 4)]
FREE = np.array([2, 3, 4, 6, 7, 8, 9])
LOAD = np.array([0.0, -1.0, 0.0, 0.0, -0.5, 0.0, -0.5])


def compliance(design):
    """Work of the loads on a truss, as a function of areas and of the heights of two nodes."""
    areas, heights = design["areas"], design["heights"]
    nodes = np.zeros(NODES.shape, like=heights)
    nodes[...] = NODES
    nodes[3:, 1] += heights
    K = np.zeros((10, 10), like=areas)
    for area, (i, j) in zip(areas, BARS, strict=True):
        d = nodes[j] - nodes[i]
        length = np.linalg.norm(d)
        direction = d / length
        block = area / length * np.outer(direction, direction)
        dofs = [2 * i, 2 * i + 1, 2 * j, 2 * j + 1]
        K[np.ix_(dofs, dofs)] += np.block([[block, -block], [-block, block]])
    u = np.linalg.solve(K[np.ix_(FREE, FREE)], LOAD)
    return LOAD @ u + 0.1 * areas.sum()


def lowest_frequencies(chain):
    """Two lowest frequencies of masses and springs: a symmetric generalised eigenproblem through Cholesky."""
    springs, masses = chain["springs"], chain["masses"]
    K = np.diag(springs[:-1] + springs[1:]) - np.diag(springs[1:-1], 1) - np.diag(springs[1:-1], -1)
    scale = 1 / np.sqrt(masses)
    w2 = np.linalg.eigvalsh(scale[:, None] * K * scale)
    return np.sqrt(w2[0]) + np.sqrt(w2[1])


def fundamental(population):
    """Dominant eigenvalue of a Leslie matrix, not symmetric, by `np.linalg.eigvals`."""
    births, survival = population
    A = np.diag(survival[:-1], -1) + 0.0
    A[0] = births
    values = np.linalg.eigvals(A)
    return np.max(values.real)


DESIGN = {"areas": np.array([1.0, 0.8, 1.2, 0.5, 0.6, 1.1, 0.9]), "heights": np.array([0.05, -0.1])}
CHAIN = {"springs": np.array([1.0, 2.0, 1.5, 0.7, 1.2]), "masses": np.array([1.0, 0.5, 0.8, 1.3])}
LESLIE = np.array([[0.1, 1.2, 0.9, 0.3], [0.6, 0.7, 0.4, 0.2]])
