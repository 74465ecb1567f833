"""Directions: the basis that Jacobians are made of, which programs know for tangents or cotangents.

A Jacobian applies a linear map to all directions of a basis at once. Most members of such a batch are exactly zero for
long, as where a function reads its parameters one by one; and zeros of tangents annihilate, those of coefficients do
not. A program does not show which is which, so while a function is staged, this trace marks what is linear in them.
May import ``annihilate``, ``batch``, ``core``, ``errors``, ``program`` and ``staging``.

>>> from hodiff.ops.elementwise import divide, exp
>>> is_linear_in(divide, 0, 2), is_linear_in(divide, 1, 2), is_linear_in(exp, 0, 1)
(True, False, False)
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hodiff.annihilate import linear_coefficient
from hodiff.batch import BatchTrace, BatchTracer
from hodiff.core import Primitive, Sign, Tracer
from hodiff.errors import NotLinearError
from hodiff.staging import StageTrace, current_stage

#: Of more directions, nobody asks which are zero.
LARGEST = 64


class DirectionTracer(BatchTracer):
    """A batch that is linear in the basis."""

    __slots__ = ()


class DirectionsTrace(BatchTrace):
    """A linear map, applied to a basis while a function is staged.

    Parameters
    ----------
    size : int
        How many directions there are.
    stage : StageTrace
    """

    __slots__ = ("stage",)

    def __init__(self, size: int, stage: StageTrace) -> None:
        super().__init__(size)
        self.stage = stage

    def input(self, value: Any) -> BatchTracer:
        """A tracer for a part of the basis."""
        return DirectionTracer(self, value)

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Apply the primitive's batching rule, and mark what is linear."""
        stage = self.stage
        batched = [isinstance(v, BatchTracer) and v.owner is self for v in operands]
        mine = [slot for slot, flag in enumerate(batched) if flag]
        linear = all(operands[slot].__class__ is DirectionTracer for slot in mine)
        if self.closed or stage is not current_stage.get() or not linear or not _is_linear(primitive, operands, mine):
            return super().process(primitive, operands, parameters)
        values = [v.value if flag else v for v, flag in zip(operands, batched, strict=True)]
        if any(isinstance(v, Tracer) for v in values):
            values = [
                stage.tangent(v) if flag and v.__class__ is np.ndarray else v
                for v, flag in zip(values, batched, strict=True)
            ]
        before, stage.directed = stage.directed, True
        try:
            answer = primitive.batch(primitive, self.size, values, batched, parameters)
        finally:
            stage.directed = before
        return self.traced(primitive, answer, DirectionTracer)


def basis_trace(size: int) -> BatchTrace:
    """The trace to apply a linear map to ``size`` directions with."""
    stage = current_stage.get()
    return BatchTrace(size) if stage is None or size > LARGEST else DirectionsTrace(size, stage)


def _is_linear(primitive: Primitive, operands: Sequence[Any], slots: Sequence[int]) -> bool:
    """Whether the operation is linear in all these operands together."""
    if primitive.partials is not None:
        return is_sum(primitive) or (len(slots) == 1 and is_linear_in(primitive, slots[0], len(operands)))
    return (primitive.jointly or len(slots) == 1) and all(primitive.linear_in(slot) for slot in slots)


def is_sum(primitive: Primitive) -> bool:
    """Whether this is a sum or difference of its operands, element by element."""
    partials = primitive.partials
    return partials is not None and all(isinstance(rule, Sign) for rule in partials)


@lru_cache(maxsize=1024)
def is_linear_in(primitive: Primitive, slot: int, count: int) -> bool:
    """Whether an elementwise operation of ``count`` operands is linear in one of them alone."""
    partials = primitive.partials
    if partials is None or slot >= len(partials) or partials[slot] is None:
        return False
    try:
        linear_coefficient(primitive, slot, [1.0] * count)
    except NotLinearError:
        return False
    return True
