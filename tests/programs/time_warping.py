"""Soft dynamic time warping (Cuturi & Blondel 2017), and a soft Viterbi path, over tables filled by loops."""

import numpy as np

REFERENCE = np.array([0.0, 0.5, 1.0, 0.6, 0.1])


def soft_minimum(values, gamma):
    z = -np.stack(values) / gamma
    highest = np.max(z)
    return -gamma * (np.log(np.sum(np.exp(z - highest))) + highest)


def soft_dtw(inputs):
    series, gamma = inputs["series"], inputs["gamma"]
    n, m = len(series), len(REFERENCE)
    cost = (series[:, None] - REFERENCE[None, :]) ** 2
    R = np.full((n + 1, m + 1), 1e10, like=series)
    R[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            R[i, j] = cost[i - 1, j - 1] + soft_minimum([R[i - 1, j - 1], R[i - 1, j], R[i, j - 1]], gamma)
    return R[n, m]


def edit_distance(costs):
    """Needleman and Wunsch's alignment with costs of gaps and mismatches: the least of three, no softening."""
    gap, mismatch = costs
    first, second = "GATTA", "GCATG"
    table = [[j * gap for j in range(len(second) + 1)]]
    for i, a in enumerate(first, 1):
        row = [i * gap]
        for j, b in enumerate(second, 1):
            diagonal = table[-1][j - 1] + (0.0 if a == b else mismatch)
            row.append(np.minimum(diagonal, np.minimum(table[-1][j], row[-1]) + gap))
        table.append(row)
    return table[-1][-1]


INPUTS = {"series": np.array([0.1, 0.3, 0.9, 0.4]), "gamma": 0.3}
COSTS = np.array([0.7, 1.1])
