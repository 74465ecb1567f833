r"""What code refers to outside itself: the calls of a text through a table, and what object code still asks for.

Imports the standard library only.

>>> text, names = linked("declare double @cos(double) nounwind\n", {"cos", "sin"})
>>> names
['cos']
>>> text.splitlines()[1]
'define internal double @cos(double %0) alwaysinline nounwind "no-builtins" {'
"""

import re
import struct
from collections.abc import Collection

#: The table of addresses, where there is one.
TABLE = "hodiff.addresses"

_DECLARATION = re.compile(r"^declare (.+?) @([\w.$]+)\(", re.MULTILINE)
_LINKAGE = r"(?:internal|private|linkonce|linkonce_odr|weak|weak_odr|external|available_externally|dso_local|hidden)"
_DEFINITION = re.compile(rf"^(define )(?!{_LINKAGE}\b)", re.MULTILINE)
_VARIABLE = re.compile(r"^(@\S+ = )((?:global|constant) )", re.MULTILINE)
_BODY = re.compile(r"^(define .*\S) *\{$", re.MULTILINE)
_BRANCH = re.compile(r"label %([\w.$]+)")
_LABEL = re.compile(r"^([\w.$]+):")

#: The relocations of x86-64 that are distances within a module, or addresses in full.
_RELATIVE = frozenset({1, 2, 4, 24})


def linked(text: str, names: Collection[str]) -> tuple[str, list[str]]:
    """A module whose calls of what it declares go through a table, and the names in the order of the table.

    All that it defines is marked as its own, not to be replaced by the linker; as never throwing; and as code in which
    loops stay loops, where LLVM would see functions of the C library.
    """
    text = _DEFINITION.sub(r"\1dso_local ", _VARIABLE.sub(r"\1dso_local \2", text))
    text = _BODY.sub(r'\1 nounwind "no-builtins" {', text)
    parts, last = [], 0
    order: list[str] = []
    for found in _DECLARATION.finditer(text):
        if found[2] not in names:
            continue
        types, end = _operands(text, found.end())
        line = text.find("\n", end) if text.find("\n", end) >= 0 else len(text)
        parts += [text[last : found.start()], _through_table(found[1], found[2], types, text[end:line], len(order))]
        order.append(found[2])
        last = line
    if not order:
        return text, order
    head = f"@{TABLE} = dso_local global [{len(order)} x ptr] zeroinitializer\n"
    # Modules count their metadata from 0.
    return f"{head}{''.join(parts)}{text[last:]}\n!1000000 = !{{}}\n", order


def _operands(text: str, start: int) -> tuple[list[str], int]:
    """The types between brackets, one of which was before ``start``, and where the text goes on."""
    types, depth, first = [], 1, start
    for position in range(start, len(text)):
        character = text[position]
        if character in "([{<":
            depth += 1
        elif character in ")]}>":
            depth -= 1
        if not depth or (depth == 1 and character == ","):
            types.append(text[first:position].strip())
            first = position + 1
        if not depth:
            break
    return [kind for kind in types if kind], position + 1


def _through_table(kind: str, name: str, types: list[str], attributes: str, index: int) -> str:
    arguments = ", ".join(f"{each} %{i}" for i, each in enumerate(types))
    place = f"getelementptr (i8, ptr @{TABLE}, i64 {8 * index})"
    if kind == "void":
        call, answer = "", "void"
    else:
        call, answer = "%answer = ", f"{kind} %answer"
    return (
        f'define internal {kind} @{name}({arguments}) alwaysinline nounwind "no-builtins" {{\n'
        f"%address = load ptr, ptr {place}, align 8, !invariant.load !1000000\n"
        f"{call}tail call {kind} %address({arguments}){attributes}\nret {answer}\n}}"
    )


def asked(text: str) -> list[str]:
    """The functions that a module leaves to the process."""
    return [found[2] for found in _DECLARATION.finditer(text) if not found[2].startswith("llvm.")]


def straight(text: str) -> tuple[int, int]:
    """How many instructions are run at most once a call, and how many are in loops; one a line."""
    total, seen, loops = 0, dict[str, int](), []
    for line in map(str.strip, text.splitlines()):
        label = _LABEL.match(line)
        if label:
            seen[label[1]] = total
        elif line.startswith("define"):
            seen = {}
        elif line and line[0] not in "}@!d":  # no end of a function, variable, metadata or declaration
            total += 1
            if "label %" in line:
                loops += [(seen[target], total) for target in _BRANCH.findall(line) if target in seen]
    often = end = 0
    for first, last in sorted(loops):
        often += max(0, last - max(first, end))
        end = max(end, last)
    return total - often, often


def missing(code: bytes) -> list[str]:
    """The names that object code asks for; none where its format is not ELF of 64 bits."""
    names = []
    for kind, entries, strings in _tables(code):
        if kind == 2:
            for name, _, _, section, _, _ in struct.iter_unpack("<IBBHQQ", entries):
                if name and not section:
                    names.append(strings[name : strings.index(0, name)].decode())
    return names


def is_relative(code: bytes) -> bool:
    """Whether object code of x86-64 can be loaded as one block anywhere: nothing is missing, and no table is needed."""
    if missing(code):
        return False
    return all(
        info & 0xFFFFFFFF in _RELATIVE
        for kind, entries, _ in _tables(code)
        if kind == 4
        for _, info, _ in struct.iter_unpack("<QQq", entries)
    )


def _tables(code: bytes) -> list[tuple[int, bytes, bytes]]:
    """The tables of symbols (2) and relocations (4) of object code, with the section that each one is linked to."""
    if code[:6] != b"\x7fELF\x02\x01":
        return []
    (start,) = struct.unpack_from("<Q", code, 0x28)
    size, number = struct.unpack_from("<HH", code, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", code, start + size * i) for i in range(number)]

    def content(index: int) -> bytes:
        return code[headers[index][4] : headers[index][4] + headers[index][5]]

    return [(header[1], content(i), content(header[6])) for i, header in enumerate(headers) if header[1] in (2, 4)]
