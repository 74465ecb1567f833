"""Angular momentum: Wigner's rotation matrices, spherical harmonics, a spin in a field (Edmonds 1957)."""

import numpy as np
from scipy import special

SPIN_Y = np.array([[0, -1j, 0], [1j, 0, -1j], [0, 1j, 0]]) / np.sqrt(2)
SPIN_Z = np.diag(np.array([1.0, 0.0, -1.0]))


def wigner_small_d(j, m1, m2, beta):
    """Wigner's sum."""
    c, s, total = np.cos(beta / 2), np.sin(beta / 2), 0.0
    for k in range(max(0, m2 - m1), min(j + m2, j - m1) + 1):
        below = np.prod(special.factorial(np.array([j + m2 - k, k, m1 - m2 + k, j - m1 - k])))
        total = total + (-1.0) ** (m1 - m2 + k) * c ** (2 * j + m2 - m1 - 2 * k) * s ** (m1 - m2 + 2 * k) / below
    return np.sqrt(np.prod(special.factorial(np.array([j + m1, j - m1, j + m2, j - m2])))) * total


def overlap(angles):
    """Of a state of spin two with its rotated self, by Euler angles."""
    alpha, beta, gamma = angles
    state = np.array([0.5, 0.1, 0.6, -0.3, 0.4])
    rows = []
    for m1 in range(-2, 3):
        row = [np.exp(-1j * (m1 * alpha + m2 * gamma)) * wigner_small_d(2, m1, m2, beta) for m2 in range(-2, 3)]
        rows.append(np.stack(row))
    return np.abs(state @ np.stack(rows) @ state) ** 2


def quadrupole(charges):
    """Energy from the moments of charges on a sphere, by recurrences for the harmonics."""
    theta, phi = charges
    z, s = np.cos(theta), np.sin(theta)
    legendre = {(0, 0): np.ones_like(z)}
    for m in range(1, 3):
        legendre[m, m] = -(2 * m - 1) * s * legendre[m - 1, m - 1]
    for m in range(2):
        legendre[m + 1, m] = (2 * m + 1) * z * legendre[m, m]
    legendre[2, 0] = (3 * z * legendre[1, 0] - legendre[0, 0]) / 2
    moments = [np.sum(legendre[2, m] * np.exp(1j * m * phi)) for m in range(3)]
    return sum(np.abs(q) ** 2 / (m + 1) for m, q in enumerate(moments))


def rabi(pulse):
    """Population after two pulses: the propagator is the exponential of a Hermitian matrix."""
    state = np.array([1.0 + 0j, 0.0, 0.0])
    for detuning, strength in pulse:
        energies, vectors = np.linalg.eigh(detuning * SPIN_Z + strength * SPIN_Y)
        state = vectors @ (np.exp(-1j * energies) * (vectors.conj().T @ state))
    return abs(state[2]) ** 2


EULER = np.array([0.4, 0.9, -0.3])
CHARGES = np.array([[0.3, 1.2, 2.1, 1.6], [0.1, 2.0, -1.4, 0.7]])
PULSE = np.array([[0.5, 0.8], [-0.3, 1.1]])
