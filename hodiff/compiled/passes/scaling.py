"""Factors: an operand seen as a number times something else, so that numbers and signs can be collected.

Only real floating-point operands are taken apart, and only factors between 2⁻⁴⁰ and 2⁴⁰, so that regrouping changes
where results overflow by no more than that. May import ``program``, ``rewriting`` and of the
operations ``elementwise``.

>>> moderate(3.0), moderate(1e300)
(True, False)
"""

from typing import Any

from hodiff.compiled.passes.rewriting import Sweep, number_of, with_equation
from hodiff.ops.elementwise import add, multiply, negative
from hodiff.program import Atom, Equation, Literal

_BOUND = 2.0**40
#: What can be a number times something else.
SCALING = frozenset((multiply, negative, add))


def moderate(factor: Any) -> bool:
    """Whether a factor is small and large enough to be moved."""
    return (factor.__class__ is float or factor.__class__ is int) and 1 / _BOUND <= abs(factor) <= _BOUND


def is_real(atom: Any) -> bool:
    """Whether an operand is of real floating-point numbers of no more than double precision."""
    return atom.dtype.kind == "f" and atom.dtype.char != "g"


def scaled(sweep: Sweep, atom: Atom, equation: Equation) -> tuple[float, Atom]:
    """An operand of ``equation`` as a factor and an operand of the same type; the factor 1.0 where it has none.

    The sign is always found, other factors only where `Sweep.behind` shows them.
    """
    found = sweep.behind(atom, equation, SCALING)
    if found is None or not is_real(atom):
        return 1.0, atom
    factor, base = 1.0, atom
    if found.primitive is negative:
        factor, base = -1.0, found.operands[0]
    elif found.primitive is add and found.operands[0] is found.operands[1]:
        factor, base = 2.0, found.operands[0]
    elif found.primitive is multiply:
        for number, other in (found.operands, found.operands[::-1]):
            value = number_of(number)
            if value is not None and moderate(value):
                factor, base = float(value), other  # type: ignore[arg-type]
                break
    # A smaller operand, or one of another precision, is better multiplied as it is.
    if base.__class__ is Literal or not atom.same_type(base):  # type: ignore[union-attr, arg-type]
        return 1.0, atom
    return factor, base


def times(equation: Equation, factor: float, base: Atom) -> Atom | Equation:
    """The answer of ``equation``, which is ``factor`` times ``base``, an operand of the type of the answer."""
    if factor == 1:
        return base
    if factor == -1:
        return with_equation(equation, negative, (base,))
    return with_equation(equation, multiply, (Literal(factor), base))
