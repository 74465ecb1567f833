"""Cox's proportional hazards (1972) with the partial likelihood by sorting and cumulative sums; a Weibull model."""

import numpy as np

TIMES = np.array([5.0, 2.0, 9.0, 4.0, 7.0, 3.0, 8.0])
EVENTS = np.array([1, 1, 0, 1, 0, 1, 1], dtype=bool)
COVARIATES = np.array([[0.5, 1.0], [1.2, 0.0], [-0.3, 1.0], [0.8, 0.0], [-0.9, 1.0], [0.1, 0.0], [-0.4, 0.0]])


def negative_partial_likelihood(beta):
    order = np.argsort(-TIMES)
    eta = (COVARIATES @ beta)[order]
    shift = eta.max()
    at_risk = np.log(np.cumsum(np.exp(eta - shift))) + shift
    return -np.sum((eta - at_risk)[EVENTS[order]]) + 0.05 * beta @ beta


def concordance(beta, width=0.2):
    """Smoothed share of pairs whose risks are ordered as their times."""
    eta = COVARIATES @ beta
    first, second = np.nonzero((TIMES[:, None] < TIMES) & EVENTS[:, None])
    return np.mean(1 / (1 + np.exp(-(eta[first] - eta[second]) / width)))


def sorted_by_risk(beta):
    """Lorenz curve and Gini coefficient of the risks, which the parameters sort."""
    risk = np.sort(np.exp(COVARIATES @ beta))
    lorenz = np.cumsum(risk) / np.sum(risk)
    return 1 - 2 * np.trapezoid(lorenz, dx=1 / len(risk))


def weibull(parameters):
    """Negative log-likelihood with right censoring."""
    shape, scale = np.exp(parameters[0]), np.exp(parameters[1] + COVARIATES @ parameters[2:])
    z = TIMES / scale
    log_hazard = np.log(shape) + (shape - 1) * np.log(z) - np.log(scale)
    return -(log_hazard[EVENTS].sum() - (z**shape).sum())


BETA = np.array([0.4, -0.3])
PARAMETERS = np.array([0.3, 1.5, -0.2, 0.4])
