r"""LLVM's language as text: values, instructions at the loop level where they belong, loops and branches.

Every instruction goes to the outermost loop level at which its operands are known, and none is written twice, so what
does not change in a loop is in front of it. Nothing leaves what may not be run at all, the side of a branch or the
turn of a loop that ends by itself: it could raise floating-point errors. Imports the standard library only.

>>> text = Body()
>>> x = Value("%x", DOUBLE, 0)
>>> with text.loop(10) as i:
...     y = text.operation("fmul", x, text.constant(DOUBLE, 2.0))  # in front of the loop
...     z = text.operation("fadd", y, text.convert("sitofp", i, DOUBLE))
>>> print("\n".join(text.lines()))
%v0 = fmul double %x, 0x4000000000000000
br label %loop1
loop1:
%i1 = phi i64 [ 0, %entry ], [ %next1, %loop1 ]
%v1 = sitofp i64 %i1 to double
%v2 = fadd double %v0, %v1
%next1 = add nuw nsw i64 %i1, 1
%more1 = icmp slt i64 %next1, 10
br i1 %more1, label %loop1, label %after1
after1:
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple


class Type(NamedTuple):
    """A type of LLVM's: a scalar, or a vector of so many lanes."""

    scalar: str
    lanes: int = 1

    def __str__(self) -> str:
        return self.scalar if self.lanes == 1 else f"<{self.lanes} x {self.scalar}>"

    def of(self, lanes: int) -> "Type":
        """The same scalars in so many lanes."""
        return Type(self.scalar, lanes)

    @property
    def is_float(self) -> bool:
        """Whether it holds floating-point numbers."""
        return self.scalar in ("double", "float")


#: The status of a function that gave up.
BAIL = 1

#: What kernels call to split a loop: ``void (ptr function, ptr context, i64 chunks)``. See ``pool_code``.
RUN_CHUNKS = "hd.run_chunks"

_NAME = re.compile(r"%\w+")

DOUBLE, FLOAT, BIT = Type("double"), Type("float"), Type("i1")
I8, I16, I32, I64 = Type("i8"), Type("i16"), Type("i32"), Type("i64")
POINTER = Type("ptr")


class Value(NamedTuple):
    """What an instruction computes.

    Attributes
    ----------
    text : str
        A name such as ``%v3``, or a constant.
    type : Type
    level : int
        The number of loops around the place where it is known.
    """

    text: str
    type: Type
    level: int = 0

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


class Carry(NamedTuple):
    """A value that a loop hands from turn to turn: ``value`` within the loop."""

    value: Value
    initial: Value


class _Level:
    """The lines at one loop level, what is known there, and the name of the block that is being written.

    Instructions go to ``floor`` and further inside.
    """

    def __init__(self, label: str, floor: int = 0) -> None:
        self.floor = floor
        self.lines: list[str] = []
        self.known: dict[Any, Value] = {}
        self.label = label
        self.carries: list[tuple[str, Carry]] = []
        self.following: dict[str, Value] = {}
        self.goes_on = self.turn = ""


