"""Functions on vectors: how they are written, defined once a width, and called.

A function is written by a *formula*: a Python function from `Lanes` (numbers in the lanes of a vector, with operators
that write instructions) to `Lanes`. Formulas are free of branches but for one kind: where the plain formula cannot do
some lanes, a function of the C library does those, one after the other (see `Mended`).

An element gets the same bits in any lane of any width, since no formula looks at its neighbours. Flags of floating
point are raised as NumPy raises them, but for ``underflow``, which may come from squares of small numbers. So a formula
puts harmless numbers in place of those that would raise; not the neutral one, such as 1 in a quotient: there, LLVM
would choose after the operation instead. May import ``ir`` and ``machine``.

>>> from hodiff.compiled.native.ir import DOUBLE, Body, Value
>>> body = Body()
>>> @formula("twice")
... def twice(x: Lanes) -> Lanes:
...     return x + x
>>> answer = call(body, "twice", Value("%y", DOUBLE.of(2)))
>>> print(*body.lines())
%v0 = call <2 x double> @hd.twice.2(<2 x double> %y)
>>> print(body.declarations["hd.twice.2"])
define internal <2 x double> @hd.twice.2(<2 x double> %x0) alwaysinline nounwind memory(none) {
entry:
%v0 = fadd <2 x double> %x0, %x0
ret <2 x double> %v0
}
"""

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from hodiff.compiled.native.ir import BIT, DOUBLE, FLOAT, I8, I32, I64, Body, Type, Value, intrinsic
from hodiff.compiled.native.loading.machine import machine

#: Lanes of the widest function that is defined: wider blocks are done in parts, so that values stay in registers.
WIDEST = 16

#: All bits of a double but its sign.
MAGNITUDE = (1 << 63) - 1


def bits_of(number: float) -> int:
    """The bits of a double as an integer."""
    return int(struct.unpack("<q", struct.pack("<d", number))[0])


