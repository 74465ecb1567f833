"""Calls of functions as operations: what custom rules and checkpoints are made of.

A call works on a flat list of operands and returns a tuple of answers. For each call a primitive is made, so that every
trace sees one operation; the trace asks the call for answers and tangents, with the values of lower levels, where the
same call is met again. May import ``annihilate``, ``arguments``, ``batch``, ``code``, ``core``, ``errors``,
``forward``, ``kinds``, ``linear_map``, ``lowering``, ``reverse``, ``shaped``, ``tape`` and ``tree``.

>>> square = CheckpointCall("square", lambda operands: (operands[0] ** 2,))
>>> square(np.array(3.0))
(np.float64(9.0),)
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from hodiff.annihilate import AnnihilateTrace, AnnihilateTracer, filled, some_nonzero
from hodiff.batch import BatchTrace, BatchTracer
from hodiff.code import Code
from hodiff.core import SEALED, Primitive, Trace, Tracer
from hodiff.errors import ControlFlowError, ConversionError, NoRuleError, NotLinearError, RuleError
from hodiff.forward import ForwardTracer, new_forward_trace
from hodiff.kinds import linear
from hodiff.linear_map import TapeTrace, TapeVariable, apply_linear
from hodiff.lowering import Mapped
from hodiff.reverse import new_reverse_trace
from hodiff.shaped import Shaped, is_inexact, shaped
from hodiff.tape import frozen
from hodiff.tree import tree_map

Flat = Callable[..., Any]

#: The same value for a second computation, which compiled mode must not take for the first and keep its results.
again: Primitive = linear(
    lambda x: x,
    lambda ct, x: again(ct),
    name="again",
    leading=True,
    shape=lambda x: shaped(x),
    code=Code(shares=True, nest=Mapped("same")),
)

#: What a function that cannot be run on a whole batch raises; then it is run on one member after the other.
_NOT_BATCHABLE = (ControlFlowError, ConversionError, NoRuleError)


class Call:
    """A function of a list of operands that every transformation treats as one operation.

    Subclasses define ``joint(tangents, operands) -> (answers, tangents of the answers)``, where a tangent is None where
    it is zero, and ``batched(size, flags)``, the call for operands of which the flagged ones have a batch in front.
    """

    def __init__(self, name: str, function: Flat) -> None:
        self.name = name
        self.function = function

    def __call__(self, *operands: Any) -> tuple[Any, ...]:
        """Answers, by the highest trace among the operands."""
        # A buffer stands for what it contains now.
        operands = tuple(v.content() if isinstance(v, Tracer) else v for v in operands)
        top: Trace | None = None
        for value in operands:
            if isinstance(value, Tracer) and (top is None or value.owner.level > top.level):
                top = value.owner
        if top is None or isinstance(top, (TapeTrace, AnnihilateTrace)):
            # On tangents and cotangents the function has to be linear, which its operations tell.
            return self.function(tuple(sealed(v) for v in operands))
        return top.process(self.primitive(), operands, {})

    def primitive(self) -> Primitive:
        """This call as the operation that traces see."""
        return Primitive(self.name, lambda *operands: self(*operands), batch=self._batch, jvps=self._joint)  # type: ignore[arg-type]

    def joint(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """Answers and their tangents."""
        raise NotImplementedError

    def batched(self, size: int, flags: Sequence[bool]) -> "Call":
        """This call for a batch."""
        raise NotImplementedError

    def _joint(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        # Assignments of the user's must not change what is kept, nor those of the function the values of a trace.
        kept = [sealed(v if t is not None else frozen(v)) for t, v in zip(tangents, operands, strict=True)]
        answers, found = self.joint(tangents, kept)
        answers = tuple(a.copy() if isinstance(a, np.ndarray) and not a.flags.writeable else a for a in answers)
        recording = any(isinstance(t, TapeVariable) for t in tangents)
        return answers, tuple(_cleaned(a, t, recording) for a, t in zip(answers, found, strict=True))

    def _batch(
        self, primitive: Primitive, size: int, operands: Sequence[Any], flags: Sequence[bool], parameters: Any
    ) -> tuple[Any, ...]:
        del primitive, parameters
        return self.batched(size, flags)(*(sealed(v) for v in operands))


class JvpCall(Call):
    """A call whose derivative is ``rule(operands, tangents) -> (answers, tangents of the answers)``."""

    def __init__(self, name: str, function: Flat, rule: Flat) -> None:
        super().__init__(name, function)
        self.rule = rule

    def joint(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """Answers and tangents by the rule; where outer transformations look on, answers by this call again."""
        full = [zeros_like(v) if t is None else sealed(t) for t, v in zip(tangents, operands, strict=True)]
        with np.errstate(all="ignore"):
            answers, found = self.rule(operands, full)
        if _any_traced(operands):
            answers = _same_form(self.name, self(*operands), answers)
        return answers, list(found)

    def batched(self, size: int, flags: Sequence[bool]) -> Call:
        """Function and rule on a batch."""

        def rule(operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
            count = len(operands)

            def flat(values: Sequence[Any]) -> tuple[Any, ...]:
                answers, found = self.rule(values[:count], values[count:])
                return (*answers, *found)

            parts = on_batch(flat, size, [*flags, *flags], [*operands, *tangents])
            return parts[: len(parts) // 2], parts[len(parts) // 2 :]

        return JvpCall(self.name, lambda operands: on_batch(self.function, size, flags, operands), rule)


class VjpCall(Call):
    """A call whose derivative is the transpose of ``bwd``.

    ``fwd(operands) -> (answers, residuals)``, and ``bwd(residuals, cotangents)`` gives one cotangent an operand, None
    where it is zero.
    """

    def __init__(self, name: str, function: Flat, fwd: Flat, bwd: Flat) -> None:
        super().__init__(name, function)
        self.fwd = fwd
        self.bwd = bwd

    def joint(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """Answers; tangents by ``bwd``, recorded to be run later, or transposed."""
        answers, residuals = self.fwd(operands)
        if _any_traced(operands):
            answers = _same_form(self.name, self(*operands), answers)
        like = [_tangent_shape(a) for a in answers]

        def pull(cotangents: list[Any]) -> list[Any]:
            full = filled(cotangents, [zeros_like(a) for a in spaces])
            return self.bwd(residuals, [sealed(c) for c in full])

        def pull_any(cotangents: list[Any]) -> list[Any]:
            try:
                return pull(cotangents)
            except NotLinearError:
                # A rule need not be linear, as one that clips; zeros that annihilate make no sense then.
                wrapped = [c for c in cotangents if isinstance(c, AnnihilateTracer)]
                if not wrapped:
                    raise
                trace = wrapped[0].owner
                return [trace.wrap(v) for v in pull([None if c is None else trace.unwrap(c) for c in cotangents])]

        def push(given: list[Any]) -> list[Any]:
            with TapeTrace(f"the transpose of the bwd rule of {self.name}") as trace:
                inputs = [None if s is None else trace.input(s) for s in like]
                linear = trace.finish(pull(inputs))
            found = iter(linear.pull(given))
            return [None if s is None else next(found) for s in like]

        spaces = [shaped(a) for a in answers]
        with np.errstate(all="ignore"):
            return answers, apply_linear(push, pull_any, tangents, like)

    def batched(self, size: int, flags: Sequence[bool]) -> Call:
        """Rules on a batch; cotangents of an operand that is the same for all members are summed over them."""
        key = object()

        def fwd(operands: Sequence[Any]) -> Any:
            try:
                return self._fwd_batch(key, size, flags, operands)
            except _NOT_BATCHABLE:
                return self._fwd_loop(size, flags, operands)

        def bwd(residuals: Any, cotangents: list[Any]) -> list[Any]:
            if isinstance(residuals, _Members):
                return self._bwd_loop(size, flags, residuals, cotangents)
            try:
                return self._bwd_batch(key, size, flags, residuals, cotangents)
            except _NOT_BATCHABLE:
                members = [_residuals_map(_entering(key, itemgetter(i)), residuals) for i in range(size)]
                return self._bwd_loop(size, flags, _Members(members), cotangents)

        return VjpCall(self.name, lambda operands: on_batch(self.function, size, flags, operands), fwd, bwd)

    def _fwd_batch(self, key: object, size: int, flags: Sequence[bool], operands: Sequence[Any]) -> Any:
        with BatchTrace(size) as trace:
            answers, residuals = self.fwd(_entered(trace, flags, operands))

            def leave(value: Any) -> Any:
                mine = isinstance(value, BatchTracer) and value.owner is trace
                return _Batched(key, value.value) if mine else value

            return tuple(_full(a, trace) for a in answers), _residuals_map(leave, residuals)

    def _fwd_loop(self, size: int, flags: Sequence[bool], operands: Sequence[Any]) -> Any:
        members = [self.fwd(_member(i, flags, operands)) for i in range(_some(size, self.name))]
        answers = tuple(np.stack(parts) for parts in zip(*(answers for answers, _ in members), strict=True))
        return answers, _Members([residuals for _, residuals in members])

    def _bwd_batch(
        self, key: object, size: int, flags: Sequence[bool], residuals: Any, cotangents: list[Any]
    ) -> list[Any]:
        with BatchTrace(size) as trace:
            entered = _residuals_map(_entering(key, lambda v: BatchTracer(trace, v)), residuals)
            found = self.bwd(entered, [BatchTracer(trace, c) for c in cotangents])
            return [_leave(v, trace, flag) for v, flag in zip(found, flags, strict=True)]

    def _bwd_loop(self, size: int, flags: Sequence[bool], residuals: "_Members", cotangents: list[Any]) -> list[Any]:
        found = [self.bwd(residuals.values[i], [c[i] for c in cotangents]) for i in range(size)]
        result: list[Any] = []
        for parts, flag in zip(zip(*found, strict=True), flags, strict=True):
            some = [part for part in parts if part is not None]
            if not some:
                result.append(None)
            elif flag:
                result.append(np.stack([np.zeros_like(some[0]) if part is None else part for part in parts]))
            else:
                result.append(sum(some[1:], start=some[0]))
        return result


class CheckpointCall(Call):
    """A call that keeps its operands alone, and is run again when its derivative is asked for."""

    def joint(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """In forward mode, both at once; on a tape, the answers, and a row that runs the function again."""
        if not any(isinstance(t, TapeVariable) for t in tangents):
            return self._forward(tangents, operands)
        answers = self(*operands)
        slots = [slot for slot, t in enumerate(tangents) if t is not None]

        def pull(cotangents: list[Any]) -> list[Any]:
            with new_reverse_trace.get()() as trace:
                inputs = [again(v) for v in operands]
                for slot in slots:
                    inputs[slot] = trace.input(inputs[slot])
                derivative = trace.finish(self.function(inputs))
            found: list[Any] = [None] * len(operands)
            for slot, cotangent in zip(slots, derivative.pull(cotangents), strict=True):
                found[slot] = cotangent
            return found

        def push(given: list[Any]) -> list[Any]:
            return self._forward(given, operands)[1]

        return answers, apply_linear(push, pull, tangents, [_tangent_shape(a) for a in answers])

    def batched(self, size: int, flags: Sequence[bool]) -> Call:
        """The function on a batch."""
        return CheckpointCall(self.name, lambda operands: on_batch(self.function, size, flags, operands))

    def _forward(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        with new_forward_trace.get()() as trace:
            pairs = zip(tangents, operands, strict=True)
            answers = self.function([v if t is None else sealed(ForwardTracer(trace, v, t)) for t, v in pairs])
            mine = [isinstance(a, ForwardTracer) and a.owner is trace for a in answers]
        found = [a.tangent if m else None for a, m in zip(answers, mine, strict=True)]
        return tuple(a.primal if m else a for a, m in zip(answers, mine, strict=True)), found


def sealed(value: Any) -> Any:
    """The value as a function of the user's may have it, which must not change it in place."""
    if isinstance(value, Tracer):
        value = value.fork()
        value.views = SEALED
    elif isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.view()
        value.flags.writeable = False
    return value


