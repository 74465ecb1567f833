"""Functions made anew with other values for the arrays that they capture by name.

A `Graph` knows which functions read which arrays by a bare name (a global or a variable of an enclosing function), and
which functions they reach by bare names. Imports the standard library only.

>>> def scaled(x):
...     return rate * x
>>> graph = Graph()
>>> graph.add_slot(scaled, Slot("global", scaled.__globals__, "rate"))
>>> graph.rebuild(scaled, [10.0])(2.0)
20.0
"""

from collections.abc import Callable, Sequence
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any, NamedTuple


class Slot(NamedTuple):
    """A name that a function reads: in a dict of globals, or in a cell of its closure."""

    kind: str
    where: Any
    name: str

    def key(self) -> tuple[int, str]:
        """What two references to the same variable have in common."""
        return id(self.where), self.name if self.kind == "global" else ""


class Graph:
    """Functions by the arrays and the functions that they reach by bare names."""

    def __init__(self) -> None:
        #: The arrays, in the order in which they were found.
        self.slots: dict[tuple[int, str], Slot] = {}
        self._objects: dict[int, Any] = {}
        self._read: dict[int, dict[tuple[int, str], Slot]] = {}
        #: Functions by the variables that refer to them, and by the objects that contain them.
        self._named: dict[tuple[int, str], Any] = {}
        self._children: dict[int, list[Any]] = {}
        self._needed: set[int] | None = None

    def add_slot(self, function: Any, slot: Slot) -> None:
        """Note that a function reads an array."""
        self.slots.setdefault(slot.key(), slot)
        self._note(function, slot)

    def add_reference(self, function: Any, slot: Slot, target: Any) -> None:
        """Note that a function refers to another by a name."""
        self._named[slot.key()] = target
        self._note(function, slot)
        self.add_part(function, target)

    def add_part(self, whole: Any, part: Any) -> None:
        """Note that an object calls another one that it contains."""
        self._objects[id(whole)] = whole
        self._objects[id(part)] = part
        self._children.setdefault(id(whole), []).append(part)

    def _note(self, function: Any, slot: Slot) -> None:
        self._objects[id(function)] = function
        self._read.setdefault(id(function), {})[slot.key()] = slot

    def needed(self) -> set[int]:
        """Identities of the objects that have to be made anew, since an array is reached through them."""
        if self._needed is None:
            parents: dict[int, list[int]] = {}
            for whole, parts in self._children.items():
                for part in parts:
                    parents.setdefault(id(part), []).append(whole)
            found = {key for key, read in self._read.items() if any(slot in self.slots for slot in read)}
            waiting = list(found)
            while waiting:
                for parent in parents.get(waiting.pop(), ()):
                    if parent not in found:
                        found.add(parent)
                        waiting.append(parent)
            self._needed = found
        return self._needed

    def rebuild(self, function: Callable[..., Any], values: Sequence[Any]) -> Callable[..., Any]:
        """The function with ``values`` in the places of the arrays, in the order of ``slots``."""
        return _Rebuilding(self, dict(zip(self.slots, values, strict=True))).convert(function)

    def reads(self, function: Any) -> dict[tuple[int, str], Slot]:
        """The names that a function reads and that lead to an array or to a function."""
        return self._read.get(id(function), {})

    def target(self, key: tuple[int, str]) -> Any:
        """The function that a name refers to, or None."""
        return self._named.get(key)

    def read_in(self, names: Any) -> list[Slot]:
        """All names of one dict of globals that any function reads."""
        return [s for read in self._read.values() for s in read.values() if s.where is names]


class _Rebuilding:
    """One set of new functions; every object is made at most once, so that recursion ends where it began."""

    def __init__(self, graph: Graph, values: dict[tuple[int, str], Any]) -> None:
        self.graph = graph
        self.values = values
        self.needed = graph.needed()
        self.made: dict[int, Any] = {}
        self.filled: set[tuple[int, str]] = set()

    def convert(self, item: Any) -> Any:
        """An object with new functions inside, or the object itself where none of them is new."""
        if item.__class__ is tuple:
            return tuple(self.convert(part) for part in item)
        if id(item) not in self.needed:
            return item
        if id(item) not in self.made:
            if isinstance(item, FunctionType):
                self._function(item)
            elif isinstance(item, MethodType):
                self.made[id(item)] = MethodType(self.convert(item.__func__), item.__self__)
            elif isinstance(item, partial):
                self.made[id(item)] = partial(self.convert(item.func), *item.args, **item.keywords)
            else:
                self._transformed(item)
        return self.made[id(item)]

    def _function(self, function: FunctionType) -> None:
        names = self._globals(function)
        closure = tuple(self._cell(cell) for cell in function.__closure__ or ())
        new = FunctionType(function.__code__, names, function.__name__, function.__defaults__, closure)
        new.__kwdefaults__ = function.__kwdefaults__
        new.__qualname__ = function.__qualname__
        new.__module__ = function.__module__
        new.__doc__ = function.__doc__
        new.__dict__.update(function.__dict__)
        self.made[id(function)] = new
        self._fill(function, names)

    def _globals(self, function: FunctionType) -> dict[str, Any]:
        old = function.__globals__
        if not any(slot.where is old and self._is_new(key) for key, slot in self.graph.reads(function).items()):
            return old
        # The dict of a module is copied once, and filled when the function that asked for it is known.
        return self.made.setdefault(id(old), dict(old))

    def _fill(self, function: FunctionType, names: dict[str, Any]) -> None:
        if names is not function.__globals__:
            for slot in self.graph.read_in(function.__globals__):
                if self._is_new(slot.key()) and slot.key() not in self.filled:
                    self.filled.add(slot.key())
                    names[slot.name] = self._value(slot)
        for cell in function.__closure__ or ():
            slot = Slot("cell", cell, "")
            if self._is_new(slot.key()) and slot.key() not in self.filled:
                self.filled.add(slot.key())
                self._cell(cell).cell_contents = self._value(slot)

    def _cell(self, cell: CellType) -> CellType:
        if not self._is_new((id(cell), "")):
            return cell
        return self.made.setdefault(id(cell), CellType())

    def _is_new(self, key: tuple[int, str]) -> bool:
        return key in self.values or id(self.graph.target(key)) in self.needed

    def _value(self, slot: Slot) -> Any:
        key = slot.key()
        return self.values[key] if key in self.values else self.convert(self.graph.target(key))

    def _transformed(self, item: Any) -> None:
        """A copy of a transformed function with new functions inside, made as a pickled one is, without caches."""
        new = object.__new__(type(item))
        self.made[id(item)] = new
        state = {name: self.convert(value) for name, value in item.__getstate__().items()}
        if hasattr(new, "__setstate__"):
            new.__setstate__(state)
        else:
            new.__dict__.update(state)
