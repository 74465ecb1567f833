"""Programs: what a function computed, as a list of typed equations between variables.

A `Program` is what staging makes of a function (see ``staging``), what the passes of compiled mode rewrite, and what
back ends emit code from. Each variable is defined once, before it is used. May import ``core`` and ``errors``.

>>> from hodiff.core import Primitive
>>> x, y = Var((3,), np.dtype(float)), Var((3,), np.dtype(float))
>>> double = Primitive("add", np.add, batch=None)
>>> print(Program((x,), (Equation(double, (x, x), {}, (y,)),), (y,), name="double"))
program double(a: float64[3]) -> float64[3]
  b: float64[3] = add(a, a)
  return b
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, product
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np

from hodiff.core import Primitive, Tracer, bind
from hodiff.errors import ProgramError


class Var:
    """A variable: a value known by shape, dtype and form. Its identity is its name.

    The form is "array", "scalar" (of NumPy), or "number" (of Python, without a precision of its own). An array of shape
    () is an array.
    """

    __slots__ = ("dtype", "form", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: "np.dtype[Any]", form: str = "array") -> None:
        self.shape = shape
        self.dtype = dtype
        self.form = form

    @classmethod
    def of(cls, value: Any) -> "Var":
        """A new variable of the type of a plain value."""
        if isinstance(value, np.ndarray):
            return cls(value.shape, value.dtype, "array")
        if isinstance(value, np.generic):
            return cls((), value.dtype, "scalar")
        return cls((), np.asarray(value).dtype, "number")

    def twin(self) -> "Var":
        """Another variable of the same type."""
        return Var(self.shape, self.dtype, self.form)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        n = 1
        for length in self.shape:
            n *= length
        return n

    def same_type(self, other: "Var") -> bool:
        """Whether shape, dtype and form agree."""
        return self.shape == other.shape and self.dtype == other.dtype and self.form == other.form

    def fits(self, value: Any) -> bool:
        """Whether a plain value is of this type."""
        return self.same_type(Var.of(value))

    def __str__(self) -> str:
        lengths = ",".join(str(n) for n in self.shape)
        return {"array": f"{self.dtype}[{lengths}]", "scalar": str(self.dtype), "number": _number_name(self.dtype)}[
            self.form
        ]

    def __repr__(self) -> str:
        return f"<Var {self}>"


def _number_name(dtype: "np.dtype[Any]") -> str:
    return {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}.get(dtype.kind, str(dtype))


class Literal:
    """A plain value that is the same at every call; an array in it belongs to the program and must not change.

    Where ``tangent`` is true, it is a tangent or cotangent, whose zeros win over what they are multiplied with.
    """

    __slots__ = ("tangent", "value")

    def __init__(self, value: Any, *, tangent: bool = False) -> None:
        self.value = value
        self.tangent = tangent

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return getattr(self.value, "shape", ())

    @property
    def dtype(self) -> Any:
        """NumPy dtype of the value."""
        return self.value.dtype if hasattr(self.value, "dtype") else np.asarray(self.value).dtype

    @property
    def form(self) -> str:
        """As of a variable."""
        value = self.value
        return "array" if isinstance(value, np.ndarray) else "scalar" if isinstance(value, np.generic) else "number"

    def __str__(self) -> str:
        value = self.value
        if isinstance(value, np.ndarray) and value.ndim:
            lengths = ",".join(str(n) for n in value.shape)
            if value.size and not any(value.strides):
                return f"{value.dtype}[{lengths}]{{{value.flat[0]!s}}}"
            return f"{value.dtype}[{lengths}]{{...}}"
        return repr(value.item() if isinstance(value, (np.ndarray, np.generic)) else value)

    def __repr__(self) -> str:
        return f"Literal({self})"


Atom = Var | Literal


class Source(NamedTuple):
    """The user's line that an equation comes from."""

    filename: str
    line: int

    def __str__(self) -> str:
        return f"{self.filename.replace(chr(92), '/').rsplit('/', 1)[-1]}:{self.line}"


class Errstate(NamedTuple):
    """How floating-point errors are handled, as ``numpy.errstate`` takes it: None is as the caller has it."""

    divide: str | None
    over: str | None
    under: str | None
    invalid: str | None


#: As derivative rules run: they compute coefficients that may never be needed.
QUIET = Errstate("ignore", "ignore", "ignore", "ignore")


class _Linear(Errstate):
    __slots__ = ()


#: As linear maps are applied to their tangents or cotangents: just as `QUIET` and equal to it, but zeros of them win.
LINEAR: Errstate = _Linear(*QUIET)


