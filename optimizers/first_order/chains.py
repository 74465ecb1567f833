"""First-order methods that are chains of transforms, each by its name; imports ``chained``, ``transforms``.

>>> result = Adam(0.1).run(lambda x: (x[0] - 1.0) ** 2 + 40.0 * x[1] ** 2, [3.0, 1.0])
>>> bool(result.success), result.x.round(4)
(True, array([1., 0.]))
"""

from dataclasses import dataclass, field
from typing import Any

from optimizers.checks import is_number
from optimizers.first_order.chained import Rated
from optimizers.first_order.schedules import Schedule
from optimizers.first_order.transforms import (
    Transform,
    add_weight_decay,
    chain,
    scale_by_adagrad,
    scale_by_adam,
    scale_by_learning_rate,
    scale_by_lion,
    scale_by_momentum,
    scale_by_nesterov,
    scale_by_rmsprop,
)
from optimizers.point import Point

__all__ = ["AdaGrad", "Adam", "AdamW", "Lion", "Momentum", "Nesterov", "RMSProp"]


@dataclass(frozen=True)
class Momentum(Rated):
    """Gradient descent with momentum, the heavy ball: see `optimizers.transforms.scale_by_momentum`.

    Parameters
    ----------
    learning_rate : float or Schedule
        A number > 0, or a function of the number of steps done.
    decay : float
        What is left of momentum after a step, in [0, 1).
    **options
        Those of `Solver`.

    Examples
    --------
    >>> Momentum(0.1, decay=0.5).run(lambda x: (x[0] - 1.0) ** 2, [3.0]).x.round(5)
    array([1.])
    """

    decay: float = 0.9

    def _chain(self) -> Transform:
        return chain(scale_by_momentum(self.decay), scale_by_learning_rate(self.learning_rate))


@dataclass(frozen=True)
class Nesterov(Rated):
    """Nesterov's accelerated gradients with adaptive restart: see `optimizers.transforms.scale_by_nesterov`.

    The iterates are the points at which gradients are taken, one step of momentum ahead.

    Parameters
    ----------
    learning_rate : float or Schedule
        A number > 0, or a function of the number of steps done; 1/L where Hessians are up to L.
    decay : float, optional
        A fixed momentum in [0, 1). By default it grows, until there is a restart.
    restart : "gradient", "function" or None
        Momentum is dropped where it makes an obtuse angle with the direction of descent, or where the objective has
        grown, or never. B. O'Donoghue and E. Candès, Found. Comput. Math. 15 (2015) 715-732.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> fun = lambda x: x[0] ** 2 + 0.01 * x[1] ** 2
    >>> with_restart, without = (Nesterov(0.5, restart=restart).run(fun, [1.0, 1.0]) for restart in ("gradient", None))
    >>> bool(with_restart.success), with_restart.nit < without.nit
    (True, True)
    """

    decay: float | None = None
    restart: str | None = "gradient"

    def __post_init__(self) -> None:
        self._check("restart", self.restart in ("gradient", "function", None), "'gradient', 'function' or None")
        super().__post_init__()

    def _chain(self) -> Transform:
        momentum = scale_by_nesterov(self.decay, restart=self.restart == "gradient")
        return chain(momentum, scale_by_learning_rate(self.learning_rate))

    def _kept(self, memory: Any, old: Point, new: Point) -> Any:
        return self._forgotten(memory) if self.restart == "function" and new.f > old.f else memory


@dataclass(frozen=True)
class AdaGrad(Rated):
    """Rates that fall with the squares of gradients so far: see `optimizers.transforms.scale_by_adagrad`.

    Parameters
    ----------
    learning_rate : float or Schedule
        A number > 0, or a function of the number of steps done.
    start, epsilon : float
        Where the sums of squares start, and what is added to their roots.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> AdaGrad(1.0).run(lambda x: (x[0] - 1.0) ** 2, [3.0]).x.round(5)
    array([1.])
    """

    learning_rate: Schedule | float = 0.1
    start: float = 0.1
    epsilon: float = 1e-10

    def _chain(self) -> Transform:
        return chain(scale_by_adagrad(self.start, self.epsilon), scale_by_learning_rate(self.learning_rate))


