"""Common subexpressions: of equations that compute the same, the first stands for all.

Derivative rules compute again what the function computed, and pullbacks what other pullbacks did. An equation is known
by its primitive, operands and parameters. Calls of a user's own functions (custom rules, checkpoints) are never merged.
Of a loud and a quiet equation the loud one must survive. May import ``core``, ``program`` and ``rewriting``.

>>> from hodiff.ops.elementwise import add, exp
>>> from hodiff.program import Var
>>> x = Var((), np.dtype(float))
>>> y, z, s = x.twin(), x.twin(), x.twin()
>>> steps = Equation(exp, (x,), {}, (y,)), Equation(exp, (x,), {}, (z,)), Equation(add, (y, z), {}, (s,))
>>> print(run(Program((x,), steps, (s,))))
program f(a: float64[]) -> float64[]
  b: float64[] = exp(a)
  c: float64[] = add(b, b)
  return c
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.compiled.passes.rewriting import Rule, Sweep, is_quiet, rewrite
from hodiff.core import Primitive
from hodiff.program import LINEAR, QUIET, Atom, Equation, Literal, Program, exact

#: Larger arrays are compared by identity.
_SMALL = 64
_PLAIN = (int, bool, type(None), str)


def run(program: Program) -> Program:
    """The program in which nothing is computed twice; the same object where nothing was."""
    return rewrite(program, rules)


def rules(primitive: Primitive, telling: bool) -> Sequence[Rule]:
    """The one rule, last of all, for all primitives but calls of a user's functions."""
    del telling
    return () if callable(primitive.jvps) else (_merged,)


def _merged(sweep: Sweep, equation: Equation) -> Atom | None:
    key = _key(equation)
    known = sweep.seen.get(key)
    if known is None or not sweep.is_behind(known[0]):
        sweep.seen[key] = (equation, sweep.guards)
        return None
    first, guards = known
    if any(not a.same_type(b) for a, b in zip(first.answers, equation.answers, strict=True)):
        return None
    if equation.primitive.hazard != "none" and equation.errstate != first.errstate and not is_quiet(equation):
        # A warning must not come before a guard behind which it may not come at all.
        if not is_quiet(first) or guards != sweep.guards:
            return None
        sweep.seen[key] = (sweep.promote(first, equation.errstate), guards)
    elif first.errstate is LINEAR and equation.errstate is not LINEAR and equation.primitive.hazard != "none":
        # Zeros win in the one and not in the other.
        sweep.seen[key] = (sweep.promote(first, QUIET), guards)
    for var, answer in zip(equation.answers[1:], first.answers[1:], strict=True):
        sweep.substitute(var, answer)
    return first.answers[0]


def _key(equation: Equation) -> Any:
    primitive = equation.primitive
    operands: Any = equation.operands
    for atom in operands:
        if atom.__class__ is Literal:
            operands = tuple([_atom(a) if a.__class__ is Literal else a for a in operands])
            break
    if primitive.commutative:
        operands = frozenset(operands)
    head: Any = primitive
    if primitive.origin is not None:
        head = (primitive.origin[0], frozen(primitive.origin[1]))
    return (head, operands, frozen(equation.parameters)) if equation.parameters else (head, operands)


def _atom(literal: Literal) -> Any:
    return type(literal.value), frozen(literal.value)


def frozen(value: Any) -> Any:
    """A key that two values share only where they are the same: by content where that is small, else by identity."""
    kind = value.__class__
    if kind is tuple or kind is list:
        return (kind, *[frozen(part) for part in value])
    if kind is slice:
        return (slice, value.start, value.stop, value.step)
    if kind in _PLAIN:
        return (kind, value)
    if kind is float or kind is complex or isinstance(value, np.generic):
        return exact(value)
    if isinstance(value, dict):
        return tuple([(name, frozen(value[name])) for name in sorted(value)])
    if isinstance(value, np.ndarray):
        if value.size > 1 and not any(value.strides):
            return (value.shape, value.dtype.str, value[(0,) * value.ndim].tobytes())
        return exact(value) if value.size <= _SMALL else id(value)
    return value if kind.__hash__ is not None else id(value)
