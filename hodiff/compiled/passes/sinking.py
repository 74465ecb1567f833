"""Sinking: factors, signs and broadcasts move to where the arrays are smallest.

* A factor of the operand of a linear operation becomes one of its answer, where that is no larger: ``total(-x)`` is
  ``-total(x)``. So pullbacks multiply once, at the end.
* The sum of a value that was broadcast is a multiple of it.
* An elementwise operation on broadcasts is done on what was broadcast, and one that would broadcast its operands itself
  gets them as they are.
* Cotangents that a pullback adds into the same part of an array are added before.

The first two regroup and are for equations that are quiet. May import ``common``, ``core``, ``folding``, ``program``,
``reducing``, ``rewriting``, ``scaling``, ``tape`` and of the operations ``elementwise``, ``reductions`` and
``shaping``.

>>> from hodiff.ops.elementwise import exp
>>> x, y, z = Var((), np.dtype(float), "scalar"), Var((9,), np.dtype(float)), Var((9,), np.dtype(float))
>>> steps = Equation(broadcasted, (x,), {"shape": (9,)}, (y,)), Equation(exp, (y,), {}, (z,))
>>> total_of = Equation(total, (z,), {"axis": (-1,), "keepdims": False}, (x.twin(),))
>>> print(run(Program((x,), (*steps, total_of), total_of.answers)))
program f(a: float64) -> float64
  b: float64[9] = broadcasted(a, shape=(9,))
  c: float64 = exp(a)
  d: float64[9] = broadcasted(c, shape=(9,))
  e: float64 = total(d, axis=(-1,), keepdims=False)
  return e
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.compiled.passes.common import frozen
from hodiff.compiled.passes.folding import is_elementwise_ufunc
from hodiff.compiled.passes.rewriting import Rule, Sweep, fits, is_quiet, rewrite, with_equation
from hodiff.compiled.passes.scaling import scaled, times
from hodiff.core import Primitive
from hodiff.ops.elementwise import add, multiply
from hodiff.ops.reductions import spread, total
from hodiff.ops.shaping import broadcasted
from hodiff.program import Atom, Equation, Literal, Program, Var
from hodiff.reducing import length
from hodiff.tape import assemble

Found = Atom | Equation | None
#: What is taken apart where it stands behind an operand.
APART = frozenset((spread, broadcasted))


def run(program: Program) -> Program:
    """The program with less work on large arrays; the same object where there is no less."""
    return rewrite(program, rules)


def rules(primitive: Primitive, telling: bool) -> Sequence[Rule]:
    """The rules for the kind of a primitive."""
    if primitive is assemble:
        return (_same_part,)
    if not telling:
        return ()
    if primitive is total:
        return (_of_broadcast, _linear)
    if is_elementwise_ufunc(primitive):
        return (_broadcast,)
    return (_linear,) if primitive.transposes is not None and primitive.jvps is None else ()


def _linear(sweep: Sweep, equation: Equation) -> Found:
    """A factor of an operand in which the operation is linear."""
    primitive = equation.primitive
    if not is_quiet(equation) or equation.several:
        return None
    if primitive.jointly and sum([primitive.linear_in(slot) for slot in range(len(equation.operands))]) > 1:
        return None  # it is linear in all of them together, not in one
    answer = equation.answers[0]
    for slot, atom in enumerate(equation.operands):
        if (
            not isinstance(atom, Var)
            or not primitive.linear_in(slot)
            or answer.size > atom.size
            or not sweep.once(atom)
        ):
            continue
        factor, base = scaled(sweep, atom, equation)
        if factor != 1 and answer.dtype == atom.dtype:
            operands = (*equation.operands[:slot], base, *equation.operands[slot + 1 :])
            return times(
                equation, factor, sweep.new(equation, primitive, operands, answer.twin(), **equation.parameters)
            )
    return None


def _of_broadcast(sweep: Sweep, equation: Equation) -> Found:
    """The sum over axes along which all elements are the same."""
    found = sweep.behind(equation.operands[0], equation, APART)
    answer = equation.answers[0]
    if found is None or not is_quiet(equation) or answer.dtype.kind not in "fc":
        return None
    (source,) = found.operands
    parameters = equation.parameters
    whole = source.shape == () and answer.shape == ()
    if not whole:
        same = found.primitive is spread and all(found.parameters[k] == parameters[k] for k in ("axis", "keepdims"))
        if not same or source.shape != answer.shape:
            return None
    if source.dtype != answer.dtype or source.form == "number":
        return None
    count = length(found.parameters["shape"], parameters["axis"])
    return with_equation(equation, multiply, (Literal(float(count)), source)) if count else None


def _broadcast(sweep: Sweep, equation: Equation) -> Found:
    """An elementwise operation, some operands of which are broadcast."""
    for atom in equation.operands:
        if sweep.behind(atom, equation, APART) is not None:
            return _unbroadcast(sweep, equation) or _on_source(sweep, equation)
    return None


def _unbroadcast(sweep: Sweep, equation: Equation) -> Found:
    """Operands that the operation broadcasts by itself."""
    operands = equation.operands
    if len(operands) < 2:
        return None
    shape = equation.answers[0].shape
    for slot, atom in enumerate(operands):
        found = sweep.behind(atom, equation, APART)
        if found is None:
            continue
        source = found.operands[0]
        if (found.primitive is spread and source.shape != ()) or _is_number(source):
            continue
        changed = (*operands[:slot], source, *operands[slot + 1 :])
        if np.broadcast_shapes(*(a.shape for a in changed)) == shape:
            return with_equation(equation, equation.primitive, changed, **equation.parameters)
    return None


def _on_source(sweep: Sweep, equation: Equation) -> Found:
    """An operation on broadcasts of the same kind, and on numbers."""
    answer = equation.answers[0]
    if answer in sweep.outputs or not answer.size:
        return None  # an array of its own, which a broadcast is not; or no element, and so no warning
    sources: list[Atom] = []
    first: Equation | None = None
    for atom in equation.operands:
        if isinstance(atom, Literal):
            if atom.shape != ():
                return None
            sources.append(atom)
            continue
        found = sweep.behind(atom, equation, APART)
        if found is None or _is_number(found.operands[0]):
            return None
        if first is None:
            first = found
        elif not _alike(first, found):
            return None
        sources.append(found.operands[0])
    if first is None:
        return None
    shape = first.operands[0].shape
    var = Var(shape, answer.dtype, "array" if shape else "scalar")
    inner = sweep.new(equation, equation.primitive, tuple(sources), var, **equation.parameters)
    return with_equation(equation, first.primitive, (inner,), **first.parameters)


def _is_number(atom: Any) -> bool:
    return bool(atom.form == "number")


def _alike(first: Equation, second: Equation) -> bool:
    return (
        first.primitive is second.primitive
        and first.operands[0].shape == second.operands[0].shape
        and first.parameters == second.parameters
    )


def _same_part(sweep: Sweep, equation: Equation) -> Found:
    """Cotangents for the same part of an array."""
    pieces = equation.parameters["pieces"]
    places: dict[Any, int] = {}
    operands: list[Atom] = []
    kept: list[Any] = []
    for atom, piece in zip(equation.operands, pieces, strict=True):
        key = frozen(piece)
        place = places.setdefault(key, len(kept))
        if place == len(kept):
            operands.append(atom)
            kept.append(piece)
            continue
        other = operands[place]
        var = other if isinstance(other, Var) else atom
        if not isinstance(var, Var) or not fits(other, var) or not fits(atom, var) or var.form == "number":
            return None
        operands[place] = sweep.new(equation, add, (other, atom), var.twin())
    if len(kept) == len(pieces):
        return None
    parameters = {**equation.parameters, "pieces": tuple(kept)}
    return with_equation(equation, assemble, tuple(operands), **parameters)
