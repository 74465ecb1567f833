"""Limited-memory BFGS; imports ``solver``, ``linesearch``, ``advancing`` and ``pairs``.

>>> import numpy as np
>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = LBFGS().run(rosen, np.zeros(50))
>>> bool(result.success), bool(abs(result.x - 1.0).max() < 1e-5)
(True, True)
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

from optimizers.checks import is_whole
from optimizers.flatten import Array, Tree
from optimizers.linesearch import LineSearch, Searched, StrongWolfe
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.quasi_newton.advancing import advance, unit
from optimizers.quasi_newton.pairs import LBFGSState, Pairs, descent, remembered
from optimizers.solver import Solver

__all__ = ["LBFGS"]


@dataclass(frozen=True)
class LBFGS(Solver[LBFGSState]):
    """Limited-memory BFGS with a strong Wolfe line search: large problems, gradients only.

    D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
    Programming 45 (1989) 503-528. Where the search fails, or gains nothing that can be seen, the memory is dropped and
    the search repeated once along the negative gradient.

    Parameters
    ----------
    linesearch : LineSearch
        `StrongWolfe()` by default, which keeps every update positive definite.
    memory : int
        Pairs kept.
    **options
        Those of `Solver`; ``maxiter`` is 10 000 by default.

    Examples
    --------
    >>> import numpy as np
    >>> result = LBFGS(memory=5).run(lambda x: np.sum(np.arange(1, 101) * x ** 2), np.ones(100))
    >>> bool(result.success), result.nhev
    (True, 0)
    """

    linesearch: LineSearch = field(default_factory=StrongWolfe)
    memory: int = 10
    maxiter: int = field(default=10_000, kw_only=True)

    carries: ClassVar[frozenset[str]] = frozenset({"pairs"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("linesearch", hasattr(self.linesearch, "search"), "a line search")
        self._check("memory", is_whole(self.memory, 1), "a whole number >= 1")

    def init(self, problem: Problem, x0: Tree) -> LBFGSState:
        """The state at `x0`, without memory.

        Examples
        --------
        >>> import optimizers as opt
        >>> LBFGS().init(opt.Problem(lambda x: x @ x), [1.0]).k
        0
        """
        start = self.begin(problem, x0)
        return LBFGSState(start.x, start.f, start.g)

    def step(self, problem: Problem, state: LBFGSState) -> LBFGSState:
        """One line search along the quasi-Newton direction, and one more pair.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> len(LBFGS().step(problem, LBFGS().init(problem, [1.0])).pairs)
        1
        """
        new, length, pairs, ending = advance(problem, state, state.pairs, (), self._search)
        if new is None:
            return replace(state, k=state.k + 1, ending=ending)
        pairs = remembered(pairs, new.x - state.x, new.g - state.g, self.memory)
        return LBFGSState(new.x, new.f, new.g, k=state.k + 1, length=length, pairs=pairs)

    def _search(self, problem: Problem, point: Point, pairs: Pairs) -> tuple[Searched, Array]:
        direction = descent(pairs, point.g) if pairs else unit(point.g)
        return self.linesearch.search(problem, point, direction), direction
