"""Kernels of a few lines, compiled and called with arrays in slots, to test what writes code on memory."""

import ctypes
import platform

import numpy as np

from hodiff.compiled.native.ir import I64, POINTER, Body
from hodiff.compiled.native.loading import modules

#: Whether the flags of floating-point errors are in a register that a kernel can read.
X86 = platform.machine().lower() in ("x86_64", "amd64")
INVALID, DIVIDE, OVERFLOW, UNDERFLOW = 1, 4, 8, 16
_QUIET = 0x1F80


def slot(body, index):
    """Pointer to the data of one of the arrays that a kernel is called with."""
    pointer = body.pure(f"getelementptr inbounds ptr, ptr %slots, i64 {index}", POINTER)
    return body.pure(f"load ptr, {pointer}", POINTER, pointer)


class Kernel:
    """What ``write(body)`` writes, for so many arrays; the status that it returns, or 0, is that of a call.

    ``flags`` is what MXCSR says of the last call, but for inexact and denormal; 0 where there is no such register.
    """

    def __init__(self, write, arrays, symbols):
        body = Body()
        control = slot(body, arrays)
        if X86:
            for name in ("ldmxcsr", "stmxcsr"):
                body.declarations[f"llvm.x86.sse.{name}"] = f"declare void @llvm.x86.sse.{name}(ptr)"
            body.effect(f"call void @llvm.x86.sse.ldmxcsr({control})")
        status = write(body)
        if X86:
            after = body.pure(f"getelementptr i32, {control}, {body.constant(I64, 1)}", POINTER, control)
            body.effect(f"call void @llvm.x86.sse.stmxcsr({after})")
        end = f"ret i32 {'0' if status is None else status.text}"
        lines = body.lines()
        self.text = "\n".join(
            [*body.declarations.values(), "define i32 @kernel(ptr %slots) {", "entry:", *lines, end, "}"]
        )
        self._loaded = modules.load(self.text, symbols, exported=["kernel"], size=len(lines))
        self._function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._loaded.address("kernel"))
        self.flags = 0

    def __call__(self, *arrays):
        control = np.array([_QUIET, 0], dtype=np.int32)
        slots = np.array([array.ctypes.data for array in (*arrays, control)], dtype=np.uint64)
        status = self._function(slots.ctypes.data)
        self.flags = int(control[1]) & (INVALID | DIVIDE | OVERFLOW | UNDERFLOW)
        return status