# Frozen, it would take three times as long to make, and staging and passes make many.
@dataclass(eq=False, slots=True)
class Equation:
    """Answers of one operation; never changed, but replaced by another.

    Attributes
    ----------
    primitive : Primitive
    operands : tuple of Var or Literal
    parameters : dict
    answers : tuple of Var
    several : bool
        The primitive returns a tuple.
    errstate : Errstate or None
        None is that of the caller.
    source : Source or None
    """

    primitive: Primitive
    operands: tuple[Atom, ...]
    parameters: dict[str, Any]
    answers: tuple[Var, ...]
    several: bool = False
    errstate: Errstate | None = None
    source: Source | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Guard:
    """What was assumed of a value: of its truth, or of all of it.

    Attributes
    ----------
    operand : Var
    expected : bool, number or array
        The truth of the operand, where ``truth``; else its value, exactly.
    truth : bool
    source : Source or None
    question : Primitive or None
        Of a truth that was decided for all values that a traced one stands for (see `Tracer.decide`): how to decide it
        again, from the truth of each.
    """

    operand: Atom
    expected: Any
    truth: bool
    source: Source | None = None
    question: Primitive | None = None

    def outcome(self, value: Any) -> Any:
        """What a value of the operand comes to, in a form that can be a key of a dict."""
        return bool(value) if self.truth else exact(value)

    def holds(self, value: Any) -> bool:
        """Whether a value is as was assumed."""
        return bool(self.outcome(value) == self.outcome_expected)

    @property
    def outcome_expected(self) -> Any:
        """The outcome that was assumed."""
        return self.expected if self.truth else exact(self.expected)


def exact(value: Any) -> Any:
    """A key that two values share only where they are equal in type and in every bit."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        return (array.shape, array.dtype.str, array.tobytes())
    if isinstance(value, (float, complex)):
        return (type(value).__name__, np.asarray(value).tobytes())
    return (type(value).__name__, value)


class GuardMiss(Exception):  # noqa: N818 - control flow, no error
    """A value was not as was assumed.

    Attributes
    ----------
    index : int
        Number of the guard among those of the program.
    outcome : object
        What came instead.
    """

    def __init__(self, index: int, outcome: Any) -> None:
        super().__init__(index, outcome)
        self.index = index
        self.outcome = outcome


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A function as a list of equations.

    Attributes
    ----------
    inputs : tuple of Var
    steps : tuple of Equation or Guard
        In the order of evaluation.
    outputs : tuple of Var or Literal
    name : str
    memo : dict
        For what others derive from this program, once.
    """

    inputs: tuple[Var, ...]
    steps: tuple[Equation | Guard, ...]
    outputs: tuple[Atom, ...]
    name: str = "f"
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The steps that are no guards."""
        return tuple([step for step in self.steps if isinstance(step, Equation)])

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The steps that are guards."""
        return tuple([step for step in self.steps if isinstance(step, Guard)])

    def replace(
        self,
        *,
        inputs: Sequence[Var] | None = None,
        steps: Sequence[Equation | Guard] | None = None,
        outputs: Sequence[Atom] | None = None,
        name: str | None = None,
    ) -> "Program":
        """This program with other parts, and nothing derived yet."""
        return Program(
            self.inputs if inputs is None else tuple(inputs),
            self.steps if steps is None else tuple(steps),
            self.outputs if outputs is None else tuple(outputs),
            self.name if name is None else name,
        )

    def evaluate(self, *values: Any) -> list[Any]:
        """Values of the outputs, each operation by ``bind``: on plain values or on traced ones.

        Raises
        ------
        GuardMiss
            Where a guard does not hold.
        """
        if len(values) != len(self.inputs):
            raise ProgramError(f"program {self.name} takes {len(self.inputs)} values, got {len(values)}")
        known: dict[Var, Any] = dict(zip(self.inputs, values, strict=True))
        guards = 0
        for step in self.steps:
            if isinstance(step, Guard):
                self._check(step, guards, value_of(step.operand, known))
                guards += 1
                continue
            operands = [value_of(atom, known) for atom in step.operands]
            if step.primitive.python:
                answer = step.primitive.function(*operands)
            elif step.errstate is None:
                answer = bind(step.primitive, *operands, **step.parameters)
            else:
                with np.errstate(**step.errstate._asdict()):
                    answer = bind(step.primitive, *operands, **step.parameters)
            for var, part in zip(step.answers, answer if step.several else (answer,), strict=True):
                known[var] = part
        return [value_of(atom, known) for atom in self.outputs]

    @staticmethod
    def _check(guard: Guard, index: int, value: Any) -> None:
        # A traced value is asked, so that a trace that records can note the question again.
        if isinstance(value, Tracer):
            if guard.question is not None:
                value = value.decide(guard.question)
            else:
                value = bool(value) if guard.truth else value.alive().truth()
        if not guard.holds(value):
            raise GuardMiss(index, guard.outcome(value))

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def value_of(atom: Atom, known: dict[Var, Any]) -> Any:
    """Value of an operand where the variables have these values."""
    return atom.value if isinstance(atom, Literal) else known[atom]


