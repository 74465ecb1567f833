"""What a function reads from outside itself: whatever changes its result is noticed, and nothing else matters.

A scenario is a generator that yields a function of one number, changes something that the function captures, and yields
again. The plain function is the reference: where its result changed, the guards must not hold.
"""

import abc
import enum
import functools
import operator
import sys
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple
from contextlib import contextmanager
from copy import copy as shallow_copy
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pytest

import hodiff as hd
from hodiff.compiled.captures import Captures

SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def result(function):
    with np.errstate(all="ignore"):
        value = function(1.5)
    return np.asarray(value).tobytes(), np.asarray(value).dtype.str, np.shape(value)


def make_module(name, source, **names):
    module = types.ModuleType(name)
    module.__dict__.update(names)
    exec(source, module.__dict__)
    return module


RATE, OFFSET, SETTINGS = 2.0, 1.0, {"a": 1.0, "b": [1.0, 2.0]}


# --- names -----------------------------------------------------------------------------------------------------------


@scenario
def a_global_scalar_is_rebound():
    module = make_module("rebinding", "def f(x):\n    return x * RATE\n")
    for value in (
        2.0,
        3.0,
        True,
        np.float32(1.0),
        np.float64(3.0),
        1j,
        1.0,
        0.0,
        -0.0,
        float("inf"),
        float("nan"),
        "a",
    ):
        module.RATE = value if value != "a" else np.longdouble(2)
        yield module.f


@scenario
def a_cell_is_rebound():
    rate = 1.0

    def f(x):
        return np.sin(x) * rate

    yield f
    rate = 2.0
    yield f
    rate = np.pi
    yield f


@scenario
def a_global_of_a_helper_is_rebound():
    global OFFSET

    def helper(x):
        return x + OFFSET

    def f(x):
        return helper(helper(x))

    yield f
    OFFSET = 2.0
    yield f
    OFFSET = 1.0
    yield f


@scenario
def a_helper_is_replaced():
    module = make_module("replacing", "def f(x):\n    return HELPER(x)\n")
    for module.HELPER in (np.sin, np.cos, abs, lambda x: 2 * x, lambda x: 3 * x, float, functools.partial(pow, 2)):
        yield module.f


@scenario
def a_name_hides_a_builtin():
    module = make_module("shadowing", "def f(x):\n    return abs(x) + 1\n")
    yield module.f
    module.abs = lambda x: 10 * x
    yield module.f
    del module.abs
    yield module.f


@scenario
def a_closure_of_a_closure_of_a_closure():
    rate = 1.0

    def one():
        def two():
            def three(x):
                return rate * x

            return three

        return two

    inner = one()()

    def f(x):
        def local(y):
            return [inner(y * rate) for _ in range(2)]

        return sum(local(x))

    yield f
    rate = 2.0
    yield f


@scenario
def a_lambda_in_a_comprehension():
    weights = [1.0, 2.0]
    power = 2

    def f(x):
        return sum((lambda w: w * x**power)(w) for w in weights) + {k: x * k for k in weights}[weights[0]]

    yield f
    power = 3
    yield f
    weights.append(4.0)
    yield f
    weights[0] = -1.0
    yield f


@scenario
def walrus_and_match():
    mode, bias = "a", 1.0

    def f(x):
        if (y := x * bias) > 0:
            match mode:
                case "a":
                    return y
                case "b":
                    return -y
        return 0.0

    yield f
    mode = "b"
    yield f
    bias = 2.0
    yield f
    mode = "c"
    yield f


@scenario
def a_class_body_inside_reads_a_global():
    global RATE

    def f(x):
        class Local:
            factor = RATE

        return Local.factor * x

    yield f
    RATE = 6.0
    yield f
    RATE = 2.0
    yield f


@scenario
def a_generator_function():
    step = 1.0

    def values(x):
        for i in range(3):
            yield x * i * step

    def f(x):
        return sum(values(x))

    yield f
    step = 2.0
    yield f


