"""What loops carry from turn to turn: numbers in registers, arrays in memory by pointers that change places.

A turn reads an array where it is and writes the next one elsewhere, so that nothing is copied: there is a pointer to
what is read, and where the loop makes the array itself, one to what is written and one to what will be written next.
May import ``elements``, ``errors``, ``ir``, ``nodes``, ``program``, ``regions`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.staging import stage
>>> _, body = stage(lambda x, y, z: [y, x + z, z], [np.ones(2)] * 3, name="body")
>>> [carry.way for carry in carries_of(body, body.inputs, range(3), ())]
['copied', 'made', 'same']
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.ir import Body, Carry, Value
from hodiff.compiled.native.plans.nodes import Node
from hodiff.compiled.native.plans.tasks import View, own, view_of
from hodiff.compiled.native.writing.elements import Memory
from hodiff.compiled.native.writing.regions import Region, bytes_of, copy
from hodiff.program import Atom, Program, Var


class Carried(NamedTuple):
    """What is carried from turn to turn.

    Attributes
    ----------
    var : Var
        The input of the body.
    output : Var or Literal
        What the body makes of it.
    way : str
        "number"; "same" where no turn changes it; of arrays "kept" where they are changed in place, "made" where the
        body writes the next one for this carry,
        "lent" where the next one is in memory that is there anyway, and "copied" where it is to be copied from that of
        another carry.
    """

    var: Var
    output: Atom
    way: str


def carries_of(
    body: Program,
    inputs: Sequence[Var],
    places: Sequence[int],
    lenders: Collection[Atom],
    kept: Collection[Var] = (),
) -> list[Carried]:
    """How each value is carried.

    Parameters
    ----------
    body : Program
    inputs : sequence of Var
        What is carried, as inputs of the body.
    places : sequence of int
        The number of the output that follows each of them.
    lenders : collection of Var
        Outputs that are in memory for another reason.
    kept : collection of Var
        Inputs that are changed in place.
    """
    own_vars = {var for equation in body.equations for var in equation.answers}
    lent = set(lenders)
    found = []
    for var, place in zip(inputs, places, strict=True):
        output = body.outputs[place]
        if output is var:
            way = "same"
        elif var.size == 1:
            way = "number"
        elif var in kept:
            way = "kept"
            lent.add(output)
        elif output in inputs:
            way = "copied"
        elif output in own_vars and output not in lent:
            way = "made"
            lent.add(output)
        else:
            way = "lent"
        if var.size != 1 and (output.dtype != var.dtype or output.shape != var.shape):
            raise Unsupported(f"a loop that carries {var} and then {output.dtype}")
        found.append(Carried(var, output, way))
    return found


def buffer_sizes(carried: Sequence[Carried]) -> list[int]:
    """Bytes of one buffer for each that the loop writes, 0 for the others."""
    return [bytes_of(c.var) if c.way in ("made", "copied") else 0 for c in carried]


class Operand(NamedTuple):
    """What a nested task takes: a number, or an array as its program sees it.

    Attributes
    ----------
    atom : Var or Literal
    view : View or None
        How an array lies in a buffer; None of a number.
    """

    atom: Atom
    view: View | None


def operand_of(atom: Atom, var: Var, nodes: Mapping[Atom, Node]) -> Operand:
    """An operand that is an input of the body."""
    if var.size == 1:
        return Operand(atom, None)
    if atom.dtype != var.dtype:
        raise Unsupported(f"{var.dtype} that begins as {atom.dtype}")
    view = view_of(atom, nodes)
    return Operand(atom, view if view.steps == own(atom).steps else own(atom))


def given(region: Region, operand: Operand, var: Var) -> Value | Memory:
    """The value of an operand, or where it is."""
    return region.number(operand.atom, var.dtype) if operand.view is None else region.seen(operand.view)


def buffers_in(operands: Sequence[Operand]) -> tuple[list[Atom], list[Atom]]:
    """What has to be in memory, and what is to be in registers."""
    return (
        [operand.view.base for operand in operands if operand.view is not None],
        [operand.atom for operand in operands if operand.view is None],
    )


class Turning:
    """A value while the loop that carries it is written.

    Parameters
    ----------
    body : Body
        Within the loop.
    carried : Carried
    initial : Value or Memory
    buffers : tuple of Value
        Pointers to what is written in the first turn, and in the second, where the loop writes the array.

    Attributes
    ----------
    value : Value or Memory
        In this turn.
    target : Memory or None
        Where the next one is to be written.
    """

    def __init__(self, body: Body, carried: Carried, initial: Value | Memory, buffers: tuple[Value, ...]) -> None:
        self._body = body
        self.carried = carried
        self.initial = initial
        self.target: Memory | None = None
        self.value = initial
        self._now: Carry | None = None
        self._writing: list[Carry] = []
        if carried.way in ("same", "kept"):
            return
        if isinstance(initial, Value):
            self._now = body.carry(initial)
            self.value = self._now.value
            return
        self._now = body.carry(initial.pointer)
        self.value = initial._replace(pointer=self._now.value, owner=carried.var, level=body.level)
        if buffers:
            self._writing = [body.carry(buffer) for buffer in buffers]
            self.target = initial._replace(pointer=self._writing[0].value, owner=carried.output, level=body.level)

    def follow(self, inner: Region) -> Value | Memory:
        """Hand on what a turn made; what the value is after a loop that ends with it."""
        carried = self.carried
        if self._now is None:
            return self.initial
        if isinstance(self.value, Value):
            return self._body.update(self._now, inner.number(carried.output, carried.var.dtype))
        source = inner.memory_of(carried.output)
        if self.target is not None:
            copy(self._body, source, self.target)
            source = self.target
            first, second = self._writing
            self._body.update(first, second.value)
            self._body.update(second, first.value)
        after = self._body.update(self._now, source.pointer)
        return self.value._replace(pointer=after, owner=(carried.var, "after"), level=after.level)

    def before(self) -> Value | Memory:
        """What the value is after a loop of `repeat`: as the last turn that was begun found it."""
        if self._now is None:
            return self.initial
        found = self._now.value._replace(level=self._now.value.level - 1)
        if isinstance(self.value, Value):
            return found
        return self.value._replace(pointer=found, owner=(self.carried.var, "after"), level=found.level)


def is_in_order(view: View) -> bool:
    """Whether the elements of each row of a view are in order."""
    steps: list[int] = []
    size = 1
    for length in reversed(view.shape[1:]):
        steps.insert(0, size)
        size *= length
    same = [a == b or n == 1 for a, b, n in zip(view.steps[1:], steps, view.shape[1:], strict=True)]
    return all(same)


def sequence_of(atom: Atom, var: Var, nodes: Mapping[Atom, Node]) -> Operand:
    """An operand of which each turn takes one element."""
    if atom.dtype != var.dtype and var.size != 1:
        raise Unsupported(f"elements of {atom.dtype} as {var.dtype}")
    view = view_of(atom, nodes)
    return Operand(atom, view if is_in_order(view) else own(atom))
