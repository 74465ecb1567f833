"""Machine code of LLVM text: it computes what the text says, in any thread, finds what it calls, and is freed."""

import ctypes
import gc
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.native.loading import modules
from hodiff.compiled.native.loading.linking import linked, straight
from hodiff.compiled.native.loading.machine import machine, reason

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))


@pytest.fixture(autouse=True)
def _nothing_on_disk(monkeypatch):
    monkeypatch.setenv("HODIFF_CACHE_DIR", "")


MULTIPLY_ADD = """
define double @f(double %x, double %y, double %z) {
%product = fmul double %x, %y
%sum = fadd double %product, %z
ret double %sum
}
"""
UNARY = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
TERNARY = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double, ctypes.c_double)
COS = ctypes.cast(ctypes.CDLL(None).cos if sys.platform != "win32" else ctypes.cdll.msvcrt.cos, ctypes.c_void_p).value


def load(text, symbols=None, exported=("f",), size=10):
    return modules.load(text, symbols or {}, exported=exported, size=size)


def chain(length, in_loop=False):
    """``x := x · 1.0000001 + 1`` many times over, in a straight line; or as the body of a loop of 3 turns."""
    one, factor = "0x3FF0000000000000", "0x3FF000001AD7F29B"
    lines = ["define double @f(double %x0) {", "entry:"]
    if in_loop:
        lines += ["br label %loop", "loop:", "%i = phi i64 [ 0, %entry ], [ %next, %loop ]"]
        lines.append(f"%x = phi double [ %x0, %entry ], [ %x{length}, %loop ]")
    for i in range(length):
        operand = "%x" if in_loop and i == 0 else f"%x{i}"
        lines += [f"%p{i} = fmul double {operand}, {factor}", f"%x{i + 1} = fadd double %p{i}, {one}"]
    if in_loop:
        lines += ["%next = add i64 %i, 1", "%more = icmp slt i64 %next, 3", "br i1 %more, label %loop, label %after"]
        lines.append("after:")
    return "\n".join([*lines, f"ret double %x{length}", "}\n"])


def chained(x, length):
    factor = np.frombuffer(bytes.fromhex("3FF000001AD7F29B"), ">f8")[0]
    for _ in range(length):
        x = x * factor + 1.0
    return x


def test_products_and_sums_are_rounded_apart():
    # The one sum that a fused multiply-add would not find 0.
    x = 1.0 + 2.0**-30
    loaded = load(MULTIPLY_ADD)
    assert TERNARY(loaded.address("f"))(x, x, -(x * x)) == 0.0


@pytest.mark.parametrize("length", [3, 2000])
@pytest.mark.parametrize("in_loop", [False, True])
def test_any_effort_gives_the_same_bits(length, in_loop):
    text = chain(length, in_loop)
    expected = chained(0.3, 3 * length if in_loop else length)
    for size in (10, 2 * length, 10**6):
        loaded = load(text, size=size)
        assert UNARY(loaded.address("f"))(0.3) == expected


def test_effort_follows_where_instructions_are():
    assert straight(chain(50)) == (101, 0)
    assert straight(chain(50, in_loop=True)) == (2, 105)
    two_functions = "\n".join([chain(5, in_loop=True), chain(7, in_loop=True)])
    assert straight(two_functions) == (4, 15 + 19)
    assert modules._level(chain(2000), 4000) == 0
    assert modules._level(chain(2000, in_loop=True), 4000) == 2
    assert modules._level(chain(7000, in_loop=True), 14_000) == 0
    assert modules._level(chain(50), 100) == 2


def test_a_loop_within_a_loop_is_counted_once():
    text = """
define void @f() {
entry:
br label %outer
outer:
%i = phi i64 [ 0, %entry ], [ %ni, %after ]
br label %inner
inner:
%j = phi i64 [ 0, %outer ], [ %nj, %inner ]
%nj = add i64 %j, 1
%cj = icmp slt i64 %nj, 3
br i1 %cj, label %inner, label %after
after:
%ni = add i64 %i, 1
%ci = icmp slt i64 %ni, 3
br i1 %ci, label %outer, label %done
done:
ret void
}
"""
    assert straight(text) == (2, 9)


