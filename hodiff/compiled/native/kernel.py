"""A program as the text of one kernel, with what its entry has to know.

May import ``elements``, ``entry``, ``errors``, ``ir``, ``nests``, ``planning``, ``program`` and ``ufuncs``.

>>> from hodiff.ops.elementwise import exp
>>> from hodiff.program import Equation
>>> x, y = Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
>>> kernel = write_kernel(Program((x,), (Equation(exp, (x,), {}, (y,)),), (y,)), (True,), width=2)
>>> kernel.text.startswith("define i32 @kernel(ptr noalias %slots)"), kernel.results
(True, [Result(kind='slot', value=0, copy=False)])
"""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.native import ufuncs
from hodiff.compiled.native.elements import Elements, Memory, memory_type
from hodiff.compiled.native.entry import Result
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import I8, POINTER, Body, Value
from hodiff.compiled.native.nests import NestWriter, write_copy
from hodiff.compiled.native.planning import Copy, Nest, Plan, Step, Work, identity_place
from hodiff.program import Atom, Equation, Guard, Literal, Program, Var

#: Statuses of a kernel: gave up, and from the second on the number of the guard that does not hold.
BAIL, FIRST_MISS = 1, 2
#: Literal arrays of more elements are not part of the text.
_WRITTEN = 64
_ALIGNMENT = 64


class Kernel(NamedTuple):
    """What was written.

    Attributes
    ----------
    text : str
        The module: the function ``kernel``, and what it needs.
    outputs : list of Var
        In the slots behind those of the inputs.
    results : list of Result
    arena : int
        Bytes of scratch memory.
    literals : list of array
        What the pointers in ``@literals`` have to point to.
    size : int
        Lines.
    cost : float
        About how many additions a call takes.
    """

    text: str
    outputs: list[Var]
    results: list[Result]
    arena: int
    literals: list[Any]
    size: int
    cost: float


def write_kernel(program: Program, fresh: Sequence[bool], *, width: int) -> Kernel:
    """Write the kernel of a program.

    Parameters
    ----------
    program : Program
    fresh : sequence of bool
        For each output, whether it is an array of its own even where the program returns an input or a view of one.
    width : int
        Numbers in a vector register.

    Raises
    ------
    Unsupported
        Saying what has no native form.
    """
    return _Writer(program, fresh, width).kernel()


