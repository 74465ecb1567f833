"""Hostile programs: what a function reads from outside changes between its calls."""

import functools
import types

import numpy as np
import pytest
from backends import alternating
from hostile import check

pytestmark = pytest.mark.usefixtures("backend")

X = np.array([0.5, -1.0, 2.0])

# What the programs below change; each of them starts by setting it.
array = np.arange(3.0)
scalar = 1.0
helper = None
module = types.ModuleType("settings")

PROGRAMS = []
WAYS = ("value", "grad", "grad of jit", "jit of jit")


def hostile(program):
    PROGRAMS.append(program)
    return program


@hostile
def a_global_array_is_mutated_and_rebound(jit, call):
    global array
    array = np.arange(3.0)
    f = jit(lambda x: np.sum(x * array))
    for i in range(6):
        call(f, X)
        array[i % 3] += 10
    array = np.ones(3)
    call(f, X)
    call(f, X)
    array = np.ones(3, dtype=np.float32)
    call(f, X)
    array = np.ones((2, 3))
    call(f, X)
    array = [1.0, 2.0, 3.0]
    call(f, X)
    array = np.arange(6.0)[::-2]
    call(f, X)
    array = np.arange(3)
    call(f, X)
    array = 2.0
    call(f, X)
    array = "text"
    call(f, X)


@hostile
def a_global_scalar_is_rebound(jit, call):
    global scalar
    f = jit(lambda x: (x * scalar, np.copysign(1.0, scalar), scalar))
    for value in (
        1.0,
        1,
        True,
        np.float64(1.0),
        np.float32(1.0),
        np.True_,
        0.0,
        -0.0,
        0,
        False,
        float("nan"),
        2 + 0j,
        1.0,
    ):
        scalar = value
        call(f, X)
        call(f, X.astype(np.float32))


@hostile
def a_name_is_missing_and_appears(jit, call):
    f = jit(lambda x: x * appearing)  # noqa: F821
    globals().pop("appearing", None)
    for _ in range(3):
        call(f, X)
    globals()["appearing"] = 3.0
    call(f, X)
    call(f, X)
    del globals()["appearing"]
    call(f, X)


@hostile
def a_builtin_is_shadowed(jit, call):
    f = jit(lambda x: x * len(x))
    call(f, X)
    call(f, X)
    globals()["len"] = lambda x: 10.0
    call(f, X)
    del globals()["len"]
    call(f, X)


@hostile
def containers_in_a_closure(jit, call):
    weights, table, chosen = [1.0, 2.0], {"a": 1.0}, {1, 2}
    f = jit(lambda x: x * sum(weights) + table.get("a", 0.0) + table.get("b", 0.0) + len(chosen) + (3 in chosen))
    for change in (
        lambda: weights.append(3.0),
        lambda: weights.__setitem__(0, 5.0),
        lambda: table.__setitem__("b", 7.0),
        lambda: table.pop("a"),
        lambda: chosen.add(3),
        lambda: weights.clear(),
        lambda: weights.extend([np.float64(1.0), 1]),
    ):
        call(f, X)
        call(f, X)
        change()
    call(f, X)


@hostile
def arrays_inside_containers(jit, call):
    inner = np.ones(3)
    tree = {"list": [inner, (np.zeros(3), 2.0)], "none": None}
    f = jit(lambda x: x * tree["list"][0] + tree["list"][1][0] * tree["list"][1][1])
    for i in range(3):
        call(f, X)
        inner[i] = 5.0
        call(f, X)
        tree["list"][1][0][:] += 1
    tree["list"][1] = (np.full(3, 9.0), 3.0)
    call(f, X)
    tree["list"] = [inner.copy(), (inner, 0.5)]
    call(f, X)