def test_what_is_declared_is_called_through_a_table():
    text = "declare double @cosine(double) memory(none) nounwind\n" + MULTIPLY_ADD.replace(
        "ret double %sum", "%answer = call double @cosine(double %sum)\nret double %answer"
    )
    loaded = load(text, {"cosine": COS, "unused": 1})
    assert TERNARY(loaded.address("f"))(2.0, 3.0, 4.0) == math.cos(10.0)
    assert str(COS) not in linked(text, ["cosine"])[0]
    assert "call" in loaded.assembly()


def test_arguments_and_answers_of_every_type_go_through_the_table():
    calls = []

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32)
    def record(pointer, long, short):
        calls.append((pointer, long, short))

    text = """
declare void @record(ptr noundef nonnull, i64, i32 signext) nounwind
declare { i64, i64 } @pair(i64, <2 x i64>)
define i64 @f(i64 %x) {
call void @record(ptr inttoptr (i64 4096 to ptr), i64 %x, i32 signext -7)
%v = insertelement <2 x i64> zeroinitializer, i64 %x, i64 1
%both = call { i64, i64 } @pair(i64 %x, <2 x i64> %v)
%a = extractvalue { i64, i64 } %both, 0
%b = extractvalue { i64, i64 } %both, 1
%sum = add i64 %a, %b
ret i64 %sum
}
"""
    pair = """
define { i64, i64 } @pair(i64 %x, <2 x i64> %v) {
%last = extractelement <2 x i64> %v, i64 1
%first = insertvalue { i64, i64 } poison, i64 %x, 0
%both = insertvalue { i64, i64 } %first, i64 %last, 1
ret { i64, i64 } %both
}
"""
    other = load(pair, exported=["pair"])
    address = ctypes.cast(record, ctypes.c_void_p).value
    loaded = load(text, {"record": address, "pair": other.address("pair")})
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(loaded.address("f"))(21) == 42
    assert calls == [(4096, 21, -7)]


def test_what_llvm_calls_by_itself_is_found():
    text = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @f(ptr %to, ptr %from, i64 %size) {
call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %size, i1 false)
ret void
}
"""
    source, target = np.arange(1000.0), np.zeros(1000)
    copy = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    loaded = load(text)
    copy(loaded.address("f"))(target.ctypes.data, source.ctypes.data, 8000)
    assert (source == target).all()


INLINED = """
define internal double @part(double %x) alwaysinline memory(none) {
%y = fdiv double 1.0, %x
ret double %y
}
define internal double @other(double %x) alwaysinline memory(none) {
%y = fdiv double 1.0, %x
%z = fsub double %y, 1.0
ret double %z
}
define double @f(double %x) {
%a = call double @part(double %x)
%b = call double @other(double %x)
%c = fmul double %a, %b
ret double %c
}
"""


def test_functions_that_are_inlined_share_what_they_have_in_common():
    loaded = load(INLINED)
    assert UNARY(loaded.address("f"))(4.0) == 0.25 * -0.75
    if machine().x86:
        code = loaded.assembly()
        assert (code.count("div"), code.count("call")) == (1, 0)


def test_loops_stay_loops():
    # Else they would be calls of functions of the C library, which are far away.
    text = """
define void @f(ptr %to, ptr %from, i64 %size) {
entry:
br label %zeros
zeros:
%i = phi i64 [ 0, %entry ], [ %ni, %zeros ]
%at = getelementptr double, ptr %to, i64 %i
store double 0.0, ptr %at
%ni = add i64 %i, 1
%ci = icmp slt i64 %ni, %size
br i1 %ci, label %zeros, label %copies
copies:
%j = phi i64 [ 0, %zeros ], [ %nj, %copies ]
%source = getelementptr double, ptr %from, i64 %j
%value = load double, ptr %source
%target = getelementptr double, ptr %to, i64 %j
store double %value, ptr %target
%nj = add i64 %j, 1
%cj = icmp slt i64 %nj, %size
br i1 %cj, label %copies, label %done
done:
ret void
}
"""
    code = load(text + INLINED.replace("@f", "@g")).assembly()
    assert "memset" not in code
    assert "memcpy" not in code
    assert "memmove" not in code


@pytest.mark.parametrize("linkage", ["", "internal ", "linkonce_odr ", "weak "])
def test_functions_and_variables_of_the_module_can_be_pointed_to(linkage):
    text = f"""
