"""What a call of a compiled function costs besides the code that is emitted for it."""

from collections.abc import Callable
from typing import Any

import numpy as np

import hodiff as hd
from benchmarks.harness import Call, time_in_turns

#: Seconds that tree, guards and dispatch may take.
BOUND = 3e-6

scale, shift = 2.0, 1.0
offsets = np.ones(10)


def one_array(x: Any) -> Any:
    return x + x


def four_arrays(tree: Any) -> Any:
    return {name: value + value for name, value in tree.items()}


def captured_scalars(x: Any) -> Any:
    return x * scale + shift


def captured_array(x: Any) -> Any:
    return x + offsets


class Linear:
    def __init__(self) -> None:
        self.slope = 2.0

    def at(self, x: Any) -> Any:
        return self.slope * x


def number(x: Any) -> Any:
    return x * x


def with_branch(x: Any) -> Any:
    return x + x if x[0] > 0 else x


def emitted(compiled: Any, arguments: tuple[Any, ...]) -> Call:
    """A call of the emitted function itself."""
    (world,) = [world for worlds in compiled._worlds.values() for world in worlds]
    (inner,) = world.compiled.values()
    (table,) = inner.tables.values()
    inputs = (*hd.extend.tree_flatten(arguments)[0], *world.captures.arrays())
    function = table.entry.function
    return lambda: function(*inputs)


def run(*, quick: bool = False) -> None:
    """Print the table."""
    x = np.linspace(1.0, 2.0, 10)
    cases: list[tuple[str, Callable[..., Any], Any]] = [
        ("one array", one_array, x),
        ("a dict of four arrays", four_arrays, {name: x + i for i, name in enumerate("abcd")}),
        ("one array, two captured scalars", captured_scalars, x),
        ("one array, a captured array", captured_array, x),
        ("one array, a branch", with_branch, x),
        ("one array, method with an attribute", Linear().at, x),
        ("one Python float", number, 2.0),
    ]
    print(f"\n{'overhead of a call':<44} {'hodiff.jit':>12} {'emitted code':>14} {'difference':>12}")
    for name, function, argument in cases:
        compiled = hd.jit(function)
        compiled(argument)
        compiled(argument)
        calls = {"jit": lambda f=compiled, a=argument: f(a), "code": emitted(compiled, (argument,))}
        times = {k: t.best for k, t in time_in_turns(calls, rounds=5 if quick else 21).items()}
        overhead = times["jit"] - times["code"]
        print(
            f"{name:<44} {times['jit'] * 1e6:>10.2f}µs {times['code'] * 1e6:>12.2f}µs {overhead * 1e6:>10.2f}µs "
            f"≤{BOUND * 1e6:g}µs{' ' if overhead <= BOUND else '!'}",
            flush=True,
        )
