"""Sums of products over letters as stacks of matrix products.

Each letter of two operands is of one kind: in both and in the answer (a stack), in one of them and in the answer (rows
or columns), or in both alone (summed over). Where the letters of a kind lie evenly in memory, they are one axis. May
import ``blas``, ``errors``, ``ir``, ``lowering``, ``matrices``, ``nodes``, ``program`` and ``tasks``.

>>> letters("kij,nkj->nki")
(['k'], ['i'], ['n'], ['j'])
"""

from collections.abc import Mapping, Sequence
from math import prod

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import Body, Value
from hodiff.compiled.native.linalg.blas import write_matmuls
from hodiff.compiled.native.linalg.matrices import Matrix, moved, scalar_type
from hodiff.compiled.native.plans.nodes import Node
from hodiff.compiled.native.plans.tasks import TASKS, Task, View, own, view_of
from hodiff.lowering import Contracted
from hodiff.program import Atom, Equation


def letters(subscripts: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """The letters of stacks, of rows, of columns, and of sums, of a product of two operands."""
    operands, answer = subscripts.split("->")
    x, y = operands.split(",")
    stack = [c for c in answer if c in x and c in y]
    rows = [c for c in answer if c in x and c not in y]
    columns = [c for c in answer if c in y and c not in x]
    sums = [c for c in x if c in y and c not in answer]
    if len(stack) + len(rows) + len(sums) != len(x) or len(stack) + len(columns) + len(sums) != len(y):
        raise Unsupported(f"einsum of {subscripts}, where a letter of one operand is summed over")
    return stack, rows, columns, sums


class Contraction(Task):
    """``numpy.einsum`` of two arrays of one precision."""

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        (answer,), operands, subscripts = equation.answers, equation.operands, equation.parameters["subscripts"]
        if len(operands) != 2 or "." in subscripts:
            raise Unsupported(f"einsum of {subscripts}")
        if any(atom.dtype != answer.dtype for atom in operands) or answer.dtype.char not in "fd":
            raise Unsupported(f"einsum of {operands[0].dtype} and {operands[1].dtype}")
        inside, outside = subscripts.split("->")
        self._names = (*inside.split(","), outside)
        self._letters = letters(subscripts)
        self._lengths: dict[str, int] = {}
        for letter, length in zip("".join(self._names[:2]), (*operands[0].shape, *operands[1].shape), strict=True):
            self._lengths[letter] = max(length, self._lengths.get(letter, 1))
        self._made = own(answer)
        self._views = [self._readable(slot, atom, nodes) for slot, atom in enumerate(operands)]
        _, rows, columns, _ = self._letters
        self._matrix(self._made, outside, rows, columns)
        super().__init__(equation, [view.base for view in self._views])
        self.cost = 0.25 * prod(self._lengths.values())

    def _readable(self, slot: int, atom: Atom, nodes: Mapping[Atom, Node]) -> View:
        """An operand where it lies, if a matrix product can read it there; else in a buffer of its own."""
        _, rows, columns, sums = self._letters
        down, across = (rows, sums) if slot == 0 else (sums, columns)
        view = self._broadcast(slot, view_of(atom, nodes))
        try:
            self._matrix(view, self._names[slot], down, across)
        except Unsupported:
            view = self._broadcast(slot, own(atom))
            self._matrix(view, self._names[slot], down, across)
        return view

    def _broadcast(self, slot: int, view: View) -> View:
        """An operand that does not move along a letter of which it has one element."""
        lengths = [self._lengths[letter] for letter in self._names[slot]]
        steps = [0 if have != want else step for have, want, step in zip(view.shape, lengths, view.steps, strict=True)]
        return view._replace(steps=tuple(steps))

    def _matrix(self, view: View, names: str, down: Sequence[str], across: Sequence[str]) -> tuple[int, int, int, bool]:
        """Rows, columns, elements from one to the next, and whether it is transposed."""
        steps = dict(zip(names, view.steps, strict=True))
        (rows, below), (columns, beside) = (self._merged(found, steps) for found in (down, across))
        if min(view.steps, default=1) < 0:
            raise Unsupported("einsum of an operand that is read backwards")
        if (beside == 1 or columns == 1) and (below >= columns or rows == 1):
            return rows, columns, max(below, columns), False
        if (below == 1 or rows == 1) and (beside >= rows or columns == 1):
            return rows, columns, max(beside, rows), True
        raise Unsupported("einsum of an operand without an axis in one piece")

    def _merged(self, found: Sequence[str], steps: Mapping[str, int]) -> tuple[int, int]:
        """Length and step of some letters as one axis."""
        length, step = 1, 1
        for letter in reversed(found):
            if self._lengths[letter] == 1:
                continue
            if length == 1:
                step = steps[letter]
            elif steps[letter] != length * step:
                raise Unsupported("einsum of an operand whose axes are not next to each other")
            length *= self._lengths[letter]
        return length, step

    def write(self, body: Body, pointers: Mapping[Atom, Value], width: int) -> Value | None:
        stack, rows, columns, sums = self._letters
        views = (self._made, *self._views)
        names = (self._names[2], *self._names[:2])
        matrices, along = [], []
        for view, letters_of, (down, across) in zip(
            views, names, ((rows, columns), (rows, sums), (sums, columns)), strict=True
        ):
            pointer = moved(body, pointers[view.base], scalar_type(view.base.dtype), view.offset)
            matrices.append(Matrix(pointer, *self._matrix(view, letters_of, down, across)))
            steps = dict(zip(letters_of, view.steps, strict=True))
            along.append([steps[letter] for letter in stack])
        counts = [self._lengths[letter] for letter in stack]
        write_matmuls(body, counts, matrices, along, self.equation.answers[0].dtype, lanes=width)
        return None


TASKS[Contracted] = Contraction
