"""Least squares: NIST's certified regressions, and a thousand small fits at once beside SciPy's ``curve_fit``.

Digits are those of the worst parameter and of the worst standard deviation, of 11 that are certified; every solver has
its defaults, but SciPy's ``least_squares``, which has the exact Jacobian and tolerances of 1e-15. Times are medians of
runs in turns.
"""

import sys
import time
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import scipy.optimize

import hodiff as hd
import optimizers as opt

#: How many times faster than a loop of SciPy's a batch of fits is to be.
BOUND = 20.0
FITS, POINTS = 1000, 50
SOLVERS: dict[str, Any] = {
    "LevenbergMarquardt": opt.LevenbergMarquardt(),
    "... geodesic": opt.LevenbergMarquardt(geodesic=True),
    "Dogleg": opt.Dogleg(),
    "GaussNewton": opt.GaussNewton(),
}


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the tables."""
    if only.lower() in "nist":
        certified_digits()
    if only.lower() in "batches of fits":
        many_fits(3 if quick else 11)


def certified_digits() -> None:
    """NIST's nine data sets from both starts."""
    nist = _nist()
    print(
        "\nNIST, start 2 (near) and 1 (far): digits of parameters and deviations, iterations, evaluations; - no success"
    )
    print(f"{'':<11}" + "".join(f"{name:>26}" for name in (*SOLVERS, "SciPy's lm")))
    for data in nist.load_all():
        for start in (2, 1):
            x0 = data.starts[start - 1]
            cells = [_cell(data, solver.run(data.residuals, x0)) for solver in SOLVERS.values()]
            print(f"{data.name:<9}{start} " + "".join(f"{cell:>26}" for cell in (*cells, _of_scipy(data, x0))))


def many_fits(rounds: int) -> None:
    """A thousand fits of four parameters to fifty points each: by one vmapped solver, and by loops; on one thread."""
    hd.set_num_threads(1)
    t, data, starts = _curves()
    solver = opt.LevenbergMarquardt()

    def residual(p: Any, t: Any, y: Any) -> Any:
        return curve(t, p[0], p[1], p[2], p[3]) - y

    batch = hd.vmap(lambda x0, y: solver.run(residual, x0, (t, y)).x)
    contenders: dict[str, Callable[[], Any]] = {
        "one vmapped LevenbergMarquardt": lambda: batch(starts, data),
        "a loop of SciPy's curve_fit": lambda: _loop(scipy.optimize.curve_fit, t, data, starts),
    }
    for _ in range(3):  # what is compiled is compiled at the first calls
        found = {who: call() for who, call in contenders.items()}
    apart = max(float(np.abs(x - found["one vmapped LevenbergMarquardt"]).max()) for x in found.values())
    taken: dict[str, list[float]] = {who: [] for who in contenders}
    for _ in range(rounds):
        for who, call in contenders.items():
            began = time.perf_counter()
            call()
            taken[who].append(time.perf_counter() - began)
    print(f"\n{FITS} fits of 4 parameters to {POINTS} points; parameters agree to {apart:.0e}")
    for who, seconds in taken.items():
        print(f"{who:<44} {median(seconds) * 1e3:>10.1f}ms")
    ours, theirs = taken.values()
    ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
    print(f"{'theirs / ours':<44} {f'{ratio:.1f} >={BOUND:g}' + ('' if ratio >= BOUND else '!'):>12}")


def curve(t: Any, a: Any, k: Any, b: Any, c: Any) -> Any:
    """A decay and an oscillation."""
    return a * np.exp(-k * t) + b * np.cos(t) + c


def _curves() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    t = np.linspace(0.0, 4.0, POINTS)
    truth = rng.uniform([1.0, 0.5, 0.5, -0.5], [3.0, 2.0, 1.5, 0.5], size=(FITS, 4))
    data = np.stack([curve(t, *p) for p in truth]) + 0.02 * rng.normal(size=(FITS, POINTS))
    return t, data, np.tile([1.5, 1.0, 1.0, 0.0], (FITS, 1))


def _loop(fit: Callable[..., Any], t: Any, data: Any, starts: Any) -> Any:
    return np.stack([fit(curve, t, y, p0=x0)[0] for x0, y in zip(starts, data, strict=True)])


def _cell(data: Any, result: Any) -> str:
    deviations = _digits(result.std, data.deviations)
    flag = "" if result.success else "-"
    return f"{flag}{data.digits(result.x):.1f}/{deviations:.1f} {result.nit:>4} {result.nfev:>4}"


def _of_scipy(data: Any, x0: Any) -> str:
    tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 5000}
    with np.errstate(all="ignore"):
        found = scipy.optimize.least_squares(
            data.residuals, x0, method="lm", x_scale="jac", **tight, **opt.least_squares_kwargs(data.residuals)
        )
    return f"{data.digits(found.x):.1f} {found.nfev:>9}"


def _digits(found: Any, certified: Any) -> float:
    return float(-np.log10(np.maximum(np.abs(found / certified - 1.0), 1e-11).max()))


def _nist() -> Any:
    """The data and models of the examples."""
    path = Path(__file__).resolve().parents[1] / "examples" / "nist.py"
    spec = spec_from_file_location("nist", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["nist"] = module  # where its dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    run()