@dataclass(frozen=True)
class RMSProp(Rated):
    """Rates over the root of recent squares of gradients: see `optimizers.transforms.scale_by_rmsprop`.

    At a constant rate it ends up going back and forth about a minimiser; a schedule that falls lets it arrive.

    Parameters
    ----------
    learning_rate : float or Schedule
        A number > 0, or a function of the number of steps done.
    decay, epsilon : float
        Of the moving average, and what is added to its root.
    centered : bool
        Whether squares are about the mean.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> import optimizers as opt
    >>> rate = opt.schedules.exponential(0.1, 0.98)
    >>> RMSProp(rate).run(lambda x: (x[0] - 1.0) ** 2, [3.0]).x.round(3)
    array([1.])
    """

    decay: float = 0.9
    epsilon: float = 1e-8
    centered: bool = False

    def _chain(self) -> Transform:
        scaled = scale_by_rmsprop(self.decay, self.epsilon, centered=self.centered)
        return chain(scaled, scale_by_learning_rate(self.learning_rate))


@dataclass(frozen=True)
class Adam(Rated):
    """Momentum over the root of recent squares: see `optimizers.transforms.scale_by_adam`.

    Parameters
    ----------
    learning_rate : float or Schedule
        A number > 0, or a function of the number of steps done.
    beta1, beta2, epsilon : float
        Of the two moving averages, and what is added to the root.
    nesterov, amsgrad : bool
        Momentum looked at one step ahead; squares that are the largest so far.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> Adam(0.1).run(lambda x: (x[0] - 1.0) ** 2, [3.0]).x.round(5)
    array([1.])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    nesterov: bool = field(default=False, kw_only=True)
    amsgrad: bool = field(default=False, kw_only=True)

    def _chain(self) -> Transform:
        return chain(self._adam(), scale_by_learning_rate(self.learning_rate))

    def _adam(self) -> Transform:
        return scale_by_adam(self.beta1, self.beta2, self.epsilon, nesterov=self.nesterov, amsgrad=self.amsgrad)


@dataclass(frozen=True)
class AdamW(Adam):
    """`Adam` with decoupled weight decay: see `optimizers.transforms.add_weight_decay`.

    The decay moves x at every step, whatever the gradient is: the gradient test, which is about the objective, holds
    for small decays or falling rates only. A run that does not succeed returns its point of least objective.

    Parameters
    ----------
    weight_decay : float
        What is added to the update, times the parameters.
    **options
        Those of `Adam`.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem, solver = opt.Problem(lambda x: -x[0] ** 3), opt.AdamW(0.5, weight_decay=0.1)
    >>> solver.step(problem, solver.init(problem, [1.0])).x      # half of the sign of the gradient, and of a tenth of x
    array([1.45])
    """

    weight_decay: float = field(default=1e-4, kw_only=True)

    def __post_init__(self) -> None:
        decay = self.weight_decay
        self._check("weight_decay", is_number(decay) and decay >= 0.0, "a number >= 0")
        super().__post_init__()

    def _chain(self) -> Transform:
        decay = add_weight_decay(self.weight_decay)
        return chain(self._adam(), decay, scale_by_learning_rate(self.learning_rate))


@dataclass(frozen=True)
class Lion(Rated):
    """Steps of the same size in every unknown, by the signs of momentum: see `optimizers.transforms.scale_by_lion`.

    At a constant rate it ends up going back and forth about a minimiser; a schedule that falls lets it arrive.

    Parameters
    ----------
    learning_rate : float or Schedule
        A number > 0, or a function of the number of steps done.
    beta1, beta2 : float
        What the signs have of momentum, and the decay of that.
    weight_decay : float
        Decoupled, as in `AdamW`.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> import optimizers as opt
    >>> Lion(opt.schedules.exponential(0.1, 0.97)).run(lambda x: (x[0] - 1.0) ** 2, [3.0]).x.round(3)
    array([1.])
    """

    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        decay = self.weight_decay
        self._check("weight_decay", is_number(decay) and decay >= 0.0, "a number >= 0")
        super().__post_init__()

    def _chain(self) -> Transform:
        lion, decay = scale_by_lion(self.beta1, self.beta2), add_weight_decay(self.weight_decay)
        return chain(lion, decay, scale_by_learning_rate(self.learning_rate))
