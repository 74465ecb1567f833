"""A process that times one thing at a time for the page on the native back end.

It is a process of its own since the number of threads is settled when libraries are imported, and since a contender
that takes too much time or memory, or crashes, must not take the page with it.
"""

import gc
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import hodiff as hd
from benchmarks import native_problems
from benchmarks.by_hand_loops import LOOPS
from benchmarks.compiled_rows import Row, through_jax
from benchmarks.harness import Call, check, time_first_calls, time_in_turns
from benchmarks.native_rows import best_backend, rows

#: Bytes that a process may hold.
MEMORY = 8 << 30
#: Seconds of JAX's compiler after which no longer program is given to it.
PATIENCE = 4.0


@dataclass
class Answer:
    """What was measured.

    Attributes
    ----------
    times : dict
        Seconds a call: of the fastest round, and the median.
    first : dict
        Seconds of the first call.
    equations : int
        Length of the program as it is staged.
    remark : str
        What went wrong, or why our contender runs eagerly.
    """

    times: dict[str, tuple[float, float]] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    equations: int = 0
    remark: str = ""


def serve(connection: Connection) -> None:
    """Answer to tasks, which are the name of a function below and its arguments, until None comes."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, hard))
    while (task := connection.recv()) is not None:
        name, arguments = task
        try:
            connection.send(TASKS[name](*arguments))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it belongs into the table
            connection.send(Answer(remark=f"{type(error).__name__}: {error}"))


def time_row(name: str, quick: bool, with_first: bool) -> Answer:
    """The contenders of a row, after all have agreed on all arguments; without first calls against JAX only."""
    (chosen,) = (row for row in rows() if row.name == name)
    if not with_first:
        chosen.contenders = {who: chosen.contenders[who] for who in ("hodiff", "jax")}
    made: dict[str, Any] = {who: make() for who, make in chosen.contenders.items()}
    for arguments in (*chosen.arguments, chosen.arguments[0]):
        check(name, {who: partial(f, *arguments) for who, f in made.items()})
    answer = Answer(_times({who: partial(f, *chosen.arguments[0]) for who, f in made.items()}, quick=quick))
    answer.remark = made["hodiff"].eager_reason or ""
    if with_first:
        answer.remark = answer.remark or _why_not_native(made["hodiff"], chosen.arguments[0])
        rounds = {"hodiff": 2, "jax": 1} if quick else {"hodiff": 5, "jax": 2}
        answer.first = {who: _first(chosen, who, count) for who, count in rounds.items()}
        answer.equations = len(hd.make_program(made["hodiff"].function)(*chosen.arguments[0]).equations)
    return answer


def time_call(quick: bool) -> Answer:
    """A scalar function of ten numbers, where the call itself is what takes time."""
    x = np.linspace(1.0, 2.0, 10)
    functions: dict[str, Callable[..., Any]] = {
        "hodiff": hd.jit(native_problems.mean_square(np), backend=best_backend()),
        "jax": through_jax(native_problems.mean_square(jnp)),
        "loop": LOOPS["mean_square"][0],
        "empty": lambda x: x,
    }
    check("call", {who: partial(f, x) for who, f in functions.items() if who != "empty"})
    return Answer(_times({who: partial(f, x) for who, f in functions.items()}, quick=quick))


def time_compiling(operations: int, with_jax: bool) -> Answer:
    """First calls of a long program."""
    x = np.linspace(-1.0, 1.0, 10)

    def ours() -> Call:
        return partial(hd.jit(hd.value_and_grad(native_problems.tangle(np, operations)), backend=best_backend()), x)

    answer = Answer()
    answer.equations = len(hd.make_program(hd.value_and_grad(native_problems.tangle(np, operations)))(x).equations)
    answer.first["hodiff"] = time_first_calls(ours, rounds=3)
    if with_jax:
        call = through_jax(jax.value_and_grad(native_problems.tangle(jnp, operations)))
        answer.first["jax"] = time_first_calls(lambda: partial(call, x), rounds=1)
        check(f"{operations} operations", {"hodiff": ours(), "jax": partial(call, x)})
    return answer


def _times(calls: dict[str, Call], *, quick: bool) -> dict[str, tuple[float, float]]:
    """Fastest round and median of each; of several loops, those of the one whose median is the least."""
    lengths: dict[str, Any] = {"rounds": 31, "seconds": 0.02, "budget": 2.0}
    if quick:
        lengths = {"rounds": 7, "seconds": 0.01, "budget": 0.6}
    gc.collect()
    gc.freeze()  # what there is by now need not be looked at before each round
    timings = time_in_turns(calls, **lengths)
    found: dict[str, tuple[float, float]] = {}
    for name, timing in timings.items():
        who = name.split()[0]
        if who not in found or timing.median < found[who][1]:
            found[who] = timing.best, timing.median
    return found


def _why_not_native(compiled: Any, arguments: tuple[Any, ...]) -> str:
    """What the listing says where native code was asked for, and there is none."""
    lines = compiled.lower(*arguments).splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("# This is no native code")), "")


def _first(row: Row, who: str, rounds: int) -> float:
    return time_first_calls(lambda: partial(row.contenders[who](), *row.arguments[0]), rounds=rounds, budget=1.5)


#: What `serve` does.
TASKS: dict[str, Callable[..., Answer]] = {"row": time_row, "call": time_call, "compiling": time_compiling}
