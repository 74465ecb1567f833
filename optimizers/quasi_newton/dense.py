"""BFGS and DFP with the inverse Hessian as a matrix; imports ``solver``, ``linesearch``, ``advancing``, ``updates``.

>>> def rosen(x):
...     return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
>>> result = BFGS().run(rosen, [-1.2, 1.0])
>>> bool(result.success), result.x.round(6), result.nhev
(True, array([1., 1.]), 0)
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from optimizers.flatten import Array, Tree
from optimizers.linesearch import LineSearch, Searched, StrongWolfe
from optimizers.point import Point
from optimizers.problem import Problem
from optimizers.quasi_newton.advancing import advance, unit
from optimizers.quasi_newton.updates import Update, bfgs_inverse, curvature_of, dfp_inverse, scale_of, symmetric
from optimizers.solver import Solver
from optimizers.state import State

__all__ = ["BFGS", "DFP", "DenseState"]


@dataclass(frozen=True, eq=False)
class DenseState(State):
    """`State` with the inverse Hessian of `BFGS` or `DFP`.

    Attributes
    ----------
    inverse : ndarray, shape (n, n), or None
        Symmetric, positive definite; None while nothing is known, at the start and after a failed search.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.BFGS().init(opt.Problem(lambda x: x @ x), [1.0]).inverse is None
    True
    """

    inverse: Array | None = None


@dataclass(frozen=True)
class _Dense(Solver[DenseState]):
    """What `BFGS` and `DFP` share: all but the update."""

    linesearch: LineSearch = field(default_factory=StrongWolfe)
    hess_inv0: Array | None = field(default=None, compare=False)
    update: ClassVar[Update]
    carries: ClassVar[frozenset[str]] = frozenset({"inverse"})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("linesearch", hasattr(self.linesearch, "search"), "a line search")
        if self.hess_inv0 is not None:
            checked = symmetric(self.hess_inv0, f"{type(self).__name__}: hess_inv0", definite=True)
            object.__setattr__(self, "hess_inv0", checked)

    def init(self, problem: Problem, x0: Tree) -> DenseState:
        """The state at `x0`, with the inverse Hessian that was given.

        Examples
        --------
        >>> import optimizers as opt
        >>> BFGS(hess_inv0=np.eye(1)).init(opt.Problem(lambda x: x @ x), [1.0]).inverse
        array([[1.]])
        """
        start = self.begin(problem, x0)
        n = start.x.size
        fits = self.hess_inv0 is None or self.hess_inv0.shape == (n, n)
        self._check("hess_inv0", fits, f"None or of shape {(n, n)}")
        return DenseState(start.x, start.f, start.g, inverse=self.hess_inv0)

    def step(self, problem: Problem, state: DenseState) -> DenseState:
        """One line search along the quasi-Newton direction, and one update.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> BFGS().step(problem, BFGS().init(problem, [1.0])).inverse
        array([[0.5]])
        """
        new, length, inverse, ending = advance(problem, state, state.inverse, None, self._search)
        if new is None:
            return replace(state, k=state.k + 1, ending=ending)
        s, y = new.x - state.x, new.g - state.g
        if curvature_of(s, y) > 0.0:
            if inverse is None:
                inverse = np.eye(s.size) / scale_of(s, y)
            inverse = type(self).update(inverse, s, y)
        return DenseState(new.x, new.f, new.g, k=state.k + 1, length=length, inverse=inverse)

    def fields(self, problem: Problem, state: DenseState) -> dict[str, Any]:
        """The inverse Hessian `hess_inv`, shape (n, n), as SciPy's BFGS has it; the identity where nothing is known.

        Examples
        --------
        >>> BFGS().run(lambda x: x @ x, [1.0, 2.0]).hess_inv.round(6)
        array([[0.5, 0. ],
               [0. , 0.5]])
        """
        return {"hess_inv": np.eye(state.x.size) if state.inverse is None else np.array(state.inverse)}

    def _search(self, problem: Problem, point: Point, inverse: Array | None) -> tuple[Searched, Array]:
        direction = unit(point.g) if inverse is None else inverse.dot(-point.g)
        return self.linesearch.search(problem, point, direction), direction


@dataclass(frozen=True)
class BFGS(_Dense):
    """The method of Broyden, Fletcher, Goldfarb and Shanno: up to some hundred unknowns, gradients only.

    J. Nocedal and S. J. Wright, "Numerical Optimization" (2nd ed. 2006), algorithm 6.1, with the initial scaling
    (6.20). Where the search fails, or gains nothing that can be seen, the matrix is dropped and the search repeated
    once along the negative gradient.

    Parameters
    ----------
    linesearch : LineSearch
        `StrongWolfe()` by default, which keeps every update positive definite; a pair without positive curvature
        makes no update.
    hess_inv0 : ndarray, shape (n, n), optional
        Inverse Hessian to begin with, symmetric and positive definite; SciPy's BFGS has this option too. By
        default the first step is one of length one along the negative gradient, and the matrix begins as the
        multiple of the identity that this step suggests.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> result = BFGS().run(lambda x: np.sum(np.arange(1, 6) * (x - 1.0) ** 2), np.zeros(5))
    >>> bool(result.success), bool(np.abs(np.diag(result.hess_inv) * 2.0 * np.arange(1, 6) - 1.0).max() < 0.1)
    (True, True)
    """

    update: ClassVar[Update] = staticmethod(bfgs_inverse)


@dataclass(frozen=True)
class DFP(_Dense):
    """The method of Davidon, Fletcher and Powell: BFGS's elder dual, which needs accurate line searches.

    R. Fletcher and M. J. D. Powell, "A rapidly convergent descent method for minimization", Computer Journal 6 (1963)
    163-168.

    Parameters
    ----------
    linesearch : LineSearch
        ``StrongWolfe(c2=0.1)`` by default.
    hess_inv0 : ndarray, shape (n, n), optional
        As of `BFGS`.
    **options
        Those of `Solver`.

    Examples
    --------
    >>> bool(DFP().run(lambda x: (x[0] - 1.0) ** 2 + 9.0 * x[1] ** 2, [3.0, 1.0]).success)
    True
    """

    linesearch: LineSearch = field(default_factory=lambda: StrongWolfe(c2=0.1))
    update: ClassVar[Update] = staticmethod(dfp_inverse)
