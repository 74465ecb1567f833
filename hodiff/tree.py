"""Pytrees: nested tuples, lists, dicts, named tuples, dataclasses, registered classes, and None.

A thin face on `optree <https://optree.readthedocs.io>`_, with a namespace of its own, so that nothing changes for other
users of it; what they registered globally is a tree here too. May import ``errors``.

>>> leaves, structure = flatten({"a": 1.0, "b": (2.0, None)})
>>> leaves
[1.0, 2.0]
>>> unflatten(structure, [10.0, 20.0])
{'a': 10.0, 'b': (20.0, None)}
"""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from inspect import signature
from numbers import Number
from threading import Lock
from typing import Any

import numpy as np
import optree

from hodiff.errors import StructureError

Structure = optree.PyTreeSpec

_NAMESPACE = "hodiff"
_lock = Lock()
_registered: set[type] = set()

#: Classes of nearly all leaves, none of which is a tree.
_LEAVES = frozenset({np.ndarray, float, int, bool, complex, str, np.float64, np.float32, np.complex128})

#: The structure of a tree that is a single leaf.
LEAF = optree.tree_structure(0, namespace=_NAMESPACE)  # type: ignore[arg-type]


def register_pytree_node(
    cls: type,
    flatten: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten: Callable[[Any, tuple[Any, ...]], Any],
) -> None:
    """Make a class of one's own a container, so that its objects are trees as lists and dicts are.

    Parameters
    ----------
    cls : type
        Not a dataclass, unless its fields are not what is to be differentiated: dataclasses are trees by themselves.
    flatten : callable
        ``flatten(obj) -> (children, metadata)``: the parts that are trees again, and the rest, which is compared by
        ``==``.
    unflatten : callable
        ``unflatten(metadata, children) -> obj``. The children may be anything, traced values included, so it must not
        check or convert them.

    Raises
    ------
    hodiff.errors.StructureError
        When the class is registered already, or is one of numbers or arrays.

    Notes
    -----
    Of a dataclass, each field is a child; fields declared ``field(metadata={"static": True})``, and strings, functions,
    classes and enums by themselves, are metadata. Its objects are made again without ``__init__``, unless a field with
    ``init=False`` is computed by ``__post_init__`` from the others: then ``__init__`` is called, to compute it anew,
    and such fields are no children. An object whose computed field is another than that is refused.

    Examples
    --------
    >>> import hodiff as hd
    >>> class Line:
    ...     def __init__(self, slope, name):
    ...         self.slope, self.name = slope, name
    >>> hd.register_pytree_node(Line, lambda o: ((o.slope,), o.name), lambda name, parts: Line(parts[0], name))
    >>> hd.grad(lambda line: line.slope**2)(Line(3.0, "a")).slope.item()
    6.0
    """
    if not isinstance(cls, type) or not callable(flatten) or not callable(unflatten):
        raise StructureError("hodiff.register_pytree_node: give a class and two functions, flatten and unflatten")
    if issubclass(cls, (np.ndarray, np.generic, Number, str, bytes)):
        raise StructureError(f"hodiff.register_pytree_node: {cls.__qualname__} is a number, an array or text: a leaf")
    with _lock:
        _register(cls, flatten, unflatten)


def _register(cls: type, flatten: Callable[..., Any], unflatten: Callable[..., Any]) -> None:
    try:
        optree.register_pytree_node(cls, flatten, unflatten, namespace=_NAMESPACE)
    except ValueError as error:
        raise StructureError(f"hodiff.register_pytree_node: {cls.__qualname__} is a tree already ({error})") from None
    _registered.add(cls)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Leaves of ``tree`` from left to right, and its structure. ``None`` is an empty node, not a leaf.

    Examples
    --------
    >>> flatten((1.0, None, [2.0]))[0]
    [1.0, 2.0]
    """
    if tree.__class__ in _LEAVES:
        return [tree], LEAF
    leaves, structure = optree.tree_flatten(tree, namespace=_NAMESPACE)
    return optree.tree_flatten(tree, namespace=_NAMESPACE) if _discover(leaves) else (leaves, structure)


def _discover(leaves: list[Any]) -> bool:
    """Whether dataclasses were found among the leaves, which are trees from now on, as are those inside them."""
    found = False
    waiting = [leaf for leaf in leaves if leaf.__class__ not in _LEAVES]
    while waiting:
        leaf = waiting.pop()
        cls = leaf.__class__
        if not is_dataclass(cls) or isinstance(leaf, type) or cls.__module__.partition(".")[0] == "hodiff":
            continue
        with _lock:
            if cls not in _registered:
                _register_dataclass(cls)
        found = True
        waiting.extend(optree.tree_leaves(leaf, namespace=_NAMESPACE))
    return found


class _Static:
    """A field that is not differentiated; arrays are equal when their entries are."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Static) or self.name != other.name:
            return False
        if isinstance(self.value, np.ndarray) and isinstance(other.value, np.ndarray):
            return _equal(self.value, other.value)
        return self.value is other.value or bool(np.all(self.value == other.value))

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"{self.name}={self.value!r}"