class Lanes:
    """Numbers, integers or bits in the lanes of a vector; operators write instructions and take plain numbers too.

    Integers are signed where they are compared by ``<`` and ``>``, and ``>>`` shifts zeros in.
    """

    __slots__ = ("text", "value")

    def __init__(self, text: Body, value: Value) -> None:
        self.text = text
        self.value = value

    def __repr__(self) -> str:
        return f"<Lanes {self.value}>"

    def constant(self, number: float) -> "Lanes":
        """A number of the same type in all lanes."""
        return Lanes(self.text, self.text.constant(self.value.type, number))

    def _operand(self, other: "Lanes | float") -> Value:
        return other.value if isinstance(other, Lanes) else self.text.constant(self.value.type, other)

    def _operation(self, opcode: str, *others: "Lanes | float") -> "Lanes":
        operands = [self._operand(other) for other in others]
        return Lanes(self.text, self.text.operation(opcode, self.value, *operands))

    def _arithmetic(self, opcode: str, *others: "Lanes | float") -> "Lanes":
        return self._operation(f"f{opcode}" if self.value.type.is_float else opcode, *others)

    def __add__(self, other: "Lanes | float") -> "Lanes":
        return self._arithmetic("add", other)

    def __sub__(self, other: "Lanes | float") -> "Lanes":
        return self._arithmetic("sub", other)

    def __mul__(self, other: "Lanes | float") -> "Lanes":
        return self._arithmetic("mul", other)

    def __truediv__(self, other: "Lanes | float") -> "Lanes":
        return self._operation("fdiv", other)

    def __rsub__(self, other: float) -> "Lanes":
        return self.constant(other) - self

    def __rtruediv__(self, other: float) -> "Lanes":
        return self.constant(other) / self

    def __neg__(self) -> "Lanes":
        return self._operation("fneg")

    def __and__(self, other: "Lanes | int") -> "Lanes":
        return self._operation("and", other)

    def __or__(self, other: "Lanes | int") -> "Lanes":
        return self._operation("or", other)

    def __xor__(self, other: "Lanes | int") -> "Lanes":
        return self._operation("xor", other)

    def __lshift__(self, other: int) -> "Lanes":
        return self._operation("shl", other)

    def __rshift__(self, other: int) -> "Lanes":
        return self._operation("lshr", other)

    def __invert__(self) -> "Lanes":
        return self._operation("xor", -1)

    def compared(self, predicate: str, other: "Lanes | float") -> "Lanes":
        """Bits: where a comparison holds, named as LLVM names it; that of NaN raises no flag."""
        other = Lanes(self.text, self._operand(other))
        if self.value.type.is_float and predicate[1:] in ("lt", "le", "gt", "ge"):
            return self._compared_quietly(predicate, other)
        return Lanes(self.text, self.text.compare(predicate, self.value, other.value))

    def _compared_quietly(self, predicate: str, other: "Lanes") -> "Lanes":
        # The plain instruction becomes one that signals NaN where there are two, as on x86.
        return self._constrained("fcmp", other, BIT, predicate, "fpexcept.ignore")

    def compared_aloud(self, predicate: str, other: "Lanes") -> "Lanes":
        """Bits: where a comparison holds; that of NaN raises ``invalid``."""
        return self._constrained("fcmps", other, BIT, predicate, "fpexcept.strict")

    def raising_quotient(self, divisor: "Lanes") -> "Lanes":
        """A quotient that is taken for the error it may raise, whatever LLVM knows of it."""
        return self._constrained("fdiv", divisor, self.value.type, "round.tonearest", "fpexcept.strict")

    def raising_integer(self, kind: Type) -> "Lanes":
        """An integer with a sign, rounded to zero; what does not fit is what the machine makes of it, aloud."""
        value = self.value
        kind = kind.of(value.type.lanes)
        name = f"{intrinsic('experimental.constrained.fptosi', kind)}.{intrinsic('', value.type).rpartition('.')[2]}"
        self.text.declarations.setdefault(name, f"declare {kind} @{name}({value.type}, metadata)")
        return Lanes(
            self.text, self.text.pure(f'call {kind} @{name}({value}, metadata !"fpexcept.strict")', kind, value)
        )

    def _constrained(self, operation: str, other: "Lanes", answer: Type, how: str, errors: str) -> "Lanes":
        """An operation of which LLVM knows that it raises errors."""
        kind = self.value.type
        name, answer = intrinsic(f"experimental.constrained.{operation}", kind), answer.of(kind.lanes)
        self.text.declarations.setdefault(name, f"declare {answer} @{name}({kind}, {kind}, metadata, metadata)")
        arguments = f'{self.value}, {other.value}, metadata !"{how}", metadata !"{errors}"'
        return Lanes(self.text, self.text.pure(f"call {answer} @{name}({arguments})", answer, self.value, other.value))

    def __lt__(self, other: "Lanes | float") -> "Lanes":
        return self.compared("olt" if self.value.type.is_float else "slt", other)

    def __gt__(self, other: "Lanes | float") -> "Lanes":
        return self.compared("ogt" if self.value.type.is_float else "sgt", other)

    def equals(self, other: "Lanes | float") -> "Lanes":
        """Bits: where two are equal."""
        return self.compared("oeq" if self.value.type.is_float else "eq", other)

    def exceeds(self, other: "Lanes | float") -> "Lanes":
        """Bits: where an integer without a sign is greater."""
        return self.compared("ugt", other)

    @property
    def is_nan(self) -> "Lanes":
        """Bits: where a number is NaN."""
        return self.compared("uno", self)

    @property
    def bits(self) -> "Lanes":
        """The bits of floating-point numbers, as integers."""
        kind = I64 if self.value.type.scalar == "double" else I32
        return Lanes(self.text, self.text.convert("bitcast", self.value, kind))

    @property
    def double(self) -> "Lanes":
        """Doubles of these bits."""
        return Lanes(self.text, self.text.convert("bitcast", self.value, DOUBLE))

    @property
    def single(self) -> "Lanes":
        """Numbers of single precision of these bits."""
        return Lanes(self.text, self.text.convert("bitcast", self.value, FLOAT))

    @property
    def magnitude(self) -> "Lanes":
        """The bits of a number without its sign: in the order of the absolute values, NaN last."""
        return self.bits & (MAGNITUDE if self.value.type.scalar == "double" else MAGNITUDE >> 32)

    def at_least(self, least: float) -> "Lanes":
        """The number or another, whichever is greater; for numbers that are not NaN, in one instruction."""
        other = self.text.constant(self.value.type, least)
        return Lanes(self.text, self.text.select(self.text.compare("ogt", self.value, other), self.value, other))

    def choose(self, x: "Lanes | float", y: "Lanes | float") -> "Lanes":
        """``x`` where a bit is set, else ``y``; one of them is no plain number, or both are doubles."""
        like = x if isinstance(x, Lanes) else y
        if not isinstance(like, Lanes):
            like = Lanes(self.text, self.text.constant(DOUBLE.of(self.value.type.lanes), 0.0))
        return Lanes(self.text, self.text.select(self.value, like._operand(x), like._operand(y)))

    def mask(self, like: "Lanes") -> "Lanes":
        """Bits as integers of the type of others, all of their bits set or none."""
        return Lanes(self.text, self.text.convert("sext", self.value, like.value.type))

    def zero_where(self, bits: "Lanes") -> "Lanes":
        """The number, 0 where a bit is set; in a way that is quick for scalars too."""
        masked = self.bits & ~bits.mask(self.bits)
        return masked.double if self.value.type.scalar == "double" else masked.single

    def function(self, name: str, *others: "Lanes | float") -> "Lanes":
        """An intrinsic function of LLVM whose operands and answer have one type, such as ``sqrt``."""
        kind = self.value.type
        operands = [self.value, *[self._operand(other) for other in others]]
        return Lanes(self.text, self.text.call(intrinsic(name, kind), kind, *operands))

    def fused(self, factor: "Lanes | float", term: "Lanes | float") -> "Lanes":
        """Product with a factor, and a term added: rounded once where the machine does it at no cost, else twice."""
        return self.function("fmuladd", factor, term)

    def fused_exactly(self, factor: "Lanes | float", term: "Lanes | float") -> "Lanes":
        """Product with a factor, and a term added, rounded once on any machine."""
        return self.function("fma", factor, term)

    def converted(self, opcode: str, kind: Type) -> "Lanes":
        """Another type of scalars, by an instruction of LLVM's."""
        return Lanes(self.text, self.text.convert(opcode, self.value, kind))

    def absolute(self) -> "Lanes":
        """Absolute values."""
        return self.function("fabs")

    def with_sign_of(self, other: "Lanes") -> "Lanes":
        """The sign of another number in place of the own."""
        return self.function("copysign", other)

    def applied(self, name: str, *others: "Lanes") -> "Lanes":
        """Answer of a function that a formula defines."""
        return Lanes(self.text, call(self.text, name, self.value, *[other.value for other in others]))


