"""Guards: what was found at a place has to be there still.

All guards of a function are tested by one small function. It is written as source, once for each sequence of kinds of
places, and compares identities and contents; only where an identity is another one are the guards asked, one by one,
whether the values are equal. May import ``expected`` and ``rebuild``.

>>> names = {"rate": 2.0}
>>> unchanged = checker([Guard("rate", "item", names, "rate", Exact(2.0))])
>>> names["rate"] = float("2.0")
>>> unchanged()
True
>>> names["rate"] = 3.0
>>> unchanged()
False
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from types import CellType
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.captures.expected import MISSING, Array, Exact, Expected
from hodiff.compiled.captures.rebuild import Slot

#: How the value at each kind of place is written; ``{0}`` is the owner, ``{1}`` the key.
_PLACES = {
    "item": "{0}[{1}]",
    "attribute": "{0}.{1}",
    "call": "{1}({0})",
    "object": "{0}",
    "absent": "({1} not in {0})",
    "length": "(len({0}) == {1})",
}


class Guard(NamedTuple):
    """What has to hold: the value at a place is the expected one.

    Attributes
    ----------
    label : str
        What messages call it.
    kind : str
        The kind of place: an "item" of a mapping by its key, an "attribute" by its name, the answer of a "call" of the
        key with the owner, the "object" itself, whether a key is "absent", or whether the "length" is the key.
    owner, key : object
    expected : Expected
        Of the value; True where the place is a condition.
    """

    label: str
    kind: str
    owner: Any
    key: Any
    expected: Expected

    def holds(self) -> bool:
        """Whether it holds now."""
        try:
            return self.expected.same(self._value())
        except Exception:  # noqa: BLE001 - what is gone, or cannot be read any more, has changed
            return False

    def _value(self) -> Any:
        if self.kind == "item":
            return self.owner[self.key]
        if self.kind == "attribute":
            return getattr(self.owner, self.key)
        if self.kind == "call":
            return self.key(self.owner)
        if self.kind == "absent":
            return self.key not in self.owner
        return len(self.owner) == self.key if self.kind == "length" else self.owner

    def shape(self) -> tuple[bool, str, str]:
        """What guards that are tested by the same code have in common; contents come last."""
        return self.expected.known is MISSING, self.kind, self.key if self.kind == "attribute" else ""


def checker(guards: Iterable[Guard]) -> Callable[[], bool]:
    """The function that tests whether all guards hold."""
    guards = sorted(guards, key=Guard.shape)
    constants: list[Any] = []

    def constant(value: Any) -> str:
        constants.append(value)
        return f"c{len(constants)}"

    tests = []
    for guard in guards:
        named = guard.kind == "attribute" or guard.kind == "object"
        place = _PLACES[guard.kind].format(constant(guard.owner), guard.key if named else constant(guard.key))
        if isinstance(guard.expected, Array):
            tests.append(f"{place}.__class__ is ndarray")
        elif guard.expected.known is MISSING:
            tests.append(f"{constant(guard.expected.same)}({place})")
        else:
            tests.append(f"{place} is {constant(guard.expected.known)}")
    return _made(_TESTER.format(*_written(constants, tests or ["True"])))(_slowly(guards), *constants)


def reader(slots: Iterable[Slot]) -> Callable[[], tuple[Any, ...]]:
    """The function that reads the arrays in slots."""
    constants: list[Any] = []
    places = []
    for slot in slots:
        constants.append(slot.where)
        place = f"c{len(constants)}.cell_contents"
        if slot.kind == "global":
            constants.append(slot.name)
            place = f"c{len(constants) - 1}[c{len(constants)}]"
        places.append(f"{place},")
    return _made(_READER.format(*_written(constants, places, "")))(None, *constants)


def _written(constants: list[Any], parts: list[str], joint: str = " and ") -> tuple[str, str]:
    return "".join(f", c{n + 1}" for n in range(len(constants))), joint.join(parts)


def _slowly(guards: list[Guard]) -> Callable[[], bool]:
    if not any(isinstance(guard.expected, Exact) for guard in guards):
        return lambda: False
    return lambda: all(guard.holds() for guard in guards)


_TESTER = """
def make(slowly{0}):
    def unchanged():
        try:
            if {1}:
                return True
        except Exception:
            return False
        return slowly()
    return unchanged
"""
_READER = """
def make(slowly{0}):
    def arrays():
        return ({1})
    return arrays
"""


@lru_cache(maxsize=512)
def _made(source: str) -> Callable[..., Any]:
    names: dict[str, Any] = {"ndarray": np.ndarray}
    exec(compile(source, "<guards of a compiled function>", "exec"), names)
    return names["make"]


def is_empty(cell: CellType) -> bool:
    """Whether a variable of an enclosing function has no value."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False
