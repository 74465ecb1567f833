"""Many fits of one shape at once: `LevenbergMarquardt` on stacks of members; imports ``region``.

A step on a stack is a few NumPy operations for all members together. JᵀJ, which a single solve never forms, is formed
here and factorised by Cholesky's method, in scaled parameters; members for which that would cost digits, or whose run
takes a turn that few take, leave the batch and are solved alone. So every member gets what it would get alone, but for
rounding; one that has converged does not move while others go on.

>>> import optimizers as opt
>>> t, y = np.linspace(0.0, 2.0, 9), np.exp(-np.outer([1.0, 2.0], np.linspace(0.0, 2.0, 9)))
>>> def evaluate(X, members):
...     e = np.exp(-X * t)
...     return normal_equations(e - y[members], (-t * e)[:, :, None])
>>> def member(i):
...     return ResidualProblem(lambda x: np.exp(-x[0] * t) - y[i])
>>> batched_levenberg_marquardt(opt.LevenbergMarquardt(), evaluate, np.full((2, 1), 1.5), member).x.round(9)
array([[1.],
       [2.]])
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizers.checks import quiet
from optimizers.fitting.factors import NEAR, TRIES
from optimizers.fitting.region import RegionSolver
from optimizers.fitting.stacks import damped_round, full_step, stationary_stacks, verdicts
from optimizers.flatten import Array, joined
from optimizers.residuals import ResidualProblem
from optimizers.run import Loop
from optimizers.status import Status

__all__ = ["BatchedFits", "batched_levenberg_marquardt", "normal_equations"]

# Once so small a share of a batch still moves, it is made smaller.
_SHARE = 4

Evaluate = Callable[[Array, NDArray[np.intp]], tuple[Array, Array, Array]]
Bools = NDArray[np.bool_]


class BatchedFits(NamedTuple):
    """What a batch of fits came to, a row a member.

    Attributes
    ----------
    x, grad : ndarray, shape (B, n)
        Parameters and gradient.
    cost, cosine : ndarray, shape (B,)
        As in the result of a single fit.
    status, nit, nfev, njev : ndarray of int, shape (B,)
        How each ended, after how many iterations and evaluations of residuals and Jacobians.

    Examples
    --------
    >>> BatchedFits._fields
    ('x', 'cost', 'grad', 'cosine', 'status', 'nit', 'nfev', 'njev')
    """

    x: Array
    cost: Array
    grad: Array
    cosine: Array
    status: NDArray[np.int_]
    nit: NDArray[np.int_]
    nfev: NDArray[np.int_]
    njev: NDArray[np.int_]


def batched_levenberg_marquardt(
    solver: RegionSolver, evaluate: Evaluate, X0: Array, member: Callable[[int], ResidualProblem]
) -> BatchedFits:
    """Solve B least-squares problems of n parameters and m residuals each.

    Parameters
    ----------
    solver : RegionSolver
        A `LevenbergMarquardt`; bounds are those of the problems that `member` makes. What stacks do not serve (losses,
        bounds, geodesic acceleration, stop rules besides `maxiter` and `maxfun`) is done one by one.
    evaluate : callable
        ``evaluate(X, members)`` -> costs ½ r·r (b,), gradients Jᵀr (b, n) and JᵀJ (b, n, n) at X (b, n) of the problems
        with these numbers, shape (b,); `normal_equations` makes them of residuals and Jacobians. It is asked with few
        different b, as compiled code wants it.
    X0 : ndarray, shape (B, n)
        Starts.
    member : callable
        ``member(i)`` -> the `ResidualProblem` of member i, for those that are solved alone.

    Raises
    ------
    NonFiniteError
        When residuals or Jacobian of a member are not finite at its start.

    Examples
    --------
    >>> import optimizers as opt
    >>> evaluate = lambda X, members: normal_equations(X - members[:, None], np.ones((len(X), 1, 1)))
    >>> member = lambda i: ResidualProblem(lambda x: x - i)
    >>> batched_levenberg_marquardt(opt.LevenbergMarquardt(), evaluate, np.zeros((3, 1)), member).x.ravel()
    array([0., 1., 2.])
    """
    X0 = np.array(X0, dtype=np.float64)
    members = len(X0)
    found = BatchedFits(
        X0,
        np.full(members, np.nan),
        np.full_like(X0, np.nan),
        np.full(members, np.nan),
        *(np.full(members, -1) for _ in range(4)),
    )
    if _serves(solver, member(0) if members else None, X0):
        with quiet(), np.errstate(all="ignore"):
            _Batch(solver, evaluate, found).run()
    for i in np.flatnonzero(found.status < 0):
        _alone(solver, member(int(i)), X0[i], found, int(i))
    return found


def normal_equations(R: Array, J: Array) -> tuple[Array, Array, Array]:
    """Costs, gradients and JᵀJ of residuals (b, m) and Jacobians (b, m, n).

    Examples
    --------
    >>> normal_equations(np.array([[1.0, 2.0]]), np.array([[[1.0], [1.0]]]))
    (array([2.5]), array([[3.]]), array([[[2.]]]))
    """
    transposed = J.transpose(0, 2, 1)
    return 0.5 * np.einsum("bm,bm->b", R, R), (transposed @ R[:, :, None])[:, :, 0], transposed @ J


def _serves(solver: RegionSolver, problem: ResidualProblem | None, X0: Array) -> bool:
    """Whether stacks serve the options; what they do not serve is done one member at a time."""
    plain = solver.loss == "linear" and not getattr(solver, "geodesic", False) and not solver.progress
    rules = solver.xtol == 0.0 and solver.ftol == 0.0 and solver.maxtime is None and solver.stop is None
    return plain and rules and problem is not None and problem.limits(X0.shape[1]) is None


def _alone(solver: RegionSolver, problem: ResidualProblem, x0: Array, found: BatchedFits, i: int) -> None:
    """Solve one member as if there were no batch."""
    loop = Loop(solver, problem)
    *_, last = loop.states(solver.init(problem, x0))
    result = loop.result(last)
    found.x[i], found.grad[i] = joined(result.x), joined(result.grad)
    found.cost[i], found.cosine[i] = result.cost, result.cosine
    found.status[i], found.nit[i], found.nfev[i], found.njev[i] = result["status"], result.nit, result.nfev, result.njev


@dataclass
class _Here:
    """What is known of the current points: n parameters or columns first, members last."""

    f: Array
    g: Array
    A: Array
    columns: Array
    finite: Bools

    @classmethod
    def of(cls, f: Array, g: Array, A: Array) -> "_Here":
        """The same with members last, and the norms of columns."""
        g, A = np.ascontiguousarray(g.T), np.ascontiguousarray(A.transpose(1, 2, 0))
        columns = np.sqrt(np.einsum("iib->ib", A))
        # A sum of squares that is finite has finite terms.
        return cls(f, g, A, columns, np.isfinite(f + columns.sum(axis=0) + g.sum(axis=0)))

    def taken(self, index: Any) -> "_Here":
        """These members only."""
        return _Here(self.f[index], self.g[:, index], self.A[:, :, index], self.columns[:, index], self.finite[index])

    def updated(self, new: "_Here", where: Bools) -> "_Here":
        """With the `new` values of some members."""
        return _Here(
            np.where(where, new.f, self.f),
            np.where(where, new.g, self.g),
            np.where(where, new.A, self.A),
            np.where(where, new.columns, self.columns),
            np.where(where, new.finite, self.finite),
        )


class _Newton(NamedTuple):
    """Full steps in scaled parameters, negative, (n, b); what they promise, (b,); whether their pivots were large."""

    q: Array
    length: Array
    promised: Array
    reach: Array
    sound: Bools

    def taken(self, index: Any) -> "_Newton":
        """These members only."""
        return _Newton._make(part[..., index] for part in self)

    def updated(self, new: "_Newton", where: Bools) -> "_Newton":
        """With the `new` values of some members."""
        return _Newton._make(np.where(where, b, a) for a, b in zip(self, new, strict=True))


class _Step(NamedTuple):
    """Steps within the radius, as in `_Newton`, with their dampings."""

    q: Array
    length: Array
    promised: Array
    damping: Array


class _Batch:
    """The members that still move, and the numbers of those that do not."""

    def __init__(self, solver: RegionSolver, evaluate: Evaluate, found: BatchedFits) -> None:
        self.solver, self.evaluate, self.found = solver, evaluate, found
        self.rows = np.arange(len(found.x))
        self.x = np.ascontiguousarray(found.x.T)
        self.here = _Here.of(*evaluate(found.x, self.rows))
        self.live = np.array(self.here.finite)
        columns = self.here.columns
        self.scale = np.where(columns > 0.0, columns, 1.0) if solver.scaling else np.ones_like(columns)
        self.newton = _newton(self.here.A, self.here.g, self.scale)
        self.radius = np.array(self._first_radius())
        self.status, self.nit = np.full(self.live.size, -1), np.zeros(self.live.size, dtype=int)

    def run(self) -> None:
        """Step until nobody moves."""
        solver, k = self.solver, 0
        while True:
            self._leave(~self.newton.sound, None, k)
            self._leave(self._converged(), Status.CONVERGED, k)
            if k >= solver.maxiter:
                self._leave(np.ones_like(self.live), Status.MAXITER, k)
            elif solver.maxfun is not None and k + 1 >= solver.maxfun:
                self._leave(np.ones_like(self.live), Status.MAXFUN, k)
            if not self.live.any():
                self._store()
                return
            self._compact()
            self._move(k)
            k += 1

    def _move(self, k: int) -> None:
        """One trial for everyone that moves."""
        here, live = self.here, self.live
        step = _within(self.newton, here, self.scale, self.radius)
        x = np.where(live, self.x - step.q / self.scale, self.x)
        trial = _Here.of(*self.evaluate(np.ascontiguousarray(x.T), self.rows))
        scale = np.maximum(self.scale, trial.columns) if self.solver.scaling else self.scale
        newton = _newton(trial.A, trial.g, scale)
        known = (here.f, trial.f, trial.finite, step.promised, newton.sound)
        rest = (live, self.x, x, here.columns, step.length, step.damping, self.radius, self._first_radius())
        moved, radius, spent, hidden = verdicts(*known, newton.promised, *rest)
        near = np.flatnonzero(hidden & (newton.length > (1.0 + NEAR) * self.radius))
        if near.size:
            following = np.array(newton.promised)
            following[near] = _within(newton.taken(near), trial.taken(near), scale[:, near], self.radius[near]).promised
            moved, radius, spent, _ = verdicts(*known, following, *rest)
        self._leave(live & ~moved & spent, None, k)
        self.radius = radius
        # Those that do not move any more have been evaluated where they are: nothing of theirs changes.
        new = moved | ~live
        everyone = bool(new.all())
        self.x = x if everyone else np.where(new, x, self.x)
        self.scale = scale if everyone else np.where(new, scale, self.scale)
        self.here = trial if everyone else here.updated(trial, new)
        self.newton = newton if everyone else self.newton.updated(newton, new)

    def _converged(self) -> Bools:
        """The two tests of the first order."""
        here, step, ctol = self.here, self.newton, self.solver.ctol
        largest, right = stationary_stacks(here.f, here.g, here.columns, self.x, self.scale, step.q, step.reach, ctol)
        done: Bools = largest <= self.solver.gtol
        return done | right if ctol > 0.0 else done

    def _first_radius(self) -> Array:
        if self.solver.radius is not None:
            return np.full(self.x.shape[1], float(self.solver.radius))
        away, size = _norms(self.scale * self.x), np.sqrt(2.0 * self.here.f)
        return np.where(away > 0.0, away, np.where(size > 0.0, size, 1.0))

    def _leave(self, who: Bools, status: Status | None, k: int) -> None:
        """Some members stop, with a status; or leave without one, to be solved alone."""
        who = who & self.live
        if not who.any():
            return
        self.live = self.live & ~who
        if status is not None:
            self.status[who], self.nit[who] = status, k

    def _store(self) -> None:
        """Write down what those came to that have stopped; they have not moved since."""
        who = self.status >= 0
        rows, found, f = self.rows[who], self.found, self.here.f[who]
        size = np.sqrt(2.0 * f)
        found.x[rows], found.cost[rows], found.grad[rows] = self.x[:, who].T, f, self.here.g[:, who].T
        found.cosine[rows] = np.divide(self.newton.reach[who], size, out=np.zeros_like(size), where=size > 0.0)
        found.status[rows], found.nit[rows] = self.status[who], self.nit[who]
        found.nfev[rows] = found.njev[rows] = self.nit[who] + 1

    def _compact(self) -> None:
        """Drop those that do not move once they are most; sizes stay few, for what is compiled for each."""
        size, moving = self.live.size, np.flatnonzero(self.live)
        smaller = size
        while moving.size * _SHARE <= smaller and smaller > 4 * _SHARE:
            smaller = -(-smaller // _SHARE)
        if smaller == size:
            return
        self._store()
        still = np.flatnonzero(~self.live)[: smaller - moving.size]
        index = np.concatenate([moving, still])
        self.rows, self.x, self.scale = self.rows[index], self.x[:, index], self.scale[:, index]
        self.radius, self.live = self.radius[index], self.live[index]
        self.status, self.nit = self.status[index], self.nit[index]
        self.here, self.newton = self.here.taken(index), self.newton.taken(index)


def _newton(A: Array, g: Array, scale: Array) -> _Newton:
    """The full step of `Factors.step` for every member, from JᵀJ (n, n, b) and Jᵀr (n, b)."""
    return _Newton._make(full_step(A, g, scale))


def _within(newton: _Newton, here: _Here, scale: Array, radius: Array) -> _Step:
    """Steps within the radius, to a tenth of it: `Factors.damping`."""
    q, length, damping = newton.q, newton.length, np.zeros_like(radius)
    long = newton.sound & (length > (1.0 + NEAR) * radius)
    off: Any = long
    if not long.any():
        return _Step(q, length, newton.promised, damping)
    b = here.g / scale
    low, high = damping, _norms(b) / radius
    tried = 1e-3 * high
    for _ in range(TRIES):
        damping = np.where(off, tried, damping)
        tried, low, high, q, length, off = damped_round(here.A, here.g, scale, radius, tried, low, high, q, length, off)
        if not off.any():
            break
    promised = np.where(long, 0.5 * _dot(q, b + damping * q), newton.promised)
    return _Step(q, length, promised, damping)


def _dot(v: Array, w: Array) -> Array:
    """Products of the columns of v and w, (n, b); cheaper than `einsum` for few members."""
    found: Array = np.add.reduce(v * w)
    return found


def _norms(v: Array) -> Array:
    """Euclidean norms of the columns of v (n, b)."""
    return np.sqrt(_dot(v, v))
