"""What is computed in full although not all of it is read, since somebody may hear of its errors.

A value without a buffer is computed where it is read: of ``(1 / x)[1:]`` not the first element, and with it no division
by zero; of ``x[i][1:]`` nobody asks whether the first position is in range. May import ``code``, ``lowering``,
``nodes``, ``parts`` and ``program``.

>>> from hodiff.ops.elementwise import exp
>>> from hodiff.ops.indexing import getitem
>>> from hodiff.compiled.native.plans.recognising import node_of
>>> x, y, z = (Var((n,), np.dtype(float)) for n in (5, 5, 4))
>>> nodes = [node_of(Equation(exp, (x,), {}, (y,))), node_of(Equation(getitem, (y,), {"index": (slice(1, 5),)}, (z,)))]
>>> partly_read({node.answer: node for node in nodes}, [z]) == {y}
True
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from hodiff.code import is_unheard
from hodiff.compiled.native.plans.nodes import Looked, Moved, Node
from hodiff.compiled.native.plans.parts import Parted
from hodiff.lowering import Picked
from hodiff.program import Atom, Equation, Program, Var

#: Elements of an array of which it is worth finding out whether several readers read all of them.
_LARGEST = 1 << 20
#: Ufuncs of integers that somebody hears of.
_DIVISIONS = (np.floor_divide, np.remainder, np.fmod, np.power)


def partly_read(nodes: Mapping[Atom, Node], wanted: Collection[Atom]) -> set[Atom]:
    """The values that may bring errors in elements that nobody reads.

    Parameters
    ----------
    nodes : mapping
        By their answers, in the order of a program.
    wanted : collection of Var
        What is computed in full in any case.
    """
    readers: dict[Atom, list[Node]] = {}
    for node in nodes.values():
        for atom in dict.fromkeys(node.equation.operands):
            readers.setdefault(atom, []).append(node)
    found: set[Atom] = set()
    full = set(wanted)
    for var, node in reversed(list(nodes.items())):
        answer = node.answer
        if var in full or answer.size == 1 or _is_read(node, [r for r in readers.get(var, ()) if r.answer in full]):
            full.add(var)
        elif may_warn(node.equation):
            found.add(var)
            full.add(var)
    return found


def unread_numbers(program: Program) -> list[Var]:
    """Numbers that nothing is made of, and whose errors may be heard."""
    read: set[Atom] = {*program.outputs, *(atom for equation in program.equations for atom in equation.operands)}
    unread = [e for e in program.equations if read.isdisjoint(e.answers) and may_warn(e)]
    return [var for equation in unread for var in equation.answers if var.size == 1 and var.dtype.kind != "c"]


def may_warn(equation: Equation) -> bool:
    """Whether somebody may hear of an operation, or of positions that are out of range."""
    if equation.primitive.code is not None and isinstance(equation.primitive.code.nest, Picked):
        return True
    if equation.primitive.hazard in ("none", "inside") or is_unheard(equation):
        return False
    inexact = any(atom.dtype.kind in "fc" for atom in (*equation.operands, *equation.answers))
    return inexact or equation.primitive.function in _DIVISIONS


def _is_read(node: Node, readers: Sequence[Node]) -> bool:
    """Whether all elements of a value are read by what is computed in full; of what is looked up, all positions."""
    var = node.answer
    parts = [reader for reader in readers if _takes_parts(reader)]
    if len(parts) < len(readers) or any(isinstance(r, Moved) and r.answer.size >= var.size for r in parts):
        return True
    if var.size > _LARGEST:
        return False
    read = np.zeros(var.size + 1, bool)
    for reader in parts:
        read[_positions(var, reader.equation)] = True
    found: Any = read[1:].reshape(var.shape)
    if isinstance(node, Looked):
        behind = node.first + len(node.places)
        found = found.any((*range(node.first), *range(behind, found.ndim)))
    return bool(found.all())


def _takes_parts(node: Node) -> bool:
    """Whether elements of an operand are moved, perhaps not all of them; what adds parts up takes all."""
    code = node.equation.primitive.code
    return isinstance(node, Moved) or (isinstance(node, Parted) and code is not None and not code.nest.adds)


def _positions(var: Var, equation: Equation) -> Any:
    """The elements, counted from 1, that are part of an answer: where they go, the operation itself says."""
    counted = [
        np.arange(1, var.size + 1).reshape(var.shape) if atom is var else np.zeros(atom.shape, int)
        for atom in equation.operands
    ]
    return np.asarray(equation.primitive.function(*counted, **equation.parameters), int)
