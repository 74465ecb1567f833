"""Algebra: what is known of sums, products, quotients, signs and powers of real numbers.

Three licences. Exact rules (``x * 1``, ``x - 0``, ``--x``, ``(-x) * y``) hold always; ``x + 0`` is not one of them: it
turns -0.0 into 0.0, nor is ``x * 0``. Rules that regroup change the last bits, or the sign of a zero; rules that put
another operation in the place of one (``x + x`` to ``2 * x``) change the name in a warning. Both are for equations that
are quiet, as the derivative rules are. May import ``core``, ``program``, ``rewriting``, ``scaling`` and of the
operations ``elementwise`` and ``selection``.

>>> x = Var((2,), np.dtype(float))
>>> y, z = x.twin(), x.twin()
>>> steps = Equation(negative, (x,), {}, (y,)), Equation(negative, (y,), {}, (z,))
>>> print(run(Program((x,), steps, (z,))))
program f(a: float64[2]) -> float64[2]
  b: float64[2] = negative(a)
  return a
"""

from collections.abc import Sequence
from math import copysign, frexp
from typing import Any

import numpy as np

from hodiff.compiled.passes.rewriting import Rule, Sweep, fits, is_quiet, number_of, rewrite, with_equation
from hodiff.compiled.passes.scaling import SCALING, is_real, moderate, scaled, times
from hodiff.core import Primitive
from hodiff.ops.elementwise import (
    add,
    conjugate,
    divide,
    multiply,
    negative,
    positive,
    power,
    real,
    reciprocal,
    square,
    subtract,
)
from hodiff.ops.selection import select
from hodiff.program import Atom, Equation, Literal, Program, Var

Found = Atom | Equation | None
_SIGNED = frozenset((negative, subtract, multiply, add))
_INVERSES = frozenset((divide, reciprocal))
#: What is taken apart where it stands behind an operand.
APART = SCALING | _INVERSES


def run(program: Program) -> Program:
    """The program in simpler terms; the same object where there are none."""
    return rewrite(program, rules)


def rules(primitive: Primitive, telling: bool) -> Sequence[Rule]:
    """The rules of one of the operations of arithmetic."""
    return _RULES.get(primitive, ()) if telling else _ANYWHERE.get(primitive, ())


# --- identities, which are exact --------------------------------------------------------------------------------------


def _times_one(sweep: Sweep, equation: Equation) -> Found:
    del sweep
    x, y = equation.operands
    if x.__class__ is Var and y.__class__ is Var:
        return None
    answer = equation.answers[0]
    if answer.dtype.kind == "c":
        return None  # 1 * (inf + 0j) is inf + nan j
    for number, other in ((x, y), (y, x)):
        value = number_of(number)
        if value == 1 and fits(other, answer):
            return other
        if value == -1 and answer.dtype.kind == "f" and fits(other, answer):
            return with_equation(equation, negative, (other,))
    return None


def _plus_zero(sweep: Sweep, equation: Equation) -> Found:
    """x + 0 is x only for the negative zero, and for integers."""
    del sweep
    x, y = equation.operands
    if x.__class__ is Var and y.__class__ is Var:
        return None
    answer = equation.answers[0]
    for number, other in ((x, y), (y, x)):
        value = number_of(number)
        if value == 0 and fits(other, answer) and (answer.dtype.kind in "iu" or _is_negative_zero(value)):
            return other
    return None


def _minus_zero(sweep: Sweep, equation: Equation) -> Found:
    del sweep
    x, y = equation.operands
    value = number_of(y)
    return x if value == 0 and not _is_negative_zero(value) and fits(x, equation.answers[0]) else None


def _is_negative_zero(value: Any) -> bool:
    return value.__class__ is float and value == 0 and copysign(1.0, value) < 0


