"""Folding: what depends on literals alone is computed now, and literals take their simplest form.

A literal array with the same value everywhere becomes one without memory, and beside an array of its own shape and
precision a plain number. Arrays that a function captures are inputs, and so never folded. Nothing is folded that warns
or raises. May import ``core``, ``program`` and ``rewriting``.

>>> from hodiff.ops.elementwise import multiply
>>> x = Var((2,), np.dtype(float))
>>> y, z = x.twin(), x.twin()
>>> twice = Equation(multiply, (Literal(2.0), Literal(np.ones(2))), {}, (y,))
>>> print(run(Program((x,), (twice, Equation(multiply, (y, x), {}, (z,))), (z,))))
program f(a: float64[2]) -> float64[2]
  b: float64[2] = multiply(2.0, a)
  return b
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.compiled.passes.rewriting import Rule, Sweep, fits, is_quiet, number_of, rewrite, with_equation
from hodiff.core import Primitive
from hodiff.program import LINEAR, Equation, Literal, Program, Var

#: No larger array is made, unless an operand has its size.
_LARGEST = 1024


def run(program: Program) -> Program:
    """The program without operations on literals alone; the same object where there are none."""
    return rewrite(program, rules)


def rules(primitive: Primitive, telling: bool) -> Sequence[Rule]:
    """The one rule, first of all, for all primitives that cannot raise an exception."""
    if not telling or primitive.hazard == "exception" or callable(primitive.jvps):
        return ()
    return (_ufunc_of_literals,) if is_elementwise_ufunc(primitive) else (_folded,)


def is_elementwise_ufunc(primitive: Primitive) -> bool:
    """Whether the function is a ufunc with one answer that broadcasts and promotes as NumPy's arithmetic does."""
    function = primitive.function
    return isinstance(function, np.ufunc) and function.signature is None and function.nout == 1


def _ufunc_of_literals(sweep: Sweep, equation: Equation) -> Literal | Equation | None:
    for atom in equation.operands:
        if atom.__class__ is Literal:
            return _folded(sweep, equation) or _simpler(sweep, equation)
    return None


def _folded(sweep: Sweep, equation: Equation) -> Literal | None:
    del sweep
    if equation.several or not equation.operands:
        return None
    for atom in equation.operands:
        if atom.__class__ is not Literal:
            return None
    answer = equation.answers[0]
    values: list[Any] = [atom.value for atom in equation.operands]  # type: ignore[union-attr]
    uniform = is_elementwise_ufunc(equation.primitive) and all(
        number_of(atom) is not None for atom in equation.operands
    )
    if uniform:
        # One element is enough.
        values = [v[(slice(1),) * v.ndim] if isinstance(v, np.ndarray) else v for v in values]
    elif answer.size > _LARGEST and answer.size > max(np.size(v) for v in values) and answer.size:
        return None
    try:
        with np.errstate(all="ignore" if is_quiet(equation) else "raise"):
            value = equation.primitive.function(*values, **equation.parameters)
    except FloatingPointError:
        return None
    if uniform and np.shape(value) != answer.shape:
        value = np.broadcast_to(value, answer.shape)
    tangent = equation.errstate is LINEAR and any(atom.tangent for atom in equation.operands)  # type: ignore[union-attr]
    literal = Literal(_unchanging(value), tangent=tangent)
    return literal if fits(literal, answer) else None


def _simpler(sweep: Sweep, equation: Equation) -> Equation | None:
    """Literals among the operands of an elementwise operation in their simplest form."""
    del sweep
    operands = equation.operands
    for slot, atom in enumerate(operands):
        if isinstance(atom, Literal) and isinstance(atom.value, (np.ndarray, np.generic)):
            value = _simplest(atom.value, operands, equation.answers[0])
            if value is not atom.value:
                changed = (*operands[:slot], Literal(value), *operands[slot + 1 :])
                return with_equation(equation, equation.primitive, changed, **equation.parameters)
    return None


def _simplest(value: Any, operands: Sequence[Any], answer: Var) -> Any:
    if value.ndim and any(value.strides) and _is_uniform(value):
        value = np.broadcast_to(value[(0,) * value.ndim], value.shape)
    if len(operands) != 2 or value.dtype.kind != "f":
        return value
    for other in operands:
        same = isinstance(other, Var) and other.form != "number" and other.dtype == value.dtype
        if same and other.shape == answer.shape:
            number = number_of(Literal(value))
            return value if number is None else number
    return value


def _is_uniform(value: Any) -> bool:
    if value.size < 2:
        return False
    first = value[(0,) * value.ndim]
    if value[(-1,) * value.ndim] != first or not (value == first).all():
        return False
    return bool(first != 0 or (value.dtype.kind == "f" and np.signbit(value).all() == np.signbit(value).any()))


def _unchanging(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.ndim and any(value.strides) and _is_uniform(value):
            value = np.broadcast_to(value[(0,) * value.ndim].copy(), value.shape)
        value.flags.writeable = False
    return value
