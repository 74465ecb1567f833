"""Performance profiles of our solvers and SciPy's: how often each is within a factor of the cheapest.

    python -m benchmarks profiles                        the figures as a table
    python -m benchmarks.profiles docs/profiles.svg      the picture in docs/choosing-a-solver.md

E. D. Dolan and J. J. Moré, "Benchmarking optimization software with performance profiles", Mathematical Programming 91
(2002) 201-213. The problems are those of Moré, Garbow and Hillstrom, each from its usual start and from ten times that.
The cost of a run is counted in gradients, so that the figures are the same on every machine: value and gradient count
as one, a product with the Hessian as two, and a Hessian of n unknowns as n, its price in operations, or as one, its
price in time where n is small and the function is compiled.
"""

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import optimizers as opt

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from mgh import PROBLEMS

#: What is solved with, and the name it has in the picture; those of SciPy are names.
SOLVERS: dict[str, Any] = {
    "TrustRegion": opt.TrustRegion(),
    "ARC": opt.ARC(),
    "Newton": opt.Newton(),
    "BFGS": opt.BFGS(),
    "LBFGS": opt.LBFGS(),
    "NonlinearCG": opt.NonlinearCG(),
    "SciPy trust-exact": "trust-exact",
    "SciPy BFGS": "BFGS",
    "SciPy L-BFGS-B": "L-BFGS-B",
}
STARTS = (1.0, 10.0)
#: A run may cost this many gradients; what is dearer counts as not solved.
LIMIT = 5_000


def cost(problem: Any, scale: float, method: Any) -> tuple[float, float]:
    """Gradients that a run took until a known minimum, by both counts; infinite where it found none."""
    # One test of the gradient for all; `minimize` gives SciPy's L-BFGS-B an `ftol` that does not stop it first.
    options = {"gtol": 1e-6, "maxiter": LIMIT}
    start = scale * np.array(problem.x0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = opt.minimize(problem.objective, start, method=method, options=options)
        except opt.errors.NonFiniteError:
            return np.nan, np.nan
    if not any(abs(result.fun - least) <= 1e-7 * max(1e-2, abs(least)) for least in problem.minima):
        return np.inf, np.inf
    others = result.nfev + 2 * result.nhvp
    return float(others + start.size * result.nhev), float(others + result.nhev)


def costs() -> dict[str, list[tuple[float, float]]]:
    """Of every solver, its costs over the problems; starts where the objective overflows are left out."""
    table: dict[str, list[tuple[float, float]]] = {name: [] for name in SOLVERS}
    for problem in PROBLEMS.values():
        for scale in STARTS:
            row = {name: cost(problem, scale, method) for name, method in SOLVERS.items()}
            if not any(np.isnan(pair[0]) for pair in row.values()):
                for name, pair in row.items():
                    table[name].append(pair)
    return table


def profile(table: dict[str, list[tuple[float, float]]], count: int, factors: Sequence[float]) -> dict[str, np.ndarray]:
    """Share of the problems on which each solver is within each factor of the cheapest, by one count of the two.

    >>> profile({"a": [(1.0, 0.0), (4.0, 0.0)], "b": [(2.0, 0.0), (np.inf, 0.0)]}, 0, [1.0, 2.0])
    {'a': array([1., 1.]), 'b': array([0. , 0.5])}
    """
    values = np.array([[pair[count] for pair in pairs] for pairs in table.values()])
    best = values.min(axis=0)
    ratios = values / np.where(np.isfinite(best), best, 1.0)
    within = np.isfinite(ratios)[:, :, None] & (ratios[:, :, None] <= np.asarray(factors))
    return dict(zip(table, within.mean(axis=1), strict=True))


def draw(path: str) -> None:
    """Write the picture."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "profiles"
    from matplotlib import pyplot as plt

    factors = np.geomspace(1.0, 64.0, 400)
    figure, panels = plt.subplots(1, 2, figsize=(10.0, 4.2), layout="constrained", sharey=True)
    table = costs()
    for count, (axes, price) in enumerate(zip(panels, ("n gradients", "one gradient"), strict=True)):
        for name, shares in profile(table, count, factors).items():
            axes.step(factors, shares, where="post", label=name, linestyle="--" if name.startswith("SciPy") else "-")
        axes.set_title(f"a Hessian counted as {price}", fontsize=10)
        axes.set_xscale("log", base=2)
        axes.set_xlim(1.0, 64.0)
        axes.set_ylim(0.0, 1.02)
        axes.set_xticks([1, 2, 4, 8, 16, 32, 64], ["1", "2", "4", "8", "16", "32", "64"])
        axes.set_xlabel("cost, as a multiple of the cheapest solver's")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share of problems solved within it")
    panels[1].legend(loc="lower right", fontsize=8)
    figure.savefig(path, metadata={"Date": None} if path.endswith("svg") else None)


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the tables."""
    factors = (1.0, 2.0, 4.0, 16.0, np.inf)
    table = costs()
    for count, price in enumerate(("n gradients", "one gradient")):
        print(f"{f'solved within a factor of (a Hessian: {price})':<52}" + "".join(f"{f:>8g}" for f in factors))
        for name, shares in profile(table, count, factors).items():
            if only in name:
                print(f"{name:<52}" + "".join(f"{share:>8.2f}" for share in shares))


if __name__ == "__main__":
    draw(sys.argv[1])
