"""Loops and branches as Python source: statements with the body written into them.

May import ``lifetimes`` and ``program``.

>>> _header(["x", "i"], ["xs", "range(3)"], 3)
'for x, i in zip(xs, range(3)):'
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from hodiff.compiled.numpy_source.lifetimes import Lifetimes
from hodiff.program import Atom, Literal, Program, Var

#: Gives a plain value the form of a variable.
Conform = Callable[[Var, Any], Any]


def write_loop(conform: Conform, writer: Any, equation: Any) -> None:
    """Write a loop of a known number of turns as a ``for`` statement."""
    parameters = equation.parameters
    body, constants, carries = parameters["body"], parameters["constants"], parameters["carries"]
    first = constants + carries
    fixed = [writer.operand(atom) for atom in equation.operands[:constants]]
    state = _initial_state(conform, writer, equation.operands[constants:first], body.inputs[constants:first])
    stacks = [writer.array(var) for var in equation.answers[carries:]]
    elements = []
    streams = []
    for atom, var in zip(equation.operands[first:], body.inputs[first:], strict=True):
        elements.append(writer.fresh("element"))
        streams.append(_stream(writer, atom, var, parameters["reverse"]))
    inputs = [*fixed, *state, *elements]
    rows = _rows(writer, body, carries, stacks)
    for at, row in rows.items():
        elements.append(row)
        streams.append(f"{stacks[at]}{'[::-1]' if parameters['reverse'] else ''}")
    if len(rows) < len(stacks):
        elements.append(writer.fresh("turn"))
        length = parameters["length"]
        streams.append(f"range({length - 1}, -1, -1)" if parameters["reverse"] else f"range({length})")
    with writer.block(_header(elements, streams, parameters["length"])):
        found = writer.inline(body, inputs)
        for at in rows:
            del writer.targets[body.outputs[carries + at]]
        for at, (stack, value) in enumerate(zip(stacks, found[carries:], strict=True)):
            if at not in rows:
                writer.line(f"{stack}[{elements[-1]}] = {value}")
        _next_state(conform, writer, state, found[:carries], body.outputs[:carries], body.inputs[constants:first])
        if not found and not body.steps:
            writer.line("pass")
    lent = _lent(body, constants, carries, rows)
    for at, (var, name, kind) in enumerate(zip(equation.answers, state, body.inputs[constants:first], strict=False)):
        if at in lent:
            writer.line(f"{name} = {name}.copy()")
        # Answers are NumPy's, also where the turns have Python's numbers.
        writer.assign(var, _conformed(conform, writer, kind, name, var))


def write_repeat(conform: Conform, writer: Any, equation: Any) -> None:
    """Write a loop that ends by itself as a ``while`` statement."""
    parameters = equation.parameters
    body, condition, constants = parameters["body"], parameters["condition"], parameters["constants"]
    fixed = [writer.operand(atom) for atom in equation.operands[:constants]]
    state = _initial_state(conform, writer, equation.operands[constants:], body.inputs[constants:])
    turns = writer.fresh("turns")
    writer.line(f"{turns} = 0")
    with writer.block("while True:"):
        (goes_on,) = writer.inline(condition, [*fixed, *state])
        writer.line(f"if not {goes_on}:")
        writer.line("    break")
        found = writer.inline(body, [*fixed, *state])
        _next_state(conform, writer, state, found, body.outputs, body.inputs[constants:])
        writer.line(f"{turns} += 1")
    for var, name, kind in zip(equation.answers, state, body.inputs[constants:], strict=False):
        writer.assign(var, _conformed(conform, writer, kind, name, var))
    count = equation.answers[-1]
    writer.assign(count, f"{writer.bind(count.dtype.type, str(count.dtype))}({turns})")


def write_branch(conform: Conform, writer: Any, equation: Any) -> None:
    """Write a choice between two programs as an ``if`` statement."""
    chosen, *operands = (writer.operand(atom) for atom in equation.operands)
    names = [writer.define(var) for var in equation.answers]
    for header, side in ((f"if {chosen}:", "true"), ("else:", "false")):
        program = equation.parameters[side]
        with writer.block(header):
            given: list[str] = []
            for atom, text, var in zip(
                program.outputs, writer.inline(program, operands), equation.answers, strict=True
            ):
                shared = var.form == "array" and (isinstance(atom, Literal) or text in given)
                given.append(f"{text}.copy()" if shared else _conformed(conform, writer, atom, text, var))
            writer.line(f"{', '.join(names)} = {', '.join(given)}" if names else "pass")


def _rows(writer: Any, body: Program, carries: int, stacks: list[str]) -> dict[int, str]:
    """Names for rows of stacks into which the body can write right away, by the number of the stack."""
    makers = {step.answers[0]: step for step in body.equations if writer.targeted(step)}
    rows: dict[int, str] = {}
    for at in range(len(stacks)):
        atom = body.outputs[carries + at]
        if isinstance(atom, Var) and atom in makers and atom not in body.outputs[carries : carries + at]:
            rows[at] = writer.targets[atom] = writer.fresh("row")
    return rows


def _lent(body: Program, constants: int, carries: int, rows: dict[int, str]) -> list[int]:
    """Numbers of the carries that may show memory of a stack, in which the body writes some rows right away."""
    if not rows:
        return []
    roots = Lifetimes(body.inputs, body.equations, body.outputs).roots_of
    memory: set[Atom] = {*(body.outputs[carries + at] for at in rows), *body.inputs[constants : constants + carries]}
    return [at for at in range(carries) if not memory.isdisjoint(roots(body.outputs[at]))]


def _header(elements: list[str], streams: list[str], length: int) -> str:
    if not elements:
        return f"for _ in range({length}):"
    if len(elements) == 1:
        return f"for {elements[0]} in {streams[0]}:"
    return f"for {', '.join(elements)} in zip({', '.join(streams)}):"


def _stream(writer: Any, atom: Atom, var: Var, reverse: bool) -> str:
    """An expression for what gives the elements of a sequence one by one."""
    name = f"{writer.operand(atom)}{'[::-1]' if reverse else ''}"
    return f"{name}.tolist()" if var.form == "number" else name


def _initial_state(conform: Conform, writer: Any, atoms: tuple[Atom, ...], variables: tuple[Var, ...]) -> list[str]:
    state = []
    for atom, var in zip(atoms, variables, strict=True):
        name = writer.fresh("state")
        writer.line(f"{name} = {_conformed(conform, writer, atom, writer.operand(atom), var)}")
        state.append(name)
    return state


def _next_state(
    conform: Conform, writer: Any, state: list[str], found: list[str], atoms: tuple[Atom, ...], variables: Any
) -> None:
    values = [
        _conformed(conform, writer, atom, text, var) for atom, text, var in zip(atoms, found, variables, strict=True)
    ]
    changed = [(name, value) for name, value in zip(state, values, strict=True) if name != value]
    if changed:
        names, texts = zip(*changed, strict=True)
        writer.line(f"{', '.join(names)} = {', '.join(texts)}")


def _conformed(conform: Conform, writer: Any, atom: Atom, text: str, var: Var) -> str:
    """A value in the form of a variable of the body."""
    typed = Var.of(atom.value) if isinstance(atom, Literal) else atom
    if typed.form == var.form and (var.form == "array" or typed.dtype == var.dtype):
        return text
    return f"{writer.bind(partial(conform, var), 'conform')}({text})"
