"""Entrances of compiled functions: code that knows arguments like some before, and goes straight to a program.

Trees are taken apart and put together by ``optree`` in general; for nested tuples, lists and dicts, which are nearly
all there are, a few lines of source written for the very structure are several times faster. May import ``forms``,
``forward``, ``numpy_source`` and ``tree``.

>>> form, _ = Form.of({"a": 1.0, "b": [2.0, None]})
>>> make_builder(form)((10.0, 20.0))
{'a': 10.0, 'b': [20.0, None]}
"""

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import numpy as np

from hodiff.compiled.numpy_source import ELSEWHERE, Miss
from hodiff.forms import Form
from hodiff.forward import ForwardTrace, new_forward_trace
from hodiff.tree import LEAF, flatten

#: Leaves of the largest tree that source is written for.
LARGEST = 256
_NUMBERS = (bool, int, float, complex)

Entrance = Callable[[tuple[Any, ...], dict[str, Any]], Any]


class _UnknownError(Exception):
    """A tree has a node of another kind."""


def make_entrance(
    form: Form, args: tuple[Any, ...], keywords: dict[str, Any], static: Collection[int | str] = (), **names: Any
) -> Entrance | None:
    """Write an entrance for arguments like these.

    Parameters
    ----------
    form : Form
        Of ``(args, keywords)`` without what is declared static.
    args, keywords : tuple and dict
        Arguments that a program was found for.
    static : collection of int and str
        Positions and names of the arguments that are declared static.
    **names
        What the code uses: the ``world`` and the ``table`` that the program is from, ``follow(table, inputs, tried)``
        for guards that do not hold, ``eagerly(args, keywords)`` for errors.

    Returns
    -------
    callable or None
        ``entrance(args, keywords)`` returns the result, or ELSEWHERE; None for trees of other kinds.
    """
    captures = names["world"].captures
    reader = _Reader()
    try:
        reader.test(f"len(args) != {len(args)}")
        found = reader.items(args, "args", static)
        positional = tuple(part for i, part in enumerate(found) if i not in static)
        mirrored = positional, reader.mapping(keywords, "keywords", static)
        tests, reader.lines = reader.lines, []
        arrays = reader.items(captures.arrays(), "arrays()")
    except _UnknownError:
        return None
    leaves, structure = flatten(mirrored)
    values = [leaves[slot] for slot in form.slots] if structure == form.structure else []
    if not reader.operands.issuperset(values) or len(values) != len(form.slots):
        return None
    reader.distinct()
    source = _ENTRANCE.format(
        constants=", ".join(reader.constants),
        tests="\n        ".join(tests),
        captured="\n        ".join(reader.lines) or "pass",
        strict="specialisation.strict" if reader.plain else "None",
        left="\n            ".join(f"if {wrong}: return ELSEWHERE" for wrong in reader.left),
        inputs=", ".join((*values, *arrays)),
        sequence=f"({''.join(f'{name}, ' for name in (*values, *arrays))})",
    )
    reads = {"unchanged": captures.unchanged, "arrays": captures.arrays, "statistics": names["world"].statistics}
    entrance: Entrance = _made(source, {**_KNOWN, **names, **reads})(*reader.constants.values())
    return entrance


def make_builder(form: Form | None) -> Callable[[Sequence[Any]], Any] | None:
    """What makes the tree of results of the tuple of their numbers; None where that is the tuple itself."""
    if form is None:
        return None
    if form.structure == LEAF and form.slots:
        return itemgetter(0)
    numbers = [f"numbers[{i}]" for i in range(len(form.slots))]
    if any(leaf is not None for leaf in form.static) or len(numbers) > LARGEST:
        return form.fill
    tree = form.fill(numbers)
    if tree.__class__ is tuple and list(tree) == numbers:
        return None
    try:
        source = f"def make():\n    def build(numbers):\n        return {_expression(tree)}\n    return build\n"
    except _UnknownError:
        return form.fill
    build: Callable[[Sequence[Any]], Any] = _made(source, {})()
    return build


def _expression(tree: Any) -> str:
    """The source of a tree whose leaves are expressions."""
    if tree is None or tree.__class__ is str:
        return str(tree)
    if tree.__class__ is tuple:
        return f"({''.join(f'{_expression(part)}, ' for part in tree)})"
    if tree.__class__ is list:
        return f"[{', '.join(map(_expression, tree))}]"
    if tree.__class__ is dict and all(key.__class__ is str for key in tree):
        return f"{{{', '.join(f'{key!r}: {_expression(part)}' for key, part in tree.items())}}}"
    raise _UnknownError


