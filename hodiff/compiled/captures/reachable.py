"""The walk over what a function reaches: its code, the functions it calls, and the values that they read.

The walk runs none of the user's code: attributes are looked up in the dicts of instances and classes. It ends with a
list of guards, or with the reason why the function is none of its arguments alone. May import ``bytecode``,
``expected``, ``guards``, ``objects``, ``purity``, ``rebuild`` and ``values``.

>>> rate = 2.0
>>> walk = Walk()
>>> walk.start(lambda x: rate * x, ())
>>> [guard.label for guard in walk.guards if guard.label == "rate"]
['rate']
"""

import sys
from collections.abc import Iterable
from functools import partial
from types import BuiltinFunctionType, CellType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from hodiff.compiled.captures import purity
from hodiff.compiled.captures.bytecode import ELEMENT, Path, scan_code
from hodiff.compiled.captures.expected import MISSING, TRUE, Array, Expected, Same, is_input
from hodiff.compiled.captures.guards import is_empty
from hodiff.compiled.captures.objects import (
    FunctionRecord,
    UnsuitableError,
    instance_dict,
    is_a,
    is_foreign_class,
    is_foreign_function,
    lookup,
)
from hodiff.compiled.captures.rebuild import Slot
from hodiff.compiled.captures.values import Values, is_function

_MAKES_TEXT = frozenset({"str", "repr", "format", "ascii"})
_MAY_MISS = frozenset({"hasattr", "getattr", "AttributeError"})


