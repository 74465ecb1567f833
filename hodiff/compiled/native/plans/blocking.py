"""Blocks: nests along the first axis of batches do a block of places one after another, so that it stays in the cache.

A batch has columns by the hundred, and long chains of operations are cut into several nests: all that they hand on
would go to memory and back. May import ``placing``, ``program``, ``reduction``, ``statements`` and ``steps``.

>>> blocked([], {}, set())
[]
"""

from collections.abc import Collection, Mapping, Sequence
from math import prod

from hodiff.compiled.native.plans.placing import place
from hodiff.compiled.native.plans.reduction import Reduction
from hodiff.compiled.native.plans.statements import Statement
from hodiff.compiled.native.plans.steps import Blocks, Copy, Nest, Step
from hodiff.program import Atom, Var

#: Bytes of a block in the fastest cache.
_FAST = 1 << 15
#: Places of the smallest block, and of the largest.
LEAST, MOST = 16, 512
#: Blocks that there are at least.
_FEWEST = 4
_ALIGNMENT = 64


def blocked(steps: Sequence[Step], columns: Mapping[Atom, Var], kept: Collection[Atom]) -> list[Step]:
    """The steps, with those together that go block by block.

    Parameters
    ----------
    steps : sequence of Step
    columns : mapping
        The variables that stand for values column by column.
    kept : collection of Var
        What is read otherwise than by steps, or needs no memory.
    """
    done: list[Step] = []
    members: list[Nest | Copy] = []
    for step in [*steps, None]:
        if step is not None and _joins(step, members, columns):
            assert isinstance(step, Nest | Copy)
            members.append(step)
            continue
        done += _together(members, steps, columns, kept)
        members = []
        if step is not None and _joins(step, members, columns):
            assert isinstance(step, Nest | Copy)
            members = [step]
        elif step is not None:
            done.append(step)
    return done


def _joins(step: Step, members: Sequence[Nest | Copy], columns: Mapping[Atom, Var]) -> bool:
    """Whether a step can take block by block what those before it have left."""
    if not isinstance(step, Nest | Copy) or (isinstance(step, Nest) and not _is_plain(step)):
        return False
    if members and _length(step) != _length(members[0]):
        return False
    if isinstance(step, Copy):
        return isinstance(step.source, Var)
    made = {var for member in members for var in member.made()}
    joined = {s.answer for member in members if isinstance(member, Nest) for s in member.statements if s.reduces}
    for statement in step.statements:
        for atom in {*statement.needs, *statement.rows}:
            seen = atom in made or columns.get(atom) in made
            if atom in joined or (seen and not statement.in_row.get(atom, False)):
                return False
    return True


def _length(step: Nest | Copy) -> int:
    return step.axes[0].length if isinstance(step, Nest) else step.target.shape[0]


def _is_plain(nest: Nest) -> bool:
    """Whether there is one loop, in one piece, and what it joins needs no memory."""
    return len(nest.axes) == 1 and not nest.cuts(nest.axes[0]) and all(_needs_no_memory(s) for s in nest.statements)


def _needs_no_memory(statement: Statement) -> bool:
    """Whether it joins nothing, or all places of the loop, which it does in registers."""
    node = statement.node
    return not statement.reduces or (isinstance(node, Reduction) and 0 in node.axes)


def _together(
    members: list[Nest | Copy], steps: Sequence[Step], columns: Mapping[Atom, Var], kept: Collection[Atom]
) -> Sequence[Step]:
    """The step that some are together; they themselves, where there is nothing to gain."""
    if sum(isinstance(member, Nest) for member in members) < 2:
        return members
    spans = _spans(members, _private(members, steps, columns, kept), columns)
    size = MOST
    places, memory = _places(spans, size)
    while memory > _FAST and size > LEAST:
        size //= 2
        places, memory = _places(spans, size)
    if not places or memory > 2 * _FAST or _length(members[0]) < _FEWEST * size:
        return members
    return [Blocks(members, size, places, memory)]


def _private(
    members: Sequence[Nest | Copy], steps: Sequence[Step], columns: Mapping[Atom, Var], kept: Collection[Atom]
) -> set[Var]:
    """What nobody else reads."""
    inside = {id(member) for member in members}
    outside = {atom for step in steps if id(step) not in inside for atom in step.needs()}
    found: set[Var] = set()
    for member in members:
        if isinstance(member, Copy):
            if member.target in columns.values() and outside.isdisjoint({member.source, member.target}):
                found.add(member.target)
            continue
        for answer in (s.answer for s in member.statements if not s.reduces and s.answer not in kept):
            twin = columns.get(answer, answer)
            if answer.size != 1 and outside.isdisjoint({answer, twin}):
                found.add(twin)
    return found


def _spans(
    members: Sequence[Nest | Copy], private: Collection[Var], columns: Mapping[Atom, Var]
) -> dict[Var, tuple[int, int]]:
    """For what is private, the first and the last member that needs it."""
    spans: dict[Var, tuple[int, int]] = {}
    for number, member in enumerate(members):
        for atom in (*member.made(), *member.needs()):
            for seen in (atom, columns.get(atom)):
                if isinstance(seen, Var) and seen in private:
                    spans[seen] = spans.get(seen, (number, number))[0], number
    return spans


def _places(spans: Mapping[Var, tuple[int, int]], size: int) -> tuple[dict[Var, int], int]:
    """Where each is in the memory for a block, and how much that is."""
    lengths = {var: -(-size * prod(var.shape[1:]) * var.dtype.itemsize // _ALIGNMENT) * _ALIGNMENT for var in spans}
    return place((var, lengths[var], span) for var, span in sorted(spans.items(), key=lambda item: item[1]))
