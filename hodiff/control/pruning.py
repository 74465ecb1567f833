"""Loops and branches without what nobody needs of them: answers, and what only these were computed from.

May import ``dead_code`` and ``program``.

>>> import numpy as np
>>> from hodiff.control.loops import loop
>>> from hodiff.program import Literal, Var
>>> from hodiff.staging import stage
>>> _, body = stage(lambda c, x, y: [c + x, -y], [np.float64(0.0)] * 3, name="body")
>>> c, (x, y, last, negated) = Literal(0.0), [Var((3,), np.dtype(float)) for _ in range(4)]
>>> parameters = {"body": body, "constants": 0, "carries": 1, "length": 3, "reverse": False}
>>> small = prune_loop(Equation(loop, (c, x, y), parameters, (last, negated), several=True), [True, False])
>>> len(small.operands), len(small.answers)
(2, 1)
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hodiff.compiled.passes import dead_code
from hodiff.program import Atom, Equation, Guard, Program


def prune_loop(equation: Equation, needed: Sequence[bool]) -> Equation:
    """A loop with the stacked answers, carried values, sequences and constants that somebody needs."""
    if not any(needed):
        return equation  # which is there for its warnings
    parameters = equation.parameters
    body, constants, carries = parameters["body"], parameters["constants"], parameters["carries"]
    stacked = [i for i in range(carries, len(body.outputs)) if needed[i]]
    live = {i for i in range(carries) if needed[i]}
    while True:
        # What is carried is needed if a turn needs it for what is needed.
        state = sorted(live)
        small = dead_code.run(body.replace(outputs=[body.outputs[i] for i in (*state, *stacked)]))
        used = _used(small)
        more = live | {i for i in range(carries) if body.inputs[constants + i] in used}
        if more == live:
            break
        live = more
    kept = [
        slot
        for slot, var in enumerate(body.inputs)
        if (slot - constants in live if constants <= slot < constants + carries else var in used)
    ]
    if len(kept) == len(body.inputs) and len(small.outputs) == len(body.outputs):
        return equation
    return replace(
        equation,
        operands=tuple(equation.operands[slot] for slot in kept),
        parameters={
            **parameters,
            "body": small.replace(inputs=[body.inputs[slot] for slot in kept]),
            "constants": sum(slot < constants for slot in kept),
            "carries": len(state),
        },
        answers=tuple(equation.answers[i] for i in (*state, *stacked)),
    )


def prune_branch(equation: Equation, needed: Sequence[bool]) -> Equation:
    """A choice with the answers and the operands that are needed on either side."""
    if not any(needed):
        return equation
    sides = {name: equation.parameters[name] for name in ("true", "false")}
    outputs = [i for i, flag in enumerate(needed) if flag]
    small = {
        name: dead_code.run(side.replace(outputs=[side.outputs[i] for i in outputs])) for name, side in sides.items()
    }
    kept = [
        slot
        for slot in range(len(equation.operands) - 1)
        if any(sides[name].inputs[slot] in _used(side) for name, side in small.items())
    ]
    if len(kept) == len(equation.operands) - 1 and len(outputs) == len(needed):
        return equation
    return replace(
        equation,
        operands=(equation.operands[0], *(equation.operands[slot + 1] for slot in kept)),
        parameters={
            name: side.replace(inputs=[sides[name].inputs[slot] for slot in kept]) for name, side in small.items()
        },
        answers=tuple(equation.answers[i] for i in outputs),
    )


def _used(program: Program) -> set[Any]:
    """Variables that the steps and the outputs of a program need."""
    found: set[Atom] = set(program.outputs)
    for step in program.steps:
        found.update((step.operand,) if isinstance(step, Guard) else step.operands)
    return found
