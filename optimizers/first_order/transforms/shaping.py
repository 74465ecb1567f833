"""Transforms that clip, decay and scale: next to no memory; imports ``base``, ``schedules``, ``checks``, ``flatten``.

>>> import numpy as np
>>> clip_by_norm(1.0).update({"a": 3.0, "b": np.array([4.0])}, ())[0]
{'a': 0.6, 'b': array([0.8])}
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizers.checks import is_number
from optimizers.errors import OptionError
from optimizers.first_order.schedules import Schedule, number_at
from optimizers.first_order.transforms.base import Leaves, PerLeaf

__all__ = [
    "add_weight_decay",
    "clip_by_norm",
    "clip_by_value",
    "scale",
    "scale_by_learning_rate",
    "scale_by_schedule",
]


@dataclass(frozen=True)
class ClipByNorm(PerLeaf):
    """See `clip_by_norm`.

    Examples
    --------
    >>> ClipByNorm(limit=2.0).change([np.array([4.0])], (), None)[0]
    [array([2.])]
    """

    limit: float

    def __post_init__(self) -> None:
        self._check("limit", is_number(self.limit) and self.limit > 0.0, "a number > 0")

    def change(self, gradients: Leaves, state: Any, params: Leaves | None) -> tuple[Leaves, Any]:
        # In units of the largest entry, squares are numbers.
        unit = max((float(np.abs(g).max(initial=0.0)) for g in gradients), default=0.0)
        if not 0.0 < unit < math.inf:
            return gradients, state
        size = unit * math.sqrt(sum(float(np.sum(np.square(g / unit))) for g in gradients))
        if not size > self.limit:
            return gradients, state
        factor = self.limit / size
        return [factor * g for g in gradients], state


@dataclass(frozen=True)
class ClipByValue(PerLeaf):
    """See `clip_by_value`.

    Examples
    --------
    >>> ClipByValue(2.0).change([np.array([4.0])], (), None)[0]
    [array([2.])]
    """

    limit: float

    def __post_init__(self) -> None:
        self._check("limit", is_number(self.limit) and self.limit > 0.0, "a number > 0")

    def change(self, gradients: Leaves, state: Any, params: Leaves | None) -> tuple[Leaves, Any]:
        return [np.clip(g, -self.limit, self.limit) for g in gradients], state


@dataclass(frozen=True)
class AddWeightDecay(PerLeaf):
    """See `add_weight_decay`.

    Examples
    --------
    >>> AddWeightDecay(0.1).change([np.array([1.0])], (), [np.array([20.0])])[0]
    [array([3.])]
    """

    rate: float

    def __post_init__(self) -> None:
        self._check("rate", is_number(self.rate) and self.rate >= 0.0, "a number >= 0")

    def change(self, gradients: Leaves, state: Any, params: Leaves | None) -> tuple[Leaves, Any]:
        if params is None:
            raise OptionError("add_weight_decay: update needs the parameters, update(gradient, state, params)")
        return [g + self.rate * p for g, p in zip(gradients, params, strict=True)], state


@dataclass(frozen=True)
class Scale(PerLeaf):
    """See `scale`.

    Examples
    --------
    >>> Scale(2.0).change([np.array([4.0])], (), None)[0]
    [array([8.])]
    """

    factor: float

    def __post_init__(self) -> None:
        self._check("factor", is_number(self.factor) and math.isfinite(self.factor), "a number that is finite")

    def change(self, gradients: Leaves, state: Any, params: Leaves | None) -> tuple[Leaves, Any]:
        factor = float(self.factor)
        return [factor * g for g in gradients], state


@dataclass(frozen=True)
class ScaleBySchedule(PerLeaf):
    """See `scale_by_schedule`; `sign` is -1 for a learning rate.

    Examples
    --------
    >>> ScaleBySchedule(lambda k: 2.0 * k).change([np.array([4.0])], 3, None)
    ([array([24.])], 4)
    """

    schedule: Schedule
    sign: float = 1.0

    def __post_init__(self) -> None:
        self._check("schedule", callable(self.schedule), "a schedule")

    def begin(self, params: Leaves) -> int:
        return 0

    def change(self, gradients: Leaves, state: int, params: Leaves | None) -> tuple[Leaves, int]:
        name = "learning_rate" if self.sign < 0.0 else "scale_by_schedule"
        factor = self.sign * number_at(self.schedule, state, name)
        return [factor * g for g in gradients], state + 1


def clip_by_norm(limit: float) -> PerLeaf:
    """The gradient, made shorter where the Euclidean norm of all its leaves together exceeds `limit`.

    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    Raises
    ------
    OptionError
        Unless `limit` is a number > 0.

    Examples
    --------
    >>> clip_by_norm(1.0).update(np.array([3.0, 4.0]), ())[0]
    array([0.6, 0.8])
    """
    return ClipByNorm(limit)


def clip_by_value(limit: float) -> PerLeaf:
    """Every entry moved into [-limit, limit].

    Raises
    ------
    OptionError
        Unless `limit` is a number > 0.

    Examples
    --------
    >>> clip_by_value(1.0).update(np.array([3.0, -0.5]), ())[0]
    array([ 1. , -0.5])
    """
    return ClipByValue(limit)


def add_weight_decay(rate: float) -> PerLeaf:
    """The update plus `rate` times the parameters.

    First in a chain it is the gradient of the penalty rate/2 |x|²; after an adaptive scaling it is a decay of its own,
    decoupled from the gradient: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Raises
    ------
    OptionError
        Unless `rate` is a number >= 0; when ``update`` is not given the parameters.

    Examples
    --------
    >>> add_weight_decay(0.1).update(np.array([1.0]), (), np.array([5.0]))[0]
    array([1.5])
    """
    return AddWeightDecay(rate)


def scale(factor: float) -> PerLeaf:
    """The update times `factor`.

    Raises
    ------
    OptionError
        Unless `factor` is a number.

    Examples
    --------
    >>> scale(-0.1).update(np.array([1.0]), ())[0]
    array([-0.1])
    """
    return Scale(factor)


def scale_by_schedule(schedule: Schedule) -> PerLeaf:
    """The update times ``schedule(k)``, where `k` steps have been done before.

    Raises
    ------
    OptionError
        Unless `schedule` can be called.

    Examples
    --------
    >>> import optimizers as opt
    >>> halving = scale_by_schedule(opt.schedules.exponential(1.0, 0.5))
    >>> first, state = halving.update(8.0, halving.init(8.0))
    >>> first, halving.update(8.0, state)[0]
    (8.0, 4.0)
    """
    return ScaleBySchedule(schedule)


def scale_by_learning_rate(rate: Schedule | float) -> PerLeaf:
    """The update times minus the learning rate, a number or a schedule: what ends a chain, since updates are added.

    Raises
    ------
    OptionError
        Unless `rate` is a number or can be called.

    Examples
    --------
    >>> scale_by_learning_rate(0.1).update(np.array([1.0]), ())[0]
    array([-0.1])
    """
    return Scale(-rate) if is_number(rate) else ScaleBySchedule(rate, -1.0)  # type: ignore[operator, arg-type]
