"""Derivatives and batches of programs, which are programs again.

The modes run on `Program.evaluate`, and staging writes down what they do; nothing here knows of an operation. A
pullback needs the values of its forward pass: both are staged as one program, whose inputs are operands and cotangents,
and which is then split in two by what depends on the cotangents. May import ``annihilate``, ``batch``, ``core``,
``errors``, ``forward``, ``program``, ``reverse``, ``shaped`` and ``staging``.

>>> from hodiff.staging import stage
>>> _, program = stage(lambda x: [np.sin(x) * x], [np.float64(1.0)], name="f")
>>> forward, backward, residuals = linearise(program, (0,), [np.float64(1.0)])
>>> value, *kept = forward.evaluate(np.float64(2.0))
>>> backward.evaluate(*kept, np.float64(1.0))[0] == np.sin(2.0) + 2.0 * np.cos(2.0)
np.True_
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hodiff.annihilate import AnnihilateTrace
from hodiff.batch import BatchTrace, BatchTracer
from hodiff.core import Tracer
from hodiff.errors import NotStagedError
from hodiff.forward import ForwardTrace, ForwardTracer
from hodiff.program import Atom, Equation, Guard, Literal, Program, Var
from hodiff.reverse import ReverseTrace
from hodiff.shaped import is_inexact
from hodiff.staging import stage


class Linearisation(NamedTuple):
    """A program and its pullback.

    Attributes
    ----------
    forward : Program
        From the inputs to the outputs, followed by the residuals.
    backward : Program
        From the residuals, followed by the cotangents of the inexact outputs, to those of the chosen inputs.
    residuals : int
    """

    forward: Program
    backward: Program
    residuals: int


def linearise(program: Program, slots: tuple[int, ...], values: Sequence[Any]) -> Linearisation:
    """Forward and backward pass of a program.

    Parameters
    ----------
    program : Program
    slots : tuple of int
        Inputs to differentiate with respect to.
    values : sequence
        Plain values of the inputs, for which the guards hold.
    """
    key = ("linearise", slots)
    if key not in program.memo:
        program.memo[key] = _linearise(program, slots, values)
    found: Linearisation = program.memo[key]
    return found


def _linearise(program: Program, slots: tuple[int, ...], values: Sequence[Any]) -> Linearisation:
    both, cotangents = _both_passes(program, slots, annihilate=False)
    _, joint = stage(both, [*values, *cotangents], name=program.name)
    return split(joint, len(program.inputs), len(program.outputs))


def pull(program: Program, slots: tuple[int, ...], values: Sequence[Any]) -> Program:
    """Program from the inputs and the cotangents of the inexact outputs to those of ``slots``, where zeros annihilate.

    Parameters
    ----------
    program, slots, values
        As for `linearise`.
    """
    both, cotangents = _both_passes(program, slots, annihilate=True)
    _, joint = stage(both, [*values, *cotangents], name=f"pullback of {program.name}")
    return joint.replace(outputs=joint.outputs[len(program.outputs) :])


def _both_passes(
    program: Program, slots: tuple[int, ...], *, annihilate: bool
) -> tuple[Callable[..., list[Any]], list[Any]]:
    """Function of inputs and cotangents that returns outputs and pulled cotangents; examples of cotangents."""
    count = len(program.inputs)
    carrying = [is_inexact(atom.dtype) for atom in program.outputs]

    def both(*operands: Any) -> list[Any]:
        zeros = AnnihilateTrace() if annihilate else None  # above the trace that stages
        inputs = list(operands[:count])
        given = iter(operands[count:] if zeros is None else [zeros.wrap(v) for v in operands[count:]])
        with ReverseTrace() as trace:
            for slot in slots:
                inputs[slot] = trace.input(inputs[slot])
            outputs = program.evaluate(*inputs)
            derivative = trace.finish(outputs)
        cotangents = [next(given) if inexact else None for inexact in carrying]
        pulled = derivative.transpose(cotangents)
        if zeros is not None:
            pulled = [zeros.unwrap(p) for p in pulled]
        full = [_zeros(operands[s]) if p is None else p for s, p in zip(slots, pulled, strict=True)]
        return [*(trace.primal(value) for value in outputs), *full]

    return both, [_ones(atom) for atom, inexact in zip(program.outputs, carrying, strict=True) if inexact]


def push(program: Program, slots: tuple[int, ...], values: Sequence[Any], *, annihilate: bool = False) -> Program:
    """Program from the inputs and the tangents of ``slots`` to the outputs and the tangents of the inexact ones.

    Parameters
    ----------
    program, slots, values
        As for `linearise`.
    annihilate : bool
        Zeros of tangents win over NaN and inf.
    """
    key = ("push", slots, annihilate)
    if key not in program.memo:
        program.memo[key] = _push(program, slots, values, annihilate)
    found: Program = program.memo[key]
    return found


def _push(program: Program, slots: tuple[int, ...], values: Sequence[Any], annihilate: bool) -> Program:
    count = len(program.inputs)
    carrying = [is_inexact(atom.dtype) for atom in program.outputs]

    def both(*operands: Any) -> list[Any]:
        zeros = AnnihilateTrace() if annihilate else None  # above the trace that stages
        inputs = list(operands[:count])
        with ForwardTrace() as trace:
            for slot, tangent in zip(slots, operands[count:], strict=True):
                inputs[slot] = ForwardTracer(trace, inputs[slot], tangent if zeros is None else zeros.wrap(tangent))
            outputs = program.evaluate(*inputs)
        mine = [isinstance(v, ForwardTracer) and v.owner is trace for v in outputs]
        primals = [v.primal if m else v for v, m in zip(outputs, mine, strict=True)]
        tangents = [v.tangent if m else _zeros(v) for v, m in zip(outputs, mine, strict=True)]
        if zeros is not None:
            tangents = [zeros.unwrap(t) for t in tangents]
        return [*primals, *(t for t, inexact in zip(tangents, carrying, strict=True) if inexact)]

    tangents = [_ones(program.inputs[slot]) for slot in slots]
    return stage(both, [*values, *tangents], name=program.name)[1]


def batch(
    program: Program, size: int, flags: tuple[bool, ...], values: Sequence[Any]
) -> tuple[Program, tuple[bool, ...]]:
    """Program for a batch of ``size`` in front of the flagged inputs, and which of its outputs have the batch too.

    Parameters
    ----------
    program : Program
    size : int
    flags : tuple of bool
    values : sequence
        Plain values of the inputs, with the batch in front of those that have one.
    """
    key = ("batch", size, flags)
    if key not in program.memo:
        marked: list[bool] = []

        def all_members(*operands: Any) -> list[Any]:
            with BatchTrace(size) as trace:
                inputs = [BatchTracer(trace, v) if flag else v for v, flag in zip(operands, flags, strict=True)]
                outputs = [v.content() if isinstance(v, Tracer) else v for v in program.evaluate(*inputs)]
            marked.extend(isinstance(v, BatchTracer) and v.owner is trace for v in outputs)
            return [v.value if mark else v for v, mark in zip(outputs, marked, strict=True)]

        staged = stage(all_members, values, name=program.name)[1]
        program.memo[key] = staged, tuple(marked)
    found: tuple[Program, tuple[bool, ...]] = program.memo[key]
    return found


def on_batch(
    function: Callable[..., Sequence[Any]], size: int, flags: Sequence[bool], operands: Sequence[Any]
) -> list[Any]:
    """Outputs of a function for a whole batch, which is in front of each of them."""
    with BatchTrace(size) as trace:
        inputs = [BatchTracer(trace, v) if flag else v for v, flag in zip(operands, flags, strict=True)]
        outputs = [v.content() if isinstance(v, Tracer) else v for v in function(*inputs)]
    return [
        v.value if isinstance(v, BatchTracer) and v.owner is trace else np.broadcast_to(v, (size, *np.shape(v)))
        for v in outputs
    ]


def split(program: Program, known: int, outputs: int) -> Linearisation:
    """Two programs of one: what the first ``known`` inputs determine, and the rest.

    The first ``outputs`` outputs must be of the first part.

    Raises
    ------
    NotStagedError
        When a guard, or an output of the first part, depends on the other inputs.
    """
    late: set[Atom] = set(program.inputs[known:])
    first: list[Equation | Guard] = []
    second: list[Equation | Guard] = []
    for step in program.steps:
        operands = step.operands if isinstance(step, Equation) else (step.operand,)
        if not any(atom in late for atom in operands):
            first.append(step)
        elif isinstance(step, Guard):
            raise NotStagedError("Python control flow depends on a cotangent")
        else:
            second.append(step)
            late.update(step.answers)
    results, pulled = program.outputs[:outputs], program.outputs[outputs:]
    if any(atom in late for atom in results):
        raise NotStagedError("a value depends on a cotangent")
    used = [atom for step in second if isinstance(step, Equation) for atom in step.operands]
    residuals: dict[Var, None] = {atom: None for atom in (*used, *pulled) if isinstance(atom, Var) and atom not in late}
    kept = tuple(residuals)
    forward = program.replace(inputs=program.inputs[:known], steps=first, outputs=(*results, *kept))
    backward = program.replace(
        inputs=(*kept, *program.inputs[known:]), steps=second, outputs=pulled, name=f"pullback of {program.name}"
    )
    return Linearisation(forward, backward, len(kept))


def _zeros(value: Any) -> Any:
    dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
    return np.zeros(np.shape(value), dtype if is_inexact(dtype) else float)[()]


def _ones(atom: Atom) -> Any:
    if isinstance(atom, Literal):
        return np.ones(atom.shape, atom.dtype)[()]
    return np.ones(atom.shape, atom.dtype) if atom.form == "array" else atom.dtype.type(1)
