"""Operations that are composed of others, written out.

A declaration `lowering.Composed` says how: a function of NumPy's is staged as the user's are. Inputs and outputs of a
program stay what they are. May import ``batch_rules``, ``code``, ``complexes``, ``core``, ``distributing``, ``errors``,
``lowering``, ``nodes``, ``program``, ``recognising``, ``staging``, ``tasks`` and ``ufuncs``.

>>> from hodiff.ops.moments import variance
>>> x, y = Var((9,), np.dtype(float)), Var((), np.dtype(float), "scalar")
>>> equation = Equation(variance, (x,), {"axis": (-1,), "ddof": 0, "keepdims": False}, (y,))
>>> [step.primitive.name for step in composed(Program((x,), (equation,), (y,))).equations]
['total', 'divide', 'subtract', 'multiply', 'total', 'divide']
"""

import warnings
from collections.abc import Sequence
from math import prod
from operator import is_
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.plans.complexes import COMPLEX, PARTS, taken_apart, without_detours
from hodiff.compiled.native.plans.distributing import distributed
from hodiff.compiled.native.plans.nodes import Node
from hodiff.compiled.native.plans.recognising import node_of
from hodiff.compiled.native.plans.tasks import task_of
from hodiff.core import Primitive
from hodiff.errors import HodiffError
from hodiff.lowering import Composed, Mapped
from hodiff.program import Atom, Equation, Guard, Program, Var
from hodiff.staging import stage

#: Of an answer that is an operand.
_SAME = Primitive("same", lambda x: x, batch=batch_aligned, constant=True, code=Code(nest=Mapped("same")))


def composed(program: Program) -> Program:
    """The program with operations in the place of those that are composed of them."""
    program = distributed(program)
    steps: list[Equation | Guard] = []
    for step in program.steps:
        steps += [step] if isinstance(step, Guard) else parts_of(step)
    if len(steps) == len(program.steps) and all(map(is_, steps, program.steps)):
        return program
    return program.replace(steps=without_detours(steps, program.outputs))


def _declared(equation: Equation) -> tuple[Primitive, dict[str, Any]]:
    """The primitive that was declared, and the parameters, which may be a part of another one made of it."""
    return equation.primitive.origin or (equation.primitive, equation.parameters)


def _nest_of(equation: Equation) -> Any:
    code = _declared(equation)[0].code
    return None if code is None else code.nest


def parts_of(equation: Equation) -> list[Equation]:
    """What an equation is composed of; itself, where it is not, or where that has no native form."""
    atoms = (*equation.operands, *equation.answers)
    if equation.primitive is PARTS or equation.primitive is COMPLEX:
        return [equation]
    nest = _nest_of(equation)
    if isinstance(nest, Composed) and all(atom.dtype.char in "FD" or ufuncs.ir_type(atom.dtype) for atom in atoms):
        parts = _parts(equation, nest)
        if any(_declared(part)[0] is _declared(equation)[0] for part in parts or ()):
            return [equation]
    elif any(atom.dtype.char in "FD" for atom in atoms):
        parts = taken_apart(equation)
    else:
        return [equation]
    if parts is None:
        return [equation]
    found = [step for part in parts for step in parts_of(part)]
    return found if _is_native(found) else [equation]


def _parts(equation: Equation, nest: Composed) -> list[Equation] | None:
    """The equations, with operands and answers as they are called elsewhere."""
    primitive, parameters = _declared(equation)
    function = primitive.function if nest.function is None else nest.function

    def answers_of(*operands: Any) -> Sequence[Any]:
        answer = function(*operands, **parameters)
        return answer if equation.several else (answer,)

    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            _, program = stage(answers_of, [_example(atom) for atom in equation.operands])
    except HodiffError:
        return None
    names: dict[Atom, Atom] = dict(zip(program.inputs, equation.operands, strict=True))
    if program.guards:
        return None
    copies: list[Equation] = []
    for output, answer in zip(program.outputs, equation.answers, strict=True):
        if output.shape != answer.shape or output.dtype != answer.dtype:
            return None
        if output in names or not isinstance(output, Var):
            copies.append(Equation(_SAME, (output,), {}, (answer,)))
        else:
            names[output] = answer
    return [_renamed(step, names, equation) for step in (*program.equations, *copies)]


def _example(atom: Atom) -> Any:
    """A value like those of an operand."""
    if atom.form == "array":
        return np.ones(atom.shape, atom.dtype)
    value = np.ones((), atom.dtype)[()]
    return value.item() if atom.form == "number" else value


def _renamed(step: Equation, names: dict[Atom, Atom], equation: Equation) -> Equation:
    operands = tuple([names.get(atom, atom) for atom in step.operands])
    answers = tuple([names.get(var, var) for var in step.answers])
    errstate = step.errstate or equation.errstate
    return Equation(step.primitive, operands, step.parameters, answers, step.several, errstate, equation.source)  # type: ignore[arg-type]


def _is_native(equations: Sequence[Equation]) -> bool:
    nodes: dict[Atom, Node] = {}
    try:
        for equation in equations:
            if not all(prod(atom.shape) for atom in (*equation.operands, *equation.answers)):
                return False
            if task_of(equation, nodes) is None:
                node = node_of(equation)
                nodes[node.answer] = node
    except Unsupported:
        return False
    return True
