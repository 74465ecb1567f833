"""The problems of Moré, Garbow and Hillstrom from near and far: what is solved, in how many evaluations.

Solved means that the objective is that of a known minimiser (``tests/mgh.py``) to 1e-7, relative to it or, where it
is smaller, to 0.01; success by the solver's word is put to the test that no entry of the gradient exceeds 1e-6. Starts
where the objective overflows count for nobody. All have the same limits, 2000 iterations and evaluations; SciPy's
methods, some of which hang within an iteration, also three seconds a run. SciPy's get exact derivatives, and
tolerances that let them go on as far as ours do.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

import optimizers as opt
from optimizers.errors import NonFiniteError

SCALES = (1.0, 10.0, 100.0)
LIMIT, SECONDS, GTOL = 2000, 3.0, 1e-6
#: Options of SciPy's methods under which they do not stop early.
SCIPY: dict[str, dict[str, Any]] = {
    "trust-exact": {"gtol": GTOL},
    "Newton-CG": {"xtol": 1e-8},
    "BFGS": {"gtol": GTOL},
    "L-BFGS-B": {"gtol": GTOL, "ftol": 2e-15, "maxfun": LIMIT},
}
OURS: dict[str, opt.Solver[Any]] = {
    "TrustRegion": opt.TrustRegion(maxiter=LIMIT, maxfun=LIMIT),
    "ARC": opt.ARC(maxiter=LIMIT, maxfun=LIMIT),
    "Newton": opt.Newton(maxiter=LIMIT, maxfun=LIMIT),
    "NewtonCG": opt.NewtonCG(maxiter=LIMIT, maxfun=LIMIT),
    "LBFGS": opt.LBFGS(maxiter=LIMIT, maxfun=LIMIT),
}


class Outcome(NamedTuple):
    """Of one run: solved, honest (success only where the gradient test holds), iterations and evaluations."""

    solved: bool
    honest: bool
    nit: int
    nfev: int


class CutError(Exception):
    """A run of SciPy's is over its limits."""


@dataclass(frozen=True)
class Case:
    """A test problem whose objective is a plain function, so that it keeps its compiled derivatives."""

    objective: Callable[[Any], Any]
    x0: Any
    minima: tuple[float, ...]


@cache
def problems() -> dict[str, Case]:
    """The test problems, by name."""
    spec = spec_from_file_location("mgh", Path(__file__).resolve().parents[1] / "tests" / "mgh.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: _case(problem) for name, problem in module.PROBLEMS.items()}


def outcome_of_ours(solver: opt.Solver[Any], problem: Case, scale: float) -> Outcome | None:
    """One run of a solver of ours; None where the start overflows."""
    try:
        result = solver.run(problem.objective, scale * problem.x0)
    except NonFiniteError:
        return None
    return _judged(problem, result.x, result.success, result.nit, result.nfev)


def outcome_of_scipy(method: str, problem: Case, scale: float) -> Outcome | None:
    """One run of a method of SciPy's, with value and gradient from one evaluation."""
    start = scale * problem.x0
    functions = opt.Problem(problem.objective)
    try:
        functions.at(start).require_finite()
    except NonFiniteError:
        return None
    began, first = time.perf_counter(), functions.counts.nfev - 1

    def fun(x: Any) -> float:
        if time.perf_counter() - began > SECONDS or functions.counts.nfev - first > LIMIT:
            raise CutError
        return functions(x)

    keywords = opt.scipy_kwargs(functions, method)
    options = {"maxiter": LIMIT, **SCIPY[method]}
    try:
        with np.errstate(all="ignore"):
            result = scipy.optimize.minimize(fun, start, method=method, options=options, **keywords)
    except (CutError, np.linalg.LinAlgError, ValueError):  # "array must not contain infs or NaNs"
        return Outcome(False, True, LIMIT, functions.counts.nfev - first)
    return _judged(problem, result.x, result.success, result.nit, functions.counts.nfev - first)


def contenders() -> dict[str, Callable[[Case, float], Outcome | None]]:
    """Ours and SciPy's: (problem, scale) -> outcome."""
    ours = {name: partial(outcome_of_ours, solver) for name, solver in OURS.items()}
    return {**ours, **{name: partial(outcome_of_scipy, name) for name in SCIPY}}


def table(scale: float, names: Iterable[str]) -> dict[str, dict[str, Outcome | None]]:
    """Outcomes by contender and problem."""
    run = contenders()
    return {who: {name: run[who](problem, scale) for name, problem in problems().items()} for who in names}


def solved(outcomes: dict[str, Outcome | None]) -> int:
    """How many problems were solved."""
    return sum(o is not None and o.solved for o in outcomes.values())


def medians(ours: dict[str, Outcome | None], theirs: dict[str, Outcome | None]) -> tuple[float, float]:
    """Medians of the evaluations of both, over the problems that both solved."""
    both = [
        (a.nfev, b.nfev)
        for a, b in zip(ours.values(), theirs.values(), strict=True)
        if a is not None and b is not None and a.solved and b.solved
    ]
    return statistics.median(a for a, _ in both), statistics.median(b for _, b in both)


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the page; quick: from the standard start only."""
    for scale in SCALES[:1] if quick else SCALES:
        names = [who for who in contenders() if only in who]
        found = table(scale, names)
        print(f"\nfrom {scale:g} x0: iterations/evaluations where solved, - where not, . where the start overflows")
        print(f"{'':<22}" + "".join(f"{who:>13}" for who in names))
        for name in problems():
            print(f"{name:<22}" + "".join(f"{_cell(found[who][name]):>13}" for who in names))
        print(f"{'solved':<22}" + "".join(f"{solved(found[who]):>13}" for who in names))
        lies = {who: sum(o is not None and not o.honest for o in found[who].values()) for who in names}
        print(f"{'false success':<22}" + "".join(f"{lies[who]:>13}" for who in names))
        _print_best(found)


def _print_best(found: dict[str, dict[str, Outcome | None]]) -> None:
    peers = [who for who in SCIPY if who in found]
    if not peers:
        return
    most = max(solved(found[who]) for who in peers)
    for who in [who for who in OURS if who in found]:
        beside = ", ".join(
            "{:g} to {:g} of {}".format(*medians(found[who], found[peer]), peer)
            for peer in peers
            if solved(found[peer]) == most
        )
        verdict = "" if solved(found[who]) >= most else "!"
        print(f"{who}: {solved(found[who])} to {most}{verdict} solved; median evaluations where both solve: {beside}")


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return "."
    return f"{outcome.nit}/{outcome.nfev}" if outcome.solved else "-" if outcome.honest else "false"


def _case(problem: Any) -> Case:
    residual = problem.residual
    return Case(lambda x: np.sum(residual(x) ** 2), np.array(problem.x0), problem.minima)


def _judged(problem: Case, x: Any, success: bool, nit: int, nfev: int) -> Outcome:
    point = opt.Problem(problem.objective).at(x)
    least = min(abs(point.f - f) / max(1e-2, abs(f)) for f in problem.minima)
    return Outcome(bool(least <= 1e-7), bool(not success or np.abs(point.g).max() <= GTOL), int(nit), int(nfev))
