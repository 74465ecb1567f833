r"""LLVM text as machine code in this process: optimised, compiled, loaded, and freed with its last owner.

The text is good code already (`ir`): LLVM's passes find something to do only where functions are inlined, and the code
generator tries the harder, the more of it is in loops. Addresses of this process never get into the code: what the text
declares is called through a table that is filled after loading, so the code is kept on disk (`disk`). LLVM works in one
thread at a time. May import ``disk``, ``errors``, ``linking`` and ``machine``.

>>> from hodiff.compiled.native.loading.machine import reason
>>> text = "define i64 @twice(i64 %x) {\n%y = mul i64 %x, 2\nret i64 %y\n}\n"
>>> if reason() is None:
...     loaded = load(text, {}, exported=["twice"], size=1)
...     assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(loaded.address("twice"))(21) == 42
"""

import ctypes
import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from threading import RLock
from typing import Any
from weakref import finalize

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.loading import disk
from hodiff.compiled.native.loading.linking import TABLE, asked, is_relative, linked, missing, straight
from hodiff.compiled.native.loading.machine import machine, reason

#: More instructions than this outside loops are not worth LLVM's optimising code generator: it takes 50 µs for each,
#: the fast one 2 µs, and they run once a call, in a nanosecond less.
_STRAIGHT = 1500
#: Above this many in all, it is not worth it in loops either; from here on it is slower than linear.
_LARGE = 12_000
#: What is done to a text, by number: to be increased when that changes, as code on disk was made from texts.
_RECIPE = 2
#: Modules that may be loaded at once: each takes three of the 65 530 mappings that Linux gives to a process.
_MOST = 10_000

#: LLVM's objects are for one thread at a time; and a process must not be forked in the middle.
_lock = RLock()
_loaded: set[int] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class Loaded:
    """Machine code that is freed when nothing refers to this object any longer.

    Attributes
    ----------
    text : str
        What it was made of.
    """

    __slots__ = ("__weakref__", "_addresses", "_level", "_names", "text")

    def __init__(self, text: str, names: Sequence[str], level: int, engine: Any, addresses: Mapping[str, int]) -> None:
        self.text = text
        self._names = names
        self._level = level
        self._addresses = addresses
        _loaded.add(id(engine))
        # At exit the operating system frees all there is.
        finalize(self, _free, engine).atexit = False

    def address(self, name: str) -> int:
        """Where an exported function, or variable, begins."""
        return self._addresses[name]

    def assembly(self) -> str:
        """The code in the language of the processor, made again for reading."""
        with _lock:
            return _llvm().assembly(linked(self.text, self._names)[0], self._level)


def load(
    text: str, symbols: Mapping[str, int], *, exported: Sequence[str], size: int, level: int | None = None
) -> Loaded:
    """Compile a module and load it into this process.

    Parameters
    ----------
    text : str
        A module in LLVM's language, without data layout and triple. What it declares is in ``symbols``, is LLVM's own,
        or is in every process, as ``memcpy`` is.
    symbols : mapping
        Addresses by name. Those that the text does not declare are ignored.
    exported : sequence of str
        Functions and variables whose addresses are wanted; none of them ``internal``.
    size : int
        About how many instructions there are, by which the effort is chosen.
    level : int, optional
        How hard LLVM's code generator tries, 2 or 0; without it, that is chosen by size.

    Raises
    ------
    Unsupported
        Where native code is out of reach here, or something declared is nowhere to be found.
    RuntimeError
        Where LLVM finds an error in the text.
    """
    if (why := reason()) is not None:
        raise Unsupported(why)
    if len(_loaded) >= _MOST:
        raise Unsupported(f"{_MOST} modules of native code are loaded already")
    source, names = linked(text, symbols)
    level = _level(source, size) if level is None else level
    place = disk.directory()
    name = _key(source, level) if place else ""
    code = kept = disk.read(place, name) if place else None
    with _lock:
        llvm = _llvm()
        llvm.check(asked(source))
        if code is None:
            code = llvm.compile(source, level)
        engine = llvm.engine(code)
        addresses = {each: engine.get_function_address(each) for each in exported}
        if names:
            table = (ctypes.c_uint64 * len(names)).from_address(engine.get_global_value_address(TABLE))
            table[:] = [symbols[each] for each in names]
        loaded = Loaded(text, names, level, engine, addresses)
    if place and kept is None:
        disk.write(place, name, code)
    return loaded


def _key(source: str, level: int) -> str:
    """The name on disk of the code of a text; the text says all that hodiff has a part in."""
    here = machine()
    return disk.key([source, here.triple, here.cpu, here.features, here.llvm, f"{_RECIPE} {level}"])


