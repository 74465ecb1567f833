"""Reverse mode by direct linearisation: primals are computed, tangents are recorded on a tape, the tape is transposed.

There is no second set of rules. An operation's differential is a linear map in the tangents; here the tangents are
variables of the tape, so that running the differential records it, as rows (see ``tape``). Elementwise operations, the
most frequent ones, append their coefficients directly, from the same partials. Pulling a cotangent back through the
rows is the transpose; pushing a tangent forward through them is the linearised function.

May import ``core``, ``primal``, ``casting``, ``shaped``, ``tape``, ``forward``, ``annihilate`` and ``errors``.

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

from hodiff.annihilate import AnnihilateTrace, contains_nan, linear_coefficient
from hodiff.casting import check_coefficient, check_tangent, fit_coefficient, paired
from hodiff.core import PLUS, SEALED, Primitive, Sign, Trace, Tracer, bind
from hodiff.errors import NoRuleError, NotLinearError, RuleError
from hodiff.forward import add_tangents
from hodiff.primal import PrimalTracer
from hodiff.shaped import Shaped
from hodiff.tape import Cast, FunctionRow, LinearRow, PartRow, Term, frozen, pull, push

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


class TapeVariable(Tracer):
    """A tangent that has no value, only a row: what a differential is run on to record it."""

    __slots__ = ("_dtype", "_shape", "row")
    owner: "TapeTrace"

    def __init__(self, trace: "TapeTrace", shape: tuple[int, ...], dtype: "np.dtype[Any]", row: int) -> None:
        self.owner = trace
        self._shape = shape
        self._dtype = dtype
        self.row = row

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tangent."""
        return self._shape

    @property
    def dtype(self) -> "np.dtype[Any]":
        """NumPy dtype of the tangent."""
        return self._dtype

    def components(self) -> tuple[Any, ...]:
        """Nothing: there is no value."""
        return ()

    def assume(self, other: Any) -> None:
        """Stand for another row."""
        self._shape, self._dtype, self.row = other.shape, other.dtype, other.row

    def truth(self) -> Any:
        """Refuse: control flow on a tangent is not linear."""
        raise NotLinearError(
            "a derivative rule used the value of a tangent in Python control flow, which is not linear"
        )


class LinearMap:
    """A finished tape: the derivative of a function at a point, to be applied any number of times."""

    __slots__ = ("_input_rows", "_output_rows", "_rows")

    def __init__(self, rows: list[Any], input_rows: list[int], output_rows: list[int | None]) -> None:
        self._rows = rows
        self._input_rows = input_rows
        self._output_rows = output_rows

    def pull(self, cotangents: Sequence[Any]) -> list[Any]:
        """Cotangents of the inputs, None where zero, from those of the outputs (None where zero)."""
        present = []
        for row, cotangent in zip(self._output_rows, cotangents, strict=True):
            if row is not None and cotangent is not None:
                present.append((row, cotangent))
        with np.errstate(all="ignore"):
            result = pull(self._rows, present, self._input_rows)
            if contains_nan(*result):
                with AnnihilateTrace() as trace:
                    wrapped = [(row, trace.wrap(c)) for row, c in present]
                    result = [trace.unwrap(v) for v in pull(self._rows, wrapped, self._input_rows)]
        return result

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """Tangents of the outputs, None where zero, from those of the inputs (None where zero)."""
        present = [(r, t) for r, t in zip(self._input_rows, tangents, strict=True) if t is not None]
        with np.errstate(all="ignore"):
            result = push(self._rows, present, self._output_rows)
            if contains_nan(*result):
                with AnnihilateTrace() as trace:
                    wrapped = [(row, trace.wrap(t)) for row, t in present]
                    result = [trace.unwrap(v) for v in push(self._rows, wrapped, self._output_rows)]
        return result


