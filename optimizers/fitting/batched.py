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
from optimizers.derivatives import compiled
from optimizers.fitting.factors import NEAR, TRIES
from optimizers.fitting.region import ACCEPT, RegionSolver
from optimizers.flatten import Array
from optimizers.residuals import ResidualProblem
from optimizers.run import Loop
from optimizers.status import Status

__all__ = ["BatchedFits", "batched_levenberg_marquardt", "cholesky", "normal_equations", "solved"]

_EPS = float(np.finfo(np.float64).eps)
_UNITS, _SHORT = 10.0 * _EPS, _EPS**0.5
# The least pivot, of a matrix with a unit diagonal, that Cholesky's method may meet: half of the digits are left.
_PIVOT = 1e-8
# Up to so many parameters, the algebra of a step is compiled, number by number.
_FEW = 6
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
    status, nit, nfev : ndarray of int, shape (B,)
        How each ended, after how many iterations and evaluations.

    Examples
    --------
    >>> BatchedFits._fields
    ('x', 'cost', 'grad', 'cosine', 'status', 'nit', 'nfev')
    """

    x: Array
    cost: Array
    grad: Array
    cosine: Array
    status: NDArray[np.int_]
    nit: NDArray[np.int_]
    nfev: NDArray[np.int_]


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
        *(np.full(members, -1) for _ in range(3)),
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
    found.x[i], found.cost[i], found.grad[i], found.cosine[i] = result.x, result.cost, result.grad, result.cosine
    found.status[i], found.nit[i], found.nfev[i] = result["status"], result.nit, result.nfev


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
        ratio = np.where(trial.finite & (step.promised > 0.0), (here.f - trial.f) / step.promised, -np.inf)
        good = live & (ratio > ACCEPT)
        scale = np.maximum(self.scale, trial.columns) if self.solver.scaling else self.scale
        newton = _newton(trial.A, trial.g, scale)
        noise = self._noise()
        hidden = live & ~good & trial.finite & (step.promised <= noise) & (trial.f <= here.f + noise)
        if hidden.any():
            near = np.flatnonzero(hidden)
            following = _within(newton.taken(near), trial.taken(near), scale[:, near], self.radius[near])
            hidden[near] = newton.sound[near] & (following.promised < step.promised[near])
        ratio = np.where(hidden, 1.0, ratio)
        moved = good | hidden
        radius = np.where(
            ratio <= 0.25,
            0.5 * np.minimum(self.radius, 10.0 * step.length),
            np.where((ratio >= 0.75) | (step.damping == 0.0), 2.0 * step.length, self.radius),
        )
        radius = np.where(moved, radius, 0.25 * np.minimum(self.radius, step.length))
        least = 0.5 * (_EPS**2) * 2.0 * here.f
        spent = (x == self.x).all(axis=0) | (step.promised <= least) | ~(radius > _EPS**2 * self._first_radius())
        self._leave(live & ~moved & spent, None, k)
        self.radius = np.where(live, radius, self.radius)
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
        done: Bools = np.abs(here.g).max(axis=0) <= self.solver.gtol
        if ctol > 0.0:
            size = np.sqrt(2.0 * here.f)
            at = _norms(here.columns * self.x)
            right = step.reach <= np.maximum(ctol * size, _UNITS * at)
            short = _norms(here.columns * step.q / self.scale) <= _SHORT * (at + size)
            done = done | (right & short)
        return done

    def _noise(self) -> Array:
        size = np.sqrt(2.0 * self.here.f)
        return size * _UNITS * _norms(self.here.columns * self.x) + _UNITS * self.here.f

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
        if status is None:
            return
        rows, found, size = self.rows[who], self.found, np.sqrt(2.0 * self.here.f[who])
        found.x[rows], found.cost[rows], found.grad[rows] = self.x[:, who].T, self.here.f[who], self.here.g[:, who].T
        found.cosine[rows] = np.divide(self.newton.reach[who], size, out=np.zeros_like(size), where=size > 0.0)
        found.status[rows], found.nit[rows], found.nfev[rows] = status, k, k + 1

    def _compact(self) -> None:
        """Drop those that do not move once they are most; sizes stay few, for what is compiled for each."""
        size, moving = self.live.size, np.flatnonzero(self.live)
        smaller = size
        while moving.size * _SHARE <= smaller and smaller > 4 * _SHARE:
            smaller = -(-smaller // _SHARE)
        if smaller == size:
            return
        still = np.flatnonzero(~self.live)[: smaller - moving.size]
        index = np.concatenate([moving, still])
        self.rows, self.x, self.scale = self.rows[index], self.x[:, index], self.scale[:, index]
        self.radius, self.live = self.radius[index], self.live[index]
        self.here, self.newton = self.here.taken(index), self.newton.taken(index)


def _newton(A: Array, g: Array, scale: Array) -> _Newton:
    """The full step of `Factors.step` for every member, from JᵀJ (n, n, b) and Jᵀr (n, b)."""
    return _Newton._make((_newton_of_few if len(A) <= _FEW else _newton_of)(A, g, scale))


def _newton_of(A: Array, g: Array, scale: Array) -> tuple[Any, ...]:
    b = g / scale
    L, sound = cholesky(A / (scale[:, None] * scale[None]), np.zeros(g.shape[1]))
    q = solved(L, b)
    product = _dot(b, q)
    return q, _norms(q), 0.5 * product, np.sqrt(np.maximum(product, 0.0)), sound


@compiled
def _newton_of_few(A: Array, g: Array, scale: Array) -> tuple[Any, ...]:
    """The same, number by number, which compiled code does in one pass over the members."""
    n, sound = len(A), np.isfinite(g[0])
    L: list[list[Any]] = [[None] * n for _ in range(n)]
    for j in range(n):
        for i in range(j, n):
            entry = A[i, j] / (scale[i] * scale[j])
            for k in range(j):
                entry = entry - L[i][k] * L[j][k]
            if i == j:
                sound = sound & (entry > _PIVOT)
                entry = np.sqrt(entry)
            L[i][j] = entry if i == j else entry / L[j][j]
    b = [g[i] / scale[i] for i in range(n)]
    q = list(b)
    for i in range(n):
        for k in range(i):
            q[i] = q[i] - L[i][k] * q[k]
        q[i] = q[i] / L[i][i]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            q[i] = q[i] - L[k][i] * q[k]
        q[i] = q[i] / L[i][i]
    steps = np.stack(q)
    product = np.sum(np.stack(b) * steps, axis=0)
    length = np.sqrt(np.sum(steps**2, axis=0))
    return steps, length, 0.5 * product, np.sqrt(np.maximum(product, 0.0)), sound & np.isfinite(L[n - 1][n - 1])


def _within(newton: _Newton, here: _Here, scale: Array, radius: Array) -> _Step:
    """Steps within the radius, by `Factors.damping`."""
    q, length, promised, damping = newton.q, newton.length, newton.promised, np.zeros_like(radius)
    long = newton.sound & (length > (1.0 + NEAR) * radius)
    if long.any():
        who = np.flatnonzero(long)
        q, length, promised = np.array(q), np.array(length), np.array(promised)
        unit = scale[:, who]
        A, b = here.A[:, :, who] / (unit[:, None] * unit[None]), here.g[:, who] / unit
        q[:, who], length[who], damping[who] = _damped(A, b, radius[who])
        promised[who] = 0.5 * _dot(q[:, who], b + damping[who] * q[:, who])
    return _Step(q, length, promised, damping)


def _damped(A: Array, b: Array, radius: Array) -> tuple[Array, Array, Array]:
    """Steps as long as the radius, to a tenth, by Newton's method on the secular equations: `Factors.damping`."""
    low, high = np.zeros_like(radius), _norms(b) / radius
    found = 1e-3 * high
    q, length = np.zeros_like(b), np.zeros_like(radius)
    left = np.arange(radius.size)
    for _ in range(TRIES):
        L, _ = cholesky(A[:, :, left], found[left])
        w = solved(L, b[:, left])
        reached = _norms(w)
        q[:, left], length[left] = w, reached
        gap = reached - radius[left]
        off = np.abs(gap) > NEAR * radius[left]
        if not off.any():
            break
        slope = _dot(w, solved(L, w)) / reached
        left, gap, slope, reached = left[off], gap[off], slope[off], reached[off]
        low[left] = np.where(gap > 0.0, found[left], low[left])
        high[left] = np.where(gap > 0.0, high[left], found[left])
        new = found[left] + np.where(slope > 0.0, gap / slope * (reached / radius[left]), 0.0)
        inside = (low[left] < new) & (new < high[left])
        found[left] = np.where(inside, new, np.maximum(1e-3 * high[left], np.sqrt(low[left] * high[left])))
    return q, length, found


