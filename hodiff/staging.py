"""Staging: a function is run once on values that are abstract for the program and concrete for Python.

A `StageTracer` has a variable of the program that is being written, and the plain value that the variable has in this
run. Operations compute the value and write an equation, so the run gives the function's own result, warnings and
exceptions. Where Python asks for the value (``if x > 0``, ``range(n)``, ``float(x)``), it is told, and a guard is
written: the program stands for the function wherever its guards hold. What no program can stand for raises
`NotStagedError`; whoever stages runs the plain function instead. May import ``annihilate``, ``batch_rules``,
``core``, ``errors``, ``frames``, ``handling``, ``mutation``, ``operators`` and ``program``.

>>> def f(x):
...     return 2 * x if x > 0 else -x
>>> (y,), program = stage(lambda x: [f(x)], [np.float64(3.0)], name="f")
>>> print(program)  # doctest: +ELLIPSIS
program f(a: float64) -> float64
  b: bool = greater(a, 0) ...
  guard b is True ...
  c: float64 = multiply(2, a) ...
  return c
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any

import numpy as np

from hodiff.annihilate import some_nonzero
from hodiff.batch_rules import batch_aligned
from hodiff.core import SEALED, Primitive, Trace, Tracer, bind
from hodiff.errors import NotStagedError
from hodiff.frames import UserLines
from hodiff.handling import HANDLING
from hodiff.mutation import Buffer
from hodiff.operators import SYMBOLS
from hodiff.program import LINEAR, QUIET, Atom, Equation, Errstate, Guard, Literal, Program, Source, Var, exact

#: Python's own numbers.
NUMBERS = (bool, int, float, complex)
#: NumPy's functions that take a part of one of Python's numbers, which is one, too.
_PARTS = (np.real, np.imag)
#: The least integer that NumPy has a type for.
LEAST = -(2**63)
_NO_PARAMETERS: dict[str, Any] = {}
#: Ways to handle floating-point errors that are kept in mind.
_HANDLED = 16
_SCALARS = frozenset({np.float64, np.float32, np.bool_, np.int64, np.complex128})

#: The innermost staging of this thread or task; None outside of any.
current_stage: ContextVar["StageTrace | None"] = ContextVar("current_stage", default=None)


class StageTracer(Tracer):
    """A variable of a program, with the value that it has in this run."""

    __slots__ = ("atom", "value")
    owner: "StageTrace"

    def __init__(self, trace: "StageTrace", value: Any, atom: Atom) -> None:
        self.owner = trace
        self.value = value
        self.atom = atom

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        try:
            return self.value.shape
        except AttributeError:  # one of Python's numbers
            return ()

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the value."""
        try:
            return self.value.dtype
        except AttributeError:
            return np.asarray(self.value).dtype

    def components(self) -> tuple[Any, ...]:
        """The value, of which memory layout and form may be asked; for the numbers in it ask `decide`."""
        return (np.asarray(self.value)[()] if self.value.__class__ in NUMBERS else self.value,)

    def assume(self, other: Any) -> None:
        """Stand for another variable."""
        self.value, self.atom = other.value, other.atom

    def decide(self, question: Primitive) -> bool:
        """The answer, guarded."""
        answer = bind(question, self).alive()
        outcome = bool(answer.value)
        self.owner.guard(answer.atom, outcome, truth=True, question=some_nonzero)
        return outcome

    def truth(self) -> Any:
        """The value, guarded in all its elements."""
        if self.dtype.kind in "fc" and self.shape:
            raise self.owner.refuse(
                "the elements of an array are asked for by code that is not traced, such as np.asarray(x) or x.tolist()"
            )
        self.owner.guard(self.atom, self.value, truth=False)
        return self.value

    def example(self) -> Any:
        """The value."""
        return self.value

    def __bool__(self) -> bool:
        outcome = bool(self.alive().value)
        self.owner.guard(self.atom, outcome, truth=True)
        return outcome

    def __float__(self) -> float:
        return float(self.alive().truth())

    def __complex__(self) -> complex:
        return complex(self.alive().truth())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        plain = np.array(self.alive().truth(), dtype)
        if not copy and plain.dtype == self.value.dtype and plain.shape:
            plain.flags.writeable = False  # NumPy gives the argument itself here: what writes into that is not staged
        return plain

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.alive().truth(), digits)

    def __format__(self, specification: str) -> str:
        return format(self.alive().truth(), specification)

    def __str__(self) -> str:
        return str(self.alive().truth())

    def __repr__(self) -> str:
        return super().__repr__() if self.owner.closed else repr(self.truth())

    def strong(self) -> Any:
        """One of Python's numbers as a NumPy scalar."""
        return _strong(self)


