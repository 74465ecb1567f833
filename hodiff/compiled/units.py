"""Units: a program with its compiled code, and with the units that its derivatives and batches are, made once.

May import ``derive``, ``directions``, ``fission``, ``handling``, ``native``, ``numpy_source``, ``passes``, ``program``,
``replay`` and ``rolling``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> unit = Unit(stage(lambda x: [np.sin(x)], [np.float64(1.0)], name="f")[1])
>>> unit.function(np.float64(0.0))
(np.float64(0.0),)
>>> forward, backward, residuals = unit.linearise((0,), (np.float64(1.0),))
>>> backward.function(*forward.function(np.float64(0.0))[1:], np.float64(2.0))
(np.float64(2.0),)
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled import derive, fission, native
from hodiff.compiled.numpy_source import Executable, Miss, emit
from hodiff.compiled.passes import directions, simplify
from hodiff.compiled.replay import replay
from hodiff.compiled.rolling import roll
from hodiff.handling import quiet
from hodiff.program import Literal, Program

#: Derived units that one keeps: sizes of batches may be many.
_DERIVED = 64


def optimised(program: Program) -> Program:
    """A staged program after all passes."""
    # Loops first: what is left after that is short.
    simple = simplify(fission.run(roll(program)))
    rolled = roll(simple)
    if rolled is not simple:
        simple = simplify(fission.run(rolled))
    apart = directions.run(simple)
    return simple if apart is simple else simplify(apart)


#: Begins the reason where native code failed for no fault of the program.
MISTAKE = "its program cannot be compiled"


def compiled(program: Program, fresh: tuple[bool, ...], backend: str) -> tuple[Executable | None, str | None]:
    """The program as native code, or None and why there is none, where that was asked for."""
    reason = None if backend == "numpy" else native.reason()
    if backend != "numpy" and reason is None:
        try:
            return native.compile(program, fresh=fresh), None
        except native.Unsupported as unsupported:
            reason = str(unsupported)
        except Exception as error:  # noqa: BLE001 - a mistake of the back end: the other one takes the program
            reason = f"{MISTAKE}: {type(error).__name__}: {error}"
    return None, reason


def _arrays(program: Program) -> Iterator[Any]:
    """The arrays that a program contains."""
    operands = (atom for equation in program.equations for atom in equation.operands)
    return (atom.value for atom in (*operands, *program.outputs) if isinstance(atom, Literal))


class Passes(NamedTuple):
    """The two passes of reverse mode.

    Attributes
    ----------
    forward : Unit
        Inputs to outputs, followed by residuals.
    backward : Unit
        Residuals, followed by cotangents of the inexact outputs, to cotangents of the chosen inputs.
    residuals : int
    """

    forward: "Unit"
    backward: "Unit"
    residuals: int


class Unit:
    """A program with its compiled code.

    Native code is made at once. NumPy code is made when it runs for the first time, which for many is never: their only
    call is answered by `once`.

    Parameters
    ----------
    program : Program
        As staged.
    fresh : tuple of bool, optional
        For each output, whether the caller must get a new array; by default all of them.
    backend : {"numpy", "native", "auto"}
        What the program and all that is derived from it are compiled to. Where there is no native code, it is NumPy's.

    Attributes
    ----------
    program : Program
        After all passes.
    function : callable
        ``function(*inputs)``: a tuple of outputs, or a `Miss`.
    not_native : str or None
        Why it is no native code, where that was asked for.
    """

    __slots__ = (
        *("_derived", "_executable", "backend", "batched", "fresh", "function", "not_native", "program", "strict"),
    )

    def __init__(self, program: Program, fresh: tuple[bool, ...] | None = None, backend: str = "numpy") -> None:
        self.program = optimised(program)
        self.fresh = (True,) * len(program.outputs) if fresh is None else fresh
        self.backend = backend
        self._executable, self.not_native = compiled(self.program, self.fresh, backend)
        self.function: Callable[..., Any] = self._run if self._executable is None else self._executable.function
        #: As ``function``, but arguments of other types give `ELSEWHERE`; None where the code does not look at them.
        self.strict: Callable[..., Any] | None = getattr(self._executable, "strict", None)
        #: Which outputs have the batch, of a unit made by `batch`.
        self.batched: tuple[bool, ...] = ()
        self._derived: dict[Any, Any] = {}

    @property
    def executable(self) -> Executable:
        """The code, which is made if there is none yet."""
        made = self._executable
        if made is None:
            # Two threads may both make it, and either is good.
            made = self._executable = self._emitted()
            self.function = made.function
        return made

    def _emitted(self) -> Executable:
        """NumPy code."""
        return emit(self.program, fresh=self.fresh)

    def _run(self, *inputs: Any) -> Any:
        """What ``function`` is as long as there is no code."""
        return self.executable.function(*inputs)

    def once(self, inputs: Sequence[Any]) -> Sequence[Any] | None:
        """Outputs for inputs for which the guards hold, in silence; None where a guard says otherwise.

        They have the bits that they will have at every call.
        """
        if self._executable is None:
            return self._owned(replay(self.program, inputs), inputs)
        with quiet():
            outputs = self._executable.function(*inputs)
        return None if outputs.__class__ is Miss else outputs

    def _owned(self, outputs: list[Any], inputs: Sequence[Any]) -> list[Any]:
        """Outputs, as arrays of the caller's own where they are to be new."""
        contained, taken = set(map(id, _arrays(self.program))), set(map(id, inputs))
        found: list[Any] = []
        for value, new in zip(outputs, self.fresh, strict=True):
            if isinstance(value, np.ndarray) and (
                id(value) in contained
                or (new and (id(value) in taken or not (value.flags.owndata and value.flags.writeable)))
            ):
                value = value.copy()
            taken.add(id(value))
            found.append(value)
        return found

    def linearise(self, slots: tuple[int, ...], values: Sequence[Any]) -> Passes:
        """Forward and backward pass; ``values`` are plain, and the guards hold for them."""
        key = ("linearise", slots)
        found: Passes | None = self._derived.get(key)
        if found is None:
            forward, backward, residuals = derive.linearise(self.program, slots, values)
            fresh = (*self.fresh, *(False,) * residuals)
            found = self._derived[key] = Passes(self._unit(forward, fresh), self._unit(backward), residuals)
        return found

    def pull(self, slots: tuple[int, ...], values: Sequence[Any]) -> "Unit":
        """From inputs and cotangents to cotangents of ``slots``, where zeros annihilate."""
        key = ("pull", slots)
        found: Unit | None = self._derived.get(key)
        if found is None:
            found = self._derived[key] = self._unit(derive.pull(self.program, slots, values))
        return found

    def push(self, slots: tuple[int, ...], values: Sequence[Any], *, annihilate: bool = False) -> "Unit":
        """From inputs and tangents of ``slots`` to outputs and tangents."""
        key = ("push", slots, annihilate)
        found: Unit | None = self._derived.get(key)
        if found is None:
            program = derive.push(self.program, slots, values, annihilate=annihilate)
            fresh = (*self.fresh, *(True,) * (len(program.outputs) - len(self.fresh)))
            found = self._derived[key] = self._unit(program, fresh)
        return found

    def batch(self, size: int, flags: tuple[bool, ...], values: Sequence[Any]) -> "Unit":
        """For a batch in front of the flagged inputs, and of the outputs that `batched` says."""
        key = ("batch", size, flags)
        found: Unit | None = self._derived.get(key)
        if found is None:
            if len(self._derived) > _DERIVED:
                self._derived.clear()
            program, marked = derive.batch(self.program, size, flags, values)
            found = self._derived[key] = self._unit(program)
            found.batched = marked
        return found

    def _unit(self, program: Program, fresh: tuple[bool, ...] | None = None) -> "Unit":
        """Another unit of the same back end."""
        return Unit(program, fresh, self.backend)

    def listing(self) -> str:
        """Program and code as text."""
        parts = [str(self.program), self.executable.source]
        if self.not_native is not None:
            parts.append(f"# This is no native code: {self.not_native}.")
        if isinstance(self.executable, native.NativeExecutable):
            parts += [self.executable.llvm, *(f"; {note}" for note in self.executable.notes)]
        return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"
