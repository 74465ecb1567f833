"""Compiled mode beside eager mode, autograd, JAX and NumPy by hand."""

import gc
import importlib.metadata
import platform
from functools import partial
from typing import Any

from benchmarks import calling, minimising
from benchmarks.compiled_rows import Row, rows, unrolled
from benchmarks.harness import Timing, check, time_first_calls, time_in_turns
from hodiff import make_program

PEERS = ("eager", "autograd", "jax", "by hand")
#: Where the median is that much slower than the fastest round, the machine was busy.
NOISE = 0.25


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the page."""
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "autograd", "jax"))
    print(f"Compiled mode. Python {platform.python_version()}, {versions}; fastest of rounds in turns")
    print("ratio = time of the peer / ours, ! where short of the target, ~ where the median is 25 % above\n")
    print(f"{'value and gradient, unless it says otherwise':<44} {'hodiff.jit':>12}", end="")
    print("".join(f" {who:>16}" for who in PEERS))
    chosen = [row for row in rows() if only in row.name]
    gc.freeze()  # what was imported need not be looked at before each round
    eager = {}
    for row in chosen:
        calls = check_row(row)
        times = time_in_turns(calls, rounds=5 if quick else 21, budget=8.0)
        eager[row.name] = times["eager"].best
        print_row(row, times)
    print_first_calls(chosen, eager)
    if not only:
        print_unrolled()
        calling.run(quick=quick)
        minimising.run(quick=quick)


def check_row(row: Row) -> dict[str, Any]:
    """The contenders on the first arguments, after all have agreed on all arguments."""
    made = {who: make() for who, make in row.contenders.items()}
    for arguments in (*row.arguments, row.arguments[0]):
        check(row.name, {who: partial(f, *arguments) for who, f in made.items()})
    return {who: partial(f, *row.arguments[0]) for who, f in made.items()}


def print_row(row: Row, times: dict[str, Timing]) -> None:
    """Times of one row."""
    ours = times["jit"]
    text = f"{row.name:<44} {ours.best * 1e6:>10.1f}µs{'~' if ours.noise > NOISE else ' '}"
    for who in PEERS:
        if who not in times:
            text += f" {'':>16}"
            continue
        ratio = times[who].best / ours.best
        target = row.targets.get(who)
        wanted = "" if target is None else f" ≥{target:g}{' ' if ratio >= target else '!'}"
        text += f" {f'{ratio:.2f}{wanted}' + ('~' if times[who].noise > NOISE else ''):>16}"
    print(text, flush=True)


def print_first_calls(chosen: list[Row], eager: dict[str, float]) -> None:
    """What the first call costs: the run that is written down, passes, emission."""
    print(f"\n{'first call':<44} {'equations':>9} {'hodiff.jit':>12} {'eager':>10} {'bound':>10} {'jax':>13}")
    for row in chosen:
        arguments = row.arguments[0]
        equations = count_equations(row)
        ours = time_first_calls(lambda row=row, a=arguments: partial(row.contenders["jit"](), *a), rounds=25)
        bound = 3 * eager[row.name] + 2e-3 * max(1.0, equations / 100)
        text = f"{row.name:<44} {equations:>9} {ours * 1e3:>10.2f}ms {eager[row.name] * 1e3:>8.2f}ms "
        text += f"{bound * 1e3:>8.2f}ms{' ' if ours <= bound else '!'}"
        if "jax" in row.contenders:
            theirs = time_first_calls(lambda row=row, a=arguments: partial(row.contenders["jax"](), *a), rounds=3)
            text += f" {theirs * 1e3:>10.1f}ms{' ' if ours <= theirs else '!'}"
        print(text, flush=True)


def print_unrolled(seconds: float = 5.0) -> None:
    """First calls of loops that JAX unrolls too, up to the length at which that takes ``seconds``."""
    print(f"\n{'first call, Python loop that JAX unrolls':<44} {'':>9} {'hodiff.jit':>12} {'':>21} {'jax':>12}")
    for steps in (5, 10, 20, 40, 80, 160):
        row = unrolled(steps)
        make, arguments = row.contenders, row.arguments[0]
        ours = time_first_calls(lambda m=make, a=arguments: partial(m["jit"](), *a), rounds=5)
        theirs = time_first_calls(lambda m=make, a=arguments: partial(m["jax"](), *a), rounds=1)
        mark = " " if ours <= theirs else "!"
        print(f"{row.name:<44} {'':>9} {ours * 1e3:>10.2f}ms {'':>21} {theirs * 1e3:>10.1f}ms{mark}", flush=True)
        if theirs > seconds:
            break


def count_equations(row: Row) -> int:
    """Length of the program as it is staged."""
    return len(make_program(row.contenders["eager"]())(*row.arguments[0]).equations)
