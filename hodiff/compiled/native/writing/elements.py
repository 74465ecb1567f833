r"""Elements of values at one place of the loops: loaded, or computed from others, each once.

May import ``errors``, ``ir``, ``lowering``, ``nodes``, ``planning`` and ``program``.

>>> from hodiff.ops.elementwise import negative
>>> from hodiff.program import Equation, Var
>>> x, y = Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
>>> plan = Plan([x], [Equation(negative, (x,), {}, (y,))], [])
>>> body, axis = Body(), Axis(3)
>>> elements = Elements(body, plan, {x: Memory(Value("%x", POINTER), (3,), np.dtype(float))})
>>> elements.go_to(axis, body.constant(I64, 1), 2)
>>> elements.element(y, (Affine.of(axis),)).type
Type(scalar='double', lanes=2)
>>> print("\n".join(body.lines()))
%v0 = getelementptr inbounds double, ptr %x, i64 1
%v1 = load <2 x double>, ptr %v0, align 8
%v2 = fneg <2 x double> %v1
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.native.ir import BAIL, BIT, I8, I64, POINTER, Body, Type, Value
from hodiff.compiled.native.plans.nodes import InMemory, Looked, Node, Read, register_type, same_lanes
from hodiff.compiled.native.plans.planning import Plan
from hodiff.lowering import Affine, Axis, Index
from hodiff.program import Atom, Literal

#: LLVM's short names of scalar types, in the names of its functions.
_SHORT = {"double": "f64", "float": "f32", "i64": "i64", "i32": "i32", "i16": "i16", "i8": "i8"}


class Memory(NamedTuple):
    """Where an array is.

    Attributes
    ----------
    pointer : Value
    shape : tuple of int
    dtype : dtype
    owner : object
        What is in it; another owner may come after it.
    level : int
        The number of loops in which it is written again and again.
    steps : tuple of int, optional
        Elements from one to the next along each axis; without it, they are in order.
    """

    pointer: Value
    shape: tuple[int, ...]
    dtype: Any
    owner: Any = None
    level: int = 0
    steps: tuple[int, ...] | None = None

    def place(self, index: Index) -> Affine:
        """Number of the element at an index."""
        found = Affine(0)
        if self.steps is not None:
            for entry, step in zip(index, self.steps, strict=True):
                found = found + entry * step
            return found
        for entry, length in zip(index, self.shape, strict=True):
            found = found * length + entry
        return found


class Elements:
    """What is known at the place where the loops are.

    Parameters
    ----------
    body : Body
    plan : Plan
    memory : dict
        Where values are.
    literal : callable, optional
        ``literal(array)``: where an array of the program is.
    """

    def __init__(
        self, body: Body, plan: Plan, memory: dict[Atom, Memory], literal: Callable[[Any], Memory] | None = None
    ) -> None:
        self.body = body
        self.plan = plan
        self.memory = memory
        #: Numbers, and arrays of one element, that no loop changes.
        self.registers: dict[Atom, Value] = {}
        self._literal = literal
        self._known: dict[Read, Value] = {}
        self._places: dict[Axis, tuple[Value, int]] = {}
        self._base = body.level
        #: Whether arrays are read as batches have them, where there are two of them; None outside of loops.
        self.by_columns: bool | None = None

    # --- places -------------------------------------------------------------------------------------------------------

    def go_to(self, axis: Axis, place: Value, lanes: int = 1) -> None:
        """Be at a place on an axis, or at that and those that follow."""
        self._places[axis] = place, lanes
        self._known = {}

    def leave(self) -> None:
        """Be at no place."""
        self._known = {}

    def lanes_at(self, axis: Axis) -> int:
        """How many places on an axis the loops are at."""
        return self._places[axis][1]

    def let(self, atom: Atom, index: Index, value: Value) -> None:
        """Note an element that was computed."""
        self._known[atom, index] = value

    def memory_of(self, atom: Atom, index: Index = ()) -> Memory:
        """Where a value is, as it is best read from here."""
        twin = None if isinstance(index, InMemory) else self.plan.columns.get(atom)
        by_columns = atom in self.plan.turned
        if self.by_columns is not None:
            # What is read at a place that no loop moves may not have been copied.
            by_columns = self.by_columns and (by_columns or (len(index) > 1 and bool(index[0].terms)))
        return self.memory[atom if twin is None or not by_columns else twin]

    # --- elements -----------------------------------------------------------------------------------------------------

    def element(self, atom: Atom, index: Index) -> Value:
        """An element, or several next to each other."""
        known = self._known
        waiting = [(atom, index)]
        while waiting:
            read = waiting[-1]
            if read in known:
                waiting.pop()
                continue
            node = self._inside(read[0])
            if node is None:
                known[read] = self._found(*read)
                continue
            reads = node.reads(read[1])
            missing = [r for r in reads if r not in known]
            if missing:
                waiting += missing
                continue
            values = [known[r] for r in reads]
            if isinstance(node, Looked):
                value = self._looked_up(node, read[1], values)
            else:
                value = node.write(self.body, read[1], values)
            known[read] = value
            if value.level <= self._base and prod(read[0].shape) == 1:
                self.registers[read[0]] = value
        return known[atom, index]

    def computed(self, node: Node, index: Index) -> Value:
        """The element of what has a buffer, before it is there."""
        values = [self.element(*read) for read in node.reads(index)]
        if isinstance(node, Looked):
            return self._looked_up(node, index, values)
        return node.write(self.body, index, values)

    def _looked_up(self, node: Looked, index: Index, values: Sequence[Value]) -> Value:
        """Elements at positions that are numbers of the program; where one is out of range, the kernel gives up."""
        body, source = self.body, node.source
        memory = (
            self.literal(source.value)
            if isinstance(source, Literal)
            else self.memory_of(source, InMemory((Affine(0),) * len(source.shape)))
        )
        before, behind = node.around(index)
        middle = (Affine(0),) * len(values)
        place = memory.place((*before, *middle, *behind))
        step, lanes = self._step(place)
        offset: Value | None = None
        for slot, value in enumerate(values):
            axis = node.first + slot
            count = prod(memory.shape[axis + 1 :])
            position = in_range(body, value, node.equation.operands[1 + slot].dtype, memory.shape[axis])
            part = body.operation("mul nsw", position, body.constant(position.type, count))
            offset = part if offset is None else body.operation("add nsw", *same_lanes(body, (offset, part)))
        assert offset is not None
        kind = memory_type(memory.dtype)
        address = self._address(memory, kind, place)
        if offset.type.lanes == 1:
            text = f"getelementptr inbounds {kind}, {address}, {offset}"
            moved = body.pure(text, POINTER, address, offset)
            if step not in (0, 1):
                return self._bits(memory, self._gathered(memory, kind.of(lanes), moved, step))
            return self._bits(memory, self._load(memory, kind.of(lanes if step else 1), moved))
        lanes = offset.type.lanes
        if step:
            along = ", ".join(f"i64 {step * lane}" for lane in range(lanes))
            offset = body.operation("add nsw", offset, Value(f"<{along}>", offset.type))
        text = f"getelementptr inbounds {kind}, {address}, {offset}"
        pointers = body.pure(text, POINTER.of(lanes), address, offset)
        return self._bits(memory, self._from(memory, kind.of(lanes), pointers))

    def _gathered(self, memory: Memory, kind: Type, address: Value, step: int) -> Value:
        """Elements as far from each other."""
        places = ", ".join(f"i64 {step * lane}" for lane in range(kind.lanes))
        text = f"getelementptr {kind.scalar}, {address}, <{kind.lanes} x i64> <{places}>"
        return self._from(memory, kind, self.body.pure(text, POINTER.of(kind.lanes), address))

    def _from(self, memory: Memory, kind: Type, pointers: Value) -> Value:
        """Elements that are anywhere."""
        bits, size = BIT.of(kind.lanes), memory.dtype.itemsize
        name = f"llvm.masked.gather.v{kind.lanes}{_SHORT[kind.scalar]}.v{kind.lanes}p0"
        self.body.declarations.setdefault(name, f"declare {kind} @{name}({pointers.type}, i32, {bits}, {kind})")
        every = self.body.constant(bits, True)
        text = f"call {kind} @{name}({pointers}, i32 {size}, {every}, {kind} poison)"
        return self.body.pure(text, kind, pointers, level=memory.level, key=memory.owner)

    def _inside(self, atom: Atom) -> Node | None:
        """The node of what is computed where it is read."""
        if atom in self.registers or isinstance(atom, Literal) or atom in self.plan.stored:
            return None
        return self.plan.nodes.get(atom)

    def _found(self, atom: Atom, index: Index) -> Value:
        """What is in a register, in memory, or written in the program."""
        register = self.registers.get(atom)
        if register is not None:
            return register
        if isinstance(atom, Literal):
            value = self._of_literal(atom, index)
            if isinstance(value, Value):
                return value
            if not (self.by_columns and atom in self.plan.columns and index[0].terms) or isinstance(index, InMemory):
                return self.load(value, index)
        return self.load(self.memory_of(atom, index), index)

    def _of_literal(self, literal: Literal, index: Index) -> Value | Memory:
        value = literal.value
        kind = register_type(literal.dtype)
        if not literal.shape:
            return self.body.constant(kind, np.asarray(value)[()])
        if not any(value.strides):
            return self.body.constant(kind, value.flat[0])
        fixed = [self._fixed(entry) for entry in index]
        if None not in fixed:
            return self.body.constant(kind, value[tuple(fixed)])
        return self.literal(value)

    def literal(self, array: Any) -> Memory:
        """Where an array of the program is."""
        assert self._literal is not None
        return self._literal(array)

    def _fixed(self, entry: Affine) -> int | None:
        """The value of an index that is the same at every place; None of any other."""
        value = entry.constant
        for axis, factor in entry.terms:
            place, lanes = self._places[axis]
            if lanes > 1 or place.text[0] == "%":
                return None
            value += factor * int(place.text)
        return value

    # --- memory -------------------------------------------------------------------------------------------------------

    def load(self, memory: Memory, index: Index) -> Value:
        """An element from memory, or as many as the loops are at."""
        place = memory.place(index)
        step, lanes = self._step(place)
        kind = memory_type(memory.dtype)
        if step == 0:
            return self._bits(memory, self._load(memory, kind, self._address(memory, kind, place)))
        if step == 1:
            return self._bits(memory, self._load(memory, kind.of(lanes), self._address(memory, kind, place)))
        parts = [self._load(memory, kind, self._address(memory, kind, place + step * lane)) for lane in range(lanes)]
        return self._bits(memory, self.body.join(parts))

    def store(self, memory: Memory, index: Index, value: Value) -> None:
        """Put an element into memory, or as many as the loops are at."""
        place = memory.place(index)
        step, lanes = self._step(place)
        kind = memory_type(memory.dtype)
        if memory.dtype.kind == "b":
            value = self.body.convert("zext", value, I8)
        if step == 0:
            value = self.body.part(value, 0, 1) if value.type.lanes > 1 else value
            lanes = 1
        value = self.body.splat(value, lanes)
        size = memory.dtype.itemsize
        if step == 1 or lanes == 1:
            self.body.effect(f"store {value}, ptr {self._address(memory, kind, place).text}, align {size}")
            return
        for lane in range(lanes):
            part = self.body.part(value, lane, 1)
            address = self._address(memory, kind, place + step * lane)
            self.body.effect(f"store {part}, ptr {address.text}, align {size}")

    def present(self, memory: Memory, index: Index) -> Value:
        """What is in memory at this moment, though the loops change it."""
        place = memory.place(index)
        step, lanes = self._step(place)
        assert step == 1 or lanes == 1
        kind = memory_type(memory.dtype).of(lanes if step else 1)
        address = self._address(memory, memory_type(memory.dtype), place)
        value = self.body.fresh(f"load {kind}, ptr {address.text}, align {memory.dtype.itemsize}", kind)
        return self._bits(memory, value)

    def lanes_of(self, memory: Memory, index: Index) -> int:
        """How many elements the loops are at."""
        step, lanes = self._step(memory.place(index))
        return lanes if step else 1

    def _load(self, memory: Memory, kind: Type, address: Value) -> Value:
        text = f"load {kind}, ptr {address.text}, align {memory.dtype.itemsize}"
        return self.body.pure(text, kind, address, level=memory.level, key=memory.owner)

    def _bits(self, memory: Memory, value: Value) -> Value:
        if memory.dtype.kind != "b":
            return value
        return self.body.compare("ne", value, self.body.constant(value.type, 0))

    def _step(self, place: Affine) -> tuple[int, int]:
        """How far one lane is from the next, and how many lanes there are."""
        for axis, factor in place.terms:
            lanes = self._places[axis][1]
            if lanes > 1:
                return factor, lanes
        return 0, 1

    def _address(self, memory: Memory, kind: Type, place: Affine) -> Value:
        constant = place.constant
        offset: Value | None = None
        body = self.body
        terms = []
        for axis, factor in place.terms:
            value = self._places[axis][0]
            if value.text[0] == "%":
                terms.append((value, factor))
            else:
                constant += factor * int(value.text)
        for value, factor in sorted(terms, key=lambda term: term[0].level):
            part = value if factor == 1 else body.operation("mul nsw", value, body.constant(I64, factor))
            offset = part if offset is None else body.operation("add nsw", offset, part)
        pointer = memory.pointer
        if offset is not None:
            pointer = body.pure(f"getelementptr inbounds {kind}, {pointer}, {offset}", POINTER, pointer, offset)
        if constant:
            pointer = body.pure(f"getelementptr inbounds {kind}, {pointer}, i64 {constant}", POINTER, pointer)
        return pointer


def in_range(body: Body, value: Value, dtype: Any, length: int) -> Value:
    """A position in an array, counted from its end where it is negative; the kernel gives up where there is none."""
    wide = value if value.type.scalar == "i64" else body.convert("sext" if dtype.kind == "i" else "zext", value, I64)
    end = body.constant(wide.type, length)
    if dtype.kind == "i":
        negative = body.compare("slt", wide, body.constant(wide.type, 0))
        wide = body.select(negative, body.operation("add", wide, end), wide)
    wrong = body.compare("uge", wide, end)
    if wrong.type.lanes > 1:
        name = f"llvm.vector.reduce.or.v{wrong.type.lanes}i1"
        wrong = body.call(name, BIT, wrong, declared=f"declare i1 @{name}({wrong.type})")
    body.leave_if(wrong, BAIL)
    return wide


def memory_type(dtype: Any) -> Type:
    """The type of an element in memory: a bit takes a byte."""
    kind = register_type(dtype)
    return I8 if kind == BIT else kind
