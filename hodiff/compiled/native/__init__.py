"""The native back end: programs as machine code, by LLVM. It needs the extra ``hodiff[native]``.

May import ``numpy_source``, ``program``, and of this package ``blas``, ``branches``, ``checking``, ``composing``,
``contraction``, ``convolving``, ``entry``, ``errors``, ``executable``, ``halving``, ``kernel``, ``lapack``,
``lengths``, ``library``, ``linear``, ``loops``, ``machine``, ``modules``, ``ordering``, ``running``, ``scattering``,
``searching``, ``segments`` and ``threads``.

>>> reason() is None or isinstance(reason(), str)
True
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from hodiff.compiled.native.calling import entry
from hodiff.compiled.native.calling.entry import make_function, strict
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.executable import Fallback, NativeExecutable
from hodiff.compiled.native.functions import checking  # noqa: F401 - it defines tasks, as those below
from hodiff.compiled.native.functions.library import addresses
from hodiff.compiled.native.lengths import explained, with_lengths
from hodiff.compiled.native.linalg import linear  # noqa: F401
from hodiff.compiled.native.linalg.lapack import symbols
from hodiff.compiled.native.loading import threads
from hodiff.compiled.native.loading.machine import machine
from hodiff.compiled.native.loading.modules import Loaded, load
from hodiff.compiled.native.plans import (  # noqa: F401
    contraction,
    convolving,
    halving,
    ordering,
    running,
    scattering,
    searching,
)
from hodiff.compiled.native.plans.composing import composed
from hodiff.compiled.native.segments import divided, joined, why_not
from hodiff.compiled.native.writing import branches, loops  # noqa: F401
from hodiff.compiled.native.writing.kernel import Kernel, write_kernel
from hodiff.compiled.numpy_source import ELSEWHERE, Miss, emit
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
    whole, program = program, with_lengths(program, _by_itself)
    refused = why_not(program, fresh)
    notes = [f"{equation.primitive.name}: {explained(equation, reason)}" for equation, reason in refused.items()]
    if not refused:
        try:
            function, llvm = _function(program, fresh)
            return NativeExecutable(Fallback(program, fresh), function, llvm, [], strict(function, ELSEWHERE))
        except Unsupported as unsupported:
            notes = [str(unsupported)]
    parts = []
    for segment in divided(program, refused.get):
        try:
            parts.append((segment, *_function(segment.program(program.name), (True,) * len(segment.outputs))))
        except Unsupported as unsupported:
            notes.append(str(unsupported))
    if not parts and program is whole:
        raise Unsupported(notes[0] if notes else "it is too short for native code")
    segments, functions, texts = zip(*parts, strict=True) if parts else ((), (), ())
    source = emit(joined(program, segments, functions), fresh=fresh)
    return NativeExecutable(Fallback(whole, fresh, source), source.function, "\n".join(texts), notes)


def _by_itself(program: Program) -> Callable[..., Any]:
    """The function of a program all of whose results are new."""
    return compile(program, fresh=(True,) * len(program.outputs)).function


def _function(program: Program, fresh: Sequence[bool]) -> tuple[Callable[..., Any], str]:
    """The function of a program of which everything has a native form, and its text."""
    kernel = write_kernel(composed(program), fresh, width=machine().width)
    loaded = _loaded(kernel)
    misses = [Miss(number, not guard.expected if guard.truth else None) for number, guard in enumerate(program.guards)]
    function = make_function(
        loaded.address("kernel"),
        program.name,
        (loaded, kernel.literals),
        Fallback(program, fresh),
        program.inputs,
        kernel.outputs,
        kernel.results,
        misses=misses,
        arena=kernel.arena,
        releases=kernel.cost > _LONG or kernel.splits,
        heard=kernel.heard,
    )
    return function, kernel.text


def _loaded(kernel: Kernel) -> Loaded:
    """The machine code of a kernel, with the addresses of its literal arrays."""
    exported = ["kernel", "literals"] if kernel.literals else ["kernel"]
    known = {**addresses(), **symbols(), **(threads.addresses() if kernel.splits else {})}
    loaded = load(kernel.text, known, exported=exported, size=kernel.size)
    if kernel.literals:
        table = (ctypes.c_uint64 * len(kernel.literals)).from_address(loaded.address("literals"))
        table[:] = [array.ctypes.data for array in kernel.literals]
    return loaded
