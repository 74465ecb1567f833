"""NumPy's ufuncs as instructions: exact ones have NumPy's bits and errors, at any width."""

import math
import warnings

import numpy as np
import pytest
from native_kernels import WIDTHS, Case, compiled, raised, ulps

from hodiff.compiled.native.functions.ufuncs import converted, lowered
from hodiff.compiled.native.loading.machine import reason

pytestmark = pytest.mark.skipif(reason() is not None, reason=str(reason()))

FLOATS = [np.dtype("f8"), np.dtype("f4")]
INTEGERS = [np.dtype(name) for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")]
BOOL = np.dtype(bool)


def all_ufuncs():
    return sorted({f for f in vars(np).values() if isinstance(f, np.ufunc)}, key=lambda f: f.__name__)


def values(dtype, count=2):
    """Arrays for so many operands: all pairs of special values, and numbers of all exponents."""
    rng = np.random.default_rng(0)
    if dtype == BOOL:
        special, more = np.array([False, True]), rng.integers(0, 2, 100).astype(bool)
    elif dtype.kind == "f":
        info = np.finfo(dtype)
        special = [
            0.0,
            1.0,
            0.5,
            1.5,
            2.5,
            3.0,
            math.pi,
            info.max,
            info.tiny,
            info.smallest_subnormal,
            math.inf,
            math.nan,
        ]
        special = np.array([*special, *(-x for x in special)], dtype)
        mantissa = rng.uniform(-2, 2, 400)
        more = np.ldexp(mantissa, rng.integers(info.minexp - 10, info.maxexp - 1, 400)).astype(dtype)
    else:
        info = np.iinfo(dtype)
        numbers = [0, 1, 2, 3, 7, info.max, info.max - 1, info.min, info.min // 2, *range(60, 70)]
        special = np.array(numbers, dtype)
        more = rng.integers(info.min, info.max, 400, dtype=dtype, endpoint=True)
    if count == 1:
        return [np.concatenate([special, more])]
    first, second = (a.ravel() for a in np.meshgrid(special, special))
    return [np.concatenate([first, more]), np.concatenate([second, rng.permutation(more)])]


def exact_cases(dtype):
    cases = {}
    for function in all_ufuncs():
        lowering = lowered(function, (dtype,) * function.nin)
        if lowering is not None and lowering.exact:
            with np.errstate(all="ignore"):
                answer = function(*[np.ones(1, dtype)] * function.nin).dtype
            cases[function.__name__] = Case(lowering.write, (dtype,) * function.nin, (answer,))
    return cases


@pytest.mark.parametrize("dtype", [BOOL, *INTEGERS, *FLOATS], ids=str)
def test_exact_ones_have_the_bits_and_the_errors_of_numpy(dtype):
    cases = exact_cases(dtype)
    assert len(cases) >= {"b": 25, "i": 30, "u": 30, "f": 35}[dtype.kind]
    kernels = compiled(cases, widths=(1, 4, 16))
    for name, case in cases.items():
        function, operands = getattr(np, name), values(dtype, len(case.inputs))
        with np.errstate(all="ignore"):
            expected = function(*operands)
        for lanes, kernel in kernels[name].items():
            found = kernel(*operands)
            assert same_bits(found, expected), (name, lanes, disagreements(found, expected, operands))
        for i in range(0, len(operands[0]), 7):
            few = [operand[i : i + 1] for operand in operands]
            with raised() as errors:
                kernels[name][4](*few)
            errors, expected = errors - {"under"}, errors_of(function, *few)
            assert errors <= expected if dtype.kind == "f" else bool(errors) == bool(expected), (name, few)


def same_bits(found, expected):
    nan = np.isnan(expected) if expected.dtype.kind == "f" else np.zeros(expected.shape, bool)
    return found.dtype == expected.dtype and bool(
        np.all((found.view(f"V{found.itemsize}") == expected.view(f"V{found.itemsize}")) | (nan & (found != found)))
    )


def disagreements(found, expected, operands):
    wrong = np.flatnonzero(~((found == expected) | ((found != found) & (expected != expected))))[:5]
    return [(*[operand[i] for operand in operands], found[i], expected[i]) for i in wrong]


def errors_of(function, *operands):
    """The errors that NumPy reports, by name."""
    found = set()
    with warnings.catch_warnings(), np.errstate(all="call", call=lambda kind, _: found.add(kind)):
        function(*operands)
    names = {"divide by zero": "divide", "overflow": "over", "underflow": "under", "invalid value": "invalid"}
    return {names[kind] for kind in found}


COMPLEX = [np.add, np.subtract, np.multiply, np.divide, np.square, np.reciprocal, np.negative, np.positive]
COMPLEX += [np.conjugate, np.absolute, np.equal, np.not_equal, np.isnan, np.isinf, np.isfinite]


@pytest.mark.parametrize("dtype", [np.dtype("c16"), np.dtype("c8")], ids=str)
@pytest.mark.parametrize("function", COMPLEX, ids=lambda function: function.__name__)
def test_complex_numbers_are_pairs(function, dtype):
    lowering = lowered(function, (dtype,) * function.nin)
    part = np.dtype(f"f{dtype.itemsize // 2}")

    def write(body, operands):
        return lowering.write(body, list(zip(operands[::2], operands[1::2], strict=True)))

    with np.errstate(all="ignore"):
        answer = function(*[np.ones(1, dtype)] * function.nin).dtype
    outputs = (part, part) if answer.kind == "c" else (answer,)
    kernels = compiled({"f": Case(write, (part,) * (2 * function.nin), outputs)}, (1, 4, 16))["f"]
    rng = np.random.default_rng(0)
    rows = [rng.uniform(-2, 2, 300) for _ in range(2 * function.nin)]
    zeros = np.array(np.meshgrid(*[[0.0, -0.0, 1.0, -2.0, math.inf, math.nan]] * (2 * function.nin)))
    rows = [np.concatenate([a, b]).astype(part) for a, b in zip(rows, zeros.reshape(len(rows), -1), strict=True)]
    operands = [np.array([*map(complex, a, b)], dtype) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    with np.errstate(all="ignore"):
        expected = function(*operands)
    for kernel in kernels.values():
        found = kernel(*rows)
        if answer.kind == "c":
            for a, b in zip(found, (expected.real, expected.imag), strict=True):
                # The parts of a product may be small differences of large numbers.
                exact = ~np.isfinite(b) | lowering.exact
                wrong = exact & (a != b) & ~(np.isnan(a) & np.isnan(b))
                assert not wrong.any(), [(*[x[wrong][:3] for x in operands], a[wrong][:3], b[wrong][:3])]
                scale = np.abs(np.where(np.isfinite(expected), expected, 1))
                assert np.all(np.abs(a[~exact] - b[~exact]) <= 4 * np.finfo(part).eps * scale[~exact])
        elif lowering.exact:
            assert np.array_equal(found, expected)
        else:
            assert ulps(found, expected).max() <= 2


CONVERSIONS = [
    (source, target)
    for source in [BOOL, *INTEGERS, *FLOATS]
    for target in [BOOL, *INTEGERS, *FLOATS]
    if source.kind != "f" or target.kind in "bf" or target.name in ("int32", "int64")
]


def test_conversions_are_those_of_astype():
    def conversion(source, target):
        return lambda body, operands: converted(body, operands[0], source, target)

    cases = {(s, t): Case(conversion(s, t), (s,), (t,)) for s, t in CONVERSIONS}
    kernels = compiled(cases, widths=(1, 8))
    for (source, target), by_width in kernels.items():
        (x,) = values(source, 1)
        if target.kind in "iu" and source.kind == "f":
            x = x[np.abs(x) < 2.0**30]
        with np.errstate(all="ignore"):
            expected = x.astype(target)
        for lanes, kernel in by_width.items():
            assert same_bits(kernel(x), expected), (source, target, lanes)


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e30, -1e30])
def test_a_number_that_no_integer_holds_is_an_error(number):
    double, integer = np.dtype(float), np.dtype("i8")
    case = Case(lambda body, x: converted(body, x[0], double, integer), (double,), (integer,))
    for kernel in compiled({"cast": case})["cast"].values():
        with raised() as errors:
            kernel(np.array([number]))
        assert "invalid" in errors


def test_what_has_no_lowering_is_none():
    double, half, integer = np.dtype(float), np.dtype("f2"), np.dtype(int)
    assert lowered(np.add, (half, half)) is None
    assert lowered(np.power, (integer, integer)) is None
    assert lowered(np.exp, (np.dtype(complex),)) is None
    assert lowered(np.add, (double.newbyteorder(), double.newbyteorder())) is None
    assert converted(None, None, double, np.dtype("u1")) is None
    assert WIDTHS[0] == 1