@scenario
def mutual_recursion():
    base = 1.0

    def even(x, n):
        return base * x if n == 0 else odd(x, n - 1)

    def odd(x, n):
        return x if n == 0 else even(2 * x, n - 1)

    def f(x):
        return even(x, 4)

    yield f
    base = 3.0
    yield f


@scenario
def an_empty_cell_is_filled():
    def f(x):
        try:
            return x * later
        except NameError:
            return x

    yield f
    later = 3.0
    yield f


@scenario
def a_missing_global_appears():
    module = make_module(
        "appearing", "def f(x):\n    try:\n        return x * k\n    except NameError:\n        return x\n"
    )
    yield module.f
    module.k = 2.0
    yield module.f


# --- containers ------------------------------------------------------------------------------------------------------


@scenario
def a_dict_in_a_global_changes():
    def f(x):
        return x * SETTINGS["a"] + SETTINGS["b"][-1]

    yield f
    for value in (2.0, 3.0, np.float32(2)):
        SETTINGS["a"] = value
        yield f
    SETTINGS["b"].append(5.0)
    yield f
    SETTINGS["b"] = (7.0,)
    yield f
    SETTINGS.update(a=1.0, b=[1.0, 2.0])
    yield f


@scenario
def the_order_of_a_dict_changes():
    terms = {"a": 2.0, "b": 3.0}

    def f(x):
        total = x
        for value in terms.values():
            total = total * value + value
        return total

    yield f
    terms["a"] = terms.pop("a")
    yield f


@scenario
def containers_of_many_kinds():
    tops = [
        ([1.0], lambda c: c.append(2.0)),
        ({1.0}, lambda c: c.add(2.0)),
        (deque([1.0]), lambda c: c.appendleft(2.0)),
        ({1.0: 1}, lambda c: c.update({2.0: 1})),
        (OrderedDict({1.0: 1}), lambda c: c.update({2.0: 1})),
        (defaultdict(float, {1.0: 1}), lambda c: c.update({2.0: 1})),
        (Counter([1.0]), lambda c: c.update([2.0])),
        (([1.0],), lambda c: c[0].append(2.0)),
        (types.MappingProxyType(inner := {1.0: 1}), lambda c: inner.update({2.0: 1})),
    ]
    for container, change in tops:

        def f(x, container=container):
            flat = container[0] if isinstance(container, tuple) else container
            return x + sum(flat) * len(flat)

        yield f
        change(container)
        yield f


@scenario
def instances_of_subclasses_of_containers():
    class Stack(list):
        factor = 1.0

        def total(self):
            return sum(self) * self.factor * self.scale

    stack = Stack([1.0, 2.0])
    stack.scale = 1.0

    def f(x):
        return x * stack.total()

    yield f
    stack.append(3.0)
    yield f
    stack.scale = 2.0
    yield f
    stack.factor = 3.0
    yield f
    del stack.factor
    yield f
    Stack.factor = 7.0
    yield f


@scenario
def library_containers_with_attributes():
    settings, chain, plain = UserDict(a=1.0), ChainMap({"a": 1.0}), types.SimpleNamespace(a=1.0)

    def f(x):
        return x * settings["a"] + chain["a"] * plain.a

    yield f
    settings["a"] = 2.0
    yield f
    chain["a"] = 3.0
    yield f
    plain.a = 4.0
    yield f


@scenario
def lambdas_in_a_dict():
    k = 1.0
    table = {"double": lambda x: 2 * x, "scale": lambda x: k * x}

    def f(x):
        return table["double"](x) + table["scale"](x)

    yield f
    k = 3.0
    yield f
    table["double"] = lambda x: 5 * x
    yield f


@scenario
def named_tuples_and_enums():
    Point = namedtuple("Point", "a b")

    class Pair(NamedTuple):
        a: float
        b: float

        def total(self):
            return self.a + self.b * weight

    class Mode(enum.Enum):
        FAST = 1.0
        SLOW = 2.0

    weight, point, pair, mode = 1.0, Point(1.0, 2.0), Pair(1.0, 2.0), Mode.FAST

    def f(x):
        return x * point.a + pair.total() + mode.value + (0.5 if mode is Mode.SLOW else 0.0)

    yield f
    point = Point(2.0, 2.0)
    yield f
    pair = Pair(1.0, 5.0)
    yield f
    mode = Mode.SLOW
    yield f
    weight = 2.0
    yield f
    Pair.total = lambda self: 0.0
    yield f


