"""Nonlinear regression against certified results, with exact first and second derivatives.

Fits nine data sets of NIST (see ``nist.py``) from both of NIST's starts, by our `LevenbergMarquardt`, `TrustRegion` and
`Newton` and by SciPy's methods fed with hodiff's derivatives, and counts how many certified digits each finds. Two
figures go to ``examples/output/``: the fits, and the convergence from the far start.

    python examples/01_curve_fit.py [--output DIRECTORY]

The parameters of one model may differ by twelve orders of magnitude, and the responses are in as many units as there
are data sets. `LevenbergMarquardt` does not mind: it gets the residuals as they stand, and has its defaults. For the
minimisers, parameters are measured in units of their start, and what is minimised is half the share of the variation
that the model leaves unexplained: ½‖r‖²/‖y − ȳ‖². Both are plain numbers then, and one tolerance on the gradient
serves all nine.
"""

import argparse
import math
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import nist
import numpy as np
import scipy.optimize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import hodiff as hd
import optimizers as opt

OUTPUT = Path(__file__).resolve().parent / "output"
GTOL = 3e-11
MAXITER = 1000
ENOUGH = 8.0

OURS = ("LevenbergMarquardt", "TrustRegion", "Newton")
SCIPY = ("trust-exact", "least_squares")
#: SciPy without hodiff: the Jacobian by finite differences, for comparison.
PLAIN = "lm, 2-point"

LEGEND = f"""\
digits: certified digits of the worst parameter, 11 at most. f, H, J: evaluations of the objective (least squares: of
the residuals), of its Hessian, of the Jacobian. trust-exact and least_squares are SciPy's, with exact derivatives from
hodiff; '{PLAIN}' is least_squares with its own finite differences, for comparison."""


@dataclass
class Task:
    """One data set from one start, in the scaled variables."""

    data: nist.Dataset
    start: int

    def __post_init__(self):
        self.unit = np.abs(self.data.starts[self.start - 1])
        self.u0 = self.data.starts[self.start - 1] / self.unit
        self.spread = math.sqrt(np.sum((self.data.y - self.data.y.mean()) ** 2))

    def residuals(self, u):
        """Residuals as a share of the spread of the responses."""
        return self.data.residuals(u * self.unit) / self.spread

    def objective(self, u):
        """Half the unexplained share of the variation."""
        return 0.5 * np.sum(self.residuals(u) ** 2)


@dataclass
class Fit:
    """What one method made of a task; `path` holds the parameters after each iteration, where the method tells."""

    task: Task
    method: str
    b: np.ndarray
    deviations: np.ndarray | None
    digits: float
    iterations: int | None
    evaluations: int
    derivatives: int | None
    seconds: float
    success: bool
    message: str
    path: list

    @property
    def excess(self):
        """Residual sum of squares over the certified one, minus 1."""
        return float(np.sum(self.task.data.residuals(self.b) ** 2)) / self.task.data.rss - 1.0


class Counted:
    """A function that counts its calls."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, x):
        """The function's value."""
        self.calls += 1
        return self.function(x)


def fit(task, method):
    """Run one method; SciPy's are called as any user would call them."""
    path = [task.u0]
    f, r = task.objective, task.residuals
    begin = time.perf_counter()
    with warnings.catch_warnings():
        # Far from the solution SciPy tries parameters at which the models overflow; it recovers.
        warnings.simplefilter("ignore", RuntimeWarning)
        if method == "LevenbergMarquardt":
            start = task.data.starts[task.start - 1]
            tell = lambda b: path.append(b / task.unit)  # noqa: E731
            result = opt.least_squares(task.data.residuals, start, callback=tell)
        elif method in OURS:
            solver = getattr(opt, method)(gtol=GTOL, maxiter=MAXITER)
            result = solver.run(f, task.u0, callback=path.append)
        elif method == "trust-exact":
            result = scipy.optimize.minimize(
                f, task.u0, method=method, **opt.scipy_kwargs(f, method),
                options={"gtol": GTOL, "maxiter": MAXITER}, callback=lambda x: path.append(np.array(x)),
            )  # fmt: skip
        else:
            jac = hd.jacobian(r) if method == "least_squares" else "2-point"
            tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 5000}
            counted = Counted(r)
            result = scipy.optimize.least_squares(counted, task.u0, jac=jac, method="lm", x_scale="jac", **tight)
            # Differences call the residuals once a parameter and step more, which SciPy does not count.
            result.nfev = counted.calls
    seconds = time.perf_counter() - begin
    b = result.x if method == "LevenbergMarquardt" else result.x * task.unit
    return Fit(
        task, method, b, result.get("std"), task.data.digits(b), result.get("nit"), result.nfev,
        result.get("nhev") or result.get("njev"), seconds, bool(result.success), str(result.message), path,
    )  # fmt: skip


