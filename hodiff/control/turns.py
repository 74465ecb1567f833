"""Turns of loops as programs: staged once, for the types that are carried from the first turn on.

A turn may ask whether a derivative in it has a NaN, which is answered when the loop has ended: what is asked is carried
along, as whether all answers were as at first. May import ``carried``, ``code``, ``core``, ``errors``, ``kinds``,
``lowering``, ``primal``, ``program``, ``staging`` and ``tree``.

>>> from hodiff.staging import stage
>>> def f(x):
...     part = settled(lambda c: [c + x], Carry("fori_loop", 0), [])
...     print(part.program)
...     return [x]
>>> results, _ = stage(f, [np.float64(1.0)])  # doctest: +ELLIPSIS
program body(a: float64, b: float64) -> float64
  c: float64 = add(b, a) ...
  return c
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hodiff.code import Code
from hodiff.control.carried import Carry
from hodiff.core import NUMPY_UFUNCS, Primitive, Tracer
from hodiff.errors import NotStagedError, StructureError
from hodiff.kinds import constant
from hodiff.lowering import Composed
from hodiff.primal import PrimalTracer
from hodiff.program import Atom, Equation, Program, Var
from hodiff.staging import StageTrace, StageTracer, current_stage
from hodiff.tree import unflatten

Flat = Callable[..., list[Any]]
_NUMBERS = (bool, int, float, complex)
_TRIES = 3

some_false = constant(lambda x: np.logical_not(np.all(x)), name="some_false", code=Code(nest=Composed()))
_AND: Any = NUMPY_UFUNCS[np.logical_and]


class TurnTrace(StageTrace):
    """The staging of a turn, or of a side of a branch."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        super().__init__(inner=True)
        self._held: Any = None

    def guard(self, atom: Atom, expected: Any, *, truth: bool, question: Primitive | None = None) -> None:
        """Note what a question about NaN came to; refuse any other."""
        if question is None or self.closed:
            super().guard(atom, expected, truth=truth)
            return
        answer = StageTracer(self, np.bool_(expected), atom)
        kept = answer if expected else np.logical_not(answer)
        self._held = kept if self._held is None else np.logical_and(self._held, kept)

    def verdict(self) -> Any:
        """Whether all answers are as they were; None where nothing was asked."""
        return self._held


def stage_turn(function: Flat, values: Sequence[Any], name: str) -> tuple[Program, list[Any], bool]:
    """As `stage_part`; the last output says whether all answers are as they were, where something was asked."""
    with np.errstate(all="ignore"), TurnTrace() as trace:
        token = current_stage.set(trace)
        try:
            with trace.ambient():
                outputs = list(function(*(trace.input(value) for value in values)))
        finally:
            current_stage.reset(token)
        held = trace.verdict()
        _, program = trace.finish(outputs if held is None else [*outputs, held], name)
        return program, [operand for operand, _ in trace.lifted], held is not None


def check_verdict(value: Any) -> None:
    """Go on if all turns answered as the first one did, and note that this is assumed.

    Raises
    ------
    NotStagedError
        Where one did not.
    """
    if value.decide(some_false) if isinstance(value, Tracer) else not np.all(value):
        raise NotStagedError("inside a loop, Python control flow depends on a value")


class Part(NamedTuple):
    """The body of a loop.

    Attributes
    ----------
    program : Program
        Of outer values, carried values and elements.
    lifted : list
        The outer values.
    examples : list
        Values of what is carried.
    exact : bool
        The first turn may begin with the types that all others begin with.
    held : bool
        The last of what is carried is whether all turns answered as this one.
    """

    program: Program
    lifted: list[Any]
    examples: list[Any]
    exact: bool
    held: bool

    def initial(self, carry: Carry) -> list[Any]:
        """What the loop begins with."""
        return [*carry.leaves, np.True_] if self.held else list(carry.leaves)


def settled(turn: Flat, carry: Carry, elements: list[Any]) -> Part:
    """The body, for the types that are carried from the first turn on."""
    examples = [example_of(leaf) for leaf in carry.leaves]
    count = len(examples)
    original = None
    for _ in range(_TRIES):
        program, lifted, held = stage_turn(turn, [*examples, *elements], "body")
        original = original or program
        grown = [_promoted(example, atom) for example, atom in zip(examples, program.outputs, strict=False)]
        if all(map(_alike, grown, examples)):
            break
        examples = grown
    else:
        raise StructureError(f"hodiff.{carry.name}: what is carried changes its type in each turn")
    same = program is original or _same_operations(original, program)
    exact = same and all(map(_begins_as, carry.leaves, examples))
    return Part(_arranged(program, count, len(elements), held), list(lifted), examples, exact, held)


