"""Passes: programs are rewritten to do less, each pass a page and a function ``run(program) -> program``.

==============  ====================================================================================================
pass            what it does
==============  ====================================================================================================
``folding``     evaluates what depends on literals alone
``algebra``     x*1, x-0, --x, signs and factors of sums and products, small powers
``shaping``     one reshape, transpose, broadcast or slice in the place of two
``sinking``     factors behind reductions, operations before broadcasts
``common``      equal equations become one
``dead_code``   what nobody uses is left out
``directions``  of tangents that are zero in most directions of a Jacobian, the other rows are computed alone
==============  ====================================================================================================

`simplify` runs all but the last, also on the bodies of loops and branches; that one comes once, when loops have been
found. A pass never changes what a program answers but by the last bits that regrouping costs, and never which
exceptions and warnings show; guards stay as they are, in their order.
May import ``core``, ``program`` and its members ``algebra``, ``common``, ``dead_code``, ``folding``, ``rewriting``,
``shaping`` and ``sinking``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> _, program = stage(lambda x: [np.sum((1.0 * x) ** 2 + x**2)], [np.ones(3)])
>>> print(simplify(program))  # doctest: +ELLIPSIS
program f(a: float64[3]) -> float64
  b: float64[3] = square(a) ...
  c: float64[3] = add(b, b) ...
  d: float64 = total(c, axis=(-1,), keepdims=False) ...
  return d
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hodiff.compiled.passes import algebra, common, dead_code, folding, shaping, sinking
from hodiff.compiled.passes.rewriting import Rule, Rules, Sweep, rewrite, with_equation
from hodiff.core import Primitive
from hodiff.program import Equation, Program
from hodiff.program import check as check_program

#: In the order in which each equation meets their rules; equations are compared when nothing else applies any more.
_PAGES: tuple[Rules, ...] = (
    folding.rules,
    shaping.rules,
    algebra.rules,
    sinking.rules,
    common.rules,
)
_APART = algebra.APART | sinking.APART
_ROUNDS = 5
_DONE = "simplified"


def simplify(program: Program, *, check: bool = False) -> Program:
    """Run all passes until nothing changes, in one sweep a round.

    Parameters
    ----------
    program : Program
    check : bool
        Check the program after each pass, which then run one by one.

    Returns
    -------
    Program
        The same object where there was nothing to do.
    """
    if _DONE in program.memo:
        return program
    program = _checked(program) if check else _swept(program)
    program.memo[_DONE] = True
    return program


def _swept(program: Program) -> Program:
    """The program after one sweep by all rules a round."""
    sweep: Sweep | None = None
    for _ in range(_ROUNDS):
        program, uses = dead_code.live(program)
        sweep = Sweep(program, _all_rules, uses, apart=_APART, previous=sweep)
        program = sweep.run()
        if not sweep.changed:
            return program
    return dead_code.run(program)


def _all_rules(primitive: Primitive, telling: bool) -> Sequence[Rule]:
    if callable(primitive.jvps):
        return (_inside,)  # calls, which nothing else applies to
    return _rules_of_kind(primitive, telling) if primitive.origin is None else _found_rules(primitive, telling)


def _found_rules(primitive: Primitive, telling: bool) -> Sequence[Rule]:
    return tuple([rule for page in _PAGES for rule in page(primitive, telling)])


#: Of primitives that are declared; others, with parameters of their own, need not be kept.
_rules_of_kind = lru_cache(maxsize=1024)(_found_rules)


def _checked(program: Program) -> Program:
    """The program after one pass after the other, checked in between."""
    for _ in range(_ROUNDS):
        before = program
        for page in (folding, shaping, algebra, sinking, common, dead_code):
            program = page.run(program)
            check_program(program)
        program = rewrite(program, _all_rules)
        if program is before:
            break
    return program


def _inside(sweep: Sweep, equation: Equation) -> Equation | None:
    """Programs among the parameters, such as the body of a loop."""
    del sweep
    found = {name: _simplified(value) for name, value in equation.parameters.items()}
    if all(value is equation.parameters[name] for name, value in found.items()):
        return None
    return with_equation(equation, equation.primitive, equation.operands, **found)


def _simplified(value: Any) -> Any:
    if isinstance(value, Program):
        return simplify(value)
    if value.__class__ is tuple and any(isinstance(part, Program) for part in value):
        parts = tuple([_simplified(part) for part in value])
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    return value