# --- arguments -------------------------------------------------------------------------------------------------------


@scenario
def default_arguments():
    def f(x, a=2.0, b=[1.0], *, c=3.0, d={"k": 1.0}):  # noqa: B006
        return a * x + b[0] * c + d["k"]

    yield f
    f.__defaults__[1][0] = 5.0
    yield f
    f.__defaults__ = (3.0, [5.0])
    yield f
    f.__kwdefaults__["c"] = 1.0
    yield f
    f.__kwdefaults__["d"]["k"] = 9.0
    yield f
    f.__kwdefaults__ = {"c": 0.0, "d": {"k": 0.0}}
    yield f


@scenario
def the_code_of_a_function_is_replaced():
    def helper(x):
        return 2 * x

    def other(x):
        return 3 * x

    def f(x):
        return helper(x)

    yield f
    helper.__code__ = other.__code__
    yield f


@scenario
def attributes_of_functions():
    def f(x):
        return x * f.rate

    f.rate = 1.0
    yield f
    f.rate = 2.0
    yield f


@scenario
def partials():
    k, weights = 1.0, [1.0, 2.0]

    def base(w, x, *, scale):
        return k * sum(w) * x * scale["s"]

    f = functools.partial(base, weights, scale={"s": 2.0})
    yield f
    k = 2.0
    yield f
    weights.append(1.0)
    yield f
    f.keywords["scale"]["s"] = 3.0
    yield f


@scenario
def decorated_functions():
    k, gain = 1.0, 1.0

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            return gain * function(*args)

        return wrapper

    @decorate
    @decorate
    def f(x):
        return k * x

    yield f
    k = 2.0
    yield f
    gain = 3.0
    yield f


@scenario
def a_cached_helper_and_singledispatch():
    weight = functools.lru_cache(lambda n: n * 2.0)

    @functools.singledispatch
    def kind(x):
        return 1.0

    def f(x):
        return x * weight(3) + kind(x)

    yield f
    kind.register(float, lambda x: 2.0)
    yield f
    weight = abs
    yield f


# --- objects ---------------------------------------------------------------------------------------------------------


class Model:
    shared = 1.0
    table = {"a": 1.0}  # noqa: RUF012

    def __init__(self, rate):
        self.rate = rate
        self.inner = types.SimpleNamespace(depth=1.0)
        self.parts = [1.0]

    def run(self, x):
        return self.rate * x * self.shared * self.table["a"] + self.helper(x) + self.doubled + self.parts[0]

    def helper(self, x):
        return x * self.inner.depth + self.static(x) + self.of_class(x)

    @staticmethod
    def static(x):
        return x

    @classmethod
    def of_class(cls, x):
        return x * cls.shared

    @property
    def doubled(self):
        return 2 * self.rate

    def __call__(self, x):
        return self.run(x)


def changes_of_a_model(model, kind):
    model.rate = 2.0
    yield
    model.inner.depth = 3.0
    yield
    model.inner = types.SimpleNamespace(depth=4.0)
    yield
    model.parts[0] = 5.0
    yield
    kind.shared = 2.0
    yield
    kind.table["a"] = 2.0
    yield
    model.shared = 7.0
    yield
    del model.shared
    yield
    kind.helper = lambda self, x: -x
    yield
    model.helper = lambda x: 100.0
    yield
    model.__dict__ = {**model.__dict__, "rate": 11.0}
    yield
    kind.doubled = property(lambda self: 0.0)
    yield


def subclass_of_model():
    return type("Sub", (Model,), {"table": {"a": 1.0}, "shared": 1.0, "helper": Model.helper, "doubled": Model.doubled})


@scenario
def a_bound_method():
    kind = subclass_of_model()
    model = kind(1.0)
    f = model.run
    yield f
    for _ in changes_of_a_model(model, kind):
        yield f


