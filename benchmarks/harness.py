"""Timing in turns: every contender runs once a round, so that a noisy machine is noisy for all of them.

What is reported is a ratio within one run; absolute times of a shared machine mean little. Every contender has a budget
of time, so that a slow peer cannot hold up the rest.
"""

import gc
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hodiff.compiled import numpy_source

Call = Callable[[], Any]


@dataclass
class Timing:
    """Seconds a call, one entry a round."""

    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.rounds)

    @property
    def best(self) -> float:
        """The fastest round: what others do on the machine makes a round slower, never faster."""
        return min(self.rounds)

    @property
    def noise(self) -> float:
        """How much slower the median is than the fastest round."""
        return self.median / self.best - 1


def time_in_turns(
    calls: dict[str, Call], *, rounds: int = 15, seconds: float = 0.02, budget: float = 20.0
) -> dict[str, Timing]:
    """Time each call in turns.

    Parameters
    ----------
    calls : dict
        Contenders by name.
    rounds : int
        Turns of each.
    seconds : float
        Time to fill with repetitions within one turn.
    budget : float
        Seconds after which no further round is begun; three are always run.
    """
    repeats = {name: _repeats(call, seconds) for name, call in calls.items()}
    timings = {name: Timing() for name in calls}
    began = time.perf_counter()
    for turn in range(rounds):
        if turn >= 3 and time.perf_counter() - began > budget:
            break
        for name, call in calls.items():
            timings[name].rounds.append(_seconds(call, repeats[name]))
    return timings


def time_first_calls(make: Callable[[], Call], *, rounds: int = 5, budget: float = 3.0) -> float:
    """Seconds of the first call of what ``make`` makes anew each time, the making included: the fastest of some.

    Code that our compiler remembers from functions like it is forgotten each time.
    """
    taken: list[float] = []
    while len(taken) < rounds and (not taken or sum(taken) < budget):
        gc.collect()
        numpy_source._compiled.cache_clear()
        start = time.perf_counter()
        make()()
        taken.append(time.perf_counter() - start)
    return min(taken)


def check(name: str, calls: dict[str, Call]) -> None:
    """Stop unless all contenders give the same result, to 1e-8."""
    flat = {who: np.concatenate([np.ravel(v) for v in _leaves(call())]) for who, call in calls.items()}
    first = next(iter(flat))
    for who, values in flat.items():
        if not np.allclose(values, flat[first], rtol=1e-8, atol=1e-8):
            sys.exit(f"{name}: {who} and {first} disagree")


def peak_memory(call: Call) -> int:
    """Most bytes that Python and NumPy held at once during a call."""
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]


def _repeats(call: Call, seconds: float) -> int:
    call()
    once = _seconds(call, 1)
    return max(1, int(seconds / max(once, 1e-9)))


def _seconds(call: Call, repeats: int) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats
    finally:
        gc.enable()
