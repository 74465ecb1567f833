"""Felsenstein's pruning (1981) with the general time-reversible model, and a coalescent prior."""

import numpy as np

TREE = ((0, 1), (2, 3))
SITES = ["AACA", "CCCT", "GGGG", "TACT", "GATA"]
STATES = "ACGT"


def transition_matrices(rates, frequencies, lengths):
    """exp(Q t) for all branches at once, through the symmetric form of a reversible rate matrix."""
    exchange = np.zeros((4, 4), like=rates)
    exchange[np.triu_indices(4, 1)] = rates
    exchange += exchange.T
    Q = exchange * frequencies
    Q[np.diag_indices(4)] = -Q.sum(axis=1)
    Q /= -np.sum(frequencies * np.diagonal(Q))
    root = np.sqrt(frequencies)
    w, v = np.linalg.eigh(root[:, None] * Q / root)
    left, right = v / root[:, None], v.T * root
    return left @ (np.exp(lengths[:, None] * w)[:, :, None] * right)


def negative_log_likelihood(model):
    frequencies = np.exp(model["composition"])
    frequencies /= frequencies.sum()
    P = transition_matrices(np.exp(model["rates"]), frequencies, np.exp(model["lengths"]))
    total = 0.0
    for site in SITES:
        branch = iter(P)

        def below(node, site=site, branch=branch):
            if isinstance(node, int):
                likelihood = np.zeros(4)
                likelihood[STATES.index(site[node])] = 1.0
                return likelihood
            first, second = node
            return (next(branch) @ below(first)) * (next(branch) @ below(second))

        total = total + np.log(frequencies @ below(TREE))
    return -total


MODEL = {
    "composition": np.array([0.1, -0.1, 0.2, 0.0]),
    "rates": np.array([0.0, 0.9, 0.1, -0.2, 1.0, 0.05]),
    "lengths": np.array([-1.2, -1.5, -0.9, -1.1, -2.0, -1.4]),
}
