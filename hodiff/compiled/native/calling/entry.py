"""The fast-call entry: a kernel as a function that Python calls directly, with the NumPy code behind it.

The function is a builtin one. It checks its arguments, allocates the results, runs the kernel, and returns the tuple of
results, or a `Miss`. Whatever it does not know, the NumPy code of the same program answers: other arguments, a kernel
that gives up, floating-point errors that the caller hears of. Where that happens call after call, the native code rests
for a while, so that in the long run a program is not slower than its NumPy code. May import ``entry_code``,
``entry_layout``, ``errors``, ``handling``, ``machine``, ``modules`` and ``python_api``.

>>> import ctypes
>>> def square(slots):
...     x, y = (ctypes.c_double.from_address(slots[i]) for i in range(2))
...     y.value = x.value**2
...     return 0
>>> kernel = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_size_t))(square)
>>> number = Slot((), np.dtype(float), "number")
>>> if reason() is None:
...     address = ctypes.cast(kernel, ctypes.c_void_p).value
...     function = make_function(address, "square", kernel, None, [number], [number], [Result("slot", 0)])
...     assert function(3.0) == (9.0,)
"""

import ctypes
from collections.abc import Callable, Sequence
from contextvars import Context
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.native.calling import python_api
from hodiff.compiled.native.calling.entry_code import entry_text
from hodiff.compiled.native.calling.entry_layout import (
    ARRAY,
    BOOL,
    COMPLEX,
    CONSTANT,
    ERRORS,
    FIRST_PAUSE,
    FLOAT,
    INPUT,
    INT,
    OUTPUT,
    PLAN,
    SCALAR,
    UNDER,
)
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.loading import machine
from hodiff.compiled.native.loading.modules import Loaded, load
from hodiff.handling import HANDLING, IGNORE

#: Python's numbers, by the kind of their dtype.
_NUMBERS: dict[str, tuple[type, int, str]] = {
    "f": (float, FLOAT, "float64"),
    "c": (complex, COMPLEX, "complex128"),
    "i": (int, INT, "int64"),
    "b": (bool, BOOL, "bool"),
}
_RESULTS = {"slot": OUTPUT, "input": INPUT, "constant": CONSTANT}
#: Bytes of the largest block that a function keeps between calls, and what a block is aligned to.
_KEPT, _ALIGNMENT = 1 << 26, 64
#: How floating-point errors are handled where nobody has said so.
_DEFAULT = None if HANDLING is None else Context().run(HANDLING.get)


class Slot(NamedTuple):
    """An input or output of a kernel; of a `Var`, all that matters here.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    form : str
        "array", "scalar" of NumPy or "number" of Python.
    """

    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    form: str


class Result(NamedTuple):
    """What a result of the function is.

    Attributes
    ----------
    kind : str
        "slot", "input" or "constant".
    value : object
        The number of the output, the number of the input, or the object.
    copy : bool
        Whether it is to be a copy of that, of an array.
    """

    kind: str
    value: Any
    copy: bool = False


class Fallbacks(NamedTuple):
    """How often NumPy code answered in the place of native code.

    Attributes
    ----------
    mismatches : int
        The arguments were of other types.
    bails : int
        The kernel gave up.
    alarms : int
        A floating-point error that is not ignored was raised.
    resting : int
        Calls that it will answer without asking, as native code gave up many times in a row.
    """

    mismatches: int
    bails: int
    alarms: int
    resting: int


def make_function(
    kernel: int,
    name: str,
    owner: Any,
    slow: Callable[..., Any] | None,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    results: Sequence[Result],
    *,
    misses: Sequence[Any] = (),
    arena: int = 0,
    releases: bool = False,
    heard: bool = True,
) -> Callable[..., Any]:
    """Make a builtin function of a kernel.

    Parameters
    ----------
    kernel : int
        Address of ``i32 kernel(ptr slots)``. A slot is a pointer: to the data of each input, of each output, and to the
        arena. The data of an array is aligned as its dtype is, and no better. It returns 0; or 1 to leave the call to
        ``slow``; or 2 + i where guard ``i`` does not hold; or a negative number with a Python exception.
    name : str
    owner : object
        What keeps the machine code.
    slow : callable
        The same function as NumPy code.
    inputs, outputs : sequence of Slot or Var
        Types of the slots.
    results : sequence of Result
    misses : sequence of Miss
        For each guard, what to return where it does not hold.
    arena : int
        Bytes of memory that the kernel wants for itself, aligned to 64.
    releases : bool
        Whether to release the interpreter lock meanwhile.
    heard : bool
        Whether anybody hears of floating-point errors that the kernel raises.

    Raises
    ------
    Unsupported
        Where an input or output is of a type that has no slot, or native code is out of reach here.
    """
    if (why := reason()) is not None:
        raise Unsupported(why)
    plan = _Plan()
    plan.set(kernel=kernel, slow=plan.keep(slow), stands=plan.keep(stands), true=id(True), pause=FIRST_PAUSE)
    plan.set(releases=int(releases), heard=int(heard), misses=len(misses))
    plan.set(inputs=len(inputs), outputs=len(outputs), results=len(results))
    plan.records("input_records", inputs)
    plan.records("output_records", outputs)
    plan.append("result_records", [word for result in results for word in plan.result(result)])
    plan.append("miss_objects", [plan.keep(miss) for miss in misses])
    plan.block(len(inputs) + len(outputs), arena)
    return _builtin(name, (plan.finished(), owner, *plan.objects))


