"""Loop rolling: an unrolled Python loop whose turns do the same becomes one ``loop`` equation.

Staging runs a function once, so a Python loop of 2000 turns is 2000 copies of its body. Here stretches that repeat are
found (``periods``), cut to turns whose operands all move evenly (``turns``), told apart into constants, carries and
sequences (``bodies``), and written as loops, with stacks for what is read of every turn (``writing``). A gradient is
two such stretches, of which the second goes back through the stacks of the first. Loops in loops are rolled from inside
out. Whatever does not fit stays as it is: guards, operands without a pattern, loops of a few turns.

A turn of a ``for`` costs 50 ns, and an element of a sequence or a stack about as much as the operation that picks or
keeps it. Measured, loops and their copies take the same time from 12 turns (arrays) to 16 turns (scalars) on: the
gradient of a scalar recurrence of 8 turns takes 10 µs as a loop and 7 µs as copies, of 32 turns 22 and 26. A copied
equation takes 50 µs to compile. So loops of less than 12 turns stay unrolled.

May import ``bodies``, ``keys``, ``program``, ``turns`` and ``writing``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> def f(x):
...     y = np.float64(0.5)
...     for i in range(50):
...         y = np.sin(y) * x[i]
...     return [y]
>>> print(roll(stage(f, [np.ones(50)])[1]))  # doctest: +ELLIPSIS
program f(a: float64[50]) -> float64
  b: float64[49] = getitem(a, index=(0:49,)) ...
  c: float64 = loop(0.479425538604203, b, body=turn, constants=0, carries=1, length=49, reverse=False) ...
    program turn(a: float64, b: float64) -> float64
      c: float64 = multiply(a, b) ...
      d: float64 = sin(c) ...
      return d
  d: float64 = getitem(a, index=(49,)) ...
  e: float64 = multiply(c, d) ...
  return e
"""

import re
from collections import Counter
from contextlib import suppress

from hodiff.compiled.rolling.bodies import Body, Unrollable
from hodiff.compiled.rolling.keys import Table
from hodiff.compiled.rolling.turns import Run, find_runs
from hodiff.compiled.rolling.writing import Writer
from hodiff.program import Equation, Program

#: Shorter loops stay unrolled, and so do those that save fewer equations.
_TURNS = 12
_SAVED = 24
#: Programs up to this length are scanned for operations that repeat first, which is much faster.
_SHORT = 400
#: What can be in no loop.
_OTHER = "\U0010ffff"
#: Loops in loops are rolled to this depth.
_DEPTH = 5


def roll(program: Program) -> Program:
    """Write runs of equations that repeat as loops.

    Parameters
    ----------
    program : Program

    Returns
    -------
    Program
        The same function; `program` itself where nothing repeats.
    """
    for _ in range(_DEPTH):
        rolled = _roll_once(program)
        if rolled is program:
            break
        program = rolled
    return program


def _may_repeat(program: Program) -> bool:
    """Whether there can be a loop, going by the names of operations; long programs are looked at closely anyway."""
    names = [step.primitive.name if isinstance(step, Equation) else "" for step in program.steps]
    # Whatever is in a loop comes once a turn at least.
    frequent = {name: count for name, count in Counter(names).items() if count >= _TURNS and name}
    if sum(frequent.values()) < _SAVED:
        return False
    if len(names) > _SHORT:
        return True
    letters = {name: chr(i) for i, name in enumerate(frequent)}
    stretches = "".join([letters.get(name, _OTHER) for name in names]).split(_OTHER)
    turn = f".{{1,{len(names) // _TURNS}}}?"
    repeated = rf"(?s)({turn})\1{{{_TURNS - 1}}}"
    return any(re.search(repeated, stretch) for stretch in stretches if len(stretch) > _SAVED)


def _roll_once(program: Program) -> Program:
    if not _may_repeat(program):
        return program
    table = Table(program.steps, program.inputs)
    if not table.keep_frequent(_TURNS, _SAVED):
        return program
    runs = [run for run in find_runs(table, _TURNS) if run.period * (run.turns - 1) >= _SAVED]
    bodies: list[Body] = []
    for run in runs:
        with suppress(Unrollable):
            bodies.append(Body(run, table, program.steps))
    while bodies:
        bodies = _with_sources(bodies)
        writer = Writer(program, table, bodies)
        if not writer.needs.refused:
            return writer.rewrite() if bodies else program
        bodies = [body for body in bodies if body not in writer.needs.refused]
    return program


def _with_sources(bodies: list[Body]) -> list[Body]:
    """Bodies all of whose sources are kept too."""
    kept: dict[Run, Body] = {}
    for body in bodies:
        if all(source in kept for source, _, _, _ in body.run.sources.values()):
            kept[body.run] = body
    return list(kept.values())