def why_not(found):
    """Why a fit has fewer digits than wanted."""
    stationary = np.abs(hd.grad(found.task.objective)(found.b / found.task.unit)).max() <= 1e-6
    if found.excess > 1e-3 and stationary and found.success:
        return f"converged to another local minimum, with {found.excess + 1.0:.3g} times the certified sum of squares"
    if found.iterations is not None and found.iterations >= MAXITER:
        return f"still on its way along a flat valley after {MAXITER} iterations (sum of squares {found.excess:+.0e})"
    if found.excess < 1e-6:
        return f"at the certified minimum, but stopped early: {found.message.rstrip('.')}"
    return f"stopped early: {found.message.rstrip('.')} (sum of squares {found.excess:+.0e})"


def report(fits):
    """Print the table and what it amounts to."""
    print("data set  level    start  method             digits  iter     f H or J     ms")
    for (name, start), group in _grouped(fits).items():
        for i, found in enumerate(group):
            label = f"{name:9} {found.task.data.level:8} {start:5}" if i == 0 else " " * 24
            iterations = "-" if found.iterations is None else found.iterations
            derivatives = "-" if found.derivatives is None else found.derivatives
            print(
                f"{label}  {found.method:18} {found.digits:6.2f} {iterations:>5} {found.evaluations:>5} "
                f"{derivatives:>6} {1e3 * found.seconds:6.0f}"
            )
    print()
    print(LEGEND)
    print()
    for start in (2, 1):
        which = "near" if start == 2 else "far"
        print(f"From start {start} ({which}), data sets of 9 with at least {ENOUGH:.0f} digits:")
        for method in (*OURS, *SCIPY, PLAIN):
            print(f"  {method:18} {_count(fits, start, (method,))}")
        print(f"  ours               {_count(fits, start, OURS)}")
        print(f"  ours or SciPy fed by hodiff  {_count(fits, start, OURS + SCIPY)}")
    print()
    print("Where a method with exact derivatives found fewer, and why:")
    short = [found for found in fits if found.digits < ENOUGH and found.method != PLAIN]
    for found in short:
        print(f"  {found.task.data.name} from start {found.task.start}, {found.method}: {why_not(found)}")
    if not short:
        print("  nowhere")


def report_deviations(fits):
    """Compare the standard deviations that come with a fit with the certified ones."""
    worst = min(
        float(-np.log10(np.max(np.abs(found.deviations / found.task.data.deviations - 1.0))))
        for found in fits
        if found.method == "LevenbergMarquardt"
    )
    print(f"Standard deviations of all parameters from the exact Jacobian: at least {worst:.1f} certified digits.")


