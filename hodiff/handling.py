"""How floating-point errors are handled while derivative rules run: not at all, and without the price of ``errstate``.

``numpy.errstate`` makes a new object each time, which takes as long as an operation on a small array. Here is one that
is set and taken back. Imports NumPy only.

>>> with quiet():
...     np.log(np.float64(0.0))
np.float64(-inf)
"""

from contextvars import ContextVar
from typing import Any

import numpy as np

#: Where NumPy keeps how errors are handled, and what it keeps there to ignore all; None where NumPy has other ways.
HANDLING: ContextVar[Any] | None
IGNORE: Any
try:
    HANDLING = np._core.umath._extobj_contextvar  # type: ignore[attr-defined]
    IGNORE = np._core.umath._make_extobj(all="ignore")  # type: ignore[attr-defined]
except AttributeError:
    HANDLING = IGNORE = None


class quiet:  # noqa: N801 - as `numpy.errstate`
    """Ignore all floating-point errors, as ``numpy.errstate(all="ignore")`` does."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before: Any
        if HANDLING is None:
            self._before = np.seterr(all="ignore")
        else:
            self._before = HANDLING.set(IGNORE)

    def __exit__(self, *exception: object) -> None:
        if HANDLING is None:
            np.seterr(**self._before)
        else:
            HANDLING.reset(self._before)
