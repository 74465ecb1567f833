"""Forward mode: tangents travel with the primals.

May import ``casting``, ``core``, ``handling`` and ``primal``. Integers and booleans carry no tangent, and a value
with tangent zero is simply not wrapped: symbolic zeros cost nothing.

>>> with ForwardTrace() as trace:
...     y = np.sin(ForwardTracer(trace, np.array(0.0), np.array(1.0)))
>>> float(y.primal), float(y.tangent)
(0.0, 1.0)
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from hodiff.casting import check_coefficient, check_tangent, fit_tangent, paired
from hodiff.core import PLUS, Primitive, Sign, Trace, bind
from hodiff.handling import quiet
from hodiff.primal import PrimalTracer


class ForwardTracer(PrimalTracer):
    """A primal with its tangent."""

    __slots__ = ("tangent",)
    owner: "ForwardTrace"

    def __init__(self, trace: "ForwardTrace", primal: Any, tangent: Any) -> None:
        self.owner = trace
        self.primal = primal
        self.tangent = tangent

    def components(self) -> tuple[Any, ...]:
        """Primal and tangent."""
        return (self.primal, self.tangent)

    def assume(self, other: Any) -> None:
        """Stand for another primal with another tangent."""
        self.primal, self.tangent = other.primal, other.tangent


class ForwardTrace(Trace):
    """One run of ``jvp``."""

    __slots__ = ()
    transformation = "hodiff.jvp"

    def constant(self, value: Any) -> ForwardTracer:
        """A primal with the tangent zero."""
        return ForwardTracer(self, value, _zeros_like(value))

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply the primitive to the primals, and its differential to the tangents."""
        if self.closed:
            raise self.leaked()
        primals = list(operands)
        tangents: list[tuple[int, Any]] = []
        for slot, operand in enumerate(operands):
            if isinstance(operand, ForwardTracer) and operand.owner is self:
                primals[slot] = operand.primal
                tangents.append((slot, operand.tangent))
        if primitive.jvps is not None and callable(primitive.jvps):
            given = dict(tangents)
            answer, tangent = primitive.jvps([given.get(i) for i in range(len(primals))], primals, **parameters)
            self.check_answer(primitive, answer)
            return self._wrap(primitive, answer, tangent)
        answer = bind(primitive, *primals, **parameters)
        self.check_answer(primitive, answer)
        if primitive.constant:
            return answer
        # An infinite coefficient may have met a zero tangent before, so even a harmless product may warn.
        with quiet():
            if primitive.partials is not None:
                tangent = _elementwise(primitive, answer, primals, tangents)
            elif primitive.jointly:
                tangent = _jointly_linear(primitive, primals, tangents, parameters)
            else:
                tangent = _by_operand(primitive, answer, primals, tangents, parameters)
        return self._wrap(primitive, answer, tangent)

    def _wrap(self, primitive: Primitive, answer: Any, tangent: Any) -> Any:
        if isinstance(answer, tuple):
            if tangent is None:
                return answer
            return tuple(self._wrap(primitive, a, t) for a, t in paired(answer, tangent, primitive.name))
        if tangent is None:
            return answer
        if primitive.partials is None:
            check_tangent(answer, tangent, primitive.name)
        if tangent.shape != answer.shape or tangent.dtype != answer.dtype:
            tangent = fit_tangent(tangent, answer.shape, answer.dtype)
        return ForwardTracer(self, answer, tangent)


#: Makes the trace of each ``jvp``; another one than the plain `ForwardTrace` while debugging.
new_forward_trace: ContextVar[Callable[[], ForwardTrace]] = ContextVar("new_forward_trace", default=ForwardTrace)


def _elementwise(primitive: Primitive, answer: Any, primals: list[Any], tangents: list[tuple[int, Any]]) -> Any:
    assert primitive.partials is not None
    total = None
    for slot, tangent in tangents:
        rule = primitive.rule(primitive.partials, slot)
        if rule is None:
            continue
        if rule.__class__ is Sign:
            term = tangent if rule is PLUS else -tangent
        else:
            coefficient = rule(answer, *primals)
            if not primitive.smooth:
                check_coefficient(coefficient, answer.shape, primitive.name)
            term = tangent * coefficient
        total = term if total is None else total + term
    return total


def _jointly_linear(
    primitive: Primitive, primals: list[Any], tangents: list[tuple[int, Any]], parameters: dict[str, Any]
) -> Any:
    given = {slot: tangent for slot, tangent in tangents if primitive.transposable(slot)}
    if not given:
        return None
    operands = [
        given[slot] if slot in given else _zeros_like(value) if primitive.linear_in(slot) else value
        for slot, value in enumerate(primals)
    ]
    return bind(primitive, *operands, **parameters)


def _by_operand(
    primitive: Primitive, answer: Any, primals: list[Any], tangents: list[tuple[int, Any]], parameters: dict[str, Any]
) -> Any:
    total: Any = None
    for slot, tangent in tangents:
        if primitive.linear_in(slot) or (primitive.jvps is None and primitive.transposable(slot)):
            operands = list(primals)
            operands[slot] = tangent
            term = bind(primitive, *operands, **parameters)
        elif primitive.jvps is not None:
            rule = primitive.rule(primitive.jvps, slot)
            term = None if rule is None else rule(tangent, answer, *primals, **parameters)
        else:
            continue
        total = add_tangents(total, term)
    return total


def add_tangents(a: Any, b: Any) -> Any:
    """Sum of two tangents, or tuples of tangents, where None is zero."""
    if a is None or b is None:
        return a if b is None else b
    if isinstance(a, tuple):
        return tuple(add_tangents(x, y) for x, y in zip(a, b, strict=True))
    return a + b


def _zeros_like(value: Any) -> Any:
    return np.broadcast_to(np.zeros((), np.result_type(value)), np.shape(value))
