"""The native back end beside JAX, CasADi's C code and loops compiled by numba, on one thread and on all."""

import importlib.metadata
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from math import exp, log
from multiprocessing import get_context
from statistics import fmean
from typing import Any

from benchmarks.compiled_rows import Row
from benchmarks.native_rows import best_backend, rows
from benchmarks.native_worker import PATIENCE, Answer, serve

PEERS = ("jax", "casadi", "loop")
#: Seconds that a worker may take for one row.
DEADLINE = 60.0
#: Least geometric mean, over the rows, of JAX's time to ours.
MEAN = 2.5
#: Seconds that a call of a small function may take, and the first call of Rosenbrock's function.
CALL, FIRST = 1.5e-6, 0.1
#: Lengths of long programs, and how much longer an equation may take than in a shorter one.
OPERATIONS, GROWTH = (40, 80, 160, 320, 640), 1.5


class Worker:
    """A process that times things, on one thread or on all; another takes its place where it does not answer."""

    def __init__(self, threads: str) -> None:
        self.threads = threads
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True)
        # Programs that were compiled before would make first calls look short.
        with _environment(BENCHMARK_THREADS=self.threads, HODIFF_CACHE_DIR=""), _cores(self.threads):
            self._process.start()
        theirs.close()

    def ask(self, task: str, *arguments: Any) -> Answer:
        """What the worker measures."""
        try:
            self._connection.send((task, arguments))
            if self._connection.poll(DEADLINE):
                answer: Answer = self._connection.recv()
                return answer
            remark = f"no answer in {DEADLINE:g} s"
        except (EOFError, OSError):
            self._process.join()
            remark = f"the process ended with code {self._process.exitcode}"
        self.stop()
        self._start()
        return Answer(remark=remark)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()


def run(*, quick: bool = False, only: str = "") -> None:
    """Print the page."""
    chosen = [row for row in rows() if only in row.name]
    print_header()
    workers = {threads: Worker(threads) for threads in ("one", "all")}
    try:
        answers = {row.name: print_row(row, workers, quick) for row in chosen}
        print_summary(chosen, answers)
        print_first_calls({name: one for name, (one, _) in answers.items()})
        if not only:
            print_call(workers["one"].ask("call", quick))
            print_compiling(workers["one"], OPERATIONS[: 3 if quick else None])
    finally:
        for worker in workers.values():
            worker.stop()


def print_header() -> None:
    """What is compared, and how to read it."""
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "jax", "casadi", "numba"))
    print(f"Back end {best_backend()!r}. Python {platform.python_version()}, {versions}, {os.cpu_count()} cores")
    print(
        "ratio = time of the peer / ours, of fastest rounds / of medians; ! where the ratio of medians is below target"
    )
    print(
        "loop = by hand, compiled by numba with and without fastmath, the faster; C = CasADi's, compiled by gcc -O3\n"
    )
    print(f"{'value and gradient, unless':<40} {'one thread':>18} {'':>48} | {'all threads':>18}")
    peers = " ".join(f"{who:>16}" for who in ("jax", "C", "loop"))
    print(f"{'it says otherwise':<40} {'hodiff, µs':>18} {peers} | {'hodiff, µs':>18} {'jax':>16}")


def print_row(row: Row, workers: dict[str, Worker], quick: bool) -> tuple[Answer, Answer]:
    """Times of one row, as they come in."""
    print(f"{row.name:<40}", end="", flush=True)
    one = workers["one"].ask("row", row.name, quick, True)
    peers = " ".join(f"{_ratio(one, who, row.targets):>16}" for who in PEERS)
    print(f" {_own(one):>18} {peers}", end=" | ", flush=True)
    both = workers["all"].ask("row", row.name, quick, False)
    print(f"{_own(both):>18} {_ratio(both, 'jax', row.targets):>16}", flush=True)
    for answer in (one, both):
        if answer.remark:
            print(f"    ! {answer.remark}")
    return one, both