def _level(text: str, size: int) -> int:
    """How hard LLVM's code generator tries: 2, or 0."""
    if size <= _STRAIGHT:
        return 2
    once, often = straight(text)
    return 0 if once + often > _LARGE or once > max(_STRAIGHT, often) else 2


def _free(engine: Any) -> None:
    if sys.is_finalizing():  # threads that the interpreter does not wait for may be running the code
        return
    with _lock:
        _loaded.discard(id(engine))
        engine.close()


class _Effort:
    """A target machine with the passes that go with it; a millisecond to make, and LLVM forgets none of them."""

    def __init__(self, binding: Any, target_machine: Any, level: int) -> None:
        self.machine = target_machine
        self._binding = binding
        self._level = level
        self._head = f'target datalayout = "{target_machine.target_data}"\ntarget triple = "{target_machine.triple}"\n'
        self._options = binding.create_pipeline_tuning_options(speed_level=1)
        # Loops are as long, and as wide, as they are meant to be.
        self._options.loop_unrolling = self._options.loop_vectorization = self._options.slp_vectorization = False
        self._builder = self._first = binding.create_pass_builder(target_machine, self._options)
        self._inline = binding.create_new_module_pass_manager()
        self._inline.add_always_inliner_pass()
        self._simplify = self._first.getFunctionPassManager()
        self._modules = 0

    def optimised(self, source: str) -> Any:
        """The module of a text after all passes."""
        parsed = self._binding.parse_assembly(self._head + source, self._binding.create_context())
        if "alwaysinline" not in source:
            return parsed
        # A builder of passes gets slower with every run, and leaves a kilobyte behind when it goes.
        self._modules += 1
        if self._modules % 64 == 0:
            self._builder = self._binding.create_pass_builder(self.machine, self._options)
        self._inline.run(parsed, self._builder)
        if self._level:
            # Functions that were inlined have something in common, as the sine and the cosine of one number do.
            for function in parsed.functions:
                if not function.is_declaration:
                    self._simplify.run(function, self._builder)
        return parsed


@lru_cache(maxsize=1)
def _llvm() -> "_LLVM":
    return _LLVM()


class _LLVM:
    """What is made once: target machines, pipelines, and a module that is empty; to be used under the lock."""

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        self._binding = llvm
        self._target = llvm.Target.from_triple(machine().triple)
        #: Where everything a module refers to is in it, and its sections stay together, addresses are short.
        self._short = machine().x86 and sys.platform == "linux"
        self._efforts: dict[tuple[int, bool], _Effort] = {}
        #: Engines begin with a module. Contexts keep what was ever made in them, and nothing is made in this one.
        self._empty = llvm.create_context()
        # The functions of this process are found from the first engine on.
        llvm.create_mcjit_compiler(llvm.parse_assembly("", self._empty), self._create(0, short=False)).close()

    def check(self, names: Sequence[str]) -> None:
        """Raise where a function is not in this process: LLVM would end it."""
        for name in names:
            if self._binding.address_of_symbol(name) is None:
                raise Unsupported(f"there is no function {name} in this process")

    def assembly(self, source: str, level: int) -> str:
        effort = self._effort(level, self._short)
        text: str = effort.machine.emit_assembly(effort.optimised(source))
        return text

    def compile(self, source: str, level: int) -> bytes:
        """Object code."""
        for short in (True, False) if self._short else (False,):
            effort = self._effort(level, short)
            code: bytes = effort.machine.emit_object(effort.optimised(source))
            if not short or is_relative(code):
                break
        return code

    def _effort(self, level: int, short: bool) -> "_Effort":
        found = self._efforts.get((level, short))
        if found is None:
            target_machine = self._create(level, short, machine().cpu, machine().features)
            found = self._efforts[level, short] = _Effort(self._binding, target_machine, level)
        return found

    def _create(self, level: int, short: bool, cpu: str = "", features: str = "") -> Any:
        return self._target.create_target_machine(
            cpu=cpu,
            features=features,
            opt=level,
            # Addresses in full are what MCJIT expects by default, on every platform.
            reloc="pic" if short else "static" if machine().x86 else "default",
            codemodel="small" if short else "jitdefault",
            jit=True,
        )

    def engine(self, code: bytes) -> Any:
        """An engine with object code in it."""
        self.check(missing(code))  # what LLVM calls without having been told to
        module = self._binding.parse_assembly("", self._empty)
        # The memory manager of llvmlite puts all sections into one block. Nothing is compiled: any target machine does.
        manager = True if self._short else None
        engine = self._binding.create_mcjit_compiler(module, self._create(0, short=False), use_lmm=manager)
        engine.add_object_file(self._binding.ObjectFileRef.from_data(code))
        engine.finalize_object()
        return engine
