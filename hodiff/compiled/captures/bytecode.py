"""What the code of a function loads from outside itself and what it assigns to, read from its bytecode.

Nothing is run. Straight-line code is followed with a stack of provenances, so that ``np.random.normal`` is known to be
an attribute of an attribute of the global ``np``, and ``history[i] = x`` an assignment to the global ``history``; where
code branches, what is on the stack is forgotten. Imports the standard library only.

>>> def f(x):
...     settings.calls += 1
...     return np.sin(x) * rate
>>> scan = scan_code(f.__code__)
>>> [str(load) for load in scan.loads if load.kind == "global"], [str(store) for store in scan.stores]
(['settings', 'settings.calls', 'np.sin', 'rate'], ['settings.calls'])
"""

import dis
import sys
from collections.abc import Iterable
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

#: In a path, the element of a container by some key.
ELEMENT = "[]"
#: From CPython 3.13 on, the NULL of a call is above the callable.
_NULL_ABOVE = sys.version_info >= (3, 13)
#: Before CPython 3.12, methods are loaded by an instruction of their own.
_METHOD_FLAG = sys.version_info >= (3, 12)


_NO_EFFECT = frozenset(
    (
        "CACHE",
        "EXTENDED_ARG",
        "RESUME",
        "NOP",
        "PRECALL",
        "KW_NAMES",
        "MAKE_CELL",
        "COPY_FREE_VARS",
        "NOT_TAKEN",
        "TO_BOOL",
    )
)


class Path(NamedTuple):
    """A name and the attributes that are taken of it.

    ``np.random.normal`` is ``Path("global", "np", ("random", "normal"))``. The kind is "global", "cell" (a variable of
    an enclosing function), "import" (a module by its full name), or "argument" (the first one of the function, which
    in a method is the instance).
    """

    kind: str
    name: str
    attributes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name + "".join(a if a == ELEMENT else f".{a}" for a in self.attributes)


class Scan(NamedTuple):
    """What a code object does, with those of the functions defined inside it.

    Attributes
    ----------
    loads : tuple of Path
        What it loads from outside, with the attributes taken at once.
    stores : tuple of Path
        What it assigns to: names outside the function, attributes and elements of what such names refer to.
    names : frozenset of str
        All names of globals and attributes.
    words : frozenset of str
        Strings that might be names of attributes.
    uses : frozenset of str
        "patterns" where it matches the classes of values (``case Point(x=0)``), "classes" where it defines some, "text"
        where it makes text of values, other than that of an error.
    """

    loads: tuple[Path, ...]
    stores: tuple[Path, ...]
    names: frozenset[str]
    words: frozenset[str]
    uses: frozenset[str]


@lru_cache(maxsize=4096)
def scan_code(code: CodeType) -> Scan:
    """Read a code object and those inside it."""
    inside = [scan_code(inner) for inner in code.co_consts if isinstance(inner, CodeType)]
    own = _Reader(code)
    if any(Path("cell", own.first) in scan.stores for scan in inside):
        own.first = ""
    own.read()
    loads, stores = own.loads(), list(own.stores)
    names = set(code.co_names)
    words = {value for value in code.co_consts if isinstance(value, str) and value.isidentifier()}
    uses = own.uses()
    for scan in inside:
        loads += [path for p in scan.loads if (path := own.seen_from_inside(p))]
        stores += [path for p in scan.stores if (path := own.seen_from_inside(p))]
        names |= scan.names
        words |= scan.words
        uses |= scan.uses
    return Scan(
        tuple(dict.fromkeys(loads)), tuple(dict.fromkeys(stores)), frozenset(names), frozenset(words), frozenset(uses)
    )


class Instruction(NamedTuple):
    """What is used of an instruction, as the module ``dis`` tells it, which takes ten times as long."""

    opname: str
    arg: int
    argval: Any
    is_jump_target: bool