def zeros_like(value: Any) -> Any:
    """The zero tangent of a value, a number or a `Shaped`: of dtype float for integers."""
    like = shaped(value)
    return np.zeros(like.shape, like.dtype if is_inexact(like.dtype) else float)[()]


def check_closed(name: str, answers: Sequence[Any], operands: Sequence[Any]) -> None:
    """Refuse answers that depend on a traced value which is not among the operands.

    Raises
    ------
    RuleError
        Since the rule knows nothing of that value, and its derivative would be lost.
    """
    known = _owners(operands)
    if any(owner not in known for owner in _owners(answers)):
        raise RuleError(
            f"{name} uses a traced value that is not among its arguments (a closure), of which its rule knows nothing; "
            f"pass it as an argument, or use hodiff.stop_gradient(x) inside if no derivative is wanted"
        )


def on_batch(function: Flat, size: int, flags: Sequence[bool], operands: Sequence[Any]) -> tuple[Any, ...]:
    """Answers for a whole batch, at once, or one after the other where the function needs plain values."""
    try:
        with BatchTrace(size) as trace:
            return tuple(_full(a, trace) for a in function(_entered(trace, flags, operands)))
    except _NOT_BATCHABLE:
        members = [function(_member(i, flags, operands)) for i in range(_some(size, "a function"))]
        return tuple(np.stack(parts) for parts in zip(*members, strict=True))


