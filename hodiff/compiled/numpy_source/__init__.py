"""The NumPy back end: a program as a Python function in straight-line NumPy code.

The function takes the values of the inputs and returns a tuple with those of the outputs, or a `Miss` where a guard
does not hold. Answers of ufuncs go into buffers that are used again and again, so a call makes no arrays but its
results. It has the buffers to itself: it takes them from a pool and puts them back, so threads cannot meet.
May import ``program``, ``text`` and ``writer``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> _, program = stage(lambda x: [np.exp(2.0 * x)], [np.ones(3)], name="f")
>>> executable = emit(program)
>>> executable(np.zeros(3))
(array([1., 1., 1.]),)
>>> print(executable.source)  # doctest: +ELLIPSIS
# k0 = float64 2.0
# b0 = float64[3]
def f(a):
    try:
        buffers = pool.pop()
    except IndexError:
        buffers = make_buffers()
    (b0,) = buffers
    multiply(k0, a, b0)  # ...
    b = exp(b0)  # ...
    pool.append(buffers)
    return (b,)
<BLANKLINE>
"""

import linecache
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from types import CodeType
from typing import Any
from weakref import finalize

from hodiff.compiled.numpy_source.writer import GIVE_BACK, Writer
from hodiff.program import Atom, Literal, Program

_numbers = count(1)


class Miss:
    """What a compiled function returns where a guard does not hold.

    Attributes
    ----------
    index : int
        Number of the guard among those of the program.
    outcome : object
        What came instead of the assumed outcome.
    """

    __slots__ = ("index", "outcome")

    def __init__(self, index: int, outcome: Any) -> None:
        self.index = index
        self.outcome = outcome

    def __repr__(self) -> str:
        return f"Miss({self.index}, {self.outcome!r})"


#: What compiled code that looks at its arguments returns for those of other types.
ELSEWHERE = Miss(-1, None)


class Executable:
    """A program that can be run.

    Attributes
    ----------
    program : Program
    function : callable
        ``function(*inputs)`` returns the tuple of outputs, or a `Miss`.
    source : str
    """

    __slots__ = ("function", "program", "source")

    def __init__(self, program: Program, function: Callable[..., Any], source: str) -> None:
        self.program = program
        self.function = function
        self.source = source

    def __call__(self, *inputs: Any) -> Any:
        """Values of the outputs, or a `Miss`."""
        return self.function(*inputs)

    def __repr__(self) -> str:
        return f"<Executable {self.function.__code__.co_filename}>"


def emit(program: Program, *, fresh: Sequence[bool] | None = None) -> Executable:
    """Compile a program.

    Parameters
    ----------
    program : Program
    fresh : sequence of bool, optional
        For each output, whether it must be an array of its own even where the program returns an input or a view of
        one, as passes may have made it do. Without it, those are returned as they are.
    """
    writer = Writer()
    inputs = [writer.define(var) for var in program.inputs]
    writer.steps(program)
    results = _results(writer, program, fresh or (False,) * len(program.outputs))
    name = writer.global_name(program.name)
    source = _source(writer, name, inputs, results)
    filename = f"<hodiff program {program.name} #{next(_numbers)}>"
    namespace = {**writer.namespace, "__name__": __name__, "Miss": Miss}
    if writer.buffers:
        namespace |= {"pool": [writer.buffers.arrays], "make_buffers": writer.buffers.maker()}
    exec(_named(_compiled(source), filename), namespace)
    function = namespace[name]
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    finalize(function, linecache.cache.pop, filename, None)
    return Executable(program, function, source)


@lru_cache(maxsize=64)
def _compiled(source: str) -> CodeType:
    """The code of a source. Functions that are compiled anew, as by each run of a minimiser, had theirs before."""
    return compile(source, "<hodiff program>", "exec")


def _named(code: CodeType, filename: str) -> CodeType:
    """The same code, by another name."""
    parts = [_named(part, filename) if isinstance(part, CodeType) else part for part in code.co_consts]
    return code.replace(co_filename=filename, co_consts=tuple(parts))


def _source(writer: Writer, name: str, inputs: list[str], results: list[str]) -> str:
    lines = [f"# {note}" for note in (*writer.notes, *writer.buffers.notes())]
    lines.append(f"def {name}({', '.join(inputs)}):")
    if writer.buffers:
        lines += (
            "    try:",
            "        buffers = pool.pop()",
            "    except IndexError:",
            "        buffers = make_buffers()",
            f"    {writer.buffers.names} = buffers",
        )
    lines += [f"    {line}" for line in writer.lines]
    lines += (f"    {GIVE_BACK}", f"    return ({', '.join(results)}{',' if len(results) == 1 else ''})", "")
    if not writer.buffers:
        lines = [line for line in lines if GIVE_BACK not in line]
    return "\n".join(lines).replace(GIVE_BACK, "pool.append(buffers)")


# --- results ----------------------------------------------------------------------------------------------------------


def _results(writer: Writer, program: Program, fresh: Sequence[bool]) -> list[str]:
    """Expressions for the outputs, each of which belongs to the caller."""
    given: set[Atom] = {var for var in program.inputs if var.form == "array"}
    returned: set[Atom] = set()
    texts = []
    for atom, new in zip(program.outputs, fresh, strict=True):
        text = writer.operand(atom)
        if atom.form == "array":
            roots = writer.lifetimes.roots_of(atom)
            if returned & roots - given or any(isinstance(root, Literal) for root in roots):
                text = f"{text}.copy()"
            elif atom in given or atom in writer.lifetimes.views:
                text = _owned(writer, text, roots, given, new)
            returned |= roots
        texts.append(text)
    return texts


def _owned(writer: Writer, text: str, roots: frozenset[Atom], given: set[Atom], new: bool) -> str:
    """An output that may show the memory of others; views of arguments are returned as the plain function does it."""
    if new and roots <= given:
        return f"{text}.copy()"
    if new and roots & given:
        arguments = ", ".join(writer.operand(var) for var in roots & given)
        return f"{writer.bind(_alone, 'alone')}({text}, {arguments})"
    if roots & given:
        return text
    return f"{writer.bind(_writable, 'writable')}({text})"


def _alone(value: Any, *arguments: Any) -> Any:
    """An array, or a copy where it is an argument or may be a view of one."""
    return value.copy() if value.base is not None or any(value is a for a in arguments) else value


def _writable(value: Any) -> Any:
    """An array, or a copy of one that cannot be written to, such as that of ``np.broadcast_to``."""
    return value.copy() if 0 in value.strides or not value.flags.writeable else value
