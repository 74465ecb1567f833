"""Where a NaN comes from: traces that look at every value and derivative, and know the user's line.

Inside ``debug_nans()`` the transformations make these traces instead of the plain ones, which are not touched and cost
nothing more. Which ones are made is a context variable, so it holds for one thread, or one task. May import
``annihilate``, ``batch``, ``core``, ``errors``, ``forward``, ``frames``, ``linear_map``, ``reverse`` and ``tape``.

>>> import hodiff as hd
>>> with debug_nans(), np.errstate(divide="ignore"):
...     hd.grad(lambda x: x * np.log(x))(0.0)  # doctest: +ELLIPSIS
Traceback (most recent call last):
    ...
hodiff.errors.NonFiniteError: log made an inf in its value; <doctest hodiff.debug[1]>, line 2: ...
"""

import linecache
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from hodiff.annihilate import AnnihilateTrace
from hodiff.batch import BatchTrace, new_batch_trace
from hodiff.core import Primitive, Tracer, bind
from hodiff.errors import NonFiniteError
from hodiff.forward import ForwardTrace, ForwardTracer, new_forward_trace
from hodiff.frames import user_line
from hodiff.linear_map import LinearMap
from hodiff.reverse import ReverseTrace, new_reverse_trace
from hodiff.tape import Accumulator, FunctionRow, PartRow, pull, pull_unary, push

#: How many blocks of `debug_nans` are open.
_blocks: ContextVar[int] = ContextVar("_blocks", default=0)
#: Set while a derivative rule runs: what it computes are values to outer traces, and only what comes of it counts.
_inside_rule: ContextVar[bool] = ContextVar("_inside_rule", default=False)


@contextmanager
def _rule() -> Iterator[None]:
    token = _inside_rule.set(True)
    try:
        yield
    finally:
        _inside_rule.reset(token)


class Origin(NamedTuple):
    """The operation that recorded a row, and the user's line that it stands in."""

    operation: str
    filename: str
    line: int
    #: Whether a value was NaN or inf before, so that a derivative may be.
    tainted: bool

    def error(self, kind: str, found: str) -> NonFiniteError:
        """Error for what this operation made."""
        text = linecache.getline(self.filename, self.line).strip()
        return NonFiniteError(self.operation, kind, found, (self.filename, self.line, text))


@contextmanager
def debug_nans() -> Iterator[None]:
    """Raise at the first operation that makes a NaN or an inf, in a value or in a derivative.

    It holds for the transformations that are called inside the block, in this thread: for the operations on their
    traced values, and for the pullbacks that they return, wherever those are called. Operations on plain arrays cannot
    be seen. A NaN or inf that is in an operand already is not reported again, and neither are the derivatives of an
    operation with such an operand. What zeros annihilate in a derivative does not count. A value counts though
    ``np.where`` drops it afterwards: ``np.where(x > 0, np.log(x), 0.0)`` at 0 makes an inf; write
    ``np.log(np.where(x > 0, x, 1.0))`` inside. In derivatives of higher order the coefficients of the inner derivative
    have derivatives themselves, and these count.

    Raises
    ------
    hodiff.errors.NonFiniteError
        A ``FloatingPointError`` that names the operation, value or derivative, and the user's line; in a pullback, the
        line of the operation that is being differentiated.

    Examples
    --------
    >>> import hodiff as hd
    >>> def f(x):
    ...     return np.sqrt(x) + x
    >>> with hd.debug_nans():
    ...     hd.grad(f)(0.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    hodiff.errors.NonFiniteError: sqrt made an inf in the cotangent of an operand (pullback); ...
    """
    _choose(_blocks.get() + 1)
    try:
        yield
    finally:
        _choose(max(_blocks.get() - 1, 0))


def _choose(blocks: int) -> None:
    """Choose the traces for that many open blocks: a count, as those of generators need not end in reverse order."""
    _blocks.set(blocks)
    new_forward_trace.set(DebugForwardTrace if blocks else ForwardTrace)
    new_reverse_trace.set(DebugReverseTrace if blocks else ReverseTrace)
    new_batch_trace.set(DebugBatchTrace if blocks else BatchTrace)


