"""Modified Cholesky factorisation and the curvature test."""

import numpy as np
import pytest

from optimizers.linear import (
    cholesky,
    cholesky_solve,
    has_negative_curvature,
    modified_cholesky,
    shifted_cholesky,
)


def symmetric(rng, spectrum):
    Q = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))[0]
    H = Q @ np.diag(spectrum) @ Q.T
    return 0.5 * (H + H.T)


def dense(factor):
    """The matrix that a factorisation stands for."""
    LQ = factor.lower @ factor.basis
    H = np.empty_like(LQ)
    H[np.ix_(factor.order, factor.order)] = LQ @ np.diag(factor.values) @ LQ.T
    return H


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("seed", range(5))
def test_definite_matrices_are_not_modified(n, seed):
    rng = np.random.default_rng(seed)
    H = symmetric(rng, rng.uniform(0.5, 3.0, n))
    factor = modified_cholesky(H)
    assert not factor.modified
    assert factor.negative_curvature is None
    np.testing.assert_allclose(dense(factor), H, atol=1e-12)
    b = rng.normal(size=n)
    np.testing.assert_allclose(H @ factor.solve(b), b, atol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("seed", range(5))
def test_indefinite_matrices_become_definite(n, seed):
    rng = np.random.default_rng(seed)
    spectrum = rng.normal(size=n)
    spectrum[0] = -1.0
    H = symmetric(rng, spectrum)
    factor = modified_cholesky(H)
    assert factor.modified
    positive = dense(factor)
    assert cholesky(0.5 * (positive + positive.T)) is not None
    b = rng.normal(size=n)
    np.testing.assert_allclose(positive @ factor.solve(b), b, atol=1e-8)
    down = factor.negative_curvature
    assert down @ H @ down < 0.0


@pytest.mark.parametrize("H", [np.zeros((3, 3)), np.diag([1.0, 0.0]), np.diag([1e8, -1e-8]), [[0.0, 1.0], [1.0, 0.0]]])
def test_degenerate_matrices(H):
    H = np.asarray(H)
    step = modified_cholesky(H).solve(np.ones(len(H)))
    assert np.isfinite(step).all()
    assert step @ np.ones(len(H)) > 0.0


@pytest.mark.parametrize(
    "H, answer",
    [
        (np.eye(2), False),
        (np.zeros((2, 2)), False),
        (np.diag([1.0, 0.0]), False),
        (np.diag([1.0, -1e-12]), True),  # its own scale: 1e-12 is all there is in that unknown
        (np.array([[1.0, 1.0], [1.0, 1.0 - 1e-15]]), False),  # singular up to round-off
        (np.array([[0.0, 1.0], [1.0, 0.0]]), True),
        (np.diag([1e12, -1.0]), True),
        (np.array([[-1.0]]), True),
    ],
)
def test_negative_curvature(H, answer):
    assert has_negative_curvature(H) is answer


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_modified_cholesky_at_any_scale(scale):
    H = np.array([[0.0, 1.0], [1.0, 0.0]])
    factor = modified_cholesky(scale * H)
    d = factor.negative_curvature
    assert d @ H @ d < 0.0
    np.testing.assert_allclose(scale * factor.solve(np.ones(2)), modified_cholesky(H).solve(np.ones(2)))


def test_shifted_cholesky():
    rng = np.random.default_rng(3)
    H = symmetric(rng, np.array([-1.0, 0.5, 2.0]))
    before = H.copy()
    assert shifted_cholesky(H, 0.5) is None
    factor = shifted_cholesky(H, 1.5)
    lower = np.tril(factor)
    np.testing.assert_allclose(lower @ lower.T, H + 1.5 * np.eye(3), atol=1e-14)
    np.testing.assert_array_equal(H, before)
    np.testing.assert_allclose((H + 1.5 * np.eye(3)) @ cholesky_solve(factor, np.ones(3)), 1.0)


@pytest.mark.parametrize("place", [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2)])
def test_cholesky_sees_every_nan(place):
    """LAPACK need not."""
    H = 3.0 * np.eye(3)
    H[place] = H[place[::-1]] = np.nan
    assert cholesky(H) is None
    assert shifted_cholesky(H, 1.0) is None
