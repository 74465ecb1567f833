"""The user's line: that of the innermost frame that is not of hodiff, NumPy or SciPy.

Imports nothing of hodiff.

>>> user_line()[1]
1
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy

#: Directories whose frames are not the user's.
_OURS = tuple(f"{Path(path).parent}/" for path in (__file__, np.__file__, scipy.__file__))


#: A way out of hodiff past more frames than this is long.
_LONG = 12


class _Ours(dict[str, bool]):
    """Whether a file is in one of these directories, by its name; looked at once each."""

    def __missing__(self, name: str) -> bool:
        found = self[name] = name.startswith(_OURS)
        return found


_ours = _Ours()


def user_line() -> tuple[str, int]:
    """File and number of the line that the innermost frame outside hodiff, NumPy and SciPy is at."""
    frame: Any = sys._getframe(1)
    while frame is not None and _ours[frame.f_code.co_filename]:
        frame = frame.f_back
    return ("(unknown)", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


class UserLines:
    """The user's lines, for one run that asks for very many of them.

    A long way out of hodiff is walked once: the frames of the latest are remembered until `forget`, since what called a
    frame waits for it at one line.

    Parameters
    ----------
    make : callable
        ``make(filename, line)`` is what is returned for a line, and made once.
    """

    __slots__ = ("_lines", "_make", "_passed")

    def __init__(self, make: Callable[[str, int], Any]) -> None:
        self._make = make
        self._lines: dict[tuple[str, int], Any] = {}
        self._passed: dict[Any, Any] = {}

    def at(self, depth: int) -> Any:
        """The user's line; None where there is no frame of the user's.

        The caller knows that so many of the innermost frames are hodiff's, its own among them.
        """
        frame: Any = sys._getframe(depth)
        passed = self._passed
        steps = 0
        while frame is not None and _ours[frame.f_code.co_filename]:
            if frame in passed:
                return passed[frame]
            frame = frame.f_back
            steps += 1
        line = None
        if frame is not None:
            place = (frame.f_code.co_filename, frame.f_lineno)
            line = self._lines.get(place)
            if line is None:
                line = self._lines[place] = self._make(*place)
        if steps > _LONG:
            self._remember(sys._getframe(depth), line)
        return line

    def _remember(self, frame: Any, line: Any) -> None:
        self._passed.clear()
        for _ in range(_LONG // 4):  # these return soon
            frame = frame.f_back
        while frame is not None and _ours[frame.f_code.co_filename]:
            self._passed[frame] = line
            frame = frame.f_back

    def forget(self) -> None:
        """Let go of all frames."""
        self._passed.clear()
