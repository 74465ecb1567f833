"""Loops as operations, with programs for bodies.

``loop`` has a number of turns that is known beforehand. Its operands are constants, initial values of what is carried
from turn to turn, and sequences, of which each turn takes one element; its answers are the final carried values and,
for whatever else the body gives, the stacked values of all turns. What is carried takes the form (array, scalar,
number) of the input of the body. The derivative of a loop is a loop: forward, over the body with tangents; in reverse,
one that saves residuals as stacked answers, and one that runs the other way. May import ``annihilate``,
``batch_rules``, ``code``, ``core``, ``errors``, ``linear_map``, ``loop_code``, ``lowering``, ``numpy_source``,
``program``, ``pruning``, ``shaped`` and ``subprograms``.

>>> from hodiff.staging import stage
>>> _, body = stage(lambda a, x, y: [a * x + y, x], [2.0, np.float64(0.0), np.float64(0.0)], name="body")
>>> loop(2.0, np.float64(1.0), np.array([1.0, 5.0]), body=body, constants=1, carries=1, length=2, reverse=False)
(np.float64(11.0), array([1., 3.]))
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from hodiff.annihilate import filled
from hodiff.batch_rules import Partly
from hodiff.code import Code
from hodiff.compiled.numpy_source import emit
from hodiff.control.loop_code import write_loop
from hodiff.control.pruning import prune_loop
from hodiff.control.subprograms import (
    WORTH_COMPILING,
    Annihilate,
    Batch,
    Way,
    answers_of,
    conform,
    conformed,
    differentiate_with,
    example,
    linearised,
    ones,
    pushed,
    reached,
    rerun,
    run_with,
    runner,
    used_steps,
    zeros,
)
from hodiff.core import NUMPY_UFUNCS, Primitive
from hodiff.errors import NotStagedError, ProgramError
from hodiff.linear_map import TapeVariable, apply_linear
from hodiff.lowering import Looped
from hodiff.program import QUIET, Atom, Equation, Literal, Program, Var
from hodiff.shaped import Shaped, is_inexact


class Layout(NamedTuple):
    """Where in the operands of a loop, and in the inputs of its body, each kind stands."""

    constants: int
    carries: int

    def split(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Constants, carried values and sequences (or elements of them)."""
        first, second = self.constants, self.constants + self.carries
        return list(values[:first]), list(values[first:second]), list(values[second:])


def _run(*operands: Any, body: Program, constants: int, carries: int, length: int, reverse: bool) -> tuple[Any, ...]:
    fixed, state, sequences = Layout(constants, carries).split(operands)
    _, variables, elements = Layout(constants, carries).split(body.inputs)
    for sequence in sequences:
        if len(sequence) != length:
            raise ProgramError(f"a loop of {length} turns got a sequence of length {len(sequence)}")
    if length * len(body.steps) >= WORTH_COMPILING:
        options = {"body": body, "constants": constants, "carries": carries, "length": length, "reverse": reverse}
        compiled = _compiled(operands, options)
        if compiled is not None:
            return compiled(*operands)
    state = [conform(var, value) for var, value in zip(variables, state, strict=True)]
    numbers = [var.form == "number" for var in elements]
    sequences = [np.asarray(s).tolist() if n else s for s, n in zip(sequences, numbers, strict=True)]
    stacked = [np.empty((length, *atom.shape), atom.dtype) for atom in body.outputs[carries:]]
    step = runner(body, length)
    for i in range(length - 1, -1, -1) if reverse else range(length):
        values = step(*fixed, *state, *(sequence[i] for sequence in sequences))
        for array, value in zip(stacked, values[carries:], strict=True):
            array[i] = value
        state = [conform(var, value) for var, value in zip(variables, values[:carries], strict=True)]
    return answers_of([*state, *stacked], operands)


#: Lengths, or other types of operands, for which a loop is compiled as a whole, not just its body.
_WHOLE = 8


def _compiled(operands: Sequence[Any], parameters: dict[str, Any]) -> Callable[..., tuple[Any, ...]] | None:
    """The loop as a compiled function of operands of these types; None where there are too many."""
    body, first = parameters["body"], parameters["constants"]
    inputs = tuple(Var.of(value) for value in operands)
    known = body.memo.setdefault("compiled", {})
    key = (*(str(var) for var in inputs), *list(parameters.values())[1:])
    if key not in known:
        if len(known) >= _WHOLE:
            return None
        carried = [carried_answer(var) for var in body.inputs[first : first + parameters["carries"]]]
        stacked = [Var((parameters["length"], *a.shape), a.dtype) for a in body.outputs[parameters["carries"] :]]
        answers = (*carried, *stacked)
        equation = Equation(loop, inputs, parameters, answers, several=True)
        program = Program(inputs, (equation,), answers, body.name)
        known[key] = emit(program, fresh=(True,) * len(answers)).function
    found: Callable[..., tuple[Any, ...]] = known[key]
    return found


