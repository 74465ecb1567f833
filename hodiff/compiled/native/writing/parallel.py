"""Loops in blocks, and loops that hand values from turn to turn, in one thread or in chunks that several threads share.

Where a chunk begins depends on the loop alone, each leaves what it has joined in a place of its own, and these are
joined in their order: the bits are the same for any number of threads, and for one. May import ``ir``.

>>> [tuple(block) for block in blocks_of(3, 14, 4)]
[(3, 4, 2, 4), (10, 4, 1, 3)]
>>> chunk_of(100, 1000.0), chunk_of(1_000_000, 100.0), chunk_of(1_000_000, 100.0, joining=1e7)
(None, 3907, None)
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from hodiff.compiled.native.ir import I64, POINTER, Body, Value

#: Turns whose sum is a running value of its own, so that rounding errors do not pile up.
STRETCH = 256
#: Additions of a loop that is worth other threads: 20 µs.
WORTH = 500_000.0
#: Additions of a chunk, at least: 5 µs, as handing one over takes a tenth of that.
SMALLEST = 125_000.0
#: Chunks, at most and at least.
_MOST, _FEWEST = 256, 4
#: Of the work of a chunk, the part that joining its results may cost.
_SHARE = 0.125
#: Bytes of the results of all chunks, at most.
_MEMORY = 1 << 22
_ALIGNMENT = 64

#: Running values by whatever names them.
Running = dict[Any, Value]
Turn = Callable[[Value, Running], Running]


class Shared:
    """What the loops of a kernel that are split have in common: memory for results of chunks, one loop after another.

    Parameters
    ----------
    arena : Value
        Scratch memory of the kernel.
    offset : int
        Where the memory for results begins in it.

    Attributes
    ----------
    size : int
        Bytes that are needed there.
    count : int
        Loops that are split.
    """

    def __init__(self, arena: Value, offset: int) -> None:
        self._arena = arena
        self._offset = offset
        self.size = 0
        self.count = 0

    def name(self) -> str:
        """The name of the next function."""
        self.count += 1
        return f"chunk{self.count}"

    def place(self, body: Body, size: int) -> Value:
        """Memory of so many bytes."""
        self.size = max(self.size, size)
        return moved(body, self._arena, self._offset)


class Rule(NamedTuple):
    """How running values are joined.

    Attributes
    ----------
    identity : callable
        ``identity(key)`` changes nothing.
    join : callable
        ``join(key, x, y)``.
    stretches : bool
        Whether it matters in how many turns something is joined.
    """

    identity: Callable[[Any], Value]
    join: Callable[[Any, Value, Value], Value]
    stretches: bool


class Held(NamedTuple):
    """A result that the turns of a loop join in memory.

    Attributes
    ----------
    length, size : int
        Elements, and bytes of one.
    begin : callable
        ``begin(pointer)`` writes the beginning of a result there, which the turns then join to.
    join : callable
        ``join(pointer)`` joins such a result to that of the loop.
    """

    length: int
    size: int
    begin: Callable[[Value], None]
    join: Callable[[Value], None]


def chunk_of(turns: int, cost: float, *, joining: float = 0.0, size: int = 0) -> int | None:
    """How many turns make a chunk; None where a loop is not worth it.

    Parameters
    ----------
    turns : int
    cost : float
        Of a turn, in additions.
    joining : float
        What is paid for each chunk, in additions.
    size : int
        Bytes that each chunk needs.
    """
    if turns * cost < WORTH:
        return None
    most = min(_MOST, _MEMORY // size) if size else _MOST
    if most < _FEWEST:
        return None
    least = max(SMALLEST, joining / _SHARE)
    chunk = max(1, round(least / cost), -(-turns // most))
    return None if -(-turns // chunk) < _FEWEST else chunk


class Block(NamedTuple):
    """A part of a loop: ``turns`` blocks of ``lanes`` elements from ``start`` on, of which the last are new."""

    start: int
    lanes: int
    turns: int
    new: int


def blocks_of(start: int, stop: int, width: int) -> Iterator[Block]:
    """The blocks of a loop with vectors of up to ``width`` elements."""
    length = stop - start
    lanes = width
    while lanes > length:
        lanes //= 2
    count, rest = divmod(length, lanes)
    yield Block(start, lanes, count, lanes)
    if rest:
        yield Block(stop - lanes, lanes, 1, rest)


# --- loops ------------------------------------------------------------------------------------------------------------


def carried(body: Body, turns: int | Value, running: Running, turn: Turn) -> Running:
    """A loop that hands running values from turn to turn."""
    with body.loop(turns) as counter:
        carries = {key: body.carry(value) for key, value in running.items()}
        following = turn(counter, {key: carry.value for key, carry in carries.items()})
        after = {key: body.update(carry, following[key]) for key, carry in carries.items()}
    return after


def in_stretches(body: Body, turns: int | Value, running: Running, turn: Turn, rule: Rule) -> Running:
    """The same loop, as one of stretches that are joined."""

    def stretch(counter: Value, inner: Running) -> Running:
        first = body.operation("mul nsw", counter, body.constant(I64, STRETCH))
        length = _up_to(body, STRETCH, turns, first)
        fresh = {key: rule.identity(key) for key in inner}
        part = carried(body, length, fresh, lambda second, each: turn(_sum(body, first, second), each))
        return {key: rule.join(key, inner[key], part[key]) for key in inner}

    if isinstance(turns, int):
        return carried(body, -(-turns // STRETCH), running, stretch)
    rounded = body.operation("add nsw", turns, body.constant(I64, STRETCH - 1))
    return carried(body, body.operation("sdiv", rounded, body.constant(I64, STRETCH)), running, stretch)


def in_chunks(
    body: Body,
    shared: Shared | None,
    turns: int,
    cost: float,
    running: Running,
    turn: Turn,
    rule: Rule,
    held: Sequence[Held] = (),
) -> Running | None:
    """The same loop, split: the running values after it. None where that is not worth it, or done further outside.

    Parameters
    ----------
    body : Body
    shared : Shared, optional
        Without it, no loop is split.
    turns : int
    cost : float
        Of a turn, in additions.
    running : dict
        Values before the loop.
    turn : callable
        ``turn(counter, running)`` writes a turn, as of `carried`.
    rule : Rule
    held : sequence of Held
    """
    joining, size = 2.0 * sum(each.length for each in held), sum(each.length * each.size for each in held)
    chunk = chunk_of(turns, cost, joining=joining, size=size)
    if shared is None or chunk is None or not body.is_together:
        return None
    if rule.stretches and chunk > STRETCH:
        chunk = -(-chunk // STRETCH) * STRETCH
    results = _Results(body, shared, -(-turns // chunk), running, held)
    with (
        body.apart(shared.name(), results.count) as (first, last),
        body.loop(body.operation("sub nsw", last, first)) as counter,
    ):
        number = _sum(body, first, counter)
        start = body.operation("mul nsw", number, body.constant(I64, chunk))
        results.begin(number)
        fresh = {key: rule.identity(key) for key in running}

        def shifted(second: Value, inner: Running) -> Running:
            return turn(_sum(body, start, second), inner)

        length = _up_to(body, chunk, turns, start)
        if rule.stretches and chunk > STRETCH:
            found = in_stretches(body, length, fresh, shifted, rule)
        else:
            found = carried(body, length, fresh, shifted)
        results.leave(number, found)
    return results.joined(running, rule)


class _Results:
    """Where each chunk leaves what it has joined."""

    def __init__(self, body: Body, shared: Shared, count: int, running: Running, held: Sequence[Held]) -> None:
        self.body = body
        self.count = count
        self._held = held
        sizes = [8 * value.type.lanes for value in running.values()] + [8 * -(-h.length * h.size // 8) for h in held]
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self._offsets = dict(zip(running, starts, strict=False))
        self._places = starts[len(running) :]
        # No two chunks write to one line of the cache.
        self._record = -(-sum(sizes) // _ALIGNMENT) * _ALIGNMENT
        self._pointer = shared.place(body, count * self._record)

    def begin(self, number: Value) -> None:
        """Before a chunk."""
        for held, offset in zip(self._held, self._places, strict=True):
            held.begin(self._at(number, offset))

    def leave(self, number: Value, found: Running) -> None:
        """After a chunk."""
        for key, offset in self._offsets.items():
            self.body.effect(f"store {found[key]}, {self._at(number, offset)}, align 8")

    def joined(self, running: Running, rule: Rule) -> Running:
        """After all chunks."""
        body = self.body

        def join(number: Value, inner: Running) -> Running:
            after = {}
            for key, value in inner.items():
                text = f"load {value.type}, {self._at(number, self._offsets[key])}, align 8"
                after[key] = rule.join(key, value, body.fresh(text, value.type))
            for held, offset in zip(self._held, self._places, strict=True):
                held.join(self._at(number, offset))
            return after

        return carried(body, self.count, running, join) if self._record else {}

    def _at(self, number: Value, offset: int) -> Value:
        body, base = self.body, self._pointer
        step = body.operation("mul nsw", number, body.constant(I64, self._record))
        return moved(body, body.pure(f"getelementptr inbounds i8, {base}, {step}", POINTER, base, step), offset)


def _up_to(body: Body, most: int, turns: int | Value, first: Value) -> int | Value:
    """How many turns there are from one on, and no more than so many."""
    if isinstance(turns, int) and not turns % most:
        return most
    total = turns if isinstance(turns, Value) else body.constant(I64, turns)
    rest = body.operation("sub nsw", total, first)
    limit = body.constant(I64, most)
    return body.select(body.compare("slt", rest, limit), rest, limit)


def _sum(body: Body, x: Value, y: Value) -> Value:
    return body.operation("add nsw", x, y)


def moved(body: Body, pointer: Value, offset: int) -> Value:
    """A pointer that is so many bytes further on."""
    return body.pure(f"getelementptr inbounds i8, {pointer}, i64 {offset}", POINTER, pointer) if offset else pointer