@scenario
def a_callable_object():
    kind = subclass_of_model()
    model = kind(1.0)
    yield model
    for _ in changes_of_a_model(model, kind):
        yield model
    kind.__call__ = lambda self, x: x + 12345.0
    yield model


@scenario
def an_object_in_a_closure():
    kind = subclass_of_model()
    model = kind(1.0)

    def f(x):
        return model(x)

    yield f
    for _ in changes_of_a_model(model, kind):
        yield f
    model = Model(3.0)
    yield f


@scenario
def methods_of_a_base_class_are_replaced():
    class Base:
        def step(self, x):
            return x

    class Middle(Base):
        pass

    class Top(Middle):
        def step(self, x):
            return super().step(x) + 1.0

    model = Top()

    def f(x):
        return model.step(x)

    yield f
    Base.step = lambda self, x: 2 * x
    yield f
    Middle.step = lambda self, x: 3 * x
    yield f
    Top.step = lambda self, x: 4 * x
    yield f
    model.__class__ = Middle
    yield f
    Top.__bases__ = (Base,)
    model.__class__ = Top
    del Top.step
    yield f


@scenario
def a_class_is_called():
    class Line:
        slope = 1.0

        def __init__(self, x):
            self.y = x * self.slope + offset

    offset = 0.0

    def f(x):
        return Line(x).y

    yield f
    offset = 1.0
    yield f
    Line.slope = 2.0
    yield f
    Line.__init__ = lambda self, x: setattr_of(self, x)

    def setattr_of(self, x):
        self.y = 77.0

    yield f


@scenario
def the_class_of_an_instance_is_called():
    class Vector:
        unit = 1.0

        def __init__(self, x):
            self.x = x * scale

        def doubled(self, x):
            return type(self)(x).x * 2

    scale = 1.0
    vector = Vector(1.0)

    def f(x):
        return vector.doubled(x)

    yield f
    scale = 3.0
    yield f


@scenario
def a_builtin_is_replaced():
    import builtins

    def f(x):
        return abs(-x) + max(x, 1.0)

    kept = builtins.abs
    yield f
    try:
        builtins.abs = lambda x: 10.0
        yield f
    finally:
        builtins.abs = kept
    yield f


@scenario
def the_value_of_an_enumeration_changes_inside():
    class Mode(enum.Enum):
        FAST = [1.0]  # noqa: RUF012

    def f(x):
        return x * Mode.FAST.value[0]

    yield f
    Mode.FAST.value[0] = 2.0
    yield f


@scenario
def operators_of_objects():
    class Scale:
        def __init__(self, k):
            self.k = k

        def __mul__(self, x):
            return x * self.k + bias

        def __getitem__(self, i):
            return self.k + i

        def __len__(self):
            return int(self.k)

        def __contains__(self, x):
            return self.k > 3

        def __iter__(self):
            return iter([self.k, self.k])

    bias, scale = 0.0, Scale(1.0)

    def f(x):
        return scale * x + scale[0] + len(scale) + (1.0 if 3 in scale else 0.0) + sum(scale)

    yield f
    scale.k = 2.0
    yield f
    bias = 5.0
    yield f
    scale.k = 4.0
    yield f
    Scale.__len__ = lambda self: 9
    yield f


@scenario
def dataclasses_frozen_slotted_and_replaced():
    @dataclass(frozen=True)
    class Frozen:
        a: float
        b: list = field(default_factory=lambda: [1.0])

    @dataclass(slots=True)
    class Slotted:
        a: float
        unset: float = 0.0

    frozen, slotted = Frozen(1.0), Slotted(1.0)

    def f(x):
        return x * frozen.a + frozen.b[0] + slotted.a + replace(frozen, a=2.0).b[0]

    yield f
    frozen.b[0] = 2.0
    yield f
    frozen = Frozen(1.0, [9.0])
    yield f
    slotted.a = 3.0
    yield f
    object.__setattr__(frozen, "a", 8.0)
    yield f


