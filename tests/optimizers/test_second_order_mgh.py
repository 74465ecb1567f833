"""The eighteen problems of Moré, Garbow and Hillstrom from three starts each, beside SciPy's methods."""

import numpy as np
import pytest

import optimizers as opt
from benchmarks import mgh_table

SOLVERS = {
    "TrustRegion": opt.TrustRegion(),
    "TrustRegion scaled": opt.TrustRegion(scaling=True),
    "dogleg": opt.TrustRegion("dogleg"),
    "gltr": opt.TrustRegion("gltr"),
    "ARC": opt.ARC(),
    "krylov": opt.ARC("krylov"),
    "Newton": opt.Newton(),
    "NewtonCG": opt.NewtonCG(),
    "ProjectedNewton": opt.ProjectedNewton(),
}


@pytest.mark.slow
@pytest.mark.parametrize("scale", mgh_table.SCALES)
@pytest.mark.parametrize("name", SOLVERS)
def test_no_false_success_from_any_start(name, scale):
    solver = SOLVERS[name].with_options(maxiter=200)
    for problem in mgh_table.problems().values():
        outcome = mgh_table.outcome_of_ours(solver, problem, scale)
        assert outcome is None or outcome.honest, problem.name


@pytest.mark.slow
@pytest.mark.parametrize("scale", mgh_table.SCALES)
def test_as_many_as_the_best_of_scipys_and_no_more_evaluations(scale, monkeypatch):
    """Of our defaults; where SciPy's methods tie, against each of them."""
    monkeypatch.setattr(mgh_table, "SECONDS", 1.5)
    found = mgh_table.table(scale, ["TrustRegion", "ARC", *mgh_table.SCIPY])
    solved = {who: mgh_table.solved(outcomes) for who, outcomes in found.items()}
    best = max(solved[peer] for peer in mgh_table.SCIPY)
    for who in ("TrustRegion", "ARC"):
        assert solved[who] >= best
        for peer in mgh_table.SCIPY:
            if solved[peer] == best:
                ours, theirs = mgh_table.medians(found[who], found[peer])
                assert ours <= theirs
        for name in ("brown_badly_scaled", "meyer") if scale == 1.0 else ("brown_badly_scaled",):
            assert found[who][name].solved


def test_the_table_knows_a_false_success():
    problem = mgh_table.problems()["rosenbrock"]
    assert mgh_table._judged(problem, np.ones(2), True, 1, 1) == (True, True, 1, 1)
    assert mgh_table._judged(problem, np.array([1.0, 1.1]), True, 1, 1)[:2] == (False, False)
    outcomes = {"a": mgh_table.Outcome(True, True, 3, 5), "b": None, "c": mgh_table.Outcome(False, True, 9, 9)}
    assert mgh_table.solved(outcomes) == 1
    assert mgh_table.medians(outcomes, {**outcomes, "a": mgh_table.Outcome(True, True, 3, 7)}) == (5, 7)
