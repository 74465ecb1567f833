"""Chunks of loops in threads: each is run once, errors and rounding modes get across, and nothing gets stuck."""

import ctypes
import os
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hodiff.compiled.native.ir import RUN_CHUNKS
from hodiff.compiled.native.loading import modules, pool_code, threads
from hodiff.compiled.native.loading.machine import machine, reason
from hodiff.errors import ArgumentError

native = pytest.mark.skipif(reason() is not None, reason=str(reason()))
posix = pytest.mark.skipif(os.name != "posix", reason="loops are in one thread here")

CHUNK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
#: A chunk of ``y := 1 / x`` in blocks of 64, and a function that runs all chunks many times.
TEXT = f"""
declare void @{RUN_CHUNKS}(ptr, ptr, i64)

define void @chunk(ptr %slots, i64 %first, i64 %last) {{
entry:
%x = load ptr, ptr %slots
%second = getelementptr ptr, ptr %slots, i64 1
%y = load ptr, ptr %second
%begin = mul i64 %first, 64
%end = mul i64 %last, 64
br label %loop
loop:
%i = phi i64 [ %begin, %entry ], [ %next, %loop ]
%from = getelementptr double, ptr %x, i64 %i
%to = getelementptr double, ptr %y, i64 %i
%value = load double, ptr %from
%answer = fdiv double 1.0, %value
store double %answer, ptr %to
%next = add i64 %i, 1
%more = icmp slt i64 %next, %end
br i1 %more, label %loop, label %done
done:
ret void
}}

define void @many(ptr %slots, i64 %chunks, i64 %times) {{
entry:
br label %loop
loop:
%i = phi i64 [ 0, %entry ], [ %next, %loop ]
call void @{RUN_CHUNKS}(ptr @chunk, ptr %slots, i64 %chunks)
%next = add i64 %i, 1
%more = icmp slt i64 %next, %times
br i1 %more, label %loop, label %done
done:
ret void
}}
"""


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    before = threads.num_threads()
    yield
    threads.set_num_threads(before)


@pytest.fixture(scope="module")
def many():
    """``many(x, y, chunks, times)``: y := 1 / x in chunks, so many times."""
    loaded = modules.load(TEXT, dict(threads.addresses()), exported=["many"], size=30)
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(loaded.address("many"))

    def call(x, y, chunks, times):
        assert len(x) == len(y) == 64 * chunks
        function((ctypes.c_void_p * 2)(x.ctypes.data, y.ctypes.data), chunks, times)

    call.owner = loaded
    return call


def run_chunks(function, chunks):
    """Run a Python function of ``first, last``; it takes the interpreter's lock in whatever thread it is."""
    callback = CHUNK(lambda slots, first, last: function(first, last))
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    run(threads.addresses()[RUN_CHUNKS])(ctypes.cast(callback, ctypes.c_void_p), None, chunks)


def started():
    return ctypes.c_int64.from_address(threads._pool._loaded.address("started")).value


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", None])
def test_a_number_that_is_none_is_refused(wrong):
    with pytest.raises(ArgumentError, match="positive integer"):
        threads.set_num_threads(wrong)


def test_the_default_is_what_the_process_may_use():
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert threads._usable_cores() == usable
    threads.set_num_threads(np.int64(3))
    assert threads.num_threads() == 3


@native
@pytest.mark.parametrize("number", [1, 2, 3, 8])
@pytest.mark.parametrize("chunks", [1, 2, 7, 100])
def test_every_chunk_is_run_once(number, chunks):
    threads.set_num_threads(number)
    ran = []
    run_chunks(lambda first, last: ran.extend(range(first, last)), chunks)
    assert sorted(ran) == list(range(chunks))


@native
@posix
def test_all_threads_help_from_the_first_time():
    def chunk(first, last):
        time.sleep(0.01)
        ran.append(threading.get_native_id())

    threads.set_num_threads(4)
    for _ in range(3):
        ran = []
        run_chunks(chunk, 12)
        assert len(set(ran)) > 1
    assert started() >= 3
    threads.set_num_threads(1)
    ran = []
    run_chunks(chunk, 12)
    assert ran == [threading.get_native_id()]


@native
@pytest.mark.parametrize("number", [1, 2, 5, 1000])
def test_many_short_loops_in_a_row(many, number):
    threads.set_num_threads(number)
    rng = np.random.default_rng(0)
    for chunks in (2, 3, 16):
        x = rng.uniform(1.0, 2.0, 64 * chunks)
        y = np.empty_like(x)
        many(x, y, chunks, 3000)
        assert (y == 1.0 / x).all()


@native
def test_the_pool_sleeps_and_is_woken(many):
    threads.set_num_threads(3)
    x, y = np.full(256, 2.0), np.empty(256)
    for number in range(50):
        time.sleep(0.001)
        y[:] = number
        many(x, y, 4, 1)
        assert (y == 0.5).all()


