"""Units: a program with its compiled code, and with the units that its derivatives and batches are, made once.

May import ``derive``, ``fission``, ``numpy_source``, ``passes``, ``program`` and ``rolling``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> unit = Unit(stage(lambda x: [np.sin(x)], [np.float64(1.0)], name="f")[1])
>>> unit.function(np.float64(0.0))
(np.float64(0.0),)
>>> forward, backward, residuals = unit.linearise((0,), (np.float64(1.0),))
>>> backward.function(*forward.function(np.float64(0.0))[1:], np.float64(2.0))
(np.float64(2.0),)
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hodiff.compiled import derive, fission
from hodiff.compiled.numpy_source import Executable, emit
from hodiff.compiled.passes import simplify
from hodiff.compiled.rolling import roll
from hodiff.program import Program

#: Derived units that one keeps: sizes of batches may be many.
_DERIVED = 64


def optimised(program: Program) -> Program:
    """A staged program after all passes."""
    # Loops first: what is left after that is short.
    simple = simplify(fission.run(roll(program)))
    rolled = roll(simple)
    return simple if rolled is simple else simplify(fission.run(rolled))


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

    Parameters
    ----------
    program : Program
        As staged.
    fresh : tuple of bool, optional
        For each output, whether the caller must get a new array; by default all of them.

    Attributes
    ----------
    program : Program
        After all passes.
    executable : Executable
    function : callable
        ``function(*inputs)``: a tuple of outputs, or a `Miss`.
    """

    __slots__ = ("_derived", "batched", "executable", "fresh", "function", "program")

    def __init__(self, program: Program, fresh: tuple[bool, ...] | None = None) -> None:
        self.program = optimised(program)
        self.fresh = (True,) * len(program.outputs) if fresh is None else fresh
        self.executable: Executable = emit(self.program, fresh=self.fresh)
        self.function: Callable[..., Any] = self.executable.function
        #: Which outputs have the batch, of a unit made by `batch`.
        self.batched: tuple[bool, ...] = ()
        self._derived: dict[Any, Any] = {}

    def linearise(self, slots: tuple[int, ...], values: Sequence[Any]) -> Passes:
        """Forward and backward pass; ``values`` are plain, and the guards hold for them."""
        key = ("linearise", slots)
        found: Passes | None = self._derived.get(key)
        if found is None:
            forward, backward, residuals = derive.linearise(self.program, slots, values)
            fresh = (*self.fresh, *(False,) * residuals)
            found = self._derived[key] = Passes(Unit(forward, fresh), Unit(backward), residuals)
        return found

    def pull(self, slots: tuple[int, ...], values: Sequence[Any]) -> "Unit":
        """From inputs and cotangents to cotangents of ``slots``, where zeros annihilate."""
        key = ("pull", slots)
        found: Unit | None = self._derived.get(key)
        if found is None:
            found = self._derived[key] = Unit(derive.pull(self.program, slots, values))
        return found

    def push(self, slots: tuple[int, ...], values: Sequence[Any], *, annihilate: bool = False) -> "Unit":
        """From inputs and tangents of ``slots`` to outputs and tangents."""
        key = ("push", slots, annihilate)
        found: Unit | None = self._derived.get(key)
        if found is None:
            program = derive.push(self.program, slots, values, annihilate=annihilate)
            fresh = (*self.fresh, *(True,) * (len(program.outputs) - len(self.fresh)))
            found = self._derived[key] = Unit(program, fresh)
        return found

    def batch(self, size: int, flags: tuple[bool, ...], values: Sequence[Any]) -> "Unit":
        """For a batch in front of the flagged inputs, and of the outputs that `batched` says."""
        key = ("batch", size, flags)
        found: Unit | None = self._derived.get(key)
        if found is None:
            if len(self._derived) > _DERIVED:
                self._derived.clear()
            program, marked = derive.batch(self.program, size, flags, values)
            found = self._derived[key] = Unit(program)
            found.batched = marked
        return found
