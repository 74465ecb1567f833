"""Hostile programs: results of every kind, who owns them, and changes in place."""

import collections
import dataclasses

import numpy as np
import pytest
from hostile import check

import hodiff as hd

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, -1.0, 2.0])

PROGRAMS = []


def hostile(program):
    PROGRAMS.append(program)
    return program


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


@hostile
def results_belong_to_the_caller(jit, call):
    functions = [
        jit(lambda x: x * 2),
        jit(lambda x: np.zeros(3)),
        jit(lambda x: [np.ones(3), x + 1, np.ones(3)]),
        jit(lambda x: (lambda y: (y, y))(x + 1)),
        jit(lambda x: (lambda y: (y, y[1:], y.reshape(3, 1)))(x * 2)),
        jit(lambda x: (x + 1).T),
        jit(lambda x: np.arange(3.0)),
        jit(hd.value_and_grad(lambda x: np.sum(x))),
        jit(hd.grad(lambda x: np.sum(x * 3.0))),
        jit(hd.jacobian(lambda x: x * 1.0)),
    ]
    for f in functions:
        for _ in range(3):
            result = call(f, X.copy())
            for part in result if isinstance(result, (list, tuple)) else [result]:
                if isinstance(part, np.ndarray) and part.flags.writeable:
                    part[...] = -7.0
            call.note(result)


@hostile
def the_result_is_the_argument(jit, call):
    for make in (
        lambda x: x,
        lambda x: x[1:],
        lambda x: x.reshape(-1, 1),
        lambda x: (x, x),
        lambda x: {"x": x, "y": x * 2},
    ):
        f = jit(make)
        for _ in range(3):
            argument = X.copy()
            result = call(f, argument)
            first = result[0] if isinstance(result, tuple) else result["x"] if isinstance(result, dict) else result
            call.note([first is argument, np.shares_memory(first, argument)])
            first[...] = 5.0
            call.note(argument)


@hostile
def the_result_is_a_global_array(jit, call):
    data = np.ones(3)
    f = jit(lambda x: data)
    g = jit(lambda x: (data, x + data, data[1:]))
    for i in range(3):
        result = call(f, X)
        call.note(result is data)
        result[0] = i
        call.note(data)
        parts = call(g, X)
        call.note([parts[0] is data, np.shares_memory(parts[2], data)])
        data[1] += 1


@hostile
def results_are_not_used_again(jit, call):
    f = jit(lambda x: np.cumsum(np.sin(x) * 2) + x)
    kept = [call(f, X + i) for i in range(4)]
    call.note(kept)
    g = jit(hd.grad(lambda x: np.sum(np.sin(x) ** 2 * x)))
    kept = [call(g, X + i) for i in range(4)]
    call.note(kept)


@hostile
def an_argument_is_changed_in_place(jit, call):
    def add(x):
        x += 1
        return np.sum(x)

    def put(x):
        x[0] = 9.0
        return x * 2

    def put_by_value(x):
        if x[0] > 0:
            x[1:] = x[:-1] * 2
        return x

    def sort(x):
        x.sort()
        return x[0]

    def fill(x):
        x.fill(3.0)

    def out(x):
        np.multiply(x, 2.0, out=x)
        return x

    def in_a_view(x):
        y = x[1:]
        y *= 3.0
        return np.sum(x)

    def copyto(x):
        np.copyto(x, 4.0)
        return x

    for f in (add, put, put_by_value, sort, fill, out, in_a_view, copyto):
        g = jit(f)
        for i in range(3):
            argument = X + i
            call(g, argument)
            call.note(argument)
        call(g, _read_only(X))


@hostile
def a_scalar_is_changed_in_place(jit, call):
    def f(x):
        y = x
        y += 1
        y *= x
        return y, x

    g = jit(f)
    for x in (2.0, np.float64(2.0), np.array(2.0), 2, np.array(3.0)):
        call(g, x)
        call.note(x)


@hostile
def a_container_argument_is_changed(jit, call):
    def append(values):
        values.append(values[0] * 2)
        return sum(values)

    def replace(table):
        table["x"] = table["x"] * 2
        return table["x"] + 1

    def delete(table):
        return table.pop("y", 0.0) + table["x"]

    def clear(values):
        total = sum(values)
        values.clear()
        return total

    for f, make in (
        (append, lambda i: [X + i, X]),
        (append, lambda i: [1.0 + i, 2.0]),
        (replace, lambda i: {"x": X + i}),
        (delete, lambda i: {"x": X + i, "y": 2.0}),
        (clear, lambda i: [X + i, X]),
    ):
        g = jit(f)
        for i in range(3):
            argument = make(i)
            call(g, argument)
            call.note(argument)


@hostile
def two_arguments_share_memory(jit, call):
    def f(x, y):
        z = x * 1
        z[0] = y[1]
        return z + y, x is y

    g = jit(f)
    a = X.copy()
    call(g, a, a)
    call(g, a, a.copy())
    call(g, a, a)
    call(g, a[1:], a[:-1])

    def write(x, y):
        x[0] = 5.0
        return y * 2

    h = jit(write)
    for _ in range(2):
        b = X.copy()
        call(h, b, X.copy())
        call(h, b, b)
        call(h, b[1:], b[:2])
        call.note(b)