def _over_one(sweep: Sweep, equation: Equation) -> Found:
    """x/1; a power of two is multiplied with, which is exact and faster."""
    del sweep
    x, y = equation.operands
    value = number_of(y)
    if value is None or not is_real(equation.answers[0]) or not fits(x, equation.answers[0]):
        return None
    if value == 1:
        return x
    if is_quiet(equation) and moderate(value) and abs(frexp(float(value.real))[0]) == 0.5:
        return with_equation(equation, multiply, (Literal(1.0 / value), x))
    return None


def _same(sweep: Sweep, equation: Equation) -> Found:
    del sweep
    x = equation.operands[0]
    return x if fits(x, equation.answers[0]) else None


def _of_real(sweep: Sweep, equation: Equation) -> Found:
    """The real part, or the conjugate, of what is real."""
    return None if equation.operands[0].dtype.kind == "c" else _same(sweep, equation)


def _either(sweep: Sweep, equation: Equation) -> Found:
    """A choice between twice the same."""
    del sweep
    _, x, y = equation.operands
    answer = equation.answers[0]
    if x is y and fits(x, answer):
        return x
    value = number_of(x)
    if value is None or value != number_of(y) or str(value) != str(number_of(y)):
        return None
    return Literal(np.broadcast_to(np.asarray(value, answer.dtype), answer.shape)) if answer.shape else None


# --- signs and factors ------------------------------------------------------------------------------------------------


def _negated(sweep: Sweep, equation: Equation) -> Found:
    """--x, -(c x) and -(x - y)."""
    (x,) = equation.operands
    found = sweep.behind(x, equation, _SIGNED)
    if found is None:
        return None
    if found.primitive is negative:
        return found.operands[0] if fits(found.operands[0], equation.answers[0]) else None
    if not sweep.once(x) or not is_real(x):
        return None
    if found.primitive is subtract:
        return with_equation(equation, subtract, found.operands[::-1])
    factor, base = scaled(sweep, x, equation)
    return None if factor == 1 else times(equation, -factor, base)


def _product(sweep: Sweep, equation: Equation) -> Found:
    """Signs and factors of a product come to stand in front of it."""
    x, y = equation.operands
    answer = equation.answers[0]
    if not is_real(answer):
        return None
    for number, other in ((x, y), (y, x)):
        value = number_of(number)
        if value is not None and isinstance(value, (int, float)):
            factor, base = scaled(sweep, other, equation)
            if fits(base, answer) and (factor == -1 or (factor != 1 and moderate(value * factor))):
                return times(equation, value * factor, base)
            return None
    return _collected(sweep, equation, multiply)


def _quotient(sweep: Sweep, equation: Equation) -> Found:
    if not is_real(equation.answers[0]):
        return None
    x, y = equation.operands
    factor, base = scaled(sweep, y, equation)
    value = number_of(x)
    if factor == -1 and isinstance(value, (int, float)) and fits(base, equation.answers[0]):
        return with_equation(equation, divide, (Literal(-value), base))
    return _collected(sweep, equation, divide)


def _collected(sweep: Sweep, equation: Equation, primitive: Primitive) -> Found:
    """(s x) * (t y) as (s t) * (x * y), where that takes no more operations."""
    x, y = equation.operands
    answer = equation.answers[0]
    s, left = scaled(sweep, x, equation) if sweep.once(x) else (1.0, x)
    t, right = scaled(sweep, y, equation) if sweep.once(y) else (1.0, y)
    if primitive is divide and t != -1:
        t, right = 1.0, y
    if (s == 1 and t == 1) or x.dtype != answer.dtype or y.dtype != answer.dtype:
        return None
    # One factor may leave a small operand for a large answer only together with another.
    if not moderate(s * t) or not (s * t == 1 or (s != 1 and t != 1)):
        size = answer.size
        if (s != 1 and _size(x) < size) or (t != 1 and _size(y) < size):
            return None
    if s * t == 1:
        return with_equation(equation, primitive, (left, right))
    return times(equation, s * t, sweep.new(equation, primitive, (left, right), answer.twin()))


