"""Random programs as data: statements with the names that they bind, so that source is printed and programs shrink."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.special

import hodiff as hd

_NAME = re.compile(r"\b[akv][0-9]+\b")
#: What programs may use from outside.
NAMES = {"np": np, "hd": hd, "special": scipy.special, "__name__": "random_program"}


@dataclass(frozen=True)
class Statement:
    """One or more lines.

    Attributes
    ----------
    text : str
    binds : str or None
        The variable that it makes; None where it changes one in place, or does nothing but check.
    noisy : bool
        It makes a new array of floats, which noise can be added to without another meaning of the program.
    """

    text: str
    binds: str | None = None
    noisy: bool = False

    @property
    def uses(self):
        """Variables that it mentions, but for the one that it makes."""
        return set(_NAME.findall(self.text)) - {self.binds}


@dataclass(frozen=True)
class Parameter:
    """A parameter of the function, which may be a tree of inputs.

    Attributes
    ----------
    name : str
    kind : "single", "dict", "list" or "tuple"
    inputs : tuple of str
    """

    name: str
    kind: str
    inputs: tuple[str, ...]

    def build(self, values):
        """The argument for the values of the inputs."""
        parts = [values[name] for name in self.inputs]
        if self.kind == "single":
            return parts[0]
        return (
            dict(zip(self.inputs, parts, strict=True))
            if self.kind == "dict"
            else {"list": list, "tuple": tuple}[self.kind](parts)
        )

    def unpacking(self):
        """The line that gives names to the inputs."""
        if self.kind == "single":
            return ""
        if self.kind == "dict":
            return f"{', '.join(self.inputs)} = {', '.join(f'{self.name}[{name!r}]' for name in self.inputs)}"
        return f"{', '.join(self.inputs)}, = {self.name}"


@dataclass(frozen=True)
class RandomProgram:
    """A function, what it is called with, and how it is transformed.

    Attributes
    ----------
    seed : int
    inputs : dict
        Recipes by name; of what is captured too.
    captured : tuple of str
        Inputs that are globals of the function.
    parameters : tuple of Parameter
    statements : tuple of Statement
    result : str
        The expression that is returned.
    transform : str
        A name in `transforms.TRANSFORMS`.
    argnum : int
        The parameter that it is with respect to.
    """

    seed: int
    inputs: dict[str, Any]
    captured: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    statements: tuple[Statement, ...]
    result: str
    transform: str
    argnum: int
    cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def changed(self, **parts):
        """The program with other parts."""
        return replace(self, **parts, cache={})

    def values(self, point):
        """Values of all inputs at a point."""
        return {name: recipe.make(self.seed, point, int(name[1:])) for name, recipe in self.inputs.items()}

    def arguments(self, values):
        """Arguments for these values."""
        return tuple(parameter.build(values) for parameter in self.parameters)

    def source(self, *, noise=False, uses=False, result=None):
        """The function as text; with ``noise`` every new array of floats is another by some roundings.

        Those of ``uses`` are others at each place where a statement uses them.
        """
        lines = [f"def f({', '.join(parameter.name for parameter in self.parameters)}):"]
        lines += [line for parameter in self.parameters if (line := parameter.unpacking())]
        if noise:
            lines += [f"{name} = noise({name})" for name in self.inputs if name not in self.captured]
        for statement in self.statements:
            lines += (_with_noisy_uses(statement) if uses else statement.text).splitlines()
            if noise and statement.noisy:
                within = ", within=True" if "linalg" in statement.text else ""
                lines.append(f"{statement.binds} = noise({statement.binds}{within})")
        lines.append(f"return {self.result if result is None else result}")
        return "\n    ".join(lines) + "\n"

    def function(self, values, *, noise=None, uses=False, result=None):
        """The function, with these values of what is captured; ``noise`` is the function that adds it."""
        key = (noise is not None, uses, result)
        if key not in self.cache:
            source = self.source(noise=noise is not None, uses=uses, result=result)
            self.cache[key] = compile(source, f"<random program {self.seed}>", "exec")
        captured = {name: noise(values[name]) if noise else values[name] for name in self.captured}
        names = {**NAMES, **captured, "noise": noise}
        exec(self.cache[key], names)
        return names["f"]

    def listing(self):
        """Source, inputs and transformation, for a message."""
        lines = [self.source()]
        lines += [f"{name} = {_shown(recipe)}" for name, recipe in self.inputs.items()]
        if self.captured:
            lines.append(f"captured: {', '.join(self.captured)}")
        lines.append(f"transformation: {self.transform}, argument {self.argnum}; seed {self.seed}")
        return "\n".join(lines)


def _with_noisy_uses(statement):
    """A statement of one line, with noise wherever it reads a variable."""
    text = statement.text
    target, equals, expression = text.partition(" = ")
    if not equals or "\n" in text or target != statement.binds or "out=" in expression:
        return text
    return target + equals + re.sub(rf"\b({'|'.join(statement.uses) or 'f'})\b(?![(.]|=[^=])", r"noise(\1)", expression)


def _shown(recipe):
    if hasattr(recipe, "values") and isinstance(recipe.values, tuple):
        first = recipe.values[0]
        layout = f", strides {first.strides}" if isinstance(first, np.ndarray) and not first.flags.c_contiguous else ""
        with np.printoptions(threshold=40):
            return f"{type(first).__name__} {' | '.join(map(repr, recipe.values))}{layout}"
    return repr(recipe)