def instructions_of(code: CodeType) -> list[Instruction]:
    """The instructions that do something, in order."""
    # Cells of arguments share their places with them.
    variables = (*code.co_varnames, *(n for n in code.co_cellvars if n not in code.co_varnames), *code.co_freevars)
    raw = code.co_code
    targets = frozenset(dis.findlabels(raw))  # type: ignore[arg-type]
    found, extended, is_target = [], 0, False
    for offset in range(0, len(raw), 2):
        number, arg = raw[offset], raw[offset + 1] | extended
        is_target = is_target or offset in targets
        if number == dis.EXTENDED_ARG:
            extended = arg << 8
            continue
        extended = 0
        kind, shift = _DECODING[number]
        if kind == "nothing":
            continue
        value: Any = arg
        if kind == "name":
            value = code.co_names[arg >> shift]
        elif kind == "variable":
            value = variables[arg]
        elif kind == "variables":
            value = (variables[arg >> 4], variables[arg & 15])
        elif kind == "constant":
            value = code.co_consts[arg]
        found.append(Instruction(dis.opname[number], arg, value, is_target))
        is_target = False
    return found


def _decoding(number: int) -> tuple[str, int]:
    """What the argument of an instruction refers to, and how many bits are flags."""
    name = dis.opname[number]
    if name in _NO_EFFECT:
        return "nothing", 0
    if number in dis.hasname:
        flags = {"LOAD_GLOBAL": 1, "LOAD_ATTR": int(_METHOD_FLAG), "LOAD_SUPER_ATTR": 2}
        return "name", flags.get(name, 0)
    if name.count("_FAST") == 2 and "AND_CLEAR" not in name:
        return "variables", 0
    if number in dis.haslocal or number in dis.hasfree:
        return "variable", 0
    return ("constant" if number in dis.hasconst else "number"), 0


class _Item:
    """A value on the stack that is known by where it comes from; ``used`` unless only an attribute is taken of it."""

    __slots__ = ("path", "used")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.used = True