@scenario
def attributes_by_computed_names():
    class Bag:
        def __init__(self):
            self.w0, self.w1 = 1.0, 2.0

    bag = Bag()

    def f(x):
        return x * sum(getattr(bag, f"w{i}") for i in range(2)) + vars(bag)["w1"] + getattr(bag, "extra", 0.0)

    yield f
    bag.w1 = 5.0
    yield f
    bag.extra = 3.0
    yield f


@scenario
def attributes_in_patterns_and_dicts():
    class Bag:
        __match_args__ = ("first", "second")

        def __init__(self):
            self.first, self.second, self.third, self.fourth = 1.0, 2.0, 3.0, 4.0

    bag, other = Bag(), Bag()

    def f(x):
        match bag:
            case Bag(first, second, third=third):
                return x * first + second + third
        return x

    def g(x):
        return x + other.__dict__["fourth"]

    for change in ("first", "second", "third"):
        yield f
        setattr(bag, change, getattr(bag, change) + 1.0)
    yield f
    yield g
    other.fourth = 7.0
    yield g


@scenario
def a_cached_property():
    class Bag:
        rate = 1.0

        @functools.cached_property
        def twice(self):
            return 2 * self.rate

    bag = Bag()
    bag.twice  # noqa: B018

    def f(x):
        return x * bag.twice

    yield f
    bag.twice = 5.0
    yield f
    del bag.twice
    bag.rate = 3.0
    bag.twice  # noqa: B018
    yield f


@scenario
def attributes_that_may_be_missing():
    class Bag:
        pass

    bag = Bag()

    def f(x):
        try:
            return x * bag.weight
        except AttributeError:
            return x + (1.0 if hasattr(bag, "other") else 0.0)

    yield f
    bag.other = 1.0
    yield f
    bag.weight = 5.0
    yield f


@scenario
def dynamic_attributes():
    class Proxy:
        def __init__(self, target):
            self._target = target

        def __getattr__(self, name):
            return self._target[name]

    proxy = Proxy({"a": 1.0})

    def f(x):
        return x * proxy.a

    yield f
    proxy._target["a"] = 2.0
    yield f


@scenario
def abstract_classes_and_metaclasses():
    class Meta(type):
        @property
        def unit(cls):
            return units["u"]

        def __call__(cls, *args):
            return super().__call__(*args)

    class Shape(abc.ABC):
        @abc.abstractmethod
        def area(self, x): ...

    class Square(Shape):
        def area(self, x):
            return x * x * side

    class Made(metaclass=Meta):
        def __init__(self, x):
            self.x = x

    units, side, square = {"u": 1.0}, 1.0, Square()

    def f(x):
        return square.area(x) + Made(x).x * Made.unit

    yield f
    side = 2.0
    yield f
    units["u"] = 3.0
    yield f
    Meta.__call__ = lambda cls, x: types.SimpleNamespace(x=0.0)
    yield f


@scenario
def descriptors_of_the_user():
    class Field:
        def __init__(self, k):
            self.k = k

        def __get__(self, instance, owner):
            return self.k * instance.base

    class Holder:
        value = Field(2.0)
        base = 1.0

    holder = Holder()

    def f(x):
        return x * holder.value

    yield f
    vars(Holder)["value"].k = 3.0
    yield f
    holder.base = 5.0
    yield f
    Holder.value = 1.0
    yield f