def cholesky(A: Array, damping: Array, least: float = _PIVOT) -> tuple[Array, Bools]:
    """Lower factors of A + damping, (n, n, b), and whose pivots all keep more than the share `least`.

    Examples
    --------
    >>> cholesky(np.array([[[4.0, 1.0]]]), np.array([0.0, 8.0]))[0]
    array([[[2., 3.]]])
    """
    n = len(A)
    L = np.zeros(A.shape)
    sound = np.ones(A.shape[2], dtype=bool)
    for j in range(n):
        column = np.array(A[j:, j])
        for k in range(j):
            column -= L[j:, k] * L[j, k]
        column[0] += damping
        sound &= column[0] > least * (A[j, j] + damping)
        L[j:, j] = column / np.sqrt(column[0])
    return L, sound & np.isfinite(L[n - 1, n - 1])


def solved(L: Array, b: Array) -> Array:
    """(L Lᵀ)⁻¹ b, (n, b).

    Examples
    --------
    >>> solved(np.array([[[2.0]]]), np.array([[8.0]]))
    array([[2.]])
    """
    n = len(L)
    y = np.array(b)
    for i in range(n):
        if i:
            y[i] -= _dot(L[i, :i], y[:i])
        y[i] /= L[i, i]
    for i in reversed(range(n)):
        if i + 1 < n:
            y[i] -= _dot(L[i + 1 :, i], y[i + 1 :])
        y[i] /= L[i, i]
    return y


def _dot(v: Array, w: Array) -> Array:
    """Products of the columns of v and w, (n, b); cheaper than `einsum` for few members."""
    found: Array = np.add.reduce(v * w)
    return found


def _norms(v: Array) -> Array:
    """Euclidean norms of the columns of v (n, b)."""
    return np.sqrt(_dot(v, v))
