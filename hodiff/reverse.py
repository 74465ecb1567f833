"""Reverse mode by direct linearisation: primals are computed, tangents are recorded on a tape, the tape is transposed.

There is no second set of rules. An operation's differential is a linear map in the tangents; here the tangents are
variables of the tape, so that running the differential records it, as rows (see ``tape``). Elementwise operations, the
most frequent ones, append their coefficients directly, from the same partials. Pulling a cotangent back through the
rows is the transpose; pushing a tangent forward through them is the linearised function.

May import ``core``, ``primal``, ``casting``, ``tape``, ``linear_map``, ``forward``, ``handling`` and ``errors``.

>>> trace = ReverseTrace()
>>> x = trace.input(np.array(3.0))
>>> linear = trace.finish([x * x])
>>> linear.pull([np.array(1.0)])
[np.float64(6.0)]
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from hodiff.casting import check_coefficient, check_tangent, fit_coefficient, paired
from hodiff.core import PLUS, SEALED, Primitive, Sign, Trace, Tracer, bind
from hodiff.errors import NoRuleError, NotLinearError
from hodiff.forward import add_tangents
from hodiff.handling import quiet
from hodiff.linear_map import LinearMap, TapeTrace, TapeVariable
from hodiff.primal import PrimalTracer
from hodiff.tape import Cast, LinearRow, Term, frozen

_FLOAT64 = np.dtype(float)


class ReverseTracer(PrimalTracer):
    """A primal whose tangent is row ``row`` of the tape."""

    __slots__ = ("row",)
    owner: "ReverseTrace"

    def __init__(self, trace: "ReverseTrace", primal: Any, row: int) -> None:
        self.owner = trace
        self.primal = primal
        self.row = row

    def components(self) -> tuple[Any, ...]:
        """The primal."""
        return (self.primal,)

    def assume(self, other: Any) -> None:
        """Stand for another primal with another row."""
        self.primal = other.primal
        self.row = other.row


class ReverseTrace(Trace):
    """One run of ``vjp``, ``grad`` or ``linearize``."""

    __slots__ = ("_tape", "input_rows", "rows")
    transformation = "hodiff.grad (or vjp, linearize, a jacobian)"

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Any] = []
        self.input_rows: list[int] = []
        self._tape: TapeTrace | None = None

    def input(self, value: Any) -> ReverseTracer:
        """Wrap an input of the function being transformed."""
        self.rows.append(None)
        self.input_rows.append(len(self.rows) - 1)
        if isinstance(value, Tracer):
            value = value.fork()  # what is assigned to it later must not change the coefficients on the tape
        tracer = ReverseTracer(self, value, len(self.rows) - 1)
        tracer.views = SEALED
        return tracer

    def constant(self, value: Any) -> ReverseTracer:
        """A primal with a row that has no terms."""
        self.rows.append(())
        return ReverseTracer(self, value, len(self.rows) - 1)

    def finish(self, outputs: Sequence[Any]) -> LinearMap:
        """Close the trace; its derivative, from the inputs to ``outputs``."""
        self.closed = True
        if self._tape is not None:
            self._tape.close()
        rows: list[int | None] = []
        for value in outputs:
            rows.append(value.row if isinstance(value, ReverseTracer) and value.owner is self else None)
        return LinearMap(self.rows, self.input_rows, rows)

    def close(self) -> None:
        """End the run; the rows live on in the linear map."""
        self.closed = True
        if self._tape is not None:
            self._tape.close()

    def primal(self, value: Any) -> Any:
        """Value behind a tracer of this trace; any other value as it is."""
        if value.__class__ is ReverseTracer and value.owner is self:
            return value.primal
        if not isinstance(value, Tracer):
            return value
        value = value.content()
        if isinstance(value, ReverseTracer) and value.owner is self:
            return value.primal
        return value.alive() if isinstance(value, Tracer) else value

    def unary(self, primitive: Primitive, x: Any) -> Any:
        """Compute an elementwise answer and append its row: the fast path of `process`."""
        if self.closed:
            raise self.leaked()
        primal = x.primal
        traced = isinstance(primal, Tracer)
        answer = bind(primitive, primal) if traced else primitive.function(primal)
        rule = primitive.partials[0]  # type: ignore[index]
        if rule is None or not primitive.smooth or answer.dtype is not _FLOAT64 or primal.dtype is not _FLOAT64:
            self.check_answer(primitive, answer)
            return self._record(primitive, answer, (x,), [primal], [0])
        if rule.__class__ is not Sign:
            rule = _quietly(rule, answer, primal) if traced else rule(answer, primal)
        rows = self.rows
        rows.append(((x.row, rule, None),))
        return ReverseTracer(self, answer, len(rows) - 1)

    def binary(self, primitive: Primitive, x: Any, y: Any) -> Any:
        """Compute an elementwise answer and append its row: the fast path of `process`."""
        if self.closed:
            raise self.leaked()
        x_mine = x.__class__ is ReverseTracer and x.owner is self
        y_mine = y.__class__ is ReverseTracer and y.owner is self
        x_primal = x.primal if x_mine else x
        y_primal = y.primal if y_mine else y
        if isinstance(x_primal, Tracer) or isinstance(y_primal, Tracer):
            answer = bind(primitive, x_primal, y_primal)
        else:
            answer = primitive.function(x_primal, y_primal)
        if not primitive.smooth or answer.dtype is not _FLOAT64:
            self.check_answer(primitive, answer)
            slots = [0, 1] if x_mine and y_mine else [0] if x_mine else [1]
            return self._record(primitive, answer, (x, y), [x_primal, y_primal], slots)
        shape = answer.shape
        first, second = primitive.partials  # type: ignore[misc]
        row: tuple[Any, ...] = ()
        if x_mine and first is not None:
            cast = None
            if x_primal.shape != shape or x_primal.dtype is not _FLOAT64:
                cast = Cast(x_primal.shape, x_primal.dtype, shape, _FLOAT64)
            if first.__class__ is not Sign:
                first = first(answer, x_primal, y_primal)
                if first is y:
                    first = frozen(first)
            row = ((x.row, first, cast),)
        if y_mine and second is not None:
            cast = None
            if y_primal.shape != shape or y_primal.dtype is not _FLOAT64:
                cast = Cast(y_primal.shape, y_primal.dtype, shape, _FLOAT64)
            if second.__class__ is not Sign:
                second = second(answer, x_primal, y_primal)
                if second is x:
                    second = frozen(second)
            row += ((y.row, second, cast),)
        if not row:
            return answer
        rows = self.rows
        rows.append(row)
        return ReverseTracer(self, answer, len(rows) - 1)

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Compute the answer from the primals and record the differential."""
        if self.closed:
            raise self.leaked()
        if primitive.jointly and len(operands) == 1:
            return self.linear(primitive, operands[0], parameters)
        primals: list[Any] = []
        slots = []
        plain = True
        for operand in operands:
            if isinstance(operand, Tracer):
                if operand.owner is self:
                    slots.append(len(primals))
                    operand = operand.primal  # type: ignore[attr-defined]
                    if isinstance(operand, Tracer):
                        plain = False
                else:
                    plain = False
            primals.append(operand)
        if primitive.jvps is not None and callable(primitive.jvps):
            return self._linearise_jointly(primitive, operands, primals, slots, parameters)
        answer = primitive.function(*primals, **parameters) if plain else bind(primitive, *primals, **parameters)
        self.check_answer(primitive, answer)
        if primitive.partials is not None:
            return self._record(primitive, answer, operands, primals, slots)
        if primitive.constant:
            return answer
        if primitive.jvps is None and primitive.transposes is not None:
            terms = [
                Term(operands[i].row, i, primals[i].shape, primals[i].dtype) for i in slots if primitive.transposable(i)
            ]
            if not terms:
                return answer
            rows = self.rows
            rows.append(LinearRow(primitive, primals, parameters, terms, answer.dtype))
            return ReverseTracer(self, answer, len(rows) - 1)
        with quiet():
            return self._linearise(primitive, answer, operands, primals, slots, parameters)

    def linear(self, primitive: Primitive, x: Any, parameters: dict[str, Any]) -> Any:
        """Compute the answer of a linear operation on one operand and append its row."""
        if self.closed:
            raise self.leaked()
        primal = x.primal
        if isinstance(primal, Tracer):
            answer = bind(primitive, primal, **parameters)
        else:
            answer = primitive.function(primal, **parameters)
        if answer.__class__ is not np.ndarray:
            self.check_answer(primitive, answer)
        rules = primitive.transposes
        if rules.__class__ is tuple and (not rules or rules[0] is None) and not primitive.transposable(0):
            return answer
        rows = self.rows
        rows.append([primitive, parameters, x.row, primal.shape, primal.dtype])
        return ReverseTracer(self, answer, len(rows) - 1)

    def _record(
        self, primitive: Primitive, answer: Any, operands: tuple[Any, ...], primals: list[Any], slots: list[int]
    ) -> Any:
        """Append the row of an elementwise operation."""
        if primitive.smooth and not any(isinstance(primal, Tracer) for primal in primals):
            row = self._elementwise_row(primitive, answer, operands, primals, slots)
        else:
            with quiet():
                row = self._elementwise_row(primitive, answer, operands, primals, slots)
        if not row:
            return answer
        rows = self.rows
        rows.append(row)
        return ReverseTracer(self, answer, len(rows) - 1)

    def _elementwise_row(
        self, primitive: Primitive, answer: Any, operands: tuple[Any, ...], primals: list[Any], slots: list[int]
    ) -> tuple[Any, ...]:
        """One term an operand: its row, its coefficient from the partial, and a cast where shapes or dtypes differ."""
        shape, dtype = answer.shape, answer.dtype
        partials: Any = primitive.partials
        row = []
        for slot in slots:
            rule = partials[slot] if slot < len(partials) else primitive.rule(partials, slot)
            if rule is None:
                continue
            coefficient = rule
            if rule.__class__ is not Sign:
                coefficient = rule(answer, *primals)
                if not primitive.smooth:
                    check_coefficient(coefficient, shape, primitive.name)
                if any(coefficient is operand for operand in operands):
                    coefficient = frozen(coefficient)
                if dtype is not _FLOAT64:
                    coefficient = fit_coefficient(coefficient, dtype)
            primal = primals[slot]
            same = primal.shape == shape and primal.dtype is dtype
            cast = None if same else Cast(primal.shape, primal.dtype, shape, dtype)
            row.append((operands[slot].row, coefficient, cast))
        return tuple(row)

    def _linearise(
        self,
        primitive: Primitive,
        answer: Any,
        operands: tuple[Any, ...],
        primals: list[Any],
        slots: list[int],
        parameters: dict[str, Any],
    ) -> Any:
        tape = self._tape_trace()
        total: Any = None
        for slot in slots:
            primal = primals[slot]
            tangent = TapeVariable(tape, primal.shape, primal.dtype, operands[slot].row)
            if primitive.linear_in(slot):
                arguments = list(primals)
                arguments[slot] = tangent
                term = tape.process(primitive, tuple(arguments), parameters)
            elif primitive.jvps is None:
                raise NoRuleError.for_function(primitive.name)
            else:
                rule = primitive.rule(primitive.jvps, slot)
                term = None if rule is None else rule(tangent, answer, *primals, **parameters)
            total = add_tangents(total, term)
        return self._wrap(primitive, answer, total)

    def _linearise_jointly(
        self,
        primitive: Primitive,
        operands: tuple[Any, ...],
        primals: list[Any],
        slots: list[int],
        parameters: dict[str, Any],
    ) -> Any:
        """As `_linearise`, by one rule that takes the tangents of all operands and gives the answer too."""
        tape = self._tape_trace()
        tangents: list[Any] = [None] * len(primals)
        for slot in slots:
            tangents[slot] = TapeVariable(tape, primals[slot].shape, primals[slot].dtype, operands[slot].row)
        rule: Any = primitive.jvps
        answer, tangent = rule(tangents, primals, **parameters)
        self.check_answer(primitive, answer)
        return self._wrap(primitive, answer, tangent)

    def _tape_trace(self) -> TapeTrace:
        if self._tape is None:
            self._tape = TapeTrace(rows=self.rows, level=self.level)
        return self._tape

    def _wrap(self, primitive: Primitive, answer: Any, tangent: Any) -> Any:
        if tangent is None:
            return answer
        if isinstance(answer, tuple):
            return tuple(self._wrap(primitive, a, t) for a, t in paired(answer, tangent, primitive.name))
        check_tangent(answer, tangent, primitive.name)
        if not isinstance(tangent, TapeVariable) or tangent.owner is not self._tape:
            raise NotLinearError(
                f"{primitive.name}: a derivative rule returned a tangent that does not depend on the tangent it was "
                f"given; return None for a derivative that is zero"
            )
        row = tangent.row
        if tangent.dtype != answer.dtype:
            cast = Cast(tangent.shape, tangent.dtype, answer.shape, answer.dtype)
            self.rows.append(((row, PLUS, cast),))
            row = len(self.rows) - 1
        return ReverseTracer(self, answer, row)


def _quietly(rule: Callable[..., Any], answer: Any, primal: Any) -> Any:
    """A partial of a smooth operation; a program that records it need not know that it cannot warn."""
    with quiet():
        return rule(answer, primal)


#: Makes the trace of each linearisation; another one than the plain `ReverseTrace` while debugging.
new_reverse_trace: ContextVar[Callable[[], ReverseTrace]] = ContextVar("new_reverse_trace", default=ReverseTrace)
