r"""Buffers: arrays that are made once and written at every call, and views of them that are made once too.

May import ``program`` and ``text``.

>>> buffers = Buffers(Text())
>>> name = buffers.take((3,), np.dtype(float))
>>> buffers.give(name)
>>> buffers.take((3,), np.dtype(float)), buffers.take((3,), np.dtype(float))
('b0', 'b1')
>>> buffers.notes()
['b0, b1 = float64[3]']
>>> [array.shape for array in buffers.maker()()]
[(3,), (3,)]
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from hodiff.compiled.numpy_source.text import Text, dtype_name
from hodiff.program import Equation

Shape = tuple[int, ...]
#: How a buffer is made; of a view, from which one.
Recipe = tuple[Callable[..., Any], int | None]


class Buffers:
    """The buffers of one emitted function. At the end of a call they go back to a pool, for the next one.

    Attributes
    ----------
    arrays : list of array
        The first of them, which tell how large they are and what is a view, and are those of the first call.
    """

    def __init__(self, text: Text) -> None:
        self.arrays: list[Any] = []
        self._text = text
        self._recipes: list[Recipe] = []
        #: The number of each.
        self._places: dict[str, int] = {}
        #: Those of each shape and dtype, all and the free ones, and for each the list where it belongs.
        self._kinds: dict[tuple[Shape, Any], tuple[list[str], list[str]]] = {}
        self._alike: dict[str, list[str]] = {}
        #: How each view is written.
        self._views: dict[tuple[str, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self.arrays)

    @property
    def names(self) -> str:
        """All of them as a tuple."""
        return f"({', '.join(self._places)}{',' if len(self._places) == 1 else ''})"

    def take(self, shape: Shape, dtype: "np.dtype[Any]") -> str:
        """The name of a buffer that is free, or new."""
        kind = self._kinds.get((shape, dtype))
        if kind is None:
            kind = self._kinds[shape, dtype] = [], []
        names, free = kind
        if free:
            return free.pop()
        name = self._text.number("b")
        names.append(name)
        self._alike[name] = free
        self._add(name, np.empty(shape, dtype), (partial(np.empty, shape, dtype), None))
        return name

    def _add(self, name: str, array: Any, recipe: Recipe) -> None:
        self._places[name] = len(self.arrays)
        self.arrays.append(array)
        self._recipes.append(recipe)

    def give(self, name: str) -> None:
        """Declare a buffer free."""
        self._alike[name].append(name)

    def view(self, name: str, expression: str, equation: Equation) -> str | None:
        """The name of a view of a buffer, made once; None for what is no buffer, or turns out to be a copy."""
        place = self._places.get(name)
        if place is None:
            return None
        known = self._views.get((name, expression))
        if known is None:
            array, make = self.arrays[place], partial(equation.primitive.function, **equation.parameters)
            example = make(array)
            if example.__class__ is not np.ndarray or not (np.may_share_memory(example, array) or not array.size):
                return None
            known = self._views[name, expression] = self._text.number("v")
            self._add(known, example, (make, place))
        return known

    def notes(self) -> list[str]:
        """What the reader should know of them."""
        notes = [
            f"{', '.join(names)} = {dtype_name(dtype)}{list(shape)}"
            for (shape, dtype), (names, _) in self._kinds.items()
        ]
        return notes + [f"{name} = {expression}" for (_, expression), name in self._views.items()]

    def maker(self) -> Callable[[], list[Any]]:
        """A function that makes another set of them."""
        return partial(_made, self._recipes)


def _made(recipes: list[Recipe]) -> list[Any]:
    arrays: list[Any] = []
    for make, place in recipes:
        arrays.append(make() if place is None else make(arrays[place]))
    return arrays
