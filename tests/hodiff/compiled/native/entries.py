"""What tests of the fast-call entry share: kernels written in Python, and in LLVM's language."""

import ctypes
from functools import lru_cache

import numpy as np

from hodiff.compiled.native.calling.entry import Result, Slot, make_function
from hodiff.compiled.native.calling.python_api import symbols
from hodiff.compiled.native.loading.modules import load

KERNEL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_size_t))

ELSEWHERE = "by NumPy code"


def elsewhere(*inputs):
    """In the place of the NumPy code."""
    return ELSEWHERE, inputs


def slot(like, form=None):
    """The slot of a value."""
    if form is None:
        form = "array" if isinstance(like, np.ndarray) else "scalar" if isinstance(like, np.generic) else "number"
    return Slot(np.shape(like), np.asarray(like).dtype, form)


def function_of(kernel, inputs=(), outputs=(), results=None, *, slow=elsewhere, **options):
    """A function of a kernel in Python, ``kernel(addresses)``; by default its results are its outputs."""
    native = KERNEL(kernel)
    address = ctypes.cast(native, ctypes.c_void_p).value
    results = [Result("slot", i) for i in range(len(outputs))] if results is None else results
    return make_function(address, "f", native, slow, inputs, outputs, results, **options)


def copying(slots):
    """A kernel that copies each input to the output of the same number."""
    sizes = [int(np.prod(s.shape)) * s.dtype.itemsize for s in slots]

    def kernel(addresses):
        for i, size in enumerate(sizes):
            ctypes.memmove(addresses[len(sizes) + i], addresses[i], size)
        return 0

    return kernel


def identity(*examples, **options):
    """A function that returns copies of its arguments."""
    slots = [slot(example) for example in examples]
    return function_of(copying(slots), slots, slots, **options)


#: Kernels of (x, y: float64) -> float64, and one that spends its time between writing the arena and reading it.
_TEXT = """
define i32 @divide(ptr %slots) {
  %x.at = load ptr, ptr %slots
  %second = getelementptr ptr, ptr %slots, i64 1
  %y.at = load ptr, ptr %second
  %third = getelementptr ptr, ptr %slots, i64 2
  %z.at = load ptr, ptr %third
  %x = load double, ptr %x.at
  %y = load double, ptr %y.at
  %z = fdiv double %x, %y
  store double %z, ptr %z.at
  ret i32 0
}

define i32 @dwell(ptr %slots) {
start:
  %x.at = load ptr, ptr %slots
  %second = getelementptr ptr, ptr %slots, i64 1
  %z.at = load ptr, ptr %second
  %third = getelementptr ptr, ptr %slots, i64 2
  %arena = load ptr, ptr %third
  %x = load double, ptr %x.at
  br label %write
write:
  %i = phi i64 [ 0, %start ], [ %i.next, %write ]
  %i.at = getelementptr double, ptr %arena, i64 %i
  store double %x, ptr %i.at
  %i.next = add i64 %i, 1
  %i.more = icmp ult i64 %i.next, 1000
  br i1 %i.more, label %write, label %read
read:
  %turn = phi i64 [ 0, %write ], [ %turn.next, %turned ]
  br label %inner
inner:
  %j = phi i64 [ 0, %read ], [ %j.next, %inner ]
  %sum = phi double [ 0x0000000000000000, %read ], [ %sum.next, %inner ]
  %j.at = getelementptr double, ptr %arena, i64 %j
  %value = load volatile double, ptr %j.at
  %sum.next = fadd double %sum, %value
  %j.next = add i64 %j, 1
  %j.more = icmp ult i64 %j.next, 1000
  br i1 %j.more, label %inner, label %turned
turned:
  %turn.next = add i64 %turn, 1
  %turn.more = icmp ult i64 %turn.next, 100
  br i1 %turn.more, label %read, label %done
done:
  store double %sum.next, ptr %z.at
  ret i32 0
}

define i32 @nothing(ptr %slots) {
  ret i32 0
}

declare ptr @PyErr_NoMemory()

define i32 @raises(ptr %slots) {
  %null = call ptr @PyErr_NoMemory()
  ret i32 -1
}
"""


@lru_cache(maxsize=1)
def compiled():
    return load(_TEXT, symbols(), exported=["divide", "dwell", "nothing", "raises"], size=50)


def native(name, inputs=(), outputs=(), results=None, *, slow=elsewhere, **options):
    """A function of one of the kernels above."""
    results = [Result("slot", i) for i in range(len(outputs))] if results is None else results
    code = compiled()
    return make_function(code.address(name), name, code, slow, inputs, outputs, results, **options)
