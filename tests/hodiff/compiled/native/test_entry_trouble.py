"""The fast-call entry in trouble: floating-point errors, no memory, threads, and who frees what."""

import ctypes
import ctypes.util
import gc
import platform
import sys
import threading
import tracemalloc
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from entries import ELSEWHERE, copying, elsewhere, function_of, identity, native, slot

from hodiff.compiled.native.calling import entry
from hodiff.compiled.native.calling.entry import Result, Slot, fallbacks, make_function, reason
from hodiff.compiled.native.calling.entry_code import entry_text
from hodiff.compiled.native.calling.entry_layout import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE
from hodiff.compiled.numpy_source import Miss
from hodiff.handling import quiet

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

#: Operands of a division, and the error that it raises.
ERRORS = {"invalid": (0.0, 0.0), "divide": (1.0, 0.0), "over": (1e300, 1e-300), "under": (1e-300, 1e300)}
SILENT = {"exact": (1.0, 2.0), "inexact": (1.0, 3.0), "NaN": (float("nan"), 1.0), "infinite": (float("inf"), 2.0)}


def divide(slow=None, **options):
    """x / y, with that of NumPy behind it."""
    return native("divide", [slot(1.0)] * 2, [slot(1.0)], slow=slow or by_numpy, **options)


def by_numpy(x, y):
    return (float(np.float64(x) / np.float64(y)),)


# --- floating-point errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_that_is_heard_of_is_told_by_numpy_code(error):
    x, y = ERRORS[error]
    f = divide()
    with np.errstate(**{error: "warn"}), pytest.warns(RuntimeWarning, match="encountered in"):
        assert np.array_equal(f(x, y), by_numpy(x, y), equal_nan=True)
    with np.errstate(**{error: "raise"}), pytest.raises(FloatingPointError):
        f(x, y)
    with warnings.catch_warnings(), np.errstate(**{error: "ignore"}):
        warnings.simplefilter("error")
        assert np.array_equal(f(x, y), by_numpy(x, y), equal_nan=True)
    assert fallbacks(f) == (0, 0, 2, 0)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("ignoring", [quiet, lambda: np.errstate(all="ignore")])
def test_errors_that_are_ignored_do_not_matter(error, ignoring):
    x, y = ERRORS[error]
    f = divide(slow=lambda *inputs: pytest.fail("called"))
    with ignoring():
        for _ in range(3):
            f(x, y)
    assert fallbacks(f).alarms == 0


def test_underflow_is_ignored_by_default():
    assert divide(slow=lambda *inputs: pytest.fail("called"))(*ERRORS["under"]) == (0.0,)


@pytest.mark.parametrize("operands", SILENT.values(), ids=SILENT)
def test_what_is_no_error_is_silent(operands):
    f = divide(slow=lambda *inputs: pytest.fail("called"))
    with np.errstate(all="raise"):
        assert f(*operands) == (operands[0] / operands[1],) or operands[0] != operands[0]


def test_errors_of_before_do_not_matter():
    f, loud = divide(slow=lambda *inputs: pytest.fail("called")), divide()
    for operands in ERRORS.values():
        with np.errstate(all="ignore"):
            loud(*operands)  # leaves the flags set
        with np.errstate(all="raise"):
            assert f(1.0, 4.0) == (0.25,)


def test_an_error_that_nobody_hears_of():
    f = divide(slow=lambda *inputs: pytest.fail("called"), heard=False)
    with np.errstate(all="raise"):
        assert f(1.0, 0.0) == (float("inf"),)


def test_an_error_before_a_guard_that_does_not_hold_is_left_to_the_program_that_follows():
    miss = Miss(0, True)

    def kernel(addresses):
        with np.errstate(all="ignore"):
            np.divide(1.0, np.zeros(1))
        return 2

    with np.errstate(all="raise"):
        assert function_of(kernel, misses=[miss])() is miss


@pytest.mark.skipif(sys.platform == "win32", reason="the C library is another one")
def test_the_rounding_mode_stays():
    library = ctypes.CDLL(ctypes.util.find_library("m"))
    before = library.fegetround()
    f = divide()
    upward = {"x86_64": 0x800, "aarch64": 0x400000}[platform.machine().replace("arm64", "aarch64")]
    downward = f(1.0, 3.0)
    try:
        assert library.fesetround(upward) == 0
        with np.errstate(all="ignore"):
            f(1.0, 0.0)
        rounded_up = f(1.0, 3.0)
        assert library.fegetround() == upward
    finally:
        library.fesetround(before)
    assert rounded_up[0] > downward[0]


