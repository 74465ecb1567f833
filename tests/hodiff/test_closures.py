"""Traced values that functions read from around them: found wherever they are, and replaced by others."""

import functools

import numpy as np
import pytest

import hodiff as hd
from hodiff.extend import Closure, is_traced


def closure_under_vmap(make):
    """What `make` gives for a traced value, as a `Closure`; its values must be traced."""
    found = []

    def outer(a):
        found.append(Closure(make(a)))
        assert all(is_traced(value) for value in found[0].values)
        return a

    hd.vmap(outer)(np.ones(2))
    return found[0]


class Scaling:
    def __init__(self, factor):
        self.factor = factor

    def apply(self, x):
        return self.factor * x

    def __call__(self, x):
        return self.apply(x)


class Nested(Scaling):
    def __init__(self, factor):
        super().__init__({"u": factor})

    def apply(self, x):
        return x > 0.0


def recursive(a):
    def power(n, x):
        return x if n == 0 else a * power(n - 1, x)

    return lambda x: power(2, x)


def bound(a):
    def method(self, x):
        return a * x

    return functools.partial(method.__get__(Scaling(1.0)))


def keyword_only(a):
    def f(x, *, k=a):
        return k * x

    return f


def power(a):
    return lambda x: a * x * x


#: Of a traced value, a function of x; how often it is found; what the function is where it is 3 and x is 2.
CASES = {
    "variable": (lambda a: lambda x: a * x, 1, 6.0),
    "list": (lambda a: (lambda k: lambda x: k[0] * x + k[1])([a, 1.0]), 1, 7.0),
    "trees": (lambda a: (lambda k: lambda x: k["u"][0] * x + k["v"])({"u": (a,), "v": a}), 2, 9.0),
    "function around": (lambda a: (lambda g: lambda x: g(x) + 1.0)(lambda x: a * x), 1, 7.0),
    "default": (lambda a: lambda x, k=a: k * x, 1, 6.0),
    "partial": (lambda a: functools.partial(lambda k, x: k * x, a), 1, 6.0),
    "keyword of partial": (lambda a: functools.partial(lambda x, k: k * x, k=a), 1, 6.0),
    "function in partial": (lambda a: functools.partial(lambda x: a * x), 1, 6.0),
    "recursion": (recursive, 1, 18.0),
    "method": (bound, 1, 6.0),
    "keyword-only default": (keyword_only, 1, 6.0),
    "functions in a list": (lambda a: (lambda k: lambda x: k[0](x) + k[1])([lambda x: a * x, a]), 2, 9.0),
    "object": (Scaling, 1, 6.0),
    "method of an object": (lambda a: Scaling(a).apply, 1, 6.0),
    "object that is called": (lambda a: (lambda k: lambda x: k(x) + 1.0)(Scaling(a)), 1, 7.0),
    "tree in an object": (lambda a: (lambda k: lambda x: k.factor["u"] * x if k(x) else x)(Nested(a)), 1, 6.0),
    "object in an object": (lambda a: Scaling.__call__.__get__(Scaling(a)), 1, 6.0),
    "gradient": (lambda a: hd.grad(power(a)), 1, 12.0),
    "compiled": (lambda a: hd.jit(power(a)), 1, 12.0),
    "gradient in a closure": (lambda a: (lambda g: lambda x: g(x) + 1.0)(hd.grad(power(a))), 1, 13.0),
}


@pytest.mark.parametrize("name", CASES)
def test_traced_values_are_found_and_replaced(name):
    make, count, value = CASES[name]
    closure = closure_under_vmap(make)
    assert len(closure.values) == count
    assert closure.fill([3.0] * count)(2.0) == value
    function = closure.fill([np.array(5.0)] * count)
    assert closure.fill([np.array(3.0)] * count) is function
    assert function(2.0) == value


def test_what_is_not_traced_is_the_same_object():
    plain = {"k": 1.0}
    for function in (lambda x: plain["k"] * x, np.sin, Scaling(2.0).apply, functools.partial(np.add, 1.0), max):
        closure = Closure(function)
        assert closure.values == []
        assert closure.fill([]) is function or closure.fill([]) == function


def test_the_function_itself_is_left_alone():
    def outer(a):
        def f(x):
            return a * x

        Closure(f).fill([100.0])
        return f(1.0)

    assert hd.vmap(outer)(np.array([2.0, 3.0])).tolist() == [2.0, 3.0]


def test_what_a_copy_assigns_is_seen_outside():
    def outer(a):
        calls = 0

        def f(x):
            nonlocal calls
            calls += 1
            return a * x

        Closure(f).fill([3.0])(2.0)
        counts.append(calls)
        return a

    counts = []
    hd.vmap(outer)(np.ones(2))
    assert counts == [1]


def test_objects_keep_their_own_attributes():
    made = []

    def make(a):
        made.append(Scaling(a))
        return made[0]

    closure = closure_under_vmap(make)
    assert closure.fill([3.0]) is not made[0]
    assert is_traced(made[0].factor)


def test_variables_that_are_not_assigned_yet():
    def outer(a):
        closure = Closure(lambda x: a * x + late)
        late = 1.0
        return closure.values[0] * late

    assert hd.vmap(outer)(np.array([2.0])).tolist() == [2.0]
