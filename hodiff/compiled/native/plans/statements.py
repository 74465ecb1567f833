"""Statements: what fills a buffer, or reduces to a number, with what it reads.

May import ``errors``, ``lowering``, ``nodes``, ``parts``, ``program``, ``reduction`` and ``storage``.

>>> import numpy as np
>>> from hodiff.ops.elementwise import exp
>>> from hodiff.compiled.native.plans.recognising import node_of
>>> from hodiff.program import Equation
>>> x, y = Var((5,), np.dtype(float)), Var((5,), np.dtype(float))
>>> node = node_of(Equation(exp, (x,), {}, (y,)))
>>> Explorer({y: node}, {y}, Batches([(5,)])).statement(node).space
(5,)
"""

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.plans.nodes import InMemory, InOrder, Node, Read
from hodiff.compiled.native.plans.parts import Parted
from hodiff.compiled.native.plans.reduction import Reduction
from hodiff.compiled.native.plans.storage import Batches, is_short, written_out
from hodiff.lowering import Affine, Axis, Index
from hodiff.program import Atom, Literal, Var

#: Elements read for one place of a statement, written out.
LARGEST = 4_000


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
    axes : list of Axis
        The loops: along all axes of the space, or of a batch along the first.
    flat : bool
        Everything is read and stored in order, so that all axes can be one.
    needs : dict
        The buffers and reductions that it reads, and whether it reads of them what is at the same place only.
    in_row : dict
        Of the same, whether it reads of them the same row only.
    rows : dict
        Of what it reads along the first axis of a batch, the places on the short axes.
    in_order : set of Var or Literal
        What it reads at places in memory.
    cuts : set of (Axis, int)
        Where loops are cut in two.
    cost : float
    """

    def __init__(self, node: Node, axes: list[Axis], space: tuple[int, ...], *, reduces: bool) -> None:
        self.node = node
        self.answer = node.answer
        self.reduces = reduces
        self.space = space
        self.axes = axes
        self.flat = len(axes) == len(space)
        if isinstance(node, Reduction) and reduces and len(node.axes) != len(space):
            self.flat = False
        self.needs: dict[Atom, bool] = {}
        self.in_row: dict[Atom, bool] = {}
        self.rows: dict[Atom, set[Index]] = {}
        self.in_order: set[Atom] = set()
        self.cuts: set[tuple[Axis, int]] = set()
        self.cost = 0.0

    @property
    def batch(self) -> bool:
        """Whether it has one loop, along the first axis."""
        return len(self.axes) == 1

    def indices(self) -> Iterator[Index]:
        """The places in the space, short axes of a batch written out."""
        loops = [Affine.of(axis) for axis in self.axes]
        rest = self.space[len(loops) :]
        for places in product(*map(range, rest)):
            yield (*loops, *map(Affine, places))


class Explorer:
    """Makes statements.

    Parameters
    ----------
    nodes : mapping
        By their answers.
    stored : set of Var
        What has a buffer; what turns out to need one is added.
    batches : Batches
    """

    def __init__(self, nodes: Mapping[Atom, Node], stored: set[Atom], batches: Batches) -> None:
        self._nodes = nodes
        self._stored = stored
        self._batches = batches
        #: What has been computed as a batch.
        self._made: set[Atom] = set()
        self._axes: dict[tuple[int, ...], list[Axis]] = {}

    def statement(self, node: Node) -> Statement:
        """The statement that makes a value."""
        reduces = isinstance(node, Reduction) and not written_out(node, self._batches)
        space = node.space if isinstance(node, Reduction) and reduces else node.answer.shape
        statement = Statement(node, self._loops(space), space, reduces=reduces)
        self._explore(statement)
        gains = space in self._batches and (not statement.flat or not self._made.isdisjoint(statement.needs))
        if gains or _is_apart(statement):
            batch = Statement(node, self._loops(space[:1]), space, reduces=reduces)
            self._explore(batch)
            if batch.cost <= LARGEST:
                self._made.add(node.answer)
                return batch
        return statement

    def _loops(self, space: tuple[int, ...]) -> list[Axis]:
        """The axes of a space, the same each time."""
        found = self._axes.get(space)
        if found is None:
            found = self._axes[space] = [Axis(length) for length in space]
        return found

    def _explore(self, statement: Statement) -> None:
        """Find what a statement reads, where its loops are cut, and what it costs."""
        seen: set[Read] = set()
        for index in statement.indices():
            for read in self._first_reads(statement, index):
                self._follow(statement, read, index, seen)
            if not statement.reduces:
                statement.cost += statement.node.cost
        statement.cost += len(seen)

    def _first_reads(self, statement: Statement, index: Index) -> list[Read]:
        node = statement.node
        if isinstance(node, Reduction) and statement.reduces:
            return node.reads_at(index)
        found = node.explore(index, statement.cuts)
        if isinstance(node, Parted) or (isinstance(node, InOrder) and node.flat):
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
            node = self._nodes.get(atom)
            if node is None or atom in self._stored:
                if atom.shape or not isinstance(atom, Literal):
                    self._note(statement, atom, index, place)
                continue
            if isinstance(node, Parted) or (isinstance(node, InOrder) and node.flat):
                statement.flat = False  # parts are at places on axes
            try:
                waiting += node.explore(index, statement.cuts)
            except Unsupported:
                if not isinstance(node, Parted):
                    raise
                self._stored.add(atom)  # with axes of its own it can be cut
                continue
            statement.cost += node.cost

    def _note(self, statement: Statement, atom: Atom, index: Index, place: Index) -> None:
        """A buffer, or a number in a register, is read."""
        same = index == place
        size = prod(atom.shape)
        if size != 1 and not (same and atom.shape == statement.space):
            statement.flat = False
        loops = len(statement.axes)
        if isinstance(atom, Var):
            near = size != 1 and len(index) >= loops and index[:loops] == place[:loops] and (same or loops == 1)
            statement.needs[atom] = statement.needs.get(atom, True) and near
            here = bool(index) and bool(place) and index[0] == place[0] and atom.shape[0] == statement.space[0]
            here = here and not isinstance(index, InMemory)
            statement.in_row[atom] = statement.in_row.get(atom, True) and here
        if isinstance(index, InMemory):
            statement.in_order.add(atom)
            statement.flat = False
            if isinstance(atom, Var):
                statement.needs[atom] = False
        elif loops == 1 and len(index) > 1 and index[0].terms and size != atom.shape[0]:
            statement.rows.setdefault(atom, set()).add(index[1:])


def _is_apart(statement: Statement) -> bool:
    """Whether it is short but along the first axis, and each place on the last made in another way, not by vectors."""
    if len(statement.space) < 2 or not is_short(statement.space):
        return False
    axis = statement.axes[-1]
    return len({place for cut, place in statement.cuts if cut is axis}) == axis.length - 1 > 0
