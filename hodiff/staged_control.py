"""Loops and branches while they are staged: one operation each, with programs for what they repeat or choose.

Each function returns None where the plain Python code is to run: outside of staging, where nothing traced is involved,
and where a part cannot be staged, since what it does depends on values. May import ``branches``, ``carried``, ``core``,
``errors``, ``loops``, ``ops``, ``primal``, ``program``, ``repeats``, ``staging`` and ``tree``.

>>> from hodiff.staging import stage
>>> def f(x):
...     return [staged_fori_loop(0, 1000, lambda i, y: np.sin(y) + i, x).result]
>>> print(stage(f, [np.float64(1.0)])[1])  # doctest: +ELLIPSIS
program f(a: float64) -> float64
  b: float64 = loop(a, int64[1000]{...}, body=body, constants=0, carries=1, length=1000, reverse=False) ...
    program body(a: float64, b: int) -> float64
      c: float64 = sin(a) ...
      d: float64 = add(c, b) ...
      return d
  return b
"""

from collections.abc import Callable, Sequence
from dis import get_instructions
from operator import index as as_index
from types import CellType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from hodiff.branches import branch
from hodiff.carried import Carry, Kind, Stack, elements, numbers_of, pair_of
from hodiff.core import NUMPY_UFUNCS, Tracer
from hodiff.errors import NotStagedError, StructureError
from hodiff.loops import carried_answer, loop
from hodiff.primal import PrimalTracer
from hodiff.program import Atom, Equation, Guard, Literal, Program, Var
from hodiff.repeats import Family, by_length, repeat
from hodiff.staging import StageTrace, StageTracer, current_stage, stage_part
from hodiff.tree import Structure, flatten, tree_map, unflatten

Flat = Callable[..., list[Any]]
_NUMBERS = (bool, int, float, complex)
_TRIES = 3


class Done(NamedTuple):
    """The result of what was staged."""

    result: Any


def _attempt(run: Callable[[], Any]) -> Done | None:
    """What ``run`` returns; None outside of staging, and where the plain code is to run."""
    trace = current_stage.get()
    if trace is None:
        return None
    mark = len(trace.steps)
    try:
        return Done(run())
    except Exception:  # noqa: BLE001 - whatever it is, the plain code raises it too, or is right
        del trace.steps[mark:]
        return None


# --- loops ------------------------------------------------------------------------------------------------------------


def staged_scan(
    f: Callable[[Any, Any], Any], init: Any, leaves: list[Any], structure: Structure, count: int
) -> Done | None:
    """`scan` of sequences with these leaves as one loop."""
    if count == 0:
        return None
    return _attempt(lambda: _scan(f, Carry("scan", init), leaves, structure, count))


def _scan(f: Callable[[Any, Any], Any], carry: Carry, leaves: list[Any], structure: Structure, count: int) -> Any:
    shapes: list[Structure] = []

    def turn(*values: Any) -> list[Any]:
        now = Carry("scan", unflatten(carry.structure, values[: len(carry.leaves)]))
        new, y = pair_of(f(now.tree(), unflatten(structure, values[len(carry.leaves) :])))
        stacked, shape = numbers_of(y, "hodiff.scan: what is stacked")
        shapes.append(shape)
        return [*_checked(now, new), *stacked]

    first = [_example(leaf)[0] for leaf in leaves]
    part = _settled(turn, carry, first)
    if not part.exact:
        stack = Stack()
        new, y = pair_of(f(carry.tree(), unflatten(structure, elements(leaves, 0))))
        carry.next(new)
        stack.add(y)
        last, rest = carry.tree(), None
        if count > 1:
            last, rest = _scan(f, carry, [leaf[1:] for leaf in leaves], structure, count - 1)
        return last, stack.tree() if rest is None else _joined(stack.tree(), rest)
    last, stacked = _loop(part, carry, leaves, count)
    return last, unflatten(shapes[-1], stacked)


def _joined(first: Any, rest: Any) -> Any:
    """What the first turn gave, and what the others gave; a number among the former takes the dtype of the latter."""
    heads, structure = flatten(first)
    tails = flatten(rest)[0]
    pairs = [(h if h.dtype == t.dtype else h.astype(t.dtype), t) for h, t in zip(heads, tails, strict=True)]
    return unflatten(structure, [np.concatenate(pair) for pair in pairs])


