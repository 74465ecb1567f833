"""Rows: nests that go through arrays row by row do so together, so that a row stays in the processor's cache.

Of a nest that has run, the next one may read the row at hand only. What nobody else reads needs memory for one row. May
import ``program``, ``reduction``, ``statements``, ``steps`` and ``storage``.

>>> grouped([], set())
([], set())
"""

from collections.abc import Collection, Sequence
from math import prod

from hodiff.compiled.native.plans.reduction import Reduction
from hodiff.compiled.native.plans.statements import Statement
from hodiff.compiled.native.plans.steps import Nest, Rows, Step
from hodiff.compiled.native.plans.storage import VECTOR
from hodiff.program import Atom

#: Elements of a row that stay in the fastest cache, with those of other arrays.
_CACHED = 1 << 12
#: Rows that are worth a loop of their own.
_FEW = 16


def grouped(steps: Sequence[Step], kept: Collection[Atom]) -> tuple[list[Step], set[Atom]]:
    """The steps with nests together that can go row by row, and what needs memory for one row.

    Parameters
    ----------
    steps : sequence of Nest, Work and Copy
    kept : collection of Var
        What is read otherwise than by steps.
    """
    done: list[Step] = []
    waiting = list(steps)
    while waiting:
        first = waiting.pop(0)
        if not _has_rows(first):
            done.append(first)
            continue
        assert isinstance(first, Nest)
        members, late = [first], list[Step]()
        for step in waiting:
            if isinstance(step, Nest) and _joins(step, members, late):
                members.append(step)
            else:
                late.append(step)
        while len(members[-1].axes) == 1:
            late = _put_back(late, members.pop(), steps)
        done.append(Rows(members) if len(members) > 1 else first)
        waiting = late
    return done, _private(done, kept)


def _has_rows(step: Step) -> bool:
    """Whether a nest has long rows, and many."""
    if not isinstance(step, Nest) or len(step.axes) < 2 or step.cuts(step.axes[0]):
        return False
    length = prod([axis.length for axis in step.axes[1:]])
    return step.axes[0].length >= _FEW and VECTOR <= length <= _CACHED and step.axes[-1].length >= VECTOR


def _joins(nest: Nest, members: Sequence[Nest], late: Sequence[Step]) -> bool:
    """Whether a nest can run in the same rows, before all steps that are to come later."""
    if nest.axes[0].length != members[0].axes[0].length:
        return False
    if not (_has_rows(nest) or _is_column(nest)):
        return False
    if not {var for step in late for var in step.made()}.isdisjoint(nest.needs()):
        return False
    makers = {statement.answer: statement for member in members for statement in member.statements}
    return all(
        statement.in_row.get(atom, False) and not _is_known_late(makers[atom])
        for statement in nest.statements
        for atom in statement.needs
        if atom in makers
    )


def _is_column(nest: Nest) -> bool:
    """Whether a nest has one element a row, and leaves it there."""
    return (
        len(nest.axes) == 1
        and not nest.cuts(nest.axes[0])
        and all(not s.reduces and not s.rows and len(s.answer.shape) == 1 for s in nest.statements)
    )


def _is_known_late(statement: Statement) -> bool:
    """Whether it reduces, and its rows are known after the loop through all of them only.

    So it is with sums of rows; and with what is joined in memory, where a loop is not reduced that is within one that
    is: all of it is begun before the rows, and a mean is divided behind them.
    """
    node = statement.node
    if not isinstance(node, Reduction) or not statement.reduces:
        return False
    long = [axis for axis, length in enumerate(node.space) if length > 1]
    reduced = [axis in node.axes for axis in long]
    return 0 in node.axes or reduced != sorted(reduced)


def _put_back(late: Sequence[Step], nest: Nest, steps: Sequence[Step]) -> list[Step]:
    """The steps to come with one more, in their old order."""
    order = {id(step): number for number, step in enumerate(steps)}
    return sorted([*late, nest], key=lambda step: order[id(step)])


def _private(steps: Sequence[Step], kept: Collection[Atom]) -> set[Atom]:
    """What only its own group reads, row by row."""
    found: set[Atom] = set()
    for step in steps:
        if not isinstance(step, Rows):
            continue
        outside = {atom for other in steps if other is not step for atom in other.needs()}
        for nest in step.nests:
            for statement in nest.statements:
                answer = statement.answer
                if answer not in outside and answer not in kept and not _is_known_late(statement) and answer.size != 1:
                    found.add(answer)
    return found
