"""What the turns of a loop compute of its constants alone, and so once for all of them.

May import ``errors``, ``lowering``, ``nodes``, ``program``, ``recognising``, ``reduction`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> _, body = stage(lambda w, x: [np.exp(w).T @ x], [np.ones((2, 2)), np.ones(2)], name="body")
>>> before, rest = divided(body, 1)
>>> [equation.primitive.name for equation in before.equations], [equation.primitive.name for equation in rest.equations]
(['exp'], ['permuted', 'matmul'])
"""

from math import inf

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.plans.nodes import InOrder, Moved, Node
from hodiff.compiled.native.plans.recognising import node_of
from hodiff.compiled.native.plans.reduction import Reduction
from hodiff.compiled.native.plans.tasks import task_of
from hodiff.lowering import Rearranged, Reshaped
from hodiff.program import Atom, Equation, Literal, Program, Var

#: Additions for an element that is computed again in each turn.
_CHEAP = 4.0


def divided(body: Program, constants: int) -> tuple[Program, Program]:
    """What is computed before a loop, and what in its turns.

    Parameters
    ----------
    body : Program
    constants : int
        Inputs of the body that are the same in all turns, the first ones.

    Returns
    -------
    before : Program
        Of the constants; its outputs are inputs of the other one, behind the constants.
    rest : Program
    """
    fixed = body.inputs[:constants]
    makers: dict[Atom, Equation] = {}
    known: set[Atom] = set(fixed)
    for step in body.equations:
        if all(isinstance(atom, Literal) or atom in known for atom in step.operands):
            makers.update(dict.fromkeys(step.answers, step))
            known.update(step.answers)
    costs = _costs(body, makers)
    moved: dict[Var, None] = {}
    kept: set[Atom] = set()
    late = [step for step in body.equations if step.answers[0] not in makers]
    waiting: list[Atom] = [*(atom for step in late for atom in step.operands), *body.outputs]
    while waiting:
        atom = waiting.pop()
        if atom not in makers or atom in kept or atom in moved:
            continue
        if costs[atom] > _CHEAP and not _is_view(makers[atom]) and isinstance(atom, Var):
            moved[atom] = None
        else:
            kept.add(atom)
            waiting += makers[atom].operands
    if not moved:
        return Program(fixed, (), (), body.name), body
    steps = [s for s in body.equations if s.answers[0] not in makers or not kept.isdisjoint(s.answers)]
    steps = [step for step in steps if not any(var in moved for var in step.answers)]
    before = Program(fixed, tuple(_needed(body, makers, moved)), tuple(moved), body.name)
    return before, body.replace(inputs=[*fixed, *moved, *body.inputs[constants:]], steps=steps)


def _needed(body: Program, makers: dict[Atom, Equation], moved: dict[Var, None]) -> list[Equation]:
    """The equations that make some values."""
    wanted: set[Atom] = set(moved)
    found = []
    for step in reversed(body.equations):
        if step.answers[0] in makers and not wanted.isdisjoint(step.answers):
            wanted.update(step.operands)
            found.append(step)
    return found[::-1]


def _costs(body: Program, makers: dict[Atom, Equation]) -> dict[Atom, float]:
    """Additions for an element of each value that is made of constants."""
    costs: dict[Atom, float] = {}
    nodes: dict[Atom, Node] = {}
    for step in body.equations:
        if step.answers[0] not in makers:
            continue
        inside = sum(costs.get(atom, 0.0) for atom in step.operands)
        costs.update(dict.fromkeys(step.answers, inf))
        try:
            if task_of(step, nodes) is None:
                node = nodes[step.answers[0]] = node_of(step)
                cost = node.count * (1.0 + inside) if isinstance(node, Reduction) else node.cost + inside
                costs[node.answer] = inside if isinstance(node, (Moved, InOrder)) else cost
        except Unsupported:
            continue  # whoever plans it says so
    return costs


def _is_view(equation: Equation) -> bool:
    nest = None if equation.primitive.code is None else equation.primitive.code.nest
    return isinstance(nest, (Rearranged, Reshaped))
