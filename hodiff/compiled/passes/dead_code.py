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

from hodiff.compiled.passes.rewriting import droppable, uses_of
from hodiff.program import Atom, Equation, Guard, Program


def run(program: Program) -> Program:
    """The program without equations that nobody needs; the same object where there are none."""
    return live(program)[0]


def live(program: Program) -> tuple[Program, dict[Atom, int]]:
    """The program without equations that nobody needs, and how often it uses each operand."""
    uses = uses_of(program)
    kept: list[Equation | Guard] = []
    changed = False
    for step in reversed(program.steps):
        if isinstance(step, Equation):
            for var in step.answers:
                if uses.get(var):
                    break
            else:
                if droppable(step):
                    changed = True
                    _count(step, uses, -1)
                    continue
            if step.primitive.pruned is not None:
                whole, step = step, step.primitive.pruned(step, [bool(uses.get(var)) for var in step.answers])
                if step is not whole:
                    changed = True
                    _count(whole, uses, -1)
                    _count(step, uses, 1)
        kept.append(step)
    return program.replace(steps=kept[::-1]) if changed else program, uses


def _count(equation: Equation, uses: dict[Atom, int], sign: int) -> None:
    for atom in equation.operands:
        uses[atom] = uses.get(atom, 0) + sign