def plot_fits(fits, path):
    """Draw data, start and fit of every set."""
    chosen = [found for found in fits if found.method == "LevenbergMarquardt" and found.task.start == 2]
    figure = Figure(figsize=(13, 10.5), layout="constrained")
    for axes, found in zip(figure.subplots(3, 3).flat, chosen, strict=True):
        data = found.task.data
        if data.x.ndim == 1:
            grid = np.linspace(data.x.min(), data.x.max(), 400)
            axes.plot(data.x, data.y, "o", ms=4, mfc="none", mec="0.55", label="data")
            axes.plot(grid, data.model.function(data.starts[1], grid), "--", color="C1", lw=1.2, label="start 2")
            axes.plot(grid, data.model.function(found.b, grid), color="C0", lw=1.8, label="fit")
        else:
            time_, temperature = data.x
            grid = np.linspace(0.0, time_.max(), 100)
            for i, degrees in enumerate(np.unique(temperature)):
                here = temperature == degrees
                axes.plot(time_[here], data.y[here], "o", ms=4, mfc="none", mec=f"C{i}")
                curve = data.model.function(found.b, np.stack([grid, np.full(grid.size, degrees)]))
                axes.plot(grid, curve, color=f"C{i}", lw=1.8, label=f"{degrees:.0f} °C")
        low, high = data.y.min(), data.y.max()
        axes.set_ylim(low - 0.08 * (high - low), high + 0.12 * (high - low))
        axes.set_title(f"{data.name} ({data.level}): {found.digits:.1f} digits", fontsize=11)
        axes.set_xlabel(data.model.predictor)
        axes.set_ylabel(data.model.response)
        axes.legend(fontsize=9)
    figure.suptitle("Nine fits by LevenbergMarquardt from NIST's start 2, with the certified digits found", fontsize=13)
    figure.savefig(path, dpi=110)


def plot_convergence(fits, path):
    """Draw the error of the worst parameter after each iteration."""
    styles = {
        "LevenbergMarquardt": ("C3", "-"),
        "TrustRegion": ("C0", "-"),
        "Newton": ("C1", "-"),
        "trust-exact": ("C2", "--"),
    }
    figure = Figure(figsize=(13, 10.5), layout="constrained")
    panels = {name: group for (name, start), group in _grouped(fits).items() if start == 1}
    for axes, (name, group) in zip(figure.subplots(3, 3, sharey=True).flat, panels.items(), strict=True):
        for found in group:
            if found.method not in styles:
                continue
            data, (color, line) = found.task.data, styles[found.method]
            b = np.array(found.path) * found.task.unit
            error = np.abs(b / data.certified - 1.0).max(axis=1)
            iterations = np.arange(len(error))
            axes.semilogy(iterations, np.clip(error, 1e-11, 1e5), line, color=color, lw=1.6, label=found.method)
            axes.plot(iterations[-1], np.clip(error[-1], 1e-11, 1e5), "o", ms=5, color=color)
        axes.axhline(10.0**-ENOUGH, color="0.6", lw=0.8, ls=":")
        axes.set_ylim(1e-12, 1e6)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.set_title(f"{name} ({data.level})", fontsize=11)
        axes.grid(alpha=0.25)
    for axes in figure.axes[6:]:
        axes.set_xlabel("iteration")
    for axes in figure.axes[::3]:
        axes.set_ylabel("relative error, worst parameter")
    figure.axes[0].legend(fontsize=9)
    figure.suptitle(
        f"Convergence from NIST's far start (start 1); the dotted line marks {ENOUGH:.0f} certified digits", fontsize=13
    )
    figure.savefig(path, dpi=110)


def _grouped(fits):
    groups = {}
    for found in fits:
        groups.setdefault((found.task.data.name, found.task.start), []).append(found)
    return groups


def _count(fits, start, methods):
    reached = {f.task.data.name for f in fits if f.task.start == start and f.method in methods and f.digits >= ENOUGH}
    return len(reached)


def main():
    """Fit, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT, help="directory for the figures")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    tasks = [Task(data, start) for data in nist.load_all() for start in (2, 1)]
    fits = [fit(task, method) for task in tasks for method in (*OURS, *SCIPY, PLAIN)]
    report(fits)
    report_deviations(fits)
    plot_fits(fits, output / "01_fits.png")
    plot_convergence(fits, output / "01_convergence.png")
    print(f"Figures: {output / '01_fits.png'}, {output / '01_convergence.png'}")


if __name__ == "__main__":
    main()
