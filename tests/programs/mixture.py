"""Likelihood of a mixture of Gaussians with full covariances (Bishop, Pattern Recognition, 2006, §9.2)."""

import numpy as np

DATA = np.array([[0.1, 0.2], [0.4, -0.1], [-0.3, 0.3], [2.1, 1.8], [1.7, 2.2], [2.4, 2.1], [1.0, 1.1]])


def logsumexp(a, axis):
    highest = np.max(a, axis=axis, keepdims=True)
    return np.squeeze(highest, axis=axis) + np.log(np.sum(np.exp(a - highest), axis=axis))


def negative_log_likelihood(mixture):
    weights = mixture["logits"] - logsumexp(mixture["logits"], axis=0)
    n, k, d = len(DATA), len(weights), DATA.shape[1]
    # Factors of the precisions: exponentials on the diagonal, free numbers below it.
    L = np.zeros((k, d, d), like=mixture["factors"])
    rows, columns = np.tril_indices(d)
    L[:, rows, columns] = mixture["factors"]
    diagonal = np.einsum("kii->ki", L)
    log_determinants = diagonal.sum(axis=1)
    L[:, range(d), range(d)] = np.exp(diagonal)
    centred = DATA[:, None, :] - mixture["means"]
    whitened = np.einsum("kij,nkj->nki", L, centred)
    log_densities = -0.5 * np.sum(whitened**2, axis=-1) + log_determinants - 0.5 * d * np.log(2 * np.pi)
    return -logsumexp(weights + log_densities, axis=1).sum() / n


MIXTURE = {
    "logits": np.array([0.1, -0.2]),
    "means": np.array([[0.2, 0.1], [1.8, 2.0]]),
    "factors": np.array([[0.3, -0.1, 0.2], [0.1, 0.4, 0.0]]),
}
