"""Compiled functions under stress: threads that call and compile at once, and programs without end.

``python tests/stress.py threads native 60`` and ``python tests/stress.py compiles native 10000`` print what was done,
and end with an error where something is wrong. Tests run them as processes of their own: a crash is a failure, too.
"""

import faulthandler
import gc
import itertools
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import hodiff as hd
from hodiff.compiled import native

THREADS = 8


def chain(x):
    return np.sum(np.exp(-(x**2)) * np.sin(3.0 * x) + np.log1p(x**2) * np.tanh(x))


def branching(x):
    return np.sum(x**2) * x[0] if np.sum(x) > 0.0 else np.prod(np.cos(x))


def recurrent(x):
    s = x * 0.0
    for i in range(20):
        s = np.tanh(s * 0.5 + x * (0.1 * i))
    return s


def algebra(x):
    a = np.outer(x, x)[:5, :5] + 3.0 * np.eye(5)
    return np.linalg.solve(a, x[:5]) @ a, np.linalg.slogdet(a)[1]


def scanned(x):
    return hd.scan(lambda carry, v: (np.sin(carry) + v, carry * v), 0.5, x)


def integers(x):
    n = (x * 100.0).astype(np.int64)
    return n // 7, n % 5, np.cumsum(n), x[np.argsort(x)]


FUNCTIONS: list[Callable[..., Any]] = [
    *(chain, branching, recurrent, algebra, scanned, integers),
    *(hd.value_and_grad(chain), hd.value_and_grad(branching), hd.hessian(lambda x: chain(x) + branching(x))),
    lambda x: hd.vmap(hd.grad(chain))(np.stack([x, -x])),
    lambda x: hd.value_and_grad(chain)(np.linspace(-1.0, 1.0, 200_000) * x[0]),  # in several threads
]
#: Sizes of arguments: each is another program.
SIZES = (5, 8, 17)


def bits(result: Any) -> bytes:
    """What a result is, to the last bit."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    return b"".join(bits(p) if isinstance(p, (tuple, list)) else np.asarray(p).tobytes() for p in parts)


def distinct(number: int) -> Callable[..., Any]:
    """A function unlike those of other numbers."""
    factor, turns = 1.0 + 0.001 * number, 1 + number % 5

    def f(x):
        y = x
        for _ in range(turns):
            y = np.sin(y) * factor + (y[::-1] if number % 2 else x)
        return (np.sum(y) if np.max(y) > 0.0 else np.prod(y)) * np.sum(np.exp(y))

    return f


def threads(backend: str, seconds: float) -> None:
    """Calls of shared functions have the bits that they have in one thread; functions made meanwhile are right."""
    points = [np.random.default_rng(seed).normal(size=size) for size in SIZES for seed in (1, 2, 3)]
    expected = [[bits(g(x)) for x in points] for g in (hd.jit(f, backend=backend) for f in FUNCTIONS)]
    shared = [hd.jit(f, backend=backend) for f in FUNCTIONS]
    numbers, errors = itertools.count(), []
    calls = [0] * THREADS
    end = time.monotonic() + seconds
    start = threading.Barrier(THREADS)

    def work(me: int) -> None:
        rng = np.random.default_rng(me)
        start.wait()
        while time.monotonic() < end and not errors:
            for _ in range(50):
                which, at = int(rng.integers(len(shared))), int(rng.integers(len(points)))
                found = bits(shared[which](points[at]))
                assert found == expected[which][at], f"function {which} at point {at}"
                calls[me] += 1
            f = distinct(next(numbers))
            g, x = hd.jit(hd.value_and_grad(f), backend=backend), points[me % len(points)]
            value, slope = hd.value_and_grad(f)(x)
            found = [g(x) for _ in range(3)]
            np.testing.assert_allclose(found[0][0], value, rtol=1e-10)
            np.testing.assert_allclose(found[0][1], slope, rtol=1e-9, atol=1e-9 * np.max(np.abs(slope)))
            assert len({bits(v) for v in found}) == 1, "three calls of a new function differ"
            assert g.eager_reason is None, g.eager_reason

    def guarded(me: int) -> None:
        try:
            work(me)
        except BaseException as error:  # noqa: BLE001 - it is raised again by the main thread
            errors.append(error)

    running = [threading.Thread(target=guarded, args=(me,)) for me in range(THREADS)]
    for thread in running:
        thread.start()
    for count in itertools.cycle((1, 2, 4)):  # there must be the same bits for any number
        if not any(thread.is_alive() for thread in running):
            break
        if backend == "native":
            hd.set_num_threads(count)
        time.sleep(0.05)
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]
    made = next(numbers)
    assert all(f.cache_info().eager_calls == 0 for f in shared), [f.eager_reason for f in shared]
    print(f"{sum(calls)} calls, {made} functions compiled meanwhile")


def resident() -> float:
    """Megabytes of this process in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def compiles(backend: str, count: int) -> None:
    """Programs that nobody needs any more are freed, and their code: memory does not grow with their number."""
    x = np.linspace(0.1, 1.0, 7)
    first = min(100, count // 3)
    for number in range(count):
        if number == first:
            gc.collect()
            before = resident()
        f = distinct(number)
        g = hd.jit(f, backend=backend)
        g(x)
        found, expected = g(x), f(x)
        assert abs(found - expected) <= 1e-10 * abs(expected), number
        assert g.cache_info().hits == 1, g.eager_reason
    del g
    gc.collect()
    print(f"{count} programs compiled; from {before:.0f} MB after {first} of them to {resident():.0f} MB")
    # What ten thousand programs of 20 kB would leave is 200 MB.
    assert resident() - before < 20.0 + 0.005 * count
    if backend == "native":
        from hodiff.compiled.native.loading import modules

        # That of the threads stays.
        assert len(modules._loaded) <= 1, f"{len(modules._loaded)} modules are loaded still"


if __name__ == "__main__":
    faulthandler.enable()
    warnings.simplefilter("error")
    what, back_end, much = sys.argv[1:]
    if back_end == "native" and native.reason() is not None:
        sys.exit(native.reason())
    {"threads": lambda: threads(back_end, float(much)), "compiles": lambda: compiles(back_end, int(much))}[what]()