@scenario
def methods_that_features_of_the_language_call():
    rate, flag = 1.0, True

    class Subclassed:
        def __init_subclass__(cls):
            cls.tag = rate

    class Indexed:
        def __class_getitem__(cls, i):
            return rate * i

    class Copied:
        k = 1.0

        def __copy__(self):
            return types.SimpleNamespace(k=rate)

    class Text:
        def __str__(self):
            return str(rate)

        def __format__(self, spec):
            return str(rate)

    class Checked(type):
        def __instancecheck__(cls, value):
            return flag

    class Check(metaclass=Checked):
        pass

    class Reserved:
        def __enter__(self):
            return rate

        def __exit__(self, *arguments):
            return False

        def __iter__(self):
            yield rate

        def __float__(self):
            return rate

        def __array__(self, dtype=None, copy=None):
            return np.array([rate])

        def __index__(self):
            return int(rate)

    copied, text, reserved = Copied(), Text(), Reserved()

    def subclass(x):
        class Local(Subclassed):
            pass

        return x * Local.tag

    def manage(x):
        with reserved as y:
            return x * y

    functions = [
        subclass,
        manage,
        lambda x: x * Indexed[2],
        lambda x: x * shallow_copy(copied).k,
        lambda x: x * float(str(text)),
        lambda x: x * float(f"{text}"),
        lambda x: x * sum(reserved),
        lambda x: x * float(reserved),
        lambda x: x * np.sum(np.asarray(reserved)),
        lambda x: x * np.arange(5.0)[reserved],
    ]
    for function in functions:
        yield function
        rate += 1.0
        yield function
        rate -= 1.0

    def check(x):
        return x if isinstance(3, Check) else -x

    yield check
    flag = False
    yield check


@scenario
def methods_that_functions_of_the_library_call():
    class Runner:
        rate = 1.0

        def run(self, y):
            return self.rate * y

        twice = functools.partialmethod(lambda self, a, x: a * x * self.rate, 2.0)

    runner = Runner()
    runner.inner = types.SimpleNamespace(rate=1.0)
    get, call = operator.attrgetter("inner.rate"), operator.methodcaller("run", 2.0)

    functions = [
        lambda x: x * call(runner),
        lambda x: x * operator.methodcaller("run", 2.0)(runner),
        lambda x: sum(map(runner.run, [x, x])),
        lambda x: runner.twice(x),
        lambda x: x * sorted([3.0, 1.0], key=runner.run)[0],
    ]
    for rate, function in zip((-2.0, 3.0, 4.0, 5.0, -6.0), functions, strict=True):
        yield function
        runner.rate = rate
        yield function

    def f(x):
        return x * get(runner)

    yield f
    runner.inner.rate = 2.0
    yield f


@scenario
def objects_that_refer_to_each_other():
    class Node:
        def __init__(self, weight):
            self.weight = weight
            self.next = self

        def walk(self, x):
            return x * self.weight * self.next.weight

    first, second = Node(1.0), Node(2.0)
    first.next, second.next = second, first
    f = first.walk
    yield f
    second.weight = 5.0
    yield f
    first.next = first
    yield f


@scenario
def a_context_manager_of_a_generator():
    level = 1.0

    @contextmanager
    def raised(y):
        yield y + level

    def f(x):
        with np.errstate(all="ignore"), raised(x) as y:
            return y * 2

    yield f
    level = 2.0
    yield f


# --- modules ---------------------------------------------------------------------------------------------------------

UTILS = make_module(
    "captured_utils",
    "K = 1.0\ndef helper(x):\n    return K * x + deep.L\n",
    deep=make_module("captured_deep", "L = 1.0\n"),
)
sys.modules["captured_utils"] = UTILS


def changes_of_a_module():
    UTILS.K = 2.0
    yield
    UTILS.deep.L = 4.0
    yield
    UTILS.deep = types.SimpleNamespace(L=9.0)
    yield
    UTILS.helper, kept = lambda x: 3 * x, UTILS.helper
    yield
    UTILS.helper, UTILS.K, UTILS.deep = kept, 1.0, make_module("captured_deep", "L = 1.0\n")
    yield


@scenario
def a_module_changes():
    def f(x):
        return UTILS.helper(x) + UTILS.K

    yield f
    for _ in changes_of_a_module():
        yield f


@scenario
def a_module_under_another_name_changes():
    def f(x):
        module = UTILS
        return module.helper(x) + module.K

    yield f
    for _ in changes_of_a_module():
        yield f


@scenario
def a_module_imported_inside_changes():
    def f(x):
        import captured_utils as inside
        from captured_utils import K

        return inside.helper(x) + K

    yield f
    for _ in changes_of_a_module():
        yield f
    sys.modules["captured_utils"] = make_module("captured_utils", "K = 6.0\ndef helper(x):\n    return -x\n")
    yield f
    sys.modules["captured_utils"] = UTILS
    yield f


