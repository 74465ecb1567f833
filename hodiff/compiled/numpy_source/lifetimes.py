"""How long the memory of each value is needed, with all that may show it.

May import ``program``.

>>> from hodiff.ops.elementwise import exp
>>> from hodiff.ops.indexing import getitem
>>> x, a, b, c = (Var((3,), np.dtype(float)) for _ in range(4))
>>> steps = [
...     Equation(exp, (x,), {}, (a,)),
...     Equation(getitem, (a,), {"index": (slice(None),)}, (b,)),
...     Equation(exp, (b,), {}, (c,)),
... ]
>>> found = Lifetimes((x,), steps, (c,))
>>> found.dying[2] == [a], found.roots[b] == {a}, c in found.escaping
(True, True, True)
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from hodiff.program import Atom, Equation, Guard, Var


def sharing(equation: Equation) -> tuple[bool, bool]:
    """Whether the answer may show memory of operands, and whether it may have memory of its own."""
    primitive = equation.primitive
    if primitive.function.__class__ is np.ufunc:
        return False, True
    shares = None if primitive.code is None else primitive.code.shares
    if primitive.view is not None or shares:
        return True, False
    return shares is None, True


#: Bytes of an array that is not small.
_LARGE = 1 << 16


class Lifetimes:
    """For the steps of one program.

    Attributes
    ----------
    roots : dict
        For each array that may show something else the variables, or literals, whose memory that is: itself too, where
        it may have memory of its own.
    views : set
        The arrays that may show something else.
    dying : list of list of Var
        For each step the variables whose memory, or scalar, is not needed after it.
    large : dict
        New arrays that are worth being given back to the system early, where they are in no buffer, with all variables
        that keep them.
    escaping : set
        What may be shown, or kept, by the outputs and by functions of which nothing is declared.
    """

    def __init__(self, inputs: Sequence[Var], steps: Sequence[Equation | Guard], outputs: Sequence[Atom]) -> None:
        self.roots: dict[Atom, frozenset[Atom]] = {}
        self.views: set[Atom] = set()
        self.escaping: set[Atom] = set()
        self.large: dict[Atom, list[Var]] = {}
        last: dict[Atom, int] = {}
        roots = self.roots
        for i, step in enumerate(steps):
            if not isinstance(step, Equation):
                last.update(dict.fromkeys(roots.get(step.operand, (step.operand,)), i))
                continue
            for atom in step.operands:
                shown = roots.get(atom)
                if shown is None:
                    last[atom] = i
                else:
                    last.update(dict.fromkeys(shown, i))
            self._add(step)
            for var in step.answers:
                last[var] = i
        for atom in outputs:
            self.escaping |= self.roots_of(atom)
        self.dying: list[list[Atom]] = [[] for _ in steps]
        for root, i in last.items():
            if root not in self.escaping:
                self.dying[i].append(root)

    def roots_of(self, atom: Atom) -> frozenset[Atom]:
        """Roots of any operand."""
        found = self.roots.get(atom)
        if found is None:
            found = frozenset((atom,)) if atom.form == "array" else frozenset()
        return found

    def _add(self, equation: Equation) -> None:
        shows, own = sharing(equation)
        if not shows:
            for var in equation.answers:
                if var.form == "array" and prod(var.shape) * var.dtype.itemsize >= _LARGE:
                    self.large[var] = [var]
            return
        shown = frozenset[Atom]().union(*(self.roots_of(atom) for atom in equation.operands))
        if own and equation.primitive.code is None:
            self.escaping |= shown
        for var in equation.answers:
            if var.form == "array":
                self.roots[var] = shown | {var} if own or not shown else shown
                self.views.add(var)
                self._keep(var, shown)

    def _keep(self, var: Var, shown: frozenset[Atom]) -> None:
        """Note that a view keeps a large array; one of several, or of something else too, is left alone."""
        if len(shown) == 1 and (kept := self.large.get(next(iter(shown)))) is not None:
            kept.append(var)