def print_summary(chosen: list[Row], answers: dict[str, tuple[Answer, Answer]]) -> None:
    """Geometric means of the ratios to JAX, and how many targets are met."""
    print()
    for number, threads in enumerate(("one thread", "all threads")):
        timed = [pair[number].times for pair in answers.values() if pair[number].times]
        if timed:
            fastest, median = (exp(fmean(log(t["jax"][i] / t["hodiff"][i]) for t in timed)) for i in (0, 1))
            mark = " " if median >= MEAN and len(timed) == len(answers) else "!"
            name = f"geometric mean of {len(timed)} rows, {threads}"
            print(f"{name:<40} {'':>18} {f'{fastest:.2f}/{median:.2f} ≥{MEAN:g}{mark}':>16}")
    wanted = [
        (answer, who, target)
        for row in chosen
        for number, answer in enumerate(answers[row.name])
        for who, target in row.targets.items()
        if number == 0 or who == "jax"
    ]
    met = sum(who in a.times and a.times[who][1] / a.times["hodiff"][1] >= target for a, who, target in wanted)
    print(f"{'targets met by the medians':<40} {f'{met} of {len(wanted)}':>18}")


def print_first_calls(answers: dict[str, Answer]) -> None:
    """What the first call costs: staging, compiling and running."""
    print(f"\n{'first call, one thread':<40} {'equations':>9} {'hodiff':>12} {'jax':>12}")
    for name, answer in answers.items():
        if not answer.first:
            continue
        ours, theirs = answer.first["hodiff"], answer.first["jax"]
        mark = " " if ours <= theirs and (ours <= FIRST or "Rosenbrock" not in name) else "!"
        print(f"{name:<40} {answer.equations:>9} {ours * 1e3:>10.1f}ms{mark} {theirs * 1e3:>9.1f}ms")


def print_call(answer: Answer) -> None:
    """What a call costs."""
    names = {"hodiff": "hodiff", "jax": "jax", "loop": "numba", "empty": "an empty Python function"}
    print(f"\n{'call of sum(x * x) / 10, n=10':<40} {'fastest':>12} {'median':>12}")
    for who, (best, median) in answer.times.items():
        bound = f" ≤{CALL * 1e6:g}µs{' ' if median <= CALL else '!'}" if who == "hodiff" else ""
        print(f"{names[who]:<40} {best * 1e6:>10.2f}µs {median * 1e6:>10.2f}µs{bound}", flush=True)
    if answer.remark:
        print(f"    ! {answer.remark}")


def print_compiling(worker: Worker, lengths: tuple[int, ...]) -> None:
    """First calls of long programs without repetition, of 10-vectors."""
    print(f"\n{'first call of long programs':<40} {'equations':>9} {'hodiff':>12} {'an equation':>13} {'jax':>12}")
    least, with_jax = float("inf"), True
    for operations in lengths:
        answer = worker.ask("compiling", operations, with_jax)
        if answer.first:
            ours, theirs = answer.first["hodiff"], answer.first.get("jax")
            each = ours / answer.equations
            least = min(least, each)
            text = f"{f'value and gradient of {operations} operations':<40} {answer.equations:>9} {ours * 1e3:>10.1f}ms"
            text += f" {each * 1e6:>10.1f}µs{' ' if each <= GROWTH * least else '!'}"
            print(text + ("" if theirs is None else f" {theirs * 1e3:>10.1f}ms"), flush=True)
            with_jax = theirs is not None and 2 * theirs < PATIENCE
        if answer.remark:
            print(f"    ! {operations} operations: {answer.remark}")


def _own(answer: Answer) -> str:
    return "/".join(f"{seconds * 1e6:.1f}" for seconds in answer.times.get("hodiff", ()))


def _ratio(answer: Answer, who: str, targets: dict[str, float]) -> str:
    if who not in answer.times:
        return ""
    fastest, median = (theirs / ours for theirs, ours in zip(answer.times[who], answer.times["hodiff"], strict=True))
    target = targets.get(who)
    return f"{fastest:.2f}/{median:.2f}" + (
        "" if target is None else f" ≥{target:.2g}{' ' if median >= target else '!'}"
    )


@contextmanager
def _cores(threads: str) -> Iterator[None]:
    """The cores of the processes that are started within: for one thread one, where that can be said."""
    if threads == "all" or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _environment(**names: str) -> Iterator[None]:
    """Variables for the processes that are started within."""
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
