"""What every test and doctest needs: rules that one of them registers must not outlive it, nor object code the run.

At the end of a run it prints the number of combinations that the matrix (``tests/matrix``) has checked.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hodiff.compiled import native
from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS

_CACHE = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of this run, and no other, share object code: not the user's, which may be of other sources."""
    if not hasattr(config, "workerinput"):
        config.stash[_CACHE] = os.environ["HODIFF_CACHE_DIR"] = tempfile.mkdtemp(prefix="hodiff-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the object code."""
    if _CACHE in config.stash:
        shutil.rmtree(config.stash[_CACHE], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the examples of the native back end where there is no native code: most of them ask for the processor."""
    reason = native.reason()
    if reason is None:
        return
    place = Path(native.__file__).parent
    for item in items:
        if isinstance(item, pytest.DoctestItem) and place in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"no native code: {reason}"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the collector of garbage off the items: they stay to the end, and to look through them takes long."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave out of the reports of what passes the keywords, of which nobody asks: workers send three a test."""
    report = yield
    if report.passed:
        report.keywords = {}
    return report


@pytest.fixture(autouse=True)
def _rules_of_numpy() -> Iterator[None]:
    """Put the tables of claimed NumPy functions back as they were."""
    kept = [(table, dict(table)) for table in (NUMPY_UFUNCS, NUMPY_FUNCTIONS)]
    yield
    for table, entries in kept:
        if len(table) != len(entries):
            table.clear()
            table.update(entries)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Sum what the entries of the matrix recorded, in whichever process they ran."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    rows = [value for report in reports for name, value in getattr(report, "user_properties", ()) if name == "matrix"]
    if rows:
        combinations, rejected, refused = (sum(column) for column in zip(*rows, strict=True))
        terminalreporter.write_line(
            f"matrix: {combinations} combinations of {len(rows)} entries with keywords, shapes, dtypes and modes; "
            f"{rejected} calls that NumPy and hodiff reject, {refused} that hodiff alone refuses"
        )
