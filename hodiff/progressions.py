"""Basic indices that follow each other in steps, as those of a loop over ``x[i]`` do, as one index with a slice.

Imports NumPy only.

>>> x = np.arange(6.0).reshape(3, 2)
>>> found = progression([(2, 0), (1, 0), (0, 0)], ndim=2)
>>> found.key, found.gathered(x[found.key])
((slice(2, None, -1), 0), array([4., 2., 0.]))
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Index = tuple[Any, ...]


def moving(entry: Any) -> int | None:
    """The integer of an entry of an index that may change from one index to the next; None where there is none.

    It is an integer itself, or the start of a window ``start:stop`` of fixed length.
    """
    if entry.__class__ is int:
        return entry
    window = entry.__class__ is slice and entry.start.__class__ is int and entry.stop.__class__ is int
    return entry.start if window and 0 <= entry.start < entry.stop and entry.step in (None, 1) else None


def moved(entry: Any, by: int) -> Any:
    """An entry with that integer changed."""
    if not by:
        return entry
    return entry + by if entry.__class__ is int else slice(entry.start + by, entry.stop + by, entry.step)


class Progression(NamedTuple):
    """One index for several in a row.

    Attributes
    ----------
    key : tuple
    axis : int
        Where the answers of the single ones lie in the answer: along this axis, or, as windows of length ``window``,
        one after another in it.
    window : int
        0 for single elements.
    backwards : bool
        The windows come in the opposite order.
    """

    key: Index
    axis: int
    window: int = 0
    backwards: bool = False

    def gathered(self, value: Any) -> Any:
        """The answers of the single indices along axis 0, from the answer of the index."""
        axis = self.axis
        if self.window:
            count = value.shape[axis] // self.window
            value = np.reshape(value, (*value.shape[:axis], count, self.window, *value.shape[axis + 1 :]))
        value = np.moveaxis(value, axis, 0) if axis else value
        return value[::-1] if self.backwards else value

    def spread(self, value: Any) -> Any:
        """What to put at the index, from what is put at the single ones, along axis 0."""
        axis = self.axis
        value = value[::-1] if self.backwards else value
        value = np.moveaxis(value, 0, axis) if axis else value
        if self.window:
            length = value.shape[axis] * self.window
            value = np.reshape(value, (*value.shape[:axis], length, *value.shape[axis + 2 :]))
        return value


def advance(index: Index, place: int, step: int, count: int, ndim: int) -> Progression | None:
    """One index for ``count`` of them that differ in the entry at ``place`` alone, which moves by ``step``.

    Parameters
    ----------
    index : tuple
        The first one: of integers, slices, None and at most one Ellipsis.
    place, step, count : int
    ndim : int
        Number of axes of the array that is indexed.

    Returns
    -------
    Progression or None
        None where integers go from one end of the array to the other, as -1, 0, 1, and where windows overlap or leave
        gaps.
    """
    start = moving(index[place])
    if start is None or not step:
        return None
    used = sum(1 for entry in index if entry is not None and entry is not Ellipsis)
    before: Index = ()
    for entry in index[:place]:
        before += (slice(None),) * (ndim - used) if entry is Ellipsis else (entry,)
    axis = sum(1 for entry in before if entry is None or entry.__class__ is slice)
    last = start + step * (count - 1)
    if index[place].__class__ is slice:
        window = index[place].stop - start
        if abs(step) != window:
            return None
        low = min(start, last)
        return Progression((*before, slice(low, low + count * window), *index[place + 1 :]), axis, window, step < 0)
    if (start < 0) != (last < 0):
        return None
    stop: int | None = last + (1 if step > 0 else -1)
    if stop is not None and (stop < 0) != (start < 0):
        stop = None
    whole = slice(start, stop, None if step == 1 else step)
    return Progression((*before, whole, *index[place + 1 :]), axis)


def progression(indices: Sequence[Index], ndim: int) -> Progression | None:
    """One index for several in a row; None where there is none.

    Parameters
    ----------
    indices : sequence of tuple
        At least two, of integers, slices, None and Ellipsis.
    ndim : int
        Number of axes of the array that is indexed.
    """
    found = stepping(indices)
    return None if found is None else advance(indices[0], *found, len(indices), ndim)


def stepping(indices: Sequence[Index]) -> tuple[int, int] | None:
    """At which place, and by how much, each of several indices differs from the one before; None where not evenly."""
    first, second = indices[0], indices[1]
    places = [i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a is not b and a != b]
    if len(first) != len(second) or len(places) != 1:
        return None
    place = places[0]
    start, then = moving(first[place]), moving(second[place])
    if start is None or then is None:
        return None
    step = then - start
    before, after = first[:place], first[place + 1 :]
    for turn, index in enumerate(indices):
        if index != (*before, moved(first[place], step * turn), *after):
            return None
    return place, step


#: Windows that overlap are taken apart up to this length.
_LONGEST = 32


class Part(NamedTuple):
    """Operands of one operation, in a bundle.

    Attributes
    ----------
    slots : range
        Which operands these are.
    value : array
        The operand; where there are several, all of them along axis 0.
    """

    slots: range
    value: Any

    @property
    def together(self) -> bool:
        """Whether these are several operands."""
        return len(self.slots) > 1

    def placed(self, indices: Mapping[int, Index] | Sequence[Index], ndim: int) -> tuple[Index, Any] | None:
        """One index for those of the operands, and what to put there; None where there is none.

        Parameters
        ----------
        indices : mapping or sequence of tuple
            One basic index for each slot of the operation.
        ndim : int
            Number of axes of the array that is indexed.
        """
        if not self.together:
            return indices[self.slots[0]], self.value
        found = progression([indices[slot] for slot in self.slots], ndim)
        return None if found is None else (found.key, found.spread(self.value))

    def added(self, indices: Mapping[int, Index] | Sequence[Index], ndim: int) -> list[tuple[Index, Any]] | None:
        """Indices for those of the operands, and what to add there, one after the other; None where there are none.

        As `placed`, and also for equal indices, and for windows that overlap.
        """
        placed = self.placed(indices, ndim)
        if placed is not None:
            return [placed]
        chosen = [indices[slot] for slot in self.slots]
        if all(index == chosen[0] for index in chosen):
            return [(chosen[0], np.sum(self.value, axis=0))]
        found = stepping(chosen)
        if found is None or chosen[0][found[0]].__class__ is not slice:
            return None
        place, step = found
        before, entry, after = chosen[0][:place], chosen[0][place], chosen[0][place + 1 :]
        parts: list[tuple[Index, Any]] = []
        if entry.stop - entry.start > _LONGEST:
            return None
        for offset in range(entry.stop - entry.start):
            whole = advance((*before, entry.start + offset, *after), place, step, len(chosen), ndim)
            if whole is None:
                return None
            values = self.value[(*(slice(None),) * (whole.axis + 1), offset)]
            parts.append((whole.key, whole.spread(values)))
        return parts