def carried_answer(var: Var) -> Var:
    """The answer for what is carried as this input of a body: NumPy's scalars for Python's numbers."""
    return Var(var.shape, var.dtype, "scalar" if var.form == "number" else var.form)


def examples(operands: Sequence[Any], body: Program, layout: Layout) -> list[Any]:
    """Plain values of the inputs of the body, as in the first turn."""
    fixed, state, sequences = layout.split([example(value) for value in operands])
    _, variables, elements = layout.split(body.inputs)
    return [
        *fixed,
        *(conform(var, value) for var, value in zip(variables, state, strict=True)),
        *(conform(v, s[0]) if len(s) else ones(v) for v, s in zip(elements, sequences, strict=True)),
    ]


def _by_turns(*operands: Any, body: Program, constants: int, carries: int, length: int, reverse: bool) -> Any:
    """Answers of a loop over values that may be traced, turn by turn."""
    fixed, state, sequences = Layout(constants, carries).split(operands)
    _, variables, elements = Layout(constants, carries).split(body.inputs)
    state = [conformed(var, value) for var, value in zip(variables, state, strict=True)]
    rows: list[list[Any]] = [[] for _ in body.outputs[carries:]]
    for i in range(length - 1, -1, -1) if reverse else range(length):
        turn = [conformed(var, sequence[i]) for var, sequence in zip(elements, sequences, strict=True)]
        values = body.evaluate(*fixed, *state, *turn)
        for row, value in zip(rows, values[carries:], strict=True):
            row.append(value)
        state = [conformed(var, value) for var, value in zip(variables, values[:carries], strict=True)]
    stacked = [
        np.stack(row[::-1] if reverse else row) if row else np.empty((0, *atom.shape), atom.dtype)
        for row, atom in zip(rows, body.outputs[carries:], strict=True)
    ]
    return [*(np.asarray(v)[()] if isinstance(v, (bool, int, float, complex)) else v for v in state), *stacked]


# --- batches, and zeros that win --------------------------------------------------------------------------------------


def rerun_body(way: Way, values: Sequence[Any], flags: Sequence[bool], body: Program, layout: Layout) -> Any:
    """Body with flagged inputs inside tracers, flags of its inputs and of its outputs; ``values`` are those of a turn.

    What is carried is flagged as soon as it is in any turn.
    """
    fixed, state, elements = layout.split(flags)
    while True:
        now = (*fixed, *state, *elements)
        inputs = [way.fill(v) if f and not g else v for v, f, g in zip(values, now, flags, strict=True)]
        found, marked = rerun(body, way, now, tuple(i for i, flag in enumerate(state) if flag), inputs)
        more = list(marked[: layout.carries])
        if more == state:
            return found, now, marked
        state = more


def _batch(primitive: Primitive, size: int, operands: Any, flags: Any, parameters: dict[str, Any]) -> Any:
    try:
        return _batched(primitive, size, operands, flags, parameters)
    except NotStagedError:
        return Partly(*run_with(Batch(size), partial(_by_turns, **parameters), operands, flags))


def _batched(primitive: Primitive, size: int, operands: Any, flags: Any, parameters: dict[str, Any]) -> Any:
    body = parameters["body"]
    layout = Layout(parameters["constants"], parameters["carries"])
    way = Batch(size)
    # The axis of the turns stays in front of that of the batch.
    fixed, state, sequences = layout.split(operands)
    given = layout.split(flags)
    sequences = [np.swapaxes(s, 0, 1) if flag else s for s, flag in zip(sequences, given[2], strict=True)]
    examples_of_a_turn = _batched_examples((*fixed, *state, *sequences), flags, body, layout)
    batched, now, marked = rerun_body(way, examples_of_a_turn, flags, body, layout)
    wanted = layout.split(now)[1]
    state = [way.fill(v) if w and not g else v for v, w, g in zip(state, wanted, given[1], strict=True)]
    answers = primitive(*fixed, *state, *sequences, **{**parameters, "body": batched})
    return Partly(
        [
            np.swapaxes(a, 0, 1) if m and i >= layout.carries else a
            for i, (a, m) in enumerate(zip(answers, marked, strict=True))
        ],
        marked,
    )


