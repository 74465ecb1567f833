"""The base of every solver: shared options, ``run``, ``iterate``, ``resume``, SciPy's protocol; imports ``run``.

A method is a frozen dataclass with its own options, a pure ``init`` and a pure ``step``; the rest is inherited.
This is a whole one:

>>> @dataclass(frozen=True)
... class Halving(Solver[State]):
...     "Steepest descent with a step of one half."
...
...     def init(self, problem, x0):
...         return self.begin(problem, x0)
...
...     def step(self, problem, state):
...         point = problem.at(state.x - 0.5 * state.g)
...         return State(point.x, point.f, point.g, k=state.k + 1, length=0.5)
>>> Halving().run(lambda x: 0.4 * (x - 1.0) @ (x - 1.0), [3.0, 1.0]).x.round(6)
array([1.000001, 1.      ])
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, get_args

import numpy as np

from optimizers.arguments import as_problem
from optimizers.batch import Members, solved_in_batch
from optimizers.bounds import check_inside, limits_of
from optimizers.checks import is_number, is_whole, quiet
from optimizers.errors import InputTypeError, OptionError
from optimizers.flatten import Tree
from optimizers.problem import Problem
from optimizers.result import Result
from optimizers.run import Loop, Speaker, progress_bar
from optimizers.state import State
from optimizers.stopping import FDecrease, GradNorm, MaxEval, MaxIter, MaxTime, Rule, StepSize, UsersRule

__all__ = ["Solver"]

S = TypeVar("S", bound=State)
Callback = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Solver(Generic[S]):
    """A minimiser of a smooth function without constraints.

    Parameters
    ----------
    maxiter : int
        Limit on iterations; a rejected trial of a trust region counts as one.
    gtol : float
        Success, and the end: the largest absolute entry of the gradient is at most `gtol`. This is the only
        way to succeed, in absolute terms, so that it can be checked from outside.
    xtol, ftol : float
        End, without success, once a step is at most ``xtol * (xtol + ‖x‖)`` or lowers the objective by at
        most ``ftol * max(1, |f|)``. 0 leaves the test out.
    maxfun : int, optional
        Limit on evaluations of the objective.
    maxtime : float, optional
        Limit in seconds.
    stop : Rule, optional
        A stop rule besides these. It ends the run with the status that it returns; where that is
        ``CONVERGED`` and the test against `gtol` does not hold, with ``STOPPED``, which is no success.
    progress : bool
        Whether to show a progress bar (needs the extra ``progress``).

    Raises
    ------
    OptionError
        When an option is out of its range; the message names it.

    Examples
    --------
    >>> import optimizers as opt
    >>> opt.Newton(gtol=1e-10).run(lambda x: (x[0] - 2.0) ** 4, [0.0]).nit
    22
    """

    maxiter: int = 2000
    gtol: float = 1e-6
    xtol: float = 0.0
    ftol: float = 0.0
    maxfun: int | None = None
    maxtime: float | None = None
    stop: Rule | None = None
    progress: bool = False

    uses: ClassVar[frozenset[str]] = frozenset({"jac"})
    """Which of SciPy's arguments jac, hess, hessp, bounds and constraints the method can use."""

    carries: ClassVar[frozenset[str]] = frozenset()
    """Which fields of a state are still of use where the problem has become another one: curvature, say."""

    def __post_init__(self) -> None:
        for name in ("gtol", "xtol", "ftol"):
            self._check(name, is_number(getattr(self, name)) and getattr(self, name) >= 0.0, "a number >= 0")
        for name in ("maxiter", "maxfun"):
            value = getattr(self, name)
            self._check(name, is_whole(value, 0) or (value is None and name == "maxfun"), "a whole number >= 0")
        in_range = self.maxtime is None or (is_number(self.maxtime) and self.maxtime >= 0.0)
        self._check("maxtime", in_range, "None or seconds >= 0")
        self._check("stop", self.stop is None or callable(self.stop), "None or a stop rule")
        self._check("progress", isinstance(self.progress, bool), "True or False")
        for name, value in vars(self).items():
            self._check(name, not isinstance(value, type), "an object, not a class: call it")

    # -- what a method provides ---------------------------------------------------------------------------

    def init(self, problem: Problem, x0: Tree) -> S:
        """The state at the start; pure but for the evaluations it asks of `problem`.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.LBFGS().init(opt.Problem(lambda x: x @ x), [1.0, 2.0]).f
        5.0
        """
        raise NotImplementedError

    def step(self, problem: Problem, state: S) -> S:
        """The state after one more iteration; pure but for the evaluations it asks of `problem`.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem, solver = opt.Problem(lambda x: x @ x), opt.Newton()
        >>> solver.step(problem, solver.init(problem, [1.0, 2.0])).x
        array([0., 0.])
        """
        raise NotImplementedError

    def is_saddle(self, state: S) -> bool:
        """Whether the method knows that a stationary point is no minimum; methods with a Hessian override this.

        Examples
        --------
        >>> import optimizers as opt
        >>> solver = opt.TrustRegion()
        >>> solver.is_saddle(solver.init(opt.Problem(lambda x: x[0] ** 2 - x[1] ** 2), [0.0, 0.0]))
        True
        """
        return False

    def fields(self, problem: Problem, state: S) -> dict[str, Any]:
        """Fields that the result at `state` has besides those of every method; none here.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> opt.LBFGS().fields(problem, opt.LBFGS().init(problem, [1.0]))
        {}
        """
        return {}

    def evidence(self, problem: Problem, state: S) -> str:
        """The figures that a success at `state` rests on, for the message; methods with other tests override this.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: x @ x)
        >>> opt.LBFGS().evidence(problem, opt.LBFGS().init(problem, [0.0]))
        '|gradient| = 0 <= gtol'
        """
        return f"{problem.measured} = {problem.optimality(state.x, state.g):.3g} <= gtol"

    def problem_of(self, fun: Callable[..., Any], x0: Tree, args: tuple[Any, ...] = (), **given: Any) -> Problem:
        """The problem that `run` is about, of its arguments; methods for other than objectives override this.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.LBFGS().problem_of(lambda x: x @ x, [1.0, 2.0]).at([1.0, 2.0]).f
        5.0
        """
        return as_problem(fun, x0, args, **given)

    def together(self, members: Members) -> dict[str, Any] | None:
        """Solve the members of a batch under `hodiff.vmap` at once: the fields of their results, stacked.

        None, as here, where the method cannot: they are solved one after another.

        Examples
        --------
        >>> import hodiff as hd, numpy as np, optimizers as opt
        >>> hd.vmap(lambda a: opt.LBFGS().run(lambda x: (x[0] - a) ** 2, [0.0]).x)(np.array([1.0, 2.0])).round(6)
        array([[1.],
               [2.]])
        """
        return None

    # -- what a method inherits ---------------------------------------------------------------------------

    def begin(self, problem: Problem, x0: Tree) -> State:
        """The plain state at `x0`, checked to be finite: where `init` starts.

        Raises
        ------
        NonFiniteError
            When x0, or the objective or its gradient there, is not finite.
        OptionError
            When x0 violates the bounds of the problem, or the method does not keep to bounds.

        Examples
        --------
        >>> import optimizers as opt
        >>> import numpy as np
        >>> opt.Newton().begin(opt.Problem(lambda x: np.log(x[0])), [-1.0])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        optimizers.errors.NonFiniteError: fun <lambda> is not finite at the start, where x = [-1.]: ...
        """
        point = problem.at(x0)
        limits = problem.limits(point.x.size)
        if limits is not None:
            self.refuse(bounds=limits)
            check_inside(point.x, limits)
        point.require_finite()
        return State(point.x, point.f, point.g)

    def rules(self) -> tuple[Rule, ...]:
        """The stop rules that the options amount to.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Newton(maxiter=7, maxfun=9).rules()
        (GradNorm(tol=1e-06), MaxIter(limit=7), MaxEval(limit=9))
        """
        rules: list[Rule | None] = [
            GradNorm(self.gtol),
            None if self.stop is None else UsersRule(self.stop),
            StepSize(self.xtol) if self.xtol > 0.0 else None,
            FDecrease(self.ftol) if self.ftol > 0.0 else None,
            MaxIter(self.maxiter),
            None if self.maxfun is None else MaxEval(self.maxfun),
            None if self.maxtime is None else MaxTime(self.maxtime),
        ]
        return tuple(rule for rule in rules if rule is not None)

    def iterate(self, problem: Problem, x0: Tree) -> Iterator[S]:
        """The states of a run one by one, from the start on; break off whenever you like.

        Examples
        --------
        >>> import optimizers as opt
        >>> problem = opt.Problem(lambda x: (x[0] - 1.0) ** 2)
        >>> [state.k for state in opt.Newton().iterate(problem, [5.0])]
        [0, 1]
        """
        if not isinstance(problem, Problem):
            raise InputTypeError(f"problem must be a Problem, as Problem(fun) makes, not {type(problem).__name__}")
        return Loop(self, problem, problem.counts.nfev).states(self.init(problem, x0))

    def run(
        self,
        fun: Callable[..., Any],
        x0: Tree,
        args: tuple[Any, ...] = (),
        *,
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        callback: Callback | None = None,
        jit: bool | str = "auto",
    ) -> Result:
        """Minimise ``fun(x, *args)`` from `x0`.

        Parameters
        ----------
        fun : callable
            Real scalar function of a tree shaped like `x0`.
        x0 : tree
            Start: an array of any shape, a number, a list of numbers, or a tree of arrays. float64 is used
            throughout.
        args : tuple
            Further arguments of `fun`, `jac`, `hess` and `hessp`.
        jac, hess, hessp : callable, optional
            Derivatives in SciPy's forms, for methods that use them; by default they come from `hodiff`.
            ``jac=True`` says that `fun` returns value and gradient.
        bounds : scipy.optimize.Bounds or sequence of pairs, optional
            Bounds on the flat vector, for methods that keep to them; `x0` has to.
        callback : callable, optional
            Called after each iteration, with x (a copy), or with the result so far where its only parameter
            is named ``intermediate_result``. ``StopIteration``, or returning True, ends the run.
        jit : "auto", True or False
            See `Problem`.

        Raises
        ------
        OptionError, InputTypeError, ShapeError, NonFiniteError
            When an argument is malformed or of no use to the method.

        Examples
        --------
        >>> import optimizers as opt
        >>> import numpy as np
        >>> start = {"u": 0.0, "v": np.ones(2)}
        >>> result = opt.TrustRegion().run(lambda p: (p["u"] - 1.0) ** 2 + p["v"] @ p["v"], start)
        >>> float(result.x["u"]), result.x["v"]
        (1.0, array([0., 0.]))
        """

        def given(x0: Tree, args: tuple[Any, ...]) -> dict[str, Any]:
            derivatives = {"jac": jac, "hess": hess, "hessp": hessp}
            return {"fun": fun, "x0": x0, "args": args, **derivatives, "bounds": bounds, "jit": jit}

        self.refuse(hess=hess, hessp=hessp, bounds=bounds)
        batched = solved_in_batch(given, self.run, x0, args, callback=callback, together=self.together)
        if batched is not None:
            return batched
        problem = self.problem_of(fun, x0, args, jac=jac, hess=hess, hessp=hessp, bounds=bounds, jit=jit)
        return self._drive(problem, self.init(problem, x0), callback)

    def resume(
        self,
        fun: Callable[..., Any],
        state: S,
        args: tuple[Any, ...] = (),
        *,
        like: Tree = None,
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        callback: Callback | None = None,
        jit: bool | str = "auto",
    ) -> Result:
        """Go on from a state, of this run or of another: a checkpoint, or a warm start.

        Where objective and gradient are still those in the state, which costs one evaluation to see, the iterates
        are those, bit for bit, that the first run would have gone on to. Where they are not, with other `args` for
        instance, nothing in the state is relied on but x and what the method says it `carries`; a state of another
        method is a start at its x. Limits, counters and ``nit`` begin anew; ``state.k`` and the history's column `k` go
        on. `like` is the old ``x0`` where that was not a vector; the other parameters are those of `run`.

        Raises
        ------
        InputTypeError, OptionError
            When `state` is no state, its x is not within `bounds`, or an argument is not what it is for `run`.

        Examples
        --------
        >>> import optimizers as opt, pickle
        >>> import numpy as np
        >>> def rosen(x): return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
        >>> states = list(opt.Newton(maxiter=5).iterate(opt.Problem(rosen), [-1.2, 1.0]))
        >>> result = opt.Newton().resume(rosen, pickle.loads(pickle.dumps(states[-1])))
        >>> bool(np.array_equal(result.x, opt.Newton().run(rosen, [-1.2, 1.0]).x))
        True
        """
        if not isinstance(state, State):
            raise InputTypeError(f"state must be one of a solver, not {type(state).__name__}; from an x there is run")
        example = state.x if like is None else like
        self.refuse(hess=hess, hessp=hessp, bounds=bounds)
        problem = self.problem_of(fun, example, args, jac=jac, hess=hess, hessp=hessp, bounds=bounds, jit=jit)
        return self._drive(problem, self._continued(problem, state), callback)

    def __call__(
        self,
        fun: Callable[..., Any],
        x0: Tree,
        args: tuple[Any, ...] = (),
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        bounds: Any = None,
        constraints: Any = (),
        callback: Callback | None = None,
        **options: Any,
    ) -> Result:
        """SciPy's protocol: ``scipy.optimize.minimize(fun, x0, method=solver, options=...)``.

        `options` are the solver's own, for this call, and `jit`; SciPy's ``tol`` sets `gtol` where that is not given. A
        start outside of the bounds is moved to the nearest point inside, as SciPy's methods do: its global methods send
        such.

        Examples
        --------
        >>> import optimizers as opt, scipy.optimize
        >>> result = scipy.optimize.minimize(lambda x: (x[0] - 1.0) ** 2, [3.0], method=opt.Newton())
        >>> result.x, result.nit
        (array([1.]), 1)
        """
        jit = options.pop("jit", "auto")
        solver = self.with_options(**options)
        solver.refuse(bounds=bounds, constraints=constraints)
        if type(self).problem_of is not Solver.problem_of:
            raise OptionError(f"{type(self).__name__} minimises no objective: use root, fixed_point or least_squares")
        if bounds is not None:
            x0 = np.clip(x0, *limits_of(bounds, np.size(x0)))
        given = {"jac": jac, "hess": hess, "hessp": hessp, "bounds": bounds}
        return solver.run(fun, x0, args, **given, callback=callback, jit=jit)

    def with_options(self, **options: Any) -> "Solver[S]":
        """This solver with some options changed.

        Raises
        ------
        OptionError
            When a name is not an option; the message lists those that are.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Newton().with_options(tol=1e-3).gtol
        0.001
        """
        tol = options.pop("tol", None)
        if tol is not None:
            options.setdefault("gtol", tol)
        known = [field.name for field in fields(self) if field.init]
        for name in options:
            if name not in known:
                raise OptionError(f"{type(self).__name__} has no option {name!r}; it has {', '.join(sorted(known))}")
        return replace(self, **options)

    def refuse(self, **arguments: Any) -> None:
        """Raise for each of SciPy's arguments that is given and that the method does not use.

        Examples
        --------
        >>> import optimizers as opt
        >>> opt.Newton().refuse(bounds=[(0, 1)])
        Traceback (most recent call last):
            ...
        optimizers.errors.OptionError: Newton cannot use bounds: leave it out, or choose a method that can
        """
        for name, value in arguments.items():
            given = value is not None and not (isinstance(value, (tuple, list)) and len(value) == 0)
            if given and name not in self.uses:
                raise OptionError(f"{type(self).__name__} cannot use {name}: leave it out, or choose a method that can")

    def _continued(self, problem: Problem, state: S) -> S:
        """`state` where it is one of `problem`; else a start at its x, with what the method carries along."""
        own = self._is_own(state)
        point = problem.at(state.x)
        limits = problem.limits(point.x.size)
        if limits is not None:
            check_inside(point.x, limits)
        if own and point.f == state.f and np.array_equal(point.g, state.g):
            if state.H is not None:
                point.H = state.H  # the problem remembers the point, and need not evaluate it again
            return replace(state, ending=None)
        kept = {name: getattr(state, name) for name in self.carries} if own else {}
        return replace(self.init(problem, problem.unravel(state.x)), k=state.k, **kept)

    def _is_own(self, state: State) -> bool:
        """Whether a state is one of this method, by what it holds."""
        return isinstance(state, _state_of(type(self)))

    def _drive(self, problem: Problem, start: S, callback: Callback | None) -> Result:
        loop = Loop(self, problem)
        states = loop.states(start)
        if self.progress:
            states = progress_bar(states, self.maxiter, type(self).__name__)
        tell = None if callback is None else Speaker(callback)
        # Once for the whole run where no code of the user's but the objective runs in it: each time costs microseconds.
        with quiet() if tell is None else nullcontext():
            for state in states:
                if tell is None or state is start:
                    continue
                if tell(partial(loop.result, state, snapshot=True), partial(problem.unravel, state.x)):
                    loop.interrupt(tell.reason)
                    break
        return loop.result(state)

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            value = getattr(self, name)
            raise OptionError(f"{type(self).__name__}: {name} must be {wanted}, not {value!r}")


def _state_of(method: type) -> type[State]:
    """The class of states of a method, as it says where it derives from ``Solver[...]``."""
    for kind in method.__mro__:
        for base in vars(kind).get("__orig_bases__", ()):
            for argument in get_args(base):
                if isinstance(argument, type) and issubclass(argument, State):
                    return argument
    return State