@hostile
def local_arrays_are_changed_in_place(jit, call):
    def f(x):
        y = np.zeros(3, like=x) if False else x * 0
        y[0] = x[1]
        y[1:] += x[:2] ** 2
        z = y
        z *= 2
        y[y > 1] = 0.5
        w = y.copy()
        w[::-1] = y
        y[2] -= 1
        return y, w, z is y

    g = jit(f)
    for x in (X, X + 1, -X, X):
        call(g, x)


# --- trees ------------------------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Pair:
    first: object
    second: object


@hostile
def trees_in_and_out(jit, call):
    f = jit(lambda t: t)
    ordered = collections.OrderedDict([("b", X), ("a", 1.0)])
    defaults = collections.defaultdict(list, {"k": X})
    for tree in (
        {"b": X, "a": X * 2},
        {"a": X * 2, "b": X},
        ordered,
        defaults,
        Point(X, 2.0),
        [X, (1.0, [2, True])],
        collections.deque([X, 1.0]),
        (None, X, None),
        {"name": "x", "x": X},
        (),
        [],
        {},
        None,
        "text",
        Pair(X, 1.0),
        {1: X, "a": X},
        {(1, 2): X},
    ):
        call(f, tree)
        call(f, tree)


@hostile
def results_of_every_kind(jit, call):
    for make in (
        lambda x: Point(x, x * 2),
        lambda x: Pair(x, 1),
        lambda x: collections.OrderedDict(b=x, a=1.0),
        lambda x: None,
        lambda x: "text",
        lambda x: (None, True, 3, 2.5, 1j, "s", b"b", x),
        lambda x: np.float32(3.0),
        lambda x: {1.5: x, None: x},
        lambda x: {x.shape: x},
        lambda x: [[], [x, []], {}],
        lambda x: len(x),
        lambda x: x.dtype.name,
        lambda x: slice(1, 2),
        lambda x: frozenset({1, 2}),
        lambda x: np.float64,
        lambda x: lambda: x,
        lambda x: iter([1, 2]),
        lambda x: (i for i in range(3)),
        lambda x: map(float, (1, 2)),
        lambda x: range(3),
        lambda x: NotImplemented,
        lambda x: ...,
        lambda x: x.shape,
        lambda x: [v for v in x],  # noqa: C416
        lambda x: {"a": (x > 0), "b": int(x[0] > 0)},
        lambda x: np.array(["a", "b"]),
        lambda x: np.array([None, 1]),
        lambda x: np.zeros(2, dtype=[("a", float)]),
        lambda x: np.ma.masked_array([1.0, 2.0], [True, False]),
        lambda x: x[1:2][0],
        lambda x: x[..., 0],
        lambda x: np.array(x[0] * 0 + 1) if False else x[0] + 1,
    ):
        f = jit(make)
        for i in range(3):
            call(f, X + i)


@hostile
def arguments_by_name_and_by_default(jit, call):
    def f(x, /, y=2.0, *rest, scale=1.0, **more):
        return (x * y + sum(rest)) * scale + sum(more.values())

    g = jit(f)
    for _ in range(2):
        call(g, X)
        call(g, X, 3.0)
        call(g, X, y=3.0)
        call(g, X, 3.0, 1.0, 2.0)
        call(g, X, scale=2.0, y=1.0)
        call(g, X, z=1.0, w=X)
        call(g, X, w=X, z=1.0)
        call(g, x=X)
        call(g)
        call(g, X, 3.0, y=4.0)


@hostile
def static_arguments(jit, call):
    f = jit(lambda x, n, mode="sin": getattr(np, mode)(x) * n, static_argnums=1, static_argnames="mode")
    for n in (2, 2.0, 3, True, 1, 0.0, -0.0, "a", (1, 2), np.float64(2.0), 2):
        call(f, X, n)
        call(f, X, n, mode="cos")
        call(f, X, n=n, mode="exp")


@hostile
def strings_and_flags_as_arguments(jit, call):
    f = jit(lambda x, kind, flag=None: (np.sin(x) if kind == "sin" else np.cos(x)) * (1 if flag is None else flag))
    for kind, flag in (
        ("sin", None),
        ("cos", None),
        ("sin", 2.0),
        ("sin", True),
        (b"sin", None),
        (None, 3),
        ("sin", None),
    ):
        call(f, X, kind, flag)
        call(f, X, kind=kind, flag=flag)


@pytest.mark.parametrize("way", ["value", "jit of jit"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_results(program, way):
    check(program, way)


# Those that look at the results themselves, or count floating-point errors, are of values only.
DIFFERENTIABLE = [
    program for program in PROGRAMS if program not in (the_result_is_the_argument, the_result_is_a_global_array)
]


@pytest.mark.parametrize("way", ["grad", "grad of jit"])
@pytest.mark.parametrize("program", DIFFERENTIABLE, ids=lambda program: program.__name__)
def test_results_with_derivatives(program, way):
    check(program, way)