class _Reader:
    """Follows the stack of one code object."""

    def __init__(self, code: CodeType) -> None:
        self.instructions = instructions_of(code)
        self.free = frozenset(code.co_freevars)
        self.first = code.co_varnames[0] if code.co_argcount else ""
        self.items: list[_Item] = []
        self.stores: list[Path] = []
        self.stack: list[_Item | None] = []
        if any(i.opname in _ASSIGNING and self.first in _names_of(i) for i in self.instructions):
            self.first = ""

    def loads(self) -> list[Path]:
        """What is loaded, in order."""
        return [item.path for item in self.items if item.used]

    def uses(self) -> set[str]:
        """Features of the language that call methods of values by themselves."""
        names = {i.opname for i in self.instructions}
        found = {feature for name, feature in _FEATURES.items() if name in names}
        # Text in a function that raises is taken to be that of the error.
        return found - {"text"} if "RAISE_VARARGS" in names else found

    def seen_from_inside(self, path: Path) -> Path | None:
        """What a path of a function defined inside is for this one; None where it ends here."""
        if path.kind in ("global", "import") or (path.kind == "cell" and path.name in self.free):
            return path
        if path.kind == "cell" and path.name == self.first:
            return path._replace(kind="argument")
        return None

    def read(self) -> None:
        """Follow all instructions."""
        for position, instruction in enumerate(self.instructions):
            if instruction.is_jump_target:
                self.stack.clear()
            name = instruction.opname
            if name in _POPS:
                self.pop(_POPS[name])
                self.push_unknown(_PUSHES.get(name, 1))
            elif name == "IMPORT_NAME":
                self.import_name(position)
            else:
                handler = getattr(self, f"on_{name.lower()}", None)
                if handler is None:
                    self.stack.clear()
                else:
                    handler(instruction)

    def push(self, path: Path) -> None:
        item = _Item(path)
        self.items.append(item)
        self.stack.append(item)

    def push_unknown(self, count: int) -> None:
        self.stack.extend([None] * count)

    def pop(self, count: int = 1) -> _Item | None:
        """Take values off the stack; returns the lowest of them."""
        item = None
        for _ in range(count):
            item = self.stack.pop() if self.stack else None
        return item

    def store(self, item: _Item | None, attribute: str) -> None:
        if item is not None:
            self.stores.append(_extended(item.path, attribute))

    # --- loads -------------------------------------------------------------------------------------------------------

    def on_load_global(self, instruction: Instruction) -> None:
        with_null = bool(instruction.arg & 1)
        self.push_unknown(with_null and not _NULL_ABOVE)
        self.push(Path("global", instruction.argval))
        self.push_unknown(with_null and _NULL_ABOVE)

    def on_load_name(self, instruction: Instruction) -> None:
        self.push(Path("global", instruction.argval))

    def on_load_fast(self, instruction: Instruction) -> None:
        if instruction.argval == self.first:
            self.push(Path("argument", instruction.argval))
        else:
            self.push_unknown(1)

    on_load_fast_check = on_load_fast
    on_load_fast_borrow = on_load_fast

    def on_load_fast_load_fast(self, instruction: Instruction) -> None:
        for name in instruction.argval:
            if name == self.first:
                self.push(Path("argument", name))
            else:
                self.push_unknown(1)

    on_load_fast_borrow_load_fast_borrow = on_load_fast_load_fast

    def on_load_deref(self, instruction: Instruction) -> None:
        if instruction.argval in self.free:
            self.push(Path("cell", instruction.argval))
        else:
            self.on_load_fast(instruction)

    on_load_classderef = on_load_deref

    def on_load_from_dict_or_deref(self, instruction: Instruction) -> None:
        self.pop()
        self.on_load_deref(instruction)

    def on_load_from_dict_or_globals(self, instruction: Instruction) -> None:
        self.pop()
        self.on_load_name(instruction)

    def on_load_attr(self, instruction: Instruction) -> None:
        self.take_attribute(self.pop(), instruction.argval)
        self.push_unknown(_METHOD_FLAG and instruction.arg & 1)

    def on_load_method(self, instruction: Instruction) -> None:
        self.take_attribute(self.pop(), instruction.argval)
        self.push_unknown(1)

    def take_attribute(self, item: _Item | None, name: str) -> None:
        if item is None:
            self.push_unknown(1)
        else:
            item.used = False
            self.push(_extended(item.path, name))

    def on_binary_subscr(self, instruction: Instruction) -> None:
        del instruction
        self.element(self.pop(2))

    def on_binary_slice(self, instruction: Instruction) -> None:
        del instruction
        self.element(self.pop(3))

    def element(self, container: _Item | None) -> None:
        # The container counts as used; what is taken out of it is followed for assignments only.
        self.stack.append(None if container is None else _Item(_extended(container.path, ELEMENT)))

    def import_name(self, position: int) -> None:
        level, wanted = (i.argval for i in self.instructions[position - 2 : position])
        name = "." * (level or 0) + (self.instructions[position].argval or "")
        self.pop(2)
        # Without a list of names it is the outermost package that is bound.
        self.push(Path("import", name if wanted or name.startswith(".") else name.split(".")[0]))
        if not wanted and "." in name:
            # The inner module is taken from it as attributes, whatever the code does next.
            self.items.append(_Item(Path("import", name.split(".")[0], tuple(name.split(".")[1:]))))

    def on_import_from(self, instruction: Instruction) -> None:
        module = self.stack[-1] if self.stack else None
        self.take_attribute(module, instruction.argval)

    # --- the stack ---------------------------------------------------------------------------------------------------

    def on_copy(self, instruction: Instruction) -> None:
        depth = instruction.arg
        item = self.stack[-depth] if depth <= len(self.stack) else None
        # Two references: an attribute taken of one says nothing of the other, but both lead to the same object.
        self.stack.append(None if item is None else _Item(item.path))

    def on_swap(self, instruction: Instruction) -> None:
        depth = instruction.arg
        if depth <= len(self.stack):
            self.stack[-1], self.stack[-depth] = self.stack[-depth], self.stack[-1]
        else:
            self.stack.clear()

    def on_call(self, instruction: Instruction) -> None:
        self.pop(instruction.arg + 2)
        self.push_unknown(1)

    def on_call_kw(self, instruction: Instruction) -> None:
        self.pop(instruction.arg + 3)
        self.push_unknown(1)

    def on_build_tuple(self, instruction: Instruction) -> None:
        self.pop(instruction.arg)
        self.push_unknown(1)

    on_build_list = on_build_tuple
    on_build_set = on_build_tuple
    on_build_string = on_build_tuple
    on_build_slice = on_build_tuple

    def on_build_const_key_map(self, instruction: Instruction) -> None:
        self.pop(instruction.arg + 1)
        self.push_unknown(1)

    # --- assignments -------------------------------------------------------------------------------------------------

    def on_store_global(self, instruction: Instruction) -> None:
        self.pop()
        self.stores.append(Path("global", instruction.argval))

    def on_delete_global(self, instruction: Instruction) -> None:
        self.stores.append(Path("global", instruction.argval))

    def on_store_deref(self, instruction: Instruction) -> None:
        self.pop()
        self.on_delete_deref(instruction)

    def on_delete_deref(self, instruction: Instruction) -> None:
        if instruction.argval in self.free:
            self.stores.append(Path("cell", instruction.argval))

    def on_store_attr(self, instruction: Instruction) -> None:
        self.store(self.pop(), instruction.argval)
        self.pop()

    def on_delete_attr(self, instruction: Instruction) -> None:
        self.store(self.pop(), instruction.argval)

    def on_store_subscr(self, instruction: Instruction) -> None:
        del instruction
        self.store(self.pop(2), ELEMENT)
        self.pop()

    def on_delete_subscr(self, instruction: Instruction) -> None:
        del instruction
        self.store(self.pop(2), ELEMENT)

    def on_store_slice(self, instruction: Instruction) -> None:
        del instruction
        self.store(self.pop(3), ELEMENT)
        self.pop()


