"""SciPy's L-BFGS-B on Rosenbrock's function: time in evaluations, and in all."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

import hodiff as hd
from benchmarks.compiled_rows import through_jax
from benchmarks.problems import rosenbrock

#: Largest parts of JAX's time that ours may be: in evaluations, in all.
BOUNDS = (0.5, 0.8)


def measure(function: Callable[[Any], Any], start: Any) -> tuple[float, float, int]:
    """Seconds in evaluations and in all, and how many evaluations there were."""
    inside: list[float] = []

    def timed(x: Any) -> Any:
        began = time.perf_counter()
        result = function(x)
        inside.append(time.perf_counter() - began)
        return result

    began = time.perf_counter()
    result = minimize(function, start, jac=True, method="L-BFGS-B")
    total = time.perf_counter() - began
    minimize(timed, start, jac=True, method="L-BFGS-B")
    return sum(inside), total, result.nfev


def run(*, quick: bool = False) -> None:
    """Print the table."""
    start = np.where(np.arange(100) % 2, 1.0, -1.2)
    contenders = {
        "hodiff.jit": hd.jit(hd.value_and_grad(rosenbrock(np))),
        "jax": through_jax(jax.value_and_grad(rosenbrock(jnp))),
    }
    taken: dict[str, list[tuple[float, float, int]]] = {who: [] for who in contenders}
    for function in contenders.values():
        measure(function, start)
    for _ in range(7 if quick else 31):
        for who, function in contenders.items():
            taken[who].append(measure(function, start))
    print(f"\n{'SciPy L-BFGS-B, Rosenbrock n=100':<44} {'evaluations':>12} {'in them':>12} {'in all':>12}")
    for who, rounds in taken.items():
        evaluations, total = (median(r[i] for r in rounds) for i in range(2))
        print(f"{who:<44} {rounds[0][2]:>12} {evaluations * 1e3:>10.2f}ms {total * 1e3:>10.2f}ms")
    ours, theirs = taken["hodiff.jit"], taken["jax"]
    text = f"{'ours / theirs':<44} {'':>12}"
    for i, bound in enumerate(BOUNDS):
        ratio = median(a[i] / b[i] for a, b in zip(ours, theirs, strict=True))
        text += f" {f'{ratio:.2f} ≤{bound:g}' + ('' if ratio <= bound else '!'):>12}"
    print(text)
