"""Programs inside operations: what the bodies of loops and the sides of branches have in common.

May import ``annihilate``, ``batch``, ``core``, ``derive``, ``errors``, ``forward``, ``linear_map``, ``numpy_source``,
``program``, ``reverse``, ``shaped`` and ``staging``.

>>> from hodiff.staging import stage
>>> _, program = stage(lambda x, n: [x * 2.0, n + 1], [np.float64(1.0), 1], name="f")
>>> reached(program, (True, True))
(True, False)
>>> whole, marked = rerun(program, Batch(2), (True, False), (), [np.ones(2), 1])
>>> marked, whole.evaluate(np.array([1.0, 2.0]), 5)
((True, False), [array([2., 4.]), 6])
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from hodiff.annihilate import AnnihilateTrace, AnnihilateTracer
from hodiff.batch import BatchTrace, BatchTracer
from hodiff.compiled.derive import Linearisation, linearise, push
from hodiff.compiled.numpy_source import emit
from hodiff.core import Trace, Tracer
from hodiff.errors import NotStagedError
from hodiff.forward import ForwardTrace, ForwardTracer
from hodiff.linear_map import TapeVariable, apply_linear
from hodiff.program import Atom, Equation, Guard, Literal, Program, Var
from hodiff.reverse import ReverseTrace
from hodiff.shaped import Shaped, is_inexact
from hodiff.staging import stage

_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


def conform(var: Var | Literal, value: Any) -> Any:
    """A plain value in the form of a variable, and for scalars and numbers of its dtype."""
    if var.form == "array":
        return value if value.__class__ is np.ndarray else np.asarray(value, var.dtype)
    if var.form == "number":
        return _CONVERSIONS[var.dtype.kind](value)
    if isinstance(value, np.generic) and value.dtype == var.dtype:
        return value
    return var.dtype.type(value)


def conformed(var: Var | Literal, value: Any) -> Any:
    """As `conform`, for a value that may be traced, which stays as it is."""
    return value if isinstance(value, Tracer) else conform(var, value)


def answers_of(values: Sequence[Any], operands: Sequence[Any]) -> tuple[Any, ...]:
    """Values as the answers of an operation: NumPy's, and with memory of their own."""
    found: list[Any] = []
    for value in values:
        if not isinstance(value, np.ndarray):
            value = value if isinstance(value, np.generic) else np.asarray(value)[()]
        elif not value.flags.owndata or any(value is other for other in (*operands, *found)):
            value = value.copy()
        found.append(value)
    return tuple(found)


def runner(program: Program, turns: int = 1) -> Callable[..., Sequence[Any]]:
    """A function of plain values that runs a program without guards, compiled where it pays."""
    known: Callable[..., Sequence[Any]] | None = program.memo.get("runner")
    if known is None:
        if turns * len(program.steps) < WORTH_COMPILING:
            return program.evaluate
        known = program.memo["runner"] = emit(program).function
    return known


#: Evaluations of equations that cost as much as compiling a program.
WORTH_COMPILING = 500


def example(value: Any) -> Any:
    """A plain value of the type of an operand."""
    return value.example() if isinstance(value, Tracer) else value


def ones(atom: Atom) -> Any:
    """Ones of the type of a variable."""
    return conform(atom, np.ones(atom.shape, atom.dtype))


def zeros(atom: Atom | Shaped) -> Any:
    """The zero derivative of a variable."""
    return np.zeros(atom.shape, atom.dtype if is_inexact(atom.dtype) else float)[()]


def without_guards(program: Program) -> Program:
    """The program, which has to hold at each turn of a loop.

    Raises
    ------
    NotStagedError
        When it does so only under conditions.
    """
    if program.guards:
        raise NotStagedError("inside a loop, a derivative depends on what its value is")
    return program


def pushed(program: Program, slots: tuple[int, ...], values: Sequence[Any]) -> Program:
    """As `derive.push`."""
    with np.errstate(all="ignore"):
        return without_guards(push(program, slots, values))


def linearised(program: Program, slots: tuple[int, ...], values: Sequence[Any]) -> Linearisation:
    """As `derive.linearise`."""
    with np.errstate(all="ignore"):
        linear = linearise(program, slots, values)
    without_guards(linear.forward)
    return linear


def pulled(program: Program, slots: tuple[int, ...], values: Sequence[Any]) -> Program:
    """Program from the inputs and the cotangents of the inexact outputs to those of ``slots``: both passes in one."""
    key = ("pulled", slots)
    if key not in program.memo:
        forward, backward, residuals = linearised(program, slots, values)
        needed = used_steps((*forward.steps, *backward.steps), backward.outputs)
        program.memo[key] = backward.replace(inputs=(*forward.inputs, *backward.inputs[residuals:]), steps=needed)
    found: Program = program.memo[key]
    return found


def used_steps(steps: Sequence[Equation | Guard], outputs: Sequence[Atom]) -> list[Equation | Guard]:
    """The steps that some of the outputs depend on, in order."""
    wanted = {atom for atom in outputs if isinstance(atom, Var)}
    used: list[Equation | Guard] = []
    for step in reversed(steps):
        if isinstance(step, Equation) and any(var in wanted for var in step.answers):
            used.append(step)
            wanted.update(atom for atom in step.operands if isinstance(atom, Var))
    return used[::-1]


