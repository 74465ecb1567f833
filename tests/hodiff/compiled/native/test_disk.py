"""Object code on disk: found again, never trusted where it is broken or could be somebody else's, never too much."""

import ctypes
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hodiff.compiled.native.loading import disk, modules
from hodiff.compiled.native.loading.machine import reason

CODE = bytes(range(256)) * 8
NAMES = [disk.key([str(number)]) for number in range(200)]
TRIMS = [name for name in NAMES if int(name[:2], 16) % 64 == 0]
native = pytest.mark.skipif(reason() is not None, reason=str(reason()))
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners and permissions are those of POSIX")


def test_code_is_found_again(tmp_path):
    place = tmp_path / "not" / "yet"
    assert disk.read(place, NAMES[0]) is None
    disk.write(place, NAMES[0], CODE)
    assert disk.read(place, NAMES[0]) == CODE
    assert disk.read(place, NAMES[1]) is None
    assert [path.name for path in place.iterdir()] == [NAMES[0]]


def test_names_depend_on_every_part_and_where_it_ends():
    assert len({disk.key(parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["c", "ab"])}) == 5


@pytest.mark.parametrize("length", [0, 5, 16, 40, 48, 1000, -1])
def test_a_truncated_file_is_no_code_and_is_replaced(tmp_path, length):
    disk.write(tmp_path, NAMES[0], CODE)
    path = tmp_path / NAMES[0]
    path.write_bytes(path.read_bytes()[:length])
    assert disk.read(tmp_path, NAMES[0]) is None
    disk.write(tmp_path, NAMES[0], CODE)
    assert disk.read(tmp_path, NAMES[0]) == CODE


@pytest.mark.parametrize("position", [0, 20, 47, 48, 500, -1])
def test_a_file_with_one_bit_changed_is_no_code(tmp_path, position):
    disk.write(tmp_path, NAMES[0], CODE)
    path = tmp_path / NAMES[0]
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)
    assert disk.read(tmp_path, NAMES[0]) is None


def test_a_file_under_the_name_of_another_is_no_code(tmp_path):
    disk.write(tmp_path, NAMES[0], CODE)
    (tmp_path / NAMES[0]).rename(tmp_path / NAMES[1])
    assert disk.read(tmp_path, NAMES[1]) is None


@posix
@pytest.mark.parametrize("mode", [stat.S_IWGRP, stat.S_IWOTH])
def test_what_others_can_write_is_not_trusted(tmp_path, mode):
    disk.write(tmp_path, NAMES[0], CODE)
    path = tmp_path / NAMES[0]
    path.chmod(0o600 | mode)
    assert disk.read(tmp_path, NAMES[0]) is None
    path.chmod(0o600)
    tmp_path.chmod(0o700 | mode)
    assert disk.read(tmp_path, NAMES[0]) is None
    disk.write(tmp_path, NAMES[1], CODE)
    tmp_path.chmod(0o700)
    assert not (tmp_path / NAMES[1]).exists()
    assert disk.read(tmp_path, NAMES[0]) == CODE


@posix
def test_what_belongs_to_somebody_else_is_not_trusted(tmp_path, monkeypatch):
    disk.write(tmp_path, NAMES[0], CODE)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert disk.read(tmp_path, NAMES[0]) is None


@posix
def test_a_link_is_not_followed(tmp_path):
    disk.write(tmp_path / "real", NAMES[0], CODE)
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    (place / NAMES[0]).symlink_to(tmp_path / "real" / NAMES[0])
    assert disk.read(place, NAMES[0]) is None


@posix
def test_the_directory_that_is_made_is_private(tmp_path):
    disk.write(tmp_path / "new", NAMES[0], CODE)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / NAMES[0]).stat().st_mode) & 0o077 == 0


def test_a_place_that_is_none_is_no_error(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, file / "below", Path("nul\0")):
        disk.write(place, NAMES[0], CODE)
        assert disk.read(place, NAMES[0]) is None


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*paths):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    disk.write(tmp_path, NAMES[0], CODE)
    assert not list(tmp_path.iterdir())


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    names = [name for name in NAMES if name not in TRIMS][:10]
    for age, name in enumerate(reversed(names)):
        disk.write(tmp_path, name, CODE)
        os.utime(tmp_path / name, ns=(10**18 + age, 10**18 + age))
    assert disk.read(tmp_path, names[-1]) == CODE  # the oldest one is used
    for name, old in {".new-abc": True, ".new-def": False, "notes.txt": True}.items():
        (tmp_path / name).write_text("")
        if old:
            os.utime(tmp_path / name, (0, 0))
    disk.write(tmp_path, TRIMS[0], CODE, limit=4 * 4096)
    kept = {TRIMS[0], names[-1], names[0], names[1], ".new-def", "notes.txt"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_writers_and_readers_meet(tmp_path):
    def work(number):
        for name in NAMES[:40]:
            disk.write(tmp_path, name, CODE + name.encode(), limit=20 * 4096)
            assert disk.read(tmp_path, name) in (None, CODE + name.encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(list(tmp_path.iterdir())) <= 40


@pytest.mark.parametrize("chosen", ["", "here"])
def test_the_environment_chooses(monkeypatch, chosen):
    monkeypatch.setenv("HODIFF_CACHE_DIR", chosen)
    assert disk.directory() == (Path("here") if chosen else None)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the convention of Linux")
def test_the_default_is_the_cache_of_the_user(monkeypatch):
    monkeypatch.delenv("HODIFF_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert disk.directory() == Path("/caches/hodiff/native")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/somebody")
    assert disk.directory() == Path("/somebody/.cache/hodiff/native")


DOUBLED = "define i64 @f(i64 %x) {\n%y = mul i64 %x, 2\nret i64 %y\n}\n"
PROGRAM = f"""
import ctypes
from hodiff.compiled.native.loading import modules

loaded = modules.load({DOUBLED!r}, {{}}, exported=["f"], size=1)
print(ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(loaded.address("f"))(21))
"""


@native
def test_the_code_of_another_process_is_found(tmp_path, monkeypatch):
    def compile(self, source, level):
        compiled.append(level)
        return plain(self, source, level)

    def double(x):
        loaded = modules.load(DOUBLED, {}, exported=["f"], size=1)
        return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(loaded.address("f"))(x)

    compiled, plain = [], modules._LLVM.compile
    monkeypatch.setattr(modules._LLVM, "compile", compile)
    monkeypatch.setenv("HODIFF_CACHE_DIR", str(tmp_path))
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["42"]
    assert double(4) == 8
    assert not compiled
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"")
    assert (double(5), double(6), len(compiled)) == (10, 12, 1)
    monkeypatch.setenv("HODIFF_CACHE_DIR", "")
    assert (double(7), len(compiled)) == (14, 2)
