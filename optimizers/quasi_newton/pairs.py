"""The memory of limited-memory methods: the last changes of x and of the gradient; imports ``updates``, ``state``.

>>> import numpy as np
>>> s, y = np.array([1.0, 0.0]), np.array([2.0, 0.0])
>>> descent(remembered((), s, y, 5), np.array([2.0, 2.0]))
array([-1., -1.])
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

from scipy.linalg.blas import daxpy, ddot, dscal

from optimizers.flatten import Array
from optimizers.quasi_newton.updates import curvature_of
from optimizers.state import State
from optimizers.status import Status

__all__ = ["LBFGSState", "Pairs", "descent", "remembered"]

Pairs: TypeAlias = tuple[tuple[Array, Array, float], ...]
"""Changes s of x, changes y of the gradient and 1/(s·y), oldest first."""


@dataclass(frozen=True, eq=False)
class LBFGSState(State):
    """`State` with the memory of `LBFGS` and `LBFGSB`.

    Attributes
    ----------
    pairs : tuple of (ndarray, ndarray, float)
        Changes s of x, changes y of the gradient and 1/(s·y), oldest first.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.LBFGS().init(opt.Problem(lambda x: x @ x), [1.0]).pairs
    ()
    """

    pairs: Pairs = ()

    def __init__(
        self,
        x: Array,
        f: float,
        g: Array,
        H: Array | None = None,
        k: int = 0,
        length: float = math.nan,
        ending: Status | None = None,
        pairs: Pairs = (),
    ) -> None:
        # What `dataclass` writes for frozen classes calls `object.__setattr__` for each, in twice the time.
        known = self.__dict__
        known["x"], known["f"], known["g"], known["H"] = x, f, g, H
        known["k"], known["length"], known["ending"], known["pairs"] = k, length, ending, pairs


def descent(pairs: Pairs, g: Array) -> Array:
    """The quasi-Newton direction -H g, shape (n,), with the inverse Hessian H that BFGS makes of `pairs`.

    By the two-loop recursion, from the identity times s·y / y·y of the newest pair. J. Nocedal, "Updating quasi-Newton
    matrices with limited storage", Mathematics of Computation 35 (1980) 773-782.

    Examples
    --------
    >>> import numpy as np
    >>> descent((), np.ones(2))
    array([-1., -1.])
    """
    # By BLAS, in place: forty operations with NumPy would cost more than the evaluation of a small objective.
    q, n, weights = g.copy(), g.size, []
    for s, y, rho in reversed(pairs):
        weight = -rho * ddot(s, q)
        q = daxpy(y, q, n, weight)
        weights.append(weight)
    if pairs:
        _, y, rho = pairs[-1]
        q = dscal(-1.0 / (rho * ddot(y, y)), q)
    else:
        q = dscal(-1.0, q)
    for s, y, rho in pairs:
        q = daxpy(s, q, n, weights.pop() - rho * ddot(y, q))
    return q  # type: ignore[no-any-return]


def remembered(pairs: Pairs, s: Array, y: Array, memory: int) -> Pairs:
    """The newest `memory` pairs; one whose curvature is not positive beyond round-off would spoil definiteness.

    Examples
    --------
    >>> import numpy as np
    >>> remembered((), np.ones(1), -np.ones(1), 5)
    ()
    """
    curvature = curvature_of(s, y)
    return (*pairs, (s, y, 1.0 / curvature))[-memory:] if curvature > 0.0 else pairs