def check(program: Program, *values: Any) -> None:
    """Check that each variable is defined once and before it is used, and with ``values`` that all types are right.

    Parameters
    ----------
    program : Program
    *values
        Plain values of the inputs. With them the program is run, and every answer compared with its declared type.

    Raises
    ------
    ProgramError
        Naming the equation.
    """
    names = _names(program)
    defined = set(program.inputs)
    if len(defined) != len(program.inputs):
        raise ProgramError(f"program {program.name}: two inputs are the same variable")
    known: dict[Var, Any] = dict(zip(program.inputs, values, strict=True)) if values else {}
    for var, value in known.items():
        _check_type(var, value, f"program {program.name}: input {names(var)}")
    for step in program.steps:
        where = f"program {program.name}: `{_step(step, names)}`"
        for atom in step.operands if isinstance(step, Equation) else (step.operand,):
            if isinstance(atom, Var) and atom not in defined:
                raise ProgramError(f"{where}: {names(atom)} is used before it is defined")
            if isinstance(atom, Literal) and isinstance(atom.value, Tracer):
                raise ProgramError(f"{where}: a literal is a traced value")
        if isinstance(step, Guard):
            continue
        for var in step.answers:
            if var in defined:
                raise ProgramError(f"{where}: {names(var)} is defined twice")
            defined.add(var)
        if values:
            with np.errstate(all="ignore"):
                answer = step.primitive.function(*(value_of(a, known) for a in step.operands), **step.parameters)
            for var, part in zip(step.answers, answer if step.several else (answer,), strict=True):
                _check_type(var, part, where)
                known[var] = part
    for atom in program.outputs:
        if isinstance(atom, Var) and atom not in defined:
            raise ProgramError(f"program {program.name}: the output {names(atom)} is not defined")


def _check_type(var: Var, value: Any, where: str) -> None:
    found = Var.of(value)
    # Python's numbers are asked for by form alone; a computed one is made a number again by the back end.
    if found.shape != var.shape or found.dtype.newbyteorder("=") != var.dtype.newbyteorder("="):
        raise ProgramError(f"{where}: the value is {found}, declared was {var}")


# --- printing ---------------------------------------------------------------------------------------------------------


def letters() -> Iterator[str]:
    """Names for variables: a, b, …, z, aa, ab, and so on."""
    for size in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=size))


def _names(program: Program) -> Callable[[Atom], str]:
    """Names of all variables of a program, in the order of definition; a question mark for any other."""
    fresh = letters()
    names = {var: next(fresh) for var in program.inputs}
    for step in program.equations:
        for var in step.answers:
            if var not in names:
                names[var] = next(fresh)
    return lambda atom: str(atom) if isinstance(atom, Literal) else names.get(atom, "?")


def _step(step: Equation | Guard, names: Callable[[Atom], str]) -> str:
    if isinstance(step, Guard):
        expected = step.expected if step.truth else Literal(step.expected)
        return f"guard {names(step.operand)} is {expected}"
    answers = ", ".join(f"{names(var)}: {var}" for var in step.answers)
    inside = [names(atom) for atom in step.operands]
    inside += [f"{key}={_parameter(value)}" for key, value in step.parameters.items()]
    quiet = "" if step.errstate is None else " quietly" if step.errstate == QUIET else f" {tuple(step.errstate)}"
    return f"{answers} = {step.primitive.name}({', '.join(inside)}){quiet}"


def _parameter(value: Any) -> str:
    if isinstance(value, Program):
        return value.name
    if isinstance(value, slice):
        text = ":".join("" if part is None else str(part) for part in (value.start, value.stop))
        return text if value.step is None else f"{text}:{value.step}"
    if isinstance(value, tuple):
        return f"({', '.join(_parameter(part) for part in value)}{',' if len(value) == 1 else ''})"
    if isinstance(value, np.ndarray):
        return str(Literal(value))
    if isinstance(value, Primitive):
        return value.name
    return str(value)


def _lines(program: Program) -> Iterator[str]:
    names = _names(program)
    inputs = ", ".join(f"{names(var)}: {var}" for var in program.inputs)
    outputs = ", ".join(str(a) if isinstance(a, Var) else str(Var.of(a.value)) for a in program.outputs)
    yield f"program {program.name}({inputs}) -> {outputs}"
    for step in program.steps:
        text = _step(step, names)
        yield f"  {text}" if step.source is None else f"  {text:<64}  # {step.source}"
        for value in step.parameters.values() if isinstance(step, Equation) else ():
            if isinstance(value, Program):
                yield from (f"    {line}" for line in _lines(value))
    yield f"  return {', '.join(names(atom) for atom in program.outputs)}"