@scenario
def names_from_a_star_import():
    module = make_module(
        "starred", "def f(x):\n    return helper(x)\n", **{k: v for k, v in vars(UTILS).items() if k != "__name__"}
    )
    yield module.f
    for _ in changes_of_a_module():
        if result(module.f) != result(lambda x: 0.0):
            break
    yield module.f
    UTILS.K = 1.0
    yield module.f


# --- arrays ----------------------------------------------------------------------------------------------------------


@scenario
def arrays_that_are_no_inputs_are_compared_by_content():
    class Data:
        x = np.arange(3.0)

        def __init__(self):
            self.y = np.ones((2, 3), order="F")

        def __call__(self, x, z=np.ones(2)):  # noqa: B008
            x = x + sum(np.sum(np.abs(a) + np.signbit(a.real)) for a in self.large)
            return x * np.sum(self.x) + np.sum(self.y * weights["w"]) + np.sum(z)

    weights, data = {"w": np.ones(3)}, Data()
    data.large = [
        np.zeros((40, 100)),
        np.zeros((40, 100), order="F"),
        np.zeros((4000), np.float32)[::2],
        np.zeros(5000, complex),
    ]
    yield data
    Data.x[0] = 5.0
    yield data
    data.y[0, 0] = np.nan
    yield data
    data.y[0, 0] = 0.1
    yield data
    weights["w"][1] = 4.0
    yield data
    Data.__call__.__defaults__[0][0] = 9.0
    yield data
    data.y = data.y.astype(np.float32)
    yield data
    data.large[0][3, 99] = -0.0
    yield data
    data.large[1][39, 0] = np.nan
    yield data
    data.large[1][39, 0] = 1.0
    yield data
    data.large[2][1999] = 1e-3
    yield data
    data.large[3][4999] = 1j
    yield data


@scenario
def objects_of_scipy_and_numpy():
    import scipy.interpolate
    import scipy.sparse

    spline = scipy.interpolate.CubicSpline([0.0, 1.0, 2.0], [0.0, 1.0, 4.0])
    matrix = scipy.sparse.csr_array(np.eye(2))
    curve = np.polynomial.Polynomial([1.0, 2.0])

    def f(x):
        return spline(x) + np.sum(matrix @ np.ones(2)) + curve(x)

    yield f
    spline.c[-1, 1] = 5.0
    yield f
    matrix.data[0] = 3.0
    yield f
    curve.coef[1] = 7.0
    yield f


# --- hodiff ----------------------------------------------------------------------------------------------------------


@scenario
def transformed_functions():
    k = 1.0

    @hd.custom_jvp
    def g(x):
        return k * x * x

    @g.defjvp
    def rule(primals, tangents):
        (x,), (t,) = primals, tangents
        return g(x), slope * x * t

    slope = 2.0
    h = hd.checkpoint(hd.grad(g))

    def f(x):
        return h(x) + hd.vmap(lambda y: k * y)(np.ones(2))[0]

    yield f
    slope = 3.0
    yield f
    k = 2.0
    yield f

    @g.defjvp
    def other(primals, tangents):
        return g(*primals), 100.0 * tangents[0]

    yield f
    h = hd.grad(lambda x: x)
    yield f


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_change_of_the_result_is_noticed(name):
    previous = None
    for step, function in enumerate(SCENARIOS[name]()):
        now = result(function)
        if previous is not None:
            captures, before = previous
            if captures.function is function:
                assert now != before, f"step {step} of the scenario changes nothing"
                assert not captures.value.unchanged(), f"step {step}"
                assert captures.value.changed_by_run()
        captures = Captures.of(function)
        assert captures.reason is None
        assert captures.unchanged()
        assert captures.arrays() == ()
        assert result(function) == now
        assert captures.changed_by_run() is None, "a run changes nothing"
        assert result(captures.rebuild(())) == now
        previous = types.SimpleNamespace(function=function, value=captures), now
