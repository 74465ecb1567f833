"""Loops whose number of turns is found on the way, as operations.

``repeat`` is a while loop: it takes constants and carried values, and gives the final carried values and the number of
turns. Its derivative forward is such a loop too. Back through it goes a `loop` of the number of turns that was found:
``by_length`` is an operation whose program depends on that number, which is its first operand. May import
``annihilate``, ``batch``, ``batch_rules``, ``code``, ``comparing``, ``core``, ``errors``, ``linear_map``,
``loop_code``, ``loops``, ``lowering``, ``program``, ``shaped`` and ``subprograms``.

>>> from hodiff.staging import stage
>>> _, condition = stage(lambda x: [x < 100.0], [np.float64(1.0)], name="condition")
>>> _, body = stage(lambda x: [x * 2.0], [np.float64(1.0)], name="body")
>>> repeat(np.float64(1.0), condition=condition, body=body, constants=0, carries=1)
(np.float64(128.0), np.int64(7))
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from hodiff.annihilate import filled
from hodiff.batch import BatchTrace, BatchTracer
from hodiff.batch_rules import Partly
from hodiff.code import Code
from hodiff.comparing import same_program
from hodiff.control.loop_code import write_repeat
from hodiff.control.loops import (
    Layout,
    carried_answer,
    carrying,
    examples,
    loop,
    rerun_body,
    unpaired,
    with_tangents,
    with_zeros,
)
from hodiff.control.subprograms import (
    Annihilate,
    Batch,
    answers_of,
    conform,
    conformed,
    differentiate_with,
    example,
    pulled,
    pushed,
    reached,
    rerun,
    run_with,
    runner,
    zeros,
)
from hodiff.core import Primitive
from hodiff.errors import NotStagedError
from hodiff.linear_map import TapeVariable, apply_linear
from hodiff.lowering import Lengthwise, Repeated
from hodiff.program import Equation, Program, Var
from hodiff.shaped import Shaped, is_inexact

# --- while loops ------------------------------------------------------------------------------------------------------


def _run(*operands: Any, condition: Program, body: Program, constants: int, carries: int) -> tuple[Any, ...]:
    fixed, state, _ = Layout(constants, carries).split(operands)
    variables = Layout(constants, carries).split(body.inputs)[1]
    state = [conform(var, value) for var, value in zip(variables, state, strict=True)]
    asked, step = runner(condition), runner(body)
    turns = 0
    while bool(asked(*fixed, *state)[0]):
        if not turns & (turns - 1):  # from time to time
            asked, step = runner(condition, turns), runner(body, turns)
        state = [conform(var, value) for var, value in zip(variables, step(*fixed, *state), strict=True)]
        turns += 1
    return answers_of([*state, np.int64(turns)], operands)


def _by_turns(*operands: Any, condition: Program, body: Program, constants: int, carries: int) -> list[Any]:
    """Answers for values that may be traced, turn by turn."""
    fixed, state, _ = Layout(constants, carries).split(operands)
    variables = Layout(constants, carries).split(body.inputs)[1]
    state = [conformed(var, value) for var, value in zip(variables, state, strict=True)]
    turns = 0
    while bool(condition.evaluate(*fixed, *state)[0]):
        values = body.evaluate(*fixed, *state)
        state = [conformed(var, value) for var, value in zip(variables, values, strict=True)]
        turns += 1
    return [*(np.asarray(v)[()] if isinstance(v, (bool, int, float, complex)) else v for v in state), np.int64(turns)]


def _batch(primitive: Primitive, size: int, operands: Any, flags: Any, parameters: dict[str, Any]) -> Any:
    try:
        return _batched(primitive, size, operands, flags, parameters)
    except NotStagedError:
        return Partly(*run_with(Batch(size), partial(_by_turns, **parameters), operands, flags))


def _batched(primitive: Primitive, size: int, operands: Any, flags: Any, parameters: dict[str, Any]) -> Any:
    body, condition = parameters["body"], parameters["condition"]
    layout = Layout(parameters["constants"], parameters["carries"])
    way = Batch(size)
    values = [
        example(v) if flag else conform(var, example(v))
        for v, flag, var in zip(operands, flags, body.inputs, strict=True)
    ]
    batched, now, marked = rerun_body(way, values, flags, body, layout)
    values = [way.fill(v) if f and not g else v for v, f, g in zip(values, now, flags, strict=True)]
    asked, (differs,) = rerun(condition, way, now, (), values)
    if differs:
        refuse(size)
    operands = [way.fill(v) if f and not g else v for v, f, g in zip(operands, now, flags, strict=True)]
    answers = primitive(*operands, **{**parameters, "body": batched, "condition": asked})
    return Partly(answers, (*marked, False))


def refuse(size: int) -> None:
    """Raise the error of Python control flow that depends on a member of a batch."""
    BatchTracer(BatchTrace(size), np.zeros(size)).truth()


def _within(operands: Sequence[Any], flags: Sequence[bool], parameters: dict[str, Any]) -> Any:
    body, condition = parameters["body"], parameters["condition"]
    layout = Layout(parameters["constants"], parameters["carries"])
    values = examples(operands, body, layout)
    found, now, marked = rerun_body(Annihilate(), values, flags, body, layout)
    asked, _ = rerun(condition, Annihilate(), now, (), values)
    return repeat(*operands, **{**parameters, "body": found, "condition": asked}), (*marked, False)


def _differentiate(tangents: list[Any], operands: Sequence[Any], **parameters: Any) -> tuple[Any, Any]:
    try:
        if any(isinstance(t, TapeVariable) for t in tangents):
            return _reverse(tangents, operands, parameters)
        return _push(tangents, operands, parameters)
    except NotStagedError:
        return differentiate_with(partial(_by_turns, **parameters), tangents, operands)


def _reverse(tangents: list[Any], operands: Sequence[Any], parameters: dict[str, Any]) -> tuple[Any, Any]:
    answers = repeat(*operands, **parameters)
    body = parameters["body"]
    layout = (parameters["constants"], parameters["carries"])
    key = ("family", layout)
    if key not in body.memo:
        body.memo[key] = Family(body, lambda turns, values: _loop_of(turns, body, *layout), key)
    family = body.memo[key]
    _, found = by_length_differentiate(tangents, (answers[-1], *operands), family, answers[:-1])
    return answers, (*found, None)


def _push(tangents: Sequence[Any], operands: Sequence[Any], parameters: dict[str, Any]) -> tuple[Any, Any]:
    body, condition = parameters["body"], parameters["condition"]
    layout = Layout(parameters["constants"], parameters["carries"])
    active, outputs = carrying(body, layout, [t is not None for t in tangents])
    program = with_tangents(body, layout, active, outputs, examples(operands, body, layout))
    groups = layout.split(operands)
    inner = [[t for t in part if t is not None] for part in layout.split(with_zeros(tangents, active, body))]
    asked = [v.twin() if isinstance(v, Var) else v for v in program.inputs]
    kept = layout.split(condition.inputs)
    for start, variables in ((0, kept[0]), (layout.constants + len(inner[0]), kept[1])):
        asked[start : start + len(variables)] = variables
    answers = repeat(
        *groups[0], *inner[0], *groups[1], *inner[1],
        body=program, condition=condition.replace(inputs=asked),
        constants=layout.constants + len(inner[0]), carries=layout.carries + len(inner[1]),
    )  # fmt: skip
    primals, found = unpaired(answers[:-1], outputs, layout.carries)
    return (*primals, answers[-1]), (*found, None)


repeat = Primitive("repeat", _run, batch=_batch, jvps=_differentiate, within=_within)  # type: ignore[arg-type]
repeat.code = Code(write=partial(write_repeat, conform), nest=Repeated())


# --- programs by the number of turns ----------------------------------------------------------------------------------


class Family:
    """Programs for each number of turns, all of which have operands and answers of the same types.

    Parameters
    ----------
    body : Program
        What all of them are made from.
    make : callable
        ``make(turns, values)``, with plain values of the inputs.
    path : tuple
        Keys of what was derived from what is made of the body.
    """

    def __init__(self, body: Program, make: Callable[[int, Sequence[Any]], Program], path: tuple[Any, ...]) -> None:
        self.body = body
        self.path = path
        self._make = make
        self._programs: dict[int, Program] = {}
        self._derived: dict[Any, Family] = {}

    def at(self, turns: int, values: Sequence[Any]) -> Program:
        """The program for a number of turns."""
        found = self._programs.get(turns)
        if found is None:
            if len(self._programs) >= KEPT:
                self._programs.clear()
            found = self._programs[turns] = self._make(turns, values)
        return found

    def derived(
        self,
        key: Any,
        derive: Callable[[Program, Sequence[Any]], Program],
        before: Callable[[Sequence[Any]], Sequence[Any]],
    ) -> "Family":
        """Programs made of these; ``before`` gives values of the inputs of these from those of the inputs of those."""
        if key not in self._derived:

            def make(turns: int, values: Sequence[Any]) -> Program:
                return derive(self.at(turns, before(values)), values)

            self._derived[key] = Family(self.body, make, (*self.path, key))
        return self._derived[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Family) and self.path == other.path and same_program(self.body, other.body)

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"{self.body.name} by length"


#: Numbers of turns for which programs are kept.
KEPT = 64


def _loop_of(turns: int, body: Program, constants: int, carries: int) -> Program:
    """Program of one loop that takes and gives what the while loop does."""
    inputs = tuple(var.twin() for var in body.inputs)
    answers = tuple(carried_answer(var) for var in body.inputs[constants:])
    options = {"body": body, "constants": constants, "carries": carries, "length": turns, "reverse": False}
    return Program(inputs, (Equation(loop, inputs, options, answers, several=True),), answers, name=body.name)


def _turns(value: Any) -> int:
    return max(int(value), 0)


def _by_length(turns: Any, *operands: Any, family: Family) -> tuple[Any, ...]:
    program = family.at(_turns(turns), operands)
    return answers_of(runner(program)(*operands), operands)


def _by_equations(turns: Any, *operands: Any, family: Family) -> list[Any]:
    """Answers for values that may be traced."""
    return family.at(_turns(turns), [example(v) for v in operands]).evaluate(*operands)


def _by_length_batch(primitive: Primitive, size: int, operands: Any, flags: Any, parameters: dict[str, Any]) -> Any:
    turns, *rest = operands
    if flags[0]:
        refuse(size)
    marks, way = tuple(flags[1:]), Batch(size)

    def member(values: Sequence[Any]) -> list[Any]:
        return [
            v if not flag else v[0] if len(v) else np.ones(v.shape[1:], v.dtype)[()]
            for v, flag in zip(values, marks, strict=True)
        ]

    values = [example(v) for v in rest]
    program = parameters["family"].at(_turns(example(turns)), member(values))
    _, marked = rerun(program, way, marks, (), values)
    wanted = tuple(i for i, flag in enumerate(marked) if flag)
    family = parameters["family"].derived(
        ("batch", size, marks, wanted), lambda program, given: rerun(program, way, marks, wanted, given)[0], member
    )
    return Partly(primitive(turns, *rest, family=family), marked)


def _by_length_within(operands: Sequence[Any], flags: Sequence[bool], parameters: dict[str, Any]) -> Any:
    marks = tuple(flags[1:])
    program = parameters["family"].at(_turns(example(operands[0])), [example(v) for v in operands[1:]])
    outputs = tuple(i for i, flag in enumerate(reached(program, marks)) if flag)

    def derive(program: Program, values: Sequence[Any]) -> Program:
        return rerun(program, Annihilate(), marks, outputs, values)[0]

    family = parameters["family"].derived(("annihilate", marks), derive, lambda values: values)
    return by_length(*operands, family=family), tuple(i in outputs for i in range(len(program.outputs)))


def _by_length_jvps(tangents: list[Any], operands: Sequence[Any], *, family: Family) -> tuple[Any, Any]:
    try:
        if any(isinstance(t, TapeVariable) for t in tangents):
            answers = by_length(*operands, family=family)
            return by_length_differentiate(tangents[1:], operands, family, answers)
        return _by_length_push(tangents[1:], operands, family)
    except NotStagedError:
        return differentiate_with(partial(_by_equations, family=family), tangents, operands)


def _by_length_push(tangents: Sequence[Any], operands: Sequence[Any], family: Family) -> tuple[Any, Any]:
    slots = tuple(i for i, t in enumerate(tangents) if t is not None)
    count = len(operands) - 1
    found = by_length(
        *operands,
        *(t for t in tangents if t is not None),
        family=family.derived(("push", slots), lambda p, values: pushed(p, slots, values[:count]), lambda v: v[:count]),
    )
    # Tangents are those of the inexact answers.
    inexact = sum(is_inexact(a.dtype) for a in found)
    answers = found[: len(found) - inexact // 2]
    given = iter(found[len(answers) :])
    return answers, tuple(next(given) if is_inexact(a.dtype) else None for a in answers)


def by_length_differentiate(
    tangents: list[Any], operands: Sequence[Any], family: Family, answers: Sequence[Any]
) -> tuple[Any, Any]:
    """Answers, and a record that runs both passes when it is asked for cotangents; the first operand is the length."""
    slots = tuple(i for i, t in enumerate(tangents) if t is not None)
    count = len(operands) - 1
    like = [Shaped(a.shape, a.dtype) if is_inexact(a.dtype) else None for a in answers]
    backward = family.derived(
        ("pull", slots), lambda p, values: pulled(p, slots, values[:count]), lambda values: values[:count]
    )
    # At once, to know whether it can be derived.
    values = [example(v) for v in operands[1:]]
    backward.at(
        _turns(example(operands[0])), [*values, *(np.ones(s.shape, s.dtype)[()] for s in like if s is not None)]
    )

    def pull(cotangents: list[Any]) -> list[Any]:
        given = [c for c, s in zip(cotangents, like, strict=True) if s is not None]
        full = filled(given, [zeros(s) for s in like if s is not None])
        found = iter(by_length(*operands, *full, family=backward))
        return [next(found) if t is not None else None for t in tangents]

    def push(given: list[Any]) -> list[Any]:
        return list(_by_length_jvps([None, *given], operands, family=family)[1])

    return tuple(answers), tuple(apply_linear(push, pull, tangents, like))


by_length = Primitive(
    "by_length",
    _by_length,
    batch=_by_length_batch,
    jvps=_by_length_jvps,  # type: ignore[arg-type]
    within=_by_length_within,
    code=Code(
        nest=Lengthwise(lambda equation, values: equation.parameters["family"].at(_turns(values[0]), list(values[1:])))
    ),
)
