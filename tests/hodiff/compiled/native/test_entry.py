"""The fast-call entry: what goes into a kernel and comes out of it, and what it leaves to NumPy code."""

import ctypes
import operator
import pickle
import sys

import numpy as np
import pytest
from entries import ELSEWHERE, copying, function_of, identity, native, slot
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hodiff.compiled.native.calling import python_api
from hodiff.compiled.native.calling.entry import Result, Slot, fallbacks, reason, strict
from hodiff.compiled.native.errors import Unsupported
from hodiff.compiled.numpy_source import Miss
from hodiff.program import Var

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

CODES = "?bBhHiIlLqQefdFD"
NUMBERS = [0.0, -0.0, 1.5, float("inf"), float("nan"), 5e-324, 1 - 2j, complex("nan-infj"), True, False, 0, -1]
INTEGERS = [2**63 - 1, -(2**63), 2**31, -(2**31) - 1]


def bits(value):
    return type(value), np.shape(value), np.asarray(value).dtype, np.asarray(value).tobytes()


def random_array(shape, code, seed=0):
    """Any bits that are a value."""
    dtype = np.dtype(code)
    raw = np.random.default_rng(seed).integers(0, 256, (*shape, dtype.itemsize), np.uint8)
    return np.asarray(raw[..., 0] % 2 == 0) if code == "?" else raw.view(dtype).reshape(shape)


# --- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (1,), (3,), (0,), (2, 3), (2, 0, 3), (1, 2, 1, 2, 1, 2)])
@pytest.mark.parametrize("code", CODES)
def test_arrays_come_back_bit_for_bit(code, shape):
    x = random_array(shape, code)
    (y,) = identity(x)(x)
    assert bits(y) == bits(x)
    assert y.base is None
    assert y.flags.owndata
    assert y.flags.writeable
    assert not np.may_share_memory(x, y)


@pytest.mark.parametrize("code", CODES)
def test_scalars_come_back_bit_for_bit(code):
    x = random_array((), code)[()]
    f = identity(x)
    assert bits(f(x)[0]) == bits(x)
    assert fallbacks(f).mismatches == 0


@pytest.mark.parametrize("x", NUMBERS + INTEGERS)
def test_numbers_come_back_bit_for_bit(x):
    (y,) = identity(x)(x)
    assert bits(y) == bits(x)
    assert type(y) is type(x)


def test_many_of_all_forms_at_once():
    values = [random_array((i % 4,), CODES[i % len(CODES)], i) for i in range(300)]
    values += [random_array((), code)[()] for code in CODES] + NUMBERS
    f = identity(*values)
    for _ in range(3):
        assert list(map(bits, f(*values))) == list(map(bits, values))
    assert f.__name__ == "f"


