"""What loops carry from turn to turn: trees whose leaves keep their shapes and dtypes.

One thing may change: a Python number with which a loop begins becomes what the first turn makes of it. May import
``arguments``, ``core``, ``errors``, ``mutation``, ``primal``, ``program``, ``staging`` and ``tree``.

>>> carry = Carry("scan", 0.0)
>>> carry.next(np.float32(1.5))
[np.float32(1.5)]
>>> carry.next(2.5)
[np.float32(2.5)]
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hodiff.arguments import as_array
from hodiff.core import Tracer
from hodiff.errors import StructureError
from hodiff.mutation import snapshot
from hodiff.primal import PrimalTracer
from hodiff.program import Var
from hodiff.staging import StageTracer
from hodiff.tree import Structure, flatten, leaf_names, unflatten

_NUMBERS = (bool, int, float, complex)
_DTYPES = {kind: np.dtype(kind) for kind in _NUMBERS}
_RANKS = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


class Kind(NamedTuple):
    """Type of a leaf."""

    shape: tuple[int, ...]
    dtype: Any
    number: bool

    @classmethod
    def of(cls, leaf: Any) -> "Kind":
        """Type of a value, plain or traced."""
        if leaf.__class__ is StageTracer:
            leaf = leaf.value
        if leaf.__class__ in _NUMBERS:
            return cls((), np.asarray(leaf).dtype, True)
        return cls(leaf.shape, leaf.dtype, False)

    def accepts(self, other: "Kind") -> bool:
        """Whether a leaf of this type may be followed by one of the other."""
        if self.shape != other.shape:
            return False
        if self.number:
            return _RANKS[self.dtype.kind] <= _RANKS[other.dtype.kind]
        if other.number:
            return _RANKS[other.dtype.kind] <= _RANKS[self.dtype.kind]
        return bool(self.dtype == other.dtype)

    def keeps(self, leaf: Any) -> bool:
        """Whether a leaf is surely of this very type: the quick answer for most."""
        if leaf.__class__ is np.ndarray or isinstance(leaf, (np.generic, PrimalTracer)):
            return not self.number and leaf.shape == self.shape and leaf.dtype is self.dtype
        return self.number and _DTYPES.get(leaf.__class__) is self.dtype

    def __str__(self) -> str:
        var = Var(self.shape, self.dtype, "number" if self.number else "array")
        return f"a Python {var}" if self.number else str(var)


def numbers_of(tree: Any, what: str) -> tuple[list[Any], Structure]:
    """Leaves of a tree, which have to be numbers or arrays.

    Raises
    ------
    StructureError
        Naming the leaf that is none.
    """
    leaves, structure = flatten(tree)
    leaves = [leaf.content() if isinstance(leaf, Tracer) else leaf for leaf in leaves]
    for i, leaf in enumerate(leaves):
        if as_array(leaf) is None:
            raise StructureError(
                f"{what} must consist of numbers and arrays, got {type(leaf).__name__}{_named(tree, i)}; what does not "
                f"change from turn to turn can be used by the function without being passed"
            )
    return leaves, structure


def _named(tree: Any, i: int) -> str:
    name = leaf_names(tree)[i]
    return f" (leaf {name})" if name else ""


class Carry:
    """The carried tree of one loop.

    Attributes
    ----------
    leaves : list
    kinds : list of Kind
    structure : Structure
    """

    def __init__(self, name: str, tree: Any) -> None:
        self.name = name
        self.leaves, self.structure = numbers_of(tree, f"hodiff.{name}: what is carried")
        self.kinds = [Kind.of(leaf) for leaf in self.leaves]

    def tree(self) -> Any:
        """The carried tree."""
        return unflatten(self.structure, self.leaves)

    def next(self, tree: Any) -> list[Any]:
        """Take what a turn gave; its leaves.

        Raises
        ------
        StructureError
            Naming the leaf that changed its shape or dtype.
        """
        leaves, structure = flatten(tree)
        if structure == self.structure and all(map(Kind.keeps, self.kinds, leaves)):
            self.leaves = leaves
            return leaves
        leaves, structure = numbers_of(tree, f"hodiff.{self.name}: what is carried")
        if structure != self.structure:
            raise StructureError(
                f"hodiff.{self.name}: the function must return what it carries in the same tree structure as it gets "
                f"it: expected {self.structure}, got {structure}"
            )
        kinds = [Kind.of(leaf) for leaf in leaves]
        for i, (before, after) in enumerate(zip(self.kinds, kinds, strict=True)):
            if not before.accepts(after):
                raise StructureError(
                    f"hodiff.{self.name}: what is carried must keep its shape and dtype: it was {before} and became "
                    f"{after}{_named(tree, i)}; convert one of them, for instance by astype or np.broadcast_to"
                )
        # A number among scalars of single precision would not lose what it has too much.
        self.leaves = [
            before.dtype.type(leaf) if after.number and not before.number and not isinstance(leaf, Tracer) else leaf
            for leaf, before, after in zip(leaves, self.kinds, kinds, strict=True)
        ]
        self.kinds = [b if a.number and not b.number else a for b, a in zip(self.kinds, kinds, strict=True)]
        return self.leaves


class Stack:
    """What the turns of a scan give besides what they carry."""

    def __init__(self) -> None:
        self._structure: Structure | None = None
        self._columns: list[list[Any]] = []
        self._kinds: list[Kind] = []

    def add(self, tree: Any) -> None:
        """Take the part of one turn.

        Raises
        ------
        StructureError
            When it is not like those before.
        """
        leaves, structure = flatten(tree)
        if structure != self._structure or not all(map(Kind.keeps, self._kinds, leaves)):
            leaves = self._checked(tree)
        for column, leaf in zip(self._columns, leaves, strict=True):
            column.append(snapshot(leaf))  # the function may go on to change it

    def _checked(self, tree: Any) -> list[Any]:
        leaves, structure = numbers_of(tree, "hodiff.scan: what is stacked")
        kinds = [Kind.of(leaf) for leaf in leaves]
        if self._structure is None:
            self._structure, self._columns, self._kinds = structure, [[] for _ in leaves], kinds
        if structure != self._structure:
            raise StructureError(
                f"hodiff.scan: the function must return the same tree in each turn: before it was {self._structure}, "
                f"now it is {structure}"
            )
        for i, (before, after) in enumerate(zip(self._kinds, kinds, strict=True)):
            if not before.accepts(after):
                raise StructureError(
                    f"hodiff.scan: what is stacked must have the same shape and dtype in each turn: it was {before} "
                    f"and became {after}{_named(tree, i)}"
                )
        self._kinds = [b if a.number and not b.number else a for b, a in zip(self._kinds, kinds, strict=True)]
        return leaves

    def tree(self) -> Any:
        """Everything stacked, in the tree of one turn."""
        assert self._structure is not None
        stacked = [
            np.stack([np.asarray(v, kind.dtype) if v.__class__ in _NUMBERS else v for v in column])
            for column, kind in zip(self._columns, self._kinds, strict=True)
        ]
        return unflatten(self._structure, stacked)


def pair_of(result: Any) -> tuple[Any, Any]:
    """What the function of a scan returns."""
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        found = (
            f"{type(result).__name__} of {len(result)}" if isinstance(result, (tuple, list)) else type(result).__name__
        )
        raise StructureError(f"hodiff.scan: the function must return a pair (carry, y), got {found}")
    return result[0], result[1]


def elements(leaves: Sequence[Any], i: int) -> list[Any]:
    """Element ``i`` of each sequence."""
    return [leaf[i] for leaf in leaves]
