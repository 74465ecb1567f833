"""Linear maps as they are recorded: variables of a tape, the trace that records operations on them, the finished map.

May import ``core``, ``casting``, ``shaped``, ``tape``, ``annihilate``, ``handling`` and ``errors``.

>>> with TapeTrace("an example") as trace:
...     t = trace.input(Shaped((), np.dtype(float)))
...     linear = trace.finish([3.0 * t])
>>> linear.push([np.array(2.0)]), linear.pull([np.array(1.0)])
([np.float64(6.0)], [np.float64(3.0)])
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hodiff.annihilate import AnnihilateTrace, contains_nan, elementwise_dtype, linear_coefficient, some_nonzero
from hodiff.core import SEALED, Primitive, Sign, Trace, Tracer
from hodiff.errors import NotLinearError, RuleError
from hodiff.handling import quiet
from hodiff.shaped import Shaped
from hodiff.tape import Cast, FunctionRow, LinearRow, PartRow, Term, pull, push


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

    def example(self) -> Any:
        """Ones."""
        return np.ones(self._shape, self._dtype)

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

    def transpose(self, cotangents: Sequence[Any]) -> list[Any]:
        """As `pull`, where NaN may come from zeros that should have annihilated; for maps that are part of another."""
        present = [
            (row, cotangent)
            for row, cotangent in zip(self._output_rows, cotangents, strict=True)
            if row is not None and cotangent is not None
        ]
        with quiet():
            return pull(self._rows, present, self._input_rows)

    def pull(self, cotangents: Sequence[Any]) -> list[Any]:
        """Cotangents of the inputs, None where zero, from those of the outputs (None where zero)."""
        present = []
        for row, cotangent in zip(self._output_rows, cotangents, strict=True):
            if row is not None and cotangent is not None:
                present.append((row, cotangent))
        with quiet():
            result = pull(self._rows, present, self._input_rows)
            if contains_nan(*result):
                with AnnihilateTrace() as trace:
                    wrapped = [(row, trace.wrap(c)) for row, c in present]
                    result = [trace.unwrap(v) for v in pull(self._rows, wrapped, self._input_rows)]
        return result

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """Tangents of the outputs, None where zero, from those of the inputs (None where zero)."""
        present = [(r, t) for r, t in zip(self._input_rows, tangents, strict=True) if t is not None]
        with quiet():
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
    return value.decide(some_nonzero) if isinstance(value, Tracer) else bool(np.any(value))


def _answer_shape(
    primitive: Primitive, operands: tuple[Any, ...], slots: list[int], parameters: dict[str, Any]
) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """Shape and dtype of an operation some of whose operands have no value, from its shape rule or a run on zeros."""
    if primitive.partials is not None:
        shape = np.broadcast_shapes(*[np.shape(v) for v in operands])
        kinds = [v.dtype if hasattr(v, "dtype") else v for v in operands]
        answer: Any = Shaped(shape, elementwise_dtype(primitive, kinds))
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
