"""Problems of residuals: what a point knows, how often it asks, and what is said of functions that are wrong."""

import pickle

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

import optimizers as opt
from optimizers.errors import InputTypeError, NonFiniteError, ShapeError

X = np.array([0.7, -1.3])


def residual(x, a=2.0):
    return np.stack([x[0] ** 2 - a, x[0] * x[1], np.sin(x[1])])


def jacobian(x, a=2.0):
    return np.array([[2.0 * x[0], 0.0], [x[1], x[0]], [0.0, np.cos(x[1])]])


class Counted:
    def __init__(self, function):
        self.function, self.calls, self.__name__ = function, 0, "counted"

    def __call__(self, *args):
        self.calls += 1
        return self.function(*args)


@pytest.mark.parametrize("jit", [False, True])
def test_a_point_knows_closed_forms(jit):
    point = opt.ResidualProblem(residual, args=(3.0,), jit=jit).at(X)
    J, r, v, w = jacobian(X), residual(X, 3.0), np.array([0.5, -2.0]), np.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(point.jvp(v), J @ v, rtol=1e-14)
    np.testing.assert_allclose(point.vjp(w), J.T @ w, rtol=1e-14)
    second = [2.0 * v[0] ** 2, 2.0 * v[0] * v[1], -np.sin(X[1]) * v[1] ** 2]
    np.testing.assert_allclose(point.second(v), second, rtol=1e-14)
    np.testing.assert_allclose(point.r, r, rtol=1e-15)
    np.testing.assert_allclose(point.J, J, rtol=1e-15)
    assert point.f == pytest.approx(0.5 * r @ r, rel=1e-15)
    np.testing.assert_allclose(point.g, J.T @ r, rtol=1e-14)
    # The second derivatives of ½ r·r, by hand: JᵀJ + Σ r ∇²r.
    H = J.T @ J + r[0] * np.diag([2.0, 0.0]) + r[1] * np.array([[0, 1], [1, 0]]) - r[2] * np.sin(X[1]) * np.diag([0, 1])
    np.testing.assert_allclose(point.H, H, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(point.hvp(v), H @ v, rtol=1e-13)


def test_each_is_evaluated_once_and_counted_as_the_function_counts():
    fun = Counted(residual)
    problem = opt.ResidualProblem(fun, jit=False)
    point = problem.at(X)
    assert fun.calls == 0
    for _ in range(2):
        assert point.J.shape == (3, 2)
        assert (point.r.size, point.f > 0.0, point.g.size, point.finite) == (3, True, 2, True)
    assert (fun.calls, problem.counts.nfev, problem.counts.njev) == (1, 1, 1)
    other = problem.at(X + 1.0)
    assert other.r.size == 3
    assert other.f > 0.0
    assert (fun.calls, problem.counts.nfev, problem.counts.njev) == (2, 2, 1)
    third = problem.at(X + 2.0)
    for v in (X, X + 1.0, X):
        third.jvp(v)
    assert (problem.counts.njvp, problem.counts.nvjp, problem.counts.nd2) == (2, 0, 0)
    third.second(X)
    third.second(X)
    assert problem.counts.nd2 == 1


def test_products_of_many_vectors_run_the_function_once():
    fun = Counted(residual)
    point = opt.ResidualProblem(fun, jit=False).at(X)
    for v in np.eye(2):
        point.jvp(v)
    assert fun.calls == 1


@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_matrix, aslinearoperator])
def test_jacobians_of_ones_own(form):
    jac = Counted(lambda x: form(jacobian(x)))
    problem = opt.ResidualProblem(residual, jac)
    point = problem.at(X)
    np.testing.assert_array_equal(point.J, jacobian(X))
    np.testing.assert_allclose(point.jvp(X), jacobian(X) @ X)
    assert jac.calls == problem.counts.njev == problem.counts.nfev == 1
    alone = problem.at(X + 1.0)
    np.testing.assert_allclose(alone.jvp(X), jacobian(X + 1.0) @ X)
    np.testing.assert_allclose(alone.vjp(np.ones(3)), jacobian(X + 1.0).sum(axis=0))


