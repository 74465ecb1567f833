"""Four ways to differentiate: by hand, numerically, symbolically, automatically.

One function, Rosenbrock's in n variables, and its gradient and Hessian in each way. Two figures go to
``examples/output/``: the accuracy of difference quotients against their step, beside that of the other ways, and the
time against n. Errors are measured against exact rational arithmetic, times in this process.

    python examples/03_four_ways.py [--output DIRECTORY]
"""

import argparse
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import sympy
from matplotlib.figure import Figure

import hodiff as hd

OUTPUT = Path(__file__).resolve().parent / "output"
#: A way is followed to larger n until one evaluation, or sympy's preparation, takes this many seconds.
PATIENCE = 0.4
PREPARATION = 1.5
SIZES = {"gradient": (2, 5, 10, 20, 50, 100, 300, 1000, 3000, 10000), "Hessian": (2, 5, 10, 20, 50, 100, 200, 400, 800)}
COLORS = {"by hand": "0.35", "automatic": "C0", "numerical": "C1", "symbolic": "C2"}

CONCLUSION = """\
By hand is fast and exact, and costs a person's time for every function. Difference quotients lose a third to two
thirds of the digits even with the best step, and take n or n² evaluations; the complex step is exact, but takes n
evaluations, gives no Hessian, and wants a function of complex numbers. Expressions are exact and fast, until they
grow too large to prepare. Automatic derivatives are exact, of any order, and a gradient costs a small multiple of
the function for any n; below about ten variables differences are quicker, for recording costs a fixed time, some
microseconds an operation."""


def rosenbrock(x):
    """The function, in plain NumPy."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


# --- by hand: an hour of work, and a test to believe it ---------------------------------------------------------------


def gradient_by_hand(x):
    """The gradient, derived with pencil and paper."""
    inner = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[:-1] = -400.0 * x[:-1] * inner - 2.0 * (1.0 - x[:-1])
    g[1:] += 200.0 * inner
    return g


def hessian_by_hand(x):
    """The Hessian, derived with pencil and paper."""
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    diagonal[1:] += 200.0
    beside = -400.0 * x[:-1]
    return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)


# --- numerically: a step to choose, and n evaluations or n² -----------------------------------------------------------


def forward_differences(x, h=1e-8):
    """The gradient, from n + 1 values."""
    base = rosenbrock(x)
    return np.array([(rosenbrock(x + h * e) - base) / h for e in np.eye(x.size)])


def central_differences(x, h=6e-6):
    """The gradient, from 2n values."""
    return np.array([(rosenbrock(x + h * e) - rosenbrock(x - h * e)) / (2 * h) for e in np.eye(x.size)])


def complex_step(x, h=1e-20):
    """The gradient, from n values at complex points; needs an analytic function, written so as to take them."""
    return np.array([rosenbrock(x + 1j * h * e).imag / h for e in np.eye(x.size)])


def second_differences(x, h=1e-4):
    """The Hessian, from values alone."""
    basis = h * np.eye(x.size)
    base, single = rosenbrock(x), np.array([rosenbrock(x + e) for e in basis])
    H = np.empty((x.size, x.size))
    for i, a in enumerate(basis):
        for j, b in enumerate(basis[: i + 1]):
            H[i, j] = H[j, i] = (rosenbrock(x + a + b) - single[i] - single[j] + base) / h**2
    return H


# --- symbolically: expressions to derive, and to compile --------------------------------------------------------------


def symbolic(n, kind):
    """A function from sympy, and the seconds that it took to make."""
    begin = time.perf_counter()
    x = sympy.symbols(f"x:{n}")
    f = sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(n - 1))
    rows = [sympy.diff(f, v) for v in x]
    if kind == "Hessian":
        rows = [[sympy.diff(row, v) for v in x] for row in rows]
    compiled = sympy.lambdify([x], rows, modules="numpy", cse=True)
    return lambda point: np.array(compiled(point)), time.perf_counter() - begin


# --- automatically ----------------------------------------------------------------------------------------------------

gradient = hd.grad(rosenbrock)
hessian = hd.hessian(rosenbrock)


# --- accuracy ---------------------------------------------------------------------------------------------------------


def exact(x):
    """Gradient and Hessian in rational arithmetic, rounded once at the end."""
    x = [Fraction(float(v)) for v in x]
    n = len(x)
    g, H = [Fraction(0)] * n, np.zeros((n, n))
    diagonal = [Fraction(0)] * n
    for i in range(n - 1):
        inner = x[i + 1] - x[i] ** 2
        g[i] += -400 * x[i] * inner - 2 * (1 - x[i])
        g[i + 1] += 200 * inner
        diagonal[i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        diagonal[i + 1] += 200
        H[i, i + 1] = H[i + 1, i] = float(-400 * x[i])
    return np.array(list(map(float, g))), H + np.diag(list(map(float, diagonal)))


def error(found, wanted):
    """Largest error relative to the largest entry; what is below one unit in the last place counts as that."""
    return max(float(np.abs(found - wanted).max() / np.abs(wanted).max()), 2.0**-53)


def accuracy(n=10):
    """Errors of difference quotients by step, and of the other ways."""
    x = np.random.default_rng(1).uniform(-1.5, 1.5, n)
    g, H = exact(x)
    steps = np.logspace(-16, 0, 65)
    curves = {
        "forward differences": (steps, [error(forward_differences(x, h), g) for h in steps], "C1", "-"),
        "central differences": (steps, [error(central_differences(x, h), g) for h in steps], "C3", "-"),
        "complex step": (steps, [error(complex_step(x, h), g) for h in steps], "C4", "-"),
        "Hessian, second differences": (steps, [error(second_differences(x, h), H) for h in steps], "C5", "-"),
    }
    levels = {
        "by hand": (error(gradient_by_hand(x), g), error(hessian_by_hand(x), H)),
        "symbolic": (error(symbolic(n, "gradient")[0](x), g), error(symbolic(n, "Hessian")[0](x), H)),
        "automatic": (error(gradient(x), g), error(hessian(x), H)),
    }
    return curves, levels


def report_accuracy(curves, levels):
    """Print the best that each way can do."""
    print("Relative error of the gradient and the Hessian of Rosenbrock's function, n = 10:")
    for name, (steps, errors, *_) in curves.items():
        best = int(np.argmin(errors))
        print(f"  {name:28} {errors[best]:7.0e} at the best step, {steps[best]:.0e}; {max(errors):.0e} at the worst")
    for name, (of_gradient, of_hessian) in levels.items():
        print(f"  {name:28} {of_gradient:7.0e} gradient, {of_hessian:.0e} Hessian; no step to choose")


def plot_accuracy(curves, levels, path):
    """Draw errors against the step."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    for name, (steps, errors, color, line) in curves.items():
        axes.loglog(steps, errors, line, color=color, lw=1.6, label=name)
    worst = max(max(pair) for pair in levels.values())
    label = "automatic, symbolic, by hand: no step"
    axes.axhline(worst, color=COLORS["automatic"], lw=3, ls="--", label=label)
    highest = max(max(errors) for _, errors, *_ in curves.values())
    axes.set_ylim(1e-17, 10.0 * highest)
    axes.set_xlim(1e-16, 1.0)
    axes.set_xlabel("step h")
    axes.set_ylabel("relative error")
    axes.set_title("Difference quotients trade truncation against round-off; derivatives do not")
    axes.grid(alpha=0.25)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    figure.savefig(path, dpi=110)