class Walk(Values):
    """A walk from one function."""

    def __init__(self) -> None:
        super().__init__()
        self._functions: set[tuple[int, bool, int]] = set()

    def start(self, function: Any, extra: Iterable[Any]) -> None:
        """Walk from a function and from static arguments."""
        self.value(
            function, function.__name__ if is_a(function, FunctionType, MethodType) else "the function", movable=True
        )
        called = lookup(type(function), "__call__")
        if is_a(called, FunctionType) and is_foreign_class(type(function)):
            self.function(called, "__call__", owner=function)
        for position, argument in enumerate(extra):
            label = f"the static argument {position}"
            self.constant(label, argument, self.value(argument, label))
        done: Any = None
        # Each name that is new may be an attribute of any object that is known.
        while done != (
            state := (*map(len, (self.names, self.optional, self.uses, self.records)), self.reads_all, self.constructs)
        ):
            done = state
            for record in list(self.records.values()):
                record.extend(self)

    # --- functions ---------------------------------------------------------------------------------------------------

    def function(self, function: FunctionType, label: str, *, movable: bool = False, owner: Any = None) -> None:
        """A Python function; with an owner, as a method that is called on it."""
        key = (id(function), movable, 0 if owner is None else id(owner))
        if key in self._functions:
            return
        self._functions.add(key)
        self.count(function)
        if not is_foreign_function(function):
            self.trusted_callable(function.__globals__.get("__name__"), function, label)
            if "dispatch" in function.__dict__:
                self.doubtful(f"`{label}` chooses by the types of values")
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
                if is_a(_content(cell), FunctionType, MethodType, partial, type, dict, list, tuple):
                    self.load(function, Path("cell", name), movable, None)
            return
        self._guard_function(function, label)
        scan = scan_code(function.__code__)
        self.names |= scan.names
        if not scan.names.isdisjoint(_MAY_MISS):
            self.optional |= scan.names | scan.words
            self.names |= scan.words
        if not scan.names.isdisjoint(purity.DRAWS):
            raise UnsuitableError(f"draws random numbers ({min(scan.names & purity.DRAWS)})")
        self.uses |= scan.uses
        if not scan.names.isdisjoint(_MAKES_TEXT):
            self.uses.add("text")
        if "patterns" in scan.uses or "__class__" in scan.names:
            self.doubtful("looks at the classes of values")
            self.constructs = True
        if "patterns" in scan.uses or not scan.names.isdisjoint(purity.REFLECTION):
            self.doubtful("reads attributes by names that its code does not say")
            self.reads_all = True
        for path in scan.stores:
            self._check_store(function, path, owner)
        for path in scan.loads:
            self.load(function, path, movable, owner)

    def _guard_function(self, function: FunctionType, label: str) -> None:
        self.bind(label, "attribute", function, "__code__", Same(function.__code__))
        self.bind(label, "attribute", function, "__defaults__", Same(function.__defaults__))
        for position, default in enumerate(function.__defaults__ or ()):
            name = f"default {position} of {label}"
            self.constant(name, default, self.value(default, name))
        name = f"keyword defaults of {label}"
        if function.__kwdefaults__ is not None:
            expected = self.value(function.__kwdefaults__, name)
            self.bind(name, "attribute", function, "__kwdefaults__", expected)
        if function.__dict__:
            self.record(FunctionRecord(function, label))

    def load(self, function: FunctionType, path: Path, movable: bool, owner: Any) -> None:
        """What a function loads: guard the name, and go on with the value."""
        slot, value = self._root(function, path, owner)
        if value is MISSING:
            return
        if path.kind == "cell" and path.name == "__class__" and "super" in function.__code__.co_names:
            # The class around the method, loaded for super(): nothing makes an instance of it.
            self.klass(value, path.name)
            return
        if slot is None:
            if path.kind == "argument":
                self._follow(value, path)
            else:
                self._value_of_path(value, path, movable)
            return
        if is_input(value):
            if movable:
                self.graph.add_slot(function, slot)
            self._bind_slot(slot, Array() if movable else self.value(value, path.name))
        else:
            self._bind_slot(slot, self._value_of_path(value, path, movable))
            if movable and is_function(value):
                self.graph.add_reference(function, slot, value)
        if path.attributes:
            self._follow(value, path)

    def _bind_slot(self, slot: Slot, expected: Expected) -> None:
        place = ("item", slot.where, slot.name) if slot.kind == "global" else ("attribute", slot.where, "cell_contents")
        self.bind(slot.name, *place, expected)

    def _value_of_path(self, value: Any, path: Path, movable: bool) -> Expected:
        """A module of which only attributes are taken is not looked at as a whole."""
        if is_a(value, ModuleType) and path.attributes:
            if path.kind == "import":
                self._follow(value, path)
            return Same(value)
        return self.value(value, path.name, movable=movable)

    def _root(self, function: FunctionType, path: Path, owner: Any) -> tuple[Slot | None, Any]:
        """The slot that a name stands for, and the value that it has."""
        if path.kind == "argument":
            return None, MISSING if owner is None else owner
        if path.kind == "import":
            return None, self._imported(function, path)
        if path.kind == "cell":
            cell = (function.__closure__ or ())[function.__code__.co_freevars.index(path.name)]
            value = _content(cell)
            if value is MISSING:
                self.bind(path.name, "call", cell, is_empty, TRUE)
            return Slot("cell", cell, path.name), value
        names = function.__globals__
        if path.name in names:
            return Slot("global", names, path.name), names[path.name]
        self.absent(path.name, names, path.name)
        anything: Any = function  # older type checkers do not know the attribute
        names = anything.__builtins__
        if path.name not in names:
            return None, MISSING
        return Slot("global", names, path.name), names[path.name]

    def _imported(self, function: FunctionType, path: Path) -> Any:
        name = path.name
        if name.startswith("."):
            package = function.__globals__.get("__package__") or ""
            base = package.rsplit(".", len(name) - len(name.lstrip(".")) - 1)[0]
            name = f"{base}.{name.lstrip('.')}".rstrip(".")
        if name in sys.modules:
            if purity.standing(name) == "foreign":
                self.bind(name, "item", sys.modules, name, Same(sys.modules[name]))
            return sys.modules[name]
        if purity.standing(name) != "trusted":
            raise UnsuitableError(f"imports the module {name}, which is not loaded yet")
        return MISSING

    # --- paths -------------------------------------------------------------------------------------------------------

    def _follow(self, value: Any, path: Path) -> Any:
        """The value at the end of a path as far as it can be told without running code, else MISSING."""
        label = path.name
        for attribute in path.attributes:
            if attribute == ELEMENT:
                return MISSING
            if purity.mutates(value, attribute):
                raise UnsuitableError(f"changes `{label}`")
            step = self.step(value, attribute, label)
            label = f"{label}.{attribute}"
            if step is MISSING:
                return MISSING
            value = step
        if is_a(value, ModuleType):
            self.value(value, label)
        return value

    def step(self, value: Any, attribute: str, label: str) -> Any:
        """An attribute of a module or an instance, guarded; MISSING where it takes code to tell."""
        if is_a(value, ModuleType):
            return self.member(value, attribute, f"{label}.{attribute}")
        if not is_foreign_class(type(value)) or is_a(value, type):
            return MISSING
        found = lookup(type(value), attribute)
        names = instance_dict(value)
        if is_a(found, MemberDescriptorType):
            try:
                return found.__get__(value, type(value))
            except AttributeError:
                return MISSING
        code = found.fget if is_a(found, property) else found
        if is_a(code, FunctionType) and not (names and attribute in names and code is found):
            self.function(code, f"{label}.{attribute}", owner=value)
            return MISSING
        return MISSING if names is None else names.get(attribute, MISSING)

    def member(self, module: ModuleType, attribute: str, label: str) -> Any:
        """An attribute of a module, guarded where the module may change."""
        name = module.__name__
        standing = purity.standing(name)
        if standing == "impure":
            if (name, attribute) in purity.CONSTANT_MEMBERS:
                return MISSING
            raise UnsuitableError(purity.effect_of(name, label))
        names = vars(module)
        value = names.get(attribute, MISSING)
        if standing == "foreign":
            if value is MISSING:
                self.doubtful(f"reads `{label}`, which its module makes when asked")
            else:
                expected = Same(value) if is_a(value, ModuleType) else self.value(value, label)
                self.bind(label, "item", names, attribute, expected)
            return value
        if standing == "doubtful":
            self.doubtful(f"uses `{label}`")
        if is_a(value, ModuleType) and purity.standing(value.__name__) == "impure":
            raise UnsuitableError(purity.effect_of(value.__name__, label))
        if is_a(value, FunctionType, BuiltinFunctionType, type):
            # Only to look it up in the tables: what a trusted module holds does not change.
            self.value(value, label)
        return value

    def _check_store(self, function: FunctionType, path: Path, owner: Any) -> None:
        """Refuse an assignment to what certainly lies outside the function."""
        if not path.attributes:
            what = "the global" if path.kind == "global" else "the outer variable"
            raise UnsuitableError(f"assigns to {what} `{path.name}`")
        *inner, last = path.attributes
        value = self._root(function, path, owner)[1]
        label = path.name
        for attribute in inner:
            if value is MISSING:
                return
            if attribute == ELEMENT:
                if not is_a(value, list, tuple, dict, np.ndarray):
                    return
                break
            value = self.step(value, attribute, label)
            label = f"{label}.{attribute}"
        if value is not MISSING:
            raise UnsuitableError(f"changes `{label}`" if last == ELEMENT else f"changes `{label}.{last}`")


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING
