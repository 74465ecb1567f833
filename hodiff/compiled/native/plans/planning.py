"""The plan of a program: nests of loops, tasks, and copies, in the order in which they run.

Statements share a nest where they run through the same space and read of each other what has just been computed. A
space whose axes but the first are short is a batch: its nest runs along the first axis, and the rest is written out.
What batches read and write lies column by column, so that vectors are in one piece; arrays from elsewhere, and for
others, are copied. May import ``blocking``, ``hearing``, ``lowering``, ``nodes``, ``program``, ``recognising``,
``rows``, ``statements``, ``steps``, ``storage`` and ``tasks``.

>>> import numpy as np
>>> from hodiff.ops.elementwise import exp, multiply
>>> x, y, z = (Var((3,), np.dtype(float)) for _ in range(3))
>>> steps = [Equation(exp, (x,), {}, (y,)), Equation(multiply, (y, y), {}, (z,))]
>>> plan = Plan([x], steps, [z])
>>> [statement.answer is z for nest in plan.nests for statement in nest.statements]
[True]
"""

from collections.abc import Collection, Sequence
from math import prod

from hodiff.compiled.native.plans.blocking import blocked
from hodiff.compiled.native.plans.hearing import partly_read
from hodiff.compiled.native.plans.nodes import InMemory, Node, Read
from hodiff.compiled.native.plans.recognising import node_of
from hodiff.compiled.native.plans.rows import grouped
from hodiff.compiled.native.plans.statements import Explorer, Statement
from hodiff.compiled.native.plans.steps import Copy, Nest, Step, Work
from hodiff.compiled.native.plans.storage import LONGEST, Batches, choose, in_register
from hodiff.compiled.native.plans.tasks import Task, task_of, turned
from hodiff.lowering import ZERO, Index
from hodiff.program import Atom, Equation, Var


