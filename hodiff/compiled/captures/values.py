"""What to expect of each value that a function reaches, by what kind of value it is.

None of the user's code is run. May import ``core``, ``expected``, ``guards``, ``objects``, ``purity`` and ``rebuild``.

>>> walk = Values()
>>> walk.value([1.0, (2.0, "a")], "settings").same([1.0, (2.0, "b")])
False
"""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from hodiff.compiled.captures import purity
from hodiff.compiled.captures.expected import MISSING, TRUE, Array, Content, Elements, Entries, Exact, Expected, Same
from hodiff.compiled.captures.guards import Guard
from hodiff.compiled.captures.objects import (
    ClassRecord,
    InstanceRecord,
    ModuleRecord,
    Record,
    UnsuitableError,
    has_slots,
    instance_dict,
    is_a,
    is_foreign_class,
    lookup,
    module_of,
)
from hodiff.compiled.captures.rebuild import Graph
from hodiff.core import Primitive, Tracer

#: Objects that a walk looks at, at most.
BOUND = 5000

_CONSTANTS = (type(None), bool, type(Ellipsis), type(NotImplemented))
_SCALARS = (int, float, complex, str, bytes, range, slice)
_C_CALLABLES = (
    BuiltinFunctionType,
    MethodWrapperType,
    WrapperDescriptorType,
    MethodDescriptorType,
    ClassMethodDescriptorType,
    GetSetDescriptorType,
    MemberDescriptorType,
)
#: How the elements of a container are listed without running code of a subclass.
_SEQUENCES: dict[type, Callable[[Any], Any]] = {kind: kind.__iter__ for kind in (list, tuple, set, frozenset, deque)}
_EXACT_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)


_RULES = ("function", "jvps", "partials", "transposes", "batch", "accumulate", "leading", "shape", "view")
#: Types of the libraries whose instances do not change, or whose parts are looked at one by one.
_FIXED = purity.words(
    """
    staticmethod classmethod property cached_property _lru_cache_wrapper Pattern Fraction Decimal itemgetter attrgetter
    methodcaller _ArrayFunctionDispatcher object GenericAlias UnionType _UnionGenericAlias _GenericAlias TypeVar
    _SpecialForm ParamSpec NewType partialmethod singledispatchmethod finfo iinfo _NoValueType Placeholder _tuplegetter
    PyTreeSpec
    """
)


