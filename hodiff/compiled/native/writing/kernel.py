"""A program as the text of one kernel, with what its entry has to know.

May import ``code``, ``elements``, ``entry``, ``errors``, ``ir``, ``parallel``, ``planning``, ``program``,
``regions``, ``steps`` and ``ufuncs``.

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

from hodiff.code import is_unheard
from hodiff.compiled.native.calling.entry import Result
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.functions import ufuncs
from hodiff.compiled.native.ir import BAIL, POINTER, Body, Value
from hodiff.compiled.native.plans.planning import Plan, identity_place
from hodiff.compiled.native.plans.steps import Blocks, Copy, Step
from hodiff.compiled.native.writing.elements import Memory, memory_type
from hodiff.compiled.native.writing.parallel import Shared
from hodiff.compiled.native.writing.regions import Region, Surroundings, arrange, buffers_of, copy, in_arena, rounded
from hodiff.program import Atom, Equation, Guard, Literal, Program, Var

#: The status of a kernel of which the first guard does not hold; those of the others follow.
FIRST_MISS = 2
#: Literal arrays of more elements are not part of the text.
_WRITTEN = 64
_ALIGNMENT = 64
#: Bytes of a number.
_NUMBER = 16


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
    heard : bool
        Whether anybody hears of floating-point errors.
    splits : bool
        Whether threads share loops.
    """

    text: str
    outputs: list[Var]
    results: list[Result]
    arena: int
    literals: list[Any]
    size: int
    cost: float
    heard: bool
    splits: bool


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
        self._body = Body()
        self._literals: list[Any] = []
        self._known_literals: dict[int, Value | int] = {}
        self._named: list[Any] = []
        self._globals: list[str] = []
        for var in (*program.inputs, *(v for equation in program.equations for v in equation.answers)):
            if not prod(var.shape):
                raise Unsupported("arrays without elements")
        self._results, self._outputs = _results_of(program, fresh)
        self._unread = _unread(program)
        wanted = [*self._outputs, *self._unread, *(guard.operand for guard in program.guards)]
        self._plan = Plan(program.inputs, program.equations, wanted, blocks=True)
        memory: dict[Atom, Memory] = {}
        for number, var in enumerate(program.inputs):
            memory[var] = Memory(self._slot(number), var.shape, var.dtype, var)
        made = {var for step in self._plan.steps for var in buffers_of(self._plan, step)}
        for number, var in enumerate(self._outputs):
            if var in made and var not in memory:
                memory[var] = Memory(self._slot(len(program.inputs) + number), var.shape, var.dtype, var)
        layout = arrange(self._plan, memory)
        #: Numbers that nobody reads are stored from there on, each at a place of its own: LLVM computes nothing that is
        #: written over.
        self._sink = layout.size
        self._arena = layout.size + rounded(_NUMBER * len(self._unread))
        arena = self._slot(len(program.inputs) + len(self._outputs))
        self._shared = Shared(arena, self._arena)
        self._surroundings = Surroundings(arena, self._literal, width, self._shared)
        self._region = Region(self._body, self._plan, layout, self._surroundings, memory)
        self._elements = self._region.elements

    def kernel(self) -> Kernel:
        """Write all of it."""
        plan, body = self._plan, self._body
        guards = list(enumerate(self._program.guards))
        done: set[Atom] = set()
        self._ask(guards, done)
        for step in plan.steps:
            self._region.write(step)
            done.update(self._done_by(step))
            self._ask(guards, done)
        self._store_outputs()
        lines = body.lines()
        # Vectors that registers do not hold would be in two lines of the cache each, where the stack is not aligned.
        text = "\n".join(
            ["define i32 @kernel(ptr noalias %slots) alignstack(64) {", "entry:", *lines, "ret i32 0", "}", ""]
        )
        if self._literals:
            self._globals.append(f"@literals = global [{len(self._literals)} x ptr] zeroinitializer")
        text = "\n".join([text, *body.declarations.values(), *self._globals, ""])
        cost = sum(step.cost for step in plan.steps)
        return Kernel(
            text,
            self._outputs,
            self._results,
            self._arena + self._shared.size,
            self._literals,
            text.count("\n"),
            cost,
            _is_heard(self._program),
            self._shared.count > 0,
        )

    # --- memory -------------------------------------------------------------------------------------------------------

    def _slot(self, number: int) -> Value:
        """The pointer in a slot."""
        body = self._body
        slots = Value("%slots", POINTER)
        place = body.pure(f"getelementptr inbounds ptr, {slots}, i64 {number}", POINTER) if number else slots
        return body.pure(f"load ptr, ptr {place.text}, align 8", POINTER, place, key="slot")

    def _literal(self, array: Any) -> Memory:
        """Where an array of the program is: in the text, or behind a pointer."""
        known = self._known_literals.get(id(array))
        if known is None:
            known = self._known_literals[id(array)] = self._kept_literal(np.ascontiguousarray(array))
            self._named.append(array)  # so that no other array has its address
        if isinstance(known, Value):
            return Memory(known, array.shape, array.dtype)
        address = self._body.pure(f"getelementptr inbounds ptr, ptr @literals, i64 {known}", POINTER)
        pointer = self._body.pure(f"load ptr, ptr {address.text}, align 8", POINTER, address, key="literal")
        return Memory(pointer, array.shape, array.dtype)

    def _kept_literal(self, data: Any) -> Value | int:
        """The name of an array in the text, or its number among those behind pointers."""
        if data.size > _WRITTEN:
            self._literals.append(data)
            return len(self._literals) - 1
        name = f"@literal{len(self._known_literals)}"
        kind = memory_type(data.dtype)
        numbers = ", ".join(str(self._body.constant(kind, value)) for value in data.ravel())
        self._globals.append(f"{name} = private constant [{data.size} x {kind}] [{numbers}], align {_ALIGNMENT}")
        return Value(name, POINTER)

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

    def _done_by(self, step: Step) -> list[Var]:
        """What is there after a step, row by row where there is a copy of it that is."""
        copied = {each.target for each in _copies(self._plan.steps)} - {each.target for each in _copies([step])}
        return [var for var in step.made() if var not in copied]

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
            if found in self._plan.stored:
                return False
            node = self._plan.nodes.get(found)
            if node is not None:
                waiting += node.equation.operands
        return True

    def _store_outputs(self) -> None:
        """Put numbers into their slots, and second copies of arrays."""
        first = len(self._program.inputs)
        for number, var in enumerate(self._outputs):
            target = Memory(self._slot(first + number), var.shape, var.dtype)
            if var.size == 1 and var.dtype.kind != "c":
                value = self._elements.element(var, identity_place(var.shape))
                self._elements.store(target, identity_place(var.shape), value)
            elif self._elements.memory[var].pointer != target.pointer:
                copy(self._body, self._elements.memory[var], target)
        for number, atom in enumerate(self._unread):
            if atom.size == 1:
                value = self._elements.element(atom, identity_place(atom.shape))
                sink = in_arena(self._body, self._surroundings, self._sink + _NUMBER * number)
                self._elements.store(Memory(sink, atom.shape, atom.dtype, atom), identity_place(atom.shape), value)