def _extended(path: Path, attribute: str) -> Path:
    return Path(path.kind, path.name, (*path.attributes, attribute))


def _names_of(instruction: Instruction) -> Iterable[str]:
    value = instruction.argval
    return value if isinstance(value, tuple) else (value,)


_ASSIGNING = frozenset(
    ("STORE_FAST", "DELETE_FAST", "STORE_DEREF", "DELETE_DEREF", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST")
)
_FEATURES = {
    "MATCH_CLASS": "patterns",
    "LOAD_BUILD_CLASS": "classes",
    "FORMAT_VALUE": "text",
    "FORMAT_SIMPLE": "text",
    "FORMAT_WITH_SPEC": "text",
    "CONVERT_VALUE": "text",
}
#: How many values instructions take off the stack, and put there if that is not one.
_POPS = {
    "LOAD_CONST": 0,
    "LOAD_SMALL_INT": 0,
    "PUSH_NULL": 0,
    "LOAD_CLOSURE": 0,
    "LOAD_BUILD_CLASS": 0,
    "LOAD_LOCALS": 0,
    "LOAD_ASSERTION_ERROR": 0,
    "POP_TOP": 1,
    "STORE_FAST": 1,
    "STORE_NAME": 1,
    "BINARY_OP": 2,
    "COMPARE_OP": 2,
    "IS_OP": 2,
    "CONTAINS_OP": 2,
    "UNARY_NEGATIVE": 1,
    "UNARY_NOT": 1,
    "UNARY_INVERT": 1,
    "UNARY_POSITIVE": 1,
}
_PUSHES = {"POP_TOP": 0, "STORE_FAST": 0, "STORE_NAME": 0}
_DECODING = [_decoding(number) for number in range(256)]
