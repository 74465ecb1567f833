"""Likelihood of a local linear trend by the Kalman filter (Durbin & Koopman, Time Series Analysis, 2012, ch. 4)."""

import numpy as np

FLOW = np.array([1.12, 1.16, 0.96, 1.21, 1.16, 1.16, 0.81, 1.23, 1.37, 1.14])
F = np.array([[1.0, 1.0], [0.0, 1.0]])
H = np.array([[1.0, 0.0]])


def log_likelihood(parameters):
    level, slope, noise = np.exp(parameters["log_variances"])
    Q = np.diag(np.exp(parameters["log_variances"][:2]))
    R = noise * np.eye(1)
    m = parameters["start"]
    P = np.diag(np.array([1.0, 0.5])) + 0.1 * np.outer(parameters["start"], parameters["start"])
    total = 0.0
    for y in FLOW:
        m, P = F @ m, F @ P @ F.T + Q
        innovation = y - H @ m
        S = H @ P @ H.T + R
        K = P @ H.T @ np.linalg.inv(S)
        m = m + K @ innovation
        P = (np.eye(2) - K @ H) @ P
        _, logdet = np.linalg.slogdet(2 * np.pi * S)
        total -= 0.5 * (logdet + innovation @ np.linalg.solve(S, innovation))
    return total - 0.01 * (level / slope)


POINT = {"log_variances": np.array([-4.0, -5.0, -3.5]), "start": np.array([1.0, 0.02])}
