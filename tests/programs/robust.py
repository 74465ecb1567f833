"""Losses with corners: Huber (1964) with a scale by the MAD, quantile regression, hinge, total variation."""

import numpy as np

X = np.array([[1.0, 0.1], [1.0, 0.4], [1.0, 0.9], [1.0, 1.3], [1.0, 1.8], [1.0, 2.2], [1.0, 2.9]])
Y = np.array([0.9, 1.3, 1.2, 6.0, 2.1, 2.0, 2.8])
LABELS = np.array([-1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0])


def huber(beta, k=1.345):
    r = Y - X @ beta
    scale = 1.4826 * np.median(np.abs(r - np.median(r)))
    z = r / scale
    small = np.abs(z) <= k
    loss = np.empty_like(z)
    loss[small] = 0.5 * z[small] ** 2
    loss[~small] = k * np.abs(z[~small]) - 0.5 * k**2
    return loss.sum() + len(r) * np.log(scale)


def trimmed(beta):
    """Least trimmed squares, winsorised: the greatest residuals count as the 70% quantile."""
    r2 = (Y - X @ beta) ** 2
    return np.minimum(r2, np.quantile(r2, 0.7)).mean()


def pinball(beta, tau=0.3):
    r = Y - X @ beta
    return np.where(r >= 0, tau * r, (tau - 1) * r).mean()


def hinge(w):
    """The loss of a support vector machine."""
    margins = LABELS * (X @ w)
    return np.maximum(0.0, 1.0 - margins).sum() + 0.5 * w[1] * w[1]


def total_variation(signal):
    """Where two neighbours are equal the absolute difference has a corner."""
    return np.abs(np.diff(signal)).sum() + np.sum((signal - np.array([0.0, 1.0, 1.0, 3.0])) ** 2)


BETA = np.array([0.6, 0.7])
# The four negative examples have margins of exactly 1.
SEPARATOR = np.array([-1.0, 0.0])
SIGNAL = np.array([0.5, 1.5, 1.5, 2.0])
