"""Objects whose attributes are guarded as far as any code that is reached names them.

Records are extended again and again while a walk finds more names. May import ``expected`` and ``purity``.

>>> class Model:
...     rate = 2.0
>>> lookup(Model, "rate"), is_foreign_class(Model), is_foreign_class(float)
(2.0, True, False)
"""

import sys
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Protocol

from hodiff.compiled.captures import purity
from hodiff.compiled.captures.expected import MISSING, TRUE, Expected, Same

_HEAP_TYPE = 1 << 9
#: Special methods that some features of the language and some functions call, and nothing else.
ON_DEMAND = {
    "text": purity.words("__repr__ __str__ __format__"),
    "classes": purity.words("__init_subclass__ __set_name__ __prepare__ __mro_entries__"),
    "copies": purity.words(
        """
        __copy__ __deepcopy__ __replace__ __reduce__ __reduce_ex__ __getstate__ __setstate__ __getnewargs__
        __getnewargs_ex__ __dir__ __sizeof__
        """
    ),
    "never": purity.words("__del__"),
}
_ON_DEMAND = {name: feature for feature, names in ON_DEMAND.items() for name in names}
_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__"})
#: Modules of base classes whose methods read no attributes of instances that are not named elsewhere.
_PLAIN_BASES = frozenset({"builtins", "typing", "abc", "enum", "collections.abc"})


class UnsuitableError(Exception):
    """Why a function must not be compiled; for the walk alone."""


class Walker(Protocol):
    """What records need of a walk."""

    names: set[str]
    optional: set[str]
    reads_all: bool
    constructs: bool
    uses: set[str]

    def value(self, item: Any, label: str, *, movable: bool = False) -> Expected: ...
    def bind(self, label: str, kind: str, owner: Any, key: Any, expected: Expected) -> None: ...
    def absent(self, label: str, names: Any, name: str) -> None: ...
    def doubtful(self, doubt: str) -> None: ...
    def member(self, module: ModuleType, attribute: str, label: str) -> Any: ...
    def function(self, function: FunctionType, label: str, *, movable: bool = False, owner: Any = None) -> None: ...


class Record:
    """An object that is followed, and the names of it that are guarded."""

    def __init__(self, item: Any, label: str) -> None:
        self.item = item
        self.label = label
        self.done: set[str] = set()

    def extend(self, walk: Walker) -> None:
        """Guard the attributes whose names are known by now."""
        raise NotImplementedError

    def new(self, walk: Walker, names: Any, *, full: bool = False) -> list[str]:
        """Those of the names that code uses and that are not guarded yet, in their order."""
        everything = full or walk.reads_all
        found = [n for n in names if n not in self.done and (everything or n in walk.names)]
        self.done.update(found)
        return found


class FunctionRecord(Record):
    """Attributes of a function."""

    def extend(self, walk: Walker) -> None:
        names = self.item.__dict__
        for name in self.new(walk, list(names)):
            if name != "__wrapped__":
                label = f"{self.label}.{name}"
                walk.bind(label, "item", names, name, walk.value(names[name], label))


class ModuleRecord(Record):
    """A module that is used as a value, so that any attribute may be taken of it."""

    def extend(self, walk: Walker) -> None:
        standing = purity.standing(self.item.__name__)
        if standing == "impure":
            raise UnsuitableError(purity.effect_of(self.item.__name__, self.label))
        foreign = standing == "foreign"
        names = [
            n for n in list(vars(self.item)) if n not in self.done and (n in walk.names or (foreign and walk.reads_all))
        ]
        self.done.update(names)
        for name in names:
            if foreign or is_a(vars(self.item)[name], ModuleType):
                walk.member(self.item, name, f"{self.label}.{name}")


class ClassRecord(Record):
    """The attributes of one class, its bases apart."""

    def __init__(self, item: type, label: str) -> None:
        super().__init__(item, label)
        self.constructed = False
        self.names = vars(item)

    def extend(self, walk: Walker) -> None:
        # A class gets an attribute more: it may hide another one.
        if not self.done:
            walk.bind(self.label, "length", self.names, len(self.names), TRUE)
        constructed = self.constructed or walk.constructs
        special = [
            n
            for n, v in list(self.names.items())
            if n.startswith("__")
            and n.endswith("__")
            and is_a(v, FunctionType, staticmethod, classmethod)
            and (constructed if n in _CONSTRUCTORS else n not in _ON_DEMAND or _ON_DEMAND[n] in walk.uses)
        ]
        found = [n for n in special if n not in self.done]
        self.done.update(found)
        names = [n for n in list(self.names) if n not in _INTERNAL]
        found += self.new(walk, [n for n in names if n in walk.names or not (n.startswith("__") and n.endswith("__"))])
        for name in found:
            self._guard(walk, name)

    def _guard(self, walk: Walker, name: str) -> None:
        value = self.names.get(name, MISSING)
        label = f"{self.label}.{name}"
        if name in ("__getattr__", "__getattribute__"):
            walk.doubtful(f"reads attributes through {label}")
            walk.reads_all = True
        if is_a(value, MemberDescriptorType, GetSetDescriptorType):
            expected: Expected = Same(value)
        else:
            expected = walk.value(value, label)
        walk.bind(label, "item", self.names, name, expected)


