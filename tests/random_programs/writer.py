"""Writing a random program: each statement is run as soon as it is written, so that shapes and values are known."""

import warnings
from random import Random

import numpy as np

from random_programs.inputs import random_recipe
from random_programs.program import NAMES, Parameter, RandomProgram, Statement

#: Larger values are not computed with, nor are larger arrays.
LARGEST = 1e4
SIZE = 2000
#: In programs of long vectors, which have other families of statements.
LONG = 200_000


class Writer:
    """A program in the making.

    Attributes
    ----------
    random : Random
    values : dict
        Values of the variables at the first point.
    rough : bool
        What warns, or is not finite, is kept.
    long : bool
        Vectors are long, and there are no matrices.
    """

    def __init__(self, seed):
        self.seed = seed
        self.random = Random(seed)
        self.rough = self.random.random() < 0.08
        self.long = self.random.random() < 0.04
        self.shapes = self._shapes()
        self.inputs = {}
        self.statements = []
        self.values = {}
        self._count = 0
        self._unused = set()

    def _shapes(self):
        random = self.random
        lengths = random.choices([1, 2, 3, 4, 5, 6, 7, 8, 9], k=2)
        if self.long:
            length = random.choice([257, 1000, 4099, 9001, 60_001])
            return [(length,), (length,), (length,), (), (1,)]
        if random.random() < 0.25:
            lengths[0] = random.choice([15, 16, 17, 24, 32, 33, 64, 100])
        if random.random() < 0.02:
            lengths[1] = 0
        n, m = lengths
        shapes = [(n,)] * 5 + [(m,)] * 2 + [(), (n, m), (n, m), (m, n), (1, n), (n, 1)]
        if n < 10 and random.random() < 0.3:
            shapes += [(2, n, m), (m, 1, n), (n, n)]
        return shapes

    # --- statements ---------------------------------------------------------------------------------------------------

    def input(self, name):
        """A new input of the program."""
        recipe = random_recipe(self.random, self.shapes, special=self.rough)
        self.inputs[name] = recipe
        self._unused.add(name)
        self.values[name] = recipe.make(self.seed, 0, int(name[1:]))

    def new_name(self):
        """A name that no variable has."""
        self._count += 1
        return f"v{self._count}"

    def assign(self, expression):
        """Write ``name = expression`` where its value is one to compute with; whether it was."""
        if expression is None:
            return False
        try:
            value = eval(expression, {**NAMES, **self.values})
        except Exception:  # noqa: BLE001 - no statement then
            return False
        return self.block(f"{{}} = {expression}", value)

    def block(self, template, value):
        """Write lines, in which {} is the name of the variable whose value is given; whether it is one to use."""
        if not self.is_usable(value):
            return False
        name = self.new_name()
        self._write(Statement(template.replace("{}", name), name, self._takes_noise(value)))
        self.values[name] = value
        self._unused.add(name)
        return True

    def run(self, template):
        """Write lines, in which {} is the variable that they make; whether they made one to compute with."""
        name = "made" if "{}" in template else None
        scope = {**NAMES, **self.values}
        try:
            exec(template.replace("{}", "made"), scope)
        except Exception:  # noqa: BLE001 - no statement then
            return False
        return name is not None and self.block(template, scope["made"])

    def change(self, text):
        """Write a statement that changes a variable, or only checks something."""
        try:
            exec(text, {**NAMES, **self.values})
        except Exception:  # noqa: BLE001 - no statement then
            return False
        self._write(Statement(text))
        return True

    def _write(self, statement):
        self.statements.append(statement)
        self._unused -= statement.uses

    def is_usable(self, value):
        """Whether to go on computing with a value."""
        if isinstance(value, (list, tuple, dict, str)) or value is None:
            return False
        if isinstance(value, int) and not -(2**31) < value < 2**31:
            return False
        array = np.asarray(value)
        if array.dtype.kind not in "biufc" or array.size > (LONG if self.long else SIZE) or array.dtype.itemsize > 16:
            return False
        return self.rough or not array.size or bool(np.all(np.abs(array) < LARGEST))

    def _takes_noise(self, value):
        if isinstance(value, (float, complex)):
            return True
        if not hasattr(value, "dtype") or value.dtype.kind not in "fc":
            return False
        return isinstance(value, np.generic) or not any(
            isinstance(other, np.ndarray) and np.may_share_memory(value, other) for other in self.values.values()
        )

    # --- choosing -----------------------------------------------------------------------------------------------------

    def pick(self, kinds="f", *, accept=None):
        """The name of a variable whose dtype is of one of these kinds, most often a late one; None if there is none."""
        names = [
            name
            for name, value in self.values.items()
            if np.asarray(value).dtype.kind in kinds and (accept is None or accept(value))
        ]
        if not names:
            return None
        if self.random.random() < 0.5:
            names = [name for name in names if name in self._unused] or names
        return names[-1 - min(int(self.random.expovariate(0.35)), len(names) - 1)]

    def array(self, kinds="f", *, least=1, most=3, accept=None):
        """The name of an array with so many axes."""

        def fits(value):
            return isinstance(value, np.ndarray) and least <= value.ndim <= most and (accept is None or accept(value))

        return self.pick(kinds, accept=fits)

    def like(self, name, kinds="f"):
        """The name of a variable that broadcasts with another one."""
        shape = np.shape(self.values[name])

        def fits(value):
            try:
                np.broadcast_shapes(shape, np.shape(value))
            except ValueError:
                return False
            return True

        return self.pick(kinds, accept=fits)

    def constant(self):
        """A number of Python's as text."""
        return self.random.choice(["2.0", "0.5", "-1.5", "0.25", "3", "2", "-1", "1.0", "0.1", "10.0", "0.0", "1"])

    def axis(self, name):
        """An axis of an array, from the front or the back."""
        ndim = np.ndim(self.values[name])
        return self.random.randrange(-ndim, ndim)

    def index(self, length):
        """An index of an axis, from the front or the back."""
        return self.random.randrange(-length, length)

    def part(self, length):
        """A slice of an axis as text, not empty where the axis is not."""
        random = self.random
        first = random.randrange(max(length, 1))
        return random.choice(
            [
                ":",
                "::-1",
                "::2",
                "1:",
                ":-1",
                f"{first}:",
                f":{first + 1}",
                f"{first}::-1",
                "::-2",
                f"{first}:{length}:3",
            ]
        )


