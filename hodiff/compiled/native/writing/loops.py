"""Loops as tasks: the body is planned as a program, and its nests are written within a loop.

Of the answers of a loop, those that are stacked are written row by row where the whole is to be; what is carried is in
registers, or in memory that `carries` describes. May import ``carries``, ``elements``, ``errors``, ``in_place``,
``invariants``, ``ir``, ``lowering``, ``nodes``, ``planning``, ``program``, ``regions`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.program import Literal
>>> from hodiff.compiled.native.plans.tasks import task_of
>>> from hodiff.control.loops import loop
>>> from hodiff.staging import stage
>>> _, body = stage(lambda x, y: [x + y, x], [np.float64(0.0)] * 2, name="body")
>>> xs, last, ys = Var((5,), np.dtype(float)), Var((), np.dtype(float)), Var((5,), np.dtype(float))
>>> parameters = {"body": body, "constants": 0, "carries": 1, "length": 5, "reverse": False}
>>> task_of(Equation(loop, (Literal(0.0), xs), parameters, (last, ys), several=True), {}).buffers == [xs]
True
"""

from collections.abc import Collection, Mapping, Sequence
from math import prod

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import I64, POINTER, Body, Value
from hodiff.compiled.native.plans.nodes import Node, asked, convert
from hodiff.compiled.native.plans.planning import identity_place
from hodiff.compiled.native.plans.tasks import TASKS, own
from hodiff.compiled.native.writing.carries import (
    Carried,
    Operand,
    Turning,
    buffer_sizes,
    buffers_in,
    carries_of,
    given,
    operand_of,
    sequence_of,
)
from hodiff.compiled.native.writing.elements import Memory, memory_type
from hodiff.compiled.native.writing.in_place import adding_in_place, changed_in_place, writing_late
from hodiff.compiled.native.writing.invariants import divided
from hodiff.compiled.native.writing.regions import Inner, Nested, Region, bytes_of, copy, in_arena, rounded
from hodiff.lowering import Looped, Repeated
from hodiff.program import Atom, Equation, Program, Var


class Loop(Nested):
    """A loop of a known number of turns."""

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        parameters, operands = equation.parameters, equation.operands
        self.length: int = parameters["length"]
        self.reverse: bool = parameters["reverse"]
        if not self.length:
            raise Unsupported("a loop without turns")
        first = parameters["constants"]
        self.count = parameters["carries"]
        second = first + self.count
        self.before, body = Inner(Program((), (), ())), parameters["body"]
        pairs = list(zip(operands, body.inputs, strict=True))
        self.inputs = body.inputs[:first], body.inputs[first:second], body.inputs[second:]
        if self.length > 1:
            early, body = divided(body, first)
            self.before = Inner(early)
        self.inner = Inner(prepared(body, self.inputs[1], self.count))
        body = self.inner.program
        self.given = [operand_of(atom, var, nodes) for atom, var in pairs[:second]]
        self.sequences = [sequence_of(atom, var, nodes) for atom, var in pairs[second:]]
        #: Outputs that are written to a row of a stack, each with its number.
        self.rows: dict[Var, int] = {}
        for number, output in enumerate(body.outputs[self.count :]):
            if output in self.inner.made:
                self.rows.setdefault(output, number)
        kept = keep(self.inner, self.inputs[1], self.rows)
        self.carried = carries_of(body, self.inputs[1], range(self.count), self.rows, kept)
        buffers, numbers = buffers_in([*self.given, *self.sequences])
        super().__init__(equation, buffers, numbers)
        self.replaces = replaced(self.equation, self.carried, self.given[first:], buffers)
        sizes = [rounded(size) for size in buffer_sizes(self.carried)] if self.length > 1 else []
        self._own = rounded(max(self.inner.layout.size, self.before.layout.size))
        self._sizes = sizes
        self._early = [rounded(bytes_of(var)) for var in self.before.made]
        self.scratch = self._own + sum(sizes) + sum(self._early)
        self.cost = self.before.cost + self.length * self.inner.cost

    def write_within(self, region: Region, base: int) -> None:
        _LoopWriter(self, region, base).write()

    def write_before(
        self, region: Region, base: int, constants: Mapping[Var, Value | Memory]
    ) -> dict[Var, Value | Memory]:
        """Write what is computed before the loop, of the constants; the values of it."""
        place = base + self._own + sum(self._sizes)
        targets: dict[Var, Memory] = {}
        for var, size in zip(self.before.made, self._early, strict=True):
            pointer = in_arena(region.body, region.surroundings, place)
            targets[var] = Memory(pointer, var.shape, var.dtype, (var, self), region.body.level)
            place += size
        inner = self.before.write(region, base, constants, targets)
        outputs = [var for var in self.before.program.outputs if isinstance(var, Var)]
        return {var: inner.number(var) if var.size == 1 else targets[var] for var in outputs}

    def buffers_of(self, region: Region, base: int) -> list[tuple[Value, ...]]:
        """For each carried value, where what it becomes in the first turn is written, and in the second."""
        found: list[tuple[Value, ...]] = []
        place = base + self._own
        for number, carried in enumerate(self.carried):
            if carried.way not in ("made", "copied"):
                found.append(())
                continue
            # The last turn writes to the answer.
            answer = region.elements.memory[self.equation.answers[number]].pointer
            if self.length == 1:
                found.append((answer, answer))
                continue
            other = in_arena(region.body, region.surroundings, place)
            place += self._sizes[number]
            found.append((answer, other) if self.length % 2 else (other, answer))
        return found


