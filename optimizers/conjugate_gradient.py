"""Nonlinear conjugate gradients; imports ``solver``, ``linesearch`` and the layers below.

>>> import numpy as np
>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = NonlinearCG().run(rosen, np.zeros(50))
>>> bool(result.success), bool(abs(result.x - 1.0).max() < 1e-5)
(True, True)
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.linalg.blas import ddot

from optimizers.checks import is_number
from optimizers.flatten import Array, Tree
from optimizers.linear import norm
from optimizers.linesearch import HagerZhang, LineSearch, Searched, StrongWolfe, round_off, stalled
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.solver import Solver
from optimizers.state import State
from optimizers.status import Status

__all__ = ["ConjugateGradientState", "NonlinearCG"]

_FORMULAS = ("PR+", "FR", "HS", "DY", "HZ")
# The least cosine between direction and negative gradient that still counts as descent.
_DESCENT = 1e-8
# Hager and Zhang's bound on how negative their factor may be (2013; eta there).
_LOWEST = 0.4
# How far the first trial of a search may be from the last step, as a factor.
_CHANGE = 100.0
# Powell's own threshold.
_POWELL = 0.2
_FOR_ANY = HagerZhang()
_ACCURATE = StrongWolfe(c2=0.1)


@dataclass(frozen=True, eq=False)
class ConjugateGradientState(State):
    """`State` with the next direction of `NonlinearCG`.

    Attributes
    ----------
    direction : ndarray, shape (n,)
        In units of the norm of the gradient: of length one where it is that of steepest descent.
    first : float
        Multiple of it that the search tries first.
    steepest : bool
        Whether it is that of steepest descent.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.NonlinearCG().init(opt.Problem(lambda x: x @ x), [1.0]).direction
    array([-1.])
    """

    direction: Array = field(default_factory=lambda: np.empty(0))
    first: float = 1.0
    steepest: bool = True


@dataclass(frozen=True)
class NonlinearCG(Solver[ConjugateGradientState]):
    """Nonlinear conjugate gradients: very many unknowns, cheap steps, a few vectors of memory.

    A direction is the negative gradient plus beta times the last direction. With g the new gradient, d the last
    direction and y the change of the gradient, beta is

    - ``"PR+"``: y·g / |g_old|², and not below 0. E. Polak and G. Ribière (1969); M. J. D. Powell (1986).
    - ``"FR"``: |g|² / |g_old|². R. Fletcher and C. M. Reeves, Computer Journal 7 (1964) 149-154.
    - ``"HS"``: y·g / d·y. M. R. Hestenes and E. Stiefel, J. Res. NBS 49 (1952) 409-436.
    - ``"DY"``: |g|² / d·y. Y. H. Dai and Y. Yuan, SIAM J. Optim. 10 (1999) 177-182.
    - ``"HZ"``: (y - 2 d |y|² / d·y)·g / d·y, and not below 0.4 d·g_old / |d|². W. W. Hager and H. Zhang, SIAM J. Optim.
      16 (2005) 170-192, with the bound of their paper in the same journal 23 (2013) 2150-2168.

    The direction is that of steepest descent again where beta is not a number, where the other is no direction of
    descent, and where successive gradients are far from orthogonal: M. J. D. Powell, "Restart procedures for the
    conjugate gradient method", Math. Programming 12 (1977) 241-254. Also where the search fails, once.

    Parameters
    ----------
    beta : str
        One of the above.
    linesearch : LineSearch, optional
        `HagerZhang()` by default for "HZ", else ``StrongWolfe(c2=0.1)``: the other formulas are for accurate searches.
    restart : float, optional
        Powell's test: gradients are far from orthogonal where |g·g_old| is at least this times |g|². Infinity never
        restarts by it. By default 0.2, and infinity for "HZ", whose steps are seldom accurate enough for it.
    **options
        Those of `Solver`; ``maxiter`` is 10 000 by default.

    Examples
    --------
    >>> import optimizers as opt
    >>> for beta in ("PR+", "FR", "HS", "DY", "HZ"):
    ...     print(opt.NonlinearCG(beta).run(lambda x: np.sum(np.arange(1, 101) * x**2), np.ones(100)).success)
    True
    True
    True
    True
    True
    """

    beta: str = "PR+"
    linesearch: LineSearch | None = None
    restart: float | None = None
    maxiter: int = field(default=10_000, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("beta", self.beta in _FORMULAS, "one of " + ", ".join(map(repr, _FORMULAS)))
        self._check("linesearch", self.linesearch is None or hasattr(self.linesearch, "search"), "a line search")
        valid = self.restart is None or (is_number(self.restart) and self.restart > 0.0)
        self._check("restart", valid, "None or a number > 0")

    def init(self, problem: Problem, x0: Tree) -> ConjugateGradientState:
        """The state at `x0`, with the direction of steepest descent.

        Examples
        --------
        >>> import optimizers as opt
        >>> NonlinearCG().init(opt.Problem(lambda x: x @ x), [1.0]).steepest
        True
        """
        start = self.begin(problem, x0)
        return ConjugateGradientState(start.x, start.f, start.g, direction=_steepest(start.g))

    def step(self, problem: Problem, state: ConjugateGradientState) -> ConjugateGradientState:
        """One line search, and the direction of the next.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: np.sum(np.array([1.0, 3.0]) * x**2))
        >>> state = NonlinearCG().step(problem, NonlinearCG().init(problem, [3.0, 1.0]))
        >>> state.x, state.direction                     # which points to the minimiser
        (array([ 1.5, -0.5]), array([-1.06066017,  0.35355339]))
        """
        point = problem.at(state.x, f=state.f, g=state.g)
        direction, first = state.direction, state.first
        found = self._search(problem, point, direction, first)
        if found.point is None and not state.steepest:
            direction, first = _steepest(point.g), 1.0
            found = self._search(problem, point, direction, first)
        new, slope = found.point, ddot(direction, point.g)
        if new is None:
            ending = Status.ROUND_OFF if -first * slope <= round_off(point.f) else Status.LINE_SEARCH
            return replace(state, k=state.k + 1, ending=ending)
        if stalled(point, new):
            return replace(state, k=state.k + 1, ending=Status.ROUND_OFF)
        following = self._following(point, new, direction, slope)
        steepest = following is None
        following = _steepest(new.g) if following is None else following
        first = _first(found.length, slope, ddot(following, new.g))
        return ConjugateGradientState(
            new.x, new.f, new.g, None, state.k + 1, found.length, None, following, first, steepest
        )

    def _search(self, problem: Problem, point: Point, direction: Array, first: float) -> Searched:
        search = self.linesearch
        if search is None:
            search = _FOR_ANY if self.beta == "HZ" else _ACCURATE
        return search.search(problem, point, direction, first)

    def _following(self, old: Point, new: Point, direction: Array, slope: float) -> Array | None:
        """The next direction; None where that should be the one of steepest descent.

        Everything is in units of the norm of the old gradient, whose square may be no number.
        """
        unit, size = norm(old.g), norm(new.g)
        u, v = old.g / unit, new.g / unit
        ratio = size / unit
        threshold = self.restart
        if threshold is None:
            threshold = math.inf if self.beta == "HZ" else _POWELL
        if not 0.0 < ratio < math.inf or abs(ddot(u, v)) >= threshold * ratio * ratio:
            return None
        beta = _beta(self.beta, u, v, direction, slope / unit)
        if beta == 0.0:
            return None
        following: Array = (beta / ratio) * direction - v / ratio
        down = -ddot(following, new.g) / size
        return following if down >= _DESCENT * norm(following) and math.isfinite(down) else None


def _steepest(g: Array) -> Array:
    """The negative gradient as a unit vector, whose slope stays in range however large or small the gradient is."""
    size = norm(g)
    steepest: Array = g / -size if size > 0.0 else -g
    return steepest


def _beta(formula: str, u: Array, v: Array, e: Array, slope: float) -> float:
    """The factor, for old and new gradient `u` and `v`, where `u` is a unit vector, and direction `e`; NaN for none."""
    if formula == "FR":
        return float(ddot(v, v))
    y = v - u
    if formula == "PR+":
        return max(0.0, float(ddot(y, v)))
    new_slope = ddot(e, v)
    bend = new_slope - slope
    if not bend > 0.0:
        return math.nan
    if formula == "DY":
        return float(ddot(v, v) / bend)
    if formula == "HS":
        return float(ddot(y, v) / bend)
    beta = (ddot(y, v) - 2.0 * ddot(y, y) * (new_slope / bend)) / bend
    return float(max(beta, _LOWEST * slope / ddot(e, e)))


def _first(length: float, old_slope: float, slope: float) -> float:
    """The multiple that would change f, to first order, as much as the last step: Nocedal and Wright, page 59."""
    likely = length * (old_slope / slope) if slope != 0.0 else math.nan
    return min(max(likely, length / _CHANGE), _CHANGE * length) if math.isfinite(likely) else length
