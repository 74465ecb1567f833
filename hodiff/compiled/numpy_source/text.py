r"""Python source as it is written: lines, blocks, names, and what the names stand for.

May import ``program``.

>>> text = Text()
>>> text.comment = "three"
>>> with text.block("for i in range(3):"):
...     text.line(f"{text.bind(print, 'print')}(i)")
>>> print("\n".join(text.lines))
for i in range(3):  # three
    print(i)  # three
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, reduce
from keyword import kwlist
from math import inf
from string import Formatter
from typing import Any

import numpy as np

from hodiff.program import Literal

#: Names that the emitted function has for itself.
RESERVED = ("Miss", "IndexError", "abs", "buffers", "make_buffers", "pool", "range")


class Text:
    """Lines of source, and the values of the names in them.

    Attributes
    ----------
    lines : list of str
    namespace : dict
        What the names stand for that the lines do not define.
    notes : list of str
        What the reader should know of them.
    comment : str
        Stands behind each line.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.namespace: dict[str, Any] = {}
        self.notes: list[str] = []
        self.comment = ""
        self._margin = ""
        self._taken = {*kwlist, *RESERVED}
        self._bound: dict[Any, str] = {}
        self._counts: dict[str, int] = {}

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(f"{self._margin}{text}  # {self.comment}" if self.comment else self._margin + text)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Lines that belong to a header such as ``for i in range(3):``."""
        self.line(header)
        margin = self._margin
        self._margin += "    "
        count = len(self.lines)
        yield
        if len(self.lines) == count:
            self.line("pass")
        self._margin = margin

    def fresh(self, hint: str) -> str:
        """A name that is not taken yet: ``hint``, or with a number after it."""
        if hint not in self._taken and hint.isidentifier():
            self._taken.add(hint)
            return hint
        name = hint = re.sub(r"\W|^(?=\d)", "_", hint)
        if name in kwlist:
            name = hint = f"{hint}_"
        number = 0
        while name in self._taken:
            number += 1
            name = f"{hint}_{number}"
        self._taken.add(name)
        return name

    def global_name(self, hint: str) -> str:
        """A name that no object is bound to, though a local variable may have it."""
        name = re.sub(r"\W|^(?=\d)", "_", hint)
        return self.fresh(name) if name in self.namespace or name in RESERVED or name in kwlist else name

    def number(self, letter: str) -> str:
        """The next free name of a kind: ``b0``, ``b1`` and so on."""
        count = self._counts.get(letter, 0)
        self._counts[letter] = count + 1
        return self.fresh(f"{letter}{count}")

    def bind(self, value: Any, hint: str) -> str:
        """The name of an object, the same each time."""
        key = id(value)  # alive in the namespace, so that no other object gets it
        name = self._bound.get(key)
        if name is None:
            name = self._bound[key] = self.fresh(hint)
            self.namespace[name] = value
        return name

    def constant(self, value: Any) -> str:
        """An expression for a plain value or a static parameter, exactly."""
        written = _written(value)
        if written is not None:
            return written
        key = _key(value)
        name = self._bound.get(key)
        if name is None:
            dtype = isinstance(value, np.dtype)
            name = self.fresh(value.name) if dtype else self.number("s" if isinstance(value, tuple) else "k")
            self._bound[key] = name
            self.namespace[name] = value
            if not dtype:
                self.notes.append(f"{name} = {_described(value)}")
        return name

    def filled(self, template: str, operands: list[str], parameters: dict[str, Any], **texts: str) -> str:
        """A template of `hodiff.code.Code` with operands and parameters in their places."""
        fields, functions = _parts(template)
        for path in functions:
            template = template.replace(path, self._bound.get(path) or self._function(path))
        used = {name: self.constant(parameters[name]) for name in fields if name in parameters}
        return template.format(*operands, operands=", ".join(operands), **{**texts, **used})

    def _function(self, path: str) -> str:
        """The name of a function of NumPy, such as ``np.add.reduce``."""
        parts = path.split(".")[1:]
        name = self._bound[path] = self.bind(reduce(getattr, parts, np), "_".join(parts))
        return name


@lru_cache(maxsize=1024)
def _parts(template: str) -> tuple[list[str], list[str]]:
    """Names of the fields of a template, and the functions of NumPy in it, the longest first."""
    fields = [name for _, name, _, _ in Formatter().parse(template) if name]
    return fields, sorted(set(re.findall(r"\bnp(?:\.\w+)+", template)), key=len, reverse=True)


def _written(value: Any) -> str | None:
    """A value as Python writes it, where that is exact."""
    if not _is_plain(value):
        return None
    text = repr(value) if value is not Ellipsis else "..."
    return f"({text})" if text[0] == "-" else text


def _is_plain(value: Any) -> bool:
    kind = value.__class__
    if kind is tuple:
        return all(map(_is_plain, value))
    if kind is float:
        return value == value and abs(value) != inf
    return kind is int or kind is bool or kind is str or value is None or value is Ellipsis


def _key(value: Any) -> Any:
    """What two constants share that may have one name."""
    if isinstance(value, np.ndarray) and not value.shape:
        return ("0-d", value.dtype.str, value.tobytes())
    if isinstance(value, np.generic):
        return ("scalar", value.dtype.str, value.tobytes())
    if isinstance(value, np.dtype):
        return ("dtype", value)
    if isinstance(value, tuple) and all(isinstance(part, slice) or _is_plain(part) for part in value):
        return ("index", repr(value))
    return ("object", id(value))


@lru_cache(maxsize=64)
def dtype_name(dtype: "np.dtype[Any]") -> str:
    """The name of a dtype, which NumPy takes long to put together."""
    return str(dtype)


def _described(value: Any) -> str:
    if isinstance(value, tuple):
        parts = [_described(part) for part in value]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(value, slice):
        ends = ":".join("" if part is None else str(part) for part in (value.start, value.stop))
        return ends if value.step is None else f"{ends}:{value.step}"
    if isinstance(value, (np.ndarray, np.generic, float, complex, int)):
        return f"{dtype_name(np.asarray(value).dtype)} {Literal(value)}" if np.ndim(value) == 0 else str(Literal(value))
    return repr(value) if _is_plain(value) else f"a {type(value).__name__}"
