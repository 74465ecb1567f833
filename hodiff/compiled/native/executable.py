"""Programs as machine code, as the rest of compiled mode sees them.

May import ``numpy_source`` and ``program``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> fallback = Fallback(stage(lambda x: [np.exp(x)], [np.ones(3)], name="f")[1], (True,))
>>> fallback(np.zeros(3))
(array([1., 1., 1.]),)
>>> NativeExecutable(fallback, fallback, "define …", ["exp is a call back to NumPy: …"]).notes
['exp is a call back to NumPy: …']
"""

from collections.abc import Callable, Sequence
from typing import Any

from hodiff.compiled.numpy_source import Executable, emit
from hodiff.program import Program


class Fallback:
    """A program as NumPy code, which is emitted when it is asked for.

    Parameters
    ----------
    program : Program
    fresh : sequence of bool
        As of `emit`.
    executable : Executable, optional
        The code, where it is there already.
    """

    __slots__ = ("_executable", "fresh", "program")

    def __init__(self, program: Program, fresh: Sequence[bool], executable: Executable | None = None) -> None:
        self.program = program
        self.fresh = fresh
        self._executable = executable

    def executable(self) -> Executable:
        """The code."""
        if self._executable is None:
            self._executable = emit(self.program, fresh=self.fresh)
        return self._executable

    def __call__(self, *inputs: Any) -> Any:
        """Values of the outputs, or a `Miss`."""
        return self.executable().function(*inputs)


class NativeExecutable(Executable):
    """A program as machine code, and as the NumPy code that takes over where that gives up.

    Parameters
    ----------
    fallback : Fallback
        The same program as NumPy code.
    function : callable
        ``function(*inputs)`` returns the tuple of outputs, or a `Miss`.
    llvm : str
        The code as LLVM text.
    notes : sequence of str
        Which operations are calls back to NumPy, and why, one a line.
    strict : callable, optional
        As ``function``, but it looks at its arguments, and returns `ELSEWHERE` where they are of other types, or arrays
        in another order.
    """

    __slots__ = ("_fallback", "llvm", "notes", "strict")

    def __init__(
        self,
        fallback: Fallback,
        function: Callable[..., Any],
        llvm: str,
        notes: Sequence[str],
        strict: Callable[..., Any] | None = None,
    ) -> None:
        self.program = fallback.program
        self.function = function
        self.llvm = llvm
        self.notes = list(notes)
        self.strict = strict
        self._fallback = fallback

    @property
    def source(self) -> str:  # type: ignore[override]
        """The NumPy code."""
        return self._fallback.executable().source
