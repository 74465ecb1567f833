r"""Buffers: arrays that are made once and written at every call, and views of them that are made once too.

May import ``program`` and ``text``.

>>> text = Text()
>>> buffers = Buffers(text)
>>> name = buffers.take((3,), np.dtype(float))
>>> buffers.give(name)
>>> buffers.take((3,), np.dtype(float)), buffers.take((3,), np.dtype(float))
('b0', 'b1')
>>> print("\n".join(buffers.source()))
def make_buffers():
    b0, b1 = arrays(2, (3,), float64)
    return (b0, b1)
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hodiff.compiled.numpy_source.text import Text
from hodiff.program import Equation

Shape = tuple[int, ...]


class Buffers:
    """The buffers of one emitted function. At the end of a call they go back to a pool, for the next one."""

    def __init__(self, text: Text) -> None:
        self._text = text
        #: The free ones of each shape and dtype, and for each buffer the list where it belongs.
        self._free: dict[tuple[Shape, Any], list[str]] = {}
        self._alike: dict[str, list[str]] = {}
        #: The names of those of each shape and dtype, and how that is written.
        self._made: dict[tuple[Shape, Any], tuple[list[str], str]] = {}
        #: Lines that make views.
        self._lines: list[str] = []
        #: An example of each buffer, and of each view.
        self._examples: dict[str, Any] = {}
        self._views: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._examples)

    @property
    def names(self) -> str:
        """All of them as a tuple."""
        return f"({', '.join(self._examples)}{',' if len(self._examples) == 1 else ''})"

    def take(self, shape: Shape, dtype: "np.dtype[Any]") -> str:
        """The name of a buffer that is free, or new."""
        free = self._free.setdefault((shape, dtype), [])
        if free:
            return free.pop()
        name = self._text.number("b")
        made = self._made.get((shape, dtype))
        if made is None:
            made = [], f"{self._text.constant(shape)}, {self._text.constant(dtype)}"
            self._made[shape, dtype] = made
        made[0].append(name)
        self._maker(len(made[0]))
        self._examples[name] = np.empty(shape, dtype)
        self._alike[name] = free
        return name

    def _maker(self, count: int) -> str:
        """The name of what makes so many of a kind: Python takes long to compile a line for each."""
        return self._text.bind(np.empty, "empty") if count == 1 else self._text.bind(_arrays, "arrays")

    def give(self, name: str) -> None:
        """Declare a buffer free."""
        self._alike[name].append(name)

    def view(self, name: str, expression: str, equation: Equation) -> str | None:
        """The name of a view of a buffer, made once; None for what is no buffer, or turns out to be a copy."""
        array = self._examples.get(name)
        if array is None:
            return None
        known = self._views.get((name, expression))
        if known is None:
            example = equation.primitive.function(array, **equation.parameters)
            if example.__class__ is not np.ndarray or not (np.may_share_memory(example, array) or not array.size):
                return None
            known = self._views[(name, expression)] = self._text.number("v")
            self._lines.append(f"{known} = {expression}" + (f"  # {equation.source}" if equation.source else ""))
            self._examples[known] = example
        return known

    def source(self) -> Iterator[str]:
        """Lines of the function that makes them."""
        yield "def make_buffers():"
        for names, kind in self._made.values():
            count = "" if len(names) == 1 else f"{len(names)}, "
            yield f"    {', '.join(names)} = {self._maker(len(names))}({count}{kind})"
        yield from (f"    {line}" for line in self._lines)
        yield f"    return {self.names}"


def _arrays(count: int, shape: Shape, dtype: "np.dtype[Any]") -> list[Any]:
    return [np.empty(shape, dtype) for _ in range(count)]
