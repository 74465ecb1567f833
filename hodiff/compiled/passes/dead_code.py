"""Dead code: equations whose answers nobody uses are left out, unless somebody could tell.

What is computed and thrown away may still raise an exception or warn, and then must be computed: an equation is left
out where its primitive does neither (``hazard`` is "none"), or only warns and nobody listens (derivative rules run
quietly). Guards use what they ask. May import ``program`` and ``rewriting``.

>>> from hodiff.ops.elementwise import exp, negative
>>> import numpy as np
>>> from hodiff.program import Equation, Program, Var
>>> x = Var((), np.dtype(float))
>>> dead, loud = Equation(negative, (x,), {}, (x.twin(),)), Equation(exp, (x,), {}, (x.twin(),))
>>> print(run(Program((x,), (dead, loud), (x,))))
program f(a: float64[]) -> float64[]
  b: float64[] = exp(a)
  return a
"""

from hodiff.compiled.passes.rewriting import droppable
from hodiff.program import Atom, Equation, Guard, Program


def run(program: Program) -> Program:
    """The program without equations that nobody needs; the same object where there are none."""
    needed: set[Atom] = set(program.outputs)
    kept: list[Equation | Guard] = []
    changed = False
    for step in reversed(program.steps):
        if isinstance(step, Guard):
            needed.add(step.operand)
        elif needed.isdisjoint(step.answers) and droppable(step):
            changed = True
            continue
        else:
            if step.primitive.pruned is not None:
                whole, step = step, step.primitive.pruned(step, [var in needed for var in step.answers])
                changed = changed or step is not whole
            needed.update(step.operands)
        kept.append(step)
    return program.replace(steps=kept[::-1]) if changed else program
