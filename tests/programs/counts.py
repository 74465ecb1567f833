"""Counts and directions: Poisson, negative binomial and beta-binomial regression, von Mises–Fisher."""

import numpy as np
from scipy import special

X = np.array([[1.0, 0.2], [1.0, 0.7], [1.0, -0.4], [1.0, 1.1], [1.0, -0.9]])
COUNTS = np.array([2.0, 3.0, 0.0, 5.0, 1.0])
DIRECTIONS = np.array([[0.1, 0.2, 0.97], [0.3, -0.1, 0.95], [-0.2, 0.1, 0.97]])
ANGLES = np.array([0.1, -0.4, 0.7, 0.2, -0.1])


def poisson(beta):
    eta = X @ beta
    return np.sum(np.exp(eta) - COUNTS * eta + special.gammaln(COUNTS + 1))


def negative_binomial(parameters):
    mu, size = np.exp(X @ parameters["beta"]), np.exp(parameters["log_size"])
    log_pmf = special.gammaln(COUNTS + size) - special.gammaln(size) - special.gammaln(COUNTS + 1)
    log_pmf += size * np.log(size / (size + mu)) + special.xlogy(COUNTS, mu / (size + mu))
    return -log_pmf.sum()


def beta_binomial(parameters):
    p, precision = special.expit(X @ parameters["beta"]), np.exp(parameters["log_size"])
    a, b, n = p * precision, (1 - p) * precision, 6.0
    choose = -special.betaln(COUNTS + 1, n - COUNTS + 1) - np.log(n + 1)
    return -(choose + special.betaln(COUNTS + a, n - COUNTS + b) - special.betaln(a, b)).sum()


def von_mises(parameters):
    """On the circle, with the scaled Bessel function, which does not overflow."""
    mean, kappa = parameters[0], np.exp(parameters[1])
    log_norm = np.log(2 * np.pi * special.i0e(kappa)) + kappa
    variance = 1 - special.i1e(kappa) / special.i0e(kappa)
    return len(ANGLES) * log_norm - kappa * np.cos(ANGLES - mean).sum() + 0.1 * variance


def fisher(vector):
    """On the sphere: the length of the vector is the concentration, log(4π sinh κ / κ) the normalisation."""
    kappa = np.linalg.norm(vector)
    log_norm = np.log(2 * np.pi / kappa) + kappa + np.log1p(-np.exp(-2 * kappa))
    return len(DIRECTIONS) * log_norm - (DIRECTIONS @ vector).sum()


BETA = np.array([0.6, 0.8])
REGRESSION = {"beta": BETA, "log_size": 0.9}
MISES = np.array([0.15, 1.3])
FISHER = np.array([0.4, 0.3, 3.0])
