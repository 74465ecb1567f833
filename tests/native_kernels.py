"""Functions compiled at several widths and applied to arrays, with the floating-point errors that they raise."""

import ctypes
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import numpy as np

from hodiff.compiled.native.functions.library import addresses
from hodiff.compiled.native.functions.ufuncs import ir_type
from hodiff.compiled.native.ir import BIT, I8, I64, POINTER, Body, Type, Value
from hodiff.compiled.native.loading.modules import load

WIDTHS = (1, 2, 4, 8, 16, 32)
#: Bits of ``fetestexcept`` on x86, by NumPy's names.
FLAGS = {"invalid": 1, "divide": 4, "over": 8, "under": 16}


class Case(NamedTuple):
    """A function to compile.

    Attributes
    ----------
    write : callable
        ``(body, operands)``: the value, or the values, of the answer.
    inputs, outputs : tuple of dtype
    """

    write: Callable[[Body, Sequence[Value]], Value | tuple[Value, ...]]
    inputs: tuple[np.dtype, ...]
    outputs: tuple[np.dtype, ...]


class Kernel:
    """A compiled function of arrays of one axis."""

    def __init__(self, owner: object, address: int, case: Case, lanes: int) -> None:
        self.owner = owner
        self.case = case
        self.lanes = lanes
        pointers = [ctypes.c_void_p] * (len(case.inputs) + len(case.outputs))
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *pointers)(address)

    def __call__(self, *arrays: np.ndarray) -> np.ndarray | list[np.ndarray]:
        length = len(arrays[0])
        blocks = -(-length // self.lanes)
        padded = blocks * self.lanes
        inputs = [
            np.ascontiguousarray(np.resize(a, padded) if length else a, dtype)
            for a, dtype in zip(arrays, self.case.inputs, strict=True)
        ]
        outputs = [np.empty(padded, dtype) for dtype in self.case.outputs]
        self.function(blocks, *[array.ctypes.data for array in (*inputs, *outputs)])
        answers = [output[:length] for output in outputs]
        return answers[0] if len(answers) == 1 else answers


def compiled(cases: dict[str, Case], widths: Sequence[int] = WIDTHS) -> dict[str, dict[int, Kernel]]:
    """Kernels by name and width, all in one module."""
    names = {key: f"k{i}" for i, key in enumerate(cases)}
    functions: list[str] = []
    declarations: dict[str, str] = {}
    for key, case in cases.items():
        for lanes in widths:
            body = Body()
            _write(body, case, lanes)
            declarations.update(body.declarations)
            parameters = ", ".join(f"ptr noalias %p{i}" for i in range(len(case.inputs) + len(case.outputs)))
            head = f"define void @{names[key]}.{lanes}(i64 %n, {parameters}) {{"
            functions += [head, "entry:", *body.lines(), "ret void", "}"]
    text = "\n".join([*declarations.values(), *functions, ""])
    exported = [f"{name}.{lanes}" for name in names.values() for lanes in widths]
    module = load(text, addresses(), exported=exported, size=0)
    return {
        key: {lanes: Kernel(module, module.address(f"{names[key]}.{lanes}"), case, lanes) for lanes in widths}
        for key, case in cases.items()
    }


def _write(body: Body, case: Case, lanes: int) -> None:
    with body.loop(Value("%n", I64)) as i:
        first = body.operation("mul", i, body.constant(I64, lanes))
        places = count()
        operands = [_load(body, next(places), first, ir_type(dtype).of(lanes)) for dtype in case.inputs]
        answers = case.write(body, operands)
        for answer in answers if isinstance(answers[0], Value) else (answers,):
            _store(body, next(places), first, answer)


def _place(body: Body, number: int, first: Value, kind: Type) -> Value:
    kind = I8 if kind.scalar == "i1" else kind
    return body.pure(f"getelementptr {kind.scalar}, ptr %p{number}, i64 {first.text}", POINTER, first)


def _load(body: Body, number: int, first: Value, kind: Type) -> Value:
    place = _place(body, number, first, kind)
    if kind.scalar == "i1":
        return body.convert("trunc", body.fresh(f"load {I8.of(kind.lanes)}, {place}, align 1", I8.of(kind.lanes)), BIT)
    return body.fresh(f"load {kind}, {place}, align 1", kind)


def _store(body: Body, number: int, first: Value, value: Value) -> None:
    place = _place(body, number, first, value.type)
    value = body.convert("zext", value, I8) if value.type.scalar == "i1" else value
    body.effect(f"store {value}, {place}, align 1")


@contextmanager
def raised():
    """The floating-point errors that code raises within, by NumPy's names, in a set that is filled at the end."""
    found: set[str] = set()
    if sys.platform != "linux":
        yield found
        return
    library = ctypes.CDLL("libm.so.6")
    library.feclearexcept(0x3D)
    yield found
    bits = library.fetestexcept(0x3D)
    found.update(name for name, bit in FLAGS.items() if bits & bit)


def ulps(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Distances in units in the last place; infinite where one is not finite and the other is something else."""
    found = np.asarray(found)
    wide = np.asarray(expected)
    with np.errstate(all="ignore"):
        rounded = wide.astype(found.dtype)
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    finite = np.isfinite(found) & np.isfinite(rounded)
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(np.where(finite, rounded, 1)))
        distance = np.abs(found.astype(wide.dtype) - wide) / unit.astype(wide.dtype)
    return np.where(finite, distance, np.where(same, 0.0, np.inf)).astype(float)
