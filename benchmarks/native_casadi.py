"""CasADi as a contender: derivatives as symbols, written as C, compiled by gcc, called from Python with NumPy's arrays.

It is called through ``FunctionBuffer``, which is its fastest way: no argument is copied. Each call makes new arrays for
the results, as all contenders do.
"""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import casadi
import numpy as np

Function = Callable[..., Any]

#: Seconds that gcc may take.
PATIENCE = 60
GCC = ("gcc", "-O3", "-march=native", "-shared", "-fPIC")


class Names:
    """NumPy's names for CasADi's symbols, as far as the functions that are timed use them."""

    exp, sin, cos, sqrt, tanh, log1p = (
        staticmethod(getattr(casadi, name)) for name in ("exp", "sin", "cos", "sqrt", "tanh", "log1p")
    )
    cross = staticmethod(casadi.cross)

    @staticmethod
    def sum(x: Any) -> Any:
        return casadi.sum1(x)


def select(condition: Any, then: Function, otherwise: Function, *operands: Any) -> tuple[Any, ...]:
    """Both branches, and the choice between their results."""
    pairs = zip(then(*operands), otherwise(*operands), strict=True)
    return tuple(casadi.if_else(condition, a, b) for a, b in pairs)


def value_and_gradient(f: Function, *sizes: int) -> Function:
    """Value, and gradient by the first argument; an argument of size 0 is a Python float."""
    x, *others = (casadi.SX.sym(f"x{i}", max(1, size)) for i, size in enumerate(sizes))
    value = f(x, *others)
    function = casadi.Function("f", [x, *others], [value, casadi.densify(casadi.gradient(value, x))])
    call = _compiled(function, [(), (sizes[0],) if sizes[0] else ()])
    if all(sizes):
        return call
    return lambda *numbers: call(*map(np.float64, numbers))


def jacobian(f: Function, size: int, rows: int) -> Function:
    """Jacobian of a function of one vector."""
    x = casadi.SX.sym("x", size)
    # CasADi goes through columns first.
    function = casadi.Function("f", [x], [casadi.densify(casadi.jacobian(f(x), x).T)])
    call = _compiled(function, [(rows, size)])
    return lambda x: call(x)[0]


def jacobian_blocks(f: Function, sizes: Sequence[int], rows: int, count: int) -> Function:
    """Jacobians by the first argument, for many arguments at once."""
    x, *others = (casadi.SX.sym(f"x{i}", size) for i, size in enumerate(sizes))
    block = casadi.densify(casadi.jacobian(f(x, *others), x).T)
    function = casadi.Function("block", [x, *others], [block]).map(count)
    call = _compiled(function, [(count, rows, sizes[0])])
    return lambda *arrays: call(*arrays)[0]


def _compiled(function: Any, shapes: Sequence[tuple[int, ...]]) -> Function:
    """The function as C, from C-contiguous arrays to new arrays of these shapes."""
    with tempfile.TemporaryDirectory() as directory:
        source, library = Path(directory, "f.c"), Path(directory, "f.so")
        generator = casadi.CodeGenerator(source.name)
        generator.add(function)
        generator.generate(f"{directory}/")
        subprocess.run([*GCC, str(source), "-o", str(library), "-lm"], check=True, timeout=PATIENCE)
        loaded = casadi.external(function.name(), str(library))
    buffer: Any
    buffer, evaluate = loaded.buffer()
    for i in range(loaded.n_out()):
        assert loaded.nnz_out(i) == prod(shapes[i]), "results must be dense"

    def call(*arguments: Any) -> list[Any]:
        results: list[Any] = [np.empty(shape) for shape in shapes]
        for i, argument in enumerate(arguments):
            buffer.set_arg(i, memoryview(argument))
        for i, result in enumerate(results):
            buffer.set_res(i, memoryview(result))
        evaluate()
        return results

    return call
