"""Predators and prey, integrated with the embedded pair of Bogacki and Shampine (1989) and an adaptive step."""

import numpy as np

HARES = {1.0: 1.65, 2.0: 0.95, 3.0: 0.62}


def rates(y, theta):
    prey, predators = y
    return np.stack([theta[0] * prey - theta[1] * prey * predators, theta[2] * prey * predators - theta[3] * predators])


def integrate(y, theta, t, end, tolerance=1e-4):
    h = 0.1
    k1 = rates(y, theta)
    while t < end - 1e-12:
        h = min(h, end - t)
        k2 = rates(y + h / 2 * k1, theta)
        k3 = rates(y + 3 * h / 4 * k2, theta)
        new = y + h * (2 * k1 + 3 * k2 + 4 * k3) / 9
        k4 = rates(new, theta)
        error = np.linalg.norm(h * (-5 * k1 / 72 + k2 / 12 + k3 / 9 - k4 / 8)) / tolerance
        if error <= 1.0:
            t, y, k1 = t + h, new, k4
        h = h * min(4.0, max(0.2, 0.9 * error ** (-1 / 3)))
    return y


def misfit(theta):
    y, t, total = np.stack([theta[4], theta[5]]), 0.0, 0.0
    for end, hares in HARES.items():
        y = integrate(y, theta, t, end)
        total = total + (np.log(y[0]) - np.log(hares)) ** 2
        t = end
    return total


THETA = np.array([1.1, 0.9, 0.5, 0.8, 1.2, 0.7])
