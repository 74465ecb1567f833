"""Magnetisation of a small Ising lattice: mean-field iteration, and the exact sum over all states."""

import itertools

import numpy as np

BONDS = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]], dtype=float)
STATES = np.array(list(itertools.product([-1.0, 1.0], repeat=4)))


def mean_field_energy(parameters):
    """Bethe–Weiss free energy at the self-consistent magnetisation m = tanh(β (J m + h))."""
    coupling, field, beta = parameters["J"], parameters["h"], parameters["beta"]
    m = np.tanh(field)
    change, steps = 1.0, 0
    while change > 1e-13 and steps < 200:
        updated = 0.5 * m + 0.5 * np.tanh(beta * (coupling * BONDS @ m + field))
        change = np.abs(updated - m).max()
        m = updated
        steps += 1
    entropy = -np.sum((1 + m) / 2 * np.log((1 + m) / 2) + (1 - m) / 2 * np.log((1 - m) / 2))
    return -0.5 * coupling * m @ BONDS @ m - field @ m - entropy / beta


def exact_free_energy(parameters):
    """-log Z / β over all sixteen states, and the magnetisation that belongs to it."""
    beta = parameters["beta"]
    pairs = np.einsum("si,ij,sj->s", STATES, BONDS, STATES) / 2
    energies = -parameters["J"] * pairs - STATES @ parameters["h"]
    lowest = energies.min()
    weights = np.exp(-beta * (energies - lowest))
    magnetisation = weights @ STATES / weights.sum()
    return lowest - np.log(weights.sum()) / beta + 0.1 * magnetisation.mean()


LATTICE = {"J": 0.3, "h": np.array([0.2, -0.1, 0.4, 0.3]), "beta": 0.7}
