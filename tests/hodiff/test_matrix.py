"""The matrix: every function with every keyword, shape, layout and dtype in every mode.

One test an entry; the number of combinations is printed at the end of the run, see ``conftest.py``. What hodiff refuses
though NumPy does not, and where its answers are not quite NumPy's, is listed with the entries. Every keyword and shape
is run in contiguous float64, and in a fifth of the other dtypes and layouts; `pytest -m exhaustive` runs all.
"""

import inspect

import numpy as np
import pytest
from backends import rest
from matrix import collect
from matrix.check import run

from hodiff.core import NUMPY_FUNCTIONS, NUMPY_UFUNCS, Primitive

ENTRIES = collect()

#: Functions without an entry -> why.
ELSEWHERE = {
    **dict.fromkeys(
        (
            *("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "require", "full", "empty"),
            *("zeros", "ones", "eye", "identity", "tri", "fromfunction", "fromiter", "frombuffer", "fromfile"),
            *("fromstring", "loadtxt", "genfromtxt", "arange", "empty_like"),
        ),
        "makes arrays from anything: tests/cases/creation.py",
    ),
    **dict.fromkeys(
        (
            *("shape", "ndim", "size", "iscomplexobj", "isrealobj", "result_type", "can_cast", "min_scalar_type"),
            *("common_type", "shares_memory", "may_share_memory", "tril_indices_from", "triu_indices_from"),
            *("diag_indices_from", "einsum_path"),
        ),
        "looks at shapes and dtypes only: tests/cases/queries.py",
    ),
    "clip": "the ufunc behind the method of plain arrays: tests/cases/selection.py",
    **dict.fromkeys(
        ("unravel_index", "ravel_multi_index", "packbits", "unpackbits"), "of integers: tests/cases/queries.py"
    ),
    **dict.fromkeys(
        (
            *(
                "besselpoly",
                "mathieu_a",
                "mathieu_b",
                "pro_cv",
                "obl_cv",
                "chndtr",
                "chndtrix",
                "chndtrinc",
                "chndtridf",
            ),
            *("nctdtr", "nctdtrit", "nctdtridf", "nctdtrinc", "pro_rad2", "obl_rad2", "pro_rad2_cv", "obl_rad2_cv"),
            *("ncfdtr", "ncfdtri", "ncfdtridfn", "ncfdtridfd", "ncfdtrinc"),
        ),
        "has no derivative in some or all of its arguments and says so: tests/cases/special_*.py",
    ),
}

#: Keywords that say nothing about numbers.
HARMLESS = {"like", "subok", "device"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("every", [5, *rest([1])])
def test_matrix(entry, every, record_property):
    report = run(entry, every)
    record_property("matrix", [report.combinations, report.rejected, sum(report.refused.values())])
    assert not report.failures, f"{len(report.failures)} failures:\n" + "\n".join(report.failures[:12])


def test_every_function_has_an_entry():
    covered = {id(target) for entry in ENTRIES for target in entry.covers}
    missing = set()
    for table in (NUMPY_FUNCTIONS, NUMPY_UFUNCS):
        for target, operation in table.items():
            ours = getattr(operation, "__module__", "hodiff.core").startswith("hodiff")
            constant = isinstance(operation, Primitive) and operation.constant
            if ours and not constant and id(target) not in covered:
                missing.add(target.__name__)
    assert missing - set(ELSEWHERE) == set(), "functions without an entry in tests/matrix"
    assert set(ELSEWHERE) - missing == set(), "functions that need no excuse any more"


def test_every_keyword_has_a_value():
    missing = {}
    for entry in ENTRIES:
        function = entry.covers[0]
        if isinstance(function, np.ufunc):
            continue
        optional = {
            name
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is not parameter.empty
        }
        tried = {*entry.unlisted, *(name for _, keywords in entry.settings() for name in keywords)}
        missing.setdefault(function, optional).intersection_update(optional - tried - HARMLESS)
    assert {f.__name__: sorted(names) for f, names in missing.items() if names} == {}
