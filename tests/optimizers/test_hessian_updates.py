"""Updates of Hessian approximations: secant equations, definiteness, duality, least change; SciPy as peer and user."""

import pickle

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import rosen, rosen_der

import optimizers as opt
from optimizers.errors import OptionError, ShapeError
from optimizers.quasi_newton import updates

DIRECT = [updates.bfgs, updates.dfp, updates.sr1, updates.psb]
INVERSE = [updates.bfgs_inverse, updates.dfp_inverse]
DEFINITE = [updates.bfgs, updates.dfp, *INVERSE, updates.damped_bfgs]
NAMES = ["BFGS", "damped BFGS", "DFP", "PSB", "SR1"]


@st.composite
def cases(draw):
    """A definite matrix and a pair with positive curvature, of up to six unknowns and of any scale."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 6))
    A, C = rng.normal(size=(2, n, n))
    s = rng.normal(size=n) * 10.0 ** draw(st.integers(-8, 8))
    y = (C @ C.T + 0.1 * np.eye(n)) @ s * 10.0 ** draw(st.integers(-3, 3))
    return A @ A.T + 0.1 * np.eye(n), s, y


def relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_secant_equations(case):
    B, s, y = case
    for update in DIRECT:
        new = update(B, s, y)
        assert (new == new.T).all()
        # SR1 may skip a pair, and then changes nothing.
        assert relative(new @ s, y) < 1e-6 or (update is updates.sr1 and new is B)
    for update in INVERSE:
        new = update(B, s, y)
        assert (new == new.T).all()
        assert relative(new @ y, s) < 1e-6


@settings(deadline=None, max_examples=60)
@given(cases())
def test_definite_updates_stay_definite(case):
    B, s, y = case
    for update in DEFINITE:
        scale = np.linalg.norm(y) / np.linalg.norm(s)
        assert np.linalg.eigvalsh(update(B * (scale if update not in INVERSE else 1 / scale), s, y)).min() > 0.0


@settings(deadline=None, max_examples=60)
@given(cases())
def test_updates_of_the_inverse_are_inverses_of_the_updates(case):
    B, s, y = case
    B = B * np.linalg.norm(y) / np.linalg.norm(s)
    for direct, inverse in ((updates.bfgs, updates.bfgs_inverse), (updates.dfp, updates.dfp_inverse)):
        product = direct(B, s, y) @ inverse(np.linalg.inv(B), s, y)
        np.testing.assert_allclose(product, np.eye(s.size), atol=1e-5)


def test_psb_is_the_least_change():
    """Any other symmetric matrix with the secant equation is farther off."""
    rng = np.random.default_rng(0)
    B, s, y = np.diag([1.0, 2.0, 3.0]), rng.normal(size=3), rng.normal(size=3)
    best = updates.psb(B, s, y)
    P = np.eye(3) - np.outer(s, s) / (s @ s)
    for _ in range(20):
        A = rng.normal(size=(3, 3))
        other = best + P @ (A + A.T) @ P
        np.testing.assert_allclose(other @ s, y)
        assert np.linalg.norm(other - B) > np.linalg.norm(best - B)


def test_sr1_finds_a_quadratic_in_n_steps_whatever_they_are():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(5, 5))
    H, B = A + A.T, np.eye(5)
    for _ in range(5):
        s = rng.normal(size=5)
        B = updates.sr1(B, s, H @ s)
    np.testing.assert_allclose(B, H, atol=1e-8)


@pytest.mark.parametrize("update", [*DIRECT, *INVERSE, updates.damped_bfgs])
def test_pairs_that_tell_nothing_change_nothing(update):
    B, zero = np.diag([1.0, 2.0]), np.zeros(2)
    assert update(B, zero, zero) is B
    if update in INVERSE or update in (updates.bfgs, updates.dfp):
        assert update(B, np.ones(2), -np.ones(2)) is B
    np.testing.assert_allclose(update(B, *(np.array([1.0, 0.0]),) * 2), B)  # it has this curvature already


def test_damping_keeps_a_fifth_of_the_models_curvature():
    B, s, y = np.diag([2.0, 1.0]), np.array([1.0, 1.0]), np.array([-7.0, 3.0])
    new = updates.damped_bfgs(B, s, y)
    assert s @ new @ s == pytest.approx(0.2 * (s @ B @ s))
    plenty = np.array([2.0, 1.5])
    np.testing.assert_array_equal(updates.damped_bfgs(B, s, plenty), updates.bfgs(B, s, plenty))


# --- as SciPy's strategies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hess", "inv_hess"])
@pytest.mark.parametrize("name", ["BFGS", "SR1"])
def test_scipys_own_strategies_agree(name, kind):
    rng = np.random.default_rng(2)
    A = rng.normal(size=(4, 4))
    H = A @ A.T + np.eye(4)
    ours, theirs = opt.HessianUpdate(name), getattr(scipy.optimize, name)()
    for strategy in (ours, theirs):
        strategy.initialize(4, kind)
    for _ in range(6):
        s = rng.normal(size=4)
        for strategy in (ours, theirs):
            strategy.update(s, H @ s)
        np.testing.assert_allclose(ours.get_matrix(), theirs.get_matrix(), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ours.dot(s), theirs.dot(s), rtol=1e-7, atol=1e-9)


METHODS = ["trust-constr", "Newton-CG", "trust-ncg", "trust-krylov"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["BFGS", "SR1"])
def test_scipy_takes_the_same_way_with_them(name, method):
    ours, theirs = (
        scipy.optimize.minimize(rosen, [-1.2, 1.0], jac=rosen_der, hess=hess, method=method, options={"maxiter": 30})
        for hess in (opt.HessianUpdate(name), getattr(scipy.optimize, name)())
    )
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-6)
    assert (ours.nit, ours.nfev) == (theirs.nit, theirs.nfev)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NAMES)
def test_scipy_minimises_with_them(name, method):
    weights, goal = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0, 0.5])
    result = scipy.optimize.minimize(
        lambda x: weights @ (x - goal) ** 2 + 0.1 * np.sum((x - goal) ** 4),
        np.zeros(3),
        jac=lambda x: 2.0 * weights * (x - goal) + 0.4 * (x - goal) ** 3,
        hess=opt.HessianUpdate(name),
        method=method,
    )
    assert result.success
    np.testing.assert_allclose(result.x, goal, atol=1e-3)


def test_constraints_may_have_one():
    disk = scipy.optimize.NonlinearConstraint(
        lambda x: x @ x, -np.inf, 1.0, jac=lambda x: 2.0 * x, hess=opt.HessianUpdate("damped BFGS")
    )
    result = scipy.optimize.minimize(
        rosen, [0.0, 0.0], jac=rosen_der, hess=opt.HessianUpdate(), constraints=disk, method="trust-constr"
    )
    np.testing.assert_allclose(result.x, [0.7864, 0.6177], atol=1e-3)


def test_initial_matrices():
    s, y = np.array([1.0, 0.0]), np.array([4.0, 0.0])
    for kind, start, expected in (("hess", 4.0, 4.0), ("inv_hess", 0.25, 0.25)):
        automatic, given = opt.HessianUpdate("BFGS"), opt.HessianUpdate("BFGS", np.diag([7.0, 9.0]))
        for strategy in (automatic, given):
            strategy.initialize(2, kind)
            strategy.update(s, y)
        np.testing.assert_allclose(automatic.get_matrix(), start * np.eye(2))
        np.testing.assert_allclose(given.get_matrix(), np.diag([expected, 9.0]))
    before = given.get_matrix()
    given.update(np.zeros(2), y)
    given.get_matrix()[:] = 0.0
    np.testing.assert_array_equal(given.get_matrix(), before)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(given)).get_matrix(), before)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: opt.HessianUpdate("Broyden"), "update must be one of BFGS, damped BFGS"),
        (lambda: opt.HessianUpdate(initial=[[1.0, 2.0], [0.0, 1.0]]), "initial must be a symmetric matrix"),
        (lambda: opt.HessianUpdate(initial=np.ones(3)), "initial must be a symmetric matrix"),
        (lambda: opt.HessianUpdate(initial=np.eye(3)).initialize(2, "hess"), "initial has shape"),
        (lambda: opt.HessianUpdate().initialize(2, "inverse"), "approx_type must be hess or inv_hess"),
        (lambda: opt.HessianUpdate("damped BFGS").initialize(2, "inv_hess"), "is an update of Hessians"),
    ],
)
def test_options_are_checked(make, text):
    with pytest.raises(OptionError, match=text):
        make()


@pytest.mark.parametrize("kind", ["hess", "inv_hess"])
@pytest.mark.parametrize("update", ["BFGS", "damped BFGS", "DFP", "PSB", "SR1"])
def test_pairs_that_are_not_finite_change_nothing(update, kind):
    if (update, kind) == ("damped BFGS", "inv_hess"):
        pytest.skip("an update of Hessians")
    approximation = opt.HessianUpdate(update)
    approximation.initialize(2, kind)
    approximation.update(np.array([1.0, 0.0]), np.array([2.0, 1.0]))
    before = approximation.get_matrix()
    for y in ([np.nan, 1.0], [np.inf, 1.0]):
        approximation.update(np.array([0.3, 0.7]), np.array(y))
        approximation.update(np.array(y), np.array([0.3, 0.7]))
    assert (approximation.get_matrix() == before).all()
    for s in (1e-200, 1e200):
        approximation.update(np.array([0.3, 0.7]) * s, np.array([0.5, 0.1]) / s)
        assert np.isfinite(approximation.get_matrix()).all()


def test_pairs_of_another_size_are_refused():
    approximation = opt.HessianUpdate()
    with pytest.raises(ShapeError, match="as initialize said"):
        approximation.update(np.ones(2), np.ones(2))
    approximation.initialize(2, "hess")
    for s, y in ((3, 3), (2, 3), (3, 2)):
        with pytest.raises(ShapeError, match=r"delta_x and delta_grad must have shape \(2,\)"):
            approximation.update(np.ones(s), np.ones(y))
