"""The processor that code is made for, and whether native code can be made and run here at all.

Imports the standard library and, where it is used, llvmlite.

>>> reason() is None or isinstance(reason(), str)
True
"""

import platform
import sys
from functools import lru_cache
from typing import Any, NamedTuple

#: The first version of LLVM whose language the text is written in.
_OLDEST = (20, 0, 0)
#: Names that platforms have for the two families of processors whose code was compared with NumPy's.
_FAMILIES = {"x86_64": "x86", "amd64": "x86", "aarch64": "arm", "arm64": "arm"}
#: What AVX-512 needs for eight doubles in a register and 64-bit integers beside them.
_AVX512 = ("avx512f", "avx512dq", "avx512vl", "avx512bw")


class Machine(NamedTuple):
    """The processor of this process.

    Attributes
    ----------
    triple : str
        Processor, vendor and system, in LLVM's words.
    cpu, features : str
        The processor in LLVM's words: its name, and what it can do, as ``+avx2,-avx512f``.
    width : int
        Doubles in a vector register.
    has_fma : bool
        Whether a fused multiply-add is one instruction.
    x86 : bool
        Whether it is one of the family x86-64; else it is of the family AArch64.
    llvm : str
        The version of LLVM, of llvmlite, and of what they were built with.
    """

    triple: str
    cpu: str
    features: str
    width: int
    has_fma: bool
    x86: bool
    llvm: str


@lru_cache(maxsize=1)
def machine() -> Machine:
    """The processor of this process; there is one where `reason` is None.

    Examples
    --------
    >>> reason() is not None or machine().width in (2, 4, 8)
    True
    """
    import llvmlite
    import llvmlite.binding as llvm

    available = dict(llvm.get_host_cpu_features())
    x86 = _FAMILIES[platform.machine().lower()] == "x86"
    return Machine(
        triple=llvm.get_process_triple(),
        cpu=llvm.get_host_cpu_name(),
        features=",".join(f"{'+' if there else '-'}{name}" for name, there in sorted(available.items())),
        width=_width(available),
        has_fma=available.get("fma", False) or not x86,
        x86=x86,
        llvm=f"{'.'.join(map(str, llvm.llvm_version_info))}/{llvmlite.__version__}",
    )


@lru_cache(maxsize=1)
def reason() -> str | None:
    """Why no native code can be made or run here, in one line; None where it can."""
    if sys.implementation.name != "cpython":
        return f"native code calls CPython, and this is {sys.implementation.name}"
    if sys.maxsize < 2**32:
        return "native code needs a Python of 64 bits"
    if platform.machine().lower() not in _FAMILIES:
        return f"native code is made for x86-64 and AArch64, and this is {platform.machine() or 'unknown'}"
    try:
        import llvmlite.binding as llvm
    except ImportError:
        return "llvmlite is not installed; pip install hodiff[native]"
    except Exception as error:  # noqa: BLE001 - a library that is broken raises anything
        return _line(f"llvmlite does not load: {error}")
    if llvm.llvm_version_info < _OLDEST:
        found = ".".join(map(str, llvm.llvm_version_info))
        return f"llvmlite has LLVM {found}, and {_OLDEST[0]} is the oldest that will do; pip install -U llvmlite"
    return _cannot_run(llvm)


def _cannot_run(llvm: Any) -> str | None:
    try:
        llvm.check_jit_execution()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.Target.from_triple(llvm.get_process_triple())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
        return _line(f"LLVM cannot run code here: {error}")
    return None


def _width(available: dict[str, bool]) -> int:
    if all(available.get(name, False) for name in _AVX512):
        return 8
    return 4 if available.get("avx2", False) else 2


def _line(text: str) -> str:
    return " ".join(text.split())
