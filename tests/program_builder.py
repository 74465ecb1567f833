"""Programs written by hand in tests, and the comparison of values in every bit."""

import numpy as np

from hodiff.program import Equation, Guard, Literal, Program, Var, exact

F8 = np.dtype(float)


class Build:
    """A program that is computed while it is written, so that every variable has the type of its value."""

    def __init__(self, *values, name="f"):
        self.values = {Var.of(value): value for value in values}
        self.inputs = tuple(self.values)
        self.steps = []
        self.name = name

    def __call__(self, primitive, *operands, errstate=None, source=None, form=None, **parameters):
        atoms = tuple(o if isinstance(o, (Var, Literal)) else Literal(o) for o in operands)
        with np.errstate(all="ignore"):
            answer = primitive.function(*(self.value(atom) for atom in atoms), **parameters)
        several = isinstance(answer, tuple)
        answers = tuple(Var.of(part) for part in (answer if several else (answer,)))
        if form is not None:
            answers[0].form = form
        self.values.update(zip(answers, answer if several else (answer,), strict=True))
        self.steps.append(Equation(primitive, atoms, parameters, answers, several, errstate, source))
        return answers if several else answers[0]

    def value(self, atom):
        return atom.value if isinstance(atom, Literal) else self.values[atom]

    def guard(self, var, truth=True):
        value = self.values[var]
        self.steps.append(Guard(var, bool(value) if truth else value, truth))

    def program(self, *outputs):
        atoms = tuple(o if isinstance(o, (Var, Literal)) else Literal(o) for o in outputs)
        return Program(self.inputs, tuple(self.steps), atoms, self.name)


def key(value):
    """Type and every bit of a value; one NaN is as good as another."""
    if getattr(value, "dtype", F8).char in "gG":
        return (type(value).__name__, value.shape, [repr(part) for part in value.flat])  # without the bytes between
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f":
        canonical = np.where(np.isnan(value), np.nan, value).astype(value.dtype)
        return (type(value).__name__, value.shape, value.dtype.str, canonical.tobytes())
    return (type(value).__name__, exact(value))


def assert_same(found, wanted):
    assert [key(value) for value in found] == [key(value) for value in wanted]
