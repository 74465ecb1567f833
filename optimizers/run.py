"""The one loop that every method runs in; imports ``problem``, ``state``, ``stopping`` and the layers below.

A method only says how to start and how to step; stop rules, history, callback, progress bar, the best point
so far and the result are here.

>>> import optimizers as opt
>>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
>>> loop = Loop(opt.Newton(), problem)
>>> [state.x.tolist() for state in loop.states(opt.Newton().init(problem, [3.0]))], loop.ending.name
([[3.0], [1.0]], 'CONVERGED')
"""

import inspect
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from scipy.linalg.blas import dnrm2

from optimizers.checks import quiet
from optimizers.errors import InputTypeError, MissingExtraError
from optimizers.flatten import Tree
from optimizers.linesearch import round_off
from optimizers.problem import Problem
from optimizers.result import History, Result, Row
from optimizers.state import State
from optimizers.status import Status
from optimizers.stopping import MaxEval, Rule

__all__ = ["Loop", "Method", "Speaker", "progress_bar"]

S = TypeVar("S", bound=State)
# Below this multiple of its value at the start, an objective is taken to have no minimum.
_BOTTOMLESS = 1e20


class Method(Protocol[S]):
    """What the loop needs of a method.

    Examples
    --------
    >>> import optimizers as opt
    >>> method: Method = opt.LBFGS()
    """

    def step(self, problem: Problem, state: S) -> S:
        """The next state; pure."""
        ...

    def rules(self) -> tuple[Rule, ...]:
        """The stop rules, the gradient test first."""
        ...

    def is_saddle(self, state: S) -> bool:
        """Whether a stationary point is known not to be a minimum, so that stopping there would be premature."""
        ...

    def fields(self, problem: Problem, state: S) -> dict[str, Any]:
        """What the result has besides, or instead of, the fields that it always has."""
        ...

    def evidence(self, problem: Problem, state: S) -> str:
        """The figures that a success rests on, for the message."""
        ...


class Loop(Generic[S]):
    """One run of a method on a problem.

    Parameters
    ----------
    method : Method
    problem : Problem
    earlier : int
        Evaluations that the problem has counted for earlier runs, which `maxfun` is not about.

    Attributes
    ----------
    history : History
    ending : Status or None
        None while running.
    best : State
        The state of least objective so far.

    Examples
    --------
    >>> import optimizers as opt
    >>> problem = opt.Problem(lambda x: x @ x)
    >>> solver = opt.GradientDescent()
    >>> loop = Loop(solver, problem)
    >>> for state in loop.states(solver.init(problem, [1.0, 2.0])):
    ...     pass
    >>> loop.result(state).nit == state.k
    True
    """

    best: S

    def __init__(self, method: Method[S], problem: Problem, earlier: int = 0) -> None:
        self.method, self.problem, self._earlier = method, problem, earlier
        self.history = History()
        self.ending: Status | None = None
        self._rules = method.rules()
        self._start = time.perf_counter()
        limit = next((rule.limit for rule in self._rules if isinstance(rule, MaxEval)), None)
        problem.maxfun = None if limit is None else earlier + limit
        self._first = 0
        self._reason = ""
        self._bottom = -np.inf

    def states(self, state: S) -> Iterator[S]:
        """The states from `state` on, which comes first, until a rule or the method ends the run.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem, solver = opt.Problem(lambda x: x @ x), opt.Newton(maxiter=0)
        >>> len(list(Loop(solver, problem).states(solver.init(problem, [1.0]))))
        1
        """
        self.best, self._first = state, state.k
        self._bottom = -_BOTTOMLESS * max(1.0, abs(state.f))
        row = self._record(state, 0.0)
        self.ending = self._judge(state, row, None)
        yield state
        while self.ending is None:
            previous, before = state, row
            with quiet():
                state = self.method.step(self.problem, previous)
                row = self._record(state, 0.0 if state.x is previous.x else dnrm2(state.x - previous.x))
            if state.f < self.best.f:
                self.best = state
            self.ending = self._judge(state, row, before)
            yield state

    def interrupt(self, reason: str) -> None:
        """End the run because the callback says so; `reason` is how it said it.

        Examples
        --------
        >>> import optimizers as opt
        >>> loop = Loop(opt.LBFGS(), opt.Problem(lambda x: x @ x))
        >>> loop.interrupt("enough")
        >>> loop.ending.name
        'CALLBACK'
        """
        self.ending, self._reason = Status.CALLBACK, reason

    def result(self, last: S, *, snapshot: bool = False) -> Result:
        """The result of stopping at `last`, or at the best point where that is better by more than round-off.

        A `snapshot`, for callbacks, is of `last`, and has a history of its own, which the rows to come do not lengthen.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.LBFGS().run(lambda x: x @ x, [1.0]).message
        'the gradient test holds: |gradient| = 0 <= gtol'
        """
        self.history.eager_reason = self.problem.eager_reason
        state = last
        if not snapshot and self.ending is not Status.CONVERGED and last.f - self.best.f > round_off(self.best.f):
            state = self.best
        fields: dict[str, Any] = {
            "x": self.problem.unravel(state.x),
            "fun": state.f,
            "jac": self.problem.unravel(state.g),
            "nit": last.k - self._first,
            **self.problem.counts.main(),
            "status": self.ending,
            "success": self.ending is Status.CONVERGED,
            "message": self._message(state, last.k - self._first),
            "history": self.history.copy() if snapshot else self.history,
        }
        if state.H is not None:
            fields["hess"] = np.array(state.H)
        fields.update(self.method.fields(self.problem, state))
        return Result(fields)

    def _record(self, state: S, step: float) -> Row:
        n, x = self.problem.counts, state.x
        gnorm, elapsed = self.problem.optimality(x, state.g), time.perf_counter() - self._start
        # Past the constructor of `Row`, which takes names: half the time.
        row = tuple.__new__(
            Row, (state.k, state.f, gnorm, step, dnrm2(x), state.length, n.nfev, n.njev, n.nhev, n.nhvp, elapsed)
        )
        self.history.append(row)
        return row

    def _judge(self, state: S, row: Row, before: Row | None) -> Status | None:
        """Convergence first, then the method's own ending, then the limits."""
        own = row
        if self._first or self._earlier:
            own = row._replace(k=row.k - self._first, nfev=row.nfev - self._earlier)
        found: list[Status] = []
        for rule in self._rules:
            status = rule(own, before)
            if status is not None:
                found.append(status)
        if not found and state.ending is None and not state.f < self._bottom:
            return None
        if Status.CONVERGED in found:
            # At a saddle whose curvature leads nowhere above round-off, the gradient test is all there is.
            if state.ending is Status.ROUND_OFF or not self.method.is_saddle(state):
                return Status.CONVERGED
            found = [status for status in found if status is not Status.CONVERGED]
        if state.f < self._bottom:
            return Status.UNBOUNDED
        if state.ending is Status.LINE_SEARCH and Status.MAXFUN in found:
            return Status.MAXFUN  # which is what cut the search short
        return state.ending if state.ending is not None else next(iter(found), None)

    def _message(self, state: S, nit: int) -> str:
        if self.ending is None:
            return "running"
        gnorm = self.problem.optimality(state.x, state.g)
        if self.ending is Status.CALLBACK:
            return self._reason
        if self.ending is Status.CONVERGED:
            figures = self.method.evidence(self.problem, state)
        else:
            figures = f"{self.problem.measured} = {gnorm:.3g}, f = {state.f:.6g} after {nit} iterations"
        ending = self.ending.message.replace("the gradient test", self.problem.test)
        return f"{ending}: {figures}{self.history.remark}"


