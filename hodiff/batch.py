"""Batching: many evaluations at once, as ``vmap`` does, by carrying a batch axis through every operation.

May import ``batch_rules``, ``core`` and ``errors``. The batch is always axis 0 of the value of a `BatchTracer`, which
itself shows the shape without it.

>>> trace = BatchTrace(2)
>>> BatchTracer(trace, np.ones((2, 3))).shape
(3,)
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from hodiff.batch_rules import Partly
from hodiff.core import Primitive, Trace, Tracer
from hodiff.errors import ControlFlowError, ConversionError, RuleError


class BatchTracer(Tracer):
    """A batch of values, seen as one of them."""

    __slots__ = ("value",)
    owner: "BatchTrace"

    def __init__(self, trace: "BatchTrace", value: Any) -> None:
        self.owner = trace
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one member of the batch."""
        return tuple(self.value.shape[1:])

    @property
    def dtype(self) -> "np.dtype[Any]":
        """NumPy dtype."""
        return self.value.dtype

    def components(self) -> tuple[Any, ...]:
        """The whole batch."""
        return (self.value,)

    def example(self) -> Any:
        """The value of the first member."""
        batch = self.value.example() if isinstance(self.value, Tracer) else self.value
        return batch[0] if len(batch) else np.zeros(self.shape, self.dtype)

    def assume(self, other: Any) -> None:
        """Stand for another batch."""
        self.value = other.value

    def truth(self) -> Any:
        """Refuse: the members of a batch may disagree."""
        raise ControlFlowError(
            "a value under hodiff.vmap (or under a batched jacobian or hessian) has no single truth value or integer "
            "value, since the members of the batch may differ: use np.where(condition, a, b) instead of `if`, or a "
            "Python loop instead of vmap"
        )

    def __float__(self) -> float:
        raise ConversionError(
            "float(x) of a value under hodiff.vmap: there is a whole batch of values; use NumPy functions instead of "
            "those of math, and np.stack instead of assigning to elements of a plain array"
        )

    def __format__(self, specification: str) -> str:
        return repr(self)


class BatchTrace(Trace):
    """One run of ``vmap`` over a batch of ``size`` members."""

    __slots__ = ("size",)
    transformation = "hodiff.vmap"

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def input(self, value: Any) -> BatchTracer:
        """A tracer for a batch."""
        return BatchTracer(self, value)

    def constant(self, value: Any) -> BatchTracer:
        """The same value for every member."""
        return BatchTracer(self, np.broadcast_to(value, (self.size, *np.shape(value))))

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply the primitive's batching rule to the values behind the tracers."""
        if self.closed:
            raise self.leaked()
        values = []
        batched = []
        for operand in operands:
            mine = isinstance(operand, BatchTracer) and operand.owner is self
            values.append(operand.value if mine else operand)
            batched.append(mine)
        return self.traced(primitive, primitive.batch(primitive, self.size, values, batched, parameters), BatchTracer)

    def traced(self, primitive: Primitive, answer: Any, kind: type[BatchTracer]) -> Any:
        """The answer of the batching rule, its batches in tracers."""
        self.check_answer(primitive, answer)
        parts = answer if isinstance(answer, tuple) else (answer,)
        flags = answer.flags if answer.__class__ is Partly else (True,) * len(parts)
        for part, flag in zip(parts, flags, strict=True):
            if flag and part.shape[:1] != (self.size,):
                raise RuleError(
                    f"{primitive.name}: its batching rule returned shape {part.shape} for a batch of {self.size}; the "
                    f"batch must be axis 0: check `core`, `leading` or `batch` in its declaration"
                )
        traced = tuple(kind(self, p) if flag else p for p, flag in zip(parts, flags, strict=True))
        return traced if isinstance(answer, tuple) else traced[0]


#: Makes the trace of each ``vmap``; another one than the plain `BatchTrace` while debugging.
new_batch_trace: ContextVar[Callable[[int], BatchTrace]] = ContextVar("new_batch_trace", default=BatchTrace)