class InstanceRecord(Record):
    """The attributes of an instance, in its dict or in slots; all of them where it is ``full``."""

    def __init__(self, item: Any, label: str, *, full: bool) -> None:
        super().__init__(item, label)
        self.kind = type(item)
        self.names = instance_dict(item)
        bases = self.kind.__mro__
        self.full = full or any(not is_foreign_class(b) and module_of(b) not in _PLAIN_BASES for b in bases)
        self.slots = {
            n: v
            for base in reversed(bases)
            for n, v in vars(base).items()
            if is_a(v, MemberDescriptorType) and not n.startswith("__")
        }
        hidden = any(not b.__flags__ & _HEAP_TYPE and purity.standing(module_of(b)) != "trusted" for b in bases)
        if hidden or (self.names is None and not has_slots(self.kind)):
            raise UnsuitableError(f"captures `{label}`, of type {self.kind.__name__}, which cannot be watched")

    def extend(self, walk: Walker) -> None:
        # Where attributes are looked up by code of the user's, guards go around it.
        plain = lookup(self.kind, "__getattribute__") is object.__getattribute__

        def place(name: str, around: Any) -> tuple[str, Any, Any]:
            return ("attribute", self.item, name) if plain else ("call", self.item, around)

        walk.bind(self.label, *place("__class__", type), Same(self.kind))
        if self.names is not None:
            walk.bind(self.label, *place("__dict__", instance_dict), Same(self.names))
            self._extend_dict(walk, self.names)
        for name in self.new(walk, self.slots, full=self.full):
            self._guard_slot(walk, name)

    def _extend_dict(self, walk: Walker, names: dict[str, Any]) -> None:
        for name in self.new(walk, [n for n in list(names) if type(n) is str], full=self.full):
            if name == "_random_state" and not is_foreign_class(self.kind):
                continue  # of a distribution of SciPy: a draw is seen by its name
            label = f"{self.label}.{name}"
            if not is_a(lookup(self.kind, name), property, MemberDescriptorType):
                walk.bind(label, "item", names, name, walk.value(names[name], label))
        for name in walk.names if not self.full else ():
            if name in self.done:
                continue
            found = lookup(self.kind, name)
            if (found is not MISSING and not is_a(found, property, MemberDescriptorType)) or (
                found is MISSING and name in walk.optional
            ):
                # Not an attribute of the instance now: one that is set later hides that of the class.
                self.done.add(name)
                walk.absent(f"{self.label}.{name}", names, name)

    def _guard_slot(self, walk: Walker, name: str) -> None:
        label = f"{self.label}.{name}"
        member = self.slots[name]
        try:
            value = member.__get__(self.item, self.kind)
        except AttributeError:
            walk.bind(label, "call", self.item, _Unset(member), TRUE)
            return
        walk.bind(label, "call", self.item, member.__get__, walk.value(value, label))


class _Unset:
    """Asks whether a slot has no value."""

    def __init__(self, member: Any) -> None:
        self.member = member

    def __call__(self, item: Any) -> bool:
        try:
            self.member.__get__(item)
        except AttributeError:
            return True
        return False


_INTERNAL = frozenset({"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__slots__", "_abc_impl"})


def instance_dict(item: Any) -> dict[str, Any] | None:
    """The dict of an instance, without asking a property of that name."""
    try:
        names = object.__getattribute__(item, "__dict__")
    except AttributeError:
        return None
    return names if type(names) is dict else None


def is_a(item: Any, *kinds: type) -> bool:
    """Whether an object is an instance of one of the classes, without asking what it claims to be."""
    return issubclass(type(item), kinds)


def lookup(kind: type, name: str) -> Any:
    """What a class or its bases define under a name, or MISSING; no descriptor is asked."""
    for base in kind.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return MISSING


def module_of(kind: Any) -> str:
    """The name of the module of a class."""
    module = vars(kind).get("__module__") if isinstance(kind, type) else None
    if not isinstance(module, str):
        module = type.__dict__["__module__"].__get__(kind, type(kind)) if isinstance(kind, type) else ""
    return module if isinstance(module, str) else ""


def is_foreign_class(kind: type) -> bool:
    """Whether a class is defined by Python code that is walked."""
    if not kind.__flags__ & _HEAP_TYPE:
        return False
    module = module_of(kind)
    if module.partition(".")[0] == "hodiff":
        # Also classes of examples in our docstrings, which claim to belong to the module.
        return kind.__qualname__.partition(".")[0] not in vars(sys.modules.get(module, sys))
    return purity.standing(module) == "foreign"


def is_foreign_function(function: FunctionType) -> bool:
    """Whether a function is to be walked: not where it stands in a module that is trusted, or known to be impure."""
    names = function.__globals__
    module = names.get("__name__") or ""
    if purity.standing(module) == "foreign":
        return True
    return vars(sys.modules.get(module, sys)) is not names


def has_slots(kind: type) -> bool:
    """Whether a class or one of its bases was defined with slots."""
    return any("__slots__" in vars(base) for base in kind.__mro__)
