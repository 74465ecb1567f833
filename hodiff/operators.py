"""Operators and attributes of traced values, installed by the modules that define the operations.

Installing plain functions costs two microseconds an operation less than NumPy's mixin. May import ``core`` and
``mutation``.

>>> import hodiff as hd
>>> float(hd.grad(lambda x: -x + 3.0 * x)(1.0))
2.0
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hodiff.core import NUMPY_UFUNCS, OPERANDS, Primitive, Tracer, as_operand
from hodiff.mutation import is_array, update

#: What Python writes for its special methods.
SYMBOLS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "eq": "==",
    "ne": "!=",
    "and": "&",
    "or": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
    "neg": "-",
    "pos": "+",
    "invert": "~",
    "abs": "abs ",
}

#: Operands that cannot have a trace, so an infix operation needs no search for the highest one.
_PLAIN = frozenset({np.ndarray, float, int, np.float64})


def infix(operation: Callable[..., Any], name: str, symbol: str | None, *, reflected: bool = True) -> None:
    """Give traced values an infix operator such as ``__add__``, with its reflected and in-place forms.

    In place, a scalar is rebound, as Python does with NumPy scalars; an array changes under every name that it has. A
    ``symbol`` of None means that there is no in-place form.
    """
    direct = isinstance(operation, Primitive) and operation.partials is not None
    _note_symbol(operation, name)

    def forward(self: Tracer, other: Any) -> Any:
        # Nearly always the other operand is plain or of the same trace, and no search for the highest is needed.
        if direct and (other.__class__ in _PLAIN or (isinstance(other, Tracer) and other.owner is self.owner)):
            return self.owner.binary(operation, self, other)  # type: ignore[arg-type]
        if isinstance(other, OPERANDS):
            return operation(self, as_operand(other))
        return NotImplemented

    def backward(self: Tracer, other: Any) -> Any:
        if direct and other.__class__ in _PLAIN:
            return self.owner.binary(operation, other, self)  # type: ignore[arg-type]
        if isinstance(other, OPERANDS):
            return operation(as_operand(other), self)
        return NotImplemented

    def in_place(self: Tracer, other: Any) -> Any:
        if not self.shape and not is_array(self):
            return forward(self, other)
        value = forward(self, other)
        if value is NotImplemented:
            return value
        if value.shape != self.shape:
            raise ValueError(
                f"non-broadcastable output operand with shape {self.shape} doesn't match the broadcast shape "
                f"{value.shape}"
            )
        if value.dtype != self.dtype:
            if not np.can_cast(value.dtype, self.dtype, "same_kind"):
                raise TypeError(
                    f"`x {symbol}= y`: cannot cast the result from {value.dtype} to {self.dtype}, the dtype of x, with "
                    f"casting rule 'same_kind'; write x = x {symbol} y"
                )
            value = value.astype(self.dtype)
        update(self, value, f"`x {symbol}= y`")
        return self

    setattr(Tracer, f"__{name}__", forward)
    if reflected:
        setattr(Tracer, f"__r{name}__", backward)
    if symbol is not None:
        setattr(Tracer, f"__i{name}__", in_place)


def prefix(operation: Callable[..., Any], name: str) -> None:
    """Give traced values a prefix operator such as ``__neg__``."""
    _note_symbol(operation, name)
    setattr(Tracer, f"__{name}__", lambda self: operation(self))


def _note_symbol(operation: Any, name: str) -> None:
    primitive = operation if isinstance(operation, Primitive) else NUMPY_UFUNCS.get(operation)
    if isinstance(primitive, Primitive):
        primitive.symbol = SYMBOLS.get(name)


def attribute(operation: Callable[..., Any], name: str, setter: Callable[[Any, Any], None] | None = None) -> None:
    """Give traced values an attribute such as ``.real``; ``setter`` is called with the array and the new value."""
    setattr(Tracer, name, property(lambda self: operation(self), setter, doc=operation.__doc__))