@hostile
def a_nonlocal_cell(jit, call):
    rate, data = 1.0, np.ones(3)

    def change(value, numbers):
        nonlocal rate, data
        rate, data = value, numbers

    f = jit(lambda x: x * rate + data)
    for value, numbers in ((1.0, np.ones(3)), (2.0, X), (2, X), (2.0, X), (-0.0, 0.0), (None, X)):
        change(value, numbers)
        call(f, X)
        call(f, X)


@hostile
def a_cell_that_is_empty(jit, call):
    f = jit(lambda x: x * later)  # noqa: F821
    call(f, X)
    later = 2.0
    call(f, X)
    later = 3.0
    call(f, X)
    del later
    call(f, X)


@hostile
def a_default_argument(jit, call):
    def f(x, scale=2.0, *, data=np.ones(3), history=[]):  # noqa: B006, B008
        return x * scale + data * len(history)

    g = jit(f)
    call(g, X)
    call(g, X)
    f.__defaults__ = (5.0,)
    call(g, X)
    f.__kwdefaults__["data"][0] = 7.0
    call(g, X)
    f.__kwdefaults__["history"].append(1)
    call(g, X)
    f.__kwdefaults__["data"] = X
    call(g, X)
    call(g, X, 3.0)
    call(g, X, data=np.zeros(3))


@hostile
def the_code_is_replaced(jit, call):
    def f(x):
        return x * 2

    def other(x):
        return x * 3

    g = jit(f)
    call(g, X)
    call(g, X)
    f.__code__ = other.__code__
    call(g, X)


@hostile
def a_helper_is_swapped(jit, call):
    global helper
    f = jit(lambda x: helper(x) + 1)
    for function in (
        np.sin,
        np.cos,
        abs,
        lambda x: x * 2,
        lambda x: x * 3,
        np.sin,
        functools.partial(np.multiply, 2.0),
        None,
    ):
        helper = function
        call(f, X)
        call(f, X)


@hostile
def a_partial(jit, call):
    data = np.ones(3)
    f = jit(functools.partial(lambda a, x, k: a * x + k, data, k=2.0))
    for i in range(3):
        call(f, X)
        data[i] = 4.0
    call(f, X, k=np.float64(5.0))


@hostile
def a_partial_that_changes(jit, call):
    inner = functools.partial(lambda x, k: x * k, k=2.0)
    f = jit(lambda x: inner(x))
    call(f, X)
    call(f, X)
    inner.keywords["k"] = 3.0
    call(f, X)


@hostile
def an_attribute_of_a_module(jit, call):
    module.rate, module.data = 1.0, np.ones(3)
    f = jit(lambda x: x * module.rate + module.data)
    for change in (
        lambda: setattr(module, "rate", 2.0),
        lambda: module.data.fill(3.0),
        lambda: setattr(module, "data", X),
    ):
        call(f, X)
        call(f, X)
        change()
    call(f, X)


class Model:
    kind = "linear"
    offset = 1.0

    def __init__(self):
        self.weights = np.ones(3)
        self.scale = 2.0
        self.inner = types.SimpleNamespace(bias=np.zeros(3), rate=1.0)

    @property
    def doubled(self):
        return self.scale * 2

    def energy(self, x):
        base = np.sum(self.weights * x) * self.doubled + self.offset
        return base + np.sum(self.inner.bias * x) * self.inner.rate + (1.0 if self.kind == "linear" else np.sum(x**2))

    def __call__(self, x):
        return self.energy(x) * 2


def _changes(model):
    return (
        lambda: model.weights.__setitem__(0, 5.0),
        lambda: setattr(model, "weights", np.full(3, 2.0)),
        lambda: setattr(model, "scale", 3.0),
        lambda: setattr(model, "scale", 3),
        lambda: setattr(model.inner, "rate", 0.5),
        lambda: model.inner.bias.fill(1.0),
        lambda: setattr(model, "inner", types.SimpleNamespace(bias=X, rate=-1.0)),
        lambda: setattr(Model, "offset", 10.0),
        lambda: setattr(Model, "kind", "quadratic"),
        lambda: setattr(model, "kind", "linear"),
        lambda: setattr(Model, "doubled", property(lambda self: self.scale * 5)),
        lambda: setattr(model, "energy", lambda x: np.sum(x)),
        lambda: setattr(Model, "__call__", lambda self, x: np.prod(x)),
    )


