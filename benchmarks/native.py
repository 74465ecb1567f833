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
    """Print the page; when in haste, for one thread."""
    chosen = [row for row in rows() if only in row.name]
    workers = {threads: Worker(threads) for threads in (("one",) if quick else ("one", "all"))}
    print_header(len(workers) == 2)
    try:
        answers = {row.name: print_row(row, workers, quick) for row in chosen}
        print_summary(chosen, answers)
        print_first_calls({name: found["one"] for name, found in answers.items()})
        if not only:
            print_call(workers["one"].ask("call", quick))
            print_compiling(workers["one"], OPERATIONS[: 2 if quick else None], with_jax=not quick)
    finally:
        for worker in workers.values():
            worker.stop()


def print_header(both: bool) -> None:
    """What is compared, and how to read it."""
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("numpy", "jax", "casadi", "numba"))
    print(f"Back end {best_backend()!r}. Python {platform.python_version()}, {versions}, {os.cpu_count()} cores")
    print(
        "ratio = time of the peer / ours, of fastest rounds / of medians; ! where the ratio of medians is below target"
    )
    print(
        "loop = by hand, compiled by numba with and without fastmath, the faster; C = CasADi's, compiled by gcc -O3\n"
    )
    print(f"{'value and gradient, unless':<40} {'one thread':>18}" + f" {'':>50} | {'all threads':>18}" * both)
    peers = " ".join(f"{who:>16}" for who in ("jax", "C", "loop"))
    print(f"{'it says otherwise':<40} {'hodiff, µs':>18} {peers}" + f" | {'hodiff, µs':>18} {'jax':>16}" * both)


def print_row(row: Row, workers: dict[str, Worker], quick: bool) -> dict[str, Answer]:
    """Times of one row, as they come in."""
    print(f"{row.name:<40}", end="", flush=True)
    answers: dict[str, Answer] = {}
    for threads, worker in workers.items():
        answer = worker.ask("row", row.name, quick, threads == "one")
        peers = " ".join(f"{_ratio(answer, who, row.targets):>16}" for who in PEERS[: 3 if threads == "one" else 1])
        print(f"{' |' * bool(answers)} {_own(answer):>18} {peers}", end="", flush=True)
        answers[threads] = answer
    print(*{f"\n    ! {answer.remark}" for answer in answers.values() if answer.remark}, flush=True)
    return answers


def print_summary(chosen: list[Row], answers: dict[str, dict[str, Answer]]) -> None:
    """Geometric means of the ratios to JAX, and how many targets are met."""
    print()
    wanted = met = 0
    for threads in ("one", "all"):
        found = [(row, answers[row.name][threads]) for row in chosen if threads in answers[row.name]]
        timed = [answer.times for _, answer in found if answer.times]
        if timed:
            fastest, median = (exp(fmean(log(t["jax"][i] / t["hodiff"][i]) for t in timed)) for i in (0, 1))
            mark = " " if median >= MEAN and len(timed) == len(found) else "!"
            name = f"geometric mean of {len(timed)} rows, threads: {threads}"
            print(f"{name:<40} {'':>18} {f'{fastest:.2f}/{median:.2f} ≥{MEAN:g}{mark}':>16}")
        for row, answer in found:
            for who, target in row.targets.items():
                if threads == "one" or who == "jax":
                    wanted += 1
                    met += who in answer.times and _median_ratio(answer, who) >= target
    print(f"{'targets met by the medians':<40} {f'{met} of {wanted}':>18}")


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


def print_compiling(worker: Worker, lengths: tuple[int, ...], *, with_jax: bool) -> None:
    """First calls of long programs without repetition, of 10-vectors."""
    print(f"\n{'first call of long programs':<40} {'equations':>9} {'hodiff':>12} {'an equation':>13} {'jax':>12}")
    least = float("inf")
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
    fastest, median = answer.times[who][0] / answer.times["hodiff"][0], _median_ratio(answer, who)
    target = targets.get(who)
    wanted = "" if target is None else f" ≥{target:.2g}{' ' if median >= target else '!'}"
    return f"{fastest:.2f}/{median:.2f}{wanted}"


def _median_ratio(answer: Answer, who: str) -> float:
    return answer.times[who][1] / answer.times["hodiff"][1]


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
