"""Calls of compiled functions inside transformations: one operation, with compiled derivatives.

Forward mode runs a program for values and tangents; reverse mode runs a forward program and records its pullback, which
is a program too. Where values of other transformations stand below, or no program fits, the function is traced as if it
had not been compiled. May import ``cache``, ``calls``, ``core``, ``forms``, ``linear_map``, ``reverse``, ``shaped``,
``specialisations`` and ``tape``.

>>> from hodiff.compiled.cache import World
>>> form, values = Form.of(((np.float64(3.0),), {}))
>>> call = CompiledCall("square", Compiled(World(lambda x: x * x), lambda f: lambda v: f(*v), "square"))
>>> call(np.float64(3.0))
(np.float64(9.0),)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hodiff.calls import CheckpointCall
from hodiff.compiled.cache import Compiled
from hodiff.compiled.numpy_source import Miss
from hodiff.compiled.specialisations import Derivative, Specialisation
from hodiff.core import Tracer
from hodiff.forms import Form
from hodiff.linear_map import TapeVariable, apply_linear
from hodiff.program import Program
from hodiff.reverse import new_reverse_trace
from hodiff.shaped import Shaped, is_inexact


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
        """Answers and tangents, by programs where the operands are plain."""
        recording = any(isinstance(t, TapeVariable) for t in tangents)
        if not any(isinstance(v, Tracer) for v in operands):
            if recording:
                found = self._reverse(tangents, operands)
            elif not any(isinstance(t, Tracer) for t in tangents):
                found = self._push(tangents, operands)
            else:
                found = None
            if found is not None:
                return found
        return self._linearise(tangents, operands) if recording else self._forward(tangents, operands)

    def batched(self, size: int, flags: Sequence[bool]) -> "CompiledCall":
        """The function compiled for the batch."""
        return CompiledCall(self.name, self.compiled.batched(size, tuple(flags)), self.forms)

    def _specialisation(self, operands: Sequence[Any]) -> tuple[Specialisation | None, Sequence[Any]]:
        """The specialisation for plain operands, made where there is none, and all inputs; None where it is eager."""
        compiled = self.compiled
        inputs = (*operands, *compiled.world.captures.arrays())
        table = compiled.table(inputs)
        entry = table.entry
        if entry is not None and not entry.outcomes:
            return entry, inputs
        for _ in range(3):  # as staged, once more where that was in doubt, as found
            entry, _ = compiled.find(table, operands)
            if entry is not None or table.eager is not None or compiled.world.reason is not None:
                break
        return entry, inputs

    def _reverse(self, tangents: list[Any], operands: Sequence[Any]) -> Any:
        """Answers of the forward pass; tangents that are recorded with a compiled pullback."""
        slots = tuple(slot for slot, t in enumerate(tangents) if t is not None)
        entry, inputs = self._specialisation(operands)
        if entry is None:
            return None
        try:
            derivative = entry.forward(slots, inputs)
            outputs = derivative.forward.function(*inputs)
        except Exception:  # noqa: BLE001 - whatever it is, the plain function raises it too, or is right
            return None  # traced eagerly, it raises its own error
        if outputs.__class__ is Miss:
            return None
        count = len(outputs) - derivative.residuals
        answers, residuals = outputs[:count], outputs[count:]
        self.forms.append(entry.form)
        like = [Shaped(np.shape(a), np.asarray(a).dtype) if is_inexact(np.asarray(a).dtype) else None for a in answers]

        def pull(cotangents: list[Any]) -> list[Any]:
            full = [_cotangent(c, s) for c, s in zip(cotangents, like, strict=True) if s is not None]
            found: list[Any] = [None] * len(operands)
            for slot, value in zip(slots, _pull(derivative, residuals, full), strict=True):
                found[slot] = value
            return found

        def push(given: list[Any]) -> list[Any]:
            if not any(isinstance(t, Tracer) for t in given):
                full = [np.zeros_like(operands[s]) if given[s] is None else given[s] for s in slots]
                pushed = entry.push(slots, inputs).function(*inputs, *full)
                if pushed.__class__ is not Miss:
                    return _with_none(pushed[count:], like)
            return self._forward(given, operands)[1]

        answers = tuple(np.asarray(a)[()] if not isinstance(a, np.ndarray) else a for a in answers)
        return answers, apply_linear(push, pull, tangents, like)

    def _push(self, tangents: list[Any], operands: Sequence[Any]) -> Any:
        """Answers and tangents by one program."""
        slots = tuple(slot for slot, t in enumerate(tangents) if t is not None)
        entry, inputs = self._specialisation(operands)
        if entry is None:
            return None
        try:
            outputs = entry.push(slots, inputs).function(*inputs, *(tangents[s] for s in slots))
        except Exception:  # noqa: BLE001 - whatever it is, the plain function raises it too, or is right
            return None  # traced eagerly, it raises its own error
        if outputs.__class__ is Miss:
            return None
        count = len(entry.program.outputs)
        self.forms.append(entry.form)
        answers = tuple(np.asarray(a)[()] if not isinstance(a, np.ndarray) else a for a in outputs[:count])
        like = [a if is_inexact(a.dtype) else None for a in answers]
        return answers, _with_none(outputs[count:], like)

    def _linearise(self, tangents: list[Any], operands: Sequence[Any]) -> tuple[tuple[Any, ...], list[Any]]:
        """As `_reverse`, by tracing the function."""
        slots = [slot for slot, t in enumerate(tangents) if t is not None]
        with new_reverse_trace.get()() as trace:
            inputs = list(operands)
            for slot in slots:
                inputs[slot] = trace.input(operands[slot])
            outputs = self._take(self.compiled.plain(inputs))
            derivative = trace.finish(outputs)
            answers = tuple(trace.primal(v) for v in outputs)
        like = [Shaped(a.shape, a.dtype) if is_inexact(a.dtype) else None for a in answers]

        def pull(cotangents: list[Any]) -> list[Any]:
            found: list[Any] = [None] * len(operands)
            for slot, value in zip(slots, derivative.transpose(cotangents), strict=True):
                found[slot] = value
            return found

        def push(given: list[Any]) -> list[Any]:
            return derivative.push([given[slot] for slot in slots])

        return answers, apply_linear(push, pull, tangents, like)


def _pull(derivative: Derivative, residuals: Sequence[Any], cotangents: list[Any]) -> Sequence[Any]:
    if any(isinstance(c, Tracer) for c in cotangents):
        with np.errstate(all="ignore"):
            return _evaluate(derivative.pullback, [*residuals, *cotangents])
    found: Sequence[Any] = derivative.backward.function(*residuals, *cotangents)
    return found


def _evaluate(program: Program, values: list[Any]) -> list[Any]:
    return program.evaluate(*values)


def _cotangent(value: Any, like: Shaped) -> Any:
    """A cotangent that is not symbolic; the pullback is compiled for scalars of shape ()."""
    if value is None:
        return np.zeros(like.shape, like.dtype)[()]
    return value[()] if isinstance(value, np.ndarray) and not like.shape else value


def _with_none(values: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    """One value for each answer that carries a derivative, None for the others."""
    given = iter(values)
    return [None if s is None else next(given) for s in like]