class Pair(NamedTuple):
    """A number as the sum of two, of which the second is small."""

    high: Lanes
    low: Lanes


def exact_product(x: Lanes, y: Lanes) -> Pair:
    """A product with its rounding error."""
    product = x * y
    if machine().has_fma:
        return Pair(product, x.fused_exactly(y, -product))
    (a, b), (c, d) = _halves(x), _halves(y)
    return Pair(product, ((a * c - product) + a * d + b * c) + b * d)


def _halves(x: Lanes) -> Pair:
    """A number as the sum of two of 26 bits."""
    high = (x.bits & -(1 << 27)).double
    return Pair(high, x - high)


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """A polynomial, coefficients from the constant on; even and odd powers apart, which are done side by side."""
    if len(coefficients) < 4:
        return horner(x, coefficients)
    square = x * x
    return horner(square, coefficients[1::2]).fused(x, horner(square, coefficients[::2]))


def horner(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """A polynomial by Horner's rule, coefficients from the constant on."""
    total = x.constant(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total.fused(x, coefficient)
    return total


class Mended(NamedTuple):
    """An answer that some lanes may have wrong.

    Attributes
    ----------
    value : Lanes
        The answer of most.
    special : Lanes
        Bits: the lanes that may be wrong.
    function : str
        What is called for those lanes: of doubles, the function of the C library of that name; of single precision,
        that of doubles which a formula of that name defines.
    operands : tuple of Lanes
        What it is called with.
    """

    value: Lanes
    special: Lanes
    function: str
    operands: tuple[Lanes, ...]


Formula = Callable[..., Lanes | Mended]

_FORMULAS: dict[str, tuple[Formula, Type]] = {}


def formula(name: str, kind: Type = DOUBLE) -> Callable[[Formula], Formula]:
    """Decorate a formula: the function of that name, of numbers of that type, is defined by it."""

    def decorate(written: Formula) -> Formula:
        _FORMULAS[name] = written, kind
        return written

    return decorate


def has_formula(name: str) -> bool:
    """Whether there is a formula of that name."""
    return name in _FORMULAS


def call(text: Body, name: str, *operands: Value) -> Value:
    """Answer of the function of that name for operands of one lane count."""
    lanes = operands[0].type.lanes
    scalar = _FORMULAS[name][1]
    width = min(lanes, WIDEST if scalar == DOUBLE else 2 * WIDEST)
    for declared, line in definitions(name, width, len(operands)).items():
        text.declarations.setdefault(declared, line)
    answers = [
        text.call(f"hd.{name}.{width}", scalar.of(width), *[text.part(operand, first, width) for operand in operands])
        for first in range(0, lanes, width)
    ]
    return text.join(answers)


@cache
def definitions(name: str, lanes: int, arguments: int) -> dict[str, str]:
    """What defines a function for so many lanes, and all that it calls."""
    text = Body()
    written, scalar = _FORMULAS[name]
    kind = scalar.of(lanes)
    operands = [Value(f"%x{i}", kind) for i in range(arguments)]
    # One number is done in a vector of two, which takes less time: bits need not go to other registers and back.
    answer = written(*[Lanes(text, text.splat(operand, max(lanes, 2))) for operand in operands])
    parameters = ", ".join(map(str, operands))
    lines = [f"define internal {kind} @hd.{name}.{lanes}({parameters}) alwaysinline nounwind memory(none) {{", "entry:"]
    if isinstance(answer, Mended):
        lines += _mended(text, lanes, answer)
    else:
        value = text.part(answer.value, 0, lanes)
        lines += [*text.lines(), f"ret {value}"]
    return {**text.declarations, f"hd.{name}.{lanes}": "\n".join([*lines, "}"])}


def _mended(text: Body, lanes: int, answer: Mended) -> list[str]:
    """The lines that return the value, mended where a lane is special."""
    value, special = (text.part(each.value, 0, lanes) for each in (answer.value, answer.special))
    operands = [text.part(operand.value, 0, lanes) for operand in answer.operands]
    if value.type.scalar == "float":
        mended = _by_doubles(text, answer.function, value, special, operands)
    else:
        mended = _by_c_library(text, answer.function, value, special, operands)
    anywhere = special if lanes == 1 else text.call(intrinsic("vector.reduce.or", special.type), BIT, special)
    return [
        *text.lines(),
        f"br i1 {anywhere.text}, label %mending, label %done",
        "mending:",
        f"%mended = {mended}",
        "br label %done",
        "done:",
        f"%answer = phi {value.type} [ {value.text}, %entry ], [ %mended, %mending ]",
        f"ret {value.type} %answer",
    ]


def _by_c_library(text: Body, function: str, value: Value, special: Value, operands: Sequence[Value]) -> str:
    """A call that gives the answer of the C library in the special lanes."""
    types, arguments = ", ".join(["double"] * len(operands)), ", ".join(map(str, operands))
    text.declarations[f"c.{function}"] = f"declare double @c.{function}({types}) memory(none) nounwind"
    if value.type.lanes == 1:
        return f"call double @c.{function}({arguments})"
    helper, definition = lane_by_lane(value.type.lanes, len(operands), "cold")
    text.declarations[helper] = definition
    return f"call {value.type} @{helper}(ptr @c.{function}, {arguments}, {value}, {special})"


def _by_doubles(text: Body, function: str, value: Value, special: Value, operands: Sequence[Value]) -> str:
    """A call that gives the rounded answer of a function of doubles in the special lanes."""
    inner = Body()
    parameters = [operand._replace(text=f"%x{i}", level=0) for i, operand in enumerate((*operands, value, special))]
    wide = [inner.convert("fpext", parameter, DOUBLE) for parameter in parameters[:-2]]
    rounded = inner.convert("fptrunc", call(inner, function, *wide), FLOAT)
    answer = inner.select(parameters[-1], rounded, parameters[-2])
    head = f"{value.type} @hd.{function}.rounded.{value.type.lanes}"
    lines = [
        f"define internal {head}({', '.join(map(str, parameters))}) noinline cold nounwind memory(none) {{",
        "entry:",
        *inner.lines(),
        f"ret {answer}",
        "}",
    ]
    text.declarations.update(inner.declarations)
    text.declarations[f"hd.{function}.rounded.{value.type.lanes}"] = "\n".join(lines)
    return f"call {head}({', '.join(map(str, (*operands, value, special)))})"


def one_by_one(text: Body, name: str, *operands: Value) -> Value:
    """Answer of a kernel of SciPy for doubles, a lane at a time; it raises no flags, as those of SciPy's ufuncs."""
    kind = operands[0].type
    helper, definition = lane_by_lane(kind.lanes, len(operands), last="i32 0")
    text.declarations.setdefault(name, f"declare double @{name}({'double, ' * len(operands)}i32) nounwind")
    if machine().x86:
        for instruction in ("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr"):
            text.declarations.setdefault(instruction, f"declare void @{instruction}(ptr)")
    text.declarations.setdefault(helper, definition)
    arguments = ", ".join(map(str, operands))
    every = text.constant(BIT.of(kind.lanes), True)
    return text.pure(f"call {kind} @{helper}(ptr @{name}, {arguments}, {operands[0]}, {every})", kind, *operands)


def lane_by_lane(lanes: int, arguments: int, attributes: str = "", last: str = "") -> tuple[str, str]:
    """Name and definition of a function that applies a function of scalars to some lanes, one after the other.

    Its operands are the function, the vectors, the answer of the lanes that are left out, and the bits of the others.
    ``last`` is a last argument of each call. It is out of line, and the same for all functions of so many arguments.
    """
    kind = DOUBLE.of(lanes)
    keeps_flags = bool(last) and machine().x86
    name = f"hd.lanes.{arguments}{'.more' if last else ''}.{lanes}"
    numbers = range(arguments)
    vectors = "".join(f"{kind} %x{i}, " for i in numbers)
    scalars = ", ".join([*(f"double %y{i}" for i in numbers), *([last] if last else [])])
    lines = [
        f"define internal {kind} @{name}(ptr %f, {vectors}{kind} %value, {BIT.of(lanes)} %special) "
        f"noinline {attributes} nounwind {{",
        "entry:",
        *(f"%px{i} = alloca {kind}\nstore {kind} %x{i}, ptr %px{i}" for i in numbers),
        f"%pv = alloca {kind}\nstore {kind} %value, ptr %pv",
        f"%ps = alloca {I8.of(lanes)}\n%bytes = zext {BIT.of(lanes)} %special to {I8.of(lanes)}",
        f"store {I8.of(lanes)} %bytes, ptr %ps",
        *(["%flags = alloca i32\ncall void @llvm.x86.sse.stmxcsr(ptr %flags)"] if keeps_flags else []),
        "br label %loop",
        "loop:",
        "%i = phi i64 [ 0, %entry ], [ %next, %after ]",
        "%place = getelementptr i8, ptr %ps, i64 %i\n%byte = load i8, ptr %place\n%wanted = icmp ne i8 %byte, 0",
        "br i1 %wanted, label %lane, label %after",
        "lane:",
        *(f"%py{i} = getelementptr double, ptr %px{i}, i64 %i\n%y{i} = load double, ptr %py{i}" for i in numbers),
        f"%answer = call double %f({scalars})",
        "%to = getelementptr double, ptr %pv, i64 %i\nstore double %answer, ptr %to\nbr label %after",
        "after:",
        f"%next = add i64 %i, 1\n%more = icmp slt i64 %next, {lanes}\nbr i1 %more, label %loop, label %done",
        "done:",
        *(["call void @llvm.x86.sse.ldmxcsr(ptr %flags)"] if keeps_flags else []),
        f"%answers = load {kind}, ptr %pv\nret {kind} %answers",
        "}",
    ]
    return name, "\n".join(lines)
