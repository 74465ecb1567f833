"""The plain data a solver carries from step to step; imports ``flatten`` and ``status``.

A state holds arrays and numbers, no functions and no evaluated point, so ``pickle.dumps(state)`` is a
checkpoint, and stepping from the copy repeats the run bit for bit.

>>> import numpy as np
>>> State(x=np.zeros(2), f=1.0, g=np.ones(2)).k
0
"""

from dataclasses import dataclass

from optimizers.flatten import Array
from optimizers.status import Status

__all__ = ["State"]


@dataclass(frozen=True, eq=False)
class State:
    """What every method knows after `k` iterations; families add their own fields.

    Attributes
    ----------
    x, g : ndarray, shape (n,)
        Iterate and gradient there.
    f : float
        Objective there.
    H : ndarray, shape (n, n), or None
        Hessian there, where the method uses one.
    k : int
        Iterations done.
    length : float
        Step length last accepted, or trust radius.
    ending : Status or None
        Set by a method that cannot go on; the driver then stops.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> solver = opt.LBFGS()
    >>> state = solver.step(problem, solver.init(problem, [1.0, 2.0]))
    >>> state.k, bool(state.f < 5.0)
    (1, True)
    """

    x: Array
    f: float
    g: Array
    H: Array | None = None
    k: int = 0
    length: float = float("nan")
    ending: Status | None = None