def _batched_examples(operands: Sequence[Any], flags: Sequence[bool], body: Program, layout: Layout) -> list[Any]:
    """As `examples`, for operands with a batch; in sequences it is the second axis."""
    fixed, state, sequences = layout.split([example(value) for value in operands])
    _, variables, elements = layout.split(body.inputs)
    batched = layout.split(flags)
    found = list(fixed)
    for var, value, flag in zip(variables, state, batched[1], strict=True):
        found.append(value if flag else conform(var, value))
    for var, value, flag in zip(elements, sequences, batched[2], strict=True):
        if flag:
            found.append(value[0] if len(value) else np.ones(value.shape[1:], value.dtype))
        else:
            found.append(conform(var, value[0]) if len(value) else ones(var))
    return found


def _within(operands: Sequence[Any], flags: Sequence[bool], parameters: dict[str, Any]) -> Any:
    body = parameters["body"]
    layout = Layout(parameters["constants"], parameters["carries"])
    try:
        found, _, marked = rerun_body(Annihilate(), examples(operands, body, layout), flags, body, layout)
    except NotStagedError:
        return run_with(Annihilate(), partial(_by_turns, **parameters), operands, flags)
    return loop(*operands, **{**parameters, "body": found}), marked


# --- derivatives ------------------------------------------------------------------------------------------------------


def carrying(body: Program, layout: Layout, given: Sequence[bool]) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Which inputs and outputs of the body have a derivative in some turn, if these operands have one."""
    fixed, state, elements = layout.split(given)
    state = [g and is_inexact(v.dtype) for g, v in zip(state, layout.split(body.inputs)[1], strict=True)]
    while True:
        outputs = reached(body, (*fixed, *state, *elements))
        more = [a or b for a, b in zip(state, outputs, strict=False)]
        if more == state:
            # What is carried has a derivative from the start, or from a later turn on.
            return (*fixed, *state, *elements), (*state, *outputs[layout.carries :])
        state = more


def _differentiate(tangents: list[Any], operands: Sequence[Any], **parameters: Any) -> tuple[Any, Any]:
    try:
        if any(isinstance(t, TapeVariable) for t in tangents):
            return _reverse(tangents, operands, parameters)
        return _push(tangents, operands, parameters)
    except NotStagedError:
        return differentiate_with(partial(_by_turns, **parameters), tangents, operands)


def _push(tangents: Sequence[Any], operands: Sequence[Any], parameters: dict[str, Any]) -> tuple[Any, Any]:
    """Answers and tangents by one loop over the body with tangents."""
    body = parameters["body"]
    layout = Layout(parameters["constants"], parameters["carries"])
    active, outputs = carrying(body, layout, [t is not None for t in tangents])
    program = with_tangents(body, layout, active, outputs, examples(operands, body, layout))
    groups = layout.split(operands)
    given = layout.split(with_zeros(tangents, active, body))
    inner = [[t for t in group if t is not None] for group in given]
    answers = loop(
        *(v for group, more in zip(groups, inner, strict=True) for v in (*group, *more)),
        **{
            **parameters,
            "body": program,
            "constants": layout.constants + len(inner[0]),
            "carries": layout.carries + len(inner[1]),
        },
    )
    return unpaired(answers, outputs, layout.carries)


def with_zeros(tangents: Sequence[Any], active: Sequence[bool], body: Program) -> list[Any]:
    """Tangents of the operands, zero for a carried value that has one from a later turn on."""
    return [
        None if not flag else zeros(var) if t is None else t
        for t, flag, var in zip(tangents, active, body.inputs, strict=True)
    ]


def with_tangents(
    body: Program, layout: Layout, active: Sequence[bool], outputs: Sequence[bool], values: Sequence[Any]
) -> Program:
    """Body whose constants, carried values and elements are each followed by their tangents."""
    slots = tuple(i for i, flag in enumerate(active) if flag)
    key = ("with tangents", layout, slots, tuple(outputs))
    if key not in body.memo:
        program = pushed(body, slots, values)
        count = len(body.inputs)
        inputs: list[Any] = [None] * count
        for slot, var in zip(slots, program.inputs[count:], strict=True):
            inputs[slot] = var
        groups = zip(layout.split(program.inputs[:count]), layout.split(inputs), strict=True)
        order = [v for group, more in groups for v in (*group, *(t for t in more if t is not None))]
        values_out, tangents_out = _tangents_of(program.outputs, body.outputs, outputs)
        k = layout.carries
        given = [[t for t in part if t is not None] for part in (tangents_out[:k], tangents_out[k:])]
        body.memo[key] = program.replace(inputs=order, outputs=(*values_out[:k], *given[0], *values_out[k:], *given[1]))
    found: Program = body.memo[key]
    return found


def _tangents_of(pushed_outputs: Sequence[Atom], outputs: Sequence[Atom], flags: Sequence[bool]) -> Any:
    """Outputs of a pushed program, and for each its tangent, None where it is zero."""
    count = len(outputs)
    given = iter(pushed_outputs[count:])
    tangents = [next(given) if is_inexact(atom.dtype) else None for atom in outputs]
    return pushed_outputs[:count], [t if flag else None for t, flag in zip(tangents, flags, strict=True)]


def unpaired(answers: Sequence[Any], flags: Sequence[bool], carries: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Answers and tangents of a loop whose answers are carried values, their tangents, stacked ones, their tangents."""
    count, first = len(flags), sum(flags[:carries])
    primals = (*answers[:carries], *answers[carries + first : count + first])
    found = iter((*answers[carries : carries + first], *answers[count + first :]))
    return primals, tuple(next(found) if flag else None for flag in flags)


