"""Methods that follow the gradient alone; imports ``solver``, ``linesearch``.

>>> result = GradientDescent().run(lambda x: (x[0] - 1.0) ** 2 + 4.0 * x[1] ** 2, [3.0, 1.0])
>>> bool(result.success), abs(result.x).round(5)
(True, array([1., 0.]))
"""

from dataclasses import dataclass, field, replace

import numpy as np

from optimizers.flatten import Tree
from optimizers.linear import norm
from optimizers.linesearch import Armijo, FixedStep, LineSearch, round_off, stalled
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status

__all__ = ["GradientDescent"]

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class GradientDescent(Solver[State]):
    """Steepest descent. Slow, and the yardstick: it needs nothing but the gradient.

    The first trial of the first iteration moves x by a unit length; later ones start from twice the length last
    accepted, so that the step can grow again.

    Parameters
    ----------
    linesearch : LineSearch or float
        `Armijo()`, `StrongWolfe()`, or a number: that length at every step.
    **options
        Those of `Solver`; ``maxiter`` is 10 000 by default.

    Examples
    --------
    >>> import optimizers as opt
    >>> for search in (opt.Armijo(), opt.StrongWolfe(), 0.1):
    ...     print(opt.GradientDescent(search).run(lambda x: x @ x, [1.0, -2.0]).success)
    True
    True
    True
    """

    linesearch: LineSearch | float = field(default_factory=Armijo)
    maxiter: int = field(default=10_000, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        search = self.linesearch
        usable = search > 0.0 if isinstance(search, (int, float)) else hasattr(search, "search")
        self._check("linesearch", usable and not isinstance(search, bool), "a line search or a number > 0")

    def init(self, problem: Problem, x0: Tree) -> State:
        """The state at `x0`.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.GradientDescent().init(opt.Problem(lambda x: x @ x), [1.0]).g
        array([2.])
        """
        return self.begin(problem, x0)

    def step(self, problem: Problem, state: State) -> State:
        """One line search along the negative gradient.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem, solver = opt.Problem(lambda x: x @ x), opt.GradientDescent(0.25)
        >>> solver.step(problem, solver.init(problem, [1.0])).x
        array([0.5])
        """
        point = problem.at(state.x, f=state.f, g=state.g)
        slope = norm(point.g)
        # Where the gradient has collapsed, the old length would no longer move x at all.
        first = max(2.0 * state.length * slope, 100.0 * _EPS * norm(point.x)) if state.length > 0.0 else 1.0
        if isinstance(self.linesearch, (int, float)):
            length, new = FixedStep(self.linesearch).search(problem, point, -point.g)
        else:
            # Along the unit vector, whose slope stays in range however large or small the gradient is.
            distance, new = self.linesearch.search(problem, point, -point.g / slope, first)
            length = distance / slope
        if new is None:
            hidden = first * slope <= round_off(point.f)
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF if hidden else Status.LINE_SEARCH)
        if stalled(point, new):
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF)
        return State(new.x, new.f, new.g, k=state.k + 1, length=length)