@native
def test_many_owners_at_once(many):
    threads.set_num_threads(3)

    def work(seed):
        x = np.random.default_rng(seed).uniform(1.0, 2.0, 64 * 9)
        y = np.empty_like(x)
        for _ in range(100):
            y[:] = 0.0
            many(x, y, 9, 5)
            assert (y == 1.0 / x).all()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))


@native
def test_a_loop_within_a_chunk_is_run_by_who_has_the_chunk():
    threads.set_num_threads(3)
    ran = []
    run_chunks(lambda i, _: run_chunks(lambda first, last: ran.extend((i, j) for j in range(first, last)), 3), 4)
    assert sorted(ran) == [(i, j) for i in range(4) for j in range(3)]


HANDLING = """
define void @clear(i64 %mode) {
call void @set_mode(i64 %mode)
ret void
}
define i64 @mode() {
%mode = call i64 @get_mode()
ret i64 %mode
}
define i64 @raised() {
%errors = call i64 @get_errors()
ret i64 %errors
}
"""


@native
def test_floating_point_errors_of_helpers_are_errors_of_the_owner(many):
    handling = pool_code._HANDLING["x86" if machine().x86 else "arm"]
    loaded = modules.load(handling + HANDLING, {}, exported=["clear", "mode", "raised"], size=30)
    clear = ctypes.PYFUNCTYPE(None, ctypes.c_int64)(loaded.address("clear"))
    mode = ctypes.PYFUNCTYPE(ctypes.c_int64)(loaded.address("mode"))
    raised = ctypes.PYFUNCTYPE(ctypes.c_int64)(loaded.address("raised"))
    before = mode()
    divide_by_zero = 4 if machine().x86 else 2
    try:
        for number in (1, 3):
            threads.set_num_threads(number)
            for position in range(0, 64 * 16, 64):
                x, y = np.ones(64 * 16), np.empty(64 * 16)
                clear(before)
                many(x, y, 16, 20)
                assert raised() == 0
                x[position] = 0.0
                clear(before)
                many(x, y, 16, 20)
                assert raised() == divide_by_zero
                assert y[position] == np.inf
        # Rounding up, or down, everywhere.
        x, answers = np.full(64 * 16, 3.0), []
        for direction in (1, 2):
            clear(before | direction << (13 if machine().x86 else 22))
            many(x, y, 16, 20)
            clear(before)
            answers.append(set(y.tolist()))
    finally:
        clear(before)
    assert all(len(answer) == 1 for answer in answers)
    assert {answer.pop() for answer in answers} == {1.0 / 3.0, np.nextafter(1.0 / 3.0, 1.0)}


@native
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(many):
    threads.set_num_threads(3)
    x, y = np.full(64 * 16, 2.0), np.empty(64 * 16)
    many(x, y, 16, 1)
    stop = threading.Event()

    def be_busy():
        busy = np.empty_like(y)
        while not stop.is_set():
            many(x, busy, 16, 100)

    thread = threading.Thread(target=be_busy)
    thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                fresh = started()
                many(x, y, 16, 1000)
                os._exit(0 if fresh == 0 and started() == 2 and (y == 0.5).all() else 1)
            deadline = time.monotonic() + 30
            while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
                time.sleep(0.005)
            assert ended == (child, 0)
    finally:
        stop.set()
        thread.join()


@native
def test_the_interpreter_ends_while_threads_are_there():
    program = """
        import ctypes, threading
        from hodiff.compiled.native.loading import threads
        from hodiff.compiled.native.ir import RUN_CHUNKS

        text = "define void @f(ptr %slots, i64 %first, i64 %last) {\\nret void\\n}\\n"
        from hodiff.compiled.native.loading.modules import load
        loaded = load(text, {}, exported=["f"], size=1)
        threads.set_num_threads(3)
        run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(
            threads.addresses()[RUN_CHUNKS]
        )
        def forever():
            while True:
                run(loaded.address("f"), None, 10)
        threading.Thread(target=forever, daemon=True).start()
        for _ in range(1000):
            run(loaded.address("f"), None, 10)
        print("end")
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@native
def test_where_there_is_no_pool_chunks_are_run_at_once():
    loaded = modules.load(pool_code.serial_text(), {}, exported=pool_code.EXPORTED, size=5)
    ran = []
    callback = CHUNK(lambda slots, first, last: ran.append((slots, first, last)))
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(loaded.address("run_chunks"))
    run(ctypes.cast(callback, ctypes.c_void_p), 64, 5)
    assert ran == [(64, 0, 5)]


@native
@pytest.mark.parametrize("family", ["x86", "arm"])
def test_the_text_for_either_family_is_valid(family):
    import llvmlite.binding as llvm

    llvm.parse_assembly(pool_code.pool_text(family, signals=2), llvm.create_context()).verify()
