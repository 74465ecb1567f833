"""Smaller programs with the same failure: fewer results and statements, and variables that become inputs."""

import re
import warnings

import numpy as np

from random_programs.checking import check
from random_programs.inputs import Fixed
from random_programs.program import Parameter


def shrink(program, backend):
    """A program that fails, and of which no part can be left out.

    Parameters
    ----------
    program : RandomProgram
        For which `check` finds something.
    backend : str
    """
    kind = kind_of(check(program, backend))

    def fails(candidate):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return kind_of(check(candidate, backend)) == kind
            except Exception:  # noqa: BLE001 - a candidate that makes no sense
                return False

    while True:
        smaller = next((candidate for candidate in _smaller(program) if fails(candidate)), None)
        if smaller is None:
            return program
        program = smaller


def kind_of(message):
    """What went wrong, without numbers and places; None where nothing did."""
    if message is None:
        return None
    what = message.partition(": ")[2]
    if what.startswith(("raised", "warned")):
        return " ".join(re.findall(r"raised \w+|plainly \w+|warned|'\w+: \w+", what))
    if what.startswith(("eager", "back end")):
        return re.sub(r"\d+|<[^>]*>.*|%\w+", "", what.partition(": ")[2]).splitlines()[0]
    # Of a result it is told what it is, where types differ, and what numbers are in it otherwise.
    return re.sub(r"[\[(].*", "", what).partition(" is a")[0].split()[0] + (" is a " in what) * " of another type"


def _smaller(program):
    """Programs that are smaller by a step, the smallest first."""
    if program.transform != "jit":
        yield program.changed(transform="jit")
    yield from _less_result(program)
    yield from _fewer_statements(program)
    yield from _fewer_inputs(program)
    yield from _more_inputs(program)


def _less_result(program):
    names = [s.binds for s in program.statements if s.binds] + list(program.inputs)
    if program.result in names:
        return
    for name in names:
        if name in program.result:
            yield program.changed(result=name)
            if program.result != f"np.sum({name})":
                yield program.changed(result=f"np.sum({name})")


def _fewer_statements(program):
    for i in reversed(range(len(program.statements))):
        rest = program.statements[:i] + program.statements[i + 1 :]
        name = program.statements[i].binds
        if name is None or (not any(name in s.uses for s in rest) and name not in program.result):
            yield program.changed(statements=rest)
        # What used it takes what it was made from.
        else:
            for other in sorted(program.statements[i].uses):
                yield _renamed(program.changed(statements=rest), name, other)


def _renamed(program, name, other):
    statements = tuple(
        type(s)(s.text.replace(name, other), s.binds, s.noisy) if name in s.uses else s for s in program.statements
    )
    return program.changed(statements=statements, result=program.result.replace(name, other))


def _fewer_inputs(program):
    used = set().union(*(s.uses for s in program.statements)) | {n for n in program.inputs if n in program.result}
    for parameter in program.parameters:
        if len(program.parameters) > 1 and used.isdisjoint(parameter.inputs) and program.transform == "jit":
            yield _with_parameters(program, [p for p in program.parameters if p is not parameter])
        elif parameter.kind != "single":
            flat = [Parameter(name, "single", (name,)) for name in parameter.inputs]
            others = [p for p in program.parameters if p is not parameter]
            yield _with_parameters(program, [*flat, *others])
    for name in program.captured:
        captured = tuple(n for n in program.captured if n != name)
        parameters = [*program.parameters, Parameter(name, "single", (name,))]
        yield _with_parameters(program.changed(captured=captured), parameters if name in used else program.parameters)


def _with_parameters(program, parameters):
    names = {*program.captured, *(name for parameter in parameters for name in parameter.inputs)}
    inputs = {name: recipe for name, recipe in program.inputs.items() if name in names}
    return program.changed(parameters=tuple(parameters), inputs=inputs)


def _more_inputs(program):
    """Each variable in turn becomes an input, from the last one on."""
    for i in reversed(range(len(program.statements) - 1)):
        name = program.statements[i].binds
        if name is None or name in program.inputs:
            continue
        found = []
        for point in (0, 1):
            values = program.values(point)
            part = program.changed(statements=program.statements[: i + 1], result=name)
            try:
                with np.errstate(all="ignore"):
                    found.append(part.function(values)(*part.arguments(values)))
            except Exception:  # noqa: BLE001 - it has no such value at that point
                break
        if len(found) == 2:
            rest = program.statements[:i] + program.statements[i + 1 :]
            yield program.changed(
                statements=rest,
                inputs={**program.inputs, name: Fixed(tuple(found))},
                parameters=(*program.parameters, Parameter(name, "single", (name,))),
            )