def write(seed, statements, families, ending):
    """A random program.

    Parameters
    ----------
    seed : int
    statements : int
        At most so many.
    families : callable
        For a writer a dict from functions of it, which write a statement, to how often they are called.
    ending : callable
        ``ending(writer, parameters)``: what the function returns, the name of a transformation, and which parameter it
        is with respect to.
    """
    writer = Writer(seed)
    random = writer.random
    with warnings.catch_warnings(), np.errstate(all="ignore" if writer.rough else "raise"):
        warnings.simplefilter("ignore" if writer.rough else "error")
        for i in range(random.choice([1, 1, 2, 2, 2, 3, 3, 4])):
            writer.input(f"a{i}")
        captured = tuple(f"k{10 + i}" for i in range(random.choice([0, 0, 0, 1, 1, 2])))
        for name in captured:
            writer.input(name)
        wanted = random.randint(1, statements)
        functions, weights = zip(*families(writer).items(), strict=True)
        for function in random.choices(functions, weights, k=3 * wanted):
            function(writer)
            if len(writer.statements) >= wanted:
                break
        arguments = [name for name in writer.inputs if name not in captured]
        parameters = _parameters(random, arguments)
        ends = ending(writer, parameters)
    return RandomProgram(seed, writer.inputs, captured, parameters, tuple(writer.statements), *ends)


def _parameters(random, names):
    """The parameters, one of which may be a tree."""
    if len(names) > 1 and random.random() < 0.2:
        first = Parameter("p", random.choice(["dict", "list", "tuple"]), tuple(names[:2]))
        names = names[2:]
        return (first, *(Parameter(name, "single", (name,)) for name in names))
    return tuple(Parameter(name, "single", (name,)) for name in names)
