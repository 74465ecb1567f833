"""The processor, and the reasons not to make code for it."""

import platform
import sys
from types import SimpleNamespace

import pytest

from hodiff.compiled.native.loading.machine import machine, reason

AVX512 = dict.fromkeys(("avx2", "avx512f", "avx512dq", "avx512vl", "avx512bw"), True)
native = pytest.mark.skipif(reason() is not None, reason=str(reason()))
#: As if nothing were known of this process yet.
fresh_reason, fresh_machine = reason.__wrapped__, machine.__wrapped__


def test_the_reason_is_found_once():
    assert reason() is reason()


def test_another_interpreter(monkeypatch):
    monkeypatch.setattr(sys, "implementation", SimpleNamespace(name="pypy"))
    assert fresh_reason() == "native code calls CPython, and this is pypy"


def test_32_bits(monkeypatch):
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert fresh_reason() == "native code needs a Python of 64 bits"


@pytest.mark.parametrize("name", ["riscv64", "ppc64le", ""])
def test_another_family(monkeypatch, name):
    monkeypatch.setattr(platform, "machine", lambda: name)
    assert fresh_reason() == f"native code is made for x86-64 and AArch64, and this is {name or 'unknown'}"


def test_no_llvmlite(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    assert fresh_reason() == "llvmlite is not installed; pip install hodiff[native]"


@native
def test_an_llvmlite_that_is_broken_or_old_or_may_not_run_code(monkeypatch):
    import llvmlite.binding as llvm

    def forbidden():
        raise OSError("cannot allocate\nexecutable memory")

    monkeypatch.setattr(llvm, "check_jit_execution", forbidden)
    assert fresh_reason() == "LLVM cannot run code here: cannot allocate executable memory"
    monkeypatch.setattr(llvm, "llvm_version_info", (15, 0, 7))
    assert fresh_reason() == "llvmlite has LLVM 15.0.7, and 20 is the oldest that will do; pip install -U llvmlite"


@native
@pytest.mark.parametrize(
    "features, width",
    [
        ({}, 2),
        ({"avx": True}, 2),
        ({"avx": True, "avx2": True}, 4),
        ({"avx2": True, "avx512f": True}, 4),
        (AVX512, 8),
        (AVX512 | {"avx512dq": False}, 4),
    ],
)
def test_the_width_follows_the_processor(monkeypatch, features, width):
    import llvmlite.binding as llvm

    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: features)
    monkeypatch.setattr(platform, "machine", lambda: "AMD64")
    found = fresh_machine()
    assert (found.width, found.x86, found.has_fma) == (width, True, False)
    assert all(f"{'+' if there else '-'}{name}" in found.features for name, there in features.items())


@native
def test_arm(monkeypatch):
    import llvmlite.binding as llvm

    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: {"neon": True})
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    found = fresh_machine()
    assert (found.width, found.x86, found.has_fma) == (2, False, True)