class _Writer:
    def __init__(self, program: Program, fresh: Sequence[bool], width: int) -> None:
        self._program = program
        self._width = width
        self._body = Body()
        self._literals: list[Any] = []
        self._known_literals: dict[int, Memory] = {}
        self._globals: list[str] = []
        for var in (*program.inputs, *(v for equation in program.equations for v in equation.answers)):
            if not prod(var.shape):
                raise Unsupported("arrays without elements")
        self._results, self._outputs = _results_of(program, fresh)
        wanted = [*self._outputs, *(guard.operand for guard in program.guards)]
        self._plan = Plan(program.inputs, program.equations, wanted)
        self._twins = set(self._plan.columns.values())
        memory: dict[Atom, Memory] = {}
        for number, var in enumerate(program.inputs):
            memory[var] = Memory(self._slot(number), var.shape, var.dtype, var)
        self._elements = Elements(self._body, self._plan, memory, self._literal)

    def kernel(self) -> Kernel:
        """Write all of it."""
        plan, body = self._plan, self._body
        arena = self._place_buffers()
        guards = list(enumerate(self._program.guards))
        done: set[Atom] = set()
        self._ask(guards, done)
        for step in plan.steps:
            if isinstance(step, Work):
                self._work(step)
            elif isinstance(step, Copy):
                self._copy(step)
            else:
                NestWriter(body, self._elements, step, self._width).write()
            done.update(step.made())
            self._ask(guards, done)
        self._store_outputs()
        lines = body.lines()
        text = "\n".join(["define i32 @kernel(ptr noalias %slots) {", "entry:", *lines, "ret i32 0", "}", ""])
        if self._literals:
            self._globals.append(f"@literals = global [{len(self._literals)} x ptr] zeroinitializer")
        parts = [text, *body.declarations.values(), *self._globals]
        cost = sum(step.cost for step in plan.steps)
        return Kernel("\n".join(parts) + "\n", self._outputs, self._results, arena, self._literals, len(lines), cost)

    # --- memory -------------------------------------------------------------------------------------------------------

    def _slot(self, number: int) -> Value:
        """The pointer in a slot."""
        body = self._body
        slots = Value("%slots", POINTER)
        place = body.pure(f"getelementptr inbounds ptr, {slots}, i64 {number}", POINTER) if number else slots
        return body.pure(f"load ptr, ptr {place.text}, align 8", POINTER, place, key="slot")

    def _place_buffers(self) -> int:
        """Give memory to every buffer; bytes of the arena."""
        memory = self._elements.memory
        first = len(self._program.inputs)
        made = {var for step in self._plan.steps for var in self._buffers_of(step)}
        for number, var in enumerate(self._outputs):
            if var in made and var not in memory:
                memory[var] = Memory(self._slot(first + number), var.shape, var.dtype, var)
        spans = self._spans()
        taken: list[tuple[int, int, int]] = []  # offset, end, last nest
        size = 0
        for var, (begin, end) in spans.items():
            length = -(-var.size * memory_type_size(var) // _ALIGNMENT) * _ALIGNMENT
            taken = [span for span in taken if span[2] >= begin]
            offset = 0
            for start, stop, _ in sorted(taken):
                if start - offset >= length:
                    break
                offset = max(offset, stop)
            taken.append((offset, offset + length, end))
            size = max(size, offset + length)
            memory[var] = Memory(self._in_arena(offset), var.shape, var.dtype, var, steps=self._steps(var))
        return size

    def _spans(self) -> dict[Var, tuple[int, int]]:
        """For each buffer in the arena, the first and the last step that needs it."""
        spans: dict[Var, tuple[int, int]] = {}
        columns = self._plan.columns
        for number, step in enumerate(self._plan.steps):
            for var in self._buffers_of(step):
                if var not in self._elements.memory:
                    spans[var] = number, number
            for atom in step.needs():
                for seen in (atom, columns.get(atom)):
                    if isinstance(seen, Var) and seen in spans:
                        spans[seen] = spans[seen][0], number
        last = len(self._plan.steps)
        for atom in self._late():
            for seen in (atom, columns.get(atom)):
                if isinstance(seen, Var) and seen in spans:
                    spans[seen] = spans[seen][0], last
        return dict(sorted(spans.items(), key=lambda item: item[1]))

    def _buffers_of(self, step: Step) -> list[Var]:
        """What a step needs memory for: not for numbers that loops leave in registers."""
        plan = self._plan
        if isinstance(step, Nest):
            return [
                plan.columns[answer] if answer in plan.turned else answer for answer in step.made() if answer.size != 1
            ]
        return step.made()

    def _steps(self, var: Var) -> tuple[int, ...] | None:
        """How a buffer lies in memory: for batches, column by column."""
        if var not in self._twins:
            return None
        steps: list[int] = []
        size = var.shape[0]
        for length in reversed(var.shape[1:]):
            steps.insert(0, size)
            size *= length
        return (1, *steps)

    def _copy(self, step: Copy) -> None:
        """Write a copy."""
        memory, source = self._elements.memory, step.source
        before = self._literal(source.value) if isinstance(source, Literal) else memory[source]
        write_copy(self._body, self._elements, before, memory[step.target])

    def _work(self, work: Work) -> None:
        """Write a task."""
        memory, body = self._elements.memory, self._body
        pointers: dict[Atom, Value] = {}
        for atom in (*work.made(), *work.task.buffers):
            if isinstance(atom, Literal):
                pointers[atom] = self._literal(np.asarray(atom.value, atom.dtype)).pointer
            elif atom in memory:
                pointers[atom] = memory[atom].pointer
            else:
                pointers[atom] = self._spilled(atom)
        failed = work.task.write(body, pointers, self._width)
        if failed is not None:
            body.leave_if(failed, BAIL)

    def _spilled(self, atom: Atom) -> Value:
        """A pointer to a number that was in a register."""
        value = self._elements.element(atom, identity_place(atom.shape))
        kind = memory_type(atom.dtype)
        pointer = self._body.pure(f"alloca {kind}, align 8", POINTER, key=atom)
        self._elements.store(Memory(pointer, atom.shape, atom.dtype, atom), identity_place(atom.shape), value)
        return pointer

    def _late(self) -> set[Atom]:
        """What numbers read that are computed between or after the nests."""
        found: set[Atom] = set()
        waiting: list[Atom] = [node.answer for node in self._plan.nodes.values() if node.answer.size == 1]
        while waiting:
            node = self._plan.nodes.get(waiting.pop())
            for atom in () if node is None else node.equation.operands:
                if atom not in found:
                    found.add(atom)
                    if atom not in self._plan.stored:
                        waiting.append(atom)
        return found

    def _in_arena(self, offset: int) -> Value:
        pointer = self._slot(len(self._program.inputs) + len(self._outputs))
        if not offset:
            return pointer
        return self._body.pure(f"getelementptr inbounds i8, {pointer}, i64 {offset}", POINTER, pointer)

    def _literal(self, array: Any) -> Memory:
        """Where an array of the program is: in the text, or behind a pointer."""
        found = self._known_literals.get(id(array))
        if found is not None:
            return found
        data = np.ascontiguousarray(array)
        if data.size <= _WRITTEN:
            name = f"@literal{len(self._known_literals)}"
            kind = memory_type(data.dtype)
            numbers = ", ".join(str(self._body.constant(kind, value)) for value in data.ravel())
            self._globals.append(f"{name} = private constant [{data.size} x {kind}] [{numbers}], align {_ALIGNMENT}")
            pointer = Value(name, POINTER)
        else:
            number = len(self._literals)
            self._literals.append(data)
            place = f"getelementptr inbounds ptr, ptr @literals, i64 {number}"
            address = self._body.pure(place, POINTER)
            pointer = self._body.pure(f"load ptr, ptr {address.text}, align 8", POINTER, address, key="literal")
        memory = self._known_literals[id(array)] = Memory(pointer, array.shape, array.dtype)
        return memory

    # --- guards and outputs -------------------------------------------------------------------------------------------

    def _ask(self, guards: list[tuple[int, Guard]], done: set[Atom]) -> None:
        """Check the guards that can be checked now, in their order."""
        while guards:
            number, guard = guards[0]
            atom = guard.operand
            if not self._is_known(atom, done):
                return
            guards.pop(0)
            value = self._elements.element(atom, identity_place(atom.shape))
            self._check(guard, number, value)

    def _check(self, guard: Guard, number: int, value: Value) -> None:
        body = self._body
        kind = guard.operand.dtype.kind
        if prod(guard.operand.shape) != 1:
            raise Unsupported("a guard on an array")
        if guard.truth:
            if kind != "b":
                value = body.compare("une" if kind == "f" else "ne", value, body.constant(value.type, 0))
            expected = body.constant(value.type, not guard.expected)
            body.leave_if(body.compare("eq", value, expected), FIRST_MISS + number)
        elif kind in "iub" and guard.operand.form != "array":
            wrong = body.compare("ne", value, body.constant(value.type, int(guard.expected)))
            body.leave_if(wrong, BAIL)  # the NumPy code says what came instead
        else:
            raise Unsupported("a guard on the value of a float")

    def _is_known(self, atom: Atom, done: set[Atom]) -> bool:
        """Whether all that a number is computed from is there."""
        waiting, seen = [atom], set()
        while waiting:
            found = waiting.pop()
            if isinstance(found, Literal) or found in done or found in seen or found in self._elements.registers:
                continue
            seen.add(found)
            node = self._plan.nodes.get(found)
            if node is None:
                continue
            if found in self._plan.stored:
                return False
            waiting += node.equation.operands
        return True

    def _store_outputs(self) -> None:
        """Put numbers into their slots, and second copies of arrays."""
        first, body = len(self._program.inputs), self._body
        for number, var in enumerate(self._outputs):
            target = Memory(self._slot(first + number), var.shape, var.dtype)
            if var.size == 1:
                value = self._elements.element(var, identity_place(var.shape))
                self._elements.store(target, identity_place(var.shape), value)
            elif self._elements.memory[var].pointer != target.pointer:
                source, size = self._elements.memory[var].pointer, var.size * memory_type_size(var)
                name = "llvm.memcpy.p0.p0.i64"
                body.declarations[name] = f"declare void @{name}(ptr, ptr, i64, i1)"
                body.effect(f"call void @{name}({target.pointer}, {source}, i64 {size}, i1 false)")


def memory_type_size(var: Var) -> int:
    """Bytes of an element."""
    return 1 if memory_type(var.dtype) == I8 else var.dtype.itemsize


def _results_of(program: Program, fresh: Sequence[bool]) -> tuple[list[Result], list[Var]]:
    """What each result is, and what goes into the slots of outputs."""
    places = {var: number for number, var in enumerate(program.inputs)}
    shown = _shown(program)
    results: list[Result] = []
    outputs: list[Var] = []
    for atom, new in zip(program.outputs, fresh, strict=True):
        if isinstance(atom, Literal):
            results.append(Result("constant", atom.value, isinstance(atom.value, np.ndarray)))
        elif atom in places:
            results.append(Result("input", places[atom], new and atom.form == "array"))
        else:
            if atom in shown and not new:
                raise Unsupported("a result that is a view of an argument")
            if ufuncs.ir_type(atom.dtype) is None:
                raise Unsupported(f"a result of dtype {atom.dtype}")
            results.append(Result("slot", len(outputs)))
            outputs.append(atom)
    return results, outputs


def _shown(program: Program) -> set[Atom]:
    """What may be a view of an argument."""
    shown: set[Atom] = {var for var in program.inputs if var.form == "array"}
    for equation in program.equations:
        if _is_view(equation) and not shown.isdisjoint(equation.operands):
            shown.update(equation.answers)
    return shown


def _is_view(equation: Equation) -> bool:
    primitive = equation.primitive
    if isinstance(primitive.function, np.ufunc):
        return False
    shares = None if primitive.code is None else primitive.code.shares
    return primitive.view is not None or shares is not False
