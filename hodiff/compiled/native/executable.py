"""Programs as machine code, as the rest of compiled mode sees them.

May import ``numpy_source`` and ``program``.

>>> import numpy as np
>>> from hodiff.compiled.numpy_source import emit
>>> from hodiff.staging import stage
>>> source = emit(stage(lambda x: [np.exp(x)], [np.ones(3)], name="f")[1])
>>> NativeExecutable(source, source.function, "define …", ["exp is a call back to NumPy: …"]).notes
['exp is a call back to NumPy: …']
"""

from collections.abc import Callable, Sequence
from typing import Any

from hodiff.compiled.numpy_source import Executable


class NativeExecutable(Executable):
    """A program as machine code, and as the NumPy code that takes over where that gives up.

    Parameters
    ----------
    fallback : Executable
        The same program as NumPy code.
    function : callable
        ``function(*inputs)`` returns the tuple of outputs, or a `Miss`.
    llvm : str
        The code as LLVM text.
    notes : sequence of str
        Which operations are calls back to NumPy, and why, one a line.
    """

    __slots__ = ("llvm", "notes")

    def __init__(self, fallback: Executable, function: Callable[..., Any], llvm: str, notes: Sequence[str]) -> None:
        super().__init__(fallback.program, function, fallback.source)
        self.llvm = llvm
        self.notes = list(notes)
