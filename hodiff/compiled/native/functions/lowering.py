"""How a ufunc is written, and the formulas that ufuncs of all real numbers share. May import ``ir`` and ``vecmath``.

>>> from hodiff.compiled.native.ir import DOUBLE
>>> body = Body()
>>> written(lambda x, y: x + y)(body, [Value("%x", DOUBLE), Value("%y", DOUBLE)])
Value(text='%v0', type=Type(scalar='double', lanes=1), level=0)
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hodiff.compiled.native.functions.vecmath import Lanes
from hodiff.compiled.native.ir import Body, Value

Write = Callable[[Body, Sequence[Any]], Any]
Formula = Callable[..., Lanes]

#: Formulas of ufuncs, and their costs.
Table = dict[np.ufunc, tuple[Formula, float]]


class Lowering(NamedTuple):
    """How a ufunc is computed.

    Attributes
    ----------
    write : callable
        ``(body, operands)``: the answer for operands of one lane count, whose types are those of the dtypes. A complex
        number is a pair of values.
    exact : bool
        Whether the answer has the bits of NumPy's.
    cost : float
        Cycles for 8 doubles on a machine with AVX2, roughly.
    """

    write: Write
    exact: bool
    cost: float


def written(formula: Formula) -> Write:
    """Write what a formula says."""

    def write(body: Body, operands: Sequence[Value]) -> Value:
        return formula(*[Lanes(body, operand) for operand in operands]).value

    return write


def intrinsic(name: str) -> Formula:
    """An intrinsic function of LLVM."""
    return lambda x, *others: x.function(name, *others)


def comparison(predicate: str) -> Formula:
    """A comparison, as LLVM names it."""
    return lambda x, y: x.compared(predicate, y)


def is_true(x: Lanes) -> Lanes:
    """Bits: where numbers are not zero."""
    return x if x.value.type.scalar == "i1" else x.compared("une" if x.value.type.is_float else "ne", 0)


def _truth(operation: Callable[[Lanes, Lanes], Lanes]) -> Formula:
    return lambda x, y: operation(is_true(x), is_true(y))


#: Formulas of bools, integers and floating-point numbers.
COMMON: Table = {
    np.logical_and: (_truth(lambda x, y: x & y), 1),
    np.logical_or: (_truth(lambda x, y: x | y), 1),
    np.logical_xor: (_truth(lambda x, y: x ^ y), 1),
    np.logical_not: (lambda x: ~is_true(x), 1),
}
