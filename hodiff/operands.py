"""Operands as arrays, and the plain values behind traced ones.

May import ``core``.

>>> as_array([1.0, 2.0]), value_of(3.0)
(array([1., 2.]), 3.0)
"""

from typing import Any

import numpy as np

from hodiff.core import Tracer


def as_array(x: Any) -> Any:
    """A traced value as it is, but for numbers of Python's, which get a precision; anything else as a plain array."""
    return x.strong() if isinstance(x, Tracer) else np.asarray(x)


def value_of(x: Any) -> Any:
    """The plain value of a traced one, for what decides without a derivative; anything else as it is.

    Raises
    ------
    hodiff.errors.ControlFlowError
        Under ``vmap``, where there is a value for each member of the batch.
    """
    while isinstance(x, Tracer):
        x = x.alive().truth()
    return x