class TapeTrace(Trace):
    """Records linear operations on tape variables."""

    __slots__ = ("input_rows", "rows", "transformation")

    def __init__(
        self, transformation: str = "a derivative rule", rows: list[Any] | None = None, level: int | None = None
    ) -> None:
        super().__init__()
        self.transformation = transformation
        if level is not None:
            self.level = level
        self.rows: list[Any] = [] if rows is None else rows
        self.input_rows: list[int] = []

    def input(self, value: Shaped) -> TapeVariable:
        """Add an input row."""
        self.rows.append(None)
        self.input_rows.append(len(self.rows) - 1)
        variable = TapeVariable(self, value.shape, value.dtype, len(self.rows) - 1)
        variable.views = SEALED
        return variable

    def finish(self, outputs: Sequence[Any]) -> LinearMap:
        """Close the trace; the map from the inputs to ``outputs``."""
        self.closed = True
        rows = [v.row if isinstance(v, TapeVariable) and v.owner is self else None for v in outputs]
        return LinearMap(self.rows, self.input_rows, rows)

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Append a row for an operation that is linear in its tape variables."""
        if self.closed:
            raise self.leaked()
        slots = [i for i, v in enumerate(operands) if isinstance(v, TapeVariable) and v.owner is self]
        _check_homogeneous(primitive, operands, slots)
        if primitive.partials is None and not self._is_linear(primitive, slots):
            raise NotLinearError(
                f"{primitive.name} is not linear in its operands {slots}, where a derivative rule or "
                f"hodiff.linear_transpose needs it to be"
            )
        shape, dtype = _answer_shape(primitive, operands, slots, parameters)
        if primitive.partials is not None:
            row: Any = _linear_elementwise_row(primitive, operands, slots, shape, dtype)
        elif len(operands) == 1:
            row = [primitive, parameters, operands[0].row, operands[0].shape, operands[0].dtype]
        else:
            terms = [Term(operands[i].row, i, operands[i].shape, operands[i].dtype) for i in slots]
            row = LinearRow(primitive, list(operands), parameters, terms, dtype)
        self.rows.append(row)
        return TapeVariable(self, shape, dtype, len(self.rows) - 1)

    def record(
        self,
        push_function: Callable[[list[Any]], list[Any]],
        pull_function: Callable[[list[Any]], list[Any]],
        tangents: list[Any],
        like: list[Shaped | None],
    ) -> list[Any]:
        """Append rows for a linear map that is known by two functions; see `apply_linear`."""
        if self.closed:
            raise self.leaked()
        terms = [None if t is None else Term(t.row, slot, t.shape, t.dtype) for slot, t in enumerate(tangents)]
        self.rows.append(FunctionRow(push_function, pull_function, terms, len(like)))
        source = len(self.rows) - 1
        parts: list[Any] = []
        for index, value in enumerate(like):
            if value is None:
                parts.append(None)
                continue
            self.rows.append(PartRow(source, index, len(like)))
            parts.append(TapeVariable(self, value.shape, value.dtype, len(self.rows) - 1))
        return parts

    @staticmethod
    def _is_linear(primitive: Primitive, slots: list[int]) -> bool:
        return all(primitive.linear_in(i) for i in slots) and (primitive.jointly or len(slots) == 1)


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
        answer = bind(primitive, primal) if isinstance(primal, Tracer) else primitive.function(primal)
        rule = primitive.partials[0]  # type: ignore[index]
        if rule is None or not primitive.smooth or answer.dtype is not _FLOAT64 or primal.dtype is not _FLOAT64:
            self.check_answer(primitive, answer)
            return self._record(primitive, answer, (x,), [primal], [0])
        rows = self.rows
        rows.append(((x.row, rule if rule.__class__ is Sign else rule(answer, primal), None),))
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
        with np.errstate(all="ignore"):
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
        if primitive.smooth:
            row = self._elementwise_row(primitive, answer, operands, primals, slots)
        else:
            with np.errstate(all="ignore"):
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
        answer, tangent = primitive.jvps(tangents, primals, **parameters)  # type: ignore[misc]
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


#: Makes the trace of each linearisation; another one than the plain `ReverseTrace` while debugging.
new_reverse_trace: ContextVar[Callable[[], ReverseTrace]] = ContextVar("new_reverse_trace", default=ReverseTrace)


def apply_linear(
    push_function: Callable[[list[Any]], list[Any]],
    pull_function: Callable[[list[Any]], list[Any]],
    tangents: list[Any],
    like: list[Shaped | None],
) -> list[Any]:
    """Tangents (None where zero) through a linear map that is known by a function for each direction.

    Tape variables are recorded, so that either function may run later; any other tangents are pushed forward at once.
    ``like`` has the shape and dtype of each answer, None for one that carries no derivative.
    """
    owners = [t.owner if isinstance(t, TapeVariable) else None for t in tangents if t is not None]
    if owners and owners[0] is not None and all(owner is owners[0] for owner in owners):
        return owners[0].record(push_function, pull_function, tangents, like)
    return push_function(tangents)


def _linear_elementwise_row(
    primitive: Primitive, operands: tuple[Any, ...], slots: list[int], shape: tuple[int, ...], dtype: "np.dtype[Any]"
) -> tuple[Any, ...]:
    values = [None if i in slots else v for i, v in enumerate(operands)]
    row = []
    for slot in slots:
        coefficient = linear_coefficient(primitive, slot, values)
        variable = operands[slot]
        same = variable.shape == shape and variable.dtype == dtype
        cast = None if same else Cast(variable.shape, variable.dtype, shape, dtype)
        row.append((variable.row, coefficient, cast))
    return tuple(row)


def _check_homogeneous(primitive: Primitive, operands: tuple[Any, ...], slots: list[int]) -> None:
    """Refuse a constant among the terms of a sum or a concatenation: t + 1 is not linear in t."""
    for i, value in enumerate(operands):
        if i in slots:
            continue
        is_term = primitive.partials[i].__class__ is Sign if primitive.partials else primitive.jointly
        if is_term and (primitive.partials or primitive.linear_in(i)) and _any_nonzero(value):
            raise NotLinearError(
                f"{primitive.name} adds a constant to a tangent or cotangent, where a derivative rule or "
                f"hodiff.linear_transpose needs an operation that is linear (zero for zero)"
            )


def _any_nonzero(value: Any) -> bool:
    if isinstance(value, Tracer):
        return any(_any_nonzero(part) for part in value.components())
    return bool(np.any(value))


def _answer_shape(
    primitive: Primitive, operands: tuple[Any, ...], slots: list[int], parameters: dict[str, Any]
) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """Shape and dtype of an operation some of whose operands have no value, from its shape rule or a run on zeros."""
    if primitive.partials is not None:
        shape = np.broadcast_shapes(*[np.shape(v) for v in operands])
        kinds = [v.dtype if hasattr(v, "dtype") else v for v in operands]
        answer: Any = Shaped(shape, _elementwise_dtype(primitive, kinds))
    elif primitive.shape is not None:
        answer = primitive.shape(*operands, **parameters)
    else:
        zeros = [
            np.broadcast_to(np.zeros((), v.dtype), v.shape) if i in slots or isinstance(v, Tracer) else v
            for i, v in enumerate(operands)
        ]
        try:
            answer = primitive.function(*zeros, **parameters)
        except Exception as error:
            raise RuleError(
                f"the shape of the answer of {primitive.name} could not be found by a run on zeros ({error}); give its "
                f"declaration `shape`"
            ) from error
    return answer.shape, answer.dtype


def _elementwise_dtype(primitive: Primitive, kinds: list[Any]) -> "np.dtype[Any]":
    ones = [np.ones((), kind) if isinstance(kind, np.dtype) else kind for kind in kinds]
    with np.errstate(all="ignore"):
        return primitive.function(*ones).dtype