def _arranged(program: Program, carries: int, elements: int, held: bool) -> Program:
    """The body as loops take it: outer values, carried values, elements."""
    inputs, outputs, steps = program.inputs, program.outputs, program.steps
    state, rest, outer = inputs[:carries], inputs[carries : carries + elements], inputs[carries + elements :]
    if not held:
        return program.replace(inputs=(*outer, *state, *rest))
    before, after = (Var((), np.dtype(bool), "scalar") for _ in range(2))
    return program.replace(
        inputs=(*outer, *state, before, *rest),
        steps=(*steps, Equation(_AND, (before, outputs[-1]), {}, (after,))),
        outputs=(*outputs[:carries], after, *outputs[carries:-1]),
    )


def _promoted(example: Any, atom: Atom) -> Any:
    """An example of the type that a turn makes of what it was given."""
    if example.__class__ not in _NUMBERS:
        if not example.shape and atom.form != "number":
            return np.asarray(example) if atom.form == "array" else example[()]
        return example
    if atom.form == "number":
        return type(_zero(atom))(example)
    return atom.dtype.type(example)


def _zero(atom: Atom) -> Any:
    return np.zeros((), atom.dtype).item()


def _alike(a: Any, b: Any) -> bool:
    return Var.of(a).same_type(Var.of(b))


def _begins_as(leaf: Any, example: Any) -> bool:
    """Whether the value of a leaf survives what is made of its type."""
    value = example_of(leaf)
    if value.__class__ not in _NUMBERS or example.__class__ is value.__class__:
        return True
    if leaf.__class__ is StageTracer:  # any value of this type
        return bool(np.asarray(value).dtype == np.asarray(example).dtype)
    return bool(example == value or value != value)


_SAME_OF_FLOATS = ("+", "-", "*")


def _same_operations(a: Program, b: Program) -> bool:
    """Whether two programs compute the same, but for numbers of Python's in the place of NumPy's scalars."""
    if len(a.steps) != len(b.steps):
        return False
    for x, y in zip(a.equations, b.equations, strict=True):
        # Most operations between Python's numbers raise, overflow or round otherwise than NumPy's; not these of floats.
        exact = x.primitive.symbol in _SAME_OF_FLOATS and x.primitive.symbol == y.primitive.symbol
        if x.primitive is not y.primitive and not exact:
            return False
        for p, q in zip(x.answers, y.answers, strict=True):
            alike = (p.form == "number") == (q.form == "number") or (exact and p.dtype.kind == "f")
            if p.shape != q.shape or p.dtype != q.dtype or not alike:
                return False
    return all(p.shape == q.shape and p.dtype == q.dtype for p, q in zip(a.outputs, b.outputs, strict=True))


def checked(carry: Carry, new: Any) -> list[Any]:
    """Leaves of what a turn gives."""
    return list(carry.next(new))


def result_of(carry: Carry, part: Part, answers: Sequence[Any]) -> Any:
    """The carried tree behind a loop, with Python's numbers where it had them."""
    if part.held:
        check_verdict(answers[len(carry.leaves)])
    leaves = [
        answer.item() if example.__class__ in _NUMBERS else answer
        for answer, example in zip(answers, part.examples, strict=False)
    ]
    return unflatten(carry.structure, leaves)


def example_of(leaf: Any) -> Any:
    """A plain value of the type of a leaf; what carries a derivative or a batch is no number of Python's."""
    if not isinstance(leaf, Tracer):
        return leaf
    value = leaf.content().example()
    return np.asarray(value)[()] if value.__class__ in _NUMBERS and leaf.__class__ is not StageTracer else value


def traced(operands: Sequence[Any]) -> list[Any]:
    """The operands, some of which have to be traced."""
    values = [v.content() if isinstance(v, Tracer) else v for v in operands]
    if not any(isinstance(v, Tracer) for v in values):
        raise NotStagedError("nothing traced is used")
    return values


def primal_of(value: Any) -> Any:
    """A traced number without derivatives."""
    while isinstance(value, PrimalTracer):
        value = value.primal
    return value


def union(*lists: Sequence[Any]) -> list[Any]:
    """The outer values of several programs, each once."""
    found: list[Any] = []
    for values in lists:
        found.extend(v for v in values if not any(v is w for w in found))
    return found


def with_constants(program: Program, own: Sequence[Any], lifted: Sequence[Any]) -> Program:
    """A program whose first inputs stand for its own outer values, with one input for each of all."""
    known = {id(value): var for value, var in zip(own, program.inputs, strict=False)}
    inputs = [known.get(id(value)) or Var.of(example_of(value)) for value in lifted]
    return program.replace(inputs=(*inputs, *program.inputs[len(own) :]))
