"""hodiff.jit: a function compiled for the types of its arguments, and for the way that Python takes through it.

May import everything below.

>>> @jit
... def f(x):
...     return x**2 if x > 0 else -x
>>> [float(f(np.float64(v))) for v in (2.0, -3.0, 4.0)]
[4.0, 3.0, 16.0]
>>> f.cache_info().specialisations
2
"""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from operator import index as as_index
from typing import Any, NamedTuple

import numpy as np

import hodiff.staged_numbers  # noqa: F401 - gives staged values the operators of Python's numbers
from hodiff.compiled import native
from hodiff.compiled.cache import SIGNATURES, Compiled, Statistics, World
from hodiff.compiled.call import CompiledCall
from hodiff.compiled.entrance import ELSEWHERE, Entrance, make_entrance
from hodiff.compiled.specialisations import Table
from hodiff.core import Tracer
from hodiff.errors import ArgumentError, NotStagedError
from hodiff.forms import Form
from hodiff.forward import ForwardTrace, new_forward_trace
from hodiff.program import Program
from hodiff.staging import StageTracer, stage
from hodiff.transform import Transformed

#: Sets of captured values that a function is compiled for, at once and in all.
WORLDS = 8
ALL_WORLDS = 32
#: Entrances that are open at once and in all.
ENTRANCES = 8
ALL_ENTRANCES = 64
_MADE_AGAIN = ("_statistics", "_worlds", "_captured", "_restless", "_entrances", "_opened")
_RESTLESS = (
    "what it reads from outside (names, closures, attributes) or its static arguments differ at nearly every call"
)
_FORMS = "its arguments are trees of another form (keys, lengths) at nearly every call"


class CacheInfo(NamedTuple):
    """What `Jit.cache_info` returns.

    Attributes
    ----------
    specialisations : int
        Programs compiled.
    hits : int
        Calls that a program answered.
    guard_misses : int
        Programs that were tried in vain, since Python would have taken another way.
    eager_calls : int
        Calls that ran the function itself.
    compile_seconds : float
        Time spent on staging and compiling, the runs of the function included.
    """

    specialisations: int
    hits: int
    guard_misses: int
    eager_calls: int
    compile_seconds: float