def strict(function: Callable[..., Any], elsewhere: Any) -> Callable[..., Any]:
    """A function of `make_function`, as one that returns ``elsewhere`` for arguments that it is not made for.

    These are values of other types, and arrays that do not lie in memory in C's order. So its caller need not look at
    them.
    """
    plan, *objects = function.__self__  # type: ignore[attr-defined]
    plan[PLAN.index("elsewhere")] = id(elsewhere)
    return _builtin(function.__name__, (plan, *objects, elsewhere), "strict")


def reason() -> str | None:
    """Why there can be no such functions here, in one line; None where there can."""
    return machine.reason() or python_api.reason()


def fallbacks(function: Callable[..., Any]) -> Fallbacks:
    """How often NumPy code answered for a function that `make_function` made."""
    plan = function.__self__[0]  # type: ignore[attr-defined]
    return Fallbacks(*(int(plan[PLAN.index(name)]) for name in Fallbacks._fields))


def stands(errors: int) -> bool:
    """Whether all of these floating-point errors are ignored, so that what native code computed stands."""
    if HANDLING is not None:
        handling = HANDLING.get()
        if handling is IGNORE or (handling is _DEFAULT and errors == UNDER):
            return True
    modes = np.geterr()
    return all(modes[name] == "ignore" for name, bit in ERRORS if errors & bit)


class _Plan:
    """A plan as it is written."""

    def __init__(self) -> None:
        self.words = [0] * len(PLAN)
        #: Words that point to another word; they hold its number until the plan is finished.
        self.pointers: list[int] = []
        #: What must live as long as the function.
        self.objects: list[Any] = []

    def set(self, **values: int) -> None:
        """Set words by name."""
        for name, value in values.items():
            self.words[PLAN.index(name)] = value

    def keep(self, value: Any) -> int:
        """Keep an object alive; its address."""
        self.objects.append(value)
        return id(value)

    def append(self, name: str, words: Sequence[int]) -> None:
        """Append words, and let a word by name point to them."""
        place = PLAN.index(name)
        self.pointers.append(place)
        self.words[place] = len(self.words)
        self.words += words

    def records(self, name: str, slots: Sequence[Any]) -> None:
        """Append a record for each slot."""
        shapes = []
        for slot in slots:
            shapes.append(len(self.words))
            self.words += slot.shape
        self.append(name, [])
        for slot, place in zip(slots, shapes, strict=True):
            kind, cls = _kind(slot)
            # The dtype that arrays of such elements have but for odd cases, and not another one that equals it.
            descr = self.keep(np.dtype(slot.dtype.type))
            self.pointers.append(len(self.words) + 4)
            self.words += [kind, self.keep(cls), descr, len(slot.shape), place]

    def result(self, result: Result) -> tuple[int, int, int]:
        """The record of a result."""
        value = self.keep(result.value) if result.kind == "constant" else result.value
        return _RESULTS[result.kind], value, int(result.copy)

    def block(self, slots: int, arena: int) -> None:
        """Lay out the memory that a call writes to."""
        made = 8 * (slots + 1)
        cells = _rounded(made + 8 * slots, 16)
        start = _rounded(cells + 16 * slots, _ALIGNMENT)
        size = start + arena + _ALIGNMENT
        self.set(size=size, made=made, cells=cells, arena=start, busy=1)
        if size <= _KEPT:
            block = np.empty(size, np.uint8)
            self.keep(block)
            self.set(block=_rounded(block.ctypes.data, _ALIGNMENT), busy=0)

    def finished(self) -> "np.ndarray[Any, Any]":
        """The plan in memory."""
        plan = np.array(self.words, np.int64)
        plan[self.pointers] = plan[self.pointers] * 8 + plan.ctypes.data
        return plan


def _rounded(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


def _kind(slot: Any) -> tuple[int, type]:
    """How values of a slot are read and made, and their type."""
    dtype = slot.dtype
    if dtype.kind not in "biufc" or not dtype.isnative:
        raise Unsupported(f"there is no native code for dtype {dtype}")
    if slot.form == "array":
        return ARRAY, np.ndarray
    if slot.form == "scalar":
        return SCALAR, dtype.type
    cls, kind, name = _NUMBERS.get(dtype.kind, (object, SCALAR, ""))
    if dtype != name:
        raise Unsupported(f"there is no native code for numbers of dtype {dtype}")
    return kind, cls


class _Method(ctypes.Structure):
    """``PyMethodDef``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("text", ctypes.c_char_p),
    )


_FASTCALL = 0x0080


def _builtin(name: str, context: tuple[Any, ...], symbol: str = "entry") -> Callable[..., Any]:
    """A builtin function; its context, which it looks at when it is called, and its code live as long as it does."""
    entry = _entry()
    method = _Method(name.encode(), entry.address(symbol), _FASTCALL, None)
    create = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.POINTER(_Method), ctypes.py_object, ctypes.c_void_p)
    function: Callable[..., Any] = create(("PyCFunction_NewEx", ctypes.pythonapi))(
        ctypes.byref(method), (*context, entry, method), None
    )
    return function


@lru_cache(maxsize=1)
def _entry() -> Loaded:
    """The entry of all functions. Threads that ask for it at once may get one each, which live with what they make."""
    family = "x86" if machine.machine().x86 else "arm"
    # Compiled quickly, it takes some nanoseconds more a call, and saves the first one 20 ms.
    return load(entry_text(family), python_api.symbols(), exported=["entry", "strict"], size=0, level=0)
