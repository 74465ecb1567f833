"""What a plan consists of: nests of loops, nests that go together row by row or block by block, tasks, and copies.

May import ``lowering``, ``program``, ``statements`` and ``tasks``.

>>> import numpy as np
>>> Copy(Var((3, 2), np.dtype(float)), Var((3, 2), np.dtype(float))).cost
6.0
"""

from math import prod

from hodiff.compiled.native.plans.statements import Statement
from hodiff.compiled.native.plans.tasks import Task
from hodiff.lowering import Axis
from hodiff.program import Atom, Var

#: By how much axes may differ that share a loop.
_NEARLY = 8


class Nest:
    """Statements in one nest of loops.

    Attributes
    ----------
    axes : list of Axis
        Of a statement; where it is one, and the statements have several, the longest.
    statements : list of Statement
    """

    def __init__(self, statement: Statement) -> None:
        self.axes = statement.axes
        self.statements = [statement]

    def add(self, statement: Statement) -> None:
        """Put a statement behind the others."""
        self.statements.append(statement)
        if statement.axes[0].length > self.axes[0].length:
            self.axes = statement.axes

    def fits(self, statement: Statement) -> bool:
        """Whether a statement runs along the same axes, or one of nearly the same length where it reads the same."""
        if any(each.axes is statement.axes for each in self.statements):
            return True
        if len(self.axes) > 1 or len(statement.space) > 1 or any(len(each.space) > 1 for each in self.statements):
            return False
        lengths = {statement.axes[0].length, *(each.axes[0].length for each in self.statements)}
        return max(lengths) - min(lengths) <= _NEARLY < min(lengths) and not statement.needs.keys().isdisjoint(
            self.needs()
        )

    @property
    def flat(self) -> bool:
        """Whether all axes can be one."""
        return len(self.axes) > 1 and all(statement.flat for statement in self.statements)

    @property
    def length(self) -> float:
        """Instructions, about, of one place."""
        return sum(statement.cost for statement in self.statements)

    @property
    def cost(self) -> float:
        """Additions, in all."""
        return self.length * prod([axis.length for axis in self.axes])

    def together(self, axis: Axis) -> list[Axis]:
        """The axes that a loop along one runs through."""
        return list(dict.fromkeys(s.axes[0] for s in self.statements)) if len(self.axes) == 1 else [axis]

    def cuts(self, axis: Axis) -> list[int]:
        """Where a loop is cut, in order."""
        axes = self.together(axis)
        ends = {each.length for each in axes} - {axis.length}
        return sorted(ends | {place for s in self.statements for cut, place in s.cuts if cut in axes})

    def made(self) -> list[Var]:
        """What it computes."""
        return [statement.answer for statement in self.statements]

    def needs(self) -> list[Atom]:
        """What it reads."""
        return [atom for statement in self.statements for atom in (*statement.needs, *statement.rows)]


class Work:
    """A task among the nests.

    Attributes
    ----------
    task : Task
    reads : set of Var
        The buffers and reductions that it reads.
    """

    def __init__(self, task: Task, reads: set[Atom]) -> None:
        self.task = task
        self.reads = reads

    @property
    def cost(self) -> float:
        """Additions, in all."""
        return self.task.cost

    def made(self) -> list[Var]:
        """What it computes."""
        return list(self.task.equation.answers)

    def needs(self) -> list[Atom]:
        """What it reads."""
        return list(self.reads)


class Copy:
    """A batch copied from rows to columns, or back.

    Attributes
    ----------
    source : Var or Literal
    target : Var
    """

    def __init__(self, source: Atom, target: Var) -> None:
        self.source = source
        self.target = target
        self.cost = float(target.size)

    def made(self) -> list[Var]:
        """What it makes."""
        return [self.target]

    def needs(self) -> list[Atom]:
        """What it reads."""
        return [self.source]


class Rows:
    """Nests that run through the rows of arrays together, one row after another.

    Attributes
    ----------
    length : int
        Number of rows.
    nests : list of Nest
        Along the first axis, each has the same row.
    """

    def __init__(self, nests: list[Nest]) -> None:
        self.length = nests[0].axes[0].length
        self.nests = nests

    @property
    def cost(self) -> float:
        """Additions, in all."""
        return sum(nest.cost for nest in self.nests)

    def made(self) -> list[Var]:
        """What they compute."""
        return [var for nest in self.nests for var in nest.made()]

    def needs(self) -> list[Atom]:
        """What they read."""
        return [atom for nest in self.nests for atom in nest.needs()]


class Blocks:
    """Nests along one axis, and copies of batches, that take a block of places at a time, one after another.

    Attributes
    ----------
    length : int
        Number of places.
    size : int
        Places of a block. The last one overlaps the one before.
    steps : list of Nest and Copy
    places : dict
        Of what is needed while its block is at hand only, where it is in the memory for a block, in bytes.
    memory : int
        Bytes of that.
    """

    def __init__(self, steps: list["Nest | Copy"], size: int, places: dict[Var, int], memory: int) -> None:
        self.length = next(step.axes[0].length for step in steps if isinstance(step, Nest))
        self.size = size
        self.steps = steps
        self.places = places
        self.memory = memory

    @property
    def nests(self) -> list[Nest]:
        """The nests among the steps."""
        return [step for step in self.steps if isinstance(step, Nest)]

    @property
    def cost(self) -> float:
        """Additions, in all."""
        return sum(step.cost for step in self.steps)

    def made(self) -> list[Var]:
        """What they make."""
        return [var for step in self.steps for var in step.made()]

    def needs(self) -> list[Atom]:
        """What they read."""
        return [atom for step in self.steps for atom in step.needs()]


Step = Nest | Rows | Blocks | Work | Copy
