"""Loops and branches while they are staged: one operation each, with programs for what they repeat or choose.

Each function returns None where the plain Python code is to run: outside of staging, where nothing traced is involved,
and where a part cannot be staged, since what it does depends on values. May import ``branches``, ``carried``, ``core``,
``errors``, ``loops``, ``program``, ``repeats``, ``staging``, ``tree`` and ``turns``.

>>> from hodiff.staging import stage
>>> def f(x):
...     return [staged_fori_loop(0, 1000, lambda i, y: np.sin(y) + i, x).result]
>>> print(stage(f, [np.float64(1.0)])[1])  # doctest: +ELLIPSIS
program f(a: float64) -> float64
  b: float64 = loop(a, int64[1000]{...}, body=body, constants=0, carries=1, length=1000, reverse=False) ...
    program body(a: float64, b: int) -> float64
      c: float64 = sin(a) ...
      d: float64 = add(c, b) ...
      return d
  return b
"""

from collections.abc import Callable, Sequence
from dis import get_instructions
from operator import index as as_index
from types import CellType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from hodiff.control.branches import branch
from hodiff.control.carried import Carry, Kind, Stack, elements, numbers_of, pair_of
from hodiff.control.loops import carried_answer, loop
from hodiff.control.repeats import Family, by_length, repeat
from hodiff.control.turns import (
    Part,
    check_verdict,
    checked,
    example_of,
    primal_of,
    result_of,
    settled,
    stage_turn,
    traced,
    union,
    with_constants,
)
from hodiff.core import NUMPY_UFUNCS, Tracer
from hodiff.errors import NotStagedError, StructureError
from hodiff.program import Equation, Guard, Literal, Program, Var
from hodiff.staging import StageTrace, StageTracer, current_stage, stage_part
from hodiff.tree import Structure, flatten, tree_map, unflatten


class Done(NamedTuple):
    """The result of what was staged."""

    result: Any


def _attempt(run: Callable[[], Any]) -> Done | None:
    """What ``run`` returns; None outside of staging, and where the plain code is to run."""
    trace = current_stage.get()
    if trace is None:
        return None
    mark, failure = len(trace.steps), trace.failure
    try:
        return Done(run())
    except Exception:  # noqa: BLE001 - whatever it is, the plain code raises it too, or is right
        # Arrays may hold answers of these equations: assignments that have waited until now. The plain code does again
        # what else there is.
        trace.steps[mark:] = [step for step in trace.steps[mark:] if isinstance(step, Equation)]
        trace.failure = failure
        return None


# --- loops ------------------------------------------------------------------------------------------------------------


def staged_scan(
    f: Callable[[Any, Any], Any], init: Any, leaves: list[Any], structure: Structure, count: int
) -> Done | None:
    """`scan` of sequences with these leaves as one loop."""
    if count == 0:
        return None
    return _attempt(lambda: _scan(f, Carry("scan", init), leaves, structure, count))


def _scan(f: Callable[[Any, Any], Any], carry: Carry, leaves: list[Any], structure: Structure, count: int) -> Any:
    shapes: list[Structure] = []

    def turn(*values: Any) -> list[Any]:
        now = Carry("scan", unflatten(carry.structure, values[: len(carry.leaves)]))
        new, y = pair_of(f(now.tree(), unflatten(structure, values[len(carry.leaves) :])))
        stacked, shape = numbers_of(y, "hodiff.scan: what is stacked")
        shapes.append(shape)
        return [*checked(now, new), *stacked]

    first = [example_of(leaf)[0] for leaf in leaves]
    part = settled(turn, carry, first)
    if not part.exact:
        stack = Stack()
        new, y = pair_of(f(carry.tree(), unflatten(structure, elements(leaves, 0))))
        carry.next(new)
        stack.add(y)
        last, rest = carry.tree(), None
        if count > 1:
            last, rest = _scan(f, carry, [leaf[1:] for leaf in leaves], structure, count - 1)
        return last, stack.tree() if rest is None else _joined(stack.tree(), rest)
    last, stacked = _loop(part, carry, leaves, count)
    return last, unflatten(shapes[-1], stacked)


def _joined(first: Any, rest: Any) -> Any:
    """What the first turn gave, and what the others gave; a number among the former takes the dtype of the latter."""
    heads, structure = flatten(first)
    tails = flatten(rest)[0]
    pairs = [(h if h.dtype == t.dtype else h.astype(t.dtype), t) for h, t in zip(heads, tails, strict=True)]
    return unflatten(structure, [np.concatenate(pair) for pair in pairs])


def _loop(part: "Part", carry: Carry, sequences: Sequence[Any], count: int) -> tuple[Any, Sequence[Any]]:
    operands = traced((*part.lifted, *part.initial(carry), *sequences))
    size = len(carry.leaves) + part.held
    answers = loop(
        *operands,
        body=part.program,
        constants=len(part.lifted),
        carries=size,
        length=count,
        reverse=False,
    )
    return result_of(carry, part, answers[:size]), answers[size:]


