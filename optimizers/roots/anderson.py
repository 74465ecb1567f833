"""Anderson's acceleration of fixed-point iterations; imports ``base`` and ``fixed_point``.

>>> import optimizers as opt
>>> matrix = np.diag([0.9, 0.5, -0.3])
>>> problem = opt.FixedPointProblem(lambda x: matrix @ x + 1.0)
>>> Anderson().solve(problem, np.zeros(3)).nit, opt.FixedPoint().solve(problem, np.zeros(3)).nit
(4, 175)
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from scipy.linalg.blas import ddot
from scipy.linalg.lapack import dtrcon, dtrtrs

from optimizers.checks import is_number, is_whole
from optimizers.equations import FixedPointProblem, RootProblem
from optimizers.flatten import Array, Tree
from optimizers.problem import Problem
from optimizers.residuals import ResidualPoint
from optimizers.roots.base import RootSolver, RootState, root_problem
from optimizers.roots.steps import shortened, within_rounding
from optimizers.status import Status

__all__ = ["Anderson", "AndersonState"]

# Condition of the differences of F, each of unit length, beyond which the oldest is left out.
_CONDITION = 1e10


@dataclass(frozen=True, eq=False)
class AndersonState(RootState):
    """State of `Anderson`.

    Attributes
    ----------
    steps, changes : ndarray, shape (m, n)
        The last changes of x and of F, oldest first.
    mixing : float
        How much of F a step takes.

    Examples
    --------
    >>> import optimizers as opt
    >>> Anderson().init(opt.RootProblem(lambda x: -4.0 * x), [1.0]).mixing
    0.25
    """

    steps: Array = field(default_factory=lambda: np.zeros((0, 0)))
    changes: Array = field(default_factory=lambda: np.zeros((0, 0)))
    mixing: float = 1.0


@dataclass(frozen=True)
class Anderson(RootSolver[AndersonState]):
    """Anderson's acceleration, for x = G(x) and for F(x) = 0: many unknowns, no derivatives but one product.

    The step x + mixing F, with F = G(x) - x for a fixed point, is taken from the combination of the last points whose
    F is least if F were linear. On linear problems that is GMRES, one product behind. There is no line search: ‖F‖ may
    rise. A step to a point where F is not finite is shortened, and what was remembered is forgotten. Where the run ends
    without success the result is the best point that it met.

    D. G. Anderson, J. ACM 12 (1965) 547-560; H. F. Walker and P. Ni, "Anderson acceleration for fixed-point
    iterations", SIAM J. Numer. Anal. 49 (2011) 1715-1735.

    Parameters
    ----------
    memory : int
        Differences kept; 0 leaves the plain iteration.
    mixing : float, optional
        How much of F a step takes, of either sign. By default 1 for fixed points, and for roots what makes
        ‖F + mixing J F‖ least at the start, by one exact product with the Jacobian.
    **options
        `gtol`, which max|F| has to reach, and the limits and stop rules of `Solver`.

    Examples
    --------
    >>> d = np.linspace(1.0, 10.0, 50)
    >>> def system(x): return d * x + 0.1 * x**3 - 1.0
    >>> result = Anderson().run(system, np.zeros(50))
    >>> bool(result.success), result.njev, result.njvp
    (True, 0, 1)
    """

    memory: int = 10
    mixing: float | None = None
    states: ClassVar[type[RootState]] = AndersonState

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("memory", is_whole(self.memory, 0), "a whole number >= 0")
        sound = self.mixing is None or (is_number(self.mixing) and np.isfinite(self.mixing) and self.mixing != 0.0)
        self._check("mixing", sound, "None or a number other than 0")

    def init(self, problem: Problem, x0: Tree) -> AndersonState:
        """The state at `x0`.

        Examples
        --------
        >>> import optimizers as opt
        >>> Anderson().init(opt.FixedPointProblem(lambda x: 0.5 * x), [1.0]).mixing
        1.0
        """
        found = root_problem(problem)
        point = found.start(x0)
        none = np.zeros((0, point.x.size))
        mixing = _mixing(found, point) if self.mixing is None else float(self.mixing)
        return AndersonState(point.x, point.f, point.r, steps=none, changes=none, mixing=mixing)

    def step(self, problem: Problem, state: AndersonState) -> AndersonState:
        """One step from the best combination of the points remembered.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.FixedPointProblem(lambda x: 0.5 * x)
        >>> first = Anderson().step(problem, Anderson().init(problem, [8.0]))
        >>> first.x, Anderson().step(problem, first).x
        (array([4.]), array([0.]))
        """
        found, F = root_problem(problem), state.g
        steps, changes, shares = _shares(state.steps, state.changes, F)
        step = state.mixing * F
        if shares.size:
            step = step - shares @ (steps + state.mixing * changes)
        length, new = shortened(found, state.x, step, trials=1 if shares.size else 10)
        if new is None and shares.size:
            steps, changes = steps[:0], changes[:0]
            length, new = shortened(found, state.x, state.mixing * F)
        if new is None:
            return replace(state, k=state.k + 1, ending=Status.LINE_SEARCH)
        if within_rounding(state.x, new, state.f):
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF)
        return AndersonState(
            new.x,
            new.f,
            new.r,
            k=state.k + 1,
            length=length,
            steps=self._window(steps, new.x - state.x),
            changes=self._window(changes, new.r - F),
            mixing=state.mixing,
        )

    def _window(self, rows: Array, newest: Array) -> Array:
        """The last rows: no more than the memory, nor than could be independent."""
        rows = np.vstack([rows, newest])
        return rows[len(rows) - min(len(rows), self.memory, newest.size) :]


def _mixing(problem: RootProblem, point: ResidualPoint) -> float:
    if isinstance(problem, FixedPointProblem):
        return 1.0
    image = problem.linearized(point.x)(point.r)
    size = ddot(image, image)
    mixing = -ddot(point.r, image) / size if size > 0.0 else 1.0
    return float(mixing) if np.isfinite(mixing) and mixing != 0.0 else 1.0


def _shares(steps: Array, changes: Array, F: Array) -> tuple[Array, Array, Array]:
    """The newest of the differences that least squares can tell apart, and their combination nearest to F."""
    sizes = np.sqrt(np.einsum("ij,ij->i", changes, changes))
    first = int(np.flatnonzero(sizes == 0.0)[-1]) + 1 if (sizes == 0.0).any() else 0
    while first < len(changes):
        Q, R = np.linalg.qr((changes[first:] / sizes[first:, None]).T)
        if dtrcon(R)[0] * _CONDITION >= 1.0:
            return steps[first:], changes[first:], dtrtrs(R, Q.T @ F)[0] / sizes[first:]
        first += 1
    return steps[first:], changes[first:], sizes[first:]