def _nothing(kind: str, flag: int) -> None:
    """Handle a floating-point error by doing nothing."""


class StageTrace(Trace):
    """One staging: the program so far.

    Parameters
    ----------
    inner : bool
        The program is a part of what is being traced, such as the body of a loop: values of outer traces become
        inputs, which `lifted` lists, and guards are refused, since they would have to hold at each turn.
    """

    __slots__ = (
        "_ambient",
        "_handled",
        "_latest",
        "_lines",
        "_literals",
        "_shapes",
        "directed",
        "failure",
        "inner",
        "inputs",
        "lifted",
        "steps",
    )
    transformation = "hodiff.jit"

    def __init__(self, *, inner: bool = False) -> None:
        super().__init__()
        self.inner = inner
        self.inputs: list[Var] = []
        self.steps: list[Equation | Guard] = []
        #: Values of outer traces that were met, with the inputs that stand for them.
        self.lifted: list[tuple[Tracer, StageTracer]] = []
        #: Whether what is being done is linear in tangents, of which exact zeros win.
        self.directed = False
        #: Why there is no program, should the function go on after it was refused.
        self.failure: NotStagedError | None = None
        self._ambient: Any = Errstate(**np.geterr())
        #: NumPy's own objects for what is set, the caller's way, and what `_compared` made of both: it is slow.
        self._handled: dict[int, tuple[Any, Any, Errstate | None]] = {}
        self._latest: tuple[Any, Any, Errstate | None] = (None, None, None)
        self._literals: dict[int, tuple[Any, Literal]] = {}
        self._lines = UserLines(Source)
        self._shapes: dict[tuple[int, ...], tuple[int, ...]] = {}

    def ambient(self) -> Any:
        """Context that tells the caller's way to handle floating-point errors from that of derivative rules.

        A caller that ignores all of them looks like a rule; calling a function that does nothing comes to the same.
        """
        if self._ambient != QUIET:
            return nullcontext()
        self._ambient = QUIET._replace(under="call")
        return np.errstate(under="call", call=_nothing)

    def input(self, value: Any) -> StageTracer:
        """A tracer for an argument with this value in this run."""
        var = Var.of(value)
        self.inputs.append(var)
        tracer = StageTracer(self, value, var)
        tracer.views = SEALED
        return tracer

    def refuse(self, reason: str) -> NotStagedError:
        """Error for what cannot be staged; there will be no program, even if the function catches it."""
        self.failure = NotStagedError(reason)
        return self.failure

    def guard(self, atom: Atom, expected: Any, *, truth: bool, question: Primitive | None = None) -> None:
        """Note what Python was told about a variable."""
        if self.closed:
            raise self.leaked()
        if self.inner:
            raise self.refuse("inside a loop, Python control flow depends on a value")
        if isinstance(atom, Literal):
            return
        self.steps.append(Guard(atom, expected, truth, self._lines.at(3), question))

    def constant(self, value: Any) -> StageTracer:
        """A tracer for a value that does not depend on the inputs."""
        _, atom = self._operand(value)
        return StageTracer(self, value.value if isinstance(value, StageTracer) else value, atom)

    def tangent(self, value: Any) -> StageTracer:
        """A tracer for a tangent that does not depend on the inputs."""
        return StageTracer(self, value, Literal(self._literal(value).value, tangent=True))

    def process(self, primitive: Primitive, operands: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        """Compute the answer and write the equation."""
        if self.closed:
            raise self.leaked()
        values: list[Any] = []
        atoms: list[Atom] = []
        for operand in operands:
            if operand.__class__ is StageTracer and operand.owner is self:
                value, atom = operand.value, operand.atom
            else:
                value, atom = self._operand(operand)
            if value.__class__ is int and not LEAST <= value < -LEAST:
                raise self.refuse("an array meets an integer of more than 64 bits, of which NumPy has no type")
            values.append(value)
            atoms.append(atom)
        try:
            answer: Any = applied(primitive, values)(*values, **parameters)
        except Exception as error:
            # NumPy makes arrays of Python's numbers where it needs them; the functions of primitives need not.
            if not isinstance(error, (AttributeError, TypeError)) or not any(
                is_number(operand) and isinstance(operand, Tracer) for operand in operands
            ):
                self._raised(primitive, error)
                raise
            return self.process(primitive, tuple(_strong(operand) for operand in operands), parameters)
        cls = answer.__class__
        if cls is np.ndarray or cls in _SCALARS:
            if answer.dtype.kind not in "biufc":
                self.check_answer(primitive, answer)
        elif cls not in NUMBERS or not (primitive.symbol or primitive is python_number or primitive.function in _PARTS):
            self.check_answer(primitive, answer)  # the others are operations of Python's own, from a program
        return self._write(primitive, tuple(atoms), parameters, answer)

    def number(self, primitive: Primitive, *operands: Any) -> Any:
        """An operation of Python's own on its own numbers."""
        if self.closed:
            raise self.leaked()
        pairs = [self._operand(operand) for operand in operands]
        try:
            answer = primitive.function(*(value for value, _ in pairs))
        except Exception as error:
            self._raised(primitive, error)
            raise
        if answer.__class__ not in NUMBERS:
            raise self.refuse(f"{primitive.name} of numbers gives an object of type {type(answer).__name__}")
        return self._write(primitive, tuple(atom for _, atom in pairs), {}, answer)

    def _raised(self, primitive: Primitive, error: Exception) -> None:
        """Give up: for other numbers there may be no error, and the function may catch this one."""
        self.failure = NotStagedError(f"{primitive.name} raises {type(error).__name__}: {error}")

    def _write(self, primitive: Primitive, atoms: tuple[Atom, ...], parameters: dict[str, Any], answer: Any) -> Any:
        errstate, source = self._errstate(), self._lines.at(4)
        if self.directed and errstate is QUIET:
            errstate = LINEAR
        # What many equations have in common is kept once: Python looks at all that is alive again and again.
        parameters = parameters or _NO_PARAMETERS
        if answer.__class__ is np.ndarray or not isinstance(answer, tuple):
            if answer.__class__ is np.ndarray:
                shape = answer.shape
                var = Var(self._shapes.setdefault(shape, shape), answer.dtype)
            else:
                var = Var.of(answer)
            self.steps.append(Equation(primitive, atoms, parameters, (var,), False, errstate, source))
            return StageTracer(self, answer, var)
        answers = tuple(map(Var.of, answer))
        self.steps.append(Equation(primitive, atoms, parameters, answers, True, errstate, source))
        return tuple([StageTracer(self, part, var) for part, var in zip(answer, answers, strict=True)])

    def _errstate(self) -> Errstate | None:
        """What is set other than by the caller."""
        # While a part is being staged, the caller's way is that of the part.
        part = current_stage.get()
        ambient = self._ambient if part is None else part._ambient
        if HANDLING is None:
            return self._compared(ambient)
        token = HANDLING.get(None)
        latest = self._latest
        if latest[0] is token and latest[1] is ambient:
            return latest[2]
        known = self._handled.get(id(token))
        if known is None or known[0] is not token or known[1] is not ambient:
            if len(self._handled) >= _HANDLED:
                self._handled.clear()
            known = self._handled[id(token)] = token, ambient, self._compared(ambient)
        self._latest = known
        return known[2]

    @staticmethod
    def _compared(ambient: Errstate) -> Errstate | None:
        """What is set other than in ``ambient``."""
        state = Errstate(**np.geterr())
        if state == ambient:
            return None
        if state == QUIET:
            return QUIET
        return Errstate(*(None if now == before else now for now, before in zip(state, ambient, strict=True)))

    def _operand(self, operand: Any) -> tuple[Any, Atom]:
        """Value and variable, or literal, of an operand."""
        if operand.__class__ is StageTracer and operand.owner is self:
            return operand.value, operand.atom
        if operand.__class__ is Buffer:
            return self._operand(operand.content())
        if isinstance(operand, Tracer):
            tracer = self.lift(operand)
            return tracer.value, tracer.atom
        return operand, self._literal(operand)

    def lift(self, operand: Tracer) -> StageTracer:
        """The input of this part that stands for a value of an outer trace."""
        if not self.inner:
            raise self.refuse("a traced value of an outer transformation is used that is no argument (a closure)")
        for known, tracer in self.lifted:
            if known is operand:
                return tracer
        value = operand.alive().example()
        # What carries a derivative or a batch is no number of Python's, whatever it was made of.
        if value.__class__ in NUMBERS and not isinstance(operand, StageTracer):
            value = np.asarray(value)[()]
        tracer = self.input(value)
        self.lifted.append((operand, tracer))
        return tracer

    def _literal(self, value: Any) -> Literal:
        """A literal that later changes of an array in place cannot reach."""
        if not isinstance(value, np.ndarray):
            return Literal(value)
        known = self._literals.get(id(value))
        if known is not None and known[0] is value and exact(known[1].value) == exact(value):
            return known[1]
        uniform = value.ndim and value.size and not any(value.strides)
        literal = Literal(np.broadcast_to(value.flat[0], value.shape) if uniform else value.copy(order="K"))
        self._literals[id(value)] = (value, literal)
        return literal

    def close(self) -> None:
        """End the run."""
        super().close()
        self._lines.forget()

    def finish(self, outputs: Iterable[Any], name: str) -> tuple[list[Any], Program]:
        """Close the trace; plain values of the outputs, and the program."""
        pairs = [self._operand(value) for value in outputs]
        self.closed = True
        if self.failure is not None:
            raise self.failure
        program = Program(tuple(self.inputs), tuple(self.steps), tuple(atom for _, atom in pairs), name)
        return [value for value, _ in pairs], program


def stage(
    function: Callable[..., Sequence[Any]], values: Sequence[Any], *, name: str = "f"
) -> tuple[list[Any], Program]:
    """Run a function once and write down what it did.

    Parameters
    ----------
    function : callable
        ``function(*values)`` returns a sequence of arrays and numbers, traced or plain.
    values : sequence of arrays, NumPy scalars and Python numbers
    name : str
        For the printed program.

    Returns
    -------
    results : list
        What the function returns for these values.
    program : Program
        Takes and returns the same.

    Raises
    ------
    NotStagedError
        When the function does what a program cannot stand for.
    """
    with StageTrace() as trace:
        token = current_stage.set(trace)
        try:
            with trace.ambient():
                outputs = function(*(trace.input(value) for value in values))
        finally:
            current_stage.reset(token)
        return trace.finish(outputs, name)


def stage_part(
    function: Callable[..., Sequence[Any]], examples: Sequence[Any], *, name: str = "body"
) -> tuple[Program, list[Tracer]]:
    """Write down a part of what is being traced, such as the body of a loop, from examples of its arguments.

    Parameters
    ----------
    function : callable
        As for `stage`; may use values of outer traces.
    examples : sequence
        Plain values of the right types; nothing may depend on the numbers in them.

    Returns
    -------
    program : Program
        Its inputs are those of the function, followed by one for each outer value.
    lifted : list of Tracer
        The outer values.

    Raises
    ------
    NotStagedError
        Also where Python control flow depends on a value.
    """
    with np.errstate(all="ignore"), StageTrace(inner=True) as trace:
        token = current_stage.set(trace)
        try:
            with trace.ambient():
                outputs = function(*(trace.input(value) for value in examples))
        finally:
            current_stage.reset(token)
        _, program = trace.finish(outputs, name)
        return program, [operand for operand, _ in trace.lifted]


_BY_OPERATOR = {
    (symbol, 1 if name in ("neg", "pos", "invert", "abs") else 2): getattr(
        operator, f"{name}_" if name in ("and", "or") else name
    )
    for name, symbol in SYMBOLS.items()
}


def applied(primitive: Primitive, values: Sequence[Any]) -> Callable[..., Any]:
    """The function of an operation; between scalars the operator, which warns in other words and more often."""
    if primitive.symbol is None:
        return primitive.function
    scalars = False
    for value in values:
        if isinstance(value, np.ndarray):
            return primitive.function
        scalars = scalars or isinstance(value, np.generic)
    return _BY_OPERATOR[primitive.symbol, len(values)] if scalars else primitive.function


# --- Python's own numbers ---------------------------------------------------------------------------------------------
# Their operators are installed by ``staged_numbers``.


def is_number(value: Any) -> bool:
    """Whether this is one of Python's numbers, or a staged value that stands for one."""
    if value.__class__ is StageTracer:
        return value.value.__class__ in NUMBERS
    return value.__class__ in NUMBERS


def of_python(name: str, function: Callable[..., Any]) -> Primitive:
    """An operation of Python's own on its numbers."""
    primitive = Primitive(name, function, batch=batch_aligned, constant=True)
    primitive.python = True
    return primitive


#: A NumPy scalar of one of Python's numbers, which has a precision.
strong_number = of_python("strong_number", lambda x: x.strong() if isinstance(x, Tracer) else np.asarray(x)[()])
#: What ``x.item()`` returns.
python_number = of_python("python_number", lambda x: x.item())


def _strong(operand: Any) -> Any:
    return bind(strong_number, operand) if is_number(operand) and isinstance(operand, Tracer) else operand
