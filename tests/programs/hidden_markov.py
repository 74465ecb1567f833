"""Likelihoods of sequences: hidden Markov model (Rabiner 1989), connectionist temporal classification (Graves 2006)."""

import numpy as np

SYMBOLS = [0, 1, 2, 2, 0, 1, 1, 2]
LABELS = [1, 2, 2]


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def log_likelihood(model):
    """The forward algorithm in logarithms."""
    transition, emission = log_softmax(model["transition"]), log_softmax(model["emission"])
    alpha = log_softmax(model["initial"]) + emission[:, SYMBOLS[0]]
    for symbol in SYMBOLS[1:]:
        alpha = np.logaddexp.reduce(alpha[:, None] + transition, axis=0) + emission[:, symbol]
    return np.logaddexp.reduce(alpha)


def scaled_log_likelihood(model):
    """The forward algorithm with Rabiner's scaling."""
    transition, emission = np.exp(log_softmax(model["transition"])), np.exp(log_softmax(model["emission"]))
    alpha = np.exp(log_softmax(model["initial"]))
    scales = []
    for t, symbol in enumerate(SYMBOLS):
        if t > 0:
            alpha = alpha @ transition
        alpha = alpha * emission[:, symbol]
        scales.append(alpha.sum())
        alpha = alpha / scales[-1]
    return np.log(np.stack(scales)).sum()


def ctc_loss(logits):
    """-log of the probability of all paths that collapse to the labels; symbol 0 is the blank."""
    y = log_softmax(logits)
    extended = [0]
    for label in LABELS:
        extended += [label, 0]
    alpha = np.full((len(y), len(extended)), -np.inf, like=y)
    alpha[0, 0] = y[0, 0]
    alpha[0, 1] = y[0, extended[1]]
    for t in range(1, len(y)):
        for s, label in enumerate(extended):
            total = alpha[t - 1, s]
            if s > 0:
                total = np.logaddexp(total, alpha[t - 1, s - 1])
            if s > 1 and label not in (0, extended[s - 2]):
                total = np.logaddexp(total, alpha[t - 1, s - 2])
            alpha[t, s] = total + y[t, label]
    return -np.logaddexp(alpha[-1, -1], alpha[-1, -2])


MODEL = {
    "initial": np.array([0.2, -0.1]),
    "transition": np.array([[0.5, -0.3], [0.1, 0.4]]),
    "emission": np.array([[0.3, 0.0, -0.4], [-0.2, 0.6, 0.1]]),
}
LOGITS = np.array(
    [[0.2, 0.5, -0.1], [0.4, 0.9, 0.3], [0.8, -0.2, 0.1], [0.1, 0.3, 0.7], [0.6, -0.4, 0.2], [0.0, 0.1, 1.0]]
)
