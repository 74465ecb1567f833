"""Loop rolling: an unrolled Python loop whose turns do the same becomes one ``loop`` equation.

May import ``bodies``, ``keys``, ``program``, ``turns`` and ``writing``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> def f(x):
...     y = np.float64(0.0)
...     for i in range(50):
...         y = np.sin(y) * x[i]
...     return [y]
>>> _, program = stage(f, [np.ones(50)])
>>> print(roll(program))  # doctest: +ELLIPSIS
"""

from hodiff.compiled.rolling.bodies import Body, Unrollable
from hodiff.compiled.rolling.keys import Table
from hodiff.compiled.rolling.turns import Run, find_runs
from hodiff.compiled.rolling.writing import Writer
from hodiff.program import Program

#: Shorter loops stay unrolled, and so do those that save fewer equations.
_TURNS = 8
_SAVED = 24
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


def _roll_once(program: Program) -> Program:
    if len(program.steps) < _SAVED:
        return program
    table = Table(program.steps, program.inputs)
    runs = [run for run in find_runs(table, _TURNS) if run.period * (run.turns - 1) >= _SAVED]
    while runs:
        kept = _with_sources(runs)
        try:
            bodies = [Body(run, table, program.steps) for run in kept]
            return Writer(program, table, bodies).rewrite()
        except Unrollable as refusal:
            runs = [run for run in kept if run is not refusal.args[0]]
    return program


def _with_sources(runs: list[Run]) -> list[Run]:
    """Runs all of whose sources are kept too."""
    kept: list[Run] = []
    for run in runs:
        if all(source in kept for source, _, _, _ in run.sources.values()):
            kept.append(run)
    return kept
