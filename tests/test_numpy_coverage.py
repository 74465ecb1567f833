"""``docs/numpy-coverage.md`` says what every function of NumPy is to hodiff, and knows them all."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import numpy_coverage  # noqa: E402


def test_every_function_of_numpy_and_scipy_special_is_known():
    unknown = [
        f"{title}.{row.name}"
        for title, rows in numpy_coverage.tables().items()
        for row in rows
        if row.status == "unknown"
    ]
    assert not unknown, f"give these a rule, or a reason in docs/numpy_coverage.py: {unknown}"


def test_no_explanation_is_needless():
    assert numpy_coverage.unneeded() == []


def test_no_function_of_numpy_is_not_yet():
    rows = [row for title, part in numpy_coverage.tables().items() if title != "scipy.special" for row in part]
    assert [row.name for row in rows if row.status == numpy_coverage.NOT_YET] == []


def test_the_page_is_what_the_registry_makes():
    text = numpy_coverage.PAGE.read_text(encoding="utf-8")
    if numpy_coverage.versions() in text:  # other versions have other functions
        assert text == numpy_coverage.page(), "run `python docs/numpy_coverage.py`"


def test_a_function_that_nobody_knows_is_noticed(monkeypatch):
    monkeypatch.setattr(np, "__all__", [*np.__all__, "brand_new"])
    monkeypatch.setattr(np, "brand_new", lambda x: x, raising=False)
    with pytest.raises(AssertionError, match=r"numpy\.brand_new"):
        test_every_function_of_numpy_and_scipy_special_is_known()


def test_refusals_of_a_partial_derivative_are_told():
    rows = {row.name: row for row in numpy_coverage.tables()["scipy.special"]}
    assert rows["jv"].why == "not in argument 1"
    assert rows["erf"].why == ""
    assert rows["mathieu_a"].status == numpy_coverage.NOT_YET