class Body:
    """The body of a function as it is written.

    Attributes
    ----------
    declarations : dict
        Lines that declare, or define, what the body calls, by name; each is written once in the module.
    """

    def __init__(self) -> None:
        self.declarations: dict[str, str] = {}
        self._levels = [_Level("entry")]
        self._first: list[str] = []
        self._scratch: dict[Any, Value] = {}
        #: The types of all names, for functions that begin in the middle.
        self._types: dict[str, Type] = {"%slots": POINTER}
        #: The level at which such a function begins, and whether it can be left.
        self._apart: int | None = None
        self._is_left = False
        self._numbers = count()
        self._loops = count(1)

    # --- instructions -------------------------------------------------------------------------------------------------

    def constant(self, kind: Type, value: Any) -> Value:
        """A number, the same in all lanes."""
        text = written(kind.scalar, value)
        return Value(text if kind.lanes == 1 else _all(kind, text), kind)

    def operation(self, opcode: str, *operands: Value) -> Value:
        """An instruction whose answer has the type of its operands, such as ``fadd``, with flags or without."""
        kind = operands[0].type
        return self.pure(f"{opcode} {kind} {', '.join([operand.text for operand in operands])}", kind, *operands)

    def compare(self, predicate: str, x: Value, y: Value) -> Value:
        """Bits: ``oeq``, ``olt`` and so on for floating-point numbers, ``eq``, ``slt`` and so on for integers."""
        opcode = "fcmp" if x.type.is_float else "icmp"
        return self.pure(f"{opcode} {predicate} {x}, {y.text}", BIT.of(x.type.lanes), x, y)

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        """``x`` where the condition holds, else ``y``."""
        answer = self.pure(f"select {condition}, {x}, {y}", x.type, condition, x, y)
        known = "%" in condition.text and not ("%" in x.text and "%" in y.text)
        return self.opaque(answer) if known else answer

    def convert(self, opcode: str, value: Value, kind: Type) -> Value:
        """Another scalar type in as many lanes: ``sitofp``, ``fptrunc``, ``bitcast``, ``zext`` and so on."""
        kind = kind.of(value.type.lanes)
        return self.pure(f"{opcode} {value} to {kind}", kind, value)

    def opaque(self, value: Value) -> Value:
        """The same floating-point number, of which LLVM does not see that it is one of a few; any other value itself.

        Else LLVM would do what is done with it once for each of those, and nobody would hear of the errors in that.
        """
        kind = value.type
        if not kind.is_float:
            return value
        return self.call(intrinsic("arithmetic.fence", kind), kind, value)

    def call(self, name: str, kind: Type, *arguments: Value, declared: str | None = None) -> Value:
        """A call of a function without effects, declared as its arguments are, or as given."""
        types = ", ".join(str(argument.type) for argument in arguments)
        self.declarations.setdefault(name, declared or f"declare {kind} @{name}({types}) memory(none) nounwind")
        inside = ", ".join(map(str, arguments))
        return self.pure(f"call {kind} @{name}({inside})", kind, *arguments)

    def splat(self, value: Value, lanes: int) -> Value:
        """The same number in all lanes; a value of that many lanes itself."""
        if value.type.lanes == lanes:
            return value
        kind = value.type.of(lanes)
        if value.text[0] != "%":
            return Value(_all(kind, value.text), kind)
        first = self.pure(f"insertelement {kind} poison, {value}, i64 0", kind, value)
        zeros = f"<{lanes} x i32> zeroinitializer"
        return self.pure(f"shufflevector {first}, {kind} poison, {zeros}", kind, first)

    def part(self, value: Value, first: int, lanes: int) -> Value:
        """Some lanes next to each other; a scalar where it is one."""
        if lanes == value.type.lanes:
            return value
        if lanes == 1:
            return self.pure(f"extractelement {value}, i64 {first}", value.type.of(1), value)
        return self.shuffle(value, value, range(first, first + lanes))

    def shuffle(self, x: Value, y: Value, lanes: Sequence[int]) -> Value:
        """Lanes of two values, one after the other, in another order."""
        order = ", ".join(f"i32 {i}" for i in lanes)
        return self.pure(f"shufflevector {x}, {y}, <{len(lanes)} x i32> <{order}>", x.type.of(len(lanes)), x, y)

    def join(self, parts: Sequence[Value]) -> Value:
        """The lanes of values of one type, one after another; there is a power of two of them."""
        parts = list(parts)
        if parts[0].type.lanes == 1 and len(parts) > 1:
            kind = parts[0].type.of(len(parts))
            joined = Value("poison", kind)
            for i, part in enumerate(parts):
                joined = self.pure(f"insertelement {joined}, {part}, i64 {i}", kind, joined, part)
            return joined
        while len(parts) > 1:
            width = 2 * parts[0].type.lanes
            parts = [self.shuffle(x, y, range(width)) for x, y in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    def pure(self, text: str, kind: Type, *operands: Value, level: int = 0, key: Any = None) -> Value:
        """The answer of any instruction without effects; with a ``key``, it is the same where text and key are."""
        for operand in operands:
            if operand.level > level:
                level = operand.level
        level = max(level, self._levels[-1].floor)
        place = self._levels[level]
        name = place.known.get((text, key))
        if name is None:
            name = place.known[text, key] = self._named("v", kind, level)
            place.lines.append(f"{name.text} = {text}")
        return name

    def scratch(self, kind: Type, count: int, key: Any) -> Value:
        """Memory for so many scalars on the stack, the same for the same key; few, as the stack is small."""
        name = self._scratch.get(key)
        if name is None:
            name = self._scratch[key] = self._named("m", POINTER, self._apart or 0)
            self._first.append(f"{name.text} = alloca [{count} x {kind}], align 64")
        return name

    def _named(self, letter: str, kind: Type, level: int) -> Value:
        """A new name."""
        name = Value(f"%{letter}{next(self._numbers)}", kind, level)
        self._types[name.text] = kind
        return name

    def _counter(self, number: int) -> Value:
        name = f"%i{number}"
        self._types[name] = I64
        return Value(name, I64, self.level)

    def effect(self, text: str) -> None:
        """An instruction without an answer, at the innermost level."""
        self._levels[-1].lines.append(text)

    def fresh(self, text: str, kind: Type) -> Value:
        """The answer of an instruction with effects, at the innermost level."""
        name = self._named("v", kind, self.level)
        self._levels[-1].lines.append(f"{name.text} = {text}")
        return name

    # --- control ------------------------------------------------------------------------------------------------------

    @property
    def level(self) -> int:
        """The number of loops around."""
        return len(self._levels) - 1

    @contextmanager
    def loop(self, turns: int | Value) -> Iterator[Value]:
        """A loop that is run at least once; its counter, from 0."""
        number = next(self._loops)
        name = f"loop{number}"
        self._enter(name)
        yield self._counter(number)
        inner = self._levels.pop()
        outer = self._levels[-1]
        if isinstance(turns, Value):
            assert turns.level < len(self._levels)
        lines = outer.lines
        self._write_head(name, number, inner, inner.label)
        lines += inner.lines
        lines.append(f"%next{number} = add nuw nsw i64 %i{number}, 1")
        bound = turns.text if isinstance(turns, Value) else turns
        lines.append(f"%more{number} = icmp slt i64 %next{number}, {bound}")
        lines.append(f"br i1 %more{number}, label %{name}, label %after{number}")
        outer.label = f"after{number}"
        lines.append(f"{outer.label}:")

    def _enter(self, label: str, *, may_be_run: bool = False) -> None:
        """Begin a level."""
        self._levels.append(_Level(label, len(self._levels) if may_be_run else self._levels[-1].floor))

    def _write_head(self, name: str, number: int, head: _Level, back: str) -> None:
        """The beginning of a loop, to which the block ``back`` goes back."""
        outer = self._levels[-1]
        lines = outer.lines
        lines += [
            f"br label %{name}",
            f"{name}:",
            f"%i{number} = phi i64 [ 0, %{outer.label} ], [ %next{number}, %{back} ]",
        ]
        for carried, carry in head.carries:
            following = head.following.get(carried, carry.value)
            lines.append(
                f"{carried} = phi {carry.initial.type} [ {carry.initial.text}, %{outer.label} ], "
                f"[ {following.text}, %{back} ]"
            )

    @contextmanager
    def repeat(self) -> Iterator[Value]:
        """A loop that goes on as long as what `go_on_if` is told is so; its counter, from 0.

        What comes before `go_on_if` is run once more than what comes after it.
        """
        number = next(self._loops)
        name, turn = f"loop{number}", f"turn{number}"
        self._enter(name)
        self._levels[-1].turn = turn
        depth = len(self._levels)
        yield self._counter(number)
        assert len(self._levels) == depth + 1
        inner, head = self._levels.pop(), self._levels.pop()
        outer = self._levels[-1]
        self._write_head(name, number, head, inner.label)
        outer.lines += [
            *head.lines,
            f"br i1 {head.goes_on}, label %{turn}, label %after{number}",
            f"{turn}:",
            *inner.lines,
            f"%next{number} = add nuw nsw i64 %i{number}, 1",
            f"br label %{name}",
            f"after{number}:",
        ]
        outer.label = f"after{number}"

    def go_on_if(self, condition: Value) -> None:
        """Let a loop of `repeat` end where a bit is not set."""
        self._levels[-1].goes_on = condition.text
        self._enter(self._levels[-1].turn, may_be_run=True)

    def branch(
        self, condition: Value, true: Callable[[], Sequence[Value]], false: Callable[[], Sequence[Value]]
    ) -> list[Value]:
        """Run what one of two functions writes; the values that this one returns."""
        number = next(self._loops)
        outer = self._levels[-1]
        sides: list[tuple[_Level, Sequence[Value]]] = []
        for label, write in ((f"true{number}", true), (f"false{number}", false)):
            self._enter(label, may_be_run=True)
            values = write()
            sides.append((self._levels.pop(), values))
        lines = outer.lines
        lines.append(f"br i1 {condition.text}, label %true{number}, label %false{number}")
        for label, (side, _) in zip(("true", "false"), sides, strict=True):
            lines += [f"{label}{number}:", *side.lines, f"br label %after{number}"]
        outer.label = f"after{number}"
        lines.append(f"{outer.label}:")
        found = []
        for pair in zip(sides[0][1], sides[1][1], strict=True):
            name = self._named("v", pair[0].type, self.level)
            ends = [f"[ {value.text}, %{side.label} ]" for value, (side, _) in zip(pair, sides, strict=True)]
            lines.append(f"{name.text} = phi {name.type} {', '.join(ends)}")
            found.append(name)
        return found

    def carry(self, initial: Value) -> Carry:
        """A value that the innermost loop hands from turn to turn."""
        value = self._named("c", initial.type, self.level)
        carry = Carry(value, initial)
        self._levels[-1].carries.append((value.text, carry))
        return carry

    def update(self, carry: Carry, value: Value) -> Value:
        """Let the next turn find this value; what it is called after the loop, if that is not one of `repeat`."""
        self._levels[carry.value.level].following[carry.value.text] = value
        return Value(value.text, value.type, carry.value.level - 1)

    def leave_if(self, condition: Value, status: int) -> None:
        """Return a status from the function where a bit is set, as soon as it is known."""
        place = max(condition.level, self._levels[-1].floor)
        level = self._levels[place]
        number = next(self._loops)
        leave = [f"ret i32 {status}"]
        if self._apart is not None and place >= self._apart:
            self._is_left = True
            leave = [f"store atomic i32 {status}, ptr %context monotonic, align 4", "ret void"]
        level.lines += [
            f"br i1 {condition.text}, label %leave{number}, label %after{number}",
            f"leave{number}:",
            *leave,
            f"after{number}:",
        ]
        level.label = f"after{number}"

    # --- functions apart ----------------------------------------------------------------------------------------------

    @property
    def is_together(self) -> bool:
        """Whether no function of `apart` is being written."""
        return self._apart is None

    @contextmanager
    def apart(self, name: str, chunks: int) -> Iterator[tuple[Value, Value]]:
        """A function of its own that threads share: it is called for all chunks, each in one of the ranges of chunks.

        It finds what it knows from outside in memory. Where it is left, so is this function, after all chunks.

        Parameters
        ----------
        name : str
        chunks : int

        Yields
        ------
        tuple of Value
            Where a range of chunks begins, and where the next does.
        """
        assert self._apart is None
        outside = self._first, self._scratch
        self._first, self._scratch = [], {}
        self._enter("entry")
        self._apart, self._is_left = self.level, False
        yield Value("%first", I64, self.level), Value("%last", I64, self.level)
        inner = self._levels.pop()
        lines = [*self._first, *inner.lines]
        self._first, self._scratch = outside
        self._apart = None
        defined = {line.split(" = ", 1)[0] for line in lines}
        used = dict.fromkeys(found for line in lines for found in _NAME.findall(line))
        values = [Value(text, self._types[text]) for text in used if text in self._types and text not in defined]
        size = 8 * sum(value.type.lanes for value in values)
        context = self.scratch(I8, 8 + size, key=("context", size))
        self.effect(f"store i32 0, {context}, align 8")
        offset, loads = 8, []
        for value in values:
            place = f"getelementptr inbounds i8, ptr {context.text}, i64 {offset}"
            address = self.pure(place, POINTER, context)
            self.effect(f"store {value}, {address}, align 8")
            loads += [
                f"{value.text}.at = getelementptr inbounds i8, ptr %context, i64 {offset}",
                f"{value.text} = load {value.type}, ptr {value.text}.at, align 8",
            ]
            offset += 8 * value.type.lanes
        # Vectors that registers do not hold would be in two lines of the cache each, where the stack is not aligned.
        head = f"define internal void @{name}(ptr noalias %context, i64 %first, i64 %last) alignstack(64) {{"
        self.declarations[name] = "\n".join([head, "entry:", *loads, *lines, "ret void", "}"])
        self.declarations[RUN_CHUNKS] = f"declare void @{RUN_CHUNKS}(ptr, ptr, i64)"
        self.effect(f"call void @{RUN_CHUNKS}(ptr @{name}, {context}, i64 {chunks})")
        if self._is_left:
            status = self.fresh(f"load i32, {context}, align 8", I32)
            self.leave_if(self.compare("ne", status, self.constant(I32, 0)), BAIL)

    def lines(self) -> list[str]:
        """All lines, when no loop is open."""
        (level,) = self._levels
        return self._first + level.lines


def intrinsic(name: str, kind: Type) -> str:
    """Name of an intrinsic function of LLVM for a type.

    >>> intrinsic("sqrt", DOUBLE.of(4))
    'llvm.sqrt.v4f64'
    """
    scalar = {"double": "f64", "float": "f32"}.get(kind.scalar, kind.scalar)
    return f"llvm.{name}.{scalar}" if kind.lanes == 1 else f"llvm.{name}.v{kind.lanes}{scalar}"


def written(scalar: str, value: Any) -> str:
    """A number as LLVM writes it, exactly."""
    if scalar == "double":
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    if scalar == "float":  # as the double of the same value
        single = struct.unpack("<f", struct.pack("<f", value))[0]
        return f"0x{struct.unpack('<Q', struct.pack('<d', single))[0]:016X}"
    if scalar == "i1":
        return "true" if value else "false"
    return "null" if scalar == "ptr" else str(int(value))


def _all(kind: Type, text: str) -> str:
    if text in ("0", "false", "0x0000000000000000"):
        return "zeroinitializer"
    return f"<{', '.join([f'{kind.scalar} {text}'] * kind.lanes)}>"
