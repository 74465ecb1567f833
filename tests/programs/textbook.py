"""Textbook linear algebra, in place (Golub & Van Loan, Matrix Computations, 2013)."""

import numpy as np

RIGHT = np.array([1.0, -0.5, 0.8])


def lu_log_determinant(matrix):
    """Gaussian elimination with rows exchanged for the greatest pivot."""
    A = matrix.copy()
    n = len(A)
    for k in range(n - 1):
        p = k + np.argmax(np.abs(A[k:, k]))
        A[[k, p]] = A[[p, k]]
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return np.log(np.abs(np.diag(A))).sum()


def gram_schmidt(matrix):
    """The modified process; the sum of what it makes, weighted so that it depends on the matrix."""
    Q = np.zeros_like(matrix)
    for i, row in enumerate(matrix):
        v = row.copy()
        for q in Q[:i]:
            v -= (q @ v) * q
        Q[i] = v / np.linalg.norm(v)
    return np.sum(Q * np.arange(1.0, Q.size + 1).reshape(Q.shape))


def householder(matrix):
    """Trace of the triangle of a QR factorisation by reflections."""
    R = matrix.T.copy()
    for k in range(R.shape[1]):
        v = R[k:, k].copy()
        v[0] += np.copysign(np.linalg.norm(v), v[0])
        v /= np.linalg.norm(v)
        R[k:] -= 2.0 * np.outer(v, v @ R[k:])
    return np.abs(np.diag(R)).sum() + R[0, 1]


def gauss_seidel(matrix):
    """Sweeps until the solution stands still, each element with those before it already new."""
    A = matrix @ matrix.T + 2.0 * np.eye(3)
    x = np.zeros(3, like=A)
    for _ in range(40):
        before = x.copy()
        for i in range(3):
            x[i] = (RIGHT[i] - A[i, :i] @ x[:i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
        if np.max(np.abs(x - before)) < 1e-12:
            break
    return x @ x


def jacobi_rotations(matrix):
    """Greatest eigenvalue of a symmetric matrix by cyclic rotations."""
    A = matrix @ matrix.T
    for _ in range(4):
        for p, q in ((0, 1), (0, 2), (1, 2)):
            if abs(A[p, q]) < 1e-12:
                continue
            theta = 0.5 * np.arctan2(2 * A[p, q], A[q, q] - A[p, p])
            c, s = np.cos(theta), np.sin(theta)
            J = np.eye(3, like=A)
            J[[p, q], [p, q]] = c
            J[p, q], J[q, p] = s, -s
            A = J.T @ A @ J
    return A.diagonal().max()


MATRIX = np.array([[0.9, 0.2, -0.3, 0.4], [1.6, 0.5, 0.1, -0.2], [0.3, 0.8, 1.4, 0.6]])
SQUARE = MATRIX[:, :3]
