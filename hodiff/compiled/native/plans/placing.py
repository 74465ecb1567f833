"""Places in one block of memory for what is needed from one step to another, so that places are used again.

Imports the standard library only.

>>> place(iter([("a", 64, (0, 1)), ("b", 64, (1, 2)), ("c", 128, (1, 3)), ("d", 64, (2, 4))]))
({'a': 0, 'b': 64, 'c': 128, 'd': 0}, 256)
"""

from bisect import bisect_left
from collections.abc import Hashable, Iterable
from heapq import heappop, heappush
from itertools import count
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def place(spans: Iterable[tuple[Key, int, tuple[int, int]]]) -> tuple[dict[Key, int], int]:
    """Give each the first gap that is large enough; the offsets, and how much memory that is in all.

    Parameters
    ----------
    spans : iterable of (key, length, (first, last))
        In the order of their first steps. Lengths are in bytes.
    """
    offsets: dict[Key, int] = {}
    memory = 0
    #: Where gaps begin and end, in order; behind the last of them all is free.
    begins, ends = [0], [float("inf")]
    held: list[tuple[int, int, int, int]] = []  # last step, a number that no other has, offset, end
    numbers = count()
    for key, length, (first, last) in spans:
        while held and held[0][0] < first:
            _, _, offset, end = heappop(held)
            _give(begins, ends, offset, end)
        gap = next(i for i, begin in enumerate(begins) if ends[i] - begin >= length)
        offset = begins[gap]
        offsets[key] = offset
        begins[gap] += length
        if begins[gap] == ends[gap]:
            del begins[gap], ends[gap]
        heappush(held, (last, next(numbers), offset, offset + length))
        memory = max(memory, offset + length)
    return offsets, memory


def _give(begins: list[int], ends: list[float], offset: int, end: int) -> None:
    """Give a place back; gaps that touch become one."""
    if offset == end:
        return
    at = bisect_left(begins, offset)
    begins.insert(at, offset)
    ends.insert(at, end)
    if begins[at + 1] == end:
        del begins[at + 1], ends[at]
    if at and ends[at - 1] == offset:
        del begins[at], ends[at - 1]