# --- native code that gives up again and again ----------------------------------------------------------------------


def test_native_code_rests_when_it_gives_up_again_and_again():
    calls, status = [], [1]

    def kernel(addresses):
        calls.append(1)
        return status[0]

    f = function_of(kernel)
    for _ in range(PATIENCE):
        assert f() == (ELSEWHERE, ())
    assert fallbacks(f) == (0, PATIENCE, 0, FIRST_PAUSE)
    total = PATIENCE
    pause = FIRST_PAUSE
    while pause < LONGEST_PAUSE:
        for _ in range(pause + 1):  # rests, and tries once
            f()
        total += 1
        assert len(calls) == total
        pause *= 2
    for _ in range(3 * (LONGEST_PAUSE + 1)):
        f()
    assert len(calls) == total + 3
    status[0] = 0
    for _ in range(LONGEST_PAUSE):
        assert f() == (ELSEWHERE, ())
    for _ in range(2 * PATIENCE):
        assert f() == ()
    status[0] = 1
    for _ in range(PATIENCE):
        f()
    assert fallbacks(f).resting == FIRST_PAUSE


def test_native_code_does_not_rest_where_it_succeeds_now_and_then():
    f = divide()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(20):
            for _ in range(PATIENCE - 1):
                f(1.0, 0.0)
            f(1.0, 2.0)
    assert fallbacks(f) == (0, 0, 20 * (PATIENCE - 1), 0)


def test_other_arguments_are_no_reason_to_rest():
    f = identity(1.0)
    for _ in range(10 * PATIENCE):
        f("text")
    assert fallbacks(f) == (10 * PATIENCE, 0, 0, 0)
    assert f(1.0) == (1.0,)


# --- memory ---------------------------------------------------------------------------------------------------------

X = np.arange(6.0)


def no_array_for_an_output():
    huge = Slot((2**62,), np.dtype(float), "array")  # more than can be addressed, so NumPy does not try
    return function_of(lambda a: 0, [slot(X[::2])], [slot(X), huge, slot(X)]), (X[::2],), ValueError


def no_memory_for_an_arena():
    return function_of(lambda a: 0, [slot(X[::2])], [slot(X)], arena=2**62), (X[::2],), MemoryError


def numpy_code_that_raises():
    def slow(*inputs):
        raise ValueError

    return function_of(lambda a: 1, [slot(X[::2])], [slot(X)], slow=slow), (X[::2],), ValueError


def an_error_that_raises():
    return divide(), (1.0, 0.0), FloatingPointError


def all_results():
    kinds = [Result("input", 0), Result("input", 0, copy=True), Result("constant", X), Result("constant", X, copy=True)]
    kinds += [Result("slot", i, copy=i == 1) for i in (0, 0, 1, 2, 3, 4, 5, 6, 7)]
    outputs = [slot(X[::2]), slot(X[::2]), *map(slot, (1.0, 300, True, 1j, np.float64(1), np.complex64(1)))]

    def kernel(addresses):
        ctypes.memset(addresses[4], 1, 2)
        ctypes.memset(addresses[5], 1, 1)
        return 0

    return function_of(kernel, [slot(X[::2])], outputs, kinds), (X[::2],), None


def a_kernel_that_bails():
    return function_of(lambda a: 1, [slot(X[::2])], [slot(X)], slow=lambda x: (x,)), (X[::2],), None


def a_guard_that_does_not_hold():
    f = function_of(lambda a: 3, [slot(X[::2])], [slot(X)], misses=[Miss(0, True), Miss(1, True)])
    return f, (X[::2],), None


def other_arguments():
    return function_of(lambda a: 0, [slot(X[::2]), slot(1.0)], slow=lambda x, y: (x, y)), (X[::2], 1), None


PATHS = [
    *(no_array_for_an_output, no_memory_for_an_arena, numpy_code_that_raises, an_error_that_raises),
    *(all_results, a_kernel_that_bails, a_guard_that_does_not_hold, other_arguments),
]


def references(f, inputs):
    """Counts of everything that a call could take or forget."""
    shared = [None, True, False, np.dtype(float), np.dtype("F"), np.ndarray, float, int, np.float64, X]
    return [sys.getrefcount(v) for v in (*shared, f, f.__self__, *f.__self__, *inputs)]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_leaks(path):
    f, inputs, error = path()

    def calls(n):
        for _ in range(n):
            if error is None:
                f(*inputs)
                continue
            try:
                f(*inputs)
            except error:
                pass
            else:
                pytest.fail("no error")

    with np.errstate(all="raise"):
        calls(100)
        gc.collect()
        tracemalloc.start()
        try:
            before = references(f, inputs)
            memory = tracemalloc.get_traced_memory()[0]
            calls(5000)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - memory
            after = references(f, inputs)
        finally:
            tracemalloc.stop()
    # Other threads and caches may hold a few objects more; a leak of one a call would be 5000.
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 100
    assert grown < 20_000


