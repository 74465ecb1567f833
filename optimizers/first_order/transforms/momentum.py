"""Transforms that keep going the way that gradients have pointed; imports ``base``, ``checks``.

>>> import numpy as np
>>> momentum = scale_by_momentum(0.5)
>>> state = momentum.init(np.ones(1))
>>> for _ in range(3):
...     update, state = momentum.update(np.ones(1), state)
>>> update
array([1.75])
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from optimizers.first_order.transforms.base import Kept, Leaves, PerLeaf, is_share, mixed, zeros_like

__all__ = ["scale_by_lion", "scale_by_momentum", "scale_by_nesterov"]


class Accelerated(NamedTuple):
    """State of `scale_by_nesterov`.

    Attributes
    ----------
    t, decay : float
        The number that the sequence of decays comes from, and the last of them.
    velocity : tuple of ndarray
        One array a leaf.

    Examples
    --------
    >>> scale_by_nesterov().init(np.zeros(1)).t
    1.0
    """

    t: float
    decay: float
    velocity: Kept


@dataclass(frozen=True)
class ScaleByMomentum(PerLeaf):
    """See `scale_by_momentum`.

    Examples
    --------
    >>> ScaleByMomentum(0.9, True).change([2.0], (1.0,), None)
    ([4.61], (2.9,))
    """

    decay: float
    nesterov: bool

    def __post_init__(self) -> None:
        self._check("decay", is_share(self.decay), "a number in [0, 1)")
        self._check("nesterov", isinstance(self.nesterov, bool), "True or False")

    def begin(self, params: Leaves) -> Kept:
        return zeros_like(params)

    def forget(self, state: Kept) -> Kept:
        return zeros_like(list(state))

    def change(self, gradients: Leaves, state: Kept, params: Leaves | None) -> tuple[Leaves, Kept]:
        velocity = tuple(self.decay * v + g for v, g in zip(state, gradients, strict=True))
        if not self.nesterov:
            return list(velocity), velocity
        return [g + self.decay * v for g, v in zip(gradients, velocity, strict=True)], velocity


@dataclass(frozen=True)
class ScaleByNesterov(PerLeaf):
    """See `scale_by_nesterov`.

    Examples
    --------
    >>> ScaleByNesterov(0.5, False).change([2.0], Accelerated(1.0, 0.5, (1.0,)), None)[0]
    [3.25]
    """

    decay: float | None
    restart: bool

    def __post_init__(self) -> None:
        self._check("decay", self.decay is None or is_share(self.decay), "None or a number in [0, 1)")
        self._check("restart", isinstance(self.restart, bool), "True or False")

    def begin(self, params: Leaves) -> Accelerated:
        return Accelerated(1.0, 0.0, zeros_like(params))

    def forget(self, state: Accelerated) -> Accelerated:
        return self.begin(list(state.velocity))

    def change(self, gradients: Leaves, state: Accelerated, params: Leaves | None) -> tuple[Leaves, Accelerated]:
        t, velocity = state.t, tuple(state.decay * v + g for v, g in zip(state.velocity, gradients, strict=True))
        # The velocity points uphill, against the step: uphill along the gradient is downhill along the velocity.
        if self.restart and sum(float(np.vdot(g, v)) for g, v in zip(gradients, velocity, strict=True)) < 0.0:
            t, velocity = 1.0, tuple(gradients)
        following = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * t * t))
        decay = (t - 1.0) / following if self.decay is None else self.decay
        changed = [g + decay * v for g, v in zip(gradients, velocity, strict=True)]
        return changed, Accelerated(following, decay, velocity)


@dataclass(frozen=True)
class ScaleByLion(PerLeaf):
    """See `scale_by_lion`.

    Examples
    --------
    >>> ScaleByLion(0.9, 0.5).change([4.0], (-1.0,), None)
    ([np.float64(-1.0)], (1.5,))
    """

    beta1: float
    beta2: float

    def __post_init__(self) -> None:
        self._check("beta1", is_share(self.beta1), "a number in [0, 1)")
        self._check("beta2", is_share(self.beta2), "a number in [0, 1)")

    def begin(self, params: Leaves) -> Kept:
        return zeros_like(params)

    def forget(self, state: Kept) -> Kept:
        return zeros_like(list(state))

    def change(self, gradients: Leaves, state: Kept, params: Leaves | None) -> tuple[Leaves, Kept]:
        return [np.sign(mean) for mean in mixed(self.beta1, state, gradients)], mixed(self.beta2, state, gradients)


def scale_by_momentum(decay: float = 0.9, *, nesterov: bool = False) -> PerLeaf:
    """The sum of all gradients, older ones having decayed; with `nesterov`, looked at one step ahead.

    B. T. Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1-17 (the heavy ball); I. Sutskever, J. Martens, G. Dahl and
    G. Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013.

    Raises
    ------
    OptionError
        Unless `decay` is in [0, 1).

    Examples
    --------
    >>> for nesterov in (False, True):
    ...     momentum = scale_by_momentum(0.5, nesterov=nesterov)
    ...     print(momentum.update(np.ones(1), momentum.init(np.ones(1)))[0])
    [1.]
    [1.5]
    """
    return ScaleByMomentum(decay, nesterov)


def scale_by_nesterov(decay: float | None = None, *, restart: bool = True) -> PerLeaf:
    """Nesterov's acceleration, of growing momentum, which starts anew where it leads uphill.

    Y. Nesterov, Soviet Math. Dokl. 27 (1983) 372-376, with the sequence of A. Beck and M. Teboulle, SIAM J. Imaging
    Sci. 2 (2009) 183-202; restarts by the gradient scheme of B. O'Donoghue and E. Candès, "Adaptive restart for
    accelerated gradient schemes", Found. Comput. Math. 15 (2015) 715-732. The parameters are the points at which
    gradients are taken, one step of momentum ahead.

    Parameters
    ----------
    decay : float, optional
        A fixed momentum, in [0, 1), in place of the sequence.
    restart : bool
        Whether momentum is dropped where it makes an obtuse angle with the direction of descent.

    Raises
    ------
    OptionError
        When an option is out of its range.

    Examples
    --------
    >>> nesterov = scale_by_nesterov()
    >>> state = nesterov.init(np.ones(1))
    >>> for _ in range(2):
    ...     update, state = nesterov.update(np.ones(1), state)
    >>> update.round(4), round(state.decay, 4)
    (array([1.2818]), 0.2818)
    """
    return ScaleByNesterov(decay, restart)


def scale_by_lion(beta1: float = 0.9, beta2: float = 0.99) -> PerLeaf:
    """The signs of an average of gradients.

    X. Chen and others, "Symbolic discovery of optimization algorithms", NeurIPS 2023. `beta2` is the decay of what is
    kept, `beta1` the share of that in the signs.

    Raises
    ------
    OptionError
        Unless both are in [0, 1).

    Examples
    --------
    >>> lion = scale_by_lion()
    >>> lion.update(np.array([3.0, -0.1]), lion.init(np.zeros(2)))[0]
    array([ 1., -1.])
    """
    return ScaleByLion(beta1, beta2)