def _reverse(tangents: list[Any], operands: Sequence[Any], parameters: dict[str, Any]) -> tuple[Any, Any]:
    """Answers, and a record of the loop that goes back."""
    body = parameters["body"]
    layout = Layout(parameters["constants"], parameters["carries"])
    active, outputs = carrying(body, layout, [t is not None for t in tangents])
    values = examples(operands, body, layout)
    plan = _plan(body, layout, active, outputs, values)
    answers = loop(*operands, **{**parameters, "body": plan.forward})
    count = len(outputs)
    answers, saved = answers[:count], answers[count:]
    fixed, _, sequences = layout.split(operands)
    early = plan.early.evaluate(*fixed) if parameters["length"] else [ones(a) for a in plan.early.outputs]
    whole = [sequences[i] for i in plan.elements]

    def pull(cotangents: list[Any]) -> list[Any]:
        stacked = cotangents[layout.carries :]
        back = _backward(body, layout, plan, active, tuple(c is not None for c in stacked))
        given = [c for c, flag in zip(cotangents, layout.split(active)[1], strict=False) if flag]
        spaces = [v for v, flag in zip(layout.split(body.inputs)[1], layout.split(active)[1], strict=True) if flag]
        whole_zeros = [zeros(var) for var in spaces]
        state = filled([*given, *stacked], [*whole_zeros, *stacked])[: len(given)]
        sums = [zeros(var) for var, flag in zip(body.inputs, layout.split(active)[0], strict=False) if flag]
        found = loop(
            *early, *state, *sums, *saved, *whole, *(c for c in stacked if c is not None),
            body=back, constants=len(early), carries=len(state) + len(sums),
            length=parameters["length"], reverse=not parameters["reverse"],
        )  # fmt: skip
        # The order of the answers is that of the carried values; operands have the constants in front.
        ordered = iter(
            (*found[len(state) : len(state) + len(sums)], *found[: len(state)], *found[len(state) + len(sums) :])
        )
        pulled = [next(ordered) if flag else None for flag in active]
        return [p if t is not None else None for p, t in zip(pulled, tangents, strict=True)]

    def push(given: list[Any]) -> list[Any]:
        return list(_differentiate(given, operands, **parameters)[1])

    like = [Shaped(a.shape, a.dtype) if flag else None for a, flag in zip(answers, outputs, strict=True)]
    return tuple(answers), tuple(apply_linear(push, pull, tangents, like))


class _Plan(NamedTuple):
    """Both passes of a body.

    Attributes
    ----------
    forward : Program
        The body, which also gives the residuals that differ from turn to turn.
    early : Program
        From the constants to the other residuals.
    elements : tuple of int
        Sequences whose elements are residuals themselves.
    backward : Program
    order : list
        For each residual, what it is among those that are computed early, saved, or elements.
    """

    forward: Program
    early: Program
    elements: tuple[int, ...]
    backward: Program
    order: tuple[Var, ...]


def _plan(
    body: Program, layout: Layout, active: tuple[bool, ...], outputs: tuple[bool, ...], values: Sequence[Any]
) -> _Plan:
    key = ("plan", layout, active, outputs)
    if key not in body.memo:
        body.memo[key] = _make_plan(body, layout, active, values)
    found: _Plan = body.memo[key]
    return found


