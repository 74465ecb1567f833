"""Where a sequence of numbers repeats: stretches in which each is equal to the one a period later.

Imports NumPy only. Candidates for the period are the distances between equal numbers; each is checked by one comparison
of the sequence with itself, so a long sequence costs nanoseconds an entry and candidate.

>>> list(repetitions(np.array([9, 1, 2, 1, 2, 1, 2, 1, 8]), turns=3))
[(2, 1, 8)]
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
#: How often a number may come in one period and its distance still be seen as one.
_LAGS = 24
#: Periods that are tried: so many of the shortest, of the most frequent, and of the most frequent between neighbours.
_CANDIDATES = 32


def repetitions(keys: Array, turns: int) -> Iterator[tuple[int, int, int]]:
    """Stretches that repeat, short periods first; they may overlap.

    Parameters
    ----------
    keys : array of int
        Negative numbers repeat nothing.
    turns : int
        How many full periods there must be at least.

    Yields
    ------
    period, start, stop : int
        ``keys[i] == keys[i + period]`` wherever both lie in the stretch.
    """
    for period in candidates(keys, turns):
        if np.count_nonzero(keys >= 0) < turns * period:
            break
        same = (keys[period:] == keys[:-period]) & (keys[period:] >= 0)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
        for start, stop in edges.reshape(-1, 2).tolist():
            if stop - start + period >= turns * period:
                yield period, start, stop + period


def candidates(keys: Array, turns: int) -> list[int]:
    """Distances that come often between equal numbers, the shortest first."""
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    counts: dict[int, int] = {}
    nearest: dict[int, int] = {}
    for lag in range(1, min(_LAGS, len(keys) - 1) + 1):
        same = (sorted_keys[lag:] == sorted_keys[:-lag]) & (sorted_keys[lag:] >= 0)
        distances = (order[lag:] - order[:-lag])[same]
        if distances.size < turns - lag:
            break
        values, found = np.unique(distances, return_counts=True)
        for value, count in zip(values.tolist(), found.tolist(), strict=True):
            counts[value] = counts.get(value, 0) + count
        # Numbers that come once in a period show it without its multiples.
        nearest = nearest or dict(counts)
    often = sorted(period for period, count in counts.items() if count >= turns - 1)
    chosen = {*often[:_CANDIDATES]}
    for table in (nearest, counts):
        chosen.update(sorted(often, key=lambda period: -table.get(period, 0))[:_CANDIDATES])
    return sorted(chosen)