def _equal(x: Any, y: Any) -> bool:
    x, y = np.asarray(x), np.asarray(y)
    return np.array_equal(x, y, equal_nan=x.dtype.kind in "fc" and y.dtype.kind in "fc")


def _register_dataclass(cls: Any) -> None:
    computed = frozenset(field.name for field in fields(cls) if not field.init and hasattr(cls, "__post_init__"))
    if computed and not set(signature(cls).parameters) <= {field.name for field in fields(cls)}:
        raise StructureError(
            f"{cls.__qualname__}: __post_init__ computes fields from an InitVar, which objects do not keep, so they "
            f"cannot be computed anew; hodiff.register_pytree_node the class"
        )
    rebuild = _rebuilder(cls, computed)

    def checked(value: Any) -> tuple[list[Any], Any, tuple[str, ...]]:
        children, metadata, names = _flatten_dataclass(value, computed)
        again = rebuild(metadata, tuple(children))
        for name in computed:
            pair = getattr(value, name, None), getattr(again, name, None)
            # Traced values and containers are not compared.
            if all(part.__class__ in _LEAVES for part in pair) and not _equal(*pair):
                raise StructureError(
                    f"{cls.__qualname__}: its field {name} is computed by __post_init__, which gives {pair[1]!r} now "
                    f"where the object has {pair[0]!r}; declare it static, with init=False, or "
                    f"hodiff.register_pytree_node the class"
                )
        return children, metadata, names

    _register(cls, checked if computed else lambda value: _flatten_dataclass(value, computed), rebuild)


def _flatten_dataclass(value: Any, computed: frozenset[str]) -> tuple[list[Any], Any, tuple[str, ...]]:
    """Children of a dataclass, names and static fields, and the names again as the paths of the children."""
    children, names, static = [], [], []
    for field in fields(value):
        if not hasattr(value, field.name):
            continue
        part = getattr(value, field.name)
        if field.metadata.get("static", isinstance(part, (str, bytes, Enum, type, np.dtype)) or _is_function(part)):
            static.append(_Static(field.name, part))
        elif field.name not in computed:
            children.append(part)
            names.append(field.name)
    return children, (tuple(names), tuple(static)), tuple(names)


def _is_function(value: Any) -> bool:
    return callable(value) and not is_dataclass(value) and value.__class__ not in _registered


def _rebuilder(cls: Any, computed: frozenset[str]) -> Callable[[Any, tuple[Any, ...]], Any]:
    def rebuild(metadata: Any, children: tuple[Any, ...]) -> Any:
        names, static = metadata
        values = {part.name: part.value for part in static} | dict(zip(names, children, strict=True))
        if computed:
            result = cls(**{name: value for name, value in values.items() if name not in computed})
            values = {name: value for name, value in values.items() if name in computed}
        else:
            # Not by __init__: leaves may be traced, or stand for something else, and __post_init__ may check them.
            result = object.__new__(cls)
        for name, value in values.items():
            object.__setattr__(result, name, value)
        return result

    return rebuild


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """Tree of the given structure with the given leaves.

    Examples
    --------
    >>> unflatten(flatten({"a": 1.0})[1], [2.0])
    {'a': 2.0}
    """
    return optree.tree_unflatten(structure, leaves)


def tree_map(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Tree of ``function`` applied to corresponding leaves; the trees must have the same structure."""
    leaves, structure = flatten(tree)
    others = [structure.flatten_up_to(other) for other in rest]
    return unflatten(structure, map(function, leaves, *others))


def leaf_names(tree: Any) -> list[str]:
    """One readable path a leaf, such as ``['weights'][0]``, for error messages."""
    flatten(tree)
    paths, _, _ = optree.tree_flatten_with_path(tree, namespace=_NAMESPACE)
    return ["".join(f"[{entry!r}]" for entry in path) for path in paths]


def not_a_tree(leaf: Any) -> str:
    """What to do about an object that is no number: end of a message, empty for what could not be a container."""
    cls = type(leaf)
    if cls.__module__ in ("builtins", "numpy", "numpy.ma") or isinstance(leaf, type) or callable(leaf):
        return ""
    return f"; if {cls.__qualname__} is a container, register it with hodiff.register_pytree_node"


def broadcast_prefix(prefix: Any, tree: Any) -> list[Any]:
    """One entry of ``prefix`` for each leaf of ``tree``; None in ``prefix`` is an entry, and counts for all below it.

    >>> broadcast_prefix((0, None), (1.0, [2.0, 3.0]))
    [0, None, None]

    Raises
    ------
    ValueError
        When ``prefix`` is not the upper part of ``tree``.
    """
    spread: list[Any] = []

    def extend(entry: Any, part: Any) -> None:
        spread.extend([entry] * len(flatten(part)[0]))

    flatten((prefix, tree))
    optree.tree_map_(extend, prefix, tree, none_is_leaf=True, namespace=_NAMESPACE)
    return spread