def _loop(part: "_Part", carry: Carry, sequences: Sequence[Any], count: int) -> tuple[Any, Sequence[Any]]:
    operands = _traced((*part.lifted, *carry.leaves, *sequences))
    answers = loop(
        *operands,
        body=part.program,
        constants=len(part.lifted),
        carries=len(carry.leaves),
        length=count,
        reverse=False,
    )
    size = len(carry.leaves)
    return _result(carry, part, answers[:size]), answers[size:]


def staged_fori_loop(lo: Any, hi: Any, body: Callable[[Any, Any], Any], init: Any) -> Done | None:
    """`fori_loop` as one loop, of a length that may be a traced value."""
    return _attempt(lambda: _fori_loop(lo, hi, body, Carry("fori_loop", init)))


def _fori_loop(lo: Any, hi: Any, body: Callable[[Any, Any], Any], carry: Carry) -> Any:
    def turn(*values: Any) -> list[Any]:
        now = Carry("fori_loop", unflatten(carry.structure, values[:-1]))
        return _checked(now, body(values[-1], now.tree()))

    if not isinstance(_primal(lo), StageTracer) and not isinstance(_primal(hi), StageTracer):
        lo, hi = as_index(lo), as_index(hi)
        if lo >= hi:
            return carry.tree()
        part = _settled(turn, carry, [lo])
        if not part.exact:
            carry.next(body(lo, carry.tree()))
            return _fori_loop(lo + 1, hi, body, carry)
        return _loop(part, carry, [np.arange(lo, hi)], hi - lo)[0]
    lo, hi = (bound if isinstance(bound, StageTracer) else as_index(bound) for bound in (_primal(lo), _primal(hi)))
    if any(Kind.of(bound).dtype.kind not in "iu" or Kind.of(bound).shape for bound in (lo, hi)):
        raise NotStagedError("bounds of a loop must be integers")
    part = _settled(turn, carry, [int(_example(lo))])
    if not part.exact:
        raise NotStagedError("the first turn changes the type of what is carried")
    family = Family(part.program, lambda turns, values: _counting(turns, part, lo), ("count", len(part.lifted)))
    answers = by_length(hi - lo, lo, *part.lifted, *carry.leaves, family=family)
    return _result(carry, part, answers)


def _counting(turns: int, part: "_Part", lo: Any) -> Program:
    """Program of a loop that counts on from its first input."""
    start = Var.of(_example(lo))
    inputs = tuple(var.twin() for var in part.program.inputs[:-1])
    numbers = Var((turns,), np.dtype(np.intp))
    answers = tuple(carried_answer(var) for var in inputs[len(part.lifted) :])
    options = {
        "body": part.program,
        "constants": len(part.lifted),
        "carries": len(answers),
        "length": turns,
        "reverse": False,
    }
    steps = (
        Equation(_ADD, (Literal(np.arange(turns)), start), {}, (numbers,)),
        Equation(loop, (*inputs, numbers), options, answers, several=True),
    )
    return Program((start, *inputs), steps, answers, part.program.name)


_ADD: Any = NUMPY_UFUNCS[np.add]


def staged_while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Done | None:
    """`while_loop` as one loop."""
    return _attempt(lambda: _while_loop(cond, body, Carry("while_loop", init)))


def _while_loop(cond: Callable[[Any], Any], body: Callable[[Any], Any], carry: Carry) -> Any:
    def turn(*values: Any) -> list[Any]:
        now = Carry("while_loop", unflatten(carry.structure, values))
        return _checked(now, body(now.tree()))

    part = _settled(turn, carry, [])
    if not part.exact:
        raise NotStagedError("the first turn changes the type of what is carried")
    asked, used = stage_part(lambda *values: [cond(unflatten(carry.structure, values))], part.examples, name="cond")
    if asked.outputs[0].shape:
        raise NotStagedError("the condition of a loop is an array")
    lifted = _union(part.lifted, used)
    count = len(carry.leaves)
    program = _with_constants(part.program, part.lifted, lifted)
    condition = asked.replace(inputs=(*asked.inputs[count:], *asked.inputs[:count]))
    condition = _with_constants(condition, used, lifted)
    answers = repeat(
        *_traced((*lifted, *carry.leaves)), body=program, condition=condition, constants=len(lifted), carries=count
    )
    return _result(carry, part, answers[:-1])


