"""Second-order methods beside SciPy's trust-exact and scikit-learn's newton-cg: time, in one run, as ratios."""

import importlib.metadata
import platform
from typing import Any

import numpy as np
import scipy.optimize
from sklearn.linear_model import LogisticRegression

import optimizers as opt
from benchmarks.harness import Timing, time_in_turns
from benchmarks.problems import rosenbrock

#: Largest parts of the peer's time that ours may be.
TRUST_REGION, NEWTON_CG = 0.5, 1.0
ROWS, COLUMNS, GTOL = 100_000, 20, 1e-8


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the page."""
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "scipy", "scikit-learn"))
    print(f"Second-order methods. Python {platform.python_version()}, {versions}; fastest of rounds in turns")
    print(f"\n{'':<52} {'ours':>12} {'peer':>12} {'ours / peer':>12}")
    for name, row in (("Rosenbrock", _rosenbrock_row), ("logistic", _logistic_row)):
        if only.lower() in name.lower():
            row(5 if quick else 15)


def _rosenbrock_row(rounds: int) -> None:
    """Seconds an iteration: derivatives by hodiff and compiled, against SciPy's own functions written by hand."""
    function, start = rosenbrock(np), np.where(np.arange(100) % 2, 1.0, -1.2)
    solver = opt.TrustRegion()

    def ours() -> Any:
        return solver.run(function, start)

    def theirs() -> Any:
        return scipy.optimize.minimize(
            scipy.optimize.rosen,
            start,
            method="trust-exact",
            jac=scipy.optimize.rosen_der,
            hess=scipy.optimize.rosen_hess,
            options={"gtol": 1e-6},
        )

    iterations = [call().nit for call in (ours, theirs)]
    times = time_in_turns({"ours": ours, "peer": theirs}, rounds=rounds, seconds=0.0)
    _print("TrustRegion, trust-exact: Rosenbrock n=100, iteration", times, iterations, TRUST_REGION)


def _logistic_row(rounds: int) -> None:
    """Seconds to a gradient of norm 1e-8, of the mean loss with a penalty; that of the peer is tested too."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, COLUMNS))
    y = np.where(X @ rng.normal(size=COLUMNS) + rng.logistic(size=ROWS) > 0.0, 1.0, -1.0)

    def loss(w: Any) -> Any:
        return np.mean(np.logaddexp(0.0, -y * (X @ w))) + 0.5 * np.sum(w * w) / ROWS

    solver = opt.NewtonCG(gtol=GTOL / np.sqrt(COLUMNS))

    def ours() -> Any:
        return solver.run(loss, np.zeros(COLUMNS)).x

    def theirs() -> Any:
        model = LogisticRegression(C=1.0, fit_intercept=False, solver="newton-cg", tol=GTOL / np.sqrt(COLUMNS))
        return model.fit(X, y).coef_[0]

    problem = opt.Problem(loss)
    for who, call in (("ours", ours), ("peer", theirs)):
        slope = np.linalg.norm(problem.at(call()).g)
        assert slope <= GTOL, f"{who} ends with a gradient of norm {slope}"
    times = time_in_turns({"ours": ours, "peer": theirs}, rounds=rounds, seconds=0.0)
    _print(f"NewtonCG, scikit-learn's newton-cg: logistic {ROWS}x{COLUMNS}", times, [1, 1], NEWTON_CG)


def _print(name: str, times: dict[str, Timing], units: list[int], bound: float) -> None:
    best = [timing.best / n for timing, n in zip(times.values(), units, strict=True)]
    ratio = best[0] / best[1]
    verdict = "" if ratio <= bound else "!"
    print(f"{name:<52} {best[0] * 1e3:>10.3f}ms {best[1] * 1e3:>10.3f}ms {f'{ratio:.2f} ≤{bound:g}{verdict}':>12}")