class DebugBatchTrace(BatchTrace):
    """``vmap`` that looks at its values."""

    __slots__ = ()

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply the batching rule; look at the answer."""
        answer = super().process(primitive, operands, parameters)
        _check_value(primitive, operands, answer)
        return answer


class DebugForwardTrace(ForwardTrace):
    """``jvp`` that looks at its values and tangents, where zeros annihilate from the start."""

    __slots__ = ()

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply the primitive and its differential; look at both answers."""
        mine = [isinstance(v, ForwardTracer) and v.owner is self for v in operands]
        with AnnihilateTrace() as zeros:
            wrapped = tuple(
                ForwardTracer(self, v.primal, zeros.wrap(v.tangent)) if m else v
                for v, m in zip(operands, mine, strict=True)
            )
            with _rule():
                answer = super().process(primitive, wrapped, parameters)

            def unwrapped(part: Any) -> Any:
                if isinstance(part, ForwardTracer) and part.owner is self:
                    return ForwardTracer(self, part.primal, zeros.unwrap(part.tangent))
                return part

            answer = tuple(unwrapped(part) for part in answer) if isinstance(answer, tuple) else unwrapped(answer)
        origin = _check_value(primitive, operands, answer)
        if not origin.tainted:
            before = [v.tangent for v, m in zip(operands, mine, strict=True) if m]
            for part in answer if isinstance(answer, tuple) else (answer,):
                if isinstance(part, ForwardTracer) and part.owner is self:
                    _check_derivative(origin, "tangent", [part.tangent], before)
        return answer