LAYOUTS = {
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: np.flip(x.copy()[..., ::-1], -1),
    "Fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "broadcast": lambda x: np.broadcast_to(x[..., :1], x.shape),
    "misaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "pickled": lambda x: pickle.loads(pickle.dumps(x)),
    "with metadata": lambda x: x.astype(np.dtype(x.dtype, metadata={"unit": "m"})),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("code", "?hld")
def test_arrays_in_any_layout(code, layout):
    x = random_array((3, 4), code)
    given = LAYOUTS[layout](x)
    f = identity(x)
    assert bits(f(given)[0]) == bits(np.ascontiguousarray(given).astype(x.dtype))
    assert fallbacks(f) == (0, 0, 0, 0)


def test_integers_of_another_name():
    # On each platform one of these is as long as another one, and no other object in memory.
    for one, other in [("l", "q"), ("i", "l"), ("L", "Q")]:
        x = random_array((3,), one)
        f = identity(x)
        y = x.astype(other)
        f(y)
        assert (fallbacks(f).mismatches == 0) == (x.dtype == y.dtype)


@given(hnp.arrays(st.sampled_from([float, np.int32, complex, bool]), hnp.array_shapes(max_dims=4, max_side=4)))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_any_array(x):
    assert bits(identity(x)(x)[0]) == bits(x)


def test_a_slot_may_be_a_variable_of_a_program():
    var = Var((2,), np.dtype(float))
    f = function_of(copying([var]), [var], [var])
    assert np.array_equal(f(np.ones(2))[0], np.ones(2))


# --- results ------------------------------------------------------------------------------------------------------


def test_results_may_be_inputs_constants_and_copies():
    x, k, text = np.arange(3.0), np.arange(4.0).reshape(2, 2)[:, :1], "any object"
    kinds = [
        *(Result("input", 0), Result("input", 0, copy=True), Result("input", 1)),
        *(Result("constant", k), Result("constant", k, copy=True), Result("constant", text)),
        *(Result("slot", 0), Result("slot", 0), Result("slot", 0, copy=True)),
    ]
    f = function_of(lambda a: ctypes.memmove(a[2], a[0], 24) and 0, [slot(x), slot(2.0)], [slot(x)], kinds)
    number = 2.0
    got = f(x, number)
    assert got[0] is x
    assert bits(got[1]) == bits(x)
    assert not np.may_share_memory(got[1], x)
    assert got[2] is number
    assert got[3] is k
    assert bits(got[4]) == bits(k)
    assert got[4].flags.c_contiguous
    assert not np.may_share_memory(got[4], k)
    assert got[5] is text
    assert got[6] is got[7]
    assert bits(got[6]) == bits(got[8]) == bits(x)
    assert not np.may_share_memory(got[6], got[8])


def test_an_input_that_is_copied_for_the_kernel_is_returned_itself():
    x = np.arange(6.0)[::2]
    f = function_of(lambda a: 0, [slot(x)], [], [Result("input", 0), Result("input", 0, copy=True)])
    same, copy = f(x)
    assert same is x
    assert np.array_equal(copy, x)
    assert copy.flags.c_contiguous


def test_no_results_and_no_arguments():
    assert function_of(lambda a: 0)() == ()


def test_the_arena_is_aligned_and_of_the_size_asked_for():
    seen = []

    def kernel(addresses):
        seen.append(addresses[2])
        ctypes.memset(addresses[2], 0xFF, 100_000)
        return copying([slot(1.0)])(addresses)

    f = function_of(kernel, [slot(1.0)], [slot(1.0)], arena=100_000)
    assert [f(3.0), f(4.0)] == [(3.0,), (4.0,)]
    assert seen[0] == seen[1]
    assert seen[0] % 64 == 0


# --- what is left to NumPy code -------------------------------------------------------------------------------------


class Subclass(np.ndarray):
    pass


OTHERS = {
    "float64[3]": (
        np.ones(3),
        [
            *(np.ones(2), np.ones((3, 1)), np.ones(()), np.ones(3, np.float32), np.ones(3, int), np.ones(3, ">f8")),
            *(np.ones(3).view(Subclass), np.ma.ones(3), np.array([1.0, "a", None], object), np.array(["a", "b", "c"])),
            *([1.0, 1.0, 1.0], (1.0,) * 3, 1.0, np.float64(1.0), None, "abc", object(), np.ndarray, type),
        ],
    ),
    "float64": (np.float64(1.0), [1.0, np.float32(1.0), np.ones(()), np.int64(1), np.bool_(1), None, True]),
    "float": (1.0, [1, np.float64(1.0), np.ones(()), True, None, 1j, "1"]),
    "int": (1, [1.0, True, np.int64(1), 2**63, -(2**63) - 1, 10**50, None]),
    "bool": (True, [1, 0, np.True_, None, 1.0]),
    "complex": (1j, [1.0, np.complex128(1j), 1, None]),
}


@pytest.mark.parametrize(
    ("name", "number"), [(name, i) for name, (_, found) in OTHERS.items() for i in range(len(found))]
)
def test_other_arguments_go_to_numpy_code_as_they_are(name, number):
    like, others = OTHERS[name]
    f = identity(like)
    argument = others[number]
    answer, inputs = f(argument)
    assert answer == ELSEWHERE
    assert inputs[0] is argument
    assert fallbacks(f) == (1, 0, 0, 0)
    assert bits(f(like)[0]) == bits(like)


def test_any_arguments_do_no_harm():
    likes = [like for like, _ in OTHERS.values()]
    anything = [*likes, *(other for _, others in OTHERS.values() for other in others)]
    functions = [identity(*[likes[i] for i in np.random.default_rng(i).integers(0, len(likes), 3)]) for i in range(20)]
    draw = np.random.default_rng(0)
    for _ in range(5000):
        f = functions[draw.integers(20)]
        arguments = tuple([anything[i] for i in draw.integers(0, len(anything), draw.integers(2, 5))])
        before = fallbacks(f).mismatches
        found = f(*arguments)
        if fallbacks(f).mismatches > before:
            assert found == (ELSEWHERE, found[1])
            assert all(map(operator.is_, found[1], arguments))
        else:
            assert list(map(bits, found)) == list(map(bits, arguments))


def test_strict_functions_leave_other_arguments_alone():
    """As the functions that they are made of, for the same types, and arrays in C's order."""
    likes = [like for like, _ in OTHERS.values()]
    anything = [
        *likes,
        *(other for _, others in OTHERS.values() for other in others),
        np.ones((2, 2)).T,
        np.ones(6)[::2],
    ]
    missed = object()
    draw = np.random.default_rng(1)
    outcomes = set()
    for i in range(40):
        f = identity(*[likes[i] for i in draw.integers(0, len(likes), 1 + i % 2)])
        g = strict(f, missed)
        for _ in range(300):
            arguments = tuple([anything[i] for i in draw.integers(0, len(anything), draw.integers(0, 4))])
            before = fallbacks(f).mismatches
            found, wanted = g(*arguments), f(*arguments)
            known = fallbacks(f).mismatches == before
            in_order = all(v.flags.c_contiguous and v.flags.aligned for v in arguments if isinstance(v, np.ndarray))
            if found is missed:
                assert not known or not in_order
            elif known:
                assert in_order
                assert list(map(bits, found)) == list(map(bits, wanted))
            else:  # NumPy code has the integers that are too large for a slot
                assert found == wanted
                assert any(type(v) is int and abs(v) >= 2**63 for v in arguments)
            outcomes.add((known, in_order, found is missed))
    assert (True, True, False) in outcomes
    assert (True, False, True) in outcomes
    assert (False, True, True) in outcomes


def test_strict_functions_stay_strict_while_native_code_rests():
    f = function_of(lambda addresses: 1, [slot(1.0)], [slot(1.0)])
    g = strict(f, "missed")
    for _ in range(30):
        assert g(2.0) == (ELSEWHERE, (2.0,))
        assert g(2) == g() == g(np.float64(2.0)) == "missed"
    assert fallbacks(f).resting > 0


def test_a_strict_function_outlives_what_it_was_made_of():
    missed = ["missed"]
    g = strict(identity(np.ones(3)), missed)
    count = sys.getrefcount(missed)
    for _ in range(100):
        assert g(1.0) is missed
    assert sys.getrefcount(missed) == count
    assert g(np.arange(3.0))[0].tolist() == [0.0, 1.0, 2.0]


def test_a_later_argument_is_of_another_type():
    f = identity(np.ones(3), np.ones((2, 2)), 1)
    strided = np.ones(6)[::2]  # copied before the other is seen
    assert f(strided, np.ones((2, 2)), 1.0)[0] == ELSEWHERE
    assert f(strided, np.ones((2, 3)), 1)[0] == ELSEWHERE
    assert f(strided, np.ones((2, 2)), 1)[2] == 1


def test_other_numbers_of_arguments_and_keywords():
    f = identity(1.0, 2.0)
    for arguments in [(), (1.0,), (1.0, 2.0, 3.0), (1.0,) * 1000]:
        assert f(*arguments) == (ELSEWHERE, arguments)
    with pytest.raises(TypeError, match="keyword"):
        f(x=1.0)
    with pytest.raises(TypeError, match="keyword"):
        f(1.0, 2.0, y=1.0)


def test_what_numpy_code_raises_is_raised():
    def slow(x):
        raise ValueError(f"of {x}")

    with pytest.raises(ValueError, match="of text"):
        identity(1.0, slow=slow)("text")
    with pytest.raises(TypeError, match="positional"):
        identity(1.0, slow=slow)()


@pytest.mark.parametrize(
    ("status", "expected"),
    [(0, ()), (1, ELSEWHERE), (2, 0), (3, 1), (4, ELSEWHERE), (2**31 - 1, ELSEWHERE)],
)
def test_the_status_of_the_kernel(status, expected):
    misses = (Miss(0, True), Miss(1, False))
    strided = np.ones(6)[::2]
    f = function_of(lambda a: status, [slot(strided)], [slot(1.0), slot(np.ones(9))], [], misses=misses)
    for _ in range(3):
        found = f(strided)
        if expected == ELSEWHERE:
            assert found[0] == ELSEWHERE
        else:
            assert found == expected if expected == () else found is misses[expected]
    assert fallbacks(f).bails == (3 if expected == ELSEWHERE else 0)


def test_a_kernel_with_an_exception():
    f = native("raises", [slot(np.ones(6)[::2])], [slot(np.ones(3)), slot(1.0)])
    for _ in range(20):
        with pytest.raises(MemoryError):
            f(np.ones(6)[::2])
    assert fallbacks(f) == (0, 0, 0, 0)


def test_types_without_slots_are_refused():
    refused = [
        *(Slot((), np.dtype(">f8"), "array"), Slot((2,), np.dtype(object), "array"), Slot((), np.dtype("U3"), "array")),
        *(Slot((), np.dtype("M8[s]"), "scalar"), Slot((), np.dtype(object), "number")),
        *(Slot((), np.dtype(np.uint64), "number"), Slot((), np.dtype(np.float32), "number")),
    ]
    for one in refused:
        with pytest.raises(Unsupported, match="no native code for"):
            function_of(lambda a: 0, [one])
        with pytest.raises(Unsupported, match="no native code for"):
            function_of(lambda a: 0, [], [one])


# --- the layout of objects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "field", "offset"),
    [
        *(("Object", "type", 0), ("Object", "value", 8), ("Tuple", "items", 16)),
        *(("Array", "data", 32), ("Array", "ndim", 28), ("Array", "shape", 40), ("Array", "descr", 48)),
        ("Array", "flags", 72),
    ],
)
def test_objects_that_lie_otherwise_are_noticed(monkeypatch, kind, field, offset):
    assert python_api.reason.__wrapped__() is None
    monkeypatch.setitem(python_api.FIELDS[kind], field, offset)
    assert "otherwise than is known" in python_api.reason.__wrapped__()


def test_other_interpreters_are_noticed(monkeypatch):
    monkeypatch.setattr(sys.implementation, "name", "pypy")
    assert python_api.reason.__wrapped__() == "machine code reads CPython's objects, and this is pypy"


def test_the_kernels_in_llvm_text_work():
    assert native("divide", [slot(1.0)] * 2, [slot(1.0)])(1.0, 4.0) == (0.25,)
