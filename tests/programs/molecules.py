"""Energies of clusters of atoms: Lennard-Jones (1924), and one with angles and torsions as in a force field."""

import numpy as np


def lennard_jones(positions):
    """The energy of a cluster, all pairs at once."""
    i, j = np.triu_indices(len(positions), k=1)
    d2 = ((positions[i] - positions[j]) ** 2).sum(axis=1)
    inverse6 = d2**-3
    return 4.0 * np.sum(inverse6 * (inverse6 - 1.0))


def lennard_jones_with_cutoff(positions, cutoff=1.6):
    """Pair by pair, as in a textbook, leaving out what is far away."""
    energy = 0.0
    for a in range(len(positions)):
        for b in range(a):
            r = np.sqrt(np.sum(np.square(positions[a] - positions[b])))
            if r > cutoff:
                continue
            energy += 4 * (r**-12 - r**-6) - 4 * (cutoff**-12 - cutoff**-6)
    return energy


def butane(positions):
    """Bonds, angles and the torsion of a chain of four."""
    bonds = positions[1:] - positions[:-1]
    lengths = np.linalg.norm(bonds, axis=1)
    u = bonds / lengths[:, None]
    angles = np.arccos(-(u[:-1] * u[1:]).sum(axis=1))
    n1, n2 = np.cross(bonds[0], bonds[1]), np.cross(bonds[1], bonds[2])
    torsion = np.arctan2(np.dot(np.cross(n1, n2), u[1]), np.dot(n1, n2))
    stretch = 100 * np.sum((lengths - 1.5) ** 2)
    bend = 40 * np.sum((angles - np.deg2rad(112.0)) ** 2)
    twist = 1.5 * (1 + np.cos(3 * torsion)) + 0.4 * (1 - np.cos(torsion))
    return stretch + bend + twist


CLUSTER = np.array([[0.0, 0.0, 0.0], [1.1, 0.1, 0.0], [0.5, 1.0, -0.1], [0.6, 0.3, 0.95], [1.7, 0.9, 0.6]])
CHAIN = np.array([[0.0, 0.1, 0.0], [1.4, 0.0, 0.2], [2.0, 1.4, 0.1], [3.3, 1.5, 0.9]])