class DebugReverseTrace(ReverseTrace):
    """Reverse mode that looks at its values, and whose rows look at cotangents and tangents."""

    __slots__ = ("origins",)

    def __init__(self) -> None:
        super().__init__()
        self.origins: list[Origin | None] = []

    def unary(self, primitive: Primitive, x: Any) -> Any:
        """As `process`."""
        with _rule():
            answer = super().unary(primitive, x)
        return self._looked_at(primitive, (x,), answer)

    def binary(self, primitive: Primitive, x: Any, y: Any) -> Any:
        """As `process`."""
        with _rule():
            answer = super().binary(primitive, x, y)
        return self._looked_at(primitive, (x, y), answer)

    def linear(self, primitive: Primitive, x: Any, parameters: dict[str, Any]) -> Any:
        """As `process`."""
        with _rule():
            answer = super().linear(primitive, x, parameters)
        return self._looked_at(primitive, (x,), answer)

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Compute the answer and record the differential; look at the answer, and note the line for the rows."""
        with _rule():
            answer = super().process(primitive, operands, parameters)
        return self._looked_at(primitive, operands, answer)

    def finish(self, outputs: Sequence[Any]) -> LinearMap:
        """Close the trace; its derivative, whose rows look at what they do."""
        self._fill(None)
        self.rows = [
            row if row is None or origin is None else CheckedRow(row, origin)
            for row, origin in zip(self.rows, self.origins, strict=True)
        ]
        return super().finish(outputs)

    def _looked_at(self, primitive: Primitive, operands: tuple[Any, ...], answer: Any) -> Any:
        self._fill(_check_value(primitive, operands, answer))
        return answer

    def _fill(self, origin: Origin | None) -> None:
        # Inputs have been appended without an origin; they are None among the rows and stay as they are.
        missing = len(self.rows) - len(self.origins)
        self.origins.extend([origin] * missing)


class _Sources(dict[int, Any]):
    """Tangents or cotangents of a few rows, in the place of the list of those of all."""

    def __missing__(self, source: int) -> None:
        return None


class CheckedRow:
    """A row of a tape that looks at the derivatives it makes, where zeros annihilate from the start."""

    __slots__ = ("origin", "row")

    def __init__(self, row: Any, origin: Origin) -> None:
        self.row = row
        self.origin = origin

    def push(self, tangents: Any) -> Any:
        """Tangent of the answer from those of the source rows."""
        row = self.row
        if isinstance(row, PartRow):
            return row.push(tangents)
        with AnnihilateTrace() as zeros:
            given = _Sources({s: tangents[s] for s in self._sources() if tangents[s] is not None})
            if not given:
                return None
            found = self._run(_push, row, _Sources({s: zeros.wrap(t) for s, t in given.items()}))
            several = isinstance(row, FunctionRow)
            parts = [zeros.unwrap(part) for part in (found if several else [found])]
        if not self.origin.tainted:
            _check_derivative(self.origin, "tangent", parts, list(given.values()))
        return parts if several else parts[0]

    def pull(self, cotangent: Any, cotangents: Any) -> None:
        """Add the cotangents of the source rows."""
        row = self.row
        if isinstance(row, PartRow):
            row.pull(cotangent, cotangents)
            return
        several = isinstance(row, FunctionRow)
        given = list(cotangent) if several else [cotangent]
        found = _Sources()
        with AnnihilateTrace() as zeros:
            wrapped = [zeros.wrap(c) for c in given]
            self._run(_pull, row, wrapped if several else wrapped[0], found)
            for source, entry in found.items():
                total = entry.total() if isinstance(entry, Accumulator) else entry
                found[source] = zeros.unwrap(total)
        if not self.origin.tainted:
            _check_derivative(self.origin, "cotangent", list(found.values()), given)
        for source, value in found.items():
            entry = cotangents[source]
            cotangents[source] = value if entry is None else entry + value

    def _sources(self) -> list[int]:
        row = self.row
        if row.__class__ is tuple:
            return [term[0] for term in row]
        if row.__class__ is list:
            return [row[2]]
        return [term.source for term in row.terms if term is not None]

    def _run(self, function: Any, *arguments: Any) -> Any:
        try:
            with _rule():
                return function(*arguments)
        except NonFiniteError as error:
            # The tangent of an outer transformation; the line is that of the operation differentiated here.
            if error.kind != "tangent":
                raise
            raise self.origin.error(error.kind, error.found) from error


def _push(row: Any, tangents: _Sources) -> Any:
    if row.__class__ is tuple:
        known = [(i, tangents[term[0]]) for i, term in enumerate(row) if term[0] in tangents]
        return push([*[None] * len(row), _renumbered(row)], known, [len(row)])[0]
    if row.__class__ is list:
        primitive, parameters, source, _, _ = row
        return bind(primitive, tangents[source], **parameters)
    return row.push(tangents)


def _pull(row: Any, cotangent: Any, cotangents: _Sources) -> None:
    if row.__class__ is tuple:
        parts = pull([*[None] * len(row), _renumbered(row)], [(len(row), cotangent)], list(range(len(row))))
        for (source, _, _), value in zip(row, parts, strict=True):
            entry = cotangents[source]
            cotangents[source] = value if entry is None else entry + value
    elif row.__class__ is list:
        pull_unary(row, cotangent, cotangents)
    else:
        row.pull(cotangent, cotangents)


def _renumbered(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """An elementwise row with the sources 0, 1, … in order."""
    return tuple((i, coefficient, cast) for i, (_, coefficient, cast) in enumerate(row))


def _check_value(primitive: Primitive, operands: Sequence[Any], answer: Any) -> Origin:
    """Look at an answer; where it comes from."""
    parts = _plain(answer if isinstance(answer, tuple) else (answer,))
    before = _plain(operands)
    tainted = not all(np.isfinite(v).all() for v in (*before, *parts))
    origin = Origin(primitive.name.removeprefix("annihilating_"), *user_line(), tainted)
    if tainted and not _inside_rule.get():
        for part in parts:
            found = _made(part, before, elementwise=primitive.partials is not None)
            if found is not None:
                raise origin.error("value", found)
    return origin


def _check_derivative(origin: Origin, kind: str, after: Sequence[Any], before: Sequence[Any]) -> None:
    known = _plain(before)
    for value in _plain(after):
        found = _made(value, known, elementwise=False)
        if found is not None:
            raise origin.error(kind, found)


def _made(value: Any, before: Sequence[Any], *, elementwise: bool) -> str | None:
    """A NaN where none was before, or an inf where everything was finite; None where there is neither."""
    for what, new, old in (("a NaN", np.isnan, np.isnan), ("an inf", np.isinf, _is_not_finite)):
        bad = new(value)
        if not bad.any():
            continue
        if elementwise and all(np.shape(v) in ((), bad.shape) for v in before):
            for v in before:
                bad = bad & ~old(v)
            if bad.any():
                return what
        elif not any(old(v).any() for v in before):
            return what
    return None


def _is_not_finite(value: Any) -> Any:
    return ~np.isfinite(value)


def _plain(values: Sequence[Any]) -> list[Any]:
    """The floats and complex numbers behind traced values, without derivatives; what has no value is left out."""
    found = []
    for value in values:
        while isinstance(value, Tracer):
            value = value.content()
            if isinstance(value, Tracer):
                parts = value.components()
                value = parts[0] if parts else None
        if value is not None and not isinstance(value, (bool, int, str)):
            array = np.asarray(value)
            if array.dtype.kind in "fc":
                found.append(array)
    return found
