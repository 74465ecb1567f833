"""Signals: a compartment model sampled by `np.interp`, deconvolution, a biquad filter, beamforming."""

import numpy as np

GRID = np.linspace(0.0, 4.0, 21)
SAMPLED = np.array([0.33, 0.9, 1.7, 2.45, 3.6])
CONCENTRATIONS = np.array([0.35, 0.55, 0.45, 0.32, 0.2])
ECHO = np.array([0.1, 0.8, 0.5, -0.1, 0.3, 0.2, 0.0])


def pharmacokinetics(rates):
    """Two compartments by Euler steps over a grid, compared with samples between the grid points; and the AUC."""
    absorption, elimination, volume = np.exp(rates)
    dt = GRID[1] - GRID[0]
    gut, blood = 1.0, 0.0
    curve = np.zeros(len(GRID), like=rates)
    for i in range(1, len(GRID)):
        taken = absorption * gut * dt
        gut, blood = gut - taken, blood + taken - elimination * blood * dt
        curve[i] = blood / volume
    auc = np.trapezoid(curve, GRID)
    return np.sum((np.interp(SAMPLED, GRID, curve) - CONCENTRATIONS) ** 2) + 0.01 * auc


def deconvolution(pulse):
    """Misfit between an echo and a pulse that meets a reflector twice; correlation as a regulariser."""
    predicted = np.convolve(pulse, np.array([1.0, 0.0, 0.6]))
    autocorrelation = np.correlate(pulse, pulse, mode="full")
    return np.sum((predicted - ECHO) ** 2) + 0.01 * np.sum(autocorrelation[len(pulse) :] ** 2)


def biquad(design):
    """Gain in decibels of a digital low-pass filter at three frequencies, from its difference equation."""
    cutoff, q = design
    alpha, cosine = np.sin(cutoff) / (2 * q), np.cos(cutoff)
    b = np.stack([(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2])
    a = np.stack([1 + alpha, -2 * cosine, 1 - alpha])
    z = np.exp(-1j * np.array([0.2, 0.9, 1.8]))
    response = np.polyval(b[::-1], z) / np.polyval(a[::-1], z)
    return np.sum((20 * np.log10(np.abs(response)) - np.array([0.0, -3.0, -30.0])) ** 2)


def beamformer(weights):
    """Power of an array towards a wanted direction over that of noise: a Rayleigh quotient of complex weights."""
    steering = np.exp(1j * np.pi * np.arange(4) * 0.3)
    jammer = np.exp(1j * np.pi * np.arange(4) * -0.5)
    covariance = np.outer(jammer, jammer.conj()) + 0.1 * np.eye(4)
    gain = np.abs(np.vdot(weights, steering)) ** 2
    noise = weights.conj() @ covariance @ weights
    return gain / noise.real


RATES = np.array([0.3, -0.6, 0.1])
PULSE = np.array([0.1, 0.7, 0.4, -0.2, 0.1])
DESIGN = np.array([0.8, 0.9])
ANTENNA = np.array([0.5 + 0.1j, 0.4 - 0.3j, 0.2 + 0.5j, -0.1 + 0.3j])
