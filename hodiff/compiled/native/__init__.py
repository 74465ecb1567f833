"""The native back end: programs as machine code, by LLVM. It needs the extra ``hodiff[native]``.

May import ``numpy_source``, ``program`` and the modules of this package.

>>> reason() is None or isinstance(reason(), str)
True
"""

import ctypes
from collections.abc import Sequence

from hodiff.compiled.native import entry
from hodiff.compiled.native.entry import make_function
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.executable import Fallback, NativeExecutable
from hodiff.compiled.native.kernel import Kernel, write_kernel
from hodiff.compiled.native.library import addresses
from hodiff.compiled.native.machine import machine
from hodiff.compiled.native.modules import Loaded, load
from hodiff.compiled.numpy_source import Miss
from hodiff.program import Program

__all__ = ["NativeExecutable", "Unsupported", "compile", "reason"]

#: Additions of a call from which on other threads of Python may run meanwhile.
_LONG = 100_000


def reason() -> str | None:
    """Why there is no native code here, in one line; None where there is."""
    return entry.reason()


def compile(program: Program, *, fresh: Sequence[bool]) -> NativeExecutable:
    """Compile a program.

    Parameters
    ----------
    program : Program
        After all passes.
    fresh : sequence of bool
        For each output, whether the caller must get a new array.

    Raises
    ------
    Unsupported
        Saying why there is no native code for this program.
    """
    kernel = write_kernel(program, fresh, width=machine().width)
    loaded = _loaded(kernel)
    fallback = Fallback(program, fresh)
    misses = [Miss(number, not guard.expected if guard.truth else None) for number, guard in enumerate(program.guards)]
    function = make_function(
        loaded.address("kernel"),
        program.name,
        (loaded, kernel.literals),
        fallback,
        program.inputs,
        kernel.outputs,
        kernel.results,
        misses=misses,
        arena=kernel.arena,
        releases=kernel.cost > _LONG,
    )
    return NativeExecutable(fallback, function, kernel.text, [])


def _loaded(kernel: Kernel) -> Loaded:
    """The machine code of a kernel, with the addresses of its literal arrays."""
    exported = ["kernel", "literals"] if kernel.literals else ["kernel"]
    loaded = load(kernel.text, addresses(), exported=exported, size=kernel.size)
    if kernel.literals:
        table = (ctypes.c_uint64 * len(kernel.literals)).from_address(loaded.address("literals"))
        table[:] = [array.ctypes.data for array in kernel.literals]
    return loaded
