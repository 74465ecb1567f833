"""Loops written at random, which change, exchange and choose what they carry: native code against NumPy code."""

import random

import numpy as np
import pytest
from backends import rest

import hodiff as hd
from hodiff.compiled import native
from hodiff.compiled.numpy_source import Miss, emit
from hodiff.compiled.units import optimised
from hodiff.staging import stage

pytestmark = pytest.mark.skipif(native.reason() is not None, reason=str(native.reason()))

PLACES = ["i", "i - 1", "n % 6", "2", "(i * 5) % 6", "-1"]


def put(array, place, value):
    array = array.copy()
    array[place] = value
    return array


class Writer:
    """Writes the turn of a loop that carries two arrays, a number and a counter."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def array_name(self):
        return self.random.choice("yz")

    def number(self, depth=0):
        """An expression for a number."""
        inner = [lambda: self.number(depth + 1)] * 3
        choices = [
            lambda: f"{self.array_name()}[{self.random.choice(PLACES)}]",
            lambda: f"np.sum({self.array_name()}) * 0.1",
            lambda: "s",
            lambda: "w[0] * 0.2",
        ]
        if depth < 2:
            choices += [
                lambda: f"np.sin({inner[0]()})",
                lambda: f"({inner[0]()} * 0.5 + {inner[1]()} * 0.3)",
                lambda: f"np.where({inner[0]()} > 0.1, {inner[1]()}, {inner[2]()})",
            ]
        return self.random.choice(choices)()

    def array(self, depth=0):
        """An expression for an array."""
        choices = [self.array_name, lambda: f"{self.array_name()}[::-1]", lambda: "np.cos(w)"]
        if depth < 2:
            changed = [lambda: f"put({self.array(depth + 1)}, {self.random.choice(PLACES)}, {self.number()})"] * 4
            choices += changed
            choices += [
                lambda: f"np.tanh({self.array(depth + 1)})",
                lambda: f"({self.array(depth + 1)} * 0.5 + {self.array(depth + 1)} * 0.4)",
            ]
        if depth < 1:
            choices += [
                lambda: f"hd.cond({self.number()} > 0.2, lambda: {self.array(1)} * 1.0, lambda: {self.array(1)} * 1.0)",
                lambda: f"hd.fori_loop(0, 2, lambda i, y: {self.array(1)} * 0.9, {self.array_name()})",
            ]
        return self.random.choice(choices)()

    def statement(self):
        choices = [
            lambda: f"y = {self.array()}",
            lambda: f"y = {self.array()}",
            lambda: f"z = {self.array()}",
            lambda: f"s = {self.number()}",
            lambda: "n = n + i",
            lambda: "n = n * 3 + 1",
            lambda: "y, z = z, y",
        ]
        return self.random.choice(choices)()

    def source(self):
        """A function of three vectors."""
        kept = self.random.choice(["y", "s", "z[1]", "(y, s)", "n"])
        loop = self.random.choice(
            [
                "hd.fori_loop(1, 5, turn, start)",
                "hd.scan(step, start, np.arange(1, 5))",
                "hd.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, turn(c[0], c[1])), (1, start))[1]",
            ]
        )
        lines = [
            "def f(w, y, z):",
            "    start = (y, z, 0.5, 1)",
            "    def turn(i, c):",
            "        y, z, s, n = c",
            *(f"        {self.statement()}" for _ in range(self.random.randrange(1, 5))),
            "        return y, z, s, n",
            "    def step(c, i):",
            "        y, z, s, n = c",
            f"        before = {kept}",
            "        y, z, s, n = c = turn(i, c)",
            f"        return c, (before, {kept})",
            f"    return {loop}",
        ]
        return "\n".join(lines)


def outcome(function, values):
    with np.errstate(all="ignore"):
        found = function(*values)
    return found.index if isinstance(found, Miss) else found


SEEDS = [*range(25), *rest(range(25, 2000))]


@pytest.mark.parametrize("seed", SEEDS)
def test_any_loop(seed):
    source = Writer(seed).source()
    names = {"np": np, "hd": hd, "put": put}
    exec(source, names)
    rng = np.random.default_rng(seed)
    values, others = ([rng.normal(size=6) for _ in range(3)] for _ in range(2))

    def flat(*args):
        return hd.tree.flatten(names["f"](*args))[0]

    def slopes(*args):
        return list(hd.grad(lambda *args: sum(np.sum(part * 1.0) for part in flat(*args)), argnums=(0, 1, 2))(*args))

    for function in (flat, slopes):
        with np.errstate(all="ignore"):
            program = optimised(stage(function, values)[1])
        fresh = (True,) * len(program.outputs)
        plain = emit(program, fresh=fresh)
        fast = native.compile(program, fresh=fresh)
        for arguments in (values, others):
            found, expected = (outcome(executable.function, arguments) for executable in (fast, plain))
            if isinstance(expected, int):
                assert found == expected, source
                continue
            for mine, theirs in zip(found, expected, strict=True):
                assert type(mine) is type(theirs), source
                np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-9, err_msg=source)
