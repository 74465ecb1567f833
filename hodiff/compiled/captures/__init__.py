"""What a function reads from outside itself, guarded, so that compiled code never goes stale.

`Captures.of` walks over the function (see ``reachable``); what it found is tested by one small function (see
``guards``). May import ``core``, ``expected``, ``guards``, ``objects``, ``reachable`` and ``rebuild``.

>>> data, rate = np.array([1.0, 2.0]), 3.0
>>> captures = Captures.of(lambda x: rate * np.sum(data * x))
>>> captures.reason, captures.unchanged(), captures.arrays()
(None, True, (array([1., 2.]),))
>>> captures.rebuild([np.array([10.0, 20.0])])(1.0)
np.float64(90.0)
>>> rate = 4.0
>>> captures.unchanged(), captures.changed_by_run()
(False, 'changes `rate`')
"""

import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from hodiff.compiled.captures.expected import MISSING
from hodiff.compiled.captures.guards import checker, reader
from hodiff.compiled.captures.objects import UnsuitableError, instance_dict, is_a
from hodiff.compiled.captures.reachable import Walk
from hodiff.compiled.captures.rebuild import Graph
from hodiff.core import Tracer


class Captures:
    """What a function captures: whether it may be compiled, and as long as what is unchanged.

    Attributes
    ----------
    reason : str or None
        Why the function must not be compiled at all, as "draws random numbers (np.random)"; else None.
    doubt : str or None
        Why it is not certain that the function depends on its arguments and on what is guarded alone, although nothing
        speaks against it; else None.
    unchanged : callable
        Whether all guards hold now.
    arrays : callable
        The arrays that `rebuild` replaces, as they are now, in a fixed order.
    """

    __slots__ = ("_changeable", "_function", "_graph", "_guards", "_names", "arrays", "doubt", "reason", "unchanged")

    def __init__(self, function: Callable[..., Any], walk: Walk, reason: str | None) -> None:
        self.reason = reason
        self.doubt = walk.doubt
        self._function = function
        # A function that is not compiled needs no guards, and keeps nothing alive.
        self._graph = walk.graph if reason is None else Graph()
        self._guards = walk.guards if reason is None else []
        self._changeable = tuple(map(_reference, walk.changeable.values())) if reason is None else ()
        #: Attributes that the code may assign to; None where it does not tell.
        self._names = None if walk.reads_all else frozenset(walk.names)
        self._graph.needed()
        self.unchanged: Callable[[], bool] = checker(self._guards)
        self.arrays: Callable[[], tuple[Any, ...]] = reader(self._graph.slots.values())

    @classmethod
    def of(cls, function: Callable[..., Any], extra: Iterable[Any] = ()) -> "Captures":
        """Find what a function captures.

        Parameters
        ----------
        function : callable
        extra : iterable
            Static arguments, which the function can reach too.
        """
        walk = Walk()
        try:
            walk.start(function, extra)
        except UnsuitableError as error:
            return cls(function, walk, str(error))
        except RecursionError:
            return cls(function, walk, "reaches too much (its values are nested too deeply)")
        except Exception as error:  # noqa: BLE001 - the function itself may still be right
            return cls(function, walk, f"cannot be looked at ({type(error).__name__}: {error})")
        return cls(function, walk, None)

    def rebuild(self, values: Sequence[Any]) -> Callable[..., Any]:
        """A function like the given one, with ``values`` for the captured arrays, in the order of `arrays`."""
        return self._graph.rebuild(self._function, values)

    def changed_by_run(self) -> str | None:
        """What changed since the guards held, to be asked after a run of the function; None where nothing did."""
        if self.unchanged():
            return None
        return next((f"changes `{guard.label}`" for guard in self._guards if not guard.holds()), None)

    def memory(self) -> "Memory":
        """What a run might change, as it is now, so that it can be put back."""
        return Memory((item for reference in self._changeable if (item := reference()) is not None), self._names)


class Memory:
    """The contents of containers, arrays and instances at one time; of instances, the attributes that are ``named``.

    >>> history = []
    >>> memory = Memory([history])
    >>> history.append(1)
    >>> memory.restore(), history
    (True, [])
    """

    __slots__ = ("_contents", "_named")

    def __init__(self, items: Iterable[Any], named: frozenset[str] | None = None) -> None:
        self._named = named
        self._contents = [(item, _contents(item, named)) for item in items]

    def leaked(self) -> bool:
        """Whether a traced value has got into what changed: a trace has written there, and nobody else."""
        return any(
            _differ(now := _contents(item, self._named), before) and _holds_tracer(now, 4)
            for item, before in self._contents
            if not is_a(item, np.ndarray)
        )

    def restore(self) -> bool:
        """Put back what changed; whether anything did."""
        changed = False
        for item, before in self._contents:
            now = _contents(item, self._named)
            if _differ(now, before):
                changed = True
                _put_back(item, now, before)
        return changed


def _reference(item: Any) -> Callable[[], Any]:
    """What gives the item, without keeping an array alive."""
    return weakref.ref(item) if is_a(item, np.ndarray) else lambda: item


#: Containers by the class whose methods are used on them, not those of a subclass.
_KINDS: tuple[Any, ...] = (OrderedDict, dict, list, set, deque)


def _contents(item: Any, named: frozenset[str] | None) -> Any:
    if is_a(item, np.ndarray):
        return item.copy()
    names = instance_dict(item)
    kind = next((kind for kind in _KINDS if is_a(item, kind)), None)
    inside: Any = None
    if kind is not None:
        inside = dict(kind.items(item)) if kind in (OrderedDict, dict) else list(kind.__iter__(item))
    if names is None:
        return inside, None
    return inside, {n: v for n, v in list(names.items()) if named is None or n in named}


def _holds_tracer(value: Any, depth: int) -> bool:
    if is_a(value, Tracer):
        return True
    if not depth or not is_a(value, list, tuple, dict):
        return False
    parts = dict.values(value) if is_a(value, dict) else value
    return any(_holds_tracer(part, depth - 1) for part in parts)


def _differ(now: Any, before: Any) -> bool:
    if isinstance(now, np.ndarray):
        return now.tobytes() != before.tobytes()
    return any(_identities(a) != _identities(b) for a, b in zip(now, before, strict=True))


def _identities(values: Any) -> Any:
    if isinstance(values, dict):
        return [(id(k), id(v)) for k, v in values.items()]
    return None if values is None else [id(v) for v in values]


def _put_back(item: Any, now: Any, before: Any) -> None:
    if is_a(item, np.ndarray):
        item[...] = before
        return
    inside, names = before
    if _identities(now[0]) != _identities(inside):
        kind = next(kind for kind in _KINDS if is_a(item, kind))
        kind.clear(item)
        (kind.extend if kind in (list, deque) else kind.update)(item, inside)
    own = instance_dict(item)
    if names is not None and own is not None:
        for name in now[1]:
            if name not in names:
                own.pop(name, None)
        own.update({n: v for n, v in names.items() if own.get(n, MISSING) is not v})
