"""Marginal likelihood of a Gaussian process (Rasmussen & Williams, Gaussian Processes, 2006, algorithm 2.1)."""

import numpy as np

X = np.array([[0.0, 0.3], [0.5, -0.2], [1.1, 0.8], [1.6, 0.1], [2.3, -0.7], [2.9, 0.4]])
Y = np.array([0.1, 0.6, 0.7, 1.0, 0.5, 0.2])


def squared_distances(a, b):
    return np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T


def negative_log_marginal_likelihood(theta):
    lengths, amplitude, noise = np.exp(theta[:2]), np.exp(theta[2]), np.exp(theta[3])
    scaled = X / lengths
    K = squared_distances(scaled, scaled)
    np.multiply(K, -0.5, out=K)
    np.exp(K, out=K)
    K *= amplitude**2
    K[np.diag_indices_from(K)] += noise**2
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, Y))
    return 0.5 * Y @ alpha + np.log(np.diag(L)).sum() + 0.5 * len(Y) * np.log(2 * np.pi)


def matern_log_likelihood(theta):
    length, amplitude, noise = np.exp(theta)
    differences = X[:, None, :] - X[None, :, :]
    r = np.sqrt(5.0) * np.linalg.norm(differences, axis=-1) / length
    K = amplitude**2 * (1 + r + r**2 / 3) * np.exp(-r) + noise**2 * np.eye(len(X))
    w, V = np.linalg.eigh(K)
    projected = V.T @ Y
    return -0.5 * np.sum(projected**2 / w + np.log(2 * np.pi * w))


THETA = np.array([0.1, -0.2, 0.3, -1.5])
MATERN = np.array([0.1, 0.3, -1.5])
