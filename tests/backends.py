"""The back ends of compiled mode as parameters of tests; where there is no native code, its tests are skipped.

The fixture ``backend`` (``conftest.py``) runs a test once for each: whatever is compiled without a word about the back
end is compiled to that.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from hodiff.compiled import native

REASON = native.reason()
native_only = pytest.mark.skipif(REASON is not None, reason=f"no native code: {REASON}")
#: Parameters of the fixture ``backend``.
NUMPY = pytest.param("numpy", id="numpy")
NATIVE = pytest.param("native", id="native", marks=native_only)
BACKENDS = (NUMPY, NATIVE)


def sampled(rows: Sequence[Any], every: int) -> list[Any]:
    """Rows with back ends, as parameters of ``row, backend``: for each back end, all but a sample is marked exhaustive.

    The samples have no row in common. A row has a ``name``.
    """
    found = []
    for number, row in enumerate(rows):
        for parameter, first in ((NUMPY, 0), (NATIVE, every // 2)):
            marks = () if number % every == first else (pytest.mark.exhaustive,)
            name = f"{row.name}-{parameter.id}"
            found.append(pytest.param(row, *parameter.values, id=name, marks=(*parameter.marks, *marks)))
    return found
