"""Which values get a buffer.

A value has a buffer only where something forces it; any other is an index function, computed where it is read. What
forces one:

* it is returned, or an operation needs it in memory;
* it is read in several places, and computing it again costs more than `CHEAP` additions, or could give other last bits;
* it is read once for many elements of its reader, by broadcasting, and costs more than `FREE`;
* it is a reduction of more than `FEW` elements;
* a chain of operations is as long as a loop should be: what is alive there is stored, so that code stays quick to
  compile, and in registers.

Arrays of one element are no buffers but numbers in registers. May import ``nodes``, ``program`` and ``reduction``.

>>> batches = Batches([(500, 2, 3), (500, 9), (90, 9)])
>>> (500, 9) in batches, (90, 9) in batches
(True, False)
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import prod
from typing import Any

from hodiff.compiled.native.plans.nodes import InOrder, Looked, Moved, Node
from hodiff.compiled.native.plans.reduction import Reduction, SmallProduct
from hodiff.program import Atom, Equation, Var

#: Additions that a value with several readers may cost without a buffer.
CHEAP = 6.0
#: Additions that a value may cost that is broadcast to its reader.
FREE = 2.0
#: Elements of a reduction that is written out where it is read.
FEW = 8
#: Elements of the short axes of a batch.
SHORT = 64
#: Elements of a row that fill vectors, so that it is no short axis.
VECTOR = 8
#: Instructions, about, of one place of a nest.
LONGEST = 400


class Batches:
    """Which spaces are batches: all axes but the first are short, and that is long.

    A row of `VECTOR` elements or more fills vectors itself, so that its array is a batch only in a program where others
    of the same length are.

    Parameters
    ----------
    shapes : iterable of tuple of int
        Of all arrays of a program.
    """

    def __init__(self, shapes: Iterable[tuple[int, ...]]) -> None:
        self._lengths = {shape[0] for shape in shapes if sum(n > 1 for n in shape) > 2 and is_short(shape)}

    def __contains__(self, space: Any) -> bool:
        if len(space) < 2:
            return len(space) == 1 and space[0] >= 2 * VECTOR
        return is_short(space) and (space[-1] < VECTOR or space[0] in self._lengths)


def is_short(shape: Sequence[int]) -> bool:
    """Whether all axes but the first are short, and that is long."""
    return prod(shape[1:]) <= SHORT and shape[0] >= 2 * VECTOR


def written_out(node: Reduction, batches: Batches) -> bool:
    """Whether a reduction is of so few elements that it needs no loop."""
    if node.count <= (FEW if node.answer.size > 1 or node.exact else FEW // 2):
        return True
    return node.count <= SHORT and 0 not in node.axes and len(node.space) > 1 and node.space in batches


def in_register(node: Node, batches: Batches) -> bool:
    """Whether a value is a number that is computed where it is read."""
    return node.answer.size == 1 and (not isinstance(node, Reduction) or written_out(node, batches))


def choose(
    equations: Sequence[Equation], nodes: Mapping[Atom, Node], wanted: Collection[Atom], batches: Batches
) -> set[Atom]:
    """What has a buffer, or is a reduction in a register.

    Parameters
    ----------
    equations : sequence of Equation
    nodes : mapping
        The nodes of those that are no tasks, by their answers.
    wanted : collection of Var
        What is returned, or needed in memory by tasks.
    batches : Batches
    """
    readers: dict[Atom, list[Node]] = {}
    for node in nodes.values():
        for atom in dict.fromkeys(node.equation.operands):
            readers.setdefault(atom, []).append(node)
    stored = _where_chains_are_cut(equations, nodes, batches)
    #: Of each value, what it costs where it is read, and whether that is exact.
    costs: dict[Atom, tuple[float, bool]] = {}
    for var, node in nodes.items():
        before = [costs.get(atom, (0.0, True)) for atom in node.equation.operands]
        cost = node.cost + sum(c for c, _ in before)
        exact = node.exact and all(e for _, e in before)
        if isinstance(node, Reduction):
            cost = node.count * (1.0 + sum(c for c, _ in before))
        needed = var in wanted and not in_register(node, batches)
        if var in stored or needed or _is_forced(node, readers.get(var, []), cost, exact, batches):
            stored.add(var)
            cost, exact = 0.0, True
        elif in_register(node, batches):
            cost, exact = 0.0, True  # it is computed once, outside of loops
        costs[var] = cost, exact
    return stored


def _is_forced(node: Node, readers: Sequence[Node], cost: float, exact: bool, batches: Batches) -> bool:
    answer = node.answer
    if isinstance(node, Reduction) and not written_out(node, batches):
        return True
    if answer.size == 1:
        return False
    if any(isinstance(reader, InOrder) and reader.flat for reader in readers):
        return True
    if isinstance(node, Moved) and any(_reads_rows(reader, answer) for reader in readers):
        return True
    if any(isinstance(reader, Looked) and reader.source is answer for reader in readers):
        return True
    if len(readers) > 1 and (cost > CHEAP or not exact):
        return True
    if not cost > FREE and exact:
        return False
    # Along the first axis, batches read what they have just computed.
    spaces = [_space_of(reader) for reader in readers]
    return any(prod(space) > answer.size and not (answer.shape in batches and space in batches) for space in spaces)


def _reads_rows(reader: Node, atom: Atom) -> bool:
    """Whether a product reads a matrix again and again, row by row; a view of another is copied for that."""
    return (
        isinstance(reader, SmallProduct)
        and reader.equation.operands[1] is atom
        and reader.answer.size > prod(atom.shape)
    )


def _space_of(node: Node) -> tuple[int, ...]:
    return node.space if isinstance(node, Reduction) else node.answer.shape


def _where_chains_are_cut(equations: Sequence[Equation], nodes: Mapping[Atom, Node], batches: Batches) -> set[Atom]:
    """What is alive wherever a loop would become too long."""
    last: dict[Atom, int] = {}
    for number, equation in enumerate(equations):
        last.update(dict.fromkeys(equation.operands, number))
    found: set[Atom] = set()
    alive: list[Var] = []
    length = 0.0
    for number, equation in enumerate(equations):
        node = nodes.get(equation.answers[0])
        if node is None or in_register(node, batches):
            continue
        alive = [var for var in alive if last.get(var, -1) >= number]
        space = node.space if isinstance(node, Reduction) else node.answer.shape
        if not isinstance(node, (Moved, InOrder)):
            length += (prod(space[1:]) if space in batches else 1.0) * (1.0 + min(node.cost, 40.0) / 20.0)
        alive.append(node.answer)
        if length > LONGEST:
            found.update(_makers(alive, nodes, batches))
            alive, length = [], 0.0
    return found


def _makers(alive: Sequence[Var], nodes: Mapping[Atom, Node], batches: Batches) -> set[Atom]:
    """What is to be stored for some values: of views what they show."""
    found: set[Atom] = set()
    for atom in alive:
        shown: Atom = atom
        while isinstance(node := nodes.get(shown), (Moved, InOrder)) and not (isinstance(node, InOrder) and node.flat):
            shown = node.equation.operands[0]
        if (made := nodes.get(shown)) is not None and not in_register(made, batches):
            found.add(shown)
    return found
