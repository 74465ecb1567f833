"""Programs written by hand for tests, an equation a call, and comparisons of two programs by evaluating them."""

import re
import warnings

import numpy as np

from hodiff.core import NUMPY_UFUNCS
from hodiff.program import QUIET, Equation, Guard, Literal, Program, Var, check

SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.5, -2.0, 1e308])
ALL = {"axis": (-1,), "keepdims": False}


class Writer:
    """Writes a program by hand: an equation a call, its answer typed by evaluating it on the examples."""

    def __init__(self, *examples, quiet=True):
        self.examples = [np.array(x) if isinstance(x, list) else x for x in examples]
        self.inputs = [Var.of(x) for x in self.examples]
        self.values = dict(zip(self.inputs, self.examples, strict=True))
        self.steps = []
        self.quiet = quiet

    def __call__(self, primitive, *operands, quiet=None, **parameters):
        atoms = tuple(a if isinstance(a, Var) else Literal(a) for a in operands)
        with np.errstate(all="ignore"):
            values = [a.value if isinstance(a, Literal) else self.values[a] for a in atoms]
            value = primitive.function(*values, **parameters)
        answer = Var.of(value)
        errstate = QUIET if (self.quiet if quiet is None else quiet) else None
        self.steps.append(Equation(primitive, atoms, parameters, (answer,), False, errstate))
        self.values[answer] = value
        return answer

    def guard(self, operand, expected, truth=True):
        self.steps.append(Guard(operand, expected, truth))

    def program(self, *outputs):
        program = Program(tuple(self.inputs), tuple(self.steps), outputs)
        check(program)
        return program


def text(program):
    """The equations as printed, without the lines that they come from."""
    return [re.sub(r"\s+# .*", "", line).strip() for line in str(program).splitlines()[1:]]


def outputs(program, *values):
    with np.errstate(all="ignore"):
        return program.evaluate(*values)


def assert_same_bits(before, after, *values):
    for a, b in zip(outputs(before, *values), outputs(after, *values), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
        known = ~np.isnan(a)
        np.testing.assert_array_equal(np.signbit(a[known]), np.signbit(b[known]))


def assert_close(before, after, *values, rtol=1e-12):
    for a, b in zip(outputs(before, *values), outputs(after, *values), strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def expressions(lines):
    """What stands behind the types, and without the last line."""
    return [line.split(" = ")[1].removesuffix(" quietly") for line in lines[:-1]]


def messages(program, *values):
    """What warnings show, in any order."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        program.evaluate(*values)
    return {str(w.message) for w in caught}


#: Claimed under NumPy's name.
less = NUMPY_UFUNCS[np.less]
