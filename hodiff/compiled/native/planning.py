"""The plan of a program: which values get a buffer, and which of them are computed in one nest of loops.

A value has a buffer only where something forces it; any other is an index function, computed where it is read. What
forces one:

* it is returned, or an operation needs it in memory;
* it is read in several places, and computing it again costs more than `CHEAP` additions, or could give other last bits;
* it is read once for many elements of its reader, by broadcasting, and costs more than `FREE`;
* it is a reduction of more than `FEW` elements.

Arrays of one element are no buffers but numbers in registers. Statements, which fill a buffer or reduce to a number,
share a nest where they run through the same space and read of each other what has just been computed. A space whose
axes but the first are short is a batch: its nest runs along the first axis, and the rest is written out.
May import ``errors``, ``lowering``, ``nodes``, ``program`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.ops.elementwise import exp, multiply
>>> x, y, z = (Var((3,), np.dtype(float)) for _ in range(3))
>>> steps = [Equation(exp, (x,), {}, (y,)), Equation(multiply, (y, y), {}, (z,))]
>>> plan = Plan([x], steps, [z])
>>> [statement.answer is z for nest in plan.nests for statement in nest.statements]
[True]
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.nodes import InOrder, Node, Parted, Read, Reduction, node_of
from hodiff.compiled.native.tasks import Task, task_of
from hodiff.lowering import ZERO, Affine, Axis, Index
from hodiff.program import Atom, Equation, Literal, Var

#: Additions that a value with several readers may cost without a buffer.
CHEAP = 6.0
#: Additions that a value may cost that is broadcast to its reader.
FREE = 2.0
#: Elements of a reduction that is written out where it is read.
FEW = 8
#: Elements of the short axes of a batch.
SHORT = 32
#: Elements of a row that fill vectors, so that it is no short axis.
VECTOR = 8
#: Elements read for one element of a statement, written out; and additions of the statements of one nest.
LARGEST = 4_000
_DEEPEST = 100


class Statement:
    """Fills a buffer, or reduces to one.

    Attributes
    ----------
    answer : Var
    node : Node
    reduces : bool
        It joins elements along loops; else it stores each element.
    space : tuple of int
        What it runs through.
    batch : bool
        Only the first axis is a loop.
    axes : list of Axis
        The loops.
    flat : bool
        Everything is read and stored in order, so that all axes can be one.
    needs : dict
        The buffers and reductions that it reads, and whether it reads of them what is at the same place only.
    cuts : set of (Axis, int)
        Where loops are cut in two.
    cost : float
    """

    def __init__(self, node: Node, axes: list[Axis], *, batch: bool) -> None:
        self.node = node
        self.answer = node.answer
        self.reduces = isinstance(node, Reduction) and not _written_out(node)
        self.space: tuple[int, ...] = node.space if isinstance(node, Reduction) and self.reduces else self.answer.shape
        self.batch = batch
        self.axes = axes
        self.flat = not batch and (not self.reduces or len(node.axes) == len(self.space))  # type: ignore[attr-defined]
        self.needs: dict[Atom, bool] = {}
        self.cuts: set[tuple[Axis, int]] = set()
        self.cost = 0.0

    def indices(self) -> Iterator[Index]:
        """The places in the space, short axes of a batch written out."""
        loops = [Affine.of(axis) for axis in self.axes]
        rest = self.space[len(loops) :]
        for places in product(*map(range, rest)):
            yield (*loops, *map(Affine, places))


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
    def cost(self) -> float:
        """Additions for one place."""
        return sum(statement.cost for statement in self.statements)

    def cuts(self, axis: Axis) -> list[int]:
        """Where a loop is cut, in order."""
        return sorted({place for s in self.statements for cut, place in s.cuts if cut is axis})


class Work:
    """A task among the nests.

    Attributes
    ----------
    task : Task
    answers : tuple of Var
    needs : dict
        The buffers and reductions that it reads.
    """

    def __init__(self, task: Task, needs: set[Atom]) -> None:
        self.task = task
        self.answers = task.equation.answers
        self.needs = dict.fromkeys(needs, False)

    @property
    def cost(self) -> float:
        """Additions, in all."""
        return self.task.cost


class Plan:
    """What is computed where.

    Parameters
    ----------
    inputs : sequence of Var
        What is in memory already.
    equations : sequence of Equation
    outputs : sequence of Var
        What is wanted in memory; arrays of one element in a register.

    Attributes
    ----------
    nodes : dict
        For each variable that an equation defines, its node.
    stored : set of Var
        What has a buffer, or is a reduction in a register.
    nests : list of Nest and Work
        In the order in which they run.

    Raises
    ------
    Unsupported
        Saying which operation has no native form.
    """

    def __init__(self, inputs: Sequence[Var], equations: Sequence[Equation], outputs: Sequence[Atom]) -> None:
        self.inputs = set(inputs)
        self.nodes: dict[Atom, Node] = {}
        #: Operations with code of their own, by each of their answers.
        self.tasks: dict[Atom, Task] = {}
        for equation in equations:
            task = task_of(equation, self.nodes)
            if task is not None:
                self.tasks.update(dict.fromkeys(equation.answers, task))
                continue
            node = node_of(equation)
            self.nodes[node.answer] = node
        #: What is needed in memory by tasks.
        self.buffers = {atom for task in self.tasks.values() for atom in task.buffers}
        self._equations = equations
        self._outputs = [atom for atom in outputs if isinstance(atom, Var)]
        self._axes: dict[tuple[Any, ...], list[Axis]] = {}
        self.stored: set[Atom] = set(self.tasks)
        self._choose()
        while True:
            forced = len(self.stored)
            steps = [step for var in self._in_order() if (step := self._step(var)) is not None]
            if len(self.stored) == forced:
                break
        self.nests: list[Nest | Work] = []
        self._schedule(steps)

    # --- buffers ------------------------------------------------------------------------------------------------------

    def _choose(self) -> None:
        """Find what has a buffer."""
        readers: dict[Atom, list[Node]] = {}
        for node in self.nodes.values():
            for atom in dict.fromkeys(node.equation.operands):
                readers.setdefault(atom, []).append(node)
        #: Of each value, what it costs where it is read, whether that is exact, and how many are in a chain.
        costs: dict[Atom, tuple[float, bool, int]] = {}
        for var, node in self.nodes.items():
            before = [costs.get(atom, (0.0, True, 0)) for atom in node.equation.operands]
            cost = node.cost + sum(c for c, _, _ in before)
            exact = node.exact and all(e for _, e, _ in before)
            depth = 1 + max([d for _, _, d in before], default=0)
            if isinstance(node, Reduction):
                cost = node.count * (1.0 + sum(c for c, _, _ in before))
            if self._forced(node, readers.get(var, []), cost, exact) or depth > _DEEPEST:
                self.stored.add(var)
                cost, exact, depth = 0.0, True, 0
            costs[var] = cost, exact, depth

    def _forced(self, node: Node, readers: list[Node], cost: float, exact: bool) -> bool:
        answer = node.answer
        if (answer in self._outputs or answer in self.buffers) and answer.size != 1:
            return True
        if isinstance(node, Reduction) and not _written_out(node):
            return True
        if answer.size == 1:
            return False
        if any(isinstance(reader, InOrder) and reader.flat for reader in readers):
            return True
        if len(readers) > 1 and (cost > CHEAP or not exact):
            return True
        largest = max([_space_of(reader) for reader in readers], default=0)
        # Along the first axis, batches read what they have just computed.
        return largest > answer.size and (cost > FREE or not exact) and not _is_batch(answer.shape)

    # --- statements ---------------------------------------------------------------------------------------------------

    def _in_order(self) -> list[Atom]:
        return [answer for equation in self._equations for answer in equation.answers[:1]]

    def _step(self, var: Atom) -> "Statement | Work | None":
        """The statement or the work that makes a value; None where it is made where it is read."""
        task = self.tasks.get(var)
        if task is not None:
            return Work(task, self._behind(task.buffers))
        if var not in self.stored:
            return None
        node = self.nodes[var]
        if node.answer.size == 1 and (not isinstance(node, Reduction) or _written_out(node)):
            return None
        return self._statement(node)

    def _behind(self, atoms: Sequence[Atom]) -> set[Atom]:
        """The buffers and reductions that some values are made of."""
        found: set[Atom] = set()
        waiting, seen = list(atoms), set[Atom]()
        while waiting:
            atom = waiting.pop()
            if atom in seen:
                continue
            seen.add(atom)
            if atom in self.stored:
                found.add(atom)
            elif atom in self.nodes:
                waiting += self.nodes[atom].equation.operands
        return found

    def _statement(self, node: Node) -> Statement:
        reduces = isinstance(node, Reduction) and not _written_out(node)
        space = node.space if isinstance(node, Reduction) and reduces else node.answer.shape
        statement = Statement(node, self._canonical(space, batch=False), batch=False)
        self._explore(statement)
        if not statement.flat and _is_batch(space):
            batch = Statement(node, self._canonical(space[:1], batch=True), batch=True)
            self._explore(batch)
            if batch.cost <= LARGEST:
                return batch
        return statement

    def _canonical(self, space: tuple[int, ...], *, batch: bool) -> list[Axis]:
        """The axes of a space, the same each time."""
        del batch
        found = self._axes.get(space)
        if found is None:
            found = self._axes[space] = [Axis(length) for length in space]
        return found

    def _explore(self, statement: Statement) -> None:
        """Find what a statement reads, where its loops are cut, and what it costs."""
        seen: set[Read] = set()
        node = statement.node
        for index in statement.indices():
            for read in self._first_reads(statement, node, index):
                self._follow(statement, read, index, seen)
        statement.cost += len(seen)

    def _first_reads(self, statement: Statement, node: Node, index: Index) -> list[Read]:
        if isinstance(node, Reduction) and statement.reduces:
            return node.reads_at(index)
        found = node.explore(index, statement.cuts)
        if statement.cuts:
            statement.flat = False
        return found

    def _follow(self, statement: Statement, read: Read, place: Index, seen: set[Read]) -> None:
        waiting = [read]
        while waiting:
            read = waiting.pop()
            if read in seen:
                continue
            seen.add(read)
            if len(seen) > LARGEST:
                raise Unsupported("an element that is made of too many others")
            atom, index = read
            if isinstance(atom, Literal) and not atom.shape:
                continue
            node = self.nodes.get(atom)
            if node is None or atom in self.stored:
                self._note(statement, atom, index, place)
                continue
            if isinstance(node, InOrder) and node.flat:
                statement.flat = False
            before = len(statement.cuts)
            try:
                waiting += node.explore(index, statement.cuts)
            except Unsupported:
                if not isinstance(node, Parted):
                    raise
                self.stored.add(atom)  # with axes of its own it can be cut
                continue
            if len(statement.cuts) != before:
                statement.flat = False
            statement.cost += node.cost

    def _note(self, statement: Statement, atom: Atom, index: Index, place: Index) -> None:
        """A buffer, or a number in a register, is read."""
        same = index == place
        if atom.shape and prod(atom.shape) != 1 and not (same and atom.shape == statement.space):
            statement.flat = False
        if isinstance(atom, Var) and atom in self.stored:
            loops = len(statement.axes)
            near = atom.size != 1 and len(index) >= loops and index[:loops] == place[:loops]
            near = near and (same or loops == 1)
            statement.needs[atom] = statement.needs.get(atom, True) and near

    # --- nests --------------------------------------------------------------------------------------------------------

    def _schedule(self, steps: "Sequence[Statement | Work]") -> None:
        """Put statements into nests, each into the first where all that it reads is known."""
        home: dict[Atom, int] = {}
        made: dict[Atom, Statement] = {}
        for step in steps:
            first = 0
            for var, near in step.needs.items():
                if var not in home:
                    continue  # a number that is computed where it is read
                joins = near and var in made and not made[var].reduces
                joins = joins and isinstance(step, Statement) and made[var].axes is step.axes
                first = max(first, home[var] if joins else home[var] + 1)
            if isinstance(step, Work):
                home.update(dict.fromkeys(step.answers, len(self.nests)))
                self.nests.append(step)
                continue
            for number in range(first, len(self.nests)):
                nest = self.nests[number]
                if isinstance(nest, Nest) and nest.axes is step.axes and nest.cost + step.cost <= LARGEST:
                    nest.statements.append(step)
                    break
            else:
                number = len(self.nests)
                self.nests.append(Nest(step))
            home[step.answer] = number
            made[step.answer] = step


def _written_out(node: Reduction) -> bool:
    """Whether a reduction is of so few elements that it needs no loop."""
    if node.count <= FEW and (node.answer.size > 1 or node.exact):
        return True
    return node.count <= SHORT and bool(node.space) and 0 not in node.axes and _is_batch(node.space)


def _is_batch(space: Sequence[int]) -> bool:
    """Whether all axes but the first are short, and that is long."""
    short = len(space) == 1 or space[-1] < VECTOR or len(space) > 2
    return len(space) >= 1 and short and prod(space[1:]) <= SHORT and space[0] >= 2 * VECTOR


def _space_of(node: Node) -> int:
    return prod(node.space) if isinstance(node, Reduction) else node.answer.size


def identity_place(shape: Sequence[int]) -> Index:
    """The only index of an array of one element."""
    return (ZERO,) * len(shape)
