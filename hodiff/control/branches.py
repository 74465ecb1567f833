"""A choice between two programs as an operation.

``branch`` takes a truth value and the operands of both programs, and runs one of them. Its derivative forward is a
choice between pushed programs; back, between programs that run both passes. May import ``annihilate``, ``batch_rules``,
``code``, ``core``, ``errors``, ``linear_map``, ``loop_code``, ``lowering``, ``program``, ``pruning``, ``repeats``,
``shaped`` and ``subprograms``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> _, double = stage(lambda x: [x * 2.0], [np.float64(1.0)], name="double")
>>> _, root = stage(lambda x: [np.sqrt(x)], [np.float64(1.0)], name="root")
>>> branch(False, np.float64(9.0), true=double, false=root)
(np.float64(3.0),)
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hodiff.annihilate import filled
from hodiff.batch_rules import Partly
from hodiff.code import Code
from hodiff.control.loop_code import write_branch
from hodiff.control.pruning import prune_branch
from hodiff.control.repeats import refuse
from hodiff.control.subprograms import (
    Annihilate,
    Batch,
    answers_of,
    conform,
    differentiate_with,
    example,
    pulled,
    pushed,
    rerun,
    runner,
    zeros,
)
from hodiff.core import Primitive
from hodiff.errors import NotStagedError
from hodiff.linear_map import TapeVariable, apply_linear
from hodiff.lowering import Chosen
from hodiff.program import Program
from hodiff.shaped import Shaped, is_inexact


def _run(chosen: Any, *operands: Any, true: Program, false: Program) -> tuple[Any, ...]:
    return answers_of(runner(true if chosen else false)(*operands), operands)


def _sides(derive: Callable[[Program], Any], true: Program, false: Program) -> dict[str, Any]:
    return {"true": derive(true), "false": derive(false)}


def _batch(primitive: Primitive, size: int, operands: Any, flags: Any, parameters: dict[str, Any]) -> Any:
    chosen, *rest = operands
    if flags[0]:
        refuse(size)
    values = [example(v) for v in rest]
    marks, way = tuple(flags[1:]), Batch(size)
    # An answer has the batch if it does on either side.
    alone = _sides(lambda side: rerun(side, way, marks, (), values)[1], **parameters)
    marked = [a or b for a, b in zip(alone["true"], alone["false"], strict=True)]
    wanted = tuple(i for i, flag in enumerate(marked) if flag)
    sides = _sides(lambda side: rerun(side, way, marks, wanted, values)[0], **parameters)
    return Partly(primitive(chosen, *rest, **sides), marked)


def _within(operands: Sequence[Any], flags: Sequence[bool], parameters: dict[str, Any]) -> Any:
    values = [example(v) for v in operands[1:]]
    every = tuple(range(len(parameters["true"].outputs)))
    sides = _sides(lambda side: rerun(side, Annihilate(), tuple(flags[1:]), every, values)[0], **parameters)
    return branch(*operands, **sides), (True,) * len(every)


def _evaluated(chosen: Any, *operands: Any, true: Program, false: Program) -> list[Any]:
    """Answers for values that may be traced."""
    return (true if chosen else false).evaluate(*operands)


def _differentiate(tangents: list[Any], operands: Sequence[Any], **sides: Program) -> tuple[Any, Any]:
    try:
        return _differentiated(tangents, operands, **sides)
    except NotStagedError:
        return differentiate_with(partial(_evaluated, **sides), tangents, operands)


def _differentiated(tangents: list[Any], operands: Sequence[Any], *, true: Program, false: Program) -> tuple[Any, Any]:
    slots = tuple(i for i, t in enumerate(tangents[1:]) if t is not None)
    values = [example(v) for v in operands[1:]]
    inexact = [is_inexact(atom.dtype) for atom in true.outputs]

    def push(given: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        sides = _sides(lambda side: pushed(side, slots, values), true, false)
        pairs = list(_paired(given, slots, true))
        found = branch(*operands, *filled([t for t, _ in pairs], [zeros(v) for _, v in pairs]), **sides)
        rest = iter(found[len(inexact) :])
        return found[: len(inexact)], [next(rest) if flag else None for flag in inexact]

    if not any(isinstance(t, TapeVariable) for t in tangents):
        answers, found = push(tangents)
        return answers, tuple(found)
    answers = branch(*operands, true=true, false=false)
    like = [Shaped(a.shape, a.dtype) if flag else None for a, flag in zip(answers, inexact, strict=True)]

    back = _sides(lambda side: pulled(side, slots, values), true, false)

    def pull(cotangents: list[Any]) -> list[Any]:
        given = [c for c, s in zip(cotangents, like, strict=True) if s is not None]
        full = filled(given, [zeros(s) for s in like if s is not None])
        found = iter(branch(*operands, *full, **back))
        return [None if t is None else next(found) for t in tangents]

    return answers, tuple(apply_linear(lambda given: push(given)[1], pull, tangents, like))


def _paired(tangents: Sequence[Any], slots: Sequence[int], program: Program) -> list[tuple[Any, Any]]:
    return [(tangents[slot + 1], program.inputs[slot]) for slot in slots]


branch = Primitive("branch", _run, batch=_batch, jvps=_differentiate, within=_within)  # type: ignore[arg-type]
branch.hazard = "inside"
branch.pruned = prune_branch
branch.code = Code(write=partial(write_branch, conform), nest=Chosen())