class Values:
    """What has been found so far, and what to expect of values; `reachable.Walk` adds the code of functions."""

    def __init__(self) -> None:
        self.guards: list[Guard] = []
        self.doubt: str | None = None
        self.graph = Graph()
        #: Containers, arrays and instances that a run might change.
        self.changeable: dict[int, Any] = {}
        #: Names of attributes in all code that is reached, and those that may be missing without an error.
        self.names: set[str] = set()
        self.optional: set[str] = set()
        self.reads_all = False
        self.constructs = False
        #: Features that call special methods (see `objects.ON_DEMAND`).
        self.uses: set[str] = set()
        self.records: dict[tuple[int, str], Record] = {}
        self._expected: dict[tuple[int, bool], Expected | None] = {}
        self._bound: set[Any] = set()
        self._kept: list[Any] = []

    # --- what records and walkers use --------------------------------------------------------------------------------

    def doubtful(self, doubt: str) -> None:
        """Note a doubt; the first one is kept."""
        self.doubt = self.doubt or doubt

    def count(self, item: Any) -> None:
        """Keep what has been looked at alive, so that identities stay unique; stop where it is too much."""
        self._kept.append(item)
        if len(self._kept) > BOUND:
            raise UnsuitableError("reaches too much (more than 5000 objects)")

    def record(self, record: Record) -> None:
        """Follow an object: its attributes are guarded as far as code names them."""
        self.records.setdefault((id(record.item), type(record).__name__), record)

    def bind(self, label: str, kind: str, owner: Any, key: Any, expected: Expected) -> None:
        """Guard what is at a place (see `guards.Guard`), once."""
        place = (kind, id(owner), key if key.__class__ is str else id(key), isinstance(expected, Array))
        if place not in self._bound:
            self._bound.add(place)
            self.guards.append(Guard(label, kind, owner, key, expected))

    def absent(self, label: str, names: Any, name: str) -> None:
        """Guard that a name is not among others."""
        self.bind(label, "absent", names, name, TRUE)

    def constant(self, label: str, item: Any, expected: Expected) -> None:
        """Guard what is inside an object that itself cannot be replaced."""
        if expected.known is MISSING:
            self.bind(label, "object", item, None, expected)

    # --- values ------------------------------------------------------------------------------------------------------

    def value(self, item: Any, label: str, *, movable: bool = False) -> Expected:
        """What to expect of a value, whose own contents are guarded or part of the expectation.

        ``movable`` tells that it is reached by bare names, so that functions among it can be made anew.
        """
        kind = type(item)
        if kind in _CONSTANTS:
            return Same(item)
        if kind in _SCALARS or (is_a(item, np.generic) and item.dtype.kind not in "OV"):
            return Exact(item)
        if is_a(item, np.dtype):
            return Exact(item)
        key = (id(item), movable)
        if key in self._expected:
            known = self._expected[key]
            if known is None:
                raise UnsuitableError(f"`{label}` is a container that contains itself")
            return known
        self.count(item)
        contained = is_a(item, *_SEQUENCES, dict, MappingProxyType)
        self._expected[key] = None if contained else Same(item)
        self._expected[key] = expected = self._value(item, label, movable) or Same(item)
        return expected

    def _value(self, item: Any, label: str, movable: bool) -> Expected | None:
        kind = type(item)
        if is_a(item, Tracer):
            raise UnsuitableError(f"captures the traced value `{label}`")
        if is_a(item, np.ndarray):
            return self.array(item, label)
        if kind is FunctionType:
            self.function(item, label, movable=movable)
        elif kind is MethodType:
            self._method(item, label, movable)
        elif is_a(item, *_C_CALLABLES):
            self.c_callable(item, label)
        elif is_a(item, partial):
            self._partial(item, label, movable)
        elif is_a(item, type):
            self.klass(item, label, constructed=True)
        elif is_a(item, ModuleType):
            self.record(ModuleRecord(item, label))
        elif is_a(item, *_SEQUENCES, dict, MappingProxyType):
            return self._container(item, label)
        else:
            self.instance(item, label, movable)
        return None

    def array(self, item: "np.ndarray[Any, Any]", label: str) -> Expected:
        """An array that is reached otherwise than by a bare name: guarded by its content."""
        if type(item) is not np.ndarray or item.dtype.kind == "O" or item.dtype.hasobject:
            raise UnsuitableError(f"captures `{label}`, an array of type {type(item).__name__} and dtype {item.dtype}")
        self.changeable[id(item)] = item
        return Content(item)

    def _container(self, item: Any, label: str) -> Expected | None:
        kind = type(item)
        if not is_a(item, tuple, frozenset, MappingProxyType):
            self.changeable[id(item)] = item
        if is_a(item, MappingProxyType):
            expected: Expected = self._entries(item, label, lambda m: dict(m).items())
        elif is_a(item, dict):
            if kind is defaultdict:
                self.value(vars(defaultdict)["default_factory"].__get__(item), f"{label}.default_factory")
            items: Any = OrderedDict.items if is_a(item, OrderedDict) else dict.items
            expected = self._entries(item, label, items)
        else:
            base = next(base for base in _SEQUENCES if is_a(item, base))
            expected = self._elements(item, label, _SEQUENCES[base])
        if kind in _SEQUENCES or kind in _EXACT_MAPPINGS or kind is MappingProxyType:
            return expected
        # An instance of a subclass: a container with attributes and methods.
        self.instance(item, label, movable=False)
        if instance_dict(item) is None and is_a(item, tuple):
            return expected
        self.constant(label, item, expected)
        return None

    def _elements(self, item: Any, label: str, iterate: Callable[[Any], Any]) -> Elements:
        return Elements(
            item, tuple(self.value(v, f"{label}[{i}]") for i, v in enumerate(tuple(iterate(item)))), iterate
        )

    def _entries(self, item: Any, label: str, items: Callable[[Any], Any]) -> Entries:
        pairs = tuple(items(item))
        expected_keys = Elements((), tuple(self.value(k, f"a key of {label}") for k, _ in pairs), tuple.__iter__)
        expected_values = tuple(
            self.value(v, f"{label}[{k!r}]" if type(k) in (str, int) else f"{label}[…]") for k, v in pairs
        )
        return Entries(item, expected_keys, Elements((), expected_values, tuple.__iter__), items)

    def _method(self, item: MethodType, label: str, movable: bool) -> None:
        self.value(item.__self__, "self" if "." not in label else label.rpartition(".")[0])
        if isinstance(item.__func__, FunctionType):
            self.function(item.__func__, label, movable=movable, owner=item.__self__)
        else:
            self.value(item.__func__, label, movable=movable)
        if movable:
            self.graph.add_part(item, item.__func__)

    def _partial(self, item: "partial[Any]", label: str, movable: bool) -> None:
        self.value(item.func, label, movable=movable)
        if movable:
            self.graph.add_part(item, item.func)
        for position, argument in enumerate(item.args):
            name = f"argument {position} of {label}"
            self.constant(name, argument, self.value(argument, name))
        name = f"keywords of {label}"
        self.bind(name, "attribute", item, "keywords", self.value(item.keywords, name))

    def c_callable(self, item: Any, label: str) -> None:
        """A function that is written in C: known builtins, methods of captured objects, or unknown."""
        try:
            doubt, effect = purity.BUILTIN_DOUBTS.get(item), purity.BUILTIN_EFFECTS.get(item)
        except TypeError:  # a method of something that has no hash
            doubt = effect = None
        if effect is not None:
            raise UnsuitableError(effect)
        if doubt is not None:
            self.doubtful(doubt)
            self.reads_all = self.reads_all or item in purity.BUILTIN_READS_ALL
            return
        owner = getattr(item, "__self__", None)
        if owner is not None and not is_a(owner, ModuleType, type):
            if purity.mutates(owner, item.__name__):
                raise UnsuitableError(f"changes what `{label}` belongs to")
            self.constant(label, owner, self.value(owner, f"{label}.__self__"))
            return
        module = owner.__name__ if isinstance(owner, ModuleType) else getattr(item, "__module__", None)
        objclass = getattr(item, "__objclass__", None)
        self.trusted_callable(module or module_of(objclass or owner or object), item, label)

    def trusted_callable(self, module: str | None, item: Any, label: str) -> None:
        """What the tables say of a callable whose code is not walked."""
        standing = purity.standing(module)
        # What is written in C often stands in a module with an underscore in front.
        member = ((module or "").partition(".")[0].lstrip("_"), getattr(item, "__name__", ""))
        if standing == "impure" and member not in purity.CONSTANT_MEMBERS:
            raise UnsuitableError(purity.effect_of(module or "", label))
        if member in purity.IMPURE_MEMBERS:
            raise UnsuitableError(f"{purity.IMPURE_MEMBERS[member]} ({label})")
        if member in purity.READS_ALL:
            self.reads_all = self.constructs = True
            self.uses.add("copies")
        if standing == "doubtful" or (standing == "foreign" and not isinstance(item, FunctionType)):
            self.doubtful(f"calls `{label}`, of which nothing is known")

    def function(self, function: FunctionType, label: str, *, movable: bool = False, owner: Any = None) -> None:
        """A Python function; with an owner, as a method that is called on it."""
        raise NotImplementedError

    def member(self, module: ModuleType, attribute: str, label: str) -> Any:
        """An attribute of a module, guarded where the module may change."""
        raise NotImplementedError

    # --- classes and instances ---------------------------------------------------------------------------------------

    def klass(self, kind: type, label: str, *, constructed: bool = False) -> None:
        """A class: what its code names of it, and how its instances are made where it is called."""
        if not is_foreign_class(kind):
            doubt = purity.BUILTIN_DOUBTS.get(kind)
            if doubt is not None:
                self.doubtful(doubt)
                self.constructs = True
            else:
                self.trusted_callable(module_of(kind), kind, label)
            return
        if is_foreign_class(type(kind)):
            self.klass(type(kind), f"the class of {label}")
        for base in kind.__mro__:
            if is_foreign_class(base):
                self.record(ClassRecord(base, base.__name__))
                record = self.records[id(base), "ClassRecord"]
                assert isinstance(record, ClassRecord)
                record.constructed |= constructed
            elif purity.standing(module_of(base)) == "impure":
                raise UnsuitableError(purity.effect_of(module_of(base), label))
        self.bind(label, "attribute", kind, "__mro__", Same(kind.__mro__))

    def instance(self, item: Any, label: str, movable: bool) -> None:
        """Any other object: by its class."""
        kind = type(item)
        module = module_of(kind)
        standing = purity.standing(module)
        if standing == "impure":
            raise UnsuitableError(purity.effect_of(module, f"`{label}`"))
        if is_foreign_class(kind):
            self.klass(kind, kind.__name__)
            if isinstance(lookup(kind, "__next__"), WrapperDescriptorType):
                raise UnsuitableError(f"advances the iterator `{label}`")
            if is_a(item, Enum):
                self.constant(label, vars(item).get("_value_"), self.value(vars(item).get("_value_"), f"{label}.value"))
            else:
                self.record(InstanceRecord(item, label, full=False))
                self.changeable[id(item)] = item
            return
        if lookup(kind, "__next__") is not MISSING:
            raise UnsuitableError(f"advances the iterator `{label}`")
        if standing == "doubtful":
            self.doubtful(f"uses `{label}` of type {kind.__name__}")
        if module.partition(".")[0] == "hodiff":
            self._own_object(item, label, movable)
        else:
            self._library_object(item, label, standing)

    def _own_object(self, item: Any, label: str, movable: bool) -> None:
        """A transformed function, a function with rules of its own, a primitive: the functions that it is made of."""
        if is_a(item, Primitive):
            names = {name: getattr(item, name) for name in _RULES}
            bound = movable = False  # a primitive is not made anew: traces know it by identity
        else:
            names, bound = instance_dict(item) or {}, True
        for name, value in list(names.items()):
            parts = value if type(value) is tuple else (value,)
            if name.startswith("_") or not parts or not all(map(callable, parts)):
                continue
            expected = self.value(value, label if name == "function" else f"{label}.{name}", movable=movable)
            for part in parts:
                self.value(part, label, movable=movable)
                if movable and is_function(part):
                    self.graph.add_part(item, part)
            if bound:
                self.bind(label, "item", names, name, expected)
        for name, value in {} if not bound else vars(type(item)).items():
            if value is None and name not in names and not name.startswith("_"):
                self.absent(label, names, name)

    def _library_object(self, item: Any, label: str, standing: str) -> None:
        """An object of NumPy, SciPy or the standard library: all that it holds, unless it cannot change."""
        if is_a(item, np.ufunc):
            if all(loop.strip("->O") == "" for loop in item.types):
                self.doubtful(f"calls Python code through the ufunc `{label}`")
            return
        for name in ("__func__", "fget", "fset", "func", "__wrapped__", "pyfunc", "dispatcher"):
            found = lookup(type(item), name)
            part = getattr(item, name, None) if found is not MISSING or name in (instance_dict(item) or {}) else None
            if callable(part):
                self.value(part, label)
        if type(item).__name__ in _FIXED:
            self.reads_all = self.reads_all or type(item).__name__ in ("attrgetter", "methodcaller")
            self.constructs = self.constructs or is_a(item, classmethod)
            if type(item).__name__ == "singledispatchmethod":
                self.doubtful(f"`{label}` chooses by the types of values")
            if type(item).__name__ == "_lru_cache_wrapper":
                self.doubtful(f"calls `{label}`, which remembers its results")
        elif instance_dict(item) is not None or has_slots(type(item)):
            self.record(InstanceRecord(item, label, full=True))
            self.changeable[id(item)] = item
        elif callable(item):
            self.trusted_callable(module_of(type(item)), item, label)
        else:
            raise UnsuitableError(f"captures `{label}`, of type {type(item).__name__}, which cannot be watched")


def is_function(value: Any) -> bool:
    """Whether a value is a callable that can be made anew."""
    if is_a(value, FunctionType, MethodType, partial):
        return True
    return module_of(type(value)).partition(".")[0] == "hodiff" and instance_dict(value) is not None
