"""GMRES beside SciPy's, and Newton-Krylov: discretised equations of thousands of unknowns, by exact products."""

import itertools

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from root_systems import chandrasekhar, run

import optimizers as opt
from optimizers.errors import InputTypeError, ShapeError
from optimizers.roots.gmres import gmres

RNG = np.random.default_rng(11)


def bratu_1d(u, strength):
    """u'' + strength exp(u) = 0 on a grid of (0, 1), u = 0 at both ends, times the square of the spacing."""
    h = 1.0 / (u.size + 1)
    zero = np.zeros(1)
    left, right = np.concatenate([zero, u[:-1]]), np.concatenate([u[1:], zero])
    return 2.0 * u - left - right - h * h * strength * np.exp(u)


def bratu_2d(u, strength):
    """The same on a square; u has the shape of the grid."""
    h = 1.0 / (len(u) + 1)
    padded = np.pad(u, 1)
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return 4.0 * u - neighbours - h * h * strength * np.exp(u)


def laplace_2d(m):
    T = scipy.sparse.diags_array([2.0 * np.ones(m), -np.ones(m - 1), -np.ones(m - 1)], offsets=[0, 1, -1])
    I = scipy.sparse.eye_array(m)
    return scipy.sparse.csc_array(scipy.sparse.kron(I, T) + scipy.sparse.kron(T, I))


def reference_2d(m, strength):
    """Newton's method with a sparse Jacobian written by hand."""
    A, u, h = laplace_2d(m), np.zeros(m * m), 1.0 / (m + 1)
    for _ in range(20):
        e = h * h * strength * np.exp(u)
        u = u - scipy.sparse.linalg.spsolve(A - scipy.sparse.diags_array(e, format="csc"), A @ u - e)
    return u.reshape(m, m)


# -- linear systems -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, memory", [(1, 5), (8, 8), (60, 60), (60, 7)])
@pytest.mark.parametrize("preconditioned", [False, True])
def test_gmres_solves(n, memory, preconditioned):
    A = 2.0 * np.eye(n) + RNG.normal(size=(n, n)) / (2.0 * np.sqrt(n))
    b, M = RNG.normal(size=n), np.linalg.inv(A + 0.05 * RNG.normal(size=(n, n)) / np.sqrt(n))
    found = gmres(lambda v: A @ v, b, rtol=1e-10, memory=memory, precondition=M.__matmul__ if preconditioned else None)
    assert found.residual <= 1e-10 * np.linalg.norm(b)
    np.testing.assert_allclose(np.linalg.norm(b - A @ found.x), found.residual, atol=1e-13)
    np.testing.assert_allclose(found.image, A @ found.x, atol=1e-13)
    if preconditioned and n > 8:
        assert found.products < gmres(lambda v: A @ v, b, rtol=1e-10, memory=memory).products


def test_gmres_takes_as_many_products_as_scipys():
    A, b = laplace_2d(12), RNG.normal(size=144)
    ours, counted = gmres(lambda v: A @ v, b, rtol=1e-8, memory=144), []
    operator = scipy.sparse.linalg.LinearOperator(A.shape, matvec=lambda v: counted.append(1) or A @ v, dtype=float)
    theirs, _ = scipy.sparse.linalg.gmres(operator, b, rtol=1e-8, restart=144, maxiter=1)
    np.testing.assert_allclose(ours.x, theirs, atol=1e-6)
    assert ours.products <= len(counted)


