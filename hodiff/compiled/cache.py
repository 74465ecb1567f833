"""Compiled functions of flat arguments: one table of specialisations a signature, staging where none fits.

``Compiled`` has a function of numbers, compiled for the types of its arguments. What the function reads from outside
(see ``captures``) is guarded, and arrays among it are inputs. May import ``batch``, ``captures``, ``comparing``,
``core``, ``errors``, ``forms``, ``mutation``, ``numpy_source``, ``program``, ``specialisations``, ``staging`` and
``transform``.

>>> double = Compiled(World(lambda x: 2 * x), lambda function: lambda values: function(*values), "double")
>>> double.run([3.0])
6.0
"""

import threading
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from hodiff.batch import BatchTrace, BatchTracer
from hodiff.comparing import same_program
from hodiff.compiled.captures import Captures
from hodiff.compiled.numpy_source import Miss
from hodiff.compiled.specialisations import BOUND, Specialisation, Table, is_fresh, owned
from hodiff.core import SEALED, Tracer
from hodiff.errors import EagerWarning, NotStagedError
from hodiff.forms import Form
from hodiff.mutation import Buffer, root
from hodiff.program import Guard, Program
from hodiff.staging import LEAST, StageTracer, stage

#: Signatures of one function; where there are more, the rest runs eagerly.
SIGNATURES = 256
_NUMBERS = (bool, int, float, complex)


class Statistics:
    """Counts for `cache_info`, shared by all that is compiled for one function."""

    __slots__ = ("compile_seconds", "eager_calls", "guard_misses", "hits", "quiet", "specialisations", "warned")

    def __init__(self, *, quiet: bool = False) -> None:
        self.specialisations = 0
        self.hits = 0
        self.guard_misses = 0
        self.eager_calls = 0
        self.compile_seconds = 0.0
        self.quiet = quiet
        self.warned = False

    def warn(self, name: str, message: str) -> None:
        """Tell the user, once, that the function runs eagerly from now on."""
        if not self.warned and not self.quiet:
            self.warned = True
            warnings.warn(f"hodiff.jit: {name} runs eagerly from now on: {message}", EagerWarning, stacklevel=5)


