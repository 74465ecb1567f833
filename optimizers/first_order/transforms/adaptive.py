"""Transforms that give each entry a scale of its own, from its squares so far; imports ``base``, ``checks``.

>>> import numpy as np
>>> adam = scale_by_adam()
>>> adam.update({"a": 3e5, "b": np.array([-1e-3])}, adam.init({"a": 0.0, "b": np.zeros(1)}))[0]["b"].round(4)
array([-1.])
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from optimizers.checks import is_number
from optimizers.first_order.transforms.base import Kept, Leaves, PerLeaf, is_share, mixed, zeros_like

__all__ = ["scale_by_adagrad", "scale_by_adam", "scale_by_rmsprop"]


class Moments(NamedTuple):
    """State of `scale_by_adam` and `scale_by_rmsprop`.

    Attributes
    ----------
    steps : int
        Steps done.
    first, second, largest : tuple of ndarray
        Moving averages of gradients and of their squares, and the largest of the latter so far: one array a leaf, or
        none where they are not used.

    Examples
    --------
    >>> scale_by_adam().init(np.zeros(1)).steps
    0
    """

    steps: int
    first: Kept
    second: Kept
    largest: Kept


@dataclass(frozen=True)
class ScaleByAdagrad(PerLeaf):
    """See `scale_by_adagrad`.

    Examples
    --------
    >>> ScaleByAdagrad(0.0, 0.0).change([4.0], (9.0,), None)
    ([np.float64(0.8)], (25.0,))
    """

    start: float
    epsilon: float

    def __post_init__(self) -> None:
        self._check("start", is_number(self.start) and self.start >= 0.0, "a number >= 0")
        self._check("epsilon", is_number(self.epsilon) and self.epsilon >= 0.0, "a number >= 0")

    def begin(self, params: Leaves) -> Kept:
        return tuple(zeros + self.start for zeros in zeros_like(params))

    def change(self, gradients: Leaves, state: Kept, params: Leaves | None) -> tuple[Leaves, Kept]:
        sums = tuple(total + g * g for total, g in zip(state, gradients, strict=True))
        return [_over(g, total, self.epsilon) for g, total in zip(gradients, sums, strict=True)], sums


@dataclass(frozen=True)
class ScaleByRMSProp(PerLeaf):
    """See `scale_by_rmsprop`.

    Examples
    --------
    >>> ScaleByRMSProp(0.5, 0.0, False).change([4.0], Moments(0, (), (2.0,), ()), None)[0]
    [np.float64(1.3333333333333333)]
    """

    decay: float
    epsilon: float
    centered: bool

    def __post_init__(self) -> None:
        self._check("decay", is_share(self.decay), "a number in [0, 1)")
        self._check("epsilon", is_number(self.epsilon) and self.epsilon >= 0.0, "a number >= 0")
        self._check("centered", isinstance(self.centered, bool), "True or False")

    def begin(self, params: Leaves) -> Moments:
        return Moments(0, zeros_like(params) if self.centered else (), zeros_like(params), ())

    def change(self, gradients: Leaves, state: Moments, params: Leaves | None) -> tuple[Leaves, Moments]:
        second = mixed(self.decay, state.second, [g * g for g in gradients])
        first, spread = state.first, second
        if self.centered:
            first = mixed(self.decay, state.first, gradients)
            # A variance, which rounding may make negative.
            spread = tuple(np.maximum(square - mean * mean, 0.0) for square, mean in zip(second, first, strict=True))
        changed = [_over(g, square, self.epsilon) for g, square in zip(gradients, spread, strict=True)]
        return changed, Moments(state.steps + 1, first, second, ())


@dataclass(frozen=True)
class ScaleByAdam(PerLeaf):
    """See `scale_by_adam`.

    Examples
    --------
    >>> adam = ScaleByAdam(0.9, 0.999, 0.0, False, False)
    >>> adam.change([np.array([4.0, -0.1])], adam.begin([np.zeros(2)]), None)[0]
    [array([ 1., -1.])]
    """

    beta1: float
    beta2: float
    epsilon: float
    nesterov: bool
    amsgrad: bool

    def __post_init__(self) -> None:
        self._check("beta1", is_share(self.beta1), "a number in [0, 1)")
        self._check("beta2", is_share(self.beta2), "a number in [0, 1)")
        self._check("epsilon", is_number(self.epsilon) and self.epsilon >= 0.0, "a number >= 0")
        self._check("nesterov", isinstance(self.nesterov, bool), "True or False")
        self._check("amsgrad", isinstance(self.amsgrad, bool), "True or False")

    def begin(self, params: Leaves) -> Moments:
        zeros = zeros_like(params)
        return Moments(0, zeros, zeros, zeros if self.amsgrad else ())

    def forget(self, state: Moments) -> Moments:
        return self.begin(list(state.first))

    def change(self, gradients: Leaves, state: Moments, params: Leaves | None) -> tuple[Leaves, Moments]:
        steps = state.steps + 1
        first = mixed(self.beta1, state.first, gradients)
        second = mixed(self.beta2, state.second, [g * g for g in gradients])
        largest, used = state.largest, second
        if self.amsgrad:
            used = largest = tuple(np.maximum(old, new) for old, new in zip(largest, second, strict=True))
        # What the zeros at the start still weigh is taken out.
        seen, squares = 1.0 - self.beta1**steps, 1.0 - self.beta2**steps
        means = [mean / seen for mean in first]
        if self.nesterov:
            ahead = 1.0 - self.beta1 ** (steps + 1)
            means = [
                self.beta1 * mean / ahead + (1.0 - self.beta1) * g / seen
                for mean, g in zip(first, gradients, strict=True)
            ]
        changed = [_over(mean, square / squares, self.epsilon) for mean, square in zip(means, used, strict=True)]
        return changed, Moments(steps, first, second, largest)


def _over(g: Any, square: Any, epsilon: float) -> Any:
    """``g / (sqrt(square) + epsilon)``, and 0 where both are 0."""
    root = np.sqrt(square) + epsilon
    if epsilon > 0.0:
        return g / root
    return np.divide(g, root, out=np.zeros_like(root), where=root != 0.0)[()]


def scale_by_adagrad(start: float = 0.1, epsilon: float = 1e-10) -> PerLeaf:
    """Each entry over the root of the sum of its squares so far, `start` included; over that plus `epsilon`.

    J. Duchi, E. Hazan and Y. Singer, J. Machine Learning Research 12 (2011) 2121-2159.

    Raises
    ------
    OptionError
        When `start` or `epsilon` is negative.

    Examples
    --------
    >>> adagrad = scale_by_adagrad(start=0.0)
    >>> adagrad.update(np.array([3.0, -0.1]), adagrad.init(np.zeros(2)))[0]
    array([ 1., -1.])
    """
    return ScaleByAdagrad(start, epsilon)


def scale_by_rmsprop(decay: float = 0.9, epsilon: float = 1e-8, *, centered: bool = False) -> PerLeaf:
    """Each entry over the root of the moving average of its squares, or, `centered`, of its variance.

    T. Tieleman and G. Hinton, lecture 6.5 of "Neural networks for machine learning" (2012); centred as in A. Graves,
    "Generating sequences with recurrent neural networks", arXiv:1308.0850, equations (38) to (45).

    Raises
    ------
    OptionError
        When `decay` is not in [0, 1), or `epsilon` is negative.

    Examples
    --------
    >>> rmsprop = scale_by_rmsprop(0.75)
    >>> rmsprop.update(np.array([3.0, -0.1]), rmsprop.init(np.zeros(2)))[0]
    array([ 1.99999999, -1.9999996 ])
    """
    return ScaleByRMSProp(decay, epsilon, centered)


def scale_by_adam(
    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, *, nesterov: bool = False, amsgrad: bool = False
) -> PerLeaf:
    """Moving average of the gradient over the root of that of its squares, both freed from the bias of their start.

    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Parameters
    ----------
    beta1, beta2 : float
        Decay of the averages of the gradient and of its squares, in [0, 1).
    epsilon : float
        What is added to the root.
    nesterov : bool
        Whether the average is looked at one step ahead: T. Dozat, "Incorporating Nesterov momentum into Adam" (2016).
    amsgrad : bool
        Whether the squares are the largest so far: S. J. Reddi, S. Kale and S. Kumar, "On the convergence of Adam and
        beyond", ICLR 2018.

    Raises
    ------
    OptionError
        When an option is out of its range.

    Examples
    --------
    >>> adam = scale_by_adam()
    >>> adam.update(np.array([3.0, -0.1]), adam.init(np.zeros(2)))[0]
    array([ 1.        , -0.9999999])
    """
    return ScaleByAdam(beta1, beta2, epsilon, nesterov, amsgrad)
