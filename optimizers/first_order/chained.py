"""Chains of transforms as solvers; imports ``solver``, ``linesearch``, ``schedules``, ``transforms``.

There is no line search: a step is what the chain says. Gradient test, history and the rest are the driver's.

>>> import optimizers as opt
>>> t = opt.transforms
>>> rule = t.chain(t.scale_by_momentum(0.5), t.scale_by_learning_rate(0.1))
>>> Chain(rule).run(lambda x: (x[0] - 1.0) ** 2, [3.0]).x.round(5)
array([1.])
"""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg.blas import ddot

from optimizers.checks import is_number
from optimizers.errors import OptionError, ShapeError
from optimizers.first_order.schedules import Schedule
from optimizers.first_order.transforms import Transform, scale_by_learning_rate
from optimizers.first_order.transforms.base import Chain as TransformChain
from optimizers.flatten import Array, Tree, leaves_of
from optimizers.linesearch import round_off
from optimizers.linesearch.searching import along, same
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status

__all__ = ["Chain", "ChainState", "Chained", "Rated"]


@dataclass(frozen=True, eq=False)
class ChainState(State):
    """`State` with what a chain remembers; `length` is the share of its updates that is taken.

    Attributes
    ----------
    memory : tuple
        The state of the transform.
    ceiling : float
        The objective above which a step is refused: that at the start, but for round-off.
    kinds : tuple of str
        The classes of the transforms, whose memory it is.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.Momentum().init(opt.Problem(lambda x: x @ x), [1.0]).length
    1.0
    """

    memory: Any = ()
    ceiling: float = float("inf")
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chained(Solver[ChainState]):
    """The base of solvers that are chains: they say which.

    A step to where the objective is not finite, or higher than at the start, is refused: then the chain forgets its
    momentum, and its updates are halved, for the rest of the run, until a step is accepted. Where not even the
    shortest is, the run ends: as ``LINE_SEARCH``, or as ``ROUND_OFF`` where no decrease could be seen.

    Examples
    --------
    >>> import optimizers as opt
    >>> result = opt.Momentum(1.0, decay=0.0).run(lambda x: 3.0 * x[0] ** 2, [1.0])
    >>> bool(result.success), result.history[-1].length      # a rate of 1 diverges, and one of 1/4 does not
    (True, 0.25)
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            self.transform  # noqa: B018, made here so that its options are checked when the solver is made
        except OptionError as wrong:
            raise OptionError(f"{type(self).__name__}:{str(wrong).partition(':')[2]}") from None

    @cached_property
    def transform(self) -> Transform:
        """The chain.

        Examples
        --------
        >>> Chain().transform.update(3.0, ())[0]
        -0.03
        """
        return self._chain()

    def _chain(self) -> Transform:
        raise NotImplementedError

    def init(self, problem: Problem, x0: Tree) -> ChainState:
        """The state at `x0`, of a chain without memory.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Adam().init(opt.Problem(lambda x: x @ x), [1.0]).f
        1.0
        """
        start = self.begin(problem, x0)
        memory, ceiling = self.transform.init(start.x), start.f + round_off(start.f)
        return ChainState(
            start.x, start.f, start.g, length=1.0, memory=memory, ceiling=ceiling, kinds=_kinds(self.transform)
        )

    def step(self, problem: Problem, state: ChainState) -> ChainState:
        """One update by the chain.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem, solver = opt.Problem(lambda x: x @ x), opt.Momentum(0.25)
        >>> solver.step(problem, solver.init(problem, [1.0])).x
        array([0.5])
        """
        point, length = problem.at(state.x, f=state.f, g=state.g), state.length
        update, memory = self.transform.update(point.g, state.memory, point.x)
        if np.shape(update) != point.x.shape:
            raise ShapeError(f"{type(self).__name__}: an update of shape {np.shape(update)}, not {point.x.shape}")
        x = along(point, update, length)
        new = point if same(point.x, x) else _accepted(problem, x, state.ceiling)
        if new is None:
            update, memory = self.transform.update(point.g, self._forgotten(state.memory), point.x)
        while new is None and problem.left() > 0:
            length *= 0.5
            x = along(point, update, length)
            if same(point.x, x):
                break
            new = _accepted(problem, x, state.ceiling)
        if new is None:
            ending = Status.ROUND_OFF if -ddot(update, point.g) <= round_off(point.f) else Status.LINE_SEARCH
            return replace(state, k=state.k + 1, ending=ending)
        memory = self._kept(memory, point, new)
        return ChainState(new.x, new.f, new.g, None, state.k + 1, length, None, memory, state.ceiling, state.kinds)

    def _is_own(self, state: State) -> bool:
        """Whether the memory is one of these transforms, with whatever rates."""
        if not isinstance(state, ChainState) or state.kinds != _kinds(self.transform):
            return False
        return bool(leaves_of(state.memory)[1] == leaves_of(self.transform.init(state.x))[1])

    def _kept(self, memory: Any, old: Point, new: Point) -> Any:
        """What of `memory` the next step is given; all of it."""
        return memory

    def _forgotten(self, memory: Any) -> Any:
        return self.transform.forget(memory) if hasattr(self.transform, "forget") else memory


@dataclass(frozen=True)
class Rated(Chained):
    """The base of those with a learning rate.

    Examples
    --------
    >>> import optimizers as opt
    >>> issubclass(opt.Adam, Rated)
    True
    """

    learning_rate: Schedule | float = 0.01

    def __post_init__(self) -> None:
        rate = self.learning_rate
        usable = callable(rate) or (is_number(rate) and 0.0 < rate < math.inf)
        self._check("learning_rate", usable, "a number > 0 or a schedule")
        super().__post_init__()


def _kinds(transform: Transform) -> tuple[str, ...]:
    """The classes of the transforms of a chain."""
    if isinstance(transform, TransformChain):
        return tuple(name for part in transform.transforms for name in _kinds(part))
    return (type(transform).__name__,)


def _accepted(problem: Problem, x: Array, ceiling: float) -> Point | None:
    trial = problem.trial(x) if problem.left() > 0 else None
    return trial if trial is not None and trial.f <= ceiling and trial.finite else None


@dataclass(frozen=True)
class Chain(Chained):
    """A chain of your own as a solver.

    Parameters
    ----------
    rule : Transform
        What makes updates of gradients: one of `optimizers.transforms`, a chain of them, or any object with their
        ``init`` and ``update``. By default, gradient descent at a rate of 0.01.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> import optimizers as opt
    >>> t = opt.transforms
    >>> rule = t.chain(t.clip_by_norm(1.0), t.scale_by_momentum(0.8), t.scale_by_learning_rate(0.05))
    >>> opt.Chain(rule).run(lambda x: (x[0] - 1.0) ** 2, [9.0]).x.round(5)
    array([1.])
    """

    rule: Transform = field(default_factory=lambda: scale_by_learning_rate(0.01))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("rule", hasattr(self.rule, "init") and hasattr(self.rule, "update"), "a transform")

    def _chain(self) -> Transform:
        return self.rule
