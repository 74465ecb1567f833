"""Points at which other libraries give a wrong derivative, NaN or an error: here the right value, or a typed refusal.

A row for each pitfall known of HIPS autograd and JAX that concerns NumPy or ``scipy.special``: where it is a kink, the
value is the minimum-norm element of the Clarke subdifferential.
"""

import threading

import numpy as np
import pytest
import scipy.special as sp

import hodiff as hd
from hodiff import errors
from hodiff.scipy.special import logsumexp

INF, NAN, PI = np.inf, np.nan, np.pi
ROW = np.array([1.0, 2.0, 3.0])
GRID = np.arange(1.0, 7.0).reshape(2, 3)
MASK = np.array([[True, False, True], [False, True, True]])
WEIGHTS = np.array([[0.3, -1.0, 2.0], [0.7, 0.1, -0.4]])


def twice(f):
    return hd.grad(hd.grad(f))


def thrice(f):
    return hd.grad(twice(f))


# What the row is about: a function of the point that gives a number or array, the point, and what it must be.
VALUES = {
    "x**0 at 0, int exponent": (hd.grad(lambda x: x**0), 0.0, 0.0),
    "x**0. at 0, float exponent": (hd.grad(lambda x: x**0.0), 0.0, 0.0),
    "x**0. at 0, second derivative": (twice(lambda x: x**0.0), 0.0, 0.0),
    "3rd derivative of x**2. at 0": (thrice(lambda x: x**2.0), 0.0, 0.0),
    "0**y wrt y at 2": (hd.grad(lambda y: np.power(0.0, y)), 2.0, 0.0),
    "(-2)**y wrt y": (hd.grad(lambda y: np.power(-2.0, y)), 2.0, NAN),
    "x**0.5 higher order at 4": (thrice(lambda x: x**0.5), 4.0, 0.375 * 4.0**-2.5),
    "sqrt at 0, Python float": (hd.grad(np.sqrt), 0.0, INF),
    "x**0.5 at 0, Python float": (hd.grad(lambda x: x**0.5), 0.0, INF),
    "x log x at 0": (hd.grad(lambda x: sp.xlogy(x, x)), 0.0, -INF),
    "xlogy(0, 3) wrt x": (hd.grad(lambda x: sp.xlogy(x, 3.0)), 0.0, np.log(3.0)),
    "xlogy(0, 3) wrt y": (hd.grad(lambda y: sp.xlogy(0.0, y)), 3.0, 0.0),
    "entr(0)": (hd.grad(sp.entr), 0.0, INF),
    "abs at 0, real": (hd.grad(np.abs), 0.0, 0.0),
    "abs at 0, complex": (hd.grad(np.abs), 0j, 0.0),
    "max ties": (hd.grad(np.max), [1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),
    "maximum(x, 0) at 0": (hd.grad(lambda x: np.maximum(x, 0.0)), 0.0, 0.5),
    "maximum with a NaN operand": (hd.grad(lambda x: np.maximum(x, NAN)), 1.0, NAN),
    "clip at the bound": (hd.grad(lambda x: np.clip(x, 1.0, 2.0)), 1.0, 0.5),
    "norm at 0": (hd.grad(np.linalg.norm), [0.0, 0.0], [0.0, 0.0]),
    "norm squared at 0": (hd.grad(lambda x: np.linalg.norm(x) ** 2), [0.0, 0.0], [0.0, 0.0]),
    "norm ord=inf": (hd.grad(lambda x: np.linalg.norm(x, ord=INF)), [1.0, 2.0], [0.0, 1.0]),
    "norm keepdims": (hd.grad(lambda x: np.sum(np.linalg.norm(x, keepdims=True))), [3.0, 4.0], [0.6, 0.8]),
    "hypot(0, 0)": (lambda x: hd.grad(np.hypot, (0, 1))(x, x), 0.0, [0.0, 0.0]),
    "arctan2(1e-200, 1e-200)": (lambda x: hd.grad(np.arctan2, (0, 1))(x, x), 1e-200, [5e199, -5e199]),
    "where(x > 0, log x, 0) at 0": (hd.grad(lambda x: np.where(x > 0, np.log(x), 0.0)), 0.0, 0.0),
    "where, forward, Python float": (
        lambda x: hd.jvp(lambda v: np.where(v > 0, np.log(v), 0.0), (x,), (1.0,))[1],
        0.0,
        0.0,
    ),
    "where with a scalar branch": (hd.grad(lambda s: np.sum(np.where(MASK, s, GRID))), 2.0, 4.0),
    "where with a row": (hd.grad(lambda r: np.sum(np.where(MASK, r, GRID) * WEIGHTS)), ROW, [0.3, 0.1, 1.6]),
    "sinc at 0": (hd.grad(np.sinc), 0.0, 0.0),
    "sinc at 0, second derivative": (twice(np.sinc), 0.0, -(PI**2) / 3),
    "sinc at 0, third derivative": (thrice(np.sinc), 0.0, 0.0),
    "sinc near 0": (hd.grad(np.sinc), 1e-9, -(PI**2) / 3 * 1e-9),
    "logaddexp(-inf, -inf)": (lambda x: hd.grad(np.logaddexp, (0, 1))(x, x), -INF, [0.5, 0.5]),
    "logaddexp(inf, inf)": (lambda x: hd.grad(np.logaddexp, (0, 1))(x, x), INF, [0.5, 0.5]),
    "logsumexp, one -inf": (hd.grad(logsumexp), [-INF, 1.0], [0.0, 1.0]),
    "logsumexp, one +inf": (hd.grad(logsumexp), [INF, 1.0], [1.0, 0.0]),
    "log1p(exp(1000)) as logaddexp": (hd.grad(lambda x: np.logaddexp(0.0, x)), 1000.0, 1.0),
    "expit'(40)": (hd.grad(sp.expit), 40.0, 4.248354255291589e-18),
    "tanh'(1000)": (hd.grad(np.tanh), 1000.0, 0.0),
    "gamma distribution at x = a = 200": (
        hd.grad(lambda x: sp.gammainc(200.0, x)),
        200.0,
        np.exp(199 * np.log(200.0) - 200.0 - sp.gammaln(200.0)),
    ),
    "beta distribution at a = b = 1000": (
        hd.grad(lambda x: sp.betainc(1000.0, 1000.0, x)),
        0.5,
        np.exp(1998 * np.log(0.5) - sp.betaln(1000.0, 1000.0)),
    ),
    "prod with a zero": (hd.grad(np.prod), [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    "prod with two zeros": (hd.grad(np.prod), [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    "cumprod with a zero": (hd.grad(lambda x: np.sum(np.cumprod(x))), [2.0, 0.0, 3.0], [1.0, 8.0, 0.0]),
    "std of constants": (hd.grad(np.std), [2.0, 2.0], [0.0, 0.0]),
    "std of one number": (hd.grad(np.std), [2.0], [0.0]),
    "sort of a matrix": (hd.grad(lambda x: np.sum(np.sort(x, axis=1) * WEIGHTS[:, ::-1])), -GRID, WEIGHTS),
    "einsum ii->": (hd.grad(lambda x: np.einsum("ii->", x)), np.ones((2, 2)), np.eye(2)),
    "einsum ii->i": (hd.grad(lambda x: np.sum(np.einsum("ii->i", x))), np.ones((2, 2)), np.eye(2)),
    "einsum ellipsis, optimize": (
        hd.grad(lambda x: np.sum(np.einsum("...i,i", x, ROW, optimize=True))),
        GRID,
        np.tile(ROW, (2, 1)),
    ),
    "a traced keyword": (hd.grad(lambda x: np.sum(np.clip(GRID, 0.0, a_max=x))), 2.5, 4.0),
    "gradient wrt a keyword": (lambda x: hd.grad(lambda *, w: w**2, argnames="w")(w=x), 3.0, 6.0),
    "duplicate indices": (hd.grad(lambda x: np.sum(x[[0, 0, 1]])), [1.0, 1.0, 1.0], [2.0, 1.0, 0.0]),
    "broadcasting (3, 1) + (4,)": (
        hd.grad(lambda x: np.sum((x[:, None] + np.ones(4)) * np.arange(4.0))),
        ROW,
        [6.0, 6.0, 6.0],
    ),
    "complex gradient of abs(z)**2": (hd.grad(lambda z: np.abs(z) ** 2), 1 + 2j, 2 - 4j),
    "eigenvalues, degenerate": (hd.grad(lambda a: np.sum(np.linalg.eigh(a)[0])), np.eye(2), np.eye(2)),
    "U and V of the identity unused": (
        hd.grad(lambda a: np.sum(np.linalg.svd(a)[1] * 1.0)),
        np.eye(2),
        np.eye(2),
    ),
    "det of a singular matrix": (hd.grad(np.linalg.det), np.diag([0.0, 2.0]), np.diag([2.0, 0.0])),
    "det, corank 2": (hd.grad(np.linalg.det), np.zeros((2, 2)), np.zeros((2, 2))),
    "empty sum": (hd.grad(np.sum), np.zeros(0), np.zeros(0)),
    "Jacobian of x[:0]": (hd.jacobian(lambda x: x[:0]), ROW, np.zeros((0, 3))),
    "non-contiguous": (hd.grad(lambda x: np.sum(x * x)), GRID[::-1, ::2], 2 * GRID[::-1, ::2]),
    # --- keywords that were accepted and ignored
    "sum(where=)": (hd.grad(lambda x: np.sum(x, where=MASK)), GRID, MASK * 1.0),
    "mean(where=)": (hd.grad(lambda x: np.mean(x, where=MASK)), GRID, MASK / 4.0),
    "prod(where=)": (hd.grad(lambda x: np.prod(x, where=MASK)), GRID, np.where(MASK, 90.0 / GRID, 0.0)),
    "var(where=)": (hd.grad(lambda x: np.var(x, where=MASK)), GRID, np.where(MASK, (GRID - 3.75) / 2, 0.0)),
    "var(where=), forward": (hd.jacfwd(lambda x: np.var(x, where=MASK)), GRID, np.where(MASK, (GRID - 3.75) / 2, 0.0)),
    "max(initial= dominating)": (hd.grad(lambda x: np.max(x, initial=9.0)), GRID, np.zeros((2, 3))),
    "max(initial= dominating), forward": (hd.jacfwd(lambda x: np.max(x, initial=9.0)), GRID, np.zeros((2, 3))),
    "norm(axis, keepdims)": (
        hd.grad(lambda x: np.sum(np.linalg.norm(x, axis=1, keepdims=True) * [[5.0], [2.0]])),
        [[3.0, 4.0], [0.0, 1.0]],
        [[3.0, 4.0], [0.0, 2.0]],
    ),
    "diag of a matrix that is not square": (hd.grad(lambda x: np.sum(np.diag(x))), GRID, np.eye(2, 3)),
    "rfft(norm=backward)": (
        hd.grad(lambda x: np.sum(np.abs(np.fft.rfft(x, norm="backward")) ** 2)),
        [1.0, 2.0, 3.0, 4.0],
        4 * np.array([1.0, 2, 3, 4]) + np.sum([1.0, 2, 3, 4]) + np.array([1.0, -1, 1, -1]) * -2.0,
    ),
    "irfft(norm=forward)": (
        hd.grad(lambda x: np.sum(np.fft.irfft(x, 4, norm="forward"))),
        [1.0, 2.0, 3.0],
        [4.0, 0, 0],
    ),
    "rfft of odd length": (hd.grad(lambda x: np.real(np.fft.rfft(x)[0])), ROW, [1.0, 1.0, 1.0]),
    "tensordot of plain NumPy": (hd.grad(lambda x: np.tensordot(x, x, 1)), ROW, 2 * ROW),
    "var(axis=tuple), forward": (hd.jacfwd(lambda x: np.var(x, axis=(0, 1))), GRID, (GRID - 3.5) / 3),
    "tile with fewer reps than axes": (
        hd.grad(lambda x: np.sum(np.tile(x, 2) * np.arange(12.0).reshape(2, 6))),
        GRID,
        [[3.0, 5.0, 7.0], [15.0, 17.0, 19.0]],
    ),
    "repeat(axis=-1)": (
        hd.grad(lambda x: np.sum(np.repeat(x, 2, axis=-1) * np.arange(12.0).reshape(2, 6))),
        GRID,
        [[1.0, 5.0, 9.0], [13.0, 17.0, 21.0]],
    ),
    "transpose with negative axes": (
        hd.grad(lambda x: np.sum(np.transpose(x, (-1, -2)) * WEIGHTS.T)),
        GRID,
        WEIGHTS,
    ),
    "full(shape, vector)": (hd.grad(lambda x: np.sum(np.full((2, 3), x, like=x) * WEIGHTS)), ROW, WEIGHTS.sum(0)),
    "outer of a matrix": (hd.grad(lambda x: np.sum(np.outer(x, ROW))), GRID, np.full((2, 3), 6.0)),
    "solve with a stack of right-hand sides": (
        hd.grad(lambda a: np.sum(np.linalg.solve(a, np.ones((3, 2, 1))))),
        np.eye(2),
        np.full((2, 2), -3.0),
    ),
}

REFUSED = {
    "grad of an integer": (hd.grad(lambda x: x**2), 2, errors.NonDifferentiableInputError),
    "grad of a complex result": (hd.grad(lambda x: x * 1j), 1.0, errors.ComplexOutputError),
    "maximum of an empty array": (hd.grad(np.max), np.zeros(0), ValueError),
    "a function without a rule": (hd.grad(np.isnat), 1.0, errors.NoRuleError),
    "np.full(shape, vector) without like=": (
        hd.grad(lambda x: np.sum(np.full((2, 3), x))),
        ROW,
        errors.ConversionError,
    ),
    "assignment into a plain array": (
        lambda x: hd.grad(lambda v: np.zeros(3).__setitem__(0, v[0]))(x),
        ROW,
        ValueError,
    ),
    "the order of a Bessel function": (hd.grad(lambda v: sp.jv(v, 1.0)), 0.5, errors.NoRuleError),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_right_value(name):
    function, point, expected = VALUES[name]
    found = function(point if np.ndim(point) == 0 else np.asarray(point))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("name", REFUSED)
def test_a_typed_refusal(name):
    function, point, error = REFUSED[name]
    with pytest.raises(error):
        function(point)


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
@pytest.mark.parametrize(
    "function",
    [np.mean, np.max, lambda x: np.sum(np.log2(x)), lambda x: np.sum(x * 2.5), np.var, np.linalg.norm, np.median],
)
def test_the_precision_stays(function, dtype):
    gradient = hd.grad(function)(np.array([1.0, 2.0, 4.0], dtype))
    assert gradient.dtype == dtype


def test_python_numbers_and_arrays_of_shape_nothing():
    assert isinstance(hd.grad(np.sin)(1.0), np.float64)
    assert isinstance(hd.grad(np.sin)(np.float32(1.0)), np.float32)
    assert np.shape(hd.grad(np.sin)(np.array(1.0))) == ()


def test_eigenvectors_where_values_coincide_are_no_nan_for_what_is_defined():
    a = np.diag([1.0, 1.0, 3.0])

    def projector(a):
        v = np.linalg.eigh(a)[1][:, :2]
        return np.sum((v @ v.T) * np.arange(9.0).reshape(3, 3))

    hd.testing.check_grads(lambda t: projector(a + t * (np.ones((3, 3)) - np.eye(3))), (0.0,), order=1)


def test_a_triangle_is_read_as_the_symmetric_matrix():
    a = np.array([[2.0, 0.3], [0.3, 1.0]])
    for function in (lambda m: np.sum(np.linalg.cholesky(m)), lambda m: np.linalg.eigh(m)[0][0]):
        gradient = hd.grad(function)(a)
        np.testing.assert_allclose(gradient, gradient.T)


def test_perturbations_are_not_confused_in_threads():
    results = []

    def work():
        inner = hd.grad(lambda x: x * hd.grad(lambda y: x + y)(1.0))
        results.append({float(inner(1.0)) for _ in range(100)})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{1.0}] * 4
