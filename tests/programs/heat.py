"""Finite differences in time, in place: the heat equation, shallow water, and a reaction with diffusion."""

import numpy as np

TARGET = np.array([0.0, 0.1, 0.3, 0.6, 0.8, 0.6, 0.3, 0.0])


def inverse_heat(start, steps=15, courant=0.4):
    """Misfit of the temperature after some explicit steps; the ends are held at zero."""
    u = start.copy()
    for _ in range(steps):
        u[0] = u[-1] = 0.0
        u[1:-1] += courant * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum((u - TARGET) ** 2)


def shallow_water(height, steps=12, dt=0.02, g=9.81):
    """Energy that leaves through the right wall: Lax–Friedrichs for height and momentum, ghost cells at the walls."""
    n = len(height)
    dx = 1.0 / n
    h = np.zeros(n + 2, like=height)
    q = np.zeros_like(h)
    h[1:-1] = height
    flux = np.empty((2, n + 2), like=height)
    lost = 0.0
    for _ in range(steps):
        h[0], h[-1] = h[1], h[-2]
        q[0], q[-1] = -q[1], 0.0
        flux[0] = q
        flux[1] = q**2 / h + 0.5 * g * h**2
        h[1:-1] = 0.5 * (h[:-2] + h[2:]) - dt / (2 * dx) * (flux[0, 2:] - flux[0, :-2])
        q[1:-1] = 0.5 * (q[:-2] + q[2:]) - dt / (2 * dx) * (flux[1, 2:] - flux[1, :-2])
        lost += dt * q[-2] ** 2 / h[-2]
    return lost + np.ptp(h[1:-1])


def gray_scott(fields, steps=6):
    """Gray & Scott's reaction on a torus, with `np.roll`; species are the two fields of one array."""
    w = fields.copy()
    u, v = w  # views: what is added to them is added to w
    for _ in range(steps):
        laplacian = sum(np.roll(w, s, axis=a) for s in (1, -1) for a in (1, 2)) - 4 * w
        reaction = u * v**2
        u += 0.16 * laplacian[0] - reaction + 0.035 * (1 - u)
        v += 0.08 * laplacian[1] + reaction - 0.1 * v
    return np.sum(w[1] ** 2) + w[0].var()


HEIGHT = np.array([1.5, 1.4, 1.2, 1.0, 0.9, 0.95])
FIELDS = np.stack(
    [1.0 - 0.3 * np.cos(np.arange(9.0)).reshape(3, 3) ** 2, 0.3 * np.sin(np.arange(9.0)).reshape(3, 3) ** 2]
)
START = np.array([0.3, 0.2, 0.7, 0.9, 0.4, 0.8, 0.1, 0.5])