def test_gmres_minimises_the_residual_where_the_matrix_is_singular():
    A = np.diag([1.0, 2.0, 0.0])
    found = gmres(lambda v: A @ v, np.array([1.0, 1.0, 1.0]), rtol=1e-10)
    assert found.residual == pytest.approx(1.0)
    np.testing.assert_allclose(found.x[:2], [1.0, 0.5], rtol=1e-10)
    zero = gmres(lambda v: 0.0 * v, np.ones(3), rtol=1e-10)
    assert (zero.residual, zero.products) == (pytest.approx(np.sqrt(3.0)), 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_gmres_stops_at_products_that_are_not_finite(bad):
    A = 2.0 * np.eye(4) + np.diag(np.ones(3), 1)
    calls = []

    def multiply(v):
        calls.append(1)
        return A @ v if len(calls) < 3 else np.full(4, bad)

    found = gmres(multiply, np.ones(4), rtol=1e-12)
    assert np.isfinite(found.x).all()
    assert found.residual == pytest.approx(np.linalg.norm(np.ones(4) - A @ found.x))


def test_limits_on_products_and_on_memory_are_kept():
    A, b = laplace_2d(10), np.ones(100)
    assert gmres(lambda v: A @ v, b, rtol=1e-12, limit=13, memory=5).products == 13
    short, long = (gmres(lambda v: A @ v, b, rtol=1e-8, memory=memory).products for memory in (5, 60))
    assert long < short


# -- Newton-Krylov --------------------------------------------------------------------------------------------------


def test_bratu_on_an_interval_is_the_closed_form():
    """Up to the error of the discretisation, which falls as the square of the spacing."""
    theta = scipy.optimize.brentq(lambda t: t - np.sqrt(2.0) * np.cosh(t / 4.0), 0.0, 3.0)
    errors = []
    for n in (49, 99):
        result = run(opt.NewtonKrylov(memory=100, gtol=1e-12), bratu_1d, np.zeros(n), args=(1.0,))
        x = np.arange(1, n + 1) / (n + 1)
        exact = -2.0 * np.log(np.cosh((x - 0.5) * theta / 2.0) / np.cosh(theta / 4.0))
        assert result.success
        errors.append(np.abs(result.x - exact).max())
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.02)


def test_bratu_on_a_square_of_2500_unknowns():
    """Exact products and a preconditioner; no Jacobian is formed, and each product is counted."""
    m, strength = 50, 5.0
    factors = scipy.sparse.linalg.splu(laplace_2d(m))
    helped = run(opt.NewtonKrylov(precondition=lambda x: factors.solve), bratu_2d, np.zeros((m, m)), args=(strength,))
    assert helped.success
    assert helped.x.shape == helped.fun.shape == (m, m)
    np.testing.assert_allclose(helped.x, reference_2d(m, strength), atol=1e-6)
    assert (helped.njev, helped.nvjp) == (0, 0)
    assert helped.njvp < 40
    plain = run(opt.NewtonKrylov(), bratu_2d, np.zeros((m, m)), args=(strength,))
    assert plain.success
    assert plain.njvp > 5 * helped.njvp


def test_products_are_exact_and_need_no_evaluations_of_f():
    """SciPy's krylov evaluates F for each product; here evaluations are trial points alone, and one trace a step."""
    evaluations, traces = [], []

    def fun(x):
        (evaluations if isinstance(x, np.ndarray) else traces).append(1)
        return chandrasekhar(50, 0.9)(x)

    result = run(opt.NewtonKrylov(), fun, np.ones(50))
    assert len(evaluations) == result.nfev == result.nit + 1
    assert len(traces) == result.nit
    assert result.njvp > result.nit
    evaluations.clear()
    scipy.optimize.root(fun, np.ones(50), method="krylov", options={"fatol": 1e-8})
    assert len(evaluations) > 2 * result.nfev
    point = opt.RootProblem(chandrasekhar(50, 0.9), jit=False).at(np.linspace(1.0, 2.0, 50))
    v = RNG.normal(size=50)
    np.testing.assert_allclose(point.jvp(v), point.J @ v, rtol=1e-12)


