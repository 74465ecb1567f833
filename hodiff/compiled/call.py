"""Calls of compiled functions inside transformations: one operation, with compiled derivatives.

A `CompiledCall` chooses the specialisation by the plain values behind its operands. From there on all is programs:
forward mode is one program, reverse mode a forward program and its pullback, and a `ProgramCall` of these meets the
transformations below, at any order. Where no program fits, the function is traced as if it had not been compiled. May
import ``annihilate``, ``batch_rules``, ``cache``, ``calls``, ``core``, ``errors``, ``forms``, ``linear_map``,
``numpy_source``, ``program``, ``reverse``, ``shaped``, ``specialisations`` and ``units``.

>>> from hodiff.compiled.cache import World
>>> call = CompiledCall("square", Compiled(World(lambda x: x * x), lambda f: lambda v: f(*v), "square"))
>>> call(np.float64(3.0))
(np.float64(9.0),)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.annihilate import AnnihilateTrace, AnnihilateTracer
from hodiff.batch_rules import Partly
from hodiff.calls import CheckpointCall
from hodiff.compiled.cache import Compiled
from hodiff.compiled.numpy_source import Miss
from hodiff.compiled.specialisations import Specialisation
from hodiff.compiled.units import Unit
from hodiff.core import Tracer
from hodiff.forms import Form
from hodiff.linear_map import LinearMap, TapeVariable, apply_linear
from hodiff.program import GuardMiss
from hodiff.reverse import new_reverse_trace
from hodiff.shaped import Shaped, is_inexact


class ProgramCall(CheckpointCall):
    """One call of a unit; on traced values its program is evaluated, or derivatives of it are called."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit.program.name, self._outputs)
        self.unit = unit

    def _outputs(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        if any(isinstance(v, Tracer) for v in operands):
            return tuple(self.unit.program.evaluate(*operands))
        outputs = self.unit.function(*operands)
        if outputs.__class__ is Miss:
            raise GuardMiss(outputs.index, outputs.outcome)
        return tuple(np.asarray(v)[()] if not isinstance(v, np.ndarray) else v for v in outputs)

    def joint(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """Outputs, and tangents by the derivative programs."""
        return joint(self.unit, tangents, operands)

    def batched(self, size: int, flags: Sequence[bool]) -> "ProgramCall":
        """A call of the unit for the batch."""
        return _Batched(self.unit, size, tuple(flags))


class _Batched(ProgramCall):
    """A call of a unit for a batch, which is made when the operands are known."""

    def __init__(self, unit: Unit, size: int, flags: tuple[bool, ...]) -> None:
        super().__init__(unit)
        self.size = size
        self.flags = flags

    def __call__(self, *operands: Any) -> tuple[Any, ...]:
        unit = self.unit.batch(self.size, self.flags, [_example(v) for v in operands])
        return Partly(ProgramCall(unit)(*operands), unit.batched)


def joint(unit: Unit, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
    """Outputs of a unit and their tangents: recorded with a compiled pullback, or pushed forward.

    Raises
    ------
    GuardMiss
        Where a guard of the program does not hold.
    """
    slots = tuple(slot for slot, t in enumerate(tangents) if t is not None)
    values = [_example(v) for v in operands]
    count = len(unit.program.outputs)
    if not any(isinstance(t, TapeVariable) for t in tangents):
        found = _pushed(unit, slots, values, operands, [tangents[s] for s in slots])
        answers = found[:count]
        return answers, _with_none(found[count:], _spaces(answers))
    passes = unit.linearise(slots, values)
    found = ProgramCall(passes.forward)(*operands)
    answers, residuals = found[:count], found[count:]
    like = _spaces(answers)

    def pull(cotangents: list[Any]) -> list[Any]:
        given = [_scalar(c) for c, s in zip(cotangents, like, strict=True) if s is not None]
        full = [_zeros(s) if c is None else c for c, s in zip(given, filter(None, like), strict=True)]
        trace = _annihilating(full)
        found: Sequence[Any]
        try:
            with np.errstate(all="ignore"):
                if trace is None:
                    found = ProgramCall(passes.backward)(*residuals, *full)
                else:
                    found = ProgramCall(unit.pull(slots, values))(*operands, *map(trace.unwrap, full))
                    found = tuple(map(trace.wrap, found))
        except Exception:  # noqa: BLE001 - whatever it is, tracing the program raises it too, or is right
            found = _traced(unit, slots, operands).transpose(cotangents)
        return _in_slots(slots, found, len(operands))

    def push(given: list[Any]) -> list[Any]:
        directions = [_zeros(operands[s]) if given[s] is None else given[s] for s in slots]
        try:
            return _with_none(_pushed(unit, slots, values, operands, directions)[count:], like)
        except Exception:  # noqa: BLE001 - whatever it is, tracing the program raises it too, or is right
            return _traced(unit, slots, operands).push([given[s] for s in slots])

    return answers, apply_linear(push, pull, tangents, like)


def _pushed(
    unit: Unit, slots: tuple[int, ...], values: Sequence[Any], operands: Sequence[Any], tangents: list[Any]
) -> tuple[Any, ...]:
    """Outputs and tangents, where zeros annihilate if any tangent asks for that."""
    trace = _annihilating(tangents)
    if trace is None:
        return ProgramCall(unit.push(slots, values))(*operands, *tangents)
    found = ProgramCall(unit.push(slots, values, annihilate=True))(*operands, *map(trace.unwrap, tangents))
    count = len(unit.program.outputs)
    return (*found[:count], *map(trace.wrap, found[count:]))


def _traced(unit: Unit, slots: tuple[int, ...], operands: Sequence[Any]) -> LinearMap:
    """The derivative by tracing the program, operation by operation."""
    with new_reverse_trace.get()() as trace:
        inputs = list(operands)
        for slot in slots:
            inputs[slot] = trace.input(operands[slot])
        return trace.finish(unit.program.evaluate(*inputs))


def _annihilating(values: Sequence[Any]) -> AnnihilateTrace | None:
    return next((v.owner for v in values if isinstance(v, AnnihilateTracer)), None)


class CompiledCall(CheckpointCall):
    """One call of a compiled function.

    Attributes
    ----------
    forms : list of Form
        Of the result, the last one for the last run; shared with the calls for batches that are made of this one.
    """

    def __init__(self, name: str, compiled: Compiled, forms: list[Form] | None = None) -> None:
        super().__init__(name, self._answers)
        self.compiled = compiled
        self.forms: list[Form] = [] if forms is None else forms

    def _answers(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """Numbers of the result: of programs for plain operands, of the function itself for traced ones."""
        if any(isinstance(v, Tracer) for v in operands):
            return self._take(self.compiled.plain(operands))
        return self._take(self.compiled.run(operands))

    def _take(self, result: Any) -> tuple[Any, ...]:
        form, numbers = Form.of(result)
        self.forms.append(form)
        return tuple(v.content() if isinstance(v, Tracer) else np.asarray(v)[()] for v in numbers)

    def joint(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """Answers and tangents, by programs where one fits the plain values behind the operands."""
        entry, inputs = self._specialisation([_example(v) for v in operands])
        if entry is not None:
            arrays = inputs[len(operands) :]
            try:
                answers, found = joint(entry, [*tangents, *(None for _ in arrays)], [*operands, *arrays])
            except Exception:  # noqa: BLE001 - whatever it is, tracing the function raises it too, or is right
                entry = None
            else:
                self.forms.append(entry.form)
                return answers, found
        if any(isinstance(t, TapeVariable) for t in tangents):
            return self._linearise(tangents, operands)
        return self._forward(tangents, operands)

    def batched(self, size: int, flags: Sequence[bool]) -> "CompiledCall":
        """The function compiled for the batch."""
        return CompiledCall(self.name, self.compiled.batched(size, tuple(flags)), self.forms)

    def _specialisation(self, values: Sequence[Any]) -> tuple[Specialisation | None, Sequence[Any]]:
        """The specialisation for plain values, made where there is none, and all inputs; None where it is eager."""
        compiled = self.compiled
        arrays = compiled.world.captures.arrays()
        # Of operands that carry derivatives, each is another, even where the arrays behind them are one.
        values = _distinct(values, arrays)
        inputs = (*values, *arrays)
        table = compiled.table(inputs)
        entry = table.entry
        if entry is not None and not entry.outcomes:
            return entry, inputs
        try:
            for _ in range(3):  # as staged, once more where that was in doubt, as found
                entry, _ = compiled.find(table, values)
                if entry is not None or table.eager is not None or compiled.world.reason is not None:
                    break
        except Exception:  # noqa: BLE001 - tracing the function raises it too, or is right
            entry = None
        return entry, inputs

    def _linearise(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """Answers, and tangents that are recorded, by tracing the function."""
        slots = [slot for slot, t in enumerate(tangents) if t is not None]
        with new_reverse_trace.get()() as trace:
            inputs = list(operands)
            for slot in slots:
                inputs[slot] = trace.input(operands[slot])
            outputs = self._take(self.compiled.plain(inputs))
            derivative = trace.finish(outputs)
            answers = tuple(trace.primal(v) for v in outputs)

        def pull(cotangents: list[Any]) -> list[Any]:
            return _in_slots(slots, derivative.transpose(cotangents), len(operands))

        def push(given: list[Any]) -> list[Any]:
            return derivative.push([given[slot] for slot in slots])

        return answers, apply_linear(push, pull, tangents, _spaces(answers))


def _example(value: Any) -> Any:
    """The plain value behind a traced one, or one of them."""
    return value.alive().example() if isinstance(value, Tracer) else value


def _spaces(answers: Sequence[Any]) -> list[Shaped | None]:
    """Shape and dtype of each answer that carries a derivative, None for the others."""
    return [Shaped(a.shape, a.dtype) if is_inexact(a.dtype) else None for a in answers]


def _distinct(values: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """The values, with a view in the place of an array that occurs before or among the others."""
    seen = {id(v) for v in others}
    found = []
    for value in values:
        if value.__class__ is np.ndarray:
            if id(value) in seen:
                value = value.view()
            seen.add(id(value))
        found.append(value)
    return found


def _zeros(like: Any) -> Any:
    return np.zeros(like.shape, like.dtype)[()]


def _scalar(value: Any) -> Any:
    """A cotangent; pullbacks are compiled for scalars of shape ()."""
    return value[()] if isinstance(value, np.ndarray) and not value.shape else value


def _in_slots(slots: Sequence[int], values: Sequence[Any], count: int) -> list[Any]:
    """The values in these places of a list of Nones."""
    found: list[Any] = [None] * count
    for slot, value in zip(slots, values, strict=True):
        found[slot] = value
    return found


def _with_none(values: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    """One value for each answer that carries a derivative, None for the others."""
    given = iter(values)
    return [None if s is None else next(given) for s in like]