class Jit(Transformed):
    """The function that `jit` returns."""

    def __init__(
        self,
        function: Callable[..., Any],
        static_argnums: Any = (),
        static_argnames: Any = (),
        backend: str = "auto",
        *,
        quiet: bool = False,
    ) -> None:
        super().__init__(function)
        self.static_argnums = _numbers(static_argnums)
        self.static_argnames = _names(static_argnames)
        self.backend = _checked_backend(backend)
        self._quiet = quiet
        self._label = getattr(function, "__name__", type(function).__name__)
        self._clear()

    def _clear(self) -> None:
        self._statistics = Statistics(quiet=self._quiet)
        self._worlds: dict[Any, list[World]] = {}
        self._captured = 0
        self._restless: str | None = None
        #: Ways to programs for calls like some before.
        self._entrances: tuple[Entrance, ...] = ()
        self._opened = 0

    def __getstate__(self) -> dict[str, Any]:
        # Programs are made again where they are needed.
        return {k: v for k, v in self.__dict__.items() if k not in _MADE_AGAIN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._clear()

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        """The result, by a program where one stands for the function."""
        for entrance in self._entrances:
            result = entrance(args, keywords)
            if result is not ELSEWHERE:
                return result
        return self._call(args, keywords)

    def _call(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        parts = self._parts(args, keywords)
        form, numbers = Form.of(parts)
        traced = [v for v in numbers if isinstance(v, Tracer)]
        if (
            new_forward_trace.get() is not ForwardTrace
            or any(_is_staged(v) for v in traced)
            or not all(_is_compilable(v) for v in numbers)
        ):
            # While debugging, and inside another compiled function, of which this one becomes a part.
            return self._eagerly(args, keywords)
        world = self._world(form, self._static(args, keywords))
        if world is None or world.reason is not None:
            return self._eagerly(args, keywords)
        compiled = self._compiled(world, form, args, keywords)
        if compiled is None:
            return self._eagerly(args, keywords)
        changing = False
        try:
            if traced:
                call = CompiledCall(compiled.name, compiled)
                answers = call(*numbers)
                return call.forms[-1].fill(answers)
            table = compiled.table((*numbers, *world.captures.arrays()))
            found, outputs = compiled.find(table, numbers)
            if found is None:
                return outputs
            if self._opened < ALL_ENTRANCES:
                self._open(form, args, keywords, compiled, table)
            return outputs if found.build is None else found.build(outputs)
        except NotStagedError as error:
            # It changes a list or a dict that was given; so far it has met copies of that.
            world.reason = str(error)
        except ValueError:
            if not traced:
                raise
            changing = True
        result = self._eagerly(args, keywords)  # raises that error, where it is the function's own
        if changing:
            # One operation must not change its operands, as the function does with an array that it is given.
            world.reason = "it changes an array that is an argument"
        return result

    def _open(
        self, form: Form, args: tuple[Any, ...], keywords: dict[str, Any], compiled: Compiled, table: Table
    ) -> None:
        """Make an entrance for calls like one that a program has answered."""
        self._opened += 1
        names = {"world": compiled.world, "table": table, "follow": compiled.follow, "eagerly": self._eagerly}
        static = {n % len(args) for n in self.static_argnums if -len(args) <= n < len(args)} | {*self.static_argnames}
        entrance = make_entrance(form, args, keywords, static, **names)
        if entrance is not None:
            self._entrances = (entrance, *self._entrances[: ENTRANCES - 1])

    def _eagerly(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        self._statistics.eager_calls += 1
        return self.function(*args, **keywords)

    # --- arguments ----------------------------------------------------------------------------------------------------

    def _parts(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The arguments that are not static."""
        if not self.static_argnums and not self.static_argnames:
            return args, keywords
        fixed = {n % len(args) for n in self.static_argnums if -len(args) <= n < len(args)}
        rest = {k: v for k, v in keywords.items() if k not in self.static_argnames}
        return tuple(v for i, v in enumerate(args) if i not in fixed), rest

    def _static(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        found = [args[n] for n in self.static_argnums if -len(args) <= n < len(args)]
        found += [keywords[name] for name in self.static_argnames if name in keywords]
        for value in found:
            try:
                hash(value)
            except TypeError:
                raise ArgumentError(
                    f"hodiff.jit: a static argument must be hashable, since programs are looked up by it, got an "
                    f"object of type {type(value).__name__}; pass a tuple instead of a list, or leave it out of "
                    f"static_argnums and static_argnames"
                ) from None
        return tuple(found)

    def _compiled(self, world: World, form: Form, args: tuple[Any, ...], keywords: dict[str, Any]) -> Compiled | None:
        """The function for arguments of this form; None where there were too many forms."""
        key = (form.structure, tuple(form.slots), _orders((args, keywords)))
        found = world.compiled.get(key)
        if found is not None:
            return found
        if len(world.compiled) >= SIGNATURES:
            self._restless = _FORMS
            self._statistics.warn(self._label, _FORMS)
            return None
        fixed = {n % len(args): args[n % len(args)] for n in self.static_argnums if -len(args) <= n < len(args)}
        named = {k: v for k, v in keywords.items() if k in self.static_argnames}

        def flat(function: Any) -> Callable[[Sequence[Any]], Any]:
            def call(values: Sequence[Any]) -> Any:
                filled = form.fill(values)
                positional, by_name = filled
                for n in sorted(fixed):
                    positional = (*positional[:n], fixed[n], *positional[n:])
                result = function(*positional, **by_name, **named)
                after, now = Form.of(filled)
                if after.structure != form.structure or any(a is not b for a, b in zip(now, values, strict=True)):
                    raise NotStagedError("it changes an argument that is a list or a dict")
                return result

            return call

        return world.compiled.setdefault(key, Compiled(world, flat, self._label))

    def _world(self, form: Form, declared: tuple[Any, ...]) -> World | None:
        """What is compiled for the values that the function captures now; None where they change too often."""
        numbers = frozenset(form.slots)
        static = [(i, leaf) for i, leaf in enumerate(form.static) if i not in numbers]
        key = (tuple([(i, _static_key(leaf)) for i, leaf in static]), tuple(map(_hashed_key, declared)))
        worlds = self._worlds.get(key, [])
        for world in worlds:
            if world.captures.unchanged():
                if world is not worlds[0]:
                    self._worlds[key] = [world, *(w for w in worlds if w is not world)]
                return world
        if self._captured >= ALL_WORLDS:
            self._restless = _RESTLESS
            self._statistics.warn(self._label, f"{_RESTLESS}; pass them as arguments")
            return None
        self._captured += 1
        world = World(self.function, (*(leaf for _, leaf in static), *declared), self._statistics, self.backend)
        self._worlds[key] = [world, *worlds][:WORLDS]
        return world

    # --- looking inside -----------------------------------------------------------------------------------------------

    def cache_info(self) -> CacheInfo:
        """How often programs were compiled and used.

        Examples
        --------
        >>> import hodiff as hd
        >>> f = hd.jit(np.sin)
        >>> f(1.0) == f(2.0), f.cache_info().hits
        (np.False_, 1)
        """
        s = self._statistics
        return CacheInfo(s.specialisations, s.hits, s.guard_misses, s.eager_calls, s.compile_seconds)

    @property
    def eager_reason(self) -> str | None:
        """Why the function runs eagerly, if it does for all or some of its arguments."""
        if self._restless is not None:
            return self._restless
        for worlds in self._worlds.values():
            if worlds[0].reason is not None:  # what was so of others is so no longer
                return worlds[0].reason
            for world in worlds:
                for compiled in world.compiled.values():
                    if (reason := compiled.eager_reason) is not None:
                        return reason
        return None

    def lower(self, /, *args: Any, **keywords: Any) -> str:
        """The program for these arguments and the code that is emitted from it, as text.

        Of native code this is the NumPy code that takes over where that gives up, the LLVM code, and which operations
        are calls back to NumPy. Where there is no native code, the last line says why.

        Raises
        ------
        hodiff.errors.NotStagedError
            Saying why the function runs eagerly.

        Examples
        --------
        >>> import hodiff as hd
        >>> print(hd.jit(lambda x: 2 * x).lower(np.ones(3)))  # doctest: +ELLIPSIS
        program <lambda>(a: float64[3]) -> float64[3]
        ...
        """
        form, numbers = Form.of(self._parts(args, keywords))
        world = self._world(form, self._static(args, keywords))
        if world is None or world.reason is not None:
            raise NotStagedError(f"hodiff.jit: {self._label} runs eagerly: {None if world is None else world.reason}")
        compiled = self._compiled(world, form, args, keywords)
        if compiled is None:
            raise NotStagedError(f"hodiff.jit: {self._label} runs eagerly: {_FORMS}")
        inputs = (*numbers, *world.captures.arrays())
        return compiled.compile(compiled.stage(inputs, len(numbers)), inputs).listing()


def jit(
    f: Callable[..., Any] | None = None,
    *,
    static_argnums: int | tuple[int, ...] = (),
    static_argnames: str | tuple[str, ...] = (),
    backend: str = "auto",
    quiet: bool = False,
) -> Any:
    """Compile a function: run it once, write down what it does, and replay that.

    Parameters
    ----------
    f : callable
        Function of arrays, numbers or trees of them, written with NumPy; transformed functions too, such as
        ``hodiff.value_and_grad(f)``.
    static_argnums, static_argnames : int, str or tuples of them
        Arguments that programs are specialised for, by value; they must be hashable. Those that are no numbers are
        static by themselves.
    backend : {"auto", "numpy", "native"}
        What programs are compiled to. "native" needs the extra ``hodiff[native]`` and a machine that it knows;
        "auto" is native code where there can be, else NumPy code.
    quiet : bool
        No warning where the function runs eagerly: for those who ask ``.eager_reason`` and tell it otherwise.

    Returns
    -------
    callable
        Function that returns what ``f`` returns, or raises what it raises, at every call. It is specialised for tree,
        shapes, dtypes and memory layout of its arguments, and for the outcome of every ``if``, ``while``, ``int()``
        and ``range()`` on their values; these outcomes are checked at each call, as are the names that ``f`` uses from
        outside, and where one differs another program is made. After a bound, or where no program can stand for the
        function (random numbers, effects, unknown code), it runs eagerly. ``.cache_info()`` counts, ``.lower(*args)``
        shows program and code, ``.eager_reason`` says why there is none.

    Warns
    -----
    hodiff.errors.EagerWarning
        Once, where a function needs so many programs that it runs eagerly from now on.

    Examples
    --------
    >>> import hodiff as hd
    >>> rosenbrock = lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> value, gradient = hd.jit(hd.value_and_grad(rosenbrock))(np.zeros(3))
    >>> float(value), gradient
    (2.0, array([-2., -2.,  0.]))
    """
    if f is None:
        return lambda function: Jit(function, static_argnums, static_argnames, backend, quiet=quiet)
    return Jit(f, static_argnums, static_argnames, backend, quiet=quiet)


def make_program(f: Callable[..., Any]) -> Callable[..., Program]:
    """The program of a function, as staging writes it down, before any pass.

    Parameters
    ----------
    f : callable

    Returns
    -------
    callable
        ``make_program(f)(*args)`` returns the `Program` that ``f`` is for arguments like these; ``str()`` of it is
        readable, and ``program.evaluate(*numbers)`` runs it.

    Raises
    ------
    hodiff.errors.NotStagedError
        On a call for which no program can stand for ``f``.

    Examples
    --------
    >>> import hodiff as hd
    >>> print(hd.make_program(lambda x: np.sin(x) * 2)(1.0))  # doctest: +ELLIPSIS
    program <lambda>(a: float) -> float64
      b: float64 = sin(a) ...
      c: float64 = multiply(b, 2) ...
      return c
    """
    if not callable(f):
        raise ArgumentError(f"hodiff.make_program: the first argument must be a function, got {f!r}")

    def make(*args: Any, **keywords: Any) -> Program:
        form, numbers = Form.of((args, keywords))

        def flat(*tracers: Any) -> list[Any]:
            positional, by_name = form.fill(tracers)
            return Form.of(f(*positional, **by_name))[1]

        return stage(flat, numbers, name=getattr(f, "__name__", type(f).__name__))[1]

    return make


def _numbers(value: Any) -> tuple[int, ...]:
    try:
        return tuple(as_index(n) for n in value) if isinstance(value, (tuple, list)) else (as_index(value),)
    except TypeError:
        raise ArgumentError(
            f"hodiff.jit: static_argnums must be an integer or a tuple of integers, got {value!r}"
        ) from None


def _names(value: Any) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, (tuple, list)) or not all(isinstance(n, str) for n in names):
        raise ArgumentError(f"hodiff.jit: static_argnames must be a name or a tuple of names, got {value!r}")
    return tuple(names)


def _checked_backend(backend: str) -> str:
    if backend not in ("auto", "numpy", "native"):
        raise ArgumentError(f"hodiff.jit: backend must be 'auto', 'numpy' or 'native', got {backend!r}")
    reason = native.reason() if backend == "native" else None
    if reason is not None:
        raise ArgumentError(
            f"hodiff.jit: backend='native' cannot be used here: {reason}; backend='auto' takes what there is"
        )
    return backend


def _orders(tree: Any) -> tuple[Any, ...]:
    """Keys of dicts in their order, which structures of trees do not tell and a function may notice."""
    if isinstance(tree, dict):
        return (tuple(tree), *(_orders(part) for part in tree.values()))
    return tuple(filter(None, map(_orders, tree))) if isinstance(tree, (tuple, list)) else ()


def _is_staged(value: Any) -> bool:
    """Whether a staged value is behind a traced one."""
    if isinstance(value, StageTracer):
        return True
    return isinstance(value, Tracer) and any(_is_staged(part) for part in value.components())


def _is_compilable(value: Any) -> bool:
    """Whether a number is one that programs know: no array of a class of its own."""
    return not isinstance(value, np.ndarray) or value.__class__ is np.ndarray


def _static_key(value: Any) -> Any:
    """Key of an argument that is no number: by value where that cannot change, else by identity."""
    return (type(value), value) if value is None or isinstance(value, (str, bytes)) else _Identity(value)


def _hashed_key(value: Any) -> Any:
    """Key of an argument that was declared static: -0.0 and 0.0 are two, and so are 1 and 1.0, within others too."""
    kind = type(value)
    if isinstance(value, (tuple, frozenset)):
        gather = tuple if isinstance(value, tuple) else frozenset
        return kind, gather(map(_hashed_key, value))
    if is_dataclass(kind):
        # What takes no part in comparisons is read by the function nonetheless.
        return kind, value, tuple(_hashed_key(getattr(value, field.name, None)) for field in fields(kind))
    if kind.__hash__ is None:
        return _Identity(value)
    return kind, repr(value) if isinstance(value, (float, complex)) else value


class _Identity:
    """A key that is equal to itself alone, and keeps its object, so that no other takes its place in memory."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)
