"""Whether two programs are the same, as those of two runs of one function should be.

May import ``core`` and ``program``.

>>> from hodiff.staging import stage
>>> one, two, other = (stage(lambda x, k=k: [k * x], [np.ones(2)])[1] for k in (2.0, 2.0, 3.0))
>>> same_program(one, two), same_program(one, other)
(True, False)
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from hodiff.core import Primitive
from hodiff.program import Atom, Equation, Guard, Program, Var, exact


def same_program(a: Program, b: Program) -> bool:
    """Whether two programs are the same but for the identity of their variables.

    Calls of user functions, which are made anew each time, are the same when their names are: they run anyway.
    """
    if len(a.inputs) != len(b.inputs) or len(a.steps) != len(b.steps) or len(a.outputs) != len(b.outputs):
        return False
    pairs: dict[Var, Var] = {}

    def same_atom(x: Atom, y: Atom) -> bool:
        if isinstance(x, Var) or isinstance(y, Var):
            return isinstance(x, Var) and pairs.get(x) is y
        return exact(x.value) == exact(y.value)

    def define(xs: Sequence[Var], ys: Sequence[Var]) -> bool:
        pairs.update(zip(xs, ys, strict=False))
        return len(xs) == len(ys) and all(map(Var.same_type, xs, ys))

    def same_step(x: Equation | Guard, y: Equation | Guard) -> bool:
        if isinstance(x, Guard) or isinstance(y, Guard):
            alike = isinstance(x, Guard) and isinstance(y, Guard) and x.truth == y.truth
            return alike and x.outcome_expected == y.outcome_expected and same_atom(x.operand, y.operand)  # type: ignore[union-attr]
        return (
            _same_primitive(x.primitive, y.primitive)
            and x.errstate == y.errstate
            and len(x.operands) == len(y.operands)
            and all(map(same_atom, x.operands, y.operands))
            and _same_value(x.parameters, y.parameters)
            and define(x.answers, y.answers)
        )

    return (
        define(a.inputs, b.inputs)
        and all(map(same_step, a.steps, b.steps))
        and all(map(same_atom, a.outputs, b.outputs))
    )


def _same_primitive(a: Primitive, b: Primitive) -> bool:
    if a is b:
        return True
    f, g = a.function, b.function
    if isinstance(f, partial) and isinstance(g, partial):  # an elementwise primitive with its parameters
        return f.func is g.func and _same_value(f.keywords, g.keywords)
    return a.name == b.name and callable(a.jvps) and callable(b.jvps)


def _same_value(a: Any, b: Any) -> bool:
    """Equality of parameters."""
    if a is b:
        return True
    if a.__class__ is not b.__class__:
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same_value(a[key], b[key]) for key in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_same_value, a, b))
    if isinstance(a, (np.ndarray, np.generic, float, complex)):
        return bool(exact(a) == exact(b))
    if isinstance(a, Program):
        return same_program(a, b)
    if isinstance(a, slice):
        return _same_value((a.start, a.stop, a.step), (b.start, b.stop, b.step))
    return bool(a == b)
