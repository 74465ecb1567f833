"""The form of a tree: its structure, which of its leaves are numbers, and what the others are.

May import ``arguments`` and ``tree``.

>>> form, numbers = Form.of({"mode": "fast", "x": 2.0})
>>> numbers, form.fill([3.0])
([2.0], {'mode': 'fast', 'x': 3.0})
"""

from collections.abc import Sequence
from typing import Any, Self

from hodiff.arguments import as_array
from hodiff.tree import flatten, unflatten


class Form:
    """Structure of a tree of arguments or of a result. Its numbers are operands or answers; other leaves are static."""

    def __init__(self, leaves: list[Any], structure: Any) -> None:
        self.slots = [i for i, leaf in enumerate(leaves) if as_array(leaf) is not None]
        self.static = [None if as_array(leaf) is not None else leaf for leaf in leaves]
        self.structure = structure

    @classmethod
    def of(cls, tree: Any) -> tuple[Self, list[Any]]:
        """Form and numbers of a tree."""
        leaves, structure = flatten(tree)
        form = cls(leaves, structure)
        return form, [leaves[slot] for slot in form.slots]

    def fill(self, values: Sequence[Any]) -> Any:
        """The tree with these numbers."""
        leaves = list(self.static)
        for slot, value in zip(self.slots, values, strict=True):
            leaves[slot] = value
        return unflatten(self.structure, leaves)
