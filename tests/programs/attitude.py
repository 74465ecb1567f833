"""Rotations: quaternions integrated from a gyroscope, Wahba's problem by the SVD, distances on the sphere."""

import numpy as np

GYRO = np.array([[0.1, 0.3, -0.2], [0.2, 0.1, 0.4], [-0.3, 0.2, 0.1], [0.0, -0.1, 0.3]])
CITIES = np.deg2rad(np.array([[52.5, 13.4], [48.9, 2.4], [41.9, 12.5]]))
DISTANCES = np.array([0.138, 0.185, 0.127])


def multiply(q, r):
    scalar = q[0] * r[0] - q[1:] @ r[1:]
    vector = q[0] * r[1:] + r[0] * q[1:] + np.cross(q[1:], r[1:])
    return np.append(scalar, vector)


def drift(bias, dt=0.25):
    """Error of the attitude after a series of small rotations, for a bias of the gyroscope."""
    q = np.array([1.0, 0.0, 0.0, 0.0])
    for rate in GYRO:
        rotation = (rate - bias) * dt
        angle = np.sqrt(rotation @ rotation)
        half = np.append(np.cos(angle / 2), np.sinc(angle / (2 * np.pi)) * rotation / 2)
        q = multiply(q, half)
        q = q / np.linalg.norm(q)
    return 1 - q[0] ** 2 + 0.1 * q[1]


def wahba(directions):
    """Markley's solution of Wahba's problem: the best rotation by a singular value decomposition."""
    reference = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.2], [0.3, 0.0, 1.0]])
    u, _, vt = np.linalg.svd(directions.T @ reference)
    u[:, 2] *= np.linalg.det(u) * np.linalg.det(vt)
    R = u @ vt
    return np.arccos((np.trace(R) - 1) / 2)


def trilateration(place):
    """Great-circle distances by the haversine formula."""
    latitude, longitude = place
    a = np.sin((CITIES[:, 0] - latitude) / 2) ** 2
    a = a + np.cos(latitude) * np.cos(CITIES[:, 0]) * np.sin((CITIES[:, 1] - longitude) / 2) ** 2
    return np.sum((2 * np.arcsin(np.sqrt(a)) - DISTANCES) ** 2)


def spherical_excess(triangle):
    """Area of a spherical triangle from its corners (Van Oosterom & Strackee 1983)."""
    a, b, c = (corner / np.linalg.norm(corner) for corner in triangle)
    volume = a @ np.cross(b, c)
    return 2 * np.arctan2(np.abs(volume), 1 + a @ b + b @ c + c @ a)


BIAS = np.array([0.02, -0.03, 0.01])
MEASURED = np.array([[0.9, 0.3, -0.1], [-0.2, 1.0, 0.3], [0.4, -0.1, 0.9]])
PLACE = np.array([0.87, 0.15])
TRIANGLE = np.array([[1.0, 0.1, 0.2], [0.1, 1.1, -0.2], [0.3, 0.2, 0.9]])
