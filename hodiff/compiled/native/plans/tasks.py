"""Operations with code of their own: they read arrays in memory, and write their answers there.

A task's operands are buffers, or views of buffers that it can read as they are, such as a transposed matrix. May import
``blas``, ``errors``, ``ir``, ``lowering``, ``matrices``, ``nodes``, ``products``, ``program`` and ``reduction``.

>>> from hodiff.compiled.native.plans.recognising import node_of
>>> from hodiff.ops.contraction import matmul
>>> from hodiff.ops.shaping import permuted
>>> from hodiff.program import Var
>>> x, y, z = (Var((3, 3), np.dtype(float)) for _ in range(3))
>>> turned = node_of(Equation(permuted, (x,), {"axes": (-1, -2)}, (y,)))
>>> task = task_of(Equation(matmul, (y, y), {}, (z,)), {y: turned})
>>> task.buffers == [x, x]
True
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import BIT, Body, Value
from hodiff.compiled.native.linalg.blas import halves, write_is_finite, write_matmuls
from hodiff.compiled.native.linalg.matrices import Matrix, moved, nest, offset, scalar_type
from hodiff.compiled.native.linalg.products import write_copy
from hodiff.compiled.native.plans.nodes import InOrder, Moved, Node
from hodiff.compiled.native.plans.reduction import INNER
from hodiff.lowering import Affine, Axis, Product
from hodiff.program import Atom, Equation

#: Elements that are worth being transposed in registers.
_WORTH = 64
#: Rows that are worth a loop of their own, elements of one that fill vectors, elements that stay in the cache.
_MANY, _LONG, _SMALL = 512, 32, 4096


class View(NamedTuple):
    """How an operand lies in a buffer.

    Attributes
    ----------
    base : Var or Literal
        What has the buffer.
    offset : int
        The first element.
    steps : tuple of int
        Elements from one to the next along each axis.
    shape : tuple of int
    """

    base: Atom
    offset: int
    steps: tuple[int, ...]
    shape: tuple[int, ...]


class Task:
    """An equation with code of its own.

    Attributes
    ----------
    equation : Equation
    buffers : list of Var or Literal
        What has to be in memory.
    numbers : list of Var or Literal
        What has to be in registers.
    in_registers : bool
        Answers of one element are left in registers.
    scratch : int
        Bytes of memory that it needs while it runs.
    replaces : dict
        Operands, by answers that may be written to their memory.
    cost : float
        Of all, in additions.
    """

    in_registers = False
    scratch = 0
    cost = 0.0

    def __init__(self, equation: Equation, buffers: Sequence[Atom], numbers: Sequence[Atom] = ()) -> None:
        self.equation = equation
        self.buffers = list(buffers)
        self.numbers = list(numbers)
        self.replaces: dict[Atom, Atom] = {}

    def note_triangles(self, known: dict[Atom, str]) -> None:
        """Learn which buffers are known to be triangles, "lower" or "upper", and tell of those that it makes."""

    def write(self, body: Body, pointers: Mapping[Atom, Value], width: int) -> Value | None:
        """Write the code; a bit that says that it gave up, where it can."""
        raise NotImplementedError


class MatrixProduct(Task):
    """``numpy.matmul`` of arrays of one precision."""

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        (answer,), (x, y) = equation.answers, equation.operands
        if not x.dtype == y.dtype == answer.dtype or answer.dtype.char not in "fd":
            raise Unsupported(f"matmul of {x.dtype} and {y.dtype}")
        self._left = _matrix_view(x, nodes, 2 if len(x.shape) > 1 else 1)
        self._right = _matrix_view(y, nodes, 2 if len(y.shape) > 1 else 1)
        super().__init__(equation, [self._left.base, self._right.base])
        self.cost = 0.25 * answer.size * x.shape[-1]
        self._triangles = "", ""

    def note_triangles(self, known: dict[Atom, str]) -> None:
        """See `Task`; half of the work is for the zeros of a triangle."""
        found = triangle_of(self._left, known), triangle_of(self._right, known)
        (answer,) = self.equation.answers
        if len(answer.shape) == 2 and halves(answer.shape[0], self._left.shape[-1], answer.shape[1]):
            self._triangles = found

    def write(self, body: Body, pointers: Mapping[Atom, Value], width: int) -> Value | None:
        (answer,) = self.equation.answers
        stack = np.broadcast_shapes(self._left.shape[:-2], self._right.shape[:-2])
        left = _as_matrix(body, self._left, pointers, row=True)
        right = _as_matrix(body, self._right, pointers, row=False)
        rows, columns = left.rows, right.columns
        gave_up = None
        for triangle, other in zip(self._triangles, (right, left), strict=True):
            if triangle:  # zeros are left out, which what is not finite makes NaN of
                infinite = body.operation("xor", self._is_finite(body, other, width), body.constant(BIT, 1))
                gave_up = infinite if gave_up is None else body.operation("or", gave_up, infinite)
        left, right = (
            a._replace(triangle=triangle) for a, triangle in zip((left, right), self._triangles, strict=True)
        )
        made = Matrix(pointers[answer], rows, columns, columns)
        steps: list[int] = []
        size = rows * columns
        for length in reversed(stack):
            steps.insert(0, size)
            size *= length
        along = [_broadcast_steps(view, len(stack)) for view in (self._left, self._right)]
        write_matmuls(body, stack, (made, left, right), (steps, *along), answer.dtype, lanes=width)
        return gave_up

    def _is_finite(self, body: Body, matrix: Matrix, width: int) -> Value:
        return write_is_finite(body, matrix, self.equation.answers[0].dtype, lanes=width)


class Turned(Task):
    """The transpose of matrices in memory, by squares that fit into registers."""

    def __init__(self, equation: Equation, view: View) -> None:
        super().__init__(equation, [view.base])
        self._view = view
        self.cost = float(equation.answers[0].size)

    def write(self, body: Body, pointers: Mapping[Atom, Value], width: int) -> Value | None:
        (answer,), view = self.equation.answers, self._view
        kind, source = scalar_type(np.dtype(np.int8) if answer.dtype.kind == "b" else answer.dtype), view.base
        rows, columns = answer.shape[-2:]
        size = rows * columns
        lengths = answer.shape[:-2]
        with nest(body, lengths) as counters:
            places, step = [], size
            for counter, length in reversed(list(zip(counters, lengths, strict=True))):
                places.append((counter, step))
                step *= length
            read = list(zip(counters, view.steps[:-2], strict=True))
            before = moved(body, pointers[source], kind, offset(body, (view.offset, 1), *read))
            made = Matrix(moved(body, pointers[answer], kind, offset(body, *places)), rows, columns, columns)
            seen = Matrix(before, rows, columns, view.steps[-1], transposed=True)
            write_copy(body, made, seen, kind, width)
        return None


def turned(node: Node, nodes: Mapping[Atom, Node], stored: Container[Atom]) -> Turned | None:
    """The task that makes the answer of a node, where that is a buffer read by columns and worth it."""
    answer = node.answer
    if not isinstance(node, Moved) or len(answer.shape) < 2 or answer.size < _WORTH:
        return None
    view = view_of(answer, nodes)
    if view.base in nodes and view.base not in stored:
        return None
    down, across = view.steps[-2:]
    if down != 1 or across < answer.shape[-2] or min(view.steps) < 0 or min(answer.shape[-2:]) < 2:
        return None
    return Turned(node.equation, view)


#: Tasks by the declarations that ask for them, of modules that plan programs of their own.
TASKS: dict[type, Callable[[Equation, Mapping[Atom, Node]], Task | None]] = {}


def task_of(equation: Equation, nodes: Mapping[Atom, Node], batches: Container[tuple[int, ...]] = ()) -> Task | None:
    """The task for an equation, None where it is none: products of batches of small matrices are written out.

    Raises
    ------
    Unsupported
        Where it is one, but not of operands like these.
    """
    if not all(atom.dtype.isnative for atom in (*equation.operands, *equation.answers)):
        raise Unsupported("numbers in another order of bytes")
    nest = None if equation.primitive.code is None else equation.primitive.code.nest
    if isinstance(nest, Product):
        return None if _goes_by_rows(equation, nodes, batches) else MatrixProduct(equation, nodes)
    make = TASKS.get(type(nest))
    return None if make is None else make(equation, nodes)


def _goes_by_rows(equation: Equation, nodes: Mapping[Atom, Node], batches: Container[tuple[int, ...]]) -> bool:
    """Whether a product is better written out than given to BLAS: as rows of operands or answer are at hand anyway."""
    (answer,), (x, y) = equation.answers, equation.operands
    length = x.shape[-1]
    if length <= INNER and len(answer.shape) > 1 and answer.shape in batches:
        return True
    if not len(x.shape) == len(y.shape) == 2 or answer.dtype.char not in "fd":
        return False
    if length <= INNER:
        return answer.shape[0] >= _MANY and answer.shape[1] >= _LONG
    computed = isinstance(nodes.get(y), Node) and not isinstance(nodes.get(y), Moved | InOrder)
    return computed and length >= _MANY and answer.shape[1] >= _LONG and answer.size <= _SMALL


# --- views ------------------------------------------------------------------------------------------------------------


def view_of(atom: Atom, nodes: Mapping[Atom, Node]) -> View:
    """How an operand lies in the buffer that it is a view of, which may be its own."""
    axes = [Axis(length) for length in atom.shape]
    index = tuple(Affine.of(axis) for axis in axes)
    base = atom
    while isinstance(node := nodes.get(base), (Moved, InOrder)):
        if isinstance(node, InOrder) and node.flat:
            break
        ((base, index),) = node.reads(index)
    place = Affine(0)
    for entry, length in zip(index, base.shape, strict=True):
        place = place * length + entry
    factors = dict(place.terms)
    return View(base, place.constant, tuple([factors.get(axis, 0) for axis in axes]), atom.shape)


def own(atom: Atom) -> View:
    """An operand with a buffer of its own."""
    steps: list[int] = []
    size = 1
    for length in reversed(atom.shape):
        steps.insert(0, size)
        size *= length
    return View(atom, 0, tuple(steps), atom.shape)


def triangle_of(view: View, known: Mapping[Atom, str]) -> str:
    """Which triangle the matrices are that an operand shows, of a buffer of which that is known; "" for none."""
    triangle = known.get(view.base, "")
    if not triangle or view.offset or len(view.shape) != len(view.base.shape) or view.shape[-1] != view.shape[-2]:
        return ""
    steps = own(view.base).steps
    if view.steps == steps:
        return triangle
    turned_steps = (*steps[:-2], steps[-1], steps[-2])
    return {"lower": "upper", "upper": "lower"}[triangle] if view.steps == turned_steps else ""


def _matrix_view(atom: Atom, nodes: Mapping[Atom, Node], ndim: int) -> View:
    """The operand as BLAS reads it: one of the last two axes without gaps; else with a buffer of its own."""
    view = view_of(atom, nodes)
    if ndim == 1:
        return view if view.steps[-1] > 0 else own(atom)
    (rows, columns), (down, across) = view.shape[-2:], view.steps[-2:]
    by_rows = (across == 1 or columns == 1) and (down >= columns or rows == 1)
    by_columns = (down == 1 or rows == 1) and (across >= rows or columns == 1)
    if min(view.steps[-2:]) >= 0 and (by_rows or by_columns):
        return view
    return own(atom)


def _as_matrix(body: Body, view: View, pointers: Mapping[Atom, Value], *, row: bool) -> Matrix:
    """The first matrix of a stack; a vector is a row or a column."""
    pointer = moved(body, pointers[view.base], scalar_type(view.base.dtype), view.offset)
    if len(view.shape) == 1:
        length, step = view.shape[0], view.steps[0]
        if row:
            return (
                Matrix(pointer, 1, length, step, transposed=True) if step != 1 else Matrix(pointer, 1, length, length)
            )
        return Matrix(pointer, length, 1, step)
    (rows, columns), (down, across) = view.shape[-2:], view.steps[-2:]
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return Matrix(pointer, rows, columns, max(down, columns))
    return Matrix(pointer, rows, columns, max(across, rows), transposed=True)


def _broadcast_steps(view: View, ndim: int) -> list[int]:
    """Steps along leading axes, 0 where a stack is broadcast."""
    lengths, steps = view.shape[:-2], view.steps[:-2]
    found = [0 if length == 1 else step for length, step in zip(lengths, steps, strict=True)]
    return [0] * (ndim - len(found)) + found