class Speaker:
    """A user's callback, of either of SciPy's signatures, as a function of the result so far: whether to stop.

    A sole parameter named ``intermediate_result`` gets the result; any other callback gets a copy of x. It
    stops the run by raising ``StopIteration`` or returning True. The result comes as a function, since making
    it is of use to the first kind only; `x`, for the others, as another one, by default of the result.

    Attributes
    ----------
    reason : str
        How the callback stopped the run.

    Raises
    ------
    InputTypeError
        When `callback` cannot be called with one argument.

    Examples
    --------
    >>> tell = Speaker(lambda xk: xk[0] < 0)
    >>> tell(lambda: Result(x=[1.0])), tell(lambda: Result(x=[-1.0])), tell.reason
    (False, True, '`callback` returned True')
    """

    def __init__(self, callback: Callable[..., Any]) -> None:
        if not callable(callback):
            raise InputTypeError(f"callback must be callable, not {type(callback).__name__}")
        self._callback, self._wants_result, self.reason = callback, False, ""
        try:
            signature = inspect.signature(callback)
        except (TypeError, ValueError):  # built-in callables may hide their signature
            return
        self._wants_result = list(signature.parameters) == ["intermediate_result"]
        try:
            signature.bind(intermediate_result=None) if self._wants_result else signature.bind(None)
        except TypeError as wrong:
            raise InputTypeError(
                f"callback{signature} cannot be called with one argument ({wrong}): it takes x, or the result "
                "so far where its only parameter is named intermediate_result"
            ) from None

    def __call__(self, result: Callable[[], Result], x: Callable[[], Tree] | None = None) -> bool:
        try:
            if self._wants_result:
                answer = self._callback(intermediate_result=result())
            else:
                answer = self._callback(result()["x"] if x is None else x())
        except StopIteration:
            self.reason = "`callback` raised `StopIteration`."
            return True
        self.reason = "`callback` returned True"
        return isinstance(answer, (bool, np.bool_)) and bool(answer)


def progress_bar(states: Iterator[S], limit: int | None, name: str) -> Iterator[S]:
    """The same states, shown as a tqdm bar with objective and gradient.

    Raises
    ------
    MissingExtraError
        Where tqdm is not installed.

    Examples
    --------
    >>> list(progress_bar(iter([]), 10, "Newton"))
    []
    """
    try:
        from tqdm import tqdm
    except ImportError:
        raise MissingExtraError("progress=True needs tqdm: pip install 'hodiff[progress]', or leave it out") from None
    with tqdm(total=limit, desc=name, unit="it", leave=False) as bar:
        first = None
        for state in states:
            first = state.k if first is None else first  # a resumed run has its own limit
            bar.set_postfix_str(f"f={state.f:.6g} |g|={np.abs(state.g).max():.2g}", refresh=False)
            bar.update(state.k - first - bar.n)
            yield state