@pytest.mark.slow
def test_nothing_leaks_in_a_hundred_thousand_calls():
    f = native("nothing", [slot(X)], [slot(X), slot(np.float64(1)), slot(1.0)], arena=10_000)
    f(X)
    tracemalloc.start()
    try:
        memory = tracemalloc.get_traced_memory()[0]
        for _ in range(100_000):
            f(X)
        assert tracemalloc.get_traced_memory()[0] - memory < 10_000
    finally:
        tracemalloc.stop()
    assert sys.getrefcount(X) < 1000


class Owner:
    """Something that can be seen to die."""


def owned(slow=None):
    owner = Owner()
    kernel = copying([])
    f = function_of(kernel, slow=slow)
    address = int(f.__self__[0][0])
    owner.code = f
    return make_function(address, "f", owner, slow, [], [], [], arena=1 << 20), weakref.ref(owner)


def test_the_owner_lives_as_long_as_the_function():
    f, owner = owned()
    gc.collect()
    assert f() == ()
    assert owner() is not None
    copy = f
    del f
    assert copy() == ()
    del copy
    assert owner() is None


def test_a_function_that_its_numpy_code_refers_to_is_freed():
    class Code:
        def __call__(self):
            return self.function()

    code = Code()
    code.function, owner = owned(slow=code)
    del code
    gc.collect()
    assert owner() is None


def test_memory_of_many_functions_is_freed():
    def make():
        function_of(lambda a: 0, [slot(X)], [slot(X)], arena=1 << 20, misses=[Miss(0, True)])(X)

    make()
    gc.collect()
    tracemalloc.start()
    try:
        memory = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            make()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - memory < 200_000
    finally:
        tracemalloc.stop()


def test_a_large_arena_is_not_kept():
    def kernel(addresses):
        ctypes.memset(addresses[0], 1, 1 << 20)
        return 0

    f = function_of(kernel, arena=1 << 28)
    assert max(getattr(v, "nbytes", 0) for v in f.__self__) < 10_000
    assert f() == f() == ()


# --- threads and calls within calls -----------------------------------------------------------------------------------


@pytest.mark.parametrize("releases", [False, True])
def test_threads_do_not_meet(releases):
    f = native("dwell", [slot(1.0)], [slot(1.0)], arena=8000, releases=releases)
    start = threading.Barrier(8)

    def work(number):
        start.wait()
        return all(f(float(number)) == (1000.0 * number,) for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert fallbacks(f) == (0, 0, 0, 0)


def test_threads_may_make_functions_at_once():
    start = threading.Barrier(8)

    def make(number):
        start.wait()
        return [identity(np.ones(number))(np.arange(float(number)))[0].sum() for _ in range(20)]

    entry._entry.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(make, range(8))) == [[n * (n - 1) / 2] * 20 for n in range(8)]


@pytest.mark.parametrize("releases", [False, True])
def test_the_interpreter_lock_is_released_where_that_is_asked_for(releases):
    # A kernel that returns whether its thread has the lock: 1 is the status of one that gives up.
    has_lock = ctypes.cast(ctypes.pythonapi.PyGILState_Check, ctypes.c_void_p).value
    f = make_function(has_lock, "f", None, elsewhere, [], [], [], releases=releases)
    assert f() == (() if releases else (ELSEWHERE, ()))


def test_a_call_within_a_call_of_the_same_function():
    def kernel(addresses):
        x, y = (ctypes.c_double.from_address(addresses[i]) for i in range(2))
        y.value = 1.0 if x.value < 1 else x.value * f(x.value - 1)[0]
        return 0

    f = function_of(kernel, [slot(1.0)], [slot(1.0)], arena=1000)
    assert f(5.0) == (120.0,)
    assert f(5.0) == (120.0,)


@pytest.mark.parametrize(("family", "triple"), [("x86", "x86_64-pc-windows-msvc"), ("arm", "aarch64-apple-darwin")])
def test_the_entry_compiles_for_other_processors(family, triple):
    llvm = pytest.importorskip("llvmlite.binding")
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_assembly(entry_text(family))
    module.verify()
    code = llvm.Target.from_triple(triple).create_target_machine(opt=0).emit_assembly(module)
    reads = {"x86": "stmxcsr", "arm": "FPSR"}[family]
    assert reads in code