# --- time -------------------------------------------------------------------------------------------------------------


def seconds(function, x):
    """Best time of a call out of several; out of two where they are slow."""
    best = np.inf
    for _ in range(2):
        begin = time.perf_counter()
        function(x)
        best = min(best, time.perf_counter() - begin)
    for _ in range(5 if best < 0.05 else 0):
        count = max(1, int(4e-3 / max(best, 1e-7)))
        begin = time.perf_counter()
        for _ in range(count):
            function(x)
        best = min(best, (time.perf_counter() - begin) / count)
    return best


def timings(kind):
    """Seconds by way and n; for sympy the preparation too."""
    ways = {
        "gradient": {"by hand": gradient_by_hand, "automatic": gradient, "numerical": forward_differences},
        "Hessian": {"by hand": hessian_by_hand, "automatic": hessian, "numerical": second_differences},
    }[kind]
    curves = {name: _until_patience_ends(function, kind) for name, function in ways.items()}
    evaluation, preparation = [], []
    for n in SIZES[kind]:
        function, spent = symbolic(n, kind)
        evaluation.append((n, seconds(function, np.linspace(-1.0, 1.0, n))))
        preparation.append((n, spent))
        if spent * (n_growth(kind, n)) > PREPARATION:
            break
    return {**curves, "symbolic": evaluation, "symbolic, to prepare": preparation}


def n_growth(kind, n):
    """Factor by which the number of entries grows to the next n."""
    sizes = SIZES[kind]
    after = sizes[min(sizes.index(n) + 1, len(sizes) - 1)]
    return (after / n) ** (2 if kind == "Hessian" else 1)


def _until_patience_ends(function, kind):
    found = []
    for n in SIZES[kind]:
        found.append((n, seconds(function, np.linspace(-1.0, 1.0, n))))
        if found[-1][1] * n_growth(kind, n) > PATIENCE:
            break
    return found


def report_times(kind, curves):
    """Print milliseconds by n."""
    print(f"Milliseconds for a {kind} ('-': expected to take more than {PATIENCE} s, or {PREPARATION} s to prepare):")
    print(f"  {'n':22}" + "".join(f"{n:>9}" for n in SIZES[kind]))
    for name, points in curves.items():
        by_n = dict(points)
        cells = [f"{1e3 * by_n[n]:9.3g}" if n in by_n else f"{'-':>9}" for n in SIZES[kind]]
        print(f"  {name:22}" + "".join(cells))


def plot_times(results, path):
    """Draw seconds against n."""
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    for axes, (kind, curves) in zip(figure.subplots(1, 2, sharey=True), results.items(), strict=True):
        for name, points in curves.items():
            n, spent = np.array(points).T
            way = name.partition(",")[0]
            dashed = way != name
            axes.loglog(n, spent, "s--" if dashed else "o-", color=COLORS[way], lw=1.6, ms=4, label=name)
        axes.set_xlabel("n")
        axes.set_title(kind)
        axes.grid(alpha=0.25)
    figure.axes[0].set_ylabel("seconds")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=9)
    figure.suptitle("Time of one evaluation against the number of variables")
    figure.savefig(path, dpi=110)


def main():
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=OUTPUT, help="directory for the figures")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    curves, levels = accuracy()
    report_accuracy(curves, levels)
    plot_accuracy(curves, levels, output / "03_accuracy.png")
    results = {kind: timings(kind) for kind in SIZES}
    for kind, measured in results.items():
        report_times(kind, measured)
    plot_times(results, output / "03_time.png")
    print(CONCLUSION)
    print(f"Figures: {output / '03_accuracy.png'}, {output / '03_time.png'}")


if __name__ == "__main__":
    main()