def _with_changes(make):
    """A program that calls what ``make(jit, model)`` returns while the model changes."""

    def program(jit, call):
        saved = dict(vars(Model))
        model = Model()
        try:
            f = make(jit, model)
            for change in (lambda: None, *_changes(model)):
                change()
                call(f, X)
                call(f, X)
        finally:
            for name in ("kind", "offset", "doubled", "__call__"):
                setattr(Model, name, saved[name])

    program.__name__ = make.__name__
    return hostile(program)


@_with_changes
def a_bound_method(jit, model):
    return jit(model.energy)


@_with_changes
def an_instance_that_is_called(jit, model):
    return jit(model)


@_with_changes
def an_object_in_a_closure(jit, model):
    return jit(lambda x: model.energy(x) + model.scale)


@_with_changes
def an_object_as_an_argument(jit, model):
    f = jit(lambda m, x: m.energy(x) + m.scale)
    return lambda x: f(model, x)


@_with_changes
def an_object_in_a_list(jit, model):
    models = [model]
    return jit(lambda x: sum(m(x) for m in models))


@_with_changes
def an_attribute_by_getattr(jit, model):
    return jit(lambda x: getattr(model, "sc" + "ale") * x + vars(model)["weights"] + model.__dict__["scale"])


@hostile
def a_method_that_is_jitted_in_its_class(jit, call):
    class Quadratic:
        def __init__(self, a):
            self.a = a

        @jit
        def energy(self, x):
            return np.sum(self.a * x**2)

        @staticmethod
        @jit
        def size(x):
            return np.sum(x**2)

        @classmethod
        def named(cls, x):
            return cls(2.0).energy(x)

    q, r = Quadratic(1.0), Quadratic(np.arange(3.0))
    for i in range(3):
        for each in (q, r):
            call(each.energy, X)
            call(Quadratic.energy, each, X)
        q.a = q.a + 1
        r.a[i] = 9.0
        call(q.size, X)
        call(q.named, X)


@hostile
def getattr_and_slots(jit, call):
    class Lazy:
        __slots__ = ("data",)
        calls = 0

        def __getattr__(self, name):
            Lazy.calls += 1
            return float(Lazy.calls)

    lazy = Lazy()
    lazy.data = np.ones(3)
    f = jit(lambda x: x * lazy.data + lazy.anything)
    for i in range(3):
        call(f, X)
        lazy.data[i] = 3.0
    lazy.data = X
    call(f, X)


@hostile
def a_descriptor_and_a_getattribute(jit, call):
    state = {"value": 1.0}

    class Watched:
        def __getattribute__(self, name):
            return state["value"] if name == "value" else object.__getattribute__(self, name)

    w = Watched()
    f = jit(lambda x: x * w.value)
    for v in (1.0, 2.0, 3.0):
        state["value"] = v
        call(f, X)
        call(f, X)


@hostile
def closures_made_in_a_loop(jit, call):
    functions = [jit(lambda x, k=k: x * k) for k in range(3)] + [jit(lambda x: x * late) for late in (5.0, 6.0)]  # noqa: B023

    for f in functions * 2:
        call(f, X)


@hostile
def a_function_as_an_argument(jit, call):
    f = jit(lambda g, x: g(x) + 1)
    scale = 2.0
    for g in (np.sin, np.cos, lambda x: x * scale, lambda x: x * 3, np.sin):  # noqa: B023
        call(f, g, X)
        call(f, g, X)
        scale += 1
        call(f, g, X)


@pytest.mark.parametrize("program, way, backend", alternating(PROGRAMS, WAYS), indirect=["backend"])
def test_state(program, way):
    check(program, way)
