"""What is asked of arrays that are put together is asked of what they are put together from.

Whether some element of a stack is NaN is whether some element of its parts is: then the loops that compute the parts
ask, while the elements are in registers. May import ``batch_rules``, ``code``, ``core``, ``lowering`` and ``program``.

>>> from hodiff.annihilate import some_nan
>>> from hodiff.ops.joining import stacked
>>> x, y, both = Var((20,), np.dtype(float)), Var((20,), np.dtype(float)), Var((2, 20), np.dtype(float))
>>> found = Var((), np.dtype(bool), "scalar")
>>> steps = Equation(stacked, (x, y), {"axis": -2}, (both,)), Equation(some_nan, (both,), {}, (found,))
>>> [step.primitive.name for step in distributed(Program((x, y), steps, (both, found))).equations]
['stacked', 'isnan', 'isnan', 'logical_or', 'some']
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_aligned
from hodiff.code import Code
from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.lowering import Pieces, Reduced
from hodiff.program import Atom, Equation, Guard, Literal, Program, Var

_IS_NAN: Any = NUMPY_UFUNCS[np.isnan]
_OR: Any = NUMPY_UFUNCS[np.logical_or]
_SOME = Primitive(
    "some",
    lambda x: np.any(x),
    batch=batch_aligned,
    constant=True,
    hazard="none",
    code=Code(shares=False, nest=Reduced("or", lambda equation: range(len(equation.operands[0].shape)))),
)
#: Parts of one array that are asked together.
_MOST = 64


def distributed(program: Program) -> Program:
    """The program that asks parts in the place of wholes; the same object where there are none."""
    made: dict[Atom, Equation] = {}
    steps: list[Equation | Guard] = []
    for step in program.steps:
        if not isinstance(step, Equation):
            steps.append(step)
            continue
        parts = _parts(step, made)
        steps += [step] if parts is None else _asked(step, parts)
        made.update(dict.fromkeys(step.answers, step))
    return program if len(steps) == len(program.steps) else program.replace(steps=steps)


def _nest_of(equation: Equation) -> Any:
    return None if equation.primitive.code is None else equation.primitive.code.nest


def _parts(equation: Equation, made: dict[Atom, Equation]) -> Sequence[Atom] | None:
    """The parts of an array of which is asked whether some element is NaN: arrays of one shape, and nothing else."""
    nest = _nest_of(equation)
    if not isinstance(nest, Reduced) or nest.test != "isnan" or nest.operator != "or" or equation.answers[0].shape:
        return None
    whole = made.get(equation.operands[0])
    pieces = None if whole is None else _nest_of(whole)
    if whole is None or not isinstance(pieces, Pieces) or pieces.adds:
        return None
    parts = list(dict.fromkeys(whole.operands))
    first, answer = parts[0], whole.answers[0]
    if any(atom.shape != first.shape or atom.dtype != answer.dtype for atom in parts) or len(parts) > _MOST:
        return None
    count = sum(int(np.prod(atom.shape, dtype=int)) for atom in whole.operands)
    return parts if first.shape and count == answer.size and answer.dtype.kind == "f" else None


def _asked(equation: Equation, parts: Sequence[Atom]) -> list[Equation]:
    """Whether some element of some part is NaN."""
    steps: list[Equation] = []
    asked: Atom | None = None
    # Literals are known.
    for part in [atom for atom in parts if isinstance(atom, Var) or np.isnan(atom.value).any()]:
        mine = Var(part.shape, np.dtype(bool))
        steps.append(replace(equation, primitive=_IS_NAN, operands=(part,), parameters={}, answers=(mine,)))
        if asked is not None:
            both = mine.twin()
            steps.append(replace(equation, primitive=_OR, operands=(asked, mine), parameters={}, answers=(both,)))
            mine = both
        asked = mine
    if asked is None:
        asked = Literal(np.zeros(1, bool))
    return [*steps, replace(equation, primitive=_SOME, operands=(asked,), parameters={})]
