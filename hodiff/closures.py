"""Traced values that a function reads from the functions around it, found and replaced.

What calls a user's function many times on plain values, as a solver does, must know the traced values that the function
does not get as arguments. May import ``core`` and ``tree``.

>>> offset = 1.0
>>> closure = Closure(lambda x: x + offset)
>>> closure.values
[]
"""

from collections.abc import Callable, Sequence
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any

from hodiff.core import Tracer
from hodiff.tree import flatten, unflatten


def is_traced(value: Any) -> bool:
    """Whether a value is being traced: by a derivative, by ``vmap``, or while a function is compiled.

    Examples
    --------
    >>> import hodiff as hd
    >>> seen = []
    >>> hd.grad(lambda x: seen.append(is_traced(x)) or x)(1.0), is_traced(1.0), seen
    (np.float64(1.0), False, [True])
    """
    return isinstance(value, Tracer)


class Closure:
    """A copy of a function that reads traced values by name, with places for other values.

    Traced values are looked for in the variables of enclosing functions, alone or in trees, and in those of the
    functions found there; in the arguments of ``functools.partial``; and in defaults. Globals are left alone.

    Parameters
    ----------
    function : callable

    Attributes
    ----------
    values : list
        The traced values, in the order in which `fill` takes others.

    Examples
    --------
    >>> import numpy as np
    >>> import hodiff as hd
    >>> def outer(a):
    ...     closure = Closure(lambda x: a * x)
    ...     return a + closure.fill([np.array(3.0)])(2.0) * len(closure.values)
    >>> hd.vmap(outer)(np.zeros(2))
    array([6., 6.])
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.values: list[Any] = []
        self._writers: list[Callable[[Sequence[Any]], None]] = []
        self._made: dict[int, Any] = {}
        self._function = self._copied(function)

    def fill(self, values: Sequence[Any]) -> Callable[..., Any]:
        """The one copy of the function, which from now on reads these values."""
        for write in self._writers:
            write(values)
        return self._function

    def _copied(self, item: Any) -> Any:
        """A function like this one, with cells of its own where it reads what is traced; else the item itself."""
        if id(item) in self._made:
            return self._made[id(item)]
        if isinstance(item, FunctionType) and (item.__closure__ or item.__defaults__):
            return self._function_like(item)
        if isinstance(item, MethodType):
            function = self._copied(item.__func__)
            return item if function is item.__func__ else MethodType(function, item.__self__)
        if isinstance(item, partial):
            return self._partial_like(item)
        return item

    def _partial_like(self, item: partial[Any]) -> Any:
        fixed: list[Any] = [item.func, item.args, item.keywords]
        changed = [self._place(part, partial(fixed.__setitem__, i)) for i, part in enumerate(fixed)]
        if not any(changed):
            return item
        return lambda *args, **keywords: fixed[0](*fixed[1], *args, **{**fixed[2], **keywords})

    def _function_like(self, function: FunctionType) -> FunctionType:
        cells = function.__closure__ or ()
        fresh = [CellType() for _ in cells]
        copy = FunctionType(function.__code__, function.__globals__, function.__name__, None, tuple(fresh))
        copy.__kwdefaults__ = function.__kwdefaults__
        # Before its cells are looked at, in one of which the function itself may be.
        self._made[id(function)] = copy
        changed = False
        for old, new in zip(cells, fresh, strict=True):
            try:
                content = old.cell_contents
            except ValueError:  # not assigned yet
                continue
            changed |= self._place(content, partial(setattr, new, "cell_contents"))
        copy.__defaults__ = function.__defaults__
        if function.__defaults__ is not None:
            changed |= self._place(function.__defaults__, partial(setattr, copy, "__defaults__"))
        if not changed:
            self._made[id(function)] = function
        return self._made[id(function)]

    def _place(self, content: Any, write: Callable[[Any], None]) -> bool:
        """Write a content like this one, now or whenever there are values; whether it is another one."""
        replaced = self._copied(content)
        write(replaced)
        if replaced is not content:
            return True
        fixed = self._fixed(content)
        if fixed is content:
            return False
        self._writers.append(lambda values: write(fixed(values)))
        return True

    def _fixed(self, content: Any) -> Any:
        """The content itself, or, where it holds traced values, a function of values that gives one with those."""
        try:
            leaves, structure = flatten(content)
        except TypeError:  # what no tree can be made of, such as a dict whose keys have no order
            return content
        places = [i for i, leaf in enumerate(leaves) if is_traced(leaf)]
        if not places:
            return content
        first = len(self.values)
        self.values.extend(leaves[i] for i in places)

        def made(values: Sequence[Any]) -> Any:
            new = list(leaves)
            for number, i in enumerate(places, first):
                new[i] = values[number]
            return unflatten(structure, new)

        return made