class _Reader:
    """Lines that test a tree and give names to its leaves; a method returns the tree of these names."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        #: What is wrong with arrays, where the code of the program does not look at them itself.
        self.left: list[str] = []
        #: Whether all arrays are in C's order, as that code wants them.
        self.plain = True
        self.constants: dict[str, Any] = {}
        #: Names of what can be an operand of a program.
        self.operands: set[str] = set()
        #: Names of arrays, by identity.
        self._arrays: dict[int, list[str]] = {}
        self._names = 0

    def test(self, wrong: str) -> None:
        """Leave where this is true."""
        self.lines.append(f"if {wrong}: return ELSEWHERE")

    def constant(self, value: Any) -> str:
        """The name of an object."""
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def visit(self, value: Any, name: str) -> Any:
        """Read any node."""
        cls = value.__class__
        if cls is np.ndarray and value.dtype.kind in "biufc":
            shape, strides, dtype = map(self.constant, (value.shape, value.strides, value.dtype))
            wrong = (
                f"{name}.__class__ is not ndarray or {name}.shape != {shape} or {name}.strides != {strides}"
                f" or {name}.dtype is not {dtype} and {name}.dtype != {dtype}"
            )
            self.plain = self.plain and value.flags.c_contiguous and value.flags.aligned
            # Along an axis of length 1, arrays in C's order may have any stride.
            if 1 not in value.shape:
                self.left.append(wrong)
            else:
                self.test(wrong)
            self.operands.add(name)
            self._arrays.setdefault(id(value), []).append(name)
        elif cls in _NUMBERS or (issubclass(cls, np.generic) and value.dtype.kind in "biufc"):
            self.test(f"{name}.__class__ is not {self.constant(cls)}")
            self.operands.add(name)
        elif cls is str:
            self.test(f"{name}.__class__ is not str or {name} != {self.constant(value)}")
        elif cls is dict:
            self.test(f"{name}.__class__ is not dict")
            return self.mapping(value, name)
        elif cls is tuple or cls is list:
            self.test(f"{name}.__class__ is not {cls.__name__} or len({name}) != {len(value)}")
            parts = self.items(value, name)
            return tuple(parts) if cls is tuple else parts
        elif issubclass(cls, tuple) and hasattr(cls, "_fields"):
            self.test(f"{name}.__class__ is not {self.constant(cls)}")
            return tuple.__new__(cls, self.items(value, name))
        elif value is None:
            self.test(f"{name} is not None")
            return None
        else:
            # The same object; what may change in it is looked at with what the function captures.
            self.test(f"{name} is not {self.constant(value)}")
        return name

    def distinct(self) -> None:
        """Leave where one array is at two places, which the function may notice, or is no longer."""
        names = [same[0] for same in self._arrays.values()]
        for first, *others in self._arrays.values():
            for other in others:
                self.test(f"{other} is not {first}")
        if len(names) == 2:
            self.test(" is ".join(names))
        elif len(names) > 2:
            self.test(f"len({{{', '.join(f'id({name})' for name in names)}}}) != {len(names)}")

    def fixed(self, value: Any, name: str) -> None:
        """Read what is declared static."""
        if value.__class__ in (bool, int, str, bytes):
            self.test(f"{name}.__class__ is not {value.__class__.__name__} or {name} != {self.constant(value)}")
        else:
            self.test(f"{name} is not {self.constant(value)}")

    def items(self, values: Sequence[Any], name: str, static: Collection[Any] = ()) -> list[Any]:
        """Read the items of a sequence of the right length."""
        names = self._new_names(len(values))
        if names:
            self.lines.append(f"{', '.join(names)}, = {name}")
        read = [self.fixed if i in static else self.visit for i in range(len(values))]
        return [visit(*pair) for visit, pair in zip(read, zip(values, names, strict=True), strict=True)]

    def mapping(self, values: dict[Any, Any], name: str, static: Collection[Any] = ()) -> dict[Any, Any]:
        """Read the values of a dict, whose keys and their order are tested."""
        if not values:
            self.test(name)
            return {}
        if any(key.__class__ is not str for key in values):
            raise _UnknownError
        self.test(f"(*{name},) != {self.constant(tuple(values))}")
        places = [i for i, key in enumerate(values) if key in static]
        found = self.items(list(values.values()), f"{name}.values()", places)
        return {key: part for key, part in zip(values, found, strict=True) if key not in static}

    def _new_names(self, count: int) -> list[str]:
        first = self._names
        self._names += count
        if self._names > LARGEST:
            raise _UnknownError
        return [f"v{i}" for i in range(first, self._names)]


_KNOWN = {
    "ELSEWHERE": ELSEWHERE,
    "ForwardTrace": ForwardTrace,
    "Miss": Miss,
    "ndarray": np.ndarray,
    "trace_class": new_forward_trace.get,
}


def _made(source: str, names: dict[str, Any]) -> Any:
    namespace = dict(names)
    exec(_compiled(source), namespace)
    return namespace["make"]


@lru_cache(maxsize=256)
def _compiled(source: str) -> Any:
    return compile(source, "<entrance of a compiled function>", "exec")


# An error is raised by the plain function, outside of the handler, so that it has no context but its own.
_ENTRANCE = """
def make({constants}):
    def entrance(args, keywords):
        {tests}
        if table.eager is not None or world.reason is not None or not unchanged() or trace_class() is not ForwardTrace:
            return ELSEWHERE
        {captured}
        specialisation = table.entry
        function = {strict}
        if function is None:
            {left}
            function = specialisation.function
        outputs = None
        try:
            outputs = function({inputs})
        except Exception:
            pass
        if outputs is None:
            return eagerly(args, keywords)
        if outputs.__class__ is Miss:
            if outputs is ELSEWHERE:
                return ELSEWHERE
            specialisation, outputs = follow(table, {sequence}, (specialisation, outputs))
            if specialisation is None:
                return ELSEWHERE
        else:
            statistics.hits += 1
        build = specialisation.build
        return outputs if build is None else build(outputs)
    return entrance
"""