def test_forcing_terms_follow_the_progress():
    """Choice 2 of Eisenstat and Walker: early systems are solved roughly, late ones as far as the last step needs."""
    problem = opt.RootProblem(chandrasekhar(80, 0.999), jit=False)
    states = list(opt.NewtonKrylov(gtol=1e-12).iterate(problem, np.ones(80)))
    forcing = [state.forcing for state in states]
    assert forcing[0] == 0.5
    for before, after in itertools.pairwise(states[2:]):
        expected = 0.9 * (np.linalg.norm(after.g) / np.linalg.norm(before.g)) ** 2
        held = 0.9 * before.forcing**2
        assert after.forcing == pytest.approx(min(0.9, max(expected, held) if held > 0.1 else expected))
    rates = np.array([np.linalg.norm(b.g) / np.linalg.norm(a.g) for a, b in itertools.pairwise(states)])
    assert rates[-1] < 1e-3 < rates[0]


def test_the_last_system_is_not_solved_further_than_gtol_asks():
    fun, start = chandrasekhar(200, 0.9), np.ones(200)
    loose, tight = (run(opt.NewtonKrylov(gtol=gtol), fun, start).njvp for gtol in (1e-3, 1e-12))
    assert loose < tight


def test_memory_and_products_change_the_run():
    short, long = (
        run(opt.NewtonKrylov(memory=memory), bratu_2d, np.zeros((15, 15)), args=(1.0,)) for memory in (3, 60)
    )
    assert short.success
    assert long.njvp < short.njvp
    few = run(opt.NewtonKrylov(products=5), bratu_2d, np.zeros((15, 15)), args=(1.0,))
    assert few.nit > long.nit


def test_preconditioners_are_matrices_operators_or_functions():
    d = np.linspace(1.0, 1e5, 40)

    def fun(x):
        return d * x + x**3 - 1.0

    plain, seen = run(opt.NewtonKrylov(), fun, np.zeros(40)), []

    def matrix(x):
        seen.append(x.copy())
        x[:] = np.nan  # it is a copy
        return np.diag(1.0 / d)

    for kind in (
        matrix,
        lambda x: scipy.sparse.diags_array(1.0 / d),
        lambda x: scipy.sparse.linalg.aslinearoperator(np.diag(1.0 / d)),
        lambda x: lambda v: v / d,
    ):
        result = run(opt.NewtonKrylov(precondition=kind), fun, np.zeros(40))
        assert result.success
        assert result.njvp < plain.njvp
    assert len(seen) == run(opt.NewtonKrylov(precondition=matrix), fun, np.zeros(40)).nit
    with pytest.raises(InputTypeError, match="NewtonKrylov: precondition returned a int"):
        run(opt.NewtonKrylov(precondition=lambda x: 3), fun, np.zeros(40))
    with pytest.raises(ShapeError, match="NewtonKrylov: precondition makes vectors of shape"):
        run(opt.NewtonKrylov(precondition=lambda x: lambda v: v[:2]), fun, np.zeros(40))


def test_operators_of_ones_own_serve_as_jacobians():
    """Products with a user's LinearOperator, its transpose where a damped step needs it, and no matrix."""

    def jac(x):
        return scipy.sparse.linalg.LinearOperator(
            (2, 2), matvec=lambda v: 2.0 * x * v.ravel(), rmatvec=lambda v: 2.0 * x * v.ravel(), dtype=float
        )

    result = run(opt.NewtonKrylov(), lambda x: x**2 - 4.0, [1.0, 3.0], jac=jac)
    np.testing.assert_allclose(result.x, 2.0, rtol=1e-7)
    nowhere = run(opt.NewtonKrylov(), lambda x: x**2 + 4.0, [1.0, 3.0], jac=jac)
    assert nowhere.status == opt.Status.NOT_A_ROOT
    assert nowhere.nvjp > 0


def test_states_hold_no_matrices():
    state = list(opt.NewtonKrylov().iterate(opt.RootProblem(bratu_1d, args=(1.0,), jit=False), np.zeros(300)))[-1]
    assert max(np.size(value) for value in vars(state).values()) == 300


def test_compiled_products_agree_with_eager_ones():
    eager, compiled = (opt.NewtonKrylov().run(bratu_1d, np.zeros(60), args=(1.0,), jit=jit) for jit in (False, "auto"))
    np.testing.assert_allclose(compiled.x, eager.x, atol=1e-7)
    assert compiled.history.eager_reason is None