class _LoopWriter:
    def __init__(self, task: Loop, region: Region, base: int) -> None:
        self.task = task
        self.region = region
        self.base = base
        self.body = region.body
        self.answers = task.equation.answers
        self.program = task.inner.program

    def write(self) -> None:
        task, body, region = self.task, self.body, self.region
        variables = [*task.inputs[0], *task.inputs[1]]
        values = [given(region, operand, var) for operand, var in zip(task.given, variables, strict=True)]
        sequences = [self.region.seen(operand.view) for operand in task.sequences if operand.view is not None]
        buffers = task.buffers_of(region, self.base)
        first = len(task.inputs[0])
        constants = dict(zip(task.inputs[0], values, strict=False))
        early = task.write_before(region, self.base, constants)
        begin_in_place(region, task.carried, values, first, self.answers)
        with body.loop(task.length) as counter:
            turn = counter
            if task.reverse:
                turn = body.operation("sub nsw", body.constant(I64, task.length - 1), counter)
            known: dict[Var, Value | Memory] = {**constants, **early}
            turning = [
                Turning(body, carried, within(body, carried, initial), pair)
                for carried, initial, pair in zip(task.carried, values[first:], buffers, strict=True)
            ]
            known.update((each.carried.var, each.value) for each in turning)
            for operand, memory, var in zip(task.sequences, sequences, task.inputs[2], strict=True):
                known[var] = self._element(operand, memory, var, turn)
            targets = {**self._rows(turn), **targets_of(task.inner, turning)}
            inner = task.inner.write(region, self.base, known, targets)
            self._stack(inner, turn)
            after = [each.follow(inner) for each in turning]
        for carried, value, answer in zip(task.carried, after, self.answers, strict=False):
            leave(region, carried, value, answer)

    def _element(self, operand: Operand, memory: Memory, var: Var, turn: Value) -> Value | Memory:
        """What a turn takes of a sequence."""
        assert operand.view is not None
        body = self.body
        step = operand.view.steps[0]
        place = turn if step == 1 else body.operation("mul nsw", turn, body.constant(I64, step))
        text = f"getelementptr inbounds {memory_type(memory.dtype)}, {memory.pointer}, {place}"
        pointer = body.pure(text, POINTER, memory.pointer, place)
        row = Memory(pointer, var.shape, memory.dtype, (memory.owner, var), body.level)
        if var.size != 1:
            return row
        value = self.region.elements.load(row, identity_place(var.shape))
        return convert(body, value, memory.dtype, var.dtype)

    def _row(self, number: int, turn: Value) -> Memory:
        """The row of a stack."""
        body = self.body
        stack = self.answers[self.task.count + number]
        memory = self.region.elements.memory_of(stack)
        shape = stack.shape[1:]
        size = stack.size // self.task.length
        place = turn if size == 1 else body.operation("mul nsw", turn, body.constant(I64, size))
        text = f"getelementptr inbounds {memory_type(stack.dtype)}, {memory.pointer}, {place}"
        pointer = body.pure(text, POINTER, memory.pointer, place)
        return Memory(pointer, shape, stack.dtype, (stack, "row"), body.level)

    def _rows(self, turn: Value) -> dict[Var, Memory]:
        """Where the outputs of the body are written that are stacked."""
        return {output: self._row(number, turn) for output, number in self.task.rows.items()}

    def _stack(self, inner: Region, turn: Value) -> None:
        """Put what is not in its row yet into the rows of the stacks."""
        for number, output in enumerate(self.program.outputs[self.task.count :]):
            if isinstance(output, Var) and self.task.rows.get(output) == number:
                continue
            stack = self.answers[self.task.count + number]
            if stack.size == 1:
                # There is one turn, which ends where the loop does.
                value = inner.number(output, stack.dtype)
                self.region.put(stack, value._replace(level=min(value.level, self.body.level - 1)))
                continue
            row = self._row(number, turn)
            if prod(output.shape) == 1:
                value = inner.number(output, stack.dtype)
                self.region.elements.store(row, identity_place(row.shape), value)
            elif output.dtype != stack.dtype:
                raise Unsupported(f"{output.dtype} stacked as {stack.dtype}")
            else:
                copy(self.body, inner.memory_of(output), row)


