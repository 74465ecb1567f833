"""Traced values that a function reads from the functions around it, found and replaced.

What calls a user's function many times on plain values, as a solver does, must know the traced values that the function
does not get as arguments. May import ``core`` and ``tree``.

>>> offset = 1.0
>>> closure = Closure(lambda x: x + offset)
>>> closure.values
[]
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy as copy_of
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from hodiff.core import Tracer
from hodiff.tree import LEAF, flatten, unflatten

#: Classes of most of what functions hold, and nothing traced among it.
_PLAIN = frozenset({np.ndarray, float, int, bool, str, type(None), np.float64})


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
    functions found there; in the arguments of ``functools.partial``; in defaults; and in the attributes of objects
    that are called, and of those whose methods are. Globals are left alone, and so are objects that are only read.

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
        """A function like this one, with places of its own where it reads what is traced; else the item itself."""
        if id(item) in self._made:
            return self._made[id(item)]
        if not _reads_traced(item, {}):
            return item
        if isinstance(item, FunctionType):
            return self._function_like(item)
        if isinstance(item, MethodType):
            return MethodType(self._copied(item.__func__), self._object_like(item.__self__))
        return self._partial_like(item) if isinstance(item, partial) else self._object_like(item)

    def _function_like(self, function: FunctionType) -> FunctionType:
        # Cells that hold nothing traced stay the function's own, so that what it assigns there is seen outside.
        cells = function.__closure__ or ()
        fresh = [CellType() if _reads_traced(_content(cell), {}) else cell for cell in cells]
        copy = FunctionType(function.__code__, function.__globals__, function.__name__, None, tuple(fresh))
        copy.__defaults__, copy.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
        # Before its cells are looked at, in one of which the function itself may be.
        self._made[id(function)] = copy
        for old, new in zip(cells, fresh, strict=True):
            if new is not old:
                self._place(old.cell_contents, partial(setattr, new, "cell_contents"))
        for name in ("__defaults__", "__kwdefaults__"):
            if getattr(function, name) is not None:
                self._place(getattr(function, name), partial(setattr, copy, name))
        return copy

    def _partial_like(self, item: partial[Any]) -> Any:
        fixed: list[Any] = [item.func, item.args, item.keywords]
        for i, part in enumerate(fixed):
            self._place(part, partial(fixed.__setitem__, i))
        return lambda *args, **keywords: fixed[0](*fixed[1], *args, **{**fixed[2], **keywords})

    def _object_like(self, item: Any) -> Any:
        """An object like this one, with attributes of its own where those read what is traced."""
        if id(item) in self._made or not _reads_traced(tuple(_attributes(item).values()), {}):
            return self._made.get(id(item), item)
        new = copy_of(item)
        if new is item:
            return item
        self._made[id(item)] = new
        for name, value in _attributes(item).items():
            if _reads_traced(value, {}):
                self._place(value, partial(vars(new).__setitem__, name))
        return new

    def _place(self, content: Any, write: Callable[[Any], None]) -> None:
        """Write a content like this one, now or whenever there are values."""
        leaves, structure = _flattened(content)
        places = [i for i, leaf in enumerate(leaves) if is_traced(leaf)]
        copies = [leaf if is_traced(leaf) else self._copied(leaf) for leaf in leaves]
        if not places:
            same = all(new is old for new, old in zip(copies, leaves, strict=True))
            write(content if same else unflatten(structure, copies))
            return
        first = len(self.values)
        self.values.extend(leaves[i] for i in places)

        def filled(values: Sequence[Any]) -> None:
            for number, i in enumerate(places, first):
                copies[i] = values[number]
            write(unflatten(structure, copies))

        self._writers.append(filled)


def _reads_traced(item: Any, seen: dict[int, Any]) -> bool:
    """Whether an item is traced, or holds such, or reads such when it is called; not what is `seen` already."""
    if item.__class__ in _PLAIN or id(item) in seen:
        return False
    if is_traced(item):
        return True
    seen[id(item)] = item
    return any(_reads_traced(part, seen) for part in _parts(item))


def _parts(item: Any) -> Iterable[Any]:
    """What a function, an object that is called, or a tree holds."""
    if isinstance(item, FunctionType):
        cells = [_content(cell) for cell in item.__closure__ or ()]
        return [*cells, *(item.__defaults__ or ()), *(item.__kwdefaults__ or {}).values()]
    if isinstance(item, MethodType):
        return [item.__func__, *_attributes(item.__self__).values()]
    if isinstance(item, partial):
        return [item.func, *item.args, *item.keywords.values()]
    leaves, _ = _flattened(item)
    if len(leaves) == 1 and leaves[0] is item:
        return _attributes(item).values() if callable(item) else ()
    return leaves


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _attributes(item: Any) -> dict[str, Any]:
    """The attributes of an object; those of modules and classes are left alone, as globals are."""
    found = None if isinstance(item, (type, ModuleType)) else getattr(item, "__dict__", None)
    if not isinstance(found, dict):
        return {}
    if item.__class__.__module__.partition(".")[0] == "hodiff":
        # Of what the transforms return: the function, and not the programs made of it.
        return {name: value for name, value in found.items() if not name.startswith("_")}
    return found


def _flattened(item: Any) -> tuple[list[Any], Any]:
    try:
        return flatten(item)
    except TypeError:  # what no tree can be made of, such as a dict whose keys have no order
        return [item], LEAF