def _size(atom: Atom) -> int:
    return atom.size if isinstance(atom, Var) else int(np.size(atom.value))


def _sum(sweep: Sweep, equation: Equation) -> Found:
    return _combined(sweep, equation, 1.0)


def _difference(sweep: Sweep, equation: Equation) -> Found:
    return _combined(sweep, equation, -1.0)


def _combined(sweep: Sweep, equation: Equation, sign: float) -> Found:
    """s x ± t y by one operation less, where the factors allow it."""
    answer = equation.answers[0]
    if not is_quiet(equation) or not is_real(answer):
        return None
    x, y = equation.operands
    s, left = scaled(sweep, x, equation)
    t, right = scaled(sweep, y, equation)
    t *= sign
    if left is right and s * t > 0 and fits(left, answer) and moderate(s + t):
        return times(equation, s + t, left)  # with opposite signs, infinity would not become NaN
    single = s not in (1, -1) and abs(s) == abs(t) and sweep.once(x) and sweep.once(y)
    single = single or (s == -1 and t == -1 and sweep.once(x) and sweep.once(y))
    if single and fits(left, answer) and fits(right, answer):
        operation = add if s == t else subtract
        return times(equation, s, sweep.new(equation, operation, (left, right), answer.twin()))
    if t == -1 and sign > 0:
        return with_equation(equation, subtract, (x, right))
    if s == -1 and sign > 0:
        return with_equation(equation, subtract, (y, left))
    if sign < 0 and t == 1:
        return with_equation(equation, add, (x, right))
    return None


# --- strength ---------------------------------------------------------------------------------------------------------


def _by_inverse(sweep: Sweep, equation: Equation) -> Found:
    """x * (1/y) is x/y."""
    if not is_quiet(equation) or not is_real(equation.answers[0]):
        return None
    x, y = equation.operands
    for inverse, other in ((y, x), (x, y)):
        found = sweep.behind(inverse, equation, _INVERSES) if sweep.once(inverse) else None
        if found is None or not fits(found.operands[-1], equation.answers[0]):
            continue
        if found.primitive is reciprocal or (found.primitive is divide and number_of(found.operands[0]) == 1):
            return with_equation(equation, divide, (other, found.operands[-1]))
    return None


def _by_itself(sweep: Sweep, equation: Equation) -> Found:
    del sweep
    x, y = equation.operands
    if x is y and isinstance(x, Var) and is_quiet(equation) and is_real(x) and x.form != "number":
        return with_equation(equation, square, (x,))
    return None


def _even(sweep: Sweep, equation: Equation) -> Found:
    """The square of -x."""
    found = sweep.behind(equation.operands[0], equation, (negative,))
    return None if found is None else with_equation(equation, square, found.operands)


def _power(sweep: Sweep, equation: Equation) -> Found:
    """Small powers as products."""
    x, y = equation.operands
    answer = equation.answers[0]
    exponent = number_of(y)
    if exponent is None or not is_real(answer) or not fits(x, answer):
        return None
    if exponent == 1:
        return x
    if not is_quiet(equation):
        return None
    if exponent == 2:
        return with_equation(equation, square, (x,))
    if exponent == 3:
        return with_equation(equation, multiply, (x, sweep.new(equation, square, (x,), answer.twin())))
    if exponent == -1:
        return with_equation(equation, divide, (Literal(1.0), x))
    return None


#: The rules whose operands need not be telling.
_ANYWHERE: dict[Primitive, tuple[Rule, ...]] = {
    negative: (_negated,),
    positive: (_same,),
    real: (_of_real,),
    conjugate: (_of_real,),
}
_RULES: dict[Primitive, tuple[Rule, ...]] = {
    **_ANYWHERE,
    add: (_plus_zero, _sum),
    subtract: (_minus_zero, _difference),
    multiply: (_times_one, _product, _by_inverse, _by_itself),
    divide: (_over_one, _quotient),
    square: (_even,),
    power: (_power,),
    select: (_either,),
}
