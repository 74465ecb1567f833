"""Arguments of transformed functions: which of them are differentiated, and whether they can be.

May import ``tree``, ``shaped``, ``core`` and ``errors``.

>>> choice = Selection.from_user("grad", argnums=-1, argnames=None)
>>> choice.take((1.0, 2.0), {})
2.0
"""

from dataclasses import dataclass
from operator import index as as_index
from typing import Any

import numpy as np

from hodiff.core import Tracer
from hodiff.errors import ArgumentError, NonDifferentiableInputError, StructureError
from hodiff.shaped import Shaped, is_inexact, shaped
from hodiff.tree import LEAF, Structure, flatten, leaf_names, not_a_tree


@dataclass(frozen=True)
class Selection:
    """The arguments to differentiate with respect to: positions, or names of keyword arguments."""

    transformation: str
    argnums: int | tuple[int, ...] | None
    argnames: str | tuple[str, ...] | None

    @classmethod
    def from_user(cls, transformation: str, argnums: Any, argnames: Any) -> "Selection":
        """Check and normalise what the user gave."""
        if argnames is not None:
            names = (argnames,) if not isinstance(argnames, (tuple, list)) else tuple(argnames)
            if not names or not all(isinstance(n, str) for n in names) or len(set(names)) != len(names):
                raise ArgumentError(f"{transformation}: argnames must be a name or a tuple of names, got {argnames!r}")
            return cls(transformation, None, argnames if isinstance(argnames, str) else names)
        try:
            if isinstance(argnums, (tuple, list)):
                return cls(transformation, _distinct(transformation, [as_index(n) for n in argnums]), None)
            return cls(transformation, as_index(argnums), None)
        except ArgumentError:
            raise
        except TypeError:
            raise ArgumentError(
                f"{transformation}: argnums must be an integer or a tuple of integers, got {argnums!r}"
            ) from None

    def take(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The chosen arguments: one, a tuple by position, or a dict by name."""
        if self.argnums == 0 and args:
            return args[0]
        if self.argnames is not None:
            names = (self.argnames,) if isinstance(self.argnames, str) else self.argnames
            for name in names:
                if name not in keywords:
                    raise ArgumentError(
                        f"{self.transformation}: argnames names {name!r}, which was not passed as a keyword argument; "
                        f"pass it by keyword, or use argnums for a positional argument"
                    )
            return keywords[self.argnames] if isinstance(self.argnames, str) else {n: keywords[n] for n in names}
        if isinstance(self.argnums, int):
            return args[self._position(self.argnums, len(args))]
        assert self.argnums is not None
        positions = _distinct(self.transformation, [self._position(n, len(args)) % len(args) for n in self.argnums])
        return tuple(args[n] for n in positions)

    def put(
        self, args: tuple[Any, ...], keywords: dict[str, Any], chosen: Any
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call with the chosen arguments replaced."""
        if self.argnums == 0:
            return (chosen, *args[1:]), keywords
        if self.argnames is not None:
            return args, keywords | ({self.argnames: chosen} if isinstance(self.argnames, str) else chosen)
        result = list(args)
        if isinstance(self.argnums, int):
            result[self.argnums] = chosen
        else:
            assert self.argnums is not None
            for n, value in zip(self.argnums, chosen, strict=True):
                result[n] = value
        return tuple(result), keywords

    def _position(self, n: int, count: int) -> int:
        if not -count <= n < count:
            raise ArgumentError(
                f"{self.transformation}: argnums={self.argnums} needs at least {n + 1 if n >= 0 else -n} positional "
                f"argument(s), but the function was called with {count}"
            )
        return n


def _distinct(transformation: str, numbers: list[int]) -> tuple[int, ...]:
    if len(set(numbers)) != len(numbers):
        raise ArgumentError(f"{transformation}: argnums names an argument twice: {tuple(numbers)}")
    return tuple(numbers)


def differentiable_leaves(tree: Any, transformation: str, *, holomorphic: bool = False) -> tuple[list[Any], Structure]:
    """Leaves of ``tree`` as arrays or NumPy scalars that carry derivatives.

    Raises
    ------
    NonDifferentiableInputError
        Naming the leaf that is an integer, a boolean, or no number at all.
    """
    if tree.__class__ is np.ndarray and tree.dtype.kind == "f" and not holomorphic:
        return [tree], LEAF
    leaves, structure = flatten(tree)
    result = []
    for i, leaf in enumerate(leaves):
        value = as_array(leaf)
        if value is None or not is_inexact(value.dtype) or (holomorphic and value.dtype.kind != "c"):
            raise _not_differentiable(leaf, leaf_names(tree)[i], transformation, holomorphic)
        result.append(value.strong() if isinstance(value, Tracer) else value)
    return result, structure


def as_array(value: Any) -> Any:
    """Python numbers as NumPy scalars; arrays and tracers as they are; None for anything that is not numeric."""
    if value.__class__ is np.float64:
        return value
    if isinstance(value, Tracer):
        value = value.content()
        return value.alive() if isinstance(value, Tracer) else value
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        return None
    if isinstance(value, (np.ndarray, np.generic)):
        return value if value.dtype.kind in "biufc" else None
    if isinstance(value, (bool, int, float, complex)):
        return np.asarray(value)[()]
    return None


def match_leaves(tree: Any, structure: Structure, like: list[Any], what: str, primal: str) -> list[Any]:
    """Leaves of tangents or cotangents, checked against the values they belong to and cast to their dtypes."""
    leaves, found = flatten(tree)
    if found != structure:
        raise StructureError(f"{what} must have the tree structure of {primal}: expected {structure}, got {found}")
    return [_match_leaf(leaf, shaped(value), what, primal) for leaf, value in zip(leaves, like, strict=True)]


def _match_leaf(leaf: Any, like: Shaped, what: str, primal: str) -> Any:
    value = as_array(leaf)
    if value is None:
        raise StructureError(f"{what} must hold numbers or arrays, got {type(leaf).__name__}")
    if value.shape != like.shape:
        raise StructureError(f"{what} must have the shape of {primal}: expected {like.shape}, got {value.shape}")
    if value.dtype.kind == "c" and like.dtype.kind != "c":
        raise StructureError(f"{what} must be real where {primal} is: expected {like.dtype}, got {value.dtype}")
    return value if value.dtype == like.dtype else value.astype(like.dtype)


def _not_differentiable(leaf: Any, name: str, transformation: str, holomorphic: bool) -> NonDifferentiableInputError:
    where = f" (leaf {name})" if name else ""
    value = as_array(leaf)
    if value is None:
        kind = f"object of type {type(leaf).__name__}"
        advice = f"pass floats, arrays of floats, or a tree of them{not_a_tree(leaf)}"
    elif holomorphic and is_inexact(value.dtype):
        kind = f"{value.dtype} value"
        advice = "holomorphic=True differentiates with respect to complex numbers; pass complex128, or leave it out"
    else:
        kind = f"{value.dtype} value"
        advice = "integers and booleans have no derivative; pass a float (x = 2.0, or x.astype(float))"
    return NonDifferentiableInputError(
        f"{transformation}: cannot differentiate with respect to a {kind}{where}: {advice}"
    )
