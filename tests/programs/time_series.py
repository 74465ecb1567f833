"""Likelihoods of time series: ARMA(1, 1), GARCH(1, 1) (Bollerslev 1986), AR(2) after Whittle, smoothing after Holt."""

import numpy as np

RETURNS = np.array([0.2, -0.5, 0.9, 0.1, -1.2, 0.6, 0.3, -0.4, 0.8, -0.1])


def arma(parameters):
    """Conditional sum of squares, by the recursion of the innovations."""
    mean, phi, theta, log_sigma = parameters
    previous, error, errors = RETURNS[0] - mean, 0.0, []
    for value in RETURNS[1:] - mean:
        error = value - phi * previous - theta * error
        previous = value
        errors.append(error)
    errors = np.stack(errors)
    return 0.5 * np.sum(errors**2) / np.exp(2 * log_sigma) + len(errors) * log_sigma


def garch(parameters):
    omega, alpha, beta = np.exp(parameters)
    variance = np.zeros(len(RETURNS), like=parameters)
    variance[0] = RETURNS.var()
    for t in range(1, len(RETURNS)):
        variance[t] = omega + alpha * RETURNS[t - 1] ** 2 + beta * variance[t - 1]
    return 0.5 * np.sum(np.log(2 * np.pi * variance) + RETURNS**2 / variance)


def whittle(parameters):
    """Whittle's likelihood of an AR(2) process: its spectrum against the periodogram."""
    n = len(RETURNS)
    periodogram = np.abs(np.fft.rfft(RETURNS)) ** 2 / n
    lag = np.exp(-2j * np.pi * np.fft.rfftfreq(n))
    spectrum = np.exp(parameters[2]) / np.abs(1 - parameters[0] * lag - parameters[1] * lag**2) ** 2
    return np.sum(np.log(spectrum[1:]) + periodogram[1:] / spectrum[1:])


def holt(smoothing):
    """One-step errors of double exponential smoothing, with the weights squashed into (0, 1)."""
    a, b = 1 / (1 + np.exp(-smoothing))
    level, trend, total = RETURNS[0], RETURNS[1] - RETURNS[0], 0.0
    for y in RETURNS[2:]:
        forecast = level + trend
        total += (y - forecast) ** 2
        level, old = a * y + (1 - a) * forecast, level
        trend = b * (level - old) + (1 - b) * trend
    return np.sqrt(total / (len(RETURNS) - 2))


ARMA = np.array([0.05, 0.3, -0.2, -0.4])
GARCH = np.array([-1.5, -1.2, -0.7])
AR2 = np.array([0.4, -0.3, -1.0])
SMOOTHING = np.array([0.2, -0.8])
