"""The matrix compiled: every function with keywords, shapes, layouts and dtypes; a seventieth of it as a sample.

Each back end has a half of the sample.

See ``matrix/compiled.py`` for what is compared, and ``test_matrix.py`` for the matrix.
"""

import pytest
from matrix import collect
from matrix.compiled import run_compiled

ENTRIES = collect()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_compiled_matrix(entry, backend):
    report = run_compiled(entry, every=140, first=70 if backend == "native" else 0, native=backend == "native")
    assert not report.failures, f"{len(report.failures)} failures:\n" + "\n".join(report.failures[:12])


@pytest.mark.exhaustive
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_whole_compiled_matrix(entry, backend):
    report = run_compiled(entry, every=1, native=backend == "native")
    assert not report.failures, f"{len(report.failures)} failures:\n" + "\n".join(report.failures[:12])