@three = {linkage}constant double 3.0
@count = {linkage}global i64 0
define {linkage}double @thrice(double %x) {{
%factor = load double, ptr @three
%y = fmul double %x, %factor
%n = load i64, ptr @count
%more = add i64 %n, 1
store i64 %more, ptr @count
ret double %y
}}
define ptr @f() {{
ret ptr @thrice
}}
"""
    loaded = load(text)
    pointer = ctypes.CFUNCTYPE(ctypes.c_void_p)(loaded.address("f"))()
    assert UNARY(pointer)(7.0) == 21.0


def test_a_function_that_is_nowhere_is_no_crash():
    text = "declare double @nowhere_at_all(double)\n" + MULTIPLY_ADD
    with pytest.raises(Unsupported, match="no function nowhere_at_all"):
        load(text)


def test_an_error_in_the_text_is_reported():
    with pytest.raises(RuntimeError, match="expected"):
        load("define double @f(double %x) {\nret double\n}\n")


def test_blocks_as_wide_as_the_machine():
    kind = f"<{machine().width} x double>"
    text = f"""
declare {kind} @llvm.sqrt.v{machine().width}f64({kind})
define void @f(ptr %x) {{
%v = load {kind}, ptr %x, align 8
%r = call {kind} @llvm.sqrt.v{machine().width}f64({kind} %v)
store {kind} %r, ptr %x, align 8
ret void
}}
"""
    loaded = load(text)
    x = np.random.default_rng(0).uniform(0.0, 9.0, machine().width)
    expected = np.sqrt(x)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(loaded.address("f"))(x.ctypes.data)
    assert x.tobytes() == expected.tobytes()
    if machine().width == 8:
        assert "zmm" in loaded.assembly()


def distinct(number):
    return MULTIPLY_ADD.replace("fadd double %product, %z", f"fadd double %product, {float(number)!r}")


def six_and(number):
    loaded = load(distinct(number))
    return TERNARY(loaded.address("f"))(2.0, 3.0, 0.0)


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured through /proc")
def test_code_is_freed_with_its_owner():
    for number in range(50):
        load(distinct(number))
    gc.collect()
    before, alive = resident(), len(modules._loaded)
    for number in range(300):
        loaded = load(distinct(number))
    assert TERNARY(loaded.address("f"))(2.0, 3.0, 0.0) == 305.0
    del loaded
    gc.collect()
    assert len(modules._loaded) == alive
    assert resident() - before < 4 * 2**20


def test_there_is_an_end_to_what_is_loaded(monkeypatch):
    monkeypatch.setattr(modules, "_MOST", len(modules._loaded))
    with pytest.raises(Unsupported, match="are loaded already"):
        load(MULTIPLY_ADD)


def test_threads_compile_and_call_at_once():
    def work(seed):
        for number in range(seed, seed + 20):
            assert six_and(number) == 6.0 + number

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(0, 8000, 1000)))


def _in_child(queue, number):
    queue.put(six_and(number))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_compiles_while_its_parent_does():
    context = get_context("fork")
    queue = context.Queue()
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(load, chain(400), size=800) for _ in range(6)]
        children = [context.Process(target=_in_child, args=(queue, number)) for number in range(3)]
        for child in children:
            child.start()
        assert sorted(queue.get(timeout=30) for _ in children) == [6.0, 7.0, 8.0]
        for child in children:
            child.join(30)
        assert all(future.result() for future in busy)


FIRST = """
import os
os.environ["HODIFF_CACHE_DIR"] = ""
from hodiff.compiled.native.loading.modules import load
text = '''
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define void @f(ptr %x, ptr %y, i64 %n) {
call void @llvm.memcpy.p0.p0.i64(ptr %x, ptr %y, i64 %n, i1 false)
ret void
}
'''
assert load(text, {}, exported=["f"], size=2).address("f")
"""


def test_the_first_module_of_a_process_finds_its_functions():
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
