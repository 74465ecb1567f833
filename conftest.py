"""What every test and doctest needs: rules that one of them registers must not outlive it."""

from collections.abc import Iterator

import pytest

from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS


@pytest.fixture(autouse=True)
def _rules_of_numpy() -> Iterator[None]:
    """Put the tables of claimed NumPy functions back as they were."""
    kept = [(table, dict(table)) for table in (NUMPY_UFUNCS, NUMPY_FUNCTIONS)]
    yield
    for table, entries in kept:
        if len(table) != len(entries):
            table.clear()
            table.update(entries)