def _copies(steps: Sequence[Step]) -> list[Copy]:
    """The copies among steps, and in blocks."""
    every = [each for step in steps for each in (step.steps if isinstance(step, Blocks) else [step])]
    return [step for step in every if isinstance(step, Copy)]


def _is_heard(program: Program) -> bool:
    """Whether anybody hears of the floating-point errors of some equation."""
    for equation in program.equations:
        for value in equation.parameters.values():
            parts = value if isinstance(value, tuple) else (value,)
            if any(isinstance(part, Program) and _is_heard(part) for part in parts):
                return True
        if equation.primitive.hazard not in ("none", "inside") and not is_unheard(equation):
            return True
    return False


def _unread(program: Program) -> list[Var]:
    """Answers that nothing is made of: they are computed for the warnings that this may bring."""
    read: set[Atom] = {*program.outputs, *(guard.operand for guard in program.guards)}
    read.update(atom for equation in program.equations for atom in equation.operands)
    return [var for equation in program.equations for var in equation.answers if read.isdisjoint(equation.answers)]


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
            if ufuncs.ir_type(atom.dtype) is None and atom.dtype.char not in "FD":
                raise Unsupported(f"a result of dtype {atom.dtype}")
            results.append(Result("slot", len(outputs)))
            outputs.append(atom)
    return results, outputs


def _shown(program: Program) -> set[Atom]:
    """What may be a view of an argument."""
    shown: set[Atom] = {var for var in program.inputs if var.form == "array"}
    for equation in program.equations:
        if not equation.several and _is_view(equation) and not shown.isdisjoint(equation.operands):
            shown.update(equation.answers)
    return shown


def _is_view(equation: Equation) -> bool:
    primitive = equation.primitive
    if isinstance(primitive.function, np.ufunc):
        return False
    shares = None if primitive.code is None else primitive.code.shares
    return primitive.view is not None or shares is not False