class World:
    """What the function captures, as long as it is unchanged, and what has been compiled for that.

    Parameters
    ----------
    function : callable
    static : sequence
        Arguments that are no numbers, which the function can reach too.
    statistics : Statistics, optional
    backend : {"numpy", "native", "auto"}
        Of all that is compiled.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        static: Sequence[Any] = (),
        statistics: Statistics | None = None,
        backend: str = "numpy",
    ) -> None:
        self.function = function
        self.backend = backend
        self.captures = Captures.of(function, static)
        self.reason: str | None = self.captures.reason
        self.statistics = Statistics() if statistics is None else statistics
        #: What is compiled, by the form of the arguments.
        self.compiled: dict[Any, Compiled] = {}


class Staged(NamedTuple):
    """What a staged run gives.

    Attributes
    ----------
    program : Program
    form : Form
        Of the result.
    new : tuple of bool
        For each number of the result, whether it is an array that the function has made, though it may contain what an
        argument does: a copy.
    results : list
        The numbers of the result.
    """

    program: Program
    form: Form
    new: tuple[bool, ...]
    results: list[Any]

    def fresh(self, inputs: Sequence[Any]) -> tuple[bool, ...]:
        """For each number of the result, whether it must be an array of its own."""
        return tuple(
            [
                new or (is_fresh(value, inputs) and atom not in self.program.inputs)
                for new, value, atom in zip(self.new, self.results, self.program.outputs, strict=True)
            ]
        )

    def tree(self, inputs: Sequence[Any]) -> Any:
        """The result of this run."""
        results = [
            value.copy() if new and isinstance(value, np.ndarray) and not is_fresh(value, inputs) else value
            for new, value in zip(self.new, self.results, strict=True)
        ]
        return self.form.fill(owned(results, inputs))


class Compiled:
    """A function of a list of numbers, compiled for their types.

    Parameters
    ----------
    world : World
    flat : callable
        ``flat(function)`` makes, of the user's function or of one like it, a function of a list of numbers that returns
        the tree of results.
    name : str
    """

    def __init__(self, world: World, flat: Callable[[Any], Callable[[Sequence[Any]], Any]], name: str) -> None:
        self.world = world
        self.flat = flat
        self.name = name
        self.tables: dict[Any, Table] = {}
        self._batched: dict[Any, Compiled] = {}
        self._lock = threading.Lock()

    def plain(self, values: Sequence[Any]) -> Any:
        """The function itself, on plain values or traced ones."""
        return self.flat(self.world.function)(values)

    def batched(self, size: int, flags: tuple[bool, ...]) -> "Compiled":
        """The function for a batch in front of the flagged arguments and of every result."""
        key = (size, flags)
        if key not in self._batched:

            def flat(function: Any) -> Callable[[Sequence[Any]], Any]:
                inner = self.flat(function)
                return lambda values: _on_batch(inner, size, flags, values)

            self._batched[key] = Compiled(self.world, flat, self.name)
        return self._batched[key]

    @property
    def eager_reason(self) -> str | None:
        """Why the function runs eagerly for some arguments, or for batches of them."""
        reasons = (*(table.eager for table in self.tables.values()), *(c.eager_reason for c in self._batched.values()))
        return next((reason for reason in reasons if reason is not None), None)

    def table(self, values: Sequence[Any]) -> Table:
        """The table for values of these types."""
        key = (*map(_type_of, values), places_of_same(values))
        table = self.tables.get(key)
        if table is None:
            with self._lock:
                table = self.tables.setdefault(key, Table())
                if len(self.tables) > SIGNATURES:
                    table.eager = "its arguments have another shape, dtype or layout at nearly every call"
                    self.world.statistics.warn(self.name, table.eager)
        return table

    def run(self, values: Sequence[Any]) -> Any:
        """The tree of results."""
        return self.call(self.table((*values, *self.world.captures.arrays())), values)

    def call(self, table: Table, values: Sequence[Any]) -> Any:
        """The tree of results, by the programs of this table or a new one."""
        found, outputs = self.find(table, values)
        return outputs if found is None or found.build is None else found.build(outputs)

    def follow(
        self, table: Table, inputs: Sequence[Any], tried: tuple[Specialisation, Miss] | None
    ) -> tuple[Specialisation | None, Any]:
        """The specialisation for these inputs, with its outputs, where another one missed; or None."""
        before = table.misses
        try:
            found, outputs = table.look_up(inputs, tried)
        except Exception:  # noqa: BLE001 - whatever it is, `find` meets it again
            found, outputs = None, None
        if found is None:
            table.misses = before
        else:
            self.world.statistics.guard_misses += table.misses - before
            self.world.statistics.hits += 1
        return found, outputs

    def find(self, table: Table, values: Sequence[Any]) -> tuple[Specialisation | None, Any]:
        """The specialisation for these values, with its outputs; or None, with the tree of results of a plain run."""
        statistics = self.world.statistics
        if table.eager is not None or self.world.reason is not None:
            statistics.eager_calls += 1
            return None, self.plain(values)
        inputs = (*values, *self.world.captures.arrays())
        misses = table.misses
        failed = False
        try:
            found, outputs = table.look_up(inputs)
        except Exception:  # noqa: BLE001 - whatever it is, the plain function raises it too, or is right
            failed = True
        if failed:
            # The error that the function raises itself has the right traceback; should it raise none, it is right.
            statistics.eager_calls += 1
            return None, self.plain(values)
        statistics.guard_misses += table.misses - misses
        if found is not None:
            statistics.hits += 1
            return found, outputs
        if table.count >= BOUND:
            # Another thread may have made it meanwhile.
            found, outputs = self.follow(table, inputs, None)
            if found is not None:
                return found, outputs
            table.eager = _branching(table.last_guard)
            statistics.warn(self.name, table.eager)
            statistics.eager_calls += 1
            return None, self.plain(values)
        return None, self._specialise(table, values, inputs)

    def _specialise(self, table: Table, values: Sequence[Any], inputs: Sequence[Any]) -> Any:
        """Run the function once more, staged, and enter the program; the tree of results."""
        statistics = self.world.statistics
        began = time.perf_counter()
        failure = None
        captures = self.world.captures
        memory = captures.memory()
        try:
            staged = self.stage(inputs, len(values))
        except Exception as error:  # noqa: BLE001 - whatever it is, the plain function raises it too, or is right
            failure = str(error) if isinstance(error, NotStagedError) else f"{type(error).__name__}: {error}"
        if failure is not None:
            memory.restore()  # the plain function does it all again
            result = self.plain(values)  # an error of the function itself is raised here
            table.eager = failure
            statistics.eager_calls += 1
            return result
        changed = captures.changed_by_run()
        if changed is not None:
            self.world.reason = changed
            if captures.doubt is None and not memory.leaked():
                return staged.tree(inputs)
            memory.restore()
        elif self._trusted(table, staged, values):
            try:
                made = self.compile(staged, inputs, partial(self._emitted, table))
            except Exception as error:  # noqa: BLE001 - the staged run is right, whatever became of its program
                table.eager = _not_compiled(error)
                return staged.tree(inputs)
            with self._lock:
                table.add(made)
                statistics.specialisations += 1
            statistics.compile_seconds += time.perf_counter() - began
            return self._first(made, staged, inputs)
        # Neither what was staged nor what it left behind is what the plain function gives.
        return self.plain(values)

    def _first(self, made: Specialisation, staged: Staged, inputs: Sequence[Any]) -> Any:
        """The tree of results of a new program: what it will give for these inputs at every call, to the last bit."""
        try:
            outputs = made.once(inputs)  # in silence: the staged run has warned
        except Exception:  # noqa: BLE001 - the staged run raised nothing, and its results are right
            outputs = None
        return staged.tree(inputs) if outputs is None else staged.form.fill(outputs)

    def compile(
        self,
        staged: Staged,
        inputs: Sequence[Any],
        emitted: Callable[[float, Exception | None], None] | None = None,
    ) -> Specialisation:
        """What was staged, as a specialisation."""
        fresh = staged.fresh(inputs)
        return Specialisation(
            staged.program, form=staged.form, fresh=fresh, backend=self.world.backend, emitted=emitted
        )

    def _emitted(self, table: Table, seconds: float, error: Exception | None) -> None:
        """Note that a specialisation of a table has got its NumPy code, or cannot."""
        self.world.statistics.compile_seconds += seconds
        if error is not None:
            table.eager = _not_compiled(error)

    def stage(self, inputs: Sequence[Any], count: int) -> Staged:
        """What a staged run gives; ``count`` inputs are arguments."""
        forms: list[tuple[Form, tuple[bool, ...]]] = []

        same = places_of_same(inputs)

        def traced(*tracers: Any) -> list[Any]:
            tracers = tuple(tracers[same.get(i, i)] for i in range(len(tracers))) if same else tracers
            captures = self.world.captures
            function = captures.rebuild(tracers[count:]) if len(tracers) > count else self.world.function
            form, numbers = Form.of(self.flat(function)(tracers[:count]))
            for leaf in form.static:
                _check_static(leaf)
            forms.append((form, tuple(map(_is_copy, numbers))))
            return numbers

        results, program = stage(traced, inputs, name=self.name)
        return Staged(program, *forms[0], results)

    def _trusted(self, table: Table, staged: Staged, values: Sequence[Any]) -> bool:
        """Whether the program stands for the function. In doubt, a second staging and a plain run have to agree."""
        if self.world.captures.doubt is None:
            return True
        if table.pending is None:
            table.pending = staged.program
            return False
        pending, table.pending = table.pending, None
        if not same_program(pending, staged.program):
            table.eager = f"two runs with arguments of the same types differ ({self.world.captures.doubt})"
            return False
        plain_form, plain = Form.of(self.plain(values))
        form = staged.form
        alike = plain_form.structure == form.structure and plain_form.slots == form.slots
        alike = alike and all(map(_same_static, plain_form.static, form.static))
        if not alike or not all(map(_agree, plain, staged.results)):
            table.eager = f"it tells traced values from plain ones ({self.world.captures.doubt})"
            return False
        return True


class Places(dict[int, int]):
    """For each place of an array that was at another place before, that place."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def places_of_same(values: Sequence[Any]) -> Places:
    """Which arrays are the same object: ``x is y`` is true for a function that is given one array twice.

    >>> x = np.ones(2)
    >>> places_of_same([x, np.ones(2), x])
    {2: 0}
    """
    first: dict[int, int] = {}
    places = Places()
    for i, value in enumerate(values):
        if value.__class__ is np.ndarray and first.setdefault(id(value), i) != i:
            places[i] = first[id(value)]
    return places