# --- parts ------------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
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
    """

    program: Program
    lifted: list[Any]
    examples: list[Any]
    exact: bool


def _settled(turn: Flat, carry: Carry, elements: list[Any]) -> _Part:
    """The body, for the types that are carried from the first turn on."""
    examples = [_example(leaf) for leaf in carry.leaves]
    count = len(examples)
    original = None
    for _ in range(_TRIES):
        program, lifted = stage_part(turn, [*examples, *elements])
        original = original or program
        settled = [_promoted(example, atom) for example, atom in zip(examples, program.outputs, strict=False)]
        if all(map(_alike, settled, examples)):
            break
        examples = settled
    else:
        raise StructureError(f"hodiff.{carry.name}: what is carried changes its type in each turn")
    inputs = program.inputs
    program = program.replace(inputs=(*inputs[count + len(elements) :], *inputs[: count + len(elements)]))
    exact = all(map(_begins_as, carry.leaves, examples)) and (
        program is original or _same_operations(original, program)
    )
    return _Part(program, list(lifted), examples, exact)


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
    value = _example(leaf)
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


def _checked(carry: Carry, new: Any) -> list[Any]:
    """Leaves of what a turn gives."""
    return list(carry.next(new))


def _result(carry: Carry, part: _Part, answers: Sequence[Any]) -> Any:
    """The carried tree behind a loop, with Python's numbers where it had them."""
    leaves = [
        answer.item() if example.__class__ in _NUMBERS else answer
        for answer, example in zip(answers, part.examples, strict=True)
    ]
    return unflatten(carry.structure, leaves)


def _example(leaf: Any) -> Any:
    """A plain value of the type of a leaf; what carries a derivative or a batch is no number of Python's."""
    if not isinstance(leaf, Tracer):
        return leaf
    value = leaf.content().example()
    return np.asarray(value)[()] if value.__class__ in _NUMBERS and leaf.__class__ is not StageTracer else value


def _traced(operands: Sequence[Any]) -> list[Any]:
    """The operands, some of which have to be traced."""
    values = [v.content() if isinstance(v, Tracer) else v for v in operands]
    if not any(isinstance(v, Tracer) for v in values):
        raise NotStagedError("nothing traced is used")
    return values


def _primal(value: Any) -> Any:
    """A traced number without derivatives."""
    while isinstance(value, PrimalTracer):
        value = value.primal
    return value


def _union(*lists: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for values in lists:
        found.extend(v for v in values if not any(v is w for w in found))
    return found


def _with_constants(program: Program, own: Sequence[Any], lifted: Sequence[Any]) -> Program:
    """A program whose first inputs stand for its own outer values, with one input for each of all."""
    known = {id(value): var for value, var in zip(own, program.inputs, strict=False)}
    inputs = [known.get(id(value)) or Var.of(_example(value)) for value in lifted]
    return program.replace(inputs=(*inputs, *program.inputs[len(own) :]))


# --- branches ---------------------------------------------------------------------------------------------------------


def staged_cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any]
) -> Done | None:
    """`cond` as one choice between programs whose results have the same types."""
    chosen = _primal(pred)
    trace = current_stage.get()
    if trace is None or not isinstance(chosen, StageTracer):
        return None
    return _attempt(lambda: _cond(chosen, true_fn, false_fn, operands, trace))


