"""Object code on disk, from one process to the next.

A file is found by the hash of all that its content was made from. It is written under another name first, and checked
when it is read, so neither writers that meet nor a disk that is full do harm. It is code that will be run: the
directory, and the file, must belong to the user, and nobody else may write to them. Whatever goes wrong, there is no
cache, and nothing is said.

``HODIFF_CACHE_DIR`` in the environment is the directory; where it is empty, there is no cache. By default it is the
place that the platform has for caches of a user. Imports the standard library only.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as place:
...     write(Path(place), key(["text", "processor"]), b"code")
...     read(Path(place), key(["text", "processor"]))
b'code'
"""

import os
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

#: Bytes that the directory may take, by default; what was not used for longest goes first.
LIMIT = 256 * 2**20
#: What files begin with: another number, where the format is another one.
_MAGIC = b"hodiff object 1\n"
#: Seconds after which a file under its first name has lost its writer.
_ABANDONED = 3600
#: What a file takes at least.
_BLOCK = 4096


def directory() -> Path | None:
    """Where object code is kept; None where it is not."""
    chosen = os.environ.get("HODIFF_CACHE_DIR")
    if chosen is not None:
        return Path(chosen) if chosen else None
    try:
        return _of_user() / "hodiff" / "native"
    except RuntimeError:  # a user without a home
        return None


def _of_user() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative path is to be ignored, says the specification.
    return Path(base) if os.path.isabs(base) else Path.home() / ".cache"


def key(parts: Iterable[str]) -> str:
    """The name of what is made from these texts."""
    found = sha256()
    for part in parts:
        data = part.encode()
        found.update(len(data).to_bytes(8, "little"))
        found.update(data)
    return found.hexdigest()


def read(place: Path, name: str) -> bytes | None:
    """Object code that was written under a name; None where there is none, or it is not to be trusted."""
    try:
        if not _is_private(os.stat(place)):
            return None
        path = place / name
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not (stat.S_ISREG(status.st_mode) and _is_private(status)):
                return None
            content = file.read()
    except (OSError, ValueError):
        return None
    begin = len(_MAGIC) + sha256().digest_size
    code = content[begin:]
    if content[:begin] != _MAGIC + _checksum(name, code):
        return None
    with suppress(OSError):
        os.utime(path)
    return code


def write(place: Path, name: str, code: bytes, *, limit: int = LIMIT) -> None:
    """Keep object code under a name, if it can be kept.

    Now and then, what was not used for longest is dropped, until there are at most ``limit`` bytes.
    """
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(os.stat(place)):
            return
        number, temporary = mkstemp(dir=place, prefix=".new-")
    except (OSError, ValueError):
        return
    try:
        with open(number, "wb") as file:
            file.write(_MAGIC + _checksum(name, code) + code)
        os.replace(temporary, place / name)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
    # Names are random numbers, so this is one time in 64, with nothing to be kept in mind.
    if int(name[:2], 16) % 64 == 0:
        _trim(place, limit)


def _checksum(name: str, code: bytes) -> bytes:
    return sha256(name.encode() + code).digest()


def _is_private(status: os.stat_result) -> bool:
    """Whether nobody but the user could have written it."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _trim(place: Path, limit: int) -> None:
    found, total = [], 0
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            with suppress(OSError):  # somebody else was faster
                status = entry.stat(follow_symlinks=False)
                if entry.name.startswith(".new-") and status.st_mtime < time.time() - _ABANDONED:
                    os.unlink(entry)
                elif _is_ours(entry.name):
                    size = -(-status.st_size // _BLOCK) * _BLOCK
                    found.append((status.st_mtime_ns, size, entry.path))
                    total += size
    for _, size, path in sorted(found):
        if total <= limit:
            break
        with suppress(OSError):
            os.unlink(path)
        total -= size


def _is_ours(name: str) -> bool:
    """Whether a file has a name that `key` makes: the directory may be one with other things in it."""
    return len(name) == 2 * sha256().digest_size and not set(name) - set("0123456789abcdef")
