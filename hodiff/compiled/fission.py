"""Loops are left with what has to be done turn by turn; the rest is done for all turns at once.

Of the body of a loop, what depends on constants alone moves before the loop, and so does, for all elements of the
sequences together, what depends on no carry. What no carry depends on moves behind the loop, for all turns together,
and a carry that is a mere sum becomes a sum, of products a contraction. Only *quiet* equations move, as those of
derivative rules are: what the function's own operations have to warn of, they warn of turn by turn. Answers that nobody
reads are left out. May import
``batch_rules``, ``core``, ``derive``, ``errors``, ``loops``, ``passes``, ``program``, ``rewriting`` and ``staging``.

>>> from hodiff.staging import stage
>>> body = stage(lambda s, x: [s + np.cos(x)], [np.float64(0.0), np.float64(0.0)], name="body")[1]
>>> body = body.replace(steps=[replace(step, errstate=QUIET) for step in body.equations])
>>> parameters = {"body": body, "constants": 0, "carries": 1, "length": 5, "reverse": False}
>>> x, total = Var((5,), np.dtype(float)), Var((), np.dtype(float), "scalar")
>>> start = Literal(np.float64(1.0))
>>> print(run(Program((x,), (Equation(loop, (start, x), parameters, (total,), True),), (total,))))
program f(a: float64[5]) -> float64
  b: float64[5] = cos(a) quietly
  c: float64 = total(b, axis=(-1,), keepdims=False) quietly
  d: float64 = add(1.0, c) quietly
  return d
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hodiff.batch_rules import batch_loop
from hodiff.compiled.derive import on_batch
from hodiff.compiled.passes import simplify
from hodiff.compiled.passes.rewriting import droppable
from hodiff.control.loops import Layout, loop
from hodiff.core import NUMPY_UFUNCS
from hodiff.errors import ControlFlowError
from hodiff.program import QUIET, Atom, Equation, Guard, Literal, Program, Var
from hodiff.staging import stage

_ADD: Any = NUMPY_UFUNCS[np.add]
_MULTIPLY: Any = NUMPY_UFUNCS[np.multiply]
#: What the loop itself does not keep is kept for all turns only up to this number of elements.
_KEPT = 2**20


def run(program: Program) -> Program:
    """The program with loops that do less; the same object where there are none."""
    if loop not in [step.primitive for step in program.equations]:
        return program
    later: list[set[Atom]] = []
    read: set[Atom] = set(program.outputs)
    for step in reversed(program.steps):
        later.append(set(read) if isinstance(step, Equation) and step.primitive is loop else set())
        read.update(step.operands if isinstance(step, Equation) else (step.operand,))
    steps: list[Equation | Guard] = []
    known: dict[Atom, Atom] = {}
    for step, used in zip(program.steps, reversed(later), strict=True):
        if isinstance(step, Guard):
            steps.append(replace(step, operand=known.get(step.operand, step.operand)))
            continue
        step = replace(step, operands=tuple(known.get(atom, atom) for atom in step.operands))
        if step.primitive is loop:
            parts = _Fission(step, used)
            try:
                steps += parts.steps()
            except ControlFlowError:  # a choice within is another one in each turn
                steps.append(step)
                continue
            known.update(parts.renamed)
        else:
            steps.append(step)
    return program.replace(steps=steps, outputs=[known.get(atom, atom) for atom in program.outputs])


class _Fission:
    """One loop, taken apart.

    Parameters
    ----------
    equation : Equation
    later : set
        What is read after it.
    """

    def __init__(self, equation: Equation, later: set[Atom]) -> None:
        parameters = equation.parameters
        layout = Layout(parameters["constants"], parameters["carries"])
        body = simplify(run(parameters["body"]))
        self.equation = equation
        self.length: int = parameters["length"]
        fixed, self.state, elements = layout.split(body.inputs)
        values, self.initial, sequences = layout.split(equation.operands)
        #: What stands outside of the loop for constants, and for all turns' values of what is inside.
        self.outside: dict[Atom, Atom] = dict(zip(fixed, values, strict=True))
        self.stacks: dict[Atom, Atom] = dict(zip(elements, sequences, strict=True))
        self.finals = equation.answers[: layout.carries]
        self.outputs = body.outputs
        pairs = zip(body.outputs[layout.carries :], equation.answers[layout.carries :], strict=True)
        self.stacked = [(atom, var) for atom, var in pairs if var in later]
        #: What there is for all turns in any case, or is the same in all.
        self.kept: set[Atom] = {*self.outside, *self.stacks, *(atom for atom, _ in self.stacked)}
        self.carries, self.body = self._live(body.equations, {i for i, var in enumerate(self.finals) if var in later})
        self.uses: dict[Atom, int] = {}
        for atom in (
            *(atom for step in self.body for atom in step.operands),
            *(body.outputs[i] for i in self.carries),
            *(atom for atom, _ in self.stacked),
        ):
            self.uses[atom] = self.uses.get(atom, 0) + 1
        #: What depends on constants alone.
        self.constant: set[Atom] = set(self.outside)
        for step in self.body:
            if droppable(step) and self.constant.issuperset(a for a in step.operands if isinstance(a, Var)):
                self.constant.update(step.answers)
        self.maker = {var: step for step in self.body for var in step.answers}
        self.written: list[Equation | Guard] = []
        #: Stacked answers of the loop that are something else now.
        self.renamed: dict[Atom, Atom] = {}

    def _live(self, steps: Sequence[Equation], live: set[int]) -> tuple[list[int], list[Equation]]:
        """Numbers of the carries that matter, and the steps that do."""
        while True:
            needed: set[Atom] = {atom for atom, _ in self.stacked} | {self.outputs[i] for i in live}
            kept: list[Equation] = []
            for step in reversed(steps):
                if not droppable(step) or not needed.isdisjoint(step.answers):
                    needed.update(step.operands)
                    kept.append(step)
            more = live | {i for i, var in enumerate(self.state) if var in needed}
            if more == live:
                return sorted(live), kept[::-1]
            live = more

    # --- what goes where ----------------------------------------------------------------------------------------------

    def steps(self) -> list[Equation | Guard]:
        """The equations that stand for the loop."""
        several = self.length > 1
        sums = {i: terms for i in self.carries if (terms := self._terms(i))} if several else {}
        products = {
            term: step for terms in sums.values() for term in terms if (step := self._product(term)) is not None
        }
        sums = {i: terms for i, terms in sums.items() if all(t in products or self._small(t) for t in terms)}
        products = {term: products[term] for terms in sums.values() for term in terms if term in products}
        rest = self._early(list(products.values())) if several else self.body
        parts = self._late(rest, sums, products)
        if parts is None:
            parts, sums, products = (rest, []), {}, {}
        core, late = parts
        late = [step for step in late if not any(step is product for product in products.values())]
        wanted: dict[Atom, None] = {}
        for step in (*late, *products.values()):
            wanted.update(dict.fromkeys(step.operands))
        wanted.update(dict.fromkeys(atom for atom, _ in self.stacked))
        wanted.update(dict.fromkeys(term for terms in sums.values() for term in terms if term not in products))
        behind = {var for step in late for var in step.answers}
        self._loop(core, [i for i in self.carries if i not in sums], [a for a in wanted if a not in behind])
        self._together(late, [atom for atom in wanted if isinstance(atom, Var) and atom in behind])
        for i, terms in sums.items():
            self._sum(i, [(term, products.get(term)) for term in terms])
        self.renamed.update({var: self.stacks[atom] for atom, var in self.stacked})
        return self.written

    def _early(self, products: list[Equation]) -> list[Equation]:
        """Write what depends on no carry, without these products; the steps that are left."""
        constant, early, rest = [], [], []
        before = self.constant | {atom for atom in self.stacks if _fits(atom)}
        for step in self.body:
            read = [atom for atom in step.operands if isinstance(atom, Var)]
            if self.constant.issuperset(step.answers):
                constant.append(step)
            elif not any(step is product for product in products) and self._movable(step) and before.issuperset(read):
                before.update(step.answers)
                early.append(step)
            else:
                rest.append(step)
        for step in constant:
            answers = tuple(var.twin() for var in step.answers)
            operands = tuple(self.outside.get(atom, atom) for atom in step.operands)
            self.written.append(replace(step, operands=operands, answers=answers))
            self.outside.update(zip(step.answers, answers, strict=True))
        outer = {*(atom for step in rest for atom in step.operands), *self.outputs}
        self._together(early, [var for step in early for var in step.answers if var in outer])
        return rest

    def _movable(self, step: Equation) -> bool:
        """Whether a step can be done for all turns at once."""
        plain = all(_fits(atom) for atom in step.operands if atom not in self.outside and isinstance(atom, Var))
        answers = all(_fits(var) and self._small(var) for var in step.answers)
        return droppable(step) and plain and answers and step.primitive.batch is not batch_loop

    def _small(self, atom: Any) -> bool:
        return bool(atom.size * self.length <= _KEPT)

    def _keepable(self, step: Equation) -> bool:
        """Whether all that a step reads may be kept for all turns, or is anyway."""
        return all(isinstance(a, Literal) or a in self.kept or self._small(a) for a in step.operands)

    def _terms(self, carry: int) -> list[Var]:
        """What is added to a carry in each turn, where nothing else happens to it; nothing otherwise."""
        state, at = self.state[carry], self.outputs[carry]
        found: list[Var] = []
        while at is not state:
            step = self._addition(at)
            if step is None or self.uses.get(at) != 1:
                return []
            left, right = step.operands
            ahead = left is state or (right is not state and self._reaches(left, state))
            at, term = (left, right) if ahead else (right, left)
            if not isinstance(term, Var) or term in self.constant or not _fits(term) or _type(term) != _type(state):
                return []
            found.append(term)
        plain = self.uses.get(state) == 1 and _type(self.initial[carry]) == _type(state) and state.dtype.kind in "fc"
        return found[::-1] if plain and len(set(found)) == len(found) else []

    def _addition(self, atom: Atom) -> Equation | None:
        step = self.maker.get(atom) if isinstance(atom, Var) else None
        return step if step is not None and step.primitive is _ADD and step.errstate == QUIET else None

    def _reaches(self, atom: Atom, state: Var) -> bool:
        """Whether a carry is added to on the way to a value."""
        ahead = [atom]
        while ahead:
            step = self._addition(ahead.pop())
            if step is not None:
                if state in step.operands:
                    return True
                ahead += step.operands
        return False

    def _product(self, term: Var) -> Equation | None:
        """The product that a term of a sum is, where it is nothing else."""
        step = self.maker.get(term)
        if step is None or step.primitive is not _MULTIPLY or self.uses[term] != 1 or not droppable(step):
            return None
        fit = all(isinstance(atom, Var) and (atom in self.outside or _fits(atom)) for atom in step.operands)
        fit = fit and self._keepable(step)
        return step if fit and all(atom.dtype == term.dtype for atom in step.operands) else None

    def _late(
        self, rest: list[Equation], sums: dict[int, list[Var]], products: dict[Var, Equation]
    ) -> tuple[list[Equation], list[Equation]] | None:
        """Steps that stay in the loop, and those that can be done behind it; None where stacking costs more."""
        terms = {term for found in sums.values() for term in found}
        adding = self._adding(sums)
        single = {id(step) for step in products.values()}
        needed: set[Atom] = {self.outputs[i] for i in self.carries if i not in sums}
        core: list[Equation] = []
        late: list[Equation] = []
        for step in reversed(rest):
            if not adding.isdisjoint(step.answers):
                continue
            movable = id(step) in single or (self._movable(step) and self._keepable(step))
            if not needed.isdisjoint(step.answers) or not movable:
                needed.update(step.operands)
                core.append(step)
            else:
                late.append(step)
        made = {*self.state, *(var for step in core for var in step.answers)}
        read = {
            *(terms - set(products)),
            *(atom for step in late for atom in step.operands),
            *(atom for atom, _ in self.stacked),
        }
        before = len({atom for atom, _ in self.stacked if atom not in self.stacks})
        if len(read & made) - before >= len(late) + len(adding):
            return None
        return core[::-1], late[::-1]

    def _adding(self, sums: dict[int, list[Var]]) -> set[Atom]:
        """The answers of the additions that sums stand for."""
        found: set[Atom] = set()
        for i, terms in sums.items():
            at = self.outputs[i]
            for term in reversed(terms):
                found.add(at)
                step = self._addition(at)
                assert step is not None
                left, right = step.operands
                at = right if left is term else left
        return found

    # --- writing ------------------------------------------------------------------------------------------------------

    def _together(self, steps: list[Equation], outputs: list[Var]) -> None:
        """Write steps for all turns at once."""
        if not outputs:
            return
        made = {var for step in steps for var in step.answers}
        inputs = list(dict.fromkeys(a for s in steps for a in s.operands if isinstance(a, Var) and a not in made))
        flags = [var in self.stacks for var in inputs]
        part = Program(tuple(inputs), tuple(steps), tuple(outputs))
        found = self._staged(
            lambda *values: on_batch(part.evaluate, self.length, flags, values),
            [self.stacks[var] if flag else self.outside[var] for var, flag in zip(inputs, flags, strict=True)],
        )
        self.stacks.update(zip(outputs, found, strict=True))

    def _loop(self, core: list[Equation], carries: list[int], wanted: list[Atom]) -> None:
        """Write what is left of the loop; ``wanted`` are values that others read of all turns."""
        stacking = {atom for atom, _ in self.stacked}
        outputs = [a for a in wanted if a not in self.stacks and (a in stacking or not self._known(a))]
        if not carries and not outputs:
            if not core:
                return
            outputs = [core[-1].answers[0]]  # it runs for its warnings, and every equation has an answer
        made = {var for step in core for var in step.answers}
        ends = [self.outputs[i] for i in carries]
        read = dict.fromkeys((*(atom for step in core for atom in step.operands), *ends, *outputs))
        constants = [atom for atom in read if atom in self.outside and atom not in made]
        sequences = [atom for atom in read if atom in self.stacks and atom not in made]
        state = [self.state[i] for i in carries]
        body = Program((*constants, *state, *sequences), tuple(core), (*ends, *outputs), "turn")  # type: ignore[arg-type]
        stacks = [Var((self.length, *atom.shape), atom.dtype) for atom in outputs]
        self.stacks.update(zip(outputs, stacks, strict=True))
        operands = (
            *(self.outside[atom] for atom in constants),
            *(self.initial[i] for i in carries),
            *(self.stacks[atom] for atom in sequences),
        )
        parameters = {**self.equation.parameters, "body": body, "constants": len(constants), "carries": len(carries)}
        answers = (*(self.finals[i] for i in carries), *stacks)
        self.written.append(replace(self.equation, operands=operands, parameters=parameters, answers=answers))

    def _known(self, atom: Atom) -> bool:
        return isinstance(atom, Literal) or atom in self.outside

    def _sum(self, carry: int, terms: list[tuple[Var, Equation | None]]) -> None:
        """Write a carry that is a sum as a sum."""
        value, source = self.initial[carry], self.equation.source
        for number, (term, product) in enumerate(terms, 1):
            if product is None:
                (total,) = self._staged(lambda stack: [np.sum(stack, axis=0)], [self.stacks[term]])
            else:
                total = self._contraction(term, product)
            answer = self.finals[carry] if number == len(terms) else term.twin()
            self.written.append(Equation(_ADD, (value, total), {}, (answer,), False, QUIET, source))
            value = answer

    def _contraction(self, term: Var, product: Equation) -> Atom:
        flags = [atom in self.stacks for atom in product.operands]
        atoms = [(self.stacks if flag else self.outside)[a] for a, flag in zip(product.operands, flags, strict=True)]
        return self._staged(lambda a, b: [_contracted(a, b, flags, term.shape)], atoms)[0]

    def _staged(self, function: Callable[..., Sequence[Any]], atoms: list[Atom]) -> list[Atom]:
        """Write what a function of arrays does, quietly."""
        with np.errstate(all="ignore"):
            _, program = stage(lambda *values: list(function(*values)), [_example(atom) for atom in atoms])
        names: dict[Atom, Atom] = dict(zip(program.inputs, atoms, strict=True))
        for step in program.equations:
            operands = tuple(names.get(atom, atom) for atom in step.operands)
            self.written.append(replace(step, operands=operands, errstate=QUIET, source=self.equation.source))
        return [names.get(atom, atom) for atom in program.outputs]


def _fits(atom: Any) -> bool:
    """Whether an element of an array of such values is such a value."""
    return bool(atom.form == ("array" if atom.shape else "scalar"))


def _type(atom: Atom) -> tuple[Any, ...]:
    return (atom.shape, atom.dtype, atom.form)


def _example(atom: Atom) -> Any:
    if isinstance(atom, Literal):
        return atom.value
    one = np.ones((), atom.dtype)
    return (
        np.broadcast_to(one, atom.shape) if atom.form == "array" else one[()] if atom.form == "scalar" else one.item()
    )


def _contracted(a: Any, b: Any, flags: list[bool], shape: tuple[int, ...]) -> Any:
    """Sum of a product over axis 0 of the flagged factors, whose other axes are broadcast to ``shape``."""
    if not all(flags):
        return np.sum(a, axis=0) * b if flags[0] else a * np.sum(b, axis=0)
    count, ndim = a.shape[0], len(shape)
    a, b = (np.reshape(v, (count, *(1,) * (ndim + 1 - v.ndim), *v.shape[1:])) for v in (a, b))
    if any(n > 1 and m > 1 for n, m in zip(a.shape[1:], b.shape[1:], strict=True)):
        return np.einsum("t...,t...->...", a, b)
    if not ndim:
        return np.dot(a, b)
    first = [axis for axis in range(ndim) if b.shape[axis + 1] == 1]
    order = [*first, *(axis for axis in range(ndim) if axis not in first)]
    product = np.reshape(a, (count, -1)).T @ np.reshape(b, (count, -1))
    return np.transpose(np.reshape(product, [shape[axis] for axis in order]), np.argsort(order).tolist())
