"""What a captured value was, to be compared with what it is now: exactly, and without running the user's code.

Each expectation has ``same(value)``. `Same` compares by identity; `Exact` scalars by type and bits, so that -0.0 is not
0.0 and NaN is itself; `Elements` and `Entries` what is in a container, in order; `Content` the elements of an array;
`Array` asks only whether it still is one. Imports NumPy and the standard library only.

>>> Exact(0.0).same(-0.0), Exact(float("nan")).same(float("nan")), Exact(1).same(True)
(False, True, False)
>>> Elements([1, 2], (Exact(1), Exact(2)), list.__iter__).same([1, 2])
True
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from operator import is_
from typing import Any

import numpy as np

#: Stands for a value that is not there.
MISSING: Any = type("Missing", (), {"__slots__": (), "__repr__": lambda self: "<missing>"})()


class Expected:
    """An expectation. `known` is a value that satisfies it whenever it is found again, or MISSING."""

    __slots__ = ()
    known: Any = MISSING

    def same(self, value: Any) -> bool:
        """Whether the value is as expected."""
        raise NotImplementedError


class Same(Expected):
    """The same object; what is inside it has its own guards."""

    __slots__ = ("known",)

    def __init__(self, value: Any) -> None:
        self.known = value

    def same(self, value: Any) -> bool:
        return value is self.known


#: Bytes above which arrays are not copied to be compared.
_LARGE = 1 << 14
#: Of a condition.
TRUE = Same(True)


class Exact(Expected):
    """An immutable value of the same type and the same bits."""

    __slots__ = ("bits", "known")

    def __init__(self, value: Any) -> None:
        self.known = value
        self.bits = _bits(value)

    def same(self, value: Any) -> bool:
        return value is self.known or (type(value) is type(self.known) and bool(_bits(value) == self.bits))


class Elements(Expected):
    """A container with the same elements in the same order."""

    __slots__ = ("expected", "iterate", "kind", "knowns")

    def __init__(self, value: Any, expected: tuple[Expected, ...], iterate: Callable[[Any], Iterator[Any]]) -> None:
        self.kind = type(value)
        self.expected = expected
        self.iterate = iterate
        self.knowns = _knowns(expected)

    def same(self, value: Any) -> bool:
        if type(value) is not self.kind:
            return False
        values = tuple(self.iterate(value))
        if len(values) != len(self.expected):
            return False
        if self.knowns is not None and all(map(is_, values, self.knowns)):
            return True
        return all(expected.same(v) for expected, v in zip(self.expected, values, strict=True))


class Entries(Expected):
    """A mapping with the same keys and values in the same order."""

    __slots__ = ("items", "keys", "kind", "values")

    def __init__(
        self, value: Any, keys: Elements, values: Elements, items: Callable[[Any], Iterable[tuple[Any, Any]]]
    ) -> None:
        self.kind = type(value)
        self.keys = keys
        self.values = values
        self.items = items

    def same(self, value: Any) -> bool:
        if type(value) is not self.kind:
            return False
        items = tuple(self.items(value))
        return self.keys.same(tuple(k for k, _ in items)) and self.values.same(tuple(v for _, v in items))


class Content(Expected):
    """An array of the same dtype, shape, layout and elements; a copy of them is kept, not the array."""

    __slots__ = ("bits", "dtype", "integer", "shape", "strides")

    def __init__(self, value: np.ndarray[Any, Any]) -> None:
        self.dtype = value.dtype
        self.shape = value.shape
        self.strides = value.strides
        #: Bits are compared as integers where that needs no copy, and where copies would cost more than a call.
        self.integer = (
            np.dtype(f"i{value.itemsize}") if value.nbytes > _LARGE and value.itemsize in (1, 2, 4, 8) else None
        )
        self.bits: Any = value.tobytes() if self.integer is None else value.copy(order="K").view(self.integer)

    def same(self, value: Any) -> bool:
        if (
            type(value) is not np.ndarray
            or value.dtype != self.dtype
            or value.shape != self.shape
            or value.strides != self.strides
        ):
            return False
        if self.integer is None:
            return bool(value.tobytes() == self.bits)
        return not (value.view(self.integer) != self.bits).any()


class Array(Expected):
    """Any plain array of numbers: an input, whose type the caller looks at."""

    __slots__ = ()

    def same(self, value: Any) -> bool:
        return is_input(value)


def is_input(value: Any) -> bool:
    """Whether an array can be an input of a program: a plain one, of numbers."""
    return type(value) is np.ndarray and value.dtype.kind in "biufc"


def _knowns(expected: tuple[Expected, ...]) -> tuple[Any, ...] | None:
    knowns = tuple(e.known for e in expected)
    return None if any(known is MISSING for known in knowns) else knowns


def _bits(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return struct.pack("d", value)
    if kind is complex:
        return struct.pack("dd", value.real, value.imag)
    if issubclass(kind, np.generic):
        return value.dtype.str, value.tobytes()
    if kind is slice:
        return tuple((type(part), _bits(part)) for part in (value.start, value.stop, value.step))
    return value
