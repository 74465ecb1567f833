"""Regions: stretches of code that a plan is written to, one within another, and where their buffers are.

The memory of all buffers is planned before anything is written: a region has places in one block of scratch memory, the
arena, and so has what is nested in it, for as long as it runs. May import ``composing``, ``elements``, ``errors``,
``groups``, ``hearing``, ``ir``, ``nests``, ``nodes``, ``parallel``, ``placing``, ``planning``, ``products``,
``program``, ``steps``, ``tasks`` and ``ufuncs``.

>>> from hodiff.compiled.native.plans.planning import Plan
>>> from hodiff.ops.elementwise import exp, add
>>> from hodiff.program import Equation
>>> x, y, z = (Var((9, 9), np.dtype(float)) for _ in range(3))
>>> plan = Plan([x], [Equation(exp, (x,), {}, (y,)), Equation(add, (y, y), {}, (z,))], [z])
>>> arrange(plan, {x}).size == (2 if y in plan.stored else 1) * 704
True
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.ir import BAIL, POINTER, Body, Value
from hodiff.compiled.native.linalg.products import write_copy
from hodiff.compiled.native.plans.composing import composed
from hodiff.compiled.native.plans.hearing import unread_numbers
from hodiff.compiled.native.plans.nodes import convert
from hodiff.compiled.native.plans.placing import place
from hodiff.compiled.native.plans.planning import Plan, identity_place
from hodiff.compiled.native.plans.steps import Blocks, Copy, Nest, Rows, Step, Work
from hodiff.compiled.native.plans.tasks import Task, View
from hodiff.compiled.native.writing.elements import Elements, Memory, memory_type
from hodiff.compiled.native.writing.groups import Group, as_matrix
from hodiff.compiled.native.writing.nests import NestWriter
from hodiff.compiled.native.writing.parallel import Shared
from hodiff.program import Atom, Literal, Program, Var

_ALIGNMENT = 64


class Layout(NamedTuple):
    """Where in a block of memory the buffers of a plan are.

    Attributes
    ----------
    size : int
        Bytes.
    offsets : dict
        Of buffers by their variables, and of tasks that need memory by their work.
    """

    size: int
    offsets: dict[Var | Work, int]


class Surroundings(NamedTuple):
    """What all regions of a kernel share.

    Attributes
    ----------
    arena : Value
        The block of scratch memory.
    literal : callable
        ``literal(array)``: where an array of the program is.
    width : int
        Numbers in a vector register.
    shared : Shared
        What loops need that are split among threads.
    """

    arena: Value
    literal: Callable[[Any], Memory]
    width: int
    shared: Shared


class Region:
    """Where the steps of a plan are written.

    Parameters
    ----------
    body : Body
    plan : Plan
    layout : Layout
    surroundings : Surroundings
    memory : dict
        Where inputs are, and what else has a place outside of the arena.
    base : int
        Where the block of the layout begins in the arena.
    """

    def __init__(
        self,
        body: Body,
        plan: Plan,
        layout: Layout,
        surroundings: Surroundings,
        memory: dict[Atom, Memory],
        base: int = 0,
    ) -> None:
        self.body = body
        self.plan = plan
        self.surroundings = surroundings
        self.elements = Elements(body, plan, memory, surroundings.literal)
        self._group = Group(body, self.elements, self.memory_of, surroundings.width, surroundings.shared)
        self._layout = layout
        self._base = base
        for key, offset in layout.offsets.items():
            if isinstance(key, Var):
                place = in_arena(body, surroundings, base + offset)
                level = body.level + (key in plan.private)  # rewritten for each row
                memory[key] = Memory(place, key.shape, key.dtype, key, level, _steps(plan, key))

    def write(self, step: Step) -> None:
        """Write a step; those before it have been."""
        if isinstance(step, Work):
            self._work(step)
        elif isinstance(step, Copy):
            source, target = self.memory_of(step.source), self.elements.memory[step.target]
            kind, width = memory_type(target.dtype), self.surroundings.width
            write_copy(self.body, as_matrix(target), as_matrix(source), kind, width)
        elif isinstance(step, Rows):
            self._group.write_rows(step)
        elif isinstance(step, Blocks):
            self._group.write_blocks(step)
        else:
            NestWriter(self.body, self.elements, step, self.surroundings.width, self.surroundings.shared).write()

    def number(self, atom: Atom, dtype: Any = None) -> Value:
        """The element of what has only one, in the dtype asked for."""
        value = self.elements.element(atom, identity_place(atom.shape))
        return value if dtype is None else convert(self.body, value, atom.dtype, dtype)

    def memory_of(self, atom: Atom) -> Memory:
        """Where an array is."""
        if isinstance(atom, Literal):
            return self.surroundings.literal(np.asarray(atom.value, atom.dtype))
        found = self.elements.memory.get(atom)
        return self._spilled(atom) if found is None or atom in self.elements.registers else found

    def seen(self, view: View) -> Memory:
        """Where what a view shows begins, as an array whose elements are in order."""
        memory = self.memory_of(view.base)
        pointer = memory.pointer
        if view.offset:
            text = f"getelementptr inbounds {memory_type(memory.dtype)}, {pointer}, i64 {view.offset}"
            pointer = self.body.pure(text, POINTER, pointer)
        return Memory(pointer, view.shape, memory.dtype, (memory.owner, view.offset), memory.level)

    def put(self, atom: Var, value: Value) -> None:
        """Note a number that was computed."""
        self.elements.registers[atom] = value

    def take(self, var: Var) -> None:
        """Compute a number that nobody reads: what is stored so, LLVM does not leave out."""
        value = self.number(var)
        place = self.body.scratch(value.type, 1, key=("unread", value.type))
        self.body.effect(f"store volatile {value}, {place}")

    def _work(self, work: Work) -> None:
        task = work.task
        if isinstance(task, Nested):
            task.write_within(self, self._base + self._layout.offsets.get(work, 0))
            return
        pointers = {atom: self.memory_of(atom).pointer for atom in (*work.made(), *task.buffers)}
        failed = task.write(self.body, pointers, self.surroundings.width)
        if failed is not None:
            self.body.leave_if(failed, BAIL)

    def _spilled(self, atom: Atom) -> Memory:
        """A number that was in a register, in memory."""
        value = self.number(atom)
        pointer = self.body.scratch(memory_type(atom.dtype), 1, key=(atom, self.body.level))
        memory = Memory(pointer, atom.shape, atom.dtype, atom, self.body.level)
        self.elements.store(memory, identity_place(atom.shape), value)
        return memory


class Nested(Task):
    """A task that regions of its own are written for."""

    in_registers = True

    def write_within(self, region: Region, base: int) -> None:
        """Write the code; scratch memory begins at ``base`` in the arena."""
        raise NotImplementedError


class Inner:
    """A program that a nested task runs.

    Attributes
    ----------
    program : Program
    plan : Plan
    layout : Layout
    made : list of Var
        The outputs that it writes to memory, which has to be given.

    Raises
    ------
    Unsupported
        Saying what has no native form.
    """

    def __init__(self, program: Program) -> None:
        _check(program)
        program = composed(program)
        self.program = program
        self.plan = Plan(program.inputs, program.equations, program.outputs)
        own = {var for equation in program.equations for var in equation.answers}
        self.made = [var for var in dict.fromkeys(program.outputs) if isinstance(var, Var) and var in own]
        self.made = [var for var in self.made if var.size != 1]
        self.layout = arrange(self.plan, {*program.inputs, *self.made})
        self._unread = unread_numbers(program)
        #: By inputs that are changed in place, what is in their memory in the course of it.
        self.kept: dict[Var, list[Var]] = {}
        #: Numbers to compute before a step changes what they are made of.
        self._early: dict[int, list[Var]] = {}

    def keep(self, var: Var, places: list[Var], early: Mapping[int, Sequence[Var]]) -> None:
        """Let an input be changed in place: other values have its memory, and some numbers are computed before."""
        self.kept[var] = places
        given = {place for places in self.kept.values() for place in places}
        self.layout = arrange(self.plan, {*self.program.inputs, *self.made, *given})
        for number, numbers in early.items():
            self._early.setdefault(number, []).extend(numbers)

    @property
    def cost(self) -> float:
        """Additions, about."""
        return sum(step.cost for step in self.plan.steps)

    def write(
        self, region: Region, base: int, values: Mapping[Var, Value | Memory], targets: Mapping[Var, Memory]
    ) -> Region:
        """Write all of it at the innermost level, within a region.

        Parameters
        ----------
        region : Region
        base : int
            Where its scratch memory begins in the arena.
        values : mapping
            Of the inputs: numbers, and where arrays are.
        targets : mapping
            Where the outputs in ``made`` go to.

        Returns
        -------
        Region
            In which the outputs are known.
        """
        memory: dict[Atom, Memory] = dict(targets.items())
        memory.update((var, value) for var, value in values.items() if isinstance(value, Memory))
        inner = Region(region.body, self.plan, self.layout, region.surroundings, memory, base)
        for var, value in values.items():
            if isinstance(value, Value):
                inner.put(var, value)
        for number, step in enumerate(self.plan.steps):
            for var in self._early.get(number, ()):
                inner.number(var)
            inner.write(step)
        for var in self._unread:
            inner.take(var)
        return inner


def _check(program: Program) -> None:
    if program.guards:
        raise Unsupported(f"a guard inside of {program.name}")
    atoms = [*program.inputs, *program.outputs, *(var for e in program.equations for var in e.answers)]
    for atom in atoms:
        if not prod(atom.shape):
            raise Unsupported("arrays without elements")
        if ufuncs.ir_type(atom.dtype) is None:
            raise Unsupported(f"{atom.dtype} inside of {program.name}")


# --- memory -----------------------------------------------------------------------------------------------------------


def arrange(plan: Plan, given: Collection[Atom]) -> Layout:
    """Give every buffer of a plan a place, but those that are given one."""
    spans = _spans(plan, given)
    lengths = {key: rounded(_bytes_in(plan, key) if isinstance(key, Var) else key.task.scratch) for key in spans}
    offsets, size = place((key, lengths[key], span) for key, span in spans.items())
    return Layout(size, offsets)


def _spans(plan: Plan, given: Collection[Atom]) -> dict[Var | Work, tuple[int, int]]:
    """For what needs a place, the first and the last step that needs it."""
    spans: dict[Var | Work, tuple[int, int]] = {}

    def needed(atom: Atom, number: int) -> None:
        for seen in (atom, plan.columns.get(atom)):
            if isinstance(seen, Var) and seen in spans:
                spans[seen] = spans[seen][0], number

    for number, step in enumerate(plan.steps):
        if isinstance(step, Work) and step.task.scratch:
            spans[step] = number, number
        for var in buffers_of(plan, step):
            if var not in given:
                spans[var] = number, number
        for atom in step.needs():
            needed(atom, number)
    for atom in _late(plan):
        needed(atom, len(plan.steps))
    return dict(sorted(spans.items(), key=lambda item: item[1]))


def buffers_of(plan: Plan, step: Step) -> list[Var]:
    """What a step needs memory for: not for numbers that it leaves in registers."""
    made = step.made()
    if isinstance(step, Blocks):
        buffers = [var for each in step.steps for var in buffers_of(plan, each)]
        return [var for var in buffers if var not in step.places]
    if isinstance(step, Nest | Rows):
        buffers = [var for var in made if var.size != 1 and var not in plan.passing]
        return [plan.columns[var] if var in plan.turned else var for var in buffers]
    if isinstance(step, Work) and step.task.in_registers:
        return [var for var in made if var.size != 1]
    return made


def _late(plan: Plan) -> set[Atom]:
    """What numbers read that are computed between or after the steps."""
    found: set[Atom] = set()
    waiting: list[Atom] = [node.answer for node in plan.nodes.values() if node.answer.size == 1]
    while waiting:
        node = plan.nodes.get(waiting.pop())
        for atom in () if node is None else node.equation.operands:
            if atom not in found:
                found.add(atom)
                if atom not in plan.stored:
                    waiting.append(atom)
    return found


def _steps(plan: Plan, var: Var) -> tuple[int, ...] | None:
    """How a buffer lies in memory: of batches column by column, of what is private one row."""
    by_columns = var in plan.columns.values()
    if not by_columns and var not in plan.private:
        return None
    steps: list[int] = []
    size = var.shape[0] if by_columns else 1
    for length in reversed(var.shape[1:]):
        steps.insert(0, size)
        size *= length
    return (int(by_columns), *steps)


def in_arena(body: Body, surroundings: Surroundings, offset: int) -> Value:
    """A pointer into the arena."""
    pointer = surroundings.arena
    return body.pure(f"getelementptr inbounds i8, {pointer}, i64 {offset}", POINTER, pointer) if offset else pointer


def copy(body: Body, source: Memory, target: Memory) -> None:
    """Copy an array whose elements are in order."""
    if source.pointer.text == target.pointer.text:
        return
    name, size = "llvm.memcpy.p0.p0.i64", prod(target.shape) * element_size(target.dtype)
    body.declarations[name] = f"declare void @{name}(ptr, ptr, i64, i1)"
    body.effect(f"call void @{name}({target.pointer}, {source.pointer}, i64 {size}, i1 false)")


def _bytes_in(plan: Plan, var: Var) -> int:
    """Bytes of a buffer."""
    return bytes_of(var) // (var.shape[0] if var in plan.private else 1)


def bytes_of(var: Var) -> int:
    """Bytes of an array."""
    return var.size * element_size(var.dtype)


def element_size(dtype: Any) -> int:
    """Bytes of an element."""
    return 1 if dtype.kind == "b" else int(dtype.itemsize)


def rounded(size: int) -> int:
    """Bytes that such a buffer takes."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT
