"""The user's line: the innermost frame that is not of hodiff, NumPy or SciPy.

Imports nothing of hodiff.

>>> user_line()[1]
1
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy

#: Directories whose frames are not the user's.
_OURS = tuple(f"{Path(path).parent}/" for path in (__file__, np.__file__, scipy.__file__))


class _Ours(dict[str, bool]):
    """Whether a file is in one of these directories, by its name; looked at once each."""

    def __missing__(self, name: str) -> bool:
        found = self[name] = name.startswith(_OURS)
        return found


_ours = _Ours()


def user_frame(depth: int = 1) -> Any:
    """The innermost frame outside hodiff, NumPy and SciPy; None where there is none.

    The caller, and what calls it, can say how many of the innermost frames are known to be hodiff's: looking at them
    takes time.
    """
    frame: Any = sys._getframe(depth)
    while frame is not None and _ours[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


def user_line() -> tuple[str, int]:
    """File and number of the line that `user_frame` is at."""
    frame = user_frame()
    return ("(unknown)", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
