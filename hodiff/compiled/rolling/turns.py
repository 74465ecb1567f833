"""Turns of a loop: stretches of a program that repeat, cut where every operand follows one pattern.

From turn to turn an operand stays what it is (a value from outside, or a literal), moves along with the turns (it is
defined in the same turn, or some turns before: a carry), or moves through the turns of an earlier loop, forwards or
backwards. The first turns may read a carry from anywhere: its initial value. May import ``keys`` and ``periods``.

>>> from hodiff.staging import stage
>>> def f(x):
...     y = x[0]
...     for i in range(1, 9):
...         y = np.sin(y) * x[i]
...     return [y]
>>> _, program = stage(f, [np.ones(9)])
>>> [(run.start, run.period, run.turns) for run in find_runs(Table(program.steps, program.inputs), minimum=4)]
[(1, 3, 8)]
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from hodiff.compiled.rolling.keys import WIDTH, Table
from hodiff.compiled.rolling.periods import Array, repetitions

#: Carries from further back than this many turns are not followed.
DEEPEST = 4


@dataclass(eq=False)
class Run:
    """Equations that are turns of one loop: ``turns`` times ``period`` of them, from ``start`` on.

    Attributes
    ----------
    start, period, turns : int
    operands, literals, integers : array
        As in the table, with one row a turn.
    steps, integer_steps : array
        By how much each column changes from turn to turn.
    sources : dict
        For each column that moves through an earlier run: that run, the place (offset and answer) in its turns, the
        turn that the first turn reads, and by how many turns it moves on.
    """

    start: int
    period: int
    turns: int
    operands: Array
    literals: Array
    integers: Array
    steps: Array
    integer_steps: Array
    sources: dict[int, tuple["Run", tuple[int, int], int, int]] = field(default_factory=dict)

    @property
    def stop(self) -> int:
        """Position behind the last equation."""
        return self.start + self.period * self.turns

    def place(self, number: int) -> tuple[tuple[int, int], int]:
        """Offset and answer, and the turn, of a variable that the run defines."""
        position, answer = divmod(number, WIDTH)
        turn, offset = divmod(position - self.start, self.period)
        return (offset, answer), turn

    def cut(self, first: int, turns: int) -> "Run":
        """Some of the turns."""
        rows = slice(first, first + turns)
        return Run(
            self.start + first * self.period,
            self.period,
            turns,
            self.operands[rows],
            self.literals[rows],
            self.integers[rows],
            self.steps,
            self.integer_steps,
        )


def find_runs(table: Table, minimum: int) -> list[Run]:
    """Runs of at least ``minimum`` turns, in order."""
    keys = table.keys.copy()
    found: list[Run] = []
    for period, start, stop in repetitions(keys, minimum):
        # Of what an earlier one covers, nothing is left.
        free = np.flatnonzero(np.diff(np.concatenate(([True], keys[start:stop] < 0, [True])).astype(np.int8)))
        for first, last in free.reshape(-1, 2).tolist():
            if last - first >= minimum * period:
                for run in stretches(table, period, start + first, start + last, minimum):
                    keys[run.start : run.stop] = -1
                    found.append(run)
    found.sort(key=lambda run: run.start)
    kept: list[Run] = []
    starts: list[int] = []
    for run in found:
        traced = _trace_sources(run, kept, starts, minimum)
        if traced is not None:
            kept.append(traced)
            starts.append(traced.start)
    return kept


def stretches(table: Table, period: int, start: int, stop: int, minimum: int) -> Iterator[Run]:
    """Turns between ``start`` and ``stop`` with operands that all move evenly."""
    start += _rotation(table, period, start, stop)
    count = (stop - start) // period
    if count < minimum:
        return
    first, last = table.operand_start[[start, start + count * period]].tolist()
    operands = table.operands[first:last].reshape(count, -1)
    literals = table.literals[first:last].reshape(count, -1)
    first, last = table.integer_start[[start, start + count * period]].tolist()
    integers = table.integers[first:last].reshape(count, -1)
    moves, integer_moves = np.diff(operands, axis=0), np.diff(integers, axis=0)
    even = (moves[1:] == moves[:-1]).all(axis=1) & (integer_moves[1:] == integer_moves[:-1]).all(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], even, [False])).astype(np.int8)))
    offsets = np.repeat(np.arange(period), np.diff(table.operand_start[start : start + period + 1]))
    free = 0
    for begin, end in edges.reshape(-1, 2).tolist():
        turns = end - begin + 2
        if turns < minimum - DEEPEST or turns < 3:
            continue
        whole = Run(
            start, period, count, operands, literals, integers, moves[begin].copy(), integer_moves[begin].copy()
        )
        earlier = _earlier_turns(whole, offsets, begin, max(begin - free, 0))
        begin = max(begin - earlier, free)
        turns = end + 2 - begin
        if turns >= minimum:
            yield whole.cut(begin, turns)
            free = end + 2


def _rotation(table: Table, period: int, start: int, stop: int) -> int:
    """Where in the period a turn begins: where the fewest values pass from turn to turn."""
    count = (stop - start) // period
    middle = start + (count // 2) * period
    rows = [
        table.operands[table.operand_start[at] : table.operand_start[at + period]] for at in (middle - period, middle)
    ]
    moving = rows[1] - rows[0] == period * WIDTH
    uses = np.repeat(np.arange(middle, middle + period), np.diff(table.operand_start[middle : middle + period + 1]))
    reach: dict[int, int] = {}
    for number, use in zip(rows[1][moving].tolist(), uses[moving].tolist(), strict=True):
        distance = use - number // WIDTH
        place = (number - start * WIDTH) % (period * WIDTH)
        reach[place] = max(reach.get(place, 0), distance)
    crossing = np.zeros(period, np.int64)
    for place, distance in reach.items():
        first = place // WIDTH + 1
        crossing[np.arange(first, first + min(distance, period)) % period] += 1
    spare = (stop - start) - count * period
    costs = crossing * 2 + (np.arange(period) > spare)
    return int(np.argmin(costs))


def _earlier_turns(run: Run, offsets: Array, begin: int, limit: int) -> int:
    """How many turns before ``begin`` fit, where carries may come from anywhere in the first ones."""
    uses = run.start + begin * run.period + offsets
    back = _turns_back(run, run.operands[begin], uses)
    for count in range(min(DEEPEST, limit), 0, -1):
        fits = True
        start = (run.start + (begin - count) * run.period) * WIDTH
        for row in range(begin - count, begin):
            ago = begin - row
            even = run.operands[row] == run.operands[begin] - ago * run.steps
            initial = (back > row - (begin - count)) & (run.operands[row] < start)
            if not (even | initial).all() or (run.integers[row] != run.integers[begin] - ago * run.integer_steps).any():
                fits = False
                break
        if fits:
            return count
    return 0


def _turns_back(run: Run, row: Array, uses: Array) -> Array:
    """From how many turns before each operand comes, that moves along with the turns; 0 for any other."""
    moving = (run.steps == run.period * WIDTH) & (row >= 0)
    offsets = (uses - run.start) % run.period
    distance = uses - row // WIDTH
    back = -((offsets - distance) // run.period)
    return np.where(moving, back, 0)


def _trace_sources(run: Run, earlier: list[Run], starts: list[int], minimum: int) -> Run | None:
    """The run with the sources of its columns, cut to the turns that have them; None where there are too few."""
    first, last = 0, run.turns - 1
    found: dict[int, tuple[Run, int]] = {}
    for column in np.flatnonzero(run.steps).tolist():
        step = int(run.steps[column])
        numbers = run.operands[:, column]
        middle = int(numbers[run.turns // 2])
        if middle < 0:
            return None  # inputs, one a turn
        if middle // WIDTH >= run.start:
            if step != run.period * WIDTH:
                return None
            continue
        at = bisect_right(starts, middle // WIDTH) - 1
        if at < 0 or middle // WIDTH >= earlier[at].stop or step % (earlier[at].period * WIDTH):
            return None
        source = earlier[at]
        inside = np.flatnonzero((numbers >= source.start * WIDTH) & (numbers < source.stop * WIDTH))
        first, last = max(first, int(inside[0])), min(last, int(inside[-1]))
        found[column] = (source, step // (source.period * WIDTH))
    for number in run.operands[0, (run.steps == 0) & (run.operands[0] >= run.start * WIDTH)].tolist():
        first = max(first, run.place(number)[1] + 1)  # what the first turns compute for all later ones
    if last - first + 1 < minimum:
        return None
    run = run.cut(first, last - first + 1)
    for column, (source, stride) in found.items():
        numbers = run.operands[:, column]
        if (np.diff(numbers) != run.steps[column]).any():
            return None
        place, turn = source.place(int(numbers[0]))
        run.sources[column] = (source, place, turn, stride)
    return run
