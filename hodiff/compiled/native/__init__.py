"""The native back end: programs as machine code, by LLVM. It needs the extra ``hodiff[native]``.

May import ``program`` and the modules of this package: ``errors`` and ``executable`` of them.

>>> reason()
'the native back end is not complete'
"""

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.executable import NativeExecutable
from hodiff.program import Program

__all__ = ["NativeExecutable", "Unsupported", "compile", "reason"]


def reason() -> str | None:
    """Why there is no native code here, in one line; None where there is."""
    return "the native back end is not complete"


def compile(program: Program, *, fresh: tuple[bool, ...]) -> NativeExecutable:
    """Compile a program.

    Parameters
    ----------
    program : Program
        After all passes.
    fresh : tuple of bool
        For each output, whether the caller must get a new array.

    Raises
    ------
    Unsupported
        Saying why there is no native code for this program.
    """
    raise Unsupported(f"{program.name} with {len(fresh)} outputs: {reason()}")
