"""Pytrees: nested tuples, lists, dicts, namedtuples, dataclasses registered with optree, and None.

A thin face on `optree <https://optree.readthedocs.io>`_; imports nothing else.

>>> leaves, structure = flatten({"a": 1.0, "b": (2.0, None)})
>>> leaves
[1.0, 2.0]
>>> unflatten(structure, [10.0, 20.0])
{'a': 10.0, 'b': (20.0, None)}
"""

from collections.abc import Callable, Iterable
from typing import Any

import optree

Structure = optree.PyTreeSpec


#: The structure of a tree that is a single leaf.
LEAF = optree.tree_structure(0)  # type: ignore[arg-type]


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Leaves of ``tree`` from left to right, and its structure. ``None`` is an empty node, not a leaf."""
    return optree.tree_flatten(tree)


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """Tree of the given structure with the given leaves."""
    return optree.tree_unflatten(structure, leaves)


def tree_map(function: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Tree of ``function`` applied to corresponding leaves; the trees must have the same structure."""
    return optree.tree_map(function, tree, *rest)


def leaf_names(tree: Any) -> list[str]:
    """One readable path a leaf, such as ``['weights'][0]``, for error messages."""
    paths, _, _ = optree.tree_flatten_with_path(tree)
    return ["".join(f"[{entry!r}]" for entry in path) for path in paths]


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

    optree.tree_map_(extend, prefix, tree, none_is_leaf=True)
    return spread