def _make_plan(body: Program, layout: Layout, active: tuple[bool, ...], values: Sequence[Any]) -> _Plan:
    linear = linearised(body, tuple(i for i, flag in enumerate(active) if flag), values)
    forward = linear.forward
    residuals = linear.backward.inputs[: linear.residuals]
    fixed, _, elements = layout.split(forward.inputs)
    known: set[Atom] = set(fixed)
    for step in forward.equations:
        if all(isinstance(atom, Literal) or atom in known for atom in step.operands):
            known.update(step.answers)
    early = [var for var in residuals if var in known]
    whole = [var for var in residuals if var in elements]
    saved = [var for var in residuals if var not in known and var not in elements]
    # What these warn of, the loop warns of turn by turn.
    before = [replace(s, errstate=QUIET) for s in used_steps(forward.steps, early) if isinstance(s, Equation)]
    return _Plan(
        forward.replace(outputs=(*forward.outputs[: len(body.outputs)], *saved)),
        forward.replace(inputs=fixed, steps=before, outputs=early),
        tuple(elements.index(var) for var in whole),
        linear.backward,
        (*early, *saved, *whole),
    )


def _backward(body: Program, layout: Layout, plan: _Plan, active: tuple[bool, ...], given: tuple[bool, ...]) -> Program:
    """Body of the loop that goes back: cotangents of carried values, and sums for the constants, are carried.

    ``given`` says which stacked answers have a cotangent.
    """
    key = ("backward", layout, active, given)
    if key in plan.backward.memo:
        found: Program = plan.backward.memo[key]
        return found
    backward = plan.backward
    cotangents = iter(backward.inputs[len(plan.order) :])
    by_output = [next(cotangents) if is_inexact(atom.dtype) else None for atom in body.outputs]
    carried = layout.split(active)[1]
    state = [var for var, flag in zip(by_output, carried, strict=False) if flag and var is not None]
    stacked = [v for v, flag in zip(by_output[layout.carries :], given, strict=True) if flag and v is not None]
    unused = {var for var in by_output if var is not None} - {*state, *stacked}
    steps, known = _without(backward, backward.inputs[len(plan.order) :], unused)
    constants = sum(layout.split(active)[0])
    sums, totals = [], []
    for atom in (known.get(atom, atom) for atom in backward.outputs[:constants]):
        before, after = (Var(atom.shape, atom.dtype, "array" if atom.shape else "scalar") for _ in range(2))
        steps.append(Equation(_ADD, (before, atom), {}, (after,), errstate=QUIET))
        sums.append(before)
        totals.append(after)
    outputs = [known.get(atom, atom) for atom in backward.outputs[constants:]]
    early = len(plan.early.outputs)
    program = backward.replace(
        inputs=(*plan.order[:early], *state, *sums, *plan.order[early:], *stacked),
        steps=steps,
        outputs=(*outputs[: len(state)], *totals, *outputs[len(state) :]),
    )
    backward.memo[key] = program
    return program


def _without(backward: Program, cotangents: Sequence[Var], unused: set[Var]) -> tuple[list[Equation], dict[Atom, Atom]]:
    """Steps of a pullback where some cotangents are zero, and what its variables are then, where not themselves."""
    late: set[Atom] = set(cotangents)
    known: dict[Atom, Atom] = {var: Literal(zeros(var)) for var in unused}
    zero: set[Atom] = set(unused)
    steps = []
    for step in backward.equations:
        own = [atom for atom in step.operands if atom in late]
        late.update(step.answers)
        rest = [atom for atom in step.operands if atom not in zero]
        if own and all(atom in zero for atom in own):
            # It is linear in them.
            zero.update(step.answers)
            known.update((var, Literal(zeros(var))) for var in step.answers)
        elif (
            step.primitive is _ADD
            and len(rest) == 1
            and isinstance(rest[0], Var)
            and rest[0].same_type(step.answers[0])
        ):
            known[step.answers[0]] = known.get(rest[0], rest[0])
        else:
            steps.append(replace(step, operands=tuple(known.get(atom, atom) for atom in step.operands)))
    return steps, known


_ADD: Any = NUMPY_UFUNCS[np.add]

loop = Primitive("loop", _run, batch=_batch, jvps=_differentiate, within=_within)  # type: ignore[arg-type]
loop.hazard = "inside"
loop.pruned = prune_loop
loop.code = Code(write=partial(write_loop, conform), nest=Looped())
