"""The plan of a program: what the entry must know of it, as 64-bit words; and how LLVM text names fields of objects.

May import ``python_api``.

>>> print(expanded("  %n = get i64, %plan Plan.inputs"))
  %n.at = getelementptr i8, ptr %plan, i64 24
  %n = load i64, ptr %n.at
"""

import re
from collections.abc import Sequence
from typing import Literal

from hodiff.compiled.native.calling.python_api import FIELDS, PLAIN

Errors = Literal["invalid", "divide", "over", "under"]

#: The words of a plan, in front of its records.
PLAN = (
    *("kernel", "slow", "stands"),  # addresses of a function, of a callable, of a callable
    *("inputs", "outputs", "results", "misses"),  # how many
    *("input_records", "output_records", "result_records", "miss_objects"),  # where
    # A block has all that a call writes to: slots, objects that were made, cells of numbers, and the kernel's arena.
    *("block", "busy", "size", "made", "cells", "arena"),  # one kept block, or null; bytes; offsets
    *("releases", "heard"),  # whether the interpreter lock is released, whether floating-point errors are asked for
    *("mismatches", "bails", "alarms"),  # how often NumPy code took over, by cause
    *("fallen", "pause", "resting"),  # calls since native code succeeded; how long to rest next; how long still
    *("true", "elsewhere"),  # addresses of True, and of what `strict` returns for other arguments
)
#: Of an input or output, and of a result.
RECORD = ("kind", "type", "descr", "ndim", "shape")
RESULT = ("kind", "value", "copy")
#: Kinds of values.
ARRAY, SCALAR, FLOAT, COMPLEX, INT, BOOL = range(6)
#: Kinds of results: an output, an input, any object.
OUTPUT, INPUT, CONSTANT = range(3)
#: Causes to call the NumPy code: other arguments, a kernel that gave up, a floating-point error that someone hears of.
MISMATCH, BAIL, ALARM = range(3)
#: Calls in a row that NumPy code had to answer, after which native code rests, for twice as long each time.
PATIENCE, FIRST_PAUSE, LONGEST_PAUSE = 8, 8, 1024
#: Bits of what ``stands`` is given, and what `numpy.errstate` calls the errors.
INVALID, DIVIDE, OVER, UNDER = 1, 4, 8, 16
ERRORS: Sequence[tuple[Errors, int]] = (("invalid", INVALID), ("divide", DIVIDE), ("over", OVER), ("under", UNDER))

_OFFSETS = {
    **{f"{kind}.{name}": offset for kind, fields in FIELDS.items() for name, offset in fields.items()},
    **{f"Plan.{name}": 8 * i for i, name in enumerate(PLAN)},
    **{f"Record.{name}": 8 * i for i, name in enumerate(RECORD)},
    **{f"Result.{name}": 8 * i for i, name in enumerate(RESULT)},
}
_CONSTANTS = {
    "ARRAY": ARRAY,
    "SCALAR": SCALAR,
    "FLOAT": FLOAT,
    "COMPLEX": COMPLEX,
    "INT": INT,
    "BOOL": BOOL,
    "OUTPUT": OUTPUT,
    "INPUT": INPUT,
    "CONSTANT": CONSTANT,
    "MISMATCH": MISMATCH,
    "BAIL": BAIL,
    "ALARM": ALARM,
    "PATIENCE": PATIENCE,
    "FIRST_PAUSE": FIRST_PAUSE,
    "LONGEST_PAUSE": LONGEST_PAUSE,
    "RECORD_SIZE": 8 * len(RECORD),
    "RESULT_SIZE": 8 * len(RESULT),
    "PLAIN": PLAIN,
    "ITEMS": FIELDS["Tuple"]["items"],
}
#: ``%x = at %p Type.field``, ``%x = get T, %p Type.field`` and ``set T value, %p Type.field at name``.
_AT = re.compile(r"^( *)(%[\w.]+) = at (%\w+) (\w+\.\w+)$", re.MULTILINE)
_GET = re.compile(r"^( *)(%\w+) = get (\w+), (%\w+ \w+\.\w+)$", re.MULTILINE)
_SET = re.compile(r"^( *)set (\w+ \S+), (%\w+ \w+\.\w+) at (\w+)$", re.MULTILINE)


def expanded(text: str) -> str:
    """LLVM text from one that reads and writes fields by name, and has constants as ``$NAME``."""
    text = _GET.sub(r"\1\2.at = at \4\n\1\2 = load \3, ptr \2.at", text)
    text = _SET.sub(r"\1%\4 = at \3\n\1store \2, ptr %\4", text)
    text = _AT.sub(lambda m: f"{m[1]}{m[2]} = getelementptr i8, ptr {m[3]}, i64 {_OFFSETS[m[4]]}", text)
    return re.sub(r"\$([A-Z_]+)", lambda m: str(_CONSTANTS[m[1]]), text)
