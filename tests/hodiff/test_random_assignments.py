"""Random sequences of changes in place, to arrays and to views of them: what NumPy does is what is differentiated."""

import numpy as np
import pytest

import hodiff as hd

X = np.array([0.3, -0.7, 1.1, 0.2])
STEPS = 9


def real_arrays(x):
    return [x.copy(), np.zeros_like(x), np.ones((4, 4), like=x), np.outer(x, x), x[::-1] * 1.0]


def complex_arrays(x):
    z = x + 0.5j * x[::-1]
    made = [z.copy(), np.zeros_like(z), np.ones((4, 4), dtype=complex, like=x), np.outer(z, z.conj())]
    return [*made, z.real, z.imag, z.copy().real, np.zeros_like(x)]


def random_key(generator, shape):
    """A key of any kind that NumPy takes for the shape."""
    if not shape:
        return ()
    n = shape[0]
    keys = [int(generator.integers(-n, n)), slice(1, None), slice(None, None, -1), slice(None, None, 2), Ellipsis]
    keys += [generator.integers(0, n, 2).tolist(), np.arange(n) % 2 == 0, (Ellipsis, 0)]
    if len(shape) == 2:
        m = shape[1]
        i, j = int(generator.integers(n)), int(generator.integers(m))
        keys += [(i, j), (slice(None), j), (slice(1, None), slice(None, None, -1)), (i, slice(None, None, 2))]
        keys += [([0, n - 1], slice(None)), ([0, n - 1], [m - 1, 0]), (slice(0, 2), [0, m - 1])]
        keys += [np.ix_([0, n - 1], [m - 1, 0]), np.tril(np.ones(shape, bool))]
    return keys[generator.integers(len(keys))]


def program(seed, make):
    """A function that changes arrays and views in place, a few times, and adds up what is in them."""

    def f(x):
        generator = np.random.default_rng(seed)
        arrays = make(x)
        for _ in range(STEPS):
            a, b = (arrays[generator.integers(len(arrays))] for _ in range(2))
            key, scalar = random_key(generator, np.shape(a)), np.tanh(np.abs(b).mean())
            match generator.integers(12):
                case 0 | 1:
                    a[key] = np.sin(a[key]) * np.real(b).ravel()[0]
                case 2:
                    a[key] = 0.1 * np.real(b.sum())
                case 3:
                    a[key] += scalar
                case 4:
                    a[key] *= np.cos(scalar)
                case 5 if np.size(a[key]) and np.ndim(a[key]):
                    arrays.append(a[key])
                case 6:
                    arrays.append(a.T)
                case 7:
                    arrays.append(a.reshape(-1))
                case 8:
                    arrays.append(a.copy())
                case 9:
                    np.multiply(a, 0.5 + 0.1 * scalar, out=a)
                case 10:
                    a -= 0.1 * np.tanh(a)
                case 11:
                    np.add.at(a, [0, 0], scalar)
        return sum((i + 1) * np.sum(np.tanh(np.real(a) + np.imag(a) ** 2)) for i, a in enumerate(arrays))

    return f


@pytest.mark.parametrize("make", [real_arrays, complex_arrays], ids=["real", "complex"])
@pytest.mark.parametrize("seed", range(40))
def test_changes_in_place_mean_what_numpy_means(make, seed):
    f, start = program(seed, make), X.copy()
    value, gradient = hd.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-13)
    hd.testing.check_grads(f, (X,), order=1)
    batch = np.stack([X, 1.1 * X])
    expected = np.stack([gradient, hd.grad(f)(batch[1])])
    np.testing.assert_allclose(hd.vmap(hd.grad(f))(batch), expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
    product = hd.hvp(f)(X, X)
    mixed = hd.grad(lambda x: hd.jvp(f, (x,), (X,))[1])(X)
    np.testing.assert_allclose(mixed, product, rtol=1e-9, atol=1e-9 * max(np.abs(product).max(), 1.0))
    np.testing.assert_array_equal(X, start)