class Likes:
    """Shapes and dtypes of operands among residuals, which are trees that this is a leaf of."""

    def __init__(self, values: list[Shaped]) -> None:
        self.values = values


class _Batched:
    """A residual that has the batch of one call in front."""

    def __init__(self, key: object, value: Any) -> None:
        self.key = key
        self.value = value


def _entering(key: object, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function applied to the residuals that have the batch of this call in front."""

    def enter(leaf: Any) -> Any:
        return function(leaf.value) if isinstance(leaf, _Batched) and leaf.key is key else leaf

    return enter


class _Members:
    """Residuals of each member of a batch."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values


def _residuals_map(function: Callable[[Any], Any], residuals: Any) -> Any:
    """Residuals with a function applied to each leaf, those inside the batches of other calls included."""

    def visit(leaf: Any) -> Any:
        found = function(leaf)
        if found is leaf and isinstance(leaf, _Batched):
            return _Batched(leaf.key, visit(leaf.value))
        if found is leaf and isinstance(leaf, _Members):
            return _Members([tree_map(visit, value) for value in leaf.values])
        return found

    return tree_map(visit, residuals)


def _some(size: int, name: str) -> int:
    if size == 0:
        raise RuleError(f"{name} cannot be run on a whole batch, and so not on one of length 0")
    return size


def _entered(trace: BatchTrace, flags: Sequence[bool], operands: Sequence[Any]) -> list[Any]:
    return [sealed(BatchTracer(trace, v)) if flag else v for v, flag in zip(operands, flags, strict=True)]


def _member(i: int, flags: Sequence[bool], operands: Sequence[Any]) -> list[Any]:
    return [v[i] if flag else v for v, flag in zip(operands, flags, strict=True)]


def _full(value: Any, trace: BatchTrace) -> Any:
    if isinstance(value, BatchTracer) and value.owner is trace:
        return value.value
    return np.broadcast_to(value, (trace.size, *np.shape(value)))


def _leave(value: Any, trace: BatchTrace, batched: bool) -> Any:
    """A cotangent behind the batch: with the batch in front, or the sum over it."""
    if value is None:
        return None
    if batched:
        return _full(value, trace)
    mine = isinstance(value, BatchTracer) and value.owner is trace
    return np.sum(value.value, axis=0) if mine else value * trace.size


def _any_traced(values: Sequence[Any]) -> bool:
    return any(isinstance(v, Tracer) for v in values)


def _owners(values: Sequence[Any]) -> set[Trace]:
    """Every trace among the values, those of lower levels included."""
    found: set[Trace] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tracer):
            found.add(value.owner)
            waiting.extend(value.components())
    return found