def test_a_jacobian_that_its_author_reuses_is_copied():
    store = np.zeros((3, 2))

    def jac(x):
        store[:] = jacobian(x)
        return store

    problem = opt.ResidualProblem(residual, jac)
    first = problem.at(X)
    kept = np.array(first.J)
    problem.at(X + 1.0).J  # noqa: B018
    np.testing.assert_array_equal(first.J, kept)


def test_residuals_in_an_array_that_its_author_reuses_are_copied():
    store = np.zeros(2)

    def equations(x):
        store[:] = x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]
        return store

    for problem in (
        opt.ResidualProblem(equations, lambda x: np.eye(2), jit=False),
        opt.RootProblem(equations, jit=False),
    ):
        first = problem.at([3.0, 1.0])
        assert first.r.tolist() == [8.0, 2.0]
        problem.at([1.0, 1.0]).r  # noqa: B018
        assert first.r.tolist() == [8.0, 2.0]


def test_residuals_of_any_shape_and_lists_of_them():
    assert opt.ResidualProblem(lambda x: x[0]).at([3.0]).J.shape == (1, 1)
    point = opt.ResidualProblem(lambda x: [x[0], np.outer(x, x), (x[1] ** 2)]).at(X)
    np.testing.assert_allclose(point.r, [X[0], X[0] ** 2, X[0] * X[1], X[0] * X[1], X[1] ** 2, X[1] ** 2])
    assert point.J.shape == (6, 2)
    np.testing.assert_allclose(opt.ResidualProblem(lambda x: x[:, None] * x).at(X).r, np.outer(X, X).ravel())


def test_trees():
    fun = lambda p: p["a"] * np.arange(3.0) + p["b"]  # noqa: E731
    point = opt.ResidualProblem(fun, like={"a": 1.0, "b": 2.0}).at({"a": 3.0, "b": 1.0})
    np.testing.assert_array_equal(point.r, [1.0, 4.0, 7.0])
    np.testing.assert_array_equal(point.J, [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])


def test_points_are_read_only_and_problems_pickle():
    problem = opt.ResidualProblem(residual)
    point = problem.at(X)
    for array in (point.r, point.J, point.g, point.x):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    again = pickle.loads(pickle.dumps(problem))
    np.testing.assert_array_equal(again.at(X + 1.0).J, problem.at(X + 1.0).J)


def test_what_is_wrong_is_named():
    with pytest.raises(InputTypeError, match="jac must be a callable or None, not True"):
        opt.ResidualProblem(residual, True)
    with pytest.raises(ShapeError, match=r"the jac <lambda> has shape \(2, 2\): it must be \(3, 2\)"):
        opt.ResidualProblem(residual, lambda x: np.eye(2)).at(X).J  # noqa: B018
    with pytest.raises(InputTypeError, match="fun <lambda> returned complex numbers"):
        opt.ResidualProblem(lambda x: 1j * x).at(X).r  # noqa: B018
    with pytest.raises(ShapeError, match="returned no residuals"):
        opt.ResidualProblem(lambda x: x[:0]).at(X).r  # noqa: B018
    lengths = opt.ResidualProblem(lambda x: np.ones(2) * x[0] if x[0] > 0 else x[:1], jit=False)
    assert lengths.at([1.0]).r.size == 2
    with pytest.raises(ShapeError, match="returned 1 residuals, and 2 before"):
        lengths.at([-1.0]).r  # noqa: B018
    with pytest.raises(NonFiniteError, match="Jacobian of fun <lambda> is not finite at the start"):
        opt.ResidualProblem(lambda x: np.sqrt(x)).at([0.0]).require_finite()
    with pytest.raises(ShapeError, match="w has shape"):
        opt.ResidualProblem(residual).at(X).vjp(np.ones(2))


def test_other_solvers_minimise_half_the_square():
    """A residual problem is a problem: methods for objectives run on it as it is."""
    problem = opt.ResidualProblem(lambda x: np.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]))
    for solver in (opt.TrustRegion(), opt.LBFGS()):
        *_, last = solver.iterate(problem, [-1.2, 1.0])
        np.testing.assert_allclose(last.x, 1.0, atol=1e-5)
