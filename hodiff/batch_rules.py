"""Batching rules: how a primitive is applied to operands with a batch axis in front.

Each rule is ``(primitive, size, operands, batched, parameters) -> answer``, where ``batched`` says which operands have
the batch as axis 0, and the answer has it there too. May import ``core`` and ``errors``.

>>> from hodiff.core import Primitive
>>> dot = Primitive("dot", lambda x, y: (x * y).sum(-1), batch=batch_aligned)
>>> batch_aligned(dot, 2, [np.ones((2, 3)), np.ones(3)], [True, False], {}, core=1)
array([3., 3.])
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from hodiff.core import Primitive
from hodiff.errors import RuleError

Rule = Callable[..., Any]


class Partly(tuple[Any, ...]):
    """Several answers, of which only the flagged ones have the batch in front; others are the same for all members."""

    flags: Sequence[bool]

    def __new__(cls, answers: Sequence[Any], flags: Sequence[bool]) -> "Partly":
        """Answers with their flags."""
        parts = super().__new__(cls, answers)
        parts.flags = flags
        return parts


def batch_aligned(
    primitive: Primitive,
    size: int,
    operands: Sequence[Any],
    batched: Sequence[bool],
    parameters: dict[str, Any],
    core: int = 0,
) -> Any:
    """Batch a function that broadcasts over all but its last ``core`` axes: align the axes behind the batch."""
    counts = [getattr(value, "ndim", 0) - flag for value, flag in zip(operands, batched, strict=True)]
    loop = max(max(counts) - core, 0)
    aligned = [
        np.reshape(value, (size, *((1,) * missing), *value.shape[1:]))
        if flag and (missing := loop - (n - core)) > 0
        else value
        for value, n, flag in zip(operands, counts, batched, strict=True)
    ]
    answer = primitive(*aligned, **parameters)
    if isinstance(answer, tuple) and not all(batched):
        # One of several answers may depend on unbatched operands alone, and would lack the batch axis. Python's numbers
        # stay what they are: as arrays they would have a precision of their own.
        whole = [flag or isinstance(v, (int, float, complex)) for v, flag in zip(operands, batched, strict=True)]
        if not all(whole):
            full = [
                v if ready else np.broadcast_to(v, (size, *np.shape(v)))
                for v, ready in zip(operands, whole, strict=True)
            ]
            flags = [flag or not ready for flag, ready in zip(batched, whole, strict=True)]
            return batch_aligned(primitive, size, full, flags, parameters, core)
    return answer


def batch_leading(
    primitive: Primitive, size: int, operands: Sequence[Any], batched: Sequence[bool], parameters: dict[str, Any]
) -> Any:
    """Batch a function that takes one more axis in front of every operand, its parameters changed to fit."""
    assert primitive.leading is not None
    full = [
        value if flag else np.broadcast_to(value, (size, *np.shape(value)))
        for value, flag in zip(operands, batched, strict=True)
    ]
    return primitive(*full, **primitive.leading(size, **parameters))


def batch_loop(
    primitive: Primitive, size: int, operands: Sequence[Any], batched: Sequence[bool], parameters: dict[str, Any]
) -> Any:
    """Batch any function by a loop over the batch."""
    answers = [
        primitive(*(value[i] if flag else value for value, flag in zip(operands, batched, strict=True)), **parameters)
        for i in range(size)
    ]
    if not answers:
        raise RuleError(
            f"{primitive.name} has no batching rule of its own and cannot be batched over an axis of length 0; give "
            f"its declaration `leading`, `core` or `batch`"
        )
    if isinstance(answers[0], tuple):
        return tuple(np.stack(parts) for parts in zip(*answers, strict=True))
    return np.stack(answers)


def choose_rule(batch: Rule | None, leading: bool | Rule, core: int | None) -> Rule:
    """Batching rule of a declaration with these keywords; a loop where there is none."""
    if leading is not False and core is not None:
        raise RuleError("give `leading` or `core`, not both: they are two ways to batch")
    if batch is not None:
        return batch
    if leading is not False:
        return batch_leading
    if core is None:
        return batch_loop
    return partial(batch_aligned, core=core) if core else batch_aligned


def leading_rule(leading: bool | Rule) -> Rule | None:
    """Change of parameters for one more axis in front; None where the declaration says nothing of it."""
    if callable(leading):
        return leading
    return _same_parameters if leading else None


def _same_parameters(size: int, /, **parameters: Any) -> dict[str, Any]:
    del size
    return parameters