def _cond(chosen: StageTracer, true_fn: Any, false_fn: Any, operands: Sequence[Any], trace: StageTrace) -> Any:
    structures: list[Structure] = []

    def side(function: Callable[..., Any]) -> list[Any]:
        part = current_stage.get()
        assert part is not None
        lift = part.lift
        arguments = tree_map(lambda leaf: lift(leaf) if isinstance(leaf, Tracer) else leaf, list(operands))
        result = inside(function, lift)(*arguments)
        leaves, structure = numbers_of(result, "hodiff.cond: the result")
        structures.append(structure)
        return leaves

    mark = len(trace.steps)
    true, used_true = stage_part(lambda: side(true_fn), [], name="true")
    false, used_false = stage_part(lambda: side(false_fn), [], name="false")
    if structures[0] != structures[1]:
        raise NotStagedError("the results of both functions are not alike")
    if any(isinstance(step, Guard) or step.primitive.hazard != "none" for step in trace.steps[mark:]):
        raise NotStagedError("what is computed for one of the functions would be computed for both")
    if trace.inner:
        true, false = _with_scalars(true, false), _with_scalars(false, true)
    for a, b in zip(true.outputs, false.outputs, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype or a.form != b.form:
            raise NotStagedError("the results of both functions are not alike")
    lifted = _union(used_true, used_false)
    answers = branch(
        chosen,
        *lifted,
        true=_with_constants(true, used_true, lifted),
        false=_with_constants(false, used_false, lifted),
    )
    leaves = [a.item() if atom.form == "number" else a for a, atom in zip(answers, true.outputs, strict=True)]
    return unflatten(structures[0], leaves)


def inside(function: Any, lift: Callable[[Tracer], Tracer], depth: int = 2) -> Any:
    """A function with the traced values that it captures lifted, so that all it computes is its own."""
    if not isinstance(function, FunctionType) or function.__closure__ is None or not depth:
        return function
    free = function.__code__.co_freevars
    if any(i.opname in ("STORE_DEREF", "DELETE_DEREF") and i.argval in free for i in get_instructions(function)):
        return function
    cells = tuple(_lifted_cell(cell, lift, depth - 1) for cell in function.__closure__)
    if all(cell is before for cell, before in zip(cells, function.__closure__, strict=True)):
        return function
    twin = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _lifted_cell(cell: Any, lift: Callable[[Tracer], Tracer], depth: int) -> Any:
    try:
        value = cell.cell_contents
    except ValueError:  # not assigned yet
        return cell
    if isinstance(value, FunctionType):
        twin = inside(value, lift, depth)
        return cell if twin is value else CellType(twin)
    if isinstance(value, Tracer):
        return CellType(lift(value.content()))
    if value.__class__ is tuple and any(isinstance(part, Tracer) for part in value):
        return CellType(tuple(lift(part.content()) if isinstance(part, Tracer) else part for part in value))
    return cell


def _with_scalars(program: Program, other: Program) -> Program:
    """The program with NumPy's scalars in the place of constant numbers, where the other program has them."""
    return program.replace(
        outputs=[
            Literal(b.dtype.type(a.value))
            if isinstance(a, Literal) and a.form == "number" and b.form == "scalar" and a.dtype == b.dtype
            else a
            for a, b in zip(program.outputs, other.outputs, strict=True)
        ]
    )


# --- what has no turns ------------------------------------------------------------------------------------------------


def stacked_nothing(f: Callable[[Any, Any], Any], carry: Carry, leaves: list[Any], structure: Structure) -> Any:
    """What a scan of no turns stacks: arrays of length 0, of the types that a turn would give.

    Raises
    ------
    StructureError
        When these depend on values.
    """
    shapes: list[Structure] = []

    def turn(*values: Any) -> list[Any]:
        now = unflatten(carry.structure, values[: len(carry.leaves)])
        _, y = pair_of(f(now, unflatten(structure, values[len(carry.leaves) :])))
        stacked, shape = numbers_of(y, "hodiff.scan: what is stacked")
        shapes.append(shape)
        return stacked

    values = [_example(leaf) for leaf in carry.leaves]
    first = [np.ones(leaf.shape[1:], leaf.dtype)[()] for leaf in leaves]
    try:
        program, _ = stage_part(turn, [*values, *first])
    except Exception as error:
        raise StructureError(
            f"hodiff.scan: with no turns, it is not known what the function would return for each ({error})"
        ) from error
    return unflatten(shapes[0], [np.empty((0, *atom.shape), atom.dtype) for atom in program.outputs])