class Plan:
    """What is computed where.

    Parameters
    ----------
    inputs : sequence of Var
        What is in memory already.
    equations : sequence of Equation
    outputs : sequence of Var
        What is wanted in memory; arrays of one element in a register.
    blocks : bool
        Whether nests may go block by block, so that some places are computed twice: not where memory is changed.

    Attributes
    ----------
    nodes : dict
        For each variable that an equation defines, its node.
    tasks : dict
        For each answer of a task, the task.
    stored : set of Var
        What has a buffer, or is a reduction in a register.
    columns : dict
        For what batches read or write, the variable that stands for it column by column.
    turned : set of Var
        What batches compute, which is first there column by column.
    steps : list of Nest, Rows, Blocks, Work and Copy
        In the order in which they run.
    private : set of Var
        What is needed while its row is at hand only.
    passing : set of Var
        What is needed at its own place in its own nest only, and never stored.

    Raises
    ------
    Unsupported
        Saying which operation has no native form.
    """

    def __init__(
        self, inputs: Sequence[Var], equations: Sequence[Equation], outputs: Sequence[Atom], *, blocks: bool = False
    ) -> None:
        self.inputs = set(inputs)
        self.nodes: dict[Atom, Node] = {}
        self.tasks: dict[Atom, Task] = {}
        batches = Batches(var.shape for equation in equations for var in equation.answers)
        triangles: dict[Atom, str] = {}
        for equation in equations:
            task = task_of(equation, self.nodes, batches)
            if task is not None:
                task.note_triangles(triangles)
                self.tasks.update(dict.fromkeys(equation.answers, task))
                continue
            node = node_of(equation)
            self.nodes[node.answer] = node
        self.columns: dict[Atom, Var] = {}
        self.turned: set[Atom] = set()
        self.steps: list[Step] = []
        self._batches = batches
        self._outputs = [atom for atom in outputs if isinstance(atom, Var)]
        wanted = {*self._outputs, *(atom for task in self.tasks.values() for atom in task.buffers)}
        heard = partly_read(self.nodes, {*wanted, *(atom for task in self.tasks.values() for atom in task.numbers)})
        self.stored = choose(equations, self.nodes, wanted | heard, batches) | set(self.tasks)
        order = [equation.answers[0] for equation in equations]
        while True:
            forced = len(self.stored)
            explorer = Explorer(self.nodes, self.stored, batches)
            found = [made for var in order if (made := self._made(var, explorer)) is not None]
            if len(self.stored) == forced:
                break
        self._turn(found)
        self._schedule(found)
        numbers = [var for var, node in self.nodes.items() if in_register(node, batches)]
        kept = {*self._outputs, *self._behind(numbers), *heard}
        self.steps, self.private = grouped(self.steps, {*kept, *self.turned})
        self.passing = self._passing(kept)
        self.private -= self.passing
        if blocks:
            late = {*self._behind(numbers), *self.passing, *(var for var in self._outputs if var not in self.turned)}
            self.steps = blocked(self.steps, self.columns, late)

    @property
    def nests(self) -> list[Nest]:
        """The nests among the steps."""
        groups = [
            [step] if isinstance(step, Nest) else step.nests for step in self.steps if not isinstance(step, Work | Copy)
        ]
        return [nest for nests in groups for nest in nests]

    def _made(self, var: Atom, explorer: Explorer) -> Statement | Work | None:
        """The statement or the work that makes a value; None where it is made where it is read."""
        task = self.tasks.get(var)
        if task is not None:
            return Work(task, self._behind([*task.buffers, *task.numbers]))
        if var not in self.stored or in_register(self.nodes[var], self._batches):
            return None
        # What batches hand on is at hand column by column, and needs not be turned in memory.
        across = None if var.shape in self._batches else turned(self.nodes[var], self.nodes, self.stored)
        return explorer.statement(self.nodes[var]) if across is None else Work(across, self._behind(across.buffers))

    def _read_in_order(self) -> set[Atom]:
        """What the numbers that are wanted read at places in memory."""
        found: set[Atom] = set()
        waiting: list[Read] = [(var, identity_place(var.shape)) for var in self._outputs if var.size == 1]
        seen = set[Read]()
        while waiting:
            read = waiting.pop()
            atom, index = read
            node = self.nodes.get(atom)
            if read in seen:
                continue
            seen.add(read)
            if node is not None and atom not in self.stored:
                waiting += node.explore(index, set())
            elif isinstance(index, InMemory):
                found.add(atom)
        return found

    def _behind(self, atoms: Sequence[Atom]) -> set[Atom]:
        """The buffers and reductions that some values are made of."""
        found: set[Atom] = set()
        waiting, seen = list(atoms), set[Atom]()
        while waiting:
            atom = waiting.pop()
            if atom in seen:
                continue
            seen.add(atom)
            if atom in self.stored:
                found.add(atom)
            elif atom in self.nodes:
                waiting += self.nodes[atom].equation.operands
        return found

    def _passing(self, kept: Collection[Atom]) -> set[Atom]:
        """What no other nest reads, nor anything else."""
        readers: dict[Atom, set[int]] = {}
        homes: dict[Atom, int] = {}
        others = [step for step in self.steps if isinstance(step, Work | Copy)]
        for number, step in enumerate([*self.nests, *others]):
            for atom in step.needs():
                readers.setdefault(atom, set()).add(number)
        for number, nest in enumerate(self.nests):
            homes.update((s.answer, number) for s in nest.statements if not s.reduces and s.answer.size != 1)
        seen = {atom: {*readers.get(atom, ()), *readers.get(self.columns.get(atom), ())} for atom in homes}  # type: ignore[arg-type]
        return {atom for atom, number in homes.items() if atom not in kept and seen[atom] <= {number}}

    # --- columns ------------------------------------------------------------------------------------------------------

    def _turn(self, found: Sequence[Statement | Work]) -> None:
        """Find what lies column by column."""
        batches = [statement for statement in found if isinstance(statement, Statement) and statement.batch]
        rows: dict[Atom, set[Index]] = {}
        for statement in batches:
            answer = statement.answer
            if not statement.reduces and answer.size != answer.shape[0]:
                self.columns[answer] = answer.twin()
                self.turned.add(answer)
            for atom, places in statement.rows.items():
                rows.setdefault(atom, set()).update(places)
        for atom, places in rows.items():
            # Of an array of which few columns are read, most would be copied in vain.
            if atom not in self.columns and 2 * len(places) >= prod(atom.shape[1:]):
                self.columns[atom] = Var(atom.shape, atom.dtype)

    # --- steps --------------------------------------------------------------------------------------------------------

    def _schedule(self, found: Sequence[Statement | Work]) -> None:
        """Put statements into nests, each into the first where all that it reads is known."""
        self._home: dict[Atom, int] = {}
        self._by: dict[Atom, Statement] = {}
        for made in found:
            if isinstance(made, Work):
                for atom in made.reads:
                    self._in_rows(atom)
                self._home.update(dict.fromkeys(made.made(), len(self.steps)))
                self.steps.append(made)
            else:
                self._place(made)
        for atom in (*self._outputs, *self._read_in_order()):
            self._in_rows(atom)

    def _place(self, statement: Statement) -> None:
        first = 0
        needs = {**dict.fromkeys(statement.rows, False), **statement.needs}
        for atom, near in needs.items():
            for seen in self._versions(statement, atom):
                if seen not in self._home:
                    continue  # an input, or a number that is computed where it is read
                by = self._by.get(seen)
                joins = near and by is not None and not by.reduces and by.axes is statement.axes
                first = max(first, self._home[seen] if joins else self._home[seen] + 1)
        for number in range(first, len(self.steps)):
            step = self.steps[number]
            if isinstance(step, Nest) and step.fits(statement) and step.length + statement.cost <= 2 * LONGEST:
                step.add(statement)
                break
        else:
            number = len(self.steps)
            self.steps.append(Nest(statement))
        answer = self.columns[statement.answer] if statement.answer in self.turned else statement.answer
        self._home[answer] = number
        self._by[answer] = statement

    def _versions(self, statement: Statement, atom: Atom) -> list[Atom]:
        """What stands for a value that a statement reads, by columns, by rows, or both; it is there from now on."""
        found: list[Atom] = []
        if statement.batch and atom in self.columns and (atom in statement.rows or atom in self.turned):
            found.append(self._in_columns(atom))
        if not found or atom in statement.in_order:
            self._in_rows(atom)
            found.append(atom)
        return found

    def _in_columns(self, atom: Atom) -> Var:
        """The variable that stands for a value column by column, which is there from now on."""
        twin = self.columns[atom]
        if twin not in self._home:
            self._home[twin] = len(self.steps)
            self.steps.append(Copy(atom, twin))
        return twin

    def _in_rows(self, atom: Atom) -> None:
        """Let a value that a batch has computed be there row by row."""
        twin = self.columns.get(atom)
        if twin is not None and isinstance(atom, Var) and atom in self.turned and atom not in self._home:
            self._home[atom] = len(self.steps)
            self.steps.append(Copy(twin, atom))


def identity_place(shape: Sequence[int]) -> Index:
    """The only index of an array of one element."""
    return (ZERO,) * len(shape)