def leave(region: Region, carried: Carried, value: Value | Memory, answer: Var) -> None:
    """Let a carried value be an answer."""
    if isinstance(value, Value):
        region.put(answer, convert(region.body, value, carried.var.dtype, answer.dtype))
    elif carried.way not in ("made", "copied", "kept"):
        copy(region.body, value, region.elements.memory[answer])


class Repeat(Nested):
    """A loop that goes on as long as a program says so."""

    def __init__(self, equation: Equation, nodes: Mapping[Atom, Node]) -> None:
        parameters = equation.parameters
        first = parameters["constants"]
        body = parameters["body"]
        body = prepared(body, body.inputs[first:], parameters["carries"])
        self.condition, self.inner = Inner(parameters["condition"]), Inner(body)
        self.first = first
        self.given = [operand_of(atom, var, nodes) for atom, var in zip(equation.operands, body.inputs, strict=True)]
        kept = keep(self.inner, body.inputs[first:], ())
        self.carried = carries_of(body, body.inputs[first:], range(len(body.outputs)), (), kept)
        buffers, numbers = buffers_in(self.given)
        super().__init__(equation, buffers, numbers)
        self.replaces = replaced(equation, self.carried, self.given[first:], buffers)
        self.own = rounded(max(self.condition.layout.size, self.inner.layout.size))
        self.sizes = [rounded(size) for size in buffer_sizes(self.carried)]
        self.scratch = self.own + 2 * sum(self.sizes)
        self.cost = USUAL * (self.condition.cost + self.inner.cost)

    def write_within(self, region: Region, base: int) -> None:
        body, program = region.body, self.inner.program
        values = [given(region, operand, var) for operand, var in zip(self.given, program.inputs, strict=True)]
        buffers = self._buffers(region, base)
        constants = values[: self.first]
        begin_in_place(region, self.carried, values, self.first, self.equation.answers)
        with body.repeat() as turns:
            turning = [
                Turning(body, carried, within(body, carried, initial), pair)
                for carried, initial, pair in zip(self.carried, values[self.first :], buffers, strict=True)
            ]
            now = [*constants, *(each.value for each in turning)]
            asked_of = self.condition.program
            asking = self.condition.write(region, base, dict(zip(asked_of.inputs, now, strict=True)), {})
            (verdict,) = asked_of.outputs
            body.go_on_if(asked(body, "nonzero", asking.number(verdict), verdict))
            inner = self.inner.write(
                region, base, dict(zip(program.inputs, now, strict=True)), targets_of(self.inner, turning)
            )
            for each in turning:
                each.follow(inner)
        answers = self.equation.answers
        for each, answer in zip(turning, answers, strict=False):
            value = each.before()
            if isinstance(value, Value):
                region.put(answer, convert(body, value, each.carried.var.dtype, answer.dtype))
            else:
                copy(body, value, region.elements.memory[answer])
        region.put(answers[-1], turns._replace(level=turns.level - 1))

    def _buffers(self, region: Region, base: int) -> list[tuple[Value, ...]]:
        """For each carried value, where what it becomes in the first turn is written, and in the second."""
        found: list[tuple[Value, ...]] = []
        place = base + self.own
        for size in self.sizes:
            pair = (place, place + size) if size else ()
            found.append(tuple(in_arena(region.body, region.surroundings, each) for each in pair))
            place += 2 * size
        return found