def staged_fori_loop(lo: Any, hi: Any, body: Callable[[Any, Any], Any], init: Any) -> Done | None:
    """`fori_loop` as one loop, of a length that may be a traced value."""
    return _attempt(lambda: _fori_loop(lo, hi, body, Carry("fori_loop", init)))


def _fori_loop(lo: Any, hi: Any, body: Callable[[Any, Any], Any], carry: Carry) -> Any:
    def turn(*values: Any) -> list[Any]:
        now = Carry("fori_loop", unflatten(carry.structure, values[:-1]))
        return checked(now, body(values[-1], now.tree()))

    if not isinstance(primal_of(lo), StageTracer) and not isinstance(primal_of(hi), StageTracer):
        lo, hi = as_index(lo), as_index(hi)
        if lo >= hi:
            return carry.tree()
        part = settled(turn, carry, [lo])
        if not part.exact:
            carry.next(body(lo, carry.tree()))
            return _fori_loop(lo + 1, hi, body, carry)
        return _loop(part, carry, [np.arange(lo, hi)], hi - lo)[0]
    lo, hi = (bound if isinstance(bound, StageTracer) else as_index(bound) for bound in (primal_of(lo), primal_of(hi)))
    if any(Kind.of(bound).dtype.kind not in "iu" or Kind.of(bound).shape for bound in (lo, hi)):
        raise NotStagedError("bounds of a loop must be integers")
    part = settled(turn, carry, [int(example_of(lo))])
    if not part.exact:
        raise NotStagedError("the first turn changes the type of what is carried")
    family = Family(part.program, lambda turns, values: _counting(turns, part, lo), ("count", len(part.lifted)))
    answers = by_length(hi - lo, lo, *part.lifted, *part.initial(carry), family=family)
    return result_of(carry, part, answers)


def _counting(turns: int, part: "Part", lo: Any) -> Program:
    """Program of a loop that counts on from its first input."""
    start = Var.of(example_of(lo))
    inputs = tuple(var.twin() for var in part.program.inputs[:-1])
    numbers = Var((turns,), np.dtype(np.intp))
    answers = tuple(carried_answer(var) for var in inputs[len(part.lifted) :])
    options = {
        "body": part.program,
        "constants": len(part.lifted),
        "carries": len(answers),
        "length": turns,
        "reverse": False,
    }
    steps = (
        Equation(_ADD, (Literal(np.arange(turns)), start), {}, (numbers,)),
        Equation(loop, (*inputs, numbers), options, answers, several=True),
    )
    return Program((start, *inputs), steps, answers, part.program.name)


_ADD: Any = NUMPY_UFUNCS[np.add]
_AND: Any = NUMPY_UFUNCS[np.logical_and]


def staged_while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Done | None:
    """`while_loop` as one loop."""
    return _attempt(lambda: _while_loop(cond, body, Carry("while_loop", init)))


def _while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], carry: Carry) -> Any:
    def turn(*values: Any) -> list[Any]:
        now = Carry("while_loop", unflatten(carry.structure, values))
        return checked(now, body(now.tree()))

    part = settled(turn, carry, [])
    if not part.exact:
        raise NotStagedError("the first turn changes the type of what is carried")
    asked, used = stage_part(lambda *values: [cond(unflatten(carry.structure, values))], part.examples, name="cond")
    if asked.outputs[0].shape:
        raise NotStagedError("the condition of a loop is an array")
    lifted, count = union(part.lifted, used), len(carry.leaves)
    inputs = (*asked.inputs[count:], *asked.inputs[:count])
    if part.held:
        # With an answer that is not as it was, there may be no end.
        verdict, goes_on = (Var((), np.dtype(bool), "scalar") for _ in range(2))
        inputs = (*inputs, verdict)
        both = Equation(_AND, (verdict, asked.outputs[0]), {}, (goes_on,))
        asked = asked.replace(steps=(*asked.steps, both), outputs=(goes_on,))
    answers = repeat(
        *traced((*lifted, *part.initial(carry))),
        body=with_constants(part.program, part.lifted, lifted),
        condition=with_constants(asked.replace(inputs=inputs), used, lifted),
        constants=len(lifted),
        carries=count + part.held,
    )
    return result_of(carry, part, answers[:-1])


# --- branches ---------------------------------------------------------------------------------------------------------


def staged_cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any]
) -> Done | None:
    """`cond` as one choice between programs whose results have the same types."""
    chosen = primal_of(pred)
    trace = current_stage.get()
    if trace is None or not isinstance(chosen, StageTracer):
        return None
    return _attempt(lambda: _cond(chosen, true_fn, false_fn, operands, trace))


