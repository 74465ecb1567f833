r"""Equations as lines of NumPy code, with their answers in buffers.

What is written for an operation is a part of its declaration (`hodiff.code.Code`). Ufuncs write into buffers by
themselves; what computes scalars is written with Python's operators. May import ``buffers``, ``code``, ``errors``,
``handling``, ``lifetimes``, ``program``, ``schedule`` and ``text``.

>>> from hodiff.ops.elementwise import exp, multiply
>>> x, a, b = (Var((3,), np.dtype(float)) for _ in range(3))
>>> steps = (Equation(exp, (x,), {}, (a,)), Equation(multiply, (a, Literal(2.0)), {}, (b,)))
>>> writer = Writer()
>>> writer.define(x)
'a'
>>> writer.steps(Program((x,), steps, (b,)))
>>> print("\n".join(writer.lines))
exp(a, b0)
b = multiply(b0, k0)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np

from hodiff.code import Code, Template
from hodiff.compiled.numpy_source.buffers import Buffers, Shape
from hodiff.compiled.numpy_source.lifetimes import Lifetimes, sharing
from hodiff.compiled.numpy_source.schedule import scheduled
from hodiff.compiled.numpy_source.text import Text
from hodiff.errors import ProgramError
from hodiff.handling import HANDLING, IGNORE
from hodiff.program import QUIET, Atom, Equation, Errstate, Guard, Literal, Program, Source, Var, exact, letters

#: In the place of the lines that give the buffers back to the pool, until it is known whether there are any.
GIVE_BACK = "\0"
_NUMBERS = (bool, int, float, complex)
_WEAK = {"i": int, "f": float, "c": complex}


class Writer(Text):
    """Writes the equations of one program, and of the programs inside them.

    The methods that the ``write`` of a `hodiff.code.Code` may use are `operand`, `define`, `array`, `temporary`,
    `inline`, and of `Text`: `line`, `block`, `fresh`, `bind`, `constant` and `filled`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.buffers = Buffers(self)
        self._names: dict[Var, str] = {}
        self._letters = letters()
        #: The buffers that hold variables, of the innermost program and of those around it.
        self._holding: dict[Atom, str] = {}
        self._temporaries: list[str] = []
        #: Arrays that some answers of a program inside are to be written into.
        self.targets: dict[Atom, str] = {}
        self._latest: tuple[Source | None, str] = (None, "")
        self._small: dict[Any, str | None] = {}
        self.lifetimes = Lifetimes((), (), ())
        self._step = 0
        self._ambient: Errstate | None = None
        self.comment = ""
        self._guards: int | None = 0

    # --- what declarations use ----------------------------------------------------------------------------------------

    def operand(self, atom: Atom) -> str:
        """An expression for an operand."""
        return self.constant(atom.value) if isinstance(atom, Literal) else self._names[atom]

    def define(self, var: Var) -> str:
        """The name of an answer, which is to be assigned to it."""
        name = self._names.get(var)
        if name is None:
            name = self._names[var] = self.fresh(next(self._letters))
        return name

    def array(self, var: Var, *, zeros: bool = False) -> str:
        """The name of an answer, which stands for an array to be written into: of zeros, or of anything."""
        if var in self.lifetimes.escaping:
            make = self.bind(np.zeros, "zeros") if zeros else self.bind(np.empty, "empty")
            self.assign(var, f"{make}({self.constant(var.shape)}, {self.constant(var.dtype)})")
        else:
            name = self._names[var] = self._hold(var)
            if zeros:
                self.line(f"{name}.fill(0)")
        return self._names[var]

    def temporary(self, shape: Shape, dtype: "np.dtype[Any]") -> str:
        """The name of an array to use within this equation."""
        name = self.buffers.take(shape, dtype)
        self._temporaries.append(name)
        return name

    def inline(self, program: Program, operands: Sequence[str]) -> list[str]:
        """Write the equations of a program; expressions for its outputs, which are no buffers.

        It can be within a block, of a loop say, and is then computed again and again: an output is an array of its own
        each time, or a view of an operand, or an operand itself.
        """
        saved = self.lifetimes, self._step, self.comment, self._guards, self._temporaries
        self._guards, self._temporaries = None, []
        for var, name in zip(program.inputs, operands, strict=True):
            self._names[var] = name
        for equation in program.equations:
            for var in equation.answers:
                self._names.pop(var, None)
        self.steps(program)
        self.lifetimes, self._step, self.comment, self._guards, self._temporaries = saved
        return [self.operand(atom) for atom in program.outputs]

    @staticmethod
    def targeted(equation: Equation) -> bool:
        """Whether the answer of an equation of a program inside can be written into an array: see ``targets``."""
        return _is_ufunc(equation) and bool(equation.answers[0].shape)

    # --- steps --------------------------------------------------------------------------------------------------------

    def steps(self, program: Program) -> None:
        """Write all steps of a program whose inputs have names."""
        runs = scheduled(program.steps, self._ambient)
        order = [step for _, run in runs for step in run]
        self.lifetimes = Lifetimes(program.inputs, order, program.outputs)
        self._step = 0
        for state, run in runs:
            with self._handling(state):
                for step in run:
                    self._write(step)

    @contextmanager
    def _handling(self, state: Errstate | None) -> Iterator[None]:
        """A block under one handling of floating-point errors."""
        if state is None:
            yield
            return
        around, self._ambient = self._ambient, state
        if state == QUIET and HANDLING is not None:
            # What np.errstate does, at a third of its price.
            handling, ignore = self.bind(HANDLING, "handling"), self.bind(IGNORE, "ignore")
            token = self.fresh("before")
            self.comment = ""
            self.line(f"{token} = {handling}.set({ignore})")
            with self.block("try:"):
                yield
            self.comment = ""
            with self.block("finally:"):
                self.line(f"{handling}.reset({token})")
        else:
            self.comment = ""
            keywords = ", ".join(f"{key}={value!r}" for key, value in state._asdict().items())
            with self.block(f"with {self.bind(np.errstate, 'errstate')}({keywords}):"):
                yield
        self._ambient = around

    def _write(self, step: Equation | Guard) -> None:
        self.comment = self._where(step.source)
        if isinstance(step, Guard):
            self._guard(step)
        else:
            self._equation(step)
        self.comment = ""
        for atom in self.lifetimes.dying[self._step]:
            buffer = self._holding.pop(atom, None)
            if buffer is not None:
                self.buffers.give(buffer)
            elif atom in self.lifetimes.large:
                self.line(f"del {', '.join(self._names[var] for var in self.lifetimes.large.pop(atom))}")
        while self._temporaries:
            self.buffers.give(self._temporaries.pop())
        self._step += 1

    def _where(self, source: Source | None) -> str:
        """The user's line, which is often that of the step before."""
        if source is not self._latest[0]:
            # One line, whatever a file is called.
            text = "" if source is None else "".join([c if c.isprintable() else "?" for c in str(source)])
            self._latest = source, text
        return self._latest[1]

    def _guard(self, guard: Guard) -> None:
        if self._guards is None:
            raise ProgramError("a program inside another has a guard")
        operand = self.operand(guard.operand)
        if guard.truth:
            test, outcome = f"if not {operand}:" if guard.expected else f"if {operand}:", repr(not guard.expected)
        else:
            outcome = f"{self.bind(exact, 'exact')}({operand})"
            whole = guard.operand.form != "array" and guard.operand.dtype.kind in "iub"
            known = int(guard.expected) if whole else guard.outcome_expected
            test = f"if {operand if whole else outcome} != {self.constant(known)}:"
        self.line(test)
        self.comment = ""
        self.line(f"    {GIVE_BACK}")
        self.line(f"    return Miss({self._guards}, {outcome})")
        self._guards += 1

    def _equation(self, equation: Equation) -> None:
        code = equation.primitive.code
        if code is not None and code.write is not None:
            code.write(self, equation)
        elif equation.several:
            names = [self.define(var) for var in equation.answers]
            self.line(f"{', '.join(names)}{',' if len(names) == 1 else ''} = {self.call(equation)}")
        elif equation.answers[0].form != "array":
            self.assign(equation.answers[0], self._scalar(equation))
        elif _is_ufunc(equation):
            self._ufunc(equation)
        elif (template := _chosen(code, "into", equation)) is not None:
            operands = [self.operand(atom) for atom in equation.operands]
            target = "zeros" if "{zeros}" in template else "out"
            text = self.filled(template, operands, equation.parameters, **self._texts(equation, target))
            for line in text.splitlines():
                self.line(line)
        elif (template := _chosen(code, "value", equation)) is not None:
            self._value(equation, template)
        else:
            (answer,), call = equation.answers, self.call(equation)
            self.assign(answer, call if answer.shape else f"{self.bind(np.asarray, 'asarray')}({call})")

    def assign(self, var: Var, expression: str) -> None:
        """Let an answer be the value of an expression."""
        self.line(f"{self.define(var)} = {expression}")

    def _texts(self, equation: Equation, target: str | None = None) -> dict[str, str]:
        """What a template may ask for."""
        (answer,) = equation.answers
        texts = {"shape": self.constant(answer.shape), "dtype": self.constant(answer.dtype)}
        if target is not None:
            texts[target] = self.array(answer, zeros=target == "zeros")
        return texts

    def call(self, equation: Equation) -> str:
        """The function of the primitive, called as it is."""
        function = equation.primitive.function
        if equation.parameters:
            function = partial(function, **equation.parameters)
        operands = ", ".join(self.operand(atom) for atom in equation.operands)
        return f"{self.bind(function, equation.primitive.name)}({operands})"

    def _scalar(self, equation: Equation) -> str:
        """An expression for an answer that is no array."""
        primitive, (answer,) = equation.primitive, equation.answers
        # Between Python's numbers alone, operators give Python's numbers, and ufuncs do not.
        numbers = all(atom.form == "number" for atom in equation.operands)
        operands = [self.operand(atom) for atom in equation.operands]
        plain = not equation.parameters and not any(atom.shape for atom in equation.operands)
        if not numbers and equation.operands[0].form == "number" and equation.operands[0].dtype.kind == "c":
            plain = False  # a Python complex times a float64, which is a Python float, is a Python complex
        if primitive.symbol is not None and plain and numbers == (answer.form == "number"):
            return _with_symbol(primitive.symbol, operands)
        template = _chosen(primitive.code, "value", equation)
        if template is not None and not (_is_ufunc(equation) and numbers):
            text = self.filled(template, operands, equation.parameters, **self._texts(equation))
        else:
            text = self.call(equation)
        return f"{self.bind(_as_number, 'as_number')}({text})" if answer.form == "number" else text

    def _value(self, equation: Equation, template: str) -> None:
        (answer,) = equation.answers
        operands = [self.operand(atom) for atom in equation.operands]
        if len(operands) == 1 and equation.operands[0].form == "array" and sharing(equation)[0]:
            # A view of a buffer is made with it, once.
            operands = [self._holding.get(equation.operands[0], operands[0])]
            text = self.filled(template, operands, equation.parameters, **self._texts(equation))
            view = self.buffers.view(operands[0], text, equation)
            if view is not None:
                self._names[answer] = view
                return
        self.assign(answer, self.filled(template, operands, equation.parameters, **self._texts(equation)))

    # --- ufuncs -------------------------------------------------------------------------------------------------------

    def _ufunc(self, equation: Equation) -> None:
        (answer,) = equation.answers
        primitive = equation.primitive
        function = self._bound.get(id(primitive.function)) or self.bind(primitive.function, primitive.name)
        operands = self._ufunc_operands(equation)
        if answer not in self.lifetimes.escaping:
            out = self._names[answer] = self._hold(answer, self._in_place(equation))
        elif answer in self.targets:
            out = self._names[answer] = self.targets[answer]
        elif not answer.shape:
            out = self.array(answer)
        else:
            self.assign(answer, f"{function}({', '.join(operands)})")
            return
        template = None if primitive.code is None else _chosen(primitive.code, "into", equation)
        if template is not None:
            self.line(self.filled(template, operands, {}, out=out))
        else:
            self.line(f"{function}({', '.join(operands)}, {out})")

    def _ufunc_operands(self, equation: Equation) -> list[str]:
        """Operands of a ufunc; numbers as arrays of shape () and of the dtype that they take, which is faster."""
        atoms = equation.operands
        if not equation.answers[0].shape or all(map(_is_array, atoms)):
            names = self._names
            return [names[atom] if isinstance(atom, Var) else self.constant(atom.value) for atom in atoms]
        kinds = _loop_dtypes(equation.primitive.function, tuple([_kind(atom) for atom in atoms]))
        texts = []
        for i, atom in enumerate(atoms):
            text = None
            if kinds is not None and not atom.shape and atom.form != "array":
                text = self._literal(atom, kinds[i]) if isinstance(atom, Literal) else self._cell(atom, kinds[i])
            texts.append(text or self.operand(atom))
        return texts

    def _literal(self, literal: Literal, dtype: Any) -> str | None:
        """The name of a number as an array of shape (); None where it cannot be one."""
        value = literal.value
        key = (value.__class__, value, str(value), dtype)
        if key not in self._small:
            array = _zero_dimensional(value, dtype)
            self._small[key] = None if array is None else self.constant(array)
        return self._small[key]

    def _cell(self, var: Var, dtype: Any) -> str | None:
        """The name of a buffer of shape () that contains a scalar; None where ufuncs convert it to another dtype."""
        if var.dtype != dtype:
            return None
        name = self._holding.get(var)
        if name is None:
            name = self._hold(var)
            self.line(f"{name}[()] = {self._names[var]}")
        return name

    def _in_place(self, equation: Equation) -> str | None:
        """The buffer of an operand that is not needed any more, where the answer fits into it."""
        (answer,) = equation.answers
        function: Any = equation.primitive.function
        # A single element in place looks like an overlap to NumPy, and takes three times as long.
        dying = self.lifetimes.dying[self._step]
        if not dying or function.signature is not None or prod(answer.shape) == 1:
            return None
        roots = self.lifetimes.roots
        for atom in dying:
            if (
                atom not in self._holding
                or atom.shape != answer.shape
                or atom.dtype != answer.dtype
                or atom not in equation.operands
            ):
                continue
            for other in equation.operands:
                if other is not atom and atom in roots.get(other, ()):
                    break  # an array and views of it at once would overlap, and NumPy make a copy
            else:
                return self._holding.pop(atom)
        return None

    def _hold(self, var: Var, name: str | None = None) -> str:
        """The name of the buffer that holds a variable from now on."""
        if name is None:
            name = self.buffers.take(var.shape, var.dtype)
        self._holding[var] = name
        self.lifetimes.large.pop(var, None)
        return name


