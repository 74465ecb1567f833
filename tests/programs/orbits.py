"""Two bodies: radial velocities through Kepler's equation, and a leapfrog integration of an orbit."""

import numpy as np
from scipy import special

TIMES = [0.3, 1.1, 2.4, 3.0, 4.7]
VELOCITIES = [0.9, 0.1, -0.8, -0.7, 0.6]


def eccentric_anomaly(mean, eccentricity):
    """Newton's method on E - e sin E = M, from Danby's starting value."""
    E = mean + 0.85 * eccentricity * np.sign(np.sin(mean))
    step, rounds = 1.0, 0
    while abs(step) > 1e-9 and rounds < 10:
        step = (E - eccentricity * np.sin(E) - mean) / (1 - eccentricity * np.cos(E))
        E = E - step
        rounds += 1
    return E


def radial_velocity_misfit(orbit):
    period, amplitude, e, omega, t0 = orbit
    chi2 = 0.0
    for t, v in zip(TIMES, VELOCITIES, strict=True):
        E = eccentric_anomaly(2 * np.pi * (t - t0) / period, e)
        nu = 2 * np.arctan2(np.sqrt(1 + e) * np.sin(E / 2), np.sqrt(1 - e) * np.cos(E / 2))
        chi2 += (amplitude * (np.cos(nu + omega) + e * np.cos(omega)) - v) ** 2
    return chi2


def leapfrog(state, steps=20, dt=0.1):
    """Distance from the goal after a flight in the field of two masses, plus the drift of the energy."""
    q, p = state[:2].copy(), state[2:].copy()
    masses, centres = np.array([1.0, 0.3]), np.array([[0.0, 0.0], [1.5, 0.5]])

    def potential(q):
        return -np.sum(masses / np.hypot(*(q - centres).T))

    def force(q):
        d = q - centres
        return -np.sum((masses / np.sum(d * d, axis=1) ** 1.5)[:, None] * d, axis=0)

    before = 0.5 * p @ p + potential(q)
    for _ in range(steps):
        p += 0.5 * dt * force(q)
        q += dt * p
        p += 0.5 * dt * force(q)
    drift = 0.5 * p @ p + potential(q) - before
    return np.sum((q - np.array([-0.5, 0.8])) ** 2) + drift**2


def perimeter(axes):
    """Of an ellipse: the complete elliptic integral of the second kind."""
    longer, shorter = np.maximum(*axes), np.minimum(*axes)
    return 4 * longer * special.ellipe(1 - (shorter / longer) ** 2)


ORBIT = np.array([4.2, 1.1, 0.35, 0.4, 0.2])
STATE = np.array([0.9, -0.2, 0.1, 1.0])
AXES = np.array([1.2, 2.0])
