"""What the operations on matrices share: their number types, and adjoints that cost real matrices nothing.

May import ``core`` and ``shaped``.

>>> adjoint(np.array([[1.0, 2.0j]]))
array([[1.-0.j],
       [0.-2.j]])
"""

from typing import Any

import numpy as np

from hodiff.core import as_operand
from hodiff.shaped import is_inexact


def inexact(x: Any) -> Any:
    """Integers as floats, which is what NumPy's linalg works with."""
    x = as_operand(x)
    return x if is_inexact(x.dtype) else x.astype(np.float64)


def conjugate(x: Any) -> Any:
    """Conjugate of complex numbers; real ones as they are."""
    return np.conjugate(x) if x.dtype.kind == "c" else x


def real(x: Any) -> Any:
    """Real part of complex numbers; real ones as they are."""
    return np.real(x) if x.dtype.kind == "c" else x


def adjoint(x: Any) -> Any:
    """Conjugate transpose of the last two axes."""
    return conjugate(x.mT)
