"""The back ends of compiled mode as parameters of tests; where there is no native code, its tests are skipped.

The fixture ``backend`` (``conftest.py``) runs a test once for each: whatever is compiled without a word about the back
end is compiled to that.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pytest

from hodiff.compiled import native

REASON = native.reason()
native_only = pytest.mark.skipif(REASON is not None, reason=f"no native code: {REASON}")
#: Parameters of the fixture ``backend``.
NUMPY = pytest.param("numpy", id="numpy")
NATIVE = pytest.param("native", id="native", marks=native_only)
BACKENDS = (NUMPY, NATIVE)
#: Whether parameters that are marked exhaustive are made: where nobody asks for them, collecting them, only to deselect
#: them, takes as long as collecting the others. ``conftest.py`` says it before tests are imported.
MAKING = {"exhaustive": True}


def rest(values: Iterable[Any]) -> list[Any]:
    """Parameters of one argument that are exhaustive."""
    return [pytest.param(value, marks=pytest.mark.exhaustive) for value in values] if MAKING["exhaustive"] else []


def sampled(rows: Sequence[Any], every: int) -> list[Any]:
    """Rows with back ends, as parameters of ``row, backend``: for each back end, all but a sample is exhaustive.

    The samples have no row in common. A row has a ``name``.
    """
    found = []
    for number, row in enumerate(rows):
        for backend, first in ((NUMPY, 0), (NATIVE, every // 2)):
            _add(found, [row], row.name, backend, chosen=number % every == first)
    return found


def alternating(*columns: Iterable[Any]) -> list[Any]:
    """All combinations with back ends, as parameters of ``*columns, backend``: on one of the two, all are exhaustive.

    From one to the next of a column, the back ends take turns.
    """
    found = []
    for places in product(*(list(enumerate(column)) for column in columns)):
        numbers, row = zip(*places, strict=True)
        name = "-".join(str(getattr(value, "__name__", value)) for value in row)
        for backend, first in ((NUMPY, 0), (NATIVE, 1)):
            _add(found, row, name, backend, chosen=sum(numbers) % 2 == first)
    return found


def _add(found: list[Any], row: Sequence[Any], name: str, backend: Any, *, chosen: bool) -> None:
    if chosen or MAKING["exhaustive"]:
        marks = () if chosen else (pytest.mark.exhaustive,)
        identity = f"{name}-{backend.id}"
        found.append(pytest.param(*row, *backend.values, id=identity, marks=(*backend.marks, *marks)))
