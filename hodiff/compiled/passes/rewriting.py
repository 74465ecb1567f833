"""The sweep that the passes share: each equation in turn is rewritten by rules until none applies.

A rule is a function ``(sweep, equation)``. It returns None where it does not apply; a variable or literal that the
answer also is; or another equation with the same answer. Rules look at what stands behind an operand with
`Sweep.behind`, which shows only equations that may be taken apart. Most rules need operands that are *telling*: a
literal, the same twice, or an answer that some rule takes apart. Without them these rules are not tried, so that an
equation about which there is nothing to know costs little. May import ``core`` and ``program``.

>>> from hodiff.ops.elementwise import multiply, negative
>>> def no_sign(sweep, equation):
...     return equation.operands[0] if equation.primitive is negative else None
>>> x = Var((), np.dtype(float))
>>> y = x.twin()
>>> print(rewrite(Program((x,), (Equation(negative, (x,), {}, (y,)),), (y,)), lambda primitive, telling: (no_sign,)))
program f(a: float64[]) -> float64[]
  return a
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from hodiff.core import Primitive
from hodiff.program import QUIET, Atom, Equation, Errstate, Guard, Literal, Program, Var

Rule = Callable[["Sweep", Equation], Atom | Equation | None]
#: ``(primitive, telling)``: the rules of a pass for one primitive, where operands are telling and where they are not.
Rules = Callable[[Primitive, bool], Sequence[Rule]]

#: No chain of rules is longer, and a pair of rules that undo each other is a mistake that ends here.
_LONGEST = 32
#: Kinds of dtypes; powers of integers raise exceptions.
_RAISING_NOTHING = frozenset("fcb")


class Sweep:
    """One forward pass over a program.

    Parameters
    ----------
    program : Program
    rules : callable
        The rules for a primitive. They are not tried where the sweep before found none for the same equation, and
        nothing that rules look at has changed.
    uses : dict
        How often each variable is used.
    apart : collection of Primitive, optional
        The operations that rules take apart; without it, all operands are taken for telling ones.
    previous : Sweep, optional
        The sweep before, with the same rules.

    Attributes
    ----------
    steps : list of Equation or Guard
        The new program so far.
    outputs : frozenset of Var
        Variables that the program returns: their answers stay arrays of their own.
    guards : int
        How many guards are behind.
    seen : dict
        For rules to remember equations by, through all sweeps.
    changed : bool
        Whether a rule applied.
    """

    def __init__(
        self,
        program: Program,
        rules: Rules,
        uses: Mapping[Atom, int],
        *,
        apart: Collection[Primitive] | None = None,
        previous: "Sweep | None" = None,
    ) -> None:
        self.seen: dict[Any, Any] = {} if previous is None else previous.seen
        self.steps: list[Equation | Guard] = []
        self.outputs = frozenset(program.outputs)
        self.guards = 0
        self.changed = False
        self._program = program
        self._rules = rules
        self._apart = apart
        #: The rules that were asked for, by whether operands are telling.
        self._chosen: tuple[dict[Primitive, Sequence[Rule]], ...] = ({}, {}) if previous is None else previous._chosen
        self._definitions: dict[Atom, Equation] = {}
        #: Answers of what can be taken apart; of products and sums, where they are multiples of one operand.
        self._telling: set[Atom] = set() if previous is None else previous._telling
        self._substitutes: dict[Atom, Atom] = {}
        #: Equations that were written and must be replaced.
        self._louder: dict[Any, Equation] = {}
        self._uses = dict(uses)
        self._before = frozenset[Any]() if previous is None else frozenset(previous.steps)
        #: Operands that are made or used in another way than when the sweep before tried the rules.
        self._moved: set[Atom] = set()
        self._doubtful: set[Equation] = set()
        if previous is not None:
            before = previous._uses
            self._moved.update([atom for atom, count in uses.items() if before.get(atom) != count])

    # --- what rules ask -----------------------------------------------------------------------------------------------

    def behind(self, atom: Atom, equation: Equation, among: Collection[Primitive]) -> Equation | None:
        """The equation by one of some primitives that computes an operand of ``equation``, where it may be taken apart.

        What warns must go on to warn, and what is quiet must not begin to.
        """
        found = self._definitions.get(atom)
        if found is None or found.primitive not in among:
            return None
        if found.primitive.hazard == "none":
            return found
        return found if is_quiet(equation) and droppable(found) else None

    def once(self, atom: Atom) -> bool:
        """Whether the variable has no other use, so that it is no longer computed once that one is gone."""
        return self._uses.get(atom, 1) == 1

    # --- what rules make ----------------------------------------------------------------------------------------------

    def new(
        self, like: Equation, primitive: Primitive, operands: tuple[Atom, ...], var: Var, **parameters: Any
    ) -> Atom:
        """Another equation in front of ``like``, with the errstate and the source of that; its answer."""
        return self.rewritten(Equation(primitive, operands, parameters, (var,), False, like.errstate, like.source))

    def promote(self, equation: Equation, errstate: Errstate | None) -> Equation:
        """Let an equation that was written already compute with another errstate; the equation that replaces it."""
        louder = self._louder[equation] = replace(equation, errstate=errstate)
        for var in equation.answers:
            self._definitions[var] = louder
        self._moved.update(equation.answers)
        return louder

    def substitute(self, var: Var, atom: Atom) -> None:
        """Let ``atom`` stand for ``var`` from now on."""
        self._substitutes[var] = atom
        self._uses[atom] = self._uses.get(atom, 0) + self._uses.get(var, 1)
        self._moved.update((var, atom))

    def is_behind(self, equation: Equation) -> bool:
        """Whether an equation has been written already; if not, it will be read anew."""
        if self._definitions.get(equation.answers[0]) is equation:
            return True
        self._doubtful.add(equation)
        return False

    # --- the sweep ----------------------------------------------------------------------------------------------------

    def run(self) -> Program:
        """The program with every equation rewritten; the same object where no rule applied."""
        before, moved, doubtful = self._before, self._moved, self._doubtful
        steps, definitions = self.steps, self._definitions
        for step in self._program.steps:
            if isinstance(step, Equation):
                if step in before and moved.isdisjoint(step.operands) and step not in doubtful:
                    steps.append(step)
                    for var in step.answers:
                        definitions[var] = step
                else:
                    self.read(step)
                continue
            operand = self._substitutes.get(step.operand, step.operand)
            if operand is not step.operand:
                step = replace(step, operand=operand)
            steps.append(step)
            self.guards += 1
        if not self.changed:
            return self._program
        outputs = [self._substitutes.get(atom, atom) for atom in self._program.outputs]
        if self._louder:
            self.steps = [self._loudest(step) for step in self.steps]
        return self._program.replace(steps=self.steps, outputs=outputs)

    def _loudest(self, step: Equation | Guard) -> Equation | Guard:
        while step in self._louder:
            step = self._louder[step]
        return step

    def read(self, equation: Equation) -> None:
        """Rewrite one equation of the program."""
        substitutes = self._substitutes
        if substitutes and not substitutes.keys().isdisjoint(equation.operands):
            operands = tuple([substitutes.get(atom, atom) for atom in equation.operands])
            equation = with_equation(equation, equation.primitive, operands, **equation.parameters)
        atom = self.rewritten(equation)
        if atom is not equation.answers[0]:
            for operand in equation.operands:
                self._uses[operand] = self._uses.get(operand, 1) - 1
            self._moved.update(equation.operands)
            self.substitute(equation.answers[0], atom)

    def rewritten(self, equation: Equation) -> Atom:
        """What the first answer of an equation is, once no rule applies any more; the equation is written."""
        answer = equation.answers[0]
        if answer.form != "number":
            for _ in range(_LONGEST):
                telling = self._apart is None or self._is_telling(equation.operands)
                chosen = self._chosen[telling]
                rules = chosen.get(equation.primitive)
                if rules is None:
                    rules = chosen[equation.primitive] = self._rules(equation.primitive, telling)
                for rule in rules:
                    found = rule(self, equation)
                    if found is not None:
                        break
                else:
                    break
                self.changed = True
                if not isinstance(found, Equation):
                    return found
                equation = found
        if self._before and equation not in self._before:
            self._moved.update(equation.answers)
        self.steps.append(equation)
        for var in equation.answers:
            self._definitions[var] = equation
        if self._apart is not None and equation.primitive in self._apart and _is_multiple(equation.operands):
            self._telling.add(answer)
        return answer

    def _is_telling(self, operands: tuple[Atom, ...]) -> bool:
        """Whether rules may find something in these operands."""
        telling, before = self._telling, None
        for atom in operands:
            if atom.__class__ is Literal or atom is before or atom in telling:
                return True
            before = atom
        return False


def _is_multiple(operands: tuple[Atom, ...]) -> bool:
    """Whether there is but one operand, or one and a literal, or one twice."""
    if len(operands) == 1:
        return True
    x, y = operands
    return x is y or x.__class__ is Literal or y.__class__ is Literal


def rewrite(program: Program, rules: Rules) -> Program:
    """The program with every equation rewritten by the rules; the same object where none applied."""
    return Sweep(program, rules, uses_of(program)).run()


def uses_of(program: Program) -> dict[Atom, int]:
    """How often each operand is used."""
    operands = [step.operands if isinstance(step, Equation) else (step.operand,) for step in program.steps]
    return dict(Counter(chain.from_iterable((program.outputs, *operands))))


# --- facts about equations and operands -------------------------------------------------------------------------------


def is_quiet(equation: Equation) -> bool:
    """Whether floating-point errors show nowhere."""
    errstate = equation.errstate
    return errstate is QUIET or (errstate is not None and errstate == QUIET)


def droppable(equation: Equation) -> bool:
    """Whether nobody can tell that an equation was not computed, apart from its answers."""
    hazard = equation.primitive.hazard
    if hazard == "none":
        return True
    if hazard == "warning":
        return is_quiet(equation) and _RAISING_NOTHING.issuperset([var.dtype.kind for var in equation.answers])
    if hazard != "inside":
        return False
    # What listens to a loop listens to its turns.
    inner = [e for value in equation.parameters.values() if isinstance(value, Program) for e in value.equations]
    return all(droppable(e if e.errstate else replace(e, errstate=equation.errstate)) for e in inner)


def fits(atom: Atom, answer: Var) -> bool:
    """Whether an operand can stand for an answer: it has the same shape, dtype and form."""
    return answer.same_type(atom if isinstance(atom, Var) else Var.of(atom.value))


def number_of(atom: Atom) -> int | float | complex | None:
    """The one value of a literal that has the same value everywhere, as Python's own; else None."""
    if atom.__class__ is not Literal:
        return None
    value = atom.value
    if value.__class__ is float or value.__class__ is int or value.__class__ is complex:
        return value
    if isinstance(value, np.generic):
        return _item(value)
    if isinstance(value, np.ndarray) and value.size and (value.size == 1 or not any(value.strides)):
        return _item(value[(0,) * value.ndim])
    return None


def _item(value: Any) -> Any:
    # Extended precision has no equal among Python's numbers.
    return value.item() if value.dtype.kind in "iufc" and value.dtype.char not in "gG" else None


def with_equation(equation: Equation, primitive: Primitive, operands: tuple[Atom, ...], **parameters: Any) -> Equation:
    """Another equation for the same answer, with the errstate and the source of ``equation``."""
    return Equation(
        primitive, operands, parameters, equation.answers, equation.several, equation.errstate, equation.source
    )
