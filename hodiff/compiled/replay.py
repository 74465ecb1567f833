"""A program run as it stands, operation by operation, as its staging did: before it is worth compiling.

Writing and compiling the source of a program takes longer than staging it, and many functions are called once. What
each operation gives has the same bits either way. May import ``handling``, ``program`` and
``staging``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> _, program = stage(lambda x: [np.sin(x) * 2.0], [np.float64(1.0)])
>>> replay(program, [np.float64(0.0)])
[np.float64(0.0)]
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.handling import quiet
from hodiff.program import Atom, Equation, Literal, Program, Var
from hodiff.staging import applied


def replay(program: Program, inputs: Sequence[Any]) -> list[Any]:
    """Values of the outputs for inputs for which the guards hold; floating-point errors are not heard of.

    An output may be an input, or what a literal contains, or show the memory of either.
    """
    known: dict[Var, Any] = dict(zip(program.inputs, inputs, strict=True))
    ends = _ends(program)
    with quiet():
        for step, done in zip(program.steps, ends, strict=True):
            if not isinstance(step, Equation):
                continue
            primitive = step.primitive
            operands = [atom.value if isinstance(atom, Literal) else known[atom] for atom in step.operands]
            answer = applied(primitive, operands)(*operands, **step.parameters)
            for var, part in zip(step.answers, answer if step.several else (answer,), strict=True):
                known[var] = part if var.shape else _in_form(part, var)
            for var in done:
                del known[var]
    return [atom.value if isinstance(atom, Literal) else known[atom] for atom in program.outputs]


def _ends(program: Program) -> list[list[Var]]:
    """For each step, the values that nobody reads behind it: all of them at once may not fit into memory."""
    ends: list[list[Var]] = [[] for _ in program.steps]
    read: set[Atom] = set(program.outputs)
    for step, done in zip(reversed(program.steps), reversed(ends), strict=True):
        if isinstance(step, Equation):
            for atom in (*step.answers, *step.operands):
                if isinstance(atom, Var) and atom not in read:
                    read.add(atom)
                    done.append(atom)
    return ends


def _in_form(value: Any, var: Var) -> Any:
    """What has no axes as it was when staged: passes may make a scalar of an array of shape (), and NumPy of both."""
    if var.form == "array":
        return np.asarray(value)
    if var.form == "number":
        return np.asarray(value).item() if isinstance(value, (np.ndarray, np.generic)) else value
    return value[()] if isinstance(value, np.ndarray) else value
