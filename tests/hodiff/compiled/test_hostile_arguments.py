"""Hostile programs: arguments of every kind, precision and layout."""

import fractions

import numpy as np
import pytest
from hostile import check

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, -1.0, 2.0])
M = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -0.0]])


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


SCALARS = [
    *(2.0, -2.0, 2, -2, True, False, 0.0, -0.0, 10**20, 2 + 1j, float("nan"), float("inf"), -float("inf"), 1e-320),
    *(np.float64(2.0), np.float32(2.0), np.float16(2.0), np.int64(2), np.int8(100), np.uint8(200), np.bool_(True)),
    *(np.complex128(2 + 1j), np.complex64(1j), np.longdouble(2.0), np.float64("nan"), np.float32("-inf")),
    *(np.array(2.0), np.array(2, dtype=np.int32), np.array([2.0]), np.array(True), np.asarray(2.0, dtype=">f8")),
    *(
        None,
        "2",
        b"2",
        fractions.Fraction(1, 2),
        [],
        {},
        np.array([], dtype=float),
        np.str_("a"),
        np.datetime64("2020-01-01"),
    ),
]


def arithmetic(x):
    return x * 2 + 1, x / 3, x**2, -x, abs(x), x - 0.5


def integers(x):
    return x // 2, x % 3, x & 6 if not isinstance(x, float) else None


def ufuncs(x):
    return np.sin(x), np.exp(x), np.add(x, 1), np.maximum(x, 1), np.sign(x), np.multiply(x, 2.0), np.divide(1, x)


def single_precision(x):
    return (
        x * np.float32(0.1),
        x + np.arange(3, dtype=np.float32),
        x * np.array(0.1, dtype=np.float32),
        np.float32(3) * x * 0.1,
    )


def reductions(x):
    return np.sum(x), np.max(x), np.prod(x), np.any(x)


def constructors(x):
    return np.zeros_like(x), np.ones_like(x), np.full_like(x, 3), np.stack([x, x]), np.atleast_1d(x)


def comparisons(x):
    return x > 1, x == 2, x != 2, np.where(x > 1, x, 0), np.isnan(x), x is x, x is not None


def attributes(x):
    return np.shape(x), np.ndim(x), np.size(x), np.asarray(0.0, dtype=x.dtype) * 0, x.dtype.name, x.ndim, x.T


def kinds_of_it(x):
    return (
        isinstance(x, float),
        isinstance(x, int),
        isinstance(x, np.ndarray),
        isinstance(x, np.generic),
        np.isscalar(x),
    )


def type_of_it(x):
    return type(x).__name__, x.__class__.__name__, callable(x), hasattr(x, "flags"), hasattr(x, "shape")


def casts(x):
    return np.float32(x), np.asarray(x, dtype=complex), x.astype(int)


def methods_of_numbers(x):
    return x.conjugate(), x.real, x.imag


def is_integer(x):
    return x.is_integer()


def powers(x):
    return x**2, x**-1, x**0.5, 2.0**x, x**0, x**1, np.power(x, 3), pow(x, 2)


def identities(x):
    return x * 1, x + 0, x - 0.0, x / 1, +x, x * 0, 0 - x, x - x, x * -1, 1 * x, x + x, 0.0 + x


def repetitions(x):
    return [0.0] * x, x * (1, 2)


def mixed_trees(x):
    return {"b": x, "a": [x + 1, (x, None)], "c": "text"}


FUNCTIONS = [
    *(arithmetic, integers, ufuncs, single_precision, reductions, constructors, comparisons, kinds_of_it),
    *(type_of_it, methods_of_numbers, is_integer, powers, identities, repetitions, mixed_trees),
]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_scalars_of_every_kind(f):
    def program(jit, call):
        g = jit(f)
        for x in (*SCALARS, *SCALARS[::-1]):
            call(g, x)

    check(program)


@pytest.mark.parametrize("f", [attributes, casts], ids=lambda f: f.__name__)
def test_what_pythons_numbers_lack(f):
    """Attributes of arrays; Python's numbers have them where they are staged, and raise plainly."""

    def program(jit, call):
        g = jit(f)
        for x in SCALARS:
            if isinstance(x, (np.number, np.ndarray)) and not np.iscomplexobj(x):
                call(g, x)
                call(g, x)

    check(program)


LAYOUTS = {
    "C": M,
    "F": np.asfortranarray(M),
    "reversed": M[::-1, ::-1],
    "strided": np.repeat(M, 2, axis=1)[:, ::2],
    "transposed": M.T.copy().T,
    "broadcast": np.broadcast_to(X, (2, 3)),
    "big-endian": M.astype(">f8"),
    "single": M.astype(np.float32),
    "half": M.astype(np.float16),
    "integers": M.astype(np.int64),
    "bytes": M.astype(np.int8),
    "unsigned": np.abs(M).astype(np.uint16),
    "booleans": M > 0,
    "complex": M * (1 + 2j),
    "complex64": (M * 1j).astype(np.complex64),
    "extended": M.astype(np.longdouble),
    "objects": M.astype(object),
    "strings": M.astype(str),
    "structured": np.zeros(2, dtype=[("a", float), ("b", int)]),
    "matrix": np.asmatrix(M) if False else M.view(type("Own", (np.ndarray,), {})),
    "masked": np.ma.masked_less(M, 0),
    "empty": M[:0],
    "no columns": M[:, :0],
    "0-d": np.array(1.5),
    "vector": X,
    "list": M.tolist(),
    "tuple of arrays": (X, X),
    "3-d": np.stack([M, M]),
    "nan": np.where(M > 1, np.nan, M),
    "infinite": np.where(M > 1, np.inf, M),
    "unaligned": np.frombuffer(b"\0" + M.tobytes(), dtype=np.uint8)[1:].view(float).reshape(2, 3),
}


LAYOUTS["read-only"] = _read_only(M)


def layout(x):
    return x.flags.c_contiguous, x.flags.f_contiguous, x.strides, x.flags.writeable, x.itemsize


def raveled(x):
    return np.ravel(x, order="K"), x.ravel("A"), x.reshape(-1), x.T.reshape(-1, order="F"), np.copy(x, order="K")


def products(x):
    return x @ x.T, np.dot(x.T, x), np.einsum("ij,kj->ik", x, x)


def slices(x):
    return x[0], x[..., -1], x[::-1], x[:, None], x[1:], x.T[1], x[[0, 1, 0]]


def sums(x):
    return x.sum(), x.sum(axis=0), x.mean(axis=-1, keepdims=True), np.cumsum(x), x.max(axis=0), np.linalg.norm(x)


def steps(x):
    y = np.sin(x) * x + x**2
    return np.where(y > 0, y, -x), y.astype(np.complex64), np.sqrt(np.abs(y))


ARRAY_FUNCTIONS = [
    arithmetic,
    layout,
    raveled,
    products,
    slices,
    sums,
    steps,
    identities,
    kinds_of_it,
    type_of_it,
    comparisons,
]


@pytest.mark.parametrize("f", ARRAY_FUNCTIONS, ids=lambda f: f.__name__)
def test_arrays_of_every_kind(f):
    def program(jit, call):
        g = jit(f)
        for x in (*LAYOUTS.values(), *list(LAYOUTS.values())[::-1]):
            call(g, x)

    check(program)
