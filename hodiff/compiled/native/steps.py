"""What a plan consists of: nests of loops, nests that go together row by row or block by block, tasks, and copies.

May import ``lowering``, ``program``, ``statements`` and ``tasks``.

>>> import numpy as np
>>> Copy(Var((3, 2), np.dtype(float)), Var((3, 2), np.dtype(float))).cost
6.0
"""

from math import prod

from hodiff.compiled.native.statements import Statement
from hodiff.compiled.native.tasks import Task
from hodiff.lowering import Axis
from hodiff.program import Atom, Var


class Nest:
    """Statements in one nest of loops.

    Attributes
    ----------
    axes : list of Axis
    statements : list of Statement
    """

    def __init__(self, statement: Statement) -> None:
        self.axes = statement.axes
        self.statements = [statement]

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

    def cuts(self, axis: Axis) -> list[int]:
        """Where a loop is cut, in order."""
        return sorted({place for s in self.statements for cut, place in s.cuts if cut is axis})

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