def _type_of(value: Any) -> Any:
    """What programs are specialised for: two values of one type have the same shape, dtype and layout."""
    if value.__class__ is np.ndarray:
        return (value.shape, value.dtype, value.strides)
    if value.__class__ is int and not LEAST <= value < -LEAST:
        return "a large integer"
    return value.dtype if isinstance(value, np.generic) else value.__class__


def _on_batch(function: Callable[[Sequence[Any]], Any], size: int, flags: Sequence[bool], values: Sequence[Any]) -> Any:
    """The tree of results for a batch."""
    with BatchTrace(size) as trace:
        result = function([BatchTracer(trace, v) if flag else v for v, flag in zip(values, flags, strict=True)])
        form, numbers = Form.of(result)
        numbers = [v.content() if isinstance(v, Tracer) else v for v in numbers]
    return form.fill(
        [
            v.value if isinstance(v, BatchTracer) and v.owner is trace else np.broadcast_to(v, (size, *np.shape(v)))
            for v in numbers
        ]
    )


def _check_static(leaf: Any) -> None:
    """Refuse a result that is no number and may be another object at each call."""
    if leaf is not None and not isinstance(leaf, (str, bytes, type)):
        raise NotStagedError(f"it returns an object of type {type(leaf).__name__}")


def _agree(plain: Any, staged: Any) -> bool:
    """Whether two results are equal but for rounding."""
    if isinstance(plain, np.ndarray) != isinstance(staged, np.ndarray):
        return False
    if np.shape(plain) != np.shape(staged) or np.asarray(plain).dtype != np.asarray(staged).dtype:
        return False
    if np.asarray(plain).dtype == object:  # integers that no dtype holds
        return bool(plain == staged)
    return bool(np.allclose(plain, staged, rtol=1e-6, atol=1e-12, equal_nan=True))


def _same_static(plain: Any, staged: Any) -> bool:
    """Whether two parts of results that are no numbers are the same."""
    return plain is staged or (isinstance(staged, (str, bytes)) and type(plain) is type(staged) and plain == staged)


def _is_copy(number: Any) -> bool:
    """Whether a staged number shows an array that the function has made, if only as a copy; no argument is one."""
    if number.__class__ is Buffer:
        return number.shared is None
    return isinstance(number, StageTracer) and getattr(root(number), "views", None) is not SEALED


def _not_compiled(error: Exception) -> str:
    return f"its program cannot be compiled ({type(error).__name__}: {error})"


def _branching(guard: Guard | None) -> str:
    where = "" if guard is None or guard.source is None else f" at {guard.source.filename}:{guard.source.line}"
    return f"Python control flow{where} takes another way at nearly every call ({BOUND} are compiled)"
