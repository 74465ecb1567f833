"""Eager mode beside autograd and torch: value and gradient from and to NumPy."""

import importlib.metadata
import platform
from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import torch

import hodiff as hd
from benchmarks.harness import Call, check, peak_memory, time_in_turns
from benchmarks.problems import network, network_data, rosenbrock, scalar_loop

Row = tuple[str, dict[str, Call], dict[str, float]]


def torch_value_and_grad(f: Callable[..., Any], x: Any) -> Call:
    """Value and gradient by torch's tape, from and to NumPy."""

    def call() -> Any:
        leaves = [torch.from_numpy(v).requires_grad_() for v in (x if isinstance(x, list) else [np.asarray(x)])]
        value = f(leaves if isinstance(x, list) else leaves[0])
        gradients = [g.numpy() for g in torch.autograd.grad(value, leaves)]
        return value.item(), gradients if isinstance(x, list) else gradients[0]

    return call


def rows() -> list[Row]:
    """Name, contenders and targets (least ratio of the peer's time to ours) of each row."""
    table: list[Row] = []
    for n, target in ((10, 4.0), (100, 4.0), (10_000, 0.95)):
        x = np.linspace(-1.0, 1.0, n)
        ours, theirs = hd.value_and_grad(rosenbrock(np)), autograd.value_and_grad(rosenbrock(anp))
        calls = {
            "hodiff": lambda f=ours, x=x: f(x),
            "autograd": lambda f=theirs, x=x: f(x),
            "torch": torch_value_and_grad(rosenbrock(torch), x),
        }
        table.append((f"Rosenbrock n={n}, value and gradient", calls, {"autograd": target}))

    inputs, labels, parameters = network_data()
    tensors = torch.from_numpy(inputs), torch.from_numpy(labels)
    ours, theirs = hd.value_and_grad(network(np, inputs, labels)), autograd.value_and_grad(network(anp, inputs, labels))
    calls = {
        "hodiff": lambda: ours(parameters),
        "autograd": lambda: theirs(parameters),
        "torch": torch_value_and_grad(network(torch, *tensors), parameters),
    }
    table.append(("MLP 784-128-10, batch 128, value and gradient", calls, {"autograd": 0.95}))

    steps = 10_000
    loop, their_loop = hd.value_and_grad(scalar_loop(np, steps)), autograd.value_and_grad(scalar_loop(anp, steps))
    calls = {
        "hodiff": lambda: loop(0.5),
        "autograd": lambda: their_loop(0.5),
        "torch": torch_value_and_grad(scalar_loop(torch, steps), 0.5),
    }
    table.append((f"scalar loop of {steps} steps, value and gradient", calls, {"autograd": 3.0}))

    x = np.linspace(-1.0, 1.0, 100)
    hessian, their_hessian = hd.hessian(rosenbrock(np)), autograd.hessian(rosenbrock(anp))
    torch_hessian = torch.func.hessian(rosenbrock(torch))
    calls = {
        "hodiff": lambda: hessian(x),
        "autograd": lambda: their_hessian(x),
        "torch": lambda: torch_hessian(torch.from_numpy(x)).numpy(),
    }
    table.append(("Rosenbrock n=100, Hessian", calls, {"autograd": 10.0}))
    return table


def growth() -> None:
    """Time and memory of the loop at lengths 2 500 to 20 000: both should double from line to line."""
    print(f"\n{'scalar loop':>12} {'ms':>9} {'µs a step':>10} {'peak MB':>9} {'bytes a step':>13}")
    for steps in (2_500, 5_000, 10_000, 20_000):
        f = hd.grad(scalar_loop(np, steps))
        seconds = time_in_turns({"hodiff": lambda f=f: f(0.5)}, rounds=5)["hodiff"].median
        peak = peak_memory(lambda f=f: f(0.5))
        print(
            f"{steps:>12} {seconds * 1e3:>9.1f} {seconds / steps * 1e6:>10.2f} {peak / 1e6:>9.2f} {peak / steps:>13.0f}"
        )


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the page."""
    torch.set_num_threads(1)
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "autograd", "torch"))
    print(f"Eager mode. Python {platform.python_version()}, {versions}; medians of rounds in turns")
    print("ratio = time of the peer / ours, ! where short of the target\n")
    print(f"{'':<48} {'hodiff':>11} {'autograd':>11} {'ratio':>7} {'target':>7} {'torch':>11} {'ratio':>7}")
    for name, calls, targets in rows():
        if only not in name:
            continue
        check(name, calls)
        times = {k: t.median for k, t in time_in_turns(calls, rounds=5 if quick else 21).items()}
        ratio = {k: t / times["hodiff"] for k, t in times.items()}
        target = targets["autograd"]
        mark = f"{f'≥{target:g}':>7}{' ' if ratio['autograd'] >= target else '!'}"
        print(
            f"{name:<48} {times['hodiff'] * 1e6:>9.1f}µs {times['autograd'] * 1e6:>9.1f}µs {ratio['autograd']:>7.2f} "
            f"{mark} {times['torch'] * 1e6:>9.1f}µs {ratio['torch']:>7.2f}"
        )
    growth()