def reached(program: Program, flags: Sequence[bool]) -> tuple[bool, ...]:
    """Whether each output may have a derivative with respect to the flagged inputs."""
    active: set[Atom] = {var for var, flag in zip(program.inputs, flags, strict=True) if flag and is_inexact(var.dtype)}
    for step in program.equations:
        if not step.primitive.constant and any(atom in active for atom in step.operands):
            active.update(var for var in step.answers if is_inexact(var.dtype))
    return tuple(atom in active for atom in program.outputs)


class Way(Protocol):
    """A trace to run a program with, and how values of it are made."""

    key: Any

    def open(self) -> Trace:
        """A new trace."""

    def wrap(self, trace: Trace, value: Any) -> Any:
        """A tracer."""

    def fill(self, value: Any) -> Any:
        """What a tracer for a value contains that does not depend on any."""


class Batch:
    """As one of ``size`` members."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.key = ("batch", size)

    def open(self) -> BatchTrace:
        """A new trace."""
        return BatchTrace(self.size)

    def wrap(self, trace: Any, value: Any) -> Any:
        """A tracer for a whole batch."""
        return BatchTracer(trace, value)

    def fill(self, value: Any) -> Any:
        """The same for all members."""
        return np.broadcast_to(value, (self.size, *np.shape(value)))


class Annihilate:
    """With zeros that win over NaN and inf."""

    key = "annihilate"

    def open(self) -> AnnihilateTrace:
        """A new trace."""
        return AnnihilateTrace()

    def wrap(self, trace: Any, value: Any) -> Any:
        """A tracer."""
        return AnnihilateTracer(trace, value)

    def fill(self, value: Any) -> Any:
        """The value."""
        return value


def rerun(
    program: Program, way: Way, flags: tuple[bool, ...], wanted: tuple[int, ...], values: Sequence[Any]
) -> tuple[Program, tuple[bool, ...]]:
    """Program of what a trace does to the flagged inputs of a program, and which outputs are of that trace.

    Parameters
    ----------
    program : Program
    way : Way
    flags : tuple of bool
    wanted : tuple of int
        Outputs that have to be of the trace, even where they do not depend on the flagged inputs.
    values : sequence
        Plain values of the inputs; of those that are flagged, as they are inside the tracers.
    """
    key = ("rerun", way.key, flags, wanted)
    if key not in program.memo:
        marked: list[bool] = []

        def run(*operands: Any) -> list[Any]:
            with way.open() as trace:
                inputs = [way.wrap(trace, v) if flag else v for v, flag in zip(operands, flags, strict=True)]
                outputs = [v.content() if isinstance(v, Tracer) else v for v in program.evaluate(*inputs)]
            mine = [isinstance(v, Tracer) and v.owner is trace for v in outputs]
            marked.extend(m or i in wanted for i, m in enumerate(mine))
            return [
                v.value if m else way.fill(v) if i in wanted else v
                for i, (v, m) in enumerate(zip(outputs, mine, strict=True))
            ]

        with np.errstate(all="ignore"):
            staged = without_guards(stage(run, values, name=program.name)[1])
        program.memo[key] = staged, tuple(marked)
    found: tuple[Program, tuple[bool, ...]] = program.memo[key]
    return found


# --- where no program can be derived ----------------------------------------------------------------------------------
# A derivative may depend on values, in a rule of the user's for instance. Then the operation is run on traced values,
# turn by turn.


def run_with(
    way: Way, function: Callable[..., Sequence[Any]], operands: Sequence[Any], flags: Sequence[bool]
) -> tuple[tuple[Any, ...], tuple[bool, ...]]:
    """What a function makes of operands of which the flagged ones are of a trace, and which answers are of it."""
    with way.open() as trace:
        inputs = [way.wrap(trace, v) if flag else v for v, flag in zip(operands, flags, strict=True)]
        outputs = [v.content() if isinstance(v, Tracer) else v for v in function(*inputs)]
    mine = tuple(isinstance(v, Tracer) and v.owner is trace for v in outputs)
    return tuple(v.value if m else v for v, m in zip(outputs, mine, strict=True)), mine


def differentiate_with(
    function: Callable[..., Sequence[Any]], tangents: list[Any], operands: Sequence[Any]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Answers and tangents of a function that is run on traced values."""
    inputs = list(operands)
    slots = [slot for slot, t in enumerate(tangents) if t is not None]
    if not any(isinstance(t, TapeVariable) for t in tangents):
        with ForwardTrace() as forward:
            for slot in slots:
                inputs[slot] = ForwardTracer(forward, operands[slot], tangents[slot])
            outputs = function(*inputs)
        mine = [isinstance(v, ForwardTracer) and v.owner is forward for v in outputs]
        answers = tuple(v.primal if m else v for v, m in zip(outputs, mine, strict=True))
        return answers, tuple(v.tangent if m else None for v, m in zip(outputs, mine, strict=True))
    with ReverseTrace() as trace:
        for slot in slots:
            inputs[slot] = trace.input(operands[slot])
        outputs = function(*inputs)
        linear = trace.finish(outputs)
    answers = tuple(trace.primal(v) for v in outputs)
    like = [Shaped(a.shape, a.dtype) if is_inexact(a.dtype) else None for a in answers]

    def pull(cotangents: list[Any]) -> list[Any]:
        found: list[Any] = [None] * len(operands)
        for slot, value in zip(slots, linear.pull(cotangents), strict=True):
            found[slot] = value
        return found

    return answers, tuple(apply_linear(lambda given: linear.push([given[s] for s in slots]), pull, tangents, like))
