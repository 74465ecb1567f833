"""Reshaping and rearranging. May import ``kinds`` and ``shaped``.

>>> import hodiff as hd
>>> hd.grad(lambda x: np.reshape(x, (2, 2))[1, 0])(np.arange(4.0))
array([0., 0., 1., 0.])
"""

from typing import Any

import numpy as np

from hodiff.core import bind
from hodiff.kinds import composite, linear, reject
from hodiff.shaped import Shaped


def _batch_broadcast(primitive: Any, size: int, operands: Any, batched: Any, parameters: dict[str, Any]) -> Any:
    (x,), shape = operands, parameters["shape"]
    x = np.reshape(x, (size, *(1,) * (len(shape) + 1 - x.ndim), *x.shape[1:]))
    return primitive(x, shape=(size, *shape))


reshaped = linear(
    lambda x, shape: x.reshape(shape),
    lambda ct, x, shape: np.reshape(ct, x.shape),
    name="reshaped",
    leading=lambda size, shape: {"shape": (size, *shape)},
    shape=lambda x, shape: Shaped(shape, x.dtype),
)
broadcasted = linear(
    lambda x, shape: np.broadcast_to(x, shape),
    lambda ct, x, shape: ct,  # the tape undoes broadcasting
    name="broadcasted",
    batch=_batch_broadcast,
    shape=lambda x, shape: Shaped(shape, x.dtype),
)


@composite(np.reshape)
def reshape(a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    """NumPy's ``reshape``; one length may be -1."""
    reject("numpy.reshape", order=(order, "C"), copy=(copy, None))
    return reshaped(a, shape=np.broadcast_to(np.zeros(()), a.shape).reshape(shape).shape)


@composite(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """NumPy's ``broadcast_to``."""
    reject("numpy.broadcast_to", subok=(subok, False))
    return broadcasted(array, shape=(shape,) if isinstance(shape, int) else tuple(shape))