def _cond(chosen: StageTracer, true_fn: Any, false_fn: Any, operands: Sequence[Any], trace: StageTrace) -> Any:
    structures: list[Structure] = []

    def side(function: Callable[..., Any]) -> list[Any]:
        part = current_stage.get()
        assert part is not None
        lift = part.lift
        arguments = tree_map(lambda leaf: lift(leaf) if isinstance(leaf, Tracer) else leaf, list(operands))
        result = inside(function, lift)(*arguments)
        leaves, structure = numbers_of(result, "hodiff.cond: the result")
        structures.append(structure)
        return leaves

    mark = len(trace.steps)
    true, used_true, held_true = stage_turn(lambda: side(true_fn), [], "true")
    false, used_false, held_false = stage_turn(lambda: side(false_fn), [], "false")
    if held_true != held_false:
        true, false = (
            program if held else program.replace(outputs=(*program.outputs, Literal(np.True_)))
            for program, held in ((true, held_true), (false, held_false))
        )
    if structures[0] != structures[1]:
        raise NotStagedError("the results of both functions are not alike")
    if any(isinstance(step, Guard) or step.primitive.hazard != "none" for step in trace.steps[mark:]):
        raise NotStagedError("what is computed for one of the functions would be computed for both")
    if trace.inner:
        true, false = _with_scalars(true, false), _with_scalars(false, true)
    for a, b in zip(true.outputs, false.outputs, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype or a.form != b.form:
            raise NotStagedError("the results of both functions are not alike")
    lifted = union(used_true, used_false)
    answers = branch(
        chosen,
        *lifted,
        true=with_constants(true, used_true, lifted),
        false=with_constants(false, used_false, lifted),
    )
    if held_true or held_false:
        check_verdict(answers[-1])
        answers = answers[:-1]
    leaves = [a.item() if atom.form == "number" else a for a, atom in zip(answers, true.outputs, strict=False)]
    return unflatten(structures[0], leaves)


def inside(function: Any, lift: Callable[[Tracer], Tracer], depth: int = 2) -> Any:
    """A function with the traced values that it captures lifted, so that all it computes is its own."""
    if not isinstance(function, FunctionType) or function.__closure__ is None or not depth:
        return function
    free = function.__code__.co_freevars
    if any(i.opname in ("STORE_DEREF", "DELETE_DEREF") and i.argval in free for i in get_instructions(function)):
        return function
    cells = tuple(_lifted_cell(cell, lift, depth - 1) for cell in function.__closure__)
    if all(cell is before for cell, before in zip(cells, function.__closure__, strict=True)):
        return function
    twin = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _lifted_cell(cell: Any, lift: Callable[[Tracer], Tracer], depth: int) -> Any:
    try:
        value = cell.cell_contents
    except ValueError:  # not assigned yet
        return cell
    if isinstance(value, FunctionType):
        twin = inside(value, lift, depth)
        return cell if twin is value else CellType(twin)
    if isinstance(value, Tracer):
        return CellType(lift(value.content()))
    if value.__class__ is tuple and any(isinstance(part, Tracer) for part in value):
        return CellType(tuple(lift(part.content()) if isinstance(part, Tracer) else part for part in value))
    return cell


def _with_scalars(program: Program, other: Program) -> Program:
    """The program with NumPy's scalars in the place of constant numbers, where the other program has them."""
    return program.replace(
        outputs=[
            Literal(b.dtype.type(a.value))
            if isinstance(a, Literal) and a.form == "number" and b.form == "scalar" and a.dtype == b.dtype
            else a
            for a, b in zip(program.outputs, other.outputs, strict=True)
        ]
    )


# --- what has no turns ------------------------------------------------------------------------------------------------


def stacked_nothing(f: Callable[[Any, Any], Any], carry: Carry, leaves: list[Any], structure: Structure) -> Any:
    """What a scan of no turns stacks: arrays of length 0, of the types that a turn would give.

    Raises
    ------
    StructureError
        When these depend on values.
    """
    shapes: list[Structure] = []

    def turn(*values: Any) -> list[Any]:
        now = unflatten(carry.structure, values[: len(carry.leaves)])
        _, y = pair_of(f(now, unflatten(structure, values[len(carry.leaves) :])))
        stacked, shape = numbers_of(y, "hodiff.scan: what is stacked")
        shapes.append(shape)
        return stacked

    values = [example_of(leaf) for leaf in carry.leaves]
    first = [np.ones(leaf.shape[1:], leaf.dtype)[()] for leaf in leaves]
    try:
        program, _ = stage_part(turn, [*values, *first])
    except Exception as error:
        raise StructureError(
            f"hodiff.scan: with no turns, it is not known what the function would return for each ({error})"
        ) from error
    return unflatten(shapes[0], [np.empty((0, *atom.shape), atom.dtype) for atom in program.outputs])