# --- arrays that are changed in place ---------------------------------------------------------------------------------


def prepared(body: Program, carried: Sequence[Var], carries: int) -> Program:
    """The body of a loop such that it changes what is carried in place, where it can."""
    body = adding_in_place(body)
    pairs = zip(carried, body.outputs[:carries], strict=True)
    return writing_late(body, [pair for pair in pairs if pair[0].size != 1])


def keep(inner: Inner, inputs: Sequence[Var], lenders: Collection[Atom]) -> list[Var]:
    """What is changed in place, of what is carried; the program is told what it has to compute before."""
    kept = []
    outputs = inner.program.outputs
    for var, output in zip(inputs, outputs, strict=False):
        if var.size == 1 or output in lenders or outputs[: len(inputs)].count(output) > 1 or var in outputs:
            continue
        found = changed_in_place(inner.plan, var, output)
        if found is not None and not any(place in outputs for place in found.places[:-1]):
            kept.append(var)
            inner.keep(var, found.places, found.early)
    return kept


def replaced(
    equation: Equation, carried: Sequence[Carried], operands: Sequence[Operand], buffers: Sequence[Atom]
) -> dict[Atom, Atom]:
    """Initial values whose memory may be that of the answers."""
    found: dict[Atom, Atom] = {}
    for each, operand, answer in zip(carried, operands, equation.answers, strict=False):
        if each.way == "kept" and operand.view == own(operand.atom) and buffers.count(operand.atom) == 1:
            found[answer] = operand.atom
    return found


def begin_in_place(
    region: Region, carried: Sequence[Carried], values: list[Value | Memory], first: int, answers: Sequence[Var]
) -> None:
    """Let what is changed in place be where the answer is to be; its places among the values change."""
    for number, (each, answer) in enumerate(zip(carried, answers, strict=False), first):
        value = values[number]
        if each.way == "kept":
            assert isinstance(value, Memory)
            place = region.elements.memory[answer]
            copy(region.body, value, place)
            values[number] = place


def within(body: Body, carried: Carried, value: Value | Memory) -> Value | Memory:
    """A value as the turns of a loop see it, which is written at the innermost level."""
    if carried.way != "kept":
        return value
    assert isinstance(value, Memory)
    return value._replace(owner=carried.var, level=body.level)


#: Turns that a loop which ends by itself is taken to have.
USUAL = 10


def targets_of(inner: Inner, turning: Sequence[Turning]) -> dict[Var, Memory]:
    """Where a turn writes what is carried."""
    found: dict[Var, Memory] = {}
    for each in turning:
        if each.target is not None and each.carried.way == "made":
            assert isinstance(each.carried.output, Var)
            found[each.carried.output] = each.target
        elif each.carried.way == "kept":
            assert isinstance(each.value, Memory)
            found.update((var, each.value._replace(owner=var)) for var in inner.kept[each.carried.var])
    return found


TASKS[Looped] = Loop
TASKS[Repeated] = Repeat
