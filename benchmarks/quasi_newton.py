"""Quasi-Newton methods beside SciPy's: time an iteration as ratios within one run, and what they solve from far.

The objective is Rosenbrock's function of 100 unknowns: ours as plain NumPy, compiled by itself; SciPy's with its own
function and gradient, written by hand. Turns are taken run by run, and the ratio is that of the fastest.
"""

import importlib.metadata
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

import optimizers as opt
from benchmarks.harness import time_in_turns
from benchmarks.mgh_table import SCALES, Outcome, outcome_of_ours, outcome_of_scipy, problems, solved
from benchmarks.problems import rosenbrock

#: The largest part of SciPy's time an iteration that ours may be.
BOUND = 0.5
LIMIT = 2000
PEERS = {"BFGS": "BFGS", "LBFGS": "L-BFGS-B", "LBFGSB": "L-BFGS-B", "TrustRegion": "trust-exact"}
SOLVERS: dict[str, opt.Solver[Any]] = {
    solver.__name__: solver(maxiter=LIMIT, maxfun=LIMIT)
    for solver in (opt.BFGS, opt.DFP, opt.SR1, opt.LBFGS, opt.LBFGSB)
}


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the page; quick: fewer rounds, and problems from the standard start only."""
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in ("numpy", "scipy"))
    print(f"Quasi-Newton methods. Python {platform.python_version()}, {versions}; fastest of rounds in turns")
    if only.lower() in "rosenbrock":
        _iterations(5 if quick else 25)
    if only.lower() in "mgh":
        _problems(SCALES[:1] if quick else SCALES)


def _iterations(rounds: int) -> None:
    function, start = rosenbrock(np), np.where(np.arange(100) % 2, 1.0, -1.2)
    options = {"BFGS": {}, "L-BFGS-B": {"ftol": 0.0}, "trust-exact": {}}
    print(f"\n{'Rosenbrock n=100, an iteration':<34} {'ours':>9} {'SciPy':>9} {'ours / SciPy':>14} {'iterations':>12}")
    for name, method in PEERS.items():
        solver = getattr(opt, name)()
        keywords = {"jac": scipy.optimize.rosen_der, "method": method, "options": {"gtol": 1e-6, **options[method]}}
        if method == "trust-exact":
            keywords["hess"] = scipy.optimize.rosen_hess
        _print_row(
            f"{name}, {method}",
            {
                "ours": lambda solver=solver: solver.run(function, start),
                "SciPy": lambda keywords=keywords: scipy.optimize.minimize(scipy.optimize.rosen, start, **keywords),
            },
            rounds,
        )


def _print_row(name: str, calls: dict[str, Callable[[], Any]], rounds: int) -> None:
    iterations = {who: call().nit for who, call in calls.items()}
    times = time_in_turns(calls, rounds=rounds, seconds=0.0)
    ours, theirs = (1e6 * times[who].best / iterations[who] for who in calls)
    ratio = ours / theirs
    verdict = f"{ratio:.2f} ≤{BOUND:g}{'' if ratio <= BOUND else '!'}"
    counts = " ".join(str(nit) for nit in iterations.values())
    print(f"{name:<34} {ours:>7.1f}µs {theirs:>7.1f}µs {verdict:>14} {counts:>12}")


def _problems(scales: tuple[float, ...]) -> None:
    print(f"\n{'MGH: solved of 18, iterations, evaluations':<44}" + "".join(f"{f'{s:g} x0':>20}" for s in scales))
    contenders: dict[str, Callable[[Any, float], Outcome | None]] = {
        name: lambda problem, scale, solver=solver: outcome_of_ours(solver, problem, scale)
        for name, solver in SOLVERS.items()
    }
    for method in ("BFGS", "L-BFGS-B"):
        contenders[f"SciPy's {method}"] = lambda problem, scale, method=method: outcome_of_scipy(method, problem, scale)
    for name, outcome in contenders.items():
        cells = ""
        for scale in scales:
            found = {key: outcome(problem, scale) for key, problem in problems().items()}
            known = [each for each in found.values() if each is not None]
            lies = sum(not each.honest for each in known)
            done = [each for each in known if each.solved]
            text = (
                f"{solved(found)} {sum(e.nit for e in done)} {sum(e.nfev for e in done)}{f' {lies} false' * (lies > 0)}"
            )
            cells += f"{text:>20}"
        print(f"{name:<44}{cells}")