def _is_ufunc(equation: Equation) -> bool:
    function = equation.primitive.function
    return function.__class__ is np.ufunc and function.nout == 1 and not equation.parameters


def _chosen(code: Code | None, part: str, equation: Equation) -> str | None:
    """The template for an equation, if there is one."""
    template: Template | None = getattr(code, part, None)
    return template(equation) if callable(template) else template


def _with_symbol(symbol: str, operands: list[str]) -> str:
    if len(operands) == 2:
        return f"{operands[0]} {symbol} {operands[1]}"
    return f"{symbol.strip()}({operands[0]})" if symbol.strip().isalpha() else f"{symbol}{operands[0]}"


def _as_number(value: Any) -> Any:
    return value if value.__class__ in _NUMBERS else np.asarray(value).item()


def _is_array(atom: Atom) -> bool:
    return atom.form == "array"


def _kind(atom: Atom) -> Any:
    """Dtype of an operand; for Python's numbers, which adapt, their type."""
    dtype = atom.dtype
    return _WEAK.get(dtype.kind, dtype) if atom.form == "number" else dtype


@lru_cache(maxsize=4096)
def _loop_dtypes(function: np.ufunc, kinds: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """What a ufunc converts operands to."""
    try:
        return function.resolve_dtypes((*kinds, *(None,) * function.nout))
    except (TypeError, OverflowError):
        return None


def _zero_dimensional(value: Any, dtype: Any) -> Any:
    """A number as an array of shape (); None where the conversion would raise or warn, which is left to each call."""
    if value.__class__ is float and dtype.char == "d":
        return np.array(value, dtype)  # which changes nothing
    try:
        with np.errstate(all="raise"):
            return np.array(value, dtype)
    except (ArithmeticError, TypeError, ValueError):
        return None
