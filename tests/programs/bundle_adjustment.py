"""Reprojection error in the parameters of Agarwal et al., Bundle Adjustment in the Large, 2010."""

import numpy as np

OBSERVED = np.array([[0.11, -0.02], [0.25, 0.14], [-0.13, 0.20], [0.02, -0.21]])


def rotate(points, rodrigues):
    """Rotation about an axis, by an angle that is the length of the vector (Rodrigues' formula)."""
    theta = np.linalg.norm(rodrigues)
    if theta < 1e-12:
        return points + np.cross(rodrigues, points)
    axis = rodrigues / theta
    along = np.dot(points, axis)[:, np.newaxis] * axis
    return np.cos(theta) * points + np.sin(theta) * np.cross(axis, points) + (1 - np.cos(theta)) * along


def project(points, camera):
    moved = rotate(points, camera[:3]) + camera[3:6]
    flat = -moved[:, :2] / moved[:, 2, np.newaxis]
    focal, k1, k2 = camera[6:]
    r2 = np.sum(flat**2, axis=1)
    distortion = 1 + k1 * r2 + k2 * r2**2
    return flat * (distortion * focal)[:, np.newaxis]


def reprojection_error(scene):
    residuals = (project(scene["points"], scene["camera"]) - OBSERVED).ravel()
    return 0.5 * np.sum(np.log1p(residuals**2 / 0.1**2))


POINTS = np.array([[0.2, 0.1, 1.0], [-0.4, -0.3, 1.4], [0.3, -0.5, 0.8], [0.0, 0.4, 1.2]])
SCENE = {"points": POINTS, "camera": np.array([0.1, -0.2, 0.05, 0.02, 0.1, -3.0, 1.1, 0.05, -0.01])}
# Before the first step the camera is not turned: the branch for small angles.
UNTURNED = {"points": POINTS, "camera": np.array([0.0, 0.0, 0.0, 0.02, 0.1, -3.0, 1.1, 0.05, -0.01])}
