"""Linear algebra as tasks: factors, systems of equations, inverses, determinants.

May import ``determinants``, ``elements``, ``errors``, ``factorising``, ``ir``, ``lowering``, ``nodes``, ``program``,
``regions``, ``solving``, ``stacks`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.compiled.native.plans.tasks import task_of
>>> from hodiff.ops.linalg import solution
>>> a, b, x = Var((9, 9), np.dtype(float)), Var((9, 1), np.dtype(float)), Var((9, 1), np.dtype(float))
>>> task = task_of(Equation(solution, (a, b), {}, (x,)), {})
>>> task.buffers == [a, b], task.scratch >= 8 * 9 * 9
(True, True)
"""

from collections.abc import Callable, Mapping
from math import prod

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BAIL, POINTER, Body, Value
from hodiff.compiled.native.linalg.determinants import write_adjugate, write_determinant, write_sign_logdet
from hodiff.compiled.native.linalg.factorising import write_cholesky, write_eigh, write_qr, write_svd
from hodiff.compiled.native.linalg.solving import write_inverse, write_solve
from hodiff.compiled.native.linalg.stacks import Site, Stack
from hodiff.compiled.native.plans.nodes import Node
from hodiff.compiled.native.plans.tasks import TASKS, View, own, triangle_of, view_of
from hodiff.compiled.native.writing.elements import memory_type
from hodiff.compiled.native.writing.regions import Nested, Region, in_arena
from hodiff.lowering import Factored
from hodiff.program import Atom, Equation, Var

#: What writes a task for stacks, answers first, and returns a bit: whether it failed.
_WRITERS: dict[str, Callable[..., Value]] = {
    "cholesky": write_cholesky,
    "qr": write_qr,
    "eigh": write_eigh,
    "svd": write_svd,
    "solve": write_solve,
    "inverse": write_inverse,
    "determinant": write_determinant,
    "sign_logdet": write_sign_logdet,
    "adjugate": write_adjugate,
}
_ALIGNMENT = 64


class Linear(Nested):
    """A task of linear algebra on the last two axes of its operands."""

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        code = equation.primitive.code
        assert code is not None
        self._write = _WRITERS[code.nest.task]
        if code.nest.task == "adjugate" and len(equation.operands) > 1:
            raise Unsupported("derivatives of adjugates")
        atoms = (*equation.answers, *equation.operands)
        dtypes = {atom.dtype for atom in equation.operands}
        if len(dtypes) > 1 or any(dtype.char not in "fdFD" for dtype in dtypes):
            raise Unsupported(f"{equation.primitive.name} of {' and '.join(sorted(map(str, dtypes)))}")
        if any(not prod(atom.shape) for atom in atoms):
            raise Unsupported("arrays without elements")
        self._views = [_readable(atom, nodes) for atom in equation.operands]
        super().__init__(equation, [view.base for view in self._views])
        # Written once to see how much memory it takes.
        sizes: list[int] = []
        pointer = Value("%p", POINTER)
        self._write_task(Body(), lambda size: _noted(sizes, size, pointer), dict.fromkeys(atoms, pointer), 4)
        self.scratch = sum(sizes)
        self.cost = float(sum(prod(atom.shape) * atom.shape[-1] for atom in equation.operands))

    def note_triangles(self, known: dict[Atom, str]) -> None:
        """See `Task`; the declaration says what the first answer is."""
        code = self.equation.primitive.code
        assert code is not None
        triangle = code.nest.triangle
        if triangle == "same":
            triangle = triangle_of(self._views[0], known)
        if triangle:
            known[self.equation.answers[0]] = triangle

    def write_within(self, region: Region, base: int) -> None:
        body, end = region.body, base

        def allocate(size: int) -> Value:
            nonlocal end
            start, end = end, end + _rounded(size)
            return in_arena(body, region.surroundings, start)

        pointers: dict[Atom, Value] = {}
        for atom, view in zip(self.equation.operands, self._views, strict=True):
            pointers[atom] = region.seen(view).pointer
        for answer in self.equation.answers:
            if answer.size == 1:
                pointers[answer] = body.scratch(memory_type(answer.dtype), 1, key=("answer", answer))
            else:
                pointers[answer] = region.elements.memory[answer].pointer
        failed = self._write_task(body, allocate, pointers, region.surroundings.width)
        body.leave_if(failed, BAIL)
        for answer in self.equation.answers:
            if answer.size == 1:
                region.put(answer, _number(body, answer, pointers[answer]))

    def _write_task(
        self, body: Body, allocate: Callable[[int], Value], pointers: Mapping[Atom, Value], width: int
    ) -> Value:
        stacks = [Stack(pointers[answer], answer.shape, answer.dtype) for answer in self.equation.answers]
        for atom, view in zip(self.equation.operands, self._views, strict=True):
            stacks.append(Stack(pointers[atom], atom.shape, atom.dtype, view.steps != own(atom).steps))
        return self._write(Site(body, self.equation.operands[0].dtype, width, allocate), *stacks)


def _rounded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _noted(sizes: list[int], size: int, pointer: Value) -> Value:
    sizes.append(_rounded(size))
    return pointer


def _number(body: Body, answer: Var, pointer: Value) -> Value:
    kind = memory_type(answer.dtype)
    return body.fresh(f"load {kind}, {pointer}", kind)


def _readable(atom: Atom, nodes: Mapping[Atom, Node]) -> View:
    """An operand where it lies, if in one piece, with the last two axes in either order; else in its own buffer."""
    view, plain = view_of(atom, nodes), own(atom)
    *leading, rows, columns = plain.steps
    del rows
    turned = (*leading, columns, atom.shape[-2])
    return view if view.steps in (plain.steps, turned) else plain


TASKS[Factored] = Linear