def _tangent_shape(answer: Any) -> Shaped | None:
    return Shaped(answer.shape, answer.dtype) if is_inexact(answer.dtype) else None


def _cleaned(answer: Any, tangent: Any, recording: bool) -> Any:
    """The tangent, None where it is zero: a constant, or that of an integer."""
    if tangent is None or not is_inexact(answer.dtype):
        return None
    if isinstance(tangent, Tracer) and (not recording or isinstance(tangent, TapeVariable)):
        return tangent
    # What does not depend on the tangents that are recorded is zero everywhere, or an error that the trace reports.
    return tangent if _nonzero(tangent) else None


def _nonzero(value: Any) -> bool:
    while isinstance(value, Tracer):
        parts = value.components()
        if not parts:
            return True
        if not isinstance(parts[0], Tracer):
            return value.decide(some_nonzero)
        value = parts[0]
    return bool(np.any(value))


def _same_form(name: str, answers: tuple[Any, ...], ruled: Sequence[Any]) -> tuple[Any, ...]:
    """Answers of the function, of which the rule has given others of the same number, shapes and dtypes."""
    if len(answers) != len(ruled):
        raise RuleError(f"{name}: its rule returned {len(ruled)} arrays where the function returns {len(answers)}")
    for i, (answer, value) in enumerate(zip(answers, ruled, strict=True)):
        if answer.shape != value.shape or answer.dtype != value.dtype:
            raise RuleError(
                f"{name}: its rule returned shape {value.shape} and dtype {value.dtype} for leaf {i} of the result, "
                f"where the function returns shape {answer.shape} and dtype {answer.dtype}"
            )
    return answers
