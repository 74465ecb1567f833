"""Options of methods for roots, each of which changes a run as it says, and the parts that the methods share."""

import itertools

import numpy as np
import pytest
import scipy.sparse.linalg
from mgh import PROBLEMS
from root_systems import cubic_system, run, size

import optimizers as opt
from optimizers.errors import OptionError
from optimizers.roots.dense import dense_step
from optimizers.roots.steps import backtrack, newton_direction


def test_natural_monotonicity_takes_fewer_steps_along_a_narrow_valley():
    """Powell's badly scaled function: ‖F‖ holds Newton's method to tiny steps."""
    problem = PROBLEMS["powell_badly_scaled"]
    residual, natural = (
        run(opt.NewtonRoot(monotone=monotone), problem.residual, problem.x0) for monotone in ("residual", "natural")
    )
    assert natural.success
    assert natural.nit < 0.5 * residual.nit


def test_gtol_is_what_f_may_be():
    loose, tight = (run(opt.NewtonRoot(gtol=gtol), cubic_system, [0.6, 0.4, 1.5]) for gtol in (1e-2, 1e-12))
    assert loose.nit < tight.nit
    assert 1e-12 < size(cubic_system, loose.x) <= 1e-2
    assert size(cubic_system, tight.x) <= 1e-12


def test_the_updates_differ_and_exact_starts_save_evaluations():
    start = [0.9, 0.8, 1.0]
    good, bad, identity = (
        run(solver, cubic_system, start)
        for solver in (opt.Broyden(), opt.Broyden(update="bad"), opt.Broyden(jacobian="identity"))
    )
    assert good.success
    assert bad.success
    assert good.history[2].f != bad.history[2].f
    assert identity.njev == 0
    assert identity.nfev > good.nfev


def test_without_derivatives_a_step_may_raise_f_until_the_matrix_is_learnt():
    """The Jacobian has eigenvalues of both signs: neither the identity nor its opposite leads down for long."""

    def circle_and_line(x):
        return np.stack([x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]])

    rises = []
    for start in ([3.0, 1.0], [0.9, 0.9], [2.0, 1.0]):
        for update in ("good", "bad"):
            result = run(opt.Broyden(update=update, jacobian="identity"), circle_and_line, start)
            assert result.success
            assert result.njev == result.njvp == 0
            assert result.nfev < 40
            f = result.history.to_dict()["f"]
            growth = np.sqrt(f[1:] / f[:-1])
            assert (growth <= 1.0 + 1.0 / np.arange(1.0, f.size) ** 2).all()
            rises.append(growth.max() > 1.0)
    assert any(rises)


def test_updates_satisfy_the_secant_equation():
    problem, solver = opt.RootProblem(cubic_system, jit=False), opt.Broyden()
    states = list(solver.iterate(problem, [0.6, 0.4, 1.5]))
    for before, after in itertools.pairwise(states[:5]):
        np.testing.assert_allclose(after.inverse @ (after.g - before.g), after.x - before.x, rtol=1e-6, atol=1e-12)


def test_sparse_jacobians_and_operators():
    for kind in (scipy.sparse.csr_array, scipy.sparse.linalg.aslinearoperator):
        result = run(opt.NewtonRoot(), lambda x: x**2 - 4.0, [1.0, 3.0], jac=lambda x, kind=kind: kind(np.diag(2 * x)))
        np.testing.assert_allclose(result.x, 2.0)


# -- the parts ------------------------------------------------------------------------------------------------------


def test_newtons_direction_is_exact_whatever_the_units():
    rng = np.random.default_rng(5)
    rows, columns = 10.0 ** rng.integers(-9, 9, size=5), 10.0 ** rng.integers(-9, 9, size=5)
    J, F = rng.normal(size=(5, 5)), rng.normal(size=5)
    direction, solve = newton_direction(rows[:, None] * J * columns, rows * F)
    np.testing.assert_allclose(columns * direction, -np.linalg.solve(J, F), rtol=1e-10)
    np.testing.assert_allclose(columns * solve(rows * F), np.linalg.solve(J, F), rtol=1e-10)
    assert newton_direction(np.diag([1.0, 0.0]), np.ones(2)) is None


def test_backtracking_asks_for_decrease_and_for_what_suits():
    problem = opt.RootProblem(np.arctan, jit=False)
    point = problem.at([10.0])
    direction = -point.r / point.J[0]
    found = backtrack(problem, point, direction, slope=-2.0 * point.f, trials=20)
    assert found.point.f <= point.f - 1e-4 * found.length * 2.0 * point.f
    shorter = backtrack(problem, point, direction, slope=-2.0 * point.f, trials=20, suits=lambda p: p.x[0] > 9.0)
    assert shorter.length < found.length
    assert backtrack(problem, point, direction, slope=-2.0 * point.f, trials=1).point is None


def test_damped_steps_take_over_where_the_jacobian_is_singular():
    problem = opt.RootProblem(lambda x: np.stack([x[0] * x[1], x[0] - 1.0]), jit=False)
    outcome = dense_step(problem, problem.at([0.0, 3.0]), 0.0, None)
    assert outcome.point is not None
    assert run(opt.NewtonRoot(), lambda x: np.stack([x[0] * x[1], x[0] - 1.0]), [0.0, 0.0]).success


@pytest.mark.parametrize(
    "options, text",
    [
        ((opt.NewtonRoot, {"monotone": "none"}), "NewtonRoot: monotone must be"),
        ((opt.Broyden, {"update": "ugly"}), "Broyden: update must be"),
        ((opt.Broyden, {"jacobian": None}), "Broyden: jacobian must be"),
        ((opt.Anderson, {"memory": -1}), "Anderson: memory must be"),
        ((opt.Anderson, {"mixing": 0.0}), "Anderson: mixing must be"),
        ((opt.FixedPoint, {"mixing": np.nan}), "FixedPoint: mixing must be"),
        ((opt.NewtonKrylov, {"memory": 0}), "NewtonKrylov: memory must be"),
        ((opt.NewtonKrylov, {"products": 1.5}), "NewtonKrylov: products must be"),
        ((opt.NewtonKrylov, {"precondition": 3}), "NewtonKrylov: precondition must be"),
    ],
)
def test_options_out_of_range_are_named(options, text):
    kind, given = options
    with pytest.raises(OptionError, match=text):
        kind(**given)
