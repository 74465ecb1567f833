"""Reductions over axes. Axes are counted from the end, so that a batch axis may stand in front.

May import ``kinds`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(np.sum)(np.ones(3))
array([1., 1., 1.])
"""

from typing import Any

import numpy as np

from hodiff.kinds import composite, linear, reject
from hodiff.shaped import keepdims_shape, negative_axes

total = linear(
    lambda x, axis, keepdims: x.sum(axis=axis, keepdims=keepdims),
    lambda ct, x, axis, keepdims: np.broadcast_to(np.reshape(ct, keepdims_shape(x.shape, axis)), x.shape),
    name="total",
    leading=True,
)


@composite(np.sum, method="sum")
def sum(  # noqa: A001 - NumPy's name
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, initial: Any = 0, where: Any = True
) -> Any:
    """NumPy's ``sum``."""
    reject("numpy.sum", dtype=(dtype, None), out=(out, None), initial=(initial, 0), where=(where, True))
    return total(a, axis=negative_axes(axis, np.ndim(a), "numpy.sum"), keepdims=bool(keepdims))
