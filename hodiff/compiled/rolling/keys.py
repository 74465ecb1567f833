"""Equations as numbers: equal where they do the same to operands of the same types.

What differs from turn to turn of a loop is left out of the number and kept beside it: which variables and literals the
operands are, and the integers of a basic index. May import ``core``,
``program`` and ``progressions``.

>>> from hodiff.staging import stage
>>> _, program = stage(lambda x: [np.sin(x[1]) + np.sin(x[0])], [np.ones(2)])
>>> table = Table(program.steps, program.inputs)
>>> table.keys.tolist()  # getitem, sin, getitem, sin, add
[0, 1, 0, 1, 2]
>>> table.integers.tolist()
[1, 0]
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hodiff.core import Primitive
from hodiff.program import QUIET, Atom, Equation, Guard, Literal, Program, Var, exact
from hodiff.progressions import moving

#: Answers of one equation that can be told apart in `Table.operands`.
WIDTH = 64
_PLAIN = frozenset((int, bool, str, bytes, type(None), type))
#: Literal arrays up to this many elements are compared by value, longer ones by identity.
_SMALL = 256


class Table:
    """The steps of a program as arrays of integers.

    Attributes
    ----------
    keys : array
        One a step. Guards, and equations that cannot be part of a loop, have numbers of their own.
    operands : array
        All operands one after another: ``position * WIDTH + answer`` of the equation that defines a variable, a
        negative number for an input, -1 for a literal.
    literals : array
        Beside it: a number for each literal, equal for equal ones; 0 for a variable.
    integers : array
        The integers of all basic indices, one after another.
    operand_start, integer_start : array
        Where those of a step begin; one more entry than steps.
    places : dict
        For each variable that an equation defines, its number as in ``operands``.
    """

    def __init__(self, steps: Sequence[Equation | Guard], inputs: Iterable[Var]) -> None:
        self._numbers: dict[Any, int] = {}
        self._types: dict[Any, int] = {}
        self._literals: dict[Any, int] = {}
        self._arrays: dict[int, int] = {}
        self._kept: list[Any] = []  # what is known by identity must stay alive
        self.places: dict[Var, int] = {var: -2 - i for i, var in enumerate(inputs)}
        self._type_of: dict[Var, int] = {var: self._type(var.shape, var.dtype, var.form) for var in self.places}
        self._operands: list[int] = []
        self._literal_numbers: list[int] = []
        self._integers: list[int] = []
        keys, operand_start, integer_start = [], [0], [0]
        for position, step in enumerate(steps):
            keys.append(self._equation(step, position) if step.__class__ is Equation else -1 - position)
            operand_start.append(len(self._operands))
            integer_start.append(len(self._integers))
        self.keys = np.array(keys, np.int64)
        self.operands = np.array(self._operands, np.int64)
        self.literals = np.array(self._literal_numbers, np.int64)
        self.integers = np.array(self._integers, np.int64)
        self.operand_start = np.array(operand_start, np.int64)
        self.integer_start = np.array(integer_start, np.int64)

    def keep_frequent(self, turns: int, least: int) -> bool:
        """Set equations apart that come less than ``turns`` times; whether ``least`` others are left."""
        regular = self.keys >= 0
        if not regular.any():
            return False
        counts = np.bincount(self.keys[regular])
        regular[regular] = counts[self.keys[regular]] >= turns
        self.keys[~regular] = -1
        return int(np.count_nonzero(regular)) >= least

    def _equation(self, step: Any, position: int) -> int:
        places, types, operands, literals = self.places, self._type_of, self._operands, self._literal_numbers
        primitive, errstate, parameters = step.primitive, step.errstate, step.parameters
        key: list[Any] = [
            primitive if primitive.origin is None else self._primitive(primitive),
            None if errstate is None else id(errstate) if errstate is QUIET else errstate,
            step.several,
            self._parameters(primitive, parameters) if parameters else None,
        ]
        for atom in step.operands:
            if atom.__class__ is Var:
                operands.append(places[atom])
                literals.append(0)
                key.append(types[atom])
            else:
                value = atom.value
                operands.append(-1)
                literals.append(self._literal(value))
                key.append(self._value_type(value))
        number = position * WIDTH
        key.append(-1)
        for var in step.answers:
            found = self._types.setdefault((var.shape, var.dtype, var.form), len(self._types))
            key.append(found)
            types[var] = found
            places[var] = number
            number += 1
        if number > (position + 1) * WIDTH:
            return -1 - position
        return self._numbers.setdefault(tuple(key), len(self._numbers))

    def _primitive(self, primitive: Primitive) -> Any:
        if primitive.origin is None:
            return primitive
        general, parameters = primitive.origin
        return (general, self.frozen(parameters))

    def _type(self, shape: Any, dtype: Any, form: str) -> int:
        return self._types.setdefault((shape, dtype, form), len(self._types))

    def _value_type(self, value: Any) -> int:
        if value.__class__ is np.ndarray:
            return self._type(value.shape, value.dtype, "array")
        found = self._types.get(value.__class__)
        if found is None:
            var = Var.of(value)
            found = self._types[value.__class__] = self._type(var.shape, var.dtype, var.form)
        return found

    def _literal(self, value: Any) -> int:
        kind = value.__class__
        key: Any
        if kind is float or kind is np.float64:
            key = (kind, value.hex())
        elif kind is int or kind is bool:
            key = (kind, value)
        elif kind is np.ndarray:
            known = self._arrays.get(id(value))
            if known is not None:
                return known
            self._kept.append(value)
            key = exact(value) if value.size <= _SMALL else id(value)
            if not any(value.strides) and value.size:
                key = (value.shape, exact(value.flat[0]))
            self._arrays[id(value)] = self._literals.setdefault(key, 1 + len(self._literals))
            return self._arrays[id(value)]
        else:
            key = exact(value)
        return self._literals.setdefault(key, 1 + len(self._literals))

    def _parameters(self, primitive: Primitive, parameters: dict[str, Any]) -> Any:
        if primitive.index is None:
            return self.frozen(parameters)
        pattern: list[Any] = []
        for entry in parameters[primitive.index]:
            number = moving(entry)
            if number is None:
                pattern.append(entry if entry is None or entry is Ellipsis else self.frozen(entry))
            else:
                self._integers.append(number)
                pattern.append(int if entry.__class__ is int else entry.stop - number)
        if len(parameters) == 1:
            return tuple(pattern)
        others = {name: value for name, value in parameters.items() if name != primitive.index}
        return (tuple(pattern), self.frozen(others))

    def frozen(self, value: Any) -> Any:
        """A key for a parameter, equal for parameters that mean the same."""
        kind = value.__class__
        if kind in _PLAIN:
            return (kind, value)
        if kind is tuple or kind is list:
            return (kind, *[(int, part) if part.__class__ is int else self.frozen(part) for part in value])
        if kind is dict:
            return (dict, *[(name, self.frozen(part)) for name, part in value.items()])
        if kind is float or kind is complex or isinstance(value, (np.ndarray, np.generic)):
            return exact(value)
        if value.__class__ is slice:
            return (slice, value.start, value.stop, value.step)
        if isinstance(value, np.dtype) or value is Ellipsis:
            return value
        if isinstance(value, Primitive):
            return self._primitive(value)
        if value.__class__ is Program:
            return self._program(value)
        self._kept.append(value)
        return id(value)

    def _program(self, program: Program) -> Any:
        """A key that programs share that differ in the names of their variables alone."""
        names: dict[Atom, Any] = {}

        def named(atom: Atom) -> Any:
            return (Literal, self._literal(atom.value)) if atom.__class__ is Literal else names[atom]

        def defined(var: Var) -> Any:
            names[var] = len(names)
            return self._type(var.shape, var.dtype, var.form)

        parts: list[Any] = [tuple(defined(var) for var in program.inputs)]
        for step in program.steps:
            if step.__class__ is not Equation:
                self._kept.append(program)
                return id(program)
            assert isinstance(step, Equation)
            read = tuple(named(atom) for atom in step.operands)
            written = tuple(defined(var) for var in step.answers)
            parts.append(
                (self._primitive(step.primitive), step.errstate, step.several, read, self.frozen(step.parameters))
            )
            parts.append(written)
        parts.append(tuple(named(atom) for atom in program.outputs))
        return (Program, *parts)
