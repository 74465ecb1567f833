"""``hodiff.numpy``: NumPy's names, and array-API code."""

import numpy as np
import pytest

import hodiff as hd
import hodiff.numpy as hnp
from hodiff.core import Tracer

X = np.array([0.5, 1.5, 2.0])


def test_every_name_of_numpy_is_there():
    missing = [name for name in np.__all__ if not hasattr(hnp, name)]
    assert missing == []
    assert set(np.__all__) <= set(dir(hnp))
    assert hnp.linalg is np.linalg
    assert hnp.sum is np.sum
    assert hnp.float64 is np.float64
    with pytest.raises(AttributeError, match="since numpy has none"):
        _ = hnp.no_such_name


def build(x):
    y = hnp.zeros((2, 3), dtype=x.dtype)
    y[0] = x**2
    z = hnp.full(3, x[0])
    z[1] *= x[2]
    w = hnp.array([[x[0], 1.0], [x[1] * x[2], x[2]]])
    u = hnp.empty_like(np.zeros(3))
    u[:] = x[::-1]
    v = hnp.copy(np.ones(3))
    v[2] = x[0]
    e = hnp.eye(3)
    e[0, 1] = x[1]
    r = hnp.r_[x, 2.0, 0:2, w[0]]
    c = hnp.c_[x, z]
    return np.sum(y @ z) + np.linalg.det(w) + np.sum(u * v) + np.sum(e @ x) + np.sum(r**3) + np.sum(c[:, 1] * c[:, 0])


def test_arrays_that_take_traced_values():
    assert isinstance(build(X), float)
    hd.testing.check_grads(build, (X,))
    np.testing.assert_allclose(hd.vmap(build)(np.stack([X, 2 * X])), [build(X), build(2 * X)])


def test_plain_data_stay_plain():
    for convert in (hnp.asarray, hnp.asanyarray, hnp.ascontiguousarray, hnp.asfortranarray, hnp.asarray_chkfinite):
        assert type(convert([1.0, 2.0])) is np.ndarray
    assert type(hnp.zeros(3, dtype=int)) is np.ndarray
    assert type(hnp.arange(3)) is np.ndarray
    np.testing.assert_array_equal(hnp.r_[1:4, 0], np.r_[1:4, 0])
    np.testing.assert_array_equal(hnp.c_[X, X], np.c_[X, X])
    np.testing.assert_array_equal(np.asarray(hnp.zeros(2)), [0.0, 0.0])


def test_converters_keep_derivatives():
    def f(x):
        parts = [convert([x[0], 2.0]) for convert in (hnp.asarray, hnp.asanyarray, hnp.ascontiguousarray)]
        return np.sum(sum(parts) * hnp.asarray_chkfinite(x[:2]))

    hd.testing.check_grads(f, (X,))
    with pytest.raises(ValueError, match="infs or NaNs"):
        hd.grad(lambda x: np.sum(hnp.asarray_chkfinite(x * np.array([1.0, np.inf, 1.0]))))(X)


def test_index_tricks_refuse_directives_with_traced_values():
    with pytest.raises(TypeError, match="directive"):
        hd.grad(lambda x: np.sum(hnp.r_["0,2", x]))(X)


def standard(x):
    """Written for the array API standard: no name of NumPy."""
    xp = x.__array_namespace__()
    y = xp.asarray([x[0], x[1], 3.0], dtype=xp.float64)
    a = xp.linalg.outer(y, x) + xp.eye(3)
    z = xp.concat([xp.exp(-y), xp.permute_dims(a, (1, 0))[0, :], xp.zeros(2)])
    z = xp.where(z > xp.mean(z), z, xp.zeros_like(z)) / xp.astype(xp.arange(1, z.shape[0] + 1), x.dtype)
    return xp.sum(z) + xp.std(a, correction=1.0) + xp.vecdot(x, y) + xp.linalg.vector_norm(x) + xp.linalg.det(a)


def test_array_api_code_differentiates():
    hd.testing.check_grads(standard, (X,))
    np.testing.assert_allclose(
        hd.vmap(hd.grad(standard))(np.stack([X, X + 1])), [hd.grad(standard)(x) for x in (X, X + 1)]
    )


def test_the_namespace_of_a_traced_value():
    seen = []
    hd.grad(lambda x: seen.append((isinstance(x, Tracer), x.__array_namespace__(api_version="2023.12"))) or x[0])(X)
    assert seen == [(True, hnp)]
    with pytest.raises(ValueError, match=r"[Vv]ersion"):
        hd.grad(lambda x: x.__array_namespace__(api_version="1999.1") and x[0])(X)
