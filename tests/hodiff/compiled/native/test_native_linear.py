"""Linear algebra in programs as native code: values and derivatives of NumPy code, and its errors."""

from itertools import product

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled.native.loading.machine import reason

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))


def symmetric(a):
    return a @ a.mT + np.eye(a.shape[-1])


FUNCTIONS = {
    "solve": lambda a, b: np.sum(np.linalg.solve(a, b) ** 2),
    "solve of a transpose": lambda a, b: np.sum(np.linalg.solve(a.mT, b) ** 2),
    "solve by a triangle": lambda a, b: np.sum(np.linalg.solve(np.linalg.cholesky(symmetric(a)), b) ** 2),
    "inverse": lambda a, b: np.sum(np.linalg.inv(a) @ b),
    "inverse of a part": lambda a, b: np.sum(np.linalg.inv(a[..., 1:, 1:]) @ b[..., 1:, :]),
    "determinant": lambda a, b: np.sum(np.linalg.det(a)),
    "logarithm of a determinant": lambda a, b: np.sum(np.linalg.slogdet(a)[1]),
    "cholesky": lambda a, b: np.sum(np.linalg.cholesky(symmetric(a)) @ b),
    "eigenvalues": lambda a, b: np.sum(np.linalg.eigh(symmetric(a)).eigenvalues[..., None] * b),
    "eigenvectors": lambda a, b: np.sum((np.linalg.eigh(symmetric(a)).eigenvectors @ b) ** 3),
    "singular values": lambda a, b: np.sum(np.linalg.svd(a)[1][..., None] * b),
    "triangle": lambda a, b: np.sum(np.linalg.qr(a).R @ b),
}


# Few, and so many that small ones are computed in registers; large ones all go to LAPACK, one after the other.
@pytest.mark.parametrize("n, leading", [(1, ()), (1, (20,)), *product((3, 4), ((), (3,), (20,))), (30, ()), (30, (3,))])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name, n, leading):
    if name == "inverse of a part" and n == 1:
        return
    rng = np.random.default_rng([n, *leading])
    function = FUNCTIONS[name]
    a, b = rng.standard_normal((*leading, n, n)) + 3 * np.sqrt(n) * np.eye(n), rng.standard_normal((*leading, n, 1))
    value, gradient = hd.value_and_grad(function)(a, b)
    compiled = hd.jit(hd.value_and_grad(function), backend="native")
    for _ in range(2):
        found, slope = compiled(a, b)
        np.testing.assert_allclose(found, value, rtol=1e-11)
        np.testing.assert_allclose(slope, gradient, rtol=1e-8, atol=1e-10 * np.abs(gradient).max())


def test_it_is_native():
    a, b = np.eye(3) + 0.1, np.ones((3, 1))
    for name in ("solve", "inverse", "determinant", "cholesky", "eigenvectors"):
        compiled = hd.jit(FUNCTIONS[name], backend="native")
        compiled(a, b)
        text = str(compiled.lower(a, b))
        assert "define i32 @kernel" in text
        assert not [line for line in text.splitlines() if line.startswith("; ")]


@pytest.mark.parametrize("n", [2, 30])
def test_errors_are_those_of_numpy(n):
    regular, singular = np.eye(n), np.zeros((n, n))
    for function in (np.linalg.inv, np.linalg.cholesky, lambda a: np.linalg.solve(a, np.ones((n, 1)))):
        compiled = hd.jit(function, backend="native")
        np.testing.assert_array_equal(compiled(regular), function(regular))
        with pytest.raises(np.linalg.LinAlgError):
            compiled(singular)
        np.testing.assert_array_equal(compiled(regular), function(regular))


def test_zeros_infinities_and_warnings_of_determinants():
    compiled = hd.jit(np.linalg.det, backend="native")
    assert compiled(np.eye(3)) == 1.0
    assert compiled(np.zeros((3, 3))) == 0.0
    assert compiled(np.diag([1e200, 1e200, 1e-300])) == pytest.approx(1e100)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert compiled(np.diag([1e200, 1e200, 1.0])) == np.inf


def test_single_precision_is_computed_in_double():
    rng = np.random.default_rng(5)
    a = (rng.standard_normal((8, 8)) + 8 * np.eye(8)).astype(np.float32)
    for function in (np.linalg.inv, np.linalg.det, lambda a: np.linalg.eigh(a @ a.T).eigenvectors):
        found, expected = hd.jit(function, backend="native")(a), function(a)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


#: Whose answers are, in part, no numbers: in which part, NumPy's LAPACK says.
UNDEFINED = {
    "solve": np.linalg.solve,
    "solve by a triangle that is found": lambda a, b: np.linalg.solve(np.tril(a), b),
    "inverse": lambda a, b: np.linalg.inv(a),
    "inverse of a triangle that is found": lambda a, b: np.linalg.inv(np.triu(a)),
    "cholesky": lambda a, b: np.linalg.cholesky(symmetric(a)),
    "solve by a factor": lambda a, b: np.linalg.solve(np.linalg.cholesky(symmetric(a)), b),
    "inverse of a factor": lambda a, b: np.linalg.inv(np.linalg.cholesky(symmetric(a))),
}


# In registers, by LAPACK, and where triangles are looked for.
@pytest.mark.parametrize("n, leading", [(2, ()), (3, ()), (4, (20,)), (5, ()), (26, ())])
@pytest.mark.parametrize("name", UNDEFINED)
@pytest.mark.filterwarnings("ignore:invalid value encountered in matmul")
def test_what_is_not_finite_is_left_to_numpy(name, n, leading):
    rng = np.random.default_rng([n, *leading])
    function = UNDEFINED[name]
    compiled = hd.jit(function, backend="native")
    for number in [np.nan, np.inf, -np.inf] * 5:
        a, b = rng.standard_normal((*leading, n, n)) + 3 * np.sqrt(n) * np.eye(n), rng.standard_normal((*leading, n, 2))
        i, j = rng.integers(n, size=2)
        a[..., i, j] = number
        try:
            expected = function(a, b)
        except np.linalg.LinAlgError as error:
            with pytest.raises(np.linalg.LinAlgError, match=str(error)):
                compiled(a, b)
        else:
            np.testing.assert_allclose(compiled(a, b), expected, rtol=1e-10, atol=1e-12)
