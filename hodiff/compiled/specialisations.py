"""The programs of one signature: a tree of specialisations, each good where its guards hold.

A specialisation knows the outcome of each of its guards. Where one fails, its number and what came instead lead to the
specialisation that shares the outcomes before it, if there is one: no other is tried. The one that was right last time
is tried first. May import ``entrance``, ``numpy_source``, ``program`` and ``units``.

>>> from hodiff.staging import stage
>>> _, program = stage(lambda x: [x if x > 0 else -x], [np.float64(1.0)], name="f")
>>> table = Table()
>>> table.add(Specialisation(program, form=None, fresh=(False,)))
>>> found, outputs = table.look_up((np.float64(2.0),))
>>> outputs
(np.float64(2.0),)
>>> table.look_up((np.float64(-2.0),))[0] is None, table.last_guard.expected
(True, True)
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hodiff.compiled.entrance import make_builder
from hodiff.compiled.numpy_source import Executable, Miss
from hodiff.compiled.units import Unit
from hodiff.program import Guard, Program

#: Specialisations of one signature; a function that needs more runs eagerly.
BOUND = 16


class Specialisation(Unit):
    """A program that stands for the function where its guards hold.

    Parameters
    ----------
    program : Program
        As staged.
    form : Form
        Of the result.
    fresh : tuple of bool
        For each output, whether the function made a new array of it.
    backend : {"numpy", "native", "auto"}
        As of a `Unit`.
    emitted : callable, optional
        ``emitted(seconds, error)`` is called when its NumPy code has been made, after this time, or could not be.
    """

    __slots__ = ("_told", "build", "form", "outcomes")

    def __init__(
        self,
        program: Program,
        *,
        form: Any,
        fresh: tuple[bool, ...],
        backend: str = "numpy",
        emitted: Callable[[float, Exception | None], None] | None = None,
    ) -> None:
        super().__init__(program, fresh, backend)
        self._told = emitted
        self.form = form
        #: ``build(outputs)``: the result; None where that is the tuple of outputs.
        self.build = make_builder(form)
        self.outcomes = tuple(guard.outcome_expected for guard in program.guards)

    def _emitted(self) -> Executable:
        began, failure = time.perf_counter(), None
        try:
            return super()._emitted()
        except Exception as error:
            failure = error
            raise
        finally:
            if self._told is not None:
                self._told(time.perf_counter() - began, failure)


class Table:
    """The specialisations of one signature.

    Attributes
    ----------
    entry : Specialisation or None
        The one to try first.
    eager : str or None
        Why the function runs eagerly for this signature.
    count : int
        How many specialisations there are.
    last_guard : Guard or None
        The guard that failed last.
    """

    __slots__ = ("_tree", "count", "eager", "entry", "last_guard", "misses", "pending")

    def __init__(self) -> None:
        self.entry: Specialisation | None = None
        self.eager: str | None = None
        self.count = 0
        self.misses = 0
        self.last_guard: Guard | None = None
        #: A program that waits for a second staging to confirm it.
        self.pending: Any = None
        self._tree: dict[tuple[Any, ...], Specialisation] = {}

    def add(self, specialisation: Specialisation) -> None:
        """Enter a specialisation, to be tried first from now on."""
        known = self._tree.get(specialisation.outcomes)
        for length in range(1, len(specialisation.outcomes) + 1):
            self._tree[specialisation.outcomes[:length]] = specialisation
        # Threads may make the same one at once.
        self.count += known is None or known.outcomes != specialisation.outcomes
        self.entry = specialisation

    def look_up(
        self, inputs: Sequence[Any], tried: tuple[Specialisation, Miss] | None = None
    ) -> tuple[Specialisation | None, Any]:
        """The specialisation whose guards hold, and its outputs; None where there is none.

        ``tried`` is the one that was tried first, and what it returned.
        """
        specialisation, outputs = tried or (self.entry, None)
        first = specialisation
        # A specialisation agrees with the one before in more guards, so this ends, unless a value is not a function of
        # the inputs.
        for _ in range(self.count):
            if specialisation is None:
                break
            if outputs is None:
                outputs = specialisation.function(*inputs)
            if outputs.__class__ is not Miss:
                if specialisation is not first:
                    self.entry = specialisation
                return specialisation, outputs
            self.misses += 1
            self.last_guard = specialisation.program.guards[outputs.index]
            specialisation = self._tree.get((*specialisation.outcomes[: outputs.index], outputs.outcome))
            outputs = None
        return None, None


def owned(results: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    """Results of a staged run as arrays that belong to the caller, where the function made them."""
    seen: list[int] = []
    found = []
    for value in results:
        if isinstance(value, np.ndarray):
            if is_fresh(value, inputs) and (not value.flags.owndata or not value.flags.writeable or id(value) in seen):
                value = value.copy()
            seen.append(id(value))
        found.append(value)
    return found


def is_fresh(value: Any, inputs: Sequence[Any]) -> bool:
    """Whether a result is none of the inputs and shows the memory of none."""
    if not isinstance(value, np.ndarray):
        return all(value is not v for v in inputs)
    return not any(isinstance(v, np.ndarray) and np.may_share_memory(value, v) for v in inputs)
